//! Wires the rooms together and runs them until told to stop.

use std::{
    io,
    net::TcpListener,
    path::PathBuf,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use actix_web::web;
use tokio::sync::mpsc;

use crate::{
    clock,
    close::{
        driver::{Closing, Drivers, Remember},
        past::StoredPast,
        release_file::ReleaseFiles,
        resume::{ResumeError, Start},
        retention::Retention,
    },
    collect::{
        client::Proxies,
        endpoint::{Bounds, Collector},
        geo::{Geo, GeoError},
        limits::RateSettings,
        trial::Trials,
    },
    config::{Config, Durability},
    control::{AdmittedKind, Control, ControlError},
    demo,
    disclosure::Process,
    domain::{
        Text,
        address::Grain,
        admit::Lists,
        day::{Day, UnixMs},
        declaration::SiteId,
        tally::{Caps, KnownValues},
    },
    folder,
    jobs::server::Server as Jobs,
    journal::{CommitError, Journal, JournalConfig},
    memory::{
        days::{Fixed, Known, Memory},
        runtime::{RuntimeDir, RuntimeError},
        sealed, swap,
    },
    nodes::{Node, NodeError},
    parts::Parts,
    serve::{ServeError, Welcome, serve},
    store::{Store, StoreError},
    verify::{Looks, Running},
};

/// How long a server whose journal has failed goes on to say so before it ends.
const FAILED_FOR: Duration = Duration::from_secs(10);
/// How often it is looked whether the journal has failed.
const LOOK: Duration = Duration::from_millis(250);
/// How often settings changed by another process are looked for.
const REFRESH: Duration = Duration::from_secs(1);

/// Why the server could not start or go on.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error(transparent)]
    Control(#[from] ControlError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    #[error(transparent)]
    Geo(#[from] GeoError),
    #[error("the journal: {0}")]
    Journal(io::Error),
    #[error("{0}; the next start reads back what was acknowledged")]
    Failed(CommitError),
    #[error(transparent)]
    Resume(#[from] ResumeError),
    #[error(transparent)]
    Serve(#[from] ServeError),
    #[error("{what}: {error}")]
    Io { what: String, error: io::Error },
    #[error("the demo: {0}")]
    Demo(String),
    #[error(transparent)]
    Node(#[from] NodeError),
    #[error("this collector must not go on under its number: {0}")]
    Outcast(String),
}

fn io_of(what: impl Into<String>) -> impl FnOnce(io::Error) -> RunError {
    let what = what.into();
    move |error| RunError::Io { what, error }
}

/// Serves until `shutdown` resolves; each `reload` reads the location database again. At the end readiness goes off,
/// what is in flight is answered, and everything acknowledged is on the disk when this returns.
///
/// # Errors
/// [`RunError`] names what is missing or wrong.
pub async fn run(
    config: Config,
    listener: TcpListener,
    announce: impl FnOnce(Welcome),
    reload: mpsc::Receiver<()>,
    shutdown: impl Future<Output = ()>,
) -> Result<(), RunError> {
    run_over(|config| config.store.open_later(), config, listener, announce, reload, shutdown).await
}

/// [`run`] over a store that is opened in another way.
pub(crate) async fn run_over(
    open: impl FnOnce(&Config) -> Result<Arc<dyn Store>, StoreError> + Send + 'static,
    config: Config,
    listener: TcpListener,
    announce: impl FnOnce(Welcome),
    reload: mpsc::Receiver<()>,
    shutdown: impl Future<Output = ()>,
) -> Result<(), RunError> {
    if let Err(error) = sealed::harden() {
        tracing::warn!(%error, "this process could not be made undumpable");
    }
    let swapped = swap::in_the_clear();
    if !swapped.is_empty() {
        tracing::warn!(
            places = swapped.join(", "),
            "memory can be swapped to a disk in the clear: switch swap off or encrypt it"
        );
    }
    let (control, node) = joined(&config).await?;
    let now = clock::now();
    let parts = {
        let config = config.clone();
        let wired = web::block(move || Parts::wire(&config, open(&config)?, control, node, now)).await;
        wired.map_err(|_| RunError::Demo("the blocking threads are gone".into()))??
    };
    let drivers = Drivers::start(parts.closing.clone()).map_err(io_of("the close threads"))?;
    let refreshing = tokio::spawn(refresh_for_ever(parts.clone()));
    let reloading = tokio::spawn(reload_for_ever(parts.clone(), config.geo.clone(), reload));
    let failed = journal_failed(parts.journal.clone());
    let outcast = Arc::new(OnceLock::new());
    let ended = async {
        tokio::select! {
            () = shutdown => {},
            () = failed => {},
            words = followed(&parts.node) => drop(outcast.set(words)),
        }
    };
    let served = serve(&parts, &config, listener, announce, ended).await;
    let failed = if parts.journal.healthy() { None } else { parts.journal.error() };
    refreshing.abort();
    reloading.abort();
    if web::block(move || parts.stop(drivers, clock::now())).await.is_err() {
        tracing::error!("the stop was cut short");
    }
    tracing::info!("stopped");
    match (failed, outcast.get()) {
        (Some(error), _) => Err(RunError::Failed(error)),
        (None, Some(words)) => Err(RunError::Outcast(words.clone())),
        (None, None) => Ok(served?),
    }
}

/// The control database, and what this process is among its nodes. A collector has sites when this returns.
async fn joined(config: &Config) -> Result<(Arc<Control>, Node), RunError> {
    let config = config.clone();
    let opened = web::block(move || {
        folder::make(&config.data).map_err(io_of(format!("the data directory {}", config.data.display())))?;
        let control = Arc::new(Control::open(&config.control_file(), clock::now())?);
        let node = Node::new(&config, &control)?;
        Ok::<_, RunError>((control, node))
    });
    let (control, node) =
        opened.await.map_err(|_| RunError::Demo("the blocking threads are gone".into()))??;
    if let Some(collecting) = node.collector() {
        collecting.follower.begin().await?;
    }
    Ok((control, node))
}

/// Follows the report node; resolves only where a collector must not go on, with the reason.
async fn followed(node: &Node) -> String {
    match node.collector() {
        Some(collecting) => collecting.follower.for_ever().await,
        None => std::future::pending().await,
    }
}

/// Resolves some time after the journal has failed for good. Until then hits and health are answered with 503 and the
/// reason; then the process ends, and the one that follows reads back what was acknowledged.
async fn journal_failed(journal: Arc<Journal>) {
    let mut looks = tokio::time::interval(LOOK);
    while journal.healthy() {
        looks.tick().await;
    }
    tokio::time::sleep(FAILED_FOR).await;
}

/// Dropped, it leaves the runtime directory's files as they are.
struct LeaveFiles(Option<RuntimeDir>);

impl Drop for LeaveFiles {
    fn drop(&mut self) {
        if let Some(runtime) = &self.0 {
            runtime.leave_files();
        }
    }
}

impl Parts {
    fn wire(
        config: &Config,
        store: Arc<dyn Store>,
        control: Arc<Control>,
        node: Node,
        now: UnixMs,
    ) -> Result<Parts, RunError> {
        if config.demo {
            demo::declare(&control, now).map_err(RunError::Demo)?;
        }
        let runtime = config.runtime.as_deref().map(RuntimeDir::open).transpose()?;
        let runtime = runtime.filter(|runtime| {
            if !runtime.memory_backed() {
                tracing::warn!(path = %runtime.path().display(), "the runtime directory is not memory-backed: salts stay in the process, and a restart splits visits");
            }
            runtime.memory_backed()
        });
        let process = Arc::new(Process::of(config, runtime.is_some()));
        let journal =
            Arc::new(Journal::start(journal_config(config, runtime.as_ref())).map_err(RunError::Journal)?);
        process.note(&config.data).map_err(io_of("the note of what this server runs with"))?;
        let files = ReleaseFiles::in_data(&config.data).map_err(io_of("the release files"))?;
        let memory = Arc::new(Memory::new(
            journal.clone(),
            runtime.clone(),
            Box::new(KnownFromControl(control.clone())),
            Box::new(StoredPast::new(store.clone(), files.clone(), config.node)),
            Caps::default(),
            config.node,
        ));
        // A start that fails leaves what it found for the next.
        let mut leaving = LeaveFiles(runtime.clone());
        let directory = control.directory();
        let sites = directory.load_full();
        let left = Start {
            memory: &memory,
            journal: &journal,
            runtime: runtime.as_ref(),
            files: &files,
            site: &|site| match sites.by_id(site).or_else(|| sites.leaving(site)) {
                Some(entry) => Some(Fixed::of(entry.at(now), entry.day(now))),
                None => (site == SiteId::NONE).then(Fixed::none),
            },
            now,
        }
        .resume()?;
        let closing = Arc::new(Closing::new(
            memory.clone(),
            store.clone(),
            files,
            Box::new(RememberInControl(control.clone())),
            config.flush_interval,
            left,
            now,
        ));
        // Days that passed while nothing ran are closed before a hit is taken.
        closing.close_past(now);
        let geo = config.geo.as_deref().map_or(Ok(Geo::none()), Geo::open)?;
        let proxies = Proxies {
            trusted: config.trusted_proxies.clone(),
            header: config.client_address_header.clone(),
            grain: Grain { v4: config.network_v4, v6: config.network_v6 },
        };
        let bounds = Bounds {
            max_body: config.max_body,
            waiting: config.hits_waiting,
            rates: RateSettings { address: config.address_rate, site: config.site_rate },
        };
        let origin = config.public_url.as_ref().map(|url| url.origin().ascii_serialization());
        let collector =
            Collector::new(memory.clone(), directory, Lists::load(), geo, proxies, bounds, origin);
        let mut collector = collector.map_err(io_of("the keys of collection"))?;
        if let Some(token) = node.token() {
            collector.trials = Trials::new(token.key("mayfly trials 2026 token signature"));
        }
        let collector = Arc::new(collector);
        let others = node.report().map(|reporting| reporting.collectors.clone());
        let jobs = Jobs::new(control.clone(), store.clone(), closing.clone(), config.data.clone());
        let (settings, looked) = (Looks::of(config), (memory.clone(), collector.clone()));
        let jobs = jobs.with_collectors(others).with_looks(move || {
            let (memory, collector) = &looked;
            settings.clone().running(Running::here(memory.salts_locked(), collector.peers.trouble()))
        });
        let (jobs, retention) = (Arc::new(jobs), Arc::new(Retention::new(config.records_months)));
        let parts = Parts {
            control,
            store,
            journal,
            memory,
            closing,
            collector,
            node,
            process,
            runtime,
            jobs,
            retention,
        };
        if config.demo {
            demo::fill(&parts, now).map_err(RunError::Demo)?;
        }
        leaving.0 = None;
        Ok(parts)
    }

    /// Everything acknowledged is on the disk, what is ready is released, and the runtime directory is left for
    /// the process that follows.
    fn stop(&self, drivers: Drivers, now: UnixMs) {
        self.collector.settle(now);
        self.jobs.stop();
        drivers.stop();
        if let Err(error) = self.journal.flush() {
            tracing::error!(%error, "the journal could not be flushed");
        }
        if let Some(runtime) = &self.runtime {
            runtime.leave_files();
        }
    }

    /// Takes over what other processes changed in the control database. Blocks.
    fn refresh(&self, now: UnixMs) {
        match self.control.reload_if_changed(now) {
            Ok(_) => self.collector.refresh(now),
            Err(error) => tracing::error!(%error, "the sites could not be read again"),
        }
        self.collector.settle(now);
        self.erase_removed();
        self.keep(now, Instant::now());
        match self.node.collector() {
            None => self.jobs.step(now),
            Some(_) => {
                self.jobs.begin(now);
                self.end_leaving(now);
            }
        }
    }

    /// Erases what is kept no longer. `running`: the same moment by a clock that nobody sets.
    fn keep(&self, now: UnixMs, running: Instant) {
        let aside = |site, before| self.closing.erase_aside(site, before);
        match self.node.collector() {
            None => self.retention.step(&*self.store, aside, &self.control, now, running),
            // What is done once per installation is done by the report node.
            Some(_) => self.retention.step_aside(aside, &self.control.directory().load(), now, running),
        }
    }

    /// Brings what a collector has of sites on their way into others to the store; the report node waits for it.
    fn end_leaving(&self, now: UnixMs) {
        let leaving = self.control.leaving(now).unwrap_or_else(|error| {
            tracing::error!(%error, "sites on their way into others could not be listed");
            Vec::new()
        });
        for site in leaving.into_iter().map(|one| one.site.id) {
            if let Err(words) = self.closing.end_site(site, now) {
                tracing::debug!(
                    words,
                    site = site.0,
                    "a site that becomes part of another is not in the store yet"
                );
            }
        }
    }

    fn erase_removed(&self) {
        let removed = self.control.removals().unwrap_or_else(|error| {
            tracing::error!(%error, "removed sites could not be listed");
            Vec::new()
        });
        for site in removed {
            let erased = self.closing.erase_site(site).and_then(|()| self.leave_nothing(site));
            match erased.map(|()| self.control.erased(site)) {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::error!(%error, site = site.0, "an erased site could not be noted"),
                // Said by the close, once.
                Err(error) => tracing::debug!(error, site = site.0, "a removed site could not be erased"),
            }
        }
    }

    /// Where nothing of a removed site may be left: not what collectors have of it, not the bytes of erased rows.
    fn leave_nothing(&self, site: SiteId) -> Result<(), String> {
        if self.control.goes_wholly(site).map_err(|error| error.to_string())? {
            if let Some(reporting) = self.node.report() {
                let held = reporting.collectors.held(site)?;
                if let Some(one) =
                    held.iter().find(|one| one.takes_hits || one.erasing || !one.days.is_empty())
                {
                    return Err(format!("collector {} still has it", one.node));
                }
            }
            self.store.scrub(site).map_err(|error| error.to_string())?;
        }
        self.control.scrub().map_err(|error| error.to_string())
    }
}

fn journal_config(config: &Config, runtime: Option<&RuntimeDir>) -> JournalConfig {
    let on_disk = config.data.join("journal-keys");
    let in_memory = runtime.map(|runtime| runtime.path().join("keys"));
    let (keys, before) = match (config.durability, in_memory) {
        (Durability::Process, Some(in_memory)) => (in_memory, Some(on_disk)),
        (_, in_memory) => (on_disk, in_memory),
    };
    JournalConfig { key_dir_before: before, ..JournalConfig::new(config.data.join("journal"), keys) }
}

async fn refresh_for_ever(parts: Parts) {
    let mut ticks = tokio::time::interval(REFRESH);
    loop {
        ticks.tick().await;
        let parts = parts.clone();
        if web::block(move || parts.refresh(clock::now())).await.is_err() {
            return;
        }
    }
}

/// Takes over a replaced location database; one that cannot be read leaves the one in use.
async fn reload_for_ever(parts: Parts, file: Option<PathBuf>, mut reload: mpsc::Receiver<()>) {
    while reload.recv().await.is_some() {
        let Some(file) = file.clone() else { continue };
        let collector = parts.collector.clone();
        match web::block(move || collector.geo.reload(&file)).await {
            Ok(Ok(())) => tracing::info!("the location database was read again"),
            Ok(Err(error)) => tracing::error!(%error, "the location database in use stays"),
            Err(_) => return,
        }
    }
}

/// Values that k visitors used on earlier days, from the control database.
struct KnownFromControl(Arc<Control>);

impl Known for KnownFromControl {
    fn of(&self, site: SiteId) -> Arc<KnownValues> {
        let values = |kind| {
            let values = self.0.admitted_values(site, kind).unwrap_or_else(|error| {
                tracing::error!(%error, site = site.0, "admitted values could not be read");
                Vec::new()
            });
            values.into_iter().collect::<std::collections::HashSet<Text>>()
        };
        Arc::new(KnownValues {
            pages: values(AdmittedKind::Page),
            sources: values(AdmittedKind::Source),
            campaigns: std::array::from_fn(|field| values(AdmittedKind::Campaign(field as u8))),
        })
    }
}

struct RememberInControl(Arc<Control>);

impl Remember for RememberInControl {
    fn remember(&self, site: SiteId, day: Day, used: KnownValues) {
        if site == SiteId::NONE {
            return;
        }
        let pages = used.pages.iter().map(|value| (AdmittedKind::Page, &**value));
        let sources = used.sources.iter().map(|value| (AdmittedKind::Source, &**value));
        let campaigns = used.campaigns.iter().enumerate().flat_map(|(field, values)| {
            values.iter().map(move |value| (AdmittedKind::Campaign(field as u8), &**value))
        });
        if let Err(error) = self.0.admit_values(site, day, pages.chain(sources).chain(campaigns)) {
            tracing::error!(%error, site = site.0, "a day's values could not be remembered");
        }
    }
}

#[cfg(test)]
mod tests;
