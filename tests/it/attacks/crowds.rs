//! A5: ground truth against rows. Whoever knows everybody looks for a row, or for what is left of a page or of a value when
//! its rows are subtracted, that stands for fewer than k people. So of the rows of an event.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use mayfly::{
    domain::{
        STAR, Text,
        counters::Counter,
        row::{Column, Family, Row, Table, columns},
    },
    simulate::{
        Visitor,
        agents::{AGENTS, CROWD_AGENTS},
        truth::What,
    },
};

use super::{
    lived::{Lived, Visit, day, lived, n, visits},
    traffic::{Origin, Traffic},
};
use crate::play::K;

const FAMILIES: [Family; 4] = [Family::Visit, Family::Place, Family::Device, Family::Language];

/// What a visit says in the columns of a family.
pub fn said(visit: &Visit, family: Family) -> Vec<String> {
    let texts = match family {
        Family::Visit => visit.attributes.0.to_vec(),
        Family::Place => visit.described.place.0.to_vec(),
        Family::Device => visit.described.device.0.to_vec(),
        _ => vec![visit.described.language.0.clone()],
    };
    texts.iter().map(|text| text.to_string()).collect()
}

/// A row's page, where it has one, and its values.
fn keys(row: &Row) -> (Option<String>, Vec<String>) {
    let of_page = |column: &Column| matches!(column, Column::Kind | Column::Page);
    let values = columns(row.table, row.family).iter().zip(&row.keys).filter(|(column, _)| !of_page(column));
    let page = row.key(Column::Page).filter(|page| ***page != *STAR).map(|page| page.to_string());
    (page, values.map(|(_, text)| text.to_string()).collect())
}

/// Everything of a day's rows that stands for some people, but fewer than k.
fn singled_out(lived: &Lived) -> Vec<String> {
    let visits = visits(&lived.recount);
    let of_pages = FAMILIES.iter().flat_map(|&family| Told::of(lived, &visits, family).small(family));
    of_pages
        .chain([Family::Place, Family::Device].iter().flat_map(|&family| of_events(lived, family)))
        .collect()
}

/// The row that tells most of some texts.
fn finest<'r>(rows: impl Iterator<Item = &'r [Text]>, own: &[Text]) -> &'r [Text] {
    let fits = |row: &&[Text]| row.iter().zip(own).all(|(told, own)| **told == *STAR || told == own);
    let told = |row: &&[Text]| row.iter().filter(|text| ***text != *STAR).count();
    rows.filter(fits).max_by_key(told).expect("some row counts them")
}

/// Events of which a row, or what the rows leave of the event, stands for fewer than k of those who did it.
fn of_events(lived: &Lived, family: Family) -> Vec<String> {
    let mut crowds: BTreeMap<(&Text, &[Text]), BTreeSet<u64>> = BTreeMap::new();
    for fact in &lived.recount.facts {
        let What::Event { key: [name, ..], .. } = &fact.what else { continue };
        let own: &[Text] =
            if family == Family::Place { &fact.described.place.0 } else { &fact.described.device.0 };
        let rows = lived.rows.iter().filter(|row| row.table == Table::Events && row.family == family);
        let of_name = rows.filter(|row| row.keys[0] == *name).map(|row| &row.keys[1..]);
        crowds.entry((name, finest(of_name, own))).or_default().insert(fact.visitor);
    }
    // Where nothing is told nothing can be subtracted: how many did it at all is told alone.
    let is_told =
        |name: &Text| crowds.keys().any(|(of, row)| *of == name && row.iter().any(|one| **one != *STAR));
    let small = crowds.iter().filter(|((name, _), people)| is_told(name) && people.len() < K as usize);
    let said = |((name, row), people): (&(&Text, &[Text]), &BTreeSet<u64>)| {
        format!("{} event {name} {}: {} people", family.name(), row.join("|"), people.len())
    };
    small.map(said).collect()
}

/// What a family tells, and the people behind it.
struct Told<'v> {
    rows: BTreeSet<(Option<String>, Vec<String>)>,
    /// Those that tell how many visits ended there.
    ended: BTreeSet<(Option<String>, Vec<String>)>,
    visits: Vec<(Vec<String>, &'v Visit, bool)>,
}

impl<'v> Told<'v> {
    fn of(lived: &Lived, visits: &'v [Visit], family: Family) -> Told<'v> {
        let rows = lived.rows.iter().filter(|row| row.table == Table::Pages && row.family == family);
        let ended = rows.clone().filter(|row| n(row, Counter::Exits) != 0).map(keys).collect();
        let rows: BTreeSet<_> = rows.map(keys).collect();
        let labels: BTreeSet<&Vec<String>> = rows.iter().map(|(_, values)| values).collect();
        let told_as = |visit: &Visit| {
            let own = said(visit, family);
            let fits =
                |label: &&&Vec<String>| label.iter().zip(&own).all(|(told, own)| told == STAR || told == own);
            let finest = labels
                .iter()
                .filter(fits)
                .max_by_key(|label| label.iter().filter(|text| *text != STAR).count());
            (*finest.expect("some row counts the visit")).clone()
        };
        let mut met = BTreeSet::new();
        let visits = visits.iter().map(|visit| (told_as(visit), visit, met.insert(visit.visitor))).collect();
        Told { rows, ended, visits }
    }

    /// Which crowds there are, by what they share.
    fn crowds(&self, family: Family) -> BTreeMap<String, BTreeSet<u64>> {
        let mut crowds: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
        for (label, visit, begins_day) in &self.visits {
            let mut count = |what: String| _ = crowds.entry(what).or_default().insert(visit.visitor);
            let name = label.join("|");
            if family == Family::Visit || family == Family::Language {
                if *begins_day {
                    count(format!("set {name}"));
                }
                continue;
            }
            let is_told = |page: &String| self.rows.contains(&(Some(page.clone()), label.clone()));
            // Of a page without told cells nothing can be subtracted: page and hour are told alone.
            let in_cells = |page: &String| self.rows.iter().any(|(cell, _)| cell.as_ref() == Some(page));
            for (page, _) in visit.seen.iter().filter(|(page, _)| in_cells(page)) {
                match is_told(page) {
                    true => count(format!("cell {page} {name}")),
                    false => count(format!("rest of {page}")),
                }
            }
            let exit = &visit.exit.0;
            match self.ended.contains(&(Some(exit.clone()), label.clone())) {
                true => count(format!("exits of {exit} {name}")),
                false if self.ended.iter().any(|(page, _)| page.as_ref() == Some(exit)) => {
                    count(format!("rest of exits of {exit}"));
                }
                false => {}
            }
            if *begins_day && !is_told(&visit.entry.0) {
                count(format!("rest of {name}"));
            }
        }
        crowds
    }

    fn small(&self, family: Family) -> Vec<String> {
        let small = |(what, people): (String, BTreeSet<u64>)| {
            let is_small = (1..K as usize).contains(&people.len());
            is_small.then(|| format!("{} {what}: {} people", family.name(), people.len()))
        };
        self.crowds(family).into_iter().filter_map(small).collect()
    }
}

/// Crowds of k - 1, k and k + 1, people who are alone with what they have, and what makes remainders of one.
pub fn planted() -> Traffic {
    let mut traffic = Traffic::of(day(), 5);
    let mut second = 20_000;
    let mut come = |traffic: &mut Traffic, visitor: &Arc<Visitor>, path: &str, origin: &Origin| {
        second += 41;
        traffic.view(visitor, second, path, origin);
        traffic.read(visitor, second + 20, path, origin, 50, 9_000);
        second
    };
    let (usual, direct) = (&AGENTS[0], Origin::direct());
    for (country, people) in [("US", 14), ("PL", K - 1), ("DE", K), ("SE", K + 1), ("NO", 1)] {
        for _ in 0..people {
            let visitor = traffic.visitor(country, usual, 0);
            come(&mut traffic, &visitor, "/", &direct);
        }
    }
    for (agent, people) in
        [(&CROWD_AGENTS[0], K - 1), (&CROWD_AGENTS[1], K), (&CROWD_AGENTS[2], K + 1), (&AGENTS[6], 1)]
    {
        for _ in 0..people {
            let visitor = traffic.visitor("US", agent, 0);
            come(&mut traffic, &visitor, "/", &direct);
        }
    }
    let letters = [("below", K - 1), ("exact", K), ("above", K + 1), ("lone", 1)]
        .map(|(name, n)| (Origin::letter(name), n));
    for (origin, people) in letters.into_iter().chain([(Origin::link("lone.com"), 1)]) {
        for _ in 0..people {
            let visitor = traffic.visitor("US", usual, 0);
            come(&mut traffic, &visitor, "/", &origin);
        }
    }
    // One of another language; one who reloads a page that nobody else sees.
    let other = traffic.visitor("US", usual, 5);
    come(&mut traffic, &other, "/", &direct);
    let reloader = traffic.visitor("US", usual, 0);
    (0..30).for_each(|_| _ = come(&mut traffic, &reloader, "/own", &direct));
    // A page with a crowd of one country and one person of another; that country is a crowd on another page.
    for country in ["US"; 7].into_iter().chain(["DE"]) {
        let visitor = traffic.visitor(country, usual, 0);
        come(&mut traffic, &visitor, "/rest", &direct);
    }
    // People who do what is counted by name: as many of a country or a browser, whatever crowd that is by day.
    let (below, exact, above) = (&CROWD_AGENTS[1], &CROWD_AGENTS[2], &AGENTS[7]);
    for (event, country, agent, people) in [
        ("signup", "US", usual, K + 4),
        ("signup", "DE", usual, K - 1),
        ("signup", "SE", usual, K),
        ("signup", "FR", usual, K + 1),
        ("signup", "PL", usual, 1),
        ("signup", "US", below, K - 1),
        ("signup", "US", exact, K),
        ("signup", "US", above, K + 1),
        ("signup", "US", &AGENTS[4], 1),
        ("download", "US", usual, K + 2),
        ("download", "DE", &AGENTS[5], 1),
    ] {
        for _ in 0..people {
            let visitor = traffic.visitor(country, agent, 0);
            let came = come(&mut traffic, &visitor, "/form", &direct);
            traffic.act(&visitor, came + 25, "/form", &direct, event);
        }
    }
    traffic
}

#[tokio::test]
async fn rows_and_remainders_are_crowds() {
    let hits = planted().hits();
    assert_eq!(singled_out(&lived(None, &hits).await), Vec::<String>::new());
    for (fault, found) in [
        (
            "k_off",
            &[
                "place cell example.com/ NO|",
                "device cell example.com/ Opera|",
                "visit set Referral|lone.com|",
                "visit set Email|newsletter|newsletter|email|below|",
                "place cell example.com/own US|",
                "language set et",
                "place event signup DE|",
                "place event download DE|",
                "device event signup Samsung Internet|",
                "device event download Firefox|",
            ][..],
        ),
        (
            "no_remainder",
            &[
                "place rest of ",
                "device rest of ",
                "visit set ",
                "language set *",
                "place event download *|",
                "device event download *|",
            ],
        ),
        ("small_cells", &["place cell example.com/rest DE|", "place cell example.com/own US|"]),
    ] {
        let singled = singled_out(&lived(Some(fault), &hits).await);
        for what in found {
            assert!(singled.iter().any(|one| one.starts_with(what)), "{fault} {what}: {singled:#?}");
        }
    }
}

/// A crowd that sees a page and goes on, and one who comes to it k times and leaves from there each time.
fn leaver() -> Traffic {
    let (mut traffic, direct) = (Traffic::of(day(), 6), Origin::direct());
    for n in 0..2 * i64::from(K) {
        let visitor = traffic.visitor("US", &AGENTS[0], 0);
        traffic.view(&visitor, 30_000 + 61 * n, "/status", &direct);
        traffic.view(&visitor, 30_020 + 61 * n, "/", &direct);
    }
    let leaver = traffic.visitor("US", &AGENTS[0], 0);
    (0..i64::from(K)).for_each(|n| traffic.view(&leaver, 40_000 + 4_000 * n, "/status", &direct));
    traffic
}

#[tokio::test]
async fn one_who_leaves_often_is_no_crowd_of_exits() {
    let hits = leaver().hits();
    let clean = lived(None, &hits).await;
    let status = |row: &&Row| {
        row.family == Family::Place
            && row.key(Column::Page).is_some_and(|page| **page == *"example.com/status")
    };
    let told: Vec<_> = clean.rows.iter().filter(status).collect();
    assert_eq!(told.iter().map(|row| n(row, Counter::PageVisitors)).sum::<i64>(), i64::from(2 * K + 1));
    assert_eq!(singled_out(&clean), Vec::<String>::new());
    let singled = singled_out(&lived(Some("k_off"), &hits).await);
    assert!(
        singled.iter().any(|one| one.starts_with("place exits of example.com/status US|")),
        "{singled:#?}"
    );
}
