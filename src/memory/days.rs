//! The open days of all sites: finds or opens the day of a hit, shows days to readers, hands ended days over.
//!
//! Nothing here computes a count (that is `domain`), and nothing waits for I/O while it holds a day's lock.

pub mod record;
pub mod runtime;
pub mod salt;
pub mod sealed;
pub mod site_day;

use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex, RwLock},
};

use record::Record;
use runtime::RuntimeDir;
use salt::Salts;
use site_day::{Arrived, Opening, Replayed, SiteDay};

use crate::{
    domain::{
        day::{Day, UnixMs, Zone},
        declaration::{Site, SiteId},
        open_day::{Caps, DaySettings, KnownValues, OpenDay},
        outcome::Note,
        region::{Heap, Region},
        row::Release,
        view::{MemoryView, Reader},
    },
    journal::{FileId, Journal, OpenError},
};

/// Where the values come from that a site's visitors used on earlier days.
pub trait Known: Send + Sync {
    fn of(&self, site: SiteId) -> Arc<KnownValues>;
}

/// All open days.
pub struct Memory {
    sites: RwLock<HashMap<SiteId, Arc<SiteDays>>>,
    journal: Arc<Journal>,
    runtime: Option<Arc<RuntimeDir>>,
    salts: Salts,
    known: Box<dyn Known>,
    caps: Caps,
    node: u32,
}

/// The days of one site that are in memory: today, and earlier ones on their way out.
#[derive(Default)]
struct SiteDays {
    days: RwLock<Vec<Arc<SiteDay>>>,
    /// Held while a day is opened: one owner makes the salt.
    opening: Mutex<()>,
}

/// What is fixed for a site-day when it opens.
#[derive(Clone)]
pub struct Fixed {
    pub site: SiteId,
    pub zone: Zone,
    pub k: u32,
    pub kept: crate::domain::declaration::Kept,
    pub settings_version: u32,
}

impl Fixed {
    pub fn of(site: &Site) -> Fixed {
        Fixed {
            site: site.id,
            zone: site.zone.clone(),
            k: site.k,
            kept: site.kept,
            settings_version: site.version,
        }
    }

    /// The pseudo-site of unknown sites and objectors, on UTC days.
    pub fn none() -> Fixed {
        Fixed {
            site: SiteId::NONE,
            zone: Zone::utc(),
            k: 1,
            kept: Default::default(),
            settings_version: 0,
        }
    }
}

/// Why a day could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum DayError {
    #[error(transparent)]
    Journal(#[from] OpenError),
    #[error("the day's tables or salt: {0}")]
    Runtime(#[from] io::Error),
    #[error("the journal holds a record that this version cannot read: {0}")]
    Record(#[from] postcard::Error),
    #[error("the journal takes no more: {0}")]
    Full(#[from] crate::journal::AppendError),
}

impl Memory {
    pub fn new(
        journal: Arc<Journal>,
        runtime: Option<Arc<RuntimeDir>>,
        salts: Salts,
        known: Box<dyn Known>,
        caps: Caps,
        node: u32,
    ) -> Memory {
        Memory { sites: RwLock::default(), journal, runtime, salts, known, caps, node }
    }

    fn site_days(&self, site: SiteId) -> Arc<SiteDays> {
        if let Some(days) = read(&self.sites).get(&site) {
            return days.clone();
        }
        write(&self.sites).entry(site).or_default().clone()
    }

    /// The open day that holds `now`, if it is in memory already. Never blocks on I/O.
    pub fn arrive(&self, site: SiteId, now: UnixMs) -> Option<Arrived> {
        let days = read(&self.sites).get(&site)?.clone();
        let days = read(&days.days);
        let day = days.iter().rev().find(|day| day.calendar.holds(now))?;
        Some(day.arrive(now))
    }

    /// Like [`Memory::arrive`], and opens the day where it is not there yet. Blocks.
    ///
    /// # Errors
    /// [`DayError`].
    pub fn arrive_or_open(&self, fixed: &Fixed, now: UnixMs) -> Result<Arrived, DayError> {
        if let Some(arrived) = self.arrive(fixed.site, now) {
            return Ok(arrived);
        }
        let days = self.site_days(fixed.site);
        let _one_owner = days.opening.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(arrived) = self.arrive(fixed.site, now) {
            return Ok(arrived);
        }
        let latest = read(&days.days).last().map(|day| day.calendar.clone());
        if let Some(latest) = latest.filter(|latest| now < latest.ends)
            && let Some(day) = read(&days.days).last()
        {
            // The clock went back over midnight: it never reopens a closed day, the hit counts into the latest.
            return Ok(day.arrive(now));
        }
        let day = Arc::new(self.open(fixed, fixed.zone.day_at(now), now, &[])?);
        write(&days.days).push(day.clone());
        Ok(day.arrive(now))
    }

    /// Takes a day up again at the start of the process: replays its journal and, where the runtime directory
    /// kept them, its visitors. `files` are the day's releases that wait for the store.
    ///
    /// # Errors
    /// [`DayError`].
    pub fn resume(
        &self,
        fixed: &Fixed,
        day: Day,
        now: UnixMs,
        files: &[&Release],
    ) -> Result<Arc<SiteDay>, DayError> {
        let day = Arc::new(self.open(fixed, day, now, files)?);
        let days = self.site_days(fixed.site);
        let mut days = write(&days.days);
        days.push(day.clone());
        days.sort_by_key(|day| day.calendar.starts);
        Ok(day)
    }

    fn open(
        &self,
        fixed: &Fixed,
        day: Day,
        now: UnixMs,
        files: &[&Release],
    ) -> Result<SiteDay, DayError> {
        let calendar = fixed.zone.calendar(day);
        let settings = DaySettings {
            site: fixed.site,
            day,
            k: fixed.k,
            kept: fixed.kept,
            settings_version: fixed.settings_version,
            caps: self.caps.clone(),
            known: self.known.of(fixed.site),
        };
        let mut replayed = Replayed::start(OpenDay::new(settings));
        let mut unreadable = None;
        let opened = self.journal.open(FileId { site: fixed.site, day }, |_, bytes| {
            match Record::decode(bytes) {
                Ok(record) => replayed.apply(fixed.site, &calendar, self.node, record),
                Err(error) => unreadable = Some(error),
            }
        })?;
        if let Some(error) = unreadable {
            return Err(error.into());
        }
        for &file in files {
            replayed.use_file(file.clone());
        }
        let survivors = calendar.holds(now);
        let _ = (survivors, Note::VisitsForgotten);
        todo_attach()
    }
}

fn todo_attach() -> Result<SiteDay, DayError> {
    Err(DayError::Runtime(io::Error::other("not wired")))
}

fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn write<T>(lock: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(|poisoned| poisoned.into_inner())
}

#[allow(unused)]
fn unused(_: Heap, _: &dyn Region, _: MemoryView, _: Reader, _: Opening) {}
