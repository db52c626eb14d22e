//! Actors on the bus that are replaced while their node runs.

use std::collections::BTreeMap;
use std::sync::Arc;

use actix::{Actor, Context, Handler, ResponseFuture};
use cloister_actors::bus::{POLICY, SIMON, Siblings};
use cloister_actors::code::Code;
use cloister_actors::data::Data;
use cloister_actors::error::ApiError;
use cloister_actors::label::Labelled;
use cloister_actors::node::Node;
use cloister_actors::object::{Argument, Call, Principal, Reply};
use cloister_actors::policy::{Decide, Grant};
use cloister_actors::services::simon;
use cloister_actors::vocabulary::flight::Flight;
use cloister_actors::vocabulary::presence::Awaited;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::sync::watch;

use cloister_testkit::nodes::{PATIENCE, plan};

/// A policy that refuses whatever it is asked.
struct Refuses;

impl Actor for Refuses {
    type Context = Context<Self>;
}

impl Handler<Decide> for Refuses {
    type Result = Result<Grant, ApiError>;

    fn handle(&mut self, _: Decide, _: &mut Self::Context) -> Self::Result {
        Err(ApiError::new(Code::RefusedByPolicy, "not today"))
    }
}

/// A policy that decides when the test ends, and says that it was asked.
struct Ponders {
    asked: watch::Sender<bool>,
    decide: watch::Receiver<bool>,
}

impl Actor for Ponders {
    type Context = Context<Self>;
}

impl Handler<Decide> for Ponders {
    type Result = ResponseFuture<Result<Grant, ApiError>>;

    fn handle(&mut self, _: Decide, _: &mut Self::Context) -> Self::Result {
        let mut decide = self.decide.clone();
        self.asked.send_replace(true);
        Box::pin(async move {
            decide.wait_for(|it| *it).await.unwrap();
            Err(ApiError::new(Code::RefusedByPolicy, "after all"))
        })
    }
}

/// Has a node's Simon compute a sum with the other node, as a client would.
async fn sum(siblings: Siblings, index: usize) -> Result<Value, ApiError> {
    let arguments = json!({
        "microprotocol": "SecureSum",
        "data": [index + 1],
        "network": {"nodes": ["clinic-0", "clinic-1"], "uuid": "study", "myself": index},
    });
    let named: BTreeMap<String, Argument> = arguments
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| (name.clone(), Argument::Inline(Arc::new(Data::of(value).unwrap()))))
        .collect();
    let method = simon::INTERFACE.method("compute").unwrap();
    let call = Call {
        principal: Principal::anybody(),
        key: 0,
        method: method.name,
        arguments: method.bind(Vec::new(), named).unwrap(),
        flight: Flight::default(),
        awaited: Awaited::default(),
    };
    match siblings.ask(SIMON, call).await?? {
        Reply::Value(Labelled::Opened(report)) => {
            Ok(serde_json::to_value(report.result.get()).unwrap())
        }
        other => panic!("a result is a report, not {other:?}"),
    }
}

async fn both(nodes: &[Node]) -> Vec<Result<Value, ApiError>> {
    join_all(nodes.iter().enumerate().map(|(index, node)| sum(node.siblings(), index))).await
}

#[actix_rt::test]
async fn a_policy_that_is_replaced_decides_on_the_next_request() {
    let nodes = plan(2, PATIENCE).start_all().await;
    let siblings = nodes[0].siblings();
    for outcome in both(&nodes).await {
        assert_eq!(outcome.unwrap(), json!({"sum": 3.0}));
    }
    let first = siblings.find::<Decide>(POLICY).await.unwrap();
    siblings.offer(POLICY, Refuses.start().recipient::<Decide>()).await.unwrap();
    let refused: Vec<Code> =
        both(&nodes).await.into_iter().map(|outcome| outcome.unwrap_err().code()).collect();
    assert_eq!(refused, [Code::RefusedByPolicy, Code::Declined]);
    siblings.offer(POLICY, first).await.unwrap();
    for outcome in both(&nodes).await {
        assert_eq!(outcome.unwrap(), json!({"sum": 3.0}));
    }
}

/// The step ends after the node has stopped, so nothing that waits for it can end before.
#[actix_rt::test]
async fn a_node_stops_amid_a_local_step_and_says_so_to_the_client() {
    let mut nodes = plan(2, PATIENCE).start_all().await;
    let (asked, mut is_asked) = watch::channel(false);
    let (decided, decide) = watch::channel(false);
    let ponders = Ponders { asked, decide }.start();
    nodes[0].siblings().offer(POLICY, ponders.recipient::<Decide>()).await.unwrap();
    let node = nodes.remove(0);
    let (outcome, ()) = tokio::join!(sum(node.siblings(), 0), async {
        is_asked.wait_for(|it| *it).await.unwrap();
        node.stop().await;
        decided.send(true).unwrap();
    });
    assert_eq!(outcome.unwrap_err().code(), Code::NodeStopping);
}
