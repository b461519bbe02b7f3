//! Requests of the tests: hits as browsers send them, reports as keys read them.

use mayfly::simulate::SimulatedHit;
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::Value;

use super::server::Server;

pub const SITE: &str = "example.com";
/// A browser's user agent.
pub const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";

/// A client of one server.
pub struct Api {
    client: Client,
    origin: String,
}

/// An answer in full: what an oracle could look at.
#[derive(Debug, PartialEq)]
pub struct Answer {
    pub status: u16,
    /// Sorted, without the date.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Api {
    pub fn of(server: &Server) -> Api {
        let client = Client::builder().no_proxy().build().unwrap();
        Api { client, origin: server.origin.clone() }
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.origin))
    }

    /// Sends a body to `/api/event` with some headers.
    pub async fn post_event(&self, headers: &[(&str, &str)], body: impl Into<String>) -> Answer {
        let mut request = self.request(Method::POST, "/api/event").body(body.into());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        answer(request).await
    }

    /// Sends a simulated hit; returns the status.
    pub async fn hit(&self, hit: &SimulatedHit) -> u16 {
        let headers = hit.headers();
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.post_event(&headers, hit.body()).await.status
    }

    /// Reads a path with a key (empty: without any).
    pub async fn get(&self, path: &str, key: &str) -> (StatusCode, Value) {
        let mut request = self.request(Method::GET, path);
        if !key.is_empty() {
            request = request.bearer_auth(key);
        }
        let answer = request.send().await.unwrap();
        (answer.status(), answer.json().await.unwrap())
    }

    /// A site's `report`, `rows` or `live` with a query.
    #[track_caller]
    pub fn read<'a>(&'a self, what: &str, query: &str, key: &'a str) -> impl Future<Output = Value> + 'a {
        let path = format!("/api/sites/{SITE}/{what}?{query}");
        async move {
            let (status, body) = self.get(&path, key).await;
            assert_eq!(status, StatusCode::OK, "{path}: {body}");
            body
        }
    }

    /// Sends JSON as a signed-in person's page does.
    pub async fn send(&self, method: Method, path: &str, cookie: &str, body: &Value) -> (StatusCode, Value) {
        let request = self.request(method, path).header("x-mayfly", "1").header("cookie", cookie).json(body);
        let answer = request.send().await.unwrap();
        (answer.status(), answer.json().await.unwrap_or(Value::Null))
    }
}

/// Sends a request and keeps all of its answer.
pub async fn answer(request: RequestBuilder) -> Answer {
    let answer = request.send().await.unwrap();
    let mut headers: Vec<_> = answer
        .headers()
        .iter()
        .filter(|(name, _)| *name != "date")
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    headers.sort();
    Answer { status: answer.status().as_u16(), headers, body: answer.text().await.unwrap() }
}
