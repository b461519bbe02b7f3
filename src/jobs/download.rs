//! Everything that is stored about one site, as one archive: its rows as tables, its settings, what is remembered of
//! it, who changed what, the last verification. Files are made first, below the data directory, and go with the
//! download; only a piece of one is ever in memory.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use serde_json::{Map, Value, json};

use super::{JobError, Result, Rooms, folder};
use crate::{
    control::AdmittedKind,
    domain::day::Day,
    folder as folders,
    store::duckdb::{ExportFormat, Which, export},
    verify,
};

/// Bytes that are read at once.
const PIECE: usize = 64 << 10;
/// What files of an archive are rounded up to.
const BLOCK: u64 = 512;

const README: &str = "All that this Mayfly stores about one site.\n\n\
    *.csv or *.parquet   the rows, a file for each table and family (docs/API.md says what they hold), of closed days and\n\
    \x20                    of open ones as far as they are released. days: when each day closed, with which k.\n\
    \x20                    ledger_page: what became of every request.\n\
    settings.json        settings and declarations\n\
    remembered.json      pages, sources and campaigns that k visitors used, admitted again on later days\n\
    notes.json           what people wrote beside days\n\
    audit.json           who changed what\n\
    verification.json    the last verification\n\n\
    Not here: the open day's journal and memory, which are gone at the site's midnight, and what tells nothing (hashes of\n\
    keys). Backups hold what was stored when they were made.\n";

/// Whether a download is under way: one at a time.
#[derive(Clone, Default)]
pub(super) struct Turn(Arc<AtomicBool>);

/// A download that is ready: its files, until it is dropped.
pub struct Download {
    folder: PathBuf,
    /// Name, path and size.
    files: Vec<(String, PathBuf, u64)>,
    turn: Turn,
}

impl Drop for Download {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            tracing::warn!(%error, "what was downloaded is left until the next start");
        }
        self.turn.0.store(false, Ordering::Release);
    }
}

/// Where downloads are made.
pub(super) fn place(data: &Path) -> PathBuf {
    data.join("downloads")
}

/// Makes the files.
pub(super) fn prepare(rooms: &Rooms<'_>, turn: &Turn, site: &str, format: ExportFormat) -> Result<Download> {
    let site = rooms.control.site(site, rooms.now)?;
    if turn.0.swap(true, Ordering::AcqRel) {
        return Err(JobError::Refused("another download is under way: try again when it is done".to_owned()));
    }
    let name = format!("{:016x}", rand::random::<u64>());
    let mut download =
        Download { folder: place(rooms.data).join(name), files: Vec::new(), turn: turn.clone() };
    let folder = download.folder.clone();
    folders::make(&folder).map_err(JobError::file(&folder))?;
    let copy = folder.join("rows.duckdb");
    rooms.store.copy(&copy)?;
    rooms.go_on()?;
    export(&copy, &folder, format, &[(site.id, site.name.clone())], (None, None), Which::Stored)?;
    fs::remove_file(&copy).map_err(JobError::file(&copy))?;
    let put = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::write(&path, text).map_err(JobError::file(&path))
    };
    let pretty = |value: Value| serde_json::to_string_pretty(&value).unwrap_or_default();
    put("README.txt", README)?;
    put("settings.json", &pretty(site.document().map_err(|error| JobError::Refused(error.to_string()))?))?;
    let mut remembered = Map::new();
    for kind in AdmittedKind::ALL {
        let values = rooms.control.admitted_values(site.id, kind)?;
        remembered.insert(format!("{kind:?}"), values.iter().map(|value| json!(&**value)).collect());
    }
    put("remembered.json", &pretty(remembered.into()))?;
    let notes = rooms.control.notes(site.id, Day(i32::MIN), Day(i32::MAX))?;
    put("notes.json", &pretty(json!(notes)))?;
    put("audit.json", &pretty(json!(rooms.control.audited(Some(&[site.id]))?)))?;
    let report = verify::last(rooms.control)?.map(|report| report.of_site(site.id));
    put("verification.json", &pretty(json!(report)))?;
    for path in folder::files(&folder)? {
        let size = fs::metadata(&path).map_err(JobError::file(&path))?.len();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let day = Day(rooms.now.div_euclid(86_400_000) as i32);
        download.files.push((format!("{}-{day}/{name}", site.name), path.clone(), size));
    }
    Ok(download)
}

impl Download {
    /// Bytes of the archive.
    pub fn size(&self) -> u64 {
        self.files.iter().map(|(_, _, size)| BLOCK + size.next_multiple_of(BLOCK)).sum::<u64>() + 2 * BLOCK
    }

    /// Gives out the archive (ustar) piece by piece, until all is out or `to` takes no more.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn pieces(&self, mut to: impl FnMut(Vec<u8>) -> bool) -> io::Result<()> {
        for (name, path, size) in &self.files {
            if !to(header(name, *size)) {
                return Ok(());
            }
            let mut file = File::open(path)?.take(*size);
            loop {
                let mut piece = Vec::new();
                (&mut file).take(PIECE as u64).read_to_end(&mut piece)?;
                if piece.is_empty() {
                    break;
                }
                if !to(piece) {
                    return Ok(());
                }
            }
            let padding = size.next_multiple_of(BLOCK) - size;
            if padding > 0 && !to(vec![0; padding as usize]) {
                return Ok(());
            }
        }
        to(vec![0; 2 * BLOCK as usize]);
        Ok(())
    }
}

/// The block before a file, as POSIX has it.
fn header(name: &str, size: u64) -> Vec<u8> {
    let mut block = vec![0; BLOCK as usize];
    let mut put = |at: usize, text: &str| block[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, name.get(..99).unwrap_or(name));
    put(100, "0000600");
    put(108, "0000000");
    put(116, "0000000");
    put(124, &format!("{size:011o}"));
    put(136, "00000000000");
    // The sum is taken with spaces in its own place.
    put(148, "        ");
    put(156, "0");
    put(257, "ustar");
    put(263, "00");
    let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
    block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_is_one_that_tar_reads_and_has_the_size_that_was_said() {
        let folder = tempfile::tempdir().unwrap();
        let made = folder.path().join("made");
        fs::create_dir(&made).unwrap();
        let turn = Turn::default();
        turn.0.store(true, Ordering::Release);
        let sizes = [0, 1, 511, 512, 513, PIECE + 7];
        let files = sizes.iter().enumerate().map(|(n, &size)| {
            let path = made.join(n.to_string());
            fs::write(&path, vec![b'x'; size]).unwrap();
            (format!("site/{n}.csv"), path, size as u64)
        });
        let download = Download { files: files.collect(), folder: made.clone(), turn: turn.clone() };
        let mut archive = Vec::new();
        let mut longest = 0;
        download
            .pieces(|piece| {
                longest = longest.max(piece.len());
                archive.extend(piece);
                true
            })
            .unwrap();
        assert_eq!((archive.len() as u64, longest), (download.size(), PIECE));
        let path = folder.path().join("all.tar");
        fs::write(&path, archive).unwrap();
        let listed = std::process::Command::new("tar").arg("tvf").arg(&path).output().unwrap();
        assert!(listed.status.success(), "{listed:?}");
        let listed = String::from_utf8(listed.stdout).unwrap();
        for (n, size) in sizes.iter().enumerate() {
            assert!(
                listed
                    .lines()
                    .nth(n)
                    .is_some_and(|line| line.contains(&format!(" {size} "))
                        && line.ends_with(&format!("site/{n}.csv"))),
                "{listed}"
            );
        }
        drop(download);
        assert!(!made.exists() && !turn.0.load(Ordering::Acquire));
    }
}
