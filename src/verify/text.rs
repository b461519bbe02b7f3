//! The report as a text that can be printed and filed.

use super::{Check, Outcome, Report};

const WIDTH: usize = 96;

impl Report {
    /// As plain text.
    pub fn text(&self) -> String {
        let mut out = format!("Mayfly {}: verification of {}\n", self.version, self.at);
        out += &format!("Made by {}. Result: {}\n", self.by, self.result.word());
        out += &format!("{}\n\nThis installation\n\n", counted(self));
        self.checks.iter().for_each(|check| out += &paragraph(check));
        for site in &self.sites {
            out += &format!("\nSite {} (rows looked at {}): {}\n\n", site.site, site.at, site.result.word());
            site.checks.iter().for_each(|check| out += &paragraph(check));
        }
        out += "\nFindings repeat no value of a row. A breach is something that a claim of docs/PRIVACY.md rules out; a\n\
                warning is something to know or to mend; what was not seen could not be looked at from here.\n";
        out
    }
}

fn counted(report: &Report) -> String {
    let all = || report.checks.iter().chain(report.sites.iter().flat_map(|site| &site.checks));
    let of = |result: Outcome| all().filter(|check| check.result == result).count();
    format!(
        "{} checks: {} ok, {} breaches, {} warnings, {} not seen",
        all().count(),
        of(Outcome::Ok),
        of(Outcome::Breach),
        of(Outcome::Warning),
        of(Outcome::NotSeen)
    )
}

fn paragraph(check: &Check) -> String {
    let mut out = format!("  {:<8}  {}\n", check.result.word(), check.title);
    out += &wrapped("            looked at: ", &check.looked_at);
    for words in &check.found {
        out += &wrapped("            - ", words);
    }
    let unsaid = check.findings - check.found.len() as u64;
    if unsaid > 0 {
        out += &format!("            - and {unsaid} more\n");
    }
    out
}

/// Words in lines of at most [`WIDTH`], those after the first under the first's text.
fn wrapped(start: &str, words: &str) -> String {
    let indent = " ".repeat(start.chars().count().min(14));
    let (mut out, mut line) = (String::new(), start.to_owned());
    for word in words.split(' ') {
        if line.chars().count() + word.chars().count() > WIDTH && line.trim() != start.trim() {
            out += &format!("{}\n", line.trim_end());
            line = indent.clone();
        }
        line += &format!("{word} ");
    }
    out + line.trim_end() + "\n"
}
