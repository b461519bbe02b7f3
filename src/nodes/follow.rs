//! A collector follows the report node: it asks for sites and declarations, and has them on its disk.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use actix_web::web;
use reqwest::{Method, StatusCode};
use url::Url;

use super::{
    NodeError,
    token::NodeToken,
    wire::{INSTANCE, NODE, RUN, SITES, Wire, WireError},
};
use crate::{
    clock,
    control::{Control, ControlError, Declarations},
};

/// How often a collector asks whether anything was changed.
pub const EVERY: Duration = Duration::from_secs(1);
/// How long it waits for an answer.
const WITHIN: Duration = Duration::from_secs(10);
/// How long a start waits to be told whether the process before it is gone, and how often it asks.
const PLACE_WITHIN: Duration = Duration::from_secs(5);
const PLACE_EVERY: Duration = Duration::from_millis(250);

/// What asks the report node.
pub struct Follower {
    report: Url,
    wire: Wire,
    number: u32,
    instance: String,
    /// Of this process alone.
    run: String,
    control: Arc<Control>,
    /// Why the last time came to nothing, in words.
    trouble: Mutex<Option<String>>,
}

/// Why nothing was taken over.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// This process must not go on under its number.
    #[error("{0}")]
    Refused(String),
    /// Another process may be there still under its number.
    #[error("{0}")]
    Later(String),
    /// To be tried again.
    #[error("{0}")]
    NotNow(String),
}

impl From<ControlError> for FollowError {
    fn from(error: ControlError) -> FollowError {
        FollowError::NotNow(error.to_string())
    }
}

impl From<WireError> for FollowError {
    fn from(error: WireError) -> FollowError {
        match error {
            WireError::Refused { status: StatusCode::CONFLICT, words } => FollowError::Refused(words),
            WireError::Refused { status: StatusCode::SERVICE_UNAVAILABLE, words } => {
                FollowError::Later(words)
            }
            error => FollowError::NotNow(error.to_string()),
        }
    }
}

impl Follower {
    pub fn new(
        report: &Url,
        token: &NodeToken,
        number: u32,
        instance: &str,
        control: Arc<Control>,
    ) -> Result<Follower, NodeError> {
        let run = format!("{:016x}{:016x}", getrandom::u64()?, getrandom::u64()?);
        let (report, wire, instance) = (report.clone(), Wire::new(token)?, instance.to_owned());
        Ok(Follower { report, wire, number, instance, run, control, trouble: Mutex::default() })
    }

    /// What does not work at the moment.
    pub fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Before hits are taken: sites as they are now, or those on the disk where the report node is away.
    ///
    /// # Errors
    /// [`NodeError::Refused`] by the report node; [`NodeError::NoSites`] where there were never any.
    pub async fn begin(&self) -> Result<(), NodeError> {
        let end = Instant::now() + PLACE_WITHIN;
        let mut asked = self.once().await;
        // Nothing is counted or released yet: on a copy, all of it would be another's.
        while matches!(asked, Err(FollowError::Later(_))) && Instant::now() < end {
            tokio::time::sleep(PLACE_EVERY).await;
            asked = self.once().await;
        }
        match asked {
            Ok(_) => Ok(()),
            Err(FollowError::Refused(words)) => Err(NodeError::Refused(words)),
            Err(FollowError::Later(words) | FollowError::NotNow(words)) => match self.control.followed()? {
                None => Err(NodeError::NoSites(words)),
                Some(_) => {
                    self.note(Some(words));
                    Ok(())
                }
            },
        }
    }

    /// Goes on asking; returns only when this process must not go on, with the reason.
    pub async fn for_ever(&self) -> String {
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            match self.once().await {
                Ok(_) => self.note(None),
                Err(FollowError::Later(words) | FollowError::NotNow(words)) => self.note(Some(words)),
                Err(FollowError::Refused(words)) => return words,
            }
        }
    }

    /// Asks once. True where something was changed.
    ///
    /// # Errors
    /// [`FollowError`].
    pub async fn once(&self) -> Result<bool, FollowError> {
        let mut request = self
            .wire
            .request(Method::GET, &self.report, "declarations", WITHIN)
            .header(NODE, self.number.to_string())
            .header(INSTANCE, &self.instance)
            .header(RUN, &self.run)
            .header(SITES, self.control.sites_made()?.to_string());
        if let Some(version) = self.control.followed()? {
            request = request.header("if-none-match", version);
        }
        let (status, version, body) = self.wire.send(request).await?;
        self.control.keep_number(self.number)?;
        if status == StatusCode::NOT_MODIFIED {
            return Ok(false);
        }
        let unreadable =
            |error: serde_json::Error| FollowError::NotNow(format!("its answer cannot be read: {error}"));
        let declarations: Declarations = serde_json::from_slice(&body).map_err(unreadable)?;
        let (control, version) = (self.control.clone(), version.unwrap_or_default());
        let sites = declarations.sites.len();
        let taken = web::block(move || control.follow(&declarations, &version, clock::now())).await;
        taken.map_err(|_| FollowError::NotNow("the blocking threads are gone".to_owned()))??;
        tracing::info!(sites, "took over what the report node declares");
        Ok(true)
    }

    /// Says a trouble once, and that it is over.
    fn note(&self, trouble: Option<String>) {
        let mut known = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        match (&*known, &trouble) {
            (before, Some(words)) if before.as_ref() != Some(words) => {
                tracing::warn!("the report node: {words}; this collector goes on with the sites that it has");
            }
            (Some(_), None) => tracing::info!("the report node answers again"),
            _ => {}
        }
        *known = trouble;
    }
}
