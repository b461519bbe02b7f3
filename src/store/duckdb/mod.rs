//! The embedded store: one DuckDB file in the data directory.
//!
//! One connection writes, a few read; all calls block. It never loads an extension and never reads or
//! writes any file but its own.

mod allocator;
mod cache;
mod correct;
mod daily;
mod export;
mod fold;
mod migrate;
mod scrub;
mod sql;
mod whole;
mod write;

use std::{
    collections::BTreeSet,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError, RwLock},
};

use duckdb::{Config, Connection, Row as Answer, params, params_from_iter};

use super::{AsOf, Forgotten, Holding, Parts, Store, StoreError, TableAnatomy};
use crate::domain::{
    Text,
    day::Day,
    declaration::SiteId,
    query::{Group, Query, merge},
    row::{DayRow, Release, ReleaseId},
};

use cache::Cache;
use daily::Loose;
pub use export::{ExportFormat, Exported, Which, export};
pub use migrate::NEWEST;
use scrub::Scrub;
pub use whole::FamilySums;
use whole::OwnFile;
pub(super) use whole::copy_rows;

/// Idle readers that are kept; more are opened when needed and closed after use.
const IDLE_MAX: usize = 4;

/// Prepared statements that a reader keeps: a report asks about twenty.
const STATEMENTS_MAX: usize = 40;

/// How much of the machine DuckDB may take.
#[derive(Clone, Debug)]
pub struct Limits {
    pub memory_mb: u32,
    pub threads: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Limits::of_memory(512)
    }
}

impl Limits {
    /// So many megabytes, and the usual threads.
    pub fn of_memory(memory_mb: u32) -> Limits {
        Limits { memory_mb, threads: 2 }
    }
}

/// The `Store` port on DuckDB.
pub struct DuckStore {
    writer: Mutex<Connection>,
    /// Readers are made from it. It asks and writes nothing, so that they wait for no write, backup or restore.
    source: Mutex<Connection>,
    readers: Mutex<Vec<Connection>>,
    /// Days whose rows are read, because they are not added up: changed after the commit that changes them,
    /// so that a reader is at worst late, and reads rows where it need not.
    loose: RwLock<Loose>,
    cache: Cache,
    scrub: Scrub,
    /// `None` in memory. Last, so that it is closed after DuckDB has let go of its lock.
    file: Option<OwnFile>,
}

impl DuckStore {
    /// Opens (or makes) the database at `path` and brings its schema up to date.
    ///
    /// # Errors
    /// `Newer` for the database of a newer program, else whatever opening it failed with.
    pub fn open(path: &Path, limits: &Limits) -> Result<DuckStore, StoreError> {
        if !path.exists() {
            migrate::make(path, config(limits).map_err(unavailable)?)?;
        }
        DuckStore::open_as_it_is(path, limits, Scrub::opening(path, limits))
    }

    fn open_as_it_is(path: &Path, limits: &Limits, scrub: Scrub) -> Result<DuckStore, StoreError> {
        let config = config(limits).map_err(unavailable)?;
        fold::mend(path)?;
        let connection = Connection::open_with_flags(path, config).map_err(unavailable)?;
        let file = OwnFile::open(path).map_err(|error| StoreError::Unavailable(error.to_string()))?;
        DuckStore::over(connection, limits, Some(file), scrub)
    }

    /// A database in memory, for tests and for trying things out.
    ///
    /// # Errors
    /// As [`DuckStore::open`].
    pub fn in_memory(limits: &Limits) -> Result<DuckStore, StoreError> {
        let config = config(limits).map_err(unavailable)?;
        DuckStore::over(
            Connection::open_in_memory_with_flags(config).map_err(unavailable)?,
            limits,
            None,
            Scrub::nothing(),
        )
    }

    fn over(
        mut connection: Connection,
        limits: &Limits,
        file: Option<OwnFile>,
        scrub: Scrub,
    ) -> Result<DuckStore, StoreError> {
        // Folding is ours: see `fold`.
        connection.execute_batch("PRAGMA disable_checkpoint_on_shutdown").map_err(unavailable)?;
        migrate::migrate(&mut connection)?;
        daily::catch_up(&mut connection).map_err(unavailable)?;
        let loose = RwLock::new(daily::loose(&connection).map_err(unavailable)?);
        let source = Mutex::new(connection.try_clone().map_err(unavailable)?);
        Ok(DuckStore {
            writer: Mutex::new(connection),
            source,
            readers: Mutex::default(),
            loose,
            cache: Cache::of(limits),
            scrub,
            file,
        })
    }

    /// Moves what the write-ahead log holds into the database file. Done by itself as the log grows, and when the
    /// store is closed.
    ///
    /// # Errors
    /// When the disk is full.
    pub fn checkpoint(&self) -> Result<(), StoreError> {
        self.fold(&self.writer())
    }

    fn fold(&self, writer: &Connection) -> Result<(), StoreError> {
        match &self.file {
            Some(file) => fold::fold(writer, file),
            None => writer.execute_batch("CHECKPOINT").map_err(unavailable),
        }
    }

    /// As [`DuckStore::fold`], where it may as well be done later.
    fn fold_or_later(&self, writer: &Connection) {
        if let Err(error) = self.fold(writer) {
            tracing::warn!(%error, "the store's log could not be folded into its file");
        }
    }

    /// Changes the database behind everybody's back, for tests of what would be found.
    #[cfg(test)]
    pub(crate) fn plant(&self, sql: &str) {
        self.writer().execute_batch(sql).unwrap();
    }

    // A panic while the lock was held leaves at most an open transaction, which its guard rolls back.
    fn writer(&self) -> MutexGuard<'_, Connection> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn loose(&self, site: SiteId) -> BTreeSet<Day> {
        let loose = self.loose.read().unwrap_or_else(PoisonError::into_inner);
        loose.get(&site.0).cloned().unwrap_or_default()
    }

    /// After a change to many days: finds anew which are not added up, and takes what was deleted out of the
    /// file's log too (if readers are in the way, the next checkpoint does).
    fn look_again(&self, writer: &Connection) -> Result<(), StoreError> {
        let found = daily::loose(writer).map_err(unavailable)?;
        *self.loose.write().unwrap_or_else(PoisonError::into_inner) = found;
        self.fold_or_later(writer);
        Ok(())
    }

    /// Runs `ask` on a reader of its own, so that readers wait neither for each other nor for the writer.
    fn reading<T>(&self, ask: impl FnOnce(&Connection) -> duckdb::Result<T>) -> Result<T, StoreError> {
        let _limit = self.cache.held();
        let idle = self.idle().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => {
                let source = self.source.lock().unwrap_or_else(PoisonError::into_inner);
                let connection = source.try_clone().map_err(unavailable)?;
                connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
                connection
            }
        };
        // A connection that failed is dropped rather than kept.
        let answer = ask(&connection).map_err(unavailable)?;
        let mut idle = self.idle();
        if idle.len() < IDLE_MAX {
            idle.push(connection);
        }
        Ok(answer)
    }
}

impl Drop for DuckStore {
    fn drop(&mut self) {
        if self.file.as_ref().is_some_and(|file| file.log_bytes() > 0) && self.usable() {
            self.fold_or_later(&self.writer());
        }
    }
}

impl Store for DuckStore {
    fn insert(&self, release: &Release) -> Result<(), StoreError> {
        super::check(release)?;
        let mut writer = self.writer();
        write::insert(&mut writer, release)?;
        let (site, day) = (release.id.site, release.id.day);
        let added_up = daily::is_added_up(&writer, site, day).map_err(unavailable)?;
        let mut loose = self.loose.write().unwrap_or_else(PoisonError::into_inner);
        let days = loose.entry(site.0).or_default();
        match added_up {
            true => days.remove(&day),
            false => days.insert(day),
        };
        if self.file.as_ref().is_some_and(|file| file.log_bytes() >= LOG_BYTES) {
            self.fold_or_later(&writer);
        }
        self.cache.sweep_if_due(&writer);
        Ok(())
    }

    fn read(&self, site: SiteId, query: &Query, as_of: &AsOf) -> Result<Vec<Group>, StoreError> {
        let loose = self.loose(site);
        let (keys, sums) = (query.group.len(), query.table.counters().len());
        let mut parts = self.reading(|connection| {
            let mut parts = Vec::new();
            for made in sql::compile(site, query, as_of, &loose) {
                let mut statement = connection.prepare_cached(&made.sql)?;
                let rows =
                    statement.query_map(params_from_iter(made.values), |row| group(row, keys, sums))?;
                parts.push(rows.collect::<duckdb::Result<Vec<Group>>>()?);
            }
            Ok(parts)
        })?;
        parts.retain(|part| !part.is_empty());
        if parts.len() > 1 {
            return Ok(merge(parts));
        }
        let mut groups = parts.pop().unwrap_or_default();
        groups.sort_unstable_by(|a, b| a.keys.cmp(&b.keys));
        Ok(groups)
    }

    fn days(&self, site: SiteId, first: Day, last: Day) -> Result<Vec<DayRow>, StoreError> {
        self.reading(|connection| whole::closed(connection, site, first, last))
    }

    fn extent(&self, site: SiteId) -> Result<Option<(Day, Day)>, StoreError> {
        self.reading(|connection| {
            let sql = "SELECT epoch(min(day))::BIGINT // 86400, epoch(max(day))::BIGINT // 86400 \
                       FROM releases WHERE site = ?";
            connection.query_row(sql, params![site.0], |row| {
                let (first, last): (Option<i32>, Option<i32>) = (row.get(0)?, row.get(1)?);
                Ok(first.zip(last).map(|(first, last)| (Day(first), Day(last))))
            })
        })
    }

    fn holdings(&self, site: SiteId) -> Result<Vec<Holding>, StoreError> {
        self.reading(|connection| sql::holdings(connection, site))
    }

    fn holds(&self, id: ReleaseId) -> Result<bool, StoreError> {
        self.reading(|connection| write::is_there(connection, id))
    }

    fn last_release(&self, site: SiteId, day: Day, node: u32) -> Result<u32, StoreError> {
        self.reading(|connection| {
            let sql = "SELECT coalesce(max(number), 0)::INTEGER FROM releases WHERE site = ? AND day = ? AND node = ?";
            connection.query_row(sql, params![site.0, date(day), node], |row| row.get(0))
        })
    }

    fn erase(&self, site: SiteId, before: Option<Day>) -> Result<(), StoreError> {
        let mut writer = self.writer();
        self.scrub.erased(write::erase(&mut writer, site, before)?);
        // So that what was erased is gone from the file's log too.
        self.fold(&writer)?;
        let mut loose = self.loose.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(days) = loose.get_mut(&site.0) {
            days.retain(|&day| before.is_some_and(|before| day >= before));
        }
        Ok(())
    }

    /// After a fatal error (a disk that was full while it wrote) DuckDB answers nothing until it is opened anew.
    fn usable(&self) -> bool {
        !self.scrub.is_leaving() && self.writer().execute_batch("SELECT 1").is_ok()
    }

    fn sites(&self) -> Result<Vec<SiteId>, StoreError> {
        self.reading(|connection| {
            let mut statement =
                connection.prepare_cached("SELECT DISTINCT site FROM releases ORDER BY site")?;
            statement.query_map([], |row| row.get(0).map(SiteId))?.collect()
        })
    }

    fn releases(&self, site: SiteId, first: Day, last: Day) -> Result<Vec<Release>, StoreError> {
        self.reading(|connection| whole::releases(connection, site, first, last))
    }

    fn replace(&self, parts: Parts<'_>) -> Result<(), StoreError> {
        let mut writer = self.writer();
        whole::replace(&mut writer, parts)?;
        self.look_again(&writer)
    }

    fn forget(&self, site: SiteId, source: &str, last: Day) -> Result<Vec<Forgotten>, StoreError> {
        let mut writer = self.writer();
        let found = correct::forget(&mut writer, site, source, last)?;
        self.look_again(&writer)?;
        Ok(found)
    }

    fn merge(&self, from: SiteId, into: SiteId) -> Result<(), StoreError> {
        let mut writer = self.writer();
        correct::merge(&mut writer, from, into)?;
        self.look_again(&writer)
    }

    fn copy(&self, to: &Path) -> Result<(), StoreError> {
        self.copy_to(to)
    }

    /// The file is written anew by the opening that follows: this one answers nothing after it.
    fn scrub(&self, _: SiteId) -> Result<(), StoreError> {
        self.file.as_ref().map_or(Ok(()), |file| self.scrub.ask(file.path()))
    }

    /// Each family has tables of its own, so that no row can carry another's.
    fn anatomy(&self) -> Result<Vec<TableAnatomy>, StoreError> {
        let sql = "SELECT table_name, column_name FROM duckdb_columns() WHERE NOT internal \
                   ORDER BY database_name, schema_name, table_name, column_index";
        let found = self.reading(|connection| {
            connection.prepare(sql)?.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        });
        found.map(super::tables_of)
    }
}

/// The write-ahead log is folded into the file at this size. Until then its rows lie in memory too, in a form that
/// takes ten times as much: with DuckDB's own 16 MiB that would grow for months.
const LOG_BYTES: u64 = 1 << 20;

/// Of a new file. What the log holds takes a block or two of memory for each of the 400 columns, so DuckDB's own
/// 256 KiB come to 140 MB between two folds; and the file of a small site would be twice as big.
const BLOCK_BYTES: &str = "65536";

fn config(limits: &Limits) -> duckdb::Result<Config> {
    Config::default()
        .enable_autoload_extension(false)?
        .with("autoinstall_known_extensions", "false")?
        .with("enable_external_access", "false")?
        .with("preserve_insertion_order", "true")?
        .with("checkpoint_threshold", "1TB")?
        .with("default_block_size", BLOCK_BYTES)?
        .max_memory(&memory(limits))?
        .threads(i64::from(limits.threads.max(1)))
}

/// DuckDB takes less for a mistake, and can do little with it.
fn memory(limits: &Limits) -> String {
    format!("{}MB", limits.memory_mb.max(64))
}

fn group(row: &Answer<'_>, keys: usize, sums: usize) -> duckdb::Result<Group> {
    let text = |at| row.get_ref(at)?.as_str().map(Text::from).map_err(duckdb::Error::from);
    Ok(Group {
        keys: (0..keys).map(text).collect::<duckdb::Result<_>>()?,
        sums: (keys..keys + sums).map(|at| row.get(at)).collect::<duckdb::Result<_>>()?,
    })
}

fn day_row(site: SiteId, row: &Answer<'_>) -> duckdb::Result<DayRow> {
    let sizes: String = row.get(6)?;
    Ok(DayRow {
        site,
        day: Day(row.get(0)?),
        node: row.get(1)?,
        closed_at_hour: row.get(2)?,
        k: row.get(3)?,
        salt_epochs: row.get(4)?,
        settings_version: row.get(5)?,
        sizes: serde_json::from_str(&sizes).unwrap_or_default(),
        corrected: row.get(7)?,
    })
}

fn date(day: Day) -> duckdb::types::Value {
    duckdb::types::Value::Date32(day.0)
}

fn unavailable(error: duckdb::Error) -> StoreError {
    StoreError::Unavailable(error.to_string())
}

#[cfg(test)]
mod tests;
