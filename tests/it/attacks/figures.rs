//! The shares that README, PRIVACY.md and BENCHMARKS.md name, measured on the stored rows of real days. `FIGURES=1` takes
//! days of 100, 1,000 and 5,000 visitors (`make figures`), and prints them as a table.

use std::collections::{BTreeMap, BTreeSet};

use mayfly::domain::{
    STAR,
    counters::Counter::{PageVisits, Pageviews, Visits},
    row::{Column, Family, Row, Table},
};

use super::{
    join::{Joined, WIDE},
    lived::{Lived, Visit, day, lived, n, visits},
    traffic::Traffic,
};

/// Visitors of a day, and pages of the site.
const SIZES: [(u64, u64); 3] = [(100, 40), (1_000, 150), (5_000, 400)];

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
        visit.seen.iter().for_each(|seen| drop(beside.entry(seen).or_default().insert(visit.visitor)));
    }
    let alone = visits.iter().filter(|visit| visit.seen.iter().all(|seen| beside[seen].len() == 1)).count();
    percent(alone as i64, visits.len() as i64)
}

#[tokio::test]
async fn told_and_joined_shares() {
    let sizes = if std::env::var_os("FIGURES").is_some() { &SIZES[..] } else { &SIZES[..1] };
    for &(visitors, pages) in sizes {
        let mut traffic = Traffic::of(day(), visitors);
        traffic.crowd(visitors, pages);
        let hits = traffic.hits();
        let clean = lived(None, &hits).await;
        let (shares, joined) = (Shares::of(&clean), Joined::of(&clean));
        println!("{visitors} visitors, {pages} pages, {} hits", hits.len());
        println!(
            "  told: country {:.0} %, device {:.0} %, page by country {:.0} %",
            shares.country, shares.device, shares.page_by_country
        );
        println!(
            "  alone in every page-hour {:.0} %; rows of visit with one visit {:.0} %",
            shares.alone_in_every_hour, shares.rows_of_one_visit
        );
        println!("  as it is: {joined}");
        for build in WIDE {
            println!("  {build}: {}", Joined::of(&lived(Some(build), &hits).await));
        }
    }
}
