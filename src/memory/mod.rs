//! What lives for one site-day: open days, their salts, and the files of the memory-backed runtime directory.

pub mod days;
pub mod held;
pub mod record;
pub mod regions;
mod renew;
pub mod replay;
pub mod runtime;
pub mod salt;
pub mod sealed;
pub mod site_day;
mod state;
pub mod swap;
pub mod undo;
mod view;
pub mod wiping;
