//! Clocks that jump, and zones that change: days end once, and none opens again.

use std::{fs, time::Duration};

use crate::{
    clock,
    close::testing::*,
    domain::{
        counters::Counter,
        day::{Day, Hour, Zone},
        outcome::Note,
        query::Group,
        row::Column,
        view::Reader,
    },
};

const MINUTE: i64 = 60_000;

fn of(groups: &[Group], counter: Counter) -> i64 {
    groups.iter().map(|group| group.sums[counter as usize]).sum()
}

/// Views by day.
fn by_day(bench: &Bench) -> Vec<(String, i64)> {
    let groups =
        bench.read(Reader::Staff, &crate::domain::query::Query { group: vec![Column::Day], ..views() });
    groups.iter().map(|group| (group.keys[0].to_string(), group.sums[0])).collect()
}

fn closed_days(bench: &Bench) -> Vec<Day> {
    let held = bench.store.held();
    held.releases.values().filter_map(|release| release.close.as_ref()).map(|row| row.day).collect()
}

fn settle(bench: &Bench) {
    bench.closing().step(bench.now);
    bench.closing().deliver();
}

#[test]
fn a_clock_that_goes_back_over_midnight_opens_no_closed_day_even_if_the_store_forgot_it() {
    let mut bench = Bench::new();
    bench.acknowledged(1, "a");
    bench.now = MIDNIGHT + DAY + 2_000;
    settle(&bench);
    assert_eq!((closed_days(&bench), bench.memory().days().len()), (vec![TODAY], 0));
    // The store has lost its memory, or is away: this process knows by itself.
    bench.store.held().releases.clear();
    bench.now = MIDNIGHT + DAY - 10 * MINUTE;
    bench.acknowledged(2, "b");
    let day = bench.today();
    assert_eq!(day.calendar.day, TODAY.plus(1));
    assert_eq!(day.calendar.starts, MIDNIGHT + 23 * HOUR, "it runs from the hour of its first hit");
    assert_eq!(by_day(&bench), [(TODAY.plus(1).to_string(), 1)]);
    settle(&bench);
    assert_eq!(bench.memory().days().len(), 1, "it is not over before its own midnight");
}

#[test]
fn a_clock_that_goes_back_before_the_close_goes_on_with_the_day() {
    let mut bench = Bench::new();
    bench.acknowledged(1, "a");
    bench.now = MIDNIGHT + DAY + 500;
    bench.acknowledged(1, "b");
    assert_eq!(bench.memory().days().len(), 2, "both sides of midnight are open for a second");
    bench.now = MIDNIGHT + DAY - 500;
    bench.acknowledged(1, "c");
    assert_eq!(by_day(&bench), [(TODAY.to_string(), 2), (TODAY.plus(1).to_string(), 1)]);
    bench.now = MIDNIGHT + DAY + 1_500;
    settle(&bench);
    assert_eq!(closed_days(&bench), [TODAY]);
    bench.now = MIDNIGHT + DAY - 500;
    bench.acknowledged(1, "d");
    assert_eq!(by_day(&bench), [(TODAY.to_string(), 2), (TODAY.plus(1).to_string(), 2)]);
}

/// A suspended machine, a stopped one, a clock set by hand: the same for the days.
#[test]
fn a_clock_that_jumps_over_days_closes_each_open_day_once() {
    for restarts in [false, true] {
        let mut bench = Bench::new();
        bench.acknowledged(1, "a");
        bench.now = MIDNIGHT + 4 * DAY + HOUR;
        if restarts {
            bench.restart();
        }
        settle(&bench);
        settle(&bench);
        assert_eq!(closed_days(&bench), [TODAY], "restarts: {restarts}");
        assert!(bench.listed("run").iter().all(|name| !name.contains("2024")), "no salt is left");
        bench.acknowledged(1, "a");
        let later = TODAY.plus(4);
        assert_eq!(by_day(&bench), [(TODAY.to_string(), 1), (later.to_string(), 1)]);
        // And back again: what comes until the clock is there again is of the latest day.
        bench.now = MIDNIGHT + 2 * DAY;
        settle(&bench);
        bench.acknowledged(2, "a");
        assert_eq!(by_day(&bench), [(TODAY.to_string(), 1), (later.to_string(), 2)]);
        bench.now = MIDNIGHT + 5 * DAY + 2_000;
        settle(&bench);
        assert_eq!(closed_days(&bench), [TODAY, later]);
    }
}

/// A day that is taken up again at its very end has no salt any more: it takes nothing, even if the clock goes back.
#[test]
fn a_start_at_midnight_closes_the_day_at_once() {
    let mut bench = Bench::new();
    bench.acknowledged(1, "a");
    bench.now = MIDNIGHT + DAY;
    bench.restart();
    assert_eq!(closed_days(&bench), [TODAY]);
    bench.now = MIDNIGHT + DAY - MINUTE;
    bench.acknowledged(1, "b");
    assert_eq!(by_day(&bench), [(TODAY.to_string(), 1), (TODAY.plus(1).to_string(), 1)]);
}

#[test]
fn a_day_without_visitors_ends_as_any_other() {
    let mut bench = Bench::new();
    let note = |bench: &Bench| {
        let arrived = bench.memory().arrive_or_open(&bench.fixed, bench.now).unwrap();
        let bot = crate::domain::outcome::Outcome::Bot;
        arrived.day.drop_hits(arrived.moment, bot, &[], 1).unwrap().wait().unwrap();
    };
    note(&bench);
    assert!(!bench.listed("run").iter().all(|name| name == "lock"));
    bench.now = MIDNIGHT + DAY + 2_000;
    settle(&bench);
    assert_eq!(closed_days(&bench), [TODAY]);
    assert!(bench.listed("run").is_empty());
    assert_eq!(bench.memory().days().len(), 0);
}

#[test]
fn releases_go_on_under_a_clock_that_goes_back_and_never_closer_than_their_interval() {
    let mut bench = Bench::new();
    let released = |bench: &Bench| {
        settle(bench);
        bench.store.held().releases.len()
    };
    bench.acknowledged(1, "a");
    bench.now = MIDNIGHT + 5 * HOUR + HOUR / 2;
    assert_eq!(released(&bench), 1);
    bench.acknowledged(1, "b");
    bench.now = MIDNIGHT + 2 * HOUR + HOUR / 2;
    assert_eq!(released(&bench), 1, "a clock that goes back is no reason for a release");
    bench.now = MIDNIGHT + 2 * HOUR + HOUR / 2 + MINUTE;
    assert_eq!(released(&bench), 1);
    bench.now = MIDNIGHT + 3 * HOUR;
    assert_eq!(released(&bench), 2, "and none to wait until it is there again");
}

/// From Tokyo to New York at Tokyo's midnight: the day begins fourteen hours before its date does.
#[test]
fn a_day_that_begins_before_its_date_splits_visits_and_survives() {
    let mut bench = Bench::new();
    bench.fixed.zone = Zone::named("America/New_York").unwrap();
    bench.fixed.day = Some(TODAY);
    let date = bench.fixed.zone.start_of(TODAY);
    bench.now = date - 14 * HOUR + 20 * MINUTE;
    bench.acknowledged(1, "a");
    let day = bench.today();
    assert_eq!((day.calendar.starts, day.calendar.day), (date - 14 * HOUR, TODAY));
    assert_eq!(day.live_visitors(bench.now).0, 1);
    bench.now += 10 * MINUTE;
    bench.kill();
    bench.acknowledged(1, "b");
    bench.now += 31 * MINUTE;
    bench.restart();
    bench.acknowledged(1, "c");
    assert_eq!(bench.today().calendar.starts, date - 14 * HOUR, "the same seconds after a start");
    bench.now = date + 90 * MINUTE;
    settle(&bench);
    bench.acknowledged(1, "d");
    let groups = bench.read(Reader::Staff, &views());
    assert_eq!((sum(&groups), of(&groups, Counter::Visits), of(&groups, Counter::Visitors)), (4, 3, 1));
    assert_eq!(of(&groups, Counter::VisitSeconds), 600);
    let hours =
        bench.read(Reader::Staff, &crate::domain::query::Query { group: vec![Column::Hour], ..views() });
    let hours: Vec<_> = hours.iter().map(|group| (&*group.keys[0], group.sums[0])).collect();
    assert_eq!(hours, [("0", 3), ("1", 1)]);
    assert_eq!(bench.today().calendar.moment(bench.now).hour, Hour(1));
    bench.now = bench.fixed.zone.start_of(TODAY.plus(1)) + 2_000;
    settle(&bench);
    assert_eq!(closed_days(&bench), [TODAY]);
}

/// To a zone in the east the next day began before the change: it takes what comes from the change on.
#[test]
fn a_zone_that_moves_east_goes_on_in_the_midst_of_the_day() {
    let mut bench = Bench::new();
    bench.fixed.zone = Zone::named("America/New_York").unwrap();
    bench.fixed.day = Some(TODAY);
    let midnight = bench.fixed.zone.start_of(TODAY.plus(1));
    bench.now = midnight - 10 * MINUTE;
    bench.acknowledged(1, "a");
    bench.fixed.zone = Zone::named("Asia/Tokyo").unwrap();
    bench.fixed.day = Some(TODAY.plus(1));
    bench.now = midnight + 10 * MINUTE;
    bench.acknowledged(1, "b");
    settle(&bench);
    assert_eq!(closed_days(&bench), [TODAY]);
    assert_eq!(by_day(&bench), [(TODAY.to_string(), 1), (TODAY.plus(1).to_string(), 1)]);
    assert_eq!(bench.today().calendar.moment(bench.now).hour, Hour(13), "October 5th, 2024, 13:10 in Tokyo");
    bench.now = bench.fixed.zone.start_of(TODAY.plus(2)) + 2_000;
    settle(&bench);
    assert_eq!(closed_days(&bench), [TODAY, TODAY.plus(1)]);
}

/// A clock that was days ahead and went back, or a zone that moved west, keeps a day open for longer than a day is long.
#[test]
fn a_day_that_lasts_too_long_goes_on_under_another_salt() {
    let mut bench = Bench::new();
    bench.fixed.k = 5;
    let epochs = |bench: &Bench| bench.memory().view(SITE, Reader::Staff).days[0].salt_epochs;
    let salt = |bench: &Bench| bench.today().with_salt(|salt| *salt).unwrap();
    let renew = |bench: &Bench, hours: u64| {
        let later = clock::since_boot() + Duration::from_secs(hours * 3_600 + 60);
        bench.memory().renew_salts(bench.now, later);
    };
    (0..8).for_each(|visitor| bench.acknowledged(visitor, "a"));
    let first = salt(&bench);
    renew(&bench, 25);
    assert_eq!((salt(&bench), epochs(&bench)), (first, 1), "a day of 25 hours is none of those");
    // The salt's bytes, wherever else they may lie.
    let file = bench.path("run").join(format!("{}-{TODAY}.salt", SITE.0));
    let kept = bench.path("kept");
    fs::hard_link(&file, &kept).unwrap();
    renew(&bench, 26);
    let second = salt(&bench);
    assert_ne!(second, first);
    assert_eq!((epochs(&bench), bench.noted(Note::VisitsForgotten)), (2, 8));
    assert_eq!(bench.noted(Note::RestartedWithoutHandover), 0);
    assert!(fs::read(&kept).unwrap().iter().all(|&byte| byte == 0), "the old one is overwritten");
    renew(&bench, 26);
    assert_eq!(epochs(&bench), 2, "nobody came, so it is no epoch more");
    assert_ne!(salt(&bench), second);
    bench.acknowledged(10, "a");
    let third = salt(&bench);
    bench.kill();
    assert_eq!((salt(&bench), epochs(&bench)), (third, 2), "the next process goes on under it");
    assert_eq!(bench.noted(Note::VisitsForgotten), 8, "and replays what was forgotten once");
    bench.now = MIDNIGHT + DAY + 2_000;
    renew(&bench, 50);
    settle(&bench);
    assert!(bench.listed("run").is_empty(), "a day that is over gets no salt");
    let held = bench.store.held();
    let close = held.releases.values().last().unwrap().close.as_ref().unwrap();
    assert_eq!((close.k, close.salt_epochs), (5, 2));
}

/// Without a runtime directory, and where the day was left without a salt by a fault.
#[test]
fn a_day_without_a_salt_gets_one_while_it_lasts() {
    let mut bench = Bench::new();
    bench.stop();
    bench.try_start(false).unwrap();
    bench.acknowledged(1, "a");
    let day = bench.today();
    day.erase_salt();
    bench.memory().renew_salts(bench.now, clock::since_boot());
    assert!(day.with_salt(|_| ()).is_some());
    assert_eq!(bench.memory().view(SITE, Reader::Staff).days[0].salt_epochs, 2);
    bench.now = MIDNIGHT + DAY;
    day.erase_salt();
    bench.memory().renew_salts(bench.now, clock::since_boot());
    assert!(day.with_salt(|_| ()).is_none(), "it is over");
}
