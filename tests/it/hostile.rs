//! Clients that mean harm, by bytes on raw sockets: abuse of HTTP, bodies that are wrong, slow and idle connections,
//! forged headers. Each costs its sender; the server goes on, and counts exactly what it answered with 202.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{
    api::{Api, FIREFOX, SITE},
    raw::{Raw, Said, post},
    server::{Home, Server, until},
};

struct Running {
    server: Server,
    api: Api,
    staff: String,
    _home: Home,
}

impl Running {
    fn with(flags: &[&str]) -> Running {
        let home = Home::at("2026-11-20T12:00:00Z");
        home.run(&["site", "add", SITE, "--timezone", "UTC"]);
        home.run(&["event", "add", SITE, "order", "--currency", "EUR"]);
        let staff = home.run(&["key", "add", "staff", "--site", SITE, "--scope", "staff"]);
        let runtime = home.runtime.path().join("run");
        let mut all = vec!["--runtime", runtime.to_str().unwrap()];
        all.extend(flags);
        if !flags.contains(&"--trusted-proxies") {
            all.extend(["--trusted-proxies", "none"]);
        }
        let server = home.serve_with(&all);
        Running { api: Api::of(&server), server, staff, _home: home }
    }

    /// An ordinary view on a connection of its own.
    fn view(&self) -> u16 {
        Raw::to(&self.server).ask(post("", view("/")))
    }

    async fn accepted(&self) -> i64 {
        self.api.read("live", "", &self.staff).await["accepted_today"].as_i64().unwrap()
    }
}

fn view(path: &str) -> String {
    json!({"n": "pageview", "u": format!("https://{SITE}{path}"), "d": SITE}).to_string()
}

/// A body of collection with something in the place of `?`.
fn with(field: &str, value: &str) -> Vec<u8> {
    format!(r#"{{"n":"order","u":"https://{SITE}/","d":"{SITE}","{field}":{value}}}"#).into_bytes()
}

#[tokio::test]
async fn bodies_that_are_wrong_change_nothing_for_others() {
    let running = Running::with(&[]);
    let nested = |open: &str, inner: &str, close: &str, n: usize| {
        format!("{}{inner}{}", open.repeat(n), close.repeat(n))
    };
    let money = |amount: &str| format!(r#"{{"currency":"EUR","amount":{amount}}}"#);
    let (ok, bad) = (202, 400);
    let cases: Vec<(u16, Vec<u8>)> = vec![
        (bad, vec![]),
        (bad, vec![0; 1_000]),
        (bad, vec![b'{'; 60_000]),
        (bad, vec![b'['; 60_000]),
        (bad, nested("{\"p\":", "1", "}", 10_000).into_bytes()),
        (bad, with("p", &nested("{\"a\":", "1", "}", 10_000))),
        (bad, with("p", &nested("{\"a\":", "1", "}", 127))),
        (ok, with("p", &nested("{\"a\":", "1", "}", 120))),
        // What is not read is not kept, however deep it is.
        (ok, with("zzz", &nested("[", "1", "]", 20_000))),
        (ok, with("p", &format!("{:?}", nested("{\"a\":", "1", "}", 5_000)))),
        (bad, [&with("p", "\"x")[..], b"\xff\xfe\""].concat()),
        (bad, b"{\"n\":\"pageview\",\"u\":\"https://example.com/\xc3\x28\"}".to_vec()),
        (ok, with("r", "\"https://a.example/\\u0000\\ud83d\\ude00\"")),
        (bad, with("r", "\"\\ud83d\"")),
        (bad, with("r", "\"\0\"")),
        (bad, with("u", "\"https://example.com/\\u0000\"")),
        (ok, with("zzz", "1e999")),
        (bad, with("sd", "1e999")),
        (ok, with("sd", "-0")),
        (ok, with("e", "99999999999999999999999999999999999999")),
        (ok, with("e", "-1e308")),
        (ok, with("i", "1e308")),
        (ok, with("$", &money("1e308"))),
        (ok, with("$", &money("-0"))),
        (ok, with("$", &money("\"NaN\""))),
        (ok, with("$", &money("99999999999999999999999999"))),
        (bad, with("$", &money("1e999"))),
        (bad, with("u", "\"http://[::1\"")),
        (bad, with("u", &format!("\"https://{SITE}/{}\"", "x".repeat(2_000)))),
        (bad, with("d", "\",,,,\"")),
        (ok, with("d", &format!("\"{SITE}{}\"", ",x.example".repeat(1_000)))),
        (bad, with("n", "\" \"")),
    ];
    let mut raw = Raw::to(&running.server);
    let mut accepted = 0;
    for (status, body) in cases {
        let shown = String::from_utf8_lossy(&body).chars().take(120).collect::<String>();
        assert_eq!(raw.ask(post("", &body)), status, "{shown}");
        accepted += i64::from(status == ok);
        assert_eq!(running.accepted().await, accepted, "{shown}");
    }
    let report = running.api.read("report", "p=day&event=order", &running.staff).await;
    assert_eq!(report["tiles"]["value_sum"]["value"], 0, "no absurd amount counts");
}

/// Whatever a proxy in front may have read them as: no request hides in another one's body.
#[tokio::test]
async fn requests_that_two_servers_could_read_differently_hide_nothing() {
    let running = Running::with(&[]);
    let head = format!("POST /api/event HTTP/1.1\r\nHost: x\r\nUser-Agent: {FIREFOX}\r\n");
    let inner = String::from_utf8(post("", view("/hidden"))).unwrap();
    let chunk = format!("{:x}\r\n{}\r\n0\r\n\r\n", view("/chunked").len(), view("/chunked"));
    let (one, length) = (view("/"), view("/").len());
    let shapes = [
        format!("Content-Length: {length}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{inner}"),
        format!("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n{inner}"),
        format!("Content-Length: {length}\r\nContent-Length: 0\r\n\r\n{one}{inner}"),
        format!("Content-Length: 0, {length}\r\n\r\n{inner}"),
        format!("Content-Length: +{length}\r\n\r\n{inner}"),
        format!("Content-Length: -1\r\n\r\n{inner}"),
        format!("Content-Length: 0x10\r\n\r\n{inner}"),
        format!("Content-Length: 99999999999999999999999\r\n\r\n{inner}"),
        format!("Content-Length : 0\r\n\r\n{inner}"),
        format!("Content-Length\r\n: 0\r\n\r\n{inner}"),
        format!("Transfer-Encoding: xchunked\r\n\r\n{inner}"),
        format!("Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n{inner}"),
        format!("Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n\r\n0\r\n\r\n{inner}"),
        format!("Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n{inner}"),
        format!("Transfer-Encoding: chunked\r\n\r\n-1\r\n{inner}"),
        format!("Transfer-Encoding: chunked\r\n\r\n0x5\r\n{inner}"),
        format!("Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n{inner}"),
        format!("Transfer-Encoding: chunked\r\n\r\n5\r\nabcdefgh\r\n0\r\n\r\n{inner}"),
        format!("Transfer-Encoding: chunked\r\n\r\n\r\n{inner}"),
        format!("X: 1\r\n Content-Length: 0\r\n\r\n{inner}"),
        format!("X: 1\r\n\tTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{inner}"),
        format!("X: \0\r\nContent-Length: 0\r\n\r\n{inner}"),
        format!("X: a\rContent-Length: {}\r\n\r\n{inner}", inner.len()),
        format!(" Content-Length: 0\r\n\r\n{inner}"),
        format!("Host: y\r\nContent-Length: {length}\r\nTransfer-Encoding:\x0bchunked\r\n\r\n{one}"),
        format!("Content-Length: {}\r\n\r\n{one}", length + 1_000),
    ];
    for shape in &shapes {
        let mut raw = Raw::to(&running.server);
        raw.send(format!("{head}{shape}"));
        // A body that is promised and does not come: the end of it is said, and nothing waits for it.
        raw.finish();
        let said = raw.hear();
        assert!(matches!(said, Said::Answer(400..=499, _) | Said::Closed), "{said:?} to {shape:?}");
        assert_eq!(raw.hear(), Said::Closed, "{shape:?}");
    }
    assert_eq!(running.accepted().await, 0);
    // The same shapes without the abuse do count.
    let mut raw = Raw::to(&running.server);
    assert_eq!(raw.ask(format!("{head}Transfer-Encoding: chunked\r\n\r\n{chunk}")), 202);
    assert_eq!(raw.ask(inner), 202);
    assert_eq!(running.accepted().await, 2);
}

#[tokio::test]
async fn heads_are_bounded() {
    let running = Running::with(&[]);
    let ask = |lines: String| Raw::to(&running.server).ask(post(&lines, view("/")));
    let lines = |n: usize| (0..n).map(|n| format!("X-{n}: y\r\n")).collect::<String>();
    assert_eq!(ask(lines(93)), 202);
    assert_eq!(ask(lines(94)), 431);
    assert_eq!(ask(lines(5_000)), 431);
    assert_eq!(ask(format!("X: {}\r\n", "y".repeat(100_000))), 202);
    assert_ne!(ask(format!("X: {}\r\n", "y".repeat(200_000))), 202);
    let long = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(200_000));
    assert!((400..500).contains(&Raw::to(&running.server).ask(long)) || running.view() == 202);
    assert_eq!(running.view(), 202);
}

#[tokio::test]
async fn many_requests_in_one_breath_are_answered_in_order() {
    let running = Running::with(&[]);
    let mut raw = Raw::to(&running.server);
    let all: Vec<u8> =
        (0..300).flat_map(|n| post("", if n % 3 == 0 { "[".into() } else { view("/breath") })).collect();
    assert!(raw.send(&all));
    for n in 0..300 {
        let expected = if n % 3 == 0 { 400 } else { 202 };
        assert!(matches!(raw.hear(), Said::Answer(status, _) if status == expected), "answer {n}");
    }
    assert_eq!(running.accepted().await, 200);
}

/// Heads and bodies that trickle in are cut off in time, and until then they keep nobody waiting.
#[tokio::test]
async fn slow_heads_and_bodies_are_cut_off() {
    let running = Running::with(&[]);
    let begun = Instant::now();
    let whole = post("", view("/slow"));
    let mut slow: Vec<(bool, Raw)> = (0..200)
        .map(|n| {
            let mut raw = Raw::to(&running.server);
            let in_body = n % 2 == 1;
            raw.send(&whole[..whole.len() - if in_body { 10 } else { 200 }]);
            (in_body, raw)
        })
        .collect();
    for _ in 0..20 {
        assert_eq!(running.view(), 202);
    }
    assert!(begun.elapsed() < Duration::from_secs(8), "nobody waited for them");
    for (in_body, raw) in &mut slow {
        let said = raw.hear();
        let cut = matches!(said, Said::Answer(408, _)) || !*in_body && said == Said::Closed;
        assert!(cut, "{said:?}");
    }
    assert!((9..30).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
    assert_eq!(running.accepted().await, 20);
}

/// Long bodies share a bound; those of page views do not wait for it.
#[tokio::test]
async fn long_bodies_under_way_are_bounded_together() {
    let running = Running::with(&["--max-body", "1048576"]);
    let long: Vec<u8> = post("", vec![b' '; 900_000]);
    let mut held: Vec<Raw> = Vec::new();
    let refused = until("the bound is met", || {
        let mut raw = Raw::to(&running.server);
        raw.send(&long[..100_000]);
        let said = raw.hear_within(Duration::from_millis(200));
        held.push(raw);
        (said != Said::Nothing).then_some(said)
    });
    assert!(matches!(refused, Said::Answer(503, _)), "{refused:?}");
    assert_eq!(held.len(), 33, "32 MiB, each counted with the most that it may have");
    assert_eq!(running.view(), 202);
    drop(held);
    until("the room is there again", || {
        let mut raw = Raw::to(&running.server);
        (raw.ask(&long) == 400).then_some(())
    });
}

#[tokio::test]
async fn connections_are_bounded_and_wait_their_turn() {
    let running = Running::with(&["--connections", "16", "--workers", "2"]);
    let mut open: Vec<Raw> = (0..16).map(|_| Raw::to(&running.server)).collect();
    for raw in &mut open {
        assert_eq!(raw.ask(post("", view("/"))), 202);
    }
    let mut waiting = Raw::to(&running.server);
    waiting.send(post("", view("/waited")));
    assert_eq!(waiting.hear_within(Duration::from_millis(500)), Said::Nothing);
    drop(open);
    assert!(matches!(waiting.hear(), Said::Answer(202, _)));
    assert_eq!(running.accepted().await, 17);
}

/// The long form (`FLOOD`) waits until they are closed.
#[tokio::test]
async fn idle_connections_are_closed_after_their_time() {
    let running = Running::with(&[]);
    let mut idle: Vec<Raw> = (0..3).map(|_| Raw::to(&running.server)).collect();
    let begun = Instant::now();
    idle.iter_mut().for_each(|raw| assert_eq!(raw.ask(post("", view("/"))), 202));
    assert_eq!(idle[0].hear_within(Duration::from_secs(2)), Said::Nothing);
    assert_eq!(idle[0].ask(post("", view("/"))), 202);
    if std::env::var_os("FLOOD").is_some() {
        for raw in &mut idle[1..] {
            assert_eq!(raw.hear_within(Duration::from_secs(100)), Said::Closed);
        }
        assert!((74..90).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
    }
}

#[tokio::test]
async fn the_live_view_lists_nine_pages_and_the_most_viewed_first() {
    let running = Running::with(&[]);
    let mut raw = Raw::to(&running.server);
    for page in 0..12 {
        for _ in 0..=page {
            assert_eq!(
                raw.ask(post("", view(&format!("/{}", ["a", "b", "c"][page % 3].repeat(page + 1))))),
                202
            );
        }
    }
    let live = running.api.read("live", "", &running.staff).await;
    let views: Vec<i64> =
        live["pages"].as_array().unwrap().iter().map(|page| page["pageviews"].as_i64().unwrap()).collect();
    assert_eq!(views, [12, 11, 10, 9, 8, 7, 6, 5, 4]);
}

#[tokio::test]
async fn thousands_of_idle_connections_cost_a_bounded_piece_of_memory() {
    const IDLE: u64 = 4_000;
    let running = Running::with(&[]);
    assert_eq!(running.view(), 202);
    let before = running.server.peak_kib();
    let mut idle: Vec<Raw> = (0..IDLE).map(|_| Raw::to(&running.server)).collect();
    for raw in idle.iter_mut().step_by(2) {
        assert!(raw.send("POST /api/event HTTP/1.1\r\nX: "));
    }
    for _ in 0..50 {
        assert_eq!(running.view(), 202);
    }
    let each = (running.server.peak_kib() - before) / IDLE;
    println!("an idle connection holds {each} KiB");
    assert!(each <= 40, "{each} KiB each");
}

#[tokio::test]
async fn forged_origins_and_forwarding_headers_get_nothing() {
    let running = Running::with(&[]);
    for origin in ["null", "https://evil.example", "https://example.com", "file://", "\u{7f}"] {
        let mut raw = Raw::to(&running.server);
        let lines = format!(
            "Origin: {origin}\r\nReferer: {origin}\r\nCookie: mayfly_session=forged\r\nX-Forwarded-For: 192.0.2.{}\r\nForwarded: for=192.0.2.1\r\nX-Real-IP: 192.0.2.2\r\n",
            origin.len()
        );
        assert_eq!(raw.ask(post(&lines, view("/"))), if origin == "\u{7f}" { 400 } else { 202 });
    }
    let report = running.api.read("report", "p=day", &running.staff).await;
    assert_eq!(report["tiles"]["visitors"]["value"], 1, "they are one: the peer");
    let found = running.api.post_event(&[("origin", "https://evil.example")], view("/")).await;
    let header =
        |name: &str| found.headers.iter().find(|(one, _)| one == name).map(|(_, value)| value.as_str());
    assert_eq!(header("access-control-allow-origin"), Some("*"));
    assert_eq!(header("access-control-allow-credentials"), None);
    let (status, _) = running.api.get(&format!("/api/sites/{SITE}/live"), "").await;
    assert_eq!(status, 401, "a forged cookie opens nothing");
}

/// Hits that all come through one peer that says it forwards, and is not trusted.
#[tokio::test]
async fn a_proxy_that_nobody_named_is_shown() {
    let running = Running::with(&[]);
    let health = |body: Value| body["proxy"].as_str().unwrap().to_owned();
    assert_eq!(health(running.api.get("/api/health", "").await.1), "ok");
    let mut raw = Raw::to(&running.server);
    for n in 0..200 {
        let address = format!("X-Forwarded-For: 192.0.2.{}\r\n", n % 100);
        assert_eq!(raw.ask(post(&address, view("/"))), 202);
    }
    let words = health(running.api.get("/api/health", "").await.1);
    assert!(words.contains("trusted_proxies"), "{words}");
    let said = running.server.output();
    assert_eq!(said.matches("forwarding header is not trusted").count(), 1, "told once");
    for address in ["127.0.0.1 ", "192.0.2."] {
        assert!(!words.contains(address) && !said.contains(address), "no address is told");
    }
}

/// Gauges move with single hits: a stranger could watch them. Whoever a proxy on the machine forwards is one.
#[tokio::test]
async fn metrics_are_for_the_machine_itself() {
    let running = Running::with(&[]);
    let ask = |header: Option<&str>| {
        let request = running.api.request(reqwest::Method::GET, "/metrics");
        super::api::answer(match header {
            Some(name) => request.header(name, "192.0.2.1"),
            None => request,
        })
    };
    assert_eq!(ask(None).await.status, 200);
    for header in ["X-Forwarded-For", "Forwarded", "X-Real-IP"] {
        let answer = ask(Some(header)).await;
        assert_eq!(answer.status, 403, "{header}");
        assert!(!answer.body.contains("mayfly_"), "{header}: {}", answer.body);
    }
}

/// Beyond its rate an address is answered as before, and counts no more; its neighbours do.
#[tokio::test]
async fn an_address_that_sends_too_much_is_limited_and_not_told() {
    let running = Running::with(&["--address-rate", "1", "--trusted-proxies", "127.0.0.1"]);
    let mut raw = Raw::to(&running.server);
    let from = |address: String| post(&format!("X-Forwarded-For: {address}\r\n"), view("/"));
    raw.send(from("192.0.2.1".into()));
    let first = raw.hear();
    for _ in 0..99 {
        raw.send(from("192.0.2.1".into()));
        assert_eq!(raw.hear(), first);
    }
    for n in 0..100 {
        assert_eq!(raw.ask(from(format!("2001:db8:1:{n:x}::{n:x}"))), 202);
        assert_eq!(raw.ask(from(format!("198.51.100.{n}"))), 202);
    }
    let limited = running.api.read("live", "", &running.staff).await["outcomes"].clone();
    let n = |name: &str| limited[name].as_i64().unwrap_or(0);
    assert_eq!(n("accepted") + n("rate_limited"), 300);
    // Ten at once and one a second from the first; forty at once and four a second from one /48.
    let took = 20;
    assert!((150..=150 + 5 * took).contains(&n("accepted")), "{limited}");
    // The proxy's own address is no visitor's: where it forwards without a name, nobody is limited.
    for _ in 0..50 {
        assert_eq!(raw.ask(post("", view("/proxy"))), 202);
    }
    let after = running.api.read("live", "", &running.staff).await["outcomes"].clone();
    assert_eq!(after["accepted"].as_i64().unwrap(), n("accepted") + 50);
    assert!(!running.server.output().contains("192.0.2."));
}
