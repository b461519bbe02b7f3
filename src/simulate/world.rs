//! The generator: a day of visitors on the site of [`super::shop`], from a seed. The same scenario and day give
//! the same hits, always.

use std::sync::Arc;

use rand::{RngExt, SeedableRng, rngs::StdRng};

use crate::domain::{
    CONTINUED, NONE,
    attributes::{Described, Device, Language, Place, VisitAttributes},
    day::{Day, UnixMs, Zone},
    declaration::Kept,
    hit::{EventHit, Hit, HitKind, PropertyHit},
};

use super::{
    agents::{AGENTS, Agent},
    coverage::{Coverage, Feature},
    hit::{Meaning, SimulatedHit, Visitor, Wire},
    origins::{ORIGINS, Origin},
    places::{COUNTRIES, Country},
    shop,
};

pub(super) const MINUTE_MS: i64 = 60_000;

/// A site and its public.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The site's name and its only host.
    pub host: String,
    pub zone: Zone,
    pub seed: u64,
    /// The k whose neighbours are planted as crowds.
    pub k: u32,
    pub kept: Kept,
    /// Ordinary visitors of a day; at most 90,000.
    pub visitors: u32,
    /// Whether the day has all that [`Feature`] names, or ordinary visitors only.
    pub everything: bool,
    /// Distinct paths that one curious visitor asks for.
    pub flood: u32,
}

/// The hits of one day in the order of time, and what they held. The last may lie in the next day.
pub fn day(scenario: &Scenario, day: Day) -> (Vec<SimulatedHit>, Coverage) {
    let mut making = Making::new(scenario, day);
    for number in 0..scenario.visitors {
        making.ordinary(number);
    }
    if scenario.everything {
        making.crowds();
        making.specials();
        making.dropped();
    }
    making.hits.sort_by_key(|hit| hit.at);
    (making.hits, making.coverage)
}

/// A page as it is asked for, and as it is to be counted.
#[derive(Clone)]
pub(super) struct Spot {
    /// Path and query as sent.
    pub(super) sent: String,
    /// Path as counted.
    pub(super) told: String,
    pub(super) referrer: Option<String>,
    pub(super) attributes: VisitAttributes,
}

pub(super) struct Making<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) rng: StdRng,
    pub(super) starts: UnixMs,
    pub(super) length_ms: i64,
    pub(super) first_number: u64,
    /// Separates the addresses of one day from those of its neighbours.
    pub(super) first_address: u32,
    pub(super) made: u32,
    pub(super) last: Option<Arc<Visitor>>,
    pub(super) hits: Vec<SimulatedHit>,
    pub(super) coverage: Coverage,
}

impl<'a> Making<'a> {
    fn new(scenario: &'a Scenario, day: Day) -> Making<'a> {
        let starts = scenario.zone.start_of(day);
        let length_ms = scenario.zone.start_of(day.plus(1)) - starts;
        let mut coverage = Coverage::default();
        if length_ms != 24 * 60 * MINUTE_MS {
            coverage.met(Feature::ClockChange);
        }
        let number = day.0.unsigned_abs();
        Making {
            scenario,
            rng: StdRng::seed_from_u64(scenario.seed ^ (u64::from(number) << 32)),
            starts,
            length_ms,
            first_number: u64::from(number) * 1_000_000,
            first_address: (number % 2) * 100_000,
            made: 0,
            last: None,
            hits: Vec::new(),
            coverage,
        }
    }

    // Visitors

    pub(super) fn visitor(&mut self, country: &Country, agent: &Agent) -> Arc<Visitor> {
        let address = country.address(self.first_address + self.made);
        self.visitor_at(address, country, agent)
    }

    fn visitor_at(&mut self, address: std::net::IpAddr, country: &Country, agent: &Agent) -> Arc<Visitor> {
        let none: crate::domain::Text = NONE.into();
        let kept = self.scenario.kept;
        let place = Place([country.code.into(), none.clone(), none.clone()]);
        let device =
            Device([agent.browser.into(), none.clone(), agent.os.into(), none.clone(), agent.device.into()]);
        let language = Language(if kept.language { country.language.into() } else { none });
        if address.is_ipv6() {
            self.coverage.met(Feature::Ipv6);
        }
        self.made += 1;
        Arc::new(Visitor {
            number: self.first_number + u64::from(self.made),
            address,
            user_agent: agent.user_agent,
            accept_language: country.accept_language,
            objects: false,
            described: Described { place, device, language },
        })
    }

    pub(super) fn anybody(&mut self) -> Arc<Visitor> {
        let country = pick(&mut self.rng, COUNTRIES, |one| one.weight);
        let agent = pick(&mut self.rng, AGENTS, |one| one.weight);
        self.visitor(country, agent)
    }

    /// Someone new, or someone behind the address of the visitor before.
    fn ordinary(&mut self, number: u32) {
        let mut visitor = self.anybody();
        if let Some(last) =
            self.last.clone().filter(|last| number % 20 == 7 && last.user_agent != visitor.user_agent)
        {
            self.coverage.met(Feature::SharedAddress);
            let country = COUNTRIES.iter().find(|one| *one.code == *last.described.place.0[0]);
            let agent = AGENTS.iter().find(|one| one.user_agent == visitor.user_agent);
            if let (Some(country), Some(agent)) = (country, agent) {
                visitor = self.visitor_at(last.address, country, agent);
            }
        }
        self.last = Some(visitor.clone());
        let mut at = self.hour_of_day();
        let origin = pick(&mut self.rng, ORIGINS, |one| one.weight);
        self.visit(&visitor, &mut at, origin, None);
        if self.rng.random_bool(0.12) {
            at += self.rng.random_range(31..200) * MINUTE_MS;
            self.coverage.met(Feature::Return);
            let again = pick(&mut self.rng, ORIGINS, |one| one.weight);
            if again.told[..2] != origin.told[..2] {
                self.coverage.met(Feature::SecondSource);
            }
            self.visit(&visitor, &mut at, again, None);
        }
    }

    /// An instant of the day; more of them by daylight.
    pub(super) fn hour_of_day(&mut self) -> UnixMs {
        let mut share: f64 = self.rng.random();
        if self.rng.random_bool(0.7) {
            share = 0.35 + share * 0.55;
        }
        self.starts + (share * self.length_ms as f64) as i64
    }

    // Visits

    pub(super) fn spot(&self, path: &str, origin: Option<&Origin>, from: Option<&str>) -> Spot {
        let (query, referrer, attributes) = match (origin, from) {
            (Some(origin), _) => (origin.query, origin.referrer.map(str::to_owned), origin.attributes()),
            (None, Some(from)) => ("", Some(format!("https://{}{from}", self.scenario.host)), continued()),
            (None, None) => ("", None, ORIGINS[0].attributes()),
        };
        let sent = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
        Spot { sent, told: path.to_owned(), referrer, attributes }
    }

    /// A walk of some pages with what people do on them; leaves `at` at its last hit.
    pub(super) fn visit(
        &mut self,
        visitor: &Arc<Visitor>,
        at: &mut UnixMs,
        origin: &Origin,
        pages: Option<u32>,
    ) {
        let entry = pick(&mut self.rng, shop::PAGES, |one| one.1).0;
        let mut spot = self.spot(entry, Some(origin), None);
        let pages = pages.unwrap_or_else(|| [1, 1, 1, 2, 2, 3, 4, 7][self.rng.random_range(0..8)]);
        for left in (0..pages).rev() {
            self.view(visitor, *at, &spot);
            self.stay(visitor, at, &spot);
            if self.rng.random_bool(0.04) {
                self.coverage.met(Feature::Reload);
                *at += self.rng.random_range(200..9000);
                self.view(visitor, *at, &spot);
            }
            if left > 0 {
                let next = pick(&mut self.rng, shop::PAGES, |one| one.2).0;
                let from = spot.sent.split('?').next().unwrap_or("/").to_owned();
                spot = self.spot(next, None, Some(&from));
                *at += self.rng.random_range(100..3000);
            }
        }
    }

    /// Reading, scrolling, clicking on one page.
    fn stay(&mut self, visitor: &Arc<Visitor>, at: &mut UnixMs, spot: &Spot) {
        let deepest = self.rng.random_range(0..=4);
        for depth in shop::DEPTHS.iter().take(deepest) {
            *at += self.rng.random_range(500..9000);
            self.event(visitor, *at, spot, "scroll", "depth", depth, None);
        }
        if self.rng.random_bool(0.8) {
            let dwell = self.rng.random_range(500..90_000);
            *at += dwell;
            // Now and then a tracker claims more than the time that passed.
            let claimed = if self.rng.random_bool(0.1) { dwell * 3 } else { dwell / 2 };
            self.engage(visitor, *at, spot, Some(deepest as u8 * 25), claimed as u32);
            if self.rng.random_bool(0.2) {
                *at += self.rng.random_range(1000..20_000);
                self.engage(visitor, *at, spot, Some(self.scenario.k as u8), 900);
            }
        }
        *at += self.rng.random_range(300..4000);
        self.act(visitor, *at, spot);
    }

    /// At most one click.
    fn act(&mut self, visitor: &Arc<Visitor>, at: UnixMs, spot: &Spot) {
        let plan = shop::PLANS[self.rng.random_range(0..3)];
        match (spot.told.as_str(), self.rng.random_range(0..100)) {
            ("/pricing", 0..40) => self.event(visitor, at, spot, "plan_card_click", "plan", plan, None),
            ("/pricing", 40..50) => {
                let price = self.rng.random_range(9..200) * 100;
                self.event(visitor, at, spot, "purchase", "plan", plan, Some(price));
            }
            ("/signup", 0..60) => self.event(visitor, at, spot, "signup", "plan", plan, None),
            ("/", 0..50) => {
                let part = shop::PARTS[self.rng.random_range(0..3)];
                self.event(visitor, at, spot, "section_view", "section", part, None);
            }
            (path, 0..50) if path.starts_with("/docs/") => {
                let snippet = shop::SNIPPETS[self.rng.random_range(0..3)];
                self.event(visitor, at, spot, "copy", "snippet", snippet, None);
            }
            _ => {}
        }
    }

    // Hits

    fn push(&mut self, visitor: &Arc<Visitor>, at: UnixMs, spot: &Spot, wire: Wire, kind: HitKind) {
        let label = format!("{}{}", self.scenario.host, spot.told);
        let hit = Hit {
            sections: shop::sections_of(&label).collect(),
            page: Some(label.into()),
            visit: spot.attributes.clone(),
            kind,
        };
        self.hits.push(SimulatedHit {
            at,
            visitor: visitor.clone(),
            wire,
            meaning: Meaning::Counts(hit),
            notes: Vec::new(),
        });
    }

    fn wire(&self, name: &str, spot: &Spot) -> Wire {
        Wire {
            name: name.to_owned(),
            url: format!("https://{}{}", self.scenario.host, spot.sent),
            site: self.scenario.host.clone(),
            referrer: spot.referrer.clone(),
            interactive: true,
            ..Wire::default()
        }
    }

    pub(super) fn view(&mut self, visitor: &Arc<Visitor>, at: UnixMs, spot: &Spot) {
        let wire = self.wire("pageview", spot);
        self.push(visitor, at, spot, wire, HitKind::View);
    }

    pub(super) fn engage(
        &mut self,
        visitor: &Arc<Visitor>,
        at: UnixMs,
        spot: &Spot,
        scroll: Option<u8>,
        engaged_ms: u32,
    ) {
        let wire = Wire { scroll, engaged_ms: Some(engaged_ms), ..self.wire("engagement", spot) };
        self.push(visitor, at, spot, wire, HitKind::Engagement { scroll, engaged_ms });
    }

    #[allow(clippy::too_many_arguments, reason = "an event has that many parts")]
    pub(super) fn event(
        &mut self,
        visitor: &Arc<Visitor>,
        at: UnixMs,
        spot: &Spot,
        name: &str,
        property: &str,
        value: &str,
        minor_units: Option<i64>,
    ) {
        let passive = ["scroll", "section_view"].contains(&name);
        let cap = (name == "search").then_some(shop::SEARCH_CAP);
        let money = minor_units.map(|minor_units| (shop::CURRENCY.to_owned(), minor_units));
        let wire = Wire {
            props: vec![(property.to_owned(), value.to_owned())],
            interactive: !passive,
            revenue: money.clone(),
            ..self.wire(name, spot)
        };
        if money.is_some() {
            self.coverage.met(Feature::Revenue);
        }
        let event = EventHit {
            name: name.into(),
            properties: [PropertyHit { property: property.into(), value: value.into(), cap }]
                .into_iter()
                .collect(),
            interactive: !passive,
            once_a_visit: passive,
            value: money.map(|(currency, n)| (currency.into(), n)),
        };
        self.push(visitor, at, spot, wire, HitKind::Event(event));
    }
}

/// What a first hit from the site's own pages is described by.
fn continued() -> VisitAttributes {
    VisitAttributes([CONTINUED, CONTINUED, NONE, NONE, NONE, NONE, NONE].map(Into::into))
}

fn pick<'t, T>(rng: &mut StdRng, table: &'t [T], weight: impl Fn(&T) -> u32) -> &'t T {
    let total: u32 = table.iter().map(&weight).sum();
    let mut left = rng.random_range(0..total.max(1));
    for one in table {
        if left < weight(one) {
            return one;
        }
        left -= weight(one);
    }
    &table[0]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, HashSet};

    fn scenario() -> Scenario {
        Scenario {
            host: "example.com".into(),
            zone: Zone::named("Europe/Tallinn").unwrap(),
            seed: 1,
            k: 5,
            kept: Kept::default(),
            visitors: 300,
            everything: true,
            flood: 50,
        }
    }

    #[test]
    fn a_day_holds_every_feature() {
        let (hits, coverage) = day(&scenario(), Day::parse("2026-10-25").unwrap());
        assert_eq!(coverage.missing(), vec![]);
        assert!(hits.is_sorted_by_key(|hit| hit.at));
    }

    #[test]
    fn the_same_seed_gives_the_same_day() {
        let of = |seed| {
            let (hits, _) = day(&Scenario { seed, ..scenario() }, Day::parse("2026-11-22").unwrap());
            hits.iter().map(|hit| (hit.at, hit.headers(), hit.body())).collect::<Vec<_>>()
        };
        assert_eq!(of(7), of(7));
        assert_ne!(of(7), of(8));
    }

    #[test]
    fn crowds_are_exact() {
        let (hits, _) = day(&scenario(), Day::parse("2026-11-22").unwrap());
        let mut countries: BTreeMap<String, HashSet<u64>> = BTreeMap::new();
        for hit in &hits {
            let country = hit.visitor.described.place.0[0].to_string();
            countries.entry(country).or_default().insert(hit.visitor.number);
        }
        assert_eq!(["EE", "LV", "LT"].map(|code| countries[code].len()), [4, 5, 6]);
    }

    #[test]
    fn visitors_are_who_they_seem() {
        let (hits, _) = day(&scenario(), Day::parse("2026-11-22").unwrap());
        let (next, _) = day(&scenario(), Day::parse("2026-11-23").unwrap());
        let mut numbers: BTreeMap<(std::net::IpAddr, &str), u64> = BTreeMap::new();
        for hit in hits.iter().chain(&next) {
            let key = (hit.visitor.address, hit.visitor.user_agent);
            assert_eq!(*numbers.entry(key).or_insert(hit.visitor.number), hit.visitor.number);
        }
    }
}
