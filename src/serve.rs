//! Serving: connections in, answers out, and a stop at which nobody who was let in goes without an answer.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use actix_web::{
    App, HttpServer,
    dev::{Extensions, ServerHandle, Service},
    error::ErrorInternalServerError,
    http::ConnectionType,
    web::Data,
};

use crate::{
    collect::{pace, shed},
    config::Config,
    control::ControlError,
    memory::wiping,
    parts::Parts,
    web::{self as pages, Shared},
};

/// Requests in flight are waited for at most this long at a stop, in seconds.
const STOP_S: u64 = 15;
/// Idle connections are closed after this long.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// A request's head has to arrive within this long.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Connections let in just before a stop are waited for at most this long if they ask nothing.
const NEWCOMERS: Duration = Duration::from_secs(2);
/// How often they are counted.
const LOOK: Duration = Duration::from_millis(50);
/// How many times in a row there has to be none: a connection may be on its way between two threads.
const LOOKS_WITHOUT: u32 = 5;

/// Why nothing can be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error(transparent)]
    Control(#[from] ControlError),
    #[error("the listening socket: {0}")]
    Socket(io::Error),
}

/// What is said once the server listens, for a person to read.
pub struct Welcome {
    pub address: SocketAddr,
    /// While nobody has claimed this install.
    pub claim_token: Option<String>,
    pub demo: bool,
}

/// Answers requests until `shutdown` resolves and what is in flight is answered.
///
/// # Errors
/// When the socket cannot be listened on, or the system has no randomness or no threads.
pub(crate) async fn serve(
    parts: &Parts,
    config: &Config,
    listener: TcpListener,
    announce: impl FnOnce(Welcome),
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let address = listener.local_addr().map_err(ServeError::Socket)?;
    let ready = Arc::new(AtomicBool::new(true));
    let shared =
        Shared::new(parts, config.is_https(), config.demo, ready.clone()).map_err(ControlError::from)?;
    let claim_token = parts.control.claim_token()?;
    let collector = Data::from(parts.collector.clone());
    let (bare, workers, node) = (config.bare_route, config.workers, parts.node.clone());
    let (newcomers, streams) = (Arc::new(AtomicUsize::new(0)), shared.streams.clone());
    let (counted, taking) = (newcomers.clone(), ready.clone());
    let server = HttpServer::new(move || {
        // This runs on each worker.
        actix_web::rt::spawn(shed::watch_lag());
        actix_web::rt::spawn(pace::let_go_for_ever());
        actix_web::rt::spawn(wiping::wipe_stack_for_ever());
        let taking = taking.clone();
        App::new()
            .wrap_fn(move |request, service| {
                request.conn_data::<Newcomer>().inspect(|newcomer| newcomer.asks());
                // A task of its own: it ends, and its request is forgotten, even where who asked is gone. Of one that
                // panicked nothing is told, because its words may be a visitor's.
                let answering = service.call(request);
                let answer = actix_web::rt::spawn(async move { answering.await.map(wiping::forget) });
                let taking = taking.clone();
                async move {
                    let mut answer =
                        answer.await.map_err(|_| ErrorInternalServerError("internal error"))??;
                    if !taking.load(Ordering::Acquire) {
                        answer.response_mut().head_mut().set_connection_type(ConnectionType::Close);
                    }
                    Ok(answer)
                }
            })
            .app_data(collector.clone())
            .configure(|app| pages::collection(app, bare, &node))
            .configure(|app| pages::everything_else(app, &shared))
    })
    .on_connect(move |_, data: &mut Extensions| drop(data.insert(Newcomer::of(&counted))))
    .workers(workers)
    .max_connections(config.connections.div_ceil(workers))
    .keep_alive(KEEP_ALIVE)
    .client_request_timeout(HEAD_TIMEOUT)
    .shutdown_timeout(STOP_S)
    .disable_signals()
    .listen(listener)
    .map_err(ServeError::Socket)?
    .run();
    let handle = server.handle();
    let serving = tokio::spawn(server);
    announce(Welcome { address, claim_token, demo: config.demo });
    shutdown.await;
    tracing::info!("stopping: answering what is in flight");
    ready.store(false, Ordering::Release);
    streams.end();
    drain(&handle, &newcomers).await;
    if let Ok(Err(error)) = serving.await {
        tracing::error!(%error, "the server had stopped by itself");
    }
    Ok(())
}

/// Lets nobody else in, hears those out who were let in and have not asked yet, and answers what is in flight.
/// Who connects from now on waits in the socket, for the next process if a service manager holds it.
async fn drain(handle: &ServerHandle, newcomers: &AtomicUsize) {
    handle.pause().await;
    let mut looks_without = 0;
    for _ in 0..NEWCOMERS.as_millis() / LOOK.as_millis() {
        tokio::time::sleep(LOOK).await;
        looks_without = if newcomers.load(Ordering::Acquire) == 0 { looks_without + 1 } else { 0 };
        if looks_without == LOOKS_WITHOUT {
            break;
        }
    }
    handle.stop(true).await;
}

/// A connection that was let in; counted until it asks for the first time.
struct Newcomer {
    silent: AtomicBool,
    count: Arc<AtomicUsize>,
}

impl Newcomer {
    fn of(count: &Arc<AtomicUsize>) -> Newcomer {
        count.fetch_add(1, Ordering::AcqRel);
        Newcomer { silent: AtomicBool::new(true), count: count.clone() }
    }

    fn asks(&self) {
        if self.silent.swap(false, Ordering::AcqRel) {
            self.count.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

impl Drop for Newcomer {
    fn drop(&mut self) {
        self.asks();
    }
}
