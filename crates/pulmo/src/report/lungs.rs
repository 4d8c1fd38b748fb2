//! A lung mask of any origin as the left and the right lung.

use pulmo_ct::geometry::Grid;
use pulmo_ct::phantom::{LEFT_LUNG, RIGHT_LUNG};
use pulmo_ct::{Error, LabelMap, Result};

/// Two lungs lie at least this far apart, centre to centre, across the patient.
const LEAST_APART_MM: f64 = 30.0;
/// Where the valley between the lungs is looked for, as shares of the mask's width.
const VALLEY: [f64; 2] = [0.3, 0.7];
/// Bins of the mask's width.
const BINS: usize = 200;

/// Labels the left lung [`LEFT_LUNG`] and the right [`RIGHT_LUNG`], by where they lie and whatever they were called.
///
/// Tools number the lungs in either order, so the numbers are not trusted. A mask of one label is parted at the plane
/// across the patient that cuts least of it, in the middle part of its width.
///
/// # Errors
/// [`Error::Value`] if there are more than two labels, or two that lie on one side.
pub fn sides(map: &LabelMap) -> Result<LabelMap> {
    let mut present = [false; 256];
    map.labels().iter().for_each(|&label| present[usize::from(label)] = true);
    let labels: Vec<u8> = (1..=255).filter(|&label| present[usize::from(label)]).collect();
    match labels[..] {
        [] => Ok(map.clone()),
        [_] => part(map),
        [one, other] => {
            let middle = |label| mean_left_mm(map, label);
            let (left, right) = if middle(one) > middle(other) { (one, other) } else { (other, one) };
            let apart_mm = middle(left) - middle(right);
            if apart_mm < LEAST_APART_MM {
                let problem = format!(
                    "labels {one} and {other} of the lung mask lie {apart_mm:.0} mm apart, so they are not the two lungs"
                );
                return Err(Error::Value { problem });
            }
            relabel(map, |label, _| if label == left { LEFT_LUNG } else { RIGHT_LUNG })
        }
        ref many => {
            let problem = format!("the lung mask has the labels {many:?}, expected one, or two for the two lungs");
            Err(Error::Value { problem })
        }
    }
}

/// How far left each voxel lies in mm, from its place in the array.
fn left_mm(grid: &Grid) -> impl Fn(usize) -> f64 + use<> {
    let [_, rows, columns] = grid.shape();
    let affine = *grid.affine();
    move |voxel| {
        let at = [voxel / (rows * columns), voxel / columns % rows, voxel % columns];
        affine.voxel_to_world(at.map(|index| index as f64))[0]
    }
}

fn mean_left_mm(map: &LabelMap, label: u8) -> f64 {
    let place = left_mm(map.grid());
    let voxels = map.labels().iter().enumerate().filter(|(_, own)| **own == label);
    let (sum, count) = voxels.fold((0.0, 0_u64), |(sum, count), (voxel, _)| (sum + place(voxel), count + 1));
    sum / count.max(1) as f64
}

fn relabel(map: &LabelMap, lung: impl Fn(u8, usize) -> u8) -> Result<LabelMap> {
    let labels = map.labels().iter().enumerate();
    let labels = labels.map(|(voxel, &label)| if label == 0 { 0 } else { lung(label, voxel) }).collect();
    LabelMap::new(*map.grid(), labels)
}

fn part(map: &LabelMap) -> Result<LabelMap> {
    let place = left_mm(map.grid());
    let marked = || map.labels().iter().enumerate().filter(|(_, label)| **label > 0).map(|(voxel, _)| place(voxel));
    let (low, high) = marked().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
    let width = (high - low).max(f64::MIN_POSITIVE);
    let mut counts = [0_u64; BINS];
    marked().for_each(|x| counts[(((x - low) / width * BINS as f64) as usize).min(BINS - 1)] += 1);
    let [from, to] = VALLEY.map(|share| (share * BINS as f64) as usize);
    // Of equal bins the one next to the middle: a gap between the lungs is cut in its middle part.
    let off_middle = |bin: usize| bin.abs_diff(BINS / 2);
    let valley = (from..to).min_by_key(|&bin| (counts[bin], off_middle(bin))).unwrap_or(BINS / 2);
    let cut = low + width * (valley as f64 + 0.5) / BINS as f64;
    relabel(map, |_, voxel| if place(voxel) > cut { LEFT_LUNG } else { RIGHT_LUNG })
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulmo_ct::phantom::{PhantomOptions, thorax};

    #[test]
    fn sides_come_from_places_and_not_from_numbers() {
        let phantom = thorax(&PhantomOptions::seeded(3)).unwrap();
        let own = phantom.lungs;
        let swapped = relabel(&own, |label, _| if label == LEFT_LUNG { 9 } else { 4 }).unwrap();
        assert_eq!(sides(&swapped).unwrap(), own);
        assert_eq!(sides(&own).unwrap(), own);
        let one = relabel(&own, |_, _| 1).unwrap();
        let parted = sides(&one).unwrap();
        let wrong = parted.labels().iter().zip(own.labels()).filter(|(a, b)| a != b).count();
        assert!(
            wrong * 100 < own.labels().iter().filter(|label| **label > 0).count(),
            "{wrong} voxels on the wrong side"
        );
    }

    #[test]
    fn what_is_no_pair_of_lungs_is_refused() {
        let own = thorax(&PhantomOptions::seeded(3)).unwrap().lungs;
        let halves = own.grid().voxels() / 2;
        let stacked = relabel(&own, |_, voxel| 1 + u8::from(voxel > halves)).unwrap();
        assert!(sides(&stacked).unwrap_err().to_string().contains("not the two lungs"));
        let many = relabel(&own, |_, voxel| 1 + (voxel % 3) as u8).unwrap();
        assert!(sides(&many).unwrap_err().to_string().contains("[1, 2, 3]"));
    }
}
