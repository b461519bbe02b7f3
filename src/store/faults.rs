//! A store that fails when it is told to, and the suite of what must come out right whatever it does: a second
//! store joins by calling [`faults`]. For tests only.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{Arc, Condvar, Mutex, MutexGuard},
};

use super::{AsOf, Store, StoreError, hand_on};
use crate::{
    close::testing::{Bench, DAY, HOUR, MIDNIGHT, SITE, TODAY, sum, views},
    domain::{
        day::Day,
        declaration::SiteId,
        outcome::Outcome,
        query::{Group, Query},
        row::{DayRow, Release, ReleaseId},
    },
};

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is not done, and says so.
    Away,
    /// It is done, and the answer is lost.
    AfterCommit,
    /// It is not done, and nobody can know.
    BeforeCommit,
}

/// A store over another, with faults.
pub struct Faulty<S> {
    store: S,
    told: Mutex<Told>,
    changed: Condvar,
}

#[derive(Default)]
struct Told {
    /// All calls fail.
    away: bool,
    /// The next inserts fail so, one after the other.
    inserts: VecDeque<Fault>,
    /// Releases that are refused, whenever they come.
    refused: BTreeSet<ReleaseId>,
    /// Inserts wait here.
    held_back: bool,
    waiting: usize,
}

impl<S: Store> Faulty<S> {
    pub fn over(store: S) -> Faulty<S> {
        Faulty { store, told: Mutex::default(), changed: Condvar::new() }
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap()
    }

    pub fn set_away(&self, away: bool) {
        self.told().away = away;
    }

    pub fn fail_inserts(&self, faults: impl IntoIterator<Item = Fault>) {
        self.told().inserts = faults.into_iter().collect();
    }

    pub fn refuse(&self, id: ReleaseId, refused: bool) {
        let mut told = self.told();
        match refused {
            true => told.refused.insert(id),
            false => told.refused.remove(&id),
        };
    }

    /// Inserts begin, and do not end until this is lifted.
    pub fn hold_back(&self, held_back: bool) {
        self.told().held_back = held_back;
        self.changed.notify_all();
    }

    /// Waits until an insert is held back.
    pub fn wait_for_insert(&self) {
        drop(self.changed.wait_while(self.told(), |told| told.waiting == 0).unwrap());
    }

    fn ask<T>(&self, ask: impl FnOnce(&S) -> Result<T, StoreError>) -> Result<T, StoreError> {
        ask(self.here()?)
    }

    fn here(&self) -> Result<&S, StoreError> {
        match self.told().away {
            true => Err(StoreError::Unavailable("it is away".into())),
            false => Ok(&self.store),
        }
    }
}

impl<S: Store> Store for Faulty<S> {
    fn insert(&self, release: &Release) -> Result<(), StoreError> {
        let mut told = self.told();
        told.waiting += 1;
        self.changed.notify_all();
        told = self.changed.wait_while(told, |told| told.held_back).unwrap();
        told.waiting -= 1;
        let (away, fault) = (told.away, told.inserts.pop_front());
        let refused = told.refused.contains(&release.id);
        drop(told);
        match fault {
            _ if away => Err(StoreError::Unavailable("it is away".into())),
            _ if refused => Err(StoreError::Refused("told to".into())),
            Some(Fault::Away) => Err(StoreError::Unavailable("it is away".into())),
            Some(Fault::BeforeCommit) => Err(StoreError::Unknown("the connection broke".into())),
            Some(Fault::AfterCommit) => {
                self.store.insert(release)?;
                Err(StoreError::Unknown("the connection broke".into()))
            }
            None => self.store.insert(release),
        }
    }

    fn read(&self, site: SiteId, query: &Query, as_of: &AsOf) -> Result<Vec<Group>, StoreError> {
        self.here()?.read(site, query, as_of)
    }

    fn days(&self, site: SiteId, first: Day, last: Day) -> Result<Vec<DayRow>, StoreError> {
        self.here()?.days(site, first, last)
    }

    fn extent(&self, site: SiteId) -> Result<Option<(Day, Day)>, StoreError> {
        self.here()?.extent(site)
    }

    fn holds(&self, id: ReleaseId) -> Result<bool, StoreError> {
        self.here()?.holds(id)
    }

    fn last_release(&self, site: SiteId, day: Day, node: u32) -> Result<u32, StoreError> {
        self.here()?.last_release(site, day, node)
    }

    fn erase(&self, site: SiteId, before: Option<Day>) -> Result<(), StoreError> {
        self.here()?.erase(site, before)
    }

    fn ready(&self) -> Result<(), StoreError> {
        self.here()?.ready()
    }

    hand_on!();
}

/// Runs the whole suite; `make` makes an empty store.
pub fn faults<S: Store>(make: impl Fn() -> S) {
    let bench = || Bench::over(Arc::new(Faulty::over(make())));
    lost_answers_count_once(bench());
    away_from_the_first_moment_on(bench());
    away_for_days_with_little_memory(bench());
    a_refused_release_blocks_nothing(bench());
    a_refused_close_is_offered_again(bench());
    a_slow_store_holds_nobody_up(bench());
    a_day_that_opens_while_the_store_is_away_takes_no_number_twice(bench());
    a_closed_day_is_not_opened_again_while_the_store_is_away(bench());
}

type OverFaults<S> = Bench<Faulty<S>>;

fn id(day: Day, number: u32) -> ReleaseId {
    ReleaseId { site: SITE, day, node: 0, number }
}

impl<S: Store> OverFaults<S> {
    /// One page view and its release.
    fn counted(&self, visitor: u64) {
        self.acknowledged(visitor, "a");
        self.closing().flush(&self.today());
    }

    /// Closes the open day, and begins the next.
    fn midnight(&mut self) {
        self.now = (self.now / DAY + 1) * DAY + 2_000;
        self.closing().step(self.now);
    }

    #[track_caller]
    fn check_stored(&self, expected: i64) {
        let groups = self.store.read(SITE, &views(), &AsOf::default()).expect("the store is there");
        assert_eq!(sum(&groups), expected);
    }

    #[track_caller]
    fn check_delivered(&mut self, expected: i64) {
        self.midnight();
        assert!(self.closing().deliver(), "{:?}", self.closing().trouble());
        self.check_stored(expected);
        assert_eq!((self.views(), self.outcome(Outcome::Accepted)), (expected, expected));
        assert!(self.listed("releases").is_empty(), "{:?}", self.listed("releases"));
        assert_eq!(self.memory().room().used(), 0);
    }
}

fn lost_answers_count_once<S: Store>(mut bench: OverFaults<S>) {
    use Fault::*;
    for (n, fault) in [AfterCommit, BeforeCommit, Away, AfterCommit].into_iter().enumerate() {
        bench.counted(n as u64);
        bench.store.fail_inserts([fault, fault]);
        assert!(!bench.closing().deliver() && !bench.closing().deliver());
        assert_eq!(bench.views(), n as i64 + 1, "seen once after {fault:?}");
        if n == 1 {
            bench.kill();
            bench.store.fail_inserts([]);
        }
        assert!(bench.closing().deliver());
    }
    // The close too.
    bench.acknowledged(9, "a");
    bench.store.fail_inserts([AfterCommit, AfterCommit]);
    bench.midnight();
    assert!(!bench.closing().deliver());
    bench.kill();
    bench.check_delivered(5);
}

fn away_from_the_first_moment_on<S: Store>(mut bench: OverFaults<S>) {
    bench.store.set_away(true);
    bench.restart();
    bench.counted(1);
    assert!(!bench.closing().deliver());
    let trouble = bench.closing().trouble().store.unwrap_or_default();
    assert!(trouble.contains("it is away"), "{trouble}");
    bench.kill();
    bench.counted(2);
    bench.store.set_away(false);
    assert!(bench.closing().deliver());
    assert_eq!(bench.closing().trouble(), Default::default());
    assert_eq!(bench.views(), 2);
    bench.check_delivered(2);
}

/// More releases than memory may hold: they are read back from their files, after starts too.
fn away_for_days_with_little_memory<S: Store>(mut bench: OverFaults<S>) {
    const DAYS: i64 = 4;
    const HOURS: i64 = 12;
    bench.stop();
    bench.room = 4_000;
    bench.start();
    bench.store.set_away(true);
    for day in 0..DAYS {
        for hour in 0..HOURS {
            bench.now = MIDNIGHT + day * DAY + hour * HOUR + HOUR / 2;
            bench.counted(hour as u64);
            assert!(bench.memory().room().used() <= 4_000);
        }
        bench.midnight();
        if day == 1 {
            bench.kill();
            assert!(bench.memory().room().used() <= 4_000);
        }
    }
    assert!(bench.listed("releases").len() >= (DAYS * HOURS) as usize);
    let on_disk = |bench: &OverFaults<S>| -> u32 {
        let view = bench.memory().view(SITE, crate::domain::view::Reader::Staff);
        view.days.iter().map(|day| day.on_disk).sum()
    };
    assert!(on_disk(&bench) > 0, "a reader is told that something is missing");
    bench.store.set_away(false);
    assert!(bench.closing().deliver());
    assert_eq!(on_disk(&bench), 0);
    bench.check_delivered(DAYS * HOURS);
    assert_eq!(bench.store.days(SITE, TODAY, Day(40_000)).map(|days| days.len()).ok(), Some(DAYS as usize));
}

fn a_refused_release_blocks_nothing<S: Store>(mut bench: OverFaults<S>) {
    bench.store.refuse(id(TODAY, 2), true);
    for visitor in 0..3 {
        bench.counted(visitor);
    }
    assert!(bench.closing().deliver(), "what is refused is not waited for");
    assert_eq!(bench.views(), 2, "and a report lacks it");
    assert_eq!(bench.closing().aside_of(SITE), [TODAY]);
    let aside = bench.closing().aside();
    assert!(aside[0].1.contains("told to") && aside[0].1.contains("release 2"), "{aside:?}");
    assert_eq!(bench.listed("refused").len(), 2, "the release and the reason");
    // Still refused after a start; the day goes on with other numbers.
    bench.kill();
    assert_eq!((bench.closing().aside_of(SITE).len(), bench.views()), (1, 2));
    bench.counted(3);
    bench.midnight();
    assert!(bench.closing().deliver());
    bench.check_stored(3);
    // Taken once the store takes it, though the day is closed.
    bench.store.refuse(id(TODAY, 2), false);
    bench.restart();
    assert_eq!(bench.closing().aside(), []);
    assert!(bench.listed("refused").is_empty());
    bench.check_delivered(4);
}

fn a_refused_close_is_offered_again<S: Store>(mut bench: OverFaults<S>) {
    bench.counted(1);
    bench.store.refuse(id(TODAY, 2), true);
    bench.midnight();
    assert!(bench.closing().deliver());
    assert!(bench.memory().days().is_empty(), "nothing waits behind it");
    // The day does not open again though the store knows nothing of its close.
    bench.now = MIDNIGHT + DAY - HOUR;
    bench.acknowledged(2, "a");
    assert_eq!(bench.today().calendar.day, TODAY.plus(1));
    bench.store.refuse(id(TODAY, 2), false);
    bench.restart();
    assert_eq!(bench.store.days(SITE, TODAY, TODAY).map(|days| days.len()).ok(), Some(1));
    bench.now = MIDNIGHT + DAY + HOUR;
    bench.check_delivered(2);
}

fn a_slow_store_holds_nobody_up<S: Store>(mut bench: OverFaults<S>) {
    bench.counted(1);
    bench.store.hold_back(true);
    std::thread::scope(|scope| {
        let delivering = scope.spawn(|| bench.closing().deliver());
        bench.store.wait_for_insert();
        for visitor in 2..6 {
            bench.counted(visitor);
        }
        assert_eq!(bench.closing().step(bench.now), 0);
        bench.store.hold_back(false);
        assert!(delivering.join().expect("the delivery ends"));
    });
    bench.check_delivered(5);
}

fn a_day_that_opens_while_the_store_is_away_takes_no_number_twice<S: Store>(mut bench: OverFaults<S>) {
    bench.counted(1);
    assert!(bench.closing().deliver());
    // The journal is lost, twice, and nobody can be asked for the last number.
    for visitor in 2..4 {
        bench.store.set_away(true);
        bench.counted(visitor);
        bench.stop();
        std::fs::remove_dir_all(bench.path("keys")).expect("the keys are there");
        bench.now += 5_000;
        bench.start();
    }
    bench.counted(4);
    bench.store.set_away(false);
    assert!(bench.closing().deliver());
    assert_eq!(bench.views(), 4);
    bench.check_delivered(4);
}

fn a_closed_day_is_not_opened_again_while_the_store_is_away<S: Store>(mut bench: OverFaults<S>) {
    bench.counted(1);
    bench.midnight();
    assert!(bench.closing().deliver());
    assert!(bench.memory().days().is_empty());
    bench.store.set_away(true);
    bench.restart();
    bench.now = MIDNIGHT + DAY - HOUR;
    bench.acknowledged(2, "a");
    assert_eq!(bench.today().calendar.day, TODAY.plus(1));
    bench.store.set_away(false);
    bench.now = MIDNIGHT + DAY + HOUR;
    bench.check_delivered(2);
}
