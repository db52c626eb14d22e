//! The API's documents of a computation, from its measurements and the terms agreed.
//!
//! A trace has the rounds, their traffic, and the intervals in which the node waited. None of it
//! depends on a value beyond those that the result tells. Computations on datasets have no trace: the
//! time of reading and arithmetic depends on the number of rows, which a client may not know.

use std::time::Duration;

use cloister_api::{Preparation, ReportCost, Rules, Stage, Trace, TracedRound};
use cloister_protocols::meter::{self, Meter, Traffic};
use cloister_protocols::{disclosure, trace};
use serde_json::Map;

/// Returns a number of things as documents have it.
pub(crate) fn count(things: usize) -> u64 {
    u64::try_from(things).expect("no machine has more than 2^64 things")
}

/// Returns the cost of a computation for this party, with the time from the request to the result.
pub(crate) fn cost(meter: &Meter, seconds: Duration) -> ReportCost {
    let Traffic { messages_sent, bytes_sent, bytes_received, .. } = meter.total();
    ReportCost {
        rounds: count(meter.rounds()),
        messages_sent,
        bytes_sent,
        bytes_received,
        seconds: seconds.as_secs_f64(),
        preparation: preparation(meter),
        more: Map::new(),
    }
}

/// Returns the part of the cost that was preparation, or `None` where there was none.
fn preparation(meter: &Meter) -> Option<Preparation> {
    let rounds = count(meter.rounds_of(meter::Stage::Preparation));
    let Traffic { messages_sent, bytes_sent, bytes_received, .. } =
        meter.total_of(meter::Stage::Preparation);
    (rounds > 0).then_some(Preparation { rounds, messages_sent, bytes_sent, bytes_received })
}

/// Returns the disclosure rules that held.
pub(crate) fn rules(rules: disclosure::Rules) -> Rules {
    Rules {
        min_parties: rules.min_parties.into(),
        min_rows: rules.min_rows,
        min_cell: rules.min_cell,
        max_share: rules.max_share.into(),
        client_columns: rules.client_columns,
    }
}

/// Returns roughly the bytes of memory that a trace holds.
pub(crate) fn footprint(trace: &Trace) -> usize {
    trace
        .rounds
        .iter()
        .map(|round| {
            size_of::<TracedRound>() + round.name.len() + size_of_val(round.waits.as_slice())
        })
        .sum()
}

/// Returns a measured round as the API tells it.
pub(crate) fn round(measured: trace::TracedRound) -> TracedRound {
    TracedRound {
        name: measured.name.to_owned(),
        stage: match measured.stage {
            meter::Stage::Preparation => Stage::Preparation,
            meter::Stage::Online => Stage::Online,
        },
        begins: measured.begins.as_secs_f64(),
        ends: measured.ends.as_secs_f64(),
        arithmetic: measured.arithmetic.as_secs_f64(),
        waits: measured.waits.into_iter().map(interval).collect(),
        messages_sent: measured.traffic.messages_sent,
        bytes_sent: measured.traffic.bytes_sent,
        bytes_received: measured.traffic.bytes_received,
    }
}

fn interval((begin, end): (Duration, Duration)) -> (f64, f64) {
    (begin.as_secs_f64(), end.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use cloister_protocols::channel::Channel;
    use cloister_protocols::machine::{Machine, Setting};
    use cloister_protocols::party::{Parties, Party};
    use cloister_protocols::wire::SessionId;
    use serde_json::json;

    use super::*;

    /// Returns the cost at the first of two parties.
    fn cost(protocol: impl Fn(&Channel, Party) + 'static) -> serde_json::Value {
        let parties = Parties::new(2, 0).unwrap();
        let peer = Party::new(1).unwrap();
        let setting = Setting {
            parties,
            session: SessionId([1; 16]),
            link_bindings: vec![[0; 32]; 2],
            limit: 1 << 20,
        };
        let mut machine = Machine::new(setting, |channel| async move {
            protocol(&channel, peer);
            Ok(())
        });
        machine.step();
        let cost = super::cost(&machine.meter(), Duration::from_millis(500));
        serde_json::to_value(cost).unwrap()
    }

    #[test]
    fn preparation_is_told_where_there_is_any() {
        let online = |channel: &Channel, peer| {
            channel.begin_round("use");
            channel.send(peer, vec![0; 8]);
        };
        let total = |rounds, messages, bytes| {
            json!({
                "rounds": rounds, "messages_sent": messages, "bytes_sent": bytes,
                "bytes_received": 0, "seconds": 0.5,
            })
        };
        assert_eq!(cost(online), total(1, 1, 8));
        let mut due = total(2, 2, 40);
        due["preparation"] =
            json!({"rounds": 1, "messages_sent": 1, "bytes_sent": 32, "bytes_received": 0});
        let both = move |channel: &Channel, peer| {
            channel.begin_preparation("make");
            channel.send(peer, vec![0; 32]);
            online(channel, peer);
        };
        assert_eq!(cost(both), due);
    }
}
