//! What lives for one site-day: open days, their salts, and the files of the memory-backed runtime directory.

pub mod sealed;
