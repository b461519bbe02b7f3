//! An open day as memory showed it at one moment: what a report adds to the store's rows.

use std::{collections::HashMap, sync::Arc};

use super::{
    day::{Day, Hour},
    row::{Family, Row, Table},
};

/// Who reads: decides whether the open day's `page` and `source` rows are live or as of the last full hour.
/// All other families are as of the last full hour for everyone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// All open days of one site, seen at one moment.
#[derive(Clone, Debug, Default)]
pub struct MemoryView {
    pub days: Vec<DayView>,
    /// Days of releases that no day waits with any more: the store refused them, or their day's journal is lost.
    pub aside: Vec<Day>,
}
