//! Shares over HTTP: what a link, a public site and a badge open to people without an account, and what they do not.

use mayfly::domain::day::UnixMs;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{
    api::{Api, FIREFOX, SITE, answer},
    server::{Home, Server, until, until_answered},
};

const NOON: &str = "2026-11-22T12:00:30Z";
const MINUTE_MS: UnixMs = 60_000;
const HOUR_MS: UnixMs = 60 * MINUTE_MS;

/// An install with a site, a person who is signed in, and two views: of `/blog/a` from Google and of `/pricing`.
struct Shared {
    home: Home,
    server: Server,
    api: Api,
    cookie: String,
    noon: UnixMs,
}

impl Shared {
    async fn new() -> Shared {
        let home = Home::at(NOON);
        let server = home.serve();
        let api = Api::of(&server);
        let noon = NOON.parse::<jiff::Timestamp>().unwrap().as_millisecond();
        let mut shared = Shared { home, server, api, cookie: String::new(), noon };
        shared.cookie = shared.claim().await;
        shared.view("/blog/a", "https://www.google.com/", "192.0.2.1").await;
        shared.view("/pricing", "", "192.0.2.2").await;
        shared
    }

    /// Claims the install, with its site, and stays signed in.
    async fn claim(&self) -> String {
        let token = until("the token", || self.server.said("Claim token: "));
        let site = json!({ "host": SITE, "zone": "UTC" });
        let body =
            json!({ "token": token.trim(), "name": "ada", "password": "a long password", "site": site });
        let asked = self.api.request(Method::POST, "/api/claim").header("x-mayfly", "1").json(&body);
        let answer = asked.send().await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned()
    }

    async fn view(&self, path: &str, referrer: &str, address: &str) {
        let body = json!({ "n": "pageview", "d": SITE, "u": format!("https://{SITE}{path}"), "r": referrer });
        let headers = [("user-agent", FIREFOX), ("x-forwarded-for", address)];
        assert_eq!(self.api.post_event(&headers, body.to_string()).await.status, 202);
    }

    /// Makes a share; returns its path.
    async fn share(&self, body: Value) -> String {
        let path = format!("/api/sites/{SITE}/shares");
        let (status, made) = self.api.send(Method::POST, &path, &self.cookie, &body).await;
        assert_eq!(status, 200, "{made}");
        made["path"].as_str().unwrap().to_owned()
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.api.get(path, "").await
    }
}

/// Where the API answers for a share of this path.
fn api_of(path: &str, what: &str) -> String {
    format!("/api/shares/{}{what}", path.strip_prefix("/share/").unwrap())
}

fn pageviews(report: &Value) -> i64 {
    report["tiles"]["pageviews"]["value"].as_i64().unwrap()
}

#[tokio::test]
async fn a_share_is_read_without_an_account_and_only_up_to_the_last_full_hour() {
    let shared = Shared::new().await;
    let path = shared.share(json!({ "name": "for Eve", "kind": "link" })).await;
    let report = api_of(&path, "/report?p=today");
    let (status, now) = shared.get(&report).await;
    assert_eq!((status, pageviews(&now)), (StatusCode::OK, 0), "the running hour is not shown: {now}");
    shared.home.set_clock(shared.noon + HOUR_MS);
    let after = until_answered("the hour turns", async || {
        let (_, report) = shared.get(&report).await;
        (pageviews(&report) == 2).then_some(report)
    })
    .await;
    assert_eq!((&after["meta"]["live"], &after["meta"]["as_of"]), (&json!(false), &json!("13:00")));
    let (status, rows) = shared.get(&api_of(&path, "/rows?p=today&dimension=page")).await;
    assert_eq!((status, rows["rows"].as_array().unwrap().len()), (StatusCode::OK, 2));
    let (status, about) = shared.get(&api_of(&path, "")).await;
    assert_eq!((status, &about["site"], &about["name"]), (StatusCode::OK, &json!(SITE), &json!("for Eve")));
    assert_eq!(shared.get(&api_of(&path, "/live")).await.0, 403);
    // It opens nothing else.
    let token = path.strip_prefix("/share/").unwrap();
    for what in ["report", "rows?dimension=page", "live", "settings", "shares", "stored"] {
        let asked = format!("/api/sites/{SITE}/{what}");
        assert_eq!(shared.get(&asked).await.0, 401, "{what}");
        assert_eq!(shared.api.get(&asked, token).await.0, 401, "{what}, as a key");
    }
    for wrong in ["/api/shares/example.com/report", "/api/shares/mfs_none/report", "/badge/mfs_none.svg"] {
        assert_eq!(shared.get(wrong).await.0, 404, "{wrong}");
    }
    // Revoked, it opens nothing.
    let list = format!("/api/sites/{SITE}/shares");
    let (_, listed) = shared.api.send(Method::GET, &list, &shared.cookie, &json!({})).await;
    assert!(!listed.to_string().contains(&token[4..]), "{listed}");
    let one = format!("{list}/{}", listed["shares"][0]["id"]);
    assert_eq!(shared.api.send(Method::DELETE, &one, &shared.cookie, &json!({})).await.0, 200);
    assert_eq!(shared.get(&report).await.0, 404);
    assert_eq!(shared.server.stop().0, Some(0));
}

/// T15: a share with a locked filter cannot be widened by URL or API.
#[tokio::test]
async fn a_locked_filter_holds_whatever_is_asked() {
    let shared = Shared::new().await;
    let path = shared.share(json!({ "name": "blog", "kind": "link", "view": "?p=7d&page=/blog/a" })).await;
    shared.home.set_clock(shared.noon + HOUR_MS);
    let ask = |query: &str| {
        let asked = api_of(&path, &format!("/report?p=today&{query}"));
        let shared = &shared;
        async move { shared.get(&asked).await }
    };
    until_answered("the hour turns", async || (pageviews(&ask("").await.1) == 1).then_some(())).await;
    for query in [
        "page=/pricing",
        "page=~/",
        "page=*",
        "page=!/blog/a",
        "entry_page=/pricing",
        "host=example.com",
        "page=",
    ] {
        let (status, report) = ask(query).await;
        match status {
            StatusCode::OK => {
                assert!(pageviews(&report) <= 1, "{query}: {report}");
                assert!(!report["panels"].to_string().contains("/pricing"), "{query}: {report}");
                assert_eq!(
                    report["filters"][0],
                    json!({ "key": "page", "operator": "is",
                    "values": [format!("{SITE}/blog/a")], "locked": true })
                );
            }
            refused => assert_eq!(refused, 400, "{query}: {report}"),
        }
    }
    let (_, rows) = shared.get(&api_of(&path, "/rows?p=today&dimension=page&page=/pricing&limit=100")).await;
    assert_eq!(rows["rows"], json!([]));
    let csv = shared.api.request(Method::GET, &api_of(&path, "/rows?p=today&dimension=page&format=csv"));
    let csv = answer(csv).await.body;
    assert!(csv.contains("/blog/a") && !csv.contains("/pricing"), "{csv}");
    // An event's rate has all visits for a denominator: it cannot be locked.
    let list = format!("/api/sites/{SITE}/shares");
    let of_event = json!({ "name": "sign-ups", "kind": "link", "view": "?event=Signup" });
    let (status, said) = shared.api.send(Method::POST, &list, &shared.cookie, &of_event).await;
    let refused = said["error"].as_str().unwrap().contains("events cannot be locked");
    assert_eq!((status, refused), (StatusCode::BAD_REQUEST, true), "{said}");
    assert_eq!(shared.server.stop().0, Some(0));
}

#[tokio::test]
async fn a_link_with_a_password_tells_nothing_before_it_and_asks_again_elsewhere() {
    let shared = Shared::new().await;
    let password = "open it please";
    let body = json!({ "name": "secret", "kind": "link", "password": password });
    let path = shared.share(body.clone()).await;
    let other = shared.share(body).await;
    for what in ["", "/report", "/rows?dimension=page"] {
        let (status, said) = shared.get(&api_of(&path, what)).await;
        assert_eq!(
            (status, said.to_string().contains(SITE)),
            (StatusCode::UNAUTHORIZED, false),
            "{what}: {said}"
        );
    }
    let pass = |path: &str, password: &str, mark: &'static str| {
        let body = json!({ "password": password });
        let asked =
            shared.api.request(Method::POST, &api_of(path, "/pass")).header("x-mayfly", mark).json(&body);
        async move { asked.send().await.unwrap() }
    };
    assert_eq!(pass(&path, password, "0").await.status(), 403);
    assert_eq!(pass(&path, "another password", "1").await.status(), 401);
    let passed = pass(&path, password, "1").await;
    assert_eq!(passed.status(), 200);
    let cookie = passed.headers()["set-cookie"].to_str().unwrap().to_owned();
    for wanted in [&*format!("Path={}", api_of(&path, "")), "HttpOnly", "SameSite=Strict", "Max-Age=43200"] {
        assert!(cookie.contains(wanted), "{cookie}: {wanted}");
    }
    let given = cookie.split(';').next().unwrap().to_owned();
    let with = |path: &str, cookie: &str| {
        let asked = shared.api.request(Method::GET, &api_of(path, "/report")).header("cookie", cookie);
        async move { asked.send().await.unwrap().status() }
    };
    assert_eq!(with(&path, &given).await, 200);
    assert_eq!(with(&other, &given).await, 401, "of another link, though its password is the same");
    let forged = given.replace("mayfly_share=1", "mayfly_share=2");
    assert_eq!(with(&path, &forged).await, 401, "{forged}");
    shared.home.set_clock(shared.noon + 12 * HOUR_MS);
    assert_eq!(with(&path, &given).await, 401, "twelve hours later");
    // Guessing is slowed down, for the right one too.
    let mut last = 0;
    for n in 0..8 {
        last = pass(&path, &format!("wrong password {n}"), "1").await.status().as_u16();
    }
    assert_eq!((last, pass(&path, password, "1").await.status().as_u16()), (429, 429));
    assert_eq!(shared.server.stop().0, Some(0));
}

/// Part of T12: a share that has expired says so.
#[tokio::test]
async fn a_link_ends_with_its_last_day_in_the_zone_of_the_site() {
    let shared = Shared::new().await;
    let list = format!("/api/sites/{SITE}/shares");
    let yesterday = json!({ "name": "late", "kind": "link", "last_day": "2026-11-21" });
    let (status, said) = shared.api.send(Method::POST, &list, &shared.cookie, &yesterday).await;
    assert_eq!((status, said.to_string().contains("last_day")), (StatusCode::BAD_REQUEST, true), "{said}");
    let path = shared.share(json!({ "name": "today", "kind": "link", "last_day": "2026-11-22" })).await;
    assert_eq!(shared.get(&api_of(&path, "/report")).await.0, 200);
    shared.home.set_clock(shared.noon + 12 * HOUR_MS - MINUTE_MS);
    assert_eq!(shared.get(&api_of(&path, "/report")).await.0, 200);
    shared.home.set_clock(shared.noon + 12 * HOUR_MS);
    for what in ["", "/report", "/rows?dimension=page"] {
        let (status, said) = shared.get(&api_of(&path, what)).await;
        assert_eq!(
            (status, &said["error"]),
            (StatusCode::GONE, &json!("this link ended with 2026-11-22")),
            "{what}"
        );
    }
    let (_, listed) = shared.api.send(Method::GET, &list, &shared.cookie, &json!({})).await;
    assert_eq!(listed["shares"][0]["ended"], true);
    assert_eq!(shared.server.stop().0, Some(0));
}

#[tokio::test]
async fn a_public_site_is_under_its_name_and_only_its_pages_frame_it() {
    let shared = Shared::new().await;
    let frames = json!(["https://blog.example.org", "http://localhost:8080"]);
    let body = json!({ "name": "public", "kind": "public", "frames": frames });
    assert_eq!(shared.share(body).await, format!("/share/{SITE}"));
    assert_eq!(shared.get(&format!("/api/shares/{SITE}/report")).await.0, 200);
    assert_eq!(shared.get(&format!("/api/shares/{SITE}")).await.1["public"], true);
    let link = shared.share(json!({ "name": "link", "kind": "link" })).await;
    let policy = |path: String| {
        let asked = shared.api.request(Method::GET, &path);
        async move {
            let answer = asked.send().await.unwrap();
            assert_eq!(answer.status(), 200, "{path}");
            let all: Vec<_> = answer.headers().get_all("content-security-policy").iter().collect();
            assert_eq!(all.len(), 1);
            all[0].to_str().unwrap().rsplit("frame-ancestors ").next().unwrap().to_owned()
        }
    };
    assert_eq!(
        policy(format!("/share/{SITE}?embed=1")).await,
        "https://blog.example.org http://localhost:8080"
    );
    for other in [link, "/share/mfs_none".to_owned(), format!("/s/{SITE}"), "/".to_owned()] {
        assert_eq!(policy(other).await, "'none'");
    }
    assert_eq!(shared.server.stop().0, Some(0));
}

#[tokio::test]
async fn a_badge_is_a_picture_of_one_number_that_its_address_cannot_change() {
    let shared = Shared::new().await;
    let view = "p=today&m=pageviews&page=/blog/a";
    let path = shared.share(json!({ "name": "badge", "kind": "badge", "view": view })).await;
    shared.home.set_clock(shared.noon + HOUR_MS);
    for query in ["", "?page=/pricing", "?p=all&m=visits"] {
        let picture = until_answered("the hour turns", async || {
            let picture = answer(shared.api.request(Method::GET, &format!("{path}{query}"))).await;
            picture.body.contains("aria-label=\"Views, 2026-11-22: 1\"").then_some(picture)
        })
        .await;
        let header = |name: &str| picture.headers.iter().find(|(one, _)| one == name).unwrap().1.clone();
        assert_eq!((picture.status, &*header("cache-control")), (200, "public, max-age=600"));
        assert!(header("content-type").starts_with("image/svg+xml"));
        assert_eq!(header("cross-origin-resource-policy"), "cross-origin");
    }
    // It opens no dashboard, and a link draws no badge.
    let token = path.strip_prefix("/badge/").unwrap().strip_suffix(".svg").unwrap();
    assert_eq!(shared.get(&format!("/api/shares/{token}/report")).await.0, 404);
    let link = shared.share(json!({ "name": "link", "kind": "link" })).await;
    assert_eq!(shared.get(&format!("/badge/{}.svg", link.strip_prefix("/share/").unwrap())).await.0, 404);
    assert_eq!(shared.server.stop().0, Some(0));
}
