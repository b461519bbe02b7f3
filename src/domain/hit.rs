//! A hit on its way in: what a wire format said ([`Incoming`]), and what admission made of it ([`Hit`]).

use smallvec::SmallVec;

use super::{Text, attributes::VisitAttributes};

/// One request for one or more sites, as a wire format said it and before anything is judged. Holds no
/// address and no user agent.
#[derive(Clone, Debug, PartialEq)]
pub struct Incoming {
    pub kind: IncomingKind,
    /// The URL as sent, at most 2,000 bytes.
    pub url: String,
    /// Whether the fragment belongs to the path (hash routing).
    pub hash_routing: bool,
    pub referrer: Option<String>,
    /// Key and value as sent, at most 30.
    pub props: Vec<(String, String)>,
    pub interactive: bool,
    pub revenue: Option<Revenue>,
    /// Names of the sites; empty = the host of the URL.
    pub sites: Vec<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum IncomingKind {
    View,
    /// The event's name as sent, at most 120 bytes.
    Event(String),
    Engagement {
        /// 0..=100.
        scroll: Option<u8>,
        engaged_ms: Option<u32>,
    },
    /// Accepted and counted as `ignored`: it says nothing that Mayfly keeps.
    Nothing,
}

/// An amount in minor units of a currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revenue {
    /// ISO 4217 code, upper case.
    pub currency: String,
    pub minor_units: i64,
}

/// An admitted hit: every text in it is a category that may be kept (scrubbed, declared or known).
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// Host and scrubbed path; `None` where the request named none.
    pub page: Option<Text>,
    /// Declared sections that the page is in, in order of declaration.
    pub sections: SmallVec<[Text; 2]>,
    pub visit: VisitAttributes,
    pub kind: HitKind,
}

#[derive(Clone, Debug, PartialEq)]
#[allow(
    clippy::large_enum_variant,
    reason = "a hit lives for one request; a box would cost an allocation each"
)]
pub enum HitKind {
    View,
    Event(EventHit),
    Engagement {
        scroll: Option<u8>,
        /// Visible and focused time since the tracker's last report.
        engaged_ms: u32,
    },
}

/// An event whose name is declared.
#[derive(Clone, Debug, PartialEq)]
pub struct EventHit {
    pub name: Text,
    /// Declared properties with a listed value, a value that fits the pattern, or `(undeclared)`.
    pub properties: SmallVec<[PropertyHit; 4]>,
    /// Ends a bounce: declaration and request both say so.
    pub interactive: bool,
    /// Counts at most once a visit with these values.
    pub once_a_visit: bool,
    /// Revenue in the declared currency, in minor units.
    pub value: Option<(Text, i64)>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct PropertyHit {
    pub property: Text,
    pub value: Text,
    /// Most distinct values a day, for properties declared by a pattern.
    pub cap: Option<u32>,
}

/// 64 bits that stand for (network address, user agent) on one site-day. Lives in memory only; printed never.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct VisitorKey(pub u64);
