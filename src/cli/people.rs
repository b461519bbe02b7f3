//! `mayfly user` and `mayfly key`: who may sign in, and what may read.

use std::io;

use clap::Subcommand;

use super::{CliError, Result, table};
use crate::{
    control::{Control, KeyRow, Role, Scope, SiteRecord, User},
    domain::day::UnixMs,
};

#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Add an owner, who may do everything; or, with a site, somebody of that site
    Add {
        name: String,
        #[arg(long)]
        site: Option<String>,
        /// At the site: `viewer` reads it, `admin` changes it too [default: viewer]
        #[arg(long = "as", value_enum, requires = "site")]
        given: Option<Role>,
    },
    /// Change what somebody may do: at a site `viewer`, `admin` or `none`, without one `owner` or `none`
    Role {
        name: String,
        #[arg(value_enum, value_name = "ROLE")]
        given: Given,
        #[arg(long)]
        site: Option<String>,
    },
    /// Set a new password and end all sessions
    Reset {
        name: String,
        /// Sign in by the password alone from now on: authenticator and recovery codes are lost
        #[arg(long)]
        without_second_factor: bool,
    },
    /// Remove somebody, and end all sessions
    Remove { name: String },
    /// List who may sign in, and what they may do
    List,
}

/// A role that is given, or all taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Given {
    Viewer,
    Admin,
    Owner,
    None,
}

impl Given {
    pub(super) fn role(self) -> Option<Role> {
        match self {
            Given::Viewer => Some(Role::Viewer),
            Given::Admin => Some(Role::Admin),
            Given::Owner => Some(Role::Owner),
            Given::None => None,
        }
    }
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
    now: UnixMs,
    password: &mut dyn FnMut() -> io::Result<String>,
) -> Result<String> {
    match command {
        UserCommand::Add { name, site, given } => {
            let password = password().map_err(CliError::Password)?;
            let user = match site {
                None => control.add_user(&name, &password)?,
                Some(site) => {
                    control.add_member(&name, &password, &site, given.unwrap_or(Role::Viewer), now)?
                }
            };
            Ok(format!("added {} ({})\n", user.name, user.role().name()))
        }
        UserCommand::Role { name, given, site } => {
            let person = control.user(&name)?;
            control.set_role(person.id, site.as_deref(), given.role(), now)?;
            Ok(roles(&control.user(&name)?, control, now)?.join("  ") + "\n")
        }
        UserCommand::Reset { name, without_second_factor } => {
            let user = control.reset_user(&name, &password().map_err(CliError::Password)?)?;
            if without_second_factor {
                control.remove_factor(user.id)?;
            }
            Ok(format!("{} has a new password; all sessions are ended\n", user.name))
        }
        UserCommand::Remove { name } => {
            let removed = control.remove_user(control.user(&name)?.id)?;
            Ok(format!("removed {}; all sessions are ended\n", removed.name))
        }
        UserCommand::List => {
            let rows =
                control.users()?.iter().map(|user| roles(user, control, now)).collect::<Result<Vec<_>>>();
            Ok(table(&rows?))
        }
    }
}

/// A person's name, and what they may do where.
fn roles(user: &User, control: &Control, now: UnixMs) -> Result<Vec<String>> {
    if user.owner {
        return Ok(vec![user.name.clone(), Role::Owner.name().to_owned()]);
    }
    let at = |site: SiteRecord| user.role_at(site.id).map(|role| format!("{} of {}", role.name(), site.name));
    let sites: Vec<String> = control.sites(now)?.into_iter().filter_map(at).collect();
    Ok(vec![user.name.clone(), if sites.is_empty() { "no site".to_owned() } else { sites.join(", ") }])
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
