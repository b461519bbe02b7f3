//! The two regions of a site-day as mapped files of the runtime directory, with the undo log that makes them hold
//! exactly what the journal acknowledged after a kill at any point.

use std::{
    fs::{self, File},
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst, compiler_fence},
    },
};

use super::{
    runtime::{HEADER, Part, RuntimeDir, file_header, private, wipe},
    sealed::{self, Mapping},
    undo::{CHANGE_BYTES_MAX, Undo},
};
use crate::{
    domain::region::Region,
    journal::FileId,
    sabotage::{self, Sabotage},
};

const PARTS: [Part; 2] = [Part::Visitors, Part::Seen];
/// Bytes of a region once it holds anything: regions double from here.
const REGION_BYTES_MIN: usize = 16 * sealed::PAGE;

/// The mapped regions of one site-day.
pub struct DayRegions {
    pub visitors: MappedRegion,
    pub seen: MappedRegion,
    /// To ask for room before a hit.
    pub undo: Undo,
    /// They hold the state as of the journal's last record, from before a restart; otherwise they are empty.
    pub survived: bool,
}

/// A region in a file of the runtime directory. Dropped, it is wiped and its file removed, unless the directory
/// was told to leave its files.
pub struct MappedRegion {
    dir: RuntimeDir,
    day: FileId,
    part: Part,
    index: u8,
    file: File,
    mapping: Mapping,
    undo: Undo,
}

impl RuntimeDir {
    /// Opens the regions of a site-day.
    ///
    /// With `survive`, tables that a process before this one left are taken over, and the changes of records
    /// above `committed` are taken back: so `committed` must already stand at the journal's last record. Say
    /// `survive` only if the salt was found and the journal was not just created; `layout` changes whenever the
    /// bytes in the regions mean something else.
    ///
    /// # Errors
    /// When the directory is full or its files cannot be mapped.
    pub fn open_regions(
        &self,
        day: FileId,
        layout: u32,
        committed: Arc<AtomicU64>,
        survive: bool,
    ) -> io::Result<DayRegions> {
        if survive && let Some(regions) = self.take_over(day, layout, committed.clone())? {
            return Ok(regions);
        }
        for part in [Part::Undo, Part::Visitors, Part::Seen] {
            wipe(&self.file(day, part))?;
        }
        // The log first: regions without one are never taken over.
        let undo = Undo::fresh(self, day, committed)?;
        let [visitors, seen] = PARTS.map(|part| fresh(self, day, part, layout));
        self.attach(day, visitors?, seen?, undo, false)
    }

    /// The regions that a process before this one left; `None`, and nothing is changed, where they cannot be
    /// trusted. See [`RuntimeDir::open_regions`].
    ///
    /// # Errors
    /// When the files cannot be mapped.
    pub fn take_over(
        &self,
        day: FileId,
        layout: u32,
        committed: Arc<AtomicU64>,
    ) -> io::Result<Option<DayRegions>> {
        let [visitors, seen] = PARTS.map(|part| survivor(self, day, part, layout));
        let (Some(visitors), Some(seen)) = (visitors?, seen?) else { return Ok(None) };
        let mut both = [visitors, seen];
        let undo = Undo::survived(self, day, committed, |region, offset, old| {
            let Some((_, mapping)) = both.get_mut(region as usize) else { return false };
            let place = mapping.bytes_mut()[sealed::PAGE..].get_mut(offset..offset.saturating_add(old.len()));
            place.map(|place| place.copy_from_slice(old)).is_some()
        })?;
        let [visitors, seen] = both;
        undo.map(|undo| self.attach(day, visitors, seen, undo, true)).transpose()
    }

    fn attach(
        &self,
        day: FileId,
        visitors: (File, Mapping),
        seen: (File, Mapping),
        undo: Undo,
        survived: bool,
    ) -> io::Result<DayRegions> {
        let region = |index: u8, (file, mapping): (File, Mapping)| MappedRegion {
            dir: self.clone(),
            day,
            part: PARTS[index as usize],
            index,
            file,
            mapping,
            undo: undo.clone(),
        };
        Ok(DayRegions { visitors: region(0, visitors), seen: region(1, seen), undo: undo.clone(), survived })
    }
}

/// A new file with nothing but its header.
fn fresh(dir: &RuntimeDir, day: FileId, part: Part, layout: u32) -> io::Result<(File, Mapping)> {
    let file = private(&dir.file(day, part))?;
    sealed::reserve(&file, sealed::PAGE as u64)?;
    let mut mapping = Mapping::file(&file)?;
    mapping.bytes_mut()[..HEADER].copy_from_slice(&file_header(day, part, layout));
    Ok((file, mapping))
}

/// The file of a process before this one, if it is whole and of this site-day and layout.
fn survivor(dir: &RuntimeDir, day: FileId, part: Part, layout: u32) -> io::Result<Option<(File, Mapping)>> {
    let path = dir.file(day, part);
    if !path.exists() {
        return Ok(None);
    }
    let file = private(&path)?;
    if file.metadata()?.len() < sealed::PAGE as u64 {
        return Ok(None);
    }
    let mapping = Mapping::file(&file)?;
    let ours = mapping.bytes()[..HEADER] == file_header(day, part, layout);
    Ok(ours.then_some((file, mapping)))
}

impl Region for MappedRegion {
    fn bytes(&self) -> &[u8] {
        &self.mapping.bytes()[sealed::PAGE..]
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.mapping.bytes_mut()[sealed::PAGE..]
    }

    /// Makes the file longer, then maps it anew. A crash in between leaves a longer table whose new bytes are
    /// zero, like any table that has grown and not been filled.
    fn grow(&mut self, len: usize) -> io::Result<()> {
        let now = self.bytes().len();
        if len <= now {
            return Ok(());
        }
        let target = len.max(now * 2).max(REGION_BYTES_MIN).next_multiple_of(sealed::PAGE);
        // Doubling may be more than a small directory has, where what is needed is not.
        let enough = len.next_multiple_of(sealed::PAGE);
        sealed::reserve(&self.file, (sealed::PAGE + target) as u64)
            .or_else(|_| sealed::reserve(&self.file, (sealed::PAGE + enough) as u64))?;
        self.mapping = Mapping::file(&self.file)?;
        Ok(())
    }

    fn before_change(&mut self, seq: u64, offset: usize, len: usize) {
        for start in (0..len).step_by(CHANGE_BYTES_MAX) {
            let at = offset + start;
            let old = &self.bytes()[at..at + (len - start).min(CHANGE_BYTES_MAX)];
            self.undo.save(seq, self.index, at, old);
        }
    }

    /// Overwrites the table and forgets whose it was.
    fn wipe(&mut self) {
        // The header first: a table that is half wiped must not be taken over.
        self.mapping.bytes_mut()[..HEADER].fill(0);
        compiler_fence(SeqCst);
        self.mapping.bytes_mut().fill(0);
    }
}

impl Drop for MappedRegion {
    fn drop(&mut self) {
        if !self.dir.leaves_files() && !sabotage::on(Sabotage::TableKept) {
            self.wipe();
            // It is all zeros, and the next start removes what is left.
            let _ = fs::remove_file(self.dir.file(self.day, self.part));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{BufRead, BufReader},
        path::Path,
        process::{Command, Stdio},
        sync::atomic::Ordering::Relaxed,
    };

    use proptest::prelude::*;
    use tempfile::TempDir;

    use super::*;
    use crate::{
        domain::{day::Day, declaration::SiteId},
        journal::{Journal, JournalConfig},
    };

    const DAY: FileId = FileId { site: SiteId(3), day: Day(20_779) };

    fn committed(seq: u64) -> Arc<AtomicU64> {
        Arc::new(AtomicU64::new(seq))
    }

    impl DayRegions {
        fn both(&mut self) -> [&mut MappedRegion; 2] {
            [&mut self.visitors, &mut self.seen]
        }

        fn begin(&mut self) {
            self.both().into_iter().for_each(|region| region.grow(1).unwrap());
        }
    }

    /// What a record does to the regions, and a plain model of them.
    #[derive(Clone, Debug)]
    enum Change {
        Write(usize, u16, usize, u8),
        /// And a write into what is new.
        Grow(usize, usize),
    }

    impl Change {
        fn make(&self, seq: u64, regions: &mut DayRegions) {
            match *self {
                Change::Write(region, at, len, byte) => {
                    let region = &mut regions.both()[region];
                    let at = at as usize % (REGION_BYTES_MIN - len);
                    region.before_change(seq, at, len);
                    region.bytes_mut()[at..at + len].fill(byte);
                }
                Change::Grow(region, to) => {
                    let region = &mut regions.both()[region];
                    region.grow(to).unwrap();
                    region.before_change(seq, to - 32, 32);
                    region.bytes_mut()[to - 32..to].fill(seq as u8);
                }
            }
        }
    }

    fn change() -> impl Strategy<Value = Change> {
        let write = (0..2_usize, any::<u16>(), 1..=CHANGE_BYTES_MAX, any::<u8>())
            .prop_map(|(region, at, len, byte)| Change::Write(region, at, len, byte));
        let grow = (0..2_usize, 32..300_000_usize).prop_map(|(region, to)| Change::Grow(region, to));
        prop_oneof![20 => write, 1 => grow]
    }

    fn state(regions: &mut DayRegions) -> [Vec<u8>; 2] {
        regions.both().map(|region| region.bytes().to_vec())
    }

    /// Equal but for zeros at the end: a table that had grown stays long.
    #[track_caller]
    fn assert_same(found: &[Vec<u8>; 2], expected: &[Vec<u8>; 2]) {
        for (found, expected) in found.iter().zip(expected) {
            let (start, rest) = found.split_at(expected.len());
            assert!(start == expected, "the bytes are not those of the last committed record");
            assert!(rest.iter().all(|&byte| byte == 0), "new bytes are not zero");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
        #[test]
        fn after_a_crash_the_regions_are_as_the_journal_says(
            records in prop::collection::vec(prop::collection::vec(change(), 0..8), 1..150),
            published in any::<prop::sample::Index>(),
            on_disk in any::<prop::sample::Index>(),
        ) {
            let home = TempDir::new().unwrap();
            let dir = RuntimeDir::open(&home.path().join("run")).unwrap();
            let known = committed(0);
            let mut regions = dir.open_regions(DAY, 1, known.clone(), true).unwrap();
            prop_assert!(!regions.survived);
            regions.begin();
            let last = records.len() as u64;
            // The number that the process saw, and the one that the journal turns out to hold.
            let published = published.index(records.len() + 1) as u64;
            let on_disk = published + on_disk.index((last - published + 1) as usize) as u64;
            let mut expected = state(&mut regions);
            for (record, seq) in records.iter().zip(1..) {
                record.iter().for_each(|change| change.make(seq, &mut regions));
                // Commits lag behind: the ring frees places while it is written.
                known.store(seq.saturating_sub(20).min(published), Relaxed);
                if seq == on_disk {
                    expected = state(&mut regions);
                }
            }
            dir.leave_files();
            drop((regions, dir));

            let dir = RuntimeDir::open(&home.path().join("run")).unwrap();
            // A second crash right after the first changes nothing.
            for _ in 0..2 {
                let mut regions = dir.open_regions(DAY, 1, committed(on_disk), true).unwrap();
                prop_assert!(regions.survived);
                assert_same(&state(&mut regions), &expected);
                dir.leave_files();
            }
        }
    }

    #[test]
    fn tables_of_another_day_layout_or_without_leave_to_survive_are_not_taken_over() {
        let home = TempDir::new().unwrap();
        let run = home.path().join("run");
        let leave = || {
            let dir = RuntimeDir::open(&run).unwrap();
            let mut regions = dir.open_regions(DAY, 1, committed(0), false).unwrap();
            regions.visitors.grow(1).unwrap();
            regions.visitors.bytes_mut()[0] = 9;
            dir.leave_files();
        };
        let check = |day, layout, survive, expected| {
            leave();
            let dir = RuntimeDir::open(&run).unwrap();
            let regions = dir.open_regions(day, layout, committed(0), survive).unwrap();
            assert_eq!(regions.survived, expected);
            assert_eq!(regions.visitors.bytes().first().copied().unwrap_or(0) == 9, expected);
        };
        check(DAY, 1, true, true);
        check(DAY, 2, true, false);
        check(DAY, 1, false, false);
        leave();
        for suffix in ["visitors", "seen", "undo"] {
            let other = FileId { site: SiteId(4), ..DAY };
            fs::rename(run.join(format!("{DAY}.{suffix}")), run.join(format!("{other}.{suffix}"))).unwrap();
        }
        check(FileId { site: SiteId(4), ..DAY }, 1, true, false);
    }

    #[test]
    fn a_change_without_room_in_the_log_ends_survival_until_it_is_committed() {
        let home = TempDir::new().unwrap();
        for (on_disk, expected) in [(1, false), (2, true)] {
            let dir = RuntimeDir::open(&home.path().join("run")).unwrap();
            let mut regions = dir.open_regions(DAY, 1, committed(0), false).unwrap();
            regions.visitors.grow(64).unwrap();
            assert!(regions.undo.room(super::super::undo::ENTRIES_MAX));
            for _ in 0..super::super::undo::ENTRIES_MAX {
                regions.visitors.before_change(1, 0, 8);
            }
            assert!(!regions.undo.room(1));
            regions.visitors.before_change(2, 0, 8);
            dir.leave_files();
            drop((regions, dir));
            let dir = RuntimeDir::open(&home.path().join("run")).unwrap();
            assert_eq!(dir.open_regions(DAY, 1, committed(on_disk), true).unwrap().survived, expected);
        }
    }

    #[test]
    fn a_change_longer_than_an_entry_is_several_and_taken_back_whole() {
        let home = TempDir::new().unwrap();
        let dir = RuntimeDir::open(&home.path().join("run")).unwrap();
        let mut regions = dir.open_regions(DAY, 1, committed(0), false).unwrap();
        regions.seen.grow(200).unwrap();
        let before: Vec<u8> = (0..200).collect();
        regions.seen.bytes_mut()[..200].copy_from_slice(&before);
        regions.seen.before_change(1, 5, 2 * CHANGE_BYTES_MAX + 1);
        regions.seen.bytes_mut()[5..][..2 * CHANGE_BYTES_MAX + 1].fill(0xAB);
        assert_eq!(regions.undo.saved(), 3);
        dir.leave_files();
        drop((regions, dir));
        let dir = RuntimeDir::open(&home.path().join("run")).unwrap();
        let regions = dir.open_regions(DAY, 1, committed(0), true).unwrap();
        assert!(regions.survived && regions.seen.bytes()[..200] == before);
    }

    #[test]
    fn a_closed_day_leaves_no_file_and_no_bytes() {
        let home = TempDir::new().unwrap();
        let run = home.path().join("run");
        let dir = RuntimeDir::open(&run).unwrap();
        let mut regions = dir.open_regions(DAY, 1, committed(0), true).unwrap();
        regions.seen.grow(100).unwrap();
        regions.seen.before_change(1, 0, 64);
        regions.seen.bytes_mut()[..64].fill(0xAB);
        regions.seen.before_change(2, 0, 64);
        // Second names keep the bytes in reach after the first are removed.
        for part in ["visitors", "seen", "undo"] {
            fs::hard_link(run.join(format!("{DAY}.{part}")), home.path().join(part)).unwrap();
        }
        assert!(fs::read(home.path().join("undo")).unwrap().contains(&0xAB));
        drop(regions);
        for part in ["visitors", "seen", "undo"] {
            assert!(!run.join(format!("{DAY}.{part}")).exists());
            assert!(fs::read(home.path().join(part)).unwrap().iter().all(|&byte| byte == 0), "{part}");
        }
    }

    /// The changes of one record, the same in every process.
    fn record(seq: u64) -> Vec<Change> {
        let mut state = seq;
        let mut next = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize
        };
        let mut changes: Vec<Change> = (0..1 + next() % 6)
            .map(|_| Change::Write(next() % 2, next() as u16, 1 + next() % CHANGE_BYTES_MAX, next() as u8))
            .collect();
        if seq.is_multiple_of(400) {
            changes.push(Change::Grow(next() % 2, 32 + seq as usize));
        }
        changes
    }

    const HOME: &str = "MAYFLY_TEST_REGIONS";

    fn open(home: &Path) -> (Journal, crate::journal::Opened, DayRegions) {
        let journal = Journal::start(JournalConfig::new(home.join("journal"), home.join("keys"))).unwrap();
        let opened = journal.open(DAY, |_, _| {}).unwrap();
        let dir = RuntimeDir::open(&home.join("run")).unwrap();
        let mut regions = dir.open_regions(DAY, 1, opened.handle.committed(), !opened.created).unwrap();
        if opened.created {
            regions.begin();
        }
        dir.leave_files();
        (journal, opened, regions)
    }

    /// Not a test of its own: the process that is killed below.
    #[test]
    fn child_that_is_killed() {
        let Some(home) = std::env::var_os(HOME) else { return };
        let (journal, opened, mut regions) = open(Path::new(&home));
        let committed = opened.handle.committed();
        let mut told = committed.load(Relaxed);
        loop {
            let seq = opened.handle.next_seq();
            while !regions.undo.room(8) {
                journal.flush().unwrap();
            }
            record(seq).iter().for_each(|change| change.make(seq, &mut regions));
            journal.append(&opened.handle, &seq.to_le_bytes()).unwrap();
            let now = committed.load(Relaxed);
            if now > told {
                told = now;
                println!("\ncommitted {told}");
            }
        }
    }

    #[test]
    fn a_killed_process_leaves_regions_and_journal_alike() {
        let home = TempDir::new().unwrap();
        // The next process takes over each time. Where in its work it is killed is up to the machine.
        for lines in [1, 3, 8, 2, 5] {
            let mut child = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "memory::regions::tests::child_that_is_killed", "--nocapture"])
                .env(HOME, home.path())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let out = BufReader::new(child.stdout.take().unwrap());
            let told = out.lines().map_while(Result::ok);
            let mut told = told.filter_map(|line| line.strip_prefix("committed ")?.parse::<u64>().ok());
            let acknowledged = told.nth(lines).expect("the child goes on until it is killed");
            child.kill().unwrap();
            child.wait().unwrap();

            let (journal, opened, mut regions) = open(home.path());
            assert_eq!(regions.survived, !opened.created);
            let plain = TempDir::new().unwrap();
            let dir = RuntimeDir::open(&plain.path().join("run")).unwrap();
            let mut model = dir.open_regions(DAY, 1, committed(u64::MAX), false).unwrap();
            model.begin();
            for seq in 1..=opened.records {
                record(seq).iter().for_each(|change| change.make(seq, &mut model));
            }
            assert_same(&state(&mut regions), &state(&mut model));
            assert!(opened.records >= acknowledged, "an acknowledged record is lost");
            journal.close(opened.handle);
        }
    }
}
