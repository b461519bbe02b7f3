//! The schema's numbered migrations: forward only, each known by its checksum.

use duckdb::{Connection, params};

use super::unavailable;
use crate::store::StoreError;

/// In order; append only.
const MIGRATIONS: &[(u32, &str)] = &[
    (1, include_str!("../../../schema/duckdb/0001_tables.sql")),
    (2, include_str!("../../../schema/duckdb/0002_families.sql")),
    (3, include_str!("../../../schema/duckdb/0003_corrected.sql")),
];

/// The newest schema this program knows.
pub const NEWEST: u32 = MIGRATIONS[MIGRATIONS.len() - 1].0;

/// Brings a database up to [`NEWEST`].
///
/// # Errors
/// `Newer` for a database of a newer program, `Refused` where an applied migration was another one.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    connection
        .execute_batch(
            "CREATE TABLE IF NOT EXISTS migrations (number INTEGER NOT NULL, checksum VARCHAR NOT NULL)",
        )
        .map_err(unavailable)?;
    let applied = applied(connection).map_err(unavailable)?;
    if let Some(&(found, _)) = applied.last().filter(|&&(found, _)| found > NEWEST) {
        return Err(StoreError::Newer { found, known: NEWEST });
    }
    for &(number, sql) in MIGRATIONS {
        let checksum = checksum(sql);
        match applied.iter().find(|&&(one, _)| one == number) {
            Some((_, was)) if *was == checksum => {}
            Some(_) => {
                return Err(StoreError::Refused(format!("migration {number} was applied in another form")));
            }
            None => apply(connection, number, &checksum, sql).map_err(unavailable)?,
        }
    }
    Ok(())
}

fn applied(connection: &Connection) -> duckdb::Result<Vec<(u32, String)>> {
    let mut statement = connection.prepare("SELECT number, checksum FROM migrations ORDER BY number")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}

fn apply(connection: &mut Connection, number: u32, checksum: &str, sql: &str) -> duckdb::Result<()> {
    let transaction = connection.transaction()?;
    transaction.execute_batch(sql)?;
    transaction.execute("INSERT INTO migrations VALUES (?, ?)", params![number, checksum])?;
    transaction.commit()
}

fn checksum(sql: &str) -> String {
    blake3::hash(sql.as_bytes()).to_hex().to_string()
}
