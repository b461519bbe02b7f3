//! Goals and funnels: visits that reached a page, a section or an event, alone or in order.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{
    answer::{Panel, PanelRow, ShownStep, Values},
    panels::{Panels, query},
    range::Range,
    reads::{Number, Span, Sums},
    spans::{current_span, previous_span},
};
use crate::{
    domain::{
        Text,
        counters::Counter,
        day::Day,
        declaration::Step,
        plan::Dimension,
        row::{Column, Family, KIND_PAGE, Table},
    },
    store::StoreError,
};

/// Entrants by funnel and step.
type Entrants = HashMap<(Text, Text), i64>;

impl Panels<'_> {
    pub(super) fn goals(&self) -> Result<Panel, StoreError> {
        let family = self.plan.scope.family();
        let now = self.goals_over(family, self.plan.range.into())?;
        let before = match previous_span(self.plan, self.today) {
            Some(span) => Some(self.goals_over(family, span)?),
            None => None,
        };
        let current = current_span(self.plan, self.today);
        let cut = match (&before, current.cut) {
            (Some(_), Some(_)) => Some(self.goals_over(family, current)?),
            _ => None,
        };
        let row = |(at, values): (usize, Values)| PanelRow {
            name: self.site.goals[at].name.clone(),
            value: self.site.goals[at].name.clone(),
            reached_by: Some(self.site.goals[at].reached_by.clone()),
            values,
            compared: cut.as_ref().map(|all| all[at].clone()),
            previous: before.as_ref().map(|all| all[at].clone()),
            ..PanelRow::default()
        };
        Ok(listed(family, now.into_iter().enumerate().map(row).collect()))
    }

    /// The values of each goal, in the order of the site's.
    fn goals_over(&self, family: Family, span: Span) -> Result<Vec<Values>, StoreError> {
        let filters = self.plan.scope.conditions(Table::Pages, family, Some(KIND_PAGE));
        let groups = self.reads.span(query(Table::Pages, family, Vec::new(), filters), span)?;
        let visits: i64 = groups.iter().map(|one| one.sums[Counter::Visits as usize]).sum();
        let mut out = Vec::new();
        for goal in &self.site.goals {
            let reached = self.reached(&goal.reached_by, family, span)?;
            let rate = match reached {
                Some(n) if visits > 0 => Number::Real(n as f64 / visits as f64),
                _ => Number::Unknown,
            };
            let reached = reached.map_or(Number::Unknown, Number::Whole);
            out.push(BTreeMap::from([("visits", reached), ("event_rate", rate)]));
        }
        Ok(out)
    }

    /// Visits that reached a goal; `None` where fewer than k or none did.
    fn reached(&self, step: &Step, family: Family, span: Span) -> Result<Option<i64>, StoreError> {
        let (dimension, label) = match step {
            Step::Page(label) => (Dimension::Page, label),
            Step::Section(label) => (Dimension::Section, label),
            Step::Event(label) => (Dimension::Event, label),
        };
        let found = self.found(&dimension, family, span)?;
        let is = |value: &Text| {
            value == label
                || dimension == Dimension::Page
                    && label.starts_with('/')
                    && value.find('/').is_some_and(|at| value[at..] == **label)
        };
        let mut rows = found.rows.iter().filter(|(value, _)| is(value)).peekable();
        if rows.peek().is_none() {
            return Ok((family == Family::Page).then_some(0));
        }
        let reached = |sums: &Sums| match dimension {
            Dimension::Event => sums.event[2],
            _ => sums.page[Counter::PageVisits as usize],
        };
        Ok(Some(rows.map(|(_, sums)| reached(sums)).sum()))
    }

    pub(super) fn funnels(&self) -> Result<Panel, StoreError> {
        let family = self.plan.scope.family();
        let now = self.entrants(family, self.plan.range.into())?;
        let before = match previous_span(self.plan, self.today) {
            Some(span) => Some(self.entrants(family, span)?),
            None => None,
        };
        let at = |all: &Entrants, funnel: &Text, step: usize| {
            let step: Text = step.to_string().into();
            all.get(&(funnel.clone(), step)).copied().unwrap_or(0)
        };
        let first =
            |all: &Entrants, funnel: &Text| BTreeMap::from([("entrants", Number::Whole(at(all, funnel, 1)))]);
        let rows = self.site.funnels.iter().map(|funnel| {
            let steps = funnel.steps.iter().enumerate().map(|(index, step)| {
                let (kind, name) = match step {
                    Step::Page(label) => ("page", label),
                    Step::Section(label) => ("section", label),
                    Step::Event(label) => ("event", label),
                };
                ShownStep {
                    name: name.clone(),
                    kind,
                    entrants: at(&now, &funnel.name, index + 1),
                    previous: before.as_ref().map(|all| at(all, &funnel.name, index + 1)),
                }
            });
            PanelRow {
                name: funnel.name.clone(),
                value: funnel.name.clone(),
                values: first(&now, &funnel.name),
                previous: before.as_ref().map(|all| first(all, &funnel.name)),
                since: self.since(&funnel.name, self.plan.range.first).map(|day| day.to_string()),
                steps: steps.collect(),
                ..PanelRow::default()
            }
        });
        Ok(listed(family, rows.collect()))
    }

    /// The day on which a funnel was declared, if that is after `first`.
    fn since(&self, funnel: &Text, first: Day) -> Option<Day> {
        self.site.funnels_since.get(funnel).copied().filter(|&day| day > first)
    }

    /// Of each funnel from its declaration on: what was stored under its name before had other steps.
    fn entrants(&self, family: Family, span: Span) -> Result<Entrants, StoreError> {
        let start = |funnel: &Text| self.since(funnel, span.range.first).unwrap_or(span.range.first);
        let starts: BTreeSet<Day> = self.site.funnels.iter().map(|one| start(&one.name)).collect();
        let mut out = Entrants::new();
        for first in starts.into_iter().filter(|&day| day <= span.range.last) {
            let span = Span { range: Range { first, ..span.range }, ..span };
            let filters = self.plan.scope.conditions(Table::Funnels, family, None);
            let asked = query(Table::Funnels, family, vec![Column::Funnel, Column::Step], filters);
            let groups = self.reads.span(asked, span)?;
            let own = groups.iter().filter(|one| start(&one.keys[0]) == first);
            out.extend(own.map(|one| ((one.keys[0].clone(), one.keys[1].clone()), one.sums[0])));
        }
        Ok(out)
    }
}

fn listed(family: Family, rows: Vec<PanelRow>) -> Panel {
    Panel { family: Some(family.name()), total_rows: rows.len(), rows, overlaps: true, ..Panel::default() }
}
