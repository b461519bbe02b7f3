//! Web vitals: how soon a page shows, answers and stands still, told as categories by a script beside the tracker.
//! They count as one event with a property a measure, which a site declares by switching them on.

use super::declaration::{EventDeclaration, Once, PropertyDeclaration, Values};

/// The event's name.
pub const EVENT: &str = "web_vitals";
/// Its properties: largest contentful paint, interaction to next paint, cumulative layout shift.
pub const MEASURES: [&str; 3] = ["LCP", "INP", "CLS"];
/// What each may say; the measured value itself is never told.
pub const RATINGS: [&str; 3] = ["good", "needs improvement", "poor"];

/// What switching web vitals on declares. It says nothing of what somebody did, so it ends no bounce.
pub fn declaration() -> EventDeclaration {
    let property = |name: &str| PropertyDeclaration {
        name: name.into(),
        values: Values::List(RATINGS.iter().map(|&rating| rating.into()).collect()),
    };
    EventDeclaration {
        name: EVENT.into(),
        interactive: false,
        once: Once::Never,
        currency: None,
        properties: MEASURES.iter().map(|name| property(name)).collect(),
    }
}
