//! Rotation: at each site's own midnight, under load, exactly once, and nothing of yesterday's salt and keys a minute later.
//! The short form has a zone of each kind of offset, the long form (`ROTATION`) all that there are.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use mayfly::{
    control::{Control, NewSite},
    domain::{
        day::{Day, UnixMs, Zone},
        declaration::SiteId,
    },
};
use tokio::task::JoinSet;

use super::{
    super::{
        api::Api,
        server::{Home, Server, until},
        traces::{Search, all_files},
        zones::outside,
    },
    crowd::{self, Known},
    reading,
};

/// Longest needle that may lie across two parts of memory.
const OVERLAP: usize = 256;
/// Visitors who are known.
const VISITORS: usize = 8;

/// Sites in many zones under load, and what was seen of their salts.
struct Turning {
    home: Home,
    crowd: Arc<Vec<Known>>,
    /// By the number that the server knows it by.
    sites: BTreeMap<u32, Zone>,
    /// Of each site-day, as its file says.
    salts: BTreeMap<String, [u8; 32]>,
}

/// A load on all sites, until it is dropped.
struct Load {
    acknowledged: Arc<AtomicU64>,
    _lanes: JoinSet<()>,
}

impl Load {
    fn on(server: &Server, turning: &Turning) -> Load {
        let (acknowledged, mut lanes) = (Arc::<AtomicU64>::default(), JoinSet::new());
        for lane in 0..4 {
            let (api, crowd, acknowledged) = (Api::of(server), turning.crowd.clone(), acknowledged.clone());
            let sites: Vec<_> = turning.sites.keys().map(|site| host(*site)).collect();
            lanes.spawn(async move {
                for n in (lane..).step_by(5) {
                    let site = &sites[n / 4 % sites.len()];
                    assert_eq!(crowd[n % crowd.len()].view(&api, site, "/").await, 202);
                    acknowledged.fetch_add(1, Relaxed);
                }
            });
        }
        Load { acknowledged, _lanes: lanes }
    }

    /// Waits for more than each site has lanes.
    fn more(&self, sites: usize) {
        let enough = self.acknowledged.load(Relaxed) + 8 * sites as u64;
        until("the load goes on", || (self.acknowledged.load(Relaxed) >= enough).then_some(()));
    }
}

fn host(site: u32) -> String {
    format!("s{site}.example.com")
}

impl Turning {
    fn new(zones: &[&str], from: UnixMs, sabotages: &str) -> Turning {
        let noon = jiff::Timestamp::from_millisecond(from - 24 * 3_600_000).unwrap();
        let home = Home::at(&noon.to_string()).sabotaged(&format!("may_be_read,{sabotages}"));
        let control = Control::open(&home.data.path().join("control.sqlite"), from - 24 * 3_600_000).unwrap();
        let mut sites = BTreeMap::new();
        for (n, zone) in (1..).zip(zones) {
            let made = control.add_site(NewSite::new(&host(n), zone), from - 24 * 3_600_000).unwrap();
            assert_eq!(made.id, SiteId(n));
            sites.insert(n, Zone::named(zone).unwrap());
        }
        home.set_clock(from);
        Turning { home, crowd: Arc::new(crowd::known(VISITORS)), sites, salts: BTreeMap::new() }
    }

    fn serve(&self) -> Server {
        let run = self.home.runtime.path().join("run");
        self.home.serve_with(&["--runtime", run.to_str().unwrap(), "--log-format", "json"])
    }

    /// Notes the salts that there are: a site-day has one for all its life.
    fn look(&mut self) {
        for (id, salt) in crowd::salts(&self.home) {
            let before = self.salts.insert(id.clone(), salt);
            assert!(before.is_none_or(|before| before == salt), "{id} has had two salts");
        }
    }

    /// The sites whose day ends at an instant, with that day.
    fn ending(&self, at: UnixMs) -> Vec<(u32, Day)> {
        let ends = |zone: &Zone| zone.day_at(at - 1) != zone.day_at(at);
        self.sites
            .iter()
            .filter(|(_, zone)| ends(zone))
            .map(|(site, zone)| (*site, zone.day_at(at - 1)))
            .collect()
    }

    /// Goes over a midnight under load. Says what is left of the day that ended, a minute later.
    async fn over(&mut self, midnight: UnixMs, server: &Server, load: &Load) -> Vec<String> {
        self.home.set_clock(midnight - 1_000);
        load.more(self.sites.len());
        self.look();
        let ending = self.ending(midnight);
        let of = |(site, day): &(u32, Day)| self.salts[&format!("{site}-{day}")];
        let salts: Vec<_> = ending.iter().map(of).collect();
        let search = Search::new(crowd::secrets(&salts, &self.crowd));
        assert!(!search.files(self.home.runtime.path()).is_empty(), "within the day it is there");
        self.home.set_clock(midnight + 2_000);
        until("the close", || {
            let closed = closed(server);
            ending.iter().all(|one| closed.contains(one)).then_some(())
        });
        load.more(self.sites.len());
        self.home.set_clock(midnight + 60_000);
        self.look();
        let mut left = Vec::new();
        // Stacks of workers are wiped once a second.
        let begun = std::time::Instant::now();
        until("what is left", || {
            left = self.left(server, &search);
            (left.is_empty() || begun.elapsed().as_secs() > 10).then_some(())
        });
        left
    }

    /// Where something of a search is: files of the runtime directory, memory of the process.
    fn left(&self, server: &Server, search: &Search) -> Vec<String> {
        let run = all_files(&self.home.runtime.path().join("run")).into_iter();
        let holds = |path: &std::path::PathBuf| std::fs::read(path).is_ok_and(|bytes| search.is_in(&bytes));
        let mut left: Vec<_> = run.filter(holds).map(|path| path.display().to_string()).collect();
        reading::read(server.pid(), OVERLAP, |name, bytes| {
            left.extend(search.matches(bytes).into_iter().map(|what| format!("{name}: {what}")));
        });
        left
    }
}

/// The site-days whose close the server told, each as often as it did; without the site that is none.
fn closed(server: &Server) -> Vec<(u32, Day)> {
    let told = |line: &str| {
        let line: serde_json::Value = serde_json::from_str(line).ok()?;
        let fields = &line["fields"];
        (fields["message"] == "closed a day").then_some(())?;
        Some((fields["site"].as_u64()? as u32, Day::parse(fields["day"].as_str()?)?))
    };
    server.output().lines().filter_map(told).filter(|(site, _)| *site != 0).collect()
}

/// One zone for each instant at which a day ends somewhere within a day's time, and the instants.
fn kinds(from: UnixMs, every: usize) -> (Vec<&'static str>, BTreeSet<UnixMs>) {
    let mut by_midnight: BTreeMap<UnixMs, &'static str> = BTreeMap::new();
    for name in outside().into_keys() {
        by_midnight.entry(next_midnight(&Zone::named(name).unwrap(), from)).or_insert(name);
    }
    assert!(by_midnight.len() > 30, "{by_midnight:?}");
    let chosen: BTreeMap<_, _> = by_midnight.into_iter().step_by(every).collect();
    (chosen.values().copied().collect(), chosen.into_keys().collect())
}

fn next_midnight(zone: &Zone, from: UnixMs) -> UnixMs {
    zone.start_of(zone.day_at(from).plus(1))
}

async fn round(zones: &[&str], midnights: &BTreeSet<UnixMs>, from: UnixMs) -> usize {
    let mut turning = Turning::new(zones, from, "");
    let server = turning.serve();
    let load = Load::on(&server, &turning);
    load.more(zones.len());
    for midnight in midnights {
        assert_eq!(
            turning.over(*midnight, &server, &load).await,
            Vec::<String>::new(),
            "a minute after {midnight}"
        );
    }
    drop(load);
    let told = closed(&server);
    let once: BTreeSet<_> = told.iter().copied().collect();
    assert_eq!(
        (told.len(), once.len()),
        (zones.len(), zones.len()),
        "each day closed exactly once: {told:?}"
    );
    let salts: BTreeSet<_> = turning.salts.values().collect();
    assert_eq!(salts.len(), turning.salts.len(), "no two site-days have one salt");
    let output = server.kill();
    assert!(!output.contains("self-check") && !output.contains("panicked"), "{output}");
    turning.salts.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[allow(clippy::print_stdout, reason = "the figures of the long form")]
async fn each_site_turns_at_its_own_midnight_once_and_leaves_nothing() {
    let from = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_millisecond();
    if std::env::var_os("ROTATION").is_none() {
        let from = from("2026-11-20T09:30:00Z");
        let (zones, midnights) = kinds(from, 7);
        round(&zones, &midnights, from).await;
        return;
    }
    // An ordinary day, and days around changes of the clock in Europe, America and the south.
    for day in ["2026-11-20", "2026-03-28", "2026-10-31", "2026-04-04"] {
        let from = from(&format!("{day}T09:30:00Z"));
        let zones: Vec<_> = outside().into_keys().collect();
        let midnights = zones.iter().map(|zone| next_midnight(&Zone::named(zone).unwrap(), from)).collect();
        let salts = round(&zones, &midnights, from).await;
        println!("{day}: {} zones turned at {} midnights, {salts} salts", zones.len(), midnights.len());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_salt_that_outlives_its_day_is_found() {
    let from = "2026-11-20T09:30:00Z".parse::<jiff::Timestamp>().unwrap().as_millisecond();
    let mut turning = Turning::new(&["UTC"], from, "salt_kept");
    let server = turning.serve();
    let load = Load::on(&server, &turning);
    load.more(1);
    let left = turning.over(next_midnight(&Zone::utc(), from), &server, &load).await;
    assert!(left.iter().any(|place| place.ends_with(".salt")), "{left:?}");
}
