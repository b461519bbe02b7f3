//! SQL from queries. Values are always bound, never spliced; identifiers come from closed lists only.

use duckdb::types::Value;

use crate::{
    domain::{
        STAR, Text,
        declaration::SiteId,
        query::{Condition, Operator, Query},
        row::{Column, Table, columns},
    },
    store::AsOf,
};

/// A statement with the values of its placeholders, in order.
#[derive(Debug)]
pub(super) struct Statement {
    pub sql: String,
    pub values: Vec<Value>,
}

/// The key columns of a table: those of all its families, in the order of the schema.
pub(super) fn physical(table: Table) -> Vec<Column> {
    let mut all = Vec::new();
    for &family in table.families() {
        for &column in columns(table, family) {
            if !all.contains(&column) {
                all.push(column);
            }
        }
    }
    all
}

/// A query as SQL: the group columns as text, then the sums of all counters.
pub(super) fn compile(site: SiteId, query: &Query, as_of: &AsOf) -> Statement {
    let mut values = Vec::new();
    let keys: Vec<String> = query.group.iter().map(|&column| expression(query, column)).collect();
    let sums: Vec<String> =
        query.table.counters().iter().map(|name| format!("sum({name})::BIGINT")).collect();
    let selected: Vec<&str> = keys.iter().chain(&sums).map(String::as_str).collect();
    let mut sql = format!("SELECT {} FROM {}", selected.join(", "), query.table.name());
    sql += " WHERE site = ? AND family = ? AND day BETWEEN ? AND ?";
    values.push(Value::BigInt(i64::from(site.0)));
    values.push(Value::Text(query.family.name().to_owned()));
    values.push(Value::Date32(query.days.0.0));
    values.push(Value::Date32(query.days.1.0));
    for condition in &query.filters {
        sql += " AND ";
        sql += &compiled(query, condition, &mut values);
    }
    for &(day, node, last) in &as_of.open {
        if query.days.0 <= day && day <= query.days.1 {
            sql += " AND NOT (day = ? AND node = ? AND release > ?)";
            values.push(Value::Date32(day.0));
            values.push(Value::BigInt(i64::from(node)));
            values.push(Value::BigInt(i64::from(last)));
        }
    }
    // Without groups (or with constant ones) an aggregate answers a row even over nothing; the port wants none.
    sql += " GROUP BY ALL HAVING count(*) > 0";
    Statement { sql, values }
}

/// The text of a column, as `domain::query::text_of` reads it from a row.
fn expression(query: &Query, column: Column) -> String {
    let carried = |one| columns(query.table, query.family).contains(&one);
    match column {
        Column::Day => "day::VARCHAR".to_owned(),
        Column::Hour => "CASE WHEN hour < 0 THEN '' ELSE hour::VARCHAR END".to_owned(),
        Column::Host if carried(Column::Page) => "split_part(page, '/', 1)".to_owned(),
        other if carried(other) => other.name().to_owned(),
        _ => "''".to_owned(),
    }
}

fn compiled(query: &Query, condition: &Condition, values: &mut Vec<Value>) -> String {
    let column = condition.column;
    let derived = matches!(column, Column::Day | Column::Hour | Column::Host);
    if !derived && !columns(query.table, query.family).contains(&column) {
        return "FALSE".to_owned();
    }
    let text = expression(query, column);
    let (negated, tests) = tests(condition, &text);
    let bound: Vec<Text> = match condition.operator {
        Operator::Matches | Operator::MatchesNot => condition.values.iter().map(|one| like(one)).collect(),
        _ => condition.values.clone(),
    };
    values.extend(bound.iter().map(|one| Value::Text(one.to_string())));
    let not = if negated { "NOT " } else { "" };
    format!("({text} <> '{STAR}' AND {not}({tests}))")
}

/// Whether the operator is negated, and the alternatives with a placeholder for each value.
fn tests(condition: &Condition, text: &str) -> (bool, String) {
    let (negated, one) = match condition.operator {
        Operator::Is => (false, format!("{text} = ?")),
        Operator::IsNot => (true, format!("{text} = ?")),
        Operator::Contains => (false, format!("contains({text}, ?)")),
        Operator::ContainsNot => (true, format!("contains({text}, ?)")),
        Operator::Prefix => (false, format!("starts_with({text}, ?)")),
        Operator::Matches => (false, format!("{text} LIKE ? ESCAPE '\\'")),
        Operator::MatchesNot => (true, format!("{text} LIKE ? ESCAPE '\\'")),
    };
    match condition.values.len() {
        0 => (negated, "FALSE".to_owned()),
        n => (negated, vec![one; n].join(" OR ")),
    }
}

/// A pattern with `*` as SQL's LIKE wants it.
fn like(pattern: &str) -> Text {
    let mut out = String::with_capacity(pattern.len() + 4);
    for letter in pattern.chars() {
        match letter {
            '*' => out.push('%'),
            '%' | '_' | '\\' => {
                out.push('\\');
                out.push(letter);
            }
            other => out.push(other),
        }
    }
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{day::Day, row::Family};

    fn query(table: Table, family: Family, group: &[Column], filters: Vec<Condition>) -> Query {
        Query { table, family, days: (Day(100), Day(106)), group: group.to_vec(), filters }
    }

    #[test]
    fn plans_become_sql_with_bound_values() {
        let visit = query(
            Table::Pages,
            Family::Visit,
            &[Column::Channel],
            vec![Condition {
                column: Column::Source,
                operator: Operator::IsNot,
                values: vec!["a'; DROP TABLE pages".into(), "b".into()],
            }],
        );
        let made = compile(SiteId(1), &visit, &AsOf { open: vec![(Day(106), 0, 3), (Day(300), 0, 1)] });
        insta::assert_snapshot!(made.sql, @r"SELECT channel, sum(pageviews)::BIGINT, sum(page_visitors)::BIGINT, sum(page_visits)::BIGINT, sum(visitors)::BIGINT, sum(visits)::BIGINT, sum(bounces)::BIGINT, sum(exits)::BIGINT, sum(visit_seconds)::BIGINT, sum(engaged_seconds)::BIGINT, sum(scroll_views)::BIGINT, sum(scroll_percent)::BIGINT FROM pages WHERE site = ? AND family = ? AND day BETWEEN ? AND ? AND (source <> '*' AND NOT (source = ? OR source = ?)) AND NOT (day = ? AND node = ? AND release > ?) GROUP BY ALL HAVING count(*) > 0");
        assert_eq!(made.values.len(), 9);

        let hosts = query(
            Table::Events,
            Family::Page,
            &[Column::Day, Column::Hour, Column::Host],
            vec![Condition {
                column: Column::Page,
                operator: Operator::Matches,
                values: vec!["*/100%_\\x".into()],
            }],
        );
        let made = compile(SiteId(1), &hosts, &AsOf::default());
        insta::assert_snapshot!(made.sql, @r"SELECT day::VARCHAR, CASE WHEN hour < 0 THEN '' ELSE hour::VARCHAR END, split_part(page, '/', 1), sum(events)::BIGINT, sum(event_visitors)::BIGINT, sum(event_visits)::BIGINT, sum(value_sum)::BIGINT FROM events WHERE site = ? AND family = ? AND day BETWEEN ? AND ? AND (page <> '*' AND (page LIKE ? ESCAPE '\')) GROUP BY ALL HAVING count(*) > 0");
        assert_eq!(made.values[4], Value::Text("%/100\\%\\_\\\\x".into()));

        let whole = query(Table::Flows, Family::Page, &[], vec![Condition::is(Column::Country, "EE")]);
        let made = compile(SiteId(1), &whole, &AsOf::default());
        insta::assert_snapshot!(made.sql, @"SELECT sum(transitions)::BIGINT FROM flows WHERE site = ? AND family = ? AND day BETWEEN ? AND ? AND FALSE GROUP BY ALL HAVING count(*) > 0");
    }
}
