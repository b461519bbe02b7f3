//! How long reports take over a store of a site with ten million page views a year, how much it holds, and how long its
//! releases take to write. `cargo bench --profile ci --bench reports`; figures are in docs/BENCHMARKS.md.
//!
//! `MAYFLY_BENCH_STORE=clickhouse` measures the ClickHouse of the tests (`make clickhouse` fetches it) instead of DuckDB.
//! `MAYFLY_BENCH_DAYS=28` lays fewer days down than a year; `MAYFLY_BENCH_RUNS=50` asks each question more often.
//! `MAYFLY_BENCH_LAY=rows.duckdb` lays the days before `MAYFLY_BENCH_TODAY` into a server's own file, as its first site's,
//! and asks nothing: `benches/dashboard.mjs` looks at them in a browser.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark says what it measured, or stops")]

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use mayfly::{
    domain::{
        day::{Day, Hour, Moment, UnixMs, Zone},
        declaration::{
            Consent, EventDeclaration, Excluded, Goal, Kept, Objection, Once, PropertyDeclaration, Section,
            Site, SiteId, Step, Values,
        },
        region::Heap,
        row::{DayRow, Family, KIND_PAGE, Release, ReleaseId, Row, Table},
        tally::{Caps, DaySettings, OpenDay},
        view::{DayView, MemoryView, Reader},
    },
    report::routes,
    simulate::wide::{self, Breadth},
    store::{
        Store,
        clickhouse::{Address, ClickStore},
        duckdb::{DuckStore, Limits},
    },
};

#[path = "../tests/clickhouse/engine.rs"]
mod engine;

const SITE: SiteId = SiteId(1);
/// With these, 27,400 page views a day: ten million a year.
const BREADTH: Breadth = Breadth { visitors: 8_000, pages: 1_500, sources: 300 };

fn today() -> Day {
    Day::parse(std::env::var("MAYFLY_BENCH_TODAY").as_deref().unwrap_or("2026-11-22")).unwrap()
}

fn now(site: &Site) -> UnixMs {
    site.zone.start_of(today()) + 14 * 3_600_000 + 60_000
}

fn site() -> Site {
    Site {
        id: SiteId(1),
        name: "example.com".to_owned(),
        uuid: "8b1d0c7e-0000-4000-8000-000000000001".to_owned(),
        hosts: vec!["example.com".to_owned()],
        zone: Zone::named("Europe/Tallinn").unwrap(),
        k: 5,
        kept: Kept { region: false, city: false, versions: false, language: true },
        objection: Objection::default(),
        consent: Consent::default(),
        vitals: false,
        excluded: Excluded::default(),
        path_parameters: Vec::new(),
        path_rules: Vec::new(),
        sections: vec![Section { pattern: "/blog/*".into() }],
        events: vec![EventDeclaration {
            name: "signup".into(),
            interactive: true,
            once: Once::Never,
            currency: None,
            properties: vec![PropertyDeclaration {
                name: "plan".into(),
                values: Values::List(vec!["free".into(), "pro".into()]),
            }],
        }],
        funnels: Vec::new(),
        funnels_since: Default::default(),
        goals: vec![Goal { name: "Signed up".into(), reached_by: Step::Event("signup".into()) }],
        retention_months: 24,
        simulated: false,
        version: 1,
    }
}

/// A day of visits up to an hour, counted as the server counts it, with the rows of each hour as they were released.
fn counted(day: Day, seed: u64, until: u8) -> (OpenDay, Vec<Vec<Row>>) {
    let settings = DaySettings {
        site: SITE,
        day,
        k: 5,
        kept: site().kept,
        settings_version: 1,
        caps: Caps::default(),
        known: Arc::default(),
    };
    let mut open = OpenDay::new(settings, Box::new(Heap::default()), Box::new(Heap::default()));
    let mut hits = wide::day(BREADTH, seed).into_iter().enumerate().peekable();
    let mut hours = Vec::new();
    for hour in 0..until {
        while let Some((seq, one)) = hits.next_if(|(_, one)| one.second / 3_600 == u32::from(hour)) {
            let at = Moment { hour: Hour(hour), second: one.second, stretch: hour };
            open.tally(seq as u64 + 1, one.key, Some(&one.described), &one.hit, at, &[]);
        }
        open.turn(hour + 1, Hour((hour + 1).min(23)));
        if until == 24 {
            hours.push(open.freeze());
        }
    }
    (open, hours)
}

/// Lays the days before today down as the server does: each counted by itself, a release each hour, one at the close.
fn lay(store: &dyn Store, days: i32) {
    let (mut hourly, mut closes, mut counting, mut coarsening) =
        (Took::default(), Took::default(), Took::default(), Took::default());
    let (mut laid, mut views) = (BTreeMap::<(Table, Family), usize>::new(), 0);
    for back in (1..=days).rev() {
        let day = today().plus(-back);
        let (open, hours) = counting.time(|| counted(day, day.0 as u64, 24));
        let closed = coarsening.time(|| open.close(1));
        let last = hours.len() as u32 + 1;
        let releases = hours.into_iter().zip(1..).map(|(rows, number)| release(day, number, rows, None));
        let close = DayRow {
            site: SITE,
            day,
            node: 0,
            closed_at_hour: i64::from(day.0 + 1) * 86_400,
            k: 5,
            salt_epochs: 1,
            settings_version: 1,
            sizes: closed.sizes,
            corrected: false,
        };
        for one in releases.chain([release(day, last, closed.rows, Some(close))]) {
            for row in &one.rows {
                *laid.entry((row.table, row.family)).or_default() += 1;
                let is_page =
                    (row.table, row.family) == (Table::Pages, Family::Page) && *row.keys[0] == *KIND_PAGE;
                views += if is_page { row.counts[0] } else { 0 };
            }
            let took = if one.close.is_some() { &mut closes } else { &mut hourly };
            took.time(|| store.insert(&one).unwrap());
        }
    }
    let rows: usize = laid.values().sum();
    println!("{views} page views in {days} days: {rows} rows, {} a day", rows / days as usize);
    for ((table, family), rows) in &laid {
        println!("  {} by {}: {rows} rows", table.name(), family.name());
    }
    counting.print("a day counted");
    coarsening.print("a day coarsened");
    hourly.print("insert of an hour");
    closes.print("insert of a close");
}

fn release(day: Day, number: u32, rows: Vec<Row>, close: Option<DayRow>) -> Release {
    Release { id: ReleaseId { site: SITE, day, node: 0, number }, rows, close }
}

fn open_day() -> MemoryView {
    let (open, _) = counted(today(), 99, 14);
    let rows = open.settled().rows(5, 1).into_iter().map(|(key, rows)| (key, Arc::new(rows))).collect();
    let day = DayView {
        day: today(),
        node: 0,
        released: 0,
        as_of: Some(Hour(14)),
        rows,
        k: 5,
        salt_epochs: 1,
        on_disk: 0,
    };
    MemoryView { days: vec![day], ..MemoryView::default() }
}

fn ms(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64() * 1_000.0)
}

/// Times of the same thing: by the wall clock, and of processors (which other programs do not stretch).
#[derive(Default)]
struct Took {
    wall: Vec<Duration>,
    processors: Vec<Duration>,
}

impl Took {
    fn time<T>(&mut self, what: impl FnOnce() -> T) -> T {
        let (began, before) = (Instant::now(), processors());
        let made = what();
        self.wall.push(began.elapsed());
        self.processors.push(processors().saturating_sub(before));
        made
    }

    fn join(&mut self, other: &Took) {
        self.wall.extend_from_slice(&other.wall);
        self.processors.extend_from_slice(&other.processors);
    }

    fn print(mut self, what: &str) {
        self.wall.sort_unstable();
        self.processors.sort_unstable();
        let at =
            |times: &[Duration], share: f64| ms(times[((times.len() - 1) as f64 * share).round() as usize]);
        let (wall, own) = (&self.wall, &self.processors);
        println!(
            "{what:<34} p50 {:>7} p95 {:>7} ms; processor p50 {:>7} p95 {:>7} ms; {} times",
            at(wall, 0.5),
            at(wall, 0.95),
            at(own, 0.5),
            at(own, 0.95),
            wall.len()
        );
    }
}

/// Processor time of all threads so far, as Linux counts it; zero elsewhere.
fn processors() -> Duration {
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else { return Duration::ZERO };
    let spent = |task: std::fs::DirEntry| {
        let text = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<u64>().ok()
    };
    Duration::from_nanos(tasks.flatten().filter_map(spent).sum())
}

const QUESTIONS: [&str; 12] = [
    "",
    "&c=prev",
    "&page=/page-1",
    "&entry=/page-1",
    "&section=/blog/*",
    "&page=~article",
    "&source=source-3.example",
    "&channel=Search&c=prev",
    "&country=C1",
    "&country=C1&c=prev",
    "&event=signup",
    "&event=signup&prop.plan=pro",
];

fn main() {
    let setting = |name: &str, usual: i32| std::env::var(name).map_or(usual, |text| text.parse().unwrap());
    let (days, runs) = (setting("MAYFLY_BENCH_DAYS", 365), setting("MAYFLY_BENCH_RUNS", 30));
    if let Ok(path) = std::env::var("MAYFLY_BENCH_LAY") {
        let store = DuckStore::open(path.as_ref(), &Limits::default()).unwrap();
        lay(&store, days);
        return store.checkpoint().unwrap();
    }
    match std::env::var("MAYFLY_BENCH_STORE").as_deref() {
        Ok("clickhouse") => clickhouse(days, runs),
        _ => duckdb(days, runs),
    }
}

fn duckdb(days: i32, runs: i32) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rows.duckdb");
    let store = DuckStore::open(&path, &Limits::default()).unwrap();
    lay(&store, days);
    let began = Instant::now();
    store.checkpoint().unwrap();
    let bytes = std::fs::metadata(&path).unwrap().len();
    println!("checkpoint {} ms; file {:.1} MB", ms(began.elapsed()), bytes as f64 / 1e6);
    ask(&store, runs, &|| [0; 3]);
}

/// The engine of the tests. Its processor time is not this process's: the clock counts.
fn clickhouse(days: i32, runs: i32) {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine::Engine::start(dir.path(), 0, &[]);
    let store = ClickStore::open(&Address::parse(&engine.url("year")).unwrap()).unwrap();
    lay(&store, days);
    let parts = "SELECT table, count(), sum(rows), sum(data_compressed_bytes) FROM system.parts \
                 WHERE active AND database = 'year' GROUP BY table ORDER BY table";
    println!("table, parts, rows, bytes:\n{}", engine.sql("year", parts));
    ask(&store, runs, &|| if engine.ours { engine.read() } else { [0; 3] });
}

/// Asks every question for every range, and prints what it took.
fn ask(store: &dyn Store, runs: i32, read: &dyn Fn() -> [u64; 3]) {
    let (site, memory) = (site(), open_day());
    let context = routes::Context {
        store,
        memory: &memory,
        site: &site,
        now: now(&site),
        day: site.zone.day_at(now(&site)),
        reader: Reader::Staff,
        locked: &[],
    };
    for period in ["today", "7d", "28d", "91d", "12mo"] {
        let mut all = Took::default();
        for question in QUESTIONS {
            let query = format!("p={period}{question}");
            let (mut took, before) = (Took::default(), read());
            for _ in 0..runs {
                took.time(|| {
                    let report = routes::report(context, &query).unwrap();
                    std::hint::black_box(serde_json::to_vec(&report).unwrap());
                });
            }
            all.join(&took);
            took.print(&query);
            let each = |at: usize| (read()[at] - before[at]) / runs as u64;
            if each(0) > 0 {
                println!("  {} questions read {} rows, {} KB", each(0), each(1), each(2) / 1_000);
            }
        }
        all.print(&format!("{period}: all of these"));
    }
}
