//! Reports over HTTP: one call for a view, one for a panel's rows, one for what happens now.

use std::collections::BTreeMap;

use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{self, Data, Path, ServiceConfig},
};
use serde_json::json;

use super::{
    api_control::api,
    auth::{Access, ControlState},
    error::ApiError,
};
use crate::{
    clock,
    control::Entry,
    domain::{
        declaration::SiteId,
        outcome::Outcome,
        query::{Condition, Query, merge},
        row::{Column, Family, KIND_PAGE, Table},
        view::{MemoryView, Reader},
    },
    parts::Parts,
    report::routes::{Context, ReportError, RowsAnswer, report, rows_of},
    store::{AsOf, StoreError},
};

/// Pages listed by the live view.
const LIVE_PAGES: usize = 9;

type Answer = Result<HttpResponse, ApiError>;

/// The routes; each checks that the caller may read the site.
pub fn routes(app: &mut ServiceConfig) {
    app.service(api("/api/sites/{site}/report", |it| it.route(web::get().to(get_report))))
        .service(api("/api/sites/{site}/rows", |it| it.route(web::get().to(get_rows))))
        .service(api("/api/sites/{site}/live", |it| it.route(web::get().to(get_live))));
}

impl From<ReportError> for ApiError {
    fn from(error: ReportError) -> ApiError {
        match error {
            ReportError::Asked(words) => ApiError::bad_request(words),
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

/// Runs `read` off the event loop over one moment of memory and store.
async fn blocking<T: Send + 'static>(
    parts: Data<Parts>,
    entry: std::sync::Arc<Entry>,
    reader: Reader,
    read: impl FnOnce(Context<'_>) -> Result<T, ReportError> + Send + 'static,
) -> Result<T, ApiError> {
    let read = move || {
        let now = clock::now();
        let site = entry.at(now);
        // Before memory: what is set aside in between is at worst said to be missing and is there.
        let aside = parts.closing.aside_of(site.id);
        let memory = MemoryView { aside, ..parts.memory.view(site.id, reader) };
        let day = entry.day(now);
        read(Context { store: &*parts.store, memory: &memory, site, now, day, reader })
    };
    let answered = web::block(read).await.map_err(|error| ApiError::internal(&error))?;
    Ok(answered?)
}

async fn get_report(
    parts: Data<Parts>,
    control: Data<ControlState>,
    access: Access,
    site: Path<String>,
    request: HttpRequest,
) -> Answer {
    let (entry, reader) = control.readable(&access, &site)?;
    let query = request.query_string().to_owned();
    let answer = blocking(parts, entry, reader, move |context| report(context, &query)).await?;
    Ok(HttpResponse::Ok().json(answer))
}

async fn get_rows(
    parts: Data<Parts>,
    control: Data<ControlState>,
    access: Access,
    site: Path<String>,
    request: HttpRequest,
) -> Answer {
    let (entry, reader) = control.readable(&access, &site)?;
    let query = request.query_string().to_owned();
    match blocking(parts, entry, reader, move |context| rows_of(context, &query)).await? {
        RowsAnswer::Json(rows) => Ok(HttpResponse::Ok().json(rows)),
        RowsAnswer::Csv(text) => Ok(HttpResponse::Ok()
            .content_type("text/csv; charset=utf-8")
            .insert_header((header::CONTENT_DISPOSITION, "attachment; filename=\"mayfly.csv\""))
            .body(text)),
    }
}

async fn get_live(
    parts: Data<Parts>,
    control: Data<ControlState>,
    access: Access,
    site: Path<String>,
) -> Answer {
    let (entry, reader) = control.readable(&access, &site)?;
    if reader == Reader::Outside {
        return Err(ApiError::forbidden(
            "the live view needs a signed-in person or a key of scope staff: others read up to the last full hour",
        ));
    }
    let living = parts.clone();
    let answer = blocking(parts, entry, reader, move |context| live(&living, &context)).await?;
    Ok(HttpResponse::Ok().json(answer))
}

fn live(parts: &Parts, context: &Context<'_>) -> Result<serde_json::Value, ReportError> {
    let Context { site, now, day, memory, .. } = *context;
    let (visitors, minutes) = match parts.memory.today(site.id, now) {
        Some(day) => day.live_visitors(now),
        None => (0, [0; 30]),
    };
    let query =
        |table, group, filters| Query { table, family: Family::Page, days: (day, day), group, filters };
    let today = |query: Query| over_both(parts, site.id, memory, &query);
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
    let stored = parts.store.extent(site.id)?.is_some();
    Ok(json!({
        "visitors": visitors,
        "minutes": minutes,
        "pages": pages.iter().map(|page| json!({"name": page.keys[0], "pageviews": page.sums[0]})).collect::<Vec<_>>(),
        "accepted_today": accepted,
        "received_today": received,
        "outcomes": outcomes,
        "first_hit": stored || accepted > 0,
        "generated_at": now,
    }))
}

/// A query over what memory holds and what the store holds of it already.
fn over_both(
    parts: &Parts,
    site: SiteId,
    memory: &MemoryView,
    query: &Query,
) -> Result<Vec<crate::domain::query::Group>, ReportError> {
    let open = memory.days.iter().map(|day| (day.day, day.node, day.released)).collect();
    let stored = parts.store.read(site, query, &AsOf { open })?;
    let held = memory.days.iter().flat_map(|day| day.rows(query.table, query.family));
    Ok(merge([stored, query.evaluate(held)]))
}
