//! Folds that others have published, as facts.
//!
//! To add one: an entry in [`ALL`] and its truth in `oracles/folds`.

use super::fold::Fold;

/// Folds of a named data set, fixed by somebody else.
#[derive(Debug)]
pub struct PublishedFolds {
    /// The name on the command line, snake_case.
    pub name: &'static str,
    /// The data set that they belong to, by [`super::DatasetKind::name`].
    pub dataset: &'static str,
    /// Where they come from, and how sure that is.
    pub source: &'static str,
    /// The cases that a fold holds out from all others; every case of the data set is in one of them.
    parts: &'static [&'static [&'static str]],
    role: Role,
}

/// What a part is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// The part validates and all others are learnt from.
    Validates,
    /// The part is learnt from and validates on all others.
    Trains,
}

/// The twenty cases of COVID-19-CT-Seg as nnU-Net deals them: scikit-learn's `KFold(5, shuffle=True,
/// random_state=12345)` over the sorted names.
const NNUNET_OF_COVID_19_CT_SEG: &[&[&str]] = &[
    &["coronacases_004", "coronacases_009", "radiopaedia_27_86410_0", "radiopaedia_36_86526_0"],
    &["coronacases_001", "radiopaedia_10_85902_1", "radiopaedia_14_85914_0", "radiopaedia_29_86491_1"],
    &["coronacases_007", "coronacases_008", "radiopaedia_10_85902_3", "radiopaedia_40_86625_0"],
    &["coronacases_010", "radiopaedia_29_86490_1", "radiopaedia_4_85506_1", "radiopaedia_7_85703_0"],
    &["coronacases_002", "coronacases_003", "coronacases_005", "coronacases_006"],
];

/// All published folds that are known.
pub const ALL: &[PublishedFolds] = &[
    PublishedFolds {
        name: "ma_2021",
        dataset: "covid_19_ct_seg",
        source: "Ma et al. (Medical Physics 2021) with 4 cases to learn from and 16 to test on: nnU-Net's own deal of \
                 the twenty cases, which they trained with; worked out by its rule, not compared with their file \
                 Task1_COVID_datasplit.pkl",
        parts: NNUNET_OF_COVID_19_CT_SEG,
        role: Role::Trains,
    },
    PublishedFolds {
        name: "nnunet_covid_19_ct_seg",
        dataset: "covid_19_ct_seg",
        source: "the five folds that nnU-Net deals itself (KFold of the sorted names, shuffled with seed 12345), with \
                 16 cases to learn from and 4 to validate on",
        parts: NNUNET_OF_COVID_19_CT_SEG,
        role: Role::Validates,
    },
];

/// The published folds of this name.
#[must_use]
pub fn named(name: &str) -> Option<&'static PublishedFolds> {
    ALL.iter().find(|folds| folds.name == name)
}

impl PublishedFolds {
    /// The folds, names in order.
    #[must_use]
    pub fn folds(&self) -> Vec<Fold> {
        (0..self.parts.len())
            .map(|at| {
                let mut part: Vec<String> = self.parts[at].iter().map(|&name| name.to_owned()).collect();
                let others = self.parts.iter().enumerate().filter(|&(other, _)| other != at);
                let mut others: Vec<String> =
                    others.flat_map(|(_, names)| *names).map(|&name| name.to_owned()).collect();
                part.sort();
                others.sort();
                match self.role {
                    Role::Validates => Fold { train: others, val: part },
                    Role::Trains => Fold { train: part, val: others },
                }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folds_are_those_of_scikit_learn() {
        let truth = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../oracles/folds/truth.json"));
        let truth: serde_json::Value = serde_json::from_str(truth).unwrap();
        for published in ALL {
            let folds: Vec<Fold> = serde_json::from_value(truth[published.name].clone()).unwrap();
            assert_eq!(published.folds(), folds, "{}", published.name);
        }
    }
}
