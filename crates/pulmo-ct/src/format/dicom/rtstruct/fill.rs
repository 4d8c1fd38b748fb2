//! Polygons become pixels.

use std::ops::Range;

/// A centre nearer to a contour than this fraction of a pixel lies on it: positions in mm lose the last digits.
const ON_BORDER: f64 = 1e-4;
/// More crossings of rows than any contour that was drawn has; a damaged one could have billions.
const MOST_CROSSINGS: usize = 1 << 23;

/// A run of pixels in one row of a slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Span {
    pub(super) row: u32,
    start: u32,
    end: u32,
}

impl Span {
    /// The columns it covers.
    pub(super) fn columns(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// How many pixels it covers.
    pub(super) fn pixels(self) -> usize {
        (self.end - self.start) as usize
    }
}

/// The pixels whose centres lie inside the polygons by the even-odd rule, taken together.
///
/// Points are (row, column) in pixels, with centres at whole numbers; each polygon is closed from its last point to its first. A centre
/// exactly on a border belongs to the polygon at a left or upper border only, so of two that share a border one has it.
/// What lies outside of the slice is cut off. Spans come sorted and do not touch. `None` if the polygons cross
/// more rows than any that was drawn.
pub(super) fn even_odd(polygons: &[&[[f64; 2]]], [rows, columns]: [usize; 2]) -> Option<Vec<Span>> {
    let mut crossings: Vec<(u32, f64)> = Vec::new();
    for polygon in polygons {
        let next = polygon.iter().cycle().skip(1);
        for (a, b) in polygon.iter().zip(next) {
            let (upper, lower) = if a[0] <= b[0] { (a, b) } else { (b, a) };
            // Rows with upper ≤ row < lower: an edge along a row is crossed by none.
            let first = upper[0].ceil().max(0.0);
            let end = lower[0].ceil().min(rows as f64);
            if first >= end {
                continue;
            }
            let slope = (lower[1] - upper[1]) / (lower[0] - upper[0]);
            for row in first as usize..end as usize {
                crossings.push((row as u32, upper[1] + (row as f64 - upper[0]) * slope));
            }
            if crossings.len() > MOST_CROSSINGS {
                return None;
            }
        }
    }
    crossings.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let mut spans: Vec<Span> = Vec::new();
    for pair in crossings.chunks_exact(2) {
        let row = pair[0].0;
        // Negative and large numbers saturate.
        let [start, end] = [pair[0].1, pair[1].1].map(|x| (x.ceil() as u32).min(columns as u32));
        match spans.last_mut() {
            Some(last) if last.row == row && last.end == start => last.end = end,
            _ if start < end => spans.push(Span { row, start, end }),
            _ => (),
        }
    }
    Some(spans)
}

/// [`even_odd`], and the pixels whose centres lie on one of the polygons: what a polygon encloses has its border.
///
/// Some programs draw through the centres of the outermost pixels and count these in; a polygon of one or two points is such a border, too.
pub(super) fn closed(polygons: &[&[[f64; 2]]], shape: [usize; 2]) -> Option<Vec<Span>> {
    let mut spans = even_odd(polygons, shape)?;
    for polygon in polygons {
        let next = polygon.iter().cycle().skip(1);
        for (a, b) in polygon.iter().zip(next) {
            put_on_border(*a, *b, shape, &mut spans);
            if spans.len() > MOST_CROSSINGS {
                return None;
            }
        }
    }
    spans.sort_unstable();
    spans.dedup_by(|next, last| {
        let touches = last.row == next.row && next.start <= last.end;
        if touches {
            last.end = last.end.max(next.end);
        }
        touches
    });
    Some(spans)
}

/// Adds the pixels whose centres lie on the edge from `a` to `b`.
fn put_on_border(a: [f64; 2], b: [f64; 2], [rows, columns]: [usize; 2], spans: &mut Vec<Span>) {
    let range = |axis: usize| (a[axis].min(b[axis]) - ON_BORDER, a[axis].max(b[axis]) + ON_BORDER);
    let ((top, bottom), (left, right)) = (range(0), range(1));
    let (first, last) = (top.ceil().max(0.0), bottom.floor().min(rows as f64 - 1.0));
    let [down, along] = [b[0] - a[0], b[1] - a[1]];
    for row in (first as usize..).take_while(|&row| row as f64 <= last) {
        // Where the edge passes the row, as wide as its slope makes it; one along the row passes all of it.
        let (middle, wide) = if down == 0.0 {
            (a[1], f64::INFINITY)
        } else {
            (a[1] + (row as f64 - a[0]) / down * along, ON_BORDER * down.hypot(along) / down.abs())
        };
        let start = (middle - wide).max(left).ceil().max(0.0);
        let end = (middle + wide).min(right).floor().min(columns as f64 - 1.0);
        if start <= end {
            spans.push(Span { row: row as u32, start: start as u32, end: end as u32 + 1 });
        }
    }
}

/// How many pixels two sorted lists of spans share.
pub(super) fn shared_pixels(a: &[Span], b: &[Span]) -> usize {
    let (mut i, mut j, mut shared) = (0, 0, 0);
    while let (Some(x), Some(y)) = (a.get(i), b.get(j)) {
        if x.row == y.row {
            shared += (x.end.min(y.end)).saturating_sub(x.start.max(y.start)) as usize;
        }
        if (x.row, x.end) <= (y.row, y.end) {
            i += 1;
        } else {
            j += 1;
        }
    }
    shared
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pixels(polygons: &[&[[f64; 2]]]) -> Vec<(u32, Range<usize>)> {
        even_odd(polygons, [6, 8]).unwrap().into_iter().map(|span| (span.row, span.columns())).collect()
    }

    #[test]
    fn centres_inside_are_taken_whichever_way_the_contour_runs() {
        let square = [[0.5, 1.5], [0.5, 4.5], [2.5, 4.5], [2.5, 1.5]];
        let expected = vec![(1, 2..5), (2, 2..5)];
        assert_eq!(pixels(&[&square]), expected);
        let mut turned = square;
        turned.reverse();
        assert_eq!(pixels(&[&turned]), expected);
        let inner = [[0.5, 2.5], [1.5, 2.5], [1.5, 3.5], [0.5, 3.5]];
        assert_eq!(pixels(&[&square, &inner]), [(1, 2..3), (1, 4..5), (2, 2..5)], "a hole by even-odd");
    }

    #[test]
    fn of_two_that_share_a_border_one_has_the_centres_on_it() {
        let left = [[0.0, 0.0], [0.0, 3.0], [2.0, 3.0], [2.0, 0.0]];
        let right = [[0.0, 3.0], [0.0, 5.0], [2.0, 5.0], [2.0, 3.0]];
        assert_eq!(pixels(&[&left]), [(0, 0..3), (1, 0..3)]);
        assert_eq!(pixels(&[&right]), [(0, 3..5), (1, 3..5)]);
        assert_eq!(pixels(&[&left, &right]), [(0, 0..5), (1, 0..5)]);
    }

    #[test]
    fn a_border_through_centres_belongs_to_what_it_encloses() {
        let pixels = |polygon: &[[f64; 2]]| -> Vec<(u32, Range<usize>)> {
            closed(&[polygon], [6, 8]).unwrap().into_iter().map(|span| (span.row, span.columns())).collect()
        };
        let square = [[1.0, 1.0], [1.0, 3.0], [3.0, 3.0], [3.0, 1.0]];
        assert_eq!(pixels(&square), [(1, 1..4), (2, 1..4), (3, 1..4)]);
        let nudged = square.map(|[row, column]| [row + 1e-7, column - 1e-7]);
        assert_eq!(pixels(&nudged), pixels(&square), "digits that were lost do not matter");
        assert_eq!(pixels(&[[0.0, 0.0], [3.0, 6.0]]), [(0, 0..1), (1, 2..3), (2, 4..5), (3, 6..7)], "a line");
        assert_eq!(pixels(&[[2.0, 5.0]]), [(2, 5..6)], "a point");
        assert_eq!(pixels(&[[2.4, 5.0]]), []);
        assert_eq!(pixels(&[[-9.0, -9.0], [-9.0, 99.0], [99.0, 99.0]]).len(), 6, "beyond the slice");
    }

    #[test]
    fn what_lies_outside_is_cut_off_and_what_has_no_area_is_nothing() {
        let large = [[-1e12, -1e12], [-1e12, 1e12], [1e12, 1e12], [1e12, -1e12]];
        assert_eq!(pixels(&[&large]).len(), 6);
        assert_eq!(pixels(&[&[[1.0, 1.0]], &[[1.0, 1.0], [4.0, 4.0]], &[]]), []);
        let zigzag: Vec<[f64; 2]> = (0..4_000_000).map(|n| [if n % 2 == 0 { -1.0 } else { 7.0 }, 1.0]).collect();
        assert!(even_odd(&[&zigzag], [6, 8]).is_none(), "more work than any drawn contour is");
    }

    #[test]
    fn shared_pixels_are_counted() {
        let span = |row, start, end| Span { row, start, end };
        let a = [span(0, 0, 4), span(1, 2, 8), span(3, 0, 2)];
        let b = [span(0, 3, 9), span(1, 0, 3), span(1, 5, 6), span(2, 0, 9)];
        assert_eq!(shared_pixels(&a, &b), 3);
        assert_eq!(shared_pixels(&b, &a), 3);
    }
}
