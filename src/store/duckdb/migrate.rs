//! The schema's numbered migrations: forward only, each known by its checksum.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use duckdb::{Config, Connection, params};

use super::{fold::folder, unavailable};
use crate::store::StoreError;

/// In order; append only.
const MIGRATIONS: &[(u32, &str)] = &[
    (1, include_str!("../../../schema/duckdb/0001_tables.sql")),
    (2, include_str!("../../../schema/duckdb/0002_families.sql")),
    (3, include_str!("../../../schema/duckdb/0003_corrected.sql")),
];

/// The newest schema this program knows.
pub const NEWEST: u32 = MIGRATIONS[MIGRATIONS.len() - 1].0;

/// Makes an empty database beside its place, and renames it there once it is whole: a kill within the first bytes
/// of a database leaves a file that nothing can open any more.
///
/// # Errors
/// `Unavailable`, with the path.
pub(super) fn make(path: &Path, config: Config) -> Result<(), StoreError> {
    // What was saved of another file that was here is not of this one.
    let [new, log, fold] =
        ["new", "new.wal", "fold"].map(|ending| PathBuf::from(format!("{}.{ending}", path.display())));
    let failed = |error: io::Error| StoreError::Unavailable(format!("{}: {error}", new.display()));
    for left in [&new, &log, &fold] {
        match fs::remove_file(left) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
    }
    let connection = Connection::open_with_flags(&new, config).map_err(unavailable)?;
    connection.execute_batch("CHECKPOINT").map_err(unavailable)?;
    connection.close().map_err(|(_, error)| unavailable(error))?;
    File::open(&new)
        .and_then(|file| file.sync_all())
        .and_then(|()| fs::rename(&new, path))
        .and_then(|()| File::open(folder(path))?.sync_all())
        .map_err(failed)
}

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
