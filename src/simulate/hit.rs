//! One generated request: what is sent, and what it was planted to mean.

use std::{net::IpAddr, sync::Arc};

use serde_json::{Map, Value, json};

use crate::domain::{
    attributes::Described,
    day::UnixMs,
    hit::{Hit, Incoming, IncomingKind, Revenue},
    outcome::{Note, Outcome},
};

/// Somebody with an address and a browser. Invented, but treated like a real one: it cannot be printed.
pub struct Visitor {
    /// Different for each (address, user agent).
    pub number: u64,
    pub address: IpAddr,
    pub user_agent: &'static str,
    pub accept_language: &'static str,
    /// Sends `Sec-GPC: 1`.
    pub objects: bool,
    /// What is to be told of the address and the user agent.
    pub described: Described,
}

/// What the body says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wire {
    /// `pageview`, `engagement` or the name of an event; empty for a body that is no JSON.
    pub name: String,
    pub url: String,
    pub site: String,
    pub referrer: Option<String>,
    pub props: Vec<(String, String)>,
    pub interactive: bool,
    /// Currency, and the amount in minor units (hundredths).
    pub revenue: Option<(String, i64)>,
    pub scroll: Option<u8>,
    pub engaged_ms: Option<u32>,
}

/// What must become of a hit.
#[allow(clippy::large_enum_variant, reason = "nearly every hit counts, so a box would save nothing")]
#[derive(Clone, Debug, PartialEq)]
pub enum Meaning {
    /// It is admitted and means this (engagement without a running visit may still be refused).
    Counts(Hit),
    Dropped(Outcome),
}

#[derive(Clone)]
pub struct SimulatedHit {
    pub at: UnixMs,
    pub visitor: Arc<Visitor>,
    pub wire: Wire,
    pub meaning: Meaning,
    /// What admission notes beside it.
    pub notes: Vec<Note>,
}

impl SimulatedHit {
    /// The request's headers.
    pub fn headers(&self) -> Vec<(&'static str, String)> {
        let mut headers = vec![
            ("x-forwarded-for", self.visitor.address.to_string()),
            ("user-agent", self.visitor.user_agent.to_owned()),
            ("accept-language", self.visitor.accept_language.to_owned()),
            ("content-type", "text/plain".to_owned()),
        ];
        if self.visitor.objects {
            headers.push(("sec-gpc", "1".to_owned()));
        }
        headers
    }

    /// The body for `POST /api/event`.
    pub fn body(&self) -> String {
        let wire = &self.wire;
        if wire.name.is_empty() {
            return "{\"n\":".to_owned();
        }
        let mut body = Map::new();
        body.insert("n".to_owned(), json!(wire.name));
        body.insert("u".to_owned(), json!(wire.url));
        body.insert("d".to_owned(), json!(wire.site));
        let mut optional = |key: &str, value: Option<Value>| {
            if let Some(value) = value {
                body.insert(key.to_owned(), value);
            }
        };
        optional("r", wire.referrer.as_ref().map(|text| json!(text)));
        optional("i", (!wire.interactive).then_some(json!(false)));
        optional("sd", wire.scroll.map(|depth| json!(depth)));
        optional("e", wire.engaged_ms.map(|ms| json!(ms)));
        optional(
            "$",
            wire.revenue
                .as_ref()
                .map(|(currency, minor)| json!({"currency": currency, "amount": amount(*minor)})),
        );
        if !wire.props.is_empty() {
            let props: Map<String, Value> =
                wire.props.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
            optional("p", Some(Value::Object(props)));
        }
        Value::Object(body).to_string()
    }

    /// The body as `collect` should read it; `None` where it cannot be read.
    pub fn incoming(&self) -> Option<Incoming> {
        let wire = &self.wire;
        let kind = match wire.name.as_str() {
            "" => return None,
            "pageview" => IncomingKind::View,
            "engagement" => IncomingKind::Engagement { scroll: wire.scroll, engaged_ms: wire.engaged_ms },
            name => IncomingKind::Event(name.to_owned()),
        };
        Some(Incoming {
            kind,
            url: wire.url.clone(),
            hash_routing: false,
            referrer: wire.referrer.clone(),
            props: wire.props.clone(),
            interactive: wire.interactive,
            revenue: wire.revenue.as_ref().map(|(currency, minor_units)| Revenue {
                currency: currency.clone(),
                minor_units: *minor_units,
            }),
            sites: vec![wire.site.clone()],
        })
    }
}

fn amount(minor_units: i64) -> String {
    format!("{}.{:02}", minor_units / 100, minor_units % 100)
}
