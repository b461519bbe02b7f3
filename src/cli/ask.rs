//! Commands for the process that holds the store: they ask a running server, and wait; where none runs, they do
//! the same themselves.

use std::{
    path::{Path, PathBuf},
    thread::park_timeout,
    time::{Duration, Instant},
};

use super::{CliError, Command, Result, Surroundings, Task, site::SiteCommand};
use crate::{
    clock,
    config::{Config, Role},
    control::{Control, ControlError, Job, JobState},
    domain::day::Day,
    jobs::{Request, alone::Alone, fail_left},
    store::duckdb::ExportFormat,
    verify::{Outcome, Report},
};

/// How often a job is looked at.
const LOOK: Duration = Duration::from_millis(100);
/// A job that no server has begun within this long, and no other job is before, is taken back.
const BEGIN_WITHIN: Duration = Duration::from_secs(60);

pub(super) const BACKUP: &str = "Copy everything but the open days' journals into a new directory

The released rows and the control database, each as of one moment, with a manifest of hashes and sums. Works \
     while the server runs: hits are taken meanwhile, only deliveries to the store wait. What single visitors did \
     on the open day is in no backup, but hashes of passwords and API keys are: keep it as safe as the server. The \
     server writes the directory, so its path is the server's.";

pub(super) const RESTORE: &str = "Put the closed days of a backup back

Looks first whether the backup is sound. Then its closed days come back as they were in it, in one transaction. Days \
     that the server has open are left to it, and days that the backup does not know stay. Sites that are missing \
     come back with settings and keys; people do where nobody can sign in yet. Works with the server running or \
     stopped; into an empty data directory before the first start too.";

pub(super) const EXPORT: &str = "Write the rows of closed days as tables

One file for each table and family, and one for the days themselves (docs/API.md says what they hold). Rows of \
     days that have not closed are left out.";

pub(super) const FORGET: &str = "Take a source that turned out to be spam from closed days

Rows that name it leave the families source and visit: sources, channels, campaigns, and events and funnels by them. \
     The days are marked, and reports say so. Pages, places, devices, languages and totals cannot be corrected: \
     their rows do not say where a visit came from. A day that is open is corrected once it has closed. Cannot be \
     undone but by restoring a backup.";

pub(super) const VERIFY: &str = "Look whether what is claimed is so, and print a report that can be filed

Looks at the columns and the rows that are really stored, at files, modes and owners, at the machine, and at the \
     running server if one runs (docs/OPERATIONS.md says at what). Exits with 1 where something is found that a claim \
     rules out; warnings do not count. The result is kept, and shown in the dashboard.";

/// Has a verification made, and shows it.
pub(super) fn verify(
    site: Option<String>,
    json: bool,
    config: &Config,
    surroundings: &Surroundings<'_>,
) -> Result<Task> {
    let told = ask(&Request::Verify { site }, config, surroundings)?;
    let report: Report = serde_json::from_str(&told)?;
    let text = if json { serde_json::to_string_pretty(&report)? + "\n" } else { report.text() };
    Ok(match report.result {
        Outcome::Breach => Task::PrintBreach(text),
        _ => Task::Print(text),
    })
}

#[derive(Debug, clap::Args)]
pub struct ExportArgs {
    /// A directory that does not exist yet, as the server sees it
    directory: PathBuf,
    #[arg(long, value_enum, default_value = "parquet")]
    format: ExportFormat,
    /// This site alone
    #[arg(long)]
    site: Option<String>,
    /// First day, such as 2026-10-01
    #[arg(long, value_name = "DAY", value_parser = day)]
    from: Option<Day>,
    /// Last day
    #[arg(long, value_name = "DAY", value_parser = day)]
    to: Option<Day>,
}

fn day(text: &str) -> Result<Day, String> {
    Day::parse(text).ok_or_else(|| "expected a date such as 2026-11-22".to_owned())
}

/// The job that a command asks for, if it is one.
pub(super) fn request(command: &Command) -> Result<Option<Request>> {
    Ok(Some(match command {
        Command::Backup { directory } => Request::Backup { to: absolute(directory)? },
        Command::Restore { directory, check } => {
            Request::Restore { from: absolute(directory)?, check: *check }
        }
        Command::Export(ExportArgs { directory, format, site, from, to }) => Request::Export {
            to: absolute(directory)?,
            format: *format,
            site: site.clone(),
            days: (*from, *to),
        },
        Command::Forget { site, source } => Request::Forget { site: site.clone(), source: source.clone() },
        Command::Site(SiteCommand::Merge { site, into }) => {
            Request::Merge { site: site.clone(), into: into.clone() }
        }
        Command::Site(SiteCommand::Reset { site, yes: true }) => Request::Reset { site: site.clone() },
        Command::Site(SiteCommand::Reset { site, yes: false }) => {
            return Err(CliError::Refused(format!(
                "all that was counted for {site} would be erased: say --yes to do it"
            )));
        }
        _ => return Ok(None),
    }))
}

fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).map_err(|error| CliError::Refused(format!("{}: {error}", path.display())))
}

/// Has a job done, here or by the server, and waits for it.
pub(super) fn ask(request: &Request, config: &Config, surroundings: &Surroundings<'_>) -> Result<String> {
    ask_within(BEGIN_WITHIN, request, config, surroundings)
}

fn ask_within(
    patience: Duration,
    request: &Request,
    config: &Config,
    surroundings: &Surroundings<'_>,
) -> Result<String> {
    // A wrong directory must not pass for an install of which there is nothing to back up.
    if !matches!(request, Request::Restore { .. }) && !config.control_file().exists() {
        let data = config.data.display();
        return Err(CliError::Refused(format!(
            "{data} holds no Mayfly: name its data directory with --data"
        )));
    }
    let control = Control::open(&config.control_file(), surroundings.now)?;
    if control.followed()?.is_some() && !matches!(request, Request::Verify { .. }) {
        return Err(ControlError::Follows.into());
    }
    if let Some(alone) = Alone::take(&config.data)? {
        check_alone(request, config)?;
        return Ok(alone.run(request, config, &control, surroundings.now, surroundings.says)?);
    }
    let id = control.add_job(&serde_json::to_string(request)?)?;
    let asked = Instant::now();
    let mut said = String::new();
    loop {
        let Some(job) = control.job(id)? else {
            return Err(CliError::Refused("the job is gone from the control database".to_owned()));
        };
        match job.state {
            JobState::Done => return Ok(job.words),
            JobState::Failed => return Err(CliError::Refused(job.words)),
            JobState::Running if job.words != said => (surroundings.says)(&job.words),
            _ => {}
        }
        if let Some(alone) = Alone::take(&config.data)? {
            return without_server(&alone, &job, request, config, &control, surroundings);
        }
        let late = job.state == JobState::Waiting && asked.elapsed() > patience && !control.job_runs()?;
        if late && control.take_job_back(id)? {
            let words = "the server has not begun it within a minute: is it still starting, or of an older version? Ask again";
            return Err(CliError::Refused(words.to_owned()));
        }
        said = job.words;
        park_timeout(LOOK);
    }
}

/// What changes days that collectors may have open is done by the server alone, which asks them.
fn check_alone(request: &Request, config: &Config) -> Result<()> {
    let shared = match request {
        Request::Merge { .. } | Request::Forget { .. } | Request::Reset { .. } => true,
        Request::Restore { check, .. } => !check,
        Request::Backup { .. } | Request::Export { .. } | Request::Verify { .. } => false,
    };
    match (&config.role, shared) {
        (Role::Report { .. }, true) => Err(CliError::Refused(
            "collectors may have days of it open, and only a running report node asks them: start it, then ask again"
                .to_owned(),
        )),
        _ => Ok(()),
    }
}

/// The server ended while somebody waited: what it had not begun is done here.
fn without_server(
    alone: &Alone,
    job: &Job,
    request: &Request,
    config: &Config,
    control: &Control,
    surroundings: &Surroundings<'_>,
) -> Result<String> {
    if control.take_job_back(job.id)? {
        check_alone(request, config)?;
        return Ok(alone.run(request, config, control, clock::now(), surroundings.says)?);
    }
    fail_left(control, &config.data, "the server ended while it ran")?;
    match control.job(job.id)? {
        Some(Job { state: JobState::Done, words, .. }) => Ok(words),
        Some(job) => Err(CliError::Refused(format!("{}: ask again", job.words))),
        None => Err(CliError::Refused("the job is gone from the control database".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::{Environment, RawConfig},
        control::NewSite,
        nodes::token::NodeToken,
    };

    #[test]
    fn what_collectors_have_to_be_asked_about_waits_for_the_report_node() {
        let folder = tempfile::tempdir().unwrap();
        let surroundings = Surroundings {
            now: 1_795_348_800_000,
            environment: Environment::default(),
            password: &mut || Ok(String::new()),
            says: &|_| {},
        };
        let data = Some(folder.path().to_str().unwrap().to_owned());
        let raw = RawConfig { data, ..RawConfig::default() };
        let token = NodeToken::new("known-to-these-nodes-and-to-nobody-else").unwrap();
        let role = Role::Report { collectors: vec![], token };
        let config = Config { role, ..Config::new(&raw, &surroundings.environment).unwrap() };
        let control = Control::open(&config.control_file(), surroundings.now).unwrap();
        for name in ["a.example", "b.example"] {
            control.add_site(NewSite::new(name, "UTC"), surroundings.now).unwrap();
        }
        let (site, into) = ("a.example".to_owned(), "b.example".to_owned());
        for request in [
            Request::Merge { site: site.clone(), into },
            Request::Reset { site: site.clone() },
            Request::Forget { site, source: "spam.example".to_owned() },
            Request::Restore { from: folder.path().join("backup"), check: false },
        ] {
            let error = ask(&request, &config, &surroundings).unwrap_err().to_string();
            assert!(error.contains("only a running report node asks them"), "{error}");
        }
        assert_eq!(control.sites(surroundings.now).unwrap().len(), 2);
        let backup = Request::Backup { to: folder.path().join("backup") };
        ask(&backup, &config, &surroundings).unwrap();
    }

    #[test]
    fn a_job_that_no_server_begins_is_taken_back() {
        let folder = tempfile::tempdir().unwrap();
        let surroundings = Surroundings {
            now: 1_795_348_800_000,
            environment: Environment { processors: 2, ..Environment::default() },
            password: &mut || Ok(String::new()),
            says: &|_| {},
        };
        let data = Some(folder.path().to_str().unwrap().to_owned());
        let raw = RawConfig { data, ..RawConfig::default() };
        let config = Config::new(&raw, &surroundings.environment).unwrap();
        let control = Control::open(&config.control_file(), surroundings.now).unwrap();
        let _server = Alone::take(folder.path()).unwrap().expect("nobody has the lock");
        let request = Request::Reset { site: "example.com".to_owned() };
        let asked = ask_within(Duration::ZERO, &request, &config, &surroundings);
        let error = asked.unwrap_err().to_string();
        assert!(error.contains("the server has not begun it within a minute"), "{error}");
        assert!(control.begin_job().unwrap().is_none(), "it was taken back");
    }
}
