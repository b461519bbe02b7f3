//! `mayfly copy`: killed and continued, reports are what they were; what differs is named.

use std::{fs, path::Path, process::Output};

use duckdb::Connection;

use super::{
    api::Api,
    backup::{FIRST, Install, hits, send},
    faults::{Act, Call, Rule},
    server::until,
};

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[tokio::test]
async fn a_copy_that_is_killed_is_continued_and_reports_stay_the_same() {
    let install = Install::new();
    let server = install.serve();
    let api = Api::of(&server);
    install.three_days(&api).await;
    let open = FIRST.plus(2);
    install.released(open);
    let (before, views) = (install.closed_reports(&api).await, install.views(&api, open).await);
    let target = install.place("moved.duckdb");
    let to = format!("duckdb:{}", text(&target));
    let arguments = ["copy", "--from", "duckdb", "--to", &to];
    let refused = install.fails(&arguments);
    assert!(refused.contains("is in use: stop the server"), "{refused}");
    assert!(!target.exists(), "nothing was begun");
    server.stop();

    // Killed at writes ever further on, each run continues where the one before it was.
    let faults = install.home.faults();
    let (mut kills, mut done) = (0, false);
    for (after, act) in (0..60).map(|n| (n * 3, if n % 2 == 0 { Act::Torn } else { Act::KillAfter })) {
        faults.set(&[Rule::once(Call::Write, "/moved.duckdb", after, act)]);
        let mut command = install.home.command(&arguments);
        faults.over(&mut command);
        let output = command.output().unwrap();
        faults.clear();
        done = output.status.success();
        if done {
            break;
        }
        assert_eq!(output.status.code(), None, "{}", said(&output));
        kills += 1;
    }
    assert!(done && kills > 3, "{kills} kills, done: {done}");
    let last = install.home.run(&arguments);
    assert!(last.contains("copied 0 releases") && last.contains("add up to the same: 1 site"), "{last}");

    // The same install on the other file: closed days, and an open one that goes on.
    let runtime = install.home.runtime.path().join("run");
    let flags = ["--runtime", text(&runtime), "--flush-interval", "1s", "--store", &to];
    let server = install.home.serve_with(&flags);
    let api = Api::of(&server);
    assert_eq!(install.closed_reports(&api).await, before);
    assert_eq!(install.views(&api, open).await, views);
    let more = send(&api, &hits(super::api::SITE, open, 10)).await;
    install.close(open);
    assert_eq!(install.views(&api, open).await, views + more);
    server.stop();
}

#[tokio::test]
async fn what_differs_after_a_copy_is_named() {
    let install = Install::new();
    let server = install.serve();
    let api = Api::of(&server);
    install.home.set_clock(mayfly::domain::day::Zone::utc().start_of(FIRST) + 570 * 60_000);
    send(&api, &hits(super::api::SITE, FIRST, 40)).await;
    install.close(FIRST);
    server.stop();
    let target = install.place("other.duckdb");
    let to = format!("duckdb:{}", text(&target));
    let arguments = ["copy", "--from", "duckdb", "--to", &to];
    install.home.run(&arguments);
    {
        let connection = Connection::open(&target).unwrap();
        let changed = "UPDATE pages_place SET visits = visits + 1 \
                       WHERE rowid = (SELECT min(rowid) FROM pages_place WHERE site = 1)";
        assert_eq!(connection.execute(changed, []).unwrap(), 1);
    }
    let output = install.home.command(&arguments).output().unwrap();
    let words = said(&output);
    assert_eq!(output.status.code(), Some(1), "{words}");
    assert!(words.contains(&format!("site 1, {FIRST}, pages by place: visits ")), "{words}");
    assert!(words.contains("the target holds other rows of it, which were left as they are"), "{words}");
}

#[test]
fn a_copy_that_could_not_be_right_is_refused() {
    let install = Install::new();
    let to = format!("duckdb:{}", text(&install.place("other.duckdb")));
    let copy = |from: &str, to: &str| install.fails(&["copy", "--from", from, "--to", to]);
    assert!(copy("duckdb", &to).contains("there is no such file"));
    install.home.serve_with(&["--runtime", "none"]).stop();
    assert!(copy("duckdb", "duckdb").contains("the same store"));
    let own = install.home.data.path().join("mayfly.duckdb");
    assert!(copy("duckdb", &format!("duckdb:{}", text(&own))).contains("the same store"));
    assert!(copy("duckdb", "sqlite:x").contains("store: `sqlite:x` is not allowed"));
    assert!(copy("duckdb", &to).contains("there is nothing to copy"));
    let waiting = install.home.data.path().join(format!("releases/1-{FIRST}-0-3.release"));
    fs::write(&waiting, "a release").unwrap();
    let refused = copy("duckdb", &to);
    assert!(refused.contains(&format!("releases of site 1, {FIRST}, wait for the store")), "{refused}");
    fs::remove_file(waiting).unwrap();
    // Another process has the target.
    let other = install.place("held.duckdb");
    let home = &install.home;
    let server = home.serve_with(&["--runtime", "none", "--store", &format!("duckdb:{}", text(&other))]);
    until("the store is there", || other.exists().then_some(()));
    let elsewhere = Install::new();
    elsewhere.home.serve_with(&["--runtime", "none"]).stop();
    let refused = elsewhere.fails(&["copy", "--from", "duckdb", "--to", &format!("duckdb:{}", text(&other))]);
    assert!(refused.contains("held.duckdb is in use"), "{refused}");
    drop(server);
}
