//! The naive recount: keeps every hit and counts from scratch, visit by visit, what docs/COUNTING.md says.
//!
//! Nothing here is incremental: a visit is taken whole, its exit is its last page, its bounce is the absence of
//! a second view. It must stay slow and obvious.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use crate::domain::{
    CONTINUED, NONE, OTHER, Text, UNDECLARED,
    attributes::Described,
    day::{Day, Hour, Moment},
    declaration::Funnel,
    hit::{Hit, HitKind},
    outcome::{Note, Outcome},
    row::{Family, Row, Table},
};

use super::walk;

/// One hit that passed admission, as it arrived.
#[derive(Clone, Debug)]
pub struct Arrival {
    pub moment: Moment,
    /// Whose hit it is: any number that is the same for the same address and user agent on this day.
    pub visitor: u64,
    pub described: Described,
    pub hit: Hit,
}

/// Most distinct values of a site-day.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub pages: usize,
    pub sources: usize,
    pub utm_each: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { pages: 5000, sources: 2000, utm_each: 1000 }
    }
}

/// Values that are admitted beyond the limits.
#[derive(Clone, Debug, Default)]
pub struct Known {
    pub pages: BTreeSet<Text>,
    pub sources: BTreeSet<Text>,
    pub campaigns: [BTreeSet<Text>; 5],
}

/// Everything that arrived for one site-day.
#[derive(Clone, Debug)]
pub struct Truth {
    pub day: Day,
    pub funnels: Vec<Arc<Funnel>>,
    pub limits: Limits,
    pub known: Known,
    arrivals: Vec<Arrival>,
    dropped: Vec<Outcome>,
    noted: Vec<Note>,
}

/// A counted line: which table and family, its hour where it has one, its keys.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Line {
    pub table: Table,
    pub family: Family,
    pub hour: Option<Hour>,
    pub keys: Vec<Text>,
}

/// Lines with their counters, in the order of [`Table::counters`]; none is all zero.
pub type Lines = BTreeMap<Line, Vec<i64>>;

/// The lines of rows; rows with the same key are added, rows of zeros left out.
pub fn lines_of<'a>(rows: impl IntoIterator<Item = &'a Row>) -> Lines {
    let mut lines = Lines::new();
    for row in rows {
        let line = Line { table: row.table, family: row.family, hour: row.hour, keys: row.keys.to_vec() };
        add(&mut lines, line, &row.counts);
    }
    lines.retain(|_, counts| counts.iter().any(|&n| n != 0));
    lines
}

/// Adds counters to a line.
pub(super) fn add(lines: &mut Lines, line: Line, counts: &[i64]) {
    let sums = lines.entry(line).or_insert_with(|| vec![0; counts.len()]);
    for (sum, n) in sums.iter_mut().zip(counts) {
        *sum += n;
    }
}

impl Truth {
    pub fn new(day: Day, funnels: Vec<Arc<Funnel>>) -> Truth {
        Truth {
            day,
            funnels,
            limits: Limits::default(),
            known: Known::default(),
            arrivals: Vec::new(),
            dropped: Vec::new(),
            noted: Vec::new(),
        }
    }

    /// Keeps a hit that passed admission. Hits come in the order of arrival.
    pub fn arrive(&mut self, arrival: Arrival) {
        self.arrivals.push(arrival);
    }

    /// Keeps the outcome of a hit that admission dropped.
    pub fn drop_hit(&mut self, outcome: Outcome) {
        self.dropped.push(outcome);
    }

    /// Keeps a note that admission made.
    pub fn note(&mut self, note: Note) {
        self.noted.push(note);
    }

    /// How many hits were kept.
    pub fn received(&self) -> usize {
        self.arrivals.len() + self.dropped.len()
    }

    /// Counts the whole day.
    pub fn recount(&self) -> Recount {
        self.recount_where(|_| true)
    }

    /// Counts the hits that arrived before a stretch began.
    pub fn recount_before(&self, stretch: u8) -> Recount {
        self.recount_where(|arrival| arrival.moment.stretch < stretch)
    }

    fn recount_where(&self, taken: impl Fn(&Arrival) -> bool) -> Recount {
        let mut by_visitor: BTreeMap<u64, Vec<(usize, Arrival)>> = BTreeMap::new();
        for (order, arrival) in self.arrivals.iter().enumerate().filter(|(_, arrival)| taken(arrival)) {
            by_visitor.entry(arrival.visitor).or_default().push((order, arrival.clone()));
        }
        let mut recount = Recount { day: Some(self.day), ..Recount::default() };
        recount.outcomes = count(self.dropped.iter().copied());
        recount.notes = count(self.noted.iter().copied());
        let mut visits = Vec::new();
        for (visitor, hits) in by_visitor {
            let split = walk::visits_of(visitor, hits);
            *recount.outcomes.entry(Outcome::NoVisit).or_default() += split.refused;
            *recount.outcomes.entry(Outcome::Accepted).or_default() +=
                split.visits.iter().map(|visit| visit.hits.len() as u64).sum::<u64>();
            visits.push(split.visits);
        }
        recount.outcomes.retain(|_, n| *n > 0);
        self.cap(&mut visits, &mut recount.notes);
        for visits in &visits {
            walk::count_visitor(visits, &self.funnels, &mut recount);
        }
        recount.notes.retain(|_, n| *n > 0);
        recount
    }

    /// Replaces values over the limits, first come, first served.
    fn cap(&self, visitors: &mut [Vec<walk::Visit>], notes: &mut BTreeMap<Note, u64>) {
        let mut places: Vec<(usize, usize, usize, usize)> = Vec::new();
        for (i, visits) in visitors.iter().enumerate() {
            for (j, visit) in visits.iter().enumerate() {
                for (l, hit) in visit.hits.iter().enumerate() {
                    places.push((hit.order, i, j, l));
                }
            }
        }
        places.sort();
        let mut pages = Claims::new(self.limits.pages, &self.known.pages);
        let mut sources = Claims::new(self.limits.sources, &self.known.sources);
        let mut campaigns: Vec<Claims> =
            self.known.campaigns.iter().map(|known| Claims::new(self.limits.utm_each, known)).collect();
        let mut values: HashMap<(Text, Text), Claims> = HashMap::new();
        for (_, i, j, l) in places {
            let visit = &mut visitors[i][j];
            if l == 0 {
                let fields = &mut visit.attributes.0;
                note(notes, Note::SourceCapped, sources.claim(&mut fields[1]));
                let mut capped = false;
                for (at, claims) in campaigns.iter_mut().enumerate() {
                    capped |= claims.claim(&mut fields[2 + at]);
                }
                note(notes, Note::CampaignCapped, capped);
            }
            let hit = &mut visit.hits[l].hit;
            if let Some(page) = &mut hit.page {
                note(notes, Note::PathCapped, pages.claim(page));
            }
            if let HitKind::Event(event) = &mut hit.kind {
                for property in &mut event.properties {
                    let Some(cap) = property.cap else { continue };
                    let key = (event.name.clone(), property.property.clone());
                    let claims =
                        values.entry(key).or_insert_with(|| Claims::new(cap as usize, &BTreeSet::new()));
                    note(notes, Note::ValueCapped, claims.claim(&mut property.value));
                }
            }
        }
    }
}

fn note(notes: &mut BTreeMap<Note, u64>, note: Note, capped: bool) {
    if capped {
        *notes.entry(note).or_default() += 1;
    }
}

fn count<T: Ord>(items: impl Iterator<Item = T>) -> BTreeMap<T, u64> {
    let mut counts = BTreeMap::new();
    for item in items {
        *counts.entry(item).or_default() += 1;
    }
    counts
}

/// Distinct values that came first.
struct Claims {
    cap: usize,
    known: BTreeSet<Text>,
    claimed: BTreeSet<Text>,
}

impl Claims {
    fn new(cap: usize, known: &BTreeSet<Text>) -> Claims {
        Claims { cap, known: known.clone(), claimed: BTreeSet::new() }
    }

    /// Claims a value, or makes it `(other)` where there is no room; whether it was over the cap.
    fn claim(&mut self, value: &mut Text) -> bool {
        if is_mark(value) || self.claimed.contains(value) {
            return false;
        }
        let free = self.known.contains(value) || self.claimed.len() < self.cap;
        match free {
            true => drop(self.claimed.insert(value.clone())),
            false => *value = OTHER.into(),
        }
        !free
    }
}

/// Marks are not values: they claim no room.
fn is_mark(value: &Text) -> bool {
    [NONE, OTHER, UNDECLARED, CONTINUED].contains(&&**value)
}

/// What a day adds up to before anything is made coarser.
#[derive(Clone, Debug, Default)]
pub struct Recount {
    pub day: Option<Day>,
    pub facts: Vec<Fact>,
    pub outcomes: BTreeMap<Outcome, u64>,
    pub notes: BTreeMap<Note, u64>,
}

/// One addition to one counter.
#[derive(Clone, Debug)]
pub struct Fact {
    pub visitor: u64,
    pub visit: crate::domain::attributes::VisitAttributes,
    pub described: Described,
    pub hour: Hour,
    pub what: What,
}

/// Which page-like cells a page fact belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The page itself: families page, visit, language.
    Page,
    /// A section that the page is in: families page and visit.
    Section,
    /// The page's first section, else the page: families place and device.
    Group,
}

#[derive(Clone, Debug)]
pub enum What {
    /// `counter` is an index into the counters of `pages`.
    Page {
        scope: Scope,
        kind: &'static str,
        label: Text,
        counter: usize,
        n: i64,
    },
    /// Counters in the order of the table `events`.
    Event {
        key: [Text; 4],
        page: Text,
        sections: Vec<Text>,
        counts: [i64; 4],
    },
    Flow {
        from: Text,
        to: Text,
    },
    Funnel {
        name: Text,
        step: usize,
    },
}
