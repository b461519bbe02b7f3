//! JSON as far as the format needs it: known keys only, in the order in which they came. Depth is bounded by
//! serde_json's own limit of 128.

use std::{borrow::Cow, fmt, mem};

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// The keys that are read; the order is that of [`Body`].
const KEYS: [&str; 20] = [
    "n",
    "name",
    "u",
    "url",
    "d",
    "domain",
    "r",
    "referrer",
    "m",
    "meta",
    "p",
    "props",
    "h",
    "hashMode",
    "i",
    "interactive",
    "$",
    "revenue",
    "sd",
    "e",
];

/// The fields of a body, by [`KEYS`]. Of a key that comes twice, the last counts.
pub struct Body(pub [Field; KEYS.len()]);

#[derive(Clone, Debug, Default, PartialEq)]
pub enum Field {
    /// Not there, or null.
    #[default]
    Absent,
    Bool(bool),
    Number(serde_json::Number),
    Text(String),
    Object(Vec<(String, Field)>),
    List,
}

impl Field {
    pub fn is_there(&self) -> bool {
        *self != Field::Absent
    }

    pub fn or(self, other: Field) -> Field {
        if self.is_there() { self } else { other }
    }

    pub fn is_one(&self) -> bool {
        match self {
            Field::Bool(yes) => *yes,
            Field::Number(number) => number.as_i64() == Some(1),
            Field::Text(text) => text.trim() == "1",
            _ => false,
        }
    }

    pub fn into_text(self) -> Option<String> {
        match self {
            Field::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Texts, numbers and booleans as text.
    pub fn into_scalar(self) -> Option<String> {
        match self {
            Field::Text(text) => Some(text),
            Field::Number(number) => Some(number.to_string()),
            Field::Bool(yes) => Some(yes.to_string()),
            _ => None,
        }
    }

    /// An integer, or a text of one.
    pub fn into_integer(self) -> Option<i64> {
        match self {
            Field::Number(number) => {
                // What is too large for an integer is still large: the callers' limits deal with it.
                let float = || number.as_f64().filter(|n| n.fract() == 0.0).map(|n| n as i64);
                number.as_i64().or_else(float)
            }
            Field::Text(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    /// The pairs of an object or of a text of one; nothing for anything else.
    pub fn into_object(self) -> Vec<(String, Field)> {
        match self {
            Field::Object(pairs) => pairs,
            Field::Text(text) => match serde_json::from_str(&text) {
                Ok(Field::Object(pairs)) => pairs,
                _ => Vec::new(),
            },
            _ => Vec::new(),
        }
    }
}

struct BodyVisitor;

impl<'de> Visitor<'de> for BodyVisitor {
    type Value = Body;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Body, A::Error> {
        let mut fields: [Field; KEYS.len()] = Default::default();
        while let Some(Key(key)) = map.next_key()? {
            match KEYS.iter().position(|known| *known == key) {
                Some(at) => fields[at] = map.next_value()?,
                None => mem::drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(Body(fields))
    }
}

impl<'de> Deserialize<'de> for Body {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Body, D::Error> {
        deserializer.deserialize_map(BodyVisitor)
    }
}

/// A key, borrowed from the body where it has no escapes.
#[derive(serde::Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

struct FieldVisitor;

impl<'de> Visitor<'de> for FieldVisitor {
    type Value = Field;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Field, E> {
        Ok(Field::Absent)
    }

    fn visit_bool<E>(self, yes: bool) -> Result<Field, E> {
        Ok(Field::Bool(yes))
    }

    fn visit_i64<E>(self, n: i64) -> Result<Field, E> {
        Ok(Field::Number(n.into()))
    }

    fn visit_u64<E>(self, n: u64) -> Result<Field, E> {
        Ok(Field::Number(n.into()))
    }

    fn visit_f64<E>(self, n: f64) -> Result<Field, E> {
        Ok(serde_json::Number::from_f64(n).map_or(Field::Absent, Field::Number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Field, E> {
        Ok(Field::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Field, E> {
        Ok(Field::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Field, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Field::List)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Field, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = map.next_entry()? {
            pairs.push(pair);
        }
        Ok(Field::Object(pairs))
    }
}

impl<'de> Deserialize<'de> for Field {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Field, D::Error> {
        deserializer.deserialize_any(FieldVisitor)
    }
}
