//! Cases sorted into subgroups: by a word, such as the site, or by bins of a number, such as the slice spacing.
//!
//! A difference between subgroups that nobody expected beforehand is a question, not a finding: tables of subgroups
//! carry numbers of cases and intervals, and no p-values.

/// Cases that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The word, or the bin with its unit; `unknown` where nothing is known.
    pub name: String,
    /// Indices of its cases, ascending.
    pub members: Vec<usize>,
}

/// Bins of a number, each from its lower edge up to the next one's, the last without end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bins {
    /// What is binned, in words.
    pub title: &'static str,
    /// Lower edge and name of every bin, ascending; a value below the first belongs to none.
    bins: &'static [(f64, &'static str)],
    /// Values are rounded to so many of these per unit first, so that 4.9999 mm is 5 mm.
    per_unit: f64,
}

/// Distances of slice centres, as thin, usual and thick CT series have them.
pub const SLICE_SPACING: Bins = Bins {
    title: "slice spacing",
    bins: &[(0.0, "under 1.5 mm"), (1.5, "1.5 to under 3 mm"), (3.0, "3 to under 5 mm"), (5.0, "5 mm or more")],
    per_unit: 1000.0,
};

/// Volumes of opacity in the reference.
pub const OPACITY_VOLUME: Bins = Bins {
    title: "reference volume",
    bins: &[(0.0, "no voxel"), (1e-9, "under 10 mL"), (10.0, "10 to under 100 mL"), (100.0, "100 mL or more")],
    per_unit: 1e9,
};

impl Bins {
    /// The bin of a value: its place and its name.
    #[must_use]
    pub fn of(&self, value: f64) -> Option<(usize, &'static str)> {
        let value = (value * self.per_unit).round() / self.per_unit;
        let place = self.bins.iter().rposition(|&(edge, _)| value >= edge)?;
        Some((place, self.bins[place].1))
    }
}

/// Cases with equal words together, in the order of the alphabet, the unknown last.
#[must_use]
pub fn by_word(words: &[Option<&str>]) -> Vec<Group> {
    let mut keyed: Vec<(Option<&str>, usize)> = words.iter().enumerate().map(|(i, &word)| (word, i)).collect();
    keyed.sort_by_key(|&(word, i)| (word.is_none(), word, i));
    gathered(keyed.into_iter().map(|(word, i)| (word.unwrap_or("unknown"), i)))
}

/// Cases in equal bins together, in the order of the bins, the unknown last.
#[must_use]
pub fn by_bin(values: &[Option<f64>], bins: &Bins) -> Vec<Group> {
    let bin = |value: Option<f64>| value.and_then(|value| bins.of(value)).unwrap_or((usize::MAX, "unknown"));
    let mut keyed: Vec<_> = values.iter().enumerate().map(|(i, &value)| (bin(value), i)).collect();
    keyed.sort_by_key(|&((place, _), i)| (place, i));
    gathered(keyed.into_iter().map(|((_, name), i)| (name, i)))
}

fn gathered<'a>(keyed: impl Iterator<Item = (&'a str, usize)>) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for (name, index) in keyed {
        match groups.last_mut() {
            Some(group) if group.name == name => group.members.push(index),
            _ => groups.push(Group { name: name.to_owned(), members: vec![index] }),
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(groups: &[Group]) -> Vec<(&str, &[usize])> {
        groups.iter().map(|g| (g.name.as_str(), &g.members[..])).collect()
    }

    #[test]
    fn words_and_bins_in_order_and_the_unknown_last() {
        let groups = by_word(&[Some("b"), None, Some("a"), Some("b")]);
        assert_eq!(told(&groups), [("a", &[2][..]), ("b", &[0, 3]), ("unknown", &[1])]);
        let groups = by_bin(&[Some(5.0), Some(0.7), None, Some(4.9999), Some(1.5), Some(f64::NAN)], &SLICE_SPACING);
        let expected =
            [("under 1.5 mm", &[1][..]), ("1.5 to under 3 mm", &[4]), ("5 mm or more", &[0, 3]), ("unknown", &[2, 5])];
        assert_eq!(told(&groups), expected);
        let groups = by_bin(&[Some(0.0), Some(1e-4), Some(10.0), Some(250.0)], &OPACITY_VOLUME);
        let names: Vec<&str> = groups.iter().map(|g| g.name.as_str()).collect();
        assert_eq!(names, ["no voxel", "under 10 mL", "10 to under 100 mL", "100 mL or more"]);
    }
}
