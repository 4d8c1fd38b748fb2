//! Per cent of lung, by three rules that differ where the opacity leaves the lung mask.

use super::result::Involvement;

/// Voxels of opacity (O), of lung (L) and of both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Overlap {
    pub(super) opacity: u64,
    pub(super) lung: u64,
    pub(super) inside: u64,
}

/// One reading of "per cent of lung".
#[derive(Debug, Clone, Copy)]
pub struct InvolvementRule {
    /// Its stable name.
    pub id: &'static str,
    /// In words.
    pub rule: &'static str,
    /// As a formula.
    pub formula: &'static str,
    share: fn(Overlap) -> (u64, u64),
}

/// Every rule; the first is the default.
pub const ALL: &[InvolvementRule] = &[
    InvolvementRule {
        id: "inside_lung",
        rule: "opacity inside the lung mask, of the lung mask",
        formula: "|O ∩ L| / |L|",
        share: |n| (n.inside, n.lung),
    },
    InvolvementRule {
        id: "all_of_lung",
        rule: "all opacity, also outside the lung mask, of the lung mask",
        formula: "|O| / |L|",
        share: |n| (n.opacity, n.lung),
    },
    InvolvementRule {
        id: "all_of_union",
        rule: "all opacity, of the lung mask together with all opacity",
        formula: "|O| / |L ∪ O|",
        share: |n| (n.opacity, n.lung + n.opacity - n.inside),
    },
];

/// The shares; the default rule alone unless all are asked for. Empty without lung.
pub(super) fn involvement(overlap: Overlap, all_rules: bool) -> Vec<Involvement> {
    let wanted = if overlap.lung == 0 {
        0
    } else if all_rules {
        ALL.len()
    } else {
        1
    };
    let given = ALL[..wanted].iter().map(|rule| {
        let (part, whole) = (rule.share)(overlap);
        Involvement {
            rule_id: rule.id.to_owned(),
            rule: rule.rule.to_owned(),
            formula: rule.formula.to_owned(),
            percent: 100.0 * part as f64 / whole as f64,
        }
    });
    given.collect()
}
