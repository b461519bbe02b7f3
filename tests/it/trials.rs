//! Trial hits: what they say a hit would become is what it becomes, and they themselves leave nothing.

use std::collections::BTreeMap;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{
    api::{Api, FIREFOX, SITE},
    people::{add, sign_in},
    server::{Home, Server},
};

const NOON: &str = "2026-11-20T12:00:00Z";
const MINUTE_MS: i64 = 60_000;
const BOT: &str = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";

struct Install {
    home: Home,
    server: Server,
    api: Api,
    cookie: String,
    staff: String,
}

impl Install {
    async fn new(flags: &[&str]) -> Install {
        let home = Home::at(NOON);
        for site in [SITE, "example.org"] {
            home.run(&["site", "add", site, "--timezone", "UTC"]);
        }
        home.run(&["site", "set", SITE, "excluded-paths", "/admin/*"]);
        add(&home, &["user", "add", "ada"]);
        let staff = home.run(&["key", "add", "staff", "--site", SITE, "--scope", "staff"]);
        let server = home.serve_with(flags);
        let api = Api::of(&server);
        let cookie = sign_in(&api, "ada").await;
        Install { home, server, api, cookie, staff }
    }

    async fn token(&self) -> String {
        let path = format!("/api/sites/{SITE}/trials");
        let (status, begun) = self.api.send(Method::POST, &path, &self.cookie, &json!({})).await;
        assert_eq!(status, StatusCode::OK, "{begun}");
        let token = begun["token"].as_str().unwrap().to_owned();
        assert_eq!(begun["mark"], "mayfly-trial");
        assert_eq!(begun["test"], format!("/setup-test?site={SITE}&mayfly-trial={token}"));
        token
    }

    async fn found(&self, token: &str) -> (StatusCode, Value) {
        let path = format!("/api/sites/{SITE}/trials/{token}");
        let (status, said) = self.api.send(Method::GET, &path, &self.cookie, &Value::Null).await;
        (status, said["finding"].clone())
    }

    /// Sends a hit; `more` is added to its URL's query.
    async fn send(&self, hit: &Hit, more: &str) {
        let url = format!("{}?{more}", hit.url);
        let body = json!({ "n": hit.name, "d": hit.site, "u": url, "r": hit.referrer });
        let mut headers = vec![("user-agent", hit.agent), ("x-forwarded-for", "192.0.2.7")];
        headers.extend(hit.header);
        let answer = self.api.post_event(&headers, body.to_string()).await;
        assert_eq!((answer.status, answer.body.as_str()), (202, "ok"));
    }

    /// The ledger of today.
    async fn ledger(&self) -> BTreeMap<String, i64> {
        serde_json::from_value(self.api.read("live", "", &self.staff).await["outcomes"].clone()).unwrap()
    }
}

#[derive(Clone, Copy)]
struct Hit {
    name: &'static str,
    site: &'static str,
    url: &'static str,
    referrer: &'static str,
    agent: &'static str,
    header: Option<(&'static str, &'static str)>,
}

const VIEW: Hit = Hit {
    name: "pageview",
    site: SITE,
    url: "https://example.com/pricing",
    referrer: "",
    agent: FIREFOX,
    header: None,
};

// Seen to fail with `bot` left out of `would_be`, and with a trial that is counted as well.
#[tokio::test]
async fn a_trial_says_what_a_hit_becomes_and_counts_nothing() {
    let install = Install::new(&[]).await;
    for (expected, hit) in [
        ("accepted", VIEW),
        ("bot", Hit { agent: BOT, ..VIEW }),
        ("bot", Hit { agent: "", ..VIEW }),
        ("excluded", Hit { url: "https://example.com/admin/users", ..VIEW }),
        ("host_not_allowed", Hit { url: "https://staging.example.net/", ..VIEW }),
        ("undeclared_event", Hit { name: "made-up", ..VIEW }),
        ("spam", Hit { referrer: "https://100dollars-seo.com/", ..VIEW }),
    ] {
        let token = install.token().await;
        assert_eq!(install.found(&token).await, (StatusCode::OK, Value::Null), "nothing came yet");
        let before = install.ledger().await;
        install.send(&hit, &format!("x=1&mayfly-trial={token}")).await;
        assert_eq!(install.ledger().await, before, "{expected}: the trial itself");
        let (_, finding) = install.found(&token).await;
        assert_eq!((&finding["outcome"], &finding["named"]), (&json!(expected), &json!(SITE)));
        install.send(&hit, "x=1").await;
        let mut after = before;
        *after.entry(expected.to_owned()).or_default() += 1;
        assert_eq!(install.ledger().await, after, "{expected}: the same hit without a token");
    }
    let _ = install.server.stop();
}

// Seen to fail with an objection that is not looked at.
#[tokio::test]
async fn a_trial_of_who_objects_says_so_and_changes_no_row() {
    let install = Install::new(&[]).await;
    for (expected, header) in
        [("gpc", ("sec-gpc", "1")), ("gpc", ("dnt", "1")), ("opted_out", ("cookie", "mayfly_opt_out=1"))]
    {
        let token = install.token().await;
        install.send(&Hit { header: Some(header), ..VIEW }, &format!("mayfly-trial={token}")).await;
        assert_eq!(install.found(&token).await.1["outcome"], expected);
        assert_eq!(install.ledger().await, BTreeMap::new());
    }
    let path = format!("/api/sites/{SITE}/stored");
    let (_, stored) = install.api.send(Method::GET, &path, &install.cookie, &Value::Null).await;
    assert_eq!(stored["ledger"]["objectors_of_all_sites"], 0);
    let _ = install.server.stop();
}

#[tokio::test]
async fn a_trial_knows_a_wrong_site_another_site_and_a_proxy_without_trust() {
    // The test's own connections come from a proxy that nobody named.
    let install = Install::new(&["--trusted-proxies", "none"]).await;
    for (site, of_other) in [("exmaple.com", false), ("example.org", true)] {
        let token = install.token().await;
        install.send(&Hit { site, ..VIEW }, &format!("mayfly-trial={token}")).await;
        let (_, finding) = install.found(&token).await;
        let expected = json!({ "outcome": "unknown_site", "named": site, "of_other_site": of_other,
            "host": "example.com", "untrusted_proxy": true });
        assert_eq!(finding, expected);
    }
    // Of who objects it is not looked at which way the hit came. Seen to fail where it is.
    let token = install.token().await;
    install.send(&Hit { header: Some(("sec-gpc", "1")), ..VIEW }, &format!("mayfly-trial={token}")).await;
    let (_, finding) = install.found(&token).await;
    assert_eq!((&finding["outcome"], &finding["untrusted_proxy"]), (&json!("gpc"), &json!(false)));
    // This server's own page stands for one of the site.
    let token = install.token().await;
    let url = "http://127.0.0.1:8000/setup-test";
    install
        .send(&Hit { url, referrer: "http://127.0.0.1:8000/s", ..VIEW }, &format!("mayfly-trial={token}"))
        .await;
    let (_, finding) = install.found(&token).await;
    assert_eq!((&finding["outcome"], &finding["host"]), (&json!("accepted"), &Value::Null));
    // The first that came says it; how far the page was read says nothing more.
    install.send(&Hit { agent: BOT, ..VIEW }, &format!("mayfly-trial={token}")).await;
    assert_eq!(install.found(&token).await.1["outcome"], "accepted");
    let _ = install.server.stop();
}

// Seen to fail with a token that is not held against the site of who asks.
#[tokio::test]
async fn a_token_is_for_ten_minutes_for_its_site_and_made_by_nobody_else() {
    let install = Install::new(&[]).await;
    let token = install.token().await;
    let mut forged = token.clone();
    forged.replace_range(token.len() - 1.., if token.ends_with('0') { "1" } else { "0" });
    for wrong in [forged.as_str(), "", "1-2-3-4"] {
        install.send(&VIEW, &format!("mayfly-trial={wrong}")).await;
    }
    assert_eq!(
        install.ledger().await,
        BTreeMap::from([("accepted".to_owned(), 3)]),
        "they are hits like any other"
    );
    assert_eq!(install.found(&forged).await.0, StatusCode::BAD_REQUEST);
    let path = format!("/api/sites/example.org/trials/{token}");
    let (status, _) = install.api.send(Method::GET, &path, &install.cookie, &Value::Null).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "of another site");
    let noon = NOON.parse::<jiff::Timestamp>().unwrap().as_millisecond();
    install.home.set_clock(noon + 10 * MINUTE_MS);
    install.send(&VIEW, &format!("mayfly-trial={token}")).await;
    assert_eq!(install.ledger().await["accepted"], 4);
    assert_eq!(install.found(&token).await.0, StatusCode::BAD_REQUEST, "its time is over");
    let _ = install.server.stop();
}
