//! The undo log of a site-day's regions: the bytes from before each change that the journal has not committed.
//!
//! A ring of entries in a mapped file of its own. An entry is written before its change, so that after a kill
//! at any instruction the file tells how to take back every change of a record that is not in the journal.
//! It rests on this: stores to a shared mapping are in the kernel's pages, in the order in which the thread
//! made them, whatever happens to the process. (It is no help against a power loss, after which a memory-backed
//! directory is empty anyway.)

use std::{
    fs, io,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Acquire, Ordering::SeqCst, compiler_fence},
    },
};

use super::{
    runtime::{HEADER, NEW, Part, RuntimeDir, existing, file_header, overwrite, private, wipe},
    sealed::{self, Mapping},
};
use crate::journal::FileId;

/// Most bytes that one entry saves.
pub const CHANGE_BYTES_MAX: usize = 64;
/// Entries that the ring may grow to: 6 MiB.
pub const ENTRIES_MAX: usize = 1 << 16;
const ENTRIES_MIN: usize = 256;

/// turn u64 | seq u64 | offset u64 | region u8, len u8, 2 unused | crc32 u32 of all else | bytes 64
const ENTRY: usize = 96;
const OLD: usize = 32;
/// Where the header keeps the last record with a change that found no room here (u64, 0 if none): until that
/// record is committed, the tables cannot be taken back.
const SPILLED: usize = HEADER;
const LAYOUT: u32 = 1;

/// The log that both regions of a day write and the driver looks at. Clones are the same log.
#[derive(Clone)]
pub struct Undo(Arc<Mutex<Ring>>);

struct Ring {
    dir: RuntimeDir,
    day: FileId,
    mapping: Mapping,
    entries: usize,
    /// Number of the next entry, from 1.
    turn: u64,
    /// Entries from this one on may still be needed.
    oldest: u64,
    committed: Arc<AtomicU64>,
}

/// A change to take back.
struct Entry {
    turn: u64,
    seq: u64,
    region: u8,
    offset: usize,
    len: usize,
    old: [u8; CHANGE_BYTES_MAX],
}

impl Undo {
    /// Whether `entries` more changes can be saved: asked before a hit changes anything.
    pub fn room(&self, entries: usize) -> bool {
        self.with(|ring| ring.room(entries))
    }

    /// Saves the bytes that the record `seq` is about to change.
    pub(super) fn save(&self, seq: u64, region: u8, offset: usize, old: &[u8]) {
        self.with(|ring| ring.save(seq, region, offset, old));
    }

    /// Changes saved since the log was opened.
    #[cfg(test)]
    pub(super) fn saved(&self) -> u64 {
        self.with(|ring| ring.turn - 1)
    }

    fn with<T>(&self, act: impl FnOnce(&mut Ring) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Makes an empty log, in the place of any that is there, which is overwritten.
    pub(super) fn fresh(dir: &RuntimeDir, day: FileId, committed: Arc<AtomicU64>) -> io::Result<Undo> {
        let replaced = existing(&dir.file(day, Part::Undo))?;
        let mapping = make(dir, day, ENTRIES_MIN, &[], 0)?;
        replaced.map_or(Ok(()), overwrite)?;
        Ok(Undo::over(dir, day, mapping, committed))
    }

    /// Opens a log that survived and gives `back` each change that the journal has not committed, the latest
    /// first: its region, offset and old bytes. `None` if there is no log that can be trusted.
    pub(super) fn survived(
        dir: &RuntimeDir,
        day: FileId,
        committed: Arc<AtomicU64>,
        mut back: impl FnMut(u8, usize, &[u8]) -> bool,
    ) -> io::Result<Option<Undo>> {
        let path = dir.file(day, Part::Undo);
        if !path.exists() {
            return Ok(None);
        }
        let mapping = Mapping::file(&private(&path)?)?;
        let bytes = mapping.bytes();
        let acknowledged = committed.load(Acquire);
        let trusted = bytes.len() > sealed::PAGE
            && bytes[..HEADER] == file_header(day, Part::Undo, LAYOUT)
            && u64_at(bytes, SPILLED) <= acknowledged;
        if !trusted {
            return Ok(None);
        }
        let mut open: Vec<Entry> =
            bytes[sealed::PAGE..].chunks_exact(ENTRY).filter_map(Entry::decode).collect();
        open.retain(|entry| entry.seq > acknowledged);
        open.sort_unstable_by_key(|entry| std::cmp::Reverse(entry.turn));
        if !open.iter().all(|entry| back(entry.region, entry.offset, &entry.old[..entry.len])) {
            return Ok(None);
        }
        // The changes are taken back; the log starts anew. A crash before this repeats it: the old bytes are
        // the same.
        drop(mapping);
        Undo::fresh(dir, day, committed).map(Some)
    }

    fn over(dir: &RuntimeDir, day: FileId, mapping: Mapping, committed: Arc<AtomicU64>) -> Undo {
        let entries = (mapping.bytes().len() - sealed::PAGE) / ENTRY;
        let ring = Ring { dir: dir.clone(), day, mapping, entries, turn: 1, oldest: 1, committed };
        Undo(Arc::new(Mutex::new(ring)))
    }
}

impl Ring {
    fn room(&mut self, more: usize) -> bool {
        self.release();
        let free = |ring: &Ring| ring.entries - (ring.turn - ring.oldest) as usize;
        // A file system that is full cannot give more: then this hit is shed.
        while free(self) < more && self.entries < ENTRIES_MAX && self.widen().is_ok() {}
        free(self) >= more
    }

    /// Lets go of entries whose records are committed.
    fn release(&mut self) {
        let committed = self.committed.load(Acquire);
        while self.oldest < self.turn && self.seq_at(self.oldest) <= committed {
            self.oldest += 1;
        }
    }

    fn save(&mut self, seq: u64, region: u8, offset: usize, old: &[u8]) {
        if !self.room(1) {
            self.mapping.bytes_mut()[SPILLED..SPILLED + 8].copy_from_slice(&seq.to_le_bytes());
            compiler_fence(SeqCst);
            return;
        }
        let mut entry = Entry { turn: self.turn, seq, region, offset, len: old.len(), old: [0; 64] };
        entry.old[..old.len()].copy_from_slice(old);
        let at = self.place(self.turn);
        self.mapping.bytes_mut()[at..at + ENTRY].copy_from_slice(&entry.encode());
        self.turn += 1;
        // The change must come after its entry. The processor shows a thread's stores to the kernel in order;
        // the compiler is told here.
        compiler_fence(SeqCst);
    }

    /// Doubles the ring: the entries that may be needed are copied to a new file, which takes the place of the
    /// old one by a rename, and the old one is overwritten. A crash leaves the one or the other, and both say the
    /// same.
    fn widen(&mut self) -> io::Result<()> {
        let entries = self.entries * 2;
        let mut kept = Vec::with_capacity((self.turn - self.oldest) as usize * ENTRY);
        for turn in self.oldest..self.turn {
            let at = self.place(turn);
            kept.extend_from_slice(&self.mapping.bytes()[at..at + ENTRY]);
        }
        let first = (self.oldest % entries as u64) as usize;
        let mut laid = vec![0; entries * ENTRY];
        for (index, entry) in kept.chunks_exact(ENTRY).enumerate() {
            let at = (first + index) % entries * ENTRY;
            laid[at..at + ENTRY].copy_from_slice(entry);
        }
        let spilled = u64_at(self.mapping.bytes(), SPILLED);
        let wider = make(&self.dir, self.day, entries, &laid, spilled)?;
        // Only now: a crash before the rename still needs the old entries.
        std::mem::replace(&mut self.mapping, wider).bytes_mut().fill(0);
        self.entries = entries;
        Ok(())
    }

    fn place(&self, turn: u64) -> usize {
        sealed::PAGE + (turn % self.entries as u64) as usize * ENTRY
    }

    fn seq_at(&self, turn: u64) -> u64 {
        let at = self.place(turn) + 8;
        u64_at(self.mapping.bytes(), at)
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        if !self.dir.leaves_files() {
            self.mapping.bytes_mut().fill(0);
            // It is all zeros, and the next start removes what is left.
            let _ = fs::remove_file(self.dir.file(self.day, Part::Undo));
        }
    }
}

/// Makes a log's file with these entries and maps it.
fn make(dir: &RuntimeDir, day: FileId, entries: usize, laid: &[u8], spilled: u64) -> io::Result<Mapping> {
    let path = dir.file(day, Part::Undo);
    let new = PathBuf::from(format!("{}{NEW}", path.display()));
    wipe(&new)?;
    let file = private(&new)?;
    sealed::reserve(&file, (sealed::PAGE + entries * ENTRY) as u64)?;
    let mut mapping = Mapping::file(&file)?;
    let bytes = mapping.bytes_mut();
    bytes[..HEADER].copy_from_slice(&file_header(day, Part::Undo, LAYOUT));
    bytes[SPILLED..SPILLED + 8].copy_from_slice(&spilled.to_le_bytes());
    bytes[sealed::PAGE..][..laid.len()].copy_from_slice(laid);
    compiler_fence(SeqCst);
    fs::rename(&new, &path)?;
    Ok(mapping)
}

impl Entry {
    fn encode(&self) -> [u8; ENTRY] {
        let mut bytes = [0; ENTRY];
        bytes[..8].copy_from_slice(&self.turn.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.seq.to_le_bytes());
        bytes[16..24].copy_from_slice(&(self.offset as u64).to_le_bytes());
        bytes[24] = self.region;
        bytes[25] = self.len as u8;
        bytes[OLD..].copy_from_slice(&self.old);
        let crc = crc(&bytes);
        bytes[28..32].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// `None` for a place never used, and for an entry that a crash left half written: its change never began.
    fn decode(bytes: &[u8]) -> Option<Entry> {
        let bytes = bytes.first_chunk::<ENTRY>()?;
        let crc_there = u32::from_le_bytes(*bytes[28..].first_chunk()?);
        let (turn, len) = (u64_at(bytes, 0), bytes[25] as usize);
        (turn > 0 && len <= CHANGE_BYTES_MAX && crc(bytes) == crc_there).then(|| Entry {
            turn,
            seq: u64_at(bytes, 8),
            region: bytes[24],
            offset: u64_at(bytes, 16) as usize,
            len,
            old: *bytes[OLD..].first_chunk().expect("an entry ends with the old bytes"),
        })
    }
}

fn crc(entry: &[u8; ENTRY]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&entry[..28]);
    hasher.update(&entry[OLD..]);
    hasher.finalize()
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(*bytes[at..].first_chunk().expect("an entry lies within the ring"))
}

#[cfg(test)]
mod tests {
    use std::{fs::File, os::unix::fs::FileExt, sync::atomic::Ordering::Relaxed};

    use tempfile::TempDir;

    use super::*;
    use crate::{
        domain::{
            day::{Day, Hour, Moment},
            declaration::{Funnel, Kept, SiteId, Step},
            hit::{EventHit, Hit, HitKind, PropertyHit, VisitorKey},
            tally::{Caps, DaySettings, OpenDay},
        },
        memory::site_day::CHANGES_MAX,
    };

    const DAY: FileId = FileId { site: SiteId(3), day: Day(20_779) };

    /// Offsets of the changes that a next start would take back, in its order.
    fn taken_back(dir: &RuntimeDir, committed: &Arc<AtomicU64>) -> Vec<usize> {
        let mut offsets = Vec::new();
        let note = |_: u8, offset: usize, _: &[u8]| {
            offsets.push(offset);
            true
        };
        Undo::survived(dir, DAY, committed.clone(), note).unwrap().expect("a log that can be trusted");
        offsets
    }

    #[test]
    fn a_ring_that_went_around_widens_and_loses_nothing() {
        let home = TempDir::new().unwrap();
        let dir = RuntimeDir::open(&home.path().join("run")).unwrap();
        dir.leave_files();
        let committed = Arc::new(AtomicU64::new(0));
        let undo = Undo::fresh(&dir, DAY, committed.clone()).unwrap();
        let save = |seq, offsets: std::ops::Range<usize>| {
            for offset in offsets {
                undo.save(seq, 0, offset, &[1, 2, 3]);
            }
        };
        save(1, 0..200);
        committed.store(1, Relaxed);
        save(2, 200..500);
        assert_eq!(undo.with(|ring| (ring.oldest, ring.turn, ring.entries)), (201, 501, 512));
        // Exactly full, all places used, and all of them still needed.
        save(3, 500..712);
        assert_eq!(undo.with(|ring| ring.entries), 512);
        let mut there: Vec<usize> = undo.with(|ring| {
            let places = ring.mapping.bytes()[sealed::PAGE..].chunks_exact(ENTRY);
            places.filter_map(Entry::decode).map(|entry| entry.offset).collect()
        });
        there.sort_unstable();
        assert_eq!(there, (200..712).collect::<Vec<_>>());
        committed.store(2, Relaxed);
        save(4, 712..1000);
        assert_eq!(undo.with(|ring| (ring.entries, ring.oldest)), (512, 501), "freed places are used again");
        assert_eq!(taken_back(&dir, &committed), (500..1000).rev().collect::<Vec<_>>());
    }

    /// What the bytes of a visitor's record are looked for by.
    const KEY: &[u8] = &[0xA7; 16];

    /// A second descriptor: it reads the pages of a file whose name is gone.
    fn holds_a_key(file: &File) -> bool {
        let mut bytes = vec![0; file.metadata().unwrap().len() as usize];
        file.read_exact_at(&mut bytes, 0).unwrap();
        bytes.windows(KEY.len()).any(|window| window == KEY)
    }

    #[test]
    fn a_ring_that_another_one_replaces_is_overwritten() {
        let home = TempDir::new().unwrap();
        let dir = RuntimeDir::open(&home.path().join("run")).unwrap();
        dir.leave_files();
        let committed = Arc::new(AtomicU64::new(0));
        let there = || File::open(dir.file(DAY, Part::Undo)).unwrap();
        let undo = Undo::fresh(&dir, DAY, committed.clone()).unwrap();
        undo.save(1, 0, 0, KEY);
        let narrow = there();
        assert!(holds_a_key(&narrow));
        (0..ENTRIES_MIN).for_each(|offset| undo.save(1, 0, offset, KEY));
        assert!(!holds_a_key(&narrow), "the ring before it widened");
        let left = there();
        assert!(holds_a_key(&left));
        drop(undo);
        assert_eq!(taken_back(&dir, &committed).len(), ENTRIES_MIN + 1);
        assert!(!holds_a_key(&left), "the ring that a start took back");
        let undo = Undo::fresh(&dir, DAY, committed.clone()).unwrap();
        undo.save(1, 0, 0, KEY);
        let distrusted = there();
        drop(undo);
        Undo::fresh(&dir, DAY, committed).unwrap();
        assert!(!holds_a_key(&distrusted), "a ring that nothing could be taken back from");
    }

    /// A hit that moves all that a site may declare: 50 sections, 20 funnels, 20 properties.
    #[test]
    fn the_largest_hit_fits_into_the_room_that_is_asked_for() {
        let home = TempDir::new().unwrap();
        let dir = RuntimeDir::open(&home.path().join("run")).unwrap();
        let regions = dir.open_regions(DAY, 1, Arc::new(AtomicU64::new(0)), false).unwrap();
        let undo = regions.undo.clone();
        let settings = DaySettings {
            site: DAY.site,
            day: DAY.day,
            k: 1,
            kept: Kept::default(),
            settings_version: 1,
            caps: Caps::default(),
            known: Arc::default(),
        };
        let mut day = OpenDay::new(settings, Box::new(regions.visitors), Box::new(regions.seen));
        let funnel = |n: usize| {
            let steps = vec![Step::Section("/0/*".into()), Step::Event("order".into())];
            Arc::new(Funnel { name: format!("funnel {n}").as_str().into(), steps })
        };
        let funnels: Vec<_> = (0..20).map(funnel).collect();
        let property = |n: usize| PropertyHit {
            property: format!("property {n}").as_str().into(),
            value: "yes".into(),
            cap: None,
        };
        let order = EventHit {
            name: "order".into(),
            properties: (0..20).map(property).collect(),
            interactive: true,
            once_a_visit: true,
            value: None,
        };
        let sections = |from: usize| (from..from + 50).map(|n| format!("/{n}/*").as_str().into()).collect();
        let hit = |page: &str, from, kind| Hit {
            page: Some(page.into()),
            sections: sections(from),
            visit: Default::default(),
            kind,
        };
        let engaged = HitKind::Engagement { scroll: Some(9), engaged_ms: 900 };
        // Within an hour, over a full hour, and in another visit.
        let hits = [
            (0, hit("a/", 0, HitKind::View)),
            (10, hit("b/", 50, HitKind::View)),
            (20, hit("b/", 50, engaged)),
            (3_590, hit("a/", 0, HitKind::Event(order.clone()))),
            (3_610, hit("c/", 100, HitKind::View)),
            (3_620, hit("d/", 150, HitKind::Event(order.clone()))),
            (9_000, hit("a/", 0, HitKind::Event(order))),
            (9_010, hit("c/", 100, HitKind::View)),
        ];
        let mut most = 0;
        for (seq, (second, hit)) in (1..).zip(hits) {
            let before = undo.saved();
            let hour = (second / 3_600) as u8;
            let moment = Moment { hour: Hour(hour), second, stretch: hour };
            day.tally(seq, VisitorKey(7), None, &hit, moment, &funnels);
            most = most.max(undo.saved() - before);
        }
        assert!((100..=CHANGES_MAX as u64).contains(&most), "{most} changes");
    }

    #[test]
    fn an_entry_that_is_half_written_is_no_entry() {
        let entry = Entry { turn: 7, seq: 5, region: 1, offset: 4096, len: 3, old: [9; CHANGE_BYTES_MAX] };
        let whole = entry.encode();
        assert!(Entry::decode(&whole).is_some_and(|read| (read.turn, read.seq, read.len) == (7, 5, 3)));
        let before = Entry { turn: 3, seq: 2, offset: 64, old: [8; CHANGE_BYTES_MAX], ..entry }.encode();
        for written in 1..ENTRY {
            let mut half = before;
            half[..written].copy_from_slice(&whole[..written]);
            assert!(half == before || half == whole || Entry::decode(&half).is_none(), "{written} bytes");
        }
        assert!(Entry::decode(&[0; ENTRY]).is_none());
    }
}
