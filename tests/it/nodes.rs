//! Many collectors: three of them, a report node and a ClickHouse, each on an address of its own, against the naive
//! recount of what each collector answered; one is killed and one cut off over a midnight.

use std::{
    collections::{BTreeMap, VecDeque},
    fs,
    path::Path,
    time::{Duration, Instant},
};

use mayfly::{
    domain::{
        day::{Day, UnixMs, Zone},
        declaration::Kept,
        outcome::Outcome,
    },
    simulate::{
        Meaning, SimulatedHit, shop,
        told::Rules,
        truth::{Arrival, Lines, Truth},
        world::{self, Scenario},
    },
};
use serde_json::{Value, json};

use super::{
    api::{Api, SITE},
    compare::{assert_none, differences},
    engine::Engine,
    erase::holding,
    expected::Expected,
    play::{K, declare_shop},
    relay::Relay,
    server::{Home, Server, geo, until, until_answered},
};

const COLLECTORS: usize = 3;
const VISITORS: u32 = 45;

/// A node: its install, its process, and the ways to it and from it, which can be cut.
struct Node {
    home: Home,
    server: Option<(Server, Api)>,
    /// Where the report node finds it.
    inward: Relay,
    to_store: Relay,
    /// Of a collector.
    to_report: Relay,
}

/// The whole installation, and the truth about each collector's days.
struct Installation {
    report: Node,
    collectors: Vec<Node>,
    /// Ends last.
    engine: Engine,
    folder: tempfile::TempDir,
    database: String,
    staff: String,
    read: String,
    zone: Zone,
    now: UnixMs,
    hits: VecDeque<SimulatedHit>,
    truths: BTreeMap<(usize, Day), Truth>,
}

fn node(at: u8) -> Node {
    let on = |net: u8| Relay::on(&format!("127.0.{net}.{at}"));
    Node {
        home: Home::at("2026-10-23T12:00:00Z"),
        server: None,
        inward: on(1),
        to_store: on(2),
        to_report: on(3),
    }
}

impl Installation {
    fn new(day: Day, zone: &str) -> Installation {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("engine")).unwrap();
        let engine = Engine::start(&folder.path().join("engine"), 0, &["--remove"]);
        fs::write(folder.path().join("token"), "a-secret-of-these-nodes-and-no-others\n").unwrap();
        let (report, collectors) = (node(2), (3..).take(COLLECTORS).map(node).collect());
        let zone = Zone::named(zone).unwrap();
        report.home.run(&["site", "add", SITE, "--timezone", zone.name()]);
        report.home.run(&["site", "set", SITE, "kept", "language"]);
        declare_shop(&report.home);
        let key = |scope: &str| report.home.run(&["key", "add", scope, "--site", SITE, "--scope", scope]);
        let (staff, read) = (key("staff"), key("read"));
        let scenario = Scenario {
            host: SITE.into(),
            zone: zone.clone(),
            seed: 11,
            k: K,
            kept: Kept { language: true, ..Kept::default() },
            visitors: VISITORS,
            everything: true,
            flood: 20,
        };
        let mut hits = world::day(&scenario, day).0;
        hits.extend(world::day(&Scenario { seed: 12, ..scenario }, day.plus(1)).0);
        let database = engine.fresh().rsplit_once('/').unwrap().1.to_owned();
        let (now, truths) = (zone.start_of(day.plus(-1)), BTreeMap::new());
        let hits = hits.into();
        Installation { report, collectors, engine, folder, database, staff, read, zone, now, hits, truths }
    }

    /// The command of a node, on an address of its own.
    fn serving(&self, node: &Node, ip: &str, more: &[&str]) -> std::process::Command {
        node.to_store.lead_to(&format!("127.0.0.1:{}", self.engine.port));
        let store = format!("clickhouse://{}/{}", node.to_store.address(), self.database);
        let (token, runtime) = (self.folder.path().join("token"), node.home.runtime.path().join("run"));
        let mut command = node.home.command(&["serve", "--listen", &format!("{ip}:0"), "--store", &store]);
        command.args(["--runtime", runtime.to_str().unwrap(), "--node-token-file", token.to_str().unwrap()]);
        command.args(more).env("MAYFLY_GEO", geo());
        command
    }

    fn start_report(&mut self) {
        let each = self.collectors.iter().enumerate();
        let each: Vec<String> =
            each.map(|(at, node)| format!("{}=http://{}", at + 1, node.inward.address())).collect();
        let server = Server::start(self.serving(
            &self.report,
            "127.0.0.2",
            &["--role", "report", "--collectors", &each.join(",")],
        ));
        self.collectors.iter().for_each(|node| node.to_report.lead_to(host(&server)));
        self.report.server = Some(running(server));
    }

    fn start_collector(&mut self, at: usize) {
        let node = &self.collectors[at];
        let url = format!("http://{}", node.to_report.address());
        let number = (at + 1).to_string();
        let server = Server::start(self.serving(
            node,
            &format!("127.0.0.{}", at + 3),
            &["--role", "collector", "--node", &number, "--report-url", &url],
        ));
        node.inward.lead_to(host(&server));
        self.collectors[at].server = Some(running(server));
    }

    fn kill(&mut self, at: usize) {
        let (server, _) = self.collectors[at].server.take().unwrap();
        server.kill();
    }

    fn cut(&self, at: usize, cut: bool) {
        let node = &self.collectors[at];
        [&node.inward, &node.to_store, &node.to_report].into_iter().for_each(|relay| relay.cut(cut));
    }

    fn move_to(&mut self, at: UnixMs) {
        assert!(at >= self.now, "a test's clock goes forward");
        self.now = at;
        std::iter::once(&self.report).chain(&self.collectors).for_each(|node| node.home.set_clock(at));
    }

    /// Sends all hits before an instant, each to the collector that its visitor's address leads to, as a proxy does: one
    /// that is not there is left out.
    async fn until(&mut self, at: UnixMs) {
        while self.hits.front().is_some_and(|hit| hit.at < at) {
            let hit = self.hits.pop_front().unwrap();
            let second = (hit.at.div_euclid(1000) * 1000).max(self.now);
            if second > self.now {
                self.move_to(second);
            }
            let first = hit.visitor.number as usize % COLLECTORS;
            let order = (0..COLLECTORS).map(|step| (first + step) % COLLECTORS);
            let to = order.into_iter().find(|&to| self.collectors[to].server.is_some()).unwrap();
            let status = self.collectors[to].server.as_ref().unwrap().1.hit(&hit).await;
            let expected = match hit.meaning {
                Meaning::Dropped(Outcome::Malformed | Outcome::UnknownSite) => 400,
                _ => 202,
            };
            assert_eq!(status, expected, "{:?}", hit.wire);
            self.count(to, &hit, second);
        }
        self.move_to(at);
    }

    fn count(&mut self, to: usize, hit: &SimulatedHit, at: UnixMs) {
        let day = self.zone.day_at(at);
        let moment = self.zone.calendar(day).moment(at);
        let truth = self.truth(to, day);
        match &hit.meaning {
            Meaning::Dropped(Outcome::Gpc | Outcome::UnknownSite | Outcome::Malformed) => {}
            Meaning::Dropped(outcome) => truth.drop_hit(*outcome),
            Meaning::Counts(meant) => {
                hit.notes.iter().for_each(|&note| truth.note(note));
                let (visitor, described) = (hit.visitor.number, hit.visitor.described.clone());
                truth.arrive(Arrival { moment, visitor, described, hit: meant.clone() });
            }
        }
    }

    fn truth(&mut self, of: usize, day: Day) -> &mut Truth {
        self.truths.entry((of, day)).or_insert_with(|| Truth::new(day, shop::funnels()))
    }

    /// What a report must say: each collector's day told by itself, and the rows added.
    fn expected(&self, day: Day, one: impl Fn(&Truth) -> Expected) -> Expected {
        let truths = self.truths.iter().filter(|((_, of), _)| *of == day).map(|(_, truth)| truth);
        truths.map(one).reduce(add).expect("somebody was there")
    }

    async fn read(&self, what: &str, query: &str, key: &str) -> Value {
        self.report.server.as_ref().unwrap().1.read(what, query, key).await
    }

    /// Compares the whole report of the day that is open now, for both keys.
    async fn check_open(&self, what: &str) {
        let day = self.zone.day_at(self.now);
        let calendar = self.zone.calendar(day);
        let as_of = format!("{:02}:00", calendar.moment(self.now).hour.0);
        // Each collector lets the hour turn a moment after the clock has.
        until_answered("the hour turns everywhere", async || {
            let report = self.read("report", "p=day", &self.read).await;
            let whole = report["meta"].get("missing").is_none();
            (whole && report["meta"]["as_of"] == as_of.as_str()).then_some(())
        })
        .await;
        for (key, staff) in [(&self.staff, true), (&self.read, false)] {
            let expected =
                self.expected(day, |truth| Expected::open(truth, &calendar, self.now, rules(), staff));
            let report = self.read("report", "p=day&limit=10000", key).await;
            assert_none(&differences(&report, &expected), &format!("{what}, staff: {staff}"));
        }
        let outcomes = self.truths.iter().filter(|((_, of), _)| *of == day);
        let received: usize = outcomes.map(|(_, truth)| truth.received()).sum();
        assert_eq!(self.read("live", "", &self.staff).await["received_today"], received, "{what}");
    }

    /// Waits until every collector has brought a day to the store, and compares its report for both keys.
    async fn check_closed(&self, day: Day) {
        for node in &self.collectors {
            until("the close", || {
                let left = [node.home.files("journal"), node.home.files("releases")].concat();
                // The days of no site are those of UTC.
                (!left.iter().any(|name| name.starts_with(&format!("1-{day}")))).then_some(())
            });
        }
        self.compare_closed(day).await;
    }

    async fn compare_closed(&self, day: Day) {
        let calendar = self.zone.calendar(day);
        let expected = self.expected(day, |truth| Expected::closed(truth, &calendar, rules()));
        for key in [&self.staff, &self.read] {
            let report = until_answered("every collector answers", async || {
                let report = self.read("report", &format!("p={day}&limit=10000"), key).await;
                report["meta"].get("missing").is_none().then_some(report)
            })
            .await;
            assert_none(&differences(&report, &expected), "the closed day");
        }
    }

    /// A report names who is missing, in time.
    async fn check_missing(&self, query: &str, missing: Value) {
        // A collector that hung once is given up only when it has had its time.
        let begun = Instant::now();
        let report = self.read("report", query, &self.staff).await;
        assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
        assert_eq!(report["meta"]["missing"], missing, "{query}");
        assert!(report["meta"]["notices"].to_string().contains("answer"), "{query}");
    }
}

fn running(server: Server) -> (Server, Api) {
    let api = Api::of(&server);
    (server, api)
}

fn host(server: &Server) -> &str {
    server.origin.trim_start_matches("http://")
}

fn rules() -> Rules {
    Rules { k: K, salt_epochs: 1 }
}

fn add(one: Expected, other: Expected) -> Expected {
    Expected { live: sum(one.live, other.live), settled: sum(one.settled, other.settled), ..one }
}

fn sum(mut lines: Lines, more: Lines) -> Lines {
    for (line, counts) in more {
        let own = lines.entry(line).or_insert_with(|| vec![0; counts.len()]);
        own.iter_mut().zip(counts).for_each(|(own, n)| *own += n);
    }
    lines
}

#[actix_web::test]
async fn three_collectors_add_up_to_the_truth_whatever_happens_at_midnight() {
    let day = Day::parse("2026-10-24").unwrap();
    let mut it = Installation::new(day, "Europe/Tallinn");
    let minute = |it: &Installation, minute: i64| it.zone.start_of(day) + minute * 60_000;
    it.start_report();
    (0..COLLECTORS).for_each(|at| it.start_collector(at));
    let midday = minute(&it, 12 * 60 + 20);
    it.until(midday).await;
    it.check_open("at midday").await;
    // Killed, and back: what it acknowledged is there, and its visitors go on where they were.
    it.kill(0);
    it.check_missing("p=day", json!([1])).await;
    let afternoon = minute(&it, 14 * 60 + 10);
    it.until(afternoon).await;
    it.start_collector(0);
    it.check_open("after a kill").await;
    // One that the store cannot be had by: what it should have released is in reports all the same.
    it.collectors[0].to_store.cut(true);
    let evening = minute(&it, 18 * 60 + 10);
    it.until(evening).await;
    it.check_open("without the store").await;
    // So it stays over midnight; another is cut off from all others, and one is killed.
    let late = minute(&it, 23 * 60 + 20);
    it.until(late).await;
    it.cut(1, true);
    let later = minute(&it, 23 * 60 + 50);
    it.until(later).await;
    it.kill(2);
    let night = minute(&it, 24 * 60 + 25);
    it.until(night).await;
    let journal = format!("1-{day}.journal");
    until("the one that is cut off closes its day", || {
        (!it.collectors[1].home.files("journal").contains(&journal)).then_some(())
    });
    it.check_missing(&format!("p={day}"), json!([2, 3])).await;
    it.start_collector(2);
    let healed = minute(&it, 24 * 60 + 40);
    it.until(healed).await;
    let said = "the report node: it does not answer in time; this collector goes on";
    until("it says that it goes on without the report node", || {
        it.collectors[1].server.as_ref().unwrap().0.output().contains(said).then_some(())
    });
    until_answered("only the one that is cut off is missing", async || {
        let report = it.read("report", &format!("p={day}"), &it.staff).await;
        (report["meta"]["missing"] == json!([2])).then_some(())
    })
    .await;
    it.cut(1, false);
    assert!(it.collectors[0].home.files("releases").iter().any(|name| name.starts_with(&format!("1-{day}"))));
    it.compare_closed(day).await;
    it.collectors[0].to_store.cut(false);
    it.check_closed(day).await;
    let morning = minute(&it, 25 * 60 + 10);
    it.until(morning).await;
    it.check_open("the day after").await;
}

/// Files of all nodes, in data and runtime directories, that hold the site's name or are of its days.
fn left(nodes: &[&Node]) -> Vec<String> {
    let folders = nodes.iter().flat_map(|node| [node.home.data.path(), node.home.runtime.path()]);
    folders.flat_map(|folder| holding(folder, SITE).into_iter().chain(of_days(folder))).collect()
}

/// Journals, keys, tables of visitors and releases carry site and day in their names.
fn of_days(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let named = |path: &Path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("1-20"));
    entries
        .flat_map(|path| match path.is_dir() {
            true => of_days(&path),
            false => named(&path).then(|| path.display().to_string()).into_iter().collect(),
        })
        .collect()
}

#[actix_web::test]
async fn an_erased_site_leaves_nothing_on_any_collector() {
    let day = Day::parse("2026-10-24").unwrap();
    let mut it = Installation::new(day, "UTC");
    it.start_report();
    (0..COLLECTORS).for_each(|at| it.start_collector(at));
    let morning = it.zone.start_of(day) + 34 * 3_600_000;
    it.until(morning).await;
    it.check_closed(day).await;
    let rows = |it: &Installation| {
        let database = it.database.split('?').next().unwrap();
        let count = |table| it.engine.sql(database, &format!("SELECT count() FROM {table} WHERE site = 1"));
        ["pages", "events", "days"].map(|table| count(table).trim().parse::<u64>().unwrap())
    };
    assert!(rows(&it).iter().all(|&count| count > 0), "{:?}", rows(&it));
    for node in &it.collectors {
        assert!(left(&[node]).len() >= 3, "or nothing is seen below: {:?}", left(&[node]));
    }

    // One collector is away when the site is erased: the command waits for it.
    it.cut(1, true);
    let mut asking = it.report.home.command(&["site", "remove", SITE, "--erase"]).spawn().unwrap();
    let there = [&it.report, &it.collectors[0], &it.collectors[2]];
    until("those that are there let go of its days", || {
        there[1..].iter().all(|node| left(&[node]).is_empty()).then_some(())
    });
    assert!(asking.try_wait().unwrap().is_none(), "a collector still has it");
    assert!(left(&[&it.collectors[1]]).len() >= 3);
    it.cut(1, false);
    until("the command returns", || asking.try_wait().unwrap()).success().then_some(()).unwrap();
    let all: Vec<&Node> = std::iter::once(&it.report).chain(&it.collectors).collect();
    assert_eq!(left(&all), [] as [String; 0]);
    assert_eq!(rows(&it), [0; 3]);
}
