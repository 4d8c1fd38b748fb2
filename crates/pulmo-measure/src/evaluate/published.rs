//! Published figures of lesion Dice, as data, each with its source and with the data it was measured on.
//!
//! They are landmarks. Whether a figure compares with a measurement is for [`super::paper`] to say.

use serde::Serialize;

/// A public data set on which figures were published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KnownSet {
    /// RICORD 1a, 120 studies with outlines.
    Ricord1a,
    /// The ten Coronacases of COVID-19-CT-Seg.
    Coronacases,
    /// All twenty cases of COVID-19-CT-Seg.
    CovidCtSeg,
    /// The fifty masked studies of MosMedData COVID19_1110.
    MosMed,
}

impl KnownSet {
    /// All of them, in the order of tables.
    pub const ALL: [Self; 4] = [Self::Ricord1a, Self::Coronacases, Self::CovidCtSeg, Self::MosMed];

    /// The name in tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ricord1a => "RICORD 1a",
            Self::Coronacases => "Coronacases",
            Self::CovidCtSeg => "COVID-19-CT-Seg",
            Self::MosMed => "MosMedData",
        }
    }
}

/// One published figure: a mean Dice of infiltrates.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Figure {
    /// Whose.
    pub who: &'static str,
    /// Of what, in a few words.
    pub of: &'static str,
    /// The data set; `None` for data that are not public.
    pub on: Option<KnownSet>,
    /// Mean Dice.
    pub dice: f64,
    /// Standard deviation over cases, where it was published.
    pub sd: Option<f64>,
    /// Where it is printed.
    pub source: &'static str,
    /// What keeps it from being compared even on the same data; empty if nothing is known to.
    pub limit: &'static str,
}

const PAPER: &str = "Bressem et al. 2021, arXiv:2101.09976, abstract";
const MA: &str = "Ma et al., Medical Physics 2021;48(3):1197-1210, and github.com/JunMa11/COVID-19-CT-Seg-Benchmark";
const GRID: &str = "whether it was measured on the resized or the native grid is not stated";

/// Every figure, in the order of tables.
pub const FIGURES: &[Figure] = &[
    Figure {
        who: "Bressem et al.",
        of: "3D U-Net, tuning cases",
        on: Some(KnownSet::Ricord1a),
        dice: 0.679,
        sd: None,
        source: PAPER,
        limit: "which cases of RICORD 1a it was tuned on is not published",
    },
    Figure {
        who: "Bressem et al.",
        of: "3D U-Net, trained on RICORD 1a",
        on: Some(KnownSet::Coronacases),
        dice: 0.648,
        sd: None,
        source: PAPER,
        limit: GRID,
    },
    Figure {
        who: "Bressem et al.",
        of: "3D U-Net, trained on RICORD 1a",
        on: Some(KnownSet::MosMed),
        dice: 0.405,
        sd: None,
        source: PAPER,
        limit: GRID,
    },
    Figure {
        who: "Ma et al.",
        of: "3D U-Net, five folds of 4 training and 16 test cases",
        on: Some(KnownSet::CovidCtSeg),
        dice: 0.673,
        sd: Some(0.223),
        source: MA,
        limit: "each case was predicted by the four models that had not learnt from it",
    },
    Figure {
        who: "Ma et al.",
        of: "the same models",
        on: Some(KnownSet::MosMed),
        dice: 0.588,
        sd: Some(0.206),
        source: MA,
        limit: "",
    },
    Figure {
        who: "Müller et al. (MIScnn)",
        of: "3D U-Net, five folds",
        on: Some(KnownSet::CovidCtSeg),
        dice: 0.761,
        sd: None,
        source: "Müller et al. 2020, arXiv:2007.04774, and github.com/frankkramer-lab/covid19.MIScnn",
        limit: "cross-validated: each case was predicted by a network that had learnt from others of the set",
    },
    Figure {
        who: "Bartoli et al.",
        of: "two radiologists (inter-observer)",
        on: None,
        dice: 0.70,
        sd: Some(0.08),
        source: "Bartoli et al., Research in Diagnostic and Interventional Imaging 2022, \
                 doi:10.1016/j.redii.2022.100003 (144 and 30 patients)",
        limit: "measured on low-dose CTs that are not public",
    },
];

/// SHA-256 of the labels of MosMedData's 50 masks, one byte a voxel, slice by slice; made with nibabel and hashlib.
const MOSMED_MASKS: &str = include_str!("published/mosmed_masks.txt");

/// The hash of a MosMedData mask by its study's name.
pub(super) fn mosmed_mask(study: &str) -> Option<&'static str> {
    mosmed_masks().find(|(name, _)| *name == study).map(|(_, hash)| hash)
}

/// Name and hash of every MosMedData mask.
pub(super) fn mosmed_masks() -> impl Iterator<Item = (&'static str, &'static str)> {
    MOSMED_MASKS.lines().filter_map(|line| line.split_once(' '))
}

/// Slices of the Coronacases whose number is known here; all have 512 rows and columns.
const CORONACASES_SLICES: [(u32, usize); 6] = [(1, 301), (2, 200), (3, 200), (5, 290), (6, 213), (8, 301)];

/// Whether a grid can be that of a Coronacase: `coronacases_001` has 301 slices of 512 rows and columns.
pub(super) fn coronacase_has_shape(case: &str, [slices, rows, columns]: [usize; 3]) -> bool {
    let number = case.strip_prefix("coronacases_").and_then(|digits| digits.parse::<u32>().ok());
    let known = CORONACASES_SLICES.iter().find(|(one, _)| Some(*one) == number);
    [rows, columns] == [512, 512] && known.is_none_or(|(_, published)| *published == slices)
}
