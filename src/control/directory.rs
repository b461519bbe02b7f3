//! All sites as of one moment, for routing hits and requests: immutable, looked up without locks.

use std::{borrow::Cow, collections::HashMap, sync::Arc};

use super::{ControlError, Result, SiteRecord};
use crate::domain::{
    day::{Day, UnixMs},
    declaration::{Site, SiteId},
};

/// One site as it is, and as it will be from its next midnight on.
#[derive(Debug)]
pub struct Entry {
    current: Arc<Site>,
    since_day: Option<Day>,
    next: Option<Next>,
}

#[derive(Debug)]
struct Next {
    /// Begins `from_day`, by the clock of the zone before.
    at: UnixMs,
    from_day: Day,
    site: Arc<Site>,
}

impl Entry {
    fn new(record: SiteRecord) -> Option<Entry> {
        let next = match (record.changes_at(), record.pending.as_ref().and_then(|pending| pending.from_day)) {
            (Some(at), Some(from_day)) => {
                Some(Next { at, from_day, site: Arc::new(record.site(record.wanted())?) })
            }
            _ => None,
        };
        let current = Arc::new(record.site(record.settings.clone())?);
        Some(Entry { current, since_day: record.since_day, next })
    }

    /// The site's number, which never changes.
    pub fn id(&self) -> SiteId {
        self.current.id
    }

    /// The site's name.
    pub fn name(&self) -> &str {
        &self.current.name
    }

    /// The site with the settings in effect at `now`.
    pub fn at(&self, now: UnixMs) -> &Arc<Site> {
        match &self.next {
            Some(next) if next.at <= now => &next.site,
            _ => &self.current,
        }
    }

    /// The first day of the settings that wait for midnight, and the site with them, if any wait at `now`.
    pub fn next(&self, now: UnixMs) -> Option<(Day, &Arc<Site>)> {
        let next = self.next.as_ref().filter(|next| next.at > now)?;
        Some((next.from_day, &next.site))
    }

    /// The site-day to which a hit at `now` belongs: never one that was closed in a zone before.
    pub fn day(&self, now: UnixMs) -> Day {
        let since = match &self.next {
            Some(next) if next.at <= now => Some(next.from_day),
            _ => self.since_day,
        };
        let day = self.at(now).zone.day_at(now);
        since.map_or(day, |since| day.max(since))
    }
}

/// An immutable snapshot of all sites.
#[derive(Debug, Default)]
pub struct Directory {
    entries: Vec<Arc<Entry>>,
    by_id: HashMap<SiteId, usize>,
    by_name: HashMap<String, usize>,
    by_uuid: HashMap<String, usize>,
    by_host: HashMap<String, usize>,
    /// What follows `*.` in a wildcard host.
    by_parent: HashMap<String, usize>,
    /// Sites on their way into another: they take no hits.
    leaving: Vec<Arc<Entry>>,
}

impl Directory {
    pub(super) fn new(
        records: Vec<SiteRecord>,
        aliases: Vec<(String, SiteId)>,
        leaving: Vec<SiteRecord>,
    ) -> Result<Directory> {
        let mut directory = Directory { leaving: entries(leaving)?, ..Directory::default() };
        directory.entries = entries(records)?;
        // Of sites that share a host, the oldest answers for it.
        directory.entries.sort_by_key(|entry| entry.id());
        for (at, entry) in directory.entries.iter().enumerate() {
            directory.by_id.insert(entry.id(), at);
            directory.by_name.insert(entry.name().to_owned(), at);
            directory.by_uuid.insert(entry.current.uuid.clone(), at);
            for host in &entry.current.hosts {
                let (map, host) = match host.strip_prefix("*.") {
                    Some(parent) => (&mut directory.by_parent, parent),
                    None => (&mut directory.by_host, bare(host)),
                };
                map.entry(host.to_owned()).or_insert(at);
            }
        }
        for (name, site) in aliases {
            let Some(&at) = directory.by_id.get(&site) else { continue };
            directory.by_uuid.entry(name.clone()).or_insert(at);
            directory.by_name.entry(name).or_insert(at);
        }
        Ok(directory)
    }

    /// All sites, by id.
    pub fn entries(&self) -> &[Arc<Entry>] {
        &self.entries
    }

    pub fn by_id(&self, id: SiteId) -> Option<&Arc<Entry>> {
        self.by_id.get(&id).map(|&at| &self.entries[at])
    }

    /// A site on its way into another, of which a day may still be open.
    pub fn leaving(&self, id: SiteId) -> Option<&Arc<Entry>> {
        self.leaving.iter().find(|entry| entry.id() == id)
    }

    /// The site that has this name, or had it before, with or without `www.`, in any case.
    pub fn by_name(&self, name: &str) -> Option<&Arc<Entry>> {
        let name = lower(name);
        self.by_name.get(bare(&name)).map(|&at| &self.entries[at])
    }

    /// For clients that name sites by UUID.
    pub fn by_uuid(&self, uuid: &str) -> Option<&Arc<Entry>> {
        self.by_uuid.get(&*lower(uuid)).map(|&at| &self.entries[at])
    }

    /// The site whose pages are on this host: the site of that name, else one that lists the host (with or
    /// without `www.`), else the one with the longest matching wildcard.
    pub fn by_host(&self, host: &str) -> Option<&Arc<Entry>> {
        let host = lower(host);
        let host = bare(&host);
        let found = self.by_name.get(host).or_else(|| self.by_host.get(host)).or_else(|| {
            let parents = host.match_indices('.').map(|(dot, _)| &host[dot + 1..]);
            parents.filter_map(|parent| self.by_parent.get(parent)).next()
        });
        found.map(|&at| &self.entries[at])
    }

    /// The site that a request names by `d`: by name, else by host.
    pub fn named_or_host(&self, name: &str) -> Option<&Arc<Entry>> {
        self.by_name(name).or_else(|| self.by_host(name))
    }
}

fn entries(records: Vec<SiteRecord>) -> Result<Vec<Arc<Entry>>> {
    let entry = |record: SiteRecord| {
        let name = record.name.clone();
        let unreadable = || ControlError::Unreadable {
            what: "time zone",
            error: format!("site `{name}` is in a zone that this program does not know"),
        };
        Entry::new(record).map(Arc::new).ok_or_else(unreadable)
    };
    records.into_iter().map(entry).collect()
}

fn lower(text: &str) -> Cow<'_, str> {
    match text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        true => Cow::Owned(text.to_ascii_lowercase()),
        false => Cow::Borrowed(text),
    }
}

fn bare(host: &str) -> &str {
    host.strip_prefix("www.").unwrap_or(host)
}
