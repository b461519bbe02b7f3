//! Whether the server is there, and whether it takes hits; figures about the process, never about a visitor.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use actix_web::{HttpRequest, HttpResponse, http::header::RETRY_AFTER, web::Data};
use serde_json::json;

use super::error::ApiError;
use crate::{
    domain::declaration::SiteId, journal::Trouble, memory::site_day::SiteDay, nodes::Node, parts::Parts,
};

/// What health answers from.
pub struct Health {
    pub parts: Parts,
    pub ready: Arc<AtomicBool>,
}

impl Health {
    fn taking_hits(&self) -> bool {
        self.ready.load(Ordering::Acquire) && self.parts.journal.room()
    }

    /// What the journal does; `ok` while it takes hits.
    fn journal(&self) -> &'static str {
        let journal = &self.parts.journal;
        match journal.trouble() {
            None if journal.room() => "ok",
            None => "overloaded: too much waits for the disk",
            Some(Trouble::Full) => "full: the disk has no room; the log says more",
            Some(Trouble::Hanging) => "hanging: the disk has not ended a write for a while",
            Some(Trouble::Failed) => "failed: the server ends, to be started again; the log says why",
        }
    }

    /// What this node is, and whether those that it needs are there.
    fn nodes(&self) -> (&'static str, String) {
        match &self.parts.node {
            Node::Alone => ("all", "ok".to_owned()),
            Node::Collector(node) => (
                "collector",
                match node.follower.trouble() {
                    None => "ok".to_owned(),
                    Some(_) => {
                        "the report node is away: its sites are as they were; the log says why".to_owned()
                    }
                },
            ),
            Node::Report(node) => {
                let heard = node.hand_out.heard(Instant::now());
                let silent: Vec<String> = heard
                    .iter()
                    .filter(|(_, heard)| !**heard)
                    .map(|(number, _)| number.to_string())
                    .collect();
                (
                    "report",
                    match silent.is_empty() {
                        true => "ok".to_owned(),
                        false => format!("nothing is heard of collectors {}", silent.join(", ")),
                    },
                )
            }
        }
    }

    /// How many releases and journals were set aside.
    fn aside(&self) -> usize {
        self.parts.closing.aside().len() + self.parts.closing.kept_aside().len()
    }
}

/// `GET /api/health`: 200 while hits are taken, 503 otherwise. Anybody may ask, so it tells kinds of trouble only: no
/// site, path or error.
pub async fn health(health: Data<Health>) -> HttpResponse {
    let trouble = health.parts.closing.trouble();
    let (role, nodes) = health.nodes();
    let body = json!({
        "status": if health.taking_hits() { "ok" } else { "unavailable" },
        "role": role,
        "nodes": nodes,
        "journal": health.journal(),
        "store": trouble.store.map_or("ok", |_| "away: the log says why"),
        "releases": trouble.files.map_or("ok", |_| "cannot be written: the log says why"),
        "aside": health.aside(),
        "proxy": health.parts.collector.peers.trouble().unwrap_or("ok"),
    });
    match health.taking_hits() {
        true => HttpResponse::Ok().json(body),
        false => HttpResponse::ServiceUnavailable().insert_header((RETRY_AFTER, "1")).json(body),
    }
}

/// `GET /metrics`: gauges of the process in the Prometheus text format, without a label that names a visitor,
/// page or source. Sites appear by number. They move with single hits, so only this machine may ask.
pub async fn metrics(request: HttpRequest, health: Data<Health>) -> Result<HttpResponse, ApiError> {
    if !health.parts.collector.is_local(&request) {
        return Err(ApiError::forbidden(
            "metrics are for this machine only: ask 127.0.0.1, not by way of a proxy",
        ));
    }
    let mut text = String::new();
    let mut gauge = |name: &str, help: &str, rows: Vec<(Option<u32>, u64)>| {
        text.push_str(&format!("# HELP {name} {help}\n# TYPE {name} gauge\n"));
        for (site, value) in rows {
            match site {
                Some(site) => text.push_str(&format!("{name}{{site=\"{site}\"}} {value}\n")),
                None => text.push_str(&format!("{name} {value}\n")),
            }
        }
    };
    let days = health.parts.memory.days();
    let each = |value: fn(&SiteDay) -> u64| by_site(&days, value);
    gauge("mayfly_ready", "1 while hits are taken", vec![(None, health.taking_hits().into())]);
    gauge(
        "mayfly_journal_pending_bytes",
        "bytes that wait for a commit",
        vec![(None, health.parts.journal.pending_bytes() as u64)],
    );
    gauge(
        "mayfly_hits_waiting",
        "hits under way",
        vec![(None, health.parts.collector.gate.waiting() as u64)],
    );
    gauge("mayfly_cells", "cells of open days", each(|day| day.gauges().cells as u64));
    gauge(
        "mayfly_table_bytes",
        "bytes of the visitor tables of open days",
        each(|day| day.gauges().table_bytes as u64),
    );
    gauge(
        "mayfly_releases_waiting",
        "releases that the store has not acknowledged",
        each(|day| day.waiting().len() as u64),
    );
    let trouble = health.parts.closing.trouble();
    gauge(
        "mayfly_store_ok",
        "1 unless the last delivery failed",
        vec![(None, trouble.store.is_none().into())],
    );
    gauge(
        "mayfly_files_ok",
        "1 unless a release could not be written",
        vec![(None, trouble.files.is_none().into())],
    );
    let aside = health.parts.closing.aside().len() as u64;
    gauge("mayfly_releases_aside", "releases that were set aside", vec![(None, aside)]);
    gauge(
        "mayfly_waiting_bytes",
        "bytes of waiting releases in memory, about",
        vec![(None, health.parts.memory.room().used() as u64)],
    );
    Ok(HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(text))
}

/// One figure a site, whatever days of it are in memory: a name may stand there once. Without the ledger of no
/// site: objectors must not show.
fn by_site(days: &[Arc<SiteDay>], value: fn(&SiteDay) -> u64) -> Vec<(Option<u32>, u64)> {
    let mut sums = BTreeMap::new();
    for day in days.iter().filter(|day| day.site != SiteId::NONE) {
        *sums.entry(day.site.0).or_default() += value(day);
    }
    sums.into_iter().map(|(site, value)| (Some(site), value)).collect()
}
