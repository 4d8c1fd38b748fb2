//! The bytes of the voxels, slab by slab, unpacked on a thread of its own.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use super::section::{Packing, Section};
use crate::error::{Error, Result};

/// Bytes of a slab: large enough for speed, small beside any volume, and a multiple of every number's size.
pub(super) const SLAB_BYTES: usize = 1 << 20;

/// Slabs on their way at a time.
const SLABS: usize = 3;

/// What may follow the voxels of a packed file.
///
/// It has to be unpacked because the checksum comes last, and a few bytes can stand for a great many.
const TRAILING_AT_MOST: u64 = 1 << 24;

/// Gives `take` all `bytes` bytes of `section` in order, in slabs of [`SLAB_BYTES`], the last one shorter.
pub(super) fn for_each_slab(
    section: &Section,
    voxels: usize,
    bytes: usize,
    mut take: impl FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    let mut stream = section.open(voxels)?;
    if matches!(section.packing, Packing::Raw | Packing::Text) {
        let mut slab = vec![0; SLAB_BYTES.min(bytes)];
        return each(section, &mut *stream, bytes, &mut |length, fill| {
            fill(&mut slab[..length])?;
            take(&slab[..length]).map(|()| true)
        });
    }
    std::thread::scope(|scope| {
        let (full_slabs, full) = sync_channel::<Vec<u8>>(SLABS);
        let (empty_slabs, empty) = sync_channel::<Vec<u8>>(SLABS);
        for _ in 0..SLABS {
            // The channel has room for all of them.
            let _ = empty_slabs.send(Vec::new());
        }
        let unpacking = scope.spawn(move || unpack(section, &mut *stream, bytes, (&empty, &full_slabs)));
        for slab in full {
            take(&slab)?;
            let _ = empty_slabs.send(slab);
        }
        drop(empty_slabs);
        unpacking.join().unwrap_or_else(|_| {
            Err(Error::invalid(&section.file, "its compressed voxels cannot be unpacked", "copy the file again"))
        })
    })
}

/// Fills empty slabs until all is read or nobody wants more, then checks the end.
fn unpack(
    section: &Section,
    stream: &mut dyn Read,
    bytes: usize,
    (empty, full): (&Receiver<Vec<u8>>, &SyncSender<Vec<u8>>),
) -> Result<()> {
    each(section, stream, bytes, &mut |length, fill| {
        let Ok(mut slab) = empty.recv() else { return Ok(false) };
        slab.resize(length, 0);
        fill(&mut slab)?;
        Ok(full.send(slab).is_ok())
    })?;
    let mut rest = stream.take(TRAILING_AT_MOST + 1);
    let trailing = io::copy(&mut rest, &mut io::sink()).map_err(|e| section.damaged(&e))?;
    if trailing > TRAILING_AT_MOST {
        let problem = format!("more than {TRAILING_AT_MOST} bytes follow its voxels");
        return Err(Error::invalid(&section.file, problem, "the header is damaged, or the file is a trap"));
    }
    Ok(())
}

/// Fills a buffer from the stream.
type Fill<'a> = &'a mut dyn FnMut(&mut [u8]) -> Result<()>;

/// Calls `next(length, fill)` for each slab until all bytes are read or it returns false.
fn each(
    section: &Section,
    stream: &mut dyn Read,
    bytes: usize,
    next: &mut dyn FnMut(usize, Fill<'_>) -> Result<bool>,
) -> Result<()> {
    let skipped = io::copy(&mut stream.take(section.skip), &mut io::sink()).map_err(|e| section.damaged(&e))?;
    if skipped < section.skip {
        let problem = format!("it ends before its voxels, which begin at byte {}", section.skip);
        return Err(Error::invalid(&section.file, problem, "the file is cut off: copy it again"));
    }
    let mut left = bytes;
    while left > 0 {
        let length = left.min(SLAB_BYTES);
        let mut fill = |slab: &mut [u8]| {
            stream.read_exact(slab).map_err(|e| match e.kind() {
                io::ErrorKind::UnexpectedEof => {
                    let problem = format!("its voxels are cut off: they have fewer than {bytes} bytes");
                    Error::invalid(&section.file, problem, "copy the file again")
                }
                _ => section.damaged(&e),
            })
        };
        if !next(length, &mut fill)? {
            break;
        }
        left -= length;
    }
    Ok(())
}
