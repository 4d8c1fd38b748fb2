//! The borders of a mask in one slice, as closed rings of vertices.

/// How far a contour keeps off the border between two pixels, in thousandths of a pixel, inside the mask.
///
/// Small enough that areas stay right (by 0.1 % for a disc of 20 pixels across), large enough that a reader who rounds vertices
/// to pixels always meets a pixel of the mask, in spite of directions given with six digits.
pub(super) const INSET: i32 = 5;

/// A vertex in thousandths of a pixel: the centre of pixel (row, column) lies at (1000 row, 1000 column).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Point {
    pub(super) row: i32,
    pub(super) column: i32,
}

/// One label of a slice, cut to the box it fills, with a rim of background.
#[derive(Debug)]
pub(super) struct Mask {
    width: usize,
    cells: Vec<bool>,
    /// The pixel at the upper left corner of the box; cell (1, 1).
    first: [usize; 2],
}

impl Mask {
    /// Cuts `label` out of a slice of `columns` pixels a row; `None` if it is not there.
    pub(super) fn cut(slice: &[u8], columns: usize, label: u8) -> Option<Self> {
        let mut low = [usize::MAX; 2];
        let mut high = [0; 2];
        for (row, pixels) in slice.chunks(columns).enumerate() {
            let Some(left) = pixels.iter().position(|&l| l == label) else { continue };
            let right = pixels.iter().rposition(|&l| l == label).unwrap_or(left);
            low = [low[0].min(row), low[1].min(left)];
            high = [row, high[1].max(right)];
        }
        if low[0] == usize::MAX {
            return None;
        }
        let (height, width) = (high[0] - low[0] + 3, high[1] - low[1] + 3);
        let mut cells = vec![false; height * width];
        for row in low[0]..=high[0] {
            let from = &slice[row * columns..];
            let to = (row - low[0] + 1) * width + 1;
            for column in low[1]..=high[1] {
                cells[to + column - low[1]] = from[column] == label;
            }
        }
        Some(Self { width, cells, first: low })
    }

    /// Whether the cell belongs to the mask.
    pub(super) fn has(&self, cell: [usize; 2]) -> bool {
        self.cells[cell[0] * self.width + cell[1]]
    }

    fn at(&self, cell: [usize; 2]) -> usize {
        cell[0] * self.width + cell[1]
    }
}

/// The way along a border; the mask lies to the right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heading {
    Right,
    Down,
    Left,
    Up,
}

impl Heading {
    fn turned_right(self) -> Self {
        match self {
            Self::Right => Self::Down,
            Self::Down => Self::Left,
            Self::Left => Self::Up,
            Self::Up => Self::Right,
        }
    }

    fn turned_left(self) -> Self {
        self.turned_right().turned_right().turned_right()
    }

    /// The corner after `from`.
    fn step(self, [row, column]: [usize; 2]) -> [usize; 2] {
        match self {
            Self::Right => [row, column + 1],
            Self::Down => [row + 1, column],
            Self::Left => [row, column - 1],
            Self::Up => [row - 1, column],
        }
    }

    /// The cells to the right (mask) and to the left (background) of the edge that leaves `from`.
    ///
    /// Corner (row, column) is the upper left one of the cell of that name.
    fn sides(self, [row, column]: [usize; 2]) -> ([usize; 2], [usize; 2]) {
        match self {
            Self::Right => ([row, column], [row - 1, column]),
            Self::Down => ([row, column - 1], [row, column]),
            Self::Left => ([row - 1, column - 1], [row, column - 1]),
            Self::Up => ([row - 1, column], [row - 1, column - 1]),
        }
    }

    /// Towards the mask.
    fn inward(self) -> [i32; 2] {
        match self {
            Self::Right => [1, 0],
            Self::Down => [0, -1],
            Self::Left => [-1, 0],
            Self::Up => [0, 1],
        }
    }
}

/// A corner of the border.
#[derive(Debug, Clone, Copy)]
pub(super) struct Vertex {
    /// The corner between cells.
    pub(super) corner: [usize; 2],
    /// Towards the mask, by row and by column.
    inward: [i32; 2],
}

/// A closed border. Clockwise around a piece of the mask, the other way around a hole.
#[derive(Debug)]
pub(super) struct Ring {
    pub(super) vertices: Vec<Vertex>,
    pub(super) is_hole: bool,
}

/// An edge of a ring: the ring and the vertex that it leaves.
pub(super) type Edge = (u32, u32);

/// All borders of a mask, and which ring passes a cell.
#[derive(Debug)]
pub(super) struct Borders {
    pub(super) rings: Vec<Ring>,
    /// By cell of the mask: the edge along its left side (heading up), and along its lower side (heading left).
    upward: Vec<Option<Edge>>,
    leftward: Vec<Option<Edge>>,
}

impl Borders {
    /// Follows all borders. Pixels that touch at a corner only are separate: each keeps its own corner.
    pub(super) fn of(mask: &Mask) -> Self {
        let none = || vec![None; mask.cells.len()];
        let mut borders = Self { rings: Vec::new(), upward: none(), leftward: none() };
        let mut seen = vec![false; mask.cells.len()];
        for at in mask.width..mask.cells.len() {
            if mask.cells[at] && !mask.cells[at - mask.width] && !seen[at] {
                borders.follow(mask, [at / mask.width, at % mask.width], &mut seen);
            }
        }
        borders
    }

    /// The edge along the left side of a cell.
    pub(super) fn upward(&self, mask: &Mask, cell: [usize; 2]) -> Option<Edge> {
        self.upward[mask.at(cell)]
    }

    /// The edge along the lower side of a cell.
    pub(super) fn leftward(&self, mask: &Mask, cell: [usize; 2]) -> Option<Edge> {
        self.leftward[mask.at(cell)]
    }

    /// Follows one border from the upper left corner of `start`, where it turns.
    fn follow(&mut self, mask: &Mask, start: [usize; 2], seen: &mut [bool]) {
        let number = self.rings.len() as u32;
        let mut vertices: Vec<Vertex> = Vec::new();
        let mut turns = 0_i64;
        let (mut corner, mut heading) = (start, Heading::Right);
        loop {
            let (cell, _) = heading.sides(corner);
            match heading {
                Heading::Right => seen[mask.at(cell)] = true,
                Heading::Up => self.upward[mask.at(cell)] = Some((number, vertices.len() as u32 - 1)),
                Heading::Left => self.leftward[mask.at(cell)] = Some((number, vertices.len() as u32 - 1)),
                Heading::Down => (),
            }
            corner = heading.step(corner);
            let is_border = |heading: Heading| {
                let (inside, outside) = heading.sides(corner);
                mask.has(inside) && !mask.has(outside)
            };
            // A right turn first: it stays with the same pixel where two touch at a corner.
            let next = if is_border(heading.turned_right()) {
                turns += 1;
                heading.turned_right()
            } else if is_border(heading) {
                continue;
            } else {
                turns -= 1;
                heading.turned_left()
            };
            let (a, b) = (heading.inward(), next.inward());
            vertices.push(Vertex { corner, inward: [a[0] + b[0], a[1] + b[1]] });
            heading = next;
            if corner == start && heading == Heading::Right {
                break;
            }
        }
        self.rings.push(Ring { vertices, is_hole: turns < 0 });
    }
}

impl Vertex {
    /// Where the vertex lies in the slice.
    pub(super) fn point(&self, mask: &Mask) -> Point {
        let place = |axis: usize| {
            let pixel = (self.corner[axis] + mask.first[axis]) as i32 - 1;
            1000 * pixel - 500 + INSET * self.inward[axis]
        };
        Point { row: place(0), column: place(1) }
    }
}
