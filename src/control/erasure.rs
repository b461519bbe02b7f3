//! Leaving nothing of a removed site in the control database: rows, free pages, log.

use rusqlite::Connection;

use super::{Control, ControlError, Result, SiteRecord, sites::named};
use crate::domain::{day::UnixMs, declaration::SiteId};

impl Control {
    /// Removes a site, and notes that nothing of it may be left.
    ///
    /// # Errors
    /// [`ControlError::NotFound`].
    pub fn remove_site_wholly(&self, name: &str, now: UnixMs) -> Result<SiteRecord> {
        self.write_sites(now, |connection| {
            let record = named(connection, name, now)?;
            forget_words(connection, record.id)?;
            connection.execute(
                "INSERT INTO removals (id, name, wholly) SELECT id, '', 1 FROM sites WHERE ?1 IN (id, merged_into)",
                [record.id.0],
            )?;
            connection.execute("DELETE FROM sites WHERE ?1 IN (id, merged_into)", [record.id.0])?;
            Ok(record)
        })
    }

    /// Whether nothing may be left of a removed site.
    ///
    /// # Errors
    /// Database errors.
    pub fn goes_wholly(&self, site: SiteId) -> Result<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM removals WHERE id = ?1 AND wholly)";
        Ok(self.lock().query_row(sql, [site.0], |row| row.get(0))?)
    }

    /// Rewrites the file without what was deleted, and empties its log.
    ///
    /// # Errors
    /// Database errors, also where somebody reads meanwhile: to be called again.
    pub fn scrub(&self) -> Result<()> {
        let connection = self.lock();
        connection.execute_batch("VACUUM")?;
        let busy: bool = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        match busy {
            false => Ok(()),
            true => Err(ControlError::Unreadable {
                what: "log",
                error: "somebody else reads it just now".to_owned(),
            }),
        }
    }
}

/// What jobs and the last verification say of a site by its names.
pub(super) fn forget_words(connection: &Connection, site: SiteId) -> Result<()> {
    connection.execute(
        "DELETE FROM jobs WHERE state IN ('done', 'failed') AND EXISTS (
             SELECT 1 FROM (SELECT name FROM sites WHERE ?1 IN (id, merged_into)
                            UNION SELECT name FROM aliases WHERE site = ?1) AS known
             WHERE instr(request, known.name) OR instr(words, known.name))",
        [site.0],
    )?;
    connection.execute(
        "UPDATE verification SET report = json_set(report, '$.sites', json(
             (SELECT json_group_array(json(value)) FROM json_each(report, '$.sites')
              WHERE json_extract(value, '$.id') <> ?1)))",
        [site.0],
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        control::{AdmittedKind, Deed, NewSite, Scope},
        domain::day::Day,
    };

    fn holds(folder: &std::path::Path, text: &str) -> bool {
        let files =
            std::fs::read_dir(folder).unwrap().map(|file| std::fs::read(file.unwrap().path()).unwrap());
        files.into_iter().any(|bytes| bytes.windows(text.len()).any(|window| window == text.as_bytes()))
    }

    #[test]
    fn nothing_of_a_site_is_left_in_the_bytes_of_the_database_but_its_number_and_uuid() {
        let folder = tempfile::tempdir().unwrap();
        let control = Control::open(&folder.path().join("control.sqlite"), 0).unwrap();
        let site = control.add_site(NewSite::new("secret.example", "UTC"), 0).unwrap();
        control.add_site(NewSite::new("other.example", "UTC"), 0).unwrap();
        control.rename_site("secret.example", "hidden.example", 0).unwrap();
        control.add_key("secretkey", "hidden.example", Scope::Read, 0).unwrap();
        let pages: Vec<String> = (0..500).map(|n| format!("secret.example/{n}")).collect();
        let values = pages.iter().map(|page| (AdmittedKind::Page, &**page));
        control.admit_values(site.id, Day(1), values).unwrap();
        let job = control.add_job(r#"{"reset":{"site":"hidden.example"}}"#).unwrap();
        control.begin_job().unwrap();
        control.end_job(job, Ok("hidden.example begins anew")).unwrap();
        let of = |id: u32, name: &str| format!(r#"{{"id":{id},"site":"{name}"}}"#);
        let report = format!(r#"{{"sites":[{},{}]}}"#, of(1, "hidden.example"), of(2, "other.example"));
        control.keep_verification(&report).unwrap();
        control.audit("ada", Deed::SiteRenamed, Some(site.id), 0);
        let texts = ["secret.example", "hidden.example", "secretkey"];
        assert!(texts.iter().all(|text| holds(folder.path(), text)));
        control.remove_site_wholly("secret.example", 0).unwrap();
        assert!(control.goes_wholly(site.id).unwrap());
        control.scrub().unwrap();
        assert_eq!(texts.map(|text| holds(folder.path(), text)), [false; 3]);
        assert!(holds(folder.path(), &site.uuid) && holds(folder.path(), "other.example"));
        assert_eq!(
            control.verification().unwrap().unwrap(),
            format!(r#"{{"sites":[{}]}}"#, of(2, "other.example"))
        );
        assert_eq!(control.audited(None).unwrap()[0].site.as_deref(), Some("site 1"));
        control.erased(site.id).unwrap();
        assert!(!control.goes_wholly(site.id).unwrap());
    }
}
