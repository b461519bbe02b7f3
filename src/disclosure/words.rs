//! The catalogues: one file a language, all with the same keys and marks.

use std::{collections::HashMap, sync::LazyLock};

use serde::{Deserialize, Serialize};

/// A language that there is a catalogue of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    #[default]
    En,
    De,
    Fr,
}

/// Texts by `section.key`.
pub struct Words(HashMap<String, String>);

static ALL: LazyLock<[Words; 3]> = LazyLock::new(|| {
    [include_str!("en.toml"), include_str!("de.toml"), include_str!("fr.toml")].map(Words::read)
});

impl Language {
    pub const ALL: [Language; 3] = [Language::En, Language::De, Language::Fr];

    /// Its code in URLs and documents.
    pub const fn code(self) -> &'static str {
        match self {
            Language::En => "en",
            Language::De => "de",
            Language::Fr => "fr",
        }
    }

    pub fn named(code: &str) -> Option<Language> {
        Language::ALL.into_iter().find(|one| one.code().eq_ignore_ascii_case(code))
    }

    /// The language that an `Accept-Language` header likes best of those there are; English where it names none.
    pub fn accepted(header: &str) -> Language {
        let weighted = header.split(',').filter_map(|part| {
            let mut fields = part.split(';');
            let tag = fields.next()?.trim();
            let weight = fields.find_map(|field| field.trim().strip_prefix("q=")?.parse::<f32>().ok());
            let language = Language::named(tag.split('-').next()?)?;
            Some((language, weight.unwrap_or(1.0))).filter(|(_, weight)| *weight > 0.0)
        });
        // Of equal weights the first.
        let best = weighted.fold(None, |best: Option<(Language, f32)>, one| match best {
            Some(before) if before.1 >= one.1 => Some(before),
            _ => Some(one),
        });
        best.map(|(language, _)| language).unwrap_or_default()
    }

    pub fn words(self) -> &'static Words {
        &ALL[self as usize]
    }
}

impl Words {
    fn read(text: &str) -> Words {
        let table: toml::Table = toml::from_str(text).expect("catalogues are tested");
        let mut all = HashMap::new();
        for (key, value) in table {
            match value {
                toml::Value::String(text) => drop(all.insert(key, text)),
                toml::Value::Table(section) => {
                    all.extend(section.into_iter().filter_map(|(name, text)| {
                        Some((format!("{key}.{name}"), text.as_str()?.to_owned()))
                    }))
                }
                _ => {}
            }
        }
        Words(all)
    }

    /// A text without marks. A key that is not there stands for itself: a test looks for such.
    pub fn say(&self, key: &str) -> String {
        self.0.get(key).cloned().unwrap_or_else(|| format!("{{{key}}}"))
    }

    /// A text with its marks filled in.
    pub fn with(&self, key: &str, marks: &[(&str, &str)]) -> String {
        // One pass: what is filled in is not looked at again.
        let (text, mut said) = (self.say(key), String::new());
        let mut rest = text.as_str();
        while let Some((before, after)) = rest.split_once('{') {
            said.push_str(before);
            let mark = after
                .split_once('}')
                .and_then(|(name, rest)| Some((marks.iter().find(|(mark, _)| *mark == name)?.1, rest)));
            match mark {
                Some((value, after)) => {
                    said.push_str(value);
                    rest = after;
                }
                None => {
                    said.push('{');
                    rest = after;
                }
            }
        }
        said + rest
    }

    /// `1 month`, `25 months`.
    pub fn count(&self, n: u64, one: &str, many: &str) -> String {
        self.with(if n == 1 { one } else { many }, &[("n", &n.to_string())])
    }

    /// `1 hour`, `90 minutes`, `2 seconds`.
    pub fn duration(&self, seconds: u64) -> String {
        match seconds {
            s if s > 0 && s.is_multiple_of(3_600) => self.count(s / 3_600, "hour", "hours"),
            s if s > 0 && s.is_multiple_of(60) => self.count(s / 60, "minute", "minutes"),
            s => self.count(s, "second", "seconds"),
        }
    }

    #[cfg(test)]
    pub(super) fn all(&self) -> &HashMap<String, String> {
        &self.0
    }
}
