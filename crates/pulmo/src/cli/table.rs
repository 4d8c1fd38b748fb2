//! A table, and its three looks: lines on a terminal, Markdown and LaTeX; and the fields of CSV.

use std::fmt::Write as _;

pub(crate) use pulmo::report::csv::quoted;

/// Stands for a value that is not defined.
pub(crate) const UNDEFINED: &str = "-";

/// Rows of cells under a head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Table {
    /// What it shows, a few words.
    pub(crate) title: String,
    /// The first line.
    pub(crate) head: Vec<String>,
    /// So many columns hold words and stand to the left; the others hold numbers and stand to the right.
    pub(crate) words: usize,
    /// The lines; a short one ends early.
    pub(crate) rows: Vec<Vec<String>>,
    /// Sentences below it.
    pub(crate) notes: Vec<String>,
}

impl Table {
    /// A table without lines.
    pub(crate) fn new(title: impl Into<String>, head: &[&str], words: usize) -> Self {
        let head = head.iter().map(|cell| (*cell).to_owned()).collect();
        Self { title: title.into(), head, words, rows: Vec::new(), notes: Vec::new() }
    }

    /// Whether there is nothing to show.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Aligned lines below the title.
    pub(crate) fn text(&self) -> String {
        let rows: Vec<&Vec<String>> = std::iter::once(&self.head).chain(&self.rows).collect();
        let width =
            |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|c| c.chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..self.head.len()).map(width).collect();
        let mut text = format!("{}\n", self.title);
        for row in rows {
            let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| {
                if column < self.words { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
            });
            let _ = writeln!(text, "  {}", cells.collect::<Vec<_>>().join("  ").trim_end());
        }
        for note in &self.notes {
            let _ = writeln!(text, "  {note}");
        }
        text
    }

    /// A section with a Markdown table.
    pub(crate) fn markdown(&self) -> String {
        let line = |cells: &[String]| {
            let cells =
                (0..self.head.len()).map(|at| cells.get(at).map_or(String::new(), |cell| cell.replace('|', "\\|")));
            format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "))
        };
        let mut text = format!("## {}\n\n{}", self.title, line(&self.head));
        let rule = (0..self.head.len()).map(|column| if column < self.words { "---" } else { "---:" });
        let _ = writeln!(text, "|{}|", rule.collect::<Vec<_>>().join("|"));
        self.rows.iter().for_each(|row| text += &line(row));
        for note in &self.notes {
            let _ = write!(text, "\n{note}\n");
        }
        text
    }

    /// A `table` environment that needs no package; notes become part of the caption.
    pub(crate) fn latex(&self, label: &str) -> String {
        let columns: String = (0..self.head.len()).map(|column| if column < self.words { 'l' } else { 'r' }).collect();
        let line = |cells: &[String]| {
            let cells = (0..self.head.len()).map(|at| cells.get(at).map_or(String::new(), |cell| latex_escaped(cell)));
            format!("{} \\\\\n", cells.collect::<Vec<_>>().join(" & "))
        };
        let caption: Vec<String> = std::iter::once(&self.title).chain(&self.notes).map(|s| latex_escaped(s)).collect();
        let body: String = self.rows.iter().map(|row| line(row)).collect();
        format!(
            "\\begin{{table}}\n\\centering\n\\caption{{{}}}\n\\label{{tab:{label}}}\n\\begin{{tabular}}{{{columns}}}\n\
             \\hline\n{}\\hline\n{body}\\hline\n\\end{{tabular}}\n\\end{{table}}\n",
            caption.join(". ").replace(".. ", ". "),
            line(&self.head)
        )
    }
}

/// Text in which no character means anything to LaTeX.
pub(crate) fn latex_escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => {
                escaped.push('\\');
                escaped.push(letter);
            }
            '\\' => escaped += "\\textbackslash{}",
            '~' => escaped += "\\textasciitilde{}",
            '^' => escaped += "\\textasciicircum{}",
            '<' => escaped += "\\textless{}",
            '>' => escaped += "\\textgreater{}",
            '|' => escaped += "\\textbar{}",
            '±' => escaped += "$\\pm$",
            '−' => escaped += "$-$",
            '…' => escaped += "\\ldots{}",
            '·' => escaped += "$\\cdot$",
            '\n' | '\r' => escaped.push(' '),
            _ => escaped.push(letter),
        }
    }
    escaped
}

/// A number with as many digits as its unit bears.
pub(crate) fn formatted(value: Option<f64>, unit: &str) -> String {
    match (value, unit) {
        (None, _) => UNDEFINED.into(),
        (Some(value), "1") => format!("{value:.3}"),
        (Some(value), "mm") => format!("{value:.2}"),
        (Some(value), _) => format!("{value:.1}"),
    }
}

/// A metric's name for readers: `volume_error_ml` becomes `Volume error mL`.
pub(crate) fn title(name: &str) -> String {
    let words = match name.rsplit_once('_') {
        Some((words, "ml")) => format!("{words} mL"),
        Some((words, "mm")) => format!("{words} mm"),
        Some((words, "percent")) => format!("{words} %"),
        _ => name.to_owned(),
    };
    let words = words.replace('_', " ").replace("hd95", "HD95").replace(" f1", " F1").replace(" dice", " Dice");
    let mut letters = words.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new("All cases", &["case", "label", "Dice"], 2);
        table.rows.push(vec!["a_1".into(), "infiltrate".into(), "1.000".into()]);
        table.rows.push(vec!["b|c".into(), "failed".into()]);
        table.notes.push("5 % & more".into());
        table
    }

    #[test]
    fn lines_line_up() {
        let expected =
            "All cases\n  case  label        Dice\n  a_1   infiltrate  1.000\n  b|c   failed\n  5 % & more\n";
        assert_eq!(table().text(), expected);
    }

    #[test]
    fn markdown_and_latex_keep_every_cell_and_escape_it() {
        let markdown = table().markdown();
        assert!(markdown.contains("| case | label | Dice |\n|---|---|---:|\n| a_1 |"), "{markdown}");
        assert!(markdown.contains("| b\\|c | failed |  |"), "{markdown}");
        let latex = table().latex("cases");
        assert!(latex.contains("a\\_1 & infiltrate & 1.000 \\\\\n") && latex.contains("{llr}"), "{latex}");
        assert!(latex.contains("\\caption{All cases. 5 \\% \\& more}"), "{latex}");
        assert_eq!(
            latex_escaped("a\\b^~{}<#"),
            "a\\textbackslash{}b\\textasciicircum{}\\textasciitilde{}\\{\\}\\textless{}\\#"
        );
    }

    #[test]
    fn fields_are_quoted_where_they_must_be() {
        assert_eq!(quoted("a,\"b\""), "\"a,\"\"b\"\"\"");
        assert_eq!(quoted("a b"), "a b");
        assert_eq!((quoted("=1+1"), quoted("-1.5")), ("'=1+1".to_owned(), "-1.5".to_owned()));
    }

    #[test]
    fn names_become_words() {
        for (name, words) in [
            ("dice", "Dice"),
            ("volume_error_ml", "Volume error mL"),
            ("volume_error_percent", "Volume error %"),
            ("hd95_mean_mm", "HD95 mean mm"),
            ("surface_dice", "Surface Dice"),
        ] {
            assert_eq!(title(name), words);
        }
        assert_eq!(formatted(Some(-1.25), "mL"), "-1.2");
        assert_eq!(formatted(None, "1"), "-");
    }
}
