//! Tests of places for connections.

use tokio::sync::oneshot::error::TryRecvError;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn host(number: u8) -> IpAddr {
    IpAddr::from([192, 0, 2, number])
}

fn most(of_one: usize, of_all: usize) -> Most {
    Most { of_one, of_all }
}

fn has_place(place: &mut Place) -> bool {
    place.lost.try_recv() == Err(TryRecvError::Empty)
}

fn with_place(places: &mut [Place]) -> Vec<bool> {
    places.iter_mut().map(has_place).collect()
}

/// Connections of hosts, one each second. Returns the time of the next one, too.
fn each_second(places: &ConnectionTable, hosts: impl Iterator<Item = u8>) -> (Vec<Place>, Instant) {
    let mut now = Instant::now();
    let mut entered = Vec::new();
    for number in hosts {
        entered.push(places.enter_at(host(number), now));
        now += SECOND;
    }
    (entered, now)
}

#[test]
fn the_oldest_connection_of_a_full_source_loses_its_place() {
    let places = ConnectionTable::of_strangers(most(2, 10));
    let mut other = places.enter(host(2));
    let (mut flood, _) = each_second(&places, std::iter::repeat_n(1, 1_000));
    let expected: Vec<bool> = (0..1_000).map(|number| number >= 998).collect();
    assert_eq!(with_place(&mut flood), expected);
    assert!(has_place(&mut other), "other sources lose nothing");
    drop(flood);
    assert_eq!(places.table().strangers.all.len(), 1);
}

#[test]
fn a_silent_connection_has_its_grace_in_a_flood_from_its_own_address() {
    let places = ConnectionTable::of_strangers(most(2, 100));
    let now = Instant::now();
    let mut honest = places.enter_at(host(1), now);
    let flood: Vec<Place> = (0..50)
        .map(|number| places.enter_at(host(1), now + Duration::from_millis(number * 9)))
        .collect();
    assert!(has_place(&mut honest));
    // Those whose grace is over give way, all beyond the bound at once.
    let _late = places.enter_at(host(1), now + SECOND);
    assert!(!has_place(&mut honest));
    assert_eq!(places.table().strangers.all.len(), 2);
    drop(flood);
}

#[test]
fn where_all_places_are_taken_the_oldest_gives_way_at_once() {
    let places = ConnectionTable::of_strangers(most(2, 10));
    let now = Instant::now();
    let mut other = places.enter_at(host(2), now);
    let mut flood: Vec<Place> = (0..100).map(|_| places.enter_at(host(1), now)).collect();
    let expected: Vec<bool> = (0..100).map(|number| number >= 91).collect();
    assert_eq!(with_place(&mut flood), expected);
    assert!(has_place(&mut other));
}

#[test]
fn silent_connections_lose_their_places_before_older_ones_that_speak() {
    let places = ConnectionTable::of_strangers(most(3, 10));
    let (mut entered, mut now) = each_second(&places, [1, 1, 1].into_iter());
    entered[0].reach(Stage::Known);
    entered[1].reach(Stage::Speaking);
    for _ in 0..100 {
        drop(places.enter_at(host(1), now));
        now += SECOND;
    }
    assert_eq!(with_place(&mut entered), [true, true, false]);
    let mut newest = places.enter_at(host(1), now);
    newest.reach(Stage::Speaking);
    entered.push(places.enter_at(host(1), now + SECOND));
    entered[3].reach(Stage::Speaking);
    assert_eq!(with_place(&mut entered), [true, false, false, true]);
    assert!(has_place(&mut newest));
}

#[test]
fn a_full_listener_takes_places_from_the_source_that_holds_the_most() {
    let places = ConnectionTable::of_strangers(most(4, 6));
    let mut honest = [places.enter(host(1)), places.enter(host(2))];
    let mut flood: Vec<Place> = (0..4).map(|_| places.enter(host(3))).collect();
    let mut newest = places.enter(host(4));
    assert_eq!(with_place(&mut honest), [true, true]);
    assert_eq!(with_place(&mut flood), [false, true, true, true]);
    assert!(has_place(&mut newest));
}

#[test]
fn of_many_sources_the_oldest_connection_loses_its_place() {
    let places = ConnectionTable::of_strangers(most(4, 100));
    let mut entered: Vec<Place> = (0..=200).map(|number| places.enter(host(number))).collect();
    let expected: Vec<bool> = (0..=200).map(|number| number > 100).collect();
    assert_eq!(with_place(&mut entered), expected);
}

#[test]
fn a_connection_with_a_right_token_takes_no_place_from_strangers_and_loses_none_to_them() {
    let places = ConnectionTable::new(most(2, 2), most(3, 3));
    let mut ada = places.enter(host(1));
    drop(ada.standing().admitted("ada"));
    let (mut flood, _) = each_second(&places, std::iter::repeat_n(1, 100));
    assert!(has_place(&mut ada));
    assert_eq!(with_place(&mut flood).iter().filter(|has| **has).count(), 2);
    drop(ada);
    assert_eq!(places.table().principals.all.len(), 0);
}

#[test]
fn of_one_principal_the_connection_that_is_idle_for_the_longest_time_gives_way() {
    let places = ConnectionTable::new(most(9, 9), most(2, 9));
    let mut all: Vec<Place> = (0..3).map(|_| places.enter(host(1))).collect();
    let at_work = all[0].standing().admitted("ada");
    drop(all[1].standing().admitted("ada"));
    drop(all[2].standing().admitted("ada"));
    assert_eq!(with_place(&mut all), [true, false, true]);
    drop(at_work);
    all.push(places.enter(host(1)));
    drop(all[3].standing().admitted("ada"));
    // The first was used last.
    assert_eq!(with_place(&mut all), [true, false, false, true]);
}

#[test]
fn among_principals_the_one_with_the_most_connections_gives_way() {
    let places = ConnectionTable::new(most(9, 9), most(9, 4));
    let mut all: Vec<Place> = (0..5).map(|_| places.enter(host(1))).collect();
    for (place, name) in all.iter().zip(["bob", "ada", "ada", "ada", "cleo"]) {
        drop(place.standing().admitted(name));
    }
    assert_eq!(with_place(&mut all), [true, false, true, true, true]);
}

#[test]
fn a_network_of_ipv6_and_a_mapped_address_are_one_source_each() {
    let source = |text: &str| Source::of(text.parse().unwrap());
    assert_eq!(source("2001:db8::1"), source("2001:db8::ffff:2"));
    assert_ne!(source("2001:db8::1"), source("2001:db8:0:1::1"));
    assert_eq!(source("::ffff:192.0.2.7"), Source::of(host(7)));
    assert_eq!(source("2001:db8::1").to_string(), "2001:db8::/64");
}

#[actix_rt::test]
async fn work_ends_with_its_place() {
    let places = ConnectionTable::of_strangers(most(1, 1));
    let first = places.enter(host(1)).hold(async |_| std::future::pending::<()>().await);
    let second = places.enter(host(1)).hold(async |_| 2);
    assert_eq!(first.await, None);
    assert_eq!(second.await, Some(2));
}
