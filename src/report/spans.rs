//! What is held against what while today is open: both sides up to the last complete hour.

use super::{ask::Plan, range::Today, reads::Span};
use crate::domain::day::{Day, Hour};

/// Today and the hour that is running, if today is in the plan's range.
pub(super) fn open(plan: &Plan, today: &Today) -> Option<(Day, Hour)> {
    plan.range.holds(today.day).then_some((today.day, today.hour))
}

/// The plan's range without the running hour (without the open day, where no hours are stored).
pub(super) fn current_span(plan: &Plan, today: &Today) -> Span {
    Span { range: plan.range, cut: open(plan, today) }
}

/// The compared range, cut at the same place.
pub(super) fn previous_span(plan: &Plan, today: &Today) -> Option<Span> {
    let range = plan.comparison?;
    let cut = open(plan, today).filter(|_| range.len() == plan.range.len());
    let same = cut.map(|(day, hour)| (range.first.plus(day.0 - plan.range.first.0), hour));
    Some(Span { range, cut: same })
}
