//! One process after the other: nobody is refused, nothing is lost, and what another version left is taken up or
//! refused in words.

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::{
    api::{Api, FIREFOX, SITE},
    faults::{Act, Call, Rule},
    server::{Home, PATIENCE, Server, until},
};

const LANES: u64 = 8;
/// Addresses of each lane.
const VISITORS: u64 = 25;
/// Stops in the test of every day, and in the long form (`UPGRADES`).
const STOPS: u64 = 3;

/// An install with a site and a staff key, at half past nine.
fn install() -> (Home, String) {
    let home = Home::at("2026-11-20T09:30:00Z");
    home.run(&["site", "add", SITE, "--timezone", "UTC"]);
    let key = home.run(&["key", "add", "staff", "--site", SITE, "--scope", "staff"]);
    (home, key)
}

/// The bytes of a page view.
fn request(visitor: u64, close: bool) -> String {
    let body = format!(r#"{{"n":"pageview","u":"https://{SITE}/p{}","d":"{SITE}"}}"#, visitor % 7);
    let address = format!("10.{}.{}.7", visitor / 250, visitor % 250);
    format!(
        "POST /api/event HTTP/1.1\r\nHost: stats\r\nUser-Agent: {FIREFOX}\r\nX-Forwarded-For: {address}\r\n\
         Content-Length: {}\r\n{}\r\n{body}",
        body.len(),
        if close { "Connection: close\r\n" } else { "" },
    )
}

fn address(server: &Server) -> SocketAddr {
    server.origin.trim_start_matches("http://").parse().unwrap()
}

async fn connect(to: SocketAddr) -> TcpStream {
    TcpStream::connect(to).await.unwrap()
}

/// Sends bytes, and reads until the other side has closed.
async fn until_closed(stream: &mut TcpStream, bytes: &str) -> String {
    stream.write_all(bytes.as_bytes()).await.unwrap();
    let mut answer = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut answer)).await.expect("an answer").unwrap();
    answer
}

/// Sends a request and reads its one answer; the connection stays.
async fn ask(stream: &mut TcpStream, bytes: &str) -> String {
    stream.write_all(bytes.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\nok") {
        assert_ne!(timeout(PATIENCE, stream.read_buf(&mut answer)).await.expect("an answer").unwrap(), 0);
    }
    String::from_utf8(answer).unwrap()
}

fn is_taken(answer: &str) -> bool {
    answer.starts_with("HTTP/1.1 202 ") && answer.ends_with("\r\n\r\nok")
}

fn closes(answer: &str) -> bool {
    answer.to_ascii_lowercase().contains("\r\nconnection: close\r\n")
}

/// Tiles of today and the ledger.
async fn counted(server: &Server, key: &str) -> (i64, i64, i64, Value) {
    let api = Api::of(server);
    let report = api.read("report", "p=day", key).await;
    let tile = |name: &str| report["tiles"][name]["value"].as_i64().unwrap();
    let live = api.read("live", "", key).await;
    (tile("pageviews"), tile("visits"), tile("visitors"), live["outcomes"].clone())
}

/// A client that opens a connection for each page view, one after the other, until it is told to stop. Each has to
/// be answered.
async fn visit(lane: u64, to: SocketAddr, enough: Arc<AtomicBool>, answered: Arc<AtomicU64>) -> Duration {
    let mut longest = Duration::ZERO;
    for n in 0.. {
        if enough.load(SeqCst) {
            break;
        }
        let begun = Instant::now();
        let visitor = lane * VISITORS + n % VISITORS;
        let answer = until_closed(&mut connect(to).await, &request(visitor, true)).await;
        assert!(is_taken(&answer), "{answer:?}");
        longest = longest.max(begun.elapsed());
        answered.fetch_add(1, SeqCst);
    }
    longest
}

/// The socket outlives the processes: while one follows the other, every connection is taken and every request
/// answered; all of it is counted once, and no visit is cut.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[allow(clippy::print_stdout, reason = "the figures of the long form")]
async fn nobody_is_refused_while_servers_follow_each_other_on_one_socket() {
    let stops = std::env::var("UPGRADES").map_or(STOPS, |text| text.parse().unwrap());
    let (home, key) = install();
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = socket.local_addr().unwrap();
    let runtime = home.runtime.path().join("run");
    let flags = ["--runtime", runtime.to_str().unwrap(), "--flush-interval", "1s"];
    let start = || Server::start(home.serving_on(&socket, &flags));
    let (enough, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let mut server = start();
    assert_eq!(address(&server), to, "it serves on the socket that it was handed");
    let lanes: Vec<_> =
        (0..LANES).map(|lane| tokio::spawn(visit(lane, to, enough.clone(), answered.clone()))).collect();
    let more = |n: u64| {
        let goal = answered.load(SeqCst) + n;
        until("more is answered", || (answered.load(SeqCst) >= goal).then_some(()));
    };
    for stop in 0..stops {
        more(2 * LANES * VISITORS);
        server.signal(if stop % 2 == 0 { "TERM" } else { "INT" });
        let (code, output) = server.ended();
        assert_eq!(code, Some(0), "{output}");
        server = start();
    }
    more(2 * LANES * VISITORS);
    enough.store(true, SeqCst);
    let mut longest = Duration::ZERO;
    for lane in lanes {
        longest = longest.max(lane.await.unwrap());
    }
    let all = answered.load(SeqCst) as i64;
    let (views, visits, visitors, ledger) = counted(&server, &key).await;
    let people = (LANES * VISITORS) as i64;
    assert_eq!((views, visits, visitors), (all, people, people), "{ledger}");
    assert_eq!(ledger, serde_json::json!({"accepted": all}));
    println!("{stops} stops: {all} connections, all answered, the slowest after {longest:?}");
}

/// What has begun is answered; who was let in and had not asked yet, too; idle connections are closed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_was_let_in_is_answered_at_a_stop() {
    let (home, key) = install();
    let server = home.serve();
    let to = address(&server);
    let mut idle = connect(to).await;
    assert!(!closes(&ask(&mut idle, &request(1, false)).await));
    let whole = request(2, false);
    let (begun, rest) = whole.split_at(whole.len() - 20);
    let mut slow = connect(to).await;
    slow.write_all(begun.as_bytes()).await.unwrap();
    let mut silent = connect(to).await;
    // Connections are let in in order: these are, once a later one is answered.
    assert!(is_taken(&until_closed(&mut connect(to).await, &request(3, true)).await));

    server.signal("TERM");
    until("the stop begins", || server.output().contains("stopping").then_some(()));
    // Said again, and something else: nothing changes.
    for signal in ["TERM", "INT", "HUP"] {
        server.signal(signal);
    }
    let answer = until_closed(&mut silent, &request(4, false)).await;
    assert!(is_taken(&answer) && closes(&answer), "{answer}");
    assert_eq!(idle.read(&mut [0]).await.unwrap(), 0, "nobody waits for an idle connection");
    let answer = until_closed(&mut slow, rest).await;
    assert!(is_taken(&answer) && closes(&answer), "{answer}");
    let (code, output) = server.ended();
    assert_eq!(code, Some(0), "{output}");
    let server = home.serve();
    assert_eq!(counted(&server, &key).await.0, 4);
}

/// One that never ends its request holds a stop up for no longer than the bound.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_waits_for_a_slow_request_for_a_bounded_time() {
    let (home, key) = install();
    let server = home.serve();
    let to = address(&server);
    let mut slow = connect(to).await;
    let whole = request(1, false);
    slow.write_all(&whole.as_bytes()[..whole.len() - 20]).await.unwrap();
    assert!(is_taken(&until_closed(&mut connect(to).await, &request(2, true)).await));
    let begun = Instant::now();
    let (code, output) = server.stop();
    let took = begun.elapsed();
    assert_eq!(code, Some(0), "{output}");
    // Its body has ten seconds in any case, and the stop fifteen.
    assert!((Duration::from_secs(5)..Duration::from_secs(25)).contains(&took), "{took:?}");
    let server = home.serve();
    assert_eq!(counted(&server, &key).await.0, 1, "what was never whole counts nothing");
}

#[tokio::test]
async fn a_stop_during_the_start_ends_it_in_good_order() {
    let (home, key) = install();
    let faults = home.faults();
    faults.set(&[Rule::once(Call::Open, "mayfly.duckdb", 0, Act::DelayMs(2_000))]);
    let mut command = home.serving(&["--runtime", home.runtime.path().join("run").to_str().unwrap()]);
    faults.over(&mut command);
    let server = Server::spawn(command);
    until("the store is being opened", || (faults.met(0) > 0).then_some(()));
    server.signal("TERM");
    let (code, output) = server.ended();
    assert_eq!(code, Some(0), "{output}");
    assert!(output.contains("stopped"), "{output}");
    let server = home.serve();
    assert_eq!(counted(&server, &key).await.0, 0);
}

#[tokio::test]
async fn the_service_manager_is_told_when_hits_are_taken_and_when_no_more() {
    let (home, _) = install();
    let name = home.runtime.path().join("notify");
    let manager = std::os::unix::net::UnixDatagram::bind(&name).unwrap();
    manager.set_read_timeout(Some(PATIENCE)).unwrap();
    let heard = || {
        let mut words = [0; 64];
        let n = manager.recv(&mut words).unwrap();
        String::from_utf8(words[..n].to_vec()).unwrap()
    };
    let mut command = home.serving(&[]);
    command.env("NOTIFY_SOCKET", &name);
    let server = Server::start(command);
    assert_eq!(heard(), "READY=1");
    assert!(is_taken(&until_closed(&mut connect(address(&server)).await, &request(1, true)).await));
    assert_eq!(server.stop().0, Some(0));
    assert_eq!(heard(), "STOPPING=1");
}

#[tokio::test]
async fn a_hangup_reads_the_location_database_again_and_ends_nothing() {
    let (home, _) = install();
    let file = home.data.path().join("geo.mmdb");
    let whole = fs::read(super::server::geo()).unwrap();
    fs::write(&file, &whole).unwrap();
    let server = home.serve_with(&["--geo", file.to_str().unwrap()]);
    fs::write(&file, "no such thing").unwrap();
    server.signal("HUP");
    until("it says so", || server.output().contains("the location database in use stays").then_some(()));
    fs::write(&file, &whole).unwrap();
    server.signal("HUP");
    until("it is read", || server.output().contains("the location database was read again").then_some(()));
    assert!(is_taken(&until_closed(&mut connect(address(&server)).await, &request(1, true)).await));
    assert_eq!(server.stop().0, Some(0));
}

/// Page views that are answered, each on a connection of its own.
async fn views(server: &Server, visitors: std::ops::Range<u64>) {
    for visitor in visitors {
        let answer = until_closed(&mut connect(address(server)).await, &request(visitor, true)).await;
        assert!(is_taken(&answer), "{answer}");
    }
}

/// A stop while the store takes nothing: the releases wait in their files for the next process.
#[tokio::test]
async fn a_stop_without_the_store_leaves_its_releases_for_the_next_process() {
    let (home, key) = install();
    let runtime = home.runtime.path().join("run");
    let flags = ["--runtime", runtime.to_str().unwrap(), "--flush-interval", "1s"];
    let faults = home.faults();
    let server = home.serve_with_faults(&faults, &flags);
    views(&server, 0..5).await;
    faults.set(&[Rule::always(Call::Write, "mayfly.duckdb", Act::Errno(libc::EIO))]);
    home.set_clock("2026-11-20T09:30:01Z".parse::<jiff::Timestamp>().unwrap().as_millisecond());
    until("a release waits", || (!home.files("releases").is_empty()).then_some(()));
    views(&server, 5..8).await;
    let (code, output) = server.stop();
    assert_eq!(code, Some(0), "{output}");
    assert!(!home.files("releases").is_empty(), "{output}");
    let server = home.serve_with(&flags);
    views(&server, 0..8).await;
    let (views, visits, visitors, ledger) = counted(&server, &key).await;
    assert_eq!((views, visits, visitors), (16, 8, 8), "{ledger}");
    until("the releases reach the store", || home.files("releases").is_empty().then_some(()));
    assert_eq!(counted(&server, &key).await.0, 16);
}

/// Starts a server that has to refuse; returns what it said.
fn refuses(home: &Home, flags: &[&str]) -> String {
    let (code, output) = Server::spawn(home.serving(flags)).ended();
    assert_eq!(code, Some(1), "{output}");
    output
}

/// An older program on newer databases says so, and leaves all for the newer one: the day goes on under it.
#[tokio::test]
async fn databases_of_a_newer_program_are_refused_in_words_and_nothing_is_touched() {
    let (home, key) = install();
    let runtime = home.runtime.path().join("run").to_str().unwrap().to_owned();
    let server = home.serve();
    views(&server, 0..6).await;
    assert_eq!(server.stop().0, Some(0));
    let control = home.data.path().join("control.sqlite");
    let control = |sql: &str| rusqlite::Connection::open(&control).unwrap().execute(sql, []).unwrap();
    let store = home.data.path().join("mayfly.duckdb");
    let store = |sql: &str| duckdb::Connection::open(&store).unwrap().execute(sql, []).unwrap();

    control("INSERT INTO migrations VALUES (99, x'00')");
    let output = refuses(&home, &["--runtime", &runtime]);
    assert!(output.contains("the control database is at schema 99") && output.contains("newer program"));
    control("DELETE FROM migrations WHERE number = 99");

    store("INSERT INTO migrations VALUES (99, 'later')");
    let output = refuses(&home, &["--runtime", &runtime]);
    assert!(output.contains("the database is at schema 99") && output.contains("newer program"), "{output}");
    store("DELETE FROM migrations WHERE number = 99");

    let server = home.serve();
    views(&server, 0..6).await;
    let (views, visits, visitors, ledger) = counted(&server, &key).await;
    assert_eq!((views, visits, visitors), (12, 6, 6), "{ledger}");
}

/// Turns an install's store into one that the first version made, with the same rows.
pub fn back_to_the_first_schema(home: &Home) {
    let first = include_str!("../../schema/duckdb/0001_tables.sql");
    let (path, old) = (home.data.path().join("mayfly.duckdb"), home.data.path().join("old"));
    let connection = duckdb::Connection::open(&old).unwrap();
    connection.execute_batch(first).unwrap();
    connection.execute_batch(&format!("ATTACH '{}' AS newest (READ_ONLY)", path.display())).unwrap();
    for table in ["pages", "events", "flows", "funnels", "ledger", "releases", "days"] {
        // What later versions added is not there yet.
        let columns = "SELECT string_agg(column_name, ', ' ORDER BY column_index) FROM duckdb_columns() \
                       WHERE database_name = 'old' AND table_name = ?";
        let columns: String = connection.query_row(columns, [table], |row| row.get(0)).unwrap();
        let copy = format!("INSERT INTO {table} SELECT {columns} FROM newest.{table}");
        let copied = connection.execute(&copy, []).unwrap();
        assert!(copied > 0 || ["events", "funnels"].contains(&table), "{table} has rows");
    }
    connection
        .execute_batch("CREATE TABLE migrations (number INTEGER NOT NULL, checksum VARCHAR NOT NULL)")
        .unwrap();
    let checksum = blake3::hash(first.as_bytes()).to_hex().to_string();
    connection.execute("INSERT INTO migrations VALUES (1, ?)", [checksum]).unwrap();
    connection.execute_batch("DETACH newest; CHECKPOINT").unwrap();
    drop(connection);
    // Its rows are copied. A server whose last reader is slow leaves a log, which would be taken for the old file's.
    for left in ["duckdb.wal", "duckdb.fold"] {
        let _ = fs::remove_file(path.with_extension(left));
    }
    fs::rename(old, path).unwrap();
}

/// A store of the first version comes forward with its rows, and answers as the newest did.
#[tokio::test]
async fn a_store_of_the_first_version_comes_forward_with_its_rows() {
    let (home, key) = install();
    let server = home.serve();
    views(&server, 0..20).await;
    home.set_clock("2026-11-21T00:30:00Z".parse::<jiff::Timestamp>().unwrap().as_millisecond());
    until("the day is stored", || {
        let left = |folder| home.files(folder).iter().any(|name| name.contains("2026-11-20"));
        (!left("journal") && !left("releases")).then_some(())
    });
    let asked = async |server: &Server| {
        let mut report = Api::of(server).read("report", "p=2026-11-20", &key).await;
        report["meta"]["generated_at"].take();
        report
    };
    let before = asked(&server).await;
    assert_eq!(before["tiles"]["pageviews"]["value"], 20);
    assert_eq!(server.stop().0, Some(0));
    back_to_the_first_schema(&home);
    let server = home.serve();
    assert_eq!(asked(&server).await, before);
}

/// A start that fails at its last step leaves salts and visitors for the next.
#[tokio::test]
async fn a_start_that_fails_cuts_no_visit() {
    let (home, key) = install();
    let runtime = home.runtime.path().join("run").to_str().unwrap().to_owned();
    let server = home.serve();
    views(&server, 0..6).await;
    assert_eq!(server.stop().0, Some(0));
    let no_database = home.data.path().join("geo.mmdb");
    fs::write(&no_database, "no such thing").unwrap();
    let output = refuses(&home, &["--runtime", &runtime, "--geo", no_database.to_str().unwrap()]);
    assert!(output.contains("geo.mmdb is no MaxMind database"), "{output}");
    let server = home.serve();
    views(&server, 0..6).await;
    let (views, visits, visitors, ledger) = counted(&server, &key).await;
    assert_eq!((views, visits, visitors), (12, 6, 6), "{ledger}");
}

/// Overwrites bytes of the one file whose name ends so.
fn patch(folder: &std::path::Path, ending: &str, at: usize, bytes: &[u8]) -> Vec<u8> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let found: Vec<_> = entries.filter(|path| path.to_string_lossy().ends_with(ending)).collect();
    let [file] = found.as_slice() else { panic!("{found:?}") };
    let before = fs::read(file).unwrap();
    let mut content = before.clone();
    content[at..at + bytes.len()].copy_from_slice(bytes);
    fs::write(file, content).unwrap();
    before
}

/// A journal of another version is never guessed at: the start names it.
#[tokio::test]
async fn a_journal_of_another_version_is_refused_in_words() {
    let (home, key) = install();
    let runtime = home.runtime.path().join("run").to_str().unwrap().to_owned();
    let server = home.serve();
    views(&server, 0..6).await;
    assert_eq!(server.stop().0, Some(0));
    let journal = home.data.path().join("journal");
    let header = patch(&journal, ".journal", 7, b"9");
    // A journal of that version has another tag. With its own it is a flipped bit.
    patch(&journal, ".journal", 16, &[7; 16]);
    let output = refuses(&home, &["--runtime", &runtime]);
    assert!(output.contains(".journal was written by another version of the program"), "{output}");
    patch(&journal, ".journal", 16, &header[16..32]);
    let server = home.serve();
    views(&server, 0..6).await;
    let (views, visits, ..) = counted(&server, &key).await;
    assert_eq!((views, visits), (12, 6), "nothing is lost, and the visits go on");
}

/// Visitor tables of another layout are not read: their visits are cut, and the ledger says so.
#[tokio::test]
async fn visitor_tables_of_another_layout_are_not_read_and_the_ledger_says_so() {
    let (home, key) = install();
    let server = home.serve();
    views(&server, 0..6).await;
    assert_eq!(server.stop().0, Some(0));
    patch(&home.runtime.path().join("run"), ".visitors", 8, &99_u32.to_le_bytes());
    let server = home.serve();
    views(&server, 0..6).await;
    let (views, visits, _, ledger) = counted(&server, &key).await;
    assert_eq!((views, visits), (12, 12), "{ledger}");
    assert_eq!((&ledger["restarted_without_handover"], &ledger["visits_forgotten"]), (&1.into(), &6.into()));
}
