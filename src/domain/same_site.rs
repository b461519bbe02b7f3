//! Whether a browser takes two hosts for one site: it sends a collector's cookie along from pages of the same site only.

use std::net::IpAddr;

use super::{declaration::Site, scrub::UrlParts};

/// Whether the collector's opt-out reaches it from the pages of a site: all hosts of it are of the collector's own
/// site. `collector_origin` is where browsers reach the collector, such as `https://stats.example.com`; that the
/// pages have the same scheme is taken for granted.
pub fn opt_out_effective(site: &Site, collector_origin: &str) -> bool {
    reaches(&site.hosts, collector_origin)
}

fn reaches(hosts: &[String], collector_origin: &str) -> bool {
    host_of(collector_origin)
        .is_some_and(|collector| !hosts.is_empty() && hosts.iter().all(|host| same_site(host, &collector)))
}

/// The host of an origin, in lower case.
pub fn host_of(origin: &str) -> Option<String> {
    UrlParts::of(origin).ok()?.host().map(|host| host.into_owned())
}

/// Whether hosts are of one site: the same, or under the same registrable domain. A wildcard stands for all below it.
pub fn same_site(one: &str, other: &str) -> bool {
    let (one, other) = (name(one), name(other));
    one == other && !one.is_empty() || registrable(&one).is_some_and(|it| registrable(&other) == Some(it))
}

/// The part of a host that one party registered, under whatever public suffix; of an address, none.
pub fn registrable(host: &str) -> Option<&str> {
    let is_address = host.starts_with('[') || host.parse::<IpAddr>().is_ok();
    if is_address { None } else { psl::domain_str(host) }
}

fn name(host: &str) -> String {
    let host = host.trim_end_matches('.');
    host.strip_prefix("*.").unwrap_or(host).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(one: &str, other: &str, expected: bool) {
        assert_eq!(same_site(one, other), expected, "{one} {other}");
        assert_eq!(same_site(other, one), expected, "{other} {one}");
    }

    #[test]
    fn sites_are_registrable_domains() {
        check("shop.example.com", "stats.example.com", true);
        check("Example.com", "stats.example.com.", true);
        check("*.example.com", "stats.example.com", true);
        check("example.com", "example.org", false);
        check("example.com", "notexample.com", false);
        check("shop.co.uk", "stats.co.uk", false);
        check("a.shop.co.uk", "stats.shop.co.uk", true);
        // Everyone below is someone else.
        check("one.github.io", "two.github.io", false);
        check("*.github.io", "one.github.io", false);
        check("localhost", "localhost", true);
        check("shop.intranet", "stats.intranet", false);
        check("192.0.2.1", "192.0.2.1", true);
        check("192.0.2.1", "198.51.2.1", false);
        check("[2001:db8::1]", "[2001:db8::2]", false);
        check("com", "com", true);
        check("", "", false);
    }

    #[test]
    fn every_host_of_a_site_has_to_be_of_the_collector_s() {
        let mut hosts = vec!["example.com".to_owned(), "*.example.com".to_owned()];
        assert!(reaches(&hosts, "https://stats.example.com"));
        assert!(reaches(&hosts, "http://EXAMPLE.com:8080/path"));
        assert!(!reaches(&hosts, "https://stats.example.org"));
        assert!(!reaches(&hosts, "stats.example.com"));
        assert!(!reaches(&hosts, ""));
        hosts.push("example.de".to_owned());
        assert!(!reaches(&hosts, "https://stats.example.com"));
    }
}
