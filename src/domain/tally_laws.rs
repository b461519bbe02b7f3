//! Laws that hold for any traffic.

use std::{collections::BTreeMap, sync::Arc};

use proptest::prelude::*;

use super::{
    attributes::VisitAttributes,
    counters::{Counter, Counters},
    declaration::{Funnel, Step},
    hit::{EventHit, Hit, HitKind, PropertyHit, VisitorKey},
    outcome::Outcome,
    region::{Heap, Region},
    row::{Family, KIND_SECTION, Row, Table},
    tally::{Arrival, Caps, Delta, OpenDay},
    tally_tests::{described, moment, open, settings},
};

#[derive(Clone, Debug)]
struct Sent {
    visitor: u64,
    pause: u32,
    country: usize,
    hit: Hit,
}

fn any_kind() -> impl Strategy<Value = HitKind> {
    let event = (0..2usize, 0..4usize, any::<bool>(), any::<bool>(), prop::option::of(1..99i64)).prop_map(
        |(name, value, interactive, once_a_visit, revenue)| {
            let property = PropertyHit {
                property: "plan".into(),
                value: ["s", "m", "l", "xl"][value].into(),
                cap: Some(3),
            };
            HitKind::Event(EventHit {
                name: ["buy", "look"][name].into(),
                properties: [property].into_iter().collect(),
                interactive,
                once_a_visit,
                value: revenue.map(|n| ("EUR".into(), n)),
            })
        },
    );
    let engagement = (prop::option::of(0..=100u8), 0..100_000u32)
        .prop_map(|(scroll, engaged_ms)| HitKind::Engagement { scroll, engaged_ms });
    prop_oneof![3 => Just(HitKind::View), 1 => event, 1 => engagement]
}

fn any_hit() -> impl Strategy<Value = Hit> {
    (any_kind(), prop::option::weighted(0.9, 0..7usize), 0..5usize, 0..4usize).prop_map(
        |(kind, page, source, campaign)| {
            let page = page.map(|page| format!("a/{page}"));
            let mut sections = smallvec::SmallVec::new();
            if page.as_ref().is_some_and(|page| page.as_str() < "a/3") {
                sections.push("/low".into());
            }
            if page.as_ref().is_some_and(|page| ("a/2".."a/6").contains(&page.as_str())) {
                sections.push("/mid".into());
            }
            let mut visit = VisitAttributes::default();
            visit.0[0] = ["Search", "Social", "(continued)", "Direct", "Email"][source].into();
            visit.0[1] = ["g", "h", "(continued)", "(none)", "m"][source].into();
            visit.0[4] = ["(none)", "(none)", "spring", "summer"][campaign].into();
            Hit { page: page.map(Into::into), sections, visit, kind }
        },
    )
}

fn any_sent() -> impl Strategy<Value = Vec<Sent>> {
    let pause = prop_oneof![6 => 0..300u32, 1 => 1_799..1_803u32, 1 => 0..5_000u32];
    let one = (0..12u64, pause, 0..4usize, any_hit()).prop_map(|(visitor, pause, country, hit)| Sent {
        visitor,
        pause,
        country,
        hit,
    });
    prop::collection::vec(one, 1..90)
}

fn small_caps() -> Caps {
    Caps { pages: 5, sources: 2, utm_each: 1, cells_per_family: 40, visitors: 9, proposals: 3 }
}

fn any_caps() -> impl Strategy<Value = Caps> {
    let tiny = Caps { cells_per_family: 6, ..small_caps() };
    prop_oneof![Just(Caps::default()), Just(small_caps()), Just(tiny)]
}

fn funnels() -> Vec<Arc<Funnel>> {
    let steps = vec![Step::Section("/low".into()), Step::Page("a/5".into()), Step::Event("buy".into())];
    vec![Arc::new(Funnel { name: "f".into(), steps })]
}

/// Seconds of the hits; the day ends before 24:00.
fn seconds(sent: &[Sent]) -> Vec<u32> {
    let mut now = 0;
    let step = |one: &Sent| {
        now = (now + one.pause).min(86_399);
        now
    };
    sent.iter().map(step).collect()
}

fn send(day: &mut OpenDay, sent: &[Sent], at: &[u32]) -> Vec<Delta> {
    let funnels = funnels();
    let tally = |(one, &second): (&Sent, &u32)| {
        let described = described(["EE", "FI", "LV", "SE"][one.country]);
        let arrival = Arrival {
            key: VisitorKey(one.visitor),
            described: Some(&described),
            hit: &one.hit,
            notes: &[],
            funnels: &funnels,
        };
        day.tally_arrival(1, &arrival, moment(second))
    };
    sent.iter().zip(at).map(tally).collect()
}

/// Rows added up by key, without zeros: what any store would answer.
fn added(rows: Vec<Row>) -> BTreeMap<Row, Vec<i64>> {
    let mut sums: BTreeMap<Row, Vec<i64>> = BTreeMap::new();
    for row in rows {
        let counts = row.counts.to_vec();
        let key = Row { counts: Box::default(), ..row };
        let sum = sums.entry(key).or_insert_with(|| vec![0; counts.len()]);
        sum.iter_mut().zip(counts).for_each(|(sum, n)| *sum += n);
    }
    sums.retain(|_, sum| sum.iter().any(|&n| n != 0));
    sums
}

fn total(rows: &[Row], family: Family) -> Counters {
    let mut sum = Counters::default();
    let of = |row: &&Row| {
        row.table == Table::Pages
            && row.family == family
            && !row.keys.iter().any(|key| &**key == KIND_SECTION)
    };
    for row in rows.iter().filter(of) {
        sum.0.iter_mut().zip(&*row.counts).for_each(|(sum, n)| *sum += n);
    }
    sum
}

/// A group of pages meets a visitor once, so its first times are not the sum of its pages'.
fn without_firsts(mut sum: Counters) -> Counters {
    (sum[Counter::PageVisitors], sum[Counter::PageVisits]) = (0, 0);
    sum
}

/// As [`total`], with the sections that place and device count pages as, without first times.
fn grouped_total(rows: &[Row], family: Family) -> Counters {
    let mut sum = Counters::default();
    for row in rows.iter().filter(|row| row.table == Table::Pages && row.family == family) {
        sum.0.iter_mut().zip(&*row.counts).for_each(|(sum, n)| *sum += n);
    }
    without_firsts(sum)
}

fn sum_of(rows: &[Row], table: Table, family: Family, column: usize) -> i64 {
    let of = |row: &&Row| row.table == table && row.family == family;
    rows.iter().filter(of).map(|row| row.counts[column]).sum()
}

/// A region's bytes in a new region, as a crash leaves them.
struct Shared(Arc<std::sync::Mutex<Vec<u8>>>, Heap);

impl Region for Shared {
    fn bytes(&self) -> &[u8] {
        self.1.bytes()
    }
    fn bytes_mut(&mut self) -> &mut [u8] {
        self.1.bytes_mut()
    }
    fn grow(&mut self, len: usize) -> std::io::Result<()> {
        self.1.grow(len)
    }
    fn before_change(&mut self, _seq: u64, offset: usize, len: usize) {
        assert!(len <= 64 && offset + len <= self.1.bytes().len());
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        *self.0.lock().unwrap() = self.1.bytes().to_vec();
    }
}

fn surviving(bytes: &[u8]) -> Box<Heap> {
    let mut heap = Heap::default();
    heap.grow(bytes.len()).unwrap();
    heap.bytes_mut().copy_from_slice(bytes);
    Box::new(heap)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn families_count_the_same(sent in any_sent(), caps in any_caps(), k in 1..6u32, epochs in 1..3u32) {
        let mut day = open(k, caps);
        send(&mut day, &sent, &seconds(&sent));
        let closed = day.close(epochs);
        let rows = &closed.rows;
        prop_assert!(rows.iter().all(Row::is_well_formed));
        prop_assert!(rows.is_sorted());
        let page = total(rows, Family::Page);
        prop_assert_eq!(page[Counter::Exits], page[Counter::Visits]);
        prop_assert_eq!(total(rows, Family::Visit), page);
        prop_assert_eq!(total(rows, Family::Language), page);
        for family in [Family::Place, Family::Device] {
            prop_assert_eq!(grouped_total(rows, family), without_firsts(page));
        }
        let source = total(rows, Family::Source);
        prop_assert_eq!(source[Counter::Visits], page[Counter::Visits]);
        prop_assert_eq!(source[Counter::Visitors], page[Counter::Visitors]);
        prop_assert_eq!(sum_of(rows, Table::Flows, Family::Page, 0), page[Counter::Pageviews]);
        let ledger = |outcome: Outcome| {
            let of = |row: &&Row| row.table == Table::Ledger && &*row.keys[0] == outcome.name();
            rows.iter().filter(of).map(|row| row.counts[0]).sum::<i64>()
        };
        prop_assert_eq!(ledger(Outcome::Accepted) + ledger(Outcome::NoVisit), sent.len() as i64);
        for size in &closed.sizes {
            prop_assert_eq!(size.visits, page[Counter::Visits]);
        }
        let entrants = sum_of(rows, Table::Funnels, Family::Page, 0);
        prop_assert_eq!(sum_of(rows, Table::Funnels, Family::Visit, 0), entrants);
        let events = sum_of(rows, Table::Events, Family::Place, 0);
        prop_assert_eq!(sum_of(rows, Table::Events, Family::Device, 0), events);
    }

    #[test]
    fn told_rows_are_crowds(sent in any_sent(), k in 2..6u32, epochs in 1..3u32) {
        let mut day = open(k, Caps::default());
        send(&mut day, &sent, &seconds(&sent));
        let needed = i64::from((k - 1) * epochs + 1);
        let rows = day.close(epochs).rows;
        for family in [Family::Place, Family::Device, Family::Language] {
            let pages: Vec<_> =
                rows.iter().filter(|row| row.table == Table::Pages && row.family == family).collect();
            let is_all = |row: &Row| row.keys.iter().all(|key| &**key == "*" || &**key == "page");
            for row in &pages {
                let is_told = family != Family::Language && &*row.keys[1] != "*";
                let size = row.counts[if is_told { Counter::PageVisitors } else { Counter::Visitors } as usize];
                prop_assert!(size >= needed || (pages.len() == 1 && is_all(row)), "{row:?}");
            }
            for row in rows.iter().filter(|row| row.table == Table::Events && row.family == family) {
                let alone = rows.iter().filter(|one| {
                    one.table == Table::Events && one.family == family && one.keys[0] == row.keys[0]
                });
                prop_assert!(row.counts[1] >= needed || alone.count() == 1, "{row:?}");
            }
        }
    }

    #[test]
    fn releases_add_up(sent in any_sent(), caps in any_caps(), cut in 0..90usize) {
        let at = seconds(&sent);
        let mut whole = open(3, caps.clone());
        send(&mut whole, &sent, &at);
        let mut cut_up = open(3, caps.clone());
        let cut = cut.min(sent.len());
        send(&mut cut_up, &sent[..cut], &at[..cut]);
        let live = cut_up.live().into_rows();
        let mut rows = cut_up.freeze();
        let page_family = |row: &Row| row.family != Family::Source;
        prop_assert_eq!(&live.into_iter().filter(page_family).collect::<Vec<_>>(), &rows);
        prop_assert!(cut_up.freeze().is_empty());
        send(&mut cut_up, &sent[cut..], &at[cut..]);
        rows.extend(cut_up.close(1).rows);
        // A cap on cells of the page family counts what waits, so only sums are equal under it.
        if caps.cells_per_family > 10_000 {
            prop_assert_eq!(added(rows), added(whole.close(1).rows));
        } else {
            prop_assert_eq!(total(&rows, Family::Page), total(&whole.close(1).rows, Family::Page));
        }
    }

    #[test]
    fn replayed_deltas_are_the_day(sent in any_sent(), caps in any_caps()) {
        let mut day = open(3, caps.clone());
        let deltas = send(&mut day, &sent, &seconds(&sent));
        let mut again = open(3, caps);
        for delta in &deltas {
            let bytes = postcard::to_stdvec(delta).unwrap();
            again.apply(&postcard::from_bytes(&bytes).unwrap());
        }
        prop_assert_eq!(again.live().into_rows(), day.live().into_rows());
        prop_assert_eq!(again.settled().rows(3, 1), day.settled().rows(3, 1));
        prop_assert_eq!(again.visits_maybe_running(), day.visits_maybe_running());
        prop_assert_eq!(again.close(1).rows, day.close(1).rows);
    }

    #[test]
    fn a_crash_changes_nothing(sent in any_sent(), caps in any_caps(), cut in 0..90usize) {
        let at = seconds(&sent);
        let mut whole = open(3, caps.clone());
        send(&mut whole, &sent, &at);
        let cut = cut.min(sent.len());
        let kept: [Arc<std::sync::Mutex<Vec<u8>>>; 2] = Default::default();
        let region = |at: usize| Box::new(Shared(kept[at].clone(), Heap::default()));
        let mut day = OpenDay::new(settings(3, caps.clone()), region(0), region(1));
        let deltas = send(&mut day, &sent[..cut], &at[..cut]);
        drop(day);
        let bytes = |at: usize| kept[at].lock().unwrap().clone();
        let mut day = OpenDay::new(settings(3, caps), surviving(&bytes(0)), surviving(&bytes(1)));
        deltas.iter().for_each(|delta| day.apply(delta));
        send(&mut day, &sent[cut..], &at[cut..]);
        prop_assert_eq!(day.close(1).rows, whole.close(1).rows);
    }

    #[test]
    fn settled_is_what_was_there_at_the_turn(sent in any_sent(), k in 1..6u32) {
        let at = seconds(&sent);
        let last_hour = at.last().unwrap() / 3600;
        let cut = at.iter().filter(|&second| second / 3600 < last_hour).count();
        let mut day = open(k, Caps::default());
        send(&mut day, &sent, &at);
        let settled = day.settled().rows(k, 1);
        let mut before = open(k, Caps::default());
        send(&mut before, &sent[..cut], &at[..cut]);
        let closed: Vec<Row> = match cut {
            0 => Vec::new(),
            _ => before.close(1).rows,
        };
        let mut shown: Vec<Row> = settled.into_values().flatten().collect();
        shown.sort();
        prop_assert_eq!(shown, closed);
    }
}
