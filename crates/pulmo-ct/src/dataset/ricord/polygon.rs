//! Filling a polygon on a slice, exactly as `skimage.draw.polygon` does.
//!
//! **Where the origin lies.** A vertex (x, y) is (column, row), and the centres of pixels are at whole numbers: (0, 0) is
//! the centre of the first pixel, not its corner. That is how the public readers of RICORD take the file's numbers.
//!
//! **Which pixels.** Those whose centre lies inside, on an edge or on a vertex (within 1e-12), by the crossing rule of
//! O'Rourke, *Computational Geometry in C*, 1998, section 7.4: an edge that crosses itself leaves holes (even-odd). The
//! sums are those of scikit-image 0.26 in the same order, so that a centre on an edge falls the same way; edges that
//! cannot touch a row are only skipped.

/// Pixels nearer to a vertex than this are on it.
const ON_VERTEX: f64 = 1e-12;

/// Calls `take(row, column)` for every pixel of a polygon on a slice of `rows` x `columns`.
///
/// Vertices are (x, y); the last is joined to the first. Vertices outside the slice are fine, no vertices draw nothing.
pub fn fill(vertices: &[[f64; 2]], [rows, columns]: [usize; 2], mut take: impl FnMut(usize, usize)) {
    let (Some(across), Some(down)) = (span(vertices, 0, columns), span(vertices, 1, rows)) else { return };
    let mut row_edges = Vec::new();
    let mut row_vertices = Vec::new();
    for row in down {
        let y = row as f64;
        row_edges.clear();
        row_vertices.clear();
        let mut last = vertices.len() - 1;
        for at in 0..vertices.len() {
            let (y0, y1) = (vertices[at][1] - y, vertices[last][1] - y);
            if y0.abs() < ON_VERTEX {
                row_vertices.push(vertices[at][0]);
            }
            if (y0 > 0.0) != (y1 > 0.0) || (y0 < 0.0) != (y1 < 0.0) {
                row_edges.push([vertices[at][0], vertices[last][0], y0, y1]);
            }
            last = at;
        }
        for column in across.clone() {
            if is_inside(column as f64, &row_edges, &row_vertices) {
                take(row, column);
            }
        }
    }
}

/// The pixels along one axis that the polygon can touch; `None` if there is none.
fn span(vertices: &[[f64; 2]], axis: usize, length: usize) -> Option<std::ops::RangeInclusive<usize>> {
    let values = || vertices.iter().map(|vertex| vertex[axis]);
    if !values().all(f64::is_finite) {
        return None;
    }
    let (low, high) = (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
    if vertices.is_empty() || high.ceil() < 0.0 || length == 0 {
        return None;
    }
    Some(low.max(0.0) as usize..=(high.ceil() as usize).min(length - 1))
}

fn is_inside(x: f64, edges: &[[f64; 4]], vertices: &[f64]) -> bool {
    if vertices.iter().any(|vertex| (vertex - x).abs() < ON_VERTEX) {
        return true;
    }
    let (mut right, mut left) = (false, false);
    for &[x0, x1, y0, y1] in edges {
        let (x0, x1) = (x0 - x, x1 - x);
        if (y0 > 0.0) != (y1 > 0.0) && (x0 * y1 - x1 * y0) / (y1 - y0) > 0.0 {
            right = !right;
        }
        if (y0 < 0.0) != (y1 < 0.0) && (x0 * y1 - x1 * y0) / (y1 - y0) < 0.0 {
            left = !left;
        }
    }
    // If the two disagree, the pixel lies on an edge.
    right || left
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(vertices: &[[f64; 2]], shape: [usize; 2]) -> Vec<(usize, usize)> {
        let mut pixels = Vec::new();
        fill(vertices, shape, |row, column| pixels.push((row, column)));
        pixels
    }

    #[test]
    fn centres_on_the_edge_are_inside() {
        let square = [[1.0, 1.0], [2.0, 1.0], [2.0, 3.0], [1.0, 3.0]];
        assert_eq!(filled(&square, [5, 5]), [(1, 1), (1, 2), (2, 1), (2, 2), (3, 1), (3, 2)]);
        assert_eq!(filled(&[[1.2, 1.2], [1.8, 1.2], [1.5, 1.8]], [5, 5]), [], "between the centres lies no pixel");
        assert_eq!(filled(&[[3.0, 2.0]], [5, 5]), [(2, 3)]);
    }

    #[test]
    fn what_lies_outside_draws_nothing() {
        assert_eq!(filled(&[], [5, 5]), []);
        assert_eq!(filled(&[[-4.0, -4.0], [-2.0, -4.0], [-2.0, -2.0]], [5, 5]), []);
        assert_eq!(filled(&[[9.0, 9.0], [12.0, 9.0], [12.0, 12.0]], [5, 5]), []);
        assert_eq!(filled(&[[f64::NAN, 1.0], [2.0, 1.0], [2.0, 2.0]], [5, 5]), []);
        assert_eq!(filled(&[[-1e9, -1e9], [1e9, -1e9], [1e9, 1e9], [-1e9, 1e9]], [2, 2]).len(), 4);
        assert_eq!(filled(&[[0.0, 0.0], [1.0, 1.0], [1.0, 0.0]], [0, 2]), []);
    }
}
