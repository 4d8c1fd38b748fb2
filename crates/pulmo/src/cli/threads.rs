//! How many processor threads a subcommand uses.

use crate::terminal::advice;

/// More threads than any computer for this work has cores; to start very many takes minutes.
const MOST: usize = 1024;

/// Limits the threads of all work from now on; `None` leaves one per processor core.
///
/// # Errors
/// If the number is 0 or above 1024, or the threads cannot be started.
pub(super) fn limit(threads: Option<usize>) -> anyhow::Result<()> {
    match threads {
        None => Ok(()),
        Some(0) => Err(advice("--threads 0: at least one is needed", "leave it out to use all processor cores")),
        Some(threads) if threads > MOST => {
            let problem = format!("--threads {threads}: expected {MOST} at most");
            Err(advice(problem, "leave it out to use all processor cores"))
        }
        Some(threads) => Ok(rayon::ThreadPoolBuilder::new().num_threads(threads).build_global()?),
    }
}
