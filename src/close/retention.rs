//! Retention: rows of days older than a site keeps leave the store. What is in memory is never older than a day.
//!
//! A clock that is set forward by mistake must not cost the rows: a day has to have been today for a while, by a
//! clock that nobody sets, before anything is erased on its behalf.

use std::{
    collections::HashMap,
    io,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use jiff::ToSpan;

use crate::{
    control::Directory,
    domain::{
        day::{Day, UnixMs},
        declaration::SiteId,
    },
    store::Store,
};

/// How long a day has to have been today before rows are erased for it.
const SETTLED: Duration = Duration::from_secs(3_600);

/// Remembers for which day each site was looked at last: the store is asked once a site-day.
#[derive(Default)]
pub struct Retention {
    looked: Mutex<HashMap<SiteId, Looked>>,
}

struct Looked {
    today: Day,
    since: Instant,
    done: bool,
}

/// A site whose old rows are to go.
struct Due {
    site: SiteId,
    months: u32,
    /// The first day that stays.
    before: Day,
}

impl Retention {
    /// Erases what sites keep no longer, of what the store refused, by `aside`, and in the store itself. An error is
    /// logged and tried again on the next day, or at a start. `running`: the same moment by a clock that nobody sets.
    pub fn step(
        &self,
        store: &dyn Store,
        aside: impl Fn(SiteId, Day) -> io::Result<usize>,
        directory: &Directory,
        now: UnixMs,
        running: Instant,
    ) {
        if store.ready().is_err() {
            return;
        }
        for due in self.due(directory, now, running) {
            erase_aside(&aside, &due);
            erase_stored(store, &due);
        }
    }

    /// Of a collector, which leaves the store to the report node: only what the store refused of its own.
    pub fn step_aside(
        &self,
        aside: impl Fn(SiteId, Day) -> io::Result<usize>,
        directory: &Directory,
        now: UnixMs,
        running: Instant,
    ) {
        self.due(directory, now, running).iter().for_each(|due| erase_aside(&aside, due));
    }

    /// The sites to look at now.
    fn due(&self, directory: &Directory, now: UnixMs, running: Instant) -> Vec<Due> {
        let entries = directory.entries().iter();
        let due = entries.filter(|entry| self.is_due(entry.id(), entry.day(now), running));
        due.map(|entry| {
            let months = entry.at(now).retention_months;
            Due { site: entry.id(), months, before: kept_from(entry.day(now), months) }
        })
        .collect()
    }

    /// True once in each site-day, after it has been today for long enough.
    fn is_due(&self, site: SiteId, today: Day, running: Instant) -> bool {
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = || Looked { today, since: running, done: false };
        let last = looked.entry(site).or_insert_with(fresh);
        if last.today != today {
            *last = fresh();
        }
        let due = !last.done && running.saturating_duration_since(last.since) >= SETTLED;
        last.done |= due;
        due
    }
}

fn erase_aside(aside: &impl Fn(SiteId, Day) -> io::Result<usize>, due: &Due) {
    let Due { site, before, .. } = *due;
    match aside(site, before) {
        Ok(0) => {}
        Ok(n) => tracing::info!(site = site.0, %before, n, "erased refused releases past their retention"),
        Err(error) => tracing::error!(%error, site = site.0, "old refused releases could not be erased"),
    }
}

fn erase_stored(store: &dyn Store, due: &Due) {
    let Due { site, months, before } = *due;
    match store.keep(site, months) {
        Ok(false) => {}
        Ok(true) => return,
        Err(error) => {
            return tracing::error!(%error, site = site.0, "the store could not be told what to keep");
        }
    }
    let erased = match store.extent(site) {
        Ok(Some((first, _))) if first < before => store.erase(site, Some(before)),
        Ok(_) => return,
        Err(error) => Err(error),
    };
    match erased {
        Ok(()) => tracing::info!(site = site.0, %before, "erased rows past their retention"),
        Err(error) => tracing::error!(%error, site = site.0, "old rows could not be erased"),
    }
}

/// The first day that is kept: the same day of the month, `months` earlier, or that month's last.
pub fn kept_from(today: Day, months: u32) -> Day {
    Day::of(today.date().saturating_sub(i64::from(months).months()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        control::{Control, NewSite},
        domain::row::{Release, ReleaseId},
        store::duckdb::{DuckStore, Limits},
    };

    fn day(text: &str) -> Day {
        Day::parse(text).unwrap()
    }

    #[track_caller]
    fn check(today: &str, months: u32, expected: &str) {
        assert_eq!(kept_from(day(today), months), day(expected), "{today} less {months}");
    }

    #[test]
    fn months_are_those_of_the_calendar() {
        check("2026-11-22", 25, "2024-10-22");
        check("2026-03-31", 1, "2026-02-28");
        check("2024-03-31", 1, "2024-02-29");
    }

    #[test]
    fn days_past_their_retention_leave_the_store_and_others_stay() {
        let folder = tempfile::tempdir().unwrap();
        let now = crate::domain::day::Zone::utc().start_of(day("2026-11-22"));
        let control = Control::open(&folder.path().join("control.sqlite"), now).unwrap();
        let site = control.add_site(NewSite::new("example.com", "UTC"), now).unwrap().id;
        control
            .change_site("example.com", now, |settings| {
                settings.retention_months = 1;
                Ok(())
            })
            .unwrap();
        control.reload_if_changed(now).unwrap();
        let store = DuckStore::in_memory(&Limits::default()).unwrap();
        for text in ["2026-10-20", "2026-10-21", "2026-10-22", "2026-11-21"] {
            let id = ReleaseId { site, day: day(text), node: 0, number: 1 };
            store.insert(&Release { id, rows: Vec::new(), close: None }).unwrap();
        }
        let retention = Retention::default();
        let asked = std::cell::RefCell::new(Vec::new());
        let begun = Instant::now();
        let first_after = |now: UnixMs, minutes: u64| {
            let running = begun + Duration::from_secs(minutes * 60);
            let aside = |of, before| {
                assert_eq!(of, site);
                asked.borrow_mut().push(before);
                Ok(0)
            };
            retention.step(&store, aside, &control.directory().load(), now, running);
            store.extent(site).unwrap().unwrap().0
        };
        assert_eq!(first_after(now, 0), day("2026-10-20"), "the day has just become today");
        assert_eq!(first_after(now + 59 * 60_000, 59), day("2026-10-20"));
        assert_eq!(first_after(now + 60 * 60_000, 60), day("2026-10-22"));
        // A clock that shows the next century for less than an hour costs nothing.
        assert_eq!(first_after(now + 40_000 * 86_400_000, 61), day("2026-10-22"));
        assert_eq!(first_after(now + 40_000 * 86_400_000, 119), day("2026-10-22"));
        assert_eq!(first_after(now + 2 * 3_600_000, 120), day("2026-10-22"));
        // The next midnight takes the next day.
        assert_eq!(first_after(now + 86_400_000, 1_440), day("2026-10-22"));
        assert_eq!(first_after(now + 86_400_000, 1_500), day("2026-11-21"));
        assert_eq!(
            asked.into_inner(),
            [day("2026-10-22"), day("2026-10-23")],
            "what was refused goes with them"
        );
    }
}
