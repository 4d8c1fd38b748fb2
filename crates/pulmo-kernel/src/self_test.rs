//! Whether the kernels of an instruction set run on this processor, and whether they compute right here.

use std::sync::OnceLock;

use crate::conv3d::tiles::Shared;
use crate::conv3d::winograd::step::Filtering;
use crate::conv3d::{Conv3d, fast, winograd};
use crate::element::{Bf16, Element};
use crate::reference;
use crate::simd::{KernelSet, Variant};

/// What became of the kernels of an instruction set on this processor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KernelState {
    /// They have passed their self-test.
    Passed,
    /// The processor lacks these instructions.
    Lacks(Vec<&'static str>),
    /// They compute something else than the reference kernels: what, in words.
    Failed(String),
}

/// The state of a variant's kernels. Its self-test runs once, at the first call, and takes a few milliseconds.
pub fn kernel_state(variant: Variant) -> &'static KernelState {
    static STATES: [OnceLock<KernelState>; Variant::ALL.len()] = [const { OnceLock::new() }; Variant::ALL.len()];
    STATES[variant as usize].get_or_init(|| match variant.kernels() {
        None => KernelState::Lacks(variant.lacking()),
        Some(set) => apart(|| check(set)).map_or_else(KernelState::Failed, |()| KernelState::Passed),
    })
}

/// Runs the test on a thread and a pool of its own: a thread of the common pool could, while it waits, begin a convolution
/// that waits for this very test. For the same reason nothing in a
/// convolution asks for the selected kernels ([`crate::simd::chosen`] does not wait).
pub(crate) fn apart(check: impl FnOnce() -> Result<(), String> + Send) -> Result<(), String> {
    let run = || {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().map_err(|error| error.to_string())?;
        pool.install(check)
    };
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().spawn_scoped(scope, run).map_err(|error| error.to_string())?;
        thread.join().unwrap_or_else(|_| Err("the test broke off".to_owned()))
    })
}

/// A strided convolution with channels that fill no vector, and one that is computed by minimal filtering.
fn geometries() -> [Conv3d; 2] {
    let strided = Conv3d {
        batch: 1,
        input: [4, 7, 9],
        in_channels: 5,
        out_channels: 19,
        kernel: [3; 3],
        stride: [1, 2, 2],
        padding: [1; 3],
    };
    let filtered = Conv3d {
        input: [4, 16, 24],
        in_channels: 9,
        out_channels: 17,
        kernel: [1, 3, 3],
        stride: [1; 3],
        padding: [0, 1, 1],
        ..strided
    };
    [strided, filtered]
}

/// Forward pass and both gradients against the reference kernels.
fn check(set: &'static KernelSet) -> Result<(), String> {
    for conv in geometries() {
        let (x, w) = (numbers(conv.input_len(), 1), numbers(conv.weight_len(), 2));
        let (dy, bias) = (numbers(conv.output_len(), 3), numbers(conv.out_channels, 4));
        let (mut found, mut expected) = (vec![0.0; dy.len()], vec![0.0; dy.len()]);
        fast::forward(set, &conv, (&conv.view_of_input(&x), &w, Some(&bias)), &mut found);
        reference::forward(&conv, &x, &w, Some(&bias), &mut expected);
        compare("a convolution", &found, &expected)?;
        let mut narrow = vec![Bf16::default(); dy.len()];
        let (narrow_x, narrow_dy) = (rounded(&x), rounded(&dy));
        let (view, narrow_view) = (conv.view_of_input(&x), conv.view_of_input(&narrow_x));
        fast::forward(set, &conv, (&narrow_view, &w, Some(&bias)), &mut narrow);
        compare_narrow("a convolution in bfloat16", &narrow, &expected)?;
        for filtering in Filtering::all(&conv) {
            let (way, weights) = ((set, &conv), (&w[..], Some(&bias[..])));
            // What is not written stays wrong.
            found.fill(f32::NAN);
            winograd::compute(way, &filtering, &view, weights, Shared(found.as_mut_ptr()));
            compare("a filtered convolution", &found, &expected)?;
            narrow.fill(Bf16::narrow(f32::NAN));
            winograd::compute(way, &filtering, &narrow_view, weights, Shared(narrow.as_mut_ptr()));
            compare_narrow("a filtered convolution in bfloat16", &narrow, &expected)?;
        }
        let (mut found, mut expected) = (vec![0.0; x.len()], vec![0.0; x.len()]);
        fast::data_gradient(set, &conv, &conv.whole_input(), (&dy, &w), &mut found);
        reference::data_gradient(&conv, &dy, &w, &mut expected);
        compare("a gradient of inputs", &found, &expected)?;
        let (mut found, mut expected) = (vec![0.0; w.len()], vec![0.0; w.len()]);
        fast::weight_gradient(set, &conv, (&view, &dy), &mut found);
        reference::weight_gradient(&conv, &x, &dy, &mut expected);
        compare("a gradient of weights", &found, &expected)?;
        for filtering in Filtering::all(&conv) {
            winograd::weight_gradient_by(set, &conv, &filtering, (&view, &dy), &mut found);
            compare("a filtered gradient of weights", &found, &expected)?;
        }
        fast::weight_gradient(set, &conv, (&narrow_view, &narrow_dy), &mut found);
        compare_within("a gradient of weights in bfloat16", &found, &expected, NARROW_TOLERANCE)?;
    }
    Ok(())
}

/// Rounding stays far below this share of the largest value; a wrong product or index does not.
const TOLERANCE: f32 = 1e-4;

/// The same where inputs and outputs are bfloat16.
const NARROW_TOLERANCE: f32 = 2e-2;

/// The numbers in bfloat16.
fn rounded(values: &[f32]) -> Vec<Bf16> {
    values.iter().map(|&value| Bf16::narrow(value)).collect()
}

fn compare(what: &str, found: &[f32], expected: &[f32]) -> Result<(), String> {
    compare_within(what, found, expected, TOLERANCE)
}

fn compare_narrow(what: &str, found: &[Bf16], expected: &[f32]) -> Result<(), String> {
    let found: Vec<f32> = found.iter().map(|value| value.widen()).collect();
    compare_within(what, &found, expected, NARROW_TOLERANCE)
}

fn compare_within(what: &str, found: &[f32], expected: &[f32], tolerance: f32) -> Result<(), String> {
    let bound = tolerance * expected.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
    // A NaN is no less than the bound either.
    let is_close = |found: f32, expected: f32| (found - expected).abs() <= bound;
    match found.iter().zip(expected).find(|(found, expected)| !is_close(**found, **expected)) {
        Some((found, expected)) => Err(format!("{what} gave {found} in place of {expected}")),
        None => Ok(()),
    }
}

/// Numbers in [-1, 1), the same for the same seed.
pub(crate) fn numbers(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9);
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    std::iter::repeat_with(next).take(count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::{CollectJob, DotJob, MAX_DOTS, MAX_ROWS, OuterJob, SpreadJob, TileJob, Transforms, fastest};

    /// Kernels that compute nothing.
    unsafe fn no_tile(_: &TileJob) {}
    unsafe fn no_dot(_: &DotJob) {}
    unsafe fn no_outer(_: &OuterJob) {}
    unsafe fn no_spread(_: &SpreadJob) {}
    unsafe fn no_collect<E>(_: &CollectJob<E>) {}

    #[test]
    fn what_this_processor_can_run_passes_and_quickly() {
        for variant in Variant::available() {
            assert_eq!(*kernel_state(variant), KernelState::Passed, "{variant:?}");
            let start = std::time::Instant::now();
            check(variant.kernels().unwrap()).unwrap();
            // A few milliseconds; the rest is for machines under load.
            assert!(start.elapsed().as_millis() < 500, "{variant:?}: {:?}", start.elapsed());
        }
        for variant in Variant::ALL.into_iter().filter(|variant| variant.kernels().is_none()) {
            assert!(matches!(kernel_state(variant), KernelState::Lacks(names) if !names.is_empty()), "{variant:?}");
        }
    }

    #[test]
    fn each_kernel_that_fails_is_noticed() {
        let set = *Variant::Portable.kernels().unwrap();
        let [four, seven] = set.transforms;
        let broken = [
            KernelSet { tile: [[no_tile; MAX_ROWS]; 2], ..set },
            KernelSet { dot: [no_dot; MAX_DOTS], ..set },
            KernelSet { outer: [[no_outer; MAX_ROWS]; 2], ..set },
            KernelSet { transforms: [Transforms { spread: no_spread, ..four }, seven], ..set },
            KernelSet { transforms: [Transforms { spread_gradients: no_spread, ..four }, seven], ..set },
            KernelSet { transforms: [Transforms { collect: no_collect, ..four }, seven], ..set },
            KernelSet { transforms: [four, Transforms { spread: no_spread, ..seven }], ..set },
            KernelSet { transforms: [four, Transforms { spread_gradients: no_spread, ..seven }], ..set },
            KernelSet { transforms: [four, Transforms { collect_narrow: no_collect, ..seven }], ..set },
        ];
        for (kernel, set) in broken.into_iter().enumerate() {
            assert!(apart(|| check(Box::leak(Box::new(set)))).is_err(), "kernel number {kernel} computes nothing");
        }
    }

    #[test]
    fn a_variant_that_fails_is_passed_over() {
        assert_eq!(fastest(|_| true).name, Variant::available()[0].name());
        assert_eq!(fastest(|variant| variant == Variant::Portable).name, "portable");
        assert_eq!(fastest(|_| false).name, "portable", "there is nothing else to run");
    }

    #[test]
    fn wrong_and_missing_numbers_are_told_apart_from_rounding() {
        assert!(compare("it", &[1.0, 0.500_01], &[1.0, 0.5]).is_ok());
        assert_eq!(compare("it", &[1.0, 0.6], &[1.0, 0.5]).unwrap_err(), "it gave 0.6 in place of 0.5");
        assert!(compare("it", &[f32::NAN], &[1.0]).is_err());
    }
}
