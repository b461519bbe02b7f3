//! The files of a journal: their names, how one is made and destroyed with its key, and what a crash in between
//! leaves behind.
//!
//! Making: `X.journal.new` (synced), key (synced), rename to `X.journal` (synced). So a key without a journal
//! is a beginning only while the `.new` is there, and a loss otherwise.
//! Destroying: rename to `X.journal.gone` (synced), key overwritten and removed (synced), file removed (synced).
//! So a journal without its key is a loss, and a `.gone` is finished at the next start.
//! What is damaged or does not belong together lies beside as `.damaged`, and is destroyed with the day.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use super::{FileId, OpenError, frame};
use crate::{
    domain::{day::Day, declaration::SiteId},
    folder,
    memory::sealed::{Secret, Secrets},
};

const KEY_MAGIC: &[u8; 8] = b"mayfkey1";
const KEY_FILE: usize = 8 + 4 + 4 + 32;

/// Where journals and their keys lie.
pub(super) struct Places {
    pub dir: PathBuf,
    pub key_dir: PathBuf,
}

impl Places {
    /// Makes the directories, private to this user.
    pub(super) fn prepare(&self) -> io::Result<()> {
        for dir in [&self.dir, &self.key_dir] {
            folder::make(dir).map_err(|error| with_path(dir, &error))?;
            // The directory's own name must survive a power loss too.
            if let Some(parent) = dir.parent().filter(|parent| !parent.as_os_str().is_empty()) {
                sync_dir(parent).map_err(|error| with_path(parent, &error))?;
            }
        }
        Ok(())
    }

    pub(super) fn journal(&self, file: FileId) -> PathBuf {
        self.dir.join(format!("{file}.journal"))
    }

    fn beginning(&self, file: FileId) -> PathBuf {
        self.dir.join(format!("{file}.journal.new"))
    }

    fn gone(&self, file: FileId) -> PathBuf {
        self.dir.join(format!("{file}.journal.gone"))
    }

    /// What is taken over from a damaged journal, until that is whole.
    fn salvaged(&self, file: FileId) -> PathBuf {
        self.dir.join(format!("{file}.journal.salvaged"))
    }

    /// What was set aside of a site-day.
    fn aside(&self, file: FileId) -> [PathBuf; 2] {
        [
            self.dir.join(format!("{file}.journal.damaged")),
            self.key_dir.join(format!("{file}.journal-key.damaged")),
        ]
    }

    /// Whether a journal of the site-day lies beside as damaged.
    pub(super) fn was_damaged(&self, file: FileId) -> bool {
        self.aside(file)[0].exists()
    }

    pub(super) fn key(&self, file: FileId) -> PathBuf {
        self.key_dir.join(format!("{file}.journal-key"))
    }

    /// Site-days with a journal or a key, in order.
    pub(super) fn list(&self) -> io::Result<Vec<FileId>> {
        let mut found = named(&self.dir, ".journal")?;
        let begun = named(&self.dir, ".journal.new")?;
        found.extend(named(&self.key_dir, ".journal-key")?.into_iter().filter(|file| !begun.contains(file)));
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    /// Site-days of which something was set aside, in order.
    pub(super) fn listed_aside(&self) -> io::Result<Vec<FileId>> {
        let mut found = named(&self.dir, ".journal.damaged")?;
        found.extend(named(&self.key_dir, ".journal-key.damaged")?);
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    /// Takes over the keys that lie in another directory. A crash in between leaves two of one key, and the next
    /// start removes the one that stayed. Keys that were set aside there are destroyed.
    pub(super) fn take_keys(&self, from: &Path) -> io::Result<()> {
        if !from.is_dir() {
            return Ok(());
        }
        let other = Places { dir: self.dir.clone(), key_dir: from.to_owned() };
        for file in named(from, ".journal-key")? {
            let secrets = Secrets::default();
            // What is no key cannot be of use where it is, either; it goes with its journal.
            if let Ok(secret) = read_key(&other.key(file), file, &secrets)
                && read_key(&self.key(file), file, &secrets).is_err()
            {
                write_key(&self.key(file), file, &secret)?;
            }
            remove_key(&other.key(file))?;
        }
        // Their journals can no longer be read, and a close looks for what was set aside among its own keys.
        let set_aside = named(from, ".journal-key.damaged")?;
        set_aside.into_iter().try_for_each(|file| remove_key(&other.aside(file)[1]))
    }

    /// Finishes what a crash interrupted in `destroy`, and undoes what one interrupted in `create`.
    pub(super) fn finish_destroying(&self) -> io::Result<()> {
        let (gone, begun) = (named(&self.dir, ".journal.gone")?, named(&self.dir, ".journal.new")?);
        let begun = begun.into_iter().filter(|&file| !self.journal(file).exists());
        gone.into_iter().chain(begun).try_for_each(|file| self.destroy(file))
    }

    /// What is there of a site-day: its journal opened at its first frame and its key, or nothing yet.
    pub(super) fn find(&self, file: FileId, secrets: &Secrets) -> Result<Option<(File, Secret)>, OpenError> {
        let (journal, key) = (self.journal(file), self.key(file));
        match (journal.exists(), key.exists()) {
            (true, true) => {}
            (true, false) => return Err(OpenError::MissingKey { journal, key }),
            (false, true) if !self.beginning(file).exists() => {
                return Err(OpenError::MissingJournal { journal, key });
            }
            (false, _) => return Ok(None),
        }
        let secret = read_key(&key, file, secrets)?;
        let mut opened =
            OpenOptions::new().read(true).write(true).open(&journal).map_err(OpenError::at(&journal))?;
        let mut header = Vec::with_capacity(frame::FILE_HEADER);
        let read = Read::by_ref(&mut opened).take(frame::FILE_HEADER as u64).read_to_end(&mut header);
        read.map_err(OpenError::at(&journal))?;
        match frame::check_start(file, secret.bytes(), &header) {
            Ok(()) => Ok(Some((opened, secret))),
            Err(frame::BadStart::Version) => Err(OpenError::Version { path: journal }),
            Err(frame::BadStart::Foreign) => Err(OpenError::Foreign { path: journal, file }),
            Err(frame::BadStart::WrongKey) => Err(OpenError::WrongKey { journal, key }),
        }
    }

    /// Makes a journal and its key; `find` said that there is none.
    pub(super) fn create(&self, file: FileId, secrets: &Secrets) -> Result<(File, Secret), OpenError> {
        let (journal, beginning, key) = (self.journal(file), self.beginning(file), self.key(file));
        remove_key(&key).map_err(OpenError::at(&key))?;
        let secret = secrets.fresh().map_err(OpenError::at(&key))?;
        let make = || -> io::Result<File> {
            let mut made = private(&beginning)?;
            made.write_all(&frame::start(file, secret.bytes()))?;
            made.sync_all()?;
            sync_dir(&self.dir)?;
            Ok(made)
        };
        let made = make().map_err(OpenError::at(&beginning))?;
        write_key(&key, file, &secret).map_err(OpenError::at(&key))?;
        fs::rename(&beginning, &journal)
            .and_then(|()| sync_dir(&self.dir))
            .map_err(OpenError::at(&journal))?;
        Ok((made, secret))
    }

    /// Destroys the key, then the journal; whatever of them is there.
    pub(super) fn destroy(&self, file: FileId) -> io::Result<()> {
        let (journal, gone) = (self.journal(file), self.gone(file));
        if journal.exists() {
            fs::rename(&journal, &gone)?;
            sync_dir(&self.dir)?;
        }
        let [journal_aside, key_aside] = self.aside(file);
        remove_key(&self.key(file))?;
        remove_key(&key_aside)?;
        remove(&journal_aside)?;
        remove(&self.salvaged(file))?;
        remove(&self.beginning(file))?;
        remove(&gone)
    }

    /// Puts the first `keep` bytes of a damaged journal in its place, and the whole of it beside them, under the
    /// same key. Killed in between, the next start does it again.
    pub(super) fn salvage(&self, file: FileId, damaged: &mut File, keep: u64) -> io::Result<File> {
        let (journal, copied) = (self.journal(file), self.salvaged(file));
        let mut made = private(&copied)?;
        damaged.seek(SeekFrom::Start(0))?;
        io::copy(&mut damaged.take(keep), &mut made)?;
        made.sync_all()?;
        let [aside, _] = self.aside(file);
        remove(&aside)?;
        fs::hard_link(&journal, &aside)?;
        fs::rename(&copied, &journal)?;
        sync_dir(&self.dir)?;
        Ok(made)
    }

    /// Renames what there is of a site-day.
    pub(super) fn set_aside(&self, file: FileId) -> io::Result<PathBuf> {
        let [journal_aside, key_aside] = self.aside(file);
        for (from, to) in [(self.key(file), &key_aside), (self.journal(file), &journal_aside)] {
            if from.exists() {
                fs::rename(&from, to)?;
                sync_parent(to)?;
            }
        }
        Ok(journal_aside)
    }
}

pub(super) fn with_path(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// Makes a directory's entries durable.
fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

fn sync_parent(path: &Path) -> io::Result<()> {
    sync_dir(path.parent().expect("the files of a journal lie in a directory"))
}

/// A new, empty file that only this user can read.
fn private(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(true).mode(0o600).open(path)
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Ok(()) => sync_parent(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

fn write_key(path: &Path, file: FileId, secret: &Secret) -> io::Result<()> {
    let mut bytes = Zeroizing::new([0; KEY_FILE]);
    bytes[..16].copy_from_slice(&key_header(file));
    bytes[16..].copy_from_slice(secret.bytes());
    let mut made = private(path)?;
    made.write_all(bytes.as_slice())?;
    made.sync_all()?;
    sync_parent(path)
}

fn read_key(path: &Path, file: FileId, secrets: &Secrets) -> Result<Secret, OpenError> {
    let mut secret = secrets.place().map_err(OpenError::at(path))?;
    let mut bytes = Zeroizing::new([0; KEY_FILE + 1]);
    let mut opened = File::open(path).map_err(OpenError::at(path))?;
    let mut len = 0;
    while len < bytes.len() {
        match opened.read(&mut bytes[len..]).map_err(OpenError::at(path))? {
            0 => break,
            more => len += more,
        }
    }
    if len != KEY_FILE || bytes[..16] != key_header(file) {
        return Err(OpenError::Foreign { path: path.to_owned(), file });
    }
    secret.bytes_mut().copy_from_slice(&bytes[16..KEY_FILE]);
    Ok(secret)
}

fn key_header(file: FileId) -> [u8; 16] {
    let mut header = [0; 16];
    header[..8].copy_from_slice(KEY_MAGIC);
    header[8..12].copy_from_slice(&file.site.0.to_le_bytes());
    header[12..].copy_from_slice(&file.day.0.to_le_bytes());
    header
}

/// Overwrites a key before its name goes: a disk that keeps freed blocks then keeps zeros, unless its file
/// system or its firmware writes elsewhere (`durability = "process"` is the answer to those).
fn remove_key(path: &Path) -> io::Result<()> {
    match OpenOptions::new().write(true).open(path) {
        Ok(mut file) => {
            file.write_all(&[0; KEY_FILE])?;
            file.sync_all()?;
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    }
    remove(path)
}

/// Site-days of the files in `dir` whose names end so; other files are left alone.
fn named(dir: &Path, suffix: &str) -> io::Result<Vec<FileId>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir)? {
        let name = entry?.file_name();
        found.extend(name.to_str().and_then(|name| FileId::parse(name.strip_suffix(suffix)?)));
    }
    Ok(found)
}

impl FileId {
    /// Parses `12-2026-11-22`.
    pub fn parse(text: &str) -> Option<FileId> {
        let (site, day) = text.split_once('-')?;
        let file = FileId { site: SiteId(site.parse().ok()?), day: Day::parse(day)? };
        (file.to_string() == text).then_some(file)
    }
}
