//! Rows as CSV, with the words of the dashboard as column labels.

use super::{answer::Rows, reads::Number};

/// RFC 4180, with a header line. Visitors over several days are labelled as what they are: a daily sum.
pub fn csv(rows: &Rows) -> String {
    let mut columns: Vec<&str> = Vec::new();
    for key in rows.panel.rows.iter().flat_map(|row| row.values.keys()) {
        if !columns.contains(key) {
            columns.push(key);
        }
    }
    let mut out = field(&rows.dimension);
    for column in &columns {
        out.push(',');
        out += &field(&label(column, rows.meta.daily_sum));
    }
    out += "\r\n";
    for row in &rows.panel.rows {
        line(&mut out, &row.value, &row.values, &columns);
    }
    if let Some(other) = &rows.panel.other {
        let name = if rows.meta.grouping {
            format!("Other (fewer than {})", rows.meta.k)
        } else {
            "Other".to_owned()
        };
        line(&mut out, &name, other, &columns);
    }
    out
}

fn line(out: &mut String, name: &str, values: &super::answer::Values, columns: &[&str]) {
    *out += &field(name);
    for column in columns {
        out.push(',');
        match values.get(column) {
            Some(Number::Whole(n)) => *out += &n.to_string(),
            Some(Number::Real(n)) => *out += &format!("{n:.4}"),
            _ => {}
        }
    }
    *out += "\r\n";
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
