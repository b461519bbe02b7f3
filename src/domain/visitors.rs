//! The visitor tables: fixed-size little-endian records in a [`Region`], found through an index of numbers.
//!
//! No visitor key leaves the region. Every change is announced to the region first, so that a driver can take
//! back what was never acknowledged.

use std::io;

use hashbrown::HashTable;

use super::{hit::VisitorKey, region::Region};

const HEADER: usize = 16;
const MAGIC: &[u8; 8] = b"mayfly\x00\x01";

/// Records of one length in a region, after a header with their number.
struct Arena<const LEN: usize> {
    region: Box<dyn Region>,
    count: u32,
}

impl<const LEN: usize> Arena<LEN> {
    /// Takes up what a region holds; anything that is not a table of such records counts as empty.
    fn attach(region: Box<dyn Region>) -> Arena<LEN> {
        let bytes = region.bytes();
        let count = match bytes.get(..HEADER) {
            Some(header) if &header[..8] == MAGIC && word(header, 12) as usize == LEN => word(header, 8),
            _ => 0,
        };
        let fits = count as usize * LEN + HEADER <= bytes.len().max(HEADER);
        Arena { count: if fits { count } else { 0 }, region }
    }

    fn at(slot: u32) -> usize {
        HEADER + slot as usize * LEN
    }

    fn get(&self, slot: u32) -> &[u8] {
        &self.region.bytes()[Self::at(slot)..][..LEN]
    }

    /// Makes room for one more record and says its slot.
    fn reserve(&mut self) -> io::Result<u32> {
        let (needed, held) = (Self::at(self.count + 1), self.region.bytes().len());
        if needed > held {
            let larger = (held + held / 4).max(held + 4096).max(needed);
            self.region.grow(larger)?;
        }
        Ok(self.count)
    }

    /// Overwrites a record, or adds the one whose slot was reserved.
    fn put(&mut self, seq: u64, slot: u32, record: &[u8; LEN]) {
        let at = Self::at(slot);
        self.region.before_change(seq, at, LEN);
        self.region.bytes_mut()[at..at + LEN].copy_from_slice(record);
        if slot == self.count {
            self.count += 1;
            self.region.before_change(seq, 0, HEADER);
            let header = &mut self.region.bytes_mut()[..HEADER];
            header[..8].copy_from_slice(MAGIC);
            header[8..12].copy_from_slice(&self.count.to_le_bytes());
            header[12..].copy_from_slice(&(LEN as u32).to_le_bytes());
        }
    }
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product as u64) ^ (product >> 64) as u64
}

/// A visitor-day with its running or latest visit. Seconds count from the day's first instant.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Visitor {
    key: u64,
    /// Of the latest hit.
    pub last: u32,
    /// Hour of the latest hit.
    pub last_hour: u8,
    /// Numbers of `names`: where the visit began, and where it was last.
    pub entry: u32,
    pub entry_hour: u8,
    pub exit: u32,
    /// Hour of the hit that made `exit` the last page.
    pub exit_hour: u8,
    pub visit_label: u32,
    pub place: u32,
    pub device: u32,
    pub language: u32,
    /// The page viewed last in the visit; 0 before its first view.
    pub viewed: u32,
    /// Counted from 1 in the day.
    pub visit: u8,
    /// Page views of the visit, 0, 1 or 2 for more.
    pub views: u8,
    /// Whether the visit's bounce was taken back.
    pub bounce_ended: bool,
}

const VISITOR_LEN: usize = 48;

impl Visitor {
    pub fn new(key: VisitorKey) -> Visitor {
        Visitor {
            key: key.0,
            last: 0,
            last_hour: 0,
            entry: 0,
            entry_hour: 0,
            exit: 0,
            exit_hour: 0,
            visit_label: 0,
            place: 0,
            device: 0,
            language: 0,
            viewed: 0,
            visit: 0,
            views: 0,
            bounce_ended: false,
        }
    }

    fn read(bytes: &[u8]) -> Visitor {
        let packed = bytes[45];
        Visitor {
            key: u64::from(word(bytes, 0)) | u64::from(word(bytes, 4)) << 32,
            last: word(bytes, 8),
            entry: word(bytes, 12),
            exit: word(bytes, 16),
            visit_label: word(bytes, 20),
            place: word(bytes, 24),
            device: word(bytes, 28),
            language: word(bytes, 32),
            viewed: word(bytes, 36),
            visit: bytes[44],
            views: (packed >> 5) & 3,
            bounce_ended: packed >> 7 == 1,
            entry_hour: packed & 31,
            exit_hour: bytes[46],
            last_hour: bytes[47],
        }
    }

    fn bytes(&self) -> [u8; VISITOR_LEN] {
        let mut bytes = [0; VISITOR_LEN];
        bytes[..8].copy_from_slice(&self.key.to_le_bytes());
        let words = [
            self.last,
            self.entry,
            self.exit,
            self.visit_label,
            self.place,
            self.device,
            self.language,
            self.viewed,
        ];
        for (at, word) in words.into_iter().enumerate() {
            bytes[8 + at * 4..12 + at * 4].copy_from_slice(&word.to_le_bytes());
        }
        bytes[44] = self.visit;
        bytes[45] = (self.entry_hour & 31) | self.views << 5 | u8::from(self.bounce_ended) << 7;
        bytes[46] = self.exit_hour;
        bytes[47] = self.last_hour;
        bytes
    }
}

/// All visitor-days of a site-day.
pub struct Visitors {
    arena: Arena<VISITOR_LEN>,
    index: HashTable<u32>,
}

impl Visitors {
    pub fn attach(region: Box<dyn Region>) -> Visitors {
        let arena = Arena::attach(region);
        let mut visitors = Visitors { index: HashTable::with_capacity(arena.count as usize), arena };
        (0..visitors.len()).for_each(|slot| visitors.point_to(slot));
        visitors
    }

    pub fn len(&self) -> u32 {
        self.arena.count
    }

    pub fn find(&self, key: VisitorKey) -> Option<(u32, Visitor)> {
        let slot = *self.index.find(hash_key(key.0), |&slot| self.key_at(slot) == key.0)?;
        Some((slot, self.read(slot)))
    }

    pub fn read(&self, slot: u32) -> Visitor {
        Visitor::read(self.arena.get(slot))
    }

    /// # Errors
    /// When the region cannot grow.
    pub fn reserve(&mut self) -> io::Result<u32> {
        self.arena.reserve()
    }

    pub fn put(&mut self, seq: u64, slot: u32, visitor: &Visitor) {
        let new = slot == self.len();
        self.arena.put(seq, slot, &visitor.bytes());
        if new {
            self.point_to(slot);
        }
    }

    fn point_to(&mut self, slot: u32) {
        let arena = &self.arena;
        let hash = |slot: u32| hash_key(key_of(arena.get(slot)));
        self.index.insert_unique(hash(slot), slot, |&slot| hash(slot));
    }

    fn key_at(&self, slot: u32) -> u64 {
        key_of(self.arena.get(slot))
    }

    /// Bytes of records and index, without spare room of the region.
    pub fn bytes_used(&self) -> usize {
        self.arena.count as usize * VISITOR_LEN + self.index.allocation_size()
    }
}

fn key_of(bytes: &[u8]) -> u64 {
    u64::from(word(bytes, 0)) | u64::from(word(bytes, 4)) << 32
}

fn hash_key(key: u64) -> u64 {
    fold(key ^ 0x9e37_79b9_7f4a_7c15, 0xd6e8_feb8_6659_fd93)
}

/// What a visitor-day is remembered to have seen or done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum What {
    /// `a`: a page or section. `b`: engaged seconds counted of its latest view (no part of the key).
    Page = 1,
    /// `a`, `b`: name and property, value: an event's cell.
    Event = 2,
    /// `a`, `b`: from and to page.
    Flow = 3,
    /// `a`: the funnel; `began`: steps reached in the visit.
    Funnel = 4,
    /// `a`, `b`: halves of a hash of an event's name and values.
    Once = 5,
}

impl What {
    fn b_is_key(self) -> bool {
        !matches!(self, What::Page)
    }
}

/// A record of the second table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    pub visitor: u32,
    pub what: u8,
    pub a: u32,
    pub b: u32,
    /// Deepest scroll in the visit + 1; 0 for none.
    pub scroll: u8,
    /// The hour in which the visit's exit was put on this section.
    pub exit_hour: u8,
    /// Number of the visit in which it was seen last; 0 for never.
    pub visit: u8,
    /// Second in which the latest view began; a funnel's steps.
    pub began: u32,
    /// Milliseconds reported since then.
    pub engaged_ms: u32,
}

const SEEN_LEN: usize = 24;

impl Seen {
    pub fn new(visitor: u32, what: What, a: u32, b: u32) -> Seen {
        Seen { visitor, what: what as u8, a, b, scroll: 0, exit_hour: 0, visit: 0, began: 0, engaged_ms: 0 }
    }

    fn read(bytes: &[u8]) -> Seen {
        Seen {
            visitor: word(bytes, 0),
            a: word(bytes, 4),
            b: word(bytes, 8),
            what: bytes[12],
            scroll: bytes[13],
            exit_hour: bytes[14],
            visit: bytes[15],
            began: word(bytes, 16),
            engaged_ms: word(bytes, 20),
        }
    }

    fn bytes(&self) -> [u8; SEEN_LEN] {
        let mut bytes = [0; SEEN_LEN];
        bytes[..4].copy_from_slice(&self.visitor.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.a.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.b.to_le_bytes());
        bytes[12..16].copy_from_slice(&[self.what, self.scroll, self.exit_hour, self.visit]);
        bytes[16..20].copy_from_slice(&self.began.to_le_bytes());
        bytes[20..].copy_from_slice(&self.engaged_ms.to_le_bytes());
        bytes
    }

    fn hash(&self) -> u64 {
        let b = if self.what == What::Page as u8 { 0 } else { self.b };
        let first = u64::from(self.visitor) | u64::from(self.a) << 32;
        let second = u64::from(b) | u64::from(self.what) << 32;
        fold(first ^ 0x9e37_79b9_7f4a_7c15, second ^ 0xd6e8_feb8_6659_fd93)
    }
}

/// What the visitor-days of a site-day have seen.
pub struct SeenTable {
    arena: Arena<SEEN_LEN>,
    index: HashTable<u32>,
}

impl SeenTable {
    pub fn attach(region: Box<dyn Region>) -> SeenTable {
        let arena = Arena::attach(region);
        let mut seen = SeenTable { index: HashTable::with_capacity(arena.count as usize), arena };
        (0..seen.len()).for_each(|slot| seen.point_to(slot));
        seen
    }

    pub fn len(&self) -> u32 {
        self.arena.count
    }

    pub fn find(&self, visitor: u32, what: What, a: u32, b: u32) -> Option<(u32, Seen)> {
        let wanted = Seen::new(visitor, what, a, b);
        let is_wanted = |&slot: &u32| {
            let found = self.read(slot);
            found.visitor == visitor
                && found.a == a
                && found.what == wanted.what
                && (!what.b_is_key() || found.b == b)
        };
        let slot = *self.index.find(wanted.hash(), is_wanted)?;
        Some((slot, self.read(slot)))
    }

    pub fn put(&mut self, seq: u64, slot: u32, seen: &Seen) {
        self.arena.put(seq, slot, &seen.bytes());
    }

    /// # Errors
    /// When the region cannot grow.
    pub fn add(&mut self, seq: u64, seen: &Seen) -> io::Result<u32> {
        let slot = self.arena.reserve()?;
        self.arena.put(seq, slot, &seen.bytes());
        self.point_to(slot);
        Ok(slot)
    }

    fn read(&self, slot: u32) -> Seen {
        Seen::read(self.arena.get(slot))
    }

    fn point_to(&mut self, slot: u32) {
        let arena = &self.arena;
        let hash = |slot: u32| Seen::read(arena.get(slot)).hash();
        self.index.insert_unique(hash(slot), slot, |&slot| hash(slot));
    }

    /// Bytes of records and index, without spare room of the region.
    pub fn bytes_used(&self) -> usize {
        self.arena.count as usize * SEEN_LEN + self.index.allocation_size()
    }
}
