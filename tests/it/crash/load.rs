//! The load of a crash: lanes of visitors that send one hit after the other, so that at a kill each lane has at
//! most one hit without an answer, and that hit shows in numbers of the lane's own.

use std::{
    collections::{BTreeMap, VecDeque},
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
};

use mayfly::{
    domain::{
        Text,
        attributes::{Described, Device, Language, Place},
        day::{Day, UnixMs, Zone},
        hit::{EventHit, Hit, HitKind, PropertyHit},
    },
    simulate::{
        Meaning, SimulatedHit, Visitor, Wire, agents::AGENTS, origins::ORIGINS, places::COUNTRIES, shop,
        truth::Arrival,
    },
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::{Notify, RwLock},
};

use super::super::{api::SITE, server::Home};

/// Visitors after a start that forgot them are others: their numbers begin here.
const EPOCH: u64 = 1 << 40;
/// Visitors that a lane goes back to.
const REMEMBERED: usize = 16;
pub const PLANS: [&str; 3] = ["free", "pro", "team"];
/// Events that each lane sends with its own value, and whether they end a bounce.
pub const EVENTS: [(&str, bool); 3] = [("ping", true), ("look", false), ("buy", true)];

/// The wall clock of an install while hits are on their way: it moves only between two hits of each lane, so the
/// second of every hit is known.
pub struct Clock {
    pub home: Arc<Home>,
    now: RwLock<UnixMs>,
}

impl Clock {
    pub fn new(home: Arc<Home>, now: UnixMs) -> Clock {
        home.set_clock(now);
        Clock { home, now: RwLock::new(now) }
    }

    pub async fn now(&self) -> UnixMs {
        *self.now.read().await
    }

    /// Waits for the hits on their way, and goes on to an instant.
    pub async fn move_to(&self, at: UnixMs) {
        let mut now = self.now.write().await;
        assert!(at >= *now, "this clock goes forward");
        *now = at;
        self.home.set_clock(at);
    }
}

/// A hit without an answer.
#[derive(Clone)]
pub struct Doubt {
    pub day: Day,
    pub arrival: Arrival,
}

/// Some visitors on pages of their own. Their hits come one after the other.
pub struct Lane {
    /// Two letters.
    pub name: String,
    index: u32,
    made: u32,
    rng: StdRng,
    visitors: VecDeque<Arc<Visitor>>,
    /// Hits that are counted, by day, in order.
    pub counted: BTreeMap<Day, Vec<Arrival>>,
    pub doubt: Option<Doubt>,
}

/// The names of lanes; also the values of their events.
pub fn lane_name(index: usize) -> String {
    let letter = |n: usize| char::from(b'a' + (n % 20) as u8);
    [letter(index / 20), letter(index)].iter().collect()
}

impl Lane {
    pub fn new(index: usize, seed: u64) -> Lane {
        let rng = StdRng::seed_from_u64(seed << 16 | index as u64);
        let (visitors, counted) = Default::default();
        Lane { name: lane_name(index), index: index as u32, made: 0, rng, visitors, counted, doubt: None }
    }

    /// Whose turn it is: someone of before, or someone new.
    fn visitor(&mut self) -> Arc<Visitor> {
        if self.visitors.len() >= 2 && self.rng.random_bool(0.88) {
            let at = self.rng.random_range(0..self.visitors.len());
            return self.visitors[at].clone();
        }
        self.made += 1;
        let number = self.index * 2_000 + self.made;
        let country = &COUNTRIES[self.rng.random_range(0..COUNTRIES.len())];
        let agent = &AGENTS[self.rng.random_range(0..AGENTS.len())];
        let none: Text = mayfly::domain::NONE.into();
        let device = [agent.browser.into(), none.clone(), agent.os.into(), none.clone(), agent.device.into()];
        let visitor = Arc::new(Visitor {
            number: u64::from(number),
            address: country.address(number),
            user_agent: agent.user_agent,
            accept_language: country.accept_language,
            objects: false,
            described: Described {
                place: Place([country.code.into(), none.clone(), none]),
                device: Device(device),
                language: Language(country.language.into()),
            },
        });
        self.visitors.push_back(visitor.clone());
        if self.visitors.len() > REMEMBERED {
            self.visitors.pop_front();
        }
        visitor
    }

    /// Nobody of before comes again.
    pub fn forget_visitors(&mut self) {
        self.visitors.clear();
    }

    fn hit(&mut self, at: UnixMs) -> SimulatedHit {
        let visitor = self.visitor();
        let name = &self.name;
        let paths = [format!("/{name}"), format!("/docs/{name}"), format!("/blog/{name}"), "/pricing".into()];
        let path = paths[self.rng.random_range(0..3)].clone();
        let origin = &ORIGINS[self.rng.random_range(0..ORIGINS.len())];
        let query = if origin.query.is_empty() { String::new() } else { format!("?{}", origin.query) };
        let page: Text = format!("{SITE}{path}").into();
        let wire = Wire {
            url: format!("https://{SITE}{path}{query}"),
            site: SITE.to_owned(),
            referrer: origin.referrer.map(str::to_owned),
            interactive: true,
            ..Wire::default()
        };
        let (wire, kind) = self.kind(wire);
        let sections = shop::sections_of(&page).collect();
        let meaning = Meaning::Counts(Hit { page: Some(page), sections, visit: origin.attributes(), kind });
        SimulatedHit { at, visitor, wire, meaning, notes: Vec::new() }
    }

    fn kind(&mut self, wire: Wire) -> (Wire, HitKind) {
        match self.rng.random_range(0..100) {
            0..60 => (Wire { name: "pageview".into(), ..wire }, HitKind::View),
            60..72 => {
                let (scroll, engaged_ms) = (Some(self.rng.random_range(1..=100)), 400);
                let wire = Wire { name: "engagement".into(), scroll, engaged_ms: Some(engaged_ms), ..wire };
                (wire, HitKind::Engagement { scroll, engaged_ms })
            }
            n => {
                let (name, interactive) = EVENTS[n % EVENTS.len()];
                self.event(wire, name, interactive)
            }
        }
    }

    fn event(&mut self, wire: Wire, name: &str, interactive: bool) -> (Wire, HitKind) {
        let plan = PLANS[self.rng.random_range(0..PLANS.len())];
        let money = (name == "buy").then(|| self.rng.random_range(1..100) * 100);
        let currency = shop::CURRENCY;
        let property = |property: &str, value: &str| PropertyHit {
            property: property.into(),
            value: value.into(),
            cap: None,
        };
        let event = EventHit {
            name: name.into(),
            properties: [property("lane", &self.name), property("plan", plan)].into_iter().collect(),
            interactive,
            once_a_visit: !interactive,
            value: money.map(|n| (currency.into(), n)),
        };
        let wire = Wire {
            name: name.to_owned(),
            props: vec![("lane".into(), self.name.clone()), ("plan".into(), plan.into())],
            interactive,
            revenue: money.map(|n| (currency.to_owned(), n)),
            ..wire
        };
        (wire, HitKind::Event(event))
    }
}

/// What all lanes of a run share.
pub struct Run {
    pub server: SocketAddr,
    pub clock: Arc<Clock>,
    pub zone: Zone,
    /// By which of a day's salts visitors are known now.
    pub epochs: BTreeMap<Day, u32>,
    acknowledged: AtomicU64,
    target: AtomicU64,
    reached: Notify,
}

impl Run {
    pub fn new(server: SocketAddr, clock: Arc<Clock>, zone: Zone, epochs: BTreeMap<Day, u32>) -> Run {
        let (acknowledged, target, reached) = Default::default();
        Run { server, clock, zone, epochs, acknowledged, target, reached }
    }

    pub fn acknowledged(&self) -> u64 {
        self.acknowledged.load(SeqCst)
    }

    /// Waits until so many hits of this run are acknowledged.
    pub async fn until(&self, target: u64) {
        self.target.store(target, SeqCst);
        while self.acknowledged() < target {
            self.reached.notified().await;
        }
    }

    fn acknowledge(&self) {
        if self.acknowledged.fetch_add(1, SeqCst) + 1 >= self.target.load(SeqCst) {
            self.reached.notify_one();
        }
    }

    fn arrival(&self, hit: &SimulatedHit) -> Doubt {
        let day = self.zone.day_at(hit.at);
        let epoch = self.epochs.get(&day).copied().unwrap_or(1);
        let Meaning::Counts(meant) = &hit.meaning else { unreachable!("all hits of lanes count") };
        let arrival = Arrival {
            moment: self.zone.calendar(day).moment(hit.at),
            visitor: hit.visitor.number + EPOCH * u64::from(epoch),
            described: hit.visitor.described.clone(),
            hit: meant.clone(),
        };
        Doubt { day, arrival }
    }

    /// Sends a lane's hits until one is not acknowledged, or `most` are.
    pub async fn drive(self: Arc<Run>, mut lane: Lane, most: u64) -> Lane {
        let Ok(stream) = TcpStream::connect(self.server).await else { return lane };
        // It would only cost a wait for each request.
        stream.set_nodelay(true).unwrap();
        let mut line = Line { stream, heard: Vec::new() };
        for _ in 0..most {
            let now = self.clock.now.read().await;
            let hit = lane.hit(*now);
            let made = self.arrival(&hit);
            let answer = line.post(&hit).await;
            drop(now);
            if answer.as_ref().is_ok_and(|&status| status == 202) {
                lane.counted.entry(made.day).or_default().push(made.arrival);
                self.acknowledge();
            } else {
                lane.doubt = Some(made);
                break;
            }
        }
        lane
    }
}

/// A connection that is kept.
struct Line {
    stream: TcpStream,
    heard: Vec<u8>,
}

impl Line {
    async fn post(&mut self, hit: &SimulatedHit) -> std::io::Result<u16> {
        let body = hit.body();
        let mut request =
            format!("POST /api/event HTTP/1.1\r\nhost: {SITE}\r\ncontent-length: {}\r\n", body.len());
        for (name, value) in hit.headers() {
            request.extend([name, ": ", &value, "\r\n"]);
        }
        request.extend(["\r\n", &body]);
        self.stream.write_all(request.as_bytes()).await?;
        self.heard.clear();
        loop {
            if self.stream.read_buf(&mut self.heard).await? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            let text = String::from_utf8_lossy(&self.heard);
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return Ok(head.get(9..12).and_then(|status| status.parse().ok()).unwrap_or(0));
            }
        }
    }
}
