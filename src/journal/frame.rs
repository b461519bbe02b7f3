//! The bytes of a journal: a file's header, and frames that each hold one commit's records of that file.
//!
//! ```text
//! file   magic "mayfjrn1" | site u32 | day i32 | tag 16            the tag proves the key
//! frame  mark "fRmE" | sealed u32 | number u64 | first u64 | count u32 | opening 16 | crc32 of these
//!        sealed bytes: (length u32 | record) x count, encrypted, and the tag of 16 bytes
//! ```
//! All numbers are little endian. XChaCha20-Poly1305; the nonce is the file's current opening (16 random bytes
//! for each time that it is opened for writing) and the frame's number, so that a frame written in the place of
//! a torn one never uses a nonce again. Site, day and the frame's header are bound to the tag.
//! Pure: no files here.

use chacha20poly1305::{
    Key, Tag, XChaCha20Poly1305, XNonce,
    aead::{AeadInOut, KeyInit},
};

use super::FileId;
use crate::sabotage::{self, Sabotage};

pub(super) const FILE_HEADER: usize = 32;
pub(super) const FRAME_HEADER: usize = 48;
pub(super) const TAG: usize = 16;
/// Bytes before each record.
pub(super) const RECORD_HEADER: usize = 4;
const MAGIC: &[u8; 8] = b"mayfjrn1";
const MARK: &[u8; 4] = b"fRmE";

/// Random bytes of one opening of a file for writing.
pub(super) type Opening = [u8; 16];

/// What a frame's header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// Bytes after the header, with the tag.
    pub sealed: u32,
    /// Counted from 1 in its file.
    pub number: u64,
    /// Number of the first record.
    pub first: u64,
    /// Records in the frame, at least 1.
    pub count: u32,
    pub opening: Opening,
}

/// Why a file header was refused.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum BadStart {
    Foreign,
    /// A journal, by its first bytes, in a form of another version.
    Version,
    WrongKey,
}

/// Makes the header of a new file.
pub(super) fn start(file: FileId, key: &[u8; 32]) -> [u8; FILE_HEADER] {
    let mut header = [0; FILE_HEADER];
    header[..8].copy_from_slice(MAGIC);
    header[8..16].copy_from_slice(&bound(file));
    let tag = seal(key, &nonce(&[0; 16], 0), &header[..16], &mut []);
    header[16..].copy_from_slice(&tag);
    header
}

/// Checks that a file's header is of this site-day and made under this key. Its tag says so, whatever the disk did to
/// the bytes before it: each frame is bound to key, site and day by a tag of its own. A journal of another version has
/// another tag, as the version is bound to it.
pub(super) fn check_start(file: FileId, key: &[u8; 32], header: &[u8]) -> Result<(), BadStart> {
    let (plain, tag) = header.split_at(header.len().min(FILE_HEADER - TAG));
    if tag == &start(file, key)[FILE_HEADER - TAG..] {
        return Ok(());
    }
    let (name, version) = MAGIC.split_at(MAGIC.len() - 1);
    let other = |found: &[u8]| found != version;
    if plain.starts_with(name) && plain.get(name.len()..MAGIC.len()).is_some_and(other) {
        return Err(BadStart::Version);
    }
    let ours = plain.starts_with(MAGIC) && plain[MAGIC.len()..] == bound(file) && tag.len() == TAG;
    Err(if ours { BadStart::WrongKey } else { BadStart::Foreign })
}

/// Turns a buffer of `FRAME_HEADER` free bytes and the records after them into a frame, in place.
pub(super) fn close(file: FileId, key: &[u8; 32], opening: &Opening, number: u64, pending: &mut Pending) {
    let frame = &mut pending.bytes;
    let sealed = frame.len() - FRAME_HEADER + TAG;
    let header = Header {
        sealed: u32::try_from(sealed).expect("the bound of pending bytes is below 4 GiB"),
        number,
        first: pending.first,
        count: pending.count,
        opening: *opening,
    };
    frame[..FRAME_HEADER].copy_from_slice(&header.encode());
    let tag = seal(key, &nonce(opening, number), &header.bound(file), &mut frame[FRAME_HEADER..]);
    frame.extend_from_slice(&tag);
}

/// Decrypts what follows a frame's header, in place; `None` if a bit of it, or of the header, is not as written.
pub(super) fn open<'a>(
    file: FileId,
    key: &[u8; 32],
    header: &Header,
    sealed: &'a mut [u8],
) -> Option<&'a [u8]> {
    let (records, tag) = sealed.split_at_mut_checked(sealed.len().checked_sub(TAG)?)?;
    unseal(key, &nonce(&header.opening, header.number), &header.bound(file), records, tag)?;
    Some(records)
}

/// The records of an opened frame, in order.
pub(super) fn records(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (len, rest) = bytes.split_first_chunk::<RECORD_HEADER>()?;
        let (record, rest) = rest.split_at_checked(u32::from_le_bytes(*len) as usize)?;
        bytes = rest;
        Some(record)
    })
}

/// Records that wait for the next commit of their file: a frame in the making.
#[derive(Default)]
pub(super) struct Pending {
    pub bytes: Vec<u8>,
    pub first: u64,
    pub count: u32,
}

impl Pending {
    pub(super) fn push(&mut self, seq: u64, record: &[u8]) {
        if self.count == 0 {
            self.bytes.clear();
            self.bytes.resize(FRAME_HEADER, 0);
            self.first = seq;
        }
        self.bytes.extend_from_slice(&(record.len() as u32).to_le_bytes());
        self.bytes.extend_from_slice(record);
        self.count += 1;
    }

    /// Number of the last record.
    pub(super) fn last(&self) -> u64 {
        self.first + u64::from(self.count) - 1
    }
}

impl Header {
    fn encode(&self) -> [u8; FRAME_HEADER] {
        let mut bytes = [0; FRAME_HEADER];
        bytes[..4].copy_from_slice(MARK);
        bytes[4..8].copy_from_slice(&self.sealed.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.number.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.first.to_le_bytes());
        bytes[24..28].copy_from_slice(&self.count.to_le_bytes());
        bytes[28..44].copy_from_slice(&self.opening);
        let crc = crc32fast::hash(&bytes[..44]);
        bytes[44..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Reads the header at the start of `bytes`; `None` if there is none that is whole.
    pub(super) fn decode(bytes: &[u8]) -> Option<Header> {
        let bytes = bytes.first_chunk::<FRAME_HEADER>()?;
        let whole = bytes[..4] == *MARK && crc32fast::hash(&bytes[..44]) == u32_at(bytes, 44);
        whole.then(|| Header {
            sealed: u32_at(bytes, 4),
            number: u64_at(bytes, 8),
            first: u64_at(bytes, 16),
            count: u32_at(bytes, 24),
            opening: *bytes[28..].first_chunk().expect("the header is long enough"),
        })
    }

    fn bound(&self, file: FileId) -> [u8; 8 + FRAME_HEADER] {
        let mut bytes = [0; 8 + FRAME_HEADER];
        bytes[..8].copy_from_slice(&bound(file));
        bytes[8..].copy_from_slice(&self.encode());
        bytes
    }
}

/// Where a whole header of a frame numbered `least` or higher starts in `bytes`.
pub(super) fn find_header(bytes: &[u8], least: u64) -> Option<usize> {
    bytes
        .windows(FRAME_HEADER)
        .position(|window| window[..4] == *MARK && Header::decode(window).is_some_and(|h| h.number >= least))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(*bytes[at..].first_chunk().expect("the header is long enough"))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(*bytes[at..].first_chunk().expect("the header is long enough"))
}

fn bound(file: FileId) -> [u8; 8] {
    let mut bytes = [0; 8];
    bytes[..4].copy_from_slice(&file.site.0.to_le_bytes());
    bytes[4..].copy_from_slice(&file.day.0.to_le_bytes());
    bytes
}

fn nonce(opening: &Opening, number: u64) -> [u8; 24] {
    let mut nonce = [0; 24];
    nonce[..16].copy_from_slice(opening);
    nonce[16..].copy_from_slice(&number.to_le_bytes());
    nonce
}

fn seal(key: &[u8; 32], nonce: &[u8; 24], bound: &[u8], bytes: &mut [u8]) -> [u8; TAG] {
    if sabotage::on(Sabotage::JournalPlain) {
        return [0; TAG];
    }
    let cipher = XChaCha20Poly1305::new(<&Key>::from(key));
    let tag = cipher.encrypt_inout_detached(<&XNonce>::from(nonce), bound, bytes.into());
    tag.expect("a frame is shorter than the cipher's limit of 256 GiB").into()
}

fn unseal(key: &[u8; 32], nonce: &[u8; 24], bound: &[u8], bytes: &mut [u8], tag: &[u8]) -> Option<()> {
    let cipher = XChaCha20Poly1305::new(<&Key>::from(key));
    let tag = Tag::try_from(tag).ok()?;
    cipher.decrypt_inout_detached(<&XNonce>::from(nonce), bound, bytes.into(), &tag).ok()
}
