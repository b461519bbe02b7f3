//! A check of the set-up: do most hits come through one peer whose forwarding header is not trusted? Then all
//! visitors count as one, and the settings lack a proxy. Counts only; the peer is known by a hash in memory.

use std::sync::{Mutex, PoisonError};

/// Hits that are looked at together.
const WINDOW: u32 = 100;

/// Headers by which proxies say whom they forward, besides the one of the settings.
pub const FORWARDING: [&str; 5] =
    ["x-forwarded-for", "forwarded", "x-real-ip", "cf-connecting-ip", "true-client-ip"];

/// See the module.
#[derive(Default)]
pub struct Peers(Mutex<Looking>);

#[derive(Default)]
struct Looking {
    hits: u32,
    /// Who of these hits was the first that forwards untrusted, and how many hits are its.
    suspect: Option<(u64, u32)>,
    found: bool,
    told: bool,
}

impl Peers {
    /// Notes a hit; `untrusted` stands for its peer where that is not trusted and says that it forwards for another.
    pub fn hit(&self, untrusted: Option<u64>) {
        let mut looking = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        looking.hits += 1;
        if let Some(peer) = untrusted {
            let (suspect, hits) = looking.suspect.get_or_insert((peer, 0));
            *hits += u32::from(*suspect == peer);
        }
        if looking.hits == WINDOW {
            let hits = looking.suspect.take().map_or(0, |(_, hits)| hits);
            (looking.hits, looking.found) = (0, hits * 2 > WINDOW);
            if looking.found && !std::mem::replace(&mut looking.told, true) {
                tracing::warn!("{WORDS}");
            }
        }
    }

    /// What is wrong, in words.
    pub fn trouble(&self) -> Option<&'static str> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).found.then_some(WORDS)
    }
}

const WORDS: &str = "most hits come through one peer whose forwarding header is not trusted, so all its visitors \
                     count as one: name that proxy in `trusted_proxies`";

#[cfg(test)]
mod tests {
    use super::*;

    fn found(hits: impl IntoIterator<Item = Option<u64>>) -> bool {
        let peers = Peers::default();
        hits.into_iter().for_each(|peer| peers.hit(peer));
        peers.trouble().is_some()
    }

    #[test]
    fn a_proxy_that_is_not_trusted_is_found_and_strangers_are_not_taken_for_one() {
        let proxy = Some(1);
        assert!(found([proxy; 100]));
        assert!(!found([proxy; 99]), "too few to say");
        assert!(!found([None; 300]));
        assert!(!found((0..100).map(|n| if n % 2 == 0 { proxy } else { None })), "half is not most");
        assert!(!found((0..300).map(|n| Some(n % 3))), "many who say they forward are no proxy");
        let mended = [proxy; 100].into_iter().chain([None; 100]);
        assert!(!found(mended), "the words go once the proxy is trusted");
    }
}
