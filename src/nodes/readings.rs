//! Readings that a collector keeps for the report node: a site's open days as of the moment when they were asked for.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::domain::view::MemoryView;

/// Most readings at once: none that is in use makes room for another.
const READINGS_MAX: usize = 64;
/// How long a reading is kept without being ended.
const READING_LIFE: Duration = Duration::from_secs(30);

/// The readings under way.
#[derive(Default)]
pub struct Readings(Mutex<VecDeque<Kept>>);

struct Kept {
    id: u64,
    since: Instant,
    view: Arc<MemoryView>,
}

impl Readings {
    /// Keeps a view; returns its number, which nobody guesses and no earlier process gave. `None` where there are too
    /// many.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn keep(&self, view: MemoryView, now: Instant) -> Result<Option<u64>, getrandom::Error> {
        let id = getrandom::u64()?;
        let mut kept = self.living(now);
        if kept.len() == READINGS_MAX {
            return Ok(None);
        }
        kept.push_back(Kept { id, since: now, view: Arc::new(view) });
        Ok(Some(id))
    }

    /// The view of a reading, if it is still kept.
    pub fn view(&self, id: u64, now: Instant) -> Option<Arc<MemoryView>> {
        self.living(now).iter().find(|one| one.id == id).map(|one| one.view.clone())
    }

    /// Lets go of a reading.
    pub fn end(&self, id: u64, now: Instant) {
        self.living(now).retain(|one| one.id != id);
    }

    fn living(&self, now: Instant) -> MutexGuard<'_, VecDeque<Kept>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while kept.front().is_some_and(|one| now.saturating_duration_since(one.since) > READING_LIFE) {
            kept.pop_front();
        }
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readings_are_bounded_in_number_and_time() {
        let readings = Readings::default();
        let begun = Instant::now();
        let keep = |now| readings.keep(MemoryView::default(), now).unwrap();
        let first = keep(begun).unwrap();
        let second = keep(begun + Duration::from_secs(1)).unwrap();
        assert!(readings.view(first, begun + READING_LIFE).is_some());
        let later = begun + READING_LIFE + Duration::from_millis(1);
        assert!(readings.view(first, later).is_none() && readings.view(second, later).is_some());
        readings.end(second, later);
        assert!(readings.view(second, later).is_none());
        let ids: Vec<u64> = (0..READINGS_MAX).map(|_| keep(later).unwrap()).collect();
        assert_eq!(keep(later), None, "those in use stay");
        assert!(ids.iter().all(|&id| readings.view(id, later).is_some()));
        readings.end(ids[1], later);
        assert!(keep(later).is_some());
    }
}
