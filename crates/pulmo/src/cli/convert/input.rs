//! What IN is.

use std::path::Path;

use anyhow::Context;
use clap::ValueEnum;
use pulmo::ct::format::dicom::seg::{self, LabelRule, Overlap, Segment};
use pulmo::ct::format::dicom::sr::{self, Report, SegmentReference};
use pulmo::ct::format::dicom::{Kind as DicomKind, SourceSeries, kind_of, rtstruct};
use pulmo::ct::format::{OpenOptions, Opened, Origin, open_ct, open_label_map};
use pulmo::ct::sentence::counted;
use pulmo::ct::{CtVolume, Grid, LabelMap};

use super::target::Target;
use super::{Args, applies};
use crate::cli::ct;
use crate::cli::objects::Object;
use crate::terminal::{Terminal, advice};

/// What the voxels of a file are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// A mask: whole numbers from 0 to 255.
    Labels,
    /// A CT in HU.
    Volume,
}

/// What becomes of a voxel of two segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Overlapping {
    /// IN is refused.
    #[default]
    Refuse,
    /// The segment with the higher number has it.
    Higher,
    /// The segment with the lower number has it.
    Lower,
}

impl From<Overlapping> for Overlap {
    fn from(rule: Overlapping) -> Self {
        match rule {
            Overlapping::Refuse => Self::Refuse,
            Overlapping::Higher => Self::HigherNumber,
            Overlapping::Lower => Self::LowerNumber,
        }
    }
}

/// What IN turned out to be.
#[derive(Debug)]
pub(super) enum Content {
    Volume(Box<Opened>),
    Labels(Labels),
    Measurements(Report),
    Document(Vec<u8>),
}

/// A mask and what its file says of its labels.
#[derive(Debug)]
pub(super) struct Labels {
    pub(super) map: LabelMap,
    pub(super) segments: Vec<Segment>,
    /// The Segmentation that it was read from.
    pub(super) reference: Option<SegmentReference>,
}

impl Content {
    /// A few words for messages.
    pub(super) fn describe(&self) -> String {
        let size = |shape: [usize; 3]| format!("{} x {} x {} voxels", shape[0], shape[1], shape[2]);
        match self {
            Self::Volume(opened) => format!("{}, {}", opened.origin.format, size(opened.volume.grid().shape())),
            Self::Labels(labels) => format!("labels, {}", size(labels.map.grid().shape())),
            Self::Measurements(report) => {
                format!("a report of {}", counted(report.groups.len(), "measurement group", "measurement groups"))
            }
            Self::Document(bytes) => format!("a PDF of {} kB", bytes.len() / 1000),
        }
    }
}

/// Reads IN; `target` decides where a file could be either a CT or a mask.
pub(super) fn read(args: &Args, target: &Target, terminal: &Terminal) -> anyhow::Result<Content> {
    if is_pdf(&args.input)? {
        applies::to_input(args, Some(&DicomKind::Pdf))?;
        let bytes = std::fs::read(&args.input).with_context(|| format!("cannot read `{}`", args.input.display()))?;
        return Ok(Content::Document(bytes));
    }
    let kind = kind_of(&args.input)?;
    applies::to_input(args, kind.as_ref())?;
    match kind {
        Some(DicomKind::Segmentation) => segmentation(args, terminal),
        Some(DicomKind::StructureSet) => structures(args, terminal),
        Some(DicomKind::Report) => Ok(Content::Measurements(sr::read(&args.input)?)),
        _ => voxels(args, target, terminal),
    }
}

fn is_pdf(path: &Path) -> anyhow::Result<bool> {
    use std::io::Read;
    let mut mark = Vec::new();
    if path.is_file() {
        let file = std::fs::File::open(path).with_context(|| format!("cannot read `{}`", path.display()))?;
        file.take(5).read_to_end(&mut mark).with_context(|| format!("cannot read `{}`", path.display()))?;
    }
    Ok(mark == b"%PDF-")
}

/// A CT or a mask: as the user says; else what OUT needs; else a mask if voxels have one byte.
fn voxels(args: &Args, target: &Target, terminal: &Terminal) -> anyhow::Result<Content> {
    let wanted = args.content.or(match target {
        Target::Object(Some(Object::SegFractional)) => Some(Kind::Volume),
        Target::Object(_) => Some(Kind::Labels),
        _ => None,
    });
    if wanted == Some(Kind::Labels) {
        return Ok(Content::Labels(Labels::plain(open_label_map(&args.input)?)));
    }
    // Whatever the values are, they come out as they went in.
    let options = OpenOptions { known_not_hu: true, ..args.open.options() };
    let opened = ct::open(&args.input, &options, terminal)?;
    if wanted.is_none() && opened.origin.encoding == "uint8" {
        return Ok(Content::Labels(Labels::plain(open_label_map(&args.input)?)));
    }
    for warning in &opened.warnings {
        terminal.warn(warning);
    }
    Ok(Content::Volume(Box::new(opened)))
}

/// The grid of the CT that a mask belongs to; reads no voxels of a DICOM series.
fn grid_of(args: &Args, ct: &Path) -> anyhow::Result<Grid> {
    if ct.is_dir() || kind_of(ct)?.is_some() {
        return Ok(*SourceSeries::open(ct, &args.open.options())?.grid());
    }
    Ok(*open_ct(ct, &OpenOptions { known_not_hu: true, ..args.open.options() })?.volume.grid())
}

/// A Segmentation on the CT's grid, or on its own where no CT is named.
fn segmentation(args: &Args, terminal: &Terminal) -> anyhow::Result<Content> {
    let read = seg::read(&args.input)?;
    let (threshold, overlap) = (args.threshold.unwrap_or(0.5), args.overlap.unwrap_or_default().into());
    let grid = match &args.ct {
        Some(ct) => grid_of(args, ct)?,
        None => read.grid()?,
    };
    let placed = read.onto(&grid)?;
    let mut segments: Vec<Segment> = read.segments().iter().map(|one| one.segment.clone()).collect();
    if let Some(wanted) = &args.segment {
        let names: Vec<_> = segments.iter().map(|one| (i64::from(one.number), one.label.as_str())).collect();
        segments = vec![segments[chosen(&names, wanted)?].clone()];
    }
    if args.content == Some(Kind::Volume) {
        let [only] = segments.as_slice() else {
            return Err(advice(
                "fractions of several segments do not fit into one volume",
                "choose one with --segment",
            ));
        };
        let volume = CtVolume::new(grid, placed.shares(only.number)?)?;
        let origin = Origin { format: "DICOM SEG", ..Origin::default() };
        return Ok(Content::Volume(Box::new(Opened { volume, origin, warnings: Vec::new() })));
    }
    let map = match &args.segment {
        Some(_) => {
            // A mask of one segment is label 1, whatever its number was.
            let number = std::mem::replace(&mut segments[0].number, 1);
            LabelMap::new(grid, placed.mask(number, threshold)?)?
        }
        None => placed.to_label_map(&LabelRule { threshold, overlap })?,
    };
    let reference = args.segment.is_none().then(|| SegmentReference {
        sop_class_uid: read.sop_class_uid().to_owned(),
        sop_instance_uid: read.sop_instance_uid().to_owned(),
        series_instance_uid: read.series_instance_uid().to_owned(),
        numbers: Vec::new(),
    });
    let labels = Labels { map, segments, reference };
    labels.say(terminal);
    Ok(Content::Labels(labels))
}

fn structures(args: &Args, terminal: &Terminal) -> anyhow::Result<Content> {
    let Some(ct) = &args.ct else {
        return Err(advice("contours have no grid of their own", "name the CT they were drawn on with --ct"));
    };
    let set = rtstruct::read(&args.input, &grid_of(args, ct)?)?;
    set.warnings.iter().for_each(|warning| terminal.warn(warning));
    let (map, named) = match &args.segment {
        Some(wanted) => {
            let names: Vec<_> = set.structures.iter().map(|one| (one.number, one.name.as_str())).collect();
            let at = chosen(&names, wanted)?;
            (set.mask(at), vec![set.structures[at].name.as_str()])
        }
        None => (Some(set.to_label_map()?), set.structures.iter().map(|one| one.name.as_str()).collect()),
    };
    let map = map.context("the structure has no voxels on this grid")?;
    let segments = (1..).zip(named).map(|(number, name)| Segment::named(number, name)).collect();
    let labels = Labels { map, segments, reference: None };
    labels.say(terminal);
    Ok(Content::Labels(labels))
}

/// The place of the segment or structure with that number or name.
fn chosen(names: &[(i64, &str)], wanted: &str) -> anyhow::Result<usize> {
    let wanted = wanted.trim();
    let found = names.iter().position(|(number, name)| number.to_string() == wanted || *name == wanted);
    found.ok_or_else(|| {
        let list: Vec<String> = names.iter().map(|(number, name)| format!("{number} `{name}`")).collect();
        advice(format!("there is no segment `{wanted}`"), format!("there are {}", list.join(", ")))
    })
}

impl Labels {
    /// A mask whose file does not say what its labels mean.
    fn plain(map: LabelMap) -> Self {
        Self { map, segments: Vec::new(), reference: None }
    }

    /// Tells which label is what, which a file of voxels cannot.
    fn say(&self, terminal: &Terminal) {
        for segment in &self.segments {
            terminal.say(&format!("label {} is `{}`", segment.number, segment.label));
        }
    }
}
