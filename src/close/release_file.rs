//! Releases on their way to the store: one synced file each, from the moment they are frozen until the store
//! has acknowledged them. Their rows are what the store will hold, so they are as anonymous as the store.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use crate::domain::{
    declaration::SiteId,
    row::{Release, ReleaseId},
};

const MAGIC: &[u8; 8] = b"mayflyR1";

/// The folder of release files.
#[derive(Debug)]
pub struct ReleaseFiles {
    folder: PathBuf,
}

/// Why a release file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseFileError {
    #[error("{path}: {error}")]
    Io { path: String, error: io::Error },
    #[error("{path}: not a release file, or damaged")]
    Damaged { path: String },
}

impl ReleaseFiles {
    /// # Errors
    /// When the folder cannot be made.
    pub fn in_folder(folder: PathBuf) -> io::Result<ReleaseFiles> {
        fs::create_dir_all(&folder)?;
        // A closed day may be nowhere but in here: the folder's own name must survive a loss of power too.
        if let Some(parent) = folder.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            File::open(parent)?.sync_all()?;
        }
        Ok(ReleaseFiles { folder })
    }

    fn path(&self, id: ReleaseId) -> PathBuf {
        self.folder.join(format!("{}-{}-{}-{}.release", id.site.0, id.day, id.node, id.number))
    }

    /// Writes a release so that it survives a loss of power: temporary file, sync, rename, sync of the folder.
    ///
    /// # Errors
    /// Those of the file system; then nothing is there under the release's name.
    pub fn write(&self, release: &Release) -> io::Result<()> {
        let body = postcard::to_stdvec(release).map_err(io::Error::other)?;
        let path = self.path(release.id);
        let temporary = path.with_extension("part");
        let mut file = File::create(&temporary)?;
        file.write_all(MAGIC)?;
        file.write_all(&crc32fast::hash(&body).to_le_bytes())?;
        file.write_all(&body)?;
        file.sync_all()?;
        fs::rename(&temporary, &path)?;
        File::open(&self.folder)?.sync_all()
    }

    /// Forgets a release that the store holds. A file that is already gone is no error.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn remove(&self, id: ReleaseId) -> io::Result<()> {
        match fs::remove_file(self.path(id)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// All releases that wait, by identity. Unfinished files of an earlier run are removed.
    ///
    /// # Errors
    /// [`ReleaseFileError`] names the file.
    pub fn read_all(&self) -> Result<Vec<Release>, ReleaseFileError> {
        let mut releases = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(|error| named(&self.folder, error))? {
            let path = entry.map_err(|error| named(&self.folder, error))?.path();
            match path.extension().and_then(|extension| extension.to_str()) {
                Some("release") => releases.push(read(&path)?),
                Some("part") => fs::remove_file(&path).map_err(|error| named(&path, error))?,
                _ => {}
            }
        }
        releases.sort_by_key(|release: &Release| release.id);
        Ok(releases)
    }

    /// Removes the waiting releases of a site (it was removed).
    ///
    /// # Errors
    /// Those of the file system.
    pub fn remove_site(&self, site: SiteId) -> io::Result<()> {
        let start = format!("{}-", site.0);
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(&start) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }
}

fn named(path: &Path, error: io::Error) -> ReleaseFileError {
    ReleaseFileError::Io { path: path.display().to_string(), error }
}

fn read(path: &Path) -> Result<Release, ReleaseFileError> {
    let bytes = fs::read(path).map_err(|error| named(path, error))?;
    let damaged = || ReleaseFileError::Damaged { path: path.display().to_string() };
    let body = bytes.strip_prefix(MAGIC).ok_or_else(damaged)?;
    let (sum, body) = body.split_first_chunk::<4>().ok_or_else(damaged)?;
    if crc32fast::hash(body) != u32::from_le_bytes(*sum) {
        return Err(damaged());
    }
    postcard::from_bytes(body).map_err(|_| damaged())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::day::Day;

    fn release(number: u32) -> Release {
        let id = ReleaseId { site: SiteId(7), day: Day(20_000), node: 0, number };
        Release { id, rows: Vec::new(), close: None }
    }

    #[test]
    fn releases_come_back_in_order_and_go_when_removed() {
        let folder = tempfile::tempdir().unwrap();
        let files = ReleaseFiles::in_folder(folder.path().join("releases")).unwrap();
        for number in [3, 1, 2] {
            files.write(&release(number)).unwrap();
        }
        fs::write(folder.path().join("releases/7-x.part"), b"half").unwrap();
        files.remove(release(2).id).unwrap();
        files.remove(release(2).id).unwrap();
        assert_eq!(files.read_all().unwrap(), [release(1), release(3)]);
        assert!(!folder.path().join("releases/7-x.part").exists());
    }

    #[test]
    fn a_damaged_release_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let files = ReleaseFiles::in_folder(folder.path().to_owned()).unwrap();
        files.write(&release(1)).unwrap();
        let path = files.path(release(1).id);
        let mut bytes = fs::read(&path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(&path, &bytes).unwrap();
        let error = files.read_all().unwrap_err().to_string();
        assert!(error.contains("7-2024-10-04-0-1.release"), "{error}");
    }
}
