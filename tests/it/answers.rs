//! What the real binary answers: to hits, to keys, to questions that no row can answer, to a first run; and what
//! changes from outside do to it.

use std::collections::BTreeMap;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{
    api::{Answer, Api, FIREFOX, SITE, answer},
    server::{Home, Server, until},
};

const NOON: &str = "2026-11-20T12:00:00Z";

/// A site with a small vocabulary, its staff key, and a running server.
struct Running {
    home: Home,
    server: Server,
    api: Api,
    staff: String,
}

impl Running {
    fn with(flags: &[&str]) -> Running {
        let home = Home::at(NOON);
        home.run(&["site", "add", SITE, "--timezone", "UTC"]);
        home.run(&["event", "add", SITE, "signup", "--property", "plan=free,pro"]);
        home.run(&["site", "set", SITE, "excluded-paths", "/admin/*"]);
        let staff = home.run(&["key", "add", "staff", "--site", SITE, "--scope", "staff"]);
        let runtime = home.runtime.path().join("run");
        let mut all = vec!["--runtime", runtime.to_str().unwrap()];
        all.extend(flags);
        let server = home.serve_with(&all);
        Running { api: Api::of(&server), home, server, staff }
    }

    async fn outcomes(&self) -> BTreeMap<String, i64> {
        let live = self.api.read("live", "", &self.staff).await;
        let outcomes: BTreeMap<String, i64> = serde_json::from_value(live["outcomes"].clone()).unwrap();
        let notes = ["property_undeclared", "value_undeclared"];
        let received: i64 =
            outcomes.iter().filter(|(name, _)| !notes.contains(&name.as_str())).map(|(_, n)| n).sum();
        assert_eq!(live["received_today"], received, "{outcomes:?}");
        outcomes
    }

    async fn tile(&self, name: &str) -> Value {
        self.api.read("report", "p=day", &self.staff).await["tiles"][name]["value"].clone()
    }
}

/// An outcome, headers, a body.
type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], String);

fn view(path: &str) -> String {
    json!({"n": "pageview", "u": format!("https://{SITE}{path}"), "d": SITE}).to_string()
}

fn event(name: &str) -> String {
    json!({"n": name, "u": format!("https://{SITE}/"), "d": SITE, "p": {"plan": "pro"}}).to_string()
}

fn refused(field: &str, words: &str) -> String {
    json!({"errors": {field: [words]}}).to_string()
}

#[tokio::test]
async fn what_policy_drops_is_answered_like_what_counts() {
    let running = Running::with(&[]);
    let from = |address: &'static str| ("x-forwarded-for", address);
    let browser = ("user-agent", FIREFOX);
    let accepted = Answer {
        status: 202,
        headers: [
            ("access-control-allow-origin", "*"),
            ("content-length", "2"),
            ("content-type", "text/plain; charset=utf-8"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec(),
        body: "ok".into(),
    };
    let cases: [Case; 9] = [
        ("accepted", &[from("192.0.2.1"), browser], view("/")),
        ("accepted", &[from("192.0.2.1"), browser], view("/again")),
        ("accepted", &[from("192.0.2.1"), browser], event("signup")),
        ("bot", &[from("192.0.2.2"), ("user-agent", "curl/8.14.1")], view("/")),
        ("excluded", &[from("192.0.2.3"), browser], view("/admin/users")),
        ("undeclared_event", &[from("192.0.2.4"), browser], event("hover")),
        ("", &[from("192.0.2.5"), browser, ("sec-gpc", "1")], view("/")),
        ("", &[from("192.0.2.6"), browser, ("dnt", "1")], view("/")),
        (
            "no_visit",
            &[from("192.0.2.7"), browser],
            json!({"n": "engagement", "u": format!("https://{SITE}/"), "d": SITE, "e": 1000}).to_string(),
        ),
    ];
    let mut expected: BTreeMap<String, i64> = BTreeMap::new();
    for (outcome, headers, body) in cases {
        assert_eq!(running.api.post_event(headers, body.clone()).await, accepted, "{outcome}: {body}");
        if !outcome.is_empty() {
            *expected.entry(outcome.to_owned()).or_default() += 1;
        }
        assert_eq!(running.outcomes().await, expected, "{body}");
    }
    assert_eq!((running.tile("pageviews").await, running.tile("visitors").await), (json!(2), json!(1)));
}

#[tokio::test]
async fn what_is_wrong_is_answered_in_words() {
    let running = Running::with(&[]);
    let cases = [
        (400, "{\"n\":", refused("request", "Unable to parse request body as json")),
        (400, "[]", refused("request", "holds no events")),
        (400, r#"{"n":"pageview","d":"example.com"}"#, refused("url", "is required")),
        (
            400,
            r#"{"n":"pageview","u":"data:text/html,x","d":"example.com"}"#,
            refused("url", "scheme is not allowed"),
        ),
        (400, r#"{"n":"pageview","u":"http://[","d":"example.com"}"#, refused("url", "must be a valid url")),
        (
            400,
            r#"{"n":"pageview","u":"https://example.com/","d":" , "}"#,
            refused("domain", "can't be blank"),
        ),
        (
            400,
            r#"{"n":"engagement","u":"https://example.com/","d":"example.com"}"#,
            refused("engagement", "needs at least one of sd, e"),
        ),
        (
            400,
            r#"{"n":"pageview","u":"https://other.example/","d":"other.example"}"#,
            refused("domain", "is not a site of this server"),
        ),
    ];
    let headers = [("user-agent", FIREFOX), ("content-type", "text/plain")];
    for (status, body, expected) in cases {
        let found = running.api.post_event(&headers, body).await;
        assert_eq!((found.status, found.body), (status, expected), "{body}");
        assert!(found.headers.contains(&("access-control-allow-origin".into(), "*".into())), "{body}");
    }
    let long =
        json!({"n": "x", "u": "https://example.com/", "d": SITE, "p": {"k".repeat(301): "v"}}).to_string();
    let found = running.api.post_event(&headers, long).await;
    assert_eq!(
        (found.status, found.body),
        (400, refused("props", "keys should have at most 300 bytes and values 2000 bytes"))
    );
    let large = format!("{{\"n\":\"{}\"}}", "x".repeat(70_000));
    let found = running.api.post_event(&headers, large).await;
    assert_eq!((found.status, found.body), (413, refused("request", "is larger than 65536 bytes")));
    assert!(running.outcomes().await.is_empty(), "none of it is of this site");

    let preflight =
        running.api.request(Method::OPTIONS, "/api/event").header("origin", "https://example.com");
    let found = answer(preflight.header("access-control-request-method", "POST")).await;
    let header =
        |name: &str| found.headers.iter().find(|(one, _)| one == name).map(|(_, value)| value.as_str());
    assert_eq!(found.status, 204);
    assert_eq!(header("access-control-allow-origin"), Some("*"));
    assert_eq!(header("access-control-allow-methods"), Some("POST"));
    assert_eq!(header("access-control-max-age"), Some("86400"));
    assert_eq!(header("access-control-allow-credentials"), None);
}

#[tokio::test]
async fn a_forwarding_header_counts_only_from_a_trusted_proxy() {
    for (flags, visitors) in [(&[][..], 3), (&["--trusted-proxies", "none"][..], 1)] {
        let running = Running::with(flags);
        for address in ["192.0.2.1", "192.0.2.2", "2001:db8::1"] {
            let headers = [("x-forwarded-for", address), ("user-agent", FIREFOX)];
            assert_eq!(running.api.post_event(&headers, view("/")).await.status, 202);
        }
        assert_eq!(running.tile("visitors").await, visitors, "{flags:?}");
        assert_eq!(running.tile("pageviews").await, 3, "{flags:?}");
    }
}

#[tokio::test]
async fn keys_open_their_own_site_and_no_more() {
    let running = Running::with(&[]);
    let home = &running.home;
    home.run(&["site", "add", "other.org", "--timezone", "UTC"]);
    let other = home.run(&["key", "add", "other", "--site", "other.org", "--scope", "staff"]);
    let read = home.run(&["key", "add", "read", "--site", SITE]);
    let gone = home.run(&["key", "add", "gone", "--site", SITE]);
    home.run(&["key", "revoke", "gone"]);
    // The server notices the other process's changes by itself.
    let end = std::time::Instant::now() + super::server::PATIENCE;
    while running.api.get("/api/sites/other.org/report?p=day", &other).await.0 != StatusCode::OK {
        assert!(std::time::Instant::now() < end, "the second site is there");
    }
    let staff = running.staff.as_str();
    let cases = [
        ("/api/sites/example.com/report", "", 401),
        ("/api/sites/example.com/report", "mf_wrong", 401),
        ("/api/sites/example.com/report", gone.as_str(), 401),
        ("/api/sites/example.com/report", &other, 403),
        ("/api/sites/example.com/rows?dimension=page", &other, 403),
        ("/api/sites/nowhere.example/report", staff, 403),
        ("/api/sites/example.com/live", &read, 403),
        ("/api/sites/example.com/live", staff, 200),
        ("/api/sites/example.com/report", &read, 200),
        ("/api/sites/example.com/settings", staff, 403),
        ("/api/sites", staff, 403),
        ("/api/keys", staff, 403),
        ("/api/keys", "", 401),
        ("/api/nothing", staff, 404),
    ];
    for (path, key, status) in cases {
        let (found, body) = running.api.get(path, key).await;
        assert_eq!(found.as_u16(), status, "{path}: {body}");
        assert!(
            status == 200 || body["error"].as_str().is_some_and(|words| words.len() > 10),
            "{path}: {body}"
        );
    }
}

#[tokio::test]
async fn what_no_row_can_answer_is_refused_in_words() {
    let running = Running::with(&[]);
    let cases = [
        ("country=EE&browser=Firefox", "one kind of attribute at a time"),
        ("source=Google&country=EE", "one kind of attribute at a time"),
        ("page=/a&entry=/b", "one of page, section, entry page and exit page at a time"),
        ("language=et&page=/a", "language is counted alone"),
        ("event=signup&country=EE&prop.plan=pro", "without places and devices"),
        ("prop.plan=pro", "needs an event filter"),
        ("event=signup&entry=/a", "not stored by entry page"),
        ("p=soon", "unknown period"),
    ];
    for (query, words) in cases {
        let (status, body) =
            running.api.get(&format!("/api/sites/{SITE}/report?{query}"), &running.staff).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{query}: {body}");
        assert!(body["error"].as_str().unwrap().contains(words), "{query}: {body}");
    }
    let report = running.api.read("report", "p=day&country=EE", &running.staff).await;
    for (panel, words) in
        [("browser", "Stored apart"), ("source", "Stored apart"), ("funnel", "by source only")]
    {
        assert!(report["panels"][panel]["refused"].as_str().unwrap().contains(words), "{panel}");
        assert!(report["panels"][panel]["rows"].as_array().unwrap().is_empty(), "{panel}");
    }
    assert_eq!(report["series"]["buckets"].as_array().unwrap().len(), 1, "no hours beside an attribute");
}

/// One body may name several sites: each counts it as its own, and none knows of another.
#[tokio::test]
async fn a_hit_for_several_sites_counts_in_each_and_all_close() {
    let home = Home::at("2026-11-20T22:00:00Z");
    let names: Vec<String> = (0..12).map(|n| format!("site-{n}.example.org")).collect();
    let keys: Vec<String> = names
        .iter()
        .map(|name| {
            home.run(&["site", "add", name, "--timezone", "UTC", "--hosts", SITE]);
            home.run(&["key", "add", name, "--site", name, "--scope", "staff"])
        })
        .collect();
    let server = home.serve();
    let api = Api::of(&server);
    let body = json!({"n": "pageview", "u": format!("https://{SITE}/"), "d": names.join(", ")}).to_string();
    for address in ["192.0.2.1", "192.0.2.2"] {
        let headers = [("x-forwarded-for", address), ("user-agent", FIREFOX)];
        assert_eq!(api.post_event(&headers, body.clone()).await.status, 202);
    }
    let unknown =
        json!({"n": "pageview", "u": format!("https://{SITE}/"), "d": "nowhere.example,site-0.example.org"});
    let headers = [("x-forwarded-for", "192.0.2.1"), ("user-agent", FIREFOX)];
    assert_eq!(api.post_event(&headers, unknown.to_string()).await.status, 202, "one of the sites is known");
    let check = async |api: &Api, what: &str| {
        for (at, (name, key)) in names.iter().zip(&keys).enumerate() {
            let (status, report) = api.get(&format!("/api/sites/{name}/report?p=2026-11-20"), key).await;
            assert_eq!(status, StatusCode::OK, "{report}");
            let tile = |name: &str| report["tiles"][name]["value"].clone();
            let views = if at == 0 { 3 } else { 2 };
            assert_eq!(
                (tile("pageviews"), tile("visitors"), tile("visits")),
                (json!(views), json!(2), json!(2)),
                "{what}: {name}"
            );
        }
    };
    check(&api, "open").await;
    // All of them close at the same midnight.
    home.set_clock(1_795_219_260_000); // 2026-11-21T00:01:00Z
    let closing = || home.files("journal").is_empty() && home.files("releases").is_empty();
    until("the close of all sites", || closing().then_some(()));
    check(&api, "closed").await;
    server.kill();
    let server = home.serve();
    check(&Api::of(&server), "after a restart").await;
}

#[tokio::test]
async fn changes_from_the_command_line_are_noticed_and_a_removed_site_is_erased() {
    let running = Running::with(&["--flush-interval", "1s"]);
    let (api, home) = (&running.api, &running.home);
    let headers = [("x-forwarded-for", "192.0.2.1"), ("user-agent", FIREFOX)];
    api.post_event(&headers, view("/")).await;
    api.post_event(&headers, event("download")).await;
    assert_eq!(
        running.outcomes().await,
        BTreeMap::from([("accepted".into(), 1), ("undeclared_event".into(), 1)])
    );
    home.run(&["event", "add", SITE, "download", "--property", "plan=pro"]);
    let end = std::time::Instant::now() + super::server::PATIENCE;
    while running.outcomes().await["accepted"] < 2 {
        assert!(std::time::Instant::now() < end, "the declared event counts");
        api.post_event(&headers, event("download")).await;
    }
    // Something of the site is in the store when it is removed.
    home.set_clock(1_795_176_010_000); // 2026-11-20T12:00:10Z
    until("a release", || home.files("releases").is_empty().then_some(()));
    home.run(&["site", "remove", SITE]);
    let end = std::time::Instant::now() + super::server::PATIENCE;
    while api.post_event(&headers, view("/")).await.status != 400 {
        assert!(std::time::Instant::now() < end, "hits of the removed site are refused");
    }
    assert_eq!(
        api.get(&format!("/api/sites/{SITE}/report"), &running.staff).await.0,
        StatusCode::UNAUTHORIZED
    );
    let of_site = |folder: &str| home.files(folder).iter().filter(|name| name.starts_with("1-")).count();
    until("the erasure", || {
        (of_site("journal") + of_site("journal-keys") + of_site("releases") == 0).then_some(())
    });
    let (code, output) = running.server.stop();
    assert_eq!(code, Some(0), "{output}");
    let stored = super::rows::Stored::of(home.data.path());
    for table in ["pages", "events", "flows", "funnels", "ledger", "releases", "days"] {
        assert_eq!(stored.number(&format!("SELECT count(*) FROM {table} WHERE site = 1")), 0, "{table}");
    }
}

#[tokio::test]
async fn an_install_is_claimed_once_with_its_token() {
    let home = Home::at(NOON);
    let server = home.serve();
    let api = Api::of(&server);
    let token = until("the token", || server.said("Claim token: "));
    let claim = |token: &str| json!({"token": token, "name": "ada", "password": "a long enough password", "site": {"host": SITE, "zone": "UTC"}});
    let post = async |body: &Value| api.send(Method::POST, "/api/claim", "", body).await;
    let (status, body) = post(&claim("not-the-token")).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{body}");
    assert_eq!(api.get("/api/state", "").await.1["claimed"], false);
    let unmarked = answer(api.request(Method::POST, "/api/claim").json(&claim(&token))).await;
    assert_eq!(unmarked.status, 403, "another site's page cannot claim");
    let (status, body) = post(&claim(&token)).await;
    assert_eq!((status, &body["site"]["name"]), (StatusCode::OK, &json!(SITE)), "{body}");
    let (status, body) = post(&claim(&token)).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{body}");
    assert_eq!(api.get("/api/state", "").await.1["claimed"], true);
    assert_eq!(api.get("/api/state", "").await.1["sites"], json!([]), "strangers see no site");
    let headers = [("x-forwarded-for", "192.0.2.1"), ("user-agent", FIREFOX)];
    assert_eq!(api.post_event(&headers, view("/")).await.status, 202, "the claimed site counts at once");
}
