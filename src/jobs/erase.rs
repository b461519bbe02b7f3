//! A site that was removed wholly, where no server runs: its rows, files and whatever is noted of it. What a running
//! server does of the same is in `run`, because it has the days in memory.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use super::{JobError, Result, alone::Alone};
use crate::{config::Config, control::Control, domain::declaration::SiteId, store::StoreError};

impl Alone {
    /// Leaves nothing of a removed site. Again after a failure or a kill, it goes on.
    ///
    /// # Errors
    /// Those of the store, the files and the control database.
    pub fn erase_wholly(&self, site: SiteId, config: &Config, control: &Control) -> Result<()> {
        erase_rows(site, config)?;
        erase_files(site, config)?;
        control.scrub()?;
        Ok(control.erased(site)?)
    }
}

/// The store may have to be opened once more, to write its file anew.
fn erase_rows(site: SiteId, config: &Config) -> Result<()> {
    for last in [false, true] {
        let store = config.store.open()?;
        store.erase(site, None)?;
        match store.scrub(site) {
            Err(StoreError::Unavailable(_)) if !last && !store.usable() => {}
            done => return Ok(done?),
        }
    }
    Ok(())
}

/// Journals, keys, salts and tables of the site's days, and releases on their way.
fn erase_files(site: SiteId, config: &Config) -> Result<()> {
    let mut folders: Vec<PathBuf> =
        ["journal-keys", "journal", "releases", "refused"].map(|name| config.data.join(name)).into();
    if let Some(runtime) = &config.runtime {
        folders.extend([runtime.join("keys"), runtime.clone()]);
    }
    let start = format!("{}-", site.0);
    for folder in folders {
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            entries => entries.map_err(JobError::file(&folder))?,
        };
        for entry in entries {
            let entry = entry.map_err(JobError::file(&folder))?;
            if entry.file_name().to_string_lossy().starts_with(&start) {
                wipe(&entry.path()).map_err(JobError::file(&entry.path()))?;
            }
        }
    }
    let closed = config.data.join("closed").join(site.0.to_string());
    wipe(&closed).map_err(JobError::file(&closed))
}

/// Zeros, then nothing.
fn wipe(path: &Path) -> io::Result<()> {
    match OpenOptions::new().write(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
        Ok(mut file) => {
            let length = file.metadata()?.len();
            io::copy(&mut io::Read::take(io::repeat(0), length), &mut file)?;
            file.flush()?;
            file.sync_all()?;
        }
    }
    fs::remove_file(path)
}
