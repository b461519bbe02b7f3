//! Tables as CSV, with the words of the dashboard as column labels.

use super::answer::{Meta, Panel, PanelRow, Report, Rows, Tile, Values};
use super::reads::Number;

/// One dimension's rows.
pub fn csv(rows: &Rows) -> String {
    panel(&rows.dimension, &rows.panel, &rows.meta)
}

/// RFC 4180, with a header line. Visitors over several days are labelled as what they are: a daily sum.
pub fn panel(dimension: &str, panel: &Panel, meta: &Meta) -> String {
    if panel.rows.iter().any(|row| !row.steps.is_empty()) {
        return funnels(&panel.rows);
    }
    let mut columns: Vec<&str> = Vec::new();
    for key in panel.rows.iter().flat_map(|row| row.values.keys()) {
        if !columns.contains(key) {
            columns.push(key);
        }
    }
    let money = panel.rows.iter().any(|row| row.currency.is_some());
    let mut out = field(dimension);
    for column in &columns {
        out.push(',');
        out += &match (dimension, *column) {
            ("flow", "pageviews") => field("Transitions"),
            _ => field(&label(column, meta.daily_sum)),
        };
    }
    out += if money { ",Currency\r\n" } else { "\r\n" };
    for row in &panel.rows {
        let currency = money.then(|| row.currency.as_deref().unwrap_or_default());
        line(&mut out, &row.value, &row.values, &columns, currency);
    }
    if let Some(other) = &panel.other {
        let name = if meta.grouping { format!("Other (fewer than {})", meta.k) } else { "Other".to_owned() };
        line(&mut out, &name, other, &columns, money.then_some(""));
    }
    out
}

/// A line for each step of each funnel.
fn funnels(rows: &[PanelRow]) -> String {
    let mut out = "funnel,Step,Kind,Name,Entrants\r\n".to_owned();
    for row in rows {
        for (at, step) in row.steps.iter().enumerate() {
            let (name, step_name) = (field(&row.value), field(&step.name));
            out += &format!("{name},{},{},{step_name},{}\r\n", at + 1, step.kind, step.entrants);
        }
    }
    out
}

/// The tiles: value, what it is compared with, and what it was.
pub fn tiles(report: &Report) -> String {
    let mut out = "Metric,Value,Currency,Compared,Before\r\n".to_owned();
    for (key, Tile { value, compared, previous, currency, .. }) in &report.tiles {
        let [value, compared, previous] = [value, compared, previous].map(number);
        let currency = currency.as_deref().unwrap_or_default();
        let label = field(&label(key, report.meta.daily_sum));
        out += &format!("{label},{value},{currency},{compared},{previous}\r\n");
    }
    out
}

/// The chart: a line a bucket, with every metric that has one.
pub fn chart(report: &Report) -> String {
    let buckets = &report.series.buckets;
    let Some(columns) = buckets.first().map(|one| one.values.keys().copied().collect::<Vec<_>>()) else {
        return String::new();
    };
    // By the day and by the hour a bucket's visitors are of one day.
    let summed = report.meta.daily_sum && matches!(report.range.interval, Some("week" | "month"));
    let compared = report.comparison.is_some();
    let mut out = "Date,Complete".to_owned();
    for column in &columns {
        let label = label(column, summed);
        out += &format!(",{}", field(&label));
        if compared {
            out += &format!(",{}", field(&format!("{label}, before")));
        }
    }
    out += "\r\n";
    let shown = |values: Option<&Values>, column| values.and_then(|one| one.get(column)).map(number);
    for bucket in buckets {
        out += &format!("{},{}", bucket.at, if bucket.complete { "yes" } else { "no" });
        for column in &columns {
            out += &format!(",{}", shown(Some(&bucket.values), column).unwrap_or_default());
            if compared {
                out += &format!(",{}", shown(bucket.previous.as_ref(), column).unwrap_or_default());
            }
        }
        out += "\r\n";
    }
    out
}

fn line(out: &mut String, name: &str, values: &Values, columns: &[&str], currency: Option<&str>) {
    *out += &field(name);
    for column in columns {
        out.push(',');
        *out += &values.get(column).map(number).unwrap_or_default();
    }
    if let Some(currency) = currency {
        *out += &format!(",{currency}");
    }
    *out += "\r\n";
}

fn number(number: &Number) -> String {
    match number {
        Number::Whole(n) => n.to_string(),
        Number::Real(n) => format!("{n:.4}"),
        Number::Unknown => String::new(),
    }
}

/// The words of rule R2.
pub(super) fn label(key: &str, daily_sum: bool) -> String {
    let mut words = match key {
        "event_visits" => "Visits with event".to_owned(),
        "event_visitors" => "Visitors with event".to_owned(),
        "pageviews" => "Views".to_owned(),
        other => other.replace('_', " "),
    };
    if let Some(first) = words.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    match daily_sum && matches!(key, "visitors" | "page_visitors" | "event_visitors") {
        true => format!("{words}, daily sum"),
        false => words,
    }
}

/// Quoted where needed; a text that a spreadsheet would run as a formula gets an apostrophe before it.
fn field(text: &str) -> String {
    let text = match text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        true => format!("'{text}"),
        false => text.to_owned(),
    };
    match text.contains(['"', ',', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_say_what_is_summed() {
        assert_eq!(label("visitors", true), "Visitors, daily sum");
        assert_eq!(label("visitors", false), "Visitors");
        assert_eq!(label("bounce_rate", true), "Bounce rate");
    }

    #[test]
    fn fields_are_quoted_and_never_formulas() {
        assert_eq!(field("a,\"b\""), "\"a,\"\"b\"\"\"");
        assert_eq!(field("=1+1"), "'=1+1");
        assert_eq!(field("/x"), "/x");
    }
}
