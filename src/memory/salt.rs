//! The salts of open site-days: 32 random bytes each, in locked memory, never derived, never printed, gone at the
//! site's midnight.
//!
//! With a memory-backed runtime directory a salt lies in a file mapped from there, and nowhere else, so that a
//! restart on the same day finds it. Without one it lies in a locked page and dies with the process.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed, Ordering::SeqCst, compiler_fence},
    },
    time::Duration,
};

use zeroize::Zeroize;

use super::{
    runtime::{HEADER, NEW, Part, RuntimeDir, file_header, private, wipe},
    sealed::{self, Mapping, Secret, Secrets},
};
use crate::{
    clock,
    journal::FileId,
    sabotage::{self, Sabotage},
};

const LAYOUT: u32 = 2;
/// Where a salt lies in its file.
const AT: usize = 32;
const SALT: usize = 32;
/// Where it stands when it was made, in whole seconds since the machine started.
const MADE: usize = AT + SALT;

/// Where salts come from.
pub struct Salts {
    secrets: Secrets,
    runtime: Option<RuntimeDir>,
    /// No page of a salt could not be locked.
    all_locked: Arc<AtomicBool>,
}

/// Whether a day goes on under its salt or begins another of its salt epochs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// From before a restart.
    Found,
    Fresh,
}

/// The salt of one open site-day. Has no `Debug`, `Clone` or `Serialize`, on purpose.
pub struct Salt {
    held: Held,
    /// Since the machine started.
    made: Duration,
}

enum Held {
    Page(Secret),
    File(FileSalt),
}

struct FileSalt {
    mapping: Mapping,
    path: PathBuf,
    runtime: RuntimeDir,
}

impl Salts {
    /// Salts that survive a restart if there is a runtime directory (which must be memory-backed).
    pub fn new(runtime: Option<RuntimeDir>) -> Salts {
        Salts { secrets: Secrets::default(), runtime, all_locked: Arc::new(AtomicBool::new(true)) }
    }

    /// The salt of a site-day that a process before this one left, if there is one.
    ///
    /// # Errors
    /// When the runtime directory cannot be read.
    pub fn left(&self, day: FileId) -> io::Result<Option<Salt>> {
        let Some(runtime) = &self.runtime else { return Ok(None) };
        let path = runtime.file(day, Part::Salt);
        Ok(find(&path, day)?.map(|mapping| self.hold(mapping, path, runtime)))
    }

    fn hold(&self, mapping: Mapping, path: PathBuf, runtime: &RuntimeDir) -> Salt {
        self.note_locked(mapping.lock());
        let made = mapping.bytes()[MADE..].first_chunk().expect("a salt's file is a page");
        let made = Duration::from_secs(u64::from_le_bytes(*made));
        Salt { held: Held::File(FileSalt { mapping, path, runtime: runtime.clone() }), made }
    }

    /// The salt of a site-day: the one that a process before this one left, or a fresh one. Call it once a day
    /// and site.
    ///
    /// # Errors
    /// When memory or the runtime directory is full, or the system has no randomness.
    pub fn open(&self, day: FileId) -> io::Result<(Salt, Origin)> {
        let Some(runtime) = &self.runtime else {
            let fresh = self.secrets.fresh()?;
            self.note_locked(self.secrets.locked());
            return Ok((Salt { held: Held::Page(fresh), made: clock::since_boot() }, Origin::Fresh));
        };
        let path = runtime.file(day, Part::Salt);
        let (mapping, origin) = match find(&path, day)? {
            Some(mapping) => (mapping, Origin::Found),
            None => (make(&path, day)?, Origin::Fresh),
        };
        Ok((self.hold(mapping, path, runtime), origin))
    }

    /// Whether every salt so far is kept out of swap (for the self-check).
    pub fn locked(&self) -> bool {
        self.all_locked.load(Relaxed)
    }

    fn note_locked(&self, locked: bool) {
        if !locked && self.all_locked.swap(false, Relaxed) {
            tracing::warn!(
                "a salt's page could not be locked, so it may be swapped out: raise the limit of locked memory"
            );
        }
    }
}

impl Salt {
    /// Lends the salt to a computation. Whatever it returns must not be the salt.
    pub fn with<T>(&self, act: impl FnOnce(&[u8; SALT]) -> T) -> T {
        act(match &self.held {
            Held::Page(secret) => secret.bytes(),
            Held::File(file) => file.mapping.bytes()[AT..].first_chunk().expect("a salt's file is a page"),
        })
    }

    /// How old it is. One that seems to be from the future is as old as can be.
    pub fn age(&self, since_boot: Duration) -> Duration {
        since_boot.checked_sub(self.made).unwrap_or(Duration::MAX)
    }

    /// Overwrites the salt, and removes its file.
    ///
    /// # Errors
    /// When the file cannot be removed; it is overwritten even then.
    pub fn erase(self) -> io::Result<()> {
        if sabotage::on(Sabotage::SaltKept) {
            std::mem::forget(self);
            return Ok(());
        }
        match self.held {
            Held::Page(secret) => {
                drop(secret);
                Ok(())
            }
            Held::File(mut file) => file.erase(),
        }
    }
}

impl FileSalt {
    fn erase(&mut self) -> io::Result<()> {
        // The header first: a salt that is half overwritten must not be found again.
        self.mapping.bytes_mut()[..HEADER].zeroize();
        compiler_fence(SeqCst);
        self.mapping.bytes_mut().zeroize();
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

impl Drop for FileSalt {
    fn drop(&mut self) {
        if !self.runtime.leaves_files() {
            // Overwritten in any case, and the next start removes what is left.
            let _ = self.erase();
        }
    }
}

fn find(path: &Path, day: FileId) -> io::Result<Option<Mapping>> {
    if !path.exists() {
        return Ok(None);
    }
    let file = private(path)?;
    if file.metadata()?.len() != sealed::PAGE as u64 {
        return Ok(None);
    }
    let mapping = Mapping::file(&file)?;
    let bytes = mapping.bytes();
    let ours = bytes[..HEADER] == file_header(day, Part::Salt, LAYOUT) && bytes[AT..AT + SALT] != [0; SALT];
    Ok(ours.then_some(mapping))
}

/// Makes a salt's file beside its place and renames it there once it is whole.
fn make(path: &Path, day: FileId) -> io::Result<Mapping> {
    let new = PathBuf::from(format!("{}{NEW}", path.display()));
    wipe(&new)?;
    wipe(path)?;
    let file = private(&new)?;
    sealed::reserve(&file, sealed::PAGE as u64)?;
    let mut mapping = Mapping::file(&file)?;
    // Locked before the salt is in it.
    mapping.lock();
    let bytes = mapping.bytes_mut();
    bytes[..HEADER].copy_from_slice(&file_header(day, Part::Salt, LAYOUT));
    bytes[MADE..MADE + 8].copy_from_slice(&clock::since_boot().as_secs().to_le_bytes());
    getrandom::fill(&mut bytes[AT..AT + SALT]).map_err(io::Error::other)?;
    compiler_fence(SeqCst);
    fs::rename(&new, path)?;
    Ok(mapping)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use tempfile::TempDir;

    use super::*;
    use crate::domain::{day::Day, declaration::SiteId};

    const DAY: FileId = FileId { site: SiteId(3), day: Day(20_779) };

    fn runtime(home: &TempDir) -> RuntimeDir {
        RuntimeDir::open(&home.path().join("run")).unwrap()
    }

    fn copy(salt: &Salt) -> [u8; SALT] {
        salt.with(|salt| *salt)
    }

    #[test]
    fn a_salt_survives_a_restart_on_its_day_only() {
        let home = TempDir::new().unwrap();
        let open = |day| {
            let runtime = runtime(&home);
            let (salt, origin) = Salts::new(Some(runtime.clone())).open(day).unwrap();
            runtime.leave_files();
            (copy(&salt), origin)
        };
        let (first, origin) = open(DAY);
        assert_eq!(origin, Origin::Fresh);
        assert_ne!(first, [0; SALT]);
        assert_eq!(open(DAY), (first, Origin::Found));
        let (other, origin) = open(FileId { day: DAY.day.plus(1), ..DAY });
        assert!(origin == Origin::Fresh && other != first);

        // A file that is not of this day under its name is not believed.
        let run = home.path().join("run");
        fs::rename(run.join(format!("{DAY}.salt")), run.join("4-2026-11-22.salt")).unwrap();
        let renamed = FileId { site: SiteId(4), day: Day::parse("2026-11-22").unwrap() };
        assert_eq!(open(renamed).1, Origin::Fresh);
    }

    #[test]
    fn an_erased_salt_is_gone_from_its_file() {
        let home = TempDir::new().unwrap();
        let runtime = runtime(&home);
        let salts = Salts::new(Some(runtime.clone()));
        let (salt, _) = salts.open(DAY).unwrap();
        let (bytes, path) = (copy(&salt), home.path().join(format!("run/{DAY}.salt")));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let kept = home.path().join("kept");
        fs::hard_link(&path, &kept).unwrap();
        assert!(fs::read(&kept).unwrap().windows(SALT).any(|window| window == bytes), "it was there");
        // Even a process that will leave its files to the next erases at midnight.
        runtime.leave_files();
        salt.erase().unwrap();
        assert!(!path.exists());
        assert!(fs::read(&kept).unwrap().iter().all(|&byte| byte == 0));
        assert_eq!(salts.open(DAY).unwrap().1, Origin::Fresh);
    }

    #[test]
    fn a_half_erased_salt_is_not_found() {
        let home = TempDir::new().unwrap();
        let path = home.path().join(format!("run/{DAY}.salt"));
        let runtime = runtime(&home);
        let salts = Salts::new(Some(runtime.clone()));
        runtime.leave_files();
        drop(salts.open(DAY).unwrap());
        let whole = fs::read(&path).unwrap();
        for (from, to) in [(0, 8), (AT, AT + SALT)] {
            let mut half = whole.clone();
            half[from..to].fill(0);
            fs::write(&path, half).unwrap();
            assert_eq!(salts.open(DAY).unwrap().1, Origin::Fresh);
        }
        fs::write(&path, b"short").unwrap();
        assert_eq!(salts.open(DAY).unwrap().1, Origin::Fresh);
    }

    #[test]
    fn without_a_directory_each_opening_is_another_salt() {
        let salts = Salts::new(None);
        let mut seen = std::collections::HashSet::new();
        for site in 0..200 {
            let (salt, origin) = salts.open(FileId { site: SiteId(site), ..DAY }).unwrap();
            assert_eq!(origin, Origin::Fresh);
            assert!(seen.insert(copy(&salt)));
            salt.erase().unwrap();
        }
    }
}
