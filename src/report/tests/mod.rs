//! Reports over a seeded site whose rows lie partly in the store, partly in memory.

mod counted;
mod locked;
mod panels;
mod stores;
mod time;

use std::{collections::HashMap, sync::Arc};

use proptest::prelude::*;
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use serde_json::Value;

use super::{Today, answer, overview_numbers, parse, routes, testing::site};
use crate::{
    domain::{
        Text,
        counters::Counter,
        day::{Day, Hour, UnixMs},
        declaration::{Site, SiteId},
        row::{Column, Family, Release, ReleaseId, Row, Table, columns, has_hour},
        view::{DayView, MemoryView, Reader},
    },
    store::{
        Store,
        duckdb::{DuckStore, Limits},
    },
};

const DAYS: i32 = 16;

fn today() -> Day {
    Day::parse("2026-11-22").unwrap()
}

fn now(site: &Site) -> UnixMs {
    site.zone.start_of(today()) + 14 * 3_600_000 + 60_000
}

fn row(table: Table, family: Family, day: Day, hour: u8, keys: &[&str], counts: &[(usize, i64)]) -> Row {
    assert_eq!(keys.len(), columns(table, family).len());
    let mut own = vec![0; table.counters().len()];
    counts.iter().for_each(|&(at, n)| own[at] += n);
    Row {
        table,
        family,
        day,
        hour: has_hour(table, family).then_some(Hour(hour)),
        keys: keys.iter().map(|&key| Text::from(key)).collect(),
        counts: own.into(),
    }
}

/// The rows of one visit in all families: a sum over families, so that laws can be tested.
fn visit(random: &mut StdRng, day: Day, out: &mut Vec<Row>) {
    use Counter::*;
    let pages = ["example.com/", "example.com/pricing", "example.com/blog/a", "docs.example.com/x"];
    let mut pick = |from: &[&'static str]| *from.choose(random).unwrap();
    let (channel, source) = (pick(&["Search", "Social", "*"]), pick(&["Google", "Bing", "*"]));
    let channel_told = if channel == "*" { "Email" } else { channel };
    let source_told = if source == "*" || channel == "*" { "Rare" } else { source };
    let source = if channel == "*" { "*" } else { source };
    let (country, browser) = (pick(&["EE", "FI", "*"]), pick(&["Firefox", "Chrome", "*"]));
    let seen: Vec<&str> = (0..3).map(|_| pick(&pages)).collect();
    let seen = &seen[..random.random_range(1..=3)];
    // The running hour of today is not in the attribute families, so no test visit falls into it.
    let hour = random.random_range(0..14);
    let seconds = random.random_range(0..500);
    for (at, &page) in seen.iter().enumerate() {
        let mut counts = vec![(Pageviews as usize, 1)];
        if !seen[..at].contains(&page) {
            counts.extend([(PageVisitors as usize, 1), (PageVisits as usize, 1)]);
        }
        if at == 0 {
            let bounced = i64::from(seen.len() == 1);
            counts.extend([(Visits as usize, 1), (Visitors as usize, 1), (Bounces as usize, bounced)]);
            counts.push((VisitSeconds as usize, seconds));
        }
        if at == seen.len() - 1 {
            counts.push((Exits as usize, 1));
        }
        let label = [channel, source, "(none)", "(none)", "(none)", "(none)", "(none)"];
        let of_visit: Vec<&str> = ["page", page].into_iter().chain(label).collect();
        out.push(row(Table::Pages, Family::Page, day, hour, &["page", page], &counts));
        out.push(row(Table::Pages, Family::Visit, day, hour, &of_visit, &counts));
        out.push(row(Table::Pages, Family::Place, day, hour, &["page", page, country, "*", "*"], &counts));
        let device = ["page", page, browser, "*", "*", "*", "*"];
        out.push(row(Table::Pages, Family::Device, day, hour, &device, &counts));
        out.push(row(Table::Pages, Family::Language, day, hour, &["et"], &counts));
        if at == 0 {
            let counts = [(Visits as usize, 1), (Visitors as usize, 1)];
            out.push(row(Table::Pages, Family::Source, day, hour, &[channel_told, source_told], &counts));
        }
    }
    if random.random_bool(0.3) {
        let (plan, counts) = (["free", "pro"].choose(random).unwrap(), [(0, 1), (1, 1), (2, 1)]);
        for (property, value) in [("", ""), ("plan", *plan)] {
            let own = ["signup", property, value, ""];
            let of_page: Vec<&str> = own.into_iter().chain(["page", seen[0]]).collect();
            let label = [channel, source, "(none)", "(none)", "(none)", "(none)", "(none)"];
            let of_visit: Vec<&str> = own.into_iter().chain(label).collect();
            out.push(row(Table::Events, Family::Page, day, hour, &of_page, &counts));
            out.push(row(Table::Events, Family::Visit, day, hour, &of_visit, &counts));
        }
        out.push(row(Table::Events, Family::Place, day, hour, &["signup", country, "*", "*"], &counts));
    }
}

fn rows(seed: u64, visits: usize) -> Vec<Row> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut out = Vec::new();
    for _ in 0..visits {
        let day = today().plus(-random.random_range(0..DAYS));
        visit(&mut random, day, &mut out);
    }
    out
}

/// Lays rows into a store and memory; `in_memory` is the share that memory holds.
fn laid(rows: &[Row], in_memory: f64, seed: u64) -> (DuckStore, MemoryView) {
    let store = DuckStore::in_memory(&Limits { memory_mb: 128, threads: 1 }).unwrap();
    let memory = lay(&store, rows, in_memory, seed);
    (store, memory)
}

/// As [`laid`], into this store.
fn lay(store: &dyn Store, rows: &[Row], in_memory: f64, seed: u64) -> MemoryView {
    let mut random = StdRng::seed_from_u64(seed);
    let mut memory = MemoryView::default();
    for day in (0..DAYS).map(|back| today().plus(-back)) {
        let (kept, stored): (Vec<Row>, Vec<Row>) =
            rows.iter().filter(|row| row.day == day).cloned().partition(|_| random.random_bool(in_memory));
        let insert = |number, rows| {
            let id = ReleaseId { site: SiteId(1), day, node: 0, number };
            store.insert(&Release { id, rows, close: None }).unwrap();
        };
        insert(1, stored);
        if in_memory == 0.0 {
            continue;
        }
        // The store has taken the next release already, but this view of memory still holds its rows.
        insert(2, kept.clone());
        let mut by_family: HashMap<(Table, Family), Vec<Row>> = HashMap::new();
        kept.into_iter().for_each(|row| by_family.entry((row.table, row.family)).or_default().push(row));
        memory.days.push(DayView {
            on_disk: 0,
            day,
            node: 0,
            released: 1,
            as_of: (day == today()).then_some(Hour(14)),
            rows: by_family.into_iter().map(|(key, rows)| (key, Arc::new(rows))).collect(),
            k: 5,
            salt_epochs: 1,
        });
    }
    memory
}

fn report(laid: &(DuckStore, MemoryView), query: &str) -> Value {
    report_of(&site(), laid, query)
}

fn report_of(site: &Site, laid: &(DuckStore, MemoryView), query: &str) -> Value {
    let plan =
        parse(query, &[], site, &Today::at(&site.zone, now(site)), Some(today().plus(1 - DAYS))).unwrap();
    let made =
        answer(&laid.0, &laid.1, site, &plan, &Today::at(&site.zone, now(site)), Reader::Staff).unwrap();
    serde_json::to_value(made).unwrap()
}

/// The row of a panel with this value.
#[track_caller]
fn row_of<'a>(made: &'a Value, panel: &str, value: &str) -> &'a Value {
    let rows = made["panels"][panel]["rows"].as_array().unwrap();
    rows.iter()
        .find(|row| row["value"] == value)
        .unwrap_or_else(|| panic!("{value} in {:?}", made["panels"][panel]))
}

const QUERIES: [&str; 14] = [
    "p=7d",
    "p=today&c=prev",
    "p=7d&c=prev&m=bounce_rate",
    "p=7d&c=prev&country=EE",
    "p=7d&source=Google",
    "p=7d&channel=!Search&i=week",
    "p=7d&page=/pricing&c=prev",
    "p=7d&page=~blog",
    "p=7d&entry=/",
    "p=all&exit=/pricing&i=month",
    "p=7d&event=signup&c=prev",
    "p=7d&event=signup&prop.plan=pro",
    "p=7d&event=signup&country=EE",
    "p=2d&i=hour&host=docs.example.com",
];

/// Few in a debug build, where a report takes a while.
fn cases() -> u32 {
    if cfg!(debug_assertions) { 2 } else { 40 }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]

    #[test]
    fn answers_do_not_depend_on_where_rows_are(seed in 0u64..1_000_000) {
        let rows = rows(seed, 80);
        let (stored, split, open) = (laid(&rows, 0.0, seed), laid(&rows, 0.4, seed), laid(&rows, 1.0, seed));
        for query in QUERIES {
            let expected = report(&stored, query);
            prop_assert_eq!(&expected, &report(&split, query), "split, {}", query);
            prop_assert_eq!(&expected, &report(&open, query), "all in memory, {}", query);
        }
    }

    #[test]
    fn a_range_is_the_sum_of_its_days(seed in 0u64..1_000_000) {
        let laid = laid(&rows(seed, 150), 0.3, seed);
        for filter in ["", "&country=EE", "&page=/pricing", "&source=!Google"] {
            let whole = report(&laid, &format!("p=5d{filter}"));
            for metric in ["visits", "visitors", "pageviews"] {
                let days = (0..5).map(|back| {
                    let day = report(&laid, &format!("p={}&{filter}", today().plus(-back)));
                    day["tiles"][metric]["value"].as_i64().unwrap()
                });
                let whole_n = whole["tiles"][metric]["value"].as_i64().unwrap();
                prop_assert_eq!(days.sum::<i64>(), whole_n, "{} {}", metric, filter);
                let buckets = whole["series"]["buckets"].as_array().unwrap();
                let buckets = buckets.iter().map(|one| one["values"][metric].as_i64().unwrap());
                prop_assert_eq!(buckets.sum::<i64>(), whole_n, "buckets, {} {}", metric, filter);
            }
        }
    }
}

#[test]
fn sources_are_listed_alone_unless_times_are_asked_for() {
    let laid = laid(&rows(3, 100), 0.3, 3);
    let plain = report(&laid, "p=7d");
    assert_eq!(plain["panels"]["source"]["family"], "source");
    let rows = plain["panels"]["source"]["rows"].as_array().unwrap();
    let rare = rows.iter().find(|row| row["value"] == "Rare").expect("rare sources are told alone");
    // A click on it shows what the row said.
    let clicked = report(&laid, "p=7d&source=Rare");
    assert_eq!(clicked["tiles"]["visits"]["value"], rare["visits"]);
    assert!(clicked["tiles"]["bounce_rate"]["value"].is_null(), "under k or none");
    let with_times = report(&laid, "p=7d&m=bounce_rate");
    assert_eq!(with_times["panels"]["source"]["family"], "visit");
    assert!(with_times["panels"]["source"]["other"]["visits"].as_i64().unwrap() > 0);
    assert_eq!(report(&laid, "p=7d&campaign=x")["panels"]["source"]["family"], "visit");
}

#[test]
fn refusals_are_said_in_the_panel() {
    let laid = laid(&rows(3, 30), 0.3, 3);
    let made = report(&laid, "p=7d&country=EE");
    assert_eq!(made["panels"]["browser"]["refused"], crate::domain::plan::STORED_APART);
    assert_eq!(made["meta"]["can"]["filters"]["browser"], crate::domain::plan::STORED_APART);
    assert_eq!(made["meta"]["can"]["filters"]["country"], true);
    assert!(made["panels"]["city"]["refused"].as_str().unwrap().starts_with("not_collected"));
}

#[test]
fn a_missing_row_says_why_it_was_missing() {
    let visit = |day: Day, country: &str| {
        row(Table::Pages, Family::Place, day, 0, &["page", "*", country, "*", "*"], &[(0, 9), (4, 9)])
    };
    let page = |day: Day, page: &str| {
        row(Table::Pages, Family::Page, day, 3, &["page", page], &[(0, 1), (1, 1), (2, 1), (3, 1), (4, 1)])
    };
    let (then, now) = (today().plus(-8), today().plus(-1));
    let rows =
        [visit(now, "EE"), visit(then, "FI"), page(now, "example.com/new"), page(then, "example.com/old")];
    let laid = laid(&rows, 0.0, 1);
    let made = report(&laid, "p=yesterday&c=prev");
    assert_eq!(made["panels"]["country"]["rows"][0]["untold_before"], true);
    assert_eq!(made["panels"]["page"]["rows"][0]["new"], true);
    assert_eq!(made["panels"]["page"]["rows"][0]["name"], "/new");
    assert_eq!(made["panels"]["event"]["rows"][0]["new"], serde_json::Value::Null, "declared, and 0");
    let nothing_before = report(&laid, &format!("p={then}&c=prev"));
    assert_eq!(nothing_before["panels"]["country"]["rows"][0]["untold_before"], serde_json::Value::Null);
    assert_eq!(nothing_before["panels"]["page"]["rows"][0]["new"], serde_json::Value::Null);
}

// Seen to fail with a row called uncertain where the untold share moved less than it.
#[test]
fn over_several_days_a_row_that_moved_less_than_the_untold_share_is_uncertain() {
    let visits = |day: Day, country: &str, n: i64| {
        row(Table::Pages, Family::Place, day, 0, &["page", "*", country, "*", "*"], &[(0, n), (4, n)])
    };
    let (then, now) = (today().plus(-9), today().plus(-2));
    let rows = [
        [visits(then, "EE", 20), visits(then, "FI", 10), visits(then, "*", 1)],
        [visits(now, "EE", 22), visits(now, "FI", 40), visits(now, "*", 11)],
    ];
    let laid = laid(&rows.concat(), 0.0, 1);
    let uncertain = |query: &str| {
        let made = report(&laid, query);
        let of = |at: usize| made["panels"]["country"]["rows"][at]["uncertain"] == true;
        assert_eq!(made["panels"]["country"]["rows"][0]["name"], "FI");
        [of(0), of(1)]
    };
    let two = format!("p={now}..{}&c=prev", now.plus(1));
    assert_eq!(uncertain(&two), [false, true], "10 moved beside 30 and 2");
    assert_eq!(uncertain(&format!("p={now}&c={then}..{then}")), [false, false], "of one day");
}

fn context<'a>(laid: &'a (DuckStore, MemoryView), site: &'a Site) -> routes::Context<'a> {
    routes::Context {
        store: &laid.0,
        memory: &laid.1,
        site,
        now: now(site),
        day: today(),
        reader: Reader::Staff,
        locked: &[],
    }
}

// Seen to fail with names that are sorted by nothing, and with a table of the first 100.
#[test]
fn details_are_searched_sorted_and_exported() {
    let mut rows = rows(5, 200);
    let at = columns(Table::Pages, Family::Page).iter().position(|one| *one == Column::Page).unwrap();
    let yesterday = |row: &&Row| row.family == Family::Page && row.day == today().plus(-1);
    let one = rows.iter().filter(yesterday).find(|row| row.keys[at].ends_with("/pricing")).unwrap();
    let more = (0..150).map(|n| {
        let mut row = one.clone();
        row.keys[at] = format!("example.com/Docs/{n}").into();
        row
    });
    let more: Vec<Row> = more.collect();
    rows.extend(more);
    let (laid, site) = (laid(&rows, 0.3, 5), site());
    let asked = |query: &str| routes::rows_of(context(&laid, &site), query);
    let Ok(routes::RowsAnswer::Json(found)) = asked("p=7d&dimension=page&q=PRIC&sort=-bounce_rate") else {
        panic!("rows are answered")
    };
    assert_eq!(
        (found.panel.rows.len(), found.panel.total_rows, &*found.panel.rows[0].name),
        (1, 1, "/pricing")
    );
    let Ok(routes::RowsAnswer::Csv(text)) = asked("p=7d&dimension=country&format=csv") else {
        panic!("CSV is answered")
    };
    let head = "country,Bounce rate,Views,Time on page,".to_owned();
    assert!(text.starts_with(&head[..20]), "{text}");
    assert!(text.contains("\"Visitors, daily sum\"") && text.contains("Other (fewer than 5)"), "{text}");
    let names = |query: &str| {
        let Ok(routes::RowsAnswer::Json(found)) = asked(query) else { panic!("rows are answered") };
        found.panel.rows.iter().map(|row| row.name.to_string()).collect::<Vec<_>>()
    };
    let by_name = names("p=7d&dimension=page&sort=name&limit=1000");
    assert_eq!((by_name.len(), &by_name[..3]), (154, &["/", "/blog/a", "/Docs/0"].map(str::to_owned)[..]));
    assert_eq!(by_name.last().unwrap(), "docs.example.com/x");
    assert_eq!(names("p=7d&dimension=page&sort=-name").len(), 100);
    assert!(names("p=7d&dimension=page&sort=-name&limit=1000").iter().eq(by_name.iter().rev()));
    let Ok(routes::RowsAnswer::Csv(pages)) = asked("p=7d&dimension=page&format=csv") else {
        panic!("CSV is answered")
    };
    assert_eq!(pages.lines().count(), 1 + 154, "all rows");
    assert!(matches!(asked("p=7d"), Err(routes::ReportError::Asked(_))));
    assert!(matches!(asked("p=7d&dimension=page&country=EE&os=x"), Err(routes::ReportError::Asked(_))));
}

#[test]
fn a_table_that_lacks_a_collector_is_not_made() {
    let (mut laid, site) = (laid(&rows(5, 200), 0.3, 5), site());
    laid.1.missing = vec![2];
    let asked = |query: &str| routes::rows_of(context(&laid, &site), query);
    let Err(routes::ReportError::Incomplete(words)) = asked("p=7d&dimension=country&format=csv") else {
        panic!("a table without its collector")
    };
    assert!(words.contains("collector 2 does not answer"), "{words}");
    assert!(matches!(asked("p=7d&dimension=country"), Ok(routes::RowsAnswer::Json(_))));
}

#[test]
fn the_list_of_sites_counts_seven_days() {
    let laid = laid(&rows(5, 200), 0.3, 5);
    let clock = Today::on(&site().zone, today(), now(&site()));
    let week = overview_numbers(&laid.0, &laid.1, &site(), &clock).unwrap();
    let tiles = report(&laid, "p=7d&c=prev")["tiles"].clone();
    assert_eq!(tiles["visits"]["value"], week.visits_7d);
    assert_eq!(week.sparkline.iter().sum::<i64>(), week.visits_7d);
    assert_eq!(
        (&tiles["visits"]["compared"], &tiles["visits"]["previous"]),
        (&week.compared.into(), &week.previous.into())
    );
    assert_eq!(tiles["visitors"]["value"], week.visitors_7d);
    assert!(week.compared <= week.visits_7d && week.previous > 0, "{week:?}");
}

#[test]
fn a_small_report_looks_like_this() {
    let mut random = StdRng::seed_from_u64(7);
    let mut rows = Vec::new();
    (0..4).for_each(|_| visit(&mut random, today().plus(-1), &mut rows));
    let made = report(&laid(&rows, 0.0, 1), "p=yesterday&i=day&limit=2");
    insta::assert_json_snapshot!(made["tiles"]);
    insta::assert_json_snapshot!(made["panels"]["page"]);
    insta::assert_json_snapshot!(made["meta"]);
}
