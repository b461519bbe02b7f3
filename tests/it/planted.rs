//! What the simulator planted is what admission finds: page, sections, source, campaign, event, device, outcome.

use mayfly::{
    domain::{
        address::{Address, Grain, UserAgent},
        admit::{self, Lists, Request, SiteRules},
        attributes::{Device, VisitAttributes},
        day::{Day, Zone},
        declaration::{Consent, Excluded, Kept, Objection, Site, SiteId},
        hit::{Hit, HitKind},
        outcome::Outcome,
    },
    simulate::{
        Meaning, SimulatedHit, shop,
        world::{self, Scenario},
    },
};

fn site() -> Site {
    Site {
        id: SiteId(1),
        name: "example.com".into(),
        uuid: "6b1f8a52-7f0c-4b8e-9b54-2a1d6c3e0f11".into(),
        hosts: vec!["example.com".into()],
        zone: Zone::utc(),
        k: 5,
        kept: Kept::default(),
        objection: Objection::default(),
        consent: Consent::default(),
        vitals: false,
        excluded: Excluded::default(),
        path_parameters: vec![],
        path_rules: vec![],
        sections: shop::sections(),
        events: shop::events(),
        funnels: shop::funnels(),
        funnels_since: Default::default(),
        goals: shop::goals(),
        retention_months: 24,
        simulated: true,
        version: 1,
    }
}

/// A hit without what nobody asks of its kind: where engagement came from.
fn comparable(mut hit: Hit) -> Hit {
    if matches!(hit.kind, HitKind::Engagement { .. }) {
        hit.visit = VisitAttributes::default();
    }
    hit
}

#[track_caller]
fn check(hit: &SimulatedHit, rules: &SiteRules, lists: &Lists) {
    let agent = UserAgent::new(hit.visitor.user_agent.as_bytes());
    let is_bot = hit.meaning == Meaning::Dropped(Outcome::Bot);
    assert_eq!(admit::bot(&agent, lists).is_some(), is_bot, "{}", hit.visitor.user_agent);
    if is_bot || matches!(hit.meaning, Meaning::Dropped(Outcome::Gpc | Outcome::UnknownSite)) {
        return;
    }
    let Some(incoming) = hit.incoming() else {
        return assert_eq!(hit.meaning, Meaning::Dropped(Outcome::Malformed));
    };
    let Device(found) = lists.agents.device(&agent, false);
    assert_eq!(found, hit.visitor.described.device.0, "{}", hit.visitor.user_agent);
    let address = Address::new(hit.visitor.address, Grain::default());
    let admitted = admit::admit(&Request { incoming: &incoming, address: &address }, rules, lists);
    match (&hit.meaning, admitted.result) {
        (Meaning::Counts(meant), Ok(found)) => {
            assert_eq!(comparable(found), comparable(meant.clone()), "{:?}", hit.wire);
            assert_eq!(admitted.notes.as_slice(), hit.notes, "{:?}", hit.wire);
        }
        (Meaning::Dropped(meant), Err(found)) => assert_eq!(found, *meant, "{:?}", hit.wire),
        (meant, found) => panic!("{:?}: {meant:?} was meant, {found:?} found", hit.wire),
    }
}

#[test]
fn admission_finds_what_was_planted() {
    let (rules, lists) = (SiteRules::new(&site()), Lists::load());
    let scenario = Scenario {
        host: "example.com".into(),
        zone: Zone::utc(),
        seed: 11,
        k: 5,
        kept: Kept::default(),
        visitors: 200,
        everything: true,
        flood: 30,
    };
    let (hits, _) = world::day(&scenario, Day::parse("2026-11-22").unwrap());
    hits.iter().for_each(|hit| check(hit, &rules, &lists));
}
