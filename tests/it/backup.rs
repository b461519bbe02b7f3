//! Backups, restores and exports of a running server: what comes back is what reports said before.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
};

use mayfly::{
    control::Control,
    domain::{
        day::{Day, Zone},
        hit::HitKind,
    },
    jobs::{Manifest, Request},
    simulate::{
        Meaning, SimulatedHit, shop,
        world::{self, Scenario},
    },
    store::duckdb::{DuckStore, Limits},
};
use serde_json::Value;

use super::{
    api::{Api, SITE},
    faults::{Act, Call, Rule},
    rows::Stored,
    server::{Home, Server, until},
};

pub const FIRST: Day = Day(20_775);
const VISITORS: u32 = 90;

/// An install with closed days, and an open one.
pub struct Install {
    pub home: Home,
    pub staff: String,
}

impl Install {
    /// A site whose first day is [`FIRST`], at half past nine.
    pub fn new() -> Install {
        let home = Home::at(&format!("{FIRST}T09:30:00Z"));
        home.run(&["site", "add", SITE, "--timezone", "UTC"]);
        for event in shop::events() {
            home.run(&["event", "add", SITE, &event.name]);
        }
        let staff = home.run(&["key", "add", "staff", "--site", SITE, "--scope", "staff"]);
        Install { home, staff }
    }

    pub fn serve(&self) -> Server {
        let runtime = self.home.runtime.path().join("run");
        self.home.serve_with(&["--runtime", runtime.to_str().unwrap(), "--flush-interval", "1s"])
    }

    /// A path that does not exist yet.
    pub fn place(&self, name: &str) -> PathBuf {
        self.home.runtime.path().join(name)
    }

    /// Runs a command that must fail; what it said.
    #[track_caller]
    pub fn fails(&self, arguments: &[&str]) -> String {
        let output = self.home.command(arguments).output().unwrap();
        assert!(!output.status.success(), "{arguments:?} must fail");
        String::from_utf8(output.stderr).unwrap()
    }

    /// Moves the clock past the end of a day, and waits until the day is in the store.
    pub fn close(&self, day: Day) {
        self.home.set_clock(Zone::utc().start_of(day.plus(1)) + 10 * 60_000);
        let of_day = format!("-{day}");
        until("the day is in the store", || {
            let gone = |folder| !self.home.files(folder).iter().any(|name| name.contains(&of_day));
            (gone("journal") && gone("releases")).then_some(())
        });
    }

    /// Moves the clock within a day; a backup that holds something of it, once something of it is released.
    pub fn released(&self, day: Day) -> PathBuf {
        self.home.set_clock(Zone::utc().start_of(day) + 60 * 60_000);
        let path = self.place("backup");
        until("a release of the open day", || {
            let _ = fs::remove_dir_all(&path);
            self.home.run(&["backup", text(&path)]);
            let rows = Manifest::read(&path).unwrap().rows;
            let views =
                |family: &str| rows.iter().find(|one| one.site == 1 && one.family == family).unwrap().sums[0];
            // Only of a day that has not closed do pages say more than places.
            (views("page") > views("place")).then_some(())
        });
        path
    }

    /// Runs the whole of two days, and something of the third.
    pub async fn three_days(&self, api: &Api) {
        for day in [FIRST, FIRST.plus(1)] {
            self.home.set_clock(Zone::utc().start_of(day) + 570 * 60_000);
            send(api, &hits(SITE, day, VISITORS)).await;
            self.close(day);
        }
        send(api, &hits(SITE, FIRST.plus(2), VISITORS / 3)).await;
    }

    /// The reports of the closed days, without the moment that they were made at.
    pub async fn closed_reports(&self, api: &Api) -> Vec<Value> {
        let (first, last) = (FIRST, FIRST.plus(1));
        let mut found = Vec::new();
        for period in [format!("{first}"), format!("{last}"), format!("{first}..{last}")] {
            let mut report = api.read("report", &format!("p={period}&limit=10000"), &self.staff).await;
            // What is open, and when it was asked, is no part of those days.
            report["meta"] = Value::Null;
            found.push(report);
        }
        assert!(number(&found[0]["tiles"]["visits"]["value"]) > 50, "there is something to lose");
        found
    }

    /// The page views of a day, by its tile and by its pages.
    pub async fn views(&self, api: &Api, day: Day) -> i64 {
        let report = api.read("report", &format!("p={day}&limit=10000"), &self.staff).await;
        let rows = report["panels"]["page"]["rows"].as_array().unwrap();
        let views = number(&report["tiles"]["pageviews"]["value"]);
        assert_eq!(views, rows.iter().map(|row| number(&row["pageviews"])).sum::<i64>());
        views
    }
}

pub fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or_else(|| panic!("{value} is a number"))
}

/// What ordinary visitors of a site send on a day.
pub fn hits(host: &str, day: Day, visitors: u32) -> Vec<SimulatedHit> {
    let scenario = Scenario {
        host: host.into(),
        zone: Zone::utc(),
        seed: 3,
        k: 5,
        kept: Default::default(),
        visitors,
        everything: false,
        flood: 0,
    };
    world::day(&scenario, day).0
}

/// Sends hits; how many page views among them were acknowledged.
pub async fn send(api: &Api, hits: &[SimulatedHit]) -> i64 {
    let mut views = 0;
    for hit in hits {
        assert_eq!(api.hit(hit).await, 202);
        views += i64::from(matches!(&hit.meaning, Meaning::Counts(hit) if hit.kind == HitKind::View));
    }
    views
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_brings_reports_back_while_hits_come_in() {
    let install = Install::new();
    let server = install.serve();
    let api = Api::of(&server);
    install.three_days(&api).await;
    let before = install.closed_reports(&api).await;
    let open = FIRST.plus(2);

    install.released(open);
    let backup = install.place("another");
    let said = install.home.run(&["backup", text(&backup)]);
    assert!(said.contains("hashes of passwords and API keys, and no journal"), "{said}");
    check_files(&backup);
    // The serving process still has its database for itself.
    assert!(DuckStore::open(&install.home.data.path().join("mayfly.duckdb"), &Limits::default()).is_err());
    assert!(install.fails(&["backup", text(&backup)]).contains("exists already"));
    assert!(install.home.run(&["restore", "--check", text(&backup)]).contains("is sound"));

    // Nothing was lost: a restore changes nothing, and of the open day neither.
    let views = install.views(&api, open).await;
    let said = install.home.run(&["restore", text(&backup)]);
    assert!(said.contains("restored 2 closed days of 1 site"), "{said}");
    assert_eq!(install.closed_reports(&api).await, before);
    assert_eq!(install.views(&api, open).await, views);

    // All is lost, and hits come in while it is put back.
    let said = install.fails(&["site", "reset", SITE]);
    assert!(said.contains("--yes"), "{said}");
    install.home.run(&["site", "reset", SITE, "--yes"]);
    assert_eq!(install.views(&api, FIRST).await, 0);
    assert_eq!(install.views(&api, open).await, 0);
    let enough = Arc::new(AtomicBool::new(false));
    let sending = tokio::spawn({
        let (api, enough) = (Api::of(&server), enough.clone());
        let hits = hits(SITE, open, VISITORS);
        async move {
            let mut views = 0;
            for part in hits.chunks(20).cycle() {
                if enough.load(SeqCst) {
                    break;
                }
                views += send(&api, part).await;
            }
            views
        }
    });
    for _ in 0..2 {
        let mut restore = install.home.command(&["restore", text(&backup)]);
        let output = tokio::task::spawn_blocking(move || restore.output().unwrap()).await.unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && said.contains(&format!("left {open} of {SITE}")), "{said}");
        assert_eq!(install.closed_reports(&api).await, before);
    }
    enough.store(true, SeqCst);
    let acknowledged = sending.await.unwrap();
    assert!(acknowledged > 0);
    assert_eq!(install.views(&api, open).await, acknowledged, "acknowledged = counted");
    install.close(open);
    assert_eq!(install.views(&api, open).await, acknowledged, "and closed");
    assert_eq!(install.closed_reports(&api).await, before);

    // The same by a restart, and by one who looks into the file.
    server.stop();
    let stored = Stored::of(install.home.data.path());
    assert_eq!(stored.number("SELECT count(DISTINCT site) FROM releases WHERE site <> 0"), 1);
    let twice = "SELECT count(*) - count(DISTINCT (site, day, node, number)) FROM releases";
    assert_eq!(stored.number(twice), 0);
    let server = install.serve();
    assert_eq!(install.closed_reports(&Api::of(&server)).await, before);
}

fn check_files(backup: &Path) {
    assert_eq!(fs::metadata(backup).unwrap().permissions().mode() & 0o777, 0o700);
    let mut names = Vec::new();
    for entry in fs::read_dir(backup).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{entry:?}");
        names.push(entry.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    assert_eq!(names, ["control.sqlite", "manifest.json", "rows.duckdb"], "no journal, key or log");
    let manifest = Manifest::read(backup).unwrap();
    assert_eq!(manifest.sites.len(), 1);
    assert!(manifest.rows.iter().any(|one| one.family == "place" && one.rows > 0));
}

#[tokio::test]
async fn a_backup_comes_back_in_an_empty_directory() {
    let install = Install::new();
    let server = install.serve();
    let api = Api::of(&server);
    install.three_days(&api).await;
    let open = FIRST.plus(2);
    let backup = install.released(open);
    let (before, views) = (install.closed_reports(&api).await, install.views(&api, open).await);
    server.kill();

    let fresh = Install { home: Home::at(&format!("{open}T02:00:00Z")), staff: install.staff.clone() };
    let said = fresh.home.run(&["restore", text(&backup)]);
    assert!(said.contains("added example.com with its settings and keys"), "{said}");
    assert!(said.contains("1 day had not closed"), "{said}");
    let server = fresh.serve();
    let api = Api::of(&server);
    assert_eq!(fresh.closed_reports(&api).await, before);
    assert_eq!(fresh.views(&api, open).await, views);
    // The day goes on where it was, under numbers of its own.
    let more = send(&api, &hits(SITE, open, 20)).await;
    assert_eq!(fresh.views(&api, open).await, views + more);
    fresh.close(open);
    assert_eq!(fresh.views(&api, open).await, views + more);
    // A second time, now that the server runs and has closed the day.
    fresh.home.run(&["restore", text(&backup)]);
    assert_eq!(fresh.views(&api, open).await, views + more);
    assert_eq!(fresh.closed_reports(&api).await, before);
}

#[tokio::test]
async fn what_is_no_sound_backup_is_refused() {
    let install = Install::new();
    let backup = install.place("backup");
    let nowhere = install.place("nowhere");
    let said = install.fails(&["backup", text(&backup), "--data", text(&nowhere)]);
    assert!(said.contains("holds no Mayfly") && !nowhere.exists(), "{said}");
    // No server runs: the command does it itself.
    install.home.run(&["backup", text(&backup)]);
    let manifest = fs::read_to_string(backup.join("manifest.json")).unwrap();
    let refused = |text: &str, words: &str| {
        fs::write(backup.join("manifest.json"), text).unwrap();
        let said = install.fails(&["restore", backup.to_str().unwrap()]);
        assert!(said.contains(words), "{said}");
    };
    refused(&manifest.replace("\"store_schema\": ", "\"store_schema\": 9"), "use the newer program");
    refused(&manifest.replace("\"control_schema\": ", "\"control_schema\": 9"), "use the newer program");
    refused(&manifest.replace("\"format\": 1", "\"format\": 2"), "use the newer program");
    refused("{", "no manifest of a backup");
    let sums = manifest.replace(
        "\"rows\": []",
        r#""rows": [{"site": 1, "table": "pages", "family": "page", "rows": 1, "sums": []}]"#,
    );
    refused(&sums, "do not add up");
    fs::write(backup.join("manifest.json"), &manifest).unwrap();
    install.home.run(&["restore", text(&backup)]);
    let path = backup.join("rows.duckdb");
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).unwrap();
    let said = install.fails(&["restore", text(&backup)]);
    assert!(said.contains("rows.duckdb: it is not what was backed up"), "{said}");
    fs::remove_file(&path).unwrap();
    assert!(install.fails(&["restore", text(&backup)]).contains("rows.duckdb"));
    assert_eq!(install.home.files("work"), [] as [String; 0], "nothing is left of it");
}

#[tokio::test]
async fn a_backup_that_a_kill_cuts_short_is_told_and_leaves_nothing() {
    let install = Install::new();
    let faults = install.home.faults();
    let server = install.home.serve_with_faults(&faults, &["--runtime", "none"]);
    faults.set(&[Rule::always(Call::Open, "mayfly-part", Act::DelayMs(60_000))]);
    let backup = install.place("backup");
    let mut asking = install.home.command(&["backup", text(&backup)]);
    let asking = std::thread::spawn(move || asking.output().unwrap());
    until("the backup begins", || (faults.met(0) > 0).then_some(()));
    server.kill();
    let output = asking.join().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && said.contains("the server ended while it ran"), "{said}");
    assert!(!backup.exists());
    check_parts(&install);
    let server = install.serve();
    install.home.run(&["backup", text(&backup)]);
    check_parts(&install);
    drop(server);
}

#[tokio::test]
async fn a_restore_that_a_kill_cuts_short_is_whole_or_nothing() {
    let install = Install::new();
    let server = install.serve();
    let api = Api::of(&server);
    install.three_days(&api).await;
    let before = install.closed_reports(&api).await;
    let backup = install.place("backup");
    install.home.run(&["backup", text(&backup)]);
    server.stop();
    let faults = install.home.faults();
    let mut cut = 0;
    for after in [0, 4] {
        install.home.run(&["site", "reset", SITE, "--yes"]);
        let server = install.home.serve_with_faults(&faults, &["--runtime", "none"]);
        faults.set(&[Rule::once(Call::Write, "/mayfly.duckdb", after, Act::Torn)]);
        let output = install.home.command(&["restore", text(&backup)]).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && said.contains("the server ended while it ran"), "{said}");
        faults.clear();
        drop(server);
        let server = install.serve();
        let api = Api::of(&server);
        match install.views(&api, FIRST).await {
            0 => {
                assert_eq!(install.views(&api, FIRST.plus(1)).await, 0);
                cut += 1;
            }
            _ => assert_eq!(install.closed_reports(&api).await, before),
        }
        install.home.run(&["restore", text(&backup)]);
        assert_eq!(install.closed_reports(&api).await, before);
        server.stop();
    }
    assert!(cut > 0, "at least the first write is none of a whole restore");
}

/// A disk without room for what a job works with.
#[tokio::test]
async fn a_job_without_room_fails_in_words_and_changes_nothing() {
    let install = Install::new();
    let server = install.serve();
    install.three_days(&Api::of(&server)).await;
    let backup = install.place("backup");
    install.home.run(&["backup", text(&backup)]);
    server.stop();
    let faults = install.home.faults();
    let server = install.home.serve_with_faults(&faults, &["--runtime", "none"]);
    let before = install.closed_reports(&Api::of(&server)).await;
    let tables = install.place("tables");
    for command in [["restore", text(&backup)], ["export", text(&tables)]] {
        faults.set(&[Rule::always(Call::Open, "work/", Act::Errno(libc::ENOSPC))]);
        let said = install.fails(&command);
        assert!(said.contains("/work") && said.contains("No space left on device"), "{said}");
        assert!(!tables.exists() && install.home.files("work").is_empty());
        assert_eq!(install.closed_reports(&Api::of(&server)).await, before);
        faults.clear();
        install.home.run(&command);
    }
    assert_eq!(install.closed_reports(&Api::of(&server)).await, before);
}

/// What a job wrote before it was killed is gone with the next start, and with the next job of the command line.
#[tokio::test]
async fn what_killed_jobs_left_is_removed() {
    let install = Install::new();
    let (work, part) = (install.home.data.path().join("work"), install.place(".one.mayfly-part"));
    let leave = || {
        let control = Control::open(&install.home.data.path().join("control.sqlite"), 0).unwrap();
        let request = Request::Backup { to: install.place("one") };
        control.add_job(&serde_json::to_string(&request).unwrap()).unwrap();
        control.begin_job().unwrap().unwrap();
        for folder in [&work, &part] {
            fs::create_dir(folder).unwrap();
            fs::write(folder.join("control.sqlite"), "hashes of passwords").unwrap();
        }
    };
    leave();
    let server = install.serve();
    assert!(!work.exists() && !part.exists(), "by a start");
    server.stop();
    leave();
    install.home.run(&["backup", text(&install.place("two"))]);
    assert!(!work.exists() && !part.exists(), "by a command");
}

fn check_parts(install: &Install) {
    let entries = fs::read_dir(install.home.runtime.path()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    assert_eq!(names.filter(|name| name.ends_with("mayfly-part")).collect::<Vec<_>>(), [] as [String; 0]);
}

#[tokio::test]
async fn exports_hold_the_rows_of_closed_days() {
    let install = Install::new();
    let server = install.serve();
    let api = Api::of(&server);
    install.three_days(&api).await;
    let (all, one) = (install.place("all"), install.place("one"));
    let said = install.home.run(&["export", text(&all)]);
    assert!(said.contains("pages_place.parquet"), "{said}");
    let (first, last) = (FIRST.to_string(), FIRST.plus(1).to_string());
    install.home.run(&[
        "export",
        text(&one),
        "--format",
        "csv",
        "--site",
        SITE,
        "--from",
        &last,
        "--to",
        &last,
    ]);
    assert!(install.fails(&["export", text(&one)]).contains("exists already"));
    assert!(install.fails(&["export", "x", "--site", "unknown.example"]).contains("unknown.example"));
    let views = [install.views(&api, FIRST).await, install.views(&api, FIRST.plus(1)).await];
    server.kill();

    let files = fs::read_dir(&all).unwrap().count();
    assert_eq!((files, fs::read_dir(&one).unwrap().count()), (15, 15), "each table and family, and days");
    let reader = duckdb::Connection::open_in_memory().unwrap();
    let number = |sql: &str| reader.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    let path = |folder: &Path, name: &str| folder.join(name).to_str().unwrap().to_owned();
    for family in ["visit", "place", "device", "language"] {
        let file = path(&all, &format!("pages_{family}.parquet"));
        let pages = if family == "visit" { "WHERE kind = 'page'" } else { "" };
        let sum = number(&format!("SELECT sum(pageviews)::BIGINT FROM '{file}' {pages}"));
        assert_eq!(sum, views[0] + views[1], "{family}");
    }
    let pages = path(&all, "pages_page.parquet");
    let of_day = |day: &str| {
        number(&format!(
            "SELECT sum(pageviews)::BIGINT FROM '{pages}' WHERE day = '{day}' AND site = '{SITE}'"
        ))
    };
    assert_eq!([of_day(&first), of_day(&last)], views);
    let keys = format!(
        "SELECT count(*) - count(DISTINCT (day, hour, kind, page)) FROM '{pages}' WHERE site = '{SITE}'"
    );
    assert_eq!(number(&keys), 0, "one row for a key");
    let csv = path(&one, "pages_page.csv");
    let text = fs::read_to_string(&csv).unwrap();
    assert!(text.starts_with("site,day,hour,kind,page,pageviews,"), "{}", &text[..80]);
    assert_eq!(number(&format!("SELECT sum(pageviews)::BIGINT FROM read_csv('{csv}')")), views[1]);
    let days = path(&one, "days.csv");
    assert_eq!(number(&format!("SELECT count(*) FROM read_csv('{days}') WHERE k = 5 AND NOT corrected")), 1);
}
