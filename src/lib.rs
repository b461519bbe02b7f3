//! Mayfly: cookieless web analytics that keeps counts, never visitors. `docs/ARCHITECTURE.md` is the map.

pub mod cli;
pub mod clock;
pub mod close;
pub mod collect;
pub mod config;
pub mod control;
pub mod demo;
pub mod disclosure;
pub mod domain;
pub mod folder;
pub mod jobs;
pub mod journal;
pub mod memory;
pub mod nodes;
pub mod parts;
pub mod report;
pub mod run;
pub mod sabotage;
pub mod serve;
pub mod service;
pub mod simulate;
pub mod store;
pub mod verify;
pub mod web;
