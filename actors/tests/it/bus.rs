//! Actors on the bus that are replaced while their node runs.

use std::collections::BTreeMap;
use std::sync::Arc;

use actix::{Actor, Context, Handler};
use cloister_actors::bus::{POLICY, SIMON};
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

/// Has a node's Simon compute a sum with the other node, as a client would.
async fn sum(node: &Node, index: usize) -> Result<Value, ApiError> {
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
    match node.siblings().ask(SIMON, call).await?? {
        Reply::Value(Labelled::Opened(report)) => {
            Ok(serde_json::to_value(report.result.get()).unwrap())
        }
        other => panic!("a result is a report, not {other:?}"),
    }
}

async fn both(nodes: &[Node]) -> Vec<Result<Value, ApiError>> {
    join_all(nodes.iter().enumerate().map(|(index, node)| sum(node, index))).await
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
