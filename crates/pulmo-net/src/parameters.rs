//! The tensors of a network in the executor's layout, with the optimiser's state.

use std::collections::BTreeMap;

use pulmo_kernel::Scalar;

use crate::error::{Error, Result};
use crate::graph::{Parameter, ParameterId, Role};
use crate::tensor::{Tensor, Weights};

/// Parameters, running statistics and the optimiser's averages.
#[derive(Debug, Clone)]
pub struct Parameters<T> {
    described: Vec<Parameter>,
    /// Per parameter its values; convolutions as (depth, height, width, in, out).
    pub(crate) values: Vec<Vec<T>>,
    /// Per parameter the optimiser's state, empty until its first update.
    pub(crate) adam: Vec<AdamState<T>>,
}

/// What the optimiser remembers of one parameter.
#[derive(Debug, Clone, Default)]
pub(crate) struct AdamState<T> {
    pub(crate) average: Vec<T>,
    pub(crate) squared: Vec<T>,
    pub(crate) steps: u64,
}

/// The optimiser's state by name: what a checkpoint holds beside the weights.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct OptimiserState {
    /// `NAME.average` and `NAME.squared_average`, shaped as the parameter.
    pub tensors: Weights,
    /// Updates of each parameter so far; a parameter that was never updated is absent.
    pub steps: BTreeMap<String, u64>,
}

impl<T: Scalar> Parameters<T> {
    /// Takes the tensors of a network.
    ///
    /// # Errors
    /// [`Error::Weights`] if a tensor is missing, unknown or of another shape; it is named.
    pub fn new(described: &[Parameter], weights: &Weights) -> Result<Self> {
        let mut values = Vec::with_capacity(described.len());
        for parameter in described {
            values.push(to_kernel(parameter, find(weights, parameter)?));
        }
        if let Some(name) = weights.keys().find(|name| described.iter().all(|p| p.name != **name)) {
            return Err(mismatch(format!("tensor `{name}` has no place in the network")));
        }
        let adam = described.iter().map(|_| AdamState { average: vec![], squared: vec![], steps: 0 }).collect();
        Ok(Self { described: described.to_vec(), values, adam })
    }

    /// What the tensors are, in the order of their numbers.
    #[must_use]
    pub fn described(&self) -> &[Parameter] {
        &self.described
    }

    /// The values of a parameter, in the executor's layout.
    pub(crate) fn of(&self, id: ParameterId) -> &[T] {
        &self.values[id.0]
    }

    /// All tensors in the layout of files.
    #[must_use]
    pub fn weights(&self) -> Weights {
        let tensor = |(p, values): (&Parameter, &Vec<T>)| {
            let values = to_file(p, values).iter().map(|x| x.to_f64() as f32).collect();
            (p.name.clone(), Tensor { shape: p.shape.clone(), values })
        };
        self.described.iter().zip(&self.values).map(tensor).collect()
    }

    /// All tensors in the layout of files, in float64.
    #[must_use]
    pub fn weights_f64(&self) -> BTreeMap<String, Vec<f64>> {
        let pairs = self.described.iter().zip(&self.values);
        pairs.map(|(p, values)| (p.name.clone(), self.file_f64_of(p, values))).collect()
    }

    fn file_f64_of(&self, parameter: &Parameter, values: &[T]) -> Vec<f64> {
        to_file(parameter, values).iter().map(|x| x.to_f64()).collect()
    }

    /// Values of one parameter or its gradient, from the executor's layout to that of files, in float64.
    pub(crate) fn to_file_f64(&self, id: ParameterId, values: &[T]) -> (String, Vec<f64>) {
        let parameter = &self.described[id.0];
        (parameter.name.clone(), self.file_f64_of(parameter, values))
    }

    /// The optimiser's state in the layout of files.
    #[must_use]
    pub fn optimiser_state(&self) -> OptimiserState {
        let mut state = OptimiserState::default();
        for (p, adam) in self.described.iter().zip(&self.adam).filter(|(_, adam)| adam.steps > 0) {
            for (suffix, values) in [("average", &adam.average), ("squared_average", &adam.squared)] {
                let values = to_file(p, values).iter().map(|x| x.to_f64() as f32).collect();
                state.tensors.insert(format!("{}.{suffix}", p.name), Tensor { shape: p.shape.clone(), values });
            }
            state.steps.insert(p.name.clone(), adam.steps);
        }
        state
    }

    /// Takes an optimiser's state back.
    ///
    /// # Errors
    /// [`Error::Weights`] if it belongs to another network.
    pub fn set_optimiser_state(&mut self, state: &OptimiserState) -> Result<()> {
        if let Some(name) = state.steps.keys().find(|name| self.described.iter().all(|p| p.name != **name)) {
            return Err(mismatch(format!("optimiser state of `{name}` has no place in the network")));
        }
        for (p, adam) in self.described.iter().zip(&mut self.adam) {
            *adam = AdamState { average: vec![], squared: vec![], steps: 0 };
            let Some(&steps) = state.steps.get(&p.name) else { continue };
            let part = |suffix: &str| {
                let described = Parameter { name: format!("{}.{suffix}", p.name), ..p.clone() };
                Ok::<_, Error>(to_kernel(&described, find(&state.tensors, &described)?))
            };
            *adam = AdamState { average: part("average")?, squared: part("squared_average")?, steps };
        }
        Ok(())
    }
}

fn find<'a>(weights: &'a Weights, parameter: &Parameter) -> Result<&'a Tensor> {
    let name = &parameter.name;
    let Some(tensor) = weights.get(name) else {
        return Err(mismatch(format!("tensor `{name}` of shape {:?} is missing", parameter.shape)));
    };
    if tensor.shape != parameter.shape || tensor.values.len() != parameter.len() {
        let problem = format!("tensor `{name}` has shape {:?}; expected {:?}", tensor.shape, parameter.shape);
        return Err(mismatch(problem));
    }
    Ok(tensor)
}

fn mismatch(problem: String) -> Error {
    Error::Weights { problem, hint: "the file belongs to another network; `pulmo model show FILE` tells which".into() }
}

/// From a file's order of axes to (depth, height, width, in, out).
fn to_kernel<T: Scalar>(parameter: &Parameter, tensor: &Tensor) -> Vec<T> {
    let mut values = vec![T::ZERO; tensor.values.len()];
    for_each_position(parameter, |file, kernel| values[kernel] = T::from_f64(f64::from(tensor.values[file])));
    values
}

/// From (depth, height, width, in, out) to a file's order of axes.
fn to_file<T: Scalar>(parameter: &Parameter, values: &[T]) -> Vec<T> {
    let mut out = vec![T::ZERO; values.len()];
    for_each_position(parameter, |file, kernel| out[file] = values[kernel]);
    out
}

/// Calls `visit(position in the file, position in the executor's layout)` for every value.
///
/// A transposed convolution of stride 1 is an ordinary one whose taps run backwards.
fn for_each_position(parameter: &Parameter, mut visit: impl FnMut(usize, usize)) {
    let (Role::Convolution { transposed }, [first, second, rest @ ..]) = (parameter.role, parameter.shape.as_slice())
    else {
        (0..parameter.len()).for_each(|i| visit(i, i));
        return;
    };
    let taps: usize = rest.iter().product();
    let mut file = 0;
    for a in 0..*first {
        for b in 0..*second {
            for tap in 0..taps {
                let kernel = if transposed {
                    ((taps - 1 - tap) * first + a) * second + b
                } else {
                    (tap * second + b) * first + a
                };
                visit(file, kernel);
                file += 1;
            }
        }
    }
}
