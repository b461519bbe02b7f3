//! Sites renamed and merged, sources forgotten, on a running server: nothing is lost or counted twice, and what
//! cannot be corrected is said.

use mayfly::domain::{
    day::Day,
    row::{Column, Family, Row, Table},
};
use reqwest::StatusCode;
use serde_json::Value;

use super::{
    api::{Api, SITE},
    backup::{FIRST, Install, hits, number, send},
    rows::Stored,
    server::until,
};

const OTHER: &str = "other.example";
/// Told by itself in every family that names sources.
const SPAM: &str = "Google";

async fn report(api: &Api, site: &str, day: Day, key: &str) -> Value {
    let path = format!("/api/sites/{site}/report?p={day}&limit=10000");
    let (status, report) = api.get(&path, key).await;
    assert_eq!(status, StatusCode::OK, "{path}: {report}");
    report
}

fn views(report: &Value) -> i64 {
    number(&report["tiles"]["pageviews"]["value"])
}

#[tokio::test]
async fn a_renamed_site_is_found_by_both_names() {
    let install = Install::new();
    let server = install.serve();
    let api = Api::of(&server);
    let before = send(&api, &hits(SITE, FIRST, 10)).await;
    install.home.run(&["site", "add", OTHER, "--timezone", "UTC"]);
    assert!(install.fails(&["site", "rename", SITE, OTHER]).contains("site `other.example` exists already"));
    let said = install.home.run(&["site", "rename", SITE, "new.example"]);
    assert_eq!(said, "example.com is new.example now, and still found as example.com");
    until("the server knows the new name", || {
        let list = install.home.run(&["site", "list"]);
        (list.contains("new.example") && !list.contains("\nexample.com")).then_some(())
    });
    let end = std::time::Instant::now() + super::server::PATIENCE;
    while api.get("/api/sites/new.example/report?p=day", &install.staff).await.0 != StatusCode::OK {
        assert!(std::time::Instant::now() < end, "the new name answers");
    }
    // The tracker of the old pages, that of the new ones, and the key go on.
    let old = send(&api, &hits(SITE, FIRST, 10)).await;
    let new = send(&api, &hits("new.example", FIRST, 10)).await;
    for name in [SITE, "www.example.com", "new.example"] {
        let report = report(&api, name, FIRST, &install.staff).await;
        assert_eq!(views(&report), before + old + new);
        assert_eq!(report["site"], "new.example");
    }
    assert!(install.fails(&["site", "add", SITE, "--timezone", "UTC"]).contains("an earlier name of a site"));
    // And back again.
    install.home.run(&["site", "rename", "new.example", SITE]);
    assert!(install.home.run(&["site", "list"]).contains(SITE));
    server.stop();
    let server = install.serve();
    let report = report(&Api::of(&server), "new.example", FIRST, &install.staff).await;
    assert_eq!((views(&report), &report["site"]), (before + old + new, &Value::from(SITE)));
}

/// An install with two sites, before its server knows anything.
fn with_another_site() -> Install {
    let install = Install::new();
    install.home.run(&["site", "add", OTHER, "--timezone", "UTC"]);
    for event in mayfly::simulate::shop::events() {
        install.home.run(&["event", "add", OTHER, &event.name]);
    }
    install
}

/// Both sites get a closed day and an open one.
async fn two_sites(install: &Install, api: &Api) -> [i64; 2] {
    let mut sent = [0; 2];
    for (day, visitors) in [(FIRST, 60), (FIRST.plus(1), 30)] {
        sent[usize::from(day > FIRST)] =
            send(api, &hits(SITE, day, visitors)).await + send(api, &hits(OTHER, day, visitors / 2)).await;
        if day == FIRST {
            install.close(day);
        }
    }
    sent
}

#[tokio::test]
async fn a_merged_site_is_part_of_the_other_by_its_rows_and_its_hits() {
    let install = with_another_site();
    let server = install.serve();
    let api = Api::of(&server);
    let [closed, open] = two_sites(&install, &api).await;
    let said = install.fails(&["site", "merge", OTHER, "--into", OTHER]);
    assert!(said.contains("another site"), "{said}");
    let said = install.home.run(&["site", "merge", OTHER, "--into", SITE]);
    assert!(said.contains("its rows are there, its open day is closed, its keys are gone"), "{said}");
    assert!(said.contains("two visitors"), "{said}");

    // Days and panels add up, the open day too, and hits for the old name count.
    let later = send(&api, &hits(OTHER, FIRST.plus(1), 20)).await;
    let check = async |api: &Api| {
        for name in [SITE, OTHER] {
            for (day, sent) in [(FIRST, closed), (FIRST.plus(1), open + later)] {
                let report = report(api, name, day, &install.staff).await;
                assert_eq!((views(&report), &report["site"]), (sent, &Value::from(SITE)), "{day}");
                let pages = report["panels"]["page"]["rows"].as_array().unwrap();
                assert_eq!(pages.iter().map(|row| number(&row["pageviews"])).sum::<i64>(), sent, "{day}");
            }
        }
        // Closed: every family says so.
        let report = report(api, SITE, FIRST, &install.staff).await;
        for panel in ["country", "browser", "channel"] {
            let panel = &report["panels"][panel];
            let rows = panel["rows"].as_array().unwrap().iter().chain([&panel["other"]]);
            let visits = rows.filter_map(|row| row["visits"].as_i64()).sum::<i64>();
            assert_eq!(visits, number(&report["tiles"]["visits"]["value"]), "{panel}");
        }
    };
    check(&api).await;
    install.close(FIRST.plus(1));
    check(&api).await;
    server.stop();
    let server = install.serve();
    check(&Api::of(&server)).await;
    server.stop();
    let stored = Stored::of(install.home.data.path());
    assert_eq!(stored.number("SELECT count(DISTINCT site) FROM releases WHERE site <> 0"), 1);
    assert_eq!(stored.number("SELECT count(*) FROM days WHERE site <> 0"), 4);
}

#[tokio::test]
async fn a_merge_without_a_server_goes_on_when_it_starts() {
    let install = with_another_site();
    let server = install.serve();
    let api = Api::of(&server);
    let [closed, open] = two_sites(&install, &api).await;
    // Killed with both days open: what is acknowledged is in two journals.
    server.kill();
    let said = install.home.run(&["site", "merge", OTHER, "--into", SITE]);
    assert!(said.contains("the server does it when it starts"), "{said}");
    let server = install.serve();
    let api = Api::of(&server);
    let left = || install.home.files("journal").iter().filter(|name| name.starts_with("2-")).count();
    until("the other's open day is closed", || (left() == 0).then_some(()));
    let end = std::time::Instant::now() + super::server::PATIENCE;
    while views(&report(&api, SITE, FIRST.plus(1), &install.staff).await) != open {
        assert!(std::time::Instant::now() < end, "the other's open day is there");
    }
    assert_eq!(views(&report(&api, SITE, FIRST, &install.staff).await), closed);
    install.close(FIRST.plus(1));
    assert_eq!(views(&report(&api, SITE, FIRST.plus(1), &install.staff).await), open);
}

fn names_spam(row: &Row) -> bool {
    row.key(Column::Source).is_some_and(|source| &**source == SPAM)
}

fn rows(install: &Install, day: Day) -> Vec<Row> {
    let mut rows = Stored::of(install.home.data.path()).rows(1, day);
    rows.sort();
    rows
}

#[tokio::test]
async fn a_forgotten_source_leaves_what_names_it_and_nothing_else() {
    let install = Install::new();
    let server = install.serve();
    let api = Api::of(&server);
    send(&api, &hits(SITE, FIRST, 120)).await;
    install.close(FIRST);
    let open = FIRST.plus(1);
    send(&api, &hits(SITE, open, 120)).await;
    let before = report(&api, SITE, FIRST, &install.staff).await;
    server.stop();
    let stored = rows(&install, FIRST);
    let told = |table, family| {
        stored.iter().any(|row| names_spam(row) && (row.table, row.family) == (table, family))
    };
    assert!(
        told(Table::Pages, Family::Source) && told(Table::Pages, Family::Visit),
        "there is something to forget"
    );

    let server = install.serve();
    let api = Api::of(&server);
    assert!(install.fails(&["forget", "--site", SITE, "--source", "*"]).contains("is not allowed"));
    let said = install.home.run(&["forget", "--site", SITE, "--source", SPAM]);
    let visits: i64 = stored
        .iter()
        .filter(|row| names_spam(row) && (row.table, row.family) == (Table::Pages, Family::Source))
        .map(|row| row.counts[mayfly::domain::counters::Counter::Visits as usize])
        .sum();
    assert!(
        said.starts_with(&format!("took {SPAM} from 1 day of {SITE}: {visits} visits\n  {FIRST}: ")),
        "{said}"
    );
    assert!(said.contains(&format!("{open} has not closed yet")), "{said}");
    assert!(said.contains("Not corrected, because their rows do not say where a visit came from"), "{said}");
    let after = report(&api, SITE, FIRST, &install.staff).await;
    let listed = |report: &Value| report["panels"]["source"].to_string().contains(SPAM);
    assert!(listed(&before) && !listed(&after));
    assert_eq!(after["tiles"], before["tiles"]);
    for panel in ["page", "country", "browser"] {
        assert_eq!(after["panels"][panel], before["panels"][panel]);
    }
    let notice = &after["meta"]["notices"][0];
    assert!(
        notice.as_str().is_some_and(|text| text.starts_with(&format!("{FIRST} was corrected"))),
        "{notice}"
    );
    assert!(before["meta"]["notices"].as_array().unwrap().is_empty());

    // The open day follows once it has closed, over a kill as well.
    assert!(listed(&report(&api, SITE, open, &install.staff).await), "still open");
    server.kill();
    let server = install.serve();
    install.close(open);
    let api = Api::of(&server);
    let end = std::time::Instant::now() + super::server::PATIENCE;
    while listed(&report(&api, SITE, open, &install.staff).await) {
        assert!(std::time::Instant::now() < end, "the day that was open is corrected");
    }
    let said = install.home.run(&["forget", "--site", SITE, "--source", SPAM]);
    assert!(said.starts_with(&format!("no closed day of {SITE} names {SPAM}")), "{said}");
    server.stop();

    // All other rows are as they were, so no crowd has become smaller.
    let left: Vec<Row> = stored.into_iter().filter(|row| !names_spam(row)).collect();
    assert_eq!(rows(&install, FIRST), left);
    assert!(!rows(&install, open).iter().any(names_spam));
    let marked = Stored::of(install.home.data.path());
    assert_eq!(marked.number("SELECT count(*) FROM days WHERE site = 1 AND corrected"), 2);
}
