//! The suites of all stores, and what is DuckDB's own.

use super::*;
use crate::{
    domain::{
        day::Hour,
        row::{Family, Row, Table, columns, has_hour},
    },
    store::conformance::{Shape, conformance},
};

fn store() -> DuckStore {
    DuckStore::in_memory(&Limits { memory_mb: 256, threads: 1 }).unwrap()
}

#[test]
fn it_conforms() {
    let store = store();
    conformance(&store, &Shape::small());
}

#[test]
fn it_survives_every_fault_with_each_count_once() {
    crate::store::faults::faults(store);
}

#[test]
fn a_file_conforms() {
    let dir = tempfile::tempdir().unwrap();
    let store = DuckStore::open(&dir.path().join("rows.duckdb"), &Limits::default()).unwrap();
    conformance(&store, &Shape { seed: 2, ..Shape::small() });
}

#[test]
fn the_log_is_folded_into_the_file_early() {
    let dir = tempfile::tempdir().unwrap();
    let store = DuckStore::open(&dir.path().join("rows.duckdb"), &Limits::default()).unwrap();
    let day = Day(20_779);
    let row = |n: usize, number: u32| Row {
        table: Table::Pages,
        family: Family::Page,
        day,
        hour: Some(Hour(3)),
        keys: ["page".into(), format!("example.com/{number}/{n}").into()].into(),
        counts: vec![1; Table::Pages.counters().len()].into(),
    };
    for number in 1..=12 {
        let rows = (1_000..2_000).map(|n| row(n, number)).collect();
        let id = ReleaseId { site: SiteId(1), day, node: 0, number };
        store.insert(&Release { id, rows, close: None }).unwrap();
        let log = std::fs::metadata(dir.path().join("rows.duckdb.wal")).map_or(0, |log| log.len());
        assert!(log < 2 << 20, "{log} bytes after {number} releases");
    }
}

#[track_caller]
fn has_columns(store: &DuckStore, table: &str, expected: &[&str]) {
    let sql = "SELECT column_name FROM duckdb_columns() WHERE table_name = ? ORDER BY column_index";
    let found: Vec<String> = store
        .reading(|connection| connection.prepare(sql)?.query_map(params![table], |row| row.get(0))?.collect())
        .unwrap();
    assert_eq!(found, expected, "{table}");
}

#[test]
fn the_schema_has_the_columns_of_the_domain() {
    let store = store();
    for table in Table::ALL {
        for &family in table.families() {
            let mut expected = vec!["site", "day"];
            expected.extend(has_hour(table, family).then_some("hour"));
            expected.extend(columns(table, family).iter().map(|column| column.name()));
            expected.extend(table.counters());
            expected.extend(["node", "release"]);
            has_columns(&store, &sql::located(table, family), &expected);
        }
    }
    for family in daily::FAMILIES {
        let mut expected = vec!["site", "day"];
        expected.extend(daily::keys(family).into_iter().map(|column| column.name()));
        expected.extend(Table::Pages.counters());
        has_columns(&store, &daily::name(family), &expected);
    }
}

#[test]
fn a_file_survives_and_a_newer_one_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rows.duckdb");
    for _ in 0..2 {
        DuckStore::open(&path, &Limits::default()).unwrap().checkpoint().unwrap();
    }
    let store = DuckStore::open(&path, &Limits::default()).unwrap();
    store.writer().execute_batch("INSERT INTO migrations VALUES (99, 'x')").unwrap();
    drop(store);
    let opened = DuckStore::open(&path, &Limits::default());
    assert!(matches!(opened, Err(StoreError::Newer { found: 99, known: NEWEST })));
}

#[test]
fn what_readers_and_memory_may_take_is_bounded() {
    let store = DuckStore::in_memory(&Limits { memory_mb: 128, threads: 1 }).unwrap();
    let depth = IDLE_MAX + 2;
    fn nested(store: &DuckStore, depth: usize) -> String {
        let ask = |connection: &Connection| match depth {
            0 => connection.query_row("SELECT current_setting('max_memory')", [], |row| row.get(0)),
            _ => Ok(nested(store, depth - 1)),
        };
        store.reading(ask).unwrap()
    }
    assert_eq!(nested(&store, depth), "122.0 MiB");
    assert_eq!(store.idle().len(), IDLE_MAX);
}

/// Far more statements than a reader keeps, each twice: the oldest made room, and is prepared again.
#[test]
fn a_reader_that_has_forgotten_a_statement_prepares_it_again() {
    let store = store();
    for _ in 0..2 {
        for n in 0..3 * STATEMENTS_MAX {
            let ask = |connection: &Connection| {
                connection.prepare_cached(&format!("SELECT {n}"))?.query_row([], |row| row.get(0))
            };
            assert_eq!(store.reading::<usize>(ask).unwrap(), n);
        }
    }
    assert_eq!(store.idle().len(), 1, "one reader was asked all of it");
}

#[test]
fn a_reader_waits_for_no_writer() {
    let store = store();
    assert!(store.idle().is_empty(), "the reader must be a new one");
    let writing = store.writer();
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(|| tell.send(store.last_release(SiteId(1), Day(20_779), 0)));
        let answer = told.recv_timeout(std::time::Duration::from_secs(20));
        drop(writing);
        assert_eq!(answer.expect("answered while a writer works").unwrap(), 0);
    });
}

#[test]
fn a_migration_applied_in_another_form_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rows.duckdb");
    let store = DuckStore::open(&path, &Limits::default()).unwrap();
    store.writer().execute_batch("UPDATE migrations SET checksum = 'other'").unwrap();
    drop(store);
    assert!(matches!(DuckStore::open(&path, &Limits::default()), Err(StoreError::Refused(_))));
}

#[test]
fn no_extension_and_no_other_file_can_be_reached() {
    let store = store();
    for sql in ["SELECT * FROM read_text('/etc/hostname')", "INSTALL httpfs", "COPY days TO 'x.csv'"] {
        assert!(store.writer().execute_batch(sql).is_err(), "{sql}");
    }
}

/// What DuckDB's tables take in memory, and its bound.
fn memory_of(store: &DuckStore) -> (i64, String) {
    let sql = "SELECT sum(memory_usage_bytes)::BIGINT, current_setting('memory_limit') FROM duckdb_memory()";
    store.reading(|connection| connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))).unwrap()
}

#[test]
fn a_sweep_leaves_the_bound_the_answers_and_readers_as_they_were() {
    let dir = tempfile::tempdir().unwrap();
    let store = DuckStore::open(&dir.path().join("rows.duckdb"), &Limits::default()).unwrap();
    conformance(&store, &Shape::small());
    store.checkpoint().unwrap();
    let (before, sums) = (store.sums().unwrap(), memory_of(&store));
    assert!(store.cache.sweep(&store.writer()));
    let swept = memory_of(&store);
    assert!(swept.0 < sums.0 / 2, "{swept:?} after {sums:?}");
    assert_eq!(swept.1, sums.1);
    assert_eq!(store.sums().unwrap(), before);
    let _reader = store.cache.held();
    assert!(!store.cache.sweep(&store.writer()), "somebody reads");
}
