//! DICOM objects of a mask, for `convert` and `segment`.

use std::path::Path;

use clap::ValueEnum;
use pulmo::ct::format::dicom::seg::{SegKind, Segment};
use pulmo::ct::format::dicom::sr::{Group, Number, SegmentReference};
use pulmo::ct::format::dicom::{DicomObject, Settings, SourceSeries, capture, rtstruct, seg, sr};
use pulmo::ct::orient::{Turn, axis_codes};
use pulmo::ct::{CtVolume, Grid, LabelMap, Result, atomic};
use pulmo::measure::quantify::{AttenuationCut, Quantities};

/// A kind of DICOM object that shows or measures a mask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Object {
    /// Segmentation, one bit per voxel.
    Seg,
    /// Segmentation of probabilities.
    SegFractional,
    /// Segmentation as a label map, which only recent software reads.
    SegLabelmap,
    /// Contours for planning systems.
    Rtstruct,
    /// Structured report with volumes.
    Sr,
    /// Pictures with the contours burned in, one file per slice, in a folder.
    Capture,
    /// A PDF in a DICOM file.
    Pdf,
}

impl Object {
    /// What it is called beside a mask.
    pub(crate) fn file_name(self) -> &'static str {
        match self {
            Self::Seg => "seg.dcm",
            Self::SegFractional => "seg_fractional.dcm",
            Self::SegLabelmap => "seg_labelmap.dcm",
            Self::Rtstruct => "rtstruct.dcm",
            Self::Sr => "sr.dcm",
            Self::Capture => "capture",
            Self::Pdf => "report.dcm",
        }
    }
}

/// A mask and what its labels mean, on the grid of the series that the objects belong to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mask<'a> {
    pub(crate) source: &'a SourceSeries,
    pub(crate) labels: &'a LabelMap,
    pub(crate) segments: &'a [Segment],
    pub(crate) settings: &'a Settings,
}

/// What a report tells of a mask besides the volume of every label.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Measured<'a> {
    /// The lungs (any label above 0): their volume, and the share of it that each finding takes up.
    pub(crate) lungs: Option<&'a LabelMap>,
    /// Where attenuation was measured, the opacity at or above each cut.
    pub(crate) quantities: Option<&'a Quantities>,
}

impl Mask<'_> {
    /// A Segmentation, binary or as a label map.
    pub(crate) fn segmentation(&self, kind: SegKind) -> Result<DicomObject> {
        seg::write(self.source, self.labels, self.segments, kind, self.settings)
    }

    /// An RT Structure Set.
    pub(crate) fn contours(&self) -> Result<DicomObject> {
        rtstruct::write(self.source, self.labels, self.segments, self.settings)
    }

    /// Pictures of the slices that hold a label.
    pub(crate) fn pictures(&self, volume: &CtVolume) -> Result<Vec<DicomObject>> {
        let what = (self.labels, self.segments);
        capture::write(self.source, volume, what, capture::Slices::WithLabels, self.settings)
    }

    /// A report of every label's volume and of what else was measured.
    pub(crate) fn report(
        &self,
        segmentation: Option<&dyn Fn(u16) -> SegmentReference>,
        measured: &Measured<'_>,
    ) -> Result<DicomObject> {
        let mut groups = Vec::new();
        for segment in self.segments {
            // A label map holds no higher ones.
            let label = u8::try_from(segment.number).unwrap_or(0);
            let mut group = Group::of(self.source, segment, self.settings);
            group.numbers.push(Number::volume_ml(self.labels.volume_ml(label)));
            if let Some(lungs) = measured.lungs {
                group.numbers.push(share_of_lungs(self.labels, label, lungs)?);
            }
            group.segment = segmentation.map(|reference| reference(segment.number));
            groups.push(group);
        }
        groups.extend(measured.lungs.map(|lungs| self.lung_group(lungs)));
        if let Some(quantities) = measured.quantities {
            let cuts = quantities.attenuation.iter().flat_map(|attenuation| &attenuation.cuts);
            groups.extend(cuts.map(|cut| self.higher_group(cut, quantities)).collect::<Result<Vec<Group>>>()?);
        }
        sr::write(self.source, &groups, self.settings)
    }

    /// The part of the opacity that is at or above a cut: a group of its own, so that nobody takes its volume for that
    /// of the whole. What casts doubt on attenuation goes along.
    fn higher_group(&self, cut: &AttenuationCut, quantities: &Quantities) -> Result<Group> {
        let smoothing = quantities.attenuation.as_ref().map_or("", |attenuation| &attenuation.smoothing);
        let rule = format!("volume of the voxels of the finding at or above {} HU after a {smoothing}", cut.cut_hu);
        let label = format!("Infiltrate at or above {} HU", cut.cut_hu);
        let segment = Segment { label, ..Segment::named(0, "infiltrate") };
        let mut group = Group::of(self.source, &segment, self.settings);
        group.numbers = vec![
            Number::volume_by(cut.higher_ml, &rule)?,
            Number::percent(cut.higher_percent, &format!("100 x {rule} / volume of the finding"))?,
        ];
        let [lower, higher] = cut.higher_percent_if_moved;
        group.comments = vec![format!(
            "higher attenuation, mostly consolidation; with the cut 50 HU lower {lower:.2} % of the finding, 50 HU \
             higher {higher:.2} %"
        )];
        let doubts = quantities.flags.iter().filter(|flag| flag.affects.iter().any(|what| what == "attenuation"));
        group.comments.extend(doubts.map(|flag| ascii(&format!("{} ({})", flag.sentence, flag.found), 1024)));
        Ok(group)
    }

    fn lung_group(&self, lungs: &LabelMap) -> Group {
        let mut group = Group::of(self.source, &Segment::named(0, "lung"), self.settings);
        let voxels = lungs.labels().iter().filter(|&&label| label > 0).count();
        group.numbers.push(Number::volume_ml(voxels as f64 * lungs.grid().voxel_ml()));
        group
    }
}

/// The printable ASCII characters of a text, at most so many: what every character set of DICOM holds.
pub(crate) fn ascii(text: &str, most: usize) -> String {
    text.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').filter(|&c| c != '\\').take(most).collect()
}

/// The share of the lung mask that a label takes up, in per cent; what lies outside of it does not count.
fn share_of_lungs(labels: &LabelMap, label: u8, lungs: &LabelMap) -> Result<Number> {
    labels.grid().must_equal(lungs.grid())?;
    let both = labels.labels().iter().zip(lungs.labels());
    let (mut inside, mut whole) = (0_u64, 0_u64);
    for (&own, &lung) in both {
        whole += u64::from(lung > 0);
        inside += u64::from(lung > 0 && own == label);
    }
    if whole == 0 {
        let problem = "the lung mask is empty, so there is no share of lung".to_owned();
        return Err(pulmo::ct::Error::Value { problem });
    }
    let percent = 100.0 * inside as f64 / whole as f64;
    Number::percent(percent, "100 x volume of the finding inside the lung mask / volume of the lung mask")
}

/// A mask on the grid of its CT: as it is, or with its axes turned and flipped where that is exact.
///
/// Other software stores the same voxels in another order; a NIfTI made from DICOM mostly has its rows flipped.
///
/// # Errors
/// [`pulmo::ct::Error::GridMismatch`] if no turn brings the voxels onto those of the CT.
pub(crate) fn onto(grid: &Grid, map: LabelMap) -> Result<LabelMap> {
    let Err(mismatch) = grid.must_equal(map.grid()) else { return Ok(map) };
    let turned = Turn::towards(&axis_codes(grid), map.grid())?.labels(&map)?;
    grid.must_equal(turned.grid()).map_err(|_| mismatch)?;
    LabelMap::new(*grid, turned.labels().to_vec())
}

/// Writes the instances of a series into a folder, as 0001.dcm and so on; the folder appears whole or not at all.
///
/// # Errors
/// [`pulmo::ct::Error::Io`] if it cannot be written.
pub(crate) fn write_series(folder: &Path, objects: &[DicomObject]) -> Result<()> {
    atomic::write_folder(folder, |content| {
        (1..).zip(objects).try_for_each(|(number, object)| object.write(&content.join(format!("{number:04}.dcm"))))
    })
}

#[cfg(test)]
mod tests {
    use pulmo::ct::format::dicom::{Algorithm, AlgorithmKind, Timestamp};
    use pulmo::ct::format::{OpenOptions, open_ct};
    use pulmo::measure::quantify::{self, Input, Options, Subject};

    use super::*;

    #[test]
    fn a_report_gives_the_opacity_at_or_above_each_cut_as_it_was_measured() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../oracles/dicom_series/signed16_explicit");
        let source = SourceSeries::open(&folder, &OpenOptions::default()).unwrap();
        let mut opened = open_ct(&folder, &OpenOptions::default()).unwrap();
        // One voxel of air, so that the values are HU; kernel and contrast agent raise flags on attenuation.
        let grid = *opened.volume.grid();
        let hu = (0..grid.voxels()).map(|at| [-1000.0, -600.0, -280.0, -90.0][at % 4]).collect();
        opened.volume = CtVolume::new(grid, hu).unwrap();
        opened.origin.scan.kernel = Some("B70f".to_owned());
        opened.origin.scan.contrast_agent = Some(true);
        let opacity = LabelMap::new(grid, (0..grid.voxels()).map(|at| u8::from(at % 4 > 0)).collect()).unwrap();
        let input = Input {
            ct: &opened.volume,
            known_not_hu: false,
            opacity: &opacity,
            opacity_labels: &[1],
            lungs: None,
            lung_problems: &[],
            lobes: None,
            landmarks: None,
            scan: &opened.origin.scan,
            subject: Subject::default(),
            interval: None,
        };
        let quantities = quantify::quantify(&input, &Options::default()).unwrap();
        let cuts = &quantities.attenuation.as_ref().unwrap().cuts;
        assert!(cuts[0].higher_ml > cuts[1].higher_ml && cuts[0].higher_percent < 100.0, "{cuts:?}");

        let algorithm = Algorithm { name: "test".to_owned(), version: "1".to_owned(), kind: AlgorithmKind::Automatic };
        let settings = Settings { algorithm, created: Timestamp::from_environment().unwrap(), new_study: false };
        let segments = [Segment::named(1, "infiltrate")];
        let mask = Mask { source: &source, labels: &opacity, segments: &segments, settings: &settings };
        let scratch = tempfile::tempdir().unwrap();
        let read = |name: &str, quantities: Option<&Quantities>| {
            let path = scratch.path().join(name);
            mask.report(None, &Measured { lungs: None, quantities }).unwrap().write(&path).unwrap();
            sr::read(&path).unwrap().groups
        };
        let groups = read("measured.dcm", Some(&quantities));
        assert_eq!(groups.len(), 3);
        for (group, cut) in groups[1..].iter().zip(cuts) {
            let numbers: Vec<Option<f64>> = group.numbers.iter().map(|number| number.value).collect();
            assert_eq!(numbers, [Some(cut.higher_ml), Some(cut.higher_percent)]);
            let named = format!("at or above {} HU", cut.cut_hu);
            assert!(group.tracking_id.contains(&named) && group.numbers[0].equation.as_ref().unwrap().contains(&named));
            assert_eq!(group.finding, groups[0].finding, "the same finding, a part of it");
            let moved = cut.higher_percent_if_moved.map(|percent| format!("{percent:.2} %"));
            assert!(moved.iter().all(|percent| group.comments[0].contains(percent)), "{:?}", group.comments);
            assert!(group.comments.iter().any(|comment| comment.contains("B70f")), "a sharp kernel is said");
            assert!(group.comments.iter().any(|comment| comment.contains("contrast agent")));
        }
        let uids: std::collections::BTreeSet<&str> = groups.iter().map(|group| group.tracking_uid.as_str()).collect();
        assert_eq!(uids.len(), 3, "tracked apart");

        let grey = quantify::quantify(&Input { known_not_hu: true, ..input }, &Options::default()).unwrap();
        assert_eq!(read("grey.dcm", Some(&grey)).len(), 1, "nothing on attenuation where values are not HU");
        assert_eq!(read("segment.dcm", None).len(), 1, "what was not measured is not told");
    }
}
