//! What nodes say to each other, and the client that says it: each request bounded in time, each answer in size.

use std::time::Duration;

use actix_web::web::Bytes;
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use url::Url;

use super::token::NodeToken;
use crate::domain::{
    day::Day,
    query::{Group, Query},
    view::{HeldDay, Reader},
};

/// Where nodes answer each other. The number changes whenever a message means something else.
pub const PREFIX: &str = "/api/node/1";
/// Who asks for declarations.
pub const NODE: &str = "x-mayfly-node";
pub const INSTANCE: &str = "x-mayfly-instance";
pub const RUN: &str = "x-mayfly-run";
/// The highest number of a site that it has known.
pub const SITES: &str = "x-mayfly-sites";

/// Most bytes of an answer.
const ANSWER_BYTES_MAX: usize = 64 << 20;
/// A node that does not take a connection within this time is away.
const CONNECT_WITHIN: Duration = Duration::from_secs(1);

/// Asks a collector for a reading of a site's open days.
#[derive(Debug, Serialize, Deserialize)]
pub struct Open {
    pub site: u32,
    pub reader: Reader,
}

/// A reading: its days as of one moment, kept for the queries that follow.
#[derive(Debug, Serialize, Deserialize)]
pub struct Opened {
    pub node: u32,
    pub instance: String,
    pub reading: u64,
    pub days: Vec<HeldDay>,
    pub aside: Vec<Day>,
    pub live: Live,
}

/// What happens now: visitors of the last five minutes, page views of the last thirty by the minute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Live {
    pub visitors: u32,
    pub minutes: [u32; 30],
}

impl Live {
    pub fn add(&mut self, other: &Live) {
        self.visitors += other.visitors;
        self.minutes.iter_mut().zip(other.minutes).for_each(|(own, n)| *own += n);
    }
}

/// A query over a reading.
#[derive(Debug, Serialize, Deserialize)]
pub struct Ask {
    pub reading: u64,
    pub query: Query,
}

pub type Answer = Vec<Group>;

/// What a collector has of a site that is not wholly in the store.
#[derive(Debug, Serialize, Deserialize)]
pub struct HeldSite {
    pub node: u32,
    pub instance: String,
    pub days: Vec<Day>,
    /// Whether days of it may still open.
    pub takes_hits: bool,
    /// Whether it was removed, and not all of it is erased.
    #[serde(default)]
    pub erasing: bool,
}

/// An undeclared text that k visitors sent to one collector.
#[derive(Debug, Serialize, Deserialize)]
pub struct Proposal {
    pub event: String,
    pub property: Option<String>,
    pub text: String,
    pub visitors: u32,
}

/// Why another node gave no answer, in words.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    #[error("{0}")]
    Away(String),
    #[error("it does not answer in time")]
    Late,
    #[error("it answers {status}: {words}")]
    Refused { status: StatusCode, words: String },
    #[error("its answer cannot be read: {0}")]
    Unreadable(String),
}

/// The client of one installation's nodes.
#[derive(Clone)]
pub struct Wire {
    http: Client,
    token: NodeToken,
}

impl Wire {
    /// # Errors
    /// When the client cannot be made.
    pub fn new(token: &NodeToken) -> Result<Wire, WireError> {
        // Nodes are in a network of their own: no proxy of the machine's surroundings comes in between.
        let http = Client::builder().no_proxy().connect_timeout(CONNECT_WITHIN).build();
        Ok(Wire { http: http.map_err(|error| away(&error))?, token: token.clone() })
    }

    /// A request to a node, to be sent by [`Wire::send`].
    pub fn request(&self, method: Method, node: &Url, path: &str, within: Duration) -> RequestBuilder {
        let origin = node.as_str().trim_end_matches('/');
        let request = self.http.request(method, format!("{origin}{PREFIX}/{path}"));
        request.timeout(within).bearer_auth(self.token.reveal())
    }

    /// Sends a message and reads the answer.
    ///
    /// # Errors
    /// [`WireError`].
    pub async fn ask<T: DeserializeOwned>(
        &self,
        node: &Url,
        path: &str,
        message: &impl Serialize,
        within: Duration,
    ) -> Result<T, WireError> {
        let body = postcard::to_stdvec(message).map_err(|error| WireError::Unreadable(error.to_string()))?;
        let request = self.request(Method::POST, node, path, within).body(body);
        let (_, _, bytes) = self.send(request).await?;
        postcard::from_bytes(&bytes).map_err(|error| WireError::Unreadable(error.to_string()))
    }

    /// Sends a request; returns status (200 or 304), ETag and body.
    ///
    /// # Errors
    /// [`WireError`], also for any other status.
    pub async fn send(
        &self,
        request: RequestBuilder,
    ) -> Result<(StatusCode, Option<String>, Bytes), WireError> {
        let mut answer = request.send().await.map_err(|error| away(&error))?;
        let status = answer.status();
        let version = answer.headers().get("etag").and_then(|tag| tag.to_str().ok()).map(str::to_owned);
        let mut body = Vec::new();
        while let Some(part) = answer.chunk().await.map_err(|error| away(&error))? {
            if body.len() + part.len() > ANSWER_BYTES_MAX {
                return Err(WireError::Unreadable(format!("it is longer than {ANSWER_BYTES_MAX} bytes")));
            }
            body.extend_from_slice(&part);
        }
        match status {
            StatusCode::OK | StatusCode::NOT_MODIFIED => Ok((status, version, body.into())),
            status => Err(WireError::Refused { status, words: words(&body) }),
        }
    }
}

/// The innermost cause says what is the matter.
fn away(error: &reqwest::Error) -> WireError {
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    match (error.is_timeout(), error.is_connect()) {
        (true, false) => WireError::Late,
        (true, true) => WireError::Away("it takes no connection in time".to_owned()),
        _ => WireError::Away(cause.to_string()),
    }
}

/// The words of `{"error": "..."}`, or the beginning of whatever it is.
fn words(body: &[u8]) -> String {
    let json: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    match json.as_ref().and_then(|json| json["error"].as_str()) {
        Some(words) => words.to_owned(),
        None => String::from_utf8_lossy(body).chars().take(100).collect(),
    }
}
