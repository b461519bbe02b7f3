//! Holds a report's JSON against what it must say, and names every difference.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::expected::{Expected, Panel};

/// Keys of a row beside its numbers.
const BESIDE: [&str; 6] = ["name", "value", "share", "previous", "currency", "steps"];

/// Panels that need a filter, or that the site does not keep.
const REFUSED: [&str; 5] = ["flow", "region", "city", "browser_version", "os_version"];

/// All differences between a report of one whole day (`limit` above all rows) and what it must say.
pub fn differences(report: &Value, expected: &Expected) -> Vec<String> {
    let mut found = Differences::default();
    found.tiles(&report["tiles"], &expected.tiles());
    found.series(&report["series"]["buckets"], &expected.buckets(), expected);
    let panels = expected.panels();
    for (name, shown) in report["panels"].as_object().unwrap() {
        match panels.get(name.as_str()) {
            Some(panel) => found.panel(name, shown, panel),
            None => found.same(
                name,
                &shown["refused"].is_string().into(),
                &REFUSED.contains(&name.as_str()).into(),
            ),
        }
    }
    let names: Vec<_> = report["panels"].as_object().unwrap().keys().collect();
    found.same("panels", &names.len().into(), &(panels.len() + REFUSED.len()).into());
    found.0
}

/// What differs, in words.
#[derive(Default)]
pub struct Differences(pub Vec<String>);

impl Differences {
    pub fn same(&mut self, what: &str, shown: &Value, expected: &Value) {
        let close = |a: f64, b: f64| (a - b).abs() <= 1e-9 * b.abs().max(1.0);
        let equal = match (shown.as_f64(), expected.as_f64()) {
            (Some(a), Some(b)) => close(a, b),
            _ => shown == expected,
        };
        if !equal {
            self.0.push(format!("{what}: shown {shown}, expected {expected}"));
        }
    }

    pub fn numbers(&mut self, what: &str, shown: &Value, expected: &Map<String, Value>) {
        for (key, value) in expected.iter().filter(|(key, _)| *key != "steps") {
            self.same(&format!("{what} {key}"), &shown[key], value);
        }
        let more = shown.as_object().into_iter().flatten();
        for (key, value) in
            more.filter(|(key, _)| !expected.contains_key(*key) && !BESIDE.contains(&key.as_str()))
        {
            self.0.push(format!("{what} {key}: shown {value}, expected nothing"));
        }
    }

    fn tiles(&mut self, shown: &Value, expected: &Map<String, Value>) {
        let values: Map<String, Value> = shown
            .as_object()
            .unwrap()
            .iter()
            .map(|(key, tile)| (key.clone(), tile["value"].clone()))
            .collect();
        self.numbers("tile", &Value::Object(values), expected);
    }

    /// Tiles of a filtered report: what is not expected must be refused or unknown.
    pub fn tiles_of(&mut self, query: &str, report: &Value, expected: &Map<String, Value>) {
        for (key, tile) in report["tiles"].as_object().unwrap() {
            let known = expected.get(key).unwrap_or(&Value::Null);
            self.same(&format!("{query}: tile {key}"), &tile["value"], known);
        }
    }

    fn series(&mut self, shown: &Value, expected: &[(String, Map<String, Value>)], day: &Expected) {
        let shown = shown.as_array().unwrap();
        self.same("buckets", &shown.len().into(), &expected.len().into());
        for (bucket, (at, values)) in shown.iter().zip(expected) {
            self.same("bucket", &bucket["at"], &at.as_str().into());
            self.numbers(at, &bucket["values"], values);
            let now = day.hour.map(|hour| format!("{}T{:02}", day.calendar.day, hour.0));
            let is_over = now.is_none_or(|now| *at < now);
            self.same(&format!("{at} complete"), &bucket["complete"], &is_over.into());
        }
    }

    fn panel(&mut self, name: &str, shown: &Value, expected: &Panel) {
        self.same(&format!("{name} refused"), &shown["refused"], &Value::Null);
        let rows: BTreeMap<&str, &Value> = shown["rows"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| (row["value"].as_str().unwrap(), row))
            .collect();
        self.same(&format!("{name} total_rows"), &shown["total_rows"], &expected.rows.len().into());
        for (label, numbers) in &expected.rows {
            match rows.get(label.as_str()) {
                Some(row) => self.row(name, label, row, numbers),
                None => self.0.push(format!("{name} {label}: expected, not shown")),
            }
        }
        for label in rows.keys().filter(|label| !expected.rows.contains_key(**label)) {
            self.0.push(format!("{name} {label}: shown, not expected"));
        }
        match &expected.other {
            Value::Object(other) => self.numbers(&format!("{name} other"), &shown["other"], other),
            _ => self.same(&format!("{name} other"), &shown["other"], &Value::Null),
        }
        self.same(&format!("{name} told"), &shown["told"], &expected.told);
        self.same(&format!("{name} rest"), &shown["rest"], &Value::Null);
    }

    fn row(&mut self, panel: &str, label: &str, shown: &Value, expected: &Map<String, Value>) {
        self.numbers(&format!("{panel} {label}"), shown, expected);
        if let Some(steps) = expected.get("steps") {
            let shown: Vec<Value> =
                shown["steps"].as_array().unwrap().iter().map(|step| step["entrants"].clone()).collect();
            self.same(&format!("{panel} {label} steps"), &shown.into(), steps);
        }
    }
}

/// Fails with the first differences.
#[track_caller]
pub fn assert_none(differences: &[String], what: &str) {
    let shown: Vec<_> = differences.iter().take(20).cloned().collect();
    assert!(
        differences.is_empty(),
        "{what}: {} differences, such as\n{}",
        differences.len(),
        shown.join("\n")
    );
}
