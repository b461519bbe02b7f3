//! The counting rules, one small visit at a time.

use std::sync::Arc;

use super::{
    Text,
    attributes::{Described, VisitAttributes},
    day::{Day, Hour, Moment},
    declaration::{Funnel, Kept, SiteId, Step},
    hit::{EventHit, Hit, HitKind, PropertyHit, VisitorKey},
    outcome::Outcome,
    region::Heap,
    row::{Column, Family, Row, Table},
    tally::{Arrival, Caps, DaySettings, OpenDay, Undeclared},
};

pub fn settings(k: u32, caps: Caps) -> DaySettings {
    let kept = Kept { region: true, city: true, versions: true, language: true };
    let known = Arc::default();
    DaySettings { site: SiteId(1), day: Day(20_000), k, kept, settings_version: 1, caps, known }
}

pub fn open(k: u32, caps: Caps) -> OpenDay {
    OpenDay::new(settings(k, caps), Box::new(Heap::default()), Box::new(Heap::default()))
}

pub fn moment(second: u32) -> Moment {
    Moment { hour: Hour((second / 3600) as u8), second, stretch: (second / 3600) as u8 }
}

pub fn described(country: &str) -> Described {
    let mut described =
        Described { place: Default::default(), device: Default::default(), language: Default::default() };
    described.place.0[0] = country.into();
    described
}

fn hit(page: &str, kind: HitKind) -> Hit {
    let sections = if page.contains("/blog/") {
        [Text::from("/blog/*")].into_iter().collect()
    } else {
        Default::default()
    };
    let page = (!page.is_empty()).then(|| page.into());
    Hit { page, sections, visit: VisitAttributes::default(), kind }
}

fn view(page: &str) -> Hit {
    hit(page, HitKind::View)
}

fn event(page: &str, name: &str, interactive: bool) -> Hit {
    let name = name.into();
    let event =
        EventHit { name, properties: Default::default(), interactive, once_a_visit: false, value: None };
    hit(page, HitKind::Event(event))
}

fn engagement(page: &str, engaged_ms: u32, scroll: Option<u8>) -> Hit {
    hit(page, HitKind::Engagement { scroll, engaged_ms })
}

/// Runs (visitor, second, hit) and closes.
fn run(k: u32, hits: &[(u64, u32, Hit)]) -> Vec<Row> {
    run_with(open(k, Caps::default()), hits, &[])
}

fn run_with(mut day: OpenDay, hits: &[(u64, u32, Hit)], funnels: &[Arc<Funnel>]) -> Vec<Row> {
    for (seq, (key, second, hit)) in (1..).zip(hits) {
        day.tally(seq, VisitorKey(*key), Some(&described("EE")), hit, moment(*second), funnels);
    }
    day.close(1).rows
}

/// One line a row: hour, keys, counters that are not zero.
fn lines(rows: &[Row], table: Table, family: Family) -> Vec<String> {
    let of = |row: &&Row| row.table == table && row.family == family;
    rows.iter().filter(of).map(|row| line(row, table)).collect()
}

fn line(row: &Row, table: Table) -> String {
    let mut words: Vec<String> = row.hour.iter().map(|hour| hour.0.to_string()).collect();
    words.extend(row.keys.iter().filter(|key| !key.is_empty()).map(|key| key.to_string()));
    let counts = table.counters().iter().zip(&*row.counts).filter(|(_, n)| **n != 0);
    words.extend(counts.map(|(name, n)| format!("{name}={n}")));
    words.join(" ")
}

#[track_caller]
fn check(hits: &[(u64, u32, Hit)], expected: &[&str]) {
    assert_eq!(lines(&run(1, hits), Table::Pages, Family::Page), expected);
}

#[test]
fn a_view_begins_a_visit() {
    check(
        &[(1, 0, view("a/"))],
        &["0 page a/ pageviews=1 page_visitors=1 page_visits=1 visitors=1 visits=1 bounces=1 exits=1"],
    );
}

#[test]
fn a_second_view_ends_the_bounce_and_moves_the_exit() {
    check(
        &[(1, 0, view("a/")), (1, 60, view("a/b"))],
        &[
            "0 page a/ pageviews=1 page_visitors=1 page_visits=1 visitors=1 visits=1 visit_seconds=60",
            "0 page a/b pageviews=1 page_visitors=1 page_visits=1 exits=1",
        ],
    );
    // A reload moves nothing.
    check(
        &[(1, 0, view("a/")), (1, 60, view("a/"))],
        &["0 page a/ pageviews=2 page_visitors=1 page_visits=1 visitors=1 visits=1 exits=1 visit_seconds=60"],
    );
    // Entry cells stay in their hour.
    check(
        &[(1, 3590, view("a/")), (1, 3610, view("a/b"))],
        &[
            "0 page a/ pageviews=1 page_visitors=1 page_visits=1 visitors=1 visits=1 visit_seconds=20",
            "1 page a/b pageviews=1 page_visitors=1 page_visits=1 exits=1",
        ],
    );
}

#[test]
fn a_gap_of_more_than_half_an_hour_begins_a_visit() {
    check(
        &[(1, 0, view("a/")), (1, 1800, view("a/"))],
        &[
            "0 page a/ pageviews=2 page_visitors=1 page_visits=1 visitors=1 visits=1 exits=1 visit_seconds=1800",
        ],
    );
    check(
        &[(1, 0, view("a/")), (1, 1801, view("a/"))],
        &["0 page a/ pageviews=2 page_visitors=1 page_visits=2 visitors=1 visits=2 bounces=2 exits=2"],
    );
}

#[test]
fn a_visitors_time_never_goes_back() {
    check(
        &[(1, 3700, view("a/")), (1, 3500, view("a/"))],
        &["1 page a/ pageviews=2 page_visitors=1 page_visits=1 visitors=1 visits=1 exits=1"],
    );
}

#[test]
fn a_visit_may_begin_with_an_event() {
    check(&[(1, 0, event("a/", "x", false))], &["0 page a/ visitors=1 visits=1 bounces=1 exits=1"]);
    check(&[(1, 0, event("a/", "x", true))], &["0 page a/ visitors=1 visits=1 exits=1"]);
    check(
        &[(1, 0, event("", "x", true)), (1, 9, view("a/"))],
        &[
            "0 page (none) visitors=1 visits=1 visit_seconds=9",
            "0 page a/ pageviews=1 page_visitors=1 page_visits=1 exits=1",
        ],
    );
}

#[test]
fn engagement_extends_a_running_visit_only() {
    let mut day = open(1, Caps::default());
    let mut send = |second, hit: &Hit| {
        day.tally(1, VisitorKey(1), Some(&described("EE")), hit, moment(second), &[]).outcome()
    };
    assert_eq!(send(0, &engagement("a/", 1000, None)), Some(Outcome::NoVisit));
    assert_eq!(send(10, &view("a/")), Some(Outcome::Accepted));
    assert_eq!(send(1810, &engagement("a/", 1000, None)), Some(Outcome::Accepted));
    assert_eq!(send(3611, &engagement("a/", 1000, None)), Some(Outcome::NoVisit));
    assert_eq!(day.counts().visitors, 1);
}

#[test]
fn engaged_time_is_at_most_the_time_since_the_view() {
    let seen = "pageviews=1 page_visitors=1 page_visits=1 visitors=1 visits=1 bounces=1 exits=1";
    let run =
        [(1, 0, view("a/")), (1, 10, engagement("a/", 4900, None)), (1, 20, engagement("a/", 4100, None))];
    check(&run, &[&format!("0 page a/ {seen} visit_seconds=20 engaged_seconds=9")]);
    let run =
        [(1, 0, view("a/")), (1, 10, engagement("a/", 99_000, None)), (1, 12, engagement("a/", 1, None))];
    check(&run, &[&format!("0 page a/ {seen} visit_seconds=12 engaged_seconds=12")]);
    // A page that was not viewed in this visit adds nothing.
    let run = [(1, 0, view("a/")), (1, 10, engagement("a/b", 4000, Some(50)))];
    check(&run, &[&format!("0 page a/ {seen} visit_seconds=10")]);
}

#[test]
fn scroll_counts_the_deepest() {
    let seen = "pageviews=1 page_visitors=1 page_visits=1 visitors=1 visits=1 bounces=1 exits=1";
    let scroll = |second, depth| (1, second, engagement("a/", 0, Some(depth)));
    check(&[(1, 0, view("a/")), scroll(0, 0)], &[&format!("0 page a/ {seen} scroll_views=1")]);
    let run = [(1, 0, view("a/")), scroll(0, 40), scroll(0, 30), scroll(0, 90)];
    check(&run, &[&format!("0 page a/ {seen} scroll_views=1 scroll_percent=90")]);
}

#[test]
fn a_sections_exit_leaves_where_it_was_put() {
    let run = [(1, 3500, view("a/blog/1")), (1, 3700, view("a/blog/2")), (1, 3800, view("a/"))];
    check(
        &run,
        &[
            "0 page a/blog/1 pageviews=1 page_visitors=1 page_visits=1 visitors=1 visits=1 visit_seconds=300",
            "0 section /blog/* pageviews=1 page_visitors=1 page_visits=1 visitors=1 visits=1 visit_seconds=300",
            "1 page a/ pageviews=1 page_visitors=1 page_visits=1 exits=1",
            "1 page a/blog/2 pageviews=1 page_visitors=1 page_visits=1",
            "1 section /blog/* pageviews=1",
        ],
    );
    let rows = self::run(1, &run);
    assert_eq!(
        lines(&rows, Table::Pages, Family::Place),
        [
            "page a/ EE (none) (none) pageviews=1 page_visitors=1 page_visits=1 exits=1",
            "section /blog/* EE (none) (none) pageviews=2 page_visitors=1 page_visits=1 visitors=1 visits=1 visit_seconds=300",
        ]
    );
}

#[test]
fn flows_are_transitions_between_views() {
    let hits: Vec<_> = (1..=3)
        .flat_map(|key| [(key, 0, view("a/")), (key, 1, view("a/b"))])
        .chain([(1, 2, view("a/b")), (1, 3, view("a/"))])
        .collect();
    assert_eq!(
        lines(&run(1, &hits), Table::Flows, Family::Page),
        ["(entry) a/ transitions=3", "a/ a/b transitions=3", "a/b a/ transitions=1", "a/b a/b transitions=1",]
    );
    assert_eq!(
        lines(&run(2, &hits), Table::Flows, Family::Page),
        ["(entry) a/ transitions=3", "a/ a/b transitions=3", "a/b (other) transitions=2",]
    );
}

#[test]
fn events_count_firsts_by_value() {
    let pick = |plan: &str, value: Option<i64>| {
        let mut hit = event("a/", "pick", true);
        if let HitKind::Event(event) = &mut hit.kind {
            event.value = value.map(|n| ("EUR".into(), n));
            event.properties.push(PropertyHit { property: "plan".into(), value: plan.into(), cap: Some(2) });
        }
        hit
    };
    let hits = [
        (1, 0, pick("s", Some(100))),
        (1, 1, pick("m", None)),
        (2, 2, pick("l", None)),
        (1, 9000, pick("s", None)),
    ];
    assert_eq!(
        lines(&run(1, &hits), Table::Events, Family::Page),
        [
            "0 pick page a/ events=2 event_visitors=1 event_visits=1",
            "0 pick EUR page a/ events=1 event_visitors=1 event_visits=1 value_sum=100",
            "0 pick plan (other) page a/ events=1 event_visitors=1 event_visits=1",
            "0 pick plan m page a/ events=1 event_visitors=1 event_visits=1",
            "0 pick plan s page a/ events=1 event_visitors=1 event_visits=1",
            "2 pick page a/ events=1 event_visits=1",
            "2 pick plan s page a/ events=1 event_visits=1",
        ]
    );
    let rows = run(1, &hits);
    assert_eq!(
        lines(&rows, Table::Events, Family::Place),
        ["pick EE (none) (none) events=4 event_visitors=2 event_visits=3",]
    );
    assert!(lines(&rows, Table::Ledger, Family::Page).contains(&"value_capped hits=1".into()));
}

#[test]
fn an_event_once_a_visit_counts_once() {
    let once = || {
        let mut hit = event("a/", "x", false);
        if let HitKind::Event(event) = &mut hit.kind {
            event.once_a_visit = true;
        }
        hit
    };
    let rows = run(1, &[(1, 0, once()), (1, 5, once()), (1, 5000, once())]);
    assert_eq!(
        lines(&rows, Table::Events, Family::Page),
        ["0 x page a/ events=1 event_visitors=1 event_visits=1", "1 x page a/ events=1 event_visits=1",]
    );
    assert_eq!(lines(&rows, Table::Ledger, Family::Page), ["accepted hits=3", "event_repeated hits=1"]);
}

#[test]
fn funnels_advance_one_step_a_hit() {
    let steps = vec![Step::Page("/".into()), Step::Section("/blog/*".into()), Step::Event("buy".into())];
    let funnel = Arc::new(Funnel { name: "f".into(), steps });
    let hits = [
        (1, 0, view("a/blog/1")),
        (1, 1, view("a/")),
        (1, 2, view("a/x")),
        (1, 3, view("a/blog/1")),
        (1, 4, event("a/", "buy", true)),
        (2, 0, view("a/")),
        (2, 1, event("a/", "buy", true)),
        (2, 9000, view("a/")),
    ];
    let rows = run_with(open(1, Caps::default()), &hits, &[funnel]);
    assert_eq!(
        lines(&rows, Table::Funnels, Family::Page),
        ["f 1 entrants=3", "f 2 entrants=1", "f 3 entrants=1",]
    );
}

#[test]
fn caps_count_what_does_not_fit_apart() {
    let caps = Caps { pages: 1, visitors: 2, ..Caps::default() };
    let hits = [(1, 0, view("a/1")), (2, 0, view("a/2")), (3, 0, view("a/1")), (3, 1, view("a/3"))];
    let rows = run_with(open(1, caps), &hits, &[]);
    assert_eq!(
        lines(&rows, Table::Pages, Family::Page),
        [
            "0 page (other) pageviews=2 page_visitors=1 page_visits=1 visitors=1 visits=1 bounces=1 exits=1",
            "0 page a/1 pageviews=2 page_visitors=1 page_visits=1 visitors=1 visits=1 bounces=1 exits=1",
        ]
    );
    assert_eq!(
        lines(&rows, Table::Ledger, Family::Page),
        ["accepted hits=4", "path_capped hits=2", "visitors_capped hits=2",]
    );
}

#[test]
fn what_was_seen_is_bounded_and_beyond_it_nothing_is_a_first_time() {
    let caps = Caps { pages: 100_000, visitors: 1, ..Caps::default() };
    let pages = 4096 * 16 + 100;
    let hits: Vec<_> = (0..pages).map(|n| (1, 0, view(&format!("a/{n}")))).collect();
    let rows = run_with(open(1, caps), &hits, &[]);
    let sum = |counter: &str| -> i64 {
        let at = Table::Pages.counters().iter().position(|name| *name == counter).unwrap();
        rows.iter()
            .filter(|row| (row.table, row.family) == (Table::Pages, Family::Page))
            .map(|row| row.counts[at])
            .sum()
    };
    let first = sum("page_visitors");
    assert_eq!(sum("pageviews"), pages);
    assert!((1..pages).contains(&first), "{first} first times in {} records", 4096 * 16);
    assert!(lines(&rows, Table::Ledger, Family::Page)[1].starts_with("visitors_capped hits="));
}

#[test]
fn what_the_site_does_not_keep_is_absent() {
    let settings = DaySettings { kept: Kept::default(), ..settings(1, Caps::default()) };
    let mut day = OpenDay::new(settings, Box::new(Heap::default()), Box::new(Heap::default()));
    let mut all = described("EE");
    all.place.0[2] = "Tartu".into();
    all.device.0[1] = "121".into();
    all.language.0 = "et".into();
    let hit = view("a/");
    let arrival = Arrival { key: VisitorKey(1), described: Some(&all), hit: &hit, notes: &[], funnels: &[] };
    day.tally_arrival(1, &arrival, moment(0));
    let rows = day.close(1).rows;
    assert!(rows.iter().any(|row| row.key(Column::Country).is_some_and(|text| &**text == "EE")));
    let kept_back = ["Tartu", "121", "et"];
    assert!(rows.iter().flat_map(|row| &row.keys).all(|key| !kept_back.contains(&&**key)));
}

#[test]
fn proposals_are_told_by_k_visitors() {
    let mut day = open(2, Caps::default());
    let what = Undeclared { event: "x".into(), property: None, text: "x".into() };
    day.undeclared(VisitorKey(1), what.clone());
    assert!(day.proposals().is_empty());
    day.undeclared(VisitorKey(2), what);
    assert_eq!(day.proposals().len(), 1);
}

#[test]
fn the_last_minutes_are_live() {
    let mut day = open(5, Caps::default());
    for (key, second) in [(1, 0), (1, 600), (2, 30)] {
        day.tally(1, VisitorKey(key), None, &view("a/"), moment(second), &[]);
    }
    let (visitors, views) = day.live_visitors(660);
    assert_eq!((visitors, views[28], views[18]), (1, 1, 2));
}
