//! What cannot be taken is sent away early and cheaply: before the address is read or a lock is taken. Who waits
//! for the disk is counted, by site, so that nobody waits long and no site takes the others' room.

use std::{
    cell::Cell,
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use smallvec::SmallVec;

use crate::domain::declaration::SiteId;

/// Nothing more is taken once what waits has not moved for this long.
pub const STALL_MAX: Duration = Duration::from_secs(5);
/// A worker that comes back to its timers this late has more to do than it can.
pub const LAG_MAX: Duration = Duration::from_millis(250);
/// With fewer hits under way than this, lag is no fault of collection's.
const LAG_WAITING_MIN: usize = 256;
/// How often a worker looks how late it is.
const LAG_LOOK: Duration = Duration::from_millis(25);

/// Why a request was sent away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Overload {
    #[error("too many hits wait for the journal")]
    Full,
    #[error("the journal has not moved for seconds")]
    Stalled,
    #[error("one site has more than its share of what waits")]
    Share,
    #[error("the processors are too busy")]
    Lag,
}

/// The hits under way, from their admission until their answer.
pub struct Gate {
    /// Most hits that are under way at once.
    most: usize,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    total: usize,
    by_site: HashMap<SiteId, usize, foldhash::fast::RandomState>,
    /// When a hit was last answered, or the first came after a pause.
    moved: Duration,
}

/// A request's place among those under way; dropping it leaves.
pub struct Place {
    gate: Arc<Gate>,
    sites: SmallVec<[SiteId; 2]>,
}

impl Gate {
    pub fn new(most: usize) -> Arc<Gate> {
        Arc::new(Gate { most, waiting: Mutex::default() })
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hits under way.
    pub fn waiting(&self) -> usize {
        self.lock().total
    }

    /// Lets a request in that is a hit for each of `sites`. A site has its share of the room: with n sites under
    /// way one part in n + 1, so that there is always room for another.
    ///
    /// # Errors
    /// [`Overload`].
    pub fn enter(
        self: &Arc<Gate>,
        sites: SmallVec<[SiteId; 2]>,
        now: Duration,
        lag: Duration,
    ) -> Result<Place, Overload> {
        let mut waiting = self.lock();
        // A request larger than all the room comes in alone.
        if waiting.total > 0 && waiting.total + sites.len() > self.most {
            return Err(Overload::Full);
        }
        if waiting.total > 0 && now.saturating_sub(waiting.moved) > STALL_MAX {
            return Err(Overload::Stalled);
        }
        let late = lag > LAG_MAX && waiting.total >= LAG_WAITING_MIN;
        let mut sorted = sites.clone();
        sorted.sort_unstable();
        for hits in sorted.chunk_by(SiteId::eq) {
            let own = waiting.by_site.get(&hits[0]).copied().unwrap_or(0);
            let shares = waiting.by_site.len() + usize::from(own == 0) + 1;
            if own > 0 && own + hits.len() > (self.most / shares).max(1) {
                return Err(Overload::Share);
            }
            if late && own > waiting.total / shares {
                return Err(Overload::Lag);
            }
        }
        if waiting.total == 0 {
            waiting.moved = now;
        }
        waiting.total += sites.len();
        for &site in &sites {
            *waiting.by_site.entry(site).or_default() += 1;
        }
        Ok(Place { gate: self.clone(), sites })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut waiting = self.gate.lock();
        waiting.moved = crate::clock::running();
        waiting.total -= self.sites.len();
        for site in &self.sites {
            if let Some(n) = waiting.by_site.get_mut(site) {
                *n -= 1;
                if *n == 0 {
                    waiting.by_site.remove(site);
                }
            }
        }
    }
}

thread_local! {
    static LAG: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

/// How late this worker was when it last looked.
pub fn lag() -> Duration {
    LAG.get()
}

/// Looks for ever how late the worker is that this runs on.
pub async fn watch_lag() {
    loop {
        let due = Instant::now() + LAG_LOOK;
        tokio::time::sleep(LAG_LOOK).await;
        LAG.set(due.elapsed());
    }
}

/// Hits that were sent away and are not in the ledger yet.
#[derive(Default)]
pub struct Shed(Mutex<Unsettled>);

#[derive(Default)]
struct Unsettled {
    by_site: HashMap<SiteId, u64>,
    /// How many since they were last told of, and why the first of them was.
    untold: u64,
    why: String,
}

impl Shed {
    /// Remembers that hits were sent away.
    pub fn add(&self, site: SiteId, n: u64, why: &dyn std::fmt::Display) {
        let mut unsettled = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *unsettled.by_site.entry(site).or_default() += n;
        if unsettled.untold == 0 {
            unsettled.why = why.to_string();
        }
        unsettled.untold += n;
    }

    /// Puts back what the ledger did not take.
    pub fn put_back(&self, site: SiteId, n: u64) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).by_site.entry(site).or_default() += n;
    }

    /// Hands out what is to go into the ledgers, and tells of it: one line, however many they were.
    pub fn take(&self) -> HashMap<SiteId, u64> {
        let unsettled = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        if unsettled.untold > 0 {
            tracing::warn!(hits = unsettled.untold, why = unsettled.why, "hits were not taken");
        }
        unsettled.by_site
    }
}

#[cfg(test)]
mod tests {
    use smallvec::smallvec;

    use super::*;

    const LATE: Duration = Duration::from_millis(251);
    const SOON: Duration = Duration::ZERO;

    fn enter(gate: &Arc<Gate>, site: u32) -> Result<Place, Overload> {
        gate.enter(smallvec![SiteId(site)], crate::clock::running(), SOON)
    }

    fn fill(gate: &Arc<Gate>, site: u32) -> Vec<Place> {
        std::iter::from_fn(|| enter(gate, site).ok()).collect()
    }

    #[test]
    fn one_site_leaves_room_for_another() {
        let gate = Gate::new(120);
        let first = fill(&gate, 1);
        assert_eq!(first.len(), 60);
        assert_eq!(enter(&gate, 1).err(), Some(Overload::Share));
        let second = fill(&gate, 2);
        assert_eq!(second.len(), 40);
        let third = fill(&gate, 3);
        assert_eq!(third.len(), 20, "all is taken");
        assert_eq!(enter(&gate, 4).err(), Some(Overload::Full));
        drop(first);
        assert_eq!(fill(&gate, 1).len(), 30, "the loud one comes back to its share");
        drop((second, third));
        assert_eq!(gate.waiting(), 0);
        assert!(gate.lock().by_site.is_empty());
    }

    #[test]
    fn a_request_of_many_hits_takes_as_much_room() {
        let gate = Gate::new(120);
        let of = |site, n| gate.enter(SmallVec::from_elem(SiteId(site), n), crate::clock::running(), SOON);
        let first = of(1, 50).unwrap();
        assert_eq!(of(1, 11).err(), Some(Overload::Share));
        assert_eq!(of(2, 71).err(), Some(Overload::Full));
        let second = of(1, 10).unwrap();
        assert_eq!(gate.waiting(), 60);
        drop((first, second));
        assert!(of(1, 500).is_ok(), "alone");
    }

    #[test]
    fn what_does_not_move_takes_no_more() {
        let gate = Gate::new(100);
        let first = enter(&gate, 1).unwrap();
        let later = crate::clock::running() + STALL_MAX + Duration::from_millis(1);
        let again = gate.enter(smallvec![SiteId(1)], later, SOON);
        assert_eq!(again.err(), Some(Overload::Stalled));
        drop(first);
        assert!(gate.enter(smallvec![SiteId(1)], later, SOON).is_ok());
    }

    #[test]
    fn a_late_worker_sends_the_loud_site_away_and_takes_the_quiet_one() {
        let gate = Gate::new(10_000);
        let late = |site| gate.enter(smallvec![SiteId(site)], crate::clock::running(), LATE);
        let few: Vec<_> = (0..LAG_WAITING_MIN - 1).map(|_| enter(&gate, 1).unwrap()).collect();
        let one_more = late(1);
        assert!(one_more.is_ok(), "so few are no load");
        assert_eq!(late(1).err(), Some(Overload::Lag));
        assert!(late(2).is_ok());
        drop((few, one_more));
    }

    #[test]
    fn a_request_for_many_sites_is_in_or_out_as_a_whole() {
        let gate = Gate::new(4);
        let full = fill(&gate, 1);
        let both = gate.enter(smallvec![SiteId(2), SiteId(1)], SOON, SOON);
        assert_eq!(both.err(), Some(Overload::Share));
        assert_eq!(gate.waiting(), full.len());
    }
}
