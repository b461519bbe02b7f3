//! The disk fails: full, read-only, slow, failing at a sync, torn, with flipped bits, missing, foreign. Whoever is not
//! taken is told so, readiness tells the truth, what was acknowledged is counted, and nothing wrong is read.
//!
//! `SMALL_DISK` names an empty file system of a few MiB that the long form fills for real (`make diskfull`).

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use super::{
    api::{Api, FIREFOX},
    faults::{Act, Call, Rule},
    outage::Counted,
    server::{Home, Server, until, until_answered},
};
use reqwest::StatusCode;
use serde_json::{Value, json};

const HOUR: i64 = 3_600_000;

async fn health(api: &Api) -> (StatusCode, Value) {
    api.get("/api/health", "").await
}

/// Waits until health says something of a part, and returns its status.
async fn said(api: &Api, part: &str, words: &str) -> StatusCode {
    until_answered(format!("{part}: {words}"), async || {
        let (status, health) = health(api).await;
        health[part].to_string().contains(words).then_some(status)
    })
    .await
}

#[tokio::test]
async fn a_sync_that_fails_ends_the_process_and_the_next_counts_what_was_acknowledged() {
    let mut counted = Counted::with_sites(2);
    let server = counted.serve();
    let api = Api::of(&server);
    counted.hit_each(&api).await;
    counted.faults.set(&[Rule::once(Call::Sync, ".journal", 0, Act::Errno(libc::EIO))]);
    // The disk works again after the first; nobody asks it any more.
    for site in [0, 0, 1, 1] {
        assert_eq!(counted.hit(&api, site).await, 503);
    }
    assert_eq!(
        said(&api, "journal", "failed: the server ends, to be started again; the log says why").await,
        503
    );
    let (code, output) = server.ended();
    assert_eq!(code, Some(1));
    assert!(output.contains("mayfly: the journal stopped acknowledging: syncing"), "{output}");
    let server = counted.serve();
    let api = Api::of(&server);
    assert_eq!(health(&api).await.0, 200);
    counted.check_reports(&api).await;
    counted.hit_each(&api).await;
    counted.close_and_check(server).await;
}

/// A disk that can be filled and freed.
enum Disk {
    /// Writes find no room, wherever they go.
    Told,
    /// A small file system; its ballast.
    Small(PathBuf),
}

impl Disk {
    fn fill(&self, counted: &Counted) {
        let full = |call, path| Rule::always(call, path, Act::Errno(libc::ENOSPC));
        match self {
            Disk::Told => counted.faults.set(&[
                full(Call::Write, "/journal/"),
                full(Call::Write, "/releases/"),
                full(Call::Write, "/closed/"),
                full(Call::Open, ".journal.new"),
                full(Call::Write, "mayfly.duckdb"),
            ]),
            Disk::Small(ballast) => {
                // Down to the last byte: ever smaller pieces, until not one fits.
                let mut file = fs::OpenOptions::new().create(true).append(true).open(ballast).unwrap();
                for size in [1 << 20, 1 << 12, 64, 1] {
                    while std::io::Write::write_all(&mut file, &vec![7; size]).is_ok() {}
                }
            }
        }
    }

    fn free(&self, counted: &Counted) {
        match self {
            Disk::Told => counted.faults.clear(),
            Disk::Small(ballast) => fs::remove_file(ballast).unwrap(),
        }
    }
}

#[tokio::test]
async fn a_disk_that_fills_and_has_room_again_needs_no_hand() {
    let home = Home::at("2026-11-20T09:30:00Z");
    let (disk, home) = match std::env::var_os("SMALL_DISK") {
        None => (Disk::Told, home),
        Some(folder) => {
            let folder = Path::new(&folder);
            (Disk::Small(folder.join("ballast")), home.with_data_in(folder))
        }
    };
    let mut counted = Counted::in_home(home, 2);
    let server = counted.serve();
    let api = Api::of(&server);
    for round in 0..3 {
        counted.hit_each(&api).await;
        disk.fill(&counted);
        fills(&mut counted, &api).await;
        if round == 1 {
            // Another day begins: the salt goes all the same, and the day is closed later.
            counted.move_on(24 * HOUR);
            let salts = || fs::read_dir(counted.home.runtime.path().join("run")).unwrap();
            let past = |name: &str| name.starts_with("1-2026-11-20") && name.ends_with(".salt");
            let gone = || !salts().any(|entry| past(&entry.unwrap().file_name().to_string_lossy()));
            until("the salt of the past day is gone", || gone().then_some(()));
            assert_eq!(counted.hit(&api, 1).await, 503, "a day that cannot be opened");
        }
        disk.free(&counted);
        let taken =
            until_answered("there is room again", async || (counted.hit(&api, 0).await == 202).then_some(()));
        taken.await;
        assert_eq!(said(&api, "journal", "ok").await, 200);
        counted.hit_each(&api).await;
        counted.move_on(2_000);
        counted.delivered(&api).await;
        counted.check_reports(&api).await;
    }
    // Killed while it is full.
    disk.fill(&counted);
    fills(&mut counted, &api).await;
    server.kill();
    disk.free(&counted);
    let server = counted.serve();
    counted.check_reports(&Api::of(&server)).await;
    counted.hit_each(&Api::of(&server)).await;
    counted.close_and_check(server).await;
}

#[tokio::test]
async fn a_keyed_retry_after_a_full_disk_is_answered_and_counted_once() {
    let mut counted = Counted::with_sites(1);
    let server = counted.serve();
    let api = Api::of(&server);
    counted.hit_each(&api).await;
    let site = counted.sites[0].0.clone();
    let body = json!({"n": "pageview", "u": format!("https://{site}/kept"), "d": site}).to_string();
    let headers = [("user-agent", FIREFOX), ("x-forwarded-for", "10.9.9.9"), ("idempotency-key", "one")];
    let send = async || api.post_event(&headers, body.clone()).await.status;
    Disk::Told.fill(&counted);
    assert_eq!([send().await, send().await], [503, 503]);
    Disk::Told.free(&counted);
    until_answered("it was written meanwhile", async || (send().await == 202).then_some(())).await;
    assert_eq!(send().await, 202);
    let report = counted.reported(&api, 0).await.unwrap();
    assert_eq!(report["tiles"]["pageviews"]["value"], 2);
}

/// Hits until the journal has no room for one more.
async fn fills(counted: &mut Counted, api: &Api) {
    until_answered("the disk is full", async || (counted.hit(api, 0).await == 503).then_some(())).await;
    assert_eq!(said(api, "journal", "full: the disk has no room; the log says more").await, 503);
    assert_eq!(counted.hit(api, 1).await, 503);
}

#[tokio::test]
async fn a_slow_disk_answers_late_and_loses_nothing() {
    let mut counted = Counted::with_sites(2);
    let server = counted.serve();
    let api = Api::of(&server);
    counted.hit_each(&api).await;
    counted.faults.set(&[Rule::always(Call::Sync, ".journal", Act::DelayMs(300))]);
    for _ in 0..5 {
        counted.hit_each(&api).await;
    }
    assert!(counted.faults.met(0) >= 5);
    assert_eq!(health(&api).await.0, 200);
    server.kill();
    counted.faults.clear();
    let server = counted.serve();
    counted.check_reports(&Api::of(&server)).await;
    counted.close_and_check(server).await;
}

#[tokio::test]
async fn a_disk_that_cannot_be_written_is_named_at_the_start() {
    let counted = Counted::with_sites(1);
    let places = ["control.sqlite", "/journal/lock", "/run/lock", "/journal"];
    for place in places {
        let call = if place == "/journal" { Call::Mkdir } else { Call::Open };
        counted.faults.set(&[Rule::always(call, place, Act::Errno(libc::EROFS))]);
        let (code, output) = counted.spawn().ended();
        assert_eq!(code, Some(1), "{place}: {output}");
        let last = output.lines().last().unwrap();
        assert!(
            last.starts_with("mayfly: ")
                && last.contains(place.trim_end_matches("lock").trim_end_matches('/')),
            "{place}: {last}"
        );
        assert!(last.contains("Read-only file system"), "{place}: {last}");
    }
    counted.faults.clear();
    assert_eq!(counted.serve().stop().0, Some(0));
}

#[test]
fn a_data_directory_that_is_missing_is_made_for_this_user_alone() {
    let home = Home::at("2026-11-20T09:30:00Z");
    let [first, second] = ["by/a/command", "by/a/server"].map(|name| home.data.path().join(name));
    let done = home
        .command(&["site", "add", "a.example", "--timezone", "UTC"])
        .env("MAYFLY_DATA", &first)
        .status()
        .unwrap();
    assert!(done.success());
    let mut serving = home.serving(&[]);
    serving.env("MAYFLY_DATA", &second);
    assert_eq!(Server::start(serving).stop().0, Some(0));
    for made in [&first, &second, &second.join("releases"), &second.join("journal")] {
        let mode = fs::metadata(made).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o700, "{}", made.display());
    }
}

/// Spoils one byte of a file at a place that is not its end.
fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
}

/// Each site's journal is spoilt in its own way; none stops another, and what can be read is counted.
#[tokio::test]
async fn spoilt_files_of_one_site_day_stop_no_other() {
    let mut counted = Counted::with_sites(6);
    let server = counted.serve();
    let api = Api::of(&server);
    for _ in 0..4 {
        counted.hit_each(&api).await;
    }
    server.kill();
    let data = counted.home.data.path().to_owned();
    let journal = |site: usize| data.join(format!("journal/{site}-2026-11-20.journal"));
    let key = |site: usize| data.join(format!("journal-keys/{site}-2026-11-20.journal-key"));
    let third = fs::read(journal(1)).unwrap();
    let starts: Vec<usize> =
        third.windows(4).enumerate().filter(|(_, w)| w == b"fRmE").map(|(at, _)| at).collect();
    flip(&journal(1), starts[starts.len() - 2] + 50);
    fs::write(journal(2), "something else").unwrap();
    fs::copy(key(1), key(3)).unwrap();
    fs::remove_file(journal(4)).unwrap();
    fs::write(data.join("journal/README"), "not ours").unwrap();
    fs::write(data.join("releases/6-2026-11-19-0-4.release"), "not ours").unwrap();
    fs::write(data.join("releases/notes.txt"), "not ours").unwrap();
    fs::write(counted.home.runtime.path().join("run/notes.txt"), "not ours").unwrap();

    let server = counted.serve();
    let api = Api::of(&server);
    let (status, said) = health(&api).await;
    assert_eq!(status, 200, "{said}");
    let aside = server.output();
    assert_eq!(said["aside"], 5, "a stranger learns how many, and no names");
    for words in [
        "1-2026-11-20.journal is damaged at byte",
        "2-2026-11-20.journal is not the file of site-day 2-2026-11-20",
        "3-2026-11-20.journal-key is not the file of site-day 3-2026-11-20",
        "4-2026-11-20.journal is missing although its key",
        "6-2026-11-19-0-4.release: not a release file, or damaged",
    ] {
        assert!(aside.contains(words), "{words}: {aside}");
    }
    let views = async |site: usize| {
        counted.reported(&api, site).await.unwrap()["tiles"]["pageviews"]["value"].clone()
    };
    let mut found = Vec::new();
    for site in 0..6 {
        found.push(views(site).await.as_i64().unwrap());
    }
    assert!((1..4).contains(&found[0]), "what came before the damage is counted: {found:?}");
    assert_eq!(found[1..], [0, 0, 0, 4, 4]);
    let notices = counted.reported(&api, 5).await.unwrap()["meta"]["notices"].to_string();
    assert!(notices.contains("1 were set aside"), "{notices}");
    assert_eq!(super::outage::metric(&api, "mayfly_releases_aside").await, 1);
    for foreign in ["journal/README", "releases/notes.txt", "refused/6-2026-11-19-0-4.damaged"] {
        assert!(data.join(foreign).exists(), "{foreign}");
    }
    // Counting goes on for all of them, from what was found.
    for (site, &found) in found.iter().enumerate() {
        let name = counted.sites[site].0.clone();
        counted.acknowledged.insert(name, found);
    }
    counted.hit_each(&api).await;
    server.kill();
    let server = counted.serve();
    counted.check_reports(&Api::of(&server)).await;
    assert!(counted.home.files("journal").iter().any(|name| name.ends_with(".damaged")));
    counted.close_and_check(server).await;
    assert!(
        !counted.home.files("journal").iter().any(|name| name.ends_with(".damaged")),
        "gone with the day"
    );
    assert!(!counted.home.files("journal-keys").iter().any(|name| name.ends_with(".damaged")));
}

#[tokio::test]
async fn a_torn_write_is_cut_and_counting_goes_on() {
    let mut counted = Counted::with_sites(1);
    for _ in 0..3 {
        let server = counted.serve();
        let api = Api::of(&server);
        counted.hit_each(&api).await;
        counted.faults.set(&[Rule::once(Call::Write, ".journal", 0, Act::Torn)]);
        let name = counted.sites[0].0.clone();
        let body = serde_json::json!({"n": "pageview", "u": format!("https://{name}/"), "d": name});
        let sent = api.request(reqwest::Method::POST, "/api/event").body(body.to_string()).send();
        assert!(sent.await.is_err(), "nobody is told anything");
        assert_eq!(server.ended().0, None);
        counted.faults.clear();
    }
    let server = counted.serve();
    counted.check_reports(&Api::of(&server)).await;
    counted.close_and_check(server).await;
}

/// The files of a server that is stopped in the middle of everything are taken up by the next.
#[tokio::test]
async fn a_release_without_room_is_written_once_there_is() {
    let mut counted = Counted::with_sites(1);
    let server: Server = counted.serve();
    let api = Api::of(&server);
    counted.hit_each(&api).await;
    counted.faults.set(&[Rule::always(Call::Write, "/releases/", Act::Errno(libc::ENOSPC))]);
    counted.move_on(2_000);
    assert_eq!(said(&api, "releases", "cannot be written: the log says why").await, 200, "hits go on");
    until("the log says why", || server.output().contains("No space left").then_some(()));
    counted.hit_each(&api).await;
    counted.check_reports(&api).await;
    counted.faults.clear();
    counted.delivered(&api).await;
    counted.check_reports(&api).await;
    counted.close_and_check(server).await;
}
