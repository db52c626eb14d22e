//! Nodes of several parties in one process, over real mutual TLS.

#![allow(clippy::cast_precision_loss, reason = "small numbers")]

use cloister_actors::code::Code;
use cloister_actors::failure::Failure;
use cloister_actors::sessions::Load;
use cloister_protocols::computation::Input;
use futures_util::future::join_all;
use serde_json::json;

use cloister_testkit::nodes::{Ask, PATIENCE, plan, result, together};

fn one() -> Input {
    Input::Numbers(vec![1.0])
}

fn numbers(parties: usize) -> Vec<Input> {
    (0..parties).map(|party| Input::Numbers(vec![0.1, party as f64])).collect()
}

#[actix_rt::test]
async fn three_nodes_sum_exactly_and_again_under_the_same_name() {
    let plan = plan(3, PATIENCE);
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
    let plan = plan(2, PATIENCE);
    let nodes = plan.start_all().await;
    let inputs = [1, 2].map(|factor| {
        Input::Numbers((0..200_000).map(|index| f64::from(index * factor)).collect())
    });
    let expected: Vec<f64> = (0..200_000).map(|index| f64::from(index * 3)).collect();
    for outcome in together(&nodes, "long", "SecureVectorSum", &inputs).await {
        assert_eq!(result(&outcome), json!({"sum": expected}));
    }
}

#[actix_rt::test]
async fn a_party_that_never_comes_is_named_when_the_time_is_up() {
    let plan = plan(3, 10);
    let nodes = plan.start_all().await;
    // A loaded machine may take longer than that until all have met.
    while !together(&nodes, "warm up", "SecureSum", &numbers(3)).await.iter().all(Result::is_ok) {}
    let ask = Ask::new("SecureSum", 3, "u");
    let asked = nodes.iter().take(2).map(|node| ask.of(&node.sessions(), one()));
    for outcome in join_all(asked).await {
        let text = outcome.unwrap_err().to_error().to_string();
        assert!(text.contains("clinic-2"), "{text}");
    }
    // A party that comes just after the end is told of it; then all meet again.
    let late = ask.of(&nodes[2].sessions(), one()).await.unwrap_err().to_error();
    assert_eq!(late.code(), Code::Deadline);
    for outcome in together(&nodes, "u", "SecureSum", &numbers(3)).await {
        assert_eq!(result(&outcome), json!({"sum": 3.3}));
    }
}

#[actix_rt::test]
async fn a_disagreement_is_named_at_every_party() {
    let plan = plan(3, PATIENCE);
    let nodes = plan.start_all().await;
    let functions = ["SecureSum", "SecureSum", "SecureVectorSum"];
    let asked = nodes
        .iter()
        .zip(functions)
        .map(|(node, function)| Ask::new(function, 3, "u").of(&node.sessions(), one()));
    for outcome in join_all(asked).await {
        let error = outcome.unwrap_err().to_error();
        assert_eq!(error.code(), Code::Disagreement);
        let text = error.to_string();
        assert!(text.contains("function") && text.contains("SecureVectorSum"), "{text}");
    }
}

#[actix_rt::test]
async fn a_node_that_restarts_is_found_again() {
    let plan = plan(3, PATIENCE);
    let mut nodes = plan.start_all().await;
    assert!(together(&nodes, "u", "SecureSum", &numbers(3)).await.iter().all(Result::is_ok));
    let waiting = actix::spawn(Ask::new("SecureSum", 3, "u").of(&nodes[0].sessions(), one()));
    // The node has the request when it answers another message.
    while nodes[0].sessions().send(Load).await.unwrap() == 0 {}
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
async fn two_computations_of_one_name_at_once_end_both() {
    let plan = plan(2, PATIENCE);
    let nodes = plan.start_all().await;
    let ask = Ask::new("SecureSum", 2, "u");
    let first = actix::spawn(ask.of(&nodes[0].sessions(), one()));
    while nodes[0].sessions().send(Load).await.unwrap() == 0 {}
    let second = ask.of(&nodes[0].sessions(), one()).await;
    for outcome in [first.await.unwrap(), second] {
        assert!(matches!(outcome, Err(Failure::Overlap { .. })), "{outcome:?}");
    }
    // The other party may just have been told of the end, and asks again.
    let persistent = |node: usize| {
        let (ask, sessions) = (&ask, nodes[node].sessions());
        async move {
            match ask.of(&sessions, one()).await {
                Err(Failure::Stopped { .. }) => ask.of(&sessions, one()).await,
                outcome => outcome,
            }
        }
    };
    for outcome in join_all([persistent(0), persistent(1)]).await {
        assert_eq!(result(&outcome), json!({"sum": 2.0}));
    }
}

#[actix_rt::test]
async fn a_name_for_other_members_is_a_disagreement_on_both_sides() {
    let plan = plan(3, PATIENCE);
    let nodes = plan.start_all().await;
    assert!(together(&nodes, "warm up", "SecureSum", &numbers(3)).await.iter().all(Result::is_ok));
    // In either order: the second party notices, and the first is told.
    for (order, name) in [([0, 1], "u"), ([1, 0], "v")] {
        let ask = |index: usize| Ask::new("SecureSum", if index == 0 { 3 } else { 2 }, name);
        let first = actix::spawn(ask(order[0]).of(&nodes[order[0]].sessions(), one()));
        while nodes[order[0]].sessions().send(Load).await.unwrap() == 0 {}
        let second = ask(order[1]).of(&nodes[order[1]].sessions(), one()).await;
        for outcome in [first.await.unwrap(), second] {
            let error = outcome.unwrap_err().to_error();
            assert_eq!(error.code(), Code::Disagreement);
            assert!(error.to_string().contains("members"), "{error}");
        }
    }
}

#[actix_rt::test]
async fn more_big_computations_than_threads_are_all_right() {
    let plan = plan(2, PATIENCE);
    let nodes = plan.start_all().await;
    let inputs = [1, 2].map(|factor| Input::Numbers(vec![f64::from(factor); 2_000]));
    let runs = (0..40).map(|run| {
        let (nodes, inputs, name) = (&nodes, &inputs, format!("big {run}"));
        async move { together(nodes, &name, "SecureVectorSum", inputs).await }
    });
    for outcome in join_all(runs).await.into_iter().flatten() {
        assert_eq!(result(&outcome), json!({"sum": vec![3.0; 2_000]}));
    }
}

#[actix_rt::test]
async fn many_computations_at_once_are_all_right() {
    let plan = plan(3, PATIENCE);
    let nodes = plan.start_all().await;
    let runs: Vec<_> = (0..200)
        .map(|run| {
            let (nodes, name) = (&nodes, format!("run {run}"));
            async move { together(nodes, &name, "SecureSum", &numbers(3)).await }
        })
        .collect();
    for outcomes in join_all(runs).await {
        for outcome in outcomes {
            assert_eq!(result(&outcome), json!({"sum": 3.3}));
        }
    }
}
