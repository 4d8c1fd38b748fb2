//! How passes on tiles are split into tasks, and what they allocate.

use super::layout::Layout;
use super::planes::narrow_plane;
use super::source::Source;
use super::unit::{Row, SIDE, Step, Sums, Unit};
use super::weights;
use crate::conv3d::passes::Pass;

/// Bytes of the ring of planes, where more than the fewest planes fit.
const RING_BYTES: usize = 24 << 20;
/// Products that are added up before the next outputs: 24 KB of weights for a pair of channel tiles.
pub(super) const CHUNK_STEPS: usize = 12;
/// Pairs of tiles of a task, and pairs of channel tiles that are kept at a time: 512 KB of sums.
const TASK_PAIRS: usize = 16;
pub(super) const TASK_COLUMNS: usize = 8;
/// Most pairs of tiles that one task computes by weights of its own, and fewest pairs of channel tiles for which it does: with few
/// outputs, packing all weights and reading them again takes as long as the products. In tests layers have few channels.
const OWN_PAIRS: usize = 48;
const OWN_COLUMNS: usize = if cfg!(test) { 1 } else { 8 };

/// Sizes of one source.
pub(super) struct Sizes {
    pub(super) layout: Layout,
    /// Planes of the ring.
    pub(super) ring: usize,
    /// Rows of the ring, of the lines to be merged, and of the weights, unless tasks pack those.
    pub(super) rows: [usize; 3],
    /// Pairs of tiles and of channel tiles of a task.
    pub(super) task: [usize; 2],
}

impl Sizes {
    /// Where each task of a source computes all outputs, and so is the only one to read its weights: pairs of tiles and of
    /// channel tiles of one.
    fn own_weights(Source { pass, classes, .. }: &Source, layout: &Layout, chunk: usize) -> Option<[usize; 2]> {
        let all = pass.axes[0].count * layout.outputs.div_ceil(2 * SIDE);
        // Of a class that reads all lines the steps of a chunk follow each other.
        let is_one = pass.batch == 1 && chunk >= pass.axes[0].count && classes.len() == 1;
        let is_one = is_one && classes[0].sets.len() == pass.kernel[1];
        let pays = is_one && all <= OWN_PAIRS && weights::pairs(pass) >= OWN_COLUMNS;
        pays.then(|| [all, (TASK_PAIRS * TASK_COLUMNS / all).min(TASK_COLUMNS)])
    }
}

/// Sizes of all sources.
pub(super) struct AllSizes {
    pub(super) each: Vec<Sizes>,
    /// Output planes that are computed at a time.
    pub(super) chunk: usize,
    /// Rows of the sums of these planes that wait for the next source.
    pub(super) waiting: usize,
}

impl AllSizes {
    /// With `packed` weights there is no room for those that a call packs.
    pub(super) fn new(unit: impl Unit, sources: &[&Source], packed: bool) -> Self {
        let layout = |source: &&Source| Layout::new(source, unit.granule(), false);
        let layouts: Vec<Layout> = sources.iter().map(layout).collect();
        let fits = |&chunk: &usize| {
            let rows = |(source, layout): (&&Source, &Layout)| source.ring_planes(chunk) * layout.plane;
            sources.iter().zip(&layouts).map(rows).sum::<usize>() <= RING_BYTES / size_of::<Row>()
        };
        let pass = &sources[0].pass;
        let chunk = (1..=pass.axes[0].count).take_while(fits).last().unwrap_or(1);
        let size = |(source, layout): (&&Source, Layout)| {
            let ring = source.ring_planes(chunk);
            let own = Sizes::own_weights(source, &layout, chunk);
            let weights = if packed || own.is_some() { 0 } else { weights::rows(&source.pass, &layout) };
            let rows = [ring * layout.plane, ring * narrow_plane(&layout), weights];
            Sizes { layout, ring, rows, task: own.unwrap_or([TASK_PAIRS, TASK_COLUMNS]) }
        };
        let waiting = if sources.len() > 1 { (chunk * values_of_plane(pass)).div_ceil(SIDE) } else { 0 };
        Self { each: sources.iter().zip(layouts).map(size).collect(), chunk, waiting }
    }

    /// Rows of everything.
    pub(super) fn rows(&self) -> usize {
        self.waiting + self.each.iter().flat_map(|sizes| sizes.rows).sum::<usize>()
    }
}

/// Outputs of a plane.
fn values_of_plane(pass: &Pass) -> usize {
    pass.output[1] * pass.output[2] * pass.channels
}

/// Bytes that a call allocates besides what every thread does, and bytes of a thread: its sums, and a line as read and rounded.
pub(super) fn bytes(unit: impl Unit, sources: &[&Source], packed: bool) -> [usize; 2] {
    if is_empty(&sources[0].pass) {
        return [0, 0];
    }
    let sizes = AllSizes::new(unit, sources, packed);
    let steps = |(source, sizes): (&&Source, &Sizes)| weights::steps(&source.pass, &sizes.layout);
    let steps = sources.iter().zip(&sizes.each).map(steps).max().unwrap_or(0);
    let tables = sizes.chunk * steps * size_of::<Step>() * 2;
    let pairs = weights::pairs(&sources[0].pass);
    let sums = |Sizes { task: [tiles, columns], .. }: &Sizes| tiles * pairs.min(*columns) * 4 * size_of::<Sums>();
    let sums = sizes.each.iter().map(sums).max().unwrap_or(0);
    let own = CHUNK_STEPS * 2 * SIDE * size_of::<Row>();
    let line = sources.iter().map(|source| source.pass.axes[2].extent * source.pass.depth).max().unwrap_or(0);
    [sizes.rows() * size_of::<Row>() + tables, sums + own + line * 3 * size_of::<f32>()]
}

/// Whether nothing is summed.
pub(super) fn is_empty(pass: &Pass) -> bool {
    pass.depth == 0 || pass.channels == 0 || pass.axes.iter().any(|axis| axis.taps.is_empty() || axis.count == 0)
}
