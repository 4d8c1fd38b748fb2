//! Whether cases are those of a public data set: by their names, and by what the references hold.

use std::collections::BTreeSet;

use super::CaseResult;
use super::published::{KnownSet, coronacase_has_shape, mosmed_mask, mosmed_masks};

/// How the list that `pulmo import ricord_1a` writes calls the data set.
const RICORD: &str = "RICORD 1a";
/// Series of RICORD 1a, of which some carry no outlines.
const RICORD_SERIES: usize = 155;

/// Whether a group of cases is a data set as it was published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Verdict {
    /// Whether there is evidence for every case that belongs to it.
    pub(super) recognised: bool,
    /// The evidence, or what speaks against it, as a sentence.
    pub(super) why: String,
}

/// Whether a case is called as those of the set are.
pub(super) fn belongs(case: &CaseResult, set: KnownSet) -> bool {
    let name = case.case.as_str();
    match set {
        KnownSet::Ricord1a => case.facts.data_set.as_deref() == Some(RICORD),
        KnownSet::Coronacases => coronacases().any(|known| known == name),
        KnownSet::CovidCtSeg => coronacases().any(|known| known == name) || RADIOPAEDIA.contains(&name),
        KnownSet::MosMed => mosmed_mask(name).is_some(),
    }
}

fn coronacases() -> impl Iterator<Item = String> {
    (1..=10).map(|number| format!("coronacases_{number:03}"))
}

const RADIOPAEDIA: [&str; 10] = [
    "radiopaedia_4_85506_1",
    "radiopaedia_7_85703_0",
    "radiopaedia_10_85902_1",
    "radiopaedia_10_85902_3",
    "radiopaedia_14_85914_0",
    "radiopaedia_27_86410_0",
    "radiopaedia_29_86490_1",
    "radiopaedia_29_86491_1",
    "radiopaedia_36_86526_0",
    "radiopaedia_40_86625_0",
];

/// Judges the cases that [`belong`](belongs) to a set; at least one.
pub(super) fn judge(cases: &[&CaseResult], set: KnownSet) -> Verdict {
    let name = set.name();
    let (all, genuine, evidence) = match set {
        KnownSet::Ricord1a => return ricord(cases),
        KnownSet::MosMed => (mosmed_masks().count(), count(cases, has_mosmed_mask), "the published voxels"),
        KnownSet::Coronacases => (10, count(cases, has_coronacase_shape), "the published number of slices"),
        KnownSet::CovidCtSeg => (20, count(cases, has_ct_seg_shape), "the published shape"),
    };
    let names: BTreeSet<&str> = cases.iter().map(|case| case.case.as_str()).collect();
    let measured = cases.iter().filter(|case| case.measures().is_some()).count();
    let recognised = names.len() == all && measured == all && genuine == all;
    let why = if recognised {
        format!("recognised as {name}: all {all} cases by name, and every reference has {evidence}")
    } else {
        format!(
            "not recognised as {name}: {} of {all} cases by name, {measured} of them measured, {genuine} references \
             with {evidence}; so a figure published on it is no comparison",
            names.len()
        )
    };
    Verdict { recognised, why }
}

fn count(cases: &[&CaseResult], genuine: fn(&CaseResult) -> bool) -> usize {
    cases.iter().filter(|case| genuine(case)).count()
}

fn has_mosmed_mask(case: &CaseResult) -> bool {
    case.measures().is_some_and(|measures| mosmed_mask(&case.case) == Some(measures.reference_sha256.as_str()))
}

fn has_coronacase_shape(case: &CaseResult) -> bool {
    case.measures().is_some_and(|measures| coronacase_has_shape(&case.case, measures.shape))
}

/// Radiopaedia cases are 630 columns wide; only their widths are known here.
fn has_ct_seg_shape(case: &CaseResult) -> bool {
    let wide = |shape: [usize; 3]| shape[1] == 630 || shape[2] == 630;
    if case.case.starts_with("radiopaedia_") {
        case.measures().is_some_and(|measures| wide(measures.shape))
    } else {
        has_coronacase_shape(case)
    }
}

fn ricord(cases: &[&CaseResult]) -> Verdict {
    let why = if cases.len() > RICORD_SERIES {
        format!("not recognised as RICORD 1a, which has {RICORD_SERIES} series: cases here: {}", cases.len())
    } else {
        "named RICORD 1a by its list; which of its cases the paper tuned on is not published, so the figure is a \
         landmark and no comparison"
            .to_owned()
    };
    Verdict { recognised: false, why }
}
