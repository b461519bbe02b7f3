//! Sites in the control database: added, changed, removed; an id is never used twice.

use rusqlite::{Connection, OptionalExtension, Row};

use super::{
    Control, ControlError, Invalid, Result, Settings, SiteRecord, corrections::check_free, is_taken, secret,
    validate,
};
use crate::domain::{
    day::{Day, UnixMs},
    declaration::SiteId,
};

/// A site to be added.
#[derive(Clone, Debug)]
pub struct NewSite {
    /// The first host, without `www.`, becomes the site's name.
    pub settings: Settings,
    /// The demo's site, whose history is simulated.
    pub simulated: bool,
}

impl NewSite {
    /// A site with defaults.
    pub fn new(host: &str, zone: &str) -> NewSite {
        NewSite { settings: Settings::new(vec![host.to_owned()], zone), simulated: false }
    }
}

pub(super) const COLUMNS: &str = "id, name, uuid, simulated, version, settings, pending, since_day, declared";

impl Control {
    /// Adds a site.
    ///
    /// # Errors
    /// [`Invalid`] settings; [`ControlError::Exists`] if a site has this name.
    pub fn add_site(&self, site: NewSite, now: UnixMs) -> Result<SiteRecord> {
        self.write_sites(now, |connection| add(connection, site, now))
    }

    /// All sites, by name.
    ///
    /// # Errors
    /// Database errors.
    pub fn sites(&self, now: UnixMs) -> Result<Vec<SiteRecord>> {
        all(&self.lock(), now)
    }

    /// The site of this name (with or without `www.`).
    ///
    /// # Errors
    /// [`ControlError::NotFound`].
    pub fn site(&self, name: &str, now: UnixMs) -> Result<SiteRecord> {
        named(&self.lock(), name, now)
    }

    /// Changes a site's settings by a function that sees them as they will be after the next midnight.
    ///
    /// # Errors
    /// [`ControlError::NotFound`], [`Invalid`] settings, what `edit` returns; nothing is changed then.
    pub fn change_site(
        &self,
        name: &str,
        now: UnixMs,
        edit: impl FnOnce(&mut Settings) -> Result<()>,
    ) -> Result<SiteRecord> {
        self.write_sites(now, |connection| {
            let mut record = named(connection, name, now)?;
            let mut wanted = record.wanted();
            edit(&mut wanted)?;
            record.change(wanted, now)?;
            save(connection, &record)?;
            Ok(record)
        })
    }

    /// Replaces a site's settings if nobody changed them since `version`.
    ///
    /// # Errors
    /// [`ControlError::Conflict`] if somebody did; as [`Control::change_site`].
    pub fn replace_site(
        &self,
        name: &str,
        version: u32,
        wanted: Settings,
        now: UnixMs,
    ) -> Result<SiteRecord> {
        self.write_sites(now, |connection| {
            let mut record = named(connection, name, now)?;
            if record.version != version {
                return Err(ControlError::Conflict { found: record.version, sent: version });
            }
            record.change(wanted, now)?;
            save(connection, &record)?;
            Ok(record)
        })
    }

    /// Removes a site with its keys and admitted values. Its id, and no name, stays in [`Control::removals`] until the
    /// server has erased its rows.
    ///
    /// # Errors
    /// [`ControlError::NotFound`].
    pub fn remove_site(&self, name: &str, now: UnixMs) -> Result<SiteRecord> {
        self.write_sites(now, |connection| {
            let record = named(connection, name, now)?;
            // With those that were on their way into it.
            connection.execute(
                "INSERT INTO removals (id, name) SELECT id, '' FROM sites WHERE ?1 IN (id, merged_into)",
                [record.id.0],
            )?;
            connection.execute("DELETE FROM sites WHERE ?1 IN (id, merged_into)", [record.id.0])?;
            Ok(record)
        })
    }

    /// Removed sites whose rows may still be in the store.
    ///
    /// # Errors
    /// Database errors.
    pub fn removals(&self) -> Result<Vec<SiteId>> {
        let connection = self.lock();
        let mut statement = connection.prepare_cached("SELECT id FROM removals ORDER BY id")?;
        let ids = statement.query_map([], |row| row.get(0).map(SiteId))?;
        Ok(ids.collect::<Result<_, _>>()?)
    }

    /// Tells that the rows of a removed site are erased.
    ///
    /// # Errors
    /// Database errors.
    pub fn erased(&self, site: SiteId) -> Result<()> {
        self.write(|connection| {
            connection.execute("DELETE FROM removals WHERE id = ?1", [site.0])?;
            Ok(())
        })
    }
}

pub(super) fn add(connection: &Connection, site: NewSite, now: UnixMs) -> Result<SiteRecord> {
    let settings = validate::settings(site.settings)?;
    let name = settings.hosts[0].clone();
    if name.starts_with("*.") {
        return Err(Invalid::new("hosts[0]", name, "the first host names the site and holds no `*`").into());
    }
    check_free(connection, &name, None)?;
    let mut record = SiteRecord {
        id: SiteId::NONE,
        name,
        uuid: secret::uuid()?,
        simulated: site.simulated,
        version: 0,
        settings: Settings::new(settings.hosts.clone(), &settings.zone),
        pending: None,
        since_day: None,
        declared: Default::default(),
    };
    // A new site has no open day: everything is in effect at once.
    (record.settings.k, record.settings.kept) = (settings.k, settings.kept);
    record.change(settings, now)?;
    let sql = format!("INSERT INTO sites ({COLUMNS}) VALUES (NULL, ?1, ?2, ?3, ?4, ?5, NULL, NULL, ?6)");
    let body = (
        &record.name,
        &record.uuid,
        record.simulated,
        record.version,
        json("settings", &record.settings)?,
        json("declarations", &record.declared)?,
    );
    connection.execute(&sql, body).map_err(|error| match is_taken(&error) {
        true => ControlError::Exists { what: "site", name: record.name.clone() },
        false => error.into(),
    })?;
    record.id = SiteId(connection.last_insert_rowid() as u32);
    Ok(record)
}

pub(super) fn all(connection: &Connection, now: UnixMs) -> Result<Vec<SiteRecord>> {
    let mut statement = connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM sites WHERE merged_into IS NULL ORDER BY name"))?;
    let rows = statement.query_map([], Columns::read)?;
    rows.map(|row| row?.record(now)).collect()
}

pub(super) fn named(connection: &Connection, name: &str, now: UnixMs) -> Result<SiteRecord> {
    let sought = name.trim().to_lowercase();
    let sought = sought.strip_prefix("www.").unwrap_or(&sought);
    // By its name, else by one that it had before.
    let sql = format!(
        "SELECT {COLUMNS} FROM sites WHERE merged_into IS NULL AND id IN
         (SELECT id FROM sites WHERE name = ?1 UNION SELECT site FROM aliases WHERE name = ?1)
         ORDER BY name = ?1 DESC LIMIT 1"
    );
    let found = connection.query_row(&sql, [sought], Columns::read).optional()?;
    found.ok_or_else(|| ControlError::NotFound { what: "site", name: name.to_owned() })?.record(now)
}

pub(super) fn save(connection: &Connection, record: &SiteRecord) -> Result<()> {
    let pending = record.pending.as_ref().map(|pending| json("pending settings", pending)).transpose()?;
    connection.execute(
        "UPDATE sites SET version = ?2, settings = ?3, pending = ?4, since_day = ?5, declared = ?6 WHERE id = ?1",
        (
            record.id.0,
            record.version,
            json("settings", &record.settings)?,
            pending,
            record.since_day.map(|day| day.0),
            json("declarations", &record.declared)?,
        ),
    )?;
    Ok(())
}

/// A row of `sites` as SQLite has it.
pub(super) struct Columns {
    id: u32,
    name: String,
    uuid: String,
    simulated: bool,
    version: u32,
    settings: String,
    pending: Option<String>,
    since_day: Option<i32>,
    declared: String,
}

impl Columns {
    pub fn read(row: &Row<'_>) -> rusqlite::Result<Columns> {
        Ok(Columns {
            id: row.get(0)?,
            name: row.get(1)?,
            uuid: row.get(2)?,
            simulated: row.get(3)?,
            version: row.get(4)?,
            settings: row.get(5)?,
            pending: row.get(6)?,
            since_day: row.get(7)?,
            declared: row.get(8)?,
        })
    }

    pub fn record(self, now: UnixMs) -> Result<SiteRecord> {
        let record = SiteRecord {
            id: SiteId(self.id),
            name: self.name,
            uuid: self.uuid,
            simulated: self.simulated,
            version: self.version,
            settings: parsed("settings", &self.settings)?,
            pending: self.pending.map(|text| parsed("pending settings", &text)).transpose()?,
            since_day: self.since_day.map(Day),
            declared: parsed("declarations", &self.declared)?,
        };
        Ok(record.settled(now))
    }
}

fn json(what: &'static str, value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| ControlError::Unreadable { what, error: error.to_string() })
}

fn parsed<T: serde::de::DeserializeOwned>(what: &'static str, text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| ControlError::Unreadable { what, error: error.to_string() })
}
