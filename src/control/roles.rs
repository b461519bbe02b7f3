//! Who may do what: owners of the install everything, administrators what concerns their sites, viewers read them.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, Row};
use serde::{Deserialize, Serialize};

use super::{Control, ControlError, Invalid, Result, sites};
use crate::domain::{day::UnixMs, declaration::SiteId};

/// What somebody may do, from least to most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Reads a site.
    Viewer,
    /// Changes a site's settings, and who else reads or changes it.
    Admin,
    /// Everything, on all sites.
    Owner,
}

impl Role {
    pub fn name(self) -> &'static str {
        match self {
            Role::Viewer => "viewer",
            Role::Admin => "admin",
            Role::Owner => "owner",
        }
    }

    /// The tables' CHECKs admit these only; anything else reads as the least right.
    pub(super) fn named(text: &str) -> Role {
        [Role::Owner, Role::Admin].into_iter().find(|role| role.name() == text).unwrap_or(Role::Viewer)
    }
}

/// A person who may sign in, with what they may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    pub id: i64,
    pub name: String,
    /// May do everything.
    pub owner: bool,
    /// Signs in with a code besides the password.
    pub second_factor: bool,
    /// Of who is no owner: the sites, and what they may do there.
    pub sites: BTreeMap<SiteId, Role>,
}

impl User {
    /// What they may do with a site; `None`: not even know of it.
    pub fn role_at(&self, site: SiteId) -> Option<Role> {
        if self.owner { Some(Role::Owner) } else { self.sites.get(&site).copied() }
    }

    /// The most that they may do anywhere.
    pub fn role(&self) -> Role {
        match self.owner {
            true => Role::Owner,
            false => self.sites.values().copied().max().unwrap_or(Role::Viewer),
        }
    }

    /// The sites that they may change; `None`: all.
    pub fn administers(&self) -> Option<Vec<SiteId>> {
        let of_admins = || self.sites.iter().filter(|(_, role)| **role >= Role::Admin);
        (!self.owner).then(|| of_admins().map(|(site, _)| *site).collect())
    }
}

/// The columns from which [`User`] is read.
pub(super) const COLUMNS: &str = "users.id, users.name, users.owner, users.factor IS NOT NULL";

/// Reads [`COLUMNS`]; the sites are read by [`with_sites`].
pub(super) fn user(row: &Row<'_>) -> rusqlite::Result<User> {
    let (id, name, owner, second_factor) = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
    Ok(User { id, name, owner, second_factor, sites: BTreeMap::new() })
}

pub(super) fn with_sites(connection: &Connection, mut user: User) -> Result<User> {
    let mut statement = connection.prepare_cached("SELECT site, role FROM members WHERE user = ?1")?;
    let sites = statement
        .query_map([user.id], |row| Ok((SiteId(row.get(0)?), Role::named(&row.get::<_, String>(1)?))))?;
    user.sites = sites.collect::<rusqlite::Result<_>>()?;
    Ok(user)
}

impl Control {
    /// All people, by name.
    ///
    /// # Errors
    /// Database errors.
    pub fn users(&self) -> Result<Vec<User>> {
        let connection = self.lock();
        let mut statement =
            connection.prepare_cached(&format!("SELECT {COLUMNS} FROM users ORDER BY name"))?;
        let users: Vec<User> = statement.query_map([], user)?.collect::<rusqlite::Result<_>>()?;
        users.into_iter().map(|user| with_sites(&connection, user)).collect()
    }

    /// Sets what a person may do: `None` for the site is the install, where `None` for the role takes ownership
    /// away; elsewhere it takes the site from them.
    ///
    /// # Errors
    /// [`ControlError::NotFound`]; [`Invalid`] for the last owner, and for roles that do not go with the place.
    pub fn set_role(
        &self,
        person: i64,
        site: Option<&str>,
        role: Option<Role>,
        now: UnixMs,
    ) -> Result<Option<SiteId>> {
        self.write(|connection| {
            let user = by_id(connection, person)?;
            let Some(site) = site else {
                set_owner(connection, &user, role)?;
                return Ok(None);
            };
            let site = sites::named(connection, site, now)?.id;
            match role {
                Some(Role::Owner) => return Err(not_of_a_site()),
                Some(role) => join(connection, person, site, role)?,
                None => leave(connection, person, site)?,
            }
            Ok(Some(site))
        })
    }

    /// Removes a person, with their sign-ins.
    ///
    /// # Errors
    /// [`ControlError::NotFound`]; [`Invalid`] for the last owner.
    pub fn remove_user(&self, person: i64) -> Result<User> {
        self.write(|connection| {
            let user = by_id(connection, person)?;
            check_not_last(connection, &user)?;
            connection.execute("DELETE FROM users WHERE id = ?1", [person])?;
            Ok(user)
        })
    }

    /// The person of this name.
    ///
    /// # Errors
    /// [`ControlError::NotFound`].
    pub fn user(&self, name: &str) -> Result<User> {
        let connection = self.lock();
        let sql = format!("SELECT {COLUMNS} FROM users WHERE name = ?1");
        let found = connection.query_row(&sql, [name.trim()], user).optional()?;
        with_sites(&connection, found.ok_or_else(|| nobody(name))?)
    }
}

/// Gives a person a role at a site, in place of any before.
pub(super) fn join(connection: &Connection, person: i64, site: SiteId, role: Role) -> Result<()> {
    let sql = "INSERT OR REPLACE INTO members (user, site, role) VALUES (?1, ?2, ?3)";
    connection.execute(sql, (person, site.0, role.name()))?;
    Ok(())
}

fn leave(connection: &Connection, person: i64, site: SiteId) -> Result<()> {
    connection.execute("DELETE FROM members WHERE user = ?1 AND site = ?2", (person, site.0))?;
    Ok(())
}

pub(super) fn by_id(connection: &Connection, person: i64) -> Result<User> {
    let sql = format!("SELECT {COLUMNS} FROM users WHERE id = ?1");
    let found = connection.query_row(&sql, [person], user).optional()?;
    with_sites(connection, found.ok_or_else(|| nobody(&person.to_string()))?)
}

pub(super) fn nobody(name: &str) -> ControlError {
    ControlError::NotFound { what: "person", name: name.to_owned() }
}

pub(super) fn not_of_a_site() -> ControlError {
    Invalid::new("role", "owner", "`admin` or `viewer` of a site: owners are of the install").into()
}

pub(super) fn set_owner(connection: &Connection, user: &User, role: Option<Role>) -> Result<()> {
    match role {
        Some(Role::Owner) => {
            connection.execute("UPDATE users SET owner = 1 WHERE id = ?1", [user.id])?;
        }
        None => {
            check_not_last(connection, user)?;
            connection.execute("UPDATE users SET owner = 0 WHERE id = ?1", [user.id])?;
        }
        Some(role) => {
            return Err(Invalid::new("role", role.name(), "a site: only owners are of the install").into());
        }
    }
    Ok(())
}

/// Somebody can always do everything.
fn check_not_last(connection: &Connection, user: &User) -> Result<()> {
    let owners: u32 = connection.query_row("SELECT sum(owner) FROM users", [], |row| row.get(0))?;
    match user.owner && owners == 1 {
        true => Err(Invalid::new("person", &user.name, "not the last owner: make another one first").into()),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::NewSite;

    fn control() -> (tempfile::TempDir, Control) {
        let folder = tempfile::tempdir().unwrap();
        let control = Control::open(&folder.path().join("control.sqlite"), 0).unwrap();
        control.add_site(NewSite::new("example.com", "UTC"), 0).unwrap();
        control.add_site(NewSite::new("example.org", "UTC"), 0).unwrap();
        (folder, control)
    }

    #[test]
    fn people_have_a_role_a_site_until_it_or_they_are_gone() {
        let (_folder, control) = control();
        let ada = control.add_user("ada", "long enough").unwrap();
        let bob = control.add_member("bob", "long enough", "example.com", Role::Viewer, 0).unwrap();
        let site = control.site("example.com", 0).unwrap().id;
        assert_eq!((ada.role_at(site), bob.role_at(site)), (Some(Role::Owner), Some(Role::Viewer)));
        assert_eq!((bob.role_at(SiteId(2)), bob.administers()), (None, Some(vec![])));
        control.set_role(bob.id, Some("example.com"), Some(Role::Admin), 0).unwrap();
        let now = || control.user("BOB").unwrap();
        assert_eq!((now().role(), now().administers()), (Role::Admin, Some(vec![site])));
        // A site that begins anew keeps its people.
        let (fresh, _) = control.reset_site("example.com", 0).unwrap();
        assert_eq!(now().sites, BTreeMap::from([(fresh.id, Role::Admin)]));
        control.remove_site("example.com", 0).unwrap();
        assert_eq!((now().sites.len(), now().role()), (0, Role::Viewer));
        control.set_role(bob.id, Some("example.org"), Some(Role::Viewer), 0).unwrap();
        control.set_role(bob.id, Some("example.org"), None, 0).unwrap();
        assert_eq!(now().sites.len(), 0);
        control.remove_user(bob.id).unwrap();
        assert!(matches!(control.user("bob"), Err(ControlError::NotFound { .. })));
    }

    #[test]
    fn there_is_always_an_owner() {
        let (_folder, control) = control();
        let ada = control.add_user("ada", "long enough").unwrap();
        let bob = control.add_member("bob", "long enough", "example.com", Role::Admin, 0).unwrap();
        let says = |result: Result<()>, words: &str| {
            assert!(result.unwrap_err().to_string().contains(words), "{words}");
        };
        says(control.remove_user(ada.id).map(drop), "last owner");
        says(control.set_role(ada.id, None, None, 0).map(drop), "last owner");
        says(
            control.set_role(bob.id, None, Some(Role::Admin), 0).map(drop),
            "only owners are of the install",
        );
        says(control.set_role(bob.id, Some("example.com"), Some(Role::Owner), 0).map(drop), "of the install");
        control.set_role(bob.id, None, Some(Role::Owner), 0).unwrap();
        control.remove_user(ada.id).unwrap();
        assert_eq!(control.user("bob").unwrap().administers(), None);
    }
}
