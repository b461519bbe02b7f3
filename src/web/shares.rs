//! What a site shares with people who have no account: listed, made and revoked by those who have one.

use std::sync::Arc;

use actix_web::{
    HttpResponse,
    web::{self, Data, Path, Payload, ServiceConfig},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    api_control::{api, body},
    auth::{Access, ControlState, blocking},
    error::ApiError,
};
use crate::{
    clock,
    control::{Deed, Entry, Invalid, NewShare, Share, ShareKind, Shown},
    domain::{
        day::{Day, UnixMs},
        plan::{Dimension, Filter, Metric},
    },
    report::{self, Today},
};

type Answer = Result<HttpResponse, ApiError>;
type State = Data<ControlState>;

/// The routes. They need `Data<ControlState>` in the application.
pub fn routes(app: &mut ServiceConfig) {
    app.service(api("/api/sites/{site}/shares", |it| {
        it.route(web::get().to(list)).route(web::post().to(add))
    }))
    .service(api("/api/sites/{site}/shares/{share}", |it| it.route(web::delete().to(revoke))));
}

/// A share as lists show it. A link's token is known only when it is made.
fn shown(share: &Share, entry: &Entry, now: UnixMs) -> Value {
    json!({
        "id": share.id,
        "name": share.name,
        "kind": share.kind,
        "filters": share.shown.filters,
        "period": share.shown.period,
        "metric": share.shown.metric,
        "password": share.password.is_some(),
        "frames": share.frames,
        "created": share.created.to_string(),
        "last_day": share.last_day.map(|day| day.to_string()),
        "ended": share.last_day.is_some_and(|last| last < entry.day(now)),
    })
}

async fn list(state: State, access: Access, site: Path<String>) -> Answer {
    let entry = state.changeable(&access, &site)?;
    let (control, id) = (state.control.clone(), entry.id());
    let shares = blocking(move || control.shares(id)).await?;
    let now = clock::now();
    let shares: Vec<Value> = shares.iter().map(|share| shown(share, &entry, now)).collect();
    Ok(HttpResponse::Ok().json(json!({ "shares": shares })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ShareBody {
    name: String,
    kind: ShareKind,
    /// Filters, and the period and metric of a badge: the query string of a view's address.
    #[serde(default)]
    view: String,
    password: Option<String>,
    last_day: Option<String>,
    #[serde(default)]
    frames: Vec<String>,
}

async fn add(state: State, access: Access, site: Path<String>, payload: Payload) -> Answer {
    let who = access.staff()?.name.clone();
    let entry = state.changeable(&access, &site)?;
    let wanted: ShareBody = body(payload).await?;
    let _turn = match wanted.password {
        Some(_) => Some(state.hashing_turn(true).await?),
        None => None,
    };
    let (control, of) = (state.control.clone(), entry.clone());
    let (made, token) = blocking(move || -> Result<_, ApiError> {
        let now = clock::now();
        let added = control.add_share(of.name(), read(&wanted, &of, now)?, now)?;
        control.audit(&who, Deed::ShareAdded, Some(of.id()), now);
        Ok(added)
    })
    .await?;
    let path = match (made.kind, token) {
        (ShareKind::Badge, Some(token)) => format!("/badge/{token}.svg"),
        (_, Some(token)) => format!("/share/{token}"),
        (_, None) => format!("/share/{}", entry.name()),
    };
    Ok(HttpResponse::Ok().json(json!({ "share": shown(&made, &entry, clock::now()), "path": path })))
}

/// What is wanted, understood.
fn read<'a>(wanted: &'a ShareBody, entry: &Arc<Entry>, now: UnixMs) -> Result<NewShare<'a>, Invalid> {
    let site = entry.at(now);
    let today = Today::on(&site.zone, entry.day(now), now);
    let view = wanted.view.trim_start_matches('?');
    let wrong = |words: String| Invalid::new("view", view, words);
    let filters = report::filters(view, site).map_err(wrong)?;
    let of_event = |one: &Filter| matches!(one.dimension, Dimension::Event | Dimension::Property(_));
    if wanted.kind != ShareKind::Badge && filters.iter().any(of_event) {
        // Rates have all visits for a denominator, so who looks could tell them.
        return Err(wrong("events cannot be locked: remove the filters on event and properties".to_owned()));
    }
    let mut read = Shown { filters, ..Shown::default() };
    if wanted.kind == ShareKind::Badge {
        let plan = report::parse(view, &[], site, &today, None).map_err(wrong)?;
        plan.scope.tile(plan.metric).map_err(|words| wrong(words.to_owned()))?;
        let counted = if plan.scope.event { &Metric::EVENT_TILES[..] } else { &Metric::TILES[..] };
        if !counted.contains(&plan.metric) {
            return Err(wrong("a badge shows one of the tiles".to_owned()));
        }
        read.metric = Some(plan.metric.key().to_owned());
        read.period = Some(report::period(view).unwrap_or_else(|| "28d".to_owned()));
    }
    let last_day = wanted.last_day.as_deref().map(|text| {
        let day = Day::parse(text).filter(|day| *day >= today.day);
        day.ok_or_else(|| {
            Invalid::new("last_day", text, format!("a day such as `{}`, not before it", today.day))
        })
    });
    Ok(NewShare {
        name: &wanted.name,
        kind: wanted.kind,
        password: wanted.password.as_deref(),
        last_day: last_day.transpose()?,
        shown: read,
        frames: wanted.frames.clone(),
    })
}

async fn revoke(state: State, access: Access, path: Path<(String, i64)>) -> Answer {
    let who = access.staff()?.name.clone();
    let (site, share) = path.into_inner();
    let entry = state.changeable(&access, &site)?;
    let control = state.control.clone();
    blocking(move || -> Result<(), ApiError> {
        control.revoke_share(entry.id(), share)?;
        control.audit(&who, Deed::ShareRevoked, Some(entry.id()), clock::now());
        Ok(())
    })
    .await?;
    Ok(HttpResponse::Ok().json(json!({})))
}
