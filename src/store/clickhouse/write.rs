//! Writing: each table and family of a release is one insert under a token of its own; the identity follows last.
//!
//! ClickHouse drops an insert whose token it remembers. What it no longer remembers, or never promised to, is
//! decided by what is stored: the sums under the release's identity are the release's own, or that part comes anew.

use std::{collections::BTreeMap, sync::LazyLock};

use clickhouse::{Row as ClientRow, query::Query as Request};
use serde::Deserialize;

use super::{ClickStore, WRITE_TIME_MAX, date, failure};
use crate::{
    domain::{
        day::Day,
        declaration::SiteId,
        row::{DayRow, Family, Release, ReleaseId, Row, Table, columns, has_hour},
    },
    store::StoreError,
};

/// Bytes of an insert that leave at once.
const CHUNK: usize = 256 << 10;

/// Days from 1970 on which rows go that nobody has given a retention: ClickHouse's last.
const NEVER: u16 = u16::MAX;

#[derive(ClientRow, Deserialize)]
struct Known {
    what: String,
    family: String,
    sums: Vec<i64>,
}

/// Asks what is known of a release: whether its identity is there, what is stored under it by table and family, how
/// often rows of its site were taken out, and how many months the site keeps.
static KNOWN: LazyLock<String> = LazyLock::new(|| {
    let of = |table: Table| {
        let sums: Vec<String> = table.counters().iter().map(|name| format!("sum({name})")).collect();
        format!(
            "SELECT '{name}' AS what, toString(family) AS family, [toInt64(sum(rows)), {sums}] AS sums FROM {name} \
             WHERE site = {{site:UInt32}} AND day = {{day:Date}} AND node = {{node:UInt32}} \
             AND release = {{number:UInt32}} GROUP BY family",
            name = table.name(),
            sums = sums.join(", ")
        )
    };
    let mut parts = Table::ALL.map(of).to_vec();
    parts.push(format!("SELECT 'released' AS what, '' AS family, [toInt64(count())] AS sums {THERE}"));
    let of_site = "WHERE site = {site:UInt32}";
    parts.push(format!(
        "SELECT 'erased' AS what, '' AS family, [toInt64(sum(times))] AS sums FROM erasures {of_site}"
    ));
    parts.push(format!(
        "SELECT 'months' AS what, '' AS family, [toInt64(months)] AS sums FROM retention FINAL {of_site}"
    ));
    parts.join(" UNION ALL ")
});

const THERE: &str = "FROM releases WHERE site = {site:UInt32} AND day = {day:Date} AND node = {node:UInt32} \
                     AND number = {number:UInt32}";

/// A request about one release, with its identity.
fn of_release(request: Request, id: ReleaseId) -> Request {
    let ReleaseId { site, day, node, number } = id;
    request.param("site", site.0).param("day", date(day)).param("node", node).param("number", number)
}

/// Whether a release's identity is there.
pub(super) fn is_there(store: &ClickStore, id: ReleaseId) -> Result<bool, StoreError> {
    let asked = store.asking(&format!("SELECT count() {THERE}"));
    let found: Vec<u64> = store.fetch(&of_release(asked, id))?;
    Ok(found.first().is_some_and(|&n| n > 0))
}

/// Inserts what is not there yet of a release, the identity last.
pub(super) fn insert(store: &ClickStore, release: &Release) -> Result<(), StoreError> {
    let id = release.id;
    let known: Vec<Known> = store.fetch(&of_release(store.asking(&KNOWN), id))?;
    let number = |what: &str| known.iter().find(|one| one.what == what).map_or(0, |one| one.sums[0]);
    if number("released") > 0 {
        return Ok(());
    }
    let mut writing =
        Writing { store, id, erased: number("erased"), expires: expires(id.day, number("months")) };
    let mut parts: BTreeMap<(Table, Family), Vec<&Row>> = BTreeMap::new();
    release.rows.iter().for_each(|row| parts.entry((row.table, row.family)).or_default().push(row));
    for ((table, family), rows) in parts {
        let (name, in_family) = (table.name(), family.name());
        match known.iter().find(|part| part.what == name && part.family == in_family) {
            Some(part) if part.sums == sums(table, &rows) => continue,
            Some(_) => writing.take_out(name, in_family)?,
            None => {}
        }
        writing.send(name, in_family, &writing.rows(table, family, &rows))?;
    }
    if let Some(close) = &release.close {
        writing.send("days", "", &writing.day(close))?;
    }
    writing.send("releases", "", &writing.identity())
}

/// The first day on which rows of a day may go; a day later than the site's own, for clocks differ.
fn expires(day: Day, months: i64) -> u16 {
    use jiff::ToSpan;
    if months == 0 {
        return NEVER;
    }
    let last = day.date().saturating_add(months.months());
    u16::try_from(Day::of(last).0.saturating_add(2)).unwrap_or(NEVER)
}

/// The number of rows, then the sums of the counters.
fn sums(table: Table, rows: &[&Row]) -> Vec<i64> {
    let mut sums = vec![0; 1 + table.counters().len()];
    for row in rows {
        sums[0] += 1;
        sums[1..].iter_mut().zip(&*row.counts).for_each(|(sum, n)| *sum += n);
    }
    sums
}

/// The inserts of one release.
pub(super) struct Writing<'a> {
    pub store: &'a ClickStore,
    pub id: ReleaseId,
    pub erased: i64,
    /// Days from 1970.
    pub expires: u16,
}

impl Writing<'_> {
    /// One insert: a block that is stored whole or not at all, at most once under its token.
    pub fn send(&self, table: &str, family: &str, rows: &[u8]) -> Result<(), StoreError> {
        let ReleaseId { site, day, node, number } = self.id;
        let token = format!("{}/{day}/{node}/{number}/{table}/{family}/{}", site.0, self.erased);
        let waits = &self.store.waits;
        let sent = self.store.trying(|| async {
            let mut insert = self
                .store
                .client
                .insert_formatted_with(format!("INSERT INTO {table} FORMAT RowBinaryWithNames"))
                .with_setting("async_insert", "0")
                .with_setting("insert_deduplicate", "1")
                .with_setting("insert_deduplication_token", &token)
                .with_setting("distributed_foreground_insert", "1")
                .with_setting("max_execution_time", WRITE_TIME_MAX.as_secs().to_string())
                // A release's part is one block, so that it is one part of one partition.
                .with_setting("max_insert_block_size", "100000000")
                .with_setting("min_insert_block_size_rows", "100000000")
                .with_setting("min_insert_block_size_bytes", "0")
                .with_timeouts(Some(waits.send), Some(waits.write + waits.answer));
            for chunk in rows.chunks(CHUNK) {
                insert.send(chunk.to_vec().into()).await?;
            }
            insert.end().await
        });
        sent.map_err(|error| failure::unwritten(&error))
    }

    /// Takes out what is stored of a table and family that something was taken from while the release was on its way:
    /// without its identity nothing was acknowledged.
    fn take_out(&mut self, table: &str, family: &str) -> Result<(), StoreError> {
        let ReleaseId { site, day, node, number } = self.id;
        note_erasure(self.store, site)?;
        let sql = format!(
            "ALTER TABLE {} DELETE WHERE site = {{site:UInt32}} AND day = {{day:Date}} AND node = {{node:UInt32}} \
             AND release = {{number:UInt32}} AND family = '{family}'",
            self.store.tables.held(table)
        );
        let (site, day, node, number) = (site.0.to_string(), date(day), node.to_string(), number.to_string());
        self.store.command(&sql, &[("site", &site), ("day", &day), ("node", &node), ("number", &number)])?;
        let asked = self.store.asking("SELECT toInt64(sum(times)) FROM erasures WHERE site = {site:UInt32}");
        let found: Vec<i64> = self.store.fetch(&asked.param("site", self.id.site.0))?;
        self.erased = found.first().copied().unwrap_or(0);
        Ok(())
    }

    fn rows(&self, table: Table, family: Family, rows: &[&Row]) -> Vec<u8> {
        let keys = columns(table, family).iter().map(|column| column.name());
        let names: Vec<&str> = ["site", "family", "day"]
            .into_iter()
            .chain(has_hour(table, family).then_some("hour"))
            .chain(keys)
            .chain(["node", "release", "expires", "rows"])
            .chain(table.counters().iter().copied())
            .collect();
        let mut binary = Binary::with_columns(&names);
        for row in rows {
            binary.number(self.id.site.0);
            binary.text(family.name());
            binary.day(row.day);
            row.hour.iter().for_each(|hour| binary.0.push(hour.0));
            row.keys.iter().for_each(|key| binary.text(key));
            binary.number(self.id.node);
            binary.number(self.id.number);
            binary.short(self.expires);
            binary.long(1);
            row.counts.iter().for_each(|&n| binary.long(n));
        }
        binary.0
    }

    fn identity(&self) -> Vec<u8> {
        let mut binary = Binary::with_columns(&["site", "day", "node", "number", "expires"]);
        binary.number(self.id.site.0);
        binary.day(self.id.day);
        binary.number(self.id.node);
        binary.number(self.id.number);
        binary.short(self.expires);
        binary.0
    }

    fn day(&self, close: &DayRow) -> Vec<u8> {
        const NAMES: [&str; 10] = [
            "site",
            "day",
            "node",
            "closed_at_hour",
            "k",
            "salt_epochs",
            "settings_version",
            "sizes",
            "corrected",
            "expires",
        ];
        let mut binary = Binary::with_columns(&NAMES);
        binary.number(close.site.0);
        binary.day(close.day);
        binary.number(close.node);
        binary.long(close.closed_at_hour);
        [close.k, close.salt_epochs, close.settings_version].into_iter().for_each(|n| binary.number(n));
        binary.text(&serde_json::to_string(&close.sizes).unwrap_or_default());
        binary.0.push(u8::from(close.corrected));
        binary.short(self.expires);
        binary.0
    }
}

/// Rows in ClickHouse's RowBinaryWithNames: a count of columns, their names, then the values of each row.
struct Binary(Vec<u8>);

impl Binary {
    fn with_columns(names: &[&str]) -> Binary {
        let mut binary = Binary(Vec::new());
        binary.length(names.len());
        names.iter().for_each(|name| binary.text(name));
        binary
    }

    /// Unsigned LEB128.
    fn length(&mut self, mut n: usize) {
        while n >= 0x80 {
            self.0.push(n as u8 | 0x80);
            n >>= 7;
        }
        self.0.push(n as u8);
    }

    fn text(&mut self, text: &str) {
        self.length(text.len());
        self.0.extend_from_slice(text.as_bytes());
    }

    fn short(&mut self, n: u16) {
        self.0.extend_from_slice(&n.to_le_bytes());
    }

    fn number(&mut self, n: u32) {
        self.0.extend_from_slice(&n.to_le_bytes());
    }

    fn long(&mut self, n: i64) {
        self.0.extend_from_slice(&n.to_le_bytes());
    }

    /// Days since 1970 in 16 bits: until 2149.
    fn day(&mut self, day: Day) {
        self.short(day.0.clamp(0, i32::from(u16::MAX)) as u16);
    }
}

/// Notes that rows of a site are about to be taken out: from now on its inserts have other tokens.
pub(super) fn note_erasure(store: &ClickStore, site: SiteId) -> Result<(), StoreError> {
    store.command("INSERT INTO erasures SELECT {site:UInt32}, 1", &[("site", &site.0.to_string())])
}
