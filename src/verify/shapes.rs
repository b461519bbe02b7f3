//! What identifiers look like. Deliberately not the scrubber: it would overlook here what it overlooks there.

use std::net::{Ipv4Addr, Ipv6Addr};

/// So many hex digits in a row are a key, a hash or a token.
const HEX_MIN: usize = 16;

/// What a text looks like, if it looks like something that tells one person from another.
pub fn shape(text: &str) -> Option<&'static str> {
    let words = || text.split(|one: char| one.is_whitespace() || "/?&=,;()[]<>\"'|".contains(one));
    if words().any(is_email) {
        return Some("an e-mail address");
    }
    if text.contains("Mozilla/") || text.contains("AppleWebKit") || text.contains("Gecko/") {
        return Some("a user agent");
    }
    if words().any(is_address) {
        return Some("a network address");
    }
    if holds_uuid(text.as_bytes()) {
        return Some("a UUID");
    }
    text.split(|one: char| !one.is_ascii_alphanumeric()).any(is_hex).then_some("a long hex number")
}

fn is_email(word: &str) -> bool {
    let Some((name, host)) = word.split_once('@') else { return false };
    let named = name.chars().next_back().is_some_and(char::is_alphanumeric);
    named && host.split_once('.').is_some_and(|(first, rest)| !first.is_empty() && rest.len() >= 2)
}

/// Four parts, or colons between hex: with a port or a prefix length after it too.
fn is_address(word: &str) -> bool {
    let bare = word.trim_matches(|one: char| !one.is_ascii_hexdigit() && one != ':');
    if bare.parse::<Ipv4Addr>().is_ok()
        || bare.rsplit_once(':').is_some_and(|(host, _)| host.parse::<Ipv4Addr>().is_ok())
    {
        return true;
    }
    bare.matches(':').count() >= 2 && bare.len() >= 5 && bare.parse::<Ipv6Addr>().is_ok()
}

fn holds_uuid(bytes: &[u8]) -> bool {
    let fits = |window: &[u8]| {
        window.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
    };
    bytes.windows(36).any(fits)
}

/// Words of letters alone (`facade`) and numbers of digits alone (a timestamp is one) are told apart from both mixed.
fn is_hex(word: &str) -> bool {
    word.len() >= HEX_MIN
        && word.bytes().all(|byte| byte.is_ascii_hexdigit())
        && word.bytes().any(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        assert_eq!(shape(text), expected, "{text}");
    }

    #[test]
    fn identifiers_are_seen_and_ordinary_texts_are_not() {
        check("example.com/u/ada@example.org", Some("an e-mail address"));
        check("example.com/@ada", None);
        check("Mozilla/5.0 (X11; Linux x86_64)", Some("a user agent"));
        check("Firefox", None);
        check("192.0.2.7", Some("a network address"));
        check("example.com/from/192.0.2.7:443", Some("a network address"));
        check("example.com/2001:db8::7/x", Some("a network address"));
        check("1.2.3", None);
        check("12:30", None);
        check("::", None);
        check("example.com/123e4567-e89b-12d3-a456-426614174000", Some("a UUID"));
        check("0123456789abcdef", Some("a long hex number"));
        check("example.com/2026/11/22/the-facade-of-decade-0123456", None);
        check("example.com/:id/x", None);
        check("(other)", None);
    }
}
