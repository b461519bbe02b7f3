//! API keys: each reads one site, and is shown once, when it is made.

use rusqlite::{Connection, OptionalExtension, Row};
use serde::{Deserialize, Serialize};

use super::{Control, ControlError, Result, secret, sites, validate};
use crate::domain::{
    day::{Day, UnixMs, Zone},
    declaration::SiteId,
    view::Reader,
};

/// How every key begins: recognisable in a leak.
const PREFIX: &str = "mf_";
/// Most keys of a site that are in use.
const KEYS_MAX: u32 = 1_000;

/// What a key may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Reports; the open day as of the last full hour.
    Read,
    /// What signed-in people see: pages and sources live, current visitors.
    Staff,
}

impl Scope {
    pub fn name(self) -> &'static str {
        match self {
            Scope::Read => "read",
            Scope::Staff => "staff",
        }
    }

    /// How a key of this scope reads the open day.
    pub fn reader(self) -> Reader {
        match self {
            Scope::Read => Reader::Outside,
            Scope::Staff => Reader::Staff,
        }
    }
}

/// A key as lists show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyRow {
    pub id: i64,
    pub name: String,
    pub site: String,
    pub scope: Scope,
    /// UTC day, `2026-11-22`.
    pub created: String,
    pub revoked: Option<String>,
}

/// What a presented key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyAccess {
    pub site: SiteId,
    pub scope: Scope,
}

const SELECT: &str = "SELECT keys.id, keys.name, sites.name, keys.scope, keys.created, keys.revoked
                      FROM keys JOIN sites ON sites.id = keys.site";

impl Control {
    /// Makes a key and returns it: the only time that it is known.
    ///
    /// # Errors
    /// Invalid name, unknown site; [`ControlError::Exists`] if a key in use has this name.
    pub fn add_key(&self, name: &str, site: &str, scope: Scope, now: UnixMs) -> Result<String> {
        validate::name("name", name)?;
        if name.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(
                validate::Invalid::new("name", name, "not a number alone: keys have numbers too").into()
            );
        }
        let key = format!("{PREFIX}{}", secret::fresh()?);
        self.write(|connection| {
            let site = sites::named(connection, site, now)?.id;
            let (count, taken): (u32, bool) = connection.query_row(
                "SELECT coalesce(sum(site = ?2), 0), coalesce(max(name = ?1), 0) FROM keys WHERE revoked IS NULL",
                (name, site.0),
                |row| Ok((row.get(0)?, row.get(1)?)),
            )?;
            if taken {
                return Err(ControlError::Exists { what: "key", name: name.to_owned() });
            }
            if count >= KEYS_MAX {
                return Err(validate::Invalid::new("keys", count, format!("at most {KEYS_MAX} keys")).into());
            }
            connection.execute(
                "INSERT INTO keys (name, site, scope, hash, created) VALUES (?1, ?2, ?3, ?4, ?5)",
                (name, site.0, scope.name(), secret::digest(&key), Zone::utc().day_at(now).0),
            )?;
            Ok(key)
        })
    }

    /// All keys, by id.
    ///
    /// # Errors
    /// Database errors.
    pub fn keys(&self) -> Result<Vec<KeyRow>> {
        let connection = self.lock();
        let mut statement = connection.prepare_cached(&format!("{SELECT} ORDER BY keys.id"))?;
        let keys = statement.query_map([], key_row)?;
        Ok(keys.collect::<Result<_, _>>()?)
    }

    /// Revokes a key, named by its number or by its name.
    ///
    /// # Errors
    /// [`ControlError::NotFound`] if no key in use is called so.
    pub fn revoke_key(&self, name: &str, now: UnixMs) -> Result<KeyRow> {
        self.write(|connection| {
            let id = find(connection, name)?
                .ok_or_else(|| ControlError::NotFound { what: "key", name: name.to_owned() })?;
            let today = Zone::utc().day_at(now).0;
            connection.execute("UPDATE keys SET revoked = ?2 WHERE id = ?1", (id, today))?;
            Ok(connection.query_row(&format!("{SELECT} WHERE keys.id = ?1"), [id], key_row)?)
        })
    }

    /// The key in use of this number or name.
    ///
    /// # Errors
    /// [`ControlError::NotFound`].
    pub fn key(&self, name: &str) -> Result<KeyRow> {
        let connection = self.lock();
        let id = find(&connection, name)?
            .ok_or_else(|| ControlError::NotFound { what: "key", name: name.to_owned() })?;
        Ok(connection.query_row(&format!("{SELECT} WHERE keys.id = ?1"), [id], key_row)?)
    }

    /// What a presented key may do; `None` if it is unknown or revoked.
    ///
    /// # Errors
    /// Database errors.
    pub fn key_access(&self, key: &str) -> Result<Option<KeyAccess>> {
        if !key.starts_with(PREFIX) {
            return Ok(None);
        }
        let connection = self.lock();
        let found = connection
            .prepare_cached("SELECT site, scope FROM keys WHERE hash = ?1 AND revoked IS NULL")?
            .query_row([secret::digest(key)], |row| {
                Ok(KeyAccess { site: SiteId(row.get(0)?), scope: scope(&row.get::<_, String>(1)?) })
            });
        Ok(found.optional()?)
    }
}

fn find(connection: &Connection, name: &str) -> Result<Option<i64>> {
    let sql = "SELECT id FROM keys WHERE revoked IS NULL AND (name = ?1 OR CAST(id AS TEXT) = ?1)
               ORDER BY name = ?1 DESC LIMIT 1";
    Ok(connection.query_row(sql, [name], |row| row.get(0)).optional()?)
}

fn key_row(row: &Row<'_>) -> rusqlite::Result<KeyRow> {
    Ok(KeyRow {
        id: row.get(0)?,
        name: row.get(1)?,
        site: row.get(2)?,
        scope: scope(&row.get::<_, String>(3)?),
        created: Day(row.get(4)?).to_string(),
        revoked: row.get::<_, Option<i32>>(5)?.map(|day| Day(day).to_string()),
    })
}

/// The table's CHECK admits these two only; anything else reads as the lesser right.
fn scope(text: &str) -> Scope {
    if text == "staff" { Scope::Staff } else { Scope::Read }
}
