//! `mayfly verify` against a real install: a sound one passes, running or not, and what is planted in it does not.

use duckdb::Connection;
use mayfly::verify::{Kind, Outcome, Report};

use super::{
    api::{Api, SITE},
    backup::Install,
};

/// The report, and whether the command said that there is a breach.
fn verify(install: &Install) -> (Report, bool) {
    let output = install.home.command(&["verify", "--json"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let said = String::from_utf8_lossy(&output.stderr);
    let report = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text} {said}"));
    (report, !output.status.success())
}

fn breaches(report: &Report) -> Vec<(Kind, &[String])> {
    let checks = report.checks.iter().chain(report.sites.iter().flat_map(|site| &site.checks));
    checks
        .filter(|check| check.result == Outcome::Breach)
        .map(|check| (check.check, &check.found[..]))
        .collect()
}

#[tokio::test]
async fn real_days_are_verified_and_what_is_planted_is_found() {
    let install = Install::new();
    let server = install.serve();
    let api = Api::of(&server);
    install.three_days(&api).await;
    let (report, failed) = verify(&install);
    assert_eq!(breaches(&report), [], "{}", report.text());
    assert!(!failed);
    assert_eq!(report.by, "the running server");
    let check = |report: &Report, kind| {
        let site = &report.sites[0];
        report.checks.iter().chain(&site.checks).find(|check| check.check == kind).unwrap().clone()
    };
    assert_eq!(
        (check(&report, Kind::Sizes).result, check(&report, Kind::Process).result),
        (Outcome::Ok, Outcome::Ok)
    );
    assert_eq!(check(&report, Kind::Sums).found, [] as [String; 0]);
    assert_eq!(check(&report, Kind::K).rows, 2, "two days have closed");
    assert!(check(&report, Kind::Sizes).rows > 1_000 && check(&report, Kind::Journals).rows >= 4);
    let text = install.home.run(&["verify", "--site", SITE]);
    assert!(text.contains("Site example.com") && text.contains("two families"), "{text}");
    let (status, answer) = api.get(&format!("/api/sites/{SITE}/verification"), &install.staff).await;
    assert_eq!(status, 403, "keys read reports only: {answer}");
    server.stop();

    let (report, failed) = verify(&install);
    assert!(!failed && breaches(&report).is_empty(), "{}", report.text());
    assert_eq!(check(&report, Kind::Process).result, Outcome::NotSeen);
    let store = Connection::open(install.home.data.path().join("mayfly.duckdb")).unwrap();
    store
        .execute_batch(
            "UPDATE pages_place SET visitors = 2 WHERE rowid IN
             (SELECT rowid FROM pages_place WHERE site = 1 AND page = '*' AND country <> '*' LIMIT 1);
             ALTER TABLE pages_page ADD COLUMN visitor BIGINT",
        )
        .unwrap();
    drop(store);
    let (report, failed) = verify(&install);
    let found: Vec<Kind> = breaches(&report).iter().map(|(kind, _)| *kind).collect();
    assert!(failed);
    assert_eq!(found, [Kind::Columns, Kind::Sizes, Kind::Sums], "{}", report.text());
}
