//! Two parties, and a third member's node as helper, over real TLS.

use std::collections::BTreeMap;

use actix::Addr;
use bytes::Bytes;
use cloister_actors::code::Code;
use cloister_actors::consortium::member_id;
use cloister_actors::error::ApiError;
use cloister_actors::failure::Failure;
use cloister_actors::links::{Content, Inbound};
use cloister_actors::node::Node;
use cloister_actors::sessions::{Load, Sessions};
use cloister_protocols::computation::Input;
use cloister_protocols::machine::Part;
use cloister_protocols::session::{Member, MemberId, Origin, Role, Spec};
use cloister_protocols::wire::SessionId;
use futures_util::future::join_all;
use serde_json::json;

use cloister_testkit::nodes::{Ask, Outcome, PATIENCE, Plan, plan, result, together};

use crate::proposal::{part, proposal};

/// Makes the request of two parties, with the third member as helper.
fn ask<'a>(function: &'a str, network: &'a str) -> Ask<'a> {
    let mut ask = Ask { helpers: 1, ..Ask::new(function, 3, network) };
    ask.parameters.committee = Some(["clinic-1", "clinic-2", "clinic-0"].map(str::to_owned).into());
    ask
}

/// Makes a request with a helper for a function that needs none.
fn senseless(network: &str) -> Ask<'_> {
    Ask { helpers: 1, ..Ask::new("Empty", 3, network) }
}

fn numbers(party: usize) -> Input {
    Input::Numbers([vec![1.0, 7.5, 2.0], vec![4.0]][party].clone())
}

async fn both(nodes: &[Node], ask: &Ask<'_>) -> Vec<Outcome> {
    join_all((0..2).map(|party| ask.of(&nodes[party].sessions(), numbers(party)))).await
}

async fn load(node: &Node) -> usize {
    node.sessions().send(Load).await.unwrap()
}

/// Waits until a node has nothing under way; tests end by their runner's limit.
async fn idle(node: &Node) {
    while load(node).await > 0 {
        actix_rt::task::yield_now().await;
    }
}

fn error(outcome: Outcome) -> ApiError {
    outcome.unwrap_err().to_error()
}

async fn all_is_well(nodes: &[Node], network: &str) {
    for outcome in both(nodes, &ask("SecureMedian", network)).await {
        assert_eq!(result(&outcome), json!({"median": 3.0}));
    }
    idle(&nodes[2]).await;
}

/// The deadline, in seconds, of computations that wait for it.
const SOON: u32 = 15;

fn three(deadline: u32) -> Plan {
    plan(3, deadline)
}

/// Starts all nodes and waits until all links are up. Before, a node that is told of an end cannot
/// tell its run, and may need one more run to be in step.
async fn start(plan: &Plan) -> Vec<Node> {
    let nodes = plan.start_all().await;
    let inputs: [Input; 3] = std::array::from_fn(|_| Input::Numbers(vec![1.0]));
    // A loaded machine may take longer for it than one computation has time.
    while !together(&nodes, "warm up", "SecureSum", &inputs).await.iter().all(Result::is_ok) {}
    nodes
}

#[actix_rt::test]
async fn a_member_without_data_helps_two_parties_again_and_again() {
    let nodes = start(&three(PATIENCE)).await;
    // The parties may begin anew before the helper has ended: then their calls wait.
    for _ in 0..20 {
        for outcome in both(&nodes, &ask("SecureMedian", "study")).await {
            assert_eq!(result(&outcome), json!({"median": 3.0}));
        }
    }
    let names: Vec<String> = (0..20).map(|run| format!("run {run}")).collect();
    join_all(names.iter().map(|name| all_is_well(&nodes, name))).await;
}

#[actix_rt::test]
async fn whoever_is_not_willing_to_help_says_so_at_once() {
    let mut plan = three(PATIENCE);
    plan.set(2, |settings| settings.committee.help = false);
    let nodes = start(&plan).await;
    for _ in 0..2 {
        for outcome in both(&nodes, &ask("SecureMedian", "u")).await {
            let document = serde_json::to_value(error(outcome).document(String::new())).unwrap();
            assert_eq!(document["code"], "help_refused");
            assert_eq!(document["party"], "clinic-2");
            assert!(document["hint"].as_str().unwrap().contains("help = true"), "{document}");
        }
    }
    // The parties ask in turn. The second is refused too, by the first party's notice or by the
    // helper.
    for party in [0, 1] {
        let asked = ask("SecureMedian", "v").of(&nodes[party].sessions(), numbers(party));
        assert_eq!(error(asked.await).code(), Code::HelpRefused);
    }
    assert_eq!(load(&nodes[2]).await, 0);
}

#[actix_rt::test]
async fn whoever_cannot_help_says_so_at_once() {
    let nodes = start(&three(PATIENCE)).await;
    for outcome in both(&nodes, &senseless("u")).await {
        let error = error(outcome);
        assert_eq!(error.code(), Code::HelpImpossible);
        assert!(error.to_string().contains("clinic-2"), "{error}");
    }
    assert_eq!(load(&nodes[2]).await, 0);
    all_is_well(&nodes, "u").await;
}

#[actix_rt::test]
async fn parties_whose_nodes_do_not_serve_make_no_committee() {
    let mut plan = three(PATIENCE);
    plan.set(1, |settings| settings.committee.serve = false);
    let nodes = start(&plan).await;
    for outcome in both(&nodes, &ask("SecureMedian", "u")).await {
        assert_eq!(error(outcome).code(), Code::NoCommittee);
    }
    idle(&nodes[2]).await;
}

#[actix_rt::test]
async fn a_helper_does_not_outlive_a_party_that_waits_in_vain() {
    let nodes = start(&three(SOON)).await;
    let alone = ask("SecureMedian", "u").of(&nodes[0].sessions(), numbers(0)).await;
    let error = error(alone);
    assert!(error.to_string().contains("clinic-1"), "{error}");
    idle(&nodes[2]).await;
    // The second party is told of the end of a run that it has not begun; then all meet again.
    let late = ask("SecureMedian", "u").of(&nodes[1].sessions(), numbers(1)).await;
    assert!(matches!(late, Err(Failure::Stopped { .. })), "{late:?}");
    all_is_well(&nodes, "u").await;
}

#[actix_rt::test]
async fn parties_that_want_different_things_end_and_so_does_the_helper() {
    let nodes = start(&three(PATIENCE)).await;
    let mut other = ask("Quantiles", "u");
    other.parameters = other.parameters.with("probabilities", vec![0.5]);
    let asked = [
        ask("SecureMedian", "u").of(&nodes[0].sessions(), numbers(0)),
        other.of(&nodes[1].sessions(), numbers(1)),
    ];
    for outcome in join_all(asked).await {
        assert_eq!(error(outcome).code(), Code::Disagreement);
    }
    idle(&nodes[2]).await;
    all_is_well(&nodes, "u").await;
}

#[actix_rt::test]
async fn a_client_of_the_helper_that_asks_under_the_same_name_ends_all() {
    let nodes = start(&three(PATIENCE)).await;
    let first = actix::spawn(ask("SecureMedian", "u").of(&nodes[0].sessions(), numbers(0)));
    while load(&nodes[2]).await == 0 {}
    let own = Ask::new("SecureSum", 3, "u").of(&nodes[2].sessions(), numbers(0)).await;
    for outcome in [first.await.unwrap(), own] {
        assert_eq!(error(outcome).code(), Code::Disagreement);
    }
    idle(&nodes[2]).await;
    let late = ask("SecureMedian", "u").of(&nodes[1].sessions(), numbers(1)).await;
    assert_eq!(error(late).code(), Code::Disagreement);
    all_is_well(&nodes, "u").await;
}

#[actix_rt::test]
async fn a_helper_whose_client_has_asked_first_disagrees() {
    let nodes = start(&three(PATIENCE)).await;
    all_is_well(&nodes, "u").await;
    let own = actix::spawn(Ask::new("SecureSum", 3, "u").of(&nodes[2].sessions(), numbers(0)));
    while load(&nodes[2]).await == 0 {}
    let mut outcomes = both(&nodes, &ask("SecureMedian", "u")).await;
    outcomes.push(own.await.unwrap());
    for outcome in outcomes {
        assert_eq!(error(outcome).code(), Code::Disagreement);
    }
    all_is_well(&nodes, "u").await;
}

#[actix_rt::test]
async fn a_helper_that_starts_late_is_waited_for_and_waits_for_its_links() {
    let plan = three(PATIENCE);
    let mut nodes = vec![plan.start(0).await, plan.start(1).await];
    let asked: Vec<_> = (0..2)
        .map(|party| {
            actix::spawn(ask("SecureMedian", "u").of(&nodes[party].sessions(), numbers(party)))
        })
        .collect();
    while load(&nodes[0]).await == 0 || load(&nodes[1]).await == 0 {}
    nodes.push(plan.start(2).await);
    for outcome in join_all(asked).await {
        assert_eq!(result(&outcome.unwrap()), json!({"median": 3.0}));
    }
}

#[actix_rt::test]
async fn a_helper_that_restarts_is_found_again() {
    let plan = three(PATIENCE);
    let mut nodes = start(&plan).await;
    all_is_well(&nodes, "u").await;
    let waiting = actix::spawn(ask("SecureMedian", "u").of(&nodes[0].sessions(), numbers(0)));
    while load(&nodes[2]).await == 0 {}
    nodes.remove(2).stop().await;
    assert!(waiting.await.unwrap().is_err());
    nodes.push(plan.start(2).await);
    // The second party may be told of the end only now.
    let _ = both(&nodes, &ask("SecureMedian", "u")).await;
    all_is_well(&nodes, "u").await;
}

#[actix_rt::test]
async fn one_party_cannot_keep_a_helper_busy_without_end() {
    let nodes = start(&three(SOON)).await;
    let names: Vec<String> = (0..70).map(|run| format!("run {run}")).collect();
    let alone = |name| ask("SecureMedian", name).of(&nodes[0].sessions(), numbers(0));
    let outcomes = join_all(names.iter().map(|name| alone(name))).await;
    let declined = |outcome: &&Outcome| {
        matches!(outcome, Err(Failure::Stopped { party, notice })
            if party == "clinic-2" && notice.code == "too_many_computations")
    };
    assert_eq!(outcomes.iter().filter(declined).count(), 70 - 64);
    idle(&nodes[2]).await;
    all_is_well(&nodes, "afterwards").await;
}

/// Hands a part to a node as if it had come from the member at `position`.
async fn smuggle(to: &Addr<Sessions>, position: usize, (session, part): (u8, Part)) {
    let (session, content) = (SessionId([session; 16]), Content::Part(part));
    to.send(Inbound { position, session, content }).await.unwrap();
}

#[actix_rt::test]
async fn calls_that_make_no_sense_start_nothing() {
    let plan = three(PATIENCE);
    let nodes = start(&plan).await;
    all_is_well(&nodes, "u").await;
    let ids: Vec<MemberId> = plan.consortium.members().iter().map(member_id).collect();
    let [a, b, us] = ids.try_into().unwrap();
    let stranger = MemberId { name: "stranger".into(), ..a.clone() };
    let impostor = MemberId { fingerprint: [1; 32], ..b.clone() };
    let (party, helper) = (Role::PARTY, Role::HELPER);
    let none = Role { compute: false, ..helper };
    let device = Role { input: true, ..none };
    let auditor = Role { output: true, ..none };
    let lists = [
        vec![(&a, party), (&b, party), (&us, helper)],
        vec![(&a, party), (&b, party), (&us, party)],
        vec![(&a, helper), (&b, helper), (&us, helper)],
        vec![(&a, none), (&b, none), (&us, none)],
        vec![(&a, party), (&b, party), (&us, none)],
        vec![(&a, party), (&b, party), (&us, auditor)],
        vec![(&a, party), (&b, party), (&us, device)],
        vec![(&a, device), (&b, device), (&us, helper)],
        vec![(&us, helper), (&a, party), (&b, party)],
        vec![(&b, party), (&a, helper), (&us, helper)],
        vec![(&a, party), (&us, helper)],
        vec![(&a, party), (&a, party), (&us, helper)],
        vec![(&a, party), (&b, party), (&us, helper), (&us, helper)],
        vec![(&a, party), (&stranger, party), (&us, helper)],
        vec![(&a, party), (&impostor, party), (&us, helper)],
    ];
    for (session, list) in (0..).zip(lists) {
        let member = |(id, role): (&MemberId, Role)| Member { id: id.clone(), role };
        let spec = Spec {
            function: "SecureMedian".into(),
            parameters: BTreeMap::new(),
            shape: BTreeMap::new(),
            members: list.into_iter().map(member).collect(),
            suite: "replicated".into(),
            network: "u".into(),
            run: 1,
        };
        for position in [0, 1] {
            let part = proposal(spec.clone(), Origin::Client);
            smuggle(&nodes[2].sessions(), position, (session, part)).await;
        }
        assert_eq!(load(&nodes[2]).await, 0, "{spec:?}");
    }
    smuggle(&nodes[2].sessions(), 0, (99, part(Bytes::from_static(&[255; 100])))).await;
    all_is_well(&nodes, "u").await;
}
