//! Wires the rooms together and runs them until told to stop.

use std::{
    io,
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use actix_web::{App, HttpServer, web};

use crate::{
    clock,
    close::{
        driver::{Closing, Drivers, Remember},
        release_file::ReleaseFiles,
        resume::{ResumeError, Start},
    },
    collect::{
        client::Proxies,
        endpoint::Collector,
        geo::{Geo, GeoError},
    },
    config::{Config, Durability, StoreChoice},
    control::{AdmittedKind, Control, ControlError},
    demo,
    domain::{
        Text,
        address::Grain,
        admit::Lists,
        day::{Day, UnixMs},
        declaration::SiteId,
        row::ReleaseId,
        tally::{Caps, KnownValues},
    },
    journal::{Journal, JournalConfig},
    memory::{
        days::{Fixed, Known, Memory, Past},
        runtime::{RuntimeDir, RuntimeError},
        sealed,
    },
    parts::Parts,
    store::{
        Store, StoreError,
        duckdb::{DuckStore, Limits},
    },
    web::{self as pages, Shared},
};

/// How often settings changed by another process are looked for.
const REFRESH: Duration = Duration::from_secs(1);
/// Requests in flight are waited for at most this long at a stop, in seconds.
const STOP_S: u64 = 15;
/// Idle connections are closed after this long.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// A request's head has to arrive within this long.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

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
    #[error(transparent)]
    Resume(#[from] ResumeError),
    #[error("{what}: {error}")]
    Io { what: String, error: io::Error },
    #[error("the demo: {0}")]
    Demo(String),
}

fn io_of(what: impl Into<String>) -> impl FnOnce(io::Error) -> RunError {
    let what = what.into();
    move |error| RunError::Io { what, error }
}

/// What is said once the server listens, for a person to read.
pub struct Welcome {
    pub address: std::net::SocketAddr,
    /// While nobody has claimed this install.
    pub claim_token: Option<String>,
    pub demo: bool,
}

/// Serves until `shutdown` resolves; then readiness goes off, what is in flight is answered, and everything
/// acknowledged is on the disk when this returns.
///
/// # Errors
/// [`RunError`] names what is missing or wrong.
pub async fn run(
    config: Config,
    listener: TcpListener,
    announce: impl FnOnce(Welcome),
    shutdown: impl Future<Output = ()>,
) -> Result<(), RunError> {
    if let Err(error) = sealed::harden() {
        tracing::warn!(%error, "this process could not be made undumpable");
    }
    let now = clock::now();
    let parts = {
        let config = config.clone();
        let wired = web::block(move || Parts::wire(&config, now)).await;
        wired.map_err(|_| RunError::Demo("the blocking threads are gone".into()))??
    };
    let drivers = Drivers::start(parts.closing.clone()).map_err(io_of("the close threads"))?;
    let served = serve(&parts, &config, listener, announce, shutdown).await;
    if web::block(move || parts.stop(drivers, clock::now())).await.is_err() {
        tracing::error!("the stop was cut short");
    }
    tracing::info!("stopped");
    served
}

/// Answers requests until `shutdown` resolves and what is in flight is answered.
async fn serve(
    parts: &Parts,
    config: &Config,
    listener: TcpListener,
    announce: impl FnOnce(Welcome),
    shutdown: impl Future<Output = ()>,
) -> Result<(), RunError> {
    let address = listener.local_addr().map_err(io_of("the listening socket"))?;
    let ready = Arc::new(AtomicBool::new(true));
    let shared = Shared::new(parts, config.is_https(), config.demo, ready.clone())
        .map_err(|error| RunError::Control(error.into()))?;
    let claim_token = parts.control.claim_token()?;
    let collector = web::Data::from(parts.collector.clone());
    let (bare, workers) = (config.bare_route, config.workers);
    let server = HttpServer::new(move || {
        App::new()
            .app_data(collector.clone())
            .configure(|app| pages::collection(app, bare))
            .configure(|app| pages::everything_else(app, &shared))
    })
    .workers(workers)
    .keep_alive(KEEP_ALIVE)
    .client_request_timeout(HEAD_TIMEOUT)
    .shutdown_timeout(STOP_S)
    .disable_signals()
    .listen(listener)
    .map_err(io_of("the listening socket"))?
    .run();
    let handle = server.handle();
    let serving = tokio::spawn(server);
    let refreshing = tokio::spawn(refresh_for_ever(parts.clone()));
    announce(Welcome { address, claim_token, demo: config.demo });
    shutdown.await;
    tracing::info!("stopping: answering what is in flight");
    ready.store(false, Ordering::Release);
    handle.stop(true).await;
    refreshing.abort();
    if let Ok(Err(error)) = serving.await {
        tracing::error!(%error, "the server had stopped by itself");
    }
    Ok(())
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
    fn wire(config: &Config, now: UnixMs) -> Result<Parts, RunError> {
        std::fs::create_dir_all(&config.data)
            .map_err(io_of(format!("the data directory {}", config.data.display())))?;
        let control = Arc::new(Control::open(&config.control_file(), now)?);
        let StoreChoice::DuckDb { path } = &config.store;
        let store: Arc<dyn Store> = Arc::new(DuckStore::open(path, &Limits::default())?);
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
        let journal =
            Arc::new(Journal::start(journal_config(config, runtime.as_ref())).map_err(RunError::Journal)?);
        let memory = Arc::new(Memory::new(
            journal.clone(),
            runtime.clone(),
            Box::new(KnownFromControl(control.clone())),
            Box::new(PastFromStore(store.clone())),
            Caps::default(),
            config.node,
        ));
        // A start that fails leaves what it found for the next.
        let mut leaving = LeaveFiles(runtime.clone());
        let files =
            ReleaseFiles::in_folder(config.data.join("releases")).map_err(io_of("the release files"))?;
        let directory = control.directory();
        let sites = directory.load_full();
        Start {
            memory: &memory,
            journal: &journal,
            runtime: runtime.as_ref(),
            files: &files,
            store: &*store,
            site: &|site| match sites.by_id(site) {
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
            now,
        ));
        // Days that passed while nothing ran are closed before a hit is taken.
        closing.catch_up(now);
        let geo = config.geo.as_deref().map_or(Ok(Geo::none()), Geo::open)?;
        let proxies = Proxies {
            trusted: config.trusted_proxies.clone(),
            header: config.client_address_header.clone(),
            grain: Grain { v4: config.network_v4, v6: config.network_v6 },
        };
        let collector =
            Arc::new(Collector::new(memory.clone(), directory, Lists::load(), geo, proxies, config.max_body));
        let parts =
            Parts { control, store, journal, memory, closing, collector, runtime, retention: Arc::default() };
        if config.demo {
            demo::fill(&parts, now).map_err(RunError::Demo)?;
        }
        leaving.0 = None;
        Ok(parts)
    }

    /// Everything acknowledged is on the disk, what is ready is released, and the runtime directory is left for
    /// the process that follows.
    fn stop(&self, drivers: Drivers, now: UnixMs) {
        self.collector.settle_shed(now);
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
        self.collector.settle_shed(now);
        self.erase_removed();
        self.retention.step(&*self.store, &self.control.directory().load(), now);
    }

    fn erase_removed(&self) {
        let removed = self.control.removals().unwrap_or_else(|error| {
            tracing::error!(%error, "removed sites could not be listed");
            Vec::new()
        });
        for site in removed {
            match self.closing.erase_site(site) {
                Ok(()) => {
                    if let Err(error) = self.control.erased(site) {
                        tracing::error!(%error, site = site.0, "an erased site could not be noted");
                    }
                }
                Err(error) => tracing::error!(error, site = site.0, "a removed site could not be erased"),
            }
        }
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

/// What the store holds of days that memory does not know. A store that is away must not stop collection: then
/// nothing is known.
struct PastFromStore(Arc<dyn Store>);

impl Past for PastFromStore {
    fn closed_since(&self, site: SiteId, day: Day) -> Option<Day> {
        let closed = self.0.days(site, day, Day(i32::MAX / 2));
        closed.unwrap_or_else(|error| unknown(site, &error)).last().map(|row| row.day)
    }

    fn last_release(&self, site: SiteId, day: Day, node: u32) -> u32 {
        let holds = |number| {
            let held = self.0.holds(ReleaseId { site, day, node, number });
            held.unwrap_or_else(|error| unknown(site, &error))
        };
        (1..).take_while(|&number| holds(number)).last().unwrap_or(0)
    }
}

fn unknown<T: Default>(site: SiteId, error: &StoreError) -> T {
    tracing::error!(%error, site = site.0, "the store could not be asked about a day that opens");
    T::default()
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
