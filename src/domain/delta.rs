//! Deltas: what one hit changes, as the journal keeps it. Numbers of names instead of texts, no visitor, no
//! time finer than the hour.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use smallvec::SmallVec;

use super::{
    counters::{Counter, Counters},
    currency::MINOR_UNITS_MAX,
    day::Hour,
    names::Define,
    outcome::{Note, Outcome},
};

/// What one hit changes. Applying an open day's deltas in order gives its cells.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delta {
    /// Stretch and wall-clock hour of the day in which it was counted.
    pub(super) stretch: u8,
    pub(super) hour: u8,
    /// Names used for the first time.
    pub(super) define: Vec<Define>,
    /// Labels that the changes are counted under.
    pub(super) who: Who,
    pub(super) changes: SmallVec<[Change; 3]>,
    pub(super) events: SmallVec<[EventChange; 1]>,
    pub(super) flow: Option<Flow>,
    /// (funnel, step from 1) reached.
    pub(super) funnels: SmallVec<[(u32, u8); 1]>,
    pub(super) outcome: Option<(Outcome, u64)>,
    pub(super) notes: SmallVec<[(Note, u64); 2]>,
}

/// Numbers of the labels of the four attribute families.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Who {
    pub visit: u32,
    pub place: u32,
    pub device: u32,
    pub language: u32,
}

/// What is added to one page cell, and to those of its labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    pub hour: u8,
    pub page: u32,
    /// What place and device count the page as. Where `page` is a section: itself if it is the group and meets a
    /// visitor or a visit for the first time, else 0.
    pub group: u32,
    pub amounts: Amounts,
}

/// A page cell's counters, small; on the wire a mask and what is not zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amounts(pub [i32; Counter::COUNT]);

/// What is added to one event cell at a page and in its sections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventChange {
    pub hour: u8,
    pub event: u32,
    pub spot: u32,
    pub first_of_visitor: bool,
    pub first_of_visit: bool,
    pub value: i64,
}

/// One transition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flow {
    pub from: u32,
    pub to: u32,
    /// Whether this visitor-day takes it for the first time.
    pub first_of_visitor: bool,
}

/// Most hits or notes of one delta: far above what one can stand for, and a day of such deltas still adds up.
const AT_ONCE_MAX: u64 = 1 << 40;
/// A day has fewer stretches of one wall-clock hour.
const STRETCHES_END: u8 = 32;

impl Delta {
    /// Whether a hit could have made this. What could not must not be added up: sums of it need not fit.
    pub(super) fn is_possible(&self) -> bool {
        let hour = |hour: u8| hour < 24;
        self.stretch < STRETCHES_END
            && hour(self.hour)
            && self.changes.iter().all(|change| hour(change.hour))
            && self.events.iter().all(|event| hour(event.hour))
            && self.events.iter().all(|event| event.value.unsigned_abs() <= MINOR_UNITS_MAX as u64)
            && self.outcome.is_none_or(|(_, n)| n <= AT_ONCE_MAX)
            && self.notes.iter().all(|&(_, n)| n <= AT_ONCE_MAX)
    }

    /// Stretch and hour in which it was counted.
    pub fn when(&self) -> (u8, Hour) {
        (self.stretch, Hour(self.hour))
    }

    /// What became of the hit.
    pub fn outcome(&self) -> Option<Outcome> {
        self.outcome.map(|(outcome, _)| outcome)
    }

    pub(super) fn note(&mut self, note: Note, n: u64) {
        self.notes.push((note, n));
    }

    /// Adds to a cell.
    pub(super) fn add(&mut self, hour: u8, page: u32, group: u32, counter: Counter, n: i32) {
        if n == 0 {
            return;
        }
        let same = |one: &&mut Change| one.page == page && one.hour == hour && one.group == group;
        if let Some(change) = self.changes.iter_mut().find(same) {
            change.amounts.0[counter as usize] += n;
            return;
        }
        let mut amounts = Amounts::default();
        amounts.0[counter as usize] = n;
        self.changes.push(Change { hour, page, group, amounts });
    }
}

impl Amounts {
    pub fn counters(&self) -> Counters {
        Counters(self.0.map(i64::from))
    }

    pub fn get(&self, counter: Counter) -> i64 {
        i64::from(self.0[counter as usize])
    }
}

/// The mask of counters that are not zero, then each of them.
impl Serialize for Amounts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut mask = 0u16;
        let mut amounts: SmallVec<[i32; Counter::COUNT]> = SmallVec::new();
        for (at, &n) in self.0.iter().enumerate().filter(|&(_, &n)| n != 0) {
            mask |= 1 << at;
            amounts.push(n);
        }
        (mask, amounts).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Amounts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Amounts, D::Error> {
        let (mask, amounts) = <(u16, SmallVec<[i32; Counter::COUNT]>)>::deserialize(deserializer)?;
        let mut amounts = amounts.into_iter();
        let mut all = Amounts::default();
        for at in 0..Counter::COUNT {
            if mask & 1 << at != 0 {
                all.0[at] = amounts.next().ok_or_else(|| D::Error::custom("fewer amounts than the mask"))?;
            }
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_hit_can_do_is_no_delta() {
        let event = EventChange { hour: 23, value: MINOR_UNITS_MAX, ..EventChange::default() };
        let outcome = Some((Outcome::Accepted, AT_ONCE_MAX));
        let most = Delta { stretch: 31, hour: 23, events: [event].into(), outcome, ..Delta::default() };
        assert!(most.is_possible());
        let late = Change { hour: 24, page: 0, group: 0, amounts: Amounts::default() };
        let dear = EventChange { value: i64::MIN, ..event };
        for beyond in [
            Delta { stretch: STRETCHES_END, ..most.clone() },
            Delta { hour: 24, ..most.clone() },
            Delta { changes: [late].into_iter().collect(), ..most.clone() },
            Delta { events: [dear].into(), ..most.clone() },
            Delta { events: [EventChange { hour: 24, ..event }].into(), ..most.clone() },
            Delta { outcome: Some((Outcome::Bot, AT_ONCE_MAX + 1)), ..most.clone() },
            Delta { notes: [(Note::PathCapped, u64::MAX)].into_iter().collect(), ..most.clone() },
        ] {
            assert!(!beyond.is_possible(), "{beyond:?}");
        }
    }
}
