//! The rules: what is admitted, what is counted, what may be told.
//!
//! Pure: no I/O, no clock, no async, no HTTP, no SQL. Time and randomness come in as arguments.

pub mod address;
pub mod admit;
pub mod agent;
pub mod attributes;
mod cells;
mod coarsen;
pub mod counters;
pub mod currency;
pub mod day;
pub mod declaration;
mod delta;
mod edges;
pub mod family;
#[cfg(test)]
mod family_tests;
pub mod hit;
#[cfg(feature = "sabotage")]
mod mixed;
mod names;
mod open_day;
pub mod outcome;
pub mod plan;
mod proposals;
mod pulse;
pub mod query;
mod recognise;
pub mod region;
pub mod row;
pub mod same_site;
pub mod scrub;
mod snapshot;
pub mod snippet;
pub mod source;
pub mod tally;
#[cfg(test)]
mod tally_laws;
#[cfg(test)]
mod tally_tests;
pub mod view;
mod visitors;
pub mod vitals;
pub mod vocabulary;

/// Text that is shared rather than copied: page labels, attribute values, names.
pub type Text = std::sync::Arc<str>;

/// Not told: fewer than k.
pub const STAR: &str = "*";
/// Over a cap of distinct values.
pub const OTHER: &str = "(other)";
/// Absent.
pub const NONE: &str = "(none)";
/// A value that the site did not declare.
pub const UNDECLARED: &str = "(undeclared)";
/// Channel and source of a visit whose first hit came from the site's own host (cut by midnight or a restart).
pub const CONTINUED: &str = "(continued)";
/// The `from` of the first page view of a visit in `flows`.
pub const ENTRY: &str = "(entry)";

/// Whether a text reads as one of the marks above: clients may not send it as a value.
pub fn is_mark(text: &str) -> bool {
    [STAR, OTHER, NONE, UNDECLARED, CONTINUED, ENTRY].contains(&text)
}
