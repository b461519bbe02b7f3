//! The open days of all sites: finds or opens the day of a hit, shows days to readers, hands ended days over.
//!
//! Nothing here computes a count (that is `domain`), and nothing waits for I/O while it holds a day's lock.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use super::{
    record::Record,
    runtime::RuntimeDir,
    salt::{Origin, Salts},
    site_day::{Arrived, Opening, Refusal, Replayed, SiteDay},
};
use crate::{
    domain::{
        day::{Day, UnixMs, Zone},
        declaration::{Kept, Site, SiteId},
        outcome::Note,
        region::{Heap, Region},
        row::Release,
        tally::{Caps, DaySettings, KnownValues, OpenDay},
        view::{MemoryView, Reader},
    },
    journal::{CommitError, FileId, Journal, OpenError},
};

/// Changes whenever the bytes of the visitor tables mean something else.
const TABLE_LAYOUT: u32 = 1;

/// Where the values come from that a site's visitors used on earlier days.
pub trait Known: Send + Sync {
    fn of(&self, site: SiteId) -> Arc<KnownValues>;
}

/// All open days.
pub struct Memory {
    sites: RwLock<HashMap<SiteId, Arc<SiteDays>>>,
    journal: Arc<Journal>,
    runtime: Option<RuntimeDir>,
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
    /// 1..=1000.
    pub k: u32,
    pub kept: Kept,
    pub settings_version: u32,
    /// The site-day of a hit that arrives now; `None`: what the zone says.
    pub day: Option<Day>,
}

impl Fixed {
    /// A site as it is on a day.
    pub fn of(site: &Site, day: Day) -> Fixed {
        Fixed {
            day: Some(day),
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
            kept: Kept::default(),
            settings_version: 0,
            day: None,
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
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Commit(#[from] CommitError),
}

impl Memory {
    pub fn new(
        journal: Arc<Journal>,
        runtime: Option<RuntimeDir>,
        known: Box<dyn Known>,
        caps: Caps,
        node: u32,
    ) -> Memory {
        let salts = Salts::new(runtime.clone());
        Memory { sites: RwLock::default(), journal, runtime, salts, known, caps, node }
    }

    /// Whether every salt is kept out of swap.
    pub fn salts_locked(&self) -> bool {
        self.salts.locked()
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
        let _one_owner = days.opening.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(arrived) = self.arrive(fixed.site, now) {
            return Ok(arrived);
        }
        // A clock that went back over midnight reopens nothing: the hit counts into the latest day.
        if let Some(latest) = read(&days.days).last().filter(|latest| now < latest.calendar.ends) {
            return Ok(latest.arrive(now));
        }
        let day =
            Arc::new(self.open(fixed, fixed.day.unwrap_or_else(|| fixed.zone.day_at(now)), true, &[])?);
        write(&days.days).push(day.clone());
        Ok(day.arrive(now))
    }

    /// Takes a day up again at the start of the process: replays its journal and, where the runtime directory
    /// kept them, its visitors. `files` are the day's releases that wait for the store. A day that is over takes
    /// no hits and needs no visitors.
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
        let day = Arc::new(self.open(fixed, day, fixed.zone.day_at(now) <= day, files)?);
        self.admit_day(day.clone());
        Ok(day)
    }

    /// Takes a day whose last releases only wait for the store.
    pub fn resume_closed(&self, fixed: &Fixed, day: Day, files: Vec<Release>) {
        let calendar = fixed.zone.calendar(day);
        self.admit_day(Arc::new(SiteDay::closed_before(
            fixed,
            calendar,
            self.node,
            self.journal.clone(),
            files,
        )));
    }

    fn admit_day(&self, day: Arc<SiteDay>) {
        let days = self.site_days(day.site);
        let mut days = write(&days.days);
        days.push(day);
        days.sort_by_key(|day| day.calendar.starts);
    }

    fn open(
        &self,
        fixed: &Fixed,
        day: Day,
        takes_hits: bool,
        files: &[&Release],
    ) -> Result<SiteDay, DayError> {
        let calendar = fixed.zone.calendar(day);
        let id = FileId { site: fixed.site, day };
        let settings = DaySettings {
            site: fixed.site,
            day,
            k: fixed.k,
            kept: fixed.kept,
            settings_version: fixed.settings_version,
            caps: self.caps.clone(),
            known: self.known.of(fixed.site),
        };
        let empty = || Box::new(Heap::default());
        let mut replayed = Replayed::start(OpenDay::new(settings, empty(), empty()));
        let mut unreadable = None;
        let opened = self.journal.open(id, |_, bytes| match Record::decode(bytes) {
            Ok(record) => replayed.apply(fixed.site, &calendar, self.node, record),
            Err(error) => unreadable = Some(error),
        })?;
        if let Some(error) = unreadable {
            return Err(error.into());
        }
        for &file in files {
            replayed.use_file(file.clone());
        }
        let (salt, origin) = self.salts.open(id)?;
        let regions = match &self.runtime {
            Some(runtime) if runtime.memory_backed() => {
                let survive = takes_hits && origin == Origin::Found && !opened.created;
                Some(runtime.open_regions(id, TABLE_LAYOUT, opened.handle.committed(), survive)?)
            }
            _ => None,
        };
        let survived = regions.as_ref().is_some_and(|regions| regions.survived);
        let forgotten = if survived { 0 } else { replayed.visits_maybe_running() };
        let (visitors, seen, undo): (Box<dyn Region>, Box<dyn Region>, _) = match regions {
            Some(regions) => (Box::new(regions.visitors), Box::new(regions.seen), Some(regions.undo)),
            None => (Box::new(Heap::default()), Box::new(Heap::default()), None),
        };
        replayed.attach(visitors, seen);
        let first = opened.records == 0;
        let opening = Opening {
            site: fixed.site,
            calendar,
            k: fixed.k,
            settings_version: fixed.settings_version,
            node: self.node,
            journal: self.journal.clone(),
            handle: opened.handle,
            salt,
            undo,
        };
        let site_day = SiteDay::new(opening, replayed);
        if takes_hits && !survived {
            let ticket = site_day.begin_epoch()?;
            ticket.wait()?;
            if !first && fixed.site != SiteId::NONE {
                site_day.note_now(Note::RestartedWithoutHandover, 1)?;
                site_day.note_now(Note::VisitsForgotten, forgotten)?.wait()?;
            }
        }
        Ok(site_day)
    }

    /// All days in memory.
    pub fn days(&self) -> Vec<Arc<SiteDay>> {
        let sites: Vec<_> = read(&self.sites).values().cloned().collect();
        sites.iter().flat_map(|site| read(&site.days).clone()).collect()
    }

    /// Lets go of days that are closed and wholly in the store.
    pub fn forget_done(&self) {
        for site in read(&self.sites).values() {
            if read(&site.days).iter().any(|day| day.is_done()) {
                write(&site.days).retain(|day| !day.is_done());
            }
        }
    }

    /// Lets go of all days of a site that was removed; their journals are destroyed.
    pub fn remove_site(&self, site: SiteId) {
        let Some(days) = write(&self.sites).remove(&site) else { return };
        for day in write(&days.days).drain(..) {
            drop(day.end());
            if let Err(error) = day.destroy_journal() {
                tracing::error!(%error, site = site.0, "a removed site's journal could not be destroyed");
            }
        }
    }

    /// What a reader may see of a site's open days now.
    pub fn view(&self, site: SiteId, reader: Reader) -> MemoryView {
        let days = read(&self.sites).get(&site).cloned();
        let days = days.map(|days| read(&days.days).clone()).unwrap_or_default();
        MemoryView { days: days.iter().map(|day| day.view(reader)).collect() }
    }

    /// The site's day that holds `now`, if it is open.
    pub fn today(&self, site: SiteId, now: UnixMs) -> Option<Arc<SiteDay>> {
        let days = read(&self.sites).get(&site)?.clone();
        let days = read(&days.days);
        days.iter().rev().find(|day| day.calendar.holds(now)).cloned()
    }
}

fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}
