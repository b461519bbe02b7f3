//! The shares that README, PRIVACY.md and BENCHMARKS.md name, measured on the stored rows of real days. `FIGURES=1` takes
//! days of 100, 1,000 and 5,000 visitors (`make figures`), and prints them as a table.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use mayfly::{
    domain::{
        STAR,
        counters::Counter::{PageVisits, Pageviews, Visits},
        row::{Column, Family, Row, Table},
    },
    simulate::Visitor,
};

use super::{
    crowds::said,
    join::{Joined, WIDE},
    lived::{Lived, Visit, day, lived, n, visits},
    poll::joined_by_the_hour,
    traffic::Traffic,
};

/// Visitors of a day, and pages of the site.
const SIZES: [(u64, u64); 3] = [(100, 40), (1_000, 150), (5_000, 400)];

/// People of a day who reload a page.
const HEAVY: u64 = 10;

/// Percents of a day.
struct Shares {
    country: f64,
    device: f64,
    page_by_country: f64,
    alone_in_every_hour: f64,
    rows_of_one_visit: f64,
}

fn percent(part: i64, whole: i64) -> f64 {
    100.0 * part as f64 / whole.max(1) as f64
}

fn is_told(row: &Row, column: Column) -> bool {
    row.key(column).is_some_and(|text| **text != *STAR)
}

impl Shares {
    fn of(lived: &Lived) -> Shares {
        let of =
            |family| lived.rows.iter().filter(move |row| row.table == Table::Pages && row.family == family);
        let told = |family, columns: &[Column], counter| {
            let is_told = |row: &&Row| columns.iter().all(|&column| is_told(row, column));
            let sum = |rows: &mut dyn Iterator<Item = &Row>| rows.map(|row| n(row, counter)).sum();
            percent(sum(&mut of(family).filter(is_told)), sum(&mut of(family)))
        };
        let sets: Vec<&Row> =
            of(Family::Visit).filter(|row| n(row, PageVisits) > 0 && is_told(row, Column::Page)).collect();
        let of_one = sets.iter().filter(|row| n(row, PageVisits) == 1).count();
        Shares {
            country: told(Family::Place, &[Column::Country], Visits),
            device: told(Family::Device, &[Column::Device], Visits),
            page_by_country: told(Family::Place, &[Column::Country, Column::Page], Pageviews),
            alone_in_every_hour: alone_in_every_hour(&visits(&lived.recount)),
            rows_of_one_visit: percent(of_one as i64, sets.len() as i64),
        }
    }
}

/// Percent of visits that nobody else's visit was beside, on no page in no hour.
fn alone_in_every_hour(visits: &[Visit]) -> f64 {
    let mut beside: BTreeMap<&(String, u8), BTreeSet<u64>> = BTreeMap::new();
    for visit in visits {
        for seen in &visit.seen {
            beside.entry(seen).or_default().insert(visit.visitor);
        }
    }
    let alone = visits.iter().filter(|visit| visit.seen.iter().all(|seen| beside[seen].len() == 1)).count();
    percent(alone as i64, visits.len() as i64)
}

/// Of people who reload a page all afternoon, the percent of whom place, device and source are told by the page's sums: the
/// one row of the family that has more than half of the page's repeated views is theirs.
fn told_by_amount(lived: &Lived, heavy: &[(Arc<Visitor>, String)]) -> [f64; 3] {
    let repeated = |row: &Row| n(row, Pageviews) - n(row, PageVisits);
    let is_of = |row: &Row, family, page: &str| {
        row.family == family && row.key(Column::Page).is_some_and(|text| **text == *page)
    };
    let visits = visits(&lived.recount);
    [Family::Place, Family::Device, Family::Visit].map(|family| {
        let told = heavy.iter().filter(|(visitor, page)| {
            let all: i64 = lived.rows.iter().filter(|row| is_of(row, Family::Page, page)).map(repeated).sum();
            let theirs = lived.rows.iter().find(|row| is_of(row, family, page) && 2 * repeated(row) > all);
            let visit = visits.iter().find(|visit| visit.visitor == visitor.number).expect("they came");
            let said = said(visit, family);
            theirs.is_some_and(|row| {
                let told = row.keys[2..].iter().zip(&said).filter(|(told, _)| ***told != *STAR);
                told.clone().count() > 0 && told.clone().all(|(told, own)| **told == **own)
            })
        });
        percent(told.count() as i64, heavy.len() as i64)
    })
}

/// The table's row of a day, from a title and its cells.
#[allow(clippy::print_stdout, reason = "the figures are what the long form is run for")]
fn print(title: &str, cells: impl IntoIterator<Item = String>) {
    println!("| {title} | {} |", cells.into_iter().collect::<Vec<_>>().join(" | "));
}

/// The days that are tried.
fn sizes() -> &'static [(u64, u64)] {
    if std::env::var_os("FIGURES").is_some() { &SIZES } else { &SIZES[..1] }
}

/// k bounds people, not amounts: this is how far amounts tell.
#[tokio::test]
async fn who_does_far_more_than_all_others_is_told_by_sums() {
    let mut days = Vec::new();
    for &(visitors, pages) in sizes() {
        let mut traffic = Traffic::of(day(), visitors + 1);
        traffic.crowd(visitors, pages);
        let heavy = traffic.reloaders(HEAVY);
        days.push(told_by_amount(&lived(None, &traffic.hits()).await, &heavy));
    }
    for (at, what) in ["place", "device", "source"].iter().enumerate() {
        let cells = days.iter().map(|told| format!("{:.0} %", told[at]));
        print(&format!("{what} of who reloads a page 200 times, told by its sums"), cells);
    }
    // Source needs no crowd of the page's; place and device do.
    assert!(
        days.iter().all(|[place, device, source]| source >= place && source >= device && *source >= 50.0)
    );
}

#[tokio::test]
async fn told_and_joined_shares() {
    let mut days = Vec::new();
    for &(visitors, pages) in sizes() {
        let mut traffic = Traffic::of(day(), visitors);
        traffic.crowd(visitors, pages);
        let hits = traffic.hits();
        let clean = lived(None, &hits).await;
        let mut wide = Vec::new();
        for build in WIDE {
            wide.push(Joined::of(&lived(Some(build), &hits).await));
        }
        days.push((Shares::of(&clean), Joined::of(&clean), wide, joined_by_the_hour(&hits).await));
    }
    let whole = |n: f64| format!("{n:.0} %");
    let fine = |n: f64| format!("{n:.1} %");
    print("visits", days.iter().map(|day| day.1.visits.to_string()));
    print("country told", days.iter().map(|day| whole(day.0.country)));
    print("device class told", days.iter().map(|day| whole(day.0.device)));
    print("page by country told, of views", days.iter().map(|day| whole(day.0.page_by_country)));
    print("alone in every page-hour", days.iter().map(|day| whole(day.0.alone_in_every_hour)));
    print(
        "rows of `visit` with a page that one visit saw",
        days.iter().map(|day| whole(day.0.rows_of_one_visit)),
    );
    print("joined: source and hour", days.iter().map(|day| fine(day.1.percent(&day.1.hours))));
    print(
        "joined: two of source, place and device",
        days.iter().map(|day| fine(day.1.percent(&day.1.attributes))),
    );
    print(
        "place or device of who alone began or ended on a page",
        days.iter().map(|day| fine(day.1.percent(&day.1.alone))),
    );
    let hourly = |[right, _, visits]: [usize; 3]| fine(100.0 * right as f64 / visits as f64);
    print("joined: country and browser, by reading at each full hour", days.iter().map(|day| hourly(day.3)));
    for (at, build) in WIDE.iter().enumerate() {
        print(
            &format!("{build}: two of source, place and device"),
            days.iter().map(|day| fine(day.2[at].percent(&day.2[at].attributes))),
        );
    }
    for (at, (shares, joined, wide, [right, _, visits])) in days.iter().enumerate() {
        assert_eq!((joined.attributes.right.len(), joined.alone.right.len()), (0, 0), "{joined}");
        assert!(joined.percent(&joined.hours) < 8.0, "{joined}");
        assert!(*right * 100 <= *visits, "{right} of {visits} by the hour");
        assert!(wide[2].percent(&wide[2].attributes) > 60.0, "{}", wide[2]);
        assert!(shares.device > shares.country || shares.country > 99.0);
        let smaller = days[..at].last();
        assert!(
            smaller.is_none_or(|day| day.0.country < shares.country
                && day.0.alone_in_every_hour > shares.alone_in_every_hour)
        );
    }
}
