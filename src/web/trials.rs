//! Trial hits over HTTP: tokens for who sets a site up, what was found under them, and a page that sends one.

use actix_web::{
    HttpResponse,
    http::header,
    web::{self, Data, Path, ServiceConfig},
};
use serde_json::{Value, json};

use super::{
    api_control::api,
    auth::{self, Access, ControlState, blocking},
    error::ApiError,
};
use crate::{
    clock,
    collect::trial::{Finding, MARK, PAGE},
    parts::Parts,
};

type Answer = Result<HttpResponse, ApiError>;

/// The routes. They need `Data<ControlState>` and `Data<Parts>` in the application.
pub fn routes(app: &mut ServiceConfig) {
    app.service(api("/api/sites/{site}/trials", |it| it.route(web::post().to(begin))))
        .service(api("/api/sites/{site}/trials/{token}", |it| it.route(web::get().to(found))))
        .route("/setup-test", web::get().to(page))
        .route("/setup-test.js", web::get().to(script));
}

/// A token for who is signed in: an address of the site that carries it is opened, or this server's own page.
async fn begin(parts: Data<Parts>, state: Data<ControlState>, access: Access, site: Path<String>) -> Answer {
    access.staff()?;
    let (entry, _) = state.readable(&access, &site)?;
    let token = parts.collector.trials.token(entry.id(), clock::now());
    let token = token.map_err(|error| ApiError::internal(&error))?;
    let site = entry.at(clock::now());
    let host = site.hosts.first().map(|host| host.trim_start_matches("*."));
    Ok(HttpResponse::Ok().json(json!({
        "token": token,
        "mark": MARK,
        "page": host.map(|host| format!("https://{host}/")),
        "test": format!("{PAGE}?site={}&{MARK}={token}", site.name),
    })))
}

/// What was found; `null` until the hit is here.
async fn found(
    parts: Data<Parts>,
    state: Data<ControlState>,
    access: Access,
    path: Path<(String, String)>,
) -> Answer {
    access.staff()?;
    let (site, token) = path.into_inner();
    let (entry, _) = state.readable(&access, &site)?;
    let trial = parts.collector.trials.read(&token, clock::now()).filter(|trial| trial.site == entry.id());
    let Some(trial) = trial else {
        return Err(ApiError::bad_request("this token is none, or its ten minutes are over"));
    };
    let finding = blocking(move || {
        let here = parts.collector.trials.found(trial.number);
        let elsewhere = || parts.node.report()?.collectors.trial(trial.number);
        Ok::<_, ApiError>(here.or_else(elsewhere))
    })
    .await?;
    Ok(HttpResponse::Ok().json(json!({ "finding": finding.map(|finding| told(&finding)) })))
}

fn told(finding: &Finding) -> Value {
    let Finding { outcome, named, of_other_site, host, untrusted_proxy } = finding;
    json!({
        "outcome": outcome.name(),
        "named": named,
        "of_other_site": of_other_site,
        "host": host,
        "untrusted_proxy": untrusted_proxy,
    })
}

/// The page. Nobody but this server's own screens may frame it, and it loads nothing from elsewhere.
async fn page() -> HttpResponse {
    let policy = auth::content_policy("'self'");
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CONTENT_SECURITY_POLICY, policy))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header(("x-content-type-options", "nosniff"))
        .insert_header(("referrer-policy", "no-referrer"))
        .body(include_str!("setup_test/page.html"))
}

async fn script() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/javascript; charset=utf-8")
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .insert_header(("x-content-type-options", "nosniff"))
        .body(include_str!("setup_test/page.js"))
}
