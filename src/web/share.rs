//! What is open to people without an account: a shared dashboard, read up to the last full hour.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use actix_web::{
    HttpRequest, HttpResponse,
    cookie::{Cookie, SameSite, time::Duration as CookieDuration},
    http::{StatusCode, header},
    web::{self, Data, Path, Payload, ServiceConfig},
};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore, SemaphorePermit};

use super::{
    api_control::{api, body, packed},
    assets,
    auth::{self, ControlState, blocking},
    badge::{self, Badges},
    error::ApiError,
    reports, throttle,
};
use crate::{
    clock,
    control::{Entry, Share, ShareKind},
    domain::{day::UnixMs, view::Reader},
    parts::Parts,
};

/// The cookie of who gave a link's password. It goes to that link's addresses only.
const PASS_COOKIE: &str = "mayfly_share";
/// How long the password is not asked for again.
const PASS_LIFE: Duration = Duration::from_secs(12 * 3_600);
/// Shared reports and badges that are read at the same time, however many people look: others keep their turn.
const READS_MAX: usize = 4;
/// Of them for one network (IPv4 /24, IPv6 /48): a stranger who asks for many waits for their own.
const READS_OF_NETWORK_MAX: usize = 1;
/// Most rows of each panel of a shared report.
const PANEL_ROWS_MAX: usize = 100;
/// Most rows of a shared list.
const LIST_ROWS_MAX: usize = 1_000;
/// How long one waits for its turn.
const READ_WAIT: Duration = Duration::from_secs(5);

type Answer = Result<HttpResponse, ApiError>;
type State = Data<ControlState>;

/// What the handlers share. Made once, outside the worker factory.
pub struct Sharing {
    /// Signs passes; of this process, so a restart asks for passwords again.
    key: [u8; 32],
    reads: Semaphore,
    /// Networks that read or wait, by a hash that only this process can make.
    networks: Mutex<HashMap<[u8; 32], Arc<Semaphore>>>,
    pub(super) badges: Badges,
    /// Turns to hash a link's password: people who sign in have others.
    hashing: Semaphore,
}

/// The routes. They need `Data<ControlState>`, `Data<Sharing>` and `Data<Parts>` in the application.
pub fn routes(app: &mut ServiceConfig) {
    app.service(api("/api/shares/{token}", |it| it.route(web::get().to(about))))
        .service(api("/api/shares/{token}/pass", |it| it.route(web::post().to(pass))))
        .service(packed("/api/shares/{token}/report", |it| it.route(web::get().to(report))))
        .service(packed("/api/shares/{token}/rows", |it| it.route(web::get().to(rows))))
        .service(api("/api/shares/{token}/live", |it| it.route(web::get().to(live))))
        .service(web::resource("/badge/{token}.svg").route(web::get().to(badge::badge)))
        .service(
            web::resource("/share/{token}").wrap(auth::security_headers()).route(web::get().to(document)),
        );
}

impl Sharing {
    /// # Errors
    /// When the operating system gives no randomness.
    pub fn new() -> Result<Sharing, getrandom::Error> {
        let mut key = [0; 32];
        getrandom::fill(&mut key)?;
        Ok(Sharing {
            key,
            reads: Semaphore::new(READS_MAX),
            networks: Mutex::default(),
            badges: Badges::default(),
            hashing: Semaphore::new(1),
        })
    }

    /// The turn of a network, and then one of those that all have.
    pub(super) async fn reading<'a>(
        &'a self,
        state: &ControlState,
        request: &HttpRequest,
    ) -> Result<(OwnedSemaphorePermit, SemaphorePermit<'a>), ApiError> {
        let network = throttle::network(state.caller.address(request));
        self.reading_of(self.network(&network)).await
    }

    async fn reading_of(
        &self,
        network: Arc<Semaphore>,
    ) -> Result<(OwnedSemaphorePermit, SemaphorePermit<'_>), ApiError> {
        let both =
            async { Ok::<_, AcquireError>((network.acquire_owned().await?, self.reads.acquire().await?)) };
        match tokio::time::timeout(READ_WAIT, both).await {
            Ok(Ok(turns)) => Ok(turns),
            _ => Err(busy()),
        }
    }

    /// The turns of a network; those of networks that do not read any longer are forgotten.
    fn network(&self, network: &[u8; 16]) -> Arc<Semaphore> {
        let key = *blake3::keyed_hash(&self.key, network).as_bytes();
        let mut networks = self.networks.lock().unwrap_or_else(PoisonError::into_inner);
        networks.retain(|_, turns| Arc::strong_count(turns) > 1);
        networks.entry(key).or_insert_with(|| Arc::new(Semaphore::new(READS_OF_NETWORK_MAX))).clone()
    }

    async fn turn<'a>(&'a self, at: &'a Semaphore) -> Result<SemaphorePermit<'a>, ApiError> {
        match tokio::time::timeout(READ_WAIT, at.acquire()).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(busy()),
        }
    }

    /// Says that its holder gave the share's password: until when, and a hash that only this process can make.
    fn pass(&self, share: &Share, until: UnixMs) -> String {
        let password = share.password.as_deref().unwrap_or_default();
        let said = format!("{}:{until}:{password}", share.id);
        format!("{until}.{}", blake3::keyed_hash(&self.key, said.as_bytes()).to_hex())
    }

    fn has_pass(&self, request: &HttpRequest, share: &Share, now: UnixMs) -> bool {
        let Some(cookie) = request.cookie(PASS_COOKIE) else { return false };
        let until = cookie.value().split_once('.').and_then(|(until, _)| until.parse().ok());
        let Some(until) = until.filter(|&until| now < until) else { return false };
        // Hashes are compared, not texts: the time it takes tells nothing of use.
        blake3::hash(self.pass(share, until).as_bytes()) == blake3::hash(cookie.value().as_bytes())
    }
}

fn busy() -> ApiError {
    ApiError::unavailable("too many people look at shared dashboards: try again in 5 seconds")
}

/// A query string that asks for no more than so many rows.
fn at_most(rows: usize, query: &str) -> String {
    let (mut limit, mut csv) = (None, false);
    // Of two, the last counts.
    for (key, value) in url::form_urlencoded::parse(query.as_bytes()) {
        match &*key {
            "limit" => limit = value.parse::<u128>().ok(),
            "format" => csv = value == "csv",
            _ => {}
        }
    }
    // A table has all rows, unless it is told how many.
    match limit.map_or(csv, |limit| limit > rows as u128) {
        true => format!("{query}&limit={rows}"),
        false => query.to_owned(),
    }
}

/// What a token or a public site's name opens, and of which site it is.
///
/// # Errors
/// 404 where it opens nothing, 410 where it has ended.
pub(super) async fn opened(state: &State, token: String) -> Result<(Arc<Entry>, Share), ApiError> {
    let directory = state.directory.load_full();
    let public = directory.by_name(&token).map(|entry| entry.id());
    let control = state.control.clone();
    let found = blocking(move || match public {
        Some(site) => control.public_share(site),
        None => control.share(&token),
    })
    .await?;
    let site = found.as_ref().and_then(|share| directory.by_id(share.site)).cloned();
    let (Some(share), Some(entry)) = (found, site) else {
        let words = "this link opens nothing: it is not whole, or it was revoked";
        return Err(ApiError::new(StatusCode::NOT_FOUND, words));
    };
    match share.last_day.filter(|&last| last < entry.day(clock::now())) {
        Some(last) => Err(ApiError::new(StatusCode::GONE, format!("this link ended with {last}"))),
        None => Ok((entry, share)),
    }
}

/// As [`opened`], for who may see the dashboard now.
///
/// # Errors
/// Those of [`opened`], 404 for a badge, 401 without the link's password.
async fn seen(
    state: &State,
    sharing: &Sharing,
    request: &HttpRequest,
    token: String,
) -> Result<(Arc<Entry>, Share), ApiError> {
    let (entry, share) = opened(state, token).await?;
    if share.kind == ShareKind::Badge {
        return Err(ApiError::new(StatusCode::NOT_FOUND, "this opens a badge and no dashboard"));
    }
    if share.password.is_some() && !sharing.has_pass(request, &share, clock::now()) {
        return Err(ApiError::new(StatusCode::UNAUTHORIZED, "this link asks for its password"));
    }
    Ok((entry, share))
}

/// What a page has to know before it asks for numbers.
async fn about(state: State, sharing: Data<Sharing>, request: HttpRequest, token: Path<String>) -> Answer {
    let (entry, share) = seen(&state, &sharing, &request, token.into_inner()).await?;
    let site = entry.at(clock::now());
    Ok(HttpResponse::Ok().json(json!({
        "site": site.name,
        "name": share.name,
        "public": share.kind == ShareKind::Public,
        "filters": share.shown.filters,
        "last_day": share.last_day.map(|day| day.to_string()),
    })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PassBody {
    password: String,
}

/// Takes a link's password for a cookie that spares asking again.
async fn pass(
    state: State,
    sharing: Data<Sharing>,
    request: HttpRequest,
    token: Path<String>,
    payload: Payload,
) -> Answer {
    state.own_page(&request)?;
    let token = token.into_inner();
    let (_, share) = opened(&state, token.clone()).await?;
    let PassBody { password } = body(payload).await?;
    let now = clock::now();
    // No person can have this name.
    let who = format!("\u{1}share {}", share.id);
    let attempt = state.attempt(&request, &who, now)?;
    let (right, share) = {
        let _turn = sharing.turn(&sharing.hashing).await?;
        blocking(move || Ok::<_, ApiError>((share.is_opened_by(&password), share))).await?
    };
    if !right {
        return Err(ApiError::new(StatusCode::UNAUTHORIZED, "the password is wrong"));
    }
    state.throttle.forgive(&attempt);
    let until = now + PASS_LIFE.as_millis() as UnixMs;
    let cookie = Cookie::build(PASS_COOKIE, sharing.pass(&share, until))
        .path(format!("/api/shares/{token}"))
        .http_only(true)
        .same_site(SameSite::Strict)
        .secure(state.https)
        .max_age(CookieDuration::seconds(PASS_LIFE.as_secs() as i64))
        .finish();
    Ok(HttpResponse::Ok().cookie(cookie).json(json!({})))
}

async fn report(
    parts: Data<Parts>,
    state: State,
    sharing: Data<Sharing>,
    request: HttpRequest,
    token: Path<String>,
) -> Answer {
    let (entry, share) = seen(&state, &sharing, &request, token.into_inner()).await?;
    let _turns = sharing.reading(&state, &request).await?;
    let (reader, locked) = (Reader::Outside, share.shown.filters);
    let query = at_most(PANEL_ROWS_MAX, request.query_string());
    Ok(HttpResponse::Ok().json(reports::report_of(parts, entry, reader, locked, &query).await?))
}

async fn rows(
    parts: Data<Parts>,
    state: State,
    sharing: Data<Sharing>,
    request: HttpRequest,
    token: Path<String>,
) -> Answer {
    let (entry, share) = seen(&state, &sharing, &request, token.into_inner()).await?;
    let _turns = sharing.reading(&state, &request).await?;
    let query = at_most(LIST_ROWS_MAX, request.query_string());
    reports::answer_rows(parts, entry, Reader::Outside, share.shown.filters, &query).await
}

/// What happens now is for nobody outside; the dashboard asks once and no more.
async fn live() -> Answer {
    Err(ApiError::forbidden("shares are read up to the last full hour"))
}

/// The dashboard's document. The pages of the share's origins, and no others, may show it in a frame.
async fn document(state: State, request: HttpRequest, token: Path<String>) -> HttpResponse {
    let frames = match opened(&state, token.into_inner()).await {
        Ok((_, share)) => share.frames,
        // The document says what is wrong, once it has asked.
        Err(_) => Vec::new(),
    };
    let mut answer = assets::document(&request);
    if !frames.is_empty()
        && let Ok(policy) = auth::content_policy(&frames.join(" ")).parse()
    {
        answer.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn shared_reports_take_turns_and_whoever_gets_none_is_told_to_come_again() {
        let sharing = Sharing::new().unwrap();
        let read = |network: u8| sharing.reading_of(sharing.network(&[network; 16]));
        let mut turns = Vec::new();
        for network in 0..READS_MAX {
            turns.push(read(network as u8).await.unwrap());
        }
        let begun = std::time::Instant::now();
        let error = read(9).await.expect_err("no turn comes");
        assert!((5..20).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
        assert_eq!((error.status, error.retry_after_s), (StatusCode::SERVICE_UNAVAILABLE, Some(5)));
        turns.pop();
        assert!(read(9).await.is_ok());
    }

    /// Seen to fail with as many turns for a network as there are.
    #[tokio::test]
    async fn a_network_that_asks_for_many_takes_one_turn_and_is_forgotten() {
        let sharing = Sharing::new().unwrap();
        let read = |network: u8| sharing.reading_of(sharing.network(&[network; 16]));
        let taken = read(1).await.unwrap();
        // Nineteen more of the same network wait for its turn, and hold none of the others'.
        let mut waiting: Vec<_> = (0..19).map(|_| Box::pin(read(1))).collect();
        for one in &mut waiting {
            let mut nobody = std::task::Context::from_waker(std::task::Waker::noop());
            assert!(one.as_mut().poll(&mut nobody).is_pending());
        }
        assert_eq!(sharing.reads.available_permits(), READS_MAX - 1);
        assert!(read(2).await.is_ok(), "another's turn comes at once");
        drop((taken, waiting));
        drop(read(3).await.unwrap());
        assert!(sharing.networks.lock().unwrap().len() <= 1, "who reads no longer is forgotten");
    }

    #[test]
    fn shared_questions_are_answered_with_so_many_rows() {
        for (query, rows) in [
            ("p=7d", "p=7d"),
            ("limit=100", "limit=100"),
            ("limit=101", "limit=101&limit=100"),
            ("%6cimit=99999999999999999999&p=7d", "%6cimit=99999999999999999999&p=7d&limit=100"),
            ("limit=none", "limit=none"),
            ("format=csv", "format=csv&limit=100"),
            ("format=csv&limit=7", "format=csv&limit=7"),
            ("limit=7&limit=none&format=csv", "limit=7&limit=none&format=csv&limit=100"),
        ] {
            assert_eq!(at_most(100, query), rows);
        }
    }
}
