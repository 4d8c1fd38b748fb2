//! The report as Markdown, without pictures: for notes, issues and electronic lab books.

use std::fmt::Write;

use super::content::{Content, Table};
use super::document::Report;
use super::language::Language;

/// The whole text.
#[must_use]
pub fn markdown(report: &Report, language: Language) -> String {
    let words = language.words();
    let content = Content::of(report, language);
    let mut text = format!("# {}\n\n{}\n\n", content.title, content.what);
    for pair in &content.subject {
        let _ = writeln!(text, "* {}: {}", pair.name, escape(&pair.value));
    }
    for notice in &content.notices {
        let _ = write!(text, "\n> {notice}\n");
    }
    for alert in &content.alerts {
        let _ = write!(text, "\n**{}** {}\n", alert.sentence, escape(&alert.reasons.join(" ")));
    }
    text.push('\n');
    for tile in &content.tiles {
        let _ = writeln!(text, "* **{}** {}", tile.value, tile.label);
    }
    let _ = write!(text, "\n## {}\n\n", words.flags);
    if content.flags.is_empty() {
        let _ = writeln!(text, "{}", words.no_flags);
    }
    for flag in &content.flags {
        let _ = writeln!(text, "* {} ({})", escape(&flag.sentence), escape(&flag.details(words)));
    }
    if let Some(note) = content.threshold_note() {
        let _ = write!(text, "\n{}\n", escape(&note));
    }
    let measured = content.regions.iter().chain([&content.quantities]);
    for table in measured.chain(&content.follow_up).chain(&content.scores) {
        push_table(&mut text, table);
    }
    if !content.left_out.is_empty() {
        let _ = write!(text, "\n{}:\n\n", words.scores_left_out);
        for pair in &content.left_out {
            let _ = writeln!(text, "* {}: {}", pair.name, escape(&pair.value));
        }
    }
    let _ = write!(text, "\n## {}\n\n", words.done);
    for pair in &content.done_in_full {
        let _ = writeln!(text, "* {}: {}", pair.name, escape(&pair.value));
    }
    text
}

fn push_table(text: &mut String, table: &Table) {
    let row =
        |cells: &[String]| format!("| {} |\n", cells.iter().map(|cell| escape(cell)).collect::<Vec<_>>().join(" | "));
    let _ = write!(text, "\n## {}\n\n{}", table.title, row(&table.head));
    let rules: Vec<&str> = (0..table.head.len()).map(|at| if table.is_numeric(&at) { "---:" } else { "---" }).collect();
    let _ = writeln!(text, "| {} |", rules.join(" | "));
    for cells in &table.rows {
        text.push_str(&row(cells));
    }
    for note in &table.notes {
        let _ = write!(text, "\n{}\n", escape(note));
    }
}

/// Characters that Markdown or HTML in it would read as more than themselves.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '<' => out.push_str("&lt;"),
            '&' => out.push_str("&amp;"),
            '|' | '*' | '_' | '`' | '[' | ']' | '\\' | '#' => {
                out.push('\\');
                out.push(letter);
            }
            '\n' | '\r' => out.push(' '),
            _ => out.push(letter),
        }
    }
    out
}
