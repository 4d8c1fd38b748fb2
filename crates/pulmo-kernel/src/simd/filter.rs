//! The points of Winograd's minimal filtering: some outputs of three taps by two more products than outputs; along both axes of a
//! plane, by their square.
//!
//! # References
//! Lavin and Gray 2016, "Fast algorithms for convolutional neural networks"; Barabasz et al. 2020, "Error analysis and
//! improving the accuracy of Winograd convolution for deep neural networks".

/// How many outputs of a line are computed at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Filter {
    /// F(4, 3): six products instead of twelve.
    Four,
    /// F(7, 3): nine instead of 21, with some twelve times the error.
    Seven,
}

/// Most points, pairs of them, and outputs, over all filters.
pub(crate) const MOST_POINTS: usize = 9;
pub(super) const MOST_PAIRS: usize = 4;
pub(super) const MOST_OUTPUTS: usize = 7;

impl Filter {
    /// Products of one step: the points, infinity included.
    pub(crate) const fn points(self) -> usize {
        match self {
            Self::Four => Four::COUNT,
            Self::Seven => Seven::COUNT,
        }
    }

    /// Outputs of one step.
    pub(crate) const fn outputs(self) -> usize {
        match self {
            Self::Four => Four::OUTPUTS,
            Self::Seven => Seven::OUTPUTS,
        }
    }

    /// `G`: the weights of each point as factors of the three taps.
    pub(crate) fn weights(self) -> &'static [[f64; 3]] {
        match self {
            Self::Four => Four::WEIGHTS,
            Self::Seven => Seven::WEIGHTS,
        }
    }
}

/// The points of a filter.
pub(crate) trait Points {
    /// The positive ones; 0 and the negative ones go with them.
    const PAIRS: &'static [f64];
    /// Whether infinity is one, the last.
    const INFINITY: bool;
    /// How many there are.
    const COUNT: usize = 1 + 2 * Self::PAIRS.len() + Self::INFINITY as usize;
    /// Outputs of a step.
    const OUTPUTS: usize = Self::COUNT - 2;
    /// As [`Filter::weights`].
    const WEIGHTS: &'static [[f64; 3]] = weights(Self::PAIRS, Self::INFINITY).split_at(Self::COUNT).0;
    /// The product of all `t² − a²`, and those of all but one.
    const OF_ALL: [f32; MOST_PAIRS] = product(Self::PAIRS, MOST_PAIRS);
    const OF_OTHERS: [[f32; MOST_PAIRS]; MOST_PAIRS] = {
        let mut products = [[0.0; MOST_PAIRS]; MOST_PAIRS];
        let mut pair = 0;
        while pair < Self::PAIRS.len() {
            products[pair] = product(Self::PAIRS, pair);
            pair += 1;
        }
        products
    };
    /// The powers of each positive point, from 0 on.
    const POWERS: [[f32; MOST_OUTPUTS]; MOST_PAIRS] = powers(Self::PAIRS);
}

/// The points 21/32 and 25/16 and infinity keep all constants of `A` and `B` exact in float32 and lose little: along and across
/// lines an error of about four times that of the direct sum, half of what the usual 1 and 2 give.
pub(crate) struct Four;

impl Points for Four {
    const PAIRS: &'static [f64] = &[21.0 / 32.0, 25.0 / 16.0];
    const INFINITY: bool = true;
}

/// Four pairs and no infinity: the best by draws of random numbers (`docs/decisions/0021`).
pub(crate) struct Seven;

impl Points for Seven {
    const PAIRS: &'static [f64] = &[29.0 / 64.0, 57.0 / 64.0, 25.0 / 16.0, 195.0 / 64.0];
    const INFINITY: bool = false;
}

/// What multiplies the powers of `t²`, from 0 on, in the product of `t² − a²` over all pairs but one; that of the highest power is 1
/// and left out.
const fn product(pairs: &[f64], without: usize) -> [f32; MOST_PAIRS] {
    let mut factors = [0.0; MOST_PAIRS + 1];
    factors[0] = 1.0;
    let (mut pair, mut degree) = (0, 0);
    while pair < pairs.len() {
        if pair != without {
            let square = pairs[pair] * pairs[pair];
            degree += 1;
            let mut power = degree;
            while power > 0 {
                factors[power] = factors[power - 1] - square * factors[power];
                power -= 1;
            }
            factors[0] *= -square;
        }
        pair += 1;
    }
    let mut rounded = [0.0; MOST_PAIRS];
    let mut power = 0;
    while power < degree {
        rounded[power] = factors[power] as f32;
        power += 1;
    }
    rounded
}

const fn powers(pairs: &[f64]) -> [[f32; MOST_OUTPUTS]; MOST_PAIRS] {
    let mut all = [[0.0; MOST_OUTPUTS]; MOST_PAIRS];
    let mut pair = 0;
    while pair < pairs.len() {
        let (mut power, mut exponent) = (1.0, 0);
        while exponent < MOST_OUTPUTS {
            all[pair][exponent] = power as f32;
            power *= pairs[pair];
            exponent += 1;
        }
        pair += 1;
    }
    all
}

/// The weights at a point are those of the three taps times its powers, over the product of its distances from the others.
const fn weights(pairs: &[f64], infinity: bool) -> [[f64; 3]; MOST_POINTS] {
    let mut all = [[0.0; 3]; MOST_POINTS];
    let mut at_zero = 1.0;
    let mut pair = 0;
    while pair < pairs.len() {
        let square = pairs[pair] * pairs[pair];
        at_zero *= -square;
        let mut distances = 2.0 * square;
        let mut other = 0;
        while other < pairs.len() {
            if other != pair {
                distances *= square - pairs[other] * pairs[other];
            }
            other += 1;
        }
        all[1 + 2 * pair] = [1.0 / distances, pairs[pair] / distances, square / distances];
        all[2 + 2 * pair] = [1.0 / distances, -pairs[pair] / distances, square / distances];
        pair += 1;
    }
    all[0] = [1.0 / at_zero, 0.0, 0.0];
    if infinity {
        all[1 + 2 * pairs.len()] = [0.0, 0.0, 1.0];
    }
    all
}
