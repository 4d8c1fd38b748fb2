//! The heart on the wrong side: a volume that is mirrored, or masks that are swapped.
//!
//! Two signs must agree: what lies between the lungs at the heart's height lies to the right, and the lung that is
//! called left is the larger one, though heart and liver leave it the smaller. Either alone is seen in patients.

use pulmo_ct::geometry::dot;

use super::super::profile::{Along, side_of};
use super::{Flag, Raised, Seen, SeenLungs};

/// Part of the height of the lungs in which the heart lies, from their lowest end.
const HEART_HEIGHT: [f64; 2] = [0.15, 0.5];
/// Share of what lies between the lungs, in per cent, that must lie to the right of the middle.
const RIGHT_PERCENT: f64 = 55.0;
/// Share of the left lung in both, in per cent, from which it is the larger one.
const LEFT_LUNG_PERCENT: f64 = 50.0;
/// How far the columns may run from the patient's left to right, as a cosine.
const LEAST_COSINE: f64 = 0.9;
/// Least volume seen between the lungs: less says nothing.
const LEAST_ML: f64 = 50.0;

/// What lies between the lungs lies mostly to the right, and the left lung is the larger one.
#[derive(Debug)]
pub(super) struct WrongSide;

impl Flag for WrongSide {
    fn id(&self) -> &'static str {
        "wrong_side"
    }

    fn threshold(&self) -> String {
        format!(
            "{RIGHT_PERCENT} % or more of the heart's region between the lungs lies right of their middle, and the left \
             lung has {LEFT_LUNG_PERCENT} % or more of both"
        )
    }

    fn source(&self) -> &'static str {
        "two thirds of the heart lie left of the midline, and the left lung is the smaller one; limits chosen by this \
         project, silent in between"
    }

    fn affects(&self) -> &'static [&'static str] {
        &["sides", "regions"]
    }

    fn check(&self, case: &Seen<'_>) -> Option<Raised> {
        let lungs = case.lungs?;
        let left_lung_percent = 100.0 * lungs.lung.left_ml / lungs.lung.total_ml;
        let right_percent = between_right_percent(&lungs)?;
        let is_wrong = right_percent >= RIGHT_PERCENT && left_lung_percent >= LEFT_LUNG_PERCENT;
        is_wrong.then(|| Raised {
            found: format!("{right_percent:.0} % right of the middle, left lung {left_lung_percent:.0} % of both"),
            sentence: "the heart seems to lie on the right: the volume may be mirrored, or left and right swapped"
                .to_owned(),
        })
    }
}

/// Of what lies between the lungs at the height of the heart and in front, the share right of their middle.
///
/// The middle is halfway between the outermost ends of both lungs. `None` where too little is seen or the columns
/// do not run across the patient.
fn between_right_percent(lungs: &SeenLungs<'_>) -> Option<f64> {
    let grid = lungs.map.grid();
    let across = grid.affine().direction()[2];
    if dot(across, [1.0, 0.0, 0.0]).abs() < LEAST_COSINE {
        return None;
    }
    let [left, right] = &lungs.counted.lungs;
    let middle_mm = 0.5 * (left.width.extent_mm()?[1] + right.width.extent_mm()?[0]);
    let [low, high] = lungs.counted.height_mm;
    let heart_mm = HEART_HEIGHT.map(|share| low + share * (high - low));
    let front_mm = 0.5 * (left.depth.cut_by_extent(0.5) + right.depth.cut_by_extent(0.5));
    let [_, rows, columns] = grid.shape();
    let (x, y, z) = (Along::new(grid, Along::LEFT), Along::new(grid, Along::BACK), Along::new(grid, Along::HEAD));
    let (mut left_mm, mut right_mm) = (0.0, 0.0);
    for (line, labels) in lungs.map.labels().chunks_exact(columns).enumerate() {
        let (slice, row) = (line / rows, line % rows);
        let height = z.row_start(slice, row);
        if !(heart_mm[0]..heart_mm[1]).contains(&height) || y.row_start(slice, row) >= front_mm {
            continue;
        }
        let at = |column: usize| x.row_start(slice, row) + x.step() * column as f64;
        // The inner ends: the left lung's voxel that lies most to the right, and the other way round.
        let ends = |side: usize| {
            let mut places = labels.iter().enumerate().filter(|&(_, &label)| side_of(label) == Some(side));
            let first = places.next()?.0;
            let last = places.next_back().map_or(first, |(column, _)| column);
            Some([at(first), at(last)])
        };
        let (Some(left), Some(right)) = (ends(0), ends(1)) else { continue };
        let inner = [right[0].max(right[1]), left[0].min(left[1])];
        left_mm += (inner[1] - middle_mm.max(inner[0])).max(0.0);
        right_mm += (middle_mm.min(inner[1]) - inner[0]).max(0.0);
    }
    let line_ml = grid.voxel_ml() / x.step().abs();
    let seen_ml = (left_mm + right_mm) * line_ml;
    (seen_ml >= LEAST_ML).then(|| 100.0 * right_mm / (left_mm + right_mm))
}
