//! Site-days: local dates, wall-clock hours and the instants between which a day lies.

use std::fmt;

use jiff::{
    Timestamp, ToSpan,
    civil::{Date, Time},
    tz::{AmbiguousOffset, TimeZone},
};
use serde::{Deserialize, Serialize};

/// A local calendar date of a site, as days since 1970-01-01. Displays as `2026-11-22`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Day(pub i32);

/// A wall-clock hour of a site-day, 0..=23.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Hour(pub u8);

/// Milliseconds since the Unix epoch.
pub type UnixMs = i64;

const EPOCH: Date = Date::constant(1970, 1, 1);
const HOUR_MS: i64 = 3_600_000;
/// The instants between which jiff knows the calendar.
const FIRST: UnixMs = -377_705_023_201_000;
const LAST: UnixMs = 253_402_207_200_999;

impl Day {
    /// The date of this day. Days outside jiff's range saturate at its ends.
    pub fn date(self) -> Date {
        EPOCH.saturating_add(i64::from(self.0).days())
    }

    /// The day of a date.
    pub fn of(date: Date) -> Day {
        Day((date - EPOCH).get_days())
    }

    /// The day `n` days later (earlier when negative).
    pub fn plus(self, n: i32) -> Day {
        Day(self.0.saturating_add(n))
    }

    /// Parses `YYYY-MM-DD`.
    pub fn parse(text: &str) -> Option<Day> {
        let date: Date = text.parse().ok()?;
        (text.len() == 10).then(|| Day::of(date))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.date())
    }
}

impl fmt::Debug for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.date())
    }
}

/// A site's IANA time zone.
#[derive(Clone, PartialEq, Eq)]
pub struct Zone(TimeZone);

impl Zone {
    /// Looks a zone up by its IANA name; `None` if the bundled database has no such zone.
    pub fn named(name: &str) -> Option<Zone> {
        TimeZone::get(name).ok().map(Zone)
    }

    /// Coordinated universal time.
    pub fn utc() -> Zone {
        Zone(TimeZone::UTC)
    }

    /// The IANA name.
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// The site-day in which an instant lies.
    pub fn day_at(&self, at: UnixMs) -> Day {
        let day = Day::of(timestamp(at).to_zoned(self.0.clone()).date());
        // Where the clock is set back over midnight, it shows a date again whose next day has begun.
        let next = day.plus(1);
        if self.start_of(next) <= at { next } else { day }
    }

    /// The first instant of a local date, in ms since the epoch. A date that the zone skips starts (and ends) with
    /// the one after it; days outside jiff's range start at its ends.
    pub fn start_of(&self, day: Day) -> UnixMs {
        let midnight = self.0.to_ambiguous_timestamp(day.date().to_datetime(Time::midnight()));
        let skipped = matches!(midnight.offset(), AmbiguousOffset::Gap { .. });
        let Ok(at) = midnight.compatible() else { return if day.0 < 0 { FIRST } else { LAST } };
        // Without a midnight, the day starts with the jump over it, whatever the clock shows then.
        let jump = skipped.then(|| self.0.preceding(at.saturating_add(1.nanosecond()).unwrap_or(at)).next());
        jump.flatten().map_or(at, |jump| jump.timestamp()).as_millisecond()
    }

    /// The next instant after `at` at which the clock may show another hour.
    fn next_hour(&self, at: UnixMs) -> UnixMs {
        let from = timestamp(at);
        let shown = from.to_zoned(self.0.clone()).time();
        let into = i64::from(shown.minute()) * 60_000 + i64::from(shown.second()) * 1_000;
        let ends = at + HOUR_MS - into - i64::from(shown.millisecond());
        let jump = self.0.following(from).next().map(|jump| jump.timestamp().as_millisecond());
        jump.filter(|&jump| jump > at).map_or(ends, |jump| ends.min(jump))
    }

    /// Whether a wall-clock hour of a day lasts longer than an hour, because the clock is set back in it.
    pub fn happens_twice(&self, day: Day, hour: Hour) -> bool {
        self.start_of(day.plus(1)) - self.start_of(day) > 24 * HOUR_MS
            && self.calendar(day).lasts_ms(hour) > HOUR_MS
    }

    /// The instants and hours of one day, made once so that a hit needs no calendar arithmetic.
    pub fn calendar(&self, day: Day) -> Calendar {
        let (starts, ends) = (self.start_of(day), self.start_of(day.plus(1)));
        let mut hours: Vec<(UnixMs, Hour)> = Vec::with_capacity(26);
        let mut at = starts;
        while at < ends {
            let hour = Hour(timestamp(at).to_zoned(self.0.clone()).hour() as u8);
            if hours.last().is_none_or(|&(_, last)| last != hour) {
                hours.push((at, hour));
            }
            at = self.next_hour(at);
        }
        Calendar { day, starts, ends, hours }
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

fn timestamp(at: UnixMs) -> Timestamp {
    Timestamp::from_millisecond(at.clamp(FIRST, LAST)).unwrap_or(Timestamp::MAX)
}

/// One site-day's instants: when it starts and ends, and at which instants its wall-clock hour changes.
#[derive(Clone, Debug)]
pub struct Calendar {
    pub day: Day,
    /// First instant of the day.
    pub starts: UnixMs,
    /// First instant of the next day.
    pub ends: UnixMs,
    hours: Vec<(UnixMs, Hour)>,
}

/// When a hit arrived, in terms of its site-day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Wall-clock hour.
    pub hour: Hour,
    /// Seconds since the day's first instant (real seconds: a day of 25 hours has 90,000).
    pub second: u32,
    /// Which of the day's stretches of one wall-clock hour this is, counted from 0: grows through the day
    /// even where the clock is set back.
    pub stretch: u8,
}

impl Calendar {
    /// Whether an instant lies in this day.
    pub fn holds(&self, at: UnixMs) -> bool {
        self.starts <= at && at < self.ends
    }

    /// The same day where it takes hits before its date begins: the zone has moved west, or the clock has gone
    /// back over its midnight. Until its date begins, its first hour runs. `hour`: when that was, in hours since
    /// the epoch.
    pub fn begun_early(mut self, hour: i64) -> Calendar {
        let at = hour.saturating_mul(HOUR_MS);
        if at < self.starts {
            self.starts = at;
            match self.hours.first_mut() {
                Some((from, _)) => *from = at,
                None => self.hours.push((at, Hour(0))),
            }
        }
        self
    }

    /// The moment of an instant; one outside the day is taken as its nearest end.
    pub fn moment(&self, at: UnixMs) -> Moment {
        let at = at.min(self.ends - 1).max(self.starts);
        let stretch = self.hours.partition_point(|&(from, _)| from <= at).saturating_sub(1);
        Moment {
            // A date that the zone skips has no hour.
            hour: self.hours.get(stretch).map_or(Hour(0), |&(_, hour)| hour),
            second: ((at - self.starts) / 1000) as u32,
            stretch: stretch as u8,
        }
    }

    /// The instant at which the stretch of one wall-clock hour that holds `at` began.
    pub fn stretch_start(&self, at: UnixMs) -> UnixMs {
        self.hours.get(self.moment(at).stretch as usize).map_or(self.starts, |&(from, _)| from)
    }

    /// How long the clock shows an hour in this day, in ms: 0 where it is skipped.
    fn lasts_ms(&self, hour: Hour) -> i64 {
        let ends = self.hours.iter().skip(1).map(|&(from, _)| from).chain([self.ends]);
        let stretches = self.hours.iter().zip(ends).filter(|&(&(_, shown), _)| shown == hour);
        stretches.map(|(&(from, _), to)| to - from).sum()
    }

    /// The wall-clock hours of the day in the order in which they pass (23, 24 or 25 of them, mostly).
    pub fn hours(&self) -> impl Iterator<Item = Hour> + '_ {
        self.hours.iter().map(|&(_, hour)| hour)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(zone: &str, day: &str, first_hour: u8, length_h: i64, stretches: usize) {
        let calendar = Zone::named(zone).unwrap().calendar(Day::parse(day).unwrap());
        assert_eq!(calendar.hours().next(), Some(Hour(first_hour)), "first hour");
        assert_eq!((calendar.ends - calendar.starts) / 3_600_000, length_h, "length");
        assert_eq!(calendar.hours().count(), stretches, "stretches");
        assert_eq!(Zone::named(zone).unwrap().day_at(calendar.starts).to_string(), day);
        assert_ne!(Zone::named(zone).unwrap().day_at(calendar.starts - 1).to_string(), day);
        for at in (calendar.starts..calendar.ends).step_by(900_000) {
            assert_eq!(Zone::named(zone).unwrap().day_at(at).to_string(), day, "at {at}");
        }
    }

    #[test]
    fn days_begin_at_the_first_instant_of_their_date() {
        check("UTC", "2026-11-22", 0, 24, 24);
        check("Europe/Tallinn", "2026-03-29", 0, 23, 23);
        // The repeated hour counts into the same row: one stretch of two hours.
        check("Europe/Tallinn", "2026-10-25", 0, 25, 24);
        // Beirut has no 00:00 on the day its clocks go forward.
        check("Asia/Beirut", "2026-03-29", 1, 23, 23);
        // Lord Howe moves by half an hour.
        check("Australia/Lord_Howe", "2026-10-04", 0, 23, 24);
    }

    #[test]
    fn clocks_that_are_set_over_midnight_keep_days_in_one_piece() {
        // Back over midnight: at 00:01 of the 7th the clock shows 23:01 of the 6th again. The 7th goes on.
        check("America/St_Johns", "2010-11-07", 0, 25, 26);
        check("America/St_Johns", "2010-11-06", 0, 24, 24);
        // Back to before midnight from midnight itself: the day before is longer.
        check("America/Sao_Paulo", "2018-02-17", 0, 25, 24);
        check("America/Sao_Paulo", "2018-02-18", 0, 24, 24);
        check("America/Sao_Paulo", "2018-11-04", 1, 23, 23);
        // Forward over midnight, from 23:30 to 00:30.
        check("America/Toronto", "1919-03-31", 0, 23, 24);
        check("America/Toronto", "1919-03-30", 0, 23, 24);
        check("Africa/Cairo", "2026-04-24", 1, 23, 23);
        check("America/Santiago", "2026-09-06", 1, 23, 23);
        check("America/Nuuk", "2024-03-30", 0, 23, 23);
        // An offset in seconds.
        check("Africa/Monrovia", "1972-01-07", 0, 23, 24);
    }

    #[test]
    fn a_date_that_a_zone_skips_is_empty_and_has_a_moment_all_the_same() {
        for (zone, skipped) in [
            ("Pacific/Apia", "2011-12-30"),
            ("Pacific/Kwajalein", "1993-08-21"),
            ("Pacific/Kiritimati", "1994-12-31"),
        ] {
            let (zone, skipped) = (Zone::named(zone).unwrap(), Day::parse(skipped).unwrap());
            let calendar = zone.calendar(skipped);
            assert_eq!((calendar.ends, calendar.hours().count()), (calendar.starts, 0));
            assert_eq!(zone.day_at(calendar.starts), skipped.plus(1));
            assert_eq!(zone.day_at(calendar.starts - 1), skipped.plus(-1));
            let moment = Moment { hour: Hour(0), second: 0, stretch: 0 };
            assert_eq!(
                (calendar.moment(calendar.starts), calendar.stretch_start(0)),
                (moment, calendar.starts)
            );
            let early = calendar.clone().begun_early(calendar.starts / HOUR_MS - 2);
            assert_eq!(early.moment(early.starts + 90 * 60_000).second, 5_400);
        }
    }

    #[test]
    fn instants_beyond_the_calendar_have_a_day_too() {
        for zone in ["UTC", "Pacific/Kiritimati", "Etc/GMT+12"].map(|name| Zone::named(name).unwrap()) {
            for at in [i64::MIN, FIRST - 1, FIRST, LAST, LAST + 1, i64::MAX] {
                let calendar = zone.calendar(zone.day_at(at));
                assert!(calendar.starts <= calendar.ends && calendar.hours().count() <= 25, "{calendar:?}");
                calendar.moment(at);
            }
        }
        assert_eq!(timestamp(FIRST), Timestamp::MIN);
        assert_eq!(timestamp(LAST).as_second(), Timestamp::MAX.as_second());
    }

    #[test]
    fn the_hour_in_which_the_clock_is_set_back_happens_twice() {
        let check = |zone: &str, day: &str, expected: &[u8]| {
            let (zone, day) = (Zone::named(zone).unwrap(), Day::parse(day).unwrap());
            let found: Vec<u8> = (0..24).filter(|&hour| zone.happens_twice(day, Hour(hour))).collect();
            assert_eq!(found, expected, "{zone:?} {day}");
        };
        check("Europe/Tallinn", "2026-10-25", &[3]);
        check("Europe/Tallinn", "2026-10-26", &[]);
        check("Europe/Tallinn", "2026-03-29", &[]);
        check("UTC", "2026-10-25", &[]);
    }

    #[test]
    fn moments_grow_through_a_day_whose_hour_happens_twice() {
        let calendar = Zone::named("Europe/Tallinn").unwrap().calendar(Day::parse("2026-10-25").unwrap());
        let mut last = calendar.moment(calendar.starts);
        assert_eq!(last.second, 0);
        for minute in 1..25 * 60 {
            let moment = calendar.moment(calendar.starts + minute * 60_000);
            assert!(moment.stretch >= last.stretch && moment.second == last.second + 60);
            last = moment;
        }
        assert_eq!(last.hour, Hour(23));
    }

    #[test]
    fn days_read_and_print_as_dates() {
        assert_eq!(Day::parse("2026-11-22").unwrap().plus(9).to_string(), "2026-12-01");
        assert_eq!(Day::parse("2026-2-3"), None);
        assert_eq!(Day::parse("yesterday"), None);
    }
}
