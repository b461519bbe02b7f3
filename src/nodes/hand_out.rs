//! The report node hands out sites, and looks whether those who ask for them are who they say they are.
//!
//! Two collectors of one number would write releases under one identity, and the store would take the second's for a
//! repetition of the first's. So a number belongs to one data directory for ever, and of one data directory only one
//! process goes on: the one that was there.

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
/// A process is taken to be there still for so long after it asked; who comes in its place waits.
const STILL_THERE: Duration = Duration::from_secs(3);

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
    /// Came while this one may be there still.
    waiting: Option<String>,
    at: Instant,
}

/// Why a collector is not let in, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turned {
    /// It must not go on under this number.
    Away(String),
    /// It is told when it asks again.
    Later(String),
}

/// Who asks.
#[derive(Clone, Debug)]
pub struct Asking {
    pub number: u32,
    pub instance: String,
    pub run: String,
    /// The highest number of a site that it has known.
    pub sites_made: u32,
}

impl HandOut {
    pub fn new(control: Arc<Control>, numbers: Vec<u32>) -> HandOut {
        HandOut { control, numbers, made: Mutex::default(), seen: Mutex::default() }
    }

    /// Lets a collector in, or says why not. Blocks.
    ///
    /// # Errors
    /// Those of the control database.
    pub fn admit(&self, asking: &Asking, now: Instant) -> Result<std::result::Result<(), Turned>> {
        let number = asking.number;
        if !self.numbers.contains(&number) {
            let words = format!("the report node's setting `collectors` names no collector {number}");
            return Ok(Err(Turned::Away(words)));
        }
        if self.control.give_number(number, &asking.instance)? != asking.instance {
            return Ok(Err(Turned::Away(format!(
                "number {number} belongs to another data directory: a collector keeps its number, and a new one, also \
                 in the place of one that is lost, gets a number that nobody had"
            ))));
        }
        self.control.pass_over(asking.sites_made)?;
        let mut seen = lock(&self.seen);
        let fresh = || Seen { run: asking.run.clone(), before: VecDeque::new(), waiting: None, at: now };
        Ok(seen.entry(number).or_insert_with(fresh).admit(asking, now))
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

impl Seen {
    fn admit(&mut self, asking: &Asking, now: Instant) -> std::result::Result<(), Turned> {
        let number = asking.number;
        if self.before.contains(&asking.run) {
            return Err(Turned::Away(format!(
                "another process runs as collector {number} on a copy of this data directory: one of the two has to go"
            )));
        }
        if self.run == asking.run {
            // It is there: whoever wanted its place is a copy of it.
            if let Some(copy) = self.waiting.take() {
                self.gone(copy);
            }
        } else if now.saturating_duration_since(self.at) < STILL_THERE {
            self.waiting = Some(asking.run.clone());
            return Err(Turned::Later(format!("another process ran as collector {number} just now")));
        } else {
            let before = std::mem::replace(&mut self.run, asking.run.clone());
            self.gone(before);
            self.waiting = None;
        }
        self.at = now;
        Ok(())
    }

    fn gone(&mut self, run: String) {
        self.before.push_back(run);
        if self.before.len() > RUNS_MAX {
            self.before.pop_front();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{control::NewSite, nodes::follow::EVERY};

    fn hand_out() -> (tempfile::TempDir, HandOut) {
        let folder = tempfile::tempdir().unwrap();
        let control = Control::open(&folder.path().join("control.sqlite"), 0).unwrap();
        (folder, HandOut::new(Arc::new(control), vec![1, 2]))
    }

    fn asking(number: u32, instance: &str, run: &str) -> Asking {
        Asking { number, instance: instance.into(), run: run.into(), sites_made: 0 }
    }

    #[test]
    fn a_second_collector_of_a_number_is_refused_and_so_is_a_copy() {
        let (_folder, hand_out) = hand_out();
        let now = std::cell::Cell::new(Instant::now());
        let check = |number, instance: &str, run: &str, expected: &str| {
            let found = hand_out.admit(&asking(number, instance, run), now.get()).unwrap();
            match (found, expected) {
                (Ok(()), "") | (Err(Turned::Later(_)), "later") => {}
                (Err(Turned::Away(said)), words) if !words.is_empty() && said.contains(words) => {}
                (found, _) => panic!("{number} {instance} {run}: {found:?}, not {expected}"),
            }
        };
        let later = |by: Duration| now.set(now.get() + by);
        check(1, "a", "1", "");
        check(1, "a", "1", "");
        check(2, "b", "2", "");
        check(3, "c", "3", "names no collector 3");
        check(1, "b", "4", "belongs to another data directory");
        // A copy of the data directory, while the first goes on: it is the copy that goes, however often it comes.
        for run in ["5", "6", "7"] {
            check(1, "a", run, "later");
            later(EVERY);
            check(1, "a", "1", "");
            check(1, "a", run, "copy of this data directory");
            later(EVERY);
            check(1, "a", "1", "");
        }
        // The same data directory, started again; and then the process before it is there too.
        check(1, "a", "8", "later");
        later(STILL_THERE - Duration::from_millis(1));
        check(1, "a", "8", "later");
        later(Duration::from_millis(1));
        check(1, "a", "8", "");
        check(1, "a", "1", "copy of this data directory");
        check(1, "a", "8", "");
        for run in 100..200 {
            later(STILL_THERE);
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
