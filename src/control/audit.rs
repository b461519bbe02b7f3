//! Who did what to which site: administrators' changes, and nothing of a visitor. Sites are kept by number, so that
//! what is left of an erased one names nothing.

use serde::Serialize;

use super::{Control, Result};
use crate::domain::{
    day::{UnixMs, Zone},
    declaration::SiteId,
};

/// Most entries of one deed by one person; their oldest make room, so that nobody flushes what others did, or what they
/// did besides.
const OF_ONE_DEED_MAX: u32 = 2_000;
/// Most entries that are told at once, the latest. What somebody did again and again on a day is one of them.
pub const TOLD_MAX: u32 = 1_000;
const MINUTE_MS: UnixMs = 60_000;

/// What was done. The words are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    Claimed,
    SignedIn,
    UserAdded,
    UserReset,
    UserRemoved,
    RoleGiven,
    RoleTaken,
    Invited,
    InvitationRevoked,
    Joined,
    PasswordChanged,
    FactorAdded,
    FactorRemoved,
    SiteAdded,
    SiteChanged,
    SiteRenamed,
    SiteReset,
    SiteMerged,
    SiteRemoved,
    SiteErased,
    ValueDeclared,
    NotesChanged,
    SourceForgotten,
    KeyAdded,
    KeyRevoked,
    ShareAdded,
    ShareRevoked,
    BackedUp,
    Restored,
    Exported,
    Downloaded,
}

impl Deed {
    pub const fn words(self) -> &'static str {
        match self {
            Deed::Claimed => "claimed the install",
            Deed::SignedIn => "signed in",
            Deed::UserAdded => "added a person",
            Deed::UserReset => "set a person's password",
            Deed::UserRemoved => "removed a person",
            Deed::RoleGiven => "gave a person a role",
            Deed::RoleTaken => "took a person's role",
            Deed::Invited => "invited a person",
            Deed::InvitationRevoked => "took back an invitation",
            Deed::Joined => "accepted an invitation",
            Deed::PasswordChanged => "changed their password",
            Deed::FactorAdded => "switched their second factor on",
            Deed::FactorRemoved => "switched their second factor off",
            Deed::SiteAdded => "added the site",
            Deed::SiteChanged => "changed its settings",
            Deed::SiteRenamed => "renamed it",
            Deed::SiteReset => "erased all that was counted",
            Deed::SiteMerged => "made it part of another site",
            Deed::SiteRemoved => "removed it",
            Deed::SiteErased => "removed and erased it",
            Deed::ValueDeclared => "declared a proposal",
            Deed::NotesChanged => "changed its notes",
            Deed::SourceForgotten => "took a source from closed days",
            Deed::KeyAdded => "made a key",
            Deed::KeyRevoked => "revoked a key",
            Deed::ShareAdded => "shared it",
            Deed::ShareRevoked => "revoked a share",
            Deed::BackedUp => "made a backup",
            Deed::Restored => "restored a backup",
            Deed::Exported => "exported rows",
            Deed::Downloaded => "downloaded all that is stored",
        }
    }
}

/// An entry as lists show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Audited {
    /// To the minute, UTC: `2026-11-22 17:05`.
    pub at: String,
    pub who: String,
    pub what: String,
    /// Whom it was about, perhaps with a role: `bob (viewer)`.
    pub about: Option<String>,
    /// How often on that UTC day; `at` is the last time.
    pub times: u32,
    /// Its name now, or `site 7` where there is none of that number any more.
    pub site: Option<String>,
}

impl Control {
    /// Notes what somebody did. Never fails what was done: an error is logged.
    pub fn audit(&self, who: &str, deed: Deed, site: Option<SiteId>, now: UnixMs) {
        self.audit_about(who, deed, None, site, now);
    }

    /// As [`Control::audit`], of what was done about a person who may sign in.
    pub fn audit_about(&self, who: &str, deed: Deed, about: Option<&str>, site: Option<SiteId>, now: UnixMs) {
        if let Err(error) = self.try_audit(who, deed, about, site, now) {
            tracing::error!(%error, "an entry of the audit log could not be written");
        }
    }

    fn try_audit(
        &self,
        who: &str,
        deed: Deed,
        about: Option<&str>,
        site: Option<SiteId>,
        now: UnixMs,
    ) -> Result<()> {
        let at = now - now.rem_euclid(MINUTE_MS);
        self.write(|connection| {
            connection.execute(
                "INSERT INTO audit (at, who, what, about, site) VALUES (?1, ?2, ?3, ?4, ?5)",
                (at, who, deed.words(), about, site.map(|site| site.0)),
            )?;
            connection.execute(
                "DELETE FROM audit WHERE who = ?1 AND what = ?2 AND id <= (
                    SELECT id FROM audit WHERE who = ?1 AND what = ?2 ORDER BY id DESC LIMIT 1 OFFSET ?3)",
                (who, deed.words(), OF_ONE_DEED_MAX),
            )?;
            Ok(())
        })
    }

    /// The latest entries, latest first; of some sites, or all.
    ///
    /// # Errors
    /// Database errors.
    pub fn audited(&self, sites: Option<&[SiteId]>) -> Result<Vec<Audited>> {
        let connection = self.lock();
        let mut statement = connection.prepare_cached(
            "SELECT max(at), who, what, about, count(*), coalesce(sites.name, 'site ' || audit.site)
             FROM audit LEFT JOIN sites ON sites.id = audit.site
             WHERE ?1 IS NULL OR audit.site IN (SELECT value FROM json_each(?1))
             GROUP BY who, what, about, audit.site, at / 86400000 ORDER BY max(audit.id) DESC LIMIT ?2",
        )?;
        let sites = sites.map(|sites| format!("{:?}", sites.iter().map(|site| site.0).collect::<Vec<_>>()));
        let entries = statement.query_map((sites, TOLD_MAX), |row| {
            Ok(Audited {
                at: minute(row.get(0)?),
                who: row.get(1)?,
                what: row.get(2)?,
                about: row.get(3)?,
                times: row.get(4)?,
                site: row.get(5)?,
            })
        })?;
        Ok(entries.collect::<rusqlite::Result<_>>()?)
    }

    /// Erases entries from before a moment; tells how many.
    ///
    /// # Errors
    /// Database errors.
    pub fn erase_audit(&self, before: UnixMs) -> Result<usize> {
        Ok(self.lock().execute("DELETE FROM audit WHERE at < ?1", [before])?)
    }
}

/// An instant to the minute, UTC.
pub(super) fn minute(at: UnixMs) -> String {
    let minutes = at.rem_euclid(86_400_000) / MINUTE_MS;
    format!("{} {:02}:{:02}", Zone::utc().day_at(at), minutes / 60, minutes % 60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::NewSite;

    #[test]
    fn deeds_are_told_by_name_until_the_site_is_gone_and_go_with_time() {
        let folder = tempfile::tempdir().unwrap();
        let control = Control::open(&folder.path().join("control.sqlite"), 0).unwrap();
        let site = control.add_site(NewSite::new("example.com", "UTC"), 0).unwrap().id;
        control.audit("ada", Deed::SiteAdded, Some(site), 61_000);
        control.audit("bob", Deed::BackedUp, None, 180_000);
        let told = control.audited(None).unwrap();
        assert_eq!(told.iter().map(|one| &*one.who).collect::<Vec<_>>(), ["bob", "ada"]);
        assert_eq!((&*told[1].at, &*told[1].what), ("1970-01-01 00:01", "added the site"));
        assert_eq!((told[0].site.as_deref(), told[1].site.as_deref()), (None, Some("example.com")));
        assert_eq!(control.audited(Some(&[site])).unwrap(), told[1..]);
        control.remove_site("example.com", 0).unwrap();
        assert_eq!(control.audited(Some(&[site])).unwrap()[0].site.as_deref(), Some("site 1"));
        assert_eq!((control.erase_audit(60_000).unwrap(), control.erase_audit(60_001).unwrap()), (0, 1));
        assert_eq!(control.audited(None).unwrap(), told[..1]);
    }

    /// Seen to fail with entries told one by one.
    #[test]
    fn nobody_flushes_what_others_did_or_what_they_did_besides() {
        let folder = tempfile::tempdir().unwrap();
        let control = Control::open(&folder.path().join("control.sqlite"), 0).unwrap();
        control.audit_about("ada", Deed::RoleGiven, Some("bob (admin)"), None, 0);
        control.audit_about("bob", Deed::RoleGiven, Some("eve (viewer)"), None, 0);
        let fill = "INSERT INTO audit (at, who, what) WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL
                    SELECT i + 1 FROM n WHERE i < ?1) SELECT 0, 'bob', ?2 FROM n";
        control.lock().execute(fill, (OF_ONE_DEED_MAX + 5, Deed::SiteChanged.words())).unwrap();
        control.audit("bob", Deed::SiteChanged, None, 60_000);
        let told = control.audited(None).unwrap();
        let words = |one: &Audited| format!("{} {} {:?} {}", one.who, one.what, one.about, one.times);
        assert_eq!(
            told.iter().map(words).collect::<Vec<_>>(),
            [
                format!("bob changed its settings None {OF_ONE_DEED_MAX}"),
                "bob gave a person a role Some(\"eve (viewer)\") 1".to_owned(),
                "ada gave a person a role Some(\"bob (admin)\") 1".to_owned(),
            ]
        );
        assert_eq!(told[0].at, "1970-01-01 00:01", "the latest");
        // Another day is another entry.
        control.audit("bob", Deed::SiteChanged, None, 86_400_000);
        assert_eq!(control.audited(None).unwrap().len(), 4);
    }
}
