//! What minimal filtering computes at a time: some outputs of a line, or as many of each of as many lines; and which costs least.

use super::fits;
use crate::conv3d::Conv3d;
use crate::conv3d::parts::{self, Costs, Part};
use crate::conv3d::reach::Reach;
use crate::element::Element;
use crate::simd::Filter;
use crate::view::Grid;

/// What is computed at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Four outputs of a line, by six products for every tap of depth and height.
    Line,
    /// Four outputs of each of four lines, by 36 products for every tap of the depth; or seven of each of seven, by 81.
    Square(Filter),
}

impl Step {
    /// The filter along a line.
    pub(crate) fn filter(self) -> Filter {
        match self {
            Self::Line => Filter::Four,
            Self::Square(filter) => filter,
        }
    }

    /// Products, the points at which inputs and weights are multiplied; those across lines change fastest.
    pub(crate) fn points(self) -> usize {
        self.along() * self.across()
    }

    /// Points along lines, and across them.
    pub(crate) fn along(self) -> usize {
        self.filter().points()
    }

    pub(crate) fn across(self) -> usize {
        match self {
            Self::Line => 1,
            Self::Square(filter) => filter.points(),
        }
    }

    /// Outputs of a line, and output lines.
    pub(crate) fn outputs(self) -> usize {
        self.filter().outputs()
    }

    pub(crate) fn lines(self) -> usize {
        match self {
            Self::Line => 1,
            Self::Square(filter) => filter.outputs(),
        }
    }

    /// Taps of the kernel that its points stand for.
    pub(crate) fn taps(self) -> usize {
        match self {
            Self::Line => 3,
            Self::Square(_) => 9,
        }
    }

    /// Kernel size along the height that is left at a point, of `taps`.
    pub(crate) fn height(self, taps: usize) -> usize {
        match self {
            Self::Line => taps,
            Self::Square(_) => 1,
        }
    }

    /// Steps of an output line.
    pub(crate) fn steps(self, conv: &Conv3d) -> usize {
        conv.output()[2].div_ceil(self.outputs())
    }

    /// Rows of steps in a plane of the output.
    pub(crate) fn rows(self, conv: &Conv3d) -> usize {
        conv.output()[1].div_ceil(self.lines())
    }
}

/// How a convolution is filtered.
#[derive(Debug, Clone)]
pub(crate) struct Filtering {
    pub(crate) step: Step,
    /// What is read alike. With a [`Step::Square`] they reach for rows of steps along the height.
    pub(crate) parts: Vec<Part>,
    /// Lines of a plane into which its computed lines are added up afterwards, where squares are summed along the height.
    pub(crate) added: Option<usize>,
}

impl Filtering {
    /// All ways that there are for a convolution.
    pub(crate) fn all(conv: &Conv3d) -> Vec<Self> {
        let steps = if fits(conv) { &STEPS[..] } else { &[] };
        steps.iter().filter_map(|&step| Self::by(step, conv, &conv.own_grid())).collect()
    }

    /// The cheapest for a convolution of tensors of `E` whose input channels lie on the given grids.
    pub(crate) fn of_input<E: Element>(conv: &Conv3d, grids: &[Grid]) -> Self {
        Self::cheapest::<E>(|step| Self::by(step, conv, grids), |filtering| filtering.cost(conv))
    }

    /// That for its weight gradient.
    pub(crate) fn of_weights<E: Element>(conv: &Conv3d, grids: &[Grid]) -> Self {
        Self::cheapest::<E>(|step| Self::by(step, conv, grids), |filtering| filtering.cost_of_weights(conv))
    }

    /// That by one kind of step, where it can be.
    pub(crate) fn by(step: Step, conv: &Conv3d, grids: &[Grid]) -> Option<Self> {
        let parts = match step {
            Step::Line => parts::parts(conv, grids, costs(conv, step)),
            Step::Square(filter) => {
                let rows = rows_of_squares(conv, filter)?;
                let costs = costs_of_squares(conv, filter, conv.output()[0]);
                parts::parts_of_rows(conv, grids, costs, &rows)
            }
        };
        Some(Self { step, parts, added: None })
    }

    /// The cheapest for sums of neighbouring outputs: those that a nearest resize of a tensor of `size`, as wide as the output,
    /// would repeat.
    pub(crate) fn of_sums<E: Element>(conv: &Conv3d, size: [usize; 3]) -> Self {
        Self::cheapest::<E>(|step| Self::of_sums_by(step, conv, size), |filtering| filtering.cost(conv))
    }

    /// That by one kind of step, where it can be. Squares compute all lines, which are then added up.
    pub(crate) fn of_sums_by(step: Step, conv: &Conv3d, size: [usize; 3]) -> Option<Self> {
        let mut parts = parts::of_sums(conv, size);
        let mut added = None;
        if let Step::Square(filter) = step {
            let rows = rows_of_squares(conv, filter)?;
            parts.iter_mut().for_each(|part| part.reach[1] = rows.clone());
            added = (size[1] != conv.output()[1]).then_some(size[1]);
        }
        Some(Self { step, parts, added })
    }

    fn cheapest<E: Element>(by: impl Fn(Step) -> Option<Self>, cost: impl Fn(&Self) -> usize) -> Self {
        let all = steps_for::<E>().iter().filter_map(|&step| by(step));
        all.min_by_key(cost).expect("lines can always be filtered")
    }

    /// Products, and what making and reading weights costs beside them.
    fn cost(&self, conv: &Conv3d) -> usize {
        let costs = match self.step {
            Step::Line => costs(conv, self.step),
            Step::Square(filter) => costs_of_squares(conv, filter, self.planes_and_rows()[0]),
        };
        self.cost_by(conv, costs)
    }

    /// The same of a weight gradient, whose sums are read and written in place of weights.
    fn cost_of_weights(&self, conv: &Conv3d) -> usize {
        let costs = match self.step {
            Step::Line => costs(conv, self.step),
            Step::Square(_) => Costs { making: 16, reading: 16, along: self.step.steps(conv) },
        };
        self.cost_by(conv, costs)
    }

    fn cost_by(&self, conv: &Conv3d, costs: Costs) -> usize {
        let of_part = |part: &Part| part.channels.len() * costs.of(conv.batch, part.reach.each_ref());
        self.parts.iter().map(of_part).sum::<usize>() * self.step.points()
    }

    /// Whether all planes are computed at once, block of output channels by block: where there are few voxels and many weights
    /// these are made as they are used, in the cache.
    pub(super) fn at_once(&self, conv: &Conv3d) -> bool {
        match self.step {
            Step::Line => false,
            Step::Square(filter) => at_once(conv, filter, self.planes_and_rows()[0]),
        }
    }

    /// Planes, and lines of a plane, that are computed.
    pub(super) fn planes_and_lines(&self, conv: &Conv3d) -> [usize; 2] {
        let [planes, rows] = self.planes_and_rows();
        match self.step {
            Step::Line => [planes, rows],
            Step::Square(_) => [planes, conv.output()[1]],
        }
    }

    /// Planes, and rows of steps in a plane.
    pub(super) fn planes_and_rows(&self) -> [usize; 2] {
        self.parts.first().map_or([0; 2], |part| part.reach.each_ref().map(|reach| reach.reads.len()))
    }
}

/// Most squares of a volume, and fewest weights of a tap, for which all planes are computed at once.
const SQUARES_AT_ONCE: usize = 640;
const WEIGHTS_AT_ONCE: usize = 96 * 96;

/// All kinds of steps.
pub(crate) const STEPS: [Step; 3] = [Step::Line, Step::Square(Filter::Four), Step::Square(Filter::Seven)];

/// Those that tensors of `E` allow: seven outputs at a time lose what float32 has to spare, but far less than rounding to bfloat16
/// does.
fn steps_for<E: Element>() -> &'static [Step] {
    if E::PER_SCALAR > 1 { &STEPS } else { &STEPS[..2] }
}

/// Whether all of so many output planes of squares are computed at once.
fn at_once(conv: &Conv3d, filter: Filter, planes: usize) -> bool {
    let step = Step::Square(filter);
    planes * step.rows(conv) * step.steps(conv) <= SQUARES_AT_ONCE
        && conv.in_channels * conv.out_channels >= WEIGHTS_AT_ONCE
}

/// The rows of squares, where three taps along the height allow them.
fn rows_of_squares(conv: &Conv3d, filter: Filter) -> Option<Reach> {
    (conv.kernel[1] == 3).then(|| Reach::of_rows(Step::Square(filter).rows(conv)))
}

fn costs(conv: &Conv3d, step: Step) -> Costs {
    Costs { along: step.steps(conv), making: 60, reading: 60 }
}

/// Of weights at the points of squares: making them costs less where it is done in the cache, as they are used.
fn costs_of_squares(conv: &Conv3d, filter: Filter, planes: usize) -> Costs {
    let [making, reading] = if at_once(conv, filter, planes) { [20, 3] } else { [60, 12] };
    Costs { along: Step::Square(filter).steps(conv), making, reading }
}
