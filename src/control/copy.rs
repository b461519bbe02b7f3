//! Copies of the control database, and what a restore takes over from one.

use std::{fs, os::unix::fs::OpenOptionsExt, path::Path};

use rusqlite::{Connection, OptionalExtension};

use super::{Control, ControlError, Result};
use crate::domain::{day::UnixMs, declaration::SiteId};

/// What became of a copy's site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Its number in the copy.
    pub was: SiteId,
    pub name: String,
    pub becomes: Becomes,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Becomes {
    /// It is there, under this number; the `same` where number and UUID are those of the copy.
    There { site: SiteId, same: bool },
    /// It was added, with settings, keys and admitted values, under this number.
    Added(SiteId),
    /// It was made part of another since: its rows are there already.
    Merged,
}

impl Control {
    /// Writes a copy as of one moment to a new file (mode 0600), without sessions, invitations, claim
    /// and jobs.
    ///
    /// # Errors
    /// File and database errors.
    pub fn copy(&self, to: &Path) -> Result<()> {
        let at = |error| ControlError::File { path: to.to_owned(), error };
        fs::OpenOptions::new().create_new(true).write(true).mode(0o600).open(to).map_err(at)?;
        self.lock().execute("VACUUM INTO ?1", [to.to_string_lossy()])?;
        let copy = Connection::open(to)?;
        copy.pragma_update(None, "secure_delete", true)?;
        copy.execute_batch(
            "DELETE FROM sessions; DELETE FROM invitations; DELETE FROM claim; DELETE FROM jobs;
             UPDATE users SET factor_offered = NULL;
             DELETE FROM identities WHERE name <> 'installation'; VACUUM",
        )?;
        drop(copy);
        fs::File::open(to).and_then(|file| file.sync_all()).map_err(at)
    }

    /// Takes over from a copy (of this program's schema) what is missing here: sites, and people where nobody can
    /// sign in yet. What is here stays as it is.
    ///
    /// # Errors
    /// Database errors; then nothing was taken.
    pub fn take_over(&self, copy: &Path, now: UnixMs) -> Result<Vec<Taken>> {
        self.lock().execute("ATTACH ?1 AS copy", [copy.to_string_lossy()])?;
        let taken = self.write_sites(now, |connection| {
            let mut statement =
                connection.prepare("SELECT id, name, uuid FROM copy.sites WHERE merged_into IS NULL")?;
            let sites = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
            let sites: Vec<(u32, String, String)> = sites.collect::<Result<_, _>>()?;
            let taken: Vec<Taken> = sites
                .into_iter()
                .map(|(was, name, uuid)| {
                    let becomes = site(connection, was, &name, &uuid)?;
                    Ok(Taken { was: SiteId(was), name, becomes })
                })
                .collect::<Result<_>>()?;
            people(connection, &taken)?;
            Ok(taken)
        });
        self.lock().execute_batch("DETACH copy")?;
        taken
    }
}

fn site(connection: &Connection, was: u32, name: &str, uuid: &str) -> Result<Becomes> {
    let merged = "SELECT EXISTS (SELECT 1 FROM main.aliases WHERE name IN (?1, ?2) AND merged)";
    if connection.query_row(merged, [name, uuid], |row| row.get(0))? {
        return Ok(Becomes::Merged);
    }
    let there = "SELECT id, uuid = ?2 FROM main.sites WHERE name = ?1 OR uuid = ?2
                 OR id IN (SELECT site FROM main.aliases WHERE name = ?1) ORDER BY uuid = ?2 DESC, name = ?1 DESC";
    let found: Option<(u32, bool)> =
        connection.query_row(there, [name, uuid], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    if let Some((id, known)) = found {
        return Ok(Becomes::There { site: SiteId(id), same: known && id == was });
    }
    connection.execute(
        "INSERT INTO main.sites (name, uuid, simulated, version, settings, pending, since_day, declared)
         SELECT name, uuid, simulated, version, settings, pending, since_day, declared
         FROM copy.sites WHERE id = ?1",
        [was],
    )?;
    let id = connection.last_insert_rowid() as u32;
    for (table, columns) in [
        ("keys", "name, scope, hash, created, revoked"),
        ("shares", "name, kind, token, password, view, frames, created, last_day"),
        ("admitted", "kind, value, last_day"),
        ("notes", "day, text"),
        ("aliases", "name, merged"),
        ("forgets", "source, last"),
    ] {
        let sql = format!(
            "INSERT OR IGNORE INTO main.{table} (site, {columns}) SELECT ?2, {columns} FROM copy.{table} WHERE site = ?1"
        );
        connection.execute(&sql, (was, id))?;
    }
    Ok(Becomes::Added(SiteId(id)))
}

/// People, with what they may do, where nobody is here yet.
fn people(connection: &Connection, taken: &[Taken]) -> Result<()> {
    let sql = "SELECT EXISTS (SELECT 1 FROM main.users)";
    if connection.query_row(sql, [], |row| row.get(0))? {
        return Ok(());
    }
    connection.execute_batch(
        "INSERT INTO main.users (id, name, owner, password, factor, factor_step)
         SELECT id, name, owner, password, factor, factor_step FROM copy.users;
         INSERT INTO main.recovery SELECT * FROM copy.recovery;
         DELETE FROM main.claim WHERE EXISTS (SELECT 1 FROM main.users WHERE owner)",
    )?;
    let join = "INSERT OR IGNORE INTO main.members SELECT user, ?2, role FROM copy.members WHERE site = ?1";
    for one in taken {
        let (Becomes::There { site, .. } | Becomes::Added(site)) = &one.becomes else { continue };
        connection.execute(join, (one.was.0, site.0))?;
    }
    Ok(())
}
