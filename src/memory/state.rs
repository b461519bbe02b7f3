//! What changes of a site-day, under its one lock: the counting core, the numbers of releases, and what was there
//! when the hour turned. The same code in life and in replay; no I/O.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, OnceLock, atomic::Ordering::Acquire},
};

use super::{
    held::{Filed, Place, Room},
    undo::Undo,
};
use crate::{
    domain::{
        day::{Hour, Moment},
        row::{Family, Release, ReleaseId, Row, Table},
        tally::{OpenDay, Settled},
    },
    journal::Handle,
    sabotage::{self, Sabotage},
};

/// Rows by table and family, as a view holds them.
pub(super) type Rows = HashMap<(Table, Family), Arc<Vec<Row>>>;

pub(super) struct State {
    pub phase: Phase,
    /// The day's journal; gone once it is destroyed.
    pub handle: Option<Handle>,
    /// Where visitors survive a crash. It holds bytes of their table, so it goes with the core.
    pub undo: Option<Undo>,
    pub stretch: u8,
    pub hour: Hour,
    pub epochs: u32,
    /// A visitor was counted since the latest epoch began.
    pub met: bool,
    pub next_number: u32,
    /// The store has acknowledged all releases up to this one, but for those that were set aside.
    pub stored: u32,
    /// Frozen and not acknowledged, by number.
    pub waiting: VecDeque<Waiting>,
    pub turned: Arc<Turned>,
}

/// How far a day has come; never back.
pub(super) enum Phase {
    /// It takes hits.
    Open(Box<OpenDay>),
    /// Its last rows are being made from the core; readers see it as of its end.
    Ended,
    /// All that is left of it are releases.
    Closed,
    /// Its site was removed: nothing of it leaves memory any more.
    Removed,
}

/// A release on its way to the store.
pub(super) struct Waiting {
    pub id: ReleaseId,
    /// `None` where there was no room: its file has it.
    pub release: Option<Arc<Release>>,
    pub place: Option<Place>,
    pub safe: Safe,
    /// Number of the journal's record of its freezing; 0 where there is none.
    pub seq: u64,
}

/// What would bring a release back after a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Safe {
    /// Nothing: its rows would be pending again, and the next release under its number another one.
    Not,
    /// The journal's replay.
    Journal,
    /// Its file. Only now may the store see it.
    File,
}

/// The day as it stood when its latest hour began: what outside readers see, and everyone of the families
/// that tell who.
pub(super) struct Turned {
    pub stored: u32,
    pub waiting: Vec<Arc<Release>>,
    pub settled: Option<Settled>,
    pub hour: Option<Hour>,
    /// Made by the first reader.
    rows: OnceLock<Rows>,
}

impl Turned {
    fn nothing(stored: u32) -> Turned {
        Turned { stored, waiting: Vec::new(), settled: None, hour: Some(Hour(0)), rows: OnceLock::new() }
    }

    pub fn rows(&self, k: u32, epochs: u32) -> &Rows {
        self.rows.get_or_init(|| {
            let rows = self.settled.as_ref().map(|settled| settled.rows(k, epochs)).unwrap_or_default();
            rows.into_iter().map(|(kind, rows)| (kind, Arc::new(rows))).collect()
        })
    }
}

impl State {
    /// `stored`: number of the last release that the store held before this day was opened.
    pub fn new(phase: Phase, stored: u32) -> State {
        State {
            phase,
            handle: None,
            undo: None,
            stretch: 0,
            hour: Hour(0),
            epochs: 0,
            met: false,
            next_number: stored + 1,
            stored,
            waiting: VecDeque::new(),
            turned: Arc::new(Turned::nothing(stored)),
        }
    }

    pub fn open(&self) -> Option<&OpenDay> {
        match &self.phase {
            Phase::Open(open) => Some(open),
            _ => None,
        }
    }

    /// Begins a salt epoch, in which nobody of those before is recognised.
    pub fn renew(&mut self, visits: u64) {
        (self.epochs, self.met) = (self.epochs + 1, false);
        if let Some(open) = self.open_mut() {
            open.forget_visits(visits);
        }
    }

    pub fn open_mut(&mut self) -> Option<&mut OpenDay> {
        match &mut self.phase {
            Phase::Open(open) => Some(open),
            _ => None,
        }
    }

    /// Lets the hour turn, unless it has.
    pub fn turn(&mut self, moment: Moment) {
        let turned_before = self.turned.settled.is_some();
        if turned_before && moment.stretch <= self.stretch && !sabotage::on(Sabotage::LiveFamilies) {
            return;
        }
        let Phase::Open(open) = &mut self.phase else { return };
        (self.stretch, self.hour) = (self.stretch.max(moment.stretch), moment.hour);
        // Let go first: cells that nobody else holds are joined in place.
        self.turned = Arc::new(Turned::nothing(self.stored));
        open.turn(moment.stretch, moment.hour);
        let settled = open.settled();
        self.show(settled, Some(moment.hour));
    }

    fn show(&mut self, settled: Settled, hour: Option<Hour>) {
        self.turned = Arc::new(Turned {
            stored: self.stored,
            waiting: self.releases(),
            settled: Some(settled),
            hour,
            rows: OnceLock::new(),
        });
    }

    /// Nobody reads the day as it stood at an hour any more.
    pub fn let_turned_go(&mut self) {
        self.turned = Arc::new(Turned::nothing(self.stored));
    }

    /// Takes the core out, and leaves readers the day as it stood at its end.
    pub fn end(&mut self) -> Option<OpenDay> {
        let Phase::Open(_) = &self.phase else { return None };
        let Phase::Open(mut open) = std::mem::replace(&mut self.phase, Phase::Ended) else { return None };
        self.undo = None;
        self.turned = Arc::new(Turned::nothing(self.stored));
        open.turn(u8::MAX, self.hour);
        self.show(open.settled(), None);
        Some(*open)
    }

    /// Takes what is pending in the `page` family into the release `id`; `None` where nothing is.
    pub fn freeze(&mut self, id: ReleaseId, safe: Safe) -> Option<Arc<Release>> {
        let rows = self.open_mut()?.freeze();
        if rows.is_empty() {
            return None;
        }
        let release = Arc::new(Release { id, rows, close: None });
        self.push(release.clone(), safe);
        Some(release)
    }

    pub fn push(&mut self, release: Arc<Release>, safe: Safe) {
        let id = release.id;
        self.next_number = id.number + 1;
        self.waiting.push_back(Waiting { id, release: Some(release), place: None, safe, seq: 0 });
    }

    /// Puts a release of which there is a file in its place among those that wait.
    pub fn push_filed(&mut self, filed: Filed) {
        let Filed { id, release, place, .. } = filed;
        self.next_number = self.next_number.max(id.number + 1);
        let at = self.waiting.iter().take_while(|one| one.id.number < id.number).count();
        self.waiting.insert(at, Waiting { id, release, place, safe: Safe::File, seq: 0 });
    }

    pub fn stored_up_to(&mut self, number: u32) {
        self.stored = self.stored.max(number);
        self.waiting.retain(|waiting| waiting.id.number > number);
    }

    pub fn is_safe(&mut self, number: u32, safe: Safe) {
        if let Some(waiting) = self.waiting.iter_mut().find(|waiting| waiting.id.number == number) {
            waiting.safe = waiting.safe.max(safe);
        }
    }

    /// A release has its file: its rows stay in memory only if there is room for them.
    pub fn is_filed(&mut self, number: u32, room: &Arc<Room>) {
        self.is_safe(number, Safe::File);
        let found = self.waiting.iter_mut().find(|waiting| waiting.id.number == number);
        let Some(waiting) = found.filter(|waiting| waiting.place.is_none()) else { return };
        waiting.place = waiting.release.as_deref().and_then(|release| room.take(release));
        if waiting.place.is_none() {
            waiting.release = None;
        }
    }

    /// Takes over which freezings the journal holds by now.
    pub fn note_journaled(&mut self) {
        let Some(committed) = self.handle.as_ref().map(|handle| handle.committed().load(Acquire)) else {
            return;
        };
        for one in self.waiting.iter_mut().filter(|one| (1..=committed).contains(&one.seq)) {
            one.safe = one.safe.max(Safe::Journal);
        }
    }

    pub fn releases(&self) -> Vec<Arc<Release>> {
        self.waiting.iter().filter_map(|waiting| waiting.release.clone()).collect()
    }
}
