//! Where frames lie, and which slices of the source they come from.

use dicom_dictionary_std::tags;

use super::super::code;
use super::super::dataset::DataSet;
use super::super::object::reference;
use super::super::series::place_within_mm;
use super::super::source::{SourceSeries, SourceSlice};
use crate::geometry::{Grid, cross, dot};

/// The planes of the slices of a grid in the words of DICOM.
pub(super) struct Planes<'a> {
    grid: &'a Grid,
    source: &'a SourceSeries,
    /// Whether slice k of the grid is slice k of the source, so that positions can be copied.
    is_sources: bool,
}

impl<'a> Planes<'a> {
    pub(super) fn of(source: &'a SourceSeries) -> Self {
        Self { grid: source.grid(), source, is_sources: !source.is_resampled() }
    }

    /// ImagePositionPatient of slice `k`: the source's own numbers wherever they are the grid's.
    fn position(&self, k: usize) -> [f64; 3] {
        if self.is_sources { self.source.slices()[k].position_mm } else { origin_of(self.grid, k) }
    }

    /// What all frames share: directions and distances.
    pub(super) fn shared(&self) -> DataSet {
        let [along_slices, down, right] = self.grid.affine().direction();
        let orientation = if self.is_sources {
            self.source.slices()[0].orientation
        } else {
            [right[0], right[1], right[2], down[0], down[1], down[2]]
        };
        let [slice_mm, row_mm, column_mm] = self.grid.spacing().mm();
        // Between planes, along the normal: shorter than from voxel to voxel where the gantry was tilted.
        let apart_mm = slice_mm * dot(along_slices, unit(cross(right, down))).abs();
        let header = self.source.header();
        let thickness = header.ascii(tags::SLICE_THICKNESS).and_then(|text| text.trim().parse::<f64>().ok());
        let thickness = thickness.filter(|mm| mm.is_finite() && *mm > 0.0).unwrap_or(apart_mm);
        let mut plane = DataSet::new();
        plane.put_decimals(tags::IMAGE_ORIENTATION_PATIENT, &orientation);
        let mut measures = DataSet::new();
        measures
            .put_decimals(tags::SLICE_THICKNESS, &[thickness])
            .put_decimals(tags::SPACING_BETWEEN_SLICES, &[apart_mm])
            .put_decimals(tags::PIXEL_SPACING, &[row_mm, column_mm]);
        let mut shared = DataSet::new();
        shared.put_item(tags::PLANE_ORIENTATION_SEQUENCE, plane).put_item(tags::PIXEL_MEASURES_SEQUENCE, measures);
        shared
    }

    /// Where slice `k` lies and what it was made from.
    pub(super) fn of_frame(&self, k: usize) -> DataSet {
        let mut position = DataSet::new();
        position.put_decimals(tags::IMAGE_POSITION_PATIENT, &self.position(k));
        let preserved = if self.is_sources { "YES" } else { "NO" };
        let references = self.sources_of(k).into_iter().map(|slice| {
            let mut item = reference(&slice.sop_class_uid, &slice.sop_instance_uid);
            if let Some(frame) = slice.frame {
                item.put_integer(tags::REFERENCED_FRAME_NUMBER, i64::from(frame));
            }
            item.put_text(tags::SPATIAL_LOCATIONS_PRESERVED, preserved)
                .put_item(tags::PURPOSE_OF_REFERENCE_CODE_SEQUENCE, code::SOURCE_IMAGE.item());
            item
        });
        let mut derivation = DataSet::new();
        derivation
            .put_items(tags::SOURCE_IMAGE_SEQUENCE, references.collect())
            .put_item(tags::DERIVATION_CODE_SEQUENCE, code::SEGMENTATION_DERIVATION.item());
        let mut frame = DataSet::new();
        frame.put_item(tags::PLANE_POSITION_SEQUENCE, position).put_item(tags::DERIVATION_IMAGE_SEQUENCE, derivation);
        frame
    }

    /// The source's slice at `k`, or the nearest ones on both sides of it.
    fn sources_of(&self, k: usize) -> Vec<&SourceSlice> {
        let slices = self.source.slices();
        if self.is_sources {
            return vec![&slices[k]];
        }
        let [_, down, right] = self.grid.affine().direction();
        let normal = unit(cross(right, down));
        let at = dot(origin_of(self.grid, k), normal);
        let off = |slice: &SourceSlice| dot(slice.position_mm, normal) - at;
        let below = slices.iter().filter(|slice| off(slice) <= 0.0).max_by(|a, b| off(a).total_cmp(&off(b)));
        let above = slices.iter().filter(|slice| off(slice) > 0.0).min_by(|a, b| off(a).total_cmp(&off(b)));
        let within = place_within_mm(self.grid.spacing().mm()[0]);
        match (below, above) {
            (Some(below), _) if off(below) >= -within => vec![below],
            (_, Some(above)) if off(above) <= within => vec![above],
            (below, above) => below.into_iter().chain(above).collect(),
        }
    }
}

fn origin_of(grid: &Grid, k: usize) -> [f64; 3] {
    grid.affine().voxel_to_world([k as f64, 0.0, 0.0])
}

fn unit(a: [f64; 3]) -> [f64; 3] {
    let length = dot(a, a).sqrt();
    a.map(|x| x / length)
}
