//! The two threads that move days along: one turns hours, freezes releases and closes days; the other brings
//! what is frozen to the store, oldest first, until the store has acknowledged it.

use std::{
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use super::{release_file::ReleaseFiles, self_check};
use crate::{
    clock,
    domain::{
        day::UnixMs,
        declaration::SiteId,
        row::{ReleaseId, Row},
        tally::KnownValues,
    },
    memory::{days::Memory, site_day::SiteDay},
    store::{Store, StoreError},
};

/// How often days are looked at.
const TICK: Duration = Duration::from_millis(250);
/// A day is not closed before this long after its end, so that hits that arrived in time are tallied.
const GRACE_MS: i64 = 1_000;
/// Hits that arrived in time are waited for at most this long.
const GRACE_MS_MAX: i64 = 30_000;
/// Waits between tries of a store that is away grow from the first to the second.
const RETRY: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(30));

/// What the close tells the control database: values that k visitors used, always admitted later.
pub trait Remember: Send + Sync {
    fn remember(&self, site: SiteId, day: crate::domain::day::Day, used: KnownValues);
}

/// What the drivers work with.
pub struct Closing {
    pub memory: Arc<Memory>,
    pub store: Arc<dyn Store>,
    pub files: ReleaseFiles,
    pub remember: Box<dyn Remember>,
    pub flush_interval: Duration,
    last_flush: AtomicI64,
    stopping: AtomicBool,
    frozen: Mutex<bool>,
    wake: Condvar,
    trouble: Mutex<Option<String>>,
}

/// The running drivers.
pub struct Drivers {
    closing: Arc<Closing>,
    threads: Vec<JoinHandle<()>>,
}

impl Closing {
    pub fn new(
        memory: Arc<Memory>,
        store: Arc<dyn Store>,
        files: ReleaseFiles,
        remember: Box<dyn Remember>,
        flush_interval: Duration,
    ) -> Closing {
        Closing {
            memory,
            store,
            files,
            remember,
            flush_interval,
            last_flush: AtomicI64::new(clock::now()),
            stopping: AtomicBool::new(false),
            frozen: Mutex::new(true),
            wake: Condvar::new(),
            trouble: Mutex::new(None),
        }
    }

    /// Why the last delivery failed, while it does.
    pub fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }

    /// Turns hours, freezes what is due, closes days that are over. Called every tick, and at start for days
    /// that passed.
    pub fn step(&self, now: UnixMs) {
        let flush = self.flush_due(now);
        for day in self.memory.days() {
            if now >= day.calendar.ends + GRACE_MS {
                let waited_out = now >= day.calendar.ends + GRACE_MS_MAX;
                if !day.is_closed() && (day.arriving() == 0 || waited_out) {
                    self.close(&day, now);
                }
            } else {
                day.turn(now);
                if flush {
                    self.flush(&day);
                }
            }
        }
        self.memory.forget_done();
    }

    /// True once in each flush interval, counted from the epoch so that an hourly flush follows the hour.
    fn flush_due(&self, now: UnixMs) -> bool {
        let interval = (self.flush_interval.as_millis() as i64).max(1);
        let last = self.last_flush.load(Ordering::Relaxed);
        let due = now.div_euclid(interval) != last.div_euclid(interval);
        if due {
            self.last_flush.store(now, Ordering::Relaxed);
        }
        due
    }

    /// Freezes what is pending, makes it durable, offers it to the store.
    pub fn flush(&self, day: &SiteDay) {
        match day.freeze() {
            Ok(Some((release, ticket))) => {
                if let Err(error) = ticket.wait() {
                    tracing::error!(%error, site = day.site.0, "a release could not be journaled");
                    return;
                }
                if let Err(error) = self.files.write(&release) {
                    tracing::error!(%error, site = day.site.0, "a release file could not be written");
                }
                self.offer();
            }
            Ok(None) => {}
            Err(error) => tracing::error!(%error, site = day.site.0, "nothing could be released"),
        }
    }

    /// Closes one day: salt first, then rows, file, journal, values to remember; the store follows.
    pub fn close(&self, day: &SiteDay, now: UnixMs) {
        let Some(ended) = day.end() else { return };
        let started = Instant::now();
        let (release, used) = ended.coarsen(day, now);
        let rows = release.rows.len();
        for breach in self_check::breaches(&release, day.k) {
            tracing::error!(site = day.site.0, day = %day.calendar.day, "self-check of a closed day: {breach}");
        }
        if let Err(error) = self.files.write(&release) {
            // The journal stays, so a restart closes the day again under the same identity.
            tracing::error!(%error, site = day.site.0, day = %day.calendar.day, "a day's release file could not be written; its journal is kept");
            day.closed(Arc::new(release));
            self.offer();
            return;
        }
        if let Err(error) = day.destroy_journal() {
            tracing::error!(%error, site = day.site.0, "a closed day's journal could not be destroyed");
        }
        day.closed(Arc::new(release));
        self.remember.remember(day.site, day.calendar.day, used);
        self.offer();
        let took_ms = started.elapsed().as_millis() as u64;
        tracing::info!(site = day.site.0, day = %day.calendar.day, rows, took_ms, "closed a day");
    }

    fn offer(&self) {
        *self.frozen.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = true;
        self.wake.notify_all();
    }

    /// Brings all waiting releases to the store, each day's in order. Says whether nothing is left.
    pub fn deliver(&self) -> bool {
        let mut all = true;
        for day in self.memory.days() {
            for release in day.waiting() {
                match self.store.insert(&release) {
                    Ok(()) => self.acknowledge(&day, release.id),
                    Err(error) => {
                        self.note_trouble(&error, release.id, &release.rows);
                        all = false;
                        break;
                    }
                }
            }
        }
        if all {
            *self.trouble.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = None;
        }
        self.memory.forget_done();
        all
    }

    fn acknowledge(&self, day: &SiteDay, id: ReleaseId) {
        match day.stored(id.number) {
            Ok(Some(ticket)) => {
                // The file goes only once the journal knows: else a start would freeze it again.
                if ticket.wait().is_err() {
                    return;
                }
            }
            Ok(None) => {}
            Err(error) => {
                tracing::error!(%error, site = id.site.0, "an acknowledged release could not be journaled");
                return;
            }
        }
        if let Err(error) = self.files.remove(id) {
            tracing::error!(%error, site = id.site.0, "a delivered release file could not be removed");
        }
    }

    fn note_trouble(&self, error: &StoreError, id: ReleaseId, rows: &[Row]) {
        let text = format!("release {} of {} ({} rows): {error}", id.number, id.day, rows.len());
        let mut trouble = self.trouble.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if trouble.as_ref() != Some(&text) {
            tracing::error!(site = id.site.0, "{text}");
        }
        *trouble = Some(text);
    }

    fn wait_for_work(&self, at_most: Duration) {
        let mut frozen = self.frozen.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if !*frozen {
            frozen =
                self.wake.wait_timeout(frozen, at_most).unwrap_or_else(|poisoned| poisoned.into_inner()).0;
        }
        *frozen = false;
    }

    fn deliver_for_ever(&self) {
        let mut pause = RETRY.0;
        while !self.stopping.load(Ordering::Acquire) {
            self.wait_for_work(TICK * 4);
            if self.deliver() {
                pause = RETRY.0;
            } else {
                self.wait_for_work(pause);
                pause = (pause * 2).min(RETRY.1);
            }
        }
    }
}

impl Drivers {
    /// Starts both threads.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(closing: Arc<Closing>) -> std::io::Result<Drivers> {
        let (closes, delivers) = (closing.clone(), closing.clone());
        let step = std::thread::Builder::new().name("close".into()).spawn(move || {
            while !closes.stopping.load(Ordering::Acquire) {
                closes.step(clock::now());
                std::thread::park_timeout(TICK);
            }
        })?;
        let deliver =
            std::thread::Builder::new().name("deliver".into()).spawn(move || delivers.deliver_for_ever())?;
        Ok(Drivers { closing, threads: vec![step, deliver] })
    }

    /// Stops both threads and brings what is frozen to the store, if it takes it.
    pub fn stop(self) {
        self.closing.stopping.store(true, Ordering::Release);
        self.closing.offer();
        for thread in self.threads {
            thread.thread().unpark();
            if thread.join().is_err() {
                tracing::error!("a driver thread had stopped by itself");
            }
        }
        self.closing.deliver();
    }
}
