//! What the nodes of one installation know of each other: the sites that the report node hands out and a collector
//! takes over, whole and in one transaction, and which data directory has which number.

use rusqlite::{Connection, OptionalExtension};
use serde::{Deserialize, Serialize};

use super::{Control, ControlError, Result, secret};
use crate::domain::{day::UnixMs, declaration::SiteId};

/// All that a collector needs of an installation's sites, as the report node has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Declarations {
    /// Whose sites these are.
    pub installation: String,
    pub sites: Vec<DeclaredSite>,
    /// Number and UUID of every site that was removed: what is neither here nor above is unknown, and is not erased.
    pub removed: Vec<(u32, String)>,
    /// Earlier names and UUIDs, with the site that answers to them.
    pub aliases: Vec<(String, u32, bool)>,
}

/// A row of `sites`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeclaredSite {
    pub id: u32,
    pub name: String,
    pub uuid: String,
    pub simulated: bool,
    pub version: u32,
    pub settings: String,
    pub pending: Option<String>,
    pub since_day: Option<i32>,
    pub declared: String,
    pub merged_into: Option<u32>,
}

const COLUMNS: &str =
    "id, name, uuid, simulated, version, settings, pending, since_day, declared, merged_into";

impl Control {
    /// All sites, also those on their way into another, and their earlier names.
    ///
    /// # Errors
    /// Database errors; no randomness for a name of this installation.
    pub fn declarations(&self) -> Result<Declarations> {
        let installation = self.identity("installation")?;
        let connection = self.lock();
        let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM sites ORDER BY id"))?;
        let sites = statement.query_map([], |row| {
            Ok(DeclaredSite {
                id: row.get(0)?,
                name: row.get(1)?,
                uuid: row.get(2)?,
                simulated: row.get(3)?,
                version: row.get(4)?,
                settings: row.get(5)?,
                pending: row.get(6)?,
                since_day: row.get(7)?,
                declared: row.get(8)?,
                merged_into: row.get(9)?,
            })
        })?;
        let sites = sites.collect::<Result<_, _>>()?;
        let mut statement =
            connection.prepare_cached("SELECT name, site, merged FROM aliases ORDER BY name")?;
        let aliases = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        let aliases = aliases.collect::<Result<_, _>>()?;
        let mut statement = connection.prepare_cached("SELECT id, uuid FROM removed ORDER BY id")?;
        let removed = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let removed = removed.collect::<Result<_, _>>()?;
        Ok(Declarations { installation, sites, removed, aliases })
    }

    /// Takes over what the report node has, all of it or nothing. Sites that are gone are to be erased here too.
    ///
    /// # Errors
    /// [`ControlError::Stranger`] where these are not the sites of the installation that was followed so far, or are
    /// older than what was followed; settings or a zone of a newer program; database errors.
    pub fn follow(&self, from: &Declarations, version: &str, now: UnixMs) -> Result<()> {
        self.write(|connection| {
            check_same(connection, from)?;
            replace_sites(connection, from)?;
            // What this program could not route by must not be what its next start finds.
            super::directory_of(connection, now)?;
            set_identity(connection, "follows", &from.installation)?;
            set_identity(connection, "version", version)
        })?;
        self.changed_sites(now)
    }

    /// The version of the declarations that were taken over last, where there were any.
    ///
    /// # Errors
    /// Database errors.
    pub fn followed(&self) -> Result<Option<String>> {
        identity(&self.lock(), "version")
    }

    /// The highest number that a site ever had here.
    ///
    /// # Errors
    /// Database errors.
    pub fn sites_made(&self) -> Result<u32> {
        sites_made(&self.lock())
    }

    /// Gives no site a number up to this one: a collector has known them, though this database may be an older copy
    /// that has not.
    ///
    /// # Errors
    /// Database errors.
    pub fn pass_over(&self, made: u32) -> Result<()> {
        if self.sites_made()? >= made {
            return Ok(());
        }
        self.write(|connection| {
            let sql = "UPDATE sqlite_sequence SET seq = max(seq, ?1) WHERE name = 'sites'";
            if connection.execute(sql, [made])? == 0 {
                connection.execute("INSERT INTO sqlite_sequence VALUES ('sites', ?1)", [made])?;
            }
            Ok(())
        })
    }

    /// The name of this data directory among those of all nodes.
    ///
    /// # Errors
    /// Database errors, no randomness.
    pub fn instance(&self) -> Result<String> {
        self.identity("instance")
    }

    /// Gives a number to a data directory, if no other has it. Returns the one that has it.
    ///
    /// # Errors
    /// Database errors.
    pub fn give_number(&self, number: u32, instance: &str) -> Result<String> {
        self.write(|connection| {
            let sql = "INSERT INTO nodes VALUES (?1, ?2) ON CONFLICT DO NOTHING";
            connection.execute(sql, (number, instance))?;
            let sql = "SELECT instance FROM nodes WHERE number = ?1";
            Ok(connection.query_row(sql, [number], |row| row.get(0))?)
        })
    }

    /// The data directory that has a number.
    ///
    /// # Errors
    /// Database errors.
    pub fn instance_of(&self, number: u32) -> Result<Option<String>> {
        let sql = "SELECT instance FROM nodes WHERE number = ?1";
        Ok(self.lock().query_row(sql, [number], |row| row.get(0)).optional()?)
    }

    /// The number under which this data directory was let in.
    ///
    /// # Errors
    /// Database errors.
    pub fn number(&self) -> Result<Option<String>> {
        identity(&self.lock(), "number")
    }

    /// Keeps the number under which this data directory was let in.
    ///
    /// # Errors
    /// Database errors.
    pub fn keep_number(&self, number: u32) -> Result<()> {
        match self.number()? {
            Some(_) => Ok(()),
            None => self.write(|connection| set_identity(connection, "number", &number.to_string())),
        }
    }

    fn identity(&self, name: &str) -> Result<String> {
        if let Some(known) = identity(&self.lock(), name)? {
            return Ok(known);
        }
        let made = secret::uuid()?;
        self.write(|connection| {
            let sql = "INSERT INTO identities VALUES (?1, ?2) ON CONFLICT DO NOTHING";
            connection.execute(sql, (name, &made))?;
            Ok(())
        })?;
        Ok(identity(&self.lock(), name)?.unwrap_or(made))
    }
}

fn identity(connection: &Connection, name: &str) -> Result<Option<String>> {
    let sql = "SELECT value FROM identities WHERE name = ?1";
    Ok(connection.query_row(sql, [name], |row| row.get(0)).optional()?)
}

fn set_identity(connection: &Connection, name: &str, value: &str) -> Result<()> {
    connection.execute("INSERT OR REPLACE INTO identities VALUES (?1, ?2)", (name, value))?;
    Ok(())
}

/// Refuses sites changed here: they are another node's.
pub(super) fn check_own(connection: &Connection) -> Result<()> {
    match identity(connection, "follows")? {
        None => Ok(()),
        Some(_) => Err(ControlError::Follows),
    }
}

/// What is counted here under a site's number must be that site: else rows of one become another's, or rows that
/// nobody removed are erased.
fn check_same(connection: &Connection, from: &Declarations) -> Result<()> {
    let follows = identity(connection, "follows")?;
    if follows.as_ref().is_some_and(|installation| *installation != from.installation) {
        return Err(ControlError::Stranger("its sites are another installation's".to_owned()));
    }
    let mut statement = connection.prepare("SELECT id, name, uuid FROM sites")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (id, name, uuid): (u32, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let words = match from.sites.iter().find(|site| site.id == id) {
            Some(site) if site.uuid == uuid => continue,
            None if follows.is_some() && from.removed.contains(&(id, uuid)) => continue,
            None if follows.is_some() => format!(
                "site {id} ({name}) is not known there and was not removed there, as after a return to an older copy"
            ),
            _ => format!("site {id} of this data directory ({name}) is not the site {id} there"),
        };
        return Err(ControlError::Stranger(words));
    }
    if follows.is_some() { check_none_is_back(connection, from) } else { Ok(()) }
}

/// A number that a site had here, and that is a site's there again, is an older copy's.
fn check_none_is_back(connection: &Connection, from: &Declarations) -> Result<()> {
    let made = sites_made(connection)?;
    for site in from.sites.iter().filter(|site| site.id <= made) {
        let sql = "SELECT EXISTS (SELECT 1 FROM sites WHERE id = ?1)";
        if !connection.query_row(sql, [site.id], |row| row.get::<_, bool>(0))? {
            let words = format!("site {} ({}) is there again after it was removed", site.id, site.name);
            return Err(ControlError::Stranger(words));
        }
    }
    Ok(())
}

fn sites_made(connection: &Connection) -> Result<u32> {
    let sql = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'sites'";
    Ok(connection.query_row(sql, [], |row| row.get(0))?)
}

fn replace_sites(connection: &Connection, from: &Declarations) -> Result<()> {
    connection.execute_batch("PRAGMA defer_foreign_keys = ON")?;
    let kept = serde_json::to_string(&from.sites.iter().map(|site| site.id).collect::<Vec<_>>())
        .map_err(|error| ControlError::Unreadable { what: "sites", error: error.to_string() })?;
    // What was made part of another site brought its values along.
    connection.execute(
        "INSERT INTO admitted
         SELECT sites.merged_into, kind, value, last_day FROM admitted JOIN sites ON sites.id = site
         WHERE merged_into IS NOT NULL AND site NOT IN (SELECT value FROM json_each(?1))
         ON CONFLICT DO UPDATE SET last_day = max(last_day, excluded.last_day)",
        [&kept],
    )?;
    let mut gone =
        connection.prepare("SELECT id FROM sites WHERE id NOT IN (SELECT value FROM json_each(?1))")?;
    let gone = gone.query_map([&kept], |row| row.get(0).map(SiteId))?.collect::<Result<Vec<_>, _>>()?;
    // Whether nothing may be left of it, only the report node knows.
    gone.into_iter().try_for_each(|site| super::erasure::forget_words(connection, site))?;
    connection.execute(
        "INSERT OR IGNORE INTO removals (id, name)
         SELECT id, '' FROM sites WHERE id NOT IN (SELECT value FROM json_each(?1))",
        [&kept],
    )?;
    connection.execute("DELETE FROM sites WHERE id NOT IN (SELECT value FROM json_each(?1))", [&kept])?;
    // Names may have changed hands: none stands in the way of another.
    connection.execute_batch("UPDATE sites SET name = '#' || id; DELETE FROM aliases")?;
    for site in &from.sites {
        connection.execute(
            &format!(
                "INSERT INTO sites ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
                 ON CONFLICT (id) DO UPDATE SET name = excluded.name, simulated = excluded.simulated,
                 version = excluded.version, settings = excluded.settings, pending = excluded.pending,
                 since_day = excluded.since_day, declared = excluded.declared, merged_into = excluded.merged_into"
            ),
            rusqlite::params![
                site.id,
                site.name,
                site.uuid,
                site.simulated,
                site.version,
                site.settings,
                site.pending,
                site.since_day,
                site.declared,
                site.merged_into
            ],
        )?;
    }
    for alias in &from.aliases {
        connection.execute("INSERT INTO aliases VALUES (?1, ?2, ?3)", (&alias.0, alias.1, alias.2))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        control::{AdmittedKind, NewSite, Scope},
        domain::{day::Day, declaration::SiteId},
    };

    struct Two {
        _folders: [tempfile::TempDir; 2],
        report: Control,
        collector: Control,
    }

    fn two() -> Two {
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let open = |at: usize| Control::open(&folders[at].path().join("control.sqlite"), 0).unwrap();
        let (report, collector) = (open(0), open(1));
        for name in ["a.example", "b.example"] {
            report.add_site(NewSite::new(name, "Europe/Tallinn"), 0).unwrap();
        }
        Two { _folders: folders, report, collector }
    }

    impl Two {
        #[track_caller]
        fn sync(&self) {
            let declarations = self.report.declarations().unwrap();
            self.collector.follow(&declarations, "v", 0).unwrap();
            assert_eq!(self.collector.sites(0).unwrap(), self.report.sites(0).unwrap());
            let named = |control: &Control, name: &str| {
                control.directory().load().by_name(name).map(|entry| entry.id())
            };
            for name in ["a.example", "b.example", "c.example", "d.example"] {
                assert_eq!(named(&self.collector, name), named(&self.report, name), "{name}");
            }
        }
    }

    #[test]
    fn a_collector_has_every_site_as_the_report_node_has_it() {
        let two = two();
        assert_eq!(two.collector.followed().unwrap(), None);
        two.sync();
        assert_eq!(two.collector.followed().unwrap().as_deref(), Some("v"));
        two.report
            .change_site("a.example", 0, |settings| {
                (settings.k, settings.zone) = (9, "Asia/Tokyo".into());
                settings.events.push(serde_json::from_str(r#"{"name":"signup"}"#).unwrap());
                Ok(())
            })
            .unwrap();
        two.sync();
        // Names that change hands, one site that begins anew, one that becomes part of another, one that goes.
        two.collector.admit_values(SiteId(2), Day(1), [(AdmittedKind::Page, "x")]).unwrap();
        two.report.rename_site("a.example", "c.example", 0).unwrap();
        two.sync();
        two.report.add_site(NewSite::new("d.example", "Europe/Tallinn"), 0).unwrap();
        two.report.reset_site("c.example", 0).unwrap();
        two.sync();
        assert_eq!(two.collector.removals().unwrap(), [SiteId(1)]);
        two.report.begin_merge("b.example", "d.example", 0).unwrap();
        two.sync();
        assert!(two.collector.directory().load().leaving(SiteId(2)).is_some());
        two.report.end_merge(SiteId(2), 0).unwrap();
        two.sync();
        assert_eq!(two.collector.admitted_values(SiteId(3), AdmittedKind::Page).unwrap(), ["x".into()]);
        two.report.remove_site("d.example", 0).unwrap();
        two.sync();
        assert!(two.collector.removals().unwrap().contains(&SiteId(3)));
    }

    #[test]
    fn a_collector_changes_no_site_and_follows_one_installation_only() {
        let two = two();
        two.sync();
        let own = two.collector.add_site(NewSite::new("own.example", "UTC"), 0).unwrap_err().to_string();
        assert!(own.contains("report node"), "{own}");
        assert!(two.collector.remove_site("a.example", 0).is_err());
        two.report.add_key("key", "a.example", Scope::Read, 0).unwrap();
        // A report node whose data is lost must not have the rows of all sites erased.
        let folder = tempfile::tempdir().unwrap();
        let fresh = Control::open(&folder.path().join("control.sqlite"), 0).unwrap();
        let empty = fresh.declarations().unwrap();
        let refused = two.collector.follow(&empty, "w", 0).unwrap_err();
        assert!(matches!(refused, ControlError::Stranger(_)), "{refused}");
        assert_eq!(two.collector.sites(0).unwrap().len(), 2);
        // Nor is what was counted for one site taken for another of the same number.
        let other = fresh.add_site(NewSite::new("other.example", "UTC"), 0).unwrap();
        let refused = fresh.follow(&two.report.declarations().unwrap(), "v", 0).unwrap_err().to_string();
        assert!(refused.contains("other.example") && refused.contains("site 1"), "{refused}");
        assert_eq!(fresh.sites(0).unwrap(), [other]);
    }

    #[test]
    fn settings_of_a_newer_program_change_nothing() {
        let two = two();
        two.sync();
        let mut newer = two.report.declarations().unwrap();
        newer.sites[1].settings = newer.sites[1].settings.replacen('{', r#"{"unheard_of":1,"#, 1);
        newer.sites[0].name = "z.example".into();
        let refused = two.collector.follow(&newer, "w", 0).unwrap_err().to_string();
        assert!(refused.contains("unheard_of"), "{refused}");
        assert_eq!(two.collector.sites(0).unwrap(), two.report.sites(0).unwrap());
        // Nor does a zone that this program does not know: the next start would not get past it.
        let mut newer = two.report.declarations().unwrap();
        newer.sites[1].settings = newer.sites[1].settings.replace("Europe/Tallinn", "Mars/Olympus");
        let refused = two.collector.follow(&newer, "w", 0).unwrap_err().to_string();
        assert!(refused.contains("zone"), "{refused}");
        let path = two._folders[1].path().join("control.sqlite");
        assert_eq!(Control::open(&path, 0).unwrap().sites(0).unwrap(), two.report.sites(0).unwrap());
        assert_eq!(two.collector.followed().unwrap().as_deref(), Some("v"));
    }

    #[test]
    fn an_older_copy_of_the_report_nodes_sites_erases_nothing() {
        let two = two();
        two.sync();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("copy.sqlite");
        two.report.copy(&path).unwrap();
        two.report.add_site(NewSite::new("c.example", "UTC"), 0).unwrap();
        two.sync();
        let older = Control::open(&path, 0).unwrap();
        let refused = |words: &str| {
            let refused = two.collector.follow(&older.declarations().unwrap(), "w", 0).unwrap_err();
            assert!(matches!(refused, ControlError::Stranger(_)), "{refused}");
            assert!(refused.to_string().contains(words), "{refused}");
            assert!(two.collector.removals().unwrap().is_empty());
            assert_eq!(two.collector.sites(0).unwrap().len(), 3);
        };
        refused("site 3 (c.example) is not known there");
        // Also where its number was given to another site meanwhile, and that one removed.
        let other = older.add_site(NewSite::new("d.example", "UTC"), 0).unwrap();
        assert_eq!(other.id, SiteId(3));
        refused("is not the site 3 there");
        older.remove_site("d.example", 0).unwrap();
        refused("site 3 (c.example) is not known there");
    }

    #[test]
    fn numbers_that_a_collector_has_known_are_not_given_again() {
        let two = two();
        two.sync();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("copy.sqlite");
        two.report.copy(&path).unwrap();
        two.report.add_site(NewSite::new("c.example", "UTC"), 0).unwrap();
        two.sync();
        two.report.remove_site("c.example", 0).unwrap();
        two.report.remove_site("a.example", 0).unwrap();
        two.sync();
        let older = Control::open(&path, 0).unwrap();
        older.pass_over(two.collector.sites_made().unwrap()).unwrap();
        older.pass_over(1).unwrap();
        // What was removed since the copy is there again: its rows are gone, and its number must not come back.
        let refused = two.collector.follow(&older.declarations().unwrap(), "w", 0).unwrap_err().to_string();
        assert!(refused.contains("site 1 (a.example) is there again"), "{refused}");
        older.remove_site("a.example", 0).unwrap();
        let again = older.add_site(NewSite::new("c.example", "UTC"), 0).unwrap();
        assert_eq!(again.id, SiteId(4));
        two.collector.follow(&older.declarations().unwrap(), "w", 0).unwrap();
        assert_eq!(two.collector.sites(0).unwrap(), older.sites(0).unwrap());
        let fresh = Control::open(&folder.path().join("fresh.sqlite"), 0).unwrap();
        fresh.pass_over(7).unwrap();
        assert_eq!(fresh.add_site(NewSite::new("a.example", "UTC"), 0).unwrap().id, SiteId(8));
    }

    #[test]
    fn a_number_belongs_to_one_data_directory() {
        let two = two();
        let (one, other) = (two.collector.instance().unwrap(), two.report.instance().unwrap());
        assert!(one != other && two.collector.instance().unwrap() == one);
        assert_eq!(two.report.instance_of(7).unwrap(), None);
        assert_eq!(two.report.give_number(7, &one).unwrap(), one);
        assert_eq!(two.report.give_number(7, &other).unwrap(), one);
        assert_eq!(two.report.instance_of(7).unwrap(), Some(one));
    }
}
