//! Holm's correction: of several tests together, the chance of even one false alarm stays at the level.

/// p-values corrected for the number of those that are there, in the order given.
///
/// The smallest is multiplied by their number, the next by one less, and so on; none is smaller than one before it,
/// none over 1. A test without a p-value stays without and does not count.
///
/// # Agreement
/// `statsmodels.stats.multitest.multipletests(method="holm")` 0.15.0 within 1e-12: `oracles/statistics`.
#[must_use]
pub fn holm(p: &[Option<f64>]) -> Vec<Option<f64>> {
    let mut order: Vec<(usize, f64)> = p.iter().enumerate().filter_map(|(i, p)| p.map(|p| (i, p))).collect();
    order.sort_by(|a, b| a.1.total_cmp(&b.1));
    let mut corrected = vec![None; p.len()];
    let (tests, mut least) = (order.len(), 0.0_f64);
    for (rank, (index, p)) in order.into_iter().enumerate() {
        least = least.max(((tests - rank) as f64 * p).min(1.0));
        corrected[index] = Some(least);
    }
    corrected
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        // 3 x 0.01; 2 x 0.04 = 0.08; 1 x 0.05 is lifted to 0.08.
        let corrected = holm(&[Some(0.05), None, Some(0.01), Some(0.04)]);
        assert_eq!(corrected, [Some(0.08), None, Some(0.03), Some(0.08)]);
        assert_eq!(holm(&[Some(0.7), Some(0.6)]), [Some(1.0), Some(1.0)]);
        assert_eq!(holm(&[]), []);
    }
}
