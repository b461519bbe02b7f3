//! Folding the store's log into its file, so that a write that is cut off halfway costs nothing.
//!
//! DuckDB writes rows to new blocks, but what it knows of them to blocks that are in use: one that is torn by a kill or a
//! loss of power is torn for the last good state too. So these blocks are saved beside the file first. As long as
//! the file's headers are those of that state, the next opening puts them back; then its log is still whole.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use duckdb::Connection;

use super::{unavailable, whole::OwnFile};
use crate::store::StoreError;

const MAGIC: &[u8; 8] = b"mayfold1";
/// Before the first block: what the file is, and two headers of which the newer counts.
const HEADERS_BYTES: usize = 3 * 4096;
const HASH_BYTES: usize = 32;
/// Ids from here on are of blocks that are in memory only.
const IN_MEMORY: i64 = 1 << 62;

/// Folds the log into the file.
///
/// # Errors
/// When the disk is full, or somebody else writes.
pub(super) fn fold(connection: &Connection, file: &OwnFile) -> Result<(), StoreError> {
    let saved = save(connection, file)?;
    connection.execute_batch("CHECKPOINT").map_err(unavailable)?;
    fs::remove_file(&saved).map_err(failed(&saved))
}

/// Saves the blocks that a fold may write over.
fn save(connection: &Connection, file: &OwnFile) -> Result<PathBuf, StoreError> {
    let (size, ids) = blocks(connection).map_err(unavailable)?;
    let saved = beside(file.path(), "fold");
    let new = beside(file.path(), "fold.new");
    let bytes = content(file, size, &ids).map_err(failed(file.path()))?;
    write(&new, &bytes)
        .and_then(|()| fs::rename(&new, &saved))
        .and_then(|()| File::open(folder(&saved))?.sync_all())
        .map_err(failed(&saved))?;
    Ok(saved)
}

/// The size of a block, and those that hold what DuckDB knows of rows.
fn blocks(connection: &Connection) -> duckdb::Result<(usize, Vec<u64>)> {
    let sql = "SELECT block_size FROM pragma_database_size() WHERE database_name = current_database()";
    let size: i64 = connection.query_row(sql, [], |row| row.get(0))?;
    let mut statement =
        connection.prepare("SELECT block_id FROM pragma_metadata_info() WHERE block_id < ?")?;
    let ids = statement.query_map([IN_MEMORY], |row| row.get::<_, i64>(0))?;
    Ok((size as usize, ids.map(|id| id.map(|id| id as u64)).collect::<duckdb::Result<_>>()?))
}

fn content(file: &OwnFile, size: usize, ids: &[u64]) -> io::Result<Vec<u8>> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend((size as u64).to_le_bytes());
    let part = |bytes: &mut Vec<u8>, at: u64, length: usize| {
        let from = bytes.len();
        bytes.resize(from + length, 0);
        file.read_at(&mut bytes[from..], at)
    };
    part(&mut bytes, 0, HEADERS_BYTES)?;
    for &id in ids {
        bytes.extend(id.to_le_bytes());
        part(&mut bytes, place(id, size), size)?;
    }
    bytes.extend(blake3::hash(&bytes).as_bytes());
    Ok(bytes)
}

fn place(id: u64, size: usize) -> u64 {
    HEADERS_BYTES as u64 + id * size as u64
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Undoes a fold that was cut off. To be called while nobody has the file open.
///
/// # Errors
/// With the path.
pub(super) fn mend(path: &Path) -> Result<(), StoreError> {
    let saved = beside(path, "fold");
    let bytes = match fs::read(&saved) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(&saved)(error)),
    };
    if put_back(path, &bytes).map_err(failed(path))? {
        tracing::info!("the store's log was being folded into its file: that begins anew");
    }
    fs::remove_file(&saved).map_err(failed(&saved))
}

/// True where the file was still as it had been saved, but for the blocks.
fn put_back(path: &Path, bytes: &[u8]) -> io::Result<bool> {
    let Some((headers, size, blocks)) = parts(bytes) else { return Ok(false) };
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    let mut found = vec![0; HEADERS_BYTES];
    file.read_exact(&mut found)?;
    if found != headers {
        return Ok(false);
    }
    for block in blocks.chunks_exact(8 + size) {
        let (id, block) = block.split_at(8);
        file.write_all_at(block, place(number(id), size))?;
    }
    file.sync_all()?;
    Ok(true)
}

/// Headers, size of a block, and blocks after their ids; `None` where not all of it was written.
fn parts(bytes: &[u8]) -> Option<(&[u8], usize, &[u8])> {
    let (body, hash) = bytes.split_at_checked(bytes.len().checked_sub(HASH_BYTES)?)?;
    let rest = body.strip_prefix(MAGIC).filter(|_| blake3::hash(body).as_bytes() == hash)?;
    let (size, rest) = rest.split_at_checked(8)?;
    let (headers, blocks) = rest.split_at_checked(HEADERS_BYTES)?;
    Some((headers, number(size) as usize, blocks))
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |sum, &byte| sum << 8 | u64::from(byte))
}

pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    PathBuf::from(format!("{}.{ending}", path.display()))
}

/// Where a file is.
pub(super) fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

pub(super) fn failed(path: &Path) -> impl Fn(io::Error) -> StoreError {
    let path = path.display().to_string();
    move |error| StoreError::Unavailable(format!("{path}: {error}"))
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
        store::{
            Store,
            conformance::{Shape, conformance},
            duckdb::{DuckStore, FamilySums, Limits},
        },
    };

    const NAME: &str = "rows.duckdb";

    fn open(folder: &Path) -> DuckStore {
        DuckStore::open(&folder.join(NAME), &Limits { memory_mb: 128, threads: 1 }).unwrap()
    }

    fn release() -> Release {
        let day = Day(20_779);
        let row = |n: usize| Row {
            table: Table::Pages,
            family: Family::Page,
            day,
            hour: Some(Hour(3)),
            keys: ["page".into(), format!("example.com/{n}").into()].into(),
            counts: vec![1; Table::Pages.counters().len()].into(),
        };
        let id = ReleaseId { site: SiteId(77), day, node: 0, number: 1 };
        Release { id, rows: (100..200).map(row).collect(), close: None }
    }

    /// File, log and what was saved, as a kill would leave them.
    fn killed(from: &Path) -> tempfile::TempDir {
        let to = tempfile::tempdir().unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let path = entry.unwrap().path();
            fs::copy(&path, to.path().join(path.file_name().unwrap())).unwrap();
        }
        to
    }

    /// Half of each block is another's, as if the disk had got no further.
    fn tear(folder: &Path, size: usize, ids: &[u64]) {
        let file = OpenOptions::new().write(true).open(folder.join(NAME)).unwrap();
        for &id in ids {
            file.write_all_at(&vec![0x5a; size / 2], place(id, size)).unwrap();
        }
    }

    fn sums(folder: &Path) -> Result<Vec<FamilySums>, StoreError> {
        DuckStore::open(&folder.join(NAME), &Limits { memory_mb: 128, threads: 1 })?.sums()
    }

    #[test]
    fn a_fold_that_is_cut_off_loses_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path());
        conformance(&store, &Shape::small());
        store.checkpoint().unwrap();
        // Of the next state, in the log.
        store.insert(&release()).unwrap();
        let whole = store.sums().unwrap();
        let (size, ids) = blocks(&store.writer()).unwrap();
        assert!(!ids.is_empty());
        let without = killed(folder.path());
        tear(without.path(), size, &ids);
        assert!(sums(without.path()).is_err(), "or nothing is tested below");

        save(&store.writer(), store.file.as_ref().unwrap()).unwrap();
        let torn = killed(folder.path());
        tear(torn.path(), size, &ids);
        assert_eq!(sums(torn.path()).unwrap(), whole);
        assert!(!torn.path().join("rows.duckdb.fold").exists());

        // Cut off while it was saved: nothing of the file has been touched yet.
        let saved = folder.path().join("rows.duckdb.fold");
        let bytes = fs::read(&saved).unwrap();
        fs::write(&saved, &bytes[..bytes.len() / 2]).unwrap();
        assert_eq!(sums(killed(folder.path()).path()).unwrap(), whole);

        // Folded, and killed before it was removed: the file is newer than what was saved.
        store.checkpoint().unwrap();
        fs::write(&saved, bytes).unwrap();
        assert_eq!(sums(killed(folder.path()).path()).unwrap(), whole);
    }
}
