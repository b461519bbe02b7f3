//! The attacks on the claims of docs/PRIVACY.md, each against what is really stored or answered: against the binary as it
//! is they must fail, against a build without the protection (`src/sabotage.rs`) they must succeed.

mod binary; // the normal binary has no faults
mod crowds; // A5: ground truth against rows
mod disclosed; // A14: what is disclosed against what is done
mod figures; // the shares that the documents name
mod join; // A8: rows of different families joined by equal counters
mod lived; // a day of traffic, lived through by a real server
mod objectors;
mod traffic; // a public with a long tail // A11: the same day with and without objectors
