//! The command line: what can be asked for, and the commands on the control database.
//!
//! Commands return what is to be printed, or an error with its exit code; only `main` prints and exits.

mod ask;
mod audit;
mod copy;
mod declare;
mod disclose;
mod people;
mod site;

use std::{io, path::PathBuf};

use clap::{Parser, Subcommand};

use audit::Doing;

use crate::{
    config::{self, Config, ConfigError, Environment, RawConfig, StoreChoice},
    control::{Control, ControlError, Invalid},
    domain::day::UnixMs,
    jobs::JobError,
    simulate,
    store::{StoreError, clickhouse::ClickStore},
};

/// Cookieless web analytics that keeps counts, never visitors.
#[derive(Debug, Parser)]
#[command(name = "mayfly", version, propagate_version = true, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
    /// Configuration file (TOML) [default: mayfly.toml, /etc/mayfly.toml, where there is one]
    #[arg(long, env = "MAYFLY_CONFIG", value_name = "FILE", global = true, help_heading = "Settings")]
    pub config: Option<PathBuf>,
    #[command(flatten)]
    pub settings: RawConfig,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Collect hits and serve the dashboard
    Serve,
    /// Check the configuration and print it, or name the field that is wrong
    Check,
    /// Bring the schema of the store up to date, as the server does when it starts
    Migrate {
        /// Print the statements that make ClickHouse's schema, for the cluster that `store` names if it does
        #[arg(long)]
        print: bool,
    },
    /// Send realistic visitors to a Mayfly over HTTP and print the truth of what was acknowledged
    Simulate(simulate::Args),
    /// Copy everything but the open days' journals into a new directory
    #[command(long_about = ask::BACKUP)]
    Backup {
        /// A directory that does not exist yet, as the server sees it
        directory: PathBuf,
    },
    /// Put the closed days of a backup back
    #[command(long_about = ask::RESTORE)]
    Restore {
        /// A directory that `mayfly backup` made, as the server sees it
        directory: PathBuf,
        /// Look whether the backup is sound, and change nothing
        #[arg(long)]
        check: bool,
    },
    /// Write the rows of closed days as tables
    #[command(long_about = ask::EXPORT)]
    Export(ask::ExportArgs),
    /// Copy all rows of one store into another, and compare what both add up to
    #[command(long_about = copy::COPY)]
    Copy(copy::CopyArgs),
    /// Print what visitors of a site are to be told: the policy text, or its facts
    #[command(long_about = disclose::DISCLOSE)]
    Disclose(disclose::DiscloseArgs),
    /// Look whether what is claimed is so, and print a report that can be filed
    #[command(long_about = ask::VERIFY)]
    Verify {
        /// This site's rows alone
        #[arg(long)]
        site: Option<String>,
        /// Print the report as JSON
        #[arg(long)]
        json: bool,
    },
    /// Take a source that turned out to be spam from closed days
    #[command(long_about = ask::FORGET)]
    Forget {
        #[arg(long)]
        site: String,
        /// As reports show it, such as spam.example
        #[arg(long)]
        source: String,
    },
    /// List who changed what, latest first
    Audit {
        /// Of this site alone
        #[arg(long)]
        site: Option<String>,
    },
    /// Add, list, show, change and remove sites
    #[command(subcommand)]
    Site(site::SiteCommand),
    /// Declare events and what their properties may say
    #[command(subcommand)]
    Event(declare::EventCommand),
    /// Declare sections: path patterns counted like a page of their own
    #[command(subcommand)]
    Section(declare::SectionCommand),
    /// Declare funnels: 2 to 8 steps in order within a visit
    #[command(subcommand)]
    Funnel(declare::FunnelCommand),
    /// Declare goals: a page, section or event whose rate is shown
    #[command(subcommand)]
    Goal(declare::GoalCommand),
    /// Add and remove people, say what they may do, and set new passwords (read from standard input, or asked for)
    #[command(subcommand)]
    User(people::UserCommand),
    /// Add, list and revoke API keys
    #[command(subcommand)]
    Key(people::KeyCommand),
}

/// What the command line asks `main` to do.
#[derive(Debug)]
pub enum Task {
    /// Print this, exit 0.
    Print(String),
    /// Print this, exit 1: a verification found a breach.
    PrintBreach(String),
    Serve(Box<Config>),
    Simulate(simulate::Args),
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Control(#[from] ControlError),
    #[error("the password could not be read: {0}")]
    Password(io::Error),
    #[error("{0}")]
    Output(#[from] serde_json::Error),
    #[error(transparent)]
    Job(#[from] JobError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{0}")]
    Refused(String),
}

impl From<Invalid> for CliError {
    fn from(error: Invalid) -> Self {
        CliError::Control(error.into())
    }
}

impl CliError {
    /// The process's exit code: 1 (2 is clap's, for arguments that are none).
    pub fn exit_code(&self) -> u8 {
        1
    }
}

type Result<T, E = CliError> = std::result::Result<T, E>;

/// What commands need of the world.
pub struct Surroundings<'a> {
    pub now: UnixMs,
    pub environment: Environment,
    /// Reads a password: from the terminal with a prompt, or a line of standard input.
    pub password: &'a mut dyn FnMut() -> io::Result<String>,
    /// Tells a person who waits how far a job is.
    pub says: &'a (dyn Fn(&str) + Sync),
}

/// Runs a command to its output, or says what `main` is to run.
///
/// # Errors
/// [`CliError`], in words that name the input.
pub fn run(cli: Cli, surroundings: &mut Surroundings<'_>) -> Result<Task> {
    let raw = cli.settings.with_file(cli.config.as_deref())?;
    let environment = &surroundings.environment;
    let printed = match cli.command {
        Command::Serve => return Ok(Task::Serve(Box::new(Config::new(&raw, environment)?))),
        Command::Simulate(arguments) => return Ok(Task::Simulate(arguments)),
        Command::Check => Config::new(&raw, environment)?.to_string(),
        Command::Copy(arguments) => {
            let data = raw.data_directory(environment);
            copy::run(&arguments, &raw, &data, surroundings.says)?
        }
        Command::Disclose(arguments) => {
            disclose::run(&arguments, &Config::new(&raw, environment)?, surroundings)?
        }
        Command::Migrate { print } => migrate(&Config::new(&raw, environment)?.store, print)?,
        Command::Verify { site, json } => {
            let config = Config::new(&raw, environment)?;
            return ask::verify(site, json, &config, surroundings);
        }
        Command::Site(site::SiteCommand::Remove { site, erase: true }) => {
            let config = Config::new(&raw, environment)?;
            ask::erase(&site, &config, surroundings)?
        }
        command => {
            if let Some(request) = ask::request(&command)? {
                let config = Config::new(&raw, environment)?;
                return ask::ask(&request, &config, surroundings).map(Task::Print);
            }
            let file = config::control_file(&raw.data_directory(environment));
            let control = Control::open(&file, surroundings.now)?;
            if matches!(command, Command::User(_) | Command::Key(_)) && control.followed()?.is_some() {
                return Err(ControlError::Follows.into());
            }
            let doing = Doing::of(&command, &control, surroundings.now);
            let printed = on_control(command, &control, surroundings)?;
            doing.into_iter().for_each(|doing| doing.done(&control, surroundings.now));
            printed
        }
    };
    Ok(Task::Print(printed))
}

/// Opens the store, which brings its schema up to date; or says what would be said to ClickHouse.
fn migrate(store: &StoreChoice, print: bool) -> Result<String> {
    match (store, print) {
        (StoreChoice::ClickHouse(address), true) => {
            let statements = ClickStore::schema(address.cluster.as_deref());
            Ok(statements.iter().map(|one| format!("{one};\n\n")).collect())
        }
        (StoreChoice::DuckDb { .. }, true) => {
            Err(CliError::Refused("only ClickHouse's schema is printed: set `store`".to_owned()))
        }
        (store, false) => {
            drop(store.open()?);
            Ok(format!("the schema of {store} is up to date\n"))
        }
    }
}

fn on_control(command: Command, control: &Control, surroundings: &mut Surroundings<'_>) -> Result<String> {
    let now = surroundings.now;
    match command {
        Command::Site(command) => site::run(command, control, now),
        Command::Event(command) => declare::event(command, control, now),
        Command::Section(command) => declare::section(command, control, now),
        Command::Funnel(command) => declare::funnel(command, control, now),
        Command::Goal(command) => declare::goal(command, control, now),
        Command::User(command) => people::user(command, control, now, surroundings.password),
        Command::Key(command) => people::key(command, control, now),
        Command::Audit { site } => audit::list(control, site.as_deref(), now),
        // Done before.
        Command::Serve
        | Command::Check
        | Command::Migrate { .. }
        | Command::Copy(_)
        | Command::Disclose(_)
        | Command::Verify { .. }
        | Command::Simulate(_) => Ok(String::new()),
        Command::Backup { .. } | Command::Restore { .. } | Command::Export(_) | Command::Forget { .. } => {
            Ok(String::new())
        }
    }
}

/// Lines of columns that are as wide as their widest cell.
fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells: Vec<String> =
            row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:width$}")).collect();
        cells.join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests;
