//! methods.md: what was done, in sentences for the methods section of a paper.

use std::fmt::Write as _;

use pulmo::ct::sentence::counted;

use super::document::Document;
use crate::cli::table::title;

/// The whole file.
pub(super) fn methods(document: &Document) -> String {
    let mut text = String::from("# Methods\n\n");
    for paragraph in [comparison(document), metrics(document), statistics(document), cases(document), paper(document)] {
        if !paragraph.is_empty() {
            let _ = write!(text, "{paragraph}\n\n");
        }
    }
    for note in &document.notes {
        let _ = write!(text, "Limit of the data: {note}.\n\n");
    }
    text + pulmo::RESEARCH_USE + "\n"
}

fn comparison(document: &Document) -> String {
    let labels: Vec<String> =
        document.protocol.labels.iter().map(|label| format!("{} (value {})", label.name, label.value)).collect();
    let turned = document.cases.iter().filter(|case| case.measures().is_some_and(|m| m.prediction_turned)).count();
    let turned = match turned {
        0 => String::new(),
        n => format!(
            " In {} the prediction stored the same voxels in another order of the axes; they were reordered, which changes \
             no voxel.",
            counted(n, "case", "cases")
        ),
    };
    format!(
        "Predicted masks were compared with reference masks by pulmo {} (form of the results: {}), label by label: {}. \
         {}. A prediction had to lie on the grid of its reference (same shape, corners within a small part of a voxel); \
         no mask was resampled to make it fit.{turned}{}",
        env!("CARGO_PKG_VERSION"),
        super::document::SCHEMA,
        labels.join(", "),
        capitalised(&document.pairing),
        network_grid(document)
    )
}

fn network_grid(document: &Document) -> String {
    let Some([slices, rows, columns]) = document.protocol.network_shape else { return String::new() };
    format!(
        " Ratios were measured on two grids: the native one, and one of {slices} x {rows} x {columns} voxels (slices, \
         rows, columns), to which both masks were resized by nearest neighbour (output i of s takes input floor(i S / s) \
         of S along each axis). Volumes and distances were measured on the native grid only."
    )
}

fn metrics(document: &Document) -> String {
    let rules = document.metrics.iter().map(|metric| {
        let unit = if metric.unit == "1" { "ratio" } else { metric.unit };
        format!("{} ({unit}): {}; {}", title(metric.name), metric.formula, metric.empty_masks)
    });
    format!(
        "These were measured, each with its definition and the rule for empty masks ({}):\n\n* {}\n\n{}. Surfaces and \
         their areas are those of DeepMind's surface-distance, edge voxels those of MONAI and medpy; distances are exact \
         Euclidean ones in mm. Which tool each metric agrees with stands in the documentation of pulmo's `compare` module.",
        super::tables::NAMES,
        rules.collect::<Vec<_>>().join("\n* "),
        super::tables::settings(document)
    )
}

fn statistics(document: &Document) -> String {
    let how = &document.protocol.resampling;
    format!(
        "Means, standard deviations (n - 1), medians and quartiles (linear between values) count each case once (macro); \
         pooled values count each voxel once (micro). {:.0} % intervals of means are percentile bootstrap intervals of {} \
         resamples, in which patients are drawn with replacement with all their cases (seed {}; equal at any number of \
         threads). Values that are not defined are left out and counted. No interval is corrected for multiple looks.",
        100.0 * how.level,
        how.resamples,
        how.seed
    )
}

fn cases(document: &Document) -> String {
    let steps: Vec<String> = document.flow.steps.iter().map(|step| format!("{}: {}", step.what, step.cases)).collect();
    let empty = document.flow.empty_masks.iter().map(|one| {
        format!(
            "{}: both masks empty in {}, only the reference in {}, only the prediction in {}",
            one.label, one.both_empty, one.reference_empty, one.prediction_empty
        )
    });
    format!(
        "Case flow: {}. Among the measured cases: {}. Cases that could not be measured are listed with their reason and \
         enter no mean.",
        steps.join("; "),
        empty.collect::<Vec<_>>().join("; ")
    )
}

fn paper(document: &Document) -> String {
    let Some(rows) = &document.paper else { return String::new() };
    let sets: Vec<String> = rows.iter().map(|row| format!("{}: {}", row.data_set, row.why)).collect();
    format!(
        "The protocol follows Bressem et al. 2021 (arXiv:2101.09976): mean Dice of infiltrates over the cases of each data \
         set. The authors' library measured on volumes resized to 20 x 224 x 224 voxels; whether the paper's figures were \
         measured there or on the native grid is not stated, so both are given. {}.",
        sets.join(". ")
    )
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}
