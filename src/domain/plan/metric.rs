//! The table: how a metric is counted, by what a cell stands for and by its family, or why it is not.

use super::*;
use crate::domain::{counters::Counter, row::Family};

/// What is shown of a row or a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Metric {
    Visits,
    Visitors,
    Pageviews,
    PageVisits,
    PageVisitors,
    ViewsPerVisit,
    BounceRate,
    VisitDuration,
    Exits,
    TimeOnPage,
    ScrollDepth,
    Events,
    EventVisits,
    EventVisitors,
    EventRate,
    ValueSum,
}

impl Metric {
    pub const ALL: [Metric; 16] = [
        Metric::Visits,
        Metric::Visitors,
        Metric::Pageviews,
        Metric::PageVisits,
        Metric::PageVisitors,
        Metric::ViewsPerVisit,
        Metric::BounceRate,
        Metric::VisitDuration,
        Metric::Exits,
        Metric::TimeOnPage,
        Metric::ScrollDepth,
        Metric::Events,
        Metric::EventVisits,
        Metric::EventVisitors,
        Metric::EventRate,
        Metric::ValueSum,
    ];

    /// The tiles without an event filter, in order.
    pub const TILES: [Metric; 6] = [
        Metric::Visits,
        Metric::Visitors,
        Metric::Pageviews,
        Metric::ViewsPerVisit,
        Metric::BounceRate,
        Metric::VisitDuration,
    ];

    /// The tiles with one.
    pub const EVENT_TILES: [Metric; 5] =
        [Metric::Events, Metric::EventVisits, Metric::EventRate, Metric::EventVisitors, Metric::ValueSum];

    /// The key in URLs and JSON.
    pub const fn key(self) -> &'static str {
        match self {
            Metric::Visits => "visits",
            Metric::Visitors => "visitors",
            Metric::Pageviews => "pageviews",
            Metric::PageVisits => "page_visits",
            Metric::PageVisitors => "page_visitors",
            Metric::ViewsPerVisit => "views_per_visit",
            Metric::BounceRate => "bounce_rate",
            Metric::VisitDuration => "visit_duration",
            Metric::Exits => "exits",
            Metric::TimeOnPage => "time_on_page",
            Metric::ScrollDepth => "scroll_depth",
            Metric::Events => "events",
            Metric::EventVisits => "event_visits",
            Metric::EventVisitors => "event_visitors",
            Metric::EventRate => "event_rate",
            Metric::ValueSum => "value_sum",
        }
    }

    pub fn named(key: &str) -> Option<Metric> {
        Self::ALL.into_iter().find(|one| one.key() == key)
    }

    /// Whether it counts an event.
    pub fn is_of_event(self) -> bool {
        matches!(
            self,
            Metric::Events
                | Metric::EventVisits
                | Metric::EventVisitors
                | Metric::EventRate
                | Metric::ValueSum
        )
    }
}

/// A counter of `pages`, or one of `events` by its place among that table's counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    Page(Counter),
    Event(usize),
    /// Visits (0) and visitors (1) of the `source` family.
    Source(usize),
}

/// How a metric is made of sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Formula {
    Sum(Counted),
    /// First over second; unknown where the second is 0. Both of one family.
    Ratio(Counted, Counted),
    /// The same over 100: percents as a fraction.
    Percent(Counted, Counted),
}

/// The table: how a metric of cells read as `view` in `family` is counted, or why it is not.
///
/// # Errors
/// The refusal in words.
pub fn formula(metric: Metric, view: View, family: Family) -> Result<Formula, Refusal> {
    use Counted::{Event, Page};
    use Counter::*;
    use Formula::{Percent, Ratio, Sum};
    use View::{Began, Ended, Host, Seen, SeenMany, Whole};
    if family == Family::Source {
        return match metric {
            Metric::Visits => Ok(Sum(Page(Visits))),
            Metric::Visitors => Ok(Sum(Page(Visitors))),
            _ => Err(VISITS_ONLY),
        };
    }
    // In `visit`, seconds and scroll are in the sets' own rows (page `*`) only.
    let per_set = family == Family::Visit && view != Whole;
    match (metric, view) {
        (Metric::Events, _) => Ok(Sum(Event(0))),
        (Metric::EventVisitors, Whole) => Ok(Sum(Event(1))),
        (Metric::EventVisits, Whole) => Ok(Sum(Event(2))),
        (Metric::EventRate, Whole) => Ok(Ratio(Event(2), Page(Visits))),
        (Metric::ValueSum, Whole) if matches!(family, Family::Page | Family::Visit) => Ok(Sum(Event(3))),
        (Metric::ValueSum, Whole) => Err(PROPERTY_ALONE),
        (Metric::ValueSum, _) if family == Family::Page => Ok(Sum(Event(3))),
        (Metric::EventVisitors | Metric::EventVisits | Metric::EventRate | Metric::ValueSum, _) => {
            Err(EVENT_RATE_PAGE)
        }

        (Metric::Visits, Whole | Began | Host) => Ok(Sum(Page(Visits))),
        (Metric::Visitors, Whole | Began | Host) => Ok(Sum(Page(Visitors))),
        (Metric::Visits, Seen) => Ok(Sum(Page(PageVisits))),
        (Metric::Visitors, Seen) => Ok(Sum(Page(PageVisitors))),
        (Metric::Visits, Ended) => Ok(Sum(Page(Exits))),
        (Metric::Visits | Metric::Visitors, SeenMany) => Err(OVERLAP),

        (Metric::PageVisits, Seen) => Ok(Sum(Page(PageVisits))),
        (Metric::PageVisitors, Seen) => Ok(Sum(Page(PageVisitors))),
        (Metric::PageVisits | Metric::PageVisitors, _) => Err(OVERLAP),

        (Metric::Pageviews, Whole | Seen | SeenMany | Host) => Ok(Sum(Page(Pageviews))),
        (Metric::ViewsPerVisit, Whole) => Ok(Ratio(Page(Pageviews), Page(Visits))),
        (Metric::ViewsPerVisit, Seen) => Ok(Ratio(Page(Pageviews), Page(PageVisits))),
        (Metric::ViewsPerVisit, SeenMany) => Err(OVERLAP),

        (Metric::BounceRate, Whole | Began | Seen | SeenMany | Host) => {
            Ok(Ratio(Page(Bounces), Page(Visits)))
        }
        (Metric::VisitDuration | Metric::TimeOnPage | Metric::ScrollDepth, _) if per_set => Err(PER_SET),
        (Metric::VisitDuration, Whole | Began | Seen | SeenMany | Host) => {
            Ok(Ratio(Page(VisitSeconds), Page(Visits)))
        }
        (Metric::Exits, _) => Ok(Sum(Page(Exits))),
        (Metric::TimeOnPage, Whole | Seen | SeenMany | Host) => {
            Ok(Ratio(Page(EngagedSeconds), Page(Pageviews)))
        }
        (Metric::ScrollDepth, Whole | Seen | SeenMany | Host) => {
            Ok(Percent(Page(ScrollPercent), Page(ScrollViews)))
        }

        (Metric::ViewsPerVisit, Began | Ended | Host) | (_, Began | Ended) => Err(NOT_BY_ENTRY),
    }
}
