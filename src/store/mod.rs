//! The port to the stores, and its adapters. A store keeps rows and adds them up; it decides nothing.

pub mod clickhouse;
pub mod conformance;
pub mod duckdb;
#[cfg(test)]
pub mod faults;
pub mod later;
pub mod open;
pub mod windows;

use std::path::Path;

use crate::domain::{
    Text,
    day::Day,
    declaration::SiteId,
    query::{Group, Query},
    row::{Column, DayRow, Family, Release, ReleaseId, Table, columns},
};

/// What a read may see: everything of days that are not named, and of those named the releases up to a number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AsOf {
    /// (day, node, last release number to read; 0 = none).
    pub open: Vec<(Day, u32, u32)>,
}

/// A store of rows. Calls block: callers run them off the event loop.
pub trait Store: Send + Sync + 'static {
    /// Writes a release, all of it or nothing, exactly once per identity: a second call with the same
    /// identity changes nothing and succeeds. `days` is written last.
    ///
    /// # Errors
    /// [`StoreError`]; after `Unknown` the release may or may not be there, and calling again is safe.
    fn insert(&self, release: &Release) -> Result<(), StoreError>;

    /// Answers a query over the rows of one site.
    ///
    /// # Errors
    /// [`StoreError`].
    fn read(&self, site: SiteId, query: &Query, as_of: &AsOf) -> Result<Vec<Group>, StoreError>;

    /// The closed days of a site in a range, by day and node.
    ///
    /// # Errors
    /// [`StoreError`].
    fn days(&self, site: SiteId, first: Day, last: Day) -> Result<Vec<DayRow>, StoreError>;

    /// The first and last day of which anything is stored.
    ///
    /// # Errors
    /// [`StoreError`].
    fn extent(&self, site: SiteId) -> Result<Option<(Day, Day)>, StoreError>;

    /// Whether a release is there.
    ///
    /// # Errors
    /// [`StoreError`].
    fn holds(&self, id: ReleaseId) -> Result<bool, StoreError>;

    /// Number of the last release that is there of a site-day; 0 if there is none. Numbers may be missing below.
    ///
    /// # Errors
    /// [`StoreError`].
    fn last_release(&self, site: SiteId, day: Day, node: u32) -> Result<u32, StoreError>;

    /// Removes rows of days before `before` (retention), or all rows of the site where it is `None`.
    ///
    /// # Errors
    /// [`StoreError`].
    fn erase(&self, site: SiteId, before: Option<Day>) -> Result<(), StoreError>;

    /// Whether the store can be reached at all, without asking it for anything.
    ///
    /// # Errors
    /// [`StoreError`].
    fn ready(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// False once nothing but another opening can help. Asked after an error.
    fn usable(&self) -> bool {
        true
    }

    /// The sites of which anything is stored, by number.
    ///
    /// # Errors
    /// [`StoreError`].
    fn sites(&self) -> Result<Vec<SiteId>, StoreError>;

    /// What is stored of a site's days, as the releases that brought it: by identity, the rows of each sorted, and
    /// the row of `days` with the last of its node.
    ///
    /// # Errors
    /// [`StoreError`].
    fn releases(&self, site: SiteId, first: Day, last: Day) -> Result<Vec<Release>, StoreError>;

    /// Puts releases in the place of all that is stored of their sites, days and nodes. Each part holds all
    /// releases of its site-days. In one transaction where the store has any: the first error undoes everything.
    ///
    /// # Errors
    /// [`StoreError`]; those of `parts` are handed on.
    fn replace(&self, parts: Parts<'_>) -> Result<(), StoreError>;

    /// Takes the rows that name a source from the families `source` and `visit` of all days up to `last`, marks
    /// the days as corrected, and tells what was taken of each. Again, it finds nothing.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing was taken.
    fn forget(&self, site: SiteId, source: &str, last: Day) -> Result<Vec<Forgotten>, StoreError>;

    /// Makes all rows of one site those of another, under nodes that neither had before, so that no identity is
    /// there twice. Again, it finds nothing.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing was changed.
    fn merge(&self, from: SiteId, into: SiteId) -> Result<(), StoreError>;

    /// Writes all rows, as of one moment, into a new DuckDB file: whatever the store is, its backups are of
    /// one kind.
    ///
    /// # Errors
    /// [`StoreError`], where `to` exists or cannot be written too.
    fn copy(&self, to: &Path) -> Result<(), StoreError>;

    /// Leaves nothing in the store's files of what was erased of a site.
    ///
    /// # Errors
    /// [`StoreError`]: `Unavailable` while it is under way; [`Store::erase`] and this are to be called again.
    fn scrub(&self, _site: SiteId) -> Result<(), StoreError> {
        Ok(())
    }

    /// How many rows of a site are stored, by table and family; those that have none are left out.
    ///
    /// # Errors
    /// [`StoreError`].
    fn holdings(&self, _site: SiteId) -> Result<Vec<Holding>, StoreError> {
        Ok(Vec::new())
    }

    /// What the store is made of, as it says itself: every table of its database with its columns, and the rows that
    /// carry what their family has not.
    ///
    /// # Errors
    /// [`StoreError`].
    fn anatomy(&self) -> Result<Vec<TableAnatomy>, StoreError>;

    /// Notes how many months a site keeps. Says whether the store itself takes out what is older, in its own time;
    /// otherwise [`Store::erase`] does.
    ///
    /// # Errors
    /// [`StoreError`].
    fn keep(&self, _site: SiteId, _months: u32) -> Result<bool, StoreError> {
        Ok(false)
    }

    /// How many rows of a site the store itself would take out later than so many months say; none where it takes out nothing.
    ///
    /// # Errors
    /// [`StoreError`].
    fn outliving(&self, _site: SiteId, _months: u32) -> Result<u64, StoreError> {
        Ok(0)
    }
}

/// What administrators ask of a store, handed on by one that wraps another and reaches it through its method `ask`.
macro_rules! hand_on {
    () => {
        fn sites(&self) -> Result<Vec<SiteId>, StoreError> {
            self.ask(|store| store.sites())
        }

        fn releases(&self, site: SiteId, first: Day, last: Day) -> Result<Vec<Release>, StoreError> {
            self.ask(|store| store.releases(site, first, last))
        }

        fn replace(&self, parts: crate::store::Parts<'_>) -> Result<(), StoreError> {
            self.ask(|store| store.replace(parts))
        }

        fn forget(
            &self,
            site: SiteId,
            source: &str,
            last: Day,
        ) -> Result<Vec<crate::store::Forgotten>, StoreError> {
            self.ask(|store| store.forget(site, source, last))
        }

        fn merge(&self, from: SiteId, into: SiteId) -> Result<(), StoreError> {
            self.ask(|store| store.merge(from, into))
        }

        fn copy(&self, to: &std::path::Path) -> Result<(), StoreError> {
            self.ask(|store| store.copy(to))
        }

        fn scrub(&self, site: SiteId) -> Result<(), StoreError> {
            self.ask(|store| store.scrub(site))
        }

        fn holdings(&self, site: SiteId) -> Result<Vec<crate::store::Holding>, StoreError> {
            self.ask(|store| store.holdings(site))
        }

        fn anatomy(&self) -> Result<Vec<crate::store::TableAnatomy>, StoreError> {
            self.ask(|store| store.anatomy())
        }

        fn keep(&self, site: SiteId, months: u32) -> Result<bool, StoreError> {
            self.ask(|store| store.keep(site, months))
        }

        fn outliving(&self, site: SiteId, months: u32) -> Result<u64, StoreError> {
            self.ask(|store| store.outliving(site, months))
        }
    };
}
pub(crate) use hand_on;

/// The stored rows of one table and family of a site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holding {
    pub table: Table,
    pub family: Family,
    pub rows: u64,
    pub first: Day,
    pub last: Day,
    /// Of each column of [`columns`], how many rows tell it: they say neither `*` nor `(none)` nor nothing.
    pub telling: Vec<u64>,
}

/// Whether a row tells a column, in the SQL of both stores.
fn tells(column: Column) -> String {
    format!("CASE WHEN {} NOT IN ('', '*', '(none)') THEN 1 ELSE 0 END", column.name())
}

/// Releases by site-day, as they are read from somewhere else.
pub type Parts<'a> = &'a mut dyn Iterator<Item = Result<Vec<Release>, StoreError>>;

/// A table of the store's database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableAnatomy {
    pub name: String,
    pub columns: Vec<String>,
    /// How many rows of a site carry what their family has not.
    pub strays: Vec<(SiteId, u64)>,
}

/// Columns of (table, column), by table.
fn tables_of(columns: Vec<(String, String)>) -> Vec<TableAnatomy> {
    let mut tables: Vec<TableAnatomy> = Vec::new();
    for (name, column) in columns {
        match tables.last_mut().filter(|table| table.name == name) {
            Some(table) => table.columns.push(column),
            None => tables.push(TableAnatomy { name, columns: vec![column], strays: Vec::new() }),
        }
    }
    tables
}

/// What was taken of a day because it named a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forgotten {
    pub day: Day,
    /// Of the family `source`.
    pub visits: i64,
    /// Rows of both families.
    pub rows: u64,
}

/// Nodes below are collectors' own numbers; rows that came from another site stand under higher ones.
const MERGED_NODES: u32 = 1 << 16;

/// All kinds of rows.
fn kinds() -> impl Iterator<Item = (Table, Family)> {
    Table::ALL.into_iter().flat_map(|table| table.families().iter().map(move |&family| (table, family)))
}

/// The kinds whose rows name sources.
fn naming_sources() -> impl Iterator<Item = (Table, Family)> {
    kinds().filter(|&(table, family)| columns(table, family).contains(&Column::Source))
}

/// Refuses what could never be stored right.
fn check(release: &Release) -> Result<(), StoreError> {
    for row in &release.rows {
        if !row.is_well_formed() {
            let (table, family) = (row.table.name(), row.family.name());
            return Err(StoreError::Refused(format!("a row of {table}/{family} does not fit its columns")));
        }
        if row.day != release.id.day {
            return Err(StoreError::Refused(format!(
                "a row of {} in a release of {}",
                row.day, release.id.day
            )));
        }
    }
    match &release.close {
        Some(close)
            if (close.site, close.day, close.node) != (release.id.site, release.id.day, release.id.node) =>
        {
            Err(StoreError::Refused("a close of another day".to_owned()))
        }
        _ => Ok(()),
    }
}

/// A pattern with `*` as SQL's LIKE wants it, with `\` before what stands for itself.
fn like(pattern: &str) -> Text {
    let mut out = String::with_capacity(pattern.len() + 4);
    for letter in pattern.chars() {
        match letter {
            '*' => out.push('%'),
            '%' | '_' | '\\' => {
                out.push('\\');
                out.push(letter);
            }
            other => out.push(other),
        }
    }
    out.into()
}

/// Why a store did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Worth trying again: the store is down, busy or slow. Nothing was written.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// Worth trying again: it is not known whether the write happened.
    #[error("the store's answer was lost: {0}")]
    Unknown(String),
    /// Trying again will not help: this release or query is refused.
    #[error("the store refused: {0}")]
    Refused(String),
    /// The database was written by a newer version.
    #[error("the database is at schema {found}, this program knows up to {known}: use the newer program")]
    Newer { found: u32, known: u32 },
}
