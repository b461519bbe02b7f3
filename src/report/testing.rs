//! A small site for the tests of reports.

use crate::domain::{
    day::Zone,
    declaration::{
        Consent, EventDeclaration, Excluded, Goal, Kept, Objection, Once, PropertyDeclaration, Section, Site,
        SiteId, Step, Values,
    },
};

pub fn site() -> Site {
    Site {
        id: SiteId(1),
        name: "example.com".to_owned(),
        uuid: "8b1d0c7e-0000-4000-8000-000000000001".to_owned(),
        hosts: vec!["example.com".to_owned(), "docs.example.com".to_owned()],
        zone: Zone::named("Europe/Tallinn").unwrap(),
        k: 5,
        kept: Kept { region: false, city: false, versions: false, language: true },
        objection: Objection::default(),
        consent: Consent::default(),
        vitals: false,
        excluded: Excluded::default(),
        path_parameters: Vec::new(),
        path_rules: Vec::new(),
        sections: vec![Section { pattern: "/blog/*".into() }],
        events: vec![EventDeclaration {
            name: "signup".into(),
            interactive: true,
            once: Once::Never,
            currency: Some("EUR".into()),
            properties: vec![PropertyDeclaration {
                name: "plan".into(),
                values: Values::List(vec!["free".into(), "pro".into()]),
            }],
        }],
        funnels: Vec::new(),
        funnels_since: Default::default(),
        goals: vec![Goal { name: "Signed up".into(), reached_by: Step::Event("signup".into()) }],
        retention_months: 24,
        simulated: false,
        version: 1,
    }
}
