//! Ranges of site-days: what `p`, `i` and `c` of the query string mean, always in the site's zone.

use jiff::{ToSpan, civil::Date};

use crate::domain::day::{Day, Hour, UnixMs, Zone};

/// The longest range that is read, in days.
pub const DAYS_MAX: i32 = 3_700;
/// The longest range that is shown by the hour, in days.
pub const HOURLY_DAYS_MAX: i32 = 31;

/// Days from first to last, inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    pub first: Day,
    pub last: Day,
}

impl Range {
    pub fn new(first: Day, last: Day) -> Range {
        Range { first, last }
    }

    /// How many days.
    pub fn len(&self) -> i32 {
        self.last.0 - self.first.0 + 1
    }

    pub fn is_empty(&self) -> bool {
        self.len() <= 0
    }

    pub fn holds(&self, day: Day) -> bool {
        self.first <= day && day <= self.last
    }

    pub fn days(&self) -> impl Iterator<Item = Day> + use<> {
        (self.first.0..=self.last.0).map(Day)
    }

    fn shifted(&self, days: i32) -> Range {
        Range { first: self.first.plus(days), last: self.last.plus(days) }
    }

    /// `26 Oct – 22 Nov 2026`.
    pub fn words(&self) -> String {
        let (a, b) = (self.first.date(), self.last.date());
        let whole = |date: Date| date.strftime("%-d %b %Y").to_string();
        match () {
            () if a == b => whole(a),
            () if (a.year(), a.month()) == (b.year(), b.month()) => format!("{} – {}", a.day(), whole(b)),
            () if a.year() == b.year() => format!("{} – {}", a.strftime("%-d %b"), whole(b)),
            () => format!("{} – {}", whole(a), whole(b)),
        }
    }
}

/// Now, as the site's clock shows it.
#[derive(Clone, Debug)]
pub struct Today {
    pub day: Day,
    /// The hour that is running; what came before it today is complete.
    pub hour: Hour,
    pub now: UnixMs,
}

impl Today {
    /// By the zone alone.
    pub fn at(zone: &Zone, now: UnixMs) -> Today {
        Today::on(zone, zone.day_at(now), now)
    }

    /// The site-day that takes the hits of `now`, which begins before its date in the night in which a site's zone
    /// moves west: its first hour runs then.
    pub fn on(zone: &Zone, day: Day, now: UnixMs) -> Today {
        Today { day, hour: zone.calendar(day).moment(now).hour, now }
    }
}

/// Reads `p`. `extent` is the first day of which anything is known.
///
/// # Errors
/// Words for people.
pub fn range(p: &str, today: Day, extent: Option<Day>) -> Result<Range, String> {
    let date = today.date();
    let month_first = date.first_of_month();
    let found = match p {
        "today" | "day" | "live" => Range::new(today, today),
        "yesterday" => Range::new(today.plus(-1), today.plus(-1)),
        "month" => Range::new(Day::of(month_first), today),
        "last_month" => {
            let last = month_first.saturating_sub(1.day());
            Range::new(Day::of(last.first_of_month()), Day::of(last))
        }
        "year" => Range::new(Day::of(date.first_of_year()), today),
        "12mo" => Range::new(Day::of(date.saturating_sub(1.year())).plus(1), today),
        "all" => Range::new(extent.unwrap_or(today).min(today), today),
        other => parsed(other, today).ok_or_else(|| format!("unknown period \"{other}\""))?,
    };
    // What has not happened yet is not asked for.
    let found = if found.first <= today { Range::new(found.first, found.last.min(today)) } else { found };
    match found.len() {
        ..=0 => Err(format!("the period \"{p}\" ends before it begins")),
        n if n > DAYS_MAX => Err(format!("the period \"{p}\" is longer than {DAYS_MAX} days")),
        _ => Ok(found),
    }
}

fn parsed(p: &str, today: Day) -> Option<Range> {
    if let Some(days) = p.strip_suffix('d').and_then(|n| n.parse::<i32>().ok()) {
        return (1..=DAYS_MAX).contains(&days).then(|| Range::new(today.plus(1 - days), today));
    }
    match p.split_once("..") {
        Some((first, last)) => Some(Range::new(Day::parse(first)?, Day::parse(last)?)),
        None => Day::parse(p).map(|day| Range::new(day, day)),
    }
}

/// How the chart is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interval {
    Hour,
    Day,
    Week,
    Month,
}

impl Interval {
    pub const fn name(self) -> &'static str {
        match self {
            Interval::Hour => "hour",
            Interval::Day => "day",
            Interval::Week => "week",
            Interval::Month => "month",
        }
    }

    pub fn named(name: &str) -> Option<Interval> {
        [Interval::Hour, Interval::Day, Interval::Week, Interval::Month]
            .into_iter()
            .find(|one| one.name() == name)
    }
}

/// What the range is held against.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Comparison {
    #[default]
    None,
    Previous,
    YearBefore,
    Custom(Range),
}

/// The range to compare with. By weekday, it is shifted by whole weeks.
pub fn compared(range: Range, comparison: Comparison, by_date: bool) -> Option<Range> {
    match comparison {
        Comparison::None => None,
        Comparison::Custom(other) => Some(other),
        Comparison::Previous if by_date => Some(range.shifted(-range.len())),
        Comparison::Previous => Some(range.shifted(-((range.len() + 6) / 7 * 7))),
        Comparison::YearBefore if by_date => {
            let before = |day: Day| Day::of(day.date().saturating_sub(1.year()));
            Some(Range::new(before(range.first), before(range.last)))
        }
        Comparison::YearBefore => Some(range.shifted(-364)),
    }
}

/// One bar or point of the chart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// `2026-10-26` (its first day in the range) or `2026-10-26T14`.
    pub at: String,
    pub first: Day,
    pub last: Day,
    pub hour: Option<Hour>,
}

/// The buckets of a range, in order and without gaps. Weeks start on Monday.
pub fn buckets(range: Range, interval: Interval, zone: &Zone) -> Vec<Bucket> {
    if interval == Interval::Hour {
        return range.days().flat_map(|day| hours(day, zone)).collect();
    }
    let start = |day: Day| match interval {
        Interval::Week => day.plus(-i32::from(day.date().weekday().to_monday_zero_offset())),
        Interval::Month => Day::of(day.date().first_of_month()),
        _ => day,
    };
    let mut out: Vec<(Day, Bucket)> = Vec::new();
    for day in range.days() {
        match out.last_mut().filter(|(began, _)| *began == start(day)) {
            Some((_, bucket)) => bucket.last = day,
            None => out.push((start(day), Bucket { at: day.to_string(), first: day, last: day, hour: None })),
        }
    }
    out.into_iter().map(|(_, bucket)| bucket).collect()
}

fn hours(day: Day, zone: &Zone) -> Vec<Bucket> {
    // An hour that comes back (a clock set back over an hour's edge) is one bucket: its rows are one.
    let mut hours: Vec<Hour> = zone.calendar(day).hours().collect();
    hours.sort_unstable();
    hours.dedup();
    let bucket =
        |hour: Hour| Bucket { at: format!("{day}T{:02}", hour.0), first: day, last: day, hour: Some(hour) };
    hours.into_iter().map(bucket).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        Day::parse(text).unwrap()
    }

    #[track_caller]
    fn check(p: &str, expected: &str) {
        let found = range(p, day("2026-11-22"), Some(day("2026-01-15")));
        assert_eq!(found.map_or_else(|error| error, |one| format!("{}..{}", one.first, one.last)), expected);
    }

    #[test]
    fn periods_end_today() {
        check("today", "2026-11-22..2026-11-22");
        check("7d", "2026-11-16..2026-11-22");
        check("28d", "2026-10-26..2026-11-22");
        check("yesterday", "2026-11-21..2026-11-21");
        check("month", "2026-11-01..2026-11-22");
        check("last_month", "2026-10-01..2026-10-31");
        check("year", "2026-01-01..2026-11-22");
        check("12mo", "2025-11-23..2026-11-22");
        check("all", "2026-01-15..2026-11-22");
        check("2026-10-01..2026-10-31", "2026-10-01..2026-10-31");
        check("2026-10-02", "2026-10-02..2026-10-02");
        check("2026-10-02..2026-10-01", "the period \"2026-10-02..2026-10-01\" ends before it begins");
        check("2026-11-20..2026-12-31", "2026-11-20..2026-11-22");
        check("0d", "unknown period \"0d\"");
        check("soon", "unknown period \"soon\"");
    }

    #[track_caller]
    fn shifts(p: &str, comparison: Comparison, by_date: bool, expected: &str) {
        let range = range(p, day("2026-11-22"), None).unwrap();
        let found = compared(range, comparison, by_date).unwrap();
        assert_eq!(format!("{}..{}", found.first, found.last), expected, "{p}");
        if !by_date {
            assert_eq!(found.first.date().weekday(), range.first.date().weekday());
        }
    }

    #[test]
    fn comparisons_match_the_weekday_unless_asked_by_date() {
        shifts("28d", Comparison::Previous, false, "2026-09-28..2026-10-25");
        shifts("30d", Comparison::Previous, false, "2026-09-19..2026-10-18");
        shifts("30d", Comparison::Previous, true, "2026-09-24..2026-10-23");
        shifts("today", Comparison::Previous, false, "2026-11-15..2026-11-15");
        shifts("today", Comparison::Previous, true, "2026-11-21..2026-11-21");
        shifts("today", Comparison::YearBefore, false, "2025-11-23..2025-11-23");
        shifts("today", Comparison::YearBefore, true, "2025-11-22..2025-11-22");
    }

    #[track_caller]
    fn cut(first: &str, last: &str, interval: Interval, count: usize, second: &str) {
        let made =
            buckets(Range::new(day(first), day(last)), interval, &Zone::named("Europe/Tallinn").unwrap());
        assert_eq!((made.len(), made[1].at.as_str()), (count, second));
    }

    #[test]
    fn buckets_follow_the_calendar() {
        cut("2026-10-26", "2026-11-22", Interval::Day, 28, "2026-10-27");
        cut("2026-10-28", "2026-11-22", Interval::Week, 4, "2026-11-02");
        cut("2026-10-28", "2026-11-22", Interval::Month, 2, "2026-11-01");
        cut("2026-11-22", "2026-11-22", Interval::Hour, 24, "2026-11-22T01");
        // The clock goes forward at 03:00 and back at 04:00: no hour 3, and one hour 3 of two hours.
        cut("2026-03-29", "2026-03-29", Interval::Hour, 23, "2026-03-29T01");
        cut("2026-10-25", "2026-10-25", Interval::Hour, 24, "2026-10-25T01");
    }

    #[test]
    fn ranges_have_words() {
        let words = |a, b| Range::new(day(a), day(b)).words();
        assert_eq!(words("2026-10-26", "2026-11-22"), "26 Oct – 22 Nov 2026");
        assert_eq!(words("2026-11-01", "2026-11-22"), "1 – 22 Nov 2026");
        assert_eq!(words("2025-11-23", "2026-11-22"), "23 Nov 2025 – 22 Nov 2026");
        assert_eq!(words("2026-11-22", "2026-11-22"), "22 Nov 2026");
    }
}
