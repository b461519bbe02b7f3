//! A request's events: one, or an array of them that is one batch. What is wrong with one is no matter of the others.

use std::fmt;

use serde::de::{Deserializer, SeqAccess, Visitor};
use serde_json::value::RawValue;
use smallvec::{SmallVec, smallvec};

use super::event::{self, Invalid};
use crate::domain::hit::Incoming;

/// Most events of a batch.
pub const BATCH_MAX: usize = 500;

/// The events of a request, in order.
pub struct Parcel {
    pub events: SmallVec<[Result<Incoming, Invalid>; 1]>,
    /// It was an array, so each event has its own result in the answer.
    pub batch: bool,
}

/// Reads a body.
///
/// # Errors
/// What is wrong with an array as a whole; what is wrong with an event is in its place.
pub fn read(body: &[u8]) -> Result<Parcel, Invalid> {
    if body.trim_ascii_start().first() != Some(&b'[') {
        return Ok(Parcel { events: smallvec![event::parse(body)], batch: false });
    }
    let wrong = |message| Err(Invalid { field: "request", message });
    let mut reader = serde_json::Deserializer::from_slice(body);
    let read = reader.deserialize_seq(Events).and_then(|events| reader.end().map(|()| events));
    match read {
        Err(_) => wrong("Unable to parse request body as json"),
        Ok(events) if events.is_empty() => wrong("holds no events"),
        Ok(events) if events.len() > BATCH_MAX => wrong("holds more than 500 events"),
        Ok(events) => {
            let events = events.into_iter().map(|event| event::parse(event.get().as_bytes())).collect();
            Ok(Parcel { events, batch: true })
        }
    }
}

/// Splits an array; of one that is too long, no more than that is kept.
struct Events;

impl<'de> Visitor<'de> for Events {
    type Value = Vec<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of events")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut events = Vec::new();
        while let Some(event) = list.next_element()? {
            if events.len() <= BATCH_MAX {
                events.push(event);
            }
        }
        Ok(events)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(body: &str) -> String {
        match read(body.as_bytes()) {
            Err(Invalid { field, message }) => format!("{field}: {message}"),
            Ok(Parcel { events, batch }) => {
                let each = events.iter().map(|event| match event {
                    Ok(event) => event.url.clone(),
                    Err(Invalid { field, message }) => format!("{field}: {message}"),
                });
                format!("{batch} {:?}", each.collect::<Vec<_>>())
            }
        }
    }

    #[test]
    fn one_event_or_an_array_of_them() {
        let view = r#"{"n":"pageview","u":"https://example.com/"}"#;
        assert_eq!(said(view), r#"false ["https://example.com/"]"#);
        assert_eq!(said(&format!(" [{view}]")), r#"true ["https://example.com/"]"#);
        let bad = "request: Unable to parse request body as json";
        let many = format!(
            r#"[{view}, 7, {{"u":1e999}}, {{"n":"pageview"}}, [[]], {{"p":{}1{}}}, {view}]"#,
            "{\"a\":".repeat(500),
            "}".repeat(500)
        );
        let expected = [
            view_url(),
            bad.into(),
            bad.into(),
            "url: is required".into(),
            bad.into(),
            bad.into(),
            view_url(),
        ];
        assert_eq!(said(&many), format!("true {expected:?}"));
        for broken in ["[", "[}", "[{\"n\":\"pageview\"]", "[] []", "[1,]"] {
            assert_eq!(said(broken), bad, "{broken}");
        }
        assert_eq!(said("[]"), "request: holds no events");
    }

    fn view_url() -> String {
        "https://example.com/".into()
    }

    #[test]
    fn a_batch_holds_at_most_500_events() {
        let of = |n: usize| format!("[{}]", vec!["1"; n].join(","));
        assert!(said(&of(500)).starts_with("true "));
        assert_eq!(said(&of(501)), "request: holds more than 500 events");
        assert_eq!(said(&of(100_000)), "request: holds more than 500 events");
    }
}
