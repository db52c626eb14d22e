//! Nodes of several parties in one process, over real mutual TLS.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops where it fails"
)]
#![allow(clippy::cast_precision_loss, reason = "small numbers")]

mod support;

use cloister_actors::failure::Failure;
use cloister_protocols::computation::Input;
use serde_json::json;

use support::{launch, plan, result, together};

fn numbers(parties: usize) -> Vec<Input> {
    (0..parties)
        .map(|party| Input::Numbers(vec![0.1, party as f64]))
        .collect()
}

#[actix_rt::test]
async fn three_nodes_sum_exactly_and_again_under_the_same_name() {
    let plan = plan(3, 10);
    let nodes = plan.start_all().await;
    for _ in 0..3 {
        for outcome in together(&nodes, "study", "SecureSum", &numbers(3)).await {
            assert_eq!(result(&outcome), json!({"sum": 3.3}));
        }
    }
    for node in nodes {
        node.stop().await;
    }
}

#[actix_rt::test]
async fn a_long_vector_crosses_in_parts_on_a_thread_of_its_own() {
    let plan = plan(2, 30);
    let nodes = plan.start_all().await;
    let inputs = [1, 2].map(|factor| {
        Input::Numbers(
            (0..200_000)
                .map(|index| f64::from(index * factor))
                .collect(),
        )
    });
    let expected: Vec<f64> = (0..200_000).map(|index| f64::from(index * 3)).collect();
    for outcome in together(&nodes, "long", "SecureVectorSum", &inputs).await {
        assert_eq!(result(&outcome), json!({"sum": expected}));
    }
}

#[actix_rt::test]
async fn a_party_that_never_comes_is_named_when_the_time_is_up() {
    let plan = plan(3, 2);
    let nodes = plan.start_all().await;
    let two = &nodes[..2];
    let asked: Vec<_> = two
        .iter()
        .map(|node| {
            node.sessions()
                .send(launch("SecureSum", 3, "u", Input::Numbers(vec![1.0])))
        })
        .collect();
    for outcome in futures_util::future::join_all(asked).await {
        let failure = outcome.unwrap().unwrap_err();
        let text = failure.to_error().to_string();
        assert!(text.contains("clinic-2"), "{text}");
    }
    // The late party does not meet the ended run, but the next one.
    for outcome in together(&nodes, "u", "SecureSum", &numbers(3)).await {
        assert_eq!(result(&outcome), json!({"sum": 3.3}));
    }
}

#[actix_rt::test]
async fn a_disagreement_is_named_at_every_party() {
    let plan = plan(3, 5);
    let nodes = plan.start_all().await;
    let functions = ["SecureSum", "SecureSum", "SecureVectorSum"];
    let asked: Vec<_> = nodes
        .iter()
        .zip(functions)
        .map(|(node, function)| {
            node.sessions()
                .send(launch(function, 3, "u", Input::Numbers(vec![1.0])))
        })
        .collect();
    for outcome in futures_util::future::join_all(asked).await {
        let error = outcome.unwrap().unwrap_err().to_error();
        assert_eq!(error.code(), "disagreement");
        let text = error.to_string();
        assert!(
            text.contains("function") && text.contains("SecureVectorSum"),
            "{text}"
        );
    }
}

#[actix_rt::test]
async fn a_node_that_restarts_is_found_again() {
    let plan = plan(3, 10);
    let mut nodes = plan.start_all().await;
    assert!(
        together(&nodes, "u", "SecureSum", &numbers(3))
            .await
            .iter()
            .all(Result::is_ok)
    );
    let waiting = nodes[0]
        .sessions()
        .send(launch("SecureSum", 3, "u", Input::Numbers(vec![1.0])));
    nodes.remove(2).stop().await;
    let failure = waiting.await.unwrap().unwrap_err();
    assert!(
        matches!(&failure, Failure::LinkLost { party, .. } if party == "clinic-2"),
        "{failure:?}"
    );
    nodes.push(plan.start(2).await);
    for outcome in together(&nodes, "u", "SecureSum", &numbers(3)).await {
        assert_eq!(result(&outcome), json!({"sum": 3.3}));
    }
}

#[actix_rt::test]
async fn many_computations_at_once_are_all_right() {
    let plan = plan(3, 60);
    let nodes = plan.start_all().await;
    let runs: Vec<_> = (0..200)
        .map(|run| {
            let (nodes, name) = (&nodes, format!("run {run}"));
            async move { together(nodes, &name, "SecureSum", &numbers(3)).await }
        })
        .collect();
    for outcomes in futures_util::future::join_all(runs).await {
        for outcome in outcomes {
            assert_eq!(result(&outcome), json!({"sum": 3.3}));
        }
    }
}
