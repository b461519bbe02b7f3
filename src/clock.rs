//! The only reader of the time.

use crate::domain::day::UnixMs;

/// Now, in milliseconds since the Unix epoch, by the machine's wall clock.
#[allow(clippy::disallowed_methods, reason = "this is the clock")]
pub fn now() -> UnixMs {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as UnixMs)
}

/// How long this process has run since it first asked, by a clock that never jumps.
pub fn running() -> std::time::Duration {
    static BEGUN: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    BEGUN.get_or_init(std::time::Instant::now).elapsed()
}
