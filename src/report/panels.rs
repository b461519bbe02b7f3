//! Panels: the rows of one dimension, their Other, and what they were before.

use std::collections::{BTreeMap, HashMap};

use super::{
    answer::{Panel, PanelRow, Values},
    ask::{Plan, SortBy, refusal},
    range::Today,
    reads::{Number, Reads, Span, Sums, by_key},
    spans::{current_span, previous_span},
};
use crate::{
    domain::{
        NONE, OTHER, STAR, Text,
        counters::Counter,
        declaration::{Site, matches_path},
        plan::{Counted, Dimension, Formula, Metric, View, formula},
        query::{Condition, Query},
        row::{Column, Family, KIND_PAGE, KIND_SECTION, Table, columns},
    },
    store::StoreError,
};

const TRANSITIONS: Formula = Formula::Sum(Counted::Page(Counter::Pageviews));

/// All that panels are made from.
pub(super) struct Panels<'a> {
    pub reads: &'a Reads<'a>,
    pub plan: &'a Plan,
    pub site: &'a Site,
    pub today: &'a Today,
}

/// A dimension's sums over a span.
#[derive(Default)]
pub(super) struct Found {
    pub rows: BTreeMap<Text, Sums>,
    currencies: HashMap<Text, Text>,
    /// Everything, told or not.
    total: Sums,
}

impl Panels<'_> {
    /// The panel of a dimension.
    pub fn panel(&self, dimension: &Dimension) -> Result<Panel, StoreError> {
        if let Some(refused) = refusal(dimension, self.plan, self.site) {
            return Ok(Panel { refused: Some(refused), ..Panel::default() });
        }
        match dimension {
            Dimension::Goal => self.goals(),
            Dimension::Funnel => self.funnels(),
            _ => self.listed(dimension),
        }
    }

    fn listed(&self, dimension: &Dimension) -> Result<Panel, StoreError> {
        let family = self.family(dimension);
        let metrics = self.metrics(dimension, family);
        let mut now = self.found(dimension, family, self.plan.range.into())?;
        if *dimension == Dimension::Event {
            self.add_declared(&mut now);
        }
        let total = self.total(dimension, family, &now)?;
        let told = now.rows.values().fold(Sums::default(), |sum, one| sum.plus(one));
        let primary = primary(dimension, &metrics);
        let rows =
            now.rows.iter().map(|(value, sums)| self.row(dimension, value, sums, &metrics, primary, &total));
        let mut rows: Vec<PanelRow> = rows.collect();
        for row in &mut rows {
            row.currency = now.currencies.get(&row.value).cloned();
        }
        self.compare(dimension, family, &metrics, primary, &now, &mut rows)?;
        let total_rows = self.order(&mut rows, primary.0);
        let shown = rows.iter().filter_map(|row| now.rows.get(&row.value));
        let shown = shown.fold(Sums::default(), |sum, one| sum.plus(one));
        let parts =
            dimension.partitions() && !self.plan.scope.event || matches!(dimension, Dimension::Attribute(_));
        let (untold, rest) = (total.minus(&told), told.minus(&shown));
        let left = |sums: &Sums| (parts && *sums != Sums::default()).then(|| values(sums, &metrics));
        let rest = left(&rest);
        let mut other = left(&untold);
        let mut told_share = if parts { share(&told, &total, primary.1) } else { None };
        if matches!(family, Family::Place | Family::Device) {
            // An event is untold here more often than the visits that had it: the two sums are of other visits.
            if let Some(rate) = other.as_mut().and_then(|other| other.get_mut(Metric::EventRate.key())) {
                *rate = Number::Unknown;
            }
        }
        if parts && self.plan.scope.is_of_sources() && family == Family::Visit {
            let all = self.of_sources()?;
            told_share = (all[0] > 0).then(|| whole(&told, primary.1) / all[0] as f64);
            other = left_of_sources(all, &told, &metrics);
        }
        Ok(Panel {
            family: Some(family.name()),
            rows,
            other,
            rest,
            told: told_share,
            overlaps: !parts,
            total_rows,
            refused: None,
        })
    }

    /// Visits and visitors that the `source` family counts: what the tiles say.
    fn of_sources(&self) -> Result<[i64; 2], StoreError> {
        let filters = self.plan.scope.conditions(Table::Pages, Family::Source, None);
        let asked = query(Table::Pages, Family::Source, Vec::new(), filters);
        let groups = self.reads.span(asked, self.plan.range.into())?;
        let all = |counter: Counter| groups.iter().map(|one| one.sums[counter as usize]).sum();
        Ok([all(Counter::Visits), all(Counter::Visitors)])
    }

    /// `source` where visits and visitors alone are asked for, else the dimension's own.
    fn family(&self, dimension: &Dimension) -> Family {
        let own = match dimension.family() {
            Some(family) => family,
            None => self.plan.scope.family(),
        };
        let plain = matches!(dimension, Dimension::Attribute(Column::Channel | Column::Source));
        let sorted = match self.plan.sort {
            Some((SortBy::Metric(metric), _)) => metric,
            _ => self.plan.metric,
        };
        match plain && self.plan.scope.plain_sources && matches!(sorted, Metric::Visits | Metric::Visitors) {
            true => Family::Source,
            false => own,
        }
    }

    fn view(&self, dimension: &Dimension) -> View {
        match dimension {
            Dimension::Page | Dimension::Section => View::Seen,
            Dimension::EntryPage => View::Began,
            Dimension::ExitPage => View::Ended,
            Dimension::Host => View::Host,
            _ => self.plan.scope.view,
        }
    }

    /// The metrics of the rows, in one family, with their formulas.
    fn metrics(&self, dimension: &Dimension, family: Family) -> Vec<(Metric, Formula)> {
        let view = self.view(dimension);
        let of_events = matches!(dimension, Dimension::Event | Dimension::Property(_));
        if *dimension == Dimension::Flow {
            return vec![(Metric::Pageviews, TRANSITIONS)];
        }
        let wanted = |metric: &Metric| match (self.plan.scope.event || of_events, metric.is_of_event()) {
            (true, true) => of_events || self.plan.scope.tile(*metric).is_ok(),
            (true, false) => !of_events && view == View::Whole && *metric == Metric::Visits,
            (false, of_event) => !of_event,
        };
        let told = |metric: &Metric| match *metric {
            Metric::ValueSum if matches!(dimension, Dimension::Property(_)) => false,
            Metric::Exits => matches!(view, View::Seen | View::Ended),
            _ => true,
        };
        let listed = Metric::ALL.into_iter().filter(wanted).filter(told);
        listed.filter_map(|metric| formula(metric, view, family).ok().map(|one| (metric, one))).collect()
    }

    pub(super) fn found(
        &self,
        dimension: &Dimension,
        family: Family,
        span: Span,
    ) -> Result<Found, StoreError> {
        let mut found = Found::default();
        let mut all = BTreeMap::new();
        match dimension {
            Dimension::Flow => {
                let from = self.plan.scope.one_page().cloned().unwrap_or_else(|| NONE.into());
                let filters = vec![Condition::is(Column::From, from)];
                let groups = self.reads.span(query(Table::Flows, family, vec![Column::To], filters), span)?;
                by_key(&groups, 0, Table::Flows, &mut all);
            }
            Dimension::Event | Dimension::Property(_) => {
                self.events_found(dimension, family, span, &mut found, &mut all)?
            }
            _ => {
                let (group, at) = grouping(dimension, Table::Pages, family);
                let filters = self.conditions(dimension, Table::Pages, family);
                let groups = self.reads.span(query(Table::Pages, family, group, filters), span)?;
                // With an event filter, the pages table only gives the rate its denominator.
                by_key(&groups, at, Table::Pages, &mut all);
                if self.plan.scope.event {
                    let (group, at) = grouping(dimension, Table::Events, family);
                    let filters = self.conditions(dimension, Table::Events, family);
                    let groups = self.reads.span(query(Table::Events, family, group, filters), span)?;
                    by_key(&groups, at, Table::Events, &mut all);
                }
            }
        }
        found.total = all.values().fold(Sums::default(), |sum, one| sum.plus(one));
        all.remove(STAR);
        all.retain(|label, sums| self.is_row(dimension, label, sums));
        if is_of_pages(dimension) && self.plan.scope.kind() == KIND_SECTION {
            // All pages were read: what lies outside the section is no Other.
            found.total = all.values().fold(Sums::default(), |sum, one| sum.plus(one));
        }
        found.rows = all;
        Ok(found)
    }

    fn events_found(
        &self,
        dimension: &Dimension,
        family: Family,
        span: Span,
        found: &mut Found,
        all: &mut BTreeMap<Text, Sums>,
    ) -> Result<(), StoreError> {
        let (group, filters) = match dimension {
            Dimension::Property(name) => {
                let mut filters =
                    self.plan.scope.conditions(Table::Events, family, Some(self.plan.scope.kind()));
                filters.push(Condition::is(Column::Property, name.clone()));
                (vec![Column::Value], filters)
            }
            _ if columns(Table::Events, family).contains(&Column::Currency) => {
                (vec![Column::Name, Column::Currency], self.conditions(dimension, Table::Events, family))
            }
            _ => (vec![Column::Name], self.conditions(dimension, Table::Events, family)),
        };
        let groups = self.reads.span(query(Table::Events, family, group, filters), span)?;
        by_key(&groups, 0, Table::Events, all);
        for group in groups.iter().filter(|one| one.keys.len() == 2 && !one.keys[1].is_empty()) {
            found.currencies.insert(group.keys[0].clone(), group.keys[1].clone());
        }
        // The rate's denominator: all visits of the family.
        if family != Family::Language && self.plan.scope.view == View::Whole {
            let filters = self.plan.scope.conditions(Table::Pages, family, Some(KIND_PAGE));
            let visits = self.reads.span(query(Table::Pages, family, Vec::new(), filters), span)?;
            for sums in all.values_mut() {
                visits.iter().for_each(|one| sums.add(Table::Pages, &one.sums));
            }
        }
        Ok(())
    }

    /// The conditions on a dimension's rows.
    fn conditions(&self, dimension: &Dimension, table: Table, family: Family) -> Vec<Condition> {
        let scope = &self.plan.scope;
        let of_pages = is_of_pages(dimension);
        let kind = match dimension {
            Dimension::Section => KIND_SECTION,
            _ if of_pages => KIND_PAGE,
            _ => scope.kind(),
        };
        let mut out = scope.conditions(table, family, Some(kind));
        if of_pages && scope.kind() == KIND_SECTION {
            // The pages of the section: their labels are held against its pattern afterwards.
            out.retain(|one| one.column != Column::Page);
        }
        let carried = columns(table, family);
        if *dimension == Dimension::Section && !out.iter().any(|one| one.column == Column::Kind) {
            out.push(Condition::is(Column::Kind, KIND_SECTION));
        }
        if table == Table::Events && carried.contains(&Column::Property) {
            out.push(Condition::is(Column::Property, property(self.plan)));
        }
        out
    }

    fn is_row(&self, dimension: &Dimension, label: &str, sums: &Sums) -> bool {
        let scope = &self.plan.scope;
        let counted = match dimension {
            Dimension::EntryPage => sums.page[Counter::Visits as usize],
            Dimension::ExitPage => sums.page[Counter::Exits as usize],
            Dimension::Page | Dimension::Section if !scope.event => sums.page[Counter::Pageviews as usize],
            Dimension::Event | Dimension::Property(_) => sums.event[0],
            Dimension::Attribute(_) if scope.event => 1,
            _ if scope.event => sums.event[0],
            _ => 1,
        };
        let pattern = self.plan.filters.iter().find(|one| one.dimension == Dimension::Section);
        let inside = match (dimension, pattern) {
            (Dimension::Page | Dimension::EntryPage | Dimension::ExitPage, Some(section)) => {
                section.values.iter().any(|one| **one == *label || matches_path(one, label))
            }
            _ => true,
        };
        counted != 0 && inside
    }

    /// What rows and Other add up to: all rows of the family at the same moment.
    fn total(&self, dimension: &Dimension, family: Family, found: &Found) -> Result<Sums, StoreError> {
        let scope = &self.plan.scope;
        let of_page =
            !matches!(scope.view, View::Whole | View::Host) && matches!(dimension, Dimension::Attribute(_));
        if !of_page || scope.attribute.is_some() || family == Family::Source {
            return Ok(found.total);
        }
        // One page by an attribute: where the page is not told, its visits are in no row. The page family
        // knows how many there are, cut at the hour to which attributes are shown.
        let span = Span { range: self.plan.range, cut: Some((self.today.day, self.today.hour)) };
        let filters = scope.conditions(Table::Pages, Family::Page, Some(scope.kind()));
        let groups = self.reads.span(query(Table::Pages, Family::Page, Vec::new(), filters), span)?;
        let mut total = Sums::default();
        groups.iter().for_each(|one| total.add(Table::Pages, &one.sums));
        Ok(total)
    }

    fn row(
        &self,
        dimension: &Dimension,
        value: &Text,
        sums: &Sums,
        metrics: &[(Metric, Formula)],
        primary: (Metric, Formula),
        total: &Sums,
    ) -> PanelRow {
        PanelRow {
            name: self.name(dimension, value),
            value: value.clone(),
            values: values(sums, metrics),
            share: share(sums, total, primary.1),
            ..PanelRow::default()
        }
    }

    /// Pages of the site's first host are shown by their path.
    fn name(&self, dimension: &Dimension, value: &Text) -> Text {
        use Dimension::{EntryPage, ExitPage, Flow, Page};
        let path = value.strip_prefix(self.site.main_host()).filter(|rest| rest.starts_with('/'));
        match (dimension, path) {
            (Page | EntryPage | ExitPage | Flow, Some(path)) => path.into(),
            _ => value.clone(),
        }
    }

    fn compare(
        &self,
        dimension: &Dimension,
        family: Family,
        metrics: &[(Metric, Formula)],
        primary: (Metric, Formula),
        now: &Found,
        rows: &mut [PanelRow],
    ) -> Result<(), StoreError> {
        let Some(before) = previous_span(self.plan, self.today) else { return Ok(()) };
        let before = self.found(dimension, family, before)?;
        let current = current_span(self.plan, self.today);
        let cut = if current.cut.is_some() { Some(self.found(dimension, family, current)?) } else { None };
        let against = cut.as_ref().unwrap_or(now);
        let untold = |found: &Found| {
            let told = found.rows.values().fold(Sums::default(), |sum, one| sum.plus(one));
            whole(&found.total.minus(&told), primary.1)
        };
        let moved = (untold(against) - untold(&before)).abs();
        let crowds = matches!(family, Family::Visit | Family::Place | Family::Device | Family::Language);
        // Nothing stored to hold a row against is no news about the row.
        let known = whole(&before.total, primary.1) > 0.0;
        for row in rows {
            let (was, is) = (before.rows.get(&row.value), against.rows.get(&row.value));
            let (was_n, is_n) =
                (was.map_or(0.0, |one| whole(one, primary.1)), is.map_or(0.0, |one| whole(one, primary.1)));
            row.previous = was.map(|sums| values(sums, metrics));
            row.compared = cut.as_ref().map(|_| values(&is.copied().unwrap_or_default(), metrics));
            let appeared = known
                && was.is_none()
                && now.rows.get(&row.value).is_some_and(|one| whole(one, primary.1) > 0.0);
            row.untold_before = appeared && crowds;
            row.new = appeared && !crowds;
            row.uncertain = crowds && self.plan.range.len() > 1 && moved > (is_n - was_n).abs();
        }
        Ok(())
    }

    /// Searches, sorts and cuts; how many rows there were.
    fn order(&self, rows: &mut Vec<PanelRow>, primary: Metric) -> usize {
        let plan = self.plan;
        let own = plan.dimension.is_some();
        if own && !plan.search.is_empty() {
            rows.retain(|row| row.name.to_lowercase().contains(&plan.search));
        }
        let (by, descending) = plan.sort.filter(|_| own).unwrap_or((SortBy::Metric(primary), true));
        let SortBy::Metric(metric) = by else {
            rows.sort_by_cached_key(|row| (row.name.to_lowercase(), row.value.clone()));
            if descending {
                rows.reverse();
            }
            return self.cut(rows);
        };
        let number = |row: &PanelRow| row.values.get(metric.key()).and_then(|one| one.as_f64());
        rows.sort_by(|a, b| {
            let (a_n, b_n) = (number(a), number(b));
            // Unknown comes last either way.
            let order = match (a_n, b_n) {
                (Some(a), Some(b)) if descending => b.total_cmp(&a),
                (Some(a), Some(b)) => a.total_cmp(&b),
                (a, b) => b.is_some().cmp(&a.is_some()),
            };
            order.then_with(|| a.value.cmp(&b.value))
        });
        self.cut(rows)
    }

    fn cut(&self, rows: &mut Vec<PanelRow>) -> usize {
        let total = rows.len();
        rows.drain(..self.plan.offset.min(total));
        rows.truncate(self.plan.limit);
        total
    }

    /// Declared events that nobody caused are shown with 0.
    fn add_declared(&self, found: &mut Found) {
        if self.plan.scope.event || self.plan.scope.attribute.is_some() || self.plan.scope.view != View::Whole
        {
            return;
        }
        for event in &self.site.events {
            found.rows.entry(event.name.clone()).or_default();
        }
    }
}

/// A query over a span: its days are set where it is read.
pub(super) fn query(table: Table, family: Family, group: Vec<Column>, filters: Vec<Condition>) -> Query {
    use crate::domain::day::Day;
    Query { table, family, days: (Day(0), Day(0)), group, filters }
}

fn is_of_pages(dimension: &Dimension) -> bool {
    matches!(dimension, Dimension::Page | Dimension::EntryPage | Dimension::ExitPage)
}

/// What the `source` family counts beyond the told rows: visits of rare sources are in no set, so only their
/// number is known.
fn left_of_sources(all: [i64; 2], told: &Sums, metrics: &[(Metric, Formula)]) -> Option<Values> {
    let left = |metric: Metric, all: i64| {
        let (_, formula) = metrics.iter().find(|(one, _)| *one == metric)?;
        Some((metric.key(), Number::Whole(all - whole(told, *formula) as i64)))
    };
    let values: Values =
        left(Metric::Visits, all[0]).into_iter().chain(left(Metric::Visitors, all[1])).collect();
    values.values().any(|one| *one != Number::Whole(0)).then_some(values)
}

/// The property whose cells are meant: the filter's, or the event's own cell.
pub(super) fn property(plan: &Plan) -> Text {
    let found = plan.filters.iter().find_map(|one| match &one.dimension {
        Dimension::Property(name) => Some(name.clone()),
        _ => None,
    });
    found.unwrap_or_else(|| "".into())
}

/// All attributes of a family are read at once, so that its panels share one query.
fn grouping(dimension: &Dimension, table: Table, family: Family) -> (Vec<Column>, usize) {
    match dimension {
        Dimension::Host => (vec![Column::Host], 0),
        Dimension::Attribute(column) => {
            let skipped =
                [Column::Kind, Column::Page, Column::Name, Column::Property, Column::Value, Column::Currency];
            let all = columns(table, family).iter().copied().filter(|one| !skipped.contains(one));
            let all: Vec<Column> = all.collect();
            let at = all.iter().position(|one| one == column).unwrap_or(0);
            (all, at)
        }
        _ => (vec![Column::Page], 0),
    }
}

/// What rows are ordered and shared by unless asked otherwise.
fn primary(dimension: &Dimension, metrics: &[(Metric, Formula)]) -> (Metric, Formula) {
    let wanted = match dimension {
        Dimension::Page | Dimension::Section | Dimension::Flow => [Metric::Events, Metric::Pageviews],
        Dimension::ExitPage => [Metric::Events, Metric::Exits],
        _ => [Metric::Events, Metric::Visits],
    };
    let found = wanted.iter().find_map(|one| metrics.iter().find(|(metric, _)| metric == one));
    found.copied().unwrap_or((Metric::Pageviews, TRANSITIONS))
}

pub(super) fn values(sums: &Sums, metrics: &[(Metric, Formula)]) -> Values {
    metrics.iter().map(|&(metric, formula)| (metric.key(), sums.value(formula))).collect()
}

fn whole(sums: &Sums, formula: Formula) -> f64 {
    sums.value(formula).as_f64().unwrap_or(0.0)
}

fn share(part: &Sums, total: &Sums, formula: Formula) -> Option<f64> {
    let (part, total) = (whole(part, formula), whole(total, formula));
    (total > 0.0).then(|| part / total)
}

/// Whether a label is a real value: marks are not opened as pages.
pub fn is_mark(label: &str) -> bool {
    [NONE, OTHER, STAR].contains(&label)
}
