//! The query string of a report (docs/API.md, "URL"), parsed once: what cannot be understood becomes a notice,
//! what no row can answer an error in words.

use percent_encoding::percent_decode_str;

use super::range::{Comparison, HOURLY_DAYS_MAX, Interval, Range, Today, compared, range};
use crate::domain::{
    Text,
    day::Day,
    declaration::Site,
    plan::{Dimension, Filter, Metric, Refusal, Scope},
    query::Operator,
};

/// Rows in a panel of the overview, unless asked otherwise.
pub const PANEL_ROWS: usize = 9;
/// Rows of one dimension, unless asked otherwise; a table in CSV has them all.
const LIST_ROWS: usize = 100;
/// Most rows in one answer.
pub const ROWS_MAX: usize = 10_000;
/// Longest filter value, in bytes, and most values in all.
const VALUE_MAX: usize = 2_000;
const VALUES_MAX: usize = 100;

/// A plan: all that a report is asked.
#[derive(Clone, Debug)]
pub struct Plan {
    pub range: Range,
    pub interval: Interval,
    pub comparison: Option<Range>,
    pub metric: Metric,
    pub filters: Vec<Filter>,
    /// How many of the first filters cannot be taken away by who asks.
    pub locked: usize,
    pub scope: Scope,
    /// Rows per panel.
    pub limit: usize,
    /// Of one dimension's rows: searched text, order, how many to skip, whether as CSV.
    pub dimension: Option<Dimension>,
    pub search: String,
    pub sort: Option<(SortBy, bool)>,
    pub offset: usize,
    pub csv: bool,
    pub notices: Vec<String>,
}

/// What rows are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortBy {
    /// As it is shown, without regard to case.
    Name,
    Metric(Metric),
}

/// Parses a query string, for who may only see what `locked` filters leave: those that are asked for come beside them,
/// never into them. `extent` is the first day of which anything is known.
///
/// # Errors
/// Words for people, to be answered with 400.
pub fn parse(
    query: &str,
    locked: &[Filter],
    site: &Site,
    today: &Today,
    extent: Option<Day>,
) -> Result<Plan, String> {
    let mut raw = raw(query, site)?;
    raw.filters.splice(..0, locked.iter().cloned());
    let range = range(raw.period.as_deref().unwrap_or("28d"), today.day, extent)?;
    let scope = Scope::of(&raw.filters, &site.sections).map_err(str::to_owned)?;
    let mut notices = raw.notices;
    let interval = interval(raw.interval, range, &scope, &mut notices);
    let metric = raw.metric.unwrap_or(if scope.event { Metric::Events } else { Metric::Visits });
    Ok(Plan {
        range,
        interval,
        comparison: compared(range, raw.comparison, raw.by_date),
        metric,
        filters: raw.filters,
        locked: locked.len(),
        scope,
        limit: raw.limit.unwrap_or(match (raw.csv, &raw.dimension) {
            (true, _) => ROWS_MAX,
            (false, Some(_)) => LIST_ROWS,
            (false, None) => PANEL_ROWS,
        }),
        dimension: raw.dimension,
        search: raw.search,
        sort: raw.sort,
        offset: raw.offset,
        csv: raw.csv,
        notices,
    })
}

/// The period of a query string, as it was given.
pub fn period(query: &str) -> Option<String> {
    pairs(query).into_iter().rev().find(|(key, _)| key == "p").map(|(_, value)| value)
}

/// The filters of a query string, as they can be locked.
///
/// # Errors
/// Words for people: what cannot be understood, and filters that no row answers together.
pub fn filters(query: &str, site: &Site) -> Result<Vec<Filter>, String> {
    let raw = raw(query, site)?;
    match raw.notices.first() {
        Some(notice) => Err(notice.clone()),
        None => Scope::of(&raw.filters, &site.sections).map(|_| raw.filters).map_err(str::to_owned),
    }
}

fn raw(query: &str, site: &Site) -> Result<Raw, String> {
    let mut raw = Raw::default();
    for (key, value) in &pairs(query) {
        raw.take(key, value, site)?;
    }
    Ok(raw)
}

fn interval(asked: Option<Interval>, range: Range, scope: &Scope, notices: &mut Vec<String>) -> Interval {
    let usual = if range.len() == 1 && scope.has_hours() { Interval::Hour } else { Interval::Day };
    match asked {
        Some(Interval::Hour) if !scope.has_hours() => {
            notices.push("hours are not stored beside sources, places and devices: shown by day".to_owned());
            Interval::Day
        }
        Some(Interval::Hour) if range.len() > HOURLY_DAYS_MAX => {
            notices.push(format!("hours are shown for at most {HOURLY_DAYS_MAX} days: shown by day"));
            Interval::Day
        }
        asked => asked.unwrap_or(usual),
    }
}

fn pairs(query: &str) -> Vec<(String, String)> {
    let decode = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    let pair = |text: &str| {
        let (key, value) = text.split_once('=').unwrap_or((text, ""));
        (decode(key), decode(value))
    };
    query.split('&').filter(|text| !text.is_empty()).map(pair).collect()
}

#[derive(Default)]
struct Raw {
    period: Option<String>,
    interval: Option<Interval>,
    comparison: Comparison,
    by_date: bool,
    metric: Option<Metric>,
    filters: Vec<Filter>,
    limit: Option<usize>,
    dimension: Option<Dimension>,
    search: String,
    sort: Option<(SortBy, bool)>,
    offset: usize,
    csv: bool,
    notices: Vec<String>,
}

impl Raw {
    fn take(&mut self, key: &str, value: &str, site: &Site) -> Result<(), String> {
        match key {
            "p" => self.period = Some(value.to_owned()),
            "i" => self.interval = self.noticed(key, value, Interval::named(value)),
            "c" => self.comparison = self.noticed(key, value, comparison(value)).unwrap_or_default(),
            "cw" => self.by_date = value == "date",
            "m" => self.metric = self.noticed(key, value, Metric::named(value)),
            "q" => self.search = value.to_lowercase(),
            "sort" => self.sort = self.noticed(key, value, sort(value)),
            "limit" => {
                self.limit = self.noticed(key, value, value.parse().ok()).map(|n: usize| n.clamp(1, ROWS_MAX))
            }
            "offset" => self.offset = self.noticed(key, value, value.parse().ok()).unwrap_or(0),
            "format" => self.csv = value == "csv",
            "dimension" => {
                let named = Dimension::named(value);
                self.dimension = Some(named.ok_or_else(|| format!("unknown dimension \"{value}\""))?);
            }
            _ => return self.filter(key, value, site),
        }
        Ok(())
    }

    fn noticed<T>(&mut self, key: &str, value: &str, read: Option<T>) -> Option<T> {
        if read.is_none() {
            let value: String = value.chars().take(40).collect();
            self.notices.push(format!("unknown value \"{value}\" for {key}"));
        }
        read
    }

    /// Keys that are no filter (of the dashboard's own state, or of newer versions) are ignored.
    fn filter(&mut self, key: &str, value: &str, site: &Site) -> Result<(), String> {
        let Some(dimension) = Dimension::named(key).filter(Dimension::filters) else { return Ok(()) };
        let (operator, value) = operator(value, &dimension);
        if value.is_empty() {
            self.notices.push(format!("empty value for {key}"));
            return Ok(());
        }
        if value.len() > VALUE_MAX {
            return Err(format!("a value of {key} is longer than {VALUE_MAX} bytes"));
        }
        let value = labelled(value, &dimension, operator, site);
        match self.filters.iter_mut().find(|one| one.dimension == dimension && one.operator == operator) {
            Some(filter) => filter.values.push(value),
            None => self.filters.push(Filter { dimension, operator, values: vec![value] }),
        }
        match self.filters.iter().map(|one| one.values.len()).sum::<usize>() {
            n if n > VALUES_MAX => Err(format!("more than {VALUES_MAX} filter values")),
            _ => Ok(()),
        }
    }
}

fn comparison(value: &str) -> Option<Comparison> {
    match value {
        "none" | "" => Some(Comparison::None),
        "prev" => Some(Comparison::Previous),
        "year" => Some(Comparison::YearBefore),
        other => {
            let (first, last) = other.split_once("..")?;
            let range = Range::new(Day::parse(first)?, Day::parse(last)?);
            (!range.is_empty() && range.len() <= super::range::DAYS_MAX).then_some(Comparison::Custom(range))
        }
    }
}

fn sort(value: &str) -> Option<(SortBy, bool)> {
    let (descending, key) = value.strip_prefix('-').map_or((false, value), |key| (true, key));
    // The dashboard's `rate` is the rate of the moment.
    let key = if key == "rate" { "event_rate" } else { key };
    match key {
        "name" => Some((SortBy::Name, descending)),
        key => Metric::named(key).map(|metric| (SortBy::Metric(metric), descending)),
    }
}

/// `v` is, `!v` is not, `~v` contains, `!~v` contains not, `^v` starts with, `=v` literally v; `*` in a plain
/// value stands for any characters.
fn operator<'a>(value: &'a str, dimension: &Dimension) -> (Operator, &'a str) {
    let wild = |text: &str| text.contains('*') && *dimension != Dimension::Section && text != "*";
    if let Some(rest) = value.strip_prefix("!~") {
        return (Operator::ContainsNot, rest);
    }
    match value.chars().next() {
        Some('=') => (Operator::Is, &value[1..]),
        Some('~') => (Operator::Contains, &value[1..]),
        Some('^') => (Operator::Prefix, &value[1..]),
        Some('!') if wild(&value[1..]) => (Operator::MatchesNot, &value[1..]),
        Some('!') => (Operator::IsNot, value[1..].strip_prefix('=').unwrap_or(&value[1..])),
        _ if wild(value) => (Operator::Matches, value),
        _ => (Operator::Is, value),
    }
}

/// A page given by its path alone is one of the site's first host.
fn labelled(value: &str, dimension: &Dimension, operator: Operator, site: &Site) -> Text {
    let of_page = matches!(dimension, Dimension::Page | Dimension::EntryPage | Dimension::ExitPage);
    let whole = !matches!(operator, Operator::Contains | Operator::ContainsNot);
    match of_page && whole && value.starts_with('/') {
        true => format!("{}{value}", site.main_host()).into(),
        false => value.into(),
    }
}

/// Pages that follow are outside of what a lock leaves.
const FLOW_LOCKED: Refusal = "which pages follow is not told beside a locked filter";

/// What a dimension's rows are refused for, the site's settings included.
pub fn refusal(dimension: &Dimension, plan: &Plan, site: &Site) -> Option<Refusal> {
    if plan.locked > 0 && *dimension == Dimension::Flow {
        return Some(FLOW_LOCKED);
    }
    match dimension.is_kept(&site.kept) {
        true => plan.scope.answers(dimension).err(),
        false => Some(crate::domain::plan::NOT_COLLECTED),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::site;

    fn parsed(query: &str) -> Result<Plan, String> {
        let site = site();
        let now = site.zone.start_of(Day::parse("2026-11-22").unwrap()) + 14 * 3_600_000 + 1;
        parse(query, &[], &site, &Today::at(&site.zone, now), None)
    }

    #[track_caller]
    fn filters(query: &str, expected: &[(&str, Operator, &[&str])]) {
        let plan = parsed(query).unwrap();
        let found: Vec<(String, Operator, Vec<String>)> = plan
            .filters
            .iter()
            .map(|one| {
                (one.dimension.key(), one.operator, one.values.iter().map(|v| v.to_string()).collect())
            })
            .collect();
        let expected: Vec<_> = expected
            .iter()
            .map(|(key, operator, values)| {
                (key.to_string(), *operator, values.iter().map(|v| v.to_string()).collect::<Vec<_>>())
            })
            .collect();
        assert_eq!(found, expected, "{query}");
    }

    #[test]
    fn filters_are_read() {
        use Operator::*;
        filters("source=Hacker+News&source=x%20y", &[("source", Is, &["Hacker News", "x y"])]);
        filters(
            "source=!a&source=~b&source=!~c&source=^d",
            &[
                ("source", IsNot, &["a"]),
                ("source", Contains, &["b"]),
                ("source", ContainsNot, &["c"]),
                ("source", Prefix, &["d"]),
            ],
        );
        filters("page==/a*b", &[("page", Is, &["example.com/a*b"])]);
        filters("page=/blog/*", &[("page", Matches, &["example.com/blog/*"])]);
        filters(
            "entry=/x&campaign=y",
            &[("entry_page", Is, &["example.com/x"]), ("utm_campaign", Is, &["y"])],
        );
        filters("section=/blog/*", &[("section", Is, &["/blog/*"])]);
        filters("tab=x&theme=dark&unknown=1", &[]);
        filters("event=sign+up&prop.plan=pro", &[("event", Is, &["sign up"]), ("prop.plan", Is, &["pro"])]);
    }

    #[test]
    fn bad_values_are_named() {
        assert_eq!(
            parsed("m=nothing&i=century").unwrap().notices,
            ["unknown value \"nothing\" for m", "unknown value \"century\" for i"]
        );
        assert_eq!(parsed("p=soon").unwrap_err(), "unknown period \"soon\"");
        assert_eq!(parsed("country=EE&browser=x").unwrap_err(), crate::domain::plan::ONE_FAMILY);
        assert!(parsed("p=7d&i=hour&country=EE").unwrap().notices[0].starts_with("hours are not stored"));
        assert_eq!(parsed("p=today").unwrap().interval, Interval::Hour);
        assert_eq!(parsed("p=today&country=EE").unwrap().interval, Interval::Day);
    }
}
