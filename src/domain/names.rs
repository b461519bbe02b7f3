//! Names: every text of an open day once, and numbers for the combinations that cells are keyed by.
//!
//! Numbers are given in order of first use, and each first use is written down ([`Define`]), so that replaying
//! a journal gives the same numbers. Caps on distinct values are decided here. Holds no visitor.

use std::sync::Arc;

use hashbrown::{HashMap, HashSet};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::{
    CONTINUED, ENTRY, NONE, OTHER, STAR, Text, UNDECLARED,
    attributes::VisitAttributes,
    delta::Delta,
    hit::PropertyHit,
    outcome::Note,
    tally::{Caps, KnownValues},
};

type Index<K> = HashMap<K, u32, foldhash::quality::RandomState>;

/// Numbers that every day starts with.
pub const TEXT_STAR: u32 = 0;
pub const TEXT_EMPTY: u32 = 4;
const RESERVED: [&str; 7] = [STAR, OTHER, NONE, ENTRY, "", UNDECLARED, CONTINUED];
pub const PAGE_STAR: u32 = 0;
pub const PAGE_OTHER: u32 = 1;
pub const PAGE_NONE: u32 = 2;
pub const PAGE_ENTRY: u32 = 3;
/// The label all of whose attributes are `*`, in each family.
pub const LABEL_STAR: u32 = 0;

/// The first use of a name; its number is the next of its kind. Refers to numbers given before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Define {
    Text(Text),
    Page {
        section: bool,
        text: u32,
    },
    /// A page with the sections it is in.
    Spot {
        page: u32,
        sections: SmallVec<[u32; 2]>,
    },
    Visit([u32; 7]),
    Place([u32; 3]),
    Device([u32; 5]),
    Language([u32; 1]),
    /// Name, property, value, currency.
    Event([u32; 4]),
    Funnel(u32),
}

/// A page or a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Page {
    pub section: bool,
    pub text: u32,
}

/// A page with its sections, as a hit named them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Spot {
    pub page: u32,
    pub sections: SmallVec<[u32; 2]>,
}

impl Spot {
    /// What place and device count the page as: its first section, else itself.
    pub fn group(&self) -> u32 {
        self.sections.first().copied().unwrap_or(self.page)
    }
}

/// What numbers stand for; shared with readers.
#[derive(Clone, Default)]
pub struct Lists {
    pub texts: Vec<Text>,
    pub pages: Vec<Page>,
    pub visits: Vec<[u32; 7]>,
    pub places: Vec<[u32; 3]>,
    pub devices: Vec<[u32; 5]>,
    pub languages: Vec<[u32; 1]>,
    pub events: Vec<[u32; 4]>,
    pub funnels: Vec<u32>,
}

impl Lists {
    /// The text of a number; `*` for one that was never given.
    pub fn text(&self, id: u32) -> Text {
        self.texts.get(id as usize).unwrap_or(&self.texts[TEXT_STAR as usize]).clone()
    }

    pub fn page(&self, id: u32) -> Page {
        self.pages.get(id as usize).copied().unwrap_or(Page { section: false, text: TEXT_STAR })
    }

    pub fn event(&self, id: u32) -> [u32; 4] {
        self.events.get(id as usize).copied().unwrap_or([TEXT_STAR; 4])
    }
}

/// What a hit brought that is new: definitions for the journal, notes for the ledger.
#[derive(Default)]
pub struct Fresh {
    pub define: Vec<Define>,
    pub notes: SmallVec<[Note; 2]>,
}

/// How many numbers of each kind were given.
struct Given {
    texts: usize,
    pages: usize,
    spots: usize,
    visits: usize,
    places: usize,
    devices: usize,
    languages: usize,
    events: usize,
    funnels: usize,
}

impl Given {
    fn holds(&self, kind: impl Fn(&Given) -> usize, numbers: &[u32]) -> bool {
        numbers.iter().all(|&number| (number as usize) < kind(self))
    }

    /// Gives the next number of its kind; false if the definition refers to one that was not given.
    fn give(&mut self, define: &Define) -> bool {
        let texts = |given: &Given, numbers: &[u32]| given.holds(|n| n.texts, numbers);
        let (known, kind) = match define {
            Define::Text(_) => (true, &mut self.texts),
            Define::Page { text, .. } => (texts(self, &[*text]), &mut self.pages),
            Define::Spot { page, sections } => {
                let known = self.holds(|n| n.pages, &[*page]) && self.holds(|n| n.pages, sections);
                (known, &mut self.spots)
            }
            Define::Visit(label) => (texts(self, label), &mut self.visits),
            Define::Place(label) => (texts(self, label), &mut self.places),
            Define::Device(label) => (texts(self, label), &mut self.devices),
            Define::Language(label) => (texts(self, label), &mut self.languages),
            Define::Event(event) => (texts(self, event), &mut self.events),
            Define::Funnel(name) => (texts(self, &[*name]), &mut self.funnels),
        };
        *kind += 1;
        known
    }
}

/// The interners of one open day.
pub struct Names {
    pub lists: Arc<Lists>,
    spots: Vec<Spot>,
    texts: Index<Text>,
    pages: Index<Page>,
    spot_index: Index<Spot>,
    visits: Index<[u32; 7]>,
    places: Index<[u32; 3]>,
    devices: Index<[u32; 5]>,
    languages: Index<[u32; 1]>,
    events: Index<[u32; 4]>,
    funnels: Index<u32>,
    /// Distinct page labels that count towards the cap.
    page_labels: u32,
    /// Distinct values of source and the five campaign fields (fields 1..=6 of a visit's label).
    used: [HashSet<u32>; 6],
    /// Distinct values of each (event, property).
    values: HashMap<(u32, u32), HashSet<u32>>,
    caps: Caps,
    known: Arc<KnownValues>,
    other: Text,
}

impl Names {
    pub fn new(caps: Caps, known: Arc<KnownValues>) -> Names {
        let mut names = Names {
            lists: Arc::default(),
            spots: Vec::new(),
            texts: Index::default(),
            pages: Index::default(),
            spot_index: Index::default(),
            visits: Index::default(),
            places: Index::default(),
            devices: Index::default(),
            languages: Index::default(),
            events: Index::default(),
            funnels: Index::default(),
            page_labels: 0,
            used: Default::default(),
            values: HashMap::new(),
            caps,
            known,
            other: OTHER.into(),
        };
        RESERVED.iter().for_each(|&text| names.define(&Define::Text(text.into())));
        // The first four texts are also the first four pages.
        (0..4).for_each(|text| names.define(&Define::Page { section: false, text }));
        names.define(&Define::Visit([TEXT_STAR; 7]));
        names.define(&Define::Place([TEXT_STAR; 3]));
        names.define(&Define::Device([TEXT_STAR; 5]));
        names.define(&Define::Language([TEXT_STAR]));
        names
    }

    /// Admits these values over every cap from now on.
    pub fn know(&mut self, known: Arc<KnownValues>) {
        self.known = known;
    }

    /// Gives the next number of its kind, as when it was first used.
    pub fn define(&mut self, define: &Define) {
        let lists = Arc::make_mut(&mut self.lists);
        match define {
            Define::Text(text) => give(&mut self.texts, &mut lists.texts, text.clone()),
            &Define::Page { section, text } => {
                self.page_labels += u32::from(!section && text as usize >= RESERVED.len());
                give(&mut self.pages, &mut lists.pages, Page { section, text });
            }
            Define::Spot { page, sections } => {
                let spot = Spot { page: *page, sections: sections.clone() };
                give(&mut self.spot_index, &mut self.spots, spot);
            }
            &Define::Visit(label) => {
                for (used, &value) in self.used.iter_mut().zip(&label[1..]) {
                    if value as usize >= RESERVED.len() {
                        used.insert(value);
                    }
                }
                give(&mut self.visits, &mut lists.visits, label);
            }
            &Define::Place(label) => give(&mut self.places, &mut lists.places, label),
            &Define::Device(label) => give(&mut self.devices, &mut lists.devices, label),
            &Define::Language(label) => give(&mut self.languages, &mut lists.languages, label),
            &Define::Event(event) => {
                let [name, property, value, _] = event;
                if property != TEXT_EMPTY && value as usize >= RESERVED.len() {
                    self.values.entry((name, property)).or_default().insert(value);
                }
                give(&mut self.events, &mut lists.events, event);
            }
            &Define::Funnel(name) => give(&mut self.funnels, &mut lists.funnels, name),
        }
    }

    /// Whether a delta of this day's journal could be the next: all numbers in it were given, or are given by it.
    pub fn can_follow(&self, delta: &Delta) -> bool {
        let mut given = self.given();
        let defined = delta.define.iter().all(|define| given.give(define));
        let who = delta.who;
        defined
            && given.holds(|n| n.visits, &[who.visit])
            && given.holds(|n| n.places, &[who.place])
            && given.holds(|n| n.devices, &[who.device])
            && given.holds(|n| n.languages, &[who.language])
            && delta.changes.iter().all(|one| given.holds(|n| n.pages, &[one.page, one.group]))
            && delta.events.iter().all(|one| given.holds(|n| n.events, &[one.event]))
            && delta.events.iter().all(|one| given.holds(|n| n.spots, &[one.spot]))
            && delta.flow.iter().all(|one| given.holds(|n| n.pages, &[one.from, one.to]))
            && delta.funnels.iter().all(|&(funnel, _)| given.holds(|n| n.funnels, &[funnel]))
    }

    fn given(&self) -> Given {
        let lists = &self.lists;
        Given {
            texts: lists.texts.len(),
            pages: lists.pages.len(),
            spots: self.spots.len(),
            visits: lists.visits.len(),
            places: lists.places.len(),
            devices: lists.devices.len(),
            languages: lists.languages.len(),
            events: lists.events.len(),
            funnels: lists.funnels.len(),
        }
    }

    /// A page with its sections; an unknown number is `(none)` without sections.
    pub fn spot(&self, id: u32) -> Spot {
        self.spots.get(id as usize).cloned().unwrap_or(Spot { page: PAGE_NONE, sections: SmallVec::new() })
    }

    /// The number of a page and its sections, with the page under its cap.
    pub fn spot_of(&mut self, page: Option<&Text>, sections: &[Text], fresh: &mut Fresh) -> u32 {
        let page = self.page(page, fresh);
        let mut spot = Spot { page, sections: SmallVec::new() };
        for section in sections {
            let text = self.text(section, fresh);
            let section = Page { section: true, text };
            let found = self.pages.get(&section).copied();
            let id = found.unwrap_or_else(|| {
                self.first_use(Define::Page { section: true, text }, fresh);
                self.lists.pages.len() as u32 - 1
            });
            if !spot.sections.contains(&id) {
                spot.sections.push(id);
            }
        }
        if let Some(&id) = self.spot_index.get(&spot) {
            return id;
        }
        if self.spots.len() as u64 >= 2 * u64::from(self.caps.pages) + 10_000 {
            spot.sections.clear();
            if let Some(&id) = self.spot_index.get(&spot) {
                return id;
            }
        }
        self.first_use(Define::Spot { page: spot.page, sections: spot.sections }, fresh);
        self.spots.len() as u32 - 1
    }

    fn page(&mut self, label: Option<&Text>, fresh: &mut Fresh) -> u32 {
        let Some(label) = label else { return PAGE_NONE };
        if let Some(&text) = self.texts.get(label)
            && let Some(&page) = self.pages.get(&Page { section: false, text })
        {
            return page;
        }
        if self.page_labels >= self.caps.pages && !self.known.pages.contains(label) {
            fresh.notes.push(Note::PathCapped);
            return PAGE_OTHER;
        }
        let text = self.text(label, fresh);
        self.first_use(Define::Page { section: false, text }, fresh);
        self.lists.pages.len() as u32 - 1
    }

    /// The number of a page that no cap knows.
    #[cfg(feature = "sabotage")]
    pub fn page_apart(&mut self, label: &Text, fresh: &mut Fresh) -> u32 {
        let text = self.text(label, fresh);
        let page = Page { section: false, text };
        let found = self.pages.get(&page).copied();
        found.unwrap_or_else(|| {
            self.first_use(Define::Page { section: false, text }, fresh);
            self.page_labels -= 1;
            self.lists.pages.len() as u32 - 1
        })
    }

    /// The number of a visit's attributes, each value under its cap.
    pub fn visit(&mut self, visit: &VisitAttributes, fresh: &mut Fresh) -> u32 {
        let mut label = [TEXT_STAR; 7];
        let (mut campaign_capped, other) = (false, self.other.clone());
        for (field, value) in visit.0.iter().enumerate() {
            let value = told_apart(value, &other);
            if field > 0 && self.is_over_cap(field - 1, value) {
                label[field] = 1;
                match field {
                    1 => fresh.notes.push(Note::SourceCapped),
                    _ => campaign_capped = true,
                }
            } else {
                label[field] = self.text(value, fresh);
            }
        }
        if campaign_capped {
            fresh.notes.push(Note::CampaignCapped);
        }
        if let Some(&id) = self.visits.get(&label) {
            return id;
        }
        self.labelled(self.visits.len(), Define::Visit(label), fresh)
    }

    fn is_over_cap(&self, field: usize, value: &Text) -> bool {
        let used = &self.used[field];
        let (cap, known) = match field {
            0 => (self.caps.sources, &self.known.sources),
            _ => (self.caps.utm_each, &self.known.campaigns[field - 1]),
        };
        if (used.len() as u64) < u64::from(cap) || known.contains(value) {
            return false;
        }
        let text = self.texts.get(value);
        !text.is_some_and(|&text| (text as usize) < RESERVED.len() || used.contains(&text))
    }

    pub fn place(&mut self, place: &[Text; 3], fresh: &mut Fresh) -> u32 {
        let label = self.texts(place, fresh);
        let found = self.places.get(&label).copied();
        found.unwrap_or_else(|| self.labelled(self.places.len(), Define::Place(label), fresh))
    }

    pub fn device(&mut self, device: &[Text; 5], fresh: &mut Fresh) -> u32 {
        let label = self.texts(device, fresh);
        let found = self.devices.get(&label).copied();
        found.unwrap_or_else(|| self.labelled(self.devices.len(), Define::Device(label), fresh))
    }

    pub fn language(&mut self, language: &Text, fresh: &mut Fresh) -> u32 {
        let label = self.texts(std::array::from_ref(language), fresh);
        let found = self.languages.get(&label).copied();
        found.unwrap_or_else(|| self.labelled(self.languages.len(), Define::Language(label), fresh))
    }

    /// Gives a label the next number (which is `at`), or the star's where the family has no room.
    fn labelled(&mut self, at: usize, define: Define, fresh: &mut Fresh) -> u32 {
        if at as u64 > u64::from(self.caps.cells_per_family) {
            fresh.notes.push(Note::CellsCapped);
            return LABEL_STAR;
        }
        self.first_use(define, fresh);
        at as u32
    }

    /// The number of an event's own cell.
    pub fn event(&mut self, name: &Text, currency: &str, fresh: &mut Fresh) -> u32 {
        let name = self.text(name, fresh);
        let currency = self.text(&currency.into(), fresh);
        self.event_cell([name, TEXT_EMPTY, TEXT_EMPTY, currency], fresh)
    }

    /// The number of the cell of one property's value, under the property's cap.
    pub fn event_value(&mut self, name: &Text, hit: &PropertyHit, fresh: &mut Fresh) -> u32 {
        let (name, property) = (self.text(name, fresh), self.text(&hit.property, fresh));
        let other = self.other.clone();
        let value = told_apart(&hit.value, &other);
        let used = self.values.get(&(name, property));
        let full = hit.cap.is_some_and(|cap| used.map_or(0, HashSet::len) as u64 >= u64::from(cap));
        let text = self.texts.get(value).copied();
        let there = text.is_some_and(|text| {
            (text as usize) < RESERVED.len() || used.is_some_and(|used| used.contains(&text))
        });
        let value = if full && !there {
            fresh.notes.push(Note::ValueCapped);
            1
        } else {
            self.text(value, fresh)
        };
        self.event_cell([name, property, value, TEXT_EMPTY], fresh)
    }

    fn event_cell(&mut self, event: [u32; 4], fresh: &mut Fresh) -> u32 {
        if let Some(&id) = self.events.get(&event) {
            return id;
        }
        self.first_use(Define::Event(event), fresh);
        self.lists.events.len() as u32 - 1
    }

    pub fn funnel(&mut self, name: &Text, fresh: &mut Fresh) -> u32 {
        let name = self.text(name, fresh);
        if let Some(&id) = self.funnels.get(&name) {
            return id;
        }
        self.first_use(Define::Funnel(name), fresh);
        self.lists.funnels.len() as u32 - 1
    }

    pub fn text(&mut self, text: &Text, fresh: &mut Fresh) -> u32 {
        if let Some(&id) = self.texts.get(text) {
            return id;
        }
        self.first_use(Define::Text(text.clone()), fresh);
        self.lists.texts.len() as u32 - 1
    }

    fn texts<const N: usize>(&mut self, texts: &[Text; N], fresh: &mut Fresh) -> [u32; N] {
        let other = self.other.clone();
        std::array::from_fn(|at| self.text(told_apart(&texts[at], &other), fresh))
    }

    fn first_use(&mut self, define: Define, fresh: &mut Fresh) {
        self.define(&define);
        fresh.define.push(define);
    }
}

/// What every day starts with.
pub fn reserved() -> Lists {
    Arc::unwrap_or_clone(Names::new(Caps::default(), Arc::default()).lists)
}

/// A client's own `*` would read as untold.
fn told_apart<'a>(text: &'a Text, other: &'a Text) -> &'a Text {
    if &**text == STAR { other } else { text }
}

fn give<K: Clone + Eq + std::hash::Hash>(index: &mut Index<K>, list: &mut Vec<K>, key: K) {
    index.insert(key.clone(), list.len() as u32);
    list.push(key);
}
