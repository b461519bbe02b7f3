//! Where a ClickHouse is, and who asks: from the store's URL and the files that hold secrets.

use std::{fmt, fs, path::PathBuf};

use url::Url;

use crate::store::StoreError;

/// ClickHouse's usual ports of its HTTP interface, without and with TLS.
const PORTS: (u16, u16) = (8_123, 8_443);

/// Its ports of the other interface, which are often taken for these.
const NATIVE_PORTS: [u16; 2] = [9_000, 9_440];

/// What proves who asks. Only files hold it: they are read at each opening.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Secret {
    #[default]
    None,
    PasswordFile(PathBuf),
    TokenFile(PathBuf),
}

/// Where a ClickHouse is, and who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    pub tls: bool,
    /// As it stands in a URL: an IPv6 address in brackets.
    pub host: String,
    pub port: u16,
    pub database: String,
    /// ClickHouse's own `default` where none is named.
    pub user: Option<String>,
    pub secret: Secret,
    /// LZ4 on the way there and back.
    pub compressed: bool,
    /// The tables are spread over this cluster.
    pub cluster: Option<String>,
    /// Where rows that are to be put are held meanwhile: the system's place for such, unless told otherwise.
    pub work: PathBuf,
}

impl Address {
    /// Reads `clickhouse://[user@]host[:port]/database` or `clickhouses://...` (TLS), with `?compression=none` and
    /// `?cluster=NAME`.
    ///
    /// # Errors
    /// What is wrong, in words that repeat no secret.
    pub fn parse(text: &str) -> Result<Address, String> {
        const FORM: &str = "clickhouse://[user@]host[:port]/database, or clickhouses:// with TLS";
        let url = Url::parse(text).map_err(|_| FORM.to_owned())?;
        let tls = match url.scheme() {
            "clickhouse" => false,
            "clickhouses" => true,
            _ => return Err(FORM.to_owned()),
        };
        if url.password().is_some() {
            return Err(
                "no password in it, for other users of this machine see it: store_password_file".to_owned()
            );
        }
        let port = url.port().unwrap_or(if tls { PORTS.1 } else { PORTS.0 });
        if NATIVE_PORTS.contains(&port) {
            return Err(format!(
                "the port of ClickHouse's HTTP interface (usually {} or {})",
                PORTS.0, PORTS.1
            ));
        }
        let database = url.path().trim_matches('/').to_owned();
        if !is_name(&database) {
            return Err(
                "a database of letters, digits and _, such as clickhouse://host:8123/mayfly".to_owned()
            );
        }
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(FORM)?.to_owned();
        let user = Some(url.username()).filter(|user| !user.is_empty()).map(str::to_owned);
        let secret = Secret::None;
        let work = std::env::temp_dir();
        let mut address =
            Address { tls, host, port, database, user, secret, compressed: true, cluster: None, work };
        for (name, value) in url.query_pairs() {
            match (&*name, &*value) {
                ("compression", "lz4") => address.compressed = true,
                ("compression", "none") => address.compressed = false,
                ("cluster", cluster) if is_name(cluster) => address.cluster = Some(cluster.to_owned()),
                _ => return Err("no parameters but compression=lz4 or none, and cluster=NAME".to_owned()),
            }
        }
        Ok(address)
    }

    /// `http://host:port`, for the client.
    pub(super) fn url(&self) -> String {
        format!("{}://{}:{}", if self.tls { "https" } else { "http" }, self.host, self.port)
    }
}

/// A name that may stand in SQL as it is.
fn is_name(text: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    (1..=64).contains(&text.len()) && text.bytes().all(letter)
}

/// As the setting `store` has it.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Address { host, port, database, .. } = self;
        let user = self.user.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
        write!(f, "clickhouse{}://{user}{host}:{port}/{database}", if self.tls { "s" } else { "" })?;
        let compression = (!self.compressed).then(|| "compression=none".to_owned());
        let cluster = self.cluster.as_ref().map(|name| format!("cluster={name}"));
        let parameters: Vec<String> = compression.into_iter().chain(cluster).collect();
        match parameters.is_empty() {
            true => Ok(()),
            false => write!(f, "?{}", parameters.join("&")),
        }
    }
}

/// A secret as it is sent. It cannot be printed.
pub(super) enum Sent {
    Nothing,
    Password(String),
    Token(String),
}

impl Secret {
    /// Reads the file: its first line.
    ///
    /// # Errors
    /// `Unavailable`, with the path.
    pub(super) fn read(&self) -> Result<Sent, StoreError> {
        let line = |path: &PathBuf| match fs::read_to_string(path) {
            Ok(text) => Ok(text.lines().next().unwrap_or_default().trim().to_owned()),
            Err(error) => Err(StoreError::Unavailable(format!("{}: {error}", path.display()))),
        };
        Ok(match self {
            Secret::None => Sent::Nothing,
            Secret::PasswordFile(path) => Sent::Password(line(path)?),
            Secret::TokenFile(path) => Sent::Token(line(path)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_where_who_and_how() {
        #[track_caller]
        fn check(text: &str, url: &str, again: &str) {
            let address = Address::parse(text).unwrap();
            assert_eq!((address.url().as_str(), address.to_string().as_str()), (url, again));
            assert_eq!(Address::parse(again).unwrap(), address);
        }
        check("clickhouse://db/mayfly", "http://db:8123", "clickhouse://db:8123/mayfly");
        check("clickhouses://me@db/m/", "https://db:8443", "clickhouses://me@db:8443/m");
        check("clickhouse://[::1]:81/m", "http://[::1]:81", "clickhouse://[::1]:81/m");
        let spread = "clickhouse://db:8123/m?compression=none&cluster=main";
        check(spread, "http://db:8123", spread);
    }

    #[test]
    fn what_is_wrong_is_said_without_a_secret() {
        for (text, part) in [
            ("clickhouse://me:hunter2@db/m", "store_password_file"),
            ("clickhouse://db:9000/m", "8123"),
            ("clickhouse://db", "a database"),
            ("clickhouse://db/a`b", "a database"),
            ("clickhouse://db/m?cluster=a'b", "cluster=NAME"),
            ("clickhouse:///m", "host"),
        ] {
            let error = Address::parse(text).unwrap_err();
            assert!(error.contains(part) && !error.contains("hunter2"), "{text}: {error}");
        }
    }
}
