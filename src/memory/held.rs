//! Room for the releases that wait for the store: as many as fit are in memory too, the rest only in their files.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use crate::domain::row::{DayRow, Release, ReleaseId, Row};

/// Bytes of releases with a file that all sites together keep in memory beside it.
const WAITING_BYTES_MAX: usize = 256 << 20;

/// What is left of the room.
pub struct Room {
    used: AtomicUsize,
    max: usize,
}

/// A part of the room; given back when dropped.
pub(super) struct Place {
    room: Arc<Room>,
    bytes: usize,
}

/// A release of which there is a file, and its rows if there was room for them.
pub struct Filed {
    pub id: ReleaseId,
    pub close: Option<DayRow>,
    pub(super) release: Option<Arc<Release>>,
    pub(super) place: Option<Place>,
}

impl Default for Room {
    fn default() -> Self {
        Room::of(WAITING_BYTES_MAX)
    }
}

impl Room {
    /// Room for so many bytes.
    pub fn of(max: usize) -> Room {
        Room { used: AtomicUsize::new(0), max }
    }

    /// Bytes that are taken, about.
    pub fn used(&self) -> usize {
        self.used.load(Relaxed)
    }

    pub(super) fn take(self: &Arc<Room>, release: &Release) -> Option<Place> {
        let bytes = bytes(release);
        let fits = |used: usize| (used + bytes <= self.max).then_some(used + bytes);
        self.used.fetch_update(Relaxed, Relaxed, fits).ok()?;
        Some(Place { room: self.clone(), bytes })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.room.used.fetch_sub(self.bytes, Relaxed);
    }
}

impl Filed {
    /// Keeps the rows if there is room.
    pub fn new(release: Release, room: &Arc<Room>) -> Filed {
        let (id, close, place) = (release.id, release.close.clone(), room.take(&release));
        let release = place.is_some().then(|| Arc::new(release));
        Filed { id, close, release, place }
    }
}

/// What a release takes in memory, about: texts that several rows share count for each of them.
fn bytes(release: &Release) -> usize {
    let of_row = |row: &Row| {
        let texts: usize = row.keys.iter().map(|key| key.len() + 32).sum();
        size_of::<Row>() + texts + row.counts.len() * 8
    };
    size_of::<Release>() + release.rows.iter().map(of_row).sum::<usize>()
}
