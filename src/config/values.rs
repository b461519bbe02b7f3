//! The values of settings, each from its text.

use std::{
    fs,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use ipnet::IpNet;

use super::{ConfigError, RawConfig, Result, StoreChoice};
use crate::store::clickhouse::Secret;

pub(super) fn wrong<T>(field: &'static str, value: &str, allowed: impl Into<String>) -> Result<T> {
    Err(ConfigError::Value { field, value: value.to_owned(), allowed: allowed.into() })
}

pub(super) fn parse<T: FromStr>(
    field: &'static str,
    given: Option<&str>,
    default: &str,
    allowed: &str,
) -> Result<T> {
    let text = given.unwrap_or(default);
    text.trim().parse().or_else(|_| wrong(field, text, allowed))
}

pub(super) fn number(
    field: &'static str,
    given: Option<&str>,
    default: u64,
    min: u64,
    max: u64,
) -> Result<u64> {
    let Some(text) = given else { return Ok(default) };
    match text.trim().parse() {
        Ok(number) if (min..=max).contains(&number) => Ok(number),
        _ => wrong(field, text, format!("a whole number from {min} to {max}")),
    }
}

/// The choice of this name; the first where nothing is given.
pub(super) fn one_of<T: Copy>(field: &'static str, given: Option<&str>, choices: &[(&str, T)]) -> Result<T> {
    let text = given.unwrap_or(choices[0].0).trim();
    match choices.iter().find(|(name, _)| *name == text) {
        Some((_, choice)) => Ok(*choice),
        None => wrong(
            field,
            text,
            choices.iter().map(|(name, _)| format!("`{name}`")).collect::<Vec<_>>().join(" or "),
        ),
    }
}

/// A switch, off where nothing is given.
pub(super) fn flag(field: &'static str, given: Option<&str>) -> Result<bool> {
    one_of(field, given, &[("false", false), ("true", true), ("1", true), ("0", false)])
}

/// A store that is named beside the setting `store`: the files of secrets are for it if it can have one.
///
/// # Errors
/// What is not allowed.
pub fn named_store(raw: &RawConfig, text: &str, data: &Path) -> Result<StoreChoice> {
    let mut raw = RawConfig { store: Some(text.to_owned()), ..raw.clone() };
    if !text.starts_with("clickhouse") {
        (raw.store_password_file, raw.store_token_file) = (None, None);
    }
    store(&raw, data)
}

/// The store, with the files that hold its secrets.
pub(super) fn store(raw: &RawConfig, data: &Path) -> Result<StoreChoice> {
    let text = raw.store.as_deref().unwrap_or("duckdb").trim();
    // An address may hold a password: it is not repeated.
    let said = if text.contains('@') { "clickhouse://..." } else { text };
    let mut choice = StoreChoice::parse(text, data).or_else(|allowed| wrong("store", said, allowed))?;
    let secret = match (&raw.store_password_file, &raw.store_token_file) {
        (None, None) => Secret::None,
        (Some(path), None) => Secret::PasswordFile(path.into()),
        (None, Some(path)) => Secret::TokenFile(path.into()),
        (Some(_), Some(path)) => {
            return wrong("store_token_file", path, "a token or a password, not both");
        }
    };
    match &mut choice {
        StoreChoice::ClickHouse(address) => address.secret = secret,
        StoreChoice::DuckDb { .. } if secret != Secret::None => {
            return wrong("store", text, "a secret is for `clickhouse://...` alone");
        }
        StoreChoice::DuckDb { memory_mb, .. } => {
            let given = raw.store_memory.as_deref();
            *memory_mb = number("store_memory", given, (*memory_mb).into(), 64, 1_000_000)? as u32;
        }
    }
    Ok(choice)
}

pub(super) fn flush_interval(text: &str) -> Result<Duration> {
    match humantime::parse_duration(text.trim()) {
        Ok(interval) if (Duration::from_secs(1)..=Duration::from_secs(86_400)).contains(&interval) => {
            Ok(interval)
        }
        _ => wrong("flush_interval", text, "a duration from `1s` to `24h`, such as `2s`, `10m` or `1h`"),
    }
}

pub(super) fn public_url(text: &str) -> Result<url::Url> {
    match url::Url::parse(text.trim()) {
        Ok(url) if ["http", "https"].contains(&url.scheme()) && url.has_host() && url.query().is_none() => {
            Ok(url)
        }
        _ => wrong("public_url", text, "a URL such as `https://stats.example.com`"),
    }
}

pub(super) fn networks(text: &str) -> Result<Vec<IpNet>> {
    if text.trim() == "none" {
        return Ok(Vec::new());
    }
    text.split(',')
        .map(|part| {
            let part = part.trim();
            let address = || part.parse().map(|address: std::net::IpAddr| IpNet::from(address));
            part.parse().or_else(|_| address()).or_else(|_| {
                wrong(
                    "trusted_proxies",
                    part,
                    "networks such as `10.0.0.0/8` or `::1`, separated by commas, or `none`",
                )
            })
        })
        .collect()
}

pub(super) fn header(text: &str) -> Result<String> {
    let name = text.trim().to_ascii_lowercase();
    match (1..=64).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    {
        true => Ok(name),
        false => wrong("client_address_header", text, "the name of a header such as `x-forwarded-for`"),
    }
}

pub(super) fn geo(text: &str) -> Result<PathBuf> {
    let path = PathBuf::from(text);
    match fs::File::open(&path).and_then(|file| file.metadata()) {
        Ok(found) if found.is_file() => Ok(path),
        Ok(_) => wrong("geo", text, "a MaxMind file (`.mmdb`), or `none`"),
        Err(error) => {
            wrong("geo", text, format!("a MaxMind file (`.mmdb`) that can be read ({error}), or `none`"))
        }
    }
}

pub(super) fn log_level(text: &str) -> Result<String> {
    match tracing_subscriber::EnvFilter::try_new(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => wrong("log_level", text, format!("error, warn, info, debug or trace ({error})")),
    }
}
