//! What the processes of an installation run with, as far as it concerns visitors. Made from the settings in use.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use serde::{Deserialize, Serialize};

use crate::{
    config::{Config, Durability, Role},
    store::open::StoreChoice,
};

/// What one process runs with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    pub collection: Collection,
    pub store: StoreKind,
    /// Whether the connection to a separate store is encrypted; `None` where there is none.
    pub store_encrypted: Option<bool>,
    pub role: RoleKind,
    /// Numbers of the collectors that a report node asks.
    pub collectors: Vec<u32>,
    /// Where people and trackers reach it.
    pub public_url: Option<String>,
    /// Months that the ledger of no site and the audit log are kept.
    pub records_months: u32,
}

/// How hits are taken and held until they are rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collection {
    /// The collector's number; 0 where there is one.
    pub node: u32,
    pub durability: DurabilityKind,
    pub journal_key: KeyPlace,
    /// Whether salt and visitor table survive a restart, in a memory-backed directory.
    pub survives_restart: bool,
    pub flush_interval_s: u64,
    /// Leading bits of an address that are used: 8..=32.
    pub network_v4_bits: u8,
    /// 16..=64.
    pub network_v6_bits: u8,
    /// The forwarding header that is believed of trusted proxies; `None`: nobody's.
    pub forwarding_header: Option<String>,
    /// Whether a location database is there.
    pub locates: bool,
    /// Whether requests of a network are counted against floods.
    pub limits_networks: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DurabilityKind {
    Power,
    Process,
}

/// Where the key of the open day's journal lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyPlace {
    DataDirectory,
    RuntimeDirectory,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StoreKind {
    /// A DuckDB file of the server itself.
    Embedded,
    #[serde(rename = "clickhouse")]
    ClickHouse,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoleKind {
    All,
    Collector,
    Report,
}

impl Process {
    /// `in_memory`: whether a memory-backed runtime directory is in use.
    pub fn of(config: &Config, in_memory: bool) -> Process {
        // Each setting is named: a new one does not compile until it is told, or listed as telling nothing.
        let Config {
            store,
            durability,
            flush_interval,
            node,
            role,
            public_url,
            records_months,
            trusted_proxies,
            client_address_header,
            network_v4,
            network_v6,
            geo,
            address_rate,
            // Where things lie and how much they take: `runtime` is `in_memory`.
            listen: _,
            data: _,
            runtime: _,
            node_token_file: _,
            max_body: _,
            connections: _,
            hits_waiting: _,
            site_rate: _,
            workers: _,
            // Logs hold no visitor's anything, whatever the level.
            log_level: _,
            log_format: _,
            demo: _,
            bare_route: _,
        } = config;
        let by_process = *durability == Durability::Process && in_memory;
        let (store, store_encrypted) = match store {
            StoreChoice::DuckDb { .. } => (StoreKind::Embedded, None),
            StoreChoice::ClickHouse(address) => (StoreKind::ClickHouse, Some(address.tls)),
        };
        let (role, collectors) = match role {
            Role::All => (RoleKind::All, vec![*node]),
            Role::Collector { .. } => (RoleKind::Collector, vec![*node]),
            Role::Report { collectors, .. } => {
                (RoleKind::Report, collectors.iter().map(|(number, _)| *number).collect())
            }
        };
        let collection = Collection {
            node: *node,
            durability: if by_process { DurabilityKind::Process } else { DurabilityKind::Power },
            journal_key: if by_process { KeyPlace::RuntimeDirectory } else { KeyPlace::DataDirectory },
            survives_restart: in_memory,
            flush_interval_s: flush_interval.as_secs(),
            network_v4_bits: *network_v4,
            network_v6_bits: *network_v6,
            forwarding_header: (!trusted_proxies.is_empty()).then(|| client_address_header.clone()),
            locates: geo.is_some(),
            limits_networks: *address_rate > 0,
        };
        let public_url = public_url.as_ref().map(|url| url.as_str().trim_end_matches('/').to_owned());
        Process {
            collection,
            store,
            store_encrypted,
            role,
            collectors,
            public_url,
            records_months: *records_months,
        }
    }

    /// Notes in the data directory what the server that starts runs with, for commands beside it.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn note(&self, data: &Path) -> io::Result<()> {
        let text = serde_json::to_vec_pretty(self)?;
        let new = data.join("running.json.new");
        let mut file =
            fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        file.write_all(&text)?;
        fs::rename(new, data.join("running.json"))
    }

    /// What the server of a data directory noted when it started.
    ///
    /// # Errors
    /// Where there is no note that can be read.
    pub fn noted(data: &Path) -> io::Result<Process> {
        Ok(serde_json::from_slice(&fs::read(data.join("running.json"))?)?)
    }
}
