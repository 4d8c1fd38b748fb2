//! Bfloat16 on the golden inputs of the authors' network: ours and PyTorch's autocast beside float64.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use pulmo_net::verify::{Golden, formula};
use pulmo_net::weights::keys::Mapping;
use pulmo_net::weights::{KeyTable, read_f64};
use pulmo_net::{Kernels, Loss, Network, Precision, Scalar, Session, Shape, Weights};

use crate::case::{self, Case};

/// What one pass in evaluation and one in training mode give.
struct Passes {
    logits: Vec<f64>,
    training_logits: Vec<f64>,
    loss: f64,
    gradients: BTreeMap<String, Vec<f64>>,
}

/// Prints a table for each folder of golden numbers below `root`, and says where ours is further off.
pub(crate) fn compare(root: &Path, folder: &Path, python: &Path, script: &Path) -> Result<(), String> {
    let entries = std::fs::read_dir(root).map_err(|error| format!("cannot read `{}`: {error}", root.display()))?;
    let mut inputs: Vec<_> = entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    inputs.sort();
    println!("| input | numbers | pulmo, bfloat16 | PyTorch, autocast | ours / theirs |\n|---|---|---|---|---|");
    for input in inputs {
        let golden = Golden::read(&input).map_err(|error| error.to_string())?;
        let name = input.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let (case, weights) = case_of(&golden, &golden.salt)?;
        let folder = folder.join(format!("golden/{name}"));
        case::write(&folder, &case, &weights)?;
        let exact = ours::<f64>(&case, &weights, Kernels::Reference, Precision::Float32)?;
        let ours = ours::<f32>(&case, &weights, Kernels::Fast, Precision::Bfloat16)?;
        let theirs = theirs(&folder, python, script)?;
        for (numbers, [ours, theirs]) in deviations(&exact, [&ours, &theirs]) {
            println!("| {name} | {numbers} | {ours:.2e} | {theirs:.2e} | {:.2} |", ours / theirs);
        }
        for Mean { numbers, sides: [ours, theirs], nearer } in further(&golden, &folder, python, script)? {
            let numbers = format!("{numbers}, {FURTHER} further weights and inputs (ours nearer in {nearer})");
            println!("| {name} | {numbers} | {ours:.2e} | {theirs:.2e} | {:.2} |", ours / theirs);
        }
    }
    Ok(())
}

/// Further weights and inputs of a golden input's shape: of one alone, which side is nearer is chance.
const FURTHER: usize = 12;

/// One row over all of them.
struct Mean {
    numbers: &'static str,
    /// Root mean squares of the deviations, ours and theirs.
    sides: [f64; 2],
    /// In how many ours is nearer.
    nearer: usize,
}

/// Deviations from float32, as our float64 takes minutes.
fn further(golden: &Golden, folder: &Path, python: &Path, script: &Path) -> Result<Vec<Mean>, String> {
    let mut means: Vec<Mean> = Vec::new();
    for number in 0..FURTHER {
        let (case, weights) = case_of(golden, &format!("{} {number}", golden.salt))?;
        case::write(folder, &case, &weights)?;
        let exact = ours::<f32>(&case, &weights, Kernels::Fast, Precision::Float32)?;
        let ours = ours::<f32>(&case, &weights, Kernels::Fast, Precision::Bfloat16)?;
        let theirs = theirs(folder, python, script)?;
        for (row, (numbers, sides)) in deviations(&exact, [&ours, &theirs]).into_iter().enumerate() {
            if row == means.len() {
                means.push(Mean { numbers, sides: [0.0; 2], nearer: 0 });
            }
            let mean = &mut means[row];
            mean.sides.iter_mut().zip(sides).for_each(|(sum, side)| *sum += side.powi(2) / FURTHER as f64);
            mean.nearer += usize::from(sides[0] < sides[1]);
        }
    }
    means.iter_mut().for_each(|mean| mean.sides = mean.sides.map(f64::sqrt));
    Ok(means)
}

/// An input of a golden one's shape with weights, by our names; the golden ones themselves by its own salt.
fn case_of(golden: &Golden, salt: &str) -> Result<(Case, Weights), String> {
    let named = |(key, shape): (&String, &Vec<usize>)| match KeyTable::Faimed3d.our_name(key) {
        Mapping::To(name) => Some((name, formula::tensor(key, shape, salt))),
        _ => None,
    };
    let weights = golden.keys.iter().filter_map(named).collect();
    let formula::Example { input, target } = formula::example(golden.batch, golden.channels, golden.size, salt);
    let shape = Shape { batch: golden.batch, channels: 3, size: golden.size };
    Ok((Case { network: Network::paper(), shape, input, target }, weights))
}

fn ours<T: Scalar>(case: &Case, weights: &Weights, kernels: Kernels, precision: Precision) -> Result<Passes, String> {
    let said = |error: pulmo_net::Error| error.to_string();
    let mut session = Session::<T>::new(&case.network, weights, kernels).map_err(said)?;
    session.set_precision(precision);
    let input: Vec<T> = case.input.iter().map(|&value| T::from_f64(value.into())).collect();
    let wide = |values: Vec<T>| values.into_iter().map(Scalar::to_f64).collect();
    let logits = wide(session.infer(case.shape, &input).map_err(said)?);
    let target = Some((case.target.as_slice(), Loss::DiceCrossEntropy));
    let trace = session.trace(case.shape, &input, target, &[]).map_err(said)?;
    Ok(Passes {
        logits,
        training_logits: wide(trace.logits),
        loss: trace.loss.iter().map(|(_, part)| part).sum(),
        gradients: trace.gradients,
    })
}

/// The same by PyTorch, in a process of its own.
fn theirs(folder: &Path, python: &Path, script: &Path) -> Result<Passes, String> {
    let mut command = Command::new(python);
    command.arg(script).args(["torch-cl", "trace-bf16"]).arg(folder).env("OMP_NUM_THREADS", "2");
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if !output.status.success() {
        return Err(format!("PyTorch failed: {}", String::from_utf8_lossy(&output.stderr)));
    }
    let mut gradients = read_f64(folder.join("torch-cl.safetensors")).map_err(|error| error.to_string())?;
    let mut take = |name: &str| gradients.remove(name).map(|tensor| tensor.1).ok_or(format!("no `{name}` by PyTorch"));
    let (logits, training_logits, loss) = (take("logits")?, take("training_logits")?, take("loss")?);
    let gradients = gradients.into_iter().map(|(name, tensor)| (name, tensor.1)).collect();
    Ok(Passes { logits, training_logits, loss: loss[0], gradients })
}

/// How far two sides are from the exact numbers: lengths of differences beside the length of the exact.
fn deviations(exact: &Passes, sides: [&Passes; 2]) -> Vec<(&'static str, [f64; 2])> {
    let of = |pick: fn(&Passes) -> &Vec<f64>| sides.map(|side| relative(pick(exact), pick(side)));
    let gradients = sides.map(|side| {
        let mut off: Vec<f64> = exact
            .gradients
            .iter()
            // The bias of a convolution before a BatchNorm has no gradient but rounding.
            .filter(|(name, exact)| side.gradients.contains_key(*name) && length(exact) > 1e-9)
            .map(|(name, exact)| relative(exact, &side.gradients[name]))
            .collect();
        off.sort_by(f64::total_cmp);
        off
    });
    let together = sides.map(|side| {
        let all = |of: &Passes| exact.gradients.keys().flat_map(|name| of.gradients[name].clone()).collect::<Vec<_>>();
        relative(&all(exact), &all(side))
    });
    vec![
        ("logits, evaluation", of(|side| &side.logits)),
        ("logits, training", of(|side| &side.training_logits)),
        ("loss", sides.map(|side| ((side.loss - exact.loss) / exact.loss).abs())),
        ("all gradients", together),
        ("gradient of a tensor, median", gradients.each_ref().map(|off| off[off.len() / 2])),
        ("gradient of a tensor, worst", gradients.each_ref().map(|off| off[off.len() - 1])),
    ]
}

fn length(values: &[f64]) -> f64 {
    values.iter().map(|value| value * value).sum::<f64>().sqrt()
}

fn relative(exact: &[f64], found: &[f64]) -> f64 {
    let off: Vec<f64> = exact.iter().zip(found).map(|(a, b)| a - b).collect();
    length(&off) / length(exact)
}
