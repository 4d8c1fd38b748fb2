//! The inner wall of the chest, slice by slice: the hull of aerated lung and its dense rim, moved out to the ribs where lung is missing.
//!
//! Opaque lung at the wall dents the hull, and no threshold finds it. Ribs do: they lie on the pleura all around, and
//! are bright even in an 8-bit export. Where aerated lung reaches the hull, the hull is the wall. Elsewhere the wall lies
//! where the nearest rib says, and in HU a dent that the other side has not is given that side's shape. Where an even layer of fluid or collapsed lung follows the wall, aerated lung
//! reaches a hull that is too small; there the other side of the chest says how far out the wall lies.

use std::f64::consts::TAU;

use rayon::prelude::*;

use super::body;
use super::coarse::Coarse;
use super::disc::{self, Plane};
use super::ribs;

/// Directions around the chest's middle; 0 is the patient's left, a quarter on is the back.
const DIRECTIONS: usize = 120;
/// How far inside and outside the hull a rib may lie.
const RIB_MM: [f64; 2] = [2.0, 35.0];
/// Aerated lung reaches the hull if it fills [`REACHES_SHARE`] of this depth.
const REACHES_MM: f64 = 10.0;
const REACHES_SHARE: f64 = 0.7;
/// Both sides of a chest differ by less than this.
const SIDES_DIFFER_MM: f64 = 6.0;
/// The wall of a slice reaches at least where most slices within this distance have it.
const STEADY_MM: f64 = 9.0;
/// Slices so far away still say where the wall of a slice lies.
const BETWEEN_MM: f64 = 50.0;
/// From head to feet the wall is bent by about this radius.
const BULGE_MM: f64 = 200.0;
/// Air this far outside the hull may still be lung.
const AIR_BEYOND_MM: f64 = 4.0;
/// Between ribs so many directions apart the wall runs straight.
const RIB_GAP: usize = 8;
/// A dent of at most so many directions is given the other side's shape.
const WIDEST_DENT: usize = 30;
/// By so many directions a patient may lie turned.
const MOST_TURN: usize = 8;

/// The space inside the chest wall.
#[derive(Debug, Clone)]
pub(super) struct Chest {
    /// Where tissue may be lung.
    pub(super) tissue: Vec<bool>,
    /// Where air may be lung.
    pub(super) air: Vec<bool>,
}

impl Chest {
    /// Finds the chest around `lung`, its dense rim included; `air` is the part of it that surely is lung, and shows where the
    /// hull is the wall.
    pub(super) fn find(coarse: &Coarse, air: &[bool], lung: &[bool]) -> Self {
        let plane = body::plane(coarse);
        let polar = Polar::around(plane, lung);
        let slices = lung.par_chunks(plane.voxels()).zip(air.par_chunks(plane.voxels()));
        let hulls: Vec<Option<Hull>> = slices
            .map(|(lung, air)| Some(Hull { reached: Hull::of(&polar, air)?.reached, ..Hull::of(&polar, lung)? }))
            .collect();
        let walls = walls(coarse, &polar, &hulls);
        let (mut tissue, mut air) = (vec![false; lung.len()], vec![false; lung.len()]);
        let slices = tissue.par_chunks_mut(plane.voxels()).zip(air.par_chunks_mut(plane.voxels()));
        slices.zip(hulls.par_iter().zip(&walls)).for_each(|((tissue, air), (hull, wall))| {
            let (Some(hull), Some(wall)) = (hull, wall) else { return };
            for voxel in 0..tissue.len() {
                let (radius, direction) = polar.place(voxel);
                tissue[voxel] = radius <= wall[direction];
                air[voxel] = radius <= wall[direction].max(hull.radius[direction] + AIR_BEYOND_MM);
            }
        });
        Self { tissue, air }
    }
}

/// Places in a slice by their distance from the chest's middle and their direction.
#[derive(Debug, Clone, Copy)]
struct Polar {
    plane: Plane,
    /// Row and column of the middle in mm.
    middle: [f64; 2],
}

impl Polar {
    /// Around the middle of the lungs: their mean row, and halfway between their outermost columns.
    fn around(plane: Plane, lung: &[bool]) -> Self {
        let (mut rows, mut count, mut first, mut last) = (0_usize, 0_usize, usize::MAX, 0);
        for (voxel, _) in lung.iter().enumerate().filter(|&(_, &lung)| lung) {
            let column = voxel % plane.columns;
            rows += voxel / plane.columns % plane.rows;
            count += 1;
            (first, last) = (first.min(column), last.max(column));
        }
        let row = rows as f64 / count.max(1) as f64;
        let column = if count == 0 { 0.0 } else { 0.5 * (first + last) as f64 };
        Self { plane, middle: [row * plane.spacing_mm[0], column * plane.spacing_mm[1]] }
    }

    /// Distance in mm and direction of a voxel.
    fn place(&self, voxel: usize) -> (f64, usize) {
        let y = (voxel / self.plane.columns) as f64 * self.plane.spacing_mm[0] - self.middle[0];
        let x = (voxel % self.plane.columns) as f64 * self.plane.spacing_mm[1] - self.middle[1];
        let direction = (y.atan2(x) / TAU * DIRECTIONS as f64).round().rem_euclid(DIRECTIONS as f64);
        (x.hypot(y), direction as usize % DIRECTIONS)
    }

    /// The voxel at a distance in a direction; `None` outside the slice.
    fn voxel(&self, radius: f64, direction: usize) -> Option<usize> {
        let (sine, cosine) = (direction as f64 / DIRECTIONS as f64 * TAU).sin_cos();
        let row = ((self.middle[0] + radius * sine) / self.plane.spacing_mm[0]).round();
        let column = ((self.middle[1] + radius * cosine) / self.plane.spacing_mm[1]).round();
        let inside = row >= 0.0 && column >= 0.0 && row < self.plane.rows as f64 && column < self.plane.columns as f64;
        inside.then(|| row as usize * self.plane.columns + column as usize)
    }
}

/// The convex hull of a slice's aerated lung.
#[derive(Debug, Clone)]
struct Hull {
    /// Where it ends in each direction, in mm.
    radius: Vec<f64>,
    /// Whether aerated lung reaches it there.
    reached: Vec<bool>,
}

impl Hull {
    /// `None` without lung.
    fn of(polar: &Polar, lung: &[bool]) -> Option<Self> {
        const STEP_MM: f64 = 0.5;
        if !lung.contains(&true) {
            return None;
        }
        let hull = disc::hull(polar.plane, lung);
        // The middle itself may lie outside, so the outermost place counts.
        let end = |direction: usize| {
            let steps = (0..).map(|step| f64::from(step) * STEP_MM);
            let places = steps.map_while(|radius| Some((radius, polar.voxel(radius, direction)?)));
            places.filter(|&(_, voxel)| hull[voxel]).last().map_or(0.0, |(radius, _)| radius)
        };
        let radius: Vec<f64> = (0..DIRECTIONS).map(end).collect();
        let reached = |direction: usize| {
            let depths = (0..10).map(|step| REACHES_MM * f64::from(step) / 10.0);
            let places = depths.filter_map(|depth| polar.voxel(radius[direction] - depth, direction));
            places.filter(|&voxel| lung[voxel]).count() as f64 >= 10.0 * REACHES_SHARE
        };
        let reached = (0..DIRECTIONS).map(reached).collect();
        Some(Self { radius, reached })
    }
}

/// The wall's distance in each direction of each slice.
fn walls(coarse: &Coarse, polar: &Polar, hulls: &[Option<Hull>]) -> Vec<Option<Vec<f64>>> {
    let expected: Vec<Option<[f64; DIRECTIONS]>> =
        hulls.iter().map(|hull| hull.as_ref().map(|hull| std::array::from_fn(|k| hull.radius[k]))).collect();
    let place = |voxel: usize| polar.place(voxel % polar.plane.voxels());
    let ribs = ribs::innermost(coarse, place, &expected, RIB_MM);
    let mut gaps: Vec<f64> = hulls
        .iter()
        .zip(&ribs)
        .filter_map(|(hull, ribs)| Some((hull.as_ref()?, ribs)))
        .flat_map(|(hull, ribs)| (0..DIRECTIONS).filter(|&k| hull.reached[k]).map(|k| ribs[k] - hull.radius[k]))
        .filter(|gap| gap.is_finite())
        .collect();
    gaps.sort_by(f64::total_cmp);
    // Muscle between lung and ribs makes many gaps wider.
    let usual = gaps.get(gaps.len() / 4).map_or(0.0, |&gap| gap.max(0.0));
    let turn = turn(hulls);
    let walls: Vec<Option<Vec<f64>>> = hulls
        .iter()
        .zip(&ribs)
        .map(|(hull, ribs)| {
            let hull = hull.as_ref()?;
            let moved = moved(hull, ribs, usual, turn);
            let mut wall: Vec<f64> = hull.radius.iter().zip(moved).map(|(radius, moved)| radius + moved).collect();
            if coarse.calibrated {
                lay_like_other_side(&mut wall, hull, turn);
            }
            Some(wall)
        })
        .collect();
    let between = between(coarse, hulls);
    let around = (STEADY_MM / coarse.spacing_mm[0]) as usize;
    (0..walls.len())
        .map(|slice| {
            let wall = walls[slice].as_ref()?;
            let around = around.min(slice).min(walls.len() - 1 - slice);
            let near = &walls[slice - around..=slice + around];
            let usual = |k: usize| median(near.iter().flatten().map(|wall| wall[k]).collect());
            Some((0..DIRECTIONS).map(|k| wall[k].max(usual(k)).max(between[slice][k])).collect())
        })
        .collect()
}

/// Where aerated lung does not reach the wall of a slice: how far out it lies between the next slices above and below where
/// aerated lung does, on a bow by which a chest bulges.
fn between(coarse: &Coarse, hulls: &[Option<Hull>]) -> Vec<Vec<f64>> {
    let reach: usize = (BETWEEN_MM / coarse.spacing_mm[0]) as usize;
    let anchor =
        |slice: usize, k: usize| hulls[slice].as_ref().filter(|hull| hull.reached[k]).map(|hull| hull.radius[k]);
    let at = |slice: usize, k: usize| {
        let below = (slice.saturating_sub(reach)..slice).rev().find_map(|at| Some((slice - at, anchor(at, k)?)));
        let above = (slice + 1..(slice + 1 + reach).min(hulls.len())).find_map(|at| Some((at - slice, anchor(at, k)?)));
        match (anchor(slice, k), below, above) {
            (None, Some((down, low)), Some((up, high))) => {
                let [down, up] = [down, up].map(|slices| slices as f64 * coarse.spacing_mm[0]);
                (low * up + high * down) / (down + up) + down * up / (2.0 * BULGE_MM)
            }
            _ => 0.0,
        }
    };
    (0..hulls.len()).map(|slice| (0..DIRECTIONS).map(|k| at(slice, k)).collect()).collect()
}

/// How far the wall lies outside the hull in each direction.
fn moved(hull: &Hull, ribs: &[f64], usual: f64, turn: usize) -> Vec<f64> {
    let known: Vec<Option<f64>> = (0..DIRECTIONS)
        .map(|k| {
            let by_rib = ribs[k] - hull.radius[k] - usual;
            if !hull.reached[k] {
                return by_rib.is_finite().then_some(by_rib);
            }
            let by_other_side = hull.radius[opposite(k, turn)] - hull.radius[k];
            Some(if by_other_side > SIDES_DIFFER_MM { by_rib.min(by_other_side) } else { 0.0 })
        })
        .collect();
    let seek = |from: usize, step: usize| {
        (0..RIB_GAP).find_map(|steps| known[(from + steps * step) % DIRECTIONS].map(|moved| (steps as f64, moved)))
    };
    let joined: Vec<f64> = (0..DIRECTIONS)
        .map(|k| match (seek(k, 1), seek(k, DIRECTIONS - 1)) {
            (Some((0.0, moved)), _) => moved,
            (Some((ahead, a)), Some((behind, b))) => (a * behind + b * ahead) / (ahead + behind),
            _ => 0.0,
        })
        .collect();
    // A single bright spot is no rib.
    let near = |k: usize| [k + DIRECTIONS - 1, k, k + 1].map(|k| joined[k % DIRECTIONS]).to_vec();
    (0..DIRECTIONS).map(|k| median(near(k)).max(0.0)).collect()
}

/// Moves the wall out to the other side's shape where opaque lung dents the hull and aerated lung reaches it all along the other
/// side; both ends of the dent stay.
fn lay_like_other_side(wall: &mut [f64], hull: &Hull, turn: usize) {
    let along = |start: usize, steps: usize| (start + steps) % DIRECTIONS;
    let differ = |k: usize| hull.radius[k] - hull.radius[opposite(k, turn)];
    for start in (0..DIRECTIONS).filter(|&k| hull.reached[k] && !hull.reached[along(k, 1)]) {
        let Some(width) = (2..WIDEST_DENT + 2).find(|&steps| hull.reached[along(start, steps)]) else { continue };
        if !(0..=width).all(|steps| hull.reached[opposite(along(start, steps), turn)]) {
            continue;
        }
        let [first, last] = [differ(start), differ(along(start, width))];
        for steps in 1..width {
            let (k, share) = (along(start, steps), steps as f64 / width as f64);
            let like = hull.radius[opposite(k, turn)] + first * (1.0 - share) + last * share;
            wall[k] = wall[k].max(like);
        }
    }
}

/// The direction that mirrors another at the body's middle plane, which is turned by half of so many directions.
fn opposite(direction: usize, turn: usize) -> usize {
    (DIRECTIONS + DIRECTIONS / 2 + turn - direction) % DIRECTIONS
}

/// By how much the patient lies turned: where the hulls of both sides are most alike.
fn turn(hulls: &[Option<Hull>]) -> usize {
    let unlike = |turn: usize| -> f64 {
        let differ = |hull: &Hull, k: usize| (hull.radius[k] - hull.radius[opposite(k, turn)]).abs();
        hulls.iter().flatten().map(|hull| (0..DIRECTIONS).map(|k| differ(hull, k)).sum::<f64>()).sum()
    };
    let turns = (DIRECTIONS - MOST_TURN..=DIRECTIONS + MOST_TURN).map(|turn| turn % DIRECTIONS);
    turns.min_by(|&a, &b| unlike(a).total_cmp(&unlike(b))).unwrap_or(0)
}

/// The middle of some values; 0 without any.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A round chest of 100 mm with a dent in the directions 31 to 39 that is cut off straight, and lung that is not reached in
    /// some more: the wall in the dent's middle.
    fn wall_in_dent(not_reached: &[usize]) -> f64 {
        let mut hull = Hull { radius: vec![100.0; DIRECTIONS], reached: vec![true; DIRECTIONS] };
        let chord = 100.0 * (5.0 / DIRECTIONS as f64 * TAU).cos();
        for k in 31..40 {
            hull.reached[k] = false;
            hull.radius[k] = chord / ((k as f64 - 35.0) / DIRECTIONS as f64 * TAU).cos();
        }
        not_reached.iter().for_each(|&k| hull.reached[k] = false);
        let mut wall = hull.radius.clone();
        lay_like_other_side(&mut wall, &hull, 0);
        wall[35]
    }

    #[test]
    fn a_dent_is_given_the_other_sides_shape_where_that_is_known() {
        assert!((wall_in_dent(&[]) - 100.0).abs() < 1e-9);
        assert!(wall_in_dent(&[opposite(37, 0)]) < 97.0, "dented there too");
        let wide: Vec<usize> = (40..62).collect();
        assert!(wall_in_dent(&wide) < 97.0, "too wide, and beyond the middle");
    }
}
