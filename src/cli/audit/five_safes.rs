//! The log as a research object crate (RO-Crate 1.2) after the profile of the Five Safes: safe
//! people, projects, settings, data and outputs, each found in the log.
//!
//! The crate holds the log itself, which can be checked, and a description of it in JSON-LD. The
//! description is made from the log, and says no more.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::{entries, export};
use crate::cli::{moment, text};
use crate::operator::Operator;
use crate::problem::{Outcome, Problem};

const METADATA: &str = "ro-crate-metadata.json";
const LOG: &str = "audit.jsonl";

/// The entities of a crate by their names, so that each is there once.
struct Graph {
    entities: BTreeMap<String, Value>,
    actions: Vec<Value>,
}

/// Makes a crate in a new folder.
pub(super) fn export_crate(operator: &Operator, folder: &Path) -> Outcome {
    let failed = |error| Problem::usage(format!("cannot make {}: {error}", folder.display()));
    fs::create_dir(folder).map_err(failed)?;
    let exported = export(operator, &folder.join(LOG))?;
    let mut graph = Graph::of_node(operator.party());
    let mut until = 0;
    entries(operator, 1, |entry| {
        until = entry["at"].as_u64().unwrap_or(until);
        graph.add(entry);
        Ok(())
    })?;
    let document = graph.document(operator.party(), &exported, until / 1_000);
    let text = format!("{document:#}\n");
    fs::write(folder.join(METADATA), text).map_err(failed)
}

impl Graph {
    fn of_node(party: &str) -> Self {
        let mut graph = Self { entities: BTreeMap::new(), actions: Vec::new() };
        graph.put(&member_id(party), "Organization", party);
        graph
    }

    fn put(&mut self, id: &str, kind: &str, name: &str) {
        self.entities
            .entry(id.to_owned())
            .or_insert_with(|| json!({"@id": id, "@type": kind, "name": name}));
    }

    /// Adds the content of an entry.
    fn add(&mut self, entry: &Value) {
        match entry["kind"].as_str() {
            Some("ended") => self.add_computation(entry, "CompletedActionStatus"),
            Some("refused") => self.add_computation(entry, "FailedActionStatus"),
            Some("granted") => self.add_decision(entry, "CompletedActionStatus"),
            Some("denied") => self.add_decision(entry, "FailedActionStatus"),
            Some("registered") => {
                let name = entry.pointer("/document/dataset").map(text).unwrap_or_default();
                self.put(&format!("#dataset:{name}"), "Dataset", &name);
            }
            _ => {}
        }
    }

    /// Adds safe people, projects, data and outputs: the principal, the function, the members, the
    /// data, and the release of the result.
    fn add_computation(&mut self, entry: &Value, status: &str) {
        let document = &entry["document"];
        let (principal, function) = (text(&document["principal"]), text(&document["function"]));
        let person = format!("#person:{principal}");
        self.put(&person, "Person", &principal);
        let instrument = format!("#function:{function}");
        self.put(&instrument, "SoftwareApplication", &function);
        let project = format!("#project:{}", text(&document["network"]));
        self.put(&project, "Project", &text(&document["network"]));
        let members = list(&document["members"]).map(|member| member_id(&text(member)));
        let members: Vec<Value> = members.map(|id| json!({"@id": id})).collect();
        let data = list(&document["data"]).filter_map(|data| data["dataset"].as_str());
        let data: Vec<String> = data.map(str::to_owned).collect();
        data.iter().for_each(|name| self.put(&format!("#dataset:{name}"), "Dataset", name));
        list(&document["members"])
            .for_each(|member| self.put(&member_id(&text(member)), "Organization", &text(member)));
        let status = if document["code"].is_string() { "FailedActionStatus" } else { status };
        let id = format!("#entry:{}", entry["number"]);
        let mut action = json!({
            "@id": id,
            "@type": "CreateAction",
            "name": format!("{function}, entry {} of the log", entry["number"]),
            "agent": {"@id": person},
            "instrument": {"@id": instrument},
            "object": data.iter().map(|n| json!({"@id": format!("#dataset:{n}")})).collect::<Vec<_>>(),
            "participant": members,
            "isPartOf": {"@id": project},
            "endTime": moment(entry["at"].as_u64().unwrap_or_default() / 1_000),
            "actionStatus": format!("http://schema.org/{status}"),
        });
        if let Some(code) = document["code"].as_str() {
            put(&mut action, "error", json!(code));
        }
        if let Some(hash) = document["result"].as_str() {
            let result = format!("#result:{hash}");
            self.put(&result, "PropertyValue", "hash of the result that was opened");
            put(&mut action, "result", json!({"@id": result}));
        }
        self.actions.push(action);
    }

    /// Adds safe outputs: an owner's decision.
    fn add_decision(&mut self, entry: &Value, status: &str) {
        let document = &entry["document"];
        let by = text(&document["by"]);
        let person = format!("#person:{by}");
        self.put(&person, "Person", &by);
        // Questions that were granted as a whole have no single one.
        let (class, what) = match &document["class"] {
            Value::Null => {
                (document.pointer("/classes/0").unwrap_or(&Value::Null), text(&document["study"]))
            }
            class => (class, text(&class["function"])),
        };
        let dataset = format!("#dataset:{}", text(&class["dataset"]));
        self.put(&dataset, "Dataset", &text(&class["dataset"]));
        self.actions.push(json!({
            "@id": format!("#entry:{}", entry["number"]),
            "@type": "AssessAction",
            "name": format!(
                "approval of {} on {} for {}",
                what, text(&class["dataset"]), text(&class["principal"])
            ),
            "agent": {"@id": person},
            "object": {"@id": dataset},
            "endTime": moment(entry["at"].as_u64().unwrap_or_default() / 1_000),
            "actionStatus": format!("http://schema.org/{status}"),
        }));
    }

    fn document(self, party: &str, exported: &Value, until: u64) -> Value {
        let mentions: Vec<Value> =
            self.actions.iter().map(|action| json!({"@id": action["@id"]})).collect();
        let descriptor = json!({
            "@id": METADATA,
            "@type": "CreativeWork",
            "about": {"@id": "./"},
            "conformsTo": {"@id": "https://w3id.org/ro/crate/1.2"},
        });
        let root = json!({
            "@id": "./",
            "@type": "Dataset",
            "name": format!("audit log of {party}"),
            "description": "every decision of a cloister node over requests to compute on its data",
            "conformsTo": {"@id": "https://w3id.org/5s-crate/0.4"},
            "datePublished": moment(until),
            "license": "for auditors of the consortium only",
            "sourceOrganization": {"@id": member_id(party)},
            "hasPart": [{"@id": LOG}],
            "mentions": mentions,
        });
        let log = json!({
            "@id": LOG,
            "@type": "File",
            "name": "the log, a line an entry, chained by hashes",
            "encodingFormat": "application/jsonl",
            "description": format!(
                "{} entries, head {}", exported["entries"], text(&exported["head"])
            ),
        });
        let graph = [descriptor, root, log].into_iter().chain(self.entities.into_values());
        let graph: Vec<Value> = graph.chain(self.actions).collect();
        json!({"@context": "https://w3id.org/ro/crate/1.2/context", "@graph": graph})
    }
}

fn put(entity: &mut Value, key: &str, value: Value) {
    entity.as_object_mut().into_iter().for_each(|object| {
        object.insert(key.to_owned(), value.clone());
    });
}

fn member_id(name: &str) -> String {
    format!("#member:{name}")
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_computation_stands_in_the_crate_with_who_what_and_whose_data() {
        let mut graph = Graph::of_node("north");
        graph.add(&json!({"number": 7, "at": 1_000, "kind": "ended", "document": {
            "principal": "ada", "function": "SecureSum", "network": "study",
            "members": ["north", "south"], "data": [{"dataset": "trial"}], "result": "ab"}}));
        let document = graph.document("north", &json!({"entries": 7, "head": "cd"}), 1);
        let graph = document["@graph"].as_array().unwrap();
        let entity = |id: &str| graph.iter().find(|entity| entity["@id"] == id).unwrap();
        assert_eq!(entity("#entry:7")["agent"]["@id"], "#person:ada");
        assert_eq!(entity("#entry:7")["object"][0]["@id"], "#dataset:trial");
        assert_eq!(entity("./")["mentions"][0]["@id"], "#entry:7");
        for id in ["#person:ada", "#member:south", "#project:study", "#dataset:trial", LOG] {
            entity(id);
        }
    }
}
