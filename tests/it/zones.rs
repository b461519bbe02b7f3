//! Every time zone, day by day: days tile time, and begin when data from outside says.

use std::collections::BTreeMap;

use mayfly::domain::day::{Calendar, Day, UnixMs, Zone};

/// Checksums made by `tests/data/zones.py`, which shares nothing with the program (`data/SOURCES.md`).
const OUTSIDE: &str = include_str!("../data/zones.txt");
const DECADES: [(&str, &str); 7] = [
    ("1970-01-01", "1979-12-31"),
    ("1980-01-01", "1989-12-31"),
    ("1990-01-01", "1999-12-31"),
    ("2000-01-01", "2009-12-31"),
    ("2010-01-01", "2019-12-31"),
    ("2020-01-01", "2029-12-31"),
    ("2030-01-01", "2037-12-31"),
];
const HOUR: i64 = 3_600_000;

fn day(text: &str) -> Day {
    Day::parse(text).unwrap()
}

/// Each zone's name with its checksums.
pub fn outside() -> BTreeMap<&'static str, Vec<u32>> {
    let line = |line: &'static str| {
        let words: Vec<&str> = line.split(' ').collect();
        let (sums, names) = words.split_at(DECADES.len());
        let sums: Vec<u32> = sums.iter().map(|sum| u32::from_str_radix(sum, 16).unwrap()).collect();
        names.iter().map(|&name| (name, sums.clone())).collect::<Vec<_>>()
    };
    OUTSIDE.lines().flat_map(line).collect()
}

fn checksum(starts: &[UnixMs]) -> u32 {
    let seconds = starts.iter().flat_map(|start| (start / 1_000).to_le_bytes());
    crc32fast::hash(&seconds.collect::<Vec<u8>>())
}

/// All that holds within one day.
fn check_day(name: &str, zone: &Zone, calendar: &Calendar, next: UnixMs) {
    let Calendar { day, starts, ends, .. } = *calendar;
    let what = || format!("{name} {day}");
    assert_eq!(ends, next, "{}: it ends as the next begins", what());
    assert!(starts <= ends, "{}", what());
    let hours: Vec<_> = calendar.hours().collect();
    assert!(hours.iter().all(|hour| hour.0 <= 23), "{}", what());
    if starts == ends {
        assert_eq!(hours, [], "{}: a date that is skipped", what());
        return;
    }
    assert!(zone.day_at(starts - 1) < day, "{}: the instant before is of an earlier day", what());
    let mut last = calendar.moment(starts);
    let mut at = starts;
    while at < ends {
        for at in [at, (at + 1_799_999).min(ends - 1)] {
            assert_eq!(zone.day_at(at), day, "{}: each instant is of one day", what());
            assert!(calendar.holds(at));
            let moment = calendar.moment(at);
            assert_eq!(i64::from(moment.second), (at - starts) / 1_000, "{}", what());
            assert!(moment.stretch >= last.stretch, "{}", what());
            assert_eq!(hours[moment.stretch as usize], moment.hour, "{}", what());
            assert!(moment.stretch == last.stretch || moment.hour != last.hour, "{}", what());
            assert!((starts..=at).contains(&calendar.stretch_start(at)), "{}", what());
            last = moment;
        }
        at += HOUR / 2;
    }
    assert_eq!(last.stretch as usize, hours.len() - 1, "{}: every hour was met", what());
}

/// Looked at inside are the days around each change of the clock; in the long form (`CLOCKS`) every seventh besides,
/// another one in each zone.
#[test]
#[allow(clippy::print_stdout, reason = "the figures of the long form")]
fn days_tile_time_in_every_zone_and_begin_when_data_from_outside_says() {
    let more = std::env::var_os("CLOCKS").is_some();
    let (mut zones, mut days, mut looked, mut odd) = (0_u64, 0_u64, 0_u64, 0_u64);
    let mut seen: BTreeMap<Vec<u32>, &str> = BTreeMap::new();
    for (name, expected) in outside() {
        let zone = Zone::named(name).unwrap_or_else(|| panic!("no zone {name}"));
        zones += 1;
        let starts: Vec<UnixMs> = (0..=day(DECADES[6].1).0 + 1).map(|day| zone.start_of(Day(day))).collect();
        for ((first, last), expected) in DECADES.iter().zip(&expected) {
            let found = checksum(&starts[day(first).0 as usize..=day(last).0 as usize]);
            assert_eq!(found, *expected, "{name}, {first} to {last}: days begin otherwise");
        }
        // Zones that agree on every day's first instant are looked at once.
        if seen.insert(expected, name).is_some() {
            continue;
        }
        for (at, pair) in starts.windows(2).enumerate() {
            days += 1;
            assert!(pair[0] <= pair[1], "{name}");
            let is_odd = |at: usize| starts.get(at + 1).is_some_and(|next| next - starts[at] != 24 * HOUR);
            odd += u64::from(is_odd(at));
            if more && (at as u64 + zones).is_multiple_of(7) || (at.saturating_sub(1)..=at + 1).any(is_odd) {
                looked += 1;
                check_day(name, &zone, &zone.calendar(Day(at as i32)), pair[1]);
            }
        }
    }
    assert!(zones > 590 && odd > 15_000, "{zones} zones, {odd} days of another length");
    println!(
        "{zones} zones as data from outside has them; {days} days tile time, {odd} of them not of 24 hours; {looked} looked at inside"
    );
}
