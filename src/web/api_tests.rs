//! The control API over its routes, on a real database. The tests follow the tree of URLs.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex},
};

use actix_web::{
    App, HttpRequest, HttpResponse,
    body::to_bytes,
    cookie::Cookie,
    dev::{Service, ServiceResponse},
    http::Method,
    test::{self, TestRequest},
    web::{self, Data, Path},
};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    account,
    api_control::{api, routes},
    auth::{Access, Caller, ControlState, HOST_COOKIE, Live, Proposed, SESSION_COOKIE, Summary},
    error::ApiError,
};
use crate::{
    clock,
    control::{Control, Entry, NewSite, Scope},
    domain::{declaration::SiteId, view::Reader},
    report::Overview,
};

pub(super) const PASSWORD: &str = "a long password";

#[derive(Default)]
struct Fixed {
    declared: Mutex<Vec<Proposed>>,
}

impl Live for Fixed {
    fn proposals(&self, _: SiteId) -> Vec<Proposed> {
        vec![Proposed { event: "signup".into(), property: None, text: "signup".into(), visitors: 5 }]
    }

    fn declared(&self, _: SiteId, proposal: &Proposed) {
        self.declared.lock().unwrap().push(proposal.clone());
    }

    fn summary(&self, _: &Entry) -> Summary {
        let week = Overview {
            visits_7d: 28,
            sparkline: [1, 2, 3, 4, 5, 6, 7],
            visitors_7d: 25,
            ..Overview::default()
        };
        Summary { week, live: 3, missing: vec![2] }
    }
}

struct Browser;

impl Caller for Browser {
    fn address(&self, request: &HttpRequest) -> Option<IpAddr> {
        request.peer_addr().map(|peer| peer.ip())
    }

    fn browser(&self, _: &HttpRequest) -> String {
        "Firefox, Linux".to_owned()
    }

    fn origin(&self, _: &HttpRequest) -> String {
        "https://stats.example.com".to_owned()
    }
}

/// A server with the site example.com and the user ada, unless it is fresh.
pub(super) struct Server {
    pub control: Arc<Control>,
    live: Arc<Fixed>,
    pub state: Data<ControlState>,
    _folder: TempDir,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(super) struct Answered {
    pub status: u16,
    pub json: Value,
    pub cookie: Option<Cookie<'static>>,
    pub headers: actix_web::http::header::HeaderMap,
}

/// Who sends a request.
#[derive(Clone)]
pub(super) enum By<'a> {
    Nobody,
    Session(&'a str),
    Key(&'a str),
}

async fn report(
    state: Data<ControlState>,
    access: Access,
    site: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let (entry, reader) = state.readable(&access, &site)?;
    Ok(HttpResponse::Ok().json(json!({ "site": entry.name(), "live": reader == Reader::Staff })))
}

impl Server {
    pub fn fresh(https: bool) -> Server {
        let folder = tempfile::tempdir().unwrap();
        let control = Arc::new(Control::open(&folder.path().join("control.sqlite"), clock::now()).unwrap());
        let live = Arc::new(Fixed::default());
        let state = ControlState::new(control.clone(), live.clone(), Arc::new(Browser), https).unwrap();
        Server { control, live, state: Data::new(state), _folder: folder }
    }

    pub fn new() -> Server {
        let server = Server::fresh(false);
        server.control.add_user("ada", PASSWORD).unwrap();
        server.control.add_site(NewSite::new("example.com", "UTC"), clock::now()).unwrap();
        server
    }

    pub fn session(&self) -> String {
        let ada = self.control.check_password("ada", PASSWORD).unwrap().unwrap();
        self.control.begin_session(ada, "", clock::now()).unwrap().token
    }

    fn key(&self, name: &str, scope: Scope) -> String {
        self.control.add_key(name, "example.com", scope, clock::now()).unwrap()
    }

    pub async fn send(&self, request: TestRequest) -> Answered {
        let report = api("/api/sites/{site}/report", |it| it.route(web::get().to(report)));
        let app = App::new()
            .app_data(self.state.clone())
            .configure(routes)
            .configure(account::routes)
            .service(report);
        let app = test::init_service(app).await;
        let answer: ServiceResponse = app.call(request.to_request()).await.unwrap();
        let status = answer.status().as_u16();
        let headers = answer.headers().clone();
        let cookie = answer.response().cookies().next().map(Cookie::into_owned);
        let bytes = to_bytes(answer.into_body()).await.unwrap();
        Answered { status, json: serde_json::from_slice(&bytes).unwrap_or(Value::Null), cookie, headers }
    }

    pub async fn ask(&self, method: Method, path: &str, by: By<'_>, body: Value) -> Answered {
        let mut request = TestRequest::with_uri(path)
            .method(method)
            .peer_addr("192.0.2.1:1234".parse().unwrap())
            .insert_header(("x-mayfly", "1"));
        request = match by {
            By::Nobody => request,
            By::Session(token) => {
                let name = if self.state.https { HOST_COOKIE } else { SESSION_COOKIE };
                request.cookie(Cookie::new(name, token))
            }
            By::Key(key) => request.insert_header(("authorization", format!("Bearer {key}"))),
        };
        if !body.is_null() {
            request = request.set_payload(body.to_string());
        }
        self.send(request).await
    }

    pub async fn get(&self, path: &str, by: By<'_>) -> Answered {
        self.ask(Method::GET, path, by, Value::Null).await
    }
}

impl Answered {
    #[track_caller]
    pub fn is(&self, status: u16) -> &Answered {
        assert_eq!(self.status, status, "{self:?}");
        self
    }

    #[track_caller]
    pub fn says(&self, status: u16, words: &[&str]) {
        let error = self.is(status).json["error"].as_str().unwrap_or_default();
        for word in words {
            assert!(error.contains(word), "{error}");
        }
    }
}

fn claim_body(token: &str) -> Value {
    let site = json!({ "host": "www.example.com", "zone": "Europe/Tallinn" });
    json!({ "token": token, "name": "ada", "password": PASSWORD, "site": site })
}

// /api/state

#[actix_web::test]
async fn state_tells_strangers_only_whether_the_install_is_claimed() {
    let fresh = Server::fresh(false);
    let expected =
        json!({ "claimed": false, "user": null, "version": env!("CARGO_PKG_VERSION"), "sites": [] });
    assert_eq!(fresh.get("/api/state", By::Nobody).await.is(200).json, expected);
    let server = Server::new();
    let nobody = server.get("/api/state", By::Nobody).await;
    assert_eq!((&nobody.json["claimed"], &nobody.json["sites"]), (&json!(true), &json!([])));
    let ada = server.get("/api/state", By::Session(&server.session())).await;
    assert_eq!(ada.json["user"], json!({ "name": "ada", "role": "owner", "second_factor": false }));
    assert_eq!(ada.json["sites"][0]["name"], "example.com");
    let key = server.get("/api/state", By::Key(&server.key("ci", Scope::Staff))).await;
    assert_eq!((&key.json["user"], &key.json["sites"]), (&Value::Null, &json!([])));
}

#[actix_web::test]
async fn answers_carry_the_security_headers() {
    let answer = Server::new().get("/api/state", By::Nobody).await;
    let header = |name: &str| answer.headers.get(name).unwrap().to_str().unwrap().to_owned();
    let policy = header("content-security-policy");
    assert!(policy.contains("default-src 'self'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert_eq!(header("x-content-type-options"), "nosniff");
    assert_eq!(header("referrer-policy"), "same-origin");
    assert_eq!(header("cache-control"), "no-store");
    let refused = Server::new().get("/api/keys", By::Nobody).await;
    assert_eq!(refused.is(401).headers.get("x-content-type-options").unwrap(), "nosniff");
}

// /api/claim

#[actix_web::test]
async fn a_fresh_install_is_claimed_once_and_not_by_a_stranger() {
    let server = Server::fresh(true);
    let token = server.control.claim_token().unwrap().unwrap();
    let claim = |token: &str| server.ask(Method::POST, "/api/claim", By::Nobody, claim_body(token));
    claim("").await.says(403, &["claim token is wrong"]);
    claim("guess").await.says(403, &["claim token is wrong"]);
    let claimed = claim(&token).await;
    assert_eq!(claimed.is(200).json["site"]["name"], "example.com");
    assert_eq!(claimed.json["site"]["zone"], "Europe/Tallinn");
    let cookie = claimed.cookie.clone().unwrap();
    assert_eq!((cookie.http_only(), cookie.secure(), cookie.path()), (Some(true), Some(true), Some("/")));
    assert_eq!(cookie.same_site(), Some(actix_web::cookie::SameSite::Strict));
    let state = server.get("/api/state", By::Session(cookie.value())).await;
    assert_eq!(state.json["sites"][0]["name"], "example.com");
    claim(&token).await.says(403, &["claimed already"]);
}

#[actix_web::test]
async fn a_claim_that_is_wrong_names_the_field_and_can_be_repeated() {
    let server = Server::fresh(false);
    let token = server.control.claim_token().unwrap().unwrap();
    for (field, value, words) in [
        ("password", json!("short"), ["password", "at least 10 characters"]),
        ("name", json!(""), ["name", "1 to 120 bytes"]),
        ("site", json!({ "host": "a b", "zone": "UTC" }), ["hosts[0]", "`a b`"]),
        ("site", json!({ "host": "example.com", "zone": "Mars" }), ["zone", "`Mars`"]),
        ("site", json!({ "host": "example.com" }), ["site", "missing field `zone`"]),
        ("site", json!({ "host": 3, "zone": "UTC" }), ["site.host", "`3`"]),
    ] {
        let mut body = claim_body(&token);
        body[field] = value;
        server.ask(Method::POST, "/api/claim", By::Nobody, body).await.says(400, &words);
    }
    server.ask(Method::POST, "/api/claim", By::Nobody, claim_body(&token)).await.is(200);
}

#[actix_web::test]
async fn cookie_requests_that_change_something_carry_the_mark() {
    let server = Server::new();
    let token = server.session();
    let unmarked = |method: Method, path: &str| {
        let cookie = Cookie::new(SESSION_COOKIE, token.clone());
        server.send(TestRequest::with_uri(path).method(method).cookie(cookie).set_payload("{}"))
    };
    for (method, path) in [
        (Method::POST, "/api/sites"),
        (Method::DELETE, "/api/sites/example.com"),
        (Method::PUT, "/api/sites/example.com/settings"),
        (Method::POST, "/api/sites/example.com/proposals/declare"),
        (Method::POST, "/api/keys"),
        (Method::DELETE, "/api/keys/1"),
        (Method::POST, "/api/session"),
        (Method::DELETE, "/api/session"),
        (Method::POST, "/api/claim"),
    ] {
        unmarked(method, path).await.says(403, &["X-Mayfly"]);
    }
    unmarked(Method::GET, "/api/sites").await.is(200);
    assert!(server.control.site("example.com", clock::now()).is_ok());
}

// /api/sites

#[actix_web::test]
async fn sites_are_listed_with_their_numbers_added_and_removed() {
    let server = Server::new();
    let token = server.session();
    let ada = By::Session(&token);
    let listed = server.get("/api/sites", ada.clone()).await;
    let expected = json!({ "name": "example.com", "zone": "UTC", "simulated": false, "visits_7d": 28,
                           "sparkline": [1, 2, 3, 4, 5, 6, 7], "today": "", "compared": 0, "previous": 0,
                           "visitors_7d": 25, "live": 3, "missing": [2], "role": "owner" });
    assert_eq!(listed.is(200).json["sites"], json!([expected]));
    let add = |host: &str| {
        let body = json!({ "host": host, "zone": "Europe/Tallinn" });
        server.ask(Method::POST, "/api/sites", ada.clone(), body)
    };
    assert_eq!(add("example.org").await.is(200).json["site"]["zone"], "Europe/Tallinn");
    add("example.org").await.says(409, &["site `example.org` exists already"]);
    add("example.org/path").await.says(400, &["hosts[0]", "example.org/path"]);
    server.ask(Method::DELETE, "/api/sites/example.org", ada.clone(), Value::Null).await.is(200);
    server
        .ask(Method::DELETE, "/api/sites/example.org", ada.clone(), Value::Null)
        .await
        .says(404, &["example.org"]);
    assert_eq!(server.control.removals().unwrap().len(), 1);
    let audit = server.get("/api/audit", ada.clone()).await.is(200).json["audit"].clone();
    assert_eq!((&audit[0]["who"], &audit[0]["what"]), (&json!("ada"), &json!("removed it")));
    assert_eq!((&audit[0]["site"], &audit[1]["what"]), (&json!("site 2"), &json!("added the site")));
    // What the last verification says; nothing before the first.
    let path = "/api/sites/example.com/verification";
    assert_eq!(server.get(path, ada.clone()).await.is(200).json["verification"], Value::Null);
    let report = r#"{"version":"1","at":"x","by":"x","result":"ok","checks":[],"sites":[]}"#;
    server.control.keep_verification(report).unwrap();
    assert_eq!(server.get(path, ada).await.is(200).json["verification"]["result"], "ok");
}

#[actix_web::test]
async fn nothing_but_state_and_sign_in_opens_to_strangers_and_keys() {
    let server = Server::new();
    let key = server.key("ci", Scope::Staff);
    for (method, path) in [
        (Method::GET, "/api/sites"),
        (Method::POST, "/api/sites"),
        (Method::DELETE, "/api/sites/example.com"),
        (Method::GET, "/api/sites/example.com/settings"),
        (Method::PUT, "/api/sites/example.com/settings"),
        (Method::GET, "/api/sites/example.com/proposals"),
        (Method::GET, "/api/sites/example.com/verification"),
        (Method::GET, "/api/audit"),
        (Method::POST, "/api/sites/example.com/proposals/declare"),
        (Method::GET, "/api/keys"),
        (Method::POST, "/api/keys"),
        (Method::DELETE, "/api/keys/1"),
    ] {
        let ask = |by| server.ask(method.clone(), path, by, json!({}));
        ask(By::Nobody).await.says(401, &["sign in"]);
        ask(By::Session("forged")).await.says(401, &["sign in"]);
        ask(By::Key("mf_forged")).await.says(401, &["unknown or revoked"]);
        ask(By::Key(&key)).await.says(403, &["sign in for this"]);
    }
}

// /api/sites/{site}/settings

#[actix_web::test]
async fn settings_are_replaced_whole_from_the_version_that_was_read() {
    let server = Server::new();
    let token = server.session();
    let path = "/api/sites/example.com/settings";
    let mut document = server.get(path, By::Session(&token)).await.is(200).json.clone();
    assert_eq!(
        (&document["version"], &document["k"], &document["pending"]),
        (&json!(1), &json!(5), &Value::Null)
    );
    document["sections"] = json!([{ "pattern": "/blog/*" }]);
    document["k"] = json!(7);
    let put = |document: &Value| server.ask(Method::PUT, path, By::Session(&token), document.clone());
    let changed = put(&document).await.is(200).json.clone();
    assert_eq!(
        (&changed["version"], &changed["k"], &changed["pending"]["k"]),
        (&json!(2), &json!(5), &json!(7))
    );
    assert_eq!(changed["sections"][0]["pattern"], "/blog/*");
    put(&document).await.says(409, &["version 2", "yours at 1"]);
    // What was read goes back unchanged, and keeps what is pending.
    assert_eq!(put(&changed).await.is(200).json["pending"], changed["pending"]);
    let mut wrong = changed.clone();
    wrong["version"] = json!(3);
    wrong["k"] = json!(1001);
    put(&wrong).await.says(400, &["k: `1001`", "1 to 1000"]);
    wrong["k"] = json!("many");
    put(&wrong).await.says(400, &["k: `many`"]);
    wrong["colour"] = json!("red");
    put(&wrong).await.says(400, &["colour"]);
    let text = TestRequest::put().uri(path).cookie(Cookie::new(SESSION_COOKIE, token.clone()));
    let text = text.insert_header(("x-mayfly", "1")).set_payload("k=3");
    server.send(text).await.says(400, &["JSON"]);
    let unknown = server.get("/api/sites/nowhere.org/settings", By::Session(&token)).await;
    unknown.says(404, &["there is no site `nowhere.org`"]);
}

#[actix_web::test]
async fn bodies_are_bounded() {
    let server = Server::new();
    let long = json!({ "host": "x".repeat(1 << 20), "zone": "UTC" });
    let answer = server.ask(Method::POST, "/api/sites", By::Session(&server.session()), long).await;
    answer.says(413, &["at most 1048576 bytes"]);
}

// /api/sites/{site}/proposals

#[actix_web::test]
async fn proposals_are_declared_by_one_request() {
    let server = Server::new();
    let token = server.session();
    let shown = server.get("/api/sites/example.com/proposals", By::Session(&token)).await;
    let proposal = json!({ "event": "signup", "property": null, "text": "signup", "visitors": 5 });
    assert_eq!(shown.is(200).json["proposals"], json!([proposal]));
    let declare = |body: Value| {
        server.ask(Method::POST, "/api/sites/example.com/proposals/declare", By::Session(&token), body)
    };
    assert_eq!(declare(proposal).await.is(200).json["events"][0]["name"], "signup");
    let value = |text: &str| json!({ "event": "signup", "property": "plan", "text": text });
    declare(value("free")).await.is(200);
    let declared = declare(value("pro")).await.is(200).json.clone();
    assert_eq!(declared["events"][0]["properties"][0]["values"], json!({ "list": ["free", "pro"] }));
    let unknown = json!({ "event": "login", "property": "plan", "text": "x" });
    declare(unknown).await.says(400, &["`login`", "declared event"]);
    assert_eq!(server.live.declared.lock().unwrap().len(), 3);
}

// /api/sites/{site}/report stands for every route that reads

#[actix_web::test]
async fn keys_read_their_site_by_their_scope_until_they_are_revoked() {
    let server = Server::new();
    server.control.add_site(NewSite::new("example.org", "UTC"), clock::now()).unwrap();
    let (read, staff) = (server.key("read", Scope::Read), server.key("staff", Scope::Staff));
    let own = "/api/sites/example.com/report";
    assert_eq!(server.get(own, By::Key(&read)).await.is(200).json["live"], false);
    assert_eq!(server.get(own, By::Key(&staff)).await.is(200).json["live"], true);
    assert_eq!(server.get(own, By::Session(&server.session())).await.is(200).json["live"], true);
    for other in ["/api/sites/example.org/report", "/api/sites/nowhere.org/report"] {
        server.get(other, By::Key(&staff)).await.says(403, &["not for this site"]);
    }
    server
        .get("/api/sites/nowhere.org/report", By::Session(&server.session()))
        .await
        .says(404, &["nowhere.org"]);
    server.get(own, By::Nobody).await.is(401);
    server.control.revoke_key("read", clock::now()).unwrap();
    server.get(own, By::Key(&read)).await.is(401);
}

// /api/keys

#[actix_web::test]
async fn keys_are_made_shown_once_listed_and_revoked() {
    let server = Server::new();
    let token = server.session();
    let make = |scope: &str| {
        let body = json!({ "name": "ci", "site": "example.com", "scope": scope });
        server.ask(Method::POST, "/api/keys", By::Session(&token), body)
    };
    make("all").await.says(400, &["scope", "`all`", "staff"]);
    let key = make("read").await.is(200).json["key"].as_str().unwrap().to_owned();
    assert!(key.starts_with("mf_"));
    make("read").await.says(409, &["key `ci` exists already"]);
    let listed = server.get("/api/keys", By::Session(&token)).await.json.clone();
    assert_eq!((&listed["keys"][0]["name"], &listed["keys"][0]["scope"]), (&json!("ci"), &json!("read")));
    assert!(!listed.to_string().contains(&key[3..]));
    let path = format!("/api/keys/{}", listed["keys"][0]["id"]);
    let revoke = || server.ask(Method::DELETE, &path, By::Session(&token), Value::Null);
    assert!(revoke().await.is(200).json["key"]["revoked"].is_string());
    revoke().await.says(404, &["there is no key"]);
}
