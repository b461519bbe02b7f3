//! The files: whose they are, who may read them, and whether any is older than its day.

use std::{
    collections::BTreeMap,
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use super::{Check, Kind, Outcome, VerifyError};
use crate::{
    control::Directory,
    domain::{
        day::{Day, UnixMs, Zone},
        declaration::SiteId,
    },
    memory::sealed,
};

/// So long after its midnight a day's salt and tables of visitors must be gone, in milliseconds.
pub(super) const FORGOTTEN_WITHIN_MS: UnixMs = 60_000;
/// So long after it its journal and the journal's key, which go once the day's rows are in a file.
pub(super) const GONE_WITHIN_MS: UnixMs = 5 * 60_000;

/// Where everything lies.
#[derive(Clone, Debug, Default)]
pub struct Places {
    pub data: PathBuf,
    pub runtime: Option<PathBuf>,
    /// The embedded store's file.
    pub store: Option<PathBuf>,
}

/// A file or folder, as its folder lists it.
struct Listed {
    path: PathBuf,
    name: String,
    mode: u32,
    owner: u32,
}

fn listed(folder: &Path) -> Result<Vec<Listed>, VerifyError> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(VerifyError::file(folder))?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(VerifyError::file(folder))?;
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        match fs::symlink_metadata(&path) {
            Ok(it) => found.push(Listed { path, name, mode: it.mode() & 0o7777, owner: it.uid() }),
            // Gone since it was listed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(VerifyError::file(&path)(error)),
        }
    }
    Ok(found)
}

/// `7-2026-11-22.journal`, `7-2026-11-22-0-3.release`: the site and its day.
fn site_day(name: &str) -> Option<(SiteId, Day)> {
    let (site, rest) = name.split_once('-')?;
    Some((SiteId(site.parse().ok()?), Day::parse(rest.get(..10)?)?))
}

/// The day that a site was in a while ago; `None` for a site that is no more.
fn today(directory: &Directory, site: SiteId, now: UnixMs) -> Option<Day> {
    if site == SiteId::NONE {
        return Some(Zone::utc().day_at(now));
    }
    directory.by_id(site).or_else(|| directory.leaving(site)).map(|entry| entry.day(now))
}

/// See [`Kind::Journals`].
pub(super) fn journals(places: &Places, directory: &Directory, now: UnixMs) -> Result<Check, VerifyError> {
    let mut check = Check::new(Kind::Journals);
    let mut folders = vec![
        ("journal", places.data.join("journal"), GONE_WITHIN_MS),
        ("key", places.data.join("journal-keys"), GONE_WITHIN_MS),
    ];
    if let Some(runtime) = &places.runtime {
        folders.push(("memory", runtime.clone(), FORGOTTEN_WITHIN_MS));
        folders.push(("key", runtime.join("keys"), GONE_WITHIN_MS));
    }
    let (mut seen, mut days) = (0, BTreeMap::new());
    for (what, folder, within) in folders {
        for one in listed(&folder)? {
            let Some((site, day)) = site_day(&one.name) else { continue };
            seen += 1;
            days.insert(day, ());
            match today(directory, site, now - within) {
                None => {
                    check.find(Outcome::Breach, format!("{} ({what}) is of a site that is no more", one.name))
                }
                Some(today) if day < today => {
                    check.find(Outcome::Breach, format!("{} ({what}) is of a day that is over", one.name));
                }
                Some(_) => {}
            }
        }
    }
    let oldest = days.keys().next().map_or("none".to_owned(), ToString::to_string);
    let words = format!(
        "{seen} files in the folders of journals and keys and in the runtime directory; oldest day {oldest}"
    );
    Ok(check.looked(seen, words))
}

/// See [`Kind::Releases`].
pub(super) fn releases(places: &Places, directory: &Directory, now: UnixMs) -> Result<Check, VerifyError> {
    let mut check = Check::new(Kind::Releases);
    let mut seen = 0;
    for one in listed(&places.data.join("releases"))? {
        let Some((site, day)) = site_day(&one.name) else { continue };
        seen += 1;
        if today(directory, site, now).is_none_or(|today| day < today.plus(-1)) {
            check.find(
                Outcome::Warning,
                format!("{} has been on its way to the store for more than a day", one.name),
            );
        }
    }
    for one in listed(&places.data.join("refused"))? {
        if site_day(&one.name).is_some() && !one.name.ends_with(".error.txt") {
            seen += 1;
            check.find(Outcome::Warning, format!("{} was refused by the store or is damaged", one.name));
        }
    }
    Ok(check.looked(seen, format!("{seen} files on their way to the store or set aside")))
}

/// See [`Kind::Files`].
pub(super) fn files(places: &Places) -> Result<Check, VerifyError> {
    let mut check = Check::new(Kind::Files);
    let at = |path: &Path| fs::metadata(path).map_err(VerifyError::file(path));
    let data = at(&places.data)?;
    closed(&mut check, "the data directory", data.mode());
    let owner = data.uid();
    if ![owner, 0].contains(&sealed::own_user()) {
        check.find(Outcome::Breach, "the data directory belongs to another user than who looks");
    }
    let mut seen = 1;
    let mut look = |check: &mut Check, folder: &Path, secret: bool| -> Result<(), VerifyError> {
        for one in listed(folder)? {
            seen += 1;
            let name = one.path.strip_prefix(&places.data).unwrap_or(&one.path).display().to_string();
            if one.owner != owner {
                check.find(
                    Outcome::Breach,
                    format!("{name} belongs to user {}, the data directory to {owner}", one.owner),
                );
            }
            if secret || one.name.starts_with("control.sqlite") {
                closed(check, &name, one.mode);
            }
        }
        Ok(())
    };
    look(&mut check, &places.data, false)?;
    for (folder, secret) in
        [("journal", true), ("journal-keys", true), ("releases", false), ("refused", false), ("work", false)]
    {
        look(&mut check, &places.data.join(folder), secret)?;
    }
    if let Some(runtime) = places.runtime.as_deref().filter(|path| path.exists()) {
        closed(&mut check, "the runtime directory", at(runtime)?.mode());
        look(&mut check, runtime, true)?;
        look(&mut check, &runtime.join("keys"), true)?;
    }
    if let Some(store) =
        places.store.as_deref().filter(|path| path.exists() && !path.starts_with(&places.data))
    {
        seen += 1;
        if at(store)?.mode() & 0o077 != 0 {
            check.find(
                Outcome::Warning,
                "the store's file is outside the data directory, and others may read it",
            );
        }
    }
    Ok(check.looked(seen, format!("mode and owner of {seen} files and folders (owner: user {owner})")))
}

fn closed(check: &mut Check, name: &str, mode: u32) {
    if mode & 0o077 != 0 {
        check.find(Outcome::Breach, format!("{name} is open to others (mode {:o})", mode & 0o7777));
    }
}
