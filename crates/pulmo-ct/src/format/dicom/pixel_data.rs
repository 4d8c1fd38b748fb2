//! The pixels of an object, left in their file until a frame is wanted.
//!
//! Frames of encapsulated pixel data are found by the Basic Offset Table or the Extended Offset Table, or each is
//! one fragment (PS3.5 annex A.4).

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::file::inflate;
use super::lengths::Stored;

/// Where the bytes are.
#[derive(Clone)]
enum Source {
    /// In the file of this length.
    File { path: PathBuf, length: u64 },
    /// In the deflated data set that begins at this byte of the file.
    Deflated { path: PathBuf, at: u64 },
    /// In the inflated data set.
    Memory(Arc<Vec<u8>>),
}

/// Pixel data that are read when they are asked for.
#[derive(Clone)]
pub(super) struct PixelData {
    source: Source,
    stored: Stored,
    swaps_words: bool,
    /// ExtendedOffsetTable, which an object of many frames may have in place of the basic one.
    extended: Vec<u64>,
}

impl std::fmt::Debug for PixelData {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PixelData").field("is_encapsulated", &self.is_encapsulated()).finish_non_exhaustive()
    }
}

/// Bytes, or why there are none.
pub(super) type Bytes = std::result::Result<Vec<u8>, String>;

impl PixelData {
    /// Pixels in a file of `length` bytes.
    pub(super) fn in_file(path: &Path, length: u64, stored: Stored, is_big_endian: bool) -> Self {
        let swaps_words = is_big_endian && matches!(stored, Stored::Native { is_words: true, .. });
        Self { source: Source::File { path: path.to_owned(), length }, stored, swaps_words, extended: Vec::new() }
    }

    /// Pixels in the deflated data set that begins at byte `at` of a file.
    pub(super) fn deflated(path: &Path, at: u64, stored: Stored) -> Self {
        Self {
            source: Source::Deflated { path: path.to_owned(), at },
            stored,
            swaps_words: false,
            extended: Vec::new(),
        }
    }

    /// The same pixels, inflated once where every frame would inflate them again.
    pub(super) fn inflated(&self) -> std::result::Result<Self, String> {
        let mut pixels = self.clone();
        if let Source::Deflated { path, at } = &self.source {
            pixels.source = Source::Memory(Arc::new(inflate(path, *at)?));
        }
        Ok(pixels)
    }

    /// Tells where frames begin, counted from the first fragment.
    pub(super) fn set_extended_offsets(&mut self, offsets: Vec<u64>) {
        self.extended = offsets;
    }

    /// Whether the pixels are in code streams.
    pub(super) fn is_encapsulated(&self) -> bool {
        matches!(self.stored, Stored::Encapsulated { .. })
    }

    /// The native bytes of frame `number` of `frames`, little endian; each has `length` bytes.
    pub(super) fn native_frame(&self, number: usize, frames: usize, length: usize) -> Bytes {
        let Stored::Native { bytes, .. } = &self.stored else {
            return Err("its PixelData is not stored as its transfer syntax says".to_owned());
        };
        let (has, expected) = (bytes.end - bytes.start, (length as u64).saturating_mul(frames as u64));
        // PixelData has an even length, so a byte may follow the last pixel.
        if has != expected && has != expected.next_multiple_of(2) {
            return Err(format!("PixelData has {has} bytes, expected {expected}"));
        }
        let start = bytes.start + (number * length) as u64;
        let mut frame = self.read(std::slice::from_ref(&(start..start + length as u64)))?;
        if self.swaps_words {
            frame.as_chunks_mut::<2>().0.iter_mut().for_each(|pair| pair.swap(0, 1));
        }
        Ok(frame)
    }

    /// The code stream of frame `number` of `frames`.
    pub(super) fn encapsulated_frame(&self, number: usize, frames: usize) -> Bytes {
        let Stored::Encapsulated { offsets, fragments } = &self.stored else {
            return Err("its PixelData is not stored as its transfer syntax says".to_owned());
        };
        if frames == 1 {
            return self.read(fragments);
        }
        if fragments.len() == frames {
            return self.read(&fragments[number..=number]);
        }
        let basic: Vec<u64>;
        let table = if self.extended.is_empty() {
            let bytes = self.read(std::slice::from_ref(offsets))?;
            basic = bytes.as_chunks::<4>().0.iter().map(|&four| u64::from(u32::from_le_bytes(four))).collect();
            &basic
        } else {
            &self.extended
        };
        if table.len() != frames {
            let found = fragments.len();
            let listed = table.len();
            return Err(format!(
                "{found} fragments and {listed} offsets for {frames} frames: frames cannot be told apart"
            ));
        }
        // Offsets count from the first fragment's item header, 8 bytes before its content.
        let base = fragments.first().map_or(0, |first| first.start - 8);
        let index = |offset: u64| {
            let found = fragments.binary_search_by_key(&base.saturating_add(offset), |fragment| fragment.start - 8);
            found.map_err(|_| format!("offset {offset} of its offset table is not where a fragment begins"))
        };
        let begin = index(table[number])?;
        let end = table.get(number + 1).map_or(Ok(fragments.len()), |&next| index(next))?;
        match fragments.get(begin..end) {
            Some(of_frame) if !of_frame.is_empty() => self.read(of_frame),
            _ => Err("its offset table runs backwards".to_owned()),
        }
    }

    /// Some ranges, one after the other.
    fn read(&self, ranges: &[Range<u64>]) -> Bytes {
        let total: u64 = ranges.iter().map(|range| range.end - range.start).sum();
        let mut bytes = Vec::with_capacity(usize::try_from(total).map_err(|e| e.to_string())?);
        match &self.inflated()?.source {
            Source::Deflated { .. } => return Err("its data set is still deflated".to_owned()),
            Source::Memory(all) => {
                for range in ranges {
                    let range = range.start as usize..range.end as usize;
                    bytes.extend_from_slice(all.get(range).ok_or("its pixel data are cut off")?);
                }
            }
            Source::File { path, length } => {
                let mut file = File::open(path).map_err(|e| e.to_string())?;
                let now = file.metadata().map_err(|e| e.to_string())?.len();
                if now != *length {
                    return Err(format!("it had {length} bytes a moment ago and has {now} now"));
                }
                for range in ranges {
                    file.seek(SeekFrom::Start(range.start)).map_err(|e| e.to_string())?;
                    (&file).take(range.end - range.start).read_to_end(&mut bytes).map_err(|e| e.to_string())?;
                }
            }
        }
        if bytes.len() as u64 == total { Ok(bytes) } else { Err("its pixel data are cut off".to_owned()) }
    }
}
