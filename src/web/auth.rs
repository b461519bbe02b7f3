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
use serde_json::{Value, json};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::{
    error::ApiError,
    throttle::{Attempt, LoginThrottle},
};
use crate::{
    clock,
    control::{Control, ControlError, Deed, Directory, Entry, Role, SESSION_DAYS, Scope, User, is_digits},
    domain::{day::UnixMs, declaration::SiteId, view::Reader},
    report::Overview,
};

/// The session cookie.
pub const SESSION_COOKIE: &str = "mayfly_session";
/// The same over https: browsers take a cookie of this name from the host itself only.
pub const HOST_COOKIE: &str = "__Host-mayfly_session";
/// Header that state-changing requests carry: another site's page cannot set it.
pub const MARK: &str = "x-mayfly";
/// Passwords hashed at the same time: 19 MiB and a processor each.
const HASHING_MAX: usize = 2;
/// The same, of people who have signed in from their network lately.
const HASHING_KNOWN_MAX: usize = 1;
/// How long a request waits for its turn to hash.
const HASHING_WAIT: Duration = Duration::from_secs(5);

/// What is known of a request besides its words.
pub trait Caller: Send + Sync + 'static {
    /// Where it comes from, by way of trusted proxies. For throttling only: never stored.
    fn address(&self, request: &HttpRequest) -> Option<IpAddr>;
    /// Browser and system, such as `Firefox, Linux`, for a list of sign-ins; empty where they are not known.
    fn browser(&self, request: &HttpRequest) -> String;
    /// Where browsers reach this server.
    fn origin(&self, request: &HttpRequest) -> String;
}

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
    #[serde(flatten)]
    pub week: Overview,
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
    pub caller: Arc<dyn Caller>,
    /// Cookies are `Secure`.
    pub https: bool,
    pub(super) throttle: LoginThrottle,
    hashing: Semaphore,
    hashing_known: Semaphore,
}

impl ControlState {
    /// # Errors
    /// When the operating system gives no randomness.
    pub fn new(
        control: Arc<Control>,
        live: Arc<dyn Live>,
        caller: Arc<dyn Caller>,
        https: bool,
    ) -> Result<ControlState, getrandom::Error> {
        Ok(ControlState {
            directory: control.directory(),
            control,
            live,
            caller,
            https,
            throttle: LoginThrottle::new()?,
            hashing: Semaphore::new(HASHING_MAX),
            hashing_known: Semaphore::new(HASHING_KNOWN_MAX),
        })
    }

    /// The site of this name, if `access` may read it, and how.
    ///
    /// # Errors
    /// 404 for people, as of a site that is not there, 403 for keys: nobody learns which other sites there are.
    pub fn readable(&self, access: &Access, name: &str) -> Result<(Arc<Entry>, Reader), ApiError> {
        let entry = self.directory.load().by_name(name).cloned();
        match access {
            Access::Staff { user } => entry
                .filter(|entry| user.role_at(entry.id()).is_some())
                .map(|entry| (entry, Reader::Staff))
                .ok_or_else(|| ApiError::no_site(name)),
            Access::Key { site, scope } => entry
                .filter(|entry| entry.id() == *site)
                .map(|entry| (entry, scope.reader()))
                .ok_or_else(|| ApiError::forbidden("this key is not for this site")),
        }
    }

    /// The site of this name, if a signed-in person may change it.
    ///
    /// # Errors
    /// As [`ControlState::readable`]; 403 for keys and for viewers of the site.
    pub fn changeable(&self, access: &Access, name: &str) -> Result<Arc<Entry>, ApiError> {
        let user = access.staff()?;
        let (entry, _) = self.readable(access, name)?;
        match user.role_at(entry.id()) {
            Some(Role::Owner | Role::Admin) => Ok(entry),
            _ => Err(ApiError::forbidden("viewers read only: ask an administrator of this site")),
        }
    }

    /// A turn to hash a password. Who has signed in from here lately has a queue of their own, which strangers
    /// cannot fill.
    pub(super) async fn hashing_turn(&self, known: bool) -> Result<SemaphorePermit<'_>, ApiError> {
        let turns = if known { &self.hashing_known } else { &self.hashing };
        match tokio::time::timeout(HASHING_WAIT, turns.acquire()).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(ApiError::wait(5, "too many people sign in at this moment: try again in 5 seconds")),
        }
    }

    /// Counts an attempt to show a password.
    pub(super) fn attempt(
        &self,
        request: &HttpRequest,
        name: &str,
        now: UnixMs,
    ) -> Result<Attempt, ApiError> {
        self.throttle.begin(name, self.caller.address(request), now).map_err(too_many)
    }

    /// Counts digits of a person's authenticator that are tried, wherever they come from: only who knows the password
    /// gets here.
    pub(super) fn slow_codes(&self, person: i64, now: UnixMs) -> Result<(), ApiError> {
        self.throttle.begin_code(person, now).map_err(too_many)
    }

    /// Browsers let no other host and no plain page set a cookie of this name.
    fn cookie_name(&self) -> &'static str {
        if self.https { HOST_COOKIE } else { SESSION_COOKIE }
    }

    pub(super) fn session_token(&self, request: &HttpRequest) -> Option<String> {
        request.cookie(self.cookie_name()).map(|cookie| cookie.value().to_owned())
    }

    /// Refuses what another site's page could have sent.
    ///
    /// # Errors
    /// 403: a request that changes something comes from a page of this server, or from no page.
    pub(super) fn own_page(&self, request: &HttpRequest) -> Result<(), ApiError> {
        let header = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap_or("?"));
        if header(MARK) != Some("1") {
            return Err(ApiError::forbidden("requests that change something carry the header `X-Mayfly: 1`"));
        }
        // Browsers say it themselves, but to plain addresses; then the origin is compared.
        let own = match header("sec-fetch-site") {
            Some(from) => from == "same-origin",
            None => header("origin").is_none_or(|origin| origin == self.caller.origin(request)),
        };
        match own {
            true => Ok(()),
            false => Err(ApiError::forbidden(
                "another site's page sent this (or a proxy changed `Host`: then set `public_url`)",
            )),
        }
    }

    pub(super) fn session_cookie(&self, token: String, max_age: CookieDuration) -> Cookie<'static> {
        Cookie::build(self.cookie_name(), token)
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
    /// The signed-in person, whatever they may do: who reads a site asks [`ControlState::readable`] besides, who
    /// changes it [`ControlState::changeable`].
    ///
    /// # Errors
    /// 403 for keys, which read reports only.
    pub fn staff(&self) -> Result<&User, ApiError> {
        match self {
            Access::Staff { user } => Ok(user),
            Access::Key { .. } => Err(ApiError::forbidden("keys read reports only: sign in for this")),
        }
    }

    /// The signed-in person, who may do everything.
    ///
    /// # Errors
    /// 403 for everybody else.
    pub fn owner(&self) -> Result<&User, ApiError> {
        let user = self.staff()?;
        match user.owner {
            true => Ok(user),
            false => Err(ApiError::forbidden("only an owner of this install may do this")),
        }
    }
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

/// Who asked, to be looked up again while an answer goes on.
pub(super) struct Standing(web::Data<ControlState>, Credentials);

impl Standing {
    pub fn of(request: &HttpRequest) -> Result<Standing, ApiError> {
        credentials(request).map(|(state, found)| Standing(state, found))
    }

    pub fn state(&self) -> &ControlState {
        &self.0
    }

    /// As it is now; `None` once a sign-in has ended.
    pub async fn access(&self) -> Result<Option<Access>, ApiError> {
        access((self.0.clone(), self.1.clone())).await
    }
}

#[derive(Clone)]
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
    let Some(token) = state.session_token(request) else { return Ok((state, Credentials::None)) };
    if ![Method::GET, Method::HEAD].contains(request.method()) {
        state.own_page(request)?;
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

fn too_many(seconds: u64) -> ApiError {
    ApiError::wait(seconds, format!("too many attempts: try again in {seconds} seconds"))
}

/// Runs a call that blocks (SQLite, argon2) off the event loop.
pub(super) async fn blocking<T: Send + 'static, E: Into<ApiError> + Send + 'static>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, ApiError> {
    web::block(work).await.map_err(|error| ApiError::internal(&error))?.map_err(Into::into)
}

/// What a person signs in with.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SignIn {
    name: String,
    password: String,
    /// Digits of the authenticator, or a recovery code.
    code: Option<String>,
}

/// Signs in: counts the attempt, waits for a turn to hash, answers with the cookie.
pub(super) async fn sign_in(
    request: &HttpRequest,
    state: &web::Data<ControlState>,
    given: SignIn,
    now: UnixMs,
) -> Result<HttpResponse, ApiError> {
    let SignIn { name, password, code } = given;
    let attempt = state.attempt(request, &name, now)?;
    let user = {
        let _turn = state.hashing_turn(state.throttle.is_known(&attempt)).await?;
        let control = state.control.clone();
        blocking(move || control.check_password(&name, &password)).await?
    };
    let Some(user) = user else { return Err(unauthorised("name or password is wrong", None)) };
    if user.second_factor {
        check_code(state, user.id, code.unwrap_or_default(), now).await?;
    }
    let (control, browser) = (state.control.clone(), state.caller.browser(request));
    let session = blocking(move || {
        let session = control.begin_session(user, &browser, now)?;
        control.audit(&session.user.name, Deed::SignedIn, None, now);
        Ok::<_, ControlError>(session)
    })
    .await?;
    state.throttle.passed(&attempt, now);
    let cookie = state.session_cookie(session.token, CookieDuration::days(SESSION_DAYS));
    Ok(HttpResponse::Ok().cookie(cookie).json(json!({ "user": person(&session.user) })))
}

/// The second factor of somebody whose password was right. Recovery codes cannot be guessed, so that whoever makes
/// the digits wait keeps nobody out.
async fn check_code(
    state: &web::Data<ControlState>,
    person: i64,
    code: String,
    now: UnixMs,
) -> Result<(), ApiError> {
    if code.trim().is_empty() {
        return Err(unauthorised(
            "a code of the authenticator, or a recovery code, is needed too",
            Some("code"),
        ));
    }
    if is_digits(&code) {
        state.slow_codes(person, now)?;
    }
    let control = state.control.clone();
    match blocking(move || control.check_code(person, &code, now)).await? {
        true => {
            state.throttle.code_passed(person);
            Ok(())
        }
        false => Err(unauthorised("the code is wrong, or was used before", Some("code"))),
    }
}

fn unauthorised(words: &str, needs: Option<&'static str>) -> ApiError {
    ApiError { message: words.to_owned(), needs, ..ApiError::not_signed_in() }
}

/// A person, as pages show who is signed in.
pub(super) fn person(user: &User) -> Value {
    json!({ "name": user.name, "role": user.role(), "second_factor": user.second_factor })
}

/// Ends the session of the request's cookie, and the cookie.
pub(super) async fn sign_out(
    request: &HttpRequest,
    state: &web::Data<ControlState>,
) -> Result<HttpResponse, ApiError> {
    state.own_page(request)?;
    if let Some(token) = state.session_token(request) {
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
        .add(("x-frame-options", "DENY"))
        .add(("cross-origin-opener-policy", "same-origin"))
        .add(("cross-origin-resource-policy", "same-origin"))
        .add(("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"))
}
