//! The two threads that move days along: one turns hours, freezes releases and closes days; the other brings
//! what is frozen to the store, oldest first, until the store has acknowledged it.

use std::{
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use super::{release_file::ReleaseFiles, self_check};
use crate::{
    clock,
    domain::{
        day::{Day, UnixMs},
        declaration::SiteId,
        row::{Release, ReleaseId},
        tally::KnownValues,
    },
    memory::{days::Memory, site_day::SiteDay},
    store::Store,
};

/// How often days are looked at.
const TICK: Duration = Duration::from_millis(250);
/// A day is not closed before this long after its end, so that hits that arrived in time are tallied.
const GRACE_MS: i64 = 1_000;
/// Days closed in one step, so that the closes of many sites at one midnight are spread.
const CLOSES_PER_STEP: usize = 16;
/// Hits that arrived in time are waited for at most this long.
const GRACE_MS_MAX: i64 = 30_000;
/// Waits between tries of a store that is away grow from the first to the second.
const RETRY: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(30));

/// What the close tells the control database: values that k visitors used, always admitted later.
pub trait Remember: Send + Sync {
    fn remember(&self, site: SiteId, day: Day, used: KnownValues);
}

/// What the drivers work with.
pub struct Closing {
    pub memory: Arc<Memory>,
    pub store: Arc<dyn Store>,
    files: ReleaseFiles,
    remember: Box<dyn Remember>,
    flush_interval: Duration,
    last_flush: AtomicI64,
    stopping: AtomicBool,
    /// There may be something to deliver.
    filed: Mutex<bool>,
    wake: Condvar,
    /// Held while a release goes to the store, so that none of a removed site comes after its erasure.
    moving: Mutex<()>,
    trouble: Mutex<Trouble>,
}

/// What does not work at the moment, in words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trouble {
    pub store: Option<String>,
    pub files: Option<String>,
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
        now: UnixMs,
    ) -> Closing {
        Closing {
            memory,
            store,
            files,
            remember,
            flush_interval,
            last_flush: AtomicI64::new(now),
            stopping: AtomicBool::new(false),
            filed: Mutex::new(true),
            wake: Condvar::new(),
            moving: Mutex::new(()),
            trouble: Mutex::default(),
        }
    }

    /// What does not work at the moment.
    pub fn trouble(&self) -> Trouble {
        lock(&self.trouble).clone()
    }

    /// Turns hours, freezes what is due, closes days that are over. Called every tick. Says how many days are
    /// still to be closed.
    pub fn step(&self, now: UnixMs) -> usize {
        let flush = self.flush_due(now);
        let days = self.memory.days();
        let (over, open): (Vec<_>, Vec<_>) =
            days.iter().filter(|day| day.takes_hits()).partition(|day| now >= day.calendar.ends + GRACE_MS);
        // All salts first: closing takes its time.
        let due: Vec<_> = over.iter().filter(|day| may_close(day, now)).collect();
        due.iter().for_each(|day| day.erase_salt());
        for day in open {
            day.turn(now);
            if flush {
                self.flush(day);
            }
        }
        due.iter().take(CLOSES_PER_STEP).for_each(|day| self.close(day, now));
        days.iter().for_each(|day| self.file(day));
        self.memory.forget_done();
        over.len() - due.len().min(CLOSES_PER_STEP)
    }

    /// Closes all days that have passed and brings them to the store: at start, before hits are taken.
    pub fn catch_up(&self, now: UnixMs) {
        while self.step(now) > 0 {}
        self.deliver();
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
            Ok(Some((release, ticket))) => match ticket.wait() {
                Ok(()) => {
                    day.journaled(release.id.number);
                    self.file(day);
                }
                Err(error) => {
                    tracing::error!(%error, site = day.site.0, "a release could not be journaled");
                }
            },
            Ok(None) => {}
            Err(error) => tracing::error!(%error, site = day.site.0, "nothing could be released"),
        }
    }

    /// Closes one day: salt first, then rows, file, journal; the store follows. Killed anywhere in between, the
    /// next start finds the journal, or all that is left of the day in files.
    pub fn close(&self, day: &SiteDay, now: UnixMs) {
        let Some(ended) = day.end() else { return };
        let started = Instant::now();
        let (release, used) = ended.coarsen(day, now);
        let rows = release.rows.len();
        for breach in self_check::breaches(&release, day.k) {
            tracing::error!(site = day.site.0, day = %day.calendar.day, "self-check of a closed day: {breach}");
        }
        // Before the file: a kill in between closes the day, and remembers, again.
        if !day.is_removed() {
            self.remember.remember(day.site, day.calendar.day, used);
            self.memory.refresh_known(day.site);
        }
        day.closed(Arc::new(release));
        self.file(day);
        let took_ms = started.elapsed().as_millis() as u64;
        tracing::info!(site = day.site.0, day = %day.calendar.day, rows, took_ms, "closed a day");
    }

    /// Writes the files that a day's releases need, and offers them to the store. What fails is tried again with
    /// the next step.
    fn file(&self, day: &SiteDay) {
        for release in day.to_file() {
            if let Err(error) = self.files.write(&release) {
                let text = words(&release, &error);
                note(&mut lock(&self.trouble).files, release.id.site, text);
                return;
            }
            // All of the day is in files now. Whoever finds a journal replays it, so it goes before the store
            // may have the last of them.
            if release.close.is_some()
                && let Err(error) = day.destroy_journal()
            {
                tracing::error!(%error, site = day.site.0, "a closed day's journal could not be destroyed");
            }
            day.filed(release.id.number);
            if day.is_removed()
                && let Err(error) = self.files.remove(release.id)
            {
                tracing::error!(%error, site = day.site.0, "a removed site's release could not be removed");
            }
            lock(&self.trouble).files = None;
            self.offer();
        }
    }

    fn offer(&self) {
        *lock(&self.filed) = true;
        self.wake.notify_all();
    }

    /// Brings all waiting releases to the store, each day's in order. Says whether the store took them all.
    pub fn deliver(&self) -> bool {
        // Every day is tried: one that the store refuses must not keep the others.
        let mut all = true;
        for day in self.memory.days() {
            all &= self.deliver_day(&day);
        }
        if all {
            lock(&self.trouble).store = None;
        }
        self.memory.forget_done();
        all
    }

    fn deliver_day(&self, day: &SiteDay) -> bool {
        loop {
            let _moving = lock(&self.moving);
            let Some(release) = day.to_deliver() else { return true };
            if let Err(error) = self.store.insert(&release) {
                let text = words(&release, &error);
                note(&mut lock(&self.trouble).store, release.id.site, text);
                return false;
            }
            self.acknowledge(day, release.id);
        }
    }

    fn acknowledge(&self, day: &SiteDay, id: ReleaseId) {
        match day.stored(id.number).map(|ticket| ticket.map_or(Ok(()), |ticket| ticket.wait())) {
            // The file goes only once the journal knows: else a start would offer it again for nothing.
            Ok(Ok(())) => {}
            Ok(Err(error)) => return not_journaled(id, &error),
            Err(error) => return not_journaled(id, &error),
        }
        if let Err(error) = self.files.remove(id) {
            tracing::error!(%error, site = id.site.0, "a delivered release file could not be removed");
        }
    }

    /// Drops all that there is of a removed site: in memory, on its way, in the store.
    ///
    /// # Errors
    /// Words; then it has to be done again.
    pub fn erase_site(&self, site: SiteId) -> Result<(), String> {
        self.memory.remove_site(site);
        let _moving = lock(&self.moving);
        self.files.remove_site(site).map_err(|error| format!("its release files: {error}"))?;
        self.store.erase(site, None).map_err(|error| error.to_string())
    }

    fn wait_for_work(&self, at_most: Duration) {
        let mut filed = lock(&self.filed);
        if !*filed {
            filed = self.wake.wait_timeout(filed, at_most).unwrap_or_else(PoisonError::into_inner).0;
        }
        *filed = false;
    }

    fn deliver_for_ever(&self) {
        let mut pause = RETRY.0;
        while !self.stopping.load(Ordering::Acquire) {
            self.wait_for_work(TICK * 4);
            let mut delivered = false;
            survive("delivery", || delivered = self.deliver());
            if delivered {
                pause = RETRY.0;
            } else {
                self.wait_for_work(pause);
                pause = (pause * 2).min(RETRY.1);
            }
        }
    }
}

/// Hits that arrived in time are waited for, but not for ever.
fn may_close(day: &SiteDay, now: UnixMs) -> bool {
    day.arriving() == 0 || now >= day.calendar.ends + GRACE_MS_MAX
}

fn words(release: &Release, error: &dyn std::error::Error) -> String {
    format!("release {} of {} ({} rows): {error}", release.id.number, release.id.day, release.rows.len())
}

/// Says a trouble once, however often it is met.
fn note(place: &mut Option<String>, site: SiteId, text: String) {
    if place.as_ref() != Some(&text) {
        tracing::error!(site = site.0, "{text}");
    }
    *place = Some(text);
}

fn not_journaled(id: ReleaseId, error: &dyn std::error::Error) {
    tracing::error!(%error, site = id.site.0, "an acknowledged release could not be journaled");
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps a driver alive: a day that cannot be closed must not keep other days' salts.
fn survive(what: &str, act: impl FnOnce()) {
    if std::panic::catch_unwind(std::panic::AssertUnwindSafe(act)).is_err() {
        tracing::error!("a {what} panicked; its day is closed by the next start");
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
                survive("close", || {
                    closes.step(clock::now());
                });
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
