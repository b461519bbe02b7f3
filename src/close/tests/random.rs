//! Any sequence of steps, faults and kills: memory and store together hold everything once.

use std::collections::BTreeSet;

use proptest::prelude::*;

use crate::close::testing::*;
use crate::{
    domain::{outcome::Outcome, row::Family, view::Reader},
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
        let outside = sum(&self.bench.read(Reader::Outside, &crate::close::testing::views()));
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
