//! What is known of days that memory does not know: from the store, and from what the files remember of it while
//! it is away.

use std::sync::Arc;

use super::release_file::ReleaseFiles;
use crate::{
    domain::{day::Day, declaration::SiteId},
    memory::days::Past,
    store::{Store, StoreError},
};

/// The store's and the files' past.
pub struct StoredPast {
    store: Arc<dyn Store>,
    files: ReleaseFiles,
    /// Days that other nodes closed (or other sites, before they were made part of this one) say nothing of ours.
    node: u32,
}

impl StoredPast {
    pub fn new(store: Arc<dyn Store>, files: ReleaseFiles, node: u32) -> StoredPast {
        StoredPast { store, files, node }
    }

    /// The answer of a store that is there: the day's first hit waits for it, and one that hangs would be waited for
    /// as long as a report may take.
    fn asked<T>(&self, ask: impl FnOnce(&dyn Store) -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.store.ready()?;
        ask(&*self.store)
    }
}

impl Past for StoredPast {
    fn closed_since(&self, site: SiteId, day: Day) -> Option<Day> {
        let stored = match self.asked(|store| store.days(site, day, Day(i32::MAX / 2))) {
            Ok(days) => days.iter().rfind(|row| row.node == self.node).map(|row| row.day),
            Err(error) => unknown(site, &error),
        };
        stored.max(self.files.last_closed(site)).filter(|&closed| closed >= day)
    }

    fn last_release(&self, site: SiteId, day: Day, node: u32) -> Option<u32> {
        let filed = self.files.last_number(site, day, node).unwrap_or_else(|error| {
            tracing::error!(%error, site = site.0, "the release files could not be listed");
            0
        });
        match self.asked(|store| store.last_release(site, day, node)) {
            Ok(stored) => Some(stored.max(filed)),
            Err(error) => unknown(site, &error),
        }
    }
}

/// A store that is away must not stop collection.
fn unknown<T>(site: SiteId, error: &StoreError) -> Option<T> {
    tracing::warn!(%error, site = site.0, "a day opens without a word from the store");
    None
}
