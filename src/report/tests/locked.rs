//! Locked filters: whatever is asked beside them, nothing is told of what they leave out.

use rand::seq::IndexedRandom;

use super::*;
use crate::domain::plan::Filter;

/// The report of a question beside locked filters; `None` where no row answers it.
fn asked(laid: &(DuckStore, MemoryView), locked: &[Filter], query: &str) -> Option<Value> {
    let site = &site();
    let context = routes::Context { locked, ..context(laid, site) };
    match routes::report(context, query) {
        Ok(made) => Some(serde_json::to_value(made).unwrap()),
        Err(routes::ReportError::Asked(_)) => None,
        Err(error) => panic!("{query}: {error}"),
    }
}

/// The counts of tiles that grow with what is looked at.
fn counts(made: &Value) -> Vec<(String, i64)> {
    let tiles = made["tiles"].as_object().unwrap();
    let whole = |(key, tile): (&String, &Value)| tile["value"].as_i64().map(|n| (key.clone(), n));
    tiles.iter().filter_map(whole).collect()
}

/// The values of rows in panels of the dimensions that `of` names.
fn values(made: &Value, of: &[&str]) -> Vec<String> {
    let rows = |panel: &&str| made["panels"][*panel]["rows"].as_array().cloned().unwrap_or_default();
    let text = |row: Value| row["value"].as_str().unwrap().to_owned();
    of.iter().flat_map(rows).map(text).collect()
}

/// A filter's own panels, and what a value has to satisfy to be in them.
type Law = (&'static str, &'static [&'static str], fn(&str) -> bool);

const LAWS: [Law; 8] = [
    ("source=Google", &["source"], |value| value == "Google"),
    ("source=!Bing", &["source"], |value| value != "Bing"),
    ("source=^B", &["source"], |value| value.starts_with('B')),
    ("country=EE", &["country"], |value| value == "EE"),
    ("page=/pricing", &["page"], |value| value == "example.com/pricing"),
    ("page=^docs.example.com", &["page"], |value| value.starts_with("docs.")),
    ("section=/blog/*", &["page"], |value| value.contains("/blog/")),
    ("host=docs.example.com", &["page", "entry_page", "host"], |value| value.starts_with("docs.")),
];

const PARTS: [&str; 26] = [
    "source=Bing",
    "source=Google",
    "source=!Google",
    "source=~i",
    "source=^",
    "source=*",
    "source==*",
    "channel=Search",
    "country=FI",
    "country=EE",
    "country=!EE",
    "browser=Firefox",
    "page=/",
    "page=/pricing",
    "page=!/pricing",
    "page=docs.example.com/x",
    "page=~x",
    "entry_page=/",
    "exit_page=/pricing",
    "section=/blog/*",
    "host=example.com",
    "host=~e",
    "event=signup",
    "event=!signup",
    "prop.plan=pro",
    "prop.plan=!pro",
];

#[test]
fn what_is_asked_beside_a_locked_filter_never_widens_it() {
    let (laid, site) = (laid(&rows(11, 120), 0.4, 11), site());
    let mut random = StdRng::seed_from_u64(5);
    let (mut answered, mut narrower) = (0, 0);
    for (lock, panels, allowed) in LAWS {
        let locked = crate::report::filters(lock, &site).unwrap();
        for _ in 0..16 {
            let period =
                ["p=7d", "p=all", "p=today&i=hour", "p=yesterday&c=prev"].choose(&mut random).unwrap();
            let whole = asked(&laid, &locked, period).unwrap();
            let parts: Vec<&str> = PARTS.sample(&mut random, 1 + answered % 3).copied().collect();
            let query = format!("{period}&limit=1000&{}", parts.join("&"));
            let Some(made) = asked(&laid, &locked, &query) else { continue };
            answered += 1;
            assert_eq!(made["filters"][0]["locked"], true, "{lock}: {query}");
            assert_eq!(made["meta"]["rejected_undeclared"], 0);
            for value in values(&made, panels) {
                assert!(allowed(&value), "{lock}: {query} tells of {value}");
            }
            let before = counts(&whole);
            for (metric, n) in counts(&made) {
                // A metric that the filter alone has too: it is of no more than that.
                let Some((_, most)) = before.iter().find(|(name, _)| *name == metric) else { continue };
                assert!(n <= *most, "{lock}: {query}: {metric} {n} of {most}");
                narrower += usize::from(n < *most);
            }
        }
    }
    assert!(answered > 20 && narrower > 20, "{answered} answers, {narrower} narrower");
}

#[test]
fn a_locked_filter_is_narrowed_as_any_other() {
    let (laid, site) = (laid(&rows(12, 300), 0.4, 12), site());
    for (lock, more) in [
        ("source=Google", "page=/pricing"),
        ("source=Google", "channel=Search"),
        ("page=/pricing", "country=EE"),
        ("host=docs.example.com", "page=docs.example.com/x"),
        ("event=signup", "prop.plan=pro"),
    ] {
        let locked = crate::report::filters(lock, &site).unwrap();
        let mut narrowed = asked(&laid, &locked, &format!("p=7d&{more}")).unwrap();
        let mut both = asked(&laid, &[], &format!("p=7d&{lock}&{more}")).unwrap();
        // Which pages follow is told beside no lock.
        for made in [&mut narrowed, &mut both] {
            made["panels"].as_object_mut().unwrap().remove("flow");
        }
        for part in ["tiles", "series", "panels"] {
            assert_eq!(narrowed[part], both[part], "{lock}, {more}: {part}");
        }
        assert!(counts(&narrowed).iter().any(|(_, n)| *n > 0), "{lock}, {more}: nothing is there");
    }
}

#[test]
fn which_pages_follow_and_other_properties_are_refused_where_no_row_has_the_filter() {
    let laid = laid(&rows(13, 50), 0.4, 13);
    let made = asked(&laid, &[], "p=7d&host=docs.example.com&page=/pricing").unwrap();
    assert!(made["panels"]["flow"]["refused"].as_str().unwrap().contains("by host"));
    let mut site = site();
    let other = crate::domain::declaration::PropertyDeclaration {
        name: "seats".into(),
        values: crate::domain::declaration::Values::List(vec!["1".into()]),
    };
    site.events[0].properties.push(other);
    let made = report_of(&site, &laid, "p=7d&event=signup&prop.plan=!pro");
    assert!(made["panels"]["prop.seats"]["refused"].as_str().unwrap().contains("one property"));
    assert!(made["panels"]["prop.plan"]["refused"].is_null());
}

#[test]
fn a_view_that_cannot_be_understood_is_not_locked() {
    let site = site();
    for wrong in ["source=", "page=/a&section=/blog/*", "country=EE&browser=x", "m=nothing"] {
        assert!(crate::report::filters(wrong, &site).is_err(), "{wrong}");
    }
    let filters = crate::report::filters("?".trim_start_matches('?'), &site).unwrap();
    assert!(filters.is_empty());
    // Written and read again, they are the same.
    let filters = crate::report::filters("source=!x&source=~y&prop.plan=pro&event=signup", &site).unwrap();
    let text = serde_json::to_string(&filters).unwrap();
    assert_eq!(serde_json::from_str::<Vec<Filter>>(&text).unwrap(), filters);
    assert!(serde_json::from_str::<Vec<Filter>>(&text.replace("prop.plan", "plan")).is_err());
}

#[test]
fn pages_outside_a_lock_are_not_told_as_those_that_follow() {
    let (laid, site) = (laid(&rows(13, 120), 0.4, 13), site());
    let flow = |locked: &[Filter]| asked(&laid, locked, "p=7d&page=/").unwrap()["panels"]["flow"].clone();
    assert_eq!(flow(&[])["refused"], Value::Null, "or nothing is tested below");
    let locked = crate::report::filters("page=/", &site).unwrap();
    assert_eq!(flow(&locked)["refused"], "which pages follow is not told beside a locked filter");
    assert_eq!(flow(&locked)["rows"], Value::Array(Vec::new()));
}
