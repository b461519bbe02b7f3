//! What anybody is told about a site, over HTTP: pages, facts, languages, and nothing where there is nothing.

use reqwest::{Method, StatusCode};
use serde_json::Value;

use super::{
    api::{Answer, Api, SITE, answer},
    server::Home,
};

struct Told {
    home: Home,
    _server: super::server::Server,
    api: Api,
}

impl Told {
    fn new() -> Told {
        let home = Home::at("2026-11-20T12:00:00Z");
        home.run(&["site", "add", SITE, "--timezone", "UTC"]);
        home.run(&["site", "add", "secret-project.example", "--timezone", "UTC"]);
        let server = home.serve_with(&["--runtime", "none"]);
        Told { api: Api::of(&server), _server: server, home }
    }

    async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = self.api.request(Method::GET, path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        answer(request).await
    }
}

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.headers.iter().find(|(one, _)| one == name).map_or("", |(_, value)| value)
}

#[tokio::test]
async fn the_policy_is_a_page_for_everybody_without_script_or_cookie() {
    let told = Told::new();
    let path = format!("/privacy/{SITE}");
    let german = told.get(&path, &[("accept-language", "de-DE,de;q=0.9,en;q=0.5")]).await;
    assert_eq!(german.status, 200);
    assert!(
        german.body.contains("<html lang=\"de\">") && german.body.contains("Ihre Rechte"),
        "{}",
        german.body
    );
    let policy = header(&german, "content-security-policy");
    assert!(
        policy.starts_with("default-src 'none'; style-src 'sha256-") && !policy.contains("unsafe"),
        "{policy}"
    );
    assert_eq!(header(&german, "set-cookie"), "");
    assert!(!german.body.contains("<script"));
    let french = told.get(&format!("{path}?lang=fr"), &[("accept-language", "de")]).await;
    assert!(french.body.contains("<html lang=\"fr\">") && french.body.contains("Vos droits"));
    for (format, kind) in
        [("markdown", "text/markdown"), ("text", "text/plain"), ("json", "application/json")]
    {
        let other = told.get(&format!("{path}?format={format}"), &[]).await;
        assert!(other.status == 200 && header(&other, "content-type").starts_with(kind), "{other:?}");
    }
    // Asked again, it comes again only where something has changed.
    let tag = header(&german, "etag").to_owned();
    let asked = [("accept-language", "de-DE"), ("if-none-match", tag.as_str())];
    let again = told.get(&path, &asked).await;
    assert_eq!((again.status, again.body.as_str()), (304, ""));
    told.home.run(&["site", "set", SITE, "retention-months", "6"]);
    super::server::until_answered("the page says so", async || {
        let page = told.get(&path, &asked).await;
        (page.status == 200 && page.body.contains("6 Monate")).then_some(())
    })
    .await;
}

#[tokio::test]
async fn where_no_site_is_nothing_is_named() {
    let told = Told::new();
    for path in
        ["/privacy/nobody.example", "/privacy/%3Cscript%3E", "/privacy/1", "/privacy/example.com?format=pdf"]
    {
        let page = told.get(path, &[]).await;
        assert_eq!(page.status, 404, "{path}");
        for name in [SITE, "secret-project", "nobody", "script", "Mayfly"] {
            assert!(!page.body.contains(name), "{path}: {}", page.body);
        }
    }
    let facts = told.get("/.well-known/analytics-disclosure.json?site=nobody.example", &[]).await;
    assert!(facts.status == 404 && !facts.body.contains("secret"), "{facts:?}");
    let (status, stored) = told.api.get(&format!("/api/sites/{SITE}/stored"), "").await;
    assert_eq!((status, stored.get("stored")), (StatusCode::UNAUTHORIZED, None));
}

#[tokio::test]
async fn facts_are_found_by_host_and_readable_for_any_page() {
    let told = Told::new();
    let by_host =
        told.get("/.well-known/analytics-disclosure.json", &[("host", "secret-project.example")]).await;
    let facts: Value = serde_json::from_str(&by_host.body).unwrap();
    assert_eq!(facts["site"], "secret-project.example");
    assert_eq!(header(&by_host, "access-control-allow-origin"), "*");
    let stranger = told.get("/.well-known/analytics-disclosure.json", &[]).await;
    assert_eq!(stranger.status, 404);
}
