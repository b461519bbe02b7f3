//! A journal in memory, byte for byte as its file would be: for checks that look at what reading it back makes
//! of damaged or hostile bytes, without a disk (`fuzz/`). The server itself never writes one.

use std::{io::Cursor, path::Path};

use super::{
    FileId, OpenError,
    frame::{self, FILE_HEADER, Opening, Pending},
    replay,
};

/// A journal that is written in memory.
pub struct Image {
    file: FileId,
    key: [u8; 32],
    opening: Opening,
    bytes: Vec<u8>,
    frames: u64,
    records: u64,
}

impl Image {
    /// A new journal: the file's header and no frame. `opening` stands in for the random bytes that each opening
    /// of a file gets, so that the same records give the same bytes.
    pub fn new(file: FileId, key: [u8; 32], opening: [u8; 16]) -> Image {
        let bytes = frame::start(file, &key).to_vec();
        Image { file, key, opening, bytes, frames: 0, records: 0 }
    }

    /// Appends one commit's records as a frame; nothing where there are none.
    pub fn commit(&mut self, records: &[&[u8]]) {
        let mut pending = Pending::default();
        for record in records {
            pending.push(self.records + 1, record);
            self.records += 1;
        }
        if pending.count > 0 {
            self.frames += 1;
            frame::close(self.file, &self.key, &self.opening, self.frames, &mut pending);
            self.bytes.extend_from_slice(&pending.bytes);
        }
    }

    /// The file so far.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// What reading an image back found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Read {
    /// Records that were read.
    pub records: u64,
    /// Bytes of a torn frame at the end.
    pub torn: u64,
}

/// Reads a journal's bytes as `Journal::open` reads its file; `each` gets every record with its number. Any
/// bytes may be given.
///
/// # Errors
/// [`OpenError::Version`], [`OpenError::Foreign`], [`OpenError::WrongKey`] and [`OpenError::Damaged`], with no path.
pub fn read(
    file: FileId,
    key: &[u8; 32],
    bytes: &[u8],
    each: &mut dyn FnMut(u64, &[u8]),
) -> Result<Read, OpenError> {
    let path = Path::new("");
    match frame::check_start(file, key, &bytes[..FILE_HEADER.min(bytes.len())]) {
        Ok(()) => {}
        Err(frame::BadStart::Version) => return Err(OpenError::Version { path: path.into() }),
        Err(frame::BadStart::Foreign) => return Err(OpenError::Foreign { path: path.into(), file }),
        Err(frame::BadStart::WrongKey) => {
            return Err(OpenError::WrongKey { journal: path.into(), key: path.into() });
        }
    }
    let end = replay::read(path, file, key, &mut Cursor::new(bytes), each)?;
    Ok(Read { records: end.seq, torn: end.torn })
}
