//! A day of traffic, lived through by a real server: what it stored, and the truth about it.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use mayfly::{
    domain::{
        attributes::{Described, VisitAttributes},
        counters::Counter,
        day::{Day, UnixMs, Zone},
        declaration::{Funnel, Step},
        row::{Row, Table},
    },
    simulate::{
        Meaning, SimulatedHit,
        told::Rules,
        truth::{Arrival, Recount, Scope, Truth, What, lines_of},
    },
};

use super::traffic::EVENTS;
use crate::{
    api::{Api, SITE},
    play::K,
    rows::Stored,
    server::{Home, Server, until},
};

/// The day that attacks are tried on.
pub const DAY: &str = "2026-11-18";

pub fn day() -> Day {
    Day::parse(DAY).unwrap()
}

/// What a server made of a day.
pub struct Lived {
    pub home: Home,
    pub rows: Vec<Row>,
    pub recount: Recount,
}

/// An install with a site, made the day before. `build`: the faults of the build that runs it; `None` for the real one.
pub fn home(build: Option<&str>) -> Home {
    let home = Home::at(&format!("{}T12:00:00Z", day().plus(-1))).with_data_in(Path::new("/dev/shm"));
    let home = match build {
        Some(sabotages) => home.sabotaged(sabotages),
        None => home,
    };
    home.run(&["site", "add", SITE, "--timezone", "Etc/UTC"]);
    home.run(&["site", "set", SITE, "kept", "language"]);
    for event in EVENTS {
        home.run(&["event", "add", SITE, event]);
    }
    let steps = ["--step", "page:/c", "--step", "event:signup"];
    home.run(&[&["funnel", "add", SITE, "Sign up"], &steps[..]].concat());
    home
}

/// The truth of a day yet to come, with the funnel that the site declares.
pub fn truth() -> Truth {
    let steps = vec![Step::Page("/c".into()), Step::Event(EVENTS[0].into())];
    Truth::new(day(), vec![Arc::new(Funnel { name: "Sign up".into(), steps })])
}

/// Lives through a day's hits and its close.
pub async fn lived(build: Option<&str>, hits: &[SimulatedHit]) -> Lived {
    let (home, mut truth) = (home(build), truth());
    // One release: how the hours are cut into releases depends on how fast the test goes.
    home.set_clock(i64::from(day().0) * 86_400_000);
    let runtime = home.runtime.path().join("run");
    let server = home.serve_with(&["--runtime", runtime.to_str().unwrap(), "--flush-interval", "24h"]);
    let mut now = 0;
    send(&home, &server, hits, &mut now, &mut truth).await;
    close(&home);
    server.kill();
    let (rows, recount) = (Stored::of(home.data.path()).rows(1, day()), truth.recount());
    if build.is_none() {
        let expected = recount.closed(Rules { k: K, salt_epochs: 1 });
        assert_eq!(lines_of(&rows), expected, "what was planted is what was counted");
    }
    Lived { home, rows, recount }
}

/// Sends hits, each at its own second, and keeps their truth.
pub async fn send(home: &Home, server: &Server, hits: &[SimulatedHit], now: &mut UnixMs, truth: &mut Truth) {
    let (api, calendar) = (Api::of(server), Zone::named("Etc/UTC").unwrap().calendar(day()));
    for hit in hits {
        let second = hit.at.div_euclid(1000) * 1000;
        if second > *now {
            *now = second;
            home.set_clock(second);
        }
        assert_eq!(api.hit(hit).await, 202);
        let Meaning::Counts(meant) = &hit.meaning else { panic!("a hit that counts") };
        truth.arrive(Arrival {
            moment: calendar.moment(second),
            visitor: hit.visitor.number,
            described: hit.visitor.described.clone(),
            hit: meant.clone(),
        });
    }
}

/// Moves the clock past midnight and waits until the day is in the store.
pub fn close(home: &Home) {
    home.set_clock(i64::from(day().plus(1).0) * 86_400_000 + 600_000);
    let journal = format!("1-{}.journal", day());
    until("the close", || {
        (!home.files("journal").contains(&journal) && home.files("releases").is_empty()).then_some(())
    });
}

/// A visit as it really was.
#[derive(Clone, Debug)]
pub struct Visit {
    pub visitor: u64,
    pub attributes: VisitAttributes,
    pub described: Described,
    /// Page and hour.
    pub entry: (String, u8),
    pub exit: (String, u8),
    /// Pages that it saw, with the hours.
    pub seen: Vec<(String, u8)>,
}

/// All visits of a recount.
pub fn visits(recount: &Recount) -> Vec<Visit> {
    let mut visits: Vec<Visit> = Vec::new();
    for fact in &recount.facts {
        let What::Page { scope: Scope::Page, label, counter, n, .. } = &fact.what else { continue };
        let at = (label.to_string(), fact.hour.0);
        match visits.last_mut() {
            _ if *counter == Counter::Visits as usize => visits.push(Visit {
                visitor: fact.visitor,
                attributes: fact.visit.clone(),
                described: fact.described.clone(),
                entry: at.clone(),
                exit: at,
                seen: Vec::new(),
            }),
            Some(visit) if *counter == Counter::Exits as usize && *n > 0 => visit.exit = at,
            Some(visit) if *counter == Counter::Pageviews as usize => visit.seen.push(at),
            _ => {}
        }
    }
    visits
}

/// A row's counter.
pub fn n(row: &Row, counter: Counter) -> i64 {
    if row.table == Table::Pages { row.counts[counter as usize] } else { 0 }
}

/// What a text of a row's page says beside the page, in builds where it does.
pub fn decoded(page: &str) -> (String, BTreeMap<&str, &str>) {
    let mut parts = page.split('\u{1f}');
    let page = parts.next().unwrap_or_default().to_owned();
    (page, parts.filter_map(|part| part.split_once('=')).collect())
}
