//! The search for the party that a computation waited for when its time was up.
//!
//! The party that is awaited here may itself wait for another. So each party whose time is up tells
//! all others whom it awaits, and hears them for a moment. The chain leads to those that said
//! nothing: their node, their client or the line to them is at fault. Nothing here does I/O.
//!
//! A party that has ended with its answer says so when it hears of another's deadline, and is never
//! named. A party may lie about those that it awaits; then the chain leads to a party that answers.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use cloister_protocols::party::Party;

/// The words of the parties of a session whose time is up.
#[derive(Debug)]
pub(super) struct Parting {
    me: Party,
    /// The parties that each awaits that has said so.
    awaited: BTreeMap<Party, BTreeSet<Party>>,
    /// The parties that have ended with their answers.
    finished: BTreeSet<Party>,
}

/// The end of the chains.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// These parties said nothing, or nothing is missing for them to go on.
    Silent(Vec<Party>),
    /// No chain leads to a silent party, and some lead to these parties, which have their answers.
    Finished(Vec<Party>),
    /// These parties wait for each other: a line between them is dead.
    EachOther(Vec<Party>),
}

impl Parting {
    pub(super) fn new(me: Party, awaited: &[Party]) -> Self {
        let mut parting = Self { me, awaited: BTreeMap::new(), finished: BTreeSet::new() };
        parting.hear(me, awaited);
        parting
    }

    /// Takes the word of a party. Its first one counts.
    pub(super) fn hear(&mut self, from: Party, awaited: &[Party]) {
        let others = awaited.iter().copied().filter(|party| *party != from);
        self.awaited.entry(from).or_insert_with(|| others.collect());
    }

    /// Takes the word of a party that has ended with its answer, if it is its first one.
    pub(super) fn hear_of_end(&mut self, from: Party) {
        if let Entry::Vacant(entry) = self.awaited.entry(from) {
            entry.insert(BTreeSet::new());
            self.finished.insert(from);
        }
    }

    /// Returns whether all parties have spoken that the chains lead to: no word can change what is
    /// found.
    pub(super) fn is_settled(&self) -> bool {
        self.reached(self.me).iter().all(|party| self.awaited.contains_key(party))
    }

    /// Returns the end of the chains that begin here.
    pub(super) fn find(&self) -> Found {
        let reached = self.reached(self.me);
        let waits = |party: &Party| self.awaited.get(party).is_some_and(|it| !it.is_empty());
        let ends = reached.iter().copied().filter(|party| *party != self.me && !waits(party));
        let (finished, silent): (Vec<Party>, Vec<Party>) =
            ends.partition(|party| self.finished.contains(party));
        if !silent.is_empty() {
            return Found::Silent(silent);
        }
        if !finished.is_empty() {
            return Found::Finished(finished);
        }
        let in_circle = |party: &Party| self.reached(*party).contains(party);
        Found::EachOther(reached.iter().copied().filter(in_circle).collect())
    }

    /// Returns the parties by which a party that is awaited here leads to others.
    pub(super) fn between(&self) -> Vec<Party> {
        let reached = self.reached(self.me).into_iter();
        let waits = |party: &Party| self.awaited.get(party).is_some_and(|it| !it.is_empty());
        reached.filter(|party| *party != self.me && waits(party)).collect()
    }

    /// Returns the parties that this one waits for, those that they wait for, and so on.
    fn reached(&self, from: Party) -> BTreeSet<Party> {
        let mut reached = BTreeSet::new();
        let mut next: Vec<Party> = self.awaited.get(&from).into_iter().flatten().copied().collect();
        while let Some(party) = next.pop() {
            if reached.insert(party) {
                next.extend(self.awaited.get(&party).into_iter().flatten());
            }
        }
        reached
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A small generator of numbers that look random: SplitMix64.
    struct Random(u64);

    impl Random {
        fn below(&mut self, bound: usize) -> usize {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = self.0;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            usize::try_from((z ^ (z >> 31)) % bound as u64).unwrap()
        }
    }

    fn party(index: usize) -> Party {
        Party::new(index).unwrap()
    }

    /// Has each party that speaks hear all that it is not cut off from.
    fn found(awaited: &[Vec<Party>], speaks: &[bool], cut: &[(usize, usize)]) -> Vec<Found> {
        let is_cut = |one, other| cut.contains(&(one, other)) || cut.contains(&(other, one));
        let hear = |me: usize| {
            let mut parting = Parting::new(party(me), &awaited[me]);
            for from in (0..awaited.len()).filter(|from| speaks[*from] && !is_cut(me, *from)) {
                parting.hear(party(from), &awaited[from]);
            }
            parting.find()
        };
        (0..awaited.len()).filter(|me| speaks[*me]).map(hear).collect()
    }

    #[test]
    fn a_chain_leads_to_the_party_that_says_nothing() {
        let awaited = [vec![party(1)], vec![party(2)], vec![]];
        let found = found(&awaited, &[true, true, false], &[]);
        assert_eq!(found, [(); 2].map(|()| Found::Silent(vec![party(2)])));
    }

    /// Some parties have stopped. The others wait for a stopped one, or for one that does so before.
    #[test]
    fn no_party_that_speaks_is_named() {
        for seed in 0..2_000 {
            let mut random = Random(seed);
            let parties = 2 + random.below(6);
            let stopped = 1 + random.below(parties - 1);
            // The last ones have stopped. Each waits for later ones only.
            let speaks: Vec<bool> = (0..parties).map(|index| index < parties - stopped).collect();
            let awaited: Vec<Vec<Party>> = (0..parties)
                .map(|me| {
                    let mut later: Vec<Party> = (me + 1..parties).map(party).collect();
                    while later.len() > 1 && random.below(2) == 0 {
                        later.remove(random.below(later.len()));
                    }
                    later
                })
                .collect();
            for found in found(&awaited, &speaks, &[]) {
                let Found::Silent(silent) = found else { panic!("seed {seed}: {found:?}") };
                assert!(!silent.is_empty(), "seed {seed}");
                assert!(silent.iter().all(|it| !speaks[it.index()]), "seed {seed}: {silent:?}");
            }
        }
    }

    /// The line between two of the parties is dead, shorter than its silence is noticed.
    #[test]
    fn a_dead_line_is_named_and_no_party_beside_it() {
        for seed in 0..2_000 {
            let mut random = Random(seed);
            let parties = 3 + random.below(5);
            // The first two wait for each other, the others for some that come before them.
            let awaited: Vec<Vec<Party>> = (0..parties)
                .map(|me| match me {
                    0 => vec![party(1)],
                    1 => vec![party(0)],
                    _ => {
                        let mut earlier: Vec<Party> = (0..me).map(party).collect();
                        while earlier.len() > 1 && random.below(2) == 0 {
                            earlier.remove(random.below(earlier.len()));
                        }
                        earlier
                    }
                })
                .collect();
            let both = vec![party(0), party(1)];
            for (me, found) in found(&awaited, &vec![true; parties], &[(0, 1)]).iter().enumerate() {
                let due = match me {
                    0 => Found::Silent(vec![party(1)]),
                    1 => Found::Silent(vec![party(0)]),
                    _ => Found::EachOther(both.clone()),
                };
                assert_eq!(*found, due, "seed {seed}, party {me}");
            }
        }
    }

    /// The end of a party in a schedule.
    #[derive(Clone, Debug, PartialEq, Eq)]
    enum Fate {
        Stopped,
        Finished,
        Waits(Vec<Party>),
    }

    /// Plays rounds in which each sends to each. Some messages come too late, and a party stops or not.
    fn played(random: &mut Random, parties: usize, stops: Option<usize>) -> Vec<Fate> {
        let rounds = 1 + random.below(3);
        let late = 1 + random.below(3 * parties);
        let late: BTreeSet<[usize; 3]> = (0..late)
            .map(|_| [random.below(rounds), random.below(parties), random.below(parties)])
            .collect();
        let mut fates = vec![Fate::Finished; parties];
        for round in 0..rounds {
            let sends: Vec<bool> = (0..parties)
                .map(|from| fates[from] == Fate::Finished && stops != Some(from))
                .collect();
            for to in (0..parties).filter(|to| sends[*to]) {
                let missing = (0..parties).filter(|from| {
                    *from != to && (!sends[*from] || late.contains(&[round, *from, to]))
                });
                let missing: Vec<Party> = missing.map(party).collect();
                if !missing.is_empty() {
                    fates[to] = Fate::Waits(missing);
                }
            }
        }
        if let Some(stopped) = stops {
            fates[stopped] = Fate::Stopped;
        }
        fates
    }

    /// A liar awaits whom it likes. Those that follow its chain find no party that has finished, and none
    /// that waits and says so.
    #[test]
    fn no_party_that_has_finished_or_waits_is_named_whatever_a_liar_awaits() {
        for seed in 0..5_000 {
            let mut random = Random(seed);
            let parties = 2 + random.below(5);
            let stops = (random.below(2) == 0).then(|| random.below(parties));
            let liar = (random.below(2) == 0).then(|| random.below(parties));
            let fates = played(&mut random, parties, stops);
            let lies: Vec<Party> =
                (0..parties).filter(|_| random.below(2) == 0).map(party).collect();
            for (me, fate) in fates.iter().enumerate() {
                let Fate::Waits(awaited) = fate else { continue };
                let mut parting = Parting::new(party(me), awaited);
                for (from, fate) in fates.iter().enumerate() {
                    match fate {
                        _ if Some(from) == liar => parting.hear(party(from), &lies),
                        Fate::Stopped => {}
                        Fate::Finished => parting.hear_of_end(party(from)),
                        Fate::Waits(awaited) => parting.hear(party(from), awaited),
                    }
                }
                if let Found::Silent(silent) = parting.find() {
                    let is_just =
                        |it: &Party| fates[it.index()] == Fate::Stopped || Some(it.index()) == liar;
                    assert!(silent.iter().all(is_just), "seed {seed}: {silent:?} of {fates:?}");
                }
            }
        }
    }

    #[test]
    fn a_chain_that_ends_at_a_finished_party_names_no_party() {
        let mut parting = Parting::new(party(0), &[party(1)]);
        parting.hear(party(1), &[party(2)]);
        parting.hear_of_end(party(2));
        assert!(parting.is_settled());
        assert_eq!(parting.find(), Found::Finished(vec![party(2)]));
        // Its first word counts: one that waits cannot say later that it had an answer.
        parting.hear_of_end(party(1));
        assert_eq!(parting.between(), [party(1)]);
    }

    #[test]
    fn nothing_is_awaited_once_all_have_spoken() {
        let mut parting = Parting::new(party(0), &[party(1)]);
        assert!(!parting.is_settled());
        parting.hear(party(1), &[party(2)]);
        assert!(!parting.is_settled());
        parting.hear(party(2), &[party(0)]);
        assert!(parting.is_settled());
        assert_eq!(parting.between(), [party(1), party(2)]);
        // A second word counts for nothing.
        parting.hear(party(1), &[party(3)]);
        assert!(parting.is_settled());
    }
}
