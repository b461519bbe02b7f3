//! Waiting for a commit: one shared object for all records of a batch, woken once.

use std::{
    io,
    sync::{
        Arc, Condvar, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering::Acquire},
    },
};

use tokio::sync::Notify;

/// Why a record is not acknowledged.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CommitError {
    /// For every record from the failed write on, until a restart.
    #[error("the journal stopped acknowledging: {0}")]
    Failed(Arc<io::Error>),
    /// The disk has no room; the journal goes on by itself once it has.
    #[error("the journal waits for room on the disk: {0}")]
    Full(Arc<io::Error>),
}

/// A record's place in the journal, and the way to wait until it is on the disk.
#[derive(Clone)]
pub struct Ticket {
    pub(super) seq: u64,
    pub(super) batch: Arc<Batch>,
    /// Number of the last record of the file that is on the disk.
    pub(super) on_disk: Arc<AtomicU64>,
}

impl Ticket {
    /// The record's number in its file, counted from 1.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// Waits until the record is on the disk.
    ///
    /// # Errors
    /// When the journal has failed: the record may or may not survive, so nothing may be acknowledged. When the
    /// disk is full: the record waits for room, so asked again later this may say otherwise.
    pub async fn committed(&self) -> Result<(), CommitError> {
        self.batch.done().await.or_else(|error| self.written_since(error))
    }

    /// The same for a thread that may block.
    ///
    /// # Errors
    /// As `committed`.
    pub fn wait(&self) -> Result<(), CommitError> {
        self.batch.wait().or_else(|error| self.written_since(error))
    }

    /// A batch that found no room was told so at once; its records are written when there is room again.
    fn written_since(&self, error: CommitError) -> Result<(), CommitError> {
        if self.on_disk.load(Acquire) >= self.seq { Ok(()) } else { Err(error) }
    }
}

/// The records of all files that one round of the commit thread syncs together.
#[derive(Default)]
pub(super) struct Batch {
    outcome: OnceLock<Result<(), CommitError>>,
    wakers: Notify,
    /// Threads that block in `wait`.
    blocked: Mutex<()>,
    unblock: Condvar,
}

impl Batch {
    pub(super) fn finish(&self, outcome: Result<(), CommitError>) {
        // A batch is finished once, by the commit thread; a second outcome would change nothing.
        let _ = self.outcome.set(outcome);
        self.wakers.notify_waiters();
        // Taken so that a thread between its look at the outcome and its sleep is not missed.
        drop(self.blocked.lock().unwrap_or_else(PoisonError::into_inner));
        self.unblock.notify_all();
    }

    async fn done(&self) -> Result<(), CommitError> {
        let mut notified = std::pin::pin!(self.wakers.notified());
        // Registered before the look, so that a batch that finishes in between still wakes this task.
        notified.as_mut().enable();
        if let Some(outcome) = self.outcome.get() {
            return outcome.clone();
        }
        notified.await;
        self.outcome.get().expect("waiters are woken after the outcome is set").clone()
    }

    pub(super) fn wait(&self) -> Result<(), CommitError> {
        let mut guard = self.blocked.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(outcome) = self.outcome.get() {
                return outcome.clone();
            }
            guard = self.unblock.wait(guard).unwrap_or_else(PoisonError::into_inner);
        }
    }
}
