//! What is on the disk and not finished yet, so that a process that is told to end leaves nothing half made.
//!
//! Temporary files go when their values are dropped, which does not happen in a process that Ctrl-C ends. Whatever is
//! made on the way to a result is therefore noted here until the result is whole, and a program's handler of Ctrl-C
//! calls [`remove_all`] before it ends the process.

use std::fs::{remove_dir, remove_dir_all, remove_file};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tempfile::{NamedTempFile, TempDir};

/// Of the whole process, because Ctrl-C is.
static NOTED: Mutex<Noted> = Mutex::new(Noted { next: 0, entries: Vec::new() });

/// What is noted, in the order in which it was made.
#[derive(Debug)]
struct Noted {
    next: u64,
    entries: Vec<(u64, PathBuf, Removal)>,
}

/// How a path is taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Removal {
    /// With all that lies in it.
    Whole,
    /// Only a folder with nothing in it.
    Empty,
}

fn noted() -> MutexGuard<'static, Noted> {
    // Entries are pushed and taken away whole, so that a panic elsewhere leaves them sound.
    NOTED.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Noted {
    fn add(&mut self, path: PathBuf, removal: Removal) -> u64 {
        self.next += 1;
        self.entries.push((self.next, path, removal));
        self.next
    }

    fn forget(&mut self, numbers: &[u64]) {
        self.entries.retain(|(number, ..)| !numbers.contains(number));
    }

    fn remove_all(&mut self) {
        // The last first: folders are empty once what lies in them is gone.
        while let Some((_, path, removal)) = self.entries.pop() {
            remove(&path, removal);
        }
    }
}

fn remove(path: &Path, removal: Removal) {
    // What cannot be removed stays; there is nobody left to tell.
    let _ = match removal {
        Removal::Whole => remove_file(path).or_else(|_| remove_dir_all(path)),
        Removal::Empty => remove_dir(path),
    };
}

/// Removes all that is noted. While the value lives nothing new is noted and nothing is put in its place: keep it until
/// the process ends.
#[must_use = "work goes on when it is dropped"]
pub fn remove_all() -> impl Sized {
    let mut noted = noted();
    noted.remove_all();
    noted
}

/// Waits for ever where [`remove_all`] was called and the process is about to end; otherwise does nothing.
///
/// For the end of a program: what it says of work whose files were just taken from it would mislead.
pub fn wait_where_ending() {
    drop(noted());
}

/// Files and folders that a longer work makes, removed with all that lies in them unless it is [finished](Self::finish).
#[derive(Debug)]
pub struct Unfinished {
    paths: Vec<(u64, PathBuf)>,
}

impl Unfinished {
    /// Notes those of the paths where nothing is yet: what was there before is never removed.
    #[must_use]
    pub fn note(paths: impl IntoIterator<Item = PathBuf>) -> Self {
        let mut noted = noted();
        let new = paths.into_iter().filter(|path| path.symlink_metadata().is_err());
        Self { paths: new.map(|path| (noted.add(path.clone(), Removal::Whole), path)).collect() }
    }

    /// The work is done: all of it stays.
    pub fn finish(mut self) {
        let numbers: Vec<u64> = std::mem::take(&mut self.paths).into_iter().map(|(number, _)| number).collect();
        noted().forget(&numbers);
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        let mut noted = noted();
        for (number, path) in self.paths.iter().rev() {
            remove(path, Removal::Whole);
            noted.forget(&[*number]);
        }
    }
}

/// A note that a path is to go, as long as this lives; dropping it removes nothing.
#[derive(Debug)]
pub(crate) struct Note(u64);

impl Drop for Note {
    fn drop(&mut self) {
        noted().forget(&[self.0]);
    }
}

/// Makes folders that go if they are empty in the end; the notes are of those paths, in their order.
pub(crate) fn make_folders(missing: &[PathBuf], folder: &Path) -> io::Result<Vec<Note>> {
    let mut noted = noted();
    let notes = missing.iter().map(|path| Note(noted.add(path.clone(), Removal::Empty))).collect();
    let made = std::fs::create_dir_all(folder);
    drop(noted);
    made.map(|()| notes)
}

/// Makes a folder and those around it, unless the process is about to end.
pub(crate) fn make_folder(folder: &Path) -> io::Result<()> {
    let _noted = noted();
    std::fs::create_dir_all(folder)
}

/// Makes a temporary file that `make` opens. The note comes first, so that it is dropped last.
pub(crate) fn file(make: impl FnOnce() -> io::Result<NamedTempFile>) -> io::Result<(Note, NamedTempFile)> {
    let mut noted = noted();
    let file = make()?;
    let note = Note(noted.add(file.path().to_owned(), Removal::Whole));
    Ok((note, file))
}

/// Makes a temporary folder that `make` makes. The note comes first, so that it is dropped last.
pub(crate) fn temporary_folder(make: impl FnOnce() -> io::Result<TempDir>) -> io::Result<(Note, TempDir)> {
    let mut noted = noted();
    let folder = make()?;
    let note = Note(noted.add(folder.path().to_owned(), Removal::Whole));
    Ok((note, folder))
}

/// Puts something in its place by `step`, which the end of the process does not cut in two.
pub(crate) fn in_one_step<T>(step: impl FnOnce() -> T) -> T {
    let _noted = noted();
    step()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_finished_goes_and_what_was_there_stays() {
        let outer = tempfile::tempdir().unwrap();
        let at = |name: &str| outer.path().join(name);
        std::fs::write(at("old"), "mine").unwrap();
        let make = |unfinished: &str| {
            let work = Unfinished::note([at("old"), at(unfinished), at("list")]);
            std::fs::create_dir_all(at(unfinished).join("masks")).unwrap();
            std::fs::write(at(unfinished).join("masks/a"), "made").unwrap();
            std::fs::write(at("list"), "made").unwrap();
            work
        };
        drop(make("first"));
        assert!(at("old").exists() && !at("first").exists() && !at("list").exists());
        make("second").finish();
        assert!(at("old").exists() && at("second/masks/a").exists() && at("list").exists());
    }

    #[test]
    fn the_end_of_the_process_takes_the_last_first() {
        let outer = tempfile::tempdir().unwrap();
        let at = |name: &str| outer.path().join(name);
        let mut noted = Noted { next: 0, entries: Vec::new() };
        std::fs::create_dir_all(at("made/in")).unwrap();
        std::fs::create_dir_all(at("kept")).unwrap();
        std::fs::write(at("made/in/.half"), "half").unwrap();
        std::fs::write(at("kept/result"), "whole").unwrap();
        for folder in ["made", "made/in", "kept"] {
            noted.add(at(folder), Removal::Empty);
        }
        noted.add(at("made/in/.half"), Removal::Whole);
        let result = noted.add(at("kept/result"), Removal::Whole);
        noted.forget(&[result]);
        noted.remove_all();
        assert!(!at("made").exists() && at("kept/result").exists());
    }
}
