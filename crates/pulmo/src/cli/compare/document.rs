//! Everything about one comparison, as it is written to compare.json.

use pulmo::RESEARCH_USE;
use pulmo::measure::compare::Better;
use pulmo::measure::statistics::bland_altman::BlandAltman;
use pulmo::measure::statistics::margin::Verdict;
use pulmo::measure::statistics::paired::PairedComparison;
use pulmo::measure::statistics::runs::RunSpread;
use pulmo::measure::statistics::{Interval, Resampling};
use serde::Serialize;

use super::methods::{LeftOut, Method, SharedCase};
use super::question::Question;
use super::{answer, methods, text};

/// The whole comparison.
#[derive(Debug, Serialize)]
pub(super) struct Document {
    schema: &'static str,
    pulmo_version: &'static str,
    research_use: &'static str,
    /// Versions of pulmo that made the evaluations.
    pub(super) evaluated_by: Vec<String>,
    pub(super) notes: Vec<String>,
    pub(super) methods: Vec<MethodEntry>,
    pub(super) grid: &'static str,
    pub(super) resampling: Resampling,
    /// Cases that every run of every method has measured; only these are compared.
    pub(super) cases: usize,
    pub(super) patients: usize,
    /// Whether some file says that a patient has several cases or another name than the case.
    pub(super) patients_known: bool,
    pub(super) left_out: Vec<LeftOut>,
    pub(super) family: Family,
    pub(super) contrasts: Vec<Contrast>,
    pub(super) volumes: Vec<VolumeAgreement>,
    pub(super) runs: Vec<Runs>,
    pub(super) subgroups: Vec<Subgroup>,
    /// Sentences for the methods section of a paper.
    pub(super) methods_paragraph: String,
}

/// A method and the number of its runs.
#[derive(Debug, Serialize)]
pub(super) struct MethodEntry {
    pub(super) name: String,
    pub(super) runs: usize,
}

/// What Holm's correction is over.
#[derive(Debug, Serialize)]
pub(super) struct Family {
    /// Tests that gave a p-value, by sign flips; those by signed ranks are corrected among themselves.
    pub(super) tests: usize,
    pub(super) members: &'static str,
}

/// One metric of one label by two methods.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Contrast {
    pub(super) label: String,
    pub(super) metric: String,
    pub(super) unit: String,
    pub(super) better: Better,
    /// Whether the sign was dropped, because the metric is best near zero.
    pub(super) absolute: bool,
    pub(super) first: String,
    pub(super) second: String,
    /// Cases in which the metric is not defined by every run of both.
    pub(super) undefined: usize,
    /// Differences are second minus first; `None` if no case has a value by both.
    pub(super) comparison: Option<PairedComparison>,
    pub(super) permutation_p_holm: Option<f64>,
    pub(super) wilcoxon_p_holm: Option<f64>,
    pub(super) margin: Option<f64>,
    pub(super) verdict: Option<Verdict>,
}

/// Whether two methods, or a method and the references, find the same volumes; differences are second minus first.
#[derive(Debug, Serialize)]
pub(super) struct VolumeAgreement {
    pub(super) label: String,
    pub(super) first: String,
    pub(super) second: String,
    pub(super) ml: BlandAltman,
    /// Differences in per cent of the mean of both.
    pub(super) percent: Option<BlandAltman>,
    /// Cases whose mean is 0 mL and which so have no per cent.
    pub(super) percent_undefined: usize,
    /// Whether some patient has several cases, so that the intervals are too narrow.
    pub(super) repeated_measures: bool,
}

/// Spread of one metric over the runs of one method.
#[derive(Debug, Serialize)]
pub(super) struct Runs {
    pub(super) label: String,
    pub(super) metric: String,
    pub(super) unit: String,
    pub(super) absolute: bool,
    pub(super) method: String,
    pub(super) spread: RunSpread,
}

/// A contrast within a part of the cases; no tests.
#[derive(Debug, Serialize)]
pub(super) struct Subgroup {
    pub(super) by: &'static str,
    pub(super) group: String,
    pub(super) label: String,
    pub(super) metric: String,
    pub(super) unit: String,
    pub(super) absolute: bool,
    pub(super) first: String,
    pub(super) second: String,
    pub(super) cases: usize,
    pub(super) patients: usize,
    pub(super) mean_first: f64,
    pub(super) mean_second: f64,
    pub(super) difference: f64,
    pub(super) interval: Option<Interval>,
}

impl Document {
    /// Compares.
    ///
    /// # Errors
    /// If the methods are not of the same cases, or what is asked for is not in them.
    pub(super) fn new(methods: &[Method], question: &Question) -> anyhow::Result<Self> {
        let (cases, left_out) = methods::shared_cases(methods, &question.labels)?;
        let (notes, evaluated_by) = methods::provenance(methods);
        let contrasts = answer::contrasts(methods, &cases, question);
        let tested = |c: &&Contrast| c.permutation_p_holm.is_some();
        let mut document = Self {
            schema: "pulmo-comparison/1",
            pulmo_version: env!("CARGO_PKG_VERSION"),
            research_use: RESEARCH_USE,
            evaluated_by,
            notes,
            methods: methods.iter().map(|m| MethodEntry { name: m.name.clone(), runs: m.runs.len() }).collect(),
            grid: question.grid.name(),
            resampling: question.how,
            cases: cases.len(),
            patients: patients(&cases),
            patients_known: !methods::patients_unknown(methods),
            left_out,
            family: Family {
                tests: contrasts.iter().filter(tested).count(),
                members: "every label, metric and method that is compared here",
            },
            volumes: answer::volumes(methods, &cases, question),
            runs: answer::runs(methods, &cases, question),
            subgroups: answer::subgroups(methods, &cases, question),
            contrasts,
            methods_paragraph: String::new(),
        };
        document.methods_paragraph = text::methods_paragraph(&document);
        Ok(document)
    }

    /// Whether any number came of it.
    pub(super) fn has_numbers(&self) -> bool {
        self.contrasts.iter().any(|contrast| contrast.comparison.is_some()) || !self.runs.is_empty()
    }
}

/// Number of patients.
pub(super) fn patients(cases: &[SharedCase]) -> usize {
    cases.iter().map(|case| case.patient.as_str()).collect::<std::collections::BTreeSet<_>>().len()
}
