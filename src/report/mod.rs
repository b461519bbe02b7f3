//! Reports: a plan over memory and store. Everything here blocks: callers run it off the event loop.

mod answer;
mod ask;
mod csv;
mod goals;
mod panels;
mod range;
mod reads;
pub mod routes;
mod spans;
#[cfg(test)]
pub mod testing;
#[cfg(test)]
mod tests;
mod tiles;
mod view;
mod zip;

use std::collections::BTreeMap;

pub use answer::*;
pub use ask::{PANEL_ROWS, Plan, ROWS_MAX, filters, parse, period};
pub use panels::is_mark;
pub use range::{Range, Today};
pub use reads::Number;

use crate::{
    domain::{
        day::Day,
        declaration::Site,
        outcome::Outcome,
        plan::{Dimension, Filter, Metric, Scope},
        query::{Condition, Operator},
        row::{Column, DayRow, Family, Table},
        view::{MemoryView, Reader},
    },
    store::{Store, StoreError},
};
use panels::{Panels, query};
use reads::Reads;

/// First and last day of which store or memory know anything.
///
/// # Errors
/// [`StoreError`].
pub fn extent(store: &dyn Store, memory: &MemoryView, site: &Site) -> Result<Option<(Day, Day)>, StoreError> {
    let stored = store.extent(site.id)?;
    let open = memory.held().filter(|one| one.counted);
    let days = open.map(|one| (one.day, one.day)).chain(stored);
    Ok(days.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))))
}

/// The whole report of a plan.
///
/// # Errors
/// [`StoreError`].
pub fn answer(
    store: &dyn Store,
    memory: &MemoryView,
    site: &Site,
    plan: &Plan,
    today: &Today,
    reader: Reader,
) -> Result<Report, StoreError> {
    let reads = Reads::new(store, memory, site.id).with_apart(plan.comparison.map(|_| today.day));
    let (tiles, series) = tiles::tiles(&reads, plan, site, today)?;
    let panels = Panels { reads: &reads, plan, site, today };
    let mut shown = BTreeMap::new();
    for dimension in Dimension::PANELS.into_iter().chain([Dimension::Funnel]).chain(properties(plan, site)) {
        shown.insert(dimension.key(), panels.panel(&dimension)?);
    }
    Ok(Report {
        site: site.name.clone(),
        range: range_shown(plan.range, Some(plan.interval.name())),
        comparison: plan.comparison.map(|range| range_shown(range, None)),
        tiles,
        series,
        panels: shown,
        filters: plan
            .filters
            .iter()
            .enumerate()
            .map(|(at, one)| filter_shown(one, at < plan.locked))
            .collect(),
        meta: meta(store, memory, site, plan, today, reader, &reads)?,
    })
}

/// All rows of the plan's dimension.
///
/// # Errors
/// [`StoreError`].
pub fn rows(
    store: &dyn Store,
    memory: &MemoryView,
    site: &Site,
    plan: &Plan,
    today: &Today,
    reader: Reader,
) -> Result<Rows, StoreError> {
    let reads = Reads::new(store, memory, site.id);
    let dimension = plan.dimension.clone().unwrap_or(Dimension::Page);
    let panel = Panels { reads: &reads, plan, site, today }.panel(&dimension)?;
    let meta = meta(store, memory, site, plan, today, reader, &reads)?;
    Ok(Rows { panel, dimension: dimension.key(), meta })
}

/// The last 7 days and the 7 before them, for the list of sites.
///
/// # Errors
/// [`StoreError`].
pub fn overview_numbers(
    store: &dyn Store,
    memory: &MemoryView,
    site: &Site,
    today: &Today,
) -> Result<Overview, StoreError> {
    // A week is always understood, and needs no first day of all.
    let Ok(plan) = parse("p=7d&c=prev", &[], site, today, None) else { return Ok(Overview::default()) };
    let reads = Reads::new(store, memory, site.id);
    let (tiles, series) = tiles::tiles(&reads, &plan, site, today)?;
    let whole = |number: Option<&Number>| match number {
        Some(Number::Whole(n)) => *n,
        _ => 0,
    };
    let of = |metric: Metric| tiles.get(metric.key());
    let mut sparkline = [0; 7];
    for (slot, bucket) in sparkline.iter_mut().zip(&series.buckets) {
        *slot = whole(bucket.values.get(Metric::Visits.key()));
    }
    let visits = of(Metric::Visits);
    Ok(Overview {
        visits_7d: whole(visits.map(|tile| &tile.value)),
        sparkline,
        today: today.day.to_string(),
        compared: whole(visits.map(|tile| &tile.compared)),
        previous: whole(visits.map(|tile| &tile.previous)),
        visitors_7d: whole(of(Metric::Visitors).map(|tile| &tile.value)),
    })
}

/// The declared properties of the events that are filtered by.
fn properties(plan: &Plan, site: &Site) -> Vec<Dimension> {
    let named = |name: &crate::domain::Text| plan.scope.events().contains(name);
    let events = site.events.iter().filter(|event| named(&event.name));
    events.flat_map(|event| &event.properties).map(|one| Dimension::Property(one.name.clone())).collect()
}

fn range_shown(range: Range, interval: Option<&'static str>) -> Shown {
    Shown { first: range.first.to_string(), last: range.last.to_string(), words: range.words(), interval }
}

fn filter_shown(filter: &Filter, locked: bool) -> ShownFilter {
    let Filter { dimension, operator, values } = filter;
    ShownFilter { key: dimension.key(), operator: *operator, values: values.clone(), locked }
}

/// Says which nodes did not tell of their open days.
fn unanswered(missing: &[u32]) -> Option<String> {
    let each: Vec<String> = missing.iter().map(u32::to_string).collect();
    let nodes = match each.as_slice() {
        [] => return None,
        [one] => format!("collector {one} does not answer: what it has"),
        _ => format!("collectors {} do not answer: what they have", each.join(", ")),
    };
    Some(format!("{nodes} not brought to the store yet is missing here"))
}

/// Says so where releases of the range are neither in memory nor in the store.
fn lacking(memory: &MemoryView, range: Range) -> Option<String> {
    let waiting: u32 = memory.held().filter(|day| range.holds(day.day)).map(|day| day.on_disk).sum();
    let aside = memory.aside.iter().filter(|&&day| range.holds(day)).count();
    let said = |n: usize, words: &str| (n > 0).then(|| format!("{n} {words}"));
    let parts: Vec<String> = said(waiting as usize, "wait on the disk until the store has caught up")
        .into_iter()
        .chain(said(aside, "were set aside (docs/OPERATIONS.md, When something fails)"))
        .collect();
    (!parts.is_empty()).then(|| format!("releases of these days are missing here: {}", parts.join(", ")))
}

/// Says so where days were closed with another k than the site has now.
fn other_k(days: &[DayRow], now: u32, which: &str) -> Option<String> {
    let least = days.iter().map(|day| day.k).filter(|&k| k != now).min()?;
    Some(match least {
        0 | 1 => format!(
            "Grouping was off on some of these days ({which}): a row of theirs may be about one visitor"
        ),
        k => format!(
            "Some of these days ({which}) were grouped with another k than today's {now}: {k} at the least"
        ),
    })
}

fn meta(
    store: &dyn Store,
    memory: &MemoryView,
    site: &Site,
    plan: &Plan,
    today: &Today,
    reader: Reader,
    reads: &Reads<'_>,
) -> Result<Meta, StoreError> {
    let extent = extent(store, memory, site)?;
    let days = store.days(site.id, plan.range.first, plan.range.last)?;
    // A day keeps the k that it was closed with.
    let k = days.iter().map(|day| day.k).fold(site.k, u32::min);
    let open = plan.range.holds(today.day);
    // The hour turns on each node by itself: the one that is behind says up to when all is there.
    let as_of = memory.held().filter(|one| one.day == today.day).filter_map(|one| one.as_of).min();
    let as_of = as_of.unwrap_or(today.hour);
    let undeclared = vec![Condition::is(Column::Outcome, Outcome::UndeclaredEvent.name())];
    // The ledger is of the whole site: who sees a part of it is told nothing of the rest.
    let rejected_undeclared = match plan.locked {
        0 => {
            let asked = query(Table::Ledger, Family::Page, Vec::new(), undeclared);
            reads.span(asked, plan.range.into())?.iter().map(|one| one.sums[0]).sum()
        }
        _ => 0,
    };
    Ok(Meta {
        zone: site.zone.name().to_owned(),
        today: today.day.to_string(),
        open_day: open.then(|| today.day.to_string()),
        as_of: open.then(|| format!("{:02}:00", as_of.0)),
        k,
        grouping: k > 1,
        daily_sum: plan.range.len() > 1,
        simulated: site.simulated,
        live: reader == Reader::Staff,
        data_first: extent.map(|(first, _)| first.to_string()),
        data_last: extent.map(|(_, last)| last.to_string()),
        counting: "visits",
        can: can(plan, site),
        rejected_undeclared,
        kept: site.kept,
        vitals: site.vitals,
        generated_at: today.now,
        notices: notices(store, memory, site, plan, days)?,
        missing: memory.missing.clone(),
    })
}

/// What a reader has to know of the answer, in words.
fn notices(
    store: &dyn Store,
    memory: &MemoryView,
    site: &Site,
    plan: &Plan,
    days: Vec<DayRow>,
) -> Result<Vec<String>, StoreError> {
    let mut notices = plan.notices.clone();
    notices.extend(unanswered(&memory.missing));
    notices.extend(lacking(memory, plan.range));
    let compared = plan.comparison.map(|range| store.days(site.id, range.first, range.last)).transpose()?;
    for (days, which) in [(Some(days), "this period"), (compared, "the period compared with")] {
        let Some(mut days) = days else { continue };
        notices.extend(other_k(&days, site.k, which));
        days.retain(|day| day.corrected);
        days.dedup_by_key(|day| day.day);
        let days = match days.len() {
            0 => continue,
            1 => format!("{} was", days[0].day),
            n => format!("{n} days of {which} were"),
        };
        notices.push(format!(
            "{days} corrected: a spam source was taken from sources and campaigns, not from totals, pages, places and devices"
        ));
    }
    Ok(notices)
}

/// What one more filter or another metric would be answered with.
fn can(plan: &Plan, site: &Site) -> Can {
    let with = |dimension: &Dimension| {
        if !dimension.is_kept(&site.kept) {
            return Err(crate::domain::plan::NOT_COLLECTED);
        }
        let (locked, asked) = plan.filters.split_at(plan.locked);
        let others = asked.iter().filter(|one| one.dimension != *dimension);
        let mut filters: Vec<Filter> = locked.iter().chain(others).cloned().collect();
        filters.push(Filter {
            dimension: dimension.clone(),
            operator: Operator::Is,
            values: vec!["x".into()],
        });
        plan.scope.answers(dimension)?;
        Scope::of(&filters, &site.sections).map(|_| ())
    };
    let dimensions = Dimension::PANELS.into_iter().chain([Dimension::Host]).filter(Dimension::filters);
    Can {
        filters: dimensions.map(|one| (one.key(), with(&one).into())).collect(),
        metrics: Metric::ALL
            .iter()
            .map(|one| (one.key(), tiles::answered(plan, site, *one).map(|_| ()).into()))
            .collect(),
    }
}
