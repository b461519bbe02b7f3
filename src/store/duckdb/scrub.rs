//! Leaving nothing of erased rows in the file: DuckDB marks rows as deleted and blocks as free, and their bytes stay.
//! So the file is written anew from the rows that are left, and takes the old one's place. That needs the file alone:
//! it is asked for by a marker beside it, and done by the next opening. A kill at any moment leaves the old file and the
//! marker, or the new file.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering::SeqCst},
};

use super::{
    DuckStore, Limits, copy_rows,
    fold::{beside, failed, folder},
};
use crate::store::StoreError;

/// Whether the file may hold bytes of rows that were erased.
pub(super) struct Scrub {
    /// True where it may.
    dirty: AtomicBool,
    /// Set once this opening is to end, so that the next writes the file anew.
    leaving: AtomicBool,
    /// Why it could not be written anew as it was opened.
    refused: Option<String>,
}

impl Scrub {
    /// Of a database that leaves no file.
    pub fn nothing() -> Scrub {
        Scrub { dirty: false.into(), leaving: false.into(), refused: None }
    }

    /// Writes the file anew if that was asked for.
    pub fn opening(path: &Path, limits: &Limits) -> Scrub {
        let unclean = |refused| Scrub { dirty: true.into(), leaving: false.into(), refused };
        if !marker(path).exists() {
            return unclean(None);
        }
        let written = rewrite(path, limits);
        if let Err(error) = fs::remove_file(marker(path)) {
            tracing::error!(%error, "the store's file is written anew once more at the next start");
        }
        match written {
            Ok(()) => {
                tracing::info!("the store's file was written anew, without what was erased");
                Scrub::nothing()
            }
            Err(error) => {
                tracing::error!(%error, "the store's file could not be written anew");
                unclean(Some(error.to_string()))
            }
        }
    }

    /// Rows were taken out.
    pub fn erased(&self, rows: usize) {
        if rows > 0 {
            self.dirty.store(true, SeqCst);
        }
    }

    pub fn is_leaving(&self) -> bool {
        self.leaving.load(SeqCst)
    }

    /// See [`crate::store::Store::scrub`]. The opening that follows does it.
    pub fn ask(&self, path: &Path) -> Result<(), StoreError> {
        if !self.dirty.load(SeqCst) {
            return Ok(());
        }
        if let Some(error) = &self.refused {
            return Err(StoreError::Refused(format!(
                "the file could not be written anew: {error}; a start tries again"
            )));
        }
        File::create(marker(path)).and_then(|file| file.sync_all()).map_err(failed(path))?;
        self.leaving.store(true, SeqCst);
        Err(StoreError::Unavailable("its file is being written anew, without what was erased".to_owned()))
    }
}

fn marker(path: &Path) -> PathBuf {
    beside(path, "rewrite")
}

fn rewrite(path: &Path, limits: &Limits) -> Result<(), StoreError> {
    let new = beside(path, "rewritten");
    for left in
        ["wal", "new", "new.wal", "fold", "fold.new"].map(|ending| beside(&new, ending)).iter().chain([&new])
    {
        match fs::remove_file(left) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(left)(error)),
            _ => {}
        }
    }
    let store = DuckStore::open_as_it_is(path, limits, Scrub::nothing())?;
    let copied = store.checkpoint().and_then(|()| copy_rows(&store, &new));
    drop(store);
    if let Err(error) = copied {
        let _ = fs::remove_file(&new);
        return Err(error);
    }
    // A log that were left would be taken for the new file's.
    for log in [beside(path, "wal"), beside(&new, "wal")] {
        if fs::metadata(&log).is_ok_and(|it| it.len() > 0) {
            return Err(StoreError::Unavailable(format!("{} could not be folded in", log.display())));
        }
        let _ = fs::remove_file(&log);
    }
    let old = OpenOptions::new().write(true).open(path).map_err(failed(path))?;
    File::open(&new)
        .and_then(|file| file.sync_all())
        .and_then(|()| fs::rename(&new, path))
        .and_then(|()| File::open(folder(path))?.sync_all())
        .map_err(failed(&new))?;
    if let Err(error) = overwrite(old) {
        tracing::warn!(%error, "the blocks of the store's old file could not be overwritten");
    }
    Ok(())
}

/// Zeros over a file that has no name any more: what the disk holds of it, as far as the disk writes in place.
fn overwrite(mut file: File) -> io::Result<()> {
    let mut left = file.metadata()?.len();
    let zeros = vec![0; 1 << 20];
    while left > 0 {
        let step = left.min(zeros.len() as u64);
        file.write_all(&zeros[..step as usize])?;
        left -= step;
    }
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{
            day::{Day, Hour},
            declaration::SiteId,
            row::{Family, Release, ReleaseId, Row, Table},
        },
        store::Store,
    };

    /// Few rows: of many, texts are compressed, and nothing would be seen.
    fn release(site: u32, text: &str) -> Release {
        let day = Day(20_779);
        let row = |n: usize| Row {
            table: Table::Pages,
            family: Family::Page,
            day,
            hour: Some(Hour(3)),
            keys: ["page".into(), format!("{text}/{n}").into()].into(),
            counts: vec![1; Table::Pages.counters().len()].into(),
        };
        let id = ReleaseId { site: SiteId(site), day, node: 0, number: 1 };
        Release { id, rows: (0..2).map(row).collect(), close: None }
    }

    fn holds(folder: &Path, text: &str) -> bool {
        let files = fs::read_dir(folder).unwrap().map(|file| fs::read(file.unwrap().path()).unwrap());
        files.into_iter().any(|bytes| bytes.windows(text.len()).any(|window| window == text.as_bytes()))
    }

    #[test]
    fn what_was_erased_is_gone_from_the_file_s_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.duckdb");
        let open = || DuckStore::open(&path, &Limits { memory_mb: 128, threads: 1 }).unwrap();
        let store = open();
        store.insert(&release(1, "secret.example")).unwrap();
        store.insert(&release(2, "other.example")).unwrap();
        store.checkpoint().unwrap();
        assert!(holds(folder.path(), "secret.example"), "or nothing is seen below");
        store.erase(SiteId(1), None).unwrap();
        assert!(holds(folder.path(), "secret.example"), "erasing marks blocks as free");
        let error = store.scrub(SiteId(1)).unwrap_err();
        assert!(error.to_string().contains("written anew") && !store.usable(), "{error}");
        drop(store);
        // Killed before it was done: the marker is there, and what was half written.
        fs::write(folder.path().join("rows.duckdb.rewritten"), "half").unwrap();
        let store = open();
        assert!(!holds(folder.path(), "secret.example"));
        assert!(holds(folder.path(), "other.example"));
        store.scrub(SiteId(1)).unwrap();
        assert_eq!(store.sites().unwrap(), [SiteId(2)]);
        assert_eq!(store.releases(SiteId(2), Day(0), Day(30_000)).unwrap()[0].rows.len(), 2);
        let left: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
        assert!(left.iter().all(|name| !name.to_string_lossy().contains("rewr")), "{left:?}");
        // Erased since: once more.
        store.erase(SiteId(2), None).unwrap();
        assert!(store.scrub(SiteId(2)).is_err());
    }
}
