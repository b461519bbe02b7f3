//! Which labels URLs become, what is scrubbed from them, and that scrubbing twice changes nothing.

use proptest::prelude::*;

use super::*;

#[track_caller]
fn label(url: &str) -> String {
    page_label(&UrlParts::of(url).unwrap_or_else(|error| panic!("{url}: {error:?}")), false, &[])
}

#[track_caller]
fn check(url: &str, expected: &str) {
    assert_eq!(label(url), expected, "{url}");
}

#[track_caller]
fn check_segment(segment: &str, expected: &str) {
    assert_eq!(scrub_segment(segment), expected, "{segment}");
}

#[test]
fn labels_are_host_and_path() {
    check("https://Example.COM/Pricing", "example.com/Pricing");
    check("https://www.example.com./", "www.example.com/");
    check("https://example.com", "example.com/");
    check("https://example.com?q=1", "example.com/");
    check("https://example.com#x", "example.com/");
    check("https://user:pw@example.com:8443/a/?q=secret#frag", "example.com/a/");
    check("http://[2001:DB8::1]:8080/a", "[2001:db8::1]/a");
    check("https://example.com/a//b/", "example.com/a//b/");
    check("https://BÜCHER.example/a", "bücher.example/a");
    check("/relative/path", "(none)/relative/path");
    check("relative", "(none)/relative");
    check("//example.com/a", "example.com/a");
    check("file:///home/index.html", "(none)/home/index.html");
    check("app:start", "(none)/start");
}

#[test]
fn paths_are_decoded_once_and_tidied() {
    check("https://example.com/caf%C3%A9", "example.com/café");
    check("https://example.com/cafe%CC%81", "example.com/café");
    check("https://example.com/a%20b", "example.com/a b");
    check("https://example.com/a%2520b", "example.com/a%20b");
    check("https://example.com/a%00%1Fb%7F", "example.com/ab");
    check("https://example.com/a%E2%80%8Bb%E2%80%AE", "example.com/ab");
    check("https://example.com/%FF", "example.com/\u{fffd}");
    check("https://example.com/a%3Fq=secret", "example.com/a");
    check("https://example.com/a%23secret", "example.com/a");
    check("https://example.com/a;jsessionid=secret/b", "example.com/a/b");
    check("https://example.com/100%", "example.com/100%");
}

#[test]
fn labels_are_bounded_by_whole_segments() {
    let segment = "ab-cd/";
    let long = label(&format!("https://example.com/{}", segment.repeat(300)));
    assert!(long.len() <= LABEL_BYTES_MAX && long.len() > LABEL_BYTES_MAX - segment.len());
    assert!(long.ends_with("/ab-cd"));
    check(&format!("https://example.com/a/{}", "b-".repeat(300)), "example.com/a/:id");
}

#[test]
fn what_is_no_url_is_refused() {
    let bad = [
        "",
        " ",
        "https://",
        "http:///x",
        "https:example",
        "https://a b.com/",
        "https://a.com:x/",
        "https://a.com:123456/",
        "https://[::1/",
        "https://a<b>.com/",
        "https://*/",
        "https://(none)/",
        "a\nb",
    ];
    for bad in bad {
        assert_eq!(UrlParts::of(bad), Err(UrlError::Malformed), "{bad}");
    }
    assert_eq!(UrlParts::of("DATA:text/html,x"), Err(UrlError::Scheme));
}

#[test]
fn declared_parameters_and_routes_stay() {
    let declared = ["page".to_owned(), "lang".to_owned()];
    let label = |url: &str, hash: bool| page_label(&UrlParts::of(url).unwrap(), hash, &declared);
    assert_eq!(label("https://a.com/x?q=1&lang=de&page=2", false), "a.com/x?page=2&lang=de");
    assert_eq!(label("https://a.com/x?page=", false), "a.com/x");
    assert_eq!(label("https://a.com/x?page=john%40doe.com", false), "a.com/x?page=:id");
    assert_eq!(label("https://a.com/x?page=a%26secret%3Db+c", false), "a.com/x?page=a_secret=b c");
    assert_eq!(label("https://a.com/app?q=1#/users/123456?tab=2", true), "a.com/app#/users/:id");
    assert_eq!(label("https://a.com/app#!/settings", true), "a.com/app#!/settings");
    assert_eq!(label("https://a.com/app#intro", true), "a.com/app#intro");
    assert_eq!(label("https://a.com/app#access_token=secret&x=1", true), "a.com/app");
    assert_eq!(label("https://a.com/app#/settings", false), "a.com/app");
    assert_eq!(label("https://a.com/app#", true), "a.com/app");
}

#[test]
fn what_looks_personal_or_unique_becomes_id() {
    for personal in [
        "john.doe@example.com",
        "mailto:john@example.com",
        "john%40example.com",
        "john＠example.com",
        "unsubscribe-john+news@mail.example.co.uk-now",
        "jörg@bücher.de",
        "+4915112345678",
        "+49-151-123-4567",
        "(555) 867-5309",
        "192.168.0.17",
        "2001:db8::17",
        "550e8400-e29b-41d4-a716-446655440000",
        "550E8400-E29B-41D4-A716-446655440000.pdf",
        "order-550e8400-e29b-41d4-a716-446655440000",
        "123456",
        "1234567890123",
        "٠١٢٣٤٥",
        "d41d8cd98f00b204e9800998ecf8427e",
        "507f1f77bcf86cd799439011",
        "9f86d081",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
        "01ARZ3NDEKTSV4RRFFQ69G5FAV",
        "V1StGXR8_Z5jdHi6B-myT",
        "cjld2cjxh0000qzrmn831i7rn",
        "dGhpcyBpcyBhIHNlY3JldA==",
        "c2VjcmV0Cg=",
        "4f90d13a42",
        "k57sn2v0mx8t3q1z",
        "xkqjzvwpfhtrmsndxkqjzvwpfhtrmsndxkqjzvwpfhtrmsnd",
    ] {
        check_segment(personal, ID);
    }
    check_segment("article-12345678", "article-:id");
    check_segment("12345678-how-to-cook", ":id-how-to-cook");
    check_segment("invoice_8f14e45fceea167a.pdf", "invoice_:id.pdf");
    check_segment("user123456", ID);
    check_segment("a-1234567.html", "a-:id.html");
}

/// Paths that sites really have: none may be taken for an identifier.
#[test]
fn ordinary_paths_stay() {
    let ordinary = "index.html about-us contact pricing blog how-to-bake-bread-in-2026 2026-11-22 22.11.2026 2019-2024 2026 11 \
        v2 v1.2.3 10.15.7 iphone-15-pro-max iPhone15ProMax GalaxyS24Ultra product-12345 12345 feed.xml sitemap.xml \
        wp-content robots.txt styles.css main.min.js covid19vaccine2021 covid-19 h264 mp3-to-mp4 windows-11-24h2 \
        en-US de_DE zh-Hant-TW @alice @scope react@18.2.0 C++ c%23 100% 50-off q3-report-2026 GettingStarted \
        HowToDoItAllInADay WhatsNewInVersion2 getting_started FAQ README.md ISO-8601 RFC9110 utf-8 base64 sha256 \
        decade80 face2024 deadbeef facade accessed A4 B2B b2b-saas-2026 4k-tv-55-zoll 24-7 9-11 1984 terms&conditions \
        donaudampfschifffahrtsgesellschaft unternehmensberatung internationalization kindergarten naïve-café \
        日本語のページ новости-дня über-uns straßenbahn (draft) [slug] {id} :id a,b,c x=1 year-2025-2026 \
        schedule-2026-11-22 top-10-cities-2026 area-51 S01E02 season-3 chapter-12 part-II 3d-printing 5g-networks \
        how-to-use-2fa-with-wordpress-6-fast";
    for segment in ordinary.split_whitespace() {
        check_segment(segment, segment);
    }
}

#[test]
fn values_are_scrubbed_like_paths() {
    let check =
        |sent: &str, expected: Option<&str>| assert_eq!(scrub_value(sent).as_deref(), expected, "{sent}");
    check("spring+sale", Some("spring sale"));
    check("spring%20sale", Some("spring sale"));
    check("john%40example.com", Some(":id"));
    check("list/john%40example.com", Some("list/:id"));
    check("1234567890", Some(":id"));
    check("  ", None);
    check("%00", None);
    check("", None);
    for mark in ["*", "(none)", "(other)", "(undeclared)", "(continued)", "(entry)"] {
        check(mark, None);
    }
    assert_eq!(scrub_value(&"é ".repeat(500)).unwrap().len(), VALUE_BYTES_MAX);
}

/// A label as a browser would send it again.
fn sent_again(label: &str) -> String {
    format!("https://{}", label.replace('%', "%25").replace(' ', "%20"))
}

proptest! {
    #[test]
    fn segments_are_scrubbed_once(segment in "\\PC{0,60}", dense in "[a-cA-C0-9@.:+=%_-]{0,40}") {
        for segment in [segment, dense] {
            let once = scrub_segment(&segment).into_owned();
            prop_assert!(once.len() <= segment.len());
            prop_assert_eq!(scrub_segment(&once), once.as_str());
        }
    }

    #[test]
    fn labels_are_bounded_and_stable(path in "(/[a-zA-Z0-9%é;=.@~ -]{0,30}){0,60}", hash in "[a-z/!#=&%0-9]{0,30}") {
        let url = format!("https://example.com{}#{hash}", path.replace(' ', "%20"));
        let once = page_label(&UrlParts::of(&url).unwrap(), true, &[]);
        prop_assert!(once.len() <= LABEL_BYTES_MAX);
        let again = sent_again(&once);
        prop_assert_eq!(page_label(&UrlParts::of(&again).unwrap(), true, &[]), once);
    }

    #[test]
    fn values_are_scrubbed_once(text in "\\PC{0,300}") {
        if let Some(once) = scrub_text(&text) {
            prop_assert!(once.len() <= VALUE_BYTES_MAX);
            prop_assert_eq!(scrub_text(&once), Some(once.clone()));
        }
    }

    #[test]
    fn no_query_text_passes(path in "[a-z/]{0,20}", name in "[a-z]{1,5}", value in "[A-Z]{4,20}") {
        for separator in ["?", "%3F", "%3f", "#"] {
            let label = label(&format!("https://example.com/{path}{separator}{name}={value}&{value}"));
            prop_assert!(!label.contains(&value), "{}", label);
        }
    }

    #[test]
    fn nothing_panics(url in "\\PC{0,200}", dense in "[a-z:/?#@\\[\\].%0-9é]{0,80}") {
        for url in [url, dense] {
            if let Ok(parts) = UrlParts::of(&url) {
                let _ = page_label(&parts, true, &["q".to_owned()]);
            }
        }
    }
}
