//! Which part of an installation a process is: everything, a collector, or the node that serves reports.

use std::path::{Path, PathBuf};

use url::Url;

use super::{RawConfig, Result, StoreChoice, one_of, wrong};
use crate::nodes::token::NodeToken;

/// Most collectors of an installation.
const COLLECTORS_MAX: usize = 256;

/// What a process does for its installation.
#[derive(Clone, Debug, PartialEq)]
pub enum Role {
    /// It is the whole installation.
    All,
    /// It counts hits, and takes sites and declarations from the report node.
    Collector { report: Url, token: NodeToken },
    /// It serves dashboard and API, and asks the collectors, by number, for their open days.
    Report { collectors: Vec<(u32, Url)>, token: NodeToken },
}

impl Role {
    pub const fn name(&self) -> &'static str {
        match self {
            Role::All => "all",
            Role::Collector { .. } => "collector",
            Role::Report { .. } => "report",
        }
    }
}

/// The role, and whether all that it needs is there and nothing that goes with another.
pub(super) fn role(raw: &RawConfig, store: &StoreChoice, demo: bool) -> Result<Role> {
    let named = one_of("role", raw.role.as_deref(), &[("all", 0), ("collector", 1), ("report", 2)])?;
    let name = ["all", "collector", "report"][named];
    let others = [
        ("report_url", &raw.report_url, named == 1),
        ("collectors", &raw.collectors, named == 2),
        ("node_token_file", &raw.node_token_file, named != 0),
    ];
    for (field, given, belongs) in others {
        match (given, belongs) {
            (Some(value), false) => {
                return wrong(field, value, format!("it does not go with role `{name}`: leave it out"));
            }
            (None, true) => return wrong("role", name, format!("this role needs `{field}`")),
            _ => {}
        }
    }
    let text = |given: &Option<String>| given.clone().unwrap_or_default();
    if named == 0 {
        return Ok(Role::All);
    }
    if matches!(store, StoreChoice::DuckDb { .. }) {
        let words = "this role needs a store that all nodes reach (`clickhouse://...`): DuckDB's file has one owner, and goes with role `all`";
        return wrong("role", name, words);
    }
    if demo {
        return wrong("demo", "true", format!("it goes with role `all`, not with `{name}`"));
    }
    let token = token(&text(&raw.node_token_file))?;
    if named == 2 {
        return Ok(Role::Report { collectors: collectors(&text(&raw.collectors))?, token });
    }
    if raw.node.is_none() {
        return wrong("role", name, "this role needs `node`: a number that no other collector ever had");
    }
    Ok(Role::Collector { report: node_url("report_url", &text(&raw.report_url))?, token })
}

fn token(path: &str) -> Result<NodeToken> {
    NodeToken::read(Path::new(path))
        .or_else(|words| wrong("node_token_file", path, format!("a file that holds a secret: {words}")))
}

/// `1=http://10.0.0.1:8000,2=http://10.0.0.2:8000`
fn collectors(text: &str) -> Result<Vec<(u32, Url)>> {
    let allowed = "numbers of collectors with their addresses, each once: `1=http://10.0.0.1:8000,2=http://10.0.0.2:8000`";
    let mut found: Vec<(u32, Url)> = Vec::new();
    for part in text.split(',').map(str::trim) {
        let Some((number, url)) = part.split_once('=') else { return wrong("collectors", part, allowed) };
        let Ok(number) = number.trim().parse::<u16>() else { return wrong("collectors", part, allowed) };
        let entry = (u32::from(number), node_url("collectors", url)?);
        if found.iter().any(|(number, url)| *number == entry.0 || *url == entry.1) {
            return wrong("collectors", part, allowed);
        }
        found.push(entry);
    }
    match found.len() > COLLECTORS_MAX {
        true => wrong("collectors", &found.len().to_string(), format!("at most {COLLECTORS_MAX}")),
        false => Ok(found),
    }
}

/// The address of another node: nothing but scheme, host and port.
fn node_url(field: &'static str, text: &str) -> Result<Url> {
    match Url::parse(text.trim()) {
        Ok(url)
            if url.scheme() == "http"
                && url.has_host()
                && url.path() == "/"
                && url.query().is_none()
                && url.username().is_empty()
                && url.password().is_none() =>
        {
            Ok(url)
        }
        // It may hold a password: it is not repeated.
        _ => wrong(field, "...", "a node's address such as `http://10.0.0.1:8000`, in a network of its own"),
    }
}

/// The lines of the configuration file.
pub(super) fn lines(role: &Role, token_file: Option<&PathBuf>) -> String {
    let mut lines = format!("role = {:?}\n", role.name());
    match role {
        Role::All => {}
        Role::Collector { report, .. } => lines += &format!("report_url = {:?}\n", report.as_str()),
        Role::Report { collectors, .. } => {
            let each = collectors.iter().map(|(number, url)| format!("\"{number}={url}\""));
            lines += &format!("collectors = [{}]\n", each.collect::<Vec<_>>().join(", "));
        }
    }
    if let Some(path) = token_file {
        lines += &format!("node_token_file = {:?}\n", path.display().to_string());
    }
    lines
}
