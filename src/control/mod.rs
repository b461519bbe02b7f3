//! The control database: sites, people, sessions, keys, vocabularies, admitted values.
//!
//! A small SQLite file that the server and the command line open at the same time. Nothing in it describes
//! a visitor. All calls block: callers on an event loop run them elsewhere.

mod admitted;
mod audit;
mod copy;
mod corrections;
mod directory;
mod document;
mod erasure;
mod factor;
mod follow;
mod invitations;
mod jobs;
mod keys;
mod migrate;
mod notes;
mod roles;
mod secret;
mod sessions;
mod settings;
mod shares;
mod sites;
mod users;
mod validate;
mod verification;

use std::{
    fs, io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use rusqlite::{Connection, TransactionBehavior};

pub use admitted::{AdmittedKind, KEPT_PER_KIND};
pub use audit::{Audited, Deed, TOLD_MAX};
pub use copy::{Becomes, Taken};
pub use corrections::{Forget, Leaving};
pub use directory::{Directory, Entry};
pub use document::read_body;
pub use factor::{RECOVERY_CODES, is_digits};
pub use follow::{Declarations, DeclaredSite};
pub use invitations::{INVITATION_DAYS, Invitation};
pub use jobs::{Job, JobState};
pub use keys::{KeyAccess, KeyRow, Scope};
pub use migrate::NEWEST;
pub use notes::{NOTE_BYTES_MAX, NOTES_MAX, NewNote, Note};
pub use roles::{Role, User};
pub use secret::{PASSWORD_BYTES_MAX, PASSWORD_CHARS_MIN};
pub use sessions::{SESSION_DAYS, Session, SignIn};
pub use settings::{Pending, Settings, SiteRecord};
pub use shares::{NewShare, Share, ShareKind, Shown};
pub use sites::NewSite;
pub use users::Claim;
pub use validate::{Invalid, host as check_host, limits};

use crate::domain::day::UnixMs;

/// How long a call waits for another process's write.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The open control database. One connection behind a mutex: calls are rare and short, and hits never wait
/// for it (they read the [`Directory`]).
pub struct Control {
    connection: Mutex<Connection>,
    directory: Arc<ArcSwap<Directory>>,
    /// Grows with each change to a site made through this handle.
    changes: AtomicU64,
    seen: Seen,
}

/// What the directory was last made from.
struct Seen {
    changes: AtomicU64,
    data_version: AtomicI64,
}

/// Why the control database did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    #[error(transparent)]
    Invalid(#[from] Invalid),
    #[error("there is no {what} `{name}`")]
    NotFound { what: &'static str, name: String },
    #[error("{what} `{name}` exists already")]
    Exists { what: &'static str, name: String },
    #[error(
        "the settings were changed meanwhile (they are at version {found}, yours at {sent}): load them again"
    )]
    Conflict { found: u32, sent: u32 },
    #[error("this install has been claimed already: sign in instead")]
    AlreadyClaimed,
    #[error("the claim token is wrong: the server prints the right one when it starts")]
    WrongClaimToken,
    #[error("this invitation was accepted, has ended, or was taken back: ask for a new one")]
    NoInvitation,
    #[error(
        "the control database is at schema {found}, this program knows up to {known}: use the newer program"
    )]
    Newer { found: u32, known: u32 },
    #[error(
        "migration {number} of the control database is not the one that was applied: the program was changed"
    )]
    Altered { number: u32 },
    #[error("this data directory is a collector's: its sites are changed at the report node")]
    Follows,
    #[error(
        "{0}: a collector keeps what it counted under a site's number for that site only; give it a fresh data directory (docs/COLLECTORS.md)"
    )]
    Stranger(String),
    #[error("the control database holds unreadable {what}: {error}")]
    Unreadable { what: &'static str, error: String },
    #[error("the control database {}: {error}", path.display())]
    File { path: PathBuf, error: io::Error },
    #[error("the control database: {0}")]
    Database(#[from] rusqlite::Error),
    #[error("no randomness from the operating system: {0}")]
    Randomness(#[from] getrandom::Error),
    #[error("the password could not be hashed: {0}")]
    Password(String),
}

/// A result of the control database.
pub type Result<T, E = ControlError> = std::result::Result<T, E>;

impl Control {
    /// Opens the database, makes it (mode 0600) if it is not there, and brings its schema up to date.
    ///
    /// # Errors
    /// [`ControlError::Newer`] for a database of a newer program; file and database errors.
    pub fn open(path: &Path, now: UnixMs) -> Result<Control> {
        let at = |error| ControlError::File { path: path.to_owned(), error };
        if let Some(folder) = path.parent() {
            crate::folder::make(folder).map_err(at)?;
        }
        fs::OpenOptions::new().create(true).append(true).mode(0o600).open(path).map_err(at)?;
        let mut connection = Connection::open(path)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.pragma_update(None, "synchronous", "full")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        // What is deleted is overwritten.
        connection.pragma_update(None, "secure_delete", true)?;
        migrate::migrate(&mut connection)?;
        let control = Control {
            connection: Mutex::new(connection),
            directory: Arc::new(ArcSwap::from_pointee(Directory::default())),
            changes: AtomicU64::new(1),
            seen: Seen { changes: AtomicU64::new(0), data_version: AtomicI64::new(0) },
        };
        control.reload_if_changed(now)?;
        Ok(control)
    }

    /// The handle from which request routing loads the current snapshot of all sites.
    pub fn directory(&self) -> Arc<ArcSwap<Directory>> {
        self.directory.clone()
    }

    /// Loads the sites again if any process changed the database; tells whether it did. Cheap when nothing
    /// changed: a driver calls it every second.
    ///
    /// # Errors
    /// Database errors; the snapshot stays as it was.
    pub fn reload_if_changed(&self, now: UnixMs) -> Result<bool> {
        let connection = self.lock();
        let changes = self.changes.load(Ordering::Acquire);
        let data_version: i64 = connection.query_row("PRAGMA data_version", [], |row| row.get(0))?;
        if changes == self.seen.changes.load(Ordering::Acquire)
            && data_version == self.seen.data_version.load(Ordering::Acquire)
        {
            return Ok(false);
        }
        self.directory.store(Arc::new(directory_of(&connection, now)?));
        self.seen.changes.store(changes, Ordering::Release);
        self.seen.data_version.store(data_version, Ordering::Release);
        Ok(true)
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        // A panic while the lock was held leaves at most a transaction that rolled back when it was dropped.
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `work` in one write transaction: all of it happens, or nothing.
    fn write<T>(&self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let done = work(&transaction)?;
        transaction.commit()?;
        Ok(done)
    }

    /// As [`Control::write`], for changes to sites: the directory shows them when it returns.
    fn write_sites<T>(&self, now: UnixMs, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let done = self.write(|connection| {
            follow::check_own(connection)?;
            work(connection)
        })?;
        self.changed_sites(now)?;
        Ok(done)
    }

    fn changed_sites(&self, now: UnixMs) -> Result<()> {
        self.changes.fetch_add(1, Ordering::AcqRel);
        self.reload_if_changed(now).map(drop)
    }
}

fn directory_of(connection: &Connection, now: UnixMs) -> Result<Directory> {
    let leaving = corrections::leaving(connection, now)?.into_iter().map(|one| one.site).collect();
    Directory::new(sites::all(connection, now)?, corrections::aliases(connection)?, leaving)
}

/// Whether an error says that a UNIQUE constraint was broken.
fn is_taken(error: &rusqlite::Error) -> bool {
    error.sqlite_error().is_some_and(|error| error.extended_code == rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE)
}

#[cfg(test)]
mod tests;
