//! Many hits at once: reports while releases go out, and a kill: what was acknowledged is counted, what was not is
//! counted at most once.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use mayfly::{
    domain::{
        day::{UnixMs, Zone},
        hit::HitKind,
    },
    simulate::{
        Meaning, SimulatedHit,
        send::{Args, Sent, send},
        world::{self, Scenario},
    },
};
use serde_json::Value;

use super::{
    api::{Api, SITE},
    rows::Stored,
    server::{Home, PATIENCE, Server},
};

const LANES: usize = 16;
/// 2026-11-20T09:30:00Z.
const AT_FIRST: UnixMs = 1_795_167_000_000;
/// Reads are made this often and this long while releases go out, a few a second.
const READS: u32 = 40;
const RELEASING: Duration = Duration::from_secs(4);

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

/// A site, its staff key, and everything that ordinary visitors of a day send.
fn install() -> (Home, String, Vec<SimulatedHit>) {
    let home = Home::at("2026-11-20T09:30:00Z");
    home.run(&["site", "add", SITE, "--timezone", "UTC"]);
    for event in mayfly::simulate::shop::events() {
        home.run(&["event", "add", SITE, &event.name]);
    }
    let key = home.run(&["key", "add", "staff", "--site", SITE, "--scope", "staff"]);
    let (hits, _) = world::day(&scenario(), mayfly::domain::day::Day::parse("2026-11-20").unwrap());
    (home, key, hits)
}

/// While hits come and releases go to the store, each answer is of one moment: no view is missing or there twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_is_of_one_moment_while_releases_go_out() {
    let (home, key, hits) = install();
    let runtime = home.runtime.path().join("run");
    let server = home.serve_with(&["--runtime", runtime.to_str().unwrap(), "--flush-interval", "1s"]);
    let api = Api::of(&server);
    let views: Vec<_> = hits.into_iter().filter(|hit| hit.wire.name == "pageview").collect();
    let (sent, answered) = (Arc::new(AtomicI64::new(0)), Arc::new(AtomicI64::new(0)));
    let enough = Arc::new(AtomicBool::new(false));
    let sending = tokio::spawn({
        let (sent, answered, enough) = (sent.clone(), answered.clone(), enough.clone());
        let sender = Api::of(&server);
        async move {
            for (n, hit) in views.iter().cycle().enumerate() {
                if enough.load(SeqCst) {
                    break;
                }
                // Each second of its clock the server releases what it has.
                home.set_clock(AT_FIRST + 1_000 * (n as i64 / 4).min(1_500));
                sent.fetch_add(1, SeqCst);
                assert_eq!(sender.hit(hit).await, 202);
                answered.fetch_add(1, SeqCst);
            }
            home
        }
    });
    let begun = Instant::now();
    let mut reads = 0;
    while reads < READS || begun.elapsed() < RELEASING {
        let least = answered.load(SeqCst);
        let report = api.read("report", "p=day&limit=10000", &key).await;
        let most = sent.load(SeqCst);
        let rows = report["panels"]["page"]["rows"].as_array().unwrap();
        let of_rows: i64 = rows.iter().map(|row| n(&row["pageviews"])).sum();
        for found in [n(&report["tiles"]["pageviews"]["value"]), of_rows] {
            assert!((least..=most).contains(&found), "{least} <= {found} <= {most} after {reads} reads");
        }
        reads += 1;
    }
    enough.store(true, SeqCst);
    let home = sending.await.unwrap();
    server.kill();
    let releases = Stored::of(home.data.path()).number("SELECT count(*) FROM releases WHERE site = 1");
    assert!(releases > 3, "{releases} releases went out meanwhile");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_under_load_loses_nothing_that_was_acknowledged() {
    let (home, key, hits) = install();
    let server = home.serve();
    let sending = tokio::spawn({
        let (args, hits) = (args(&server), hits.clone());
        async move { send(&args, hits).await.unwrap() }
    });
    let api = Api::of(&server);
    let end = Instant::now() + PATIENCE;
    while received(&api, &key).await < 400 {
        assert!(Instant::now() < end, "the load arrives");
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
