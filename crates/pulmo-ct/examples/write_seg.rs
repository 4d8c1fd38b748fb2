//! Writes DICOM Segmentation objects of a label map, for `oracles/dicom_objects/check_ours.py`.
//!
//! `write_seg CT LABELS OUT.dcm binary|fractional|labelmap`: the labels are on the CT's grid; a fractional object
//! gives label n the probability n/10. With `NEW_STUDY` set, UIDs that the CT lacks are made.

use std::path::Path;

use pulmo_ct::format::dicom::seg::{self, SegKind, Segment};
use pulmo_ct::format::dicom::{Algorithm, AlgorithmKind, Settings, SourceSeries, Timestamp};
use pulmo_ct::format::{OpenOptions, open_label_map};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [ct, labels, out, kind] = arguments.as_slice() else {
        return Err("give CT LABELS OUT.dcm binary|fractional|labelmap".into());
    };
    let source = SourceSeries::open(Path::new(ct), &OpenOptions::default())?;
    let labels = open_label_map(Path::new(labels))?;
    let highest = labels.labels().iter().copied().max().unwrap_or(1).max(1);
    let names = ["infiltrate", "ground_glass", "right_lung", "left_lung"];
    let name_of = |number: u8| names.get(usize::from(number) - 1).copied().unwrap_or("other");
    let segments: Vec<Segment> = (1..=highest).map(|number| Segment::named(number.into(), name_of(number))).collect();
    let settings = Settings {
        algorithm: Algorithm { name: "example".into(), version: "1".into(), kind: AlgorithmKind::Automatic },
        created: Timestamp::from_environment()?,
        new_study: std::env::var_os("NEW_STUDY").is_some(),
    };
    let object = match kind.as_str() {
        "binary" => seg::write(&source, &labels, &segments, SegKind::Binary, &settings)?,
        "labelmap" => seg::write(&source, &labels, &segments, SegKind::LabelMap, &settings)?,
        "fractional" => {
            let share = |number: u8| move |&label: &u8| if label == number { f32::from(number) / 10.0 } else { 0.0 };
            let shares: Vec<Vec<f32>> =
                (1..=highest).map(|number| labels.labels().iter().map(share(number)).collect()).collect();
            let shares: Vec<&[f32]> = shares.iter().map(Vec::as_slice).collect();
            seg::write_fractional(&source, labels.grid(), &shares, &segments, &settings)?
        }
        other => return Err(format!("`{other}`: give binary, fractional or labelmap").into()),
    };
    object.write(Path::new(out))?;
    Ok(())
}
