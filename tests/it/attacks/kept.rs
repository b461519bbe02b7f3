//! A9: what the store itself keeps beside the rows: their order, the release that brought them, the bytes of its files
//! during the day.

use std::{collections::BTreeMap, fs, path::Path};

use mayfly::{
    domain::day::UnixMs,
    simulate::{SimulatedHit, truth::Truth},
};

use super::{
    lived::{close, day, home, send},
    traffic::Traffic,
};
use crate::{engine::shared, rows::Stored, server::until};

const HOUR: UnixMs = 3_600_000;
const RELEASES: &str =
    "SELECT count(DISTINCT release) FROM pages WHERE family IN ('visit', 'place', 'device', 'language')";

/// A day of which the store is looked at before and after the close.
struct Kept {
    /// All bytes of the store's files an hour before midnight.
    open: Vec<u8>,
    /// Pages of an hour in the order of the file, by hour and release.
    in_file: BTreeMap<[String; 2], Vec<String>>,
    /// Pages in the order in which they were first asked for.
    met: Vec<String>,
    /// How many releases brought rows that say where or what.
    releases: i64,
}

async fn kept(build: Option<&str>) -> Kept {
    let mut traffic = Traffic::of(day(), 9);
    traffic.crowd(160, 40);
    let hits = traffic.hits();
    let (home, mut truth, mut now) = (home(build), Truth::new(day(), Vec::new()), 0);
    let server = home.serve();
    let starts = i64::from(day().0) * 86_400_000;
    let (morning, later) = hits.split_at(hits.partition_point(|hit| hit.at < starts + 12 * HOUR));
    for (part, until_hour) in [(morning, 12), (later, 23)] {
        send(&home, &server, part, &mut now, &mut truth).await;
        let before = home.store_changed();
        home.set_clock(now.max(starts + until_hour * HOUR));
        until("the release of the hours so far", || (home.store_changed() > before).then_some(()));
        until("nothing is on its way", || home.files("releases").is_empty().then_some(()));
    }
    server.kill();
    let open = bytes(home.data.path());
    let server = home.serve();
    close(&home);
    server.kill();
    let stored = Stored::of(home.data.path());
    let mut in_file: BTreeMap<[String; 2], Vec<String>> = BTreeMap::new();
    let rows = "SELECT hour::VARCHAR, release::VARCHAR, page FROM pages_page ORDER BY rowid";
    for [hour, release, page] in stored.texts(rows) {
        in_file.entry([hour, release]).or_default().push(page);
    }
    Kept { open, in_file, met: met(&hits), releases: stored.number(RELEASES) }
}

/// Pages in the order in which they were first asked for.
fn met(hits: &[SimulatedHit]) -> Vec<String> {
    let mut met: Vec<String> = Vec::new();
    for hit in hits {
        let page = hit.wire.url.trim_start_matches("https://").split('?').next().unwrap_or_default();
        if !met.iter().any(|one| one == page) {
            met.push(page.to_owned());
        }
    }
    met
}

/// The bytes of the store's files.
fn bytes(data: &Path) -> Vec<u8> {
    let files = fs::read_dir(data).unwrap().map(|file| file.unwrap());
    let of_store = files.filter(|file| file.file_name().to_string_lossy().starts_with("mayfly.duckdb"));
    of_store.flat_map(|file| fs::read(file.path()).unwrap()).collect()
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|part| part == text.as_bytes())
}

/// Of the pairs of pages that stand one after the other in an hour, and not in the order of the alphabet if they stand in
/// that of arrival: the share that does stand as it arrived.
fn as_arrived(kept: &Kept) -> f64 {
    let (mut pairs, mut arrived) = (0, 0);
    for pages in kept.in_file.values() {
        let met = |page: &String| kept.met.iter().position(|one| one == page);
        for two in pages.windows(2).filter(|two| (met(&two[0]) < met(&two[1])) != (two[0] < two[1])) {
            pairs += 1;
            arrived += u32::from(met(&two[0]) < met(&two[1]));
        }
    }
    assert!(pairs > 30, "{pairs} pairs tell the orders apart");
    f64::from(arrived) / f64::from(pairs)
}

#[tokio::test]
async fn the_store_keeps_no_more_than_rows() {
    let clean = kept(None).await;
    assert_eq!(as_arrived(&clean), 0.0, "rows stand in the order of their keys");
    assert_eq!(clean.releases, 1, "where and what come with the close, all at once");
    // Pages are there within the day; where visits came from, and what the visitors use, is not.
    assert!(holds(&clean.open, "example.com/page-0"));
    for text in ["Hacker News", "partner-", "Organic Social", "Firefox", "Windows", "desktop"] {
        assert!(!holds(&clean.open, text), "{text} within the day");
    }
    let early = kept(Some("early_release")).await;
    assert!(early.releases > 1, "{} releases tell the hours of places and devices", early.releases);
    assert!(["Organic Search", "Windows", "desktop"].iter().any(|text| holds(&early.open, text)));
    let in_order = kept(Some("arrival_order")).await;
    assert!(as_arrived(&in_order) > 0.9, "{}", as_arrived(&in_order));
}

/// What ClickHouse has of a day: the families of its rows an hour before midnight, their order at the end, the releases of
/// what says where and what, and what its logs say of inserts.
struct InClickHouse {
    open: Vec<String>,
    kept: Kept,
    logged: String,
}

async fn in_clickhouse(build: Option<&str>) -> InClickHouse {
    let mut traffic = Traffic::of(day(), 9);
    traffic.crowd(120, 30);
    let hits = traffic.hits();
    let (home, mut truth, mut now) = (home(build), Truth::new(day(), Vec::new()), 0);
    let (engine, store) = (shared(), shared().fresh());
    let database = store.rsplit('/').next().unwrap().split('?').next().unwrap();
    let asked = |sql: &str| engine.sql(database, sql);
    let runtime = home.runtime.path().join("run");
    let server = home.serve_with(&["--runtime", runtime.to_str().unwrap(), "--store", &store]);
    send(&home, &server, &hits, &mut now, &mut truth).await;
    home.set_clock(now.max(i64::from(day().0) * 24 * HOUR + 23 * HOUR));
    until("the release of the hours so far", || {
        let rows = asked("SELECT count() FROM pages");
        (rows.trim() != "0" && home.files("releases").is_empty()).then_some(())
    });
    let lines = |text: String| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let open = lines(asked("SELECT DISTINCT family::String AS family FROM pages ORDER BY family"));
    close(&home);
    server.kill();
    let mut in_file: BTreeMap<[String; 2], Vec<String>> = BTreeMap::new();
    let rows = "SELECT hour, _part, page FROM pages WHERE family = 'page' AND kind = 'page' ORDER BY _part, _part_offset";
    for line in lines(asked(rows)) {
        let [hour, part, page] = line.split('\t').map(str::to_owned).collect::<Vec<_>>().try_into().unwrap();
        in_file.entry([hour, part]).or_default().push(page);
    }
    let releases = asked(RELEASES).trim().parse().unwrap();
    let logged = match asked("EXISTS TABLE system.query_log").trim() {
        "0" => String::new(),
        _ => {
            asked("SYSTEM FLUSH LOGS");
            asked(&format!(
                "SELECT query FROM system.query_log WHERE current_database = '{database}' AND query_kind = 'Insert'"
            ))
        }
    };
    InClickHouse { open, kept: Kept { open: Vec::new(), in_file, met: met(&hits), releases }, logged }
}

#[actix_web::test]
async fn clickhouse_keeps_no_more_than_rows() {
    let clean = in_clickhouse(None).await;
    assert_eq!(clean.open, ["page"], "where and what are not there within the day");
    assert_eq!(clean.kept.releases, 1, "they come with the close, all at once");
    assert_eq!(as_arrived(&clean.kept), 0.0, "rows stand in the order of their keys");
    assert_eq!(clean.logged, "", "its log says nothing of when what was inserted");
    let early = in_clickhouse(Some("early_release")).await;
    assert!(early.open.len() > 1 && early.kept.releases > 1, "{:?}, {}", early.open, early.kept.releases);
}
