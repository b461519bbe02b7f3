//! Everything between a raw request and an admitted hit: wire formats, client address, identity, place.

pub mod client;
pub mod endpoint;
pub mod event;
pub mod geo;
pub mod identity;

pub use crate::domain::address;
