//! What can be asked: the one table of metric x dimension x filters -> family and counter, or the refusal in
//! words. API, dashboard and documentation read it; nothing else decides.

mod dimension;
mod metric;
mod scope;
#[cfg(test)]
mod tests;

pub use dimension::Dimension;
pub use metric::{Counted, Formula, Metric, formula};
pub use scope::{Filter, Scope, View};

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
const PROPERTY_ALONE: Refusal = "event properties are counted without places and devices";
const PROPERTY_EVENT: Refusal = "a property filter needs an event filter beside it";
const PROPERTY_ONE: Refusal = "one property at a time: no row holds two";
const FLOW_HOST: Refusal = "which pages follow is not stored by host: remove the host filter";
const SECTION_IS: Refusal = "a section filter names sections: only \"is\" one is answered";
const IN_SECTION: Refusal = "places and devices count pages as part of their sections: filter by the section";
const PAGE_SECTION: Refusal = "sections are counted without the page: remove the page filter";
const OVERLAP: Refusal = "visits and visitors overlap between pages: only \"is\" one page is answered";
const PER_SET: Refusal = "times and scroll depth are stored per source, without the page";
const NOT_BY_ENTRY: Refusal = "what visits that began or ended here saw elsewhere is not stored";
const EVENT_RATE_PAGE: Refusal = "there is no count of an event's visits by page";
const VISITS_ONLY: Refusal = "the plain list of sources has visits and visitors only";
pub const NO_CURRENCY: Refusal = "the event is declared without a currency";
const NO_EVENT: Refusal = "needs an event";
const WITH_EVENT: Refusal = "with an event filter, count, visits with it and rate are shown";
const GOALS: Refusal = "goals are counted apart from an event: remove the event filter";
const FUNNELS: Refusal = "funnels are counted whole and by source only";
