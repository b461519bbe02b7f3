//! How long the drivers wait, and how long a stop does.

use std::time::{Duration, Instant};

use crate::close::{
    driver::{Drivers, RETRY, longer},
    testing::*,
};

#[test]
fn waits_for_a_store_that_fails_double_up_to_the_longest() {
    let waits: Vec<Duration> =
        std::iter::successors(Some(RETRY.0), |&wait| Some(longer(wait))).take(10).collect();
    assert!(waits.is_sorted() && waits[1] == RETRY.0 * 2 && waits[6] == RETRY.0 * 64);
    assert_eq!(waits[7..], [RETRY.1; 3]);
}

/// The store answers, and a stop that has no time left offers it nothing more.
#[test]
fn what_a_stop_has_no_time_for_waits_in_its_file() {
    let mut bench = Bench::new();
    let drivers = Drivers::start(bench.running().closing.clone()).unwrap();
    bench.store.held().slow = Some(Duration::from_millis(300));
    for n in 0..10 {
        bench.acknowledged(n, "a");
        bench.closing().flush(&bench.today());
    }
    let begun = Instant::now();
    drivers.stop_within(Duration::from_millis(500));
    let (took, stored) = (begun.elapsed(), bench.store.held().releases.len());
    assert!(stored < 10 && took < Duration::from_secs(3), "{stored} of 10 in {took:?}");
    assert_eq!(bench.listed("releases").len(), 10 - stored);
    bench.store.held().slow = None;
    bench.restart();
    assert_eq!(bench.store.held().releases.len(), 10);
    assert_eq!(bench.views(), 10);
}
