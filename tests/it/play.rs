//! Plays the simulator's day to a server, hit by hit at its own second, and keeps the truth of what was answered.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use mayfly::{
    domain::{
        day::{Calendar, Day, UnixMs, Zone},
        declaration::{Kept, Values},
        outcome::Outcome,
    },
    simulate::{
        Meaning, SimulatedHit, Visitor,
        coverage::Feature,
        shop,
        told::Rules,
        truth::{Arrival, Recount, Truth},
        world::{self, Scenario},
    },
};

use super::{
    api::{Api, SITE},
    compare::{assert_none, differences},
    expected::Expected,
    filtered,
    server::{Home, PATIENCE, Server},
};

pub const K: u32 = 5;

/// Visitors after a start without the salt are others: their numbers begin here.
const EPOCH: u64 = 1 << 40;

/// A day on its way.
pub struct Play {
    pub home: Home,
    pub staff: String,
    pub read: String,
    pub zone: Zone,
    pub day: Day,
    pub truths: BTreeMap<Day, Truth>,
    /// Dropped without a site that is known, or before it is looked at.
    pub of_no_site: BTreeMap<Outcome, i64>,
    /// Starts with a fresh salt, the first included.
    pub epochs: u32,
    /// What the day has nothing of.
    pub missing: Vec<Feature>,
    now: UnixMs,
    hits: VecDeque<SimulatedHit>,
}

impl Play {
    /// An install with a site, its vocabulary and two keys, made the day before `day`.
    pub fn of(day: &str, zone: &str, visitors: u32, seed: u64) -> Play {
        let (day, zone) = (Day::parse(day).unwrap(), Zone::named(zone).unwrap());
        let home = Home::at(&format!("{}T12:00:00Z", day.plus(-1)));
        home.run(&["site", "add", SITE, "--timezone", zone.name()]);
        // Counts from the next midnight on.
        home.run(&["site", "set", SITE, "kept", "language"]);
        declare_shop(&home);
        let key = |scope: &str| home.run(&["key", "add", scope, "--site", SITE, "--scope", scope]);
        let (staff, read) = (key("staff"), key("read"));
        let kept = Kept { language: true, ..Kept::default() };
        let scenario = Scenario {
            host: SITE.into(),
            zone: zone.clone(),
            seed,
            k: K,
            kept,
            visitors,
            everything: true,
            flood: 20,
        };
        let (hits, coverage) = world::day(&scenario, day);
        Play {
            now: zone.start_of(day.plus(-1)),
            home,
            staff,
            read,
            zone,
            day,
            truths: BTreeMap::new(),
            of_no_site: BTreeMap::new(),
            epochs: 1,
            missing: coverage.missing(),
            hits: hits.into(),
        }
    }

    pub fn calendar(&self, day: Day) -> Calendar {
        self.zone.calendar(day)
    }

    /// A wall-clock time of the day, by its minutes since the first instant.
    pub fn minute(&self, minute: i64) -> UnixMs {
        self.zone.start_of(self.day) + minute * 60_000
    }

    /// Half an hour past the middle of the day: in the midst of visits that the simulator planted.
    pub fn among_visits(&self) -> UnixMs {
        let (starts, ends) = (self.zone.start_of(self.day), self.zone.start_of(self.day.plus(1)));
        starts + (ends - starts) / 2 + 31 * 60_000 + 30_000
    }

    /// Moves the clock to an instant.
    pub fn move_to(&mut self, at: UnixMs) {
        assert!(at >= self.now, "a test's clock goes forward");
        self.now = at;
        self.home.set_clock(at);
    }

    /// Sends all hits before an instant, each at its own second, and moves the clock there.
    pub async fn until(&mut self, server: &Server, at: UnixMs) {
        let api = Api::of(server);
        while self.hits.front().is_some_and(|hit| hit.at < at) {
            let hit = self.hits.pop_front().unwrap();
            let second = (hit.at.div_euclid(1000) * 1000).max(self.now);
            if second > self.now {
                self.move_to(second);
            }
            let status = api.hit(&hit).await;
            let expected = match hit.meaning {
                Meaning::Dropped(Outcome::Malformed | Outcome::UnknownSite) => 400,
                _ => 202,
            };
            assert_eq!(status, expected, "{:?}", hit.wire);
            self.count(&hit, second);
        }
        self.move_to(at);
    }

    fn count(&mut self, hit: &SimulatedHit, at: UnixMs) {
        let visitor = hit.visitor.number + EPOCH * u64::from(self.epochs);
        let day = self.zone.day_at(at);
        let moment = self.zone.calendar(day).moment(at);
        match &hit.meaning {
            Meaning::Dropped(outcome @ (Outcome::Gpc | Outcome::UnknownSite | Outcome::Malformed)) => {
                *self.of_no_site.entry(*outcome).or_default() += 1;
            }
            Meaning::Dropped(outcome) => self.truth(day).drop_hit(*outcome),
            Meaning::Counts(meant) => {
                let truth = self.truth(day);
                hit.notes.iter().for_each(|&note| truth.note(note));
                let described = hit.visitor.described.clone();
                truth.arrive(Arrival { moment, visitor, described, hit: meant.clone() });
            }
        }
    }

    pub fn truth(&mut self, day: Day) -> &mut Truth {
        self.truths.entry(day).or_insert_with(|| Truth::new(day, shop::funnels()))
    }

    /// How many hits are not in the attributes yet.
    pub fn hits_in_this_hour(&self) -> u64 {
        let day = self.zone.day_at(self.now);
        let stretch = self.calendar(day).moment(self.now).stretch;
        let accepted = |recount: Recount| recount.outcomes.get(&Outcome::Accepted).copied().unwrap_or(0);
        let truth = &self.truths[&day];
        accepted(truth.recount()) - accepted(truth.recount_before(stretch))
    }

    pub fn rules(&self) -> Rules {
        Rules { k: K, salt_epochs: self.epochs }
    }

    /// Everybody who is to come, each once.
    pub fn visitors(&self) -> Vec<Arc<Visitor>> {
        let mut visitors: BTreeMap<u64, Arc<Visitor>> = BTreeMap::new();
        self.hits.iter().for_each(|hit| drop(visitors.insert(hit.visitor.number, hit.visitor.clone())));
        visitors.into_values().collect()
    }

    /// What is left to send.
    pub fn left(&self) -> usize {
        self.hits.len()
    }

    /// Compares the whole report of the day that is open now, for both keys, and the ledger.
    pub async fn check_open(&self, server: &Server, what: &str) {
        let api = Api::of(server);
        let day = self.zone.day_at(self.now);
        let calendar = self.calendar(day);
        let empty = Truth::new(day, shop::funnels());
        let truth = self.truths.get(&day).unwrap_or(&empty);
        let as_of = format!("{:02}:00", calendar.moment(self.now).hour.0);
        let end = std::time::Instant::now() + PATIENCE;
        // The driver lets the hour turn a moment after the clock has.
        while api.read("report", "p=day", &self.read).await["meta"]["as_of"] != as_of.as_str() {
            assert!(std::time::Instant::now() < end, "{what}: the hour does not turn");
            tokio::task::yield_now().await;
        }
        for (key, staff) in [(&self.staff, true), (&self.read, false)] {
            let expected = Expected::open(truth, &calendar, self.now, self.rules(), staff);
            for query in ["p=day&limit=10000".to_owned(), format!("p={day}&limit=10000")] {
                let report = api.read("report", &query, key).await;
                let what = format!("{what}, {} key, {query}", if staff { "staff" } else { "read" });
                assert_none(&differences(&report, &expected), &what);
                let meta = &report["meta"];
                assert_eq!(meta["as_of"], as_of.as_str(), "{what}");
                assert_eq!(meta["open_day"], day.to_string(), "{what}");
                assert_eq!(meta["live"], staff, "{what}");
            }
            self.check_rows(&api, "p=day", key, what).await;
            assert_none(&filtered::differences(&api, "p=day", key, &expected).await, what);
        }
        let expected = Expected::open(truth, &calendar, self.now, self.rules(), true);
        self.check_ledger(&api, &expected, truth, what).await;
    }

    async fn check_ledger(&self, api: &Api, expected: &Expected, truth: &Truth, what: &str) {
        let live = api.read("live", "", &self.staff).await;
        let mut outcomes: BTreeMap<String, i64> = serde_json::from_value(live["outcomes"].clone()).unwrap();
        if self.epochs > 1 {
            assert!(outcomes.remove("visits_forgotten") > Some(0), "{what}: {outcomes:?}");
        }
        assert_eq!(outcomes, expected.ledger(), "{what}: the ledger");
        assert_eq!(live["received_today"], truth.received(), "{what}: received");
        let received: i64 =
            outcomes.iter().filter(|(name, _)| Outcome::named(name).is_some()).map(|(_, n)| n).sum();
        assert_eq!(received, truth.received() as i64, "{what}: received is the sum of outcomes");
    }

    /// Each panel's own list says the same as the panel.
    async fn check_rows(&self, api: &Api, period: &str, key: &str, what: &str) {
        let report = api.read("report", period, key).await;
        for (name, panel) in report["panels"].as_object().unwrap() {
            let all = api.read("rows", &format!("{period}&dimension={name}&limit=10000"), key).await;
            let (top, rows) = (panel["rows"].as_array().unwrap(), all["rows"].as_array().unwrap());
            assert!(top.len() <= 9 && rows.len() == all["total_rows"], "{what}: {name}");
            assert_eq!(top.as_slice(), &rows[..top.len()], "{what}: {name}");
            for part in ["other", "told", "total_rows", "refused", "family"] {
                assert_eq!(panel[part], all[part], "{what}: {name} {part}");
            }
        }
    }

    /// Waits until the day is closed and in the store, and compares its report for both keys.
    pub async fn check_closed(&self, server: &Server, what: &str) {
        let journal = format!("1-{}.journal", self.day);
        super::server::until("the close", || {
            (!self.home.files("journal").contains(&journal) && self.home.files("releases").is_empty())
                .then_some(())
        });
        let api = Api::of(server);
        let expected = Expected::closed(&self.truths[&self.day], &self.calendar(self.day), self.rules());
        for key in [&self.staff, &self.read] {
            let report = api.read("report", &format!("p={}&limit=10000", self.day), key).await;
            assert_none(&differences(&report, &expected), what);
            assert!(report["meta"]["as_of"].is_null() && report["meta"]["open_day"].is_null(), "{what}");
            let period = format!("p={}", self.day);
            self.check_rows(&api, &period, key, what).await;
            assert_none(&filtered::differences(&api, &period, key, &expected).await, what);
        }
    }
}

/// Declares the shop's vocabulary by the command line.
pub fn declare_shop(home: &Home) {
    use mayfly::domain::declaration::{Once, Step};
    let step = |step: &Step| match step {
        Step::Page(page) => format!("page:{page}"),
        Step::Section(pattern) => format!("section:{pattern}"),
        Step::Event(name) => format!("event:{name}"),
    };
    for section in shop::sections() {
        home.run(&["section", "add", SITE, &section.pattern]);
    }
    for event in shop::events() {
        let property = &event.properties[0];
        let values = match &property.values {
            Values::List(list) => list.join(","),
            Values::Pattern(it) => format!("{}{{{},{}}}:{}", it.characters, it.min, it.max, it.cap),
        };
        let property = format!("{}={values}", property.name);
        let mut line = vec!["event", "add", SITE, &event.name, "--property", &property];
        line.extend(event.currency.iter().flat_map(|currency| ["--currency", &**currency]));
        line.extend((!event.interactive).then_some("--passive"));
        line.extend((event.once == Once::Visit).then_some(["--once", "visit"]).into_iter().flatten());
        home.run(&line);
    }
    for funnel in shop::funnels() {
        let steps: Vec<String> = funnel.steps.iter().map(step).collect();
        let mut line = vec!["funnel", "add", SITE, &funnel.name];
        line.extend(steps.iter().flat_map(|step| ["--step", step]));
        home.run(&line);
    }
    for goal in shop::goals() {
        home.run(&["goal", "add", SITE, &goal.name, &step(&goal.reached_by)]);
    }
}
