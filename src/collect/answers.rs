//! What collection answers. One answer stands for what counted and for what policy dropped.

use actix_web::{
    HttpResponse, HttpResponseBuilder,
    http::{StatusCode, header},
    web::Bytes,
};
use serde_json::{Value, json};

use super::event::Invalid;

fn any_origin(status: StatusCode) -> HttpResponseBuilder {
    let mut answer = HttpResponse::build(status);
    answer.insert_header((header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"));
    answer
}

/// The one answer to what was accepted and to what policy dropped.
pub fn accepted() -> HttpResponse {
    any_origin(StatusCode::ACCEPTED).content_type("text/plain; charset=utf-8").body("ok")
}

/// Says what is wrong.
pub fn wrong(status: StatusCode, field: &str, words: &str) -> HttpResponse {
    any_origin(status).json(json!({"errors": {field: [words]}}))
}

const BUSY: Invalid = Invalid { field: "request", message: "the server is busy, try again" };

/// Nothing, or not all, could be taken: the client may try again.
pub fn busy() -> HttpResponse {
    let mut answer = any_origin(StatusCode::SERVICE_UNAVAILABLE);
    answer.insert_header((header::RETRY_AFTER, "1")).json(json!({"errors": {BUSY.field: [BUSY.message]}}))
}

/// What became of one item of a request; `Some`: it is wrong.
pub type Verdict = Option<Invalid>;

/// The answer to a single event.
pub fn single(verdict: Verdict) -> HttpResponse {
    match verdict {
        None => accepted(),
        Some(Invalid { field, message }) => wrong(StatusCode::BAD_REQUEST, field, message),
    }
}

/// The answer to a batch: one result for each item, in order. `failed` items could not be taken.
pub fn batch(verdicts: &[Verdict], failed: impl Fn(usize) -> bool) -> HttpResponse {
    let results = verdicts.iter().enumerate().map(|(item, verdict)| match verdict {
        _ if failed(item) => result(503, Some(&BUSY)),
        None => result(202, None),
        Some(invalid) => result(400, Some(invalid)),
    });
    any_origin(StatusCode::ACCEPTED).json(json!({"results": results.collect::<Vec<Value>>()}))
}

fn result(status: u16, invalid: Option<&Invalid>) -> Value {
    match invalid {
        None => json!({"status": status}),
        Some(Invalid { field, message }) => json!({"status": status, "errors": {*field: [message]}}),
    }
}

/// The handler of the preflight `OPTIONS /api/event`.
pub async fn preflight() -> HttpResponse {
    any_origin(StatusCode::NO_CONTENT)
        .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, "POST"))
        .insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, "content-type, idempotency-key"))
        .insert_header((header::ACCESS_CONTROL_MAX_AGE, "86400"))
        .finish()
}

/// Reads a body and answers 202: what collection is measured against. Served only with `--bare-route`.
pub async fn bare(body: Bytes) -> HttpResponse {
    drop(body);
    accepted()
}
