//! Frames of a member that deviates from the protocol.

use bytes::Bytes;
use cloister_protocols::disclosure::Profile;
use cloister_protocols::machine::{Machine, Part, Setting};
use cloister_protocols::party::Parties;
use cloister_protocols::session::{AuditHead, ColumnKinds, Offer, Origin, Spec, agree};
use cloister_protocols::wire::{PartHeader, SessionId};
use getrandom::SysRng;
use rand_core::UnwrapErr;

/// Makes the proposal of a party with this `spec` and origin of data, as it goes over a link.
pub(crate) fn proposal(spec: Spec, source: Origin) -> Part {
    let parties = Parties::new(spec.members.len(), 0).unwrap();
    let session = SessionId([7; 16]);
    let link_bindings = vec![[0; 32]; spec.members.len()];
    let setting = Setting { parties, session, link_bindings, limit: 1 << 20 };
    let (rules, audit) = (Profile::Teaching.rules(), AuditHead::default());
    let offer = Offer {
        roster: spec.ids().cloned().collect(),
        spec,
        rules,
        listed: vec![],
        deadline_ms: 1_000,
        serves: true,
        source,
        kinds: ColumnKinds::default(),
        audit,
        seen: vec![],
        earlier: vec![],
        kept: None,
    };
    let mut machine = Machine::new(setting, move |channel| async move {
        agree(&channel, offer, false, &mut UnwrapErr(SysRng)).await.map(|_| ())
    });
    machine.step();
    part(machine.outgoing().pop_front().unwrap().body)
}

/// Makes a whole message of one part.
pub(crate) fn part(body: Bytes) -> Part {
    let header = PartHeader { sequence: 0, part: 0, last: true, tag: [0; 16] };
    Part { header, body }
}
