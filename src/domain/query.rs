//! What a report asks of rows, wherever they are: the stores compile it to SQL, memory evaluates it here.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::{
    STAR, Text,
    cells::Map,
    day::Day,
    row::{Column, Family, Row, Table, columns},
};

/// Sums of all counters of a table and family, grouped and filtered. Site and moment are given beside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Query {
    pub table: Table,
    pub family: Family,
    /// First and last day, inclusive.
    pub days: (Day, Day),
    /// Columns of the family, `Day`, `Hour` or `Host`.
    pub group: Vec<Column>,
    /// All must hold.
    pub filters: Vec<Condition>,
}

/// A condition on one column. A `*` matches no operator, not even the negated ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    pub column: Column,
    pub operator: Operator,
    /// Any of these (for negated operators: none of these). Never empty.
    pub values: Vec<Text>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operator {
    Is,
    IsNot,
    Contains,
    ContainsNot,
    Prefix,
    /// `*` in the value stands for any characters; the whole text must match.
    Matches,
    MatchesNot,
}

impl Condition {
    pub fn is(column: Column, value: impl Into<Text>) -> Condition {
        Condition { column, operator: Operator::Is, values: vec![value.into()] }
    }

    /// Whether a text satisfies the condition. Case matters.
    pub fn holds(&self, text: &str) -> bool {
        let any = |test: fn(&str, &str) -> bool| self.values.iter().any(|value| test(text, value));
        text != STAR
            && match self.operator {
                Operator::Is => any(|text, value| text == value),
                Operator::IsNot => !any(|text, value| text == value),
                Operator::Contains => any(|text, value| text.contains(value)),
                Operator::ContainsNot => !any(|text, value| text.contains(value)),
                Operator::Prefix => any(|text, value| text.starts_with(value)),
                Operator::Matches => any(|text, value| super::declaration::wildcard_text(value, text)),
                Operator::MatchesNot => !any(|text, value| super::declaration::wildcard_text(value, text)),
            }
    }
}

/// One group of a query's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// In the order of [`Query::group`]; days as `2026-11-22`, hours as `0`..`23`.
    pub keys: Vec<Text>,
    /// In the order of [`Table::counters`].
    pub sums: Vec<i64>,
}

/// The text of a column of a row, also of the derived ones.
pub fn text_of(row: &Row, column: Column) -> Text {
    match column {
        Column::Day => row.day.to_string().into(),
        Column::Hour => row.hour.map(|hour| hour.0.to_string()).unwrap_or_default().into(),
        Column::Host => row.key(Column::Page).map_or("".into(), |page| host_of(page).into()),
        _ => row.key(column).cloned().unwrap_or_else(|| "".into()),
    }
}

/// The host of a page label; `*`, `(none)` and `(other)` are their own.
pub fn host_of(page: &str) -> &str {
    page.find('/').map_or(page, |at| &page[..at])
}

impl Query {
    /// Whether the query asks for this row.
    pub fn wants(&self, row: &Row) -> bool {
        row.table == self.table
            && row.family == self.family
            && self.days.0 <= row.day
            && row.day <= self.days.1
            && self.filters.iter().all(|one| match one.column {
                Column::Day | Column::Hour | Column::Host => one.holds(&text_of(row, one.column)),
                column => row.key(column).is_some_and(|text| one.holds(text)),
            })
    }

    /// Evaluates the query over rows in memory. Groups come sorted by key.
    pub fn evaluate<'a>(&self, rows: impl IntoIterator<Item = &'a Row>) -> Vec<Group> {
        let at = |column: &Column| columns(self.table, self.family).iter().position(|one| one == column);
        let places: Vec<(Column, Option<usize>)> = self.group.iter().map(|one| (*one, at(one))).collect();
        let mut groups: Map<SmallVec<[Part<'a>; 8]>, Vec<i64>> = Map::default();
        for row in rows {
            if self.wants(row) {
                let parts = places.iter().map(|&(column, at)| part(row, column, at)).collect();
                add(groups.entry(parts).or_default(), &row.counts);
            }
        }
        let texts = |parts: &[Part<'_>]| parts.iter().map(Part::text).collect();
        let mut out: Vec<Group> =
            groups.into_iter().map(|(parts, sums)| Group { keys: texts(&parts), sums }).collect();
        out.sort_unstable_by(|a, b| a.keys.cmp(&b.keys));
        out
    }
}

/// A part of a group's key, borrowed from a row: texts are made of groups, not of rows.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Part<'a> {
    Text(&'a Text),
    Host(&'a str),
    Day(Day),
    Hour(u8),
    Absent,
}

fn part(row: &Row, column: Column, at: Option<usize>) -> Part<'_> {
    match (column, at) {
        (Column::Day, _) => Part::Day(row.day),
        (Column::Hour, _) => row.hour.map_or(Part::Absent, |hour| Part::Hour(hour.0)),
        (Column::Host, _) => row.key(Column::Page).map_or(Part::Absent, |page| Part::Host(host_of(page))),
        (_, Some(at)) => row.keys.get(at).map_or(Part::Absent, Part::Text),
        (_, None) => Part::Absent,
    }
}

impl Part<'_> {
    fn text(&self) -> Text {
        match *self {
            Part::Text(text) => text.clone(),
            Part::Host(host) => host.into(),
            Part::Day(day) => day.to_string().into(),
            Part::Hour(hour) => hour.to_string().into(),
            Part::Absent => "".into(),
        }
    }
}

/// Adds up groups of the same query from several places (store and memory, several collectors).
pub fn merge(parts: impl IntoIterator<Item = Vec<Group>>) -> Vec<Group> {
    let mut groups: Map<Vec<Text>, Vec<i64>> = Map::default();
    for group in parts.into_iter().flatten() {
        add(groups.entry(group.keys).or_default(), &group.sums);
    }
    let mut out: Vec<Group> = groups.into_iter().map(|(keys, sums)| Group { keys, sums }).collect();
    out.sort_unstable_by(|a, b| a.keys.cmp(&b.keys));
    out
}

fn add(sums: &mut Vec<i64>, counts: &[i64]) {
    sums.resize(counts.len(), 0);
    sums.iter_mut().zip(counts).for_each(|(sum, n)| *sum += n);
}
