//! What rows are listed or filtered by.

use serde::{Deserialize, Serialize};

use crate::domain::{
    Text,
    declaration::Kept,
    row::{Column, Family},
};

/// What rows are listed or filtered by. Written as its key.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Dimension {
    Page,
    Section,
    EntryPage,
    ExitPage,
    Host,
    /// A column of one attribute family.
    Attribute(Column),
    Event,
    /// A declared property of an event.
    Property(Text),
    Goal,
    Funnel,
    /// The pages viewed next after the page of the filter.
    Flow,
}

use Dimension::Attribute;

impl From<Dimension> for String {
    fn from(dimension: Dimension) -> String {
        dimension.key()
    }
}

impl TryFrom<String> for Dimension {
    type Error = String;

    fn try_from(key: String) -> Result<Dimension, String> {
        Dimension::named(&key).ok_or_else(|| format!("unknown dimension \"{key}\""))
    }
}

impl Dimension {
    /// Those that have a panel, in the order of the overview.
    pub const PANELS: [Dimension; 23] = [
        Attribute(Column::Channel),
        Attribute(Column::Source),
        Attribute(Column::UtmSource),
        Attribute(Column::UtmMedium),
        Attribute(Column::UtmCampaign),
        Attribute(Column::UtmContent),
        Attribute(Column::UtmTerm),
        Dimension::Page,
        Dimension::EntryPage,
        Dimension::ExitPage,
        Dimension::Section,
        Dimension::Flow,
        Attribute(Column::Country),
        Attribute(Column::Region),
        Attribute(Column::City),
        Attribute(Column::Browser),
        Attribute(Column::BrowserVersion),
        Attribute(Column::Os),
        Attribute(Column::OsVersion),
        Attribute(Column::Device),
        Attribute(Column::Language),
        Dimension::Event,
        Dimension::Goal,
    ];

    /// The dimension of a query key; aliases included.
    pub fn named(key: &str) -> Option<Dimension> {
        if let Some(property) = key.strip_prefix("prop.").filter(|name| !name.is_empty()) {
            return Some(Dimension::Property(property.into()));
        }
        match key {
            "entry" => Some(Dimension::EntryPage),
            "exit" => Some(Dimension::ExitPage),
            "campaign" => Some(Attribute(Column::UtmCampaign)),
            "medium" => Some(Attribute(Column::UtmMedium)),
            "content" => Some(Attribute(Column::UtmContent)),
            "term" => Some(Attribute(Column::UtmTerm)),
            "host" => Some(Dimension::Host),
            "funnel" => Some(Dimension::Funnel),
            _ => Self::PANELS.into_iter().find(|one| one.key() == key),
        }
    }

    /// The key in URLs and JSON.
    pub fn key(&self) -> String {
        match self {
            Dimension::Page => "page".to_owned(),
            Dimension::Section => "section".to_owned(),
            Dimension::EntryPage => "entry_page".to_owned(),
            Dimension::ExitPage => "exit_page".to_owned(),
            Dimension::Host => "host".to_owned(),
            Attribute(column) => column.name().to_owned(),
            Dimension::Event => "event".to_owned(),
            Dimension::Property(name) => format!("prop.{name}"),
            Dimension::Goal => "goal".to_owned(),
            Dimension::Funnel => "funnel".to_owned(),
            Dimension::Flow => "flow".to_owned(),
        }
    }

    /// The attribute family, `None` for pages and events, which go with any that has them.
    pub fn family(&self) -> Option<Family> {
        use Column::*;
        let Attribute(column) = self else { return None };
        match column {
            Channel | Source | UtmSource | UtmMedium | UtmCampaign | UtmContent | UtmTerm => {
                Some(Family::Visit)
            }
            Country | Region | City => Some(Family::Place),
            Language => Some(Family::Language),
            _ => Some(Family::Device),
        }
    }

    /// Whether its values part the visits, so that rows and Other add up to the tile.
    pub fn partitions(&self) -> bool {
        matches!(self, Attribute(_) | Dimension::EntryPage | Dimension::ExitPage)
    }

    /// Whether it can be filtered by.
    pub fn filters(&self) -> bool {
        !matches!(self, Dimension::Goal | Dimension::Funnel | Dimension::Flow)
    }

    /// Whether a site collects it.
    pub fn is_kept(&self, kept: &Kept) -> bool {
        match self {
            Attribute(Column::Region) => kept.region,
            Attribute(Column::City) => kept.city,
            Attribute(Column::BrowserVersion | Column::OsVersion) => kept.versions,
            Attribute(Column::Language) => kept.language,
            _ => true,
        }
    }
}
