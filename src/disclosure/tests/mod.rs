//! Every fact is told by every text, and moves with its setting; no text promises what the law says.

mod told;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{
    Collecting, Facts, Format, Language, Process,
    facts::{ConsentMode, OptOut},
    html::{STYLE, STYLE_HASH},
    plain, policy,
    process::{Collection, DurabilityKind, KeyPlace, RoleKind, StoreKind},
    render, tables,
};
use crate::{
    config::{Config, Environment, RawConfig},
    control::{Control, Settings},
    domain::declaration::{Consent, Funnel, Goal, PathRule, Section, Step},
};

const NOW: i64 = 1_795_348_800_000; // 2026-11-22T12:00:00Z

/// The facts of a site with some settings, in a process with some.
fn facts_with(change: impl Fn(&mut Settings), raw: RawConfig, in_memory: bool) -> Facts {
    let folder = tempfile::tempdir().unwrap();
    let control = Control::open(&folder.path().join("control.sqlite"), NOW).unwrap();
    control.add_site(crate::control::NewSite::new("example.com", "Europe/Tallinn"), NOW).unwrap();
    let change = |settings: &mut Settings| -> Result<(), crate::control::ControlError> {
        change(settings);
        Ok(())
    };
    control.change_site("example.com", NOW, change).unwrap();
    // Any file that is there.
    let geo = raw.geo.clone().or_else(|| Some("Cargo.toml".to_owned()));
    let raw = RawConfig { data: Some(folder.path().display().to_string()), geo, ..raw };
    let config = Config::new(&raw, &Environment { processors: 2, ..Environment::default() }).unwrap();
    let process = Process::of(&config, in_memory);
    let directory = control.directory().load_full();
    let entry = directory.by_name("example.com").unwrap();
    // Two days on: what waited for midnight is in effect.
    Facts::of(entry, NOW + 2 * 86_400_000, &process, Collecting::here(&process))
}

fn facts() -> Facts {
    facts_with(|_| {}, RawConfig::default(), false)
}

/// Each leaf of a JSON value, by its place.
fn leaves(value: &Value, at: &str, out: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, one)| leaves(one, &format!("{at}/{name}"), out))
        }
        Value::Array(items) if !items.is_empty() => {
            items.iter().enumerate().for_each(|(n, one)| leaves(one, &format!("{at}/{n}"), out))
        }
        other => drop(out.insert(at.to_owned(), other.clone())),
    }
}

fn leaves_of(facts: &Facts) -> BTreeMap<String, Value> {
    let mut out = BTreeMap::new();
    leaves(&serde_json::to_value(facts).unwrap(), "", &mut out);
    // The processing table is derived, and has its own test.
    out.retain(|place, _| !place.starts_with("/processing") && !place.starts_with("/device"));
    out
}

fn raw(set: impl Fn(&mut RawConfig)) -> RawConfig {
    let mut raw = RawConfig::default();
    set(&mut raw);
    raw
}

/// Each setting that is disclosed, changed: its name, the facts with it, and whether the texts tell it too.
fn changed() -> Vec<(&'static str, Facts)> {
    let site = |change: fn(&mut Settings)| facts_with(change, RawConfig::default(), false);
    let process = |change: fn(&mut RawConfig)| facts_with(|_| {}, raw(change), false);
    vec![
        ("hosts", site(|it| it.hosts.push("www2.example.com".into()))),
        ("zone", site(|it| it.zone = "Pacific/Honolulu".into())),
        ("k", site(|it| it.k = 12)),
        ("k", site(|it| it.k = 1)),
        ("kept", site(|it| it.kept.region = true)),
        ("kept", site(|it| (it.kept.region, it.kept.city) = (true, true))),
        ("kept", site(|it| it.kept.versions = true)),
        ("kept", site(|it| it.kept.language = true)),
        ("objection", site(|it| it.objection.gpc = false)),
        ("consent", site(|it| it.consent = Consent::Required)),
        ("objection", site(|it| it.objection.dnt = false)),
        ("vitals", site(|it| it.vitals = true)),
        ("excluded", site(|it| it.excluded.networks.push("192.0.2.0/24".parse().unwrap()))),
        ("excluded", site(|it| it.excluded.hosts.push("staging.example.com".into()))),
        ("excluded", site(|it| it.excluded.paths.push("/admin/*".into()))),
        ("path_parameters", site(|it| it.path_parameters.push("chapter".into()))),
        (
            "path_rules",
            site(|it| it.path_rules.push(PathRule { pattern: "/u/*".into(), becomes: "/u".into() })),
        ),
        ("sections", site(|it| it.sections.push(Section { pattern: "/blog/*".into() }))),
        ("events", site(|it| it.events.push(serde_json::from_value(json!({"name": "signup"})).unwrap()))),
        (
            "events",
            site(|it| {
                let property =
                    json!({"name": "signup", "properties": [{"name": "plan", "values": {"list": ["pro"]}}]});
                it.events.push(serde_json::from_value(property).unwrap());
            }),
        ),
        (
            "funnels",
            site(|it| {
                let steps = vec![Step::Page("/a".into()), Step::Page("/b".into())];
                it.funnels.push(Funnel { name: "way".into(), steps }.into());
            }),
        ),
        ("goals", site(|it| it.goals.push(Goal { name: "end".into(), reached_by: Step::Page("/b".into()) }))),
        ("retention_months", site(|it| it.retention_months = 7)),
        ("records_months", process(|it| it.records_months = Some("7".into()))),
        ("flush_interval", process(|it| it.flush_interval = Some("90s".into()))),
        ("network_v4", process(|it| it.network_v4 = Some("24".into()))),
        ("network_v6", process(|it| it.network_v6 = Some("48".into()))),
        ("trusted_proxies", process(|it| it.trusted_proxies = Some("none".into()))),
        ("client_address_header", process(|it| it.client_address_header = Some("x-real-ip".into()))),
        ("address_rate", process(|it| it.address_rate = Some("0".into()))),
        ("public_url", process(|it| it.public_url = Some("https://stats.example.com".into()))),
        ("store", process(|it| it.store = Some("clickhouse://db.example/mayfly".into()))),
        ("store", process(|it| it.store = Some("clickhouses://db.example/mayfly".into()))),
        ("geo", process(|it| it.geo = Some("none".into()))),
        ("node", process(|it| it.node = Some("3".into()))),
        ("runtime", facts_with(|_| {}, RawConfig::default(), true)),
        (
            "durability",
            facts_with(
                |_| {},
                raw(|it| {
                    it.durability = Some("process".into());
                    it.runtime = Some("/dev/shm/mayfly-disclosed".into());
                }),
                true,
            ),
        ),
    ]
}

/// Settings that say nothing of visitors.
const SILENT: [&str; 16] = [
    "listen",
    "data",
    "store_memory",
    "store_password_file",
    "store_token_file",
    "node_token_file",
    "max_body",
    "connections",
    "hits_waiting",
    "site_rate",
    "workers",
    "log_level",
    "log_format",
    "bare_route",
    "demo",
    // Roles have a test of their own: `collectors_are_told_apart`.
    "role",
];
const ROLES: [&str; 2] = ["report_url", "collectors"];
/// What is in the JSON alone: where a page is, and that hosts are what they are.
const JSON_ALONE: [&str; 3] = ["hosts", "public_url", "node"];

#[test]
fn every_setting_is_disclosed_and_moves_json_and_texts() {
    let before = facts();
    let told: BTreeSet<&str> = changed().iter().map(|(name, _)| *name).collect();
    let settings = serde_json::to_value(Settings::new(vec!["example.com".into()], "UTC")).unwrap();
    let of_site = settings.as_object().unwrap().keys().map(String::as_str);
    let command = <crate::cli::Cli as clap::CommandFactory>::command();
    let of_process = command.get_arguments().filter(|one| one.get_help_heading() == Some("Settings"));
    let options: Vec<_> = of_process.map(|it| it.get_id().to_string()).filter(|it| it != "config").collect();
    for name in of_site.chain(options.iter().map(String::as_str)) {
        let known = told.contains(name) || SILENT.contains(&name) || ROLES.contains(&name);
        assert!(known, "the setting `{name}` is neither disclosed nor listed as saying nothing of visitors");
    }
    for (name, after) in changed() {
        assert_ne!(leaves_of(&before), leaves_of(&after), "{name}: the JSON does not move");
        for language in Language::ALL {
            for format in [Format::Text, Format::Markdown, Format::Html] {
                let text = |facts: &Facts| {
                    // The version of the settings moves with each change: it is not what is looked for.
                    let facts = Facts { settings_version: 1, ..facts.clone() };
                    render(&facts, format, language, None)
                };
                let moves = text(&before) != text(&after);
                assert!(
                    moves || JSON_ALONE.contains(&name),
                    "{name}: the text of {language:?} does not move"
                );
            }
        }
    }
}

#[test]
fn every_field_of_the_facts_is_moved_by_a_setting() {
    let before = leaves_of(&facts());
    let mut moved = BTreeSet::new();
    for (_, facts) in changed() {
        let after = leaves_of(&facts);
        let places = before.keys().chain(after.keys());
        moved.extend(places.filter(|place| before.get(*place) != after.get(*place)).cloned());
    }
    // What no setting changes: what the program is; and what other tests change.
    let fixed = [
        "/format",
        "/settings_version",
        "/software",
        "/version",
        "/site",
        "/hosts/0",
        "/simulated",
        "/from_next_midnight",
        "/earlier_days",
        "/silent",
        "/role",
        "/collectors",
        "/objection/opt_out/path",
        "/objection/opt_out/cookie",
        "/objection/opt_out/days",
    ];
    for place in before.keys() {
        assert!(moved.contains(place) || fixed.contains(&place.as_str()), "no setting moves {place}");
    }
}

#[test]
fn what_waits_for_midnight_is_told_beside_what_counts_until_then() {
    let folder = tempfile::tempdir().unwrap();
    let control = Control::open(&folder.path().join("control.sqlite"), NOW).unwrap();
    control.add_site(crate::control::NewSite::new("example.com", "UTC"), NOW).unwrap();
    let raise = |settings: &mut Settings| -> Result<(), crate::control::ControlError> {
        (settings.k, settings.retention_months) = (9, 3);
        Ok(())
    };
    control.change_site("example.com", NOW, raise).unwrap();
    let environment = Environment { processors: 1, ..Environment::default() };
    let process = Process::of(&Config::new(&RawConfig::default(), &environment).unwrap(), false);
    let directory = control.directory().load_full();
    let facts =
        |now| Facts::of(directory.by_name("example.com").unwrap(), now, &process, Collecting::here(&process));
    let today = facts(NOW);
    assert_eq!((today.in_effect.k, today.retention_months), (5, 3));
    let next = today.from_next_midnight.as_ref().unwrap();
    assert_eq!((next.from_day.as_str(), next.counting.k), ("2026-11-23", 9));
    for language in Language::ALL {
        let text = render(&today, Format::Text, language, None);
        assert!(text.contains("2026-11-23") && text.contains("k = 5") && text.contains("k = 9"), "{text}");
    }
    let tomorrow = facts(NOW + 43_200_000);
    assert_eq!((tomorrow.in_effect.k, tomorrow.from_next_midnight), (9, None));
}

fn with_opt_out(effective: impl Into<Option<bool>>) -> Facts {
    let mut facts =
        facts_with(|_| {}, raw(|it| it.public_url = Some("https://stats.example.com".into())), false);
    let opt_out = OptOut {
        path: "/opt-out".into(),
        cookie: "mayfly_opt_out".into(),
        days: 395,
        effective: effective.into(),
        secure: true,
    };
    facts.objection.opt_out = Some(opt_out);
    facts.device = tables::device(&facts);
    facts
}

#[test]
fn the_opt_out_is_listed_with_whether_it_works() {
    for language in Language::ALL {
        let text = |facts: &Facts| render(facts, Format::Text, language, None);
        let (works, fails) = (text(&with_opt_out(true)), text(&with_opt_out(false)));
        assert!(works != fails && works != text(&facts()));
        for text in [works, fails] {
            assert!(
                text.contains("https://stats.example.com/opt-out") && text.contains("mayfly_opt_out"),
                "{text}"
            );
            assert!(
                text.contains("13 ") && text.contains("Lax") && text.contains("stats.example.com"),
                "{text}"
            );
        }
    }
    let consent = Facts { consent: ConsentMode::Required, ..facts() };
    for language in Language::ALL {
        let text = |facts: &Facts| render(facts, Format::Text, language, None);
        assert_ne!(text(&consent), text(&facts()));
    }
}

#[test]
fn collectors_are_told_apart() {
    let mut facts = facts();
    let one = Collection { node: 1, ..facts.collection[0].clone() };
    let two = Collection {
        node: 2,
        durability: DurabilityKind::Process,
        journal_key: KeyPlace::RuntimeDirectory,
        ..one.clone()
    };
    (facts.role, facts.collectors, facts.silent) = (RoleKind::Report, 3, vec![7]);
    facts.collection = vec![one.clone(), two];
    for language in Language::ALL {
        let text = render(&facts, Format::Text, language, None);
        assert!(text.contains("durability: process") || text.contains("durability : process"), "{text}");
        assert!(text.contains("durability: power") || text.contains("durability : power"), "{text}");
        assert!(text.contains(" 1:") || text.contains(" 1 :"), "{text}");
        assert!(text.contains(": 7."), "{text}");
    }
    facts.collection = vec![one.clone(), Collection { node: 2, ..one }];
    let text = render(&facts, Format::Text, Language::En, None);
    assert!(!text.contains("Collector 1"), "alike is said once: {text}");
}

/// Facts that between them use every sentence.
fn all_kinds() -> Vec<Facts> {
    let mut all: Vec<Facts> = changed().into_iter().map(|(_, facts)| facts).collect();
    all.extend([facts(), with_opt_out(true), with_opt_out(false), with_opt_out(None)]);
    let more = Facts {
        consent: ConsentMode::Required,
        simulated: true,
        silent: vec![4],
        role: RoleKind::Report,
        ..facts()
    };
    let two = Collection { node: 2, survives_restart: true, ..more.collection[0].clone() };
    all.push(Facts { collection: vec![more.collection[0].clone(), two], ..more.clone() });
    all.push(Facts { role: RoleKind::Collector, ..more });
    let mut waiting = facts();
    let counting = waiting.in_effect.clone();
    waiting.from_next_midnight = Some(super::facts::Next { from_day: "2026-11-23".into(), counting });
    all.push(waiting);
    let off = |it: &mut Settings| (it.k, it.kept.language) = (1, true);
    all.push(facts_with(off, RawConfig::default(), false));
    all
}

#[test]
fn no_text_leaves_a_mark_or_a_key_behind() {
    for facts in all_kinds() {
        for language in Language::ALL {
            for format in [Format::Text, Format::Markdown, Format::Fragment] {
                let text = render(&facts, format, language, None);
                assert!(!text.contains('{') && !text.contains('}'), "{language:?}: {text}");
            }
        }
    }
}

#[test]
fn the_catalogues_have_the_same_keys_and_marks() {
    let marks = |text: &str| -> BTreeSet<String> {
        text.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0.to_owned())).collect()
    };
    let english = Language::En.words().all();
    assert!(english.len() > 180, "{}", english.len());
    for language in [Language::De, Language::Fr] {
        let other = language.words().all();
        let keys =
            |all: &std::collections::HashMap<String, String>| all.keys().cloned().collect::<BTreeSet<_>>();
        assert_eq!(keys(english), keys(other), "{language:?}");
        for (key, text) in other {
            assert_eq!(marks(&english[key]), marks(text), "{language:?}: {key}");
            assert!(!text.trim().is_empty(), "{language:?}: {key}");
        }
    }
}

/// What no text may claim, in any language; looked for without case and with single spaces.
const FORBIDDEN: [&str; 34] = [
    "no personal data",
    "nothing personal",
    "not personal data",
    "without personal data",
    "no consent",
    "consent is not",
    "without consent",
    "not subject to the gdpr",
    "outside the gdpr",
    "gdpr does not apply",
    "compliant",
    "compliance",
    "approved",
    "certified",
    "lawful",
    "keine personenbezogenen",
    "nichts personenbezogenes",
    "keine einwilligung",
    "ohne einwilligung",
    "einwilligung ist nicht",
    "nicht unter die dsgvo",
    "dsgvo-konform",
    "dsgvo gilt nicht",
    "rechtskonform",
    "genehmigt",
    "zertifiziert",
    "aucune donnée personnelle",
    "aucune donnée à caractère personnel",
    "sans consentement",
    "aucun consentement",
    "hors du rgpd",
    "conforme",
    "approuvé",
    "certifié",
];

#[test]
fn no_text_claims_what_the_law_says() {
    for facts in all_kinds() {
        for language in Language::ALL {
            let text = render(&facts, Format::Markdown, language, None).to_lowercase();
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            for claim in FORBIDDEN {
                assert!(!text.contains(claim), "{language:?} claims `{claim}`");
            }
        }
    }
}

#[test]
fn pages_have_no_script_and_the_style_that_their_policy_names() {
    for language in Language::ALL {
        let html = render(&facts(), Format::Html, language, Some("/privacy/example.com"));
        assert!(html.contains(&format!("<html lang=\"{}\">", language.code())));
        assert!(html.contains("hreflang=\"fr\"") && html.contains("format=markdown"));
        for forbidden in ["<script", "style=\"", "http://", "@import", "url(", "onclick"] {
            assert!(!html.contains(forbidden), "{forbidden}");
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("page.css");
    std::fs::write(&path, STYLE).unwrap();
    let summed = std::process::Command::new("sha256sum").arg(&path).output().unwrap();
    let hex = String::from_utf8(summed.stdout).unwrap();
    let bytes: Vec<u8> = (0..32).map(|n| u8::from_str_radix(&hex[n * 2..n * 2 + 2], 16).unwrap()).collect();
    let hash = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, bytes);
    assert_eq!(STYLE_HASH, hash, "page.css has changed");
}
