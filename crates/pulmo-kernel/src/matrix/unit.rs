//! What the tile instructions of a processor compute, behind one trait.

/// Rows of a tile, and float32 columns of one.
pub(crate) const SIDE: usize = 16;
/// bfloat16 values in a row of a tile: what one product sums over.
pub(crate) const DEPTH: usize = 32;

/// A row of a tile of bfloat16 values, as bits. A factor on the left has 32 neighbours of the summed axis in a row, one on
/// the right the pairs of its 16 columns: column `n` at `2n` and `2n + 1`.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C, align(64))]
pub(crate) struct Row(pub(crate) [u16; DEPTH]);

impl Row {
    pub(crate) const ZERO: Self = Self([0; DEPTH]);

    /// The values of some rows, one behind the other.
    pub(crate) fn values(rows: &[Self]) -> &[u16] {
        // SAFETY: rows are their values without gaps (64 bytes, aligned to 64).
        unsafe { std::slice::from_raw_parts(rows.as_ptr().cast(), rows.len() * DEPTH) }
    }

    /// The same, to write.
    pub(crate) fn values_mut(rows: &mut [Self]) -> &mut [u16] {
        // SAFETY: as above, and the borrow is unique.
        unsafe { std::slice::from_raw_parts_mut(rows.as_mut_ptr().cast(), rows.len() * DEPTH) }
    }
}

/// A tile of float32 sums: 16 rows of 16 columns.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C, align(64))]
pub(crate) struct Sums(pub(crate) [[f32; SIDE]; SIDE]);

impl Sums {
    pub(crate) const ZERO: Self = Self([[0.0; SIDE]; SIDE]);
}

/// One product.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub(crate) struct Step {
    /// Where its factors lie, in bytes from the job's bases.
    pub(crate) left: usize,
    pub(crate) right: usize,
    /// Pairs of the summed axis that are not all zero: those behind need not be multiplied.
    pub(crate) pairs: usize,
}

/// Products that are added up in up to 2 x 2 tiles of sums. Every factor is 16 rows one behind the other.
#[derive(Debug)]
pub(crate) struct Job<'a> {
    /// Bases of the factors on the left, one for every row of tiles; the second is unused where there is one row.
    pub(crate) left: [*const Row; 2],
    /// Bases of the factors on the right, one for every column of tiles.
    pub(crate) right: [*const Row; 2],
    pub(crate) steps: &'a [Step],
    /// The tiles of sums, row by row.
    pub(crate) sums: *mut Sums,
    /// Whether to begin with zero instead of what lies there.
    pub(crate) fresh: bool,
    /// Rows of sums that are asked for; in those behind them anything may be left.
    pub(crate) wanted: usize,
}

/// Something that multiplies tiles.
pub(crate) trait Unit: Copy + Send + Sync {
    /// Runs `work` with tiles set up on this thread; [`Unit::multiply`] may only be called inside, on the same thread, and sessions
    /// do not nest.
    fn session<R>(self, work: impl FnOnce() -> R) -> R;

    /// Neighbours of the summed axis that cost as much as one: [`DEPTH`], or 2 where pairs can be left out.
    fn granule(self) -> usize;

    /// Adds all products of a job with `[rows, columns]` tiles of sums, each 1 or 2: `sums += left * right` for every step.
    ///
    /// In what order and with which roundings is the unit's own, and the same at every place ([`Plain`](super::plain::Plain)).
    ///
    /// # Safety
    /// Inside a session. At every step each used base has 16 rows behind it; `sums` points to `rows * columns` tiles that nobody
    /// else uses meanwhile.
    unsafe fn multiply(self, shape: [usize; 2], job: &Job<'_>);
}
