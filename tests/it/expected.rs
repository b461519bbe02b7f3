//! What a report must say, worked out from the naive recount's lines and nothing of the product's plans.

use std::collections::BTreeMap;

use mayfly::{
    domain::{
        Text,
        counters::Counter,
        day::{Calendar, Hour, UnixMs},
        declaration::Step,
        row::{Family, Table},
    },
    simulate::{
        shop,
        told::Rules,
        truth::{Line, Lines, Truth},
    },
};
use serde_json::{Map, Value, json};

/// Sums of counters: of pages, and of events.
#[derive(Clone, Copy, Default, PartialEq)]
pub struct Sums {
    page: [i64; Counter::COUNT],
    pub event: [i64; 4],
}

impl Sums {
    fn add(&mut self, line: &Line, counts: &[i64]) {
        let own: &mut [i64] = if line.table == Table::Events { &mut self.event } else { &mut self.page };
        own.iter_mut().zip(counts).for_each(|(own, n)| *own += n);
    }

    pub fn n(&self, counter: Counter) -> i64 {
        self.page[counter as usize]
    }

    fn rate(&self, over: Counter, under: Counter) -> Value {
        ratio(self.n(over), self.n(under) as f64)
    }
}

pub fn ratio(over: i64, under: f64) -> Value {
    if under > 0.0 { json!(over as f64 / under) } else { Value::Null }
}

/// How the rows of a panel are read.
#[derive(Clone, Copy, PartialEq)]
pub enum As {
    /// Of an attribute, or all together.
    Whole,
    /// One page or section that visits saw.
    Seen,
    Began,
    Ended,
    /// Visits and visitors of the bare list of sources.
    Source,
}

/// The numbers of a row, by their keys in the JSON.
pub fn numbers(sums: &Sums, how: As) -> Map<String, Value> {
    use Counter::*;
    let n = |counter| json!(sums.n(counter));
    let began =
        [("bounce_rate", sums.rate(Bounces, Visits)), ("visit_duration", sums.rate(VisitSeconds, Visits))];
    let read = [
        ("time_on_page", sums.rate(EngagedSeconds, Pageviews)),
        ("scroll_depth", ratio(sums.n(ScrollPercent), sums.n(ScrollViews) as f64 * 100.0)),
    ];
    let mut out = match how {
        As::Ended => vec![("visits", n(Exits)), ("exits", n(Exits))],
        As::Seen => vec![
            ("visits", n(PageVisits)),
            ("visitors", n(PageVisitors)),
            ("page_visits", n(PageVisits)),
            ("page_visitors", n(PageVisitors)),
            ("pageviews", n(Pageviews)),
            ("views_per_visit", sums.rate(Pageviews, PageVisits)),
            ("exits", n(Exits)),
        ],
        _ => vec![("visits", n(Visits)), ("visitors", n(Visitors))],
    };
    if how == As::Whole {
        out.extend([("pageviews", n(Pageviews)), ("views_per_visit", sums.rate(Pageviews, Visits))]);
    }
    if matches!(how, As::Whole | As::Seen | As::Began) {
        out.extend(began);
    }
    if matches!(how, As::Whole | As::Seen) {
        out.extend(read);
    }
    out.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// One panel: numbers by row, and what no row tells.
pub struct Panel {
    pub rows: BTreeMap<String, Map<String, Value>>,
    pub other: Value,
    /// Share of what rows are ordered by; `null` where rows overlap.
    pub told: Value,
}

/// A day as a reader must see it.
pub struct Expected {
    /// Page rows, sources, events and the ledger.
    pub live: Lines,
    /// Everything else: as of the last full hour.
    pub settled: Lines,
    /// The last hour that has begun; `None`: the day is over.
    pub hour: Option<Hour>,
    pub calendar: Calendar,
}

impl Expected {
    /// An open day at an instant. `staff` sees pages and sources as they are now.
    pub fn open(truth: &Truth, calendar: &Calendar, now: UnixMs, rules: Rules, staff: bool) -> Expected {
        let moment = calendar.moment(now);
        let settled = truth.recount_before(moment.stretch).closed(rules);
        let live = if staff { truth.recount().closed(rules) } else { settled.clone() };
        Expected { live, settled, hour: Some(moment.hour), calendar: calendar.clone() }
    }

    /// A closed day, the same for every reader.
    pub fn closed(truth: &Truth, calendar: &Calendar, rules: Rules) -> Expected {
        let lines = truth.recount().closed(rules);
        Expected { live: lines.clone(), settled: lines, hour: None, calendar: calendar.clone() }
    }

    /// Sums by one key of the lines that `taken` takes.
    pub fn by(
        &self,
        table: Table,
        family: Family,
        key: usize,
        taken: impl Fn(&[Text]) -> bool,
    ) -> BTreeMap<String, Sums> {
        let is_live = matches!(
            (table, family),
            (Table::Pages | Table::Events, Family::Page) | (Table::Pages, Family::Source)
        );
        let mut sums: BTreeMap<String, Sums> = BTreeMap::new();
        for (line, counts) in if is_live { &self.live } else { &self.settled } {
            if line.table == table && line.family == family && taken(&line.keys) {
                sums.entry(line.keys[key].to_string()).or_default().add(line, counts);
            }
        }
        sums
    }

    fn pages(&self) -> BTreeMap<String, Sums> {
        self.by(Table::Pages, Family::Page, 1, is_page)
    }

    pub fn whole(&self) -> Sums {
        total(&self.pages())
    }

    /// Tiles by key.
    pub fn tiles(&self) -> Map<String, Value> {
        let mut tiles = numbers(&self.whole(), As::Whole);
        tiles.retain(|key, _| !["time_on_page", "scroll_depth"].contains(&key.as_str()));
        tiles
    }

    /// The chart's buckets by the hour, in order.
    pub fn buckets(&self) -> Vec<(String, Map<String, Value>)> {
        let mut hours: Vec<Hour> = self.calendar.hours().collect();
        hours.sort();
        hours.dedup();
        let bucket = |hour: Hour| {
            let mut sums = Sums::default();
            let of_hour =
                |line: &&Line| line.hour == Some(hour) && line.table == Table::Pages && is_page(&line.keys);
            self.live
                .iter()
                .filter(|(line, _)| of_hour(line))
                .for_each(|(line, counts)| sums.add(line, counts));
            let mut values = numbers(&sums, As::Whole);
            values.insert("exits".into(), json!(sums.n(Counter::Exits)));
            if self.hour.is_some_and(|now| hour > now) {
                values.values_mut().for_each(|value| *value = Value::Null);
            }
            (format!("{}T{:02}", self.calendar.day, hour.0), values)
        };
        hours.into_iter().map(bucket).collect()
    }

    /// All panels that are answered without a filter.
    pub fn panels(&self) -> BTreeMap<&'static str, Panel> {
        use Counter::{Exits, Pageviews, Visits};
        let all = |_: &[Text]| true;
        let kept = |sums: &BTreeMap<String, Sums>, counter| -> BTreeMap<String, Sums> {
            sums.iter()
                .filter(|(_, one)| one.n(counter) != 0)
                .map(|(label, one)| (label.clone(), *one))
                .collect()
        };
        let pages = self.pages();
        let sections = self.by(Table::Pages, Family::Page, 1, |keys| &*keys[0] == "section");
        let mut panels = BTreeMap::from([
            ("page", listed(kept(&pages, Pageviews), As::Seen, None)),
            ("section", listed(kept(&sections, Pageviews), As::Seen, None)),
            ("entry_page", listed(kept(&pages, Visits), As::Began, Some((self.whole(), Visits)))),
            ("exit_page", listed(kept(&pages, Exits), As::Ended, Some((self.whole(), Exits)))),
            ("event", self.events()),
            ("goal", self.goals()),
            ("funnel", self.funnels()),
        ]);
        for (name, key) in [("channel", 0), ("source", 1)] {
            let sums = self.by(Table::Pages, Family::Source, key, all);
            panels.insert(name, parted(sums, As::Source));
        }
        let utm = ["utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term"];
        for (at, name) in utm.into_iter().enumerate() {
            panels.insert(name, parted(self.by(Table::Pages, Family::Visit, 4 + at, is_page), As::Whole));
        }
        panels.insert("country", parted(self.by(Table::Pages, Family::Place, 2, all), As::Whole));
        for (name, key) in [("browser", 2), ("os", 4), ("device", 6)] {
            panels.insert(name, parted(self.by(Table::Pages, Family::Device, key, all), As::Whole));
        }
        panels.insert("language", parted(self.by(Table::Pages, Family::Language, 0, all), As::Whole));
        panels
    }

    fn events(&self) -> Panel {
        let own = |keys: &[Text]| keys[1].is_empty() && &*keys[4] == "page";
        let mut sums = self.by(Table::Events, Family::Page, 0, own);
        for event in shop::events() {
            sums.entry(event.name.to_string()).or_default();
        }
        let visits = self.whole().n(Counter::Visits);
        let row = |sums: &Sums| -> Map<String, Value> {
            let [events, visitors, event_visits, value] = sums.event;
            let rate = if events == 0 { Value::Null } else { ratio(event_visits, visits as f64) };
            let row = json!({
                "events": events, "event_visitors": visitors, "event_visits": event_visits,
                "value_sum": value, "event_rate": rate,
            });
            row.as_object().cloned().unwrap()
        };
        let rows = sums.iter().map(|(name, sums)| (name.clone(), row(sums))).collect();
        Panel { rows, other: Value::Null, told: Value::Null }
    }

    fn goals(&self) -> Panel {
        let visits = self.whole().n(Counter::Visits);
        let reached = |step: &Step| -> i64 {
            let path = |label: &String| label.find('/').map_or("", |at| &label[at..]).to_owned();
            match step {
                Step::Page(page) => self
                    .pages()
                    .iter()
                    .filter(|(label, _)| path(label) == **page)
                    .map(|(_, one)| one.n(Counter::PageVisits))
                    .sum(),
                Step::Section(pattern) => {
                    let sections = self.by(Table::Pages, Family::Page, 1, |keys| {
                        &*keys[0] == "section" && keys[1] == *pattern
                    });
                    total(&sections).n(Counter::PageVisits)
                }
                Step::Event(name) => {
                    let own = |keys: &[Text]| keys[0] == *name && keys[1].is_empty() && &*keys[4] == "page";
                    total(&self.by(Table::Events, Family::Page, 0, own)).event[2]
                }
            }
        };
        let row = |step: &Step| {
            let n = reached(step);
            let rate = ratio(n, visits as f64);
            json!({"visits": n, "event_rate": rate, "reached_by": step}).as_object().cloned().unwrap()
        };
        let rows = shop::goals().iter().map(|goal| (goal.name.to_string(), row(&goal.reached_by))).collect();
        Panel { rows, other: Value::Null, told: Value::Null }
    }

    fn funnels(&self) -> Panel {
        let entrants = |name: &Text, step: usize| -> i64 {
            let is = |line: &&Line| {
                line.table == Table::Funnels
                    && line.family == Family::Page
                    && line.keys[0] == *name
                    && *line.keys[1] == *step.to_string()
            };
            self.settled.iter().filter(|(line, _)| is(line)).map(|(_, counts)| counts[0]).sum()
        };
        let row = |funnel: &mayfly::domain::declaration::Funnel| {
            let steps: Vec<i64> = (1..=funnel.steps.len()).map(|step| entrants(&funnel.name, step)).collect();
            json!({"entrants": steps[0], "steps": steps}).as_object().cloned().unwrap()
        };
        let rows = shop::funnels().iter().map(|funnel| (funnel.name.to_string(), row(funnel))).collect();
        Panel { rows, other: Value::Null, told: Value::Null }
    }

    /// The ledger as `live` lists it.
    pub fn ledger(&self) -> BTreeMap<String, i64> {
        let lines = self.live.iter().filter(|(line, _)| line.table == Table::Ledger);
        lines.map(|(line, counts)| (line.keys[0].to_string(), counts[0])).collect()
    }
}

fn is_page(keys: &[Text]) -> bool {
    &*keys[0] == "page"
}

pub fn total(sums: &BTreeMap<String, Sums>) -> Sums {
    let mut total = Sums::default();
    for one in sums.values() {
        total.page.iter_mut().zip(one.page).for_each(|(own, n)| *own += n);
        total.event.iter_mut().zip(one.event).for_each(|(own, n)| *own += n);
    }
    total
}

/// Rows that part the visits: `*` is no row but Other.
fn parted(mut sums: BTreeMap<String, Sums>, how: As) -> Panel {
    let whole = total(&sums);
    sums.remove("*");
    listed(sums, how, Some((whole, Counter::Visits)))
}

fn listed(sums: BTreeMap<String, Sums>, how: As, whole: Option<(Sums, Counter)>) -> Panel {
    let (mut other, mut told) = (Value::Null, Value::Null);
    if let Some((whole, by)) = whole {
        let rows = total(&sums);
        let mut left = whole;
        left.page.iter_mut().zip(rows.page).for_each(|(own, n)| *own -= n);
        if left != Sums::default() {
            other = Value::Object(numbers(&left, how));
        }
        told = ratio(rows.n(by), whole.n(by) as f64);
    }
    Panel {
        rows: sums.iter().map(|(label, sums)| (label.clone(), numbers(sums, how))).collect(),
        other,
        told,
    }
}
