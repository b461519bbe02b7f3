//! Notes on the days of a site, for people who are signed in. Reports show them (`src/web/reports.rs`).

use actix_web::{
    HttpResponse,
    web::{self, Data, Path, Payload, ServiceConfig},
};
use serde_json::json;

use super::{
    api_control::{api, body},
    auth::{Access, ControlState, blocking},
    error::ApiError,
};
use crate::{
    clock,
    control::{ControlError, Deed, NewNote},
    domain::{day::Day, declaration::SiteId},
};

type Answer = Result<HttpResponse, ApiError>;
type State = Data<ControlState>;

/// The routes; each checks that the caller may change the site.
pub fn routes(app: &mut ServiceConfig) {
    app.service(api("/api/sites/{site}/notes", |it| {
        it.route(web::get().to(notes)).route(web::post().to(add))
    }))
    .service(api("/api/sites/{site}/notes/{note}", |it| {
        it.route(web::put().to(change)).route(web::delete().to(remove))
    }));
}

/// Who asks, and the site, if they may change it.
fn changing(state: &ControlState, access: &Access, site: &str) -> Result<(String, SiteId), ApiError> {
    let who = access.staff()?.name.clone();
    Ok((who, state.changeable(access, site)?.id()))
}

async fn notes(state: State, access: Access, site: Path<String>) -> Answer {
    let (_, site) = changing(&state, &access, &site)?;
    let control = state.control.clone();
    let all = blocking(move || control.notes(site, Day(i32::MIN), Day(i32::MAX))).await?;
    Ok(HttpResponse::Ok().json(json!({ "notes": all })))
}

async fn add(state: State, access: Access, site: Path<String>, payload: Payload) -> Answer {
    let (who, site) = changing(&state, &access, &site)?;
    let note: NewNote = body(payload).await?;
    let control = state.control.clone();
    let added = blocking(move || {
        let added = control.add_note(site, &note)?;
        control.audit(&who, Deed::NotesChanged, Some(site), clock::now());
        Ok::<_, ControlError>(added)
    });
    Ok(HttpResponse::Ok().json(json!({ "note": added.await? })))
}

async fn change(state: State, access: Access, path: Path<(String, i64)>, payload: Payload) -> Answer {
    let (site, id) = path.into_inner();
    let (who, site) = changing(&state, &access, &site)?;
    let note: NewNote = body(payload).await?;
    let control = state.control.clone();
    let changed = blocking(move || {
        let changed = control.change_note(site, id, &note)?;
        control.audit(&who, Deed::NotesChanged, Some(site), clock::now());
        Ok::<_, ControlError>(changed)
    });
    Ok(HttpResponse::Ok().json(json!({ "note": changed.await? })))
}

async fn remove(state: State, access: Access, path: Path<(String, i64)>) -> Answer {
    let (site, id) = path.into_inner();
    let (who, site) = changing(&state, &access, &site)?;
    let control = state.control.clone();
    blocking(move || {
        control.remove_note(site, id)?;
        control.audit(&who, Deed::NotesChanged, Some(site), clock::now());
        Ok::<_, ControlError>(())
    })
    .await?;
    Ok(HttpResponse::Ok().json(json!({})))
}
