//! What every closed day must satisfy, looked at once more on the rows that are about to leave: the families
//! agree on what they all count, and no told crowd is too small.

use crate::domain::{
    STAR,
    counters::Counter,
    row::{Column, Family, KIND_SECTION, Release, Row, Table},
};

/// Counters that all four attribute families count, and over which a section's rows do not overlap.
/// (`page_visitors` and `page_visits` of place and device meet a visitor once in a section, so they are apart.)
pub const SHARED: [Counter; 6] = [
    Counter::Pageviews,
    Counter::Visitors,
    Counter::Visits,
    Counter::Bounces,
    Counter::Exits,
    Counter::VisitSeconds,
];
/// Where the counters of events have the visitors.
const EVENT_VISITORS: usize = 1;
const FAMILIES: [Family; 4] = [Family::Visit, Family::Place, Family::Device, Family::Language];

/// What is wrong with a day's last release, in words without any value of a row; empty where nothing is.
/// `k` is the fewest visitors that a told row of place, device and language may count.
pub fn breaches(release: &Release, k: u32) -> Vec<String> {
    let mut found = Vec::new();
    for counter in SHARED {
        let totals = FAMILIES.map(|family| total(&release.rows, family, counter));
        if totals.iter().any(|&total| total != totals[0]) {
            found.push(format!("{} differ between families: {totals:?}", counter.name()));
        }
    }
    let small = release.rows.iter().filter(|row| is_told(row) && size(row) < i64::from(k)).count();
    if small > 0 && k > 1 {
        found.push(format!("{small} told rows count fewer than {k} visitors"));
    }
    if release.rows.iter().any(|row| !row.is_well_formed()) {
        found.push("a row does not fit its table".to_owned());
    }
    found
}

fn total(rows: &[Row], family: Family, counter: Counter) -> i64 {
    let counted = |row: &&Row| {
        row.table == Table::Pages
            && row.family == family
            // Sections of `visit` overlap its pages; those of place and device stand in their place.
            && (family != Family::Visit || row.key(Column::Kind).is_none_or(|kind| &**kind != KIND_SECTION))
    };
    rows.iter().filter(counted).map(|row| row.counts[counter as usize]).sum()
}

/// Whether a row tells where or what.
fn is_told(row: &Row) -> bool {
    let tells = |column| row.key(column).is_some_and(|text| &**text != STAR);
    matches!(row.table, Table::Pages | Table::Events)
        && match row.family {
            Family::Place => tells(Column::Country),
            Family::Device => tells(Column::Device),
            Family::Language => tells(Column::Language),
            _ => false,
        }
}

/// Visitors of the event or the page where a row names one, else visitors who began there.
fn size(row: &Row) -> i64 {
    if row.table == Table::Events {
        return row.counts[EVENT_VISITORS];
    }
    let named = row.key(Column::Page).is_some_and(|page| &**page != STAR);
    row.counts[if named { Counter::PageVisitors } else { Counter::Visitors } as usize]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        day::Day,
        declaration::SiteId,
        row::{ReleaseId, columns},
    };

    fn row(family: Family, page: &str, first: &str, visitors: i64) -> Row {
        let keys = columns(Table::Pages, family)
            .iter()
            .map(|column| match column {
                Column::Kind => "page".into(),
                Column::Page => page.into(),
                _ => first.into(),
            })
            .collect();
        let mut counts = vec![0; Counter::COUNT];
        for counter in SHARED {
            counts[counter as usize] = visitors;
        }
        Row { table: Table::Pages, family, day: Day(1), hour: None, keys, counts: counts.into() }
    }

    fn release(rows: Vec<Row>) -> Release {
        Release { id: ReleaseId { site: SiteId(1), day: Day(1), node: 0, number: 1 }, rows, close: None }
    }

    #[test]
    fn a_sound_day_passes_and_each_fault_is_said() {
        let sound: Vec<Row> = FAMILIES.map(|family| row(family, STAR, "x", 7)).to_vec();
        assert_eq!(breaches(&release(sound.clone()), 5), Vec::<String>::new());
        let mut unequal = sound.clone();
        unequal[1].counts[Counter::Visits as usize] += 1;
        assert_eq!(breaches(&release(unequal), 5), ["visits differ between families: [7, 8, 7, 7]"]);
        let small: Vec<Row> = FAMILIES.map(|family| row(family, STAR, "x", 4)).to_vec();
        assert_eq!(breaches(&release(small), 5), ["3 told rows count fewer than 5 visitors"]);
        let untold: Vec<Row> = FAMILIES.map(|family| row(family, STAR, STAR, 4)).to_vec();
        assert_eq!(breaches(&release(untold), 5), Vec::<String>::new());
        let mut of_event = row(Family::Device, STAR, "x", 0);
        (of_event.table, of_event.keys) =
            (Table::Events, ["signup", "x", "x", "x", "x", "x"].map(Into::into).into());
        for (visitors, said) in [(5, &[][..]), (4, &["1 told rows count fewer than 5 visitors"])] {
            of_event.counts = [9, visitors, 9, 0].into();
            assert_eq!(breaches(&release([&sound[..], &[of_event.clone()]].concat()), 5), said);
        }
    }
}
