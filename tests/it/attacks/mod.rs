//! The attacks on the claims of docs/PRIVACY.md: each fails against the binary as it is, and succeeds where the claim
//! is broken on purpose.

mod disclosed; // A14: what is disclosed against what is done
