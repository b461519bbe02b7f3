//! Appends, commits, failures and bounds.

use std::{
    sync::{
        Barrier,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Instant,
};

use super::{
    super::{
        commit::{SPARE_MAX, ticks},
        *,
    },
    Bench, DAY,
};

#[test]
fn one_process_has_the_directory_and_one_handle_a_file() {
    let bench = Bench::new();
    let journal = bench.start();
    let error = Journal::start(bench.config()).err().unwrap();
    assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    let opened = journal.open(DAY, |_, _| {}).unwrap();
    assert!(matches!(journal.open(DAY, |_, _| {}), Err(OpenError::AlreadyOpen { .. })));
    journal.close(opened.handle);
    assert!(journal.open(DAY, |_, _| {}).is_ok());
}

#[test]
fn a_dropped_handle_commits_what_is_pending_and_lets_the_file_go() {
    let bench = Bench::new();
    let journal = bench.start();
    drop(journal.open(DAY, |_, _| {}).unwrap());
    let opened = journal.open(DAY, |_, _| {}).unwrap();
    journal.shared.lock().hold(true);
    let ticket = journal.append(&opened.handle, b"pending").unwrap();
    drop(opened);
    assert!(matches!(journal.open(DAY, |_, _| {}), Err(OpenError::AlreadyOpen { .. })));
    journal.shared.lock().hold(false);
    journal.shared.wake();
    ticket.wait().unwrap();
    assert_eq!(journal.open(DAY, |_, _| {}).unwrap().records, 1);
}

#[test]
fn commits_of_many_threads_keep_each_files_order() {
    const THREADS: u64 = 32;
    const EACH: u64 = 200;
    let bench = Bench::new();
    let journal = bench.start();
    let ids: Vec<FileId> = (1..=4).map(|site| FileId { site: SiteId(site), ..DAY }).collect();
    // A mutex for each file stands for the site-day's lock.
    let days: Vec<Mutex<Handle>> =
        ids.iter().map(|&id| Mutex::new(journal.open(id, |_, _| {}).unwrap().handle)).collect();
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (journal, days) = (&journal, &days);
            scope.spawn(move || {
                for n in 0..EACH {
                    let day = days[(thread + n) as usize % days.len()].lock().unwrap();
                    let seq = day.next_seq();
                    let ticket =
                        journal.append(&day, &[seq.to_le_bytes(), thread.to_le_bytes()].concat()).unwrap();
                    let committed = day.committed();
                    drop(day);
                    ticket.wait().unwrap();
                    assert_eq!(ticket.seq(), seq);
                    assert!(committed.load(SeqCst) >= seq, "published before it is acknowledged");
                }
            });
        }
    });
    assert_eq!(journal.pending_bytes(), 0);
    for day in days {
        journal.close(day.into_inner().unwrap());
    }
    let mut total = 0;
    for id in ids {
        journal
            .open(id, |seq, record| {
                assert_eq!(record[..8], seq.to_le_bytes());
                total += 1;
            })
            .unwrap();
    }
    assert_eq!(total, THREADS * EACH);
}

/// Fails at the first write or sync after it is told to.
struct Failing {
    file: File,
    fail: Arc<AtomicBool>,
    at_sync: bool,
}

/// Has no room while it is told so: takes the first bytes only.
struct Cramped {
    file: File,
    full: Arc<AtomicBool>,
}

impl Sink for Cramped {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self.full.load(SeqCst) {
            true => {
                Sink::write_all(&mut self.file, &bytes[..5])?;
                Err(io::ErrorKind::StorageFull.into())
            }
            false => Sink::write_all(&mut self.file, bytes),
        }
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync()
    }

    fn cut(&mut self, len: u64) -> io::Result<()> {
        self.file.cut(len)
    }
}

impl Sink for Failing {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        if !self.at_sync && self.fail.swap(false, SeqCst) {
            return Err(io::Error::other("the disk says no"));
        }
        Sink::write_all(&mut self.file, bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        if self.at_sync && self.fail.swap(false, SeqCst) {
            return Err(io::Error::other("the disk says no"));
        }
        Ok(())
    }

    fn cut(&mut self, len: u64) -> io::Result<()> {
        self.file.cut(len)
    }
}

#[track_caller]
fn check_poison(at_sync: bool, expected: &str) {
    let bench = Bench::new();
    let journal = bench.start();
    let fail = Arc::new(AtomicBool::new(false));
    let told = fail.clone();
    let opened = journal
        .open_into(DAY, |_, _| {}, move |file| Box::new(Failing { file, fail: told, at_sync }))
        .unwrap();
    let other = journal.open(FileId { site: SiteId(1), ..DAY }, |_, _| {}).unwrap();
    let good = journal.append(&opened.handle, b"good").unwrap();
    good.wait().unwrap();

    fail.store(true, SeqCst);
    let bad = journal.append(&opened.handle, b"bad").unwrap();
    let error = bad.wait().unwrap_err().to_string();
    assert!(error.contains(expected) && error.contains(&DAY.to_string()), "{error}");
    // The disk would work again. Nobody asks it, for any file.
    assert!(!journal.healthy() && !journal.room());
    for handle in [&opened.handle, &other.handle] {
        assert!(matches!(journal.append(handle, b"later"), Err(AppendError::Failed(_))));
    }
    assert!(journal.flush().is_err());
    assert!(matches!(journal.open(FileId { site: SiteId(2), ..DAY }, |_, _| {}), Err(OpenError::Failed(_))));
    assert!(good.wait().is_ok(), "what was acknowledged stays so");
    assert_eq!(opened.handle.committed().load(SeqCst), 1);
    // A day can still be destroyed, and the journal dropped.
    journal.destroy(opened.handle).unwrap();
}

#[test]
fn a_failed_write_or_sync_ends_acknowledging_for_ever() {
    check_poison(false, "writing");
    check_poison(true, "syncing");
}

#[test]
fn those_who_wait_for_the_next_batch_hear_of_the_failure_too() {
    let bench = Bench::new();
    let journal = bench.start();
    let fail = Arc::new(AtomicBool::new(true));
    let (entered, leave) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    struct Slow(Failing, Arc<Barrier>, Arc<Barrier>);
    impl Sink for Slow {
        fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
            self.1.wait();
            self.2.wait();
            self.0.write_all(bytes)
        }
        fn sync(&mut self) -> io::Result<()> {
            self.0.sync()
        }
        fn cut(&mut self, len: u64) -> io::Result<()> {
            self.0.cut(len)
        }
    }
    let barriers = (entered.clone(), leave.clone());
    let opened = journal
        .open_into(
            DAY,
            |_, _| {},
            move |file| Box::new(Slow(Failing { file, fail, at_sync: true }, barriers.0, barriers.1)),
        )
        .unwrap();
    let first = journal.append(&opened.handle, b"first").unwrap();
    entered.wait();
    let second = journal.append(&opened.handle, b"second").unwrap();
    leave.wait();
    assert!(first.wait().is_err() && second.wait().is_err());
}

#[test]
fn one_file_of_many_that_cannot_be_synced_fails_the_round() {
    let bench = Bench::new();
    let journal = bench.start();
    let fail = Arc::new(AtomicBool::new(false));
    let handles: Vec<Opened> = (1..=40)
        .map(|site| {
            let (id, fail) = (FileId { site: SiteId(site), ..DAY }, fail.clone());
            let opened = journal.open_into(
                id,
                |_, _| {},
                move |file| match site {
                    33 => Box::new(Failing { file, fail, at_sync: true }),
                    _ => Box::new(file),
                },
            );
            opened.unwrap()
        })
        .collect();
    for expected in [true, false] {
        fail.store(!expected, SeqCst);
        journal.shared.lock().hold(true);
        let tickets: Vec<Ticket> =
            handles.iter().map(|opened| journal.append(&opened.handle, b"x").unwrap()).collect();
        journal.shared.lock().hold(false);
        journal.shared.wake();
        assert!(tickets.iter().all(|ticket| ticket.wait().is_ok() == expected));
    }
    assert_eq!(journal.counts().syncs.load(Relaxed), 40);
    assert!(handles.iter().all(|opened| opened.handle.committed().load(SeqCst) == 1));
}

#[test]
fn a_panicking_sink_is_a_failed_write() {
    struct Panics;
    impl Sink for Panics {
        fn write_all(&mut self, _: &[u8]) -> io::Result<()> {
            panic!("for the test")
        }
        fn sync(&mut self) -> io::Result<()> {
            Ok(())
        }
        fn cut(&mut self, _: u64) -> io::Result<()> {
            Ok(())
        }
    }
    let bench = Bench::new();
    let journal = bench.start();
    let opened = journal.open_into(DAY, |_, _| {}, |_| Box::new(Panics)).unwrap();
    let ticket = journal.append(&opened.handle, b"x").unwrap();
    assert!(ticket.wait().is_err() && !journal.healthy());
}

#[test]
fn a_full_disk_is_an_error_with_a_name() {
    let bench = Bench::new();
    let journal = bench.start();
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let opened = journal.open_into(DAY, |_, _| {}, |_| Box::new(full)).unwrap();
    let error = journal.append(&opened.handle, b"x").unwrap().wait().unwrap_err();
    assert!(error.to_string().contains("No space left"), "{error}");
}

#[test]
fn a_full_disk_is_waited_for_and_nothing_is_lost_or_twice() {
    let bench = Bench::new();
    let journal = bench.start();
    let full = Arc::new(AtomicBool::new(false));
    let told = full.clone();
    let opened =
        journal.open_into(DAY, |_, _| {}, move |file| Box::new(Cramped { file, full: told })).unwrap();
    let other = FileId { site: SiteId(1), ..DAY };
    let beside = journal.open(other, |_, _| {}).unwrap();
    journal.append(&opened.handle, b"before").unwrap().wait().unwrap();

    full.store(true, SeqCst);
    journal.shared.lock().hold(true);
    let meanwhile: Vec<Ticket> = [&opened.handle, &beside.handle]
        .map(|handle| journal.append(handle, b"while it fills").unwrap())
        .into();
    journal.shared.lock().hold(false);
    journal.shared.wake();
    for ticket in &meanwhile {
        let error = ticket.wait().unwrap_err();
        assert!(matches!(error, CommitError::Full(_)) && error.to_string().contains("for room"), "{error}");
    }
    assert_eq!((journal.trouble(), journal.room()), (Some(Trouble::Full), false));
    assert!(journal.healthy(), "it is not for ever");
    // Memory had changed just before it was known that there is no room.
    let late = journal.append(&opened.handle, b"late").unwrap();
    assert!(matches!(late.wait(), Err(CommitError::Full(_))));
    assert!(journal.flush().is_err(), "nobody who flushes waits for room");

    full.store(false, SeqCst);
    while journal.trouble().is_some() {
        std::thread::yield_now();
    }
    journal.append(&opened.handle, b"after").unwrap().wait().unwrap();
    assert_eq!(opened.handle.committed().load(SeqCst), 4);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for ticket in meanwhile {
        ticket.wait().expect("whoever kept the ticket learns that it was written after all");
        runtime.block_on(ticket.committed()).unwrap();
    }
    journal.close(opened.handle);
    journal.close(beside.handle);
    drop(journal);
    let expected: Vec<Vec<u8>> =
        [&b"before"[..], b"while it fills", b"late", b"after"].map(<[u8]>::to_vec).into();
    assert_eq!(bench.read().unwrap().0, expected);
    assert_eq!(bench.start().last_seq(other).unwrap(), 1);
}

#[test]
fn a_journal_that_is_dropped_while_the_disk_is_full_ends_and_keeps_what_was_synced() {
    let bench = Bench::new();
    let journal = bench.start();
    let full = Arc::new(AtomicBool::new(false));
    let told = full.clone();
    let opened =
        journal.open_into(DAY, |_, _| {}, move |file| Box::new(Cramped { file, full: told })).unwrap();
    journal.append(&opened.handle, b"before").unwrap().wait().unwrap();
    full.store(true, SeqCst);
    assert!(journal.append(&opened.handle, b"lost").unwrap().wait().is_err());
    drop((opened, journal));
    let (records, opened) = bench.read().unwrap();
    assert_eq!((records, opened.torn), (vec![b"before".to_vec()], false));
}

#[test]
fn a_disk_that_hangs_is_noticed_and_ends_by_itself() {
    let bench = Bench::new();
    let journal = bench.start();
    let opened = journal.open(DAY, |_, _| {}).unwrap();
    // As if a commit had begun now.
    journal.shared.since.store(ticks(), Relaxed);
    while journal.shared.writing_for() <= Duration::from_millis(2) {
        std::thread::yield_now();
    }
    assert_eq!(journal.trouble(), None, "ten seconds are not over");
    journal.append(&opened.handle, b"x").unwrap().wait().unwrap();
    assert_eq!(journal.shared.writing_for(), Duration::ZERO);
}

#[test]
fn a_disk_that_hangs_while_it_is_full_is_noticed() {
    /// Has no room for the first write, and does not end the second.
    struct Stuck(File, bool, Arc<Barrier>);
    impl Sink for Stuck {
        fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
            if !std::mem::replace(&mut self.1, true) {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.2.wait();
            self.2.wait();
            Sink::write_all(&mut self.0, bytes)
        }
        fn sync(&mut self) -> io::Result<()> {
            self.0.sync()
        }
        fn cut(&mut self, len: u64) -> io::Result<()> {
            self.0.cut(len)
        }
    }
    let bench = Bench::new();
    let journal = bench.start();
    let barrier = Arc::new(Barrier::new(2));
    let stuck = barrier.clone();
    let opened = journal.open_into(DAY, |_, _| {}, |file| Box::new(Stuck(file, false, stuck))).unwrap();
    assert!(journal.append(&opened.handle, b"x").unwrap().wait().is_err());
    barrier.wait();
    assert_ne!(journal.shared.since.load(Relaxed), 0, "a write is under way");
    barrier.wait();
    while journal.trouble().is_some() {
        std::thread::yield_now();
    }
    assert_eq!(opened.handle.committed().load(SeqCst), 1);
}

#[test]
fn what_waits_is_bounded() {
    let bench = Bench::new();
    let config = JournalConfig { pending_bytes_max: 3 << 20, ..bench.config() };
    let journal = Journal::start(config).unwrap();
    let opened = journal.open(DAY, |_, _| {}).unwrap();
    assert!(matches!(
        journal.append(&opened.handle, &vec![0; RECORD_BYTES_MAX + 1]),
        Err(AppendError::TooLarge { .. })
    ));
    journal.shared.lock().hold(true);
    let record = vec![7; RECORD_BYTES_MAX];
    let mut tickets = Vec::new();
    while journal.room() {
        tickets.push(journal.append(&opened.handle, &record).unwrap());
    }
    assert_eq!(tickets.len(), 3);
    let refused = loop {
        match journal.append(&opened.handle, &record) {
            Ok(ticket) => tickets.push(ticket),
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, AppendError::Overloaded { .. }), "{refused}");
    assert_eq!(opened.handle.next_seq(), tickets.len() as u64 + 1, "a refused record has no number");
    journal.shared.lock().hold(false);
    journal.shared.wake();
    tickets.iter().for_each(|ticket| ticket.wait().unwrap());
    assert!(journal.room());
}

#[test]
fn buffers_above_their_bound_are_freed() {
    let bench = Bench::new();
    let journal = bench.start();
    let opened = journal.open(DAY, |_, _| {}).unwrap();
    for (bytes, kept) in [(100, true), (SPARE_MAX + 1, false), (100, true)] {
        // Both of a file's buffers are used in turn.
        for _ in 0..2 {
            journal.append(&opened.handle, &vec![7; bytes]).unwrap().wait().unwrap();
            let queue = journal.shared.lock();
            let spare = queue.files.values().next().unwrap().spare.capacity();
            assert_eq!(spare > 0, kept, "{spare} bytes are kept after a record of {bytes}");
            assert!(spare <= SPARE_MAX, "{spare}");
        }
    }
}

#[tokio::test]
async fn tasks_wait_without_blocking_and_all_are_woken_once() {
    let bench = Bench::new();
    let journal = bench.start();
    let opened = journal.open(DAY, |_, _| {}).unwrap();
    let tickets: Vec<Ticket> =
        (0..100_u32).map(|n| journal.append(&opened.handle, &n.to_le_bytes()).unwrap()).collect();
    let tasks: Vec<_> =
        tickets.into_iter().map(|ticket| tokio::spawn(async move { ticket.committed().await })).collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert!(journal.counts().commits.load(Relaxed) <= 100);
}

/// Prints commits and hits a second with 512 tasks that each wait for their record before the next.
#[test]
fn commits_a_second_with_512_waiters() {
    let bench = Bench::new();
    let journal = Arc::new(bench.start());
    let handle = Arc::new(Mutex::new(journal.open(DAY, |_, _| {}).unwrap().handle));
    let each = if cfg!(debug_assertions) { 20 } else { 400 };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let started = Instant::now();
    runtime.block_on(async {
        let tasks: Vec<_> = (0..512)
            .map(|_| {
                let (journal, handle) = (journal.clone(), handle.clone());
                tokio::spawn(async move {
                    for _ in 0..each {
                        let ticket = journal.append(&handle.lock().unwrap(), &[7; 60]).unwrap();
                        ticket.committed().await.unwrap();
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
    let seconds = started.elapsed().as_secs_f64();
    let commits = journal.counts().commits.load(Relaxed);
    println!("{:.0} commits/s, {:.0} hits/s", commits as f64 / seconds, 512.0 * f64::from(each) / seconds);
    assert_eq!(journal.counts().records.load(Relaxed), 512 * each as u64);
}
