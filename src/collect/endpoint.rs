//! `POST /api/event`: from a request to counts that are on the disk, and the answer that is the same for a hit
//! that was accepted and for one that policy dropped.

use std::{io, sync::Arc};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{self, HeaderName},
    },
    web::{self, Data},
};
use arc_swap::ArcSwap;
use smallvec::SmallVec;

use super::{
    answers::{self, Verdict},
    batch::{self, BATCH_MAX, Parcel},
    body::{self, BODY_TIMEOUT, Body, BodyError},
    client::{Proxies, signals},
    duplicates::{Duplicates, KEY_BYTES_MAX, Progress},
    event::Invalid,
    geo::Geo,
    limits::{RateSettings, Rates},
    opt_out::{asked_origin, opted_out},
    pace::Leaving,
    peers::Peers,
    rules::RulesBySite,
    shed::{Gate, Overload, STALL_MAX, Shed, lag},
    trial::Trials,
};
use crate::{
    clock,
    control::{Directory, Entry},
    domain::{
        admit::{Lists, Signals, SiteRules, named_sites},
        day::UnixMs,
        declaration::{Site, SiteId},
        outcome::Outcome,
    },
    journal::Ticket,
    memory::{
        days::{DayError, Fixed, Memory},
        site_day::{Arrived, Refusal},
    },
};

const GPC: HeaderName = HeaderName::from_static("sec-gpc");
const DNT: HeaderName = HeaderName::from_static("dnt");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Events of a batch between which others get their turn.
const TURN: usize = 50;

/// What bounds collection.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Most bytes of a body.
    pub max_body: usize,
    /// Most hits under way at once.
    pub waiting: usize,
    pub rates: RateSettings,
}

/// All that collection works with.
pub struct Collector {
    pub memory: Arc<Memory>,
    pub directory: Arc<ArcSwap<Directory>>,
    pub rules: RulesBySite,
    pub lists: Lists,
    pub geo: Geo,
    pub proxies: Proxies,
    pub peers: Peers,
    pub gate: Arc<Gate>,
    pub trials: Trials,
    /// Where browsers reach this server, if that is set.
    public_origin: Option<String>,
    pub(super) rates: Rates,
    max_body: usize,
    held: body::Held,
    duplicates: Duplicates,
    shed: Shed,
}

/// Why a hit could not be taken at all.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Day(#[from] DayError),
    #[error(transparent)]
    Overload(#[from] Overload),
    #[error("too many long bodies are being read")]
    Bodies,
    #[error("the blocking threads are gone")]
    Stopping,
}

/// What a request is for: an event of it, for a site or, without a site, for the ledger only.
pub(super) struct Target {
    event: usize,
    aim: Result<Arc<Entry>, Outcome>,
}

impl Target {
    fn site(&self) -> SiteId {
        self.aim.as_ref().map_or(SiteId::NONE, |entry| entry.id())
    }
}

impl Collector {
    /// # Errors
    /// When the system gives no memory or no randomness for the keys.
    pub fn new(
        memory: Arc<Memory>,
        directory: Arc<ArcSwap<Directory>>,
        lists: Lists,
        geo: Geo,
        proxies: Proxies,
        bounds: Bounds,
        public_origin: Option<String>,
    ) -> io::Result<Collector> {
        let collector = Collector {
            memory,
            directory,
            rules: RulesBySite::default(),
            lists,
            geo,
            proxies,
            peers: Peers::default(),
            public_origin,
            gate: Gate::new(bounds.waiting),
            rates: Rates::new(bounds.rates, clock::running())?,
            max_body: bounds.max_body,
            held: body::Held::default(),
            duplicates: Duplicates::new()?,
            trials: Trials::fresh()?,
            shed: Shed::default(),
        };
        collector.refresh(clock::now());
        Ok(collector)
    }

    /// Where browsers reach this server: as set, else as the request says.
    pub fn origin(&self, request: &HttpRequest) -> String {
        self.public_origin.clone().unwrap_or_else(|| asked_origin(request))
    }

    /// Whether browsers reach this server by https.
    pub fn is_https(&self) -> bool {
        self.public_origin.as_ref().is_some_and(|origin| origin.starts_with("https:"))
    }

    /// Takes over changed settings.
    pub fn refresh(&self, now: UnixMs) {
        self.rules.refresh(&self.directory.load(), now);
    }

    /// Once a second: hits that were shed go into the ledgers of their sites, once those take records again; keys
    /// whose time is over go. Blocks.
    pub fn settle(&self, now: UnixMs) {
        self.duplicates.turn(clock::running());
        if let Err(error) = self.rates.turn(clock::running()) {
            tracing::error!(%error, "the key of the rates could not be made anew");
        }
        let directory = self.directory.load();
        for (site, n) in self.shed.take() {
            let fixed = directory.by_id(site).map(|entry| Fixed::of(entry.at(now), entry.day(now)));
            let day = self.memory.arrive_or_open(&fixed.unwrap_or_else(Fixed::none), now);
            if !day.is_ok_and(|at| at.day.drop_hits(at.moment, Outcome::Overloaded, &[], n).is_ok()) {
                self.shed.put_back(site, n);
            }
        }
    }

    /// A site's rules as its settings are now: a hit right after a change in this process is taken by the new ones.
    pub(super) fn rules_of(&self, site: &Site, now: UnixMs) -> Option<Arc<SiteRules>> {
        let compiled = self.rules.of(site.id).filter(|rules| rules.version == site.version);
        compiled.or_else(|| {
            self.refresh(now);
            self.rules.of(site.id)
        })
    }

    pub(super) async fn arrive(
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
    pub(super) async fn drop_for_none(
        self: &Arc<Self>,
        outcome: Outcome,
        now: UnixMs,
    ) -> Result<Ticket, Trouble> {
        let at = self.arrive(Fixed::none, SiteId::NONE, now).await?;
        Ok(at.day.drop_hits(at.moment, outcome, &[], 1)?)
    }

    /// Notes a request that is wrong as a whole in the ledger, and says what is wrong.
    async fn reject(
        self: &Arc<Self>,
        outcome: Outcome,
        now: UnixMs,
        status: StatusCode,
        field: &str,
        words: &str,
    ) -> HttpResponse {
        let noted = async {
            let place = self.enter(SmallVec::from_elem(SiteId::NONE, 1))?;
            Ok((place, self.drop_for_none(outcome, now).await?))
        };
        match noted.await {
            Ok((_place, ticket)) => match committed(&ticket).await {
                Ok(()) => answers::wrong(status, field, words),
                // It has its outcome, and is written when it can be.
                Err(_) => answers::busy(),
            },
            Err(trouble) => self.send_away([SiteId::NONE], &trouble),
        }
    }

    fn enter(&self, sites: SmallVec<[SiteId; 2]>) -> Result<super::shed::Place, Trouble> {
        Ok(self.gate.enter(sites, clock::running(), lag())?)
    }

    fn send_away(&self, sites: impl IntoIterator<Item = SiteId>, trouble: &Trouble) -> HttpResponse {
        sites.into_iter().for_each(|site| self.shed.add(site, 1, trouble));
        answers::busy()
    }

    /// What the events of a request are for, and the answer to each. Asks nothing of who sent it.
    pub(super) fn aim(&self, parcel: &Parcel) -> (Vec<Target>, Vec<Verdict>) {
        let directory = self.directory.load_full();
        let mut targets = Vec::with_capacity(parcel.events.len());
        let verdicts = parcel.events.iter().enumerate().map(|(event, parsed)| {
            let first = targets.len();
            let names = parsed.as_ref().map(named_sites).unwrap_or_default();
            for name in names {
                let aim = directory.named_or_host(&name).cloned().ok_or(Outcome::UnknownSite);
                targets.push(Target { event, aim });
            }
            let known = targets[first..].iter().any(|target| target.aim.is_ok());
            let domain = |message| Invalid { field: "domain", message };
            let (outcome, wrong) = match parsed {
                Ok(_) if known => return None,
                Ok(_) if targets.len() > first => return Some(domain("is not a site of this server")),
                Ok(_) => (Outcome::UnknownSite, domain("can't be blank")),
                Err(invalid) => (Outcome::Malformed, *invalid),
            };
            targets.push(Target { event, aim: Err(outcome) });
            Some(wrong)
        });
        let verdicts = verdicts.collect();
        (targets, verdicts)
    }
}

/// The handler of `POST /api/event`.
pub async fn post_event(
    collector: Data<Collector>,
    request: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let (collector, now) = (collector.into_inner(), clock::now());
    let body = body::read(payload, collector.max_body, &collector.held).await;
    let mut leaving = Leaving::from_now();
    let answer = post(&collector, &request, now, body, &mut leaving).await;
    let answer = collector.let_the_opt_out_in(&request, answer);
    leaving.wait().await;
    answer
}

async fn post(
    collector: &Arc<Collector>,
    request: &HttpRequest,
    now: UnixMs,
    body: Result<Body, BodyError>,
    leaving: &mut Leaving,
) -> HttpResponse {
    let reject = async |outcome, status, field, words: &str| {
        collector.reject(outcome, now, status, field, words).await
    };
    let key = request.headers().get(IDEMPOTENCY_KEY).map(|key| key.as_bytes());
    if key.is_some_and(|key| key.is_empty() || key.len() > KEY_BYTES_MAX) {
        let words = format!("should have 1 to {KEY_BYTES_MAX} bytes");
        return reject(Outcome::Malformed, StatusCode::BAD_REQUEST, "idempotency-key", &words).await;
    }
    let body = match body {
        Ok(body) => body,
        Err(BodyError::TooLarge) => {
            let words = format!("is larger than {} bytes", collector.max_body);
            return reject(Outcome::TooLarge, StatusCode::PAYLOAD_TOO_LARGE, "request", &words).await;
        }
        Err(BodyError::Slow) => {
            let words = format!("took longer than {} seconds", BODY_TIMEOUT.as_secs());
            return reject(Outcome::Malformed, StatusCode::REQUEST_TIMEOUT, "request", &words).await;
        }
        Err(BodyError::Ended) => {
            return reject(Outcome::Malformed, StatusCode::BAD_REQUEST, "request", "ended early").await;
        }
        Err(BodyError::Busy) => return collector.send_away([SiteId::NONE], &Trouble::Bodies),
    };
    let parcel = match batch::read(&body.bytes) {
        Ok(parcel) => parcel,
        Err(Invalid { field, message }) => {
            return reject(Outcome::Malformed, StatusCode::BAD_REQUEST, field, message).await;
        }
    };
    if !parcel.batch && collector.tries(&parcel, request, now) {
        return answers::accepted();
    }
    let (targets, verdicts) = collector.aim(&parcel);
    if parcel.batch && targets.len() > BATCH_MAX {
        let words = format!("is for more than {BATCH_MAX} hits");
        return reject(Outcome::Malformed, StatusCode::BAD_REQUEST, "request", &words).await;
    }
    leaving.hits = targets.len();
    let signals = signals_of(request);
    // Nothing of an objector is remembered, not even for ten minutes.
    let progress = key
        .filter(|_| signals == Signals::default())
        .map(|key| collector.duplicates.of(key, &body.bytes, targets.len(), clock::running()));
    drop(body);
    let taking = Taking { collector, request, signals, now };
    match progress {
        Some(progress) => match tokio::time::timeout(STALL_MAX, progress.lock()).await {
            Ok(mut progress) => taking.all(parcel, &targets, verdicts, &mut progress).await,
            Err(_) => taking.send_away(&targets, &Overload::Stalled.into()),
        },
        None => taking.all(parcel, &targets, verdicts, &mut Progress::default()).await,
    }
}

pub(super) fn signals_of(request: &HttpRequest) -> Signals {
    let header = |name| request.headers().get(name).map(|value: &header::HeaderValue| value.as_bytes());
    signals(header(GPC), header(DNT), opted_out(request))
}

/// What all hits of a request have in common.
pub(super) struct Taking<'a> {
    pub collector: &'a Arc<Collector>,
    pub request: &'a HttpRequest,
    pub signals: Signals,
    pub now: UnixMs,
}

impl Taking<'_> {
    /// Takes what has not been taken yet, waits until it is on the disk, and answers.
    pub(super) async fn all(
        &self,
        parcel: Parcel,
        targets: &[Target],
        verdicts: Vec<Verdict>,
        progress: &mut Progress,
    ) -> HttpResponse {
        let batch = parcel.batch;
        if let Some(verdicts) = &progress.verdicts {
            return answer(batch, verdicts, &[]);
        }
        let _place = match self.collector.enter(self.room(targets)) {
            Ok(place) => place,
            Err(trouble) => return self.send_away(targets, &trouble),
        };
        progress.taken.resize_with(targets.len(), || None);
        let mut troubles: Vec<(usize, Trouble)> = Vec::new();
        for (n, target) in targets.iter().enumerate() {
            if n % TURN == TURN - 1 {
                tokio::task::yield_now().await;
            }
            if progress.taken[n].is_none() {
                match self.one(&parcel, target).await {
                    // Nothing is awaited in between: whoever goes on from here knows of it.
                    Ok(ticket) => progress.taken[n] = Some(ticket),
                    Err(trouble) => troubles.push((n, trouble)),
                }
            }
        }
        drop(parcel);
        // What was taken has its outcome, also if it is not on the disk yet.
        for (n, trouble) in &troubles {
            self.collector.shed.add(self.ledger(&targets[*n]), 1, trouble);
        }
        for (n, ticket) in progress.taken.iter().enumerate() {
            if let Some(ticket) = ticket
                && let Err(trouble) = committed(ticket).await
            {
                troubles.push((n, trouble));
            }
        }
        let failed: Vec<usize> = troubles.iter().map(|(n, _)| targets[*n].event).collect();
        let answer = answer(batch, &verdicts, &failed);
        if failed.is_empty() {
            *progress = Progress { taken: Vec::new(), verdicts: Some(verdicts) };
        }
        answer
    }

    /// The room that a request needs: a place for each hit. Who may send nothing now takes one for each site.
    fn room(&self, targets: &[Target]) -> SmallVec<[SiteId; 2]> {
        let mut sites: SmallVec<[SiteId; 2]> = targets.iter().map(Target::site).collect();
        if sites.len() > 1 && self.signals == Signals::default() && self.collector.is_spent(self.request) {
            sites.sort_unstable();
            sites.dedup();
        }
        sites
    }

    /// The site in whose ledger a hit shows that was sent away. An objector shows in none.
    fn ledger(&self, target: &Target) -> SiteId {
        match self.signals == Signals::default() {
            true => target.site(),
            false => SiteId::NONE,
        }
    }

    fn send_away(&self, targets: &[Target], trouble: &Trouble) -> HttpResponse {
        self.collector.send_away(targets.iter().map(|target| self.ledger(target)), trouble)
    }

    async fn one(&self, parcel: &Parcel, target: &Target) -> Result<Ticket, Trouble> {
        match (&target.aim, &parcel.events[target.event]) {
            (Ok(entry), Ok(incoming)) => {
                self.collector.take(entry, incoming, self.request, self.signals, self.now).await
            }
            (Err(outcome), _) => self.collector.drop_for_none(*outcome, self.now).await,
            (Ok(_), Err(_)) => self.collector.drop_for_none(Outcome::Malformed, self.now).await,
        }
    }
}

/// The answer to a request some of whose events could not be taken.
fn answer(batch: bool, verdicts: &[Verdict], failed: &[usize]) -> HttpResponse {
    let failed_all = !failed.is_empty() && (0..verdicts.len()).all(|event| failed.contains(&event));
    match (batch, verdicts) {
        _ if failed_all => answers::busy(),
        (false, [verdict]) => answers::single(*verdict),
        _ => answers::batch(verdicts, |event| failed.contains(&event)),
    }
}

async fn committed(ticket: &Ticket) -> Result<(), Trouble> {
    ticket.committed().await.map_err(|error| Refusal::Journal(error.into()).into())
}
