//! `mayfly user` and `mayfly key`: who may sign in, and what may read.

use std::io;

use clap::Subcommand;

use super::{CliError, Result, table};
use crate::{
    control::{Control, KeyRow, Scope},
    domain::day::UnixMs,
};

#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Add an admin
    Add { name: String },
    /// Set a new password and end all sessions
    Reset { name: String },
    /// List who may sign in
    List,
}

#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Make a key and print it, this once
    Add {
        name: String,
        #[arg(long)]
        site: String,
        /// `read`: reports; `staff`: also what is live
        #[arg(long, value_enum, default_value = "read")]
        scope: Scope,
    },
    /// List all keys
    List,
    /// Revoke a key, by name or number
    Revoke { name: String },
}

pub fn user(
    command: UserCommand,
    control: &Control,
    password: &mut dyn FnMut() -> io::Result<String>,
) -> Result<String> {
    match command {
        UserCommand::Add { name } => {
            let user = control.add_user(&name, &password().map_err(CliError::Password)?)?;
            Ok(format!("added {} ({})\n", user.name, user.role))
        }
        UserCommand::Reset { name } => {
            let user = control.reset_user(&name, &password().map_err(CliError::Password)?)?;
            Ok(format!("{} has a new password; all sessions are ended\n", user.name))
        }
        UserCommand::List => {
            let rows = control.users()?.into_iter().map(|user| vec![user.name, user.role]);
            Ok(table(&rows.collect::<Vec<_>>()))
        }
    }
}

pub fn key(command: KeyCommand, control: &Control, now: UnixMs) -> Result<String> {
    match command {
        KeyCommand::Add { name, site, scope } => Ok(control.add_key(&name, &site, scope, now)? + "\n"),
        KeyCommand::List => {
            let head = ["NUMBER", "NAME", "SITE", "SCOPE", "CREATED", "REVOKED"].map(str::to_owned).to_vec();
            let rows: Vec<_> = [head].into_iter().chain(control.keys()?.into_iter().map(row)).collect();
            Ok(table(&rows))
        }
        KeyCommand::Revoke { name } => {
            let revoked = control.revoke_key(&name, now)?;
            Ok(format!("revoked {} (of {})\n", revoked.name, revoked.site))
        }
    }
}

fn row(key: KeyRow) -> Vec<String> {
    let scope = key.scope.name().to_owned();
    vec![key.id.to_string(), key.name, key.site, scope, key.created, key.revoked.unwrap_or_default()]
}
