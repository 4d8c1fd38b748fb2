//! Writes every kind of DICOM object for a CT and a mask, for other tools to read: `dicom_set CT MASK OUT`.
//!
//! CT is a folder with a series, MASK a label map on its grid in which 1 is an opacity and 2 the lung, OUT a folder. Times come from
//! SOURCE_DATE_EPOCH. `oracles/reports/check.py` runs it.

use std::path::Path;

use pulmo_ct::format::dicom::capture::{self, Slices};
use pulmo_ct::format::dicom::seg::{self, SegKind, Segment};
use pulmo_ct::format::dicom::sr::{self, Group, Number, SegmentReference};
use pulmo_ct::format::dicom::{Algorithm, AlgorithmKind, Settings, SourceSeries, Timestamp, pdf, rtstruct};
use pulmo_ct::format::{OpenOptions, open_ct, open_label_map};
use pulmo_ct::{LabelMap, Result};

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let paths: Vec<_> = std::env::args_os().skip(1).collect();
    let [ct, mask, out] = paths.as_slice() else { return Err("usage: dicom_set CT MASK OUT".into()) };
    write(Path::new(ct), Path::new(mask), Path::new(out))?;
    Ok(())
}

fn write(ct: &Path, mask: &Path, out: &Path) -> Result<()> {
    let settings = Settings {
        algorithm: Algorithm { name: "dicom_set".to_owned(), version: "1".to_owned(), kind: AlgorithmKind::Automatic },
        created: Timestamp::from_environment()?,
        new_study: false,
    };
    let source = SourceSeries::open(ct, &OpenOptions::default())?;
    let labels = open_label_map(mask)?;
    source.grid().must_equal(labels.grid())?;
    // Volumes are measured on the CT's grid, not on the mask file's, which has six digits or so.
    let labels = LabelMap::new(*source.grid(), labels.labels().to_vec())?;
    let segments = [Segment::named(1, "opacity"), Segment::named(2, "lung")];
    let segmentation = seg::write(&source, &labels, &segments, SegKind::Binary, &settings)?;
    segmentation.write(&out.join("seg.dcm"))?;
    rtstruct::write(&source, &labels, &segments, &settings)?.write(&out.join("rtstruct.dcm"))?;
    let mut groups = measure(&source, &labels, &segments, &settings)?;
    for (group, number) in groups.iter_mut().zip(1..=2) {
        group.segment = Some(SegmentReference::of(&segmentation, number));
    }
    sr::write(&source, &groups, &settings)?.write(&out.join("sr.dcm"))?;
    let document = pdf::Document { pdf: b"%PDF-1.4\n%%EOF\n", title: "Lung opacity", shows_identity: false };
    pdf::write(&source, &document, &settings)?.write(&out.join("pdf.dcm"))?;
    let volume = open_ct(ct, &OpenOptions::default())?.volume;
    let pictures = capture::write(&source, &volume, (&labels, &segments), Slices::WithLabels, &settings)?;
    for (number, picture) in pictures.iter().enumerate() {
        picture.write(&out.join(format!("capture{:03}.dcm", number + 1)))?;
    }
    Ok(())
}

fn measure(
    source: &SourceSeries,
    labels: &LabelMap,
    segments: &[Segment; 2],
    settings: &Settings,
) -> Result<Vec<Group>> {
    let [opacity, lung] = [1, 2].map(|label| labels.volume_ml(label));
    let mut groups: Vec<Group> = segments.iter().map(|segment| Group::of(source, segment, settings)).collect();
    groups[0].numbers.push(Number::volume_ml(opacity));
    if lung > 0.0 {
        // The mask's lung leaves the opacity out.
        let words = "100 x opacity volume / (opacity volume + volume of the remaining lung)";
        groups[0].numbers.push(Number::percent(100.0 * opacity / (opacity + lung), words)?);
    }
    groups[1].numbers.push(Number::volume_ml(lung));
    // A part of a segment that is no segment itself.
    let part = Segment { label: "Opacity of the first slices".to_owned(), ..Segment::named(0, "opacity") };
    let first = labels.grid().shape()[1] * labels.grid().shape()[2] * (labels.grid().shape()[0] / 2);
    let voxels = labels.labels()[..first].iter().filter(|&&label| label == 1).count();
    let mut group = Group::of(source, &part, settings);
    group
        .numbers
        .push(Number::volume_by(voxels as f64 * labels.grid().voxel_ml(), "voxels of the first half of the slices")?);
    group.comments.push("no segment shows it".to_owned());
    groups.push(group);
    Ok(groups)
}
