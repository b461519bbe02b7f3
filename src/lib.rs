//! Mayfly: cookieless web analytics that keeps counts, never visitors. `docs/ARCHITECTURE.md` is the map.

pub mod clock;
pub mod domain;
pub mod report;
pub mod store;
