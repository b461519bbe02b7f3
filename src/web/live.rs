//! What memory and store say to the list of sites, the proposals and the live view.

use std::sync::Arc;

use super::auth::{Live, Proposed, Summary};
use crate::{
    clock,
    control::Entry,
    domain::{declaration::SiteId, tally::Undeclared, view::Reader},
    parts::Parts,
    report::routes::{Context, overview},
};

/// The running rooms, asked by the API.
pub struct LiveParts(pub Parts);

impl Live for LiveParts {
    fn proposals(&self, site: SiteId) -> Vec<Proposed> {
        let Some(day) = self.0.memory.today(site, clock::now()) else { return Vec::new() };
        day.proposals()
            .into_iter()
            .map(|proposal| Proposed {
                event: proposal.event.to_string(),
                property: proposal.property.map(|text| text.to_string()),
                text: proposal.text.to_string(),
                visitors: proposal.visitors,
            })
            .collect()
    }

    fn declared(&self, site: SiteId, proposal: &Proposed) {
        if let Some(day) = self.0.memory.today(site, clock::now()) {
            day.declared(&Undeclared {
                event: proposal.event.as_str().into(),
                property: proposal.property.as_deref().map(Into::into),
                text: proposal.text.as_str().into(),
            });
        }
    }

    fn summary(&self, entry: &Entry) -> Summary {
        let now = clock::now();
        let site: Arc<_> = entry.at(now).clone();
        let live = self.0.memory.today(site.id, now).map_or(0, |day| day.live_visitors(now).0);
        let memory = self.0.memory.view(site.id, Reader::Staff);
        let context = Context {
            store: &*self.0.store,
            memory: &memory,
            site: &site,
            now,
            day: entry.day(now),
            reader: Reader::Staff,
        };
        match overview(context) {
            Ok(numbers) => Summary { visits_7d: numbers.visits_7d, sparkline: numbers.sparkline, live },
            Err(error) => {
                tracing::error!(%error, site = site.id.0, "a site's week could not be read");
                Summary { live, ..Summary::default() }
            }
        }
    }
}
