//! Contrast limited adaptive histogram equalisation of 8-bit slices, as OpenCV's `createCLAHE` does it.
//!
//! # Agreement
//! Equal to OpenCV 4.11.0 to the grey level, also for slices that the tiles do not divide
//! (`oracles/intensity`).
//!
//! # The 8-bit COVID-19-CT-Seg slices
//! A published 8-bit copy of COVID-19-CT-Seg can be reproduced from HU to the bit:
//!
//! 1. turn the volume to patient axes ([`Orientation::Patient`](crate::orient::Orientation)),
//! 2. resize each 512 x 512 slice to 256 x 256 with [`resize_slices_bicubic`](crate::resample::resize_slices_bicubic),
//! 3. [`Intensity::like_eight_bit_slices`](super::Intensity::like_eight_bit_slices): scale by the slice's own
//!    minimum and maximum, times 255, cut off, CLAHE with clip limit 7 and 8 x 8 tiles. There is no HU window.
//!
//! On the two slices of `coronacases_001` whose HU are at hand (98 and 122) all 2 x 65,536 greys are equal in
//! OpenCV (mean absolute difference 0, correlation 1); `tests/it/intensity.rs` repeats it with this crate where
//! the data lie. A network trained on those slices with `eight_bit` sees HU rightly through these three steps.
//! Departures cost, on the same slices, in mean absolute greys of 255 and correlation:
//!
//! | departure | difference | correlation |
//! |---|---|---|
//! | turned by 90 or 180 degrees against patient axes | 0.4 to 0.7 | 0.9998 |
//! | clip limit 7.5 instead of 7 | 1.6 | 0.9997 |
//! | HU clipped at -1024 after the resize, which cuts the kernel's overshoot off | 4.4 | 0.999 |
//! | scaled to the 512 x 512 slice's extremes before the resize | 5.1 | 0.998 |
//! | CLAHE at 512 x 512, then resized | 6.2 | 0.996 |
//! | linear instead of bicubic resize | 7.2 to 7.6 | 0.988 to 0.993 |
//! | resized to 128 x 128 or 96 x 96 first (compared with the 8-bit slices resized alike) | 10 to 11 | 0.98 |

/// CLAHE's two settings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Clahe {
    /// Contrast limit in multiples of a flat histogram; 0 for none.
    pub clip_limit: f32,
    /// Tiles along rows and along columns, at least 1.
    pub tiles: usize,
}

type Lut = [u8; 256];

/// Scales one slice by its own minimum and maximum to 0..=255, cutting off fractions; a constant slice is 0.
#[must_use]
pub fn slice_to_eight_bit(slice: &[f32]) -> Vec<u8> {
    let (lowest, highest) = slice.iter().fold((f32::MAX, f32::MIN), |(low, high), &x| (low.min(x), high.max(x)));
    let (lowest, range) = (f64::from(lowest), f64::from(highest) - f64::from(lowest));
    let grey = |&x: &f32| if range > 0.0 { ((f64::from(x) - lowest) / range * 255.0) as u8 } else { 0 };
    slice.iter().map(grey).collect()
}

impl Clahe {
    /// Equalises one slice of `plane` (rows, columns) greys, C order.
    ///
    /// A slice without voxels comes back empty.
    #[must_use]
    pub fn apply(&self, plane: [usize; 2], greys: &[u8]) -> Vec<u8> {
        let tiles = self.tiles.max(1);
        if greys.is_empty() {
            return Vec::new();
        }
        // OpenCV extends both axes as soon as one is not divided, the divided one by a whole voxel per tile.
        let divided = plane.iter().all(|n| n % tiles == 0);
        let padded = if divided { plane } else { plane.map(|n| n + tiles - n % tiles) };
        let tile = padded.map(|n| n / tiles);
        let luts: Vec<Lut> = (0..tiles * tiles).map(|k| self.lut(plane, greys, tile, [k / tiles, k % tiles])).collect();
        let rows = neighbours(plane[0], tile[0], tiles);
        let columns = neighbours(plane[1], tile[1], tiles);
        let mut out = Vec::with_capacity(greys.len());
        for (row, line) in rows.iter().zip(greys.chunks(plane[1])) {
            for (column, &grey) in columns.iter().zip(line) {
                let at = |row: usize, column: usize| f32::from(luts[row * tiles + column][usize::from(grey)]);
                let upper = at(row.low, column.low) * (1.0 - column.weight) + at(row.low, column.high) * column.weight;
                let lower =
                    at(row.high, column.low) * (1.0 - column.weight) + at(row.high, column.high) * column.weight;
                out.push((upper * (1.0 - row.weight) + lower * row.weight).round_ties_even() as u8);
            }
        }
        out
    }

    /// The mapping of one tile: cumulative histogram, clipped and with the excess spread over all greys.
    fn lut(&self, plane: [usize; 2], greys: &[u8], tile: [usize; 2], at: [usize; 2]) -> Lut {
        let mut histogram = [0_usize; 256];
        for row in at[0] * tile[0]..(at[0] + 1) * tile[0] {
            let line = mirrored(row, plane[0]) * plane[1];
            for column in at[1] * tile[1]..(at[1] + 1) * tile[1] {
                histogram[usize::from(greys[line + mirrored(column, plane[1])])] += 1;
            }
        }
        let voxels = tile[0] * tile[1];
        if self.clip_limit > 0.0 {
            let limit = ((f64::from(self.clip_limit) * voxels as f64 / 256.0) as usize).max(1);
            clip(&mut histogram, limit);
        }
        let scale = 255.0 / voxels as f32;
        let mut sum = 0;
        histogram.map(|count| {
            sum += count;
            (sum as f32 * scale).round_ties_even().min(255.0) as u8
        })
    }
}

fn clip(histogram: &mut [usize; 256], limit: usize) {
    let mut excess = 0;
    for count in histogram.iter_mut() {
        excess += count.saturating_sub(limit);
        *count = (*count).min(limit);
    }
    histogram.iter_mut().for_each(|count| *count += excess / 256);
    let rest = excess % 256;
    if let Some(stride) = 256_usize.checked_div(rest) {
        histogram.iter_mut().step_by(stride).take(rest).for_each(|count| *count += 1);
    }
}

/// Index with the border mirrored at the last voxel, which is not repeated.
fn mirrored(index: usize, voxels: usize) -> usize {
    if voxels == 1 {
        return 0;
    }
    let period = 2 * (voxels - 1);
    let folded = index % period;
    if folded < voxels { folded } else { period - folded }
}

struct Neighbours {
    low: usize,
    high: usize,
    weight: f32,
}

/// The two tiles between whose centres each voxel of an axis lies.
fn neighbours(voxels: usize, tile: usize, tiles: usize) -> Vec<Neighbours> {
    let inverse = 1.0 / tile as f32;
    let between = |voxel: usize| {
        let place = voxel as f32 * inverse - 0.5;
        let low = place.floor();
        let weight = place - low;
        let low = low as isize;
        let clamped = |k: isize| k.clamp(0, tiles as isize - 1) as usize;
        Neighbours { low: clamped(low), high: clamped(low + 1), weight }
    };
    (0..voxels).map(between).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mirrors_without_repeating_the_border() {
        let indices: Vec<usize> = (0..9).map(|k| mirrored(k, 4)).collect();
        assert_eq!(indices, [0, 1, 2, 3, 2, 1, 0, 1, 2]);
        assert_eq!(mirrored(5, 1), 0);
    }

    #[test]
    fn clipping_keeps_the_count() {
        let mut histogram = [0; 256];
        histogram[7] = 1000;
        histogram[9] = 50;
        clip(&mut histogram, 100);
        assert_eq!(histogram.iter().sum::<usize>(), 1050);
        assert!(histogram.iter().all(|&count| count <= 105));
    }

    #[test]
    fn eight_bits_use_the_whole_range_and_constants_are_dark() {
        assert_eq!(slice_to_eight_bit(&[-1000.0, 0.0, 1000.0]), [0, 127, 255]);
        assert_eq!(slice_to_eight_bit(&[3.0, 3.0]), [0, 0]);
        let clahe = Clahe { clip_limit: 7.0, tiles: 8 };
        assert!(clahe.apply([0, 4], &[]).is_empty());
        assert_eq!(clahe.apply([1, 3], &[0, 0, 0]).len(), 3, "slices smaller than the tiles");
    }
}
