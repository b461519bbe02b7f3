//! A policy as a page of its own, or as a part of another. No script, nothing from elsewhere.

use super::{
    policy::{Block, Policy},
    words::Language,
};

/// The page's looks. A Content-Security-Policy names it by its hash: [`STYLE_HASH`].
pub const STYLE: &str = include_str!("page.css");

/// `base64(sha256(STYLE))`, which a test and each browser compute again.
pub const STYLE_HASH: &str = "MLJaF6LrVGnGBhmXSCU7h9h9New0gqWlixM+fk4Fh/s=";

/// Where a page's other forms are.
pub struct Links {
    /// Path of the page, without a query; `None` for a page that is a file.
    pub page: Option<String>,
}

/// A whole document.
pub fn page(policy: &Policy, links: &Links) -> String {
    let words = policy.language.words();
    let title = escaped(&policy.title);
    let (mut alternates, mut nav, mut formats) = (String::new(), String::new(), String::new());
    if let Some(path) = links.page.as_deref().map(escaped) {
        let others = Language::ALL.into_iter().filter(|one| *one != policy.language);
        for other in Language::ALL {
            let code = other.code();
            alternates +=
                &format!("<link rel=\"alternate\" hreflang=\"{code}\" href=\"{path}?lang={code}\">\n");
        }
        let link = |one: Language| {
            let (code, name) = (one.code(), one.words().say("name"));
            format!("<a href=\"{path}?lang={code}\" hreflang=\"{code}\" lang=\"{code}\">{name}</a>")
        };
        let label = escaped(&words.say("other_languages"));
        nav =
            format!("<nav aria-label=\"{label}\">{}</nav>\n", others.map(link).collect::<Vec<_>>().join(" "));
        let code = policy.language.code();
        let format = |(name, shown): (&str, &str)| {
            format!("<a href=\"{path}?lang={code}&amp;format={name}\">{shown}</a>")
        };
        let all = [("markdown", "Markdown"), ("text", "Text"), ("json", "JSON")].map(format).join(", ");
        formats = format!("<p class=\"forms\">{}: {all}</p>\n", escaped(&words.say("other_formats")));
    }
    format!(
        "<!doctype html>\n<html lang=\"{code}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title}</title>\n{alternates}\
         <style>{STYLE}</style>\n</head>\n<body>\n{nav}<main>\n{body}{formats}</main>\n</body>\n</html>\n",
        code = policy.language.code(),
        body = fragment(policy),
    )
}

/// The page that is shown where there is none. It names nothing.
pub fn nothing(language: Language) -> String {
    let words = escaped(&language.words().say("no_page"));
    format!(
        "<!doctype html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>404</title>\n<style>{STYLE}</style>\n</head>\n\
         <body>\n<main>\n<h1>404</h1>\n<p>{words}</p>\n</main>\n</body>\n</html>\n",
        language.code()
    )
}

/// The text alone, for a page of the site.
pub fn fragment(policy: &Policy) -> String {
    let mut out = format!("<h1>{}</h1>\n", escaped(&policy.title));
    policy.lead.iter().for_each(|one| out += &block(one));
    for section in &policy.sections {
        let (id, heading) = (section.id, escaped(&section.heading));
        out += &format!("<section id=\"{id}\">\n<h2>{heading}</h2>\n");
        section.blocks.iter().for_each(|one| out += &block(one));
        out += "</section>\n";
    }
    out + &format!("<p class=\"made\">{}</p>\n", escaped(&policy.made_by))
}

fn block(block: &Block) -> String {
    match block {
        Block::Text(text) => format!("<p>{}</p>\n", escaped(text)),
        Block::Heading(text) => format!("<h3>{}</h3>\n", escaped(text)),
        Block::Fill(text) => format!("<p><mark>{}</mark></p>\n", escaped(text)),
        Block::List(items) => {
            let items: String = items.iter().map(|item| format!("<li>{}</li>\n", escaped(item))).collect();
            format!("<ul>\n{items}</ul>\n")
        }
        Block::Link { before, to } => {
            let (before, to) = (escaped(before), escaped(to));
            format!("<p>{before} <a href=\"{to}\">{to}</a></p>\n")
        }
        Block::Table { caption, head, rows } => table(caption, head, rows),
    }
}

/// Each cell repeats its column's name, for narrow screens on which a row is a card.
fn table(caption: &str, head: &[String], rows: &[Vec<String>]) -> String {
    let heads: String = head.iter().map(|cell| format!("<th scope=\"col\">{}</th>", escaped(cell))).collect();
    let row = |cells: &Vec<String>| {
        let cell = |(n, (cell, head)): (usize, (&String, &String))| {
            let (cell, head) = (escaped(cell), escaped(head));
            match n {
                0 => format!("<th scope=\"row\">{cell}</th>"),
                _ => format!("<td data-of=\"{head}\">{cell}</td>"),
            }
        };
        format!("<tr>{}</tr>\n", cells.iter().zip(head).enumerate().map(cell).collect::<String>())
    };
    let rows: String = rows.iter().map(row).collect();
    let caption = escaped(caption);
    format!(
        "<table>\n<caption>{caption}</caption>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n"
    )
}

/// Text for HTML, in elements and in quoted attributes.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            other => out.push(other),
        }
    }
    out
}
