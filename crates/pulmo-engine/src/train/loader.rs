//! Prepared cases in memory, and batches made ahead of the training.

use std::collections::{HashMap, HashSet};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use super::cases::{Case, load};
use crate::batch::{Item, Prepared};
use crate::error::Result;
use crate::recipe::Recipe;
use crate::sample::{self, Visit};

/// Batches that wait while the network works.
const BATCHES_AHEAD: usize = 2;

/// Loads cases and keeps as many as its memory allows; the rest are read again each time.
#[derive(Debug)]
pub(super) struct Loader<'a> {
    recipe: &'a Recipe,
    cases: &'a [Case],
    kept: Mutex<Kept>,
}

#[derive(Debug)]
struct Kept {
    volumes: HashMap<usize, Arc<Prepared>>,
    room_bytes: usize,
    /// Cases whose warnings were taken down.
    warned: HashSet<usize>,
    warnings: Vec<String>,
}

/// The items of one step.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) items: Vec<Item>,
    pub(super) cases: Vec<String>,
}

impl<'a> Loader<'a> {
    pub(super) fn new(recipe: &'a Recipe, cases: &'a [Case], room_bytes: usize) -> Self {
        let (volumes, warned) = (HashMap::new(), HashSet::new());
        Self { recipe, cases, kept: Mutex::new(Kept { volumes, room_bytes, warned, warnings: Vec::new() }) }
    }

    /// One prepared case, from memory if it is there.
    pub(super) fn case(&self, index: usize) -> Result<Arc<Prepared>> {
        if let Some(volume) = self.lock().volumes.get(&index) {
            return Ok(Arc::clone(volume));
        }
        let (volume, warnings) = load(&self.cases[index], self.recipe)?;
        let volume = Arc::new(volume);
        let bytes = volume.values.len() * size_of::<f32>() + volume.target.as_ref().map_or(0, Vec::len);
        let mut kept = self.lock();
        if kept.warned.insert(index) {
            let name = &self.cases[index].name;
            kept.warnings.extend(warnings.iter().map(|warning| format!("case `{name}`: {warning}")));
        }
        if bytes <= kept.room_bytes {
            kept.room_bytes -= bytes;
            kept.volumes.insert(index, Arc::clone(&volume));
        }
        Ok(volume)
    }

    /// What was found out about files since the last call.
    pub(super) fn take_warnings(&self) -> Vec<String> {
        std::mem::take(&mut self.lock().warnings)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Kept> {
        // What is kept is whole at any time, so a panic elsewhere does not spoil it.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn batch(&self, epoch: usize, visits: &[Visit]) -> Result<Batch> {
        let mut batch = Batch { items: Vec::with_capacity(visits.len()), cases: Vec::with_capacity(visits.len()) };
        for &visit in visits {
            let volume = self.case(visit.case)?;
            batch.items.push(sample::item(self.recipe, &volume, epoch, visit));
            batch.cases.push(self.cases[visit.case].name.clone());
        }
        Ok(batch)
    }

    /// Makes an epoch's batches in a background thread and gives them one by one to `consume`.
    ///
    /// The background only prepares what the order already fixes, so timing changes no number.
    pub(super) fn epoch(
        &self,
        epoch: usize,
        consume: impl FnOnce(Receiver<Result<Batch>>) -> Result<()>,
    ) -> Result<()> {
        let order = sample::epoch_order(self.recipe, self.cases.len(), epoch);
        std::thread::scope(|scope| {
            let (sender, receiver) = sync_channel(BATCHES_AHEAD);
            scope.spawn(move || {
                for visits in full_batches(&order, self.recipe.training.batch_size) {
                    // The receiver is gone when the training has stopped: nothing more is wanted.
                    if sender.send(self.batch(epoch, visits)).is_err() {
                        break;
                    }
                }
            });
            consume(receiver)
        })
    }
}

/// The steps of an epoch.
pub(super) fn steps(recipe: &Recipe, cases: usize) -> usize {
    full_batches(&sample::epoch_order(recipe, cases, 0), recipe.training.batch_size).count()
}

/// Full batches; the remainder is left out, unless it is all there is (fastai's `drop_last`).
fn full_batches(order: &[Visit], size: usize) -> impl Iterator<Item = &[Visit]> {
    let full = if order.len() < size { order.len() } else { order.len() / size * size };
    order[..full].chunks(size)
}
