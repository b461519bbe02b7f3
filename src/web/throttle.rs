//! Slows down guessing of passwords, by name and network. Keeps keyed hashes, in memory only.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::{Mutex, PoisonError},
};

use crate::domain::day::UnixMs;

/// Attempts for one name from one network before waits begin.
const FREE_BY_NAME: u32 = 5;
/// Attempts from one network, whatever the names, before waits begin.
const FREE_BY_NETWORK: u32 = 50;
/// Codes tried for one person, from wherever, before waits begin.
const FREE_BY_CODE: u32 = 10;
/// Most networks from which somebody has signed in that are remembered; one that was used longest ago makes room.
const KNOWN_MAX: usize = 1_000;
/// The longest wait.
const WAIT_S_MAX: u64 = 900;
/// Attempts are forgotten after an hour without any.
const FORGET_MS: i64 = 3_600_000;
/// Most networks and names remembered; those tried longest ago make room.
const ENTRIES_MAX: usize = 20_000;

/// Counts attempts to sign in.
pub struct LoginThrottle {
    /// Of this process: what is remembered says nothing to anybody else.
    key: [u8; 32],
    attempts: Mutex<HashMap<[u8; 16], Attempts>>,
    /// Names that have signed in, with the network, and when.
    known: Mutex<HashMap<[u8; 16], UnixMs>>,
}

#[derive(Clone, Copy, Default)]
struct Attempts {
    count: u32,
    last: UnixMs,
}

/// An attempt under way.
pub struct Attempt {
    by_name: [u8; 16],
    by_network: [u8; 16],
}

impl LoginThrottle {
    /// # Errors
    /// When the operating system gives no randomness.
    pub fn new() -> Result<LoginThrottle, getrandom::Error> {
        let mut key = [0; 32];
        getrandom::fill(&mut key)?;
        Ok(LoginThrottle { key, attempts: Mutex::default(), known: Mutex::default() })
    }

    /// Lets an attempt begin, counted as failed until [`LoginThrottle::passed`] says otherwise, so that
    /// attempts side by side count too.
    ///
    /// # Errors
    /// The seconds to wait before the next one.
    pub fn begin(&self, name: &str, client: Option<IpAddr>, now: UnixMs) -> Result<Attempt, u64> {
        let network = network(client);
        let attempt = Attempt {
            by_name: self.hash(&name.trim().to_lowercase(), &network),
            by_network: self.hash("", &network),
        };
        // Whom strangers in the same network would lock out waits for attempts at their own name only.
        let limits = [(attempt.by_name, FREE_BY_NAME), (attempt.by_network, FREE_BY_NETWORK)];
        self.count(if self.is_known(&attempt) { &limits[..1] } else { &limits }, now)?;
        Ok(attempt)
    }

    fn count(&self, limits: &[([u8; 16], u32)], now: UnixMs) -> Result<(), u64> {
        let mut attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = limits.iter().map(|(key, free)| wait_s(attempts.get(key).copied(), *free, now)).max();
        if let Some(seconds @ 1..) = wait {
            return Err(seconds);
        }
        make_room(&mut attempts, now);
        for (key, _) in limits {
            let entry = attempts.entry(*key).or_default();
            let count = if entry.last + FORGET_MS < now { 0 } else { entry.count };
            *entry = Attempts { count: count + 1, last: now };
        }
        Ok(())
    }

    /// The password was right: attempts for this name start anew.
    pub fn forgive(&self, attempt: &Attempt) {
        let mut attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        attempts.remove(&attempt.by_name);
        if let Some(entry) = attempts.get_mut(&attempt.by_network) {
            entry.count = entry.count.saturating_sub(1);
        }
    }

    /// As [`LoginThrottle::forgive`], of a person: who comes again is known.
    pub fn passed(&self, attempt: &Attempt, now: UnixMs) {
        self.forgive(attempt);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KNOWN_MAX && !known.contains_key(&attempt.by_name) {
            let oldest = known.iter().min_by_key(|(_, at)| **at).map(|(key, _)| *key);
            oldest.map(|key| known.remove(&key));
        }
        known.insert(attempt.by_name, now);
    }

    /// Whether this name has signed in from this network since the process began.
    pub fn is_known(&self, attempt: &Attempt) -> bool {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&attempt.by_name)
    }

    /// Lets digits of a person's authenticator be tried.
    ///
    /// # Errors
    /// The seconds to wait before the next.
    pub fn begin_code(&self, person: i64, now: UnixMs) -> Result<(), u64> {
        self.count(&[(self.code_of(person), FREE_BY_CODE)], now)
    }

    /// The digits were right: attempts start anew.
    pub fn code_passed(&self, person: i64) {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.code_of(person));
    }

    /// No network has these bytes beside a name: names of people are not empty.
    fn code_of(&self, person: i64) -> [u8; 16] {
        let mut place = [0xff; 16];
        place[8..].copy_from_slice(&person.to_be_bytes());
        self.hash("", &place)
    }

    fn hash(&self, name: &str, network: &[u8; 16]) -> [u8; 16] {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(&(name.len() as u64).to_le_bytes()).update(name.as_bytes()).update(network);
        let mut out = [0; 16];
        out.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        out
    }
}

/// The /24 of an IPv4 address, the /48 of an IPv6 address.
pub(super) fn network(client: Option<IpAddr>) -> [u8; 16] {
    match client.map(|address| address.to_canonical()) {
        Some(IpAddr::V4(v4)) => {
            let [a, b, c, _] = v4.octets();
            Ipv4Addr::new(a, b, c, 0).to_ipv6_mapped().octets()
        }
        Some(IpAddr::V6(v6)) => Ipv6Addr::from_bits(v6.to_bits() & !(u128::MAX >> 48)).octets(),
        None => [0; 16],
    }
}

/// Seconds to wait: 1, 2, 4 ... after the free attempts are used up.
fn wait_s(attempts: Option<Attempts>, free: u32, now: UnixMs) -> u64 {
    let Some(Attempts { count, last }) = attempts else { return 0 };
    if count < free || last + FORGET_MS < now {
        return 0;
    }
    let pause_s = 1_u64.checked_shl(count - free).unwrap_or(WAIT_S_MAX).min(WAIT_S_MAX);
    let pause_ms = (pause_s * 1_000) as i64;
    // By a clock that has gone back since, nobody waits until it is there again.
    if last - now > pause_ms {
        return 0;
    }
    let left_ms = last + pause_ms - now;
    (left_ms.max(0) as u64).div_ceil(1_000)
}

fn make_room(attempts: &mut HashMap<[u8; 16], Attempts>, now: UnixMs) {
    if attempts.len() + 2 <= ENTRIES_MAX {
        return;
    }
    attempts.retain(|_, entry| entry.last + FORGET_MS >= now);
    // Half at once, so that a flood of networks pays for the search once in many attempts.
    let mut ages: Vec<UnixMs> = attempts.values().map(|entry| entry.last).collect();
    ages.sort_unstable();
    let mut surplus = (ages.len() + 2).saturating_sub(ENTRIES_MAX / 2);
    let Some(&newest_dropped) = surplus.checked_sub(1).and_then(|at| ages.get(at)) else { return };
    attempts.retain(|_, entry| {
        let drop = surplus > 0 && entry.last <= newest_dropped;
        surplus -= usize::from(drop);
        !drop
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn waits_double_after_the_free_attempts_and_end_with_success() {
        let throttle = LoginThrottle::new().unwrap();
        let begin = |now| throttle.begin("ada", from("192.0.2.1"), now);
        for _ in 0..FREE_BY_NAME {
            assert!(begin(0).is_ok());
        }
        assert_eq!(begin(0).err(), Some(1));
        assert_eq!(begin(999).err(), Some(1));
        assert!(begin(1_000).is_ok());
        assert_eq!(begin(1_000).err(), Some(2));
        // Neither another host of the network nor another case of the name gets around it.
        assert_eq!(throttle.begin(" ADA", from("192.0.2.77"), 1_000).err(), Some(2));
        assert!(throttle.begin("ada", from("192.0.3.1"), 1_000).is_ok());
        assert!(throttle.begin("eve", from("192.0.2.1"), 1_000).is_ok());
        let attempt = begin(3_000).ok().unwrap();
        throttle.passed(&attempt, 3_000);
        assert!(begin(3_000).is_ok());
    }

    #[test]
    fn strangers_in_the_same_network_lock_out_nobody_who_has_signed_in_there() {
        let throttle = LoginThrottle::new().unwrap();
        let attempt = throttle.begin("ada", from("192.0.2.1"), 0).ok().unwrap();
        throttle.passed(&attempt, 0);
        for n in 0..FREE_BY_NETWORK {
            assert!(throttle.begin(&format!("guess {n}"), from("192.0.2.9"), 0).is_ok());
        }
        assert!(throttle.begin("eve", from("192.0.2.1"), 0).is_err());
        assert!(throttle.begin("ada", from("192.0.2.1"), 0).is_ok());
    }

    #[test]
    fn a_clock_that_goes_back_keeps_nobody_out() {
        let throttle = LoginThrottle::new().unwrap();
        const YEAR_MS: i64 = 365 * 24 * 3_600_000;
        for _ in 0..FREE_BY_NAME {
            assert!(throttle.begin("ada", from("192.0.2.1"), YEAR_MS).is_ok());
        }
        assert_eq!(throttle.begin("ada", from("192.0.2.1"), YEAR_MS).err(), Some(1));
        assert!(throttle.begin("ada", from("192.0.2.1"), 0).is_ok());
        assert_eq!(throttle.begin("ada", from("192.0.2.1"), 0).err(), Some(2), "the waits go on");
    }

    #[test]
    fn many_names_from_one_network_wait_too() {
        let throttle = LoginThrottle::new().unwrap();
        for n in 0..FREE_BY_NETWORK {
            assert!(throttle.begin(&format!("user{n}"), from("2001:db8:1::1"), 0).is_ok());
        }
        assert!(throttle.begin("another", from("2001:db8:1:2::9"), 0).is_err());
        assert!(throttle.begin("another", from("2001:db8:2::1"), 0).is_ok());
        assert!(throttle.begin("another", from("2001:db8:1::1"), FORGET_MS + 1).is_ok());
    }

    #[test]
    fn digits_wait_wherever_they_come_from() {
        let throttle = LoginThrottle::new().unwrap();
        for _ in 0..FREE_BY_CODE {
            assert!(throttle.begin_code(7, 0).is_ok());
        }
        assert_eq!((throttle.begin_code(7, 0), throttle.begin_code(8, 0)), (Err(1), Ok(())));
        assert_eq!((throttle.begin_code(7, 1_000), throttle.begin_code(7, 1_000)), (Ok(()), Err(2)));
        throttle.code_passed(7);
        assert_eq!(throttle.begin_code(7, 1_000), Ok(()));
    }

    #[test]
    fn who_has_signed_in_is_known_there_and_only_so_many_are() {
        let throttle = LoginThrottle::new().unwrap();
        let begin = |name: &str, network: &str| throttle.begin(name, from(network), 0).ok().unwrap();
        throttle.passed(&begin("ada", "192.0.2.1"), 0);
        assert!(throttle.is_known(&begin("Ada", "192.0.2.9")));
        assert!(
            !throttle.is_known(&begin("ada", "192.0.3.1")) && !throttle.is_known(&begin("bob", "192.0.2.1"))
        );
        for n in 0..KNOWN_MAX as u32 {
            let client = Some(IpAddr::V4(Ipv4Addr::from_bits(n << 8)));
            throttle.passed(&throttle.begin("bob", client, 1).ok().unwrap(), 1 + i64::from(n));
        }
        assert_eq!(throttle.known.lock().unwrap().len(), KNOWN_MAX);
        assert!(!throttle.is_known(&begin("ada", "192.0.2.1")), "the oldest made room");
    }

    #[test]
    fn waits_and_memory_are_bounded() {
        let many = Attempts { count: 4_000_000, last: 0 };
        assert_eq!(wait_s(Some(many), FREE_BY_NAME, 0), WAIT_S_MAX);
        let throttle = LoginThrottle::new().unwrap();
        for n in 0..ENTRIES_MAX as u32 {
            let client = Some(IpAddr::V4(Ipv4Addr::from_bits(n << 8)));
            assert!(throttle.begin("ada", client, i64::from(n / 10_000)).is_ok());
        }
        assert!(throttle.attempts.lock().unwrap().len() <= ENTRIES_MAX);
    }
}
