//! Writing: a release is one transaction, its identity in it.

use duckdb::{
    Connection, appender_params_from_iter, params,
    types::{ToSqlOutput, Value, ValueRef},
};

use super::{date, sql::physical, unavailable};
use crate::{
    domain::{
        day::Day,
        declaration::SiteId,
        row::{Column, DayRow, Family, Release, ReleaseId, Row, Table, columns},
    },
    store::StoreError,
};

/// Refuses what could never be stored right.
pub(super) fn check(release: &Release) -> Result<(), StoreError> {
    for row in &release.rows {
        if !row.is_well_formed() {
            let (table, family) = (row.table.name(), row.family.name());
            return Err(StoreError::Refused(format!("a row of {table}/{family} does not fit its columns")));
        }
        if row.day != release.id.day {
            return Err(StoreError::Refused(format!(
                "a row of {} in a release of {}",
                row.day, release.id.day
            )));
        }
    }
    match &release.close {
        Some(close)
            if (close.site, close.day, close.node) != (release.id.site, release.id.day, release.id.node) =>
        {
            Err(StoreError::Refused("a close of another day".to_owned()))
        }
        _ => Ok(()),
    }
}

/// Inserts a release unless it is there.
pub(super) fn insert(connection: &mut Connection, release: &Release) -> Result<(), StoreError> {
    let transaction = connection.transaction().map_err(unavailable)?;
    if is_there(&transaction, release.id).map_err(unavailable)? {
        return Ok(());
    }
    fill(&transaction, release).map_err(unavailable)?;
    transaction.commit().map_err(|error| StoreError::Unknown(error.to_string()))
}

fn fill(connection: &Connection, release: &Release) -> duckdb::Result<()> {
    let id = release.id;
    for table in Table::ALL {
        append(connection, release, table)?;
    }
    connection.execute(
        "INSERT INTO releases VALUES (?, ?, ?, ?)",
        params![id.site.0, date(id.day), id.node, id.number],
    )?;
    release.close.as_ref().map_or(Ok(()), |close| insert_day(connection, close))
}

fn append(connection: &Connection, release: &Release, table: Table) -> duckdb::Result<()> {
    let mut rows = release.rows.iter().filter(|row| row.table == table).peekable();
    if rows.peek().is_none() {
        return Ok(());
    }
    let physical = physical(table);
    let places = Family::ALL.map(|family| places(&physical, table, family));
    let mut appender = connection.appender(table.name())?;
    for row in rows {
        let places = &places[row.family as usize];
        appender.append_row(appender_params_from_iter(values(release.id, row, places)))?;
    }
    appender.flush()
}

/// For each physical column, where a row of the family has its text.
fn places(physical: &[Column], table: Table, family: Family) -> Vec<Option<usize>> {
    let place = |column| columns(table, family).iter().position(|one| one == column);
    physical.iter().map(place).collect()
}

fn values<'a>(id: ReleaseId, row: &'a Row, places: &[Option<usize>]) -> Vec<ToSqlOutput<'a>> {
    let number = |n: u32| ToSqlOutput::Owned(Value::BigInt(i64::from(n)));
    let hour = row.hour.map_or(-1, |hour| i8::try_from(hour.0).unwrap_or(-1));
    let mut out = Vec::with_capacity(6 + places.len() + row.counts.len());
    out.push(number(id.site.0));
    out.push(text(row.family.name()));
    out.push(ToSqlOutput::Owned(Value::Date32(row.day.0)));
    out.push(ToSqlOutput::Owned(Value::TinyInt(hour)));
    out.extend(places.iter().map(|place| place.map_or(text(""), |at| text(&row.keys[at]))));
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
        "INSERT INTO days VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        params![
            close.site.0,
            date(close.day),
            close.node,
            close.closed_at_hour,
            close.k,
            close.salt_epochs,
            close.settings_version,
            sizes
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

/// Removes a site's rows of days before `before`, or all of them, with the identities of their releases.
pub(super) fn erase(
    connection: &mut Connection,
    site: SiteId,
    before: Option<Day>,
) -> Result<(), StoreError> {
    let transaction = connection.transaction().map_err(unavailable)?;
    let before = date(before.unwrap_or(Day(i32::MAX / 2)));
    for table in Table::ALL.map(Table::name).into_iter().chain(["days", "releases"]) {
        let sql = format!("DELETE FROM {table} WHERE site = ? AND day < ?");
        transaction.execute(&sql, params![site.0, before]).map_err(unavailable)?;
    }
    transaction.commit().map_err(|error| StoreError::Unknown(error.to_string()))?;
    // So that what was erased is gone from the file's log too.
    connection.execute_batch("CHECKPOINT").map_err(unavailable)
}
