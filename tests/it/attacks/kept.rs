//! A9: what the store itself keeps beside the rows: their order, the release that brought them, the bytes of its files
//! during the day.

use std::{collections::BTreeMap, fs, path::Path};

use mayfly::{domain::day::UnixMs, simulate::truth::Truth};

use super::{
    lived::{close, day, home, send},
    traffic::Traffic,
};
use crate::{rows::Stored, server::until};

const HOUR: UnixMs = 3_600_000;

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
    let mut met: Vec<String> = Vec::new();
    for hit in &hits {
        let page = hit.wire.url.trim_start_matches("https://").split('?').next().unwrap_or_default();
        if !met.iter().any(|one| one == page) {
            met.push(page.to_owned());
        }
    }
    let releases =
        "SELECT count(DISTINCT release) FROM pages WHERE family IN ('visit', 'place', 'device', 'language')";
    Kept { open, in_file, met, releases: stored.number(releases) }
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
