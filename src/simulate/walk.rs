//! From a visitor's hits to visits, and from visits to counted facts; the middle of [`super::truth`].

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::domain::{
    ENTRY, NONE, Text,
    attributes::{Described, VisitAttributes},
    counters::Counter,
    day::Hour,
    declaration::{Funnel, Step},
    hit::{EventHit, Hit, HitKind},
    outcome::Note,
    row::{KIND_PAGE, KIND_SECTION},
};

use super::truth::{Arrival, Fact, Recount, Scope, What};

/// A visit goes on for this long after each hit, inclusive.
const VISIT_GAP_S: u32 = 1800;

/// The hits of one visitor with gaps of at most half an hour.
pub struct Visit {
    pub visitor: u64,
    pub described: Described,
    pub attributes: VisitAttributes,
    pub hits: Vec<Timed>,
}

/// A hit of a visit with its time, which never goes back.
pub struct Timed {
    /// Its place in the order of arrival of the whole day.
    pub order: usize,
    pub second: u32,
    pub hour: Hour,
    /// The page before any cap made it `(other)`: funnels are declared, so their pages are known.
    pub page: Option<Text>,
    pub hit: Hit,
}

pub struct Split {
    pub visits: Vec<Visit>,
    /// Engagement without a running visit.
    pub refused: u64,
}

/// Splits one visitor's hits into visits.
pub fn visits_of(visitor: u64, hits: Vec<(usize, Arrival)>) -> Split {
    let mut split = Split { visits: Vec::new(), refused: 0 };
    let mut described = None;
    let mut latest: Option<(u32, Hour)> = None;
    for (order, arrival) in hits {
        let now = (arrival.moment.second, arrival.moment.hour);
        let (second, hour) = latest.filter(|latest| latest.0 > now.0).unwrap_or(now);
        let running = latest.is_some_and(|latest| second - latest.0 <= VISIT_GAP_S);
        if !running && matches!(arrival.hit.kind, HitKind::Engagement { .. }) {
            split.refused += 1;
            continue;
        }
        latest = Some((second, hour));
        let described = described.get_or_insert(arrival.described).clone();
        let timed = Timed { order, second, hour, page: arrival.hit.page.clone(), hit: arrival.hit };
        match split.visits.last_mut() {
            Some(visit) if running => visit.hits.push(timed),
            _ => {
                let attributes = timed.hit.visit.clone();
                split.visits.push(Visit { visitor, described, attributes, hits: vec![timed] });
            }
        }
    }
    split
}

/// Pages and sections that were seen.
type Seen = BTreeSet<(&'static str, Text)>;

/// Where a page fact goes: the page, its sections, its group.
struct Where {
    page: Text,
    sections: Vec<Text>,
}

impl Where {
    fn of(hit: &Hit) -> Where {
        Where {
            page: hit.page.clone().unwrap_or_else(|| NONE.into()),
            sections: hit.sections.iter().cloned().collect(),
        }
    }

    fn group(&self) -> (&'static str, Text) {
        match self.sections.first() {
            Some(section) => (KIND_SECTION, section.clone()),
            None => (KIND_PAGE, self.page.clone()),
        }
    }

    /// All page-like cells of this page.
    fn cells(&self) -> Vec<(Scope, &'static str, Text)> {
        let mut cells = vec![(Scope::Page, KIND_PAGE, self.page.clone())];
        cells.extend(self.sections.iter().map(|one| (Scope::Section, KIND_SECTION, one.clone())));
        let (kind, label) = self.group();
        cells.push((Scope::Group, kind, label));
        cells
    }
}

/// Counts all visits of one visitor-day.
pub fn count_visitor(visits: &[Visit], funnels: &[Arc<Funnel>], recount: &mut Recount) {
    let mut seen_in_day = Seen::new();
    let mut events_in_day = BTreeSet::new();
    for (number, visit) in visits.iter().enumerate() {
        let mut counting = Counting { visit, recount };
        counting.beginning(number == 0);
        counting.exit();
        counting.views(&mut seen_in_day);
        counting.engagement();
        counting.scrolling();
        counting.events(&mut events_in_day);
        counting.funnels(funnels);
    }
}

struct Counting<'a> {
    visit: &'a Visit,
    recount: &'a mut Recount,
}

impl Counting<'_> {
    fn fact(&mut self, hour: Hour, what: What) {
        self.recount.facts.push(Fact {
            visitor: self.visit.visitor,
            visit: self.visit.attributes.clone(),
            described: self.visit.described.clone(),
            hour,
            what,
        });
    }

    fn page(&mut self, hour: Hour, cell: (Scope, &'static str, Text), counter: Counter, n: i64) {
        let (scope, kind, label) = cell;
        if n != 0 {
            self.fact(hour, What::Page { scope, kind, label, counter: counter as usize, n });
        }
    }

    fn views_of(&self) -> Vec<usize> {
        let hits = &self.visit.hits;
        (0..hits.len()).filter(|&at| matches!(hits[at].hit.kind, HitKind::View)).collect()
    }

    /// visitors, visits, bounces and visit_seconds, in the entry cell.
    fn beginning(&mut self, first: bool) {
        let visit = self.visit;
        let entry = &visit.hits[0];
        let acted = visit.hits.iter().any(|one| match &one.hit.kind {
            HitKind::Event(event) => event.interactive,
            _ => false,
        });
        let bounced = self.views_of().len() < 2 && !acted;
        let seconds = visit.hits.last().map_or(0, |last| last.second - entry.second);
        for cell in Where::of(&entry.hit).cells() {
            self.page(entry.hour, cell.clone(), Counter::Visitors, i64::from(first));
            self.page(entry.hour, cell.clone(), Counter::Visits, 1);
            self.page(entry.hour, cell.clone(), Counter::Bounces, i64::from(bounced));
            self.page(entry.hour, cell, Counter::VisitSeconds, i64::from(seconds));
        }
    }

    /// One exit: in the hour from which on the last page, or section, stayed the last.
    fn exit(&mut self) {
        let hits = &self.visit.hits;
        let mut stations: Vec<(Hour, Where)> = vec![(hits[0].hour, Where::of(&hits[0].hit))];
        stations.extend(self.views_of().into_iter().map(|at| (hits[at].hour, Where::of(&hits[at].hit))));
        let last: Vec<_> = stations.last().map(|(_, last)| last.cells()).unwrap_or_default();
        for cell in last {
            let stayed = stations.iter().rev().take_while(|(_, one)| one.cells().contains(&cell));
            let hour = stayed.last().map(|(hour, _)| *hour);
            self.page(hour.unwrap_or(hits[0].hour), cell, Counter::Exits, 1);
        }
    }

    /// pageviews, page_visitors, page_visits, and the flows between them.
    fn views(&mut self, seen_in_day: &mut Seen) {
        let visit = self.visit;
        let mut seen_in_visit = Seen::new();
        let mut from: Text = ENTRY.into();
        for at in self.views_of() {
            let view = &visit.hits[at];
            let place = Where::of(&view.hit);
            // A group is met when its section is, or else its page.
            let mut met: BTreeMap<(&str, Text), (bool, bool)> = BTreeMap::new();
            for cell in place.cells() {
                let key = (cell.1, cell.2.clone());
                let (in_day, in_visit) = *met
                    .entry(key.clone())
                    .or_insert_with(|| (seen_in_day.insert(key.clone()), seen_in_visit.insert(key)));
                self.page(view.hour, cell.clone(), Counter::Pageviews, 1);
                self.page(view.hour, cell.clone(), Counter::PageVisitors, i64::from(in_day));
                self.page(view.hour, cell, Counter::PageVisits, i64::from(in_visit));
            }
            self.fact(view.hour, What::Flow { from: from.clone(), to: place.page.clone() });
            from = place.page;
        }
    }

    /// engaged_seconds: of each view of a page, its reports until the page's next view, at most the time since.
    fn engagement(&mut self) {
        let visit = self.visit;
        for view_at in self.views_of() {
            let view = &visit.hits[view_at];
            let (mut reported_ms, mut counted_s) = (0_i64, 0_i64);
            for report in &visit.hits[view_at + 1..] {
                if report.hit.page != view.hit.page {
                    continue;
                }
                match report.hit.kind {
                    HitKind::View => break,
                    HitKind::Event(_) => {}
                    HitKind::Engagement { engaged_ms, .. } => {
                        reported_ms += i64::from(engaged_ms);
                        let elapsed_ms = i64::from(report.second - view.second) * 1000;
                        let seconds = reported_ms.min(elapsed_ms) / 1000;
                        for cell in Where::of(&report.hit).cells() {
                            self.page(report.hour, cell, Counter::EngagedSeconds, seconds - counted_s);
                        }
                        counted_s = seconds;
                    }
                }
            }
        }
    }

    /// scroll_views and scroll_percent: the deepest scroll of each page, and of each section, as it deepens.
    fn scrolling(&mut self) {
        let visit = self.visit;
        let mut deepest: BTreeMap<(bool, Text), i64> = BTreeMap::new();
        for (at, report) in visit.hits.iter().enumerate() {
            let HitKind::Engagement { scroll: Some(depth), .. } = report.hit.kind else { continue };
            let viewed = visit.hits[..at]
                .iter()
                .any(|one| matches!(one.hit.kind, HitKind::View) && one.hit.page == report.hit.page);
            if !viewed {
                continue;
            }
            let depth = i64::from(depth);
            let place = Where::of(&report.hit);
            let first_of_page = !deepest.contains_key(&(false, place.page.clone()));
            let deeper = deepen(&mut deepest, (false, place.page.clone()), depth);
            let page_cells = place.cells().into_iter().filter(|(scope, ..)| *scope != Scope::Section);
            for cell in page_cells {
                self.page(report.hour, cell.clone(), Counter::ScrollViews, i64::from(first_of_page));
                self.page(report.hour, cell, Counter::ScrollPercent, deeper);
            }
            let came_into = |section: &Text| {
                visit.hits[..at]
                    .iter()
                    .any(|one| matches!(one.hit.kind, HitKind::View) && one.hit.sections.contains(section))
            };
            for section in place.sections.iter().filter(|section| came_into(section)) {
                let key = (true, section.clone());
                let first = !deepest.contains_key(&key);
                let deeper = deepen(&mut deepest, key, depth);
                let cell = (Scope::Section, KIND_SECTION, section.clone());
                self.page(report.hour, cell.clone(), Counter::ScrollViews, i64::from(first));
                self.page(report.hour, cell, Counter::ScrollPercent, deeper);
            }
        }
    }

    fn events(&mut self, in_day: &mut BTreeSet<[Text; 3]>) {
        let visit = self.visit;
        let mut in_visit = BTreeSet::new();
        for at in 0..visit.hits.len() {
            let one = &visit.hits[at];
            let HitKind::Event(event) = &one.hit.kind else { continue };
            if repeats(visit, at) {
                *self.recount.notes.entry(Note::EventRepeated).or_default() += 1;
                continue;
            }
            let empty: Text = "".into();
            let (currency, value) = event.value.clone().unwrap_or((empty.clone(), 0));
            let mut cells = vec![([event.name.clone(), empty.clone(), empty.clone()], currency, value)];
            for property in &event.properties {
                let key = [event.name.clone(), property.property.clone(), property.value.clone()];
                cells.push((key, empty.clone(), 0));
            }
            for (key, currency, value) in cells {
                let first_in_day = in_day.insert(key.clone());
                let first_in_visit = in_visit.insert(key.clone());
                let [name, property, text] = key;
                let place = Where::of(&one.hit);
                self.fact(
                    one.hour,
                    What::Event {
                        key: [name, property, text, currency],
                        page: place.page,
                        sections: place.sections,
                        counts: [1, i64::from(first_in_day), i64::from(first_in_visit), value],
                    },
                );
            }
        }
    }

    /// Each funnel on its own: walk the visit, take a step when the next one is reached.
    fn funnels(&mut self, funnels: &[Arc<Funnel>]) {
        let visit = self.visit;
        for funnel in funnels {
            let mut taken = 0;
            for (at, one) in visit.hits.iter().enumerate() {
                if repeats(visit, at) {
                    continue;
                }
                if funnel.steps.get(taken).is_some_and(|step| reaches(step, one)) {
                    taken += 1;
                    self.fact(one.hour, What::Funnel { name: funnel.name.clone(), step: taken });
                }
            }
        }
    }
}

fn deepen(deepest: &mut BTreeMap<(bool, Text), i64>, key: (bool, Text), depth: i64) -> i64 {
    let before = deepest.get(&key).copied().unwrap_or(0);
    deepest.insert(key, before.max(depth));
    (depth - before).max(0)
}

/// Whether a hit is an event that counts once a visit and came before in this one.
fn repeats(visit: &Visit, at: usize) -> bool {
    let said = |event: &EventHit| {
        let mut values: Vec<_> =
            event.properties.iter().map(|one| (one.property.clone(), one.value.clone())).collect();
        values.sort();
        (event.name.clone(), values)
    };
    let HitKind::Event(event) = &visit.hits[at].hit.kind else { return false };
    event.once_a_visit
        && visit.hits[..at].iter().any(|one| match &one.hit.kind {
            HitKind::Event(earlier) => said(earlier) == said(event),
            _ => false,
        })
}

fn reaches(step: &Step, one: &Timed) -> bool {
    match (step, &one.hit.kind) {
        (Step::Event(name), HitKind::Event(event)) => event.name == *name,
        (Step::Section(pattern), HitKind::View) => one.hit.sections.contains(pattern),
        (Step::Page(page), HitKind::View) => one.page.as_ref().is_some_and(|label| {
            label == page
                || (page.starts_with('/') && label.find('/').is_some_and(|at| label[at..] == **page))
        }),
        _ => false,
    }
}
