//! A backup: the rows and the control database, each as of one moment, and a manifest. No journal, key or salt: what
//! single visitors did on the open day is in no backup.

use std::path::Path;

use super::{
    Result, Rooms, count,
    folder::Fresh,
    manifest::{CONTROL, Manifest, ROWS, SiteEntry},
};
use crate::{
    domain::declaration::SiteId,
    store::duckdb::{DuckStore, Limits},
};

pub(super) fn backup(rooms: &Rooms<'_>, to: &Path) -> Result<String> {
    if let Some(one) = rooms.control.leaving(rooms.now)?.first() {
        let words = format!("{} is being merged into another site: ask again afterwards", one.site.name);
        return Err(super::JobError::Refused(words));
    }
    let folder = Fresh::new(to)?;
    (rooms.says)("copying the rows");
    rooms.store.copy(&folder.path().join(ROWS))?;
    rooms.go_on()?;
    rooms.control.copy(&folder.path().join(CONTROL))?;
    (rooms.says)("adding up what was copied");
    // Closed before its file is hashed.
    let rows = DuckStore::open(&folder.path().join(ROWS), &Limits::default())?.sums()?;
    let sites = rooms.control.sites(rooms.now)?;
    let sites: Vec<_> = sites.into_iter().map(|one| SiteEntry { id: one.id.0, name: one.name }).collect();
    rooms.go_on()?;
    let (of_sites, of_rows) = (sites.len(), rows.iter().map(|one| one.rows).sum::<u64>());
    let none = rows.iter().any(|one| one.site == SiteId::NONE);
    let manifest = Manifest::of(folder.path(), sites, rows, rooms.now)?;
    manifest.write(folder.path())?;
    let bytes: u64 = manifest.files.iter().map(|file| file.bytes).sum();
    folder.finish()?;
    let besides = if none { ", and what belongs to none" } else { "" };
    Ok(format!(
        "backed up {of_rows} rows of {}{besides} to {} ({:.1} MB)\n\
         It holds hashes of passwords and API keys, and no journal: of open days only what was released.\n",
        count(of_sites, "site"),
        to.display(),
        bytes as f64 / 1e6
    ))
}
