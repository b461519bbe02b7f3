//! Where a visit came from: source and channel, from the referrer's host, the campaign and click identifiers.
//!
//! Facts are in `data/sources.tsv`, `data/channels.tsv` and `data/spam.txt`; the order in which they decide is
//! here. Click identifiers decide whether a click was paid for and are forgotten.

mod lists;
#[cfg(test)]
mod tests;

use psl::{Psl, Type};

use super::{
    CONTINUED, NONE, Text,
    attributes::VisitAttributes,
    scrub::{ID, UrlParts, scrub_segment, scrub_text, scrub_value},
};
pub use lists::Sources;
use lists::{Click, Kind, Known, Medium};

/// The channels, in the order in which the documentation lists them.
pub const CHANNELS: [&str; 13] = [
    "Direct",
    "Organic Search",
    "Paid Search",
    "Organic Social",
    "Paid Social",
    "AI Assistants",
    "Email",
    "Referral",
    "Display",
    "Affiliates",
    "Video",
    "Campaign",
    CONTINUED,
];

/// Where a request says it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Referrer {
    /// A host in lower case, without `www.`, under a public suffix or the site's own.
    Host(String),
    /// An Android package.
    App(String),
}

impl Referrer {
    /// Reads a referrer. What has no host gives `None`; whether the host is public is asked later.
    pub fn of(sent: &str) -> Option<Referrer> {
        let url = UrlParts::of(sent).ok()?;
        let host = url.host()?;
        match url.scheme {
            Some(scheme) if scheme.eq_ignore_ascii_case("android-app") => {
                Some(Referrer::App(host.into_owned()))
            }
            // Without a scheme, `news.example.com` is a path; with one, the host is the host.
            _ => Some(Referrer::Host(host.strip_prefix("www.").unwrap_or(&host).to_owned())),
        }
    }
}

/// The part of a host that someone registered, if it ends in a known public suffix.
fn registrable(host: &str) -> Option<(&str, Option<Type>)> {
    let domain = psl::List.domain(host.as_bytes())?;
    let text = std::str::from_utf8(domain.as_bytes()).ok()?;
    domain.suffix().is_known().then_some((text, domain.suffix().typ()))
}

/// A referrer's host as it may be kept: only under a public suffix, and without labels that look unique.
fn public_host(host: &str) -> Option<&str> {
    let (domain, _) = registrable(host)?;
    let is_unique = |label: &str| scrub_segment(label).contains(ID);
    if domain.split('.').any(is_unique) || host.split('.').any(str::is_empty) {
        return None;
    }
    Some(if host.split('.').any(is_unique) { domain } else { host })
}

/// The campaign parameters of a URL, scrubbed, and what click identifiers say.
#[derive(Default)]
struct Campaign {
    /// utm_source or source or ref; utm_medium, utm_campaign, utm_content, utm_term.
    values: [Option<String>; 5],
    click: Option<Click>,
}

impl Campaign {
    fn of(url: &UrlParts<'_>, sources: &Sources) -> Campaign {
        let mut campaign = Campaign::default();
        if url.query.is_none_or(str::is_empty) {
            return campaign;
        }
        let [mut source, mut reference] = [None, None];
        for (name, value) in url.parameters() {
            let slot = match name {
                "utm_source" => &mut campaign.values[0],
                "utm_medium" => &mut campaign.values[1],
                "utm_campaign" => &mut campaign.values[2],
                "utm_content" => &mut campaign.values[3],
                "utm_term" => &mut campaign.values[4],
                "source" => &mut source,
                "ref" => &mut reference,
                _ => {
                    campaign.click = campaign.click.or_else(|| sources.click(name));
                    continue;
                }
            };
            if slot.is_none() {
                *slot = scrub_value(value);
            }
        }
        campaign.values[0] = campaign.values[0].take().or(source).or(reference);
        campaign
    }

    fn is_named(&self) -> bool {
        self.values.iter().any(Option::is_some)
    }
}

/// Where it came from by name, and what kind of place that is.
#[derive(Default)]
struct Origin {
    name: Option<Text>,
    kind: Option<Kind>,
}

impl Origin {
    fn known(known: &Known) -> Origin {
        Origin { name: Some(known.name.clone()), kind: Some(known.kind) }
    }
}

/// Channel, source and campaign of a visit that begins with this URL and referrer. `own` says whether a host
/// is the site's.
pub fn visit_attributes(
    url: &UrlParts<'_>,
    referrer: Option<&Referrer>,
    own: impl Fn(&str) -> bool,
    sources: &Sources,
) -> VisitAttributes {
    let campaign = Campaign::of(url, sources);
    let continued = matches!(referrer, Some(Referrer::Host(host)) if own(host));
    let (channel, source) = match continued {
        true => (sources.word(CONTINUED), sources.word(CONTINUED)),
        false => {
            let origin = origin(&campaign, referrer, sources);
            let referred = origin.name.is_some();
            let channel = channel(&campaign, origin.kind, referred, sources);
            (sources.word(channel), origin.name.unwrap_or_else(|| sources.word(NONE)))
        }
    };
    let [a, b, c, d, e] = campaign.values.map(|value| value.map_or_else(|| sources.word(NONE), Into::into));
    VisitAttributes([channel, source, a, b, c, d, e])
}

/// The campaign's source, or else the referrer's, or else the click identifier's.
fn origin(campaign: &Campaign, referrer: Option<&Referrer>, sources: &Sources) -> Origin {
    if let Some(sent) = &campaign.values[0] {
        return match sources.by_alias(sent) {
            Some(known) => Origin::known(known),
            None => Origin { name: Some(sent.as_str().into()), kind: None },
        };
    }
    let referred = match referrer {
        Some(Referrer::App(package)) => sources.by_app(package).map(Origin::known),
        Some(Referrer::Host(host)) => match sources.by_host(host) {
            Some(known) => Some(Origin::known(known)),
            None => public_host(host).map(|host| Origin { name: Some(host.into()), kind: None }),
        },
        None => None,
    };
    referred
        .or_else(|| campaign.click.and_then(|click| sources.by_click(click)).map(Origin::known))
        .unwrap_or_default()
}

/// The first rule that fits.
fn channel(campaign: &Campaign, kind: Option<Kind>, referred: bool, sources: &Sources) -> &'static str {
    let sent = campaign.values[1].as_deref().unwrap_or("").to_ascii_lowercase();
    let medium = sources.medium(&sent);
    let click = campaign.click.map(|click| click.says);
    let by_name =
        campaign.values[0].as_deref().is_some_and(|name| name.to_ascii_lowercase().ends_with("ads"));
    let is = |one: Medium| medium == Some(one) || click == Some(one);
    let paid = is(Medium::Paid) || by_name;
    match kind {
        _ if is(Medium::Affiliate) => "Affiliates",
        _ if is(Medium::Display) => "Display",
        Some(Kind::Search) if paid => "Paid Search",
        Some(Kind::Social) if paid => "Paid Social",
        Some(Kind::Video) if paid => "Video",
        _ if paid && sent.contains("social") => "Paid Social",
        _ if paid && sent.contains("search") => "Paid Search",
        _ if paid => "Campaign",
        _ if is(Medium::Email) => "Email",
        _ if is(Medium::Ai) => "AI Assistants",
        _ if is(Medium::Video) => "Video",
        _ if is(Medium::Social) => "Organic Social",
        _ if is(Medium::Search) => "Organic Search",
        Some(Kind::Email) => "Email",
        Some(Kind::Ai) => "AI Assistants",
        Some(Kind::Video) => "Video",
        Some(Kind::Social) => "Organic Social",
        Some(Kind::Search) => "Organic Search",
        _ if is(Medium::Referral) => "Referral",
        _ if campaign.is_named() => "Campaign",
        Some(Kind::Site) => "Referral",
        None if referred => "Referral",
        None => "Direct",
    }
}

/// Whether a referrer is known to be sent by spammers, not followed by visitors.
pub fn is_spam(referrer: Option<&Referrer>, sources: &Sources) -> bool {
    matches!(referrer, Some(Referrer::Host(host)) if sources.is_spam(host))
}

/// A campaign source that is named like a known one, as texts are compared.
fn alias_of(sent: &str) -> String {
    scrub_text(sent).unwrap_or_default().to_lowercase()
}
