//! The attacks on the claims of docs/PRIVACY.md, each against what is really stored or answered: against the binary as it
//! is they must fail, against a build without the protection (`src/sabotage.rs`) they must succeed.

mod objectors; // A11: the same day with and without objectors
