//! An install that is killed again and again, with the truth of what it must hold: every acknowledged hit once,
//! and of the hits without an answer those that its own numbers show.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use mayfly::{
    domain::{
        counters::Counter,
        day::{Day, UnixMs, Zone},
        outcome::{Note, Outcome},
        row::{Family, Table},
    },
    simulate::{
        shop,
        told::Rules,
        truth::{Arrival, Lines, Recount, Truth, What, lines_of},
    },
};
use serde_json::{Map, Value};

use super::{
    super::{
        api::{Api, SITE},
        compare::{assert_none, differences},
        expected::Expected,
        faults::Faults,
        play::{K, declare_shop},
        rows::Stored,
        server::{Home, PATIENCE, Server},
    },
    load::{Clock, EVENTS, Lane, PLANS, Run, lane_name},
    power::Mirror,
};

/// How an install keeps what a kill must not lose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeping {
    /// Journal keys in the data directory, visitors in the runtime directory.
    Power,
    /// Both in the runtime directory.
    Process,
    /// No runtime directory: a start forgets who was there.
    Nothing,
}

/// What is known of a site-day beside its hits.
#[derive(Clone, Debug)]
pub struct Known {
    pub epochs: u32,
    /// Starts that forgot visits, and how many.
    restarted: u64,
    forgotten: u64,
    /// Hits without an answer that change no number but the ledger's, and were found there.
    silent: u64,
    /// More that may be there.
    doubtful: u64,
    /// Its rows in the store were held against the truth.
    pub checked: bool,
}

pub struct Install {
    pub home: Arc<Home>,
    pub clock: Arc<Clock>,
    pub faults: Faults,
    pub keeping: Keeping,
    /// What a power loss would leave of the data directory, where that is kept.
    pub mirror: Option<Mirror>,
    /// The last start found nothing of what was in memory.
    memory_lost: bool,
    pub zone: Zone,
    key: String,
    pub lanes: Vec<Lane>,
    pub days: BTreeMap<Day, Known>,
    /// Page views and events that were acknowledged or found counted.
    pub in_doubt: u64,
    pub found: u64,
}

impl Install {
    /// A site with its vocabulary, made the day before; the clock stands at ten in the morning.
    pub fn new(keeping: Keeping, lanes: usize, seed: u64) -> Install {
        let home = Arc::new(Home::at("2026-11-19T12:00:00Z"));
        home.run(&["site", "add", SITE, "--timezone", "UTC"]);
        home.run(&["site", "set", SITE, "kept", "language"]);
        declare_shop(&home);
        let values: Vec<_> = (0..lanes).map(lane_name).collect();
        for (event, interactive) in EVENTS {
            let (lane, plan) = (format!("lane={}", values.join(",")), format!("plan={}", PLANS.join(",")));
            let mut line = vec!["event", "add", SITE, event, "--property", &lane, "--property", &plan];
            line.extend((!interactive).then_some(["--passive", "--once", "visit"]).into_iter().flatten());
            line.extend((event == "buy").then_some(["--currency", shop::CURRENCY]).into_iter().flatten());
            home.run(&line);
        }
        let key = home.run(&["key", "add", "staff", "--site", SITE, "--scope", "staff"]);
        let zone = Zone::utc();
        let now = zone.start_of(Day::parse("2026-11-20").unwrap()) + 10 * 3_600_000;
        let faults = home.faults();
        Install {
            clock: Arc::new(Clock::new(home.clone(), now)),
            lanes: (0..lanes).map(|index| Lane::new(index, seed)).collect(),
            days: BTreeMap::new(),
            in_doubt: 0,
            found: 0,
            home,
            faults,
            keeping,
            mirror: None,
            memory_lost: false,
            zone,
            key,
        }
    }

    pub fn flags(&self) -> Vec<String> {
        let runtime = match self.keeping {
            Keeping::Nothing => "none".to_owned(),
            _ => self.home.runtime.path().join("run").to_str().unwrap().to_owned(),
        };
        let durability = if self.keeping == Keeping::Process { "process" } else { "power" };
        ["--runtime", &runtime, "--flush-interval", "1s", "--durability", durability]
            .map(str::to_owned)
            .to_vec()
    }

    pub fn command(&self) -> std::process::Command {
        let flags = self.flags();
        let mut command = self.home.serving(&flags.iter().map(String::as_str).collect::<Vec<_>>());
        self.faults.over(&mut command);
        self.mirror.iter().for_each(|mirror| mirror.over(&mut command));
        command
    }

    /// Nothing runs: the disk goes back to what was synced, and memory is empty.
    pub fn lose_power(&mut self) {
        self.mirror = self.mirror.take().map(Mirror::lose_power);
        let run = self.home.runtime.path().join("run");
        if run.exists() {
            std::fs::remove_dir_all(run).unwrap();
        }
        self.memory_lost = true;
    }

    /// A start, without a look at what it holds.
    pub fn start(&self) -> Server {
        Server::start(self.command())
    }

    /// A load on a server: what the lanes share.
    pub fn run(&self, server: &Server) -> Arc<Run> {
        let address = server.origin.strip_prefix("http://").unwrap().parse().unwrap();
        let epochs = self.days.iter().map(|(&day, known)| (day, known.epochs)).collect();
        Arc::new(Run::new(address, self.clock.clone(), self.zone.clone(), epochs))
    }

    /// Starts and holds all that the server says against the truth.
    pub async fn start_and_check(&mut self, what: &str) -> Server {
        let server = self.start();
        self.check(&server, what).await;
        server
    }

    /// Finds out which hits without an answer were counted, and then holds every number of all days in question
    /// against the naive recount.
    pub async fn check(&mut self, server: &Server, what: &str) {
        let api = Api::of(server);
        let now = self.clock.now().await;
        let today = self.zone.day_at(now);
        let mut days: BTreeSet<Day> =
            self.lanes.iter().filter_map(|lane| Some(lane.doubt.as_ref()?.day)).collect();
        days.extend(self.days.iter().filter(|(_, known)| !known.checked).map(|(&day, _)| day));
        days.insert(today);
        days.extend(self.lanes.iter().flat_map(|lane| lane.counted.keys().rev().take(1).copied()));
        for &day in &days {
            self.days.entry(day).or_insert(Known {
                epochs: 1,
                restarted: 0,
                forgotten: 0,
                silent: 0,
                doubtful: 0,
                checked: false,
            });
            self.resolve(&api, day, what).await;
        }
        if std::mem::take(&mut self.memory_lost) || self.keeping == Keeping::Nothing {
            self.forget(today);
        }
        for day in days {
            match day == today {
                true => self.check_open(&api, day, now, what).await,
                false => self.check_closed(&api, day, what).await,
            }
        }
    }

    /// Each hit in doubt is counted whole or not at all.
    async fn resolve(&mut self, api: &Api, day: Day, what: &str) {
        if !self.lanes.iter().any(|lane| lane.doubt.as_ref().is_some_and(|doubt| doubt.day == day)) {
            return;
        }
        let shown = Shown::of(api, day, &self.key).await;
        let known = self.days.get_mut(&day).unwrap();
        for lane in self.lanes.iter_mut().filter(|lane| lane.doubt.as_ref().is_some_and(|it| it.day == day)) {
            self.in_doubt += 1;
            let doubt = lane.doubt.take().unwrap();
            let hits = lane.counted.entry(day).or_default();
            let without = shown.differences(&lane.name, &lines(day, hits));
            hits.push(doubt.arrival);
            let with = shown.differences(&lane.name, &lines(day, hits));
            match (without.is_empty(), with.is_empty()) {
                (false, true) => self.found += 1,
                (true, with) => {
                    hits.pop();
                    if with {
                        // It changes nothing that is shown; whose it was is not known, so they come no more.
                        known.doubtful += 1;
                        lane.forget_visitors();
                    }
                }
                (false, false) => panic!(
                    "{what}: {day}: lane {} has neither its acknowledged hits {without:#?} nor one more {with:#?}",
                    lane.name
                ),
            }
        }
    }

    /// A start without handover: whoever comes now is another visitor, if anybody was there.
    fn forget(&mut self, day: Day) {
        let known = self.days.get_mut(&day).unwrap();
        let (recount, last) = (truth(&self.lanes, day).recount(), last_stretch(&self.lanes, day));
        let of_epoch = |visitor: u64| visitor >> 40 == u64::from(known.epochs);
        if !recount.facts.iter().any(|fact| of_epoch(fact.visitor)) {
            return;
        }
        known.forgotten +=
            begun(&recount, |fact| of_epoch(fact.visitor) && fact.hour.0 <= last && fact.hour.0 + 1 >= last);
        known.restarted += 1;
        known.epochs += 1;
    }

    fn truth(&self, day: Day) -> Truth {
        let mut truth = truth(&self.lanes, day);
        let known = &self.days[&day];
        (0..known.restarted).for_each(|_| truth.note(Note::RestartedWithoutHandover));
        (0..known.forgotten).for_each(|_| truth.note(Note::VisitsForgotten));
        truth
    }

    fn rules(&self, day: Day) -> Rules {
        Rules { k: K, salt_epochs: self.days[&day].epochs }
    }

    async fn check_open(&mut self, api: &Api, day: Day, now: UnixMs, what: &str) {
        let calendar = self.zone.calendar(day);
        let expected = Expected::open(&self.truth(day), &calendar, now, self.rules(day), true);
        let as_of = format!("{:02}:00", calendar.moment(now).hour.0);
        let end = std::time::Instant::now() + PATIENCE;
        let report = loop {
            let report = api.read("report", "p=day&limit=10000", &self.key).await;
            // The driver lets the hour turn a moment after the clock has.
            if report["meta"]["as_of"] == as_of.as_str() {
                break report;
            }
            assert!(std::time::Instant::now() < end, "{what}: the hour does not turn");
            tokio::task::yield_now().await;
        };
        assert_none(&unlike(&report, &expected), &format!("{what}: {day}"));
        let live = api.read("live", "", &self.key).await;
        let mut ledger: BTreeMap<String, i64> = serde_json::from_value(live["outcomes"].clone()).unwrap();
        self.settle_silent(day, &mut ledger, &expected.ledger(), what);
    }

    /// Hits in doubt that show nowhere else are in the ledger, or not.
    fn settle_silent(
        &mut self,
        day: Day,
        ledger: &mut BTreeMap<String, i64>,
        expected: &BTreeMap<String, i64>,
        what: &str,
    ) {
        let known = self.days.get_mut(&day).unwrap();
        let mut expected = expected.clone();
        for name in [Outcome::Accepted.name(), Outcome::NoVisit.name(), Note::EventRepeated.name()] {
            if known.doubtful > 0 || known.silent > 0 {
                let named = |ledger: &BTreeMap<String, i64>| ledger.get(name).copied().unwrap_or(0);
                let more = named(ledger) - named(&expected);
                let most = (known.silent + known.doubtful) as i64;
                assert!((0..=most).contains(&more), "{what}: {day}: {more} more {name}");
                expected.insert(name.to_owned(), named(ledger));
            }
        }
        expected.retain(|_, n| *n != 0);
        (known.silent, known.doubtful) = (known.silent + known.doubtful, 0);
        assert_eq!(*ledger, expected, "{what}: the ledger of {day}");
    }

    async fn check_closed(&mut self, api: &Api, day: Day, what: &str) {
        let expected = Expected::closed(&self.truth(day), &self.zone.calendar(day), self.rules(day));
        let journal = format!("1-{day}.journal");
        super::super::server::until(format!("{what}: the close of {day}"), || {
            let files = [self.home.files("journal"), self.home.files("releases")].concat();
            let of_day = format!("1-{day}");
            (!files.contains(&journal) && !files.iter().any(|name| name.starts_with(&of_day))).then_some(())
        });
        let report = api.read("report", &format!("p={day}&limit=10000"), &self.key).await;
        assert_none(&unlike(&report, &expected), &format!("{what}: {day}, closed"));
    }

    /// Holds the rows of closed days that are in the store against the truth. The server does not run.
    pub fn check_stored(&mut self, what: &str) {
        let stored = Stored::of(self.home.data.path());
        let open: Vec<Day> =
            self.days.iter().filter(|(_, known)| !known.checked).map(|(&day, _)| day).collect();
        for day in open {
            let of_day = |select: &str| {
                stored.number(&format!("SELECT {select} FROM days WHERE site = 1 AND day = '{day}'"))
            };
            if of_day("count(*)") == 0 {
                continue;
            }
            let known = self.days[&day].clone();
            assert_eq!((of_day("count(*)"), of_day("k")), (1, i64::from(K)), "{what}: {day}");
            assert_eq!(of_day("min(salt_epochs)"), i64::from(known.epochs), "{what}: {day}: salt epochs");
            if self.lanes.iter().any(|lane| lane.doubt.as_ref().is_some_and(|doubt| doubt.day == day)) {
                continue;
            }
            let (mut ledger, lines) = parted(lines_of(&stored.rows(1, day)));
            let (expected_ledger, expected) = parted(self.truth(day).recount().closed(self.rules(day)));
            let keys: BTreeSet<_> = lines.keys().chain(expected.keys()).collect();
            let differing: Vec<_> = keys
                .into_iter()
                .filter(|&key| lines.get(key) != expected.get(key))
                .map(|key| format!("{key:?}: stored {:?}, expected {:?}", lines.get(key), expected.get(key)))
                .collect();
            assert_none(&differing, &format!("{what}: {day}: rows in the store"));
            self.settle_silent(day, &mut ledger, &expected_ledger, what);
            self.days.get_mut(&day).unwrap().checked = true;
        }
    }

    /// Hits that are counted, of all days and lanes.
    pub fn counted(&self) -> usize {
        self.lanes.iter().flat_map(|lane| lane.counted.values()).map(Vec::len).sum()
    }
}

/// What differs, but for the lanes' own events that nobody sent yet: they are listed as declared.
fn unlike(report: &Value, expected: &Expected) -> Vec<String> {
    let mut found = differences(report, expected);
    let rows = expected.panels().remove("event").unwrap().rows;
    let unsent: Vec<_> = EVENTS.iter().filter(|(event, _)| !rows.contains_key(*event)).collect();
    found.retain(|text| !unsent.iter().any(|(event, _)| text.starts_with(&format!("event {event}: shown"))));
    found.retain(|text| unsent.is_empty() || !text.starts_with("event total_rows"));
    found
}

/// The ledger's lines by outcome, and all others.
fn parted(lines: Lines) -> (BTreeMap<String, i64>, Lines) {
    let (ledger, lines): (Lines, Lines) =
        lines.into_iter().partition(|(line, _)| line.table == Table::Ledger);
    (ledger.into_iter().map(|(line, counts)| (line.keys[0].to_string(), counts[0])).collect(), lines)
}

fn truth(lanes: &[Lane], day: Day) -> Truth {
    let mut truth = Truth::new(day, shop::funnels());
    let hits = lanes.iter().filter_map(|lane| lane.counted.get(&day));
    hits.flatten().for_each(|hit| truth.arrive(hit.clone()));
    truth
}

fn last_stretch(lanes: &[Lane], day: Day) -> u8 {
    let hits = lanes.iter().filter_map(|lane| lane.counted.get(&day)).flatten();
    hits.map(|hit| hit.moment.stretch).max().unwrap_or(0)
}

/// Visits that began in facts that `taken` takes.
fn begun(recount: &Recount, taken: impl Fn(&mayfly::simulate::truth::Fact) -> bool) -> u64 {
    let begins = |what: &What| matches!(what, What::Page { scope: mayfly::simulate::truth::Scope::Page, counter, n: 1, .. } if *counter == Counter::Visits as usize);
    recount.facts.iter().filter(|fact| taken(fact) && begins(&fact.what)).count() as u64
}

fn lines(day: Day, hits: &[Arrival]) -> Lines {
    let mut truth = Truth::new(day, Vec::new());
    hits.iter().for_each(|hit| truth.arrive(hit.clone()));
    truth.recount().closed(Rules { k: 1, salt_epochs: 1 })
}

/// What a server shows of the lanes' own pages and events.
struct Shown {
    day: Day,
    pages: BTreeMap<String, Map<String, Value>>,
    entries: BTreeMap<String, Map<String, Value>>,
    /// By event and lane.
    events: BTreeMap<(String, String), Value>,
}

impl Shown {
    async fn of(api: &Api, day: Day, key: &str) -> Shown {
        let rows = |answer: &Value| answer["rows"].as_array().unwrap().clone();
        let named = |row: &Value| row["value"].as_str().unwrap().to_owned();
        let mut events = BTreeMap::new();
        for (event, _) in EVENTS {
            let query = format!("p={day}&event={event}&dimension=prop.lane&limit=10000");
            for row in rows(&api.read("rows", &query, key).await) {
                events.insert((event.to_owned(), named(&row)), row["events"].clone());
            }
        }
        let mut of_dimension = Vec::new();
        for dimension in ["page", "entry_page"] {
            let query = format!("p={day}&dimension={dimension}&limit=10000");
            let rows = rows(&api.read("rows", &query, key).await);
            of_dimension
                .push(rows.iter().map(|row| (named(row), row.as_object().unwrap().clone())).collect());
        }
        let [pages, entries] = of_dimension.try_into().unwrap();
        Shown { day, pages, entries, events }
    }

    /// What a lane's own pages and events show otherwise than its hits say.
    fn differences(&self, lane: &str, lines: &Lines) -> Vec<String> {
        let zone = Zone::utc();
        let expected = Expected {
            live: lines.clone(),
            settled: Lines::new(),
            hour: None,
            calendar: zone.calendar(self.day),
        };
        let panels = expected.panels();
        let mut found = super::super::compare::Differences::default();
        for (shown, panel) in [(&self.pages, &panels["page"]), (&self.entries, &panels["entry_page"])] {
            let own = |label: &&String| label.ends_with(&format!("/{lane}"));
            let labels: BTreeSet<&String> = shown.keys().filter(own).chain(panel.rows.keys()).collect();
            for label in labels {
                let none = Map::new();
                let row = Value::Object(shown.get(label).unwrap_or(&none).clone());
                found.numbers(label, &row, panel.rows.get(label).unwrap_or(&none));
            }
        }
        for (event, _) in EVENTS {
            let is_own = |keys: &[mayfly::domain::Text]| {
                *keys[0] == *event && *keys[1] == *"lane" && *keys[4] == *"page"
            };
            let sums = expected.by(Table::Events, Family::Page, 2, is_own);
            let expected = sums.get(lane).map_or(0, |sums| sums.event[0]);
            let shown =
                self.events.get(&(event.to_owned(), lane.to_owned())).and_then(Value::as_i64).unwrap_or(0);
            if shown != expected {
                found.0.push(format!("{event} of {lane}: shown {shown}, expected {expected}"));
            }
        }
        found.0
    }
}
