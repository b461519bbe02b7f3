//! What an administrator asks of the process that holds the store: backups, restores, exports, corrections.
//!
//! The command line writes a job into the control database, and the server does it (`server`); where none runs,
//! the command line does the same itself (`alone`). Nothing here touches what an open day counts.

pub mod alone;
mod backup;
pub mod copy;
mod correct;
mod export;
mod folder;
mod manifest;
mod restore;
pub mod server;
mod verify;
mod watch;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

use serde::{Deserialize, Serialize};

pub use manifest::Manifest;

use crate::{
    control::{Control, ControlError},
    domain::{
        day::{Day, UnixMs},
        declaration::SiteId,
    },
    store::{Store, StoreError, duckdb::ExportFormat},
    verify::{Looks, VerifyError},
};

/// What is asked for. Paths are absolute, and those of the process that does it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    Backup {
        to: PathBuf,
    },
    Restore {
        from: PathBuf,
        /// Looks at the backup, and changes nothing.
        check: bool,
    },
    Export {
        to: PathBuf,
        format: ExportFormat,
        /// All sites where there is none.
        site: Option<String>,
        /// First and last day, each without bound where it is missing.
        days: (Option<Day>, Option<Day>),
    },
    Reset {
        site: String,
    },
    Merge {
        site: String,
        into: String,
    },
    Forget {
        site: String,
        source: String,
    },
    Verify {
        /// All sites where there is none.
        site: Option<String>,
    },
}

/// Why a job failed, in words for the person who asked.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    #[error(transparent)]
    Control(#[from] ControlError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Verify(#[from] VerifyError),
    #[error("{path}: {error}")]
    File { path: String, error: std::io::Error },
    #[error("{0}")]
    Refused(String),
    #[error("the server is stopping: nothing was changed, ask again once it runs")]
    Stopping,
}

impl JobError {
    fn file(path: &Path) -> impl FnOnce(std::io::Error) -> JobError {
        let path = path.display().to_string();
        move |error| JobError::File { path, error }
    }
}

type Result<T, E = JobError> = std::result::Result<T, E>;

/// What is not wholly in the store: open days, and those on their way.
pub trait Days {
    /// Such days of a site. With each, up to which number its releases are in the store for ever, and of which
    /// node; `None` where only a journal or files know.
    ///
    /// # Errors
    /// Those of the file system.
    fn held(&self, site: SiteId) -> Result<HashMap<Day, Option<Acknowledged>>>;

    /// Runs `act` while a day, which `held` did not name, is not open and cannot be opened; false where it is or may be.
    ///
    /// # Errors
    /// Those of `act`.
    fn while_unopened(&self, site: SiteId, day: Day, act: &mut dyn FnMut() -> Result<()>) -> Result<bool>;

    /// Closes what is open of a site that becomes part of another, and brings it to the store.
    ///
    /// # Errors
    /// Words; then it is to be tried again.
    fn end(&self, site: SiteId) -> Result<(), String>;

    /// Drops all that there is of a site that is no more.
    ///
    /// # Errors
    /// Words; then it is to be tried again.
    fn erase(&self, site: SiteId) -> Result<(), String>;

    /// Takes in what has become known of a site's values.
    fn know(&self, site: SiteId);

    /// Whether hits come in meanwhile.
    fn running(&self) -> bool;
}

/// The releases of a node up to a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acknowledged {
    pub node: u32,
    pub number: u32,
}

/// What jobs work with.
pub struct Rooms<'a> {
    pub control: &'a Control,
    pub store: &'a dyn Store,
    pub days: &'a dyn Days,
    /// Below it, copies are worked on; in the data directory, so that they are where the rows may be.
    pub data: &'a Path,
    /// What a verification looks at besides databases.
    pub looks: &'a Looks,
    pub now: UnixMs,
    /// Told how far a job is.
    pub says: &'a (dyn Fn(&str) + Sync),
    /// Set where the process is to end: a job gives up where that changes nothing.
    pub stopping: &'a AtomicBool,
}

impl Rooms<'_> {
    fn go_on(&self) -> Result<()> {
        match self.stopping.load(Ordering::Acquire) {
            true => Err(JobError::Stopping),
            false => Ok(()),
        }
    }
}

/// Does what is asked; returns what is to be printed.
///
/// # Errors
/// [`JobError`], in words.
pub fn run(request: &Request, rooms: &Rooms<'_>) -> Result<String> {
    match request {
        Request::Backup { to } => backup::backup(rooms, to),
        Request::Restore { from, check } => restore::restore(rooms, from, *check),
        Request::Export { to, format, site, days } => {
            export::export(rooms, to, *format, site.as_deref(), *days)
        }
        Request::Reset { site } => correct::reset(rooms, site),
        Request::Merge { site, into } => correct::merge(rooms, site, into),
        Request::Forget { site, source } => correct::forget(rooms, site, source),
        Request::Verify { site } => verify::report(rooms, site.as_deref()),
    }
}

/// Tells jobs as failed that ran when an earlier process ended, and removes what they left. Only for who holds the
/// data directory.
///
/// # Errors
/// Database errors.
pub fn fail_left(control: &Control, data: &Path, words: &str) -> Result<usize, ControlError> {
    folder::sweep(control, data);
    control.fail_left_jobs(words)
}

/// `1 day`, `2 days`.
fn count(n: usize, one: &str) -> String {
    match n {
        1 => format!("1 {one}"),
        n => format!("{n} {one}s"),
    }
}
