//! Compares tile products with their plain twin: for the self-test, and for a person in front of a new processor or an emulator.

use std::sync::OnceLock;

use super::instructions::Instructions;
use super::plain::Plain;
use super::unit::{DEPTH, Job, Row, SIDE, Step, Sums, Unit};
use super::{data_gradient, forward, weight_gradient};
use crate::conv3d::Conv3d;
use crate::conv3d::scratch::Call;
use crate::element::{Bf16, Element, widen_to};
use crate::self_test::{apart, numbers};

/// The fastest instructions, if this process can use them and they have passed a self-test, or why not. The test runs once, at the first call.
pub(crate) fn usable() -> Result<Instructions, &'static str> {
    static STATE: OnceLock<Result<Instructions, String>> = OnceLock::new();
    let state = STATE.get_or_init(|| {
        let fastest = Instructions::fastest()?;
        apart(|| self_test(fastest, fastest.twin())).map(|()| fastest)
    });
    state.as_ref().copied().map_err(String::as_str)
}

/// How far results lie from those of the plain twin.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Difference {
    /// The largest difference, and the largest value.
    largest: f32,
    scale: f32,
    /// Results that have other bits.
    unequal: usize,
}

impl Difference {
    fn between(found: &[f32], expected: &[f32]) -> Self {
        let mut difference = Self { largest: 0.0, scale: 0.0, unequal: 0 };
        for (&found, &expected) in found.iter().zip(expected) {
            difference.scale = difference.scale.max(expected.abs());
            // Any not-a-number is as good as another.
            if found.to_bits() != expected.to_bits() && !(found.is_nan() && expected.is_nan()) {
                difference.unequal += 1;
                let apart = (found - expected).abs();
                difference.largest = difference.largest.max(if apart.is_nan() { f32::INFINITY } else { apart });
            }
        }
        difference
    }

    /// Other roundings stay far below this share of the largest value; a wrong product or index does not.
    fn is_close(&self) -> bool {
        self.largest <= 1e-4 * self.scale
    }
}

/// What is compared of a convolution.
const CALLS: [&str; 3] = ["a convolution", "a gradient of inputs", "a gradient of weights"];

/// The three calls, on numbers that are the same for the same geometry.
fn calls<U: Unit>(unit: U, conv: &Conv3d) -> [Vec<f32>; 3] {
    let mut results = [conv.output_len(), conv.input_len(), conv.weight_len()].map(|len| vec![f32::NAN; len]);
    let [y, dx, dw] = &mut results;
    let w = numbers(conv.weight_len(), 2);
    let bias = numbers(conv.out_channels, 4);
    let (x, dy) = (numbers(conv.input_len(), 1), numbers(conv.output_len(), 3));
    let (x_line, dy_line) = (conv.input[2] * conv.in_channels, conv.output()[2] * conv.out_channels);
    let read_x = |line: usize, to: &mut [f32]| to.copy_from_slice(&x[line * x_line..][..x_line]);
    let read_dy = |line: usize, to: &mut [f32]| to.copy_from_slice(&dy[line * dy_line..][..dy_line]);
    forward(unit, conv, (&read_x, &w, Some(&bias)), y);
    data_gradient(unit, conv, (&read_dy, &w), dx);
    weight_gradient(unit, conv, (&read_x, &read_dy), dw);
    results
}

/// A strided convolution with merged channels, and one with whole blocks of channels.
fn geometries() -> [Conv3d; 2] {
    let strided = Conv3d {
        batch: 1,
        input: [3, 7, 9],
        in_channels: 5,
        out_channels: 19,
        kernel: [3; 3],
        stride: [1, 2, 2],
        padding: [1; 3],
    };
    [
        strided,
        Conv3d { in_channels: 40, out_channels: 33, kernel: [1, 3, 3], stride: [1; 3], padding: [0, 1, 1], ..strided },
    ]
}

/// Forward pass and both gradients of two small convolutions.
fn self_test<U: Unit>(unit: U, twin: Plain) -> Result<(), String> {
    for conv in geometries() {
        let (found, expected) = (calls(unit, &conv), calls(twin, &conv));
        for (what, (found, expected)) in CALLS.into_iter().zip(found.iter().zip(&expected)) {
            let difference = Difference::between(found, expected);
            if !difference.is_close() {
                return Err(format!("{what} on tiles is {} off, of up to {}", difference.largest, difference.scale));
            }
        }
    }
    Ok(())
}

/// Products of single tiles in all four shapes, with values below the normal ones, infinities and not-a-numbers among them.
fn products<U: Unit>(unit: U, shape: [usize; 2]) -> Vec<f32> {
    const STEPS: usize = 3;
    let mut state = 17_u64;
    let mut next = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 40) as u16
    };
    // Bits at random reach all exponents; most of the rows are ordinary numbers.
    let mut row = |index: usize| match index % 7 {
        0 => Row(std::array::from_fn(|_| next())),
        1 => Row(std::array::from_fn(|_| next() & 0x80FF)),
        _ => Row(std::array::from_fn(|_| next() & 0x80FF | 0x3F00)),
    };
    let rows: Vec<Row> = (0..4 * STEPS * SIDE).map(&mut row).collect();
    let mut sums: Vec<Sums> = (0..4).map(|tile| Sums([[tile as f32 - 1.5; SIDE]; SIDE])).collect();
    let at = |step: usize| step * SIDE * size_of::<Row>();
    let steps: Vec<Step> =
        (0..STEPS).map(|step| Step { left: at(step), right: at(STEPS - 1 - step), pairs: SIDE }).collect();
    let base = |index: usize| rows[index * STEPS * SIDE..].as_ptr();
    for fresh in [false, true, false] {
        let job = Job {
            left: [base(0), base(1)],
            right: [base(2), base(3)],
            steps: &steps,
            sums: sums.as_mut_ptr(),
            fresh,
            wanted: 2 * SIDE,
        };
        // SAFETY: inside a session; every base has the rows of all steps; four tiles are lent.
        unit.session(|| unsafe { unit.multiply(shape, &job) });
    }
    sums[..shape[0] * shape[1]].iter().flat_map(|sums| sums.0).flatten().collect()
}

/// Layers of every kind, as small as they show all cases.
fn layers() -> Vec<(&'static str, Conv3d)> {
    let layer = |input, channels: [usize; 2], kernel: [usize; 3], stride| Conv3d {
        batch: 1,
        input,
        in_channels: channels[0],
        out_channels: channels[1],
        kernel,
        stride,
        padding: kernel.map(|kernel| kernel / 2),
    };
    vec![
        ("3x7x7, stride 1x2x2, 3 to 64", layer([2, 13, 14], [3, 64], [3, 7, 7], [1, 2, 2])),
        ("3x3x3, 131 to 131", layer([2, 6, 10], [131, 131], [3; 3], [1; 3])),
        ("1x1x1, 131 to 2", layer([3, 9, 8], [131, 2], [1; 3], [1; 3])),
        ("1x1x1, stride 2, 64 to 128", layer([3, 8, 10], [64, 128], [1; 3], [2; 3])),
        ("3x3x3, stride 2, 64 to 70", layer([3, 8, 10], [64, 70], [3; 3], [2; 3])),
        ("3x3x3, stride 1x2x2, 64 to 32", layer([2, 9, 12], [64, 32], [3; 3], [1, 2, 2])),
        ("3x3x3, 16 to 16, two volumes", Conv3d { batch: 2, ..layer([2, 9, 10], [16, 16], [3; 3], [1; 3]) }),
    ]
}

/// Compares instructions with their plain twin in all operations, with 1, 2 and 4 threads: a line of text each, and whether all results have
/// the same bits. The reasons where none can be used.
pub fn report(mut line: impl FnMut(String)) -> Result<bool, String> {
    let mut all_equal = true;
    let mut missing = Vec::new();
    for instructions in Instructions::all() {
        match instructions {
            Ok(instructions) => all_equal &= compare(instructions, &mut line)?,
            Err(reason) => missing.push(reason),
        }
    }
    if missing.len() == Instructions::all().len() {
        return Err(missing.join("; "));
    }
    missing.into_iter().for_each(|reason| line(reason.to_owned()));
    match usable() {
        Ok(used) => line(format!("{} is used; self-test: passed", used.name())),
        Err(reason) => line(format!("none is used: {reason}")),
    }
    Ok(all_equal)
}

/// A line for every comparison of some instructions, and whether all results have the same bits.
fn compare(instructions: Instructions, line: &mut impl FnMut(String)) -> Result<bool, String> {
    let (name, twin) = (instructions.name(), instructions.twin());
    let mut all_equal = true;
    let mut tell = |what: String, difference: Difference| {
        all_equal &= difference.unequal == 0;
        let Difference { largest, scale, unequal } = difference;
        line(format!(
            "{name}: {what}: {unequal} results with other bits, largest difference {largest:e} of up to {scale:e}"
        ));
    };
    for shape in SHAPES {
        let difference = Difference::between(&products(instructions, shape), &products(twin, shape));
        tell(format!("products of {}x{} tiles", shape[0], shape[1]), difference);
    }
    for (layer, conv) in layers() {
        let expected = calls(twin, &conv);
        for threads in [1, 2, 4] {
            let pool =
                rayon::ThreadPoolBuilder::new().num_threads(threads).build().map_err(|error| error.to_string())?;
            let found = pool.install(|| calls(instructions, &conv));
            for (what, (found, expected)) in CALLS.into_iter().zip(found.iter().zip(&expected)) {
                tell(format!("{what}, {layer}, {threads} threads"), Difference::between(found, expected));
            }
        }
    }
    Ok(all_equal)
}

/// Rows and columns of tiles of a job.
const SHAPES: [[usize; 2]; 4] = [[1, 1], [1, 2], [2, 1], [2, 2]];

/// What multiplies in a rehearsal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Multiplier {
    /// Plain Rust.
    Plain,
    /// The instructions of this place among all, fastest first: AMX, AVX-512 BF16.
    Instructions(usize),
    /// Nothing: what is left is reading, packing and writing.
    Nothing,
}

/// Multiplies nothing.
#[derive(Debug, Clone, Copy)]
struct Idle;

impl Unit for Idle {
    fn session<R>(self, work: impl FnOnce() -> R) -> R {
        work()
    }

    fn granule(self) -> usize {
        DEPTH
    }

    unsafe fn multiply(self, _shape: [usize; 2], _job: &Job<'_>) {}
}

/// Bytes that a call has allocated at most at a time, with the threads of the current pool.
pub fn scratch_bytes(conv: &Conv3d, call: Call, multiplier: Multiplier) -> Result<usize, &'static str> {
    let input = conv.own_grid();
    let bytes = match multiplier {
        Multiplier::Plain => super::scratch_bytes(Plain::Tiles, conv, &input, call),
        Multiplier::Instructions(place) => super::scratch_bytes(instructions(place)?, conv, &input, call),
        Multiplier::Nothing => super::scratch_bytes(Idle, conv, &input, call),
    };
    Ok(bytes.shared + bytes.of_threads + bytes.passing)
}

/// The instructions of a place among all.
fn instructions(place: usize) -> Result<Instructions, &'static str> {
    *Instructions::all().get(place).ok_or("this kind of processor has no such instructions")?
}

/// Runs one of the three calls (output, gradient of the input, gradient of the weights) on bfloat16 tensors and gives the seconds it took, or why
/// the instructions cannot be used.
pub fn rehearse(conv: &Conv3d, call: usize, multiplier: Multiplier) -> Result<f64, &'static str> {
    match multiplier {
        Multiplier::Plain => Ok(timed(Plain::Tiles, conv, call)),
        Multiplier::Instructions(place) => Ok(timed(instructions(place)?, conv, call)),
        Multiplier::Nothing => Ok(timed(Idle, conv, call)),
    }
}

fn timed<U: Unit>(unit: U, conv: &Conv3d, call: usize) -> f64 {
    let ones = |len: usize| vec![Bf16::narrow(1.0); len];
    let (x, dy) = (ones(conv.input_len()), ones(conv.output_len()));
    let (x_line, dy_line) = (conv.input[2] * conv.in_channels, conv.output()[2] * conv.out_channels);
    let read_x = |line: usize, to: &mut [f32]| widen_to(&x[line * x_line..][..x_line], to);
    let read_dy = |line: usize, to: &mut [f32]| widen_to(&dy[line * dy_line..][..dy_line], to);
    let mut w = vec![1.0; conv.weight_len()];
    let mut result = ones([conv.output_len(), conv.input_len(), 0][call]);
    let start = std::time::Instant::now();
    match call {
        0 => forward(unit, conv, (&read_x, &w, None), &mut result),
        1 => data_gradient(unit, conv, (&read_dy, &w), &mut result),
        _ => weight_gradient(unit, conv, (&read_x, &read_dy), &mut w),
    }
    start.elapsed().as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_instructions_agree_with_their_plain_twin_or_say_why_they_cannot_run() {
        match report(|line| println!("{line}")) {
            Ok(all_equal) => assert!(all_equal),
            Err(reason) => {
                println!("not compared: {reason}");
                assert!(usable().is_err());
            }
        }
    }

    /// Multiplies wrongly in one shape.
    #[derive(Clone, Copy)]
    struct Broken([usize; 2]);

    impl Unit for Broken {
        fn session<R>(self, work: impl FnOnce() -> R) -> R {
            work()
        }

        fn granule(self) -> usize {
            DEPTH
        }

        unsafe fn multiply(self, shape: [usize; 2], job: &Job<'_>) {
            // SAFETY: the caller's contract.
            unsafe { Plain::Tiles.multiply(shape, job) };
            if shape == self.0 {
                // SAFETY: at least one tile is lent.
                unsafe { (*job.sums).0[3][7] += 0.25 };
            }
        }
    }

    #[test]
    fn the_self_test_notices_a_wrong_product_in_any_shape() {
        assert_eq!(self_test(Plain::Tiles, Plain::Tiles), Ok(()));
        for shape in SHAPES {
            let reason = self_test(Broken(shape), Plain::Tiles).unwrap_err();
            assert!(reason.contains("on tiles is"), "{reason}");
        }
    }

    #[test]
    fn a_not_a_number_in_place_of_a_number_is_a_difference() {
        assert!(!Difference::between(&[f32::NAN], &[1.0]).is_close());
        assert!(Difference::between(&[1.0], &[1.0]).is_close());
    }
}
