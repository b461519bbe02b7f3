//! What DuckDB keeps of blocks that it has let go of: its queues of blocks to evict hold on to the bookkeeping of each,
//! and are cleaned only above 32,768 entries each, a few dozen MiB in all. Asked for a limit that it cannot meet, it
//! goes through all of them.

use std::{
    sync::{Mutex, PoisonError, RwLock, RwLockReadGuard},
    time::{Duration, Instant},
};

use duckdb::Connection;

use super::{Limits, memory};

/// Not more often: reports after it read their blocks from the file again.
const SWEEP_EVERY: Duration = Duration::from_secs(300);

/// Cleans up now and then, while nobody reads.
pub(super) struct Cache {
    memory: String,
    last: Mutex<Instant>,
    /// Held by readers, who would find no memory while the limit is low.
    readers: RwLock<()>,
}

impl Cache {
    pub fn of(limits: &Limits) -> Cache {
        Cache { memory: memory(limits), last: Mutex::new(Instant::now()), readers: RwLock::default() }
    }

    /// Keeps the limit as it is for as long as it is held.
    pub fn held(&self) -> RwLockReadGuard<'_, ()> {
        self.readers.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// To be called by the one that writes, between two writes.
    pub fn sweep_if_due(&self, writer: &Connection) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.elapsed() >= SWEEP_EVERY && self.sweep(writer) {
            *last = Instant::now();
        }
    }

    /// False while somebody reads.
    pub fn sweep(&self, writer: &Connection) -> bool {
        let Ok(_alone) = self.readers.try_write() else { return false };
        // It fails unless nothing at all is in memory; the queues are empty either way.
        let _ = writer.execute_batch("SET memory_limit = '1B'");
        if let Err(error) = writer.execute_batch(&format!("SET memory_limit = '{}'", self.memory)) {
            tracing::error!(%error, "the store's bound of memory could not be set again");
        }
        true
    }
}
