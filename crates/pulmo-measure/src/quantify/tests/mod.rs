mod oracle;
pub(in crate::quantify) mod phantoms;
mod real;
mod rules;

use super::*;
use pulmo_ct::format::ScanFacts;
use pulmo_ct::{Affine, CtVolume, Grid, Spacing};

/// A CT and its masks, in one place.
pub(super) struct Case {
    pub(super) ct: CtVolume,
    pub(super) opacity: LabelMap,
    pub(super) lungs: LabelMap,
    pub(super) scan: ScanFacts,
}

impl Case {
    pub(super) fn input(&self) -> Input<'_> {
        Input {
            ct: &self.ct,
            known_not_hu: false,
            opacity: &self.opacity,
            opacity_labels: &[1],
            lungs: Some(&self.lungs),
            lung_problems: &[],
            lobes: None,
            landmarks: None,
            scan: &self.scan,
            subject: Subject::default(),
            interval: None,
        }
    }

    pub(super) fn quantities(&self) -> Quantities {
        quantify(&self.input(), &Options::default()).unwrap()
    }
}

/// Two boxes of lung in a body: 12 x 20 x 12 cm each at 4 mm, and a box of opacity low at the back of the left one.
pub(super) fn boxes() -> Case {
    let spacing = Spacing::new([4.0, 4.0, 4.0]).unwrap();
    let shape = [40, 60, 80];
    let grid = Grid::new(shape, Affine::axial(spacing, [-158.0, -118.0, 0.0])).unwrap();
    let (mut hu, mut lungs, mut opacity) = (Vec::new(), Vec::new(), Vec::new());
    for slice in 0..shape[0] {
        for row in 0..shape[1] {
            for column in 0..shape[2] {
                let is_high = (5..35).contains(&slice) && (5..55).contains(&row);
                // The heart takes its place from the left lung in front and below.
                let inner = if slice < 20 && row < 30 { 54 } else { 46 };
                let lung = match column {
                    5..34 if is_high => 2,
                    _ if is_high && (inner..75).contains(&column) => 1,
                    _ => 0,
                };
                let is_opaque = lung == 1 && (5..15).contains(&slice) && (45..55).contains(&row) && column >= 60;
                let is_air = !(2..58).contains(&row);
                hu.push(if is_opaque {
                    -450.0
                } else if lung > 0 {
                    -850.0
                } else if is_air {
                    -1000.0
                } else {
                    40.0
                });
                lungs.push(lung);
                opacity.push(u8::from(is_opaque));
            }
        }
    }
    Case {
        ct: CtVolume::new(grid, hu).unwrap(),
        opacity: LabelMap::new(grid, opacity).unwrap(),
        lungs: LabelMap::new(grid, lungs).unwrap(),
        scan: ScanFacts::default(),
    }
}
