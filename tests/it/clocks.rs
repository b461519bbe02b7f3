//! Clocks that jump, days of every length, zones that change: the real binary, its clock moved from outside.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use jiff::{Timestamp, tz::TimeZone};
use mayfly::domain::day::{Day, UnixMs, Zone};
use rand::{RngExt, SeedableRng, rngs::SmallRng};
use serde_json::Value;

use super::{
    api::{Api, FIREFOX, SITE},
    rows::Stored,
    server::{Home, PATIENCE, Server, until},
};

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
/// Walks at the same time.
const LANES: u64 = 3;
/// A longer pause begins a visit.
const GAP: i64 = 30 * MINUTE;

fn instant(text: &str) -> UnixMs {
    text.parse::<Timestamp>().unwrap().as_millisecond()
}

fn day(text: &str) -> Day {
    Day::parse(text).unwrap()
}

/// Sends a page view of a visitor to a site; it has to be taken.
async fn view(server: &Server, site: &str, visitor: u32) {
    let body = format!(r#"{{"n":"pageview","u":"https://{site}/a","d":"{site}"}}"#);
    let address = format!("192.0.2.{visitor}");
    let headers = [("x-forwarded-for", address.as_str()), ("user-agent", FIREFOX)];
    assert_eq!(Api::of(server).post_event(&headers, body).await.status, 202);
}

fn stays(home: &Home, folder: &str, file: &str) -> bool {
    home.files(folder).iter().any(|name| name.starts_with(file))
}

/// Names in the runtime directory that begin so.
fn in_memory(home: &Home, start: &str) -> usize {
    let entries = std::fs::read_dir(home.runtime.path().join("run")).unwrap();
    entries.filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with(start)).count()
}

/// Waits until a site-day is closed and in the store.
#[track_caller]
fn closes(home: &Home, site: u32, day: Day) {
    until(format!("the close of {day}"), || {
        let name = format!("{site}-{day}");
        (!stays(home, "journal", &name) && !stays(home, "releases", &name)).then_some(())
    });
}

/// What the store holds of a site: closed days, each with its salts; views and visits by day.
fn stored(home: &Home, site: u32) -> (BTreeMap<Day, i64>, BTreeMap<Day, (i64, i64)>) {
    let stored = Stored::of(home.data.path());
    let closed = stored.list(&format!(
        "SELECT epoch(day)::BIGINT // 86400, count(*), max(salt_epochs)::BIGINT FROM days WHERE site = {site} GROUP BY 1 ORDER BY 1"
    ));
    let counted = stored.list(&format!(
        "SELECT epoch(day)::BIGINT // 86400, sum(pageviews)::BIGINT, sum(visits)::BIGINT FROM pages \
         WHERE site = {site} AND family = 'page' AND kind = 'page' GROUP BY 1 ORDER BY 1"
    ));
    for [day, rows, _] in &closed {
        assert_eq!(*rows, 1, "{} closed once", Day(*day as i32));
    }
    (
        closed.into_iter().map(|[day, _, epochs]| (Day(day as i32), epochs)).collect(),
        counted.into_iter().map(|[day, views, visits]| (Day(day as i32), (views, visits))).collect(),
    )
}

/// A site-day as it has to be counted.
#[derive(Clone, Debug)]
struct Expected {
    day: Day,
    starts: UnixMs,
    ends: UnixMs,
    views: i64,
    visits: i64,
    last: BTreeMap<u32, UnixMs>,
}

/// A site whose clock and zone do what they like, and what has to be counted: written down anew, from the rules.
struct Model {
    zone: Zone,
    days: Vec<Expected>,
    /// How many of them are closed: days close in order.
    closed: usize,
}

impl Model {
    fn of(zone: &Zone) -> Model {
        Model { zone: zone.clone(), days: Vec::new(), closed: 0 }
    }

    /// Days that ended so long ago close; returns them.
    fn pass(&mut self, now: UnixMs, grace: i64) -> Vec<Day> {
        let due: Vec<Day> = self.days[self.closed..]
            .iter()
            .take_while(|one| now >= one.ends + grace)
            .map(|one| one.day)
            .collect();
        self.closed += due.len();
        due
    }

    /// A view counts into the open day that holds it, else into the last if that is yet to come, else it begins a
    /// day: its own, or the one after the last.
    fn view(&mut self, visitor: u32, now: UnixMs) {
        let open = self.closed..self.days.len();
        let held = open.clone().rev().find(|&at| (self.days[at].starts..self.days[at].ends).contains(&now));
        let coming = open.last().filter(|&at| now < self.days[at].ends);
        let at = held.or(coming).unwrap_or_else(|| self.begin(now));
        let day = &mut self.days[at];
        let second = (now.max(day.starts) - day.starts) / SECOND;
        let last = day.last.get(&visitor).copied();
        let second = second.max(last.unwrap_or(0));
        day.visits += i64::from(last.is_none_or(|last| second - last > GAP / SECOND));
        day.views += 1;
        day.last.insert(visitor, second);
    }

    fn begin(&mut self, now: UnixMs) -> usize {
        let own = self.zone.day_at(now);
        let day = self.days.last().map_or(own, |last| own.max(last.day.plus(1)));
        let (starts, ends) = (self.zone.start_of(day), self.zone.start_of(day.plus(1)));
        let starts = if now < starts { now - now.rem_euclid(HOUR) } else { starts };
        self.days.push(Expected { day, starts, ends, views: 0, visits: 0, last: BTreeMap::new() });
        self.days.len() - 1
    }

    /// After everything has closed.
    #[track_caller]
    fn check(&self, home: &Home, what: &str) {
        let (closed, counted) = stored(home, 1);
        let salts: BTreeMap<Day, i64> = self.days.iter().map(|one| (one.day, 1)).collect();
        assert_eq!(closed, salts, "{what}: one close and one salt a day");
        let expected: BTreeMap<Day, (i64, i64)> =
            self.days.iter().map(|one| (one.day, (one.views, one.visits))).collect();
        assert_eq!(counted, expected, "{what}");
        assert!(in_memory(home, "1-") == 0, "{what}: no salt is left");
    }
}

/// One site, its server, its clock and its model.
struct Walk {
    home: Home,
    server: Option<Server>,
    model: Model,
    now: UnixMs,
    done: Vec<String>,
}

impl Walk {
    fn begin(zone: &str, at: &str) -> Walk {
        let home = Home::at(at);
        home.run(&["site", "add", SITE, "--timezone", zone]);
        let server = Some(home.serve());
        Walk {
            home,
            server,
            model: Model::of(&Zone::named(zone).unwrap()),
            now: instant(at),
            done: Vec::new(),
        }
    }

    /// Moves the clock to a second, and waits until what is over is closed.
    fn move_to(&mut self, to: UnixMs) {
        self.now = to - to.rem_euclid(SECOND);
        self.home.set_clock(self.now);
        for day in self.model.pass(self.now, SECOND) {
            closes(&self.home, 1, day);
            assert_eq!(in_memory(&self.home, &format!("1-{day}")), 0, "{day}: its salt is gone");
        }
    }

    async fn view(&mut self, visitor: u32) {
        self.model.view(visitor, self.now);
        view(self.server.as_ref().unwrap(), SITE, visitor).await;
    }

    /// Ends the process, moves the clock, and starts the next.
    fn sleep(&mut self, kill: bool, to: UnixMs) {
        let server = self.server.take().unwrap();
        match kill {
            true => drop(server.kill()),
            false => assert_eq!(server.stop().0, Some(0)),
        }
        self.now = to - to.rem_euclid(SECOND);
        self.home.set_clock(self.now);
        self.server = Some(self.home.serve());
        for day in self.model.pass(self.now, 0) {
            assert_eq!(in_memory(&self.home, &format!("1-{day}")), 0, "{day}: wiped before anything else");
            closes(&self.home, 1, day);
        }
    }

    /// Lets all days end, and holds the store against the model.
    fn end(mut self, what: &str) -> usize {
        let last = self.model.days.last().map_or(self.now, |last| last.ends.max(self.now));
        self.move_to(last + 30 * HOUR);
        self.server.take().unwrap().kill();
        self.model.check(&self.home, &format!("{what}: {:?}", self.done));
        self.model.days.len()
    }

    /// One random step: views, a move of the clock, a stop, a kill.
    async fn step(&mut self, random: &mut SmallRng) {
        for _ in 0..random.random_range(0..3) {
            self.view(random.random_range(1..4)).await;
        }
        let midnight = self.model.zone.start_of(self.model.zone.day_at(self.now).plus(1));
        let to = match random.random_range(0..10) {
            0 => self.now,
            1 | 2 => self.now + random.random_range(1..40 * MINUTE),
            3 => self.now + random.random_range(1..7 * HOUR),
            4 => midnight + random.random_range(-2..3) * SECOND,
            5 => midnight + random.random_range(-1..2) * HOUR,
            6 => self.now + random.random_range(1..80 * HOUR),
            7 => self.now - random.random_range(1..3 * SECOND),
            8 => self.now - random.random_range(1..40 * MINUTE),
            _ => self.now - random.random_range(1..30 * HOUR),
        };
        let how = random.random_range(0..10);
        self.done.push(format!("{} by {how}", Timestamp::from_millisecond(to).unwrap()));
        match how {
            0 => self.sleep(true, to),
            1 => self.sleep(false, to),
            _ => self.move_to(to),
        }
    }
}

/// One random walk from its seed; returns how many days it met.
async fn walk(seed: u64, steps: u32) -> usize {
    let starts = [
        ("Europe/Tallinn", "2026-10-24T18:00:00Z"),
        ("Asia/Beirut", "2026-03-28T18:00:00Z"),
        ("America/St_Johns", "2010-11-06T20:00:00Z"),
        ("Europe/Tallinn", "2026-03-28T18:00:00Z"),
    ];
    let (zone, at) = starts[seed as usize % starts.len()];
    let mut random = SmallRng::seed_from_u64(seed);
    let mut walk = Walk::begin(zone, at);
    for _ in 0..steps {
        walk.step(&mut random).await;
    }
    walk.end(&format!("seed {seed}"))
}

/// Random walks of the clock over midnights, through the nights in which clocks are set: forward, back, over days,
/// with stops and kills in between. Long form by `CLOCKS`.
#[test]
#[allow(clippy::print_stdout, reason = "the figures of the long form")]
fn wherever_the_clock_jumps_each_view_counts_once_in_its_day() {
    let (seeds, steps) = if std::env::var_os("CLOCKS").is_some() { (24, 100) } else { (LANES, 25) };
    let begun = Instant::now();
    let lane = |lane: u64| {
        move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let walks = (lane..seeds).step_by(LANES as usize).map(|seed| runtime.block_on(walk(seed, steps)));
            walks.sum::<usize>()
        }
    };
    let lanes: Vec<_> = (0..LANES).map(|n| std::thread::spawn(lane(n))).collect();
    let days: usize = lanes.into_iter().map(|lane| lane.join().unwrap()).sum();
    println!(
        "{seeds} walks of {steps} steps: {days} days, each closed once under one salt, in {:?}",
        begun.elapsed()
    );
}

/// Days that are longer or shorter, or have no midnight, no end where one expects it, or are not there at all.
const ODD: [(&str, &str); 16] = [
    // The clock is set back over midnight: 23:01 again.
    ("America/St_Johns", "2010-11-07"),
    // There is no 2011-12-30.
    ("Pacific/Apia", "2011-12-29"),
    ("Pacific/Apia", "2011-12-31"),
    ("America/Sao_Paulo", "2018-02-17"),
    ("America/Sao_Paulo", "2018-11-04"),
    ("Asia/Beirut", "2026-03-29"),
    ("Europe/Tallinn", "2026-03-29"),
    ("America/Santiago", "2026-04-04"),
    // By half an hour.
    ("Australia/Lord_Howe", "2026-04-05"),
    ("Africa/Cairo", "2026-04-24"),
    ("America/Santiago", "2026-09-06"),
    ("Australia/Lord_Howe", "2026-10-04"),
    ("Asia/Beirut", "2026-10-24"),
    ("Europe/Tallinn", "2026-10-25"),
    ("Africa/Cairo", "2026-10-29"),
    ("UTC", "2028-02-29"),
];

/// Every half hour and either side of each edge of those days: in the right day, under the hour that the clock on
/// the wall shows.
#[tokio::test]
async fn odd_days_count_each_view_under_its_day_and_hour() {
    let home = Home::at("2010-11-01T00:00:00Z");
    let zones: BTreeSet<&str> = ODD.iter().map(|(zone, _)| *zone).collect();
    let sites: BTreeMap<&str, (u32, String)> = zones
        .iter()
        .zip(1..)
        .map(|(&zone, number)| (zone, (number, format!("site{number}.example"))))
        .collect();
    for (zone, (_, site)) in &sites {
        home.run(&["site", "add", site, "--timezone", zone]);
    }
    // One address sends it all, on a fast machine more than an address may.
    let server = home.serve_with(&["--address-rate", "0"]);
    let mut expected: BTreeMap<(u32, Day, i64), i64> = BTreeMap::new();
    let mut now = 0;
    for (zone, odd) in ODD {
        let (number, site) = &sites[zone];
        let (zone, clock) = (Zone::named(zone).unwrap(), TimeZone::get(zone).unwrap());
        let (starts, ends) = (zone.start_of(day(odd)), zone.start_of(day(odd).plus(1)));
        let halves = (starts..ends).step_by(1_800_000).flat_map(|at| [at, at + 1_799_000]);
        let instants: BTreeSet<UnixMs> = halves.chain([starts - SECOND, ends - SECOND, ends]).collect();
        for at in instants.into_iter().filter(|&at| at > now) {
            let own = match at {
                at if at < starts => zone.day_at(at),
                at if at < ends => day(odd),
                _ => zone.day_at(at),
            };
            home.set_clock(at);
            view(&server, site, 1).await;
            let hour = Timestamp::from_millisecond(at).unwrap().to_zoned(clock.clone()).hour();
            *expected.entry((*number, own, hour.into())).or_default() += 1;
        }
        now = ends + 2 * SECOND;
        home.set_clock(now);
        closes(&home, *number, day(odd));
    }
    home.set_clock(instant("2028-03-05T00:00:00Z"));
    for (number, _) in sites.values() {
        closes(&home, *number, day("2028-03-01"));
    }
    until("all is stored", || {
        (home.files("journal").len() + home.files("releases").len() == 0).then_some(())
    });
    server.kill();
    let found = Stored::of(home.data.path()).list::<4>(
        "SELECT site::BIGINT, epoch(day)::BIGINT // 86400, hour::BIGINT, sum(pageviews)::BIGINT FROM pages \
         WHERE family = 'page' AND kind = 'page' GROUP BY ALL",
    );
    let found: BTreeMap<(u32, Day, i64), i64> = found
        .into_iter()
        .map(|[site, day, hour, views]| ((site as u32, Day(day as i32), hour), views))
        .collect();
    let differing: Vec<_> = found.iter().filter(|one| expected.get(one.0) != Some(one.1)).collect();
    assert!(found.len() == expected.len() && differing.is_empty(), "{differing:?}");
    for (number, _) in sites.values() {
        let (closed, counted) = stored(&home, *number);
        assert_eq!(closed.keys().collect::<Vec<_>>(), counted.keys().collect::<Vec<_>>());
        assert!(closed.values().all(|&salts| salts == 1));
    }
}

#[tokio::test]
async fn a_server_started_a_second_before_midnight_keeps_both_sides_apart() {
    let mut walk = Walk::begin("Europe/Tallinn", "2026-10-24T20:59:59Z");
    walk.view(1).await;
    assert_eq!(in_memory(&walk.home, "1-2026-10-24.salt"), 1);
    walk.move_to(walk.now + SECOND);
    walk.view(1).await;
    assert_eq!(
        (in_memory(&walk.home, "1-2026-10-24.salt"), in_memory(&walk.home, "1-2026-10-25.salt")),
        (1, 1)
    );
    // The clock stands at one second past midnight until the salt is gone: `move_to` waits for it.
    walk.move_to(walk.now + SECOND);
    assert_eq!((walk.model.closed, walk.model.days.len()), (1, 2));
    assert_eq!(walk.end("around midnight"), 2);
}

/// Off for three days, asleep for three days, asleep over one midnight: closed once, as of its own midnight.
#[tokio::test]
async fn a_server_that_was_down_or_asleep_for_days_closes_the_day_that_was_open_once() {
    let mut walk = Walk::begin("UTC", "2026-11-18T22:10:00Z");
    walk.view(1).await;
    walk.sleep(false, instant("2026-11-21T09:30:00Z"));
    walk.view(1).await;
    walk.view(2).await;
    walk.sleep(true, instant("2026-11-24T09:30:00Z"));
    walk.view(1).await;
    walk.move_to(instant("2026-11-27T09:30:00Z"));
    walk.view(1).await;
    walk.move_to(instant("2026-11-28T07:00:00Z"));
    walk.view(1).await;
    let key = walk.home.run(&["key", "add", "staff", "--site", SITE, "--scope", "staff"]);
    let api = Api::of(walk.server.as_ref().unwrap());
    let report = api.read("report", "p=2026-11-18..2026-11-28&i=day", &key).await;
    let series: Vec<i64> = report["series"]["buckets"]
        .as_array()
        .unwrap_or_else(|| panic!("{}", report["series"]))
        .iter()
        .map(|point| point["values"]["pageviews"].as_i64().unwrap_or_else(|| panic!("{point}")))
        .collect();
    assert_eq!(series, [1, 0, 0, 2, 0, 0, 1, 0, 0, 1, 1]);
    assert_eq!(walk.end("asleep"), 5);
}

/// The figures of today that live view and report tell.
async fn today(server: &Server, key: &str) -> (Value, i64, i64, i64) {
    let api = Api::of(server);
    let report = api.read("report", "p=day", key).await;
    let live = api.read("live", "", key).await;
    let n = |value: &Value| value.as_i64().unwrap();
    let views = n(&report["tiles"]["pageviews"]["value"]);
    (report["meta"]["today"].clone(), views, n(&live["accepted_today"]), n(&live["visitors"]))
}

/// Changes the site's zone by the command line, and waits until the server has noticed: it knows a site by then that
/// was added afterwards.
async fn move_zone(home: &Home, server: &Server, zone: &str) {
    home.run(&["site", "set", SITE, "zone", zone]);
    let later = format!("{}.example", zone.rsplit('/').next().unwrap().to_lowercase().replace('_', "-"));
    home.run(&["site", "add", &later, "--timezone", "UTC"]);
    let body = format!(r#"{{"n":"pageview","u":"https://{later}/","d":"{later}"}}"#);
    let end = Instant::now() + PATIENCE;
    while Api::of(server).post_event(&[("user-agent", FIREFOX)], body.clone()).await.status != 202 {
        assert!(Instant::now() < end, "the server notices a new site");
    }
}

/// From Tokyo to New York and back, by the settings: from the next midnight of the zone before on. The day in which
/// the site moves west is longer, the one in which it moves east is shorter; none is counted twice.
#[tokio::test]
async fn a_zone_changed_by_hand_counts_from_the_next_midnight_on() {
    let home = Home::at("2026-11-18T12:00:00Z");
    home.run(&["site", "add", SITE, "--timezone", "Asia/Tokyo"]);
    let key = home.run(&["key", "add", "staff", "--site", SITE, "--scope", "staff"]);
    let mut server = home.serve();
    let at = |text: &str| home.set_clock(instant(text));
    view(&server, SITE, 1).await;
    move_zone(&home, &server, "America/New_York").await;
    at("2026-11-18T14:59:59Z");
    view(&server, SITE, 1).await;
    assert_eq!(today(&server, &key).await, ("2026-11-18".into(), 2, 2, 1));

    // Midnight in Tokyo, ten in the morning of the 18th in New York: the 19th begins.
    at("2026-11-18T15:00:00Z");
    view(&server, SITE, 1).await;
    at("2026-11-18T15:00:01Z");
    closes(&home, 1, day("2026-11-18"));
    at("2026-11-18T15:10:00Z");
    view(&server, SITE, 1).await;
    assert_eq!(today(&server, &key).await, ("2026-11-19".into(), 2, 2, 1));
    server.kill();
    server = home.serve();
    view(&server, SITE, 1).await;
    assert_eq!(today(&server, &key).await, ("2026-11-19".into(), 3, 3, 1));
    // A second visit of the same visitor-day, still before the date begins; and a third after.
    at("2026-11-18T22:00:00Z");
    assert_eq!(today(&server, &key).await.3, 0, "nobody is there any more");
    view(&server, SITE, 1).await;
    assert_eq!(today(&server, &key).await, ("2026-11-19".into(), 4, 4, 1));
    at("2026-11-19T10:00:00Z");
    view(&server, SITE, 1).await;
    assert_eq!(today(&server, &key).await, ("2026-11-19".into(), 5, 5, 1));

    // And back to Tokyo, from New York's midnight on: the 20th is there two in the afternoon.
    move_zone(&home, &server, "Asia/Tokyo").await;
    at("2026-11-20T04:59:59Z");
    view(&server, SITE, 1).await;
    assert_eq!(today(&server, &key).await, ("2026-11-19".into(), 6, 6, 1));
    at("2026-11-20T05:00:00Z");
    view(&server, SITE, 1).await;
    assert_eq!(today(&server, &key).await, ("2026-11-20".into(), 1, 1, 1));
    at("2026-11-20T14:59:59Z");
    view(&server, SITE, 1).await;
    at("2026-11-20T15:00:00Z");
    view(&server, SITE, 1).await;
    assert_eq!(today(&server, &key).await, ("2026-11-21".into(), 1, 1, 1));
    at("2026-11-22T15:00:02Z");
    closes(&home, 1, day("2026-11-21"));
    server.kill();
    let (closed, counted) = stored(&home, 1);
    let expected =
        [("2026-11-18", (2, 2)), ("2026-11-19", (6, 4)), ("2026-11-20", (2, 2)), ("2026-11-21", (1, 1))];
    assert_eq!(counted, expected.map(|(text, counts)| (day(text), counts)).into());
    assert_eq!(closed, expected.map(|(text, _)| (day(text), 1)).into());
}
