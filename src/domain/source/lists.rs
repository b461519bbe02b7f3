//! The lists of sources, channels and spam, read once from the files that are compiled in.

use std::collections::{HashMap, HashSet};

use psl::Type;

use super::{super::Text, CHANNELS, CONTINUED, NONE, registrable};

const SOURCES: &str = include_str!("../../../data/sources.tsv");
const MEDIUMS: &str = include_str!("../../../data/channels.tsv");
const SPAM: &str = include_str!("../../../data/spam.txt");

/// What kind of place a known source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Search,
    Social,
    Ai,
    Email,
    Video,
    /// Known by name only.
    Site,
}

/// What a medium or a click identifier says about how someone came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Medium {
    Paid,
    Display,
    Affiliate,
    Email,
    Social,
    Search,
    Video,
    Ai,
    Referral,
    /// Nothing but the source.
    Plain,
}

#[derive(Debug)]
pub struct Known {
    pub name: Text,
    pub kind: Kind,
}

/// A click identifier: its source and what it says.
#[derive(Clone, Copy, Debug)]
pub struct Click {
    source: usize,
    pub says: Medium,
}

/// All lists, indexed.
#[derive(Debug)]
pub struct Sources {
    known: Vec<Known>,
    hosts: HashMap<&'static str, usize>,
    /// Names under any public suffix: `google` for `google.*`.
    brands: HashMap<&'static str, usize>,
    aliases: HashMap<String, usize>,
    apps: HashMap<&'static str, usize>,
    clicks: HashMap<&'static str, Click>,
    mediums: HashMap<&'static str, Medium>,
    /// Beginnings of mediums: `paid` for `paid*`.
    prefixes: Vec<(&'static str, Medium)>,
    spam: HashSet<&'static str>,
    /// Channels and marks, made once.
    words: HashMap<&'static str, Text>,
}

fn lines(file: &'static str) -> impl Iterator<Item = &'static str> {
    file.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}

impl Sources {
    /// Reads the lists that are compiled in.
    pub fn load() -> Sources {
        let words = CHANNELS.into_iter().chain([NONE, CONTINUED]).map(|word| (word, word.into()));
        let mut sources = Sources {
            known: Vec::new(),
            hosts: HashMap::new(),
            brands: HashMap::new(),
            aliases: HashMap::new(),
            apps: HashMap::new(),
            clicks: HashMap::new(),
            mediums: HashMap::new(),
            prefixes: Vec::new(),
            spam: lines(SPAM).collect(),
            words: words.collect(),
        };
        for line in lines(SOURCES) {
            sources.add_source(line).expect("data/sources.tsv is well-formed: a test reads it");
        }
        for line in lines(MEDIUMS) {
            sources.add_medium(line).expect("data/channels.tsv is well-formed: a test reads it");
        }
        sources
    }

    /// A line of name, kind, hosts, aliases, apps.
    fn add_source(&mut self, line: &'static str) -> Option<()> {
        let mut fields = line.split('\t');
        let (name, kind) = (fields.next()?, kind_named(fields.next()?)?);
        let at = self.known.len();
        self.known.push(Known { name: name.into(), kind });
        for host in fields.next()?.split_ascii_whitespace() {
            match host.strip_suffix(".*") {
                Some(brand) => self.brands.insert(brand, at),
                None => self.hosts.insert(host, at),
            };
        }
        self.aliases.insert(super::alias_of(name), at);
        for alias in fields.next().unwrap_or("").split_ascii_whitespace() {
            self.aliases.insert(alias.to_owned(), at);
        }
        for app in fields.next().unwrap_or("").split_ascii_whitespace() {
            self.apps.insert(app, at);
        }
        Some(())
    }

    /// A line of `medium`, text, meaning, or of `click`, parameter, meaning, source.
    fn add_medium(&mut self, line: &'static str) -> Option<()> {
        let mut fields = line.split('\t');
        let (what, text, says) = (fields.next()?, fields.next()?, medium_named(fields.next()?)?);
        match what {
            "click" => {
                let name = fields.next()?;
                let source = self.known.iter().position(|known| *known.name == *name)?;
                self.clicks.insert(text, Click { source, says });
            }
            "medium" => match text.strip_suffix('*') {
                Some(prefix) => self.prefixes.push((prefix, says)),
                None => {
                    self.mediums.insert(text, says);
                }
            },
            _ => return None,
        }
        Some(())
    }

    /// A channel or mark, shared.
    pub fn word(&self, word: &'static str) -> Text {
        self.words.get(word).cloned().unwrap_or_else(|| word.into())
    }

    pub fn by_host(&self, host: &str) -> Option<&Known> {
        let at = longest(host, |suffix| self.hosts.get(suffix)).or_else(|| {
            let (domain, kind) = registrable(host)?;
            let brand = domain.split('.').next()?;
            self.brands.get(brand).filter(|_| kind == Some(Type::Icann))
        })?;
        self.known.get(*at)
    }

    pub fn by_alias(&self, sent: &str) -> Option<&Known> {
        let lower = sent.to_lowercase();
        match self.aliases.get(&lower) {
            Some(at) => self.known.get(*at),
            None if lower.contains('.') => self.by_host(lower.strip_prefix("www.").unwrap_or(&lower)),
            None => None,
        }
    }

    pub fn by_app(&self, package: &str) -> Option<&Known> {
        self.apps.get(package).and_then(|at| self.known.get(*at))
    }

    pub fn click(&self, parameter: &str) -> Option<Click> {
        self.clicks.get(parameter).copied()
    }

    pub fn by_click(&self, click: Click) -> Option<&Known> {
        self.known.get(click.source)
    }

    /// What a medium in lower case means.
    pub fn medium(&self, medium: &str) -> Option<Medium> {
        let by_prefix = || self.prefixes.iter().find(|(prefix, _)| medium.starts_with(prefix));
        self.mediums.get(medium).copied().or_else(|| by_prefix().map(|(_, says)| *says))
    }

    pub fn is_spam(&self, host: &str) -> bool {
        longest(host, |suffix| self.spam.get(suffix)).is_some()
    }

    #[cfg(test)]
    pub fn sizes(&self) -> [usize; 3] {
        [self.known.len(), self.hosts.len() + self.brands.len(), self.spam.len()]
    }
}

/// What is found for a host or the nearest domain above it.
fn longest<T>(host: &str, find: impl Fn(&str) -> Option<T>) -> Option<T> {
    let mut suffix = host;
    loop {
        if let Some(found) = find(suffix) {
            return Some(found);
        }
        suffix = suffix.split_once('.')?.1;
    }
}

fn kind_named(word: &str) -> Option<Kind> {
    Some(match word {
        "search" => Kind::Search,
        "social" => Kind::Social,
        "ai" => Kind::Ai,
        "email" => Kind::Email,
        "video" => Kind::Video,
        "site" => Kind::Site,
        _ => return None,
    })
}

fn medium_named(word: &str) -> Option<Medium> {
    Some(match word {
        "paid" => Medium::Paid,
        "display" => Medium::Display,
        "affiliate" => Medium::Affiliate,
        "email" => Medium::Email,
        "social" => Medium::Social,
        "search" => Medium::Search,
        "video" => Medium::Video,
        "ai" => Medium::Ai,
        "referral" => Medium::Referral,
        "plain" => Medium::Plain,
        _ => return None,
    })
}
