//! `mayfly copy`: opens two stores that nobody else uses, and has one's rows copied into the other.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{CliError, Result};
use crate::{
    config::{self, RawConfig, StoreChoice},
    domain::{day::Day, declaration::SiteId},
    jobs::{JobError, alone::Alone, copy},
    store::{Store, StoreError},
};

pub(super) const COPY: &str = "Copy all rows of one store into another

For a move from the embedded store to another, or back; sites, people and settings stay in the control database. The server \
     must be stopped. What the other store has already is not copied again: a copy that was interrupted is continued by asking \
     again. At the end both must add up to the same, for every site, day, table and family; each difference is named, and \
     nothing that differs is written over.";

#[derive(Debug, clap::Args)]
pub struct CopyArgs {
    /// The store with the rows, as the setting `store` has it
    #[arg(long, value_name = "STORE")]
    from: String,
    /// The store that gets them
    #[arg(long, value_name = "STORE")]
    to: String,
}

pub(super) fn run(
    arguments: &CopyArgs,
    raw: &RawConfig,
    data: &Path,
    says: &(dyn Fn(&str) + Sync),
) -> Result<String> {
    let named = |text: &str| config::named_store(raw, text, data);
    let (from, to) = (named(&arguments.from)?, named(&arguments.to)?);
    let own = named(raw.store.as_deref().unwrap_or("duckdb"))?;
    if same(&from, &to) {
        return Err(CliError::Refused("--from and --to name the same store".to_owned()));
    }
    if let StoreChoice::DuckDb { path, .. } = &from
        && !path.exists()
    {
        return Err(CliError::Refused(format!("{}: there is no such file", path.display())));
    }
    let source = data_of(&from, &own, data);
    let target = data_of(&to, &own, data).filter(|data| Some(data) != source.as_ref());
    let _nobody_else = [claim(source, true)?, claim(target, false)?];
    let (from, to) = (open(&from)?, open(&to)?);
    copy::copy(&*from, &*to, says)?.words().map_err(CliError::Refused)
}

fn same(one: &StoreChoice, other: &StoreChoice) -> bool {
    one == other || file(one).is_some_and(|found| Some(found) == file(other))
}

/// The file of a store that is one, and there.
fn file(choice: &StoreChoice) -> Option<PathBuf> {
    match choice {
        StoreChoice::DuckDb { path, .. } => path.canonicalize().ok(),
        StoreChoice::ClickHouse(_) => None,
    }
}

fn open(choice: &StoreChoice) -> Result<Arc<dyn Store>> {
    match (choice.open(), choice) {
        (Ok(store), _) => Ok(store),
        (Err(StoreError::Unavailable(why)), StoreChoice::DuckDb { path, .. }) if why.contains("lock") => {
            Err(held(path))
        }
        (Err(error), _) => Err(JobError::from(error).into()),
    }
}

fn held(path: &Path) -> CliError {
    let words =
        format!("{} is in use: stop the server or command that has it, then ask again", path.display());
    CliError::Refused(words)
}

/// Keeps the server of a data directory from starting, and refuses where one runs. Of a source, nothing may
/// be on its way either.
fn claim(data: Option<PathBuf>, is_source: bool) -> Result<Option<Alone>> {
    let Some(data) = data else { return Ok(None) };
    let Some(alone) = Alone::take(&data)? else { return Err(held(&data)) };
    let waiting = alone.waiting()?;
    match waiting.iter().next() {
        Some(first) if is_source => Err(CliError::Refused(still_waiting(&data, waiting.len(), *first))),
        _ => Ok(Some(alone)),
    }
}

fn still_waiting(data: &Path, days: usize, (SiteId(site), day): (SiteId, Day)) -> String {
    let more = if days > 1 { format!(", and of {} more days", days - 1) } else { String::new() };
    format!(
        "{}: releases of site {site}, {day}{more}, wait for the store: let the server run with it until they are there, stop it, then ask again",
        data.display()
    )
}

/// The data directory that a store belongs to, if it is one of this machine's: where its file is, or of the install
/// whose own it is.
fn data_of(choice: &StoreChoice, own: &StoreChoice, data: &Path) -> Option<PathBuf> {
    let is_install = |data: &Path| config::control_file(data).exists();
    let beside = match choice {
        StoreChoice::DuckDb { path, .. } => path.parent().filter(|data| is_install(data)),
        StoreChoice::ClickHouse(_) => None,
    };
    let its_own = (own == choice && is_install(data)).then_some(data);
    beside.or(its_own).map(Path::to_owned)
}
