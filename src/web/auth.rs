//! Who is asking: a person with a session cookie, or a program with a key; and what they may read.

use std::{future::Future, net::IpAddr, pin::Pin, sync::Arc, time::Duration};

use actix_web::{
    FromRequest, HttpRequest, HttpResponse,
    cookie::{Cookie, SameSite, time::Duration as CookieDuration},
    dev::Payload,
    http::{Method, header},
    middleware::DefaultHeaders,
    web,
};
use arc_swap::ArcSwap;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::{error::ApiError, throttle::LoginThrottle};
use crate::{
    clock,
    control::{Control, ControlError, Deed, Directory, Entry, SESSION_DAYS, Scope, User},
    domain::{day::UnixMs, declaration::SiteId, view::Reader},
};

/// The session cookie.
pub const SESSION_COOKIE: &str = "mayfly_session";
/// Header that state-changing requests carry: another site's page cannot set it.
pub const MARK: &str = "x-mayfly";
/// Passwords hashed at the same time: 19 MiB and a processor each.
const HASHING_MAX: usize = 2;
/// How long a request waits for its turn to hash.
const HASHING_WAIT: Duration = Duration::from_secs(5);

/// Says where a request comes from, by way of trusted proxies. For throttling only: never stored.
pub type ClientAddress = Arc<dyn Fn(&HttpRequest) -> Option<IpAddr> + Send + Sync>;

/// What the control API asks of memory and store. Calls may block.
pub trait Live: Send + Sync + 'static {
    /// Undeclared texts that k visitors sent today.
    fn proposals(&self, site: SiteId) -> Vec<Proposed>;
    /// A proposal was declared: it need not be shown any longer.
    fn declared(&self, site: SiteId, proposal: &Proposed);
    /// The numbers of the list of sites.
    fn summary(&self, site: &Entry) -> Summary;
}

/// An undeclared text. With a property, `text` is its value; without, `text` is the event's name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proposed {
    pub event: String,
    #[serde(default)]
    pub property: Option<String>,
    pub text: String,
    #[serde(default)]
    pub visitors: u32,
}

/// One site in the list of sites.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    pub visits_7d: i64,
    /// Visits by day, oldest first, today last.
    pub sparkline: [i64; 7],
    /// Visitors of the last five minutes.
    pub live: u32,
    /// Collectors that did not answer: what they have is in no number.
    pub missing: Vec<u32>,
}

/// What the handlers of the control API share. Made once, outside the worker factory.
pub struct ControlState {
    pub control: Arc<Control>,
    pub directory: Arc<ArcSwap<Directory>>,
    pub live: Arc<dyn Live>,
    pub client: ClientAddress,
    /// Cookies are `Secure`.
    pub https: bool,
    pub(super) throttle: LoginThrottle,
    hashing: Semaphore,
}

impl ControlState {
    /// # Errors
    /// When the operating system gives no randomness.
    pub fn new(
        control: Arc<Control>,
        live: Arc<dyn Live>,
        client: ClientAddress,
        https: bool,
    ) -> Result<ControlState, getrandom::Error> {
        Ok(ControlState {
            directory: control.directory(),
            control,
            live,
            client,
            https,
            throttle: LoginThrottle::new()?,
            hashing: Semaphore::new(HASHING_MAX),
        })
    }

    /// The site of this name, if `access` may read it, and how.
    ///
    /// # Errors
    /// 404 for people, 403 for keys: a key does not learn which other sites there are.
    pub fn readable(&self, access: &Access, name: &str) -> Result<(Arc<Entry>, Reader), ApiError> {
        let found = self.directory.load().by_name(name).cloned();
        match (found, access) {
            (Some(entry), access) => access.may_read(entry.id()).map(|reader| (entry, reader)),
            (None, Access::Staff { .. }) => Err(ApiError::no_site(name)),
            (None, Access::Key { .. }) => Err(other_site()),
        }
    }

    /// A turn to hash a password.
    pub(super) async fn hashing_turn(&self) -> Result<SemaphorePermit<'_>, ApiError> {
        match tokio::time::timeout(HASHING_WAIT, self.hashing.acquire()).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(ApiError::wait(5, "too many people sign in at this moment: try again in 5 seconds")),
        }
    }

    pub(super) fn session_cookie(&self, token: String, max_age: CookieDuration) -> Cookie<'static> {
        Cookie::build(SESSION_COOKIE, token)
            .path("/")
            .http_only(true)
            .same_site(SameSite::Strict)
            .secure(self.https)
            .max_age(max_age)
            .finish()
    }
}

/// A request's rights, taken from its `Authorization` header, else its cookie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// A signed-in person.
    Staff { user: User },
    /// A key of one site.
    Key { site: SiteId, scope: Scope },
}

impl Access {
    /// How this reads a site.
    ///
    /// # Errors
    /// 403 for another site's key.
    pub fn may_read(&self, site: SiteId) -> Result<Reader, ApiError> {
        match self {
            Access::Staff { .. } => Ok(Reader::Staff),
            Access::Key { site: own, .. } if *own != site => Err(other_site()),
            Access::Key { scope: Scope::Staff, .. } => Ok(Reader::Staff),
            Access::Key { scope: Scope::Read, .. } => Ok(Reader::Outside),
        }
    }

    /// The signed-in person.
    ///
    /// # Errors
    /// 403 for keys, which read reports only.
    pub fn staff(&self) -> Result<&User, ApiError> {
        match self {
            Access::Staff { user } => Ok(user),
            Access::Key { .. } => Err(ApiError::forbidden("keys read reports only: sign in for this")),
        }
    }
}

fn other_site() -> ApiError {
    ApiError::forbidden("this key is not for this site")
}

/// [`Access`] where there may be none.
pub struct Visitor(pub Option<Access>);

impl FromRequest for Access {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let found = credentials(request);
        Box::pin(async move { access(found?).await?.ok_or_else(ApiError::not_signed_in) })
    }
}

impl FromRequest for Visitor {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let found = credentials(request);
        Box::pin(async move { access(found?).await.map(Visitor) })
    }
}

enum Credentials {
    Key(String),
    Session(String),
    None,
}

fn credentials(request: &HttpRequest) -> Result<(web::Data<ControlState>, Credentials), ApiError> {
    let state = request
        .app_data::<web::Data<ControlState>>()
        .cloned()
        .ok_or_else(|| ApiError::internal(&"the control state is not part of the application"))?;
    // Other schemes belong to a proxy in front.
    let given = request.headers().get(header::AUTHORIZATION).and_then(|given| given.to_str().ok());
    if let Some(key) = given.and_then(|text| text.strip_prefix("Bearer ")) {
        return Ok((state, Credentials::Key(key.trim().to_owned())));
    }
    let Some(token) = session_token(request) else { return Ok((state, Credentials::None)) };
    if ![Method::GET, Method::HEAD].contains(request.method()) {
        marked(request)?;
    }
    Ok((state, Credentials::Session(token)))
}

async fn access((state, found): (web::Data<ControlState>, Credentials)) -> Result<Option<Access>, ApiError> {
    let control = state.control.clone();
    match found {
        Credentials::None => Ok(None),
        Credentials::Session(token) => {
            let user = blocking(move || control.session(&token, clock::now())).await?;
            Ok(user.map(|user| Access::Staff { user }))
        }
        Credentials::Key(key) => {
            let found = blocking(move || control.key_access(&key)).await?;
            found.map(|key| Some(Access::Key { site: key.site, scope: key.scope })).ok_or_else(|| ApiError {
                message: "this key is unknown or revoked".to_owned(),
                ..ApiError::not_signed_in()
            })
        }
    }
}

pub(super) fn session_token(request: &HttpRequest) -> Option<String> {
    request.cookie(SESSION_COOKIE).map(|cookie| cookie.value().to_owned())
}

/// Refuses what another site's page could have sent.
pub(super) fn marked(request: &HttpRequest) -> Result<(), ApiError> {
    match request.headers().get(MARK).is_some_and(|value| value == "1") {
        true => Ok(()),
        false => Err(ApiError::forbidden("requests that change something carry the header `X-Mayfly: 1`")),
    }
}

/// Runs a call that blocks (SQLite, argon2) off the event loop.
pub(super) async fn blocking<T: Send + 'static, E: Into<ApiError> + Send + 'static>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, ApiError> {
    web::block(work).await.map_err(|error| ApiError::internal(&error))?.map_err(Into::into)
}

/// Signs in: counts the attempt, waits for a turn to hash, answers with the cookie.
pub(super) async fn sign_in(
    request: &HttpRequest,
    state: &web::Data<ControlState>,
    name: String,
    password: String,
    now: UnixMs,
) -> Result<HttpResponse, ApiError> {
    let attempt = state.throttle.begin(&name, (state.client)(request), now).map_err(|seconds| {
        ApiError::wait(seconds, format!("too many attempts: try again in {seconds} seconds"))
    })?;
    let session = {
        let _turn = state.hashing_turn().await?;
        let control = state.control.clone();
        blocking(move || {
            let session = control.sign_in(&name, &password, now)?;
            if let Some(session) = &session {
                control.audit(&session.user.name, Deed::SignedIn, None, now);
            }
            Ok::<_, ControlError>(session)
        })
        .await?
    };
    let Some(session) = session else {
        let wrong = "name or password is wrong";
        return Err(ApiError { message: wrong.to_owned(), ..ApiError::not_signed_in() });
    };
    state.throttle.passed(&attempt);
    let cookie = state.session_cookie(session.token, CookieDuration::days(SESSION_DAYS));
    Ok(HttpResponse::Ok().cookie(cookie).json(json!({ "user": session.user })))
}

/// Ends the session of the request's cookie, and the cookie.
pub(super) async fn sign_out(
    request: &HttpRequest,
    state: &web::Data<ControlState>,
) -> Result<HttpResponse, ApiError> {
    marked(request)?;
    if let Some(token) = session_token(request) {
        let control = state.control.clone();
        blocking(move || -> Result<(), ControlError> { control.sign_out(&token) }).await?;
    }
    let cookie = state.session_cookie(String::new(), CookieDuration::ZERO);
    Ok(HttpResponse::Ok().cookie(cookie).json(json!({})))
}

/// What a document may load, and which pages may show it in a frame.
pub(super) fn content_policy(framed_by: &str) -> String {
    format!(
        "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; \
         frame-ancestors {framed_by}"
    )
}

/// Headers of the dashboard and the API (not of collection).
pub fn security_headers() -> DefaultHeaders {
    DefaultHeaders::new()
        .add(("content-security-policy", content_policy("'none'")))
        .add(("x-content-type-options", "nosniff"))
        .add(("referrer-policy", "same-origin"))
}
