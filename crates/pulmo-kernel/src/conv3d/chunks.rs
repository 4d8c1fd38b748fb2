//! How the weight gradient walks through space, and which input lines lie packed on the way.
//!
//! Rows of output lines are walked through plane by plane: of the input lines that a plane reads, all but the last
//! plane's are those of the plane before.

use std::ops::Range;

use super::parts::Part;
use super::passes::Pass;

/// Marks a line that is not packed.
const ABSENT: u32 = u32::MAX;

/// Output lines whose products are added up at a time: some rows of one plane, or all rows of some planes.
pub(super) struct Chunk {
    volume: usize,
    planes: Range<usize>,
    rows: Range<usize>,
}

/// Planes and rows of a chunk of about so many voxels, of an output of `size`; at least a line.
pub(super) fn chunk_size([depth, height, width]: [usize; 3], voxels: usize) -> [usize; 2] {
    let lines = (voxels / width.max(1)).max(1);
    if lines >= height {
        return [(lines / height.max(1)).min(depth), height];
    }
    // Blocks of rows as equal as can be.
    [1, height.div_ceil(height.div_ceil(lines))]
}

/// All output lines of a pass, in chunks: rows by rows, and in them plane by plane.
pub(super) fn chunks(pass: &Pass, [planes, rows]: [usize; 2]) -> Vec<Chunk> {
    let [depth, height] = [pass.axes[0].count, pass.axes[1].count];
    let part = |first: usize, step: usize, end: usize| first..(first + step).min(end);
    let mut chunks = Vec::new();
    for volume in 0..pass.batch {
        for row in (0..height).step_by(rows.max(1)) {
            for plane in (0..depth).step_by(planes.max(1)) {
                chunks.push(Chunk { volume, planes: part(plane, planes, depth), rows: part(row, rows, height) });
            }
        }
    }
    chunks
}

impl Chunk {
    /// Its lines, counted over batch, depth and height of the output.
    pub(super) fn lines(&self, pass: &Pass) -> Range<usize> {
        let [depth, height] = [pass.axes[0].count, pass.axes[1].count];
        let first = (self.volume * depth + self.planes.start) * height + self.rows.start;
        first..first + self.planes.len() * self.rows.len()
    }

    /// The input lines of a part that it reads, counted over batch and the part's depth and height, in ascending order.
    pub(super) fn inputs(&self, part: &Part) -> Vec<usize> {
        let ([depth, height], [planes, rows]) = (part.places(), self.places(part));
        let line = |d: &usize, h: &usize| (self.volume * depth + d) * height + h;
        planes.iter().flat_map(|d| rows.iter().map(move |h| line(d, h))).collect()
    }

    /// How many they are.
    pub(super) fn input_count(&self, part: &Part) -> usize {
        self.places(part).iter().map(Vec::len).product()
    }

    fn places(&self, part: &Part) -> [Vec<usize>; 2] {
        [part.reach[0].each_place(self.planes.clone()), part.reach[1].each_place(self.rows.clone())]
    }

    /// For each of its lines, in order, the plane and the row.
    pub(super) fn planes_and_rows(&self) -> impl Iterator<Item = [usize; 2]> {
        self.planes.clone().flat_map(|plane| self.rows.clone().map(move |row| [plane, row]))
    }

    /// Its volume.
    pub(super) fn volume(&self) -> usize {
        self.volume
    }
}

/// The places of the input lines that lie packed.
#[derive(Default)]
pub(super) struct Places {
    /// The place of every input line, or [`ABSENT`].
    slots: Vec<u32>,
    /// The line at every place.
    held: Vec<usize>,
}

impl Places {
    /// Forgets all lines, of which there are so many.
    pub(super) fn clear(&mut self, lines: usize) {
        self.slots.clear();
        self.slots.resize(lines, ABSENT);
        self.held.clear();
    }

    /// Where a line lies.
    pub(super) fn of(&self, line: usize) -> usize {
        self.slots[line] as usize
    }

    /// Gives some ascending lines places, where others may lie that are not among them; lists those that are not packed yet.
    pub(super) fn exchange(&mut self, lines: &[usize]) -> Vec<usize> {
        let Self { slots, held } = self;
        let mut free: Vec<usize> =
            (0..held.len()).rev().filter(|&place| lines.binary_search(&held[place]).is_err()).collect();
        let fresh: Vec<usize> = lines.iter().copied().filter(|&line| slots[line] == ABSENT).collect();
        for &line in &fresh {
            let place = free.pop().unwrap_or_else(|| {
                held.push(line);
                held.len() - 1
            });
            if held[place] != line {
                slots[held[place]] = ABSENT;
                held[place] = line;
            }
            slots[line] = place as u32;
        }
        fresh
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_stay_keep_their_places_and_others_take_those_that_are_free() {
        let mut places = Places::default();
        places.clear(9);
        assert_eq!(places.exchange(&[0, 1, 3, 4]), [0, 1, 3, 4]);
        let before = [places.of(3), places.of(4)];
        assert_eq!(places.exchange(&[3, 4, 6, 7]), [6, 7]);
        assert_eq!([places.of(3), places.of(4)], before);
        let mut all = [3, 4, 6, 7].map(|line| places.of(line));
        all.sort_unstable();
        assert_eq!(all, [0, 1, 2, 3]);
        assert_eq!(places.exchange(&[0, 3, 4, 6, 7]), [0]);
        assert_eq!(places.of(0), 4);
    }

    #[test]
    fn chunks_are_rows_of_a_plane_or_whole_planes() {
        assert_eq!(chunk_size([20, 112, 112], 1024), [1, 9]);
        assert_eq!(chunk_size([10, 28, 28], 1024), [1, 28]);
        assert_eq!(chunk_size([5, 14, 14], 1024), [5, 14]);
        assert_eq!(chunk_size([7, 3, 4000], 1024), [1, 1]);
    }
}
