//! Bodies of `POST /api/event`: what is understood is bounded, and said again it is understood the same.

use mayfly::{
    collect::event::{
        NAME_BYTES_MAX, PROP_NAME_BYTES_MAX, PROP_VALUE_BYTES_MAX, PROPS_MAX, SITES_MAX, URL_BYTES_MAX, parse,
    },
    domain::{
        currency::MINOR_UNITS_MAX,
        hit::{Incoming, IncomingKind},
        scrub::UrlParts,
    },
};
use serde_json::{Value, json};

/// Any bytes.
pub fn check(data: &[u8]) {
    match parse(data) {
        Ok(incoming) => {
            bounded(&incoming);
            let again = said_again(&incoming).to_string();
            assert_eq!(parse(again.as_bytes()).as_ref(), Ok(&incoming), "said again as {again}");
        }
        Err(invalid) => {
            let body: Value = serde_json::from_str(&invalid.body()).expect("the answer 400 is JSON");
            assert_eq!(body["errors"][invalid.field][0], invalid.message);
        }
    }
}

fn bounded(incoming: &Incoming) {
    assert!(incoming.url.len() <= URL_BYTES_MAX && UrlParts::of(&incoming.url).is_ok());
    match &incoming.kind {
        IncomingKind::Event(name) => {
            assert!(!name.trim().is_empty() && name.len() <= NAME_BYTES_MAX);
            assert!(name != "pageview" && name != "engagement");
        }
        IncomingKind::Engagement { scroll, engaged_ms } => {
            assert!(scroll.is_some() || engaged_ms.is_some());
            assert!(scroll.is_none_or(|depth| depth <= 100));
            assert!(engaged_ms.is_none_or(|ms| ms < 30 * 24 * 60 * 60 * 1000));
        }
        IncomingKind::View | IncomingKind::Nothing => {}
    }
    assert!(incoming.referrer.as_ref().is_none_or(|one| !one.is_empty() && one.len() <= URL_BYTES_MAX));
    assert!(incoming.props.len() <= PROPS_MAX);
    for (at, (name, value)) in incoming.props.iter().enumerate() {
        assert!(name.len() <= PROP_NAME_BYTES_MAX && value.len() <= PROP_VALUE_BYTES_MAX);
        assert!(!value.trim().is_empty());
        assert!(incoming.props[..at].iter().all(|(other, _)| other != name), "{name} twice");
    }
    assert!(incoming.sites.len() <= SITES_MAX);
    for (at, site) in incoming.sites.iter().enumerate() {
        assert!(!site.is_empty() && !site.contains(',') && site.trim_start() == site.as_str());
        assert!(!incoming.sites[..at].contains(site), "{site} twice");
    }
    if let Some(revenue) = &incoming.revenue {
        assert!(revenue.currency.len() == 3 && revenue.minor_units.abs() <= MINOR_UNITS_MAX);
    }
}

/// The plainest body that means this.
fn said_again(incoming: &Incoming) -> Value {
    let mut body = json!({ "u": incoming.url, "h": incoming.hash_routing, "i": incoming.interactive });
    match &incoming.kind {
        IncomingKind::Event(name) => body["n"] = json!(name),
        IncomingKind::Engagement { scroll, engaged_ms } => {
            body["n"] = json!("engagement");
            body["sd"] = json!(scroll);
            body["e"] = json!(engaged_ms);
        }
        IncomingKind::View | IncomingKind::Nothing => body["n"] = json!("pageview"),
    }
    body["r"] = json!(incoming.referrer);
    if !incoming.sites.is_empty() {
        // The first `www.` of a name is no part of it.
        body["d"] =
            json!(incoming.sites.iter().map(|site| format!("www.{site}")).collect::<Vec<_>>().join(","));
    }
    // As a text, because a JSON value would sort its keys.
    let props = incoming.props.iter().map(|(name, value)| format!("{}:{}", json!(name), json!(value)));
    body["p"] = json!(format!("{{{}}}", props.collect::<Vec<_>>().join(",")));
    if let Some(revenue) = &incoming.revenue {
        body["$"] =
            json!({ "currency": revenue.currency, "amount": amount(revenue.minor_units, &revenue.currency) });
    }
    body
}

fn amount(minor_units: i64, currency: &str) -> String {
    let digits = mayfly::domain::currency::exponent(currency).expect("a currency that was read");
    let one = 10_i64.pow(digits);
    let sign = if minor_units < 0 { "-" } else { "" };
    let (whole, rest) = (minor_units.abs() / one, minor_units.abs() % one);
    match digits {
        0 => format!("{sign}{whole}"),
        _ => format!("{sign}{whole}.{rest:0width$}", width = digits as usize),
    }
}
