//! What a visit or a visitor-day is described by: visit attributes, place, device, language.

use serde::{Deserialize, Serialize};

use super::{NONE, Text};

/// channel, source, utm_source, utm_medium, utm_campaign, utm_content, utm_term of a visit's first hit.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct VisitAttributes(pub [Text; 7]);

/// country (ISO 3166-1 alpha-2), region (ISO 3166-2), city of a visitor-day.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place(pub [Text; 3]);

/// browser, browser_version, os, os_version, device class of a visitor-day.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Device(pub [Text; 5]);

/// Primary language tag of a visitor-day.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Language(pub Text);

/// What is told of a visitor-day, worked out once, at its first hit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    pub place: Place,
    pub device: Device,
    pub language: Language,
}

fn none<const N: usize>() -> [Text; N] {
    let none: Text = NONE.into();
    std::array::from_fn(|_| none.clone())
}

impl Default for VisitAttributes {
    fn default() -> Self {
        VisitAttributes(none())
    }
}

impl Default for Place {
    fn default() -> Self {
        Place(none())
    }
}

impl Default for Device {
    fn default() -> Self {
        Device(none())
    }
}

impl Default for Language {
    fn default() -> Self {
        Language(NONE.into())
    }
}
