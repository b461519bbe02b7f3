//! Days on their way from memory to the store: nothing lost, nothing twice, whatever fails or is killed.

use std::{
    collections::BTreeSet,
    fs,
    sync::{
        Barrier, Mutex,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::SeqCst},
    },
};

use proptest::prelude::*;

use super::testing::*;
use crate::{
    domain::{
        day::Zone,
        outcome::{Note, Outcome},
        row::{Family, ReleaseId},
        tally::Caps,
        view::Reader,
    },
    memory::{record::Record, site_day::Refusal},
    store::Store,
};

/// What may happen, in any order.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Visitors look at pages, and wait for the answer.
    Acknowledged(u64),
    /// The same, and nobody waits.
    Begun(u64),
    HourTurns,
    /// With closes where a day is over.
    Drive,
    Flush,
    /// A release is frozen, and that is as far as it gets for now.
    Freeze,
    Deliver,
    DeliverWith(Fault),
    Midnight,
    Restart,
    Kill,
    /// The process is killed while it delivers.
    KillDelivering(Fault),
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..4u64).prop_map(Step::Acknowledged),
        2 => (1..4u64).prop_map(Step::Begun),
        2 => Just(Step::HourTurns),
        2 => Just(Step::Drive),
        3 => Just(Step::Flush),
        1 => Just(Step::Freeze),
        2 => Just(Step::Deliver),
        1 => prop_oneof![Just(Fault::Before), Just(Fault::After)].prop_map(Step::DeliverWith),
        1 => Just(Step::Midnight),
        1 => Just(Step::Restart),
        2 => Just(Step::Kill),
        2 => prop_oneof![Just(Fault::KillBefore), Just(Fault::KillAfter)].prop_map(Step::KillDelivering),
    ]
}

/// The bench, with what its readers must see.
struct Watched {
    bench: Bench,
    acknowledged: i64,
    begun: i64,
    next: u64,
}

impl Watched {
    fn new() -> Watched {
        Watched { bench: Bench::new(), acknowledged: 0, begun: 0, next: 0 }
    }

    fn take(&mut self, step: Step) {
        let bench = &mut self.bench;
        let mut killed = matches!(step, Step::Kill);
        match step {
            Step::Acknowledged(n) | Step::Begun(n) => {
                for _ in 0..n {
                    let (visitor, page) = (self.next % 5, (self.next % 3).to_string());
                    self.next += 1;
                    self.begun += 1;
                    match step {
                        Step::Begun(_) => drop(bench.hit(visitor, &page).unwrap()),
                        _ => {
                            bench.acknowledged(visitor, &page);
                            // Whoever came before in the same journal is on the disk too.
                            self.acknowledged = self.begun;
                        }
                    }
                }
            }
            Step::HourTurns => bench.now += HOUR,
            Step::Drive => drop(bench.closing().step(bench.now)),
            Step::Flush => bench.memory().days().iter().for_each(|day| bench.closing().flush(day)),
            Step::Freeze => {
                if let Some(day) = bench.memory().today(SITE, bench.now)
                    && let Some((_, ticket)) = day.freeze().unwrap()
                {
                    drop(ticket);
                }
            }
            Step::Deliver => drop(bench.closing().deliver()),
            Step::DeliverWith(fault) => {
                bench.store.held().fault = Some(fault);
                bench.closing().deliver();
                bench.store.held().fault = None;
            }
            Step::Midnight => {
                bench.now = (bench.now / DAY + 1) * DAY + 1_500;
                // A day that closes has its journal synced; no hit of it stays open.
                bench.running().journal.flush().unwrap();
                self.acknowledged = self.begun;
            }
            Step::Restart => {
                bench.restart();
                self.acknowledged = self.begun;
            }
            Step::Kill => bench.kill(),
            Step::KillDelivering(fault) => {
                let picture = bench.arm(fault);
                bench.closing().deliver();
                killed = bench.store.held().dead;
                bench.store.held().fault = None;
                if killed {
                    bench.wake_up_in(picture);
                }
            }
        }
        let (views, accepted) = (bench.views(), bench.outcome(Outcome::Accepted));
        assert!(
            (self.acknowledged..=self.begun).contains(&views),
            "{views} views of {} after {step:?}",
            self.counts()
        );
        assert_eq!(accepted, views, "ledger and pages are released together");
        let outside = sum(&self.bench.read(Reader::Outside, &super::testing::views()));
        assert!(outside <= views, "nobody sees more than staff");
        if killed {
            // What nobody was told about may be lost; from here on it is known what was.
            (self.acknowledged, self.begun) = (views, views);
        } else if !matches!(step, Step::Acknowledged(_) | Step::Begun(_)) {
            assert_eq!(views, self.begun, "nothing is lost by {step:?}");
        }
    }

    fn counts(&self) -> String {
        format!("{}..={}", self.acknowledged, self.begun)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]
    #[test]
    fn memory_and_store_hold_everything_once(steps in prop::collection::vec(any_step(), 1..40)) {
        let mut watched = Watched::new();
        for step in steps {
            watched.take(step);
        }
        for step in [Step::Midnight, Step::Drive, Step::Deliver] {
            watched.take(step);
        }
        let bench = &watched.bench;
        prop_assert!(bench.memory().days().is_empty(), "all days are closed and in the store");
        let stored = bench.store.read(SITE, &views(), &Default::default()).unwrap();
        prop_assert_eq!(sum(&stored), watched.begun);
        for kind in [Family::Visit, Family::Place, Family::Device, Family::Language] {
            let of_kind = bench.store.read(SITE, &family(kind), &Default::default()).unwrap();
            prop_assert_eq!(&of_kind.first().map(|group| group.sums[0]), &stored.first().map(|group| group.sums[0]), "{:?}", kind);
        }
        for folder in ["journal", "keys", "releases", "run"] {
            prop_assert_eq!(bench.listed(folder), BTreeSet::new(), "{} is empty", folder);
        }
    }
}

#[test]
fn a_release_is_the_stores_only_once_its_number_is_taken() {
    let mut bench = Bench::new();
    bench.acknowledged(1, "a");
    let (release, ticket) = bench.today().freeze().unwrap().unwrap();
    // The delivery thread looks just now.
    assert!(bench.closing().deliver());
    assert!(!bench.store.holds(release.id).unwrap());
    ticket.wait().unwrap();
    bench.today().journaled(release.id.number);
    bench.closing().deliver();
    assert!(!bench.store.holds(release.id).unwrap(), "it has no file yet");
    bench.kill();
    bench.closing().step(bench.now);
    bench.closing().deliver();
    assert!(bench.store.holds(release.id).unwrap());
    assert_eq!(bench.views(), 1);
}

#[test]
fn a_day_is_not_forgotten_while_its_last_rows_are_made() {
    let mut bench = Bench::new();
    bench.acknowledged(1, "a");
    let day = bench.today();
    bench.now = MIDNIGHT + DAY + 2_000;
    let ended = day.end().unwrap();
    bench.closing().deliver();
    assert_eq!(bench.memory().days().len(), 1);
    assert_eq!((bench.views(), bench.outcome(Outcome::Accepted)), (1, 1), "readers see the day as it ended");
    let (release, _) = ended.coarsen(&day, bench.now);
    day.closed(release.into());
    assert_eq!(bench.views(), 1, "its rows are final and wait");
    bench.closing().step(bench.now);
    bench.closing().deliver();
    assert_eq!((bench.memory().days().len(), bench.views()), (0, 1));
    assert_eq!(
        day.view(Reader::Staff).rows.len(),
        0,
        "whoever still holds the day finds all of it in the store"
    );
    assert_eq!(day.view(Reader::Staff).released, release_number(&bench));
}

fn release_number(bench: &Bench) -> u32 {
    bench.store.held().releases.keys().last().unwrap().number
}

#[test]
fn a_day_closed_before_the_start_is_read_from_memory_until_the_store_has_it() {
    let mut bench = Bench::new();
    bench.acknowledged(1, "a");
    bench.closing().flush(&bench.today());
    bench.closing().deliver();
    bench.acknowledged(2, "b");
    bench.now = MIDNIGHT + DAY + 2_000;
    bench.store.held().dead = true;
    bench.closing().step(bench.now);
    bench.restart();
    let day = bench.memory().days().pop().unwrap();
    assert_eq!((bench.views(), day.is_done()), (2, false));
    bench.store.held().dead = false;
    let release = day.to_deliver().unwrap();
    bench.store.insert(&release).unwrap();
    assert_eq!(bench.views(), 2);
    day.stored(release.id.number).unwrap();
    assert_eq!(bench.views(), 2, "between acknowledgement and forgetting");
}

#[test]
fn a_close_without_a_place_for_its_file_waits_for_one() {
    let mut bench = Bench::new();
    bench.acknowledged(1, "a");
    bench.now = MIDNIGHT + DAY + 2_000;
    fs::remove_dir(bench.path("releases")).unwrap();
    bench.closing().step(bench.now);
    bench.closing().deliver();
    assert!(bench.closing().trouble().files.is_some());
    assert!(bench.store.held().releases.is_empty(), "the store may have it only once it has a file");
    assert!(bench.listed("run").is_empty(), "the salt and the tables go all the same");
    assert_eq!((bench.views(), bench.listed("journal").len()), (1, 1));
    fs::create_dir(bench.path("releases")).unwrap();
    bench.kill();
    assert_eq!((bench.views(), bench.listed("journal").len()), (1, 0));
    assert_eq!(bench.store.held().releases.len(), 1);

    bench.acknowledged(1, "a");
    bench.now += DAY;
    fs::remove_dir(bench.path("releases")).unwrap();
    bench.closing().step(bench.now);
    fs::create_dir(bench.path("releases")).unwrap();
    bench.closing().step(bench.now);
    bench.closing().deliver();
    assert_eq!(bench.closing().trouble(), Default::default());
    assert_eq!((bench.views(), bench.store.held().releases.len()), (2, 2));
}

#[test]
fn a_journal_that_comes_back_after_its_close_was_stored_changes_nothing() {
    let mut bench = Bench::new();
    bench.acknowledged(1, "a");
    let kept = bench.path("kept");
    fs::create_dir(&kept).unwrap();
    for folder in ["journal", "keys"] {
        for name in bench.listed(folder) {
            fs::copy(bench.path(folder).join(&name), kept.join(&name)).unwrap();
        }
    }
    bench.now = MIDNIGHT + DAY + 2_000;
    bench.closing().step(bench.now);
    bench.closing().deliver();
    bench.stop();
    for entry in fs::read_dir(&kept).unwrap() {
        let name = entry.unwrap().file_name();
        let folder = if name.to_string_lossy().ends_with("key") { "keys" } else { "journal" };
        fs::copy(kept.join(&name), bench.path(folder).join(&name)).unwrap();
    }
    bench.start();
    assert_eq!((bench.views(), bench.store.held().releases.len()), (1, 1));
    assert!(bench.listed("journal").is_empty());
}

#[test]
fn salt_and_tables_are_gone_as_soon_as_the_day_ends() {
    let mut bench = Bench::new();
    bench.acknowledged(1, "a");
    let files = |bench: &Bench| bench.listed("run").iter().filter(|name| name.contains("2024")).count();
    assert_eq!(files(&bench), 4);
    let day = bench.today();
    let arrived = bench.memory().arrive(SITE, bench.now).unwrap();
    bench.now = MIDNIGHT + DAY + 2_000;
    bench.closing().step(bench.now);
    assert!(day.takes_hits() && day.with_salt(|_| ()).is_some(), "a hit has arrived and is not tallied");
    drop(arrived);
    day.erase_salt();
    assert!(!bench.listed("run").iter().any(|name| name.ends_with(".salt")));
    let ended = day.end().unwrap();
    drop(ended);
    assert_eq!(files(&bench), 0);
    assert!(day.with_salt(|_| ()).is_none());
}

#[test]
fn hits_that_hang_do_not_keep_a_salt() {
    let mut bench = Bench::new();
    bench.acknowledged(1, "a");
    let arrived = bench.memory().arrive(SITE, bench.now).unwrap();
    bench.now = MIDNIGHT + DAY + 30_000;
    bench.closing().step(bench.now);
    assert!(matches!(view(&arrived, 2, "a"), Err(Refusal::Closed)));
}

/// Each start whose predecessor left nothing is another epoch, unless nobody came in between.
#[test]
fn starts_without_handover_ask_for_larger_crowds() {
    let mut bench = Bench::new();
    let epochs = |bench: &Bench| bench.memory().view(SITE, Reader::Staff).days[0].salt_epochs;
    let lose = |bench: &mut Bench| {
        bench.stop();
        fs::remove_dir_all(bench.path("run")).unwrap();
        bench.start();
    };
    bench.acknowledged(1, "a");
    assert_eq!(epochs(&bench), 1);
    bench.restart();
    assert_eq!((epochs(&bench), bench.noted(Note::RestartedWithoutHandover)), (1, 0));
    lose(&mut bench);
    assert_eq!((epochs(&bench), bench.noted(Note::RestartedWithoutHandover)), (2, 1));
    assert_eq!(bench.noted(Note::VisitsForgotten), 1);
    lose(&mut bench);
    assert_eq!((epochs(&bench), bench.noted(Note::RestartedWithoutHandover)), (2, 1), "nobody came");
    bench.acknowledged(1, "a");
    bench.kill();
    assert_eq!(epochs(&bench), 2, "a kill hands over too");
    bench.stop();
    bench.try_start(false).unwrap();
    assert_eq!((epochs(&bench), bench.noted(Note::RestartedWithoutHandover)), (3, 2));
    bench.now = MIDNIGHT + DAY + 2_000;
    bench.closing().catch_up(bench.now);
    let held = bench.store.held();
    assert_eq!(held.releases.values().last().unwrap().close.as_ref().unwrap().salt_epochs, 3);
}

#[test]
fn a_visit_goes_on_after_a_restart() {
    let mut bench = Bench::new();
    bench.acknowledged(1, "a");
    bench.restart();
    bench.acknowledged(1, "b");
    bench.kill();
    bench.acknowledged(1, "c");
    bench.now = MIDNIGHT + DAY + 2_000;
    bench.closing().catch_up(bench.now);
    let groups = bench.read(Reader::Staff, &views());
    // Page views, then page_visitors, page_visits, visitors, visits as the counters are ordered.
    let names = crate::domain::row::Table::Pages.counters();
    let at = |name: &str| groups[0].sums[names.iter().position(|one| *one == name).unwrap()];
    assert_eq!((at("pageviews"), at("visitors"), at("visits"), at("bounces")), (3, 1, 1, 0));
}

#[test]
fn a_day_closes_under_the_settings_it_opened_with() {
    let mut bench = Bench::new();
    bench.stop();
    (bench.fixed.k, bench.fixed.zone) = (9, Zone::named("Asia/Tokyo").unwrap());
    bench.now = MIDNIGHT + HOUR;
    bench.start();
    bench.acknowledged(1, "a");
    bench.stop();
    (bench.fixed.k, bench.fixed.settings_version, bench.fixed.zone) = (1, 2, Zone::utc());
    // In Tokyo the day ended at 15:00 UTC.
    bench.now = MIDNIGHT + 15 * HOUR + 2_000;
    bench.start();
    let held = bench.store.held();
    let row = held.releases.values().last().unwrap().close.clone().unwrap();
    assert_eq!((row.day, row.k, row.settings_version), (TODAY, 9, 1));
}

#[test]
fn a_clock_that_goes_back_over_midnight_reopens_nothing() {
    for forgotten in [false, true] {
        let mut bench = Bench::new();
        bench.acknowledged(1, "a");
        bench.now = MIDNIGHT + DAY + 2_000;
        bench.store.held().dead = !forgotten;
        bench.closing().catch_up(bench.now);
        bench.store.held().dead = false;
        bench.now = MIDNIGHT + DAY - 5_000;
        bench.acknowledged(1, "a");
        assert_eq!(bench.today().calendar.day, TODAY.plus(1));
        bench.restart();
        bench.acknowledged(1, "a");
        assert_eq!((bench.today().calendar.day, bench.views()), (TODAY.plus(1), 3));
        bench.now = MIDNIGHT + 2 * DAY + 2_000;
        bench.closing().catch_up(bench.now);
        assert_eq!((bench.views(), bench.store.held().releases.len()), (3, 2));
    }
}

#[test]
fn a_zone_that_moves_west_keeps_one_open_day() {
    let mut bench = Bench::new();
    // Noon in Tokyo is the evening before in Los Angeles; the site's day is told by its settings.
    bench.fixed.zone = Zone::named("America/Los_Angeles").unwrap();
    bench.fixed.day = Some(TODAY);
    bench.now = MIDNIGHT + HOUR;
    bench.acknowledged(1, "a");
    let arrived = bench.memory().arrive(SITE, bench.now + HOUR).expect("found without opening");
    assert_eq!(arrived.day.calendar.day, TODAY);
    drop(arrived);
    bench.restart();
    assert_eq!(bench.today().calendar.day, TODAY);
    assert_eq!(bench.views(), 1);
}

#[test]
fn numbers_go_on_after_a_lost_journal() {
    let mut bench = Bench::new();
    bench.acknowledged(1, "a");
    bench.closing().flush(&bench.today());
    bench.closing().deliver();
    bench.acknowledged(2, "a");
    bench.store.held().dead = true;
    bench.closing().flush(&bench.today());
    bench.store.held().dead = false;
    bench.acknowledged(3, "lost");
    bench.stop();
    fs::remove_dir_all(bench.path("keys")).unwrap();
    bench.start();
    assert_eq!(bench.views(), 2, "the release that had a file is not lost");
    bench.acknowledged(4, "a");
    bench.closing().flush(&bench.today());
    assert_eq!(bench.views(), 3);
    bench.closing().deliver();
    assert_eq!(bench.views(), 3);
    bench.kill();
    assert_eq!(bench.views(), 3);
    let numbers: Vec<_> = bench.store.held().releases.keys().map(|id| id.number).collect();
    assert_eq!(numbers, [1, 2, 3]);
}

#[test]
fn of_a_removed_site_nothing_stays_and_nothing_comes_back() {
    let bench = Bench::new();
    bench.acknowledged(1, "a");
    let day = bench.today();
    let arrived = bench.memory().arrive(SITE, bench.now).unwrap();
    bench.closing().flush(&day);
    bench.closing().deliver();
    bench.acknowledged(1, "b");
    bench.closing().flush(&day);
    bench.closing().erase_site(SITE).unwrap();
    assert!(matches!(view(&arrived, 1, "c"), Err(Refusal::Closed)));
    let again = bench.memory().arrive_or_open(&bench.fixed, bench.now);
    assert!(is_removed(&again.err().unwrap()));
    bench.closing().close(&day, bench.now + DAY);
    bench.closing().flush(&day);
    bench.closing().catch_up(bench.now + DAY);
    assert!(bench.store.held().releases.is_empty());
    for folder in ["journal", "keys", "releases", "run"] {
        assert_eq!(bench.listed(folder), BTreeSet::new(), "{folder}");
    }
}

#[test]
fn values_of_a_day_are_known_on_the_next_though_it_is_open_already() {
    let mut bench = Bench::new();
    bench.stop();
    bench.caps = Caps { pages: 1, ..Caps::default() };
    bench.start();
    bench.acknowledged(1, "a");
    bench.now = MIDNIGHT + DAY + 500;
    bench.acknowledged(1, "b");
    bench.now = MIDNIGHT + DAY + 2_000;
    bench.closing().catch_up(bench.now);
    bench.acknowledged(1, "a");
    assert_eq!(bench.noted(Note::PathCapped), 0, "`a` was used yesterday");
    bench.acknowledged(1, "c");
    assert_eq!(bench.noted(Note::PathCapped), 1);
}

#[test]
fn outside_readers_see_full_hours() {
    let mut bench = Bench::new();
    let outside = |bench: &Bench| sum(&bench.read(Reader::Outside, &views()));
    bench.acknowledged(1, "a");
    assert_eq!((outside(&bench), bench.views()), (0, 1));
    bench.closing().flush(&bench.today());
    bench.closing().deliver();
    assert_eq!((outside(&bench), bench.views()), (0, 1), "though the store holds it");
    bench.now += HOUR;
    bench.closing().step(bench.now);
    assert_eq!((outside(&bench), bench.views()), (1, 1));
    bench.acknowledged(2, "a");
    bench.kill();
    assert_eq!((outside(&bench), bench.views()), (1, 2));
}

#[test]
fn a_failed_journal_refuses_and_what_it_held_is_closed() {
    let mut bench = Bench::new();
    bench.acknowledged(1, "a");
    bench.today().note_now(Note::PathCapped, 1).unwrap().wait().unwrap();
    bench.running().journal.fail_for_tests();
    assert!(matches!(bench.hit(2, "a"), Err(Refusal::Busy)));
    assert!(bench.today().freeze().is_err());
    assert_eq!(bench.views(), 1);
    bench.now = MIDNIGHT + DAY + 2_000;
    bench.closing().catch_up(bench.now);
    assert_eq!((bench.views(), bench.store.held().releases.len()), (1, 1));
}

/// Eight write, one drives and reads. Whatever a reader sees lies between what was acknowledged before and what
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
        began_together.wait();
        let mut round = 0;
        while done.load(SeqCst) < 8 {
            let before = acknowledged.load(SeqCst) as i64;
            let seen = bench.views();
            let after = begun.load(SeqCst) as i64;
            assert!((before..=after).contains(&seen), "{seen} seen, {before}..={after} counted");
            round += 1;
            match round % 3 {
                0 => bench.memory().days().iter().for_each(|day| bench.closing().flush(day)),
                1 => drop(bench.closing().deliver()),
                _ => drop(bench.closing().step(now.load(SeqCst))),
            }
        }
    });
    let end = now.load(SeqCst) + 2 * DAY;
    bench.closing().catch_up(end);
    let stored = bench.store.read(SITE, &views(), &Default::default()).unwrap();
    assert_eq!(sum(&stored), 8 * HITS as i64);
    assert!(bench.store.held().releases.values().filter(|release| release.close.is_some()).count() >= 2);
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
        let fixed = crate::memory::days::Fixed {
            site: crate::domain::declaration::SiteId(site),
            ..bench.fixed.clone()
        };
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

#[test]
fn the_ledger_of_no_site_closes_at_midnight_in_utc() {
    let mut bench = Bench::new();
    let none = crate::memory::days::Fixed::none();
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
    let records = [Record::Epoch, Record::Frozen { number: 3 }, Record::Stored { number: 3 }];
    let bytes = records.map(|record| record.encode_into(Vec::new()));
    assert_eq!(bytes, [vec![1], vec![3, 3], vec![4, 3]]);
}
