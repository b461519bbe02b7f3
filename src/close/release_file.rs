//! Releases on their way to the store: one synced file each, from the moment they are frozen until the store
//! has acknowledged them. Their rows are what the store will hold, so they are as anonymous as the store.
//!
//! What cannot go on is kept beside them with the reason in words (`refused/`), and for each site the last day
//! that was closed (`closed/`): what has to be known of the store while it is away.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use crate::domain::{
    day::Day,
    declaration::SiteId,
    row::{Release, ReleaseId, Row},
};

const MAGIC: &[u8; 8] = b"mayflyR1";
const WAITING: &str = "release";
const DAMAGED: &str = "damaged";

/// The folders of release files.
#[derive(Clone, Debug)]
pub struct ReleaseFiles {
    releases: PathBuf,
    refused: PathBuf,
    closed: PathBuf,
}

/// Why a release file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseFileError {
    #[error("{path}: {error}")]
    Io { path: String, error: io::Error },
    #[error("{path} is gone")]
    Gone { path: String },
    #[error("{path}: not a release file, or damaged")]
    Damaged { path: String },
}

impl ReleaseFiles {
    /// Makes the folders in the data directory.
    ///
    /// # Errors
    /// Those of the file system, with the path.
    pub fn in_data(data: &Path) -> io::Result<ReleaseFiles> {
        let files = ReleaseFiles {
            releases: data.join("releases"),
            refused: data.join("refused"),
            closed: data.join("closed"),
        };
        for folder in [&files.releases, &files.refused, &files.closed] {
            crate::folder::make(folder).map_err(|error| with_path(folder, &error))?;
        }
        // A closed day may be nowhere but in here: the folders' own names must survive a loss of power too.
        sync(data)?;
        Ok(files)
    }

    fn path(&self, id: ReleaseId) -> PathBuf {
        self.releases.join(name(id, WAITING))
    }

    fn aside(&self, id: ReleaseId, kind: &str) -> PathBuf {
        self.refused.join(name(id, kind))
    }

    fn reason(&self, id: ReleaseId) -> PathBuf {
        self.refused.join(name(id, "error.txt"))
    }

    /// Writes a release so that it survives a loss of power: temporary file, sync, rename, sync of the folder.
    ///
    /// # Errors
    /// Those of the file system; then nothing is there under the release's name.
    pub fn write(&self, release: &Release) -> io::Result<()> {
        write_whole(&self.path(release.id), &[&encode(release).map_err(io::Error::other)?])
    }

    /// Reads a release back.
    ///
    /// # Errors
    /// [`ReleaseFileError`] names the file.
    pub fn read(&self, id: ReleaseId) -> Result<Release, ReleaseFileError> {
        let path = self.path(id);
        let bytes = fs::read(&path).map_err(|error| named(&path, error))?;
        let release = parse(&bytes).filter(|release| release.id == id);
        release.ok_or_else(|| ReleaseFileError::Damaged { path: path.display().to_string() })
    }

    /// Forgets a release that the store holds. A file that is already gone is no error.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn remove(&self, id: ReleaseId) -> io::Result<()> {
        remove(&self.path(id))?;
        remove(&self.reason(id))
    }

    /// All releases that wait, in order. Unfinished files of an earlier run are removed, files with other names
    /// left alone.
    ///
    /// # Errors
    /// Those of the file system, with the path.
    pub fn list(&self) -> io::Result<Vec<ReleaseId>> {
        for name in names(&self.releases)?.iter().filter(|name| name.ends_with(".part")) {
            remove(&self.releases.join(name))?;
        }
        listed(&self.releases, WAITING)
    }

    /// Takes a release out of the way, with the reason beside it. Killed in between, the next start offers it to
    /// the store again.
    ///
    /// # Errors
    /// Those of the file system; then it is where it was.
    pub fn refuse(&self, id: ReleaseId, reason: &str) -> io::Result<()> {
        self.put_aside(id, WAITING, reason)
    }

    /// The same for a file that cannot be read: it is never offered again.
    ///
    /// # Errors
    /// As [`ReleaseFiles::refuse`].
    pub fn set_damaged_aside(&self, id: ReleaseId, reason: &str) -> io::Result<()> {
        self.put_aside(id, DAMAGED, reason)
    }

    fn put_aside(&self, id: ReleaseId, kind: &str, reason: &str) -> io::Result<()> {
        write_whole(&self.reason(id), &[reason.as_bytes(), b"\n"])?;
        let aside = self.aside(id, kind);
        match fs::rename(self.path(id), &aside) {
            // A kill before its day knew that it was refused: it was offered by itself, and then by its day.
            Err(error) if error.kind() == io::ErrorKind::NotFound && aside.exists() => {}
            moved => moved?,
        }
        sync(&self.refused)?;
        sync(&self.releases)
    }

    /// Puts refused releases back among those that wait, to be offered to the store once more; returns them.
    ///
    /// # Errors
    /// Those of the file system, with the path.
    pub fn offer_again(&self) -> io::Result<Vec<ReleaseId>> {
        let ids = listed(&self.refused, WAITING)?;
        for &id in &ids {
            let path = self.aside(id, WAITING);
            fs::rename(&path, self.path(id)).map_err(|error| with_path(&path, &error))?;
        }
        if !ids.is_empty() {
            sync(&self.releases)?;
        }
        Ok(ids)
    }

    /// Releases whose files cannot be read, with the reasons.
    ///
    /// # Errors
    /// Those of the file system, with the path.
    pub fn damaged(&self) -> io::Result<Vec<(ReleaseId, String)>> {
        let reason = |id| fs::read_to_string(self.reason(id)).unwrap_or_default().trim_end().to_owned();
        Ok(listed(&self.refused, DAMAGED)?.into_iter().map(|id| (id, reason(id))).collect())
    }

    /// Removes what was set aside of a site's days before one, with the reasons; returns what it was.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn remove_aside(&self, site: SiteId, before: Day) -> io::Result<Vec<ReleaseId>> {
        let mut gone = Vec::new();
        for kind in [WAITING, DAMAGED] {
            for id in listed(&self.refused, kind)? {
                if id.site == site && id.day < before {
                    remove(&self.aside(id, kind))?;
                    remove(&self.reason(id))?;
                    gone.push(id);
                }
            }
        }
        Ok(gone)
    }

    /// All releases that the store does not have: those that wait, and those that it refused.
    ///
    /// # Errors
    /// Those of the file system, with the path.
    pub fn left(&self) -> io::Result<Vec<ReleaseId>> {
        let mut ids = listed(&self.releases, WAITING)?;
        ids.extend(listed(&self.refused, WAITING)?);
        Ok(ids)
    }

    /// The highest number among a day's releases that have a file, of any kind.
    ///
    /// # Errors
    /// Those of the file system, with the path.
    pub fn last_number(&self, site: SiteId, day: Day, node: u32) -> io::Result<u32> {
        let mut ids = listed(&self.releases, WAITING)?;
        ids.extend(listed(&self.refused, WAITING)?);
        ids.extend(listed(&self.refused, DAMAGED)?);
        let of_day = ids.iter().filter(|id| (id.site, id.day, id.node) == (site, day, node));
        Ok(of_day.map(|id| id.number).max().unwrap_or(0))
    }

    /// Remembers that a site's day is closed.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn note_closed(&self, site: SiteId, day: Day) -> io::Result<()> {
        if self.last_closed(site) >= Some(day) {
            return Ok(());
        }
        write_whole(&self.closed.join(site.0.to_string()), &[day.to_string().as_bytes(), b"\n"])
    }

    /// The latest closed day of a site, as far as it is remembered here.
    pub fn last_closed(&self, site: SiteId) -> Option<Day> {
        Day::parse(fs::read_to_string(self.closed.join(site.0.to_string())).ok()?.trim_end())
    }

    /// Removes all that there is of a site (it was removed).
    ///
    /// # Errors
    /// Those of the file system.
    pub fn remove_site(&self, site: SiteId) -> io::Result<()> {
        let start = format!("{}-", site.0);
        for folder in [&self.releases, &self.refused] {
            for name in names(folder)?.iter().filter(|name| name.starts_with(&start)) {
                remove(&folder.join(name))?;
            }
        }
        remove(&self.closed.join(site.0.to_string()))
    }
}

fn name(id: ReleaseId, kind: &str) -> String {
    format!("{}-{}-{}-{}.{kind}", id.site.0, id.day, id.node, id.number)
}

/// The release of a file's name, such as `7-2026-11-22-0-3.release`.
fn id_of(file: &str, kind: &str) -> Option<ReleaseId> {
    let stem = file.strip_suffix(kind)?.strip_suffix('.')?;
    let (rest, number) = stem.rsplit_once('-')?;
    let (rest, node) = rest.rsplit_once('-')?;
    let (site, day) = rest.split_once('-')?;
    let id = ReleaseId {
        site: SiteId(site.parse().ok()?),
        day: Day::parse(day)?,
        node: node.parse().ok()?,
        number: number.parse().ok()?,
    };
    (name(id, kind) == file).then_some(id)
}

fn names(folder: &Path) -> io::Result<Vec<String>> {
    let entries = fs::read_dir(folder).map_err(|error| with_path(folder, &error))?;
    entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
}

fn listed(folder: &Path, kind: &str) -> io::Result<Vec<ReleaseId>> {
    let mut ids: Vec<_> = names(folder)?.iter().filter_map(|name| id_of(name, kind)).collect();
    ids.sort_unstable();
    Ok(ids)
}

/// A release file's bytes: a magic number, the checksum of the rest, and the release.
///
/// # Errors
/// Never of a release that fits into memory.
pub fn encode(release: &Release) -> Result<Vec<u8>, postcard::Error> {
    let body = postcard::to_stdvec(release)?;
    Ok([MAGIC, &crc32fast::hash(&body).to_le_bytes()[..], &body].concat())
}

/// The release in a file's bytes; `None` for any bytes that are no file of rows which a store takes.
pub fn parse(bytes: &[u8]) -> Option<Release> {
    let (sum, body) = bytes.strip_prefix(MAGIC)?.split_first_chunk::<4>()?;
    let sound = crc32fast::hash(body) == u32::from_le_bytes(*sum);
    let release: Release = sound.then(|| postcard::from_bytes(body).ok())??;
    release.rows.iter().all(Row::is_well_formed).then_some(release)
}

fn write_whole(path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = path.with_file_name(format!("{name}.part"));
    let mut file = File::create(&temporary)?;
    parts.iter().try_for_each(|part| file.write_all(part))?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    path.parent().map_or(Ok(()), sync)
}

fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn with_path(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

fn named(path: &Path, error: io::Error) -> ReleaseFileError {
    let path = path.display().to_string();
    match error.kind() {
        io::ErrorKind::NotFound => ReleaseFileError::Gone { path },
        _ => ReleaseFileError::Io { path, error },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn release(number: u32) -> Release {
        let id = ReleaseId { site: SiteId(7), day: Day(20_000), node: 0, number };
        Release { id, rows: Vec::new(), close: None }
    }

    fn files() -> (tempfile::TempDir, ReleaseFiles) {
        let folder = tempfile::tempdir().unwrap();
        let files = ReleaseFiles::in_data(folder.path()).unwrap();
        (folder, files)
    }

    #[test]
    fn releases_come_back_in_order_and_go_when_removed() {
        let (_folder, files) = files();
        for number in [11, 3, 1, 2] {
            files.write(&release(number)).unwrap();
        }
        for foreign in ["7-x.part", "README", "7-2024-10-04-0-09.release", "8.release"] {
            fs::write(files.releases.join(foreign), b"half").unwrap();
        }
        files.remove(release(2).id).unwrap();
        files.remove(release(2).id).unwrap();
        assert_eq!(files.list().unwrap(), [release(1).id, release(3).id, release(11).id]);
        assert_eq!(files.read(release(3).id).unwrap(), release(3));
        assert!(!files.releases.join("7-x.part").exists() && files.releases.join("README").exists());
    }

    #[test]
    fn a_damaged_or_foreign_release_is_named_and_kept_aside() {
        let (folder, files) = files();
        files.write(&release(1)).unwrap();
        let path = files.path(release(1).id);
        let whole = fs::read(&path).unwrap();
        let mut flipped = whole.clone();
        *flipped.last_mut().unwrap() ^= 1;
        files.write(&release(2)).unwrap();
        let foreign = fs::read(files.path(release(2).id)).unwrap();
        for spoilt in [&flipped[..], &whole[..whole.len() - 1], b"", b"something else", &foreign] {
            fs::write(&path, spoilt).unwrap();
            let error = files.read(release(1).id).unwrap_err().to_string();
            assert!(error.contains("7-2024-10-04-0-1.release"), "{error}");
        }
        files.set_damaged_aside(release(1).id, "flipped").unwrap();
        assert_eq!(files.damaged().unwrap(), [(release(1).id, "flipped".to_owned())]);
        assert_eq!(files.offer_again().unwrap(), []);
        assert_eq!(files.last_number(SiteId(7), Day(20_000), 0).unwrap(), 2);
        assert!(folder.path().join("refused/7-2024-10-04-0-1.damaged").exists());
    }

    #[test]
    fn a_refused_release_lies_aside_until_it_is_offered_again() {
        let (folder, files) = files();
        files.write(&release(5)).unwrap();
        files.refuse(release(5).id, "yes").unwrap();
        files.refuse(release(5).id, "no").unwrap();
        assert!(files.refuse(release(6).id, "no").is_err(), "there is none");
        assert_eq!(files.list().unwrap(), []);
        let reason = folder.path().join("refused/7-2024-10-04-0-5.error.txt");
        assert_eq!(fs::read_to_string(&reason).unwrap(), "no\n");
        assert_eq!(files.last_number(SiteId(7), Day(20_000), 0).unwrap(), 5, "its number is taken");
        assert_eq!(files.offer_again().unwrap(), [release(5).id]);
        assert_eq!(files.read(release(5).id).unwrap(), release(5));
        files.remove(release(5).id).unwrap();
        assert!(!reason.exists());
    }

    #[test]
    fn what_was_set_aside_of_days_before_one_goes_and_the_rest_stays() {
        let (folder, files) = files();
        let of = |site: u32, day: i32| ReleaseId { site: SiteId(site), day: Day(day), node: 0, number: 1 };
        for id in [of(7, 19_998), of(7, 19_999), of(7, 20_000), of(8, 19_998)] {
            files.write(&Release { id, ..release(1) }).unwrap();
            match id.day.0 {
                19_999 => files.set_damaged_aside(id, "flipped").unwrap(),
                _ => files.refuse(id, "no").unwrap(),
            }
        }
        files.write(&Release { id: of(7, 19_000), ..release(1) }).unwrap();
        assert_eq!(files.remove_aside(SiteId(7), Day(20_000)).unwrap(), [of(7, 19_998), of(7, 19_999)]);
        assert_eq!(names(&folder.path().join("refused")).unwrap().len(), 4, "two, with their reasons");
        assert_eq!(files.list().unwrap(), [of(7, 19_000)], "what waits has to reach the store first");
    }

    #[test]
    fn the_last_closed_day_is_remembered_and_never_an_earlier_one() {
        let (_folder, files) = files();
        assert_eq!(files.last_closed(SiteId(7)), None);
        for (day, last) in [(5, 5), (3, 5), (6, 6)] {
            files.note_closed(SiteId(7), Day(day)).unwrap();
            assert_eq!(files.last_closed(SiteId(7)), Some(Day(last)));
        }
        files.remove_site(SiteId(7)).unwrap();
        assert_eq!(files.last_closed(SiteId(7)), None);
    }
}
