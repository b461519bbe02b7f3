//! What a start makes of what is left of a day: release files that no journal waits for.

use std::fs;

use crate::close::testing::*;

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
