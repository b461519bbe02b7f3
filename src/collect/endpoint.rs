//! `POST /api/event`: from a request to counts that are on the disk, and the answer that is the same for a hit
//! that was accepted and for one that policy dropped.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr},
    sync::{Arc, Mutex, PoisonError},
};

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, HeaderName},
    web::{self, Bytes, Data},
};
use arc_swap::ArcSwap;
use smallvec::SmallVec;

use super::{
    client::{Proxies, signals},
    event,
    geo::Geo,
    identity::visitor_key,
};
use crate::{
    clock,
    control::{Directory, Entry},
    domain::{
        address::{Address, UserAgent},
        admit::{
            Admission, Lists, Request, Signals, SiteRules, admit, bot, describe, named_sites, objection,
        },
        day::UnixMs,
        declaration::{Kept, Site, SiteId},
        hit::{Hit, Incoming, VisitorKey},
        outcome::{Note, Outcome},
        vocabulary::Undeclared,
    },
    journal::Ticket,
    memory::{
        days::{DayError, Fixed, Memory},
        site_day::{Arrived, Refusal, Tallied},
    },
};

const GPC: HeaderName = HeaderName::from_static("sec-gpc");
const DNT: HeaderName = HeaderName::from_static("dnt");

/// All that collection works with.
pub struct Collector {
    pub memory: Arc<Memory>,
    pub directory: Arc<ArcSwap<Directory>>,
    pub rules: RulesBySite,
    pub lists: Lists,
    pub geo: Geo,
    pub proxies: Proxies,
    /// Most bytes of a body.
    pub max_body: usize,
    /// Hits that were shed and are not in the ledger yet, by site.
    shed: Mutex<HashMap<SiteId, u64>>,
}

/// Compiled rules of all sites, made anew when a site changes.
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

    fn of(&self, site: SiteId) -> Option<Arc<SiteRules>> {
        self.0.load().get(&site).cloned()
    }
}

/// Why a hit could not be taken at all.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Day(#[from] DayError),
    #[error("the blocking threads are gone")]
    Stopping,
}

/// Who sent a request. Lives as long as the request; nothing of it can be printed or copied.
struct Sender {
    address: Address,
    agent: UserAgent,
}

impl Collector {
    pub fn new(
        memory: Arc<Memory>,
        directory: Arc<ArcSwap<Directory>>,
        lists: Lists,
        geo: Geo,
        proxies: Proxies,
        max_body: usize,
    ) -> Collector {
        let collector = Collector {
            memory,
            directory,
            rules: RulesBySite::default(),
            lists,
            geo,
            proxies,
            max_body,
            shed: Mutex::default(),
        };
        collector.refresh(clock::now());
        collector
    }

    /// Takes over changed settings.
    pub fn refresh(&self, now: UnixMs) {
        self.rules.refresh(&self.directory.load(), now);
    }

    /// Writes hits that were shed into the ledgers of their sites, once those take records again. Blocks.
    pub fn settle_shed(&self, now: UnixMs) {
        let shed = std::mem::take(&mut *self.shed.lock().unwrap_or_else(PoisonError::into_inner));
        let directory = self.directory.load();
        for (site, n) in shed {
            let fixed = directory.by_id(site).map(|entry| Fixed::of(entry.at(now), entry.day(now)));
            let day = self.memory.arrive_or_open(&fixed.unwrap_or_else(Fixed::none), now);
            if !day.is_ok_and(|at| at.day.drop_hits(at.moment, Outcome::Overloaded, &[], n).is_ok()) {
                self.shed(site, n);
            }
        }
    }

    /// Remembers hits that could not be taken.
    fn shed(&self, site: SiteId, n: u64) {
        *self.shed.lock().unwrap_or_else(PoisonError::into_inner).entry(site).or_default() += n;
    }

    /// A site's rules as its settings are now: a hit right after a change in this process is taken by the new ones.
    fn rules_of(&self, site: &Site, now: UnixMs) -> Option<Arc<SiteRules>> {
        let compiled = self.rules.of(site.id).filter(|rules| rules.version == site.version);
        compiled.or_else(|| {
            self.refresh(now);
            self.rules.of(site.id)
        })
    }

    async fn arrive(
        self: &Arc<Self>,
        fixed: impl Fn() -> Fixed,
        site: SiteId,
        now: UnixMs,
    ) -> Result<Arrived, Trouble> {
        if let Some(arrived) = self.memory.arrive(site, now) {
            return Ok(arrived);
        }
        let (collector, fixed) = (self.clone(), fixed());
        let opened = web::block(move || collector.memory.arrive_or_open(&fixed, now)).await;
        Ok(opened.map_err(|_| Trouble::Stopping)??)
    }

    /// Counts a drop that belongs to no site in particular.
    async fn drop_for_none(self: &Arc<Self>, outcome: Outcome, now: UnixMs) -> Result<Ticket, Trouble> {
        let at = self.arrive(Fixed::none, SiteId::NONE, now).await?;
        Ok(at.day.drop_hits(at.moment, outcome, &[], 1)?)
    }

    /// The address behind a request, by way of trusted proxies.
    pub fn client_ip(&self, request: &HttpRequest) -> IpAddr {
        self.sender(request).address.ip()
    }

    fn sender(&self, request: &HttpRequest) -> Sender {
        let peer = request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip());
        let lines = request.headers().get_all(self.proxies.header.as_str()).map(|value| value.as_bytes());
        let agent = request.headers().get(header::USER_AGENT).map_or(&b""[..], |value| value.as_bytes());
        Sender { address: self.proxies.client(peer, lines), agent: UserAgent::new(agent) }
    }

    /// Takes a hit for one site.
    async fn take(
        self: &Arc<Self>,
        entry: &Arc<Entry>,
        incoming: &Incoming,
        request: &HttpRequest,
        signals: Signals,
        now: UnixMs,
    ) -> Result<Ticket, Trouble> {
        match self.take_for(entry, incoming, request, signals, now).await {
            // Removed since the directory was looked at.
            Err(Trouble::Day(DayError::Removed)) => self.drop_for_none(Outcome::UnknownSite, now).await,
            taken => taken,
        }
    }

    async fn take_for(
        self: &Arc<Self>,
        entry: &Arc<Entry>,
        incoming: &Incoming,
        request: &HttpRequest,
        signals: Signals,
        now: UnixMs,
    ) -> Result<Ticket, Trouble> {
        let site = entry.at(now);
        let Some(rules) = self.rules_of(site, now) else {
            return self.drop_for_none(Outcome::UnknownSite, now).await;
        };
        if let Some(outcome) = objection(signals, rules.objection) {
            return self.drop_for_none(outcome, now).await;
        }
        let arrived = self.arrive(|| Fixed::of(site, entry.day(now)), site.id, now).await?;
        let sender = self.sender(request);
        let admission = admit(&Request { incoming, address: &sender.address }, &rules, &self.lists);
        let language = request.headers().get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        match self.count(&arrived, &rules, site.kept, admission, &sender, language) {
            // The day closed between arrival and tally: the ledger of the day that is open says so.
            Err(Refusal::Closed) => {
                let now = clock::now();
                let late = self.arrive(|| Fixed::of(entry.at(now), entry.day(now)), site.id, now).await?;
                Ok(late.day.drop_hits(late.moment, Outcome::Late, &[], 1)?)
            }
            counted => Ok(counted?),
        }
    }

    fn count(
        &self,
        arrived: &Arrived,
        rules: &SiteRules,
        kept: Kept,
        admission: Admission,
        sender: &Sender,
        language: Option<&str>,
    ) -> Result<Ticket, Refusal> {
        let Admission { result, notes, undeclared } = admission;
        let hit = match result {
            Ok(hit) => hit,
            Err(outcome) => {
                if !undeclared.is_empty() && bot(&sender.agent, &self.lists).is_none() {
                    arrived.day.propose(key(arrived, sender)?, &undeclared);
                }
                return arrived.day.drop_hits(arrived.moment, outcome, &notes, 1);
            }
        };
        self.tally(arrived, rules, kept, &hit, &notes, &undeclared, sender, language)
    }

    #[allow(
        clippy::too_many_arguments,
        reason = "the parts of one hit; a struct would only be taken apart again"
    )]
    fn tally(
        &self,
        arrived: &Arrived,
        rules: &SiteRules,
        kept: Kept,
        hit: &Hit,
        notes: &[Note],
        undeclared: &[Undeclared],
        sender: &Sender,
        language: Option<&str>,
    ) -> Result<Ticket, Refusal> {
        let key = key(arrived, sender)?;
        let described = match arrived.day.knows(key) {
            true => None,
            false => {
                if let Some(outcome) = bot(&sender.agent, &self.lists) {
                    return arrived.day.drop_hits(arrived.moment, outcome, notes, 1);
                }
                let place = self.geo.place(&sender.address);
                Some(describe(kept, place, &sender.agent, language, &self.lists))
            }
        };
        let described = described.as_ref();
        arrived.day.tally(
            arrived.moment,
            Tallied { key, described, hit, notes, funnels: &rules.funnels, undeclared },
        )
    }
}

fn key(arrived: &Arrived, sender: &Sender) -> Result<VisitorKey, Refusal> {
    arrived.day.with_salt(|salt| visitor_key(salt, &sender.address, &sender.agent)).ok_or(Refusal::Closed)
}

/// The handler of `POST /api/event`.
pub async fn post_event(
    collector: Data<Collector>,
    request: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let collector = collector.into_inner();
    let now = clock::now();
    match read_and_take(&collector, &request, payload, now).await {
        Ok(answer) => answer,
        Err((site, trouble)) => {
            collector.shed(site, 1);
            tracing::warn!(%trouble, site = site.0, "a hit was not taken");
            HttpResponse::ServiceUnavailable()
                .insert_header((header::RETRY_AFTER, "1"))
                .insert_header((header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"))
                .json(serde_json::json!({"errors": {"request": ["the server is busy, try again"]}}))
        }
    }
}

async fn read_and_take(
    collector: &Arc<Collector>,
    request: &HttpRequest,
    payload: web::Payload,
    now: UnixMs,
) -> Result<HttpResponse, (SiteId, Trouble)> {
    let body = match payload.to_bytes_limited(collector.max_body).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => {
            return rejected(collector, Outcome::Malformed, now, 400, "request", "ended early").await;
        }
        Err(_) => {
            let words = format!("is larger than {} bytes", collector.max_body);
            return rejected(collector, Outcome::TooLarge, now, 413, "request", &words).await;
        }
    };
    let incoming = match event::parse(&body) {
        Ok(incoming) => incoming,
        Err(error) => {
            return rejected(collector, Outcome::Malformed, now, 400, error.field, error.message).await;
        }
    };
    take_all(collector, request, &incoming, now).await
}

async fn take_all(
    collector: &Arc<Collector>,
    request: &HttpRequest,
    incoming: &Incoming,
    now: UnixMs,
) -> Result<HttpResponse, (SiteId, Trouble)> {
    let header = |name| request.headers().get(name).map(|value: &header::HeaderValue| value.as_bytes());
    let signals = signals(header(GPC), header(DNT), false);
    let directory = collector.directory.load_full();
    let mut tickets: SmallVec<[(SiteId, Ticket); 2]> = SmallVec::new();
    let mut known = false;
    for name in named_sites(incoming) {
        let entry = directory.named_or_host(&name);
        known |= entry.is_some();
        let (site, taken) = match entry {
            Some(entry) => (entry.id(), collector.take(entry, incoming, request, signals, now).await),
            None => (SiteId::NONE, collector.drop_for_none(Outcome::UnknownSite, now).await),
        };
        tickets.push((site, taken.map_err(|trouble| (site, trouble))?));
    }
    if tickets.is_empty() {
        return rejected(collector, Outcome::UnknownSite, now, 400, "domain", "can't be blank").await;
    }
    for (site, ticket) in &tickets {
        committed(*site, ticket).await?;
    }
    Ok(match known {
        true => accepted(),
        false => answer(400, "domain", "is not a site of this server"),
    })
}

/// The one answer to what was accepted and to what policy dropped.
fn accepted() -> HttpResponse {
    HttpResponse::Accepted()
        .insert_header((header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"))
        .content_type("text/plain; charset=utf-8")
        .body("ok")
}

/// Notes a request that is wrong in the ledger, and says what is wrong.
async fn rejected(
    collector: &Arc<Collector>,
    outcome: Outcome,
    now: UnixMs,
    status: u16,
    field: &str,
    words: &str,
) -> Result<HttpResponse, (SiteId, Trouble)> {
    let ticket = collector.drop_for_none(outcome, now).await.map_err(|trouble| (SiteId::NONE, trouble))?;
    committed(SiteId::NONE, &ticket).await?;
    Ok(answer(status, field, words))
}

async fn committed(site: SiteId, ticket: &Ticket) -> Result<(), (SiteId, Trouble)> {
    ticket.committed().await.map_err(|error| (site, Refusal::Journal(error.into()).into()))
}

fn answer(status: u16, field: &str, words: &str) -> HttpResponse {
    let status = actix_web::http::StatusCode::from_u16(status).unwrap_or_default();
    HttpResponse::build(status)
        .insert_header((header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"))
        .json(serde_json::json!({"errors": {field: [words]}}))
}

/// The handler of the preflight `OPTIONS /api/event`.
pub async fn preflight() -> HttpResponse {
    HttpResponse::NoContent()
        .insert_header((header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"))
        .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, "POST"))
        .insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, "content-type"))
        .insert_header((header::ACCESS_CONTROL_MAX_AGE, "86400"))
        .finish()
}

/// Reads a body and answers 202: what collection is measured against. Served only with `--bare-route`.
pub async fn bare(body: Bytes) -> HttpResponse {
    drop(body);
    accepted()
}
