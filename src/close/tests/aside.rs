//! Journals that cannot be destroyed, or lie set aside: none outlives its day.

use std::{collections::BTreeSet, fs};

use crate::close::testing::*;

#[test]
fn a_day_whose_journal_cannot_be_destroyed_is_closed_until_it_is() {
    let mut bench = Bench::new();
    bench.acknowledged(1, "a");
    bench.now = MIDNIGHT + DAY + 2_000;
    // Where the journal is renamed to.
    let in_the_way = bench.path("journal").join("7-2024-10-04.journal.gone");
    fs::create_dir(&in_the_way).unwrap();
    bench.closing().step(bench.now);
    bench.closing().deliver();
    let said = bench.closing().trouble().files.unwrap();
    assert!(said.contains("journal could not be destroyed"), "{said}");
    assert!(bench.store.held().releases.is_empty(), "the journal goes before the store has the day");
    assert_eq!((bench.views(), bench.listed("keys").len()), (1, 1));
    fs::remove_dir(&in_the_way).unwrap();
    bench.closing().step(bench.now);
    bench.closing().deliver();
    assert_eq!(bench.closing().trouble(), Default::default());
    assert_eq!((bench.views(), bench.store.held().releases.len()), (1, 1));
    for folder in ["journal", "keys"] {
        assert_eq!(bench.listed(folder), BTreeSet::new(), "{folder}");
    }
}

/// The process ends, and a key is lost for another one's: its journal can no longer be read.
fn spoil(bench: &mut Bench) {
    bench.acknowledged(1, "a");
    bench.stop();
    for key in bench.listed("keys") {
        fs::write(bench.path("keys").join(key), "not a key").unwrap();
    }
}

#[track_caller]
fn check_nothing_left(bench: &Bench) {
    for folder in ["journal", "keys"] {
        assert_eq!(bench.listed(folder), BTreeSet::new(), "{folder}");
    }
}

#[test]
fn what_is_set_aside_goes_with_its_day_though_no_hit_comes() {
    for starts in 1..=2 {
        let mut bench = Bench::new();
        spoil(&mut bench);
        bench.start();
        assert!(bench.closing().kept_aside()[0].contains("the day begins anew"));
        if starts == 2 {
            // The day's new journal is gone, too.
            bench.stop();
            for name in ["journal/7-2024-10-04.journal", "keys/7-2024-10-04.journal-key"] {
                fs::remove_file(bench.path(name)).unwrap();
            }
            bench.start();
            assert!(bench.closing().kept_aside()[0].contains("kept until the day closes"));
        }
        let kept = bench.listed("journal");
        assert!(kept.contains("7-2024-10-04.journal.damaged"), "{kept:?}");
        bench.now += DAY;
        bench.closing().catch_up(bench.now);
        check_nothing_left(&bench);
    }
}

#[test]
fn what_cannot_be_read_of_a_day_that_is_over_is_destroyed_at_the_start() {
    let mut bench = Bench::new();
    spoil(&mut bench);
    bench.now += DAY;
    bench.start();
    assert!(bench.closing().kept_aside()[0].contains("destroyed, since the day is over"));
    check_nothing_left(&bench);
}

#[test]
fn what_is_set_aside_goes_with_its_site() {
    let mut bench = Bench::new();
    spoil(&mut bench);
    bench.start();
    // Of another day, which is not open.
    fs::write(bench.path("journal").join("7-2024-10-03.journal.damaged"), "kept").unwrap();
    let in_the_way = bench.path("journal").join("7-2024-10-04.journal.gone");
    fs::create_dir(&in_the_way).unwrap();
    assert!(bench.closing().erase_site(SITE).unwrap_err().contains("its journals"));
    fs::remove_dir(&in_the_way).unwrap();
    bench.closing().erase_site(SITE).unwrap();
    check_nothing_left(&bench);
}
