//! What a running process erases of its own, by what it is among its nodes.

use super::*;
use crate::{
    config::{Environment, RawConfig, Role},
    control::NewSite,
    domain::row::{Release, ReleaseId},
    nodes::token::NodeToken,
    store::duckdb::{DuckStore, Limits},
};

const OLD: Day = Day(18_000);

/// What an hour takes of a day far past its retention: the file that the store refused, and the rows.
#[track_caller]
fn check(role: Role, rows_go: bool) {
    let folder = tempfile::tempdir().unwrap();
    let now = Day(20_779).0 as i64 * 86_400_000;
    let raw = RawConfig {
        data: Some(folder.path().to_string_lossy().into_owned()),
        runtime: Some("none".into()),
        ..RawConfig::default()
    };
    let environment = Environment { processors: 1, ..Environment::default() };
    let config = Config { role, ..Config::new(&raw, &environment).unwrap() };
    let control = Arc::new(Control::open(&config.control_file(), now).unwrap());
    let site = control.add_site(NewSite::new("example.com", "UTC"), now).unwrap().id;
    let node = Node::new(&config, &control).unwrap();
    let store = DuckStore::in_memory(&Limits { memory_mb: 128, threads: 1 }).unwrap();
    let id = ReleaseId { site, day: OLD, node: 0, number: 1 };
    store.insert(&Release { id, rows: Vec::new(), close: None }).unwrap();
    let parts = Parts::wire(&config, Arc::new(store), control, node, now).unwrap();
    let refused = folder.path().join("refused").join(format!("{}-{OLD}-0-1.damaged", site.0));
    std::fs::write(&refused, "x").unwrap();
    let begun = Instant::now();
    parts.keep(now, begun);
    assert!(refused.exists(), "the day has just become today");
    parts.keep(now + 3_600_000, begun + Duration::from_secs(3_600));
    assert!(!refused.exists(), "what was refused goes on every node");
    assert_eq!(parts.store.extent(site).unwrap().is_none(), rows_go);
}

#[test]
fn a_collector_erases_what_the_store_refused_of_its_own_and_leaves_the_rows() {
    let token = NodeToken::new("known-to-these-nodes-and-to-nobody-else").unwrap();
    check(Role::All, true);
    check(Role::Collector { report: "http://127.0.0.1:9".parse().unwrap(), token }, false);
}
