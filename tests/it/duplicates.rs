//! Requests that were sent twice under one key count once; an array of events is one request with many results.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    api::{Answer, Api, FIREFOX, SITE},
    faults::{Act, Call, Rule},
    raw::{Raw, post, read},
    server::{Home, until},
};

const NOON: &str = "2026-11-20T12:00:00Z";
const OTHER: &str = "other.example";

fn install() -> (Home, String) {
    let home = Home::at(NOON);
    home.run(&["site", "add", SITE, "--timezone", "UTC"]);
    home.run(&["site", "add", OTHER, "--timezone", "UTC", "--hosts", SITE]);
    let key = home.run(&["key", "add", "staff", "--site", SITE, "--scope", "staff"]);
    (home, key)
}

fn view(path: &str) -> Value {
    json!({"n": "pageview", "u": format!("https://{SITE}{path}"), "d": SITE})
}

async fn outcomes(api: &Api, key: &str) -> BTreeMap<String, i64> {
    serde_json::from_value(api.read("live", "", key).await["outcomes"].clone()).unwrap()
}

async fn accepted(api: &Api, key: &str) -> i64 {
    outcomes(api, key).await.get("accepted").copied().unwrap_or(0)
}

async fn send(api: &Api, key: &str, more: &[(&str, &str)], body: &Value) -> Answer {
    let mut headers =
        vec![("idempotency-key", key), ("user-agent", FIREFOX), ("x-forwarded-for", "192.0.2.1")];
    headers.extend(more);
    api.post_event(&headers, body.to_string()).await
}

#[tokio::test]
async fn a_repeat_gets_the_same_answer_and_counts_nothing() {
    let (home, staff) = install();
    let server = home.serve();
    let api = Api::of(&server);
    let first = send(&api, "one", &[], &view("/")).await;
    assert_eq!(first.status, 202);
    for _ in 0..3 {
        assert_eq!(send(&api, "one", &[], &view("/")).await, first);
    }
    assert_eq!(accepted(&api, &staff).await, 1);
    assert_eq!(send(&api, "two", &[], &view("/")).await, first);
    assert_eq!(send(&api, "one", &[], &view("/else")).await, first, "another body is another request");
    assert_eq!(accepted(&api, &staff).await, 3);
    let wrong = json!({"n": "pageview", "d": SITE});
    let first = send(&api, "bad", &[], &wrong).await;
    assert_eq!((first.status, send(&api, "bad", &[], &wrong).await), (400, first));
    let long = "k".repeat(256);
    for key in ["", long.as_str()] {
        let found = send(&api, key, &[], &view("/")).await;
        assert_eq!(
            found.body,
            json!({"errors": {"idempotency-key": ["should have 1 to 255 bytes"]}}).to_string()
        );
    }
    assert_eq!(accepted(&api, &staff).await, 3);
}

/// Side by side: one of them counts, the others wait for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeat_beside_the_first_waits_for_it() {
    let (home, staff) = install();
    let faults = home.faults();
    let runtime = home.runtime.path().join("run");
    let server = home.serve_with_faults(&faults, &["--runtime", runtime.to_str().unwrap()]);
    let api = std::sync::Arc::new(Api::of(&server));
    // The days of both sites are open, so that nothing but the hit waits for the disk.
    assert_eq!(send(&api, "before", &[], &view("/")).await.status, 202);
    faults.set(&[Rule::always(Call::Sync, "/journal/", Act::DelayMs(300))]);
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let api = api.clone();
            tokio::spawn(async move { send(&api, "same", &[], &view("/")).await })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap().status, 202);
    }
    faults.clear();
    assert_eq!(accepted(&api, &staff).await, 2);
    // A client that goes away before its answer: what it sent may be counted, and its repeat counts it once.
    Raw::to(&server).send(post("Idempotency-Key: lost\r\n", view("/lost").to_string()));
    assert_eq!(send(&api, "lost", &[], &view("/lost")).await.status, 202);
    assert_eq!(send(&api, "lost", &[], &view("/lost")).await.status, 202);
    assert_eq!(accepted(&api, &staff).await, 3);
}

/// The second of two sites cannot open its day: the first has counted, and is not counted again by the retry.
#[tokio::test]
async fn a_retry_counts_only_what_was_missing() {
    let (home, staff) = install();
    let faults = home.faults();
    let runtime = home.runtime.path().join("run");
    let server = home.serve_with_faults(&faults, &["--runtime", runtime.to_str().unwrap()]);
    let api = Api::of(&server);
    let both = json!({"n": "pageview", "u": format!("https://{SITE}/"), "d": format!("{SITE},{OTHER}")});
    faults.set(&[Rule::always(Call::Open, "/journal/2-", Act::Errno(libc::EACCES))]);
    for _ in 0..3 {
        let found = send(&api, "both", &[], &both).await;
        assert_eq!((found.status, found.headers.iter().any(|(name, _)| name == "retry-after")), (503, true));
    }
    assert_eq!(accepted(&api, &staff).await, 1);
    let batch = json!([both, view("/")]);
    let found = send(&api, "batch", &[], &batch).await;
    let busy = json!({"status": 503, "errors": {"request": ["the server is busy, try again"]}});
    let results: Value = serde_json::from_str(&found.body).unwrap();
    assert_eq!((found.status, results), (202, json!({"results": [busy, {"status": 202}]})));
    assert_eq!(accepted(&api, &staff).await, 3);
    faults.clear();
    assert_eq!(send(&api, "both", &[], &both).await.status, 202);
    let found = send(&api, "batch", &[], &batch).await;
    assert_eq!(found.body, json!({"results": [{"status": 202}, {"status": 202}]}).to_string());
    assert_eq!(accepted(&api, &staff).await, 3);
    let other = home.run(&["key", "add", "other", "--site", OTHER, "--scope", "staff"]);
    let live = api.get(&format!("/api/sites/{OTHER}/live"), &other).await.1;
    assert_eq!(live["accepted_today"], 2);
    until("what was shed is in the ledger", || {
        let live = read(&server, &format!("/api/sites/{OTHER}/live"), &other);
        (live["outcomes"]["overloaded"] == 4).then_some(())
    });
}

/// Nothing of an objector is remembered, so nothing can be recognised either.
#[tokio::test]
async fn an_objector_s_key_is_not_looked_at() {
    let (home, staff) = install();
    let server = home.serve();
    let api = Api::of(&server);
    assert_eq!(send(&api, "key", &[("sec-gpc", "1")], &view("/")).await.status, 202);
    assert_eq!(send(&api, "key", &[], &view("/")).await.status, 202);
    assert_eq!(accepted(&api, &staff).await, 1, "the objector's key was not remembered");
}

#[tokio::test]
async fn a_batch_is_answered_event_by_event() {
    let (home, staff) = install();
    let server = home.serve();
    let api = Api::of(&server);
    let bot = [("user-agent", "curl/8.14.1"), ("x-forwarded-for", "192.0.2.9")];
    let events = json!([
        view("/a"),
        {"n": "pageview", "d": SITE},
        view("/b"),
        {"n": "hover", "u": format!("https://{SITE}/"), "d": SITE},
        {"n": "pageview", "u": "https://nowhere.example/"},
        7,
        {"n": "engagement", "u": format!("https://{SITE}/b"), "d": SITE, "e": 1000},
    ]);
    let wrong = |field: &str, words: &str| json!({"status": 400, "errors": {field: [words]}});
    let ok = json!({"status": 202});
    let expected = json!({"results": [
        ok, wrong("url", "is required"), ok, ok,
        wrong("domain", "is not a site of this server"),
        wrong("request", "Unable to parse request body as json"),
        ok,
    ]});
    let first = send(&api, "batch", &[], &events).await;
    let found: Value = serde_json::from_str(&first.body).unwrap();
    assert_eq!((first.status, found), (202, expected));
    assert_eq!(send(&api, "batch", &[], &events).await, first);
    assert_eq!(
        outcomes(&api, &staff).await,
        BTreeMap::from([("accepted".into(), 3), ("undeclared_event".into(), 1)])
    );
    // What policy drops reads the same: of a batch, too.
    let dropped = api.post_event(&bot, json!([view("/a")]).to_string()).await;
    assert_eq!(dropped.body, json!({"results": [ok]}).to_string());
    let report = api.read("report", "p=day", &staff).await;
    assert_eq!(report["tiles"]["pageviews"]["value"], 2);
    assert_eq!(report["tiles"]["visits"]["value"], 1, "one sender, one visit");

    let many = |n: usize| Value::from(vec![view("/many"); n]).to_string();
    let headers = [("user-agent", FIREFOX), ("x-forwarded-for", "192.0.2.7")];
    let found = api.post_event(&headers, many(500)).await;
    let results: Value = serde_json::from_str(&found.body).unwrap();
    assert_eq!(results["results"].as_array().unwrap().len(), 500);
    assert_eq!(accepted(&api, &staff).await, 503);
    let found = api.post_event(&headers, many(501)).await;
    assert_eq!(found.status, 400);
    assert_eq!(found.body, json!({"errors": {"request": ["holds more than 500 events"]}}).to_string());
    assert_eq!(accepted(&api, &staff).await, 503);
}

#[tokio::test]
async fn a_batch_is_for_at_most_500_hits() {
    let (home, staff) = install();
    let server = home.serve();
    let api = Api::of(&server);
    let of = |events: usize| {
        let twice =
            json!({"n": "pageview", "u": format!("https://{SITE}/"), "d": format!("{SITE},nowhere.example")});
        Value::Array(vec![twice; events])
    };
    let refused = send(&api, "many", &[], &of(251)).await;
    assert_eq!(refused.status, 400);
    assert_eq!(refused.body, r#"{"errors":{"request":["is for more than 500 hits"]}}"#);
    assert_eq!(outcomes(&api, &staff).await, BTreeMap::new());
    assert_eq!(send(&api, "fewer", &[], &of(250)).await.status, 202);
    assert_eq!(outcomes(&api, &staff).await, BTreeMap::from([("accepted".into(), 250)]));
}
