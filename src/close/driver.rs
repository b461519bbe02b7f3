//! The two threads that move days along: one turns hours, freezes releases and closes days; the other brings
//! what is frozen to the store, oldest first, until the store has acknowledged it.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use super::{release_file::ReleaseFiles, resume::Leftovers, self_check};
use crate::{
    clock,
    domain::{
        day::{Day, UnixMs},
        declaration::SiteId,
        row::{Release, ReleaseId},
        tally::KnownValues,
    },
    memory::{days::Memory, sealed, site_day::SiteDay},
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
/// A stop brings releases to the store for this long; the rest waits in files for the next start.
const STOP_MAX: Duration = Duration::from_secs(10);
/// Waits between tries of a store that is away grow from the first to the second.
pub(super) const RETRY: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(30));

/// What the close tells the control database: values that k visitors used, always admitted later.
pub trait Remember: Send + Sync {
    fn remember(&self, site: SiteId, day: Day, used: KnownValues);
}

/// What the drivers work with.
pub struct Closing {
    pub memory: Arc<Memory>,
    pub store: Arc<dyn Store>,
    pub(super) files: ReleaseFiles,
    remember: Box<dyn Remember>,
    flush_interval: Duration,
    last_flush: AtomicI64,
    stopping: AtomicBool,
    /// Held while a day's release files are written: two threads may find the same release without one.
    pub(super) filing: Mutex<()>,
    /// There may be something to deliver.
    filed: Mutex<bool>,
    wake: Condvar,
    /// Held while a release goes to the store, so that none of a removed site comes after its erasure.
    pub(super) moving: Mutex<()>,
    pub(super) trouble: Mutex<Troubles>,
    /// When a stop waits no longer for the store.
    deadline: Mutex<Option<Instant>>,
    /// Releases that are brought to the store by themselves.
    pub(super) detached: Mutex<BTreeSet<ReleaseId>>,
    /// Releases that were set aside, with the reasons.
    pub(super) aside: Mutex<BTreeMap<ReleaseId, String>>,
    /// What the start kept aside, in words.
    kept_aside: Vec<String>,
}

/// What was met last, and whether it is still so.
#[derive(Default)]
pub(super) struct Troubles {
    pub store: Option<Noted>,
    pub files: Option<Noted>,
    erasure: Option<Noted>,
}

/// A trouble in words, and what the log knows it by.
pub(super) struct Noted {
    text: String,
    why: String,
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
        left: Leftovers,
        now: UnixMs,
    ) -> Closing {
        let damaged = files.damaged().unwrap_or_default();
        Closing {
            memory,
            store,
            files,
            remember,
            flush_interval,
            last_flush: AtomicI64::new(now),
            stopping: AtomicBool::new(false),
            filing: Mutex::new(()),
            filed: Mutex::new(true),
            wake: Condvar::new(),
            moving: Mutex::new(()),
            trouble: Mutex::default(),
            deadline: Mutex::default(),
            detached: Mutex::new(left.detached.into_iter().collect()),
            aside: Mutex::new(damaged.into_iter().collect()),
            kept_aside: left.aside,
        }
    }

    /// What does not work at the moment.
    pub fn trouble(&self) -> Trouble {
        let trouble = lock(&self.trouble);
        let text = |noted: &Option<Noted>| noted.as_ref().map(|noted| noted.text.clone());
        Trouble { store: text(&trouble.store), files: text(&trouble.files) }
    }

    /// Journals that the start could not take up, in words.
    pub fn kept_aside(&self) -> &[String] {
        &self.kept_aside
    }

    /// Turns hours, freezes what is due, closes days that are over. Called every tick. Says how many days are
    /// still to be closed.
    pub fn step(&self, now: UnixMs) -> usize {
        self.step_after(now, GRACE_MS)
    }

    /// As [`Closing::step`]; `grace` ms after its end a day is over.
    fn step_after(&self, now: UnixMs, grace: i64) -> usize {
        let flush = self.flush_due(now);
        let days = self.memory.days();
        let (over, open): (Vec<_>, Vec<_>) =
            days.iter().filter(|day| day.takes_hits()).partition(|day| now >= day.calendar.ends + grace);
        let due: Vec<_> = over.iter().filter(|day| may_close(day, now)).collect();
        // All salts first: closing takes its time.
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
        if flush {
            sealed::give_back();
        }
        over.len() - due.len().min(CLOSES_PER_STEP)
    }

    /// Erases the salts of days that are over. Asks no disk for anything, so it has a thread of its own: a step may be in
    /// the midst of the releases of many sites, or wait for a disk that hangs.
    fn erase_salts(&self, now: UnixMs) {
        let over = |day: &SiteDay| now >= day.calendar.ends + GRACE_MS && may_close(day, now);
        self.memory
            .days()
            .iter()
            .filter(|day| day.takes_hits() && over(day))
            .for_each(|day| day.erase_salt());
    }

    /// Closes all days that have passed: at start, before hits are taken. The delivery follows by itself.
    pub fn close_past(&self, now: UnixMs) {
        // Nobody is waited for yet; and a day that is over got no salt back, so it must not take another hit.
        while self.step_after(now, 0) > 0 {}
    }

    /// Closes all days that have passed and brings them to the store.
    pub fn catch_up(&self, now: UnixMs) {
        self.close_past(now);
        self.deliver();
    }

    /// True once in each flush interval, counted from the epoch so that an hourly flush follows the hour. A clock
    /// that went back begins another interval: releases go on, and never come closer than the interval is long.
    fn flush_due(&self, now: UnixMs) -> bool {
        let interval = (self.flush_interval.as_millis() as i64).max(1);
        let last = self.last_flush.swap(now, Ordering::Relaxed);
        now.div_euclid(interval) > last.div_euclid(interval)
    }

    /// Freezes what is pending, makes it durable, offers it to the store.
    pub fn flush(&self, day: &SiteDay) {
        // Without room for files nothing more is frozen: what is pending is bounded, what is frozen is not.
        if lock(&self.trouble).files.is_some() && !day.to_file().is_empty() {
            return;
        }
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
        let _filing = lock(&self.filing);
        for release in day.to_file() {
            let filed = self.write(day, &release);
            if day.is_removed()
                && let Err(error) = self.files.remove(release.id)
            {
                tracing::error!(%error, site = day.site.0, "a removed site's release could not be removed");
            }
            if let Err(error) = filed {
                let text = format!("release {} of {}: {error}", release.id.number, release.id.day);
                note(&mut lock(&self.trouble).files, text, &error);
                return;
            }
            day.filed(release.id.number);
            lock(&self.trouble).files = None;
            self.offer();
        }
    }

    /// Writes a release's file; with its last release all of a day is in files. Whoever finds a journal replays it,
    /// so it goes before the store may have that.
    fn write(&self, day: &SiteDay, release: &Release) -> io::Result<()> {
        self.files.write(release)?;
        if release.close.is_none() {
            return Ok(());
        }
        self.files.note_closed(day.site, day.calendar.day)?;
        let words = |error: io::Error| format!("the journal could not be destroyed: {error}");
        day.destroy_journal().map_err(|error| io::Error::new(error.kind(), words(error)))
    }

    fn offer(&self) {
        *lock(&self.filed) = true;
        self.wake.notify_all();
    }

    /// Drops all that there is of a removed site: in memory, on its way, in the store.
    ///
    /// # Errors
    /// Words; then it has to be done again.
    pub fn erase_site(&self, site: SiteId) -> Result<(), String> {
        let journals = self.memory.remove_site(site);
        let _moving = lock(&self.moving);
        self.files.remove_site(site).map_err(|error| format!("its release files: {error}"))?;
        self.forget_site_aside(site);
        let erased = self.store.erase(site, None);
        let trouble = &mut lock(&self.trouble).erasure;
        match &erased {
            Ok(()) => *trouble = None,
            Err(error) => note(trouble, format!("site {} could not be erased: {error}", site.0), error),
        }
        erased.map_err(|error| error.to_string())?;
        journals.map_err(|error| format!("its journals: {error}"))
    }

    pub(super) fn out_of_time(&self) -> bool {
        lock(&self.deadline).is_some_and(|deadline| Instant::now() > deadline)
    }

    /// Closes the days of a site that becomes part of another, before their time, and brings them to the store.
    /// Hits that had arrived are waited for. Blocks.
    ///
    /// # Errors
    /// Words, where the store has not taken everything yet; to be called again.
    pub fn end_site(&self, site: SiteId, now: UnixMs) -> Result<(), String> {
        for day in self.memory.shut(site) {
            let patience = Instant::now() + Duration::from_millis(GRACE_MS_MAX as u64);
            while day.arriving() > 0 && Instant::now() < patience {
                std::thread::park_timeout(TICK / 25);
            }
            self.close(&day, now);
            self.file(&day);
            self.deliver_day(&day);
        }
        self.memory.forget_done();
        let files = self.days_in_files(site).map_err(|error| format!("its release files: {error}"))?;
        match self.memory.days_of(site).is_empty() && files.is_empty() {
            true => Ok(()),
            false => {
                Err(self.trouble().store.unwrap_or_else(|| "its last rows wait for the store".to_owned()))
            }
        }
    }

    /// The days of a site of which releases have files: they wait for the store, or it refused them.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn days_in_files(&self, site: SiteId) -> io::Result<BTreeSet<Day>> {
        let ids = self.files.left()?.into_iter();
        Ok(ids.filter(|id| id.site == site).map(|id| id.day).collect())
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
                pause = longer(pause);
            }
        }
    }
}

/// The wait after one that did not help.
pub(super) fn longer(pause: Duration) -> Duration {
    (pause * 2).min(RETRY.1)
}

/// Hits that arrived in time are waited for, but not for ever.
fn may_close(day: &SiteDay, now: UnixMs) -> bool {
    day.arriving() == 0 || now >= day.calendar.ends + GRACE_MS_MAX
}

/// Says a trouble once, however often and at whichever release it is met.
pub(super) fn note(place: &mut Option<Noted>, text: String, error: &dyn std::error::Error) {
    let why = error.to_string();
    if place.as_ref().is_none_or(|noted| noted.why != why) {
        tracing::error!("{text}");
    }
    *place = Some(Noted { text, why });
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps a driver alive: a day that cannot be closed must not keep other days' salts.
fn survive(what: &str, act: impl FnOnce()) {
    if std::panic::catch_unwind(std::panic::AssertUnwindSafe(act)).is_err() {
        tracing::error!("a {what} panicked; its day is closed by the next start");
    }
}

impl Drivers {
    /// Starts the threads: one erases salts, one freezes and closes, one delivers.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(closing: Arc<Closing>) -> io::Result<Drivers> {
        let every_tick = |name: &str, act: fn(&Closing, UnixMs)| {
            let (what, closing) = (name.to_owned(), closing.clone());
            std::thread::Builder::new().name(name.into()).spawn(move || {
                while !closing.stopping.load(Ordering::Acquire) {
                    survive(&what, || act(&closing, clock::now()));
                    std::thread::park_timeout(TICK);
                }
            })
        };
        let salts = every_tick("salts", Closing::erase_salts)?;
        let step = every_tick("close", |closing, now| {
            closing.step(now);
            closing.memory.renew_salts(now, clock::since_boot());
        })?;
        let delivers = closing.clone();
        let deliver =
            std::thread::Builder::new().name("deliver".into()).spawn(move || delivers.deliver_for_ever())?;
        Ok(Drivers { closing, threads: vec![salts, step, deliver] })
    }

    /// Stops the threads and brings what is frozen to the store, if it takes it.
    pub fn stop(self) {
        self.stop_within(STOP_MAX);
    }

    pub(super) fn stop_within(self, time: Duration) {
        self.closing.stopping.store(true, Ordering::Release);
        *lock(&self.closing.deadline) = Some(Instant::now() + time);
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
