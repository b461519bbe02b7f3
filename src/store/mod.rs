//! The port to the stores, and its adapters. A store keeps rows and adds them up; it decides nothing.

pub mod conformance;
pub mod duckdb;
#[cfg(test)]
pub mod faults;
pub mod later;

use crate::domain::{
    day::Day,
    declaration::SiteId,
    query::{Group, Query},
    row::{DayRow, Release, ReleaseId},
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
