//! One hit for one site: objection, the rate, admission, the visitor's key, the tally.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use actix_web::{HttpRequest, http::header};

use super::{
    endpoint::{Collector, Trouble},
    identity::visitor_key,
    peers::FORWARDING,
};
use crate::{
    clock,
    control::Entry,
    domain::{
        address::{Address, UserAgent},
        admit::{Admission, Request, Signals, SiteRules, admit, bot, describe, objection},
        day::UnixMs,
        declaration::Kept,
        hit::{Hit, Incoming, VisitorKey},
        outcome::{Note, Outcome},
        vocabulary::Undeclared,
    },
    journal::Ticket,
    memory::{
        days::{DayError, Fixed},
        site_day::{Arrived, Refusal, Tallied},
        wiping::wipe_stack,
    },
    sabotage::{self, Sabotage},
};

/// Who sent a request. Lives as long as the request; nothing of it can be printed or copied.
struct Sender {
    address: Address,
    agent: UserAgent,
}

impl Collector {
    /// The address behind a request, by way of trusted proxies.
    pub fn client_ip(&self, request: &HttpRequest) -> IpAddr {
        self.address(request).ip()
    }

    pub(super) fn address(&self, request: &HttpRequest) -> Address {
        let lines = request.headers().get_all(self.proxies.header.as_str()).map(|value| value.as_bytes());
        self.proxies.client(peer(request), lines)
    }

    /// Whether the sender may send one more hit. Trusted proxies are no senders: where one of them does not say
    /// whom it forwards, all its visitors share an address.
    fn may_send(&self, address: &Address, entry: &Entry) -> bool {
        self.proxies.trusts(address.ip()) || self.rates.allow(address, entry.id(), clock::running())
    }

    /// Whether the sender of a request may send nothing now.
    pub(super) fn is_spent(&self, request: &HttpRequest) -> bool {
        let address = self.address(request);
        !self.proxies.trusts(address.ip()) && self.rates.is_spent(&address, clock::running())
    }

    /// Whether a request says that it is forwarded for another.
    fn is_forwarded(&self, request: &HttpRequest) -> bool {
        let mut names = FORWARDING.into_iter().chain([self.proxies.header.as_str()]);
        names.any(|name| request.headers().contains_key(name))
    }

    /// Whether a request comes from this machine, and was not forwarded by a proxy on it.
    pub fn is_local(&self, request: &HttpRequest) -> bool {
        peer(request).to_canonical().is_loopback() && !self.is_forwarded(request)
    }

    /// Looks at the way that a request came, for the check of the set-up.
    fn note_peer(&self, request: &HttpRequest) {
        let peer = || Address::new(peer(request).to_canonical(), self.proxies.grain);
        let forwards = self.is_forwarded_untrusted(request);
        self.peers.hit(forwards.then(|| self.rates.stands_for(&peer())));
    }

    /// Whether a request says that it is forwarded for another, by a peer whose word is not taken.
    pub(super) fn is_forwarded_untrusted(&self, request: &HttpRequest) -> bool {
        !self.proxies.trusts(peer(request).to_canonical()) && self.is_forwarded(request)
    }

    /// Takes a hit for one site.
    pub(super) async fn take(
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
        let objects = objection(signals, rules.objection);
        if let Some(outcome) = objects.filter(|_| !sabotage::on(Sabotage::ObjectorsCounted)) {
            return self.drop_for_none(outcome, now).await;
        }
        let arrived = self.arrive(|| Fixed::of(site, entry.day(now)), site.id, now).await?;
        self.note_peer(request);
        let address = self.address(request);
        if !self.may_send(&address, entry) {
            return Ok(arrived.day.drop_hits(arrived.moment, Outcome::RateLimited, &[], 1)?);
        }
        let agent = request.headers().get(header::USER_AGENT).map_or(&b""[..], |value| value.as_bytes());
        if sabotage::on(Sabotage::PanicOnHit) {
            panic!("{}", agent.escape_ascii());
        }
        let sender = Sender { address, agent: UserAgent::new(agent) };
        let admission = admit(&Request { incoming, address: &sender.address }, &rules, &self.lists);
        let language = request.headers().get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        let counted = self.count(&arrived, &rules, site.kept, admission, &sender, language);
        // Nor may what lives longer, such as a connection that comes next, take the visitor's key with it.
        wipe_stack();
        match counted {
            // The day closed between arrival and tally: the ledger of the day that is open says so.
            Err(Refusal::Closed) => {
                let now = clock::now();
                let late = self.arrive(|| Fixed::of(entry.at(now), entry.day(now)), site.id, now).await?;
                Ok(late.day.drop_hits(late.moment, Outcome::Late, &[], 1)?)
            }
            counted => Ok(counted?),
        }
    }

    #[inline(never)]
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
        let mut hit = match result {
            Ok(hit) => hit,
            Err(outcome) => {
                if !undeclared.is_empty() && bot(&sender.agent, &self.lists).is_none() {
                    arrived.day.propose(key(arrived, sender)?, &undeclared);
                }
                return arrived.day.drop_hits(arrived.moment, outcome, &notes, 1);
            }
        };
        if sabotage::on(Sabotage::HashStored) {
            hit.page = Some(format!("{:016x}", key(arrived, sender)?.0).as_str().into());
        }
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
                if sabotage::on(Sabotage::SlowForNew) {
                    let begun = clock::running();
                    while (clock::running() - begun).as_millis() < 4 {}
                }
                if let Some(outcome) = bot(&sender.agent, &self.lists) {
                    return arrived.day.drop_hits(arrived.moment, outcome, notes, 1);
                }
                let place = self.geo.place(&sender.address);
                Some(describe(kept, place, &sender.agent, language, &self.lists))
            }
        };
        let described = described.as_ref();
        // From here on things are made that live for the day: none may take what the stack holds of the user agent with it.
        wipe_stack();
        arrived.day.tally(
            arrived.moment,
            Tallied { key, described, hit, notes, funnels: &rules.funnels, undeclared },
        )
    }
}

fn key(arrived: &Arrived, sender: &Sender) -> Result<VisitorKey, Refusal> {
    arrived.day.with_salt(|salt| visitor_key(salt, &sender.address, &sender.agent)).ok_or(Refusal::Closed)
}

fn peer(request: &HttpRequest) -> IpAddr {
    request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip())
}
