//! The two tables that consent tools and policies ask for: what lies on the device, and what is processed how.

use serde::{Deserialize, Serialize};

use super::facts::Facts;

/// An entry on a visitor's device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnDevice {
    pub name: String,
    /// `cookie`
    pub kind: String,
    /// `None`: that of the counting server, which has not been told its own.
    pub domain: Option<String>,
    /// `None`: it depends on the page.
    pub first_party: Option<bool>,
    pub days: u32,
    /// `objection`
    pub purpose: String,
    /// `preference`: what it is. Under which heading a consent tool has it is the controller's to say.
    pub category: String,
    pub offered_by: OfferedBy,
    pub third_party_access: bool,
    pub http_only: bool,
    pub secure: bool,
    pub same_site: String,
}

/// Whose switch makes an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OfferedBy {
    /// The counting server's page of objection.
    Server,
    /// A switch of the site's own (`consent/opt-out.js`), where its pages have one.
    Page,
}

/// A datum with its form, place and end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Processed {
    pub datum: Datum,
    pub held: Held,
    pub until: Until,
    /// Fewest visitors of which it is told; `None` where what is told of it says nothing of visitors.
    pub crowd: Option<u32>,
    /// Whether people who read reports get it.
    pub in_reports: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Datum {
    Address,
    UserAgent,
    Languages,
    Signals,
    VisitorKey,
    Salt,
    Rate,
    Repeats,
    OpenDay,
    Proposals,
    Page,
    Engagement,
    Vitals,
    Event,
    Source,
    Country,
    Region,
    City,
    Device,
    Versions,
    Language,
    Ledger,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Held {
    /// As long as the request.
    Request,
    Memory,
    /// In memory and the encrypted journal of the day.
    Journal,
    /// In both, then as rows.
    Store,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Until {
    Request,
    TenMinutes,
    Hour,
    Midnight,
    Retention,
}

impl Datum {
    /// Its name in JSON and catalogues.
    pub const fn name(self) -> &'static str {
        match self {
            Datum::Address => "address",
            Datum::UserAgent => "user_agent",
            Datum::Languages => "languages",
            Datum::Signals => "signals",
            Datum::VisitorKey => "visitor_key",
            Datum::Salt => "salt",
            Datum::Rate => "rate",
            Datum::Repeats => "repeats",
            Datum::OpenDay => "open_day",
            Datum::Proposals => "proposals",
            Datum::Page => "page",
            Datum::Engagement => "engagement",
            Datum::Vitals => "vitals",
            Datum::Event => "event",
            Datum::Source => "source",
            Datum::Country => "country",
            Datum::Region => "region",
            Datum::City => "city",
            Datum::Device => "device",
            Datum::Versions => "versions",
            Datum::Language => "language",
            Datum::Ledger => "ledger",
        }
    }

    /// Whether it is told of crowds only.
    const fn is_grouped(self) -> bool {
        use Datum::*;
        matches!(self, Proposals | Source | Country | Region | City | Device | Versions | Language)
    }
}

/// What lies on devices: nothing, but the cookie of who objected. Where the counting server's may not reach it, the site's
/// pages can keep one of their own; whether they do is not known here, so it is listed.
pub(super) fn device(facts: &Facts) -> Vec<OnDevice> {
    let Some(opt_out) = &facts.objection.opt_out else { return Vec::new() };
    let server = facts.server.as_deref().and_then(|url| url::Url::parse(url).ok());
    let servers = OnDevice {
        name: opt_out.cookie.clone(),
        kind: "cookie".to_owned(),
        domain: server.and_then(|url| url.host_str().map(str::to_owned)),
        // Effective is what reaches the server from the site's pages: of the same site.
        first_party: opt_out.effective,
        days: opt_out.days,
        purpose: "objection".to_owned(),
        category: "preference".to_owned(),
        offered_by: OfferedBy::Server,
        third_party_access: false,
        http_only: true,
        secure: opt_out.secure,
        same_site: "Lax".to_owned(),
    };
    if opt_out.effective == Some(true) {
        return vec![servers];
    }
    let host = facts.hosts.iter().find(|host| !host.starts_with("*.")).unwrap_or(&facts.site);
    let pages = OnDevice {
        domain: Some(host.clone()),
        first_party: Some(true),
        offered_by: OfferedBy::Page,
        // A script sets it, with `Secure` on pages of https.
        http_only: false,
        secure: true,
        ..servers.clone()
    };
    vec![servers, pages]
}

/// What is processed with these settings, in the order of its life.
pub(super) fn processing(facts: &Facts) -> Vec<Processed> {
    use Datum::*;
    let kept = &facts.in_effect.kept;
    let place = facts.locates();
    let limits = facts.collection.iter().any(|one| one.limits_networks);
    let all = [
        (Signals, true, Held::Request, Until::Request),
        (Address, true, Held::Request, Until::Request),
        (UserAgent, true, Held::Request, Until::Request),
        (Languages, kept.language, Held::Request, Until::Request),
        (Salt, true, Held::Memory, Until::Midnight),
        (VisitorKey, true, Held::Memory, Until::Midnight),
        (Rate, limits, Held::Memory, Until::Hour),
        (Repeats, true, Held::Memory, Until::TenMinutes),
        (OpenDay, true, Held::Journal, Until::Midnight),
        (Proposals, true, Held::Memory, Until::Midnight),
        (Page, true, Held::Store, Until::Retention),
        (Engagement, true, Held::Store, Until::Retention),
        (Vitals, facts.vitals, Held::Store, Until::Retention),
        (Event, facts.vocabulary.events > 0, Held::Store, Until::Retention),
        (Source, true, Held::Store, Until::Retention),
        (Country, place, Held::Store, Until::Retention),
        (Region, place && kept.region, Held::Store, Until::Retention),
        (City, place && kept.city, Held::Store, Until::Retention),
        (Device, true, Held::Store, Until::Retention),
        (Versions, kept.versions, Held::Store, Until::Retention),
        (Language, kept.language, Held::Store, Until::Retention),
        (Ledger, true, Held::Store, Until::Retention),
    ];
    let one = |(datum, _, held, until): (Datum, bool, Held, Until)| Processed {
        datum,
        held,
        until,
        crowd: datum.is_grouped().then_some(facts.in_effect.k),
        in_reports: held == Held::Store || datum == Proposals,
    };
    all.into_iter().filter(|(_, is_processed, ..)| *is_processed).map(one).collect()
}
