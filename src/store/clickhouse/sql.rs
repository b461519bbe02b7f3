//! SQL from queries. Values are bound in the server, never spliced; identifiers come from closed lists only.

use clickhouse::query::Query as Request;

use super::date;
use crate::{
    domain::{
        STAR,
        day::Day,
        declaration::SiteId,
        query::{Condition, Operator, Query},
        row::{Column, Family, Table, columns, has_hour},
    },
    store::{AsOf, Holding, like, tells},
};

/// A statement with the values of its parameters `p0`, `p1` ...
#[derive(Debug)]
pub(super) struct Statement {
    pub sql: String,
    pub values: Vec<String>,
}

impl Statement {
    /// The request with its values.
    pub fn bound(&self, request: Request) -> Request {
        let named = self.values.iter().enumerate();
        named.fold(request, |request, (n, value)| request.param(&format!("p{n}"), value))
    }

    fn value(&mut self, kind: &str, value: String) -> String {
        self.values.push(value);
        format!("{{p{}:{kind}}}", self.values.len() - 1)
    }

    fn number(&mut self, value: u32) -> String {
        self.value("UInt32", value.to_string())
    }

    fn day(&mut self, day: Day) -> String {
        self.value("Date", date(day))
    }

    fn text(&mut self, value: &str) -> String {
        self.value("String", value.to_owned())
    }
}

/// An answer to [`holding`].
#[derive(clickhouse::Row, serde::Deserialize)]
pub(super) struct Held {
    first_day: i32,
    last_day: i32,
    held: u64,
    telling: Vec<u64>,
}

impl Held {
    pub fn told(self, table: Table, family: Family) -> Holding {
        let (first, last) = (Day(self.first_day), Day(self.last_day));
        Holding { table, family, rows: self.held, first, last, telling: self.telling }
    }
}

/// How many rows of a family are stored of a site, and how many of them tell each column.
pub(super) fn holding(table: Table, family: Family) -> String {
    let told: Vec<_> = columns(table, family).iter().map(|&one| format!("sum({})", tells(one))).collect();
    format!(
        "SELECT toInt32(min(day)) AS first_day, toInt32(max(day)) AS last_day, count() AS held, \
         CAST([{}], 'Array(UInt64)') AS telling FROM {} \
         WHERE site = {{site:UInt32}} AND family = '{}' HAVING count() > 0",
        told.join(", "),
        table.name(),
        family.name(),
    )
}

/// A query as SQL: the group columns as texts, and the sums of all counters.
pub(super) fn compile(site: SiteId, query: &Query, as_of: &AsOf) -> Statement {
    let mut made = Statement { sql: String::new(), values: Vec::new() };
    let keys: Vec<String> = query.group.iter().map(|&column| expression(query, column)).collect();
    let sums: Vec<String> = query.table.counters().iter().map(|name| format!("sum({name})")).collect();
    let (site, first, last) = (made.number(site.0), made.day(query.days.0), made.day(query.days.1));
    // Table and family are of closed lists, so they may stand in the text.
    let mut sql = format!(
        "SELECT CAST([{}], 'Array(String)') AS keys, [{}] AS sums FROM {} WHERE site = {site} \
         AND family = '{}' AND day BETWEEN {first} AND {last}",
        keys.join(", "),
        sums.join(", "),
        query.table.name(),
        query.family.name(),
    );
    for condition in &query.filters {
        sql += " AND ";
        sql += &compiled(query, condition, &mut made);
    }
    for &(day, node, release) in &as_of.open {
        if query.days.0 <= day && day <= query.days.1 {
            let (day, node, release) = (made.day(day), made.number(node), made.number(release));
            sql += &format!(" AND NOT (day = {day} AND node = {node} AND release > {release})");
        }
    }
    let grouped: Vec<&str> = query.group.iter().filter_map(|&column| grouped(query, column)).collect();
    if !grouped.is_empty() {
        sql += &format!(" GROUP BY {}", grouped.join(", "));
    }
    // Without groups (or with constant ones) an aggregate answers a row even over nothing; the port wants none.
    made.sql = sql + " HAVING count() > 0";
    made
}

const HOST: &str = "substringIndex(page, '/', 1)";

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

/// The text of a column, as `domain::query::text_of` reads it from a row.
fn expression(query: &Query, column: Column) -> String {
    let carried = |one| columns(query.table, query.family).contains(&one);
    match column {
        Column::Day => "toString(day)".to_owned(),
        Column::Hour if has_hour(query.table, query.family) => "toString(hour)".to_owned(),
        Column::Host if carried(Column::Page) => HOST.to_owned(),
        other if carried(other) => format!("toString({})", other.name()),
        _ => "''".to_owned(),
    }
}

fn compiled(query: &Query, condition: &Condition, made: &mut Statement) -> String {
    let column = condition.column;
    let derived = matches!(column, Column::Day | Column::Hour | Column::Host);
    if !derived && !columns(query.table, query.family).contains(&column) {
        return "false".to_owned();
    }
    let text = match derived {
        true => expression(query, column),
        false => column.name().to_owned(),
    };
    let tests: Vec<String> =
        condition.values.iter().map(|value| test(condition.operator, &text, value, made)).collect();
    let any = if tests.is_empty() { "false".to_owned() } else { tests.join(" OR ") };
    let not = match condition.operator {
        Operator::IsNot | Operator::ContainsNot | Operator::MatchesNot => "NOT ",
        Operator::Is | Operator::Contains | Operator::Prefix | Operator::Matches => "",
    };
    format!("({text} <> '{STAR}' AND {not}({any}))")
}

fn test(operator: Operator, text: &str, value: &str, made: &mut Statement) -> String {
    match operator {
        Operator::Is | Operator::IsNot => format!("{text} = {}", made.text(value)),
        Operator::Contains | Operator::ContainsNot => format!("position({text}, {}) > 0", made.text(value)),
        Operator::Prefix => format!("startsWith({text}, {})", made.text(value)),
        Operator::Matches | Operator::MatchesNot => format!("{text} LIKE {}", made.text(&like(value))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::row::{Family, Table};

    #[test]
    fn plans_become_sql_with_bound_values() {
        let query = Query {
            table: Table::Events,
            family: Family::Page,
            days: (Day(100), Day(106)),
            group: vec![Column::Day, Column::Host],
            filters: vec![Condition {
                column: Column::Name,
                operator: Operator::IsNot,
                values: vec!["a'; DROP TABLE pages".into(), "b".into()],
            }],
        };
        let open = AsOf { open: vec![(Day(106), 0, 3), (Day(300), 0, 1)] };
        let made = compile(SiteId(1), &query, &open);
        insta::assert_snapshot!(made.sql, @"SELECT CAST([toString(day), substringIndex(page, '/', 1)], 'Array(String)') AS keys, [sum(events), sum(event_visitors), sum(event_visits), sum(value_sum)] AS sums FROM events WHERE site = {p0:UInt32} AND family = 'page' AND day BETWEEN {p1:Date} AND {p2:Date} AND (name <> '*' AND NOT (name = {p3:String} OR name = {p4:String})) AND NOT (day = {p5:Date} AND node = {p6:UInt32} AND release > {p7:UInt32}) GROUP BY day, substringIndex(page, '/', 1) HAVING count() > 0");
        insta::assert_snapshot!(made.values.join(" | "), @"1 | 1970-04-11 | 1970-04-17 | a'; DROP TABLE pages | b | 1970-04-17 | 0 | 3");
    }
}
