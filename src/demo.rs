//! The demo site: declared like any other, filled with simulated days through the real counting and close.

use std::sync::Arc;

use serde::Deserialize;

use crate::{
    control::{Control, ControlError, NewSite, Settings},
    domain::{
        Text,
        day::{Day, UnixMs},
        declaration::{EventDeclaration, Funnel, Goal, Once, Section, Site, matches_path},
        hit::{Hit, HitKind, VisitorKey},
        outcome::Outcome,
        region::Heap,
        row::{DayRow, Release, ReleaseId},
        tally::{Arrival, Caps, DaySettings, OpenDay},
    },
    memory::{days::Fixed, site_day::Tallied},
    parts::Parts,
    simulate::{SimulatedHit, history, hit::Meaning, world::Scenario},
};

/// The demo site's name: what its pages put into `data-site`.
pub const SITE: &str = "demo.mayfly.local";
/// Where the demo is clicked on, and what its simulated pages are on.
const HOSTS: [&str; 3] = ["127.0.0.1", "localhost", SITE];
/// Simulated days before today.
const DAYS: u32 = 90;
/// Visitors of the first simulated working day.
const VISITORS: u32 = 350;
const SEED: u64 = 20_260_101;

/// What the demo's pages declare.
#[derive(Deserialize)]
struct Vocabulary {
    sections: Vec<Section>,
    events: Vec<EventDeclaration>,
    funnels: Vec<Arc<Funnel>>,
    goals: Vec<Goal>,
}

/// Adds the demo site, unless it is there.
///
/// # Errors
/// Words for people.
pub fn declare(control: &Control, now: UnixMs) -> Result<(), String> {
    let words = |error: ControlError| error.to_string();
    if control.directory().load().by_name(SITE).is_some() {
        return Ok(());
    }
    let vocabulary: Vocabulary = serde_json::from_str(include_str!("../demo/vocabulary.json"))
        .map_err(|error| format!("vocabulary.json: {error}"))?;
    let site = NewSite { simulated: true, ..NewSite::new(SITE, "UTC") };
    let site = control.add_site(site, now).map_err(words)?;
    control
        .change_site(&site.name, now, |settings: &mut Settings| {
            settings.hosts = HOSTS.map(str::to_owned).to_vec();
            settings.sections = vocabulary.sections;
            settings.events = vocabulary.events;
            settings.funnels = vocabulary.funnels;
            settings.goals = vocabulary.goals;
            Ok(())
        })
        .map_err(words)?;
    control.reload_if_changed(now).map_err(words)?;
    Ok(())
}

/// Fills the demo's past, unless something is stored of it, and its today up to now.
///
/// # Errors
/// Words for people.
pub fn fill(parts: &Parts, now: UnixMs) -> Result<(), String> {
    let directory = parts.control.directory().load_full();
    let entry = directory.by_name(SITE).ok_or("the demo site is not there")?;
    let site = entry.at(now);
    if parts.store.extent(site.id).map_err(|error| error.to_string())?.is_some() {
        return Ok(());
    }
    let today = entry.day(now);
    let scenario = Scenario {
        host: HOSTS[0].into(),
        zone: site.zone.clone(),
        seed: SEED,
        k: site.k,
        kept: site.kept,
        visitors: VISITORS,
        everything: false,
        flood: 0,
    };
    let mut past = Past { parts, site, open: None };
    history::feed(&scenario, today.plus(-(DAYS as i32)), DAYS + 1, |hit| match site.zone.day_at(hit.at) {
        day if day < today => past.tally(day, hit),
        _ if hit.at < now => {
            past.close()?;
            present(parts, &Fixed::of(site, today), site, hit)
        }
        _ => Ok(()),
    })?;
    past.close()
}

/// Days that are over: counted and closed one after the other, without journal.
struct Past<'a> {
    parts: &'a Parts,
    site: &'a Site,
    open: Option<OpenDay>,
}

impl Past<'_> {
    fn tally(&mut self, day: Day, hit: &SimulatedHit) -> Result<(), String> {
        if self.open.as_ref().is_some_and(|open| open.settings().day != day) {
            self.close()?;
        }
        let site = self.site;
        let open = self.open.get_or_insert_with(|| {
            let settings = DaySettings {
                site: site.id,
                day,
                k: site.k,
                kept: site.kept,
                settings_version: site.version,
                caps: Caps::default(),
                known: Arc::default(),
            };
            OpenDay::new(settings, Box::new(Heap::default()), Box::new(Heap::default()))
        });
        let at = site.zone.calendar(day).moment(hit.at);
        match meant(hit, site) {
            Err(outcome) => open.drop_hit(outcome, &hit.notes, 1),
            Ok(meant) => open.tally_arrival(
                0,
                &Arrival {
                    key: VisitorKey(hit.visitor.number),
                    described: Some(&hit.visitor.described),
                    hit: &meant,
                    notes: &hit.notes,
                    funnels: &site.funnels,
                },
                at,
            ),
        };
        Ok(())
    }

    fn close(&mut self) -> Result<(), String> {
        let Some(open) = self.open.take() else { return Ok(()) };
        let (settings, epochs) = (open.settings().clone(), 1);
        let closed = open.close(epochs);
        let release = Release {
            id: ReleaseId { site: settings.site, day: settings.day, node: 0, number: 1 },
            rows: closed.rows,
            close: Some(DayRow {
                site: settings.site,
                day: settings.day,
                node: 0,
                closed_at_hour: self.site.zone.start_of(settings.day.plus(1)) / 3_600_000 * 3_600,
                k: settings.k,
                salt_epochs: epochs,
                settings_version: settings.settings_version,
                sizes: closed.sizes,
                corrected: false,
            }),
        };
        self.parts.store.insert(&release).map_err(|error| error.to_string())
    }
}

/// A hit of today, through memory and journal like any other.
fn present(parts: &Parts, fixed: &Fixed, site: &Site, hit: &SimulatedHit) -> Result<(), String> {
    let arrived = parts.memory.arrive_or_open(fixed, hit.at).map_err(|error| error.to_string())?;
    let key = VisitorKey(hit.visitor.number);
    let counted = match meant(hit, site) {
        Err(outcome) => arrived.day.drop_hits(arrived.moment, outcome, &hit.notes, 1),
        Ok(meant) => arrived.day.tally(
            arrived.moment,
            Tallied {
                key,
                described: Some(&hit.visitor.described),
                hit: &meant,
                notes: &hit.notes,
                funnels: &site.funnels,
                undeclared: &[],
            },
        ),
    };
    counted.map(drop).map_err(|error| error.to_string())
}

/// What a simulated hit counts as on the demo's site.
fn meant(hit: &SimulatedHit, site: &Site) -> Result<Hit, Outcome> {
    match &hit.meaning {
        Meaning::Counts(meant) => Ok(moved(meant, site)),
        Meaning::Dropped(outcome) => Err(*outcome),
    }
}

/// The simulator's visitors walk through a shop of their own; here they walk through the demo's pages instead, so
/// that what a person clicks there adds to what is shown of the past.
fn moved(hit: &Hit, site: &Site) -> Hit {
    let mut hit = hit.clone();
    hit.page = hit.page.as_deref().map(page);
    let page = hit.page.as_deref().unwrap_or_default();
    let sections = site.sections.iter().map(|section| &section.pattern);
    hit.sections = sections.filter(|pattern| matches_path(pattern, page)).cloned().collect();
    if let HitKind::Event(event) = &mut hit.kind {
        let declared = site.events.iter().find(|one| one.name == event.name);
        event.once_a_visit = declared.is_some_and(|one| one.once == Once::Visit);
        for property in &mut event.properties {
            property.value = value(&property.value).into();
        }
    }
    hit
}

fn page(label: &str) -> Text {
    let Some((host, path)) = label.split_once('/') else { return label.into() };
    match path {
        "" | "pricing" => format!("{host}/demo").into(),
        "docs/install" => format!("{host}/demo/docs").into(),
        path => format!("{host}/demo/{path}").into(),
    }
}

fn value(value: &str) -> &str {
    match value {
        "free" => "solo",
        "pro" => "team",
        "team" => "company",
        "snippet" => "config",
        "hero" => "how",
        "plans" => "pricing",
        value => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{domain::declaration::Values, simulate::shop};

    fn vocabulary() -> Vocabulary {
        serde_json::from_str(include_str!("../demo/vocabulary.json")).unwrap()
    }

    #[test]
    fn the_simulated_past_uses_only_what_the_demo_declares() {
        let declared = vocabulary().events;
        for event in shop::events().iter().filter(|event| *event.name != *"search") {
            let here = declared.iter().find(|one| one.name == event.name).unwrap();
            assert_eq!(
                (here.interactive, &here.currency),
                (event.interactive, &event.currency),
                "{}",
                event.name
            );
            for property in &event.properties {
                let one = here.properties.iter().find(|one| one.name == property.name).unwrap();
                let (Values::List(there), Values::List(here)) = (&property.values, &one.values) else {
                    panic!("{} is no list", property.name)
                };
                for text in there {
                    assert!(here.iter().any(|one| **one == *value(text)), "{} {text}", event.name);
                }
            }
        }
    }

    #[test]
    fn pages_are_the_demos() {
        assert_eq!(&*page("127.0.0.1/"), "127.0.0.1/demo");
        assert_eq!(&*page("127.0.0.1/pricing"), "127.0.0.1/demo");
        assert_eq!(&*page("127.0.0.1/docs/install"), "127.0.0.1/demo/docs");
        assert_eq!(&*page("127.0.0.1/signup"), "127.0.0.1/demo/signup");
        assert_eq!(&*page("127.0.0.1/blog/launch"), "127.0.0.1/demo/blog/launch");
    }
}
