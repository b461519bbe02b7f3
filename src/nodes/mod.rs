//! Many collectors: what the nodes of one installation ask of each other, and nothing of visitors in it but counts.
//!
//! The report node hands out sites (`hand_out`), collectors take them over (`follow`). For a report, the report node
//! takes a reading of each collector's open days (`reach`, `readings`): the days as of one moment, and then one query
//! after the other over them. Collectors never talk to each other.

pub mod follow;
pub mod hand_out;
pub mod reach;
pub mod readings;
pub mod token;
pub mod wire;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::{
    config::{Config, Role},
    control::{Control, ControlError},
};
use follow::Follower;
use hand_out::HandOut;
use reach::Collectors;
use readings::Readings;
use token::NodeToken;

/// What this process is among its nodes.
#[derive(Clone)]
pub enum Node {
    Alone,
    Collector(Arc<Collecting>),
    Report(Arc<Reporting>),
}

/// A collector's part.
pub struct Collecting {
    pub token: NodeToken,
    pub number: u32,
    /// The name of its data directory.
    pub instance: String,
    pub readings: Readings,
    pub follower: Follower,
}

/// The report node's part.
pub struct Reporting {
    pub token: NodeToken,
    pub hand_out: HandOut,
    pub collectors: Arc<Collectors>,
}

impl Node {
    /// # Errors
    /// Those of the control database; a data directory that is a collector's, for another role.
    pub fn new(config: &Config, control: &Arc<Control>) -> Result<Node, NodeError> {
        match &config.role {
            Role::Collector { report, token } => {
                let instance = control.instance()?;
                if let Some(known) = control.number()?.filter(|known| *known != config.node.to_string()) {
                    return Err(NodeError::OtherNumber { known, asked: config.node });
                }
                let follower = Follower::new(report, token, config.node, &instance, control.clone())?;
                let (token, number, readings) = (token.clone(), config.node, Readings::default());
                Ok(Node::Collector(Arc::new(Collecting { token, number, instance, readings, follower })))
            }
            _ if control.followed()?.is_some() => Err(NodeError::WasCollector),
            Role::All => Ok(Node::Alone),
            Role::Report { collectors, token } => {
                let numbers = collectors.iter().map(|(number, _)| *number).collect();
                Ok(Node::Report(Arc::new(Reporting {
                    token: token.clone(),
                    hand_out: HandOut::new(control.clone(), numbers),
                    collectors: Arc::new(Collectors::new(collectors, token, control.clone())?),
                })))
            }
        }
    }

    pub fn collector(&self) -> Option<&Arc<Collecting>> {
        match self {
            Node::Collector(collecting) => Some(collecting),
            _ => None,
        }
    }

    /// What all nodes of the installation know and nobody else; `None` where this is the only one.
    pub fn token(&self) -> Option<&NodeToken> {
        match self {
            Node::Alone => None,
            Node::Collector(collecting) => Some(&collecting.token),
            Node::Report(reporting) => Some(&reporting.token),
        }
    }

    pub fn report(&self) -> Option<&Arc<Reporting>> {
        match self {
            Node::Report(reporting) => Some(reporting),
            _ => None,
        }
    }
}

/// Why a process cannot be the node that it is to be.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    #[error(transparent)]
    Control(#[from] ControlError),
    #[error(transparent)]
    Wire(#[from] wire::WireError),
    #[error("role: this data directory is a collector's and stays one: another role needs another `data`")]
    WasCollector,
    #[error("node: this data directory is collector {known}'s and stays that one's: it cannot be {asked}")]
    OtherNumber { known: String, asked: u32 },
    #[error("{0}")]
    Refused(String),
    #[error("the sites could not be had from the report node, and this collector has none from before: {0}")]
    NoSites(String),
    #[error("the system gives no randomness: {0}")]
    Randomness(#[from] getrandom::Error),
}
