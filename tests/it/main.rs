//! The integration tests, one binary. Each file says what it proves.
#![allow(
    clippy::unwrap_used,
    reason = "clippy excuses functions marked as tests, not the helpers that they call"
)]

mod answers; // what the binary answers: hits, keys, refusals, a first run, changes from outside
mod api; // requests of the tests below
mod compare; // a report's JSON against what it must say
mod expected; // what a report must say, from the naive recount
mod filtered; // reports with one filter, against the naive recount
mod laws; // the core against the naive recount: counting, settling, replay, close
mod load; // many hits at once: reads of one moment, a kill
mod planted; // admission finds what the simulator planted
mod play; // the simulator's day, played to a server second by second
mod product; // the real binary against the truth: reports, releases, kills, stops, the close
mod rows; // what the store really holds
mod server; // a real Mayfly and its clock
mod tidy; // rules of the house that a compiler does not know
mod traces; // nothing of a visitor is written anywhere
