//! Kill -9, again and again: whatever was acknowledged is counted exactly once afterwards, and a hit without an
//! answer at most once.

mod install;
mod load;
mod places;
mod power;

use std::time::{Duration, Instant};

use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::{
    faults::{Act, Call, Rule},
    server::{Server, until},
};
use install::{Install, Keeping};
use load::Lane;

const LANES: usize = 64;

/// What happens beside the kill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    Nothing,
    /// The journal's syncs take so many milliseconds.
    SlowSync(u32),
    /// Writes of the store fail.
    StoreFails,
    /// SIGTERM in place of SIGKILL.
    Stop,
    /// Killed again while it starts.
    KilledStarts(u32),
    /// Killed right after it serves, without a hit.
    Twice,
    /// The clock moves over midnight under load, before the kill.
    Midnight,
    /// The same, while nothing runs.
    MidnightDown,
}

#[derive(Default, Debug)]
struct Figures {
    kills: u32,
    stops: u32,
    /// Acknowledged under load.
    hits: u64,
    loaded: Duration,
    closes: u32,
}

struct Campaign {
    install: Install,
    rng: StdRng,
    figures: Figures,
    /// Hits between two kills, at least.
    hits: u64,
}

impl Campaign {
    fn new(keeping: Keeping, seed: u64, hits: u64) -> Campaign {
        let rng = StdRng::seed_from_u64(seed);
        Campaign { install: Install::new(keeping, LANES, seed), rng, figures: Figures::default(), hits }
    }

    fn trouble(&mut self) -> Trouble {
        match self.rng.random_range(0..100) {
            0..30 => Trouble::Nothing,
            30..42 => Trouble::SlowSync(self.rng.random_range(2..12)),
            42..52 => Trouble::StoreFails,
            52..58 => Trouble::Stop,
            58..70 => Trouble::KilledStarts(self.rng.random_range(1..4)),
            70..75 => Trouble::Twice,
            75..92 => Trouble::Midnight,
            _ => Trouble::MidnightDown,
        }
    }

    async fn cycle(&mut self, what: &str) {
        let trouble = self.trouble();
        let what = format!("{what}, {trouble:?}");
        if trouble == Trouble::Twice {
            self.install.start().kill();
            self.figures.kills += 1;
        }
        if let Trouble::KilledStarts(times) = trouble {
            (0..times).for_each(|_| self.kill_a_start());
        }
        let server = self.install.start_and_check(&what).await;
        match trouble {
            Trouble::SlowSync(ms) => {
                self.install.faults.set(&[Rule::always(Call::Sync, ".journal", Act::DelayMs(ms))]);
            }
            Trouble::StoreFails => {
                let after = self.rng.random_range(0..12);
                let failing = Rule {
                    call: Call::Write,
                    path: "mayfly.duckdb",
                    after,
                    times: 6,
                    act: Act::Errno(libc::EIO),
                };
                self.install.faults.set(&[failing]);
            }
            _ => {}
        }
        self.load(server, trouble).await;
        self.install.faults.clear();
        self.install.check_stored(&what);
        if trouble == Trouble::MidnightDown {
            self.over_midnight(2).await;
        }
    }

    /// Killed at some moment of its start.
    fn kill_a_start(&mut self) {
        let calls = [
            (Call::Open, "/data"),
            (Call::Open, "journal"),
            (Call::Read, "journal"),
            (Call::Open, "duckdb"),
            (Call::Open, "/run/"),
        ];
        let (call, path) = calls[self.rng.random_range(0..calls.len())];
        self.install.faults.set(&[Rule::once(call, path, self.rng.random_range(0..20), Act::Kill)]);
        let mut server = Server::spawn(self.install.command());
        until("the start ends, or it serves", || {
            (!server.is_running() || server.said("Mayfly serves ").is_some()).then_some(())
        });
        server.kill();
        self.install.faults.clear();
        self.figures.kills += 1;
    }

    /// Hits from all lanes, some steps of the clock, and the end.
    async fn load(&mut self, server: Server, trouble: Trouble) {
        let run = self.install.run(&server);
        let begun = Instant::now();
        let lanes: Vec<_> = std::mem::take(&mut self.install.lanes)
            .into_iter()
            .map(|lane: Lane| tokio::spawn(run.clone().drive(lane, u64::MAX)))
            .collect();
        let hits = self.rng.random_range(self.hits..self.hits * 2);
        for part in 1..4 {
            run.until(hits * part / 4).await;
            let now = self.install.clock.now().await;
            let step = self.rng.random_range(1..20 * 60) * 1_000;
            if self.install.zone.day_at(now) == self.install.zone.day_at(now + step) {
                self.install.clock.move_to(now + step).await;
            }
        }
        if trouble == Trouble::Midnight {
            self.over_midnight(2).await;
            // The close begins within a quarter of a second, and there is more to count meanwhile.
            let more = self.rng.random_range(1..self.hits);
            run.until(run.acknowledged() + more).await;
        }
        run.until(hits).await;
        self.figures.loaded += begun.elapsed();
        self.figures.hits += run.acknowledged();
        let output = match trouble {
            Trouble::Stop => {
                self.figures.stops += 1;
                let (code, output) = server.stop();
                assert_eq!(code, Some(0), "{output}");
                output
            }
            _ => {
                self.figures.kills += 1;
                server.kill()
            }
        };
        for wrong in ["self-check", "panicked"] {
            assert!(!output.contains(wrong), "{output}");
        }
        for lane in lanes {
            self.install.lanes.push(lane.await.unwrap());
        }
    }

    /// Moves the clock to some seconds past the next midnight.
    async fn over_midnight(&mut self, seconds: i64) {
        let zone = &self.install.zone;
        let now = self.install.clock.now().await;
        let midnight = zone.start_of(zone.day_at(now).plus(1));
        self.install.clock.move_to(midnight + seconds * 1_000).await;
        self.figures.closes += 1;
    }

    /// The last day closes too, and all of it is in the store.
    async fn finish(&mut self, what: &str) {
        self.over_midnight(3_600).await;
        let server = self.install.start_and_check(what).await;
        server.kill();
        self.install.check_stored(what);
        let now = self.install.clock.now().await;
        let today = self.install.zone.day_at(now);
        let left: Vec<_> =
            self.install.days.iter().filter(|(day, known)| !known.checked && **day != today).collect();
        assert!(left.is_empty(), "{what}: not in the store: {left:?}");
    }
}

#[allow(clippy::print_stdout, reason = "the figures are what the long form is run for")]
async fn campaign(keeping: Keeping, seed: u64, cycles: u32, hits: u64) -> Figures {
    let mut campaign = Campaign::new(keeping, seed, hits);
    for cycle in 0..cycles {
        campaign.cycle(&format!("seed {seed}, {keeping:?}, cycle {cycle}")).await;
    }
    campaign.finish(&format!("seed {seed}, {keeping:?}, at the end")).await;
    let Campaign { install, figures, .. } = campaign;
    println!(
        "{keeping:?}: {} kills, {} stops, {} closes; {} hits acknowledged, {:.0} a second; {} without an answer, {} of them counted; {} counted in all",
        figures.kills,
        figures.stops,
        figures.closes,
        figures.hits,
        figures.hits as f64 / figures.loaded.as_secs_f64(),
        install.in_doubt,
        install.found,
        install.counted(),
    );
    figures
}

/// Cycles of a campaign: few in `make test`, as many as asked for in `make crash`.
fn cycles(short: u32, share: u32) -> u32 {
    let asked = std::env::var("CRASH_CYCLES").ok().and_then(|n| n.parse::<u32>().ok());
    asked.map_or(short, |n| n * share / 10)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_kills() {
    campaign(Keeping::Power, seed(1), cycles(10, 6), 1000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_survives_kills_with_keys_in_memory() {
    campaign(Keeping::Process, seed(2), cycles(4, 2), 1000).await;
}

/// Visits are cut, the ledger says how many, and crowds are as large as the day's salts ask for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counts_survive_kills_without_a_runtime_directory() {
    campaign(Keeping::Nothing, seed(4), cycles(3, 2), 1000).await;
}

/// The long form can be run from other seeds.
fn seed(own: u64) -> u64 {
    std::env::var("CRASH_SEED").ok().and_then(|n| n.parse::<u64>().ok()).unwrap_or(0) * 10 + own
}

/// Seeds that failed once: how many cycles they took, and of what.
const FAILED: [(Keeping, u64, u32, &str); 1] =
    [(Keeping::Nothing, 3, 3, "visits that one start forgot were noted again by the next within the hour")];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn seeds_that_failed_once_hold() {
    for (keeping, seed, cycles, _) in FAILED {
        campaign(keeping, seed, cycles, 1000).await;
    }
}
