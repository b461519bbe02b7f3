//! What can be asked: the one table of metric x dimension x filters -> family and counter, or the refusal in
//! words (DESIGN.md, section 7). API, dashboard and documentation read it; nothing else decides.

use super::{
    Text,
    counters::Counter,
    declaration::{Kept, Section, matches_path},
    query::{Condition, Operator},
    row::{Column, Family, Table},
};

/// Why something is not answered, in words for people.
pub type Refusal = &'static str;

pub const STORED_APART: Refusal = "Stored apart: place and device show only in crowds";
pub const SOURCES_APART: Refusal =
    "Stored apart: no row tells both where a visit came from and where or what its visitor is";
pub const LANGUAGE_APART: Refusal = "Stored apart: language is counted alone, without pages and events";
pub const NOT_COLLECTED: Refusal = "not_collected: this site does not keep it";
pub const ONE_FAMILY: Refusal = "one kind of attribute at a time: sources, places, devices or language";
const ONE_PAGE: Refusal = "one of page, section, entry page and exit page at a time";
const HOST_ALONE: Refusal = "hosts are counted without sources, places and devices";
const EVENT_PAGE: Refusal = "events by page are counted without sources, places and devices";
const EVENT_ENTRY: Refusal = "events are not stored by entry page, exit page or host";
const EVENT_IS: Refusal = "an event filter names events: only \"is\" is answered";
const PROPERTY_ALONE: Refusal = "event properties are counted without places and devices";
const PROPERTY_EVENT: Refusal = "a property filter needs an event filter beside it";
const PROPERTY_ONE: Refusal = "one property at a time: no row holds two";
const SECTION_IS: Refusal = "a section filter names sections: only \"is\" one is answered";
const IN_SECTION: Refusal =
    "places and devices count this page as part of its section: filter by the section";
const PAGE_SECTION: Refusal = "sections are counted without the page: remove the page filter";
const OVERLAP: Refusal = "visits and visitors overlap between pages: only \"is\" one page is answered";
const PER_SET: Refusal = "times and scroll depth are stored per source, without the page";
const NOT_BY_ENTRY: Refusal = "what visits that began or ended here saw elsewhere is not stored";
const EVENT_RATE_PAGE: Refusal = "there is no count of an event's visits by page";
const VISITS_ONLY: Refusal = "the plain list of sources has visits and visitors only";
const NO_EVENT: Refusal = "needs an event";
const WITH_EVENT: Refusal = "with an event filter, count, visits with it and rate are shown";
const FUNNELS: Refusal = "funnels are counted whole and by source only";

/// What rows are listed or filtered by.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
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

/// One condition of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
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

    /// The events that are filtered by.
    pub fn events(&self) -> &[Text] {
        self.filters
            .iter()
            .find(|one| one.dimension == Dimension::Event)
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
            true => super::row::KIND_SECTION,
            false => super::row::KIND_PAGE,
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
            (Dimension::Goal, _) if self.view != View::Whole => Err(NOT_BY_ENTRY),
            (Dimension::Flow, None) if self.one_page().is_some() && !self.event => Ok(Family::Page),
            (Dimension::Flow, _) => {
                Err("pick one page, and no source, place or device, to see which pages follow")
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
                if matches!(self.view, View::Seen | View::SeenMany)
                    && self.kind() != super::row::KIND_SECTION =>
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
            _ => Ok(family),
        }
    }

    fn event_rows(&self, dimension: &Dimension) -> Result<Family, Refusal> {
        let property = matches!(dimension, Dimension::Property(_));
        match self.attribute {
            Some(Family::Place | Family::Device) if property => Err(PROPERTY_ALONE),
            Some(_) if self.view != View::Whole => Err(EVENT_PAGE),
            _ if matches!(self.view, View::Began | View::Ended | View::Host) => Err(EVENT_ENTRY),
            _ if property && !self.event => Err(PROPERTY_EVENT),
            _ => Ok(self.family()),
        }
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
    let in_section = |label: &Text| sections.iter().any(|one| matches_path(&one.pattern, label));
    if of_place && page.dimension != Section && page.values.iter().any(in_section) {
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
        () if event.len() > 1 || event[0].operator != Operator::Is => Err(EVENT_IS),
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
        (Attribute(column), _) if super::row::columns(table, family).contains(column) => *column,
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

/// What is shown of a row or a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Metric {
    Visits,
    Visitors,
    Pageviews,
    PageVisits,
    PageVisitors,
    ViewsPerVisit,
    BounceRate,
    VisitDuration,
    Exits,
    TimeOnPage,
    ScrollDepth,
    Events,
    EventVisits,
    EventVisitors,
    EventRate,
    ValueSum,
}

impl Metric {
    pub const ALL: [Metric; 16] = [
        Metric::Visits,
        Metric::Visitors,
        Metric::Pageviews,
        Metric::PageVisits,
        Metric::PageVisitors,
        Metric::ViewsPerVisit,
        Metric::BounceRate,
        Metric::VisitDuration,
        Metric::Exits,
        Metric::TimeOnPage,
        Metric::ScrollDepth,
        Metric::Events,
        Metric::EventVisits,
        Metric::EventVisitors,
        Metric::EventRate,
        Metric::ValueSum,
    ];

    /// The tiles without an event filter, in order.
    pub const TILES: [Metric; 6] = [
        Metric::Visits,
        Metric::Visitors,
        Metric::Pageviews,
        Metric::ViewsPerVisit,
        Metric::BounceRate,
        Metric::VisitDuration,
    ];

    /// The tiles with one.
    pub const EVENT_TILES: [Metric; 5] =
        [Metric::Events, Metric::EventVisits, Metric::EventRate, Metric::EventVisitors, Metric::ValueSum];

    /// The key in URLs and JSON.
    pub const fn key(self) -> &'static str {
        match self {
            Metric::Visits => "visits",
            Metric::Visitors => "visitors",
            Metric::Pageviews => "pageviews",
            Metric::PageVisits => "page_visits",
            Metric::PageVisitors => "page_visitors",
            Metric::ViewsPerVisit => "views_per_visit",
            Metric::BounceRate => "bounce_rate",
            Metric::VisitDuration => "visit_duration",
            Metric::Exits => "exits",
            Metric::TimeOnPage => "time_on_page",
            Metric::ScrollDepth => "scroll_depth",
            Metric::Events => "events",
            Metric::EventVisits => "event_visits",
            Metric::EventVisitors => "event_visitors",
            Metric::EventRate => "event_rate",
            Metric::ValueSum => "value_sum",
        }
    }

    pub fn named(key: &str) -> Option<Metric> {
        Self::ALL.into_iter().find(|one| one.key() == key)
    }

    /// Whether it counts an event.
    pub fn is_of_event(self) -> bool {
        matches!(
            self,
            Metric::Events
                | Metric::EventVisits
                | Metric::EventVisitors
                | Metric::EventRate
                | Metric::ValueSum
        )
    }
}

/// A counter of `pages`, or one of `events` by its place among that table's counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    Page(Counter),
    Event(usize),
    /// Visits (0) and visitors (1) of the `source` family.
    Source(usize),
}

/// How a metric is made of sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Formula {
    Sum(Counted),
    /// First over second; unknown where the second is 0. Both of one family.
    Ratio(Counted, Counted),
    /// The same over 100: percents as a fraction.
    Percent(Counted, Counted),
}

/// The table: how a metric of cells read as `view` in `family` is counted, or why it is not.
///
/// # Errors
/// The refusal in words.
pub fn formula(metric: Metric, view: View, family: Family) -> Result<Formula, Refusal> {
    use Counted::{Event, Page};
    use Counter::*;
    use Formula::{Percent, Ratio, Sum};
    use View::{Began, Ended, Host, Seen, SeenMany, Whole};
    if family == Family::Source {
        return match metric {
            Metric::Visits => Ok(Sum(Page(Visits))),
            Metric::Visitors => Ok(Sum(Page(Visitors))),
            _ => Err(VISITS_ONLY),
        };
    }
    // In `visit`, seconds and scroll are in the sets' own rows (page `*`) only.
    let per_set = family == Family::Visit && view != Whole;
    match (metric, view) {
        (Metric::Events, _) => Ok(Sum(Event(0))),
        (Metric::EventVisitors, Whole) => Ok(Sum(Event(1))),
        (Metric::EventVisits, Whole) => Ok(Sum(Event(2))),
        (Metric::EventRate, Whole) => Ok(Ratio(Event(2), Page(Visits))),
        (Metric::ValueSum, Whole) if matches!(family, Family::Page | Family::Visit) => Ok(Sum(Event(3))),
        (Metric::ValueSum, Whole) => Err(PROPERTY_ALONE),
        (Metric::ValueSum, _) if family == Family::Page => Ok(Sum(Event(3))),
        (Metric::EventVisitors | Metric::EventVisits | Metric::EventRate | Metric::ValueSum, _) => {
            Err(EVENT_RATE_PAGE)
        }

        (Metric::Visits, Whole | Began | Host) => Ok(Sum(Page(Visits))),
        (Metric::Visitors, Whole | Began | Host) => Ok(Sum(Page(Visitors))),
        (Metric::Visits, Seen) => Ok(Sum(Page(PageVisits))),
        (Metric::Visitors, Seen) => Ok(Sum(Page(PageVisitors))),
        (Metric::Visits, Ended) => Ok(Sum(Page(Exits))),
        (Metric::Visits | Metric::Visitors, SeenMany) => Err(OVERLAP),

        (Metric::PageVisits, Seen) => Ok(Sum(Page(PageVisits))),
        (Metric::PageVisitors, Seen) => Ok(Sum(Page(PageVisitors))),
        (Metric::PageVisits | Metric::PageVisitors, _) => Err(OVERLAP),

        (Metric::Pageviews, Whole | Seen | SeenMany | Host) => Ok(Sum(Page(Pageviews))),
        (Metric::ViewsPerVisit, Whole) => Ok(Ratio(Page(Pageviews), Page(Visits))),
        (Metric::ViewsPerVisit, Seen) => Ok(Ratio(Page(Pageviews), Page(PageVisits))),
        (Metric::ViewsPerVisit, SeenMany) => Err(OVERLAP),

        (Metric::BounceRate, Whole | Began | Seen | SeenMany | Host) => {
            Ok(Ratio(Page(Bounces), Page(Visits)))
        }
        (Metric::VisitDuration | Metric::TimeOnPage | Metric::ScrollDepth, _) if per_set => Err(PER_SET),
        (Metric::VisitDuration, Whole | Began | Seen | SeenMany | Host) => {
            Ok(Ratio(Page(VisitSeconds), Page(Visits)))
        }
        (Metric::Exits, _) => Ok(Sum(Page(Exits))),
        (Metric::TimeOnPage, Whole | Seen | SeenMany | Host) => {
            Ok(Ratio(Page(EngagedSeconds), Page(Pageviews)))
        }
        (Metric::ScrollDepth, Whole | Seen | SeenMany | Host) => {
            Ok(Percent(Page(ScrollPercent), Page(ScrollViews)))
        }

        (Metric::ViewsPerVisit, Began | Ended | Host) | (_, Began | Ended) => Err(NOT_BY_ENTRY),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(text: &str) -> Filter {
        let (key, value) = text.split_once('=').unwrap();
        let (operator, value) = match value.strip_prefix('~') {
            Some(rest) => (Operator::Contains, rest),
            None => (Operator::Is, value),
        };
        let values = value.split('|').map(Text::from).collect();
        Filter { dimension: Dimension::named(key).unwrap(), operator, values }
    }

    fn scope(filters: &[&str]) -> Result<Scope, Refusal> {
        let filters: Vec<Filter> = filters.iter().map(|one| filter(one)).collect();
        Scope::of(&filters, &[Section { pattern: "/blog/*".into() }])
    }

    #[track_caller]
    fn refused(filters: &[&str], why: Refusal) {
        assert_eq!(scope(filters).map(|_| ()), Err(why), "{filters:?}");
    }

    #[test]
    fn filters_that_no_row_answers_are_refused() {
        refused(&["country=EE", "browser=Firefox"], ONE_FAMILY);
        refused(&["source=x", "country=EE"], ONE_FAMILY);
        refused(&["page=a/x", "entry=a/y"], ONE_PAGE);
        refused(&["language=et", "page=a/x"], LANGUAGE_APART);
        refused(&["language=et", "event=x"], LANGUAGE_APART);
        refused(&["country=EE", "page=a/blog/x"], IN_SECTION);
        refused(&["country=EE", "page=a/x", "event=e"], EVENT_PAGE);
        refused(&["source=x", "page=a/x", "event=e"], EVENT_PAGE);
        refused(&["country=EE", "event=e", "prop.p=v"], PROPERTY_ALONE);
        refused(&["prop.p=v"], PROPERTY_EVENT);
        refused(&["event=e", "prop.p=v", "prop.q=v"], PROPERTY_ONE);
        refused(&["event=~e"], EVENT_IS);
        refused(&["event=e", "entry=a/x"], EVENT_ENTRY);
        refused(&["host=a", "source=x"], HOST_ALONE);
        refused(&["section=/a/*|/b/*"], SECTION_IS);
    }

    #[track_caller]
    fn answers(filters: &[&str], dimension: &str, expected: Result<Family, Refusal>) {
        let dimension = Dimension::named(dimension).unwrap();
        assert_eq!(scope(filters).unwrap().answers(&dimension), expected, "{filters:?} by {dimension:?}");
    }

    #[test]
    fn panels_come_from_one_family_or_say_why_not() {
        answers(&[], "page", Ok(Family::Page));
        answers(&[], "country", Ok(Family::Place));
        answers(&[], "source", Ok(Family::Visit));
        answers(&["country=EE"], "city", Ok(Family::Place));
        answers(&["country=EE"], "page", Ok(Family::Place));
        answers(&["country=EE"], "browser", Err(STORED_APART));
        answers(&["country=EE"], "source", Err(SOURCES_APART));
        answers(&["source=x"], "language", Err(SOURCES_APART));
        answers(&["page=a/x"], "country", Ok(Family::Place));
        answers(&["page=a/x"], "language", Err(LANGUAGE_APART));
        answers(&["event=e"], "country", Ok(Family::Place));
        answers(&["event=e", "page=a/x"], "country", Err(EVENT_PAGE));
        answers(&["event=e", "prop.p=v"], "country", Err(PROPERTY_ALONE));
        answers(&["event=e", "prop.p=v"], "channel", Ok(Family::Visit));
        answers(&["country=EE"], "prop.p", Err(PROPERTY_ALONE));
        answers(&["event=e"], "prop.p", Ok(Family::Page));
        answers(&["entry=a/x"], "page", Err(NOT_BY_ENTRY));
        answers(&["entry=a/x"], "source", Ok(Family::Visit));
        answers(&["source=x"], "funnel", Ok(Family::Visit));
        answers(&["country=EE"], "funnel", Err(FUNNELS));
    }

    #[track_caller]
    fn tile(filters: &[&str], metric: Metric, expected: Result<Formula, Refusal>) {
        assert_eq!(scope(filters).unwrap().tile(metric), expected, "{metric:?} with {filters:?}");
    }

    #[test]
    fn tiles_mean_what_the_filter_makes_of_them() {
        use Counted::{Event, Page};
        use Formula::{Ratio, Sum};
        tile(&[], Metric::Visits, Ok(Sum(Page(Counter::Visits))));
        tile(&["source=x"], Metric::Visits, Ok(Sum(Counted::Source(0))));
        tile(&["campaign=x"], Metric::Visits, Ok(Sum(Page(Counter::Visits))));
        tile(&["page=a/x"], Metric::Visits, Ok(Sum(Page(Counter::PageVisits))));
        tile(&["page=~x"], Metric::Visits, Err(OVERLAP));
        tile(&["page=~x"], Metric::Pageviews, Ok(Sum(Page(Counter::Pageviews))));
        tile(&["page=a/x"], Metric::BounceRate, Ok(Ratio(Page(Counter::Bounces), Page(Counter::Visits))));
        tile(&["entry=a/x"], Metric::Visits, Ok(Sum(Page(Counter::Visits))));
        tile(&["entry=a/x"], Metric::Pageviews, Err(NOT_BY_ENTRY));
        tile(&["exit=a/x"], Metric::Visits, Ok(Sum(Page(Counter::Exits))));
        tile(&["source=x", "page=a/x"], Metric::VisitDuration, Err(PER_SET));
        tile(&["event=e"], Metric::EventRate, Ok(Ratio(Event(2), Page(Counter::Visits))));
        tile(&["event=e", "page=a/x"], Metric::EventRate, Err(EVENT_RATE_PAGE));
        tile(&["event=e", "page=a/x"], Metric::Events, Ok(Sum(Event(0))));
        tile(&["event=e"], Metric::Visits, Err(WITH_EVENT));
        tile(&[], Metric::Events, Err(NO_EVENT));
    }

    #[test]
    fn hours_go_without_attributes_only() {
        assert!(scope(&["page=a/x"]).unwrap().has_hours());
        assert!(!scope(&["country=EE"]).unwrap().has_hours());
    }
}
