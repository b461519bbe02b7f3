//! One step, fault or kill at a time.

use std::{collections::BTreeSet, fs};

use crate::close::testing::*;
use crate::{
    domain::{
        counters::Counter,
        day::Zone,
        outcome::{Note, Outcome},
        tally::Caps,
        view::Reader,
    },
    memory::site_day::Refusal,
    store::Store,
};

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
    let (_, release) = day.to_deliver().unwrap();
    let release = release.unwrap();
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
    assert_eq!(bench.noted(Note::VisitsForgotten), 2, "a visit is forgotten once");
    bench.kill();
    assert_eq!((epochs(&bench), bench.noted(Note::VisitsForgotten)), (3, 2), "and replayed once");
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
    let at = bench.memory().arrive(SITE, bench.now).unwrap();
    at.day.drop_hits(at.moment, Outcome::Bot, &[], 1).unwrap().wait().unwrap();
    drop(at);
    bench.running().journal.fail_for_tests();
    assert!(matches!(bench.hit(2, "a"), Err(Refusal::Busy)));
    assert!(bench.today().freeze().is_err());
    assert_eq!(bench.views(), 1);
    bench.now = MIDNIGHT + DAY + 2_000;
    bench.closing().catch_up(bench.now);
    assert_eq!((bench.views(), bench.store.held().releases.len()), (1, 1));
}

/// Hits that the journal has not committed are taken back at a start, so there are only so many of them: what does
/// not fit is refused before it changes anything.
#[test]
fn more_hits_than_can_be_taken_back_are_refused() {
    let mut bench = Bench::new();
    bench.acknowledged(1, "a");
    bench.running().journal.hold_for_tests(true);
    let mut waiting = Vec::new();
    let refused = loop {
        match bench.hit(waiting.len() as u64 % 5_000, ["a", "b", "c"][waiting.len() % 3]) {
            Ok(ticket) => waiting.push(ticket),
            Err(refused) => break refused,
        }
        assert!(waiting.len() < 1 << 16, "the log of changes is bounded");
    };
    assert!(matches!(refused, Refusal::Busy) && waiting.len() > 5_000, "{} fit", waiting.len());
    assert_eq!(bench.views(), 1 + waiting.len() as i64);

    // Killed now, none of them was there; visitors are as the journal has them.
    bench.kill();
    assert_eq!(bench.views(), 1);
    bench.acknowledged(1, "a");
    bench.acknowledged(2, "a");
    assert_eq!(bench.views(), 3);
    let sums = bench.read(Reader::Staff, &views())[0].sums.clone();
    let [visitors, page_visitors] = [Counter::Visitors, Counter::PageVisitors].map(|one| sums[one as usize]);
    assert_eq!((visitors, page_visitors), (2, 2), "the first is known, the second is not");

    // Committed, there is room again.
    bench.running().journal.hold_for_tests(true);
    while bench.hit(9, "a").is_ok() {}
    bench.running().journal.hold_for_tests(false);
    bench.running().journal.flush().unwrap();
    let counted = bench.views();
    bench.acknowledged(9, "a");
    bench.kill();
    assert_eq!(bench.views(), counted + 1);
}
