//! The opt-out page and its cookie, the pixel, and which pages may read an answer although they send cookies.

use reqwest::{Client, Method, RequestBuilder, Response, redirect::Policy};
use serde_json::json;

use crate::{
    api::{Answer, Api, FIREFOX, SITE, answer},
    server::{Home, Server},
};

struct Running {
    home: Home,
    server: Server,
    api: Api,
    key: String,
    client: Client,
}

impl Running {
    fn with(flags: &[&str]) -> Running {
        let home = Home::at("2026-11-20T12:00:00Z");
        home.run(&["site", "add", SITE, "--timezone", "UTC", "--hosts", "*.example.com"]);
        home.run(&["site", "add", "example.org", "--timezone", "UTC"]);
        home.run(&["event", "add", SITE, "signup"]);
        home.run(&["site", "set", SITE, "excluded-paths", "/admin/*"]);
        let key = home.run(&["key", "add", "staff", "--site", SITE, "--scope", "staff"]);
        let runtime = home.runtime.path().join("run");
        let server = home.serve_with(&[&["--runtime", runtime.to_str().unwrap()], flags].concat());
        let client = Client::builder().no_proxy().redirect(Policy::none()).build().unwrap();
        Running { api: Api::of(&server), home, server, key, client }
    }

    fn ask(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.server.origin));
        headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))
    }

    async fn page(&self, path: &str, headers: &[(&str, &str)]) -> String {
        let page = self.ask(Method::GET, path, headers).send().await.unwrap();
        assert_eq!(page.status(), 200);
        let policy = header(&page, "content-security-policy");
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("script"), "{policy}");
        assert!(page.headers().get("set-cookie").is_none(), "a page that is looked at sets nothing");
        assert_eq!(header(&page, "cache-control"), "no-store");
        page.text().await.unwrap()
    }

    async fn press(&self, choice: &str, headers: &[(&str, &str)]) -> Response {
        let form =
            self.ask(Method::POST, "/opt-out?site=example.com", headers).body(format!("choice={choice}"));
        form.header("content-type", "application/x-www-form-urlencoded").send().await.unwrap()
    }

    async fn tiles(&self) -> (i64, i64) {
        let tiles = self.api.read("report", "p=day", &self.key).await["tiles"].clone();
        let of = |name: &str| tiles[name]["value"].as_i64().unwrap_or(0);
        (of("pageviews"), of("visitors"))
    }
}

fn header(answer: &Response, name: &str) -> String {
    answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
}

#[tokio::test]
async fn the_opt_out_is_a_cookie_that_is_the_same_for_everybody() {
    let running = Running::with(&["--public-url", "https://stats.example.com"]);
    let page = running.page("/opt-out", &[("accept-language", "de-AT,en;q=0.5")]).await;
    assert!(page.contains("lang=\"de\"") && page.contains("hat nicht widersprochen"), "{page}");
    assert!(page.contains("<strong>example.com</strong>") && !page.contains("<script"), "{page}");
    let page = running.page("/opt-out?site=example.com", &[("accept-language", "fr")]).await;
    assert!(page.contains("lang=\"fr\"") && page.contains("class=\"yes\""), "{page}");
    let page = running.page("/opt-out?site=example.org", &[]).await;
    assert!(page.contains("lang=\"en\"") && page.contains("class=\"no\""), "{page}");
    let page = running.page("/opt-out?site=nobody.example", &[]).await;
    assert!(!page.contains("class=\"no\"") && !page.contains("nobody.example"), "{page}");

    let browsers: [&[(&str, &str)]; 4] = [
        &[("sec-fetch-site", "same-origin"), ("origin", "https://stats.example.com")],
        &[("origin", "https://stats.example.com")],
        &[("origin", &running.server.origin)],
        &[],
    ];
    for headers in browsers {
        let out = running.press("out", headers).await;
        assert_eq!((out.status().as_u16(), header(&out, "location").as_str()), (303, "?site=example.com"));
        let cookie = "mayfly_opt_out=1; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=34128000";
        assert_eq!(header(&out, "set-cookie"), cookie);
    }
    let page = running.page("/opt-out", &[("cookie", "mayfly_opt_out=1")]).await;
    assert!(page.contains("has opted out") && page.contains("value=\"in\""), "{page}");
    let back = running.press("in", browsers[0]).await;
    assert_eq!(
        header(&back, "set-cookie"),
        "mayfly_opt_out=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0"
    );

    for headers in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
        ("origin", "null"),
    ] {
        let refused = running.press("in", &[headers]).await;
        assert_eq!(
            (refused.status().as_u16(), header(&refused, "set-cookie").as_str()),
            (403, ""),
            "{headers:?}"
        );
    }
    for choice in ["", "maybe", &"out".repeat(500)] {
        assert_eq!(running.press(choice, browsers[0]).await.status(), 400, "{choice}");
    }
    let style = running.ask(Method::GET, "/opt-out.css", &[]).send().await.unwrap();
    assert!(header(&style, "content-type").starts_with("text/css"));
}

/// Of the answer to a hit: who may read it, and whether with cookies.
fn sharing(answer: &Answer) -> (&str, bool) {
    let of = |name: &str| answer.headers.iter().find(|(it, _)| it == name).map_or("", |(_, value)| value);
    (of("access-control-allow-origin"), of("access-control-allow-credentials") == "true")
}

#[tokio::test]
async fn own_pages_may_read_an_answer_with_cookies_and_nobody_else() {
    let running = Running::with(&["--public-url", "https://stats.example.com"]);
    let view = json!({"n": "pageview", "u": format!("https://{SITE}/"), "d": SITE}).to_string();
    for (origin, own) in [
        ("https://example.com", true),
        ("https://shop.example.com:8443", true),
        ("https://example.org", false),
        ("https://example.com.evil.example", false),
        ("https://evilexample.com", false),
        ("null", false),
        ("", false),
    ] {
        let expected = if own { (origin, true) } else { ("*", false) };
        for body in [view.as_str(), "{}", "[", &view.replace(SITE, "nobody.example")] {
            let headers = [("origin", origin), ("user-agent", FIREFOX), ("cookie", "mayfly_session=x")];
            let answered = running.api.post_event(&headers, body).await;
            assert_eq!(sharing(&answered), expected, "{origin} {body}");
        }
    }
    let objecting =
        [("origin", "https://example.com"), ("cookie", "x=y; mayfly_opt_out=1"), ("user-agent", FIREFOX)];
    let counting = [("origin", "https://example.com"), ("user-agent", FIREFOX)];
    let before = running.tiles().await;
    let objector = running.api.post_event(&objecting, view.clone()).await;
    assert_eq!(running.tiles().await, before, "the opt-out is honoured");
    assert_eq!(objector, running.api.post_event(&counting, view).await);
    assert_eq!(running.tiles().await.0, before.0 + 1);
}

#[tokio::test]
async fn the_pixel_counts_and_tells_nobody_whether() {
    let running = Running::with(&[]);
    let from = |n: u32, more: &[(&str, &str)], path: &str| {
        let address = format!("192.0.2.{n}");
        let headers = [&[("x-forwarded-for", address.as_str()), ("user-agent", FIREFOX)], more].concat();
        running.ask(Method::GET, path, &headers)
    };
    let counted =
        answer(from(1, &[], "/count?site=example.com&p=/pricing&r=https://news.example/&t=Secret&s=1,2,3"))
            .await;
    let picture = [
        ("access-control-allow-origin", "*"),
        ("cache-control", "no-store"),
        ("content-length", "43"),
        ("content-type", "image/gif"),
        ("cross-origin-resource-policy", "cross-origin"),
    ];
    assert_eq!(counted.headers, picture.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert_eq!((counted.status, running.tiles().await), (200, (1, 1)));
    assert!(counted.body.starts_with("GIF89a"));
    let by_host = from(1, &[("host", "example.com")], "/count?p=/about&q=utm_source%3Dhn");
    assert_eq!(answer(by_host).await, counted);
    assert_eq!(running.tiles().await, (2, 1));
    let post = running.ask(
        Method::POST,
        "/count?site=example.com&p=/post",
        &[("x-forwarded-for", "192.0.2.1"), ("user-agent", FIREFOX)],
    );
    assert_eq!(answer(post.body("ignored")).await, counted);
    assert_eq!(answer(from(1, &[], "/count?site=example.com&p=signup&e=1")).await, counted);
    assert_eq!(running.tiles().await, (3, 1), "an event is no view");
    let dropped: [(&[(&str, &str)], &str); 7] = [
        (&[("sec-gpc", "1")], "/count?site=example.com&p=/a"),
        (&[("dnt", "1")], "/count?site=example.com&p=/a"),
        (&[("cookie", "mayfly_opt_out=1")], "/count?site=example.com&p=/a"),
        (&[], "/count?site=example.com&p=/admin/x"),
        (&[], "/count?site=example.com&p=hover&e=true"),
        (&[], "/count?site=example.com&p=/a&b=150"),
        (&[], "/count?site=example.com&p=https://elsewhere.example/a"),
    ];
    for (headers, path) in dropped {
        assert_eq!(answer(from(9, headers, path)).await, counted, "{path}");
    }
    for wrong in ["/count", "/count?site=example.com", "/count?p=/a", "/count?site=nobody.example&p=/a"] {
        let refused = answer(from(9, &[], wrong)).await;
        assert_eq!(refused.status, 400, "{wrong}");
        assert_eq!((refused.headers, &refused.body), (counted.headers.clone(), &counted.body), "{wrong}");
    }
    assert_eq!(running.tiles().await, (3, 1));
    let live = running.api.read("live", "", &running.key).await;
    let expected =
        json!({"accepted": 4, "excluded": 1, "host_not_allowed": 1, "ignored": 1, "undeclared_event": 1});
    assert_eq!(live["outcomes"], expected);
}

#[tokio::test]
async fn scripts_for_consent_are_served_and_the_setting_travels() {
    let running = Running::with(&[]);
    for script in ["/mayfly.js", "/mayfly.consent.js", "/consent/cookieyes.js", "/consent/opt-out.js"] {
        let served = running.ask(Method::GET, script, &[]).send().await.unwrap();
        assert_eq!(served.status(), 200, "{script}");
        assert!(header(&served, "content-type").starts_with("text/javascript"), "{script}");
        assert_eq!(header(&served, "access-control-allow-origin"), "*");
        assert!(served.headers().get("etag").is_none() && served.headers().get("set-cookie").is_none());
    }
    let absent = running.ask(Method::GET, "/consent/other.js", &[]).send().await.unwrap();
    assert_eq!(absent.status(), 404);
    let shown = || running.home.run(&["site", "show", SITE]);
    assert!(shown().contains("\"consent\": \"none\""));
    running.home.run(&["site", "set", SITE, "consent", "required"]);
    assert!(shown().contains("\"consent\": \"required\""));
    let wrong = running.home.command(&["site", "set", SITE, "consent", "maybe"]).output().unwrap();
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("none or required"));
}
