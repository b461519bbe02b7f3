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
}

/// Whether this process does without a protection: named by `MAYFLY_SABOTAGE`, a comma list.
#[cfg(not(feature = "sabotage"))]
pub const fn on(_: Sabotage) -> bool {
    false
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
