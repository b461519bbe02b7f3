//! The filters of a request, understood once: what they make of tiles, panels and rows.

use serde::{Deserialize, Serialize};

use super::{Dimension::Attribute, *};
use crate::domain::{
    Text,
    declaration::{Section, matches_path},
    query::{Condition, Operator},
    row::{self, Column, Family, Table},
};

/// One condition of the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filter {
    #[serde(rename = "key")]
    pub dimension: Dimension,
    pub operator: Operator,
    pub values: Vec<Text>,
}

impl Filter {
    fn is_one(&self) -> bool {
        self.operator == Operator::Is && self.values.len() == 1
    }
}

/// How the counters of a page cell are read: what "visits" are depends on what the cell stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// All pages, or a row of an attribute: visits are the visits that began.
    Whole,
    /// One page or section: visits are those that saw it, bounces and times of those that began here.
    Seen,
    /// Several pages at once: those that saw them overlap.
    SeenMany,
    /// Visits that began here.
    Began,
    /// Visits that ended here.
    Ended,
    /// Pages of a host: views there, and visits that began there.
    Host,
}

/// The filters of a request, understood once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    pub attribute: Option<Family>,
    pub view: View,
    /// Only channel and source are filtered by, if any attribute is.
    pub plain_sources: bool,
    pub event: bool,
    /// Exactly one event, and one value if a property is filtered by: its visits can be told.
    pub event_is_one: bool,
    pub property: bool,
    in_section: bool,
    filters: Vec<Filter>,
}

impl Scope {
    /// Understands filters, or says why no row could answer them together.
    ///
    /// # Errors
    /// The refusal in words.
    pub fn of(filters: &[Filter], sections: &[Section]) -> Result<Scope, Refusal> {
        let attribute = attribute(filters)?;
        let view = view(filters, attribute, sections)?;
        let event: Vec<&Filter> = filters.iter().filter(|one| one.dimension == Dimension::Event).collect();
        let property: Vec<&Filter> =
            filters.iter().filter(|one| matches!(one.dimension, Dimension::Property(_))).collect();
        check_events(&event, &property, attribute, view)?;
        let plain = |one: &Filter| {
            matches!(one.dimension, Attribute(Column::Channel | Column::Source))
                || one.dimension.family().is_none()
        };
        Ok(Scope {
            attribute,
            view,
            plain_sources: filters.iter().all(plain) && view == View::Whole && event.is_empty(),
            event: !event.is_empty(),
            event_is_one: event.len() == 1
                && event.iter().chain(&property).all(|one| one.is_one())
                && view == View::Whole,
            property: !property.is_empty(),
            in_section: is_within_sections(filters, sections),
            filters: filters.to_vec(),
        })
    }

    /// The family that tiles and pages are read from.
    pub fn family(&self) -> Family {
        self.attribute.unwrap_or(Family::Page)
    }

    /// Whether hours are stored for what is asked.
    pub fn has_hours(&self) -> bool {
        self.attribute.is_none()
    }

    /// The one page that is filtered by.
    pub fn one_page(&self) -> Option<&Text> {
        let page = self.filters.iter().find(|one| one.dimension == Dimension::Page)?;
        page.is_one().then(|| &page.values[0])
    }

    /// The events that are filtered by, where they are named.
    pub fn events(&self) -> &[Text] {
        self.filters
            .iter()
            .find(|one| one.dimension == Dimension::Event && one.operator == Operator::Is)
            .map_or(&[], |one| one.values.as_slice())
    }

    /// The conditions on rows of `pages` or, without its property, `events`. `kind` is which rows of
    /// overlapping kinds are meant, where the family has both.
    pub fn conditions(&self, table: Table, family: Family, kind: Option<&'static str>) -> Vec<Condition> {
        let filters = self.filters.iter().filter_map(|one| condition(one, table, family));
        let kinds = matches!((table, family), (_, Family::Page) | (Table::Pages, Family::Visit))
            && matches!(table, Table::Pages | Table::Events);
        let kind = kind.filter(|_| kinds).map(|kind| Condition::is(Column::Kind, kind));
        filters.chain(kind).collect()
    }

    /// The kind of rows that tiles add up.
    pub fn kind(&self) -> &'static str {
        match self.filters.iter().any(|one| one.dimension == Dimension::Section) {
            true => row::KIND_SECTION,
            false => row::KIND_PAGE,
        }
    }

    /// From which family the rows of a dimension come.
    ///
    /// # Errors
    /// The refusal in words.
    pub fn answers(&self, dimension: &Dimension) -> Result<Family, Refusal> {
        match (dimension, self.attribute) {
            (Attribute(_), attribute) => self.attribute_rows(dimension, attribute),
            (Dimension::Funnel, None | Some(Family::Visit)) if self.view == View::Whole && !self.event => {
                Ok(self.family())
            }
            (Dimension::Funnel, _) => Err(FUNNELS),
            (Dimension::Goal, Some(Family::Language)) => Err(LANGUAGE_APART),
            (Dimension::Goal, _) if self.event => Err(GOALS),
            (Dimension::Goal, _) if self.view != View::Whole => Err(NOT_BY_ENTRY),
            (Dimension::Flow, _) if self.of_host() => Err(FLOW_HOST),
            (Dimension::Flow, None) if self.one_page().is_some() && !self.event => Ok(Family::Page),
            (Dimension::Flow, _) => {
                Err("Pick one page, and no source, place or device, to see which pages follow")
            }
            (_, Some(Family::Language)) => Err(LANGUAGE_APART),
            (Dimension::Event | Dimension::Property(_), _) => self.event_rows(dimension),
            (Dimension::Host, Some(_)) => Err(HOST_ALONE),
            (_, Some(Family::Visit | Family::Place | Family::Device)) if self.event => Err(EVENT_PAGE),
            (Dimension::ExitPage, _) if self.view == View::Began => Err(NOT_BY_ENTRY),
            (Dimension::EntryPage, _) if self.view == View::Ended => Err(NOT_BY_ENTRY),
            (Dimension::Page | Dimension::Section, _) if matches!(self.view, View::Began | View::Ended) => {
                Err(NOT_BY_ENTRY)
            }
            (Dimension::EntryPage | Dimension::ExitPage, _) if self.event => Err(EVENT_ENTRY),
            (Dimension::Section, _)
                if matches!(self.view, View::Seen | View::SeenMany) && self.kind() != row::KIND_SECTION =>
            {
                Err(PAGE_SECTION)
            }
            _ => Ok(self.family()),
        }
    }

    fn attribute_rows(&self, dimension: &Dimension, attribute: Option<Family>) -> Result<Family, Refusal> {
        let family = dimension.family().unwrap_or(Family::Page);
        if attribute.is_some_and(|one| one != family) {
            return Err(match (attribute, family) {
                (Some(Family::Visit), _) | (_, Family::Visit) => SOURCES_APART,
                (Some(Family::Language), _) | (_, Family::Language) => LANGUAGE_APART,
                _ => STORED_APART,
            });
        }
        match family {
            Family::Language if self.event || self.view != View::Whole => Err(LANGUAGE_APART),
            _ if self.view == View::Host => Err(HOST_ALONE),
            _ if self.event && self.view != View::Whole => Err(EVENT_PAGE),
            Family::Place | Family::Device if self.property => Err(PROPERTY_ALONE),
            Family::Place | Family::Device if self.in_section => Err(IN_SECTION),
            _ => Ok(family),
        }
    }

    fn of_host(&self) -> bool {
        self.filters.iter().any(|one| one.dimension == Dimension::Host)
    }

    fn event_rows(&self, dimension: &Dimension) -> Result<Family, Refusal> {
        let property = matches!(dimension, Dimension::Property(_));
        let is_other =
            |one: &Filter| matches!(one.dimension, Dimension::Property(_)) && one.dimension != *dimension;
        if property && self.filters.iter().any(is_other) {
            return Err(PROPERTY_ONE);
        }
        match self.attribute {
            Some(Family::Place | Family::Device) if property => Err(PROPERTY_ALONE),
            Some(_) if self.view != View::Whole => Err(EVENT_PAGE),
            _ if matches!(self.view, View::Began | View::Ended | View::Host) => Err(EVENT_ENTRY),
            _ if property && !self.event => Err(PROPERTY_EVENT),
            _ => Ok(self.family()),
        }
    }
}

impl Scope {
    /// How a metric of the whole scope (a tile) is counted.
    ///
    /// # Errors
    /// The refusal in words.
    pub fn tile(&self, metric: Metric) -> Result<Formula, Refusal> {
        match (self.event, metric.is_of_event()) {
            (true, false) => Err(WITH_EVENT),
            (false, true) => Err(NO_EVENT),
            (true, true) if self.property && metric == Metric::ValueSum => Err(EVENT_RATE_PAGE),
            (true, true) if !self.event_is_one && metric != Metric::Events => Err(EVENT_RATE_PAGE),
            // Rare sources are told in `source` alone: what its list says must be what the tile says.
            _ if self.is_of_sources() && metric == Metric::Visits => Ok(Formula::Sum(Counted::Source(0))),
            _ if self.is_of_sources() && metric == Metric::Visitors => Ok(Formula::Sum(Counted::Source(1))),
            _ => formula(metric, self.view, self.family()),
        }
    }

    /// Whether only channel and source are filtered by: visits and visitors are then those of `source`.
    pub fn is_of_sources(&self) -> bool {
        self.plain_sources && self.attribute == Some(Family::Visit)
    }
}

fn attribute(filters: &[Filter]) -> Result<Option<Family>, Refusal> {
    let mut families = filters.iter().filter_map(|one| one.dimension.family());
    let first = families.next();
    match families.all(|one| Some(one) == first) {
        true => Ok(first),
        false => Err(ONE_FAMILY),
    }
}

fn view(filters: &[Filter], attribute: Option<Family>, sections: &[Section]) -> Result<View, Refusal> {
    use Dimension::{EntryPage, ExitPage, Host, Page, Section};
    let mut pages =
        filters.iter().filter(|one| matches!(one.dimension, Page | Section | EntryPage | ExitPage));
    let (page, host) = (pages.next(), filters.iter().any(|one| one.dimension == Host));
    if pages.any(|one| Some(&one.dimension) != page.map(|first| &first.dimension) || one.dimension == Section)
    {
        return Err(ONE_PAGE);
    }
    if attribute == Some(Family::Language) && (page.is_some() || host) {
        return Err(LANGUAGE_APART);
    }
    if host && (attribute.is_some() || page.is_some_and(|one| one.dimension == Section)) {
        return Err(HOST_ALONE);
    }
    let Some(page) = page else { return Ok(if host { View::Host } else { View::Whole }) };
    let of_place = matches!(attribute, Some(Family::Place | Family::Device));
    if of_place && is_within_sections(filters, sections) {
        return Err(IN_SECTION);
    }
    let several = filters.iter().filter(|one| one.dimension == page.dimension).count() > 1 || !page.is_one();
    match page.dimension {
        Section if several => Err(SECTION_IS),
        Page if several => Ok(View::SeenMany),
        EntryPage => Ok(View::Began),
        ExitPage => Ok(View::Ended),
        _ => Ok(View::Seen),
    }
}

/// Whether pages are filtered by that may lie in a section: places and devices then know the section only.
fn is_within_sections(filters: &[Filter], sections: &[Section]) -> bool {
    use Dimension::{EntryPage, ExitPage, Page};
    let in_section = |label: &Text| sections.iter().any(|one| matches_path(&one.pattern, label));
    let mut of_pages = filters.iter().filter(|one| matches!(one.dimension, Page | EntryPage | ExitPage));
    of_pages.any(|one| match one.operator {
        Operator::Is => one.values.iter().any(in_section),
        _ => !sections.is_empty(),
    })
}

fn check_events(
    event: &[&Filter],
    property: &[&Filter],
    attribute: Option<Family>,
    view: View,
) -> Result<(), Refusal> {
    let of_place = matches!(attribute, Some(Family::Place | Family::Device));
    match () {
        () if event.is_empty() && property.is_empty() => Ok(()),
        () if event.is_empty() => Err(PROPERTY_EVENT),
        () if property.len() > 1 => Err(PROPERTY_ONE),
        () if attribute == Some(Family::Language) => Err(LANGUAGE_APART),
        () if matches!(view, View::Began | View::Ended | View::Host) => Err(EVENT_ENTRY),
        () if attribute.is_some() && view != View::Whole => Err(EVENT_PAGE),
        () if of_place && !property.is_empty() => Err(PROPERTY_ALONE),
        () => Ok(()),
    }
}

/// A filter as a condition on rows of a table and family; `None` where it does not touch them.
fn condition(filter: &Filter, table: Table, family: Family) -> Option<Condition> {
    let column = match (&filter.dimension, table) {
        (Attribute(column), _) if row::columns(table, family).contains(column) => *column,
        (
            Dimension::Page | Dimension::Section | Dimension::EntryPage | Dimension::ExitPage,
            Table::Pages | Table::Events,
        ) => Column::Page,
        (Dimension::Host, Table::Pages | Table::Events) => Column::Host,
        (Dimension::Event, Table::Events) => Column::Name,
        (Dimension::Property(_), Table::Events) => Column::Value,
        _ => return None,
    };
    Some(Condition { column, operator: filter.operator, values: filter.values.clone() })
}
