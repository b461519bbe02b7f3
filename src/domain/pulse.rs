//! Who is there: visitors and views by minute, in memory only, for the live count.

/// Minutes that are kept apart: those that are shown.
const MINUTES_MAX: usize = 30;
/// Minutes in which a visitor who was last seen counts as there.
const THERE: u32 = 5;

/// Counts of the last minutes of the day that had a hit.
#[derive(Default)]
pub struct Pulse {
    /// The latest minute that had one.
    latest: u32,
    /// By minute, round and round.
    minutes: [Minute; MINUTES_MAX],
}

#[derive(Clone, Copy, Default)]
struct Minute {
    /// Visitors whose latest hit was in it.
    visitors: u32,
    views: u32,
}

impl Pulse {
    /// A visitor's hit in a second of the day, after one in `previous`.
    pub fn hit(&mut self, second: u32, previous: Option<u32>, viewed: bool) {
        if let Some(minute) = previous.and_then(|previous| self.kept(previous / 60)) {
            minute.visitors = minute.visitors.saturating_sub(1);
        }
        if let Some(minute) = self.reach(second / 60) {
            minute.visitors += 1;
        }
        if viewed {
            self.view(second);
        }
    }

    /// A page view.
    pub fn view(&mut self, second: u32) {
        if let Some(minute) = self.reach(second / 60) {
            minute.views += 1;
        }
    }

    /// Visitors of the last 5 minutes, and views of each of the last 30, newest last.
    pub fn read(&self, now_second: u32) -> (u32, [u32; 30]) {
        let at = |ago: u32| {
            let minute = (now_second / 60).checked_sub(ago).filter(|&minute| self.keeps(minute));
            minute.map_or_else(Minute::default, |minute| self.minutes[place(minute)])
        };
        let visitors = (0..THERE).map(|ago| at(ago).visitors).sum();
        (visitors, std::array::from_fn(|one| at(29 - one as u32).views))
    }

    fn keeps(&self, minute: u32) -> bool {
        minute <= self.latest && self.latest - minute < MINUTES_MAX as u32
    }

    fn kept(&mut self, minute: u32) -> Option<&mut Minute> {
        self.keeps(minute).then(|| &mut self.minutes[place(minute)])
    }

    /// A minute to count in; `None` where a clock that went back is further behind than what is kept.
    fn reach(&mut self, minute: u32) -> Option<&mut Minute> {
        let passed = minute.saturating_sub(self.latest).min(MINUTES_MAX as u32);
        for one in 0..passed {
            self.minutes[place(minute - one)] = Minute::default();
        }
        self.latest = self.latest.max(minute);
        self.kept(minute)
    }
}

fn place(minute: u32) -> usize {
    minute as usize % MINUTES_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn visitors_count_where_they_were_last() {
        let mut pulse = Pulse::default();
        pulse.hit(10, None, true);
        pulse.hit(200, Some(10), true);
        pulse.hit(210, None, false);
        let (visitors, views) = pulse.read(299);
        assert_eq!((visitors, views[29], views[28], views[25]), (2, 0, 1, 1));
        assert_eq!((pulse.read(420).0, pulse.read(480).0), (2, 0));
    }

    /// Days are up to two days long where a zone moves west, and clocks go forward and back.
    #[test]
    fn the_last_minutes_are_kept_however_long_the_day_is() {
        let mut pulse = Pulse::default();
        for minute in [0, 29, 30, 1_999, 2_000, 3_500] {
            pulse.hit(minute * 60, None, true);
            let (visitors, views) = pulse.read(minute * 60 + 59);
            assert_eq!((visitors, views[29]), (if minute == 30 || minute == 2_000 { 2 } else { 1 }, 1));
        }
        assert_eq!(pulse.read(3_500 * 60).1.iter().sum::<u32>(), 1);
        // The clock goes back by less than what is kept, then by more.
        pulse.hit(3_490 * 60, None, true);
        assert_eq!(pulse.read(3_490 * 60).0, 1);
        pulse.hit(3_000 * 60, None, true);
        assert_eq!(pulse.read(3_000 * 60), (0, [0; 30]));
        assert_eq!(pulse.read(3_500 * 60).1.iter().sum::<u32>(), 2);
        assert_eq!(pulse.read(u32::MAX), (0, [0; 30]));
    }
}
