//! How long a cache line takes from one core to another: six times as long where they share no last-level cache, which a virtual
//! machine may find itself in at any time. What threads share while they compute is read as much later then.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// Times that it goes there and back.
const TURNS: usize = 20_000;

/// Nanoseconds of one way, on average over some turns of two threads; `None` where there is one core only.
pub(crate) fn nanoseconds() -> Option<f64> {
    if std::thread::available_parallelism().map_or(1, usize::from) < 2 {
        return None;
    }
    let place = AtomicUsize::new(0);
    let wait_for = |turn: usize| {
        while place.load(Ordering::Acquire) != turn {
            std::hint::spin_loop();
        }
    };
    let start = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for turn in 0..TURNS {
                wait_for(2 * turn + 1);
                place.store(2 * turn + 2, Ordering::Release);
            }
        });
        for turn in 0..TURNS {
            place.store(2 * turn + 1, Ordering::Release);
            wait_for(2 * turn + 2);
        }
    });
    Some(start.elapsed().as_secs_f64() * 1e9 / (2 * TURNS) as f64)
}
