//! A7: the open day, read again and again. The attacker reads with a key of each scope, signed in and by a shared link whenever
//! something came in, reports and lists, and says of what moved together between two reads that it is one visit's.

use std::collections::BTreeMap;

use mayfly::{
    domain::day::UnixMs,
    simulate::{SimulatedHit, truth::Truth},
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{
    lived::{Visit, day, home, send, visits},
    traffic::Traffic,
};
use crate::{
    api::{Api, SITE},
    people,
    server::until_answered,
};

/// What may move within the hour for staff: nothing of who.
const LIVE: [&str; 8] = ["page", "entry_page", "exit_page", "section", "channel", "source", "event", "goal"];
/// Seconds between two reads.
const STEP_MS: i64 = 10_000;
const HOUR_MS: i64 = 3_600_000;

/// Visits by panel and row.
type Reading = BTreeMap<(String, String), i64>;

/// Who reads: where the API answers them, and a header of each request.
struct Reader {
    path: String,
    header: (&'static str, String),
}

impl Reader {
    fn of_site(name: &'static str, value: String) -> Reader {
        Reader { path: format!("/api/sites/{SITE}"), header: (name, value) }
    }

    async fn get(&self, api: &Api, what: &str) -> Value {
        let (name, value) = &self.header;
        let asked = api.request(Method::GET, &format!("{}/{what}", self.path)).header(*name, value);
        let answer = asked.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{}/{what}", self.path);
        answer.json().await.unwrap()
    }

    /// A report, and the lists of two dimensions.
    async fn read(&self, api: &Api) -> Reading {
        let report = self.get(api, "report?p=day&limit=10000").await;
        let mut reading = Reading::new();
        let mut take = |panel: &str, rows: &Value| {
            for row in rows["rows"].as_array().unwrap() {
                let n = row["visits"].as_i64().or(row["events"].as_i64()).unwrap_or(0);
                reading.insert((panel.to_owned(), row["value"].as_str().unwrap_or_default().to_owned()), n);
            }
        };
        report["panels"].as_object().unwrap().iter().for_each(|(panel, rows)| take(panel, rows));
        for dimension in ["country", "browser"] {
            let rows = self.get(api, &format!("rows?p=day&limit=1000&dimension={dimension}")).await;
            take(&format!("list of {dimension}"), &rows);
        }
        reading
    }
}

/// Rows that grew by one or more, by panel.
fn moved(before: &Reading, after: &Reading) -> BTreeMap<String, Vec<String>> {
    let mut moved: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for ((panel, row), n) in after {
        if before.get(&(panel.clone(), row.clone())) != Some(n) {
            moved.entry(panel.clone()).or_default().push(row.clone());
        }
    }
    moved
}

/// What polling an hour showed.
#[derive(Default)]
struct Polled {
    /// Panels that moved within the hour, for keys of scope staff and read, who is signed in, and who has a shared link.
    moved: [BTreeMap<String, usize>; 4],
    /// Visits that began in the hour, and those of which country and browser were seen to move together.
    visits: usize,
    joined: usize,
}

async fn polled(build: Option<&str>) -> Polled {
    let (home, mut now, mut truth) = (home(build), 0, Truth::new(day(), Vec::new()));
    let key = |scope: &str| home.run(&["key", "add", scope, "--site", SITE, "--scope", scope]);
    let (staff, outside) = (key("staff"), key("read"));
    people::add(&home, &["user", "add", "ada"]);
    let server = home.serve();
    let mut traffic = Traffic::of(day(), 7);
    traffic.crowd(260, 30);
    let hits = traffic.hits();
    // The hour from which on it is polled.
    let starts: UnixMs = i64::from(day().0) * 24 * HOUR_MS + 14 * HOUR_MS;
    let before = hits.partition_point(|hit| hit.at < starts);
    send(&home, &server, &hits[..before], &mut now, &mut truth).await;
    home.set_clock(starts);
    let api = Api::of(&server);
    until_answered("the hour turns", async || {
        let report = api.read("report", "p=day", &outside).await;
        (report["meta"]["as_of"] == "14:00").then_some(())
    })
    .await;
    let hour: Vec<_> = hits[before..].iter().filter(|hit| hit.at < starts + HOUR_MS).cloned().collect();
    let bearer = |key: &str| format!("Bearer {key}");
    let cookie = people::sign_in(&api, "ada").await;
    let link = json!({ "name": "for Eve", "kind": "link" });
    let (status, link) = api.send(Method::POST, &format!("/api/sites/{SITE}/shares"), &cookie, &link).await;
    assert_eq!(status, StatusCode::OK, "{link}");
    let shared = link["path"].as_str().unwrap().replacen("/share/", "/api/shares/", 1);
    let readers = [
        Reader::of_site("authorization", bearer(&staff)),
        Reader::of_site("authorization", bearer(&outside)),
        Reader::of_site("cookie", cookie),
        Reader { path: shared, header: ("accept", "application/json".to_owned()) },
    ];
    let (mut polled, mut last) = (Polled::default(), Vec::new());
    for reader in &readers {
        last.push(reader.read(&api).await);
    }
    let mut claims: Vec<(String, String)> = Vec::new();
    for step in hour.chunk_by(|one, other| one.at / STEP_MS == other.at / STEP_MS) {
        send(&home, &server, step, &mut now, &mut truth).await;
        for (reader, asking) in readers.iter().enumerate() {
            let reading = asking.read(&api).await;
            let moved = moved(&last[reader], &reading);
            moved.keys().for_each(|panel| *polled.moved[reader].entry(panel.clone()).or_default() += 1);
            let one =
                |panel: &str| moved.get(panel).filter(|rows| rows.len() == 1).map(|rows| rows[0].clone());
            if let (0 | 2, Some(country), Some(browser)) = (reader, one("country"), one("browser")) {
                claims.push((country, browser));
            }
            last[reader] = reading;
        }
    }
    let visits: Vec<Visit> =
        visits(&truth.recount()).into_iter().filter(|visit| visit.entry.1 == 14).collect();
    let is = |visit: &Visit, claim: &(String, String)| {
        *visit.described.place.0[0] == *claim.0 && *visit.described.device.0[0] == *claim.1
    };
    polled.joined = visits.iter().filter(|visit| claims.iter().any(|claim| is(visit, claim))).count();
    polled.visits = visits.len();
    polled
}

#[tokio::test]
async fn nothing_of_who_moves_within_the_hour() {
    let clean = polled(None).await;
    assert!(clean.visits > 10, "{} visits began in the hour", clean.visits);
    let [staff, read, signed_in, shared] = &clean.moved;
    for moved in [read, shared] {
        assert_eq!(*moved, BTreeMap::new(), "whoever is not signed in reads the last full hour");
    }
    for moved in [staff, signed_in] {
        let others: Vec<&String> = moved.keys().filter(|panel| !LIVE.contains(&panel.as_str())).collect();
        assert_eq!(others, Vec::<&String>::new(), "staff see pages and the bare list of sources move");
        assert!(moved["entry_page"] > 10, "and see them move");
    }
    assert_eq!(clean.joined, 0);
    let live = polled(Some("live_families")).await;
    assert!(
        live.joined * 4 > live.visits,
        "country and browser of {} of {} visits",
        live.joined,
        live.visits
    );
    for reader in [1, 3] {
        for panel in ["country", "list of country"] {
            assert!(live.moved[reader].contains_key(panel), "{reader} {panel}: {:?}", live.moved[reader]);
        }
    }
}

/// What a label of place or device counts: visits, visitors, page views, bounces, seconds.
type Vector = [i64; 5];

async fn labels(api: &Api, key: &str) -> [BTreeMap<String, Vector>; 2] {
    let report = api.read("report", "p=day&limit=10000", key).await;
    ["country", "browser"].map(|panel| {
        let row = |row: &Value| {
            let n = |name: &str| row[name].as_f64().unwrap_or(0.0);
            let visits = n("visits");
            let all = [
                visits,
                n("visitors"),
                n("pageviews"),
                n("bounce_rate") * visits,
                n("visit_duration") * visits,
            ];
            (row["value"].as_str().unwrap_or_default().to_owned(), all.map(|n| n.round() as i64))
        };
        report["panels"][panel]["rows"].as_array().unwrap().iter().map(row).collect()
    })
}

/// Reads a day at each of its full hours: the visits of which country and browser, and no other, grew by the same between
/// two of them; how many were claimed to be such, and how many visits there were.
pub async fn joined_by_the_hour(hits: &[SimulatedHit]) -> [usize; 3] {
    let (home, mut now, mut truth) = (home(None), 0, Truth::new(day(), Vec::new()));
    let key = home.run(&["key", "add", "read", "--site", SITE, "--scope", "read"]);
    let server = home.serve();
    let api = Api::of(&server);
    let mut last: [BTreeMap<String, Vector>; 2] = Default::default();
    let mut claims: Vec<(u8, String, String)> = Vec::new();
    for hour in 1..24u8 {
        let ends = i64::from(day().0) * 24 * HOUR_MS + i64::from(hour) * HOUR_MS;
        let of_hour = |hit: &&SimulatedHit| (ends - HOUR_MS..ends).contains(&hit.at);
        let some: Vec<_> = hits.iter().filter(of_hour).cloned().collect();
        send(&home, &server, &some, &mut now, &mut truth).await;
        now = ends;
        home.set_clock(ends);
        let as_of = format!("{hour:02}:00");
        let turned = until_answered("the hour turns", async || {
            let report = api.read("report", "p=day", &key).await;
            (report["meta"]["as_of"] == as_of.as_str()).then_some(())
        });
        turned.await;
        let read = labels(&api, &key).await;
        let grown = [0, 1].map(|at| {
            let mut by_vector: BTreeMap<Vector, Vec<&String>> = BTreeMap::new();
            for (label, sums) in &read[at] {
                let before = last[at].get(label).copied().unwrap_or_default();
                let by: Vector = std::array::from_fn(|n| sums[n] - before[n]);
                by_vector.entry(by).or_default().push(label);
            }
            by_vector
        });
        for (by, countries) in grown[0].iter().filter(|(by, _)| by[0] == 1) {
            if let ([country], Some([browser])) = (&countries[..], grown[1].get(by).map(|found| &found[..])) {
                claims.push((hour - 1, (*country).clone(), (*browser).clone()));
            }
        }
        last = read;
    }
    let visits = visits(&truth.recount());
    let right = claims.iter().filter(|(hour, country, browser)| {
        let is = |visit: &&Visit| {
            visit.entry.1 == *hour
                && *visit.described.place.0[0] == **country
                && *visit.described.device.0[0] == **browser
        };
        visits.iter().filter(is).count() == 1
    });
    [right.count(), claims.len(), visits.len()]
}
