//! OUT as a DICOM object of a CT's study, and the measurements of a report as JSON.

use std::path::Path;

use anyhow::Context;
use pulmo::ct::format::dicom::seg::{self, SegKind, Segment};
use pulmo::ct::format::dicom::sr::{Report, SegmentReference};
use pulmo::ct::format::dicom::{
    Algorithm, AlgorithmKind, Code, DicomObject, SegmentMeaning, Settings, SourceSeries, Timestamp, pdf,
};
use pulmo::ct::format::open_label_map;
use pulmo::ct::{LabelMap, atomic};
use serde_json::{Value, json};

use super::input::{Content, Labels};
use super::{Args, cannot_become};
use crate::cli::objects::{Mask, Measured, Object, onto, write_series};
use crate::terminal::{Terminal, advice};

/// Makes the object and writes it.
pub(super) fn write(args: &Args, object: Option<Object>, content: Content, terminal: &Terminal) -> anyhow::Result<()> {
    let Some(ct) = &args.ct else {
        let hint = "name the folder of its CT series with --ct";
        return Err(advice("a DICOM object belongs to a patient and a study", hint));
    };
    let source = SourceSeries::open(ct, &args.open.options())?;
    let settings = settings(args)?;
    let made = match (object, content) {
        (None | Some(Object::Pdf), Content::Document(bytes)) => document(args, &bytes, &source, &settings)?,
        (Some(Object::SegFractional), Content::Volume(opened)) => {
            let segments = [Segment::of(1, single_meaning(args)?)];
            seg::write_fractional(&source, opened.volume.grid(), &[opened.volume.hu()], &segments, &settings)?
        }
        (object, Content::Labels(mut labels)) if object != Some(Object::Pdf) => {
            labels.map = onto(source.grid(), labels.map)?;
            return of_labels(args, object.unwrap_or(Object::Seg), &labels, (&source, &settings), terminal);
        }
        (_, content) => return Err(cannot_become(&content, &args.output)),
    };
    Ok(made.write(&args.output)?)
}

fn of_labels(
    args: &Args,
    object: Object,
    labels: &Labels,
    (source, settings): (&SourceSeries, &Settings),
    terminal: &Terminal,
) -> anyhow::Result<()> {
    let segments = segments(args, labels)?;
    let mask = Mask { source, labels: &labels.map, segments: &segments, settings };
    let made = match object {
        Object::Seg => mask.segmentation(SegKind::Binary)?,
        Object::SegLabelmap => mask.segmentation(SegKind::LabelMap)?,
        Object::Rtstruct => mask.contours()?,
        Object::Sr => {
            let lungs = args.lungs.as_deref().map(open_label_map).transpose()?;
            let lungs = lungs.map(|lungs| onto(source.grid(), lungs)).transpose()?;
            let reference = labels.reference.clone();
            let refer =
                reference.map(|whole| move |number: u16| SegmentReference { numbers: vec![number], ..whole.clone() });
            let measured = Measured { lungs: lungs.as_ref(), quantities: None };
            mask.report(refer.as_ref().map(|refer| refer as &dyn Fn(u16) -> SegmentReference), &measured)?
        }
        Object::Capture => {
            let ct = args.ct.as_deref().unwrap_or(Path::new(""));
            let opened = args.open.open(ct, terminal)?;
            return Ok(write_series(&args.output, &mask.pictures(&opened.volume)?)?);
        }
        Object::SegFractional | Object::Pdf => {
            let hint = "seg-fractional needs probabilities from 0 to 1, pdf a PDF";
            return Err(advice("a mask cannot become that object", hint));
        }
    };
    Ok(made.write(&args.output)?)
}

/// What --label says, else what IN says, else infiltrate for a single label.
fn segments(args: &Args, labels: &Labels) -> anyhow::Result<Vec<Segment>> {
    if !args.labels.is_empty() {
        let mut named: Vec<_> = args.labels.iter().map(|one| Segment::of(u16::from(one.value), one.meaning)).collect();
        named.sort_by_key(|segment| segment.number);
        return Ok(named);
    }
    if !labels.segments.is_empty() {
        return Ok(labels.segments.clone());
    }
    match present(&labels.map)[..] {
        [] | [1] => Ok(vec![Segment::named(1, "infiltrate")]),
        ref several => {
            let problem = format!("the mask holds the labels {several:?}, and nothing says what they mean");
            Err(advice(problem, "name each, as in --label 1=left_lung --label 2=right_lung"))
        }
    }
}

/// The labels above 0 that occur.
fn present(map: &LabelMap) -> Vec<u8> {
    let mut seen = [false; 256];
    map.labels().iter().for_each(|&label| seen[usize::from(label)] = true);
    (1..=255).filter(|&label| seen[usize::from(label)]).collect()
}

fn single_meaning(args: &Args) -> anyhow::Result<&'static SegmentMeaning> {
    match args.labels.as_slice() {
        [] => SegmentMeaning::of("infiltrate").context("the list of meanings holds infiltrate"),
        [one] => Ok(one.meaning),
        _ => Err(advice("one volume of probabilities is one segment", "give --label once")),
    }
}

fn document(args: &Args, bytes: &[u8], source: &SourceSeries, settings: &Settings) -> anyhow::Result<DicomObject> {
    // Nothing here can read the pages: what a person put into them may name the patient, so that is what is said.
    let document = pdf::Document { pdf: bytes, title: "Document", shows_identity: !args.anonymous };
    Ok(pdf::write(source, &document, settings)?)
}

fn settings(args: &Args) -> anyhow::Result<Settings> {
    let (name, version, kind) = match &args.algorithm {
        Some(text) => {
            let (name, version) = text.split_once(':').unwrap_or((text, ""));
            (name, version, AlgorithmKind::Automatic)
        }
        None if args.manual => ("manual", "", AlgorithmKind::Manual),
        None => ("unknown", "", AlgorithmKind::SemiAutomatic),
    };
    let algorithm = Algorithm { name: name.trim().to_owned(), version: version.trim().to_owned(), kind };
    Ok(Settings { algorithm, created: Timestamp::from_environment()?, new_study: args.new_study })
}

/// Writes the measurement groups of a report.
pub(super) fn write_json(output: &Path, report: &Report) -> anyhow::Result<()> {
    let code = |code: &Code| json!({ "value": code.value, "scheme": code.scheme, "meaning": code.meaning });
    let groups: Vec<Value> = report
        .groups
        .iter()
        .map(|group| {
            let numbers: Vec<Value> = group
                .numbers
                .iter()
                .map(|number| {
                    json!({
                        "name": code(&number.name),
                        "value": number.value,
                        "unit": number.unit.as_ref().map(code),
                        "equation": number.equation,
                    })
                })
                .collect();
            json!({
                "tracking_id": group.tracking_id,
                "tracking_uid": group.tracking_uid,
                "finding": group.finding.as_ref().map(code),
                "sites": group.sites.iter().map(|site| json!({
                    "site": code(&site.site),
                    "laterality": site.laterality.as_ref().map(code),
                })).collect::<Vec<_>>(),
                "segment": group.segment.as_ref().map(|segment| json!({
                    "sop_instance_uid": segment.sop_instance_uid,
                    "numbers": segment.numbers,
                })),
                "numbers": numbers,
                "comments": group.comments,
            })
        })
        .collect();
    let whole = json!({
        "title": report.title.as_ref().map(code),
        "completion": report.completion,
        "verification": report.verification,
        "groups": groups,
        "other_items": report.other_items,
    });
    let mut text = serde_json::to_vec_pretty(&whole)?;
    text.push(b'\n');
    Ok(atomic::write(output, &text)?)
}
