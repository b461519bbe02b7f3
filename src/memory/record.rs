//! What the journal of an open day holds: records that, applied in order, rebuild the day's counts. No address,
//! no user agent, no key, no time finer than the hour.

use serde::{Deserialize, Serialize};

use crate::domain::tally::Delta;

/// One record. The order of the variants is part of the format.
#[derive(Debug, Serialize, Deserialize)]
#[allow(
    clippy::large_enum_variant,
    reason = "one lives at a time, and nearly all are deltas: a box would cost an allocation a hit"
)]
pub enum Record {
    /// A salt was made: visitors seen before this record are not recognised after it.
    Epoch,
    /// What one hit changed.
    Delta(Delta),
    /// All that was pending in the `page` family left for release `number`.
    Frozen { number: u32 },
    /// The store has acknowledged all releases up to `number`.
    Stored { number: u32 },
}

impl Record {
    /// Appends the record's bytes to `to`.
    pub fn encode_into(&self, to: Vec<u8>) -> Vec<u8> {
        postcard::to_extend(self, to).expect("records of plain numbers and texts always serialise")
    }

    /// # Errors
    /// When the bytes are not a record of this version.
    pub fn decode(bytes: &[u8]) -> Result<Record, postcard::Error> {
        postcard::from_bytes(bytes)
    }
}
