//! Closed days added up over hours (family `page`) or pages (the others): what most reports need, in a tenth
//! of the rows. Derived from the rows in the transaction of a day's last release; a day is read from here or
//! from its rows, never from both.

use std::collections::{BTreeSet, HashMap};

use duckdb::{Connection, params, params_from_iter, types::Value};

use super::{date, sql::located};
use crate::domain::{
    day::Day,
    declaration::SiteId,
    query::{Condition, Operator, Query},
    row::{Column, Family, KIND_PAGE, Table, columns},
};

/// The families whose days are added up.
pub(super) const FAMILIES: [Family; 4] = [Family::Page, Family::Visit, Family::Place, Family::Device];

/// Days of which there are rows, but not added up.
pub(super) type Loose = HashMap<u32, BTreeSet<Day>>;

/// The table's name.
pub(super) fn name(family: Family) -> String {
    format!("{}_daily", located(Table::Pages, family))
}

/// The key columns of a family's table.
pub(super) fn keys(family: Family) -> Vec<Column> {
    let all = columns(Table::Pages, family).iter().copied();
    all.filter(|column| family == Family::Page || !is_of_page(*column)).collect()
}

fn is_of_page(column: Column) -> bool {
    matches!(column, Column::Kind | Column::Page | Column::Host)
}

/// The conditions under which added up days answer the query; `None` where they cannot.
pub(super) fn filters(query: &Query) -> Option<Vec<&Condition>> {
    if query.table != Table::Pages || !FAMILIES.contains(&query.family) {
        return None;
    }
    let of_pages = |condition: &&Condition| {
        query.family == Family::Visit
            && condition.column == Column::Kind
            && condition.operator == Operator::Is
            && matches!(&condition.values[..], [one] if **one == *KIND_PAGE)
    };
    let left: Vec<&Condition> = query.filters.iter().filter(|one| !of_pages(one)).collect();
    // The rows of `visit` lie in sections too: only those of pages are added up.
    let whole = query.family != Family::Visit || left.len() < query.filters.len();
    let lost = |column: Column| column == Column::Hour || query.family != Family::Page && is_of_page(column);
    let known = !query.group.iter().any(|&one| lost(one)) && !left.iter().any(|one| lost(one.column));
    (whole && known).then_some(left)
}

/// Adds a day up anew.
pub(super) fn add_up(connection: &Connection, site: SiteId, day: Day) -> duckdb::Result<()> {
    add_up_all(connection, site, &BTreeSet::from([day]))
}

/// Adds days of a site up anew.
pub(super) fn add_up_all(connection: &Connection, site: SiteId, days: &BTreeSet<Day>) -> duckdb::Result<()> {
    let counters: Vec<String> = Table::Pages.counters().iter().map(|name| format!("sum({name})")).collect();
    let counters = counters.join(", ");
    drop_all(connection, site, days)?;
    let of_days = OfDays::new(site, days);
    for family in FAMILIES {
        let (table, rows) = (name(family), located(Table::Pages, family));
        let keys: Vec<&str> = keys(family).into_iter().map(Column::name).collect();
        let keys = keys.join(", ");
        let of_pages = if family == Family::Visit { "AND kind = 'page'" } else { "" };
        of_days.execute(
            connection,
            &format!("INSERT INTO {table} SELECT site, day, {keys}, {counters} FROM {rows}"),
            &format!("{of_pages} GROUP BY site, day, {keys} ORDER BY day, {keys}"),
        )?;
    }
    for &day in days {
        connection.execute("INSERT INTO daily VALUES (?, ?)", params![site.0, date(day)])?;
    }
    Ok(())
}

/// Forgets what days of a site add up to: their rows are read.
pub(super) fn drop_all(connection: &Connection, site: SiteId, days: &BTreeSet<Day>) -> duckdb::Result<()> {
    let of_days = OfDays::new(site, days);
    for table in FAMILIES.into_iter().map(name).chain(["daily".to_owned()]) {
        of_days.execute(connection, &format!("DELETE FROM {table}"), "")?;
    }
    Ok(())
}

/// Some days of a site, as a condition.
pub(super) struct OfDays {
    condition: String,
    values: Vec<Value>,
}

impl OfDays {
    pub fn new(site: SiteId, days: &BTreeSet<Day>) -> OfDays {
        let list = vec!["?"; days.len()].join(", ");
        let mut values = vec![Value::BigInt(i64::from(site.0))];
        values.extend(days.iter().map(|&day| date(day)));
        OfDays { condition: format!("WHERE site = ? AND day IN ({list})"), values }
    }

    /// Runs `start` for the rows of these days, and tells how many there were.
    pub fn execute(&self, connection: &Connection, start: &str, end: &str) -> duckdb::Result<usize> {
        match self.values.len() {
            // `IN ()` is no SQL.
            1 => Ok(0),
            _ => connection
                .execute(&format!("{start} {} {end}", self.condition), params_from_iter(&self.values)),
        }
    }
}

/// Whether a day is added up.
pub(super) fn is_added_up(connection: &Connection, site: SiteId, day: Day) -> duckdb::Result<bool> {
    let sql = "SELECT count(*) > 0 FROM daily WHERE site = ? AND day = ?";
    connection.query_row(sql, params![site.0, date(day)], |row| row.get(0))
}

/// Adds up closed days of which an older program wrote the rows only.
pub(super) fn catch_up(connection: &mut Connection) -> duckdb::Result<()> {
    let transaction = connection.transaction()?;
    for (site, day) in listed(&transaction, "SELECT site, day FROM days EXCEPT SELECT site, day FROM daily")?
    {
        add_up(&transaction, SiteId(site), day)?;
    }
    transaction.commit()
}

/// The days that are not added up.
pub(super) fn loose(connection: &Connection) -> duckdb::Result<Loose> {
    let mut out = Loose::new();
    for (site, day) in
        listed(connection, "SELECT site, day FROM releases EXCEPT SELECT site, day FROM daily")?
    {
        out.entry(site).or_default().insert(day);
    }
    Ok(out)
}

fn listed(connection: &Connection, sql: &str) -> duckdb::Result<Vec<(u32, Day)>> {
    let sql = format!("SELECT site, epoch(day)::BIGINT // 86400 FROM ({sql}) ORDER BY ALL");
    let mut statement = connection.prepare(&sql)?;
    statement.query_map([], |row| Ok((row.get(0)?, Day(row.get(1)?))))?.collect()
}
