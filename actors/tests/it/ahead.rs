//! Preprocessing between nodes without a client, over real TLS.

use std::collections::BTreeMap;

use cloister_actors::code::Code;
use cloister_actors::consortium::member_id;
use cloister_actors::links::{Content, Inbound};
use cloister_actors::node::Node;
use cloister_actors::sessions::{Load, MadeAhead, OWN_NETWORK};
use cloister_protocols::computation::Input;
use cloister_protocols::session::{Member, MemberId, Origin, Role, Spec};
use cloister_protocols::wire::SessionId;
use futures_util::future::join_all;
use serde_json::json;

use cloister_testkit::nodes::{Ask, Outcome, PATIENCE, Plan, plan, result, together};

use crate::proposal::proposal;

/// The name of the preprocessing function.
const PREPARE: &str = "Prepare";

async fn sum(nodes: &[Node], network: &str) {
    let inputs: Vec<Input> = nodes.iter().map(|_| Input::Numbers(vec![1.5])).collect();
    for outcome in together(nodes, network, "SecureSum", &inputs).await {
        assert_eq!(result(&outcome), json!({"sum": 4.5}));
    }
}

#[actix_rt::test]
async fn no_client_can_use_the_name_of_what_nodes_do_by_themselves() {
    let nodes = plan(3, PATIENCE).start_all().await;
    for (function, members) in [(PREPARE, 2), ("SecureSum", 3)] {
        let input = match function {
            PREPARE => Input::Numbers(vec![]),
            _ => Input::Numbers(vec![1.0]),
        };
        let ask = Ask::new(function, members, OWN_NETWORK);
        let error = ask.of(&nodes[0].sessions(), input).await.unwrap_err().to_error();
        assert_eq!(error.code(), Code::BadNetwork);
    }
    assert_eq!(nodes[0].sessions().send(Load).await.unwrap(), 0);
    sum(&nodes, "another").await;
}

#[actix_rt::test]
async fn proposals_that_make_no_sense_start_nothing_and_end_nothing() {
    let plan = plan(3, PATIENCE);
    let nodes = plan.start_all().await;
    sum(&nodes, "study").await;
    let ids: Vec<MemberId> = plan.consortium.members().iter().map(member_id).collect();
    let [leader, us, other] = ids.try_into().unwrap();
    let member = |id: &MemberId, role| Member { id: id.clone(), role };
    let party = |id: &MemberId| member(id, Role::PARTY);
    let members = [
        vec![party(&leader), party(&us)],
        vec![party(&us), party(&leader)],
        vec![party(&other), party(&us)],
        vec![party(&leader), party(&us), member(&other, Role::HELPER)],
        vec![party(&leader), party(&other)],
        vec![party(&leader), party(&MemberId { fingerprint: [1; 32], ..us })],
    ];
    let functions = [PREPARE, "SecureSum", "no such function"];
    let cases = functions.iter().flat_map(|function| members.iter().map(move |m| (function, m)));
    for (session, (function, members)) in (0..).zip(cases) {
        let spec = Spec {
            function: (*function).into(),
            parameters: BTreeMap::from([("missing".into(), "refuse".into())]),
            shape: BTreeMap::new(),
            members: members.clone(),
            suite: "pairwise".into(),
            network: OWN_NETWORK.into(),
            run: 0,
        };
        for position in [0, 2] {
            let content = Content::Part(proposal(spec.clone(), Origin::None));
            let inbound = Inbound { position, session: SessionId([session; 16]), content };
            nodes[1].sessions().send(inbound).await.unwrap();
        }
        assert_eq!(nodes[1].sessions().send(Load).await.unwrap(), 0, "{spec:?}");
    }
    assert_eq!(nodes[1].sessions().send(MadeAhead).await.unwrap(), 0);
    sum(&nodes, "study").await;
}

/// Has both nodes compute the median of their numbers by themselves. Returns the rounds at the
/// first.
async fn median(nodes: &[Node], network: &str) -> u64 {
    let inputs = [vec![1.0, 7.5, 2.0], vec![4.0, 3.0]].map(Input::Numbers);
    let ask = Ask::new("SecureMedian", 2, network);
    let asked = nodes.iter().zip(inputs).map(|(node, input)| ask.of(&node.sessions(), input));
    let outcomes: Vec<Outcome> = join_all(asked).await;
    for outcome in &outcomes {
        assert_eq!(result(outcome), json!({"median": 3.0}));
    }
    outcomes[0].as_ref().unwrap().cost.rounds
}

async fn kept(node: &Node) -> usize {
    node.sessions().send(MadeAhead).await.unwrap()
}

/// Returns the bytes of correlations at both nodes as soon as there are some; tests end by their
/// runner's limit.
async fn made_ahead(nodes: &[Node]) -> [usize; 2] {
    loop {
        let both = [kept(&nodes[0]).await, kept(&nodes[1]).await];
        if !both.contains(&0) {
            return both;
        }
        actix_rt::task::yield_now().await;
    }
}

/// Plans two nodes that have room for one computation each.
fn two() -> Plan {
    let mut plan = plan(2, PATIENCE);
    for node in 0..2 {
        plan.set(node, |settings| settings.limits.computations = 1);
    }
    plan
}

#[actix_rt::test]
async fn after_two_have_computed_by_themselves_more_is_made_ahead_beside_their_clients() {
    let nodes = two().start_all().await;
    let cold = median(&nodes, "u").await;
    made_ahead(&nodes).await;
    for node in &nodes {
        assert_eq!(node.sessions().send(Load).await.unwrap(), 0);
    }
    let warm = median(&nodes, "u").await;
    assert!(warm < cold, "{warm} rounds with what was made ahead, and {cold} without");
    for node in nodes {
        node.stop().await;
    }
}

#[actix_rt::test]
async fn what_was_made_ahead_is_forgotten_when_its_link_is_lost() {
    let plan = two();
    let mut nodes = plan.start_all().await;
    let cold = median(&nodes, "u").await;
    made_ahead(&nodes).await;
    nodes.remove(1).stop().await;
    while kept(&nodes[0]).await > 0 {
        actix_rt::task::yield_now().await;
    }
    nodes.push(plan.start(1).await);
    assert_eq!(median(&nodes, "v").await, cold);
    made_ahead(&nodes).await;
}

#[actix_rt::test]
async fn a_node_that_is_told_not_to_makes_nothing_ahead_for_either() {
    for silent in [0, 1] {
        let mut plan = two();
        plan.set(silent, |settings| settings.pairwise.ahead = false);
        let nodes = plan.start_all().await;
        for _ in 0..5 {
            median(&nodes, "u").await;
        }
        assert_eq!([kept(&nodes[0]).await, kept(&nodes[1]).await], [0, 0]);
    }
}
