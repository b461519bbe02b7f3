//! Trial hits: who sets a site up has their own browser send one, under a token that only they have, and is told what
//! would have become of it. It is not counted, nothing of it is written, and of who sent it nothing is kept: what is
//! told is an outcome, the site that the page's script names, and the page's host.
//!
//! Tokens are signed, not remembered: each collector of an installation knows those that the report node gave out.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use actix_web::{HttpRequest, http::header};
use serde::{Deserialize, Serialize};

use super::{
    batch::Parcel,
    endpoint::{Collector, signals_of},
};
use crate::{
    control::Entry,
    domain::{
        address::UserAgent,
        admit::{Request, admit, bot, named_sites, objection},
        day::UnixMs,
        declaration::SiteId,
        hit::Incoming,
        outcome::Outcome,
        scrub::{UrlParts, cut},
    },
};

/// The query parameter by which a page's address carries a token.
pub const MARK: &str = "mayfly-trial";
/// The page of this server that tries a site's script: it stands for a page of the site.
pub const PAGE: &str = "/setup-test";
/// Milliseconds for which a token is one.
const LIFE_MS: UnixMs = 600_000;
/// Findings that are kept until they are asked for.
const FINDINGS_MAX: usize = 200;
/// Bytes of what the script of a page names as its site, and of the page's host.
const NAME_BYTES_MAX: usize = 120;

/// What would have become of a trial hit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// By the first reason against it.
    pub outcome: Outcome,
    /// What the script names as its site.
    pub named: String,
    /// Whether that is a site of this server, but another one.
    pub of_other_site: bool,
    /// The page's host; `None` for the page of this server.
    pub host: Option<String>,
    /// A proxy forwards it whose word is not taken.
    pub untrusted_proxy: bool,
}

/// A token that is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trial {
    pub site: SiteId,
    pub number: u64,
}

/// Gives tokens out, knows them again, and keeps what was found, in memory.
pub struct Trials {
    key: [u8; 32],
    found: Mutex<VecDeque<(u64, Finding)>>,
}

impl Trials {
    pub fn new(key: [u8; 32]) -> Trials {
        Trials { key, found: Mutex::default() }
    }

    /// Under a key of this process.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn fresh() -> Result<Trials, getrandom::Error> {
        let mut key = [0; 32];
        getrandom::fill(&mut key)?;
        Ok(Trials::new(key))
    }

    /// A token for a site.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn token(&self, site: SiteId, now: UnixMs) -> Result<String, getrandom::Error> {
        Ok(self.signed(site, now + LIFE_MS, getrandom::u64()?))
    }

    fn signed(&self, site: SiteId, until: UnixMs, number: u64) -> String {
        let said = format!("{:x}-{until:x}-{number:x}", site.0);
        let signature = blake3::keyed_hash(&self.key, said.as_bytes()).to_hex();
        format!("{said}-{signature}")
    }

    /// What a token is for, if it is one of ours and its time is not over.
    pub fn read(&self, token: &str, now: UnixMs) -> Option<Trial> {
        let (said, signature) = token.rsplit_once('-')?;
        let signature = blake3::Hash::from_hex(signature).ok()?;
        // Hashes of this type compare in constant time.
        if blake3::keyed_hash(&self.key, said.as_bytes()) != signature {
            return None;
        }
        let mut parts = said.split('-');
        let site = u32::from_str_radix(parts.next()?, 16).ok()?;
        let until = i64::from_str_radix(parts.next()?, 16).ok()?;
        let number = u64::from_str_radix(parts.next()?, 16).ok()?;
        (now < until).then_some(Trial { site: SiteId(site), number })
    }

    /// The token that a URL carries.
    fn carried(&self, url: &str, now: UnixMs) -> Option<Trial> {
        // Most URLs have none, and are not taken apart for it.
        let _ = url.find(MARK)?;
        self.read(UrlParts::of(url).ok()?.parameter(MARK)?, now)
    }

    /// Keeps the first finding of a token: what a page sends later (how far it was read) says no more.
    fn keep(&self, number: u64, finding: Finding) {
        let mut found = self.lock();
        if found.iter().any(|(known, _)| *known == number) {
            return;
        }
        if found.len() == FINDINGS_MAX {
            found.pop_front();
        }
        found.push_back((number, finding));
    }

    /// What was found under a token.
    pub fn found(&self, number: u64) -> Option<Finding> {
        self.lock().iter().find(|(known, _)| *known == number).map(|(_, finding)| finding.clone())
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(u64, Finding)>> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Collector {
    /// Whether a request is a trial; if so, what would have become of it is kept, and nothing else done.
    pub(super) fn tries(&self, parcel: &Parcel, request: &HttpRequest, now: UnixMs) -> bool {
        let [Ok(incoming)] = &parcel.events[..] else { return false };
        let Some(trial) = self.trials.carried(&incoming.url, now) else { return false };
        if let Some(entry) = self.directory.load().by_id(trial.site) {
            self.trials.keep(trial.number, self.examine(entry, incoming, request, now));
        }
        true
    }

    fn examine(&self, entry: &Entry, incoming: &Incoming, request: &HttpRequest, now: UnixMs) -> Finding {
        let directory = self.directory.load();
        let url = UrlParts::of(&incoming.url).ok();
        let own = url.as_ref().is_some_and(|url| url.path == PAGE);
        let aims: Vec<_> = named_sites(incoming)
            .iter()
            .map(|name| directory.named_or_host(name).map(|to| to.id()))
            .collect();
        let aimed = aims.contains(&Some(entry.id()));
        let outcome = match (aimed, own) {
            (false, _) => Outcome::UnknownSite,
            (true, false) => self.would_be(entry, incoming, request, now),
            (true, true) => self.would_be(entry, &on_own_host(entry, incoming, now), request, now),
        };
        let host = url.and_then(|url| url.host()).filter(|_| !own);
        Finding {
            outcome,
            named: cut(&incoming.sites.join(", "), NAME_BYTES_MAX).to_owned(),
            of_other_site: !aimed && aims.iter().any(Option::is_some),
            host: host.map(|host| cut(&host, NAME_BYTES_MAX).to_owned()),
            // Not even here is it looked where an objector's request comes from.
            untrusted_proxy: !matches!(outcome, Outcome::OptedOut | Outcome::Gpc)
                && self.is_forwarded_untrusted(request),
        }
    }

    /// The outcome that a hit would have: the steps of `take`, in their order, without what they do.
    fn would_be(&self, entry: &Entry, incoming: &Incoming, request: &HttpRequest, now: UnixMs) -> Outcome {
        let site = entry.at(now);
        let Some(rules) = self.rules_of(site, now) else { return Outcome::UnknownSite };
        if let Some(outcome) = objection(signals_of(request), rules.objection) {
            return outcome;
        }
        if self.is_spent(request) {
            return Outcome::RateLimited;
        }
        let address = self.address(request);
        if let Err(outcome) = admit(&Request { incoming, address: &address }, &rules, &self.lists).result {
            return outcome;
        }
        let agent = request.headers().get(header::USER_AGENT).map_or(&b""[..], |value| value.as_bytes());
        bot(&UserAgent::new(agent), &self.lists).unwrap_or(Outcome::Accepted)
    }
}

/// A hit of this server's own page, as if it came from the site's first host.
fn on_own_host(entry: &Entry, incoming: &Incoming, now: UnixMs) -> Incoming {
    let host = entry.at(now).hosts.first().map_or("", |host| host.trim_start_matches("*."));
    Incoming { url: format!("https://{host}/"), referrer: None, ..incoming.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(named: &str) -> Finding {
        Finding {
            outcome: Outcome::Accepted,
            named: named.into(),
            of_other_site: false,
            host: None,
            untrusted_proxy: false,
        }
    }

    #[test]
    fn a_token_is_known_for_ten_minutes_and_by_nobody_else() {
        let trials = Trials::new([7; 32]);
        let token = trials.signed(SiteId(3), 1_000 + LIFE_MS, 99);
        let read = |token: &str, now| trials.read(token, now);
        assert_eq!(read(&token, 1_000), Some(Trial { site: SiteId(3), number: 99 }));
        assert!(read(&token, 999 + LIFE_MS).is_some() && read(&token, 1_000 + LIFE_MS).is_none());
        assert_eq!(Trials::new([8; 32]).read(&token, 1_000), None);
        let (said, signature) = token.rsplit_once('-').unwrap();
        let other = said.replacen('3', "4", 1);
        for wrong in [format!("{other}-{signature}"), said.to_owned(), format!("{said}-"), "---".into()] {
            assert_eq!(read(&wrong, 1_000), None, "{wrong}");
        }
        let carried = |url: &str| trials.carried(url, 1_000);
        assert!(carried(&format!("https://example.com/a?x=1&{MARK}={token}#b")).is_some());
        assert_eq!(carried(&format!("https://example.com/{MARK}={token}")), None);
        assert_ne!(trials.token(SiteId(3), 0).unwrap(), trials.token(SiteId(3), 0).unwrap());
    }

    #[test]
    fn the_first_finding_stays_and_the_oldest_make_room() {
        let trials = Trials::new([7; 32]);
        trials.keep(1, finding("first"));
        trials.keep(1, finding("second"));
        assert_eq!(trials.found(1), Some(finding("first")));
        (2..=FINDINGS_MAX as u64).for_each(|number| trials.keep(number, finding("more")));
        assert!(trials.found(1).is_some());
        trials.keep(0, finding("last"));
        assert!(trials.found(1).is_none() && trials.found(2).is_some() && trials.found(0).is_some());
    }
}
