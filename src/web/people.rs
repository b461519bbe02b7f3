//! Who else may read or change a site: people with their roles, and invitations.

use actix_web::{
    HttpRequest, HttpResponse,
    cookie::time::Duration as CookieDuration,
    web::{self, Data, Path, Payload},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    api_control::{administered, api, body},
    auth::{self, Access, ControlState, Visitor, blocking},
    error::ApiError,
};
use crate::{
    clock,
    control::{ControlError, Deed, Directory, Invitation, Role, SESSION_DAYS, User},
    domain::declaration::SiteId,
};

type Answer = Result<HttpResponse, ApiError>;
type State = Data<ControlState>;

pub fn routes(config: &mut web::ServiceConfig) {
    config
        .service(api("/api/people", |it| it.route(web::get().to(people))))
        .service(api("/api/people/{id}", |it| {
            it.route(web::put().to(set_role)).route(web::delete().to(remove))
        }))
        .service(api("/api/invitations", |it| it.route(web::post().to(invite))))
        .service(api("/api/invitations/{id}", |it| it.route(web::delete().to(take_back))))
        .service(api("/api/join", |it| it.route(web::post().to(join))))
        .service(api("/api/join/look", |it| it.route(web::post().to(look))));
}

/// Whether somebody who may change these sites (`None`: all) is told of something at a site, or of the install.
fn concerns(sites: Option<&[SiteId]>, site: Option<SiteId>) -> bool {
    sites.is_none_or(|sites| site.is_some_and(|site| sites.contains(&site)))
}

/// Everybody, or for administrators those who have to do with their sites; and open invitations.
async fn people(state: State, access: Access) -> Answer {
    let sites = administered(&access)?;
    let me = access.staff()?.id;
    let told = blocking(move || -> Result<Value, ControlError> {
        let directory = state.directory.load();
        let sites = sites.as_deref();
        let users = state.control.users()?;
        let told: Vec<Value> = users.iter().filter_map(|user| person(user, sites, &directory, me)).collect();
        let mut open = state.control.invitations(clock::now())?;
        open.retain(|one| concerns(sites, one.site_id));
        Ok(json!({ "people": told, "invitations": open }))
    });
    Ok(HttpResponse::Ok().json(told.await?))
}

/// A person as far as these sites go; owners have to do with all.
fn person(user: &User, sites: Option<&[SiteId]>, directory: &Directory, me: i64) -> Option<Value> {
    let name = |site: &SiteId| directory.by_id(*site).map(|entry| entry.name().to_owned());
    let shown = user.sites.iter().filter(|(site, _)| concerns(sites, Some(**site)));
    let roles: Vec<Value> =
        shown.filter_map(|(site, role)| Some(json!({ "site": name(site)?, "role": role }))).collect();
    let known = user.owner || sites.is_none() || !roles.is_empty();
    known.then(|| {
        json!({
            "id": user.id, "name": user.name, "owner": user.owner, "second_factor": user.second_factor,
            "sites": roles, "you": user.id == me,
        })
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RoleBody {
    /// Without one: the install.
    site: Option<String>,
    /// Without one: none.
    role: Option<Role>,
}

async fn set_role(state: State, access: Access, person: Path<i64>, payload: Payload) -> Answer {
    administered(&access)?;
    let who = access.staff()?.clone();
    let RoleBody { site, role } = body(payload).await?;
    let at = match &site {
        Some(site) => Some(state.changeable(&access, site)?.id()),
        None => {
            access.owner()?;
            None
        }
    };
    let deed = if role.is_some() { Deed::RoleGiven } else { Deed::RoleTaken };
    blocking(move || {
        let control = &state.control;
        // An administrator learns of nobody by number.
        if let Some(at) = at.filter(|_| !who.owner) {
            let known =
                control.users()?.into_iter().any(|user| user.id == *person && user.sites.contains_key(&at));
            if !known {
                return Err(ControlError::NotFound { what: "person", name: person.to_string() });
            }
        }
        control.set_role(*person, site.as_deref(), role, clock::now())?;
        let of = control.users()?.into_iter().find(|user| user.id == *person);
        let about = of.map(|user| with_role(&user.name, role));
        control.audit_about(&who.name, deed, about.as_deref(), at, clock::now());
        Ok(())
    })
    .await?;
    Ok(HttpResponse::Ok().json(json!({})))
}

/// `bob (viewer)`, for the audit log.
fn with_role(name: &str, role: Option<Role>) -> String {
    match role {
        Some(role) => format!("{name} ({})", role.name()),
        None => name.to_owned(),
    }
}

async fn remove(state: State, access: Access, person: Path<i64>) -> Answer {
    let who = access.owner()?.name.clone();
    blocking(move || {
        let removed = state.control.remove_user(*person)?;
        state.control.audit_about(&who, Deed::UserRemoved, Some(&removed.name), None, clock::now());
        Ok::<_, ControlError>(())
    })
    .await?;
    Ok(HttpResponse::Ok().json(json!({})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InviteBody {
    /// Without one: to own the install.
    site: Option<String>,
    role: Role,
}

async fn invite(state: State, access: Access, payload: Payload) -> Answer {
    administered(&access)?;
    let who = access.staff()?.clone();
    let InviteBody { site, role } = body(payload).await?;
    let at = match &site {
        Some(site) => Some(state.changeable(&access, site)?.id()),
        None => {
            access.owner()?;
            None
        }
    };
    let (token, invitation) = blocking(move || {
        let made = state.control.invite(&who, site.as_deref(), role, clock::now())?;
        let about = with_role("somebody", Some(role));
        state.control.audit_about(&who.name, Deed::Invited, Some(&about), at, clock::now());
        Ok::<_, ControlError>(made)
    })
    .await?;
    // Behind the `#`: browsers send it to no server, and no log has it.
    Ok(HttpResponse::Ok().json(json!({ "path": format!("/join#{token}"), "invitation": invitation })))
}

async fn take_back(state: State, access: Access, id: Path<i64>) -> Answer {
    let sites = administered(&access)?;
    let who = access.staff()?.name.clone();
    blocking(move || {
        let control = &state.control;
        let open = control.invitations(clock::now())?;
        let found = open.into_iter().find(|one| one.id == *id && concerns(sites.as_deref(), one.site_id));
        let found =
            found.ok_or_else(|| ControlError::NotFound { what: "invitation", name: id.to_string() })?;
        control.revoke_invitation(found.id)?;
        control.audit(&who, Deed::InvitationRevoked, found.site_id, clock::now());
        Ok::<_, ControlError>(())
    })
    .await?;
    Ok(HttpResponse::Ok().json(json!({})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Token {
    token: String,
}

/// What an invitation is for: for whoever holds it.
async fn look(request: HttpRequest, state: State, payload: Payload) -> Answer {
    state.own_page(&request)?;
    let Token { token } = body(payload).await?;
    let found = blocking(move || state.control.invitation(&token, clock::now())).await?;
    Ok(HttpResponse::Ok().json(json!({ "invitation": found })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JoinBody {
    token: String,
    /// Of a new person; who is signed in joins as themselves.
    name: Option<String>,
    password: Option<String>,
}

async fn join(request: HttpRequest, state: State, visitor: Visitor, payload: Payload) -> Answer {
    state.own_page(&request)?;
    let JoinBody { token, name, password } = body(payload).await?;
    match (visitor.0, name, password) {
        (Some(Access::Staff { user }), None, None) => {
            let (user, _) = blocking(move || {
                let joined = state.control.accept(&token, user.id, clock::now())?;
                note(&state, &joined);
                Ok::<_, ControlError>(joined)
            })
            .await?;
            Ok(HttpResponse::Ok().json(json!({ "user": auth::person(&user) })))
        }
        (_, Some(name), Some(password)) => join_as_new(&request, &state, token, name, password).await,
        _ => Err(ApiError::bad_request("name, password: of a new person, unless somebody is signed in")),
    }
}

fn note(state: &ControlState, (user, invitation): &(User, Invitation)) {
    let about = with_role(&format!("of {}", invitation.by), Some(invitation.role));
    state.control.audit_about(&user.name, Deed::Joined, Some(&about), invitation.site_id, clock::now());
}

async fn join_as_new(
    request: &HttpRequest,
    state: &State,
    token: String,
    name: String,
    password: String,
) -> Answer {
    state.attempt(request, &token, clock::now())?;
    // Before the turn to hash is waited for: who has no invitation takes none.
    let (control, held) = (state.control.clone(), token.clone());
    blocking(move || control.invitation(&held, clock::now())).await?;
    let browser = state.caller.browser(request);
    let session = {
        let _turn = state.hashing_turn(false).await?;
        let state = state.clone();
        blocking(move || {
            let (session, accepted) =
                state.control.accept_as_new(&token, &name, &password, &browser, clock::now())?;
            note(&state, &(session.user.clone(), accepted));
            Ok::<_, ControlError>(session)
        })
        .await?
    };
    let cookie = state.session_cookie(session.token, CookieDuration::days(SESSION_DAYS));
    Ok(HttpResponse::Ok().cookie(cookie).json(json!({ "user": auth::person(&session.user) })))
}
