//! What --dicom and --pictures write beside a mask.

use std::collections::BTreeSet;
use std::path::Path;

use pulmo::ct::format::Opened;
use pulmo::ct::format::dicom::seg::{SegKind, Segment, write_fractional};
use pulmo::ct::format::dicom::sr::SegmentReference;
use pulmo::ct::format::dicom::{Algorithm, AlgorithmKind, Settings, SourceSeries, Timestamp, kind_of, pdf};
use pulmo::engine::Model;
use pulmo::engine::segment::Segmentation;
use pulmo::picture::{Layers, View};

use super::{CaseArgs, Extra, Pdf};
use crate::cli::objects::{Mask, Measured, Object, ascii, write_series};
use crate::terminal::advice;

/// The series that DICOM objects will refer to.
pub(super) fn source_series(args: &CaseArgs, input: &Path) -> anyhow::Result<SourceSeries> {
    if !input.is_dir() && kind_of(input)?.is_none() {
        let problem = "not a DICOM CT, so there is no study for DICOM objects";
        return Err(advice(problem, "give the DICOM folder, or leave out --dicom"));
    }
    let series = SourceSeries::open(input, &args.ct.options())?;
    series.must_be_identified(args.new_study)?;
    Ok(series)
}

/// Writes the objects that --dicom names.
pub(super) fn write(
    args: &CaseArgs,
    folder: &Path,
    (source, model): (&SourceSeries, &Model),
    (opened, found, extra): (&Opened, &Segmentation, &Extra),
) -> pulmo::engine::Result<()> {
    let algorithm = Algorithm {
        name: ascii(&format!("pulmo {}", model.recipe.name), 40),
        version: model.sha256.chars().take(16).collect(),
        kind: AlgorithmKind::Automatic,
    };
    let settings = Settings { algorithm, created: Timestamp::from_environment()?, new_study: args.new_study };
    // A recipe may call its one class otherwise; the codes belong to what the program looks for.
    let segments: Vec<Segment> = match &model.labels[..] {
        [_] => vec![Segment::named(1, "infiltrate")],
        names => (1..).zip(names).map(|(number, name)| Segment::named(number, name)).collect(),
    };
    let labels = &found.labels;
    let mask = Mask { source, labels, segments: &segments, settings: &settings };
    // Lungs that cannot be trusted give no shares here either.
    let has_lungs = extra.quantities.as_ref().is_some_and(|quantities| quantities.lung.is_some());
    let lungs = extra.lungs.as_ref().filter(|_| has_lungs);
    let measured = Measured { lungs, quantities: extra.quantities.as_ref() };
    let binary = mask.segmentation(SegKind::Binary)?;
    let wanted: BTreeSet<Object> = args.dicom.iter().copied().collect();
    for object in wanted {
        let path = folder.join(object.file_name());
        match object {
            Object::Seg => binary.write(&path)?,
            Object::SegLabelmap => mask.segmentation(SegKind::LabelMap)?.write(&path)?,
            Object::SegFractional => {
                let shares: Vec<f32> = found.probabilities_255()?.into_iter().map(|p| f32::from(p) / 255.0).collect();
                let infiltrate = [Segment::named(1, "infiltrate")];
                write_fractional(source, labels.grid(), &[&shares], &infiltrate, &settings)?.write(&path)?;
            }
            Object::Rtstruct => mask.contours()?.write(&path)?,
            // Without the segmentation beside it the report would refer to an object that nobody has.
            Object::Sr if args.dicom.contains(&Object::Seg) => {
                let refer = |number: u16| SegmentReference::of(&binary, number);
                mask.report(Some(&refer), &measured)?.write(&path)?;
            }
            Object::Sr => mask.report(None, &measured)?.write(&path)?,
            Object::Capture => {
                write_series(&path, &mask.pictures(&opened.volume)?)?;
            }
            Object::Pdf => {
                if let Some(Pdf { bytes, shows_identity }) = &extra.pdf {
                    let shows_identity = *shows_identity;
                    let document = pdf::Document { pdf: bytes, title: "Lung opacity report", shows_identity };
                    pdf::write(source, &document, &settings)?.write(&path)?;
                }
            }
        }
    }
    Ok(())
}

pub(super) fn draw(folder: &Path, opened: &Opened, found: &Segmentation) -> pulmo::engine::Result<()> {
    let infiltrate = found.infiltrate_mask();
    let layers = Layers { volume: &opened.volume, reference: None, prediction: Some(&infiltrate) };
    for view in [View::Axial, View::Coronal] {
        let path = folder.join(format!("{}.png", view.name()));
        let png = layers.draw(view).to_png().map_err(|source| pulmo::engine::Error::write(&path, source))?;
        pulmo::ct::atomic::write(&path, &png)?;
    }
    Ok(())
}
