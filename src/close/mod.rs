//! From memory to the store: the hourly release of `page`, the close of a day, the delivery of both.

pub mod deliver;
pub mod driver;
pub mod past;
pub mod release_file;
pub mod resume;
pub mod retention;
pub mod self_check;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
