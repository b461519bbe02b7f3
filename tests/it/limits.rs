//! docs/LIMITS.md against the code, and the bounds that no other test goes to.

use std::{fs, net::IpAddr, path::Path};

use mayfly::{
    collect::client::Proxies,
    control::{Control, ControlError, NewSite, PASSWORD_BYTES_MAX, PASSWORD_CHARS_MIN, Scope},
    domain::{
        day::{Day, Zone},
        declaration::{Consent, Kept, Objection, Site, SiteId},
        tally::Caps,
    },
    report::{ROWS_MAX, Today, parse},
    store::duckdb::Limits,
};

use crate::{functions, sources};

fn page() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/LIMITS.md")).unwrap()
}

fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let head = digits.len() % 3;
    let mut groups = vec![&digits[..head]];
    groups.extend((head..digits.len()).step_by(3).map(|at| &digits[at..at + 3]));
    groups.retain(|group| !group.is_empty());
    groups.join(",")
}

/// The value of `1 << 20`, `30 * 60`, `Duration::from_secs(5)`; `None` for anything else.
fn value(text: &str) -> Option<(u64, &'static str)> {
    let (text, unit) = match text {
        text if text.starts_with("Duration::from_secs(") => (&text[20..text.len() - 1], " s"),
        text if text.starts_with("Duration::from_millis(") => (&text[22..text.len() - 1], " ms"),
        text => (text, ""),
    };
    let number = |text: &str| text.trim().replace('_', "").parse::<u64>().ok();
    if let Some((a, b)) = text.split_once("<<") {
        return Some((number(a)? << number(b)?, unit));
    }
    text.split('*').map(number).try_fold(1, |product, one| Some(product * one?)).map(|n| (n, unit))
}

/// In which forms a page for people may say a value.
fn said(n: u64, unit: &str) -> Vec<String> {
    let mut forms = vec![format!("{}{unit}", thousands(n))];
    for (size, word) in [(1 << 10, "KiB"), (1 << 20, "MiB"), (60, "min"), (1_000, "s"), (86_400_000, "days")]
    {
        if n >= size && n.is_multiple_of(size) {
            forms.push(format!("{} {word}", thousands(n / size)));
        }
    }
    forms
}

/// Whether a constant is a bound by its name or type.
fn is_bound(path: &str, name: &str, kind: &str) -> bool {
    path == "control/validate.rs"
        || kind == "Duration"
        || name.ends_with("_MAX")
        || name == "KEPT_PER_KIND"
        || name.starts_with("FREE_BY")
}

#[test]
fn every_bound_of_the_code_is_on_the_page_with_its_value() {
    let page = page();
    let mut checked = 0;
    for (file, text) in sources("src") {
        let path = file.strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).unwrap();
        let path = path.to_string_lossy().into_owned();
        if path.starts_with("simulate/") || path.contains("test") {
            continue;
        }
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
        for line in code.lines() {
            let declared = line.trim().trim_start_matches("pub(super) ").trim_start_matches("pub ");
            let Some(rest) = declared.strip_prefix("const ") else { continue };
            let Some((name, rest)) = rest.split_once(": ") else { continue };
            let Some((kind, text)) = rest.strip_suffix(';').and_then(|rest| rest.split_once(" = ")) else {
                continue;
            };
            let number = value(text);
            if !is_bound(&path, name, kind) || number.is_none() {
                continue;
            }
            let place = format!("`{path} {name}`");
            let lines: Vec<&str> = page.lines().filter(|line| line.contains(&place)).collect();
            assert!(!lines.is_empty(), "docs/LIMITS.md does not name {place}");
            let (n, unit) = number.unwrap();
            let forms = said(n, unit);
            let holds = |line: &&str| forms.iter().any(|form| holds_number(line, form));
            assert!(lines.iter().any(holds), "docs/LIMITS.md: {place} is {forms:?}");
            checked += 1;
        }
    }
    assert!(checked > 50, "{checked} bounds were found");
}

/// Whether a line says a value, and not only a longer number in which it lies.
fn holds_number(line: &str, form: &str) -> bool {
    line.match_indices(form).any(|(at, _)| {
        let part = |c: char| c.is_ascii_digit() || c == ',';
        !line[..at].ends_with(part) && !line[at + form.len()..].starts_with(|c: char| c.is_ascii_digit())
    })
}

#[test]
fn the_caps_of_a_day_and_of_duckdb_are_on_the_page() {
    let page = page();
    let Caps { pages, sources, utm_each, cells_per_family, visitors, proposals } = Caps::default();
    let caps = [
        ("pages", pages),
        ("sources", sources),
        ("utm_each", utm_each),
        ("cells_per_family", cells_per_family),
        ("visitors", visitors),
        ("proposals", proposals),
    ];
    for (name, n) in caps {
        let place = format!("`domain/open_day.rs {name}`");
        let line = page.lines().find(|line| line.contains(&place)).unwrap_or_else(|| panic!("{place}"));
        assert!(holds_number(line, &thousands(n.into())), "{line} says {n}");
    }
    let Limits { memory_mb, threads } = Limits::default();
    assert!(page.contains(&format!("{memory_mb} MB, {threads} threads")));
}

/// What stands in the place of a test for how often something is looked at, where nothing depends on it but how soon.
const PACE: &str = "pace";

/// A line of a table, by its cells.
fn cells(line: &str) -> Vec<&str> {
    line.trim_matches('|').split('|').map(str::trim).collect()
}

#[test]
fn every_bound_names_a_test_that_goes_there() {
    let page = page();
    let (mut tested, mut rows) = (false, 0);
    for line in page.lines().filter(|line| line.starts_with("| ")) {
        let cells = cells(line);
        if cells[0] == "what" {
            tested = cells.last() == Some(&"test");
            continue;
        }
        let Some(&test) = cells.last().filter(|_| tested) else { continue };
        let pace = test == PACE && line.contains("time between looks");
        let named = is_test(test.split('`').nth(1).unwrap_or_default());
        assert!(pace || named, "no test is named: {line}");
        rows += 1;
    }
    assert!(rows > 100, "{rows} rows");
}

/// Whether a word reads as the name of a test.
fn is_test(word: &str) -> bool {
    let part = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    word.matches('_').count() >= 2 && word.bytes().all(part)
}

#[test]
fn the_tests_that_the_page_names_exist() {
    let known = functions();
    let page = page();
    let is_name = |word: &&str| is_test(word);
    let named: Vec<&str> = page.split('`').skip(1).step_by(2).filter(is_name).collect();
    assert!(named.len() > 30, "{named:?}");
    for name in named {
        assert!(
            known.contains(name) || name == "cells_per_family",
            "docs/LIMITS.md: no test is called {name}"
        );
    }
}

fn site() -> Site {
    Site {
        id: SiteId(1),
        name: "example.com".into(),
        uuid: "6b1f8a52-7f0c-4b8e-9b54-2a1d6c3e0f11".into(),
        hosts: vec!["example.com".into()],
        zone: Zone::utc(),
        k: 5,
        kept: Kept::default(),
        objection: Objection::default(),
        consent: Consent::default(),
        vitals: false,
        excluded: Default::default(),
        path_parameters: vec![],
        path_rules: vec![],
        sections: vec![],
        events: vec![],
        funnels: vec![],
        funnels_since: Default::default(),
        goals: vec![],
        retention_months: 25,
        simulated: false,
        version: 1,
    }
}

#[test]
fn ranges_values_and_rows_are_bounded() {
    let site = site();
    let now = Zone::utc().start_of(Day::parse("2026-11-22").unwrap());
    let parsed = |query: &str| parse(query, &[], &site, &Today::at(&site.zone, now), None);
    assert_eq!(parsed("p=3700d").unwrap().range.len(), 3_700);
    assert!(parsed("p=3701d").is_err());
    assert!(parsed("p=2010-01-01..2026-11-22").unwrap_err().contains("longer than 3700 days"));
    assert!(parsed("p=31d&i=hour").unwrap().notices.is_empty());
    assert!(parsed("p=32d&i=hour").unwrap().notices[0].contains("at most 31 days"));
    assert_eq!(parsed("limit=1000000").unwrap().limit, ROWS_MAX);
    assert!(parsed(&format!("page={}", "x".repeat(2_000))).is_ok());
    assert!(parsed(&format!("page={}", "x".repeat(2_001))).unwrap_err().contains("longer than 2000 bytes"));
    let many = |n: usize| (0..n).map(|n| format!("source=s{n}")).collect::<Vec<_>>().join("&");
    assert!(parsed(&many(100)).is_ok());
    assert!(parsed(&many(101)).unwrap_err().contains("more than 100"));
}

#[test]
fn hops_are_read_up_to_the_bound() {
    let peer: IpAddr = "127.0.0.1".parse().unwrap();
    let network = |proxies: usize| {
        let line = format!("198.51.100.7{}", ", 127.0.0.1".repeat(proxies));
        Proxies::default().client(peer, [line.as_bytes()]).network().bytes().to_vec()
    };
    assert_eq!(network(31), [4, 198, 51, 100, 7]);
    assert_eq!(network(32), [4, 127, 0, 0, 1]);
}

fn control() -> (tempfile::TempDir, Control) {
    let folder = tempfile::tempdir().unwrap();
    let control = Control::open(&folder.path().join("control.sqlite"), 0).unwrap();
    control.add_site(NewSite::new("example.com", "UTC"), 0).unwrap();
    (folder, control)
}

#[track_caller]
fn refused<T>(result: Result<T, ControlError>, words: &str) {
    let Err(error) = result else { panic!("{words}: was not refused") };
    assert!(error.to_string().contains(words), "{error}");
}

#[test]
fn passwords_and_keys_are_bounded() {
    let (_folder, control) = control();
    refused(control.add_user("ada", &"x".repeat(PASSWORD_CHARS_MIN - 1)), "at least 10 characters");
    refused(control.add_user("ada", &"x".repeat(PASSWORD_BYTES_MAX + 1)), "at most 1000 bytes");
    control.add_user("ada", &"x".repeat(PASSWORD_CHARS_MIN)).unwrap();
    for n in 0..1_000 {
        control.add_key(&format!("key {n}"), "example.com", Scope::Read, 0).unwrap();
    }
    refused(control.add_key("one more", "example.com", Scope::Read, 0), "at most 1000 keys");
}
