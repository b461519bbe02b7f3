//! What memory and store say to the list of sites, the proposals and the live view.

use std::sync::Arc;

use super::auth::{Live, Proposed, Summary};
use crate::{clock, control::Entry, domain::declaration::SiteId, report, run::Parts};

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
            day.declared(&proposal.event, proposal.property.as_deref(), &proposal.text);
        }
    }

    fn summary(&self, entry: &Entry) -> Summary {
        let now = clock::now();
        let site: Arc<_> = entry.at(now).clone();
        let live = self.0.memory.today(site.id, now).map_or(0, |day| day.live_visitors(now).0);
        let visits = report::visits_by_day(&self.0, &site, entry.day(now), 7);
        let mut sparkline = [0; 7];
        for (slot, n) in sparkline.iter_mut().zip(&visits) {
            *slot = *n;
        }
        Summary { visits_7d: visits.iter().sum(), sparkline, live }
    }
}
