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

/// A store that is away must not stop collection: what it cannot say is unknown. Nothing is logged here: a site's first
/// hit of the day asks, and a line would tell when that visitor came. Delivery notes by itself that the store is away.
impl Past for StoredPast {
    fn closed_since(&self, site: SiteId, day: Day) -> Option<Day> {
        let stored = self.asked(|store| store.days(site, day, Day(i32::MAX / 2))).ok();
        let stored =
            stored.and_then(|days| days.iter().rfind(|row| row.node == self.node).map(|row| row.day));
        stored.max(self.files.last_closed(site)).filter(|&closed| closed >= day)
    }

    fn last_release(&self, site: SiteId, day: Day, node: u32) -> Option<u32> {
        let filed = self.files.last_number(site, day, node).ok()?;
        let stored = self.asked(|store| store.last_release(site, day, node)).ok()?;
        Some(stored.max(filed))
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, io, sync::Mutex};

    use crate::{
        close::testing::{Bench, DAY, FakeStore},
        store::faults::Faulty,
    };

    /// What is logged in this thread, all levels.
    #[derive(Clone, Default)]
    struct Log(super::Arc<Mutex<Vec<u8>>>);

    impl io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Log {
        fn of(act: impl FnOnce()) -> String {
            let log = Log::default();
            let writer = log.clone();
            let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone());
            let subscriber = subscriber.with_max_level(tracing::Level::TRACE).finish();
            tracing::subscriber::with_default(subscriber, act);
            String::from_utf8(log.0.lock().unwrap().clone()).unwrap()
        }
    }

    /// A line then would tell the moment at which a day's first visitor came.
    #[test]
    fn the_first_hit_of_a_day_is_not_logged_while_the_store_is_away() {
        let store = super::Arc::new(Faulty::over(FakeStore::default()));
        let mut bench = Bench::over(store.clone());
        bench.acknowledged(1, "a/");
        bench.now += DAY;
        store.set_away(true);
        // And nothing can be listed.
        let releases = bench.path("releases");
        fs::remove_dir_all(&releases).unwrap();
        fs::write(&releases, "").unwrap();
        let first = Log::of(|| bench.acknowledged(2, "a/"));
        assert!(!first.contains("site"), "{first}");
        assert!(Log::of(|| tracing::warn!(site = 7, "x")).contains("site=7"), "what is logged is seen");
    }
}
