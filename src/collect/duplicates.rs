//! Requests that were sent twice under one `Idempotency-Key`: the second gets the first one's answer and counts
//! nothing. Memory only: a key is known by a hash under a key of this process, together with the body.

use std::{
    collections::{HashMap, VecDeque},
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use super::answers::Verdict;
use crate::{
    journal::Ticket,
    memory::sealed::{Secret, Secrets},
};

/// A key is known this long after it was first sent.
pub const KEPT_FOR: Duration = Duration::from_secs(600);
/// Most hits whose keys are known at once; those sent longest ago make room.
pub const KEYED_HITS_MAX: usize = 200_000;
/// Longest key, in bytes.
pub const KEY_BYTES_MAX: usize = 255;

type Hash = [u8; 16];

/// How far a request has come. Whoever works on it holds the lock, and repeats wait for that.
#[derive(Default)]
pub struct Progress {
    /// For each hit of the request, in order: where it was counted.
    pub taken: Vec<Option<Ticket>>,
    /// Once all of it is on the disk.
    pub verdicts: Option<Vec<Verdict>>,
}

/// See the module.
pub struct Duplicates {
    key: Secret,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    requests: HashMap<Hash, Arc<tokio::sync::Mutex<Progress>>>,
    /// When each was first sent and how many hits it holds, the oldest first.
    order: VecDeque<(Duration, Hash, usize)>,
    hits: usize,
}

impl Duplicates {
    /// # Errors
    /// When the system gives no memory or no randomness.
    pub fn new() -> io::Result<Duplicates> {
        Ok(Duplicates { key: Secrets::default().fresh()?, known: Mutex::default() })
    }

    /// The progress of the request of `hits` hits that came with this key: a new one if it never came before.
    pub fn of(
        &self,
        key: &[u8],
        body: &[u8],
        hits: usize,
        now: Duration,
    ) -> Arc<tokio::sync::Mutex<Progress>> {
        let mut hasher = blake3::Hasher::new_keyed(self.key.bytes());
        hasher.update(&(key.len() as u64).to_le_bytes()).update(key).update(body);
        let mut hash = Hash::default();
        hash.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.forget(now, 0);
        if let Some(progress) = known.requests.get(&hash) {
            return progress.clone();
        }
        known.forget(now, hits);
        known.hits += hits;
        known.order.push_back((now, hash, hits));
        known.requests.entry(hash).or_default().clone()
    }

    /// Forgets keys whose time is over.
    pub fn turn(&self, now: Duration) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).forget(now, 0);
    }
}

impl Known {
    /// Forgets what is too old, and the oldest until `more` hits fit.
    fn forget(&mut self, now: Duration, more: usize) {
        while let Some(&(sent, hash, hits)) = self.order.front() {
            if now.saturating_sub(sent) < KEPT_FOR && self.hits + more <= KEYED_HITS_MAX {
                return;
            }
            self.order.pop_front();
            self.requests.remove(&hash);
            self.hits -= hits;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(duplicates: &Duplicates, key: &[u8], body: &[u8], at: u64) -> bool {
        let progress = duplicates.of(key, body, 1, Duration::from_secs(at));
        let mut progress = progress.try_lock().unwrap();
        progress.verdicts.replace(Vec::new()).is_some()
    }

    #[test]
    fn a_key_with_its_body_is_known_for_ten_minutes() {
        let duplicates = Duplicates::new().unwrap();
        assert!(!same(&duplicates, b"a", b"body", 0));
        assert!(same(&duplicates, b"a", b"body", 599));
        assert!(!same(&duplicates, b"a", b"other", 599));
        assert!(!same(&duplicates, b"ab", b"ody", 599));
        assert!(!same(&duplicates, b"a", b"body", 600), "counted from the first");
        duplicates.turn(Duration::from_secs(5_000));
        let known = duplicates.known.lock().unwrap();
        assert_eq!((known.hits, known.order.len(), known.requests.len()), (0, 0, 0));
    }

    #[test]
    fn keys_are_bounded_and_the_oldest_make_room() {
        let duplicates = Duplicates::new().unwrap();
        for n in 0..(KEYED_HITS_MAX as u32 / 500) {
            duplicates.of(&n.to_le_bytes(), b"", 500, Duration::ZERO);
        }
        assert!(
            same(&duplicates, b"last", b"", 0) || duplicates.known.lock().unwrap().hits <= KEYED_HITS_MAX
        );
        let known = duplicates.known.lock().unwrap();
        assert_eq!(known.requests.len(), KEYED_HITS_MAX / 500, "the first made room for the last");
        assert_eq!(known.requests.len(), known.order.len());
    }
}
