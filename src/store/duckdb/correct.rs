//! Corrections: a source that turned out to be spam leaves the rows that name it; one site's rows become another's.

use std::collections::{BTreeMap, BTreeSet};

use duckdb::{Connection, params};

use super::{daily, daily::OfDays, date, sql::located, unavailable, whole, write};
use crate::{
    domain::{
        day::Day,
        declaration::SiteId,
        row::{Family, Table},
    },
    store::{Forgotten, MERGED_NODES, StoreError, naming_sources},
};

/// See [`crate::store::Store::forget`].
pub(super) fn forget(
    connection: &mut Connection,
    site: SiteId,
    source: &str,
    last: Day,
) -> Result<Vec<Forgotten>, StoreError> {
    let transaction = connection.transaction().map_err(unavailable)?;
    let found = take(&transaction, site, source, last).map_err(unavailable)?;
    transaction.commit().map_err(|error| StoreError::Unknown(error.to_string()))?;
    Ok(found)
}

fn take(connection: &Connection, site: SiteId, source: &str, last: Day) -> duckdb::Result<Vec<Forgotten>> {
    let mut found: BTreeMap<Day, Forgotten> = BTreeMap::new();
    for (table, family) in naming_sources() {
        let rows = located(table, family);
        let visits = if (table, family) == (Table::Pages, Family::Source) { "sum(visits)" } else { "0" };
        let sql = format!(
            "SELECT epoch(day)::BIGINT // 86400, count(*), {visits}::BIGINT FROM {rows} \
             WHERE site = ? AND source = ? AND day <= ? GROUP BY day"
        );
        let mut statement = connection.prepare(&sql)?;
        let groups = statement.query_map(params![site.0, source, date(last)], |row| {
            Ok((Day(row.get(0)?), row.get::<_, u64>(1)?, row.get::<_, i64>(2)?))
        })?;
        for group in groups {
            let (day, rows, visits) = group?;
            let of_day = found.entry(day).or_insert(Forgotten { day, visits: 0, rows: 0 });
            (of_day.rows, of_day.visits) = (of_day.rows + rows, of_day.visits + visits);
        }
        let sql = format!("DELETE FROM {rows} WHERE site = ? AND source = ? AND day <= ?");
        connection.execute(&sql, params![site.0, source, date(last)])?;
    }
    let days: BTreeSet<Day> = found.keys().copied().collect();
    OfDays::new(site, &days).execute(connection, "UPDATE days SET corrected = true", "")?;
    whole::settle(connection, site, &days)?;
    Ok(found.into_values().collect())
}

/// See [`crate::store::Store::merge`].
pub(super) fn merge(connection: &mut Connection, from: SiteId, into: SiteId) -> Result<(), StoreError> {
    let transaction = connection.transaction().map_err(unavailable)?;
    rename(&transaction, from, into).map_err(unavailable)?;
    transaction.commit().map_err(|error| StoreError::Unknown(error.to_string()))
}

fn rename(connection: &Connection, from: SiteId, into: SiteId) -> duckdb::Result<()> {
    let mut statement = connection
        .prepare("SELECT DISTINCT epoch(day)::BIGINT // 86400 FROM releases WHERE site = ? ORDER BY ALL")?;
    let days: BTreeSet<Day> =
        statement.query_map(params![from.0], |row| row.get(0).map(Day))?.collect::<duckdb::Result<_>>()?;
    let mut statement =
        connection.prepare("SELECT DISTINCT node FROM releases WHERE site = ? ORDER BY node")?;
    let nodes: Vec<u32> =
        statement.query_map(params![from.0], |row| row.get(0))?.collect::<duckdb::Result<_>>()?;
    let highest: Option<u32> = connection.query_row(
        "SELECT max(node) FROM releases WHERE site IN (?, ?)",
        params![from.0, into.0],
        |row| row.get(0),
    )?;
    daily::drop_all(connection, from, &days)?;
    let free = highest.map_or(MERGED_NODES, |node| MERGED_NODES.max(node + 1));
    for (new, node) in (free..).zip(nodes) {
        for table in write::row_tables().chain(["days", "releases"].map(str::to_owned)) {
            let sql = format!("UPDATE {table} SET site = ?, node = ? WHERE site = ? AND node = ?");
            connection.execute(&sql, params![into.0, new, from.0, node])?;
        }
    }
    whole::settle(connection, into, &days)
}
