//! What a start makes of what is left of a day: release files that no journal waits for.

use std::fs;

use crate::{
    close::{release_file::ReleaseFiles, testing::*},
    domain::{
        declaration::SiteId,
        row::{Release, ReleaseId},
    },
    journal::{Journal, JournalConfig},
};

/// Flips a bit in the `n`th frame of the day's journal; it must not be the last.
fn spoil(bench: &Bench, n: usize) {
    let name = bench.listed("journal").into_iter().next().unwrap();
    let path = bench.path("journal").join(name);
    let mut bytes = fs::read(&path).unwrap();
    let starts: Vec<usize> =
        bytes.windows(4).enumerate().filter(|(_, four)| four == b"fRmE").map(|(at, _)| at).collect();
    assert!(n + 1 < starts.len());
    bytes[starts[n] + 50] ^= 1;
    fs::write(path, bytes).unwrap();
}

/// Frames of the journal, as far as they are whole.
fn frames(bench: &Bench) -> usize {
    let name = bench.listed("journal").into_iter().next().unwrap();
    fs::read(bench.path("journal").join(name)).unwrap().windows(4).filter(|four| four == b"fRmE").count()
}

fn numbers(bench: &Bench) -> Vec<u32> {
    bench.store.held().releases.keys().map(|id| id.number).collect()
}

#[test]
fn a_refused_release_is_offered_until_it_is_taken_however_often_the_store_is_away() {
    let mut bench = Bench::new();
    bench.acknowledged(1, "a");
    bench.closing().flush(&bench.today());
    bench.store.held().fault = Some(Fault::Refused);
    bench.closing().deliver();
    assert_eq!((bench.closing().aside().len(), bench.views()), (1, 0));
    bench.acknowledged(2, "a");
    bench.store.held().dead = true;
    bench.restart();
    bench.restart();
    bench.store.held().dead = false;
    bench.closing().flush(&bench.today());
    bench.closing().deliver();
    assert_eq!((bench.views(), numbers(&bench)), (2, vec![1, 2]));
    bench.kill();
    assert_eq!(bench.views(), 2);
    assert!(bench.listed("releases").is_empty() && bench.listed("refused").is_empty());
}

#[test]
fn what_a_lost_journal_left_in_files_waits_for_the_store_over_several_starts() {
    let mut bench = Bench::new();
    bench.acknowledged(1, "a");
    bench.store.held().dead = true;
    bench.closing().flush(&bench.today());
    bench.stop();
    fs::remove_dir_all(bench.path("keys")).unwrap();
    bench.start();
    bench.acknowledged(2, "a");
    bench.restart();
    bench.store.held().dead = false;
    bench.closing().flush(&bench.today());
    bench.closing().deliver();
    assert_eq!(bench.views(), 2);
}

/// Releases 1 and 2 are in the store, and the journal is damaged before the freezing of the first.
fn damaged_before_its_releases() -> Bench {
    let mut bench = Bench::new();
    bench.acknowledged(1, "a");
    let damaged = frames(&bench);
    for visitor in [2, 3] {
        bench.closing().flush(&bench.today());
        bench.closing().deliver();
        bench.acknowledged(visitor, "a");
    }
    bench.stop();
    spoil(&bench, damaged);
    bench
}

fn check_counted(bench: &mut Bench) {
    bench.acknowledged(4, "a");
    bench.store.held().dead = false;
    bench.closing().flush(&bench.today());
    bench.closing().deliver();
    assert_eq!(bench.views(), 3, "two are in the store, one is new");
    bench.kill();
    assert_eq!(bench.views(), 3);
}

#[test]
fn after_a_damage_numbers_go_on_and_nothing_counts_twice() {
    let mut bench = damaged_before_its_releases();
    bench.start();
    check_counted(&mut bench);
}

#[test]
fn after_a_damage_new_hits_take_no_numbers_of_a_store_that_is_away() {
    let mut bench = damaged_before_its_releases();
    bench.store.held().dead = true;
    bench.start();
    check_counted(&mut bench);
}

#[test]
fn a_start_that_is_killed_as_it_finds_a_damage_leaves_it_to_the_next() {
    let mut bench = damaged_before_its_releases();
    let config = JournalConfig::new(bench.path("journal"), bench.path("keys"));
    let journal = Journal::start(config).unwrap();
    let file = journal.list().unwrap()[0];
    assert!(journal.open(file, |_, _| {}).unwrap().damaged.is_some());
    drop(journal);
    bench.start();
    check_counted(&mut bench);
}

#[test]
fn a_refused_release_of_a_site_that_was_removed_goes_with_it() {
    let mut bench = Bench::new();
    bench.acknowledged(1, "a");
    bench.stop();
    let files = ReleaseFiles::in_data(&bench.path("")).unwrap();
    let id = ReleaseId { site: SiteId(8), day: TODAY, node: 0, number: 1 };
    files.write(&Release { id, rows: Vec::new(), close: None }).unwrap();
    files.refuse(id, "no").unwrap();
    bench.start();
    assert!(bench.store.held().releases.is_empty());
    assert!(bench.listed("releases").is_empty() && bench.listed("refused").is_empty());
}
