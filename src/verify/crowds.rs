//! Sizes of the rows of a closed day. Written against DESIGN's words, without the close's code: every told row counts
//! enough visitors, and so does what is left of a page or a label once the told rows are taken off.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{Tally, rows::NodeDay};
use crate::domain::{
    OTHER, STAR, Text,
    counters::Counter,
    row::{Column, Family, KIND_PAGE, Row, Table},
};

/// What is too small, in words. `whole`: the family `page` has all that the others count, so that what is left of its
/// pages can be told.
pub(super) fn small(day: &NodeDay<'_>, whole: bool) -> Vec<String> {
    let (needed, mut found) = (day.needed(), Tally::new());
    if needed <= 1 {
        return Vec::new();
    }
    for family in [Family::Place, Family::Device] {
        cells(day, family, needed, &mut found);
        if whole {
            left_of_pages(day, family, needed, &mut found);
        }
        events(day, family, needed, &mut found);
    }
    cells(day, Family::Language, needed, &mut found);
    flows(day, needed, &mut found);
    if !day.close.is_some_and(|close| close.corrected) {
        visits(day, needed, &mut found);
    }
    let words = |(what, rows)| format!("{rows} {what} fewer than {needed} visitors");
    found.into_iter().map(words).collect()
}

fn of<'d>(day: &'d NodeDay<'_>, table: Table, family: Family) -> impl Iterator<Item = &'d Row> + Clone {
    day.rows.iter().copied().filter(move |row| (row.table, row.family) == (table, family))
}

/// Where a row stands: its page, if it is told, and its attributes.
fn page(row: &Row) -> Option<(&Text, &Text)> {
    row.key(Column::Kind).zip(row.key(Column::Page)).filter(|(_, page)| &***page != STAR)
}

fn label(row: &Row) -> &[Text] {
    let before = match (row.table, row.family) {
        (_, Family::Language) => 0,
        (Table::Events, Family::Place | Family::Device) => 1,
        _ => 2,
    };
    row.keys.get(before..).unwrap_or_default()
}

fn tells(label: &[Text]) -> bool {
    label.iter().any(|text| &**text != STAR)
}

fn count(row: &Row, counter: Counter) -> i64 {
    row.counts[counter as usize]
}

fn note(found: &mut Tally, what: String) {
    *found.entry(what).or_default() += 1;
}

/// Told cells by their page's visitors; the rest of a label by those who began there.
fn cells(day: &NodeDay<'_>, family: Family, needed: i64, found: &mut Tally) {
    let rows = of(day, Table::Pages, family);
    let alone = rows.clone().count() == 1;
    for row in rows {
        let (page, told) = (page(row), tells(label(row)));
        let size = count(row, if page.is_some() { Counter::PageVisitors } else { Counter::Visitors });
        let name = family.name();
        match (page.is_some() || told, size < needed) {
            (true, true) => note(found, format!("told rows of `{name}` count")),
            // All of a day that has too few, as one row.
            (false, true) if !alone => note(found, format!("remainders of `{name}` count")),
            _ => {}
        }
    }
}

/// A page's own total less its told cells: nothing, or a crowd.
fn left_of_pages(day: &NodeDay<'_>, family: Family, needed: i64, found: &mut Tally) {
    let mut told: HashMap<(&Text, &Text), i64> = HashMap::new();
    for row in of(day, Table::Pages, family) {
        if let Some(page) = page(row) {
            *told.entry(page).or_default() += count(row, Counter::PageVisitors);
        }
    }
    let mut totals: HashMap<(&Text, &Text), i64> = HashMap::new();
    for row in of(day, Table::Pages, Family::Page) {
        if let Some(page) = page(row).filter(|page| told.contains_key(page)) {
            *totals.entry(page).or_default() += count(row, Counter::PageVisitors);
        }
    }
    let sections: BTreeSet<&Text> =
        told.keys().filter(|(kind, _)| &***kind != KIND_PAGE).map(|&(_, page)| page).collect();
    for (page, told) in told {
        // A path counts for its first section here and for each there: only a section that is alone can be compared.
        if &**page.0 != KIND_PAGE && sections.len() > 1 {
            continue;
        }
        let left = totals.get(&page).copied().unwrap_or(told) - told;
        if left != 0 && left < needed {
            note(found, format!("remainders of pages in `{}` count", family.name()));
        }
    }
}

/// Events by attributes: each row a crowd, unless too few did it at all.
fn events(day: &NodeDay<'_>, family: Family, needed: i64, found: &mut Tally) {
    const EVENT_VISITORS: usize = 1;
    let mut of_name: BTreeMap<Option<&Text>, Vec<&Row>> = BTreeMap::new();
    for row in of(day, Table::Events, family) {
        of_name.entry(row.key(Column::Name)).or_default().push(row);
    }
    for rows in of_name.values() {
        for row in rows {
            let alone = rows.len() == 1 && !tells(label(row));
            if row.counts[EVENT_VISITORS] < needed && !alone {
                note(found, format!("rows of events by `{}` count", family.name()));
            }
        }
    }
}

/// From which page to which: a pair that too few took has no page that it leads to. Who takes it more than once counts more
/// than once, so this finds what is too small for sure.
fn flows(day: &NodeDay<'_>, needed: i64, found: &mut Tally) {
    const TRANSITIONS: usize = 0;
    for row in of(day, Table::Flows, Family::Page) {
        let told = row.key(Column::To).is_some_and(|to| &**to != OTHER);
        if told && row.counts[TRANSITIONS] < needed {
            note(found, "pairs of pages in `flows` count".to_owned());
        }
    }
}

/// Sets of visit attributes over all pages, and pages over all sets.
fn visits(day: &NodeDay<'_>, needed: i64, found: &mut Tally) {
    let mut sets: HashMap<&[Text], i64> = HashMap::new();
    let mut pages: HashMap<(&Text, &Text), i64> = HashMap::new();
    for row in of(day, Table::Pages, Family::Visit) {
        if let Some(page) = page(row) {
            *pages.entry(page).or_default() += count(row, Counter::PageVisitors);
        }
        if row.key(Column::Kind).is_some_and(|kind| &**kind == KIND_PAGE) {
            *sets.entry(label(row)).or_default() += count(row, Counter::Visitors);
        }
    }
    let alone = sets.len() == 1;
    for (set, visitors) in &sets {
        if *visitors < needed && (tells(set) || !alone) {
            note(found, "sets of visit attributes count".to_owned());
        }
    }
    let few = pages.values().filter(|&&seen| seen < needed).count();
    (0..few).for_each(|_| note(found, "pages told in `visit` count".to_owned()));
}
