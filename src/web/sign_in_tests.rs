//! Signing in, over the routes: the cookie, where requests come from, the second factor, one's own account.

use actix_web::{ResponseError, cookie::Cookie, http::Method, test::TestRequest};
use serde_json::{Value, json};
use totp_rs::{Builder, Secret};

use super::{
    api_tests::{Answered, By, PASSWORD, Server},
    auth::{HOST_COOKIE, SESSION_COOKIE},
};
use crate::clock;

async fn sign_in(server: &Server, code: Option<&str>) -> Answered {
    let body = json!({ "name": "ada", "password": PASSWORD, "code": code });
    server.ask(Method::POST, "/api/session", By::Nobody, body).await
}

/// What an authenticator with this secret shows in this half minute, or in one after it.
fn digits(secret: &str, steps: i64) -> String {
    let totp = Builder::new().with_secret(Secret::try_from_base32(secret).unwrap()).build().unwrap();
    totp.generate((clock::now() / 1_000 + steps * 30) as u64).to_string()
}

#[actix_web::test]
async fn people_sign_in_and_out() {
    let server = Server::new();
    let sign_in = |name: &str, password: &str| {
        let body = json!({ "name": name, "password": password });
        server.ask(Method::POST, "/api/session", By::Nobody, body)
    };
    sign_in("ada", "a wrong password").await.says(401, &["name or password is wrong"]);
    sign_in("eve", PASSWORD).await.says(401, &["name or password is wrong"]);
    let cookie = sign_in("Ada", PASSWORD).await.is(200).cookie.clone().unwrap();
    assert_ne!(cookie.secure(), Some(true));
    server.get("/api/keys", By::Session(cookie.value())).await.is(200);
    let out = server.ask(Method::DELETE, "/api/session", By::Session(cookie.value()), Value::Null).await;
    assert_eq!(out.is(200).cookie.as_ref().unwrap().value(), "");
    server.get("/api/keys", By::Session(cookie.value())).await.is(401);
}

#[actix_web::test]
async fn guessing_passwords_is_slowed_down_also_for_the_right_one() {
    let server = Server::new();
    let sign_in = |password: &str| {
        let body = json!({ "name": "ada", "password": password });
        server.ask(Method::POST, "/api/session", By::Nobody, body)
    };
    for n in 0..4 {
        sign_in(&format!("wrong password {n}")).await.is(401);
    }
    // Others follow as soon as each may: after the last the wait is minutes, however slow this machine is.
    let (client, now) = (Some("192.0.2.1".parse().unwrap()), clock::now());
    for seconds in [0, 1, 3, 7, 15, 31, 63] {
        assert!(server.state.throttle.begin("ada", client, now + seconds * 1_000).is_ok());
    }
    let throttled = sign_in(PASSWORD).await;
    throttled.says(429, &["too many attempts", "second"]);
    assert!(throttled.headers.contains_key("retry-after"));
}

#[actix_web::test]
async fn over_https_the_cookie_is_the_hosts_own() {
    let server = Server::fresh(true);
    server.control.add_user("ada", PASSWORD).unwrap();
    let cookie = sign_in(&server, None).await.is(200).cookie.clone().unwrap();
    assert_eq!((cookie.name(), cookie.secure(), cookie.path()), (HOST_COOKIE, Some(true), Some("/")));
    assert_eq!((cookie.http_only(), cookie.domain()), (Some(true), None));
    let ask = async |name: &str| {
        let cookie = Cookie::new(name.to_owned(), cookie.value().to_owned());
        server.send(TestRequest::with_uri("/api/account").cookie(cookie)).await.status
    };
    assert_eq!((ask(HOST_COOKIE).await, ask(SESSION_COOKIE).await), (200, 401));
    let plain = Server::new();
    assert_eq!(sign_in(&plain, None).await.is(200).cookie.clone().unwrap().name(), SESSION_COOKIE);
}

#[actix_web::test]
async fn requests_that_change_something_come_from_a_page_of_this_server() {
    let server = Server::new();
    let token = server.session();
    let ask = async |method: Method, headers: &[(&'static str, &str)]| {
        let mut request = TestRequest::with_uri("/api/account/sessions").method(method);
        request = request.cookie(Cookie::new(SESSION_COOKIE, token.clone())).insert_header(("x-mayfly", "1"));
        for header in headers {
            request = request.insert_header(*header);
        }
        server.send(request).await.status
    };
    let (own, other) = ("https://stats.example.com", "https://evil.example");
    for (headers, expected) in [
        (vec![], 200),
        (vec![("origin", own)], 200),
        (vec![("origin", other)], 403),
        (vec![("origin", "null")], 403),
        (vec![("origin", "http://stats.example.com")], 403),
        (vec![("sec-fetch-site", "same-origin")], 200),
        // A proxy changed the host: what the browser itself says counts.
        (vec![("sec-fetch-site", "same-origin"), ("origin", "https://proxied.example")], 200),
        (vec![("sec-fetch-site", "same-site"), ("origin", own)], 403),
        (vec![("sec-fetch-site", "cross-site")], 403),
        (vec![("sec-fetch-site", "none")], 403),
    ] {
        assert_eq!(ask(Method::DELETE, &headers).await, expected, "{headers:?}");
    }
    // Without a session too: signing somebody in, or claiming, from another page.
    for path in ["/api/session", "/api/claim"] {
        let request = TestRequest::with_uri(path).method(Method::POST).set_payload("{}");
        let request = request.insert_header(("x-mayfly", "1")).insert_header(("origin", other));
        server.send(request).await.says(403, &["another site's page"]);
    }
}

#[actix_web::test]
async fn a_second_factor_is_asked_for_once_it_is_on() {
    let server = Server::new();
    let token = server.session();
    let ask = async |method: Method, body: Value| {
        server.ask(method, "/api/account/second-factor", By::Session(&token), body).await
    };
    ask(Method::POST, json!({ "password": "a wrong password" })).await.says(403, &["password is wrong"]);
    let offered = ask(Method::POST, json!({ "password": PASSWORD })).await;
    let secret = offered.is(200).json["secret"].as_str().unwrap().to_owned();
    let uri = offered.json["uri"].as_str().unwrap();
    assert!(uri.starts_with("otpauth://totp/Mayfly:ada%20(stats.example.com)?secret="), "{uri}");
    assert!(offered.json["qr"]["path"].as_str().unwrap().starts_with("M0 0h7v1h-7z"), "a finder pattern");
    sign_in(&server, None).await.is(200);
    ask(Method::PUT, json!({ "code": "12" })).await.says(400, &["not the digits"]);
    let codes = ask(Method::PUT, json!({ "code": digits(&secret, 0) })).await.is(200).json.clone();
    assert_eq!(codes["recovery_codes"].as_array().unwrap().len(), 10);

    let asked = sign_in(&server, None).await;
    assert_eq!((asked.status, &asked.json["needs"]), (401, &json!("code")));
    sign_in(&server, Some("000000")).await.says(401, &["code is wrong"]);
    sign_in(&server, Some(&digits(&secret, 1))).await.is(200);
    sign_in(&server, Some(&digits(&secret, 1))).await.says(401, &["used before"]);
    let recovery = codes["recovery_codes"][0].as_str().unwrap();
    sign_in(&server, Some(recovery)).await.is(200);
    sign_in(&server, Some(recovery)).await.is(401);
    let account = server.get("/api/account", By::Session(&token)).await.is(200).json.clone();
    assert_eq!(
        (&account["recovery_codes_left"], &account["user"]["second_factor"]),
        (&json!(9), &json!(true))
    );
    // Who does not know the password is told nothing of it.
    let body = json!({ "name": "ada", "password": "a wrong password" });
    let wrong = server.ask(Method::POST, "/api/session", By::Nobody, body).await;
    assert_eq!((wrong.status, wrong.json.get("needs")), (401, None));
    ask(Method::DELETE, json!({ "password": PASSWORD })).await.is(200);
    sign_in(&server, None).await.is(200);
}

#[actix_web::test]
async fn digits_that_are_guessed_wait_and_recovery_codes_do_not() {
    let server = Server::new();
    let ada = server.control.user("ada").unwrap();
    let secret = server.control.offer_factor(ada.id).unwrap();
    let codes = server.control.confirm_factor(ada.id, &digits(&secret, 0), clock::now()).unwrap().unwrap();
    // Somebody who knows the password guessed from many networks.
    for seconds in [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 3, 7, 15, 31, 63] {
        server.state.throttle.begin_code(ada.id, clock::now() + seconds * 1_000).unwrap();
    }
    sign_in(&server, Some(&digits(&secret, 1))).await.says(429, &["too many attempts"]);
    sign_in(&server, Some(&codes[0])).await.is(200);
    sign_in(&server, Some(&digits(&secret, 1))).await.is(200);
}

#[actix_web::test]
async fn people_change_their_password_and_end_their_sign_ins() {
    let server = Server::new();
    let (token, other) = (server.session(), server.session());
    let change = async |current: &str, new: &str| {
        let body = json!({ "current": current, "new": new });
        server.ask(Method::PUT, "/api/account/password", By::Session(&token), body).await
    };
    change("a wrong password", "another password").await.says(403, &["current password is wrong"]);
    change(PASSWORD, "short").await.says(400, &["at least 10 characters"]);
    server.get("/api/account", By::Session(&other)).await.is(200);
    change(PASSWORD, "another password").await.is(200);
    server.get("/api/account", By::Session(&other)).await.is(401);
    sign_in(&server, None).await.says(401, &["name or password is wrong"]);
    server.get("/api/account", By::Session(&token)).await.is(200);
    // An open session found by somebody is no way to guess the password either.
    let (client, now) = (Some("192.0.2.1".parse().unwrap()), clock::now());
    for seconds in [0, 0, 0, 0, 1, 3, 7, 15, 31, 63] {
        server.state.throttle.begin("ada", client, now + seconds * 1_000).unwrap();
    }
    change("another password", "yet another one").await.says(429, &["too many attempts"]);

    let ada = server.control.user("ada").unwrap();
    let third = server.control.begin_session(ada, "Safari, iOS", clock::now()).unwrap().token;
    let listed = server.get("/api/account", By::Session(&token)).await.is(200).json["sessions"].clone();
    assert_eq!((&listed[0]["current"], &listed[1]["browser"]), (&json!(true), &json!("Safari, iOS")));
    let path = format!("/api/account/sessions/{}", listed[1]["id"].as_str().unwrap());
    let end = || server.ask(Method::DELETE, &path, By::Session(&token), Value::Null);
    end().await.is(200);
    end().await.says(404, &["there is no sign-in"]);
    server.get("/api/account", By::Session(&third)).await.is(401);
}

#[actix_web::test]
async fn two_passwords_are_hashed_at_once_and_others_wait() {
    let server = Server::fresh(false);
    let state = &server.state;
    let turns = (state.hashing_turn(false).await.unwrap(), state.hashing_turn(false).await.unwrap());
    let mut third = std::pin::pin!(state.hashing_turn(false));
    let now =
        async |third: std::pin::Pin<&mut _>| tokio::time::timeout(std::time::Duration::ZERO, third).await;
    assert!(now(third.as_mut()).await.is_err(), "the third waits");
    assert!(state.hashing_turn(true).await.is_ok(), "who is known does not wait behind strangers");
    drop(turns);
    assert!(now(third).await.unwrap().is_ok());
}

#[actix_web::test]
async fn whoever_gets_no_turn_to_hash_is_told_to_come_again() {
    let server = Server::fresh(false);
    let state = &server.state;
    let _turns = (state.hashing_turn(false).await.unwrap(), state.hashing_turn(false).await.unwrap());
    let begun = std::time::Instant::now();
    let error = state.hashing_turn(false).await.expect_err("no turn comes");
    assert!((5..20).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
    assert_eq!(error.error_response().status(), 429);
    assert!(error.message.contains("try again in 5 seconds"), "{}", error.message);
}
