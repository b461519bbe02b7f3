//! Proposals: undeclared texts that k visitors sent. In memory only, gone with the day.

use hashbrown::HashMap;
use serde::Serialize;
use zeroize::Zeroize;

use super::{Text, hit::VisitorKey};

/// An undeclared event name, or what came with a declared event: an undeclared value, or an undeclared property and its value.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Undeclared {
    pub event: Text,
    pub property: Option<Text>,
    pub text: Text,
}

/// An undeclared text that at least `visitors` visitors sent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Proposal {
    pub event: Text,
    pub property: Option<Text>,
    pub text: Text,
    /// The day's k: who came after is not counted.
    pub visitors: u32,
}

/// Longest text that is kept.
const TEXT_BYTES_MAX: usize = 300;

/// Candidates and what became of them. Keys are wiped as soon as k of them were seen.
#[derive(Default)]
pub struct Proposals {
    candidates: HashMap<Undeclared, Vec<u64>>,
    told: Vec<Undeclared>,
}

impl Proposals {
    /// Takes a text in; told once `k` keys sent it, while there are fewer than `cap` (5 x `cap` candidates).
    pub fn take(&mut self, key: VisitorKey, what: Undeclared, k: u32, cap: u32) {
        let bytes = what.event.len() + what.property.as_ref().map_or(0, |text| text.len()) + what.text.len();
        let full = self.told.len() >= cap as usize;
        if bytes > TEXT_BYTES_MAX || full || self.told.contains(&what) {
            return;
        }
        if !self.candidates.contains_key(&what) && self.candidates.len() >= 5 * cap as usize {
            return;
        }
        let keys = self.candidates.entry(what.clone()).or_default();
        if !keys.contains(&key.0) {
            if keys.len() == keys.capacity() {
                // Grown by hand: a growing vector would leave the keys behind in freed memory.
                let mut larger = Vec::with_capacity((keys.len() * 2).max(4));
                larger.extend_from_slice(keys);
                keys.zeroize();
                *keys = larger;
            }
            keys.push(key.0);
        }
        if keys.len() >= k as usize {
            keys.zeroize();
            self.candidates.remove(&what);
            self.told.push(what);
        }
    }

    /// Forgets a text that the site has declared.
    pub fn forget(&mut self, what: &Undeclared) {
        if let Some(mut keys) = self.candidates.remove(what) {
            keys.zeroize();
        }
        self.told.retain(|told| told != what);
    }

    /// What k visitors sent, sorted.
    pub fn told(&self, k: u32) -> Vec<Proposal> {
        let proposal = |what: &Undeclared| Proposal {
            event: what.event.clone(),
            property: what.property.clone(),
            text: what.text.clone(),
            visitors: k,
        };
        let mut told: Vec<_> = self.told.iter().map(proposal).collect();
        told.sort();
        told
    }
}

impl Drop for Proposals {
    fn drop(&mut self) {
        self.candidates.values_mut().for_each(|keys| keys.zeroize());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn what(text: &str) -> Undeclared {
        Undeclared { event: "plan".into(), property: None, text: text.into() }
    }

    #[track_caller]
    fn check(sent: &[(u64, &str)], k: u32, cap: u32, expected: &[&str]) {
        let mut proposals = Proposals::default();
        for &(key, text) in sent {
            proposals.take(VisitorKey(key), what(text), k, cap);
        }
        let told: Vec<_> = proposals.told(k).into_iter().map(|one| one.text.to_string()).collect();
        assert_eq!(told, expected);
    }

    #[test]
    fn texts_are_told_once_k_visitors_sent_them() {
        check(&[(1, "a"), (2, "a")], 3, 9, &[]);
        check(&[(1, "a"), (1, "a"), (1, "a")], 3, 9, &[]);
        check(&[(1, "a"), (2, "a"), (3, "a"), (4, "a")], 3, 9, &["a"]);
        check(&[(1, "b"), (1, "a")], 1, 9, &["a", "b"]);
        check(&[(1, "b"), (1, "a")], 1, 1, &["b"]);
        // The sixth candidate finds no room.
        let six: Vec<_> =
            ["a", "b", "c", "d", "e", "f", "f"].into_iter().zip([1, 1, 1, 1, 1, 1, 2]).collect();
        check(&six.iter().map(|&(text, key)| (key, text)).collect::<Vec<_>>(), 2, 1, &[]);
    }
}
