//! What is said to visitors and to those who answer for a site: one value of facts, made from the settings in use,
//! and its texts. Nothing here knows more than the facts, and nothing promises what the law says.

pub mod facts;
pub mod html;
pub mod plain;
pub mod policy;
pub mod process;
pub mod tables;
pub mod words;

#[cfg(test)]
mod tests;

use clap::ValueEnum;

pub use facts::{Collecting, Facts};
pub use process::Process;
pub use words::Language;

/// Forms of a disclosure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A page of its own
    Html,
    /// HTML to be put into a page
    Fragment,
    Markdown,
    Text,
    Json,
}

impl Format {
    pub fn named(name: &str) -> Option<Format> {
        Format::from_str(name, false).ok()
    }

    pub const fn content_type(self) -> &'static str {
        match self {
            Format::Html => "text/html; charset=utf-8",
            Format::Fragment | Format::Text => "text/plain; charset=utf-8",
            Format::Markdown => "text/markdown; charset=utf-8",
            Format::Json => "application/json",
        }
    }
}

/// The facts in a form. `page`: the path under which the forms of this disclosure are served, if they are.
pub fn render(facts: &Facts, format: Format, language: Language, page: Option<&str>) -> String {
    let policy = || policy::policy(facts, language);
    match format {
        Format::Html => html::page(&policy(), &html::Links { page: page.map(str::to_owned) }),
        Format::Fragment => html::fragment(&policy()),
        Format::Markdown => plain::markdown(&policy()),
        Format::Text => plain::text(&policy()),
        // Plain data: it has no form in which this fails.
        Format::Json => serde_json::to_string_pretty(facts).unwrap_or_default() + "\n",
    }
}
