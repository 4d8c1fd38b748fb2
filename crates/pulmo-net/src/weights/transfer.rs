//! A file's tensors into a network's.

use std::fmt::Write as _;

use super::keys::{KeyTable, Mapping};
use crate::{Error, Result, Tensor, Weights};

/// Stem weights that are fitted to another number of input channels.
const STEM: &str = "encoder.stem.conv.weight";

/// What became of a tensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// Taken as it is.
    Loaded,
    /// Taken after a stated change.
    Adapted(String),
    /// In the file, not used, with the reason.
    Skipped(String),
    /// In the network, not in the file: keeps the value it had.
    Missing,
}

/// One line of a transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransferEntry {
    /// Name in the file; `None` where the tensor is missing there.
    pub source: Option<String>,
    /// Our name; `None` where the tensor is skipped.
    pub name: Option<String>,
    /// Shape in the network, or in the file where skipped.
    pub shape: Vec<usize>,
    /// What became of it.
    pub fate: Fate,
}

/// What a transfer did, tensor by tensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransferReport {
    /// The names' source.
    pub table: KeyTable,
    /// One entry per tensor of the file, then one per tensor of the network that was not filled.
    pub entries: Vec<TransferEntry>,
}

impl TransferReport {
    /// Numbers of tensors loaded, adapted, skipped and missing.
    #[must_use]
    pub fn counts(&self) -> [usize; 4] {
        let mut counts = [0; 4];
        for entry in &self.entries {
            counts[match entry.fate {
                Fate::Loaded => 0,
                Fate::Adapted(_) => 1,
                Fate::Skipped(_) => 2,
                Fate::Missing => 3,
            }] += 1;
        }
        counts
    }

    /// One line of counts.
    #[must_use]
    pub fn summary(&self) -> String {
        let [loaded, adapted, skipped, missing] = self.counts();
        let source = self.table.describe();
        format!("from {source}: {loaded} loaded, {adapted} adapted, {skipped} skipped, {missing} missing")
    }

    /// The transfer as an aligned table, one tensor a line, with a last line of counts.
    #[must_use]
    pub fn table(&self) -> String {
        let dash = || "-".to_owned();
        let rows: Vec<[String; 4]> = self
            .entries
            .iter()
            .map(|entry| {
                let fate = match &entry.fate {
                    Fate::Loaded => "loaded".to_owned(),
                    Fate::Adapted(how) => format!("adapted: {how}"),
                    Fate::Skipped(why) => format!("skipped: {why}"),
                    Fate::Missing => "missing: keeps its initial values".to_owned(),
                };
                let shape = shape_text(&entry.shape);
                [entry.source.clone().unwrap_or_else(dash), entry.name.clone().unwrap_or_else(dash), shape, fate]
            })
            .collect();
        let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
        let (first, second, third) = (width(0), width(1), width(2));
        let mut text = String::new();
        for [source, name, shape, fate] in &rows {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{source:first$}  {name:second$}  {shape:third$}  {fate}");
        }
        text + &self.summary() + "\n"
    }
}

/// Puts a file's tensors into a network's weights; those the source does not fill keep their values.
///
/// A stem trained on three channels is fitted to networks with another number of input channels as faimed3d does: one
/// channel takes the sum over the three, two take the first two times 1.5, further ones zero.
///
/// # Errors
/// [`Error::Weights`], and `into` is untouched, where no name of the file fits, a tensor has another shape than the
/// network's (named, with both shapes), a value is not finite, or the file lacks a tensor its source should have.
pub fn transfer(file: &Weights, into: &mut Weights, table: KeyTable) -> Result<TransferReport> {
    let mut entries = Vec::new();
    let mut filled = Weights::new();
    for (key, tensor) in file {
        let skipped = |why: &str| (None, tensor.shape.clone(), Fate::Skipped(why.to_owned()));
        let (name, shape, fate) = match table.our_name(key) {
            Mapping::Unused(why) => skipped(why),
            Mapping::Unknown => skipped("not a name of this source"),
            Mapping::To(name) => match into.get(&name) {
                None => skipped("the network has no such tensor"),
                Some(place) => {
                    let (fitted, fate) = fit(key, tensor, &name, &place.shape, table)?;
                    let shape = fitted.shape.clone();
                    filled.insert(name.clone(), fitted);
                    (Some(name), shape, fate)
                }
            },
        };
        entries.push(TransferEntry { source: Some(key.clone()), name, shape, fate });
    }
    if filled.is_empty() {
        return Err(nothing_fits(file, into, table));
    }
    let missing: Vec<_> = into.iter().filter(|(name, _)| !filled.contains_key(*name)).collect();
    let expected: Vec<_> = missing.iter().filter(|(name, _)| table.fills(name)).collect();
    if let Some((name, _)) = expected.first() {
        return Err(Error::Weights {
            problem: format!("the file lacks `{name}` and {} more tensors", expected.len() - 1),
            hint: format!("a complete {} checkpoint is needed", table.describe()),
        });
    }
    for (name, tensor) in missing {
        let (name, shape) = (Some(name.clone()), tensor.shape.clone());
        entries.push(TransferEntry { source: None, name, shape, fate: Fate::Missing });
    }
    into.append(&mut filled);
    Ok(TransferReport { table, entries })
}

fn fit(key: &str, tensor: &Tensor, name: &str, shape: &[usize], table: KeyTable) -> Result<(Tensor, Fate)> {
    if tensor.values.iter().any(|value| !value.is_finite()) {
        let problem = format!("`{key}` holds values that are not finite");
        return Err(Error::Weights {
            problem,
            hint: "the training that wrote it has diverged, or it is damaged".into(),
        });
    }
    if tensor.shape == shape {
        return Ok((tensor.clone(), Fate::Loaded));
    }
    if name == STEM
        && table == KeyTable::Torchvision
        && let (&[filters, 3, depth, height, width], &[wanted, channels, d, h, w]) = (tensor.shape.as_slice(), shape)
        && (filters, depth, height, width) == (wanted, d, h, w)
    {
        return Ok(fit_stem(tensor, channels));
    }
    Err(Error::Weights {
        problem: format!("`{key}` has shape {}, `{name}` needs {}", shape_text(&tensor.shape), shape_text(shape)),
        hint: "the checkpoint is of another network, or of another number of channels or classes".into(),
    })
}

fn fit_stem(tensor: &Tensor, channels: usize) -> (Tensor, Fate) {
    let taps: usize = tensor.shape[2..].iter().product();
    let filters = tensor.values.chunks_exact(3 * taps).flat_map(|filter| {
        let mut fitted = vec![0.0; channels * taps];
        match channels {
            1 => (0..taps).for_each(|tap| fitted[tap] = filter[tap] + filter[taps + tap] + filter[2 * taps + tap]),
            2 => (0..2 * taps).for_each(|place| fitted[place] = 1.5 * filter[place]),
            _ => fitted[..3 * taps].copy_from_slice(filter),
        }
        fitted
    });
    let values = filters.collect();
    let how = match channels {
        1 => "summed over the 3 input channels",
        2 => "first 2 of 3 input channels, times 1.5",
        _ => "further input channels begin at zero",
    };
    let mut shape = tensor.shape.clone();
    shape[1] = channels;
    (Tensor { shape, values }, Fate::Adapted(how.to_owned()))
}

fn nothing_fits(file: &Weights, into: &Weights, table: KeyTable) -> Error {
    let first = |weights: &Weights| weights.keys().next().cloned().unwrap_or_default();
    Error::Weights {
        problem: format!(
            "no tensor of the file fits: it has names such as `{}`, the network such as `{}`",
            first(file),
            first(into)
        ),
        hint: format!("the names were read as those of {}; is this the checkpoint meant?", table.describe()),
    }
}

fn shape_text(shape: &[usize]) -> String {
    if shape.is_empty() {
        return "scalar".to_owned();
    }
    shape.iter().map(usize::to_string).collect::<Vec<_>>().join("x")
}
