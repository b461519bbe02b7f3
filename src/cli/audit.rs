//! `mayfly audit`, and what commands note in the audit log.

use super::{Command, Result, declare, people, site::SiteCommand, table};
use crate::{
    control::{Control, Deed},
    domain::{day::UnixMs, declaration::SiteId},
    jobs::Request,
    memory::sealed,
};

/// Who stands at the command line, as far as the system says.
pub(super) fn who() -> String {
    format!("command line (user {})", sealed::own_user())
}

/// What a command is about to do, and to which site.
pub(super) struct Doing {
    deed: Deed,
    site: Option<String>,
    /// The person whom it is about.
    about: Option<String>,
    /// Known before it is renamed or removed.
    known: Option<SiteId>,
}

impl Doing {
    /// `None` for commands that change nothing.
    pub fn of(command: &Command, control: &Control, now: UnixMs) -> Option<Doing> {
        let (deed, site) = deed(command)?;
        let known = site.as_ref().and_then(|name| control.site(name, now).ok()).map(|site| site.id);
        Some(Doing { deed, site, about: about(command), known })
    }

    /// Notes it once it is done.
    pub fn done(self, control: &Control, now: UnixMs) {
        let named = || self.site.as_ref().and_then(|name| control.site(name, now).ok()).map(|site| site.id);
        control.audit_about(&who(), self.deed, self.about.as_deref(), self.known.or_else(named), now);
    }
}

fn deed(command: &Command) -> Option<(Deed, Option<String>)> {
    use people::{KeyCommand, UserCommand};
    let of = |deed, site: &String| Some((deed, Some(site.clone())));
    match command {
        Command::Site(command) => match command {
            SiteCommand::Add { host, .. } => of(Deed::SiteAdded, host),
            SiteCommand::Set { site, .. } => of(Deed::SiteChanged, site),
            SiteCommand::Rename { old, .. } => of(Deed::SiteRenamed, old),
            SiteCommand::Remove { site, .. } => of(Deed::SiteRemoved, site),
            _ => None,
        },
        Command::Event(command) => of(Deed::SiteChanged, declare::changes_events(command)?),
        Command::Section(command) => of(Deed::SiteChanged, declare::changes_sections(command)?),
        Command::Funnel(command) => of(Deed::SiteChanged, declare::changes_funnels(command)?),
        Command::Goal(command) => of(Deed::SiteChanged, declare::changes_goals(command)?),
        Command::User(UserCommand::Add { site, .. }) => Some((Deed::UserAdded, site.clone())),
        Command::User(UserCommand::Role { site, given, .. }) => Some((
            if *given != people::Given::None { Deed::RoleGiven } else { Deed::RoleTaken },
            site.clone(),
        )),
        Command::User(UserCommand::Remove { .. }) => Some((Deed::UserRemoved, None)),
        Command::User(UserCommand::Reset { .. }) => Some((Deed::UserReset, None)),
        Command::Key(KeyCommand::Add { site, .. }) => of(Deed::KeyAdded, site),
        Command::Key(KeyCommand::Revoke { .. }) => Some((Deed::KeyRevoked, None)),
        _ => None,
    }
}

/// Whom a command is about, with the role that it gives at a site.
fn about(command: &Command) -> Option<String> {
    use people::UserCommand::{Add, Remove, Reset, Role};
    let Command::User(command) = command else { return None };
    match command {
        Role { name, given, .. } => Some(match given.role() {
            Some(role) => format!("{name} ({})", role.name()),
            None => name.clone(),
        }),
        Add { name, .. } | Reset { name, .. } | Remove { name } => Some(name.clone()),
        people::UserCommand::List => None,
    }
}

/// What a job does, and to which site.
pub(super) fn of_job(request: &Request) -> Option<(Deed, Option<&str>)> {
    Some(match request {
        Request::Backup { .. } => (Deed::BackedUp, None),
        Request::Restore { check: false, .. } => (Deed::Restored, None),
        Request::Export { site, .. } => (Deed::Exported, site.as_deref()),
        Request::Reset { site } => (Deed::SiteReset, Some(site)),
        Request::Merge { into, .. } => (Deed::SiteMerged, Some(into)),
        Request::Forget { site, .. } => (Deed::SourceForgotten, Some(site)),
        Request::Restore { check: true, .. } | Request::Verify { .. } => return None,
    })
}

/// The latest entries.
pub(super) fn list(control: &Control, site: Option<&str>, now: UnixMs) -> Result<String> {
    let site = site.map(|name| control.site(name, now)).transpose()?.map(|site| site.id);
    let head = ["WHEN (UTC)", "WHO", "WHAT", "ABOUT", "TIMES", "SITE"].map(str::to_owned).to_vec();
    let entries = control.audited(site.as_ref().map(std::slice::from_ref))?.into_iter();
    let rows = entries.map(|one| {
        let (about, site) = (one.about.unwrap_or_default(), one.site.unwrap_or_default());
        vec![one.at, one.who, one.what, about, one.times.to_string(), site]
    });
    Ok(table(&[head].into_iter().chain(rows).collect::<Vec<_>>()))
}
