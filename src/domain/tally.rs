//! Tally: one hit moves its visitor's state and says what that changes (`Delta`). Cells are not touched here.
//!
//! The rules are those of docs/COUNTING.md. No clock: the moment comes in.

use std::sync::Arc;

use smallvec::SmallVec;

use super::{
    NONE, Text,
    attributes::Described,
    counters::Counter,
    day::Moment,
    declaration::{Funnel, Kept, Step},
    hit::{EventHit, Hit, HitKind, VisitorKey},
    names::{Fresh, Names, PAGE_ENTRY, Spot},
    outcome::{Note, Outcome},
    recognise::{fingerprint, is_viewed},
    visitors::{Seen, SeenTable, Visitor, Visitors, What},
};

use super::delta::{EventChange, Flow, Who};
pub use super::{
    cells::Held,
    delta::Delta,
    open_day::{Caps, DaySettings, Gauges, KnownValues, OpenDay},
    proposals::{Proposal, Undeclared},
    snapshot::{Closed, Pending, Settled},
};

/// Longest gap between two hits of one visit, in seconds.
pub const VISIT_GAP_SECONDS: u32 = 30 * 60;

/// Most records of what was seen, for each visitor-day that may be.
const SEEN_PER_VISITOR: u32 = 16;

/// An admitted hit with whose it is.
#[derive(Clone, Copy)]
pub struct Arrival<'a> {
    pub key: VisitorKey,
    /// Needed where the key is not known yet; without it the visitor-day's attributes are `(none)`.
    pub described: Option<&'a Described>,
    pub hit: &'a Hit,
    /// What admission noted.
    pub notes: &'a [Note],
    pub funnels: &'a [Arc<Funnel>],
}

/// The tables that a tally moves.
pub(super) struct Tables<'a> {
    pub visitors: &'a mut Visitors,
    pub seen: &'a mut SeenTable,
    pub names: &'a mut Names,
    pub caps: &'a Caps,
    pub kept: Kept,
}

/// One hit on its way through the tables.
struct Tally<'a> {
    tables: Tables<'a>,
    seq: u64,
    at: Moment,
    slot: u32,
    visitor: Visitor,
    /// Whether the hit begins the visitor-day.
    begins_day: bool,
    /// Whether the hit begins a visit.
    begins_visit: bool,
    spot: u32,
    here: Spot,
    fresh: Fresh,
    delta: Delta,
}

/// What the tables say about a page-like or an event before this hit.
struct Sight {
    first_of_visitor: bool,
    first_of_visit: bool,
}

/// Second of the visitor's previous hit, for the driver's counts of who is there.
pub(super) struct Moved {
    pub delta: Delta,
    /// (second of the hit as counted, second of the previous hit).
    pub hit: Option<(u32, Option<u32>)>,
}

/// Moves the tables by one hit.
pub(super) fn tally(tables: Tables<'_>, seq: u64, arrival: &Arrival<'_>, at: Moment) -> Moved {
    let known = tables.visitors.find(arrival.key);
    let previous = known.map(|(_, visitor)| visitor.last);
    let at = match known {
        Some((_, visitor)) => never_back(at, &visitor),
        None => at,
    };
    let running = previous.is_some_and(|last| at.second - last <= VISIT_GAP_SECONDS);
    if matches!(arrival.hit.kind, HitKind::Engagement { .. }) && !running {
        return Moved { delta: refused(arrival), hit: None };
    }
    let room = known.is_some() || tables.visitors.len() < tables.caps.visitors;
    let slot = match known {
        Some((slot, _)) => Ok(slot),
        None if room => tables.visitors.reserve(),
        None => Err(std::io::ErrorKind::StorageFull.into()),
    };
    let visitor = known.map_or_else(|| Visitor::new(arrival.key), |(_, visitor)| visitor);
    let mut tally = Tally {
        tables,
        seq,
        at,
        slot: *slot.as_ref().unwrap_or(&u32::MAX),
        visitor,
        begins_day: known.is_none(),
        begins_visit: !running,
        spot: 0,
        here: Spot { page: 0, sections: SmallVec::new() },
        fresh: Fresh::default(),
        delta: Delta::default(),
    };
    tally.arrive(arrival.hit);
    let hit = match slot {
        Ok(_) => {
            tally.count(arrival);
            Some((at.second, previous))
        }
        Err(_) => {
            tally.count_without_visitor(arrival.hit);
            None
        }
    };
    Moved { delta: tally.finish(arrival), hit }
}

/// A visitor's time never goes back.
fn never_back(at: Moment, visitor: &Visitor) -> Moment {
    if at.second >= visitor.last {
        return at;
    }
    Moment { second: visitor.last, hour: super::day::Hour(visitor.last_hour), stretch: at.stretch }
}

fn refused(arrival: &Arrival<'_>) -> Delta {
    let mut delta = Delta { outcome: Some((Outcome::NoVisit, 1)), ..Delta::default() };
    arrival.notes.iter().for_each(|&note| delta.note(note, 1));
    delta
}

impl Tally<'_> {
    fn hour(&self) -> u8 {
        self.at.hour.0
    }

    fn arrive(&mut self, hit: &Hit) {
        #[cfg(feature = "sabotage")]
        let hit = &super::mixed::traced(hit, self.slot);
        self.spot = self.tables.names.spot_of(hit.page.as_ref(), &hit.sections, &mut self.fresh);
        self.here = self.tables.names.spot(self.spot);
    }

    fn finish(mut self, arrival: &Arrival<'_>) -> Delta {
        self.delta.outcome = Some((Outcome::Accepted, 1));
        self.delta.define = self.fresh.define;
        for note in self.fresh.notes.iter().chain(arrival.notes) {
            self.delta.note(*note, 1);
        }
        self.delta
    }

    fn count(&mut self, arrival: &Arrival<'_>) {
        if self.begins_day {
            self.describe(arrival.described);
        }
        match self.begins_visit {
            true => self.begin_visit(arrival.hit),
            false => self.extend_visit(),
        }
        match &arrival.hit.kind {
            HitKind::View => self.view(arrival),
            HitKind::Event(event) => self.event(event, arrival.funnels),
            &HitKind::Engagement { scroll, engaged_ms } => self.engage(scroll, engaged_ms),
        }
        self.visitor.last = self.at.second;
        self.visitor.last_hour = self.hour();
        let Visitor { visit_label: visit, place, device, language, .. } = self.visitor;
        self.delta.who = Who { visit, place, device, language };
        self.tables.visitors.put(self.seq, self.slot, &self.visitor);
    }

    fn describe(&mut self, described: Option<&Described>) {
        let described = keep(self.tables.kept, described);
        let names = &mut *self.tables.names;
        self.visitor.place = names.place(&described.place.0, &mut self.fresh);
        self.visitor.device = names.device(&described.device.0, &mut self.fresh);
        self.visitor.language = names.language(&described.language.0, &mut self.fresh);
    }

    fn begin_visit(&mut self, hit: &Hit) {
        let hour = self.hour();
        let visitor = &mut self.visitor;
        visitor.visit = visitor.visit.saturating_add(1);
        visitor.visit_label = self.tables.names.visit(&hit.visit, &mut self.fresh);
        (visitor.entry, visitor.entry_hour) = (self.spot, hour);
        (visitor.exit, visitor.exit_hour) = (self.spot, hour);
        (visitor.viewed, visitor.views, visitor.bounce_ended) = (0, 0, false);
        if self.begins_day {
            self.add_here(Counter::Visitors, 1);
        }
        self.add_here(Counter::Visits, 1);
        self.add_here(Counter::Bounces, 1);
        self.add_here(Counter::Exits, 1);
        for section in self.here.sections.clone() {
            self.put_exit_hour(section);
        }
    }

    fn extend_visit(&mut self) {
        let seconds = (self.at.second - self.visitor.last) as i32;
        self.add_at_entry(Counter::VisitSeconds, seconds);
    }

    /// Adds to the page of the hit and to its sections, in its hour.
    fn add_here(&mut self, counter: Counter, n: i32) {
        let hour = self.hour();
        add(&mut self.delta, &self.here, hour, counter, n);
    }

    /// Adds to the cell in which the visit began.
    fn add_at_entry(&mut self, counter: Counter, n: i32) {
        let entry = self.tables.names.spot(self.visitor.entry);
        add(&mut self.delta, &entry, self.visitor.entry_hour, counter, n);
    }

    fn end_bounce(&mut self) {
        if !self.visitor.bounce_ended {
            self.visitor.bounce_ended = true;
            self.add_at_entry(Counter::Bounces, -1);
        }
    }

    fn view(&mut self, arrival: &Arrival<'_>) {
        self.move_exit();
        self.visitor.views = (self.visitor.views + 1).min(2);
        if self.visitor.views == 2 {
            self.end_bounce();
        }
        self.add_here(Counter::Pageviews, 1);
        let (hour, here) = (self.hour(), self.here.clone());
        self.sight_page(here.page, here.group(), hour);
        for &section in &here.sections {
            let group = if section == here.group() { section } else { 0 };
            self.sight_page(section, group, hour);
        }
        let from = if self.visitor.viewed == 0 { PAGE_ENTRY } else { self.visitor.viewed };
        let first_of_visitor = self.see(What::Flow, from, here.page).first_of_visitor;
        self.delta.flow = Some(Flow { from, to: here.page, first_of_visitor });
        self.visitor.viewed = here.page;
        self.advance(arrival.funnels, |step| is_viewed(step, arrival.hit));
    }

    /// Puts the visit's exit on the page of this hit, and on the sections that it enters.
    fn move_exit(&mut self) {
        if self.visitor.exit == self.spot {
            return;
        }
        let (left, hour) = (self.tables.names.spot(self.visitor.exit), self.hour());
        let same_page = left.page == self.here.page;
        let exit_hour = if same_page { self.visitor.exit_hour } else { hour };
        if !same_page || left.group() != self.here.group() {
            self.delta.add(self.visitor.exit_hour, left.page, left.group(), Counter::Exits, -1);
            self.delta.add(exit_hour, self.here.page, self.here.group(), Counter::Exits, 1);
        }
        for &section in left.sections.iter().filter(|section| !self.here.sections.contains(section)) {
            let seen = self.tables.seen.find(self.slot, What::Page, section, 0);
            let put_in = seen.map_or(self.visitor.exit_hour, |(_, seen)| seen.exit_hour);
            self.delta.add(put_in, section, 0, Counter::Exits, -1);
        }
        for section in self.here.sections.clone() {
            if !left.sections.contains(&section) {
                self.delta.add(hour, section, 0, Counter::Exits, 1);
                self.put_exit_hour(section);
            }
        }
        (self.visitor.exit, self.visitor.exit_hour) = (self.spot, exit_hour);
    }

    /// Remembers in which hour the visit's exit was put on a section.
    fn put_exit_hour(&mut self, section: u32) {
        let hour = self.hour();
        let (at, mut seen) = self.recall(What::Page, section, 0);
        seen.exit_hour = hour;
        self.remember(at, &seen);
    }

    /// A page or section comes into view.
    fn sight_page(&mut self, page: u32, group: u32, hour: u8) {
        let (at, mut seen) = self.recall(What::Page, page, 0);
        let before = seen.visit;
        if before != self.visitor.visit {
            seen.scroll = 0;
        }
        seen.visit = self.visitor.visit;
        (seen.began, seen.engaged_ms, seen.b) = (self.at.second, 0, 0);
        if !self.remember(at, &seen) {
            return;
        }
        if before == 0 {
            self.delta.add(hour, page, group, Counter::PageVisitors, 1);
        }
        if before != self.visitor.visit {
            self.delta.add(hour, page, group, Counter::PageVisits, 1);
        }
    }

    /// Whether this visitor and this visit meet something for the first time; from now on they have.
    fn see(&mut self, what: What, a: u32, b: u32) -> Sight {
        let (at, mut seen) = self.recall(what, a, b);
        let before = seen.visit;
        if before == self.visitor.visit {
            return Sight { first_of_visitor: false, first_of_visit: false };
        }
        seen.visit = self.visitor.visit;
        let remembered = self.remember(at, &seen);
        Sight { first_of_visitor: remembered && before == 0, first_of_visit: remembered }
    }

    fn recall(&self, what: What, a: u32, b: u32) -> (Option<u32>, Seen) {
        match self.tables.seen.find(self.slot, what, a, b) {
            Some((at, seen)) => (Some(at), seen),
            None => (None, Seen::new(self.slot, what, a, b)),
        }
    }

    /// Says whether there was room. What cannot be remembered is no first time: a crowd never counts one
    /// visitor twice.
    fn remember(&mut self, at: Option<u32>, seen: &Seen) -> bool {
        let tables = &mut self.tables;
        let room = tables.seen.len() / SEEN_PER_VISITOR < tables.caps.visitors.max(4096);
        let done = match at {
            Some(at) => {
                tables.seen.put(self.seq, at, seen);
                true
            }
            None => room && tables.seen.add(self.seq, seen).is_ok(),
        };
        if !done {
            self.fresh.notes.push(Note::VisitorsCapped);
        }
        done
    }

    fn event(&mut self, event: &EventHit, funnels: &[Arc<Funnel>]) {
        if event.interactive {
            self.end_bounce();
        }
        if event.once_a_visit {
            let (a, b) = fingerprint(event);
            if !self.see(What::Once, a, b).first_of_visit {
                self.fresh.notes.push(Note::EventRepeated);
                return;
            }
        }
        self.event_cells(event);
        self.advance(funnels, |step| matches!(step, Step::Event(name) if *name == event.name));
    }

    fn event_cells(&mut self, event: &EventHit) {
        let (currency, value) = event.value.as_ref().map_or(("", 0), |(currency, n)| (&**currency, *n));
        let own = self.tables.names.event(&event.name, currency, &mut self.fresh);
        let name = self.tables.names.text(&event.name, &mut self.fresh);
        self.event_cell(own, (name, u32::MAX), value);
        for property in &event.properties {
            let cell = self.tables.names.event_value(&event.name, property, &mut self.fresh);
            self.event_cell(cell, (name, cell), 0);
        }
    }

    fn event_cell(&mut self, event: u32, seen_as: (u32, u32), value: i64) {
        let Sight { first_of_visitor, first_of_visit } = match self.slot {
            u32::MAX => Sight { first_of_visitor: false, first_of_visit: false },
            _ => self.see(What::Event, seen_as.0, seen_as.1),
        };
        let (hour, spot) = (self.hour(), self.spot);
        self.delta.events.push(EventChange { hour, event, spot, first_of_visitor, first_of_visit, value });
    }

    /// Engagement counts only for a page that was viewed in this visit.
    fn engage(&mut self, scroll: Option<u8>, engaged_ms: u32) {
        let (at, mut seen) = self.recall(What::Page, self.here.page, 0);
        if seen.visit != self.visitor.visit {
            return;
        }
        seen.engaged_ms = seen.engaged_ms.saturating_add(engaged_ms);
        let seconds = (seen.engaged_ms / 1000).min(self.at.second - seen.began);
        let grown = seconds.saturating_sub(seen.b);
        seen.b += grown;
        self.add_here(Counter::EngagedSeconds, grown as i32);
        let (hour, group) = (self.hour(), self.here.group());
        self.scroll(&mut seen, scroll, group, hour);
        self.remember(at, &seen);
        for section in self.here.sections.clone() {
            let (at, mut seen) = self.recall(What::Page, section, 0);
            if seen.visit == self.visitor.visit {
                self.scroll(&mut seen, scroll, 0, hour);
                self.remember(at, &seen);
            }
        }
    }

    fn scroll(&mut self, seen: &mut Seen, scroll: Option<u8>, group: u32, hour: u8) {
        let Some(depth) = scroll else { return };
        let depth = depth.min(100);
        if seen.scroll == 0 {
            self.delta.add(hour, seen.a, group, Counter::ScrollViews, 1);
            seen.scroll = 1;
        }
        let deeper = i32::from(depth) - i32::from(seen.scroll - 1);
        if deeper > 0 {
            self.delta.add(hour, seen.a, group, Counter::ScrollPercent, deeper);
            seen.scroll = depth + 1;
        }
    }

    /// Moves each funnel on by at most one step.
    fn advance(&mut self, funnels: &[Arc<Funnel>], reaches: impl Fn(&Step) -> bool) {
        for funnel in funnels.iter().filter(|funnel| funnel.steps.iter().any(&reaches)) {
            let id = self.tables.names.funnel(&funnel.name, &mut self.fresh);
            let (at, mut seen) = self.recall(What::Funnel, id, 0);
            if seen.visit != self.visitor.visit {
                seen.visit = self.visitor.visit;
                seen.began = 0;
            }
            if funnel.steps.get(seen.began as usize).is_some_and(&reaches) {
                seen.began += 1;
                self.delta.funnels.push((id, seen.began as u8));
                self.remember(at, &seen);
            }
        }
    }

    /// Over the cap of visitor-days: views and events only, untold in every family, nobody's.
    fn count_without_visitor(&mut self, hit: &Hit) {
        self.fresh.notes.push(Note::VisitorsCapped);
        match &hit.kind {
            HitKind::View => {
                self.add_here(Counter::Pageviews, 1);
                let to = self.here.page;
                self.delta.flow = Some(Flow { from: PAGE_ENTRY, to, first_of_visitor: false });
            }
            HitKind::Event(event) => self.event_cells(event),
            HitKind::Engagement { .. } => {}
        }
    }
}

fn add(delta: &mut Delta, spot: &Spot, hour: u8, counter: Counter, n: i32) {
    delta.add(hour, spot.page, spot.group(), counter, n);
    for &section in &spot.sections {
        delta.add(hour, section, 0, counter, n);
    }
}

/// Described by no more than the site keeps.
fn keep(kept: Kept, described: Option<&Described>) -> Described {
    let nothing =
        || Described { place: Default::default(), device: Default::default(), language: Default::default() };
    let mut described = described.cloned().unwrap_or_else(nothing);
    let drop_unless = |keep: bool, text: &mut Text| {
        if !keep {
            *text = NONE.into();
        }
    };
    drop_unless(kept.region, &mut described.place.0[1]);
    drop_unless(kept.city, &mut described.place.0[2]);
    drop_unless(kept.versions, &mut described.device.0[1]);
    drop_unless(kept.versions, &mut described.device.0[3]);
    drop_unless(kept.language, &mut described.language.0);
    described
}
