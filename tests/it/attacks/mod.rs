//! The attacks of docs/PRIVACY.md. Each is run on a sound server, where it must fail, and on one with a fault, where it must
//! succeed.

mod crashed; // A10: kills, and what a deleted journal leaves on the disk
mod crowd; // known visitors of one site, their keys, and what to look for of them
mod files; // A1, A3: every file, for what tells of a visitor; every 32 bytes, tried as a salt
mod memory; // A2: the memory of the process
mod oracle; // A12: the answer, and when it comes
mod reading; // how memory of a process is read
mod rotation; // each site's own midnight, in every zone, under load
