//! A client of cloister nodes.
//!
//! [`NodeClient`] talks to one node: the requests of the Federated Secure Computing API, and those
//! of the management API (`/v1`), typed, each with a time limit. [`Consortium`] talks to all nodes
//! of a consortium at once, and accepts a result only if all parties report the same.
//! [`ClientFile`] is the file `client.toml` with the members' addresses, pins and tokens.
//!
//! A client pushes data and downloads results. It holds handles to objects on the node and nothing
//! else. The futures here run inside an actix system (`actix_rt::System`), and no actor is
//! involved.
//!
//! A client of one party:
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use cloister_client::{CallError, Connection, Data, NodeClient, Request};
//! use serde_json::{Map, json};
//!
//! # fn main() -> Result<(), CallError> {
//! let api = "http://127.0.0.1:55500".to_owned();
//! let node = NodeClient::new(&Connection { api, tls: None, token: None }, Duration::from_secs(75));
//! // Every party's client asks its own node so, all under the same name.
//! let request = Request {
//!     function: "SecureSum".to_owned(),
//!     data: Data::Values(json!([1, 2.5])),
//!     parameters: Map::new(),
//!     nodes: ["north", "south", "west"].map(str::to_owned).into(),
//!     session: "a name that all parties have agreed on".to_owned(),
//!     myself: 0,
//!     trace: false,
//! };
//! let report = actix_rt::System::new().block_on(node.compute(request))?;
//! println!("{} under {}", report.result, report.security["suite"]);
//! # Ok(())
//! # }
//! ```
//!
//! One client of all parties:
//!
//! ```no_run
//! use std::path::Path;
//!
//! use cloister_client::{ClientFile, Consortium, Data, Job};
//! use serde_json::json;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let consortium = Consortium::new(ClientFile::read(Path::new("study/client.toml"))?)?;
//! let data = [json!([1, 2]), json!([3]), json!([4.5])].map(Data::Values).into();
//! let job = Job::new("SecureSum");
//! let asked = consortium.compute(&job, data, |_party, _state| {});
//! for (party, report) in actix_rt::System::new().block_on(asked).all()? {
//!     println!("{party}: {}", report.result);
//! }
//! # Ok(())
//! # }
//! ```

mod column_list;
mod config;
mod consortium_client;
mod early;
mod error;
mod management_client;
mod node_client;

pub use cloister_api::{
    Certificate as CertificateFacts, Computation, Function, Node as NodeFacts, Parameter,
    Preparation, Principal as Caller, ProbeReport, ProbeStep, Report, ReportCost as Cost, Trace,
    TracedRound, Waiting,
};

pub use self::column_list::{column_list, column_name};
pub use self::config::{ApiMember, ClientFile, USUAL_DEADLINE_SECONDS};
pub use self::consortium_client::{
    Consortium, Failed, Job, LinkProblem, Reports, State, check_agreement,
};
pub use self::error::{Blame, CallError, ClientError, Refusal};
pub use self::node_client::{Connection, Data, Handle, NodeClient, Request};
