//! The journal over real files, and over sinks that fail.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    sync::{
        Barrier,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Instant,
};

use tempfile::TempDir;

use super::*;

const DAY: FileId = FileId { site: SiteId(12), day: Day(20_779) };

struct Bench {
    dir: TempDir,
}

impl Bench {
    fn new() -> Bench {
        Bench { dir: TempDir::new().unwrap() }
    }

    fn start(&self) -> Journal {
        Journal::start(self.config()).unwrap()
    }

    fn config(&self) -> JournalConfig {
        JournalConfig::new(self.dir.path().join("journal"), self.dir.path().join("keys"))
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("journal").join(format!("{DAY}.journal"))
    }

    fn key(&self) -> PathBuf {
        self.dir.path().join("keys").join(format!("{DAY}.journal-key"))
    }

    /// A journal of these frames, closed again.
    fn write(&self, frames: &[&[&[u8]]]) {
        let journal = self.start();
        let opened = journal.open(DAY, |_, _| {}).unwrap();
        for frame in frames {
            // One frame for each flush, as long as the thread cannot get between: it holds the queue.
            let mut queue = journal.shared.lock();
            queue.hold(true);
            drop(queue);
            let tickets: Vec<_> = frame.iter().map(|r| journal.append(&opened.handle, r).unwrap()).collect();
            journal.shared.lock().hold(false);
            journal.shared.wake();
            tickets.iter().for_each(|ticket| ticket.wait().unwrap());
        }
        journal.close(opened.handle);
    }

    fn read(&self) -> Result<(Vec<Vec<u8>>, Opened), OpenError> {
        let journal = self.start();
        let mut records = Vec::new();
        let opened = journal.open(DAY, |seq, record| {
            records.push(record.to_vec());
            assert_eq!(seq, records.len() as u64);
        })?;
        Ok((records, opened))
    }
}

const FRAMES: [&[&[u8]]; 3] = [&[b"one", b"", b"three"], &[b"four"], &[b"five", b"six with more bytes"]];

fn records_of(frames: &[&[&[u8]]]) -> Vec<Vec<u8>> {
    frames.iter().flat_map(|frame| frame.iter().map(|record| record.to_vec())).collect()
}

#[test]
fn what_was_appended_is_read_back_in_order() {
    let bench = Bench::new();
    bench.write(&FRAMES);
    let (records, opened) = bench.read().unwrap();
    assert_eq!(records, records_of(&FRAMES));
    assert_eq!((opened.records, opened.torn, opened.created), (6, false, false));
    assert_eq!((opened.handle.next_seq(), opened.handle.committed().load(SeqCst)), (7, 6));

    let journal = bench.start();
    assert_eq!(journal.list().unwrap(), [DAY]);
    assert_eq!(journal.last_seq(DAY).unwrap(), 6);
    assert_eq!(journal.last_seq(FileId { site: SiteId(1), ..DAY }).unwrap(), 0);
    for path in [bench.path(), bench.key()] {
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "{path:?}");
    }
}

#[test]
fn a_journal_goes_on_after_a_restart() {
    let bench = Bench::new();
    bench.write(&FRAMES[..1]);
    bench.write(&FRAMES[1..]);
    assert_eq!(bench.read().unwrap().0, records_of(&FRAMES));
}

#[test]
fn records_do_not_lie_in_the_file() {
    let bench = Bench::new();
    bench.write(&[&[b"a text that must not be found in any file"]]);
    for path in [bench.path(), bench.key()] {
        let bytes = fs::read(path).unwrap();
        assert!(!bytes.windows(8).any(|window| window == b"must not"));
    }
}

#[test]
fn a_torn_end_is_cut_off_at_every_byte() {
    let bench = Bench::new();
    bench.write(&FRAMES[..2]);
    let whole = fs::metadata(bench.path()).unwrap().len() as usize;
    bench.write(&FRAMES[2..]);
    let bytes = fs::read(bench.path()).unwrap();
    for len in whole..bytes.len() {
        fs::write(bench.path(), &bytes[..len]).unwrap();
        check_torn(&bench, len != whole);
        // A file system may have made the file longer and not have written all of it.
        let mut holes = bytes.clone();
        holes[len..].fill(0);
        fs::write(bench.path(), holes).unwrap();
        check_torn(&bench, true);
    }
}

/// Opens, sees the first two frames only, and goes on from there.
#[track_caller]
fn check_torn(bench: &Bench, torn: bool) {
    let (records, opened) = bench.read().unwrap();
    assert_eq!(records, records_of(&FRAMES[..2]));
    assert_eq!(opened.torn, torn);
    bench.write(&[&[b"after"]]);
    let (records, opened) = bench.read().unwrap();
    assert_eq!(records.last().unwrap(), b"after");
    assert_eq!((records.len(), opened.torn), (5, false));
}

#[test]
fn a_flipped_bit_is_found_wherever_it_is() {
    let bench = Bench::new();
    bench.write(&FRAMES[..2]);
    let last = fs::metadata(bench.path()).unwrap().len() as usize;
    bench.write(&FRAMES[2..]);
    let bytes = fs::read(bench.path()).unwrap();
    for at in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (at % 8);
        fs::write(bench.path(), &flipped).unwrap();
        let found = bench.read().map(|(records, opened)| (records.len(), opened.torn));
        match (at, found) {
            (0..16, Err(OpenError::Foreign { path, .. })) => assert_eq!(path, bench.path()),
            (16..32, Err(OpenError::WrongKey { journal, .. })) => assert_eq!(journal, bench.path()),
            (32.., Err(OpenError::Damaged { offset, .. })) => assert!(at < last && (offset as usize) <= at),
            // Nothing tells a flipped bit of the last frame from a torn one.
            (_, Ok((4, true))) => assert!(at >= last, "byte {at}"),
            (_, found) => panic!("byte {at}: {found:?}"),
        }
    }
}

#[test]
fn a_frame_that_is_missing_or_twice_is_found() {
    let bench = Bench::new();
    let mut ends = Vec::new();
    for frame in FRAMES {
        bench.write(&[frame]);
        ends.push(fs::metadata(bench.path()).unwrap().len() as usize);
    }
    let bytes = fs::read(bench.path()).unwrap();
    let missing = [&bytes[..ends[0]], &bytes[ends[1]..]].concat();
    let twice = [&bytes[..ends[1]], &bytes[ends[0]..]].concat();
    for changed in [missing, twice] {
        fs::write(bench.path(), changed).unwrap();
        assert!(matches!(bench.read(), Err(OpenError::Damaged { .. })));
    }
}

#[track_caller]
fn check_refused(spoil: impl FnOnce(&Bench), expected: &str) {
    let bench = Bench::new();
    bench.write(&FRAMES);
    spoil(&bench);
    let error = bench.read().err().unwrap();
    let kind = format!("{error:?}");
    assert!(kind.starts_with(expected), "{kind}");
    assert!(error.to_string().contains(&DAY.to_string()), "{error}");
}

#[test]
fn files_that_do_not_belong_together_are_told_apart() {
    let other = Bench::new();
    other.write(&FRAMES[..1]);
    check_refused(|bench| fs::remove_file(bench.key()).unwrap(), "MissingKey");
    check_refused(|bench| fs::remove_file(bench.path()).unwrap(), "MissingJournal");
    check_refused(|bench| assert!(fs::copy(other.key(), bench.key()).is_ok()), "WrongKey");
    check_refused(|bench| assert!(fs::copy(other.path(), bench.path()).is_ok()), "WrongKey");
    check_refused(|bench| fs::write(bench.path(), "something else").unwrap(), "Foreign");
    check_refused(|bench| fs::write(bench.key(), "something else").unwrap(), "Foreign");

    // Another day's pair under this day's names.
    let renamed = FileId { day: DAY.day.plus(1), ..DAY };
    let journal = other.start();
    fs::rename(other.path(), journal.places.journal(renamed)).unwrap();
    fs::rename(other.key(), journal.places.key(renamed)).unwrap();
    assert!(matches!(journal.open(renamed, |_, _| {}), Err(OpenError::Foreign { .. })));
}

#[test]
fn a_lost_key_can_be_discarded_with_its_journal() {
    let bench = Bench::new();
    bench.write(&FRAMES);
    fs::remove_file(bench.key()).unwrap();
    let journal = bench.start();
    assert!(matches!(journal.open(DAY, |_, _| {}), Err(OpenError::MissingKey { .. })));
    journal.discard(DAY).unwrap();
    assert!(journal.open(DAY, |_, _| panic!("a record")).unwrap().created);
}

#[test]
fn a_crash_while_a_journal_is_made_or_destroyed_is_finished() {
    let bench = Bench::new();
    // Made: only the beginning; then the beginning and half a key.
    drop(bench.start());
    let beginning = PathBuf::from(format!("{}.new", bench.path().display()));
    for key in [None, Some("half")] {
        fs::write(&beginning, "mayfjrn1").unwrap();
        key.inspect(|key| fs::write(bench.key(), key).unwrap());
        let journal = bench.start();
        assert_eq!(journal.list().unwrap(), []);
        let opened = journal.open(DAY, |_, _| {}).unwrap();
        assert!(opened.created && !beginning.exists());
        journal.destroy(opened.handle).unwrap();
    }
    // Destroyed: renamed, with and without the key.
    for with_key in [true, false] {
        bench.write(&FRAMES);
        fs::rename(bench.path(), format!("{}.gone", bench.path().display())).unwrap();
        if !with_key {
            fs::remove_file(bench.key()).unwrap();
        }
        drop(bench.start());
        assert_eq!(left(&bench), ["lock"]);
    }
}

/// Names of all files, but for the directories.
fn left(bench: &Bench) -> Vec<String> {
    let dirs = [bench.dir.path().join("journal"), bench.dir.path().join("keys")];
    let mut names: Vec<String> = dirs
        .iter()
        .flat_map(|dir| fs::read_dir(dir).unwrap())
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn destroying_leaves_neither_key_nor_journal() {
    let bench = Bench::new();
    let journal = bench.start();
    let opened = journal.open(DAY, |_, _| {}).unwrap();
    let ticket = journal.append(&opened.handle, b"pending when the day ends").unwrap();
    // A second name keeps the key's bytes in reach after the first is removed.
    let kept = bench.dir.path().join("kept");
    fs::hard_link(bench.key(), &kept).unwrap();
    journal.destroy(opened.handle).unwrap();
    ticket.wait().unwrap();
    assert_eq!(left(&bench), ["lock"]);
    assert!(fs::read(kept).unwrap().iter().all(|&byte| byte == 0), "the key was overwritten");
}

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

impl Sink for Failing {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        if !self.at_sync && self.fail.swap(false, SeqCst) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Sink::write_all(&mut self.file, bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        if self.at_sync && self.fail.swap(false, SeqCst) {
            return Err(io::Error::other("the disk says no"));
        }
        Ok(())
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
