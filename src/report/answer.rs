//! The report's JSON (docs/API.md): what the dashboard draws.

use std::collections::BTreeMap;

use serde::Serialize;

use super::reads::Number;
use crate::domain::{
    Text,
    declaration::{Kept, Step},
};

/// Numbers by metric; a metric that the family does not have is absent, an unknown rate `null`.
pub type Values = BTreeMap<&'static str, Number>;

/// One site's report: everything that a view shows.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub site: String,
    pub range: Shown,
    pub comparison: Option<Shown>,
    pub tiles: BTreeMap<&'static str, Tile>,
    pub series: Series,
    pub panels: BTreeMap<String, Panel>,
    pub filters: Vec<ShownFilter>,
    pub meta: Meta,
}

#[derive(Clone, Debug, Serialize)]
pub struct Shown {
    pub first: String,
    pub last: String,
    pub words: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<&'static str>,
}

/// A tile. The change is from `previous` to `compared`, which leaves out the open day's running hour.
#[derive(Clone, Debug, Serialize)]
pub struct Tile {
    pub value: Number,
    pub compared: Number,
    pub previous: Number,
    /// Of `value_sum`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<&'static str>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Series {
    pub metric: &'static str,
    pub buckets: Vec<ShownBucket>,
}

#[derive(Clone, Debug, Serialize)]
pub struct ShownBucket {
    pub at: String,
    pub values: Values,
    pub previous: Option<Values>,
    pub complete: bool,
    /// An hour in which the clock was set back: two hours of time.
    #[serde(skip_serializing_if = "is_false")]
    pub twice: bool,
}

/// One dimension's rows.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Panel {
    pub family: Option<&'static str>,
    pub rows: Vec<PanelRow>,
    /// What is told of no row: fewer than k. `null` where nothing is left, or where rows overlap.
    pub other: Option<Values>,
    /// What the rows over the limit (or outside the search) add up to: rows + rest + other = tile.
    pub rest: Option<Values>,
    /// Share of the visits that rows tell.
    pub told: Option<f64>,
    pub overlaps: bool,
    pub total_rows: usize,
    pub refused: Option<&'static str>,
}

#[derive(Clone, Debug, Default, Serialize)]
pub struct PanelRow {
    pub name: Text,
    /// The full label, which filters.
    pub value: Text,
    #[serde(flatten)]
    pub values: Values,
    pub share: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<Text>,
    /// What `previous` is held against, where it differs from the row's values (the open day's running hour).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compared: Option<Values>,
    pub previous: Option<Values>,
    /// Missing before, because fewer than k are not told.
    #[serde(skip_serializing_if = "is_false")]
    pub untold_before: bool,
    /// Missing before: new.
    #[serde(skip_serializing_if = "is_false")]
    pub new: bool,
    /// The untold share moved more than the row itself: no change is shown.
    #[serde(skip_serializing_if = "is_false")]
    pub uncertain: bool,
    /// Of a goal: what reaches it, which filters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reached_by: Option<Step>,
    /// Of a funnel: the day from which on it is counted, where the range begins before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Of a funnel: its steps.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<ShownStep>,
}

#[derive(Clone, Debug, Serialize)]
pub struct ShownStep {
    pub name: Text,
    pub kind: &'static str,
    pub entrants: i64,
    /// In the compared range (whole days: no hours are stored for funnels).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous: Option<i64>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the form that serde calls")]
fn is_false(flag: &bool) -> bool {
    !flag
}

#[derive(Clone, Debug, Serialize)]
pub struct ShownFilter {
    pub key: String,
    pub operator: crate::domain::query::Operator,
    pub values: Vec<Text>,
    /// It holds whatever is asked.
    #[serde(skip_serializing_if = "is_false")]
    pub locked: bool,
}

#[derive(Clone, Debug, Serialize)]
pub struct Meta {
    pub zone: String,
    pub today: String,
    /// The open day, if it is in the range.
    pub open_day: Option<String>,
    /// `14:00`: the moment of the open day's attributes.
    pub as_of: Option<String>,
    /// The least of the site's k and of those that the closed days of the range were closed with.
    pub k: u32,
    /// Whether fewer than k are held back (k > 1), on all days of the range.
    pub grouping: bool,
    /// Whether visitors are the sum of several days' visitors.
    pub daily_sum: bool,
    pub simulated: bool,
    pub live: bool,
    pub data_first: Option<String>,
    pub data_last: Option<String>,
    pub counting: &'static str,
    pub can: Can,
    pub rejected_undeclared: i64,
    pub kept: Kept,
    /// Whether pages tell web vitals.
    #[serde(skip_serializing_if = "is_false")]
    pub vitals: bool,
    pub generated_at: i64,
    pub notices: Vec<String>,
    /// Collectors that did not answer: what they have not released yet is in no number.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<u32>,
}

/// What is answerable besides what was asked: `true`, or the reason why not.
#[derive(Clone, Debug, Serialize)]
pub struct Can {
    pub filters: BTreeMap<String, Answerable>,
    pub metrics: BTreeMap<&'static str, Answerable>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Answerable {
    Yes(bool),
    No(&'static str),
}

impl From<Result<(), &'static str>> for Answerable {
    fn from(result: Result<(), &'static str>) -> Self {
        result.map_or_else(Answerable::No, |()| Answerable::Yes(true))
    }
}

/// All rows of one dimension.
#[derive(Clone, Debug, Serialize)]
pub struct Rows {
    #[serde(flatten)]
    pub panel: Panel,
    pub dimension: String,
    pub meta: Meta,
}

/// A site in the list of sites.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Overview {
    pub visits_7d: i64,
    /// Visits of each of the last 7 days, today last.
    pub sparkline: [i64; 7],
    /// The site-day that is the last of them.
    pub today: String,
    /// Visits without the hour that runs, and those of the week before up to the same hour.
    pub compared: i64,
    pub previous: i64,
    /// The sum of each day's visitors.
    pub visitors_7d: i64,
}
