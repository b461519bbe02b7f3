//! The policy text: which sentences of a catalogue are true of the facts, in order. Knows no format.

use super::{
    facts::{ConsentMode, Counting, Facts},
    process::{Collection, DurabilityKind, RoleKind, StoreKind},
    tables::{Datum, Held, OfferedBy, OnDevice, Processed, Until},
    words::{Language, Words},
};
use crate::domain::declaration::Kept;

/// A text with sections, in one language.
pub struct Policy {
    pub language: Language,
    pub title: String,
    pub lead: Vec<Block>,
    pub sections: Vec<Section>,
    pub made_by: String,
}

pub struct Section {
    /// For links: the same in all languages.
    pub id: &'static str,
    pub heading: String,
    pub blocks: Vec<Block>,
}

pub enum Block {
    Text(String),
    Heading(String),
    List(Vec<String>),
    /// To be filled in by the controller.
    Fill(String),
    Link {
        before: String,
        to: String,
    },
    Table {
        caption: String,
        head: Vec<String>,
        rows: Vec<Vec<String>>,
    },
}

/// Writes the policy of these facts.
pub fn policy(facts: &Facts, language: Language) -> Policy {
    let writer = Writer { facts, words: language.words() };
    let marks = [
        ("site", facts.site.as_str()),
        ("version", facts.version.as_str()),
        ("settings", &facts.settings_version.to_string()),
    ];
    let mut lead = vec![Block::Text(writer.words.with("lead", &marks))];
    if facts.simulated {
        lead.push(writer.text("simulated"));
    }
    Policy {
        language,
        title: writer.words.with("title", &marks),
        lead,
        sections: vec![
            writer.section(
                "controller",
                vec![writer.fill("controller.fill_name"), writer.fill("controller.fill_officer")],
            ),
            writer.section("purpose", writer.purpose()),
            writer.section("device", writer.device()),
            writer.section("processing", writer.processing()),
            writer.section("anonymous", writer.anonymous()),
            writer.section("durability", writer.durability()),
            writer.section("retention", writer.retention()),
            writer.section("hosting", writer.hosting()),
            writer.section("objection", writer.objection()),
            writer.section("rights", writer.rights()),
        ],
        made_by: writer.words.with("made_by", &marks),
    }
}

struct Writer<'a> {
    facts: &'a Facts,
    words: &'static Words,
}

impl Writer<'_> {
    fn section(&self, id: &'static str, blocks: Vec<Block>) -> Section {
        Section { id, heading: self.words.say(&format!("{id}.heading")), blocks }
    }

    fn text(&self, key: &str) -> Block {
        Block::Text(self.words.say(key))
    }

    fn told(&self, key: &str, marks: &[(&str, &str)]) -> Block {
        Block::Text(self.words.with(key, marks))
    }

    fn fill(&self, key: &str) -> Block {
        Block::Fill(self.words.with("fill", &[("what", &self.words.say(key))]))
    }

    fn list(&self, section: &str, keys: &[&str]) -> Block {
        Block::List(keys.iter().map(|key| self.words.say(&format!("{section}.{key}"))).collect())
    }

    fn head(&self, section: &str, columns: &[&str]) -> Vec<String> {
        columns.iter().map(|column| self.words.say(&format!("{section}.col_{column}"))).collect()
    }

    fn zone(&self) -> &str {
        &self.facts.in_effect.zone
    }

    /// `no`, `yes`.
    fn yes(&self, is: bool) -> String {
        self.words.say(if is { "yes" } else { "no" })
    }

    fn purpose(&self) -> Vec<Block> {
        let fills = ["purpose.fill_basis", "purpose.fill_required"];
        [self.text("purpose.text")].into_iter().chain(fills.map(|key| self.fill(key))).collect()
    }

    fn device(&self) -> Vec<Block> {
        let consent = match self.facts.consent {
            ConsentMode::None => "device.consent_none",
            ConsentMode::Required => "device.consent_required",
        };
        let mut blocks = Vec::from(["device.text", "device.request"].map(|key| self.text(key)));
        blocks.extend(self.facts.vitals.then(|| self.text("device.vitals")));
        blocks.extend([self.fill("device.fill_eprivacy"), self.text(consent)]);
        if self.facts.device.is_empty() {
            blocks.push(self.text("device.empty"));
        } else {
            let columns =
                ["name", "kind", "domain", "party", "duration", "purpose", "third", "category", "flags"];
            blocks.push(self.text("device.only_opt_out"));
            blocks.push(Block::Table {
                caption: self.words.say("device.table"),
                head: self.head("device", &columns),
                rows: self.facts.device.iter().map(|one| self.on_device(one)).collect(),
            });
        }
        blocks.push(self.text("device.staff"));
        blocks
    }

    fn on_device(&self, one: &OnDevice) -> Vec<String> {
        let party = match one.first_party {
            Some(true) => "device.first",
            Some(false) => "device.third",
            None => "device.unknown_party",
        };
        let purpose = match one.offered_by {
            OfferedBy::Server => "device.opt_out_purpose",
            OfferedBy::Page => "device.own_opt_out_purpose",
        };
        vec![
            one.name.clone(),
            self.words.say("device.cookie"),
            one.domain.clone().unwrap_or_else(|| self.words.say("device.unknown_domain")),
            self.words.say(party),
            self.words.count((one.days / 30).into(), "month", "months"),
            self.words.say(purpose),
            self.yes(one.third_party_access),
            self.words.say("device.opt_out_category"),
            format!("{} / {} / {}", self.yes(one.http_only), self.yes(one.secure), one.same_site),
        ]
    }

    fn processing(&self) -> Vec<Block> {
        let facts = self.facts;
        let number = |n: usize| n.to_string();
        let columns = ["datum", "source", "form", "where", "long", "recipients"];
        let mut blocks = vec![Block::Table {
            caption: self.words.say("processing.table"),
            head: self.head("processing", &columns),
            rows: facts.processing.iter().map(|one| self.processed(one)).collect(),
        }];
        blocks.push(
            self.told("processing.kept", &[("list", &self.kept(&facts.in_effect.kept, facts.locates()))]),
        );
        let declared = &facts.vocabulary;
        let counts = [
            ("events", number(declared.events)),
            ("properties", number(declared.properties)),
            ("sections", number(declared.sections)),
            ("funnels", number(declared.funnels)),
            ("goals", number(declared.goals)),
        ];
        blocks.push(
            self.told("processing.vocabulary", &counts.each_ref().map(|(mark, n)| (*mark, n.as_str()))),
        );
        blocks.push(match declared.path_parameters.is_empty() {
            true => self.text("processing.no_parameters"),
            false => self.told("processing.parameters", &[("list", &declared.path_parameters.join(", "))]),
        });
        blocks.extend(["processing.scrubbing", "processing.tags"].map(|key| self.text(key)));
        if declared.path_rules > 0 {
            blocks.push(self.told("processing.rules", &[("n", &number(declared.path_rules))]));
        }
        let out = &facts.excluded;
        if out.networks + out.hosts + out.paths > 0 {
            let (networks, hosts, paths) = (number(out.networks), number(out.hosts), number(out.paths));
            let marks = [("networks", networks.as_str()), ("hosts", &hosts), ("paths", &paths)];
            blocks.push(self.told("processing.excluded", &marks));
        }
        blocks.extend(self.each_collection(|one| self.addresses(one)));
        blocks.push(Block::Heading(self.words.say("processing.never_heading")));
        blocks.push(self.list("processing", &["never_1", "never_2", "never_3", "never_4"]));
        blocks
    }

    fn processed(&self, one: &Processed) -> Vec<String> {
        let name = one.datum.name();
        let datum = |field: &str| self.words.say(&format!("datum.{name}{field}"));
        let k = one.crowd.unwrap_or(1).to_string();
        let form = match (one.datum, one.crowd) {
            (Datum::Proposals, Some(1)) => self.words.say("datum.proposals_form_off"),
            (Datum::Proposals, _) => self.words.with("datum.proposals_form", &[("k", &k)]),
            (Datum::Source, Some(1)) => self.words.say("datum.source_form_off"),
            (Datum::Source, _) => self.words.with("datum.source_form", &[("k", &k)]),
            (_, Some(1)) => self.words.say("datum.crowd_form_off"),
            (_, Some(_)) => self.words.with("datum.crowd_form", &[("k", &k)]),
            (_, None) => datum("_form"),
        };
        let held = match one.held {
            Held::Request => "where_request",
            Held::Memory => "where_memory",
            Held::Journal => "where_journal",
            Held::Store => "where_store",
        };
        let long = match one.until {
            Until::Request => self.words.say("processing.until_request"),
            Until::TenMinutes => self.words.say("processing.until_ten_minutes"),
            Until::Hour => self.words.say("processing.until_hour"),
            Until::Midnight => self.words.with("processing.until_midnight", &[("zone", self.zone())]),
            Until::Retention => self.words.with("processing.until_retention", &[("months", &self.months())]),
        };
        let recipients = if one.in_reports { "recipients_staff" } else { "recipients_none" };
        let processing = |key: &str| self.words.say(&format!("processing.{key}"));
        vec![datum(""), datum("_source"), form, processing(held), long, processing(recipients)]
    }

    fn months(&self) -> String {
        self.words.count(self.facts.retention_months.into(), "month", "months")
    }

    fn records_months(&self) -> String {
        self.words.count(self.facts.records_months.into(), "month", "months")
    }

    /// What is kept beyond page, source and campaign, in words.
    fn kept(&self, kept: &Kept, locates: bool) -> String {
        let all = [
            ("country", locates),
            ("region", locates && kept.region),
            ("city", locates && kept.city),
            ("device", true),
            ("versions", kept.versions),
            ("language", kept.language),
        ];
        let kept = all.iter().filter(|(_, is)| *is).map(|(name, _)| self.words.say(&format!("datum.{name}")));
        kept.collect::<Vec<_>>().join("; ")
    }

    /// What is true of collectors: said once where it is the same of all, else with their numbers.
    fn each_collection(&self, say: impl Fn(&Collection) -> Vec<Block>) -> Vec<Block> {
        let alike = |one: &Collection| Collection { node: 0, ..one.clone() };
        let mut groups: Vec<(Collection, Vec<u32>)> = Vec::new();
        for one in &self.facts.collection {
            match groups.iter_mut().find(|(other, _)| *other == alike(one)) {
                Some((_, nodes)) => nodes.push(one.node),
                None => groups.push((alike(one), vec![one.node])),
            }
        }
        let single = groups.len() == 1;
        let of_group = |(one, nodes): &(Collection, Vec<u32>)| {
            let heading =
                (!single).then(|| self.words.with("durability.node", &[("nodes", &numbers(nodes))]));
            heading.map(Block::Heading).into_iter().chain(say(one)).collect::<Vec<_>>()
        };
        groups.iter().flat_map(of_group).collect()
    }

    fn addresses(&self, one: &Collection) -> Vec<Block> {
        let (v4, v6) = (one.network_v4_bits.to_string(), one.network_v6_bits.to_string());
        vec![
            self.told("processing.grain", &[("v4", &v4), ("v6", &v6)]),
            match &one.forwarding_header {
                Some(header) => self.told("processing.proxy", &[("header", header)]),
                None => self.text("processing.direct"),
            },
            self.text(if one.locates { "processing.geo" } else { "processing.no_geo" }),
        ]
    }

    fn anonymous(&self) -> Vec<Block> {
        let Counting { k, grouping, .. } = &self.facts.in_effect;
        let mut blocks = vec![match grouping {
            true => self.told("anonymous.crowd", &[("k", &k.to_string())]),
            false => self.text("anonymous.off"),
        }];
        blocks.push(self.told("anonymous.earlier", &[("months", &self.months())]));
        blocks.push(self.text("anonymous.families"));
        blocks.push(self.told("anonymous.rotation", &[("zone", self.zone())]));
        if let Some(next) = &self.facts.from_next_midnight {
            let Counting { zone, k, kept, .. } = &next.counting;
            let kept = self.kept(kept, self.facts.locates());
            let marks =
                [("day", next.from_day.as_str()), ("zone", zone), ("k", &k.to_string()), ("kept", &kept)];
            blocks.push(self.told("anonymous.next", &marks));
        }
        blocks.push(Block::Heading(self.words.say("anonymous.limits_heading")));
        let mut limits = vec!["limit_open"];
        if *grouping {
            limits.extend(["limit_k", "limit_crowd", "limit_rare"]);
        }
        limits.extend(["limit_page", "limit_match"]);
        blocks.push(self.list("anonymous", &limits));
        blocks.extend(self.each_collection(|one| {
            vec![self.told("anonymous.flush", &[("interval", &self.words.duration(one.flush_interval_s))])]
        }));
        blocks
    }

    fn durability(&self) -> Vec<Block> {
        let mut blocks = vec![self.text("durability.journal")];
        blocks.extend(self.each_collection(|one| {
            let key = match one.durability {
                DurabilityKind::Power => "durability.power",
                DurabilityKind::Process => "durability.process",
            };
            let restart = if one.survives_restart { "durability.restart" } else { "durability.no_restart" };
            vec![self.text(key), self.text(restart)]
        }));
        if !self.facts.silent.is_empty() {
            blocks.push(self.told("durability.silent", &[("nodes", &numbers(&self.facts.silent))]));
        }
        blocks.push(self.text("durability.swap"));
        blocks
    }

    fn retention(&self) -> Vec<Block> {
        vec![
            self.told("retention.text", &[("months", &self.months())]),
            self.told("retention.records", &[("months", &self.records_months())]),
            self.text("retention.backups"),
            self.fill("retention.fill_backups"),
        ]
    }

    fn hosting(&self) -> Vec<Block> {
        let mut blocks = match (self.facts.store, self.facts.store_encrypted) {
            (StoreKind::Embedded, _) => vec![self.text("hosting.embedded")],
            (StoreKind::ClickHouse, Some(true)) => {
                vec![self.text("hosting.clickhouse"), self.text("hosting.clickhouse_tls")]
            }
            (StoreKind::ClickHouse, _) => {
                vec![self.text("hosting.clickhouse"), self.text("hosting.clickhouse_plain")]
            }
        };
        blocks.push(match self.facts.role {
            RoleKind::All => self.text("hosting.alone"),
            RoleKind::Collector => self.text("hosting.collector"),
            RoleKind::Report => self.told("hosting.collectors", &[("n", &self.facts.collectors.to_string())]),
        });
        blocks.push(self.text("hosting.outbound"));
        blocks.extend(["hosting.fill_host", "hosting.fill_transfer"].map(|key| self.fill(key)));
        blocks
    }

    fn objection(&self) -> Vec<Block> {
        let objection = &self.facts.objection;
        let signal = |is, on: &str, off: &str| self.words.say(if is { on } else { off });
        let mut blocks = vec![
            self.text("objection.lead"),
            Block::List(vec![
                signal(objection.gpc, "objection.gpc_on", "objection.gpc_off"),
                signal(objection.dnt, "objection.dnt_on", "objection.dnt_off"),
            ]),
        ];
        match &objection.opt_out {
            None => blocks.push(self.text("objection.no_opt_out")),
            Some(opt_out) => {
                let to = format!("{}{}", self.facts.server.as_deref().unwrap_or_default(), opt_out.path);
                blocks.push(Block::Link { before: self.words.say("objection.opt_out"), to });
                match opt_out.effective {
                    Some(true) => blocks.push(self.text("objection.opt_out_effective")),
                    Some(false) => blocks
                        .extend([self.text("objection.opt_out_not"), self.text("objection.opt_out_flag")]),
                    None => blocks.extend([
                        self.text("objection.opt_out_unknown"),
                        self.text("objection.opt_out_flag"),
                    ]),
                }
            }
        }
        blocks.push(self.fill("objection.fill_more"));
        blocks
    }

    fn rights(&self) -> Vec<Block> {
        vec![self.text("rights.text"), self.text("rights.complaint"), self.fill("rights.fill_rights")]
    }
}

fn numbers(nodes: &[u32]) -> String {
    nodes.iter().map(u32::to_string).collect::<Vec<_>>().join(", ")
}
