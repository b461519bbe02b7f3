//! Reading a journal back: every frame in order, and what a torn end means.
//!
//! A commit writes one frame to a file and syncs it before the next, so only the last frame can be torn. A bad
//! frame with any frame's header after it is damage: acknowledged hits are lost, and a person must know.

use std::{
    io::{BufReader, Read, Seek, SeekFrom},
    path::Path,
};

use super::{
    FileId, OpenError,
    frame::{self, FILE_HEADER, FRAME_HEADER, Header},
};

/// How far a journal was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct End {
    /// Number of the last record; 0 if there is none.
    pub seq: u64,
    /// Number of the last frame; 0 if there is none.
    pub frame: u64,
    /// Where the next frame goes.
    pub offset: u64,
    /// Bytes after `offset`: of a torn frame, never acknowledged; or what follows a damage.
    pub torn: u64,
    /// Where the last frame begins.
    pub last: u64,
    /// More frames follow: what was acknowledged is lost.
    pub damaged: bool,
}

/// Reads all frames after the file's header; `each` gets every record with its number.
pub(super) fn read(
    path: &Path,
    id: FileId,
    key: &[u8; 32],
    file: &mut (impl Read + Seek),
    each: &mut dyn FnMut(u64, &[u8]),
) -> Result<End, OpenError> {
    let len = file.seek(SeekFrom::End(0)).map_err(OpenError::at(path))?;
    file.seek(SeekFrom::Start(FILE_HEADER as u64)).map_err(OpenError::at(path))?;
    let mut reader = BufReader::with_capacity(1 << 20, &mut *file);
    let start = FILE_HEADER as u64;
    let mut end = End { seq: 0, frame: 0, offset: start, torn: 0, last: start, damaged: false };
    let mut sealed = Vec::new();
    while end.offset < len {
        let Some(header) = next(&mut reader, len - end.offset, &mut sealed).map_err(OpenError::at(path))?
        else {
            return tail(path, file, end, len);
        };
        let Some(records) = frame::open(id, key, &header, &mut sealed) else {
            return tail(path, file, end, len);
        };
        if header.number != end.frame + 1 || header.first != end.seq + 1 {
            return Ok(end.damaged(len));
        }
        let before = end.seq;
        for record in frame::records(records) {
            end.seq += 1;
            each(end.seq, record);
        }
        if end.seq - before != u64::from(header.count) {
            return Err(OpenError::Damaged {
                path: path.to_owned(),
                offset: end.offset,
                frame: header.number,
            });
        }
        end.frame += 1;
        end.last = end.offset;
        end.offset += (FRAME_HEADER + sealed.len()) as u64;
    }
    Ok(end)
}

/// Reads a header and what it seals; `None` if either is not whole.
fn next(reader: &mut impl Read, left: u64, sealed: &mut Vec<u8>) -> std::io::Result<Option<Header>> {
    if left < FRAME_HEADER as u64 {
        return Ok(None);
    }
    let mut bytes = [0; FRAME_HEADER];
    reader.read_exact(&mut bytes)?;
    let whole =
        Header::decode(&bytes).filter(|header| u64::from(header.sealed) <= left - FRAME_HEADER as u64);
    if let Some(header) = &whole {
        sealed.resize(header.sealed as usize, 0);
        reader.read_exact(sealed)?;
    }
    Ok(whole)
}

/// A frame that is not whole: the torn end of the file, or damage if a later frame's header follows.
fn tail(path: &Path, file: &mut (impl Read + Seek), end: End, len: u64) -> Result<End, OpenError> {
    const STEP: usize = 1 << 20;
    let later = end.frame + 2;
    let mut window = Vec::with_capacity(STEP + FRAME_HEADER);
    file.seek(SeekFrom::Start(end.offset)).map_err(OpenError::at(path))?;
    loop {
        let read =
            Read::by_ref(file).take(STEP as u64).read_to_end(&mut window).map_err(OpenError::at(path))?;
        if frame::find_header(&window, later).is_some() {
            return Ok(end.damaged(len));
        }
        if read == 0 {
            return Ok(End { torn: len - end.offset, ..end });
        }
        // A header may lie across two steps.
        window.drain(..window.len().saturating_sub(FRAME_HEADER - 1));
    }
}

impl End {
    fn damaged(self, len: u64) -> End {
        End { torn: len - self.offset, damaged: true, ..self }
    }

    /// What is wrong, for people.
    pub(super) fn words(&self, path: &Path) -> String {
        let (offset, frame, path) = (self.offset, self.frame + 1, path.display());
        format!(
            "{path} is damaged at byte {offset} (frame {frame}), with more after it: what comes before is counted"
        )
    }
}
