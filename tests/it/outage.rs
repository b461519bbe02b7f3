//! The store fails: away at the start, for long, in the middle, slow, broken, foreign. Hits go on, reports say why
//! they are not answered, and afterwards every acknowledged hit is counted once, without a hand.
//!
//! `OUTAGE_TICKS` makes the long outage longer (`make outage`).

use std::{collections::BTreeMap, fs, path::PathBuf, time::Instant};

use mayfly::domain::day::UnixMs;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{
    api::{Answer, Api, FIREFOX},
    faults::{Act, Call, Faults, Rule},
    rows::Stored,
    server::{Home, Server, until, until_answered},
};

/// 2026-11-20T09:30:00Z.
pub const MORNING: UnixMs = 1_795_167_000_000;
const HOUR: UnixMs = 3_600_000;
const STORE: &str = "mayfly.duckdb";

/// An install that remembers what it was told of every hit.
pub struct Counted {
    pub home: Home,
    pub faults: Faults,
    /// Names of its sites, and a staff key of each.
    pub sites: Vec<(String, String)>,
    pub acknowledged: BTreeMap<String, i64>,
    /// Hits that were refused.
    pub refused: BTreeMap<String, i64>,
    pub now: UnixMs,
    next: u64,
}

impl Counted {
    pub fn with_sites(sites: usize) -> Counted {
        Counted::in_home(Home::at("2026-11-20T09:30:00Z"), sites)
    }

    pub fn in_home(home: Home, sites: usize) -> Counted {
        let add = |n: usize| {
            let name = format!("s{n}.example");
            home.run(&["site", "add", &name, "--timezone", "UTC"]);
            let key = home.run(&["key", "add", &name, "--site", &name, "--scope", "staff"]);
            (name, key)
        };
        let sites = (1..=sites).map(add).collect();
        let faults = Faults::in_folder(home.runtime.path());
        let (acknowledged, refused) = Default::default();
        Counted { home, faults, sites, acknowledged, refused, now: MORNING, next: 0 }
    }

    fn runtime(&self) -> PathBuf {
        self.home.runtime.path().join("run")
    }

    pub fn serve(&self) -> Server {
        let runtime = self.runtime();
        let flags = ["--runtime", runtime.to_str().unwrap(), "--flush-interval", "1s"];
        self.home.serve_with_faults(&self.faults, &flags)
    }

    /// As [`Counted::serve`], and it may not come to serve.
    pub fn spawn(&self) -> Server {
        let runtime = self.runtime();
        let mut command =
            self.home.serving(&["--runtime", runtime.to_str().unwrap(), "--flush-interval", "1s"]);
        self.faults.over(&mut command);
        Server::spawn(command)
    }

    pub fn move_on(&mut self, by: UnixMs) {
        self.now += by;
        self.home.set_clock(self.now);
    }

    /// A page view of a new visitor; says what came back, and that a refusal is one in good form.
    pub async fn hit(&mut self, api: &Api, site: usize) -> u16 {
        let name = self.sites[site].0.clone();
        self.next += 1;
        let address = format!("10.{}.{}.9", self.next / 250, self.next % 250);
        let body = json!({"n": "pageview", "u": format!("https://{name}/p{}", self.next % 5), "d": name});
        let headers = [("user-agent", FIREFOX), ("x-forwarded-for", address.as_str())];
        let answer = api.post_event(&headers, body.to_string()).await;
        match answer.status {
            202 => *self.acknowledged.entry(name).or_default() += 1,
            _ => {
                check_refusal(&answer);
                *self.refused.entry(name).or_default() += 1;
            }
        }
        answer.status
    }

    pub async fn hit_each(&mut self, api: &Api) {
        for site in 0..self.sites.len() {
            assert_eq!(self.hit(api, site).await, 202);
        }
    }

    /// Page views that a report of today tells; `None` while it is not answered.
    pub async fn reported(&self, api: &Api, site: usize) -> Option<Value> {
        let (name, key) = &self.sites[site];
        let (status, report) = api.get(&format!("/api/sites/{name}/report?p=30d"), key).await;
        (status == StatusCode::OK).then_some(report)
    }

    /// Every site's page views lie between what was acknowledged and what was sent.
    pub async fn check_reports(&self, api: &Api) {
        for (at, (name, _)) in self.sites.iter().enumerate() {
            let report = self.reported(api, at).await.expect("a report");
            let views = report["tiles"]["pageviews"]["value"].as_i64().unwrap();
            assert!(self.may_be(name).contains(&views), "{name}: {views} of {:?}", self.may_be(name));
        }
    }

    fn may_be(&self, site: &str) -> std::ops::RangeInclusive<i64> {
        let acknowledged = self.acknowledged.get(site).copied().unwrap_or(0);
        acknowledged..=acknowledged + self.refused.get(site).copied().unwrap_or(0)
    }

    /// Release files.
    pub fn waiting(&self) -> usize {
        self.home.files("releases").iter().filter(|name| name.ends_with(".release")).count()
    }

    /// Waits until the store has everything that has left memory.
    pub async fn delivered(&self, api: &Api) {
        let mut left = usize::MAX;
        while left > 0 {
            left = until_answered("fewer releases wait", async || {
                let (_, health) = api.get("/api/health", "").await;
                match self.waiting() {
                    0 => (health["store"] == "ok" && health["releases"] == "ok").then_some(0),
                    n => (n < left).then_some(n),
                }
            })
            .await;
        }
    }

    /// What the store holds once all days are closed, after the server's end.
    pub fn check_stored(&self) {
        let stored = Stored::of(self.home.data.path());
        for (at, (name, _)) in self.sites.iter().enumerate() {
            let sum = |what: &str, table: &str| {
                stored.number(&format!(
                    "SELECT coalesce(sum({what}), 0)::BIGINT FROM {table} AND site = {}",
                    at + 1
                ))
            };
            let views = sum("pageviews", "pages WHERE family = 'page' AND kind = 'page'");
            assert!(self.may_be(name).contains(&views), "{name}: {views} of {:?}", self.may_be(name));
            let visits = sum("visits", "pages WHERE family = 'visit' AND kind = 'page'");
            assert_eq!(visits, views, "{name}: each visitor looked at one page");
            let accepted = sum("hits", "ledger WHERE outcome = 'accepted'");
            assert_eq!(accepted, views, "{name}");
        }
    }

    /// Lets the day end, waits for its close to reach the store, and stops.
    pub async fn close_and_check(&mut self, server: Server) {
        let api = Api::of(&server);
        self.move_on(24 * HOUR - self.now.rem_euclid(24 * HOUR) + 5_000);
        until("the day is closed", || {
            self.home.files("journal").iter().all(|name| !self.is_past(name)).then_some(())
        });
        self.delivered(&api).await;
        assert_eq!(server.stop().0, Some(0));
        self.check_stored();
    }

    fn is_past(&self, journal: &str) -> bool {
        let today = jiff::Timestamp::from_millisecond(self.now).unwrap().strftime("%Y-%m-%d").to_string();
        journal.ends_with(".journal") && !journal.contains(&today)
    }
}

/// What a client sees whose hit was not taken: to come back, and nothing about the server.
fn check_refusal(answer: &Answer) {
    let header =
        |name: &str| answer.headers.iter().find(|(one, _)| one == name).map(|(_, value)| value.as_str());
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(header("retry-after").is_some_and(|value| value.parse::<u32>().is_ok()), "{answer:?}");
    assert_eq!(header("access-control-allow-origin"), Some("*"), "{answer:?}");
    let words = serde_json::from_str::<Value>(&answer.body).unwrap().to_string();
    assert!(!words.contains("journal") && !words.contains('/'), "{words}");
}

/// The health of a server that takes hits although its store is away.
async fn check_away(counted: &Counted, server: &Server, words: &str) {
    let api = Api::of(server);
    let health = until_answered("health says that the store is away", async || {
        let (status, health) = api.get("/api/health", "").await;
        assert_eq!(status, StatusCode::OK, "{health}");
        (health["store"] != "ok").then_some(health)
    })
    .await;
    assert_eq!(health["store"], "away: the log says why", "a stranger learns no path and no error");
    assert!(server.output().contains(words), "{}", server.output());
    let (name, key) = &counted.sites[0];
    let request = api.request(reqwest::Method::GET, &format!("/api/sites/{name}/report?p=day"));
    let answer = super::api::answer(request.bearer_auth(key)).await;
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(answer.headers.iter().any(|(name, value)| name == "retry-after" && value == "5"), "{answer:?}");
    assert!(answer.body.contains("the store is unavailable") && !answer.body.contains(STORE), "{answer:?}");
}

fn away() -> [Rule; 2] {
    [
        Rule::always(Call::Open, STORE, Act::Errno(libc::EACCES)),
        Rule::always(Call::Write, STORE, Act::Errno(libc::EIO)),
    ]
}

#[tokio::test]
async fn a_server_starts_and_counts_without_its_store() {
    let mut counted = Counted::with_sites(2);
    counted.faults.set(&away());
    let server = counted.serve();
    let api = Api::of(&server);
    counted.hit_each(&api).await;
    check_away(&counted, &server, STORE).await;
    // A day ends, and another begins.
    counted.move_on(15 * HOUR);
    counted.hit_each(&api).await;
    until("the day is closed", || (counted.waiting() >= 2).then_some(()));
    counted.faults.clear();
    counted.delivered(&api).await;
    counted.check_reports(&api).await;
    counted.close_and_check(server).await;
}

/// Many releases wait for a store that is away, over a kill; `OUTAGE_TICKS` says how many.
#[tokio::test]
async fn a_store_that_is_away_for_long_catches_up() {
    let ticks = std::env::var("OUTAGE_TICKS").map_or(6, |n| n.parse().unwrap());
    let mut counted = Counted::with_sites(10);
    let server = counted.serve();
    counted.hit_each(&Api::of(&server)).await;
    counted.faults.set(&away());
    server.kill();
    let mut server = counted.serve();
    for tick in 0..ticks {
        if tick == ticks / 2 {
            server.kill();
            server = counted.serve();
        }
        let api = Api::of(&server);
        counted.hit_each(&api).await;
        let before = counted.waiting();
        counted.move_on(2_000);
        until("what is pending is released", || (counted.waiting() >= before + 10).then_some(()));
    }
    let api = Api::of(&server);
    check_away(&counted, &server, STORE).await;
    let waiting = counted.waiting();
    let (held, resident) = (metric(&api, "mayfly_waiting_bytes").await, server.peak_kib());
    assert!(held < 256 << 20);
    counted.faults.clear();
    let began = Instant::now();
    counted.delivered(&api).await;
    println!(
        "{waiting} releases waited ({held} bytes in memory, {resident} KiB resident at most); caught up within {:.1} s",
        began.elapsed().as_secs_f64()
    );
    counted.check_reports(&api).await;
    counted.close_and_check(server).await;
}

pub async fn metric(api: &Api, name: &str) -> u64 {
    let text = super::api::answer(api.request(reqwest::Method::GET, "/metrics")).await.body;
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ').map(str::to_owned));
    line.unwrap_or_else(|| panic!("{name} in {text}")).parse().unwrap()
}

/// Faults of the database's own files in the middle of its work; each is over by itself.
#[tokio::test]
async fn a_store_that_fails_in_the_middle_is_opened_anew_and_counts_once() {
    let faults = [
        ("no room", Call::Write, Act::Errno(libc::ENOSPC)),
        ("a write fails", Call::Write, Act::Errno(libc::EIO)),
        ("a sync fails after the write", Call::Sync, Act::Errno(libc::EIO)),
        ("slow", Call::Sync, Act::DelayMs(700)),
    ];
    let mut counted = Counted::with_sites(1);
    let server = counted.serve();
    let api = Api::of(&server);
    for (what, call, act) in faults {
        counted.delivered(&api).await;
        counted.faults.set(&[Rule::always(call, STORE, act)]);
        counted.hit_each(&api).await;
        counted.move_on(2_000);
        let met = || (counted.faults.met(0) > 0).then_some(());
        until(format!("the fault is met: {what}"), met);
        counted.hit_each(&api).await;
        counted.move_on(2_000);
        counted.faults.clear();
        counted.delivered(&api).await;
        counted.check_reports(&api).await;
    }
    counted.close_and_check(server).await;
}

#[tokio::test]
async fn a_killed_delivery_counts_once() {
    let mut counted = Counted::with_sites(1);
    for (call, act) in [(Call::Write, Act::Torn), (Call::Sync, Act::Kill), (Call::Sync, Act::KillAfter)] {
        let server = counted.serve();
        let api = Api::of(&server);
        counted.hit_each(&api).await;
        counted.faults.set(&[Rule::once(call, "mayfly.duckdb.wal", 0, act)]);
        counted.move_on(2_000);
        assert_eq!(server.ended().0, None, "{act:?}");
        counted.faults.clear();
    }
    let server = counted.serve();
    counted.check_reports(&Api::of(&server)).await;
    counted.close_and_check(server).await;
}

/// A file that is no database, or is damaged, is named; the right one is taken up once it is back.
#[tokio::test]
async fn a_foreign_database_is_named_and_left_alone() {
    let mut counted = Counted::with_sites(1);
    let server = counted.serve();
    counted.hit_each(&Api::of(&server)).await;
    counted.move_on(2_000);
    counted.delivered(&Api::of(&server)).await;
    assert_eq!(server.stop().0, Some(0));
    let path = counted.home.data.path().join(STORE);
    let kept = path.with_extension("kept");
    fs::rename(&path, &kept).unwrap();
    let mut damaged = fs::read(&kept).unwrap();
    damaged[4096..4200].fill(0xa5);
    for foreign in [&b"this is a letter, not a database"[..], &damaged] {
        fs::write(&path, foreign).unwrap();
        let server = counted.serve();
        let api = Api::of(&server);
        counted.hit_each(&api).await;
        check_away(&counted, &server, "unavailable").await;
        assert_eq!(fs::read(&path).unwrap(), foreign, "it is as it was");
        server.kill();
    }
    let server = counted.serve();
    fs::rename(&kept, &path).unwrap();
    let api = Api::of(&server);
    counted.hit_each(&api).await;
    // Health says that the store is away only once something was to be brought to it.
    until_answered("the store is taken up", async || counted.reported(&api, 0).await).await;
    counted.delivered(&api).await;
    counted.check_reports(&api).await;
    counted.close_and_check(server).await;
}
