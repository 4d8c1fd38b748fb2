//! The same tables for parts of the cases: by data set, site, distance of slices and volume of opacity.

use serde::Serialize;

use super::{CaseResult, MeasuredOn, Protocol, SummaryRow, summary};
use crate::statistics::subgroup::{self, OPACITY_VOLUME, SLICE_SPACING};

/// By what the cases are divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Division {
    /// By the data set that the list names.
    DataSet,
    /// By the code of the site.
    Site,
    /// By the distance of slice centres.
    SliceSpacing,
    /// By the volume of all lesion labels of the reference.
    OpacityVolume,
}

impl Division {
    /// All of them, in the order of tables.
    pub const ALL: [Self; 4] = [Self::DataSet, Self::Site, Self::SliceSpacing, Self::OpacityVolume];

    /// In words, for a table.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::DataSet => "data set",
            Self::Site => "site",
            Self::SliceSpacing => "slice spacing",
            Self::OpacityVolume => "opacity volume",
        }
    }

    /// Places in `cases` of each group, in the order of tables.
    fn groups(self, cases: &[&CaseResult], protocol: &Protocol) -> Vec<subgroup::Group> {
        let words = |word: fn(&CaseResult) -> Option<&str>| cases.iter().map(|case| word(case)).collect::<Vec<_>>();
        match self {
            Self::DataSet => subgroup::by_word(&words(|case| case.facts.data_set.as_deref())),
            Self::Site => subgroup::by_word(&words(|case| case.facts.site.as_deref())),
            Self::SliceSpacing => {
                let spacings: Vec<_> = cases.iter().map(|case| case.facts.slice_spacing_mm).collect();
                subgroup::by_bin(&spacings, &SLICE_SPACING)
            }
            Self::OpacityVolume => {
                let volumes: Vec<_> = cases.iter().map(|case| case.opacity_ml(protocol)).collect();
                subgroup::by_bin(&volumes, &OPACITY_VOLUME)
            }
        }
    }
}

/// The measured cases of one group.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Group {
    /// By what the cases were divided.
    pub division: Division,
    /// The group's name; `unknown` for cases that lack the fact.
    pub group: String,
    /// Measured cases in it.
    pub cases: usize,
    /// Macro and micro values on the native grid, as [`super::summarise`] gives them.
    pub summary: Vec<SummaryRow>,
}

/// Divides the measured cases. A division that puts all of them into one group is left out: it says nothing.
#[must_use]
pub fn divide(cases: &[CaseResult], protocol: &Protocol) -> Vec<Group> {
    let measured: Vec<&CaseResult> = cases.iter().filter(|case| case.measures().is_some()).collect();
    let mut groups = Vec::new();
    for division in Division::ALL {
        let parts = division.groups(&measured, protocol);
        if parts.len() < 2 {
            continue;
        }
        for part in parts {
            let members: Vec<&CaseResult> = part.members.iter().map(|&at| measured[at]).collect();
            groups.push(Group {
                division,
                group: part.name,
                cases: members.len(),
                summary: summary::on_grids(&members, protocol, &[MeasuredOn::Native]),
            });
        }
    }
    groups
}
