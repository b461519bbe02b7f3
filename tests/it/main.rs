//! The integration tests, one binary. Each file says what it proves.

mod laws; // the core against the naive recount: counting, settling, replay, close
