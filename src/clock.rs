//! The only reader of the time.

use crate::domain::day::UnixMs;

/// Now, in milliseconds since the Unix epoch, by the machine's wall clock.
#[allow(clippy::disallowed_methods, reason = "this is the clock")]
pub fn now() -> UnixMs {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as UnixMs)
}
