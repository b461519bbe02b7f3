//! The schema's numbered migrations: forward only, each known by its checksum.
//!
//! ClickHouse has no transactions over several statements: each statement may be said twice, and a migration is
//! noted after its last one.

use super::{ClickStore, OPEN_TIME_MAX, failure, tables::Tables, within};
use crate::store::StoreError;

/// In order; append only.
const MIGRATIONS: &[(u32, &str)] = &[(1, include_str!("../../../schema/clickhouse/0001_tables.sql"))];

/// The newest schema this program knows.
pub const NEWEST: u32 = MIGRATIONS[MIGRATIONS.len() - 1].0;

/// What ClickHouse answers where the database is missing.
const UNKNOWN_DATABASE: u32 = 81;

/// What it answers where a table is missing.
const UNKNOWN_TABLE: u32 = 60;

const NOTES: &str = "CREATE TABLE IF NOT EXISTS @name(migrations) (\n    site UInt32 DEFAULT 0,\n    number UInt32,\n    \
                     checksum String\n) ENGINE = @engine(ReplacingMergeTree)\nORDER BY number";

/// All statements that make the newest schema, as they are said to a server or a cluster.
pub(super) fn statements(tables: &Tables) -> Vec<String> {
    let sources = std::iter::once(NOTES).chain(MIGRATIONS.iter().map(|&(_, sql)| sql));
    sources.flat_map(|source| tables.statements(source)).collect()
}

/// Brings a database up to [`NEWEST`], making it first where it is missing. A database that is up to date is only
/// asked.
///
/// # Errors
/// `Newer` for a database of a newer program, `Refused` where an applied migration was another one.
pub(super) fn migrate(store: &ClickStore) -> Result<(), StoreError> {
    let applied = match applied(store) {
        Err(error) if failure::number(&error) == Some(UNKNOWN_DATABASE) => {
            store.make_database()?;
            begin(store)?
        }
        Err(error) if failure::number(&error) == Some(UNKNOWN_TABLE) => begin(store)?,
        found => found.map_err(|error| failure::unanswered(&error))?,
    };
    if let Some(&(found, _)) = applied.last().filter(|&&(found, _)| found > NEWEST) {
        return Err(StoreError::Newer { found, known: NEWEST });
    }
    for &(number, sql) in MIGRATIONS {
        let checksum = blake3::hash(sql.as_bytes()).to_hex().to_string();
        match applied.iter().find(|&&(one, _)| one == number) {
            Some((_, was)) if *was == checksum => {}
            Some(_) => {
                return Err(StoreError::Refused(format!("migration {number} was applied in another form")));
            }
            None => apply(store, number, &checksum, sql)?,
        }
    }
    Ok(())
}

fn applied(store: &ClickStore) -> clickhouse::error::Result<Vec<(u32, String)>> {
    let asked = store.asking("SELECT number, checksum FROM migrations FINAL ORDER BY number");
    store.wait(within(OPEN_TIME_MAX, asked.fetch_all()))
}

fn begin(store: &ClickStore) -> Result<Vec<(u32, String)>, StoreError> {
    store.tables.statements(NOTES).iter().try_for_each(|statement| store.command(statement, &[]))?;
    Ok(Vec::new())
}

fn apply(store: &ClickStore, number: u32, checksum: &str, sql: &str) -> Result<(), StoreError> {
    for statement in store.tables.statements(sql) {
        store.command(&statement, &[])?;
    }
    tracing::info!(number, "ClickHouse's schema was brought forward");
    let note = "INSERT INTO migrations (number, checksum) SELECT {number:UInt32}, {checksum:String}";
    store.command(note, &[("number", &number.to_string()), ("checksum", checksum)])
}
