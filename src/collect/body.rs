//! Reading a body: bounded in bytes, in time, and in what all bodies under way may hold together.

use std::{
    future::poll_fn,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use actix_web::web::{Bytes, BytesMut, Payload};
use futures_core::Stream;

/// A body has to arrive within this long.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// Bodies up to this length are read whatever others hold: those of page views and events, in bytes.
const SMALL_BODY_MAX: usize = 8 << 10;
/// Most bytes that all longer bodies may hold at once while they are read.
pub const LARGE_BODIES_MAX: usize = 32 << 20;

/// Why a body was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyError {
    TooLarge,
    Ended,
    Slow,
    /// Too many long bodies are being read.
    Busy,
}

/// What the long bodies that are being read hold together, in bytes.
#[derive(Clone, Default)]
pub struct Held(Arc<AtomicUsize>);

/// A share of [`Held`]; dropping it gives it back.
struct Share {
    held: Held,
    bytes: usize,
}

impl Drop for Share {
    fn drop(&mut self) {
        self.held.0.fetch_sub(self.bytes, Relaxed);
    }
}

impl Held {
    fn take(&self, bytes: usize) -> Option<Share> {
        let taken = self.0.fetch_update(Relaxed, Relaxed, |held| {
            let more = held + bytes;
            (more <= LARGE_BODIES_MAX).then_some(more)
        });
        taken.ok().map(|_| Share { held: self.clone(), bytes })
    }
}

/// A body that was read, with its share.
pub struct Body {
    pub bytes: Bytes,
    _share: Option<Share>,
}

/// Reads a body of at most `most` bytes.
///
/// # Errors
/// [`BodyError`].
pub async fn read(payload: Payload, most: usize, held: &Held) -> Result<Body, BodyError> {
    let reading = tokio::time::timeout(BODY_TIMEOUT, read_untimed(payload, most, held));
    reading.await.unwrap_or(Err(BodyError::Slow))
}

async fn read_untimed(mut payload: Payload, most: usize, held: &Held) -> Result<Body, BodyError> {
    let (mut whole, mut joined) = (Bytes::new(), BytesMut::new());
    let mut share = None;
    while let Some(part) = poll_fn(|cx| Pin::new(&mut payload).poll_next(cx)).await {
        let part = part.map_err(|_| BodyError::Ended)?;
        let length = whole.len() + joined.len() + part.len();
        if length > most {
            return Err(BodyError::TooLarge);
        }
        if length > SMALL_BODY_MAX && share.is_none() {
            share = Some(held.take(most).ok_or(BodyError::Busy)?);
        }
        // Nearly all bodies come in one part, which needs no copy.
        match whole.is_empty() && joined.is_empty() {
            true => whole = part,
            false => {
                joined.extend_from_slice(&std::mem::take(&mut whole));
                joined.extend_from_slice(&part);
            }
        }
    }
    let bytes = if joined.is_empty() { whole } else { joined.freeze() };
    Ok(Body { bytes, _share: share })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_bodies_share_what_they_may_hold() {
        let held = Held::default();
        let shares: Vec<_> = std::iter::from_fn(|| held.take(1 << 20)).collect();
        assert_eq!(shares.len(), 32);
        assert!(held.take(1).is_none());
        drop(shares);
        assert!(held.take(LARGE_BODIES_MAX).is_some());
    }
}
