//! The simulator's traffic against the real binary: every tile, bucket and panel compared with the truth, through
//! hours, releases, kills, stops and the close; and what the store holds afterwards.

use std::collections::BTreeMap;

use mayfly::{
    domain::{
        STAR,
        outcome::Note,
        row::{Family, Table},
    },
    simulate::{coverage::Feature, truth::Lines},
};

use super::{
    play::{K, Play},
    rows::Stored,
};

/// The rows of a closed day, held against the recount and against the people behind them.
fn check_stored(play: &Play, what: &str) {
    let stored = Stored::of(play.home.data.path());
    let recount = play.truths[&play.day].recount();
    let rows = stored.rows(1, play.day);
    let mut lines = mayfly::simulate::truth::lines_of(&rows);
    if play.epochs > 1 {
        lines.retain(|line, _| &*line.keys[0] != "visits_forgotten");
    }
    assert_same(&lines, &recount.closed(play.rules()), what);
    let crowd = ((K - 1) * play.epochs + 1) as usize;
    let mut told = 0;
    for row in
        rows.iter().filter(|row| matches!(row.family, Family::Place | Family::Device | Family::Language))
    {
        let lead = if row.table == Table::Events { 1 } else { 0 };
        assert!(row.hour.is_none(), "{row:?}");
        if row.keys[lead..].iter().any(|text| **text != *STAR && &**text != "page") {
            told += 1;
            assert!(recount.people(row).len() >= crowd, "{what}: {row:?} counts too few people");
        }
    }
    assert!(told > 10, "{what}: the day is large enough to tell something");
    let of_day = |select: &str| {
        stored.number(&format!("SELECT {select} FROM days WHERE site = 1 AND day = '{}'", play.day))
    };
    assert_eq!(of_day("count(*)"), 1, "{what}: one row in days");
    assert_eq!((of_day("k"), of_day("salt_epochs")), (i64::from(K), i64::from(play.epochs)), "{what}");
}

#[track_caller]
fn assert_same(stored: &Lines, expected: &Lines, what: &str) {
    let keys: std::collections::BTreeSet<_> = stored.keys().chain(expected.keys()).collect();
    let differing: Vec<_> = keys
        .into_iter()
        .filter(|&key| stored.get(key) != expected.get(key))
        .map(|key| format!("{key:?}: stored {:?}, expected {:?}", stored.get(key), expected.get(key)))
        .collect();
    super::compare::assert_none(&differing, what);
}

/// Objectors, unknown sites and broken bodies: counted once each, for no site.
fn check_of_no_site(play: &Play) {
    let stored = Stored::of(play.home.data.path());
    let found: BTreeMap<_, _> = play
        .of_no_site
        .keys()
        .map(|outcome| {
            let sql = format!(
                "SELECT coalesce(sum(hits), 0)::BIGINT FROM ledger WHERE site = 0 AND outcome = '{}'",
                outcome.name()
            );
            (*outcome, stored.number(&sql))
        })
        .collect();
    assert_eq!(found, play.of_no_site);
    let outcomes = stored.number("SELECT count(DISTINCT outcome) FROM ledger WHERE site = 0");
    assert_eq!(outcomes as usize, found.len(), "nothing else is counted for no site");
}

/// A day of 25 hours, lived through with everything that happens to a server.
#[tokio::test]
async fn a_day_of_the_simulator_with_handover() {
    let mut play = Play::of("2026-10-25", "Europe/Tallinn", 90, 1);
    assert_eq!(play.missing, []);
    let runtime = play.home.runtime.path().join("run").to_str().unwrap().to_owned();
    let serve = |play: &Play| play.home.serve_with(&["--runtime", &runtime, "--flush-interval", "2s"]);

    // Within an hour, before anything else.
    let server = serve(&play);
    play.until(&server, play.minute(11 * 60 + 50)).await;
    assert!(play.hits_in_this_hour() > 10, "there is something that only staff may see");
    play.check_open(&server, "within the hour").await;

    // The hour turns without a hit: attributes follow, the read key too.
    play.move_to(play.minute(12 * 60));
    assert_eq!(play.hits_in_this_hour(), 0);
    play.check_open(&server, "the hour has turned").await;

    // Killed in the midst of visits; they go on.
    play.until(&server, play.among_visits()).await;
    play.check_open(&server, "before the kill").await;
    server.kill();
    let stored = Stored::of(play.home.data.path());
    assert!(stored.number("SELECT count(*) FROM pages WHERE site = 1") > 0, "releases are in the store");
    assert_eq!(
        stored.number("SELECT count(*) FROM pages WHERE family <> 'page'"),
        0,
        "no attribute before the close"
    );
    let server = serve(&play);
    play.check_open(&server, "after the kill").await;
    play.until(&server, play.minute(18 * 60 + 40)).await;
    play.check_open(&server, "visits went on").await;

    // Stopped in good order.
    let (code, _) = server.stop();
    assert_eq!(code, Some(0));
    let server = serve(&play);
    play.check_open(&server, "after the stop").await;

    // Over midnight; the visit that crosses it counts on both sides.
    let midnight = play.zone.start_of(play.day.plus(1));
    play.until(&server, midnight).await;
    play.until(&server, midnight + 10 * 60_000).await;
    assert_eq!(play.left(), 0);
    play.check_closed(&server, "closed").await;
    play.check_open(&server, "the day after").await;
    let keys = format!("1-{}", play.day);
    let left =
        |folder: &str| play.home.files(folder).into_iter().filter(|name| name.starts_with(&keys)).count();
    assert_eq!((left("journal"), left("journal-keys"), left("releases")), (0, 0, 0));
    let runtime_files = std::fs::read_dir(&runtime).unwrap().map(|file| file.unwrap().file_name());
    let of_day = runtime_files.filter(|name| name.to_string_lossy().starts_with(&keys));
    assert_eq!(of_day.count(), 0, "salt and visitors of the closed day are gone");

    server.kill();
    check_stored(&play, "stored");
    let server = serve(&play);
    play.check_closed(&server, "closed, after a restart").await;

    // The next UTC midnight closes the day of no site, too.
    play.move_to(midnight + 30 * 3_600_000);
    super::server::until("the pseudo-site's close", || play.home.files("journal").is_empty().then_some(()));
    super::server::until("the last delivery", || play.home.files("releases").is_empty().then_some(()));
    server.kill();
    check_of_no_site(&play);
}

/// The same without a runtime directory: a kill forgets who was there, and the ledger says so.
#[tokio::test]
async fn a_day_of_the_simulator_without_handover() {
    let mut play = Play::of("2026-11-18", "America/New_York", 60, 2);
    assert_eq!(play.missing, [Feature::ClockChange]);
    let serve = |play: &Play| play.home.serve_with(&["--runtime", "none"]);
    let server = serve(&play);
    play.until(&server, play.among_visits()).await;
    play.check_open(&server, "before the kill").await;
    server.kill();
    let server = serve(&play);
    // Every visitor from now on is another one, and a crowd needs more of them.
    play.epochs = 2;
    let day = play.day;
    play.truth(day).note(Note::RestartedWithoutHandover);
    play.check_open(&server, "after the kill").await;
    play.until(&server, play.minute(20 * 60)).await;
    play.check_open(&server, "other visitors").await;
    let midnight = play.zone.start_of(play.day.plus(1));
    play.until(&server, midnight - 1_000).await;
    // Nothing runs over midnight: the start closes the day that is over.
    server.kill();
    play.move_to(midnight + 3_600_000);
    let server = serve(&play);
    play.check_closed(&server, "closed at the start").await;
    server.kill();
    check_stored(&play, "stored");
}
