//! Faults that a test build can be told to have, so that each attack on the claims of `docs/PRIVACY.md` is seen to succeed
//! where the claim is broken. Only builds with the feature `sabotage` have any; everywhere else [`on`] is a constant.

/// A protection that is taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "sabotage", derive(serde::Deserialize))]
#[cfg_attr(feature = "sabotage", serde(rename_all = "snake_case"))]
pub enum Sabotage {
    /// Crowds of one are told.
    KOff,
    /// The disclosure tells the default k, whatever the site's is.
    DisclosureLies,
    /// Who objects is counted like anybody else.
    ObjectorsCounted,
    /// What is left of a page or a value may count fewer than a crowd.
    NoRemainder,
    /// Values are told in crowds, but of any page, however few of them saw it.
    SmallCells,
    /// Rows of visit, place and device say where visits came from, in the text of their page.
    WideRows,
    /// Rows of visit, place and device say the hour, in the text of their page.
    HourBesideAttribute,
    /// Rows of visit, place and device leave with each release of the day.
    EarlyRelease,
    /// Readers see visit, place and device of the open day as they are now.
    LiveFamilies,
    /// The text of a page says which visitor saw it.
    VisitorInRow,
    /// Rows leave in the order in which their texts were first met.
    ArrivalOrder,
    /// The process may be read by others of its user, as the search of its memory needs; nothing else is taken away.
    MayBeRead,
    /// Freed memory and stacks keep what they held.
    NoWipe,
    /// Heads of requests are kept for the next request as they are.
    HeadsKept,
    /// The salt of a day outlives it.
    SaltKept,
    /// The visitors' table of a day outlives it.
    TableKept,
    /// A page's label holds the visitor's key.
    HashStored,
    /// The journal is written in the clear.
    JournalPlain,
    /// A hit panics, in words that hold its user agent.
    PanicOnHit,
    /// What panics is told in its own words.
    LoudPanics,
    /// A visitor who is new is answered later.
    SlowForNew,
    /// Answers leave as soon as they are ready.
    AnswersAtOnce,
}

/// Whether this process does without a protection: named by `MAYFLY_SABOTAGE`, a comma list.
#[cfg(not(feature = "sabotage"))]
pub const fn on(_: Sabotage) -> bool {
    false
}

/// Whether rows carry what they must not.
#[cfg(feature = "sabotage")]
pub fn mixes() -> bool {
    on(Sabotage::WideRows) || on(Sabotage::HourBesideAttribute)
}

/// As [`on`], for the allocator, which is at work while the names are read: until then no protection is taken away.
#[cfg(not(feature = "sabotage"))]
pub const fn on_once_read(_: Sabotage) -> bool {
    false
}

#[cfg(feature = "sabotage")]
static CHOSEN: std::sync::OnceLock<Vec<Sabotage>> = std::sync::OnceLock::new();

#[cfg(feature = "sabotage")]
pub fn on_once_read(sabotage: Sabotage) -> bool {
    CHOSEN.get().is_some_and(|chosen| chosen.contains(&sabotage))
}

#[cfg(feature = "sabotage")]
pub fn on(sabotage: Sabotage) -> bool {
    use serde::de::{IntoDeserializer, value::Error};

    let read = || {
        let names = std::env::var("MAYFLY_SABOTAGE").unwrap_or_default();
        let read = |name: &str| {
            let read: Result<Sabotage, Error> = serde::Deserialize::deserialize(name.into_deserializer());
            read.unwrap_or_else(|error| panic!("MAYFLY_SABOTAGE: {error}"))
        };
        names.split(',').filter(|name| !name.is_empty()).map(read).collect()
    };
    CHOSEN.get_or_init(read).contains(&sabotage)
}
