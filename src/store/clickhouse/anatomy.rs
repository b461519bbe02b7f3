//! What the database is made of, as ClickHouse says itself. One table holds all families here, so a row could carry
//! what its family has not: such rows are counted.

use super::ClickStore;
use crate::{
    domain::{
        declaration::SiteId,
        row::{Column, Table, columns, has_hour},
    },
    store::{StoreError, TableAnatomy, tables_of},
};

/// See [`crate::store::Store::anatomy`].
pub(super) fn anatomy(store: &ClickStore) -> Result<Vec<TableAnatomy>, StoreError> {
    let sql =
        "SELECT table, name FROM system.columns WHERE database = currentDatabase() ORDER BY table, position";
    let mut tables = tables_of(store.fetch(&store.asking(sql))?);
    for table in Table::ALL {
        let asked = store.asking(&strays(table));
        let found: Vec<(u32, u64)> = store.fetch(&asked)?;
        if let Some(known) = tables.iter_mut().find(|one| one.name == table.name()) {
            known.strays = found.into_iter().map(|(site, rows)| (SiteId(site), rows)).collect();
        }
    }
    Ok(tables)
}

/// Rows of a table that are of no family it has, or carry a column of another.
fn strays(table: Table) -> String {
    let mut all: Vec<Column> = Vec::new();
    for &family in table.families() {
        all.extend(columns(table, family).iter().filter(|column| !all.contains(column)).collect::<Vec<_>>());
    }
    let hours = table.families().iter().any(|&family| has_hour(table, family));
    let fits = table.families().iter().map(|&family| {
        let own = columns(table, family);
        let mut bare: Vec<String> = all
            .iter()
            .filter(|column| !own.contains(column))
            .map(|column| format!("{} = ''", column.name()))
            .collect();
        bare.push(format!("family = '{}'", family.name()));
        bare.extend((hours && !has_hour(table, family)).then(|| "hour = 0".to_owned()));
        format!("({})", bare.join(" AND "))
    });
    let fits: Vec<String> = fits.collect();
    format!(
        "SELECT site, count() FROM {} WHERE NOT ({}) GROUP BY site ORDER BY site",
        table.name(),
        fits.join(" OR ")
    )
}
