//! From a URL to a page label that may be kept: host and path without what looks personal or unique.
//!
//! A label is `host/path`: the host in lower case without port and trailing dot (`www.` stays), the path
//! percent-decoded once, NFC-normalised, without control characters, as sent otherwise: its case, a trailing
//! slash and doubled slashes stay; an empty path is `/`. Query and fragment go, but for declared parameters
//! (`?page=2`) and, with hash routing, the fragment's path (`#/settings`). At most [`LABEL_BYTES_MAX`].

mod segment;
#[cfg(test)]
mod tests;
mod url;

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use super::{NONE, is_mark};
pub use segment::{ID, scrub_segment};
pub use url::{UrlError, UrlParts};

/// Longest page label, in bytes; whole segments are left out at its end.
pub const LABEL_BYTES_MAX: usize = 1000;
/// Longest value of a campaign or of a declared query parameter, in bytes; the rest is cut.
pub const VALUE_BYTES_MAX: usize = 200;

/// The label of a page.
pub fn page_label(url: &UrlParts<'_>, hash_routing: bool, parameters: &[String]) -> String {
    let mut label = String::with_capacity(url.rest_len() + 64);
    match url.host() {
        Some(host) => label.push_str(&host),
        None => label.push_str(NONE),
    }
    let path = decode(url.path);
    push_path(&mut label, '/', path.strip_prefix('/').unwrap_or(&path));
    if hash_routing && let Some(fragment) = url.fragment {
        let fragment = decode(fragment);
        if let Some(route) = route_of(&fragment) {
            push_path(&mut label, '#', route);
            // A route of nothing but parameters (`#;a=b`) is none.
            if label.ends_with('#') {
                label.pop();
            }
        }
    }
    push_parameters(&mut label, url, parameters);
    label
}

/// The part of a fragment that is a path; a fragment that reads like a query (`access_token=...`) is none.
fn route_of(fragment: &str) -> Option<&str> {
    let route = fragment.split(['?', '&', '#']).next().unwrap_or("");
    (!route.is_empty() && (route.starts_with('/') || route.starts_with("!/") || !route.contains('=')))
        .then_some(route)
}

/// Appends a decoded path's scrubbed segments, the first after `first`, as far as the label's bound allows.
fn push_path(label: &mut String, first: char, path: &str) {
    // What was an encoded `?` or `#` would begin a query or fragment in the label.
    let path = path.split(['?', '#']).next().unwrap_or("");
    let mut separator = first;
    for segment in path.split('/') {
        let segment = scrub_segment(without_parameters(segment));
        if label.len() + 1 + segment.len() > LABEL_BYTES_MAX {
            return;
        }
        label.push(separator);
        label.push_str(&segment);
        separator = '/';
    }
}

/// A segment without its `;name=value` parameters (`;jsessionid=...`).
fn without_parameters(segment: &str) -> &str {
    match segment.find(';') {
        Some(at) if segment[at..].contains('=') => &segment[..at],
        _ => segment,
    }
}

/// Appends the declared parameters that are there, in the order of declaration.
fn push_parameters(label: &mut String, url: &UrlParts<'_>, parameters: &[String]) {
    let mut separator = '?';
    for name in parameters {
        let Some(value) = url.parameter(name).and_then(scrub_value) else { continue };
        // What these signs kept apart may look personal once they are gone.
        let Some(value) = scrub_text(&value.replace(['&', '#', '?', '%', '+'], "_")) else { continue };
        if label.len() + 2 + name.len() + value.len() <= LABEL_BYTES_MAX {
            label.extend([separator]);
            label.extend([name.as_str(), "=", &value]);
            separator = '&';
        }
    }
}

/// A campaign's or declared parameter's value as sent in a query: decoded, bounded and scrubbed like a path;
/// `None` if nothing is left.
pub fn scrub_value(sent: &str) -> Option<String> {
    let spaced = match sent.contains('+') {
        true => Cow::Owned(sent.replace('+', " ")),
        false => Cow::Borrowed(sent),
    };
    let decoded = decode(&spaced);
    scrub_text(&decoded)
}

/// A decoded text (campaign, source), bounded and scrubbed like a path; `None` if nothing is left
/// or it reads as one of our own marks.
pub fn scrub_text(text: &str) -> Option<String> {
    let text = tidy(text.into());
    let text = text.trim();
    let text = cut(text, VALUE_BYTES_MAX).trim_end();
    if text.is_empty() {
        return None;
    }
    let mut scrubbed = String::with_capacity(text.len());
    for (at, segment) in text.split('/').enumerate() {
        if at > 0 {
            scrubbed.push('/');
        }
        scrubbed.push_str(&scrub_segment(segment));
    }
    (!is_mark(&scrubbed)).then_some(scrubbed)
}

/// The beginning of a text, at most so many bytes, whole characters.
pub fn cut(text: &str, bytes_max: usize) -> &str {
    let end = (0..=bytes_max.min(text.len())).rev().find(|&at| text.is_char_boundary(at));
    &text[..end.unwrap_or(0)]
}

/// Percent-decodes once; what is no UTF-8 becomes U+FFFD.
fn decode(text: &str) -> Cow<'_, str> {
    match text.contains('%') {
        true => tidy(Cow::Owned(percent_decode_str(text).decode_utf8_lossy().into_owned())),
        false => tidy(Cow::Borrowed(text)),
    }
}

/// Removes control and invisible characters and normalises to NFC.
fn tidy(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
        return text;
    }
    let text = match text.chars().any(is_invisible) {
        true => Cow::Owned(text.chars().filter(|&one| !is_invisible(one)).collect::<String>()),
        false => text,
    };
    match is_nfc_quick(text.chars()) {
        IsNormalized::Yes => text,
        _ => Cow::Owned(text.nfc().collect()),
    }
}

/// Controls, and the marks that steer direction or join: they make equal-looking labels differ.
fn is_invisible(one: char) -> bool {
    one.is_control()
        || matches!(one, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}
