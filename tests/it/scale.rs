//! The constants behind docs/SCALE.md, measured: days of sites of several sizes through the real core, memory, journal,
//! close and store. What is printed has to lie within the bounds that the page states.
//!
//! The short form counts small sites; `make scale` sets `SCALE=1` and prints the whole table.

use std::{collections::BTreeMap, fs, path::Path, sync::Arc, time::Duration};

use mayfly::{
    close::{
        driver::{Closing, Remember},
        past::StoredPast,
        release_file::ReleaseFiles,
        resume::Leftovers,
    },
    domain::{
        day::{Calendar, Day, UnixMs, Zone},
        declaration::{Kept, SiteId},
        hit::HitKind,
        region::Heap,
        row::{Family, Release, Table},
        tally::{Caps, DaySettings, Held, KnownValues, OpenDay},
    },
    journal::{Journal, JournalConfig},
    memory::{
        days::{Fixed, Known, Memory},
        site_day::Tallied,
    },
    simulate::wide::{self, Breadth, WideHit},
    store::{
        Store,
        duckdb::{DuckStore, Limits},
    },
};

const SITE: SiteId = SiteId(1);
const DAY: Day = Day(20_779);
/// Hits that are acknowledged together.
const BATCH: usize = 512;

struct Form {
    /// Page views a day.
    sizes: &'static [u64],
    long: bool,
}

impl Form {
    fn of_environment() -> Form {
        match std::env::var_os("SCALE") {
            Some(_) => Form { sizes: &[100, 1_000, 10_000, 100_000, 1_000_000], long: true },
            None => Form { sizes: &[100, 1_000, 10_000], long: false },
        }
    }
}

type ByKind = BTreeMap<(Table, Family), usize>;

/// What was measured of one site-day.
struct Measured {
    views: usize,
    hits: usize,
    visitors: usize,
    /// Of visitor tables, and of cells, at the end of the day.
    table_bytes: usize,
    cell_bytes: usize,
    cells: ByKind,
    /// What the process held more than before.
    resident_bytes: usize,
    rows: ByKind,
    journal_bytes: u64,
    tally: Duration,
    journaled: Duration,
    close: Duration,
    delivery: Duration,
}

fn calendar() -> Calendar {
    Zone::utc().calendar(DAY)
}

/// The core alone: tables, cells, and the time of one processor.
fn counted(hits: &[WideHit]) -> (OpenDay, ByKind, Duration, usize) {
    let settings = DaySettings {
        site: SITE,
        day: DAY,
        k: 5,
        kept: Kept { language: true, ..Kept::default() },
        settings_version: 1,
        caps: Caps::default(),
        known: Arc::default(),
    };
    let before = resident();
    let mut open = OpenDay::new(settings, Box::new(Heap::default()), Box::new(Heap::default()));
    let (calendar, mut released, mut hour) = (calendar(), ByKind::new(), 0);
    let (mut took, mut most) = (Duration::ZERO, 0);
    for part in hits.chunk_by(|a, b| a.second / 3_600 == b.second / 3_600) {
        let ((), part_took) = timed(|| {
            for (seq, one) in part.iter().enumerate() {
                let at = calendar.moment(calendar.starts + i64::from(one.second) * 1_000);
                open.tally(seq as u64 + 1, one.key, Some(&one.described), &one.hit, at, &[]);
            }
        });
        took += part_took;
        most = most.max(resident().saturating_sub(before));
        hour += 1;
        open.freeze().into_iter().for_each(|row| *released.entry((row.table, row.family)).or_default() += 1);
    }
    assert!(hour > 12, "the day has hours");
    open.turn(24, mayfly::domain::day::Hour(23));
    (open, released, took, most.max(resident().saturating_sub(before)))
}

/// Processor time of all threads so far, as Linux counts it: other programs do not stretch it.
fn processors() -> Duration {
    let spent = |task: std::io::Result<fs::DirEntry>| {
        let text = fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<u64>().ok()
    };
    Duration::from_nanos(fs::read_dir("/proc/self/task").unwrap().filter_map(spent).sum())
}

/// What `act` made, and the processor time that it took.
fn timed<T>(act: impl FnOnce() -> T) -> (T, Duration) {
    let began = processors();
    let made = act();
    (made, processors().saturating_sub(began))
}

/// Resident bytes of this process, as Linux counts them.
fn resident() -> usize {
    let text = fs::read_to_string("/proc/self/statm").unwrap();
    text.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4_096
}

struct Nothing;

impl Known for Nothing {
    fn of(&self, _: SiteId) -> Arc<KnownValues> {
        Arc::default()
    }
}

impl Remember for Nothing {
    fn remember(&self, _: SiteId, _: Day, _: KnownValues) {}
}

/// Memory, journal, close and store as the server wires them, in a folder.
struct Yard {
    journal: Arc<Journal>,
    memory: Arc<Memory>,
    closing: Closing,
    store: Arc<DuckStore>,
    fixed: Fixed,
}

impl Yard {
    fn in_folder(folder: &Path, now: UnixMs) -> Yard {
        let store = Arc::new(DuckStore::open(&folder.join("rows.duckdb"), &Limits::default()).unwrap());
        let config = JournalConfig::new(folder.join("journal"), folder.join("keys"));
        let journal = Arc::new(Journal::start(config).unwrap());
        let files = ReleaseFiles::in_data(folder).unwrap();
        let past = StoredPast::new(store.clone(), files.clone(), 0);
        let caps = Caps::default();
        let memory = Arc::new(Memory::new(journal.clone(), None, Box::new(Nothing), Box::new(past), caps, 0));
        let hour = Duration::from_secs(3_600);
        let left = Leftovers::default();
        let closing = Closing::new(memory.clone(), store.clone(), files, Box::new(Nothing), hour, left, now);
        let kept = Kept { language: true, ..Kept::default() };
        let fixed = Fixed { site: SITE, zone: Zone::utc(), k: 5, kept, settings_version: 1, day: Some(DAY) };
        Yard { journal, memory, closing, store, fixed }
    }

    /// Takes a day's hits as collection hands them on, each batch acknowledged before the next.
    fn take(&self, hits: &[WideHit], starts: UnixMs) -> Duration {
        let mut took = Duration::ZERO;
        for part in hits.chunk_by(|a, b| a.second / 3_600 == b.second / 3_600) {
            self.closing.step(starts + i64::from(part[0].second) * 1_000);
            assert!(self.closing.deliver());
            let ((), part_took) = timed(|| {
                for batch in part.chunks(BATCH) {
                    let tickets: Vec<_> = batch.iter().map(|one| self.tally(one, starts)).collect();
                    tickets.into_iter().for_each(|ticket| ticket.wait().unwrap());
                }
            });
            took += part_took;
        }
        took
    }

    fn tally(&self, one: &WideHit, starts: UnixMs) -> mayfly::journal::Ticket {
        let now = starts + i64::from(one.second) * 1_000;
        let arrived = self.memory.arrive_or_open(&self.fixed, now).unwrap();
        let tallied = Tallied {
            key: one.key,
            described: Some(&one.described),
            hit: &one.hit,
            notes: &[],
            funnels: &[],
            undeclared: &[],
        };
        arrived.day.tally(arrived.moment, tallied).unwrap()
    }
}

fn measure(views: u64) -> Measured {
    let hits = wide::day(Breadth::of_views(views), 7);
    let (open, mut rows, tally, resident_bytes) = counted(&hits);
    let (gauges, held) = (open.counts(), open.held());
    let cell_bytes = held.iter().map(|one: &Held| one.bytes).sum();
    let mut cells = ByKind::new();
    held.iter().for_each(|one| *cells.entry((one.table, one.family)).or_default() += one.cells);
    // Of pages with their hours, what is held is what the next release takes.
    cells.insert((Table::Pages, Family::Page), rows[&(Table::Pages, Family::Page)]);
    cells.insert((Table::Events, Family::Page), rows[&(Table::Events, Family::Page)]);
    for row in open.close(1).rows {
        *rows.entry((row.table, row.family)).or_default() += 1;
    }

    let folder = tempfile::tempdir_in("/dev/shm").unwrap();
    let starts = calendar().starts;
    let yard = Yard::in_folder(folder.path(), starts);
    let journaled = yard.take(&hits, starts);
    yard.journal.flush().unwrap();
    let journal_bytes = yard.journal.counts().bytes.load(std::sync::atomic::Ordering::Relaxed);
    let (_, close) = timed(|| yard.closing.step(calendar().ends + 2_000));
    let (delivered, delivery) = timed(|| yard.closing.deliver());
    assert!(delivered);
    check_stored(&yard.store.releases(SITE, DAY, DAY).unwrap(), &rows);
    Measured {
        views: hits.iter().filter(|one| one.hit.kind == HitKind::View).count(),
        hits: hits.len(),
        visitors: gauges.visitors as usize,
        table_bytes: gauges.table_bytes,
        cell_bytes,
        cells,
        resident_bytes,
        rows,
        journal_bytes,
        tally,
        journaled,
        close,
        delivery,
    }
}

/// What came to the store by journal, releases and close is what the core alone counted.
#[track_caller]
fn check_stored(releases: &[Release], expected: &ByKind) {
    let mut stored = ByKind::new();
    for row in releases.iter().flat_map(|one| &one.rows) {
        *stored.entry((row.table, row.family)).or_default() += 1;
    }
    stored.retain(|(table, _), _| *table != Table::Ledger);
    let mut expected = expected.clone();
    expected.retain(|(table, _), n| *table != Table::Ledger && *n > 0);
    assert_eq!(stored, expected);
    assert!(releases.iter().any(|one| one.close.is_some()));
}

impl Measured {
    /// The constants as the page names them.
    fn constants(&self) -> Vec<(String, f64)> {
        let per = |n: usize, of: usize| n as f64 / of as f64;
        let rows: usize = self.rows.values().sum();
        let cells: usize = self.cells.values().sum();
        let mut found = vec![
            ("views a visitor-day".to_owned(), per(self.views, self.visitors)),
            ("hits a view".to_owned(), per(self.hits, self.views)),
            ("table bytes a visitor-day".to_owned(), per(self.table_bytes, self.visitors)),
            ("cell bytes a view".to_owned(), per(self.cell_bytes, self.views)),
            ("journal bytes a hit".to_owned(), per(self.journal_bytes as usize, self.hits)),
            ("cells a view".to_owned(), per(cells, self.views)),
            ("rows a site-day".to_owned(), rows as f64),
            ("rows a view".to_owned(), per(rows, self.views)),
        ];
        for (&(table, family), &n) in &self.cells {
            found.push((format!("cells a view, {} by {}", table.name(), family.name()), per(n, self.views)));
        }
        for (&(table, family), &n) in &self.rows {
            found.push((format!("rows, {} by {}", table.name(), family.name()), n as f64));
        }
        found
    }

    /// What depends on the machine.
    fn times(&self) -> Vec<(&'static str, f64)> {
        let rate = |time: Duration| self.hits as f64 / time.as_secs_f64();
        let ms = |time: Duration| time.as_secs_f64() * 1_000.0;
        vec![
            ("resident bytes a visitor-day", self.resident_bytes as f64 / self.visitors as f64),
            ("hits a second and processor, core alone", rate(self.tally)),
            ("the same with the journal", rate(self.journaled)),
            ("close, ms of a processor", ms(self.close)),
            ("its delivery to DuckDB, the same", ms(self.delivery)),
        ]
    }
}

/// `| name | views a day | least | most |` of the page, in its table of bounds.
fn bounds() -> Vec<(String, u64, f64, f64)> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/SCALE.md");
    let text = fs::read_to_string(page).unwrap();
    let number = |text: &str| text.replace(',', "").parse::<f64>().unwrap_or_else(|_| panic!("{text}"));
    let table = text.split("| constant | views a site-day | from | to |").nth(1).expect("a table of bounds");
    let lines = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let read = |line: &str| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        (cells[0].to_owned(), number(cells[1]) as u64, number(cells[2]), number(cells[3]))
    };
    let found: Vec<_> = lines.map(read).collect();
    assert!(found.len() > 10, "{found:?}");
    found
}

#[test]
#[allow(clippy::print_stdout, reason = "the long form prints its table")]
fn the_constants_of_the_scale_model_are_what_the_page_says() {
    let form = Form::of_environment();
    let bounds = bounds();
    let mut checked = 0;
    for &views in form.sizes {
        let measured = measure(views);
        println!("\nA site-day with {} page views, {} visitor-days", measured.views, measured.visitors);
        let constants = measured.constants();
        for (name, value) in &constants {
            println!("{name:<40} {value:>14.3}");
        }
        for (name, value) in measured.times() {
            println!("{name:<40} {value:>14.1}");
        }
        for (name, _, least, most) in bounds.iter().filter(|one| one.1 == views) {
            let (_, value) = constants.iter().find(|one| one.0 == *name).unwrap_or_else(|| panic!("{name}"));
            assert!((least..=most).contains(&value), "{name}: {value} is not from {least} to {most}");
            checked += 1;
        }
    }
    assert!(checked > 5, "{checked} bounds were looked at");
    assert!(!form.long || checked == bounds.len(), "every bound is looked at in the long form");
}
