//! An open day as memory showed it at one moment: what a report adds to the store's rows.

use std::{collections::HashMap, fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{
    day::{Day, Hour},
    query::{Group, Query},
    row::{Family, Row, Table},
};

/// Who reads: decides whether the open day's `page` and `source` rows are live or as of the last full hour.
/// All other families are as of the last full hour for everyone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reader {
    /// Signed-in people of the site, and keys of scope `staff`.
    Staff,
    /// Other keys, shares, embeds, badges, mails.
    Outside,
}

/// One site-day that is not closed (or whose close the store has not acknowledged yet).
#[derive(Clone, Debug)]
pub struct DayView {
    pub day: Day,
    pub node: u32,
    /// The store holds this day's releases up to this number; `rows` hold everything after. 0: none yet.
    pub released: u32,
    /// The hour from whose beginning on attribute families are not shown yet; `None` where the day's rows are
    /// final and only wait for the store.
    pub as_of: Option<Hour>,
    /// Coarsened by the rules of the close, as rows would be released now.
    pub rows: HashMap<(Table, Family), Arc<Vec<Row>>>,
    pub k: u32,
    pub salt_epochs: u32,
    /// Releases of the day that wait on the disk only: neither `rows` nor the store hold them.
    pub on_disk: u32,
}

impl DayView {
    /// The rows of one table and family.
    pub fn rows(&self, table: Table, family: Family) -> &[Row] {
        self.rows.get(&(table, family)).map_or(&[], |rows| rows.as_slice())
    }
}

/// One site-day that another node holds, without its rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldDay {
    pub day: Day,
    pub node: u32,
    pub released: u32,
    pub as_of: Option<Hour>,
    pub on_disk: u32,
    /// Whether it has any rows.
    pub counted: bool,
}

impl From<&DayView> for HeldDay {
    fn from(view: &DayView) -> HeldDay {
        let DayView { day, node, released, as_of, on_disk, .. } = *view;
        HeldDay {
            day,
            node,
            released,
            as_of,
            on_disk,
            counted: view.rows.values().any(|rows| !rows.is_empty()),
        }
    }
}

/// The open days that other nodes hold of one site, each node's seen at one moment.
pub trait Elsewhere: fmt::Debug + Send + Sync {
    fn days(&self) -> &[HeldDay];

    /// Each node's groups of a query over all its days. A node that is lost meanwhile gives none, and whoever asked
    /// for the reading finds out.
    fn evaluate(&self, query: &Query) -> Vec<Vec<Group>>;
}

/// All open days of one site, seen at one moment.
#[derive(Clone, Debug, Default)]
pub struct MemoryView {
    pub days: Vec<DayView>,
    /// Days of releases that no day waits with any more: the store refused them, or their day's journal is lost.
    pub aside: Vec<Day>,
    /// What other nodes hold.
    pub elsewhere: Option<Arc<dyn Elsewhere>>,
    /// Nodes that hold open days and did not answer.
    pub missing: Vec<u32>,
    /// Of those, days that may be open: day, node, and the last release of it that is read, as if memory had said so.
    pub pinned: Vec<(Day, u32, u32)>,
}

impl MemoryView {
    /// All days, here and elsewhere.
    pub fn held(&self) -> impl Iterator<Item = HeldDay> + '_ {
        let elsewhere = self.elsewhere.iter().flat_map(|elsewhere| elsewhere.days().iter().cloned());
        self.days.iter().map(HeldDay::from).chain(elsewhere)
    }

    /// Day, node, and the last release of it that the store is to be asked for.
    pub fn released(&self) -> Vec<(Day, u32, u32)> {
        let held = self.held().map(|one| (one.day, one.node, one.released));
        held.chain(self.pinned.iter().copied()).collect()
    }

    /// The groups of a query over all days, in parts that are to be added up.
    pub fn evaluate(&self, query: &Query) -> Vec<Vec<Group>> {
        let open = self.days.iter().filter(|one| query.days.0 <= one.day && one.day <= query.days.1);
        let mut parts: Vec<_> = open.map(|one| query.evaluate(one.rows(query.table, query.family))).collect();
        if let Some(elsewhere) = &self.elsewhere
            && elsewhere.days().iter().any(|one| query.days.0 <= one.day && one.day <= query.days.1)
        {
            parts.extend(elsewhere.evaluate(query));
        }
        parts.retain(|part| !part.is_empty());
        parts
    }
}
