//! What a site may set and declare: every limit, in one place, for the command line and the API.

use std::{collections::HashSet, fmt};

use regex::Regex;

use super::settings::Settings;
use crate::domain::{
    CONTINUED, ENTRY, NONE, OTHER, STAR, UNDECLARED,
    day::Zone,
    declaration::{EventDeclaration, Funnel, Pattern, PropertyDeclaration, Step, Values},
    vitals,
};

/// The limits, to be shown in words.
pub mod limits {
    pub const HOSTS: usize = 50;
    pub const K_MAX: u32 = 1_000;
    pub const EVENTS: usize = 200;
    pub const PROPERTIES: usize = 20;
    pub const VALUES: usize = 200;
    pub const SECTIONS: usize = 50;
    pub const FUNNELS: usize = 20;
    pub const STEPS_MIN: usize = 2;
    pub const STEPS_MAX: usize = 8;
    pub const GOALS: usize = 50;
    pub const RETENTION_MONTHS_MAX: u32 = 120;
    pub const EXCLUSIONS: usize = 100;
    pub const PATH_RULES: usize = 100;
    pub const PATH_PARAMETERS: usize = 20;
    /// Of names of events, funnels, goals, users and keys.
    pub const NAME_BYTES: usize = 120;
    pub const PROPERTY_BYTES: usize = 300;
    pub const VALUE_BYTES: usize = 300;
    pub const PATH_BYTES: usize = 500;
    pub const PATTERN_CHARS_MAX: u32 = 100;
    pub const PATTERN_CAP_MAX: u32 = 1_000;
}

/// A value that is not allowed: which field, what it was, what is allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// E.g. `funnels[0].steps[2].event`.
    pub field: String,
    pub value: String,
    /// E.g. `at most 120 bytes`.
    pub allowed: String,
}

impl Invalid {
    pub fn new(field: impl Into<String>, value: impl ToString, allowed: impl Into<String>) -> Invalid {
        Invalid { field: field.into(), value: value.to_string(), allowed: allowed.into() }
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: String = self.value.chars().take(80).collect();
        write!(f, "{}: `{}` is not allowed: {}", self.field, shown.escape_debug(), self.allowed)
    }
}

impl std::error::Error for Invalid {}

type Checked<T = ()> = Result<T, Invalid>;

/// Checks all settings of a site and returns them in their normal form: hosts in lower case and without
/// `www.`, with which they match as well.
///
/// # Errors
/// The first field that is wrong.
pub fn settings(mut settings: Settings) -> Checked<Settings> {
    at_least("hosts", settings.hosts.len(), 1)?;
    at_most("hosts", settings.hosts.len(), limits::HOSTS)?;
    for (at, name) in settings.hosts.iter_mut().enumerate() {
        let normal = host(&format!("hosts[{at}]"), name)?;
        *name = normal.strip_prefix("www.").unwrap_or(&normal).to_owned();
    }
    unique("hosts", settings.hosts.iter().map(String::as_str))?;
    zone("zone", &settings.zone)?;
    within("k", settings.k, 1, limits::K_MAX)?;
    within("retention_months", settings.retention_months, 1, limits::RETENTION_MONTHS_MAX)?;
    excluded(&mut settings)?;
    paths(&settings)?;
    sections(&settings)?;
    events(&settings.events)?;
    vitals(&settings)?;
    funnels(&settings)?;
    goals(&settings)?;
    Ok(settings)
}

/// Checks a host (`example.com`, `*.example.com`, an address) and returns it in lower case, IDNA-encoded.
///
/// # Errors
/// [`Invalid`] for anything else, such as a URL or a host with a port.
pub fn host(field: &str, text: &str) -> Checked<String> {
    const ALLOWED: &str = "a host such as `example.com` or `*.example.com`, without scheme, port or path";
    let wrong = || Invalid::new(field, text, ALLOWED);
    let text_in = text.trim();
    let (prefix, bare) = match text_in.strip_prefix("*.") {
        Some(rest) => ("*.", rest),
        None => ("", text_in),
    };
    if bare.is_empty() || bare.len() > 253 || bare.contains(['/', '@', '*', '%', '?', '#']) {
        return Err(wrong());
    }
    match url::Host::parse(bare).map_err(|_| wrong())? {
        url::Host::Domain(name) if domain_is_sound(&name) => Ok(format!("{prefix}{name}")),
        address @ (url::Host::Ipv4(_) | url::Host::Ipv6(_)) if prefix.is_empty() => Ok(address.to_string()),
        _ => Err(wrong()),
    }
}

fn domain_is_sound(name: &str) -> bool {
    name.split('.').all(|label| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    })
}

/// Checks that an IANA zone is known.
///
/// # Errors
/// [`Invalid`].
pub fn zone(field: &str, name: &str) -> Checked<Zone> {
    Zone::named(name).ok_or_else(|| {
        Invalid::new(field, name, "the name of an IANA time zone, such as `Europe/Tallinn` or `UTC`")
    })
}

/// Checks a name that people give: 1..=120 bytes, no control characters, none of the reserved marks.
///
/// # Errors
/// [`Invalid`].
pub fn name(field: &str, text: &str) -> Checked {
    label(field, text, limits::NAME_BYTES)
}

fn label(field: &str, text: &str, bytes_max: usize) -> Checked {
    if text.is_empty() || text.len() > bytes_max || text.trim() != text || text.chars().any(char::is_control)
    {
        return Err(Invalid::new(
            field,
            text,
            format!("1 to {bytes_max} bytes, no control characters, no space at either end"),
        ));
    }
    if [STAR, OTHER, NONE, UNDECLARED, CONTINUED, ENTRY].contains(&text) {
        return Err(Invalid::new(field, text, "this mark has a meaning of its own: choose another text"));
    }
    Ok(())
}

fn excluded(settings: &mut Settings) -> Checked {
    let excluded = &mut settings.excluded;
    at_most("excluded.networks", excluded.networks.len(), limits::EXCLUSIONS)?;
    at_most("excluded.hosts", excluded.hosts.len(), limits::EXCLUSIONS)?;
    for (at, name) in excluded.hosts.iter_mut().enumerate() {
        *name = host(&format!("excluded.hosts[{at}]"), name)?;
    }
    at_most("excluded.paths", excluded.paths.len(), limits::EXCLUSIONS)?;
    each(&excluded.paths, |at, pattern| path_pattern(&format!("excluded.paths[{at}]"), pattern))
}

fn paths(settings: &Settings) -> Checked {
    at_most("path_parameters", settings.path_parameters.len(), limits::PATH_PARAMETERS)?;
    each(&settings.path_parameters, |at, parameter| {
        let sound = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.[]".contains(&byte);
        match (1..=100).contains(&parameter.len()) && parameter.bytes().all(sound) {
            true => Ok(()),
            false => Err(Invalid::new(
                format!("path_parameters[{at}]"),
                parameter,
                "the name of a query parameter: 1 to 100 letters, digits and `_-.[]`",
            )),
        }
    })?;
    at_most("path_rules", settings.path_rules.len(), limits::PATH_RULES)?;
    each(&settings.path_rules, |at, rule| {
        path_pattern(&format!("path_rules[{at}].pattern"), &rule.pattern)?;
        let field = format!("path_rules[{at}].becomes");
        match rule.becomes.starts_with('/') && !rule.becomes.contains('*') {
            true => path_pattern(&field, &rule.becomes),
            false => Err(Invalid::new(field, &rule.becomes, "a path that begins with `/`, without `*`")),
        }
    })
}

/// Checks a pattern such as `/blog/*` or `docs.example.com/*`.
fn path_pattern(field: &str, pattern: &str) -> Checked {
    let sound = (1..=limits::PATH_BYTES).contains(&pattern.len())
        && pattern.contains('/')
        && !pattern.contains("://")
        && !pattern.contains(['?', '#'])
        && !pattern.chars().any(|c| c.is_control() || c.is_whitespace());
    let allowed =
        "a path such as `/blog/*` or `docs.example.com/*`: at most 500 bytes, no query, fragment or space";
    if sound { Ok(()) } else { Err(Invalid::new(field, pattern, allowed)) }
}

fn sections(settings: &Settings) -> Checked {
    at_most("sections", settings.sections.len(), limits::SECTIONS)?;
    each(&settings.sections, |at, section| {
        path_pattern(&format!("sections[{at}].pattern"), &section.pattern)
    })?;
    unique("sections", settings.sections.iter().map(|section| &*section.pattern))
}

fn events(events: &[EventDeclaration]) -> Checked {
    at_most("events", events.len(), limits::EVENTS)?;
    each(events, |at, event| {
        let field = format!("events[{at}]");
        name(&format!("{field}.name"), &event.name)?;
        if ["pageview", "engagement"].contains(&&*event.name) {
            return Err(Invalid::new(format!("{field}.name"), &event.name, "this name is the tracker's own"));
        }
        if let Some(code) = &event.currency {
            currency(&format!("{field}.currency"), code)?;
        }
        at_most(&format!("{field}.properties"), event.properties.len(), limits::PROPERTIES)?;
        each(&event.properties, |at, property| declared(&format!("{field}.properties[{at}]"), property))?;
        unique(&format!("{field}.properties"), event.properties.iter().map(|property| &*property.name))
    })?;
    unique("events", events.iter().map(|event| &*event.name))
}

/// Switched on, they declare an event: its name is theirs.
fn vitals(settings: &Settings) -> Checked {
    match settings.events.iter().position(|event| settings.vitals && &*event.name == vitals::EVENT) {
        None => Ok(()),
        Some(at) => Err(Invalid::new(
            format!("events[{at}].name"),
            vitals::EVENT,
            "this name is that of web vitals: choose another, or switch them off",
        )),
    }
}

fn currency(field: &str, code: &str) -> Checked {
    match code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase()) {
        true => Ok(()),
        false => Err(Invalid::new(field, code, "an ISO 4217 code of three capitals, such as `EUR`")),
    }
}

fn declared(field: &str, property: &PropertyDeclaration) -> Checked {
    label(&format!("{field}.name"), &property.name, limits::PROPERTY_BYTES)?;
    match &property.values {
        Values::List(list) => {
            let field = format!("{field}.values.list");
            at_least(&field, list.len(), 1)?;
            at_most(&field, list.len(), limits::VALUES)?;
            each(list, |at, value| label(&format!("{field}[{at}]"), value, limits::VALUE_BYTES))?;
            unique(&field, list.iter().map(|value| &**value))
        }
        Values::Pattern(pattern) => bounded(&format!("{field}.values.pattern"), pattern),
    }
}

fn bounded(field: &str, pattern: &Pattern) -> Checked {
    within(&format!("{field}.max"), pattern.max, 1, limits::PATTERN_CHARS_MAX)?;
    within(&format!("{field}.min"), pattern.min, 1, pattern.max)?;
    within(&format!("{field}.cap"), pattern.cap, 1, limits::PATTERN_CAP_MAX)?;
    let field = format!("{field}.characters");
    let class = character_class(&pattern.characters).ok_or_else(|| {
        Invalid::new(&field, &pattern.characters, "one character class such as `[a-z0-9-]`, not negated")
    })?;
    // What may hold an `@` may hold an e-mail address.
    match class.is_match("@") {
        true => Err(Invalid::new(field, &pattern.characters, "a character class without `@`")),
        false => Ok(()),
    }
}

/// The compiled form of one plain character class, `None` if the text is anything else.
fn character_class(text: &str) -> Option<Regex> {
    let inside = text.strip_prefix('[')?.strip_suffix(']')?;
    let mut escaped = false;
    for c in inside.chars() {
        match (escaped, c) {
            (false, '[' | ']' | '&' | '~') => return None,
            // Negated classes (`\D`, `\P{..}`) admit nearly anything.
            (true, c) if c.is_ascii_uppercase() => return None,
            (false, '\\') => escaped = true,
            _ => escaped = false,
        }
    }
    let sound = !inside.is_empty() && !inside.starts_with('^') && !escaped && text.len() <= 200;
    sound.then(|| Regex::new(&format!("^{text}$")).ok()).flatten()
}

fn funnels(settings: &Settings) -> Checked {
    at_most("funnels", settings.funnels.len(), limits::FUNNELS)?;
    each(&settings.funnels, |at, funnel| {
        let Funnel { name: called, steps } = &**funnel;
        name(&format!("funnels[{at}].name"), called)?;
        at_least(&format!("funnels[{at}].steps"), steps.len(), limits::STEPS_MIN)?;
        at_most(&format!("funnels[{at}].steps"), steps.len(), limits::STEPS_MAX)?;
        each(steps, |of, reached| step(&format!("funnels[{at}].steps[{of}]"), reached, settings))
    })?;
    unique("funnels", settings.funnels.iter().map(|funnel| &*funnel.name))
}

fn goals(settings: &Settings) -> Checked {
    at_most("goals", settings.goals.len(), limits::GOALS)?;
    each(&settings.goals, |at, goal| {
        name(&format!("goals[{at}].name"), &goal.name)?;
        step(&format!("goals[{at}].reached_by"), &goal.reached_by, settings)
    })?;
    unique("goals", settings.goals.iter().map(|goal| &*goal.name))
}

fn step(field: &str, step: &Step, settings: &Settings) -> Checked {
    match step {
        Step::Page(page) if page.contains('*') => Err(Invalid::new(
            format!("{field}.page"),
            page,
            "one page such as `/pricing`: declare a section to count many",
        )),
        Step::Page(page) => path_pattern(&format!("{field}.page"), page),
        Step::Section(pattern) => match settings.sections.iter().any(|section| section.pattern == *pattern) {
            true => Ok(()),
            false => {
                Err(Invalid::new(format!("{field}.section"), pattern, "the pattern of a declared section"))
            }
        },
        Step::Event(called) => match settings.events.iter().any(|event| event.name == *called) {
            true => Ok(()),
            false => Err(Invalid::new(format!("{field}.event"), called, "the name of a declared event")),
        },
    }
}

fn each<T>(items: &[T], check: impl Fn(usize, &T) -> Checked) -> Checked {
    items.iter().enumerate().try_for_each(|(at, item)| check(at, item))
}

fn at_least(field: &str, count: usize, min: usize) -> Checked {
    if count >= min {
        Ok(())
    } else {
        Err(Invalid::new(field, format!("{count} items"), format!("at least {min}")))
    }
}

fn at_most(field: &str, count: usize, max: usize) -> Checked {
    if count <= max {
        Ok(())
    } else {
        Err(Invalid::new(field, format!("{count} items"), format!("at most {max}")))
    }
}

fn within(field: &str, value: u32, min: u32, max: u32) -> Checked {
    match (min..=max).contains(&value) {
        true => Ok(()),
        false => Err(Invalid::new(field, value, format!("a number from {min} to {max}"))),
    }
}

fn unique<'a>(field: &str, items: impl Iterator<Item = &'a str>) -> Checked {
    let mut seen = HashSet::new();
    for item in items {
        if !seen.insert(item) {
            return Err(Invalid::new(field, item, "each only once"));
        }
    }
    Ok(())
}
