//! What every store must do, as one suite: a new adapter joins by calling [`conformance`].
//!
//! Panics where the store differs from `Query::evaluate` over the same rows. For tests only.

mod whole;

use std::collections::BTreeSet;

use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};

use super::{AsOf, Holding, Store, StoreError};
use crate::domain::{
    Text,
    day::{Day, Hour},
    declaration::SiteId,
    query::{Condition, Operator, Query},
    row::{
        Column, DayRow, Family, FamilySize, KIND_PAGE, KIND_SECTION, Release, ReleaseId, Row, Table, columns,
        has_hour,
    },
};

/// How much the suite does.
#[derive(Clone, Debug)]
pub struct Shape {
    pub seed: u64,
    pub releases: u32,
    pub rows: usize,
    pub queries: usize,
}

impl Shape {
    pub fn small() -> Shape {
        Shape { seed: 1, releases: 12, rows: 60, queries: 300 }
    }
}

const FIRST: Day = Day(20_000);
const WORDS: [&str; 12] = [
    "*",
    "",
    "(none)",
    "(other)",
    "a",
    "A",
    "a/b",
    "a/b%",
    "a_b/c\\d",
    "x.example/päev",
    "x.example/",
    "'; --",
];

/// Runs the whole suite against an empty store.
pub fn conformance(store: &dyn Store, shape: &Shape) {
    let mut random = StdRng::seed_from_u64(shape.seed);
    let releases = releases(&mut random, shape);
    inserts_are_exactly_once(store, &releases);
    reads_agree(store, &releases, &mut random, shape.queries);
    days_are_listed(store, &releases);
    malformed_rows_are_refused(store);
    whole::whole_days(store, &releases);
    erases(store, &releases);
    whole::corrections(store, &releases);
}

/// Random plans over the same releases in several empty stores: all agree with the recount.
pub fn agreement(stores: &[&dyn Store], shape: &Shape) {
    let mut random = StdRng::seed_from_u64(shape.seed);
    let releases = releases(&mut random, shape);
    for store in stores {
        releases.iter().for_each(|release| store.insert(release).expect("a release is inserted"));
    }
    for _ in 0..shape.queries {
        let (site, query) = (SiteId(random.random_range(1..3)), query(&mut random));
        let as_of = as_of(&mut random, &releases, site);
        let expected = query.evaluate(visible(&releases, site, &as_of));
        for (at, store) in stores.iter().enumerate() {
            let found = store.read(site, &query, &as_of).expect("a read is answered");
            assert_eq!(found, expected, "store {at}: {query:?} as of {as_of:?}");
        }
    }
}

fn pick(random: &mut StdRng) -> Text {
    (*WORDS.choose(random).expect("the list is not empty")).into()
}

fn text(random: &mut StdRng, column: Column) -> Text {
    match column {
        Column::Kind => (*[KIND_PAGE, KIND_SECTION].choose(random).expect("not empty")).into(),
        _ => pick(random),
    }
}

fn row(random: &mut StdRng, day: Day) -> Row {
    let table = *Table::ALL.choose(random).expect("the list is not empty");
    let family = *table.families().choose(random).expect("each table has a family");
    Row {
        table,
        family,
        day,
        hour: has_hour(table, family).then(|| Hour(random.random_range(0..24))),
        keys: columns(table, family).iter().map(|&column| text(random, column)).collect(),
        counts: table.counters().iter().map(|_| random.random_range(-3..1_000_000_000)).collect(),
    }
}

fn releases(random: &mut StdRng, shape: &Shape) -> Vec<Release> {
    let mut out: Vec<Release> = Vec::new();
    for _ in 0..shape.releases {
        let (site, node) = (SiteId(random.random_range(1..3)), random.random_range(0..2));
        let day = FIRST.plus(random.random_range(0..5));
        let before =
            out.iter().filter(|one| (one.id.site, one.id.day, one.id.node) == (site, day, node)).count();
        let mut rows: Vec<Row> = (0..shape.rows).map(|_| row(random, day)).collect();
        rows.sort();
        // As a close makes them: a key is one row.
        rows.dedup_by(|a, b| same_key(a, b));
        let id = ReleaseId { site, day, node, number: before as u32 + 1 };
        out.push(Release { id, rows, close: (before == 0).then(|| close(id)) });
    }
    out
}

fn same_key(a: &Row, b: &Row) -> bool {
    (a.table, a.family, a.hour, &a.keys) == (b.table, b.family, b.hour, &b.keys)
}

fn close(id: ReleaseId) -> DayRow {
    DayRow {
        site: id.site,
        day: id.day,
        node: id.node,
        closed_at_hour: i64::from(id.day.0) * 86_400,
        k: 5,
        salt_epochs: 1,
        settings_version: 7,
        sizes: vec![FamilySize { family: Family::Place, smallest: 5, told_visits: 90, visits: 100 }],
        corrected: false,
    }
}

fn inserts_are_exactly_once(store: &dyn Store, releases: &[Release]) {
    for release in releases {
        assert!(!store.holds(release.id).expect("holds answers"), "not yet there");
        store.insert(release).expect("a release is inserted");
        store.insert(release).expect("again is no error");
        assert!(store.holds(release.id).expect("holds answers"), "there");
        let ReleaseId { site, day, node, number } = release.id;
        assert_eq!(store.last_release(site, day, node).expect("the last is known"), number);
        assert_eq!(store.last_release(site, day, node + 7).expect("the last is known"), 0);
        // Another content under the same identity changes nothing either.
        let other = Release { rows: Vec::new(), ..release.clone() };
        store.insert(&other).expect("again is no error");
    }
}

fn visible<'a>(releases: &'a [Release], site: SiteId, as_of: &AsOf) -> Vec<&'a Row> {
    let seen = |id: &ReleaseId| {
        id.site == site
            && as_of
                .open
                .iter()
                .all(|&(day, node, last)| (id.day, id.node) != (day, node) || id.number <= last)
    };
    releases.iter().filter(|one| seen(&one.id)).flat_map(|one| &one.rows).collect()
}

fn query(random: &mut StdRng) -> Query {
    let table = *Table::ALL.choose(random).expect("the list is not empty");
    let family = *table.families().choose(random).expect("each table has a family");
    let mut known: Vec<Column> = columns(table, family).to_vec();
    known.extend([Column::Day, Column::Hour, Column::Host]);
    let group: BTreeSet<Column> =
        (0..random.random_range(0..4)).filter_map(|_| known.choose(random).copied()).collect();
    let mut filters = Vec::new();
    if known.contains(&Column::Kind) && random.random_bool(0.5) {
        filters.push(Condition::is(Column::Kind, text(random, Column::Kind)));
    }
    for _ in 0..random.random_range(0..3) {
        filters.push(condition(random, &known));
    }
    let first = FIRST.plus(random.random_range(-1..5));
    Query {
        table,
        family,
        days: (first, first.plus(random.random_range(0..5))),
        group: group.into_iter().collect(),
        filters,
    }
}

fn condition(random: &mut StdRng, known: &[Column]) -> Condition {
    use Operator::*;
    let operators = [Is, IsNot, Contains, ContainsNot, Prefix, Matches, MatchesNot];
    // Sometimes a column that the family does not carry: nothing satisfies it.
    let column = match random.random_range(0..20) {
        0 => Column::Language,
        _ => *known.choose(random).expect("the list is not empty"),
    };
    let operator = *operators.choose(random).expect("the list is not empty");
    let mut values: Vec<Text> = (0..random.random_range(1..3)).map(|_| pick(random)).collect();
    match column {
        Column::Hour => values.push(random.random_range(0..24).to_string().into()),
        Column::Day => values.push(FIRST.plus(random.random_range(0..5)).to_string().into()),
        _ => values.push(
            (*["*/b*", "a_*", "a*", "*%", "*\\*", "x.example"].choose(random).expect("not empty")).into(),
        ),
    }
    Condition { column, operator, values }
}

fn as_of(random: &mut StdRng, releases: &[Release], site: SiteId) -> AsOf {
    let mut as_of = AsOf::default();
    for one in releases.iter().filter(|one| one.id.site == site) {
        if random.random_bool(0.2) {
            as_of.open.push((one.id.day, one.id.node, one.id.number - random.random_range(0..2)));
        }
    }
    as_of
}

fn reads_agree(store: &dyn Store, releases: &[Release], random: &mut StdRng, queries: usize) {
    let mut answered = 0;
    for _ in 0..queries {
        let (site, query) = (SiteId(random.random_range(1..3)), query(random));
        let as_of = as_of(random, releases, site);
        let expected = query.evaluate(visible(releases, site, &as_of));
        let found = store.read(site, &query, &as_of).expect("a read is answered");
        assert_eq!(found, expected, "{query:?} as of {as_of:?}");
        answered += usize::from(!expected.is_empty());
    }
    assert!(answered * 4 > queries, "the queries must mostly find something, or they show nothing");
}

fn days_are_listed(store: &dyn Store, releases: &[Release]) {
    let site = SiteId(1);
    let mut expected: Vec<&DayRow> =
        releases.iter().filter_map(|one| one.close.as_ref()).filter(|close| close.site == site).collect();
    expected.sort_by_key(|close| (close.day, close.node));
    let found = store.days(site, FIRST, FIRST.plus(9)).expect("days are listed");
    assert_eq!(found.iter().collect::<Vec<_>>(), expected);
    assert_eq!(store.days(site, FIRST.plus(-9), FIRST.plus(-1)).expect("days are listed"), []);
    let days: BTreeSet<Day> =
        releases.iter().filter(|one| one.id.site == site).map(|one| one.id.day).collect();
    let extent = days.first().copied().zip(days.last().copied());
    assert_eq!(store.extent(site).expect("the extent is known"), extent);
    assert_eq!(store.extent(SiteId(99)).expect("the extent is known"), None);
    assert_eq!(store.holdings(site).expect("holdings are known"), held(releases, site));
    assert_eq!(store.holdings(SiteId(99)).expect("holdings are known"), []);
}

/// What a store holds of a site, counted by hand.
fn held(releases: &[Release], site: SiteId) -> Vec<Holding> {
    let rows: Vec<&Row> = visible(releases, site, &AsOf::default());
    let mut all = Vec::new();
    for table in Table::ALL {
        for &family in table.families() {
            let of: Vec<_> = rows.iter().filter(|row| row.table == table && row.family == family).collect();
            let days = of.iter().map(|row| row.day);
            let (Some(first), Some(last)) = (days.clone().min(), days.max()) else { continue };
            let tells =
                |at: usize| of.iter().filter(|row| !["", "*", "(none)"].contains(&&*row.keys[at])).count();
            let telling = (0..columns(table, family).len()).map(|at| tells(at) as u64).collect();
            all.push(Holding { table, family, rows: of.len() as u64, first, last, telling });
        }
    }
    all
}

fn malformed_rows_are_refused(store: &dyn Store) {
    let id = ReleaseId { site: SiteId(77), day: FIRST, node: 0, number: 1 };
    let row = Row {
        table: Table::Flows,
        family: Family::Page,
        day: FIRST,
        hour: None,
        keys: Box::new(["only one".into()]),
        counts: Box::new([1]),
    };
    let refused = store.insert(&Release { id, rows: vec![row], close: None });
    assert!(matches!(refused, Err(StoreError::Refused(_))), "{refused:?}");
    assert!(!store.holds(id).expect("holds answers"));
}

fn erases(store: &dyn Store, releases: &[Release]) {
    let (site, kept_from) = (SiteId(1), FIRST.plus(2));
    let everything = |site| {
        let mut sums = Vec::new();
        for table in Table::ALL {
            for &family in table.families() {
                let days = (FIRST.plus(-1), FIRST.plus(9));
                let query = Query { table, family, days, group: vec![Column::Day], filters: Vec::new() };
                sums.push((
                    query.clone(),
                    store.read(site, &query, &AsOf::default()).expect("a read is answered"),
                ));
            }
        }
        sums
    };
    let others = everything(SiteId(2));
    store.erase(site, Some(kept_from)).expect("days are erased");
    let rows = visible(releases, site, &AsOf::default());
    for (query, found) in everything(site) {
        assert_eq!(found, query.evaluate(rows.iter().copied().filter(|row| row.day >= kept_from)));
    }
    store.erase(site, None).expect("a site is erased");
    assert!(everything(site).iter().all(|(_, found)| found.is_empty()));
    assert_eq!(store.extent(site).expect("the extent is known"), None);
    assert_eq!(store.days(site, FIRST, FIRST.plus(9)).expect("days are listed"), []);
    assert_eq!(everything(SiteId(2)), others, "another site's rows are not touched");
}
