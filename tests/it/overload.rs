//! More than the server can take: it sheds the rest at once, says so in the ledger, keeps those it takes from waiting
//! long, and is itself again as soon as it can be.
//!
//! `OVERLOAD_SECONDS` makes it long; the figures are printed.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use super::{
    api::{Api, FIREFOX, SITE},
    faults::{Act, Call, Rule},
    open_loop::{Load, Outcome, send},
    raw::{post, read},
    server::{Home, Server, until},
};

const QUIET: &str = "quiet.example";
/// How long one sync takes where the disk is slow.
const SYNC: Duration = Duration::from_millis(50);

struct Overloaded {
    server: Server,
    api: Api,
    keys: [String; 2],
    faults: super::faults::Faults,
    _home: Home,
}

fn seconds() -> Duration {
    let given = std::env::var("OVERLOAD_SECONDS").ok().map(|text| text.parse().unwrap());
    Duration::from_secs(given.unwrap_or(4))
}

fn served(flags: &[&str]) -> Overloaded {
    let home = Home::at("2026-11-20T12:00:00Z");
    let keys = [SITE, QUIET].map(|site| {
        home.run(&["site", "add", site, "--timezone", "UTC"]);
        home.run(&["key", "add", site, "--site", site, "--scope", "staff"])
    });
    let faults = home.faults();
    let runtime = home.runtime.path().join("run");
    let mut all = vec!["--runtime", runtime.to_str().unwrap()];
    all.extend(flags);
    let server = home.serve_with_faults(&faults, &all);
    Overloaded { api: Api::of(&server), server, keys, faults, _home: home }
}

/// Views of many visitors on a hundred pages of a site.
fn views(site: &'static str) -> Arc<dyn Fn(usize) -> Vec<u8> + Send + Sync> {
    Arc::new(move |n| {
        let body = json!({"n": "pageview", "u": format!("https://{site}/page-{}", n % 100), "d": site});
        let from = format!("X-Forwarded-For: 10.{}.{}.{}\r\n", n >> 16 & 255, n >> 8 & 255, n & 255);
        post(&from, body.to_string())
    })
}

impl Overloaded {
    /// A site's ledger once it holds `received` hits: what was shed comes a second later.
    fn outcomes(&self, site: usize, received: usize) -> Value {
        let path = format!("/api/sites/{}/live", [SITE, QUIET][site]);
        until(format!("{received} hits in the ledger"), || {
            let live = read(&self.server, &path, &self.keys[site]);
            let now = live["received_today"].as_u64().unwrap();
            assert!(now <= received as u64, "{now} of {received}");
            (now == received as u64).then(|| live["outcomes"].clone())
        })
    }

    async fn warm_up(&self) {
        for site in [SITE, QUIET] {
            let body = json!({"n": "pageview", "u": format!("https://{site}/"), "d": site}).to_string();
            assert_eq!(self.api.post_event(&[("user-agent", FIREFOX)], body).await.status, 202);
        }
    }
}

#[allow(clippy::print_stdout, reason = "the figures of the run")]
fn print(what: &str, load: &Load, outcome: &Outcome) {
    let ms = |status, part| outcome.quantile(status, part).as_secs_f64() * 1e3;
    println!(
        "{what}: offered {}/s, accepted {:.0}/s, shed {:.0}/s; accepted p50 {:.0} ms, p99 {:.0} ms ({:.0} ms \
         from being sent); shed p50 {:.1} ms, p99 {:.0} ms",
        load.rate,
        outcome.answers(202) as f64 / outcome.took.as_secs_f64(),
        outcome.answers(503) as f64 / outcome.took.as_secs_f64(),
        ms(202, 0.5),
        ms(202, 0.99),
        outcome.quantile_from_sent(0.99).as_secs_f64() * 1e3,
        ms(503, 0.5),
        ms(503, 0.99),
    );
}

/// A disk that needs 50 ms for a sync and room for 40 hits of one site bound it to some 400 hits a second.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_disk_sheds_what_it_cannot_take_and_keeps_the_rest_quick() {
    let over = served(&["--hits-waiting", "80"]);
    over.warm_up().await;
    let slow = Rule::always(Call::Sync, "/journal/", Act::DelayMs(SYNC.as_millis() as u32));
    over.faults.set(&[slow]);
    let load = Load { rate: 1_500, time: seconds(), connections: 300, request: views(SITE) };
    let outcome = send(&over.server, &load).await;
    print("slow disk", &load, &outcome);
    let (accepted, shed) = (outcome.answers(202), outcome.answers(503));
    assert_eq!(outcome.statuses(), [202, 503], "every request has its answer");
    assert!(shed > accepted / 4 && accepted > 100, "{accepted} accepted, {shed} shed");
    assert!(outcome.quantile(202, 0.99) < Duration::from_secs(1), "who is taken is answered soon");
    assert_eq!(
        over.outcomes(0, 1 + accepted + shed),
        json!({"accepted": 1 + accepted, "overloaded": shed}),
        "the ledger has every answer"
    );
    let said = over.server.output();
    let lines = said.matches("hits were not taken").count();
    assert!((1..=outcome.took.as_secs() as usize + 3).contains(&lines), "{lines} lines for {shed} hits");
    // As soon as the disk is quick again, all are taken.
    over.faults.clear();
    let load = Load { rate: 100, time: Duration::from_secs(1), connections: 20, request: views(SITE) };
    let outcome = send(&over.server, &load).await;
    print("after it", &load, &outcome);
    assert_eq!(outcome.statuses(), [202]);
}

/// One site is flooded: the other's hits are all taken.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flooded_site_takes_no_room_from_another() {
    let over = served(&["--hits-waiting", "120"]);
    over.warm_up().await;
    let slow = Rule::always(Call::Sync, "/journal/", Act::DelayMs(SYNC.as_millis() as u32));
    over.faults.set(&[slow]);
    let flood = Load { rate: 1_500, time: seconds(), connections: 300, request: views(SITE) };
    let calm = Load { rate: 25, time: seconds(), connections: 25, request: views(QUIET) };
    let (flooded, quiet) = tokio::join!(send(&over.server, &flood), send(&over.server, &calm));
    print("flooded site", &flood, &flooded);
    print("quiet site", &calm, &quiet);
    assert!(flooded.answers(503) > 0);
    assert_eq!(quiet.statuses(), [202], "{} were shed", quiet.answers(503));
    assert!(quiet.quantile(202, 0.99) < Duration::from_secs(1));
}

/// More requests than the processors can serve, which the load shares with the server: each connection has one under
/// way, so from when it was sent a request waits for at most as many as there are connections.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_than_the_processors_can_do_ends_in_answers_too() {
    let over = served(&[]);
    over.warm_up().await;
    let rate = if seconds() > Duration::from_secs(4) { 12_000 } else { 3_000 };
    let load = Load { rate, time: seconds(), connections: 1_000, request: views(SITE) };
    let outcome = send(&over.server, &load).await;
    print("busy processors", &load, &outcome);
    let (accepted, shed) = (outcome.answers(202), outcome.answers(503));
    assert_eq!(outcome.answers(0), 0, "every request has its answer");
    assert!(outcome.quantile_from_sent(0.99) < Duration::from_secs(5));
    let outcomes = over.outcomes(0, 1 + accepted + shed);
    assert_eq!(outcomes["accepted"], 1 + accepted);
    assert_eq!(outcomes["overloaded"].as_u64().unwrap_or(0), shed as u64);
}
