//! `mayfly site`: sites and their plain settings.

use clap::{Subcommand, ValueEnum};

use super::{Result, table};
use crate::{
    control::{Control, Invalid, NewSite, Settings, SiteRecord},
    domain::{
        day::UnixMs,
        declaration::{Consent, Kept, Objection, PathRule},
    },
};

#[derive(Debug, Subcommand)]
pub enum SiteCommand {
    /// Add a site; its first host becomes its name
    Add {
        /// Such as example.com
        host: String,
        /// IANA time zone in which its days begin, such as Europe/Tallinn
        #[arg(long, value_name = "ZONE")]
        timezone: String,
        /// More hosts whose pages may send hits, separated by commas; `*.example.com` admits subdomains
        #[arg(long, value_delimiter = ',', value_name = "HOSTS")]
        hosts: Vec<String>,
    },
    /// List all sites
    List,
    /// Print a site's settings as JSON
    Show { site: String },
    /// Change a setting; zone, k and kept change at the site's next midnight
    Set {
        site: String,
        key: Key,
        /// Lists are separated by commas; `none` empties them
        value: String,
    },
    /// Give a site another name, which becomes its first host
    ///
    /// Trackers, keys and addresses that name the old one go on working, and its pages may still send hits. What
    /// was counted stays as it is: pages are shown with the host on which they were seen.
    Rename { old: String, new: String },
    /// Erase all that was counted for a site, its open day too; name, settings and keys stay
    Reset {
        site: String,
        /// Needed: nothing brings the figures back but a backup
        #[arg(long)]
        yes: bool,
    },
    /// Make a site part of another: rows, name and hosts
    ///
    /// Its open day is closed at once, and its rows are the other's, day by day. Hits that name it count for the
    /// other from now on. Its settings, declarations and keys are gone. Who was on both on one day stays two
    /// visitors. Both need the same time zone.
    Merge {
        site: String,
        #[arg(long)]
        into: String,
    },
    /// Remove a site and all that was counted for it
    Remove {
        site: String,
        /// Leave nothing: write the files of both databases anew too, and wait until it is done
        #[arg(long)]
        erase: bool,
    },
}

/// A setting that `site set` changes.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Key {
    Hosts,
    Zone,
    K,
    /// Of region, city, versions, language
    Kept,
    /// Of gpc, dnt
    Objection,
    /// none or required: whether pages ask visitors first
    Consent,
    /// on or off: whether pages tell web vitals, as categories
    Vitals,
    ExcludedNetworks,
    ExcludedHosts,
    ExcludedPaths,
    PathParameters,
    /// PATTERN=BECOMES
    PathRules,
    RetentionMonths,
}

pub fn run(command: SiteCommand, control: &Control, now: UnixMs) -> Result<String> {
    match command {
        SiteCommand::Add { host, timezone, hosts } => {
            let mut site = NewSite::new(&host, &timezone);
            site.settings.hosts.extend(hosts);
            let added = control.add_site(site, now)?;
            Ok(format!("added {} ({}, {})\n", added.name, added.settings.zone, added.uuid))
        }
        SiteCommand::List => {
            let head = ["NAME", "ZONE", "K", "HOSTS"].map(str::to_owned).to_vec();
            let rows: Vec<_> = [head].into_iter().chain(control.sites(now)?.iter().map(row)).collect();
            Ok(table(&rows))
        }
        SiteCommand::Show { site } => {
            let document = control.site(&site, now)?.document()?;
            Ok(serde_json::to_string_pretty(&document)? + "\n")
        }
        SiteCommand::Set { site, key, value } => {
            let changed = control.change_site(&site, now, |settings| Ok(set(settings, key, &value)?))?;
            Ok(format!("changed {}{}\n", changed.name, from_when(&changed)))
        }
        SiteCommand::Rename { old, new } => {
            let before = control.site(&old, now)?.name;
            let renamed = control.rename_site(&old, &new, now)?;
            Ok(format!("{before} is {} now, and still found as {before}\n", renamed.name))
        }
        // Asked of the process that holds the store.
        SiteCommand::Reset { .. } | SiteCommand::Merge { .. } => Ok(String::new()),
        SiteCommand::Remove { site, .. } => {
            let removed = control.remove_site(&site, now)?;
            Ok(format!("removed {}; the server erases what was counted for it\n", removed.name))
        }
    }
}

fn row(site: &SiteRecord) -> Vec<String> {
    let settings = &site.settings;
    vec![site.name.clone(), settings.zone.clone(), settings.k.to_string(), settings.hosts.join(",")]
}

fn from_when(site: &SiteRecord) -> String {
    match site.pending.as_ref().and_then(|pending| pending.from_day) {
        Some(day) => format!("; zone, k and kept change on {day}, at the site's midnight"),
        None => String::new(),
    }
}

fn set(settings: &mut Settings, key: Key, value: &str) -> Result<(), Invalid> {
    match key {
        Key::Hosts => settings.hosts = list(value),
        Key::Zone => settings.zone = value.to_owned(),
        Key::K => settings.k = number("k", value)?,
        Key::Kept => settings.kept = kept(value)?,
        Key::Objection => settings.objection = objection(value)?,
        Key::Consent => settings.consent = consent(value)?,
        Key::Vitals => settings.vitals = switch("vitals", value)?,
        Key::ExcludedNetworks => settings.excluded.networks = networks(value)?,
        Key::ExcludedHosts => settings.excluded.hosts = list(value),
        Key::ExcludedPaths => settings.excluded.paths = list(value),
        Key::PathParameters => settings.path_parameters = list(value),
        Key::PathRules => {
            settings.path_rules = list(value).iter().map(|rule| path_rule(rule)).collect::<Result<_, _>>()?
        }
        Key::RetentionMonths => settings.retention_months = number("retention_months", value)?,
    }
    Ok(())
}

fn list(value: &str) -> Vec<String> {
    let items = value.split(',').map(str::trim).filter(|item| !item.is_empty() && *item != "none");
    items.map(str::to_owned).collect()
}

fn number(field: &str, value: &str) -> Result<u32, Invalid> {
    value.trim().parse().map_err(|_| Invalid::new(field, value, "a whole number"))
}

fn kept(value: &str) -> Result<Kept, Invalid> {
    let mut kept = Kept::default();
    for item in list(value) {
        match item.as_str() {
            "region" => kept.region = true,
            "city" => kept.city = true,
            "versions" => kept.versions = true,
            "language" => kept.language = true,
            _ => return Err(Invalid::new("kept", item, "some of region, city, versions, language; or none")),
        }
    }
    Ok(kept)
}

fn objection(value: &str) -> Result<Objection, Invalid> {
    let mut objection = Objection { gpc: false, dnt: false };
    for item in list(value) {
        match item.as_str() {
            "gpc" => objection.gpc = true,
            "dnt" => objection.dnt = true,
            _ => return Err(Invalid::new("objection", item, "some of gpc, dnt; or none")),
        }
    }
    Ok(objection)
}

fn consent(value: &str) -> Result<Consent, Invalid> {
    match value.trim() {
        "none" => Ok(Consent::None),
        "required" => Ok(Consent::Required),
        other => Err(Invalid::new("consent", other, "none or required")),
    }
}

fn switch(field: &str, value: &str) -> Result<bool, Invalid> {
    match value.trim() {
        "on" => Ok(true),
        "off" => Ok(false),
        other => Err(Invalid::new(field, other, "on or off")),
    }
}

fn networks(value: &str) -> Result<Vec<ipnet::IpNet>, Invalid> {
    let network = |item: &String| {
        let address = || item.parse().map(|address: std::net::IpAddr| address.into());
        item.parse().or_else(|_| address()).map_err(|_: std::net::AddrParseError| {
            Invalid::new("excluded.networks", item, "a network such as `192.0.2.0/24` or `2001:db8::/48`")
        })
    };
    list(value).iter().map(network).collect()
}

fn path_rule(rule: &str) -> Result<PathRule, Invalid> {
    let (pattern, becomes) =
        rule.split_once('=').ok_or_else(|| Invalid::new("path_rules", rule, "PATTERN=BECOMES"))?;
    Ok(PathRule { pattern: pattern.to_owned(), becomes: becomes.to_owned() })
}
