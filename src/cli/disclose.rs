//! `mayfly disclose`: what a site's visitors are to be told, from the settings in use.

use clap::Args;

use super::{CliError, Result, Surroundings};
use crate::{
    config::Config,
    control::{Control, ControlError},
    disclosure::{Collecting, Facts, Format, Language, Process, process::RoleKind, render},
    jobs::alone::Alone,
};

pub(super) const DISCLOSE: &str = "Print what visitors of a site are to be told

The policy text or its facts, from the settings in use: those that the running server has started with, else \
     those given here; and those of the site in effect now. Passages for the controller to fill in are marked. The \
     same is served at /privacy/SITE. Of an installation with collectors, ask its report node for their part.";

#[derive(Debug, Args)]
pub struct DiscloseArgs {
    site: String,
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[arg(long, value_enum, default_value = "en")]
    language: Language,
}

pub(super) fn run(asked: &DiscloseArgs, config: &Config, surroundings: &Surroundings<'_>) -> Result<String> {
    if !config.control_file().exists() {
        let data = config.data.display();
        let words = format!("{data} holds no Mayfly: name its data directory with --data");
        return Err(CliError::Refused(words));
    }
    let control = Control::open(&config.control_file(), surroundings.now)?;
    let directory = control.directory().load_full();
    let no_site = || ControlError::NotFound { what: "site", name: asked.site.clone() };
    let entry = directory.by_name(&asked.site).ok_or_else(no_site)?;
    let process = process(config)?;
    let collecting = match process.role {
        // Their settings are theirs: the report node that runs asks them.
        RoleKind::Report => Collecting { known: Vec::new(), silent: process.collectors.clone() },
        RoleKind::All | RoleKind::Collector => Collecting::here(&process),
    };
    let facts = Facts::of(entry, surroundings.now, &process, collecting);
    Ok(render(&facts, asked.format, asked.language, None))
}

/// What the server runs with that has the data directory; where none runs, what one would run with.
fn process(config: &Config) -> Result<Process> {
    if Alone::take(&config.data)?.is_some() {
        return Ok(Process::of(config, config.runtime.is_some()));
    }
    Process::noted(&config.data).map_err(|error| {
        CliError::Refused(format!("the server has not said yet what it runs with ({error}): ask again"))
    })
}
