//! The examples of deploy/proxies/, run by the real nginx, HAProxy and Caddy before real servers: what a client claims
//! to forward does not count, an address always reaches the same collector, and a collector that dies or comes moves
//! its share only.

use std::{
    collections::BTreeMap,
    fs,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
    path::Path,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU8, Ordering},
};

use reqwest::{Client, StatusCode};
use serde_json::json;
use tempfile::TempDir;

use super::{
    api::{Api, FIREFOX, SITE},
    server::{Home, Server, until_answered},
};

/// Addresses that hits come from.
const SOURCES: u8 = 40;
const HOST: &str = "stats.example.com";

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Nginx,
    Haproxy,
    Caddy,
}

/// Three collectors and what stands for the report node, each an install of its own.
struct Behind {
    homes: Vec<Home>,
    servers: Vec<Option<Server>>,
    keys: Vec<String>,
}

impl Behind {
    fn start() -> Behind {
        let mut behind = Behind { homes: vec![], servers: vec![], keys: vec![] };
        for _ in 0..4 {
            let home = Home::at("2026-10-24T12:00:00Z");
            home.run(&["site", "add", SITE, "--timezone", "UTC"]);
            behind.keys.push(home.run(&["key", "add", "staff", "--site", SITE, "--scope", "staff"]));
            behind.servers.push(Some(home.serve_with(&["--trusted-proxies", "127.0.0.1"])));
            behind.homes.push(home);
        }
        behind
    }

    /// `127.0.0.1:PORT` of a server; the report node is 0.
    fn address(&self, at: usize) -> String {
        let server = self.servers[at].as_ref().expect("it runs");
        server.origin.trim_start_matches("http://").to_owned()
    }

    /// Visitors and page views that each running collector has counted.
    async fn counted(&self) -> BTreeMap<usize, (i64, i64)> {
        let mut counted = BTreeMap::new();
        for at in 1..4 {
            let Some(server) = &self.servers[at] else { continue };
            let report = Api::of(server).read("report", "p=day", &self.keys[at]).await;
            let tile = |name: &str| report["tiles"][name]["value"].as_i64().unwrap();
            counted.insert(at, (tile("visitors"), tile("pageviews")));
        }
        counted
    }
}

/// A running proxy.
struct Proxy {
    child: Child,
    origin: String,
    folder: TempDir,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // In good order: nginx and HAProxy have processes of their own to end.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}

/// The example, with the addresses of these servers and a free port, and the third collector only where it is asked for.
fn configuration(kind: Kind, behind: &Behind, listens: SocketAddr, three: bool) -> String {
    let file = match kind {
        Kind::Nginx => "nginx.conf",
        Kind::Haproxy => "haproxy.cfg",
        Kind::Caddy => "Caddyfile",
    };
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/proxies").join(file);
    let mut text = fs::read_to_string(path).unwrap();
    let mut replace = |from: &str, to: &str| {
        assert!(text.contains(from), "{file} has {from}");
        text = text.replace(from, to);
    };
    match kind {
        Kind::Nginx => replace("listen 80;", &format!("listen {listens};")),
        Kind::Haproxy => {
            // Lets a test say that a connection comes from an IPv6 address.
            let told = "http-request set-src req.hdr(x-test-source) if { req.hdr(x-test-source) -m found }";
            replace("bind :80", &format!("bind {listens}\n    {told}"));
        }
        Kind::Caddy => replace("{\n\t# Addresses", "{\n\tadmin off\n\t# Addresses"),
    }
    if kind == Kind::Caddy {
        replace(
            "http://stats.example.com, http://*.stats.example.com {",
            &format!("http://:{} {{\n\tbind {}", listens.port(), listens.ip()),
        );
    }
    if !three {
        match kind {
            Kind::Nginx => replace("    server 10.0.0.4:8000 max_fails=1 fail_timeout=5s;\n", ""),
            Kind::Haproxy => replace("    server three 10.0.0.4:8000 id 3\n", ""),
            Kind::Caddy => replace(" 10.0.0.4:8000 {", " {"),
        }
    }
    for at in 0..4 {
        replace(&format!("10.0.0.{}:8000", at + 1), &behind.address(at));
    }
    text
}

fn start(kind: Kind, behind: &Behind, three: bool) -> Proxy {
    // An address where no server listens that takes any free port meanwhile.
    static STARTED: AtomicU8 = AtomicU8::new(1);
    let ip = Ipv4Addr::new(127, 9, 0, STARTED.fetch_add(1, Ordering::Relaxed));
    let listens = TcpListener::bind((ip, 0)).unwrap().local_addr().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let text = configuration(kind, behind, listens, three);
    let at = |name: &str| folder.path().join(name).display().to_string();
    fs::write(folder.path().join("given"), text).unwrap();
    let mut command = match kind {
        Kind::Nginx => {
            let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
                .map(|name| format!("{name}_temp_path {};\n", at(name)))
                .concat();
            let around = format!(
                "daemon off;\npid {};\nerror_log {};\nevents {{}}\nhttp {{\n{temporary}\
                 set_real_ip_from 127.0.0.0/8;\nreal_ip_header X-Test-Source;\ninclude {};\n}}\n",
                at("pid"),
                at("log"),
                at("given")
            );
            fs::write(folder.path().join("nginx.conf"), around).unwrap();
            let mut command = Command::new("/usr/sbin/nginx");
            command.args(["-e", &at("log"), "-p", &at(""), "-c", &at("nginx.conf")]);
            command
        }
        Kind::Haproxy => {
            let mut command = Command::new("/usr/sbin/haproxy");
            command.args(["-db", "-f", &at("given")]);
            command
        }
        Kind::Caddy => {
            let mut command = Command::new("/usr/bin/caddy");
            command.args(["run", "--config", &at("given"), "--adapter", "caddyfile"]);
            command.env("HOME", folder.path()).env("XDG_DATA_HOME", folder.path());
            command.env("XDG_CONFIG_HOME", folder.path());
            command
        }
    };
    let log = fs::File::create(folder.path().join("said")).unwrap();
    let child = command.stdout(Stdio::null()).stderr(log).spawn();
    let child = child.unwrap_or_else(|error| panic!("{kind:?}: {error}; run `make tools`"));
    Proxy { child, origin: format!("http://{listens}"), folder }
}

fn client(source: u8) -> Client {
    let address = IpAddr::V4(Ipv4Addr::new(127, 5, 0, source));
    Client::builder().no_proxy().local_address(address).build().unwrap()
}

/// A hit of some host and path from an address; `lie` is what it claims to forward.
async fn hit(proxy: &Proxy, source: u8, host: &str, path: &str, headers: &[(&str, &str)]) -> StatusCode {
    let mut request = client(source)
        .post(format!("{}{path}", proxy.origin))
        .header("host", host)
        .header("user-agent", FIREFOX)
        .body(json!({"n": "pageview", "u": format!("https://{SITE}/"), "d": SITE}).to_string());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.map_or(StatusCode::BAD_GATEWAY, |answer| answer.status())
}

/// One hit from each address, until it is answered: what a proxy refuses was counted by nobody.
async fn from_everywhere(proxy: &Proxy, lie: &str) {
    let forwarded = format!("for={lie}");
    let lies = [("x-forwarded-for", lie), ("forwarded", &*forwarded), ("x-real-ip", lie)];
    for source in 1..=SOURCES {
        until_answered("a hit", async || {
            let status = hit(proxy, source, HOST, "/api/event", &lies).await;
            (status == StatusCode::ACCEPTED).then_some(())
        })
        .await;
    }
}

fn visitors(counted: &BTreeMap<usize, (i64, i64)>) -> i64 {
    counted.values().map(|one| one.0).sum()
}

async fn check(kind: Kind) {
    let mut behind = Behind::start();
    let proxy = start(kind, &behind, true);
    for lie in ["203.0.113.9", "203.0.113.10, 127.5.0.1", "2001:db8::1", "evil"] {
        from_everywhere(&proxy, lie).await;
    }
    let spread = behind.counted().await;
    assert_eq!(
        visitors(&spread),
        i64::from(SOURCES),
        "{kind:?}: one visitor an address, at one collector: {spread:?}"
    );
    assert_eq!(spread.values().map(|one| one.1).sum::<i64>(), 4 * i64::from(SOURCES), "{kind:?}");
    assert!(spread.values().all(|one| one.0 > 0), "{kind:?}: {spread:?}");
    check_sites(kind, &behind, &proxy).await;
    check_networks(kind, &behind, &proxy).await;
    check_others(kind, &behind, &proxy).await;
    // One that dies: its visitors count again elsewhere, and nobody else's do.
    let before = behind.counted().await;
    drop(behind.servers[1].take().unwrap().kill());
    from_everywhere(&proxy, "203.0.113.9").await;
    from_everywhere(&proxy, "203.0.113.9").await;
    let after = behind.counted().await;
    let moved = visitors(&after) - (before[&2].0 + before[&3].0);
    assert_eq!(moved, spread[&1].0, "{kind:?}: {before:?} {after:?}");
    for name in ["said", "log"] {
        let text = fs::read_to_string(proxy.folder.path().join(name)).unwrap_or_default();
        assert!(!text.contains("127.5.0."), "{kind:?} writes addresses down: {text}");
    }
}

/// Sites that live on one collector, by the host and by the path of their endpoint.
async fn check_sites(kind: Kind, behind: &Behind, proxy: &Proxy) {
    let before = behind.counted().await;
    // Nobody whom the others know.
    for source in 101..=109 {
        assert_eq!(hit(proxy, source, "shop.stats.example.com", "/api/event", &[]).await, 202, "{kind:?}");
        assert_eq!(hit(proxy, source, HOST, "/blog/api/event", &[]).await, 202, "{kind:?}");
    }
    let after = behind.counted().await;
    let grown: Vec<i64> = (1..4).map(|at| after[&at].1 - before[&at].1).collect();
    assert_eq!(grown, [0, 9, 9], "{kind:?}");
}

/// All addresses of an IPv6 /64 are one visitor at one collector.
async fn check_networks(kind: Kind, behind: &Behind, proxy: &Proxy) {
    if kind == Kind::Caddy {
        // Its file says that it spreads by whole addresses.
        return;
    }
    let before = visitors(&behind.counted().await);
    for network in 0..8 {
        for host in ["1", "2:3:4:5", "ffff:ffff:ffff:fffe", "0:0:a0d:1"] {
            let host = if host.contains(':') { host.to_owned() } else { format!(":{host}") };
            let source = format!("2001:db8:0:{network}:{host}");
            let status = hit(proxy, 1, HOST, "/api/event", &[("x-test-source", &source)]).await;
            assert_eq!(status, 202, "{kind:?} {source}");
        }
    }
    let counted = behind.counted().await;
    assert_eq!(visitors(&counted) - before, 8, "{kind:?}: {counted:?}");
}

/// The tracker comes from a collector, everything else from the report node, and what nodes ask from nobody.
async fn check_others(kind: Kind, behind: &Behind, proxy: &Proxy) {
    let get = |path: &str, key: &str| {
        let request = client(1).get(format!("{}{path}", proxy.origin)).header("host", HOST).bearer_auth(key);
        async { request.send().await.unwrap() }
    };
    assert_eq!(get("/mayfly.js", "").await.status(), 200, "{kind:?}");
    let report = get(&format!("/api/sites/{SITE}/report"), &behind.keys[0]).await;
    assert_eq!(report.status(), 200, "{kind:?}");
    let nodes = ["/api/node/1/open", "/api/%6eode/1/open", "/%61pi/node/1/open"];
    let below = ["/blog/api/node/1/open", "/blog/api/%6eode/1/open", "/blog/api/sites"];
    for path in nodes.into_iter().chain(below) {
        let answer = get(path, "").await;
        assert_eq!(answer.status(), 404, "{kind:?} {path}");
        let words = answer.text().await.unwrap();
        assert!(!words.contains("there is nothing at this address"), "{kind:?} {path}: a node answered");
    }
}

async fn check_added(kind: Kind) {
    let behind = Behind::start();
    let proxy = start(kind, &behind, false);
    from_everywhere(&proxy, "203.0.113.9").await;
    drop(proxy);
    let two = behind.counted().await;
    assert_eq!((visitors(&two), two[&3]), (i64::from(SOURCES), (0, 0)), "{kind:?}");
    let proxy = start(kind, &behind, true);
    from_everywhere(&proxy, "203.0.113.9").await;
    let three = behind.counted().await;
    // Those who stayed are known where they are; those who moved count once more, at the one that came.
    assert_eq!((three[&1].0, three[&2].0), (two[&1].0, two[&2].0), "{kind:?}");
    let share = three[&3].0;
    assert!((1..=i64::from(SOURCES) * 2 / 3).contains(&share), "{kind:?}: {share} moved");
}

#[actix_web::test]
async fn nginx_brings_each_address_to_one_collector_and_forwards_no_lie() {
    check(Kind::Nginx).await;
}

#[actix_web::test]
async fn haproxy_brings_each_address_to_one_collector_and_forwards_no_lie() {
    check(Kind::Haproxy).await;
}

#[actix_web::test]
async fn caddy_brings_each_address_to_one_collector_and_forwards_no_lie() {
    check(Kind::Caddy).await;
}

#[actix_web::test]
async fn a_collector_that_is_added_takes_its_share_only() {
    for kind in [Kind::Nginx, Kind::Haproxy, Kind::Caddy] {
        check_added(kind).await;
    }
}
