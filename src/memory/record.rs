//! What the journal of an open day holds: records that, applied in order, rebuild the day's counts. No address,
//! no user agent, no key, no time finer than the hour.

use serde::{Deserialize, Serialize};

use crate::domain::{declaration::Kept, tally::Delta};

/// One record, made and taken apart at once. The order of the variants is part of the format.
#[derive(Debug, Serialize, Deserialize)]
#[allow(clippy::large_enum_variant, reason = "a box would cost an allocation for each hit")]
pub enum Record {
    /// Always the first, and only that.
    Opened(Opened),
    /// A salt is about to be made: visitors seen before this record are not recognised after it.
    Epoch,
    /// What one hit changed.
    Delta(Delta),
    /// All that was pending in the `page` family left for release `number`.
    Frozen { number: u32 },
    /// The store has acknowledged all releases up to `number`, or they were set aside.
    Stored { number: u32 },
    /// An [`Record::Epoch`] after one in which visitors were counted, with what the ledger notes of it: a start
    /// without handover, which forgot as many `visits`. One record, so that a kill leaves both or neither.
    Cut { visits: u64 },
    /// The day took hits from this hour since the epoch on, before its date began. Right after the first.
    Early { hour: i64 },
    /// As [`Record::Cut`], within a life: the salt had become older than a day is long.
    Renewed { visits: u64 },
}

/// What is fixed as a day opens: the day closes under it, whatever the settings are by then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opened {
    /// IANA name.
    pub zone: String,
    pub k: u32,
    pub kept: Kept,
    pub settings_version: u32,
    /// Whose releases the day's are.
    pub node: u32,
    /// The store held the day's releases up to this number before it was opened: 0, unless a journal was lost.
    pub released: u32,
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
