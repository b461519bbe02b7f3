//! The journal of open days: every record on the disk before its hit is answered, one file for each site-day.
//!
//! Records are opaque bytes, numbered from 1 in their file. Files are encrypted and authenticated under a key
//! that is destroyed with them at close. One thread commits for all files; appends only copy.
//! It must never hold an address, a user agent, a visitor key, or retry a write or sync that failed.

mod batch;
mod commit;
mod files;
mod frame;
pub mod image;
mod replay;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    fs::{File, OpenOptions, TryLockError},
    io::{self, Seek, SeekFrom},
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Acquire, Ordering::Relaxed},
    },
    thread::JoinHandle,
    time::Duration,
};

pub use batch::{CommitError, Ticket};
pub use commit::Counts;

use crate::{
    domain::{day::Day, declaration::SiteId},
    memory::sealed::Secrets,
};
use commit::{Shared, Sink, Waiting, Writer};
use files::Places;

/// Most bytes of one record.
pub const RECORD_BYTES_MAX: usize = 1 << 20;

/// A commit that takes longer than this is a disk that hangs: nothing more is taken until it ends.
const COMMIT_MAX: Duration = Duration::from_secs(10);

/// Bytes above `pending_bytes_max` that appends still take, for those that looked at `room` just before.
const PENDING_SLACK: usize = 16 << 20;

/// Which journal: one for each site-day. Displays as `12-2026-11-22`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId {
    pub site: SiteId,
    pub day: Day,
}

impl fmt::Display for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.site.0, self.day)
    }
}

/// Where the journal lies and what bounds it.
#[derive(Clone, Debug)]
pub struct JournalConfig {
    /// Directory of the journals: outside the rows' directory and outside backups. Made if missing (0700).
    pub dir: PathBuf,
    /// Directory of their keys: the data directory (`durability = "power"`) or the memory-backed runtime
    /// directory (`"process"`). Made if missing (0700).
    pub key_dir: PathBuf,
    /// Where keys lay under the other `durability`: a start moves them, so that the setting can be changed at any
    /// time.
    pub key_dir_before: Option<PathBuf>,
    /// Bytes that may wait for a commit before `room` says no. At most 1 GiB.
    pub pending_bytes_max: usize,
    /// How long a commit waits for company. Zero: batches form only while the one before is being synced.
    pub gather: Duration,
}

impl JournalConfig {
    /// The defaults: 64 MiB may wait, no waiting for company.
    pub fn new(dir: PathBuf, key_dir: PathBuf) -> JournalConfig {
        JournalConfig {
            dir,
            key_dir,
            key_dir_before: None,
            pending_bytes_max: 64 << 20,
            gather: Duration::ZERO,
        }
    }
}

/// Why a journal could not be opened. Each names the file; none may be passed over without a person's word.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("{} is not the file of site-day {file}", path.display())]
    Foreign { path: PathBuf, file: FileId },
    #[error("{} was written by another version of the program: use that one until the day is closed", path.display())]
    Version { path: PathBuf },
    #[error("{} was not written under the key {}", journal.display(), key.display())]
    WrongKey { journal: PathBuf, key: PathBuf },
    /// With `durability = "process"` this is what a power loss leaves: `discard` it.
    #[error("{} cannot be read: its key {} is missing", journal.display(), key.display())]
    MissingKey { journal: PathBuf, key: PathBuf },
    #[error("{} is missing although its key {} is there", journal.display(), key.display())]
    MissingJournal { journal: PathBuf, key: PathBuf },
    #[error("{} holds a frame with other records than it says (byte {offset}, frame {frame})", path.display())]
    Damaged { path: PathBuf, offset: u64, frame: u64 },
    #[error("{} is open already", path.display())]
    AlreadyOpen { path: PathBuf },
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Failed(#[from] CommitError),
}

impl OpenError {
    fn at(path: &Path) -> impl Fn(io::Error) -> OpenError {
        move |source| OpenError::Io { path: path.to_owned(), source }
    }
}

/// Why a record was not taken. Its number is used again by the next.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AppendError {
    #[error("more than {limit} bytes wait for the journal")]
    Overloaded { limit: usize },
    #[error("a record of {len} bytes is over the limit of {RECORD_BYTES_MAX}")]
    TooLarge { len: usize },
    #[error(transparent)]
    Failed(#[from] CommitError),
}

/// An open file of the journal. Appends to one handle come one at a time (under the site-day's lock). Dropped, it
/// lets the file go once its pending records are on the disk; `close` waits for that, `destroy` also removes it.
pub struct Handle {
    id: FileId,
    slot: u64,
    next: AtomicU64,
    committed: Arc<AtomicU64>,
    shared: Arc<Shared>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.leave(self.slot);
    }
}

impl Handle {
    pub fn id(&self) -> FileId {
        self.id
    }

    /// The number that the next record will get.
    pub fn next_seq(&self) -> u64 {
        self.next.load(Relaxed)
    }

    /// Number of the last record that is on the disk; 0 if none. Grows with each commit.
    pub fn committed(&self) -> Arc<AtomicU64> {
        self.committed.clone()
    }
}

/// Why the journal takes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// A write or sync failed: until a restart.
    Failed,
    /// Until the disk has room.
    Full,
    /// Until a commit that takes very long has ended.
    Hanging,
}

/// What `open` found.
pub struct Opened {
    pub handle: Handle,
    /// Records that were read back; the last one's number.
    pub records: u64,
    /// The last frame was torn by a crash and cut off; its hits were never answered.
    pub torn: bool,
    /// There was no journal of this site-day; now there is.
    pub created: bool,
    /// The journal was damaged: what is left of it are the records before the damage. In words.
    pub damaged: Option<String>,
    /// It was found damaged before, on the same day. Whoever found it may not have come to its end.
    pub was_damaged: bool,
}

/// The journals of all open days, and the thread that commits them.
pub struct Journal {
    places: Places,
    pending_bytes_max: usize,
    secrets: Secrets,
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
    slots: AtomicU64,
    /// Held as long as the journal lives: one process writes it.
    lock: File,
}

impl Journal {
    /// Makes the directories, finishes interrupted destructions and starts the commit thread.
    ///
    /// # Errors
    /// When the directories cannot be made or written, or another process has them (`WouldBlock`).
    pub fn start(config: JournalConfig) -> io::Result<Journal> {
        let places = Places { dir: config.dir, key_dir: config.key_dir };
        places.prepare()?;
        let path = places.dir.join("lock");
        let lock = lock(&path).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => error,
            _ => files::with_path(&path, &error),
        })?;
        config.key_dir_before.map_or(Ok(()), |before| places.take_keys(&before))?;
        places.finish_destroying()?;
        let shared = Arc::new(Shared::default());
        let thread = std::thread::Builder::new().name("journal".to_owned()).spawn({
            let shared = shared.clone();
            move || shared.run(config.gather)
        })?;
        Ok(Journal {
            places,
            pending_bytes_max: config.pending_bytes_max.min(1 << 30),
            secrets: Secrets::default(),
            shared,
            thread: Mutex::new(Some(thread)),
            slots: AtomicU64::new(0),
            lock,
        })
    }

    /// Site-days that have a journal (or a key without one, so that `open` can say so), in order.
    ///
    /// # Errors
    /// When a directory cannot be read.
    pub fn list(&self) -> io::Result<Vec<FileId>> {
        self.places.list()
    }

    /// The number of the last record that `open` would read back, without opening for writing or cutting off
    /// a torn end; 0 if there is no journal. For those who must know it before the first record.
    ///
    /// # Errors
    /// As `open`.
    pub fn last_seq(&self, file: FileId) -> Result<u64, OpenError> {
        let Some((mut opened, key)) = self.places.find(file, &self.secrets)? else {
            return Ok(0);
        };
        let path = self.places.journal(file);
        Ok(replay::read(&path, file, key.bytes(), &mut opened, &mut |_, _| {})?.seq)
    }

    /// Opens a site-day's journal, or makes it; `each` gets every record in it with its number, in order.
    /// Blocks on the disk.
    ///
    /// # Errors
    /// See `OpenError`.
    pub fn open(&self, file: FileId, each: impl FnMut(u64, &[u8])) -> Result<Opened, OpenError> {
        self.open_into(file, each, |file| Box::new(file))
    }

    fn open_into(
        &self,
        file: FileId,
        mut each: impl FnMut(u64, &[u8]),
        into: impl FnOnce(File) -> Box<dyn Sink>,
    ) -> Result<Opened, OpenError> {
        let path = self.places.journal(file);
        {
            let mut queue = self.shared.lock();
            queue.refuses()?;
            if !queue.open.insert(file) {
                return Err(OpenError::AlreadyOpen { path });
            }
        }
        let opened = self.open_free(file, &path, &mut each, into);
        if opened.is_err() {
            self.shared.lock().open.remove(&file);
        }
        opened
    }

    fn open_free(
        &self,
        file: FileId,
        path: &Path,
        each: &mut dyn FnMut(u64, &[u8]),
        into: impl FnOnce(File) -> Box<dyn Sink>,
    ) -> Result<Opened, OpenError> {
        let found = self.places.find(file, &self.secrets)?;
        let created = found.is_none();
        let (mut opened, key) = match found {
            Some(found) => found,
            None => self.places.create(file, &self.secrets)?,
        };
        let end = replay::read(path, file, key.bytes(), &mut opened, each)?;
        let damaged = end.damaged.then(|| end.words(path));
        let was_damaged = !created && self.places.was_damaged(file);
        if end.damaged {
            opened = self.places.salvage(file, &mut opened, end.offset).map_err(OpenError::at(path))?;
        } else if end.torn > 0 {
            opened.set_len(end.offset).and_then(|()| opened.sync_all()).map_err(OpenError::at(path))?;
        }
        renew(&opened, &end).map_err(OpenError::at(path))?;
        opened.seek(SeekFrom::Start(end.offset)).map_err(OpenError::at(path))?;
        let mut opening = frame::Opening::default();
        getrandom::fill(&mut opening).map_err(|error| OpenError::at(path)(io::Error::other(error)))?;
        let writer =
            Writer { id: file, sink: into(opened), key, opening, frame: end.frame, offset: end.offset };
        let handle = self.enlist(writer, end.seq);
        Ok(Opened {
            handle,
            records: end.seq,
            torn: end.torn > 0 && !end.damaged,
            created,
            damaged,
            was_damaged,
        })
    }

    fn enlist(&self, writer: Writer, last: u64) -> Handle {
        let (id, slot) = (writer.id, self.slots.fetch_add(1, Relaxed));
        let committed = Arc::new(AtomicU64::new(last));
        self.shared.lock().files.insert(slot, Waiting::new(writer, committed.clone()));
        Handle { id, slot, next: AtomicU64::new(last + 1), committed, shared: self.shared.clone() }
    }

    /// Whether there is room for more: asked before a hit changes anything, so that a hit that is shed leaves
    /// memory and journal alike.
    pub fn room(&self) -> bool {
        self.pending_bytes() < self.pending_bytes_max && self.trouble().is_none()
    }

    /// Bytes that wait for a commit.
    pub fn pending_bytes(&self) -> usize {
        self.shared.pending_bytes.load(Relaxed)
    }

    /// False for ever after a failed write or sync.
    pub fn healthy(&self) -> bool {
        !self.shared.failed.load(Acquire)
    }

    /// Why nothing is taken at the moment, if so.
    pub fn trouble(&self) -> Option<Trouble> {
        if !self.healthy() {
            return Some(Trouble::Failed);
        }
        if self.shared.writing_for() > COMMIT_MAX {
            return Some(Trouble::Hanging);
        }
        self.shared.full.load(Acquire).then_some(Trouble::Full)
    }

    /// The error of the write or sync that failed, or found no room.
    pub fn error(&self) -> Option<CommitError> {
        self.shared.lock().refuses().err()
    }

    /// What was committed since the start.
    pub fn counts(&self) -> &Counts {
        &self.shared.counts
    }

    /// Takes a record into the next commit. Only copies: call it under the site-day's lock, so that the order of
    /// records is the order of changes.
    ///
    /// # Errors
    /// See `AppendError`. What the record was about must not be acknowledged.
    pub fn append(&self, handle: &Handle, record: &[u8]) -> Result<Ticket, AppendError> {
        if record.len() > RECORD_BYTES_MAX {
            return Err(AppendError::TooLarge { len: record.len() });
        }
        if self.pending_bytes() >= self.pending_bytes_max + PENDING_SLACK {
            return Err(AppendError::Overloaded { limit: self.pending_bytes_max });
        }
        let seq = handle.next.load(Relaxed);
        let batch = self.shared.push(handle.slot, seq, record)?;
        handle.next.store(seq + 1, Relaxed);
        Ok(Ticket { seq, batch, on_disk: handle.committed() })
    }

    /// Waits until everything appended so far is on the disk. Blocks.
    ///
    /// # Errors
    /// When the journal has failed.
    pub fn flush(&self) -> Result<(), CommitError> {
        self.shared.settle()
    }

    /// Lets a file go after its pending records are committed, and leaves it on the disk. Blocks.
    pub fn close(&self, handle: Handle) {
        // A failed journal has nothing pending any more and told everyone who waited.
        let _ = self.shared.settle();
        drop(handle);
    }

    /// Destroys a file: its key overwritten and removed first, then the journal itself. Blocks.
    ///
    /// # Errors
    /// When a file cannot be removed; the next start goes on with it.
    pub fn destroy(&self, handle: Handle) -> io::Result<()> {
        let id = handle.id;
        self.close(handle);
        self.places.destroy(id)
    }

    /// From now on nothing is committed, or all that waits and what follows.
    #[cfg(test)]
    pub(crate) fn hold_for_tests(&self, held: bool) {
        self.shared.lock().hold(held);
        self.shared.wake();
    }

    /// As after a failed sync.
    #[cfg(test)]
    pub(crate) fn fail_for_tests(&self) {
        self.shared.fail(&Default::default(), io::Error::other("told to fail"));
    }

    /// Takes a site-day's journal and key, which do not belong together or to it, out of the way; what was set
    /// aside is destroyed with the day. Returns what it is called now.
    ///
    /// # Errors
    /// When a file cannot be renamed.
    pub fn set_aside(&self, file: FileId) -> io::Result<PathBuf> {
        self.places.set_aside(file)
    }

    /// Site-days of which something was set aside, or kept beside as damaged, in order.
    ///
    /// # Errors
    /// When a directory cannot be read.
    pub fn listed_aside(&self) -> io::Result<Vec<FileId>> {
        self.places.listed_aside()
    }

    /// Destroys whatever there is of a site-day that is not open: a journal whose key is lost, a stray key.
    ///
    /// # Errors
    /// When a file cannot be removed.
    pub fn discard(&self, file: FileId) -> io::Result<()> {
        self.places.destroy(file)
    }
}

impl Drop for Journal {
    /// Commits what is pending and ends the commit thread.
    fn drop(&mut self) {
        self.shared.close();
        if let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // It does not panic; and if it did, its files are closed anyway.
            let _ = thread.join();
        }
        // Said aloud: a child that is just being started still has a copy of the descriptor, and with it the lock.
        let _ = self.lock.unlock();
    }
}

/// Writes the last frame once more where it is. After a sync that failed the kernel may hold a frame that the disk
/// does not, and take it for written: so a start makes sure of the one frame of which that can be so.
fn renew(file: &File, end: &replay::End) -> io::Result<()> {
    if end.frame == 0 {
        return Ok(());
    }
    let mut frame = vec![0; (end.offset - end.last) as usize];
    file.read_exact_at(&mut frame, end.last)?;
    file.write_all_at(&frame, end.last)?;
    file.sync_data()
}

/// Takes a directory for this process.
fn lock(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            let words = format!("{}: another process has this directory", path.display());
            Err(io::Error::new(io::ErrorKind::WouldBlock, words))
        }
        Err(TryLockError::Error(error)) => Err(error),
    }
}
