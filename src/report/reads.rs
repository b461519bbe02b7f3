//! Reading as of one moment: the store's rows plus memory's, each query asked once per report.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use super::range::Range;
use crate::{
    domain::{
        Text,
        counters::Counter,
        day::{Day, Hour},
        declaration::SiteId,
        plan::{Counted, Formula},
        query::{Condition, Group, Operator, Query, merge},
        row::{Column, Table, has_hour},
        view::MemoryView,
    },
    store::{AsOf, Store, StoreError},
};

/// Days to read; of the cut day only the hours before the cut, or nothing where no hours are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub range: Range,
    pub cut: Option<(Day, Hour)>,
}

impl From<Range> for Span {
    fn from(range: Range) -> Span {
        Span { range, cut: None }
    }
}

/// One report's reads.
pub(super) struct Reads<'a> {
    store: &'a dyn Store,
    memory: &'a MemoryView,
    site: SiteId,
    as_of: AsOf,
    /// The open day, read apart so that its cut and its whole share the days before.
    apart: Option<Day>,
    done: RefCell<Vec<(Query, Rc<Vec<Group>>)>>,
}

impl<'a> Reads<'a> {
    pub fn new(store: &'a dyn Store, memory: &'a MemoryView, site: SiteId) -> Reads<'a> {
        let as_of = AsOf { open: memory.released() };
        Reads { store, memory, site, as_of, apart: None, done: RefCell::default() }
    }

    /// Reads `day` apart from the days before it.
    pub fn with_apart(self, day: Option<Day>) -> Reads<'a> {
        Reads { apart: day, ..self }
    }

    /// The groups of a query whose days are the span's.
    pub fn span(&self, query: Query, span: Span) -> Result<Rc<Vec<Group>>, StoreError> {
        let Some((day, hour)) = span.cut.filter(|(day, _)| span.range.holds(*day)) else {
            return self.whole(query, span.range);
        };
        let mut parts = Vec::new();
        for (first, last) in [(span.range.first, day.plus(-1)), (day.plus(1), span.range.last)] {
            if first <= last {
                parts.push(self.read(Query { days: (first, last), ..query.clone() })?.to_vec());
            }
        }
        if has_hour(query.table, query.family) && hour.0 > 0 {
            let mut open = Query { days: (day, day), ..query };
            let values = (0..hour.0).map(|hour| hour.to_string().into()).collect();
            open.filters.push(Condition { column: Column::Hour, operator: Operator::Is, values });
            parts.push(self.read(open)?.to_vec());
        }
        Ok(Rc::new(merge(parts)))
    }

    fn whole(&self, query: Query, range: Range) -> Result<Rc<Vec<Group>>, StoreError> {
        let Some(day) = self.apart.filter(|&day| range.first < day && day <= range.last) else {
            return self.read(Query { days: (range.first, range.last), ..query });
        };
        let before = self.read(Query { days: (range.first, day.plus(-1)), ..query.clone() })?;
        let since = self.read(Query { days: (day, range.last), ..query })?;
        Ok(match since.is_empty() {
            true => before,
            false => Rc::new(merge([before.to_vec(), since.to_vec()])),
        })
    }

    fn read(&self, query: Query) -> Result<Rc<Vec<Group>>, StoreError> {
        let known =
            self.done.borrow().iter().find(|(one, _)| *one == query).map(|(_, groups)| groups.clone());
        if let Some(groups) = known {
            return Ok(groups);
        }
        let stored = self.store.read(self.site, &query, &self.as_of)?;
        let parts = self.memory.evaluate(&query);
        let groups = match parts.is_empty() {
            true => stored,
            false => merge(parts.into_iter().chain([stored])),
        };
        let groups = Rc::new(groups);
        self.done.borrow_mut().push((query, groups.clone()));
        Ok(groups)
    }
}

/// The counters behind one number: of pages, and of an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sums {
    pub page: [i64; Counter::COUNT],
    pub event: [i64; 4],
    /// Visits and visitors of the `source` family, where they are read besides.
    pub source: [i64; 2],
}

impl Sums {
    pub fn add(&mut self, table: Table, sums: &[i64]) {
        let own: &mut [i64] = match table {
            Table::Events => &mut self.event,
            _ => &mut self.page,
        };
        own.iter_mut().zip(sums).for_each(|(own, n)| *own += n);
    }

    pub fn plus(mut self, other: &Sums) -> Sums {
        self.add(Table::Pages, &other.page);
        self.add(Table::Events, &other.event);
        self.source.iter_mut().zip(other.source).for_each(|(own, n)| *own += n);
        self
    }

    pub fn minus(mut self, other: &Sums) -> Sums {
        self.page.iter_mut().zip(other.page).for_each(|(own, n)| *own -= n);
        self.event.iter_mut().zip(other.event).for_each(|(own, n)| *own -= n);
        self
    }

    fn get(&self, counted: Counted) -> i64 {
        match counted {
            Counted::Page(counter) => self.page[counter as usize],
            Counted::Event(at) => self.event[at],
            Counted::Source(at) => self.source[at],
        }
    }

    /// The number that a formula makes of the sums.
    pub fn value(&self, formula: Formula) -> Number {
        let ratio = |a, b, unit: f64| match (self.get(a), self.get(b)) {
            (_, ..=0) => Number::Unknown,
            (a, b) => Number::Real(a as f64 / (b as f64 * unit)),
        };
        match formula {
            Formula::Sum(counted) => Number::Whole(self.get(counted)),
            Formula::Ratio(a, b) => ratio(a, b, 1.0),
            Formula::Percent(a, b) => ratio(a, b, 100.0),
        }
    }
}

/// A number of an answer; unknown is `null`.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
#[serde(untagged)]
pub enum Number {
    Whole(i64),
    Real(f64),
    Unknown,
}

impl Number {
    /// For ordering and shares; unknown is less than everything.
    pub fn as_f64(self) -> Option<f64> {
        match self {
            Number::Whole(n) => Some(n as f64),
            Number::Real(n) => Some(n),
            Number::Unknown => None,
        }
    }
}

/// Groups by the text of one of their columns.
pub(super) fn by_key(groups: &[Group], at: usize, table: Table, into: &mut BTreeMap<Text, Sums>) {
    for group in groups {
        into.entry(group.keys[at].clone()).or_default().add(table, &group.sums);
    }
}
