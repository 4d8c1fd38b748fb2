//! A CSV file with a row for each case.

use std::collections::BTreeMap;
use std::path::Path;

use super::DatasetKind;
use super::folder::{label_names, own_facts, volume_stem};
use super::import::{Candidate, Cause, Found, Reference, Search, Unit};
use super::list::Split;
use crate::error::{Error, Result};

/// The columns that are understood.
const COLUMNS: [&str; 8] = ["name", "image", "labels", "lungs", "patient", "site", "split", "note"];

/// A CSV file whose first row names its columns; `image` and `labels` are needed.
#[derive(Debug, Clone, Copy)]
pub struct Table;

impl DatasetKind for Table {
    fn name(&self) -> &'static str {
        "csv"
    }

    fn about(&self) -> &'static str {
        "a CSV file with the columns image and labels, perhaps name, lungs, patient, site, split (train, validation, \
         test) and note; paths are relative to the file"
    }

    fn options(&self) -> &'static [&'static str] {
        &["label", "name", "licence", "citation"]
    }

    fn is_own(&self) -> bool {
        true
    }

    fn find(&self, search: &Search<'_>) -> Result<Found> {
        let file = search.root;
        let rows = read(file)?;
        let folder = file.parent().unwrap_or(Path::new("")).to_owned();
        let mut found = Found { facts: own_facts(file), labels: label_names(search.options), ..Found::default() };
        for (number, row) in rows.iter().enumerate() {
            let value = |column: &str| row.get(column).map(String::as_str).unwrap_or_default();
            let image = value("image");
            let file_name = image.rsplit(['/', '\\']).next().unwrap_or_default();
            let name = match value("name") {
                "" => volume_stem(file_name).unwrap_or(file_name).to_owned(),
                name => name.to_owned(),
            };
            if image.is_empty() || value("labels").is_empty() {
                let what = if name.is_empty() { format!("row {}", number + 2) } else { name };
                found.leave_out(what, Unit::Case, Cause::Missing, "its row names no image or no labels");
                continue;
            }
            let labels = Reference::File(folder.join(value("labels")));
            let mut candidate = Candidate::new(name, folder.join(image), labels);
            candidate.lungs = Some(value("lungs")).filter(|lungs| !lungs.is_empty()).map(|lungs| folder.join(lungs));
            candidate.patient = value("patient").to_owned();
            candidate.site = value("site").to_owned();
            candidate.split = split(file, number + 2, value("split"))?;
            candidate.note = Some(value("note").to_owned()).filter(|note| !note.is_empty());
            found.candidates.push(candidate);
        }
        found.root = Some(folder);
        Ok(found)
    }
}

fn split(file: &Path, row: usize, word: &str) -> Result<Split> {
    match word {
        "" | "train" => Ok(Split::Train),
        "validation" => Ok(Split::Validation),
        "test" => Ok(Split::Test),
        other => {
            let problem = format!("row {row}: split `{other}`");
            Err(Error::invalid(file, problem, "expected train, validation or test"))
        }
    }
}

/// The rows by column.
fn read(file: &Path) -> Result<Vec<BTreeMap<String, String>>> {
    let text = std::fs::read_to_string(file).map_err(|source| Error::read(file, source))?;
    let rows = parse(&text).map_err(|problem| Error::invalid(file, problem, "save it as CSV again"))?;
    let mut rows = rows.into_iter();
    let head = rows.next().unwrap_or_default();
    let hint = format!("the first row names the columns: {}", COLUMNS.join(", "));
    for needed in ["image", "labels"] {
        if !head.iter().any(|column| column == needed) {
            return Err(Error::invalid(file, format!("there is no column `{needed}`"), hint));
        }
    }
    if let Some(unknown) = head.iter().find(|column| !COLUMNS.contains(&column.as_str())) {
        return Err(Error::invalid(file, format!("column `{unknown}` is not known"), hint));
    }
    let named = |row: Vec<String>| head.iter().cloned().zip(row).collect();
    Ok(rows.filter(|row| row.iter().any(|cell| !cell.is_empty())).map(named).collect())
}

/// Rows of cells after RFC 4180: commas (or semicolons, if the first row has no comma), quotes doubled within quotes.
pub(super) fn parse(text: &str) -> std::result::Result<Vec<Vec<String>>, String> {
    let text = text.trim_start_matches('\u{feff}');
    let first = text.lines().next().unwrap_or_default();
    let comma = if first.contains(',') || !first.contains(';') { ',' } else { ';' };
    let (mut rows, mut row, mut cell, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                cell.push('"');
            }
            '"' => quoted = !quoted,
            '\r' if !quoted => {}
            '\n' if !quoted => {
                row.push(std::mem::take(&mut cell).trim().to_owned());
                rows.push(std::mem::take(&mut row));
            }
            other if other == comma && !quoted => row.push(std::mem::take(&mut cell).trim().to_owned()),
            other => cell.push(other),
        }
    }
    if quoted {
        return Err("a quotation mark is not closed".to_owned());
    }
    if !cell.is_empty() || !row.is_empty() {
        row.push(cell.trim().to_owned());
        rows.push(row);
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_taken_apart() {
        let rows = parse("\u{feff}image,labels\r\n\"a, b\",\"c \"\"d\"\"\"\n\nx,y").unwrap();
        assert_eq!(rows, [vec!["image", "labels"], vec!["a, b", "c \"d\""], vec![""], vec!["x", "y"]]);
        assert_eq!(parse("a;b\n1;2").unwrap(), [["a", "b"], ["1", "2"]]);
        assert!(parse("\"a").is_err());
    }
}
