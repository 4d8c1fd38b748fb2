//! Gradients against finite differences; values by hand.

use super::*;

const ALL: [Loss; 4] = [Loss::DiceCrossEntropy, Loss::CrossEntropy, Loss::MacroDice, Loss::Matthews];

fn value(loss: Loss, logits: &[f64], classes: usize, batch: usize, target: &[u8]) -> f64 {
    let field = Field::new(logits, classes, batch, target);
    loss.terms().iter().map(|term| term.value(&field)).sum()
}

#[test]
fn gradients_are_those_of_finite_differences() {
    for classes in [2, 3] {
        let batch = 2;
        let voxels = 10;
        let logits: Vec<f64> = (0..voxels * classes).map(|i| ((i * 37 % 23) as f64 - 11.0) / 7.0).collect();
        let target: Vec<u8> = (0..voxels).map(|i| (i * i % classes) as u8).collect();
        for loss in ALL {
            let mut gradient = vec![0.0; logits.len()];
            let field = Field::new(&logits, classes, batch, &target);
            loss.terms().iter().for_each(|term| term.add_gradient(&field, &mut gradient));
            for i in 0..logits.len() {
                let at = |step: f64| {
                    let mut moved = logits.clone();
                    moved[i] += step;
                    value(loss, &moved, classes, batch, &target)
                };
                let numeric = (at(1e-5) - at(-1e-5)) / 2e-5;
                assert!((numeric - gradient[i]).abs() < 1e-8, "{loss:?} {i}: {numeric} {}", gradient[i]);
            }
        }
    }
}

#[test]
fn a_sure_and_right_network_has_almost_no_loss() {
    let target = [0, 1, 1, 0];
    let logits: Vec<f64> = target.iter().flat_map(|&t| if t == 1 { [-20.0, 20.0] } else { [20.0, -20.0] }).collect();
    for loss in ALL {
        assert!(value(loss, &logits, 2, 1, &target).abs() < 1e-6, "{loss:?}");
    }
}

#[test]
fn an_empty_reference_gives_no_nan() {
    let logits = [1e4, -1e4, 1e4, -1e4];
    for loss in ALL {
        assert!(value(loss, &logits, 2, 1, &[0, 0]).is_finite(), "{loss:?}");
    }
}

/// Values and gradients as PyTorch has them: `oracles/losses`.
#[test]
fn values_and_gradients_are_those_of_pytorch() {
    let truth: serde_json::Value = serde_json::from_str(include_str!("../../../../oracles/losses/truth.json")).unwrap();
    for case in truth["cases"].as_array().unwrap() {
        let loss: Loss = serde_json::from_value(case["loss"].clone()).unwrap();
        let whole = |key: &str| usize::try_from(case[key].as_u64().unwrap()).unwrap();
        let (batch, classes) = (whole("batch"), whole("classes"));
        let expected: Vec<f64> = case["gradient"].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect();
        let logits: Vec<f64> = (0..expected.len()).map(|i| ((i * 37 + 11) % 101) as f64 / 20.0 - 2.5).collect();
        let target: Vec<u8> = (0..logits.len() / classes).map(|i| ((7 * i + i * i) % 11 % classes) as u8).collect();
        assert!((value(loss, &logits, classes, batch, &target) - case["value"].as_f64().unwrap()).abs() < 1e-12);
        let mut gradient = vec![0.0; logits.len()];
        let field = Field::new(&logits, classes, batch, &target);
        loss.terms().iter().for_each(|term| term.add_gradient(&field, &mut gradient));
        for (g, e) in gradient.iter().zip(expected) {
            assert!((g - e).abs() < 1e-12, "{loss:?}: {g} {e}");
        }
    }
}
