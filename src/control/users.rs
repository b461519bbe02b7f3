//! People: the claim of a fresh install, users and their sessions.

use rusqlite::{Connection, OptionalExtension};
use serde::Serialize;

use super::{Control, ControlError, NewSite, Result, SiteRecord, is_taken, secret, sites, validate};
use crate::domain::day::UnixMs;

/// Days after sign-in at which a session ends.
pub const SESSION_DAYS: i64 = 30;
const DAY_MS: i64 = 86_400_000;
const HOUR_MS: i64 = 3_600_000;
/// Most sessions of one user; the one used longest ago makes room.
const SESSIONS_PER_USER: u32 = 50;

/// A person who may sign in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct User {
    pub name: String,
    /// Always `admin` in this version.
    pub role: String,
    #[serde(skip)]
    pub(super) id: i64,
}

/// A new session: the only place that ever holds its token.
pub struct Session {
    /// For the cookie; only its hash is stored.
    pub token: String,
    pub user: User,
}

/// What a person sends to claim a fresh install.
pub struct Claim<'a> {
    pub token: &'a str,
    pub name: &'a str,
    pub password: &'a str,
    pub site: NewSite,
}

impl Control {
    /// Whether anybody can sign in; a fresh install is claimed first.
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

    /// Claims a fresh install: makes the admin, the first site and a session. Works once.
    ///
    /// # Errors
    /// [`ControlError::AlreadyClaimed`], [`ControlError::WrongClaimToken`], invalid names, password or site.
    pub fn claim(&self, claim: Claim<'_>, now: UnixMs) -> Result<(Session, SiteRecord)> {
        // Looked at before the password is hashed: a stranger costs no argon2.
        check_claim(&self.lock(), claim.token)?;
        let hash = secret::hash_password(claim.password)?;
        self.write_sites(now, |connection| {
            check_claim(connection, claim.token)?;
            let user = add_user(connection, claim.name, &hash)?;
            let site = sites::add(connection, claim.site, now)?;
            connection.execute("DELETE FROM claim", [])?;
            Ok((begin_session(connection, user, now)?, site))
        })
    }

    /// Adds an admin.
    ///
    /// # Errors
    /// Invalid name or password; [`ControlError::Exists`].
    pub fn add_user(&self, name: &str, password: &str) -> Result<User> {
        let hash = secret::hash_password(password)?;
        self.write(|connection| {
            connection.execute("DELETE FROM claim", [])?;
            add_user(connection, name, &hash)
        })
    }

    /// Sets a new password and ends all of the user's sessions.
    ///
    /// # Errors
    /// Invalid password; [`ControlError::NotFound`].
    pub fn reset_user(&self, name: &str, password: &str) -> Result<User> {
        let hash = secret::hash_password(password)?;
        self.write(|connection| {
            let (user, _) = find_user(connection, name)?
                .ok_or_else(|| ControlError::NotFound { what: "user", name: name.to_owned() })?;
            connection.execute("UPDATE users SET password = ?2 WHERE id = ?1", (user.id, &hash))?;
            connection.execute("DELETE FROM sessions WHERE user = ?1", [user.id])?;
            Ok(user)
        })
    }

    /// All users, by name.
    ///
    /// # Errors
    /// Database errors.
    pub fn users(&self) -> Result<Vec<User>> {
        let connection = self.lock();
        let mut statement = connection.prepare_cached("SELECT id, name, role FROM users ORDER BY name")?;
        let users = statement
            .query_map([], |row| Ok(User { id: row.get(0)?, name: row.get(1)?, role: row.get(2)? }))?;
        Ok(users.collect::<Result<_, _>>()?)
    }

    /// Begins a session if name and password are right. Takes as long for names that do not exist.
    ///
    /// # Errors
    /// Database errors; a wrong name or password is `None`.
    pub fn sign_in(&self, name: &str, password: &str, now: UnixMs) -> Result<Option<Session>> {
        // The lock is not held while the password is hashed.
        let found = find_user(&self.lock(), name)?;
        let Some((user, hash)) = found else {
            secret::verify_nobody(password);
            return Ok(None);
        };
        if !secret::verify_password(password, &hash) {
            return Ok(None);
        }
        self.write(|connection| begin_session(connection, user, now).map(Some))
    }

    /// The user of a session token; `None` if it is unknown or has ended.
    ///
    /// # Errors
    /// Database errors.
    pub fn session(&self, token: &str, now: UnixMs) -> Result<Option<User>> {
        let connection = self.lock();
        let digest = secret::digest(token);
        let found = connection
            .prepare_cached(
                "SELECT users.id, users.name, users.role, sessions.last_used FROM sessions
                 JOIN users ON users.id = sessions.user WHERE sessions.token = ?1 AND sessions.expires > ?2",
            )?
            .query_row((digest, now), |row| {
                let user = User { id: row.get(0)?, name: row.get(1)?, role: row.get(2)? };
                Ok((user, row.get::<_, i64>(3)?))
            })
            .optional()?;
        let Some((user, last_used)) = found else { return Ok(None) };
        let hour = now - now.rem_euclid(HOUR_MS);
        if last_used < hour {
            connection.execute("UPDATE sessions SET last_used = ?2 WHERE token = ?1", (digest, hour))?;
        }
        Ok(Some(user))
    }

    /// Ends a session, if there is one with this token.
    ///
    /// # Errors
    /// Database errors.
    pub fn sign_out(&self, token: &str) -> Result<()> {
        self.lock().execute("DELETE FROM sessions WHERE token = ?1", [secret::digest(token)])?;
        Ok(())
    }
}

fn is_claimed(connection: &Connection) -> Result<bool> {
    Ok(connection.query_row("SELECT EXISTS (SELECT 1 FROM users)", [], |row| row.get(0))?)
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

fn add_user(connection: &Connection, name: &str, hash: &str) -> Result<User> {
    validate::name("name", name)?;
    let added =
        connection.execute("INSERT INTO users (name, role, password) VALUES (?1, 'admin', ?2)", (name, hash));
    added.map_err(|error| match is_taken(&error) {
        true => ControlError::Exists { what: "user", name: name.to_owned() },
        false => error.into(),
    })?;
    Ok(User { id: connection.last_insert_rowid(), name: name.to_owned(), role: "admin".to_owned() })
}

fn find_user(connection: &Connection, name: &str) -> Result<Option<(User, String)>> {
    let found = connection
        .prepare_cached("SELECT id, name, role, password FROM users WHERE name = ?1")?
        .query_row([name.trim()], |row| {
            Ok((User { id: row.get(0)?, name: row.get(1)?, role: row.get(2)? }, row.get(3)?))
        });
    Ok(found.optional()?)
}

pub(super) fn begin_session(connection: &Connection, user: User, now: UnixMs) -> Result<Session> {
    let token = secret::fresh()?;
    connection.execute("DELETE FROM sessions WHERE expires <= ?1", [now])?;
    connection.execute(
        "DELETE FROM sessions WHERE user = ?1 AND token NOT IN
         (SELECT token FROM sessions WHERE user = ?1 ORDER BY last_used DESC, token LIMIT ?2)",
        (user.id, SESSIONS_PER_USER - 1),
    )?;
    connection.execute(
        "INSERT INTO sessions (token, user, expires, last_used) VALUES (?1, ?2, ?3, ?4)",
        (secret::digest(&token), user.id, now + SESSION_DAYS * DAY_MS, now - now.rem_euclid(HOUR_MS)),
    )?;
    Ok(Session { token, user })
}
