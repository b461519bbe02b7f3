//! The core against the naive recount of `simulate::truth`: realistic days and small random ones, told in full
//! and in crowds, during the day and after it, from the tables and from the journal's deltas.

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

use mayfly::{
    domain::{
        NONE, STAR, Text,
        attributes::{Described, Device, Language, Place, VisitAttributes},
        counters::Counter,
        day::{Calendar, Day, Zone},
        declaration::{Funnel, Kept, SiteId, Step},
        hit::{EventHit, Hit, HitKind, PropertyHit, VisitorKey},
        outcome::{Note, Outcome},
        region::{Heap, Region},
        row::{Column, Family, Row, Table},
        tally::{Arrival as Tallied, Caps, DaySettings, Delta, KnownValues, OpenDay},
    },
    simulate::{
        Meaning,
        coverage::{Coverage, Feature},
        shop,
        told::Rules,
        truth::{Arrival, Known, Limits, Lines, Truth, lines_of},
        world::{self, Scenario},
    },
};
use proptest::prelude::*;

const ALL_KEPT: Kept = Kept { region: true, city: true, versions: true, language: true };

/// What happens to an open day, in order.
#[derive(Clone, Debug)]
enum Act {
    Hit(Box<Arrival>, Vec<Note>),
    Drop(Outcome),
    /// A release of the page family.
    Freeze,
}

#[derive(Clone, Copy, Debug)]
struct Settings {
    day: Day,
    k: u32,
    caps: (u32, u32, u32),
}

fn open(settings: Settings, known: &Known, regions: [Box<dyn Region>; 2]) -> OpenDay {
    let Settings { day, k, caps: (pages, sources, utm_each) } = settings;
    let set = |texts: &BTreeSet<Text>| texts.iter().cloned().collect::<HashSet<Text>>();
    let known = Arc::new(KnownValues {
        pages: set(&known.pages),
        sources: set(&known.sources),
        campaigns: std::array::from_fn(|field| set(&known.campaigns[field])),
    });
    let caps = Caps { pages, sources, utm_each, ..Caps::default() };
    let settings = DaySettings { site: SiteId(1), day, k, kept: ALL_KEPT, settings_version: 1, caps, known };
    let [visitors, seen] = regions;
    OpenDay::new(settings, visitors, seen)
}

fn heaps() -> [Box<dyn Region>; 2] {
    [Box::new(Heap::default()), Box::new(Heap::default())]
}

/// Lines that differ, with both values; a whole day's lines would hide them.
#[track_caller]
fn assert_same(counted: &Lines, expected: &Lines, what: &str) {
    let keys: BTreeSet<_> = counted.keys().chain(expected.keys()).collect();
    let differing: Vec<String> = keys
        .into_iter()
        .filter(|&key| counted.get(key) != expected.get(key))
        .map(|key| {
            let keys: Vec<&str> = key.keys.iter().map(|text| &**text).collect();
            let at =
                format!("{} {} {:?} {keys:?}", key.table.name(), key.family.name(), key.hour.map(|h| h.0));
            format!("{at}\n    counted  {:?}\n    expected {:?}", counted.get(key), expected.get(key))
        })
        .collect();
    let shown = differing.iter().take(12).cloned().collect::<Vec<_>>().join("\n");
    assert!(differing.is_empty(), "{what}: {} lines differ, such as\n{shown}", differing.len());
}

/// What one pass over a day left behind.
struct Passed {
    truth: Truth,
    released: Vec<Row>,
    deltas: Vec<Vec<u8>>,
    open: OpenDay,
}

fn pass(settings: Settings, known: &Known, funnels: &[Arc<Funnel>], steps: &[Act], checks: bool) -> Passed {
    let mut open = open(settings, known, heaps());
    let mut truth = Truth::new(settings.day, funnels.to_vec());
    truth.known = known.clone();
    let (pages, sources, utm_each) = settings.caps;
    truth.limits = Limits { pages: pages as usize, sources: sources as usize, utm_each: utm_each as usize };
    let mut passed = Passed {
        truth,
        released: Vec::new(),
        deltas: Vec::new(),
        open: self::open(settings, known, heaps()),
    };
    let mut stretch = 0;
    for step in steps {
        let seq = passed.deltas.len() as u64 + 1;
        let delta = match step {
            Act::Freeze => {
                passed.released.extend(open.freeze());
                continue;
            }
            Act::Drop(outcome) => {
                passed.truth.drop_hit(*outcome);
                open.drop_hit(*outcome, &[], 1)
            }
            Act::Hit(arrival, notes) => {
                let moment = arrival.moment;
                if moment.stretch > stretch {
                    stretch = moment.stretch;
                    open.turn(stretch, moment.hour);
                    if checks {
                        settled_is_recount(&open, &passed.truth, settings.k);
                    }
                }
                let key = VisitorKey(arrival.visitor);
                let described = (!open.knows(key)).then_some(&arrival.described);
                let tallied = Tallied { key, described, hit: &arrival.hit, notes, funnels };
                passed.truth.arrive((**arrival).clone());
                notes.iter().for_each(|&note| passed.truth.note(note));
                open.tally_arrival(seq, &tallied, moment)
            }
        };
        passed.deltas.push(postcard::to_stdvec(&delta).unwrap());
    }
    passed.open = open;
    passed
}

/// The attribute families as readers see them: a recount of what arrived before the hour.
#[track_caller]
fn settled_is_recount(open: &OpenDay, truth: &Truth, k: u32) {
    let of_attributes = |lines: Lines| -> Lines {
        lines.into_iter().filter(|(line, _)| line.hour.is_none() && line.table != Table::Ledger).collect()
    };
    for (k, salt_epochs) in [(1, 1), (k, 2)] {
        let counted = open.settled().rows(k, salt_epochs);
        let counted = lines_of(counted.values().flatten());
        let expected = truth.recount().closed(Rules { k, salt_epochs });
        assert_same(
            &of_attributes(counted),
            &of_attributes(expected),
            &format!("settled, k {k} epochs {salt_epochs}"),
        );
    }
}

/// All laws over one day.
#[track_caller]
fn check(settings: Settings, known: &Known, funnels: &[Arc<Funnel>], steps: &[Act], salt_epochs: u32) {
    let passed = pass(settings, known, funnels, steps, true);
    let recount = passed.truth.recount();
    let expected = recount.closed(Rules { k: settings.k, salt_epochs });

    // Live: the page family and the sources as of now, with what was released.
    let live = passed.open.live().into_rows();
    let live = lines_of(live.iter().chain(&passed.released));
    let is_live = |line: &&mayfly::simulate::truth::Line| {
        line.hour.is_some() || line.table == Table::Ledger || line.family == Family::Source
    };
    let live_expected: Lines = expected
        .iter()
        .filter(|(line, _)| is_live(line))
        .map(|(line, n)| (line.clone(), n.clone()))
        .collect();
    assert_same(&live, &live_expected, "live");

    // Replay: the deltas alone give the same day.
    let mut replayed = open(settings, known, heaps());
    for bytes in &passed.deltas {
        replayed.apply(&postcard::from_bytes::<Delta>(bytes).unwrap());
    }
    assert_same(&lines_of(&replayed.close(salt_epochs).rows), &expected, "replayed");

    // Close: what was released and what is left.
    let closed = passed.open.close(salt_epochs).rows;
    for row in closed.iter().chain(&passed.released) {
        assert!(row.is_well_formed() && row.day == settings.day, "{row:?}");
        assert!(row.counts.iter().any(|&n| n != 0), "a row of zeros: {row:?}");
    }
    assert!(closed.is_sorted(), "closed rows are sorted");
    let keys: BTreeSet<_> =
        closed.iter().map(|row| (row.table, row.family, row.hour, row.keys.clone())).collect();
    assert_eq!(keys.len(), closed.len(), "each key once");
    let rows: Vec<Row> = closed.into_iter().chain(passed.released).collect();
    assert_same(&lines_of(&rows), &expected, "closed");

    ledger_law(&rows, passed.truth.received() as i64);
    conservation(&rows);
    crowds_hold(&recount, &rows, settings.k, salt_epochs);
}

/// received = sum of outcomes.
#[track_caller]
fn ledger_law(rows: &[Row], received: i64) {
    let is_outcome = |row: &&Row| row.table == Table::Ledger && Outcome::named(&row.keys[0]).is_some();
    assert_eq!(rows.iter().filter(is_outcome).map(|row| row.counts[0]).sum::<i64>(), received);
}

/// Sums of the counters of `pages` by family, sections aside where they overlap.
fn sums(rows: &[Row], family: Family) -> [i64; Counter::COUNT] {
    let overlaps = |row: &Row| {
        matches!(family, Family::Page | Family::Visit)
            && row.key(Column::Kind).is_some_and(|kind| &**kind == "section")
    };
    let mut sums = [0; Counter::COUNT];
    for row in rows.iter().filter(|row| row.table == Table::Pages && row.family == family && !overlaps(row)) {
        sums.iter_mut().zip(&row.counts).for_each(|(sum, n)| *sum += n);
    }
    sums
}

/// Every family's counters sum to those of `page`; exits = visits; transitions = page views.
#[track_caller]
fn conservation(rows: &[Row]) {
    let page = sums(rows, Family::Page);
    assert_eq!(page[Counter::Exits as usize], page[Counter::Visits as usize], "exits = visits");
    for family in [Family::Visit, Family::Place, Family::Device, Family::Language] {
        let mut sums = sums(rows, family);
        if matches!(family, Family::Place | Family::Device) {
            // A group of pages counts a visitor once, so that it is a crowd of people and not of views.
            for counter in [Counter::PageVisitors, Counter::PageVisits] {
                sums[counter as usize] = page[counter as usize];
            }
        }
        assert_eq!(sums, page, "{}", family.name());
    }
    let source = sums(rows, Family::Source);
    for counter in [Counter::Visits, Counter::Visitors] {
        assert_eq!(source[counter as usize], page[counter as usize]);
    }
    let transitions: i64 = rows.iter().filter(|row| row.table == Table::Flows).map(|row| row.counts[0]).sum();
    assert_eq!(transitions, page[Counter::Pageviews as usize]);
    let of_events = |family: Family, only_own: bool| {
        let mut sums = [0; 3];
        for row in rows.iter().filter(|row| row.table == Table::Events && row.family == family) {
            let own = row.key(Column::Property).is_none_or(|property| property.is_empty());
            let page = row.key(Column::Kind).is_none_or(|kind| &**kind == "page");
            if page && (own || !only_own) {
                sums.iter_mut().zip(&row.counts).for_each(|(sum, n)| *sum += n);
            }
        }
        sums
    };
    assert_eq!(of_events(Family::Visit, false), of_events(Family::Page, false));
    for family in [Family::Place, Family::Device] {
        assert_eq!(of_events(family, true), of_events(Family::Page, true));
    }
}

/// Every row of place, device and language that tells something counts at least k visitors, by a count of
/// people that looks at no counter of the row.
#[track_caller]
fn crowds_hold(recount: &mayfly::simulate::truth::Recount, rows: &[Row], k: u32, salt_epochs: u32) {
    if k <= 1 {
        return;
    }
    let needed = i64::from((k - 1) * salt_epochs + 1);
    for row in
        rows.iter().filter(|row| matches!(row.family, Family::Place | Family::Device | Family::Language))
    {
        let skip = match row.table {
            Table::Pages if row.family != Family::Language => 2,
            Table::Events => 1,
            _ => 0,
        };
        let told = &row.keys[skip..];
        if told.iter().all(|text| &**text == STAR)
            && (row.table == Table::Events || &*row.keys[skip.min(1)] == STAR)
        {
            continue;
        }
        let people = recount.people(row).len() as i64;
        assert!(people >= needed, "{people} people, {needed} needed: {row:?}");
    }
}

// Realistic days

fn realistic(zone: &str, first: &str, seed: u64, visitors: u32) -> Coverage {
    let zone = Zone::named(zone).unwrap();
    let scenario = Scenario {
        host: "example.com".into(),
        zone: zone.clone(),
        seed,
        k: 5,
        kept: Kept { language: true, ..Kept::default() },
        visitors,
        everything: true,
        flood: 60,
    };
    let first = Day::parse(first).unwrap();
    let mut coverage = Coverage::default();
    let mut hits = Vec::new();
    for day in [first, first.plus(1)] {
        let (of_day, met) = world::day(&scenario, day);
        coverage.join(&met);
        hits.extend(of_day);
    }
    hits.sort_by_key(|hit| hit.at);
    for (day, salt_epochs) in [(first, 1), (first.plus(1), 2)] {
        let calendar = zone.calendar(day);
        let mut steps = Vec::new();
        for (n, hit) in hits.iter().filter(|hit| calendar.holds(hit.at)).enumerate() {
            steps.push(match &hit.meaning {
                Meaning::Dropped(outcome) => Act::Drop(*outcome),
                Meaning::Counts(meant) => {
                    let arrival = Arrival {
                        moment: calendar.moment(hit.at),
                        visitor: hit.visitor.number,
                        described: hit.visitor.described.clone(),
                        hit: meant.clone(),
                    };
                    Act::Hit(Box::new(arrival), hit.notes.clone())
                }
            });
            if n % 700 == 650 {
                steps.push(Act::Freeze);
            }
        }
        let settings = Settings { day, k: 5, caps: (40, 9, 5) };
        check(settings, &Known::default(), &shop::funnels(), &steps, salt_epochs);
        check(Settings { k: 1, ..settings }, &Known::default(), &shop::funnels(), &steps, salt_epochs);
    }
    coverage
}

#[test]
fn realistic_days_count_as_the_recount_does() {
    let coverage = realistic("Europe/Tallinn", "2026-10-25", 1, 60);
    assert_eq!(coverage.missing(), Vec::<Feature>::new());
    realistic("America/New_York", "2026-03-08", 2, 30);
    realistic("Australia/Lord_Howe", "2026-10-04", 3, 25);
}

// Small random days

const PAGES: [&str; 5] =
    ["a.example/", "a.example/pricing", "a.example/blog/x", "a.example/blog/y", "b.example/docs/z"];

fn place(n: usize) -> Place {
    Place(
        [
            ["EE", "EE-37", "Tallinn"],
            ["EE", "EE-37", "Maardu"],
            ["EE", NONE, NONE],
            ["LV", "LV-RIX", "Riga"],
            [NONE; 3],
        ][n % 5]
            .map(Into::into),
    )
}

fn device(n: usize) -> Device {
    Device(
        [
            ["Chrome", "142", "Windows", "11", "Desktop"],
            ["Chrome", "141", "Windows", "11", "Desktop"],
            ["Firefox", "145", "Linux", NONE, "Desktop"],
            ["Safari", "18", "iOS", "18", "Mobile"],
        ][n % 4]
            .map(Into::into),
    )
}

fn attributes(n: usize) -> VisitAttributes {
    VisitAttributes(
        [
            ["Direct", NONE, NONE, NONE, NONE, NONE, NONE],
            ["Search", "Google", NONE, NONE, NONE, NONE, NONE],
            ["Email", "letter", "letter", "email", "nov", NONE, NONE],
            ["Email", "letter", "letter", "email", "dec", "x", NONE],
            ["Social", "Reddit", NONE, NONE, NONE, NONE, NONE],
        ][n % 5]
            .map(Into::into),
    )
}

fn kind(n: usize, scroll: u8, engaged_ms: u32) -> HitKind {
    let event = |name: &str,
                 interactive,
                 once_a_visit,
                 property: Option<(&str, &str, Option<u32>)>,
                 value| {
        let properties = property
            .map(|(property, value, cap)| PropertyHit { property: property.into(), value: value.into(), cap })
            .into_iter()
            .collect();
        HitKind::Event(EventHit { name: name.into(), properties, interactive, once_a_visit, value })
    };
    match n % 10 {
        0..4 => HitKind::View,
        4 => event("copy", true, false, Some(("what", ["x", "y", "z"][scroll as usize % 3], Some(2))), None),
        5 => event("seen", false, true, Some(("part", ["a", "b"][scroll as usize % 2], None)), None),
        6 => event(
            "buy",
            true,
            false,
            None,
            (!scroll.is_multiple_of(3)).then(|| ("EUR".into(), i64::from(scroll) - 9)),
        ),
        7 => event("seen", false, false, None, None),
        _ => HitKind::Engagement { scroll: (!scroll.is_multiple_of(4)).then_some(scroll), engaged_ms },
    }
}

/// (visitor, seconds since the hit before, page, kind, attributes, scroll, engaged).
type Draw = (u64, u32, usize, usize, usize, u8, u32);

fn draw() -> impl Strategy<Value = Draw> {
    let gap = prop_oneof![6 => 0..400u32, 2 => Just(1800u32), 2 => Just(1801u32), 1 => 1700..9000u32];
    (0..12u64, gap, 0..7usize, 0..10usize, 0..5usize, 0..=100u8, 0..200_000u32)
}

fn steps_of(calendar: &Calendar, draws: &[Draw]) -> Vec<Act> {
    let mut at = calendar.starts + 5_400_000;
    let mut steps = Vec::new();
    for (n, &(visitor, gap, page, what, from, scroll, engaged_ms)) in draws.iter().enumerate() {
        at = (at + i64::from(gap) * 1000).min(calendar.ends - 1);
        let page = PAGES.get(page).map(|&page| Text::from(page));
        let sections: &[&str] = &["/blog/*", "/docs/*", "/blog/x*"];
        let matching = |pattern: &&&str| {
            page.as_ref().is_some_and(|page| mayfly::domain::declaration::matches_path(pattern, page))
        };
        let sections = sections.iter().filter(matching).map(|&pattern| pattern.into()).collect();
        let hit = Hit { page, sections, visit: attributes(from), kind: kind(what, scroll, engaged_ms) };
        let described = Described {
            place: place(visitor as usize),
            device: device(visitor as usize / 2),
            language: Language(["et", "en", NONE][visitor as usize % 3].into()),
        };
        let arrival = Arrival { moment: calendar.moment(at), visitor, described, hit };
        steps.push(Act::Hit(Box::new(arrival), Vec::new()));
        if n % 13 == 11 {
            steps.push(Act::Freeze);
        }
    }
    steps
}

fn small_funnels() -> Vec<Arc<Funnel>> {
    let steps =
        vec![Step::Page("/pricing".into()), Step::Section("/blog/*".into()), Step::Event("copy".into())];
    let twice = vec![Step::Page("a.example/".into()), Step::Page("/".into()), Step::Event("seen".into())];
    vec![
        Arc::new(Funnel { name: "one".into(), steps }),
        Arc::new(Funnel { name: "two".into(), steps: twice }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn random_days_count_as_the_recount_does(
        draws in prop::collection::vec(draw(), 1..90),
        k in prop_oneof![Just(1u32), Just(5), 2..7u32],
        salt_epochs in 1..=3u32,
        caps in prop_oneof![Just((100u32, 100u32, 100u32)), (1..5u32, 1..4u32, 1..3u32)],
    ) {
        let day = Day::parse("2026-10-25").unwrap();
        let calendar = Zone::named("Europe/Tallinn").unwrap().calendar(day);
        let mut known = Known::default();
        known.pages.insert(PAGES[3].into());
        known.sources.insert("Reddit".into());
        let settings = Settings { day, k, caps };
        check(settings, &known, &small_funnels(), &steps_of(&calendar, &draws), salt_epochs);
    }
}
