//! What panels say: rows, rest and Other, filters, refusals.

use super::*;
use crate::domain::row::DayRow;

const PARTING: [&str; 10] = [
    "channel",
    "source",
    "utm_campaign",
    "utm_source",
    "country",
    "browser",
    "os",
    "device",
    "entry_page",
    "exit_page",
];

/// rows + rest + Other = tile, in each panel whose rows part the visits.
#[track_caller]
fn check_parts(made: &Value, said: &str) {
    let tile = made["tiles"]["visits"]["value"].as_i64().unwrap();
    for (name, panel) in made["panels"].as_object().unwrap() {
        if !PARTING.contains(&name.as_str()) || !panel["refused"].is_null() {
            continue;
        }
        let shown = panel["rows"].as_array().unwrap();
        let part = |one: &Value| one["visits"].as_i64().unwrap_or(0);
        let rows: i64 = shown.iter().map(part).sum();
        let (rest, other) = (part(&panel["rest"]), part(&panel["other"]));
        assert_eq!(rows + rest + other, tile, "{name} of {said}: {rows} + {rest} + {other}");
        assert!(shown.iter().all(|row| row["value"] != "*"), "{name} of {said}");
        let told = panel["told"].as_f64().unwrap_or(0.0);
        let expected = if tile == 0 { 0.0 } else { (rows + rest) as f64 / tile as f64 };
        assert!((told - expected).abs() < 1e-9, "{name} of {said}: told {told}, not {expected}");
    }
}

const ASKED: [&str; 12] = [
    "p=7d&limit=1",
    "p=yesterday",
    "p=today&limit=2",
    "p=7d&country=EE&limit=1",
    "p=7d&country=!EE",
    "p=7d&browser=^Fire&browser=Chrome",
    "p=7d&source=Google&limit=1",
    "p=7d&channel=!Search",
    "p=7d&source=~o&m=bounce_rate",
    "p=7d&m=bounce_rate",
    "p=7d&campaign=!x",
    "p=all&c=prev&limit=3",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]

    #[test]
    fn rows_rest_and_other_make_the_tile(seed in 0u64..1_000_000, open in 0u8..3) {
        let laid = laid(&rows(seed, 120), f64::from(open) / 2.0, seed);
        for query in ASKED {
            check_parts(&report(&laid, query), query);
        }
    }
}

#[test]
fn a_site_without_grouping_has_no_other() {
    let mut random = StdRng::seed_from_u64(11);
    let mut rows = Vec::new();
    (0..60).for_each(|_| visit(&mut random, today().plus(-1), &mut rows));
    rows.retain(|row| !row.keys[2.min(row.keys.len())..].iter().take(1).any(|key| &**key == "*"));
    rows.retain(|row| row.family != Family::Visit && row.family != Family::Source);
    let site = Site { k: 1, ..site() };
    let made = report_of(&site, &laid(&rows, 0.0, 1), "p=yesterday&country=~E");
    assert_eq!((&made["meta"]["k"], &made["meta"]["grouping"]), (&1.into(), &false.into()));
    assert!(made["panels"]["country"]["other"].is_null());
    assert_eq!(made["panels"]["country"]["told"], 1.0);
}

/// The report says of each day what was true when it was closed, whatever the site's k is today.
#[test]
fn days_that_were_closed_with_another_k_keep_it_in_words() {
    let (store, memory) = laid(&[], 0.0, 1);
    for (back, k) in [(1, 5), (2, 1), (20, 3)] {
        let day = today().plus(-back);
        let id = ReleaseId { site: SiteId(1), day, node: 0, number: 9 };
        let close = DayRow {
            site: SiteId(1),
            day,
            node: 0,
            closed_at_hour: 0,
            k,
            salt_epochs: 1,
            settings_version: 1,
            sizes: Vec::new(),
            corrected: false,
        };
        store.insert(&Release { id, rows: Vec::new(), close: Some(close) }).unwrap();
    }
    let laid = (store, memory);
    let told = |k, query| {
        let made = report_of(&Site { k, ..site() }, &laid, query);
        let notices: Vec<String> = serde_json::from_value(made["meta"]["notices"].clone()).unwrap();
        (made["meta"]["k"].as_u64().unwrap(), made["meta"]["grouping"] == true, notices.join("\n"))
    };
    assert_eq!(told(5, "p=yesterday"), (5, true, String::new()));
    let (k, grouping, words) = told(5, "p=7d");
    assert_eq!((k, grouping), (1, false));
    assert!(words.contains("Grouping was off on some of these days (this period)"), "{words}");
    let (k, grouping, words) = told(7, "p=yesterday");
    assert_eq!((k, grouping), (5, true));
    assert!(words.contains("another k than today's 7: 5 at the least"), "{words}");
    let (k, grouping, _) = told(1, "p=yesterday");
    assert_eq!((k, grouping), (1, false), "an open day of it has the site's own");
}

#[track_caller]
fn pageviews(laid: &(DuckStore, MemoryView), filter: &str, expected: i64) {
    assert_eq!(
        report(laid, &format!("p=yesterday&{filter}"))["tiles"]["pageviews"]["value"],
        expected,
        "{filter}"
    );
}

#[test]
fn filters_of_pages_and_hosts() {
    let seen = |page: &str| {
        row(Table::Pages, Family::Page, today().plus(-1), 3, &["page", page], &[(0, 1), (1, 1), (2, 1)])
    };
    let pages = [
        "example.com/",
        "example.com/pricing",
        "example.com/prices",
        "docs.example.com/pricing",
        "example.com/blog/a",
    ];
    let section = row(
        Table::Pages,
        Family::Page,
        today().plus(-1),
        3,
        &["section", "/blog/*"],
        &[(0, 1), (1, 1), (2, 1)],
    );
    let rows: Vec<Row> = pages.iter().map(|page| seen(page)).chain([section]).collect();
    let laid = laid(&rows, 0.0, 1);
    pageviews(&laid, "", 5);
    pageviews(&laid, "page=/pricing", 1);
    pageviews(&laid, "page=docs.example.com/pricing", 1);
    pageviews(&laid, "page=/pricing&page=/", 2);
    pageviews(&laid, "page=!/pricing", 4);
    pageviews(&laid, "page=!/pricing&page=!/", 3);
    pageviews(&laid, "page=~pric", 3);
    pageviews(&laid, "page=!~pric", 2);
    pageviews(&laid, "page=^/pric", 2);
    pageviews(&laid, "page=/blog/*", 1);
    pageviews(&laid, "page=!/blog/*", 4);
    pageviews(&laid, "section=/blog/*", 1);
    pageviews(&laid, "host=docs.example.com", 1);
    pageviews(&laid, "host=!docs.example.com", 4);
    pageviews(&laid, "host=example.com&host=docs.example.com", 5);
    pageviews(&laid, "host=~docs", 1);
    let made = report(&laid, "p=yesterday&section=/blog/*");
    assert_eq!(made["panels"]["page"]["rows"].as_array().unwrap().len(), 1, "the pages of the section");
    assert!(made["panels"]["entry_page"]["other"].is_null(), "what lies outside the section is no Other");
}

#[test]
fn with_a_page_filter_rates_are_of_visits_that_began_there() {
    use Counter::*;
    let counts =
        |counts: &[(Counter, i64)]| counts.iter().map(|&(one, n)| (one as usize, n)).collect::<Vec<_>>();
    let day = today().plus(-1);
    // Ten visits saw it; four began here, three of them bounced.
    let seen = counts(&[
        (Pageviews, 12),
        (PageVisits, 10),
        (PageVisitors, 9),
        (Visits, 4),
        (Bounces, 3),
        (VisitSeconds, 80),
    ]);
    let laid = laid(&[row(Table::Pages, Family::Page, day, 3, &["page", "example.com/x"], &seen)], 0.0, 1);
    let tiles = report(&laid, "p=yesterday&page=/x")["tiles"].clone();
    assert_eq!((&tiles["visits"]["value"], &tiles["visitors"]["value"]), (&10.into(), &9.into()));
    assert_eq!(
        (&tiles["bounce_rate"]["value"], &tiles["visit_duration"]["value"]),
        (&0.75.into(), &20.0.into())
    );
    assert_eq!(tiles["views_per_visit"]["value"], 1.2);
    let tiles = report(&laid, "p=yesterday&entry=/x")["tiles"].clone();
    assert_eq!(tiles["visits"]["value"], 4);
    assert!(tiles["pageviews"]["value"].is_null() && tiles["pageviews"]["refused"].is_string());
}

#[test]
fn refused_combinations_say_why() {
    use crate::domain::plan::*;
    let site = site();
    let refused = |query: &str| {
        parse(query, &[], &site, &Today::at(&site.zone, now(&site)), None).map(|_| ()).unwrap_err()
    };
    for (query, why) in [
        ("country=EE&browser=Firefox", ONE_FAMILY),
        ("source=x&os=Linux", ONE_FAMILY),
        ("language=et&page=/x", LANGUAGE_APART),
        ("language=et&event=signup", LANGUAGE_APART),
    ] {
        assert_eq!(refused(query), why, "{query}");
    }
    for query in [
        "country=EE&event=signup&page=/x",
        "country=EE&event=signup&prop.plan=pro",
        "prop.plan=pro",
        "event=signup&entry=/x",
        "host=example.com&country=EE",
        "page=/x&entry=/y",
        "section=!/blog/*",
        "country=EE&page=/blog/a",
    ] {
        assert!(refused(query).len() > 20, "{query} is refused in words");
    }
    let laid = laid(&[], 0.0, 1);
    for (query, panel) in [
        ("p=7d&country=EE", "browser"),
        ("p=7d&country=EE", "source"),
        ("p=7d&source=x", "country"),
        ("p=7d&language=et", "page"),
        ("p=7d&event=signup&page=/x", "country"),
        ("p=7d&entry=/x", "page"),
        ("p=7d&country=EE", "flow"),
        ("p=7d&country=EE", "funnel"),
        ("p=7d&event=signup", "goal"),
        ("p=7d&page=/blog/a", "device"),
        ("p=7d", "region"),
        ("p=7d", "browser_version"),
    ] {
        let made = report(&laid, query);
        assert!(
            made["panels"][panel]["refused"].as_str().is_some_and(|why| why.len() > 20),
            "{panel} of {query}"
        );
        assert!(made["panels"][panel]["rows"].as_array().unwrap().is_empty());
    }
}
