//! Retention: rows of days older than a site keeps leave the store. What is in memory is never older than a day.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
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

/// Remembers for which day each site was looked at last: the store is asked once a site-day.
#[derive(Default)]
pub struct Retention {
    looked: Mutex<HashMap<SiteId, Day>>,
}

impl Retention {
    /// Erases what sites keep no longer. An error is logged and tried again on the next day, or at a start.
    pub fn step(&self, store: &dyn Store, directory: &Directory, now: UnixMs) {
        if store.ready().is_err() {
            return;
        }
        for entry in directory.entries() {
            let (site, today) = (entry.at(now), entry.day(now));
            let last = self.looked.lock().unwrap_or_else(PoisonError::into_inner).insert(entry.id(), today);
            if last == Some(today) {
                continue;
            }
            let before = kept_from(today, site.retention_months);
            let stored = store.extent(entry.id());
            let erased = match stored {
                Ok(Some((first, _))) if first < before => store.erase(entry.id(), Some(before)),
                Ok(_) => continue,
                Err(error) => Err(error),
            };
            match erased {
                Ok(()) => tracing::info!(site = entry.id().0, %before, "erased rows past their retention"),
                Err(error) => tracing::error!(%error, site = entry.id().0, "old rows could not be erased"),
            }
        }
    }
}

/// The first day that is kept: the same day of the month, `months` earlier, or that month's last.
fn kept_from(today: Day, months: u32) -> Day {
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
        retention.step(&store, &control.directory().load(), now);
        assert_eq!(store.extent(site).unwrap(), Some((day("2026-10-22"), day("2026-11-21"))));
        // The next midnight takes the next day.
        retention.step(&store, &control.directory().load(), now + 1);
        assert_eq!(store.extent(site).unwrap().unwrap().0, day("2026-10-22"));
        retention.step(&store, &control.directory().load(), now + 86_400_000);
        assert_eq!(store.extent(site).unwrap().unwrap().0, day("2026-11-21"));
    }
}
