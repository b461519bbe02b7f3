//! Test data that others made, on our ground: URLs as browsers write them, public suffixes, JSON, user agents.
//! Where Mayfly differs, the case stands in a list with its reason; a difference that is new fails, and so does
//! one that is gone. `data/SOURCES.md` says where each file of `tests/data/` came from.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use mayfly::{
    collect::event::parse,
    domain::{
        address::UserAgent,
        agent::Agents,
        scrub::UrlParts,
        source::{Referrer, Sources, visit_attributes},
    },
};
use serde::Deserialize;

fn file(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)).unwrap()
}

/// Holds the cases that differ against those that are stated; each of `stated` is a reason and its cases.
#[track_caller]
fn check_differences(found: BTreeSet<String>, stated: &[(&str, &[&str])]) {
    let known: BTreeSet<String> =
        stated.iter().flat_map(|(_, cases)| cases.iter().map(|case| (*case).to_owned())).collect();
    let (new, gone): (Vec<_>, Vec<_>) =
        (found.difference(&known).collect(), known.difference(&found).collect());
    assert!(
        new.is_empty() && gone.is_empty(),
        "new differences: {new:#?}\nno differences any more: {gone:#?}"
    );
}

#[derive(Deserialize)]
struct Urls {
    /// Address, host, path, query with `?`, fragment with `#`.
    read: Vec<[String; 5]>,
    refused: Vec<String>,
}

fn urls() -> Urls {
    serde_json::from_str(&file("urls.json")).unwrap()
}

/// A page's own address is what the URL standard serialises: its parts are read as the standard has them.
#[test]
fn addresses_that_browsers_write_are_read_as_the_url_standard_does() {
    let differs = |[href, host, path, query, fragment]: &[String; 5]| match UrlParts::of(href) {
        Ok(parts) => {
            let part = |sign: char, text: Option<&str>| match text {
                Some(text) if !text.is_empty() => format!("{sign}{text}"),
                _ => String::new(),
            };
            // A host is told without its trailing dot.
            parts.host().as_deref() != Some(host.strip_suffix('.').unwrap_or(host))
                || parts.path != path
                || part('?', parts.query) != *query
                || part('#', parts.fragment) != *fragment
        }
        Err(_) => true,
    };
    let urls = urls();
    assert!(urls.read.len() > 150);
    let found = urls.read.into_iter().filter(differs).map(|[href, ..]| href).collect();
    let stated: &[(&str, &[&str])] = &[
        ("a host of characters that no name of a site has", &["http://!\"$&'()*+,-.;=_`{}~/"]),
        ("a host that is nothing but its trailing dot", &["http://./"]),
        ("a host with an empty label at its end", &["http://../", "http://foo.09../"]),
    ];
    check_differences(found, stated);
}

/// Names are compared with the hosts of sites and the list of public suffixes, so these come to nothing.
const READ_ALL_THE_SAME: &[(&str, &[&str])] = &[
    (
        "what ends in a number is a name here, if it is no address",
        &[
            "http://0..0x300./",
            "http://0..0x300/",
            "http://01.2.3.4.5",
            "http://01.2.3.4.5.",
            "http://09.2.3.4",
            "http://09.2.3.4.",
            "http://0999999999999999999/",
            "http://0x1.2.3.4.5",
            "http://0x1.2.3.4.5.",
            "http://0x100.2.3.4",
            "http://0x100.2.3.4.",
            "http://1.2.3.08",
            "http://1.2.3.08.",
            "http://1.2.3.09",
            "http://foo.09",
            "http://foo.09.",
            "http://foo.0XFfFfFfFfFfFfFfFfFfAcE123",
            "http://foo.0x",
            "http://foo.0x4",
            "http://foo.0x4.",
            "http://foo.1.2.3.4",
            "http://foo.1.2.3.4.",
            "http://foo.2.3.4",
            "http://foo.2.3.4.",
            "http://💩.123/",
            "https://0x100000000/test",
            "https://256.0.0.1/test",
        ],
    ),
    (
        "punycode is not decoded",
        &[
            "http://10.0.0.XN--pokxncvks",
            "http://10.0.0.xN--pokxncvks",
            "http://10.0.0.xn--pokxncvks",
            "http://a.b.c.XN--pokxncvks",
            "http://a.b.c.Xn--pokxncvks",
            "http://a.b.c.xn--pokxncvks",
            "https://xn--/",
        ],
    ),
];

/// What the URL standard refuses is no page; where more is read, nothing comes of it but a host that no site has.
#[test]
fn what_the_url_standard_refuses_is_refused() {
    let urls = urls();
    assert!(urls.refused.len() > 100);
    let found = urls.refused.into_iter().filter(|url| UrlParts::of(url).is_ok()).collect();
    check_differences(found, READ_ALL_THE_SAME);
}

/// `checkPublicSuffix('a.example.com', 'example.com');`
fn suffix_case(line: &str) -> Option<(String, Option<String>)> {
    let inside = line.strip_prefix("checkPublicSuffix(")?.strip_suffix(");")?;
    let (host, domain) = inside.split_once(", ")?;
    let text = |quoted: &str| quoted.strip_prefix('\'')?.strip_suffix('\'').map(str::to_owned);
    Some((text(host)?, text(domain)))
}

/// A referrer's host is kept only if someone registered it below a public suffix.
#[test]
fn public_suffixes_part_hosts_as_their_list_says() {
    let sources = Sources::load();
    let kept = |host: &str| {
        let referrer = Referrer::of(&format!("https://{host}/"));
        let found = visit_attributes(&UrlParts::default(), referrer.as_ref(), |_| false, &sources);
        Some(found.0[1].to_string()).filter(|source| source != "(none)")
    };
    let text = file("suffixes.txt");
    let cases: Vec<_> = text.lines().filter_map(suffix_case).collect();
    assert!(cases.len() > 70, "{}", cases.len());
    let differs = |(host, domain): &(String, Option<String>)| {
        let lower = host.to_lowercase();
        let whole = domain.as_ref().map(|_| lower.strip_prefix("www.").unwrap_or(&lower).to_owned());
        kept(host) != whole
    };
    let found = cases.into_iter().filter(differs).map(|(host, _)| host).collect();
    let stated: &[(&str, &[&str])] = &[
        (
            "no rule of the list: whether such a name is public is not known",
            &["example.example", "b.example.example", "a.b.example.example"],
        ),
        ("`www.` goes first", &["www.ck"]),
    ];
    check_differences(found, stated);
}

/// The JSON that a body holds is read or refused as RFC 8259 has it.
#[test]
fn json_is_read_as_its_test_suite_has_it() {
    let cases: Vec<(String, String)> = serde_json::from_str(&file("json.json")).unwrap();
    assert!(cases.len() > 300);
    let read = |json: &str| {
        let body = format!("{{\"n\":\"pageview\",\"u\":\"https://example.com/\",\"other\":{json}}}");
        parse(body.as_bytes()).is_ok()
    };
    let differs = |(name, json): &(String, String)| match name.as_bytes()[0] {
        b'y' => !read(json),
        b'n' => read(json),
        // Implementations may choose.
        _ => false,
    };
    let found = cases.into_iter().filter(differs).map(|(name, _)| name).collect();
    check_differences(found, &[]);
}

/// What Mayfly calls each family of browsers and systems that it tells; all others are `Other`.
const BROWSERS: &str = "Chrome: Chrome, Chrome Mobile, Chrome Mobile iOS, Chromium
Android WebView: Chrome Mobile WebView
Android Browser: Android
Firefox: Firefox, Firefox Mobile, Firefox iOS
Safari: Safari, Mobile Safari
iOS WebView: Mobile Safari UI/WKWebView
Edge: Edge, Edge Mobile
Opera: Opera, Opera Mobile, Opera Mini, Opera Neon, Opera Touch, Opera Tablet, Opera Coast
Samsung Internet: Samsung Internet
Internet Explorer: IE, IE Mobile, IE Large Screen
Brave: Brave
Vivaldi: Vivaldi
DuckDuckGo: DuckDuckGo, DuckDuckGo Mobile
Yandex Browser: Yandex Browser, YandexSearch
UC Browser: UC Browser
Mi Browser: MiuiBrowser
QQ Browser: QQ Browser, QQ Browser Mobile, QQ Browser Mini
Whale: Whale
Silk: Amazon Silk
Google App: Google
Facebook: Facebook, Facebook Messenger
Instagram: Instagram
Snapchat: Snapchat
Pinterest: Pinterest
LinkedIn: LinkedIn
X: Twitter
SeaMonkey: SeaMonkey
Pale Moon: Pale Moon
GNOME Web: Epiphany
Ecosia: Ecosia iOS, Ecosia Android
Huawei Browser: Huawei Browser
Line: LINE
Konqueror: Konqueror";
const SYSTEMS: &str = "Windows: Windows
Windows Phone: Windows Phone, Windows Mobile
macOS: Mac OS X, Mac OS
iOS: iOS
Android: Android
HarmonyOS: HarmonyOS
ChromeOS: Chrome OS
tvOS: tvOS, ATV OS X
Tizen: Tizen
webOS: WebOS, webOS
KaiOS: KaiOS
BSD: FreeBSD, OpenBSD, NetBSD
Linux: Linux, Ubuntu, Debian, Fedora, Red Hat, SUSE, Arch Linux, CentOS, Gentoo, Linux Mint, Mageia, Mandriva, \
PCLinuxOS, Slackware, Kubuntu, Puppy";

fn ours(table: &'static str, family: &str) -> &'static str {
    let named = |line: &&'static str| line.split_once(": ").unwrap().1.split(", ").any(|one| one == family);
    table.lines().find(named).map_or("Other", |line| line.split_once(": ").unwrap().0)
}

/// The tests have rules beside them that are newer than those of npm's `uap-core` 0.18.0, which `data/browsers.json` is.
const NEWER_RULES: &[(&str, &[&str])] = &[
    (
        "browsers that Mayfly does not tell, called by the one that they are made of",
        &[
            "AVG is told as Chrome: 1",
            "Aloha Browser is told as Chrome: 2",
            "Aloha Browser is told as Safari: 1",
            "Avast Secure Browser is told as Chrome: 3",
            "Avast Secure Browser is told as iOS WebView: 1",
            "Instabridge is told as Android WebView: 1",
            "Instabridge is told as Chrome: 1",
        ],
    ),
    (
        "further forms of browsers that Mayfly tells",
        &[
            "Brave is told as Chrome: 6",
            "Chrome Mobile iOS is told as Safari: 1",
            "DuckDuckGo Mobile is told as Safari: 1",
            "DuckDuckGo is told as Safari: 1",
            "Ecosia Android is told as Other: 1",
            "Ecosia iOS is told as Safari: 1",
            "Edge Mobile is told as Safari: 1",
            "Huawei Browser is told as Chrome: 1",
            "Vivaldi is told as Chrome: 2",
            "Yandex Browser is told as Chrome: 1",
        ],
    ),
    (
        "systems that call themselves something else",
        &["Chromecast Android is told as Android: 1", "iOS is told as macOS: 2"],
    ),
];

#[test]
fn browsers_and_systems_are_told_as_their_tests_have_them() {
    let (agents, text) = (Agents::load(), file("agents.tsv"));
    let cases: Vec<Vec<&str>> = text.lines().map(|line| line.splitn(3, '\t').collect()).collect();
    assert!(cases.len() > 1_800);
    let mut differences: BTreeMap<String, u32> = BTreeMap::new();
    for case in &cases {
        let [kind, family, agent] = case[..] else { panic!("{case:?}") };
        let device = agents.device(&UserAgent::new(agent.as_bytes()), false);
        let (told, expected) = match kind {
            "browser" => (&device.0[0], ours(BROWSERS, family)),
            _ => (&device.0[2], ours(SYSTEMS, family)),
        };
        if **told != *expected {
            *differences.entry(format!("{family} is told as {told}")).or_default() += 1;
        }
    }
    let found = differences.into_iter().map(|(what, n)| format!("{what}: {n}")).collect();
    check_differences(found, NEWER_RULES);
}
