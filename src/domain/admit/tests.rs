//! Which hits are admitted as what, and why others are dropped.

use std::sync::LazyLock;

use serde_json::json;

use super::*;
use crate::domain::{
    CONTINUED, NONE, UNDECLARED,
    address::Grain,
    day::Zone,
    declaration::{Consent, Excluded, PathRule, Section, Site, SiteId},
    hit::Revenue,
};

static LISTS: LazyLock<Lists> = LazyLock::new(Lists::load);

pub fn site() -> Site {
    let events = json!([
        { "name": "Sign up", "properties": [
            { "name": "plan", "values": { "list": ["free", "pro"] } },
            { "name": "article", "values": { "pattern": { "characters": "[a-z-]", "min": 1, "max": 20, "cap": 50 } } },
            { "name": "broken", "values": { "pattern": { "characters": "[z-a]", "min": 1, "max": 20, "cap": 50 } } },
        ] },
        { "name": "Buy", "currency": "EUR", "once": "visit" },
        { "name": "Scroll", "interactive": false },
    ]);
    Site {
        id: SiteId(1),
        name: "example.com".into(),
        uuid: String::new(),
        hosts: vec!["Example.com".into(), "*.example.org".into()],
        zone: Zone::utc(),
        k: 5,
        kept: Kept::default(),
        objection: Objection::default(),
        consent: Consent::default(),
        vitals: false,
        excluded: Excluded {
            networks: vec!["203.0.113.0/24".parse().unwrap()],
            hosts: vec!["staging.example.org".into()],
            paths: vec!["/admin*".into()],
        },
        path_parameters: vec!["page".into()],
        path_rules: vec![
            PathRule { pattern: "/orders/*".into(), becomes: "/orders/:id".into() },
            PathRule { pattern: "old.example.org/*".into(), becomes: "example.com/old".into() },
        ],
        sections: ["/blog/*", "example.com/*"].map(|pattern| Section { pattern: pattern.into() }).into(),
        events: serde_json::from_value(events).unwrap(),
        funnels: Vec::new(),
        funnels_since: Default::default(),
        goals: Vec::new(),
        retention_months: 25,
        simulated: false,
        version: 3,
    }
}

fn view(url: &str) -> Incoming {
    Incoming {
        kind: IncomingKind::View,
        url: url.into(),
        hash_routing: false,
        referrer: None,
        props: Vec::new(),
        interactive: true,
        revenue: None,
        sites: Vec::new(),
    }
}

fn event(name: &str, props: &[(&str, &str)]) -> Incoming {
    let props = props.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    Incoming { kind: IncomingKind::Event(name.into()), props, ..view("https://example.com/") }
}

fn admit_from(ip: &str, incoming: &Incoming) -> Admission {
    let address = Address::new(ip.parse().unwrap(), Grain::default());
    admit(&Request { incoming, address: &address }, &SiteRules::new(&site()), &LISTS)
}

#[track_caller]
fn hit(incoming: &Incoming) -> Hit {
    admit_from("192.0.2.1", incoming).result.expect("admitted")
}

#[track_caller]
fn check_dropped(ip: &str, incoming: Incoming, expected: Outcome) {
    assert_eq!(admit_from(ip, &incoming).result.map(drop), Err(expected), "{incoming:?}");
}

#[test]
fn objection_is_honoured_as_the_site_says() {
    let all = Signals { gpc: true, dnt: true, opted_out: true };
    let only = |gpc, dnt| Objection { gpc, dnt };
    assert_eq!(objection(all, only(true, true)), Some(Outcome::OptedOut));
    assert_eq!(objection(all, only(false, false)), Some(Outcome::OptedOut));
    assert_eq!(objection(Signals { gpc: true, ..Signals::default() }, only(true, true)), Some(Outcome::Gpc));
    assert_eq!(objection(Signals { dnt: true, ..Signals::default() }, only(true, true)), Some(Outcome::Gpc));
    assert_eq!(objection(Signals { dnt: true, ..Signals::default() }, only(true, false)), None);
    assert_eq!(objection(Signals { gpc: true, ..Signals::default() }, only(false, true)), None);
    assert_eq!(objection(Signals::default(), only(true, true)), None);
}

#[test]
fn each_step_has_its_reason() {
    let here = "192.0.2.1";
    check_dropped(
        here,
        Incoming { kind: IncomingKind::Nothing, ..view("https://example.com/") },
        Outcome::Ignored,
    );
    check_dropped(here, view("https://"), Outcome::Malformed);
    check_dropped("203.0.113.7", view("https://example.com/"), Outcome::Excluded);
    check_dropped(here, view("https://staging.example.org/"), Outcome::Excluded);
    check_dropped(here, view("https://example.com/admin/users"), Outcome::Excluded);
    check_dropped(here, view("https://example.net/"), Outcome::HostNotAllowed);
    check_dropped(here, view("https://notexample.com/"), Outcome::HostNotAllowed);
    let referrer = Some("http://www.semalt.com/".to_owned());
    check_dropped(here, Incoming { referrer, ..view("https://example.com/") }, Outcome::Spam);
    check_dropped(here, event("Unheard of", &[]), Outcome::UndeclaredEvent);
    // The first reason counts.
    check_dropped("203.0.113.7", view("https://example.net/"), Outcome::Excluded);
}

#[test]
fn pages_are_labelled_and_sectioned() {
    let check = |url: &str, page: Option<&str>, sections: &[&str]| {
        let hit = hit(&view(url));
        assert_eq!(hit.page.as_deref(), page, "{url}");
        assert_eq!(hit.sections.iter().map(|one| &**one).collect::<Vec<_>>(), sections, "{url}");
    };
    check("https://EXAMPLE.com/a?q=1", Some("example.com/a"), &["example.com/*"]);
    check(
        "https://example.com/blog/one?page=2",
        Some("example.com/blog/one?page=2"),
        &["/blog/*", "example.com/*"],
    );
    check("https://www.example.com/", Some("www.example.com/"), &[]);
    check("https://shop.example.org/blog/x", Some("shop.example.org/blog/x"), &["/blog/*"]);
    check("https://example.com/orders/17/items", Some("example.com/orders/:id"), &["example.com/*"]);
    check("https://old.example.org/x", Some("example.com/old"), &["example.com/*"]);
    check("/app/start", Some("(none)/app/start"), &[]);
    check("", None, &[]);
}

#[test]
fn visits_know_where_they_came_from() {
    let from = |url: &str, referrer: &str| {
        let visit = hit(&Incoming { referrer: Some(referrer.into()), ..view(url) }).visit;
        visit.0[..2].iter().map(|text| text.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(from("https://example.com/", "https://www.google.com/"), ["Organic Search", "Google"]);
    assert_eq!(from("https://example.com/", "https://a.example.org/"), [CONTINUED, CONTINUED]);
    assert_eq!(from("https://example.com/", "https://www.example.com/"), [CONTINUED, CONTINUED]);
    let kind = IncomingKind::Engagement { scroll: Some(40), engaged_ms: None };
    let engaged = hit(&Incoming { kind, ..view("https://example.com/?utm_source=x") });
    assert_eq!(engaged.kind, HitKind::Engagement { scroll: Some(40), engaged_ms: 0 });
    assert_eq!(engaged.visit, VisitAttributes::default());
}

#[test]
fn events_are_held_against_the_vocabulary() {
    let incoming = event(
        "Sign up",
        &[
            ("plan", "pro"),
            ("article", "on-bees"),
            ("broken", "x"),
            ("mood", "good"),
            ("plan", "gold"),
            ("article", "On Bees"),
        ],
    );
    let admission = admit_from("192.0.2.1", &incoming);
    let HitKind::Event(hit) = admission.result.unwrap().kind else { panic!("no event") };
    let properties: Vec<_> =
        hit.properties.iter().map(|one| (&*one.property, &*one.value, one.cap)).collect();
    assert_eq!(
        properties,
        [
            ("plan", "pro", None),
            ("article", "on-bees", Some(50)),
            ("broken", UNDECLARED, Some(50)),
            ("plan", UNDECLARED, None),
            ("article", UNDECLARED, Some(50)),
        ]
    );
    let undeclared = Note::ValueUndeclared;
    assert_eq!(admission.notes.to_vec(), [undeclared, Note::PropertyUndeclared, undeclared, undeclared]);
    let proposed: Vec<_> =
        admission.undeclared.iter().map(|one| (one.property.as_deref(), &*one.text)).collect();
    assert_eq!(
        proposed,
        [(Some("broken"), "x"), (Some("mood"), "good"), (Some("plan"), "gold"), (Some("article"), "On Bees"),]
    );
    let unheard = admit_from("192.0.2.1", &event("Unheard of", &[("a", "b")])).undeclared;
    assert_eq!(unheard.len(), 1);
    assert_eq!((unheard[0].property.as_deref(), &*unheard[0].text), (None, "Unheard of"));
    assert!(admit_from("192.0.2.1", &event(&"x".repeat(121), &[])).undeclared.is_empty());
}

#[test]
fn interactivity_and_revenue_need_both_sides() {
    let judge = |name: &str, interactive: bool, revenue: Option<(&str, i64)>| {
        let revenue =
            revenue.map(|(currency, minor_units)| Revenue { currency: currency.into(), minor_units });
        let admission = admit_from("192.0.2.1", &Incoming { interactive, revenue, ..event(name, &[]) });
        let HitKind::Event(hit) = admission.result.unwrap().kind else { panic!("no event") };
        (hit.interactive, hit.once_a_visit, hit.value.map(|(_, value)| value), admission.notes.len())
    };
    assert_eq!(judge("Buy", true, Some(("EUR", 199))), (true, true, Some(199), 0));
    assert_eq!(judge("Buy", false, Some(("USD", 199))), (false, true, None, 1));
    assert_eq!(judge("Scroll", true, None), (false, false, None, 0));
    assert_eq!(judge("Sign up", true, Some(("EUR", 1))), (true, false, None, 1));
}

#[test]
fn sites_are_named_or_the_host() {
    assert_eq!(named_sites(&view("https://WWW.Example.com/x")).to_vec(), ["example.com"]);
    assert_eq!(named_sites(&view("https://www.example.com/x")).to_vec(), ["example.com"]);
    assert!(named_sites(&view("/x")).is_empty());
    let named = Incoming { sites: vec!["a.com".into(), "b.com".into()], ..view("https://c.com/") };
    assert_eq!(named_sites(&named).to_vec(), ["a.com", "b.com"]);
}

#[test]
fn only_what_is_kept_is_described() {
    let agent = UserAgent::new(b"Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0");
    let place = || Place(["DE".into(), "DE-BE".into(), "Berlin".into()]);
    let none = describe(Kept::default(), place(), &agent, Some("de-DE"), &LISTS);
    assert_eq!(none.place, Place(["DE".into(), NONE.into(), NONE.into()]));
    assert_eq!((&*none.device.0[1], &*none.language.0), (NONE, NONE));
    let kept = Kept { region: true, city: true, versions: true, language: true };
    let all = describe(kept, place(), &agent, Some("de-DE"), &LISTS);
    assert_eq!(all.place, place());
    assert_eq!((&*all.device.0[1], &*all.language.0), ("132", "de"));
    assert_eq!(bot(&agent, &LISTS), None);
    assert_eq!(bot(&UserAgent::new(b"curl/8.0"), &LISTS), Some(Outcome::Bot));
}
