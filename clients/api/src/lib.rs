//! The documents of a cloister node's API.
//!
//! A node writes them, clients and reports read them, and the OpenAPI
//! [`description`](openapi::document) is made from them. A node writes every entry. A reader
//! tolerates entries that are absent, of older nodes, and unknown ones, of newer.

mod computations;
mod functions;
mod node;
pub mod openapi;
mod owners;
mod probes;
mod report;
mod representations;
mod schema;
mod stage;

pub use self::computations::{
    Cancelled, Computation, ComputationDetail, Computations, Cost, Problem, Round, STATES,
    Selected, Waiting,
};
pub use self::functions::{
    COLUMN_KINDS, Column, Dataset, Datasets, Function, Functions, INPUTS, MISSING, Parameter,
    SUITES,
};
pub use self::node::{
    Alive, Certificate, Fingerprint, Link, Load, Member, Members, Node, PROFILES, Principal,
    RIGHTS, Ready,
};
pub use self::owners::{
    Approval, ApprovalClass, ApprovalState, Approvals, AuditEntry, AuditHead, AuditHeadEvent,
    AuditPage, Decided, Decision, ENTRIES, Verification,
};
pub use self::probes::{ProbeOrder, ProbeReport, ProbeStep, STEPS, VERDICTS};
pub use self::report::{
    ADVERSARIES, Disclosure, Dropped, Guarantee, HARDNESS, OUTPUTS, Preparation, Report,
    ReportCost, Rules, Security, Trace, TracedRound,
};
pub use self::representations::{
    Envelope, ErrorDocument, ListAnswer, NoneAnswer, ObjectAnswer, ServiceDescription,
    UploadEnvelope, UuidAnswer,
};
pub use self::stage::Stage;
