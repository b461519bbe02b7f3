//! Whether a hit is admitted, and what of it may be kept. Objection is asked first, before address and user
//! agent are read; bots last, and only of visitors who are not known yet.

mod rules;
#[cfg(test)]
pub mod tests;

use std::borrow::Cow;

use smallvec::SmallVec;

use super::{
    Text,
    address::{Address, UserAgent},
    agent::{Agents, language},
    attributes::{Described, Language, Place, VisitAttributes},
    declaration::{Kept, Objection},
    hit::{Hit, HitKind, Incoming, IncomingKind},
    outcome::{Note, Outcome},
    scrub::{UrlParts, page_label},
    source::{Referrer, Sources, is_spam, visit_attributes},
    vocabulary::Undeclared,
};
pub use rules::SiteRules;

/// What is known of the world: bots, browsers, sources. Loaded once, shared by all sites.
pub struct Lists {
    pub agents: Agents,
    pub sources: Sources,
    none: VisitAttributes,
}

impl Lists {
    /// Reads and compiles all lists; a fraction of a second.
    pub fn load() -> Lists {
        Lists { agents: Agents::load(), sources: Sources::load(), none: VisitAttributes::default() }
    }
}

/// Signals of objection that a request carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Signals {
    /// `Sec-GPC: 1`.
    pub gpc: bool,
    /// `DNT: 1`.
    pub dnt: bool,
    /// The opt-out cookie or flag.
    pub opted_out: bool,
}

/// Whether the visitor objects, by the signals that the site honours; the opt-out counts everywhere.
pub fn objection(signals: Signals, honoured: Objection) -> Option<Outcome> {
    match signals {
        Signals { opted_out: true, .. } => Some(Outcome::OptedOut),
        Signals { gpc, dnt, .. } if gpc && honoured.gpc || dnt && honoured.dnt => Some(Outcome::Gpc),
        _ => None,
    }
}

/// Whether the user agent is a bot's. Asked only when the visitor's key is not known.
pub fn bot(agent: &UserAgent, lists: &Lists) -> Option<Outcome> {
    lists.agents.is_bot(agent).then_some(Outcome::Bot)
}

/// What is told of a visitor-day: what the site keeps of place, device and language.
pub fn describe(
    kept: Kept,
    place: Place,
    agent: &UserAgent,
    accept_language: Option<&str>,
    lists: &Lists,
) -> Described {
    let none = &lists.none.0[0];
    let Place([country, region, city]) = place;
    let keep = |kept: bool, text: Text| if kept { text } else { none.clone() };
    Described {
        place: Place([country, keep(kept.region, region), keep(kept.city, city)]),
        device: lists.agents.device(agent, kept.versions),
        language: if kept.language { language(accept_language) } else { Language(none.clone()) },
    }
}

/// The names of the sites that a request is for: those it lists, else its URL's host without `www.`.
pub fn named_sites(incoming: &Incoming) -> SmallVec<[Cow<'_, str>; 1]> {
    if !incoming.sites.is_empty() {
        return incoming.sites.iter().map(|site| Cow::Borrowed(site.as_str())).collect();
    }
    let host = UrlParts::of(&incoming.url).ok().and_then(|url| url.host());
    host.map(|host| match host {
        Cow::Borrowed(host) => Cow::Borrowed(without_www(host)),
        Cow::Owned(host) => Cow::Owned(without_www(&host).to_owned()),
    })
    .into_iter()
    .collect()
}

fn without_www(host: &str) -> &str {
    host.strip_prefix("www.").unwrap_or(host)
}

/// A request as admission sees it: nothing of the user agent.
pub struct Request<'a> {
    pub incoming: &'a Incoming,
    pub address: &'a Address,
}

/// What admission made of a request for one site.
pub struct Admission {
    pub result: Result<Hit, Outcome>,
    /// Counted beside the outcome.
    pub notes: SmallVec<[Note; 4]>,
    /// For the proposals, in memory only.
    pub undeclared: Vec<Undeclared>,
}

/// What the steps look at, worked out once.
struct Case<'a> {
    request: &'a Request<'a>,
    rules: &'a SiteRules,
    lists: &'a Lists,
    /// `None` where the request names no page; `Err` where what it names is no URL.
    url: Result<Option<UrlParts<'a>>, ()>,
    host: Option<Cow<'a, str>>,
    page: Option<String>,
    referrer: Option<Referrer>,
}

/// A reason, and whether it holds.
type Step = (Outcome, fn(&Case<'_>) -> bool);

/// The steps in order: the first that holds drops the hit, with its reason.
const STEPS: [Step; 6] = [
    (Outcome::Ignored, says_nothing),
    (Outcome::Malformed, names_no_url),
    (Outcome::Excluded, comes_from_excluded_network),
    (Outcome::Excluded, is_on_excluded_page),
    (Outcome::HostNotAllowed, is_on_foreign_host),
    (Outcome::Spam, is_referred_by_spam),
];

fn says_nothing(case: &Case<'_>) -> bool {
    case.request.incoming.kind == IncomingKind::Nothing
}

fn names_no_url(case: &Case<'_>) -> bool {
    case.url.is_err()
}

fn comes_from_excluded_network(case: &Case<'_>) -> bool {
    case.request.address.in_networks(&case.rules.excluded.networks)
}

fn is_on_excluded_page(case: &Case<'_>) -> bool {
    case.rules.excludes(case.host.as_deref(), case.page.as_deref())
}

fn is_on_foreign_host(case: &Case<'_>) -> bool {
    case.host.as_deref().is_some_and(|host| !case.rules.allows(host))
}

fn is_referred_by_spam(case: &Case<'_>) -> bool {
    is_spam(case.referrer.as_ref(), &case.lists.sources)
}

/// Admits a hit to a site, or says why not. A page without a host (an app's) is admitted, as `(none)/path`.
pub fn admit(request: &Request<'_>, rules: &SiteRules, lists: &Lists) -> Admission {
    let case = Case::of(request, rules, lists);
    match STEPS.iter().find(|(_, drops)| drops(&case)) {
        Some((reason, _)) => {
            Admission { result: Err(*reason), notes: SmallVec::new(), undeclared: Vec::new() }
        }
        None => case.into_hit(),
    }
}

impl<'a> Case<'a> {
    fn of(request: &'a Request<'a>, rules: &'a SiteRules, lists: &'a Lists) -> Case<'a> {
        let incoming = request.incoming;
        let url = match incoming.url.is_empty() {
            true => Ok(None),
            false => UrlParts::of(&incoming.url).map(Some).map_err(drop),
        };
        let parts = url.as_ref().ok().and_then(Option::as_ref);
        let page = parts
            .map(|parts| rules.rewrite(page_label(parts, incoming.hash_routing, &rules.path_parameters)));
        Case {
            host: parts.and_then(UrlParts::host),
            page,
            referrer: incoming.referrer.as_deref().and_then(Referrer::of),
            url,
            request,
            rules,
            lists,
        }
    }

    fn into_hit(self) -> Admission {
        let incoming = self.request.incoming;
        let (mut notes, mut undeclared) = (SmallVec::new(), Vec::new());
        let kind = match &incoming.kind {
            IncomingKind::Event(name) => {
                let judged = self.rules.vocabulary.judge(
                    name,
                    &incoming.props,
                    incoming.interactive,
                    incoming.revenue.as_ref(),
                );
                (notes, undeclared) = (judged.notes, judged.undeclared);
                judged.result.map(HitKind::Event)
            }
            IncomingKind::Engagement { scroll, engaged_ms } => {
                Ok(HitKind::Engagement { scroll: *scroll, engaged_ms: engaged_ms.unwrap_or(0) })
            }
            IncomingKind::View => Ok(HitKind::View),
            IncomingKind::Nothing => Err(Outcome::Ignored),
        };
        let result = kind.map(|kind| Hit {
            sections: self.page.as_deref().map(|page| self.rules.sections_of(page)).unwrap_or_default(),
            visit: self.visit_attributes(&kind),
            page: self.page.map(Into::into),
            kind,
        });
        Admission { result, notes, undeclared }
    }

    /// Engagement never begins a visit, so nobody asks where it came from.
    fn visit_attributes(&self, kind: &HitKind) -> VisitAttributes {
        if matches!(kind, HitKind::Engagement { .. }) {
            return self.lists.none.clone();
        }
        let nowhere = UrlParts::default();
        let url = self.url.as_ref().ok().and_then(Option::as_ref).unwrap_or(&nowhere);
        let own = |host: &str| self.rules.owns(host, self.host.as_deref());
        visit_attributes(url, self.referrer.as_ref(), own, &self.lists.sources)
    }
}
