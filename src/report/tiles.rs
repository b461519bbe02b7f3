//! Tiles and the chart: the whole scope, and the same by bucket.

use std::collections::BTreeMap;

use super::{
    answer::{Series, ShownBucket, Tile, Values},
    ask::Plan,
    panels::{property, query, values},
    range::{Bucket, Interval, Range, Today, buckets},
    reads::{Number, Reads, Span, Sums},
    spans::{current_span, open, previous_span},
};
use crate::{
    domain::{
        Text,
        counters::Counter,
        day::{Day, Hour},
        declaration::Site,
        plan::{Formula, Metric, NO_CURRENCY, Refusal},
        query::{Condition, Group},
        row::{Column, Family, Table, columns},
    },
    store::StoreError,
};

/// Sums by day, and by hour where the chart is by the hour (else hour 0).
type Cells = BTreeMap<(Day, Hour), Sums>;

/// The tiles and the chart of a plan.
pub(super) fn tiles(
    reads: &Reads<'_>,
    plan: &Plan,
    site: &Site,
    today: &Today,
) -> Result<(BTreeMap<&'static str, Tile>, Series), StoreError> {
    let now = cells(reads, plan, plan.range.into())?;
    let open = open(plan, today);
    let before = previous_span(plan, today);
    let previous = match before {
        Some(span) => Some(cells(reads, plan, span)?),
        None => None,
    };
    let compared = match (before, open) {
        (Some(_), Some(_)) => cells(reads, plan, current_span(plan, today))?,
        _ => now.clone(),
    };
    let shown = tiles_of(plan, site, &now, &compared, previous.as_ref(), before);
    // By the hour, the grey line goes on to the end of the day; by the day it stops where today does.
    let line = match (before, plan.interval) {
        (Some(span), Interval::Hour) => Some(cells(reads, plan, span.range.into())?),
        _ => previous,
    };
    Ok((shown, series(plan, site, today, &now, line.as_ref())))
}

fn tiles_of(
    plan: &Plan,
    site: &Site,
    now: &Cells,
    compared: &Cells,
    previous: Option<&Cells>,
    before: Option<Span>,
) -> BTreeMap<&'static str, Tile> {
    let metrics = if plan.scope.event { &Metric::EVENT_TILES[..] } else { &Metric::TILES[..] };
    // Nothing is left to compare with where the only day is the open one and no hours are stored.
    let empty =
        before.is_some_and(|span| span.cut.is_some() && span.range.len() == 1 && !plan.scope.has_hours());
    let currency = currency(plan, site);
    let tile = |metric: Metric| match answered(plan, site, metric) {
        Err(refused) => Tile {
            value: Number::Unknown,
            compared: Number::Unknown,
            previous: Number::Unknown,
            currency: None,
            refused: Some(refused),
        },
        Ok(formula) => Tile {
            value: sum(now).value(formula),
            compared: if empty { Number::Unknown } else { sum(compared).value(formula) },
            previous: match previous {
                Some(cells) if !empty => sum(cells).value(formula),
                _ => Number::Unknown,
            },
            currency: (metric == Metric::ValueSum).then(|| currency.cloned()).flatten(),
            refused: None,
        },
    };
    metrics.iter().map(|&metric| (metric.key(), tile(metric))).collect()
}

/// How a metric of the whole scope is counted.
///
/// # Errors
/// The refusal in words: the plan table's, or that an event has no revenue.
pub(super) fn answered(plan: &Plan, site: &Site, metric: Metric) -> Result<Formula, Refusal> {
    match plan.scope.tile(metric)? {
        _ if metric == Metric::ValueSum && currency(plan, site).is_none() => Err(NO_CURRENCY),
        formula => Ok(formula),
    }
}

/// The currency of the event that is filtered by.
fn currency<'a>(plan: &Plan, site: &'a Site) -> Option<&'a Text> {
    let name = plan.scope.events().first()?;
    site.events.iter().find(|event| event.name == *name)?.currency.as_ref()
}

fn sum(cells: &Cells) -> Sums {
    cells.values().fold(Sums::default(), |sum, one| sum.plus(one))
}

fn cells(reads: &Reads<'_>, plan: &Plan, span: Span) -> Result<Cells, StoreError> {
    let (scope, family) = (&plan.scope, plan.scope.family());
    let mut group = vec![Column::Day];
    if plan.interval == Interval::Hour {
        group.push(Column::Hour);
    }
    let mut out = Cells::new();
    let filters = scope.conditions(Table::Pages, family, Some(scope.kind()));
    let groups = reads.span(query(Table::Pages, family, group.clone(), filters), span)?;
    add(&mut out, Table::Pages, &groups);
    if scope.is_of_sources() {
        let filters = scope.conditions(Table::Pages, Family::Source, None);
        for one in reads.span(query(Table::Pages, Family::Source, vec![Column::Day], filters), span)?.iter() {
            if let Some(day) = Day::parse(&one.keys[0]) {
                let own = &mut out.entry((day, Hour(0))).or_default().source;
                own[0] += one.sums[Counter::Visits as usize];
                own[1] += one.sums[Counter::Visitors as usize];
            }
        }
    }
    if scope.event {
        let mut filters = scope.conditions(Table::Events, family, Some(scope.kind()));
        if columns(Table::Events, family).contains(&Column::Property) {
            filters.push(Condition::is(Column::Property, property(plan)));
        }
        let groups = reads.span(query(Table::Events, family, group, filters), span)?;
        add(&mut out, Table::Events, &groups);
    }
    Ok(out)
}

fn add(out: &mut Cells, table: Table, groups: &[Group]) {
    for group in groups {
        let hour = group.keys.get(1).and_then(|hour| hour.parse().ok()).unwrap_or(0);
        if let Some(day) = Day::parse(&group.keys[0]) {
            out.entry((day, Hour(hour))).or_default().add(table, &group.sums);
        }
    }
}

fn series(plan: &Plan, site: &Site, today: &Today, now: &Cells, previous: Option<&Cells>) -> Series {
    let metrics: Vec<(Metric, Formula)> = Metric::ALL
        .iter()
        .filter_map(|&one| answered(plan, site, one).ok().map(|formula| (one, formula)))
        .collect();
    let made = buckets(plan.range, plan.interval, &site.zone);
    let shift = plan.comparison.map_or(0, |range| range.first.0 - plan.range.first.0);
    let shown = made.into_iter().map(|bucket| ShownBucket {
        values: match is_ahead(&bucket, today) {
            true => metrics.iter().map(|(metric, _)| (metric.key(), Number::Unknown)).collect(),
            false => values(&within(&bucket, 0, now, plan.range), &metrics),
        },
        previous: previous.and_then(|cells| before(&bucket, shift, cells, plan, &metrics)),
        complete: is_complete(&bucket, today),
        twice: bucket.hour.is_some_and(|hour| site.zone.happens_twice(bucket.first, hour)),
        at: bucket.at,
    });
    Series { metric: plan.metric.key(), buckets: shown.collect() }
}

fn before(
    bucket: &Bucket,
    shift: i32,
    cells: &Cells,
    plan: &Plan,
    metrics: &[(Metric, Formula)],
) -> Option<Values> {
    let range = plan.comparison?;
    let inside = range.holds(bucket.first.plus(shift)) || range.holds(bucket.last.plus(shift));
    inside.then(|| values(&within(bucket, shift, cells, range), metrics))
}

/// The bucket's sums, in a range that begins `shift` days after the bucket's.
fn within(bucket: &Bucket, shift: i32, cells: &Cells, range: Range) -> Sums {
    let (first, last) = (bucket.first.plus(shift), bucket.last.plus(shift));
    let (from, to) = match bucket.hour {
        Some(hour) => ((first, hour), (last, hour)),
        None => ((first, Hour(0)), (last, Hour(23))),
    };
    let inside = cells.range(from..=to).filter(|((day, _), _)| range.holds(*day));
    inside.fold(Sums::default(), |sum, (_, one)| sum.plus(one))
}

fn is_complete(bucket: &Bucket, today: &Today) -> bool {
    match bucket.hour {
        Some(hour) => (bucket.last, hour) < (today.day, today.hour),
        None => bucket.last < today.day,
    }
}

fn is_ahead(bucket: &Bucket, today: &Today) -> bool {
    match bucket.hour {
        Some(hour) => (bucket.first, hour) > (today.day, today.hour),
        None => bucket.first > today.day,
    }
}
