//! What nodes of one installation ask of each other. Only who shows their secret gets an answer.

use std::{future::Ready, sync::Arc, time::Instant};

use actix_web::{
    FromRequest, HttpRequest, HttpResponse,
    dev::Payload,
    http::{StatusCode, header},
    web::{self, Bytes, Data, PayloadConfig, ServiceConfig},
};
use serde::{Serialize, de::DeserializeOwned};

use super::error::ApiError;
use crate::{
    clock,
    domain::{declaration::SiteId, view::MemoryView},
    nodes::{
        Collecting, Node, Reporting,
        hand_out::{Asking, Turned},
        wire::{Ask, HeldSite, INSTANCE, Live, NODE, Open, Opened, PREFIX, Proposal, RUN, SITES},
    },
    parts::Parts,
};

/// Most bytes of a question: a query with all the values that a report may filter by.
const QUESTION_BYTES_MAX: usize = 1 << 20;

type Answer = Result<HttpResponse, ApiError>;

/// The routes of this node; none where it is alone.
pub fn routes(app: &mut ServiceConfig, node: &Node) {
    let at = |path: &str| format!("{PREFIX}/{path}");
    match node {
        Node::Alone => {}
        Node::Report(_) => drop(app.route(&at("declarations"), web::get().to(declarations))),
        Node::Collector(_) => {
            let asked = |path, route| {
                web::resource(at(path)).app_data(PayloadConfig::new(QUESTION_BYTES_MAX)).route(route)
            };
            app.service(asked("open", web::post().to(open)))
                .service(asked("ask", web::post().to(ask)))
                .service(asked("end", web::post().to(end)))
                .service(asked("held", web::post().to(held)))
                .service(asked("proposals", web::post().to(proposals)))
                .service(asked("collection", web::post().to(collection)))
                .service(asked("trial", web::post().to(trial)));
        }
    }
}

/// A request that carries the secret.
struct Known;

impl FromRequest for Known {
    type Error = ApiError;
    type Future = Ready<Result<Known, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        std::future::ready(known(request))
    }
}

fn known(request: &HttpRequest) -> Result<Known, ApiError> {
    let parts = request.app_data::<Data<Parts>>();
    let token = parts.and_then(|parts| parts.node.token());
    let given = request.headers().get(header::AUTHORIZATION).and_then(|given| given.to_str().ok());
    let given = given.and_then(|text| text.strip_prefix("Bearer ")).unwrap_or_default();
    match token.is_some_and(|token| token.admits(given)) {
        true => Ok(Known),
        false => Err(ApiError::new(
            StatusCode::UNAUTHORIZED,
            "this is for the nodes of one installation: their `node_token_file` holds the same secret",
        )),
    }
}

fn reporting(parts: &Parts) -> Result<Arc<Reporting>, ApiError> {
    parts.node.report().cloned().ok_or_else(|| ApiError::internal(&"not a report node"))
}

fn collecting(parts: &Parts) -> Result<Arc<Collecting>, ApiError> {
    parts.node.collector().cloned().ok_or_else(|| ApiError::internal(&"not a collector"))
}

async fn declarations(_: Known, parts: Data<Parts>, request: HttpRequest) -> Answer {
    let reporting = reporting(&parts)?;
    let header = |name: &str| request.headers().get(name).and_then(|text| text.to_str().ok());
    let said = |name: &str| header(name).filter(|text| (1..=64).contains(&text.len())).map(str::to_owned);
    let count = |name: &str| header(name).and_then(|text| text.parse::<u32>().ok());
    let (Some(number), Some(sites_made), Some(instance), Some(run)) =
        (count(NODE), count(SITES), said(INSTANCE), said(RUN))
    else {
        let words = format!("{NODE}, {SITES}, {INSTANCE} and {RUN} say who asks");
        return Err(ApiError::bad_request(words));
    };
    let asking = Asking { number, instance, run, sites_made };
    let made = blocking(move || {
        let admitted = reporting.hand_out.admit(&asking, Instant::now())?;
        Ok(match admitted {
            Err(Turned::Later(words)) => Err(ApiError::unavailable(&words)),
            Err(Turned::Away(words)) => {
                tracing::error!(collector = asking.number, "refused a collector: {words}");
                Err(ApiError::new(StatusCode::CONFLICT, words))
            }
            Ok(()) => Ok(reporting.hand_out.current()?),
        })
    });
    let made = made.await??;
    if header("if-none-match") == Some(&made.version) {
        return Ok(HttpResponse::NotModified().insert_header((header::ETAG, made.version.clone())).finish());
    }
    let answer = HttpResponse::Ok()
        .insert_header((header::ETAG, made.version.clone()))
        .content_type("application/json")
        .body(made.body.clone());
    Ok(answer)
}

async fn open(_: Known, parts: Data<Parts>, body: Bytes) -> Answer {
    let Open { site, reader } = read(&body)?;
    let collecting = collecting(&parts)?;
    let opened = blocking(move || {
        let (site, now) = (SiteId(site), clock::now());
        // Before memory: what is set aside in between is at worst said to be missing and is there.
        let aside = parts.closing.aside_of(site);
        let view = parts.memory.view(site, reader);
        let days = view.held().collect();
        let live = parts.memory.today(site, now).map_or((0, [0; 30]), |day| day.live_visitors(now));
        let live = Live { visitors: live.0, minutes: live.1 };
        let reading =
            collecting.readings.keep(MemoryView { days: view.days, ..MemoryView::default() }, Instant::now());
        let reading = reading.map_err(|error| ApiError::internal(&error))?;
        let reading = reading.ok_or_else(|| ApiError::unavailable("too many readings are under way"))?;
        let (node, instance) = (collecting.number, collecting.instance.clone());
        Ok::<_, ApiError>(Opened { node, instance, reading, days, aside, live })
    });
    answer(&opened.await?)
}

async fn ask(_: Known, parts: Data<Parts>, body: Bytes) -> Answer {
    let Ask { reading, query } = read(&body)?;
    let view = collecting(&parts)?.readings.view(reading, Instant::now());
    let view = view.ok_or_else(|| ApiError::new(StatusCode::GONE, "this reading has ended"))?;
    let groups = blocking(move || Ok::<_, ApiError>(crate::domain::query::merge(view.evaluate(&query))));
    answer(&groups.await?)
}

async fn end(_: Known, parts: Data<Parts>, body: Bytes) -> Answer {
    collecting(&parts)?.readings.end(read(&body)?, Instant::now());
    answer(&())
}

async fn held(_: Known, parts: Data<Parts>, body: Bytes) -> Answer {
    let site = SiteId(read(&body)?);
    let collecting = collecting(&parts)?;
    let held = blocking(move || {
        // Asked first: a site that takes hits until then may have opened a day, and that is looked for next.
        let takes_hits = parts.control.directory().load().by_id(site).is_some();
        let mut days = parts.closing.days_in_files(site).map_err(|error| ApiError::internal(&error))?;
        days.extend(parts.memory.days_of(site).iter().map(|day| day.calendar.day));
        let erasing = parts.control.removals().map_err(|error| ApiError::internal(&error))?.contains(&site);
        let (node, instance) = (collecting.number, collecting.instance.clone());
        Ok::<_, ApiError>(HeldSite { node, instance, days: days.into_iter().collect(), takes_hits, erasing })
    });
    answer(&held.await?)
}

async fn proposals(_: Known, parts: Data<Parts>, body: Bytes) -> Answer {
    let site = SiteId(read(&body)?);
    let day = parts.memory.today(site, clock::now());
    let proposals = day.map(|day| day.proposals()).unwrap_or_default().into_iter().map(|one| Proposal {
        event: one.event.to_string(),
        property: one.property.map(|text| text.to_string()),
        text: one.text.to_string(),
        visitors: one.visitors,
    });
    answer(&proposals.collect::<Vec<_>>())
}

/// What was found under the token of a trial hit, if it came here.
async fn trial(_: Known, parts: Data<Parts>, body: Bytes) -> Answer {
    answer(&parts.collector.trials.found(read(&body)?))
}

/// How this collector takes hits, for what the report node discloses.
async fn collection(_: Known, parts: Data<Parts>) -> Answer {
    answer(&parts.process.collection)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    super::auth::blocking(work).await
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    postcard::from_bytes(body).map_err(|error| ApiError::bad_request(format!("this cannot be read: {error}")))
}

fn answer(message: &impl Serialize) -> Answer {
    let body = postcard::to_stdvec(message).map_err(|error| ApiError::internal(&error))?;
    Ok(HttpResponse::Ok().content_type("application/octet-stream").body(body))
}
