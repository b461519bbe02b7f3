//! A store that is opened when it can be: at the start, or at any time after it, and anew once it is broken.
//!
//! Collection needs no store, so one that is away stops neither the start nor a hit. Whoever asks meanwhile is
//! told that it is away and why; asking is also what tries again, not more often than the waits allow.

use std::{
    sync::{Arc, Mutex, PoisonError, RwLock, TryLockError, Weak},
    time::{Duration, Instant},
};

use super::{AsOf, Store, StoreError, hand_on};
use crate::domain::{
    day::Day,
    declaration::SiteId,
    query::{Group, Query},
    row::{DayRow, Release, ReleaseId},
};

/// Waits between tries to open a store grow from the first to the second.
const REOPEN: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(30));

/// How a store is opened.
type Opener<S> = Box<dyn Fn() -> Result<S, StoreError> + Send + Sync>;

/// A store, or the wait for it.
pub struct Later<S> {
    open: Opener<S>,
    state: RwLock<State<S>>,
    /// Held by the one that tries.
    tries: Mutex<Tries>,
    waits: (Duration, Duration),
}

enum State<S> {
    Open(Arc<Opened<S>>),
    /// Why, and whether the one before is still in use: two must never have the same file.
    Away(String, Weak<()>),
}

/// A store, and a token that goes once the store is wholly closed: fields are dropped in order.
struct Opened<S> {
    store: S,
    alive: Arc<()>,
}

impl<S> Opened<S> {
    fn new(store: S) -> Arc<Opened<S>> {
        Arc::new(Opened { store, alive: Arc::new(()) })
    }
}

struct Tries {
    next: Instant,
    wait: Duration,
}

impl<S: Store> Later<S> {
    /// Opens the store now, or later if it is away.
    ///
    /// # Errors
    /// Only what no waiting mends: `Newer` and `Refused`.
    pub fn open(
        open: impl Fn() -> Result<S, StoreError> + Send + Sync + 'static,
    ) -> Result<Later<S>, StoreError> {
        Later::open_with(open, REOPEN)
    }

    /// As [`Later::open`], with these waits.
    ///
    /// # Errors
    /// As [`Later::open`].
    pub fn open_with(
        open: impl Fn() -> Result<S, StoreError> + Send + Sync + 'static,
        waits: (Duration, Duration),
    ) -> Result<Later<S>, StoreError> {
        let state = match open() {
            Ok(store) => State::Open(Opened::new(store)),
            Err(error @ (StoreError::Newer { .. } | StoreError::Refused(_))) => return Err(error),
            Err(error) => {
                tracing::error!(%error, "the server starts without its store, and opens it when it can");
                State::Away(words(error), Weak::new())
            }
        };
        let tries = Tries { next: Instant::now() + waits.0, wait: waits.0 };
        Ok(Later { open: Box::new(open), state: RwLock::new(state), tries: Mutex::new(tries), waits })
    }

    fn ask<T>(&self, ask: impl FnOnce(&S) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let store = self.store()?;
        let answer = ask(&store.store);
        if let Err(error) = &answer
            && !store.store.usable()
        {
            self.lose(&store, error);
        }
        answer
    }

    /// The store, opened now if it is away and its time has come.
    fn store(&self) -> Result<Arc<Opened<S>>, StoreError> {
        let why = match self.look() {
            Ok(store) => return Ok(store),
            Err((why, _)) => why,
        };
        let mut tries = match self.tries.try_lock() {
            Ok(tries) => tries,
            Err(TryLockError::Poisoned(tries)) => tries.into_inner(),
            Err(TryLockError::WouldBlock) => return Err(StoreError::Unavailable(why)),
        };
        // Somebody else may have opened it since the look, and lost it again.
        let (why, left) = match self.look() {
            Ok(store) => return Ok(store),
            Err(away) => away,
        };
        if Instant::now() < tries.next || left.strong_count() > 0 {
            return Err(StoreError::Unavailable(why));
        }
        match (self.open)() {
            Ok(store) => {
                tracing::info!("the store is open");
                let store = Opened::new(store);
                self.set(State::Open(store.clone()));
                tries.wait = self.waits.0;
                Ok(store)
            }
            Err(error) => {
                tries.wait = (tries.wait * 2).min(self.waits.1);
                tries.next = Instant::now() + tries.wait;
                let found = words(error);
                if found != why {
                    tracing::error!("the store cannot be opened: {found}");
                }
                self.set(State::Away(found.clone(), left));
                Err(StoreError::Unavailable(found))
            }
        }
    }

    /// The store as it is; while it is away, why, and what is left of the one before.
    fn look(&self) -> Result<Arc<Opened<S>>, (String, Weak<()>)> {
        match &*self.state.read().unwrap_or_else(PoisonError::into_inner) {
            State::Open(store) => Ok(store.clone()),
            State::Away(why, left) => Err((why.clone(), left.clone())),
        }
    }

    /// Lets go of a store that only another opening can help.
    fn lose(&self, store: &Arc<Opened<S>>, error: &StoreError) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if matches!(&*state, State::Open(held) if Arc::ptr_eq(held, store)) {
            tracing::error!(%error, "the store is broken, and is opened anew");
            *state = State::Away(error.to_string(), Arc::downgrade(&store.alive));
        }
    }

    fn set(&self, state: State<S>) {
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = state;
    }
}

/// What could not be opened, without the words that `Unavailable` adds.
fn words(error: StoreError) -> String {
    match error {
        StoreError::Unavailable(why) => why,
        error => error.to_string(),
    }
}

impl<S: Store> Store for Later<S> {
    fn insert(&self, release: &Release) -> Result<(), StoreError> {
        self.ask(|store| store.insert(release))
    }

    fn read(&self, site: SiteId, query: &Query, as_of: &AsOf) -> Result<Vec<Group>, StoreError> {
        self.ask(|store| store.read(site, query, as_of))
    }

    fn days(&self, site: SiteId, first: Day, last: Day) -> Result<Vec<DayRow>, StoreError> {
        self.ask(|store| store.days(site, first, last))
    }

    fn extent(&self, site: SiteId) -> Result<Option<(Day, Day)>, StoreError> {
        self.ask(|store| store.extent(site))
    }

    fn holds(&self, id: ReleaseId) -> Result<bool, StoreError> {
        self.ask(|store| store.holds(id))
    }

    fn last_release(&self, site: SiteId, day: Day, node: u32) -> Result<u32, StoreError> {
        self.ask(|store| store.last_release(site, day, node))
    }

    fn erase(&self, site: SiteId, before: Option<Day>) -> Result<(), StoreError> {
        self.ask(|store| store.erase(site, before))
    }

    fn ready(&self) -> Result<(), StoreError> {
        self.ask(Store::ready)
    }

    hand_on!();

    fn usable(&self) -> bool {
        self.store().is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

    use super::*;
    use crate::store::duckdb::{DuckStore, Limits};

    const AT_ONCE: (Duration, Duration) = (Duration::ZERO, Duration::ZERO);

    fn duck() -> Result<DuckStore, StoreError> {
        DuckStore::in_memory(&Limits { memory_mb: 64, threads: 1 })
    }

    #[test]
    fn a_store_that_is_away_is_opened_once_it_is_back() {
        let back = Arc::new(AtomicBool::new(false));
        let asked = back.clone();
        let open = move || match asked.load(SeqCst) {
            true => duck(),
            false => Err(StoreError::Unavailable("it is away".into())),
        };
        let store = Later::open_with(open, AT_ONCE).unwrap();
        for _ in 0..2 {
            let error = store.extent(SiteId(1)).unwrap_err().to_string();
            assert_eq!(error, "the store is unavailable: it is away");
        }
        assert!(!store.usable());
        back.store(true, SeqCst);
        assert_eq!(store.extent(SiteId(1)).unwrap(), None);
        assert!(store.usable());
    }

    #[test]
    fn an_opening_that_panics_is_tried_again() {
        let tries = AtomicUsize::new(0);
        let open = move || match tries.fetch_add(1, SeqCst) {
            0 => Err(StoreError::Unavailable("away".into())),
            1 => panic!("for the test"),
            _ => duck(),
        };
        let store = Later::open_with(open, AT_ONCE).unwrap();
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| store.ready())).is_err());
        assert!(store.ready().is_ok());
    }

    #[test]
    fn nobody_tries_before_the_wait_is_over() {
        let tries = Arc::new(AtomicUsize::new(0));
        let counted = tries.clone();
        let open = move || -> Result<DuckStore, StoreError> {
            counted.fetch_add(1, SeqCst);
            Err(StoreError::Unavailable("away".into()))
        };
        let hour = Duration::from_secs(3600);
        let store = Later::open_with(open, (hour, hour)).unwrap();
        for _ in 0..100 {
            assert!(store.ready().is_err());
        }
        assert_eq!(tries.load(SeqCst), 1);
    }

    #[test]
    fn a_newer_or_foreign_schema_refuses_the_start_only() {
        let newer = || -> Result<DuckStore, _> { Err(StoreError::Newer { found: 9, known: 2 }) };
        assert!(matches!(Later::open(newer), Err(StoreError::Newer { .. })));
        let first = AtomicBool::new(true);
        let later = move || -> Result<DuckStore, _> {
            match first.swap(false, SeqCst) {
                true => Err(StoreError::Unavailable("away".into())),
                false => Err(StoreError::Refused("another form".into())),
            }
        };
        let store = Later::open_with(later, AT_ONCE).unwrap();
        // A release must not be set aside for it.
        assert!(matches!(store.ready(), Err(StoreError::Unavailable(_))));
    }

    /// A store that breaks, and counts how many of it live.
    struct Breaks(DuckStore, Arc<AtomicUsize>, AtomicBool);

    impl Drop for Breaks {
        fn drop(&mut self) {
            self.1.fetch_sub(1, SeqCst);
        }
    }

    impl Breaks {
        fn ask<T>(&self, ask: impl FnOnce(&DuckStore) -> Result<T, StoreError>) -> Result<T, StoreError> {
            ask(&self.0)
        }
    }

    impl Store for Breaks {
        hand_on!();

        fn insert(&self, release: &Release) -> Result<(), StoreError> {
            self.0.insert(release)
        }
        fn read(&self, site: SiteId, query: &Query, as_of: &AsOf) -> Result<Vec<Group>, StoreError> {
            self.0.read(site, query, as_of)
        }
        fn days(&self, site: SiteId, first: Day, last: Day) -> Result<Vec<DayRow>, StoreError> {
            self.0.days(site, first, last)
        }
        fn extent(&self, _: SiteId) -> Result<Option<(Day, Day)>, StoreError> {
            self.2.store(true, SeqCst);
            Err(StoreError::Unavailable("broken".into()))
        }
        fn holds(&self, id: ReleaseId) -> Result<bool, StoreError> {
            self.0.holds(id)
        }
        fn last_release(&self, site: SiteId, day: Day, node: u32) -> Result<u32, StoreError> {
            self.0.last_release(site, day, node)
        }
        fn erase(&self, site: SiteId, before: Option<Day>) -> Result<(), StoreError> {
            self.0.erase(site, before)
        }
        fn usable(&self) -> bool {
            !self.2.load(SeqCst)
        }
    }

    #[test]
    fn a_broken_store_is_opened_anew_once_nobody_uses_it() {
        let alive = Arc::new(AtomicUsize::new(0));
        let counted = alive.clone();
        let open = move || {
            assert_eq!(counted.fetch_add(1, SeqCst), 0, "two have the same file");
            Ok(Breaks(duck()?, counted.clone(), AtomicBool::new(false)))
        };
        let store = Later::open_with(open, AT_ONCE).unwrap();
        let user = store.store().unwrap();
        assert!(store.extent(SiteId(1)).is_err());
        assert!(store.ready().is_err(), "it is still in use");
        drop(user);
        assert!(store.ready().is_ok());
        assert_eq!(alive.load(SeqCst), 1);
    }
}
