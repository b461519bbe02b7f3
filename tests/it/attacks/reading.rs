//! Reads what a process can write to: heap, stacks, statics, mapped files.

use std::{
    fs::{self, File},
    os::unix::fs::FileExt,
};

/// Bytes that are read at once.
const PART: usize = 4 << 20;

/// Shows all writable memory of a process to `look`, in parts that overlap by `overlap` bytes, with the name of what it
/// is. Returns how many bytes that was.
pub fn read(pid: u32, overlap: usize, mut look: impl FnMut(&str, &[u8])) -> u64 {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let memory = File::open(format!("/proc/{pid}/mem")).expect("a build that may be read");
    let mut all = 0;
    let mut part = vec![0; PART];
    for line in maps.lines() {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let name = words.get(5).copied().unwrap_or("anonymous");
        if !words[1].starts_with("rw") || name == "[vvar]" {
            continue;
        }
        let (from, to) = words[0].split_once('-').unwrap();
        let (mut from, to) = (u64::from_str_radix(from, 16).unwrap(), u64::from_str_radix(to, 16).unwrap());
        while from < to {
            let wanted = ((to - from) as usize).min(PART);
            // What was unmapped meanwhile is gone.
            let Ok(got @ 1..) = memory.read_at(&mut part[..wanted], from) else { break };
            look(name, &part[..got]);
            all += got as u64;
            from += if got > overlap && from + (got as u64) < to { got - overlap } else { got } as u64;
        }
    }
    all
}
