//! The nearest of many sites for each of some points, found in a tree of boxes: its cost follows the sites and the
//! points, not the voxels between them.

use rayon::prelude::*;

use super::Lattice;

/// The most sites in a box that is not split further.
const LEAF: usize = 8;
/// Points that one thread takes in a row. Neighbours in it mostly share their nearest site.
const CHUNK: usize = 4096;

/// A voxel's place in a lattice: no axis is longer than `u16` counts.
type Place = [u16; 3];

/// The smallest box around some sites: its first and its last voxel.
type Bounds = [Place; 2];

/// Sites in a balanced tree of boxes.
///
/// The boxes are in the order of a walk that goes left first: a box, all boxes of its first half of the sites, all
/// boxes of its second half. So a part of the tree is a part of both lists, and no box needs to say where its halves are.
pub(super) struct Tree<'a> {
    lattice: &'a Lattice,
    boxes: Vec<Bounds>,
    sites: Vec<Place>,
}

/// The nearest site so far, with its squared distance in mm².
struct Nearest {
    site: Place,
    squared: f64,
}

impl<'a> Tree<'a> {
    /// Puts at least one site into a tree.
    pub(super) fn of(lattice: &'a Lattice, sites: &[u32]) -> Self {
        let mut sites: Vec<Place> = sites.par_iter().map(|&site| place(lattice, site)).collect();
        let leaves = sites.len().div_ceil(LEAF).next_power_of_two();
        let mut boxes = vec![[[0; 3]; 2]; 2 * leaves - 1];
        split(&mut boxes, &mut sites, lattice);
        Self { lattice, boxes, sites }
    }

    /// The distance in mm from each point to the site nearest to it.
    pub(super) fn distances_mm(&self, points: &[u32]) -> Vec<f64> {
        let mut distances = vec![0.0; points.len()];
        distances.par_chunks_mut(CHUNK).zip(points.par_chunks(CHUNK)).for_each(|(distances, points)| {
            let mut site = self.sites[0];
            for (mm, &point) in distances.iter_mut().zip(points) {
                let point = place(self.lattice, point);
                let mut nearest = Nearest { site, squared: self.squared(apart([site; 2], point)) };
                self.search(&self.boxes, &self.sites, point, &mut nearest);
                site = nearest.site;
                *mm = nearest.squared.sqrt();
            }
        });
        distances
    }

    /// Looks for a nearer site in a part of the tree.
    ///
    /// A box is rounded as its sites are, and rounding keeps the order: no box that holds a nearer site is left out.
    fn search(&self, boxes: &[Bounds], sites: &[Place], point: Place, nearest: &mut Nearest) {
        if boxes.len() == 1 {
            for &site in sites {
                let squared = self.squared(apart([site; 2], point));
                if squared < nearest.squared {
                    *nearest = Nearest { site, squared };
                }
            }
            return;
        }
        let (first, second) = boxes[1..].split_at(boxes.len() / 2);
        let (in_first, in_second) = sites.split_at(sites.len() / 2);
        let to = |boxes: &[Bounds]| self.squared(apart(boxes[0], point));
        let mut halves = [(to(first), first, in_first), (to(second), second, in_second)];
        if halves[1].0 < halves[0].0 {
            halves.swap(0, 1);
        }
        for (squared, boxes, sites) in halves {
            if squared < nearest.squared {
                self.search(boxes, sites, point, nearest);
            }
        }
    }

    #[inline]
    fn squared(&self, steps: Place) -> f64 {
        self.lattice.squared_mm2(steps.map(u32::from))
    }
}

fn place(lattice: &Lattice, voxel: u32) -> Place {
    let [_, rows, columns] = lattice.shape.map(|n| n as u32);
    [voxel / columns / rows, voxel / columns % rows, voxel % columns].map(|n| n as u16)
}

/// Steps along each axis from a point to a box: 0 where the point lies between its sides.
#[inline]
fn apart([first, last]: Bounds, point: Place) -> Place {
    std::array::from_fn(|axis| first[axis].saturating_sub(point[axis]).max(point[axis].saturating_sub(last[axis])))
}

/// Sorts the sites into the boxes, halving them along the longest side.
fn split(boxes: &mut [Bounds], sites: &mut [Place], lattice: &Lattice) {
    let mut around = [sites[0]; 2];
    for site in &*sites {
        for axis in 0..3 {
            around[0][axis] = around[0][axis].min(site[axis]);
            around[1][axis] = around[1][axis].max(site[axis]);
        }
    }
    boxes[0] = around;
    if boxes.len() == 1 {
        return;
    }
    let mm = |axis: usize| f64::from(around[1][axis] - around[0][axis]) * lattice.spacing_mm[axis];
    let longest = (0..3).max_by(|&a, &b| mm(a).total_cmp(&mm(b))).unwrap_or(0);
    let half = sites.len() / 2;
    sites.select_nth_unstable_by_key(half, |site| site[longest]);
    let (in_first, in_second) = sites.split_at_mut(half);
    let halves = boxes.len() / 2;
    let (first, second) = boxes[1..].split_at_mut(halves);
    rayon::join(|| split(first, in_first, lattice), || split(second, in_second, lattice));
}
