//! When the server verifies by itself: what is quickly seen, soon after each start; the last days' rows, once a day.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::{
    control::Control,
    domain::day::{Day, UnixMs, Zone},
    verify::{Outcome, Report, Scope, last},
};

/// How long after a start the first look waits: the start's own work comes first.
const AFTER_START: Duration = Duration::from_secs(60);
/// So long into a UTC day, in milliseconds, its look begins: days that ended with it have closed by then.
const AFTER_MIDNIGHT_MS: UnixMs = 10 * 60_000;

/// What was looked at last.
pub(super) struct Watch(Mutex<Watched>);

struct Watched {
    started: Instant,
    began: bool,
    /// The UTC day of which rows were looked at.
    rows: Option<Day>,
}

impl Default for Watch {
    fn default() -> Watch {
        Watch(Mutex::new(Watched { started: Instant::now(), began: false, rows: None }))
    }
}

impl Watch {
    /// What is to be looked at now, if anything is; it counts as done.
    pub fn due(&self, control: &Control, now: UnixMs) -> Option<Scope> {
        let mut watched = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !watched.began && watched.started.elapsed() < AFTER_START {
            return None;
        }
        let began = std::mem::replace(&mut watched.began, true);
        if !began {
            watched.rows = looked_at(control);
        }
        let today = Zone::utc().day_at(now - AFTER_MIDNIGHT_MS);
        if watched.rows.is_none_or(|day| day < today) {
            watched.rows = Some(today);
            return Some(Scope::LastDays);
        }
        (!began).then_some(Scope::Quick)
    }
}

/// The UTC day on which every site's rows were looked at, by the report that was kept.
fn looked_at(control: &Control) -> Option<Day> {
    let report = last(control).ok().flatten()?;
    report.sites.iter().map(|site| Day::parse(site.at.get(..10)?)).min().flatten()
}

/// Says in the log how it ended.
pub(super) fn tell(report: &Report) {
    let checks = report.checks.iter().chain(report.sites.iter().flat_map(|site| &site.checks));
    for check in checks.filter(|check| check.result == Outcome::Breach) {
        tracing::error!(
            check = check.title,
            findings = check.findings,
            "a verification found a breach: mayfly verify says more"
        );
    }
    tracing::info!(result = report.result.word(), "verified");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn past(watch: &Watch) {
        watch.0.lock().unwrap().started -= AFTER_START;
    }

    #[test]
    fn a_start_looks_soon_and_each_day_once() {
        let folder = tempfile::tempdir().unwrap();
        let control = Control::open(&folder.path().join("control.sqlite"), 0).unwrap();
        let (hour, day) = (3_600_000, 86_400_000);
        let noon = 20_779 * day + 12 * hour;
        let watch = Watch::default();
        assert_eq!(watch.due(&control, noon), None, "the start comes first");
        past(&watch);
        assert_eq!(watch.due(&control, noon), Some(Scope::LastDays), "nobody ever looked");
        assert_eq!(watch.due(&control, noon + 11 * hour), None);
        assert_eq!(watch.due(&control, noon + 12 * hour), None, "its days are closing");
        assert_eq!(watch.due(&control, noon + 12 * hour + AFTER_MIDNIGHT_MS), Some(Scope::LastDays));
        assert_eq!(watch.due(&control, noon + 20 * hour), None);
    }

    #[test]
    fn a_start_on_a_day_that_was_looked_at_sees_only_what_is_quickly_seen() {
        let folder = tempfile::tempdir().unwrap();
        let control = Control::open(&folder.path().join("control.sqlite"), 0).unwrap();
        let site = r#"{"id":1,"site":"example.com","at":"2026-11-22 00:00 UTC","result":"ok","checks":[]}"#;
        let report = format!(
            r#"{{"version":"1","at":"2026-11-22 00:00 UTC","by":"x","result":"ok","checks":[],"sites":[{site}]}}"#
        );
        control.keep_verification(&report).unwrap();
        let watch = Watch::default();
        past(&watch);
        let noon = Zone::utc().start_of(Day::parse("2026-11-22").unwrap()) + 43_200_000;
        assert_eq!(watch.due(&control, noon), Some(Scope::Quick));
        assert_eq!(watch.due(&control, noon), None);
    }
}
