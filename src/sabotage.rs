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
    /// Who objects is counted like anybody else.
    ObjectorsCounted,
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

#[cfg(feature = "sabotage")]
pub fn on(sabotage: Sabotage) -> bool {
    use serde::de::{IntoDeserializer, value::Error};
    use std::sync::LazyLock;

    static CHOSEN: LazyLock<Vec<Sabotage>> = LazyLock::new(|| {
        let names = std::env::var("MAYFLY_SABOTAGE").unwrap_or_default();
        let read = |name: &str| {
            let read: Result<Sabotage, Error> = serde::Deserialize::deserialize(name.into_deserializer());
            read.unwrap_or_else(|error| panic!("MAYFLY_SABOTAGE: {error}"))
        };
        names.split(',').filter(|name| !name.is_empty()).map(read).collect()
    });
    CHOSEN.contains(&sabotage)
}
