//! The whole chain: differentiation, plan and executor.

use pulmo_kernel::Bf16;

use super::*;
use crate::error::Error;
use crate::forecast::forecast;
use crate::graph::Kind;
use crate::plan::kept_bytes;
use crate::summary::summary;

fn small() -> Network {
    Network { architecture: "unet".into(), input_channels: 2, classes: 3, widths: vec![4, 6, 5] }
}

fn pattern(len: usize, seed: usize) -> Vec<f64> {
    (0..len).map(|i| ((i * 7919 + seed * 104_729) % 1009) as f64 / 504.5 - 1.0).collect()
}

fn loss_at(session: &mut Session<f64>, shape: Shape, input: &[f64], target: &[u8]) -> f64 {
    let trace = session.trace(shape, input, Some((target, Loss::DiceCrossEntropy)), &[]).unwrap();
    trace.loss.iter().map(|(_, part)| part).sum()
}

/// On an odd shape and two volumes; the paper's network is held by its goldens.
#[test]
fn gradients_are_those_of_finite_differences() {
    let network = small();
    let shape = Shape { batch: 2, channels: network.input_channels, size: [3, 7, 6] };
    let input = pattern(shape.len(), 1);
    let target: Vec<u8> = (0..shape.voxels()).map(|i| (i % network.classes) as u8).collect();
    let weights = network.initial_weights(3).unwrap();
    let mut session = Session::<f64>::new(&network, &weights, Kernels::Reference).unwrap();
    let trace = session.trace(shape, &input, Some((&target, Loss::DiceCrossEntropy)), &[]).unwrap();
    assert_eq!(trace.gradients.len(), session.parameters.described().iter().filter(|p| p.is_trained()).count());
    for (name, gradient) in &trace.gradients {
        let largest = gradient.iter().fold(0.0_f64, |a, g| a.max(g.abs()));
        let index = gradient.iter().position(|g| g.abs() == largest).unwrap();
        let mut at = |by: f64| {
            let id = session.parameters.described().iter().position(|p| p.name == *name).unwrap();
            let at = session.file_position(id, index);
            session.parameters.values[id][at] += by;
            let loss = loss_at(&mut session, shape, &input, &target);
            session.parameters.values[id][at] -= by;
            loss
        };
        let numeric = (at(1e-6) - at(-1e-6)) / 2e-6;
        let tolerance = 1e-4 * largest.max(1e-4);
        assert!((numeric - gradient[index]).abs() < tolerance, "{name}: {numeric} {}", gradient[index]);
    }
}

impl Session<f64> {
    /// Where value `index` of a file's tensor lies in the executor's layout.
    fn file_position(&self, id: usize, index: usize) -> usize {
        let mut marked = self.parameters.clone();
        marked.values[id].iter_mut().enumerate().for_each(|(i, x)| *x = i as f64);
        marked.weights_f64()[&self.parameters.described()[id].name][index] as usize
    }
}

#[test]
fn the_paper_network_has_the_published_size() {
    for (size, gmac) in [([20, 224, 224], 1980.0), ([20, 112, 112], 495.0)] {
        let graph = Network::paper().graph(Shape { batch: 1, channels: 3, size }).unwrap();
        let summary = summary(&graph);
        assert_eq!(summary.parameters, 95_372_348);
        assert!((summary.macs as f64 / 1e9 - gmac).abs() < 1.0, "{}", summary.macs);
    }
}

#[test]
fn training_in_place_gives_the_kept_gradients() {
    let network = small();
    let shape = Shape { batch: 1, channels: 2, size: [4, 8, 8] };
    let input: Vec<f32> = pattern(shape.len(), 5).iter().map(|&x| x as f32).collect();
    let target: Vec<u8> = (0..shape.voxels()).map(|i| (i / 7 % 3) as u8).collect();
    let mut session = Session::<f32>::new(&network, &network.initial_weights(1).unwrap(), Kernels::Fast).unwrap();
    let before = session.weights();
    let trace = session.trace(shape, &input, Some((&target, Loss::MacroDice)), &[]).unwrap();
    session.set_weights(&before).unwrap();
    let adam = Adam { momentum: 0.0, squared_momentum: 0.0, epsilon: 1.0, weight_decay: 0.0 };
    let step = Step { loss: Loss::MacroDice, freeze_encoder: false, adam, learning_rate: LearningRate::same(1.0) };
    let report = session.train_step(shape, &input, &target, &step).unwrap();
    let norm: f64 = trace.gradients.values().flatten().map(|g| g * g).sum::<f64>().sqrt();
    assert!((report.gradient_norm - norm).abs() < 1e-5 * norm, "{} {norm}", report.gradient_norm);
    let after = session.weights();
    for (name, gradient) in trace.gradients {
        for ((a, b), g) in after[&name].values.iter().zip(&before[&name].values).zip(gradient) {
            let expected = -g / (g.abs() + 1.0);
            assert!((f64::from(a - b) - expected).abs() < 1e-5, "{name}: {} {expected}", a - b);
        }
    }
}

#[test]
fn a_frozen_encoder_keeps_its_convolutions_and_trains_its_norms() {
    let network = small();
    let shape = Shape { batch: 1, channels: 2, size: [4, 8, 8] };
    let input: Vec<f32> = pattern(shape.len(), 5).iter().map(|&x| x as f32).collect();
    let target: Vec<u8> = (0..shape.voxels()).map(|i| (i % 3) as u8).collect();
    let mut session = Session::<f32>::new(&network, &network.initial_weights(1).unwrap(), Kernels::Fast).unwrap();
    let before = session.weights();
    let step = Step {
        loss: Loss::CrossEntropy,
        freeze_encoder: true,
        adam: Adam::default(),
        learning_rate: LearningRate::same(1e-2),
    };
    session.train_step(shape, &input, &target, &step).unwrap();
    let moved: Vec<_> = session.weights().into_iter().filter(|(name, t)| before[name] != *t).map(|(n, _)| n).collect();
    assert!(moved.iter().all(|name| !(name.starts_with("encoder.") && name.contains("conv"))), "{moved:?}");
    assert!(moved.iter().any(|name| name == "encoder.level1.norm1.weight"), "{moved:?}");
    assert!(moved.iter().any(|name| name == "decoder.level1.conv1.weight"), "{moved:?}");
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    Precision::ALL.into_iter().for_each(check_threads);
}

fn check_threads(precision: Precision) {
    let network = small();
    let shape = Shape { batch: 1, channels: 2, size: [5, 17, 13] };
    let input: Vec<f32> = pattern(shape.len(), 2).iter().map(|&x| x as f32).collect();
    let target: Vec<u8> = (0..shape.voxels()).map(|i| (i % 3) as u8).collect();
    let step = Step {
        loss: Loss::DiceCrossEntropy,
        freeze_encoder: false,
        adam: Adam::default(),
        learning_rate: LearningRate::same(1e-2),
    };
    let trained = [1, 2, 4].map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let weights = network.initial_weights(1).unwrap();
            let mut session = Session::<f32>::new(&network, &weights, Kernels::Fast).unwrap();
            session.set_precision(precision);
            (0..3).for_each(|_| drop(session.train_step(shape, &input, &target, &step).unwrap()));
            (session.weights(), session.infer(shape, &input).unwrap())
        })
    });
    assert!(trained[0] == trained[1] && trained[1] == trained[2], "{precision}");
}

#[test]
fn a_broken_input_is_named_before_anything_is_updated() {
    let network = small();
    let shape = Shape { batch: 1, channels: 2, size: [4, 8, 8] };
    let mut session = Session::<f32>::new(&network, &network.initial_weights(1).unwrap(), Kernels::Fast).unwrap();
    let step = Step {
        loss: Loss::DiceCrossEntropy,
        freeze_encoder: false,
        adam: Adam::default(),
        learning_rate: LearningRate::same(1e-2),
    };
    let input = vec![f32::NAN; shape.len()];
    let error = session.train_step(shape, &input, &vec![0; shape.voxels()], &step).unwrap_err();
    assert_eq!(error.to_string(), "loss is not finite");
    assert!(session.optimiser_state().steps.is_empty());
}

/// A light U-Net with an input and a target.
fn light_task() -> (Network, Shape, Vec<f32>, Vec<u8>) {
    let network = Network { architecture: "unet".into(), input_channels: 2, classes: 3, widths: vec![8, 16, 32] };
    let shape = Shape { batch: 1, channels: 2, size: [8, 24, 24] };
    let input: Vec<f32> = pattern(shape.len(), 5).iter().map(|&x| x as f32).collect();
    let target: Vec<u8> = (0..shape.voxels()).map(|i| (i / 7 % 3) as u8).collect();
    (network, shape, input, target)
}

#[test]
fn bfloat16_activations_take_half_and_change_little() {
    let (network, shape, input, target) = light_task();
    let found = Precision::ALL.map(|precision| {
        let mut session = Session::<f32>::new(&network, &network.initial_weights(1).unwrap(), Kernels::Fast).unwrap();
        session.set_precision(precision);
        let logits = session.infer(shape, &input).unwrap();
        let trace = session.trace(shape, &input, Some((&target, Loss::DiceCrossEntropy)), &[]).unwrap();
        let plan = session.plan(shape, Purpose::Training { loss: Loss::DiceCrossEntropy, frozen: false }).unwrap();
        (logits, trace, plan)
    });
    let [(exact, exact_trace, wide), (logits, trace, narrow)] = found;
    let activations = |plan: &Plan, sizes: Sizes| -> usize {
        let stored = plan.graph.values.iter().zip(&plan.slot_of).filter(|(_, slot)| slot.is_some());
        stored.filter(|(value, _)| matches!(value.kind, Kind::Activation(_))).map(|(v, _)| sizes.scalars(v.kind)).sum()
    };
    let (wide, narrow) = (activations(&wide, Sizes::of::<f32>()), activations(&narrow, Sizes::of::<Bf16>()));
    assert!(narrow * 2 <= wide + 64, "{narrow} of {wide} scalars");
    let largest = exact.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
    let off = exact.iter().zip(&logits).fold(0.0_f32, |most, (a, b)| most.max((a - b).abs()));
    assert!(off > 0.0 && off < 0.03 * largest, "logits are off by {off} of {largest}");
    let total = |trace: &Trace<f32>| trace.loss.iter().map(|(_, part)| part).sum::<f64>();
    assert!((total(&exact_trace) - total(&trace)).abs() < 0.01, "{:?} {:?}", exact_trace.loss, trace.loss);
    // All tensors together: single ones are sums in which nearly everything cancels. It is the way of bfloat16: on the
    // golden inputs PyTorch's autocast is further off.
    let (mut off, mut size) = (0.0, 0.0);
    for (name, exact) in &exact_trace.gradients {
        size += exact.iter().map(|a| a * a).sum::<f64>();
        off += exact.iter().zip(&trace.gradients[name]).map(|(a, b)| (a - b).powi(2)).sum::<f64>();
    }
    let off = (off / size).sqrt();
    assert!(off > 0.0 && off < 0.25, "gradients are off by {off} of their length");
}

#[test]
fn inference_follows_the_weights_with_packed_ones_kept_or_not() {
    let (network, shape, input, target) = light_task();
    let (adam, learning_rate) = (Adam::default(), LearningRate::same(1e-2));
    let step = Step { loss: Loss::DiceCrossEntropy, freeze_encoder: false, adam, learning_rate };
    let fresh = |weights: &Weights| {
        let mut session = Session::<f32>::new(&network, weights, Kernels::Fast).unwrap();
        session.set_precision(Precision::Bfloat16);
        session
    };
    let first_weights = network.initial_weights(1).unwrap();
    let mut session = fresh(&first_weights);
    let first = session.infer(shape, &input).unwrap();
    assert_eq!(session.infer(shape, &input).unwrap(), first, "twice the same");
    let small = Shape { size: [4, 16, 16], ..shape };
    session.infer(small, &input[..small.len()]).unwrap();
    assert_eq!(session.infer(shape, &input).unwrap(), first, "after another shape");
    session.train_step(shape, &input, &target, &step).unwrap();
    let trained = session.infer(shape, &input).unwrap();
    assert_ne!(trained, first);
    assert_eq!(fresh(&session.weights()).infer(shape, &input).unwrap(), trained, "after a step");
    session.set_weights(&first_weights).unwrap();
    assert_eq!(session.infer(shape, &input).unwrap(), first, "with other weights");
    let Err(Error::Memory { needed_bytes, .. }) =
        forecast(&network, shape, Purpose::Inference, Precision::Bfloat16, Some(0))
    else {
        panic!("nothing fits into no memory")
    };
    session.set_max_bytes(Some(needed_bytes));
    let plan = session.plan(shape, Purpose::Inference).unwrap();
    assert_eq!(plan.keeps_weights, kept_bytes::<Bf16>(&plan.graph) == 0, "nothing is kept for which there is no room");
    assert_eq!(session.infer(shape, &input).unwrap(), first, "with less memory");
}

#[test]
#[should_panic(expected = "values of the input")]
fn an_input_of_another_length_is_a_fault_of_the_caller() {
    let network = small();
    let mut session = Session::<f32>::new(&network, &network.initial_weights(1).unwrap(), Kernels::Fast).unwrap();
    let shape = Shape { batch: 1, channels: 2, size: [4, 8, 8] };
    drop(session.infer(shape, &vec![0.0; shape.len() - 1]));
}

/// Two steps of training under a limit: the largest forecast, the recomputed activations, and the weights at the end.
fn trained_within(network: &Network, precision: Precision, max_bytes: Option<u64>) -> (Forecast, Weights) {
    let shape = Shape { batch: 1, channels: network.input_channels, size: [8, 32, 32] };
    let input: Vec<f32> = pattern(shape.len(), 5).iter().map(|&x| x as f32).collect();
    let target: Vec<u8> = (0..shape.voxels()).map(|i| (i / 7 % 2) as u8).collect();
    let mut session = Session::<f32>::new(network, &network.initial_weights(1).unwrap(), Kernels::Fast).unwrap();
    session.set_max_bytes(max_bytes);
    session.set_precision(precision);
    let loss = Loss::DiceCrossEntropy;
    let step = Step { loss, freeze_encoder: false, adam: Adam::default(), learning_rate: LearningRate::same(1e-3) };
    let forecast = session.forecast(shape, Purpose::Training { loss, frozen: false }).unwrap();
    for _ in 0..2 {
        session.train_step(shape, &input, &target, &step).unwrap();
        session.infer(shape, &input).unwrap();
    }
    (forecast, session.weights())
}

#[test]
fn recomputed_activations_have_the_same_bits() {
    let unet = Network { architecture: "unet".into(), input_channels: 2, classes: 2, widths: vec![6, 8, 10, 12] };
    let paper = Network::paper();
    for (network, precision) in
        [(&unet, Precision::Float32), (&unet, Precision::Bfloat16), (&paper, Precision::Float32)]
    {
        let (free, expected) = trained_within(network, precision, None);
        assert_eq!((free.recomputed, free.recomputed_macs), (0, 0));
        let shape = Shape { batch: 1, channels: network.input_channels, size: [8, 32, 32] };
        let purpose = Purpose::Training { loss: Loss::DiceCrossEntropy, frozen: false };
        let least = match forecast(network, shape, purpose, precision, Some(0)) {
            Err(Error::Memory { needed_bytes, max_bytes: 0 }) => needed_bytes,
            other => panic!("{other:?}"),
        };
        assert!(least < free.peak_bytes);
        let between = (least + free.peak_bytes) / 2;
        let limits = if network.architecture == "paper" { vec![least] } else { vec![least, between] };
        for max_bytes in limits {
            let (limited, weights) = trained_within(network, precision, Some(max_bytes));
            assert!(limited.peak_bytes <= max_bytes, "{limited:?} of {max_bytes}");
            assert!(limited.recomputed > 0 || max_bytes > least, "{limited:?}");
            assert_eq!(weights, expected, "{} within {max_bytes}", network.architecture);
        }
        let error = forecast(network, shape, purpose, precision, Some(least - 1)).unwrap_err();
        assert!(matches!(error, Error::Memory { needed_bytes, .. } if needed_bytes == least), "{error}");
    }
}
