//! A lung mask that must not be used.

use super::{Flag, Raised, Seen};

/// There is no lung mask, or it failed.
#[derive(Debug)]
pub(super) struct LungMaskFailed;

impl Flag for LungMaskFailed {
    fn id(&self) -> &'static str {
        "lung_mask_failed"
    }

    fn threshold(&self) -> String {
        "no lung mask, an empty lung, or a failed check of it".to_owned()
    }

    fn source(&self) -> &'static str {
        "a share of a wrong lung is a wrong number; it is suppressed and not footnoted"
    }

    fn affects(&self) -> &'static [&'static str] {
        &["percent", "regions", "scores", "sides"]
    }

    fn check(&self, case: &Seen<'_>) -> Option<Raised> {
        if case.lungs.is_some() {
            return None;
        }
        let problems = case.input.lung_problems;
        let found = if problems.is_empty() { "no usable lung mask".to_owned() } else { problems.join("; ") };
        Some(Raised {
            found,
            sentence: "there is no lung mask that can be trusted: shares of lung, regions and scores are not given"
                .to_owned(),
        })
    }
}
