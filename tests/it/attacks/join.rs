//! A8: rows of two families are joined on equal counters. Each row that counts one visit is looked for in the other
//! family: a row of the same page with the same counters, and no other like it, is the same visit's. So of an event's rows.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use mayfly::{
    domain::{
        STAR,
        counters::Counter::{self, *},
        row::{Column, Family, KIND_PAGE, Row, Table, columns},
    },
    simulate::{
        agents::{AGENTS, CROWD_AGENTS},
        truth::What,
    },
};

use super::{
    lived::{Lived, Visit, decoded, lived, n, visits},
    traffic::{Origin, Traffic},
};

/// What a join says of one visit.
pub struct Claim {
    /// Whether it is the visit that ended on the page, not the one that began there.
    pub ended: bool,
    page: String,
    hour: Option<u8>,
    said: Vec<(Column, String)>,
}

/// A row as the attacker reads it.
struct Read<'r> {
    row: &'r Row,
    /// The page without what is said beside it.
    page: String,
    /// What is said beside it.
    beside: String,
    hour: Option<u8>,
    said: Vec<(Column, String)>,
}

fn read(row: &Row) -> Option<Read<'_>> {
    let page = row.key(Column::Page).filter(|page| ***page != *STAR)?;
    let is_page = row.table == Table::Pages && row.key(Column::Kind).is_some_and(|kind| **kind == *KIND_PAGE);
    let (plain, beside) = decoded(page);
    let said = columns(row.table, row.family)
        .iter()
        .zip(&row.keys)
        .filter(|(column, text)| !matches!(column, Column::Kind | Column::Page) && ***text != *STAR);
    let mut said: Vec<_> = said.map(|(column, text)| (*column, text.to_string())).collect();
    for column in [Column::Channel, Column::Source] {
        said.extend(beside.get(column.name()).map(|text| (column, (*text).to_owned())));
    }
    let hour = row.hour.map(|hour| hour.0).or_else(|| beside.get("hour").and_then(|hour| hour.parse().ok()));
    let text = page.strip_prefix(&plain).unwrap_or_default().to_owned();
    is_page.then_some(Read { row, page: plain, beside: text, hour, said })
}

/// Page, what is said beside it, hour, counters.
type Where = (String, String, Option<u8>, Vec<i64>);

/// Rows that count a single visit, by where they are and what they count; those alone there are to be joined.
fn singles<'r>(
    rows: &'r [Row],
    family: Family,
    with: Family,
    counters: &[Counter],
) -> HashMap<Where, Vec<Read<'r>>> {
    let mut found: HashMap<_, Vec<Read<'_>>> = HashMap::new();
    let to_hours = family == Family::Page || with == Family::Page;
    let hours = rows.iter().any(|row| row.family == Family::Place && row.keys[1].contains("hour="));
    for one in rows.iter().filter(|row| row.family == family).filter_map(read) {
        if n(one.row, Visits) == 1 {
            let counts = counters.iter().map(|&counter| n(one.row, counter)).collect();
            let beside = if to_hours { String::new() } else { one.beside.clone() };
            let hour = one.hour.filter(|_| hours || !to_hours);
            found.entry((one.page.clone(), beside, hour, counts)).or_default().push(one);
        }
    }
    found
}

/// Counters that rows of `visit` have by page, as the others do.
const BY_PAGE: [Counter; 7] = [Pageviews, PageVisitors, PageVisits, Visitors, Visits, Bounces, Exits];

fn joined(rows: &[Row], family: Family, with: Family) -> Vec<Claim> {
    let counters = match family == Family::Visit || with == Family::Visit {
        true => BY_PAGE.to_vec(),
        false => [&BY_PAGE[..], &[VisitSeconds, EngagedSeconds, ScrollViews, ScrollPercent]].concat(),
    };
    let others = singles(rows, with, family, &counters);
    let mut claims = Vec::new();
    for (key, found) in singles(rows, family, with, &counters) {
        if let ([one], Some([other])) = (&found[..], others.get(&key).map(|other| &other[..])) {
            let said = one.said.iter().chain(&other.said).cloned().collect();
            claims.push(Claim { ended: false, page: one.page.clone(), hour: one.hour.or(other.hour), said });
        }
    }
    claims
}

/// Pages on which a single visit of the day began (or ended): whatever row of them counts one counts that one.
pub fn alone(rows: &[Row], counter: Counter) -> Vec<Claim> {
    let mut by_page: BTreeMap<String, Vec<Read<'_>>> = BTreeMap::new();
    for one in rows.iter().filter_map(read).filter(|one| n(one.row, counter) != 0) {
        by_page.entry(one.page.clone()).or_default().push(one);
    }
    let mut claims = Vec::new();
    for (page, found) in by_page {
        let of = |family| found.iter().filter(move |one| one.row.family == family);
        let total: i64 = of(Family::Page).map(|one| n(one.row, counter)).sum();
        let families = [Family::Visit, Family::Place, Family::Device]
            .into_iter()
            .filter(|&family| of(family).count() == 1);
        let families: Vec<Family> = families.collect();
        if total == 1 && families.iter().any(|&family| family != Family::Visit) {
            let said =
                families.iter().flat_map(|&family| of(family)).flat_map(|one| one.said.clone()).collect();
            let hour = of(Family::Page).find_map(|one| one.hour);
            claims.push(Claim { ended: counter == Exits, page, hour, said });
        }
    }
    claims
}

/// The visits that a claim is true of.
fn like(claim: &Claim, visits: &[Visit]) -> Vec<usize> {
    let is = |visit: &Visit| {
        let (page, hour) = if claim.ended { &visit.exit } else { &visit.entry };
        *page == claim.page
            && claim.hour.is_none_or(|claimed| claimed == *hour)
            && claim.said.iter().all(|(column, text)| of(visit, *column) == *text)
    };
    (0..visits.len()).filter(|&at| is(&visits[at])).collect()
}

fn of(visit: &Visit, column: Column) -> &str {
    let (place, device, from) = (&visit.described.place.0, &visit.described.device.0, &visit.attributes.0);
    match column {
        Column::Country => &place[0],
        Column::Region => &place[1],
        Column::City => &place[2],
        Column::Browser => &device[0],
        Column::BrowserVersion => &device[1],
        Column::Os => &device[2],
        Column::OsVersion => &device[3],
        Column::Device => &device[4],
        Column::Channel => &from[0],
        Column::Source => &from[1],
        Column::UtmSource => &from[2],
        Column::UtmMedium => &from[3],
        Column::UtmCampaign => &from[4],
        Column::UtmContent => &from[5],
        _ => &from[6],
    }
}

/// Claims, and the visits of which they are right: true of that visit and of no other.
pub struct Found {
    pub claims: usize,
    pub right: BTreeSet<usize>,
}

impl Found {
    pub fn of(claims: &[Claim], visits: &[Visit]) -> Found {
        let right = claims.iter().filter_map(|claim| match like(claim, visits)[..] {
            [one] => Some(one),
            _ => None,
        });
        Found { claims: claims.len(), right: right.collect() }
    }
}

/// The shares of a day's visits that are joined.
pub struct Joined {
    pub visits: usize,
    /// Two of source, place and device of one visit, by equal counters.
    pub attributes: Found,
    /// Source and hour of one visit, by equal counters.
    pub hours: Found,
    /// Anything with place or device of a visit that alone began, or ended, on its page.
    pub alone: Found,
}

impl Joined {
    pub fn of(lived: &Lived) -> Joined {
        use Family::{Device, Page, Place, Visit};
        let (rows, visits) = (&lived.rows, visits(&lived.recount));
        let pairs = [(Visit, Place), (Visit, Device), (Place, Device)];
        let attributes: Vec<Claim> = pairs.iter().flat_map(|&(a, b)| joined(rows, a, b)).collect();
        let alone: Vec<Claim> =
            [Visits, Exits].into_iter().flat_map(|counter| alone(rows, counter)).collect();
        Joined {
            visits: visits.len(),
            attributes: Found::of(&attributes, &visits),
            hours: Found::of(&joined(rows, Visit, Page), &visits),
            alone: Found::of(&alone, &visits),
        }
    }

    /// Percent of all visits.
    pub fn percent(&self, found: &Found) -> f64 {
        100.0 * found.right.len() as f64 / self.visits as f64
    }
}

impl std::fmt::Display for Joined {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let one = |found: &Found| {
            format!("{:.1} % ({} claims, {} right)", self.percent(found), found.claims, found.right.len())
        };
        let [attributes, hours, alone] = [&self.attributes, &self.hours, &self.alone].map(one);
        write!(
            f,
            "{} visits; two families {attributes}; source and hour {hours}; alone on a page {alone}",
            self.visits
        )
    }
}

/// The builds that join: what a row may carry beside its family, with values (not cells) in crowds.
pub const WIDE: [&str; 3] = [
    "hour_beside_attribute,small_cells",
    "wide_rows,small_cells",
    "wide_rows,hour_beside_attribute,small_cells",
];

#[tokio::test]
async fn rows_of_two_families_do_not_join() {
    let mut traffic = Traffic::of(super::lived::day(), 8);
    traffic.crowd(300, 60);
    let hits = traffic.hits();
    let clean = Joined::of(&lived(None, &hits).await);
    assert_eq!(clean.attributes.right.len(), 0, "{clean}");
    assert_eq!(clean.alone.right.len(), 0, "{clean}");
    assert!(clean.percent(&clean.hours) < 8.0, "{clean}");
    for (build, at_least) in WIDE.into_iter().zip([60.0, 35.0, 70.0]) {
        let wide = Joined::of(&lived(Some(build), &hits).await);
        assert!(wide.percent(&wide.attributes) > at_least, "{build}: {wide}");
        assert!(wide.alone.right.len() > 10, "{build}: {wide}");
    }
}

/// An event, and what a row says of the one visit in which it happened; by its counters, where no other row has the same.
type OfEvents = HashMap<(String, Vec<i64>), Option<Vec<(Column, String)>>>;

fn events_of_one(rows: &[Row], family: Family) -> OfEvents {
    let mut found = OfEvents::new();
    for row in rows.iter().filter(|row| row.table == Table::Events && row.family == family) {
        let said = columns(row.table, family).iter().zip(&row.keys).filter(|(column, text)| {
            !matches!(column, Column::Name | Column::Property | Column::Value | Column::Currency)
                && ***text != *STAR
        });
        let said: Vec<_> = said.map(|(column, text)| (*column, text.to_string())).collect();
        if row.counts[2] == 1 && !said.is_empty() {
            let others = |known: &mut Option<_>| *known = None;
            found
                .entry((row.keys[0].to_string(), row.counts[..3].to_vec()))
                .and_modify(others)
                .or_insert(Some(said));
        }
    }
    found
}

/// What is claimed of those who did something: the event stands in the place of the page.
fn of_events(lived: &Lived) -> Found {
    let mut claims = Vec::new();
    for (a, b) in
        [(Family::Visit, Family::Place), (Family::Visit, Family::Device), (Family::Place, Family::Device)]
    {
        let others = events_of_one(&lived.rows, b);
        for (key, said) in events_of_one(&lived.rows, a) {
            if let (Some(said), Some(Some(other))) = (said, others.get(&key)) {
                let said = said.iter().chain(other).cloned().collect();
                claims.push(Claim { ended: false, page: key.0, hour: None, said });
            }
        }
    }
    let did = lived.recount.facts.iter().filter_map(|fact| {
        let What::Event { key: [name, ..], .. } = &fact.what else { return None };
        let at = (name.to_string(), fact.hour.0);
        let (attributes, described) = (fact.visit.clone(), fact.described.clone());
        let visit =
            Visit { visitor: fact.visitor, attributes, described, entry: at.clone(), exit: at, seen: vec![] };
        Some(((fact.visitor, name.clone()), visit))
    });
    let did: BTreeMap<_, Visit> = did.collect();
    Found::of(&claims, &did.into_values().collect::<Vec<_>>())
}

#[tokio::test]
async fn events_of_two_families_do_not_join() {
    let mut traffic = Traffic::of(super::lived::day(), 9);
    traffic.crowd(60, 14);
    for n in 0..14 {
        let visitor = traffic.visitor("US", &AGENTS[0], 0);
        traffic.act(&visitor, 40_000 + 60 * n, "/form", &Origin::direct(), "signup");
    }
    // Each alone with what they did, or with how often.
    for (n, (event, times)) in [("signup", 3), ("download", 1)].into_iter().enumerate() {
        let visitor = traffic.visitor(["NO", "PL"][n], &CROWD_AGENTS[n], 0);
        let from = Origin::letter(["one", "other"][n]);
        (0..times).for_each(|time| traffic.act(&visitor, 50_000 + time, "/form", &from, event));
    }
    let hits = traffic.hits();
    assert_eq!(of_events(&lived(None, &hits).await).claims, 0);
    let singled = of_events(&lived(Some("k_off"), &hits).await);
    assert_eq!(singled.right.len(), 2, "{} claims", singled.claims);
}
