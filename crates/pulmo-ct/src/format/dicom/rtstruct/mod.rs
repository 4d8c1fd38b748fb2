//! RT Structure Sets: label maps as contours, and contours as masks.
//!
//! | file | does |
//! |---|---|
//! | `trace` | follows the borders of a mask |
//! | `keyhole` | joins holes to the contour around them |
//! | `fill` | turns polygons into pixels |
//! | `write`, `read` | the object |
//!
//! Why contours run where they do and how overlapping ones are read: `docs/decisions/0010-contours-and-reports.md`.

mod fill;
mod keyhole;
mod read;
mod trace;
mod write;

use self::fill::Span;
pub use self::read::read;
pub use self::write::write;
use crate::error::{Error, Result};
use crate::geometry::Grid;
use crate::sentence::counted;
use crate::volume::LabelMap;

/// The structures of a file as masks on the grid of a CT. They may overlap.
#[derive(Debug, Clone, PartialEq)]
pub struct StructureSet {
    /// The CT's grid.
    pub grid: Grid,
    /// In the order of the file's ROIs.
    pub structures: Vec<Structure>,
    /// The frame of reference that the structures were drawn in, if the file names one.
    pub frame_of_reference_uid: Option<String>,
    /// SeriesInstanceUID of the series that the structures were drawn on, if the file names one.
    pub series_instance_uid: Option<String>,
    /// What a user should know, one sentence each: contours that were left out or cut off.
    pub warnings: Vec<String>,
}

/// One structure (ROI) as a mask.
#[derive(Debug, Clone, PartialEq)]
pub struct Structure {
    /// ROINumber.
    pub number: i64,
    /// ROIName: what people called it.
    pub name: String,
    /// RTROIInterpretedType, as `ORGAN` or `GTV`; empty where the file does not say.
    pub kind: String,
    /// The colour to show it in: red, green, blue.
    pub rgb: Option<[u8; 3]>,
    /// Slices that hold pixels of it, in order.
    slices: Vec<(usize, Vec<Span>)>,
}

impl Structure {
    /// How many voxels belong to it.
    #[must_use]
    pub fn voxels(&self) -> usize {
        self.slices.iter().flat_map(|(_, spans)| spans).map(|span| span.pixels()).sum()
    }

    /// The runs of its voxels, as ranges of the places in C order (slice, row, column).
    fn runs(&self, [_, rows, columns]: [usize; 3]) -> impl Iterator<Item = std::ops::Range<usize>> {
        self.slices.iter().flat_map(move |(slice, spans)| {
            spans.iter().map(move |span| {
                let row = (slice * rows + span.row as usize) * columns;
                row + span.columns().start..row + span.columns().end
            })
        })
    }

    fn name_for_messages(&self) -> String {
        format!("structure {} `{}`", self.number, self.name)
    }
}

impl StructureSet {
    /// One structure as a label map with label 1; `None` if there is no such structure.
    #[must_use]
    pub fn mask(&self, at: usize) -> Option<LabelMap> {
        let mut labels = vec![0; self.grid.voxels()];
        self.structures.get(at)?.runs(self.grid.shape()).for_each(|run| labels[run].fill(1));
        LabelMap::new(self.grid, labels).ok()
    }

    /// All structures in one label map: the first is label 1, the second 2, and so on.
    ///
    /// # Errors
    /// [`Error::Value`] if two structures share a voxel, naming them and how many, or if there are more than 255.
    pub fn to_label_map(&self) -> Result<LabelMap> {
        if self.structures.len() > usize::from(u8::MAX) {
            let problem = format!("{} structures: a label map holds at most 255", self.structures.len());
            return Err(Error::Value { problem });
        }
        let mut labels = vec![0_u8; self.grid.voxels()];
        for (structure, label) in self.structures.iter().zip(1..) {
            for run in structure.runs(self.grid.shape()) {
                let here = &mut labels[run];
                if let Some(&other) = here.iter().find(|&&other| other != 0) {
                    let other = &self.structures[usize::from(other) - 1];
                    return Err(self.overlap(other, structure));
                }
                here.fill(label);
            }
        }
        LabelMap::new(self.grid, labels)
    }

    fn overlap(&self, one: &Structure, other: &Structure) -> Error {
        let mut in_one = vec![false; self.grid.voxels()];
        one.runs(self.grid.shape()).for_each(|run| in_one[run].fill(true));
        let shared = |run: std::ops::Range<usize>| in_one[run].iter().filter(|&&is_in| is_in).count();
        let voxels: usize = other.runs(self.grid.shape()).map(shared).sum();
        let problem = format!(
            "{} and {} share {}: one label map cannot hold both, take them one by one",
            one.name_for_messages(),
            other.name_for_messages(),
            counted(voxels, "voxel", "voxels")
        );
        Error::Value { problem }
    }
}
