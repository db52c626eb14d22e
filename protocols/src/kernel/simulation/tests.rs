//! Virtual time against the theory of protocols that one can reckon by hand, and the order of
//! deliveries.

use std::time::Duration;

use super::*;
use crate::kernel::trace::TracedRound;
use crate::testing::Watch;

const LINK: Link = Link { latency: 0.5, bandwidth: 100.0 };

fn party(index: usize) -> Party {
    Party::new(index).unwrap()
}

/// Sends from each to each in every round. Each party computes so long before it sends, and at the
/// end.
async fn rounds(channel: Channel, bytes: usize, computes: u64, watch: Watch) -> Result<(), Fault> {
    for name in ["first", "second"] {
        channel.begin_round(name);
        watch.pass(computes);
        channel.broadcast(vec![0; bytes]);
        channel.gather().await?;
    }
    watch.pass(computes);
    Ok(())
}

#[test]
fn a_round_takes_its_bytes_over_the_bandwidth_and_the_latency() {
    for parties in [2, 5] {
        let simulation = Simulation::new(1).parties(parties).link(LINK);
        let report = simulation.run(|channel, _, _| rounds(channel, 50, 0, Watch::default()));
        assert_eq!((report.seconds, &report.ended), (2.0, &vec![2.0; parties]));
        let second = &report.traces[1].rounds[2];
        let [begins, ends] = [1, 2].map(Duration::from_secs);
        assert_eq!((second.name, second.begins, second.ends), ("second", begins, ends));
        assert_eq!((second.arithmetic, &second.waits), (Duration::ZERO, &vec![(begins, ends)]));
    }
}

#[test]
fn messages_of_one_line_queue_and_others_do_not() {
    let report = Simulation::new(1).link(LINK).run(|channel, me, _| async move {
        if me.index() == 0 {
            channel.send(party(1), vec![0; 100]);
            channel.send(party(1), vec![0; 200]);
            channel.send(party(2), vec![0; 300]);
            return Ok(());
        }
        let messages = if me.index() == 1 { 2 } else { 1 };
        for _ in 0..messages {
            channel.receive(party(0)).await?;
        }
        Ok(())
    });
    assert_eq!(report.ended, [0.0, 3.5, 3.5]);
}

#[test]
fn computing_counts_on_the_critical_path_only() {
    // Party 2 is slow; the others compute while it does, and wait for it.
    let watch = Watch::default();
    let simulation = Simulation::new(1).link(LINK).computing(watch.clock());
    let report = simulation.run(|channel, me, _| {
        let computes = if me.index() == 2 { 10 } else { 3 };
        rounds(channel, 50, computes, watch.clone())
    });
    // The slow party finds every message that it waits for. Its second message is at the others
    // after 21 seconds.
    assert_eq!(report.ended, [24.0, 24.0, 30.0]);
    assert_eq!(report.seconds, 30.0);
    // In real time they have all computed one after the other.
    assert_eq!((watch.clock())().as_secs(), 3 * (10 + 3 + 3));
    let arithmetic = |party: usize| {
        let rounds = report.traces[party].rounds.iter();
        rounds.map(|round: &TracedRound| round.arithmetic.as_secs()).collect::<Vec<_>>()
    };
    assert_eq!((arithmetic(0), arithmetic(2)), (vec![0, 3, 6], vec![0, 10, 20]));
}

#[test]
fn what_arrives_while_a_party_computes_waits_for_it() {
    let watch = Watch::default();
    let simulation = Simulation::new(1).link(LINK).computing(watch.clock());
    let report = simulation.run(|channel, me, _| {
        let watch = watch.clone();
        async move {
            match me.index() {
                0 => channel.send(party(1), vec![]),
                1 => {
                    channel.receive(party(0)).await?;
                    watch.pass(7);
                    channel.receive(party(2)).await?;
                    watch.pass(1);
                }
                _ => channel.send(party(1), vec![0; 200]),
            }
            Ok(())
        }
    });
    // The first message comes at 0.5, the second at 2.5, and is taken at 7.5.
    assert_eq!((report.ended[1], report.seconds), (8.5, 8.5));
    assert!(report.traces[1].rounds[0].waits[0].1 == Duration::from_millis(500));
}

#[test]
fn who_stalls_has_ended_with_the_last_step() {
    let report = Simulation::new(1).parties(2).link(LINK).run(|channel, me, _| async move {
        if me.index() == 0 {
            channel.send(party(1), vec![]);
            return Ok(());
        }
        channel.receive(party(0)).await?;
        channel.receive(party(0)).await.map(drop)
    });
    assert!(matches!(report.endings[1], Ending::Stalled(_)));
    assert_eq!(report.ended, [0.0, 0.5]);
}

/// Returns sender and receiver of each message, in the order of delivery.
fn order(seed: u64, parties: usize, link: Link) -> Vec<(usize, usize)> {
    let simulation = Simulation::new(seed).parties(parties).link(link);
    let report = simulation.run(|channel, me, _| rounds(channel, me.index(), 0, Watch::default()));
    report.results().unwrap();
    report.transcript.iter().map(|message| (message.from.index(), message.to.index())).collect()
}

#[test]
fn the_order_of_what_arrives_at_once_is_a_function_of_the_seed() {
    let usual = order(1, 3, Link::default());
    assert_eq!(usual, order(1, 3, Link::default()));
    assert!((2..12).any(|seed| order(seed, 3, Link::default()) != usual));
    let hash = |seed, link| {
        let text = format!("{:?}", order(seed, 9, link));
        blake3::hash(text.as_bytes()).to_hex()[..16].to_owned()
    };
    // A seed that has failed once must fail again.
    assert_eq!([hash(1, Link::default()), hash(2, LINK)], ["303f23d7e6bb0ddc", "59c6c4e026792b0b"]);
}

#[test]
fn hundreds_of_parties_run_in_a_second_and_need_not_be_kept() {
    let simulation = Simulation::new(1).parties(200).link(LINK).without_transcript();
    let report = simulation.run(|channel, _, _| rounds(channel, 1_000, 0, Watch::default()));
    assert_eq!((report.results().unwrap().len(), report.seconds), (200, 21.0));
    assert_eq!(report.bytes(), 2 * 200 * 199 * 1_000);
    assert!(report.transcript.is_empty());
}

#[test]
fn who_is_called_begins_with_the_first_message() {
    let ended = |called| {
        let simulation = Simulation::new(1).link(LINK).called(called);
        simulation
            .run(|channel, _, _| async move {
                channel.broadcast(Vec::new());
                channel.gather().await.map(drop)
            })
            .ended
    };
    let once = LINK.latency;
    assert_eq!(ended(0), [once, once, once]);
    assert_eq!(ended(1), [2.0 * once, 2.0 * once, once]);
}
