//! What is given becomes what is used: defaults, files, errors by field, memory told from disks.

use super::{runtime::memory_backed, *};

const MOUNTS: &str = "overlay / overlay rw 0 0\ntmpfs /dev/shm tmpfs rw 0 0\n/dev/sda1 /srv ext4 rw 0 0\n";

fn environment() -> Environment {
    Environment { processors: 4, ..Environment::default() }
}

fn file(text: &str) -> Result<Config> {
    Config::new(&parse_file(Path::new("mayfly.toml"), text)?, &environment())
}

#[track_caller]
fn refused(text: &str, expected: &[&str]) {
    let error = file(text).expect_err(text).to_string();
    for part in expected {
        assert!(error.contains(part), "{text}: {error}");
    }
}

#[test]
fn defaults_hold_without_any_setting() {
    let config = file("").unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:8000");
    assert_eq!(config.flush_interval, Duration::from_secs(3_600));
    assert_eq!(
        config.store,
        StoreChoice::DuckDb { path: "mayfly-data/mayfly.duckdb".into(), memory_mb: 512 }
    );
    assert_eq!(config.trusted_proxies.len(), 2);
    assert_eq!(config.durability, Durability::Power);
    assert_eq!((config.network_v4, config.network_v6, config.workers), (32, 64, 4));
    assert!(config.runtime.is_none() && config.geo.is_none() && !config.demo && !config.is_https());
}

#[test]
fn the_file_holds_texts_numbers_flags_and_lists() {
    let config = file(
        "listen = \"[::]:80\"\nnode = 7\ndemo = true\ntrusted_proxies = [\"10.0.0.0/8\", \"192.0.2.1\"]\n\
         flush_interval = \"2s\"\npublic_url = \"https://stats.example.com\"\nstore = \"duckdb:/x/y.db\"",
    )
    .unwrap();
    assert_eq!((config.node, config.demo), (7, true));
    assert_eq!(config.trusted_proxies.len(), 2);
    assert_eq!(config.flush_interval, Duration::from_secs(2));
    assert_eq!(config.store, StoreChoice::DuckDb { path: "/x/y.db".into(), memory_mb: 512 });
    assert!(config.is_https());
    assert!(file("trusted_proxies = []").unwrap().trusted_proxies.is_empty());
}

#[test]
fn errors_name_the_field_the_value_and_what_is_allowed() {
    refused("lisen = \"x\"", &["lisen", "unknown field", "listen"]);
    refused("listen = \"localhost\"", &["listen", "`localhost`", "port"]);
    refused("listen = { a = 1 }", &["listen", "map"]);
    refused("listen = ", &["mayfly.toml", "the text"]);
    refused("flush_interval = \"0s\"", &["flush_interval", "`0s`", "1s"]);
    refused("flush_interval = \"2 days\"", &["flush_interval", "24h"]);
    refused("node = 70000", &["node", "70000", "65535"]);
    refused("node = -1", &["node", "-1"]);
    refused("network_v4 = 33", &["network_v4", "8 to 32"]);
    refused("network_v6 = 8", &["network_v6", "16 to 64"]);
    refused("max_body = 10", &["max_body", "1024"]);
    refused("trusted_proxies = \"10.0.0.0/8,proxy\"", &["trusted_proxies", "`proxy`"]);
    refused("client_address_header = \"x forwarded\"", &["client_address_header"]);
    refused("geo = \"/nowhere/country.mmdb\"", &["geo", "/nowhere/country.mmdb", ".mmdb"]);
    refused("store = \"sqlite\"", &["store", "`sqlite`", "duckdb"]);
    refused("durability = \"fast\"", &["durability", "`power` or `process`"]);
    refused("durability = \"process\"\nruntime = \"none\"", &["durability", "runtime"]);
    refused("log_level = \"mayfly=loud\"", &["log_level", "mayfly=loud"]);
    refused("log_format = \"xml\"", &["log_format", "`text` or `json`"]);
    refused("public_url = \"stats.example.com\"", &["public_url"]);
    refused("workers = 0", &["workers", "1 to 256"]);
    refused("demo = \"yes\"", &["demo", "`yes`"]);
}

#[test]
fn a_clickhouse_address_with_a_password_is_refused_without_repeating_it() {
    let error = file("store = \"clickhouse://me:secret@host/db\"").unwrap_err().to_string();
    assert!(error.contains("store_password_file") && !error.contains("secret"), "{error}");
}

#[test]
fn secrets_of_a_store_are_files() {
    let config = file("store = \"clickhouses://me@host/db\"\nstore_password_file = \"/run/p\"").unwrap();
    let StoreChoice::ClickHouse(address) = &config.store else { panic!("{:?}", config.store) };
    assert_eq!(address.secret, Secret::PasswordFile("/run/p".into()));
    assert_eq!(file(&config.to_string()).unwrap(), config);
    refused(
        "store = \"clickhouse://h/d\"\nstore_password_file = \"a\"\nstore_token_file = \"b\"",
        &["not both"],
    );
    refused("store_token_file = \"b\"", &["clickhouse://"]);
}

#[test]
fn roles_and_what_goes_with_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    fs::write(&path, "0123456789abcdef0123456789abcdef\n").unwrap();
    let token = format!("node_token_file = {:?}\n", path.display().to_string());
    let (collector, report) = ("role = \"collector\"\n", "role = \"report\"\n");
    let url = "report_url = \"http://10.0.0.1:8000\"\n";
    let both = "collectors = [\"1=http://10.0.0.2:8000\", \"2=http://10.0.0.3:8000\"]\n";
    assert_eq!(file("role = \"all\"").unwrap().role, Role::All);
    refused("role = \"both\"", &["role", "`both`", "`collector`"]);
    refused(url, &["report_url", "does not go with role `all`"]);
    refused(both, &["collectors", "does not go with role `all`"]);
    refused(&token, &["node_token_file", "does not go with role `all`"]);
    refused(collector, &["role", "needs `report_url`"]);
    refused(&format!("{collector}{url}"), &["needs `node_token_file`"]);
    refused(&format!("{report}{token}"), &["needs `collectors`"]);
    refused(&format!("{report}{both}{url}{token}"), &["report_url", "does not go with role `report`"]);
    // Two owners of one DuckDB file.
    for text in [format!("{collector}{url}{token}node = 1"), format!("{report}{both}{token}")] {
        refused(&text, &["role", "clickhouse://", "DuckDB"]);
    }
}

#[test]
fn what_is_given_wins_over_the_file() {
    let given = RawConfig { node: Some("1".into()), ..RawConfig::default() };
    let below = RawConfig { node: Some("2".into()), demo: Some("true".into()), ..RawConfig::default() };
    let both = given.over(below);
    assert_eq!((both.node.as_deref(), both.demo.as_deref()), (Some("1"), Some("true")));
}

#[test]
fn what_is_printed_reads_back_as_the_same() {
    let config = file("node = 7\nflush_interval = \"90s\"\npublic_url = \"https://a.example/\"").unwrap();
    assert_eq!(file(&config.to_string()).unwrap(), config);
}

#[test]
fn memory_is_told_from_disks_by_the_mounts() {
    #[track_caller]
    fn check(path: &str, expected: bool) {
        assert_eq!(memory_backed(Path::new(path), MOUNTS), expected, "{path}");
    }
    check("/dev/shm", true);
    check("/dev/shm/deeper/than/there", true);
    check("/dev", false);
    check("/srv-not-there", false);
    refused("runtime = \"/proc/x\"", &["runtime", "/proc/x", "tmpfs"]);
}
