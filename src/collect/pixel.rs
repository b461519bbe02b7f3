//! `GET` and `POST /count`: a hit whose answer is a picture of one pixel, for pages without script and for programs that
//! speak the GoatCounter form. The query says it all: `p` path (required), `site` (else the host that was asked), `r`
//! referrer, `q` the page's query, `e` whether `p` is an event's name, `b` whether the sender knows that it is a
//! bot. `t`, `s`, `rnd` and others are read by nobody.

use std::sync::Arc;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::Data,
};
use smallvec::smallvec;

use super::{
    batch::Parcel,
    duplicates::Progress,
    endpoint::{Collector, Taking, signals_of},
    event::{Invalid, NAME_BYTES_MAX, URL_BYTES_MAX},
    opt_out::asked_origin,
    pace::Leaving,
};
use crate::{
    clock,
    domain::{
        hit::{Incoming, IncomingKind},
        same_site::host_of,
        scrub::{UrlParts, cut},
    },
};

/// One transparent pixel.
const GIF: &[u8] =
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,\
    \x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;";
/// Most parameters that are read.
const PARAMETERS_MAX: usize = 30;

/// The handler of `GET` and `POST /count`. A body is not read.
pub async fn count(collector: Data<Collector>, request: HttpRequest) -> HttpResponse {
    let (collector, mut leaving) = (collector.into_inner(), Leaving::from_now());
    let event = read(&collector, &request);
    let parcel = Parcel { events: smallvec![event], batch: false };
    let (targets, verdicts) = collector.aim(&parcel);
    leaving.hits = targets.len();
    let signals = signals_of(&request);
    let taking = Taking { collector: &collector, request: &request, signals, now: clock::now() };
    let answer = taking.all(parcel, &targets, verdicts, &mut Progress::default()).await;
    let answer = picture(answer.status());
    leaving.wait().await;
    answer
}

/// The same picture for every answer; only what is wrong with the request shows, in the status.
fn picture(status: StatusCode) -> HttpResponse {
    let status = if status.is_success() { StatusCode::OK } else { status };
    HttpResponse::build(status)
        .content_type("image/gif")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"))
        .insert_header(("cross-origin-resource-policy", "cross-origin"))
        .body(GIF)
}

fn read(collector: &Arc<Collector>, request: &HttpRequest) -> Result<Incoming, Invalid> {
    let sent = Sent::of(request.query_string());
    let named = sent.site.map_or_else(|| host_of(&asked_origin(request)), Some).unwrap_or_default();
    let directory = collector.directory.load();
    let host = match directory.named_or_host(&named) {
        Some(entry) => entry.at(clock::now()).main_host().to_owned(),
        None => named.clone(),
    };
    incoming(Sent { site: Some(named), ..sent }, &host)
}

/// What a query says.
#[derive(Default)]
struct Sent {
    site: Option<String>,
    path: Option<String>,
    referrer: Option<String>,
    query: Option<String>,
    is_event: bool,
    is_bot: bool,
}

impl Sent {
    fn of(query: &str) -> Sent {
        let mut sent = Sent::default();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()).take(PARAMETERS_MAX) {
            let value = value.into_owned();
            let is_set = !matches!(value.as_str(), "" | "0" | "false");
            match &*name {
                "site" => sent.site = Some(value),
                "p" => sent.path = Some(value),
                "r" => sent.referrer = Some(value),
                "q" => sent.query = Some(value),
                "e" => sent.is_event = is_set,
                "b" => sent.is_bot = is_set,
                _ => {}
            }
        }
        sent
    }
}

/// A page of the site's main host, unless the path is a whole URL. An event by this way has no page.
fn incoming(sent: Sent, host: &str) -> Result<Incoming, Invalid> {
    let path = sent.path.filter(|path| !path.trim().is_empty());
    let Some(path) = path else { return Err(Invalid { field: "p", message: "is required" }) };
    let (kind, url) = match (sent.is_bot, sent.is_event) {
        (true, _) => (IncomingKind::Nothing, String::new()),
        (false, true) if path.len() > NAME_BYTES_MAX => {
            return Err(Invalid { field: "p", message: "should be at most 120 byte(s)" });
        }
        (false, true) => (IncomingKind::Event(path), String::new()),
        (false, false) => (IncomingKind::View, page(&path, sent.query.as_deref(), host)),
    };
    if url.len() > URL_BYTES_MAX || !url.is_empty() && UrlParts::of(&url).is_err() {
        return Err(Invalid { field: "p", message: "must be a path" });
    }
    Ok(Incoming {
        kind,
        url,
        hash_routing: false,
        referrer: sent
            .referrer
            .map(|text| cut(&text, URL_BYTES_MAX).to_owned())
            .filter(|text| !text.is_empty()),
        props: Vec::new(),
        interactive: true,
        revenue: None,
        sites: sent.site.into_iter().collect(),
    })
}

fn page(path: &str, query: Option<&str>, host: &str) -> String {
    let path = path.replace(|one: char| one.is_ascii_whitespace() || one.is_ascii_control(), "%20");
    let is_url = ["http://", "https://"].iter().any(|scheme| path.starts_with(scheme));
    let mut url = match is_url {
        true => path,
        false => format!("https://{host}/{}", path.trim_start_matches('/')),
    };
    if let Some(query) = query.map(|query| query.trim_start_matches('?')).filter(|query| !query.is_empty()) {
        url.push(if url.contains('?') { '&' } else { '?' });
        url.push_str(&query.replace(|one: char| one.is_ascii_whitespace() || one.is_ascii_control(), "%20"));
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(query: &str, expected: Result<&str, &str>) {
        let said = incoming(Sent::of(query), "example.com");
        let said = match &said {
            Ok(hit) => Ok(format!("{:?} {} {:?}", hit.kind, hit.url, hit.referrer)),
            Err(invalid) => Err(invalid.to_string()),
        };
        assert_eq!(said, expected.map(str::to_owned).map_err(str::to_owned), "{query}");
    }

    #[test]
    fn a_query_is_a_view_or_an_event() {
        check("p=/pricing", Ok("View https://example.com/pricing None"));
        check("p=pricing&t=Secret&s=1,2,3&rnd=x", Ok("View https://example.com/pricing None"));
        check(
            "p=%2Fa%20b&r=https%3A%2F%2Fnews.example%2F",
            Ok("View https://example.com/a%20b Some(\"https://news.example/\")"),
        );
        check("p=/&q=%3Futm_source%3Dhn", Ok("View https://example.com/?utm_source=hn None"));
        check("p=https%3A%2F%2Fdocs.example.com%2Fx&q=a=b", Ok("View https://docs.example.com/x?a=b None"));
        check("p=signup&e=true", Ok("Event(\"signup\")  None"));
        check("p=signup&e=0", Ok("View https://example.com/signup None"));
        check("p=/x&b=150", Ok("Nothing  None"));
        check("", Err("p is required"));
        check("p=%20", Err("p is required"));
        check(&format!("p={}&e=1", "x".repeat(121)), Err("p should be at most 120 byte(s)"));
        check(&format!("p=/{}", "x".repeat(2000)), Err("p must be a path"));
    }

    #[test]
    fn the_picture_is_one_pixel() {
        assert_eq!(&GIF[..10], b"GIF89a\x01\x00\x01\x00");
        assert_eq!(GIF.last(), Some(&b';'));
        assert_eq!(GIF.len(), 43);
    }
}
