//! What leaves an open day: rows for a release, for a reader, for the close.

use std::{collections::HashMap, sync::Arc};

use super::{
    Text,
    cells::{DayCells, Map, PageCells, join, key, parts},
    coarsen::{Ranks, Rows, sorted},
    counters::Counter,
    day::{Day, Hour},
    family,
    names::Lists,
    open_day::KnownValues,
    row::{Family, FamilySize, Row, Table},
};

/// Page-family cells and the ledger that no release holds yet; live, also all sources.
#[derive(Clone)]
pub struct Pending {
    day: Day,
    lists: Arc<Lists>,
    pages: PageCells,
    sources: Map<u64, [i64; 2]>,
}

impl Pending {
    pub(super) fn of_pages(day: Day, lists: Arc<Lists>, pages: PageCells) -> Pending {
        Pending { day, lists, pages, sources: Map::default() }
    }

    pub(super) fn add_sources(&mut self, sources: &Map<u64, [i64; 2]>) {
        join(&mut self.sources, sources);
    }

    /// The rows, sorted by key.
    pub fn into_rows(self) -> Vec<Row> {
        let ranks = Ranks::new(&self.lists, self.day, 0);
        let mut rows: Vec<Row> = page_rows(&ranks, &self.pages).into_values().flatten().collect();
        rows.extend(ranks.source_rows(&self.sources));
        let rows = sorted(rows.into_iter());
        #[cfg(feature = "sabotage")]
        let rows = super::mixed::as_met(rows, &self.lists);
        rows
    }
}

/// Rows of the page family with an hour, and of the ledger.
fn page_rows(ranks: &Ranks<'_>, cells: &PageCells) -> Rows {
    let pages = cells.pages.iter().filter(|(_, n)| !n.is_zero()).map(|(&(hour, page), n)| {
        ranks.row((Table::Pages, Family::Page), Some(hour), ranks.page_keys(page), &n.0)
    });
    let events = cells.events.iter().map(|(&(hour, event, page), n)| {
        let keys = ranks.lists.event(event).map(|text| ranks.lists.text(text));
        let keys = keys.into_iter().chain(ranks.page_keys(page));
        ranks.row((Table::Events, Family::Page), Some(hour), keys, n)
    });
    let ledger = |word: &'static str, n: u64| {
        let n = i64::try_from(n).unwrap_or(i64::MAX);
        ranks.row((Table::Ledger, Family::Page), None, [Text::from(word)], &[n])
    };
    let outcomes = cells.outcomes.iter().map(|(outcome, &n)| ledger(outcome.name(), n));
    let notes = cells.notes.iter().map(|(note, &n)| ledger(note.name(), n));
    HashMap::from([
        ((Table::Pages, Family::Page), sorted(pages)),
        ((Table::Events, Family::Page), sorted(events)),
        ((Table::Ledger, Family::Page), sorted(outcomes.chain(notes))),
    ])
}

/// All families as of the last full hour. Shares its cells with the open day until the hour turns.
#[derive(Clone)]
pub struct Settled {
    day: Day,
    as_of: Option<Hour>,
    cells: Arc<DayCells>,
    pending: Arc<PageCells>,
    lists: Arc<Lists>,
}

impl Settled {
    pub(super) fn empty(day: Day) -> Settled {
        let lists = Arc::new(super::names::reserved());
        Settled { day, as_of: None, cells: Arc::default(), pending: Arc::default(), lists }
    }

    pub(super) fn cells(&self) -> &DayCells {
        &self.cells
    }

    /// Joins what was counted since the last turn, and keeps what the page family had not released yet.
    pub(super) fn settle(
        &mut self,
        current: &mut DayCells,
        pages: &PageCells,
        lists: Arc<Lists>,
        hour: Hour,
    ) {
        Arc::make_mut(&mut self.cells).join(current);
        current.clear();
        self.pending = Arc::new(pages.clone());
        self.lists = lists;
        self.as_of = Some(hour);
    }

    /// The hour from whose beginning on nothing is in here; `None` before the day's first turn.
    pub fn as_of(&self) -> Option<Hour> {
        self.as_of
    }

    /// Whether two snapshots are of the same turn: then their rows are equal.
    pub fn is_same(&self, other: &Settled) -> bool {
        Arc::ptr_eq(&self.cells, &other.cells) && Arc::ptr_eq(&self.pending, &other.pending)
    }

    /// Coarsened rows of all families, sorted by key; of `page` with its hours and of the ledger, what was in no
    /// release when the hour turned.
    pub fn rows(&self, k: u32, salt_epochs: u32) -> Rows {
        self.coarsened(k, salt_epochs).0
    }

    fn coarsened(&self, k: u32, salt_epochs: u32) -> (Rows, Vec<FamilySize>) {
        let ranks = Ranks::new(&self.lists, self.day, family::threshold(k, salt_epochs));
        let (mut rows, sizes) = ranks.coarsen(&self.cells);
        rows.extend(page_rows(&ranks, &self.pending));
        #[cfg(feature = "sabotage")]
        let rows = super::mixed::all_as_met(rows, &self.lists);
        (rows, sizes)
    }

    pub(super) fn close(self, k: u32, salt_epochs: u32) -> Closed {
        let (by_kind, sizes) = self.coarsened(k, salt_epochs);
        let known = self.known(family::threshold(k, salt_epochs).max(i64::from(k)));
        let mut kinds: Vec<_> = by_kind.into_iter().collect();
        kinds.sort_unstable_by_key(|&(kind, _)| kind);
        let rows = kinds.into_iter().flat_map(|(_, rows)| rows).collect();
        Closed { rows, sizes, known }
    }

    /// Pages that `needed` visitor-days saw, sources and campaign values that `needed` visitor-days came by.
    fn known(&self, needed: i64) -> KnownValues {
        let (mut pages, mut values) = (Map::<u64, i64>::default(), Map::<u64, i64>::default());
        for (&cell, n) in &self.cells.visit {
            let (page, label) = parts(cell);
            if self.lists.page(page).section {
                continue;
            }
            *pages.entry(page.into()).or_default() += n[Counter::PageVisitors];
            let label = self.lists.visits.get(label as usize).copied().unwrap_or_default();
            for (field, &text) in label.iter().enumerate().skip(1) {
                *values.entry(key(field as u32, text)).or_default() += n[Counter::Visitors];
            }
        }
        let mut known = KnownValues::default();
        for (page, _) in pages.into_iter().filter(|&(_, n)| n >= needed) {
            known.pages.insert(self.lists.text(self.lists.page(page as u32).text));
        }
        for (value, _) in values.into_iter().filter(|&(_, n)| n >= needed) {
            let (field, text) = parts(value);
            let text = self.lists.text(text);
            match field {
                1 => known.sources.insert(text),
                _ => known.campaigns[field as usize - 2].insert(text),
            };
        }
        known
    }
}

/// The end of a day.
pub struct Closed {
    /// All that no release holds yet, coarsened, sorted by key.
    pub rows: Vec<Row>,
    /// Of the families visit, place, device and language.
    pub sizes: Vec<FamilySize>,
    /// What is admitted over every cap from now on.
    pub known: KnownValues,
}
