//! Days of ordinary traffic in the order of time, for the demo's past.

use rand::{RngExt, SeedableRng, rngs::StdRng};

use crate::domain::day::Day;

use super::{
    hit::SimulatedHit,
    world::{self, Scenario},
};

/// Feeds `days` days of traffic, the first of them `first`, into a sink in the order of time.
///
/// Visitors follow the week (fewer at weekends), grow by half over the whole time, and one day in the third
/// quarter is a spike. `scenario.visitors` is what the first working day has. Stops at the sink's first error.
///
/// # Errors
/// The sink's.
pub fn feed<E>(
    scenario: &Scenario,
    first: Day,
    days: u32,
    mut sink: impl FnMut(&SimulatedHit) -> Result<(), E>,
) -> Result<(), E> {
    let mut rng = StdRng::seed_from_u64(scenario.seed);
    let mut carried: Vec<SimulatedHit> = Vec::new();
    for at in 0..days {
        let day = first.plus(at as i32);
        let noise = rng.random_range(90..=110);
        let today = Scenario {
            visitors: visitors(scenario.visitors, day, at, days) * noise / 100,
            ..scenario.clone()
        };
        carried.extend(world::day(&today, day).0);
        carried.sort_by_key(|hit| hit.at);
        let ends = scenario.zone.start_of(day.plus(1));
        let ended = carried.partition_point(|hit| hit.at < ends);
        for hit in carried.drain(..ended) {
            sink(&hit)?;
        }
    }
    Ok(())
}

/// Ordinary visitors of the `at`th of `days` days, before noise.
fn visitors(base: u32, day: Day, at: u32, days: u32) -> u32 {
    let grown = base + base * at / (2 * days.max(1));
    // 1970-01-01 was a Thursday.
    let weekday = (day.0 + 3).rem_euclid(7);
    let rhythm = if weekday >= 5 { grown * 6 / 10 } else { grown };
    if at == days * 3 / 4 { rhythm * 3 } else { rhythm }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{day::Zone, declaration::Kept};

    #[test]
    fn history_runs_in_order_through_all_its_days() {
        let scenario = Scenario {
            host: "example.com".into(),
            zone: Zone::named("Europe/Tallinn").unwrap(),
            seed: 3,
            k: 5,
            kept: Kept::default(),
            visitors: 20,
            everything: false,
            flood: 0,
        };
        let first = Day::parse("2026-10-20").unwrap();
        let (mut last, mut by_day) = (0, [0; 8]);
        feed(&scenario, first, 8, |hit| {
            assert!(hit.at >= last);
            last = hit.at;
            by_day[(scenario.zone.day_at(hit.at).0 - first.0) as usize] += 1;
            Ok::<(), ()>(())
        })
        .unwrap();
        assert!(by_day.iter().all(|&hits| hits > 10), "{by_day:?}");
        assert!(by_day[6] > 2 * by_day[7], "{by_day:?}");
    }
}
