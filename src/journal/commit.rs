//! The commit thread: takes all that is pending of all files, writes, syncs, tells the waiters, and starts over.
//!
//! While one round syncs, the next gathers: the slower the disk, the larger the batch.

use std::{
    collections::{HashMap, HashSet},
    fs::File,
    io::{self, Write},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed, Ordering::Release},
    },
    time::Duration,
};

use super::{
    FileId,
    batch::{Batch, CommitError},
    frame::{self, Opening, Pending},
};
use crate::memory::sealed::Secret;

/// Where frames go: a file; in tests also one that fails.
pub(super) trait Sink: Send {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()>;
    fn sync(&mut self) -> io::Result<()>;
}

impl Sink for File {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        Write::write_all(self, bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}

/// The writing end of one file. Only the commit thread writes.
pub(super) struct Writer {
    pub id: FileId,
    pub sink: Box<dyn Sink>,
    pub key: Secret,
    pub opening: Opening,
    /// Number of the last frame.
    pub frame: u64,
}

/// What the commit thread and those who append share.
#[derive(Default)]
pub(super) struct Shared {
    queue: Mutex<Queue>,
    wake: Condvar,
    /// Bytes that wait or are being written. Changed under the queue's lock, read without.
    pub pending_bytes: AtomicUsize,
    pub failed: AtomicBool,
    pub counts: Counts,
}

/// For metrics; all since the start.
#[derive(Default)]
pub struct Counts {
    pub commits: AtomicU64,
    pub syncs: AtomicU64,
    pub records: AtomicU64,
    pub bytes: AtomicU64,
}

/// Guarded by one `std` mutex, held for a copy of a record at most: an append is short and never awaits.
#[derive(Default)]
pub(super) struct Queue {
    pub files: HashMap<u64, Waiting, foldhash::fast::FixedState>,
    /// Site-days that have a handle, or are about to.
    pub open: HashSet<FileId, foldhash::fast::FixedState>,
    /// Files with something pending.
    dirty: Vec<u64>,
    /// What is appended now belongs to this batch.
    gathering: Arc<Batch>,
    /// The batch that is being written.
    writing: Option<Arc<Batch>>,
    /// The commit thread sleeps and wants to be woken by the next append.
    asleep: bool,
    pub error: Option<CommitError>,
    closing: bool,
    /// Tests stop the commit thread here, to fill a batch.
    #[cfg(test)]
    held: bool,
}

/// One file's part of the queue.
pub(super) struct Waiting {
    id: FileId,
    pub pending: Pending,
    /// The commit thread has records of it.
    writing: bool,
    /// Its handle is gone: the file is let go as soon as nothing of it is left to write.
    leaving: bool,
    /// A used buffer, for the next batch.
    spare: Vec<u8>,
    pub writer: Arc<Mutex<Writer>>,
    pub committed: Arc<AtomicU64>,
}

struct Job {
    slot: u64,
    pending: Pending,
    writer: Arc<Mutex<Writer>>,
    committed: Arc<AtomicU64>,
}

/// Buffers above this are not kept for the next batch.
const SPARE_MAX: usize = 256 << 10;
/// Most threads that sync at once, and the files that one of them takes at least.
const SYNC_THREADS: usize = 8;
const SYNC_ALONE: usize = 2;

impl Waiting {
    pub(super) fn new(writer: Writer, committed: Arc<AtomicU64>) -> Waiting {
        let (id, writer) = (writer.id, Arc::new(Mutex::new(writer)));
        Waiting {
            id,
            writing: false,
            leaving: false,
            pending: Pending::default(),
            spare: Vec::new(),
            writer,
            committed,
        }
    }
}

impl Queue {
    fn idle(&self) -> bool {
        #[cfg(test)]
        if self.held {
            return true;
        }
        self.dirty.is_empty()
    }

    /// Forgets a file of which nothing is left to write.
    fn let_go(&mut self, slot: u64) {
        if let Some(waiting) = self.files.remove(&slot) {
            self.open.remove(&waiting.id);
        }
    }

    #[cfg(test)]
    pub(super) fn hold(&mut self, held: bool) {
        self.held = held;
    }
}

impl Shared {
    #[cfg(test)]
    pub(super) fn wake(&self) {
        self.wake.notify_all();
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a record to its file's pending ones.
    pub(super) fn push(&self, slot: u64, seq: u64, record: &[u8]) -> Result<Arc<Batch>, CommitError> {
        let mut queue = self.lock();
        if let Some(error) = &queue.error {
            return Err(error.clone());
        }
        let queue = &mut *queue;
        let waiting =
            queue.files.get_mut(&slot).expect("a handle's file is in the queue until it is destroyed");
        if waiting.pending.count == 0 {
            queue.dirty.push(slot);
        }
        waiting.pending.push(seq, record);
        let more = frame::RECORD_HEADER + record.len();
        self.pending_bytes.fetch_add(more, Relaxed);
        if std::mem::take(&mut queue.asleep) {
            self.wake.notify_one();
        }
        Ok(queue.gathering.clone())
    }

    /// Waits until everything appended so far is committed (or the journal has failed).
    pub(super) fn settle(&self) -> Result<(), CommitError> {
        let (writing, gathering, error) = {
            let queue = self.lock();
            let gathering = (!queue.dirty.is_empty()).then(|| queue.gathering.clone());
            (queue.writing.clone(), gathering, queue.error.clone())
        };
        for batch in [writing, gathering].into_iter().flatten() {
            batch.wait()?;
        }
        error.map_or(Ok(()), Err)
    }

    /// A handle is gone.
    pub(super) fn leave(&self, slot: u64) {
        let mut queue = self.lock();
        let Some(waiting) = queue.files.get_mut(&slot) else { return };
        waiting.leaving = true;
        if waiting.pending.count == 0 && !waiting.writing {
            queue.let_go(slot);
        }
    }

    pub(super) fn close(&self) {
        let mut queue = self.lock();
        queue.closing = true;
        queue.asleep = false;
        self.wake.notify_all();
    }

    /// The commit thread's life.
    pub(super) fn run(&self, gather: Duration) {
        let mut jobs = Vec::new();
        while let Some(batch) = self.next(gather, &mut jobs) {
            // A panic must not leave anyone waiting for ever.
            let written = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.write(&mut jobs)));
            match written.unwrap_or_else(|_| Err(io::Error::other("the commit thread panicked"))) {
                Ok(()) => self.succeed(&batch, &mut jobs),
                Err(error) => return self.fail(&batch, error),
            }
        }
    }

    /// Sleeps until something is pending and takes it all; `None` once the journal closes and nothing is left.
    fn next(&self, gather: Duration, jobs: &mut Vec<Job>) -> Option<Arc<Batch>> {
        let mut queue = self.lock();
        while queue.idle() {
            if queue.closing {
                return None;
            }
            queue.asleep = true;
            queue = self.wake.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        queue.asleep = false;
        if !gather.is_zero() {
            let more = self.wake.wait_timeout_while(queue, gather, |queue| !queue.closing);
            queue = more.unwrap_or_else(PoisonError::into_inner).0;
        }
        let queue = &mut *queue;
        for slot in queue.dirty.drain(..) {
            let waiting = queue.files.get_mut(&slot).expect("a file with pending records is not let go");
            waiting.writing = true;
            let next = Pending { bytes: std::mem::take(&mut waiting.spare), ..Pending::default() };
            let pending = std::mem::replace(&mut waiting.pending, next);
            let (writer, committed) = (waiting.writer.clone(), waiting.committed.clone());
            jobs.push(Job { slot, pending, writer, committed });
        }
        let batch = std::mem::take(&mut queue.gathering);
        queue.writing = Some(batch.clone());
        Some(batch)
    }

    /// Writes all files first, so that the disk has work while the first is being synced.
    fn write(&self, jobs: &mut [Job]) -> io::Result<()> {
        for job in jobs.iter_mut() {
            let mut writer = job.writer.lock().unwrap_or_else(PoisonError::into_inner);
            let Writer { id, key, opening, frame, .. } = &mut *writer;
            *frame += 1;
            frame::close(*id, key.bytes(), opening, *frame, &mut job.pending);
            let written = writer.sink.write_all(&job.pending.bytes);
            written.map_err(|error| naming(writer.id, "writing", &error))?;
        }
        sync_all(jobs)
    }

    fn succeed(&self, batch: &Batch, jobs: &mut Vec<Job>) {
        let (mut records, mut bytes, mut plain) = (0, 0, 0);
        for job in jobs.iter() {
            // Seen by whoever reads the number, before the batch's waiters are told.
            job.committed.store(job.pending.last(), Release);
            records += u64::from(job.pending.count);
            bytes += job.pending.bytes.len();
            plain += job.pending.bytes.len() - frame::FRAME_HEADER - frame::TAG;
        }
        self.counts.commits.fetch_add(1, Relaxed);
        self.counts.syncs.fetch_add(jobs.len() as u64, Relaxed);
        self.counts.records.fetch_add(records, Relaxed);
        self.counts.bytes.fetch_add(bytes as u64, Relaxed);
        let mut queue = self.lock();
        queue.writing = None;
        self.pending_bytes.fetch_sub(plain, Relaxed);
        for job in jobs.drain(..) {
            let waiting = queue.files.get_mut(&job.slot).expect("a file that is being written is not let go");
            waiting.writing = false;
            if job.pending.bytes.capacity() <= SPARE_MAX {
                waiting.spare = job.pending.bytes;
            }
            if waiting.leaving && waiting.pending.count == 0 {
                queue.let_go(job.slot);
            }
        }
        drop(queue);
        batch.finish(Ok(()));
    }

    /// After a failed sync nobody knows what the disk holds, and a second sync that succeeds proves nothing
    /// (the kernel drops the pages): so nothing is acknowledged any more.
    pub(super) fn fail(&self, batch: &Batch, error: io::Error) {
        let error = CommitError(Arc::new(error));
        self.failed.store(true, Release);
        let gathering = {
            let mut queue = self.lock();
            queue.error = Some(error.clone());
            queue.writing = None;
            queue.dirty.clear();
            for waiting in queue.files.values_mut() {
                (waiting.pending, waiting.writing) = (Pending::default(), false);
            }
            queue.gathering.clone()
        };
        self.pending_bytes.store(0, Relaxed);
        batch.finish(Err(error.clone()));
        gathering.finish(Err(error));
    }
}

/// Syncs the files of a round; many of them side by side, since a disk syncs eight files in about the time of one.
fn sync_all(jobs: &[Job]) -> io::Result<()> {
    let share = jobs.len().div_ceil(SYNC_THREADS).max(SYNC_ALONE);
    let mut shares = jobs.chunks(share);
    let own = shares.next().unwrap_or_default();
    std::thread::scope(|scope| {
        let helpers: Vec<_> = shares
            .map(|share| {
                let spawned = std::thread::Builder::new().spawn_scoped(scope, || sync_each(share));
                spawned.map_err(|_| share)
            })
            .collect();
        // All are waited for, whatever the others found: nothing of this round is under way after it.
        let outcomes = helpers.into_iter().map(|helper| match helper {
            Ok(helper) => {
                helper.join().unwrap_or_else(|_| Err(io::Error::other("a syncing thread panicked")))
            }
            Err(share) => sync_each(share),
        });
        std::iter::once(sync_each(own)).chain(outcomes).fold(Ok(()), io::Result::and)
    })
}

fn sync_each(jobs: &[Job]) -> io::Result<()> {
    jobs.iter().try_for_each(|job| {
        let mut writer = job.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let synced = writer.sink.sync();
        synced.map_err(|error| naming(writer.id, "syncing", &error))
    })
}

fn naming(file: FileId, doing: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{doing} {file}.journal: {error}"))
}
