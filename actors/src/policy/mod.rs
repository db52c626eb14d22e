//! The node's own decision on a computation: the principal, the function, the datasets, the
//! members, and the rules.
//!
//! It is made before anything is read or sent. Rules on joint data are applied later, by all
//! parties together, under the protocol; here only this node's rules are found. A dataset that a
//! principal may not see does not exist for it. An approval is of a question: function, parameters,
//! columns and condition. Approvals are counted when they are used: a query that is aborted
//! afterwards counts as asked.

pub mod canonical;
pub mod groups;

use actix::{Actor, Context, Handler, Message, ResponseFuture};
use cloister_protocols::catalogue;
use cloister_protocols::disclosure::{Profile, Rules};
use cloister_protocols::session::Origin;
use cloister_sources::Filter;
use cloister_vault::{Decision, Question, Vault, VaultError};

use crate::vocabulary::clock;
use crate::vocabulary::code::Code;
use crate::vocabulary::error::ApiError;
use crate::vocabulary::failure::{older, words_of_witnesses};
use crate::vocabulary::principal::Principal;
pub use crate::vocabulary::settings::{CurrentPolicies, DatasetPolicy, Policies, PolicyError};
use crate::vocabulary::settings::{NodeThresholds, OwnRules};

/// The actor.
pub struct Policy {
    node: NodeThresholds,
    policies: CurrentPolicies,
    vault: Vault,
}

/// The question whether a computation may be asked for.
#[derive(Message)]
#[rtype(result = "Result<Grant, ApiError>")]
pub struct Decide {
    /// The principal that asks.
    pub principal: Principal,
    /// The function.
    pub function: &'static str,
    /// Its parameters, in canonical form.
    pub parameters: String,
    /// All members that take part.
    pub members: Vec<String>,
    /// The data to compute with.
    pub inputs: Vec<Use>,
}

/// Data of this node that a computation uses.
#[derive(Clone, Debug, PartialEq)]
pub enum Use {
    /// Columns that a client made.
    ClientColumns,
    /// A dataset.
    Dataset {
        /// Its name.
        name: String,
        /// The columns to compute with.
        columns: Vec<String>,
        /// The condition on rows; all rows where there is none.
        condition: Option<Filter>,
    },
}

/// Permission to compute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// This node's disclosure rules for it.
    pub rules: Rules,
    /// The origin of this node's data.
    pub origin: Origin,
    /// The rules for this node's own rows.
    pub own: OwnRules,
    /// The owner's approval that was used, if one was needed.
    pub approval: Option<u64>,
}

/// The request to give a use of an approval back: the question was given the answer that was kept of
/// it. Answers `true` if the approval has the use again.
#[derive(Message)]
#[rtype(result = "Result<bool, ApiError>")]
pub struct GiveUseBack {
    /// The approval.
    pub id: u64,
    /// The number of losses of the node's state before the use.
    pub losses: u64,
}

impl Policy {
    /// Creates the policy of a node with this profile and these thresholds.
    #[must_use]
    pub fn new(node: NodeThresholds, policies: CurrentPolicies, vault: Vault) -> Self {
        Self { node, policies, vault }
    }

    /// Decides without the owner, and returns the questions that the owner has to approve.
    fn decide(&self, decide: &Decide) -> Result<(Grant, Vec<Question>), ApiError> {
        let profile = self.node.profile();
        let mut rules = self.node.rules();
        let mut own_rows = OwnRules::NONE;
        let mut questions = Vec::new();
        let mut origin = if decide.inputs.is_empty() { Origin::None } else { Origin::Client };
        let client_made = decide.inputs.contains(&Use::ClientColumns);
        for input in &decide.inputs {
            let Use::Dataset { name, columns, condition } = input else { continue };
            let policy = self.policies.of(name);
            check(&policy, name, decide, profile)?;
            let own = self.node.with(policy.rules(profile));
            own_rows = self.node.with_own(policy.own_rules(profile));
            if own_rows.need_the_newest_state() {
                check_state(&self.vault)?;
            }
            if client_made && !own.client_columns {
                return Err(client_columns(name));
            }
            let client_columns = match origin {
                Origin::Dataset | Origin::LeftOut => rules.client_columns && own.client_columns,
                Origin::Client | Origin::None => own.client_columns,
            };
            rules = Rules { client_columns, ..rules.strictest(own) };
            origin = Origin::Dataset;
            if policy.needs_approval(profile) {
                questions.push(question(decide, name, columns, condition.as_ref()));
            }
        }
        if client_made {
            origin = Origin::Client;
        }
        Ok((Grant { rules, origin, own: own_rows, approval: None }, questions))
    }
}

/// Checks that the dataset's owner permits this function, these members and this principal.
fn check(
    policy: &DatasetPolicy,
    dataset: &str,
    decide: &Decide,
    profile: Profile,
) -> Result<(), ApiError> {
    if !policy.is_for(decide.principal.name()) {
        return Err(no_such_dataset());
    }
    let function = decide.function;
    if policy.functions.as_ref().is_some_and(|functions| !functions.contains(function)) {
        return Err(forbidden(format!("{function} may not be computed on dataset `{dataset}`")));
    }
    if shows_rows(function) && policy.functions.is_none() && profile == Profile::Production {
        return Err(forbidden(format!(
            "{function} shows single rows of a dataset: its policy has to name the function"
        )));
    }
    let stranger = decide
        .members
        .iter()
        .find(|member| policy.members.as_ref().is_some_and(|members| !members.contains(*member)));
    match stranger {
        Some(member) => {
            let message = format!("dataset `{dataset}` is not computed on together with {member}");
            Err(forbidden(message).party(member))
        }
        None => Ok(()),
    }
}

/// Checks that no member has seen a later state of this node. In an older one, what was answered
/// since is forgotten.
fn check_state(vault: &Vault) -> Result<(), ApiError> {
    let contradictions = vault.contradictions().map_err(|error| ApiError::state(&error))?;
    if contradictions.is_empty() {
        return Ok(());
    }
    let seen = contradictions.iter().map(|(member, told)| (member.as_str(), told.head.number));
    let message = older("this node", &words_of_witnesses(seen));
    Err(ApiError::new(Code::StateOlder, message))
}

/// Returns whether a function computes element by element, as with vectors and matrices: no rule on
/// rows applies to them.
fn shows_rows(function: &str) -> bool {
    catalogue::find(function).is_some_and(|entry| !entry.has_rows())
}

fn question(
    decide: &Decide,
    dataset: &str,
    columns: &[String],
    condition: Option<&Filter>,
) -> Question {
    Question {
        principal: decide.principal.name().to_owned(),
        function: decide.function.to_owned(),
        parameters: Some(decide.parameters.clone()),
        dataset: dataset.to_owned(),
        columns: columns.to_vec(),
        condition: condition.map(canonical::condition),
    }
}

/// Uses up an approval of each question, and returns the last one used.
async fn approve(vault: Vault, questions: Vec<Question>) -> Result<Option<u64>, ApiError> {
    let mut used = None;
    for question in questions {
        let asked = Asked::of(&question);
        let decision = vault.use_approval(question, clock::seconds()).await;
        match decision.map_err(|error| asked.not_kept(&error))? {
            Decision::Granted { id, .. } => used = Some(id),
            Decision::Refused { id } => return Err(asked.refused(id)),
            Decision::Asked { id } => return Err(asked.needs_approval(id)),
            Decision::Expired { id } => return Err(asked.used_up(id)),
        }
    }
    Ok(used)
}

/// A question in the words in which it is refused.
struct Asked {
    dataset: String,
    words: String,
}

impl Asked {
    fn of(question: &Question) -> Self {
        let rows = match &question.condition {
            None => "all rows".to_owned(),
            Some(condition) => format!("the rows with {}", condition.text),
        };
        let Question { function, dataset, columns, .. } = question;
        let words = format!("{function} of {} over {rows}", columns.join(", "));
        Self { dataset: dataset.clone(), words }
    }

    fn needs_approval(&self, id: u64) -> ApiError {
        approval_needed(&self.dataset, &self.words, id)
    }

    fn used_up(&self, id: u64) -> ApiError {
        let Self { dataset, words } = self;
        let message = format!(
            "the approval of this question by the owner of dataset `{dataset}` is used up or has \
             expired: {words}; it is asked for again as request {id}"
        );
        ApiError::new(Code::ApprovalNeeded, message).hint(ask_to_grant(id))
    }

    /// Reports that the question cannot be kept for the owner.
    fn not_kept(&self, error: &VaultError) -> ApiError {
        match error {
            VaultError::Limit { .. } => {
                ApiError::new(Code::OverQuota, error.to_string()).hint(format!(
                    "ask the owner of dataset `{}` to decide over earlier requests",
                    self.dataset
                ))
            }
            other => ApiError::state(other),
        }
    }

    fn refused(&self, id: u64) -> ApiError {
        let Self { dataset, words } = self;
        let message = format!(
            "the owner of dataset `{dataset}` has refused this question: {words}; it was request {id}"
        );
        ApiError::new(Code::RefusedByPolicy, message)
            .hint(format!("ask another question, or ask the owner to grant request {id}"))
    }
}

impl Actor for Policy {
    type Context = Context<Self>;
}

impl Handler<Decide> for Policy {
    type Result = ResponseFuture<Result<Grant, ApiError>>;

    fn handle(&mut self, decide: Decide, _: &mut Self::Context) -> Self::Result {
        match self.decide(&decide) {
            Err(refusal) => Box::pin(std::future::ready(Err(refusal))),
            Ok((grant, questions)) => {
                let approved = approve(self.vault.clone(), questions);
                Box::pin(async move { Ok(Grant { approval: approved.await?, ..grant }) })
            }
        }
    }
}

impl Handler<GiveUseBack> for Policy {
    type Result = ResponseFuture<Result<bool, ApiError>>;

    fn handle(&mut self, give: GiveUseBack, _: &mut Self::Context) -> Self::Result {
        let given = self.vault.give_use_back(give.id, give.losses);
        Box::pin(async move { given.await.map_err(|error| ApiError::state(&error)) })
    }
}

/// Reports a missing dataset. One that this principal may not see looks the same.
pub(crate) fn no_such_dataset() -> ApiError {
    ApiError::new(Code::NoSuchDataset, "there is no such dataset here")
        .hint("the method `list` of the microservice Datasets lists those that there are for you")
}

fn forbidden(message: String) -> ApiError {
    ApiError::new(Code::RefusedByPolicy, message)
        .hint("the dataset's owner decides this in the node's policy; ask them")
}

fn client_columns(dataset: &str) -> ApiError {
    let message = format!(
        "dataset `{dataset}` is not computed on together with columns that a client has made"
    );
    forbidden(message)
}

/// Reports that the owner has to approve a question.
pub(crate) fn approval_needed(dataset: &str, question: &str, id: u64) -> ApiError {
    let message = format!(
        "the owner of dataset `{dataset}` has to approve each question about it, and has not approved \
         this one: {question}; it is request {id}"
    );
    ApiError::new(Code::ApprovalNeeded, message).hint(ask_to_grant(id))
}

fn ask_to_grant(id: u64) -> String {
    format!(
        "ask the owner to run `cloister approvals grant {id}`, then compute again with the same \
         parameters, columns and condition"
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(profile: Profile) -> NodeThresholds {
        NodeThresholds::new(profile, &Default::default(), None).unwrap()
    }

    fn node(policies: &str) -> (tempfile::TempDir, Policy) {
        let folder = tempfile::tempdir().unwrap();
        let vault = Vault::open(folder.path()).unwrap();
        let policies = CurrentPolicies::new(serde_json::from_str(policies).unwrap());
        (folder, Policy::new(of(Profile::Production), policies, vault))
    }

    fn asking(function: &'static str, inputs: Vec<Use>) -> Decide {
        let members = ["north", "south"].map(str::to_owned).into();
        let (principal, parameters) = (Principal::anybody(), "{}".to_owned());
        Decide { principal, function, parameters, members, inputs }
    }

    fn of_trial() -> Use {
        Use::Dataset { name: "trial".into(), columns: vec!["age".into()], condition: None }
    }

    fn code(policy: &Policy, decide: &Decide) -> &'static str {
        policy.decide(decide).map_or_else(|error| error.code().text(), |_| "")
    }

    #[test]
    fn functions_members_and_principals_are_the_owners_to_name() {
        let trial = r#"{"dataset":{"trial":{"functions":["SecureSum"],"approval":false}}}"#;
        let (_folder, policy) = node(trial);
        assert_eq!(code(&policy, &asking("SecureSum", vec![of_trial()])), "");
        assert_eq!(code(&policy, &asking("Sort", vec![of_trial()])), "refused_by_policy");
        let (_folder, policy) = node("{}");
        assert_eq!(
            code(&policy, &asking("SecureVectorSum", vec![of_trial()])),
            "refused_by_policy"
        );
        let (_folder, policy) = node(r#"{"dataset":{"trial":{"members":["north"]}}}"#);
        assert_eq!(code(&policy, &asking("SecureSum", vec![of_trial()])), "refused_by_policy");
        let (_folder, policy) = node(r#"{"dataset":{"trial":{"principals":["ada"]}}}"#);
        assert_eq!(code(&policy, &asking("SecureSum", vec![of_trial()])), "no_such_dataset");
    }

    #[test]
    fn columns_of_clients_do_not_go_with_a_dataset_that_forbids_them() {
        let (_folder, policy) = node("{}");
        let mixed = asking("SecureSum", vec![Use::ClientColumns, of_trial()]);
        assert_eq!(code(&policy, &mixed), "refused_by_policy");
        let (_folder, policy) = node(r#"{"dataset":{"trial":{"client_columns":true}}}"#);
        let (grant, questions) = policy.decide(&mixed).unwrap();
        assert_eq!((grant.origin, questions.len()), (Origin::Client, 1));
        assert!(grant.rules.client_columns);
    }

    #[test]
    fn an_approval_is_of_a_question_with_its_condition() {
        let (_folder, policy) = node("{}");
        let chosen = |json: serde_json::Value| Use::Dataset {
            name: "trial".into(),
            columns: vec!["time".into()],
            condition: Some(Filter::from_json(&json).unwrap()),
        };
        let is = |column, value| json!({"column": column, "op": "=", "value": value});
        let asked = |input| {
            let (_, questions) = policy.decide(&asking("SecureSum", vec![input])).unwrap();
            questions
        };
        let one = asked(chosen(json!({"and": [is("age", 40), is("site", 1)]})));
        let same = asked(chosen(json!({"and": [is("site", 1), is("age", 40)]})));
        let other = asked(chosen(is("age", 40)));
        assert_eq!(one, same);
        assert_ne!(one, other);
        assert!(!other[0].class().serves(&one[0]));
        let refusal = Asked::of(&one[0]).needs_approval(7);
        assert!(refusal.message().contains(r#""age" = 40 and "site" = 1"#), "{refusal}");
        assert!(refusal.message().contains("request 7"), "{refusal}");
    }

    #[test]
    fn an_older_state_answers_where_neither_memory_nor_approvals_protect() {
        for (profile, trial, due) in [
            (Profile::Teaching, "{}", ""),
            (Profile::Teaching, r#"{"approval":true}"#, "state_older"),
            (Profile::Teaching, r#"{"min_own_rows":3}"#, "state_older"),
            (Profile::Production, r#"{"approval":false}"#, "state_older"),
        ] {
            let (_folder, policy) = node(&format!(r#"{{"dataset":{{"trial":{trial}}}}}"#));
            let policy = Policy { node: of(profile), ..policy };
            let head = cloister_vault::Head { number: 7, hash: [1; 32] };
            let told = cloister_vault::Sighting { losses: 0, head };
            policy.vault.contradict(vec![("south".into(), told)]).wait().unwrap();
            assert_eq!(code(&policy, &asking("SecureSum", vec![of_trial()])), due, "{trial}");
        }
    }

    #[test]
    fn the_origin_of_the_data_goes_into_the_agreement() {
        let (_folder, policy) = node("{}");
        let origin = |inputs| policy.decide(&asking("SecureSum", inputs)).unwrap().0.origin;
        assert_eq!(origin(vec![]), Origin::None);
        assert_eq!(origin(vec![Use::ClientColumns]), Origin::Client);
        assert_eq!(origin(vec![of_trial()]), Origin::Dataset);
    }
}
