//! Writing: a release is one transaction, its identity in it.

use duckdb::{
    Connection, appender_params_from_iter, params,
    types::{ToSqlOutput, Value, ValueRef},
};

use super::{daily, date, sql::located, unavailable};
use crate::{
    domain::{
        day::Day,
        declaration::SiteId,
        row::{DayRow, Family, Release, ReleaseId, Row, Table},
    },
    store::StoreError,
};

/// Inserts a release unless it is there.
pub(super) fn insert(connection: &mut Connection, release: &Release) -> Result<(), StoreError> {
    let transaction = connection.transaction().map_err(unavailable)?;
    if is_there(&transaction, release.id).map_err(unavailable)? {
        return Ok(());
    }
    fill(&transaction, release).map_err(refused_or_unavailable)?;
    transaction.commit().map_err(|error| StoreError::Unknown(error.to_string()))
}

/// Errors about what was written, and not about the store: the same release would meet them again.
const ABOUT_CONTENT: [&str; 4] =
    ["Constraint Error", "Conversion Error", "Out of Range Error", "Invalid type"];

fn refused_or_unavailable(error: duckdb::Error) -> StoreError {
    let text = error.to_string();
    match ABOUT_CONTENT.into_iter().find(|kind| text.contains(kind)) {
        // Its kind only: the rest may quote a row.
        Some(kind) => StoreError::Refused(format!("{kind}: the database does not take a value of it")),
        None => StoreError::Unavailable(text),
    }
}

fn fill(connection: &Connection, release: &Release) -> duckdb::Result<()> {
    let id = release.id;
    fill_rows(connection, release)?;
    // What comes after a close (of another node) is added up with it.
    match release.close.is_some() || daily::is_added_up(connection, id.site, id.day)? {
        true => daily::add_up(connection, id.site, id.day),
        false => Ok(()),
    }
}

/// The rows of a release, its identity and its close.
pub(super) fn fill_rows(connection: &Connection, release: &Release) -> duckdb::Result<()> {
    let id = release.id;
    for table in Table::ALL {
        for &family in table.families() {
            append(connection, release, table, family)?;
        }
    }
    connection.execute(
        "INSERT INTO releases VALUES (?, ?, ?, ?)",
        params![id.site.0, date(id.day), id.node, id.number],
    )?;
    match &release.close {
        Some(close) => insert_day(connection, close),
        None => Ok(()),
    }
}

fn append(connection: &Connection, release: &Release, table: Table, family: Family) -> duckdb::Result<()> {
    let mut rows = release.rows.iter().filter(|row| (row.table, row.family) == (table, family)).peekable();
    if rows.peek().is_none() {
        return Ok(());
    }
    let mut appender = connection.appender(&located(table, family))?;
    for row in rows {
        appender.append_row(appender_params_from_iter(values(release.id, row)))?;
    }
    appender.flush()
}

fn values(id: ReleaseId, row: &Row) -> Vec<ToSqlOutput<'_>> {
    let number = |n: u32| ToSqlOutput::Owned(Value::BigInt(i64::from(n)));
    let mut out = Vec::with_capacity(5 + row.keys.len() + row.counts.len());
    out.push(number(id.site.0));
    out.push(ToSqlOutput::Owned(Value::Date32(row.day.0)));
    out.extend(row.hour.map(|hour| ToSqlOutput::Owned(Value::UTinyInt(hour.0))));
    out.extend(row.keys.iter().map(|key| text(key)));
    out.extend(row.counts.iter().map(|&n| ToSqlOutput::Owned(Value::BigInt(n))));
    out.push(number(id.node));
    out.push(number(id.number));
    out
}

fn text(text: &str) -> ToSqlOutput<'_> {
    ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes()))
}

fn insert_day(connection: &Connection, close: &DayRow) -> duckdb::Result<()> {
    let sizes = serde_json::to_string(&close.sizes).unwrap_or_default();
    connection.execute(
        "INSERT INTO days (site, day, node, closed_at_hour, k, salt_epochs, settings_version, sizes, corrected) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        params![
            close.site.0,
            date(close.day),
            close.node,
            close.closed_at_hour,
            close.k,
            close.salt_epochs,
            close.settings_version,
            sizes,
            close.corrected
        ],
    )?;
    Ok(())
}

/// Whether a release's identity is there.
pub(super) fn is_there(connection: &Connection, id: ReleaseId) -> duckdb::Result<bool> {
    connection.query_row(
        "SELECT count(*) > 0 FROM releases WHERE site = ? AND day = ? AND node = ? AND number = ?",
        params![id.site.0, date(id.day), id.node, id.number],
        |row| row.get(0),
    )
}

/// The tables of rows, all of which know site, day, node and release.
pub(super) fn row_tables() -> impl Iterator<Item = String> {
    Table::ALL.into_iter().flat_map(|table| table.families().iter().map(move |&one| located(table, one)))
}

/// Removes a site's rows of days before `before`, or all of them, with the identities of their releases; tells how many.
pub(super) fn erase(
    connection: &mut Connection,
    site: SiteId,
    before: Option<Day>,
) -> Result<usize, StoreError> {
    let mut rows = 0;
    let transaction = connection.transaction().map_err(unavailable)?;
    let before = date(before.unwrap_or(Day(i32::MAX / 2)));
    let added_up = daily::FAMILIES.into_iter().map(daily::name);
    for table in row_tables().chain(added_up).chain(["daily", "days", "releases"].map(str::to_owned)) {
        let sql = format!("DELETE FROM {table} WHERE site = ? AND day < ?");
        rows += transaction.execute(&sql, params![site.0, before]).map_err(unavailable)?;
    }
    transaction.commit().map_err(|error| StoreError::Unknown(error.to_string()))?;
    Ok(rows)
}
