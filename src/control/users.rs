//! People: the claim of a fresh install, their names and passwords.

use rusqlite::{Connection, OptionalExtension};

use super::{
    Control, ControlError, NewSite, Result, Role, SiteRecord, User, is_taken,
    roles::{self, by_id, with_sites},
    secret,
    sessions::{Session, begin_session, end_others},
    sites, validate,
};
use crate::domain::day::UnixMs;

/// What a person sends to claim a fresh install.
pub struct Claim<'a> {
    pub token: &'a str,
    pub name: &'a str,
    pub password: &'a str,
    pub site: NewSite,
}

impl Control {
    /// Whether anybody can do everything; a fresh install is claimed first.
    ///
    /// # Errors
    /// Database errors.
    pub fn is_claimed(&self) -> Result<bool> {
        is_claimed(&self.lock())
    }

    /// A new claim token, in place of any before, to be printed by the server as it starts; `None` where the
    /// install is claimed.
    ///
    /// # Errors
    /// Database errors.
    pub fn claim_token(&self) -> Result<Option<String>> {
        let token = secret::fresh()?;
        self.write(|connection| {
            if is_claimed(connection)? {
                return Ok(None);
            }
            connection.execute(
                "INSERT OR REPLACE INTO claim (one, token) VALUES (1, ?1)",
                [secret::digest(&token)],
            )?;
            Ok(Some(token))
        })
    }

    /// Claims a fresh install: makes the owner, the first site and a session. Works once.
    ///
    /// # Errors
    /// [`ControlError::AlreadyClaimed`], [`ControlError::WrongClaimToken`], invalid names, password or site.
    pub fn claim(&self, claim: Claim<'_>, browser: &str, now: UnixMs) -> Result<(Session, SiteRecord)> {
        // Looked at before the password is hashed: a stranger costs no argon2.
        check_claim(&self.lock(), claim.token)?;
        let hash = secret::hash_password(claim.password)?;
        self.write_sites(now, |connection| {
            check_claim(connection, claim.token)?;
            let user = add_user(connection, claim.name, &hash, true)?;
            let site = sites::add(connection, claim.site, now)?;
            connection.execute("DELETE FROM claim", [])?;
            Ok((begin_session(connection, user, browser, now)?, site))
        })
    }

    /// Adds an owner.
    ///
    /// # Errors
    /// Invalid name or password; [`ControlError::Exists`].
    pub fn add_user(&self, name: &str, password: &str) -> Result<User> {
        let hash = secret::hash_password(password)?;
        self.write(|connection| {
            connection.execute("DELETE FROM claim", [])?;
            add_user(connection, name, &hash, true)
        })
    }

    /// Adds a person who may read or change one site.
    ///
    /// # Errors
    /// Invalid name, password or role, unknown site; [`ControlError::Exists`].
    pub fn add_member(
        &self,
        name: &str,
        password: &str,
        site: &str,
        role: Role,
        now: UnixMs,
    ) -> Result<User> {
        if role == Role::Owner {
            return Err(roles::not_of_a_site());
        }
        let hash = secret::hash_password(password)?;
        self.write(|connection| {
            let site = sites::named(connection, site, now)?.id;
            let user = add_user(connection, name, &hash, false)?;
            roles::join(connection, user.id, site, role)?;
            by_id(connection, user.id)
        })
    }

    /// Sets a new password and ends all of the user's sessions.
    ///
    /// # Errors
    /// Invalid password; [`ControlError::NotFound`].
    pub fn reset_user(&self, name: &str, password: &str) -> Result<User> {
        let hash = secret::hash_password(password)?;
        self.write(|connection| {
            let (user, _) = find_user(connection, name)?.ok_or_else(|| roles::nobody(name))?;
            connection.execute("UPDATE users SET password = ?2 WHERE id = ?1", (user.id, &hash))?;
            connection.execute("DELETE FROM sessions WHERE user = ?1", [user.id])?;
            Ok(user)
        })
    }

    /// Who has this name and password; `None` where nobody has. Takes as long for names that do not exist.
    ///
    /// # Errors
    /// Database errors.
    pub fn check_password(&self, name: &str, password: &str) -> Result<Option<User>> {
        // The lock is not held while the password is hashed.
        let found = find_user(&self.lock(), name)?;
        let Some((user, hash)) = found else {
            secret::verify_nobody(password);
            return Ok(None);
        };
        Ok(secret::verify_password(password, &hash).then_some(user))
    }

    /// Begins a session of somebody who has shown who they are.
    ///
    /// # Errors
    /// Database errors, no randomness.
    pub fn begin_session(&self, user: User, browser: &str, now: UnixMs) -> Result<Session> {
        self.write(|connection| begin_session(connection, user, browser, now))
    }

    /// Sets a new password, if the current one is right, and ends all sessions but this one. Tells whether it was.
    ///
    /// # Errors
    /// Invalid password; database errors.
    pub fn change_password(&self, person: i64, current: &str, new: &str, token: &str) -> Result<bool> {
        let sql = "SELECT password FROM users WHERE id = ?1";
        let stored: String = self.lock().query_row(sql, [person], |row| row.get(0))?;
        if !secret::verify_password(current, &stored) {
            return Ok(false);
        }
        let hash = secret::hash_password(new)?;
        self.write(|connection| {
            connection.execute("UPDATE users SET password = ?2 WHERE id = ?1", (person, &hash))?;
            end_others(connection, person, token)?;
            Ok(true)
        })
    }
}

fn is_claimed(connection: &Connection) -> Result<bool> {
    Ok(connection.query_row("SELECT EXISTS (SELECT 1 FROM users WHERE owner)", [], |row| row.get(0))?)
}

fn check_claim(connection: &Connection, token: &str) -> Result<()> {
    if is_claimed(connection)? {
        return Err(ControlError::AlreadyClaimed);
    }
    // Digests are compared, not tokens: the time it takes tells nothing of use about the token.
    let stored =
        connection.query_row("SELECT token FROM claim", [], |row| row.get::<_, [u8; 32]>(0)).optional()?;
    match stored == Some(secret::digest(token.trim())) {
        true => Ok(()),
        false => Err(ControlError::WrongClaimToken),
    }
}

pub(super) fn add_user(connection: &Connection, name: &str, hash: &str, owner: bool) -> Result<User> {
    validate::name("name", name)?;
    let sql = "INSERT INTO users (name, owner, password) VALUES (?1, ?2, ?3)";
    connection.execute(sql, (name, owner, hash)).map_err(|error| match is_taken(&error) {
        true => ControlError::Exists { what: "user", name: name.to_owned() },
        false => error.into(),
    })?;
    by_id(connection, connection.last_insert_rowid())
}

fn find_user(connection: &Connection, name: &str) -> Result<Option<(User, String)>> {
    let sql = format!("SELECT {}, password FROM users WHERE name = ?1", roles::COLUMNS);
    let read = |row: &rusqlite::Row<'_>| Ok((roles::user(row)?, row.get(4)?));
    let found = connection.prepare_cached(&sql)?.query_row([name.trim()], read).optional()?;
    found.map(|(user, hash)| Ok((with_sites(connection, user)?, hash))).transpose()
}
