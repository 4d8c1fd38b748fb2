//! What was done: series, scanner, masks, model, its data, the program.

use pulmo_engine::model::DataSource;

use super::Pair;
use crate::report::document::{LungMaker, Report};
use crate::report::language::Language;

/// Name and value of everything that a reader needs to know or to repeat what was done.
pub(super) fn done(report: &Report, language: Language) -> Vec<Pair> {
    let words = language.words();
    let mut pairs =
        vec![Pair::new(words.series, series(report, language)), Pair::new(words.grid, grid(report, language))];
    let scanner = scanner(report, language);
    if !scanner.is_empty() {
        pairs.push(Pair::new(words.scanner, scanner));
    }
    pairs.push(Pair::new(words.input_key, report.input.source.clone()));
    mask(report, language, &mut pairs);
    if let Some(lungs) = &report.lungs {
        let how = match lungs.maker {
            LungMaker::Threshold => words.lungs_by_threshold,
            LungMaker::File => words.lungs_from_file,
            LungMaker::Model => words.lungs_by_model,
        };
        pairs.push(Pair::new(words.lungs, with_hash(how, lungs.sha256.as_deref())));
    }
    for warning in &report.warnings {
        pairs.push(Pair::new(words.warnings, language.warning(warning)));
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
        parts.push(format!("{} {oldest}{age} {}", words.age, words.years));
    }
    parts.join(", ")
}

fn mask(report: &Report, language: Language, pairs: &mut Vec<Pair>) {
    let words = language.words();
    let mask = &report.mask;
    if mask.sha256.is_some() || mask.model.is_none() {
        pairs.push(Pair::new(words.mask, with_hash(words.mask_from_file, mask.sha256.as_deref())));
    }
    let Some(model) = &mask.model else { return };
    let value = format!(
        "{} {}, SHA-256 {}, {} {}",
        words.model,
        model.recipe,
        model.sha256,
        words.probability_from,
        language.short(model.threshold)
    );
    pairs.push(Pair::new(words.mask, value));
    for data in &model.data {
        let cases = format!(" ({} {})", model.training_cases, words.training_cases);
        let cases = if model.data.len() == 1 { cases } else { String::new() };
        pairs.push(Pair::new(words.trained_on, data_source(data, &cases, language)));
    }
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
