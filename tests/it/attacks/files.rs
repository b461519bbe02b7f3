//! A1: every file, all output, answers to what is wrong, metrics and the store's values after midnight, and a backup, searched
//! for salts, keys, addresses and user agents; so the files, values and log of a ClickHouse. A3: every 32 bytes of the former,
//! tried as a salt against visitors who are known to have been there.

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
};

use reqwest::Method;
use serde_json::json;

use super::{
    super::{
        api::{Api, SITE, answer},
        engine::shared,
        rows::Stored,
        server::{Home, Server, until},
        traces::{Search, all_files},
    },
    crowd::{self, Known, SALT},
};

/// All that a day left, a minute and more after it ended.
struct Left {
    crowd: Vec<Known>,
    salts: Vec<[u8; SALT]>,
    artefacts: Vec<(String, Vec<u8>)>,
}

/// The faults that these attacks must find, and none.
const FAULTS: [&str; 4] = ["", "salt_kept", "table_kept", "hash_stored"];

/// A day with a crowd, over midnight. The server still runs.
struct Day {
    home: Home,
    server: Server,
    crowd: Vec<Known>,
    salts: Vec<[u8; SALT]>,
    /// What it answered to who asked for what is wrong, and for its metrics.
    told: String,
}

/// All that a visitor is answered who asks for what is wrong.
async fn refusals(api: &Api, one: &Known) -> String {
    let mut told = String::new();
    for body in [
        "{".to_owned(),
        json!({"n": "pageview"}).to_string(),
        json!({"n": "pageview", "d": "example.org", "u": "https://example.org/"}).to_string(),
        "x".repeat(70_000),
        "[1]".to_owned(),
    ] {
        let answered = answer(one.sends(api, Method::POST, "/api/event").body(body)).await;
        assert!(answered.status == 202 || answered.status >= 400, "{answered:?}");
        told += &format!("{answered:?}\n");
    }
    for path in [
        "/nothing",
        "/count",
        "/api/sites/example.com/report",
        "/metrics",
        "/privacy/example.org",
        "/opt-out",
    ] {
        told += &format!("{:?}\n", answer(one.sends(api, Method::GET, path)).await);
    }
    told
}

async fn metrics(api: &Api) -> String {
    let answered = answer(api.request(Method::GET, "/metrics")).await;
    assert!(answered.body.contains("mayfly_ready 1"), "{answered:?}");
    format!("{answered:?}\n")
}

/// Plays a day with a crowd over midnight, with more flags of the server.
async fn play(sabotage: &str, more: &[&str]) -> Day {
    let home = match sabotage {
        "" => Home::at("2026-11-20T22:00:00Z"),
        _ => Home::at("2026-11-20T22:00:00Z").sabotaged(sabotage),
    };
    home.run(&["site", "add", SITE, "--timezone", "UTC"]);
    let crowd = crowd::known(100);
    let run = home.runtime.path().join("run");
    let flags =
        ["--runtime", run.to_str().unwrap(), "--flush-interval", "1s", "--log-level", "mayfly=trace,debug"];
    let server = home.serve_with(&[&flags[..], more].concat());
    crowd::visit(&server, &crowd, "/pricing", 32).await;
    let api = Api::of(&server);
    let mut told = refusals(&api, &crowd[0]).await + &metrics(&api).await;
    let salts: Vec<_> = crowd::salts(&home).into_iter().map(|(_, salt)| salt).collect();
    assert!(!salts.is_empty());
    let within = Search::new(crowd::secrets(&salts, &crowd));
    assert!(!within.files(&run).is_empty(), "within the day, memory's directory holds salt and keys");
    home.set_clock("2026-11-21T00:01:00Z".parse::<jiff::Timestamp>().unwrap().as_millisecond());
    until("the day is in the store", || {
        let there = |folder| home.files(folder).iter().any(|name| name.contains("1-2026-11-20"));
        (!there("journal") && !there("releases")).then_some(())
    });
    told += &metrics(&api).await;
    Day { home, server, crowd, salts, told }
}

/// The files below a folder, by name.
fn read_all(folder: &Path) -> impl Iterator<Item = (String, Vec<u8>)> {
    all_files(folder).into_iter().filter_map(|path| Some((path.display().to_string(), fs::read(&path).ok()?)))
}

/// All that a day left.
async fn day_of(sabotage: &str) -> Left {
    let Day { home, server, crowd, salts, told } = play(sabotage, &[]).await;
    let backup = home.runtime.path().join("backup");
    home.run(&["backup", backup.to_str().unwrap()]);
    let (_, output) = server.stop();
    let mut artefacts =
        vec![("the output".to_owned(), output.into_bytes()), ("its answers".to_owned(), told.into_bytes())];
    for folder in [home.data.path(), home.runtime.path()] {
        artefacts.extend(read_all(folder));
    }
    let restored = tempfile::tempdir().unwrap();
    fs::copy(backup.join("rows.duckdb"), restored.path().join("mayfly.duckdb")).unwrap();
    for (what, data) in [("the store", home.data.path()), ("the backup", restored.path())] {
        // The store compresses what it holds, so its values are looked at as SQL tells them.
        let text = Stored::of(data).text();
        assert!(text.contains("example.com/pricing") || sabotage == "hash_stored", "{what}: {text}");
        artefacts.push((what.to_owned(), text.into_bytes()));
    }
    assert!(artefacts.len() > 8, "files, output, values");
    Left { crowd, salts, artefacts }
}

/// Where something of a search is.
fn places(left: &Left, search: &Search) -> Vec<String> {
    let found = left.artefacts.iter().filter(|(_, bytes)| search.is_in(bytes));
    found.map(|(name, _)| name.clone()).collect()
}

/// How many 32-byte windows were tried as salts, and where one of them gave a key that is known or lies somewhere.
#[allow(clippy::print_stdout, reason = "how much was tried")]
fn tried_as_salts(left: &Left) -> Vec<String> {
    let mut keys: HashSet<u64> = HashSet::new();
    for (_, bytes) in &left.artefacts {
        let keys_there = bytes.windows(8).map(|window| u64::from_le_bytes(*window.first_chunk().unwrap()));
        keys.extend(keys_there.filter(|key| *key > 1 << 40).flat_map(|key| [key, key.swap_bytes()]));
    }
    // Who was there knows a key if the salt is true: an attacker can see that by other means.
    keys.extend(left.salts.iter().flat_map(|salt| left.crowd.iter().map(|one| one.key(salt))));
    let (mut tried, mut found) = (0_u64, Vec::new());
    for (name, bytes) in &left.artefacts {
        for (at, window) in bytes.windows(SALT).enumerate() {
            // Of 32 random bytes six are zero once in 10^9 times.
            if window.iter().filter(|&&byte| byte == 0).count() > 5 {
                continue;
            }
            let salt: &[u8; SALT] = window.first_chunk().unwrap();
            tried += left.crowd.len() as u64;
            if left.crowd.iter().any(|one| keys.contains(&one.key(salt))) {
                found.push(format!("{name} at {at}"));
            }
        }
    }
    println!("{tried} keys tried of windows of {} artefacts", left.artefacts.len());
    assert!(tried > 10_000, "{tried} keys were tried");
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_a_day_left_tells_or_checks_who_was_there() {
    for fault in FAULTS {
        let left = day_of(fault).await;
        let who = Search::new(crowd::who(&left.crowd));
        assert_eq!(places(&left, &who), Vec::<String>::new(), "{fault}: addresses and user agents");
        let secrets = places(&left, &Search::new(crowd::secrets(&left.salts, &left.crowd)));
        assert_eq!(secrets.is_empty(), fault.is_empty(), "{fault}: salts and keys: {secrets:?}");
        if matches!(fault, "" | "salt_kept") {
            let salts = tried_as_salts(&left);
            assert_eq!(salts.is_empty(), fault.is_empty(), "{fault}: {salts:?}");
        }
    }
}

/// All that a day left in a ClickHouse: its files, values and log of queries, beside the server's own files and output.
async fn day_in_clickhouse(sabotage: &str) -> Left {
    let (engine, store) = (shared(), shared().fresh());
    let Day { home, server, crowd, salts, told } = play(sabotage, &["--store", &store]).await;
    let output = server.stop().1 + &told;
    let database = store.rsplit('/').next().unwrap().split('?').next().unwrap();
    let asked = |sql: &str| engine.sql(database, sql);
    let mut values = String::new();
    for table in asked("SHOW TABLES").lines() {
        values += &asked(&format!("SELECT * FROM `{table}`"));
    }
    assert!(values.contains("example.com/pricing") || sabotage == "hash_stored", "{values}");
    if asked("EXISTS TABLE system.query_log").trim() != "0" {
        asked("SYSTEM FLUSH LOGS");
        values += &asked(&format!("SELECT * FROM system.query_log WHERE current_database = '{database}'"));
    }
    let mut artefacts =
        vec![("the output".to_owned(), output.into_bytes()), ("the values".to_owned(), values.into_bytes())];
    let folders =
        asked(&format!("SELECT arrayJoin(data_paths) FROM system.tables WHERE database = '{database}'"));
    let own = [home.data.path(), home.runtime.path()].map(Path::to_owned);
    for folder in folders.lines().map(PathBuf::from).chain(own) {
        artefacts.extend(read_all(&folder));
    }
    assert!(artefacts.iter().any(|(name, _)| name.ends_with("data.bin")), "parts of ClickHouse's own");
    Left { crowd, salts, artefacts }
}

#[actix_web::test]
async fn nothing_in_a_clickhouse_tells_or_checks_who_was_there() {
    for fault in ["", "hash_stored"] {
        let left = day_in_clickhouse(fault).await;
        let who = Search::new(crowd::who(&left.crowd));
        assert_eq!(places(&left, &who), Vec::<String>::new(), "{fault}: addresses and user agents");
        let secrets = places(&left, &Search::new(crowd::secrets(&left.salts, &left.crowd)));
        assert_eq!(secrets.is_empty(), fault.is_empty(), "{fault}: salts and keys: {secrets:?}");
    }
}

/// Neither the output nor an answer repeats a panic's words, and the server lives on.
#[tokio::test]
async fn a_panic_tells_where_and_not_in_which_words() {
    for (faults, told) in [("panic_on_hit", false), ("panic_on_hit,loud_panics", true)] {
        let home = Home::at("2026-11-20T12:00:00Z").sabotaged(faults);
        home.run(&["site", "add", SITE, "--timezone", "UTC"]);
        let server = home.serve();
        let api = Api::of(&server);
        for one in crowd::known(2) {
            let body = json!({"n": "pageview", "u": format!("https://{SITE}/"), "d": SITE}).to_string();
            let answer = api.post_event(&[("user-agent", &one.agent)], body).await;
            assert_eq!((answer.status, answer.body.as_str()), (500, "internal error"));
        }
        let output = server.kill();
        assert!(output.contains("panicked at src/collect/take.rs"), "{output}");
        assert_eq!(output.contains("Firefox"), told, "{output}");
    }
}
