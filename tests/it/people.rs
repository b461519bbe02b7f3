//! Who may do what: every route of the server in one table, asked by every kind of caller.

use std::{collections::BTreeSet, fs, io::Write, path::Path, process::Stdio};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{
    api::{Api, SITE},
    server::{Home, Server},
};

const NOON: &str = "2026-11-20T12:00:00Z";
const PASSWORD: &str = "a long password";
const OTHER: &str = "example.org";

/// Callers, in the order of the table's columns.
const CALLERS: [&str; 7] = [
    "the owner",
    "an administrator of the site",
    "an administrator of another site",
    "a viewer of the site",
    "a key of scope staff",
    "a key of scope read",
    "nobody",
];

/// What each caller gets, most of them in one of these ways.
const EVERYBODY: [u16; 7] = [200; 7];
const NOTHING: [u16; 7] = [404; 7];
const STAFF: [u16; 7] = [200, 200, 200, 200, 403, 403, 401];
const READERS: [u16; 7] = [200, 200, 404, 200, 200, 200, 401];
const PEOPLE_OF_THE_SITE: [u16; 7] = [200, 200, 404, 200, 403, 403, 401];
const ADMINS_OF_THE_SITE: [u16; 7] = [200, 200, 404, 403, 403, 403, 401];
const ADMINS: [u16; 7] = [200, 200, 200, 403, 403, 403, 401];
const OWNERS: [u16; 7] = [200, 403, 403, 403, 403, 403, 401];

/// Who may ask gets this answer in the place of 200.
const fn but(mut expected: [u16; 7], status: u16) -> [u16; 7] {
    let mut at = 0;
    while at < expected.len() {
        if expected[at] == 200 {
            expected[at] = status;
        }
        at += 1;
    }
    expected
}

struct Route {
    method: Method,
    /// As the source has it.
    path: &'static str,
    /// As it is asked.
    asked: String,
    body: Value,
    expected: [u16; 7],
}

fn route(method: Method, path: &'static str, expected: [u16; 7]) -> Route {
    let asked = path.replace("{site}", SITE).replace("/{file:.*}", "");
    Route { method, path, asked, body: Value::Null, expected }
}

impl Route {
    fn at(self, asked: impl Into<String>) -> Route {
        Route { asked: asked.into(), ..self }
    }

    fn with(self, body: Value) -> Route {
        Route { body, ..self }
    }
}

/// Every route. Bodies are wrong where a right one would change what the next row needs: 400 is said to who may.
fn routes() -> Vec<Route> {
    use Method as M;
    let declare = "/api/sites/{site}/proposals/declare";
    let mut rows = vec![
        // Open to everybody.
        route(M::GET, "/api/health", EVERYBODY),
        route(M::GET, "/metrics", EVERYBODY),
        route(M::GET, "/privacy/{site}", EVERYBODY),
        route(M::GET, "/.well-known/analytics-disclosure.json", EVERYBODY)
            .at(format!("/.well-known/analytics-disclosure.json?site={SITE}")),
        route(M::GET, "/opt-out", EVERYBODY),
        route(M::GET, "/opt-out.css", EVERYBODY),
        route(M::GET, "/mayfly.js", EVERYBODY),
        route(M::GET, "/mayfly.consent.js", EVERYBODY),
        route(M::GET, "/mayfly.vitals.js", EVERYBODY),
        route(M::GET, "/js/{name:(script|plausible)[a-z.-]*\\.js}", EVERYBODY).at("/js/script.js"),
        route(M::GET, "/consent/{name:[a-z-]+\\.js}", EVERYBODY).at("/consent/opt-out.js"),
        route(M::GET, "/setup-test", EVERYBODY),
        route(M::GET, "/setup-test.js", EVERYBODY),
        route(M::GET, "/demo", EVERYBODY),
        route(M::GET, "/demo/{file:.*}", EVERYBODY),
        route(M::GET, "/count", but(EVERYBODY, 400)),
        route(M::POST, "/api/event", but(EVERYBODY, 400)).with(json!({})),
        route(M::GET, "/api/state", EVERYBODY),
        route(M::GET, "/api/{rest:.*}", but(EVERYBODY, 404)).at("/api/nothing"),
        route(M::POST, "/api/claim", but(EVERYBODY, 400)).with(json!({})),
        route(M::POST, "/api/session", but(EVERYBODY, 400)).with(json!({})),
        // Reading a site.
        route(M::GET, "/api/sites/{site}/report", READERS),
        route(M::GET, "/api/sites/{site}/rows", READERS).at(format!("/api/sites/{SITE}/rows?dimension=page")),
        route(M::GET, "/api/sites/{site}/live", [200, 200, 404, 200, 200, 403, 401]),
        route(M::GET, "/api/sites/{site}/stream", [200, 200, 404, 200, 200, 403, 401]),
        route(M::GET, "/api/sites/{site}/stored", PEOPLE_OF_THE_SITE),
        route(M::GET, "/api/sites/{site}/snippet", PEOPLE_OF_THE_SITE),
        route(M::POST, "/api/sites/{site}/trials", PEOPLE_OF_THE_SITE),
        route(M::GET, "/api/sites/{site}/trials/{token}", but(PEOPLE_OF_THE_SITE, 400))
            .at(format!("/api/sites/{SITE}/trials/guess")),
        route(M::GET, "/api/sites/{site}/settings", PEOPLE_OF_THE_SITE),
        route(M::GET, "/api/sites/{site}/view.zip", READERS),
        // Changing it.
        route(M::GET, "/api/sites/{site}/notes", ADMINS_OF_THE_SITE),
        route(M::POST, "/api/sites/{site}/notes", but(ADMINS_OF_THE_SITE, 400)).with(json!({})),
        route(M::PUT, "/api/sites/{site}/notes/{note}", but(ADMINS_OF_THE_SITE, 400))
            .at(format!("/api/sites/{SITE}/notes/9"))
            .with(json!({})),
        route(M::DELETE, "/api/sites/{site}/notes/{note}", but(ADMINS_OF_THE_SITE, 404))
            .at(format!("/api/sites/{SITE}/notes/9")),
        route(M::GET, "/api/sites/{site}/shares", ADMINS_OF_THE_SITE),
        route(M::POST, "/api/sites/{site}/shares", but(ADMINS_OF_THE_SITE, 400)).with(json!({})),
        route(M::DELETE, "/api/sites/{site}/shares/{share}", but(ADMINS_OF_THE_SITE, 404))
            .at(format!("/api/sites/{SITE}/shares/9")),
        route(M::GET, "/api/sites/{site}/verification", ADMINS_OF_THE_SITE),
        route(M::GET, "/api/sites/{site}/proposals", ADMINS_OF_THE_SITE),
        route(M::GET, "/api/sites/{site}/everything", ADMINS_OF_THE_SITE),
        route(M::PUT, "/api/sites/{site}/settings", but(ADMINS_OF_THE_SITE, 400)).with(json!({})),
        route(M::POST, declare, but(ADMINS_OF_THE_SITE, 400)).with(json!({})),
        route(M::GET, "/api/keys", ADMINS),
        route(M::POST, "/api/keys", ADMINS_OF_THE_SITE)
            .with(json!({ "name": "CALLER", "site": SITE, "scope": "read" })),
        route(M::DELETE, "/api/keys/{key}", but(ADMINS, 404)).at("/api/keys/there-is-none"),
        route(M::GET, "/api/audit", ADMINS),
        // The install.
        route(M::GET, "/api/sites", STAFF),
        route(M::POST, "/api/sites", but(OWNERS, 400)).with(json!({})),
        route(M::DELETE, "/api/sites/{site}", but(OWNERS, 404)).at("/api/sites/nowhere.example"),
    ];
    rows.extend(more());
    rows
}

/// Rows that need more words.
fn more() -> Vec<Route> {
    use Method as M;
    let invitation = json!({ "site": SITE, "role": "viewer" });
    vec![
        // One's own account.
        route(M::GET, "/api/account", STAFF),
        route(M::PUT, "/api/account/password", but(STAFF, 400)).with(json!({})),
        route(M::DELETE, "/api/account/sessions", STAFF),
        route(M::DELETE, "/api/account/sessions/{id}", but(STAFF, 404)).at("/api/account/sessions/7"),
        route(M::POST, "/api/account/second-factor", but(STAFF, 400)).with(json!({})),
        route(M::PUT, "/api/account/second-factor", but(STAFF, 400)).with(json!({})),
        route(M::DELETE, "/api/account/second-factor", but(STAFF, 400)).with(json!({})),
        // Other people.
        route(M::GET, "/api/people", ADMINS),
        route(M::PUT, "/api/people/{id}", but(ADMINS, 404)).at("/api/people/999").with(invitation.clone()),
        route(M::PUT, "/api/people/{id}", but(OWNERS, 404)).at("/api/people/999").with(json!({})),
        route(M::DELETE, "/api/people/{id}", but(OWNERS, 404)).at("/api/people/999"),
        route(M::POST, "/api/invitations", ADMINS_OF_THE_SITE).with(invitation),
        route(M::POST, "/api/invitations", OWNERS).with(json!({ "role": "owner" })),
        route(M::DELETE, "/api/invitations/{id}", but(ADMINS, 404)).at("/api/invitations/999"),
        // By a link that nobody made.
        route(M::GET, "/api/shares/{token}", NOTHING).at("/api/shares/guess"),
        route(M::POST, "/api/shares/{token}/pass", NOTHING)
            .at("/api/shares/guess/pass")
            .with(json!({ "password": "guess" })),
        route(M::GET, "/api/shares/{token}/report", NOTHING).at("/api/shares/guess/report"),
        route(M::GET, "/api/shares/{token}/rows", NOTHING).at("/api/shares/guess/rows?dimension=page"),
        route(M::GET, "/api/shares/{token}/live", [403; 7]).at("/api/shares/guess/live"),
        route(M::GET, "/badge/{token}.svg", NOTHING).at("/badge/guess.svg"),
        route(M::GET, "/share/{token}", EVERYBODY).at("/share/guess"),
        // By an invitation.
        route(M::POST, "/api/join", but(EVERYBODY, 400)).with(json!({})),
        route(M::POST, "/api/join/look", [403; 7]).with(json!({ "token": "guess" })),
    ]
}

/// An install with two sites and a caller of every kind.
struct Install {
    home: Home,
    _server: Server,
    api: Api,
    /// Header and value by caller.
    callers: [(&'static str, String); 7],
}

/// Adds a person at the command line.
pub fn add(home: &Home, arguments: &[&str]) {
    let mut adding = home.command(arguments);
    let mut adding = adding.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    adding.stdin.take().unwrap().write_all(format!("{PASSWORD}\n").as_bytes()).unwrap();
    assert!(adding.wait().unwrap().success(), "{arguments:?}");
}

/// Signs in; returns the cookie.
pub async fn sign_in(api: &Api, name: &str) -> String {
    let body = json!({ "name": name, "password": PASSWORD });
    let request = api.request(Method::POST, "/api/session").header("x-mayfly", "1").json(&body);
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK, "{name}");
    answer.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned()
}

impl Install {
    async fn new() -> Install {
        let home = Home::at(NOON);
        home.run(&["site", "add", SITE, "--timezone", "UTC"]);
        home.run(&["site", "add", OTHER, "--timezone", "UTC"]);
        add(&home, &["user", "add", "ada"]);
        add(&home, &["user", "add", "bob", "--site", SITE, "--as", "admin"]);
        add(&home, &["user", "add", "cy", "--site", OTHER, "--as", "admin"]);
        add(&home, &["user", "add", "dee", "--site", SITE]);
        let key = |name, scope| home.run(&["key", "add", name, "--site", SITE, "--scope", scope]);
        let (staff, read) = (key("staff", "staff"), key("read", "read"));
        let runtime = home.runtime.path().join("run");
        let server = home.serve_with(&["--runtime", runtime.to_str().unwrap()]);
        let api = Api::of(&server);
        let callers = [
            ("cookie", sign_in(&api, "ada").await),
            ("cookie", sign_in(&api, "bob").await),
            ("cookie", sign_in(&api, "cy").await),
            ("cookie", sign_in(&api, "dee").await),
            ("authorization", format!("Bearer {staff}")),
            ("authorization", format!("Bearer {read}")),
            ("x-nobody", "1".to_owned()),
        ];
        Install { home, _server: server, api, callers }
    }

    async fn ask(&self, route: &Route, caller: usize) -> (u16, String) {
        let (header, value) = &self.callers[caller];
        let request = self.api.request(route.method.clone(), &route.asked);
        let mut request = request.header("x-mayfly", "1").header(*header, value);
        if !route.body.is_null() {
            // A name that no other caller uses.
            let body = route.body.to_string().replace("CALLER", &format!("of caller {caller}"));
            request = request.header("content-type", "application/json").body(body);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        // A stream has no end.
        let streams = answer.headers().get("content-type").is_some_and(|kind| kind == "text/event-stream");
        (status, if streams { String::new() } else { answer.text().await.unwrap_or_default() })
    }
}

#[tokio::test]
async fn every_route_answers_every_role_as_the_table_says() {
    let install = Install::new().await;
    let mut wrong = Vec::new();
    for route in routes() {
        for (caller, expected) in route.expected.into_iter().enumerate() {
            let (status, body) = install.ask(&route, caller).await;
            if status != expected {
                let (method, path, who) = (&route.method, &route.asked, CALLERS[caller]);
                let body: String = body.chars().take(200).collect();
                wrong.push(format!("{method} {path} by {who}: {status}, not {expected}: {body}"));
            }
        }
    }
    assert_eq!(wrong, [] as [String; 0], "{}", wrong.join("\n"));
}

/// The addresses that the sources give to routes. Those among nodes have their secret and their own tests.
fn addresses() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/web");
    let mut found = BTreeSet::new();
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.to_string_lossy().contains("test") || path.is_dir() {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
        for line in code.lines().map(str::trim).filter(|line| !line.starts_with("//")) {
            let literal = |text: &str| text.split('"').next().unwrap_or_default().replace("\\\\", "\\");
            let routed = ["api(\"", "resource(\"", "resource([\"", ".route(\"", "scope(\""];
            found.extend(routed.iter().flat_map(|call| line.split(call).skip(1)).map(literal));
            // Lists of addresses, one a line or several.
            let listed = line.split('"').skip(1).step_by(2).filter(|part| part.starts_with('/'));
            if line.starts_with('"') || line.starts_with("app.service(web::resource([") {
                found.extend(listed.map(|part| part.replace("\\\\", "\\")));
            }
        }
    }
    found.retain(|address| address.starts_with('/'));
    assert!(found.len() > 30, "{found:?}");
    found
}

#[test]
fn the_table_holds_every_address_of_the_sources() {
    let known: BTreeSet<&str> = routes().iter().map(|route| route.path).collect();
    // Variants of trackers at a report node, and the route for measuring the server itself.
    let apart = ["/js/{name}", "/consent/{name}", "/api/bare"];
    let missing: Vec<String> = addresses()
        .into_iter()
        .filter(|address| !known.contains(address.as_str()) && !apart.contains(&address.as_str()))
        .collect();
    assert_eq!(missing, [] as [String; 0], "say in `routes` who may ask them");
}

#[tokio::test]
async fn people_see_their_sites_and_no_trace_of_others() {
    let install = Install::new().await;
    let get = async |path: &str, caller: usize| {
        let (status, body) = install.ask(&route(Method::GET, "/", EVERYBODY).at(path), caller).await;
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str::<Value>(&body).unwrap()
    };
    let names = |sites: &Value| -> Vec<String> {
        sites.as_array().unwrap().iter().map(|site| site["name"].as_str().unwrap().to_owned()).collect()
    };
    for (caller, expected, role) in [(1, SITE, "admin"), (2, OTHER, "admin"), (3, SITE, "viewer")] {
        let (state, sites) = (get("/api/state", caller).await, get("/api/sites", caller).await);
        assert_eq!(
            (names(&state["sites"]), names(&sites["sites"])),
            (vec![expected.into()], vec![expected.into()])
        );
        assert_eq!((&state["sites"][0]["role"], &state["user"]["role"]), (&json!(role), &json!(role)));
    }
    assert_eq!(names(&get("/api/state", 0).await["sites"]).len(), 2);
    // What viewers are told of the settings says nothing of the own traffic.
    let path = format!("/api/sites/{SITE}/settings");
    assert!(get(&path, 3).await.get("excluded").is_none() && get(&path, 1).await.get("excluded").is_some());
    // A site of others answers as one that is not there.
    let at = |site: &str| route(Method::GET, "/", EVERYBODY).at(format!("/api/sites/{site}/report"));
    let (there, absent) = (install.ask(&at(SITE), 2).await, install.ask(&at("nowhere.example"), 2).await);
    assert_eq!(there.1.replace(SITE, "?"), absent.1.replace("nowhere.example", "?"));
    // Keys and the audit log: of one's sites alone.
    assert_eq!(get("/api/keys", 2).await["keys"], json!([]));
    assert_eq!(get("/api/keys", 1).await["keys"].as_array().unwrap().len(), 2);
    let keys = get("/api/keys", 0).await["keys"].clone();
    let revoke = route(Method::DELETE, "/", EVERYBODY).at(format!("/api/keys/{}", keys[0]["id"]));
    assert_eq!(install.ask(&revoke, 2).await.0, 404);
    let audit = get("/api/audit", 2).await;
    assert!(audit["audit"].as_array().unwrap().iter().all(|one| one["site"] == OTHER), "{audit}");
    assert!(
        get("/api/audit", 0).await["audit"].as_array().unwrap().iter().any(|one| one["what"] == "signed in")
    );
    // A role that is taken counts with the next request.
    install.home.run(&["user", "role", "dee", "none", "--site", SITE]);
    assert_eq!(install.ask(&at(SITE), 3).await.0, 404);
}

#[tokio::test]
async fn administrators_let_people_into_their_sites_and_no_further() {
    let install = Install::new().await;
    let Install { api, callers, .. } = &install;
    let send = async |caller: usize, method: Method, path: &str, body: Value| {
        api.send(method, path, if caller < 4 { &callers[caller].1 } else { "" }, &body).await
    };
    let people = async |caller: usize| send(caller, Method::GET, "/api/people", Value::Null).await.1;
    let names = |told: &Value| -> Vec<String> {
        told["people"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["name"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(names(&people(0).await), ["ada", "bob", "cy", "dee"]);
    assert_eq!(names(&people(1).await), ["ada", "bob", "dee"], "nobody of another site");

    // Bob invites somebody to his site.
    let wanted = json!({ "site": SITE, "role": "viewer" });
    let (_, made) = send(1, Method::POST, "/api/invitations", wanted).await;
    let token = made["path"].as_str().unwrap().strip_prefix("/join#").unwrap().to_owned();
    assert_eq!(people(1).await["invitations"][0]["by"], "bob");
    assert_eq!(people(2).await["invitations"], json!([]));
    let path = format!("/api/invitations/{}", made["invitation"]["id"]);
    assert_eq!(send(2, Method::DELETE, &path, Value::Null).await.0, StatusCode::NOT_FOUND);
    let (_, shown) = send(6, Method::POST, "/api/join/look", json!({ "token": token })).await;
    assert_eq!(
        (&shown["invitation"]["site"], &shown["invitation"]["role"]),
        (&json!(SITE), &json!("viewer"))
    );
    let join = json!({ "token": token, "name": "eve", "password": PASSWORD });
    let (status, joined) = send(6, Method::POST, "/api/join", join.clone()).await;
    assert_eq!((status, &joined["user"]["role"]), (StatusCode::OK, &json!("viewer")), "{joined}");
    let again = json!({ "token": token, "name": "eve2", "password": PASSWORD });
    assert_eq!(send(6, Method::POST, "/api/join", again).await.0, StatusCode::FORBIDDEN, "once");
    let eve = sign_in(api, "eve").await;
    let report = format!("/api/sites/{SITE}/report");
    assert_eq!(api.send(Method::GET, &report, &eve, &Value::Null).await.0, StatusCode::OK);

    // He changes roles there, not elsewhere, not of the install, and of nobody whom he does not see.
    let told = people(0).await;
    let id = |name: &str| {
        let all = told["people"].as_array().unwrap();
        all.iter().find(|one| one["name"] == name).unwrap()["id"].as_i64().unwrap()
    };
    let role = async |caller: usize, name: &str, body: Value| {
        send(caller, Method::PUT, &format!("/api/people/{}", id(name)), body).await.0.as_u16()
    };
    assert_eq!(role(1, "dee", json!({ "site": SITE, "role": "admin" })).await, 200);
    assert_eq!(role(1, "dee", json!({ "site": SITE, "role": "owner" })).await, 400);
    assert_eq!(role(1, "dee", json!({ "site": OTHER, "role": "viewer" })).await, 404);
    assert_eq!(role(1, "dee", json!({ "role": "owner" })).await, 403);
    assert_eq!(role(1, "ada", json!({ "role": null })).await, 403);
    assert_eq!(role(1, "cy", json!({ "site": SITE, "role": "viewer" })).await, 404);
    assert_eq!(role(1, "dee", json!({ "site": SITE, "role": null })).await, 200);
    assert_eq!(send(3, Method::GET, &report, Value::Null).await.0, StatusCode::NOT_FOUND);
    // Somebody who is known joins another site as themselves.
    let wanted = json!({ "site": OTHER, "role": "viewer" });
    let (_, made) = send(2, Method::POST, "/api/invitations", wanted).await;
    let token = json!({ "token": made["path"].as_str().unwrap().strip_prefix("/join#").unwrap() });
    assert_eq!(api.send(Method::POST, "/api/join", &eve, &token).await.0, StatusCode::OK);
    let report = format!("/api/sites/{OTHER}/report");
    assert_eq!(api.send(Method::GET, &report, &eve, &Value::Null).await.0, StatusCode::OK);
    // The owner removes a person: their sessions end.
    assert_eq!(
        send(0, Method::DELETE, &format!("/api/people/{}", id("bob")), Value::Null).await.0,
        StatusCode::OK
    );
    assert_eq!(send(1, Method::GET, "/api/people", Value::Null).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(role(0, "ada", json!({ "role": null })).await, 400, "the last owner");
}
