//! One open site-day: the counting core, its journal, its releases on the way, and what readers see of it.
//!
//! Every change is made under one lock together with its journal record, so the order of records is the order
//! of changes, and replaying them is the same code as living through them.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use super::{days::Fixed, record::Record, salt::Salt, undo::Undo};
use crate::{
    domain::{
        attributes::Described,
        day::{Calendar, Hour, Moment},
        declaration::{Funnel, SiteId},
        hit::{Hit, VisitorKey},
        outcome::{Note, Outcome},
        region::Region,
        row::{DayRow, Family, Release, ReleaseId, Row, Table},
        tally::{Arrival, Closed, Delta, Gauges, KnownValues, OpenDay, Proposal, Settled, Undeclared},
        view::{DayView, Reader},
    },
    journal::{AppendError, Handle, Journal, Ticket},
};

/// Rows by table and family, as a view holds them.
type Rows = HashMap<(Table, Family), Arc<Vec<Row>>>;

/// What signed-in staff see as it happens; everything else is as of the last full hour for everyone.
const LIVE: [(Table, Family); 4] = [
    (Table::Pages, Family::Page),
    (Table::Pages, Family::Source),
    (Table::Events, Family::Page),
    (Table::Ledger, Family::Page),
];

/// Most bytes changes of one hit in the visitor tables, each saved before it happens.
const CHANGES_MAX: usize = 256;

/// A site-day that takes hits, or waits for its last rows to reach the store.
pub struct SiteDay {
    pub site: SiteId,
    pub calendar: Calendar,
    pub k: u32,
    pub settings_version: u32,
    node: u32,
    journal: Arc<Journal>,
    undo: Option<Undo>,
    salt: RwLock<Option<Salt>>,
    arriving: AtomicUsize,
    state: Mutex<State>,
}

struct State {
    /// `None` once the day is closed.
    open: Option<OpenDay>,
    /// The day's journal; gone once it is destroyed.
    handle: Option<Handle>,
    stretch: u8,
    hour: Hour,
    epochs: u32,
    next_number: u32,
    /// The store has acknowledged all releases up to this one.
    stored: u32,
    /// Frozen and not acknowledged, by number.
    waiting: VecDeque<Arc<Release>>,
    /// What was there when the hour turned.
    turned: Arc<Turned>,
}

/// The day as it stood when its latest hour began: what outside readers see, and everyone of the families
/// that tell who.
struct Turned {
    stored: u32,
    waiting: Vec<Arc<Release>>,
    settled: Option<Settled>,
    hour: Option<Hour>,
    rows: OnceLock<Rows>,
}

impl Turned {
    fn rows(&self, k: u32, epochs: u32) -> &Rows {
        self.rows.get_or_init(|| match &self.settled {
            Some(settled) => shared(settled.rows(k, epochs)),
            None => Rows::new(),
        })
    }
}

fn shared(rows: HashMap<(Table, Family), Vec<Row>>) -> Rows {
    rows.into_iter().map(|(kind, rows)| (kind, Arc::new(rows))).collect()
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
    pub calendar: Calendar,
    pub k: u32,
    pub settings_version: u32,
    pub node: u32,
    pub journal: Arc<Journal>,
    pub handle: Handle,
    pub salt: Salt,
    /// Where visitors survive a crash.
    pub undo: Option<Undo>,
}

impl SiteDay {
    /// A day whose journal has been replayed into `replayed`.
    pub fn new(opening: Opening, replayed: Replayed) -> SiteDay {
        let Opening { site, calendar, k, settings_version, node, journal, handle, salt, undo } = opening;
        let state = State { handle: Some(handle), ..replayed.state };
        SiteDay {
            site,
            calendar,
            k,
            settings_version,
            node,
            journal,
            undo,
            salt: RwLock::new(Some(salt)),
            arriving: AtomicUsize::new(0),
            state: Mutex::new(state),
        }
    }

    /// A day that was closed by an earlier run and whose releases wait for the store.
    pub fn closed_before(
        fixed: &Fixed,
        calendar: Calendar,
        node: u32,
        journal: Arc<Journal>,
        waiting: Vec<Release>,
    ) -> SiteDay {
        let mut state = State::empty(None);
        state.stored = waiting.first().map_or(0, |release| release.id.number - 1);
        state.next_number = waiting.last().map_or(1, |release| release.id.number + 1);
        state.waiting = waiting.into_iter().map(Arc::new).collect();
        SiteDay {
            site: fixed.site,
            calendar,
            k: fixed.k,
            settings_version: fixed.settings_version,
            node,
            journal,
            undo: None,
            salt: RwLock::new(None),
            arriving: AtomicUsize::new(0),
            state: Mutex::new(state),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
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
        self.lock().open.as_ref().is_some_and(|open| open.knows(key))
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

    /// Counts a note in the ledger.
    ///
    /// # Errors
    /// [`Refusal`]; then nothing was changed.
    pub fn note(&self, moment: Moment, note: Note, n: u64) -> Result<Ticket, Refusal> {
        self.change(moment, |open, _| open.note(note, n))
    }

    /// Remembers, in memory only, that a visitor sent a text that the site has not declared.
    pub fn propose(&self, key: VisitorKey, undeclared: &[Undeclared]) {
        if let Some(open) = &mut self.lock().open {
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
        if !self.journal.room() || self.undo.as_ref().is_some_and(|undo| !undo.room(CHANGES_MAX)) {
            return Err(Refusal::Busy);
        }
        state.turn(moment);
        let State { open: Some(open), handle: Some(handle), .. } = &mut *state else {
            return Err(Refusal::Closed);
        };
        let seq = handle.next_seq();
        let delta = make(open, seq);
        self.append(&state, &Record::Delta(delta))
    }

    fn append(&self, state: &State, record: &Record) -> Result<Ticket, Refusal> {
        let handle = state.handle.as_ref().ok_or(Refusal::Closed)?;
        Ok(self.journal.append(handle, &record.encode_into(Vec::with_capacity(96)))?)
    }

    /// Notes that the day goes on under another salt.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn begin_epoch(&self) -> Result<Ticket, Refusal> {
        let mut state = self.lock();
        state.epochs += 1;
        self.append(&state, &Record::Epoch)
    }

    /// [`SiteDay::note`] at the moment of the day's latest hit.
    ///
    /// # Errors
    /// [`Refusal`]; then nothing was changed.
    pub fn note_now(&self, note: Note, n: u64) -> Result<Ticket, Refusal> {
        let moment = {
            let state = self.lock();
            Moment { hour: state.hour, second: 0, stretch: state.stretch }
        };
        self.note(moment, note, n)
    }

    /// Lets the hour turn although no hit came.
    pub fn turn(&self, now: i64) {
        self.lock().turn(self.calendar.moment(now));
    }

    /// Freezes what is pending in the `page` family into the next release. The caller makes it durable
    /// (journal first, then the release's file) before it offers it to the store. `None` where nothing is pending.
    ///
    /// # Errors
    /// [`Refusal`]; then nothing was frozen.
    pub fn freeze(&self) -> Result<Option<(Arc<Release>, Ticket)>, Refusal> {
        let mut state = self.lock();
        if !self.journal.room() {
            return Err(Refusal::Busy);
        }
        let Some(release) = state.freeze(self.site, self.calendar.day, self.node) else { return Ok(None) };
        let ticket = self.append(&state, &Record::Frozen { number: release.id.number })?;
        Ok(Some((release, ticket)))
    }

    /// The releases that the store has not acknowledged, oldest first.
    pub fn waiting(&self) -> Vec<Arc<Release>> {
        self.lock().waiting.iter().cloned().collect()
    }

    /// Forgets a release that the store has acknowledged. The ticket, where the day is still open, resolves
    /// when the journal knows; then the release's file may go.
    ///
    /// # Errors
    /// [`Refusal`] when the journal takes no record; the release is forgotten all the same.
    pub fn stored(&self, number: u32) -> Result<Option<Ticket>, Refusal> {
        let mut state = self.lock();
        state.stored_up_to(number);
        match state.open {
            Some(_) => self.append(&state, &Record::Stored { number }).map(Some),
            None => Ok(None),
        }
    }

    /// Ends the day: erases the salt, takes the core out, and leaves readers the day as it stood at its end.
    /// Returns what the close needs; `None` where that has happened before.
    pub fn end(&self) -> Option<Ended> {
        let salt = self.salt.write().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Err(error)) = salt.map(Salt::erase) {
            tracing::error!(%error, site = self.site.0, "a salt's file could not be removed; it was overwritten");
        }
        let mut state = self.lock();
        let mut open = state.open.take()?;
        open.turn(u8::MAX, state.hour);
        state.turned = Arc::new(Turned {
            stored: state.stored,
            waiting: state.waiting.iter().cloned().collect(),
            settled: Some(open.settled()),
            hour: None,
            rows: OnceLock::new(),
        });
        let id =
            ReleaseId { site: self.site, day: self.calendar.day, node: self.node, number: state.next_number };
        // Taken before the release is there, so that the day is not done while it is made.
        state.next_number += 1;
        Some(Ended { id, open, epochs: state.epochs })
    }

    /// Puts the day's last release among those that wait for the store.
    pub fn closed(&self, release: Arc<Release>) {
        self.lock().waiting.push_back(release);
    }

    /// Destroys the day's journal and its key.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn destroy_journal(&self) -> std::io::Result<()> {
        let handle = self.lock().handle.take();
        handle.map_or(Ok(()), |handle| self.journal.destroy(handle))
    }

    /// Whether nothing is left to do for this day: closed, and all of it in the store.
    pub fn is_done(&self) -> bool {
        let state = self.lock();
        state.open.is_none() && state.stored + 1 == state.next_number
    }

    /// Whether the day has been closed.
    pub fn is_closed(&self) -> bool {
        self.lock().open.is_none()
    }

    /// What a reader may see of the day now.
    pub fn view(&self, reader: Reader) -> DayView {
        let (turned, live, waiting, stored, closed, epochs) = {
            let state = self.lock();
            let live = match reader {
                Reader::Staff => state.open.as_ref().map(OpenDay::live),
                Reader::Outside => None,
            };
            let waiting: Vec<_> = state.waiting.iter().cloned().collect();
            (state.turned.clone(), live, waiting, state.stored, state.open.is_none(), state.epochs)
        };
        let last_is_close = waiting.last().is_some_and(|release| release.close.is_some());
        let mut view = DayView {
            day: self.calendar.day,
            node: self.node,
            released: stored,
            as_of: turned.hour,
            rows: Rows::new(),
            k: self.k,
            salt_epochs: epochs,
        };
        if closed && last_is_close {
            add_releases(&mut view.rows, &waiting);
            return view;
        }
        view.rows = turned.rows(self.k, epochs).clone();
        match live {
            Some(live) => {
                for kind in LIVE {
                    view.rows.remove(&kind);
                }
                for row in live.into_rows() {
                    Arc::make_mut(view.rows.entry((row.table, row.family)).or_default()).push(row);
                }
                add_releases(&mut view.rows, &waiting);
            }
            None => {
                view.released = turned.stored;
                add_releases(&mut view.rows, &turned.waiting);
            }
        }
        view
    }

    /// Visitors of the last five minutes, and page views of the last thirty by the minute, oldest first.
    pub fn live_visitors(&self, now: i64) -> (u32, [u32; 30]) {
        let second = self.calendar.moment(now).second;
        self.lock().open.as_ref().map_or((0, [0; 30]), |open| open.live_visitors(second))
    }

    pub fn gauges(&self) -> Gauges {
        self.lock().open.as_ref().map(OpenDay::counts).unwrap_or_default()
    }

    /// A proposal was declared: it is proposed no longer.
    pub fn declared(&self, what: &Undeclared) {
        if let Some(open) = &mut self.lock().open {
            open.declared(what);
        }
    }

    pub fn proposals(&self) -> Vec<Proposal> {
        self.lock().open.as_ref().map(OpenDay::proposals).unwrap_or_default()
    }
}

/// A day that takes no hits any more.
pub struct Ended {
    pub id: ReleaseId,
    open: OpenDay,
    epochs: u32,
}

impl Ended {
    /// Coarsens what is left into the day's last release (DESIGN.md, section 4).
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
        };
        (Release { id: self.id, rows, close: Some(row) }, known)
    }
}

fn add_releases(rows: &mut Rows, releases: &[Arc<Release>]) {
    for row in releases.iter().flat_map(|release| &release.rows) {
        Arc::make_mut(rows.entry((row.table, row.family)).or_default()).push(row.clone());
    }
}

/// A day's state while its journal is replayed.
pub struct Replayed {
    state: State,
}

impl Replayed {
    pub fn start(open: OpenDay) -> Replayed {
        Replayed { state: State::empty(Some(open)) }
    }

    /// Gives the replayed day the tables of its visitors.
    pub fn attach(&mut self, visitors: Box<dyn Region>, seen: Box<dyn Region>) {
        if let Some(open) = &mut self.state.open {
            open.attach(visitors, seen);
        }
    }

    /// Visits that may have been running at the last record.
    pub fn visits_maybe_running(&self) -> u64 {
        self.state.open.as_ref().map_or(0, OpenDay::visits_maybe_running)
    }

    /// Applies one record of the journal.
    pub fn apply(&mut self, site: SiteId, calendar: &Calendar, node: u32, record: Record) {
        let state = &mut self.state;
        match record {
            Record::Epoch => state.epochs += 1,
            Record::Delta(delta) => {
                let (stretch, hour) = delta.when();
                state.turn(Moment { hour, second: 0, stretch });
                if let Some(open) = &mut state.open {
                    open.apply(&delta);
                }
            }
            Record::Frozen { .. } => {
                state.freeze(site, calendar.day, node);
            }
            Record::Stored { number } => state.stored_up_to(number),
        }
    }

    /// Releases that the journal saw frozen and not stored.
    pub fn waiting(&self) -> impl Iterator<Item = &Arc<Release>> {
        self.state.waiting.iter()
    }

    /// Replaces a replayed release by the one in its file: what was offered to the store is what stays offered.
    pub fn use_file(&mut self, release: Release) {
        for waiting in &mut self.state.waiting {
            if waiting.id == release.id {
                *waiting = Arc::new(release);
                return;
            }
        }
    }
}

impl State {
    fn empty(open: Option<OpenDay>) -> State {
        let turned = Turned {
            stored: 0,
            waiting: Vec::new(),
            settled: None,
            hour: Some(Hour(0)),
            rows: OnceLock::new(),
        };
        State {
            open,
            handle: None,
            stretch: 0,
            hour: Hour(0),
            epochs: 0,
            next_number: 1,
            stored: 0,
            waiting: VecDeque::new(),
            turned: Arc::new(turned),
        }
    }

    fn turn(&mut self, moment: Moment) {
        let Some(open) = &mut self.open else { return };
        if moment.stretch <= self.stretch && self.turned.settled.is_some() {
            return;
        }
        self.stretch = self.stretch.max(moment.stretch);
        self.hour = moment.hour;
        open.turn(moment.stretch, moment.hour);
        self.turned = Arc::new(Turned {
            stored: self.stored,
            waiting: self.waiting.iter().cloned().collect(),
            settled: Some(open.settled()),
            hour: Some(moment.hour),
            rows: OnceLock::new(),
        });
    }

    fn freeze(&mut self, site: SiteId, day: crate::domain::day::Day, node: u32) -> Option<Arc<Release>> {
        let rows = self.open.as_mut()?.freeze();
        if rows.is_empty() {
            return None;
        }
        let id = ReleaseId { site, day, node, number: self.next_number };
        self.next_number += 1;
        let release = Arc::new(Release { id, rows, close: None });
        self.waiting.push_back(release.clone());
        Some(release)
    }

    fn stored_up_to(&mut self, number: u32) {
        self.stored = self.stored.max(number);
        self.waiting.retain(|release| release.id.number > number);
    }
}
