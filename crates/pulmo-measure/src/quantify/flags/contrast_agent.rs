//! A contrast agent.

use super::{Flag, Raised, Seen};

/// A contrast agent is named.
#[derive(Debug)]
pub(super) struct ContrastAgent;

impl Flag for ContrastAgent {
    fn id(&self) -> &'static str {
        "contrast_agent"
    }

    fn threshold(&self) -> String {
        "ContrastBolusAgent is named".to_owned()
    }

    fn source(&self) -> &'static str {
        "the agent raises the HU of whatever is perfused; chosen by this project"
    }

    fn affects(&self) -> &'static [&'static str] {
        &["attenuation"]
    }

    fn check(&self, case: &Seen<'_>) -> Option<Raised> {
        (case.input.scan.contrast_agent == Some(true)).then(|| Raised {
            found: "named".to_owned(),
            sentence: "a contrast agent was given: it raises the attenuation of perfused opacity".to_owned(),
        })
    }
}
