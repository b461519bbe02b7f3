//! Days on their way from memory to the store: nothing lost, nothing twice, whatever fails or is killed.

mod aside;
mod bounds;
mod clocks;
mod left;
mod random;
mod steps;
mod threads;
