//! One site-day: the counting core behind its lock, its journal, and its releases on the way to the store.
//!
//! Every change is made under one lock together with its journal record, so the order of records is the order
//! of changes, and replaying them is the same code as living through them.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError, RwLock,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use super::{
    held::{Filed, Room},
    record::{Opened, Record},
    replay::Replayed,
    salt::Salt,
    state::{Phase, Safe, State, Waiting},
    undo::Undo,
};
use crate::{
    domain::{
        attributes::Described,
        day::{Calendar, Day, Moment, Zone},
        declaration::{Funnel, Kept, Site, SiteId},
        hit::{Hit, VisitorKey},
        outcome::{Note, Outcome},
        row::{DayRow, Release, ReleaseId},
        tally::{Arrival, Closed, Delta, Gauges, KnownValues, OpenDay, Proposal, Undeclared},
    },
    journal::{AppendError, FileId, Handle, Journal, Ticket},
};

/// Most changes of one hit in the visitor tables, each saved before it happens.
pub(super) const CHANGES_MAX: usize = 256;

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

    pub(super) fn opened(&self, node: u32, released: u32) -> Opened {
        Opened {
            zone: self.zone.name().to_owned(),
            k: self.k,
            kept: self.kept,
            settings_version: self.settings_version,
            node,
            released,
        }
    }
}

/// A site-day that takes hits, or waits for its last rows to reach the store.
pub struct SiteDay {
    pub site: SiteId,
    pub calendar: Calendar,
    pub k: u32,
    pub settings_version: u32,
    pub node: u32,
    pub(super) journal: Arc<Journal>,
    room: Arc<Room>,
    pub(super) salt: RwLock<Option<Salt>>,
    arriving: AtomicUsize,
    /// It takes no more hits. Read without the lock by those who look for the day of a hit.
    ended: AtomicBool,
    state: Mutex<State>,
}

/// A hit that has arrived: its day is fixed, and the day does not close before the hit is dropped or tallied.
pub struct Arrived {
    pub day: Arc<SiteDay>,
    pub moment: Moment,
}

impl Drop for Arrived {
    fn drop(&mut self) {
        self.day.arriving.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Why a hit was not taken.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The day has closed in the meantime.
    #[error("the day is closed")]
    Closed,
    /// Nothing was changed; the client may try again.
    #[error("the journal takes no more: {0}")]
    Journal(#[from] AppendError),
    #[error("more hits are being acknowledged than fit")]
    Busy,
}

/// What one accepted hit brings to the tally.
pub struct Tallied<'a> {
    pub key: VisitorKey,
    /// Needed when the key is new.
    pub described: Option<&'a Described>,
    pub hit: &'a Hit,
    pub notes: &'a [Note],
    pub funnels: &'a [Arc<Funnel>],
    pub undeclared: &'a [Undeclared],
}

/// The parts of a day that is being opened.
pub struct Opening {
    pub site: SiteId,
    pub journal: Arc<Journal>,
    pub room: Arc<Room>,
    pub handle: Handle,
    /// `None` for a day that is over.
    pub salt: Option<Salt>,
    /// Where visitors survive a crash.
    pub undo: Option<Undo>,
}

impl SiteDay {
    /// A day whose journal has been replayed.
    pub fn new(opening: Opening, replayed: Replayed) -> SiteDay {
        let Opening { site, journal, room, handle, salt, undo } = opening;
        let Replayed { mut state, opened, calendar, .. } = replayed;
        (state.handle, state.undo) = (Some(handle), undo);
        SiteDay {
            site,
            calendar,
            k: opened.k,
            settings_version: opened.settings_version,
            node: opened.node,
            journal,
            room,
            salt: RwLock::new(salt),
            arriving: AtomicUsize::new(0),
            ended: AtomicBool::new(false),
            state: Mutex::new(state),
        }
    }

    /// A day that was closed by an earlier run: all releases in `files` wait for the store, all before them are
    /// there. `None` without a last release.
    pub fn closed_before(
        zone: &Zone,
        journal: Arc<Journal>,
        room: Arc<Room>,
        files: Vec<Filed>,
    ) -> Option<SiteDay> {
        let first = files.first()?.id;
        let row = files.last()?.close.clone()?;
        let mut state = State::new(Phase::Closed, first.number - 1);
        state.epochs = row.salt_epochs;
        files.into_iter().for_each(|filed| state.push_filed(filed));
        Some(SiteDay {
            site: first.site,
            calendar: zone.calendar(first.day),
            k: row.k,
            settings_version: row.settings_version,
            node: first.node,
            journal,
            room,
            salt: RwLock::new(None),
            arriving: AtomicUsize::new(0),
            ended: AtomicBool::new(true),
            state: Mutex::new(state),
        })
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether hits may still be counted here.
    pub fn takes_hits(&self) -> bool {
        !self.ended.load(Ordering::Acquire)
    }

    /// Fixes the moment of a hit.
    pub fn arrive(self: &Arc<SiteDay>, now: i64) -> Arrived {
        self.arriving.fetch_add(1, Ordering::AcqRel);
        Arrived { day: self.clone(), moment: self.calendar.moment(now) }
    }

    /// Hits that have arrived and are not tallied yet.
    pub fn arriving(&self) -> usize {
        self.arriving.load(Ordering::Acquire)
    }

    /// Runs `with` on the day's salt; `None` once it is erased.
    pub fn with_salt<T>(&self, with: impl FnOnce(&[u8; 32]) -> T) -> Option<T> {
        self.salt.read().unwrap_or_else(PoisonError::into_inner).as_ref().map(|salt| salt.with(with))
    }

    /// Whether the visitor is there already, so that user agent and place need not be looked at.
    pub fn knows(&self, key: VisitorKey) -> bool {
        self.lock().open().is_some_and(|open| open.knows(key))
    }

    /// Counts an admitted hit; the ticket resolves when that is durable.
    ///
    /// # Errors
    /// [`Refusal`]; then nothing was changed.
    pub fn tally(&self, moment: Moment, hit: Tallied<'_>) -> Result<Ticket, Refusal> {
        self.change(moment, |open, seq| {
            for undeclared in hit.undeclared {
                open.undeclared(hit.key, undeclared.clone());
            }
            let Tallied { key, described, hit, notes, funnels, .. } = hit;
            open.tally_arrival(seq, &Arrival { key, described, hit, notes, funnels }, moment)
        })
    }

    /// Counts dropped hits in the ledger.
    ///
    /// # Errors
    /// [`Refusal`]; then nothing was changed.
    pub fn drop_hits(
        &self,
        moment: Moment,
        outcome: Outcome,
        notes: &[Note],
        n: u64,
    ) -> Result<Ticket, Refusal> {
        self.change(moment, |open, _| open.drop_hit(outcome, notes, n))
    }

    /// Remembers, in memory only, that a visitor sent a text that the site has not declared.
    pub fn propose(&self, key: VisitorKey, undeclared: &[Undeclared]) {
        if let Some(open) = self.lock().open_mut() {
            for one in undeclared {
                open.undeclared(key, one.clone());
            }
        }
    }

    fn change(
        &self,
        moment: Moment,
        make: impl FnOnce(&mut OpenDay, u64) -> Delta,
    ) -> Result<Ticket, Refusal> {
        let mut state = self.lock();
        if !self.journal.room() || state.undo.as_ref().is_some_and(|undo| !undo.room(CHANGES_MAX)) {
            return Err(Refusal::Busy);
        }
        state.turn(moment);
        let State { phase: Phase::Open(open), handle: Some(handle), met, .. } = &mut *state else {
            return Err(Refusal::Closed);
        };
        let delta = make(open, handle.next_seq());
        *met |= delta.outcome() == Some(Outcome::Accepted);
        self.append(&state, &Record::Delta(delta))
    }

    fn append(&self, state: &State, record: &Record) -> Result<Ticket, Refusal> {
        let handle = state.handle.as_ref().ok_or(Refusal::Closed)?;
        Ok(self.journal.append(handle, &record.encode_into(Vec::with_capacity(96)))?)
    }

    /// Lets the hour turn although no hit came.
    pub fn turn(&self, now: i64) {
        self.lock().turn(self.calendar.moment(now));
    }

    /// Freezes what is pending in the `page` family into the next release. `None` where nothing is pending. It is
    /// offered to the store once [`SiteDay::journaled`] and [`SiteDay::filed`] were told about it.
    ///
    /// # Errors
    /// [`Refusal`]; what was frozen before a journal failed then waits for the close.
    pub fn freeze(&self) -> Result<Option<(Arc<Release>, Ticket)>, Refusal> {
        let mut state = self.lock();
        if !self.journal.room() {
            return Err(Refusal::Busy);
        }
        let id = self.next_id(&state);
        let Some(release) = state.freeze(id, Safe::Not) else { return Ok(None) };
        let ticket = self.append(&state, &Record::Frozen { number: id.number })?;
        if let Some(waiting) = state.waiting.back_mut() {
            waiting.seq = ticket.seq();
        }
        Ok(Some((release, ticket)))
    }

    fn next_id(&self, state: &State) -> ReleaseId {
        ReleaseId { site: self.site, day: self.calendar.day, node: self.node, number: state.next_number }
    }

    /// The journal holds the freezing of this release.
    pub fn journaled(&self, number: u32) {
        self.lock().is_safe(number, Safe::Journal);
    }

    /// The release has its file: the store may have it.
    pub fn filed(&self, number: u32) {
        self.lock().is_filed(number, &self.room);
    }

    /// The releases that need a file now, oldest first. Once the day is closed that is all of them: its journal
    /// goes.
    pub fn to_file(&self) -> Vec<Arc<Release>> {
        let mut state = self.lock();
        state.note_journaled();
        let least = if matches!(state.phase, Phase::Closed) { Safe::Not } else { Safe::Journal };
        let wanted = state.waiting.iter().filter(|one| (least..Safe::File).contains(&one.safe));
        wanted.filter_map(|one| one.release.clone()).collect()
    }

    /// The oldest release that the store has not acknowledged, once the store may have it: it has its file, and of
    /// a closed day all have. (A journal that failed replays to other releases until it is gone.) Without its rows
    /// where only the file has them.
    pub fn to_deliver(&self) -> Option<(ReleaseId, Option<Arc<Release>>)> {
        let state = self.lock();
        let filed = |one: &&Waiting| one.safe == Safe::File;
        state.waiting.back().filter(|last| !matches!(state.phase, Phase::Closed) || filed(last))?;
        state.waiting.front().filter(filed).map(|one| (one.id, one.release.clone()))
    }

    /// The releases that the store has not acknowledged, oldest first.
    pub fn waiting(&self) -> Vec<ReleaseId> {
        self.lock().waiting.iter().map(|one| one.id).collect()
    }

    /// The store has acknowledged all releases up to this one: no other will ever have their numbers.
    pub fn acknowledged(&self) -> u32 {
        self.lock().stored
    }

    /// The number that the next release will have.
    pub fn next_number(&self) -> u32 {
        self.lock().next_number
    }

    /// Forgets a release that the store has acknowledged, or that was set aside. The ticket, where the day is still open, resolves
    /// when the journal knows; then the release's file may go.
    ///
    /// # Errors
    /// [`Refusal`] when the journal takes no record; the release is forgotten all the same.
    pub fn stored(&self, number: u32) -> Result<Option<Ticket>, Refusal> {
        let mut state = self.lock();
        state.stored_up_to(number);
        match state.phase {
            Phase::Open(_) => self.append(&state, &Record::Stored { number }).map(Some),
            _ => Ok(None),
        }
    }

    /// Erases the salt. Whoever has no key yet comes too late for this day.
    pub fn erase_salt(&self) {
        let salt = self.salt.write().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Err(error)) = salt.map(Salt::erase) {
            tracing::error!(%error, site = self.site.0, "a salt's file could not be removed; it was overwritten");
        }
    }

    /// Ends the day: erases the salt, takes the core out, and leaves readers the day as it stood at its end.
    /// Returns what the close needs; `None` where that has happened before.
    pub fn end(&self) -> Option<Ended> {
        self.erase_salt();
        let mut state = self.lock();
        self.ended.store(true, Ordering::Release);
        // One that came while the lock was waited for.
        self.erase_salt();
        let open = state.end()?;
        Some(Ended { id: self.next_id(&state), open, epochs: state.epochs })
    }

    /// Puts the day's last release among those that wait for the store.
    pub fn closed(&self, release: Arc<Release>) {
        let mut state = self.lock();
        if matches!(state.phase, Phase::Ended) {
            state.phase = Phase::Closed;
            state.let_turned_go();
            state.push(release, Safe::Not);
        }
    }

    /// Drops everything of the day, with its journal: its site was removed.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn remove(&self) -> std::io::Result<()> {
        {
            let mut state = self.lock();
            self.ended.store(true, Ordering::Release);
            self.erase_salt();
            (state.phase, state.undo) = (Phase::Removed, None);
            state.waiting.clear();
        }
        self.destroy_journal()
    }

    pub fn is_removed(&self) -> bool {
        matches!(self.lock().phase, Phase::Removed)
    }

    /// Destroys the day's journal and its key. Again does no harm.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn destroy_journal(&self) -> std::io::Result<()> {
        let handle = self.lock().handle.take();
        match handle {
            Some(handle) => self.journal.destroy(handle),
            None => self.journal.discard(FileId { site: self.site, day: self.calendar.day }),
        }
    }

    /// Whether nothing is left to do for this day: closed, and all of it in the store.
    pub fn is_done(&self) -> bool {
        let state = self.lock();
        match state.phase {
            Phase::Open(_) | Phase::Ended => false,
            Phase::Closed => state.waiting.is_empty(),
            Phase::Removed => true,
        }
    }

    /// Admits values over every cap from now on.
    pub fn know(&self, known: Arc<KnownValues>) {
        if let Some(open) = self.lock().open_mut() {
            open.know(known);
        }
    }

    /// Visitors of the last five minutes, and page views of the last thirty by the minute, oldest first.
    pub fn live_visitors(&self, now: i64) -> (u32, [u32; 30]) {
        let second = self.calendar.moment(now).second;
        self.lock().open().map_or((0, [0; 30]), |open| open.live_visitors(second))
    }

    pub fn gauges(&self) -> Gauges {
        self.lock().open().map(OpenDay::counts).unwrap_or_default()
    }

    /// A proposal was declared: it is proposed no longer.
    pub fn declared(&self, what: &Undeclared) {
        if let Some(open) = self.lock().open_mut() {
            open.declared(what);
        }
    }

    pub fn proposals(&self) -> Vec<Proposal> {
        self.lock().open().map(OpenDay::proposals).unwrap_or_default()
    }
}

/// A day that takes no hits any more.
pub struct Ended {
    pub id: ReleaseId,
    open: OpenDay,
    epochs: u32,
}

impl Ended {
    /// Coarsens what is left into the day's last release (docs/COUNTING.md).
    pub fn coarsen(self, day: &SiteDay, closed_at: i64) -> (Release, KnownValues) {
        let Closed { rows, sizes, known } = self.open.close(self.epochs);
        let row = DayRow {
            site: self.id.site,
            day: self.id.day,
            node: self.id.node,
            closed_at_hour: closed_at / 3_600_000 * 3_600,
            k: day.k,
            salt_epochs: self.epochs,
            settings_version: day.settings_version,
            sizes,
            corrected: false,
        };
        (Release { id: self.id, rows, close: Some(row) }, known)
    }
}
