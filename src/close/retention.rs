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
    control::{Control, Directory},
    domain::{
        day::{Day, UnixMs, Zone},
        declaration::SiteId,
    },
    store::Store,
};

/// How long a day has to have been today before rows are erased for it.
const SETTLED: Duration = Duration::from_secs(3_600);

/// A store that takes out old rows by itself does so when it gets to it; what is older by more days is taken out here.
const LATE_DAYS: i32 = 5;

/// Remembers for which day each site was looked at last: the store is asked once a site-day.
pub struct Retention {
    /// Months that the audit log and the ledger of no site are kept.
    records_months: u32,
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
    pub fn new(records_months: u32) -> Retention {
        Retention { records_months, looked: Mutex::default() }
    }

    /// Erases what sites keep no longer, of what the store refused, by `aside`, of what is remembered of them, and in
    /// the store itself; and what the installation keeps no longer of its own. An error is logged and tried again on
    /// the next day, or at a start. `running`: the same moment by a clock that nobody sets.
    pub fn step(
        &self,
        store: &dyn Store,
        aside: impl Fn(SiteId, Day) -> io::Result<usize>,
        control: &Control,
        now: UnixMs,
        running: Instant,
    ) {
        if store.ready().is_err() {
            return;
        }
        for due in self.due(&control.directory().load(), now, running) {
            erase_aside(&aside, &due);
            erase_remembered(control, &due);
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
        let sites = directory.entries().iter();
        let sites = sites.map(|entry| (entry.id(), entry.day(now), entry.at(now).retention_months));
        let none = (SiteId::NONE, Zone::utc().day_at(now), self.records_months);
        let due = sites.chain([none]).filter(|&(site, today, _)| self.is_due(site, today, running));
        due.map(|(site, today, months)| Due { site, months, before: kept_from(today, months) }).collect()
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

/// Values that nobody has used since; of no site, the audit log.
fn erase_remembered(control: &Control, due: &Due) {
    let Due { site, before, .. } = *due;
    let erased = match site {
        SiteId::NONE => control.erase_audit(Zone::utc().start_of(before)),
        site => control.forget_values(site, before),
    };
    match erased {
        Ok(0) => {}
        Ok(n) => tracing::info!(site = site.0, %before, n, "forgot what was remembered past its retention"),
        Err(error) => tracing::error!(%error, site = site.0, "what is remembered could not be forgotten"),
    }
}

fn erase_stored(store: &dyn Store, due: &Due) {
    let Due { site, months, before } = *due;
    let late = match store.keep(site, months) {
        Ok(false) => 0,
        Ok(true) => LATE_DAYS,
        Err(error) => {
            return tracing::error!(%error, site = site.0, "the store could not be told what to keep");
        }
    };
    let erased = match store.extent(site) {
        Ok(Some((first, _))) if first.plus(late) < before => store.erase(site, Some(before)),
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
        control::{AdmittedKind, Deed, NewSite},
        domain::row::{Family, Release, ReleaseId, Row, Table},
        store::{
            AsOf,
            duckdb::{DuckStore, Limits},
        },
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
        control.admit_values(site, day("2026-10-21"), [(AdmittedKind::Page, "old")]).unwrap();
        control.admit_values(site, day("2026-10-22"), [(AdmittedKind::Page, "new")]).unwrap();
        let retention = Retention::new(25);
        let asked = std::cell::RefCell::new(Vec::new());
        let begun = Instant::now();
        let first_after = |now: UnixMs, minutes: u64| {
            let running = begun + Duration::from_secs(minutes * 60);
            let aside = |of, before| {
                if of == site {
                    asked.borrow_mut().push(before);
                }
                Ok(0)
            };
            retention.step(&store, aside, &control, now, running);
            store.extent(site).unwrap().unwrap().0
        };
        assert_eq!(first_after(now, 0), day("2026-10-20"), "the day has just become today");
        assert_eq!(first_after(now + 59 * 60_000, 59), day("2026-10-20"));
        assert_eq!(control.admitted_values(site, AdmittedKind::Page).unwrap().len(), 2);
        assert_eq!(first_after(now + 60 * 60_000, 60), day("2026-10-22"));
        assert_eq!(control.admitted_values(site, AdmittedKind::Page).unwrap(), ["new".into()]);
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

    /// Counts of no site, and who did what, are kept as long as the installation says.
    #[test]
    fn the_ledger_of_no_site_and_the_audit_log_go_with_time_too() {
        let folder = tempfile::tempdir().unwrap();
        let now = Zone::utc().start_of(day("2026-11-22"));
        let control = Control::open(&folder.path().join("control.sqlite"), now).unwrap();
        let store = DuckStore::in_memory(&Limits { memory_mb: 128, threads: 1 }).unwrap();
        for text in ["2026-08-21", "2026-08-22", "2026-11-21"] {
            let (day, site) = (day(text), SiteId::NONE);
            let row = Row {
                table: Table::Ledger,
                family: Family::Page,
                day,
                hour: None,
                keys: ["gpc".into()].into(),
                counts: [1].into(),
            };
            let id = ReleaseId { site, day, node: 0, number: 1 };
            store.insert(&Release { id, rows: vec![row], close: None }).unwrap();
            control.audit("ada", Deed::BackedUp, None, Zone::utc().start_of(day));
        }
        let retention = Retention::new(3);
        let begun = Instant::now();
        for hours in [0, 1] {
            let running = begun + Duration::from_secs(hours * 3_600);
            retention.step(&store, |_, _| Ok(0), &control, now + hours as i64 * 3_600_000, running);
        }
        assert_eq!(store.extent(SiteId::NONE).unwrap().unwrap().0, day("2026-08-22"));
        let query = crate::close::testing::ledger("gpc");
        let found = store.read(SiteId::NONE, &query, &AsOf::default()).unwrap();
        assert_eq!(crate::close::testing::sum(&found), 2);
        let told = control.audited(None).unwrap();
        assert_eq!(told.iter().map(|one| &one.at[..10]).collect::<Vec<_>>(), ["2026-11-21", "2026-08-22"]);
    }
}
