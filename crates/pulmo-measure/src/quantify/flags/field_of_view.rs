//! Lungs cut by the field of view.

use pulmo_ct::LabelMap;
use pulmo_ct::geometry::{cross, dot};

use super::super::profile::side_of;
use super::{Flag, Raised, Seen};

/// So much lung, in cm², may touch a face of the volume.
const MOST_CM2: f64 = 1.0;

/// Lung touches a face of the volume.
#[derive(Debug)]
pub(super) struct FieldOfView;

impl Flag for FieldOfView {
    fn id(&self) -> &'static str {
        "cut_by_field_of_view"
    }

    fn threshold(&self) -> String {
        format!("more than {MOST_CM2} cm² of lung on a face of the volume")
    }

    fn source(&self) -> &'static str {
        "a lung ends inside the body, so none of it should touch the end of the volume; area chosen by this project"
    }

    fn affects(&self) -> &'static [&'static str] {
        &["volumes", "percent", "regions", "scores"]
    }

    fn check(&self, case: &Seen<'_>) -> Option<Raised> {
        let (face, area_cm2) = largest_face_cm2(case.lungs?.map)?;
        (area_cm2 > MOST_CM2).then(|| Raised {
            found: format!("{area_cm2:.0} cm² at the {face}"),
            sentence: "the volume ends inside the lungs: volumes and shares are those of the part that was scanned"
                .to_owned(),
        })
    }
}

/// The face with the largest area of lung, by its place in the volume.
fn largest_face_cm2(map: &LabelMap) -> Option<(&'static str, f64)> {
    let shape = map.grid().shape();
    let strides = [shape[1] * shape[2], shape[2], 1];
    let columns = map.grid().affine().columns;
    let names = [["first slice", "last slice"], ["first row", "last row"], ["first column", "last column"]];
    let mut largest: Option<(&'static str, f64)> = None;
    for axis in 0..3 {
        let (one, other) = ((axis + 1) % 3, (axis + 2) % 3);
        let normal = cross(columns[one], columns[other]);
        let voxel_cm2 = dot(normal, normal).sqrt() / 100.0;
        for (name, at) in names[axis].into_iter().zip([0, shape[axis] - 1]) {
            let mut voxels = 0_u64;
            for i in 0..shape[one] {
                for j in 0..shape[other] {
                    let voxel = at * strides[axis] + i * strides[one] + j * strides[other];
                    voxels += u64::from(side_of(map.labels()[voxel]).is_some());
                }
            }
            let area_cm2 = voxels as f64 * voxel_cm2;
            if largest.is_none_or(|(_, most)| area_cm2 > most) {
                largest = Some((name, area_cm2));
            }
        }
    }
    largest
}
