//! What anybody may read about how a site is counted: the policy page and its facts. No sign-in, no script.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use actix_web::{
    HttpRequest, HttpResponse, ResponseError,
    http::{
        StatusCode,
        header::{self, HeaderValue},
    },
    middleware::{Compress, DefaultHeaders},
    web::{self, Data, Path, Query, ServiceConfig},
};
use serde::Deserialize;

use super::error::ApiError;
use crate::{
    clock,
    control::Entry,
    disclosure::{
        Collecting, Facts, Format, Language,
        html::{self, STYLE_HASH},
        render,
    },
    parts::Parts,
};

/// What collectors have said is asked again after this long.
const ASK_AGAIN: Duration = Duration::from_secs(60);

/// What collectors said last, and when.
#[derive(Default)]
pub struct Disclosing(Mutex<Option<(Instant, Collecting)>>);

/// The public routes, on every node.
pub fn routes(app: &mut ServiceConfig, disclosing: &Data<Disclosing>) {
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{STYLE_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    let headers = DefaultHeaders::new()
        .add((header::CONTENT_SECURITY_POLICY, policy))
        .add((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .add((header::REFERRER_POLICY, "no-referrer"))
        .add((header::VARY, "accept-language"));
    app.app_data(disclosing.clone());
    app.service(
        web::resource("/privacy/{site}")
            .wrap(headers.clone())
            .wrap(Compress::default())
            .route(web::get().to(page)),
    );
    app.service(
        web::resource("/.well-known/analytics-disclosure.json")
            .wrap(headers)
            .wrap(Compress::default())
            .route(web::get().to(well_known)),
    );
}

#[derive(Deserialize)]
struct Asked {
    lang: Option<String>,
    format: Option<String>,
    site: Option<String>,
}

async fn page(
    request: HttpRequest,
    parts: Data<Parts>,
    site: Path<String>,
    asked: Query<Asked>,
) -> HttpResponse {
    let language = language(&request, &asked);
    let format = asked.format.as_deref().map_or(Some(Format::Html), Format::named);
    let entry = parts.control.directory().load().by_name(&site).cloned();
    let (Some(entry), Some(format)) = (entry, format) else { return nothing(language) };
    // The name as the site has it now: an older one is an alias.
    let path = format!("/privacy/{}", entry.name());
    answer(&request, parts, entry, move |facts| {
        (format.content_type(), render(facts, format, language, Some(&path)))
    })
    .await
}

/// Of the site that is named, else of the site whose host was asked.
async fn well_known(request: HttpRequest, parts: Data<Parts>, asked: Query<Asked>) -> HttpResponse {
    let directory = parts.control.directory().load_full();
    let host = request.connection_info().host().to_owned();
    let host = host.rsplit_once(':').map_or(host.as_str(), |(host, _)| host);
    let entry = match &asked.site {
        Some(name) => directory.by_name(name),
        None => directory.by_host(host),
    };
    let Some(entry) = entry.cloned() else {
        let words = "no site of this name is here: name one with ?site=";
        return HttpResponse::NotFound().json(serde_json::json!({ "error": words }));
    };
    let mut answer = answer(&request, parts, entry, |facts| {
        (Format::Json.content_type(), render(facts, Format::Json, Language::En, None))
    })
    .await;
    // Facts for everyone: consent tools read them from pages of their own.
    answer.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    answer
}

fn language(request: &HttpRequest, asked: &Asked) -> Language {
    let accepted = request.headers().get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let accepted = || accepted.map(Language::accepted).unwrap_or_default();
    asked.lang.as_deref().and_then(Language::named).unwrap_or_else(accepted)
}

fn nothing(language: Language) -> HttpResponse {
    HttpResponse::build(StatusCode::NOT_FOUND)
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .content_type("text/html; charset=utf-8")
        .body(html::nothing(language))
}

/// Asked again each time, and answered with 304 where nothing changed: a change of a setting shows at once.
async fn answer(
    request: &HttpRequest,
    parts: Data<Parts>,
    entry: std::sync::Arc<Entry>,
    form: impl Fn(&Facts) -> (&'static str, String) + Send + 'static,
) -> HttpResponse {
    let disclosing = request.app_data::<Data<Disclosing>>().cloned();
    let made = web::block(move || {
        let collecting = collecting(&parts, disclosing.as_deref().map(|one| &**one));
        form(&Facts::of(&entry, clock::now(), &parts.process, collecting))
    });
    let (kind, body) = match made.await {
        Ok(made) => made,
        Err(error) => return ApiError::internal(&error).error_response(),
    };
    // No tag that could tell browsers apart: it is the hash of what everybody gets.
    let tag = format!("\"{}\"", &blake3::hash(body.as_bytes()).to_hex()[..24]);
    let known = request.headers().get(header::IF_NONE_MATCH).map(HeaderValue::as_bytes);
    let mut answer = match known == Some(tag.as_bytes()) {
        true => HttpResponse::NotModified(),
        false => HttpResponse::Ok(),
    };
    let unchanged = known == Some(tag.as_bytes());
    answer.insert_header((header::ETAG, tag)).insert_header((header::CACHE_CONTROL, "no-cache"));
    if unchanged { answer.finish() } else { answer.content_type(kind).body(body) }
}

/// How hits are taken: here, or as the collectors say. Blocks where they have to be asked.
fn collecting(parts: &Parts, disclosing: Option<&Disclosing>) -> Collecting {
    let Some(reporting) = parts.node.report() else { return Collecting::here(&parts.process) };
    let mut said = disclosing.map(|one| one.0.lock().unwrap_or_else(PoisonError::into_inner));
    let now = Instant::now();
    if let Some((at, collecting)) = said.as_deref().and_then(Option::as_ref)
        && now.duration_since(*at) < ASK_AGAIN
    {
        return collecting.clone();
    }
    let (known, silent) = reporting.collectors.collections();
    let collecting = Collecting { known, silent };
    if let Some(said) = said.as_deref_mut() {
        *said = Some((now, collecting.clone()));
    }
    collecting
}
