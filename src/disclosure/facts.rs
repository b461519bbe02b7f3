//! Everything that is disclosed about one site, as one value. Texts and JSON are made of it and of nothing else.

use serde::{Deserialize, Serialize};

use super::{
    process::{Collection, Process, RoleKind, StoreKind},
    tables::{self, Datum, OnDevice, Processed},
};
use crate::{
    collect::opt_out::{COOKIE, COOKIE_DAYS},
    control::Entry,
    domain::{
        day::UnixMs,
        declaration::{Consent, Kept, Site},
        same_site::opt_out_effective,
    },
    sabotage::{self, Sabotage},
};

/// Changes whenever a field of the JSON means something else.
const FORMAT: u32 = 1;

/// What is disclosed about a site. The JSON of docs/API.md.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    pub format: u32,
    pub software: String,
    pub version: String,
    /// Where the counting server is reached, if it has been told.
    pub server: Option<String>,
    pub site: String,
    pub hosts: Vec<String>,
    pub simulated: bool,
    pub settings_version: u32,
    /// The settings that count until midnight, and those after it, if others wait.
    pub in_effect: Counting,
    pub from_next_midnight: Option<Next>,
    /// What holds for days that closed before the settings in effect did: always told, since nothing asks the store here.
    pub earlier_days: EarlierDays,
    pub objection: Objections,
    pub consent: ConsentMode,
    /// Whether pages tell web vitals, by a script of their own.
    pub vitals: bool,
    pub retention_months: u32,
    /// Of what belongs to no site: the ledger of objectors and unknown sites, and the audit log.
    pub records_months: u32,
    pub vocabulary: Vocabulary,
    pub excluded: Exclusions,
    pub role: RoleKind,
    pub collectors: usize,
    /// How each collector takes hits; collectors that did not answer are in `silent`.
    pub collection: Vec<Collection>,
    pub silent: Vec<u32>,
    pub store: StoreKind,
    pub store_encrypted: Option<bool>,
    pub device: Vec<OnDevice>,
    pub processing: Vec<Processed>,
}

/// Settings that change at a site's midnight.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counting {
    /// IANA zone in which days begin, and in which salts are erased.
    pub zone: String,
    pub k: u32,
    /// Whether rows are grouped into crowds: k is more than 1.
    pub grouping: bool,
    pub kept: Kept,
}

/// Whether a change of settings reaches back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EarlierDays {
    /// Rows keep the k and the attributes that their day closed with, until they are deleted.
    AsTheyClosed,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Next {
    pub from_day: String,
    #[serde(flatten)]
    pub counting: Counting,
}

/// Which objections are honoured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Objections {
    pub gpc: bool,
    pub dnt: bool,
    /// The page where a click objects, if there is one.
    pub opt_out: Option<OptOut>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OptOut {
    pub path: String,
    pub cookie: String,
    /// Most days that the cookie lives.
    pub days: u32,
    /// Whether the cookie reaches the counting server from this site's pages; `None` where the server has not been
    /// told its own address.
    pub effective: Option<bool>,
    /// Whether the cookie is sent over https alone.
    pub secure: bool,
}

/// Whether the tracker waits for consent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsentMode {
    None,
    Required,
}

/// How much is declared; the words themselves are the site's own affair.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vocabulary {
    pub events: usize,
    pub properties: usize,
    pub sections: usize,
    pub funnels: usize,
    pub goals: usize,
    /// Query parameters that stay part of a page's path.
    pub path_parameters: Vec<String>,
    pub path_rules: usize,
}

/// How much of the controller's own traffic is left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exclusions {
    pub networks: usize,
    pub hosts: usize,
    pub paths: usize,
}

/// What is known of the collectors of an installation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Collecting {
    pub known: Vec<Collection>,
    /// Numbers of those that did not answer.
    pub silent: Vec<u32>,
}

impl Collecting {
    /// Of a process that collects by itself.
    pub fn here(process: &Process) -> Collecting {
        Collecting { known: vec![process.collection.clone()], silent: Vec::new() }
    }
}

impl Facts {
    /// What is to be said of a site at `now`.
    pub fn of(entry: &Entry, now: UnixMs, process: &Process, collecting: Collecting) -> Facts {
        // Each setting is named: a new one does not compile until it is told, or listed as telling nothing.
        let Site {
            name,
            hosts,
            zone: _,
            k: _,
            kept: _,
            objection,
            consent,
            vitals,
            excluded,
            path_parameters,
            path_rules,
            sections,
            events,
            funnels,
            goals,
            retention_months,
            simulated,
            version,
            // The site's number and its other name.
            id: _,
            uuid: _,
            funnels_since: _,
        } = &**entry.at(now);
        let Process { collection: _, store, store_encrypted, role, collectors, public_url, records_months } =
            process;
        let mut facts = Facts {
            format: FORMAT,
            software: "Mayfly".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            server: public_url.clone(),
            site: name.clone(),
            hosts: hosts.clone(),
            simulated: *simulated,
            settings_version: *version,
            in_effect: Counting::of(entry.at(now)),
            from_next_midnight: entry
                .next(now)
                .map(|(day, site)| Next { from_day: day.to_string(), counting: Counting::of(site) }),
            earlier_days: EarlierDays::AsTheyClosed,
            objection: Objections { gpc: objection.gpc, dnt: objection.dnt, opt_out: None },
            consent: match consent {
                Consent::None => ConsentMode::None,
                Consent::Required => ConsentMode::Required,
            },
            vitals: *vitals,
            retention_months: *retention_months,
            records_months: *records_months,
            vocabulary: Vocabulary {
                events: events.len(),
                properties: events.iter().map(|event| event.properties.len()).sum(),
                sections: sections.len(),
                funnels: funnels.len(),
                goals: goals.len(),
                path_parameters: path_parameters.clone(),
                path_rules: path_rules.len(),
            },
            excluded: Exclusions {
                networks: excluded.networks.len(),
                hosts: excluded.hosts.len(),
                paths: excluded.paths.len(),
            },
            role: *role,
            collectors: collectors.len(),
            collection: collecting.known,
            silent: collecting.silent,
            store: *store,
            store_encrypted: *store_encrypted,
            device: Vec::new(),
            processing: Vec::new(),
        };
        facts.objection.opt_out = Some(OptOut::of(entry.at(now), process));
        facts.device = tables::device(&facts);
        facts.processing = tables::processing(&facts);
        facts
    }

    /// Whether the place of visitors is determined anywhere.
    pub fn locates(&self) -> bool {
        // Of collectors that nobody heard of, the most is said.
        self.collection.is_empty() || self.collection.iter().any(|one| one.locates)
    }

    /// Whether a datum is processed.
    pub fn processes(&self, datum: Datum) -> bool {
        self.processing.iter().any(|one| one.datum == datum)
    }
}

impl OptOut {
    fn of(site: &Site, process: &Process) -> OptOut {
        // Where visitors reach the collectors is theirs to know.
        let server = process.public_url.as_deref().filter(|_| process.role != RoleKind::Report);
        OptOut {
            path: format!("/opt-out?site={}", site.name),
            cookie: COOKIE.to_owned(),
            days: COOKIE_DAYS as u32,
            effective: server.map(|origin| opt_out_effective(site, origin)),
            secure: server.is_some_and(|origin| origin.starts_with("https:")),
        }
    }
}

impl Counting {
    fn of(site: &Site) -> Counting {
        let k = if sabotage::on(Sabotage::DisclosureLies) { 5 } else { site.k };
        Counting { zone: site.zone.name().to_owned(), k, grouping: k > 1, kept: site.kept }
    }
}
