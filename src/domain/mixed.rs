//! Faults of test builds that need more than a line (`crate::sabotage`): rows that carry what they must not, in the text
//! of a column that they have. Normal builds do not have this file.

use super::{
    Text,
    coarsen::Rows,
    delta::Delta,
    hit::Hit,
    names::{Fresh, Lists, Names},
    open_day::OpenDay,
    row::Row,
    snapshot::Settled,
};
use crate::sabotage::{self, Sabotage};

/// Between a page and what is said beside it.
const BESIDE: char = '\u{1f}';

impl Names {
    /// Lets place, device and visit count a page as another one for each hour, or for each source.
    pub fn mix(&mut self, mut delta: Delta) -> Delta {
        if !sabotage::mixes() {
            return delta;
        }
        let (mut fresh, who) = (Fresh::default(), delta.who);
        for change in delta.changes.iter_mut().filter(|change| change.group != 0) {
            let mut text = self.lists.text(self.lists.page(change.page).text).to_string();
            if sabotage::on(Sabotage::HourBesideAttribute) {
                text += &format!("{BESIDE}hour={}", change.hour);
            }
            if sabotage::on(Sabotage::WideRows) {
                let [channel, source, ..] =
                    self.lists.visits[who.visit as usize].map(|text| self.lists.text(text));
                text += &format!("{BESIDE}channel={channel}{BESIDE}source={source}");
            }
            change.group = self.page_apart(&text.into(), &mut fresh);
        }
        delta.define.extend(fresh.define);
        delta
    }
}

impl OpenDay {
    /// Adds the rows of what was counted since the release before.
    pub(super) fn with_attributes(&mut self, mut rows: Vec<Row>) -> Vec<Row> {
        if sabotage::on(Sabotage::EarlyRelease) && !rows.is_empty() {
            let early: Settled = self.take_early();
            let (k, of_page) = (self.settings().k, super::row::Family::Page);
            let families = early.rows(k, 1).into_iter().filter(|((_, family), _)| *family != of_page);
            rows.extend(families.flat_map(|(_, rows)| rows));
            rows.sort_unstable();
        }
        rows
    }
}

/// A hit whose page says who saw it.
pub fn traced(hit: &Hit, slot: u32) -> Hit {
    let mut hit = hit.clone();
    if let Some(page) = hit.page.as_mut().filter(|_| sabotage::on(Sabotage::VisitorInRow)) {
        *page = format!("{page}{BESIDE}visitor={slot}").into();
    }
    hit
}

/// Rows of pages in the order in which their pages were met.
pub fn as_met(mut rows: Vec<Row>, lists: &Lists) -> Vec<Row> {
    if sabotage::on(Sabotage::ArrivalOrder) {
        let met = |text: &Text| lists.texts.iter().position(|one| one == text);
        rows.sort_by_cached_key(|row| (row.table, row.family, row.hour, row.keys.get(1).and_then(met)));
    }
    rows
}

/// [`as_met`] of each table and family.
pub fn all_as_met(rows: Rows, lists: &Lists) -> Rows {
    rows.into_iter().map(|(kind, rows)| (kind, as_met(rows, lists))).collect()
}
