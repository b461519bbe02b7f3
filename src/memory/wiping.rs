//! Nothing that was freed can be read again: the program's allocator overwrites what it gives back, each worker overwrites what
//! its stack still holds of calls that are over, and the head of a request is emptied before it is kept for the next.
//!
//! Address and user agent pass through buffers of the server's libraries, so wiping our own types would not be enough.
//! It knows nothing of sites or days.
#![allow(unsafe_code, reason = "an allocator has no safe interface")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    arch::asm,
    hint::black_box,
    mem::MaybeUninit,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    ptr,
    time::Duration,
};

use actix_web::{
    dev::{ServiceRequest, ServiceResponse, Url},
    http::Uri,
};

use crate::sabotage::{self, Sabotage};

/// How often a worker overwrites its stack.
const STACK_WIPE: Duration = Duration::from_secs(1);
/// How much of its stack, below where it stands: more than any call on a request needs.
const STACK_BYTES_MAX: usize = 64 << 10;

/// The system's allocator, which overwrites what it frees.
pub struct Wiping;

// SAFETY: all memory comes from `System` under the layout that was asked for, and goes back to it under the same. Before it
// goes back nobody else may use it, so it may be written.
unsafe impl GlobalAlloc for Wiping {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: what the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: what the caller promises.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: the caller hands over `layout.size()` bytes, and they came from `System`.
        unsafe {
            wipe(at, layout.size());
            System.dealloc(at, layout);
        }
    }

    /// Always moves: the system's own would leave a copy behind where it moves.
    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller promises that `size` makes a layout; old and new are distinct, and both have the bytes that are
        // copied.
        unsafe {
            let new = System.alloc(Layout::from_size_align_unchecked(size, layout.align()));
            if !new.is_null() {
                ptr::copy_nonoverlapping(at, new, layout.size().min(size));
                self.dealloc(at, layout);
            }
            new
        }
    }
}

/// Overwrites memory, although nobody reads it afterwards.
///
/// # Safety
/// `len` bytes from `at` on belong to the caller.
unsafe fn wipe(at: *mut u8, len: usize) {
    if sabotage::on_once_read(Sabotage::NoWipe) {
        return;
    }
    // SAFETY: what the caller promises. The empty instruction is one that may read any memory, so the zeros must be there.
    unsafe {
        ptr::write_bytes(at, 0, len);
        asm!("/* {0} */", in(reg) at, options(nostack, preserves_flags));
    }
}

/// Overwrites, for ever and once in a while, what calls that are over left on the stack of the worker that this runs on.
pub async fn wipe_stack_for_ever() {
    loop {
        tokio::time::sleep(STACK_WIPE).await;
        wipe_stack();
    }
}

/// Overwrites the stack below the caller.
#[inline(never)]
pub fn wipe_stack() {
    let mut below = MaybeUninit::<[u8; STACK_BYTES_MAX]>::uninit();
    // SAFETY: the array is this function's own.
    unsafe { wipe(below.as_mut_ptr().cast(), STACK_BYTES_MAX) };
    black_box(&below);
}

/// Takes all that tells of a visitor out of a request that is answered: actix keeps its head for a request to come, and
/// with it the buffer that the headers lie in.
pub fn forget<B>(answer: ServiceResponse<B>) -> ServiceResponse<B> {
    if sabotage::on(Sabotage::HeadsKept) {
        return answer;
    }
    let (request, response) = answer.into_parts();
    let mut request = ServiceRequest::from_request(request);
    let head = request.head_mut();
    head.headers.clear();
    head.uri = Uri::default();
    // Not `None`: that would leave the bytes of the address where they are.
    head.peer_addr = Some(SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 0));
    request.match_info_mut().set(Url::new(Uri::default()));
    ServiceResponse::new(request.into_parts().0, response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_grows_keeps_its_bytes_and_what_is_wiped_has_none() {
        let layout = Layout::array::<u8>(100).unwrap();
        // SAFETY: one block, used within its size and freed once.
        unsafe {
            let at = Wiping.alloc(layout);
            ptr::write_bytes(at, 7, 100);
            let at = Wiping.realloc(at, layout, 1_000);
            assert_eq!(std::slice::from_raw_parts(at, 100), [7; 100]);
            let layout = Layout::array::<u8>(1_000).unwrap();
            let at = Wiping.realloc(at, layout, 50);
            assert_eq!(std::slice::from_raw_parts(at, 50), [7; 50]);
            wipe(at, 50);
            assert_eq!(std::slice::from_raw_parts(at, 50), [0; 50]);
            Wiping.dealloc(at, Layout::array::<u8>(50).unwrap());
        }
    }
}
