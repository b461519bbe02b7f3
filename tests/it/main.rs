//! The integration tests, one binary. Each file says what it proves.
#![allow(
    clippy::unwrap_used,
    reason = "clippy excuses functions marked as tests, not the helpers that they call"
)]

mod answers; // what the binary answers: hits, keys, refusals, a first run, changes from outside
mod api; // requests of the tests below
mod attacks; // the attacks of docs/PRIVACY.md, and that each succeeds where its protection is missing
mod backup; // backups, restores and exports of a running server
mod clickhouse; // the real binary on a real ClickHouse: the same reports, an engine that comes and goes, TLS
mod clocks; // the real binary under clocks that jump, days of every length, zones that change
mod compare; // a report's JSON against what it must say
mod copy; // rows moved from one store to another, through kills, and compared
mod corpora; // every input that fuzzing found worth keeping, and the seeds, against the laws of fuzz/
mod correct; // sites renamed, merged, and rid of a source
mod crash; // kill -9 at random instants and at exact places: acknowledged = counted
mod disclose; // what anybody is told about a site, over HTTP
mod disk; // the disk fails: full, slow, read-only, torn, spoilt, and nothing acknowledged is lost
mod docs; // the documents against the code: links, files, settings
mod duplicates; // requests sent twice, and batches
#[path = "../clickhouse/engine.rs"]
mod engine; // a real ClickHouse for tests
mod erase; // a site that leaves nothing
mod expected; // what a report must say, from the naive recount
mod faults; // calls on files that fail, wait or kill, set from outside
mod filtered; // reports with one filter, against the naive recount
mod flood; // floods of distinct values: memory stays within its bounds, and what was known stays told
#[path = "../../fuzz/src/lib.rs"]
mod fuzzed; // the laws that any input must keep, shared with the fuzz targets
mod hostile; // raw sockets: abuse of HTTP, slow and idle connections, bodies that are wrong
mod laws; // the core against the naive recount: counting, settling, replay, close
mod limits; // docs/LIMITS.md against the code, and bounds that no other test goes to
mod load; // many hits at once: reads of one moment, a kill
mod nodes; // three collectors, a report node and a ClickHouse over a midnight with a kill and a cut, against the recount
mod objection; // the opt-out page and its cookie, the pixel, what a collector's own pages may read
mod open_loop; // a load that does not wait for answers
mod outage; // the store fails, in every way, and no hit is lost or counted twice
mod outside; // test data that others made: URLs, public suffixes, JSON, user agents
mod overload; // more than the server can take
mod people; // who may do what: every route, asked by every kind of caller
mod planted; // admission finds what the simulator planted
mod play; // the simulator's day, played to a server second by second
mod product; // the real binary against the truth: reports, releases, kills, stops, the close
mod proxies; // the proxy examples, run by real proxies: addresses, sites, collectors that die and come
mod raw; // HTTP by hand
mod relay; // a way between two processes that a test can cut
mod rows; // what the store really holds
mod scale; // the constants of docs/SCALE.md, measured
mod server; // a real Mayfly and its clock
mod shares; // links, public sites and badges over HTTP: who sees what, and until when
mod soak; // a long run: memory stays level while days come and go
mod streams; // what happens now, as server-sent events
mod tidy; // rules of the house that a compiler does not know
mod traces; // nothing of a visitor is written anywhere
mod trials; // trial hits: they say what a hit becomes, and leave nothing
mod upgrade; // one process after the other: signals, stops, a socket that outlives them, other versions' files
mod verify; // `mayfly verify` on a real install
mod views; // notes, and a view as files
mod vocabulary; // what the scrubbers see in paths, and what they take for it
mod zones; // every time zone, day by day, against data from outside

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// All Rust files below a folder of the package, with their texts.
fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    fn walk(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push((path.clone(), fs::read_to_string(&path).unwrap()));
            }
        }
    }
    let mut found = Vec::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut found);
    assert!(found.len() > 5, "{folder} holds sources");
    found
}

/// The names of all functions of sources and tests.
fn functions() -> BTreeSet<String> {
    let texts = sources("src").into_iter().chain(sources("tests"));
    let named = |line: &str| {
        let line = line.trim_start().trim_start_matches("async ").strip_prefix("fn ")?;
        Some(line.split('(').next().unwrap_or_default().to_owned())
    };
    texts.flat_map(|(_, text)| text.lines().filter_map(named).collect::<Vec<_>>()).collect()
}
