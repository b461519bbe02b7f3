//! URLs and referrers: labels and values are bounded, hold nothing that looks personal, and scrubbed again stay
//! as they are.

use std::sync::LazyLock;

use mayfly::domain::{
    CONTINUED, NONE, is_mark,
    scrub::{
        ID, LABEL_BYTES_MAX, UrlParts, VALUE_BYTES_MAX, page_label, scrub_segment, scrub_text, scrub_value,
    },
    source::{CHANNELS, Referrer, Sources, is_spam, visit_attributes},
};

use super::lines;

static SOURCES: LazyLock<Sources> = LazyLock::new(Sources::load);
/// Longest host.
const HOST_BYTES_MAX: usize = 253;

/// A line of a URL, one of a referrer, and any text.
pub fn check(data: &[u8]) {
    let lines = lines(data);
    let line = |at: usize| lines.get(at).map_or("", String::as_str);
    segment(line(2));
    value(line(2));
    let declared = ["page".to_owned(), "q".to_owned()];
    let url = UrlParts::of(line(0));
    if let Ok(url) = &url {
        for (hash, parameters) in [(false, &[][..]), (false, &declared[..]), (true, &[]), (true, &declared)] {
            label(url, hash, parameters);
        }
    }
    attributes(&url.unwrap_or_default(), line(1));
}

fn segment(text: &str) {
    let once = scrub_segment(text);
    assert!(once.len() <= text.len(), "{text:?} grew to {once:?}");
    assert_eq!(scrub_segment(&once), once, "{text:?}");
    impersonal(&once);
}

fn value(text: &str) {
    for once in [scrub_text(text), scrub_value(text)].into_iter().flatten() {
        assert!(!once.is_empty() && once.len() <= VALUE_BYTES_MAX && !is_mark(&once));
        assert_eq!(scrub_text(&once).as_deref(), Some(once.as_str()), "{text:?}");
        visible(&once);
        once.split('/').for_each(impersonal);
    }
}

fn label(url: &UrlParts<'_>, hash: bool, parameters: &[String]) {
    let label = page_label(url, hash, parameters);
    assert!(label.len() <= LABEL_BYTES_MAX, "{label:?}");
    let at = label.find('/').expect("a label has a path");
    let (host, path) = label.split_at(at);
    assert_eq!(host, url.host().as_deref().unwrap_or(NONE));
    visible(&label);
    path.split(['/', '#', '?', '&']).for_each(impersonal);
    assert!(hash || !path.contains('#'), "{label:?}");
    assert!(!parameters.is_empty() || !path.contains('?'), "{label:?}");
    // A route and a parameter in one label do not stand as they stood in the URL.
    if host != NONE && (!hash || parameters.is_empty()) {
        let again = sent_again(&label);
        let parts = UrlParts::of(&again).unwrap_or_else(|error| panic!("{again:?}: {error:?}"));
        assert_eq!(page_label(&parts, hash, parameters), label, "sent again as {again:?}");
    }
}

/// A label as a browser would send it again.
fn sent_again(label: &str) -> String {
    format!("https://{}", label.replace('%', "%25").replace(' ', "%20"))
}

fn attributes(url: &UrlParts<'_>, sent: &str) {
    let referrer = Referrer::of(sent);
    if let Some(Referrer::Host(host) | Referrer::App(host)) = &referrer {
        assert!(!host.is_empty() && host.len() <= HOST_BYTES_MAX, "{host:?}");
    }
    let _ = is_spam(referrer.as_ref(), &SOURCES);
    let own = |host: &str| host == "example.com";
    let found = visit_attributes(url, referrer.as_ref(), own, &SOURCES);
    let [channel, source, campaign @ ..] = &found.0;
    assert!(CHANNELS.contains(&&**channel), "{channel}");
    assert!(source.len() <= HOST_BYTES_MAX && (!is_mark(source) || [NONE, CONTINUED].contains(&&**source)));
    assert_eq!(**channel == *CONTINUED, **source == *CONTINUED, "{channel} {source}");
    visible(source);
    source.split(['/', '.']).for_each(impersonal);
    for value in campaign.iter().filter(|one| ***one != *NONE) {
        assert_eq!(scrub_text(value).as_deref(), Some(&**value));
    }
}

/// No control character and none of the marks that steer direction or join: labels that look alike are alike.
fn visible(text: &str) {
    let hidden =
        |one: char| one.is_control() || "\u{ad}\u{200b}\u{200e}\u{202e}\u{2066}\u{feff}".contains(one);
    assert!(!text.contains(hidden), "{text:?}");
}

/// Told anew, without the code that is tested: no long number, no UUID, no e-mail address.
fn impersonal(text: &str) {
    let (mut run, mut longest) = (0, 0);
    for one in text.chars() {
        run = if one.is_ascii_digit() { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    assert!(longest < 6, "a long number in {text:?}");
    for (at, _) in text.match_indices('@') {
        let (before, after) = (&text[..at], &text[at + 1..]);
        let domain = after.split(|one: char| !(one.is_ascii_alphanumeric() || ".-".contains(one))).next();
        let (name, top) = domain.unwrap_or("").rsplit_once('.').unwrap_or_default();
        let is_top = top.len() >= 2 && top.bytes().all(|byte| byte.is_ascii_alphabetic());
        let is_local = before.ends_with(|one: char| one.is_ascii_alphanumeric());
        let is_name = name.starts_with(|one: char| one.is_ascii_alphanumeric());
        assert!(!(is_local && is_name && is_top), "an e-mail address in {text:?}");
    }
    let groups: Vec<&str> = text.split('-').collect();
    let hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    for five in groups.windows(5) {
        let of = |at: usize, len: usize| five[at].len() == len && hex(five[at]);
        let whole = five[0].len() >= 8 && five[0].is_char_boundary(five[0].len() - 8);
        let ends = five[4].get(..12).is_some_and(hex);
        let begins = whole && hex(&five[0][five[0].len() - 8..]);
        assert!(!(begins && of(1, 4) && of(2, 4) && of(3, 4) && ends), "a UUID in {text:?}");
    }
    assert!(!text.contains("eyJ") || text.len() < 40 || text.contains(ID) || !is_token(text), "{text:?}");
}

/// Three parts of base64url: a signed token.
fn is_token(text: &str) -> bool {
    let of = |part: &str| {
        part.len() >= 10 && part.bytes().all(|one| one.is_ascii_alphanumeric() || b"-_".contains(&one))
    };
    text.starts_with("eyJ") && text.split('.').count() == 3 && text.split('.').all(of)
}
