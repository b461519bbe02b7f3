//! The only reader of the time.

use crate::domain::day::UnixMs;

/// Now, in milliseconds since the Unix epoch, by the machine's wall clock.
#[allow(clippy::disallowed_methods, reason = "this is the clock")]
pub fn now() -> UnixMs {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as UnixMs)
}

/// How long the machine has run, asleep or not: what one process notes, the next can compare with, until a restart of the machine.
pub fn since_boot() -> std::time::Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    std::time::Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// How long this process has run since it first asked, by a clock that never jumps.
pub fn running() -> std::time::Duration {
    static BEGUN: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    BEGUN.get_or_init(std::time::Instant::now).elapsed()
}
