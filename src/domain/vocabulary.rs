//! The site's closed vocabulary: what an event may be called and what its properties may say.

use std::collections::HashMap;

use regex::Regex;
use smallvec::SmallVec;

use super::{
    Text, UNDECLARED,
    declaration::{EventDeclaration, Once, Pattern, PropertyDeclaration, Values},
    hit::{EventHit, PropertyHit, Revenue},
    is_mark,
    outcome::{Note, Outcome},
};

/// Longest undeclared text that is proposed, in bytes.
pub const PROPOSED_BYTES_MAX: usize = 120;
/// Most characters of a value that fits a pattern.
pub const PATTERN_CHARACTERS_MAX: u32 = 100;

pub use super::proposals::Undeclared;

/// An event's declarations, compiled for one version of the site's settings.
#[derive(Debug)]
pub struct Vocabulary {
    events: HashMap<Text, Event>,
    undeclared: Text,
}

#[derive(Debug)]
struct Event {
    declared: EventDeclaration,
    properties: Vec<Property>,
}

#[derive(Debug)]
struct Property {
    name: Text,
    values: Compiled,
}

#[derive(Debug)]
enum Compiled {
    List(Vec<Text>),
    /// `None` where the pattern is broken: then nothing fits.
    Pattern {
        fits: Option<Regex>,
        cap: u32,
    },
}

/// Compiles a bounded pattern to an expression that a whole value must match.
///
/// # Errors
/// In words: no character class, no valid one, or bounds out of `0..=100`.
pub fn compile_pattern(pattern: &Pattern) -> Result<Regex, String> {
    let Pattern { characters, min, max, .. } = pattern;
    if !(characters.starts_with('[') && characters.ends_with(']') && characters.len() <= 200) {
        return Err(format!("{characters} is no character class such as [a-z0-9-]"));
    }
    if min > max || *max == 0 || *max > PATTERN_CHARACTERS_MAX {
        return Err(format!("{min} to {max} characters is not within 0 to {PATTERN_CHARACTERS_MAX}"));
    }
    regex::RegexBuilder::new(&format!("^(?:{characters}){{{min},{max}}}$"))
        .size_limit(1 << 20)
        .build()
        .map_err(|_| format!("{characters} is no valid character class"))
}

/// What the vocabulary makes of an event.
pub struct Judged {
    pub result: Result<EventHit, Outcome>,
    pub notes: SmallVec<[Note; 4]>,
    pub undeclared: Vec<Undeclared>,
}

impl Vocabulary {
    pub fn new(events: &[EventDeclaration]) -> Vocabulary {
        let events = events.iter().map(|declared| {
            let properties = declared.properties.iter().map(Property::new).collect();
            (declared.name.clone(), Event { declared: declared.clone(), properties })
        });
        Vocabulary { events: events.collect(), undeclared: UNDECLARED.into() }
    }

    /// Holds an event against the declarations.
    pub fn judge(
        &self,
        name: &str,
        props: &[(String, String)],
        interactive: bool,
        revenue: Option<&Revenue>,
    ) -> Judged {
        let mut notes = SmallVec::new();
        let mut undeclared = Vec::new();
        let Some(event) = self.events.get(name) else {
            undeclared.extend(propose(name, None, name));
            return Judged { result: Err(Outcome::UndeclaredEvent), notes, undeclared };
        };
        let mut properties = SmallVec::new();
        for (property, value) in props.iter().filter(|(_, value)| !value.is_empty()) {
            match event.properties.iter().find(|declared| *declared.name == **property) {
                Some(declared) => match declared.holds(value) {
                    Some(hit) => properties.push(hit),
                    None => {
                        notes.push(Note::ValueUndeclared);
                        undeclared.extend(propose(name, Some(property), value));
                        properties.push(declared.hit(self.undeclared.clone()));
                    }
                },
                None => {
                    notes.push(Note::PropertyUndeclared);
                    undeclared.extend(propose(name, Some(property), value));
                }
            }
        }
        let declared = &event.declared;
        let value = match (revenue, &declared.currency) {
            (Some(revenue), Some(currency)) if revenue.currency == **currency => {
                Some((currency.clone(), revenue.minor_units))
            }
            (Some(_), _) => {
                notes.push(Note::RevenueIgnored);
                None
            }
            (None, _) => None,
        };
        let hit = EventHit {
            name: declared.name.clone(),
            properties,
            interactive: interactive && declared.interactive,
            once_a_visit: declared.once == Once::Visit,
            value,
        };
        Judged { result: Ok(hit), notes, undeclared }
    }
}

impl Property {
    fn new(declared: &PropertyDeclaration) -> Property {
        let values = match &declared.values {
            Values::List(list) => Compiled::List(list.clone()),
            Values::Pattern(pattern) => {
                Compiled::Pattern { fits: compile_pattern(pattern).ok(), cap: pattern.cap }
            }
        };
        Property { name: declared.name.clone(), values }
    }

    fn holds(&self, value: &str) -> Option<PropertyHit> {
        match &self.values {
            Compiled::List(list) => list.iter().find(|one| ***one == *value).map(|one| self.hit(one.clone())),
            Compiled::Pattern { fits, .. } => {
                let fits = !is_mark(value) && fits.as_ref().is_some_and(|fits| fits.is_match(value));
                fits.then(|| self.hit(value.into()))
            }
        }
    }

    fn hit(&self, value: Text) -> PropertyHit {
        let cap = match self.values {
            Compiled::List(_) => None,
            Compiled::Pattern { cap, .. } => Some(cap),
        };
        PropertyHit { property: self.name.clone(), value, cap }
    }
}

/// Says whether a text that was not declared may be shown to the site's people.
fn propose(event: &str, property: Option<&str>, text: &str) -> Option<Undeclared> {
    let fits = |text: &str| !text.is_empty() && text.len() <= PROPOSED_BYTES_MAX;
    (fits(text) && property.is_none_or(fits)).then(|| Undeclared {
        event: event.into(),
        property: property.map(Into::into),
        text: text.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_not_proposed() {
        let proposed = |length| {
            let name = "x".repeat(length);
            Vocabulary::new(&[]).judge(&name, &[], true, None).undeclared.len()
        };
        assert_eq!((proposed(PROPOSED_BYTES_MAX), proposed(PROPOSED_BYTES_MAX + 1), proposed(0)), (1, 0, 0));
    }
}
