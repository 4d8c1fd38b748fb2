//! Runs the network on golden input and compares.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use super::compare::{self, Arithmetic, Check};
use super::golden::{GoldenLoss, GoldenStep, Summary};
use super::{Golden, Kind, Options, Verification, formula};
use crate::graph::Shape;
use crate::optimiser::{Adam, LearningRate};
use crate::schedule::OneCycle;
use crate::session::{Session, Step};
use crate::weights::keys::{Mapping, faimed3d};
use crate::weights::{KeyTable, SafetensorsStream, TensorsF64, Width, read_f64};
use crate::{Error, Kernels, Loss, Network, Result, Scalar, Weights};

/// Tensors by faimed3d's keys.
type Tensors = BTreeMap<String, Vec<f64>>;

/// Runs the paper's network as the golden numbers of `folder` were made, and compares with them.
///
/// # Errors
/// [`Error::Io`] and [`Error::WeightFile`] where the folder or the file to compare against cannot be used, or the dump
/// cannot be written; [`Error::Weights`] where the golden keys are not those of the paper's network;
/// [`Error::NotFinite`] where the network diverges.
pub fn verify(folder: &Path, options: &Options) -> Result<Verification> {
    let golden = Golden::read(folder)?;
    match options.precision {
        Arithmetic::F32 => Run::<f32>::new(folder, &golden, options)?.verify(),
        Arithmetic::F64 => Run::<f64>::new(folder, &golden, options)?.verify(),
    }
}

struct Run<'a, T> {
    folder: &'a Path,
    golden: &'a Golden,
    options: &'a Options,
    kernels: Kernels,
    /// faimed3d's key to our name.
    names: BTreeMap<String, String>,
    session: Session<T>,
    shape: Shape,
    input: Vec<T>,
    target: Vec<u8>,
    /// What a float64 run has dumped, if it is to be compared with.
    truth: TensorsF64,
    dump: Option<SafetensorsStream>,
    kinds: Vec<Kind>,
}

impl<'a, T: Scalar> Run<'a, T> {
    fn new(folder: &'a Path, golden: &'a Golden, options: &'a Options) -> Result<Self> {
        let fast = options.precision == Arithmetic::F32 && !options.reference_kernels;
        let kernels = if fast { Kernels::Fast } else { Kernels::Reference };
        let (mut names, mut weights) = (BTreeMap::new(), Weights::new());
        for (key, shape) in &golden.keys {
            if let Mapping::To(name) = KeyTable::Faimed3d.our_name(key) {
                weights.insert(name.clone(), formula::tensor(key, shape, &golden.salt));
                names.insert(key.clone(), name);
            }
        }
        let example = formula::example(golden.batch, golden.channels, golden.size, &golden.salt);
        let voxels = example.target.iter().filter(|&&label| label == 1).count();
        if voxels != golden.target_voxels {
            let problem = format!("the formula gives {voxels} target voxels, it says {}", golden.target_voxels);
            let hint = "the folder was made by another formula".to_owned();
            return Err(Error::WeightFile { path: folder.join("golden.json"), problem, hint });
        }
        let dump = match &options.dump {
            Some(path) => Some(SafetensorsStream::create(
                path,
                &dumped_shapes(golden),
                if options.precision == Arithmetic::F64 { Width::F64 } else { Width::F32 },
                &BTreeMap::new(),
            )?),
            None => None,
        };
        Ok(Self {
            folder,
            golden,
            options,
            kernels,
            names,
            session: Session::new(&Network::paper(), &weights, kernels)?,
            shape: Shape { batch: golden.batch, channels: 3, size: golden.size },
            input: example.input.iter().map(|&value| T::from_f64(value.into())).collect(),
            target: example.target,
            truth: options.against.as_ref().map_or_else(|| Ok(BTreeMap::new()), read_f64)?,
            dump,
            kinds: Vec::new(),
        })
    }

    fn verify(mut self) -> Result<Verification> {
        let begin = Instant::now();
        self.evaluation()?;
        self.training()?;
        let before = self.tensors();
        let after = self.step("updates_frozen", &self.golden.step_1_frozen, true, &before)?;
        self.step("updates_unfrozen", &self.golden.step_2_unfrozen, false, &after)?;
        self.one_cycle();
        self.keys()?;
        if let Some(dump) = self.dump.take() {
            dump.finish()?;
        }
        let [depth, height, width] = self.golden.size;
        Ok(Verification {
            precision: if self.options.precision == Arithmetic::F64 { "float64" } else { "float32" },
            kernels: if self.kernels == Kernels::Fast { "fast" } else { "reference" },
            input: [self.golden.batch, self.golden.channels, depth, height, width],
            elapsed_s: begin.elapsed().as_secs_f64(),
            kinds: self.kinds,
        })
    }

    fn evaluation(&mut self) -> Result<()> {
        let modules: BTreeMap<&str, &str> = self
            .golden
            .activations_eval
            .keys()
            .filter_map(|module| Some((module.as_str(), faimed3d::value_of_module(module)?)))
            .collect();
        let names: Vec<&str> = modules.values().copied().collect();
        let trace = self.session.trace(self.shape, &self.input, None, &names)?;
        let logits = channels_first(&trace.logits, 2, self.golden.batch);
        self.logits("logits_eval", &logits, self.golden.logits.eval_f32_max_over_max)?;
        let mut checks = Vec::new();
        for (module, summary) in &self.golden.activations_eval {
            let value = modules.get(module.as_str()).and_then(|name| trace.activations.get(*name));
            checks.extend(match value {
                Some((shape, values)) => {
                    let values = channels_first(values, shape.channels, shape.batch);
                    compare::tensor(module, &values, summary, self.options.precision, None)
                }
                None => vec![Check::new(format!("{module} is not there"), f64::INFINITY, 0.0)],
            });
        }
        self.kinds.push(Kind::new("activations", &checks));
        Ok(())
    }

    fn training(&mut self) -> Result<()> {
        let before = self.tensors();
        let target = Some((self.target.as_slice(), Loss::DiceCrossEntropy));
        let trace = self.session.trace(self.shape, &self.input, target, &[])?;
        let logits = channels_first(&trace.logits, 2, self.golden.batch);
        self.logits("logits_train", &logits, self.golden.logits.train_f32_max_over_max)?;
        let explained = self.golden.logits.train_f32_max_over_max;
        let checks = self.loss("step 1", &trace.loss, &self.golden.loss, (self.golden.loss.f32, explained));
        self.kinds.push(Kind::new("loss", &checks));
        let gradients = self.by_key(trace.gradients);
        self.tensors_of("gradients", &gradients, &self.golden.gradients, false)?;
        drop(gradients);
        let mut increment = self.tensors();
        subtract(&mut increment, &before);
        self.tensors_of("running_increment", &increment, &self.golden.running_increment, false)
    }

    /// Takes a step, compares its updates, and gives the parameters after it.
    fn step(&mut self, kind: &'static str, golden: &GoldenStep, frozen: bool, before: &Tensors) -> Result<Tensors> {
        let first = &self.golden.step_1_frozen;
        let adam = Adam::default();
        let step = Step {
            loss: Loss::DiceCrossEntropy,
            freeze_encoder: frozen,
            adam: Adam {
                momentum: golden.mom,
                squared_momentum: golden.sqr_mom.or(first.sqr_mom).unwrap_or(adam.squared_momentum),
                epsilon: golden.eps.or(first.eps).unwrap_or(adam.epsilon),
                weight_decay: golden.wd.or(first.wd).unwrap_or(adam.weight_decay),
            },
            learning_rate: LearningRate::same(golden.lr),
        };
        let report = self.session.train_step(self.shape, &self.input, &self.target, &step)?;
        if let Some(loss) = &golden.loss_before {
            let moved = (loss.dice_loss - self.golden.loss.dice_loss).abs()
                + (loss.cross_entropy - self.golden.loss.cross_entropy).abs();
            let explained = 3.0 * moved * compare::median_deviation(first.updates.values());
            let checks = self.loss("step 2", &report.parts, loss, (golden.f32.or(loss.f32), explained));
            self.kinds.push(Kind::new("loss_second_step", &checks));
        }
        let after = self.tensors();
        let mut updates = after.clone();
        subtract(&mut updates, before);
        self.tensors_of(kind, &updates, &golden.updates, true)?;
        Ok(after)
    }

    fn logits(&mut self, kind: &'static str, logits: &[f64], f32_deviation: f64) -> Result<()> {
        let golden = self.golden.read_logits(self.folder, &format!("{kind}.npy"))?;
        let bound = compare::bound(self.options.precision, f32_deviation);
        let check = compare::largest_difference("logits", logits, &golden, bound);
        self.kinds.push(Kind::new(kind, &[check]));
        self.dump.as_mut().map_or(Ok(()), |dump| dump.write(logits))
    }

    /// Compares the parts of a loss; in float32 a relative deviation of `explained` is allowed in any case.
    fn loss(
        &self,
        when: &str,
        parts: &[(&'static str, f64)],
        golden: &GoldenLoss,
        (f32_parts, explained): (Option<[f64; 2]>, f64),
    ) -> Vec<Check> {
        let golden = [("dice_loss", golden.dice_loss), ("cross_entropy", golden.cross_entropy)];
        let f32_deviation = f32_parts.map_or(0.0, |f32_parts| {
            golden.iter().zip(f32_parts).map(|((_, golden), part)| ((part - golden) / golden).abs()).fold(0.0, f64::max)
        });
        let bound = match self.options.precision {
            Arithmetic::F64 => compare::bound(Arithmetic::F64, f32_deviation),
            Arithmetic::F32 => compare::bound(Arithmetic::F32, f32_deviation).max(explained),
        };
        let check = |(index, (name, golden)): (usize, (&str, f64))| {
            let found = parts.get(index).map_or(f64::NAN, |part| part.1);
            Check::new(format!("{name} before {when}"), ((found - golden) / golden).abs(), bound)
        };
        golden.into_iter().enumerate().map(check).collect()
    }

    fn tensors_of(
        &mut self,
        kind: &'static str,
        found: &Tensors,
        golden: &BTreeMap<String, Summary>,
        signlike: bool,
    ) -> Result<()> {
        let turning = signlike.then(|| compare::median_deviation(golden.values()));
        let mut checks = Vec::new();
        for (key, summary) in golden {
            let Some(values) = found.get(key) else {
                checks.push(Check::new(format!("{key} is not there"), f64::INFINITY, 0.0));
                continue;
            };
            match self.truth.get(&format!("{kind}/{key}")) {
                Some((_, truth)) => checks.push(compare::tensor_against(key, values, truth, summary, turning)),
                None => checks.extend(compare::tensor(key, values, summary, self.options.precision, turning)),
            }
        }
        if signlike && self.options.precision == Arithmetic::F32 && self.truth.is_empty() {
            let observed = |key: &str, index: usize| found.get(key)?.get(index).copied();
            checks.push(compare::outlying_samples(observed, golden.iter()));
        }
        self.kinds.push(Kind::new(kind, &checks));
        let Some(dump) = &mut self.dump else { return Ok(()) };
        golden.keys().try_for_each(|key| dump.write(found.get(key).map_or(&[][..], Vec::as_slice)))
    }

    fn one_cycle(&mut self) {
        let golden = &self.golden.one_cycle;
        let cycle = OneCycle::new(golden.lr_max);
        let mut checks = Vec::new();
        for (index, (lr, momentum)) in golden.lr.iter().zip(&golden.mom).enumerate() {
            #[expect(clippy::cast_precision_loss, reason = "a step number")]
            let found = cycle.at(index as f64 / golden.steps as f64);
            for (what, found, golden) in [("learning rate", found.0, lr), ("momentum", found.1, momentum)] {
                let off = ((found - golden) / golden).abs();
                checks.push(Check::new(format!("{what} of step {index}"), off, compare::bound(Arithmetic::F64, 0.0)));
            }
        }
        self.kinds.push(Kind::new("one_cycle", &checks));
    }

    fn keys(&mut self) -> Result<()> {
        let ours: BTreeMap<_, _> = Network::paper().parameter_shapes()?.into_iter().collect();
        let golden: BTreeMap<_, _> = self.golden.keys.iter().map(|(key, shape)| (key.clone(), shape.clone())).collect();
        // The counters of batches are the only keys without a counterpart.
        let mut found: BTreeMap<_, _> = golden
            .iter()
            .filter(|(key, _)| key.ends_with(".num_batches_tracked"))
            .map(|(key, shape)| (key.clone(), shape.clone()))
            .collect();
        for (key, name) in &self.names {
            found.extend(ours.get(name).map(|shape| (key.clone(), shape.clone())));
        }
        let unmapped = ours.keys().filter(|name| !self.names.values().any(|mapped| mapped == *name));
        found.extend(unmapped.map(|name| (name.clone(), ours[name].clone())));
        let count = Network::paper().graph(self.shape)?.parameter_count();
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
        let off = count.abs_diff(self.golden.parameters) as f64;
        let checks = [Check::new(format!("{count} parameters"), off, 0.0), compare::shapes(&found, &golden)];
        self.kinds.push(Kind::new("keys", &checks));
        Ok(())
    }

    fn tensors(&self) -> Tensors {
        self.by_key(self.session.weights_f64())
    }

    fn by_key(&self, mut named: BTreeMap<String, Vec<f64>>) -> Tensors {
        self.names.iter().filter_map(|(key, name)| Some((key.clone(), named.remove(name)?))).collect()
    }
}

/// Names and shapes of the dump, in the order in which they are computed.
fn dumped_shapes(golden: &Golden) -> Vec<(String, Vec<usize>)> {
    let [depth, height, width] = golden.size;
    let logits = vec![golden.batch, 2, depth, height, width];
    let mut shapes = vec![("logits_eval".to_owned(), logits.clone()), ("logits_train".to_owned(), logits)];
    for (kind, tensors) in [
        ("gradients", &golden.gradients),
        ("running_increment", &golden.running_increment),
        ("updates_frozen", &golden.step_1_frozen.updates),
        ("updates_unfrozen", &golden.step_2_unfrozen.updates),
    ] {
        for (key, summary) in tensors {
            let shape = golden.keys.get(key).cloned().unwrap_or_else(|| vec![summary.n]);
            shapes.push((format!("{kind}/{key}"), shape));
        }
    }
    shapes
}

fn subtract(from: &mut Tensors, other: &Tensors) {
    for (key, values) in from {
        if let Some(other) = other.get(key) {
            values.iter_mut().zip(other).for_each(|(value, other)| *value -= other);
        }
    }
}

/// From N, voxels, C to N, C, voxels.
fn channels_first<T: Scalar>(values: &[T], channels: usize, batch: usize) -> Vec<f64> {
    let item = values.len() / batch.max(1);
    let voxels = item / channels.max(1);
    let mut sorted = Vec::with_capacity(values.len());
    for values in values.chunks_exact(item.max(1)) {
        for channel in 0..channels {
            sorted.extend((0..voxels).map(|voxel| values[voxel * channels + channel].to_f64()));
        }
    }
    sorted
}

#[cfg(test)]
mod tests {
    use super::channels_first;

    #[test]
    fn channels_come_before_voxels() {
        let values = [0.0_f32, 10.0, 1.0, 11.0, 2.0, 12.0, 3.0, 13.0];
        assert_eq!(channels_first(&values, 2, 2), [0.0, 1.0, 10.0, 11.0, 2.0, 3.0, 12.0, 13.0]);
        assert_eq!(channels_first(&values, 2, 1), [0.0, 1.0, 2.0, 3.0, 10.0, 11.0, 12.0, 13.0]);
    }
}
