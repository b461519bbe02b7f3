//! What memory and store say to the list of sites, the proposals and the live view, and the collector of who asks.

use std::{collections::BTreeMap, convert::Infallible, net::IpAddr};

use actix_web::{HttpRequest, http::header};

use super::{
    auth::{Caller, Live, Proposed, Summary},
    reports::over_one_moment,
};
use crate::{
    clock,
    collect::endpoint::Collector,
    control::Entry,
    domain::{
        NONE,
        address::UserAgent,
        declaration::{Site, SiteId, Values},
        tally::Undeclared,
        view::Reader,
    },
    nodes::wire,
    parts::Parts,
    report::routes::{Context, overview},
};

/// The running rooms, asked by the API.
pub struct LiveParts(pub Parts);

impl Live for LiveParts {
    fn proposals(&self, site: SiteId) -> Vec<Proposed> {
        let day = self.0.memory.today(site, clock::now());
        let here = day.map(|day| day.proposals()).unwrap_or_default().into_iter().map(|proposal| Proposed {
            event: proposal.event.to_string(),
            property: proposal.property.map(|text| text.to_string()),
            text: proposal.text.to_string(),
            visitors: proposal.visitors,
        });
        here.chain(self.proposed_elsewhere(site)).collect()
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
        let read = |context: Context<'_>, living: wire::Live| -> Result<Summary, Infallible> {
            let (site, live, missing) = (context.site.id, living.visitors, context.memory.missing.clone());
            Ok(match overview(context) {
                Ok(week) => Summary { week, live, missing },
                Err(error) => {
                    tracing::error!(%error, site = site.0, "a site's week could not be read");
                    Summary { live, missing, ..Summary::default() }
                }
            })
        };
        over_one_moment(&self.0, entry, Reader::Staff, read).unwrap_or_else(|never| match never {})
    }
}

impl Caller for Collector {
    fn address(&self, request: &HttpRequest) -> Option<IpAddr> {
        Some(self.client_ip(request))
    }

    fn browser(&self, request: &HttpRequest) -> String {
        let Some(agent) = request.headers().get(header::USER_AGENT) else { return String::new() };
        let device = self.lists.agents.device(&UserAgent::new(agent.as_bytes()), false);
        let [browser, _, system, ..] = &device.0;
        let known: Vec<&str> =
            [&**browser, &**system].into_iter().filter(|name| ![NONE, "Other"].contains(name)).collect();
        known.join(", ")
    }

    fn origin(&self, request: &HttpRequest) -> String {
        Collector::origin(self, request)
    }
}

impl LiveParts {
    /// Texts that k visitors sent to a collector, each once, unless they have been declared since.
    fn proposed_elsewhere(&self, site: SiteId) -> Vec<Proposed> {
        let Some(reporting) = self.0.node.report() else { return Vec::new() };
        let directory = self.0.control.directory().load_full();
        let Some(entry) = directory.by_id(site) else { return Vec::new() };
        let declared = entry.at(clock::now()).clone();
        let mut texts: BTreeMap<(String, Option<String>, String), u32> = BTreeMap::new();
        for one in reporting.collectors.proposals(site) {
            *texts.entry((one.event, one.property, one.text)).or_default() += one.visitors;
        }
        let one = |((event, property, text), visitors)| Proposed { event, property, text, visitors };
        texts.into_iter().map(one).filter(|one| !is_declared(&declared, one)).collect()
    }
}

fn is_declared(site: &Site, proposal: &Proposed) -> bool {
    let Some(property) = &proposal.property else {
        return site.events.iter().any(|event| *event.name == *proposal.text);
    };
    let event = site.events.iter().find(|event| *event.name == *proposal.event);
    let declared = event.and_then(|event| event.properties.iter().find(|one| *one.name == **property));
    match declared.map(|property| &property.values) {
        Some(Values::List(list)) => list.iter().any(|value| **value == *proposal.text),
        Some(Values::Pattern(_)) | None => false,
    }
}
