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
