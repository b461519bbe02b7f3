//! Corrections: a site begins anew, becomes part of another, forgets a source.

use super::{JobError, Result, Rooms, count};
use crate::{
    control::{Forget, Leaving},
    domain::{CONTINUED, NONE, OTHER, STAR, day::Day},
    store::Forgotten,
};

/// Everything that was counted goes; name, settings and keys stay.
pub(super) fn reset(rooms: &Rooms<'_>, site: &str) -> Result<String> {
    let (site, old) = rooms.control.reset_site(site, rooms.now)?;
    let erased =
        rooms.days.erase(old).and_then(|()| rooms.control.erased(old).map_err(|error| error.to_string()));
    let name = site.name;
    Ok(match erased {
        Ok(()) => format!("{name} begins anew: all that was counted for it is erased\n"),
        Err(error) => {
            tracing::error!(error, site = old.0, "a reset site could not be erased");
            format!(
                "{name} begins anew; what was counted for it is erased once the store allows it ({error})\n"
            )
        }
    })
}

/// One site's rows become another's.
pub(super) fn merge(rooms: &Rooms<'_>, site: &str, into: &str) -> Result<String> {
    let (site, other) = rooms.control.begin_merge(site, into, rooms.now)?;
    (rooms.says)("closing its open day");
    let leaving = Leaving { into: other.id, site };
    let mut words = format!(
        "{} is part of {}, which answers to its name and has its hosts",
        leaving.site.name, other.name
    );
    match finish_merge(rooms, &leaving) {
        Ok(()) => words += "; its rows are there, its open day is closed, its keys are gone\n",
        Err(error) => {
            tracing::error!(%error, site = leaving.site.id.0, "a merge could not be finished yet");
            words += &format!("; its rows follow once its open day is in the store ({error})\n");
        }
    }
    words += "Somebody who was on both sites on a day is two visitors of that day, as is everybody who comes again today.\n";
    Ok(words)
}

/// Brings what is left of a site to the store, and makes its rows the other's. Again after a failure or a crash.
///
/// # Errors
/// Where the store does not take everything yet.
pub(super) fn finish_merge(rooms: &Rooms<'_>, leaving: &Leaving) -> Result<()> {
    let site = leaving.site.id;
    rooms.days.end(site).map_err(JobError::Refused)?;
    // Of its own days only, so before they are the other's.
    for forget in rooms.control.forgets()?.into_iter().filter(|one| one.site == site) {
        rooms.store.forget(site, &forget.source, forget.last)?;
    }
    rooms.store.merge(site, leaving.into)?;
    rooms.control.end_merge(site, rooms.now)?;
    rooms.days.know(leaving.into);
    tracing::info!(site = site.0, into = leaving.into.0, "a site became part of another");
    Ok(())
}

/// A source that turned out to be spam leaves the families that name it.
pub(super) fn forget(rooms: &Rooms<'_>, name: &str, source: &str) -> Result<String> {
    if [STAR, NONE, OTHER, CONTINUED, ""].contains(&source) {
        let words =
            format!("source: `{source}` is not allowed: a source as reports show it, such as `spam.example`");
        return Err(JobError::Refused(words));
    }
    let site = rooms.control.site(name, rooms.now)?;
    let open = rooms.days.held(site.id)?.into_keys().max();
    // Remembered first: whatever happens, days that close from here on lose it too.
    if let Some(last) = open {
        rooms.control.add_forget(site.id, source, last)?;
    }
    // All days, also those after an old one that waits: rows that name a source come only with a day's close.
    let found = rooms.store.forget(site.id, source, Day(i32::MAX / 2))?;
    tracing::info!(site = site.id.0, days = found.len(), "a source was forgotten");
    Ok(words(&site.name, source, &found, open))
}

fn words(site: &str, source: &str, found: &[Forgotten], open: Option<Day>) -> String {
    let visits: i64 = found.iter().map(|one| one.visits).sum();
    let mut words = match found.len() {
        0 => format!("no closed day of {site} names {source}\n"),
        days => format!("took {source} from {} of {site}: {visits} visits\n", count(days, "day")),
    };
    for one in found {
        let rows = count(one.rows as usize, "row");
        words += &format!("  {}: {} visits, {rows}\n", one.day, one.visits);
    }
    if let Some(day) = open {
        words += &format!("{day} has not closed yet: it is corrected as soon as it has\n");
    }
    words += "Corrected: sources, channels and campaigns, with the events and funnels by them. The days are marked, and \
              reports that hold one say so.\n\
              Not corrected, because their rows do not say where a visit came from: totals, pages, places, devices, \
              languages, flows. Visits that stand under * stay there.\n\
              Later hits from this source count again.\n";
    words
}

/// Takes a source from days that have closed since it was forgotten.
///
/// # Errors
/// Those of store and control database; to be called again.
pub(super) fn finish_forget(rooms: &Rooms<'_>, forget: &Forget) -> Result<()> {
    if rooms.days.held(forget.site)?.into_keys().any(|day| day <= forget.last) {
        return Ok(());
    }
    let found = rooms.store.forget(forget.site, &forget.source, forget.last)?;
    rooms.control.end_forget(forget.id)?;
    tracing::info!(site = forget.site.0, days = found.len(), "a source was taken from a day that has closed");
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{collections::HashMap, path::Path, sync::atomic::AtomicBool};

    use super::*;
    use crate::{
        control::{Control, NewSite},
        domain::{
            day::Hour,
            declaration::SiteId,
            row::{Column, DayRow, Family, Release, ReleaseId, Row, Table, columns, has_hour},
        },
        jobs::{Acknowledged, Days},
        store::{
            Store,
            duckdb::{DuckStore, Limits},
        },
    };

    const SOURCE: &str = "spam.example";
    const WAITS: Day = Day(20_001);

    /// One day that waits for the store, between others that do not.
    struct OneWaits;

    impl Days for OneWaits {
        fn held(&self, _: SiteId) -> Result<HashMap<Day, Option<Acknowledged>>> {
            Ok([(WAITS, None)].into())
        }
        fn while_unopened(&self, _: SiteId, _: Day, act: &mut dyn FnMut() -> Result<()>) -> Result<bool> {
            act().map(|()| true)
        }
        fn end(&self, _: SiteId) -> Result<(), String> {
            Ok(())
        }
        fn erase(&self, _: SiteId) -> Result<(), String> {
            Ok(())
        }
        fn know(&self, _: SiteId) {}
        fn running(&self) -> bool {
            false
        }
    }

    /// All of a closed day: one row that names the source.
    fn closed(site: SiteId, day: Day) -> Release {
        let (table, family) = (Table::Pages, Family::Source);
        let key = |column: &Column| match column {
            Column::Source => SOURCE.into(),
            _ => "x".into(),
        };
        let row = Row {
            table,
            family,
            day,
            hour: has_hour(table, family).then_some(Hour(3)),
            keys: columns(table, family).iter().map(key).collect(),
            counts: vec![1; table.counters().len()].into(),
        };
        let close = DayRow {
            site,
            day,
            node: 0,
            closed_at_hour: 0,
            k: 1,
            salt_epochs: 1,
            settings_version: 1,
            sizes: Default::default(),
            corrected: false,
        };
        let id = ReleaseId { site, day, node: 0, number: 1 };
        Release { id, rows: vec![row], close: Some(close) }
    }

    #[test]
    fn a_source_is_forgotten_on_all_closed_days_also_after_one_that_waits() {
        let folder = tempfile::tempdir().unwrap();
        let control = Control::open(&folder.path().join("control.sqlite"), 0).unwrap();
        let site = control.add_site(NewSite::new("example.com", "UTC"), 0).unwrap().id;
        let store = DuckStore::in_memory(&Limits { memory_mb: 128, threads: 1 }).unwrap();
        for day in [WAITS.plus(-1), WAITS.plus(1), WAITS.plus(400)] {
            store.insert(&closed(site, day)).unwrap();
        }
        let rooms = Rooms {
            control: &control,
            store: &store,
            days: &OneWaits,
            data: Path::new("/nowhere"),
            looks: &Default::default(),
            now: 0,
            says: &|_| {},
            stopping: &AtomicBool::new(false),
        };
        let said = forget(&rooms, "example.com", SOURCE).unwrap();
        assert!(said.contains(&format!("took {SOURCE} from 3 days of example.com")), "{said}");
        assert!(said.contains(&format!("{WAITS} has not closed yet")), "{said}");
        let days = store.days(site, Day(0), Day(30_000)).unwrap();
        assert!(days.len() == 3 && days.iter().all(|day| day.corrected));
        // It follows once it has closed.
        let [forget] = &control.forgets().unwrap()[..] else { panic!("it is remembered") };
        assert_eq!(forget.last, WAITS);
        finish_forget(&rooms, forget).unwrap();
        assert_eq!(control.forgets().unwrap().len(), 1, "it still waits");
    }
}
