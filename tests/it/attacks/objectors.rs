//! A11: the same day with and without objectors. Whoever compares rows, metrics and what memory holds may find one
//! difference: the ledger's row of each kind of objection, which all sites share.

use reqwest::Method;
use serde_json::json;

use crate::{
    api::{Api, FIREFOX, SITE},
    rows::Stored,
    server::{Home, Server, until},
};

const OTHER: &str = "shop.example.org";
/// Objectors of each kind after each visitor.
const TIMES: usize = 2;
const VISITORS: usize = 8;

/// What somebody sees who has the server to himself.
#[derive(Debug, PartialEq)]
struct Seen {
    metrics: Vec<String>,
    live: String,
    /// Every row of the store but the ledger's of no site.
    rows: Vec<String>,
}

/// A visitor's hits: a view with a campaign, an event with an undeclared value, engagement, the pixel.
async fn visit(api: &Api, address: &str, path: &str, extra: &[(&str, &str)]) {
    let mut headers = vec![("x-forwarded-for", address), ("user-agent", FIREFOX)];
    headers.extend(extra);
    let u = format!("https://{SITE}{path}");
    let bodies = [
        json!({"n": "pageview", "u": format!("{u}?utm_source=news"), "d": format!("{SITE},{OTHER}"), "r": "https://www.google.com/"}),
        json!({"n": "signup", "u": u, "d": SITE, "p": {"plan": "secret"}}),
        json!({"n": "hover", "u": u, "d": SITE}),
        json!({"n": "engagement", "u": u, "d": SITE, "sd": 40, "e": 2000}),
    ];
    for body in bodies {
        assert_eq!(api.post_event(&headers, body.to_string()).await.status, 202);
    }
    let mut pixel = api.request(Method::GET, &format!("/count?site={SITE}&p={path}"));
    for (name, value) in &headers {
        pixel = pixel.header(*name, *value);
    }
    assert_eq!(pixel.send().await.unwrap().status(), 200);
}

async fn day(home: Home, objectors: bool) -> (Seen, Vec<String>) {
    home.run(&["site", "add", SITE, "--timezone", "UTC"]);
    home.run(&["site", "add", OTHER, "--timezone", "UTC", "--hosts", SITE]);
    home.run(&["event", "add", SITE, "signup", "--property", "plan=free,pro"]);
    let key = home.run(&["key", "add", "staff", "--site", SITE, "--scope", "staff"]);
    let runtime = home.runtime.path().join("run");
    let server = home.serve_with(&["--runtime", runtime.to_str().unwrap(), "--log-level", "mayfly=debug"]);
    let api = Api::of(&server);
    // The ledger of no site has a row of its own on both days.
    let unknown = json!({"n": "pageview", "u": "https://nobody.example/", "d": "nobody.example"});
    assert_eq!(api.post_event(&[("user-agent", FIREFOX)], unknown.to_string()).await.status, 400);
    for visitor in 0..VISITORS {
        visit(&api, &format!("192.0.2.{visitor}"), "/pricing", &[]).await;
        for time in (0..TIMES).filter(|_| objectors) {
            let path = format!("/objector-{visitor}-{time}");
            let kinds = [("sec-gpc", "1"), ("dnt", "1"), ("cookie", "a=b; mayfly_opt_out=1")];
            for (kind, signal) in kinds.into_iter().enumerate() {
                let address = format!("198.51.100.{}", visitor * 16 + time * 4 + kind);
                let key = [signal, ("accept-language", "fi")];
                visit(&api, &address, &path, &key).await;
            }
        }
    }
    let seen = look(&api, &key).await;
    close(&home, &server);
    let (code, _) = server.stop();
    assert_eq!(code, Some(0));
    let text = Stored::of(home.data.path()).text();
    let mut rows: Vec<String> = text.lines().map(str::to_owned).collect();
    rows.sort();
    let (objections, rows) =
        rows.into_iter().partition(|row| row.contains("gpc") || row.contains("opted_out"));
    (Seen { rows, ..seen }, objections)
}

/// What the open day shows: metrics and live figures.
async fn look(api: &Api, key: &str) -> Seen {
    let live = api.read("live", "", key).await.to_string();
    Seen { metrics: metrics(api).await, live, rows: Vec::new() }
}

async fn metrics(api: &Api) -> Vec<String> {
    let answer = api.request(Method::GET, "/metrics").send().await.unwrap();
    answer.text().await.unwrap().lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
}

fn close(home: &Home, server: &Server) {
    home.set_clock("2026-11-21T00:05:00Z".parse::<jiff::Timestamp>().unwrap().as_millisecond());
    // The two sites, and the ledger of none.
    until("the day is closed", || (server.output().matches("closed a day").count() >= 3).then_some(()));
}

/// The rows that only one of two stores has.
fn different<'a>(one: &'a [String], other: &'a [String]) -> Vec<&'a String> {
    let only = |of: &'a [String], other: &'a [String]| of.iter().filter(|row| !other.contains(row));
    only(one, other).chain(only(other, one)).collect()
}

fn home() -> Home {
    Home::at("2026-11-20T12:00:00Z")
}

#[tokio::test]
async fn objectors_change_one_row_that_all_sites_share() {
    let (without, none) = day(home(), false).await;
    let (with, ledger) = day(home(), true).await;
    assert_eq!(none, Vec::<String>::new());
    let words = with.rows.join("\n");
    assert!(words.contains("pricing") && !words.contains("objector-"));
    assert_eq!(different(&with.rows, &without.rows), Vec::<&String>::new());
    assert_eq!(Seen { rows: Vec::new(), ..with }, Seen { rows: Vec::new(), ..without });
    // Two views of which each is for two sites, and three more hits, of sixteen objectors of each signal.
    assert_eq!(ledger.len(), 2, "{ledger:#?}");
    let of_each = VISITORS * TIMES * 6;
    assert!(ledger[0].contains("gpc") && ledger[0].contains(&(2 * of_each).to_string()), "{ledger:#?}");
    assert!(ledger[1].contains("opted_out") && ledger[1].contains(&of_each.to_string()), "{ledger:#?}");
}

#[tokio::test]
async fn objectors_who_are_counted_are_seen() {
    let (without, _) = day(home().sabotaged(""), false).await;
    let (with, ledger) = day(home().sabotaged("objectors_counted"), true).await;
    assert_ne!(with.metrics, without.metrics);
    assert_ne!(with.rows, without.rows);
    assert!(ledger.is_empty() && with.rows.join("\n").contains("objector-"), "{ledger:#?}");
}
