//! A14 on C8: settings are changed, and the policy text, the JSON, the command's output and what really happens have
//! to move together.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    time::{Duration, Instant},
};

use mayfly::{
    close::retention::Retention,
    control::Control,
    domain::{
        day::Day,
        declaration::SiteId,
        row::{Column, Family, Row, Table},
    },
    store::{
        Store,
        duckdb::{DuckStore, Limits},
    },
};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    api::{Api, FIREFOX, SITE, answer},
    rows::Stored,
    server::{Home, Server, until},
};

/// What is said, or what is seen, by name: both are written down in the same words.
type Account = BTreeMap<&'static str, String>;

/// Visitors from one country each: fewer than five, five (who go under with the few where k is more), and more.
const FEW: u8 = 3;
const FIVE: u8 = 5;
const MANY: u8 = 6;

/// Settings of a site and flags of its server.
struct Variant {
    site: &'static [(&'static str, &'static str)],
    flags: &'static [&'static str],
    in_memory: bool,
}

const AS_IT_COMES: Variant = Variant { site: &[], flags: &[], in_memory: false };
const ALL_CHANGED: Variant = Variant {
    site: &[
        ("k", "2"),
        ("zone", "America/New_York"),
        ("kept", "versions,language"),
        ("objection", "none"),
        ("retention-months", "1"),
        ("path-parameters", "chapter"),
        ("excluded-paths", "/admin/*"),
    ],
    flags: &["--durability", "process", "--flush-interval", "1s", "--network-v4", "24"],
    in_memory: true,
};

fn instant(text: &str) -> i64 {
    text.parse::<jiff::Timestamp>().unwrap().as_millisecond()
}

fn install(variant: &Variant, sabotages: Option<&str>) -> Home {
    let home = Home::at("2026-10-20T12:00:00Z");
    let home = match sabotages {
        Some(sabotages) => home.sabotaged(sabotages),
        None => home,
    };
    home.run(&["site", "add", SITE, "--timezone", "Europe/Tallinn"]);
    for (key, value) in variant.site {
        home.run(&["site", "set", SITE, key, value]);
    }
    // Past the midnight from which zone, k and kept count.
    home.set_clock(instant("2026-10-24T12:00:00Z"));
    home
}

fn serve(home: &Home, variant: &Variant) -> Server {
    let runtime = home.runtime.path().join("run");
    let runtime = if variant.in_memory { runtime.to_str().unwrap() } else { "none" };
    home.serve_with(&[&["--runtime", runtime], variant.flags].concat())
}

async fn view(api: &Api, from: &str, path: &str, more: &[(&str, &str)]) {
    let headers =
        [&[("user-agent", FIREFOX), ("x-forwarded-for", from), ("accept-language", "fr-FR")], more].concat();
    let body = json!({"n": "pageview", "u": format!("https://{SITE}{path}"), "d": SITE}).to_string();
    assert_eq!(api.post_event(&headers, body).await.status, 202);
}

/// The disclosure's words about what can be seen from outside.
fn said(facts: &Value) -> Account {
    let collection = &facts["collection"][0];
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let k = facts["in_effect"]["k"].as_i64().unwrap();
    let has = |datum: &str| facts["processing"].as_array().unwrap().iter().any(|one| one["datum"] == datum);
    let zone = text(&facts["in_effect"]["zone"]);
    Account::from([
        ("k", k.to_string()),
        ("three of a country are told", (k <= FEW.into()).to_string()),
        ("six of a country are told", (k <= MANY.into()).to_string()),
        (
            "the day at 21:30 UTC",
            if zone == "Europe/Tallinn" { "2026-10-25" } else { "2026-10-24" }.to_owned(),
        ),
        ("versions", has("versions").to_string()),
        ("language", has("language").to_string()),
        ("country", has("country").to_string()),
        (
            "objectors counted",
            (["gpc", "dnt"].iter().filter(|one| facts["objection"][one] == false).count()).to_string(),
        ),
        ("kept for two months", (facts["retention_months"].as_i64().unwrap() >= 2).to_string()),
        ("chapter in paths", (facts["vocabulary"]["path_parameters"] == json!(["chapter"])).to_string()),
        ("own paths left out", (facts["excluded"]["paths"] == 1).to_string()),
        ("journal key", text(&collection["journal_key"])),
        ("salt in files of memory", collection["survives_restart"].to_string()),
        ("told within the hour", (collection["flush_interval_s"].as_i64().unwrap() < 3_600).to_string()),
        ("neighbours told apart", (collection["network_v4_bits"].as_i64().unwrap() > 24).to_string()),
        ("store", text(&facts["store"])),
    ])
}

/// All forms say the same: the address by site, the one by host, the command beside the running server, the texts.
async fn facts_of(home: &Home, api: &Api) -> Value {
    let of = |path: &str| {
        let request = api.request(Method::GET, path).header("host", SITE);
        async { answer(request).await.body }
    };
    let served = of(&format!("/.well-known/analytics-disclosure.json?site={SITE}")).await;
    assert_eq!(served, of("/.well-known/analytics-disclosure.json").await);
    assert_eq!(served, of(&format!("/privacy/{SITE}?format=json")).await);
    // The command is given none of the server's flags.
    assert_eq!(served.trim_end(), home.run(&["disclose", SITE, "--format", "json"]));
    let facts: Value = serde_json::from_str(&served).unwrap();
    let (k, months) = (&facts["in_effect"]["k"], &facts["retention_months"]);
    let zone = facts["in_effect"]["zone"].as_str().unwrap();
    for language in ["en", "de", "fr"] {
        let text = home.run(&["disclose", SITE, "--language", language, "--format", "markdown"]);
        assert_eq!(of(&format!("/privacy/{SITE}?format=markdown&lang={language}")).await.trim_end(), text);
        let zone = zone.replace('_', "\\_");
        for words in [format!("k = {k}"), format!("{months} "), zone] {
            assert!(text.contains(&words), "{language}: {words} is not in {text}");
        }
    }
    facts
}

/// What lies in the data and runtime directories while the day is open.
fn files_of(home: &Home) -> Account {
    let keys = |folder: &Path| fs::read_dir(folder).map_or(0, Iterator::count);
    let run = home.runtime.path().join("run");
    let salts = fs::read_dir(&run).map_or(0, |all| {
        all.filter(|one| one.as_ref().unwrap().file_name().to_string_lossy().ends_with(".salt")).count()
    });
    let place = match (keys(&home.data.path().join("journal-keys")), keys(&run.join("keys"))) {
        (1.., 0) => "data_directory",
        (0, 1..) => "runtime_directory",
        other => panic!("keys on disk and in memory: {other:?}"),
    };
    let embedded = home.data.path().join("mayfly.duckdb").exists();
    Account::from([
        ("journal key", place.to_owned()),
        ("salt in files of memory", (salts > 0).to_string()),
        ("store", if embedded { "embedded" } else { "elsewhere" }.to_owned()),
    ])
}

/// Sends the visitors, and lets the day end.
async fn live_through(home: &Home, api: &Api, variant: &Variant) {
    for n in 0..FEW {
        view(api, &format!("193.99.{n}.85"), "/", &[]).await;
    }
    for n in 0..FIVE {
        view(api, &format!("212.58.{}.10", 240 + n), "/", &[]).await;
    }
    for n in 0..MANY {
        view(api, &format!("212.27.{}.10", 40 + n), "/", &[]).await;
    }
    view(api, "212.27.60.1", "/neighbours", &[]).await;
    view(api, "212.27.60.2", "/neighbours", &[]).await;
    view(api, "212.27.61.1", "/objects", &[("sec-gpc", "1")]).await;
    view(api, "212.27.62.1", "/objects", &[("dnt", "1")]).await;
    view(api, "212.27.63.1", "/admin/users", &[]).await;
    view(api, "212.27.58.1", "/book?chapter=two&name=ada", &[]).await;
    for seconds in [10, 20, 30] {
        let before = home.store_changed();
        home.set_clock(instant("2026-10-24T12:00:00Z") + seconds * 1_000);
        if variant.flags.contains(&"--flush-interval") {
            until("a release reaches the store", || (home.store_changed() > before).then_some(()));
        }
        view(api, "212.27.57.1", "/again", &[]).await;
    }
    home.set_clock(instant("2026-10-24T21:30:00Z"));
    view(api, "212.27.56.1", "/late", &[]).await;
    home.set_clock(instant("2026-10-25T05:00:00Z"));
    until("the day is closed", || {
        let open = home.files("journal").iter().any(|name| name.contains("2026-10-24"));
        (!open && home.files("releases").is_empty()).then_some(())
    });
}

/// What the store holds of the closed day.
fn rows_of(home: &Home) -> Account {
    let stored = Stored::of(home.data.path());
    let day = Day::parse("2026-10-24").unwrap();
    let (rows, later) = (stored.rows(1, day), stored.rows(1, day.plus(1)));
    let key = |row: &Row, column| row.key(column).map(|text| text.to_string()).unwrap_or_default();
    let of = |family: Family, column| {
        let rows = rows.iter().filter(move |row| row.table == Table::Pages && row.family == family);
        rows.map(|row| key(row, column)).filter(|text| text != "*").collect::<Vec<_>>()
    };
    let (countries, pages) = (of(Family::Place, Column::Country), of(Family::Page, Column::Page));
    let told = |country: &str| countries.iter().any(|one| one == country).to_string();
    let seen = |path: &str| pages.iter().any(|page| page.ends_with(path));
    let late = |rows: &[Row]| rows.iter().any(|row| key(row, Column::Page).ends_with("/late"));
    let day_of_late = match (late(&rows), late(&later)) {
        (true, false) => "2026-10-24",
        (false, true) => "2026-10-25",
        other => panic!("the late hit: {other:?}"),
    };
    let sum =
        |what: &str, of: &str| stored.number(&format!("SELECT coalesce(sum({what}), 0)::BIGINT FROM {of}"));
    let neighbours =
        sum("page_visitors", "pages WHERE family = 'page' AND kind = 'page' AND page LIKE '%/neighbours'");
    let objectors =
        sum("pageviews", "pages WHERE family = 'page' AND kind = 'page' AND page LIKE '%/objects'");
    let versions = of(Family::Device, Column::BrowserVersion);
    let languages = of(Family::Language, Column::Language);
    let real = |texts: &[String]| texts.iter().any(|text| !text.is_empty() && text != "(none)").to_string();
    let quick = stored.number("SELECT count(*) FROM releases WHERE site = 1 AND day = DATE '2026-10-24'") > 3;
    Account::from([
        (
            "k",
            stored
                .number("SELECT min(k)::BIGINT FROM days WHERE site = 1 AND day = DATE '2026-10-24'")
                .to_string(),
        ),
        ("three of a country are told", told("DE")),
        ("six of a country are told", told("FR")),
        ("country", real(&countries)),
        ("the day at 21:30 UTC", day_of_late.to_owned()),
        ("versions", real(&versions)),
        ("language", real(&languages)),
        ("objectors counted", objectors.to_string()),
        ("chapter in paths", seen("/book?chapter=two").to_string()),
        ("own paths left out", (!seen("/admin/users")).to_string()),
        ("told within the hour", quick.to_string()),
        ("neighbours told apart", (neighbours == 2).to_string()),
    ])
}

/// Whether the closed day is still there two months later, after what the server does once a day.
fn kept_of(home: &Home) -> Account {
    let store = DuckStore::open(&home.data.path().join("mayfly.duckdb"), &Limits::default()).unwrap();
    let control = Control::open(&home.data.path().join("control.sqlite"), 0).unwrap();
    let begun = Instant::now();
    let (retention, now) = (Retention::new(25), instant("2026-12-25T12:00:00Z"));
    for at in [begun, begun + Duration::from_secs(3_600)] {
        retention.step(&store, |_, _| Ok(0), &control, now, at);
    }
    let there = store.extent(SiteId(1)).unwrap().is_some();
    Account::from([("kept for two months", there.to_string())])
}

/// Plays a day and returns where the disclosure and what was seen differ: name, said, seen.
async fn attack(variant: &Variant, sabotages: Option<&str>) -> Vec<(&'static str, String, String)> {
    let home = install(variant, sabotages);
    let server = serve(&home, variant);
    let api = Api::of(&server);
    view(&api, "193.99.0.85", "/", &[]).await;
    let said = match sabotages {
        None => said(&facts_of(&home, &api).await),
        Some(_) => said(&api.get(&format!("/.well-known/analytics-disclosure.json?site={SITE}"), "").await.1),
    };
    let mut seen = files_of(&home);
    live_through(&home, &api, variant).await;
    assert_eq!(server.stop().0, Some(0));
    seen.extend(rows_of(&home));
    seen.extend(kept_of(&home));
    assert_eq!(said.keys().collect::<Vec<_>>(), seen.keys().collect::<Vec<_>>());
    let both = said.into_iter().map(|(name, said)| (name, said, seen[name].clone()));
    both.filter(|(_, said, seen)| said != seen).collect()
}

#[tokio::test]
async fn what_is_disclosed_is_done_as_it_comes() {
    assert_eq!(attack(&AS_IT_COMES, None).await, []);
}

#[tokio::test]
async fn what_is_disclosed_is_done_with_all_changed() {
    assert_eq!(attack(&ALL_CHANGED, None).await, []);
}

#[tokio::test]
async fn a_lying_disclosure_is_caught() {
    assert_eq!(attack(&ALL_CHANGED, Some("")).await, []);
    let caught = attack(&ALL_CHANGED, Some("disclosure_lies")).await;
    assert!(
        caught.iter().any(|(name, said, seen)| (*name, &**said, &**seen) == ("k", "5", "2")),
        "{caught:?}"
    );
}
