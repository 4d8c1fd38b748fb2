//! What was done: series, scanner, masks, model, its data, the program.

use pulmo_engine::model::DataSource;

use super::Pair;
use crate::report::document::{LungMaker, Report};
use crate::report::language::Language;

/// How much room there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    /// Two pages: lists without an end are cut, and say so.
    Pages,
    /// As much as there is to say.
    Endless,
}

/// Data sets that a page names in full; a model may have learnt from many.
const NAMED_SOURCES: usize = 3;
/// Warnings that a page gives.
const NAMED_WARNINGS: usize = 6;
/// Letters that a page has for a data set, a warning, or the licences of the other data sets.
const LETTERS: [usize; 3] = [500, 240, 240];
/// Letters that a page has for the name of a model.
const NAME_LETTERS: usize = 80;

impl Room {
    fn shorten(self, text: String, letters: usize) -> String {
        match self {
            Self::Pages => shortened(&text, letters),
            Self::Endless => text,
        }
    }

    /// How many of a list are given, and how many are left.
    fn split(self, most: usize, all: usize) -> (usize, usize) {
        let given = if self == Self::Endless { all } else { all.min(most) };
        (given, all - given)
    }
}

/// The words of a text that fit, and a mark where some do not.
fn shortened(text: &str, letters: usize) -> String {
    if text.chars().count() <= letters {
        return text.to_owned();
    }
    let kept: String = text.chars().take(letters - 2).collect();
    // A word is cut only where it is longer than a fifth of the room.
    let end = kept.rfind(' ').filter(|&end| end > kept.len() * 4 / 5).unwrap_or(kept.len());
    format!("{} …", kept[..end].trim_end_matches([' ', ',', ';', ':']))
}

/// Name and value of everything that a reader needs to know or to repeat what was done.
pub(super) fn done(report: &Report, language: Language, room: Room) -> Vec<Pair> {
    let words = language.words();
    let mut pairs =
        vec![Pair::new(words.series, series(report, language)), Pair::new(words.grid, grid(report, language))];
    let scanner = scanner(report, language);
    if !scanner.is_empty() {
        pairs.push(Pair::new(words.scanner, scanner));
    }
    pairs.push(Pair::new(words.input_key, report.input.source.clone()));
    mask(report, language, room, &mut pairs);
    if let Some(lungs) = &report.lungs {
        let how = match lungs.maker {
            LungMaker::Threshold => words.lungs_by_threshold,
            LungMaker::File => words.lungs_from_file,
            LungMaker::Model => words.lungs_by_model,
        };
        pairs.push(Pair::new(words.lungs, with_hash(how, lungs.sha256.as_deref())));
    }
    let (given, left) = room.split(NAMED_WARNINGS, report.warnings.len());
    for warning in &report.warnings[..given] {
        pairs.push(Pair::new(words.warnings, room.shorten(language.warning(warning), LETTERS[1])));
    }
    if left > 0 {
        pairs.push(Pair::new(words.warnings, format!("{left} {}; {}", words.more, words.more_listed)));
    }
    pairs.push(Pair::new(words.software, format!("pulmo {}", report.pulmo_version)));
    pairs
}

fn with_hash(what: &str, sha256: Option<&str>) -> String {
    sha256.map_or_else(|| what.to_owned(), |hash| format!("{what}, SHA-256 {hash}"))
}

fn series(report: &Report, language: Language) -> String {
    let words = language.words();
    let input = &report.input;
    format!("{}, {}, {}: {}", input.format, input.encoding, words.files, language.number(input.files as f64, 0))
}

fn grid(report: &Report, language: Language) -> String {
    let words = language.words();
    let grid = &report.quantities.grid;
    let shape = grid.shape.map(|n| n.to_string()).join(" × ");
    let spacing = grid.spacing_mm.map(|mm| language.short(mm)).join(" × ");
    format!("{shape} {}, {} {spacing}\u{a0}mm", words.voxels, words.spacing)
}

fn scanner(report: &Report, language: Language) -> String {
    let words = language.words();
    let scan = &report.quantities.scan;
    let maker: Vec<&str> =
        [&scan.manufacturer, &scan.scanner_model].into_iter().flatten().map(String::as_str).collect();
    let mut parts = Vec::new();
    if !maker.is_empty() {
        parts.push(maker.join(" "));
    }
    if let Some(kernel) = &scan.kernel {
        parts.push(format!("{} {kernel}", words.kernel));
    }
    if let Some(mm) = scan.slice_thickness_mm {
        parts.push(format!("{} {}", words.slice_thickness, language.mm(mm)));
    }
    if let Some(position) = &scan.patient_position {
        parts.push(format!("{} {position}", words.position));
    }
    if let Some(contrast) = scan.contrast_agent {
        parts.push(format!("{}: {}", words.contrast, if contrast { words.yes } else { words.none_named }));
    }
    if let Some(age) = scan.age_years {
        let oldest = if age >= 90 { "≥" } else { "" };
        let years = if age == 1 { words.year } else { words.years };
        parts.push(format!("{} {oldest}{age} {years}", words.age));
    }
    parts.join(", ")
}

fn mask(report: &Report, language: Language, room: Room, pairs: &mut Vec<Pair>) {
    let words = language.words();
    let mask = &report.mask;
    if mask.sha256.is_some() || mask.model.is_none() {
        pairs.push(Pair::new(words.mask, with_hash(words.mask_from_file, mask.sha256.as_deref())));
    }
    let Some(model) = &mask.model else { return };
    let value = format!(
        "{} {}, SHA-256 {}, {} {}",
        words.model,
        room.shorten(model.recipe.clone(), NAME_LETTERS),
        model.sha256,
        words.probability_from,
        language.short(model.threshold)
    );
    pairs.push(Pair::new(words.mask, value));
    let (given, left) = room.split(NAMED_SOURCES, model.data.len());
    for data in &model.data[..given] {
        let cases = format!(" ({}: {})", words.training_cases, model.training_cases);
        let cases = if model.data.len() == 1 { cases } else { String::new() };
        pairs.push(Pair::new(words.trained_on, room.shorten(data_source(data, &cases, language), LETTERS[0])));
    }
    if left > 0 {
        let licences = shortened(&licences(&model.data[given..]), LETTERS[2]);
        let licences =
            if licences.is_empty() { licences } else { format!(" ({}: {licences})", words.further_licences) };
        pairs.push(Pair::new(words.trained_on, format!("{left} {}{licences}; {}", words.more, words.more_listed)));
    }
}

/// Every licence once.
fn licences(data: &[DataSource]) -> String {
    let mut seen: Vec<&str> = Vec::new();
    for licence in data.iter().map(|data| data.licence.as_str()).filter(|licence| !licence.is_empty()) {
        if !seen.contains(&licence) {
            seen.push(licence);
        }
    }
    seen.join(", ")
}

fn data_source(data: &DataSource, cases: &str, language: Language) -> String {
    let words = language.words();
    let mut text = format!("{}{cases}", data.name);
    for (name, value) in [
        (words.licence, &data.licence),
        (words.terms, &data.terms),
        (words.cite, &data.citation),
        (words.note, &data.note),
    ] {
        if !value.is_empty() {
            text += &format!("; {name}: {value}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_ends_at_a_word_and_says_that_it_was_cut() {
        assert_eq!(shortened("as it is", 8), "as it is");
        assert_eq!(shortened("for research only; no other use", 30), "for research only; no other …");
        assert_eq!(shortened("größere Wörter", 9), "größere …");
        let one_word = "x".repeat(50);
        assert_eq!(shortened(&one_word, 20).chars().count(), 20);
        assert_eq!(Room::Pages.split(3, 12), (3, 9));
        assert_eq!(Room::Endless.split(3, 12), (12, 0));
    }
}
