//! Sites renamed, begun anew, made part of another; sources that are still to be forgotten.

use rusqlite::Connection;

use super::{
    Control, ControlError, Invalid, Result, SiteRecord,
    sites::{COLUMNS, Columns, named, save},
    validate,
};
use crate::domain::{
    day::{Day, UnixMs},
    declaration::SiteId,
};

/// A site on its way into another.
#[derive(Debug)]
pub struct Leaving {
    pub site: SiteRecord,
    pub into: SiteId,
}

/// A source that is still to be taken from days up to `last`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forget {
    pub id: i64,
    pub site: SiteId,
    pub source: String,
    pub last: Day,
}

impl Control {
    /// Gives a site another name, which becomes its first host. It is still found by its old name, whose pages may
    /// still send hits.
    ///
    /// # Errors
    /// [`ControlError::NotFound`], [`ControlError::Exists`], [`Invalid`] names.
    pub fn rename_site(&self, old: &str, new: &str, now: UnixMs) -> Result<SiteRecord> {
        self.write_sites(now, |connection| {
            let mut record = named(connection, old, now)?;
            let name = validate::host("name", new)?;
            let name = name.strip_prefix("www.").unwrap_or(&name).to_owned();
            if name.starts_with("*.") {
                return Err(Invalid::new("name", name, "a host without `*`").into());
            }
            check_free(connection, &name, Some(record.id))?;
            let mut wanted = record.wanted();
            wanted.hosts.retain(|host| *host != name);
            wanted.hosts.insert(0, name.clone());
            record.change(wanted, now)?;
            save(connection, &record)?;
            connection.execute("DELETE FROM aliases WHERE name = ?1", [&name])?;
            if record.name != name {
                add_alias(connection, &record.name, record.id, false)?;
            }
            connection.execute("UPDATE sites SET name = ?2 WHERE id = ?1", (record.id.0, &name))?;
            Ok(SiteRecord { name, ..record })
        })
    }

    /// Lets a site begin anew: it keeps name, UUID, settings and keys, and gets another number; what was counted
    /// under the old one, which is returned, is erased as that of a removed site is.
    ///
    /// # Errors
    /// [`ControlError::NotFound`].
    pub fn reset_site(&self, name: &str, now: UnixMs) -> Result<(SiteRecord, SiteId)> {
        self.write_sites(now, |connection| {
            let record = named(connection, name, now)?;
            connection.execute_batch("PRAGMA defer_foreign_keys = ON")?;
            connection.execute("UPDATE sqlite_sequence SET seq = seq + 1 WHERE name = 'sites'", [])?;
            let fresh: u32 =
                connection.query_row("SELECT seq FROM sqlite_sequence WHERE name = 'sites'", [], |row| {
                    row.get(0)
                })?;
            let old = record.id.0;
            connection.execute("DELETE FROM admitted WHERE site = ?1", [old])?;
            connection.execute("DELETE FROM forgets WHERE site = ?1", [old])?;
            for (table, column) in [
                ("keys", "site"),
                ("shares", "site"),
                ("notes", "site"),
                ("aliases", "site"),
                ("sites", "merged_into"),
            ] {
                let sql = format!("UPDATE {table} SET {column} = ?2 WHERE {column} = ?1");
                connection.execute(&sql, (old, fresh))?;
            }
            connection.execute(
                "UPDATE sites SET id = ?2, since_day = NULL, version = version + 1 WHERE id = ?1",
                (old, fresh),
            )?;
            connection.execute("INSERT INTO removals (id, name) VALUES (?1, '')", [old])?;
            let version = record.version + 1;
            Ok((SiteRecord { id: SiteId(fresh), since_day: None, version, ..record }, SiteId(old)))
        })
    }

    /// Begins to make a site part of another: its name, UUID and hosts are the other's from now on, its keys and
    /// shares are gone, and it takes no more hits. Returns both.
    ///
    /// # Errors
    /// [`ControlError::NotFound`]; [`Invalid`] where the two do not go together.
    pub fn begin_merge(&self, from: &str, into: &str, now: UnixMs) -> Result<(SiteRecord, SiteRecord)> {
        self.write_sites(now, |connection| {
            let (site, mut other) = (named(connection, from, now)?, named(connection, into, now)?);
            check_match(connection, &site, &other)?;
            let mut wanted = other.wanted();
            let missing = site.settings.hosts.iter().filter(|host| !other.settings.hosts.contains(host));
            wanted.hosts.extend(missing.cloned());
            other.change(wanted, now)?;
            save(connection, &other)?;
            let (old, new) = (site.id.0, other.id.0);
            connection.execute("UPDATE sites SET merged_into = ?2 WHERE id = ?1", (old, new))?;
            connection.execute("DELETE FROM keys WHERE site = ?1", [old])?;
            connection.execute("DELETE FROM shares WHERE site = ?1", [old])?;
            connection.execute("UPDATE notes SET site = ?2 WHERE site = ?1", (old, new))?;
            connection.execute("UPDATE aliases SET site = ?2, merged = 1 WHERE site = ?1", (old, new))?;
            add_alias(connection, &site.name, other.id, true)?;
            add_alias(connection, &site.uuid, other.id, true)?;
            Ok((site, other))
        })
    }

    /// The sites that are on their way into another.
    ///
    /// # Errors
    /// Database errors.
    pub fn leaving(&self, now: UnixMs) -> Result<Vec<Leaving>> {
        leaving(&self.lock(), now)
    }

    /// Tells that the rows of a site are another's now: nothing of it is left.
    ///
    /// # Errors
    /// Database errors.
    pub fn end_merge(&self, site: SiteId, now: UnixMs) -> Result<()> {
        self.write_sites(now, |connection| {
            connection.execute(
                "INSERT INTO admitted
                 SELECT sites.merged_into, kind, value, last_day FROM admitted JOIN sites ON sites.id = site
                 WHERE site = ?1 AND merged_into IS NOT NULL
                 ON CONFLICT DO UPDATE SET last_day = max(last_day, excluded.last_day)",
                [site.0],
            )?;
            connection.execute("DELETE FROM sites WHERE id = ?1 AND merged_into IS NOT NULL", [site.0])?;
            Ok(())
        })
    }

    /// Remembers a source that is to be taken from days up to `last`.
    ///
    /// # Errors
    /// Database errors.
    pub fn add_forget(&self, site: SiteId, source: &str, last: Day) -> Result<()> {
        self.write(|connection| {
            connection.execute(
                "INSERT INTO forgets (site, source, last) VALUES (?1, ?2, ?3)",
                (site.0, source, last.0),
            )?;
            Ok(())
        })
    }

    /// The sources that are still to be taken from open days.
    ///
    /// # Errors
    /// Database errors.
    pub fn forgets(&self) -> Result<Vec<Forget>> {
        let connection = self.lock();
        let mut statement = connection.prepare_cached("SELECT id, site, source, last FROM forgets")?;
        let rows = statement.query_map([], |row| {
            Ok(Forget {
                id: row.get(0)?,
                site: SiteId(row.get(1)?),
                source: row.get(2)?,
                last: Day(row.get(3)?),
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Tells that a source is forgotten.
    ///
    /// # Errors
    /// Database errors.
    pub fn end_forget(&self, id: i64) -> Result<()> {
        self.lock().execute("DELETE FROM forgets WHERE id = ?1", [id])?;
        Ok(())
    }
}

/// Two sites that can be one: their days begin together, and neither is the demo's.
fn check_match(connection: &Connection, site: &SiteRecord, other: &SiteRecord) -> Result<()> {
    if site.id == other.id {
        return Err(Invalid::new("into", &other.name, "another site").into());
    }
    let (zone, wanted) = (&site.settings.zone, &other.settings.zone);
    if zone != wanted {
        let allowed = format!("{wanted}, the zone of {}: their days must begin together", other.name);
        return Err(Invalid::new("zone", zone, allowed).into());
    }
    if site.simulated != other.simulated {
        return Err(
            Invalid::new("into", &other.name, "a site that is simulated as well, or not either").into()
        );
    }
    let busy: bool = connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM sites WHERE merged_into IN (?1, ?2))",
        (site.id.0, other.id.0),
        |row| row.get(0),
    )?;
    match busy {
        true => Err(Invalid::new("into", &other.name, "a site into which no merge is under way").into()),
        false => Ok(()),
    }
}

/// Refuses a name that another site has, or had.
pub(super) fn check_free(connection: &Connection, name: &str, of: Option<SiteId>) -> Result<()> {
    let of = of.map_or(-1, |site| i64::from(site.0));
    let held = |sql| connection.query_row(sql, (name, of), |row| row.get::<_, bool>(0));
    if held("SELECT EXISTS (SELECT 1 FROM sites WHERE name = ?1 AND id <> ?2)")? {
        return Err(ControlError::Exists { what: "site", name: name.to_owned() });
    }
    if held("SELECT EXISTS (SELECT 1 FROM aliases WHERE name = ?1 AND site <> ?2)")? {
        return Err(ControlError::Exists { what: "an earlier name of a site,", name: name.to_owned() });
    }
    Ok(())
}

fn add_alias(connection: &Connection, name: &str, site: SiteId, merged: bool) -> Result<()> {
    let sql = "INSERT OR REPLACE INTO aliases (name, site, merged) VALUES (?1, ?2, ?3)";
    connection.execute(sql, (name, site.0, merged))?;
    Ok(())
}

/// See [`Control::leaving`].
pub(super) fn leaving(connection: &Connection, now: UnixMs) -> Result<Vec<Leaving>> {
    let sql = format!("SELECT {COLUMNS}, merged_into FROM sites WHERE merged_into IS NOT NULL ORDER BY id");
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map([], |row| Ok((Columns::read(row)?, SiteId(row.get("merged_into")?))))?;
    rows.map(|row| {
        let (columns, into) = row?;
        Ok(Leaving { site: columns.record(now)?, into })
    })
    .collect()
}

/// Earlier names and UUIDs, with their sites.
pub(super) fn aliases(connection: &Connection) -> Result<Vec<(String, SiteId)>> {
    let mut statement = connection.prepare_cached("SELECT name, site FROM aliases ORDER BY name")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, SiteId(row.get(1)?))))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::{AdmittedKind, NewSite, Scope};

    fn sites() -> (tempfile::TempDir, Control) {
        let folder = tempfile::tempdir().unwrap();
        let control = Control::open(&folder.path().join("control.sqlite"), 0).unwrap();
        for (name, zone) in [("a.example", "UTC"), ("b.example", "UTC"), ("c.example", "Asia/Tokyo")] {
            control.add_site(NewSite::new(name, zone), 0).unwrap();
        }
        (folder, control)
    }

    #[test]
    fn a_reset_site_keeps_its_keys_and_gets_a_number_that_nobody_had() {
        let (_folder, control) = sites();
        let key = control.add_key("mine", "a.example", Scope::Read, 0).unwrap();
        let before = control.site("a.example", 0).unwrap();
        control.admit_values(before.id, Day(1), [(AdmittedKind::Page, "x")]).unwrap();
        let (after, old) = control.reset_site("a.example", 0).unwrap();
        assert_eq!((old, after.id), (before.id, SiteId(4)));
        assert_eq!(control.site("a.example", 0).unwrap(), after);
        assert_eq!((&after.uuid, &after.settings), (&before.uuid, &before.settings));
        assert_eq!(control.key_access(&key).unwrap().unwrap().site, after.id);
        assert_eq!(control.admitted_values(after.id, AdmittedKind::Page).unwrap(), []);
        assert_eq!(control.removals().unwrap(), [old]);
        assert_eq!(control.directory().load().by_name("a.example").unwrap().id(), after.id);
        // Nor will anybody have it.
        assert_eq!(control.add_site(NewSite::new("d.example", "UTC"), 0).unwrap().id, SiteId(5));
    }

    #[test]
    fn a_merge_takes_names_hosts_and_values_and_lets_only_sites_of_one_zone_in() {
        let (_folder, control) = sites();
        let fails = |from: &str, into: &str| control.begin_merge(from, into, 0).unwrap_err().to_string();
        assert!(fails("a.example", "c.example").contains("their days must begin together"));
        assert!(fails("a.example", "a.example").contains("another site"));
        control.rename_site("a.example", "old.example", 0).unwrap();
        control.rename_site("old.example", "a.example", 0).unwrap();
        let (from, into) = control.begin_merge("a.example", "b.example", 0).unwrap();
        control.admit_values(from.id, Day(1), [(AdmittedKind::Page, "x")]).unwrap();
        let directory = control.directory().load_full();
        for name in ["a.example", "old.example", "b.example"] {
            assert_eq!(directory.by_name(name).unwrap().id(), into.id, "{name}");
            assert_eq!(control.site(name, 0).unwrap().id, into.id, "{name}");
        }
        assert_eq!(directory.by_uuid(&from.uuid).unwrap().id(), into.id);
        assert_eq!(into.settings.hosts, ["b.example", "a.example", "old.example"]);
        // Its day may still be open: a start finds it.
        assert!(directory.by_id(from.id).is_none() && directory.leaving(from.id).is_some());
        assert!(fails("c.example", "b.example").contains("zone"));
        control.end_merge(from.id, 0).unwrap();
        assert!(control.leaving(0).unwrap().is_empty());
        assert_eq!(control.admitted_values(into.id, AdmittedKind::Page).unwrap(), ["x".into()]);
        assert!(control.directory().load().leaving(from.id).is_none());
        // Removed while another is on its way into it: both go.
        control.add_site(NewSite::new("d.example", "UTC"), 0).unwrap();
        control.begin_merge("d.example", "b.example", 0).unwrap();
        control.remove_site("b.example", 0).unwrap();
        assert_eq!(control.removals().unwrap(), [into.id, SiteId(4)]);
    }
}
