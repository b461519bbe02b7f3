//! Folders that appear whole or not at all, and folders that go away with the job.

use std::{
    fs::{self, DirBuilder, File, Permissions},
    io,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
};

use super::{JobError, Request, Result};
use crate::control::Control;

/// A folder (0700) that is written under another name, `.NAME.mayfly-part`, and appears once it is whole. Dropped
/// before, it is removed.
pub(super) struct Fresh {
    to: PathBuf,
    part: PathBuf,
    done: bool,
}

impl Fresh {
    /// # Errors
    /// Where something of this name exists, or the folder above it does not.
    pub fn new(to: &Path) -> Result<Fresh> {
        if fs::symlink_metadata(to).is_ok() {
            let words = format!("{} exists already: name a directory that does not", to.display());
            return Err(JobError::Refused(words));
        }
        let part = part_of(to);
        // Left by a process that was killed.
        remove(&part)?;
        make(&part)?;
        Ok(Fresh { to: to.to_owned(), part, done: false })
    }

    pub fn path(&self) -> &Path {
        &self.part
    }

    /// Syncs all files (0600), and gives the folder its name.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn finish(mut self) -> Result<()> {
        for path in files(&self.part)? {
            let sync = || {
                let file = File::open(&path)?;
                file.set_permissions(Permissions::from_mode(0o600))?;
                file.sync_all()
            };
            sync().map_err(JobError::file(&path))?;
        }
        let rename = || {
            File::open(&self.part)?.sync_all()?;
            fs::rename(&self.part, &self.to)?;
            File::open(self.to.parent().unwrap_or(Path::new("/")))?.sync_all()
        };
        rename().map_err(JobError::file(&self.to))?;
        self.done = true;
        Ok(())
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        if !self.done
            && let Err(error) = remove(&self.part)
        {
            tracing::warn!(%error, "an unfinished directory is left");
        }
    }
}

fn part_of(to: &Path) -> PathBuf {
    let name = to.file_name().unwrap_or_default().to_string_lossy();
    to.with_file_name(format!(".{name}.mayfly-part"))
}

/// Removes what killed jobs left: their copies (a restore's has hashes of passwords), and what a backup or export had
/// written. Only for who holds the data directory, before any job begins; what stays is logged.
pub(super) fn sweep(control: &Control, data: &Path) {
    if let Err(error) = remove(&work_of(data)) {
        tracing::error!(%error, "copies of a job that was killed are left");
    }
    if let Err(error) = remove(&super::download::place(data)) {
        tracing::error!(%error, "what was downloaded is left");
    }
    let left = control.running_jobs().unwrap_or_else(|error| {
        tracing::error!(%error, "jobs of the last process could not be looked at");
        Vec::new()
    });
    for job in left {
        if let Ok(Request::Backup { to } | Request::Export { to, .. }) = serde_json::from_str(&job.request)
            && let Err(error) = remove(&part_of(&to))
        {
            tracing::error!(%error, job = job.id, "a part of a backup or export is left");
        }
    }
}

fn work_of(data: &Path) -> PathBuf {
    data.join("work")
}

/// A folder below the data directory for copies that a job works on. It goes with the job.
pub(super) struct Work(PathBuf);

impl Work {
    /// # Errors
    /// Those of the file system.
    pub fn below(data: &Path) -> Result<Work> {
        let path = work_of(data);
        remove(&path)?;
        make(&path)?;
        Ok(Work(path))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        if let Err(error) = remove(&self.0) {
            tracing::warn!(%error, "a work directory is left");
        }
    }
}

fn make(path: &Path) -> Result<()> {
    DirBuilder::new().mode(0o700).create(path).map_err(JobError::file(path))
}

fn remove(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(JobError::file(path)(error)),
        _ => Ok(()),
    }
}

/// The files of a folder.
pub(super) fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).and_then(|entries| {
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>()
    });
    let mut found = entries.map_err(JobError::file(folder))?;
    found.retain(|path| path.is_file());
    found.sort();
    Ok(found)
}
