//! `mayfly event`, `section`, `funnel`, `goal`: what a site declares.

use std::{fmt, sync::Arc};

use clap::Subcommand;

use super::{Result, table};
use crate::{
    control::{Control, ControlError, Invalid},
    domain::{
        Text,
        day::UnixMs,
        declaration::{
            EventDeclaration, Funnel, Goal, Once, Pattern, PropertyDeclaration, Section, Step, Values,
        },
    },
};

#[derive(Debug, Subcommand)]
pub enum EventCommand {
    /// Declare an event, or declare it anew
    Add {
        site: String,
        name: String,
        /// NAME=VALUE,VALUE,... or a bounded pattern NAME=[CHARACTERS]{MIN,MAX}:CAP
        #[arg(long = "property", value_name = "PROPERTY")]
        properties: Vec<String>,
        /// Count it at most once in a visit
        #[arg(long, value_name = "visit")]
        once: Option<String>,
        /// Sum revenue in this currency (ISO 4217)
        #[arg(long)]
        currency: Option<String>,
        /// It does not end a bounce
        #[arg(long)]
        passive: bool,
    },
    /// List a site's events
    List { site: String },
    /// Take a declaration back
    Remove { site: String, name: String },
}

#[derive(Debug, Subcommand)]
pub enum SectionCommand {
    /// Declare a section
    Add {
        site: String,
        /// Such as '/blog/*' or 'docs.example.com/*'
        pattern: String,
    },
    /// List a site's sections
    List { site: String },
    /// Take a declaration back
    Remove { site: String, pattern: String },
}

#[derive(Debug, Subcommand)]
pub enum FunnelCommand {
    /// Declare a funnel, or declare it anew
    Add {
        site: String,
        name: String,
        /// page:PATH, section:PATTERN or event:NAME; once for each step, in order
        #[arg(long = "step", value_name = "STEP", required = true)]
        steps: Vec<String>,
    },
    /// List a site's funnels
    List { site: String },
    /// Take a declaration back
    Remove { site: String, name: String },
}

#[derive(Debug, Subcommand)]
pub enum GoalCommand {
    /// Declare a goal, or declare it anew
    Add {
        site: String,
        name: String,
        /// page:PATH, section:PATTERN or event:NAME
        reached_by: String,
    },
    /// List a site's goals
    List { site: String },
    /// Take a declaration back
    Remove { site: String, name: String },
}

/// The site that a command changes.
pub(super) fn changes_events(command: &EventCommand) -> Option<&String> {
    match command {
        EventCommand::Add { site, .. } | EventCommand::Remove { site, .. } => Some(site),
        EventCommand::List { .. } => None,
    }
}

/// The site that a command changes.
pub(super) fn changes_sections(command: &SectionCommand) -> Option<&String> {
    match command {
        SectionCommand::Add { site, .. } | SectionCommand::Remove { site, .. } => Some(site),
        SectionCommand::List { .. } => None,
    }
}

/// The site that a command changes.
pub(super) fn changes_funnels(command: &FunnelCommand) -> Option<&String> {
    match command {
        FunnelCommand::Add { site, .. } | FunnelCommand::Remove { site, .. } => Some(site),
        FunnelCommand::List { .. } => None,
    }
}

/// The site that a command changes.
pub(super) fn changes_goals(command: &GoalCommand) -> Option<&String> {
    match command {
        GoalCommand::Add { site, .. } | GoalCommand::Remove { site, .. } => Some(site),
        GoalCommand::List { .. } => None,
    }
}

pub fn event(command: EventCommand, control: &Control, now: UnixMs) -> Result<String> {
    match command {
        EventCommand::Add { site, name, properties, once, currency, passive } => {
            let declared = EventDeclaration {
                name: name.as_str().into(),
                interactive: !passive,
                once: read_once(once.as_deref())?,
                currency: currency.map(Text::from),
                properties: properties.iter().map(|text| property(text)).collect::<Result<_, Invalid>>()?,
            };
            control.change_site(&site, now, |settings| {
                put(&mut settings.events, declared, |event| event.name.clone());
                Ok(())
            })?;
            Ok(format!("declared event {name} of {site}\n"))
        }
        EventCommand::List { site } => {
            let settings = control.site(&site, now)?.settings;
            Ok(table(&settings.events.iter().map(event_row).collect::<Vec<_>>()))
        }
        EventCommand::Remove { site, name } => {
            control.change_site(&site, now, |settings| {
                take(&mut settings.events, "event", &name, |event| &event.name)
            })?;
            Ok(format!("event {name} of {site} is no longer declared\n"))
        }
    }
}

pub fn section(command: SectionCommand, control: &Control, now: UnixMs) -> Result<String> {
    match command {
        SectionCommand::Add { site, pattern } => {
            let section = Section { pattern: pattern.as_str().into() };
            control.change_site(&site, now, |settings| {
                put(&mut settings.sections, section, |section| section.pattern.clone());
                Ok(())
            })?;
            Ok(format!("declared section {pattern} of {site}\n"))
        }
        SectionCommand::List { site } => {
            let settings = control.site(&site, now)?.settings;
            Ok(settings.sections.iter().map(|section| format!("{}\n", section.pattern)).collect())
        }
        SectionCommand::Remove { site, pattern } => {
            control.change_site(&site, now, |settings| {
                take(&mut settings.sections, "section", &pattern, |section| &section.pattern)
            })?;
            Ok(format!("section {pattern} of {site} is no longer declared\n"))
        }
    }
}

pub fn funnel(command: FunnelCommand, control: &Control, now: UnixMs) -> Result<String> {
    match command {
        FunnelCommand::Add { site, name, steps } => {
            let steps = steps.iter().map(|text| step("step", text)).collect::<Result<_, Invalid>>()?;
            let funnel = Arc::new(Funnel { name: name.as_str().into(), steps });
            control.change_site(&site, now, |settings| {
                put(&mut settings.funnels, funnel, |funnel| funnel.name.clone());
                Ok(())
            })?;
            Ok(format!("declared funnel {name} of {site}; it counts from now on\n"))
        }
        FunnelCommand::List { site } => {
            let settings = control.site(&site, now)?.settings;
            let row = |funnel: &Arc<Funnel>| {
                let steps: Vec<String> = funnel.steps.iter().map(|step| Shown(step).to_string()).collect();
                vec![funnel.name.to_string(), steps.join(" > ")]
            };
            Ok(table(&settings.funnels.iter().map(row).collect::<Vec<_>>()))
        }
        FunnelCommand::Remove { site, name } => {
            control.change_site(&site, now, |settings| {
                take(&mut settings.funnels, "funnel", &name, |funnel| &funnel.name)
            })?;
            Ok(format!("funnel {name} of {site} is no longer declared\n"))
        }
    }
}

pub fn goal(command: GoalCommand, control: &Control, now: UnixMs) -> Result<String> {
    match command {
        GoalCommand::Add { site, name, reached_by } => {
            let goal = Goal { name: name.as_str().into(), reached_by: step("goal", &reached_by)? };
            control.change_site(&site, now, |settings| {
                put(&mut settings.goals, goal, |goal| goal.name.clone());
                Ok(())
            })?;
            Ok(format!("declared goal {name} of {site}\n"))
        }
        GoalCommand::List { site } => {
            let settings = control.site(&site, now)?.settings;
            let row = |goal: &Goal| vec![goal.name.to_string(), Shown(&goal.reached_by).to_string()];
            Ok(table(&settings.goals.iter().map(row).collect::<Vec<_>>()))
        }
        GoalCommand::Remove { site, name } => {
            control.change_site(&site, now, |settings| {
                take(&mut settings.goals, "goal", &name, |goal| &goal.name)
            })?;
            Ok(format!("goal {name} of {site} is no longer declared\n"))
        }
    }
}

/// Puts an item in the place of the one of its name, or at the end.
fn put<T>(items: &mut Vec<T>, item: T, name: impl Fn(&T) -> Text) {
    match items.iter_mut().find(|old| name(old) == name(&item)) {
        Some(old) => *old = item,
        None => items.push(item),
    }
}

/// Takes the item of a name out.
fn take<T>(
    items: &mut Vec<T>,
    what: &'static str,
    sought: &str,
    name: impl Fn(&T) -> &Text,
) -> Result<(), ControlError> {
    let before = items.len();
    items.retain(|item| &**name(item) != sought);
    match items.len() < before {
        true => Ok(()),
        false => Err(ControlError::NotFound { what, name: sought.to_owned() }),
    }
}

fn read_once(text: Option<&str>) -> Result<Once, Invalid> {
    match text {
        None | Some("never") => Ok(Once::Never),
        Some("visit") => Ok(Once::Visit),
        Some(other) => Err(Invalid::new("once", other, "`visit` or `never`")),
    }
}

/// Reads `plan=free,pro` or `where=[a-z-]{1,20}:50`.
fn property(text: &str) -> Result<PropertyDeclaration, Invalid> {
    let wrong = || Invalid::new("property", text, "NAME=VALUE,VALUE,... or NAME=[CHARACTERS]{MIN,MAX}:CAP");
    let (name, values) = text.split_once('=').ok_or_else(wrong)?;
    let values = match values.starts_with('[') {
        true => Values::Pattern(pattern(values).ok_or_else(wrong)?),
        false => Values::List(values.split(',').map(|value| value.trim().into()).collect()),
    };
    Ok(PropertyDeclaration { name: name.into(), values })
}

/// Reads `[a-z-]{1,20}:50`.
fn pattern(text: &str) -> Option<Pattern> {
    let (characters, bounds) = text.rsplit_once('{')?;
    let (lengths, cap) = bounds.split_once("}:")?;
    let (min, max) = lengths.split_once(',')?;
    let number = |text: &str| text.trim().parse().ok();
    Some(Pattern {
        characters: characters.to_owned(),
        min: number(min)?,
        max: number(max)?,
        cap: number(cap)?,
    })
}

fn step(field: &str, text: &str) -> Result<Step, Invalid> {
    match text.split_once(':') {
        Some(("page", page)) => Ok(Step::Page(page.into())),
        Some(("section", pattern)) => Ok(Step::Section(pattern.into())),
        Some(("event", name)) => Ok(Step::Event(name.into())),
        _ => Err(Invalid::new(field, text, "page:PATH, section:PATTERN or event:NAME")),
    }
}

/// A step as the command line reads it.
struct Shown<'a>(&'a Step);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Step::Page(page) => write!(f, "page:{page}"),
            Step::Section(pattern) => write!(f, "section:{pattern}"),
            Step::Event(name) => write!(f, "event:{name}"),
        }
    }
}

fn event_row(event: &EventDeclaration) -> Vec<String> {
    let mut row = vec![event.name.to_string()];
    for property in &event.properties {
        row.push(match &property.values {
            Values::List(list) => format!("{}={}", property.name, list.join(",")),
            Values::Pattern(it) => {
                format!("{}={}{{{},{}}}:{}", property.name, it.characters, it.min, it.max, it.cap)
            }
        });
    }
    if event.once == Once::Visit {
        row.push("once=visit".to_owned());
    }
    row.extend(event.currency.iter().map(|currency| format!("currency={currency}")));
    if !event.interactive {
        row.push("passive".to_owned());
    }
    row
}
