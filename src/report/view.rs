//! A whole view as files: tiles, chart and every panel as CSV, and what they are in words.

use super::{
    answer::{Report, ShownFilter},
    csv,
    zip::zip,
};
use crate::domain::query::Operator;

/// The archive of a report. All files are in a folder that names site and range.
pub fn archive(report: &Report) -> Vec<u8> {
    let folder = format!("{}-{}..{}", report.site, report.range.first, report.range.last);
    let named = |name: &str| format!("{folder}/{name}");
    let mut files = vec![
        (named("README.txt"), words(report)),
        (named("tiles.csv"), csv::tiles(report)),
        (named("chart.csv"), csv::chart(report)),
    ];
    for (dimension, panel) in report.panels.iter().filter(|(_, panel)| panel.refused.is_none()) {
        // A property's name is free text: what a file may not be called stays out of it.
        let name = dimension.replace(|c: char| !c.is_alphanumeric() && !"._-".contains(c), "_");
        files.push((named(&format!("{name}.csv")), csv::panel(dimension, panel, &report.meta)));
    }
    zip(files.iter().map(|(name, text)| (name.as_str(), text.as_bytes())))
}

/// What a reader of the tables has to know.
fn words(report: &Report) -> String {
    let meta = &report.meta;
    let mut lines = vec![
        format!("{}, {}", report.site, report.range.words),
        format!("Days end at 00:00 {}.", meta.zone),
        report
            .comparison
            .as_ref()
            .map_or("Not compared.".to_owned(), |one| format!("Before: {}.", one.words)),
    ];
    lines.extend(report.filters.iter().map(filter));
    if meta.daily_sum {
        lines.push(
            "Visitors are the sum of each day's visitors: who came on three days counts three times.".into(),
        );
    }
    if meta.grouping {
        let other = format!(
            "Rows that say where visits are from or what they use count at least {} visitors of a day; the rest is Other.",
            meta.k
        );
        lines.push(other);
    } else {
        lines.push("Grouping is off for this site.".into());
    }
    if let Some(as_of) = &meta.as_of {
        lines.push(format!(
            "Today is open: campaigns, places and devices as of {as_of}, complete after midnight."
        ));
    }
    lines.push("Rates are parts of 1, times are seconds, money is in minor units of its currency. An empty field is unknown.".into());
    lines.extend(meta.notices.iter().map(|one| format!("{one}.")));
    let refused = report.panels.iter().filter_map(|(dimension, panel)| Some((dimension, panel.refused?)));
    lines.extend(refused.map(|(dimension, why)| format!("Not here: {dimension} ({why}).")));
    lines.push(String::new());
    lines.join("\r\n")
}

fn filter(filter: &ShownFilter) -> String {
    let operator = match filter.operator {
        Operator::Is => "is",
        Operator::IsNot => "is not",
        Operator::Contains => "contains",
        Operator::ContainsNot => "does not contain",
        Operator::Prefix => "starts with",
        Operator::Matches => "matches",
        Operator::MatchesNot => "does not match",
    };
    format!("Only where {} {operator} {}.", filter.key, filter.values.join(" or "))
}
