//! Errors of the API: a status and words, as `{"error": "..."}`.

use std::fmt;

use actix_web::{HttpResponse, ResponseError, http::StatusCode};
use serde_json::json;

use crate::control::{ControlError, Invalid};

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    pub status: StatusCode,
    pub message: String,
    /// Seconds after which trying again makes sense.
    pub retry_after_s: Option<u64>,
    /// What the request lacks, for programs: `code`.
    pub needs: Option<&'static str>,
}

impl ApiError {
    pub fn new(status: StatusCode, message: impl Into<String>) -> ApiError {
        ApiError { status, message: message.into(), retry_after_s: None, needs: None }
    }

    pub fn bad_request(message: impl Into<String>) -> ApiError {
        ApiError::new(StatusCode::BAD_REQUEST, message)
    }

    pub fn forbidden(message: impl Into<String>) -> ApiError {
        ApiError::new(StatusCode::FORBIDDEN, message)
    }

    pub fn not_signed_in() -> ApiError {
        ApiError::new(StatusCode::UNAUTHORIZED, "sign in, or send a key as `Authorization: Bearer mf_...`")
    }

    pub fn no_site(name: &str) -> ApiError {
        ControlError::NotFound { what: "site", name: name.to_owned() }.into()
    }

    pub fn wait(seconds: u64, message: impl Into<String>) -> ApiError {
        let error = ApiError::new(StatusCode::TOO_MANY_REQUESTS, message);
        ApiError { retry_after_s: Some(seconds), ..error }
    }

    /// Something that this server needs is away; asking again makes sense.
    pub fn unavailable(message: impl Into<String>) -> ApiError {
        let error = ApiError::new(StatusCode::SERVICE_UNAVAILABLE, message);
        ApiError { retry_after_s: Some(5), ..error }
    }

    /// An error that is not the client's. It is logged here, once; the client learns nothing of it.
    pub fn internal(error: &dyn fmt::Display) -> ApiError {
        tracing::error!(%error, "a request failed");
        ApiError::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "something went wrong here; the server's log says what",
        )
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        if let Some(seconds) = self.retry_after_s {
            response.insert_header(("retry-after", seconds.to_string()));
        }
        match self.needs {
            Some(needs) => response.json(json!({ "error": self.message, "needs": needs })),
            None => response.json(json!({ "error": self.message })),
        }
    }
}

/// What is asked of the API at an address that it does not have.
pub async fn no_such_address() -> Result<HttpResponse, ApiError> {
    Err(ApiError::new(StatusCode::NOT_FOUND, "there is nothing at this address"))
}

/// What is asked of a collector that is not for one.
pub async fn only_collecting() -> Result<HttpResponse, ApiError> {
    let words = "this node collects hits: dashboard and API are at the report node";
    Err(ApiError::new(StatusCode::NOT_FOUND, words))
}

/// Hits and trackers asked of the report node: whoever routes them has to send them to a collector.
pub async fn not_collecting() -> Result<HttpResponse, ApiError> {
    let words = "this node serves reports and counts nothing: hits and the tracker are for a collector";
    Err(ApiError::new(StatusCode::MISDIRECTED_REQUEST, words))
}

impl From<ControlError> for ApiError {
    fn from(error: ControlError) -> Self {
        let status = match &error {
            ControlError::Invalid(_) => StatusCode::BAD_REQUEST,
            ControlError::NotFound { .. } => StatusCode::NOT_FOUND,
            ControlError::Exists { .. } | ControlError::Conflict { .. } | ControlError::Follows => {
                StatusCode::CONFLICT
            }
            ControlError::AlreadyClaimed | ControlError::WrongClaimToken | ControlError::NoInvitation => {
                StatusCode::FORBIDDEN
            }
            _ => return ApiError::internal(&error),
        };
        ApiError::new(status, error.to_string())
    }
}

impl From<Invalid> for ApiError {
    fn from(error: Invalid) -> Self {
        ApiError::bad_request(error.to_string())
    }
}
