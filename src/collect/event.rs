//! The native wire format: the body of `POST /api/event`. It parses; it judges nothing.

mod field;
#[cfg(test)]
mod tests;

use serde_json::json;

use crate::domain::{
    currency::{exponent, minor_units},
    hit::{Incoming, IncomingKind, Revenue},
    scrub::{UrlError, UrlParts, cut},
};
use field::{Body, Field};

/// Longest name of an event, in bytes.
pub const NAME_BYTES_MAX: usize = 120;
/// Longest URL and referrer, in bytes; a longer URL is refused, a longer referrer cut.
pub const URL_BYTES_MAX: usize = 2000;
/// Most properties that are read.
pub const PROPS_MAX: usize = 30;
pub const PROP_NAME_BYTES_MAX: usize = 300;
pub const PROP_VALUE_BYTES_MAX: usize = 2000;
/// Most sites that one request may name; the rest of the list is not read.
pub const SITES_MAX: usize = 20;
/// Engaged times from 30 days on are taken for a broken clock: 0.
const ENGAGED_MS_END: i64 = 30 * 24 * 60 * 60 * 1000;

/// What is wrong with a body: a field and the message for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} {message}")]
pub struct Invalid {
    pub field: &'static str,
    pub message: &'static str,
}

impl Invalid {
    /// The body of the answer 400.
    pub fn body(&self) -> String {
        json!({ "errors": { self.field: [self.message] } }).to_string()
    }
}

fn invalid<T>(field: &'static str, message: &'static str) -> Result<T, Invalid> {
    Err(Invalid { field, message })
}

/// Reads a body of at most 64 KiB (the caller's bound).
///
/// # Errors
/// [`Invalid`]: the first thing that is wrong.
pub fn parse(body: &[u8]) -> Result<Incoming, Invalid> {
    let Ok(body) = serde_json::from_slice::<Body>(body) else {
        return invalid("request", "Unable to parse request body as json");
    };
    let [
        n,
        name,
        u,
        url,
        d,
        domain,
        r,
        referrer,
        m,
        meta,
        p,
        props,
        h,
        hash,
        i,
        interactive,
        money,
        revenue,
        sd,
        e,
    ] = body.0;
    let name = read_name(n.or(name))?;
    let url = read_url(u.or(url))?;
    let sites = read_sites(d.or(domain))?;
    let props = read_props([m, meta, p, props].into_iter().find(Field::is_there).unwrap_or_default())?;
    Ok(Incoming {
        kind: read_kind(name, sd, e)?,
        url,
        hash_routing: h.or(hash).is_one(),
        referrer: r
            .or(referrer)
            .into_text()
            .map(|text| cut(&text, URL_BYTES_MAX).to_owned())
            .filter(|text| !text.is_empty()),
        props,
        interactive: i.or(interactive) != Field::Bool(false),
        revenue: read_revenue(money.or(revenue)),
        sites,
    })
}

fn read_name(name: Field) -> Result<String, Invalid> {
    match name.into_text() {
        Some(name) if name.trim().is_empty() => invalid("event_name", "can't be blank"),
        Some(name) if name.len() > NAME_BYTES_MAX => invalid("event_name", "should be at most 120 byte(s)"),
        Some(name) => Ok(name),
        None => invalid("event_name", "can't be blank"),
    }
}

fn read_url(url: Field) -> Result<String, Invalid> {
    let url = match url {
        Field::Absent => return invalid("url", "is required"),
        Field::Text(url) if url.len() <= URL_BYTES_MAX => url,
        _ => return invalid("url", "must be a valid url"),
    };
    match UrlParts::of(&url) {
        Ok(_) => Ok(url),
        Err(UrlError::Scheme) => invalid("url", "scheme is not allowed"),
        Err(UrlError::Malformed) => invalid("url", "must be a valid url"),
    }
}

fn read_sites(list: Field) -> Result<Vec<String>, Invalid> {
    let Some(list) = list.into_text() else { return Ok(Vec::new()) };
    let names =
        list.split(',').map(str::trim).map(|name| name.strip_prefix("www.").unwrap_or(name).trim_start());
    let mut sites: Vec<String> = Vec::new();
    for name in names.filter(|name| !name.is_empty()).take(SITES_MAX) {
        if !sites.iter().any(|site| site == name) {
            sites.push(name.to_owned());
        }
    }
    match sites.is_empty() {
        true => invalid("domain", "can't be blank"),
        false => Ok(sites),
    }
}

fn read_props(props: Field) -> Result<Vec<(String, String)>, Invalid> {
    let mut read: Vec<(String, String)> = Vec::new();
    for (name, value) in props.into_object() {
        let Some(value) = value.into_scalar().filter(|value| !value.trim().is_empty()) else { continue };
        match read.iter().position(|(known, _)| *known == name) {
            Some(at) => read[at].1 = value,
            None if read.len() < PROPS_MAX => read.push((name, value)),
            None => break,
        }
    }
    let too_long = |(name, value): &(String, String)| {
        name.len() > PROP_NAME_BYTES_MAX || value.len() > PROP_VALUE_BYTES_MAX
    };
    match read.iter().any(too_long) {
        true => invalid("props", "keys should have at most 300 bytes and values 2000 bytes"),
        false => Ok(read),
    }
}

fn read_kind(name: String, sd: Field, e: Field) -> Result<IncomingKind, Invalid> {
    match name.as_str() {
        "pageview" => Ok(IncomingKind::View),
        "engagement" => {
            let scroll = sd.into_integer().filter(|&depth| depth >= 0).map(|depth| depth.min(100) as u8);
            let engaged = e.into_integer().filter(|&ms| ms >= 0);
            let engaged_ms = engaged.map(|ms| if ms >= ENGAGED_MS_END { 0 } else { ms as u32 });
            match scroll.is_none() && engaged_ms.is_none() {
                true => invalid("engagement", "needs at least one of sd, e"),
                false => Ok(IncomingKind::Engagement { scroll, engaged_ms }),
            }
        }
        _ => Ok(IncomingKind::Event(name)),
    }
}

/// A bad value is no revenue; the event stays.
fn read_revenue(revenue: Field) -> Option<Revenue> {
    let (mut currency, mut amount) = (None, None);
    for (name, value) in revenue.into_object() {
        match name.as_str() {
            "currency" => currency = value.into_text(),
            "amount" => amount = value.into_scalar(),
            _ => {}
        }
    }
    let currency = currency?.trim().to_ascii_uppercase();
    let minor_units = minor_units(&amount?, exponent(&currency)?)?;
    Some(Revenue { currency, minor_units })
}
