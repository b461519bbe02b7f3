//! The commit thread: takes all that is pending of all files, writes, syncs, tells the waiters, and starts over.
//!
//! While one round syncs, the next gathers: the slower the disk, the larger the batch.

use std::{
    collections::{HashMap, HashSet},
    fs::File,
    io::{self, Seek, SeekFrom, Write},
    sync::{
        Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed, Ordering::Release},
    },
    time::{Duration, Instant},
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
    /// Takes everything from byte `len` on back; the next write goes there.
    fn cut(&mut self, len: u64) -> io::Result<()>;
}

impl Sink for File {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        Write::write_all(self, bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn cut(&mut self, len: u64) -> io::Result<()> {
        self.set_len(len)?;
        self.seek(SeekFrom::Start(len)).map(drop)
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
    /// Where the next frame goes.
    pub offset: u64,
}

/// What the commit thread and those who append share.
#[derive(Default)]
pub(super) struct Shared {
    queue: Mutex<Queue>,
    wake: Condvar,
    /// Bytes that wait or are being written. Changed under the queue's lock, read without.
    pub pending_bytes: AtomicUsize,
    pub failed: AtomicBool,
    /// The disk has no room.
    pub full: AtomicBool,
    /// When the write that is under way began, in [`ticks`]; 0 while there is none.
    pub since: AtomicU64,
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
    /// Like `error`, and only for now.
    pub full: Option<CommitError>,
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
    pub spare: Vec<u8>,
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
pub(super) const SPARE_MAX: usize = 256 << 10;
/// How often a full disk is asked again.
const FULL_RETRY: Duration = Duration::from_millis(250);
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

    /// An error while nothing is taken.
    pub(super) fn refuses(&self) -> Result<(), CommitError> {
        self.error.as_ref().or(self.full.as_ref()).map_or(Ok(()), |error| Err(error.clone()))
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

    /// Adds a record to its file's pending ones. Also while the disk is full: what memory has changed by now must
    /// be written once there is room. Its waiters are told with the next try.
    pub(super) fn push(&self, slot: u64, seq: u64, record: &[u8]) -> Result<Arc<Batch>, CommitError> {
        let mut queue = self.lock();
        queue.error.clone().map_or(Ok(()), Err)?;
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
            (queue.writing.clone(), gathering, queue.refuses())
        };
        for batch in [writing, gathering].into_iter().flatten() {
            batch.wait()?;
        }
        error
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

    /// How long the write that is under way has taken.
    pub(super) fn writing_for(&self) -> Duration {
        match self.since.load(Relaxed) {
            0 => Duration::ZERO,
            since => Duration::from_millis(ticks().saturating_sub(since)),
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
            self.since.store(ticks(), Relaxed);
            // A panic must not leave anyone waiting for ever.
            let written = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                seal(&mut jobs);
                self.write_with_room(&batch, &jobs)
            }));
            self.since.store(0, Relaxed);
            match written.unwrap_or_else(|_| Err(io::Error::other("the commit thread panicked"))) {
                Ok(()) => self.succeed(&batch, &mut jobs),
                Err(error) => return self.fail(&batch, error),
            }
        }
    }

    /// Writes, and where the disk is full takes back what was written and waits for room: a write that found
    /// none has changed nothing that was synced before. Those who wait are told at once.
    fn write_with_room(&self, batch: &Batch, jobs: &[Job]) -> io::Result<()> {
        loop {
            self.since.store(ticks(), Relaxed);
            let (at, error) = match write(jobs) {
                Ok(()) => return sync_all(jobs),
                Err(failed) => failed,
            };
            if !matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
                return Err(error);
            }
            self.since.store(0, Relaxed);
            let kept = io::Error::new(error.kind(), error.to_string());
            self.hold(batch, error);
            for job in &jobs[..=at] {
                let mut writer = job.writer.lock().unwrap_or_else(PoisonError::into_inner);
                let offset = writer.offset;
                writer.sink.cut(offset).map_err(|error| naming(writer.id, "cutting", &error))?;
            }
            if !self.wait_for_room() {
                return Err(kept);
            }
        }
    }

    /// The disk is full: whoever waits is told, and nothing is taken until there is room. What was appended
    /// stays to be written, since memory counts it.
    fn hold(&self, batch: &Batch, error: io::Error) {
        let error = CommitError::Full(Arc::new(error));
        let gathering = {
            let mut queue = self.lock();
            if queue.full.is_none() {
                tracing::error!("{error}");
            }
            queue.full = Some(error.clone());
            queue.writing = None;
            std::mem::take(&mut queue.gathering)
        };
        self.full.store(true, Release);
        batch.finish(Err(error.clone()));
        gathering.finish(Err(error));
    }

    /// Waits before the next try; false once the journal closes.
    fn wait_for_room(&self) -> bool {
        let queue = self.lock();
        let waited = self.wake.wait_timeout_while(queue, FULL_RETRY, |queue| !queue.closing);
        !waited.unwrap_or_else(PoisonError::into_inner).0.closing
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

    fn succeed(&self, batch: &Batch, jobs: &mut Vec<Job>) {
        let (mut records, mut bytes, mut plain) = (0, 0, 0);
        for job in jobs.iter() {
            // Seen by whoever reads the number, before the batch's waiters are told.
            job.committed.store(job.pending.last(), Release);
            let mut writer = job.writer.lock().unwrap_or_else(PoisonError::into_inner);
            writer.offset += job.pending.bytes.len() as u64;
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
        if queue.full.take().is_some() {
            self.full.store(false, Release);
            tracing::info!("the disk has room again: the journal goes on");
        }
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
        let error = CommitError::Failed(Arc::new(error));
        tracing::error!("{error}");
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

/// Turns what is pending of each file into a frame.
fn seal(jobs: &mut [Job]) {
    for job in jobs.iter_mut() {
        let mut writer = job.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let Writer { id, key, opening, frame, .. } = &mut *writer;
        *frame += 1;
        frame::close(*id, key.bytes(), opening, *frame, &mut job.pending);
    }
}

/// Writes all files before the first is synced, so that the disk has work; says at which job it failed.
fn write(jobs: &[Job]) -> Result<(), (usize, io::Error)> {
    for (at, job) in jobs.iter().enumerate() {
        let mut writer = job.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let written = writer.sink.write_all(&job.pending.bytes);
        written.map_err(|error| (at, naming(writer.id, "writing", &error)))?;
    }
    Ok(())
}

/// Milliseconds since the first call, from 1 on.
pub(super) fn ticks() -> u64 {
    static BASE: LazyLock<Instant> = LazyLock::new(Instant::now);
    BASE.elapsed().as_millis() as u64 + 1
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
