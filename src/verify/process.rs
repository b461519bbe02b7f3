//! The machine and the running process: what the kernel says of them.

use std::{fs, net::IpAddr};

use ipnet::IpNet;

use super::{Check, Kind, Outcome, Places};
use crate::{
    config::{Config, Durability, Role},
    memory::{sealed, swap},
    store::open::StoreChoice,
};

/// What the settings and the machine say.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    pub trusted: Vec<IpNet>,
    /// Whether the journal's key dies with the machine's memory.
    pub keys_in_memory: bool,
    /// What this node is among others, where there are any.
    pub node: Option<String>,
    /// Where memory may be swapped to in the clear.
    pub swaps: Vec<String>,
}

/// The running server, by its own word.
#[derive(Clone, Debug)]
pub struct Running {
    pub dumpable: bool,
    /// The kernel's limits of the process, as `/proc` tells them.
    pub limits: String,
    pub salts_locked: bool,
    /// What collection says of a proxy that is not trusted.
    pub proxy: Option<String>,
}

impl Running {
    /// This process.
    pub fn here(salts_locked: bool, proxy: Option<&str>) -> Running {
        let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
        Running { dumpable: sealed::dumpable(), limits, salts_locked, proxy: proxy.map(str::to_owned) }
    }
}

/// All that is looked at besides databases.
#[derive(Clone, Debug, Default)]
pub struct Looks {
    pub places: Places,
    pub surroundings: Surroundings,
    pub running: Option<Running>,
}

impl Looks {
    /// By the settings, of a server that does not run.
    pub fn of(config: &Config) -> Looks {
        let store = match &config.store {
            StoreChoice::DuckDb { path, .. } => Some(path.clone()),
            StoreChoice::ClickHouse(_) => None,
        };
        let node = match &config.role {
            Role::All => None,
            Role::Collector { .. } => {
                Some("this is a collector: rows are looked at on the report node".to_owned())
            }
            Role::Report { .. } => Some(
                "collectors have journals, keys and memory of their own: run `mayfly verify` on each"
                    .to_owned(),
            ),
        };
        let surroundings = Surroundings {
            trusted: config.trusted_proxies.clone(),
            keys_in_memory: config.durability == Durability::Process,
            node,
            swaps: swap::in_the_clear(),
        };
        let places = Places { data: config.data.clone(), runtime: config.runtime.clone(), store };
        Looks { places, surroundings, running: None }
    }

    /// The same, of the server that this process is.
    pub fn running(self, running: Running) -> Looks {
        Looks { running: Some(running), ..self }
    }
}

impl Surroundings {
    pub(super) fn checks(&self, places: &Places) -> Vec<Check> {
        let mut checks = vec![runtime(places), swapping(&self.swaps), self.durability()];
        if let Some(words) = &self.node {
            let mut check = Check::new(Kind::Nodes);
            check.find(Outcome::NotSeen, words.as_str());
            checks.push(check.looked(0, "this node only"));
        }
        checks
    }

    fn durability(&self) -> Check {
        let words = match self.keys_in_memory {
            true => {
                "durability = process: the key of an open day's journal is in memory; a stolen disk is noise, and a loss of power loses the open day"
            }
            false => {
                "durability = power: the key of an open day's journal lies in the data directory until the day closes; a stolen disk holds today's events, without address, user agent or key"
            }
        };
        Check::new(Kind::Durability).looked(1, words)
    }
}

fn runtime(places: &Places) -> Check {
    let mut check = Check::new(Kind::Runtime);
    let Some(path) = &places.runtime else {
        return check.looked(0, "there is none: salts are in the process only, and a restart cuts visits");
    };
    match sealed::is_memory(path) {
        Ok(true) => {}
        Ok(false) => check.find(Outcome::Breach, "the runtime directory is on a disk"),
        Err(error) => {
            check.find(Outcome::NotSeen, format!("the runtime directory could not be asked: {error}"))
        }
    }
    check.looked(1, format!("the file system of {}", path.display()))
}

/// See [`swap`]: what is encrypted or stays in memory is not among them.
fn swapping(in_the_clear: &[String]) -> Check {
    let mut check = Check::new(Kind::Swap);
    for area in in_the_clear {
        let words = format!(
            "memory may be swapped to {area} in the clear, tables of visitors too. Switch it off, or encrypt it with a random key at each boot"
        );
        check.find(Outcome::Warning, words);
    }
    let n = in_the_clear.len();
    check.looked(n as u64, format!("the kernel's swap areas and what they lie on: {n} in the clear"))
}

/// What only a running server knows.
pub(super) fn checks(running: Option<&Running>, trusted: &[IpNet]) -> Vec<Check> {
    vec![process(running), salts(running), proxy(running, trusted)]
}

fn unseen(kind: Kind) -> Check {
    let mut check = Check::new(kind);
    check.find(Outcome::NotSeen, "no server runs: ask again while it does");
    check.looked(0, "nothing")
}

fn process(running: Option<&Running>) -> Check {
    let Some(running) = running else { return unseen(Kind::Process) };
    let mut check = Check::new(Kind::Process);
    if running.dumpable {
        check.find(Outcome::Breach, "the process can be dumped, and read by others of its user");
    }
    let limit = running.limits.lines().find(|line| line.starts_with("Max core file size"));
    match limit.map(|line| line.split_whitespace().rev().nth(2) == Some("0")) {
        Some(true) => {}
        Some(false) => check.find(Outcome::Breach, "the process may write core files"),
        None => check.find(Outcome::NotSeen, "the limit of core files could not be read"),
    }
    check.looked(2, "whether the running process can be dumped, and its limit of core files")
}

fn salts(running: Option<&Running>) -> Check {
    let Some(running) = running else { return unseen(Kind::Salts) };
    let mut check = Check::new(Kind::Salts);
    if !running.salts_locked {
        check.find(Outcome::Warning, "salts could not be locked (LimitMEMLOCK): they may reach swap");
    }
    check.looked(1, "the running process's locked pages")
}

/// A network of the whole world lets anybody say to be anybody, and so be a crowd alone.
fn proxy(running: Option<&Running>, trusted: &[IpNet]) -> Check {
    let mut check = Check::new(Kind::Proxy);
    for network in trusted {
        let whole = match network.addr() {
            IpAddr::V4(_) => 8,
            IpAddr::V6(_) => 16,
        };
        if network.prefix_len() < whole {
            let words = format!(
                "trusted_proxies names {network}: whoever is in it can pass for any number of visitors"
            );
            check.find(Outcome::Breach, words);
        }
    }
    if let Some(words) = running.and_then(|running| running.proxy.as_deref()) {
        check.find(Outcome::Warning, words);
    }
    let seen = if running.is_some() { "and the last hits' peers" } else { "no server runs, so no hits" };
    check.looked(trusted.len() as u64, format!("{} trusted networks, {seen}", trusted.len()))
}
