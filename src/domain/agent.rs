//! What a user agent says: a bot or not, browser, system and device class, in a small vocabulary of ours.
//!
//! The texts that leave here are never parts of the user agent, but for version numbers of at most three digits.

mod bots;
mod names;
#[cfg(test)]
mod tests;

use ua_parser::{os, user_agent};

use super::{
    NONE, Text,
    address::UserAgent,
    attributes::{Device, Language},
};
use bots::Bots;

#[derive(serde::Deserialize)]
struct Parsers {
    user_agent_parsers: Vec<user_agent::Parser<'static>>,
    os_parsers: Vec<os::Parser<'static>>,
}

const BROWSERS: &str = include_str!("../../data/browsers.json");

/// The compiled lists of bots, browsers and systems. Made once: 60 ms, and then 5-10 us a
/// description and 1 us a question for bots, measured in a release build.
pub struct Agents {
    browsers: user_agent::Extractor<'static>,
    systems: os::Extractor<'static>,
    bots: Bots,
}

impl Agents {
    /// Compiles the lists that are compiled in.
    pub fn load() -> Agents {
        let parsers: Parsers =
            serde_json::from_str(BROWSERS).expect("data/browsers.json is JSON: a test reads it");
        let browsers = user_agent::Builder::new()
            .push_all(parsers.user_agent_parsers)
            .ok()
            .and_then(|builder| builder.build().ok());
        let systems =
            os::Builder::new().push_all(parsers.os_parsers).ok().and_then(|builder| builder.build().ok());
        Agents {
            browsers: browsers.expect("data/browsers.json compiles: a test compiles it"),
            systems: systems.expect("data/browsers.json compiles: a test compiles it"),
            bots: Bots::load(),
        }
    }

    /// Whether a user agent is a crawler's or a tool's, or no browser's at all.
    pub fn is_bot(&self, agent: &UserAgent) -> bool {
        self.bots.hold(agent.text())
    }

    /// Browser, system and device class; versions only where they are kept.
    pub fn device(&self, agent: &UserAgent, versions: bool) -> Device {
        let text = agent.text();
        let browser = self.browsers.extract(text);
        let system = self.systems.extract(text);
        let os = names::system(system.as_ref().map_or("", |system| &system.os));
        let class = names::class(text, os);
        let none = || Text::from(NONE);
        let (mut browser_version, mut os_version) = (none(), none());
        if versions {
            let major = browser.as_ref().and_then(|browser| browser.major);
            browser_version = major.filter(|one| is_version(one)).map_or_else(none, Into::into);
            let system = system.as_ref();
            let [major, minor] = [
                system.and_then(|system| system.major.as_deref()),
                system.and_then(|system| system.minor.as_deref()),
            ];
            os_version = names::system_version(os, major, minor).map_or_else(none, Into::into);
        }
        let browser = names::browser(browser.as_ref().map_or("", |browser| &browser.family));
        Device([browser.into(), browser_version, os.into(), os_version, class.into()])
    }
}

/// One to three digits: nothing that tells a person.
fn is_version(text: &str) -> bool {
    (1..=3).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The first language of an `Accept-Language` header: its primary tag, if ISO 639 lists it.
pub fn language(header: Option<&str>) -> Language {
    let first = header.unwrap_or("").split([',', ';']).next().unwrap_or("").trim();
    let primary = first.split(['-', '_']).next().unwrap_or("").to_ascii_lowercase();
    match names::is_language(&primary) {
        true => Language(primary.into()),
        false => Language::default(),
    }
}
