//! Mayfly: cookieless web analytics that keeps counts, never visitors. `docs/ARCHITECTURE.md` is the map.

pub mod cli;
pub mod clock;
pub mod config;
pub mod control;
pub mod domain;
pub mod journal;
pub mod memory;
pub mod store;
