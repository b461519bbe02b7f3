//! SQL from queries. Values are always bound, never spliced; identifiers come from closed lists only.

use std::collections::BTreeSet;

use duckdb::{Connection, params, types::Value};

use super::daily;

use crate::{
    domain::{
        STAR, Text,
        day::Day,
        declaration::SiteId,
        query::{Condition, Operator, Query},
        row::{Column, Family, Table, columns, has_hour},
    },
    store::{AsOf, Holding, like, tells},
};

/// A statement with the values of its placeholders, in order.
#[derive(Debug)]
pub(super) struct Statement {
    pub sql: String,
    pub values: Vec<Value>,
}

/// The table that holds the rows of a table and family.
pub(super) fn located(table: Table, family: Family) -> String {
    format!("{}_{}", table.name(), family.name())
}

/// Which days a statement reads, beside the range.
#[derive(Clone, Copy)]
enum Of<'a> {
    /// All but these.
    Others(&'a [Day]),
    /// These alone.
    Only(&'a [Day]),
}

/// What is stored of a site, by table and family.
pub(super) fn holdings(connection: &Connection, site: SiteId) -> duckdb::Result<Vec<Holding>> {
    let mut found = Vec::new();
    for table in Table::ALL {
        for &family in table.families() {
            let told = columns(table, family).iter().map(|&one| format!(", sum({})::BIGINT", tells(one)));
            let sql = format!(
                "SELECT epoch(min(day))::BIGINT // 86400, epoch(max(day))::BIGINT // 86400, count(*){} FROM {} \
                 WHERE site = ? HAVING count(*) > 0",
                told.collect::<String>(),
                located(table, family),
            );
            let mut statement = connection.prepare(&sql)?;
            let mut rows = statement.query(params![site.0])?;
            if let Some(row) = rows.next()? {
                let number = |at: usize| row.get::<_, i64>(at).map(|n| n as u64);
                let telling = (0..columns(table, family).len()).map(|at| number(3 + at));
                found.push(Holding {
                    table,
                    family,
                    first: Day(row.get(0)?),
                    last: Day(row.get(1)?),
                    rows: number(2)?,
                    telling: telling.collect::<duckdb::Result<_>>()?,
                });
            }
        }
    }
    Ok(found)
}

/// A query as SQL: the group columns as text, then the sums of all counters. Where added up days answer, they
/// do, and the rows only of those `loose` (and open) days that are not added up; the answers of both
/// statements add up.
pub(super) fn compile(site: SiteId, query: &Query, as_of: &AsOf, loose: &BTreeSet<Day>) -> Vec<Statement> {
    let (first, last) = query.days;
    let Some(filters) = daily::filters(query) else {
        return vec![statement(
            site,
            query,
            as_of,
            &located(query.table, query.family),
            Of::Others(&[]),
            None,
        )];
    };
    if first > last {
        return Vec::new();
    }
    let open = as_of.open.iter().map(|&(day, ..)| day).filter(|&day| first <= day && day <= last);
    let apart: BTreeSet<Day> = open.chain(loose.range(first..=last).copied()).collect();
    let apart: Vec<Day> = apart.into_iter().collect();
    let mut out = Vec::new();
    if apart.len() < (last.0 - first.0 + 1) as usize {
        let name = daily::name(query.family);
        out.push(statement(site, query, &AsOf::default(), &name, Of::Others(&apart), Some(filters)));
    }
    if !apart.is_empty() {
        out.push(statement(site, query, as_of, &located(query.table, query.family), Of::Only(&apart), None));
    }
    out
}

fn statement(
    site: SiteId,
    query: &Query,
    as_of: &AsOf,
    name: &str,
    days: Of<'_>,
    filters: Option<Vec<&Condition>>,
) -> Statement {
    let keys: Vec<String> = query.group.iter().map(|&column| expression(query, column)).collect();
    let sums: Vec<String> =
        query.table.counters().iter().map(|name| format!("sum({name})::BIGINT")).collect();
    let selected: Vec<&str> = keys.iter().chain(&sums).map(String::as_str).collect();
    let mut sql =
        format!("SELECT {} FROM {name} WHERE site = ? AND day BETWEEN ? AND ?", selected.join(", "));
    let mut values =
        vec![Value::BigInt(i64::from(site.0)), Value::Date32(query.days.0.0), Value::Date32(query.days.1.0)];
    let (word, listed) = match days {
        Of::Others(days) => ("NOT IN", days),
        Of::Only(days) => ("IN", days),
    };
    if !listed.is_empty() {
        sql += &format!(" AND day {word} ({})", vec!["?"; listed.len()].join(", "));
        values.extend(listed.iter().map(|day| Value::Date32(day.0)));
    }
    for condition in filters.unwrap_or_else(|| query.filters.iter().collect()) {
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
    let grouped: Vec<&str> = query.group.iter().filter_map(|&column| grouped(query, column)).collect();
    if !grouped.is_empty() {
        sql += &format!(" GROUP BY {}", grouped.join(", "));
    }
    // Without groups (or with constant ones) an aggregate answers a row even over nothing; the port wants none.
    sql += " HAVING count(*) > 0";
    Statement { sql, values }
}

/// What rows are grouped by, so that a text is made of each group rather than of each row.
fn grouped(query: &Query, column: Column) -> Option<&'static str> {
    let carried = |one| columns(query.table, query.family).contains(&one);
    match column {
        Column::Day => Some("day"),
        Column::Hour => has_hour(query.table, query.family).then_some("hour"),
        Column::Host => carried(Column::Page).then_some(HOST),
        other => carried(other).then(|| other.name()),
    }
}

const HOST: &str = "split_part(page, '/', 1)";

/// The text of a column, as `domain::query::text_of` reads it from a row.
fn expression(query: &Query, column: Column) -> String {
    let carried = |one| columns(query.table, query.family).contains(&one);
    match column {
        Column::Day => "day::VARCHAR".to_owned(),
        Column::Hour if has_hour(query.table, query.family) => "hour::VARCHAR".to_owned(),
        Column::Host if carried(Column::Page) => HOST.to_owned(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::row::KIND_PAGE;

    fn query(table: Table, family: Family, group: &[Column], filters: Vec<Condition>) -> Query {
        Query { table, family, days: (Day(100), Day(106)), group: group.to_vec(), filters }
    }

    fn rows(query: &Query, as_of: &AsOf) -> Statement {
        let mut made = compile(SiteId(1), query, as_of, &BTreeSet::new());
        assert_eq!(made.len(), 1);
        made.remove(0)
    }

    #[test]
    fn added_up_days_answer_what_they_can_and_rows_the_rest() {
        let kind = Condition::is(Column::Kind, KIND_PAGE);
        let visit = query(Table::Pages, Family::Visit, &[Column::Channel], vec![kind.clone()]);
        let open = AsOf { open: vec![(Day(106), 0, 3)] };
        let names = |query: &Query, loose: &[i32]| {
            let loose = loose.iter().map(|&day| Day(day)).collect();
            let made = compile(SiteId(1), query, &open, &loose);
            made.into_iter().map(|one| one.sql).collect::<Vec<_>>()
        };
        let made = names(&visit, &[104]);
        assert!(
            made[0].contains(
                "FROM pages_visit_daily WHERE site = ? AND day BETWEEN ? AND ? AND day NOT IN (?, ?) GROUP"
            ),
            "{made:?}"
        );
        assert!(
            made[1].contains(
                "FROM pages_visit WHERE site = ? AND day BETWEEN ? AND ? AND day IN (?, ?) AND (kind"
            ),
            "{made:?}"
        );
        assert_eq!(names(&visit, &[100, 101, 102, 103, 104, 105]).len(), 1, "nothing is added up");
        let from_rows = |family, group: &[Column], filters| {
            let made = names(&query(Table::Pages, family, group, filters), &[]);
            assert!(made.len() == 1 && !made[0].contains("_daily"), "{made:?}");
        };
        from_rows(Family::Visit, &[Column::Channel], Vec::new());
        from_rows(Family::Visit, &[Column::Page], vec![kind.clone()]);
        from_rows(Family::Visit, &[], vec![Condition::is(Column::Kind, "section")]);
        from_rows(Family::Place, &[Column::Country], vec![Condition::is(Column::Page, "a/")]);
        from_rows(Family::Page, &[Column::Hour], vec![kind.clone()]);
        from_rows(Family::Page, &[Column::Page], vec![Condition::is(Column::Hour, "3")]);
        from_rows(Family::Source, &[Column::Source], Vec::new());
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
        let open = AsOf { open: vec![(Day(106), 0, 3), (Day(300), 0, 1)] };
        let made = rows(&visit, &open);
        insta::assert_snapshot!(made.sql, @r"SELECT channel, sum(pageviews)::BIGINT, sum(page_visitors)::BIGINT, sum(page_visits)::BIGINT, sum(visitors)::BIGINT, sum(visits)::BIGINT, sum(bounces)::BIGINT, sum(exits)::BIGINT, sum(visit_seconds)::BIGINT, sum(engaged_seconds)::BIGINT, sum(scroll_views)::BIGINT, sum(scroll_percent)::BIGINT FROM pages_visit WHERE site = ? AND day BETWEEN ? AND ? AND (source <> '*' AND NOT (source = ? OR source = ?)) AND NOT (day = ? AND node = ? AND release > ?) GROUP BY channel HAVING count(*) > 0");
        assert_eq!(made.values.len(), 8);

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
        let made = rows(&hosts, &AsOf::default());
        insta::assert_snapshot!(made.sql, @r"SELECT day::VARCHAR, hour::VARCHAR, split_part(page, '/', 1), sum(events)::BIGINT, sum(event_visitors)::BIGINT, sum(event_visits)::BIGINT, sum(value_sum)::BIGINT FROM events_page WHERE site = ? AND day BETWEEN ? AND ? AND (page <> '*' AND (page LIKE ? ESCAPE '\')) GROUP BY day, hour, split_part(page, '/', 1) HAVING count(*) > 0");
        assert_eq!(made.values[3], Value::Text("%/100\\%\\_\\\\x".into()));

        let whole = query(Table::Flows, Family::Page, &[], vec![Condition::is(Column::Country, "EE")]);
        let made = rows(&whole, &AsOf::default());
        insta::assert_snapshot!(made.sql, @"SELECT sum(transitions)::BIGINT FROM flows_page WHERE site = ? AND day BETWEEN ? AND ? AND FALSE HAVING count(*) > 0");
    }
}
