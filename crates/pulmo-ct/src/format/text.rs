//! Headers of lines of text, with voxels behind them.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Take};
use std::path::Path;

use crate::error::{Error, Result};

/// A longer header is not read: segmentations describe each segment, and stay far below.
pub(super) const MOST_HEADER_BYTES: u64 = 1 << 22;

/// The lines at the beginning of a file, of which the end need not be text.
pub(super) struct Lines {
    file: BufReader<Take<File>>,
    position: u64,
    number: usize,
}

impl Lines {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|e| Error::read(path, e))?;
        Ok(Self { file: BufReader::new(file.take(MOST_HEADER_BYTES)), position: 0, number: 0 })
    }

    /// The next line without its end, `None` behind the last one. What is not UTF-8 becomes a replacement
    /// character: descriptions may be in any encoding.
    pub(super) fn next(&mut self, path: &Path) -> Result<Option<String>> {
        let mut line = Vec::new();
        let read = self.file.read_until(b'\n', &mut line).map_err(|e| Error::read(path, e))?;
        if read == 0 {
            return Ok(None);
        }
        self.position += read as u64;
        self.number += 1;
        while line.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
            line.pop();
        }
        Ok(Some(String::from_utf8_lossy(&line).into_owned()))
    }

    /// First byte behind the lines that were read.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// The number of the last line, from 1.
    pub(super) fn number(&self) -> usize {
        self.number
    }

    /// Whether reading stopped because the header is too long.
    pub(super) fn at_limit(&self) -> bool {
        self.position >= MOST_HEADER_BYTES
    }
}

/// Numbers with white space between them; `None` if one is not a number.
pub(super) fn numbers<T: std::str::FromStr>(text: &str) -> Option<Vec<T>> {
    text.split_whitespace().map(|word| word.parse().ok()).collect()
}

/// Three numbers with white space between them.
pub(super) fn three(text: &str) -> Option<[f64; 3]> {
    numbers(text)?.try_into().ok()
}
