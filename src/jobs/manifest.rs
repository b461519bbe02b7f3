//! What a backup says about itself: versions, files with their hashes, sites, open days, sums.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use serde::{Deserialize, Serialize};

use super::{JobError, Result};
use crate::{
    control,
    domain::{
        day::UnixMs,
        declaration::SiteId,
        row::{Family, Table},
    },
    store::duckdb::{self, FamilySums},
};

pub(super) const ROWS: &str = "rows.duckdb";
pub(super) const CONTROL: &str = "control.sqlite";
const MANIFEST: &str = "manifest.json";
/// The form of backups that this program writes and reads.
const FORMAT: u32 = 1;
/// A manifest is not larger than this: some hundred bytes for each site and kind of rows.
const BYTES_MAX: u64 = 64 << 20;

/// `manifest.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub format: u32,
    /// Version of the program that made it.
    pub program: String,
    /// `2026-11-22T10:00:00Z`
    pub made_at: String,
    pub store_schema: u32,
    pub control_schema: u32,
    pub files: Vec<FileEntry>,
    pub sites: Vec<SiteEntry>,
    pub rows: Vec<Sums>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    pub name: String,
    pub bytes: u64,
    pub blake3: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteEntry {
    pub id: u32,
    pub name: String,
}

/// What the rows of a site in a table and family add up to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sums {
    pub site: u32,
    pub table: String,
    pub family: String,
    pub rows: u64,
    /// In the order of the table's counters.
    pub sums: Vec<i64>,
}

impl From<FamilySums> for Sums {
    fn from(sums: FamilySums) -> Sums {
        let FamilySums { site: SiteId(site), table, family, rows, sums } = sums;
        let (table, family) = (Table::name(table).to_owned(), Family::name(family).to_owned());
        Sums { site, table, family, rows, sums }
    }
}

impl Manifest {
    /// Of the files that lie in a folder.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn of(folder: &Path, sites: Vec<SiteEntry>, rows: Vec<FamilySums>, now: UnixMs) -> Result<Manifest> {
        let entry = |name: &str| {
            let path = folder.join(name);
            let (bytes, blake3) = hashed(&path, &mut io::sink()).map_err(JobError::file(&path))?;
            Ok(FileEntry { name: name.to_owned(), bytes, blake3 })
        };
        let made_at = jiff::Timestamp::from_millisecond(now).unwrap_or_default();
        Ok(Manifest {
            format: FORMAT,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            made_at: made_at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            store_schema: duckdb::NEWEST,
            control_schema: control::NEWEST,
            files: [ROWS, CONTROL].into_iter().map(entry).collect::<Result<_>>()?,
            sites,
            rows: rows.into_iter().map(Sums::from).collect(),
        })
    }

    /// Writes `manifest.json`.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let path = folder.join(MANIFEST);
        let text =
            serde_json::to_string_pretty(self).map_err(io::Error::other).map_err(JobError::file(&path))?;
        let write = || {
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
            file.write_all(text.as_bytes())
        };
        write().map_err(JobError::file(&path))
    }

    /// Reads `manifest.json`, and refuses what a newer program wrote.
    ///
    /// # Errors
    /// Words that name what is wrong.
    pub fn read(folder: &Path) -> Result<Manifest> {
        let path = folder.join(MANIFEST);
        let refuse = |why: String| JobError::Refused(format!("{}: {why}", path.display()));
        if fs::metadata(&path).map_err(JobError::file(&path))?.len() > BYTES_MAX {
            return Err(refuse("this is no manifest of a backup: it is too large".to_owned()));
        }
        let text = fs::read_to_string(&path).map_err(JobError::file(&path))?;
        let value: serde_json::Value = serde_json::from_str(&text)
            .map_err(|error| refuse(format!("this is no manifest of a backup: {error}")))?;
        let found = value["format"].as_u64().unwrap_or(0);
        if found > u64::from(FORMAT) {
            return Err(refuse(format!(
                "the backup is of form {found}, this program knows up to {FORMAT}: use the newer program"
            )));
        }
        let manifest: Manifest = serde_json::from_value(value)
            .map_err(|error| refuse(format!("this is no manifest of a backup: {error}")))?;
        for (what, found, known) in [
            ("store", manifest.store_schema, duckdb::NEWEST),
            ("control database", manifest.control_schema, control::NEWEST),
        ] {
            if found > known {
                return Err(refuse(format!(
                    "its {what} is at schema {found}, this program knows up to {known}: use the newer program"
                )));
            }
        }
        Ok(manifest)
    }

    /// Copies the files of a backup to another folder, and holds them against their hashes meanwhile.
    ///
    /// # Errors
    /// Words that name the file that is missing or damaged.
    pub fn copy_files(&self, from: &Path, to: &Path) -> Result<()> {
        for name in [ROWS, CONTROL] {
            let path = from.join(name);
            let damaged = |why: &str| JobError::Refused(format!("{}: {why}", path.display()));
            let uncopied = |error| damaged(&format!("it could not be copied to {}: {error}", to.display()));
            let entry = self.files.iter().find(|one| one.name == name);
            let entry = entry.ok_or_else(|| damaged("the manifest does not name it"))?;
            let copy = || {
                let target = to.join(name);
                let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(target)?;
                hashed(&path, &mut file)
            };
            let (bytes, blake3) = copy().map_err(|error: io::Error| uncopied(error))?;
            if (bytes, &blake3) != (entry.bytes, &entry.blake3) {
                return Err(damaged("it is not what was backed up (its hash differs from the manifest's)"));
            }
        }
        Ok(())
    }
}

/// Copies a file; its length and hash.
fn hashed(path: &Path, to: &mut impl Write) -> io::Result<(u64, String)> {
    let mut file = File::open(path)?;
    let (mut hasher, mut part, mut bytes) = (blake3::Hasher::new(), vec![0; 1 << 16], 0);
    loop {
        let n = file.read(&mut part)?;
        if n == 0 {
            return Ok((bytes, hasher.finalize().to_hex().to_string()));
        }
        hasher.update(&part[..n]);
        to.write_all(&part[..n])?;
        bytes += n as u64;
    }
}
