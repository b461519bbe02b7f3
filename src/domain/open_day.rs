//! An open site-day in memory: visitor tables, names, cells. A pure state machine; the driver owns locks, time,
//! journal and regions.

use std::{collections::HashSet, sync::Arc};

use smallvec::SmallVec;

use super::{
    Text,
    attributes::Described,
    cells::{DayCells, Entry, Held, PageCells},
    counters::Counter,
    day::{Day, Hour, Moment},
    declaration::{Funnel, Kept, SiteId},
    delta::Delta,
    hit::{Hit, VisitorKey},
    names::Names,
    outcome::{Note, Outcome},
    proposals::{Proposal, Proposals, Undeclared},
    pulse::Pulse,
    region::Region,
    row::Row,
    snapshot::{Closed, Pending, Settled},
    tally::{Arrival, Tables, tally},
    visitors::{SeenTable, Visitors},
};
use crate::sabotage::{self, Sabotage};

/// What a site-day is counted by, fixed as it opens.
#[derive(Clone)]
pub struct DaySettings {
    pub site: SiteId,
    pub day: Day,
    pub k: u32,
    pub kept: Kept,
    pub settings_version: u32,
    pub caps: Caps,
    pub known: Arc<KnownValues>,
}

/// Most distinct values and records of a site-day. What does not fit is counted as LIMITS says, and noted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caps {
    pub pages: u32,
    pub sources: u32,
    pub utm_each: u32,
    pub cells_per_family: u32,
    pub visitors: u32,
    pub proposals: u32,
}

impl Default for Caps {
    fn default() -> Self {
        Caps {
            pages: 5_000,
            sources: 2_000,
            utm_each: 1_000,
            cells_per_family: 1_000_000,
            visitors: 4_000_000,
            proposals: 200,
        }
    }
}

/// Values that k visitors used on an earlier day: admitted over every cap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownValues {
    pub pages: HashSet<Text>,
    pub sources: HashSet<Text>,
    /// utm_source, utm_medium, utm_campaign, utm_content, utm_term.
    pub campaigns: [HashSet<Text>; 5],
}

/// How much an open day holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gauges {
    pub visitors: u32,
    /// Records of what visitors saw.
    pub seen: u32,
    /// Cells of all families.
    pub cells: usize,
    /// Distinct texts.
    pub texts: usize,
    /// Bytes of the two tables with their indices.
    pub table_bytes: usize,
}

/// See the module.
pub struct OpenDay {
    settings: DaySettings,
    visitors: Visitors,
    seen: SeenTable,
    names: Names,
    pages: PageCells,
    current: DayCells,
    settled: Settled,
    stretch: u8,
    hour: Hour,
    /// Visits begun, by stretch.
    visits: [u64; 32],
    pulse: Pulse,
    proposals: Proposals,
}

impl OpenDay {
    /// Opens a day on regions that are empty, or hold the tables that survived a crash; then the numbers in
    /// them mean what the journal's deltas define, which are to be applied before anything else.
    pub fn new(settings: DaySettings, visitors: Box<dyn Region>, seen: Box<dyn Region>) -> OpenDay {
        let visitors = Visitors::attach(visitors);
        let mut pulse = Pulse::default();
        (0..visitors.len()).for_each(|slot| pulse.hit(visitors.read(slot).last, None, false));
        OpenDay {
            names: Names::new(settings.caps.clone(), settings.known.clone()),
            settled: Settled::empty(settings.day),
            settings,
            visitors,
            seen: SeenTable::attach(seen),
            pages: PageCells::default(),
            current: DayCells::default(),
            stretch: 0,
            hour: Hour(0),
            visits: [0; 32],
            pulse,
            proposals: Proposals::default(),
        }
    }

    /// Takes tables that survived a crash in place of the empty ones of a day whose deltas were just replayed.
    pub fn attach(&mut self, visitors: Box<dyn Region>, seen: Box<dyn Region>) {
        self.visitors = Visitors::attach(visitors);
        self.seen = SeenTable::attach(seen);
        self.pulse = Pulse::default();
        (0..self.visitors.len()).for_each(|slot| self.pulse.hit(self.visitors.read(slot).last, None, false));
    }

    /// Admits these values over every cap from now on. What was counted before stays as it is.
    pub fn know(&mut self, known: Arc<KnownValues>) {
        self.names.know(known.clone());
        self.settings.known = known;
    }

    pub fn settings(&self) -> &DaySettings {
        &self.settings
    }

    /// Whether this visitor-day has begun: its attributes are known.
    pub fn knows(&self, key: VisitorKey) -> bool {
        self.visitors.find(key).is_some()
    }

    /// Counts a hit of which admission noted nothing; see [`OpenDay::tally_arrival`].
    pub fn tally(
        &mut self,
        seq: u64,
        key: VisitorKey,
        described: Option<&Described>,
        hit: &Hit,
        at: Moment,
        funnels: &[Arc<Funnel>],
    ) -> Delta {
        self.tally_arrival(seq, &Arrival { key, described, hit, notes: &[], funnels }, at)
    }

    /// Counts a hit. `seq` is the number that the delta's record will have in the journal.
    pub fn tally_arrival(&mut self, seq: u64, arrival: &Arrival<'_>, at: Moment) -> Delta {
        self.turn(at.stretch, at.hour);
        let tables = Tables {
            visitors: &mut self.visitors,
            seen: &mut self.seen,
            names: &mut self.names,
            caps: &self.settings.caps,
            kept: self.settings.kept,
        };
        let moved = tally(tables, seq, arrival, at);
        let viewed = moved.delta.flow.is_some();
        match moved.hit {
            Some((second, previous)) => self.pulse.hit(second, previous, viewed),
            None if viewed => self.pulse.view(at.second),
            None => {}
        }
        let delta = Delta { stretch: self.stretch, hour: self.hour.0, ..moved.delta };
        #[cfg(feature = "sabotage")]
        let delta = self.names.mix(delta);
        self.count(&delta);
        delta
    }

    /// Counts `n` hits that were dropped, and `n` of each note, in the ledger only.
    pub fn drop_hit(&mut self, outcome: Outcome, notes: &[Note], n: u64) -> Delta {
        let notes: SmallVec<_> = notes.iter().map(|&note| (note, n)).collect();
        self.ledger(Some((outcome, n)), notes)
    }

    /// Notes something that is no hit, `n` times.
    pub fn note(&mut self, note: Note, n: u64) -> Delta {
        self.ledger(None, SmallVec::from_iter([(note, n)]))
    }

    fn ledger(&mut self, outcome: Option<(Outcome, u64)>, notes: SmallVec<[(Note, u64); 2]>) -> Delta {
        let (stretch, hour) = (self.stretch, self.hour.0);
        let delta = Delta { stretch, hour, outcome, notes, ..Delta::default() };
        self.count(&delta);
        delta
    }

    /// Whether a delta could be the next of this day's journal: `apply` is for those only.
    pub fn can_apply(&self, delta: &Delta) -> bool {
        delta.is_possible() && self.names.can_follow(delta)
    }

    /// Replays a delta of this day's journal.
    pub fn apply(&mut self, delta: &Delta) {
        self.turn(delta.stretch, Hour(delta.hour));
        delta.define.iter().for_each(|define| self.names.define(define));
        self.count(delta);
    }

    fn count(&mut self, delta: &Delta) {
        let begun: i64 = delta
            .changes
            .iter()
            .filter(|change| change.group != 0)
            .map(|change| change.amounts.get(Counter::Visits))
            .sum();
        self.visits[usize::from(self.stretch) % 32] += begun.max(0) as u64;
        let mut entry = Entry {
            pages: &mut self.pages,
            current: &mut self.current,
            settled: self.settled.cells(),
            lists: &self.names.lists,
            cap: self.settings.caps.cells_per_family,
        };
        entry.count(delta, |spot| self.names.spot(spot));
    }

    /// The hour turned: what was counted since the last turn is settled. Turning to a stretch that is not
    /// later changes nothing.
    pub fn turn(&mut self, stretch: u8, hour: Hour) {
        if stretch <= self.stretch && !sabotage::on(Sabotage::LiveFamilies) {
            if stretch == 0 && self.current.len() == 0 {
                self.hour = hour;
            }
            return;
        }
        (self.stretch, self.hour) = (stretch, hour);
        self.settled.settle(&mut self.current, &self.pages, self.names.lists.clone(), hour);
    }

    /// Takes the page family's cells and the ledger for a release, sorted by key; they are zero from now on.
    pub fn freeze(&mut self) -> Vec<Row> {
        let pages = std::mem::take(&mut self.pages);
        let rows = Pending::of_pages(self.settings.day, self.names.lists.clone(), pages).into_rows();
        #[cfg(feature = "sabotage")]
        let rows = self.with_attributes(rows);
        rows
    }

    /// Takes what the attribute families counted since this was last called.
    #[cfg(feature = "sabotage")]
    pub(super) fn take_early(&mut self) -> Settled {
        self.turn(self.stretch + 1, self.hour);
        std::mem::replace(&mut self.settled, Settled::empty(self.settings.day))
    }

    /// The page family's cells and the ledger that are in no release yet, and all sources, as of now.
    pub fn live(&self) -> Pending {
        let mut pending = Pending::of_pages(self.settings.day, self.names.lists.clone(), self.pages.clone());
        pending.add_sources(&self.settled.cells().source);
        pending.add_sources(&self.current.source);
        pending
    }

    /// All families as of the last full hour: cheap to take, coarsened by [`Settled::rows`].
    pub fn settled(&self) -> Settled {
        self.settled.clone()
    }

    /// Ends the day: all rows that are left, coarsened. The tables are gone.
    pub fn close(mut self, salt_epochs: u32) -> Closed {
        let lists = self.names.lists.clone();
        self.settled.settle(&mut self.current, &self.pages, lists, self.hour);
        let (settled, k) = (self.settled.clone(), self.settings.k);
        drop(self);
        settled.close(k, salt_epochs)
    }

    /// Visitors of the last 5 minutes, and page views of each of the last 30, newest last.
    pub fn live_visitors(&self, now_second: u32) -> (u32, [u32; 30]) {
        self.pulse.read(now_second)
    }

    pub fn counts(&self) -> Gauges {
        Gauges {
            visitors: self.visitors.len(),
            seen: self.seen.len(),
            cells: self.pages.pages.len()
                + self.pages.events.len()
                + self.current.len()
                + self.settled.cells().len(),
            texts: self.names.lists.texts.len(),
            table_bytes: self.visitors.bytes_used() + self.seen.bytes_used(),
        }
    }

    /// The cells by table and family: those of the last full hour, those since, and pages that are in no release.
    /// What was pending when the hour turned is held once more, for readers.
    pub fn held(&self) -> Vec<Held> {
        let settled = self.settled.cells().held();
        settled.into_iter().chain(self.current.held()).chain(self.pages.held()).collect()
    }

    /// Visits begun in this hour or the one before: what a start without the visitor table forgets at most.
    pub fn visits_maybe_running(&self) -> u64 {
        let now = usize::from(self.stretch) % 32;
        self.visits[now] + if now > 0 { self.visits[now - 1] } else { 0 }
    }

    /// Takes in a text that the site did not declare. In memory only.
    pub fn undeclared(&mut self, key: VisitorKey, what: Undeclared) {
        self.proposals.take(key, what, self.settings.k, self.settings.caps.proposals);
    }

    /// Forgets an undeclared text that has been declared.
    pub fn declared(&mut self, what: &Undeclared) {
        self.proposals.forget(what);
    }

    /// A start forgot who was there: the ledger notes it with the number of `visits` that may have been running,
    /// and none of them runs any more.
    pub fn cut_visits(&mut self, visits: u64) {
        self.note(Note::RestartedWithoutHandover, 1);
        self.forget_visits(visits);
    }

    /// Notes that the visits under way will not be recognised.
    pub fn forget_visits(&mut self, visits: u64) {
        self.note(Note::VisitsForgotten, visits);
        self.visits = [0; 32];
    }

    /// Undeclared texts that k visitors sent.
    pub fn proposals(&self) -> Vec<Proposal> {
        self.proposals.told(self.settings.k)
    }
}
