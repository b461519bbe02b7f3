//! What people do with their own account: password, sign-ins, second factor.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{self, Data, Path, Payload},
};
use qrcodegen::{QrCode, QrCodeEcc};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::{
    api_control::{api, body},
    auth::{self, Access, ControlState, blocking},
    error::ApiError,
};
use crate::{
    clock,
    control::{ControlError, Deed, User},
};

type Answer = Result<HttpResponse, ApiError>;
type State = Data<ControlState>;

pub fn routes(config: &mut web::ServiceConfig) {
    config
        .service(api("/api/account", |it| it.route(web::get().to(account))))
        .service(api("/api/account/password", |it| it.route(web::put().to(change_password))))
        .service(api("/api/account/sessions", |it| it.route(web::delete().to(end_others))))
        .service(api("/api/account/sessions/{id}", |it| it.route(web::delete().to(end))))
        .service(api("/api/account/second-factor", |it| {
            it.route(web::post().to(offer)).route(web::put().to(confirm)).route(web::delete().to(remove))
        }));
}

async fn account(request: HttpRequest, state: State, access: Access) -> Answer {
    let user = access.staff()?.clone();
    let token = state.session_token(&request).unwrap_or_default();
    let told = blocking(move || -> Result<Value, ControlError> {
        Ok(json!({
            "user": auth::person(&user),
            "recovery_codes_left": state.control.recovery_left(user.id)?,
            "sessions": state.control.sign_ins(user.id, &token, clock::now())?,
        }))
    });
    Ok(HttpResponse::Ok().json(told.await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Passwords {
    current: String,
    new: String,
}

/// Sets a new password, and ends all sessions but this one.
async fn change_password(request: HttpRequest, state: State, access: Access, payload: Payload) -> Answer {
    let user = access.staff()?.clone();
    let Passwords { current, new } = body(payload).await?;
    let attempt = state.attempt(&request, &user.name, clock::now())?;
    let token = state.session_token(&request).unwrap_or_default();
    let changed = {
        let _turn = state.hashing_turn(state.throttle.is_known(&attempt)).await?;
        let control = state.control.clone();
        blocking(move || {
            let changed = control.change_password(user.id, &current, &new, &token)?;
            if changed {
                control.audit(&user.name, Deed::PasswordChanged, None, clock::now());
            }
            Ok::<_, ControlError>(changed)
        })
        .await?
    };
    proven(&state, changed)?;
    state.throttle.passed(&attempt, clock::now());
    Ok(HttpResponse::Ok().json(json!({})))
}

/// Whether somebody at an open session knows the password too.
fn proven(_: &ControlState, right: bool) -> Result<(), ApiError> {
    match right {
        true => Ok(()),
        false => Err(ApiError::forbidden("the current password is wrong")),
    }
}

/// Checks the password of who is signed in, counted and slowed down as a sign-in is.
async fn check_password(
    request: &HttpRequest,
    state: &State,
    user: &User,
    password: String,
) -> Result<(), ApiError> {
    let attempt = state.attempt(request, &user.name, clock::now())?;
    let right = {
        let _turn = state.hashing_turn(state.throttle.is_known(&attempt)).await?;
        let (control, name) = (state.control.clone(), user.name.clone());
        blocking(move || control.check_password(&name, &password)).await?.is_some()
    };
    proven(state, right)?;
    state.throttle.passed(&attempt, clock::now());
    Ok(())
}

async fn end_others(request: HttpRequest, state: State, access: Access) -> Answer {
    let person = access.staff()?.id;
    let token = state.session_token(&request).unwrap_or_default();
    let ended = blocking(move || state.control.end_other_sign_ins(person, &token)).await?;
    Ok(HttpResponse::Ok().json(json!({ "ended": ended })))
}

async fn end(state: State, access: Access, id: Path<String>) -> Answer {
    let person = access.staff()?.id;
    blocking(move || state.control.end_sign_in(person, &id)).await?;
    Ok(HttpResponse::Ok().json(json!({})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Password {
    password: String,
}

/// Offers a secret for an authenticator: in base32, as an address, and as the modules of a QR code.
async fn offer(request: HttpRequest, state: State, access: Access, payload: Payload) -> Answer {
    let user = access.staff()?.clone();
    let Password { password } = body(payload).await?;
    check_password(&request, &state, &user, password).await?;
    let (control, person) = (state.control.clone(), user.id);
    let secret = blocking(move || control.offer_factor(person)).await?;
    let uri = uri(&secret, &user.name, &state.caller.origin(&request))?;
    let qr = QrCode::encode_text(&uri, QrCodeEcc::Medium).map_err(|error| ApiError::internal(&error))?;
    Ok(HttpResponse::Ok().json(json!({
        "secret": secret, "uri": uri, "qr": { "size": qr.size(), "path": path(&qr) },
    })))
}

/// What authenticators read: whose secret it is, and of which server.
fn uri(secret: &str, name: &str, origin: &str) -> Result<String, ApiError> {
    let origin = Url::parse(origin).map_err(|error| ApiError::internal(&error))?;
    let mut uri = Url::parse("otpauth://totp/").map_err(|error| ApiError::internal(&error))?;
    uri.set_path(&format!("Mayfly:{name} ({})", origin.host_str().unwrap_or_default()));
    uri.query_pairs_mut().append_pair("secret", secret).append_pair("issuer", "Mayfly");
    Ok(uri.into())
}

/// The dark modules as one path of an SVG, a run of a row at a time.
fn path(qr: &QrCode) -> String {
    let mut path = String::new();
    for y in 0..qr.size() {
        let mut x = 0;
        while x < qr.size() {
            let run = (x..qr.size()).take_while(|&at| qr.get_module(at, y)).count() as i32;
            if run > 0 {
                path.push_str(&format!("M{x} {y}h{run}v1h-{run}z"));
            }
            x += run + 1;
        }
    }
    path
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Code {
    code: String,
}

/// Takes the offered secret into use; answers with the recovery codes.
async fn confirm(state: State, access: Access, payload: Payload) -> Answer {
    let user = access.staff()?.clone();
    let Code { code } = body(payload).await?;
    state.slow_codes(user.id, clock::now())?;
    let control = state.control.clone();
    let person = user.id;
    let codes = blocking(move || {
        let codes = control.confirm_factor(user.id, &code, clock::now())?;
        if codes.is_some() {
            control.audit(&user.name, Deed::FactorAdded, None, clock::now());
        }
        Ok::<_, ControlError>(codes)
    });
    let codes =
        codes.await?.ok_or_else(|| ApiError::bad_request("code: these are not the digits shown now"))?;
    state.throttle.code_passed(person);
    Ok(HttpResponse::Ok().json(json!({ "recovery_codes": codes })))
}

/// Back to the password alone: whoever finds an open session cannot.
async fn remove(request: HttpRequest, state: State, access: Access, payload: Payload) -> Answer {
    let user = access.staff()?.clone();
    let Password { password } = body(payload).await?;
    check_password(&request, &state, &user, password).await?;
    blocking(move || {
        state.control.remove_factor(user.id)?;
        state.control.audit(&user.name, Deed::FactorRemoved, None, clock::now());
        Ok::<_, ControlError>(())
    })
    .await?;
    Ok(HttpResponse::Ok().json(json!({})))
}
