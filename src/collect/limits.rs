//! How many hits an address and a site may send: a table of fixed size that holds no address.
//!
//! Addresses and sites are known by a hash under a key that lives for an hour. Each has one moment: when it will
//! have used up what it sent (the generic cell rate algorithm); once it has, nothing of it is left. Where the table is
//! full, who has sent least makes room, so a flood of addresses forgets floods, but never slows a stranger down.

use std::{
    io,
    sync::{Mutex, PoisonError, RwLock},
    time::Duration,
};

use zeroize::Zeroize;

use crate::{
    domain::{
        address::{Address, Grain},
        declaration::SiteId,
    },
    memory::sealed::{Secret, Secrets},
};

/// Seconds' worth of hits that may come at once.
const BURST_S: u64 = 10;
/// How many times as much as an address the /48 around an IPv6 address may send.
const WIDE: u64 = 4;
/// A key lives this long; with it goes all that was known under it.
const KEY_LIFE: Duration = Duration::from_secs(3_600);
/// Addresses and sites that are remembered at once.
pub const CELLS_MAX: usize = 65_536;
/// Cells among which one has its place.
const WAYS: usize = 8;

/// Hits a second that may come for long; 0: no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RateSettings {
    /// Of one address: an IPv4 address, the /64 of an IPv6 address.
    pub address: u64,
    /// For one site.
    pub site: u64,
}

/// See the module.
pub struct Rates {
    settings: RateSettings,
    secrets: Secrets,
    key: RwLock<(Secret, Duration)>,
    sets: Box<[Mutex<[Cell; WAYS]>]>,
}

/// Whom it is about, and when all that was sent is used up, in nanoseconds of the process.
#[derive(Clone, Copy, Default)]
struct Cell {
    who: u64,
    until: u64,
}

#[derive(Clone, Copy)]
#[repr(u8)]
enum Kind {
    Address = 1,
    Wide = 2,
    Site = 3,
    Peer = 4,
}

impl Rates {
    /// # Errors
    /// When the system gives no memory or no randomness.
    pub fn new(settings: RateSettings, now: Duration) -> io::Result<Rates> {
        let secrets = Secrets::default();
        let key = RwLock::new((secrets.fresh()?, now));
        let sets = (0..CELLS_MAX / WAYS).map(|_| Mutex::default()).collect();
        Ok(Rates { settings, secrets, key, sets })
    }

    /// Whether an address may send one more hit for a site now; if so, it counts. What an address may not send
    /// uses up nothing of the site's.
    pub fn allow(&self, address: &Address, site: SiteId, now: Duration) -> bool {
        let RateSettings { address: by_address, site: by_site } = self.settings;
        if by_address > 0 {
            let ip = address.ip();
            let whole = Address::new(ip, Grain { v4: 32, v6: 64 }).network();
            if !self.one_more(Kind::Address, whole.bytes(), by_address, now) {
                return false;
            }
            let wide = Address::new(ip, Grain { v4: 32, v6: 48 }).network();
            if ip.is_ipv6() && !self.one_more(Kind::Wide, wide.bytes(), by_address * WIDE, now) {
                return false;
            }
        }
        by_site == 0 || self.one_more(Kind::Site, &site.0.to_le_bytes(), by_site, now)
    }

    /// Whether an address may send nothing now. Counts nothing, and makes no room for a stranger.
    pub fn is_spent(&self, address: &Address, now: Duration) -> bool {
        let rate = self.settings.address;
        if rate == 0 {
            return false;
        }
        let whole = Address::new(address.ip(), Grain { v4: 32, v6: 64 }).network();
        let (set, who) = self.place(Kind::Address, whole.bytes());
        let cells = self.sets[set].lock().unwrap_or_else(PoisonError::into_inner);
        let cell = cells.iter().find(|cell| cell.who == who);
        cell.is_some_and(|cell| !is_within(rate, after_one_more(cell.until, rate, now), now))
    }

    /// A number that stands for a peer as long as the key lives.
    pub fn stands_for(&self, peer: &Address) -> u64 {
        self.place(Kind::Peer, peer.network().bytes()).1
    }

    fn one_more(&self, kind: Kind, who: &[u8], rate: u64, now: Duration) -> bool {
        let (set, who) = self.place(kind, who);
        let mut cells = self.sets[set].lock().unwrap_or_else(PoisonError::into_inner);
        let cell = cell_of(&mut cells, who);
        let until = after_one_more(cell.until, rate, now);
        let allowed = is_within(rate, until, now);
        if allowed {
            cell.until = until;
        }
        allowed
    }

    /// In which set somebody is, and as whom.
    fn place(&self, kind: Kind, who: &[u8]) -> (usize, u64) {
        let key = self.key.read().unwrap_or_else(PoisonError::into_inner);
        let mut hasher = blake3::Hasher::new_keyed(key.0.bytes());
        hasher.update(&[kind as u8]).update(who);
        let mut hash = hasher.finalize();
        hasher.zeroize();
        let half = |at: usize| {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(&hash.as_bytes()[at..at + 8]);
            u64::from_le_bytes(bytes)
        };
        let place = (half(0) as usize % self.sets.len(), half(8));
        hash.zeroize();
        place
    }

    /// Once a second: who has used up what they sent is forgotten, for they are limited as strangers are; and a key that
    /// has lived its hour goes, with all that is known under it.
    ///
    /// # Errors
    /// When the system has no randomness; the old key is gone all the same at the next success.
    pub fn turn(&self, now: Duration) -> io::Result<()> {
        if now.saturating_sub(self.key.read().unwrap_or_else(PoisonError::into_inner).1) < KEY_LIFE {
            self.forget(|cell| u128::from(cell.until) <= now.as_nanos());
            return Ok(());
        }
        let fresh = self.secrets.fresh()?;
        *self.key.write().unwrap_or_else(PoisonError::into_inner) = (fresh, now);
        self.forget(|_| true);
        Ok(())
    }

    fn forget(&self, whom: impl Fn(&Cell) -> bool) {
        for set in &self.sets {
            let mut cells = set.lock().unwrap_or_else(PoisonError::into_inner);
            cells.iter_mut().filter(|cell| whom(cell)).for_each(|cell| *cell = Cell::default());
        }
    }
}

/// When all is used up after one more hit.
fn after_one_more(until: u64, rate: u64, now: Duration) -> u64 {
    until.max(now.as_nanos() as u64) + 1_000_000_000 / rate
}

fn is_within(rate: u64, until: u64, now: Duration) -> bool {
    until - now.as_nanos() as u64 <= 1_000_000_000 / rate * rate * BURST_S
}

/// Somebody's cell; a stranger gets the one that is used up first.
fn cell_of(cells: &mut [Cell; WAYS], who: u64) -> &mut Cell {
    let found = cells.iter().position(|cell| cell.who == who);
    let at = found.unwrap_or_else(|| {
        let first = (0..WAYS).min_by_key(|&at| cells[at].until).unwrap_or(0);
        cells[first] = Cell { who, until: 0 };
        first
    });
    &mut cells[at]
}

#[cfg(test)]
mod tests {
    use super::*;

    const SITE: SiteId = SiteId(1);

    fn rates(address: u64, site: u64) -> Rates {
        Rates::new(RateSettings { address, site }, Duration::ZERO).unwrap()
    }

    fn address(text: &str) -> Address {
        Address::new(text.parse().unwrap(), Grain::default())
    }

    fn passing(rates: &Rates, tries: u32, ip: impl Fn(u32) -> String, now: Duration) -> u32 {
        (0..tries).filter(|&n| rates.allow(&address(&ip(n)), SITE, now)).count() as u32
    }

    #[test]
    fn an_address_may_send_its_rate_and_ten_seconds_of_it_at_once() {
        let rates = rates(5, 0);
        let from = |text: &'static str| move |_| text.to_owned();
        assert_eq!(passing(&rates, 100, from("192.0.2.1"), Duration::ZERO), 50);
        assert_eq!(passing(&rates, 100, from("192.0.2.2"), Duration::ZERO), 50, "a neighbour is another");
        assert_eq!(passing(&rates, 100, from("192.0.2.1"), Duration::from_secs(1)), 5);
        assert_eq!(passing(&rates, 100, from("192.0.2.1"), Duration::from_secs(1000)), 50);
        let secs = |n: u64| Duration::from_secs(2000 + n);
        let steady = (0..100).all(|n| passing(&rates, 5, from("192.0.2.9"), secs(n)) == 5);
        assert!(steady, "the rate itself is never limited");
    }

    #[test]
    fn who_is_spent_is_known_without_counting() {
        let rates = rates(5, 0);
        let one = address("192.0.2.1");
        assert!((0..100).all(|_| !rates.is_spent(&one, Duration::ZERO)), "asking uses up nothing");
        assert_eq!(passing(&rates, 49, |_| "192.0.2.1".into(), Duration::ZERO), 49);
        assert!(!rates.is_spent(&one, Duration::ZERO));
        assert_eq!(passing(&rates, 1, |_| "192.0.2.1".into(), Duration::ZERO), 1);
        assert!(rates.is_spent(&one, Duration::ZERO));
        assert!(!rates.is_spent(&one, Duration::from_secs(1)));
        assert!(!rates.is_spent(&address("192.0.2.2"), Duration::ZERO));
    }

    #[test]
    fn ipv6_networks_count_as_one_and_their_surroundings_too() {
        let rates = rates(5, 0);
        let in_one_64 = |n: u32| format!("2001:db8:0:7::{n:x}");
        assert_eq!(passing(&rates, 500, in_one_64, Duration::ZERO), 50);
        let in_one_48 = |n: u32| format!("2001:db8:1:{n:x}::1");
        assert_eq!(passing(&rates, 500, in_one_48, Duration::ZERO), 200);
        assert_eq!(passing(&rates, 1, |_| "2001:db8:2::1".into(), Duration::ZERO), 1);
    }

    #[test]
    fn what_an_address_may_not_send_uses_up_nothing_of_the_site() {
        let rates = rates(5, 10);
        assert_eq!(passing(&rates, 1_000, |_| "192.0.2.1".into(), Duration::ZERO), 50);
        assert_eq!(passing(&rates, 1_000, |n| format!("198.51.{}.{}", n / 250, n % 250), Duration::ZERO), 50);
        assert!(rates.allow(&address("192.0.2.7"), SiteId(2), Duration::ZERO), "another site is another");
    }

    #[test]
    fn a_flood_of_addresses_slows_no_stranger_down_and_needs_no_more_memory() {
        let rates = rates(1, 0);
        let flood = |n: u32| format!("2001:{:x}:{:x}::1", n >> 16, n & 0xffff);
        let all = CELLS_MAX as u32 * 4;
        assert_eq!(passing(&rates, all, flood, Duration::ZERO), all, "each is a stranger");
        assert_eq!(rates.sets.len() * WAYS, CELLS_MAX);
        // One that sends too much is remembered through the flood.
        let loud = |_| "192.0.2.1".to_owned();
        assert_eq!(passing(&rates, 50, loud, Duration::ZERO), 10);
        assert_eq!(passing(&rates, all, |n| flood(n + all), Duration::ZERO), all);
        assert_eq!(passing(&rates, 50, loud, Duration::ZERO), 0);
    }

    // Seen to fail with cells that stay until their key goes.
    #[test]
    fn who_has_used_up_what_they_sent_is_forgotten_within_a_second() {
        let rates = rates(5, 0);
        let known =
            || rates.sets.iter().map(|set| set.lock().unwrap().iter().filter(|one| one.who != 0).count());
        assert_eq!(passing(&rates, 100, |_| "192.0.2.1".into(), Duration::ZERO), 50);
        assert_eq!(passing(&rates, 20, |n| format!("198.51.100.{n}"), Duration::ZERO), 20);
        assert_eq!(known().sum::<usize>(), 21);
        rates.turn(Duration::from_secs(1)).unwrap();
        assert_eq!(known().sum::<usize>(), 1, "who may not send yet");
        assert_eq!(
            passing(&rates, 100, |_| "192.0.2.1".into(), Duration::from_secs(1)),
            5,
            "is limited as before"
        );
        rates.turn(Duration::from_secs(11)).unwrap();
        assert_eq!(known().sum::<usize>(), 0);
    }

    #[test]
    fn a_key_lives_an_hour_and_takes_what_was_known_with_it() {
        let rates = rates(1, 0);
        let one = |_| "192.0.2.1".to_owned();
        let before = rates.place(Kind::Address, b"x");
        assert_eq!(passing(&rates, 50, one, KEY_LIFE - Duration::from_secs(1)), 10);
        rates.turn(KEY_LIFE - Duration::from_secs(1)).unwrap();
        assert_eq!(rates.place(Kind::Address, b"x"), before);
        rates.turn(KEY_LIFE).unwrap();
        assert_ne!(rates.place(Kind::Address, b"x"), before);
        let empty = |set: &Mutex<[Cell; WAYS]>| set.lock().unwrap().iter().all(|cell| cell.who == 0);
        assert!(rates.sets.iter().all(empty));
        assert_eq!(passing(&rates, 50, one, KEY_LIFE), 10);
    }

    #[test]
    fn zero_is_no_limit() {
        let rates = rates(0, 0);
        assert_eq!(passing(&rates, 10_000, |_| "192.0.2.1".into(), Duration::ZERO), 10_000);
    }
}
