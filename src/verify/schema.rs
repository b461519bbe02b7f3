//! The columns that are really there, against the list of what a row may say.

use super::{Check, Kind, Outcome};
use crate::{
    domain::row::{self, Column, Family, Table, has_hour},
    store::TableAnatomy,
};

/// Which row it is: columns that say nothing of anybody.
const IDENTITY: [&str; 6] = ["site", "day", "node", "release", "number", "family"];

/// What tables that are not of rows hold, by name.
const OTHER_TABLES: [(&str, &[&str]); 7] = [
    ("releases", &["expires"]),
    ("days", &["closed_at_hour", "k", "salt_epochs", "settings_version", "sizes", "corrected", "expires"]),
    ("daily", &[]),
    ("migrations", &["checksum", "applied", "statements"]),
    ("erasures", &["times"]),
    ("retention", &["months", "noted"]),
    ("merges", &["into_site", "into_node"]),
];

/// See [`Kind::Columns`]. `strange` are columns of the control database that its migrations did not make.
pub fn columns(tables: &[TableAnatomy], strange: &[String]) -> Check {
    let mut check = Check::new(Kind::Columns);
    let mut seen = 0;
    for TableAnatomy { name, columns, .. } in tables {
        let Some(allowed) = allowed(name) else {
            check.find(Outcome::Breach, format!("the store has a table `{name}` that is not Mayfly's"));
            continue;
        };
        for column in columns {
            seen += 1;
            if !allowed.contains(&column.as_str()) {
                check.find(
                    Outcome::Breach,
                    format!("table `{name}` has a column `{column}` that no row may have"),
                );
            }
        }
    }
    for column in strange {
        check
            .find(Outcome::Breach, format!("the control database has `{column}`, which Mayfly did not make"));
    }
    check.looked(
        seen,
        format!("{seen} columns of {} tables of the store, and the control database's", tables.len()),
    )
}

/// The columns that a table may have; `None` for a table that is not ours.
fn allowed(name: &str) -> Option<Vec<&'static str>> {
    let name = name.strip_suffix("_shard").unwrap_or(name);
    if let Some((_, own)) = OTHER_TABLES.iter().find(|(other, _)| *other == name) {
        return Some(IDENTITY.iter().chain(own.iter()).copied().collect());
    }
    let rows = name.strip_suffix("_daily").unwrap_or(name);
    let (table, family) = match rows.split_once('_') {
        Some((table, family)) => (Table::named(table)?, Some(Family::named(family)?)),
        None => (Table::named(rows)?, None),
    };
    let families = table.families().iter().filter(|&&one| family.is_none_or(|family| family == one));
    let mut found: Vec<&'static str> = IDENTITY.iter().chain(table.counters()).copied().collect();
    found.extend(["expires", "rows"]);
    for &family in families {
        found.extend(row::columns(table, family).iter().map(|column| column.name()));
        found.extend(has_hour(table, family).then_some(Column::Hour.name()));
    }
    // The views of the embedded store show one width for all families: an hour of -1 where there is none.
    found.extend(family.is_none().then_some(Column::Hour.name()));
    Some(found)
}
