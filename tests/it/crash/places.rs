//! Kills at exact places: before, after and within each call that changes a file, at commit, release, insert, close,
//! replay and migration. A sweep takes one kind of call on one kind of file and kills at its first, second, third ...

use std::collections::BTreeSet;

use rand::{RngExt, SeedableRng, rngs::StdRng, seq::SliceRandom};

use super::{
    super::{
        faults::{Act, Call, Rule},
        server::{Server, until},
        upgrade::back_to_the_first_schema,
    },
    install::{Install, Keeping},
};

/// Files by a part of their paths: journals with their keys, releases, the store with its log, the control database
/// with its log, and what is memory.
const FILES: [&str; 5] = ["/journal", "/releases", "/mayfly.duckdb", "/control", "/run/"];
pub const LANES: usize = 4;
/// Hits of a lane at a time.
const HITS: u64 = 3;

/// A kind of place: what the process dies of, at which calls.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    pub call: Call,
    pub path: &'static str,
    pub act: Act,
}

fn kinds() -> Vec<Kind> {
    let mut kinds = Vec::new();
    for path in FILES {
        for call in
            [Call::Open, Call::Write, Call::Sync, Call::Rename, Call::Unlink, Call::Truncate, Call::Mkdir]
        {
            kinds.push(Kind { call, path, act: Act::Kill });
            // After an open or a sync nothing is there that the next call does not find, too.
            if !matches!(call, Call::Open | Call::Mkdir) {
                kinds.push(Kind { call, path, act: Act::KillAfter });
            }
            if call == Call::Write {
                kinds.push(Kind { call, path, act: Act::Torn });
            }
        }
    }
    kinds
}

/// Counts releases that the store has and whose files are gone: a rule that never strikes.
const DELIVERED: Rule =
    Rule { call: Call::Unlink, path: "/releases/1-", after: u32::MAX, times: 0, act: Act::Kill };

/// One life of a server: a start, hits, a release, hits, midnight, a close, hits, a stop. True if it was killed.
pub async fn live(install: &mut Install, kind: Kind, after: u32) -> bool {
    install.faults.set(&[Rule::once(kind.call, kind.path, after, kind.act), DELIVERED]);
    let mut server = Server::spawn(install.command());
    let started = until("the server starts or is killed", || {
        let origin = server.said("Mayfly serves ");
        (origin.is_some() || !server.is_running()).then_some(origin)
    });
    let Some(origin) = started else {
        let (code, output) = server.ended();
        assert_eq!(code, None, "it was killed, or ran: {output}");
        return true;
    };
    server.origin = origin;
    hits(install, &server).await;
    let now = install.clock.now().await;
    install.clock.move_to(now + 2_000).await;
    delivered(install, &mut server, 1);
    hits(install, &server).await;
    let zone = &install.zone;
    let midnight = zone.start_of(zone.day_at(now).plus(1));
    install.clock.move_to(midnight + 2_000).await;
    hits(install, &server).await;
    delivered(install, &mut server, 2);
    if !server.is_running() {
        server.kill();
        return true;
    }
    server.stop().0.is_none()
}

/// Waits until the store has so many releases, or the server is dead.
fn delivered(install: &Install, server: &mut Server, releases: u32) {
    until("a release is delivered, or the server is killed", || {
        (install.faults.met(1) >= releases || !server.is_running()).then_some(())
    });
}

pub async fn hits(install: &mut Install, server: &Server) {
    let run = install.run(server);
    let lanes = std::mem::take(&mut install.lanes);
    // A lane with a hit in doubt waits until it is known what became of it.
    let tasks: Vec<_> = lanes
        .into_iter()
        .map(|lane| {
            let most = if lane.doubt.is_some() { 0 } else { HITS };
            tokio::spawn(run.clone().drive(lane, most))
        })
        .collect();
    for task in tasks {
        install.lanes.push(task.await.unwrap());
    }
}

/// Kills at a place, and holds what the next start says against the truth. False if the place is beyond the last.
async fn kill_at(install: &mut Install, kind: Kind, after: u32) -> bool {
    let what = format!("{:?}, {kind:?} after {after}", install.keeping);
    let killed = live(install, kind, after).await;
    install.faults.clear();
    let server = install.start_and_check(&what).await;
    // The next start replays what this one leaves.
    hits(install, &server).await;
    server.kill();
    install.check_stored(&what);
    killed
}

/// The first place of some kinds and then about each so many-th, or one of each. Prints how many there were.
#[allow(clippy::print_stdout, reason = "the figures are what the long form is run for")]
async fn sweep(keeping: Keeping, kinds: &[Kind], stride: Option<u32>, seed: u64) {
    let mut install = Install::new(keeping, LANES, seed);
    let mut rng = StdRng::seed_from_u64(seed);
    let mut struck: BTreeSet<String> = BTreeSet::new();
    for kind in kinds {
        let mut after = if stride.is_some() { 0 } else { rng.random_range(0..10) };
        while kill_at(&mut install, *kind, after).await {
            struck.insert(format!("{:?} {} {:?} {after}", kind.call, kind.path, kind.act));
            let Some(stride) = stride else { break };
            after += rng.random_range(1..stride * 2);
        }
        let of_kind = format!("{:?} {} {:?} ", kind.call, kind.path, kind.act);
        println!("{of_kind}: {} places", struck.iter().filter(|place| place.starts_with(&of_kind)).count());
    }
    println!(
        "{keeping:?}: killed at {} distinct places of {} kinds; {} hits counted",
        struck.len(),
        kinds.len(),
        install.counted()
    );
    assert!(struck.len() * 4 > kinds.len(), "kills come to pass");
}

fn all() -> bool {
    std::env::var_os("CRASH_CYCLES").is_some()
}

/// How far apart the places of a long form are, in the mean: `make places` takes each, `make crash` some of each kind.
fn stride() -> Option<u32> {
    std::env::var("CRASH_STRIDE").ok().map(|text| text.parse().unwrap())
}

/// `CRASH_FILES` names some of [`FILES`], so that the whole can be swept in pieces.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_at_exact_places_lose_nothing() {
    let mut kinds = kinds();
    if let Ok(files) = std::env::var("CRASH_FILES") {
        kinds.retain(|kind| files.split(' ').any(|file| file == kind.path));
    }
    if stride().is_none() {
        kinds.retain(|kind| matches!(kind.call, Call::Write | Call::Sync | Call::Rename));
        kinds.shuffle(&mut StdRng::seed_from_u64(1));
        kinds.truncate(10);
    }
    sweep(Keeping::Power, &kinds, stride(), super::seed(1)).await;
}

/// Starts under a rule until it is killed or serves. True if it was killed.
fn start_at(install: &Install, kind: Kind, after: u32) -> bool {
    install.faults.set(&[Rule::once(kind.call, kind.path, after, kind.act)]);
    let mut server = Server::spawn(install.command());
    let killed = until("the start ends, or it serves", || {
        let serves = server.said("Mayfly serves ").is_some();
        (serves || !server.is_running()).then_some(!serves)
    });
    server.kill();
    install.faults.clear();
    killed
}

/// The store's schema is made, and brought forward from the first version, under kills at each of its calls.
#[allow(clippy::print_stdout, reason = "the figures are what the long form is run for")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_in_migrations_lose_nothing() {
    let mut install = Install::new(Keeping::Power, LANES, 5);
    let mut kinds = kinds();
    kinds.retain(|kind| kind.path == "/mayfly.duckdb" && kind.call != Call::Open);
    if !all() {
        kinds.retain(|kind| {
            matches!((kind.call, kind.act), (Call::Write, Act::Torn) | (Call::Sync, Act::Kill))
        });
    }
    let mut places = 0;
    for kind in &kinds {
        for after in (0..).step_by(if all() { 1 } else { 4 }) {
            for file in ["mayfly.duckdb", "mayfly.duckdb.wal"] {
                let _ = std::fs::remove_file(install.home.data.path().join(file));
            }
            if !start_at(&install, *kind, after) {
                break;
            }
            places += 1;
            install.start_and_check("a store that was begun").await.kill();
        }
    }
    let nowhere = Kind { call: Call::Mkdir, path: "/nowhere", act: Act::Kill };
    assert!(!live(&mut install, nowhere, 0).await);
    for kind in kinds {
        for after in (0..).step_by(if all() { 1 } else { 4 }) {
            back_to_the_first_schema(&install.home);
            let killed = start_at(&install, kind, after);
            let what = format!("from the first schema, {kind:?} after {after}");
            install.days.values_mut().for_each(|known| known.checked = false);
            let server = install.start_and_check(&what).await;
            assert_eq!(server.stop().0, Some(0));
            install.check_stored(&what);
            if !killed {
                break;
            }
            places += 1;
        }
    }
    println!("killed at {places} places of migrations; {} hits counted", install.counted());
    assert!(places > 4, "kills come to pass");
}
