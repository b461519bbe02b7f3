//! Whole days at once: read as the releases that brought them, put in the place of others, copied to another file.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File, OpenOptions},
    io::{self, Seek},
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use duckdb::{Connection, Row as Answer, params};

use super::{
    DuckStore, Limits,
    daily::{self, OfDays},
    date, day_row,
    sql::located,
    unavailable, write,
};
use crate::{
    domain::{
        Text,
        day::{Day, Hour},
        declaration::SiteId,
        row::{Family, Release, ReleaseId, Row, Table, columns, has_hour},
    },
    store::{Parts, Store, StoreError, check, kinds, windows::windows},
};

/// The database's file, open beside DuckDB for as long as DuckDB has it: closing any handle of a file would free
/// the lock that DuckDB holds on it.
pub(super) struct OwnFile {
    path: PathBuf,
    file: File,
}

impl OwnFile {
    pub fn open(path: &Path) -> io::Result<OwnFile> {
        Ok(OwnFile { path: path.to_owned(), file: File::open(path)? })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads at a place of the file.
    pub fn read_at(&self, bytes: &mut [u8], at: u64) -> io::Result<()> {
        self.file.read_exact_at(bytes, at)
    }

    /// How much the log holds.
    pub fn log_bytes(&self) -> u64 {
        fs::metadata(log_of(&self.path)).map_or(0, |log| log.len())
    }

    /// Copies file and log. Nothing may write meanwhile.
    pub fn copy(&self, to: &Path) -> io::Result<()> {
        let mut from = &self.file;
        from.rewind()?;
        write_new(&mut from, to)?;
        match File::open(log_of(&self.path)) {
            Ok(mut file) => write_new(&mut file, &log_of(to)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }
}

fn log_of(path: &Path) -> PathBuf {
    PathBuf::from(format!("{}.wal", path.display()))
}

fn write_new(from: &mut impl io::Read, to: &Path) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to)?;
    io::copy(from, &mut file)?;
    file.sync_all()
}

impl DuckStore {
    /// Writes file and log as of one moment, then folds the log into the copy.
    pub(super) fn copy_to(&self, to: &Path) -> Result<(), StoreError> {
        let Some(own) = &self.file else { return copy_rows(self, to) };
        {
            let writer = self.writer();
            // What cannot be folded in now (a reader is in the way) is copied with the log.
            if let Err(error) = self.fold(&writer) {
                tracing::debug!(%error, "the store's log is copied beside its file");
            }
            own.copy(to).map_err(|error| unwritten(to, &error))?;
        }
        let copy = DuckStore::open(to, &Limits::default())?;
        copy.checkpoint()
    }

    /// Rows and sums of each site, table and family, from the rows themselves.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn sums(&self) -> Result<Vec<FamilySums>, StoreError> {
        self.reading(|connection| {
            let mut found = Vec::new();
            for (table, family) in kinds() {
                let counters = table.counters();
                let sums: Vec<_> = counters.iter().map(|name| format!("sum({name})::BIGINT")).collect();
                let sql = format!(
                    "SELECT site, count(*), {} FROM {} GROUP BY site ORDER BY site",
                    sums.join(", "),
                    located(table, family)
                );
                let mut statement = connection.prepare(&sql)?;
                let rows = statement.query_map([], |row| {
                    Ok(FamilySums {
                        site: SiteId(row.get(0)?),
                        table,
                        family,
                        rows: row.get(1)?,
                        sums: (0..counters.len()).map(|at| row.get(2 + at)).collect::<duckdb::Result<_>>()?,
                    })
                })?;
                found.extend(rows.collect::<duckdb::Result<Vec<_>>>()?);
            }
            found.sort_by_key(|one: &FamilySums| (one.site, one.table, one.family));
            Ok(found)
        })
    }
}

/// What the rows of a site in a table and family add up to.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct FamilySums {
    pub site: SiteId,
    pub table: Table,
    pub family: Family,
    pub rows: u64,
    /// In the order of [`Table::counters`].
    pub sums: Vec<i64>,
}

fn unwritten(to: &Path, error: &io::Error) -> StoreError {
    StoreError::Unavailable(format!("{}: {error}", to.display()))
}

/// Copies any store into a new DuckDB file, a few days at a time. Not of one moment: nobody may write meanwhile.
pub fn copy_rows(from: &dyn Store, to: &Path) -> Result<(), StoreError> {
    if fs::exists(to).unwrap_or(true) {
        return Err(StoreError::Unavailable(format!("{} exists already", to.display())));
    }
    let copy = DuckStore::open(to, &Limits::default())?;
    let sites = from.sites()?;
    let mut parts = sites.into_iter().flat_map(|site| windows(from, site));
    copy.replace(&mut parts)?;
    copy.checkpoint()
}

/// See [`Store::releases`].
pub(super) fn releases(
    connection: &Connection,
    site: SiteId,
    first: Day,
    last: Day,
) -> duckdb::Result<Vec<Release>> {
    // All of one moment.
    let moment = connection.unchecked_transaction()?;
    let found = read_releases(&moment, site, first, last)?;
    moment.commit()?;
    Ok(found)
}

fn read_releases(moment: &Connection, site: SiteId, first: Day, last: Day) -> duckdb::Result<Vec<Release>> {
    let range = params![site.0, date(first), date(last)];
    let mut found = BTreeMap::new();
    let mut statement = moment.prepare_cached(
        "SELECT epoch(day)::BIGINT // 86400, node, number FROM releases WHERE site = ? AND day BETWEEN ? AND ?",
    )?;
    for id in statement.query_map(range, |row| {
        Ok(ReleaseId { site, day: Day(row.get(0)?), node: row.get(1)?, number: row.get(2)? })
    })? {
        let id = id?;
        found.insert(id, Release { id, rows: Vec::new(), close: None });
    }
    for (table, family) in kinds() {
        let mut statement = moment.prepare_cached(&select(table, family))?;
        for row in statement.query_map(range, |row| stored_row(site, table, family, row))? {
            let (id, row) = row?;
            found.entry(id).or_insert_with(|| Release { id, rows: Vec::new(), close: None }).rows.push(row);
        }
    }
    for close in closed(moment, site, first, last)? {
        let of_node = found.values_mut().filter(|one| (one.id.day, one.id.node) == (close.day, close.node));
        if let Some(release) = of_node.max_by_key(|one| one.id.number) {
            release.close = Some(close);
        }
    }
    let mut found: Vec<Release> = found.into_values().collect();
    found.iter_mut().for_each(|release| release.rows.sort_unstable());
    Ok(found)
}

fn select(table: Table, family: Family) -> String {
    let mut names = vec!["epoch(day)::BIGINT // 86400", "node", "release"];
    names.extend(has_hour(table, family).then_some("hour"));
    names.extend(columns(table, family).iter().map(|column| column.name()));
    names.extend(table.counters());
    let from = located(table, family);
    format!("SELECT {} FROM {from} WHERE site = ? AND day BETWEEN ? AND ?", names.join(", "))
}

fn stored_row(
    site: SiteId,
    table: Table,
    family: Family,
    row: &Answer<'_>,
) -> duckdb::Result<(ReleaseId, Row)> {
    let day = Day(row.get(0)?);
    let id = ReleaseId { site, day, node: row.get(1)?, number: row.get(2)? };
    let mut at = 3;
    let mut next = || {
        at += 1;
        at - 1
    };
    let hour = match has_hour(table, family) {
        true => Some(Hour(row.get(next())?)),
        false => None,
    };
    let text = |at| row.get_ref(at)?.as_str().map(Text::from).map_err(duckdb::Error::from);
    let keys = columns(table, family).iter().map(|_| text(next())).collect::<duckdb::Result<_>>()?;
    let counts = table.counters().iter().map(|_| row.get(next())).collect::<duckdb::Result<_>>()?;
    Ok((id, Row { table, family, day, hour, keys, counts }))
}

/// See [`Store::replace`].
pub(super) fn replace(connection: &mut Connection, parts: Parts<'_>) -> Result<(), StoreError> {
    let transaction = connection.transaction().map_err(unavailable)?;
    for part in parts {
        let part = part?;
        part.iter().try_for_each(check)?;
        put(&transaction, &part).map_err(unavailable)?;
    }
    transaction.commit().map_err(|error| StoreError::Unknown(error.to_string()))
}

fn put(connection: &Connection, part: &[Release]) -> duckdb::Result<()> {
    let mut units: BTreeMap<(SiteId, u32), BTreeSet<Day>> = BTreeMap::new();
    let mut days: BTreeMap<SiteId, BTreeSet<Day>> = BTreeMap::new();
    for Release { id, .. } in part {
        units.entry((id.site, id.node)).or_default().insert(id.day);
        days.entry(id.site).or_default().insert(id.day);
    }
    for ((site, node), days) in &units {
        let of_days = OfDays::new(*site, days);
        for table in write::row_tables().chain(["days", "releases"].map(str::to_owned)) {
            of_days.execute(connection, &format!("DELETE FROM {table}"), &format!("AND node = {node}"))?;
        }
    }
    part.iter().try_for_each(|release| write::fill_rows(connection, release))?;
    days.iter().try_for_each(|(site, days)| settle(connection, *site, days))
}

/// Adds days up where a close is among what is stored of them, and no others.
pub(super) fn settle(connection: &Connection, site: SiteId, days: &BTreeSet<Day>) -> duckdb::Result<()> {
    daily::drop_all(connection, site, days)?;
    let (Some(&first), Some(&last)) = (days.first(), days.last()) else { return Ok(()) };
    let closed = closed(connection, site, first, last)?.into_iter().map(|close| close.day);
    daily::add_up_all(connection, site, &closed.filter(|day| days.contains(day)).collect())
}

/// The closed days of a site in a range.
pub(super) fn closed(
    connection: &Connection,
    site: SiteId,
    first: Day,
    last: Day,
) -> duckdb::Result<Vec<crate::domain::row::DayRow>> {
    let mut statement = connection.prepare_cached(
        "SELECT epoch(day)::BIGINT // 86400, node, closed_at_hour, k, salt_epochs, settings_version, sizes, \
         coalesce(corrected, false) FROM days WHERE site = ? AND day BETWEEN ? AND ? ORDER BY day, node",
    )?;
    let range = params![site.0, date(first), date(last)];
    statement.query_map(range, |row| day_row(site, row))?.collect()
}
