//! What is open to people without an account: a shared dashboard, read up to the last full hour, and badges.

use std::{sync::Arc, time::Duration};

use actix_web::{
    HttpRequest, HttpResponse,
    cookie::{Cookie, SameSite, time::Duration as CookieDuration},
    http::{StatusCode, header},
    web::{self, Data, Path, Payload, ServiceConfig},
};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::{
    api_control::{api, body},
    assets,
    auth::{self, ControlState, blocking},
    error::ApiError,
    reports,
};
use crate::{
    clock,
    control::{Entry, Share, ShareKind},
    domain::{day::UnixMs, plan::Metric, view::Reader},
    parts::Parts,
    report::{
        Number,
        routes::{Context, Figure, figure},
    },
};

/// The cookie of who gave a link's password. It goes to that link's addresses only.
const PASS_COOKIE: &str = "mayfly_share";
/// How long the password is not asked for again.
const PASS_LIFE: Duration = Duration::from_secs(12 * 3_600);
/// Shared reports and badges that are read at the same time, however many people look: others keep their turn.
const READS_MAX: usize = 4;
/// How long one waits for its turn.
const READ_WAIT: Duration = Duration::from_secs(5);
/// How long a badge may be shown without being asked for anew.
const BADGE_LIFE: Duration = Duration::from_secs(600);

type Answer = Result<HttpResponse, ApiError>;
type State = Data<ControlState>;

/// What the handlers share. Made once, outside the worker factory.
pub struct Sharing {
    /// Signs passes; of this process, so a restart asks for passwords again.
    key: [u8; 32],
    reads: Semaphore,
    /// Turns to hash a link's password: people who sign in have others.
    hashing: Semaphore,
}

/// The routes. They need `Data<ControlState>`, `Data<Sharing>` and `Data<Parts>` in the application.
pub fn routes(app: &mut ServiceConfig) {
    app.service(api("/api/shares/{token}", |it| it.route(web::get().to(about))))
        .service(api("/api/shares/{token}/pass", |it| it.route(web::post().to(pass))))
        .service(api("/api/shares/{token}/report", |it| it.route(web::get().to(report))))
        .service(api("/api/shares/{token}/rows", |it| it.route(web::get().to(rows))))
        .service(api("/api/shares/{token}/live", |it| it.route(web::get().to(live))))
        .service(web::resource("/badge/{token}.svg").route(web::get().to(badge)))
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
        Ok(Sharing { key, reads: Semaphore::new(READS_MAX), hashing: Semaphore::new(1) })
    }

    async fn turn<'a>(&'a self, at: &'a Semaphore) -> Result<SemaphorePermit<'a>, ApiError> {
        match tokio::time::timeout(READ_WAIT, at.acquire()).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(ApiError::unavailable(
                "too many people look at shared dashboards: try again in 5 seconds",
            )),
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

/// What a token or a public site's name opens, and of which site it is.
///
/// # Errors
/// 404 where it opens nothing, 410 where it has ended.
async fn opened(state: &State, token: String) -> Result<(Arc<Entry>, Share), ApiError> {
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
    let _turn = sharing.turn(&sharing.reads).await?;
    let (reader, locked) = (Reader::Outside, share.shown.filters);
    Ok(HttpResponse::Ok()
        .json(reports::report_of(parts, entry, reader, locked, request.query_string()).await?))
}

async fn rows(
    parts: Data<Parts>,
    state: State,
    sharing: Data<Sharing>,
    request: HttpRequest,
    token: Path<String>,
) -> Answer {
    let (entry, share) = seen(&state, &sharing, &request, token.into_inner()).await?;
    let _turn = sharing.turn(&sharing.reads).await?;
    reports::answer_rows(parts, entry, Reader::Outside, share.shown.filters, request.query_string()).await
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

/// A number as a picture. The address says which badge it is and nothing of what it counts.
async fn badge(parts: Data<Parts>, state: State, sharing: Data<Sharing>, token: Path<String>) -> Answer {
    let (entry, share) = opened(&state, token.into_inner()).await?;
    if share.kind == ShareKind::Link {
        return Err(ApiError::new(StatusCode::NOT_FOUND, "this opens a dashboard and no badge"));
    }
    let _turn = sharing.turn(&sharing.reads).await?;
    let query = format!("p={}", share.shown.period.as_deref().unwrap_or("28d"));
    let usual = if share.shown.filters.iter().any(|one| one.dimension.key() == "event") {
        Metric::Events
    } else {
        Metric::Visits
    };
    let metric = share.shown.metric.as_deref().and_then(Metric::named).unwrap_or(usual);
    let filters = share.shown.filters;
    let read = move |context: Context<'_>, _| figure(Context { locked: &filters, ..context }, &query, metric);
    let figure = reports::blocking(parts, entry, Reader::Outside, read).await?;
    Ok(HttpResponse::Ok()
        .content_type("image/svg+xml; charset=utf-8")
        .insert_header((header::CACHE_CONTROL, format!("public, max-age={}", BADGE_LIFE.as_secs())))
        .insert_header(("cross-origin-resource-policy", "cross-origin"))
        .insert_header(("x-content-type-options", "nosniff"))
        .insert_header((header::CONTENT_SECURITY_POLICY, "default-src 'none'"))
        .body(picture(&figure, metric)))
}

/// Draws a badge. All that it says is the program's own words and figures.
fn picture(figure: &Figure, metric: Metric) -> String {
    let value = worded(&figure.value, metric);
    let days = match figure.range.len() {
        1 => figure.range.last.to_string(),
        days => format!("{days} days"),
    };
    let label = format!("{}, {days}", figure.label);
    // System fonts differ: each part has room for the widest of them, and the text is fitted to its part.
    let width = |text: &str| text.chars().count() * 7 + 14;
    let (left, right) = (width(&label), width(&value));
    let all = left + right;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{all}\" height=\"22\" role=\"img\" \
         aria-label=\"{label}: {value}\"><title>{label}: {value}</title>\
         <rect width=\"{all}\" height=\"22\" rx=\"4\" fill=\"#3446c4\"/>\
         <path d=\"M4 0h{inner}v22H4a4 4 0 0 1-4-4V4a4 4 0 0 1 4-4Z\" fill=\"#1b1f27\"/>\
         <g fill=\"#fff\" font-family=\"system-ui,Verdana,sans-serif\" font-size=\"12\" text-anchor=\"middle\">\
         <text x=\"{x}\" y=\"15\">{label}</text><text x=\"{y}\" y=\"15\" font-weight=\"600\">{value}</text></g></svg>",
        inner = left - 4,
        x = left / 2,
        y = left + right / 2,
    )
}

/// A metric's value in few characters; rates in percent, times in minutes and seconds.
fn worded(value: &Number, metric: Metric) -> String {
    match (value, metric) {
        (Number::Unknown, _) => "–".to_owned(),
        (Number::Real(n), Metric::BounceRate | Metric::EventRate) => format!("{:.1} %", n * 100.0),
        (number, Metric::VisitDuration) => {
            let seconds = match number {
                Number::Real(n) => n.round() as i64,
                Number::Whole(n) => *n,
                Number::Unknown => 0,
            };
            format!("{}m {:02}s", seconds / 60, seconds % 60)
        }
        (Number::Real(n), _) => format!("{n:.2}"),
        (Number::Whole(n), _) => short(*n),
    }
}

/// `412`, `12.3k`, `4.5M`: never more than there are.
fn short(n: i64) -> String {
    let tenths = |unit: i64| format!("{}.{}", n / unit, n % unit / (unit / 10));
    match n {
        ..10_000 => n.to_string(),
        10_000..1_000_000 => format!("{}k", tenths(1_000)),
        _ => format!("{}M", tenths(1_000_000)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn shared_reports_take_turns_and_whoever_gets_none_is_told_to_come_again() {
        let sharing = Sharing::new().unwrap();
        let mut turns = Vec::new();
        for _ in 0..READS_MAX {
            turns.push(sharing.turn(&sharing.reads).await.unwrap());
        }
        let begun = std::time::Instant::now();
        let error = sharing.turn(&sharing.reads).await.expect_err("no turn comes");
        assert!((5..20).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
        assert_eq!((error.status, error.retry_after_s), (StatusCode::SERVICE_UNAVAILABLE, Some(5)));
        turns.pop();
        assert!(sharing.turn(&sharing.reads).await.is_ok());
    }

    #[test]
    fn figures_of_badges_are_short_and_never_more_than_there_are() {
        for (n, words) in [
            (0, "0"),
            (9_999, "9999"),
            (10_000, "10.0k"),
            (12_399, "12.3k"),
            (999_999, "999.9k"),
            (4_560_000, "4.5M"),
        ] {
            assert_eq!(worded(&Number::Whole(n), Metric::Visits), words);
        }
        assert_eq!(worded(&Number::Real(0.4567), Metric::BounceRate), "45.7 %");
        assert_eq!(worded(&Number::Real(83.4), Metric::VisitDuration), "1m 23s");
        assert_eq!(worded(&Number::Unknown, Metric::Visits), "–");
    }
}
