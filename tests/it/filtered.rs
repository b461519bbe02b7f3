//! Reports with one filter against the recount: tiles, and the pages or countries behind them.

use std::collections::BTreeMap;

use mayfly::{
    domain::{
        Text,
        counters::Counter,
        row::{Family, Table},
    },
    simulate::shop,
};
use serde_json::{Map, Value, json};

use super::{
    api::{Api, SITE},
    compare::Differences,
    expected::{As, Expected, Sums, numbers, ratio, total},
};

/// Which keys of a line a filter lets through.
type Taken = Box<dyn Fn(&[Text]) -> bool>;

/// A filter of the query, where its value stands in the lines' keys, and how what is left is read.
struct Filter {
    query: String,
    family: Family,
    as_tiles: As,
    taken: Taken,
}

fn filters() -> Vec<Filter> {
    let pages = |path: &str, query: &str, as_tiles| {
        let label = format!("{SITE}{path}");
        Filter {
            query: format!("{query}={path}"),
            family: Family::Page,
            as_tiles,
            taken: Box::new(move |keys| &*keys[0] == "page" && *keys[1] == *label),
        }
    };
    let attribute = |query: &'static str, value: &'static str, family, at: usize| Filter {
        query: format!("{query}={value}"),
        family,
        as_tiles: As::Whole,
        taken: Box::new(move |keys| *keys[at] == *value && (family != Family::Visit || &*keys[0] == "page")),
    };
    vec![
        pages("/pricing", "page", As::Seen),
        pages("/", "entry", As::Began),
        pages("/", "exit", As::Ended),
        Filter {
            query: "section=/docs/*".into(),
            family: Family::Page,
            as_tiles: As::Seen,
            taken: Box::new(|keys| &*keys[0] == "section" && &*keys[1] == "/docs/*"),
        },
        attribute("utm_campaign", "november", Family::Visit, 6),
        attribute("utm_medium", "email", Family::Visit, 5),
        attribute("country", "US", Family::Place, 2),
        attribute("country", "EE", Family::Place, 2),
        attribute("browser", "Chrome", Family::Device, 2),
        attribute("os", "Windows", Family::Device, 4),
        attribute("device", "mobile", Family::Device, 6),
        attribute("language", "en", Family::Language, 0),
    ]
}

/// All differences between filtered reports of a day and what they must say.
pub async fn differences(api: &Api, period: &str, key: &str, expected: &Expected) -> Vec<String> {
    let mut found = Differences::default();
    for filter in filters() {
        let report = read(api, period, &filter.query, key).await;
        let by_page = match filter.family {
            Family::Language => BTreeMap::new(),
            family => expected.by(Table::Pages, family, 1, &filter.taken),
        };
        let sums = expected.by(Table::Pages, filter.family, 0, &filter.taken);
        found.tiles_of(&filter.query, &report, &numbers(&total(&sums), filter.as_tiles));
        if matches!(filter.family, Family::Place | Family::Device) {
            rows(&mut found, &filter.query, &report["panels"]["page"], by_page);
        }
    }
    for (query, at) in [("source=Google", 1), ("channel=Email", 0), ("source=(none)", 1)] {
        let report = read(api, period, query, key).await;
        let value = query.split_once('=').unwrap().1;
        let plain = expected.by(Table::Pages, Family::Source, at, |keys| *keys[at] == *value);
        let sets = expected
            .by(Table::Pages, Family::Visit, 0, |keys| &*keys[0] == "page" && *keys[2 + at] == *value);
        // Visits and visitors are those of the bare list; the rest is of what the sets tell.
        let mut tiles = numbers(&total(&sets), As::Whole);
        tiles.extend(numbers(&total(&plain), As::Source));
        found.tiles_of(query, &report, &tiles);
    }
    events(api, period, key, expected, &mut found).await;
    found.0
}

async fn read(api: &Api, period: &str, query: &str, key: &str) -> Value {
    let query = query.replace('*', "%2A").replace("=/", "=%2F");
    api.read("report", &format!("{period}&limit=10000&{query}"), key).await
}

/// Pages within an attribute: each told one, seen by its visits.
fn rows(found: &mut Differences, query: &str, panel: &Value, by_page: BTreeMap<String, Sums>) {
    let told = by_page.iter().filter(|(label, sums)| *label != "*" && sums.n(Counter::Pageviews) != 0);
    // Groups of pages are sections, where a page is in one; the panel lists pages and sections alike.
    let told: BTreeMap<&str, &Sums> = told.map(|(label, sums)| (label.as_str(), sums)).collect();
    let shown: BTreeMap<&str, &Value> =
        panel["rows"].as_array().unwrap().iter().map(|row| (row["value"].as_str().unwrap(), row)).collect();
    let labels = |of: Vec<&&str>| json!(of);
    found.same(&format!("{query} pages"), &labels(shown.keys().collect()), &labels(told.keys().collect()));
    for (label, sums) in told {
        if let Some(row) = shown.get(label) {
            found.numbers(&format!("{query} page {label}"), row, &numbers(sums, As::Seen));
        }
    }
}

async fn events(api: &Api, period: &str, key: &str, expected: &Expected, found: &mut Differences) {
    let visits = expected.whole().n(Counter::Visits);
    let cases = [
        ("plan_card_click", "", ""),
        ("purchase", "", ""),
        ("plan_card_click", "plan", "pro"),
        ("copy", "snippet", "(undeclared)"),
    ];
    for (name, property, value) in cases {
        let mut query = format!("event={name}");
        if !property.is_empty() {
            query += &format!("&prop.{property}={value}");
        }
        let report = read(api, period, &query, key).await;
        let cells = expected.by(Table::Events, Family::Page, 0, |keys| {
            *keys[0] == *name && *keys[1] == *property && *keys[2] == *value && &*keys[4] == "page"
        });
        let [events, visitors, event_visits, sum] = total(&cells).event;
        let rate = ratio(event_visits, visits as f64);
        let mut tiles = json!({"events": events, "event_visits": event_visits, "event_visitors": visitors, "event_rate": rate, "value_sum": sum});
        let paid = shop::events().iter().any(|event| *event.name == *name && event.currency.is_some());
        if !property.is_empty() || !paid {
            tiles["value_sum"] = Value::Null;
        }
        let tiles: &Map<String, Value> = tiles.as_object().unwrap();
        found.tiles_of(&query, &report, tiles);
    }
}
