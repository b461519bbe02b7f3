//! What a run of the generator must have met, so that a test over it cannot pass by meeting nothing.

use std::collections::BTreeMap;

macro_rules! features {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Something that happens to real sites and that every run must hold.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Feature { $($(#[$doc])* $name,)* }

        impl Feature {
            pub const ALL: &'static [Feature] = &[$(Feature::$name,)*];
        }
    };
}

features! {
    Reload,
    /// A hit more than half an hour after the one before.
    Return,
    /// A hit exactly half an hour after the one before.
    ExactGap,
    /// A second visit of the day with another source.
    SecondSource,
    /// A visit that begins with a click in a tab that stayed open.
    Continued,
    /// A visit that begins with an event.
    EventFirst,
    /// Engagement when no visit runs.
    StaleEngagement,
    Objector,
    Bot,
    UndeclaredEvent,
    UndeclaredValue,
    UndeclaredProperty,
    UnknownSite,
    Malformed,
    /// A path with an e-mail address or a token in it.
    PersonalPath,
    Revenue,
    /// An event that counts once a visit, twice in one.
    RepeatedEvent,
    /// A property with more distinct values than its cap.
    ValueFlood,
    /// As many distinct paths as asked for.
    PathFlood,
    /// Two browsers behind one address.
    SharedAddress,
    Ipv6,
    /// A visit on both sides of a midnight.
    Midnight,
    /// A day that is not 24 hours long.
    ClockChange,
    /// Exactly k-1 visitors in one country, with one browser, from one campaign.
    CrowdBelow,
    CrowdExact,
    CrowdAbove,
}

/// How often each feature occurred.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage(BTreeMap<Feature, u32>);

impl Coverage {
    pub fn met(&mut self, feature: Feature) {
        *self.0.entry(feature).or_default() += 1;
    }

    pub fn times(&self, feature: Feature) -> u32 {
        self.0.get(&feature).copied().unwrap_or(0)
    }

    /// Adds what another run met.
    pub fn join(&mut self, other: &Coverage) {
        for (&feature, n) in &other.0 {
            *self.0.entry(feature).or_default() += n;
        }
    }

    /// The features that never occurred.
    pub fn missing(&self) -> Vec<Feature> {
        Feature::ALL.iter().copied().filter(|&feature| self.times(feature) == 0).collect()
    }
}
