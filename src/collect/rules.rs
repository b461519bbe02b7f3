//! Compiled rules of all sites, made anew when a site changes.

use std::{collections::HashMap, sync::Arc};

use arc_swap::ArcSwap;

use crate::{
    control::{Directory, Entry},
    domain::{admit::SiteRules, day::UnixMs, declaration::SiteId},
};

/// See the module.
#[derive(Default)]
pub struct RulesBySite(ArcSwap<HashMap<SiteId, Arc<SiteRules>>>);

impl RulesBySite {
    /// Compiles what has changed in the directory.
    pub fn refresh(&self, directory: &Directory, now: UnixMs) {
        let old = self.0.load();
        let stale = |entry: &Arc<Entry>| {
            old.get(&entry.id()).is_none_or(|rules| rules.version != entry.at(now).version)
        };
        if directory.entries().len() == old.len() && !directory.entries().iter().any(stale) {
            return;
        }
        let compiled = directory.entries().iter().map(|entry| {
            let site = entry.at(now);
            let kept = old.get(&site.id).filter(|rules| rules.version == site.version);
            (site.id, kept.cloned().unwrap_or_else(|| Arc::new(SiteRules::new(site))))
        });
        self.0.store(Arc::new(compiled.collect()));
    }

    pub(super) fn of(&self, site: SiteId) -> Option<Arc<SiteRules>> {
        self.0.load().get(&site).cloned()
    }
}
