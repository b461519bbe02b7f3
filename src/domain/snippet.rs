//! What a site's pages carry so that they are counted: the tracker's tag, and the pixel for browsers without script.

use serde::Serialize;

use super::{
    declaration::{Consent, Site},
    same_site::{host_of, opt_out_effective},
};

/// HTML for the pages of a site (a line a script), and whether the collector's opt-out reaches it from there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Snippet {
    pub script: String,
    /// `PATH` is to be replaced by the page's path. None where consent is asked for: without script nobody can give it.
    pub pixel: Option<String>,
    /// The page on which visitors object.
    pub opt_out: String,
    pub opt_out_effective: bool,
}

/// The snippet of a site for a collector, such as `https://stats.example.com`.
pub fn snippet(site: &Site, collector_origin: &str) -> Snippet {
    let (name, origin) = (&site.name, collector_origin.trim_end_matches('/'));
    let effective = opt_out_effective(site, origin);
    let is_elsewhere = site.hosts.iter().any(|host| host_of(origin).as_deref() != Some(host));
    let credentials = if effective && is_elsewhere { " data-credentials=\"include\"" } else { "" };
    let (consent, file, pixel) = match site.consent {
        Consent::Required => (" data-consent=\"required\"", "mayfly.consent.js", None),
        Consent::None => ("", "mayfly.js", Some(())),
    };
    // After the tracker, through which it tells, and before what gives consent, to which it listens.
    let vitals = match site.vitals {
        true => format!("\n<script defer src=\"{origin}/mayfly.vitals.js\"></script>"),
        false => String::new(),
    };
    Snippet {
        script: format!(
            "<script defer data-site=\"{name}\"{credentials}{consent} src=\"{origin}/{file}\"></script>{vitals}"
        ),
        pixel: pixel.map(|()| {
            format!(
                "<noscript><img src=\"{origin}/count?site={name}&amp;p=PATH\" alt=\"\" width=\"1\" height=\"1\"></noscript>"
            )
        }),
        opt_out: format!("{origin}/opt-out?site={name}"),
        opt_out_effective: effective,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::admit::tests::site;

    #[test]
    fn a_snippet_asks_for_what_the_site_needs() {
        let mut site = site();
        site.hosts = vec!["example.com".into(), "*.example.com".into()];
        let own = snippet(&site, "https://stats.example.com");
        let tag = "<script defer data-site=\"example.com\" data-credentials=\"include\" src=\"https://stats.example.com/mayfly.js\"></script>";
        assert_eq!(own.script, tag);
        assert!(own.opt_out_effective && own.pixel.unwrap().contains("/count?site=example.com&amp;p=PATH"));
        assert_eq!(own.opt_out, "https://stats.example.com/opt-out?site=example.com");
        site.consent = Consent::Required;
        site.vitals = true;
        let elsewhere = snippet(&site, "https://stats.example.net/");
        let tag = "<script defer data-site=\"example.com\" data-consent=\"required\" src=\"https://stats.example.net/mayfly.consent.js\"></script>\n\
                   <script defer src=\"https://stats.example.net/mayfly.vitals.js\"></script>";
        assert_eq!(elsewhere.script, tag);
        assert_eq!((elsewhere.pixel, elsewhere.opt_out_effective), (None, false));
    }
}
