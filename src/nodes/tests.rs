//! Several nodes in one process, over real sockets and one store: they share sites and add their open days; one that
//! is missing, doubled or copied is found out.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener},
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

use super::{token::NodeToken, wire::Wire};
use crate::{
    clock,
    config::{Config, RawConfig, Role, control_file},
    control::{Control, JobState, NewSite, Scope},
    domain::row::{Release, ReleaseId},
    jobs::Request,
    run::{RunError, run_over},
    store::{
        Store,
        duckdb::{DuckStore, Limits},
    },
};

const SITE: &str = "example.com";
const SECRET: &str = "known-to-these-nodes-and-to-nobody-else";
const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";

/// A node's data directory and address, which outlive its processes.
struct Place {
    data: TempDir,
    address: SocketAddr,
}

struct Running {
    stop: Option<oneshot::Sender<()>>,
    done: JoinHandle<Result<(), RunError>>,
}

/// A report node, collectors 1 and 2, and what they share.
struct Network {
    store: Arc<DuckStore>,
    report: Place,
    collectors: [Place; 2],
    key: String,
    outside: String,
    flush: Duration,
}

fn place() -> Place {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    Place { data: TempDir::with_prefix("mayfly-").unwrap(), address }
}

fn control(data: &Path) -> Control {
    Control::open(&control_file(data), clock::now()).unwrap()
}

impl Place {
    fn url(&self) -> url::Url {
        format!("http://{}", self.address).parse().unwrap()
    }
}

impl Running {
    async fn stop(mut self) {
        let _ = self.stop.take().unwrap().send(());
        self.done.await.unwrap().unwrap();
    }

    /// Why it ended by itself.
    async fn ended(self) -> String {
        let ended = tokio::time::timeout(Duration::from_secs(60), self.done).await;
        ended.expect("it ends").unwrap().unwrap_err().to_string()
    }
}

impl Network {
    fn new(k: u32) -> Network {
        let report = place();
        let control = control(report.data.path());
        let mut site = NewSite::new(SITE, "UTC");
        site.settings.k = k;
        control.add_site(site, clock::now()).unwrap();
        let key = |scope| control.add_key(&format!("{scope:?}"), SITE, scope, clock::now()).unwrap();
        Network {
            store: Arc::new(DuckStore::in_memory(&Limits::default()).unwrap()),
            key: key(Scope::Staff),
            outside: key(Scope::Read),
            report,
            collectors: [place(), place()],
            flush: Duration::from_secs(3_600),
        }
    }

    /// Starts a node on a data directory and an address.
    fn start(&self, role: Role, number: u32, data: &Path, address: SocketAddr) -> Running {
        let raw = RawConfig { data: Some(data.display().to_string()), ..RawConfig::default() };
        let config = Config::new(&raw, &Default::default()).unwrap();
        let config = Config { role, node: number, workers: 1, flush_interval: self.flush, ..config };
        let (store, listener) = (self.store.clone(), TcpListener::bind(address).unwrap());
        let (stop, stopped) = oneshot::channel();
        let done = tokio::task::spawn_local(async move {
            let (_asks, reload) = mpsc::channel(1);
            let stopped = async { drop(stopped.await) };
            run_over(move |_| Ok(store as Arc<dyn Store>), config, listener, |_| {}, reload, stopped).await
        });
        Running { stop: Some(stop), done }
    }

    fn start_report(&self) -> Running {
        let collectors = [1, 2].into_iter().zip(self.collectors.iter().map(Place::url)).collect();
        let role = Role::Report { collectors, token: NodeToken::new(SECRET).unwrap() };
        self.start(role, 0, self.report.data.path(), self.report.address)
    }

    fn collector(&self) -> Role {
        Role::Collector { report: self.report.url(), token: NodeToken::new(SECRET).unwrap() }
    }

    fn start_collector(&self, number: u32) -> Running {
        let place = &self.collectors[number as usize - 1];
        self.start(self.collector(), number, place.data.path(), place.address)
    }

    async fn start_all(&self) -> [Running; 3] {
        let report = self.start_report();
        answers(&self.report).await;
        let (one, two) = (self.start_collector(1), self.start_collector(2));
        answers(&self.collectors[0]).await;
        answers(&self.collectors[1]).await;
        [report, one, two]
    }

    /// Visitors of one page each, at a collector.
    async fn hits(&self, number: u32, visitors: std::ops::Range<u8>, page: &str) {
        self.hits_of(SITE, number, visitors, page).await;
    }

    async fn hits_of(&self, site: &str, number: u32, visitors: std::ops::Range<u8>, page: &str) {
        for visitor in visitors {
            let body = json!({"n": "pageview", "u": format!("https://{site}/{page}"), "d": site});
            let request = client()
                .post(self.collectors[number as usize - 1].url().join("/api/event").unwrap())
                .header("user-agent", FIREFOX)
                .header("x-forwarded-for", format!("198.51.100.{visitor}"))
                .body(body.to_string());
            assert_eq!(request.send().await.unwrap().status(), StatusCode::ACCEPTED);
        }
    }

    async fn read(&self, what: &str, key: &str) -> Value {
        let path = format!("/api/sites/{SITE}/{what}");
        let request = client().get(self.report.url().join(&path).unwrap()).bearer_auth(key);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        answer.json().await.unwrap()
    }

    /// Visitors, visits and page views of the week that ends today: a midnight in the midst of a test changes nothing.
    async fn totals(&self, key: &str) -> [i64; 3] {
        let report = self.read("report?p=7d", key).await;
        ["visitors", "visits", "pageviews"].map(|name| report["tiles"][name]["value"].as_i64().unwrap())
    }
}

/// The hour now: what depends on it is compared where it has not turned since.
fn hour() -> i64 {
    clock::now() / 3_600_000
}

fn client() -> Client {
    Client::builder().no_proxy().build().unwrap()
}

async fn status(place: &Place, path: &str) -> Option<u16> {
    let request = client().get(place.url().join(path).unwrap());
    request.send().await.ok().map(|answer| answer.status().as_u16())
}

async fn answers(place: &Place) {
    until("the node answers", async || status(place, "/api/health").await == Some(200)).await;
}

async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !holds().await {
        assert!(Instant::now() < end, "not within a minute: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[actix_web::test]
async fn open_days_of_all_collectors_are_added() {
    let network = Network::new(3);
    let begun = hour();
    let nodes = network.start_all().await;
    network.hits(1, 0..5, "a").await;
    network.hits(2, 5..12, "a").await;
    network.hits(2, 20..22, "b").await;
    assert_eq!(network.totals(&network.key).await, [14, 14, 14]);
    let live = network.read("live", &network.key).await;
    assert_eq!((&live["visitors"], &live["accepted_today"]), (&json!(14), &json!(14)));
    assert_eq!(live["pages"][0], json!({"name": "example.com/a", "pageviews": 12}));
    let rows = network.read("rows?p=7d&dimension=page", &network.key).await;
    assert_eq!(rows["rows"][0]["pageviews"], 12);
    assert!(rows["meta"].get("missing").is_none());
    // A stream at the report node tells what all of them count.
    let stream = client().get(network.report.url().join("/api/sites/example.com/stream").unwrap());
    let mut stream = stream.bearer_auth(&network.key).send().await.unwrap();
    let mut heard = String::new();
    until("the stream tells it", async || {
        heard.push_str(std::str::from_utf8(&stream.chunk().await.unwrap().unwrap()).unwrap());
        heard.contains("\"received_today\":14,")
    })
    .await;
    // Nobody outside sees what came since the hour turned.
    let outside = network.totals(&network.outside).await[2];
    assert!(outside == 0 || hour() > begun, "{outside}");
    for node in nodes {
        node.stop().await;
    }
}

#[actix_web::test]
async fn each_node_does_its_own_part_and_says_what_is_not_its_own() {
    let network = Network::new(5);
    let nodes = network.start_all().await;
    let post = |place: &Place, path: &str, secret: &str| {
        let request = client().post(place.url().join(path).unwrap()).bearer_auth(secret);
        async { request.send().await.unwrap() }
    };
    let refused = post(&network.report, "/api/event", "").await;
    assert_eq!(refused.status(), StatusCode::MISDIRECTED_REQUEST);
    assert!(refused.text().await.unwrap().contains("for a collector"));
    assert_eq!(status(&network.report, "/mayfly.js").await, Some(421));
    assert_eq!(status(&network.report, "/").await, Some(200));
    for path in ["/", "/api/state", "/api/sites", "/api/sites/example.com/report"] {
        assert_eq!(status(&network.collectors[0], path).await, Some(404), "{path}");
    }
    // Nodes answer who shows their secret.
    for path in ["open", "ask", "end", "held", "proposals", "trial"] {
        let path = format!("/api/node/1/{path}");
        for wrong in ["", "x", &SECRET[1..]] {
            assert_eq!(post(&network.collectors[0], &path, wrong).await.status(), 401, "{path}");
        }
        assert_eq!(post(&network.collectors[0], &path, SECRET).await.status(), 400, "{path}");
    }
    assert_eq!(status(&network.report, "/api/node/1/declarations").await, Some(401));
    let long = client().post(network.collectors[0].url().join("/api/node/1/ask").unwrap());
    let long = long.bearer_auth(SECRET).body(vec![0; (1 << 20) + 1]).send().await.unwrap();
    assert_eq!(long.status(), StatusCode::PAYLOAD_TOO_LARGE);
    for node in nodes {
        node.stop().await;
    }
}

#[actix_web::test]
async fn a_report_without_a_collector_says_so_in_time_and_is_whole_again_when_it_is_back() {
    let network = Network { flush: Duration::from_secs(1), ..Network::new(1) };
    let began = hour();
    let [report, one, two] = network.start_all().await;
    network.hits(1, 0..3, "a").await;
    network.hits(2, 3..8, "a").await;
    let site = control(network.report.data.path()).site(SITE, clock::now()).unwrap().id;
    let today = crate::domain::day::Zone::utc().day_at(clock::now());
    until("both released", async || {
        [1, 2].iter().all(|&node| network.store.last_release(site, today, node).unwrap() > 0)
    })
    .await;
    assert_eq!(network.totals(&network.key).await, [8, 8, 8]);
    two.stop().await;
    let begun = Instant::now();
    let without = network.read("report?p=7d", &network.key).await;
    assert!(begun.elapsed() < Duration::from_secs(20));
    assert_eq!(without["meta"]["missing"], json!([2]));
    assert!(without["meta"]["notices"][0].as_str().unwrap().contains("collector 2 does not answer"));
    // What it had released is in the store; nothing is counted twice.
    assert_eq!(without["tiles"]["pageviews"]["value"], 8);
    // Nobody outside sees of it what could be later than the last full hour.
    let outside = network.totals(&network.outside).await[2];
    assert!(outside == 0 || hour() > began, "{outside}");
    let path = format!("/api/sites/{SITE}/rows?p=7d&dimension=page&format=csv");
    let table = client().get(network.report.url().join(&path).unwrap()).bearer_auth(&network.key);
    let table = table.send().await.unwrap();
    assert_eq!(table.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(table.text().await.unwrap().contains("collector 2 does not answer"));
    let two = network.start_collector(2);
    answers(&network.collectors[1]).await;
    until("it is whole again", async || {
        let report = network.read("report?p=7d", &network.key).await;
        report["meta"].get("missing").is_none() && report["tiles"]["visits"]["value"] == 8
    })
    .await;
    network.hits(2, 20..21, "a").await;
    assert_eq!(network.totals(&network.key).await[2], 9);
    for node in [report, one, two] {
        node.stop().await;
    }
}

#[actix_web::test]
async fn a_collector_that_hangs_is_missing_in_time() {
    let network = Network::new(1);
    let report = network.start_report();
    answers(&network.report).await;
    let one = network.start_collector(1);
    answers(&network.collectors[0]).await;
    network.hits(1, 0..3, "a").await;
    // Takes connections, and says nothing.
    let _silent = TcpListener::bind(network.collectors[1].address).unwrap();
    let begun = Instant::now();
    let found = network.read("report?p=7d", &network.key).await;
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(9), "{took:?}");
    assert_eq!((&found["meta"]["missing"], &found["tiles"]["visits"]["value"]), (&json!([2]), &json!(3)));
    let begun = Instant::now();
    assert_eq!(network.read("live", &network.key).await["missing"], json!([2]));
    assert!(begun.elapsed() < Duration::from_secs(3), "it is not asked again at once");
    report.stop().await;
    one.stop().await;
}

#[actix_web::test]
async fn a_collector_starts_without_the_report_node_with_the_sites_it_had() {
    let network = Network::new(1);
    let never = network.start_collector(1).ended().await;
    assert!(never.contains("none from before"), "{never}");
    let [report, one, two] = network.start_all().await;
    report.stop().await;
    one.stop().await;
    let one = network.start_collector(1);
    answers(&network.collectors[0]).await;
    network.hits(1, 0..4, "a").await;
    let report = network.start_report();
    answers(&network.report).await;
    assert_eq!(network.totals(&network.key).await[2], 4);
    // What is declared meanwhile comes by itself.
    control(network.report.data.path())
        .change_site(SITE, clock::now(), |settings| {
            settings.events.push(serde_json::from_str(r#"{"name":"signup"}"#).unwrap());
            Ok(())
        })
        .unwrap();
    until("the collector knows the event", async || {
        let site = control(network.collectors[0].data.path()).site(SITE, clock::now()).unwrap();
        site.settings.events.len() == 1
    })
    .await;
    for node in [report, one, two] {
        node.stop().await;
    }
}

#[actix_web::test]
async fn two_collectors_of_one_number_are_found_out() {
    let network = Network::new(1);
    let [report, one, two] = network.start_all().await;
    // Another data directory.
    let other = place();
    let second = network.start(network.collector(), 1, other.data.path(), other.address);
    let refused = second.ended().await;
    assert!(refused.contains("number 1 belongs to another data directory"), "{refused}");
    // One that nobody named.
    let third = network.start(network.collector(), 3, other.data.path(), other.address);
    let refused = third.ended().await;
    assert!(refused.contains("names no collector 3"), "{refused}");
    // A copy of its own, started again and again: the one that was there goes on.
    let copied = place();
    let identity = control(network.collectors[0].data.path()).instance().unwrap();
    for entry in std::fs::read_dir(network.collectors[0].data.path()).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name().to_string_lossy().starts_with("control.sqlite") {
            std::fs::copy(entry.path(), copied.data.path().join(entry.file_name())).unwrap();
        }
    }
    assert_eq!(control(copied.data.path()).instance().unwrap(), identity);
    for _ in 0..2 {
        let copy = network.start(network.collector(), 1, copied.data.path(), copied.address);
        let ended = copy.ended().await;
        assert!(ended.contains("copy of this data directory"), "{ended}");
    }
    network.hits(1, 0..1, "a").await;
    // Nor does a collector become another while nobody is there to refuse it.
    for node in [report, one, two] {
        node.stop().await;
    }
    let place = &network.collectors[1];
    let other = network.start(network.collector(), 1, place.data.path(), place.address).ended().await;
    assert!(other.contains("is collector 2's and stays that one's"), "{other}");
    // A data directory of a collector is of no use for another role.
    let alone = network.start(Role::All, 0, copied.data.path(), copied.address).ended().await;
    assert!(alone.contains("is a collector's and stays one"), "{alone}");
}

#[actix_web::test]
async fn sites_that_merge_and_sites_that_go_do_so_on_every_collector() {
    let network = Network::new(1);
    let report = control(network.report.data.path());
    for name in ["old.example", "gone.example"] {
        report.add_site(NewSite::new(name, "UTC"), clock::now()).unwrap();
    }
    let gone = report.site("gone.example", clock::now()).unwrap().id;
    let nodes = network.start_all().await;
    for (site, number, visitors) in
        [(SITE, 1, 0..3), ("old.example", 1, 3..5), ("old.example", 2, 5..9), ("gone.example", 2, 0..2)]
    {
        network.hits_of(site, number, visitors, "a").await;
    }
    let merge = Request::Merge { site: "old.example".into(), into: SITE.into() };
    report.add_job(&serde_json::to_string(&merge).unwrap()).unwrap();
    until("the merge is done", async || {
        report.leaving(clock::now()).unwrap().is_empty()
            && report.site("old.example", 0).unwrap().name == SITE
    })
    .await;
    assert_eq!(network.totals(&network.key).await, [9, 9, 9]);
    // Its name counts for the other now, on every collector.
    until("a collector knows that the old name is another's", async || {
        network.hits_of("old.example", 2, 20..21, "b").await;
        network.totals(&network.key).await[0] == 10
    })
    .await;
    report.remove_site("gone.example", clock::now()).unwrap();
    let collector = control(network.collectors[1].data.path());
    until("the site is gone", async || {
        let here = report.removals().unwrap().is_empty();
        here && collector.site("gone.example", 0).is_err() && collector.removals().unwrap().is_empty()
    })
    .await;
    assert_eq!(network.store.extent(gone).unwrap(), None);
    let journals = std::fs::read_dir(network.collectors[1].data.path().join("journal")).unwrap();
    let named = |entry: std::io::Result<std::fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
    assert!(journals.map(named).all(|name| !name.starts_with(&format!("{}-", gone.0))));
    for node in nodes {
        node.stop().await;
    }
}

#[actix_web::test]
async fn what_was_released_of_a_day_that_was_open_comes_back_from_a_backup() {
    let network = Network::new(1);
    let report = control(network.report.data.path());
    let site = report.site(SITE, 0).unwrap().id;
    let today = crate::domain::day::Zone::utc().day_at(clock::now());
    let of = |day| Release { id: ReleaseId { site, day, node: 1, number: 1 }, rows: vec![], close: None };
    let there = || network.store.releases(site, today.plus(-3), today).unwrap();
    for day in [today.plus(-3), today] {
        network.store.insert(&of(day)).unwrap();
    }
    let nodes = network.start_all().await;
    let done = async |request: Request| {
        let id = report.add_job(&serde_json::to_string(&request).unwrap()).unwrap();
        until("the job is done", async || report.job(id).unwrap().unwrap().state == JobState::Done).await;
    };
    let folder = tempfile::tempdir().unwrap();
    let backup = folder.path().join("backup");
    done(Request::Backup { to: backup.clone() }).await;
    network.store.erase(site, None).unwrap();
    done(Request::Restore { from: backup, check: false }).await;
    // A collector may open today's at any moment; an earlier one is nobody's any more.
    assert_eq!(there(), [of(today.plus(-3))]);
    for node in nodes {
        node.stop().await;
    }
}

#[actix_web::test]
async fn an_answer_that_is_too_long_is_not_read_to_its_end() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url: url::Url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    std::thread::spawn(move || {
        for bytes in [64 << 20, (64 << 20) + 1] {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 4096]).unwrap();
            let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {bytes}\r\n\r\n");
            stream.write_all(head.as_bytes()).unwrap();
            // Whoever asked may go before the end.
            let _ = stream.write_all(&vec![b'x'; bytes]);
        }
    });
    let wire = Wire::new(&NodeToken::new(SECRET).unwrap()).unwrap();
    let ask = || wire.send(wire.request(reqwest::Method::GET, &url, "x", Duration::from_secs(60)));
    assert_eq!(ask().await.unwrap().2.len(), 64 << 20);
    let refused = ask().await.unwrap_err().to_string();
    assert!(refused.contains("longer than"), "{refused}");
}
