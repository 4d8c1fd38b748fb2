//! DICOM objects of a mask, for `convert` and `segment`.

use std::path::Path;

use clap::ValueEnum;
use pulmo::ct::format::dicom::seg::{SegKind, Segment};
use pulmo::ct::format::dicom::sr::{Group, Number, SegmentReference};
use pulmo::ct::format::dicom::{DicomObject, Settings, SourceSeries, capture, rtstruct, seg, sr};
use pulmo::ct::orient::{Turn, axis_codes};
use pulmo::ct::{CtVolume, Grid, LabelMap, Result};

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

    /// A report of every label's volume; with `lungs` (any label above 0) also their volume and the share of it that
    /// each finding takes up.
    pub(crate) fn report(
        &self,
        segmentation: Option<&dyn Fn(u16) -> SegmentReference>,
        lungs: Option<&LabelMap>,
    ) -> Result<DicomObject> {
        let mut groups = Vec::new();
        for segment in self.segments {
            // A label map holds no higher ones.
            let label = u8::try_from(segment.number).unwrap_or(0);
            let mut group = Group::of(self.source, segment, self.settings);
            group.numbers.push(Number::volume_ml(self.labels.volume_ml(label)));
            if let Some(lungs) = lungs {
                group.numbers.push(share_of_lungs(self.labels, label, lungs)?);
            }
            group.segment = segmentation.map(|reference| reference(segment.number));
            groups.push(group);
        }
        if let Some(lungs) = lungs {
            groups.push(self.lung_group(lungs));
        }
        sr::write(self.source, &groups, self.settings)
    }

    fn lung_group(&self, lungs: &LabelMap) -> Group {
        let mut group = Group::of(self.source, &Segment::named(0, "lung"), self.settings);
        let voxels = lungs.labels().iter().filter(|&&label| label > 0).count();
        group.numbers.push(Number::volume_ml(voxels as f64 * lungs.grid().voxel_ml()));
        group
    }
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
    let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let failed = |source| pulmo::ct::Error::write(folder, source);
    let temporary = tempfile::Builder::new().prefix(".pulmo-").tempdir_in(parent).map_err(failed)?;
    let content = temporary.path().join("series");
    std::fs::create_dir(&content).map_err(failed)?;
    for (number, object) in (1..).zip(objects) {
        object.write(&content.join(format!("{number:04}.dcm")))?;
    }
    if folder.exists() {
        std::fs::rename(folder, temporary.path().join("replaced")).map_err(failed)?;
    }
    std::fs::rename(&content, folder).map_err(failed)
}
