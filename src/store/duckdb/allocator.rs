//! How DuckDB's allocator (jemalloc) uses memory: with one arena, no caches of threads, and freed pages given back at
//! once. As it comes it keeps what each of the threads that ever asked it has freed, and grows for an hour.
#![allow(unsafe_code, reason = "jemalloc reads its settings from a variable of the program")]

use std::ffi::c_char;

/// A pointer to words that never change.
#[repr(transparent)]
pub struct Words(*const c_char);

// SAFETY: nobody writes to what it points to.
unsafe impl Sync for Words {}

/// The settings that jemalloc reads last, by the name that DuckDB's library gives to this variable: the program's
/// own stands before the library's, which is weak.
#[used]
#[unsafe(no_mangle)]
#[allow(non_upper_case_globals, reason = "the library's name for it")]
pub static duckdb_je_malloc_conf_2_conf_harder: Words =
    Words(c"narenas:1,tcache:false,dirty_decay_ms:0,muzzy_decay_ms:0".as_ptr());

#[cfg(test)]
mod tests {
    use std::{
        ffi::{c_int, c_void},
        ptr::null_mut,
    };

    use super::super::{DuckStore, Limits};

    unsafe extern "C" {
        fn duckdb_je_mallctl(
            name: *const std::ffi::c_char,
            old: *mut c_void,
            old_len: *mut usize,
            new: *mut c_void,
            new_len: usize,
        ) -> c_int;
    }

    #[test]
    fn the_library_reads_the_settings() {
        let _store = DuckStore::in_memory(&Limits::default()).unwrap();
        let (mut arenas, mut len) = (0_u32, size_of::<u32>());
        // SAFETY: the value of this name is an unsigned number of 32 bits.
        let failed = unsafe {
            let arenas: *mut u32 = &mut arenas;
            duckdb_je_mallctl(c"opt.narenas".as_ptr(), arenas.cast(), &mut len, null_mut(), 0)
        };
        assert_eq!((failed, arenas), (0, 1));
    }
}
