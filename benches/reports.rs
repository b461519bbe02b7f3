//! How long reports take over a DuckDB file of a site with ten million page views a year, and how long its
//! releases take to write. `cargo bench --profile ci --bench reports`; figures are in docs/BENCHMARKS.md.
//!
//! `MAYFLY_BENCH_DAYS=28` lays fewer days down than a year; `MAYFLY_BENCH_RUNS=50` asks each question more often,
//! `MAYFLY_BENCH_FILE=path` keeps the file for the next run.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark says what it measured, or stops")]

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use mayfly::{
    domain::{
        Text,
        attributes::{Described, VisitAttributes},
        day::{Day, Hour, Moment, UnixMs, Zone},
        declaration::{
            EventDeclaration, Excluded, Goal, Kept, Objection, Once, PropertyDeclaration, Section, Site,
            SiteId, Step, Values,
        },
        hit::{EventHit, Hit, HitKind, PropertyHit, VisitorKey},
        region::Heap,
        row::{DayRow, Release, ReleaseId, Row},
        tally::{Caps, DaySettings, OpenDay},
        view::{DayView, MemoryView, Reader},
    },
    report::routes,
    store::{
        Store,
        duckdb::{DuckStore, Limits},
    },
};

/// With these, 27,400 page views a day: ten million a year.
const VISITORS_A_DAY: u64 = 8_000;
const VIEWS_A_VISITOR_MOST: u64 = 10;
const PAGES: u64 = 1_500;
/// The number of a day's last release, after one each hour.
const LAST: u32 = 25;
/// Distinct days that are counted; the others repeat them.
const WEEK: i32 = 7;

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    /// Small numbers far more often, with a long tail.
    fn rank(&mut self, sides: u64) -> u64 {
        let uniform = self.roll(1 << 20) as f64 / (1 << 20) as f64;
        ((sides as f64).powf(uniform) - 1.0) as u64
    }
}

fn today() -> Day {
    Day::parse("2026-11-22").unwrap()
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
        goals: vec![Goal { name: "Signed up".into(), reached_by: Step::Event("signup".into()) }],
        retention_months: 24,
        simulated: false,
        version: 1,
    }
}

fn page(rank: u64) -> Hit {
    let (path, sections) = match rank % 3 {
        0 if rank > 0 => (format!("example.com/blog/article-{rank}"), vec![Text::from("/blog/*")]),
        _ => (format!("example.com/page-{rank}"), Vec::new()),
    };
    let visit = VisitAttributes::default();
    Hit { page: Some(path.into()), sections: sections.into_iter().collect(), visit, kind: HitKind::View }
}

fn origin(dice: &mut Dice) -> VisitAttributes {
    let mut visit = VisitAttributes::default();
    let source = dice.rank(300);
    visit.0[0] = ["Direct", "Search", "Social", "Referral", "Email"][(source % 5) as usize].into();
    visit.0[1] = format!("source-{source}.example").into();
    if dice.roll(10) == 0 {
        visit.0[2] = format!("source-{}", dice.rank(30)).into();
        visit.0[3] = ["cpc", "email", "social"][dice.roll(3) as usize].into();
        visit.0[4] = format!("campaign-{}", dice.rank(60)).into();
    }
    visit
}

fn described(dice: &mut Dice) -> Described {
    let mut one =
        Described { place: Default::default(), device: Default::default(), language: Default::default() };
    one.place.0[0] = format!("C{}", dice.rank(120)).into();
    one.device.0[0] = format!("Browser {}", dice.rank(12)).into();
    one.device.0[2] = format!("System {}", dice.rank(8)).into();
    one.device.0[4] = ["desktop", "mobile", "tablet"][dice.rank(3) as usize % 3].into();
    one.language.0 = ["en", "et", "de", "fi", "fr"][dice.rank(5) as usize % 5].into();
    one
}

fn signup(dice: &mut Dice) -> HitKind {
    let value = ["free", "pro"][dice.roll(2) as usize].into();
    let plan = PropertyHit { property: "plan".into(), value, cap: None };
    HitKind::Event(EventHit {
        name: "signup".into(),
        properties: [plan].into_iter().collect(),
        interactive: true,
        once_a_visit: false,
        value: None,
    })
}

/// A day of visits up to an hour, counted as the server counts it.
fn counted(day: Day, seed: u64, until: u8) -> OpenDay {
    let settings = DaySettings {
        site: SiteId(1),
        day,
        k: 5,
        kept: site().kept,
        settings_version: 1,
        caps: Caps::default(),
        known: Arc::default(),
    };
    let mut open = OpenDay::new(settings, Box::new(Heap::default()), Box::new(Heap::default()));
    let mut dice = Dice(seed);
    let mut hits: Vec<(u32, VisitorKey, Described, Hit)> = Vec::new();
    for visitor in 0..VISITORS_A_DAY {
        let (one, visit) = (described(&mut dice), origin(&mut dice));
        let key = VisitorKey((visitor + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut second = dice.roll(82_000) as u32;
        for _ in 0..1 + dice.rank(VIEWS_A_VISITOR_MOST) {
            let mut hit = page(dice.rank(PAGES));
            hit.visit = visit.clone();
            let read = HitKind::Engagement { scroll: Some(dice.roll(101) as u8), engaged_ms: 15_000 };
            hits.push((second, key, one.clone(), hit.clone()));
            hits.push((second + 20, key, one.clone(), Hit { kind: read, ..hit.clone() }));
            if dice.roll(40) == 0 {
                hits.push((second + 25, key, one.clone(), Hit { kind: signup(&mut dice), ..hit }));
            }
            second += 30 + dice.roll(120) as u32;
        }
    }
    hits.sort_by_key(|one| one.0);
    hits.retain(|one| one.0 < u32::from(until) * 3_600);
    for (seq, (second, key, described, hit)) in hits.iter().enumerate() {
        let stretch = (second / 3_600) as u8;
        let at = Moment { hour: Hour(stretch), second: *second, stretch };
        open.tally(seq as u64 + 1, *key, Some(described), hit, at, &[]);
    }
    open.turn(until, Hour(until.min(23)));
    open
}

fn insert(store: &dyn Store, day: Day, number: u32, rows: Vec<Row>, took: &mut Took) {
    let rows = rows.into_iter().map(|row| Row { day, ..row }).collect();
    let id = ReleaseId { site: SiteId(1), day, node: 0, number };
    let close = DayRow {
        site: id.site,
        day,
        node: 0,
        closed_at_hour: i64::from(day.0 + 1) * 86_400,
        k: 5,
        salt_epochs: 1,
        settings_version: 1,
        sizes: Vec::new(),
        corrected: false,
    };
    let release = Release { id, rows, close: (number == LAST).then_some(close) };
    took.time(|| store.insert(&release).unwrap());
}

/// Lays the days before today down as the server does: a release each hour, and one at the close.
fn lay(store: &DuckStore, days: i32) {
    let week: Vec<Vec<Row>> =
        (0..WEEK).map(|seed| counted(today(), seed as u64 + 1, 24).close(1).rows).collect();
    let (mut hourly, mut closes, mut total) = (Took::default(), Took::default(), 0);
    for back in (1..=days).rev() {
        let rows = &week[(back % WEEK) as usize];
        total += rows.len();
        let mut by_hour: HashMap<Option<u8>, Vec<Row>> = HashMap::new();
        for row in rows {
            by_hour.entry(row.hour.map(|hour| hour.0)).or_default().push(row.clone());
        }
        let day = today().plus(-back);
        for hour in 0..24 {
            insert(
                store,
                day,
                u32::from(hour) + 1,
                by_hour.remove(&Some(hour)).unwrap_or_default(),
                &mut hourly,
            );
        }
        insert(store, day, LAST, by_hour.remove(&None).unwrap_or_default(), &mut closes);
    }
    let began = Instant::now();
    store.checkpoint().unwrap();
    println!(
        "{total} rows in {days} days, {} a day; checkpoint {} ms",
        total / days as usize,
        ms(began.elapsed())
    );
    hourly.print("insert of an hour");
    closes.print("insert of a close");
}

fn open_day() -> MemoryView {
    let open = counted(today(), 99, 14);
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
    fn time(&mut self, what: impl FnOnce()) {
        let (began, before) = (Instant::now(), processors());
        what();
        self.wall.push(began.elapsed());
        self.processors.push(processors().saturating_sub(before));
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
    let dir = tempfile::tempdir().unwrap();
    let kept = std::env::var_os("MAYFLY_BENCH_FILE").map(PathBuf::from);
    let path = kept.unwrap_or_else(|| dir.path().join("rows.duckdb"));
    let is_new = !path.exists();
    let store = DuckStore::open(&path, &Limits::default()).unwrap();
    let (site, memory) = (site(), open_day());
    if is_new {
        lay(&store, days);
    }
    println!("file {} MB", std::fs::metadata(&path).unwrap().len() / 1_000_000);
    let context = routes::Context {
        store: &store,
        memory: &memory,
        site: &site,
        now: now(&site),
        day: site.zone.day_at(now(&site)),
        reader: Reader::Staff,
    };
    for period in ["today", "28d", "12mo"] {
        let mut all = Took::default();
        for question in QUESTIONS {
            let query = format!("p={period}{question}");
            let mut took = Took::default();
            for _ in 0..runs {
                took.time(|| {
                    let report = routes::report(context, &query).unwrap();
                    std::hint::black_box(serde_json::to_vec(&report).unwrap());
                });
            }
            all.join(&took);
            took.print(&query);
        }
        all.print(&format!("{period}: all of these"));
    }
}
