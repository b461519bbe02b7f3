//! The core's two costs: counting a hit, and closing a day of a million cells.

#![allow(clippy::print_stderr, reason = "a benchmark says what it measured")]

use std::{hint::black_box, sync::Arc, time::Duration};

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use mayfly::domain::{
    Text,
    attributes::{Described, VisitAttributes},
    day::{Day, Hour, Moment},
    declaration::{Kept, SiteId},
    family::{Crossing, tell},
    hit::{EventHit, Hit, HitKind, VisitorKey},
    region::Heap,
    tally::{Caps, DaySettings, OpenDay},
};

const HITS: usize = 200_000;
const VISITORS: u64 = 40_000;

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    /// Small numbers more often.
    fn roll_low(&mut self, sides: u64) -> u64 {
        let most = self.roll(sides) + 1;
        self.roll(most)
    }
}

fn open(cells_per_family: u32) -> OpenDay {
    let settings = DaySettings {
        site: SiteId(1),
        day: Day(20_000),
        k: 5,
        kept: Kept::default(),
        settings_version: 1,
        caps: Caps { cells_per_family, ..Caps::default() },
        known: Arc::default(),
    };
    OpenDay::new(settings, Box::new(Heap::default()), Box::new(Heap::default()))
}

struct Traffic {
    hits: Vec<(VisitorKey, Moment, Hit)>,
    described: Vec<Described>,
}

/// Views of 500 pages, a tenth events, a fifth engagement, 40 sources, 60 countries, 30 devices.
fn traffic(hits: usize, visitors: u64) -> Traffic {
    let mut dice = Dice(7);
    let pages: Vec<Text> = (0..500).map(|page| format!("example.com/page-{page}").into()).collect();
    let sources: Vec<Text> = (0..40).map(|source| format!("source-{source}").into()).collect();
    let described = (0..1_800)
        .map(|n| {
            let mut one = Described {
                place: Default::default(),
                device: Default::default(),
                language: Default::default(),
            };
            one.place.0[0] = format!("C{}", n % 60).into();
            one.device.0[0] = format!("browser-{}", n % 10).into();
            one.device.0[4] = ["desktop", "mobile", "tablet"][n % 3].into();
            one
        })
        .collect();
    let hit = |at: usize| {
        let page = pages[dice.roll_low(500) as usize].clone();
        let kind = match dice.roll(10) {
            0 => HitKind::Event(EventHit {
                name: "sign_up".into(),
                properties: Default::default(),
                interactive: true,
                once_a_visit: false,
                value: None,
            }),
            1 | 2 => HitKind::Engagement { scroll: Some(dice.roll(100) as u8), engaged_ms: 9_000 },
            _ => HitKind::View,
        };
        let mut visit = VisitAttributes::default();
        visit.0[1] = sources[dice.roll_low(40) as usize].clone();
        let second = (at as u64 * 86_400 / hits as u64) as u32;
        let stretch = (second / 3600) as u8;
        let key = VisitorKey(dice.roll(visitors).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let hit = Hit { page: Some(page), sections: Default::default(), visit, kind };
        (key, Moment { hour: Hour(stretch), second, stretch }, hit)
    };
    Traffic { hits: (0..hits).map(hit).collect(), described }
}

fn run(day: &mut OpenDay, traffic: &Traffic) -> usize {
    let mut bytes = 0;
    for (seq, (key, at, hit)) in traffic.hits.iter().enumerate() {
        let described = &traffic.described[key.0 as usize % traffic.described.len()];
        let delta = day.tally(seq as u64 + 1, *key, Some(described), hit, *at, &[]);
        bytes += usize::from(black_box(delta).outcome().is_some());
    }
    bytes
}

fn tally(c: &mut Criterion) {
    let traffic = traffic(HITS, VISITORS);
    let mut day = open(1_000_000);
    run(&mut day, &traffic);
    let gauges = day.counts();
    let per_visitor = gauges.table_bytes / gauges.visitors as usize;
    eprintln!("{gauges:?}: {per_visitor} bytes of tables a visitor-day");
    let mut group = c.benchmark_group("tally");
    group.throughput(Throughput::Elements(HITS as u64)).sample_size(10);
    group.bench_function("mixed hits", |b| {
        b.iter_batched(|| open(1_000_000), |mut day| run(&mut day, &traffic), BatchSize::LargeInput);
    });
    group.finish();
}

/// A million cells: 5,000 pages by 200 labels.
fn close(c: &mut Criterion) {
    let mut dice = Dice(9);
    let cells: Vec<Crossing> = (0..5_000)
        .flat_map(|page| (0..200).map(move |label| (page, label)))
        .map(|(page, label)| {
            let page_visitors = dice.roll_low(40) as i64;
            Crossing { page, label, page_visitors, visitors: dice.roll_low(4) as i64 }
        })
        .collect();
    let mut group = c.benchmark_group("close");
    group.sample_size(10).measurement_time(Duration::from_secs(3));
    group.bench_function("tell a million cells", |b| b.iter(|| tell(black_box(&cells), 5)));
    let traffic = traffic(HITS, VISITORS);
    let mut day = open(1_000_000);
    run(&mut day, &traffic);
    day.turn(30, Hour(23));
    let (settled, cells) = (day.settled(), day.counts().cells);
    group.throughput(Throughput::Elements(cells as u64));
    group.bench_function("coarsen a day", |b| b.iter(|| settled.rows(5, 1)));
    group.finish();
}

criterion_group!(benches, tally, close);
criterion_main!(benches);
