//! `mayfly site remove --erase`: nothing of the site is left in any file, whenever it is cut short; others stay.

use std::{fs, path::Path};

use super::{
    api::{Api, SITE},
    backup::{Install, hits, send},
    server::until,
};

const OTHER: &str = "other.example";

/// Files below a folder that hold a text in their bytes.
pub fn holding(folder: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(holding(&path, text));
        } else if fs::read(&path).unwrap_or_default().windows(text.len()).any(|some| some == text.as_bytes())
        {
            found.push(path.display().to_string());
        }
    }
    found
}

/// Two sites with closed days and an open one; returns the staff key.
async fn two_sites(install: &Install, api: &Api) {
    install.home.run(&["site", "add", OTHER, "--timezone", "UTC"]);
    install.three_days(api).await;
    send(api, &hits(OTHER, super::backup::FIRST.plus(2), 30)).await;
}

/// Everything of the site is gone, and the other one's hits are there.
#[track_caller]
fn is_gone(install: &Install) {
    let (data, runtime) = (install.home.data.path(), install.home.runtime.path());
    for text in [SITE, "1-20"] {
        let named = |folder: &Path| -> Vec<String> {
            let names = fs::read_dir(folder).into_iter().flatten();
            let names = names.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
            names.filter(|name| name.starts_with(text)).collect()
        };
        for folder in ["journal", "journal-keys", "releases", "refused", "closed"] {
            assert_eq!(named(&data.join(folder)), [] as [String; 0], "{folder}");
        }
        assert_eq!(named(&runtime.join("run")), [] as [String; 0]);
    }
    assert_eq!(holding(data, SITE), [] as [String; 0]);
    assert_eq!(holding(&runtime.join("run"), SITE), [] as [String; 0]);
    assert!(install.home.run(&["audit"]).contains("site 1"), "who did it is told, and no name");
    assert_eq!(install.home.run(&["site", "list"]).lines().count(), 2);
}

#[tokio::test]
async fn an_erased_site_leaves_nothing_while_the_server_runs() {
    let install = Install::new();
    let server = install.serve();
    let api = Api::of(&server);
    two_sites(&install, &api).await;
    assert!(holding(install.home.data.path(), SITE).len() >= 2, "or nothing is seen below");
    let said = install.home.run(&["site", "remove", SITE, "--erase"]);
    assert!(said.contains("nothing of example.com is left here") && said.contains("Backups"), "{said}");
    is_gone(&install);
    // Hits of the other go on, and the server may end and start.
    send(&api, &hits(OTHER, super::backup::FIRST.plus(2), 30)).await;
    server.stop();
    is_gone(&install);
    let store = super::rows::Stored::of(install.home.data.path());
    assert_eq!(store.number("SELECT count(*) FROM releases WHERE site = 1"), 0);
}

#[tokio::test]
async fn an_erasure_that_was_killed_is_completed() {
    let install = Install::new();
    let server = install.serve();
    two_sites(&install, &Api::of(&server)).await;
    let mut command = install.home.command(&["site", "remove", SITE, "--erase"]);
    let mut asking = command.spawn().unwrap();
    until("the site is no more", || (!install.home.run(&["site", "list"]).contains(SITE)).then_some(()));
    asking.kill().unwrap();
    asking.wait().unwrap();
    server.kill();
    // Half a file as it is written anew, too.
    fs::write(install.home.data.path().join("mayfly.duckdb.rewrite"), "").unwrap();
    fs::write(install.home.data.path().join("mayfly.duckdb.rewritten"), "half of example.com").unwrap();
    let server = install.serve();
    let data = install.home.data.path();
    until("nothing is left", || holding(data, SITE).is_empty().then_some(()));
    server.stop();
    is_gone(&install);
}

#[tokio::test]
async fn an_erasure_without_a_server_leaves_nothing_either() {
    let install = Install::new();
    let server = install.serve();
    two_sites(&install, &Api::of(&server)).await;
    server.kill();
    install
        .home
        .command(&["site", "remove", SITE, "--erase", "--runtime"])
        .arg(install.home.runtime.path().join("run"))
        .output()
        .unwrap();
    is_gone(&install);
}

#[tokio::test]
async fn everything_about_a_site_comes_as_one_archive() {
    let install = Install::new();
    let server = install.serve();
    let api = Api::of(&server);
    let cookie = super::views::signed_in(&install, &api).await;
    two_sites(&install, &api).await;
    let path = format!("/api/sites/{SITE}/everything");
    let (status, answer) = api.get(&path, &install.staff).await;
    assert_eq!(status, 403, "keys read reports only: {answer}");
    let answer = api.request(reqwest::Method::GET, &path).header("cookie", &cookie).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let size = answer.content_length().unwrap();
    let archive = answer.bytes().await.unwrap();
    assert_eq!(archive.len() as u64, size);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("all.tar");
    fs::write(&path, archive).unwrap();
    let untar =
        std::process::Command::new("tar").arg("xf").arg(&path).arg("-C").arg(folder.path()).output().unwrap();
    assert!(untar.status.success(), "{untar:?}");
    fs::remove_file(&path).unwrap();
    let made = fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
    let text = |name: &str| fs::read_to_string(made.join(name)).unwrap();
    for (file, words) in [
        ("pages_page.csv", SITE),
        ("ledger_page.csv", "accepted"),
        ("days.csv", "salt_epochs"),
        ("settings.json", "retention_months"),
        ("remembered.json", "example.com/"),
        ("audit.json", "changed its settings"),
        ("README.txt", "All that this Mayfly stores"),
    ] {
        assert!(text(file).contains(words), "{file}: {}", text(file));
    }
    let rows = |name: &str| text(name).lines().count();
    let found = ["pages_place.csv", "pages_page.csv", "days.csv"].map(rows);
    assert!(found[0] > 2 && found[1] > 10 && found[2] == 3, "{found:?}");
    assert!(text("pages_page.csv").contains(&super::backup::FIRST.plus(1).to_string()));
    assert_eq!(holding(folder.path(), OTHER), [] as [String; 0], "nothing of another site");
    // Its own entry, made as it was asked for, is in the next one; the files went with the first.
    assert!(install.home.run(&["audit", "--site", SITE]).contains("downloaded all that is stored"));
    let downloads = install.home.data.path().join("downloads");
    until("the files are gone", || fs::read_dir(&downloads).unwrap().next().is_none().then_some(()));
}
