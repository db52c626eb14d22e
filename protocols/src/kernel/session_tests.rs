//! Agreeing, in simulation: equal and differing offers, and the party that is blamed.

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::algebra::elementwise::zip_exact;
use crate::kernel::disclosure::{Profile, Refusal};
use crate::kernel::machine::{Machine, Setting, Step};
use crate::kernel::party::Parties;
use crate::kernel::simulation::adversary::{Action, Envelope, Tamper};
use crate::kernel::simulation::{Ending, Report, Simulation};
use crate::kernel::spec::tests::role;
use crate::kernel::wire::SessionId;
use crate::testing;

#[path = "session_rules_tests.rs"]
mod rules;

/// The hash, rules, deadline, and keys with the others.
type Settled = (SessionHash, Rules, u64, Vec<[u8; 32]>);

async fn agreed(channel: Channel, offer: Offer, mut rng: impl CryptoRng) -> Result<Settled, Fault> {
    let session = agree(&channel, offer, false, &mut rng).await?;
    let keys = session.pair_keys().map(|(_, key)| *key.for_use("test", 0)).collect();
    Ok((*session.hash(), *session.rules().rules(), session.deadline_ms(), keys))
}

fn offers(parties: usize) -> Vec<Offer> {
    (0..parties).map(|_| testing::offer(parties, Profile::Teaching.rules())).collect()
}

fn simulate(simulation: Simulation, offers: &[Offer]) -> Report<Settled> {
    simulation
        .parties(offers.len())
        .run(|channel, party, rng| agreed(channel, offers[party.index()].clone(), rng))
}

/// Runs three parties of which the last one's offer differs.
fn with_another(change: impl FnOnce(&mut Offer)) -> Report<Settled> {
    let mut offers = offers(3);
    change(&mut offers[2]);
    simulate(Simulation::new(testing::seed()), &offers)
}

fn party(index: usize) -> Party {
    Party::new(index).unwrap()
}

#[test]
fn all_agree_on_the_hash_and_pairs_on_their_key() {
    let report = simulate(Simulation::new(testing::seed()), &offers(4));
    let results = report.results().unwrap();
    assert!(results.iter().all(|(hash, ..)| *hash == results[0].0));
    for i in 0..4_usize {
        for j in 0..i {
            // Party i has the keys with all others, in order and without itself.
            assert_eq!(results[i].3[j], results[j].3[i - 1]);
        }
    }
    let mut keys: Vec<_> = results.iter().flat_map(|(.., keys)| keys).collect();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 6);
}

#[test]
fn each_use_of_a_pair_key_has_its_own_key() {
    let key = PairKey([1; 32]);
    assert_ne!(key.for_use("a", 0), key.for_use("a", 1));
    assert_ne!(key.for_use("a", 0), key.for_use("b", 0));
    assert_eq!(format!("{key:?}"), "PairKey(..)");
}

#[test]
fn a_pair_key_is_of_one_session_one_pair_and_one_link() {
    let mut rng = testing::rng(1);
    let [a, b] = [0, 1].map(|_| ReusableSecret::random_from_rng(&mut rng));
    let public = PublicKey::from(&b).to_bytes();
    let (session, other) = (SessionHash::fixed([1; 32]), SessionHash::fixed([2; 32]));
    let derive = |pair: (usize, usize), session: &SessionHash, link: u8, told: [u64; 2]| {
        let pair = (party(pair.0), party(pair.1));
        let told = told.map(|number| AuditHead { losses: 0, number, hash: [0; 32] });
        let context = PairContext { session, link: &[link; 32], told };
        PairKey::derive(&a, pair, &public, &context).unwrap().0
    };
    let key = derive((0, 1), &session, 1, [3, 4]);
    assert_eq!(key, derive((1, 0), &session, 1, [3, 4]));
    let others = [
        derive((0, 1), &other, 1, [3, 4]),
        derive((0, 2), &session, 1, [3, 4]),
        derive((0, 1), &session, 2, [3, 4]),
        derive((0, 1), &session, 1, [4, 3]),
    ];
    assert!(!others.contains(&key));
}

#[test]
fn the_strictest_rules_and_the_shortest_deadline_hold() {
    let report = with_another(|offer| {
        offer.rules.min_rows = 7;
        offer.deadline_ms = 5;
    });
    for (_, rules, deadline_ms, _) in report.results().unwrap() {
        assert_eq!((rules.min_rows, *deadline_ms), (7, 5));
    }
}

#[test]
fn every_party_names_the_field_that_differs() {
    type Change = fn(&mut Spec);
    let changes: [(&str, Change); 10] = [
        ("network", |spec| spec.network = "other".into()),
        ("run", |spec| spec.run = 1),
        ("function", |spec| spec.function = "Other".into()),
        ("suite", |spec| spec.suite = "replicated".into()),
        ("members", |spec| spec.members.reverse()),
        ("roles.input", |spec| spec.members[1].role = Role::HELPER),
        ("roles.compute", |spec| spec.members[2].role.compute = false),
        ("roles.output", |spec| spec.members[0].role.output = false),
        ("parameters.digits", |spec| drop(spec.parameters.insert("digits".into(), "3".into()))),
        ("length", |spec| assert!(spec.shape.insert("length".into(), 3).is_none())),
    ];
    for (field, change) in changes {
        let report = with_another(|offer| change(&mut offer.spec));
        for (index, ending) in report.endings.iter().enumerate() {
            let Some(Fault::Disagreement { party, difference }) = ending.fault() else {
                panic!("{field}: {ending:?}");
            };
            assert_eq!(difference.field, field);
            assert_eq!(party.index() == 2, index != 2, "{field}");
        }
    }
}

#[test]
fn members_of_another_consortium_file_are_a_difference() {
    let changes: [fn(&mut MemberId); 2] =
        [|id| id.name = "other".into(), |id| id.fingerprint[31] = 9];
    for change in changes {
        let report = with_another(|offer| {
            change(&mut offer.spec.members[0].id);
            offer.roster = offer.spec.ids().cloned().collect();
        });
        for ending in &report.endings {
            let Some(Fault::Disagreement { difference, .. }) = ending.fault() else {
                panic!("{ending:?}");
            };
            assert_eq!(difference.field, "members");
            assert_eq!(difference.theirs, "those of another consortium file");
        }
    }
}

#[test]
fn a_proposal_of_many_is_as_long_as_one_of_few() {
    let length = |parties: usize| {
        let report = simulate(Simulation::new(testing::seed()), &offers(parties));
        report.transcript[0].body.len()
    };
    assert_eq!(length(40), length(2));
}

#[test]
fn a_difference_is_told_in_words() {
    let mut offers = offers(2);
    for (offer, length) in offers.iter_mut().zip([3, 4]) {
        offer.spec.shape.insert("length".into(), length);
    }
    let report = simulate(Simulation::new(testing::seed()), &offers);
    let text = report.endings[0].fault().unwrap().to_string();
    assert_eq!(text, "party 1 and this party disagree: field `length` is 3 here and 4 there");
}

#[test]
fn long_and_invisible_text_of_others_is_not_repeated() {
    let report = with_another(|offer| offer.spec.network = "a\nb".repeat(100));
    let text = report.endings[0].fault().unwrap().to_string();
    assert!(text.len() < 250 && !text.contains('\n'), "{text}");
}

#[test]
fn too_few_parties_are_refused_by_all() {
    let mut offers = offers(2);
    offers[1].rules = Profile::Production.rules();
    let refusal = Refusal::TooFewParties { parties: 2, minimum: 3, of: party(1) };
    for ending in simulate(Simulation::new(testing::seed()), &offers).endings {
        assert_eq!(ending.fault(), Some(&Fault::Refused(refusal.clone())));
    }
}

#[test]
fn a_spec_must_name_every_party() {
    let report = with_another(|offer| drop(offer.spec.members.pop()));
    let shape = InputError::Shape { expected: "one member for each party" };
    assert_eq!(report.endings[2].fault(), Some(&Fault::Input(shape)));
    for ending in &report.endings[..2] {
        let Ending::Stalled(awaiting) = ending else { panic!("{ending:?}") };
        assert_eq!((awaiting.name, &awaiting.parties), ("agreeing", &vec![party(2)]));
    }
}

#[test]
fn a_reflected_proposal_is_refused() {
    let tamper = Tamper::new(party(1), Some(party(0)), 0, Action::Copy(party(0)));
    let report = simulate(Simulation::new(testing::seed()).adversary(tamper), &offers(2));
    let blamed = Fault::blame(party(1), Misbehaviour::RepeatedNonce);
    assert_eq!(report.endings[0].fault(), Some(&blamed));
}

fn change_proposal(envelope: &mut Envelope, change: impl FnOnce(&mut Proposal)) {
    let mut sent: Sent = wire::decode(&envelope.message.body).unwrap();
    change(&mut sent.proposal);
    envelope.message.body = wire::encode(&sent).unwrap().into();
}

/// Runs the agreement with a proposal of party 1 that `change` has changed.
fn with_proposal(change: impl Fn(&mut Proposal) + 'static) -> Report<Settled> {
    let adversary = move |mut envelope: Envelope| {
        if envelope.from == party(1) && envelope.message.sequence == 0 {
            change_proposal(&mut envelope, &change);
        }
        vec![envelope]
    };
    simulate(Simulation::new(testing::seed()).adversary(adversary), &offers(3))
}

#[test]
fn a_reflected_key_or_nonce_alone_is_refused() {
    type Part = fn(&Proposal) -> [u8; 32];
    let parts: [Part; 2] = [|proposal| proposal.nonce, |proposal| proposal.key];
    for part in parts {
        let first: std::cell::OnceCell<[u8; 32]> = std::cell::OnceCell::new();
        let is_nonce = part as usize == parts[0] as usize;
        let adversary = move |mut envelope: Envelope| {
            let sent: Sent = wire::decode(&envelope.message.body).unwrap();
            let stolen = *first.get_or_init(|| part(&sent.proposal));
            if envelope.from == party(1) {
                change_proposal(&mut envelope, |proposal| {
                    let place = if is_nonce { &mut proposal.nonce } else { &mut proposal.key };
                    *place = stolen;
                });
            }
            vec![envelope]
        };
        let simulation = Simulation::new(testing::seed()).adversary(adversary);
        let report = simulate(simulation, &offers(2));
        let blamed = Fault::blame(party(1), Misbehaviour::RepeatedNonce);
        assert_eq!(report.endings[0].fault(), Some(&blamed));
    }
}

/// Makes an adversary that copies. Party 0 keeps its proposal to party 1 back until it knows party
/// 2's, and takes from it the parts that `steal` takes.
fn thief(steal: fn(&mut Proposal, Proposal)) -> impl FnMut(Envelope) -> Vec<Envelope> {
    let mut held: Option<Envelope> = None;
    move |envelope| {
        let way = (envelope.from.index(), envelope.message.to.index());
        if envelope.message.sequence == 0 && way == (0, 1) {
            held = Some(envelope);
            return Vec::new();
        }
        if envelope.message.sequence == 0 && way == (2, 0) {
            let mut own = held.take().unwrap();
            let theirs: Sent = wire::decode(&envelope.message.body).unwrap();
            change_proposal(&mut own, |proposal| steal(proposal, theirs.proposal));
            own.retag = true;
            return vec![own, envelope];
        }
        vec![envelope]
    }
}

#[test]
fn whoever_has_two_that_say_the_same_names_both_and_blames_neither_alone() {
    let thefts: [fn(&mut Proposal, Proposal); 2] =
        [|own, theirs| own.nonce = theirs.nonce, |own, theirs| own.key = theirs.key];
    for theft in thefts {
        let simulation = Simulation::new(testing::seed()).adversary(thief(theft));
        let report = simulate(simulation, &offers(3));
        let echo = Fault::Echo { one: party(0), other: party(2) };
        assert_eq!(report.endings[1].fault(), Some(&echo));
        assert_ne!(report.endings[2].fault(), Some(&echo));
    }
}

#[test]
fn weak_and_uncanonical_keys_are_refused() {
    let p = |last: u8| {
        let mut key = [0xff; 32];
        (key[0], key[31]) = (last, 0x7f);
        key
    };
    let one = {
        let mut key = [0; 32];
        key[0] = 1;
        key
    };
    let order_8 = hex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800");
    let other_8 = hex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157");
    let high_bit = {
        let mut key = [9; 32];
        key[31] = 0x89;
        key
    };
    for key in [[0; 32], one, order_8, other_8, p(0xec), p(0xed), p(0xee), p(0xff), high_bit] {
        let report = with_proposal(move |proposal| proposal.key = key);
        let blamed = Fault::blame(party(1), Misbehaviour::WeakKey);
        assert_eq!(report.endings[0].fault(), Some(&blamed), "{key:x?}");
        assert_eq!(report.endings[2].fault(), Some(&blamed), "{key:x?}");
    }
}

fn hex(text: &str) -> [u8; 32] {
    std::array::from_fn(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap())
}

#[test]
fn another_version_is_a_difference() {
    let report = with_proposal(|proposal| proposal.version += 1);
    let text = report.endings[0].fault().unwrap().to_string();
    let (ours, theirs) = (wire::VERSION, wire::VERSION + 1);
    assert!(text.contains(&format!("field `version` is {ours} here and {theirs} there")), "{text}");
}

/// Agrees, and then sends one bound message to all.
async fn agree_and_greet(
    channel: Channel,
    offer: Offer,
    mut rng: impl CryptoRng,
) -> Result<(), Fault> {
    agree(&channel, offer, false, &mut rng).await?;
    channel.broadcast(vec![1]);
    channel.gather_exactly(1).await.map(drop)
}

/// Agrees and greets, while a bit of the proposal from party 1 to party 0 is flipped, so many bytes
/// before its end.
fn with_flipped_bit(from_behind: usize) -> Report<()> {
    let length = {
        let report = simulate(Simulation::new(1), &offers(3));
        report.transcript[0].body.len()
    };
    let flip = Action::Flip(8 * (length - from_behind));
    let tamper = Tamper::new(party(1), Some(party(0)), 0, flip).retagging();
    Simulation::new(testing::seed()).adversary(tamper).run(|channel, _, rng| {
        agree_and_greet(channel, testing::offer(3, Profile::Teaching.rules()), rng)
    })
}

#[test]
fn parties_that_were_told_different_things_find_out_with_the_first_bound_message() {
    // A bit of the key, which comes before the head that is told; and one of the nonce before it.
    for from_behind in [49, 81] {
        // No party can tell whether the other or the third one lied.
        for ending in with_flipped_bit(from_behind).endings {
            let fault = ending.fault();
            assert!(matches!(fault, Some(Fault::DifferentSession { .. })), "{fault:?}");
            assert!(fault.unwrap().to_string().contains("or a third party"));
        }
    }
}

#[test]
fn a_head_that_was_changed_on_its_way_is_noticed_by_the_two_that_it_concerns() {
    let endings = with_flipped_bit(1).endings;
    for (me, other) in [(0, 1), (1, 0)] {
        let different = Fault::DifferentSession { party: party(other) };
        assert_eq!(endings[me].fault(), Some(&different));
    }
}

/// Runs parties by hand. Each has the others in an order of its own, by which its machine knows
/// them: `orders[i]` are the parties as party i lists them.
fn run_by_hand<T, F: Future<Output = Result<T, Fault>> + 'static>(
    orders: &[Vec<usize>],
    link_binding: impl Fn(usize, usize) -> u8,
    protocol: impl Fn(Channel, usize) -> F,
) -> Vec<Option<Result<T, Fault>>> {
    let place = |of: usize, at: usize| orders[at].iter().position(|index| *index == of).unwrap();
    let mut machines: Vec<Machine<T>> = (0..orders.len())
        .map(|me| {
            let setting = Setting {
                parties: Parties::new(orders.len(), place(me, me)).unwrap(),
                session: SessionId([1; 16]),
                link_bindings: orders[me].iter().map(|to| [link_binding(me, *to); 32]).collect(),
                limit: 1 << 20,
            };
            Machine::new(setting, |channel| protocol(channel, me))
        })
        .collect();
    let mut ends: Vec<Option<Result<T, Fault>>> = machines.iter().map(|_| None).collect();
    for me in (0..8).flat_map(|_| 0..orders.len()) {
        if ends[me].is_some() {
            continue;
        }
        if let Step::Ended(end) = machines[me].step() {
            ends[me] = Some(end);
        }
        for message in machines[me].outgoing() {
            let to = orders[me][message.to.index()];
            let from = party(place(me, to));
            for part in message.parts() {
                machines[to].deliver(from, part).unwrap();
            }
        }
    }
    ends
}

#[test]
fn parties_that_list_the_members_in_other_orders_are_told_so() {
    let orders = [vec![0, 1, 2], vec![2, 1, 0], vec![1, 2, 0]];
    let ends = run_by_hand(
        &orders,
        |_, _| 0,
        |channel, me| {
            let mut offer = testing::offer(3, Profile::Teaching.rules());
            let members = offer.spec.members.clone();
            offer.spec.members = orders[me].iter().map(|index| members[*index].clone()).collect();
            agree_and_greet(channel, offer, testing::rng(me as u64))
        },
    );
    for end in ends {
        let Some(Err(Fault::Disagreement { difference, .. })) = end else { panic!("{end:?}") };
        assert_eq!(difference.field, "members");
    }
}

#[test]
fn ends_of_different_links_find_out_with_the_first_bound_message() {
    let run = |link: fn(usize, usize) -> u8| {
        let orders = [vec![0, 1], vec![0, 1]];
        run_by_hand(&orders, link, |channel, me| {
            let offer = testing::offer(2, Profile::Teaching.rules());
            agree_and_greet(channel, offer, testing::rng(me as u64))
        })
    };
    assert_eq!(run(|_, _| 9), [Some(Ok(())), Some(Ok(()))]);
    // An attacker stands between the two and has a link with either.
    let ends = run(|me, _| u8::from(me == 1));
    let other = |index| Some(Err(Fault::DifferentSession { party: party(index) }));
    assert_eq!(ends, [other(1), other(0)]);
}

#[test]
fn a_proposal_is_these_bytes() {
    let mut offer = testing::offer(2, Profile::Production.rules());
    offer.spec.function = "F".into();
    offer.spec.suite = "masked".into();
    offer.spec.parameters.insert("p".into(), "1".into());
    offer.spec.shape.insert("length".into(), 3);
    offer.rules.round = "se/10".parse().ok();
    testing::set_helpers(&mut offer.spec, 1);
    let Offer { spec, roster, rules, deadline_ms, serves, .. } = offer;
    let earlier = vec![AnswerId([3; 16]), AnswerId([4; 16])];
    let kinds = [ColumnKind::Text, ColumnKind::Number];
    let (source, audit) = (Origin::Dataset, AuditHead { losses: 2, number: 9, hash: [6; 32] });
    let seen = AuditHead { losses: 1, number: 4, hash: [5; 32] };
    let (version, nonce, key) = (wire::VERSION, [7; 32], [8; 32]);
    let proposal = Proposal {
        version,
        spec: SentSpec::new(&spec, &roster).unwrap(),
        rules,
        deadline_ms,
        serves,
        source,
        kinds,
        audit,
        earlier,
        kept: Some(AnswerId([9; 16])),
        nonce,
        key,
    };
    let text = |text: &str| [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    let fixed = |number: u64| number.to_le_bytes().to_vec();
    let check = {
        let mut hasher = blake3::Hasher::new_derive_key("cloister 1 members of a proposal");
        hasher.update(&fixed(2));
        for (name, byte) in [("member 0", 0), ("member 1", 1)] {
            hasher.update(&[fixed(8), name.into(), vec![byte; 32]].concat());
        }
        hasher.finalize().as_bytes()[..8].to_vec()
    };
    let expected = [
        vec![11],
        text("F"),
        [vec![1], text("p"), text("1")].concat(),
        [vec![1], text("length"), vec![3]].concat(),
        // Two ranges: the place of the first, their number, and their role.
        vec![2, 0, 1, 1, 1, 1, 1, 1, 0, 1, 0],
        check,
        text("masked"),
        text("network"),
        fixed(0),
        [vec![3, 10, 5, 90, 0, 1], text("se/10")].concat(),
        fixed(60_000),
        vec![1],
        vec![2],
        vec![1, 3],
        [fixed(2), fixed(9), vec![6; 32]].concat(),
        [vec![2], vec![3; 16], vec![4; 16]].concat(),
        [vec![1], vec![9; 16]].concat(),
        vec![7; 32],
        vec![8; 32],
        [fixed(1), fixed(4), vec![5; 32]].concat(),
    ]
    .concat();
    assert_eq!(wire::encode(&Sent { proposal, seen }).unwrap(), expected);
}

#[test]
fn a_kept_answer_is_given_again_only_if_all_members_with_data_name_it() {
    let name = |number: u8| Some(AnswerId([number; 16]));
    let agreed = |names: [Option<AnswerId>; 3], helpers: usize| {
        let proposals = names.into_iter().enumerate().map(|(index, kept)| {
            let mut offer = testing::offer(3, Profile::Production.rules());
            testing::set_helpers(&mut offer.spec, helpers);
            offer.kept = kept;
            let mut rng = testing::rng(1);
            let secret = ReusableSecret::random_from_rng(&mut rng);
            (party(index), Heard::own(offer, &secret, &mut rng).unwrap())
        });
        kept(&proposals.collect())
    };
    assert_eq!(agreed([name(1), name(1), name(1)], 0), name(1));
    assert_eq!(agreed([name(1), name(1), name(2)], 0), None);
    assert_eq!(agreed([name(1), name(1), None], 0), None);
    assert_eq!(agreed([None, None, None], 0), None);
    // A helper keeps none, and its word counts for nothing.
    assert_eq!(agreed([name(1), name(1), None], 1), name(1));
    assert_eq!(agreed([name(1), None, name(1)], 1), None);
}

#[test]
fn cut_long_and_trailing_proposals_are_refused() {
    for action in [Action::Truncate(1), Action::Extend(1), Action::Replace(Bytes::new())] {
        let tamper = Tamper::new(party(1), None, 0, action).retagging();
        let report = simulate(Simulation::new(testing::seed()).adversary(tamper), &offers(3));
        let blamed = Fault::blame(party(1), Misbehaviour::Malformed);
        assert_eq!(report.endings[0].fault(), Some(&blamed));
    }
}

proptest! {
    #[test]
    fn no_bytes_make_decoding_a_proposal_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let offer = testing::offer(3, Profile::Teaching.rules());
        let _ = Heard::decode(&bytes, &offer.roster);
    }

    #[test]
    fn nodes_that_differ_in_one_role_disagree_about_it(
        list in prop::collection::vec(role(), 2..5),
        place in any::<prop::sample::Index>(),
        other in role(),
    ) {
        let mut offers = offers(list.len());
        for offer in &mut offers {
            zip_exact(&mut offer.spec.members, &list).for_each(|(member, role)| member.role = *role);
        }
        offers[0].spec.members[place.index(list.len())].role = other;
        let ours = place.get(&list);
        let due = [
            (ours.input != other.input, "roles.input"),
            (ours.compute != other.compute, "roles.compute"),
            (ours.output != other.output, "roles.output"),
        ];
        let due = due.into_iter().find_map(|(differs, field)| differs.then_some(field));
        for ending in simulate(Simulation::new(1), &offers).endings {
            let field = match ending.fault() {
                Some(Fault::Disagreement { difference, .. }) => Some(difference.field.as_str()),
                _ => None,
            };
            prop_assert_eq!(field, due);
        }
    }
}

fn proposal(offer: Offer) -> Proposal {
    let mut rng = testing::rng(1);
    let secret = ReusableSecret::random_from_rng(&mut rng);
    Heard::own(offer, &secret, &mut rng).unwrap().proposal
}

#[test]
fn answers_that_two_members_name_come_first_and_each_once() {
    let name = |number: u8| AnswerId([number; 16]);
    let all = [vec![1, 2, 3, 2], vec![9, 3, 1], vec![9, 9, 9, 8]];
    let proposals = all.iter().map(|names| {
        let mut offer = testing::offer(3, Profile::Production.rules());
        offer.earlier = names.iter().copied().map(name).collect();
        proposal(offer)
    });
    let proposals: Vec<Proposal> = proposals.collect();
    assert_eq!(earlier(proposals.iter()), [1, 9, 3, 2, 8].map(name));
    let many: Vec<AnswerId> =
        (0..2 * MAX_EARLIER as u128).map(|n| AnswerId(n.to_le_bytes())).collect();
    let mut offer = testing::offer(3, Profile::Production.rules());
    offer.earlier = many.clone();
    assert_eq!(earlier([proposal(offer)].iter()), many[..MAX_EARLIER]);
}
