//! Reports over HTTP: one call for a view, one for a panel's rows, one for what happens now.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Instant,
};

use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{self, Data, Path, ServiceConfig},
};
use serde::Serialize;
use serde_json::json;

use super::{
    api_control::{api, packed},
    auth::{Access, ControlState},
    error::ApiError,
};
use crate::{
    clock,
    control::{Entry, Note},
    domain::{
        day::Day,
        declaration::SiteId,
        outcome::Outcome,
        plan::Filter,
        query::{Condition, Group, Query, merge},
        row::{Column, Family, KIND_PAGE, Table},
        view::{Elsewhere, MemoryView, Reader},
    },
    nodes::{
        reach::{Patience, Reached},
        wire::Live,
    },
    parts::Parts,
    report::{
        Report,
        routes::{Context, ReportError, RowsAnswer, report, rows_of, view_of},
    },
    store::{AsOf, Store, StoreError},
};

/// Pages listed by the live view.
const LIVE_PAGES: usize = 9;

type Answer = Result<HttpResponse, ApiError>;

/// The routes; each checks that the caller may read the site.
pub fn routes(app: &mut ServiceConfig) {
    app.service(packed("/api/sites/{site}/report", |it| it.route(web::get().to(get_report))))
        .service(packed("/api/sites/{site}/rows", |it| it.route(web::get().to(get_rows))))
        .service(api("/api/sites/{site}/view.zip", |it| it.route(web::get().to(get_view))))
        .service(api("/api/sites/{site}/live", |it| it.route(web::get().to(get_live))));
}

impl From<ReportError> for ApiError {
    fn from(error: ReportError) -> ApiError {
        match error {
            ReportError::Asked(words) => ApiError::bad_request(words),
            ReportError::Incomplete(words) => ApiError::unavailable(words),
            ReportError::Store(error) => match error {
                // Readers are told that it is away; why, which may name paths, is for the server's people.
                StoreError::Unavailable(_) | StoreError::Unknown(_) => {
                    ApiError::unavailable("the store is unavailable: the log says why")
                }
                error => ApiError::internal(&error),
            },
        }
    }
}

/// Runs `read` off the event loop over one moment of memory, collectors and store.
pub(super) async fn blocking<T: Send + 'static>(
    parts: Data<Parts>,
    entry: Arc<Entry>,
    reader: Reader,
    read: impl Fn(Context<'_>, Live) -> Result<T, ReportError> + Send + 'static,
) -> Result<T, ApiError> {
    let answered = web::block(move || over_one_moment(&parts, &entry, reader, read)).await;
    Ok(answered.map_err(|error| ApiError::internal(&error))??)
}

/// Reads once more without those collectors that are lost while it reads. Blocks, for a bounded time.
pub(super) fn over_one_moment<T, E>(
    parts: &Parts,
    entry: &Entry,
    reader: Reader,
    read: impl Fn(Context<'_>, Live) -> Result<T, E>,
) -> Result<T, E> {
    let (mut lost, patience) = (BTreeSet::new(), Arc::new(Patience::default()));
    loop {
        let now = clock::now();
        let site = entry.at(now);
        let day = entry.day(now);
        let reached = match parts.node.report() {
            Some(reporting) => reporting.collectors.open(site.id, reader, &lost, &patience),
            None => Reached::default(),
        };
        // Before memory: what is set aside in between is at worst said to be missing and is there.
        let aside = parts.closing.aside_of(site.id);
        let memory = parts.memory.view(site.id, reader);
        let today = parts.memory.today(site.id, now).map_or((0, [0; 30]), |day| day.live_visitors(now));
        let mut live = Live { visitors: today.0, minutes: today.1 };
        live.add(&reached.live);
        let pinned =
            reached.missing.iter().flat_map(|&node| pinned(&*parts.store, site.id, day, node, reader));
        let pinned = pinned.collect();
        let memory = MemoryView {
            aside: aside.into_iter().chain(reached.aside).collect(),
            elsewhere: reached.reading.clone().map(|reading| reading as Arc<dyn Elsewhere>),
            missing: reached.missing,
            pinned,
            ..memory
        };
        let context = Context { store: &*parts.store, memory: &memory, site, now, day, reader, locked: &[] };
        let answer = read(context, live);
        match reached.reading.map(|reading| reading.lost()).filter(|lost| !lost.is_empty()) {
            None => return answer,
            Some(more) => lost.extend(more),
        }
    }
}

/// What is read of a collector that does not answer: what the store has now, and not more while the report goes on.
/// Who is not signed in sees nothing of today: a release may be later than the last full hour.
fn pinned(store: &dyn Store, site: SiteId, today: Day, node: u32, reader: Reader) -> [(Day, u32, u32); 2] {
    // A store that cannot say it cannot be read either, and the report says that.
    let last = |day| store.last_release(site, day, node).unwrap_or(0);
    let of_today = if reader == Reader::Staff { last(today) } else { 0 };
    [(today.plus(-1), node, last(today.plus(-1))), (today, node, of_today)]
}

async fn get_report(
    parts: Data<Parts>,
    control: Data<ControlState>,
    access: Access,
    site: Path<String>,
    request: HttpRequest,
) -> Answer {
    let began = Instant::now();
    let (entry, reader) = control.readable(&access, &site)?;
    let id = entry.id();
    let report = report_of(parts, entry, reader, Vec::new(), request.query_string()).await?;
    let range = Day::parse(&report.range.first).zip(Day::parse(&report.range.last));
    let notes = match (reader, range) {
        (Reader::Staff, Some((first, last))) => {
            let control = control.control.clone();
            super::auth::blocking(move || control.notes(id, first, last)).await?
        }
        _ => Vec::new(),
    };
    let mut answer = HttpResponse::Ok();
    // How long it took is for those who also see the open day: times may tell what a report leaves out.
    if reader == Reader::Staff {
        let took_ms = began.elapsed().as_secs_f64() * 1_000.0;
        answer.insert_header(("server-timing", format!("report;dur={took_ms:.1}")));
    }
    Ok(answer.json(Noted { report, notes }))
}

/// A report with what people wrote beside its days: the team's own words, so for nobody outside.
#[derive(Serialize)]
struct Noted {
    #[serde(flatten)]
    report: Report,
    notes: Vec<Note>,
}

/// A report for who sees no more than what `locked` filters leave.
pub(super) async fn report_of(
    parts: Data<Parts>,
    entry: Arc<Entry>,
    reader: Reader,
    locked: Vec<Filter>,
    query: &str,
) -> Result<Report, ApiError> {
    let query = query.to_owned();
    let read = move |context: Context<'_>, _| report(Context { locked: &locked, ..context }, &query);
    blocking(parts, entry, reader, read).await
}

async fn get_rows(
    parts: Data<Parts>,
    control: Data<ControlState>,
    access: Access,
    site: Path<String>,
    request: HttpRequest,
) -> Answer {
    let (entry, reader) = control.readable(&access, &site)?;
    answer_rows(parts, entry, reader, Vec::new(), request.query_string()).await
}

/// As [`report_of`].
pub(super) async fn answer_rows(
    parts: Data<Parts>,
    entry: Arc<Entry>,
    reader: Reader,
    locked: Vec<Filter>,
    query: &str,
) -> Answer {
    let query = query.to_owned();
    let read = move |context: Context<'_>, _| rows_of(Context { locked: &locked, ..context }, &query);
    match blocking(parts, entry, reader, read).await? {
        RowsAnswer::Json(rows) => Ok(HttpResponse::Ok().json(rows)),
        RowsAnswer::Csv(text) => Ok(HttpResponse::Ok()
            .content_type("text/csv; charset=utf-8")
            .insert_header((header::CONTENT_DISPOSITION, "attachment; filename=\"mayfly.csv\""))
            .body(text)),
    }
}

async fn get_view(
    parts: Data<Parts>,
    control: Data<ControlState>,
    access: Access,
    site: Path<String>,
    request: HttpRequest,
) -> Answer {
    let (entry, reader) = control.readable(&access, &site)?;
    let query = request.query_string().to_owned();
    let disposition = format!("attachment; filename=\"{}.zip\"", entry.name());
    let archive = blocking(parts, entry, reader, move |context, _| view_of(context, &query)).await?;
    Ok(HttpResponse::Ok()
        .content_type("application/zip")
        .insert_header((header::CONTENT_DISPOSITION, disposition))
        .body(archive))
}

async fn get_live(
    parts: Data<Parts>,
    control: Data<ControlState>,
    access: Access,
    site: Path<String>,
) -> Answer {
    let entry = may_see_now(&control, &access, &site)?;
    let mut answer = live_now(parts, entry).await?;
    answer["generated_at"] = json!(clock::now());
    Ok(HttpResponse::Ok().json(answer))
}

/// The site, if `access` may see what happens there now.
///
/// # Errors
/// Those of [`ControlState::readable`]; 403 for keys of scope `read`.
pub(super) fn may_see_now(
    control: &ControlState,
    access: &Access,
    site: &str,
) -> Result<Arc<Entry>, ApiError> {
    match control.readable(access, site)? {
        (entry, Reader::Staff) => Ok(entry),
        (_, Reader::Outside) => Err(ApiError::forbidden(
            "the live view needs a signed-in person or a key of scope staff: others read up to the last full hour",
        )),
    }
}

/// What happens at a site now, for its staff.
pub(super) async fn live_now(parts: Data<Parts>, entry: Arc<Entry>) -> Result<serde_json::Value, ApiError> {
    blocking(parts, entry, Reader::Staff, |context, now| live(&context, &now)).await
}

fn live(context: &Context<'_>, living: &Live) -> Result<serde_json::Value, ReportError> {
    let Context { site, day, memory, store, .. } = *context;
    let query =
        |table, group, filters| Query { table, family: Family::Page, days: (day, day), group, filters };
    let today = |query: Query| over_both(store, site.id, memory, &query);
    let outcomes = today(query(Table::Ledger, vec![Column::Outcome], vec![]))?;
    let outcomes: BTreeMap<String, i64> =
        outcomes.into_iter().map(|group| (group.keys[0].to_string(), group.sums[0])).collect();
    let received: i64 =
        outcomes.iter().filter(|(name, _)| Outcome::named(name).is_some()).map(|(_, n)| n).sum();
    let mut pages =
        today(query(Table::Pages, vec![Column::Page], vec![Condition::is(Column::Kind, KIND_PAGE)]))?;
    pages.sort_by(|one, other| other.sums[0].cmp(&one.sums[0]).then_with(|| one.keys.cmp(&other.keys)));
    pages.truncate(LIVE_PAGES);
    let accepted = outcomes.get(Outcome::Accepted.name()).copied().unwrap_or(0);
    let stored = store.extent(site.id)?.is_some();
    Ok(json!({
        "visitors": living.visitors,
        "minutes": living.minutes,
        "missing": memory.missing,
        "pages": pages.iter().map(|page| json!({"name": page.keys[0], "pageviews": page.sums[0]})).collect::<Vec<_>>(),
        "accepted_today": accepted,
        "received_today": received,
        "outcomes": outcomes,
        "first_hit": stored || accepted > 0,
    }))
}

/// A query over what memory holds, here and elsewhere, and what the store holds of it already.
pub(super) fn over_both(
    store: &dyn Store,
    site: SiteId,
    memory: &MemoryView,
    query: &Query,
) -> Result<Vec<Group>, ReportError> {
    let stored = store.read(site, query, &AsOf { open: memory.released() })?;
    Ok(merge(memory.evaluate(query).into_iter().chain([stored])))
}
