//! What people do with a view of the real server: write notes beside its days, take it away as files.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    api::{Api, SITE},
    backup::{FIRST, Install},
};

/// Adds a person and signs in; the cookie.
pub async fn signed_in(install: &Install, api: &Api) -> String {
    let (name, password) = ("ada", "a long password");
    let mut adding = install.home.command(&["user", "add", name]);
    let mut adding = adding.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    writeln!(adding.stdin.take().unwrap(), "{password}").unwrap();
    assert!(adding.wait().unwrap().success());
    let request = api.request(Method::POST, "/api/session").header("x-mayfly", "1");
    let signed = request.json(&json!({ "name": name, "password": password })).send().await.unwrap();
    signed.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn notes_are_written_by_people_told_to_staff_and_to_nobody_else() {
    let install = Install::new();
    let server = install.serve();
    let api = Api::of(&server);
    let cookie = signed_in(&install, &api).await;
    let path = format!("/api/sites/{SITE}/notes");
    let note = |day: i32, text: &str| json!({ "day": FIRST.plus(day).to_string(), "text": text });
    let (status, added) = api.send(Method::POST, &path, &cookie, &note(0, "launch")).await;
    assert_eq!((status.as_u16(), &added["note"]["text"]), (200, &"launch".into()), "{added}");
    api.send(Method::POST, &path, &cookie, &note(-40, "long before")).await;
    let one = format!("{path}/{}", added["note"]["id"]);
    let (status, changed) = api.send(Method::PUT, &one, &cookie, &note(0, "relaunch")).await;
    assert_eq!((status.as_u16(), &changed["note"]["id"]), (200, &added["note"]["id"]), "{changed}");
    let (status, said) = api.send(Method::POST, &path, &cookie, &note(0, "")).await;
    assert_eq!(
        (status.as_u16(), &said["error"]),
        (400, &"text: `` is not allowed: at least one character".into())
    );

    // Of its range, for staff; keys change nothing, and who reads from outside learns of none.
    let read = install.home.run(&["key", "add", "read", "--site", SITE, "--scope", "read"]);
    let told = |report: Value| {
        report["notes"].as_array().unwrap().iter().map(|one| one["text"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(told(api.read("report", "p=28d", &install.staff).await), ["relaunch"]);
    assert_eq!(told(api.read("report", "p=91d", &install.staff).await), ["long before", "relaunch"]);
    assert_eq!(told(api.read("report", "p=28d", &read).await), [""; 0]);
    for key in [&install.staff, &read] {
        assert_eq!(api.get(&path, key).await.0, 403);
        let forbidden = api.request(Method::DELETE, &one).bearer_auth(key).send().await.unwrap();
        assert_eq!(forbidden.status(), 403);
    }
    assert_eq!(api.get(&path, "").await.0, 401);

    assert_eq!(api.send(Method::DELETE, &one, &cookie, &Value::Null).await.0, 200);
    assert_eq!(api.send(Method::DELETE, &one, &cookie, &Value::Null).await.0, 404);
    assert_eq!(told(api.read("report", "p=28d", &install.staff).await), [""; 0]);
    let audit = install.home.run(&["audit", "--site", SITE]);
    let line = audit.lines().find(|line| line.contains("changed its notes")).unwrap();
    assert!(line.split_whitespace().any(|times| times == "4"), "{audit}");
}

/// The files of an archive, by name without the folder, read by another program than ours.
fn unzipped(archive: &[u8]) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("view.zip");
    std::fs::write(&path, archive).unwrap();
    let read = "import json, sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None\n\
                print(json.dumps({n.split('/', 1)[1]: z.read(n).decode() for n in z.namelist()}))";
    let read = Command::new("python3").args(["-c", read]).arg(&path).output().unwrap();
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    serde_json::from_slice(&read.stdout).unwrap()
}

#[tokio::test]
async fn a_view_comes_as_one_archive_of_tables_that_say_what_the_report_says() {
    let install = Install::new();
    let server = install.serve();
    let api = Api::of(&server);
    install.three_days(&api).await;
    let (first, last) = (FIRST, FIRST.plus(1));
    let query = format!("p={first}..{last}&c=none&limit=1&m=visits");
    let report = api.read("report", &query, &install.staff).await;
    let ask = |query: &str| {
        let path = format!("/api/sites/{SITE}/view.zip?{query}");
        api.request(Method::GET, &path).bearer_auth(&install.staff).send()
    };
    let answer = ask(&query).await.unwrap();
    assert_eq!(answer.headers()["content-disposition"], format!("attachment; filename=\"{SITE}.zip\""));
    let files = unzipped(&answer.bytes().await.unwrap());
    let lines = |name: &str| files[name].as_str().unwrap().lines().map(str::to_owned).collect::<Vec<_>>();

    let tile = |key: &str| report["tiles"][key]["value"].as_i64().unwrap();
    let tiles = lines("tiles.csv");
    assert!(tiles.contains(&format!("Visits,{0},,{0},", tile("visits"))), "{tiles:?}");
    assert!(tiles.contains(&format!("\"Visitors, daily sum\",{0},,{0},", tile("visitors"))), "{tiles:?}");
    // A day's visitors are the day's, not a sum.
    let chart = lines("chart.csv");
    assert!(chart[0].contains(",Visitors,") && !chart[0].contains("daily sum"), "{chart:?}");
    assert!(chart.len() == 3 && chart[1].starts_with(&format!("{first},yes,")), "{chart:?}");
    // All rows, and Other: the tile again.
    let country = lines("country.csv");
    let at = country[0].split(',').position(|word| word == "Visits").expect("visits of countries");
    // The label of visitors holds a comma before it or not at all.
    let at = at
        - usize::from(country[0][..country[0].find(",Visits").unwrap()].contains("\"Visitors, daily sum\""));
    let sum: i64 =
        country[1..].iter().map(|line| line.split(',').nth(at).unwrap().parse::<i64>().unwrap()).sum();
    assert_eq!(sum, tile("visits"), "{country:?}");
    assert!(country.len() > 3 && country.last().unwrap().starts_with("Other (fewer than 5),"), "{country:?}");
    let pages = report["panels"]["page"]["total_rows"].as_u64().unwrap() as usize;
    assert_eq!(lines("page.csv").len(), pages + 1, "every page, whatever the limit");
    let words = files["README.txt"].as_str().unwrap();
    assert!(
        words.contains("Days end at 00:00 UTC.") && words.contains("Not here: flow (Pick one page"),
        "{words}"
    );

    // A filter is said, its question answered, and what goes with no place is left out.
    let page = report["panels"]["page"]["rows"][0]["value"].as_str().unwrap();
    let files = unzipped(&ask(&format!("{query}&page={page}")).await.unwrap().bytes().await.unwrap());
    assert!(files["README.txt"].as_str().unwrap().contains(&format!("Only where page is {page}.")));
    assert!(files["flow.csv"].as_str().unwrap().starts_with("flow,Transitions\r\n"), "{}", files["flow.csv"]);
    let files = unzipped(&ask(&format!("{query}&country=DE")).await.unwrap().bytes().await.unwrap());
    assert!(files.get("browser.csv").is_none() && files.get("country.csv").is_some());
    assert_eq!(ask("p=soon").await.unwrap().status(), 400);
}
