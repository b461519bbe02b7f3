//! The small site that simulated visitors walk through, and the vocabulary it declares.

use std::sync::Arc;

use crate::domain::{
    Text,
    declaration::{
        EventDeclaration, Funnel, Goal, Once, Pattern, PropertyDeclaration, Section, Step, Values,
        matches_path,
    },
};

/// Paths, and how likely each is as an entry and as a next page.
pub const PAGES: &[(&str, u32, u32)] = &[
    ("/", 40, 20),
    ("/pricing", 8, 25),
    ("/docs/install", 10, 20),
    ("/docs/api", 6, 12),
    ("/docs/guide/start", 4, 12),
    ("/blog/launch", 14, 8),
    ("/blog/why-cookieless", 10, 8),
    ("/blog/counting-visits", 6, 6),
    ("/signup", 2, 14),
    ("/about", 2, 5),
];

/// Patterns of the declared sections; the last lies inside another.
pub const SECTIONS: &[&str] = &["/blog/*", "/docs/*", "/docs/guide/*"];

pub const PLANS: &[&str] = &["free", "pro", "team"];
pub const SNIPPETS: &[&str] = &["install", "snippet", "api"];
pub const DEPTHS: &[&str] = &["25", "50", "75", "100"];
/// Parts of pages that come into view.
pub const PARTS: &[&str] = &["hero", "plans", "questions"];
pub const CURRENCY: &str = "EUR";

/// The sections that a page label is in, in order of declaration.
pub fn sections_of(page: &str) -> impl Iterator<Item = Text> {
    SECTIONS.iter().filter(move |pattern| matches_path(pattern, page)).map(|&pattern| pattern.into())
}

pub fn sections() -> Vec<Section> {
    SECTIONS.iter().map(|&pattern| Section { pattern: pattern.into() }).collect()
}

fn event(name: &str, interactive: bool, property: &str, values: Values) -> EventDeclaration {
    EventDeclaration {
        name: name.into(),
        interactive,
        once: Once::Never,
        currency: None,
        properties: vec![PropertyDeclaration { name: property.into(), values }],
    }
}

fn list(values: &[&str]) -> Values {
    Values::List(values.iter().map(|&value| value.into()).collect())
}

/// Events that the site declares.
pub fn events() -> Vec<EventDeclaration> {
    let search =
        Values::Pattern(Pattern { characters: "[a-z0-9-]".into(), min: 1, max: 20, cap: SEARCH_CAP });
    vec![
        event("plan_card_click", true, "plan", list(PLANS)),
        event("copy", true, "snippet", list(SNIPPETS)),
        EventDeclaration { once: Once::Visit, ..event("scroll", false, "depth", list(DEPTHS)) },
        EventDeclaration { once: Once::Visit, ..event("section_view", false, "section", list(PARTS)) },
        event("signup", true, "plan", list(PLANS)),
        event("search", true, "term", search),
        EventDeclaration { currency: Some(CURRENCY.into()), ..event("purchase", true, "plan", list(PLANS)) },
    ]
}

/// Most distinct terms of `search` a day.
pub const SEARCH_CAP: u32 = 12;

pub fn funnels() -> Vec<Arc<Funnel>> {
    let steps = vec![
        Step::Page("/pricing".into()),
        Step::Event("plan_card_click".into()),
        Step::Page("/signup".into()),
        Step::Event("signup".into()),
    ];
    let reading =
        vec![Step::Section("/blog/*".into()), Step::Section("/docs/*".into()), Step::Event("copy".into())];
    vec![
        Arc::new(Funnel { name: "Sign up".into(), steps }),
        Arc::new(Funnel { name: "From reading to doing".into(), steps: reading }),
    ]
}

pub fn goals() -> Vec<Goal> {
    vec![
        Goal { name: "Signed up".into(), reached_by: Step::Event("signup".into()) },
        Goal { name: "Saw the prices".into(), reached_by: Step::Page("/pricing".into()) },
        Goal { name: "Read the docs".into(), reached_by: Step::Section("/docs/*".into()) },
    ]
}
