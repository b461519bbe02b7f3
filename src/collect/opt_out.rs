//! The opt-out: a page of the collector that, on a click, gives the browser one cookie that is the same for everybody,
//! and takes it back on another. It needs no script.
//!
//! Browsers send the cookie along from pages of the collector's own site only. There the tracker asks them to
//! (`data-credentials`), and the answer lets them (`let_the_opt_out_in`); the page says where that is.

mod words;

use actix_web::{
    HttpRequest, HttpResponse,
    cookie::{Cookie, SameSite, time::Duration},
    http::{
        StatusCode,
        header::{self, HeaderName, HeaderValue},
    },
    web::{self, Data},
};
use serde::Deserialize;

use super::endpoint::Collector;
use crate::domain::same_site::{host_of, opt_out_effective, registrable, same_site};
use words::{Words, escape};

/// The cookie's name. Its value is [`VALUE`], for everybody.
pub const COOKIE: &str = "mayfly_opt_out";
const VALUE: &str = "1";
/// Thirteen months, the longest that data protection authorities want such a cookie to live.
pub const COOKIE_DAYS: i64 = 395;
/// Most bytes of a form.
const FORM_BYTES_MAX: usize = 1024;

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The origin that a request asks, by its own `Host`; what proxies say of it is not read.
pub fn asked_origin(request: &HttpRequest) -> String {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.or_else(|| request.uri().authority().map(|authority| authority.as_str()));
    format!("http://{}", host.unwrap_or_default())
}

/// Whether a request carries the opt-out. Of its cookies nothing else is looked at.
pub fn opted_out(request: &HttpRequest) -> bool {
    request.headers().get_all(header::COOKIE).any(|line| names_opt_out(line.as_bytes()))
}

fn names_opt_out(cookies: &[u8]) -> bool {
    cookies
        .split(|&byte| byte == b';')
        .any(|pair| pair.trim_ascii().strip_prefix(COOKIE.as_bytes()).is_some_and(|rest| rest == b"=1"))
}

impl Collector {
    /// Lets a page of the collector's own site read the answer although its request carries cookies: without that,
    /// browsers would call each hit a failure. Whose host is no site's here may not.
    pub(super) fn let_the_opt_out_in(&self, request: &HttpRequest, mut answer: HttpResponse) -> HttpResponse {
        let Some(origin) = request.headers().get(header::ORIGIN) else { return answer };
        if self.is_own_page(request, origin) {
            let headers = answer.headers_mut();
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
            headers.insert(header::VARY, HeaderValue::from_static("origin"));
        }
        answer
    }

    fn is_own_page(&self, request: &HttpRequest, origin: &HeaderValue) -> bool {
        let Some(page) = origin.to_str().ok().and_then(host_of) else { return false };
        let collector = host_of(&self.origin(request));
        collector.is_some_and(|collector| same_site(&page, &collector))
            && self.directory.load().by_host(&page).is_some()
    }
}

#[derive(Deserialize)]
pub struct Asked {
    /// The site whose page led here.
    site: Option<String>,
}

/// The handler of `GET /opt-out`.
pub async fn page(
    collector: Data<Collector>,
    request: HttpRequest,
    asked: web::Query<Asked>,
) -> HttpResponse {
    let origin = collector.origin(&request);
    let accepted = request.headers().get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let words = words::of(accepted.unwrap_or(""));
    let directory = collector.directory.load();
    let site = asked.site.as_deref().and_then(|name| directory.by_name(name)).map(|entry| {
        let site = entry.at(crate::clock::now());
        (site.name.as_str(), opt_out_effective(site, &origin))
    });
    html(StatusCode::OK, words, &document(words, opted_out(&request), &origin, site))
}

#[derive(Deserialize)]
struct Choice {
    choice: String,
}

/// The handler of `POST /opt-out`: sets the cookie (`choice=out`) or removes it (`choice=in`), and shows the page.
pub async fn choose(collector: Data<Collector>, request: HttpRequest, payload: web::Payload) -> HttpResponse {
    let words = words::of("en");
    if !comes_from_the_page(&collector, &request) {
        return html(StatusCode::FORBIDDEN, words, "Only the page itself may change this.");
    }
    let body = payload.to_bytes_limited(FORM_BYTES_MAX).await;
    let choice = body.ok().and_then(Result::ok).and_then(|body| {
        web::Query::<Choice>::from_query(std::str::from_utf8(&body).ok()?).ok().map(|form| form.0.choice)
    });
    let life = match choice.as_deref() {
        Some("out") => Duration::days(COOKIE_DAYS),
        Some("in") => Duration::ZERO,
        _ => return html(StatusCode::BAD_REQUEST, words, "The form says neither `out` nor `in`."),
    };
    let cookie = Cookie::build(COOKIE, if life.is_zero() { "" } else { VALUE })
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(collector.is_https())
        .max_age(life)
        .finish();
    // Relative: a proxy may serve this below a folder.
    let back = format!("?{}", request.query_string());
    HttpResponse::SeeOther()
        .cookie(cookie)
        .insert_header((header::LOCATION, back))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .finish()
}

/// Whether the page's own form was sent: no other page may take somebody's objection back.
fn comes_from_the_page(collector: &Collector, request: &HttpRequest) -> bool {
    if let Some(from) = request.headers().get(FETCH_SITE) {
        return from == "same-origin";
    }
    let Some(origin) = request.headers().get(header::ORIGIN) else { return true };
    let own = [host_of(&collector.origin(request)), host_of(&asked_origin(request))];
    let page = origin.to_str().ok().and_then(host_of);
    page.is_some() && own.contains(&page)
}

/// The handler of `GET /opt-out.css`.
pub async fn style() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/css; charset=utf-8")
        .insert_header((header::CACHE_CONTROL, "public, max-age=86400"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(include_str!("opt_out/opt-out.css"))
}

fn html(status: StatusCode, words: &Words, body: &str) -> HttpResponse {
    let text = format!(
        "<!doctype html>\n<html lang=\"{}\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{}</title><link rel=\"stylesheet\" href=\"opt-out.css\"></head>\n<body><main>{body}</main></body></html>\n",
        words.language, words.title
    );
    HttpResponse::build(status)
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::CONTENT_LANGUAGE, words.language))
        .insert_header((
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
        ))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        // The form's `Origin` is `null` without any.
        .insert_header((header::REFERRER_POLICY, "same-origin"))
        .body(text)
}

fn document(words: &Words, is_out: bool, origin: &str, site: Option<(&str, bool)>) -> String {
    let host = host_of(origin).unwrap_or_default();
    let domain = escape(registrable(&host).unwrap_or(&host));
    let (state, button, choice) = match is_out {
        true => (words.is_out, words.opt_in, "in"),
        false => (words.is_in, words.opt_out, "out"),
    };
    let reach = words.reach.replace("{domain}", &domain);
    let of_site = site.map_or(String::new(), |(name, effective)| {
        let text = if effective { words.effective } else { words.not_effective };
        let class = if effective { "yes" } else { "no" };
        format!("<p class=\"{class}\">{}</p>", text.replace("{site}", &escape(name)))
    });
    format!(
        "<h1>{}</h1><p>{}</p><p class=\"state\" role=\"status\"><strong>{state}</strong></p>\
         <form method=\"post\"><button name=\"choice\" value=\"{choice}\">{button}</button></form>\
         {of_site}<p>{reach}</p><p class=\"small\">{}</p>",
        words.title, words.lead, words.cookie
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_is_found_among_others_and_nothing_like_it() {
        for yes in ["mayfly_opt_out=1", "a=b; mayfly_opt_out=1", "mayfly_opt_out=1;c=d", " mayfly_opt_out=1 "]
        {
            assert!(names_opt_out(yes.as_bytes()), "{yes}");
        }
        for no in [
            "",
            "mayfly_opt_out=",
            "mayfly_opt_out=0",
            "mayfly_opt_out=11",
            "xmayfly_opt_out=1",
            "a=mayfly_opt_out=1",
        ] {
            assert!(!names_opt_out(no.as_bytes()), "{no}");
        }
    }

    #[test]
    fn the_page_says_what_it_is_about_in_each_language() {
        for language in ["en", "de", "fr"] {
            let words = words::of(language);
            assert_eq!(words.language, language);
            let out = document(words, true, "https://stats.example.co.uk:8443", Some(("<shop>", false)));
            assert!(out.contains("value=\"in\"") && out.contains(words.is_out), "{out}");
            assert!(out.contains("example.co.uk") && !out.contains("8443") && !out.contains("{"), "{out}");
            assert!(out.contains("&lt;shop&gt;") && out.contains("class=\"no\""), "{out}");
            let not = document(words, false, "http://127.0.0.1:80", Some(("a.example", true)));
            assert!(not.contains("value=\"out\"") && not.contains("class=\"yes\""), "{not}");
            assert!(not.contains("127.0.0.1"), "{not}");
        }
    }
}
