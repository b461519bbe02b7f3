//! When an answer to collection leaves: a whole number of steps after its request was there. So the time of an answer
//! does not tell what was done for it: whether its visitor is new or known, or one whose hits are dropped.
//!
//! A worker has one timer for all its answers, and lets those go together that are due at the same tick.

use std::{cell::RefCell, collections::BTreeMap, io, rc::Rc, time::Duration};

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use tokio::{net::unix::pipe::Receiver, sync::Notify};

use crate::{
    clock,
    sabotage::{self, Sabotage},
};

/// Answers leave so long after their requests were there, or twice as long, and so on.
const STEP: Duration = Duration::from_millis(5);
/// The times at which answers leave are this far apart, so that many need one look of the worker.
const TICK: Duration = Duration::from_millis(1);
/// For so many hits of a request its step is longer by one [`STEP`]: each of them may be a visitor's first.
const HITS_A_STEP: usize = 50;

/// A request that was there, and whose answer has not left.
pub(super) struct Leaving {
    since: Duration,
    /// The hits that it is for.
    pub hits: usize,
}

impl Leaving {
    /// The whole request is there now, and nothing of it has been looked at.
    pub fn from_now() -> Leaving {
        Leaving { since: clock::running(), hits: 0 }
    }

    /// Waits until its answer is due. To be called once all is done that was to be done for it.
    pub async fn wait(self) {
        if sabotage::on(Sabotage::AnswersAtOnce) {
            return;
        }
        let due = due(self.since, clock::running(), self.hits);
        WORKER.with(|worker| worker.at(due)).notified().await;
    }
}

/// The first tick at which an answer may leave that was ready `done`.
fn due(since: Duration, done: Duration, hits: usize) -> u64 {
    let ticks = |time: Duration| time.as_nanos().div_ceil(TICK.as_nanos()) as u64;
    let step = ticks(STEP) * (1 + hits / HITS_A_STEP) as u64;
    let taken = ticks(done).saturating_sub(ticks(since));
    ticks(since) + step * taken.div_ceil(step).max(1)
}

/// The answers of one worker that are ready and not due.
#[derive(Default)]
struct Worker {
    due: RefCell<BTreeMap<u64, Rc<Notify>>>,
    /// One is due before all that were waited for so far.
    sooner: Notify,
}

thread_local! {
    static WORKER: Rc<Worker> = Rc::default();
}

impl Worker {
    /// What tells those whose answers are due at a tick.
    fn at(&self, tick: u64) -> Rc<Notify> {
        let mut due = self.due.borrow_mut();
        if due.first_key_value().is_none_or(|(&first, _)| tick < first) {
            self.sooner.notify_one();
        }
        due.entry(tick).or_default().clone()
    }

    /// How long it is until the first of them; `None` while there is none.
    fn wait(&self, now: Duration) -> Option<Duration> {
        let first = *self.due.borrow().first_key_value()?.0;
        Some(Duration::from_nanos(first * TICK.as_nanos() as u64).saturating_sub(now))
    }

    fn let_go(&self, now: Duration) {
        while self.wait(now).is_some_and(|wait| wait.is_zero()) {
            let first = self.due.borrow_mut().pop_first();
            first.inspect(|(_, answers)| answers.notify_waiters());
        }
    }
}

/// Lets the answers of the worker that this runs on go, for ever.
pub async fn let_go_for_ever() {
    let (worker, timer) = (WORKER.with(Rc::clone), Timer::new());
    loop {
        match worker.wait(clock::running()) {
            Some(wait) if wait.is_zero() => worker.let_go(clock::running()),
            Some(wait) => tokio::select! {
                () = timer.after(wait) => {}
                () = worker.sooner.notified() => {}
            },
            None => worker.sooner.notified().await,
        }
    }
}

/// A timer of the system, which is read like a pipe. That of the runtime counts whole milliseconds from when the worker
/// went to sleep, and so would tell when that was.
struct Timer(Option<Receiver>);

impl Timer {
    fn new() -> Timer {
        let made = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC);
        let timer = made.map_err(io::Error::from).and_then(Receiver::from_owned_fd_unchecked);
        Timer(timer.inspect_err(|error| tracing::warn!(%error, "answers leave by a coarse timer")).ok())
    }

    /// Waits; anew where an earlier wait was given up.
    async fn after(&self, wait: Duration) {
        let waited = match &self.0 {
            Some(timer) => set(timer, wait).await,
            None => Err(io::ErrorKind::Unsupported.into()),
        };
        if waited.is_err() {
            tokio::time::sleep(wait).await;
        }
    }
}

async fn set(timer: &Receiver, wait: Duration) -> io::Result<()> {
    let never = Timespec { tv_sec: 0, tv_nsec: 0 };
    let once = Timespec { tv_sec: wait.as_secs() as _, tv_nsec: wait.subsec_nanos().into() };
    let times = Itimerspec { it_interval: never, it_value: once };
    timerfd_settime(timer, TimerfdTimerFlags::empty(), &times)?;
    loop {
        timer.readable().await?;
        match timer.try_read(&mut [0; 8]) {
            Err(early) if early.kind() == io::ErrorKind::WouldBlock => {}
            read => return read.map(drop),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(since_us: u64, done_us: u64, hits: usize, expected: u64) {
        let found = due(Duration::from_micros(since_us), Duration::from_micros(done_us), hits);
        assert_eq!(found, expected, "{since_us} {done_us} {hits}");
    }

    #[test]
    fn answers_leave_whole_steps_after_their_requests() {
        check(0, 0, 1, 5);
        check(1, 30, 1, 6);
        check(1_000, 1_600, 1, 6);
        check(1_000, 5_999, 1, 6);
        check(1_000, 6_000, 1, 6);
        check(1_000, 6_001, 1, 11);
        check(1_000, 10_500, 0, 11);
        check(1_000, 96_001, 49, 101);
        check(1_000, 1_600, 50, 11);
        check(1_000, 11_600, 99, 21);
        check(1_000, 1_600, 500, 56);
        check(2_000, 1_000, 1, 7);
    }

    #[test]
    fn those_that_are_due_go_and_the_others_stay() {
        let worker = Worker::default();
        let ms = Duration::from_millis;
        assert_eq!(worker.wait(ms(1)), None);
        let answers = [7, 9, 8, 9].map(|tick| worker.at(tick));
        assert!(Rc::ptr_eq(&answers[1], &answers[3]), "one look for both");
        assert_eq!(worker.wait(ms(4)), Some(ms(3)));
        worker.let_go(ms(8));
        assert_eq!(worker.wait(ms(8)), Some(ms(1)));
        assert_eq!(worker.due.borrow().len(), 1);
    }
}
