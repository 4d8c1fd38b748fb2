//! What the metrics are set to.

use pulmo::measure::compare::{LesionRule, Settings};

/// Flags of the metrics that have settings.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct MetricArgs {
    /// How far two surfaces may be apart and still agree, in mm [default: 3 for lesions, 1 for lungs]
    #[arg(long, value_name = "MM", allow_negative_numbers = true, value_parser = not_negative)]
    tolerance_mm: Option<f64>,

    /// Lesions (connected voxels) below this volume do not count in lesion-wise metrics
    #[arg(long, value_name = "ML", allow_negative_numbers = true, value_parser = not_negative, default_value_t = LesionRule::DEFAULT.least_ml)]
    smallest_lesion_ml: f64,

    /// Share of a lesion, 0 to 1, that the other mask must cover for it to be found; one voxel at least
    #[arg(long, value_name = "SHARE", allow_negative_numbers = true, value_parser = share, default_value_t = LesionRule::DEFAULT.overlap)]
    lesion_overlap: f64,
}

impl MetricArgs {
    pub(super) fn of_lesions(&self) -> Settings {
        self.changed(Settings::LESION)
    }

    pub(super) fn of_lungs(&self) -> Settings {
        self.changed(Settings::LUNG)
    }

    fn changed(&self, standard: Settings) -> Settings {
        let lesions =
            LesionRule { least_ml: self.smallest_lesion_ml, overlap: self.lesion_overlap, ..standard.lesions };
        Settings { tolerance_mm: self.tolerance_mm.unwrap_or(standard.tolerance_mm), lesions }
    }
}

fn not_negative(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0);
    number.ok_or_else(|| "expected a number that is not negative".to_owned())
}

fn share(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|number| (0.0..=1.0).contains(number));
    number.ok_or_else(|| "expected a number from 0 to 1".to_owned())
}
