//! Families of a closed day: each counts the same day, so each adds up to the same.

use super::{Outcome, rows::NodeDay};
use crate::{
    close::self_check::SHARED,
    domain::{
        counters::Counter,
        row::{Column, Family, KIND_SECTION, Row, Table},
    },
};

/// The families that a close brings together; `place` stands for what they should all say.
const TOGETHER: [Family; 4] = [Family::Place, Family::Visit, Family::Device, Family::Language];

/// Where families disagree, and whether `page` has all that the others have.
pub(super) fn disagreements(day: &NodeDay<'_>) -> (Vec<(Outcome, String)>, bool) {
    let corrected = day.close.is_some_and(|close| close.corrected);
    let (mut found, mut whole) = (Vec::new(), true);
    for counter in SHARED {
        let expected = total(day, Family::Place, counter);
        for family in TOGETHER {
            // A source was taken out of `visit` afterwards.
            if total(day, family, counter) != expected && !(corrected && family == Family::Visit) {
                let words = format!("`{}` and `place` differ in {}", family.name(), counter.name());
                found.push((Outcome::Breach, words));
            }
        }
        whole &= total(day, Family::Page, counter) == expected;
    }
    let sources = |counter| total(day, Family::Source, counter) != total(day, Family::Visit, counter);
    if !corrected && (sources(Counter::Visits) || sources(Counter::Visitors)) {
        found.push((Outcome::Breach, "`source` and `visit` differ in visits or visitors".to_owned()));
    }
    if !whole {
        let words = "`page` counts other than the close's families: a release waits or was lost, which tells of nobody";
        found.push((Outcome::Warning, words.to_owned()));
    }
    (found, whole)
}

fn total(day: &NodeDay<'_>, family: Family, counter: Counter) -> i64 {
    let counted = |row: &&&Row| {
        let section = row.key(Column::Kind).is_some_and(|kind| &**kind == KIND_SECTION);
        // Sections overlap the pages of `page` and `visit`; in the other families they stand in their place.
        let overlaps = section && matches!(family, Family::Page | Family::Visit);
        (row.table, row.family) == (Table::Pages, family) && !overlaps
    };
    day.rows.iter().filter(counted).map(|row| row.counts[counter as usize]).sum()
}
