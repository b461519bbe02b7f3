//! What every run of [`super::world`] must hold beside ordinary visitors: crowds, edges, and what is dropped.

use std::sync::Arc;

use crate::domain::{
    UNDECLARED,
    day::UnixMs,
    outcome::{Note, Outcome},
};

use super::{
    agents::{AGENTS, Agent, BOTS, CROWD_AGENTS},
    coverage::Feature,
    hit::{Meaning, Visitor, Wire},
    origins::{CROWD_ORIGINS, ORIGINS},
    places::{COUNTRIES, CROWD_COUNTRIES},
    shop,
    world::{MINUTE_MS, Making, Spot},
};

impl Making<'_> {
    pub(super) fn crowds(&mut self) {
        let k = self.scenario.k;
        let sizes = [
            (k.saturating_sub(1), Feature::CrowdBelow),
            (k, Feature::CrowdExact),
            (k + 1, Feature::CrowdAbove),
        ];
        for (at, (size, feature)) in sizes.into_iter().enumerate() {
            self.coverage.met(feature);
            for _ in 0..size {
                let abroad = self.visitor(&CROWD_COUNTRIES[at], &AGENTS[0]);
                let unusual = self.visitor(&COUNTRIES[0], &CROWD_AGENTS[at]);
                let follower = self.visitor(&COUNTRIES[0], &AGENTS[0]);
                for (visitor, origin) in [(abroad, 0), (unusual, 0), (follower, 1)] {
                    let origin = if origin == 1 { &CROWD_ORIGINS[at] } else { &ORIGINS[0] };
                    let mut when = self.hour_of_day();
                    self.visit(&visitor, &mut when, origin, Some(1));
                }
            }
        }
    }

    pub(super) fn specials(&mut self) {
        let noon = self.starts + self.length_ms / 2;
        let home = self.spot("/", None, None);

        let keeper = self.anybody();
        self.view(&keeper, noon, &home);
        self.view(&keeper, noon + 30 * MINUTE_MS, &home);
        self.coverage.met(Feature::ExactGap);
        self.event(&keeper, noon + 31 * MINUTE_MS, &home, "scroll", "depth", "25", None);
        self.event(&keeper, noon + 32 * MINUTE_MS, &home, "scroll", "depth", "25", None);
        self.coverage.met(Feature::RepeatedEvent);
        let open_tab = self.spot("/pricing", None, Some("/"));
        self.view(&keeper, noon + 63 * MINUTE_MS, &open_tab);
        self.coverage.met(Feature::Continued);

        let clicker = self.anybody();
        self.event(&clicker, noon, &home, "copy", "snippet", "install", None);
        self.coverage.met(Feature::EventFirst);
        self.view(&clicker, noon + MINUTE_MS, &open_tab);
        self.engage(&clicker, noon + 40 * MINUTE_MS, &open_tab, Some(50), 1000);
        let sleeper = self.anybody();
        self.engage(&sleeper, noon, &home, None, 5000);
        self.coverage.met(Feature::StaleEngagement);

        self.personal(noon);
        self.vocabulary(noon);
        let late = self.anybody();
        let midnight = self.starts + self.length_ms;
        for (at, path) in [(-9, "/"), (-1, "/pricing"), (1, "/docs/api"), (2, "/docs/install")] {
            let spot = self.spot(path, None, Some("/"));
            self.view(&late, midnight + at * MINUTE_MS, &spot);
        }
        self.coverage.met(Feature::Midnight);
        let curious = self.anybody();
        for n in 0..self.scenario.flood {
            let spot = self.spot(&format!("/catalogue/item-{}", letters(n)), None, None);
            self.view(&curious, noon + i64::from(n) * 10, &spot);
            self.coverage.met(Feature::PathFlood);
        }
    }

    fn personal(&mut self, at: UnixMs) {
        let visitor = self.anybody();
        let sent = ["/u/3f2b8c1e-5d4a-4c6b-9e7f-0a1b2c3d4e5f", "/welcome/jane.doe@example.org"];
        for (n, (sent, told)) in sent.into_iter().zip(["/u/:id", "/welcome/:id"]).enumerate() {
            let spot = Spot { told: told.to_owned(), ..self.spot(sent, None, None) };
            self.view(&visitor, at + n as i64 * 5000, &spot);
            self.coverage.met(Feature::PersonalPath);
        }
    }

    /// Values and properties that the site did not declare, and more terms than the cap.
    fn vocabulary(&mut self, at: UnixMs) {
        let visitor = self.anybody();
        let spot = self.spot("/docs/api", None, None);
        for n in 0..shop::SEARCH_CAP + 3 {
            let term = format!("term-{}", letters(n));
            self.event(&visitor, at + i64::from(n) * 100, &spot, "search", "term", &term, None);
        }
        self.coverage.met(Feature::ValueFlood);
        self.event(&visitor, at + 9000, &spot, "copy", "snippet", UNDECLARED, None);
        if let Some(hit) = self.hits.last_mut() {
            hit.wire.props[0].1 = "somebody's own words".to_owned();
            hit.notes.push(Note::ValueUndeclared);
        }
        self.coverage.met(Feature::UndeclaredValue);
        self.event(&visitor, at + 9500, &spot, "copy", "snippet", "api", None);
        if let Some(hit) = self.hits.last_mut() {
            hit.wire.props.push(("name".to_owned(), "Jane".to_owned()));
            hit.notes.push(Note::PropertyUndeclared);
        }
        self.coverage.met(Feature::UndeclaredProperty);
    }

    /// What admission must drop.
    pub(super) fn dropped(&mut self) {
        let spot = self.spot("/", Some(&ORIGINS[1]), None);
        for &bot in BOTS {
            let agent = Agent { user_agent: bot, ..AGENTS[0] };
            let visitor = self.visitor(&COUNTRIES[0], &agent);
            self.dropped_view(visitor, &spot, Outcome::Bot, Feature::Bot, |_| {});
        }
        for _ in 0..3 {
            let mut visitor = self.anybody();
            if let Some(visitor) = Arc::get_mut(&mut visitor) {
                visitor.objects = true;
            }
            self.dropped_view(visitor, &spot, Outcome::Gpc, Feature::Objector, |_| {});
            let visitor = self.anybody();
            self.dropped_view(visitor, &spot, Outcome::UndeclaredEvent, Feature::UndeclaredEvent, |wire| {
                wire.name = "hover_over_jane".to_owned();
            });
            let visitor = self.anybody();
            self.dropped_view(visitor, &spot, Outcome::UnknownSite, Feature::UnknownSite, |wire| {
                wire.site = "unknown.example".to_owned();
                wire.url = "https://unknown.example/".to_owned();
            });
            let visitor = self.anybody();
            self.dropped_view(visitor, &spot, Outcome::Malformed, Feature::Malformed, |wire| {
                wire.name.clear()
            });
        }
    }

    fn dropped_view(
        &mut self,
        visitor: Arc<Visitor>,
        spot: &Spot,
        outcome: Outcome,
        feature: Feature,
        change: impl Fn(&mut Wire),
    ) {
        let at = self.hour_of_day();
        self.view(&visitor, at, spot);
        if let Some(hit) = self.hits.last_mut() {
            hit.meaning = Meaning::Dropped(outcome);
            change(&mut hit.wire);
        }
        self.coverage.met(feature);
    }
}

/// A number as a short word without digits, so that no scrubber takes it for an id.
fn letters(mut n: u32) -> String {
    let mut word = String::new();
    loop {
        word.insert(0, char::from(b'a' + (n % 26) as u8));
        n /= 26;
        if n == 0 {
            return word;
        }
    }
}
