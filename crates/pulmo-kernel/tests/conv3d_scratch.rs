//! What a convolution allocates stays below what its geometry announces.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use pulmo_kernel::{Bf16, Conv3d, Convolve, Kernels};

static NOW: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

/// The system's allocator, counting.
struct Counting;

// SAFETY: hands every call on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        MOST.fetch_max(now, Ordering::Relaxed);
        // SAFETY: the caller's contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's contract.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Most bytes that were allocated at a time during a run, beyond those before it.
fn peak(run: impl FnOnce()) -> usize {
    let before = NOW.load(Ordering::Relaxed);
    MOST.store(before, Ordering::Relaxed);
    run();
    MOST.load(Ordering::Relaxed).saturating_sub(before)
}

#[test]
fn allocations_stay_below_the_announced_bound() {
    rayon::join(|| (), || ());
    for (input, channels, kernel, stride, padding) in [
        ([4, 30, 31], [3, 20], [3, 7, 7], [1, 2, 2], [1, 3, 3]),
        ([6, 40, 41], [35, 35], [3, 3, 3], [1, 1, 1], [1, 1, 1]),
        ([3, 7, 7], [128, 256], [3, 3, 3], [1, 1, 1], [2, 2, 2]),
        ([6, 14, 15], [64, 130], [3, 3, 3], [2, 2, 2], [1, 1, 1]),
        ([6, 40, 41], [131, 2], [1, 1, 1], [1, 1, 1], [0, 0, 0]),
        ([8, 30, 40], [8, 8], [3, 3, 3], [1, 1, 1], [1, 1, 1]),
        ([2, 3, 3000], [2, 3], [3, 3, 3], [1, 1, 1], [1, 1, 1]),
        ([9, 5, 16], [131, 70], [3, 3, 3], [1, 1, 1], [2, 2, 2]),
        ([12, 6, 40], [33, 64], [3, 3, 3], [2, 2, 2], [1, 1, 1]),
        ([10, 28, 28], [96, 96], [3, 3, 3], [1, 1, 1], [1, 1, 1]),
    ] {
        let [in_channels, out_channels] = channels;
        let conv = Conv3d { batch: 1, input, in_channels, out_channels, kernel, stride, padding };
        check::<f32>(&conv);
        check::<Bf16>(&conv);
    }
}

fn check<E: Convolve<Scalar = f32>>(conv: &Conv3d) {
    let one = E::narrow(1.0);
    let (mut x, mut w, mut y) =
        (vec![one; conv.input_len()], vec![1.0; conv.weight_len()], vec![one; conv.output_len()]);
    let peaks = [
        peak(|| E::conv_forward(conv, &x, &w, None, &mut y, Kernels::Fast)),
        peak(|| E::conv_data_gradient(conv, &y, &w, &mut x, Kernels::Fast)),
        peak(|| E::conv_weight_gradient(conv, &x, &y, &mut w, Kernels::Fast)),
    ];
    let bound = conv.scratch_bytes::<E>();
    assert!(peaks.iter().all(|&peak| peak <= bound), "{conv:?}: {peaks:?} bytes, expected at most {bound}");
    let bound = conv.forward_scratch_bytes::<E>();
    assert!(peaks[0] <= bound, "{conv:?} forward: {} bytes, expected at most {bound}", peaks[0]);
    assert!(peaks.iter().all(|&peak| peak > 0), "{conv:?}: nothing was counted");
}
