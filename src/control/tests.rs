//! The control database on real files: two handles, as the server and the command line have.

use std::sync::Arc;

use tempfile::TempDir;

use super::*;
use crate::domain::{
    day::{Day, Zone},
    declaration::{
        EventDeclaration, Funnel, Goal, Kept, Once, Pattern, PropertyDeclaration, Section, Step, Values,
    },
};

/// Noon of 2026-11-22, UTC.
const NOW: UnixMs = 1_795_348_800_000;
const HOUR: i64 = 3_600_000;

fn control() -> (TempDir, Control) {
    let folder = tempfile::tempdir().unwrap();
    let control = Control::open(&folder.path().join("control.sqlite"), NOW).unwrap();
    (folder, control)
}

fn with_site(zone: &str) -> (TempDir, Control) {
    let (folder, control) = control();
    control.add_site(NewSite::new("example.com", zone), NOW).unwrap();
    (folder, control)
}

/// Changes the settings of example.com.
fn change(control: &Control, now: UnixMs, edit: impl FnOnce(&mut Settings)) -> SiteRecord {
    let edit = |settings: &mut Settings| {
        edit(settings);
        Ok(())
    };
    control.change_site("example.com", now, edit).unwrap()
}

#[test]
fn another_handle_s_changes_show_after_a_reload() {
    let (folder, server) = control();
    let cli = Control::open(&folder.path().join("control.sqlite"), NOW).unwrap();
    let directory = server.directory();
    assert!(!server.reload_if_changed(NOW).unwrap());
    cli.add_site(NewSite::new("www.Example.com", "Europe/Tallinn"), NOW).unwrap();
    assert!(directory.load().by_name("example.com").is_none());
    assert!(server.reload_if_changed(NOW).unwrap());
    assert!(!server.reload_if_changed(NOW).unwrap());
    assert_eq!(directory.load().by_name("example.com").unwrap().at(NOW).zone.name(), "Europe/Tallinn");
    cli.remove_site("example.com", NOW).unwrap();
    assert!(server.reload_if_changed(NOW).unwrap());
    assert!(directory.load().entries().is_empty());
}

/// Another process that writes is waited for, and not for ever.
#[test]
fn a_write_waits_for_another_process_and_fails_after_five_seconds() {
    let (folder, control) = with_site("UTC");
    let other = Connection::open(folder.path().join("control.sqlite")).unwrap();
    let add = |name| control.add_site(NewSite::new(name, "UTC"), NOW);
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let begun = std::time::Instant::now();
    let error = add("late.example").unwrap_err().to_string();
    assert!((5..20).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
    assert!(error.contains("locked"), "{error}");
    let waited = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| add("waits.example").is_ok());
        other.execute_batch("COMMIT").unwrap();
        waiting.join().unwrap()
    });
    assert!(waited && control.site("late.example", NOW).is_err());
}

#[test]
fn own_changes_show_at_once() {
    let (_folder, control) = with_site("UTC");
    assert!(control.directory().load().by_name("example.com").is_some());
}

#[test]
fn ids_are_never_used_again() {
    let (_folder, control) = control();
    let first = control.add_site(NewSite::new("example.com", "UTC"), NOW).unwrap().id;
    control.remove_site("example.com", NOW).unwrap();
    let second = control.add_site(NewSite::new("example.com", "UTC"), NOW).unwrap().id;
    assert!(first.0 >= 1 && second > first);
    assert_eq!(control.removals().unwrap(), vec![first]);
    control.erased(first).unwrap();
    assert!(control.removals().unwrap().is_empty());
}

#[test]
fn the_directory_finds_sites_by_name_host_wildcard_uuid_and_id() {
    let (_folder, control) = control();
    let mut wild = NewSite::new("other.org", "UTC");
    wild.settings.hosts.push("*.example.com".into());
    wild.settings.hosts.push("shop.example.com".into());
    let wild = control.add_site(wild, NOW).unwrap();
    let plain = control.add_site(NewSite::new("example.com", "UTC"), NOW).unwrap();
    let directory = control.directory().load_full();
    #[track_caller]
    fn check(found: Option<&Arc<Entry>>, expected: Option<&str>) {
        assert_eq!(found.map(|entry| entry.name()), expected);
    }
    check(directory.by_name("www.EXAMPLE.com"), Some("example.com"));
    check(directory.by_name("a.example.com"), None);
    check(directory.named_or_host("a.example.com"), Some("other.org"));
    check(directory.by_host("example.com"), Some("example.com"));
    check(directory.by_host("www.example.com"), Some("example.com"));
    check(directory.by_host("shop.example.com"), Some("other.org"));
    check(directory.by_host("a.b.example.com"), Some("other.org"));
    check(directory.by_host("badexample.com"), None);
    check(directory.by_uuid(&plain.uuid.to_uppercase()), Some("example.com"));
    check(directory.by_id(wild.id), Some("other.org"));
    check(directory.by_id(crate::domain::declaration::SiteId::NONE), None);
}

#[test]
fn zone_k_and_kept_wait_for_the_site_s_midnight() {
    let (folder, control) = with_site("Europe/Tallinn");
    change(&control, NOW, |settings| {
        (settings.k, settings.kept.city) = (10, true);
        settings.retention_months = 3;
    });
    let directory = control.directory().load_full();
    let entry = directory.by_name("example.com").unwrap();
    // Tallinn's midnight is 22:00 UTC.
    let midnight = NOW + 10 * HOUR;
    assert_eq!((entry.at(midnight - 1).k, entry.at(midnight - 1).kept.city), (5, false));
    assert_eq!(entry.at(midnight - 1).retention_months, 3);
    assert_eq!((entry.at(midnight).k, entry.at(midnight).kept.city), (10, true));
    // A start after midnight sees the same without anything having been written at midnight.
    drop(control);
    let again = Control::open(&folder.path().join("control.sqlite"), midnight).unwrap();
    let record = again.site("example.com", midnight).unwrap();
    assert_eq!((record.settings.k, record.pending.clone(), record.version), (10, None, 2));
    assert_eq!(again.site("example.com", midnight - 1).unwrap().settings.k, 5);
}

#[test]
fn taking_a_change_back_before_midnight_leaves_nothing_pending() {
    let (_folder, control) = with_site("UTC");
    let set = |k| change(&control, NOW, |settings| settings.k = k);
    assert!(set(7).pending.is_some());
    assert!(set(5).pending.is_none());
}

#[test]
fn a_zone_further_west_reopens_no_closed_day() {
    let (_folder, control) = with_site("Pacific/Kiritimati");
    // Kiritimati (UTC+14) is at 02:00 of the 23rd; its next midnight is at 10:00 UTC of the 23rd.
    change(&control, NOW, |settings| settings.zone = "Pacific/Honolulu".into());
    let directory = control.directory().load_full();
    let entry = directory.by_name("example.com").unwrap();
    let midnight = Zone::named("Pacific/Kiritimati").unwrap().start_of(Day::parse("2026-11-24").unwrap());
    let mut last = entry.day(NOW);
    assert_eq!(last.to_string(), "2026-11-23");
    assert_eq!(entry.day(midnight - 1), last);
    assert_eq!(entry.day(midnight), last.plus(1));
    for hour in 0..72 {
        let day = entry.day(midnight + hour * HOUR);
        assert!(day >= last, "{day} after {last}");
        last = day;
    }
    let later = midnight + HOUR;
    assert_eq!(control.site("example.com", later).unwrap().today(later), entry.day(later));
}

#[test]
fn settings_change_only_from_the_version_that_was_read() {
    let (_folder, control) = with_site("UTC");
    let record = control.site("example.com", NOW).unwrap();
    let mut wanted = record.wanted();
    wanted.retention_months = 6;
    assert_eq!(control.replace_site("example.com", record.version, wanted.clone(), NOW).unwrap().version, 2);
    let error = control.replace_site("example.com", record.version, wanted, NOW).unwrap_err();
    assert!(matches!(error, ControlError::Conflict { found: 2, sent: 1 }));
}

#[test]
fn documents_round_trip_and_keep_what_is_pending() {
    let (_folder, control) = with_site("UTC");
    let record = change(&control, NOW, |settings| settings.k = 9);
    let document = record.document().unwrap();
    assert_eq!((&document["k"], &document["pending"]["k"]), (&5.into(), &9.into()));
    assert_eq!(document["pending"]["from_day"], "2026-11-23");
    assert_eq!(record.read_document(document.clone()).unwrap(), (2, record.wanted()));
    let mut cancelled = document.clone();
    cancelled["pending"] = serde_json::Value::Null;
    assert_eq!(record.read_document(cancelled).unwrap().1.k, 5);
    let mut other = document.clone();
    other["k"] = 3.into();
    assert_eq!(record.read_document(other).unwrap().1.k, 3);
    for (field, value, expected) in [
        ("kk", serde_json::json!(1), "kk"),
        ("k", serde_json::json!("five"), "k: `five`"),
        ("version", serde_json::json!(null), "version"),
        ("sections", serde_json::json!([{"pattern": 3}]), "sections[0].pattern: `3`"),
        ("funnels", serde_json::json!([{"name": "x", "steps": [{"pages": "/"}]}]), "funnels[0].steps[0]"),
    ] {
        let mut broken = document.clone();
        broken[field] = value;
        let error = record.read_document(broken).unwrap_err().to_string();
        assert!(error.contains(expected), "{field}: {error}");
    }
}

#[test]
fn declarations_say_since_when_they_count() {
    let (_folder, control) = with_site("UTC");
    let declare = |steps: [&str; 2], now| {
        let steps = steps.map(|page| Step::Page(page.into())).to_vec();
        let funnel = Arc::new(Funnel { name: "signup".into(), steps });
        change(&control, now, |settings| settings.funnels = vec![funnel])
    };
    assert_eq!(declare(["/a", "/b"], NOW).declared["funnel:signup"].to_string(), "2026-11-22");
    assert_eq!(declare(["/a", "/b"], NOW + 24 * HOUR).declared["funnel:signup"].to_string(), "2026-11-22");
    assert_eq!(declare(["/a", "/c"], NOW + 24 * HOUR).declared["funnel:signup"].to_string(), "2026-11-23");
}

#[test]
fn a_fresh_install_is_claimed_once_and_by_the_printed_token_only() {
    let (_folder, control) = control();
    let old = control.claim_token().unwrap().unwrap();
    let token = control.claim_token().unwrap().unwrap();
    let claim = |token: &str, password: &str| {
        let site = NewSite::new("example.com", "UTC");
        control.claim(Claim { token, name: "ada", password, site }, "", NOW)
    };
    assert!(matches!(claim("guess", "long enough"), Err(ControlError::WrongClaimToken)));
    assert!(matches!(claim(&old, "long enough"), Err(ControlError::WrongClaimToken)));
    assert!(matches!(claim(&token, "short"), Err(ControlError::Invalid(_))));
    assert!(!control.is_claimed().unwrap());
    let (session, site) = claim(&token, "long enough").unwrap();
    assert_eq!(site.name, "example.com");
    assert_eq!(control.session(&session.token, NOW).unwrap().unwrap().name, "ada");
    assert!(matches!(claim(&token, "long enough"), Err(ControlError::AlreadyClaimed)));
    assert!(control.claim_token().unwrap().is_none());
}

#[test]
fn sessions_end_by_time_sign_out_and_reset() {
    let (_folder, control) = control();
    control.add_user("Ada", "long enough").unwrap();
    let user = || control.check_password("ada", "long enough").unwrap();
    let begin = || control.begin_session(user().unwrap(), "", NOW).unwrap().token;
    let is_open = |token: &str, now| control.session(token, now).unwrap().is_some();
    let token = begin();
    let end = NOW + SESSION_DAYS * 24 * HOUR;
    assert!(is_open(&token, end - 1) && !is_open(&token, end));
    control.sign_out(&token).unwrap();
    assert!(!is_open(&token, NOW));
    let token = begin();
    control.reset_user("ada", "long enough too").unwrap();
    assert!(!is_open(&token, NOW));
    assert!(user().is_none());
    assert!(control.check_password("nobody", "long enough").unwrap().is_none());
    assert!(matches!(control.add_user("ADA", "long enough"), Err(ControlError::Exists { .. })));
    assert!(matches!(control.reset_user("eve", "long enough"), Err(ControlError::NotFound { .. })));
}

#[test]
fn sessions_of_one_person_are_bounded() {
    let (_folder, control) = control();
    let user = control.add_user("ada", "long enough").unwrap();
    let begin = |n: i64| control.begin_session(user.clone(), "", NOW + n * HOUR).unwrap().token;
    let tokens: Vec<String> = (0..51).map(begin).collect();
    let open = |token: &String| control.session(token, NOW + 51 * HOUR).unwrap().is_some();
    assert!(!open(&tokens[0]) && tokens[1..].iter().all(open));
}

#[test]
fn secrets_are_stored_as_hashes_only() {
    let (folder, control) = with_site("UTC");
    let token = control.claim_token().unwrap().unwrap();
    control.add_user("ada", "a password of hers").unwrap();
    let session = control.begin_session(control.user("ada").unwrap(), "", NOW).unwrap().token;
    let key = control.add_key("ci", "example.com", Scope::Read, NOW).unwrap();
    drop(control);
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        for secret in [&token, "a password of hers", &session, &key, &key[3..]] {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{secret}");
        }
    }
}

#[test]
fn keys_open_one_site_until_they_are_revoked() {
    let (_folder, control) = with_site("UTC");
    let site = control.site("example.com", NOW).unwrap().id;
    let key = control.add_key("ci", "example.com", Scope::Staff, NOW).unwrap();
    assert!(key.starts_with("mf_") && key.len() == 35);
    assert_eq!(control.key_access(&key).unwrap(), Some(KeyAccess { site, scope: Scope::Staff }));
    assert_eq!(control.key_access("mf_wrong").unwrap(), None);
    assert!(matches!(control.add_key("1", "example.com", Scope::Read, NOW), Err(ControlError::Invalid(_))));
    assert!(matches!(
        control.add_key("ci", "example.com", Scope::Read, NOW),
        Err(ControlError::Exists { .. })
    ));
    assert!(matches!(
        control.add_key("x", "nowhere.org", Scope::Read, NOW),
        Err(ControlError::NotFound { .. })
    ));
    assert_eq!(control.revoke_key("ci", NOW).unwrap().revoked.as_deref(), Some("2026-11-22"));
    assert_eq!(control.key_access(&key).unwrap(), None);
    assert!(matches!(control.revoke_key("ci", NOW), Err(ControlError::NotFound { .. })));
    let key = control.add_key("ci", "example.com", Scope::Read, NOW).unwrap();
    control.remove_site("example.com", NOW).unwrap();
    assert_eq!(control.key_access(&key).unwrap(), None);
}

#[test]
fn admitted_values_are_kept_by_kind_and_the_oldest_make_room() {
    let (_folder, control) = with_site("UTC");
    let site = control.site("example.com", NOW).unwrap().id;
    let page = AdmittedKind::Page;
    control.admit_values(site, Day(1), [(page, "/old"), (AdmittedKind::Campaign(4), "shoes")]).unwrap();
    control.admit_values(site, Day(2), [(page, "/new"), (page, "/new")]).unwrap();
    assert_eq!(&*control.admitted_values(site, page).unwrap(), ["/new".into(), "/old".into()]);
    assert_eq!(&*control.admitted_values(site, AdmittedKind::Campaign(4)).unwrap(), ["shoes".into()]);
    let many: Vec<String> = (1..KEPT_PER_KIND).map(|n| format!("/{n}")).collect();
    control.admit_values(site, Day(3), many.iter().map(|value| (page, value.as_str()))).unwrap();
    let kept = control.admitted_values(site, page).unwrap();
    assert_eq!(kept.len(), KEPT_PER_KIND);
    assert!(kept.contains(&"/new".into()) && !kept.contains(&"/old".into()));
    // A site that was removed meanwhile.
    control.admit_values(crate::domain::declaration::SiteId(99), Day(3), [(page, "/x")]).unwrap();
}

#[test]
fn the_file_is_readable_by_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, _control) = with_site("UTC");
    assert!(folder.path().join("control.sqlite-wal").exists(), "readers do not wait for writers");
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let file = file.unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o077, 0, "{:?}", file.path());
    }
}

fn sound() -> Settings {
    let mut settings = Settings::new(vec!["example.com".into()], "Europe/Tallinn");
    settings.sections.push(Section { pattern: "/blog/*".into() });
    settings.events.push(EventDeclaration {
        name: "plan_card_click".into(),
        interactive: true,
        once: Once::Visit,
        currency: Some("EUR".into()),
        properties: vec![
            PropertyDeclaration {
                name: "plan".into(),
                values: Values::List(vec!["free".into(), "pro".into()]),
            },
            PropertyDeclaration {
                name: "where".into(),
                values: Values::Pattern(Pattern {
                    characters: "[a-z0-9_\\-]".into(),
                    min: 1,
                    max: 20,
                    cap: 50,
                }),
            },
        ],
    });
    let steps = vec![
        Step::Page("/pricing".into()),
        Step::Section("/blog/*".into()),
        Step::Event("plan_card_click".into()),
    ];
    settings.funnels.push(Arc::new(Funnel { name: "signup".into(), steps }));
    settings.goals.push(Goal { name: "plan".into(), reached_by: Step::Event("plan_card_click".into()) });
    settings
}

#[track_caller]
fn refused(change: impl FnOnce(&mut Settings), expected: &[&str]) {
    let mut settings = sound();
    change(&mut settings);
    let error = validate::settings(settings).expect_err("refused").to_string();
    for part in expected {
        assert!(error.contains(part), "{error} holds {part}");
    }
}

fn property(values: Values) -> impl FnOnce(&mut Settings) {
    move |settings| settings.events[0].properties[0].values = values
}

fn pattern(characters: &str, min: u32, max: u32, cap: u32) -> impl FnOnce(&mut Settings) {
    property(Values::Pattern(Pattern { characters: characters.into(), min, max, cap }))
}

#[test]
fn sound_settings_pass_in_normal_form() {
    let mut settings = sound();
    settings.hosts =
        vec!["Example.COM".into(), "*.Example.com".into(), "münchen.de".into(), "127.0.0.1".into()];
    let settings = validate::settings(settings).unwrap();
    assert_eq!(settings.hosts, ["example.com", "*.example.com", "xn--mnchen-3ya.de", "127.0.0.1"]);
    assert_eq!(settings.kept, Kept::default());
}

#[test]
fn every_limit_is_named_with_its_field_and_value() {
    refused(|s| s.hosts.clear(), &["hosts", "at least 1"]);
    refused(
        |s| s.hosts = (0..51).map(|n| format!("h{n}.org")).collect(),
        &["hosts", "51 items", "at most 50"],
    );
    for host in
        ["https://example.com", "example.com:80", "example.com/x", "a b.com", "", "*", "*.*.com", "a..b"]
    {
        refused(|s| s.hosts[0] = host.into(), &["hosts[0]", host]);
    }
    refused(|s| s.hosts.push("EXAMPLE.com".into()), &["hosts", "example.com", "only once"]);
    refused(|s| s.zone = "Europe/Atlantis".into(), &["zone", "Europe/Atlantis", "IANA"]);
    refused(|s| s.k = 0, &["k:", "`0`", "1 to 1000"]);
    refused(|s| s.k = 1_001, &["k:", "`1001`"]);
    refused(|s| s.retention_months = 0, &["retention_months", "1 to 120"]);
    refused(|s| s.retention_months = 121, &["retention_months", "`121`"]);
    refused(|s| s.excluded.hosts.push("a/b".into()), &["excluded.hosts[0]", "a/b"]);
    refused(|s| s.excluded.paths.push("admin".into()), &["excluded.paths[0]", "admin"]);
    refused(|s| s.path_parameters.push("a&b".into()), &["path_parameters[0]", "a&b"]);
    refused(
        |s| {
            s.path_rules
                .push(crate::domain::declaration::PathRule { pattern: "/u/*".into(), becomes: "u".into() })
        },
        &["path_rules[0].becomes", "`u`"],
    );
    refused(|s| s.sections[0].pattern = "/blog/?x=*".into(), &["sections[0].pattern", "no query"]);
    refused(|s| s.sections.push(Section { pattern: "/blog/*".into() }), &["sections", "only once"]);
    refused(
        |s| s.sections = (0..51).map(|n| Section { pattern: format!("/{n}/*").into() }).collect(),
        &["sections", "at most 50"],
    );
    refused(|s| s.events[0].name = "x".repeat(121).into(), &["events[0].name", "120 bytes"]);
    refused(|s| s.events[0].name = "pageview".into(), &["events[0].name", "`pageview`"]);
    refused(|s| s.events[0].name = "(other)".into(), &["events[0].name", "(other)"]);
    refused(|s| s.events[0].name = " x".into(), &["events[0].name"]);
    refused(|s| s.events.push(s.events[0].clone()), &["events", "plan_card_click", "only once"]);
    refused(
        |s| {
            let event = |n| EventDeclaration { name: format!("e{n}").into(), ..s.events[0].clone() };
            s.events = (0..201).map(event).collect();
        },
        &["events", "201 items", "at most 200"],
    );
    refused(|s| s.events[0].currency = Some("eur".into()), &["events[0].currency", "`eur`", "ISO 4217"]);
    refused(
        |s| {
            let one = s.events[0].properties[0].clone();
            s.events[0].properties = (0..21)
                .map(|n| PropertyDeclaration { name: format!("p{n}").into(), ..one.clone() })
                .collect();
        },
        &["events[0].properties", "at most 20"],
    );
    refused(property(Values::List(vec![])), &["events[0].properties[0].values.list", "at least 1"]);
    refused(property(Values::List((0..201).map(|n| n.to_string().into()).collect())), &["at most 200"]);
    refused(property(Values::List(vec!["a".into(), "a".into()])), &["values.list", "only once"]);
    refused(pattern("[a-z]", 0, 20, 50), &["values.pattern.min", "`0`"]);
    refused(pattern("[a-z]", 1, 101, 50), &["values.pattern.max", "1 to 100"]);
    refused(pattern("[a-z]", 1, 20, 0), &["values.pattern.cap", "1 to 1000"]);
    for characters in ["a-z", "[^a]", "[a-z]+", "[a][b]", "[]", "[\\S]", "[z-a]", "[a&&b]", "["] {
        refused(pattern(characters, 1, 20, 50), &["values.pattern.characters", "character class"]);
    }
    refused(pattern("[a-z@.]", 1, 20, 50), &["values.pattern.characters", "without `@`"]);
    refused(|s| s.sections.clear(), &["funnels[0].steps[1].section", "/blog/*", "declared section"]);
    refused(|s| s.events.clear(), &["funnels[0].steps[2].event", "plan_card_click", "declared event"]);
    refused(
        |s| {
            s.funnels.clear();
            s.events.clear();
        },
        &["goals[0].reached_by.event", "declared event"],
    );
    refused(|s| Arc::make_mut(&mut s.funnels[0]).steps.truncate(1), &["funnels[0].steps", "at least 2"]);
    refused(
        |s| Arc::make_mut(&mut s.funnels[0]).steps = vec![Step::Page("/".into()); 9],
        &["funnels[0].steps", "9 items", "at most 8"],
    );
    refused(
        |s| Arc::make_mut(&mut s.funnels[0]).steps[0] = Step::Page("/a/*".into()),
        &["funnels[0].steps[0].page", "section"],
    );
    refused(|s| s.funnels = vec![s.funnels[0].clone(); 21], &["funnels", "at most 20"]);
    refused(|s| s.goals = vec![s.goals[0].clone(); 51], &["goals", "at most 50"]);
    refused(|s| s.goals.push(s.goals[0].clone()), &["goals", "only once"]);
}
