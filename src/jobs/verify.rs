//! Verification as a job: what the command line asks for, and what the server does by itself.

use super::{JobError, Result, Rooms};
use crate::verify::{Report, Scope, Subject, verify};

/// Looks at everything, or at one site; returns the report as JSON.
pub(super) fn report(rooms: &Rooms<'_>, site: Option<&str>) -> Result<String> {
    let site = site.map(|name| rooms.control.site(name, rooms.now)).transpose()?;
    (rooms.says)("looking at rows, files and the process");
    let report = look(rooms, &Scope::All(site.map(|site| site.id)))?;
    rooms.go_on()?;
    serde_json::to_string(&report).map_err(|error| JobError::Refused(error.to_string()))
}

/// Looks at what `scope` says; a report node's rows stand for its collectors too, which look at their files only.
pub(super) fn look(rooms: &Rooms<'_>, scope: &Scope) -> Result<Report> {
    let subject = Subject { control: rooms.control, store: rooms.store, looks: rooms.looks, now: rooms.now };
    let scope = if rooms.control.followed()?.is_some() { &Scope::Quick } else { scope };
    Ok(verify(&subject, scope, &|| rooms.go_on().is_ok())?)
}
