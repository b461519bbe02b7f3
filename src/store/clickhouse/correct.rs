//! Corrections: a source that turned out to be spam leaves the rows that name it; one site's rows become another's.

use std::collections::BTreeMap;

use super::{ClickStore, date, whole, write};
use crate::{
    domain::{
        day::Day,
        declaration::SiteId,
        row::{Family, Table},
    },
    store::{Forgotten, MERGED_NODES, StoreError, naming_sources, windows::windows},
};

/// See [`Store::forget`]. Days are marked before anything is taken from them.
pub(super) fn forget(
    store: &ClickStore,
    site: SiteId,
    source: &str,
    last: Day,
) -> Result<Vec<Forgotten>, StoreError> {
    let found = named(store, site, source, last)?;
    if found.is_empty() {
        return Ok(found);
    }
    let days: Vec<String> = found.iter().map(|one| date(one.day)).collect();
    let (number, days, last) = (site.0.to_string(), days.join(" "), date(last));
    let mark = "INSERT INTO days SELECT site, day, node, closed_at_hour, k, salt_epochs, settings_version, sizes, 1, \
                expires FROM days FINAL WHERE site = {site:UInt32} AND has(splitByChar(' ', {days:String}), \
                toString(day))";
    store.command(mark, &[("site", &number), ("days", &days)])?;
    for (table, family) in naming_sources() {
        let sql = format!(
            "ALTER TABLE {} DELETE WHERE site = {{site:UInt32}} AND family = '{}' AND day <= {{last:Date}} \
             AND source = {{source:String}}",
            store.tables.held(table.name()),
            family.name()
        );
        store.command(&sql, &[("site", &number), ("last", &last), ("source", source)])?;
    }
    Ok(found)
}

/// What the rows that name a source amount to, by day.
fn named(store: &ClickStore, site: SiteId, source: &str, last: Day) -> Result<Vec<Forgotten>, StoreError> {
    let mut found: BTreeMap<Day, Forgotten> = BTreeMap::new();
    for (table, family) in naming_sources() {
        let visits =
            if (table, family) == (Table::Pages, Family::Source) { "sum(visits)" } else { "toInt64(0)" };
        let sql = format!(
            "SELECT toInt32(day), sum(rows), {visits} FROM {} WHERE site = {{site:UInt32}} AND family = '{}' \
             AND day <= {{last:Date}} AND source = {{source:String}} GROUP BY day",
            table.name(),
            family.name()
        );
        let asked =
            store.asking(&sql).param("site", site.0).param("last", date(last)).param("source", source);
        for (day, rows, visits) in store.fetch::<(i32, u64, i64)>(&asked)? {
            let day = Day(day);
            let of_day = found.entry(day).or_insert(Forgotten { day, visits: 0, rows: 0 });
            (of_day.rows, of_day.visits) = (of_day.rows + rows, of_day.visits + visits);
        }
    }
    Ok(found.into_values().collect())
}

/// See [`Store::merge`]. The new nodes are noted before a row is copied, so that a merge that was cut short goes on
/// under the same; a release that is there is not inserted again.
pub(super) fn merge(store: &ClickStore, from: SiteId, into: SiteId) -> Result<(), StoreError> {
    let nodes = new_nodes(store, from, into)?;
    for part in windows(store, from) {
        for mut release in part? {
            let Some(&node) = nodes.get(&release.id.node) else {
                return Err(StoreError::Unavailable(
                    "a collector wrote while its site was merged".to_owned(),
                ));
            };
            (release.id.site, release.id.node) = (into, node);
            if let Some(close) = &mut release.close {
                (close.site, close.node) = (into, node);
            }
            write::insert(store, &release)?;
        }
    }
    if !nodes.is_empty() {
        whole::erase(store, from, None)?;
    }
    let sql = format!("ALTER TABLE {} DELETE WHERE site = {{site:UInt32}}", store.tables.held("merges"));
    store.command(&sql, &[("site", &from.0.to_string())])
}

/// The node of each of `from`'s nodes among those of `into`.
fn new_nodes(store: &ClickStore, from: SiteId, into: SiteId) -> Result<BTreeMap<u32, u32>, StoreError> {
    let sql = "SELECT DISTINCT node, into_node FROM merges WHERE site = {site:UInt32} AND into_site = {into:UInt32}";
    let asked = store.asking(sql).param("site", from.0).param("into", into.0);
    let mut known: BTreeMap<u32, u32> = store.fetch::<(u32, u32)>(&asked)?.into_iter().collect();
    let asked = store.asking("SELECT DISTINCT node FROM releases WHERE site = {site:UInt32} ORDER BY node");
    let nodes: Vec<u32> = store.fetch(&asked.param("site", from.0))?;
    let sql = "SELECT max(node) FROM releases WHERE site IN ({site:UInt32}, {into:UInt32})";
    let highest: Vec<u32> = store.fetch(&store.asking(sql).param("site", from.0).param("into", into.0))?;
    // Also of merges that were cut short: their nodes may have no rows yet.
    let sql = "SELECT max(into_node) FROM merges WHERE into_site = {into:UInt32}";
    let noted: Vec<u32> = store.fetch(&store.asking(sql).param("into", into.0))?;
    let taken = highest.into_iter().chain(noted).max().unwrap_or(0);
    for (free, node) in (MERGED_NODES.max(taken + 1)..).zip(nodes) {
        if known.contains_key(&node) {
            continue;
        }
        let sql = "INSERT INTO merges SELECT {site:UInt32}, {into:UInt32}, {node:UInt32}, {new:UInt32}";
        let given = [("site", from.0), ("into", into.0), ("node", node), ("new", free)];
        let given = given.map(|(name, value)| (name, value.to_string()));
        store.command(sql, &given.each_ref().map(|(name, value)| (*name, value.as_str())))?;
        known.insert(node, free);
    }
    Ok(known)
}
