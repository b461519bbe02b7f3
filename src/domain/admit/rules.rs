//! A site's settings as admission uses them: compiled once for each version.

use std::sync::Arc;

use smallvec::SmallVec;

use super::{
    super::{
        Text,
        declaration::{Excluded, Funnel, Objection, PathRule, Site, SiteId, matches_path, wildcard_text},
        vocabulary::Vocabulary,
    },
    without_www,
};

/// What admission needs of a site.
#[derive(Debug)]
pub struct SiteRules {
    pub site: SiteId,
    /// The settings' version that this was made from.
    pub version: u32,
    pub objection: Objection,
    pub funnels: Vec<Arc<Funnel>>,
    pub(super) excluded: Excluded,
    pub(super) path_parameters: Vec<String>,
    pub(super) vocabulary: Vocabulary,
    /// In lower case, without `www.`.
    hosts: Vec<String>,
    path_rules: Vec<PathRule>,
    sections: Vec<Text>,
}

impl SiteRules {
    /// Compiles a site's settings. Patterns that do not compile admit no value.
    pub fn new(site: &Site) -> SiteRules {
        let hosts = |hosts: &[String]| -> Vec<String> {
            hosts.iter().map(|host| without_www(&host.to_lowercase()).to_owned()).collect()
        };
        SiteRules {
            site: site.id,
            version: site.version,
            objection: site.objection,
            funnels: site.funnels.clone(),
            excluded: Excluded { hosts: hosts(&site.excluded.hosts), ..site.excluded.clone() },
            path_parameters: site.path_parameters.clone(),
            vocabulary: Vocabulary::new(&site.events),
            hosts: hosts(&site.hosts),
            path_rules: site.path_rules.clone(),
            sections: site.sections.iter().map(|section| section.pattern.clone()).collect(),
        }
    }

    /// Whether pages of a host may send hits. `www.` before it makes no difference.
    pub fn allows(&self, host: &str) -> bool {
        is_among(host, &self.hosts)
    }

    /// Whether a referrer's host is the site's own: one of its hosts, or the page's.
    pub(super) fn owns(&self, referrer: &str, page_host: Option<&str>) -> bool {
        self.allows(referrer) || page_host.is_some_and(|host| without_www(host) == without_www(referrer))
    }

    /// Whether a page is the site's own traffic by host or path.
    pub(super) fn excludes(&self, host: Option<&str>, page: Option<&str>) -> bool {
        host.is_some_and(|host| is_among(host, &self.excluded.hosts))
            || page.is_some_and(|page| self.excluded.paths.iter().any(|pattern| matches_path(pattern, page)))
    }

    /// Applies the first path rule that matches a label. A rule's text that begins with `/` replaces the path,
    /// any other host and path.
    pub(super) fn rewrite(&self, label: String) -> String {
        match self.path_rules.iter().find(|rule| matches_path(&rule.pattern, &label)) {
            Some(rule) if rule.becomes.starts_with('/') => {
                let host = label.split(['/', '#']).next().unwrap_or("");
                format!("{host}{}", rule.becomes)
            }
            Some(rule) => rule.becomes.clone(),
            None => label,
        }
    }

    /// The declared sections that a page is in, in order of declaration.
    pub(super) fn sections_of(&self, page: &str) -> SmallVec<[Text; 2]> {
        self.sections.iter().filter(|pattern| matches_path(pattern, page)).cloned().collect()
    }
}

fn is_among(host: &str, patterns: &[String]) -> bool {
    let host = without_www(host);
    patterns.iter().any(|pattern| match pattern.contains('*') {
        true => wildcard_text(pattern, host),
        false => pattern == host,
    })
}
