//! What any input must keep: one function for each target. libFuzzer calls it with inputs that it makes up
//! (`targets/`), `tests/it/corpora.rs` with those of `seeds/` and with all that libFuzzer found worth keeping.
//!
//! A law that is broken panics.

pub mod event;
pub mod journal;
pub mod proxy;
pub mod query;
pub mod record;
pub mod url;
pub mod vocabulary;

/// A target's law.
pub type Law = fn(&[u8]);

/// All targets by name.
pub const TARGETS: [(&str, Law); 7] = [
    ("event", event::check),
    ("journal", journal::check),
    ("proxy", proxy::check),
    ("query", query::check),
    ("record", record::check),
    ("url", url::check),
    ("vocabulary", vocabulary::check),
];

/// The lines of an input, as text.
fn lines(data: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(data).split('\n').map(str::to_owned).collect()
}
