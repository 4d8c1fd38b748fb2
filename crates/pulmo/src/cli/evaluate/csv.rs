//! evaluation.csv: one line per number, long form, and one for each case without numbers.

use std::fmt::Write as _;

use crate::cli::table::quoted;
use pulmo::measure::evaluate::{CaseResult, LabelResult, MetricValue, Outcome};

/// The first line. `status` is `ok`, `not defined`, or `failed: …` with the reason.
const HEAD: &str = "case,patient,data_set,site,label,grid,metric,value,unit,status\n";

/// The whole file.
pub(super) fn csv(cases: &[CaseResult]) -> String {
    let mut csv = HEAD.to_owned();
    for case in cases {
        let facts = &case.facts;
        let optional = |text: &Option<String>| quoted(text.as_deref().unwrap_or_default());
        let who =
            [quoted(&case.case), quoted(&facts.patient), optional(&facts.data_set), optional(&facts.site)].join(",");
        match &case.outcome {
            Outcome::Failed(failure) => {
                let _ = writeln!(csv, "{who},,,,,,{}", quoted(&format!("failed: {}", failure.reason)));
            }
            Outcome::Measured(measures) => {
                measures.results.iter().for_each(|result| lines(&mut csv, &who, result));
                let calibration = measures.calibration.iter();
                for (metric, value) in calibration
                    .flat_map(|one| [("expected_calibration_error", one.expected_error), ("brier", one.brier)])
                {
                    let value = value.map_or(",1,not defined".to_owned(), |value| format!("{value},1,ok"));
                    let _ = writeln!(csv, "{who},probabilities,native,{metric},{value}");
                }
                if let Some(lung_ml) = measures.lung_ml {
                    let _ = writeln!(csv, "{who},lungs,native,volume_ml,{lung_ml},mL,ok");
                }
            }
        }
    }
    csv
}

fn lines(csv: &mut String, who: &str, result: &LabelResult) {
    let volumes = [("reference_ml", result.reference_ml), ("prediction_ml", result.prediction_ml)];
    let volumes = volumes.into_iter().filter(|(_, volume)| volume.is_some());
    let volumes = volumes.map(|(metric, value)| MetricValue { metric, value, unit: "mL" });
    for MetricValue { metric, value, unit } in volumes.chain(result.metrics.iter().cloned()) {
        let (value, status) = value.map_or((String::new(), "not defined"), |value| (value.to_string(), "ok"));
        let (label, grid) = (quoted(&result.label), result.grid.name());
        let _ = writeln!(csv, "{who},{label},{grid},{metric},{value},{unit},{status}");
    }
}
