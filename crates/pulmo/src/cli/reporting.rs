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

    /// The values are not HU (8-bit pictures, say): nothing is said about attenuation. Found out by itself where no
    /// value is that of air.
    #[arg(long)]
    pub(crate) not_hu: bool,
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

impl Format {
    /// What its file is called.
    pub(crate) fn file_name(self) -> &'static str {
        match self {
            Self::Html => "report.html",
            Self::Json => "report.json",
            Self::Csv => "report.csv",
            Self::Md => "report.md",
            Self::Pdf => "report.pdf",
        }
    }
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

/// Lungs found without a model are doubted if more of the opacity than this lies outside. `docs/results/lungs.md`: they
/// lack 10 % of it where dense lung lies at the ribs, and more where a lobe holds no air.
const MOST_OUTSIDE_PERCENT: f64 = 15.0;

impl FoundLungs {
    /// Finds the lungs without a model.
    pub(crate) fn by_threshold(opened: &Opened) -> anyhow::Result<Self> {
        let found = lungs::segment(&opened.volume)?;
        let about = Lungs { maker: LungMaker::Threshold, sha256: None, problems: found.problems };
        Ok(Self { map: found.labels, about })
    }

    /// Doubts lungs found without a model if much of the opacity lies outside: then dense lung is missing from them, or
    /// the opacity's mask is wrong, and a share of them would be a wrong number either way.
    fn must_hold(&mut self, opacity: &LabelMap) {
        if self.about.maker != LungMaker::Threshold {
            return;
        }
        let marked = opacity.labels().iter().zip(self.map.labels()).filter(|(opacity, _)| **opacity > 0);
        let (outside, all) =
            marked.fold((0_usize, 0_usize), |(outside, all), (_, &lung)| (outside + usize::from(lung == 0), all + 1));
        let percent = 100.0 * outside as f64 / all.max(1) as f64;
        if percent > MOST_OUTSIDE_PERCENT {
            self.about.problems.push(format!(
                "{percent:.0} % of the opacity lies outside the lungs that thresholds and shape found (more than \
                 {MOST_OUTSIDE_PERCENT} %): either they lack dense lung, and --lungs takes another mask, or the opacity's \
                 mask marks what is no lung"
            ));
        }
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
pub(crate) fn make(mut parts: Parts<'_>, args: &ReportArgs) -> anyhow::Result<Made> {
    if let Some(lungs) = &mut parts.lungs {
        lungs.must_hold(&parts.opacity);
    }
    let Parts { opened, opacity, .. } = &parts;
    let lungs = parts.lungs.as_ref();
    let quantities = quantify::quantify(
        &quantify::Input {
            ct: &opened.volume,
            known_not_hu: args.not_hu,
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
        let bytes = match format {
            Format::Html => report::html(&report, &pictures, language)?,
            Format::Json => report.to_json()?,
            Format::Csv => report::csv(&report).into_bytes(),
            Format::Md => report::markdown(&report, language).into_bytes(),
            Format::Pdf => pdf.bytes.clone(),
        };
        files.push((format.file_name(), bytes));
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

#[cfg(test)]
mod tests {
    use pulmo::ct::{Affine, Grid, Spacing};

    use super::*;

    #[test]
    fn lungs_without_a_model_that_lack_the_opacity_are_doubted() {
        let affine = Affine::axial(Spacing::new([1.0; 3]).unwrap(), [0.0; 3]);
        let map = |labels: &[u8]| LabelMap::new(Grid::new([1, 1, 8], affine).unwrap(), labels.to_vec()).unwrap();
        let found = |maker| {
            let about = Lungs { maker, sha256: None, problems: Vec::new() };
            FoundLungs { map: map(&[1, 1, 1, 1, 1, 1, 1, 0]), about }
        };
        let mut sound = found(LungMaker::Threshold);
        sound.must_hold(&map(&[1, 1, 1, 1, 1, 1, 1, 1]));
        assert!(sound.about.problems.is_empty(), "an eighth outside");
        sound.must_hold(&map(&[0, 0, 0, 0, 0, 1, 1, 1]));
        assert!(sound.about.problems[0].contains("33 % of the opacity"), "{:?}", sound.about.problems);
        sound.about.problems.clear();
        sound.must_hold(&map(&[0; 8]));
        assert!(sound.about.problems.is_empty(), "an empty mask says nothing about the lungs");
        let mut given = found(LungMaker::File);
        given.must_hold(&map(&[0, 0, 0, 0, 0, 1, 1, 1]));
        assert!(given.about.problems.is_empty(), "the user's own mask is taken as it is; its flag stays");
    }
}
