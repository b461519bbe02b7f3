//! A simulator: realistic visitors with planted meanings, and a naive recount of what they should add up to.
//!
//! It serves the demo's history, `mayfly simulate`, and the tests. It must not import anything from the
//! domain's `tally`, `family`, `scrub`, `agent` or `source`: it plants what each input means and counts by slow
//! and obvious code, so that agreement with the product is evidence.

pub mod agents;
pub mod coverage;
pub mod history;
pub mod hit;
pub mod origins;
pub mod places;
mod remainders;
pub mod send;
pub mod shop;
mod specials;
pub mod told;
pub mod truth;
pub mod walk;
pub mod wide;
pub mod world;

pub use hit::{Meaning, SimulatedHit, Visitor, Wire};
pub use send::{Args, SimulateError, run};
