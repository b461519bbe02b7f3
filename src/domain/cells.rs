//! Cells: the additive counters of an open day. Page-family cells wait for the next release; those of all other
//! families stay until the close, in a part up to the last full hour and a part since.

use std::{hash::Hash, ops::AddAssign};

use super::{
    counters::{Counter, Counters},
    delta::{Change, Delta, EventChange, Who},
    names::{LABEL_STAR, Lists, PAGE_OTHER, Spot, TEXT_EMPTY},
    outcome::{Note, Outcome},
    row::{Family, Table},
};

pub type Map<K, V> = hashbrown::HashMap<K, V, foldhash::fast::RandomState>;

/// events, event_visitors, event_visits, value_sum.
pub type EventCounts = [i64; 4];

/// What cells hold.
pub trait Count: Copy + Default {
    fn add(&mut self, other: &Self);
    fn is_zero(&self) -> bool;
}

impl Count for Counters {
    fn add(&mut self, other: &Self) {
        self.add_assign(other);
    }
    fn is_zero(&self) -> bool {
        Counters::is_zero(self)
    }
}

impl<const N: usize> Count for [i64; N]
where
    [i64; N]: Default,
{
    fn add(&mut self, other: &Self) {
        for (sum, n) in self.iter_mut().zip(other) {
            *sum += n;
        }
    }
    fn is_zero(&self) -> bool {
        *self == [0; N]
    }
}

/// Two numbers as one key, the first leading.
pub fn key(first: u32, second: u32) -> u64 {
    u64::from(first) << 32 | u64::from(second)
}

/// The numbers of a key.
pub fn parts(key: u64) -> (u32, u32) {
    ((key >> 32) as u32, key as u32)
}

/// Page-family cells that are in no release yet.
#[derive(Clone, Default)]
pub struct PageCells {
    /// (hour, page).
    pub pages: Map<(u8, u32), Counters>,
    /// (hour, event, page).
    pub events: Map<(u8, u32, u32), EventCounts>,
    pub outcomes: Map<Outcome, u64>,
    pub notes: Map<Note, u64>,
}

/// Cells of the other families, and those of the page family that carry no hour. Keys are [`key`]s.
#[derive(Clone, Default)]
pub struct DayCells {
    /// (page, label).
    pub visit: Map<u64, Counters>,
    /// (group, label).
    pub place: Map<u64, Counters>,
    pub device: Map<u64, Counters>,
    /// (0, label).
    pub language: Map<u64, Counters>,
    /// (channel, source): visits, visitors.
    pub source: Map<u64, [i64; 2]>,
    /// (event, label).
    pub event_visit: Map<u64, EventCounts>,
    /// (name, label).
    pub event_place: Map<u64, EventCounts>,
    pub event_device: Map<u64, EventCounts>,
    /// (from, to): transitions, visitor-days that took it.
    pub flow: Map<u64, [i64; 2]>,
    /// (funnel, step).
    pub funnel: Map<u64, [i64; 1]>,
    /// (funnel << 8 | step, label).
    pub funnel_visit: Map<u64, [i64; 1]>,
}

/// The current part beside the settled one: what may be counted where, under the cap of cells.
pub struct Entry<'a> {
    pub pages: &'a mut PageCells,
    pub current: &'a mut DayCells,
    pub settled: &'a DayCells,
    pub lists: &'a Lists,
    /// Most cells of a family.
    pub cap: u32,
}

impl Entry<'_> {
    /// Adds everything that a delta changes; `spots` are those of its events, in order.
    pub fn count(&mut self, delta: &Delta, spots: impl Fn(u32) -> Spot) {
        let mut capped = 0;
        for change in &delta.changes {
            capped += self.change(change, &delta.who);
        }
        for event in &delta.events {
            capped += self.event(event, &delta.who, &spots(event.spot));
        }
        if let Some(flow) = delta.flow {
            let n = [1, i64::from(flow.first_of_visitor)];
            let (full, spare) = (key(flow.from, flow.to), key(flow.from, PAGE_OTHER));
            capped += put(&mut self.current.flow, &self.settled.flow, self.cap, full, spare, &n);
        }
        for &(funnel, step) in &delta.funnels {
            self.funnel(funnel, step, &delta.who);
        }
        if let Some((outcome, n)) = delta.outcome {
            *self.pages.outcomes.entry(outcome).or_default() += n;
        }
        for &(note, n) in &delta.notes {
            *self.pages.notes.entry(note).or_default() += n;
        }
        if capped > 0 {
            *self.pages.notes.entry(Note::CellsCapped).or_default() += 1;
        }
    }

    fn change(&mut self, change: &Change, who: &Who) -> u32 {
        let (n, page, group, cap) = (change.amounts.counters(), change.page, change.group, self.cap);
        let (now, settled) = (&mut *self.current, self.settled);
        let is_section = self.lists.page(page).section;
        let spare = (change.hour, if is_section { page } else { PAGE_OTHER });
        let mut capped = put_one(&mut self.pages.pages, cap, (change.hour, page), spare, &n);
        #[cfg(feature = "sabotage")]
        let page = if crate::sabotage::mixes() && group != 0 { group } else { page };
        let full = key(page, who.visit);
        capped += put(&mut now.visit, &settled.visit, cap, full, key(page, LABEL_STAR), &n);
        let of_group = of_group(&n, page, group, is_section);
        if !of_group.is_zero() {
            let (place, device) = (key(group, who.place), key(group, who.device));
            let spare = key(group, LABEL_STAR);
            capped += put(&mut now.place, &settled.place, cap, place, spare, &of_group);
            capped += put(&mut now.device, &settled.device, cap, device, spare, &of_group);
        }
        if is_section {
            return capped;
        }
        let star = key(0, LABEL_STAR);
        capped += put(&mut now.language, &settled.language, cap, key(0, who.language), star, &n);
        let begun = [change.amounts.get(Counter::Visits), change.amounts.get(Counter::Visitors)];
        if begun != [0, 0] {
            let label = self.lists.visits.get(who.visit as usize).copied().unwrap_or_default();
            now.source.entry(key(label[0], label[1])).or_default().add(&begun);
        }
        capped
    }

    fn event(&mut self, change: &EventChange, who: &Who, spot: &Spot) -> u32 {
        let n = [1, i64::from(change.first_of_visitor), i64::from(change.first_of_visit), change.value];
        let (hour, event, cap) = (change.hour, change.event, self.cap);
        let mut capped = 0;
        for (page, spare) in
            std::iter::once((spot.page, PAGE_OTHER)).chain(spot.sections.iter().map(|&s| (s, s)))
        {
            capped += put_one(&mut self.pages.events, cap, (hour, event, page), (hour, event, spare), &n);
        }
        let (now, settled) = (&mut *self.current, self.settled);
        let spare = key(event, LABEL_STAR);
        capped += put(&mut now.event_visit, &settled.event_visit, cap, key(event, who.visit), spare, &n);
        let [name, property, ..] = self.lists.event(event);
        if property == TEXT_EMPTY {
            let (n, spare) = ([n[0], n[1], n[2], 0], key(name, LABEL_STAR));
            let (place, device) = (key(name, who.place), key(name, who.device));
            capped += put(&mut now.event_place, &settled.event_place, cap, place, spare, &n);
            capped += put(&mut now.event_device, &settled.event_device, cap, device, spare, &n);
        }
        capped
    }

    fn funnel(&mut self, funnel: u32, step: u8, who: &Who) {
        let step = u32::from(step);
        self.current.funnel.entry(key(funnel, step)).or_default().add(&[1]);
        let (settled, step) = (&self.settled.funnel_visit, funnel << 8 | step);
        let (full, spare) = (key(step, who.visit), key(step, LABEL_STAR));
        put(&mut self.current.funnel_visit, settled, self.cap, full, spare, &[1]);
    }
}

/// What of a change place and device count. A group that is a section meets a visitor once, however many of its
/// pages are seen: its crowd is of people. So its first times are the section's, and all else is the pages'.
fn of_group(n: &Counters, page: u32, group: u32, is_section: bool) -> Counters {
    let mut counted = if is_section { Counters::default() } else { *n };
    if is_section || page != group {
        for first in [Counter::PageVisitors, Counter::PageVisits] {
            counted[first] = if is_section && page == group { n[first] } else { 0 };
        }
    }
    counted
}

impl DayCells {
    /// Adds all cells of another part; costs the size of the other.
    pub fn join(&mut self, other: &DayCells) {
        join(&mut self.visit, &other.visit);
        join(&mut self.place, &other.place);
        join(&mut self.device, &other.device);
        join(&mut self.language, &other.language);
        join(&mut self.source, &other.source);
        join(&mut self.event_visit, &other.event_visit);
        join(&mut self.event_place, &other.event_place);
        join(&mut self.event_device, &other.event_device);
        join(&mut self.flow, &other.flow);
        join(&mut self.funnel, &other.funnel);
        join(&mut self.funnel_visit, &other.funnel_visit);
    }

    pub fn clear(&mut self) {
        *self = DayCells::default();
    }

    /// Cells of all families.
    pub fn len(&self) -> usize {
        self.visit.len()
            + self.place.len()
            + self.device.len()
            + self.language.len()
            + self.event_visit.len()
            + self.event_place.len()
            + self.event_device.len()
            + self.flow.len()
    }
}

/// How many cells of a table and family are held, and the bytes that they take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    pub table: Table,
    pub family: Family,
    pub cells: usize,
    pub bytes: usize,
}

fn held<K: Eq + Hash, V>(table: Table, family: Family, cells: &Map<K, V>) -> Held {
    Held { table, family, cells: cells.len(), bytes: cells.allocation_size() }
}

impl PageCells {
    pub fn held(&self) -> [Held; 2] {
        [held(Table::Pages, Family::Page, &self.pages), held(Table::Events, Family::Page, &self.events)]
    }
}

impl DayCells {
    pub fn held(&self) -> [Held; 11] {
        [
            held(Table::Pages, Family::Source, &self.source),
            held(Table::Pages, Family::Visit, &self.visit),
            held(Table::Pages, Family::Place, &self.place),
            held(Table::Pages, Family::Device, &self.device),
            held(Table::Pages, Family::Language, &self.language),
            held(Table::Events, Family::Visit, &self.event_visit),
            held(Table::Events, Family::Place, &self.event_place),
            held(Table::Events, Family::Device, &self.event_device),
            held(Table::Flows, Family::Page, &self.flow),
            held(Table::Funnels, Family::Page, &self.funnel),
            held(Table::Funnels, Family::Visit, &self.funnel_visit),
        ]
    }
}

/// Adds the cells of one map to another.
pub fn join<K: Copy + Eq + Hash, V: Count>(to: &mut Map<K, V>, from: &Map<K, V>) {
    to.reserve(from.len().saturating_sub(to.len()));
    for (&key, n) in from {
        to.entry(key).or_default().add(n);
    }
}

/// Adds to a cell, or, where it would be one more than the family may have, to the spare one. Says how many
/// additions (0 or 1) were capped.
fn put<V: Count>(
    now: &mut Map<u64, V>,
    settled: &Map<u64, V>,
    cap: u32,
    full: u64,
    spare: u64,
    n: &V,
) -> u32 {
    if let Some(cell) = now.get_mut(&full) {
        cell.add(n);
        return 0;
    }
    let is_full = now.len() + settled.len() >= cap as usize && !settled.contains_key(&full);
    now.entry(if is_full { spare } else { full }).or_default().add(n);
    u32::from(is_full && full != spare)
}

fn put_one<K: Copy + Eq + Hash, V: Count>(cells: &mut Map<K, V>, cap: u32, full: K, spare: K, n: &V) -> u32 {
    if let Some(cell) = cells.get_mut(&full) {
        cell.add(n);
        return 0;
    }
    let is_full = cells.len() >= cap as usize;
    cells.entry(if is_full { spare } else { full }).or_default().add(n);
    u32::from(is_full && full != spare)
}
