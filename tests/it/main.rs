//! The integration tests, one binary. Each file says what it proves.

mod laws; // the core against the naive recount: counting, settling, replay, close
mod planted; // admission finds what the simulator planted
mod tidy; // rules of the house that a compiler does not know
