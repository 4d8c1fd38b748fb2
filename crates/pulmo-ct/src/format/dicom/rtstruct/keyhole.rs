//! Rings around pieces and holes become one closed contour for each piece.
//!
//! A hole is joined to what lies left of it by a channel without width, the keyhole of PS3.3 C.8.8.6.3. The channel runs along the
//! lower side of pixels of the mask, never through the centre of one.

use super::trace::{Borders, Mask, Point};

/// The contours of one label in a slice: one for each piece of the mask, first by row, then by column.
///
/// They do not overlap and have holes cut out, so every rule of filling gives the same pixels. Points are not repeated at the end.
pub(super) fn contours(slice: &[u8], columns: usize, label: u8) -> Vec<Vec<Point>> {
    let Some(mask) = Mask::cut(slice, columns, label) else { return Vec::new() };
    let borders = Borders::of(&mask);
    let channels = channels(&mask, &borders);
    let outer = (0..borders.rings.len()).filter(|&n| !borders.rings[n].is_hole);
    outer.map(|ring| walk(&mask, &borders, &channels, ring)).collect()
}

/// A hole, and where its channel leaves another ring.
#[derive(Debug)]
struct Channel {
    /// The edge of the other ring, by the vertex that it leaves.
    edge: usize,
    /// Where on the edge; channels on one edge are passed by falling row.
    end: Point,
    hole: usize,
    /// The vertex of the hole at which the channel arrives.
    vertex: usize,
}

/// For each ring, the channels that leave it in the order in which they are passed.
fn channels(mask: &Mask, borders: &Borders) -> Vec<Vec<Channel>> {
    let mut channels: Vec<Vec<Channel>> = borders.rings.iter().map(|_| Vec::new()).collect();
    for (hole, ring) in borders.rings.iter().enumerate().filter(|(_, ring)| ring.is_hole) {
        // The left end of the hole's uppermost row: the pixels above it belong to the mask.
        let corners = ring.vertices.iter().enumerate();
        let Some((vertex, first)) = corners.min_by_key(|(_, vertex)| vertex.corner) else { continue };
        let [row, column] = [first.corner[0] - 1, first.corner[1]];
        let start = first.point(mask);
        let found = (0..column).rev().find_map(|x| {
            if !mask.has([row, x]) {
                // The piece ends: the channel meets the left side of its last pixel.
                let (other, edge) = borders.upward(mask, [row, x + 1])?;
                let side = borders.rings[other as usize].vertices[edge as usize].point(mask);
                Some((other, edge, Point { row: start.row, column: side.column }))
            } else if !mask.has([row + 1, x]) {
                // Another border runs on the same line: the channel ends at its corner.
                let (other, edge) = borders.leftward(mask, [row, x])?;
                Some((other, edge, borders.rings[other as usize].vertices[edge as usize].point(mask)))
            } else {
                None
            }
        });
        if let Some((other, edge, end)) = found {
            channels[other as usize].push(Channel { edge: edge as usize, end, hole, vertex });
        }
    }
    for list in &mut channels {
        list.sort_by_key(|channel| (channel.edge, -channel.end.row));
    }
    channels
}

/// A ring that is being walked.
struct Step {
    ring: usize,
    /// The vertex at which the walk began.
    from: usize,
    /// How many vertices are done.
    done: usize,
    /// The channels of the present edge that are still to take.
    waiting: std::ops::Range<usize>,
    /// Where to go back to when the ring is closed.
    back: Option<Point>,
}

/// Walks the outer ring, and into every hole at its channel. Holes hang on holes, so a stack and not the call stack holds the way back.
fn walk(mask: &Mask, borders: &Borders, channels: &[Vec<Channel>], outer: usize) -> Vec<Point> {
    let mut points: Vec<Point> = Vec::new();
    let mut push = |point: Point| {
        if points.last() != Some(&point) {
            points.push(point);
        }
    };
    let enter = |ring, from, back| Step { ring, from, done: 0, waiting: 0..0, back };
    let mut stack = vec![enter(outer, 0, None)];
    while let Some(step) = stack.last_mut() {
        let vertices = &borders.rings[step.ring].vertices;
        if let Some(next) = step.waiting.next() {
            let Channel { end, hole, vertex, .. } = channels[step.ring][next];
            push(end);
            stack.push(enter(hole, vertex, Some(end)));
        } else if step.done < vertices.len() {
            let at = (step.from + step.done) % vertices.len();
            step.done += 1;
            let list = &channels[step.ring];
            let first = list.partition_point(|channel| channel.edge < at);
            step.waiting = first..first + list[first..].partition_point(|channel| channel.edge == at);
            push(vertices[at].point(mask));
        } else {
            if let Some(back) = step.back {
                push(vertices[step.from].point(mask));
                push(back);
            }
            stack.pop();
        }
    }
    points
}

#[cfg(test)]
mod tests {
    use super::super::fill;
    use super::*;
    use crate::random::Random;

    fn filled(contours: &[Vec<Point>], shape: [usize; 2]) -> Vec<u8> {
        let mut pixels = vec![0; shape[0] * shape[1]];
        for contour in contours {
            let points: Vec<[f64; 2]> =
                contour.iter().map(|p| [f64::from(p.row) / 1000.0, f64::from(p.column) / 1000.0]).collect();
            for span in fill::even_odd(&[&points], shape).unwrap() {
                for column in span.columns() {
                    // Not toggled: contours that overlapped would show.
                    pixels[span.row as usize * shape[1] + column] += 1;
                }
            }
        }
        pixels
    }

    fn assert_round_trip(slice: &[u8], columns: usize) {
        let shape = [slice.len() / columns, columns];
        let found = contours(slice, columns, 1);
        assert_eq!(filled(&found, shape), slice, "{shape:?}");
        // As a reader does who rounds vertices to pixels and draws them too: no point leaves the mask.
        for point in found.iter().flatten() {
            let pixel = [point.row, point.column].map(|x| ((x + 500).div_euclid(1000)) as usize);
            assert_eq!(slice[pixel[0] * columns + pixel[1]], 1, "{point:?} is outside");
        }
    }

    #[test]
    fn every_mask_of_four_by_four_pixels_comes_back() {
        for bits in 0..1_u32 << 16 {
            let slice: Vec<u8> = (0..16).map(|n| (bits >> n & 1) as u8).collect();
            let found = contours(&slice, 4, 1);
            assert_eq!(filled(&found, [4, 4]), slice, "{bits:016b}");
        }
    }

    #[test]
    fn random_masks_with_holes_in_holes_come_back() {
        let mut random = Random::new(4);
        for (rows, columns) in [(13, 7), (7, 13), (1, 9), (9, 1), (40, 40), (61, 33)] {
            for percent in [3, 30, 50, 60, 80, 97] {
                for _ in 0..20 {
                    let slice: Vec<u8> = (0..rows * columns).map(|_| u8::from(random.below(100) < percent)).collect();
                    assert_round_trip(&slice, columns);
                }
            }
        }
    }

    #[test]
    fn a_hole_is_cut_out_of_its_only_contour() {
        let slice = [1, 1, 1, 1, 0, 1, 1, 1, 1];
        let found = contours(&slice, 3, 1);
        assert_eq!(found.len(), 1);
        // Four corners outside, four inside, and both ends of the channel twice.
        assert_eq!(found[0].len(), 4 + 4 + 1 + 2);
        assert_round_trip(&slice, 3);
    }

    #[test]
    fn pixels_that_touch_at_a_corner_are_two_contours_without_points_on_lines() {
        let found = contours(&[1, 0, 0, 1], 2, 1);
        assert_eq!(found.iter().map(Vec::len).collect::<Vec<_>>(), [4, 4]);
        let bar = contours(&[1; 12], 6, 1);
        let corners = [(-495, -495), (-495, 5495), (1495, 5495), (1495, -495)];
        let points: Vec<_> = bar[0].iter().map(|p| (p.row, p.column)).collect();
        assert!(corners.iter().all(|corner| points.contains(corner)) && points.len() == 4, "{points:?}");
    }

    #[test]
    fn a_full_slice_of_noise_takes_no_time() {
        let mut random = Random::new(1);
        let slice: Vec<u8> = (0..512 * 512).map(|_| u8::from(random.chance(0.6))).collect();
        assert_round_trip(&slice, 512);
    }
}
