//! Against a real engine: the suites of all stores, and what is ClickHouse's own.

use std::{
    net::TcpListener,
    path::Path,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
    time::Instant,
};

use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::{
    engine::{Engine, shared},
    *,
};
use crate::{
    domain::{
        Text,
        counters::Counter,
        day::Hour,
        query::{Condition, Operator},
        row::{Column, Family, Row as Kept, Table, columns, has_hour},
    },
    store::{
        conformance::{Shape, agreement, conformance},
        duckdb::{DuckStore, Limits},
        faults::faults,
        kinds,
    },
};

pub(super) const SITE: SiteId = SiteId(7);
/// 4 October 2024.
pub(super) const DAY: Day = Day(20_000);

pub(super) fn at(url: &str) -> ClickStore {
    ClickStore::open(&Address::parse(url).unwrap()).unwrap()
}

pub(super) fn store() -> ClickStore {
    at(&shared().fresh())
}

/// A server that fails when it is told to, for one test at a time; `None` where tests run on a real server.
pub(super) fn failing() -> Option<MutexGuard<'static, Engine>> {
    static ENGINE: OnceLock<(tempfile::TempDir, Mutex<Engine>)> = OnceLock::new();
    let (_, engine) = ENGINE.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let engine = Engine::start(folder.path(), 0, &["--remove"]);
        (folder, Mutex::new(engine))
    });
    let engine = engine.lock().unwrap_or_else(PoisonError::into_inner);
    engine.ours.then_some(engine)
}

pub(super) fn row(table: Table, family: Family, n: usize) -> Kept {
    let key = |column: &Column| -> Text {
        match column {
            Column::Kind => "page".into(),
            _ => format!("{}{n}", column.name()).into(),
        }
    };
    Kept {
        table,
        family,
        day: DAY,
        hour: has_hour(table, family).then_some(Hour(3)),
        keys: columns(table, family).iter().map(key).collect(),
        counts: vec![n as i64; table.counters().len()].into(),
    }
}

/// Rows of three kinds, and a close.
pub(super) fn release(number: u32) -> Release {
    let id = ReleaseId { site: SITE, day: DAY, node: 0, number };
    let of = |(table, family)| (1..=5).map(move |n| row(table, family, n));
    let kinds = [(Table::Pages, Family::Page), (Table::Pages, Family::Source), (Table::Ledger, Family::Page)];
    let close = DayRow {
        site: SITE,
        day: DAY,
        node: 0,
        closed_at_hour: 0,
        k: 5,
        salt_epochs: 1,
        settings_version: 1,
        sizes: Vec::new(),
        corrected: false,
    };
    Release { id, rows: kinds.into_iter().flat_map(of).collect(), close: Some(close) }
}

#[track_caller]
pub(super) fn holds(store: &ClickStore, releases: &[Release]) {
    assert_eq!(store.releases(SITE, DAY, DAY).unwrap().len(), releases.len(), "identities");
    for (table, family) in kinds() {
        let query = Query { table, family, days: (DAY, DAY), group: Vec::new(), filters: Vec::new() };
        let expected = query.evaluate(releases.iter().flat_map(|one| &one.rows));
        let found = store.read(SITE, &query, &AsOf::default()).unwrap();
        assert_eq!(found, expected, "{}/{}", table.name(), family.name());
    }
}

#[test]
fn it_conforms() {
    conformance(&store(), &Shape { queries: 120, ..Shape::small() });
}

/// Plans that are asked of both stores; `make stores` asks for more.
fn plans() -> usize {
    std::env::var("PLANS").map_or(60, |text| text.parse().expect("PLANS is a number"))
}

#[test]
fn both_stores_and_the_recount_agree_on_random_plans() {
    let duckdb = DuckStore::in_memory(&Limits { memory_mb: 128, threads: 1 }).unwrap();
    for seed in 0..plans().div_ceil(500) as u64 {
        let shape = Shape { seed: 100 + seed, releases: 8, rows: 300, queries: plans().min(500) };
        let clickhouse = store();
        agreement(&[&duckdb, &clickhouse], &shape);
        for site in duckdb.sites().unwrap() {
            duckdb.erase(site, None).unwrap();
        }
    }
}

#[test]
fn it_conforms_compressed() {
    let url = shared().fresh().replace("compression=none", "compression=lz4");
    conformance(&at(&url), &Shape { seed: 3, releases: 6, rows: 400, queries: 20 });
}

#[test]
fn it_survives_every_fault_with_each_count_once() {
    faults(store);
}

#[test]
fn a_connection_that_dies_after_the_commit_counts_once() {
    let Some(engine) = failing() else { return };
    let store = at(&engine.fresh());
    // Three kinds of rows, the close and the identity are five inserts: the answer of each is lost once.
    for lost in 0..5 {
        engine.fail(&format!(r#"[{{"call": "insert", "act": "drop_after", "after": {lost}}}]"#));
        store.insert(&release(lost + 1)).unwrap();
        engine.fail("[]");
        let so_far: Vec<Release> = (1..=lost + 1).map(release).collect();
        holds(&store, &so_far);
    }
    // So often that the outcome stays unknown; then before the server has anything.
    for (number, act, lost) in [(6, "drop_after", 0), (7, "drop_after", 2), (8, "drop_before", 1)] {
        let fault = format!(r#"[{{"call": "insert", "act": "{act}", "after": {lost}, "times": 4}}]"#);
        engine.fail(&fault);
        let left = store.insert(&release(number));
        assert!(matches!(left, Err(StoreError::Unknown(_))), "{left:?}");
        engine.fail("[]");
        assert!(!store.holds(release(number).id).unwrap());
        store.insert(&release(number)).unwrap();
        let so_far: Vec<Release> = (1..=number).map(release).collect();
        holds(&store, &so_far);
    }
}

#[test]
fn what_is_busy_is_tried_again_and_what_is_refused_is_not() {
    let Some(engine) = failing() else { return };
    let store = at(&engine.fresh());
    let says = |code: u32, times: u32| {
        let text = format!("Code: {code}. DB::Exception: at page = 'a/b' (NAMED_SO)");
        format!(r#"[{{"call": "insert", "act": "error", "times": {times}, "text": "{text}"}}]"#)
    };
    engine.fail(&says(252, RETRIES.len() as u32));
    store.insert(&release(1)).unwrap();
    engine.fail(&says(252, RETRIES.len() as u32 + 1));
    assert!(matches!(store.insert(&release(2)), Err(StoreError::Unavailable(_))));
    for (code, refused) in [(469, true), (516, false), (60, false)] {
        engine.fail(&says(code, 1));
        let error = store.insert(&release(2)).unwrap_err();
        assert_eq!(matches!(error, StoreError::Refused(_)), refused, "{error}");
        assert!(!refused || !error.to_string().contains("a/b"), "{error}");
    }
    engine.fail("[]");
    store.insert(&release(2)).unwrap();
    holds(&store, &[release(1), release(2)]);
}

#[test]
fn what_was_acknowledged_outlives_the_engine() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::start(folder.path(), 0, &[]);
    let (port, url) = (engine.port, engine.fresh());
    let store = at(&url);
    store.insert(&release(1)).unwrap();
    if engine.ours {
        // The second release is cut in its middle, with an answer lost.
        engine.fail(r#"[{"call": "insert", "act": "drop_after", "after": 1, "times": 4}]"#);
        assert!(store.insert(&release(2)).is_err());
    }
    engine.kill();
    assert!(matches!(store.ready(), Err(StoreError::Unavailable(_))));
    assert!(store.insert(&release(3)).is_err());
    let engine = Engine::start(folder.path(), port, &[]);
    store.ready().unwrap();
    for number in 1..=3 {
        store.insert(&release(number)).unwrap();
    }
    holds(&store, &[1, 2, 3].map(release));
    drop(engine);
}

/// As a day later: the engine was restarted, and remembers no insert.
#[test]
fn a_release_that_comes_again_after_the_window_is_known_by_its_sums() {
    let store = store();
    store.insert(&release(1)).unwrap();
    let forget = |also: &str| {
        for table in whole::DATED {
            store
                .command(
                    &format!("ALTER TABLE {table} MODIFY SETTING non_replicated_deduplication_window = 0"),
                    &[],
                )
                .unwrap();
        }
        store.command(&format!("ALTER TABLE {also} DELETE WHERE site = {}", SITE.0), &[]).unwrap();
    };
    // The answer of the last insert, or of those from the ledger on, was lost before they were done.
    for also in ["releases", "ledger"] {
        forget(also);
        if also == "ledger" {
            forget("releases");
        }
        store.insert(&release(1)).unwrap();
        holds(&store, &[release(1)]);
    }
    // Of a table and family half was taken out: without an identity nothing was acknowledged, and it comes anew.
    forget("releases");
    store.command("ALTER TABLE pages DELETE WHERE family = 'page' AND pageviews = 1", &[]).unwrap();
    store.insert(&release(1)).unwrap();
    holds(&store, &[release(1)]);
}

#[test]
fn what_was_erased_can_come_again() {
    let store = store();
    for _ in 0..2 {
        store.insert(&release(1)).unwrap();
        holds(&store, &[release(1)]);
        store.erase(SITE, None).unwrap();
        holds(&store, &[]);
    }
    store.replace(&mut [Ok(vec![release(1)])].into_iter()).unwrap();
    store.replace(&mut [Ok(vec![release(1)])].into_iter()).unwrap();
    holds(&store, &[release(1)]);
}

#[test]
fn only_the_families_asked_for_are_read() {
    let store = store();
    const ROWS: usize = 20_000;
    const GRANULE: u64 = 8_192;
    for &family in Table::Pages.families() {
        let rows = (0..ROWS).map(|n| row(Table::Pages, family, n)).collect();
        let id = ReleaseId { site: SITE, day: DAY, node: 0, number: family as u32 + 1 };
        store.insert(&Release { id, rows, close: None }).unwrap();
        let other = ReleaseId { day: DAY.plus(40), ..id };
        let rows = (0..ROWS).map(|n| Kept { day: DAY.plus(40), ..row(Table::Pages, family, n) }).collect();
        store.insert(&Release { id: other, rows, close: None }).unwrap();
    }
    for &family in Table::Pages.families() {
        let query = Query {
            table: Table::Pages,
            family,
            days: (DAY, DAY.plus(5)),
            group: Vec::new(),
            filters: Vec::new(),
        };
        let made = sql::compile(SITE, &query, &AsOf::default());
        let asked = made.bound(store.asking(&made.sql)).with_setting("wait_end_of_query", "1");
        let read = store.wait(async {
            let mut answer = asked.fetch::<Answer>().unwrap();
            while answer.next().await.unwrap().is_some() {}
            answer.summary().and_then(|summary| summary.read_rows()).unwrap()
        });
        let own = ROWS as u64;
        assert!((own..=own + 2 * GRANULE).contains(&read), "{}: {read} rows of {own}", family.name());
    }
}

#[test]
fn a_question_has_bounds_in_the_server() {
    let store = store();
    let said = |name: &str| -> u64 {
        let sql = format!("SELECT toUInt64(getSetting('{name}'))");
        store.fetch::<u64>(&store.asking(&sql)).unwrap()[0]
    };
    assert_eq!(said("max_rows_to_read"), READ_ROWS_MAX);
    assert_eq!(said("max_memory_usage"), READ_MEMORY_MAX);
    assert_eq!(said("max_result_rows"), ANSWER_ROWS_MAX);
    assert_eq!(said("log_queries"), 0);
    let seconds = "SELECT toUInt64(toFloat64(getSetting('max_execution_time')))";
    assert_eq!(store.fetch::<u64>(&store.asking(seconds)).unwrap()[0], READ_TIME_MAX.as_secs());
    let many =
        store.asking("SELECT sum(number) FROM numbers(1000000)").with_setting("max_rows_to_read", "1000");
    assert!(matches!(store.fetch::<u64>(&many), Err(StoreError::Refused(_))));
}

/// A store that nobody was asked about yet.
fn unasked(port: u16) -> ClickStore {
    let address = Address::parse(&format!("clickhouse://127.0.0.1:{port}/none")).unwrap();
    ClickStore::unasked(&address).unwrap()
}

#[test]
fn a_server_that_says_nothing_is_not_waited_for() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let store = unasked(silent.local_addr().unwrap().port());
    let begun = Instant::now();
    let error = store.ready().unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    assert!(begun.elapsed() < READY_TIME_MAX * 5, "{:?}", begun.elapsed());
}

#[test]
fn an_insert_that_does_not_move_is_given_up() {
    let short = Duration::from_millis(200);
    // Nobody reads, so that not all of it leaves.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut store = unasked(silent.local_addr().unwrap().port());
    let long = Duration::from_secs(600);
    store.waits = Waits { write: long, send: short, answer: long };
    let id = release(1).id;
    let mut noise = vec![0; 16 << 20];
    StdRng::seed_from_u64(1).fill(&mut noise[..]);
    let sent = write::Writing { store: &store, id, erased: 0, expires: 0 }.send("pages", "page", &noise);
    assert!(matches!(sent, Err(StoreError::Unknown(_))), "{sent:?}");
    // All of it has left, and no answer comes.
    store.waits = Waits { write: short, send: long, answer: short };
    let sent = write::Writing { store: &store, id, erased: 0, expires: 0 }.send("pages", "page", b"few");
    assert!(matches!(sent, Err(StoreError::Unknown(_))), "{sent:?}");
    let erased = store.erase(SITE, None);
    assert!(matches!(erased, Err(StoreError::Unknown(_))), "{erased:?}");
}

#[test]
fn a_newer_or_another_schema_is_refused() {
    let url = shared().fresh();
    drop(at(&url));
    let store = at(&url);
    let note = "INSERT INTO migrations (number, checksum) SELECT 99, 'x'";
    store.command(note, &[]).unwrap();
    let opened = ClickStore::open(&Address::parse(&url).unwrap());
    assert!(matches!(opened, Err(StoreError::Newer { found: 99, known: NEWEST })));
    store.command("ALTER TABLE migrations DELETE WHERE number = 99", &[]).unwrap();
    store.command("ALTER TABLE migrations UPDATE checksum = 'other' WHERE number = 1", &[]).unwrap();
    let opened = ClickStore::open(&Address::parse(&url).unwrap());
    assert!(matches!(opened, Err(StoreError::Refused(_))));
}

#[test]
fn rows_past_what_a_site_keeps_go_by_themselves() {
    let store = store();
    let settle = || {
        for table in whole::DATED {
            store.command(&format!("OPTIMIZE TABLE {table} FINAL"), &[]).unwrap();
        }
    };
    // Kept for long, then longer: nothing goes.
    assert!(store.keep(SITE, 119).unwrap());
    store.insert(&release(1)).unwrap();
    assert!(store.keep(SITE, 120).unwrap());
    settle();
    holds(&store, &[release(1)]);
    // Kept for a month, of which DAY is long past: what is there goes, and what comes late too.
    assert!(store.keep(SITE, 1).unwrap());
    settle();
    holds(&store, &[]);
    store.insert(&release(2)).unwrap();
    settle();
    holds(&store, &[]);
    let found = store.fetch::<u64>(&store.asking("SELECT count() FROM days")).unwrap();
    assert_eq!(found, [0]);
}

/// What cannot be run here: the engine at least understands it.
#[test]
fn the_schema_of_a_cluster_and_the_grants_are_understood() {
    let understood = |statement: &str| {
        shared().sql("default", &format!("EXPLAIN AST {statement}"));
    };
    let spread = ClickStore::schema(Some("main"));
    assert!(spread.iter().any(|one| one.contains("ReplicatedSummingMergeTree('")), "{spread:?}");
    assert!(spread.iter().all(|one| !one.contains('@') && one.contains("ON CLUSTER 'main'")), "{spread:?}");
    spread.iter().for_each(|statement| understood(statement));
    let page =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/README.md")).unwrap();
    let blocks: Vec<&str> =
        page.split("```sql\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    let statements: Vec<&str> = blocks
        .iter()
        .flat_map(|block| block.split(';'))
        .map(str::trim)
        .filter(|one| !one.is_empty())
        .collect();
    assert!(statements.iter().filter(|one| one.starts_with("GRANT")).count() > 3, "{statements:?}");
    statements.iter().for_each(|statement| understood(statement));
}

#[test]
fn values_are_never_part_of_a_statement() {
    let store = store();
    let nasty = "'; DROP TABLE pages; -- {p0:UInt32} \\' \" ` \n\t\u{0} *";
    let mut release = release(1);
    release.rows[0].keys[1] = nasty.into();
    store.insert(&release).unwrap();
    holds(&store, &[release]);
    let filter = |operator| Query {
        table: Table::Pages,
        family: Family::Page,
        days: (DAY, DAY),
        group: vec![Column::Page],
        filters: vec![Condition { column: Column::Page, operator, values: vec![nasty.into()] }],
    };
    for (operator, rows) in
        [(Operator::Is, 1), (Operator::IsNot, 4), (Operator::Contains, 1), (Operator::Prefix, 1)]
    {
        let found = store.read(SITE, &filter(operator), &AsOf::default()).unwrap();
        assert_eq!(found.len(), rows, "{operator:?}");
    }
    assert_eq!(store.forget(SITE, nasty, DAY).unwrap(), []);
    let views = |n: i64| vec![n; Counter::NAMES.len()];
    let query = Query { group: Vec::new(), filters: Vec::new(), ..filter(Operator::Is) };
    assert_eq!(store.read(SITE, &query, &AsOf::default()).unwrap()[0].sums, views(15));
}
