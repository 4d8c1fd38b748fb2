//! Which values belong together because one patient gave them.

use std::collections::BTreeMap;

/// Values sorted into clusters, one per patient.
#[derive(Debug, Clone, PartialEq)]
pub struct Clusters {
    /// Per cluster its values, in the order they were given; clusters in the order of their keys.
    values: Vec<Vec<f64>>,
}

impl Clusters {
    /// Puts values with equal keys together. The order of the clusters is that of the keys, so that what is drawn
    /// does not depend on the order of the cases.
    ///
    /// # Panics
    /// If the two lists differ in length, which is a mistake of the program.
    #[must_use]
    pub fn of<K: Ord>(values: &[f64], keys: &[K]) -> Self {
        assert_eq!(values.len(), keys.len(), "every value has a key");
        let mut clusters: BTreeMap<&K, Vec<f64>> = BTreeMap::new();
        for (&value, key) in values.iter().zip(keys) {
            clusters.entry(key).or_default().push(value);
        }
        Self { values: clusters.into_values().collect() }
    }

    /// Number of clusters.
    #[must_use]
    pub fn count(&self) -> usize {
        self.values.len()
    }

    /// Number of values in all clusters.
    #[must_use]
    pub fn values(&self) -> usize {
        self.values.iter().map(Vec::len).sum()
    }

    /// Whether some cluster holds more than one value.
    #[must_use]
    pub fn repeated(&self) -> bool {
        self.values.iter().any(|values| values.len() > 1)
    }

    /// Sum and number of the values of each cluster.
    #[must_use]
    pub fn sums(&self) -> Vec<(f64, usize)> {
        self.values.iter().map(|values| (values.iter().sum(), values.len())).collect()
    }

    /// Mean of the values of each cluster.
    #[must_use]
    pub fn means(&self) -> Vec<f64> {
        self.sums().into_iter().map(|(sum, count)| sum / count as f64).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_keys_come_together_in_the_order_of_the_keys() {
        let clusters = Clusters::of(&[1.0, 5.0, 3.0], &["b", "a", "b"]);
        assert_eq!((clusters.count(), clusters.values(), clusters.repeated()), (2, 3, true));
        assert_eq!(clusters.sums(), [(5.0, 1), (4.0, 2)]);
        assert_eq!(clusters.means(), [5.0, 2.0]);
        assert!(!Clusters::of(&[1.0], &[0]).repeated());
        assert_eq!(Clusters::of::<u8>(&[], &[]).count(), 0);
    }
}
