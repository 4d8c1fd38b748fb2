//! What a recipe must fulfil beyond its types.

use pulmo_ct::intensity::Intensity;
use pulmo_ct::resample::LabelResize;

use super::{GridMode, Phase, Recipe, Training};
use crate::error::{Error, Result};

impl Recipe {
    /// Checks ranges and combinations; `origin` names the recipe in errors.
    ///
    /// # Errors
    /// [`Error::Recipe`] with the key, what was found and what is allowed.
    pub fn validate(&self, origin: &str) -> Result<()> {
        let refuse = |(problem, hint): (String, &str)| {
            Err(Error::Recipe { origin: origin.to_owned(), problem, hint: hint.to_owned() })
        };
        let first = self
            .check_network()
            .or_else(|| self.check_input())
            .or_else(|| check_training(&self.training))
            .or_else(|| self.training.phase.iter().enumerate().find_map(|(index, phase)| check_phase(index, phase)))
            .or_else(|| self.check_augmentation());
        first.map_or(Ok(()), refuse)
    }

    fn check_network(&self) -> Option<(String, &'static str)> {
        if self.seed > i64::MAX as u64 {
            return Some((format!("`seed` = {}, expected below 2^63", self.seed), ""));
        }
        if self.network.classes < 2 || self.network.classes > 255 {
            return Some((
                format!("`network.classes` = {}, expected 2 to 255", self.network.classes),
                "background counts as a class",
            ));
        }
        if let Err(error) = self.network.parameter_shapes() {
            return Some((format!("`network`: {error}"), "architecture is \"paper\" or \"unet\" (which needs widths)"));
        }
        None
    }

    fn check_input(&self) -> Option<(String, &'static str)> {
        let size = self.input.grid.size();
        if size.contains(&0) || size.iter().any(|&side| side > 4096) {
            return Some((
                format!("`input.grid.size` = {size:?}, expected three sizes from 1 to 4096"),
                "slices, rows, columns",
            ));
        }
        if let GridMode::Patches { spacing_mm, overlap, foreground_share, patches_per_case, .. } = &self.input.grid {
            if let Some(spacing) =
                spacing_mm.filter(|s| !s.iter().all(|&mm| mm.is_finite() && (0.05..=50.0).contains(&mm)))
            {
                return Some((
                    format!("`input.grid.spacing_mm` = {spacing:?}, expected 0.05 to 50 mm"),
                    "slices, rows, columns",
                ));
            }
            if !(0.0..1.0).contains(overlap) {
                return Some((format!("`input.grid.overlap` = {overlap}, expected at least 0 and below 1"), ""));
            }
            if let Some(problem) = share("input.grid.foreground_share", *foreground_share) {
                return Some(problem);
            }
            if *patches_per_case == 0 {
                return Some(("`input.grid.patches_per_case` = 0, expected at least 1".to_owned(), ""));
            }
        }
        for (key, intensity) in
            [("intensity", Some(&self.input.intensity)), ("intensity_of_hu", self.input.intensity_of_hu.as_ref())]
        {
            if let Some(Err(error)) = intensity.map(Intensity::check) {
                return Some((format!("`input.{key}`: {error}"), ""));
            }
        }
        if self.input.mask_resize == LabelResize::TrilinearTruncate && self.network.classes != 2 {
            return Some((
                format!("`input.mask_resize` = \"trilinear_truncate\" with {} classes", self.network.classes),
                "it mixes labels, so it needs two classes; take \"nearest\"",
            ));
        }
        if self.input.foreground_labels.contains(&0) {
            return Some(("`input.foreground_labels` holds 0, which is background".to_owned(), ""));
        }
        None
    }

    fn check_augmentation(&self) -> Option<(String, &'static str)> {
        self.augmentation.iter().enumerate().find_map(|(index, entry)| {
            share(&format!("augmentation.{index}.probability"), entry.probability)
                .or_else(|| entry.transform.problem().map(|problem| (format!("`augmentation.{index}.{problem}"), "")))
        })
    }
}

fn share(key: &str, value: f64) -> Option<(String, &'static str)> {
    (!(0.0..=1.0).contains(&value)).then(|| (format!("`{key}` = {value}, expected 0 to 1"), ""))
}

fn check_training(training: &Training) -> Option<(String, &'static str)> {
    for (key, value) in [
        ("batch_size", training.batch_size),
        ("repeats", training.repeats),
        ("validate_every", training.validate_every),
        ("phase", training.epochs()),
    ] {
        if value == 0 {
            return Some((
                format!("`training.{key}` = 0, expected at least 1"),
                "a run needs at least one epoch and one item",
            ));
        }
    }
    if !(training.threshold > 0.0 && training.threshold < 1.0) {
        return Some((format!("`training.threshold` = {}, expected between 0 and 1", training.threshold), ""));
    }
    let schedule = &training.schedule;
    if !(schedule.pct_start > 0.0 && schedule.pct_start < 1.0) {
        return Some((format!("`training.schedule.pct_start` = {}, expected between 0 and 1", schedule.pct_start), ""));
    }
    for (key, value) in [("div", schedule.div), ("div_final", schedule.div_final)] {
        if !(value.is_finite() && value >= 1.0) {
            return Some((format!("`training.schedule.{key}` = {value}, expected at least 1"), ""));
        }
    }
    let optimiser = &training.optimiser;
    let squared = [("optimiser.squared_momentum", optimiser.squared_momentum)];
    let momenta = schedule.momenta.map(|momentum| ("schedule.momenta", momentum));
    for (key, value) in squared.into_iter().chain(momenta) {
        if !(0.0..1.0).contains(&value) {
            return Some((format!("`training.{key}` = {value}, expected at least 0 and below 1"), ""));
        }
    }
    if !(optimiser.epsilon.is_finite() && optimiser.epsilon > 0.0) {
        return Some((format!("`training.optimiser.epsilon` = {}, expected above 0", optimiser.epsilon), ""));
    }
    if !(0.0..1.0).contains(&optimiser.weight_decay) {
        return Some((
            format!("`training.optimiser.weight_decay` = {}, expected 0 to below 1", optimiser.weight_decay),
            "",
        ));
    }
    None
}

fn check_phase(index: usize, phase: &Phase) -> Option<(String, &'static str)> {
    if !(phase.learning_rate.is_finite() && phase.learning_rate > 0.0) {
        let problem = format!("`training.phase.{index}.learning_rate` = {}, expected above 0", phase.learning_rate);
        return Some((problem, "to keep the encoder as it is use freeze_encoder = true"));
    }
    if !(phase.encoder_rate_factor.is_finite() && phase.encoder_rate_factor >= 0.0) {
        let value = phase.encoder_rate_factor;
        return Some((format!("`training.phase.{index}.encoder_rate_factor` = {value}, expected 0 or more"), ""));
    }
    None
}
