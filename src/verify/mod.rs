//! Whether what is claimed is so: the schema, the rows, the files and the process, looked at one after the other.
//!
//! It reads what is really there (rows, modes, the kernel's word) and believes neither the close nor the settings.
//! A finding never repeats a value of a row.

mod crowds;
mod disk;
mod process;
mod rows;
mod schema;
mod shapes;
mod sums;
#[cfg(test)]
mod tests;
mod text;

use std::{collections::BTreeMap, path::Path};

use serde::{Deserialize, Serialize};

use crate::{
    control::{Control, ControlError, Directory, Entry},
    domain::{
        day::{UnixMs, Zone},
        declaration::SiteId,
    },
    store::{Store, StoreError, TableAnatomy},
};

pub use disk::Places;
pub use process::{Looks, Running, Surroundings};

/// Most findings of a check that are listed; all are counted.
pub const FINDINGS_MAX: usize = 20;
/// So many of the last days of each site are looked at by the server itself, every day; `mayfly verify` looks at all.
pub const DAILY_DAYS_MAX: i32 = 31;

/// How a check ended, from best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Ok,
    /// It could not be looked at from here; the words say why.
    NotSeen,
    Warning,
    Breach,
}

impl Outcome {
    pub const fn word(self) -> &'static str {
        match self {
            Outcome::Ok => "ok",
            Outcome::NotSeen => "not seen",
            Outcome::Warning => "warning",
            Outcome::Breach => "BREACH",
        }
    }
}

/// What is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Of a site.
    K,
    Kept,
    Values,
    Sizes,
    Families,
    Sums,
    Retention,
    /// Of the installation.
    Columns,
    Journals,
    Releases,
    Files,
    Runtime,
    Swap,
    Process,
    Salts,
    Proxy,
    Durability,
    Nodes,
}

impl Kind {
    /// What it asks, in a few words.
    pub const fn title(self) -> &'static str {
        match self {
            Kind::K => "size of crowds (k)",
            Kind::Kept => "rows tell what the site keeps now, and nothing more",
            Kind::Values => "no value looks like an identifier",
            Kind::Sizes => "every told row and every remainder is a crowd",
            Kind::Families => "no row combines two families",
            Kind::Sums => "families of a day add up to the same",
            Kind::Retention => "no row is older than the site keeps",
            Kind::Columns => "no column could hold an identifier",
            Kind::Journals => "no journal, key, salt or visitor table of a past day",
            Kind::Releases => "no release is stuck",
            Kind::Files => "files and folders are closed to others",
            Kind::Runtime => "the runtime directory is in memory",
            Kind::Swap => "swap",
            Kind::Process => "the server leaves no dump",
            Kind::Salts => "salts are locked in memory",
            Kind::Proxy => "who may say whom they forward",
            Kind::Durability => "what an acknowledged hit survives",
            Kind::Nodes => "other nodes",
        }
    }
}

/// A check and what it found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    pub check: Kind,
    pub title: String,
    pub result: Outcome,
    /// What was looked at, in words.
    pub looked_at: String,
    /// How many rows, files or settings that were.
    pub rows: u64,
    /// What is wrong, in words without any value of a row; at most [`FINDINGS_MAX`].
    pub found: Vec<String>,
    /// How many findings there are in all.
    pub findings: u64,
}

impl Check {
    pub fn new(check: Kind) -> Check {
        Check {
            check,
            title: check.title().to_owned(),
            result: Outcome::Ok,
            looked_at: String::new(),
            rows: 0,
            found: Vec::new(),
            findings: 0,
        }
    }

    /// Adds what is wrong.
    pub fn find(&mut self, how_bad: Outcome, words: impl Into<String>) {
        self.result = self.result.max(how_bad);
        self.findings += 1;
        if self.found.len() < FINDINGS_MAX {
            self.found.push(words.into());
        }
    }

    /// Says what was looked at.
    pub fn looked(mut self, rows: u64, at: impl Into<String>) -> Check {
        (self.rows, self.looked_at) = (rows, at.into());
        self
    }
}

/// What was found of one site.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfSite {
    pub id: u32,
    pub site: String,
    /// When, to the hour, UTC.
    pub at: String,
    pub result: Outcome,
    pub checks: Vec<Check>,
}

/// A report that can be filed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    pub version: String,
    /// When, to the hour, UTC.
    pub at: String,
    /// By whom: the running server, or a command where none runs.
    pub by: String,
    pub result: Outcome,
    /// Of the installation.
    pub checks: Vec<Check>,
    pub sites: Vec<OfSite>,
}

impl Report {
    /// The worst result of all checks.
    fn judged(mut self) -> Report {
        self.sites.iter_mut().for_each(|site| site.result = worst(&site.checks));
        self.result =
            worst(&self.checks).max(self.sites.iter().map(|one| one.result).max().unwrap_or(Outcome::Ok));
        self
    }

    /// What concerns one site: the installation's checks and its own.
    pub fn of_site(&self, site: SiteId) -> Report {
        let sites = self.sites.iter().filter(|one| one.id == site.0).cloned().collect();
        Report { sites, ..self.clone() }.judged()
    }

    /// With what an earlier report says of sites that this one does not look at.
    fn over(mut self, earlier: Option<Report>, sites: &Directory) -> Report {
        let seen: Vec<u32> = self.sites.iter().map(|one| one.id).collect();
        let left = earlier.into_iter().flat_map(|earlier| earlier.sites);
        let left = left.filter(|one| !seen.contains(&one.id) && sites.by_id(SiteId(one.id)).is_some());
        self.sites.extend(left);
        self.sites.sort_by(|one, other| one.site.cmp(&other.site));
        self.judged()
    }
}

/// What no store's database may have, in words.
pub(crate) fn strange_columns(tables: &[TableAnatomy]) -> Vec<String> {
    schema::columns(tables, &[]).found
}

fn worst(checks: &[Check]) -> Outcome {
    checks.iter().map(|check| check.result).max().unwrap_or(Outcome::Ok)
}

/// Which rows are looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// No site's rows: what is quickly seen.
    Quick,
    /// The last days of each site.
    LastDays,
    /// All days of all sites, or of one.
    All(Option<SiteId>),
}

/// What is looked at.
pub struct Subject<'a> {
    pub control: &'a Control,
    pub store: &'a dyn Store,
    pub looks: &'a Looks,
    pub now: UnixMs,
}

/// Why nothing could be said.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Control(#[from] ControlError),
    #[error("{path}: {error}")]
    File { path: String, error: std::io::Error },
}

impl VerifyError {
    fn file(path: &Path) -> impl FnOnce(std::io::Error) -> VerifyError {
        let path = path.display().to_string();
        move |error| VerifyError::File { path, error }
    }
}

/// Looks at everything, and keeps the result in the control database.
///
/// # Errors
/// [`VerifyError`]: what could not be read.
pub fn verify(subject: &Subject<'_>, scope: &Scope, go_on: &dyn Fn() -> bool) -> Result<Report, VerifyError> {
    let directory = subject.control.directory().load_full();
    let tables = subject.store.anatomy()?;
    let report = Report {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        at: hour(subject.now),
        by: if subject.looks.running.is_some() {
            "the running server"
        } else {
            "a command, no server running"
        }
        .to_owned(),
        result: Outcome::Ok,
        checks: of_installation(subject, &tables, &directory)?,
        sites: of_sites(subject, &tables, &directory, scope, go_on)?,
    };
    let report = report.over(subject.control.verification()?.as_deref().and_then(parsed), &directory);
    let kept = serde_json::to_string(&report).unwrap_or_default();
    subject.control.keep_verification(&kept)?;
    Ok(match scope {
        Scope::All(Some(site)) => report.of_site(*site),
        _ => report,
    })
}

/// The last report that was kept; `None` before the first, and for one of another version's shape.
///
/// # Errors
/// Database errors.
pub fn last(control: &Control) -> Result<Option<Report>, ControlError> {
    Ok(control.verification()?.as_deref().and_then(parsed))
}

fn parsed(text: &str) -> Option<Report> {
    serde_json::from_str(text).ok()
}

fn of_installation(
    subject: &Subject<'_>,
    tables: &[TableAnatomy],
    directory: &Directory,
) -> Result<Vec<Check>, VerifyError> {
    let (Looks { places, surroundings, running }, now) = (subject.looks, subject.now);
    let mut checks = vec![schema::columns(tables, &subject.control.strange_columns()?)];
    checks.push(disk::journals(places, directory, now)?);
    checks.push(disk::releases(places, directory, now)?);
    checks.push(disk::files(places)?);
    checks.extend(surroundings.checks(places));
    checks.extend(process::checks(running.as_ref(), &surroundings.trusted));
    Ok(checks)
}

fn of_sites(
    subject: &Subject<'_>,
    tables: &[TableAnatomy],
    directory: &Directory,
    scope: &Scope,
    go_on: &dyn Fn() -> bool,
) -> Result<Vec<OfSite>, VerifyError> {
    let looked = |entry: &&std::sync::Arc<Entry>| match scope {
        Scope::Quick => false,
        Scope::LastDays | Scope::All(None) => true,
        Scope::All(Some(site)) => entry.id() == *site,
    };
    let mut sites = Vec::new();
    for entry in directory.entries().iter().filter(looked) {
        if !go_on() {
            break;
        }
        let checks = rows::checks(subject, tables, entry, *scope == Scope::LastDays, go_on)?;
        let result = worst(&checks);
        let (id, site) = (entry.id().0, entry.name().to_owned());
        sites.push(OfSite { id, site, at: hour(subject.now), result, checks });
    }
    Ok(sites)
}

/// Such as `2026-11-22 17:00 UTC`.
fn hour(now: UnixMs) -> String {
    let day = Zone::utc().day_at(now);
    let hours = now.rem_euclid(86_400_000) / 3_600_000;
    format!("{day} {hours:02}:00 UTC")
}

/// How often each of a few words was said.
type Tally = BTreeMap<String, u64>;
