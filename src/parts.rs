//! The rooms that are running, handed to those who answer from them. `run` makes them; nothing here does anything.

use std::sync::Arc;

use crate::{
    close::{driver::Closing, retention::Retention},
    collect::endpoint::Collector,
    control::Control,
    disclosure::Process,
    jobs::server::Server as Jobs,
    journal::Journal,
    memory::{days::Memory, runtime::RuntimeDir},
    nodes::Node,
    store::Store,
};

/// The wired rooms.
#[derive(Clone)]
pub struct Parts {
    pub control: Arc<Control>,
    pub store: Arc<dyn Store>,
    pub journal: Arc<Journal>,
    pub memory: Arc<Memory>,
    pub closing: Arc<Closing>,
    pub collector: Arc<Collector>,
    /// What this process is among the nodes of its installation.
    pub node: Node,
    /// What this process runs with, as it is told to visitors.
    pub process: Arc<Process>,
    /// Where salts and visitor tables survive a restart.
    pub(crate) runtime: Option<RuntimeDir>,
    pub(crate) jobs: Arc<Jobs>,
    pub(crate) retention: Arc<Retention>,
}
