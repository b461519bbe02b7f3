//! Floods of distinct values: the server's memory stays within its bounds, and values that were known stay told.
//!
//! `FLOOD` is how many values each flood has (a short one by default); the table is printed.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use serde_json::{Value, json};

use super::{
    api::{Api, FIREFOX, SITE},
    open_loop::{Load, send},
    raw::{post, read},
    server::{Home, Server, until},
};

/// Events of a batch.
const BATCH: usize = 500;
/// What a distinct value may cost: its text, its cells, in KiB.
const VALUE_KIB: u64 = 2;
/// What a visitor-day may cost: its records in the tables and their growth, its cells, in bytes.
const VISITOR_BYTES: u64 = 768;
/// What anything may cost: buffers of connections, journal and answers, in KiB.
const SLACK_KIB: u64 = 24 << 10;

struct Flood {
    name: &'static str,
    /// Requests for a number of values.
    requests: fn(usize) -> usize,
    request: fn(usize) -> Vec<u8>,
    /// Distinct values that are kept at most.
    cap: u64,
    /// Whether each request is a visitor.
    visitors: bool,
}

/// A word of letters that stands for a number and looks like nothing personal.
fn word(n: usize) -> String {
    let letters = b"aeioulmnprstvwyz";
    (0..5).rev().map(|at| letters[n >> (4 * at) & 15] as char).collect()
}

fn from(n: usize) -> String {
    format!("X-Forwarded-For: 10.{}.{}.{}\r\n", n >> 16 & 255, n >> 8 & 255, n & 255)
}

fn view(path: &str) -> Value {
    json!({"n": "pageview", "u": format!("https://{SITE}{path}"), "d": SITE})
}

fn batch(n: usize, event: impl Fn(usize) -> Value) -> Vec<u8> {
    let events: Vec<Value> = (n * BATCH..(n + 1) * BATCH).map(event).collect();
    post(&from(n), Value::from(events).to_string())
}

fn one(n: usize, event: Value) -> Vec<u8> {
    post(&from(n), event.to_string())
}

fn in_batches(values: usize) -> usize {
    values.div_ceil(BATCH)
}

fn each(values: usize) -> usize {
    values
}

const FLOODS: [Flood; 11] = [
    Flood {
        name: "paths",
        requests: in_batches,
        request: |n| batch(n, |n| view(&format!("/{}", word(n)))),
        cap: 5_000,
        visitors: true,
    },
    Flood {
        name: "sources",
        requests: each,
        request: |n| {
            let mut event = view("/");
            event["r"] = format!("https://{}.com/", word(n)).into();
            one(n, event)
        },
        cap: 2_000,
        visitors: true,
    },
    Flood {
        name: "campaigns",
        requests: each,
        request: |n| {
            let word = word(n);
            one(
                n,
                view(&format!(
                    "/?utm_source={word}&utm_medium={word}&utm_campaign={word}&utm_content={word}&utm_term={word}"
                )),
            )
        },
        cap: 5_000,
        visitors: true,
    },
    Flood {
        name: "event values",
        requests: in_batches,
        request: |n| {
            batch(n, |n| {
                let mut event = view("/");
                event["n"] = "outbound".into();
                event["p"] = json!({"host": word(n)});
                event
            })
        },
        cap: 50,
        visitors: true,
    },
    Flood {
        name: "undeclared events",
        requests: in_batches,
        request: |n| {
            batch(n, |n| {
                let mut event = view("/");
                event["n"] = word(n).into();
                event
            })
        },
        cap: 1_000,
        visitors: false,
    },
    Flood {
        name: "user agents",
        requests: each,
        request: |n| {
            let text = String::from_utf8(one(1, view("/"))).unwrap();
            let agent = format!("Mozilla/5.0 (X11; Linux x86_64; rv:{n}.0) Gecko/20100101 Firefox/{n}.0");
            // All from one address, which would be limited: from as many as send a thousand.
            text.replace(FIREFOX, &agent).replace("10.0.0.1", &format!("10.200.0.{}", n / 900)).into_bytes()
        },
        cap: 0,
        visitors: true,
    },
    Flood {
        name: "IPv4 addresses",
        requests: each,
        request: |n| one((1 << 23) + n, view("/")),
        cap: 0,
        visitors: true,
    },
    Flood {
        name: "IPv6 addresses",
        requests: each,
        request: |n| {
            let address = format!("X-Forwarded-For: 2001:db8:{:x}:{:x}::1\r\n", n >> 8, n & 255);
            post(&address, view("/").to_string())
        },
        cap: 0,
        visitors: true,
    },
    Flood {
        name: "hosts",
        requests: in_batches,
        request: |n| {
            batch(n, |n| json!({"n": "pageview", "u": format!("https://{}.example/", word(n)), "d": SITE}))
        },
        cap: 0,
        visitors: false,
    },
    Flood {
        name: "unknown sites",
        requests: in_batches,
        request: |n| batch(n, |n| json!({"n": "pageview", "u": format!("https://{}.example/", word(n))})),
        cap: 0,
        visitors: false,
    },
    Flood {
        name: "idempotency keys",
        requests: each,
        request: |n| post(&format!("{}Idempotency-Key: {n}\r\n", from(n % 1_000)), view("/").to_string()),
        cap: 0,
        visitors: false,
    },
];

fn values() -> usize {
    std::env::var("FLOOD").ok().map_or(6_500, |text| text.parse().unwrap())
}

fn install(instant: &str) -> (Home, String) {
    let home = Home::at(instant);
    home.run(&["site", "add", SITE, "--timezone", "UTC"]);
    home.run(&["event", "add", SITE, "outbound", "--property", "host=[a-z0-9.-]{3,60}:50"]);
    let key = home.run(&["key", "add", "staff", "--site", SITE, "--scope", "staff"]);
    (home, key)
}

fn serve(home: &Home) -> Server {
    let runtime = home.runtime.path().join("run");
    home.serve_with(&["--runtime", runtime.to_str().unwrap(), "--max-body", "1048576"])
}

/// Sends all of a flood as fast as it is taken, with its requests beginning at a number.
async fn pour(server: &Server, flood: &Flood, first: usize, values: usize) -> usize {
    let (requests, request) = ((flood.requests)(values), flood.request);
    let load = Load {
        rate: 50_000,
        time: Duration::from_secs_f64(requests as f64 / 50_000.0),
        // Those of batches hold hundreds of hits each: no more than may be under way.
        connections: if requests < values { 4 } else { 64 },
        request: Arc::new(move |n| request(first + n)),
    };
    let outcome = send(server, &load).await;
    // Some of a flood may be shed, where the machine is busy; none of it goes without an answer.
    let (taken, shed) = (outcome.answers(202), outcome.answers(503));
    assert!(
        taken + shed == requests && shed * 4 <= requests,
        "{}: {taken} taken, {shed} shed, {:?}",
        flood.name,
        outcome.statuses()
    );
    requests
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[allow(clippy::print_stdout, reason = "the table of the run")]
async fn floods_of_distinct_values_stay_within_their_memory() {
    let values = values();
    println!("{values} values, twice      peak before   after one    after two   bound (MiB)");
    for flood in &FLOODS {
        let (home, key) = install("2026-11-20T12:00:00Z");
        let server = serve(&home);
        pour(&server, &FLOODS[9], 0, BATCH).await;
        let before = server.peak_kib();
        let requests = pour(&server, flood, 0, values).await;
        let once = server.peak_kib();
        let requests = requests + pour(&server, flood, requests, values).await;
        let twice = server.peak_kib();
        let kept = flood.cap.min(2 * values as u64);
        let people = if flood.visitors { requests as u64 } else { 0 };
        let bound = before + SLACK_KIB + kept * VALUE_KIB + people * VISITOR_BYTES / 1024;
        let mib = |kib: u64| kib as f64 / 1024.0;
        println!(
            "{:<24} {:>12.1} {:>11.1} {:>12.1} {:>12.1}",
            flood.name,
            mib(before),
            mib(once),
            mib(twice),
            mib(bound)
        );
        assert!(twice <= bound, "{}: {twice} KiB, bound {bound} KiB", flood.name);
        let live = read(&server, &format!("/api/sites/{SITE}/live"), &key);
        assert!(live["outcomes"]["rate_limited"].is_null(), "{}: {live}", flood.name);
    }
}

/// A page, a source and a campaign that k visitors used yesterday are told although a flood came first today; new
/// ones are not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_that_were_known_are_told_through_a_flood() {
    let (home, key) = install("2026-11-20T23:50:00Z");
    let server = serve(&home);
    let api = Api::of(&server);
    let known = |page: &str| {
        let mut event = view(&format!("{page}?utm_campaign=autumn{}", page.len()));
        event["r"] = format!("https://{}.org/", page.trim_start_matches('/')).into();
        event.to_string()
    };
    let sent = async |page: &str, network: &str| {
        for n in 1..=5 {
            let headers = [("user-agent", FIREFOX), ("x-forwarded-for", &*format!("{network}.{n}"))];
            assert_eq!(api.post_event(&headers, known(page)).await.status, 202);
        }
    };
    sent("/known", "192.0.2").await;
    home.set_clock("2026-11-21T00:10:00Z".parse::<jiff::Timestamp>().unwrap().as_millisecond());
    until("yesterday is closed", || {
        let report = read(&server, &format!("/api/sites/{SITE}/report?p=yesterday"), &key);
        (report["panels"]["utm_campaign"]["rows"][0]["name"] == "autumn6").then_some(())
    });
    for (n, flood) in FLOODS[..3].iter().enumerate() {
        // Other visitors each time: a campaign counts for those who begin a visit.
        pour(&server, flood, n * 10_000, 6_500).await;
    }
    sent("/known", "198.51.100").await;
    sent("/newcomer", "203.0.113").await;
    home.set_clock("2026-11-21T01:10:00Z".parse::<jiff::Timestamp>().unwrap().as_millisecond());
    assert_eq!(api.post_event(&[("user-agent", FIREFOX)], view("/").to_string()).await.status, 202);
    let names = |dimension: &str| -> BTreeSet<String> {
        let path = format!("/api/sites/{SITE}/rows?p=today&limit=10000&dimension={dimension}");
        let rows = read(&server, &path, &key);
        let rows = rows["rows"].as_array().unwrap().iter();
        rows.map(|row| row["value"].as_str().unwrap().to_owned()).collect()
    };
    for (dimension, told, new) in [
        ("page", "example.com/known", "example.com/newcomer"),
        ("source", "known.org", "newcomer.org"),
        ("utm_campaign", "autumn6", "autumn9"),
    ] {
        let names = names(dimension);
        assert!(names.contains(told) && !names.contains(new), "{dimension}: {names:?}");
    }
    let notes = read(&server, &format!("/api/sites/{SITE}/live"), &key)["outcomes"].clone();
    for note in ["path_capped", "source_capped", "campaign_capped"] {
        assert!(notes[note].as_i64().unwrap() > 1_000, "{note}: {notes}");
    }
}
