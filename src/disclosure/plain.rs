//! A policy as Markdown and as plain text.

use super::policy::{Block, Policy};

/// Characters of a line of plain text.
const LINE: usize = 96;

/// As Markdown, with tables.
pub fn markdown(policy: &Policy) -> String {
    let mut out = format!("# {}\n\n", marked(&policy.title));
    policy.lead.iter().for_each(|block| out += &markdown_block(block));
    for section in &policy.sections {
        out += &format!("## {}\n\n", marked(&section.heading));
        section.blocks.iter().for_each(|block| out += &markdown_block(block));
    }
    out + "---\n\n" + &marked(&policy.made_by) + "\n"
}

fn markdown_block(block: &Block) -> String {
    match block {
        Block::Text(text) => marked(text) + "\n\n",
        Block::Heading(text) => format!("### {}\n\n", marked(text)),
        Block::Fill(text) => format!("**{}**\n\n", marked(text)),
        Block::List(items) => {
            items.iter().map(|item| format!("- {}\n", marked(item))).collect::<String>() + "\n"
        }
        Block::Link { before, to } => format!("{} <{to}>\n\n", marked(before)),
        Block::Table { caption, head, rows } => {
            let line = |cells: &[String]| {
                let cells: Vec<_> = cells.iter().map(|cell| marked(cell).replace('|', "\\|")).collect();
                format!("| {} |\n", cells.join(" | "))
            };
            let rule = format!("|{}\n", "---|".repeat(head.len()));
            let rows: String = rows.iter().map(|row| line(row)).collect();
            format!("**{}**\n\n{}{rule}{rows}\n", marked(caption), line(head))
        }
    }
}

/// Escapes what Markdown would take for markup.
fn marked(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#') {
            out.push('\\');
        }
        out.push(character);
    }
    out
}

/// As plain text, its tables as lists.
pub fn text(policy: &Policy) -> String {
    let mut out = underlined(&policy.title, '=');
    policy.lead.iter().for_each(|block| out += &text_block(block));
    for (n, section) in policy.sections.iter().enumerate() {
        out += &underlined(&format!("{}. {}", n + 1, section.heading), '-');
        section.blocks.iter().for_each(|block| out += &text_block(block));
    }
    out + &wrapped(&policy.made_by, "")
}

fn underlined(heading: &str, with: char) -> String {
    let rule = String::from_iter(std::iter::repeat_n(with, heading.chars().count()));
    format!("{heading}\n{rule}\n\n")
}

fn text_block(block: &Block) -> String {
    match block {
        Block::Text(text) | Block::Fill(text) => wrapped(text, "") + "\n",
        Block::Heading(text) => format!("{text}\n\n"),
        Block::List(items) => {
            items.iter().map(|item| wrapped(&format!("- {item}"), "  ")).collect::<String>() + "\n"
        }
        Block::Link { before, to } => format!("{before} {to}\n\n"),
        Block::Table { caption, head, rows } => {
            let row = |cells: &Vec<String>| {
                let mut cells = cells.iter().zip(head);
                let first = cells.next().map(|(cell, _)| wrapped(cell, "")).unwrap_or_default();
                let rest = cells.map(|(cell, head)| wrapped(&format!("    {head}: {cell}"), "      "));
                first + &rest.collect::<String>() + "\n"
            };
            let rows: String = rows.iter().map(row).collect();
            format!("{caption}\n\n{rows}")
        }
    }
}

/// Lines of at most [`LINE`] characters, each but the first behind `indent`.
fn wrapped(text: &str, indent: &str) -> String {
    let lead: String = text.chars().take_while(|c| *c == ' ').collect();
    let (mut out, mut line) = (String::new(), lead);
    let mut empty = true;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        if !empty && line.chars().count() + 1 + word.chars().count() > LINE {
            out += &line;
            out.push('\n');
            line = indent.to_owned();
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line += word;
        empty = false;
    }
    out + &line + "\n"
}
