//! Whole days: read as releases, put back, copied, corrected, made another site's.

use std::collections::BTreeMap;

use super::{FIRST, visible};
use crate::{
    domain::{
        Text,
        counters::Counter,
        day::Day,
        declaration::SiteId,
        query::{Condition, Group, Query},
        row::{Column, Family, Release, Row, Table, columns},
    },
    store::{
        AsOf, Store, StoreError,
        duckdb::{DuckStore, Limits},
    },
    verify::strange_columns,
};

const ONE: SiteId = SiteId(1);
const TWO: SiteId = SiteId(2);
const LAST: Day = Day(FIRST.0 + 9);

/// Everything of a site, by table and family: day, all keys, and sums.
fn everything(store: &dyn Store, site: SiteId) -> Vec<(Query, Vec<Group>)> {
    let queries = Table::ALL.into_iter().flat_map(|table| {
        // Of each kind the question that rows answer, and the one that sums of days may answer.
        let asked = move |family: &Family| {
            let mut all = vec![Column::Day];
            all.extend(columns(table, *family));
            let kind = columns(table, *family).contains(&Column::Kind);
            let filters = if kind { vec![Condition::is(Column::Kind, "page")] } else { Vec::new() };
            let query = |group, filters| Query {
                table,
                family: *family,
                days: (FIRST.plus(-1), LAST),
                group,
                filters,
            };
            [query(all, Vec::new()), query(vec![Column::Day], filters)]
        };
        table.families().iter().flat_map(asked).collect::<Vec<_>>()
    });
    let read = |query: Query| {
        let found = store.read(site, &query, &AsOf::default()).expect("a read is answered");
        (query, found)
    };
    queries.map(read).collect()
}

/// What the store must say of a site whose rows are these.
#[track_caller]
fn holds_rows<'a>(store: &dyn Store, site: SiteId, rows: impl Iterator<Item = &'a Row> + Clone, what: &str) {
    for (query, found) in everything(store, site) {
        assert_eq!(found, query.evaluate(rows.clone()), "{what}: {query:?}");
    }
}

fn of_site(releases: &[Release], site: SiteId) -> Vec<Release> {
    let mut found: Vec<Release> = releases.iter().filter(|one| one.id.site == site).cloned().collect();
    found.sort_by_key(|one| one.id);
    // A close is told with the last release of its node, whichever brought it.
    let mut closes = BTreeMap::new();
    for one in &mut found {
        closes.extend(one.close.take().map(|close| ((close.day, close.node), close)));
    }
    for at in 0..found.len() {
        let unit = (found[at].id.day, found[at].id.node);
        if found.get(at + 1).is_none_or(|next| (next.id.day, next.id.node) != unit) {
            found[at].close = closes.remove(&unit);
        }
    }
    found
}

/// Reading whole days, and putting them in the place of damaged ones.
pub(super) fn whole_days(store: &dyn Store, releases: &[Release]) {
    assert_eq!(store.sites().expect("sites are listed"), [ONE, TWO]);
    let sound = of_site(releases, ONE);
    assert_eq!(store.releases(ONE, FIRST, LAST).expect("releases are read"), sound);
    let (first, before) = (everything(store, ONE), everything(store, TWO));
    let day = sound[0].id.day;
    let of_day: Vec<Release> = sound.iter().filter(|one| one.id.day == day).cloned().collect();
    assert_eq!(store.releases(ONE, day, day).expect("releases are read"), of_day);

    // A day that lost rows, and got others that never were, is as it was.
    let damaged = Release { rows: sound.last().expect("there are some").rows.clone(), ..of_day[0].clone() };
    let damaged = Release { rows: relabelled(damaged.rows, day), ..damaged };
    let mut parts = [Ok(vec![damaged])].into_iter();
    store.replace(&mut parts).expect("a day is replaced");
    assert_ne!(everything(store, ONE), first, "the damage shows");
    // A part that cannot be read undoes those before it.
    let broken = || Err(StoreError::Refused("unreadable".into()));
    let mut parts = [Ok(of_day.clone()), broken()].into_iter();
    assert!(matches!(store.replace(&mut parts), Err(StoreError::Refused(_))));
    assert_ne!(everything(store, ONE), first, "nothing of it was done");
    let mut parts = [Ok(of_day)].into_iter();
    store.replace(&mut parts).expect("a day is replaced");
    assert_eq!(everything(store, ONE), first);
    assert_eq!(store.releases(ONE, FIRST, LAST).expect("releases are read"), sound);
    assert_eq!(everything(store, TWO), before, "another site's rows are not touched");
    copies(store, releases);
    is_made_of_what_rows_may_say(store);
}

/// No column but those of the domain's list, and no row that carries what its family has not.
fn is_made_of_what_rows_may_say(store: &dyn Store) {
    let tables = store.anatomy().expect("a store says what it is made of");
    assert_eq!(strange_columns(&tables), [] as [String; 0]);
    for table in Table::ALL {
        let there = tables.iter().any(|one| one.name.starts_with(table.name()) && one.columns.len() > 4);
        assert!(there, "{} is among {tables:?}", table.name());
    }
    assert!(tables.iter().all(|table| table.strays.is_empty()), "{tables:?}");
}

fn relabelled(rows: Vec<Row>, day: Day) -> Vec<Row> {
    rows.into_iter().map(|row| Row { day, ..row }).collect()
}

fn copies(store: &dyn Store, releases: &[Release]) {
    let folder = tempfile_folder();
    let path = folder.join("copy.duckdb");
    store.copy(&path).expect("a copy is made");
    assert!(store.copy(&path).is_err(), "nothing is written over");
    let copy = DuckStore::open(&path, &Limits { memory_mb: 128, threads: 1 }).expect("the copy opens");
    for site in [ONE, TWO] {
        assert_eq!(everything(&copy, site), everything(store, site));
        assert_eq!(copy.releases(site, FIRST, LAST).expect("releases are read"), of_site(releases, site));
    }
    drop(copy);
    std::fs::remove_dir_all(folder).expect("the folder goes");
}

fn tempfile_folder() -> std::path::PathBuf {
    let name = format!("mayfly-conformance-{}-{:x}", std::process::id(), rand::random::<u64>());
    let folder = std::env::temp_dir().join(name);
    std::fs::create_dir(&folder).expect("a folder is made");
    folder
}

/// What is left after the erasures before: the rows of site two.
pub(super) fn corrections(store: &dyn Store, releases: &[Release]) {
    let rows: Vec<Row> = visible(releases, TWO, &AsOf::default()).into_iter().cloned().collect();
    let source: Text = "a".into();
    let last = FIRST.plus(2);
    let goes = |row: &Row| row.key(Column::Source) == Some(&source) && row.day <= last;
    let found = store.forget(TWO, &source, last).expect("a source is forgotten");
    assert!(!found.is_empty(), "there is something to forget");
    for one in &found {
        let of_day = || rows.iter().filter(|row| goes(row) && row.day == one.day);
        let visits = of_day().filter(|row| (row.table, row.family) == (Table::Pages, Family::Source));
        assert_eq!(one.rows, of_day().count() as u64);
        assert_eq!(one.visits, visits.map(|row| row.counts[Counter::Visits as usize]).sum::<i64>());
    }
    let left: Vec<Row> = rows.into_iter().filter(|row| !goes(row)).collect();
    holds_rows(store, TWO, left.iter(), "without the source");
    let days = store.days(TWO, FIRST, LAST).expect("days are listed");
    for day in &days {
        assert_eq!(day.corrected, found.iter().any(|one| one.day == day.day), "{}", day.day);
    }
    assert_eq!(store.forget(TWO, &source, last).expect("again is no error"), []);
    let read = store.releases(TWO, FIRST, LAST).expect("releases are read");
    assert!(read.iter().filter_map(|one| one.close.as_ref()).any(|close| close.corrected));
    merges(store, &left, days.len());
}

/// Site two becomes part of site one, which has the same days, nodes and numbers.
fn merges(store: &dyn Store, rows: &[Row], days: usize) {
    let copied = store.releases(TWO, FIRST, LAST).expect("releases are read");
    let own = copied.into_iter().map(|mut release| {
        release.id.site = ONE;
        release.close.iter_mut().for_each(|close| close.site = ONE);
        release
    });
    store.replace(&mut [Ok(own.collect())].into_iter()).expect("days are put");
    for _ in 0..2 {
        store.merge(TWO, ONE).expect("a site is merged");
        holds_rows(store, ONE, rows.iter().chain(rows), "both");
        assert_eq!(store.extent(TWO).expect("the extent is known"), None);
        assert_eq!(store.days(TWO, FIRST, LAST).expect("days are listed"), []);
    }
    let found = store.days(ONE, FIRST, LAST).expect("days are listed");
    assert_eq!(found.len(), 2 * days, "each collector's close stays its own");
    let merged = found.iter().filter(|day| day.node > 65_535).count();
    assert_eq!(merged, days, "under nodes that no collector can have");
    store.merge(TWO, ONE).expect("again is no error");
    let mut again = store.releases(ONE, FIRST, LAST).expect("releases are read");
    again.retain(|one| one.id.node <= 65_535);
    for one in &again {
        store.insert(one).expect("a release that is there is no error");
    }
    holds_rows(store, ONE, rows.iter().chain(rows), "inserted again");
}
