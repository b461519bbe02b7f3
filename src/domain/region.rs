//! The bytes under the visitor tables: a heap here, a file of the memory-backed runtime directory in `memory`.

use zeroize::Zeroize;

/// A growable stretch of bytes of one site-day. What is in it dies with the day.
///
/// A driver that survives crashes keeps, for each change that is not yet journaled, the bytes from before
/// (`before_change`), so that a start can take back what was never acknowledged.
pub trait Region: Send {
    fn bytes(&self) -> &[u8];
    fn bytes_mut(&mut self) -> &mut [u8];

    /// Makes the region at least `len` bytes long; new bytes are zero.
    ///
    /// # Errors
    /// When memory or the runtime directory is full.
    fn grow(&mut self, len: usize) -> std::io::Result<()>;

    /// Called before the bytes at `offset..offset + len` change on behalf of the record `seq`.
    fn before_change(&mut self, seq: u64, offset: usize, len: usize);

    /// Overwrites all bytes with zeros.
    fn wipe(&mut self) {
        // Not `fill`: writes just before memory is freed may be left out by the compiler.
        self.bytes_mut().zeroize();
    }
}

/// A region on the heap, wiped when dropped.
#[derive(Default)]
pub struct Heap(Vec<u8>);

impl Region for Heap {
    fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }

    fn grow(&mut self, len: usize) -> std::io::Result<()> {
        if len > self.0.len() {
            let mut larger = vec![0; len];
            larger[..self.0.len()].copy_from_slice(&self.0);
            self.wipe();
            self.0 = larger;
        }
        Ok(())
    }

    fn before_change(&mut self, _seq: u64, _offset: usize, _len: usize) {}
}

impl Drop for Heap {
    fn drop(&mut self) {
        self.wipe();
    }
}
