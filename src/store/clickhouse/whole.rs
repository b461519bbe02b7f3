//! Whole days at once: read as the releases that brought them, put in the place of others, taken out.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use clickhouse::Row as ClientRow;
use serde::Deserialize;

use super::{ClickStore, date, write};
use crate::{
    domain::{
        day::{Day, Hour},
        declaration::SiteId,
        row::{DayRow, Family, Release, ReleaseId, Row, Table, columns, has_hour},
    },
    folder,
    store::{
        Parts, Store, StoreError,
        duckdb::{DuckStore, Limits},
        kinds,
        windows::windows,
    },
};

#[derive(ClientRow, Deserialize)]
struct StoredDay {
    day: i32,
    node: u32,
    closed_at_hour: i64,
    k: u32,
    salt_epochs: u32,
    settings_version: u32,
    sizes: String,
    corrected: u8,
}

/// The closed days of a site in a range, by day and node.
pub(super) fn closed(
    store: &ClickStore,
    site: SiteId,
    first: Day,
    last: Day,
) -> Result<Vec<DayRow>, StoreError> {
    let sql = "SELECT toInt32(day) AS day, node, closed_at_hour, k, salt_epochs, settings_version, sizes, corrected \
               FROM days FINAL WHERE site = {site:UInt32} AND days.day BETWEEN {first:Date} AND {last:Date} \
               ORDER BY day, node";
    let asked = store.asking(sql).param("site", site.0).param("first", date(first)).param("last", date(last));
    let found: Vec<StoredDay> = store.fetch(&asked)?;
    found.into_iter().map(|day| day_row(site, day)).collect()
}

fn day_row(site: SiteId, day: StoredDay) -> Result<DayRow, StoreError> {
    let sizes = serde_json::from_str(&day.sizes)
        .map_err(|error| StoreError::Refused(format!("the sizes of a closed day: {error}")))?;
    Ok(DayRow {
        site,
        day: Day(day.day),
        node: day.node,
        closed_at_hour: day.closed_at_hour,
        k: day.k,
        salt_epochs: day.salt_epochs,
        settings_version: day.settings_version,
        sizes,
        corrected: day.corrected != 0,
    })
}

/// See [`Store::releases`]. Closes are read first and rows last: rows without an identity are of a release that was on
/// its way by then, and a close of their day is that release's own.
pub(super) fn releases(
    store: &ClickStore,
    site: SiteId,
    first: Day,
    last: Day,
) -> Result<Vec<Release>, StoreError> {
    let closes = closed(store, site, first, last)?;
    let mut found = identities(store, site, first, last)?;
    let mut coming = BTreeSet::new();
    for (table, family) in kinds() {
        for (id, row) in rows(store, site, table, family, first, last)? {
            match found.get_mut(&id) {
                Some(release) => release.rows.push(row),
                None => drop(coming.insert((id.day, id.node))),
            }
        }
    }
    for close in closes.into_iter().filter(|close| !coming.contains(&(close.day, close.node))) {
        let of_node = found.values_mut().filter(|one| (one.id.day, one.id.node) == (close.day, close.node));
        if let Some(release) = of_node.max_by_key(|one| one.id.number) {
            release.close = Some(close);
        }
    }
    let mut found: Vec<Release> = found.into_values().collect();
    found.iter_mut().for_each(|release| release.rows.sort_unstable());
    Ok(found)
}

fn identities(
    store: &ClickStore,
    site: SiteId,
    first: Day,
    last: Day,
) -> Result<BTreeMap<ReleaseId, Release>, StoreError> {
    let sql = "SELECT DISTINCT toInt32(day), node, number FROM releases WHERE site = {site:UInt32} \
               AND day BETWEEN {first:Date} AND {last:Date}";
    let asked = store.asking(sql).param("site", site.0).param("first", date(first)).param("last", date(last));
    let found: Vec<(i32, u32, u32)> = store.fetch(&asked)?;
    let release = |(day, node, number)| {
        let id = ReleaseId { site, day: Day(day), node, number };
        (id, Release { id, rows: Vec::new(), close: None })
    };
    Ok(found.into_iter().map(release).collect())
}

#[derive(ClientRow, Deserialize)]
struct StoredRow {
    day: i32,
    node: u32,
    release: u32,
    hour: u8,
    keys: Vec<String>,
    counts: Vec<i64>,
}

fn rows(
    store: &ClickStore,
    site: SiteId,
    table: Table,
    family: Family,
    first: Day,
    last: Day,
) -> Result<Vec<(ReleaseId, Row)>, StoreError> {
    let keys: Vec<String> =
        columns(table, family).iter().map(|column| format!("toString({})", column.name())).collect();
    let sql = format!(
        "SELECT toInt32(day) AS day, node, release, {} AS hour, CAST([{}], 'Array(String)') AS keys, [{}] AS counts \
         FROM {name} WHERE site = {{site:UInt32}} AND family = '{}' AND {name}.day BETWEEN {{first:Date}} \
         AND {{last:Date}}",
        if has_hour(table, family) { "hour" } else { "toUInt8(0)" },
        keys.join(", "),
        table.counters().join(", "),
        family.name(),
        name = table.name(),
    );
    let asked =
        store.asking(&sql).param("site", site.0).param("first", date(first)).param("last", date(last));
    let found: Vec<StoredRow> = store.fetch(&asked)?;
    let row = |one: StoredRow| {
        let day = Day(one.day);
        let hour = has_hour(table, family).then_some(Hour(one.hour));
        let keys = one.keys.into_iter().map(Into::into).collect();
        let row = Row { table, family, day, hour, keys, counts: one.counts.into() };
        (ReleaseId { site, day, node: one.node, number: one.release }, row)
    };
    Ok(found.into_iter().map(row).collect())
}

/// The tables that know a site and a day, the identities last: an erasure that was cut short is seen to be there, and
/// done again.
pub(super) const DATED: [&str; 7] = ["pages", "events", "flows", "funnels", "ledger", "days", "releases"];

/// See [`Store::erase`].
pub(super) fn erase(store: &ClickStore, site: SiteId, before: Option<Day>) -> Result<(), StoreError> {
    write::note_erasure(store, site)?;
    let before = before.map_or_else(|| Day(i32::MAX), |day| Day(day.0 - 1));
    for table in DATED {
        let sql = format!(
            "ALTER TABLE {} DELETE WHERE site = {{site:UInt32}} AND day <= {{last:Date}}",
            store.tables.held(table)
        );
        store.command(&sql, &[("site", &site.0.to_string()), ("last", &date(before))])?;
    }
    Ok(())
}

/// See [`Store::replace`].
pub(super) fn replace(store: &ClickStore, parts: Parts<'_>) -> Result<(), StoreError> {
    let read = Spool::fill(&store.work, parts)?;
    for site in read.rows.sites()? {
        for part in windows(&read.rows, site) {
            put(store, site, &part?).map_err(half_done)?;
        }
    }
    Ok(())
}

fn half_done(error: StoreError) -> StoreError {
    let told = |words| format!("{words}; it is half done: do it again");
    match error {
        StoreError::Unavailable(words) => StoreError::Unavailable(told(words)),
        StoreError::Unknown(words) => StoreError::Unknown(told(words)),
        StoreError::Refused(words) => StoreError::Refused(told(words)),
        newer @ StoreError::Newer { .. } => newer,
    }
}

/// Puts all releases of a part in the place of what is stored of their days and nodes. Identities and closes go first:
/// what is cut short does not look like days that are whole.
fn put(store: &ClickStore, site: SiteId, part: &[Release]) -> Result<(), StoreError> {
    let mut units: BTreeMap<u32, BTreeSet<Day>> = BTreeMap::new();
    for Release { id, .. } in part {
        units.entry(id.node).or_default().insert(id.day);
    }
    write::note_erasure(store, site)?;
    for (node, days) in &units {
        let days: Vec<String> = days.iter().map(|day| date(*day)).collect();
        for table in DATED.into_iter().rev() {
            let sql = format!(
                "ALTER TABLE {} DELETE WHERE site = {{site:UInt32}} AND node = {{node:UInt32}} \
                 AND has(splitByChar(' ', {{days:String}}), toString(day))",
                store.tables.held(table)
            );
            let (site, node) = (site.0.to_string(), node.to_string());
            store.command(&sql, &[("site", &site), ("node", &node), ("days", &days.join(" "))])?;
        }
    }
    part.iter().try_for_each(|release| write::insert(store, release))
}

/// Releases that were read from somewhere else, whole, in a database of their own that goes with this; what a killed
/// process left of it goes with all that is left of jobs.
struct Spool {
    rows: DuckStore,
    folder: PathBuf,
}

impl Spool {
    fn fill(work: &Path, parts: Parts<'_>) -> Result<Spool, StoreError> {
        let folder = work.join(format!("rows-{:016x}", rand::random::<u64>()));
        folder::make(&folder)
            .map_err(|error| StoreError::Unavailable(format!("{}: {error}", folder.display())))?;
        let rows = DuckStore::open(&folder.join("rows.duckdb"), &Limits::default());
        let spool = match rows {
            Ok(rows) => Spool { rows, folder },
            Err(error) => {
                remove(&folder);
                return Err(error);
            }
        };
        spool.rows.replace(parts)?;
        Ok(spool)
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        remove(&self.folder);
    }
}

fn remove(folder: &Path) {
    if let Err(error) = std::fs::remove_dir_all(folder) {
        tracing::warn!(%error, folder = %folder.display(), "what a restore had read could not be removed");
    }
}

/// The day on which a row goes, of a site that keeps so many months.
const EXPIRES: &str = "addDays(addMonths(day, {months:UInt32}), 2)";

/// See [`Store::outliving`].
pub(super) fn outliving(store: &ClickStore, site: SiteId, months: u32) -> Result<u64, StoreError> {
    let mut rows = 0;
    for table in DATED {
        let sql = format!("SELECT count() FROM {table} WHERE site = {{site:UInt32}} AND expires > {EXPIRES}");
        let asked = store.asking(&sql).param("site", site.0).param("months", months);
        rows += store.fetch::<u64>(&asked)?.first().copied().unwrap_or(0);
    }
    Ok(rows)
}

/// See [`Store::keep`]. Rows that come take the day on which they go from what is noted first; then rows that are there
/// get it. What was on its way meanwhile has another, and gets it when this is called again.
pub(super) fn keep(store: &ClickStore, site: SiteId, months: u32) -> Result<bool, StoreError> {
    let asked =
        store.asking("SELECT months FROM retention FINAL WHERE site = {site:UInt32}").param("site", site.0);
    let known: Vec<u32> = store.fetch(&asked)?;
    let (number, text) = (site.0.to_string(), months.to_string());
    let given = [("site", number.as_str()), ("months", text.as_str())];
    if known != [months] {
        store.command("INSERT INTO retention SELECT {site:UInt32}, {months:UInt32}, now64(3)", &given)?;
    }
    let others = format!("site = {{site:UInt32}} AND expires != {EXPIRES}");
    for table in DATED {
        let asked = store.asking(&format!("SELECT 1 FROM {table} WHERE {others} LIMIT 1"));
        if store.fetch::<u8>(&asked.param("site", site.0).param("months", months))?.is_empty() {
            continue;
        }
        let held = store.tables.held(table);
        store.command(&format!("ALTER TABLE {held} UPDATE expires = {EXPIRES} WHERE {others}"), &given)?;
    }
    Ok(true)
}
