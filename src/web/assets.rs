//! What is served from inside the binary: the dashboard, the tracker, the demo site.

use std::{
    collections::HashMap,
    io::{self, Write},
    sync::{LazyLock, Mutex, PoisonError},
};

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, HeaderValue},
    web::{Bytes, Data},
};
use flate2::{Compression, write::GzEncoder};
use rust_embed::{EmbeddedFile, RustEmbed};

use super::auth::ControlState;
use crate::disclosure::Language;

#[derive(RustEmbed)]
#[folder = "dashboard/dist"]
struct Dashboard;

#[derive(RustEmbed)]
#[folder = "tracker/dist"]
struct Tracker;

#[derive(RustEmbed)]
#[folder = "demo"]
struct Demo;

/// Content names (`/assets/index-4f2a.js`) never change what they stand for.
const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// Asked again each time, answered with 304 where nothing changed.
const ASK_AGAIN: &str = "no-cache";
/// A year, this host alone.
const HTTPS_FOR: &str = "max-age=31536000";
/// The tracker may be a day old, like any other script of a page.
const A_DAY: &str = "public, max-age=86400";

fn serve(
    request: &HttpRequest,
    name: &str,
    file: Option<EmbeddedFile>,
    caching: &'static str,
) -> HttpResponse {
    let Some(file) = file else { return HttpResponse::NotFound().finish() };
    let tag: String = file.metadata.sha256_hash()[..12].iter().map(|byte| format!("{byte:02x}")).collect();
    let tag = format!("\"{tag}\"");
    let same =
        request.headers().get(header::IF_NONE_MATCH).map(HeaderValue::as_bytes) == Some(tag.as_bytes());
    let mut answer = if same { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    answer.insert_header((header::ETAG, tag)).insert_header((header::CACHE_CONTROL, caching));
    if same {
        return answer.finish();
    }
    answer.content_type(kind(name));
    if caching == FOR_EVER
        && takes_gzip(request)
        && let Ok(packed) = packed(name, &file.data)
    {
        answer.insert_header((header::CONTENT_ENCODING, "gzip"));
        return answer.insert_header((header::VARY, "accept-encoding")).body(packed);
    }
    answer.body(file.data.into_owned())
}

/// A file that never changes, packed as small as gzip can: once each, for they are as many as the build made.
fn packed(name: &str, data: &[u8]) -> io::Result<Bytes> {
    static PACKED: LazyLock<Mutex<HashMap<String, Bytes>>> = LazyLock::new(Mutex::default);
    let mut known = PACKED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(bytes) = known.get(name) {
        return Ok(bytes.clone());
    }
    let mut packing = GzEncoder::new(Vec::new(), Compression::best());
    packing.write_all(data)?;
    let bytes = Bytes::from(packing.finish()?);
    known.insert(name.to_owned(), bytes.clone());
    Ok(bytes)
}

fn takes_gzip(request: &HttpRequest) -> bool {
    let accepted = request.headers().get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    accepted.is_some_and(|text| {
        text.split(',').any(|one| {
            let (name, quality) = one.split_once(';').unwrap_or((one, ""));
            name.trim() == "gzip" && !matches!(quality.trim(), "q=0" | "q=0.0")
        })
    })
}

fn kind(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("json") => "application/json",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        _ => "application/octet-stream",
    }
}

/// A file of the dashboard, or its document for every address of a screen.
pub async fn dashboard(request: HttpRequest) -> HttpResponse {
    let name = request.path().trim_start_matches('/');
    match Dashboard::get(name) {
        Some(file) if !name.is_empty() => {
            let caching = if name.starts_with("assets/") { FOR_EVER } else { ASK_AGAIN };
            serve(&request, name, Some(file), caching)
        }
        _ if name.contains('.') && name.starts_with("assets/") => HttpResponse::NotFound().finish(),
        _ => {
            let mut answer = document(&request);
            // Only for who comes to the dashboard: browsers keep it, and of visitors nothing is kept. So neither answers to
            // trackers nor documents that other pages may frame carry it.
            if request.app_data::<Data<ControlState>>().is_some_and(|state| state.https) {
                answer
                    .headers_mut()
                    .insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(HTTPS_FOR));
            }
            answer
        }
    }
}

/// The dashboard's document. There is one a language, with a script of its own.
pub fn document(request: &HttpRequest) -> HttpResponse {
    let name = match language(request) {
        Language::En => "index.html",
        Language::De => "index.de.html",
        Language::Fr => "index.fr.html",
    };
    let mut answer = serve(request, name, Dashboard::get(name), ASK_AGAIN);
    answer.headers_mut().insert(header::VARY, HeaderValue::from_static("accept-language, cookie"));
    answer
}

/// Which language a person chose, in whose browser the dashboard keeps it.
const LANGUAGE_COOKIE: &str = "mayfly_language";

/// The language that the address asks for (`lang=`), else the chosen one, else the one that the browser likes best.
fn language(request: &HttpRequest) -> Language {
    let asked = request.query_string().split('&').find_map(|pair| pair.strip_prefix("lang="));
    let chosen = request.cookie(LANGUAGE_COOKIE);
    let accepted = request.headers().get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    asked
        .and_then(Language::named)
        .or_else(|| Language::named(chosen?.value()))
        .unwrap_or_else(|| accepted.map(Language::accepted).unwrap_or_default())
}

/// The tracker, under each of its names, and the scripts beside it. Other sites' pages load them.
pub async fn tracker(request: HttpRequest) -> HttpResponse {
    let name = match request.path().trim_start_matches('/') {
        name if name.starts_with("js/") => "mayfly.js",
        name => name,
    };
    let mut answer = serve(&request, name, Tracker::get(name), A_DAY);
    let headers = answer.headers_mut();
    // A tag of its own would tell a returning browser apart only by the script's version; still, none is sent.
    headers.remove(header::ETAG);
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(
        header::HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("cross-origin"),
    );
    answer
}

/// The demo site.
pub async fn demo(request: HttpRequest) -> HttpResponse {
    let path = request.path();
    let name = match path.strip_prefix("/demo").unwrap_or(path).trim_matches('/') {
        "" => "index.html".to_owned(),
        name if name.contains('.') => name.to_owned(),
        name => format!("{name}.html"),
    };
    serve(&request, &name, Demo::get(&name), ASK_AGAIN)
}

#[cfg(test)]
mod tests {
    use actix_web::{cookie::Cookie, test::TestRequest};

    use super::{super::api_tests::Server, *};

    // Seen to fail with the header in what shares show too.
    #[actix_web::test]
    async fn the_dashboard_alone_asks_browsers_to_stay_with_https() {
        for https in [true, false] {
            let server = Server::fresh(https);
            let request = TestRequest::with_uri("/s/a").app_data(server.state.clone()).to_http_request();
            let asks =
                |answer: HttpResponse| answer.headers().contains_key(header::STRICT_TRANSPORT_SECURITY);
            assert_eq!(asks(dashboard(request.clone()).await), https);
            assert!(!asks(document(&request)), "what a page of others may frame");
            assert!(!asks(tracker(request).await), "what visitors load");
        }
    }

    #[track_caller]
    fn check(uri: &str, cookie: Option<&'static str>, accepted: Option<&str>, expected: Language) {
        let mut request = TestRequest::with_uri(uri);
        if let Some(chosen) = cookie {
            request = request.cookie(Cookie::new(LANGUAGE_COOKIE, chosen));
        }
        if let Some(accepted) = accepted {
            request = request.insert_header((header::ACCEPT_LANGUAGE, accepted));
        }
        assert_eq!(language(&request.to_http_request()), expected, "{uri} {cookie:?} {accepted:?}");
    }

    #[test]
    fn the_address_goes_before_the_choice_and_the_choice_before_the_browser() {
        check("/", None, None, Language::En);
        check("/", None, Some("es, fr;q=0.8, de;q=0.9"), Language::De);
        check("/", None, Some("de;q=0, es"), Language::En);
        check("/s/a?p=7d", Some("fr"), Some("de"), Language::Fr);
        check("/s/a?p=7d", Some("tlh"), Some("de"), Language::De);
        check("/share/x?embed=1&lang=de", Some("fr"), None, Language::De);
        check("/share/x?lang=tlh", Some("fr"), None, Language::Fr);
    }
}
