//! The ledger's closed lists: what became of each hit, and what was noted beside it.

use serde::{Deserialize, Serialize};

macro_rules! closed_list {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[repr(u8)]
        pub enum $name { $($(#[$vdoc])* $variant,)* }

        impl $name {
            pub const ALL: &'static [$name] = &[$($name::$variant,)*];

            /// The word that the ledger stores.
            pub const fn name(self) -> &'static str {
                match self { $($name::$variant => $text,)* }
            }

            pub fn named(text: &str) -> Option<$name> {
                Self::ALL.iter().copied().find(|one| one.name() == text)
            }
        }
    };
}

closed_list! {
    /// Each hit has exactly one: accepted, or the reason why it was dropped.
    Outcome {
        Accepted = "accepted",
        /// A known crawler or tool, by its user agent.
        Bot = "bot",
        /// `Sec-GPC: 1` or `DNT: 1`; in the one row that all sites share.
        Gpc = "gpc",
        /// The opt-out cookie or flag; in the one row that all sites share.
        OptedOut = "opted_out",
        /// The site's own traffic, by network, host or path.
        Excluded = "excluded",
        UnknownSite = "unknown_site",
        HostNotAllowed = "host_not_allowed",
        /// The event's name is not in the site's vocabulary.
        UndeclaredEvent = "undeclared_event",
        /// Engagement without a running visit.
        NoVisit = "no_visit",
        RateLimited = "rate_limited",
        Malformed = "malformed",
        TooLarge = "too_large",
        Overloaded = "overloaded",
        /// Its day was closed before it could be counted.
        Late = "late",
        /// A known spam referrer.
        Spam = "spam",
        /// A message that counts nothing by design (Umami's `identify`).
        Ignored = "ignored",
    }
}

closed_list! {
    /// Counted beside the outcome, as often as it happens.
    Note {
        /// A path over the cap of distinct paths became `(other)`.
        PathCapped = "path_capped",
        SourceCapped = "source_capped",
        CampaignCapped = "campaign_capped",
        /// An event value over its property's cap became `(other)`.
        ValueCapped = "value_capped",
        /// A value that the site did not declare became `(undeclared)`.
        ValueUndeclared = "value_undeclared",
        /// A property that the site did not declare was ignored.
        PropertyUndeclared = "property_undeclared",
        /// Revenue without or with another currency than the declared one was ignored.
        RevenueIgnored = "revenue_ignored",
        /// An event with `once = "visit"` came again in its visit.
        EventRepeated = "event_repeated",
        /// A cell over the cap: its attributes were starred on entry.
        CellsCapped = "cells_capped",
        /// A hit of a visitor-day over the cap of visitor-days counted as a view or event of nobody.
        VisitorsCapped = "visitors_capped",
        /// A start without the running visits of the stop before it; once per start.
        RestartedWithoutHandover = "restarted_without_handover",
        /// Visits that such a start forgot.
        VisitsForgotten = "visits_forgotten",
    }
}
