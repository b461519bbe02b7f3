//! Journals: of what was written, a damaged file gives back a beginning or an error, and never anything else.

use mayfly::{
    domain::{day::Day, declaration::SiteId},
    journal::{
        FileId, OpenError,
        image::{Image, Read, read},
    },
};

const FILE: FileId = FileId { site: SiteId(7), day: Day(20_779) };
const KEY: [u8; 32] = [42; 32];
const FILE_HEADER: usize = 32;

/// A byte of what to do, two of where, then the bytes that the file is made of.
pub fn check(data: &[u8]) {
    let [act, low, high, rest @ ..] = data else { return };
    let at = usize::from(u16::from_le_bytes([*low, *high]));
    match act % 6 {
        0 => any_bytes(rest),
        1 => behind_a_header(rest),
        2 => cut(&Written::of(rest), at),
        3 => flipped(&Written::of(rest), at),
        4 => moved(&Written::of(rest), at),
        _ => appended(&Written::of(rest), at),
    }
}

/// A whole journal, its records, and where its frames end.
struct Written {
    bytes: Vec<u8>,
    /// Of each frame: its end, and how many records there are up to it.
    frames: Vec<(usize, usize)>,
    records: Vec<Vec<u8>>,
}

impl Written {
    /// Commits of records: a byte 0 ends a commit, any other is the length of a record that follows.
    fn of(data: &[u8]) -> Written {
        let mut image = Image::new(FILE, KEY, [9; 16]);
        let mut written = Written { bytes: Vec::new(), frames: Vec::new(), records: Vec::new() };
        let mut rest = data;
        let mut commit: Vec<&[u8]> = Vec::new();
        while let Some((&len, after)) = rest.split_first() {
            let (record, after) = after.split_at(usize::from(len).min(after.len()));
            rest = after;
            match len {
                0 => written.commit(&mut image, &mut commit),
                _ => commit.push(record),
            }
        }
        written.commit(&mut image, &mut commit);
        written.bytes = image.bytes().to_vec();
        let all = Read { records: written.records.len() as u64, torn: 0, damaged: false };
        assert_eq!(written.read_from(&written.bytes).ok(), Some(all), "what was written is read");
        written
    }

    fn commit(&mut self, image: &mut Image, commit: &mut Vec<&[u8]>) {
        if !commit.is_empty() {
            image.commit(commit);
            self.records.extend(commit.drain(..).map(<[u8]>::to_vec));
            self.frames.push((image.bytes().len(), self.records.len()));
        }
    }

    /// Reads other bytes; whatever comes, it is a beginning of what was written.
    fn read_from(&self, bytes: &[u8]) -> Result<Read, OpenError> {
        let mut next = 0;
        let found = read(FILE, &KEY, bytes, &mut |seq, record| {
            next += 1;
            assert_eq!(seq, next, "records are numbered without gaps");
            let own = self.records.get(seq as usize - 1).map(Vec::as_slice);
            assert_eq!(own, Some(record), "record {seq} is as written");
        });
        assert!(found.as_ref().is_ok_and(|read| read.records == next) || found.is_err());
        found
    }

    /// Records and the end of the frames that lie wholly before an offset.
    fn whole(&self, offset: usize) -> (usize, usize) {
        let before = self.frames.iter().rev().find(|(end, _)| *end <= offset);
        before.map_or((0, FILE_HEADER), |&(end, records)| (records, end))
    }
}

/// What a person is told of, instead of a beginning being taken for the whole.
fn is_damage(found: &Result<Read, OpenError>) -> bool {
    matches!(found, Ok(Read { damaged: true, .. }) | Err(OpenError::Damaged { .. }))
}

fn any_bytes(bytes: &[u8]) {
    let found = read(FILE, &KEY, bytes, &mut |_, _| panic!("a record out of nothing"));
    assert!(!matches!(found, Ok(Read { records: 1.., .. })));
}

fn behind_a_header(bytes: &[u8]) {
    let mut file = Image::new(FILE, KEY, [9; 16]).bytes().to_vec();
    file.extend_from_slice(bytes);
    match read(FILE, &KEY, &file, &mut |_, _| panic!("a record out of nothing")) {
        Ok(found) => assert_eq!((found.records, found.torn), (0, bytes.len() as u64)),
        Err(error) => assert!(matches!(error, OpenError::Damaged { .. }), "{error}"),
    }
}

fn cut(written: &Written, at: usize) {
    let at = at % (written.bytes.len() + 1);
    let found = written.read_from(&written.bytes[..at]);
    if at < FILE_HEADER {
        assert!(matches!(found, Err(OpenError::Foreign { .. })), "a file without its header");
        return;
    }
    let (records, end) = written.whole(at);
    assert_eq!(found.ok(), Some(Read { records: records as u64, torn: (at - end) as u64, damaged: false }));
}

fn flipped(written: &Written, at: usize) {
    let at = at % (written.bytes.len() * 8);
    let mut bytes = written.bytes.clone();
    bytes[at / 8] ^= 1 << (at % 8);
    let found = written.read_from(&bytes);
    let last = written.frames.len().checked_sub(2).map_or(FILE_HEADER, |at| written.frames[at].0);
    match (at / 8, found) {
        // The tag behind them says whose file it is.
        (..16, Ok(Read { records, torn: 0, damaged: false })) => {
            assert_eq!(records as usize, written.whole(bytes.len()).0);
        }
        (16..FILE_HEADER, Err(OpenError::WrongKey { .. })) => {}
        // A crash can leave the last frame like this: its hits were not acknowledged.
        (byte, Ok(Read { records, torn: 1.., damaged: false })) if byte >= last => {
            assert_eq!(records as usize, written.whole(byte).0);
        }
        (byte, found) if byte >= FILE_HEADER && byte < last && is_damage(&found) => {}
        (byte, found) => panic!("a bit of byte {byte} flipped: {found:?}"),
    }
}

/// A frame is taken out and put in again elsewhere, or left out.
fn moved(written: &Written, at: usize) {
    let frames = written.frames.len();
    if frames < 2 {
        return;
    }
    let start = |frame: usize| if frame == 0 { FILE_HEADER } else { written.frames[frame - 1].0 };
    let (from, to) = (at % frames, at / 256 % (frames + 1));
    let frame = &written.bytes[start(from)..written.frames[from].0];
    let mut bytes = written.bytes[..start(from)].to_vec();
    bytes.extend_from_slice(&written.bytes[written.frames[from].0..]);
    let left_out = to == frames;
    if !left_out {
        let to = if to > from { start(to + 1) - frame.len() } else { start(to) };
        bytes.splice(to..to, frame.iter().copied());
    }
    let found = written.read_from(&bytes);
    match (left_out, from + 1 == frames, from == to) {
        (true, true, _) => assert_eq!(found.ok().map(|read| read.torn), Some(0)),
        (false, _, true) => assert!(found.is_ok()),
        _ => assert!(is_damage(&found), "frame {from} to {to}: {found:?}"),
    }
}

/// Something follows that was never committed: bytes of the file itself.
fn appended(written: &Written, at: usize) {
    let mut bytes = written.bytes.clone();
    let tail = &written.bytes[at % written.bytes.len()..];
    bytes.extend_from_slice(tail);
    match written.read_from(&bytes) {
        Ok(found) => {
            assert_eq!((found.records, found.torn), (written.records.len() as u64, tail.len() as u64))
        }
        Err(error) => assert!(matches!(error, OpenError::Damaged { .. }), "{error}"),
    }
}
