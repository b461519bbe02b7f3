//! `mayfly verify` against a real install: a sound one passes, running or not, and what is planted in it does not.

use duckdb::Connection;
use mayfly::verify::{Check, Kind, Outcome, Report};

use super::{
    api::{Api, SITE},
    backup::{FIRST, Install},
};

fn closed_to_others() -> Install {
    let install = Install::new();
    let closed = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    std::fs::set_permissions(install.home.data.path(), closed).unwrap();
    install
}

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

fn check(report: &Report, kind: Kind) -> Check {
    let all = report.checks.iter().chain(&report.sites[0].checks);
    all.clone().find(|check| check.check == kind).unwrap().clone()
}

#[tokio::test]
async fn real_days_are_verified_and_what_is_planted_is_found() {
    let install = closed_to_others();
    let server = install.serve();
    let api = Api::of(&server);
    install.three_days(&api).await;
    let (report, failed) = verify(&install);
    assert_eq!(breaches(&report), [], "{}", report.text());
    assert!(!failed);
    assert_eq!(report.by, "the running server");
    assert_eq!(
        (check(&report, Kind::Sizes).result, check(&report, Kind::Process).result),
        (Outcome::Ok, Outcome::Ok)
    );
    assert_eq!(check(&report, Kind::Sums).found, [] as [String; 0]);
    assert_eq!(check(&report, Kind::K).rows, 2, "two days have closed");
    assert!(check(&report, Kind::Sizes).rows > 100 && check(&report, Kind::Journals).rows >= 2);
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

/// Days close with versions, languages and a k of 5; then the site keeps less, in larger crowds. Rows stay, so the texts say whose
/// settings they have, and the verification how many those are.
#[tokio::test]
async fn days_that_closed_before_a_change_are_disclosed_and_warned_of() {
    let install = closed_to_others();
    let set = |key, value| install.home.run(&["site", "set", SITE, key, value]);
    set("kept", "versions,language");
    let server = install.serve();
    install.three_days(&Api::of(&server)).await;
    let (report, _) = verify(&install);
    assert_eq!((check(&report, Kind::K).found, check(&report, Kind::Kept).found), (vec![], vec![]));
    set("k", "9");
    set("kept", "none");
    install.close(FIRST.plus(2));

    let facts: serde_json::Value =
        serde_json::from_str(&install.home.run(&["disclose", SITE, "--format", "json"])).unwrap();
    assert_eq!((&facts["in_effect"]["k"], &facts["earlier_days"]), (&9.into(), &"as_they_closed".into()));
    let (report, failed) = verify(&install);
    assert!(!failed, "{}", report.text());
    let (k, kept) = (check(&report, Kind::K), check(&report, Kind::Kept));
    assert_eq!((k.result, kept.result), (Outcome::Warning, Outcome::Warning), "{}", report.text());
    assert!(
        k.found[0].starts_with("3 of the closed days closed with a smaller k than the 9 of today"),
        "{k:?}"
    );
    for column in ["browser_version", "language"] {
        let words = format!("tell `{column}`, which the site does not keep now");
        assert!(kept.found.iter().any(|found| found.contains(&words)), "{kept:?}");
    }
    server.stop();
}
