//! A copy of all rows from one store into another, in windows of days, and the proof that both then hold the same.
//!
//! Where it ends is nowhere noted: each run asks what the other store has already. So one that was interrupted is
//! continued by the next, nothing comes twice, and what is there and did not come from here is never touched.

use std::collections::BTreeMap;

use super::{JobError, Result, count};
use crate::{
    domain::{
        day::Day,
        declaration::SiteId,
        query::Query,
        row::{Column, DayRow, Release, ReleaseId, Row, Table, columns, has_hour},
    },
    store::{AsOf, Store, StoreError, windows::next_days},
};

/// Most differences that are told one by one.
const DIFFERENCES_MAX: usize = 50;

/// What a copy did, and found.
#[derive(Debug, Default)]
pub struct Copied {
    pub sites: usize,
    /// Releases that were brought, and their rows.
    pub releases: usize,
    pub rows: usize,
    /// Releases that were there before.
    pub found: usize,
    /// Where the stores still differ, in words. None: the copy is whole.
    pub differences: Vec<String>,
}

/// Brings all rows of a store into another, as far as they are not there, then compares what both add up to. Nobody
/// may write to either meanwhile.
///
/// # Errors
/// Where nothing is stored; those of the stores. Then it may be called again.
pub fn copy(from: &dyn Store, to: &dyn Store, says: &(dyn Fn(&str) + Sync)) -> Result<Copied> {
    let sites = from.sites()?;
    if sites.is_empty() {
        return Err(JobError::Refused("there is nothing to copy: the store has no rows".to_owned()));
    }
    let mut copying = Copying { from, to, copied: Copied { sites: sites.len(), ..Copied::default() } };
    for (at, &site) in sites.iter().enumerate() {
        copying.site(site, &|day: Day, rows: usize| {
            let of = sites.len();
            says(&format!("copying site {}, {} of {of}, up to {day}: {rows} rows so far", site.0, at + 1));
        })?;
    }
    for (at, &site) in sites.iter().enumerate() {
        says(&format!("comparing sums of site {}, {} of {}", site.0, at + 1, sites.len()));
        copying.compare(site)?;
    }
    Ok(copying.copied)
}

impl Copied {
    fn count(&mut self, brought: &[Release]) {
        self.releases += brought.len();
        self.rows += brought.iter().map(|one| one.rows.len()).sum::<usize>();
    }

    /// What is to be said.
    ///
    /// # Errors
    /// The differences, in words.
    pub fn words(self) -> Result<String, String> {
        if self.differences.is_empty() {
            let (sites, found) = (count(self.sites, "site"), count(self.found, "release"));
            let (releases, rows) = (count(self.releases, "release"), count(self.rows, "row"));
            return Ok(format!(
                "copied {releases} with {rows}; {found} were there before\n\
                 Both stores add up to the same: {sites}, every day, table and family.\n"
            ));
        }
        let more = self.differences.len().saturating_sub(DIFFERENCES_MAX);
        let mut words = format!("the stores differ at {}:", count(self.differences.len(), "place"));
        for one in self.differences.iter().take(DIFFERENCES_MAX) {
            words += &format!("\n  {one}");
        }
        match more {
            0 => Err(words),
            more => Err(format!("{words}\n  and {more} more")),
        }
    }
}

/// The releases of a site-day and node.
type Units = BTreeMap<(Day, u32), Vec<Release>>;

struct Copying<'a> {
    from: &'a dyn Store,
    to: &'a dyn Store,
    copied: Copied,
}

impl Copying<'_> {
    fn site(&mut self, site: SiteId, says: &dyn Fn(Day, usize)) -> Result<()> {
        let Some((mut first, last)) = self.from.extent(site)? else { return Ok(()) };
        let mut days = 1;
        while first <= last {
            let end = last.min(first.plus(days - 1));
            let rows = self.window(site, first, end)?;
            says(end, self.copied.rows);
            (first, days) = (end.plus(1), next_days(days, rows));
        }
        Ok(())
    }

    /// Brings what is missing of some days; how many rows they have.
    fn window(&mut self, site: SiteId, first: Day, last: Day) -> Result<usize> {
        let mut there = units(self.to.releases(site, first, last)?);
        let mut rows = 0;
        for ((day, node), whole) in units(self.from.releases(site, first, last)?) {
            rows += whole.iter().map(|one| one.rows.len()).sum::<usize>();
            let there = there.remove(&(day, node)).unwrap_or_default();
            if there.iter().all(|one| whole.contains(one)) {
                self.bring(whole, &there)?;
            } else if is_part(&there, &whole) {
                self.copied.count(&whole);
                self.to.replace(&mut [Ok(whole)].into_iter())?;
            } else {
                self.copied.differences.push(format!(
                    "site {}, {day}, node {node}: the target holds other rows of it, which were left as they are",
                    site.0
                ));
            }
        }
        Ok(rows)
    }

    /// Brings the releases of a day and node that are not there, in order: its close comes last.
    fn bring(&mut self, whole: Vec<Release>, there: &[Release]) -> Result<()> {
        self.copied.found += there.len();
        let missing: Vec<Release> = whole.into_iter().filter(|one| !there.contains(one)).collect();
        self.copied.count(&missing);
        Ok(missing.iter().try_for_each(|release| self.to.insert(release))?)
    }

    /// Compares what both stores add up to, by day, table and family, and the closes.
    fn compare(&mut self, site: SiteId) -> Result<()> {
        let extents = [self.from.extent(site)?, self.to.extent(site)?];
        let known = extents.into_iter().flatten();
        let days = known.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))).unwrap_or((Day(1), Day(0)));
        let found = &mut self.copied.differences;
        for query in queries(days) {
            let [ours, theirs] = [sums(self.from, site, &query)?, sums(self.to, site, &query)?];
            for day in both(&ours, &theirs) {
                let (ours, theirs) = (ours.get(day), theirs.get(day));
                if ours != theirs {
                    let (table, family) = (query.table.name(), query.family.name());
                    let sums = differing(query.table, ours, theirs);
                    found.push(format!("site {}, {day}, {table} by {family}: {sums}", site.0));
                }
            }
        }
        let [ours, theirs] = [closes(self.from, site, days)?, closes(self.to, site, days)?];
        for unit in both(&ours, &theirs).filter(|unit| ours.get(unit) != theirs.get(unit)) {
            let (day, node) = unit;
            found.push(format!("site {}, {day}, node {node}: its close is not the same", site.0));
        }
        found.dedup();
        Ok(())
    }
}

/// Releases by day and node.
fn units(releases: Vec<Release>) -> Units {
    let mut units = Units::new();
    for release in releases {
        units.entry((release.id.day, release.id.node)).or_default().push(release);
    }
    units
}

/// Whether nothing is there that the whole does not have, though releases lack rows or a close.
fn is_part(there: &[Release], whole: &[Release]) -> bool {
    let whole: BTreeMap<ReleaseId, &Release> = whole.iter().map(|one| (one.id, one)).collect();
    there.iter().all(|part| {
        whole.get(&part.id).is_some_and(|whole| {
            holds_all(&whole.rows, &part.rows) && (part.close.is_none() || part.close == whole.close)
        })
    })
}

/// Whether sorted rows hold all of others.
fn holds_all(whole: &[Row], part: &[Row]) -> bool {
    let mut whole = whole.iter();
    part.iter().all(|row| whole.any(|one| one == row))
}

/// What is compared: the rows of every kind, and what a store may have added up of them beforehand.
fn queries(days: (Day, Day)) -> impl Iterator<Item = Query> {
    let kinds =
        Table::ALL.into_iter().flat_map(|table| table.families().iter().map(move |one| (table, *one)));
    kinds.flat_map(move |(table, family)| {
        let by_row = if has_hour(table, family) { Column::Hour } else { columns(table, family)[0] };
        let query = |group| Query { table, family, days, group, filters: Vec::new() };
        [query(vec![Column::Day, by_row]), query(vec![Column::Day])]
    })
}

fn sums(store: &dyn Store, site: SiteId, query: &Query) -> Result<BTreeMap<String, Vec<i64>>, StoreError> {
    let mut sums: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for group in store.read(site, query, &AsOf::default())? {
        let day = sums.entry(group.keys[0].to_string()).or_insert_with(|| vec![0; group.sums.len()]);
        day.iter_mut().zip(group.sums).for_each(|(sum, n)| *sum += n);
    }
    sums.retain(|_, sums| sums.iter().any(|&n| n != 0));
    Ok(sums)
}

fn closes(store: &dyn Store, site: SiteId, days: (Day, Day)) -> Result<BTreeMap<(Day, u32), DayRow>> {
    let closes = store.days(site, days.0, days.1)?;
    Ok(closes.into_iter().map(|close| ((close.day, close.node), close)).collect())
}

/// The keys of either, in order.
fn both<'a, K: Ord, V>(one: &'a BTreeMap<K, V>, other: &'a BTreeMap<K, V>) -> impl Iterator<Item = &'a K> {
    let keys: std::collections::BTreeSet<&K> = one.keys().chain(other.keys()).collect();
    keys.into_iter()
}

fn differing(table: Table, ours: Option<&Vec<i64>>, theirs: Option<&Vec<i64>>) -> String {
    let at = |sums: Option<&Vec<i64>>, at: usize| sums.map_or(0, |sums| sums[at]);
    let counters = table.counters().iter().enumerate();
    let told = counters.map(|(n, name)| (name, at(ours, n), at(theirs, n)));
    let told = told.filter(|(_, ours, theirs)| ours != theirs);
    let words =
        told.map(|(name, ours, theirs)| format!("{name} {ours} in the source, {theirs} in the target"));
    words.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{
            Text,
            counters::Counter,
            day::Hour,
            row::{Family, FamilySize},
        },
        store::duckdb::{DuckStore, Limits},
    };

    const FIRST: Day = Day(20_000);
    const SITES: [SiteId; 2] = [SiteId(0), SiteId(3)];

    /// A store in a file: those in memory spill to one folder that they share.
    struct Kept {
        store: DuckStore,
        _folder: tempfile::TempDir,
    }

    impl std::ops::Deref for Kept {
        type Target = DuckStore;

        fn deref(&self) -> &DuckStore {
            &self.store
        }
    }

    fn store() -> Kept {
        let folder = tempfile::tempdir_in("/dev/shm").unwrap();
        let limits = Limits { memory_mb: 256, threads: 1 };
        Kept { store: DuckStore::open(&folder.path().join("rows.duckdb"), &limits).unwrap(), _folder: folder }
    }

    fn row(table: Table, family: Family, day: Day, page: &str, n: i64) -> Row {
        let keys = columns(table, family).iter().map(|column| match column {
            Column::Kind => Text::from("page"),
            _ => page.into(),
        });
        let hour = has_hour(table, family).then_some(Hour(9));
        let counts = vec![n; table.counters().len()].into();
        Row { table, family, day, hour, keys: keys.collect(), counts }
    }

    fn release(site: SiteId, day: Day, number: u32, node: u32) -> Release {
        let id = ReleaseId { site, day, node, number };
        let mut rows = Vec::new();
        for table in Table::ALL {
            for &family in table.families() {
                rows.push(row(table, family, day, "a/", 2 + i64::from(number)));
                rows.push(row(table, family, day, "a/b", 7));
            }
        }
        rows.sort();
        let sizes = vec![FamilySize { family: Family::Place, smallest: 5, told_visits: 9, visits: 10 }];
        let close = DayRow {
            site,
            day,
            node,
            closed_at_hour: i64::from(day.0 + 1) * 86_400,
            k: 5,
            salt_epochs: 1,
            settings_version: 4,
            sizes,
            corrected: day == FIRST,
        };
        Release { id, rows, close: (number == 2 && day != FIRST.plus(2)).then_some(close) }
    }

    /// Two sites of three days, one of them not closed, with two collectors.
    fn releases() -> Vec<Release> {
        let days = (0..3).flat_map(|day| [(day, 0), (day, 5)]);
        let units = days.flat_map(|(day, node)| SITES.map(|site| (site, FIRST.plus(day), node)));
        units.flat_map(|(site, day, node)| [1, 2].map(|number| release(site, day, number, node))).collect()
    }

    fn source() -> Kept {
        let store = store();
        releases().iter().for_each(|one| store.insert(one).unwrap());
        store
    }

    fn everything(store: &dyn Store) -> Vec<Vec<Release>> {
        SITES.map(|site| store.releases(site, Day(0), Day(30_000)).unwrap()).into()
    }

    fn copied(from: &dyn Store, to: &dyn Store) -> Result<String, String> {
        copy(from, to, &|_| {}).unwrap().words()
    }

    #[test]
    fn a_copy_has_every_release_close_and_sum_and_a_second_one_finds_them() {
        let (from, to) = (source(), store());
        let said = copied(&*from, &*to).unwrap();
        assert!(said.contains("copied 24 releases with 672 rows; 0 releases were there before"), "{said}");
        assert_eq!(everything(&*to), everything(&*from));
        let said = copied(&*from, &*to).unwrap();
        assert!(said.contains("copied 0 releases with 0 rows; 24 releases were there before"), "{said}");
        assert!(copy(&*store(), &*to, &|_| {}).unwrap_err().to_string().contains("nothing to copy"));
    }

    #[test]
    fn what_an_interrupted_copy_left_is_made_whole() {
        let (from, to) = (source(), store());
        for (at, mut part) in releases().into_iter().enumerate().filter(|(at, _)| at % 3 != 0) {
            // Of some releases only some rows came, and no close.
            if at % 2 == 0 {
                part.rows.retain(|row| row.family != Family::Visit);
                part.close = None;
            }
            to.insert(&part).unwrap();
        }
        assert!(copied(&*from, &*to).is_ok());
        assert_eq!(everything(&*to), everything(&*from));
        // A day that went on since.
        let more = release(SITES[1], FIRST.plus(2), 3, 0);
        from.insert(&more).unwrap();
        let said = copied(&*from, &*to).unwrap();
        assert!(said.contains("copied 1 release ") && said.contains("24 releases were there"), "{said}");
        assert_eq!(everything(&*to), everything(&*from));
    }

    #[test]
    fn a_row_that_differs_is_told_and_left_alone() {
        let (from, to) = (source(), store());
        for mut one in releases() {
            if (one.id.site, one.id.day, one.id.number) == (SITES[1], FIRST.plus(1), 1) {
                let changed = one.rows.iter_mut().find(|row| row.family == Family::Place).unwrap();
                changed.counts[Counter::Visits as usize] += 1;
            }
            to.insert(&one).unwrap();
        }
        let before = everything(&*to);
        let said = copied(&*from, &*to).unwrap_err();
        assert!(said.contains("site 3, 2024-10-05, node 0: the target holds other rows of it"), "{said}");
        assert!(said.contains("pages by place: visits 42 in the source, 44 in the target"), "{said}");
        assert_eq!(everything(&*to), before);
    }

    #[test]
    fn days_and_closes_that_only_one_has_are_told() {
        let (from, to) = (source(), store());
        copied(&*from, &*to).unwrap();
        to.insert(&release(SITES[1], FIRST.plus(9), 2, 0)).unwrap();
        let said = copied(&*from, &*to).unwrap_err();
        assert!(said.contains("visits 0 in the source, 11 in the target"), "{said}");
        assert!(said.contains("2024-10-13, node 0: its close is not the same"), "{said}");
    }

    #[test]
    fn many_differences_are_counted_and_the_first_are_told() {
        let differences = (0..DIFFERENCES_MAX + 3).map(|n| format!("place {n}.")).collect();
        let said = Copied { differences, ..Copied::default() }.words().unwrap_err();
        assert!(said.contains("differ at 53 places") && said.ends_with("and 3 more"), "{said}");
        assert!(said.contains("place 49.") && !said.contains("place 50."), "{said}");
    }
}
