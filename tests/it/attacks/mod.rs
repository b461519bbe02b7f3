//! The attacks on the claims of docs/PRIVACY.md, each against what is really stored or answered: against the binary as it
//! is they must fail, against a build without the protection (`src/sabotage.rs`) they must succeed.

mod binary; // the normal binary has no faults
mod crashed; // A10: kills, and what a deleted journal leaves on the disk
mod crowd; // known visitors of one site, their keys, and what to look for of them
mod crowds; // A5: ground truth against rows
mod disclosed; // A14: what is disclosed against what is done
mod figures; // the shares that the documents name
mod files; // A1, A3: every file, for what tells of a visitor; every 32 bytes, tried as a salt
mod join; // A8: rows of different families joined by equal counters
mod kept; // A9: what the store keeps beside the rows
mod lived; // a day of traffic, lived through by a real server
mod memory; // A2: the memory of the process
mod objectors; // A11: the same day with and without objectors
mod oracle; // A12: the answer, and when it comes
mod plans; // A6: differences of answers
mod poll; // A7: the open day, read again and again
mod reading; // how memory of a process is read
mod rotation; // each site's own midnight, in every zone, under load
mod swap; // A4: who came twice
mod traffic; // a public with a long tail
