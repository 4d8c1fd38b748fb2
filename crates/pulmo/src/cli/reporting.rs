//! From a CT and its masks to a report in every format that was asked for: what `report` and `run` share.

use std::path::Path;

use anyhow::Context;
use clap::ValueEnum;
use pulmo::ct::format::Opened;
use pulmo::ct::format::dicom::{Person, SourceSeries, kind_of};
use pulmo::ct::{LabelMap, lungs};
use pulmo::engine::case_key;
use pulmo::measure::quantify::lobes::LobeConvention;
use pulmo::measure::quantify::{self, HeightSplit, Landmarks, Options, Quantities, Subject};
use pulmo::report::document::{Identity, Input, LungMaker, Lungs, Mask};
use pulmo::report::{self, Language, Report};

use super::cases::Pdf;
use super::ct::CtArgs;
use crate::terminal::advice;

/// Flags of whatever makes a report.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ReportArgs {
    /// Language of the report; JSON and CSV are always in English.
    #[arg(long, value_enum, default_value = "en")]
    pub(crate) language: LanguageName,

    /// What to write: report.html, report.json, report.csv, report.md, report.pdf.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "FORMAT,…", default_values = ["html", "json", "csv", "md", "pdf"])]
    pub(crate) format: Vec<Format>,

    /// Put the patient's name, ID and the date of the study into the report; without it there is the case key alone.
    #[arg(long)]
    pub(crate) with_identity: bool,

    /// Rules for per cent of lung: the default one (opacity inside the lung mask, of the lung mask), or all three.
    #[arg(long, value_enum, default_value = "inside-lung")]
    pub(crate) percent_rule: PercentRule,

    /// How a lung is cut into thirds: by height along the patient's axis, or so that each holds a third of the volume.
    #[arg(long, value_enum, default_value = "height")]
    pub(crate) thirds: Thirds,
}

/// A language's code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LanguageName {
    /// English.
    En,
    /// German.
    De,
}

/// A rendering of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// One page that needs nothing else.
    Html,
    /// All data.
    Json,
    /// One row.
    Csv,
    /// Text without pictures.
    Md,
    /// Two A4 pages.
    Pdf,
}

/// Which rules for per cent of lung are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PercentRule {
    /// Opacity inside the lung mask, of the lung mask.
    InsideLung,
    /// Also all opacity of the lung mask, and of lung mask and opacity together.
    All,
}

/// How thirds are cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Thirds {
    /// At one and two thirds of the height.
    Height,
    /// So that each holds a third of the volume.
    Volume,
}

impl ReportArgs {
    /// The language of the report.
    pub(crate) fn language(&self) -> Language {
        match self.language {
            LanguageName::En => Language::English,
            LanguageName::De => Language::German,
        }
    }

    fn options(&self) -> Options {
        let thirds = match self.thirds {
            Thirds::Height => HeightSplit::Height,
            Thirds::Volume => HeightSplit::Volume,
        };
        Options { all_rules: self.percent_rule == PercentRule::All, thirds, ..Options::default() }
    }
}

/// The lungs of a case and where they come from.
#[derive(Debug)]
pub(crate) struct FoundLungs {
    /// Left and right, on the CT's grid.
    pub(crate) map: LabelMap,
    pub(crate) about: Lungs,
}

impl FoundLungs {
    /// Finds the lungs without a model.
    pub(crate) fn by_threshold(opened: &Opened) -> anyhow::Result<Self> {
        let found = lungs::segment(&opened.volume)?;
        let about = Lungs { maker: LungMaker::Threshold, sha256: None, problems: found.problems };
        Ok(Self { map: found.labels, about })
    }

    /// Takes over a mask, whose labels say no more than that there is lung.
    pub(crate) fn of(map: &LabelMap, maker: LungMaker, sha256: Option<String>) -> anyhow::Result<Self> {
        Ok(Self { map: report::lungs::sides(map)?, about: Lungs { maker, sha256, problems: Vec::new() } })
    }
}

/// What a report is made of.
pub(crate) struct Parts<'a> {
    pub(crate) opened: &'a Opened,
    /// 1 where there is opacity.
    pub(crate) opacity: LabelMap,
    /// None: nothing that needs lungs is given.
    pub(crate) lungs: Option<FoundLungs>,
    pub(crate) lobes: Option<(LabelMap, &'static LobeConvention)>,
    pub(crate) landmarks: Option<Landmarks>,
    pub(crate) subject: Subject,
    /// What the input is known by.
    pub(crate) source: String,
    pub(crate) mask: Mask,
    pub(crate) identity: Option<Identity>,
    pub(crate) warnings: Vec<String>,
    /// An earlier result of the same patient.
    pub(crate) previous: Option<Quantities>,
}

/// A report and its files.
pub(crate) struct Made {
    pub(crate) report: Report,
    pub(crate) lungs: Option<LabelMap>,
    /// By name.
    pub(crate) files: Vec<(&'static str, Vec<u8>)>,
    pub(crate) pdf: Pdf,
}

/// Measures a case and makes its report.
///
/// # Errors
/// If masks do not lie on the CT's grid, or the earlier result is of another patient or model.
pub(crate) fn make(parts: Parts<'_>, args: &ReportArgs) -> anyhow::Result<Made> {
    let Parts { opened, opacity, .. } = &parts;
    let lungs = parts.lungs.as_ref();
    let quantities = quantify::quantify(
        &quantify::Input {
            ct: &opened.volume,
            known_not_hu: false,
            opacity,
            opacity_labels: &[1],
            lungs: lungs.map(|lungs| &lungs.map),
            lung_problems: lungs.map_or(&[], |lungs| &lungs.about.problems),
            lobes: parts.lobes.as_ref().map(|(map, convention)| (map, &convention.labels[..])),
            landmarks: parts.landmarks,
            scan: &opened.origin.scan,
            subject: parts.subject.clone(),
            interval: None,
        },
        &args.options(),
    )?;
    let follow_up = match &parts.previous {
        Some(earlier) => Some(
            quantify::follow_up(earlier, &quantities)
                .map_err(|refusal| advice(format!("the earlier result cannot be compared: {refusal}"), refusal.hint))?,
        ),
        None => None,
    };
    let pictures = report::draw(&opened.volume, opacity, lungs.map(|lungs| &lungs.map))?;
    let origin = &opened.origin;
    let report = Report {
        schema: Report::SCHEMA.to_owned(),
        case: parts.subject.case.clone(),
        identity: parts.identity.clone(),
        quantities,
        follow_up,
        input: Input {
            source: parts.source.clone(),
            format: origin.format.to_owned(),
            encoding: origin.encoding.clone(),
            files: origin.files,
        },
        mask: parts.mask.clone(),
        lungs: lungs.map(|lungs| lungs.about.clone()),
        warnings: parts.warnings.clone(),
        pulmo_version: env!("CARGO_PKG_VERSION").to_owned(),
        notice: pulmo::RESEARCH_USE.to_owned(),
    };
    let language = args.language();
    let pdf = Pdf { bytes: report::pdf(&report, &pictures, language)?, shows_identity: report.identity.is_some() };
    let mut files = Vec::new();
    for format in &args.format {
        files.push(match format {
            Format::Html => ("report.html", report::html(&report, &pictures, language)?),
            Format::Json => ("report.json", report.to_json()?),
            Format::Csv => ("report.csv", report::csv(&report).into_bytes()),
            Format::Md => ("report.md", report::markdown(&report, language).into_bytes()),
            Format::Pdf => ("report.pdf", pdf.bytes.clone()),
        });
    }
    Ok(Made { report, lungs: parts.lungs.map(|lungs| lungs.map), files, pdf })
}

/// Who was scanned, where the CT is DICOM and says it without contradiction.
pub(crate) fn person(input: &Path, ct: &CtArgs) -> anyhow::Result<Option<Person>> {
    if !input.is_dir() && kind_of(input)?.is_none() {
        return Ok(None);
    }
    Ok(Some(SourceSeries::open(input, &ct.options()).context("the CT does not say clearly whose it is")?.person()))
}

/// Who is named in a report, where that was asked for.
///
/// # Errors
/// If the CT cannot say it.
pub(crate) fn identity(
    person: Result<&Option<Person>, &anyhow::Error>,
    args: &ReportArgs,
) -> anyhow::Result<Option<Identity>> {
    if !args.with_identity {
        return Ok(None);
    }
    match person {
        Ok(Some(Person { name, id, study_date })) => {
            Ok(Some(Identity { name: name.clone(), id: id.clone(), study_date: study_date.clone() }))
        }
        Ok(None) => Err(advice("--with-identity: the CT is no DICOM file, so it names nobody", "leave it out")),
        Err(error) => {
            Err(advice(format!("--with-identity: {error:#}"), "leave it out, or give a DICOM folder of one patient"))
        }
    }
}

/// What all studies of a patient share: a keyed hash of the PatientID, or of a name that the user gives.
pub(crate) fn patient_key(key: &[u8], id: &str) -> Option<String> {
    (!id.is_empty()).then(|| case_key::of_series(key, &format!("patient {id}"), None))
}

/// A line about a report: `7.18 % of lung`.
pub(crate) fn summary(report: &Report) -> String {
    let found = &report.quantities;
    match (found.involvement.first(), &found.lung_left_out) {
        (Some(share), _) => format!("{:.2} % of lung", share.percent),
        (None, Some(left_out)) => format!("no per cent of lung ({})", left_out.reason),
        (None, None) => "no per cent of lung".to_owned(),
    }
}
