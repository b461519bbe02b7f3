//! All of a site, a few days at a time: as many as have about as many rows as are held at once.

use super::{Store, StoreError};
use crate::domain::{day::Day, declaration::SiteId, row::Release};

/// Days are read together until they have about this many rows.
const ROWS_AT_ONCE: usize = 100_000;
/// Most days that are read together.
const WINDOW_DAYS_MAX: i32 = 31;

/// All releases of a site, in parts of whole days; the first part is of one day. After an error nothing follows.
pub fn windows(from: &dyn Store, site: SiteId) -> impl Iterator<Item = Result<Vec<Release>, StoreError>> {
    windows_since(from, site, Day(i32::MIN / 2))
}

/// The same of the days from `since` on.
pub fn windows_since(
    from: &dyn Store,
    site: SiteId,
    since: Day,
) -> impl Iterator<Item = Result<Vec<Release>, StoreError>> {
    const NOTHING: (Day, Day) = (Day(1), Day(0));
    let extent = from.extent(site).map(|extent| extent.unwrap_or(NOTHING));
    let mut left = extent.map(|(first, last)| (first.max(since), last));
    let mut days = 1;
    std::iter::from_fn(move || {
        let (first, last) = match std::mem::replace(&mut left, Ok(NOTHING)) {
            Ok(days) => days,
            Err(error) => return Some(Err(error)),
        };
        if first > last {
            return None;
        }
        let end = last.min(first.plus(days - 1));
        let part = from.releases(site, first, end);
        if let Ok(part) = &part {
            days = next_days(days, part.iter().map(|one| one.rows.len()).sum());
            left = Ok((end.plus(1), last));
        }
        Some(part)
    })
}

/// How many days to read next, after so many had so many rows.
pub fn next_days(days: i32, rows: usize) -> i32 {
    let fit = (ROWS_AT_ONCE as u64 * days as u64 / (rows as u64).max(1)).min(WINDOW_DAYS_MAX as u64) as i32;
    // One quiet day says little about the next.
    fit.clamp(1, days * 4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::row::ReleaseId,
        store::duckdb::{DuckStore, Limits},
    };

    #[test]
    fn days_are_read_together_while_their_rows_fit() {
        for (days, rows, expected) in [
            (1, 0, 4),
            (4, 0, 16),
            (16, 10, 31),
            (31, 5_000_000, 1),
            (10, 100_000, 10),
            (10, 200_000, 5),
            (1, usize::MAX, 1),
        ] {
            assert_eq!(next_days(days, rows), expected, "{days} days with {rows} rows");
        }
    }

    #[test]
    fn all_days_come_once_in_windows_that_grow() {
        let store = DuckStore::in_memory(&Limits { memory_mb: 128, threads: 1 }).unwrap();
        let site = SiteId(3);
        let days: Vec<Day> = (20_000..20_060).map(Day).collect();
        for &day in &days {
            let id = ReleaseId { site, day, node: 0, number: 1 };
            store.insert(&Release { id, rows: Vec::new(), close: None }).unwrap();
        }
        let parts: Vec<Vec<Release>> = windows(&store, site).map(Result::unwrap).collect();
        let sizes: Vec<usize> = parts.iter().map(Vec::len).collect();
        assert_eq!(sizes, [1, 4, 16, 31, 8]);
        assert!(parts.iter().flatten().map(|one| one.id.day).eq(days));
        assert_eq!(windows(&store, SiteId(4)).count(), 0);
    }
}
