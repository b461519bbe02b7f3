//! Admission: of what a request says, only what is declared, known or scrubbed comes out of it.
//!
//! The input's bytes fill every place in which a client can put text, each with a mark of its own that nothing declares:
//! whatever of it is found in the hit that may be kept has got around the vocabulary.

use std::{net::IpAddr, sync::LazyLock};

use mayfly::domain::{
    address::{Address, Grain},
    admit::{Lists, Request, SiteRules, admit},
    day::Zone,
    declaration::{Consent, Excluded, Kept, Objection, Section, Site, SiteId},
    hit::{Hit, Incoming, IncomingKind},
};

use super::lines;

static LISTS: LazyLock<Lists> = LazyLock::new(Lists::load);
static RULES: LazyLock<SiteRules> = LazyLock::new(|| SiteRules::new(&site()));

/// In front of every text that nothing declares.
const MARK: &str = "qzx";

fn site() -> Site {
    let events = serde_json::json!([
        {"name": "signup", "properties": [
            {"name": "plan", "values": {"list": ["free", "pro"]}},
            {"name": "size", "values": {"pattern": {"characters": "[0-9]", "min": 1, "max": 3, "cap": 10}}},
        ]},
    ]);
    Site {
        id: SiteId(1),
        name: "example.com".into(),
        uuid: String::new(),
        hosts: vec!["example.com".into(), "*.example.com".into()],
        zone: Zone::utc(),
        k: 5,
        kept: Kept::default(),
        objection: Objection::default(),
        consent: Consent::default(),
        vitals: false,
        excluded: Excluded::default(),
        path_parameters: vec!["page".into()],
        path_rules: Vec::new(),
        sections: vec![Section { pattern: "/blog/*".into() }],
        events: serde_json::from_value(events).expect("the declarations are sound"),
        funnels: Vec::new(),
        funnels_since: Default::default(),
        goals: Vec::new(),
        retention_months: 25,
        simulated: false,
        version: 1,
    }
}

/// Lines: any text for names and values; any for the query; any for the fragment; any for the referrer's path.
pub fn check(data: &[u8]) {
    let lines = lines(data);
    let line = |at: usize| lines.get(at).map_or("", String::as_str);
    let quiet = |text: &str| text.replace(|one: char| one.is_control() || one == ' ' || one == '#', "_");
    let (query, fragment, path) = (quiet(line(1)), quiet(line(2)), quiet(line(3)));
    let url = format!("https://example.com/ok?{MARK}1{query}&x={MARK}2{query}#{MARK}3{fragment}");
    let referrer = format!("https://news.example.org/{MARK}4{path}?{MARK}5{path}#{MARK}6");
    for named in [format!("{MARK}7{}", line(0)), "signup".to_owned(), "pageview".to_owned()] {
        let is_view = named == "pageview";
        let props = vec![
            ("plan".to_owned(), format!("{MARK}8{}", line(0))),
            ("size".to_owned(), format!("{MARK}9{}", line(0))),
            (format!("{MARK}10{}", line(0)), line(0).to_owned()),
        ];
        let incoming = Incoming {
            kind: if is_view { IncomingKind::View } else { IncomingKind::Event(named) },
            url: url.clone(),
            hash_routing: false,
            referrer: Some(referrer.clone()),
            props,
            interactive: true,
            revenue: None,
            sites: Vec::new(),
        };
        kept(&incoming);
    }
    personal(line(0));
}

fn kept(incoming: &Incoming) -> Option<Hit> {
    let address = Address::new(IpAddr::from([192, 0, 2, 1]), Grain::default());
    let hit = admit(&Request { incoming, address: &address }, &RULES, &LISTS).result.ok()?;
    // All of a hit: whatever field it may get one day.
    let text = format!("{hit:?}");
    // Campaigns and declared parameters are kept, scrubbed, whatever they say.
    let keeps = ["utm_", "source=", "ref=", "page="].iter().any(|name| incoming.url.contains(name));
    assert!(keeps || !text.contains(MARK), "it came out: {text}");
    Some(hit)
}

/// What is somebody's goes from paths and campaigns too, wherever it stands in them.
fn personal(text: &str) {
    let plain: String = text.chars().filter(char::is_ascii_alphanumeric).take(20).collect();
    let secrets = [
        format!("a{plain}@example.org"),
        format!("{plain}-550e8400-e29b-41d4-a716-446655440000"),
        format!("eyJhbGciOiJub25lIn0.{plain}eyJzdWIiOiJqYW5lIn0.x"),
        format!("{plain}5550188{plain}"),
        format!("5f4dcc3b5aa765d61d8327deb882cf99.{plain}"),
    ];
    for secret in secrets {
        let url = format!(
            "https://example.com/u/{secret}/edit?utm_campaign={secret}&utm_term=x/{secret}&ref={secret}&page={secret}"
        );
        let incoming = Incoming {
            kind: IncomingKind::View,
            url,
            hash_routing: false,
            referrer: None,
            props: Vec::new(),
            interactive: true,
            revenue: None,
            sites: Vec::new(),
        };
        let hit = kept(&incoming).expect("a page of the site");
        assert!(!format!("{hit:?}").contains(&secret), "{secret} came out: {hit:?}");
    }
}
