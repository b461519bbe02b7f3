//! Rules of the house that a compiler does not know.

use std::{fs, path::Path};

use crate::sources;

/// Lines of a source that are no comments, with their numbers.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .map(|(at, line)| (at + 1, line))
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
}

#[track_caller]
fn check_absent(folder: &str, words: &[&str], why: &str) {
    for (path, text) in sources(folder) {
        if path.file_stem().is_some_and(|name| name.to_string_lossy().contains("test")) {
            continue;
        }
        let tests_from = text.find("#[cfg(test)]\nmod tests").unwrap_or(text.len());
        for (line, code) in code(&text[..tests_from]) {
            for word in words {
                assert!(!code.contains(word), "{}:{line}: `{word}`: {why}", path.display());
            }
        }
    }
}

#[test]
fn the_domain_is_pure() {
    let impure = [
        "std::fs",
        "std::net::Tcp",
        "std::thread",
        "std::process",
        "tokio",
        "actix_web",
        "duckdb",
        "rusqlite",
        "reqwest",
        "async fn",
        ".await",
        "SystemTime",
        "Instant::now",
        "SELECT ",
        "crate::clock",
        "crate::memory",
        "crate::journal",
        "crate::store",
        "crate::web",
        "crate::control",
        "crate::collect",
        "crate::report",
    ];
    check_absent("src/domain", &impure, "the domain does no I/O and knows no clock, HTTP or SQL");
}

#[test]
fn the_simulator_plants_and_never_asks() {
    let words = ["domain::tally", "domain::family", "domain::scrub", "domain::agent", "domain::source"];
    check_absent("src/simulate", &words, "the simulator's truth is independent of what it tests");
}

#[test]
fn only_main_prints_or_exits() {
    for (path, text) in sources("src") {
        let of_tests = path.components().any(|part| part.as_os_str().to_string_lossy().contains("test"));
        if path.ends_with("src/main.rs") || of_tests {
            continue;
        }
        let tests_from = text.find("#[cfg(test)]\nmod tests").unwrap_or(text.len());
        for (line, code) in code(&text[..tests_from]) {
            for word in ["println!(", "process::exit("] {
                assert!(!code.trim_start().starts_with(word), "{}:{line}: `{word}`", path.display());
            }
        }
    }
}

/// Where code connects to anything: other nodes, the database that was set, the service manager of the same machine, and a
/// command that a person starts.
const CONNECTING: [&str; 4] =
    ["src/nodes/", "src/store/clickhouse/", "src/service.rs", "src/simulate/send.rs"];

#[test]
fn only_nodes_and_databases_are_connected_to() {
    // Of every crate among the dependencies that can, and of the standard library. Seen to fail with a `TcpStream` in
    // src/web/health.rs.
    let words = [
        "reqwest",
        "clickhouse::{Client",
        "clickhouse::Client",
        "TcpStream",
        "TcpSocket",
        "UdpSocket",
        "UnixStream",
        "UnixDatagram",
        "ToSocketAddrs",
        "lookup_host",
        "getaddrinfo",
        "libc::connect",
        "libc::socket",
        "rustix::net",
        "hyper",
        "Command::new",
    ];
    let mut connecting = std::collections::BTreeSet::new();
    for (path, text) in sources("src") {
        let file = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap().to_string_lossy().into_owned();
        if file.contains("test") {
            continue;
        }
        let room = CONNECTING.iter().find(|room| file.starts_with(*room));
        let tests_from = text.find("#[cfg(test)]\nmod tests").unwrap_or(text.len());
        for (line, code) in code(&text[..tests_from]) {
            let Some(word) = words.iter().find(|word| code.contains(**word)) else { continue };
            assert!(room.is_some(), "{file}:{line}: `{word}`: connects to nothing but nodes and databases");
            connecting.extend(room);
        }
    }
    assert_eq!(connecting, CONNECTING.iter().collect(), "the words are those that such code needs");
}

#[test]
fn files_are_rooms_not_halls() {
    for (path, text) in sources("src") {
        let lines = text.lines().count();
        assert!(lines <= 520, "{} has {lines} lines: is it two rooms?", path.display());
    }
}

#[test]
fn every_module_says_what_it_is_for() {
    for (path, text) in sources("src") {
        assert!(text.starts_with("//!"), "{} begins with what it is for", path.display());
    }
}

#[test]
fn addresses_and_user_agents_cannot_be_printed_or_copied() {
    let text =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/domain/address.rs")).unwrap();
    for name in ["pub struct Address", "pub struct UserAgent"] {
        let at = text.find(name).expect("the type is there");
        let above: String = text[..at].lines().rev().take_while(|line| !line.trim().is_empty()).collect();
        for forbidden in ["Debug", "Clone", "Serialize", "Display"] {
            assert!(
                !above.contains(&format!("{forbidden},")) && !above.contains(&format!("{forbidden})")),
                "{name}: {forbidden}"
            );
        }
    }
    for forbidden in
        ["Debug for Address", "Display for Address", "Debug for UserAgent", "Display for UserAgent"]
    {
        assert!(!text.contains(forbidden), "{forbidden}");
    }
}
