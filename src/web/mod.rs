//! HTTP: routes, who is asking, errors, headers.

pub mod api_control;
pub mod auth;
pub mod error;
pub mod throttle;

#[cfg(test)]
mod api_tests;
