//! Many threads at once: readers of one moment, a midnight with hits on both sides, many closes.

use std::{
    collections::BTreeSet,
    sync::{
        Barrier, Mutex,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use crate::close::{
    driver::{Drivers, lock},
    testing::*,
};
use crate::{
    domain::{declaration::SiteId, outcome::Outcome, row::ReleaseId},
    memory::{days::Fixed, record::Record, site_day::Refusal},
    store::Store,
};

/// Eight write, one drives, one reads. Whatever a reader sees lies between what was acknowledged before and what
/// was begun after it looked.
#[test]
fn readers_see_what_was_acknowledged_while_everything_moves() {
    const HITS: u64 = 300;
    let bench = Bench::new();
    let (begun, acknowledged) = (AtomicU64::new(0), AtomicU64::new(0));
    let (done, now) = (AtomicU64::new(0), AtomicI64::new(MIDNIGHT + 10 * HOUR));
    let began_together = Barrier::new(9);
    std::thread::scope(|scope| {
        for writer in 0..8 {
            let (bench, begun, acknowledged, done, now) = (&bench, &begun, &acknowledged, &done, &now);
            let began_together = &began_together;
            scope.spawn(move || {
                began_together.wait();
                for n in 0..HITS {
                    // The boundary comes while hits are on their way.
                    if writer == 0 && n % 60 == 59 {
                        now.fetch_add(7 * HOUR, SeqCst);
                    }
                    let arrived = bench.memory().arrive_or_open(&bench.fixed, now.load(SeqCst)).unwrap();
                    begun.fetch_add(1, SeqCst);
                    let counted = view(&arrived, writer * 10 + n % 10, &(n % 7).to_string());
                    let ticket = counted.unwrap();
                    drop(arrived);
                    ticket.wait().unwrap();
                    acknowledged.fetch_add(1, SeqCst);
                }
                done.fetch_add(1, SeqCst);
            });
        }
        scope.spawn(|| {
            while done.load(SeqCst) < 8 {
                let before = acknowledged.load(SeqCst) as i64;
                let seen = bench.views();
                let after = begun.load(SeqCst) as i64;
                assert!((before..=after).contains(&seen), "{seen} seen, {before}..={after} counted");
            }
        });
        began_together.wait();
        while done.load(SeqCst) < 8 {
            bench.memory().days().iter().for_each(|day| bench.closing().flush(day));
            bench.closing().deliver();
            bench.closing().step(now.load(SeqCst));
        }
    });
    let end = now.load(SeqCst) + 2 * DAY;
    bench.closing().catch_up(end);
    let stored = bench.store.read(SITE, &views(), &Default::default()).unwrap();
    assert_eq!(sum(&stored), 8 * HITS as i64);
    assert!(bench.store.held().releases.values().filter(|release| release.close.is_some()).count() >= 2);
}

/// A release that one thread has just frozen is found without a file by the other, too.
#[test]
fn a_release_is_written_by_one_thread_at_a_time() {
    let bench = Bench::new();
    std::thread::scope(|scope| {
        let flushes = scope.spawn(|| {
            for n in 0..400 {
                bench.acknowledged(n % 9, "a");
                bench.closing().flush(&bench.today());
                assert_eq!(bench.closing().trouble().files, None);
                assert!(bench.closing().deliver());
            }
        });
        while !flushes.is_finished() {
            bench.closing().step(bench.now);
            assert_eq!(bench.closing().trouble().files, None);
        }
    });
    assert_eq!(bench.store.held().releases.len(), 400);
    assert_eq!(bench.listed("releases"), BTreeSet::new(), "none was written again once the store had it");
}

/// Around a midnight each day has one salt, and each hit one outcome.
#[test]
fn a_midnight_with_hits_on_both_sides() {
    let bench = Bench::new();
    let (now, stop) = (AtomicI64::new(MIDNIGHT + DAY - 40), AtomicBool::new(false));
    let (salts, sent) = (Mutex::new(BTreeSet::new()), AtomicU64::new(0));
    let (accepted, late) = (AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (bench, now, stop, salts, sent) = (&bench, &now, &stop, &salts, &sent);
            let (accepted, late) = (&accepted, &late);
            scope.spawn(move || {
                while !stop.load(SeqCst) {
                    let arrived =
                        bench.memory().arrive_or_open(&bench.fixed, now.fetch_add(1, SeqCst)).unwrap();
                    sent.fetch_add(1, SeqCst);
                    let day = arrived.day.calendar.day;
                    if let Some(salt) = arrived.day.with_salt(|salt| *salt) {
                        salts.lock().unwrap().insert((day, salt));
                    }
                    match view(&arrived, thread, "a") {
                        Ok(_) => accepted.fetch_add(1, SeqCst),
                        Err(Refusal::Closed) => {
                            let at = bench.memory().arrive_or_open(&bench.fixed, now.load(SeqCst)).unwrap();
                            at.day.drop_hits(at.moment, Outcome::Late, &[], 1).unwrap();
                            late.fetch_add(1, SeqCst)
                        }
                        Err(refusal) => panic!("{refusal}"),
                    };
                }
            });
        }
        while now.load(SeqCst) < MIDNIGHT + DAY + 1_300 {
            bench.closing().step(now.load(SeqCst));
            bench.closing().deliver();
        }
        stop.store(true, SeqCst);
    });
    bench.closing().catch_up(MIDNIGHT + 3 * DAY);
    let days: Vec<_> = salts.lock().unwrap().iter().map(|(day, _)| *day).collect();
    assert_eq!(days, [TODAY, TODAY.plus(1)], "one salt a day");
    let count = |counter: &AtomicU64| counter.load(SeqCst) as i64;
    assert_eq!(bench.outcome(Outcome::Accepted), count(&accepted));
    assert_eq!(bench.outcome(Outcome::Late), count(&late));
    assert_eq!(count(&accepted) + count(&late), count(&sent));
}

#[test]
fn many_days_close_in_turn_and_all_salts_go_first() {
    let mut bench = Bench::new();
    for site in 100..140 {
        let fixed = Fixed { site: SiteId(site), ..bench.fixed.clone() };
        let arrived = bench.memory().arrive_or_open(&fixed, bench.now).unwrap();
        view(&arrived, 1, "a").unwrap();
    }
    bench.now = MIDNIGHT + DAY + 2_000;
    assert_eq!(bench.closing().step(bench.now), 24);
    assert!(bench.memory().days().iter().all(|day| day.with_salt(|_| ()).is_none()));
    assert!(!bench.listed("run").iter().any(|name| name.ends_with(".salt")));
    bench.closing().catch_up(bench.now);
    assert_eq!(bench.store.held().releases.len(), 40);
    assert!(bench.memory().days().is_empty());
}

/// By the machine's clock all days of these tests are over.
#[test]
fn salts_go_while_a_step_waits_for_a_disk() {
    let bench = Bench::new();
    let wait = |what: &str, done: &dyn Fn() -> bool| {
        let patience = Instant::now() + Duration::from_secs(60);
        while !done() {
            assert!(Instant::now() < patience, "{what}");
            std::thread::park_timeout(Duration::from_millis(5));
        }
    };
    bench.acknowledged(1, "a");
    let (first, closing) = (bench.today(), bench.running().closing.clone());
    let disk = lock(&closing.filing);
    let drivers = Drivers::start(closing.clone()).unwrap();
    wait("the first day is closed as far as memory goes", &|| !first.takes_hits());
    let fixed = Fixed { site: SiteId(100), ..bench.fixed.clone() };
    let arrived = bench.memory().arrive_or_open(&fixed, bench.now).unwrap();
    view(&arrived, 1, "a").unwrap();
    let second = arrived.day.clone();
    drop(arrived);
    wait("the second day's salt is erased", &|| second.with_salt(|_| ()).is_none());
    assert!(second.takes_hits(), "its close waits");
    drop(disk);
    wait("the second day is closed", &|| !second.takes_hits());
    drivers.stop();
}

#[test]
fn the_ledger_of_no_site_closes_at_midnight_in_utc() {
    let mut bench = Bench::new();
    let none = Fixed::none();
    let arrived = bench.memory().arrive_or_open(&none, bench.now).unwrap();
    arrived.day.drop_hits(arrived.moment, Outcome::Gpc, &[], 3).unwrap().wait().unwrap();
    drop(arrived);
    bench.now = MIDNIGHT + DAY + 2_000;
    bench.closing().catch_up(bench.now);
    let held = bench.store.held();
    let id = ReleaseId { site: none.site, day: TODAY, node: 0, number: 1 };
    assert_eq!(held.releases[&id].rows.iter().map(|row| row.counts[0]).sum::<i64>(), 3);
}

#[test]
fn records_keep_their_bytes() {
    // The order of the variants is part of the format.
    let (frozen, stored) = (Record::Frozen { number: 3 }, Record::Stored { number: 3 });
    let records = [Record::Epoch, frozen, stored, Record::Cut { visits: 3 }];
    let bytes = records.map(|record| record.encode_into(Vec::new()));
    assert_eq!(bytes, [vec![1], vec![3, 3], vec![4, 3], vec![5, 3]]);
}
