//! Loss and Dice of cases the network does not train on, on the network's grid.

use pulmo_kernel::Scalar;
use pulmo_net::loss::Field;
use pulmo_net::{Loss, Session, Shape};
use serde::{Deserialize, Serialize};

use crate::batch::{Prepared, network_input};
use crate::error::Result;
use crate::memory::window_of;
use crate::predict::Block;
use crate::recipe::{GridMode, Recipe};
use crate::segment::probabilities;

/// What the validation of one epoch found.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Validation {
    /// Mean Dice over the cases where it is defined; `None` without any.
    pub dice: Option<f64>,
    /// Mean loss over the cases where it is finite; `None` without any.
    pub loss: Option<f64>,
    /// Each case's Dice; `None` where reference and prediction are both empty.
    pub cases: Vec<(String, Option<f64>)>,
}

/// Means over the cases; undefined Dice and losses that are not finite are left out.
pub(super) fn summarise(cases: Vec<(String, CaseScore)>) -> Validation {
    let mean = |values: Vec<f64>| (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64);
    Validation {
        dice: mean(cases.iter().filter_map(|(_, score)| score.dice).collect()),
        loss: mean(cases.iter().map(|(_, score)| score.loss).filter(|loss| loss.is_finite()).collect()),
        cases: cases.into_iter().map(|(name, score)| (name, score.dice)).collect(),
    }
}

/// What one case scored.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct CaseScore {
    pub(super) dice: Option<f64>,
    pub(super) loss: f64,
}

/// Predicts one case and compares.
pub(super) fn score(session: &mut Session<f32>, recipe: &Recipe, volume: &Prepared) -> Result<CaseScore> {
    let target = volume.target.as_deref().unwrap_or_default();
    let classes = recipe.network.classes;
    let logits = match recipe.input.grid {
        GridMode::Whole { size } => infer(session, recipe, size, &volume.values)?,
        GridMode::Patches { .. } => {
            let block = Block::new(volume.placement.network.shape(), volume.values.clone());
            let window = window_of(&recipe.input.grid).fitted_to(block.shape);
            let probabilities = probabilities(session, window, &block, &mut |_, _| {})?;
            logits_of(&probabilities)
        }
    };
    let prediction = classify(&logits, classes, recipe.training.threshold);
    Ok(CaseScore {
        dice: mean_dice(target, &prediction, classes),
        loss: loss(recipe.training.loss, &logits, classes, target),
    })
}

/// Blended probabilities as logits (voxels, classes), so that one loss serves both modes; the background's are 0.
fn logits_of(probabilities: &[Block]) -> Vec<f32> {
    let classes = probabilities.len() + 1;
    let voxels = probabilities.first().map_or(0, |class| class.values.len());
    let mut logits = vec![0.0; voxels * classes];
    for (voxel, logits) in logits.chunks_mut(classes).enumerate() {
        let background = 1.0 - probabilities.iter().map(|class| class.values[voxel]).sum::<f32>();
        for (logit, class) in logits[1..].iter_mut().zip(probabilities) {
            *logit = (class.values[voxel].max(1e-7) / background.max(1e-7)).ln();
        }
    }
    logits
}

fn infer(session: &mut Session<f32>, recipe: &Recipe, size: [usize; 3], values: &[f32]) -> Result<Vec<f32>> {
    let channels = recipe.network.input_channels;
    let input = network_input(&[values], channels);
    Ok(session.infer(Shape { batch: 1, channels, size }, &input)?)
}

fn loss<T: Scalar>(loss: Loss, logits: &[T], classes: usize, target: &[u8]) -> f64 {
    let field = Field::new(logits, classes, 1, target);
    loss.terms().iter().map(|term| term.value(&field)).sum()
}

/// Two classes: infiltrate where its probability is above the threshold. More: the class of the largest logit.
fn classify(logits: &[f32], classes: usize, threshold: f64) -> Vec<u8> {
    if classes == 2 {
        let cut = (threshold / (1.0 - threshold)).ln() as f32;
        return logits.chunks(2).map(|voxel| u8::from(voxel[1] - voxel[0] > cut)).collect();
    }
    let largest = |voxel: &[f32]| {
        let first = (0, f32::NEG_INFINITY);
        voxel
            .iter()
            .enumerate()
            .fold(first, |best, (class, &logit)| if logit > best.1 { (class, logit) } else { best })
            .0
    };
    logits.chunks(classes).map(|voxel| largest(voxel) as u8).collect()
}

/// Mean over the classes but the background of 2·|both| / (|reference| + |prediction|); `None` where all are empty.
fn mean_dice(reference: &[u8], prediction: &[u8], classes: usize) -> Option<f64> {
    let dice = |class: u8| {
        let (mut both, mut sum) = (0_u64, 0_u64);
        for (&r, &p) in reference.iter().zip(prediction) {
            both += u64::from(r == class && p == class);
            sum += u64::from(r == class) + u64::from(p == class);
        }
        (sum > 0).then(|| 2.0 * both as f64 / sum as f64)
    };
    let defined: Vec<f64> = (1..classes).filter_map(|class| dice(class as u8)).collect();
    (!defined.is_empty()).then(|| defined.iter().sum::<f64>() / defined.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dice_of_two_empty_masks_is_left_out() {
        assert_eq!(mean_dice(&[0, 0], &[0, 0], 2), None);
        assert_eq!(mean_dice(&[0, 1], &[0, 0], 2), Some(0.0));
        assert_eq!(mean_dice(&[1, 1, 0, 0], &[1, 0, 1, 0], 2), Some(0.5));
        assert_eq!(mean_dice(&[1, 2, 0, 0], &[1, 0, 1, 0], 3), Some((2.0 / 3.0 + 0.0) / 2.0));
        let scores = [Some(0.5), None, Some(1.0)];
        let cases =
            scores.map(|dice| (String::new(), CaseScore { dice, loss: if dice.is_none() { f64::NAN } else { 2.0 } }));
        let found = summarise(cases.to_vec());
        assert_eq!((found.dice, found.loss), (Some(0.75), Some(2.0)));
        assert_eq!(summarise(Vec::new()).dice, None);
    }

    #[test]
    fn blended_probabilities_are_logits_again() {
        let class = |values: &[f32]| Block::new([1, 1, 2], values.to_vec());
        let logits = logits_of(&[class(&[0.2, 0.5]), class(&[0.7, 0.3])]);
        assert_eq!(classify(&logits, 3, 0.5), [2, 1]);
        for (found, expected) in logits.iter().zip([0.0, 2.0_f32.ln(), 7.0_f32.ln(), 0.0, 2.5_f32.ln(), 1.5_f32.ln()]) {
            assert!((found - expected).abs() < 1e-5, "{logits:?}");
        }
    }

    #[test]
    fn a_threshold_of_one_half_is_argmax() {
        let logits = [0.0, 0.1, 0.0, -0.1, 2.0, 2.0];
        assert_eq!(classify(&logits, 2, 0.5), [1, 0, 0]);
        // logit difference 0.1 is a probability of 0.525
        assert_eq!(classify(&logits, 2, 0.53), [0, 0, 0]);
        assert_eq!(classify(&[0.0, 3.0, 1.0, 5.0, 2.0, 2.0], 3, 0.5), [1, 0]);
    }
}
