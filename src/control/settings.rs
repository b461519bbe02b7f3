//! A site as the control database keeps it: settings in effect, and those that wait for midnight.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{Invalid, validate};
use crate::domain::{
    day::{Day, UnixMs, Zone},
    declaration::{
        Consent, EventDeclaration, Excluded, Funnel, Goal, Kept, Objection, PathRule, Section, Site, SiteId,
        Step,
    },
    vitals,
};

/// What a site sets and declares. In JSON, what is left out has its default; unknown fields are errors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub hosts: Vec<String>,
    /// IANA name.
    pub zone: String,
    #[serde(default = "k_default")]
    pub k: u32,
    #[serde(default)]
    pub kept: Kept,
    #[serde(default)]
    pub objection: Objection,
    #[serde(default)]
    pub consent: Consent,
    /// Whether pages tell web vitals.
    #[serde(default)]
    pub vitals: bool,
    #[serde(default)]
    pub excluded: Excluded,
    #[serde(default)]
    pub path_parameters: Vec<String>,
    #[serde(default)]
    pub path_rules: Vec<PathRule>,
    #[serde(default)]
    pub sections: Vec<Section>,
    #[serde(default)]
    pub events: Vec<EventDeclaration>,
    #[serde(default)]
    pub funnels: Vec<Arc<Funnel>>,
    #[serde(default)]
    pub goals: Vec<Goal>,
    #[serde(default = "retention_default")]
    pub retention_months: u32,
}

fn k_default() -> u32 {
    5
}

/// Twenty-five months: two years to compare, and the month that runs.
fn retention_default() -> u32 {
    25
}

/// Settings that decide how a day counts change at midnight only: these wait for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pending {
    pub zone: String,
    pub k: u32,
    pub kept: Kept,
    /// The first day they count for; it begins at midnight of the zone in effect before.
    #[serde(with = "day_text", default)]
    pub from_day: Option<Day>,
}

mod day_text {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use crate::domain::day::Day;

    pub fn serialize<S: Serializer>(day: &Option<Day>, to: S) -> Result<S::Ok, S::Error> {
        match day {
            Some(day) => to.collect_str(day),
            None => to.serialize_none(),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Day>, D::Error> {
        let Some(text) = Option::<String>::deserialize(from)? else { return Ok(None) };
        Day::parse(&text).map(Some).ok_or_else(|| D::Error::custom("expected a date such as 2026-11-22"))
    }
}

/// A site in the control database.
#[derive(Clone, Debug, PartialEq)]
pub struct SiteRecord {
    pub id: SiteId,
    pub name: String,
    pub uuid: String,
    pub simulated: bool,
    pub version: u32,
    pub settings: Settings,
    pub pending: Option<Pending>,
    /// First day counted in the zone in effect; `None`: the zone never changed.
    pub since_day: Option<Day>,
    /// The site-day on which each section, event, funnel and goal was declared, by `kind:name`.
    pub declared: BTreeMap<String, Day>,
}

impl Settings {
    /// Settings of a new site, all others at their defaults.
    pub fn new(hosts: Vec<String>, zone: &str) -> Settings {
        Settings {
            hosts,
            zone: zone.to_owned(),
            k: k_default(),
            kept: Kept::default(),
            objection: Objection::default(),
            consent: Consent::default(),
            vitals: false,
            excluded: Excluded::default(),
            path_parameters: Vec::new(),
            path_rules: Vec::new(),
            sections: Vec::new(),
            events: Vec::new(),
            funnels: Vec::new(),
            goals: Vec::new(),
            retention_months: retention_default(),
        }
    }

    fn midnight(&self) -> (&str, u32, Kept) {
        (&self.zone, self.k, self.kept)
    }

    fn take_over(&mut self, pending: &Pending) {
        self.zone.clone_from(&pending.zone);
        self.k = pending.k;
        self.kept = pending.kept;
    }

    /// What was declared, by `kind:name`: a funnel with other steps is another funnel.
    fn declarations(&self) -> BTreeMap<String, String> {
        let step = |step: &Step| match step {
            Step::Page(text) => format!("page:{text}"),
            Step::Section(text) => format!("section:{text}"),
            Step::Event(text) => format!("event:{text}"),
        };
        let sections = self.sections.iter().map(|it| (format!("section:{}", it.pattern), String::new()));
        let events = self.events.iter().map(|it| (format!("event:{}", it.name), String::new()));
        let vitals = self.vitals.then(|| (format!("event:{}", vitals::EVENT), String::new()));
        let goals = self.goals.iter().map(|it| (format!("goal:{}", it.name), step(&it.reached_by)));
        let funnels = self.funnels.iter().map(|it| {
            (format!("funnel:{}", it.name), it.steps.iter().map(step).collect::<Vec<_>>().join("\n"))
        });
        sections.chain(events).chain(vitals).chain(goals).chain(funnels).collect()
    }
}

impl SiteRecord {
    /// The instant from which the pending settings count, if there are any.
    pub fn changes_at(&self) -> Option<UnixMs> {
        let from_day = self.pending.as_ref()?.from_day?;
        Some(Zone::named(&self.settings.zone)?.start_of(from_day))
    }

    /// The record as it is at `now`: pending settings whose midnight has passed are in effect.
    pub(super) fn settled(mut self, now: UnixMs) -> SiteRecord {
        if self.changes_at().is_some_and(|at| at <= now)
            && let Some(pending) = self.pending.take()
        {
            self.since_day = pending.from_day;
            self.settings.take_over(&pending);
        }
        self
    }

    /// The site-day at `now`.
    pub fn today(&self, now: UnixMs) -> Day {
        let day = Zone::named(&self.settings.zone).unwrap_or_else(Zone::utc).day_at(now);
        self.since_day.map_or(day, |since| day.max(since))
    }

    /// Replaces all settings. Zone, k and kept attributes go to `pending`, from the next midnight on, where
    /// they differ from those in effect.
    ///
    /// # Errors
    /// The first field that is wrong; the record is unchanged then.
    pub(super) fn change(&mut self, wanted: Settings, now: UnixMs) -> Result<(), Invalid> {
        let mut wanted = validate::settings(wanted)?;
        let today = self.today(now);
        let before = self.settings.declarations();
        let after = wanted.declarations();
        let mut declared = std::mem::take(&mut self.declared);
        self.declared = after
            .iter()
            .map(|(name, meaning)| match before.get(name) == Some(meaning) {
                true => (name.clone(), declared.remove(name).unwrap_or(today)),
                false => (name.clone(), today),
            })
            .collect();
        self.pending = (wanted.midnight() != self.settings.midnight()).then(|| Pending {
            zone: wanted.zone.clone(),
            k: wanted.k,
            kept: wanted.kept,
            from_day: Some(today.plus(1)),
        });
        wanted.zone.clone_from(&self.settings.zone);
        (wanted.k, wanted.kept) = (self.settings.k, self.settings.kept);
        self.settings = wanted;
        self.version += 1;
        Ok(())
    }

    /// The settings as they will be after the next midnight: what an editor starts from.
    pub fn wanted(&self) -> Settings {
        let mut settings = self.settings.clone();
        if let Some(pending) = &self.pending {
            settings.take_over(pending);
        }
        settings
    }

    /// The site for counting, with these settings. `None` if the zone is unknown to this program.
    pub(super) fn site(&self, mut settings: Settings) -> Option<Site> {
        settings.events.extend(settings.vitals.then(vitals::declaration));
        let declared = self.declared.iter().filter(|_| !self.simulated);
        Some(Site {
            id: self.id,
            name: self.name.clone(),
            uuid: self.uuid.clone(),
            zone: Zone::named(&settings.zone)?,
            hosts: settings.hosts,
            k: settings.k,
            kept: settings.kept,
            objection: settings.objection,
            consent: settings.consent,
            vitals: settings.vitals,
            excluded: settings.excluded,
            path_parameters: settings.path_parameters,
            path_rules: settings.path_rules,
            sections: settings.sections,
            events: settings.events,
            funnels: settings.funnels,
            funnels_since: declared
                .filter_map(|(name, day)| Some((name.strip_prefix("funnel:")?.into(), *day)))
                .collect(),
            goals: settings.goals,
            retention_months: settings.retention_months,
            simulated: self.simulated,
            version: self.version,
        })
    }
}
