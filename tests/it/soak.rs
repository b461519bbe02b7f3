//! A long run: a steady, mixed load while days open and close every few seconds, reports are read and releases go
//! out. Memory, descriptors and threads stay level, and what was acknowledged is counted.
//!
//! The store keeps in memory what it has read of its file, up to a bound, and what it knows of every stored day. So the run
//! begins with a file that is larger than the bound and as old as the site keeps rows: what grows then is neither.
//!
//! The short form takes half a minute; `make soak` sets `SOAK_SECONDS=3600`.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use mayfly::{
    domain::{
        day::{Day, UnixMs, Zone},
        declaration::SiteId,
        outcome::Outcome,
        row::{Release, Row},
    },
    simulate::{
        SimulatedHit,
        send::{Args, Sent, send},
        shop,
        world::{self, Scenario},
    },
    store::{
        Store,
        duckdb::{DuckStore, Limits},
    },
};

use super::{
    api::{Api, SITE},
    rows::Stored,
    server::{Home, Server, until},
};

/// 2026-11-20T09:30:00Z.
const AT_FIRST: UnixMs = 1_795_167_000_000;
/// A minute into the day that the past is made of, which is another's than those of the run.
const BEFORE_AT: UnixMs = AT_FIRST - 3 * DAY_MS - (9 * 60 + 29) * 60_000;
/// What the store may take, in megabytes.
const STORE_MEMORY: &str = "96";
/// Of the long form's past a day goes for each that comes, so that what is stored grows no more.
const RETENTION_MONTHS: &str = "13";
const DAY_MS: i64 = 86_400_000;
const LANES: usize = 8;
/// Seconds of load that are sent at once.
const PART_S: u64 = 3;

/// How long, how fast, and what growth is too much.
#[derive(Clone, Copy, Debug)]
struct Form {
    /// Days that are stored before the run begins.
    past: i32,
    length: Duration,
    /// Not looked at: caches fill, pools grow.
    warm_up: Duration,
    /// How long a site-day takes.
    day: Duration,
    sample: Duration,
    /// Hits a second.
    rate: u32,
    growth_max: Growth,
}

#[derive(Clone, Copy, Debug)]
enum Growth {
    /// Percent of resident memory in an hour.
    PercentAnHour(f64),
    /// In a run too short for percents to mean anything.
    KibForThousandHits(f64),
}

impl Form {
    fn of_environment() -> Form {
        let seconds = std::env::var("SOAK_SECONDS").ok().map(|text| text.parse::<u64>().unwrap());
        match seconds {
            Some(seconds) => Form {
                past: 400,
                length: Duration::from_secs(seconds),
                warm_up: Duration::from_secs(seconds / 6),
                day: Duration::from_secs(150),
                sample: Duration::from_secs(10),
                rate: 600,
                growth_max: Growth::PercentAnHour(5.0),
            },
            None => Form {
                past: 10,
                length: Duration::from_secs(32),
                warm_up: Duration::from_secs(12),
                day: Duration::from_secs(4),
                sample: Duration::from_millis(200),
                rate: 400,
                growth_max: Growth::KibForThousandHits(3_000.0),
            },
        }
    }
}

/// What the kernel says of the server.
#[derive(Clone, Copy, Debug)]
struct Sample {
    at: Duration,
    resident_kib: f64,
    descriptors: usize,
    threads: usize,
}

impl Sample {
    fn of(pid: u32, at: Duration) -> Sample {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let number = |name: &str| -> usize {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.split_whitespace().next().unwrap().parse().unwrap()
        };
        // A hardened process shows its descriptors to root only.
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, |found| found.count());
        Sample { at, resident_kib: number("VmRSS:") as f64, descriptors, threads: number("Threads:") }
    }
}

/// What runs beside the load, until it is over.
struct Beside {
    home: Home,
    form: Form,
    from: UnixMs,
    begun: Instant,
    over: Arc<AtomicBool>,
}

impl Beside {
    fn clock(&self) -> UnixMs {
        let passed = self.begun.elapsed().as_secs_f64() / self.form.day.as_secs_f64();
        self.from + (passed * DAY_MS as f64) as i64
    }

    /// Moves the clock, and looks at the process.
    async fn watch(self, pid: u32) -> (Home, Vec<Sample>, i64) {
        let mut samples: Vec<Sample> = Vec::new();
        let mut ticks = tokio::time::interval(Duration::from_millis(100));
        while !self.over.load(SeqCst) {
            ticks.tick().await;
            self.home.set_clock(self.clock());
            let due = samples.last().map_or(Duration::ZERO, |last| last.at + self.form.sample);
            if self.begun.elapsed() >= due {
                samples.push(Sample::of(pid, self.begun.elapsed()));
            }
        }
        let midnights = self.clock().div_euclid(DAY_MS) - self.from.div_euclid(DAY_MS);
        (self.home, samples, midnights)
    }
}

/// Reads reports of all kinds, one after the other.
async fn read(api: Api, key: String, over: Arc<AtomicBool>, reads: Arc<AtomicI64>) {
    let queries = [
        ("report", "p=day"),
        ("report", "p=7d&c=prev"),
        ("report", "p=28d&country=DE"),
        ("rows", "p=7d&dimension=page&limit=1000"),
        ("report", "p=yesterday&source=Google&c=prev"),
        ("live", ""),
        ("report", "p=28d&i=week&event=Signup"),
        ("report", "p=12mo"),
        ("report", "p=12mo&country=DE"),
        ("rows", "p=12mo&dimension=page&limit=1000"),
        ("rows", "p=28d&dimension=source&sort=-visits"),
    ];
    let mut ticks = tokio::time::interval(Duration::from_millis(400));
    for (what, query) in queries.into_iter().cycle() {
        ticks.tick().await;
        if over.load(SeqCst) {
            break;
        }
        api.read(what, query, &key).await;
        reads.fetch_add(1, SeqCst);
    }
}

/// What was sent and acknowledged.
#[derive(Clone, Copy, Debug, Default)]
struct Acknowledged {
    hits: i64,
    views: i64,
    /// Shed, or cut off.
    unanswered: i64,
}

impl Acknowledged {
    fn add(&mut self, sent: &Sent) {
        self.hits += sent.acknowledged.len() as i64;
        self.views += sent.acknowledged.iter().filter(|one| one.hit.wire.name == "pageview").count() as i64;
        self.unanswered += sent.unanswered as i64;
        assert!(sent.acknowledged.iter().all(|one| one.status == 202));
    }
}

fn args(server: &Server, rate: u32) -> Args {
    Args {
        url: server.origin.clone(),
        site: SITE.into(),
        zone: "UTC".into(),
        rate,
        visitors: 0,
        seed: 0,
        concurrency: LANES,
        seconds: None,
        k: 5,
        flood: 0,
        ordinary: true,
    }
}

async fn load(server: &Server, form: Form, begun: Instant, hits: Vec<SimulatedHit>) -> Acknowledged {
    let args = args(server, form.rate);
    let mut all = Acknowledged::default();
    let mut endless = hits.into_iter().cycle();
    while begun.elapsed() < form.length {
        let part = endless.by_ref().take(form.rate as usize * PART_S as usize).collect();
        all.add(&send(&args, part).await.unwrap());
    }
    all
}

/// A site and everything that the ordinary visitors of a day send.
fn install() -> (Home, String, Vec<SimulatedHit>) {
    let home = Home::at("2026-11-17T00:01:00Z");
    home.run(&["site", "add", SITE, "--timezone", "UTC"]);
    home.run(&["site", "set", SITE, "retention-months", RETENTION_MONTHS]);
    for event in shop::events() {
        home.run(&["event", "add", SITE, &event.name]);
    }
    let key = home.run(&["key", "add", "staff", "--site", SITE, "--scope", "staff"]);
    let scenario = Scenario {
        host: SITE.into(),
        zone: Zone::utc(),
        seed: 11,
        k: 5,
        kept: Default::default(),
        visitors: 4_000,
        everything: false,
        flood: 300,
    };
    (home, key, world::day(&scenario, Day::parse("2026-11-20").unwrap()).0)
}

fn serve(home: &Home) -> Server {
    let runtime = home.runtime.path().join("run");
    let runtime = runtime.to_str().unwrap();
    home.serve_with(&["--runtime", runtime, "--flush-interval", "15m", "--store-memory", STORE_MEMORY])
}

/// Lives one day as those of the run are, and lays it down as all the days before too.
async fn lay_a_past(home: Home, form: Form, hits: &[SimulatedHit]) -> Home {
    let server = serve(&home);
    let (over, begun) = (Arc::new(AtomicBool::new(false)), Instant::now());
    let beside = Beside { home, form, from: BEFORE_AT, begun, over: over.clone() };
    let watching = tokio::spawn(beside.watch(server.pid()));
    load(&server, Form { length: form.day, ..form }, begun, hits.to_vec()).await;
    over.store(true, SeqCst);
    let (home, ..) = watching.await.unwrap();
    settle(&home, BEFORE_AT);
    assert_eq!(server.stop().0, Some(0));
    let store = DuckStore::open(&home.data.path().join("mayfly.duckdb"), &Limits::default()).unwrap();
    let day = Day(BEFORE_AT.div_euclid(DAY_MS) as i32);
    let counted = store.releases(SiteId(1), day, day).unwrap();
    let whole = joined(counted);
    for earlier in 1..=form.past {
        store.insert(&moved(whole.clone(), day.plus(-earlier))).unwrap();
    }
    home
}

/// The day's last release, with the rows of all.
fn joined(releases: Vec<Release>) -> Release {
    let mut rows: Vec<Row> = releases.iter().flat_map(|release| release.rows.clone()).collect();
    rows.sort();
    Release { rows, ..releases.into_iter().next_back().unwrap() }
}

/// The same rows on another day.
fn moved(mut release: Release, day: Day) -> Release {
    release.id.day = day;
    release.rows.iter_mut().for_each(|row| row.day = day);
    release.close.iter_mut().for_each(|close| close.day = day);
    release
}

/// The slope of the line through points that is nearest to them by least squares.
fn slope(points: impl Iterator<Item = (f64, f64)> + Clone) -> f64 {
    let n = points.clone().count() as f64;
    let (x, y) = points.clone().fold((0.0, 0.0), |(x, y), one| (x + one.0 / n, y + one.1 / n));
    let (above, below) = points.fold((0.0, 0.0), |(above, below), one| {
        (above + (one.0 - x) * (one.1 - y), below + (one.0 - x).powi(2))
    });
    above / below
}

/// Resident memory after the warm-up: its mean in KiB, and how many KiB it grows in a second.
fn growth(samples: &[Sample], form: Form) -> (f64, f64) {
    let after: Vec<&Sample> = samples.iter().filter(|one| one.at >= form.warm_up).collect();
    assert!(after.len() > 20, "{} samples", after.len());
    (mean(&after), slope(after.iter().map(|one| (one.at.as_secs_f64(), one.resident_kib))))
}

fn mean(samples: &[&Sample]) -> f64 {
    samples.iter().map(|one| one.resident_kib).sum::<f64>() / samples.len() as f64
}

/// The means of ten parts of a run, in MiB.
fn course(samples: &[Sample]) -> String {
    let all: Vec<&Sample> = samples.iter().collect();
    let parts = all.chunks(all.len().div_ceil(10)).map(|part| format!("{:.0}", mean(part) / 1024.0));
    parts.collect::<Vec<_>>().join(", ")
}

/// Descriptors and threads are no more at the end than they were: connections come and go.
fn check_level(samples: &[Sample], form: Form) {
    let after: Vec<&Sample> = samples.iter().filter(|one| one.at >= form.warm_up).collect();
    let (first, rest) = after.split_at(after.len() / 3);
    let last = &rest[rest.len() / 2..];
    for (what, of) in [
        ("descriptors", (|one: &Sample| one.descriptors) as fn(&Sample) -> usize),
        ("threads", |one| one.threads),
    ] {
        let most = |of_these: &[&Sample]| of_these.iter().map(|one| of(one)).max().unwrap();
        let (before, later) = (most(first), most(last));
        assert!(later <= before + 8, "{what}: at most {before} first and {later} at the end");
    }
}

/// Lets the last day end, so that all of it is in the store.
fn settle(home: &Home, at: UnixMs) {
    home.set_clock(at + 2 * DAY_MS);
    until("every day is closed and in the store", || {
        let open = home.files("journal").iter().any(|name| name.ends_with(".journal"));
        (!open && home.files("releases").is_empty()).then_some(())
    });
}

fn check_counted(stored: &Stored, acknowledged: Acknowledged) {
    let outcomes = Outcome::ALL.iter().filter(|one| **one != Outcome::Overloaded);
    let names: Vec<String> = outcomes.map(|one| format!("'{}'", one.name())).collect();
    let hits = |names: &str| {
        let sql = format!(
            "SELECT coalesce(sum(hits), 0)::BIGINT FROM ledger WHERE site = 1 AND day >= DATE '2026-11-20' \
             AND outcome IN ({names})"
        );
        stored.number(&sql)
    };
    let Acknowledged { hits: answered, views, unanswered } = acknowledged;
    let counted = hits(&names.join(", "));
    assert!(
        (answered..=answered + unanswered).contains(&counted),
        "{acknowledged:?}, and {counted} in the ledger"
    );
    let late = hits("'late'");
    let viewed = stored.number(
        "SELECT sum(pageviews)::BIGINT FROM pages WHERE site = 1 AND day >= DATE '2026-11-20' \
         AND family = 'page' AND kind = 'page'",
    );
    assert!(
        (views - late..=views + unanswered).contains(&viewed),
        "{acknowledged:?}, {late} late, and {viewed} views stored"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_stays_level_while_days_come_and_go() {
    let form = Form::of_environment();
    let (home, key, hits) = install();
    let home = lay_a_past(home, form, &hits).await;
    home.set_clock(AT_FIRST);
    let server = serve(&home);
    let (over, reads, begun) =
        (Arc::new(AtomicBool::new(false)), Arc::new(AtomicI64::new(0)), Instant::now());
    let beside = Beside { home, form, from: AT_FIRST, begun, over: over.clone() };
    let watching = tokio::spawn(beside.watch(server.pid()));
    let reading = tokio::spawn(read(Api::of(&server), key, over.clone(), reads.clone()));
    let acknowledged = load(&server, form, begun, hits).await;
    over.store(true, SeqCst);
    reading.await.unwrap();
    let (home, samples, midnights) = watching.await.unwrap();
    settle(&home, AT_FIRST + midnights * DAY_MS);
    assert_eq!(server.stop().0, Some(0));
    check_counted(&Stored::of(home.data.path()), acknowledged);

    let (mean_kib, kib_a_second) = growth(&samples, form);
    let percent = kib_a_second * 3_600.0 / mean_kib * 100.0;
    let thousand = kib_a_second * 1_000.0 / f64::from(form.rate);
    let most = samples.iter().map(|one| one.resident_kib).fold(0.0, f64::max);
    let last = samples.last().unwrap();
    println!(
        "{} s, {} MB stored, {} hits acknowledged and counted, {} unanswered, {} reports read, {midnights} midnights\n\
         resident: {:.1} MiB on average, {:.1} at most; {percent:+.2} % an hour, {thousand:+.1} KiB for 1,000 hits\n\
         by tenths of the run: {} MiB\n\
         {} descriptors, {} threads at the end",
        begun.elapsed().as_secs(),
        fs::metadata(home.data.path().join("mayfly.duckdb")).unwrap().len() / 1_000_000,
        acknowledged.hits,
        acknowledged.unanswered,
        reads.load(SeqCst),
        mean_kib / 1_024.0,
        most / 1_024.0,
        course(&samples),
        last.descriptors,
        last.threads,
    );
    check_level(&samples, form);
    match form.growth_max {
        Growth::PercentAnHour(max) => assert!(percent < max, "{percent:.2} % an hour"),
        Growth::KibForThousandHits(max) => assert!(thousand < max, "{thousand:.1} KiB for 1,000 hits"),
    }
    assert!(midnights >= 4 && reads.load(SeqCst) > 20, "{midnights} midnights");
}
