//! Splits a URL without copying it. Lenient where browsers are; what has no host keeps none.

use std::{borrow::Cow, net::Ipv6Addr};

use super::is_invisible;

/// Longest host name, in bytes.
const HOST_BYTES_MAX: usize = 253;

/// Why a text is no URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UrlError {
    Malformed,
    /// `data:`: the document itself.
    Scheme,
}

/// A URL's parts as sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UrlParts<'a> {
    /// `None` for relative references.
    pub scheme: Option<&'a str>,
    /// Without user and port, never empty; IPv6 addresses in brackets.
    raw_host: Option<&'a str>,
    pub path: &'a str,
    /// Without `?`.
    pub query: Option<&'a str>,
    /// Without `#`.
    pub fragment: Option<&'a str>,
}

impl<'a> UrlParts<'a> {
    /// Splits a URL.
    ///
    /// # Errors
    /// [`UrlError`]: spaces and control characters, a web address without host, a bad host or port, `data:`.
    pub fn of(url: &'a str) -> Result<UrlParts<'a>, UrlError> {
        if url.is_empty() || url.bytes().any(|byte| byte <= b' ' || byte == 0x7f) {
            return Err(UrlError::Malformed);
        }
        let (scheme, rest) = split_scheme(url);
        if scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("data")) {
            return Err(UrlError::Scheme);
        }
        let (rest, fragment) = split_at(rest, '#');
        let (rest, query) = split_at(rest, '?');
        let (authority, path) = match rest.strip_prefix("//") {
            Some(rest) => rest.split_at(rest.find('/').unwrap_or(rest.len())),
            None => ("", rest),
        };
        let raw_host = host_of(authority)?;
        let web = scheme.is_some_and(|one| ["http", "https"].iter().any(|web| one.eq_ignore_ascii_case(web)));
        if web && raw_host.is_none() {
            return Err(UrlError::Malformed);
        }
        Ok(UrlParts { scheme, raw_host, path, query, fragment })
    }

    /// The host in lower case, without port and trailing dot.
    pub fn host(&self) -> Option<Cow<'a, str>> {
        self.raw_host.map(|host| {
            match host.bytes().any(|byte| byte.is_ascii_uppercase() || !byte.is_ascii()) {
                true => Cow::Owned(host.to_lowercase()),
                false => Cow::Borrowed(host),
            }
        })
    }

    /// The first value of a query parameter, as sent (encoded).
    pub fn parameter(&self, name: &str) -> Option<&'a str> {
        self.parameters().find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    /// The query's parameters, as sent (encoded).
    pub fn parameters(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.query.unwrap_or("").split('&').filter_map(|pair| pair.split_once('='))
    }

    /// Bytes of host and path: about what a label needs.
    pub(super) fn rest_len(&self) -> usize {
        self.raw_host.map_or(6, str::len) + self.path.len()
    }
}

fn split_scheme(url: &str) -> (Option<&str>, &str) {
    let end = url.find(|one: char| !(one.is_ascii_alphanumeric() || "+-.".contains(one)));
    match end {
        Some(at) if at > 0 && url[at..].starts_with(':') && url.as_bytes()[0].is_ascii_alphabetic() => {
            (Some(&url[..at]), &url[at + 1..])
        }
        _ => (None, url),
    }
}

fn split_at(text: &str, separator: char) -> (&str, Option<&str>) {
    text.split_once(separator).map_or((text, None), |(before, after)| (before, Some(after)))
}

fn host_of(authority: &str) -> Result<Option<&str>, UrlError> {
    let address = authority.rsplit_once('@').map_or(authority, |(_user, address)| address);
    let end = match address.starts_with('[') {
        true => address.find(']').ok_or(UrlError::Malformed)? + 1,
        false => address.find(':').unwrap_or(address.len()),
    };
    let (host, port) = address.split_at(end);
    let port_is_bad = !port.is_empty() && port.strip_prefix(':').is_none_or(|port| !is_port(port));
    let host = host.strip_suffix('.').unwrap_or(host);
    match port_is_bad || !is_host(host) {
        true => Err(UrlError::Malformed),
        false => Ok((!host.is_empty()).then_some(host)),
    }
}

/// Whether it could be a host: an IPv6 address in brackets, or a name without what no name holds.
fn is_host(host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return address.parse::<Ipv6Addr>().is_ok();
    }
    let is_bad = |one: char| {
        "<>\"{}|\\^`%*,;!'()$&=+~[]\u{fffd}\u{ffff}".contains(one) || !one.is_ascii() && is_invisible(one)
    };
    host.len() <= HOST_BYTES_MAX && !host.ends_with('.') && !host.contains(is_bad)
}

fn is_port(port: &str) -> bool {
    port.len() <= 5 && port.bytes().all(|byte| byte.is_ascii_digit())
}
