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

#[cfg(test)]
mod tests {
    use super::{
        super::tests::{release, store},
        *,
    };
    use crate::{store::Store, verify::strange_columns};

    /// In one wide table a row could carry two families: each that does is counted, and no other is.
    #[test]
    fn rows_of_two_families_and_planted_columns_are_seen() {
        let store = store();
        store.insert(&release(1)).unwrap();
        let strays = || -> Vec<(String, u64)> {
            let found = store.anatomy().unwrap().into_iter();
            let of = |table: TableAnatomy| table.strays.iter().map(|(_, rows)| rows).sum::<u64>();
            found.map(|table| (table.name.clone(), of(table))).filter(|(_, rows)| *rows > 0).collect()
        };
        assert_eq!(strays(), []);
        assert_eq!(strange_columns(&store.anatomy().unwrap()), [] as [String; 0]);
        for (family, more) in
            [("place", "browser"), ("device", "channel"), ("page", "country"), ("wide", "source")]
        {
            let sql = format!(
                "INSERT INTO pages (site, family, day, {more}, rows) SELECT 1, '{family}', '2026-11-20', 'x', 1"
            );
            store.command(&sql, &[]).unwrap();
        }
        let hour = "INSERT INTO pages (site, family, day, hour, country, rows) SELECT 1, 'place', '2026-11-20', 7, 'EE', 1";
        store.command(hour, &[]).unwrap();
        assert_eq!(strays(), [("pages".to_owned(), 5)]);
        store.command("ALTER TABLE pages ADD COLUMN visitor UInt64", &[]).unwrap();
        store.command("CREATE TABLE seen (address String) ENGINE = MergeTree ORDER BY address", &[]).unwrap();
        assert_eq!(
            strange_columns(&store.anatomy().unwrap()),
            [
                "table `pages` has a column `visitor` that no row may have",
                "the store has a table `seen` that is not Mayfly's"
            ]
        );
    }

    #[test]
    fn of_an_erased_site_not_even_the_notes_are_left() {
        let store = store();
        let one = release(1);
        store.insert(&one).unwrap();
        store.keep(one.id.site, 12).unwrap();
        store.erase(one.id.site, None).unwrap();
        store.scrub(one.id.site).unwrap();
        for table in super::super::whole::DATED.into_iter().chain(["retention", "erasures", "merges"]) {
            let sql = format!("SELECT count() FROM {table} WHERE site = {}", one.id.site.0);
            assert_eq!(store.fetch::<u64>(&store.asking(&sql)).unwrap(), [0], "{table}");
        }
    }
}
