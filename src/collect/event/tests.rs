//! What bodies are read as, what is said of wrong ones, and that none panics.

use proptest::prelude::*;

use super::*;

const URL: &str = r#""u":"https://example.com/a","d":"example.com""#;

#[track_caller]
fn read(body: &str) -> Incoming {
    parse(body.as_bytes()).unwrap_or_else(|error| panic!("{body}: {error}"))
}

#[track_caller]
fn check_invalid(body: &str, expected: &str) {
    let error = parse(body.as_bytes()).expect_err(body);
    assert_eq!(error.body(), expected, "{body}");
}

#[track_caller]
fn check_props(fields: &str, expected: &[(&str, &str)]) {
    let props = read(&format!(r#"{{"n":"x",{URL},{fields}}}"#)).props;
    let props: Vec<_> = props.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(props, expected, "{fields}");
}

#[track_caller]
fn check_engagement(fields: &str, scroll: Option<u8>, engaged_ms: Option<u32>) {
    let kind = read(&format!(r#"{{"n":"engagement",{URL},{fields}}}"#)).kind;
    assert_eq!(kind, IncomingKind::Engagement { scroll, engaged_ms }, "{fields}");
}

#[track_caller]
fn check_revenue(revenue: &str, expected: Option<(&str, i64)>) {
    let read = read(&format!(r#"{{"n":"x",{URL},"$":{revenue}}}"#)).revenue;
    let read = read.as_ref().map(|revenue| (revenue.currency.as_str(), revenue.minor_units));
    assert_eq!(read, expected, "{revenue}");
}

#[test]
fn short_and_long_names_say_the_same() {
    let short = r#"{"n":"Buy","u":"https://example.com/a","d":"example.com","r":"https://b.org/","m":{"k":"v"},
        "h":1,"i":false,"$":{"currency":"eur","amount":"1.50"},"v":3,"w":1000}"#;
    let long = r#"{"name":"Buy","url":"https://example.com/a","domain":"example.com","referrer":"https://b.org/",
        "props":{"k":"v"},"hashMode":1,"interactive":false,"revenue":{"currency":"EUR","amount":1.5},"screen_width":1}"#;
    assert_eq!(read(short), read(long));
    assert_eq!(
        read(short),
        Incoming {
            kind: IncomingKind::Event("Buy".into()),
            url: "https://example.com/a".into(),
            hash_routing: true,
            referrer: Some("https://b.org/".into()),
            props: vec![("k".into(), "v".into())],
            interactive: false,
            revenue: Some(Revenue { currency: "EUR".into(), minor_units: 150 }),
            sites: vec!["example.com".into()],
        }
    );
    let least = read(r#"{"n":"pageview","u":"https://example.com/"}"#);
    assert_eq!(least.kind, IncomingKind::View);
    assert!(least.sites.is_empty() && least.interactive && !least.hash_routing && least.referrer.is_none());
}

#[test]
fn what_is_wrong_is_said() {
    check_invalid("", r#"{"errors":{"request":["Unable to parse request body as json"]}}"#);
    check_invalid("[]", r#"{"errors":{"request":["Unable to parse request body as json"]}}"#);
    check_invalid(&"[".repeat(60_000), r#"{"errors":{"request":["Unable to parse request body as json"]}}"#);
    let deep = format!(r#"{{"n":"x",{URL},"m":{}1{}}}"#, r#"{"a":"#.repeat(5000), "}".repeat(5000));
    check_invalid(&deep, r#"{"errors":{"request":["Unable to parse request body as json"]}}"#);
    check_invalid(r#"{"n":"x"}"#, r#"{"errors":{"url":["is required"]}}"#);
    check_invalid(r#"{"n":"x","u":null}"#, r#"{"errors":{"url":["is required"]}}"#);
    check_invalid(r#"{"n":"x","u":7}"#, r#"{"errors":{"url":["must be a valid url"]}}"#);
    check_invalid(r#"{"n":"x","u":"https://"}"#, r#"{"errors":{"url":["must be a valid url"]}}"#);
    check_invalid(r#"{"n":"x","u":"https://a b/"}"#, r#"{"errors":{"url":["must be a valid url"]}}"#);
    check_invalid(r#"{"n":"x","u":"data:text/html,x"}"#, r#"{"errors":{"url":["scheme is not allowed"]}}"#);
    let long = format!(r#"{{"n":"x","u":"https://example.com/{}"}}"#, "a".repeat(2000));
    check_invalid(&long, r#"{"errors":{"url":["must be a valid url"]}}"#);
    check_invalid(r#"{"u":"https://a.com/"}"#, r#"{"errors":{"event_name":["can't be blank"]}}"#);
    check_invalid(r#"{"n":" ","u":"https://a.com/"}"#, r#"{"errors":{"event_name":["can't be blank"]}}"#);
    let long = format!(r#"{{"n":"{}",{URL}}}"#, "n".repeat(121));
    check_invalid(&long, r#"{"errors":{"event_name":["should be at most 120 byte(s)"]}}"#);
    check_invalid(
        r#"{"n":"x","u":"https://a.com/","d":" , www."}"#,
        r#"{"errors":{"domain":["can't be blank"]}}"#,
    );
    let bad = r#"{"errors":{"props":["keys should have at most 300 bytes and values 2000 bytes"]}}"#;
    check_invalid(&format!(r#"{{"n":"x",{URL},"p":{{"{}":"v"}}}}"#, "k".repeat(301)), bad);
    check_invalid(&format!(r#"{{"n":"x",{URL},"p":{{"k":"{}"}}}}"#, "v".repeat(2001)), bad);
}

#[test]
fn sites_are_a_list() {
    let sites = |d: &str| read(&format!(r#"{{"n":"pageview","u":"https://example.com/","d":"{d}"}}"#)).sites;
    assert_eq!(sites("example.com"), ["example.com"]);
    assert_eq!(sites(" www.example.com , b.org,, b.org"), ["example.com", "b.org"]);
    let many: Vec<String> = (0..500).map(|n| format!("site{n}.com")).collect();
    assert_eq!(sites(&many.join(",")).len(), SITES_MAX);
}

#[test]
fn props_are_scalars_of_an_object_or_its_text() {
    check_props(r#""m":{"a":"b"}"#, &[("a", "b")]);
    check_props(r#""p":"{\"a\":\"b\"}""#, &[("a", "b")]);
    check_props(r#""p":"no json""#, &[]);
    check_props(r#""p":["a"]"#, &[]);
    check_props(
        r#""m":null,"p":{"a":1,"b":2.5,"c":true,"d":null,"e":[1],"f":{"x":1},"g":" ","h":"z"}"#,
        &[("a", "1"), ("b", "2.5"), ("c", "true"), ("h", "z")],
    );
    check_props(r#""props":{"x":"props"},"p":{"x":"p"},"meta":{"x":"meta"},"m":{"x":"m"}"#, &[("x", "m")]);
    check_props(r#""props":{"x":"props"},"p":{"x":"p"}"#, &[("x", "p")]);
    check_props(r#""p":{"x":"1","y":"2","x":"3"}"#, &[("x", "3"), ("y", "2")]);
    let many: Vec<String> = (0..40).map(|n| format!(r#""k{n}":"v""#)).collect();
    let props = read(&format!(r#"{{"n":"x",{URL},"p":{{{}}}}}"#, many.join(","))).props;
    assert_eq!(props.len(), PROPS_MAX);
    assert_eq!(props[29].0, "k29");
}

#[test]
fn engagement_is_bounded() {
    check_engagement(r#""sd":50,"e":1200"#, Some(50), Some(1200));
    check_engagement(r#""sd":"50","e":"1200""#, Some(50), Some(1200));
    check_engagement(r#""sd":101"#, Some(100), None);
    check_engagement(r#""sd":1e300,"e":0"#, Some(100), Some(0));
    check_engagement(r#""sd":-1,"e":5"#, None, Some(5));
    check_engagement(r#""e":2591999999"#, None, Some(2_591_999_999));
    check_engagement(r#""e":2592000000"#, None, Some(0));
    check_engagement(r#""e":"99999999999999""#, None, Some(0));
    let bad = r#"{"errors":{"engagement":["needs at least one of sd, e"]}}"#;
    check_invalid(&format!(r#"{{"n":"engagement",{URL}}}"#), bad);
    check_invalid(&format!(r#"{{"n":"engagement",{URL},"sd":"deep","e":1.5}}"#), bad);
}

#[test]
fn revenue_is_exact_or_nothing() {
    check_revenue(r#"{"currency":"USD","amount":19.99}"#, Some(("USD", 1999)));
    check_revenue(r#"{"currency":"USD","amount":"1322.22"}"#, Some(("USD", 132_222)));
    check_revenue(r#"{"currency":"usd","amount":0.1}"#, Some(("USD", 10)));
    check_revenue(r#""{\"currency\":\"JPY\",\"amount\":10}""#, Some(("JPY", 10)));
    check_revenue(r#"{"currency":"USD","amount":4503599627370495.5}"#, None);
    check_revenue(r#"{"currency":"ZZZ","amount":1}"#, None);
    check_revenue(r#"{"currency":"USD"}"#, None);
    check_revenue(r#"{"amount":1}"#, None);
    check_revenue(r#"{"currency":"USD","amount":"ten"}"#, None);
    check_revenue("7", None);
}

#[test]
fn referrers_are_cut_and_other_types_ignored() {
    let referrer = |r: &str| read(&format!(r#"{{"n":"pageview",{URL},"r":{r}}}"#)).referrer;
    assert_eq!(referrer("7"), None);
    assert_eq!(referrer("null"), None);
    assert_eq!(referrer(r#""""#), None);
    assert_eq!(referrer(&format!(r#""https://{}""#, "é".repeat(3000))).unwrap().len(), 2000);
}

proptest! {
    #[test]
    fn nothing_panics(body in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = parse(&body);
    }

    #[test]
    fn no_value_panics(
        key in proptest::sample::select(vec!["n", "u", "d", "r", "m", "p", "h", "i", "$", "sd", "e"]),
        text in "\\PC{0,60}",
        number in any::<f64>(),
    ) {
        for value in [serde_json::json!(text), serde_json::json!(number), serde_json::json!({ "amount": number, "currency": "USD" })] {
            let mut body = serde_json::json!({ "n": "engagement", "u": "https://example.com/", "e": 1 });
            body[key] = value;
            let _ = parse(body.to_string().as_bytes());
        }
    }
}
