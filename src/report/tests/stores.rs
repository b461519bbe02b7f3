//! The same rows in both stores are the same reports, to the byte.

use super::*;
use crate::store::clickhouse::{Address, ClickStore, engine::shared};

/// Reports that are compared; `make stores` asks for more.
fn reports() -> usize {
    std::env::var("REPORTS").map_or(24, |text| text.parse().expect("REPORTS is a number"))
}

/// The report as it is sent, or why it is refused.
fn bytes(store: &dyn Store, memory: &MemoryView, site: &Site, query: &str) -> String {
    let today = Today::at(&site.zone, now(site));
    let plan = match parse(query, &[], site, &today, Some(super::today().plus(1 - DAYS))) {
        Ok(plan) => plan,
        Err(why) => return why,
    };
    let made = answer(store, memory, site, &plan, &today, Reader::Staff);
    serde_json::to_string(&made.expect("the store answers")).unwrap()
}

/// A question that somebody could ask, or nearly.
fn random_query(random: &mut StdRng) -> String {
    let mut one = |from: &[&'static str]| *from.choose(random).unwrap();
    let range = one(&["p=7d", "p=today", "p=yesterday", "p=all", "p=16d", "p=2d&i=hour", "p=14d&i=week"]);
    let more = ["", "&c=prev", "&m=bounce_rate", "&limit=2", "&c=prev&m=visit_seconds"];
    let filters = [
        "",
        "&source=Google",
        "&source=!Bing",
        "&channel=~ear",
        "&channel=!Search",
        "&page=/pricing",
        "&page=~blog",
        "&page=!/pricing",
        "&entry=/",
        "&exit=/pricing",
        "&country=EE",
        "&country=!FI",
        "&browser=Firefox",
        "&event=signup",
        "&event=signup&prop.plan=pro",
        "&host=docs.example.com",
        "&page=/*/a",
        "&campaign=x",
    ];
    format!("{range}{}{}{}", one(&more), one(&filters), one(&filters))
}

#[test]
fn reports_are_the_same_to_the_byte_from_both_stores() {
    let clickhouse = ClickStore::open(&Address::parse(&shared().fresh()).unwrap()).unwrap();
    let site = site();
    let rows = rows(11, 150);
    let (duckdb, memory) = laid(&rows, 0.3, 11);
    lay(&clickhouse, &rows, 0.3, 11);
    let mut random = StdRng::seed_from_u64(5);
    let asked: Vec<String> = QUERIES.map(str::to_owned).to_vec();
    let more = std::iter::repeat_with(|| random_query(&mut random));
    let (mut answered, mut compared) = (0, 0);
    for query in asked.into_iter().chain(more).take(reports()) {
        let expected = bytes(&duckdb, &memory, &site, &query);
        assert_eq!(bytes(&clickhouse, &memory, &site, &query), expected, "{query}");
        answered += usize::from(expected.starts_with('{'));
        compared += expected.len();
    }
    println!("{answered} of {} reports compared, {compared} bytes", reports());
    assert!(answered * 3 > reports() * 2, "only {answered} were answered");
    details(&duckdb, &clickhouse, &memory, &site);
}

/// The long lists behind the panels, and their exports.
fn details(duckdb: &dyn Store, clickhouse: &dyn Store, memory: &MemoryView, site: &Site) {
    let context = |store| routes::Context {
        store,
        memory,
        site,
        now: now(site),
        day: today(),
        reader: Reader::Staff,
        locked: &[],
    };
    for dimension in ["page", "source", "country", "browser", "language", "event"] {
        let query = format!("p=7d&dimension={dimension}&format=csv");
        let text = |store| match routes::rows_of(context(store), &query) {
            Ok(routes::RowsAnswer::Csv(text)) => text,
            _ => panic!("{query} is answered"),
        };
        assert_eq!(text(clickhouse), text(duckdb), "{query}");
    }
}
