//! The researcher and the owner at each node, and how a question is asked over HTTP.

use std::sync::Mutex;

use cloister_testkit::http::{Answer, Api};
use serde_json::{Value, json};

use super::world::{HANDLE, Part, Refusal, Told};

/// The researcher and the owner at one node.
pub(super) struct Caller {
    pub(super) researcher: Api,
    pub(super) owner: Api,
    /// The handles of the two methods that questions need; none after a restart.
    pub(super) methods: Mutex<Option<Methods>>,
}

#[derive(Clone)]
pub(super) struct Methods {
    select: String,
    compute: String,
}

/// The data argument of one party, and the handles in it.
pub(super) struct Brought {
    pub(super) argument: Value,
    pub(super) handles: Vec<String>,
}

impl Caller {
    fn methods(&self) -> Methods {
        let mut methods = self.methods.lock().unwrap();
        let api = &self.researcher;
        let find = |service, name| api.attribute(&api.service(service), name).uuid();
        let found =
            || Methods { select: find("Datasets", "select"), compute: find("Simon", "compute") };
        methods.get_or_insert_with(found).clone()
    }

    /// Selects the rows of a part.
    pub(super) fn data(&self, part: &Part) -> Result<Brought, Refusal> {
        let Some(selection) = &part.selection else {
            return Ok(Brought { argument: part.data.clone(), handles: Vec::new() });
        };
        let mut brought = Brought { argument: part.data.clone(), handles: Vec::new() };
        let select = self.methods().select;
        let mut refusal = None;
        fill(&mut brought.argument, &mut || {
            if brought.handles.is_empty() || part.apart {
                let answer = self.researcher.call(&select, selection);
                match answer.status {
                    200 => brought.handles.push(answer.uuid()),
                    _ => refusal = Some(Refusal::of(&answer)),
                }
            }
            json!({"representation_uuid": brought.handles.last()})
        });
        match refusal {
            Some(refusal) => Err(refusal),
            None => Ok(brought),
        }
    }

    pub(super) fn compute(&self, request: &Value) -> Answer {
        let called = self.researcher.call(&self.methods().compute, request);
        if called.status != 200 {
            return called;
        }
        let answer = self.researcher.download(&called.uuid());
        self.researcher.release(&called.uuid());
        answer
    }

    pub(super) fn release(&self, handles: &[String]) {
        handles.iter().for_each(|handle| _ = self.researcher.release(handle));
    }
}

impl Refusal {
    fn of(answer: &Answer) -> Self {
        Self { code: answer.code().to_owned(), message: answer.message().to_owned() }
    }
}

/// Puts a value wherever [`HANDLE`] stands.
fn fill(data: &mut Value, make: &mut impl FnMut() -> Value) {
    match data {
        Value::String(text) if text == HANDLE => *data = make(),
        Value::Array(items) => items.iter_mut().for_each(|item| fill(item, make)),
        Value::Object(entries) => entries.values_mut().for_each(|entry| fill(entry, make)),
        _ => (),
    }
}

/// Returns the result, or the refusal that gives most of a reason.
pub(super) fn outcome(answers: &[Answer]) -> Result<Told, Refusal> {
    let refused: Vec<&Answer> = answers.iter().filter(|answer| answer.status != 200).collect();
    // A node whose own client was refused says why; the others only hear of an end.
    let own = refused.iter().find(|answer| answer.status < 500 && answer.status != 409);
    match own.or(refused.first()) {
        Some(answer) => Err(Refusal::of(answer)),
        None => {
            let report = &answers[0].body["object"];
            let left_out = report["disclosure"]["left_out"].as_u64().unwrap();
            Ok(Told { result: report["result"].clone(), left_out })
        }
    }
}
