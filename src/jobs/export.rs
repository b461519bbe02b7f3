//! Exports: the rows of closed days as tables for other programs.

use std::path::Path;

use super::{
    Result, Rooms, count,
    folder::{Fresh, Work},
    manifest::ROWS,
};
use crate::{
    domain::{day::Day, declaration::SiteId},
    store::duckdb::{ExportFormat, Exported, Which, export as write},
};

pub(super) fn export(
    rooms: &Rooms<'_>,
    to: &Path,
    format: ExportFormat,
    site: Option<&str>,
    days: (Option<Day>, Option<Day>),
) -> Result<String> {
    let sites: Vec<(SiteId, String)> = match site {
        Some(name) => vec![rooms.control.site(name, rooms.now)?].into_iter().map(named).collect(),
        None => {
            let none = (SiteId::NONE, "(none)".to_owned());
            rooms.control.sites(rooms.now)?.into_iter().map(named).chain([none]).collect()
        }
    };
    let folder = Fresh::new(to)?;
    let work = Work::below(rooms.data)?;
    (rooms.says)("copying the rows");
    let copy = work.path().join(ROWS);
    rooms.store.copy(&copy)?;
    rooms.go_on()?;
    (rooms.says)("writing tables");
    let found: Vec<Exported> = write(&copy, folder.path(), format, &sites, days, Which::Closed)?;
    rooms.go_on()?;
    folder.finish()?;
    let rows: u64 = found.iter().map(|one| one.rows).sum();
    let mut words = format!("exported {rows} rows of closed days to {}\n", to.display());
    for one in found {
        words += &format!("  {}: {}\n", one.file, count(one.rows as usize, "row"));
    }
    Ok(words)
}

fn named(site: crate::control::SiteRecord) -> (SiteId, String) {
    (site.id, site.name)
}
