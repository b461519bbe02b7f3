//! Routes: which address leads to which room, who is asking, errors, headers. No rules of its own.

pub mod account;
pub mod api_control;
pub mod assets;
pub mod auth;
pub mod badge;
pub mod download;
pub mod error;
pub mod health;
pub mod live;
pub mod nodes;
pub mod notes;
pub mod people;
pub mod privacy;
pub mod reports;
pub mod share;
pub mod shares;
pub mod stored;
pub mod stream;
pub mod throttle;
pub mod trials;

#[cfg(test)]
mod api_tests;
#[cfg(test)]
mod sign_in_tests;

use std::sync::{Arc, atomic::AtomicBool};

use actix_web::{
    middleware::Compress,
    web::{self, Data, ServiceConfig},
};

use crate::{
    collect::{answers, endpoint, opt_out, pixel},
    nodes::Node,
    parts::Parts,
};
use auth::ControlState;
use health::Health;
use live::LiveParts;

/// What the handlers share. Made once, outside the worker factory.
#[derive(Clone)]
pub struct Shared {
    control: Data<ControlState>,
    health: Data<Health>,
    parts: Data<Parts>,
    disclosing: Data<privacy::Disclosing>,
    stored: Data<stored::Known>,
    sharing: Data<share::Sharing>,
    /// To be ended before the server is.
    pub(crate) streams: Data<stream::Streams>,
    demo: bool,
}

impl Shared {
    /// # Errors
    /// When the operating system gives no randomness.
    pub fn new(
        parts: &Parts,
        https: bool,
        demo: bool,
        ready: Arc<AtomicBool>,
    ) -> Result<Shared, getrandom::Error> {
        let live = Arc::new(LiveParts(parts.clone()));
        let control = ControlState::new(parts.control.clone(), live, parts.collector.clone(), https)?;
        Ok(Shared {
            control: Data::new(control),
            health: Data::new(Health { parts: parts.clone(), ready }),
            parts: Data::new(parts.clone()),
            disclosing: Data::default(),
            stored: Data::default(),
            sharing: Data::new(share::Sharing::new()?),
            streams: Data::new(stream::Streams::new(parts)),
            demo,
        })
    }
}

/// Routes of collection, open to every page of every site.
pub fn collection(app: &mut ServiceConfig, bare: bool, node: &Node) {
    if let Node::Report(_) = node {
        for path in [
            "/api/event",
            "/count",
            "/opt-out",
            "/mayfly.js",
            "/mayfly.consent.js",
            "/mayfly.vitals.js",
            "/js/{name}",
            "/consent/{name}",
        ] {
            app.route(path, web::to(error::not_collecting));
        }
        return;
    }
    app.service(
        web::resource("/api/event")
            .route(web::post().to(endpoint::post_event))
            .route(web::method(actix_web::http::Method::OPTIONS).to(answers::preflight)),
    );
    app.service(
        web::resource("/count").route(web::get().to(pixel::count)).route(web::post().to(pixel::count)),
    )
    .service(
        web::resource("/opt-out").route(web::get().to(opt_out::page)).route(web::post().to(opt_out::choose)),
    )
    .route("/opt-out.css", web::get().to(opt_out::style));
    let scripts = [
        "/mayfly.js",
        "/mayfly.consent.js",
        "/mayfly.vitals.js",
        "/js/{name:(script|plausible)[a-z.-]*\\.js}",
        "/consent/{name:[a-z-]+\\.js}",
    ];
    for path in scripts {
        app.service(web::resource(path).wrap(Compress::default()).route(web::get().to(assets::tracker)));
    }
    if bare {
        app.route("/api/bare", web::post().to(answers::bare));
    }
}

/// Routes for people, their programs and other nodes: the API, the dashboard, the demo.
pub fn everything_else(app: &mut ServiceConfig, shared: &Shared) {
    app.app_data(shared.control.clone())
        .app_data(shared.health.clone())
        .app_data(shared.parts.clone())
        .route("/api/health", web::get().to(health::health))
        .route("/metrics", web::get().to(health::metrics));
    nodes::routes(app, &shared.parts.node);
    privacy::routes(app, &shared.disclosing);
    if let Node::Collector(_) = shared.parts.node {
        app.default_service(web::to(error::only_collecting));
        return;
    }
    app.app_data(shared.stored.clone()).configure(stored::routes);
    app.configure(reports::routes).configure(download::routes).configure(api_control::routes);
    app.configure(account::routes).configure(people::routes);
    app.app_data(shared.sharing.clone()).configure(shares::routes).configure(share::routes);
    app.configure(notes::routes).configure(trials::routes);
    app.app_data(shared.streams.clone()).configure(stream::routes);
    if shared.demo {
        app.service(web::resource(["/demo", "/demo/{file:.*}"]).route(web::get().to(assets::demo)));
    }
    app.service(
        web::scope("")
            .wrap(auth::security_headers())
            .wrap(Compress::default())
            .route("/api/{rest:.*}", web::to(error::no_such_address))
            .default_service(web::get().to(assets::dashboard)),
    );
}
