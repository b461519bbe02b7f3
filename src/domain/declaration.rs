//! What a site declares and sets: the types that the control database keeps and every part reads.

use std::{collections::HashMap, sync::Arc};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{
    Text,
    day::{Day, Zone},
};

/// A site's number, for ever. 0 is no site: hits for unknown sites, and objectors of all sites.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SiteId(pub u32);

impl SiteId {
    /// Unknown sites and objectors; its days are UTC days.
    pub const NONE: SiteId = SiteId(0);
}

/// A site with all that it has set and declared, as of one version.
#[derive(Clone, Debug)]
pub struct Site {
    pub id: SiteId,
    /// The site's name in URLs and in the tracker's `d`: its first host, e.g. `example.com`.
    pub name: String,
    /// For clients that name sites by UUID.
    pub uuid: String,
    /// Hosts whose pages may send hits; `*.example.com` admits subdomains. Never empty.
    pub hosts: Vec<String>,
    pub zone: Zone,
    /// Fewest visitors that a row of place, device or language counts; 1 switches grouping off. 1..=1000.
    pub k: u32,
    pub kept: Kept,
    pub objection: Objection,
    pub consent: Consent,
    /// Whether pages tell how soon they show, answer and stand still: [`super::vitals`] is declared.
    pub vitals: bool,
    pub excluded: Excluded,
    /// Query parameters that stay part of the path, e.g. `page`.
    pub path_parameters: Vec<String>,
    /// Rewrites of path patterns, first match wins.
    pub path_rules: Vec<PathRule>,
    pub sections: Vec<Section>,
    pub events: Vec<EventDeclaration>,
    pub funnels: Vec<Arc<Funnel>>,
    /// The day on which a funnel was declared as it is now: what is stored from before is another's. Simulated history
    /// is all a funnel's own.
    pub funnels_since: HashMap<Text, Day>,
    pub goals: Vec<Goal>,
    /// Months that released rows are kept.
    pub retention_months: u32,
    /// Whether the site's history is simulated (the demo).
    pub simulated: bool,
    /// Grows with every change.
    pub version: u32,
}

impl Site {
    /// The host that page labels are shown without: the first that is no wildcard, else the site's name.
    pub fn main_host(&self) -> &str {
        let first = self.hosts.iter().find(|host| !host.starts_with("*."));
        first.map_or(self.name.as_str(), String::as_str)
    }
}

/// Which attributes are kept; country, browser, os and device class always are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Kept {
    pub region: bool,
    pub city: bool,
    pub versions: bool,
    pub language: bool,
}

/// Which signals of objection are honoured; both by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Objection {
    pub gpc: bool,
    pub dnt: bool,
}

impl Default for Objection {
    fn default() -> Self {
        Objection { gpc: true, dnt: true }
    }
}

/// Whether the site's pages ask visitors before they count them. The pages do it: a hit does not say who was asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Consent {
    #[default]
    None,
    /// The snippet of the set-up sends nothing until the page says that consent was given.
    Required,
}

/// The site's own traffic, dropped as `excluded`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Excluded {
    pub networks: Vec<IpNet>,
    pub hosts: Vec<String>,
    /// Path patterns, see [`matches_path`].
    pub paths: Vec<String>,
}

/// Pages whose path matches `pattern` are counted as `becomes`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathRule {
    pub pattern: String,
    pub becomes: String,
}

/// A declared path pattern that is counted like a page of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Section {
    /// `/blog/*` on any host, or `docs.example.com/*`.
    pub pattern: Text,
}

/// A name that events may have, and what their properties may say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventDeclaration {
    /// 1..=120 bytes.
    pub name: Text,
    /// Whether it ends a bounce (where the request says so too).
    #[serde(default = "yes")]
    pub interactive: bool,
    #[serde(default)]
    pub once: Once,
    /// ISO 4217 code; revenue in it is summed in minor units.
    #[serde(default)]
    pub currency: Option<Text>,
    #[serde(default)]
    pub properties: Vec<PropertyDeclaration>,
}

fn yes() -> bool {
    true
}

/// How often an event with the same name and values counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Once {
    /// Each time.
    #[default]
    Never,
    /// At most once in a visit.
    Visit,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PropertyDeclaration {
    /// 1..=300 bytes.
    pub name: Text,
    pub values: Values,
}

/// The closed vocabulary of one property.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Values {
    List(Vec<Text>),
    /// Values of `min..=max` (characters, at most 100) drawn from `characters` only, at most `cap` distinct ones a day.
    Pattern(Pattern),
}

/// A bounded pattern: which characters, how many of them, how many distinct values a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pattern {
    /// A regular expression's character class, e.g. `[a-z0-9-]`.
    pub characters: String,
    pub min: u32,
    pub max: u32,
    /// 1..=1000.
    pub cap: u32,
}

/// 2-8 steps, in order, with anything between, within a visit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Funnel {
    pub name: Text,
    pub steps: Vec<Step>,
}

/// What a funnel's step or a goal is reached by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// A page label (`example.com/pricing`) or a path (`/pricing`, on any host).
    Page(Text),
    /// A declared section's pattern.
    Section(Text),
    /// A declared event's name.
    Event(Text),
}

/// A page, section or event whose rate is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Goal {
    pub name: Text,
    pub reached_by: Step,
}

/// Whether a page label (`host/path`) matches a pattern: `*` stands for any characters, also `/`. A pattern
/// that begins with `/` is held against the path, any other against host and path.
pub fn matches_path(pattern: &str, page: &str) -> bool {
    let subject = match pattern.starts_with('/') {
        true => page.find('/').map_or("", |at| &page[at..]),
        false => page,
    };
    wildcard(pattern.as_bytes(), subject.as_bytes())
}

/// Whether a whole text matches a pattern in which `*` stands for any characters.
pub fn wildcard_text(pattern: &str, text: &str) -> bool {
    wildcard(pattern.as_bytes(), text.as_bytes())
}

fn wildcard(pattern: &[u8], text: &[u8]) -> bool {
    // Greedy with one point of return: linear in practice, quadratic at worst, no recursion.
    let (mut p, mut t) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        if p < pattern.len() && pattern[p] == b'*' {
            retry = Some((p, t));
            p += 1;
        } else if p < pattern.len() && pattern[p] == text[t] {
            p += 1;
            t += 1;
        } else if let Some((star, from)) = retry {
            p = star + 1;
            t = from + 1;
            retry = Some((star, from + 1));
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|&byte| byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, page: &str, expected: bool) {
        assert_eq!(matches_path(pattern, page), expected, "{pattern} against {page}");
    }

    #[test]
    fn patterns_match_paths_and_hosts() {
        check("/blog/*", "example.com/blog/one", true);
        check("/blog/*", "example.com/blog/one/two", true);
        check("/blog/*", "example.com/blog", false);
        check("/blog*", "example.com/blog", true);
        check("/*/edit", "example.com/a/b/edit", true);
        check("/*/edit", "example.com/a/b/edit/c", false);
        check("docs.example.com/*", "docs.example.com/x", true);
        check("docs.example.com/*", "example.com/x", false);
        check("*.example.com/x", "a.example.com/x", true);
        check("/", "example.com/", true);
        check("/", "example.com/x", false);
        check("/*", "(none)", false);
    }
}
