//! `GET /api/sites/{site}/everything`: all that is stored about a site, as one archive, for people who are signed in.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use actix_web::{
    HttpResponse,
    body::SizedStream,
    http::header,
    rt::task::spawn_blocking,
    web::{self, Bytes, Data, Path, Query, ServiceConfig},
};
use futures_core::Stream;
use serde::Deserialize;
use tokio::sync::mpsc::{Receiver, channel};

use super::{
    api_control::api,
    auth::{Access, ControlState, blocking},
    error::ApiError,
};
use crate::{clock, control::Deed, jobs::JobError, parts::Parts, store::duckdb::ExportFormat};

/// Pieces that wait for a slow reader.
const PIECES_MAX: usize = 4;

pub fn routes(app: &mut ServiceConfig) {
    app.service(api("/api/sites/{site}/everything", |it| it.route(web::get().to(everything))));
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    format: Option<ExportFormat>,
}

impl From<JobError> for ApiError {
    fn from(error: JobError) -> ApiError {
        match error {
            JobError::Control(error) => error.into(),
            JobError::Refused(words) => ApiError::wait(10, words),
            error => {
                tracing::error!(%error, "a download could not be made");
                ApiError::unavailable("the archive could not be made: the log says why")
            }
        }
    }
}

async fn everything(
    state: Data<ControlState>,
    parts: Data<Parts>,
    access: Access,
    site: Path<String>,
    asked: Query<Asked>,
) -> Result<HttpResponse, ApiError> {
    let who = access.staff()?.name.clone();
    let entry = state.changeable(&access, &site)?;
    let (name, format) = (entry.name().to_owned(), asked.format.unwrap_or(ExportFormat::Csv));
    let disposition = format!("attachment; filename=\"{name}.tar\"");
    let download = blocking(move || {
        let download = parts.jobs.download(&name, format)?;
        parts.control.audit(&who, Deed::Downloaded, Some(entry.id()), clock::now());
        Ok::<_, JobError>(download)
    })
    .await?;
    let (size, (give, pieces)) = (download.size(), channel(PIECES_MAX));
    drop(spawn_blocking(move || {
        // A reader that went away takes no more.
        let sent = download.pieces(|piece| give.blocking_send(Ok(Bytes::from(piece))).is_ok());
        if let Err(error) = sent {
            tracing::error!(%error, "a download broke off");
            let _ = give.blocking_send(Err(error));
        }
    }));
    let body = SizedStream::new(size, Pieces(pieces));
    Ok(HttpResponse::Ok()
        .content_type("application/x-tar")
        .insert_header((header::CONTENT_DISPOSITION, disposition))
        .body(body))
}

/// What comes out of a channel, as a body.
pub(super) struct Pieces(pub(super) Receiver<io::Result<Bytes>>);

impl Stream for Pieces {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context)
    }
}
