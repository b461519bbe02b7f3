//! Routes: which address leads to which room. No rules of its own.

pub mod assets;
pub mod health;

use actix_web::web::{self, ServiceConfig};

use crate::collect::endpoint;

/// Routes of collection, open to every page of every site.
pub fn collection(app: &mut ServiceConfig, bare: bool) {
    app.service(
        web::resource("/api/event")
            .route(web::post().to(endpoint::post_event))
            .route(web::method(actix_web::http::Method::OPTIONS).to(endpoint::preflight)),
    );
    for path in ["/mayfly.js", "/js/{name:(script|plausible)[a-z.-]*\\.js}"] {
        app.route(path, web::get().to(assets::tracker));
    }
    if bare {
        app.route("/api/bare", web::post().to(endpoint::bare));
    }
}
