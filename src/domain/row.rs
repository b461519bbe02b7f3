//! Rows: what leaves memory. Which columns a row can carry at all is the table [`columns`]: a row of one
//! family has no place for the attributes of another.

use serde::{Deserialize, Serialize};

use super::{
    Text,
    counters::Counter,
    day::{Day, Hour},
    declaration::SiteId,
};

/// The stored tables that hold counted rows (`days` is apart: [`DayRow`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Table {
    Pages,
    Events,
    Flows,
    Funnels,
    Ledger,
}

/// Which attributes a row may carry (docs/COUNTING.md).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Family {
    Page,
    Source,
    Visit,
    Place,
    Device,
    Language,
}

/// A key column. `Day` and `Hour` stand beside the keys in [`Row`]; `Host` is derived from `Page`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Column {
    Day,
    Hour,
    /// `page`, or `section` for a declared path pattern counted like a page of its own.
    Kind,
    /// Host and scrubbed path (`example.com/pricing`), a section's pattern, `(none)`, `(other)` or `*`.
    Page,
    /// The part of `Page` before its first `/`.
    Host,
    Channel,
    Source,
    UtmSource,
    UtmMedium,
    UtmCampaign,
    UtmContent,
    UtmTerm,
    Country,
    Region,
    City,
    Browser,
    BrowserVersion,
    Os,
    OsVersion,
    Device,
    Language,
    Name,
    /// Empty in the event's own cell.
    Property,
    Value,
    /// ISO 4217 code in the event's own cell when it carries revenue, else empty.
    Currency,
    From,
    To,
    Funnel,
    /// 1-based, as text.
    Step,
    Outcome,
}

/// Values of [`Column::Kind`].
pub const KIND_PAGE: &str = "page";
pub const KIND_SECTION: &str = "section";

impl Table {
    pub const ALL: [Table; 5] = [Table::Pages, Table::Events, Table::Flows, Table::Funnels, Table::Ledger];

    pub const fn name(self) -> &'static str {
        match self {
            Table::Pages => "pages",
            Table::Events => "events",
            Table::Flows => "flows",
            Table::Funnels => "funnels",
            Table::Ledger => "ledger",
        }
    }

    pub fn named(name: &str) -> Option<Table> {
        Self::ALL.into_iter().find(|one| one.name() == name)
    }

    /// The counter columns, in the order of [`Row::counts`].
    pub const fn counters(self) -> &'static [&'static str] {
        match self {
            Table::Pages => &Counter::NAMES,
            Table::Events => &["events", "event_visitors", "event_visits", "value_sum"],
            Table::Flows => &["transitions"],
            Table::Funnels => &["entrants"],
            Table::Ledger => &["hits"],
        }
    }

    /// The families that have rows in this table.
    pub const fn families(self) -> &'static [Family] {
        use Family::*;
        match self {
            Table::Pages => &[Page, Source, Visit, Place, Device, Language],
            Table::Events => &[Page, Visit, Place, Device],
            Table::Flows | Table::Ledger => &[Page],
            Table::Funnels => &[Page, Visit],
        }
    }
}

impl Family {
    pub const ALL: [Family; 6] =
        [Family::Page, Family::Source, Family::Visit, Family::Place, Family::Device, Family::Language];

    pub const fn name(self) -> &'static str {
        match self {
            Family::Page => "page",
            Family::Source => "source",
            Family::Visit => "visit",
            Family::Place => "place",
            Family::Device => "device",
            Family::Language => "language",
        }
    }

    pub fn named(name: &str) -> Option<Family> {
        Self::ALL.into_iter().find(|one| one.name() == name)
    }
}

impl Column {
    pub const fn name(self) -> &'static str {
        match self {
            Column::Day => "day",
            Column::Hour => "hour",
            Column::Kind => "kind",
            Column::Page => "page",
            Column::Host => "host",
            Column::Channel => "channel",
            Column::Source => "source",
            Column::UtmSource => "utm_source",
            Column::UtmMedium => "utm_medium",
            Column::UtmCampaign => "utm_campaign",
            Column::UtmContent => "utm_content",
            Column::UtmTerm => "utm_term",
            Column::Country => "country",
            Column::Region => "region",
            Column::City => "city",
            Column::Browser => "browser",
            Column::BrowserVersion => "browser_version",
            Column::Os => "os",
            Column::OsVersion => "os_version",
            Column::Device => "device",
            Column::Language => "language",
            Column::Name => "name",
            Column::Property => "property",
            Column::Value => "value",
            Column::Currency => "currency",
            Column::From => "from_page",
            Column::To => "to_page",
            Column::Funnel => "funnel",
            Column::Step => "step",
            Column::Outcome => "outcome",
        }
    }
}

/// The key columns that a row of this table and family carries, in the order of [`Row::keys`]. `Day` is
/// always there; [`has_hour`] says whether `Hour` is. This table is the whole answer to "what can a row say".
pub const fn columns(table: Table, family: Family) -> &'static [Column] {
    use Column::*;
    match (table, family) {
        (Table::Pages, Family::Page) => &[Kind, Page],
        (Table::Pages, Family::Source) => &[Channel, Source],
        (Table::Pages, Family::Visit) => {
            &[Kind, Page, Channel, Source, UtmSource, UtmMedium, UtmCampaign, UtmContent, UtmTerm]
        }
        (Table::Pages, Family::Place) => &[Kind, Page, Country, Region, City],
        (Table::Pages, Family::Device) => &[Kind, Page, Browser, BrowserVersion, Os, OsVersion, Device],
        (Table::Pages, Family::Language) => &[Language],
        (Table::Events, Family::Page) => &[Name, Property, Value, Currency, Kind, Page],
        (Table::Events, Family::Visit) => &[
            Name,
            Property,
            Value,
            Currency,
            Channel,
            Source,
            UtmSource,
            UtmMedium,
            UtmCampaign,
            UtmContent,
            UtmTerm,
        ],
        (Table::Events, Family::Place) => &[Name, Country, Region, City],
        (Table::Events, Family::Device) => &[Name, Browser, BrowserVersion, Os, OsVersion, Device],
        (Table::Flows, Family::Page) => &[From, To],
        (Table::Funnels, Family::Page) => &[Funnel, Step],
        (Table::Funnels, Family::Visit) => {
            &[Funnel, Step, Channel, Source, UtmSource, UtmMedium, UtmCampaign, UtmContent, UtmTerm]
        }
        (Table::Ledger, Family::Page) => &[Outcome],
        _ => &[],
    }
}

/// Whether rows of this table and family carry an hour.
pub const fn has_hour(table: Table, family: Family) -> bool {
    matches!((table, family), (Table::Pages | Table::Events, Family::Page))
}

/// One stored row: its key and its counters. Derives its order from the key, so sorting rows sorts by key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Row {
    pub table: Table,
    pub family: Family,
    pub day: Day,
    /// `Some` exactly where [`has_hour`].
    pub hour: Option<Hour>,
    /// In the order of [`columns`].
    pub keys: Box<[Text]>,
    /// In the order of [`Table::counters`].
    pub counts: Box<[i64]>,
}

impl Row {
    /// The value of a key column, if rows of this kind carry it.
    pub fn key(&self, column: Column) -> Option<&Text> {
        let at = columns(self.table, self.family).iter().position(|&one| one == column)?;
        self.keys.get(at)
    }

    /// Whether keys and counters fit the table and family; what the store checks before it inserts.
    pub fn is_well_formed(&self) -> bool {
        self.table.families().contains(&self.family)
            && self.keys.len() == columns(self.table, self.family).len()
            && self.counts.len() == self.table.counters().len()
            && self.hour.is_some() == has_hour(self.table, self.family)
    }
}

/// What identifies a release, in every store and for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ReleaseId {
    pub site: SiteId,
    pub day: Day,
    /// The collector; 0 where there is one.
    pub node: u32,
    /// From 1 in each (site, day, node), without gaps.
    pub number: u32,
}

/// The rows of one site-day that leave memory together, frozen and sorted by key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    pub id: ReleaseId,
    pub rows: Vec<Row>,
    /// Only in a day's last release.
    pub close: Option<DayRow>,
}

/// A closed site-day: a row of `days`, written last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayRow {
    pub site: SiteId,
    pub day: Day,
    pub node: u32,
    /// Close time in Unix seconds, cut to the hour.
    pub closed_at_hour: i64,
    pub k: u32,
    pub salt_epochs: u32,
    pub settings_version: u32,
    pub sizes: Vec<FamilySize>,
    /// Rows of a source were taken from its families `source` and `visit` afterwards. Never so on the way to the
    /// store, so release files do not carry it.
    #[serde(skip)]
    pub corrected: bool,
}

/// What a family's rows of a closed day amount to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FamilySize {
    pub family: Family,
    /// Size of the smallest told row; 0 where there is none.
    pub smallest: i64,
    /// Visits in rows whose first attribute is told, and all visits.
    pub told_visits: i64,
    pub visits: i64,
}
