//! The control API: first run, sign-in, sites, settings, proposals, keys. Reports are elsewhere.

use std::sync::Arc;

use actix_web::{
    HttpRequest, HttpResponse, Resource,
    cookie::time::Duration as CookieDuration,
    dev::HttpServiceFactory,
    http::StatusCode,
    middleware::Compress,
    web::{self, Data, Path, Payload},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use url::Url;

use super::{
    auth::{self, Access, ControlState, Proposed, Visitor, blocking},
    error::ApiError,
};
use crate::{
    clock,
    collect::endpoint::Collector,
    control::{
        Claim, ControlError, Deed, Entry, Invalid, NewSite, Role, SESSION_DAYS, Scope, Settings, SiteRecord,
        User, read_body,
    },
    domain::{
        declaration::{EventDeclaration, Once, PropertyDeclaration, SiteId, Values},
        snippet::snippet,
    },
    verify,
};

/// Most bytes of a request's body.
const BODY_BYTES_MAX: usize = 1 << 20;

type Answer = Result<HttpResponse, ApiError>;
type State = Data<ControlState>;

/// The routes of the control API, with its headers. They need `Data<ControlState>` in the application.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .service(api("/api/state", |it| it.route(web::get().to(state))))
        .service(api("/api/claim", |it| it.route(web::post().to(claim))))
        .service(api("/api/session", |it| {
            it.route(web::post().to(sign_in)).route(web::delete().to(sign_out))
        }))
        .service(api("/api/sites", |it| it.route(web::get().to(sites)).route(web::post().to(add_site))))
        .service(api("/api/sites/{site}", |it| it.route(web::delete().to(remove_site))))
        .service(api("/api/sites/{site}/settings", |it| {
            it.route(web::get().to(settings)).route(web::put().to(replace_settings))
        }))
        .service(api("/api/sites/{site}/snippet", |it| it.route(web::get().to(snippet_of))))
        .service(api("/api/sites/{site}/verification", |it| it.route(web::get().to(verification))))
        .service(api("/api/sites/{site}/proposals", |it| it.route(web::get().to(proposals))))
        .service(api("/api/sites/{site}/proposals/declare", |it| it.route(web::post().to(declare))))
        .service(api("/api/audit", |it| it.route(web::get().to(audit))))
        .service(api("/api/keys", |it| it.route(web::get().to(keys)).route(web::post().to(add_key))))
        .service(api("/api/keys/{key}", |it| it.route(web::delete().to(revoke_key))));
}

/// A resource of the API with its headers; nothing of it is cached.
pub fn api(path: &str, routes: fn(Resource) -> Resource) -> impl HttpServiceFactory + use<> {
    routes(web::resource(path)).wrap(auth::security_headers().add(("cache-control", "no-store")))
}

/// The same for answers of many kilobytes: packed, for who can read that.
pub(super) fn packed(path: &str, routes: fn(Resource) -> Resource) -> impl HttpServiceFactory + use<> {
    let headers = auth::security_headers().add(("cache-control", "no-store"));
    routes(web::resource(path)).wrap(Compress::default()).wrap(headers)
}

/// Reads a JSON body of at most 1 MiB.
pub(super) async fn body<T: DeserializeOwned>(payload: Payload) -> Result<T, ApiError> {
    let too_large = |_| {
        let message = format!("the body is too large: at most {BODY_BYTES_MAX} bytes");
        ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, message)
    };
    let bytes = payload.to_bytes_limited(BODY_BYTES_MAX).await.map_err(too_large)?;
    let bytes = bytes.map_err(|_| ApiError::bad_request("the body broke off"))?;
    Ok(read_body(&bytes)?)
}

async fn state(state: State, visitor: Visitor) -> Answer {
    let control = state.control.clone();
    let is_claimed = blocking(move || control.is_claimed()).await?;
    let user = visitor.0.as_ref().and_then(|access| access.staff().ok());
    let sites: Vec<Value> = match user {
        Some(user) => by_name(&state, user).iter().map(|(entry, role)| card(entry, *role)).collect(),
        None => Vec::new(),
    };
    Ok(HttpResponse::Ok().json(json!({
        "claimed": is_claimed,
        "user": user.map(auth::person),
        "version": env!("CARGO_PKG_VERSION"),
        "sites": sites,
    })))
}

/// The sites that a person knows of, and what they may do there.
fn by_name(state: &ControlState, user: &User) -> Vec<(Arc<Entry>, Role)> {
    let directory = state.directory.load();
    let known = |entry: &Arc<Entry>| Some((entry.clone(), user.role_at(entry.id())?));
    let mut entries: Vec<_> = directory.entries().iter().filter_map(known).collect();
    entries.sort_by(|(one, _), (other, _)| one.name().cmp(other.name()));
    entries
}

/// A site in few words.
fn card(entry: &Entry, role: Role) -> Value {
    let site = entry.at(clock::now());
    json!({
        "name": site.name,
        "hosts": site.hosts,
        "zone": site.zone.name(),
        "uuid": site.uuid,
        "simulated": site.simulated,
        "k": site.k,
        "role": role,
    })
}

fn record_card(record: &SiteRecord) -> Value {
    let settings = &record.settings;
    json!({
        "name": record.name,
        "hosts": settings.hosts,
        "zone": settings.zone,
        "uuid": record.uuid,
        "simulated": record.simulated,
        "k": settings.k,
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClaimBody {
    token: String,
    name: String,
    password: String,
    site: SiteBody,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SiteBody {
    host: String,
    zone: String,
}

async fn claim(request: HttpRequest, state: State, payload: Payload) -> Answer {
    state.own_page(&request)?;
    let ClaimBody { token, name, password, site } = body(payload).await?;
    let browser = state.caller.browser(&request);
    let (session, site) = {
        let _turn = state.hashing_turn(false).await?;
        let control = state.control.clone();
        blocking(move || {
            let site = NewSite::new(&site.host, &site.zone);
            let claim = Claim { token: &token, name: &name, password: &password, site };
            let claimed = control.claim(claim, &browser, clock::now())?;
            control.audit(&name, Deed::Claimed, Some(claimed.1.id), clock::now());
            Ok::<_, ControlError>(claimed)
        })
        .await?
    };
    let cookie = state.session_cookie(session.token, CookieDuration::days(SESSION_DAYS));
    Ok(HttpResponse::Ok()
        .cookie(cookie)
        .json(json!({ "user": auth::person(&session.user), "site": record_card(&site) })))
}

async fn sign_in(request: HttpRequest, state: State, payload: Payload) -> Answer {
    state.own_page(&request)?;
    let given = body(payload).await?;
    auth::sign_in(&request, &state, given, clock::now()).await
}

async fn sign_out(request: HttpRequest, state: State) -> Answer {
    auth::sign_out(&request, &state).await
}

async fn sites(state: State, access: Access) -> Answer {
    let entries = by_name(&state, access.staff()?);
    let live = state.live.clone();
    let listed = blocking(move || -> Result<Vec<Value>, ApiError> {
        let one = |(entry, role): &(Arc<Entry>, Role)| {
            let summary = live.summary(entry);
            let site = entry.at(clock::now());
            let mut listed = json!({
                "name": site.name,
                "zone": site.zone.name(),
                "simulated": site.simulated,
                "live": summary.live,
                "role": role,
            });
            let week = json!(summary.week);
            for (name, value) in week.as_object().into_iter().flatten() {
                listed[name] = value.clone();
            }
            if !summary.missing.is_empty() {
                listed["missing"] = json!(summary.missing);
            }
            listed
        };
        Ok(entries.iter().map(one).collect())
    })
    .await?;
    Ok(HttpResponse::Ok().json(json!({ "sites": listed })))
}

async fn add_site(state: State, access: Access, payload: Payload) -> Answer {
    let who = access.owner()?.name.clone();
    let SiteBody { host, zone } = body(payload).await?;
    let control = state.control.clone();
    let added = blocking(move || {
        let added = control.add_site(NewSite::new(&host, &zone), clock::now())?;
        control.audit(&who, Deed::SiteAdded, Some(added.id), clock::now());
        Ok::<_, ControlError>(added)
    })
    .await?;
    Ok(HttpResponse::Ok().json(json!({ "site": record_card(&added) })))
}

async fn remove_site(state: State, access: Access, site: Path<String>) -> Answer {
    let who = access.owner()?.name.clone();
    let control = state.control.clone();
    blocking(move || {
        let removed = control.remove_site(&site, clock::now())?;
        control.audit(&who, Deed::SiteRemoved, Some(removed.id), clock::now());
        Ok::<_, ControlError>(())
    })
    .await?;
    Ok(HttpResponse::Ok().json(json!({})))
}

/// The whole document for who may change it; viewers are not told what is the site's own traffic.
async fn settings(state: State, access: Access, site: Path<String>) -> Answer {
    let user = access.staff()?;
    let (entry, _) = state.readable(&access, &site)?;
    let whole = user.role_at(entry.id()) > Some(Role::Viewer);
    let control = state.control.clone();
    let record = blocking(move || control.site(&site, clock::now())).await?;
    let mut document = record.document().map_err(|error| ApiError::internal(&error))?;
    if let Some(fields) = document.as_object_mut().filter(|_| !whole) {
        fields.remove("excluded");
    }
    Ok(HttpResponse::Ok().json(document))
}

fn answer_settings(record: SiteRecord) -> Answer {
    let document = record.document().map_err(|error| ApiError::internal(&error))?;
    Ok(HttpResponse::Ok().json(document))
}

#[derive(Deserialize)]
struct Reached {
    /// Where browsers reach the collector, if that is another node.
    origin: Option<String>,
}

async fn snippet_of(
    request: HttpRequest,
    state: State,
    collector: Data<Collector>,
    access: Access,
    site: Path<String>,
    reached: web::Query<Reached>,
) -> Answer {
    access.staff()?;
    let (entry, _) = state.readable(&access, &site)?;
    let origin = match reached.origin.as_deref().map(Url::parse) {
        Some(Ok(url)) if ["http", "https"].contains(&url.scheme()) => url.origin().ascii_serialization(),
        Some(_) => return Err(ApiError::bad_request("origin: a URL such as `https://stats.example.com`")),
        None => collector.origin(&request),
    };
    Ok(HttpResponse::Ok().json(snippet(entry.at(clock::now()), &origin)))
}

async fn replace_settings(state: State, access: Access, site: Path<String>, payload: Payload) -> Answer {
    let who = access.staff()?.name.clone();
    state.changeable(&access, &site)?;
    let document: Value = body(payload).await?;
    let control = state.control.clone();
    let changed = blocking(move || {
        let now = clock::now();
        let (version, wanted) = control.site(&site, now)?.read_document(document)?;
        let changed = control.replace_site(&site, version, wanted, now)?;
        control.audit(&who, Deed::SiteChanged, Some(changed.id), now);
        Ok::<_, ControlError>(changed)
    });
    answer_settings(changed.await?)
}

/// What the last verification says of a site; `null` before the first.
async fn verification(state: State, access: Access, site: Path<String>) -> Answer {
    let entry = state.changeable(&access, &site)?;
    let control = state.control.clone();
    let report = blocking(move || verify::last(&control)).await?.map(|report| report.of_site(entry.id()));
    Ok(HttpResponse::Ok().json(json!({ "verification": report })))
}

async fn proposals(state: State, access: Access, site: Path<String>) -> Answer {
    let entry = state.changeable(&access, &site)?;
    let live = state.live.clone();
    let proposals = blocking(move || Ok::<_, ApiError>(live.proposals(entry.id()))).await?;
    Ok(HttpResponse::Ok().json(json!({ "proposals": proposals })))
}

async fn declare(state: State, access: Access, site: Path<String>, payload: Payload) -> Answer {
    let who = access.staff()?.name.clone();
    state.changeable(&access, &site)?;
    let proposal: Proposed = body(payload).await?;
    let state = state.into_inner();
    let changed = blocking(move || -> Result<SiteRecord, ControlError> {
        let changed = state
            .control
            .change_site(&site, clock::now(), |settings| Ok(add_to_vocabulary(settings, &proposal)?))?;
        state.control.audit(&who, Deed::ValueDeclared, Some(changed.id), clock::now());
        state.live.declared(changed.id, &proposal);
        Ok(changed)
    });
    answer_settings(changed.await?)
}

/// Declares what a proposal says: an event, or a value of one of its properties.
fn add_to_vocabulary(settings: &mut Settings, proposal: &Proposed) -> Result<(), Invalid> {
    let Some(property) = &proposal.property else {
        let name = if proposal.event.is_empty() { &proposal.text } else { &proposal.event };
        if !settings.events.iter().any(|event| *event.name == **name) {
            settings.events.push(EventDeclaration {
                name: name.as_str().into(),
                interactive: true,
                once: Once::Never,
                currency: None,
                properties: Vec::new(),
            });
        }
        return Ok(());
    };
    let event = settings.events.iter_mut().find(|event| *event.name == *proposal.event);
    let event =
        event.ok_or_else(|| Invalid::new("event", &proposal.event, "the name of a declared event"))?;
    let value = proposal.text.as_str().into();
    match event.properties.iter_mut().find(|declared| *declared.name == **property) {
        None => {
            let values = Values::List(vec![value]);
            event.properties.push(PropertyDeclaration { name: property.as_str().into(), values });
        }
        Some(PropertyDeclaration { values: Values::List(list), .. }) if !list.contains(&value) => {
            list.push(value)
        }
        Some(PropertyDeclaration { values: Values::List(_), .. }) => {}
        Some(PropertyDeclaration { values: Values::Pattern(_), .. }) => {
            return Err(Invalid::new(
                "property",
                property,
                "one that is declared by a list: change its pattern",
            ));
        }
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyBody {
    name: String,
    site: String,
    scope: Scope,
}

/// Who did what, latest first: all of it for owners, of their sites for administrators.
async fn audit(state: State, access: Access) -> Answer {
    let sites = administered(&access)?;
    let control = state.control.clone();
    let audit = blocking(move || control.audited(sites.as_deref())).await?;
    Ok(HttpResponse::Ok().json(json!({ "audit": audit })))
}

/// The sites that a signed-in person may change; `None`: all.
pub(super) fn administered(access: &Access) -> Result<Option<Vec<SiteId>>, ApiError> {
    let sites = access.staff()?.administers();
    match sites.as_deref() {
        Some([]) => Err(ApiError::forbidden("viewers read only: ask an administrator of the site")),
        _ => Ok(sites),
    }
}

async fn keys(state: State, access: Access) -> Answer {
    administered(&access)?;
    let control = state.control.clone();
    let mut keys = blocking(move || control.keys()).await?;
    keys.retain(|key| state.changeable(&access, &key.site).is_ok());
    Ok(HttpResponse::Ok().json(json!({ "keys": keys })))
}

async fn add_key(state: State, access: Access, payload: Payload) -> Answer {
    let who = access.staff()?.name.clone();
    administered(&access)?;
    let KeyBody { name, site, scope } = body(payload).await?;
    let entry = state.changeable(&access, &site)?;
    let control = state.control.clone();
    let key = blocking(move || {
        let now = clock::now();
        let key = control.add_key(&name, entry.name(), scope, now)?;
        control.audit(&who, Deed::KeyAdded, Some(entry.id()), now);
        Ok::<_, ControlError>(key)
    })
    .await?;
    Ok(HttpResponse::Ok().json(json!({ "key": key })))
}

async fn revoke_key(state: State, access: Access, key: Path<String>) -> Answer {
    let who = access.staff()?.name.clone();
    administered(&access)?;
    let control = state.control.clone();
    let (asked, named) = (key.clone(), control.clone());
    let found = blocking(move || named.key(&asked)).await?;
    // Of another's site: as if it were not there.
    let entry = state
        .changeable(&access, &found.site)
        .map_err(|_| ApiError::from(ControlError::NotFound { what: "key", name: key.into_inner() }))?;
    let revoked = blocking(move || {
        let now = clock::now();
        let revoked = control.revoke_key(&found.id.to_string(), now)?;
        control.audit(&who, Deed::KeyRevoked, Some(entry.id()), now);
        Ok::<_, ControlError>(revoked)
    })
    .await?;
    Ok(HttpResponse::Ok().json(json!({ "key": revoked })))
}
