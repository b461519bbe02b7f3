//! The table of what can be asked, checked line by line.

use super::*;
use crate::domain::{Text, counters::Counter, declaration::Section, query::Operator, row::Family};

fn filter(text: &str) -> Filter {
    let (key, value) = text.split_once('=').unwrap();
    let (operator, value) = match value.strip_prefix('~') {
        Some(rest) => (Operator::Contains, rest),
        None => (Operator::Is, value),
    };
    let values = value.split('|').map(Text::from).collect();
    Filter { dimension: Dimension::named(key).unwrap(), operator, values }
}

fn scope(filters: &[&str]) -> Result<Scope, Refusal> {
    let filters: Vec<Filter> = filters.iter().map(|one| filter(one)).collect();
    Scope::of(&filters, &[Section { pattern: "/blog/*".into() }])
}

#[track_caller]
fn refused(filters: &[&str], why: Refusal) {
    assert_eq!(scope(filters).map(|_| ()), Err(why), "{filters:?}");
}

#[test]
fn filters_that_no_row_answers_are_refused() {
    refused(&["country=EE", "browser=Firefox"], ONE_FAMILY);
    refused(&["source=x", "country=EE"], ONE_FAMILY);
    refused(&["page=a/x", "entry=a/y"], ONE_PAGE);
    refused(&["language=et", "page=a/x"], LANGUAGE_APART);
    refused(&["language=et", "event=x"], LANGUAGE_APART);
    refused(&["country=EE", "page=a/blog/x"], IN_SECTION);
    refused(&["country=EE", "page=a/x", "event=e"], EVENT_PAGE);
    refused(&["source=x", "page=a/x", "event=e"], EVENT_PAGE);
    refused(&["country=EE", "event=e", "prop.p=v"], PROPERTY_ALONE);
    refused(&["prop.p=v"], PROPERTY_EVENT);
    refused(&["event=e", "prop.p=v", "prop.q=v"], PROPERTY_ONE);
    refused(&["country=EE", "page=~lo"], IN_SECTION);
    refused(&["event=e", "entry=a/x"], EVENT_ENTRY);
    refused(&["host=a", "source=x"], HOST_ALONE);
    refused(&["section=/a/*|/b/*"], SECTION_IS);
}

#[track_caller]
fn answers(filters: &[&str], dimension: &str, expected: Result<Family, Refusal>) {
    let dimension = Dimension::named(dimension).unwrap();
    assert_eq!(scope(filters).unwrap().answers(&dimension), expected, "{filters:?} by {dimension:?}");
}

#[test]
fn panels_come_from_one_family_or_say_why_not() {
    answers(&[], "page", Ok(Family::Page));
    answers(&[], "country", Ok(Family::Place));
    answers(&[], "source", Ok(Family::Visit));
    answers(&["country=EE"], "city", Ok(Family::Place));
    answers(&["country=EE"], "page", Ok(Family::Place));
    answers(&["country=EE"], "browser", Err(STORED_APART));
    answers(&["country=EE"], "source", Err(SOURCES_APART));
    answers(&["source=x"], "language", Err(SOURCES_APART));
    answers(&["page=a/x"], "country", Ok(Family::Place));
    answers(&["page=a/blog/x"], "country", Err(IN_SECTION));
    answers(&["page=a/blog/x"], "source", Ok(Family::Visit));
    answers(&["section=/blog/*"], "country", Ok(Family::Place));
    answers(&["page=a/x"], "language", Err(LANGUAGE_APART));
    answers(&["event=e"], "country", Ok(Family::Place));
    answers(&["event=e"], "goal", Err(GOALS));
    answers(&["country=EE"], "goal", Ok(Family::Place));
    answers(&["event=e", "page=a/x"], "country", Err(EVENT_PAGE));
    answers(&["event=e", "prop.p=v"], "country", Err(PROPERTY_ALONE));
    answers(&["event=e", "prop.p=v"], "channel", Ok(Family::Visit));
    answers(&["country=EE"], "prop.p", Err(PROPERTY_ALONE));
    answers(&["event=e"], "prop.p", Ok(Family::Page));
    answers(&["entry=a/x"], "page", Err(NOT_BY_ENTRY));
    answers(&["entry=a/x"], "source", Ok(Family::Visit));
    answers(&["source=x"], "funnel", Ok(Family::Visit));
    answers(&["country=EE"], "funnel", Err(FUNNELS));
}

#[track_caller]
fn tile(filters: &[&str], metric: Metric, expected: Result<Formula, Refusal>) {
    assert_eq!(scope(filters).unwrap().tile(metric), expected, "{metric:?} with {filters:?}");
}

#[test]
fn tiles_mean_what_the_filter_makes_of_them() {
    use Counted::{Event, Page};
    use Formula::{Ratio, Sum};
    tile(&[], Metric::Visits, Ok(Sum(Page(Counter::Visits))));
    tile(&["source=x"], Metric::Visits, Ok(Sum(Counted::Source(0))));
    tile(&["campaign=x"], Metric::Visits, Ok(Sum(Page(Counter::Visits))));
    tile(&["page=a/x"], Metric::Visits, Ok(Sum(Page(Counter::PageVisits))));
    tile(&["page=~x"], Metric::Visits, Err(OVERLAP));
    tile(&["page=~x"], Metric::Pageviews, Ok(Sum(Page(Counter::Pageviews))));
    tile(&["page=a/x"], Metric::BounceRate, Ok(Ratio(Page(Counter::Bounces), Page(Counter::Visits))));
    tile(&["entry=a/x"], Metric::Visits, Ok(Sum(Page(Counter::Visits))));
    tile(&["entry=a/x"], Metric::Pageviews, Err(NOT_BY_ENTRY));
    tile(&["exit=a/x"], Metric::Visits, Ok(Sum(Page(Counter::Exits))));
    tile(&["source=x", "page=a/x"], Metric::VisitDuration, Err(PER_SET));
    tile(&["event=e"], Metric::EventRate, Ok(Ratio(Event(2), Page(Counter::Visits))));
    tile(&["event=e", "page=a/x"], Metric::EventRate, Err(EVENT_RATE_PAGE));
    tile(&["event=e", "page=a/x"], Metric::Events, Ok(Sum(Event(0))));
    tile(&["event=~e"], Metric::Events, Ok(Sum(Event(0))));
    tile(&["event=~e"], Metric::EventVisits, Err(EVENT_RATE_PAGE));
    tile(&["event=e|f"], Metric::EventVisits, Err(EVENT_RATE_PAGE));
    tile(&["event=e"], Metric::Visits, Err(WITH_EVENT));
    tile(&[], Metric::Events, Err(NO_EVENT));
}

#[test]
fn hours_go_without_attributes_only() {
    assert!(scope(&["page=a/x"]).unwrap().has_hours());
    assert!(!scope(&["country=EE"]).unwrap().has_hours());
}
