//! Settings of the process: what was given ([`RawConfig`]: flags, environment, file) becomes what the program
//! needs ([`Config`]), once, at the edge. Nothing else reads the environment.

use std::{
    fmt, fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use ipnet::IpNet;
use serde::{Deserialize, Deserializer, de};

use crate::store::clickhouse::Secret;
pub use crate::store::open::StoreChoice;

mod nodes;
mod runtime;
mod values;
pub use nodes::Role;
use runtime::runtime;
pub use values::named_store;
use values::{
    flag, flush_interval, geo, header, log_level, networks, number, one_of, parse, public_url, store, wrong,
};

/// Declares every setting once: its name in the file, its flag (with dashes) and its variable.
macro_rules! raw_config {
    ($($(#[$extra:meta])* $name:ident $variable:literal $value:literal $help:literal)*) => {
        /// Every setting as text, as it was given; `None` where it was not.
        #[derive(Clone, Debug, Default, PartialEq, Eq, clap::Args, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct RawConfig {
            $(
                #[arg(long, env = $variable, value_name = $value, help = $help, global = true, hide_env_values = true, help_heading = "Settings")]
                $(#[$extra])*
                #[serde(deserialize_with = "scalar")]
                pub $name: Option<String>,
            )*
        }

        impl RawConfig {
            /// These settings, and `below` where one is not given.
            fn over(self, below: RawConfig) -> RawConfig {
                RawConfig { $($name: self.$name.or(below.$name),)* }
            }
        }
    };
}

raw_config! {
    listen "MAYFLY_LISTEN" "ADDRESS:PORT" "Address and port to serve [default: 127.0.0.1:8000]"
    data "MAYFLY_DATA" "DIRECTORY" "Where rows, journals and the control database live [default: mayfly-data, or the service's state directory]"
    runtime "MAYFLY_RUNTIME" "DIRECTORY|none" "Memory-backed directory for salts and visitor tables, so that a restart splits no visit [default: the user's runtime directory, if memory-backed]"
    store "MAYFLY_STORE" "STORE" "`duckdb`, `duckdb:PATH`, or `clickhouse://[user@]host[:port]/database` (`clickhouses://` with TLS) [default: duckdb, in the data directory]"
    store_memory "MAYFLY_STORE_MEMORY" "MB" "Most memory that the embedded store takes, in megabytes [default: 512]"
    store_password_file "MAYFLY_STORE_PASSWORD_FILE" "FILE" "File whose first line is the store's password [default: none]"
    store_token_file "MAYFLY_STORE_TOKEN_FILE" "FILE" "File whose first line is the store's access token [default: none]"
    durability "MAYFLY_DURABILITY" "power|process" "What an acknowledged hit survives: a power loss, or a crash of the process only [default: power]"
    flush_interval "MAYFLY_FLUSH_INTERVAL" "DURATION" "How often pages leave memory for the store, such as `1h` or `2s` [default: 1h]"
    role "MAYFLY_ROLE" "all|collector|report" "What this process does for its installation: everything, count hits, or serve dashboard and reports [default: all]"
    node "MAYFLY_NODE" "NUMBER" "Number of this collector among those of one store [default: 0]"
    report_url "MAYFLY_REPORT_URL" "URL" "Of a collector: where the report node answers [default: none]"
    collectors "MAYFLY_COLLECTORS" "NUMBER=URL,..." "Of the report node: its collectors and where they answer [default: none]"
    node_token_file "MAYFLY_NODE_TOKEN_FILE" "FILE" "File with the secret that the nodes of one installation share [default: none]"
    public_url "MAYFLY_PUBLIC_URL" "URL" "Where people and trackers reach this server; `https` makes cookies Secure"
    trusted_proxies "MAYFLY_TRUSTED_PROXIES" "NETWORKS" "Proxies whose forwarding header is believed, separated by commas, or `none` [default: loopback]"
    client_address_header "MAYFLY_CLIENT_ADDRESS_HEADER" "HEADER" "The forwarding header that trusted proxies set [default: x-forwarded-for]"
    network_v4 "MAYFLY_NETWORK_V4" "BITS" "Leading bits of an IPv4 address that make a visitor's network, 8 to 32 [default: 32]"
    network_v6 "MAYFLY_NETWORK_V6" "BITS" "Leading bits of an IPv6 address that make a visitor's network, 16 to 64 [default: 64]"
    geo "MAYFLY_GEO" "FILE" "MaxMind file that tells countries (regions, cities) of networks [default: none]"
    max_body "MAYFLY_MAX_BODY" "BYTES" "Most bytes of a collection request [default: 65536]"
    connections "MAYFLY_CONNECTIONS" "NUMBER" "Most connections at once [default: 8192]"
    hits_waiting "MAYFLY_HITS_WAITING" "NUMBER" "Most hits under way at once; half of them for one site [default: 20000]"
    address_rate "MAYFLY_ADDRESS_RATE" "HITS" "Hits a second that one address may send for long, 0 for no limit [default: 100]"
    records_months "MAYFLY_RECORDS_MONTHS" "MONTHS" "Months that the audit log and the ledger of no site are kept, 1 to 120 [default: 25]"
    site_rate "MAYFLY_SITE_RATE" "HITS" "Hits a second that all may send for one site, 0 for no limit [default: 0]"
    workers "MAYFLY_WORKERS" "NUMBER" "Threads that serve requests [default: one for each processor]"
    log_level "MAYFLY_LOG_LEVEL" "LEVEL" "error, warn, info, debug or trace, also by module such as `info,mayfly::close=debug` [default: info]"
    log_format "MAYFLY_LOG_FORMAT" "text|json" "How log lines are written [default: text]"
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    bare_route "MAYFLY_BARE_ROUTE" "true|false" "Serve /api/bare, which only reads its body: what benchmarks compare collection with [default: false]"
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    demo "MAYFLY_DEMO" "true|false" "Serve the demo site and fill it with simulated history [default: false]"
}

/// The file that is read where none is named, if it is there; the first that is.
const FILES: [&str; 2] = ["mayfly.toml", "/etc/mayfly.toml"];

/// What the process runs with.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    pub listen: SocketAddr,
    pub data: PathBuf,
    /// Memory-backed directory, not yet made; `None`: a restart splits the visits that run.
    pub runtime: Option<PathBuf>,
    pub store: StoreChoice,
    pub durability: Durability,
    /// 1 s ..= 24 h.
    pub flush_interval: Duration,
    pub node: u32,
    pub role: Role,
    /// Where the secret of `role` was read from.
    pub node_token_file: Option<PathBuf>,
    pub public_url: Option<url::Url>,
    pub trusted_proxies: Vec<IpNet>,
    /// In lower case.
    pub client_address_header: String,
    /// 8..=32.
    pub network_v4: u8,
    /// 16..=64.
    pub network_v6: u8,
    pub geo: Option<PathBuf>,
    /// Bytes.
    pub max_body: usize,
    pub connections: usize,
    pub hits_waiting: usize,
    /// Hits a second; 0: no limit.
    pub address_rate: u64,
    /// Hits a second; 0: no limit.
    pub site_rate: u64,
    /// Months that the audit log and the ledger of what belongs to no site are kept, 1..=120.
    pub records_months: u32,
    pub workers: usize,
    /// Directives for tracing's `EnvFilter`, checked.
    pub log_level: String,
    pub log_format: LogFormat,
    pub demo: bool,
    pub bare_route: bool,
}

/// What an acknowledged hit survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// A power loss: the journal's key lives in the data directory.
    Power,
    /// A crash of the process: the key lives in the runtime directory, and a stolen disk is noise.
    Process,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    Json,
}

/// Why the settings are refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("{field}: `{value}` is not allowed: {allowed}")]
    Value { field: &'static str, value: String, allowed: String },
    #[error("the configuration file {}: {error}", path.display())]
    File { path: PathBuf, error: std::io::Error },
    #[error("the configuration file {}: {field}: {error}", path.display())]
    Syntax { path: PathBuf, field: String, error: String },
}

type Result<T, E = ConfigError> = std::result::Result<T, E>;

impl RawConfig {
    /// These settings over those of the file: the one named, else the first of `./mayfly.toml` and
    /// `/etc/mayfly.toml` that is there.
    ///
    /// # Errors
    /// A named file that cannot be read; the field of the file that is unknown or of the wrong type.
    pub fn with_file(self, named: Option<&Path>) -> Result<RawConfig> {
        let found = FILES.iter().map(Path::new).find(|path| path.exists());
        let Some(path) = named.or(found) else { return Ok(self) };
        let text =
            fs::read_to_string(path).map_err(|error| ConfigError::File { path: path.to_owned(), error })?;
        Ok(self.over(parse_file(path, &text)?))
    }

    /// The data directory alone: all that commands on the control database need.
    pub fn data_directory(&self, environment: &Environment) -> PathBuf {
        match &self.data {
            Some(given) => PathBuf::from(given),
            None => environment.state.clone().unwrap_or_else(|| "mayfly-data".into()),
        }
    }
}

/// What the surroundings offer for settings that are not given.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// The service manager's state directory.
    pub state: Option<PathBuf>,
    /// Directories that may be memory-backed, best first, the service's own to be used as it is.
    pub service_runtime: Option<PathBuf>,
    pub user_runtime: Option<PathBuf>,
    pub processors: usize,
}

impl Environment {
    /// Reads the process's environment.
    pub fn read() -> Environment {
        let first = |variable: &str| {
            let text = std::env::var(variable).ok()?;
            text.split(':').next().filter(|path| path.starts_with('/')).map(PathBuf::from)
        };
        Environment {
            state: first("STATE_DIRECTORY"),
            service_runtime: first("RUNTIME_DIRECTORY"),
            user_runtime: first("XDG_RUNTIME_DIR"),
            processors: std::thread::available_parallelism().map_or(1, usize::from),
        }
    }
}

fn parse_file(path: &Path, text: &str) -> Result<RawConfig> {
    let wrong = |field: String, error: String| ConfigError::Syntax { path: path.to_owned(), field, error };
    let document = toml::Deserializer::parse(text)
        .map_err(|error| wrong("the text".to_owned(), error.to_string().trim().replace('\n', " ")))?;
    serde_path_to_error::deserialize(document).map_err(|error| {
        let field = error.path().to_string();
        wrong(field, error.into_inner().message().to_owned())
    })
}

/// Text, a number, true or false, or a list of texts: the file may say `8000` or `"8000"`.
fn scalar<'de, D: Deserializer<'de>>(from: D) -> std::result::Result<Option<String>, D::Error> {
    struct Scalar;

    impl<'de> de::Visitor<'de> for Scalar {
        type Value = String;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("text, a number, true, false or a list of texts")
        }

        fn visit_str<E>(self, text: &str) -> std::result::Result<String, E> {
            Ok(text.to_owned())
        }

        fn visit_i64<E>(self, number: i64) -> std::result::Result<String, E> {
            Ok(number.to_string())
        }

        fn visit_bool<E>(self, flag: bool) -> std::result::Result<String, E> {
            Ok(flag.to_string())
        }

        fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> std::result::Result<String, A::Error> {
            let mut texts: Vec<String> = Vec::new();
            while let Some(text) = list.next_element()? {
                texts.push(text);
            }
            match texts.is_empty() {
                true => Ok("none".to_owned()),
                false => Ok(texts.join(",")),
            }
        }
    }

    from.deserialize_any(Scalar).map(Some)
}

impl Config {
    /// Checks every setting and fills in the defaults.
    ///
    /// # Errors
    /// The first setting that is wrong: its name, its value, what is allowed.
    pub fn new(raw: &RawConfig, environment: &Environment) -> Result<Config> {
        let data = raw.data_directory(environment);
        let runtime = runtime(raw.runtime.as_deref(), &data, environment)?;
        let durability = one_of(
            "durability",
            raw.durability.as_deref(),
            &[("power", Durability::Power), ("process", Durability::Process)],
        )?;
        if durability == Durability::Process && runtime.is_none() {
            return wrong(
                "durability",
                "process",
                "this needs a memory-backed `runtime` directory for the journal's key",
            );
        }
        let store = store(raw, &data)?;
        let demo = flag("demo", raw.demo.as_deref())?;
        Ok(Config {
            role: nodes::role(raw, &store, demo)?,
            node_token_file: raw.node_token_file.as_ref().map(PathBuf::from),
            listen: parse(
                "listen",
                raw.listen.as_deref(),
                "127.0.0.1:8000",
                "an address and a port, such as `0.0.0.0:8000` or `[::]:8000`",
            )?,
            store,
            data,
            runtime,
            durability,
            flush_interval: flush_interval(raw.flush_interval.as_deref().unwrap_or("1h"))?,
            node: number("node", raw.node.as_deref(), 0, 0, 65_535)? as u32,
            public_url: raw.public_url.as_deref().map(public_url).transpose()?,
            trusted_proxies: networks(raw.trusted_proxies.as_deref().unwrap_or("127.0.0.0/8,::1"))?,
            client_address_header: header(raw.client_address_header.as_deref().unwrap_or("x-forwarded-for"))?,
            network_v4: number("network_v4", raw.network_v4.as_deref(), 32, 8, 32)? as u8,
            network_v6: number("network_v6", raw.network_v6.as_deref(), 64, 16, 64)? as u8,
            geo: raw.geo.as_deref().filter(|text| *text != "none").map(geo).transpose()?,
            max_body: number("max_body", raw.max_body.as_deref(), 65_536, 1_024, 1_048_576)? as usize,
            connections: number("connections", raw.connections.as_deref(), 8_192, 16, 1_000_000)? as usize,
            hits_waiting: number("hits_waiting", raw.hits_waiting.as_deref(), 20_000, 4, 1_000_000)? as usize,
            address_rate: number("address_rate", raw.address_rate.as_deref(), 100, 0, 1_000_000)?,
            records_months: number("records_months", raw.records_months.as_deref(), 25, 1, 120)? as u32,
            site_rate: number("site_rate", raw.site_rate.as_deref(), 0, 0, 1_000_000)?,
            workers: number(
                "workers",
                raw.workers.as_deref(),
                environment.processors.clamp(1, 256) as u64,
                1,
                256,
            )? as usize,
            log_level: log_level(raw.log_level.as_deref().unwrap_or("info"))?,
            log_format: one_of(
                "log_format",
                raw.log_format.as_deref(),
                &[("text", LogFormat::Text), ("json", LogFormat::Json)],
            )?,
            demo,
            bare_route: flag("bare_route", raw.bare_route.as_deref())?,
        })
    }

    /// The control database's file.
    pub fn control_file(&self) -> PathBuf {
        control_file(&self.data)
    }

    /// Whether people reach this server by https: cookies are `Secure` then.
    pub fn is_https(&self) -> bool {
        self.public_url.as_ref().is_some_and(|url| url.scheme() == "https")
    }
}

/// The control database's file in a data directory.
pub fn control_file(data: &Path) -> PathBuf {
    data.join("control.sqlite")
}

/// Every setting as a line of the configuration file.
impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = |path: &Option<PathBuf>| {
            path.as_ref().map_or("none".to_owned(), |path| path.display().to_string())
        };
        let proxies: Vec<String> =
            self.trusted_proxies.iter().map(|network| format!("{:?}", network.to_string())).collect();
        writeln!(f, "listen = {:?}", self.listen.to_string())?;
        writeln!(f, "data = {:?}", self.data.display().to_string())?;
        writeln!(f, "runtime = {:?}", path(&self.runtime))?;
        writeln!(f, "store = {:?}", self.store.to_string())?;
        match &self.store {
            StoreChoice::DuckDb { memory_mb, .. } => writeln!(f, "store_memory = {memory_mb}")?,
            StoreChoice::ClickHouse(address) => match &address.secret {
                Secret::None => {}
                Secret::PasswordFile(path) => writeln!(f, "store_password_file = {path:?}")?,
                Secret::TokenFile(path) => writeln!(f, "store_token_file = {path:?}")?,
            },
        }
        writeln!(
            f,
            "durability = {:?}",
            if self.durability == Durability::Power { "power" } else { "process" }
        )?;
        writeln!(f, "flush_interval = {:?}", humantime::format_duration(self.flush_interval).to_string())?;
        writeln!(f, "node = {}", self.node)?;
        write!(f, "{}", nodes::lines(&self.role, self.node_token_file.as_ref()))?;
        if let Some(url) = &self.public_url {
            writeln!(f, "public_url = {:?}", url.as_str())?;
        }
        writeln!(f, "trusted_proxies = [{}]", proxies.join(", "))?;
        writeln!(f, "client_address_header = {:?}", self.client_address_header)?;
        writeln!(f, "network_v4 = {}", self.network_v4)?;
        writeln!(f, "network_v6 = {}", self.network_v6)?;
        writeln!(f, "geo = {:?}", path(&self.geo))?;
        writeln!(f, "max_body = {}", self.max_body)?;
        writeln!(f, "connections = {}", self.connections)?;
        writeln!(f, "hits_waiting = {}", self.hits_waiting)?;
        writeln!(f, "address_rate = {}", self.address_rate)?;
        writeln!(f, "site_rate = {}", self.site_rate)?;
        writeln!(f, "records_months = {}", self.records_months)?;
        writeln!(f, "workers = {}", self.workers)?;
        writeln!(f, "log_level = {:?}", self.log_level)?;
        writeln!(f, "log_format = {:?}", if self.log_format == LogFormat::Text { "text" } else { "json" })?;
        writeln!(f, "bare_route = {}", self.bare_route)?;
        writeln!(f, "demo = {}", self.demo)
    }
}

#[cfg(test)]
mod tests;
