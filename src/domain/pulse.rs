//! Who is there: visitors and views by minute, in memory only, for the live count.

/// Counts by minute of the day.
#[derive(Default)]
pub struct Pulse {
    /// Visitors whose latest hit was in this minute.
    latest: Vec<u32>,
    views: Vec<u32>,
}

impl Pulse {
    /// A visitor's hit in a second of the day, after one in `previous`.
    pub fn hit(&mut self, second: u32, previous: Option<u32>, viewed: bool) {
        if let Some(previous) = previous
            && let Some(n) = self.latest.get_mut(previous as usize / 60)
        {
            *n = n.saturating_sub(1);
        }
        *minute(&mut self.latest, second) += 1;
        if viewed {
            self.view(second);
        }
    }

    /// A page view.
    pub fn view(&mut self, second: u32) {
        *minute(&mut self.views, second) += 1;
    }

    /// Visitors of the last 5 minutes, and views of each of the last 30, newest last.
    pub fn read(&self, now_second: u32) -> (u32, [u32; 30]) {
        let now = now_second as usize / 60;
        let at = |list: &[u32], ago: usize| now.checked_sub(ago).and_then(|at| list.get(at).copied());
        let visitors = (0..5).filter_map(|ago| at(&self.latest, ago)).sum();
        (visitors, std::array::from_fn(|one| at(&self.views, 29 - one).unwrap_or(0)))
    }
}

/// Minutes that are kept apart; a day has at most 1,500 and some.
const MINUTES_MAX: usize = 2_000;

fn minute(list: &mut Vec<u32>, second: u32) -> &mut u32 {
    let at = (second as usize / 60).min(MINUTES_MAX);
    if list.len() <= at {
        list.resize(at + 1, 0);
    }
    &mut list[at]
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

    #[test]
    fn minutes_beyond_any_day_add_to_the_last() {
        let mut list = Vec::new();
        for second in [MINUTES_MAX as u32 * 60, u32::MAX] {
            *minute(&mut list, second) += 1;
        }
        assert_eq!((list.len(), list[MINUTES_MAX]), (MINUTES_MAX + 1, 2));
    }
}
