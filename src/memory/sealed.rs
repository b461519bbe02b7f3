//! Locked pages, mapped files, and what keeps the process out of dumps.
//!
//! With `wiping` the only module with `unsafe`: everything that it hands out is safe to use. It knows nothing of sites or days.
#![allow(unsafe_code, reason = "locking pages, mapping files and limiting dumps have no safe interface")]

use std::{
    fs::File,
    io,
    os::fd::AsRawFd,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use memmap2::{Advice, MmapOptions, MmapRaw};
use zeroize::Zeroize;

use crate::sabotage::{self, Sabotage};

/// Bytes of a page: salts and headers of mapped files are laid out in these.
pub const PAGE: usize = 4096;

const SECRET: usize = 32;

/// A mapped stretch of memory: of a file that all mappings of it share, or of nothing but memory.
pub struct Mapping(MmapRaw);

impl Mapping {
    /// Maps a whole file, shared: what is written here is in the file's pages at once, and there it stays when
    /// the process is killed, because those pages belong to the kernel and not to the process.
    ///
    /// The file must be private to this process (mode 0600, in a locked directory) and must not be cut while
    /// it is mapped: reading past its end would end the process.
    ///
    /// # Errors
    /// When the kernel refuses the mapping.
    pub fn file(file: &File) -> io::Result<Mapping> {
        let mapping = Mapping(MmapOptions::new().map_raw(file)?);
        mapping.keep_out_of_dumps();
        Ok(mapping)
    }

    /// Maps `len` bytes of memory, zero.
    ///
    /// # Errors
    /// When memory is short.
    pub fn memory(len: usize) -> io::Result<Mapping> {
        let mapping = Mapping(MmapOptions::new().len(len).map_anon()?.into());
        mapping.keep_out_of_dumps();
        // A child must never inherit a secret. Only memory can be wiped so; children share files' pages.
        // SAFETY: the range is this mapping's own, and the advice changes nothing in this process.
        let _ = unsafe { libc::madvise(mapping.0.as_mut_ptr().cast(), len, libc::MADV_WIPEONFORK) };
        Ok(mapping)
    }

    fn keep_out_of_dumps(&self) {
        // Dumps are off for the whole process (`harden`): kernels without this advice lose only the second lock.
        let _ = self.0.advise(Advice::DontDump);
    }

    /// Keeps the pages out of swap; false where the process may not lock (more) memory.
    pub fn lock(&self) -> bool {
        self.0.lock().is_ok()
    }

    pub fn bytes(&self) -> &[u8] {
        // SAFETY: the mapping is `len` readable bytes for as long as `self` lives, and is changed through
        // `&mut self` only; that nobody else changes the file is what `file` demands.
        unsafe { std::slice::from_raw_parts(self.0.as_ptr(), self.0.len()) }
    }

    pub fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `bytes`, and `&mut self` makes this the only slice of it.
        unsafe { std::slice::from_raw_parts_mut(self.0.as_mut_ptr(), self.0.len()) }
    }
}

/// Locked pages of memory that hold secrets of 32 bytes, 128 to a page.
#[derive(Default)]
pub struct Secrets {
    pages: Mutex<Vec<Arc<SecretPage>>>,
}

struct SecretPage {
    raw: MmapRaw,
    locked: bool,
    /// One bit for each secret of the page that is handed out.
    taken: Mutex<u128>,
}

/// One secret of 32 bytes in a locked page; overwritten with zeros when dropped.
///
/// Has no `Debug`, `Clone` or `Serialize`, on purpose.
pub struct Secret {
    page: Arc<SecretPage>,
    index: usize,
}

impl Secrets {
    /// A place for a secret, zero.
    ///
    /// # Errors
    /// When memory is short.
    pub fn place(&self) -> io::Result<Secret> {
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(secret) = pages.iter().find_map(SecretPage::take) {
            return Ok(secret);
        }
        let mapping = Mapping::memory(PAGE)?;
        let locked = mapping.lock();
        let page = Arc::new(SecretPage { raw: mapping.0, locked, taken: Mutex::new(0) });
        let secret = SecretPage::take(&page).expect("a new page has room");
        pages.push(page);
        Ok(secret)
    }

    /// A fresh secret from the system's generator.
    ///
    /// # Errors
    /// When memory is short or the system has no randomness.
    pub fn fresh(&self) -> io::Result<Secret> {
        let mut secret = self.place()?;
        getrandom::fill(secret.bytes_mut()).map_err(io::Error::other)?;
        Ok(secret)
    }

    /// Whether every page so far is kept out of swap.
    pub fn locked(&self) -> bool {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner).iter().all(|page| page.locked)
    }
}

impl SecretPage {
    fn take(self: &Arc<SecretPage>) -> Option<Secret> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let index = taken.trailing_ones() as usize;
        (index < PAGE / SECRET).then(|| {
            *taken |= 1 << index;
            Secret { page: self.clone(), index }
        })
    }
}

impl Secret {
    pub fn bytes(&self) -> &[u8; SECRET] {
        // SAFETY: `index` is below 128, so the 32 bytes lie in the page, which lives as long as `self`; the bit
        // in `taken` gives them to this secret alone, which changes them through `&mut self` only.
        unsafe { &*self.page.raw.as_ptr().add(self.index * SECRET).cast() }
    }

    pub fn bytes_mut(&mut self) -> &mut [u8; SECRET] {
        // SAFETY: as in `bytes`.
        unsafe { &mut *self.page.raw.as_mut_ptr().add(self.index * SECRET).cast() }
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.bytes_mut().zeroize();
        let mut taken = self.page.taken.lock().unwrap_or_else(PoisonError::into_inner);
        *taken &= !(1 << self.index);
    }
}

/// Gives a file real room up to `len` bytes. A file on tmpfs that is merely made longer ends the process
/// (SIGBUS) when a page is touched that the full file system cannot give; this way it is an error here.
///
/// # Errors
/// When the file system is full.
pub fn reserve(file: &File, len: u64) -> io::Result<()> {
    let len = libc::off_t::try_from(len).map_err(io::Error::other)?;
    // SAFETY: plain system call on a descriptor that `file` keeps open.
    match unsafe { libc::posix_fallocate(file.as_raw_fd(), 0, len) } {
        0 => Ok(()),
        code => Err(io::Error::from_raw_os_error(code)),
    }
}

/// Whether a path lies on a file system that is memory (tmpfs or ramfs).
///
/// # Errors
/// When the path cannot be looked at.
pub fn is_memory(path: &Path) -> io::Result<bool> {
    const TMPFS: i64 = 0x0102_1994;
    const RAMFS: i64 = 0x8584_58f6;
    let file = File::open(path)?;
    let mut found = std::mem::MaybeUninit::<libc::statfs>::uninit();
    // SAFETY: the descriptor is open and `found` has room for the answer.
    if unsafe { libc::fstatfs(file.as_raw_fd(), found.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call succeeded, so it filled the structure.
    let kind = unsafe { found.assume_init() }.f_type;
    #[allow(clippy::unnecessary_cast, reason = "the field's type differs between platforms")]
    let kind = kind as i64;
    Ok(kind == TMPFS || kind == RAMFS)
}

/// The user this process acts as.
pub fn own_user() -> u32 {
    // SAFETY: always succeeds and touches no memory.
    unsafe { libc::geteuid() }
}

/// Switches core dumps off and makes the process undumpable, so that neither a crash nor another process of the
/// same user (ptrace, /proc/PID/mem) gets at its memory. Called first thing.
///
/// # Errors
/// When the kernel refuses.
pub fn harden() -> io::Result<()> {
    if sabotage::on(Sabotage::MayBeRead) {
        return Ok(());
    }
    let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: plain system calls; `none` outlives the first.
    let (limited, hidden) = unsafe {
        (libc::setrlimit(libc::RLIMIT_CORE, &none), libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0))
    };
    if limited != 0 || hidden != 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Lets all threads allocate from one heap: with one for each, what a thread has freed waits for that thread alone, and
/// the process grows for an hour. Called before there are threads; other C libraries than glibc have one anyway.
pub fn share_one_heap() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: plain library call that sets a number.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
    }
}

/// Gives pages that nothing lies in back to the system: between what is kept, the heap holds on to them for ever.
pub fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: plain library call that looks at free memory only.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Whether this process can be dumped (for the self-check).
pub fn dumpable() -> bool {
    // SAFETY: plain system call.
    unsafe { libc::prctl(libc::PR_GET_DUMPABLE, 0, 0, 0, 0) != 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_do_not_share_bytes_and_leave_none_behind() {
        let secrets = Secrets::default();
        let mut held: Vec<Secret> = (0..300).map(|_| secrets.fresh().unwrap()).collect();
        let different: std::collections::HashSet<[u8; 32]> = held.iter().map(|s| *s.bytes()).collect();
        assert_eq!(different.len(), 300);
        assert_eq!(secrets.pages.lock().unwrap().len(), 3);

        let page = held[5].page.clone();
        held.remove(5);
        // SAFETY: reads inside the page that `page` keeps mapped.
        let left = unsafe { std::slice::from_raw_parts(page.raw.as_ptr().add(5 * SECRET), SECRET) };
        assert_eq!(left, [0; SECRET]);
        assert_eq!(secrets.place().unwrap().index, 5, "the place is used again");
    }

    const CHILD: &str = "MAYFLY_TEST_HARDEN";

    /// In a process of its own, because it cannot be undone.
    #[test]
    fn a_hardened_process_leaves_no_dump() {
        if std::env::var_os(CHILD).is_some() {
            assert!(dumpable());
            harden().unwrap();
            let mut limit = libc::rlimit { rlim_cur: 1, rlim_max: 1 };
            // SAFETY: `limit` has room for the answer.
            assert_eq!(unsafe { libc::getrlimit(libc::RLIMIT_CORE, &mut limit) }, 0);
            assert!(!dumpable() && limit.rlim_cur == 0 && limit.rlim_max == 0);
            return;
        }
        let this = "memory::sealed::tests::a_hardened_process_leaves_no_dump";
        let child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", this])
            .env(CHILD, "1")
            .output()
            .unwrap();
        assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));
    }

    #[test]
    fn memory_file_systems_are_told_from_disks() {
        assert!(!is_memory(Path::new("/proc")).unwrap());
        if Path::new("/dev/shm").exists() {
            assert!(is_memory(Path::new("/dev/shm")).unwrap());
        }
    }
}
