//! Invitations: a link lets one person in, once and for some days. Only a hash of its token is stored.

use rusqlite::{Connection, OptionalExtension, Row};
use serde::Serialize;

use super::{
    Control, ControlError, Invalid, Result, Role, User,
    roles::{self, by_id, join},
    secret,
    sessions::{Session, begin_session},
    sites,
    users::add_user,
};
use crate::domain::{
    day::{UnixMs, Zone},
    declaration::SiteId,
};

/// Days after which an invitation ends.
pub const INVITATION_DAYS: i64 = 7;
/// Most open invitations that one person made.
const INVITATIONS_MAX: u32 = 200;
const DAY_MS: i64 = 86_400_000;

/// An open invitation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Invitation {
    pub id: i64,
    /// `None`: to own the install.
    pub site: Option<String>,
    pub role: Role,
    /// Who invites.
    pub by: String,
    /// The last UTC day on which it can be accepted, `2026-11-22`.
    pub until: String,
    #[serde(skip)]
    pub site_id: Option<SiteId>,
    #[serde(skip)]
    by_id: i64,
}

const SELECT: &str =
    "SELECT invitations.id, sites.name, invitations.role, users.name, expires, sites.id, users.id
                      FROM invitations JOIN users ON users.id = invitations.by
                      LEFT JOIN sites ON sites.id = invitations.site";

fn invitation(row: &Row<'_>) -> rusqlite::Result<Invitation> {
    Ok(Invitation {
        id: row.get(0)?,
        site: row.get(1)?,
        role: Role::named(&row.get::<_, String>(2)?),
        by: row.get(3)?,
        until: Zone::utc().day_at(row.get(4)?).to_string(),
        site_id: row.get::<_, Option<u32>>(5)?.map(SiteId),
        by_id: row.get(6)?,
    })
}

impl Control {
    /// Makes an invitation and returns its token: the only time that it is known. Without a site it is to own the
    /// install.
    ///
    /// # Errors
    /// Unknown site, a role that does not go with it; [`Invalid`] if too many are open.
    pub fn invite(
        &self,
        by: &User,
        site: Option<&str>,
        role: Role,
        now: UnixMs,
    ) -> Result<(String, Invitation)> {
        if site.is_none() != (role == Role::Owner) {
            let allowed = "`admin` or `viewer` with a site, `owner` without one";
            return Err(Invalid::new("role", role.name(), allowed).into());
        }
        let token = secret::fresh()?;
        let made = self.write(|connection| {
            let site =
                site.map(|name| sites::named(connection, name, now)).transpose()?.map(|site| site.id.0);
            connection.execute("DELETE FROM invitations WHERE expires <= ?1", [now])?;
            let open: u32 =
                connection
                    .query_row("SELECT count(*) FROM invitations WHERE by = ?1", [by.id], |row| row.get(0))?;
            if open >= INVITATIONS_MAX {
                let allowed = format!("at most {INVITATIONS_MAX} open invitations");
                return Err(Invalid::new("invitations", open, allowed).into());
            }
            connection.execute(
                "INSERT INTO invitations (token, site, role, by, expires) VALUES (?1, ?2, ?3, ?4, ?5)",
                (secret::digest(&token), site, role.name(), by.id, now + INVITATION_DAYS * DAY_MS),
            )?;
            let sql = format!("{SELECT} WHERE invitations.id = ?1");
            Ok(connection.query_row(&sql, [connection.last_insert_rowid()], invitation)?)
        })?;
        Ok((token, made))
    }

    /// The open invitations, latest first.
    ///
    /// # Errors
    /// Database errors.
    pub fn invitations(&self, now: UnixMs) -> Result<Vec<Invitation>> {
        let connection = self.lock();
        let sql = format!("{SELECT} WHERE expires > ?1 ORDER BY invitations.id DESC");
        let mut statement = connection.prepare_cached(&sql)?;
        let open = statement.query_map([now], invitation)?;
        Ok(open.collect::<rusqlite::Result<_>>()?)
    }

    /// The open invitation of a token.
    ///
    /// # Errors
    /// [`ControlError::NoInvitation`], also where it was accepted or taken back, or who made it may not any longer.
    pub fn invitation(&self, token: &str, now: UnixMs) -> Result<Invitation> {
        of_token(&self.lock(), token, now)
    }

    /// Takes an invitation back.
    ///
    /// # Errors
    /// [`ControlError::NotFound`].
    pub fn revoke_invitation(&self, id: i64) -> Result<()> {
        match self.lock().execute("DELETE FROM invitations WHERE id = ?1", [id])? {
            0 => Err(ControlError::NotFound { what: "invitation", name: id.to_string() }),
            _ => Ok(()),
        }
    }

    /// Accepts an invitation as a new person, and signs in.
    ///
    /// # Errors
    /// As [`Control::invitation`]; invalid name or password, [`ControlError::Exists`].
    pub fn accept_as_new(
        &self,
        token: &str,
        name: &str,
        password: &str,
        browser: &str,
        now: UnixMs,
    ) -> Result<(Session, Invitation)> {
        // Looked at before the password is hashed: a stranger costs no argon2.
        self.invitation(token, now)?;
        let hash = secret::hash_password(password)?;
        self.write(|connection| {
            let accepted = take(connection, token, now)?;
            let user = add_user(connection, name, &hash, accepted.role == Role::Owner)?;
            give(connection, &user, &accepted)?;
            let user = by_id(connection, user.id)?;
            Ok((begin_session(connection, user, browser, now)?, accepted))
        })
    }

    /// Accepts an invitation as somebody who is known already; what they may do grows, and never shrinks.
    ///
    /// # Errors
    /// As [`Control::invitation`].
    pub fn accept(&self, token: &str, person: i64, now: UnixMs) -> Result<(User, Invitation)> {
        self.write(|connection| {
            let accepted = take(connection, token, now)?;
            give(connection, &by_id(connection, person)?, &accepted)?;
            Ok((by_id(connection, person)?, accepted))
        })
    }
}

fn of_token(connection: &Connection, token: &str, now: UnixMs) -> Result<Invitation> {
    let sql = format!("{SELECT} WHERE token = ?1 AND expires > ?2");
    let found = connection.query_row(&sql, (secret::digest(token.trim()), now), invitation).optional()?;
    let found = found.ok_or(ControlError::NoInvitation)?;
    // Who may not do it any longer lets nobody in.
    let by = by_id(connection, found.by_id)?;
    let may = match found.site_id {
        Some(site) => by.role_at(site) >= Some(Role::Admin),
        None => by.owner,
    };
    if may { Ok(found) } else { Err(ControlError::NoInvitation) }
}

/// Uses an invitation up.
fn take(connection: &Connection, token: &str, now: UnixMs) -> Result<Invitation> {
    let found = of_token(connection, token, now)?;
    connection.execute("DELETE FROM invitations WHERE id = ?1", [found.id])?;
    Ok(found)
}

fn give(connection: &Connection, user: &User, accepted: &Invitation) -> Result<()> {
    match accepted.site_id {
        None => roles::set_owner(connection, user, Some(Role::Owner)),
        Some(site) if user.role_at(site) >= Some(accepted.role) => Ok(()),
        Some(site) => join(connection, user.id, site, accepted.role),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::NewSite;

    fn control() -> (tempfile::TempDir, Control, User) {
        let folder = tempfile::tempdir().unwrap();
        let control = Control::open(&folder.path().join("control.sqlite"), 0).unwrap();
        control.add_site(NewSite::new("example.com", "UTC"), 0).unwrap();
        let ada = control.add_user("ada", "long enough").unwrap();
        (folder, control, ada)
    }

    #[test]
    fn an_invitation_lets_one_person_in_once_and_for_a_week() {
        let (folder, control, ada) = control();
        let (token, made) = control.invite(&ada, Some("example.com"), Role::Viewer, 0).unwrap();
        assert_eq!((made.by.as_str(), made.until.as_str()), ("ada", "1970-01-08"));
        let end = INVITATION_DAYS * DAY_MS;
        assert_eq!(control.invitation(&token, end - 1).unwrap(), made);
        assert!(matches!(control.invitation(&token, end), Err(ControlError::NoInvitation)));
        assert!(matches!(control.invitation("guess", 0), Err(ControlError::NoInvitation)));
        // What is wrong with name or password does not use it up.
        assert!(control.accept_as_new(&token, "ada", "long enough", "", 0).is_err());
        assert!(control.accept_as_new(&token, "bob", "short", "", 0).is_err());
        let (session, _) = control.accept_as_new(&token, "bob", "long enough", "", 0).unwrap();
        assert_eq!(session.user.role_at(SiteId(1)), Some(Role::Viewer));
        assert!(control.session(&session.token, 0).unwrap().is_some());
        assert!(matches!(control.accept(&token, ada.id, 0), Err(ControlError::NoInvitation)));
        assert_eq!(control.invitations(0).unwrap(), []);
        // Somebody who is known gains, and never loses.
        let bob = session.user.id;
        let accept = |role| {
            let (token, _) = control.invite(&ada, Some("example.com"), role, 0).unwrap();
            control.accept(&token, bob, 0).unwrap().0.role_at(SiteId(1))
        };
        assert_eq!([Role::Admin, Role::Viewer].map(accept), [Some(Role::Admin); 2]);
        let (token, _) = control.invite(&ada, None, Role::Owner, 0).unwrap();
        assert!(control.accept(&token, bob, 0).unwrap().0.owner);
        let (kept, _) = control.invite(&ada, None, Role::Owner, 0).unwrap();
        drop(control);
        for file in std::fs::read_dir(folder.path()).unwrap() {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            assert!(
                !bytes.windows(kept.len()).any(|window| window == kept.as_bytes()),
                "only its hash is stored"
            );
        }
    }

    #[test]
    fn who_may_not_invite_any_longer_lets_nobody_in() {
        let (_folder, control, ada) = control();
        let bob = control.add_member("bob", "long enough", "example.com", Role::Admin, 0).unwrap();
        let (token, made) = control.invite(&bob, Some("example.com"), Role::Admin, 0).unwrap();
        assert!(control.invitation(&token, 0).is_ok());
        control.set_role(bob.id, Some("example.com"), Some(Role::Viewer), 0).unwrap();
        assert!(matches!(control.accept(&token, ada.id, 0), Err(ControlError::NoInvitation)));
        control.revoke_invitation(made.id).unwrap();
        assert!(matches!(control.revoke_invitation(made.id), Err(ControlError::NotFound { .. })));
        control.set_role(bob.id, Some("example.com"), Some(Role::Admin), 0).unwrap();
        let (token, _) = control.invite(&bob, Some("example.com"), Role::Admin, 0).unwrap();
        control.remove_user(bob.id).unwrap();
        assert!(matches!(control.invitation(&token, 0), Err(ControlError::NoInvitation)));
        // And none to a site that is gone.
        let (token, _) = control.invite(&ada, Some("example.com"), Role::Admin, 0).unwrap();
        control.remove_site("example.com", 0).unwrap();
        assert!(matches!(control.invitation(&token, 0), Err(ControlError::NoInvitation)));
    }

    #[test]
    fn open_invitations_are_bounded() {
        let (_folder, control, ada) = control();
        for _ in 0..INVITATIONS_MAX {
            control.invite(&ada, None, Role::Owner, 0).unwrap();
        }
        let error = control.invite(&ada, None, Role::Owner, 1).unwrap_err().to_string();
        assert!(error.contains("at most 200 open invitations"), "{error}");
        control.invite(&ada, None, Role::Owner, INVITATION_DAYS * DAY_MS).unwrap();
        assert!(control.invite(&ada, Some("example.com"), Role::Owner, 0).is_err());
        assert!(control.invite(&ada, None, Role::Viewer, 0).is_err());
    }
}
