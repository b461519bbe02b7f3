//! Sessions: from a sign-in until it is ended, by time or by hand. Only a hash of the cookie's token is stored.

use rusqlite::{Connection, OptionalExtension, Row};
use serde::Serialize;

use super::{
    Control, ControlError, Result, User, audit,
    roles::{self, with_sites},
    secret,
};
use crate::domain::day::UnixMs;

/// Days after sign-in at which a session ends.
pub const SESSION_DAYS: i64 = 30;
/// Most sessions of one user; the one used longest ago makes room.
const SESSIONS_PER_USER: u32 = 50;
const DAY_MS: i64 = 86_400_000;
const HOUR_MS: i64 = 3_600_000;

/// A new session: the only place that ever holds its token.
pub struct Session {
    /// For the cookie; only its hash is stored.
    pub token: String,
    pub user: User,
}

/// A session as its owner's list shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SignIn {
    /// The first half of the hash of its token: opens nothing.
    pub id: String,
    /// Such as `Firefox, Linux`; empty where that is not known.
    pub browser: String,
    /// To the hour, UTC; `None` for one from before that was kept.
    pub began: Option<String>,
    pub last_used: String,
    /// Of who asks.
    pub current: bool,
}

impl Control {
    /// The user of a session token; `None` if it is unknown or has ended.
    ///
    /// # Errors
    /// Database errors.
    pub fn session(&self, token: &str, now: UnixMs) -> Result<Option<User>> {
        let connection = self.lock();
        let digest = secret::digest(token);
        let sql = format!(
            "SELECT {}, sessions.last_used FROM sessions JOIN users ON users.id = sessions.user
             WHERE sessions.token = ?1 AND sessions.expires > ?2",
            roles::COLUMNS
        );
        let read = |row: &Row<'_>| Ok((roles::user(row)?, row.get::<_, i64>(4)?));
        let found = connection.prepare_cached(&sql)?.query_row((digest, now), read).optional()?;
        let Some((user, last_used)) = found else { return Ok(None) };
        if last_used < hour(now) {
            connection.execute("UPDATE sessions SET last_used = ?2 WHERE token = ?1", (digest, hour(now)))?;
        }
        with_sites(&connection, user).map(Some)
    }

    /// Ends a session, if there is one with this token.
    ///
    /// # Errors
    /// Database errors.
    pub fn sign_out(&self, token: &str) -> Result<()> {
        self.lock().execute("DELETE FROM sessions WHERE token = ?1", [secret::digest(token)])?;
        Ok(())
    }

    /// A person's sessions, the one used last first.
    ///
    /// # Errors
    /// Database errors.
    pub fn sign_ins(&self, person: i64, token: &str, now: UnixMs) -> Result<Vec<SignIn>> {
        let connection = self.lock();
        let mut statement = connection.prepare_cached(
            "SELECT lower(substr(hex(token), 1, 32)), browser, began, last_used, token = ?2 FROM sessions
             WHERE user = ?1 AND expires > ?3 ORDER BY token = ?2 DESC, last_used DESC, token",
        )?;
        let sessions = statement.query_map((person, secret::digest(token), now), |row| {
            Ok(SignIn {
                id: row.get(0)?,
                browser: row.get(1)?,
                began: row.get::<_, Option<i64>>(2)?.map(audit::minute),
                last_used: audit::minute(row.get(3)?),
                current: row.get(4)?,
            })
        })?;
        Ok(sessions.collect::<rusqlite::Result<_>>()?)
    }

    /// Ends one of a person's sessions.
    ///
    /// # Errors
    /// [`ControlError::NotFound`], also for somebody else's.
    pub fn end_sign_in(&self, person: i64, id: &str) -> Result<()> {
        let sql = "DELETE FROM sessions WHERE user = ?1 AND lower(substr(hex(token), 1, 32)) = ?2";
        match self.lock().execute(sql, (person, id))? {
            0 => Err(ControlError::NotFound { what: "sign-in", name: id.to_owned() }),
            _ => Ok(()),
        }
    }

    /// Ends all of a person's sessions but this one; tells how many.
    ///
    /// # Errors
    /// Database errors.
    pub fn end_other_sign_ins(&self, person: i64, token: &str) -> Result<usize> {
        end_others(&self.lock(), person, token)
    }
}

pub(super) fn end_others(connection: &Connection, person: i64, token: &str) -> Result<usize> {
    let sql = "DELETE FROM sessions WHERE user = ?1 AND token <> ?2";
    Ok(connection.execute(sql, (person, secret::digest(token)))?)
}

pub(super) fn begin_session(
    connection: &Connection,
    user: User,
    browser: &str,
    now: UnixMs,
) -> Result<Session> {
    let token = secret::fresh()?;
    connection.execute("DELETE FROM sessions WHERE expires <= ?1", [now])?;
    connection.execute(
        "DELETE FROM sessions WHERE user = ?1 AND token NOT IN
         (SELECT token FROM sessions WHERE user = ?1 ORDER BY last_used DESC, token LIMIT ?2)",
        (user.id, SESSIONS_PER_USER - 1),
    )?;
    connection.execute(
        "INSERT INTO sessions (token, user, expires, last_used, began, browser) VALUES (?1, ?2, ?3, ?4, ?4, ?5)",
        (secret::digest(&token), user.id, now + SESSION_DAYS * DAY_MS, hour(now), browser),
    )?;
    Ok(Session { token, user })
}

fn hour(now: UnixMs) -> UnixMs {
    now - now.rem_euclid(HOUR_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_see_their_sign_ins_and_end_them() {
        let folder = tempfile::tempdir().unwrap();
        let control = Control::open(&folder.path().join("control.sqlite"), 0).unwrap();
        let (ada, bob) = (
            control.add_user("ada", "long enough").unwrap(),
            control.add_user("bob", "long enough").unwrap(),
        );
        let begin = |user: &User, browser: &str, now| {
            control.write(|connection| begin_session(connection, user.clone(), browser, now)).unwrap().token
        };
        let first = begin(&ada, "Firefox, Linux", HOUR_MS + 59 * 60_000);
        let second = begin(&ada, "Safari, iOS", 2 * HOUR_MS);
        let third = begin(&ada, "", 2 * HOUR_MS);
        let other = begin(&bob, "", 0);
        let listed = || control.sign_ins(ada.id, &first, 2 * HOUR_MS).unwrap();
        let told = listed();
        assert_eq!((told.len(), told[0].current, told[1].current), (3, true, false));
        assert_eq!(
            (&*told[0].browser, told[0].began.as_deref()),
            ("Firefox, Linux", Some("1970-01-01 01:00"))
        );
        let id = |token: &str| control.sign_ins(ada.id, token, 0).unwrap()[0].id.clone();
        control.end_sign_in(ada.id, &id(&second)).unwrap();
        assert!(
            control.session(&second, 0).unwrap().is_none() && control.session(&third, 0).unwrap().is_some()
        );
        // Nobody ends another's.
        let of_bob = control.sign_ins(bob.id, &other, 0).unwrap()[0].id.clone();
        assert!(matches!(control.end_sign_in(ada.id, &of_bob), Err(ControlError::NotFound { .. })));
        assert_eq!(control.end_other_sign_ins(ada.id, &first).unwrap(), 1);
        assert_eq!(listed().len(), 1);
        assert!(control.session(&other, 0).unwrap().is_some());
        // A new password leaves the one from which it was set.
        let fourth = begin(&ada, "", 0);
        assert!(!control.change_password(ada.id, "wrong guess", "longer still", &first).unwrap());
        assert!(control.session(&fourth, 0).unwrap().is_some());
        assert!(control.change_password(ada.id, "long enough", "longer still", &first).unwrap());
        assert!(
            control.session(&fourth, 0).unwrap().is_none() && control.session(&first, 0).unwrap().is_some()
        );
    }
}
