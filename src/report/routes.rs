//! What the web's handlers call: a query string in, an answer out. They check who may read which site.

use super::{
    Number, Overview, ROWS_MAX, Range, Report, Rows, Today, answer, csv, extent, overview_numbers, parse,
    reads::Reads, rows, tiles::tiles, unanswered, view,
};
use crate::{
    domain::{
        day::{Day, UnixMs},
        declaration::Site,
        plan::{Filter, Metric},
        view::{MemoryView, Reader},
    },
    store::{Store, StoreError},
};

/// Why a report is not answered.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// 400: words for people.
    #[error("{0}")]
    Asked(String),
    /// 503: a table has no place to say in words what it lacks.
    #[error("{0}: a table cannot say so; ask again later")]
    Incomplete(String),
    /// 503 or 500.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a request reads: all of one moment. The memory view must be taken before the store is read.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    pub store: &'a dyn Store,
    pub memory: &'a MemoryView,
    pub site: &'a Site,
    pub now: UnixMs,
    /// The site-day that takes the hits of `now`.
    pub day: Day,
    pub reader: Reader,
    /// Filters that hold whatever is asked.
    pub locked: &'a [Filter],
}

impl Context<'_> {
    fn today(&self) -> Today {
        Today::on(&self.site.zone, self.day, self.now)
    }
}

/// `GET /api/sites/{site}/report`.
///
/// # Errors
/// [`ReportError`].
pub fn report(context: Context<'_>, query: &str) -> Result<Report, ReportError> {
    let plan = plan(&context, query)?;
    let Context { store, memory, site, reader, .. } = context;
    Ok(answer(store, memory, site, &plan, &context.today(), reader)?)
}

/// One metric of a range, for a badge.
pub struct Figure {
    pub value: Number,
    /// `Visitors, daily sum`
    pub label: String,
    pub range: Range,
}

/// One tile of a report. `query` has its period.
///
/// # Errors
/// [`ReportError`].
pub fn figure(context: Context<'_>, query: &str, metric: Metric) -> Result<Figure, ReportError> {
    let plan = plan(&context, query)?;
    let reads = Reads::new(context.store, context.memory, context.site.id);
    let (mut tiles, _) = tiles(&reads, &plan, context.site, &context.today())?;
    let value = tiles.remove(metric.key()).map_or(Number::Unknown, |tile| tile.value);
    Ok(Figure { value, label: csv::label(metric.key(), plan.range.len() > 1), range: plan.range })
}

/// The body of `GET /api/sites/{site}/rows`.
pub enum RowsAnswer {
    Json(Box<Rows>),
    /// `text/csv; charset=utf-8`.
    Csv(String),
}

/// `GET /api/sites/{site}/rows`.
///
/// # Errors
/// [`ReportError`].
pub fn rows_of(context: Context<'_>, query: &str) -> Result<RowsAnswer, ReportError> {
    let plan = plan(&context, query)?;
    let Context { store, memory, site, reader, .. } = context;
    if plan.dimension.is_none() {
        return Err(ReportError::Asked("rows need a dimension, e.g. dimension=page".to_owned()));
    }
    let found = rows(store, memory, site, &plan, &context.today(), reader)?;
    if let Some(words) = unanswered(&found.meta.missing).filter(|_| plan.csv) {
        return Err(ReportError::Incomplete(words));
    }
    match (plan.csv, found.panel.refused) {
        (true, Some(refused)) => Err(ReportError::Asked(refused.to_owned())),
        (true, None) => Ok(RowsAnswer::Csv(csv::csv(&found))),
        (false, _) => Ok(RowsAnswer::Json(Box::new(found))),
    }
}

/// `GET /api/sites/{site}/view.zip`: all tables of a view, each with up to [`ROWS_MAX`] rows, as one archive.
///
/// # Errors
/// [`ReportError`].
pub fn view_of(context: Context<'_>, query: &str) -> Result<Vec<u8>, ReportError> {
    let plan = super::Plan { limit: ROWS_MAX, dimension: None, ..plan(&context, query)? };
    let Context { store, memory, site, reader, .. } = context;
    let report = answer(store, memory, site, &plan, &context.today(), reader)?;
    match unanswered(&report.meta.missing) {
        Some(words) => Err(ReportError::Incomplete(words)),
        None => Ok(view::archive(&report)),
    }
}

/// A site's numbers in `GET /api/sites`.
///
/// # Errors
/// [`StoreError`].
pub fn overview(context: Context<'_>) -> Result<Overview, StoreError> {
    overview_numbers(context.store, context.memory, context.site, &context.today())
}

fn plan(context: &Context<'_>, query: &str) -> Result<super::Plan, ReportError> {
    let known = extent(context.store, context.memory, context.site)?;
    parse(query, context.locked, context.site, &context.today(), known.map(|(first, _)| first))
        .map_err(ReportError::Asked)
}
