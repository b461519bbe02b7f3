//! The additive counters of docs/COUNTING.md: signed 64-bit, summed over everything.

use std::ops::{AddAssign, Index, IndexMut};

use serde::{Deserialize, Serialize};

/// A counter of a page cell. The order is the order of the columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[repr(u8)]
pub enum Counter {
    /// A page is viewed; a reload is a view.
    Pageviews,
    /// This visitor-day sees this page for the first time.
    PageVisitors,
    /// This visit sees this page for the first time.
    PageVisits,
    /// The visitor-day begins, in its entry cell.
    Visitors,
    /// A visit begins, in its entry cell.
    Visits,
    /// A visit begins; taken back at its second page view or first interactive event.
    Bounces,
    /// A page becomes the visit's last page; taken back when another does.
    Exits,
    /// Seconds from first to latest hit of the visit, in its entry cell.
    VisitSeconds,
    /// Seconds visible and focused.
    EngagedSeconds,
    /// (visit, page) pairs with a scroll depth.
    ScrollViews,
    /// Sum of the deepest scroll, 0-100, of those pairs.
    ScrollPercent,
}

impl Counter {
    pub const COUNT: usize = 11;
    pub const ALL: [Counter; Counter::COUNT] = [
        Counter::Pageviews,
        Counter::PageVisitors,
        Counter::PageVisits,
        Counter::Visitors,
        Counter::Visits,
        Counter::Bounces,
        Counter::Exits,
        Counter::VisitSeconds,
        Counter::EngagedSeconds,
        Counter::ScrollViews,
        Counter::ScrollPercent,
    ];

    /// The columns, in order.
    pub const NAMES: [&str; Counter::COUNT] = {
        let mut names = [""; Counter::COUNT];
        let mut at = 0;
        while at < Counter::COUNT {
            names[at] = Counter::ALL[at].name();
            at += 1;
        }
        names
    };

    /// The counter's column.
    pub const fn name(self) -> &'static str {
        match self {
            Counter::Pageviews => "pageviews",
            Counter::PageVisitors => "page_visitors",
            Counter::PageVisits => "page_visits",
            Counter::Visitors => "visitors",
            Counter::Visits => "visits",
            Counter::Bounces => "bounces",
            Counter::Exits => "exits",
            Counter::VisitSeconds => "visit_seconds",
            Counter::EngagedSeconds => "engaged_seconds",
            Counter::ScrollViews => "scroll_views",
            Counter::ScrollPercent => "scroll_percent",
        }
    }
}

/// The counters of one page cell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters(pub [i64; Counter::COUNT]);

impl Counters {
    pub fn is_zero(&self) -> bool {
        self.0.iter().all(|&n| n == 0)
    }
}

impl Index<Counter> for Counters {
    type Output = i64;
    fn index(&self, counter: Counter) -> &i64 {
        &self.0[counter as usize]
    }
}

impl IndexMut<Counter> for Counters {
    fn index_mut(&mut self, counter: Counter) -> &mut i64 {
        &mut self.0[counter as usize]
    }
}

impl AddAssign<&Counters> for Counters {
    fn add_assign(&mut self, other: &Counters) {
        for (sum, n) in self.0.iter_mut().zip(other.0) {
            *sum += n;
        }
    }
}
