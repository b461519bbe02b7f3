//! Jobs in the server: one at a time, on a thread of its own, beside everything else. What a merge and a correction
//! have to do after a day has closed is done here too.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
};

use super::{
    Acknowledged, Days, JobError, Request, Result, Rooms, correct, fail_left,
    restore::today,
    run,
    watch::{Watch, tell},
};
use crate::{
    clock,
    close::driver::Closing,
    control::{Control, Job},
    domain::{
        day::{Day, UnixMs},
        declaration::SiteId,
    },
    nodes::reach::Collectors,
    store::Store,
    verify::{Looks, Scope},
};

/// By how much clocks of nodes may differ, in milliseconds.
const CLOCKS_DIFFER: UnixMs = 3_600_000;

/// Takes jobs as they come.
pub struct Server {
    control: Arc<Control>,
    store: Arc<dyn Store>,
    closing: Arc<Closing>,
    /// Other nodes that hold open days.
    collectors: Option<Arc<Collectors>>,
    data: PathBuf,
    looks: Box<dyn Fn() -> Looks + Send + Sync>,
    watch: Watch,
    stopping: AtomicBool,
    running: Mutex<Option<JoinHandle<()>>>,
    /// Held while something is corrected: jobs and what is left of earlier ones come one after the other.
    correcting: Mutex<()>,
    /// Why what is left could not be finished, in words.
    trouble: Mutex<Option<String>>,
}

impl Server {
    /// Tells jobs as failed that an earlier process left behind, and removes what they had written.
    pub fn new(control: Arc<Control>, store: Arc<dyn Store>, closing: Arc<Closing>, data: PathBuf) -> Server {
        let left = "the server ended while it ran: a backup or export is not there, a restore changed no rows, and \
                    what a merge or correction still has to do is done by itself";
        match fail_left(&control, &data, left) {
            Ok(0) => {}
            Ok(jobs) => tracing::warn!(jobs, "jobs had not ended when the last process did"),
            Err(error) => tracing::error!(%error, "jobs of the last process could not be looked at"),
        }
        let (watch, stopping, running, correcting, trouble) = Default::default();
        let looks = Box::new(Looks::default);
        let collectors = None;
        Server {
            control,
            store,
            closing,
            collectors,
            data,
            looks,
            watch,
            stopping,
            running,
            correcting,
            trouble,
        }
    }

    /// With what a verification looks at besides databases, asked for each time.
    pub fn with_looks(self, looks: impl Fn() -> Looks + Send + Sync + 'static) -> Server {
        Server { looks: Box::new(looks), ..self }
    }

    /// With other nodes that hold open days of the same sites.
    pub fn with_collectors(self, collectors: Option<Arc<Collectors>>) -> Server {
        Server { collectors, ..self }
    }

    /// Begins the job that waits longest unless one is running, and does what is left of earlier ones. Called
    /// every second. Blocks.
    pub fn step(self: &Arc<Server>, now: UnixMs) {
        self.finish(now);
        self.begin(now);
    }

    /// Begins the job that waits longest unless one is running; where none waits, a verification that is due.
    pub fn begin(self: &Arc<Server>, now: UnixMs) {
        let mut running = lock(&self.running);
        if self.stopping.load(Ordering::Acquire)
            || running.as_ref().is_some_and(|thread| !thread.is_finished())
        {
            return;
        }
        let job = match self.control.begin_job() {
            Ok(job) => job,
            Err(error) => return tracing::error!(%error, "jobs could not be looked at"),
        };
        let server = self.clone();
        let thread = std::thread::Builder::new().name("job".into());
        let Some(job) = job else {
            let Some(scope) = self.watch.due(&self.control, now) else { return };
            match thread.spawn(move || server.look(&scope, now)) {
                Ok(thread) => *running = Some(thread),
                Err(error) => tracing::error!(%error, "a verification could not begin"),
            }
            return;
        };
        let id = job.id;
        match thread.spawn(move || server.run(&job)) {
            Ok(thread) => *running = Some(thread),
            Err(error) => self.end(id, Err(error.to_string())),
        }
    }

    /// Verifies by itself; a breach is an error in the log, each time.
    fn look(&self, scope: &Scope, now: UnixMs) {
        let looks = (self.looks)();
        match super::verify::look(&self.rooms(now, &looks, &|_| {}), scope) {
            Ok(report) => tell(&report),
            Err(error) => {
                tracing::error!(%error, "what is claimed could not be verified; it is tried again tomorrow")
            }
        }
    }

    /// Lets a job that is running come to its end, soon.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        if let Some(thread) = lock(&self.running).take()
            && thread.join().is_err()
        {
            tracing::error!("a job panicked");
        }
    }

    fn run(&self, job: &Job) {
        tracing::info!(job = job.id, request = job.request, "a job begins");
        let done = || {
            let request: Request = serde_json::from_str(&job.request).map_err(|error| {
                format!("the server does not know this job, is it an older version? ({error})")
            })?;
            let _alone = lock(&self.correcting);
            let says = |words: &str| {
                if let Err(error) = self.control.job_says(job.id, words) {
                    tracing::warn!(%error, "a job's progress could not be noted");
                }
            };
            let looks = (self.looks)();
            run(&request, &self.rooms(clock::now(), &looks, &says)).map_err(|error| error.to_string())
        };
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(done));
        self.end(
            job.id,
            ended.unwrap_or_else(|_| Err("it panicked: the server's log says where".to_owned())),
        );
    }

    fn end(&self, id: i64, ended: Result<String, String>) {
        match &ended {
            Ok(_) => tracing::info!(job = id, "a job is done"),
            Err(error) => tracing::error!(job = id, error, "a job failed"),
        }
        let ended = ended.as_deref().map_err(String::as_str);
        if let Err(error) = self.control.end_job(id, ended) {
            tracing::error!(%error, job = id, "a job's end could not be noted");
        }
    }

    fn rooms<'a>(&'a self, now: UnixMs, looks: &'a Looks, says: &'a (dyn Fn(&str) + Sync)) -> Rooms<'a> {
        Rooms {
            control: &self.control,
            store: &*self.store,
            days: self,
            data: &self.data,
            looks,
            now,
            says,
            stopping: &self.stopping,
        }
    }

    /// Merges that wait for the store, and sources that wait for a day's close.
    fn finish(&self, now: UnixMs) {
        let Ok(_alone) = self.correcting.try_lock() else { return };
        let trouble = self.try_finish(now).err().map(|error| error.to_string());
        let mut known = lock(&self.trouble);
        // Said once, however often it is met.
        if let Some(error) = trouble.as_ref().filter(|_| *known != trouble) {
            tracing::error!(error, "a correction could not be finished; it is tried again");
        }
        *known = trouble;
    }

    fn try_finish(&self, now: UnixMs) -> Result<()> {
        let looks = Looks::default();
        let rooms = self.rooms(now, &looks, &|_| {});
        for leaving in self.control.leaving(now)? {
            correct::finish_merge(&rooms, &leaving)?;
        }
        for forget in self.control.forgets()? {
            correct::finish_forget(&rooms, &forget)?;
        }
        Ok(())
    }
}

impl Days for Server {
    fn held(&self, site: SiteId) -> Result<HashMap<Day, Option<Acknowledged>>> {
        let files = self.closing.days_in_files(site).map_err(JobError::file(&self.data))?;
        let mut held: HashMap<_, _> = files.into_iter().map(|day| (day, None)).collect();
        for day in self.closing.memory.days_of(site) {
            let known = Acknowledged { node: day.node, number: day.acknowledged() };
            held.insert(day.calendar.day, Some(known));
        }
        if let Some(collectors) = &self.collectors {
            let there = collectors.held(site).map_err(JobError::Refused)?;
            held.extend(there.into_iter().flat_map(|one| one.days).map(|day| (day, None)));
        }
        Ok(held)
    }

    fn while_unopened(&self, site: SiteId, day: Day, act: &mut dyn FnMut() -> Result<()>) -> Result<bool> {
        // A collector may open it at any moment, unless it is past by all clocks: then none does that has not got it.
        if self.collectors.is_some() {
            let directory = self.control.directory().load_full();
            let past = day < today(&directory, site, clock::now() - CLOCKS_DIFFER);
            return if past { act().map(|()| true) } else { Ok(false) };
        }
        self.closing.memory.while_unopened(site, day, act).transpose().map(|done| done.is_some())
    }

    fn end(&self, site: SiteId) -> Result<(), String> {
        self.closing.end_site(site, clock::now())?;
        let Some(collectors) = &self.collectors else { return Ok(()) };
        // Each ends it by itself once it knows that the site is on its way into another.
        match collectors.held(site)?.iter().find(|one| one.takes_hits || !one.days.is_empty()) {
            None => Ok(()),
            Some(one) => Err(format!("collector {} has not brought all of it to the store yet", one.node)),
        }
    }

    fn erase(&self, site: SiteId) -> Result<(), String> {
        self.closing.erase_site(site)
    }

    fn know(&self, site: SiteId) {
        self.closing.memory.refresh_known(site);
    }

    fn running(&self) -> bool {
        true
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
