//! A public with a long tail: a few pages, countries, sources and devices that many have, and many that few have. It is
//! sent to real servers, so countries come from addresses that the trial database knows, and what each hit means is known.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
    sync::{Arc, OnceLock},
};

use mayfly::{
    domain::{
        CONTINUED, NONE, Text,
        attributes::{Described, Device, Language, Place, VisitAttributes},
        day::{Day, UnixMs},
        hit::{EventHit, Hit, HitKind},
    },
    simulate::{
        Meaning, SimulatedHit, Visitor, Wire,
        agents::{AGENTS, Agent, CROWD_AGENTS},
        wide::Dice,
    },
};

use crate::{api::SITE, server::geo};

const DAY_S: i64 = 86_400;
/// How often who reloads a page does so.
const RELOADS: i64 = 200;
/// Events that the site declares.
pub const EVENTS: [&str; 2] = ["signup", "download"];
/// Countries that visitors come from, those with most addresses first.
const COUNTRIES: u64 = 100;
/// Languages of browsers, with what is told of them.
const LANGUAGES: [(&str, &str); 6] = [
    ("en-US,en;q=0.9", "en"),
    ("de-DE,de;q=0.9", "de"),
    ("fr-FR,fr;q=0.9", "fr"),
    ("ja", "ja"),
    ("pt-BR,pt", "pt"),
    ("et-EE,et", "et"),
];
/// Referrer, query, and what is told of them; how many of a hundred visits come so.
const ORIGINS: [(u64, &str, &str, [&str; 7]); 8] = [
    (38, "", "", ["Direct", NONE, NONE, NONE, NONE, NONE, NONE]),
    (26, "https://www.google.com/", "", ["Organic Search", "Google", NONE, NONE, NONE, NONE, NONE]),
    (4, "https://www.bing.com/", "", ["Organic Search", "Bing", NONE, NONE, NONE, NONE, NONE]),
    (3, "https://duckduckgo.com/", "", ["Organic Search", "DuckDuckGo", NONE, NONE, NONE, NONE, NONE]),
    (
        4,
        "https://news.ycombinator.com/item?id=1",
        "",
        ["Organic Social", "Hacker News", NONE, NONE, NONE, NONE, NONE],
    ),
    (3, "https://www.reddit.com/r/webdev", "", ["Organic Social", "Reddit", NONE, NONE, NONE, NONE, NONE]),
    (2, "https://chatgpt.com/", "", ["AI Assistants", "ChatGPT", NONE, NONE, NONE, NONE, NONE]),
    (
        4,
        "",
        "utm_source=google&utm_medium=cpc&utm_campaign=launch",
        ["Paid Search", "Google", "google", "cpc", "launch", NONE, NONE],
    ),
];

/// Where a visit comes from.
#[derive(Clone)]
pub struct Origin {
    referrer: Option<String>,
    query: String,
    attributes: VisitAttributes,
}

impl Origin {
    fn new(referrer: &str, query: &str, told: [&str; 7]) -> Origin {
        let referrer = (!referrer.is_empty()).then(|| referrer.to_owned());
        Origin { referrer, query: query.to_owned(), attributes: VisitAttributes(told.map(Into::into)) }
    }

    /// Typed in.
    pub fn direct() -> Origin {
        Origin::new("", "", ORIGINS[0].3)
    }

    /// A link from another site.
    pub fn link(host: &str) -> Origin {
        Origin::new(&format!("https://{host}/"), "", ["Referral", host, NONE, NONE, NONE, NONE, NONE])
    }

    /// A link in a letter.
    pub fn letter(campaign: &str) -> Origin {
        let query = format!("utm_source=newsletter&utm_medium=email&utm_campaign={campaign}");
        Origin::new("", &query, ["Email", "newsletter", "newsletter", "email", campaign, NONE, NONE])
    }
}

/// A day's hits in the making.
pub struct Traffic {
    pub starts: UnixMs,
    dice: Dice,
    made: u32,
    hits: Vec<SimulatedHit>,
}

impl Traffic {
    /// Nobody yet, on a day in UTC.
    pub fn of(day: Day, seed: u64) -> Traffic {
        let mut dice = Dice::new(seed);
        dice.roll(2);
        Traffic { starts: i64::from(day.0) * DAY_S * 1000, dice, made: 0, hits: Vec::new() }
    }

    /// The hits, in the order of time.
    pub fn hits(mut self) -> Vec<SimulatedHit> {
        self.hits.sort_by_key(|hit| hit.at);
        self.hits
    }

    /// Somebody in a country, with a browser.
    pub fn visitor(&mut self, country: &str, agent: &Agent, language: usize) -> Arc<Visitor> {
        let none: Text = NONE.into();
        self.made += 1;
        let place = Place([country.into(), none.clone(), none.clone()]);
        let device = Device([agent.browser.into(), none.clone(), agent.os.into(), none, agent.device.into()]);
        let (accept_language, told) = LANGUAGES[language % LANGUAGES.len()];
        Arc::new(Visitor {
            number: u64::from(self.made),
            address: address(country, self.made),
            user_agent: agent.user_agent,
            accept_language,
            objects: false,
            described: Described { place, device, language: Language(told.into()) },
        })
    }

    /// Somebody of the long tail.
    pub fn anybody(&mut self) -> Arc<Visitor> {
        let country = countries()[self.dice.rank(COUNTRIES) as usize].0.clone();
        let mut left = self.dice.roll(116);
        let agent = AGENTS.iter().chain(CROWD_AGENTS).find(|agent| {
            let weight = u64::from(agent.weight.max(2));
            left = left.saturating_sub(weight);
            left == 0
        });
        let language = self.dice.rank(LANGUAGES.len() as u64) as usize;
        self.visitor(&country, agent.unwrap_or(&AGENTS[0]), language)
    }

    /// `n` people of the long tail, with all their visits, on a site of `pages` pages.
    pub fn crowd(&mut self, n: u64, pages: u64) {
        for _ in 0..n {
            let (visitor, mut at) = (self.anybody(), self.hour_of_day());
            at = self.visit(&visitor, at, pages);
            if self.dice.roll(8) == 0 {
                at += 1_900 + self.dice.roll(9_000) as i64;
                self.visit(&visitor, at, pages);
            }
        }
    }

    /// `n` people of the long tail, each of whom reloads a page of their own choice all afternoon; who, and which page.
    pub fn reloaders(&mut self, n: u64) -> Vec<(Arc<Visitor>, String)> {
        let one = |page: u64| {
            let (visitor, origin, path) = (self.anybody(), self.origin(), format!("/page-{page}"));
            (0..RELOADS).for_each(|time| self.view(&visitor, 50_000 + 60 * time, &path, &origin));
            (visitor, format!("{SITE}{path}"))
        };
        (0..n).map(one).collect()
    }

    fn hour_of_day(&mut self) -> i64 {
        match self.dice.roll(10) {
            0..3 => self.dice.roll(70_000) as i64,
            _ => (30_000 + self.dice.roll(42_000)) as i64,
        }
    }

    fn origin(&mut self) -> Origin {
        let mut left = self.dice.roll(100);
        for (weight, referrer, query, told) in ORIGINS {
            if left < weight {
                return Origin::new(referrer, query, told);
            }
            left -= weight;
        }
        match left {
            0..10 => Origin::link(&format!("partner-{}.com", self.dice.rank(150))),
            _ => Origin::letter(&format!("letter-{}", self.dice.rank(20))),
        }
    }

    /// A walk of some pages; tells the second of its end.
    fn visit(&mut self, visitor: &Arc<Visitor>, mut at: i64, pages: u64) -> i64 {
        let mut origin = self.origin();
        for _ in 0..[1, 1, 1, 1, 2, 2, 3, 4, 7][self.dice.roll(9) as usize] {
            let path = format!("/page-{}", self.dice.rank(pages));
            self.view(visitor, at, &path, &origin);
            at += 2 + self.dice.roll(120) as i64;
            if self.dice.roll(5) > 0 {
                let (scroll, engaged) = (self.dice.roll(5) as u8 * 25, self.dice.roll(60_000) as u32);
                self.read(visitor, at, &path, &origin, scroll, engaged);
            }
            origin = Origin::new(
                &format!("https://{SITE}{path}"),
                "",
                [CONTINUED, CONTINUED, NONE, NONE, NONE, NONE, NONE],
            );
            at += 1 + self.dice.roll(3) as i64;
        }
        at
    }

    /// A page view at a second of the day.
    pub fn view(&mut self, visitor: &Arc<Visitor>, second: i64, path: &str, origin: &Origin) {
        let wire = Wire { name: "pageview".to_owned(), ..wire(path, origin) };
        self.push(visitor, second, path, origin, wire, HitKind::View);
    }

    /// How far and how long a page was read.
    pub fn read(
        &mut self,
        visitor: &Arc<Visitor>,
        second: i64,
        path: &str,
        origin: &Origin,
        scroll: u8,
        engaged_ms: u32,
    ) {
        let (scroll, engaged) = (Some(scroll), Some(engaged_ms));
        let wire = Wire { name: "engagement".to_owned(), scroll, engaged_ms: engaged, ..wire(path, origin) };
        self.push(visitor, second, path, origin, wire, HitKind::Engagement { scroll, engaged_ms });
    }

    /// A declared event on a page.
    pub fn act(&mut self, visitor: &Arc<Visitor>, second: i64, path: &str, origin: &Origin, event: &str) {
        let wire = Wire { name: event.to_owned(), ..wire(path, origin) };
        let kind = EventHit {
            name: event.into(),
            properties: Default::default(),
            interactive: true,
            once_a_visit: false,
            value: None,
        };
        self.push(visitor, second, path, origin, wire, HitKind::Event(kind));
    }

    fn push(
        &mut self,
        visitor: &Arc<Visitor>,
        second: i64,
        path: &str,
        origin: &Origin,
        wire: Wire,
        kind: HitKind,
    ) {
        // Within the day: what a visit has left after midnight is another test's.
        let at = self.starts + second.min(DAY_S - 60) * 1000;
        let page = Some(format!("{SITE}{path}").into());
        let hit = Hit { page, sections: Default::default(), visit: origin.attributes.clone(), kind };
        let (visitor, meaning) = (visitor.clone(), Meaning::Counts(hit));
        self.hits.push(SimulatedHit { at, visitor, wire, meaning, notes: Vec::new() });
    }
}

fn wire(path: &str, origin: &Origin) -> Wire {
    let query = if origin.query.is_empty() { String::new() } else { format!("?{}", origin.query) };
    Wire {
        url: format!("https://{SITE}{path}{query}"),
        site: SITE.to_owned(),
        referrer: origin.referrer.clone(),
        interactive: true,
        ..Wire::default()
    }
}

/// The `n`th address of a country; different ones for different `n` below 65,536.
fn address(country: &str, n: u32) -> IpAddr {
    let (_, start) = countries().iter().find(|one| *one.0 == *country).expect("a country with addresses");
    Ipv4Addr::from(start + u32::from((n as u16).wrapping_mul(40_503))).into()
}

/// Countries by how many addresses they have, each with the first of 65,536 addresses of its own.
fn countries() -> &'static [(String, u32)] {
    #[derive(serde::Deserialize)]
    struct Found {
        country_code: String,
    }
    static COUNTRIES: OnceLock<Vec<(String, u32)>> = OnceLock::new();
    COUNTRIES.get_or_init(|| {
        let database = maxminddb::Reader::open_readfile(geo()).unwrap();
        let mut found: BTreeMap<String, (u64, u32)> = BTreeMap::new();
        for network in database.networks(Default::default()).unwrap() {
            let network = network.unwrap();
            let (at, Some(said)) = (network.network().unwrap(), network.decode::<Found>().unwrap()) else {
                continue;
            };
            if let (IpAddr::V4(start), prefix @ ..=16) = (at.ip(), at.prefix()) {
                let one = found.entry(said.country_code).or_insert((0, start.into()));
                one.0 += 1 << (32 - prefix);
            }
        }
        let mut found: Vec<_> = found.into_iter().collect();
        found.sort_by_key(|(code, (size, _))| (std::cmp::Reverse(*size), code.clone()));
        found.into_iter().map(|(code, (_, start))| (code, start)).collect()
    })
}
