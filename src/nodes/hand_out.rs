//! The report node hands out sites, and looks whether those who ask for them are who they say they are.
//!
//! Two collectors of one number would write releases under one identity, and the store would take the second's for a
//! repetition of the first's. So a number belongs to one data directory for ever, and of one data directory only one
//! process goes on: the one that came last.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use actix_web::web::Bytes;

use crate::control::{Control, Directory, Result};

/// Processes of a number that are remembered as gone.
const RUNS_MAX: usize = 64;
/// A collector that has not asked for so long is away.
const SILENT: Duration = Duration::from_secs(15);

/// What there is to hand out, and to whom it was.
pub struct HandOut {
    control: Arc<Control>,
    numbers: Vec<u32>,
    made: Mutex<Option<(Arc<Directory>, Arc<Made>)>>,
    seen: Mutex<HashMap<u32, Seen>>,
}

/// The declarations as they go out.
pub struct Made {
    pub version: String,
    /// JSON.
    pub body: Bytes,
}

/// The process of a number that asked last.
struct Seen {
    run: String,
    before: VecDeque<String>,
    at: Instant,
}

/// Who asks.
#[derive(Clone, Debug)]
pub struct Asking {
    pub number: u32,
    pub instance: String,
    pub run: String,
}

impl HandOut {
    pub fn new(control: Arc<Control>, numbers: Vec<u32>) -> HandOut {
        HandOut { control, numbers, made: Mutex::default(), seen: Mutex::default() }
    }

    /// Lets a collector in, or says in words why not; then it must not go on under this number. Blocks.
    ///
    /// # Errors
    /// Those of the control database.
    pub fn admit(&self, asking: &Asking, now: Instant) -> Result<std::result::Result<(), String>> {
        let number = asking.number;
        if !self.numbers.contains(&number) {
            return Ok(Err(format!("the report node's setting `collectors` names no collector {number}")));
        }
        if self.control.give_number(number, &asking.instance)? != asking.instance {
            return Ok(Err(format!(
                "number {number} belongs to another data directory: a collector keeps its number, and a new one, also \
                 in the place of one that is lost, gets a number that nobody had"
            )));
        }
        let mut seen = lock(&self.seen);
        let fresh = || Seen { run: asking.run.clone(), before: VecDeque::new(), at: now };
        let known = seen.entry(number).or_insert_with(fresh);
        if known.before.contains(&asking.run) {
            return Ok(Err(format!(
                "another process runs as collector {number} on a copy of this data directory: one of the two has to go"
            )));
        }
        if known.run != asking.run {
            let before = std::mem::replace(&mut known.run, asking.run.clone());
            known.before.push_back(before);
            if known.before.len() > RUNS_MAX {
                known.before.pop_front();
            }
        }
        known.at = now;
        Ok(Ok(()))
    }

    /// The declarations of now. Blocks.
    ///
    /// # Errors
    /// Those of the control database.
    pub fn current(&self) -> Result<Arc<Made>> {
        let directory = self.control.directory().load_full();
        if let Some((of, made)) = &*lock(&self.made)
            && Arc::ptr_eq(of, &directory)
        {
            return Ok(made.clone());
        }
        let declarations = self.control.declarations()?;
        let body = serde_json::to_vec(&declarations).unwrap_or_default();
        let version = format!("\"{}\"", blake3::hash(&body).to_hex());
        let made = Arc::new(Made { version, body: body.into() });
        *lock(&self.made) = Some((directory, made.clone()));
        Ok(made)
    }

    /// Collectors, and whether each has asked lately.
    pub fn heard(&self, now: Instant) -> BTreeMap<u32, bool> {
        let seen = lock(&self.seen);
        let lately = |number| {
            seen.get(number).is_some_and(|one: &Seen| now.saturating_duration_since(one.at) < SILENT)
        };
        self.numbers.iter().map(|number| (*number, lately(number))).collect()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::NewSite;

    fn hand_out() -> (tempfile::TempDir, HandOut) {
        let folder = tempfile::tempdir().unwrap();
        let control = Control::open(&folder.path().join("control.sqlite"), 0).unwrap();
        (folder, HandOut::new(Arc::new(control), vec![1, 2]))
    }

    fn asking(number: u32, instance: &str, run: &str) -> Asking {
        Asking { number, instance: instance.into(), run: run.into() }
    }

    #[test]
    fn a_second_collector_of_a_number_is_refused_and_so_is_a_copy() {
        let (_folder, hand_out) = hand_out();
        let now = Instant::now();
        let check = |number, instance: &str, run: &str, expected: &str| {
            let found = hand_out.admit(&asking(number, instance, run), now).unwrap();
            match expected {
                "" => assert_eq!(found, Ok(()), "{number} {instance} {run}"),
                words => assert!(found.unwrap_err().contains(words), "{number} {instance} {run}"),
            }
        };
        check(1, "a", "1", "");
        check(1, "a", "1", "");
        check(2, "b", "2", "");
        check(3, "c", "3", "names no collector 3");
        check(1, "b", "4", "belongs to another data directory");
        // The same data directory, started again; and then the process before it is there too.
        check(1, "a", "5", "");
        check(1, "a", "1", "copy of this data directory");
        check(1, "a", "5", "");
        for run in 100..200 {
            check(2, "b", &run.to_string(), "");
        }
        check(2, "b", "190", "copy");
    }

    #[test]
    fn a_collector_that_is_silent_is_away() {
        let (_folder, hand_out) = hand_out();
        let now = Instant::now();
        hand_out.admit(&asking(1, "a", "1"), now).unwrap().unwrap();
        let heard = |after: Duration| hand_out.heard(now + after).into_values().collect::<Vec<_>>();
        assert_eq!(heard(Duration::ZERO), [true, false]);
        assert_eq!(heard(SILENT), [false, false]);
    }

    #[test]
    fn a_version_stands_for_what_is_declared() {
        let (_folder, hand_out) = hand_out();
        let before = hand_out.current().unwrap();
        assert!(Arc::ptr_eq(&before, &hand_out.current().unwrap()));
        hand_out.control.add_site(NewSite::new("a.example", "UTC"), 0).unwrap();
        let after = hand_out.current().unwrap();
        assert!(before.version != after.version && after.body.len() > before.body.len());
    }
}
