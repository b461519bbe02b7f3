//! Everything between a raw request and an admitted hit: wire formats, client address, identity, place; what is
//! turned away because there is too much of it.

pub mod answers;
pub mod batch;
pub mod body;
pub mod client;
pub mod duplicates;
pub mod endpoint;
pub mod event;
pub mod geo;
pub mod identity;
pub mod limits;
pub mod opt_out;
pub mod pace;
pub mod peers;
pub mod pixel;
pub mod rules;
pub mod shed;
mod take;
pub mod trial;

pub use crate::domain::address;
