//! The memory-backed runtime directory: salts and visitor tables that survive a crash or an upgrade, and nothing
//! else. What lies here is memory: it is bound to its site-day and wiped with it.
//!
//! It must never be on a disk; whoever starts the program decides by `memory_backed` whether to use it at all.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use super::sealed;
use crate::journal::FileId;

/// Why a directory cannot hold what is in memory.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    #[error("runtime directory {}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("runtime directory {} is not a directory", path.display())]
    NotADirectory { path: PathBuf },
    #[error("runtime directory {} belongs to user {owner}, not to user {user} of this process", path.display())]
    NotOwned { path: PathBuf, owner: u32, user: u32 },
    #[error("runtime directory {} is open to others (mode {mode:o}); it must be 0700", path.display())]
    Open { path: PathBuf, mode: u32 },
    #[error("runtime directory {} is in use by another process", path.display())]
    InUse { path: PathBuf },
}

/// What a file here holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Visitors,
    Seen,
    Undo,
    Salt,
}

const PARTS: [Part; 4] = [Part::Visitors, Part::Seen, Part::Undo, Part::Salt];

impl Part {
    fn suffix(self) -> &'static str {
        match self {
            Part::Visitors => ".visitors",
            Part::Seen => ".seen",
            Part::Undo => ".undo",
            Part::Salt => ".salt",
        }
    }
}

/// A checked runtime directory, taken for this process. Clones are the same directory.
#[derive(Clone)]
pub struct RuntimeDir(Arc<Inner>);

struct Inner {
    path: PathBuf,
    memory_backed: bool,
    keep: AtomicBool,
    lock: File,
}

impl Drop for Inner {
    fn drop(&mut self) {
        // Said aloud: a child that is just being started still has a copy of the descriptor, and with it the lock.
        let _ = self.lock.unlock();
    }
}

impl RuntimeDir {
    /// Checks a directory, or makes it (0700): that it is this user's and closed to others.
    ///
    /// # Errors
    /// See `RuntimeError`.
    pub fn open(path: &Path) -> Result<RuntimeDir, RuntimeError> {
        let at = |source| RuntimeError::Io { path: path.to_owned(), source };
        crate::folder::make(path).map_err(at)?;
        let found = fs::symlink_metadata(path).map_err(at)?;
        let path = path.to_owned();
        if !found.is_dir() {
            return Err(RuntimeError::NotADirectory { path });
        }
        let (owner, user) = (found.uid(), sealed::own_user());
        if owner != user {
            return Err(RuntimeError::NotOwned { path, owner, user });
        }
        if found.mode() & 0o077 != 0 {
            return Err(RuntimeError::Open { path, mode: found.mode() & 0o777 });
        }
        let memory_backed = sealed::is_memory(&path).map_err(at)?;
        let lock = private(&path.join("lock")).map_err(at)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(RuntimeError::InUse { path }),
            Err(TryLockError::Error(source)) => return Err(RuntimeError::Io { path, source }),
        }
        Ok(RuntimeDir(Arc::new(Inner { path, memory_backed, keep: AtomicBool::new(false), lock })))
    }

    /// Whether the directory is on tmpfs or ramfs. Where it is not, salts and tables must stay in the process.
    pub fn memory_backed(&self) -> bool {
        self.0.memory_backed
    }

    /// The directory, for the journal's keys with `durability = "process"`.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// From now on, what is dropped leaves its files as they are, for the process that follows this one.
    pub fn leave_files(&self) {
        self.0.keep.store(true, Relaxed);
    }

    pub(super) fn leaves_files(&self) -> bool {
        self.0.keep.load(Relaxed)
    }

    pub(super) fn file(&self, day: FileId, part: Part) -> PathBuf {
        self.0.path.join(format!("{day}{}", part.suffix()))
    }

    /// Wipes the files of all site-days but those that `keep` keeps; returns how many files. Called at each start
    /// before anything is opened, and with `|_| false` by the service's stop hook.
    ///
    /// # Errors
    /// When a file cannot be wiped or removed.
    pub fn wipe_past_days(&self, keep: impl Fn(FileId) -> bool) -> io::Result<usize> {
        let mut wiped = 0;
        for entry in fs::read_dir(&self.0.path)? {
            let name = entry?.file_name();
            let Some(day) = name.to_str().and_then(day_of) else { continue };
            // What was begun beside a file and never took its place is never kept.
            if !keep(day) || name.to_string_lossy().ends_with(NEW) {
                wipe(&self.0.path.join(&name))?;
                wiped += 1;
            }
        }
        Ok(wiped)
    }
}

/// Ending of a file that is being made and takes its place by a rename once it is whole.
pub(super) const NEW: &str = ".new";

/// The site-day of a file's name; `None` for names that are not of this module.
fn day_of(name: &str) -> Option<FileId> {
    let name = name.strip_suffix(NEW).unwrap_or(name);
    PARTS.iter().find_map(|part| FileId::parse(name.strip_suffix(part.suffix())?))
}

/// Opens a file that only this user can read, or makes it.
pub(super) fn private(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

/// Overwrites a file with zeros and removes it. Nothing to do if it is not there.
pub(super) fn wipe(path: &Path) -> io::Result<()> {
    if let Some(file) = existing(path)? {
        overwrite(file)?;
        fs::remove_file(path)?;
    }
    Ok(())
}

/// A file to overwrite; `None` if it is not there.
pub(super) fn existing(path: &Path) -> io::Result<Option<File>> {
    match OpenOptions::new().write(true).open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Overwrites all of a file with zeros.
pub(super) fn overwrite(mut file: File) -> io::Result<()> {
    let mut left = file.metadata()?.len();
    let zeros = [0; 16 << 10];
    while left > 0 {
        let step = left.min(zeros.len() as u64);
        file.write_all(&zeros[..step as usize])?;
        left -= step;
    }
    Ok(())
}

/// The first bytes of a mapped file: what it is and whose. Anything else there means that it is not ours.
pub(super) fn file_header(day: FileId, part: Part, layout: u32) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    header[..8].copy_from_slice(b"mayfmap1");
    header[8..12].copy_from_slice(&layout.to_le_bytes());
    header[12..16].copy_from_slice(&day.site.0.to_le_bytes());
    header[16..20].copy_from_slice(&day.day.0.to_le_bytes());
    header[20] = part as u8 + 1;
    header
}

pub(super) const HEADER: usize = 24;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use tempfile::TempDir;

    use super::*;

    #[test]
    fn a_directory_that_others_can_see_or_use_is_refused() {
        let home = TempDir::new().unwrap();
        let path = home.path().join("run");
        let runtime = RuntimeDir::open(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o700);
        assert!(matches!(RuntimeDir::open(&path), Err(RuntimeError::InUse { .. })));
        drop(runtime);
        for mode in [0o755, 0o701, 0o770] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert!(matches!(RuntimeDir::open(&path), Err(RuntimeError::Open { .. })), "{mode:o}");
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        let link = home.path().join("link");
        symlink(&path, &link).unwrap();
        assert!(matches!(RuntimeDir::open(&link), Err(RuntimeError::NotADirectory { .. })));
        assert!(RuntimeDir::open(&path).is_ok());
    }

    #[test]
    fn a_start_wipes_past_days_and_nothing_else() {
        let home = TempDir::new().unwrap();
        let path = home.path().join("run");
        let runtime = RuntimeDir::open(&path).unwrap();
        let names = [
            "1-2026-11-21.visitors",
            "1-2026-11-21.salt",
            "1-2026-11-21.undo.new",
            "1-2026-11-22.seen",
            "1-2026-11-22.salt.new",
            "1-2026-11-21.journal-key",
            "notes.txt",
        ];
        for name in names {
            fs::write(path.join(name), "secret").unwrap();
            fs::hard_link(path.join(name), home.path().join(name)).unwrap();
        }
        let today = FileId::parse("1-2026-11-22").unwrap();
        assert_eq!(runtime.wipe_past_days(|day| day == today).unwrap(), 4);
        for (index, name) in names.iter().enumerate() {
            let gone = matches!(index, 0..=2 | 4);
            assert_eq!(!path.join(name).exists(), gone, "{name}");
            assert_eq!(fs::read(home.path().join(name)).unwrap() == [0; 6], gone, "{name}");
        }
        assert_eq!(runtime.wipe_past_days(|_| false).unwrap(), 1);
    }
}
