//! What looks personal or unique goes from paths, and what does not stays: tables for both, and the rate of false alarms.

use std::{fs, path::Path};

use mayfly::domain::scrub::{ID, UrlParts, page_label, scrub_segment, scrub_value};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// Of a hundred ordinary paths, so many may lose a segment. docs/PRIVACY.md says how many do.
const FALSE_PERCENT_MAX: f64 = 1.0;

fn lines(file: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(file);
    let text = fs::read_to_string(path).unwrap();
    text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).map(str::to_owned).collect()
}

fn label(url: &str) -> String {
    page_label(&UrlParts::of(url).unwrap(), false, &[])
}

#[test]
fn identifiers_of_all_kinds_become_id() {
    let identifiers = lines("identifiers.txt");
    assert!(identifiers.len() > 90);
    let missed: Vec<&String> = identifiers.iter().filter(|one| !scrub_segment(one).contains(ID)).collect();
    assert!(missed.is_empty(), "not seen: {missed:#?}");
    for one in &identifiers {
        let sent = utf8_percent_encode(one, NON_ALPHANUMERIC).to_string();
        let page = label(&format!("https://example.com/users/{sent}/edit"));
        assert!(page.contains(ID) && !page.contains(one.as_str()), "{one}: {page}");
        let campaign = scrub_value(&sent).unwrap();
        assert!(campaign.contains(ID) && !campaign.contains(one.as_str()), "{one}: {campaign}");
    }
}

#[test]
#[allow(clippy::print_stdout, reason = "the figure of docs/PRIVACY.md")]
fn ordinary_paths_stay_as_they_are() {
    let paths = lines("ordinary_paths.txt");
    assert!(paths.len() >= 300);
    let decoded = |path: &str| percent_encoding::percent_decode_str(path).decode_utf8().unwrap().into_owned();
    let changed: Vec<String> = paths
        .iter()
        .map(|path| (path, label(&format!("https://example.com{path}"))))
        .filter(|(path, page)| *page != format!("example.com{}", decoded(path)))
        .map(|(path, page)| format!("{path} -> {page}"))
        .collect();
    let percent = 100.0 * changed.len() as f64 / paths.len() as f64;
    println!("{} of {} ordinary paths changed ({percent:.1} %): {changed:#?}", changed.len(), paths.len());
    assert!(percent <= FALSE_PERCENT_MAX, "{percent:.1} %: {changed:#?}");
}
