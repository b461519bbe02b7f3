//! Which segments of a path look personal or unique. Byte checks only: no regular expressions.

use std::{borrow::Cow, net::IpAddr};

/// What stands in a label where something personal or unique stood.
pub const ID: &str = ":id";

/// Longer segments are unique whatever they say.
const SEGMENT_BYTES_MAX: usize = 512;
/// So many digits in a row, and more, are a number of someone or something.
const DIGITS_MIN: usize = 6;
/// Longest run of letters and digits that may be a word.
const WORD_MAX: usize = 40;

/// A decoded segment of a path as it may be kept: `:id` instead of an e-mail address, phone number, IP
/// address, UUID, JWT or other token, and instead of its long digits, hex and mixed runs. Never longer.
pub fn scrub_segment(segment: &str) -> Cow<'_, str> {
    if segment.len() < DIGITS_MIN || is_plain(segment) {
        return Cow::Borrowed(segment);
    }
    if segment.len() > SEGMENT_BYTES_MAX
        || is_email(segment)
        || is_phone(segment)
        || segment.parse::<IpAddr>().is_ok()
        || is_mac(segment.as_bytes())
        || is_token(segment.as_bytes())
        || holds_uuid(segment.as_bytes())
    {
        return Cow::Borrowed(ID);
    }
    scrub_words(segment)
}

/// Lower-case words: most segments, decided at once.
fn is_plain(segment: &str) -> bool {
    segment.len() < WORD_MAX && segment.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'-' | b'_' | b'.'))
}

fn scrub_words(segment: &str) -> Cow<'_, str> {
    let mut scrubbed: Option<String> = None;
    let mut rest = segment;
    let mut done = 0;
    while let Some(start) = rest.find(char::is_alphanumeric) {
        let tail = &rest[start..];
        let word = &tail[..tail.find(|one: char| !one.is_alphanumeric()).unwrap_or(tail.len())];
        let from = segment.len() - tail.len();
        if is_unique(word) {
            let text = scrubbed.get_or_insert_with(String::new);
            text.push_str(&segment[done..from]);
            text.push_str(ID);
            done = from + word.len();
        }
        rest = &tail[word.len()..];
    }
    match scrubbed {
        Some(mut text) => {
            text.push_str(&segment[done..]);
            Cow::Owned(text)
        }
        None => Cow::Borrowed(segment),
    }
}

/// A word (letters and digits only) that is hardly a word.
fn is_unique(word: &str) -> bool {
    if word.len() < DIGITS_MIN {
        return false;
    }
    let long = if word.is_ascii() { WORD_MAX } else { WORD_MAX * 6 };
    let bytes = word.as_bytes();
    word.len() >= long || has_long_digits(word) || is_hex(bytes) || is_jumbled(bytes) || is_shredded(bytes)
}

fn has_long_digits(word: &str) -> bool {
    let mut run = 0;
    word.chars().any(|one| {
        run = if one.is_numeric() { run + 1 } else { 0 };
        run >= DIGITS_MIN
    })
}

/// 16 hex digits and more, or 8 and more that change between letters and digits as no word does.
fn is_hex(word: &[u8]) -> bool {
    let changes = word.windows(2).filter(|pair| pair[0].is_ascii_digit() != pair[1].is_ascii_digit()).count();
    word.len() >= 8
        && word.iter().all(u8::is_ascii_hexdigit)
        && (changes >= 3 || word.len() >= 16 && word.iter().any(u8::is_ascii_digit))
}

/// Letters and digits that change between lower case, upper case and digits as no word does (`CamelCase` is
/// no change): random base62, base64, base36, ULIDs, nanoids.
fn is_jumbled(bytes: &[u8]) -> bool {
    let (mut letters, mut changes) = (0, 0);
    let (mut upper, mut lower, mut digit) = (false, false, false);
    for (at, byte) in bytes.iter().enumerate() {
        let kind = kind_of(*byte);
        let next = bytes.get(at + 1).map_or(Kind::Other, |&next| kind_of(next));
        let after = bytes.get(at + 2).map_or(Kind::Other, |&after| kind_of(after));
        upper |= kind == Kind::Upper;
        lower |= kind == Kind::Lower;
        digit |= kind == Kind::Digit;
        letters += usize::from(kind != Kind::Other);
        let camel = match (kind, next) {
            (Kind::Upper, Kind::Lower) => true,
            (Kind::Lower, Kind::Upper) => after == Kind::Lower,
            _ => false,
        };
        changes += usize::from(kind != Kind::Other && next != Kind::Other && kind != next && !camel);
    }
    letters >= 10 && digit && changes * 4 >= letters && changes >= if upper && lower { 3 } else { 4 }
}

/// Long, with a digit, and in pieces (`Word`, `12`, `x`) shorter than those of any `CamelCase`: base64 of a text, keys of
/// databases.
fn is_shredded(word: &[u8]) -> bool {
    let begins = |at: usize| match (at.checked_sub(1).map(|before| kind_of(word[before])), kind_of(word[at]))
    {
        (None, _) | (_, Kind::Upper) => true,
        (Some(before), kind) => kind != before && (kind == Kind::Digit || before == Kind::Digit),
    };
    let has = |kind: Kind| word.iter().any(|&byte| kind_of(byte) == kind);
    let pieces = (0..word.len()).filter(|&at| begins(at)).count();
    word.len() >= 16
        && word.is_ascii()
        && has(Kind::Upper)
        && has(Kind::Lower)
        && has(Kind::Digit)
        && pieces * 9 >= word.len() * 4
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Lower,
    Upper,
    Digit,
    Other,
}

fn kind_of(byte: u8) -> Kind {
    match byte {
        b'a'..=b'z' => Kind::Lower,
        b'A'..=b'Z' => Kind::Upper,
        b'0'..=b'9' => Kind::Digit,
        _ => Kind::Other,
    }
}

/// A JWT, padded base64, or a jumble of upper and lower case across the separators of base64url.
fn is_token(segment: &[u8]) -> bool {
    let of_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.~+=".contains(byte);
    segment.iter().all(of_token)
        && (segment.starts_with(b"eyJ") && segment.len() >= 16
            || segment.ends_with(b"=") && segment.len() >= 8
            || segment.iter().any(u8::is_ascii_uppercase)
                && segment.iter().any(u8::is_ascii_lowercase)
                && is_jumbled(segment))
}

/// 8-4-4-4-12 hex digits, anywhere.
fn holds_uuid(segment: &[u8]) -> bool {
    segment.windows(36).any(|window| {
        window.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
    })
}

/// Six pairs of hex digits: the address of a network card.
fn is_mac(segment: &[u8]) -> bool {
    segment.len() == 17
        && segment.iter().enumerate().all(|(at, byte)| match at % 3 {
            2 => *byte == segment[2] && matches!(byte, b':' | b'-'),
            _ => byte.is_ascii_hexdigit(),
        })
}

/// Something before an `@` (or what is left of an encoded one), a domain with letters at its end behind it.
fn is_email(segment: &str) -> bool {
    ["@", "%40", "\u{ff20}", "\u{fe6b}"].iter().any(|at| {
        segment.match_indices(at).any(|(index, at)| {
            let (local, domain) = (&segment[..index], &segment[index + at.len()..]);
            local.ends_with(|one: char| one.is_alphanumeric() || "._%+-'\"!#$&*/=?^`{|}~".contains(one))
                && is_domain(domain)
        })
    })
}

fn is_domain(text: &str) -> bool {
    let end = text.find(|one: char| !(one.is_alphanumeric() || ".-".contains(one))).unwrap_or(text.len());
    text[..end].split('.').skip(1).any(|label| label.chars().filter(|one| one.is_alphabetic()).count() >= 2)
        && !text.starts_with('.')
        && !is_scale(&text[..end])
}

/// `2x.png`: what stands behind the `@` in the names of pictures for dense screens.
fn is_scale(text: &str) -> bool {
    let picture = ["png", "jpg", "jpeg", "gif", "webp", "avif", "svg"];
    text.split_once("x.")
        .is_some_and(|(factor, kind)| matches!(factor, "1" | "2" | "3" | "4") && picture.contains(&kind))
}

/// Seven digits and more among nothing but a phone number's punctuation, and no date or span of years.
fn is_phone(segment: &str) -> bool {
    let digits = segment.bytes().filter(u8::is_ascii_digit).count();
    digits >= 7
        && segment.bytes().all(|byte| byte.is_ascii_digit() || b"+-(). ".contains(&byte))
        && !is_date(segment)
}

/// `2026-11-22`, `22.11.2026`, `2019-2024`; also a law of a year: `2016-679`.
fn is_date(segment: &str) -> bool {
    let parts: Vec<&str> = segment.split(['-', '.']).collect();
    let is_year = |part: &&str| part.len() == 4 && (part.starts_with("19") || part.starts_with("20"));
    let is_small =
        |part: &&str| matches!(part.len(), 1 | 2) && part.bytes().all(|byte| byte.is_ascii_digit());
    match parts.as_slice() {
        [year, month, day] | [day, month, year] if is_year(year) => is_small(month) && is_small(day),
        [first, last] => is_year(first) && (is_year(last) || last.len() == 3),
        _ => false,
    }
}
