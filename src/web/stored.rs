//! What there is of a site at this moment: in the store by attribute, in memory until midnight, in the ledger. For the
//! dashboard's privacy page.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use actix_web::{
    HttpResponse,
    web::{self, Data, Path, ServiceConfig},
};
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    api_control::api,
    auth::{Access, ControlState, blocking},
    error::ApiError,
    reports::{over_both, over_one_moment},
};
use crate::{
    clock,
    control::Entry,
    domain::{
        day::UnixMs,
        declaration::SiteId,
        outcome::Outcome,
        query::Query,
        row::{Column, Family, Table, columns},
        view::Reader,
    },
    nodes::wire::Live,
    parts::Parts,
    report::routes::{Context, ReportError},
    store::{Store, StoreError},
};

/// What was counted in the store is told again for this long.
const COUNTED_FOR: Duration = Duration::from_secs(20);
/// Sites of which that is remembered.
const SITES_MAX: usize = 1_000;
/// Days of the ledger that are told.
const LEDGER_DAYS: i32 = 28;
/// A salt is gone at the latest so long after its midnight, in milliseconds.
const ERASED_WITHIN: UnixMs = 60_000;

/// What the store held lately.
#[derive(Default)]
pub struct Known(Mutex<HashMap<SiteId, (Instant, Arc<Stored>)>>);

/// What the store holds of a site.
#[derive(Clone, Debug, Default, Serialize)]
struct Stored {
    rows: u64,
    first: Option<String>,
    last: Option<String>,
    closed_days: usize,
    attributes: Vec<Attribute>,
}

/// One attribute, as far as rows tell it.
#[derive(Clone, Debug, Serialize)]
struct Attribute {
    name: &'static str,
    family: &'static str,
    /// Rows that tell it.
    rows: u64,
    first: Option<String>,
    last: Option<String>,
    /// Fewest visitors of a row of its family that says anything, on any closed day; `None` where rows need no crowd.
    smallest: Option<i64>,
}

/// The attributes by family and column, as people know them.
const ATTRIBUTES: [(&str, Table, Family, Column); 16] = [
    ("page", Table::Pages, Family::Page, Column::Page),
    ("source", Table::Pages, Family::Source, Column::Source),
    ("utm_source", Table::Pages, Family::Visit, Column::UtmSource),
    ("utm_medium", Table::Pages, Family::Visit, Column::UtmMedium),
    ("utm_campaign", Table::Pages, Family::Visit, Column::UtmCampaign),
    ("country", Table::Pages, Family::Place, Column::Country),
    ("region", Table::Pages, Family::Place, Column::Region),
    ("city", Table::Pages, Family::Place, Column::City),
    ("browser", Table::Pages, Family::Device, Column::Browser),
    ("browser_version", Table::Pages, Family::Device, Column::BrowserVersion),
    ("os", Table::Pages, Family::Device, Column::Os),
    ("os_version", Table::Pages, Family::Device, Column::OsVersion),
    ("device", Table::Pages, Family::Device, Column::Device),
    ("language", Table::Pages, Family::Language, Column::Language),
    ("event", Table::Events, Family::Page, Column::Name),
    ("flow", Table::Flows, Family::Page, Column::To),
];

/// The route.
pub fn routes(app: &mut ServiceConfig) {
    app.service(api("/api/sites/{site}/stored", |it| it.route(web::get().to(stored))));
}

async fn stored(
    parts: Data<Parts>,
    control: Data<ControlState>,
    known: Data<Known>,
    access: Access,
    site: Path<String>,
) -> Result<HttpResponse, ApiError> {
    access.staff()?;
    let (entry, _) = control.readable(&access, &site)?;
    let told = blocking(move || -> Result<Value, ApiError> {
        let stored = known.of(&*parts.store, entry.id(), Instant::now()).map_err(ReportError::from)?;
        let (ledger, days) = over_one_moment(&parts, &entry, Reader::Staff, |context, _: Live| {
            Ok::<_, ReportError>((ledger(&context)?, elsewhere(&context)))
        })?;
        Ok(json!({
            "stored": *stored,
            "retention_months": entry.at(clock::now()).retention_months,
            "memory": memory(&parts, &entry, days),
            "ledger": ledger,
        }))
    });
    Ok(HttpResponse::Ok().json(told.await?))
}

impl Known {
    /// Asks the store, unless it was asked a moment ago. Blocks.
    fn of(&self, store: &dyn Store, site: SiteId, now: Instant) -> Result<Arc<Stored>, StoreError> {
        let known = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, stored)) = known().get(&site)
            && now.duration_since(*at) < COUNTED_FOR
        {
            return Ok(stored.clone());
        }
        let stored = Arc::new(count(store, site)?);
        let mut known = known();
        if known.len() >= SITES_MAX {
            known.clear();
        }
        known.insert(site, (now, stored.clone()));
        Ok(stored)
    }
}

fn count(store: &dyn Store, site: SiteId) -> Result<Stored, StoreError> {
    let Some((first, last)) = store.extent(site)? else { return Ok(Stored::default()) };
    let (holdings, days) = (store.holdings(site)?, store.days(site, first, last)?);
    let smallest = |family: Family| {
        let sizes = days.iter().flat_map(|day| &day.sizes).filter(|size| size.family == family);
        sizes.map(|size| size.smallest).filter(|smallest| *smallest > 0).min()
    };
    let attribute = |(name, table, family, column): (&'static str, Table, Family, Column)| {
        let holding = holdings.iter().find(|one| (one.table, one.family) == (table, family));
        let at = columns(table, family).iter().position(|one| *one == column);
        let rows = holding.zip(at).and_then(|(holding, at)| holding.telling.get(at)).copied().unwrap_or(0);
        let crowd = matches!(family, Family::Visit | Family::Place | Family::Device | Family::Language);
        let told = holding.filter(|_| rows > 0);
        Attribute {
            name,
            family: family.name(),
            rows,
            first: told.map(|one| one.first.to_string()),
            last: told.map(|one| one.last.to_string()),
            smallest: if crowd && rows > 0 { smallest(family) } else { None },
        }
    };
    Ok(Stored {
        rows: holdings.iter().map(|one| one.rows).sum(),
        first: Some(first.to_string()),
        last: Some(last.to_string()),
        closed_days: days.iter().map(|day| day.day).collect::<std::collections::BTreeSet<_>>().len(),
        attributes: ATTRIBUTES.into_iter().map(attribute).collect(),
    })
}

/// The days that collectors hold: how much of visitors is theirs to know.
fn elsewhere(context: &Context<'_>) -> Vec<Value> {
    let days = context.memory.elsewhere.iter().flat_map(|one| one.days().to_vec());
    let mut told: Vec<Value> =
        days.map(|one| json!({ "day": one.day.to_string(), "node": one.node })).collect();
    told.extend(context.memory.missing.iter().map(|node| json!({ "node": node, "missing": true })));
    told
}

/// What is in memory of a site's days, and when it is gone.
fn memory(parts: &Parts, entry: &Entry, elsewhere: Vec<Value>) -> Value {
    let now = clock::now();
    let (site, today) = (entry.at(now), entry.day(now));
    let ends = site.zone.start_of(today.plus(1));
    let days = parts.memory.days_of(site.id);
    let days = days.iter().map(|day| {
        let held = day.gauges();
        let salt = day.with_salt(|_| ()).is_some();
        json!({
            "day": day.calendar.day.to_string(),
            "k": day.k,
            "salt": salt,
            "visitors": held.visitors,
            "table_bytes": held.table_bytes,
            "cells": held.cells,
            "releases_waiting": day.waiting().len(),
            "erased_by": day.calendar.ends + ERASED_WITHIN,
        })
    });
    json!({
        "days": days.collect::<Vec<_>>(),
        "elsewhere": elsewhere,
        "zone": site.zone.name(),
        "midnight": ends,
        "survives_restart": parts.process.collection.survives_restart,
        "salts_locked": parts.memory.salts_locked(),
    })
}

/// What became of the hits of the last days, the open one included; and, of all sites, the objectors.
fn ledger(context: &Context<'_>) -> Result<Value, ReportError> {
    let days = (context.day.plus(1 - LEDGER_DAYS), context.day);
    let query = Query {
        table: Table::Ledger,
        family: Family::Page,
        days,
        group: vec![Column::Outcome],
        filters: vec![],
    };
    let all = over_both(context.store, context.site.id, context.memory, &query)?;
    let counts = |outcomes: bool| -> BTreeMap<String, i64> {
        let of = all.iter().filter(|group| Outcome::named(&group.keys[0]).is_some() == outcomes);
        of.map(|group| (group.keys[0].to_string(), group.sums[0])).collect()
    };
    let objectors = context.store.read(SiteId::NONE, &query, &crate::store::AsOf::default())?;
    let objected = [Outcome::Gpc, Outcome::OptedOut].map(Outcome::name);
    let objected = objectors.iter().filter(|group| objected.contains(&&*group.keys[0]));
    let outcomes = counts(true);
    Ok(json!({
        "first": days.0.to_string(),
        "last": days.1.to_string(),
        "received": outcomes.values().sum::<i64>(),
        "outcomes": outcomes,
        "notes": counts(false),
        "objectors_of_all_sites": objected.map(|group| group.sums[0]).sum::<i64>(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{
            day::Day,
            row::{Release, ReleaseId, Row},
        },
        store::duckdb::{DuckStore, Limits},
    };

    fn release(site: u32, number: u32, page: &str) -> Release {
        let day = Day(20_000);
        let row = Row {
            table: Table::Flows,
            family: Family::Page,
            day,
            hour: None,
            keys: Box::new(["(entry)".into(), page.into()]),
            counts: Box::new([1]),
        };
        Release { id: ReleaseId { site: SiteId(site), day, node: 0, number }, rows: vec![row], close: None }
    }

    #[test]
    fn what_is_stored_is_counted_again_after_a_while_and_of_so_many_sites() {
        let folder = tempfile::tempdir().unwrap();
        let store = DuckStore::open(&folder.path().join("rows.duckdb"), &Limits::default()).unwrap();
        store.insert(&release(1, 1, "example.com/a")).unwrap();
        let (known, now) = (Known::default(), Instant::now());
        let rows = |at: Instant| {
            let stored = known.of(&store, SiteId(1), at).unwrap();
            let flow = stored.attributes.iter().find(|one| one.name == "flow").unwrap().clone();
            assert_eq!(flow.first.as_deref(), Some("2024-10-04"));
            (stored.rows, flow.rows)
        };
        assert_eq!(rows(now), (1, 1));
        store.insert(&release(1, 2, "(none)")).unwrap();
        assert_eq!(rows(now + COUNTED_FOR / 2), (1, 1));
        assert_eq!(rows(now + COUNTED_FOR), (2, 1), "a row that tells nothing of it is no row of it");
        for site in 2..SITES_MAX as u32 + 10 {
            known.of(&store, SiteId(site), now).unwrap();
        }
        assert!(known.0.lock().unwrap().len() <= SITES_MAX);
    }
}
