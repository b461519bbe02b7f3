//! The open days of all sites: finds or opens the day of a hit, shows days to readers, hands ended days over.
//!
//! Nothing here computes a count (that is `domain`), and nothing waits for I/O while it holds a day's lock.

use std::{
    collections::{HashMap, HashSet},
    io,
    sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use super::{
    held::{Filed, Room},
    record::Record,
    replay::{Replay, ReplayError, Replayed},
    runtime::RuntimeDir,
    salt::{Salt, Salts},
    site_day::{Arrived, Opening, SiteDay},
    undo::Undo,
};
use crate::{
    domain::{
        day::{Day, UnixMs, Zone},
        declaration::SiteId,
        tally::{Caps, KnownValues},
        view::{MemoryView, Reader},
    },
    journal::{AppendError, CommitError, FileId, Handle, Journal, OpenError, Opened, Ticket},
};

pub use super::site_day::Fixed;

/// Changes whenever the bytes of the visitor tables mean something else.
const TABLE_LAYOUT: u32 = 1;

/// Where the values come from that a site's visitors used on earlier days.
pub trait Known: Send + Sync {
    fn of(&self, site: SiteId) -> Arc<KnownValues>;
}

/// What the store holds of days that memory does not know: from before a loss, or let go of.
pub trait Past: Send + Sync {
    /// The latest closed day of a site from `day` on.
    fn closed_since(&self, site: SiteId, day: Day) -> Option<Day>;

    /// Number of the last release of a day, 0 if there is none; `None` where that cannot be known now.
    fn last_release(&self, site: SiteId, day: Day, node: u32) -> Option<u32>;
}

/// All open days.
pub struct Memory {
    sites: RwLock<HashMap<SiteId, Arc<SiteDays>>>,
    /// Sites that were removed while this process runs. Their numbers are never used again.
    removed: RwLock<HashSet<SiteId>>,
    journal: Arc<Journal>,
    runtime: Option<RuntimeDir>,
    pub(super) salts: Salts,
    known: Box<dyn Known>,
    past: Box<dyn Past>,
    caps: Caps,
    node: u32,
    room: Arc<Room>,
}

/// The days of one site that are in memory: today, and earlier ones on their way out.
#[derive(Default)]
struct SiteDays {
    days: RwLock<Vec<Arc<SiteDay>>>,
    /// The latest day that was let go of: none up to it opens again, whatever the store can say by then.
    gone: Mutex<Option<Day>>,
    /// Held while a day is opened: one owner makes the salt.
    opening: Mutex<()>,
}

/// Why a day could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum DayError {
    #[error(transparent)]
    Journal(#[from] OpenError),
    #[error("the day's tables or salt: {0}")]
    Runtime(#[from] io::Error),
    #[error(transparent)]
    Replay(#[from] ReplayError),
    #[error("the day's first records: {0}")]
    Append(#[from] AppendError),
    #[error("the site was removed")]
    Removed,
    #[error(transparent)]
    Commit(#[from] CommitError),
}

impl Memory {
    pub fn new(
        journal: Arc<Journal>,
        runtime: Option<RuntimeDir>,
        known: Box<dyn Known>,
        past: Box<dyn Past>,
        caps: Caps,
        node: u32,
    ) -> Memory {
        let runtime = runtime.filter(RuntimeDir::memory_backed);
        let salts = Salts::new(runtime.clone());
        let (sites, removed) = Default::default();
        let room = Arc::default();
        Memory { sites, removed, journal, runtime, salts, known, past, caps, node, room }
    }

    /// With other room for the releases that wait for the store.
    pub fn with_room(self, room: Room) -> Memory {
        Memory { room: Arc::new(room), ..self }
    }

    /// The room for releases that wait for the store.
    pub fn room(&self) -> &Arc<Room> {
        &self.room
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
        current(&days, now).map(|day| day.arrive(now))
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
        if read(&self.removed).contains(&fixed.site) {
            return Err(DayError::Removed);
        }
        if let Some(day) = current(&read(&days.days), now) {
            return Ok(day.arrive(now));
        }
        let day = self.day_to_open(fixed, &days, now);
        let day = Arc::new(self.open(fixed, day, now, Vec::new())?.0);
        write(&days.days).push(day.clone());
        Ok(day.arrive(now))
    }

    /// A clock that went back over midnight reopens nothing: the hit counts into the day after the last one.
    fn day_to_open(&self, fixed: &Fixed, days: &SiteDays, now: UnixMs) -> Day {
        let day = fixed.day.unwrap_or_else(|| fixed.zone.day_at(now));
        let held = read(&days.days).last().map(|latest| latest.calendar.day);
        let latest = held.max(*days.gone.lock().unwrap_or_else(PoisonError::into_inner));
        let day = latest.map_or(day, |latest| day.max(latest.plus(1)));
        self.past.closed_since(fixed.site, day).map_or(day, |closed| closed.plus(1))
    }

    /// Takes a day up again at the start of the process: replays its journal and, where the runtime directory
    /// kept them, its visitors. `files` are the day's releases that wait for the store. A day that is over takes
    /// no hits and needs no visitors. Also says in words how the journal is damaged, if it is.
    ///
    /// # Errors
    /// [`DayError`].
    pub fn resume(
        &self,
        fixed: &Fixed,
        day: Day,
        now: UnixMs,
        files: Vec<Filed>,
    ) -> Result<(Arc<SiteDay>, Option<String>), DayError> {
        let (day, damaged) = self.open(fixed, day, now, files)?;
        let day = Arc::new(day);
        self.admit_day(day.clone());
        Ok((day, damaged))
    }

    /// Takes a day whose last releases only wait for the store.
    pub fn resume_closed(&self, zone: &Zone, files: Vec<Filed>) {
        let day = SiteDay::closed_before(zone, self.journal.clone(), self.room.clone(), files);
        day.into_iter().for_each(|day| self.admit_day(Arc::new(day)));
    }

    fn admit_day(&self, day: Arc<SiteDay>) {
        let days = self.site_days(day.site);
        let mut days = write(&days.days);
        days.push(day);
        days.sort_by_key(|day| day.calendar.day);
    }

    fn open(
        &self,
        fixed: &Fixed,
        day: Day,
        now: UnixMs,
        files: Vec<Filed>,
    ) -> Result<(SiteDay, Option<String>), DayError> {
        let id = FileId { site: fixed.site, day };
        let mut replay = Replay::new(fixed, day, self.caps.clone(), self.known.of(fixed.site));
        let Opened { handle, records, created, damaged, was_damaged, .. } =
            self.journal.open(id, |_, bytes| replay.take(bytes))?;
        if records == 0 {
            let last = self.past.last_release(fixed.site, day, self.node);
            let last = last.unwrap_or_else(|| beyond(now, fixed.zone.calendar(day).starts));
            let opened = fixed.opened(self.node, last);
            self.append(&handle, &Record::Opened(opened.clone()))?;
            replay.begin(opened)?;
        }
        let mut replayed = replay.finish()?.ok_or(ReplayError::NotOpened)?;
        if records == 0 && now < replayed.calendar.starts {
            let early = Record::Early { hour: now.div_euclid(3_600_000) };
            self.append(&handle, &early)?;
            replayed.apply(early);
        }
        // Until the day closes: a start that was killed may have found the damage, and not closed the gap.
        let gap = damaged.is_some() || was_damaged;
        match gap {
            true => self.close_gap(id, &handle, &mut replayed, files, now)?,
            false => files.into_iter().for_each(|file| replayed.use_file(file)),
        }
        let tables = match now < replayed.calendar.ends {
            true => self.tables(id, &handle, &mut replayed, !created && !gap)?,
            false => Tables { salt: None, undo: None },
        };
        let Tables { salt, undo } = tables;
        let (journal, room) = (self.journal.clone(), self.room.clone());
        let day = SiteDay::new(Opening { site: fixed.site, journal, room, handle, salt, undo }, replayed);
        Ok((day, damaged))
    }

    /// The salt and the visitors that the process before this one left, or fresh ones. The visitors of a journal
    /// that is lost, or lost records, do not fit: they know names by numbers that it no longer has.
    fn tables(
        &self,
        id: FileId,
        handle: &Handle,
        replayed: &mut Replayed,
        fit: bool,
    ) -> Result<Tables, DayError> {
        if fit
            && let Some(runtime) = &self.runtime
            && let Some(regions) = runtime.take_over(id, TABLE_LAYOUT, handle.committed())?
            && let Some(salt) = self.salts.left(id)?
        {
            replayed.attach(Box::new(regions.visitors), Box::new(regions.seen));
            return Ok(Tables { salt: Some(salt), undo: Some(regions.undo) });
        }
        // On the disk before there is a salt: a crash in between counts an epoch too many, never one too few.
        if let Some(epoch) = replayed.next_epoch() {
            self.append(handle, &epoch)?.wait()?;
            replayed.apply(epoch);
        }
        let (salt, _) = self.salts.open(id)?;
        let Some(runtime) = &self.runtime else {
            return Ok(Tables { salt: Some(salt), undo: None });
        };
        let regions = runtime.open_regions(id, TABLE_LAYOUT, handle.committed(), false)?;
        replayed.attach(Box::new(regions.visitors), Box::new(regions.seen));
        Ok(Tables { salt: Some(salt), undo: Some(regions.undo) })
    }

    /// The end of the journal is lost. If releases were made after it, all that is pending here left with the first
    /// of them. So it is frozen under that one's number: a store that has it takes nothing twice, and one that has
    /// not takes it once. The numbers after it are taken too; all that there can be, where nobody knows.
    fn close_gap(
        &self,
        id: FileId,
        handle: &Handle,
        replayed: &mut Replayed,
        files: Vec<Filed>,
        now: UnixMs,
    ) -> Result<(), DayError> {
        let filed = files.iter().map(|file| file.id.number).max().unwrap_or(0);
        let last = self.past.last_release(id.site, id.day, replayed.node());
        let last = last.unwrap_or_else(|| beyond(now, replayed.calendar.starts)).max(filed);
        let next = replayed.next_number();
        if last >= next {
            let mut ticket = None;
            for number in [next, last].into_iter().skip(usize::from(next == last)) {
                let frozen = Record::Frozen { number };
                ticket = Some(self.append(handle, &frozen)?);
                replayed.apply(frozen);
            }
            ticket.map_or(Ok(()), |ticket| ticket.wait())?;
        }
        files.into_iter().for_each(|file| replayed.add_file(file));
        Ok(())
    }

    fn append(&self, handle: &Handle, record: &Record) -> Result<Ticket, AppendError> {
        self.journal.append(handle, &record.encode_into(Vec::new()))
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
                write(&site.days).retain(|day| {
                    let done = day.is_done();
                    if done {
                        let mut gone = site.gone.lock().unwrap_or_else(PoisonError::into_inner);
                        *gone = gone.max(Some(day.calendar.day));
                    }
                    !done
                });
            }
        }
    }

    /// Lets go of all days of a site that was removed, and opens none for it any more; their journals are
    /// destroyed, and what was set aside of them. Blocks.
    ///
    /// # Errors
    /// Those of the file system; then it has to be done again.
    pub fn remove_site(&self, site: SiteId) -> io::Result<()> {
        write(&self.removed).insert(site);
        let gone = write(&self.sites).remove(&site);
        let removed = gone.map_or(Ok(()), |days| {
            // Whoever was opening a day has pushed it by now.
            let _one_owner = days.opening.lock().unwrap_or_else(PoisonError::into_inner);
            write(&days.days).drain(..).map(|day| day.remove()).fold(Ok(()), io::Result::and)
        });
        removed?;
        let left = [self.journal.list()?, self.journal.listed_aside()?].concat();
        left.into_iter().filter(|file| file.site == site).try_for_each(|file| self.journal.discard(file))
    }

    /// Opens no day of a site any more: it is about to become part of another. Returns the days that are left of
    /// it. Blocks.
    pub fn shut(&self, site: SiteId) -> Vec<Arc<SiteDay>> {
        write(&self.removed).insert(site);
        let Some(days) = read(&self.sites).get(&site).cloned() else { return Vec::new() };
        // Whoever was opening a day has pushed it by now.
        let _one_owner = days.opening.lock().unwrap_or_else(PoisonError::into_inner);
        read(&days.days).clone()
    }

    /// The days of a site that are in memory.
    pub fn days_of(&self, site: SiteId) -> Vec<Arc<SiteDay>> {
        read(&self.sites).get(&site).map(|days| read(&days.days).clone()).unwrap_or_default()
    }

    /// Runs `act` while a day is not in memory and cannot be opened; `None` where it is there. The site's first hit
    /// of a day waits meanwhile.
    pub fn while_unopened<T>(&self, site: SiteId, day: Day, act: impl FnOnce() -> T) -> Option<T> {
        let days = self.site_days(site);
        let _one_owner = days.opening.lock().unwrap_or_else(PoisonError::into_inner);
        let there = read(&days.days).iter().any(|one| one.calendar.day == day);
        (!there).then(act)
    }

    /// Takes in what has become known of a site's values since its days were opened. Blocks.
    pub fn refresh_known(&self, site: SiteId) {
        let Some(days) = read(&self.sites).get(&site).cloned() else { return };
        let known = self.known.of(site);
        read(&days.days).iter().for_each(|day| day.know(known.clone()));
    }

    /// What a reader may see of a site's open days now.
    pub fn view(&self, site: SiteId, reader: Reader) -> MemoryView {
        let days = read(&self.sites).get(&site).cloned();
        let days = days.map(|days| read(&days.days).clone()).unwrap_or_default();
        MemoryView { days: days.iter().map(|day| day.view(reader)).collect(), ..MemoryView::default() }
    }

    /// The site's day that takes the hits of `now`, if it is open.
    pub fn today(&self, site: SiteId, now: UnixMs) -> Option<Arc<SiteDay>> {
        let days = read(&self.sites).get(&site)?.clone();
        let days = read(&days.days);
        current(&days, now).cloned()
    }
}

/// A number beyond all that releases of a day can have while nobody can be asked for the last. They grow by one
/// with each flush, and that is once a second at most; so this grows faster.
fn beyond(now: UnixMs, begins: UnixMs) -> u32 {
    const FAR: i64 = 1_000_000;
    let seconds = ((now - begins) / 1_000).clamp(0, 10 * FAR);
    (FAR + seconds * 10) as u32
}

/// What a day needs to recognise visitors.
struct Tables {
    /// `None` for a day that is over.
    salt: Option<Salt>,
    undo: Option<Undo>,
}

/// The day that takes the hits of `now`: the open one that holds it, else an open one that is yet to begin (where
/// the clock went back, or the zone moved west).
fn current(days: &[Arc<SiteDay>], now: UnixMs) -> Option<&Arc<SiteDay>> {
    let open = || days.iter().rev().filter(|day| day.takes_hits());
    open().find(|day| day.calendar.holds(now)).or_else(|| open().next().filter(|day| now < day.calendar.ends))
}

fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}
