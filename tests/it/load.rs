//! A kill while hits are on their way: what was acknowledged is counted, what was not is counted at most once.

use std::collections::{BTreeMap, BTreeSet};

use mayfly::{
    domain::{day::Zone, hit::HitKind},
    simulate::{
        Meaning,
        send::{Args, Sent, send},
        world::{self, Scenario},
    },
};
use serde_json::Value;

use super::{
    api::{Api, SITE},
    server::{Home, PATIENCE, Server},
};

const LANES: usize = 16;

fn scenario() -> Scenario {
    Scenario {
        host: SITE.into(),
        zone: Zone::utc(),
        seed: 5,
        k: 5,
        kept: Default::default(),
        visitors: 250,
        everything: false,
        flood: 0,
    }
}

fn args(server: &Server) -> Args {
    Args {
        url: server.origin.clone(),
        site: SITE.into(),
        zone: "UTC".into(),
        rate: 100_000,
        visitors: 0,
        seed: 0,
        concurrency: LANES,
        seconds: None,
        k: 5,
        flood: 0,
        ordinary: true,
    }
}

/// Views of pages that were answered, by page; all answered hits; and who they were.
fn acknowledged(sent: &Sent) -> (BTreeMap<String, i64>, i64, BTreeSet<u64>) {
    let (mut views, mut visitors) = (BTreeMap::new(), BTreeSet::new());
    for one in &sent.acknowledged {
        assert_eq!(one.status, 202);
        let Meaning::Counts(hit) = &one.hit.meaning else { continue };
        visitors.insert(one.hit.visitor.number);
        if let (HitKind::View, Some(page)) = (&hit.kind, &hit.page) {
            *views.entry(page.to_string()).or_default() += 1;
        }
    }
    (views, sent.acknowledged.len() as i64, visitors)
}

fn n(value: &Value) -> i64 {
    value.as_i64().unwrap_or_else(|| panic!("{value} is a number"))
}

async fn received(api: &Api, key: &str) -> i64 {
    n(&api.read("live", "", key).await["received_today"])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_under_load_loses_nothing_that_was_acknowledged() {
    let home = Home::at("2026-11-20T09:30:00Z");
    home.run(&["site", "add", SITE, "--timezone", "UTC"]);
    for event in mayfly::simulate::shop::events() {
        home.run(&["event", "add", SITE, &event.name]);
    }
    let key = home.run(&["key", "add", "staff", "--site", SITE, "--scope", "staff"]);
    let (hits, _) = world::day(&scenario(), mayfly::domain::day::Day::parse("2026-11-20").unwrap());

    let server = home.serve();
    let sending = tokio::spawn({
        let (args, hits) = (args(&server), hits.clone());
        async move { send(&args, hits).await.unwrap() }
    });
    let api = Api::of(&server);
    let end = std::time::Instant::now() + PATIENCE;
    while received(&api, &key).await < 400 {
        assert!(std::time::Instant::now() < end, "the load arrives");
    }
    server.kill();
    let sent = sending.await.unwrap();
    assert!(sent.unanswered > 0, "the kill came while hits were on their way");
    let (views, answered, visitors) = acknowledged(&sent);
    assert!(answered >= 300);

    let server = home.serve();
    let api = Api::of(&server);
    let counted = received(&api, &key).await;
    let slack = LANES as i64;
    assert!((answered..=answered + slack).contains(&counted), "{answered} acknowledged, {counted} counted");
    let report = api.read("report", "p=day&limit=10000", &key).await;
    let tile = |report: &Value, name: &str| n(&report["tiles"][name]["value"]);
    let all: i64 = views.values().sum();
    assert!((all..=all + slack).contains(&tile(&report, "pageviews")));
    let people = visitors.len() as i64;
    assert!((people..=people + slack).contains(&tile(&report, "visitors")));
    for (page, views) in &views {
        let rows = report["panels"]["page"]["rows"].as_array().unwrap();
        let row = rows.iter().find(|row| row["value"] == page.as_str()).unwrap_or_else(|| panic!("{page}"));
        assert!((*views..=views + slack).contains(&n(&row["pageviews"])), "{page}");
    }

    // Everybody comes again: nobody is new, no visit begins, and every view counts once more.
    let again: Vec<_> = sent
        .acknowledged
        .iter()
        .filter(|one| visitors.contains(&one.hit.visitor.number))
        .map(|one| one.hit.clone())
        .collect();
    let resent = send(&args(&server), again).await.unwrap();
    assert_eq!((resent.unanswered, acknowledged(&resent).1), (0, answered));
    let later = api.read("report", "p=day&limit=10000", &key).await;
    for name in ["visitors", "visits"] {
        assert_eq!(tile(&later, name), tile(&report, name), "{name}");
    }
    assert_eq!(tile(&later, "pageviews"), tile(&report, "pageviews") + all);
    assert_eq!(received(&api, &key).await, counted + answered);
}
