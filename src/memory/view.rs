//! What readers see of a site-day: rows that memory holds, and up to which release the store holds the rest.
//! Both are taken under one lock, so nothing is missing and nothing is there twice, in every phase of the day.

use std::sync::Arc;

use super::{
    site_day::SiteDay,
    state::{Phase, Rows},
};
use crate::domain::{
    row::{Family, Release, Table},
    tally::OpenDay,
    view::{DayView, Reader},
};

/// What signed-in staff see as it happens; everything else is as of the last full hour for everyone.
const LIVE: [(Table, Family); 4] = [
    (Table::Pages, Family::Page),
    (Table::Pages, Family::Source),
    (Table::Events, Family::Page),
    (Table::Ledger, Family::Page),
];

impl SiteDay {
    /// What a reader may see of the day now.
    pub fn view(&self, reader: Reader) -> DayView {
        let state = self.lock();
        let mut view = DayView {
            day: self.calendar.day,
            node: self.node,
            released: state.stored,
            as_of: state.turned.hour,
            rows: Rows::new(),
            k: self.k,
            salt_epochs: state.epochs,
            on_disk: state.waiting.iter().filter(|one| one.release.is_none()).count() as u32,
        };
        if let Phase::Closed | Phase::Removed = state.phase {
            view.as_of = None;
            let waiting = state.releases();
            drop(state);
            add_releases(&mut view.rows, &waiting);
            return view;
        }
        let turned = state.turned.clone();
        let live = (reader == Reader::Staff).then(|| state.open().map(OpenDay::live)).flatten();
        let Some(live) = live else {
            drop(state);
            view.released = turned.stored;
            view.rows = turned.rows(self.k, view.salt_epochs).clone();
            add_releases(&mut view.rows, &turned.waiting);
            return view;
        };
        let waiting = state.releases();
        drop(state);
        view.rows = turned.rows(self.k, view.salt_epochs).clone();
        view.rows.retain(|kind, _| !LIVE.contains(kind));
        for row in live.into_rows() {
            Arc::make_mut(view.rows.entry((row.table, row.family)).or_default()).push(row);
        }
        add_releases(&mut view.rows, &waiting);
        view
    }
}

fn add_releases(rows: &mut Rows, releases: &[Arc<Release>]) {
    for row in releases.iter().flat_map(|release| &release.rows) {
        Arc::make_mut(rows.entry((row.table, row.family)).or_default()).push(row.clone());
    }
}
