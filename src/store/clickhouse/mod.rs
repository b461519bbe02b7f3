//! The store for teams that outgrow one machine: ClickHouse, over its HTTP interface, by its official client.
//!
//! The same tables and the same answers as the embedded store. Calls block on a small runtime of their own, so
//! callers run them off the event loop, as with any store. ClickHouse has no transactions: what has several steps
//! is ordered so that each can be done again, and says so where it is.

mod address;
mod anatomy;
mod correct;
mod failure;
mod migrate;
mod sql;
mod tables;
mod whole;
mod write;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use clickhouse::{Client, Compression, Row, RowOwned, RowRead, query::Query as Request};
use serde::Deserialize;
use tokio::{runtime::Runtime, time::timeout};

use super::{AsOf, Forgotten, Holding, Parts, Store, StoreError, TableAnatomy};
use crate::domain::{
    day::Day,
    declaration::SiteId,
    query::{Group, Query},
    row::{DayRow, Release, ReleaseId, Table},
};

use address::Sent;
pub use address::{Address, Secret};
use failure::Class;
pub use migrate::NEWEST;
use tables::Tables;

/// Longest time that a question may take in the server.
const READ_TIME_MAX: Duration = Duration::from_secs(30);
/// Longest time that an insert, an erasure or a migration may take in the server.
const WRITE_TIME_MAX: Duration = Duration::from_secs(120);
/// Longest wait for a part of an insert to leave.
const SEND_TIME_MAX: Duration = Duration::from_secs(10);
/// How much longer than the server may take an answer is waited for: when the wait is over, so is the work.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(5);
/// Longest wait for the word that the server is there.
const READY_TIME_MAX: Duration = Duration::from_secs(3);
/// Longest wait for the first answer as a store is opened.
const OPEN_TIME_MAX: Duration = Duration::from_secs(10);
/// Most memory that one question may take in the server, in bytes.
const READ_MEMORY_MAX: u64 = 2 << 30;
/// Most rows that one question may read.
const READ_ROWS_MAX: u64 = 2_000_000_000;
/// Most rows that an answer may have.
const ANSWER_ROWS_MAX: u64 = 10_000_000;
/// Waits before the second, third and fourth try of what may soon work.
const RETRIES: [Duration; 3] =
    [Duration::from_millis(100), Duration::from_millis(400), Duration::from_millis(1_600)];

/// The `Store` port on ClickHouse.
pub struct ClickStore {
    client: Client,
    database: String,
    tables: Tables,
    work: PathBuf,
    waits: Waits,
    /// Taken at the end only: a runtime must not be dropped where another one runs.
    runtime: Option<Runtime>,
}

/// How long what writes may take.
struct Waits {
    /// In the server.
    write: Duration,
    /// For a part of an insert to leave.
    send: Duration,
    /// For an answer, beyond what the server may take.
    answer: Duration,
}

impl Drop for ClickStore {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl ClickStore {
    /// Connects and brings the schema up to date. The database is made where it is missing and the user may.
    ///
    /// # Errors
    /// `Newer` for the database of a newer program, `Unavailable` where nobody answers or the user may not.
    pub fn open(address: &Address) -> Result<ClickStore, StoreError> {
        let store = ClickStore::unasked(address)?;
        migrate::migrate(&store)?;
        Ok(store)
    }

    /// Ready to ask; nobody was asked yet.
    fn unasked(address: &Address) -> Result<ClickStore, StoreError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("clickhouse")
            .enable_all()
            .build()
            .map_err(|error| StoreError::Unavailable(error.to_string()))?;
        Ok(ClickStore {
            client: client(address)?,
            database: address.database.clone(),
            tables: Tables { cluster: address.cluster.clone() },
            work: address.work.clone(),
            waits: Waits { write: WRITE_TIME_MAX, send: SEND_TIME_MAX, answer: ANSWER_TIME_MAX },
            runtime: Some(runtime),
        })
    }

    /// The statements that make the newest schema, for a server or for this cluster.
    pub fn schema(cluster: Option<&str>) -> Vec<String> {
        migrate::statements(&Tables { cluster: cluster.map(str::to_owned) })
    }

    fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.as_ref().expect("the runtime lives as long as the store").block_on(work)
    }

    /// A question within the bounds of one.
    fn asking(&self, sql: &str) -> Request {
        self.client
            .query(sql)
            .with_setting("max_execution_time", READ_TIME_MAX.as_secs().to_string())
            .with_setting("max_memory_usage", READ_MEMORY_MAX.to_string())
            .with_setting("max_bytes_before_external_group_by", (READ_MEMORY_MAX / 2).to_string())
            .with_setting("max_rows_to_read", READ_ROWS_MAX.to_string())
            .with_setting("max_result_rows", ANSWER_ROWS_MAX.to_string())
    }

    /// All rows of an answer; asked again where that may help, and not where it took too long.
    fn fetch<T: RowOwned + RowRead>(&self, request: &Request) -> Result<Vec<T>, StoreError> {
        let answered = self.trying_unless(failure::is_slow, || async {
            let asked = request.clone().fetch_all::<T>();
            within(READ_TIME_MAX + self.waits.answer, asked).await
        });
        answered.map_err(|error| failure::unanswered(&error))
    }

    /// A statement that changes something, and that may be said twice.
    fn command(&self, sql: &str, parameters: &[(&str, &str)]) -> Result<(), StoreError> {
        let request =
            parameters.iter().fold(self.changing(sql), |request, (name, value)| request.param(name, value));
        let done = self.trying(|| async {
            let asked = request.clone().execute();
            within(self.waits.write + self.waits.answer, asked).await
        });
        done.map_err(|error| failure::unwritten(&error))
    }

    fn changing(&self, sql: &str) -> Request {
        self.client
            .query(sql)
            .with_setting("max_execution_time", WRITE_TIME_MAX.as_secs().to_string())
            .with_setting("mutations_sync", "2")
            .with_setting("insert_deduplicate", "0")
            .with_setting("distributed_foreground_insert", "1")
    }

    /// Does it, and again after a wait where it failed in a way that passes.
    fn trying<T, W>(&self, work: impl FnMut() -> W) -> clickhouse::error::Result<T>
    where
        W: Future<Output = clickhouse::error::Result<T>>,
    {
        self.trying_unless(|_| false, work)
    }

    /// The same; not again after errors that are for good here.
    fn trying_unless<T, W>(
        &self,
        for_good: fn(&clickhouse::error::Error) -> bool,
        mut work: impl FnMut() -> W,
    ) -> clickhouse::error::Result<T>
    where
        W: Future<Output = clickhouse::error::Result<T>>,
    {
        let passes = |error: &_| matches!(failure::class(error), Class::Busy | Class::Lost);
        self.wait(async {
            for wait in RETRIES {
                match work().await {
                    Err(error) if passes(&error) && !for_good(&error) => {
                        tracing::debug!(%error, ?wait, "ClickHouse is asked again");
                        tokio::time::sleep(wait).await;
                    }
                    done => return done,
                }
            }
            work().await
        })
    }

    fn make_database(&self) -> Result<(), StoreError> {
        let on = self.tables.cluster.as_ref().map(|name| format!(" ON CLUSTER '{name}'")).unwrap_or_default();
        // Letters, digits and _ only.
        let sql = format!("CREATE DATABASE IF NOT EXISTS {}{on}", self.database);
        let client = self.client.clone().with_database("default");
        let made = within(self.waits.write + self.waits.answer, client.query(&sql).execute());
        self.wait(made).map_err(|error| failure::unwritten(&error))
    }
}

/// What comes of it within a time.
async fn within<T>(
    most: Duration,
    work: impl Future<Output = clickhouse::error::Result<T>>,
) -> clickhouse::error::Result<T> {
    timeout(most, work).await.unwrap_or(Err(clickhouse::error::Error::TimedOut))
}

fn client(address: &Address) -> Result<Client, StoreError> {
    let client = Client::default()
        .with_url(address.url())
        .with_database(&address.database)
        .with_compression(if address.compressed { Compression::Lz4 } else { Compression::None })
        .with_product_info("mayfly", env!("CARGO_PKG_VERSION"))
        // The server need not remember who asked what, and when.
        .with_setting("log_queries", "0")
        .with_setting("log_query_threads", "0");
    let client = match &address.user {
        Some(user) => client.with_user(user),
        None => client,
    };
    let client = match address.secret.read()? {
        Sent::Nothing => client,
        Sent::Password(password) => client.with_password(password),
        Sent::Token(token) => client.with_access_token(token),
    };
    Ok(match address.cluster {
        // What one replica has acknowledged, the next must know.
        Some(_) => client
            .with_setting("insert_quorum", "auto")
            .with_setting("insert_quorum_parallel", "0")
            .with_setting("select_sequential_consistency", "1"),
        None => client,
    })
}

#[derive(Row, Deserialize)]
struct Answer {
    keys: Vec<String>,
    sums: Vec<i64>,
}

/// A day as it is bound: ClickHouse's days are those from 1970 to 2149.
fn date(day: Day) -> String {
    Day(day.0.clamp(0, i32::from(u16::MAX))).to_string()
}

impl Store for ClickStore {
    fn insert(&self, release: &Release) -> Result<(), StoreError> {
        super::check(release)?;
        write::insert(self, release)
    }

    fn read(&self, site: SiteId, query: &Query, as_of: &AsOf) -> Result<Vec<Group>, StoreError> {
        let made = sql::compile(site, query, as_of);
        let rows: Vec<Answer> = self.fetch(&made.bound(self.asking(&made.sql)))?;
        let group =
            |row: Answer| Group { keys: row.keys.into_iter().map(Into::into).collect(), sums: row.sums };
        let mut groups: Vec<Group> = rows.into_iter().map(group).collect();
        groups.sort_unstable_by(|a, b| a.keys.cmp(&b.keys));
        Ok(groups)
    }

    fn days(&self, site: SiteId, first: Day, last: Day) -> Result<Vec<DayRow>, StoreError> {
        whole::closed(self, site, first, last)
    }

    fn extent(&self, site: SiteId) -> Result<Option<(Day, Day)>, StoreError> {
        let sql = "SELECT toInt32(min(day)), toInt32(max(day)) FROM releases WHERE site = {site:UInt32} \
                   HAVING count() > 0";
        let found: Vec<(i32, i32)> = self.fetch(&self.asking(sql).param("site", site.0))?;
        Ok(found.first().map(|&(first, last)| (Day(first), Day(last))))
    }

    fn holdings(&self, site: SiteId) -> Result<Vec<Holding>, StoreError> {
        let each = Table::ALL
            .into_iter()
            .flat_map(|table| table.families().iter().map(move |&family| (table, family)));
        let mut found = Vec::new();
        for (table, family) in each {
            let asked = self.asking(&sql::holding(table, family)).param("site", site.0);
            let rows: Vec<sql::Held> = self.fetch(&asked)?;
            found.extend(rows.into_iter().map(|held| held.told(table, family)));
        }
        Ok(found)
    }

    fn holds(&self, id: ReleaseId) -> Result<bool, StoreError> {
        write::is_there(self, id)
    }

    fn last_release(&self, site: SiteId, day: Day, node: u32) -> Result<u32, StoreError> {
        let sql = "SELECT max(number) FROM releases WHERE site = {site:UInt32} AND day = {day:Date} \
                   AND node = {node:UInt32}";
        let asked = self.asking(sql).param("site", site.0).param("day", date(day)).param("node", node);
        let found: Vec<u32> = self.fetch(&asked)?;
        Ok(found.first().copied().unwrap_or(0))
    }

    /// In steps: what is cut short has to be done again.
    fn erase(&self, site: SiteId, before: Option<Day>) -> Result<(), StoreError> {
        whole::erase(self, site, before)
    }

    fn ready(&self) -> Result<(), StoreError> {
        let asked = self.client.query("SELECT 1").execute();
        match self.wait(async { timeout(READY_TIME_MAX, asked).await }) {
            Ok(answer) => answer.map_err(|error| failure::unanswered(&error)),
            Err(_) => {
                Err(StoreError::Unavailable(format!("no word from ClickHouse within {READY_TIME_MAX:?}")))
            }
        }
    }

    fn sites(&self) -> Result<Vec<SiteId>, StoreError> {
        let found: Vec<u32> = self.fetch(&self.asking("SELECT DISTINCT site FROM releases ORDER BY site"))?;
        Ok(found.into_iter().map(SiteId).collect())
    }

    fn releases(&self, site: SiteId, first: Day, last: Day) -> Result<Vec<Release>, StoreError> {
        whole::releases(self, site, first, last)
    }

    /// Everything is read before anything is touched; then each site-day is put in steps, and what is cut short has
    /// to be done again.
    fn replace(&self, parts: Parts<'_>) -> Result<(), StoreError> {
        whole::replace(self, parts)
    }

    /// In steps: what is cut short has to be done again, and tells what was left.
    fn forget(&self, site: SiteId, source: &str, last: Day) -> Result<Vec<Forgotten>, StoreError> {
        correct::forget(self, site, source, last)
    }

    /// In steps: what is cut short goes on when it is done again.
    fn merge(&self, from: SiteId, into: SiteId) -> Result<(), StoreError> {
        correct::merge(self, from, into)
    }

    /// A few days at a time: of releases that come meanwhile, some are in it and some are not, each of them whole.
    fn copy(&self, to: &Path) -> Result<(), StoreError> {
        super::duckdb::copy_rows(self, to)
    }

    /// Rows go with the parts that held them, which ClickHouse removes minutes after a mutation; here go the notes.
    fn scrub(&self, site: SiteId) -> Result<(), StoreError> {
        for table in ["retention", "merges", "erasures"] {
            let sql = format!("ALTER TABLE {} DELETE WHERE site = {{site:UInt32}}", self.tables.held(table));
            self.command(&sql, &[("site", &site.0.to_string())])?;
        }
        Ok(())
    }

    fn anatomy(&self) -> Result<Vec<TableAnatomy>, StoreError> {
        anatomy::anatomy(self)
    }

    fn keep(&self, site: SiteId, months: u32) -> Result<bool, StoreError> {
        whole::keep(self, site, months)
    }

    fn outliving(&self, site: SiteId, months: u32) -> Result<u64, StoreError> {
        whole::outliving(self, site, months)
    }
}

#[cfg(test)]
#[path = "../../../tests/clickhouse/engine.rs"]
pub mod engine;

#[cfg(test)]
mod tests;

#[cfg(test)]
mod cut_short;
