//! Zips of volumes, unpacked beside `data.toml`, never into the archive.
//!
//! Only files that are volumes by their names are taken, under their own names below the given folder; a name that
//! would lead out of it, an encrypted entry, and sizes beyond any volume are refused. An entry that lies there already
//! with the size and checksum that the zip states is taken as it is, so that an import can be taken up again.

use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::CrcReader;
use zip::ZipArchive;

use super::folder::volume_stem;
use super::import::Cause;
use crate::error::{Error, Result};
use crate::{atomic, unfinished};

/// No volume of a data set is larger, packed or not.
const LARGEST_ENTRY: u64 = 4 << 30;
/// No zip of volumes holds more.
const LARGEST_ALL: u64 = 64 << 30;

/// What could not be unpacked: its name, why in a word, why in a sentence.
pub(super) type Left = (String, Cause, String);

/// Unpacks the volumes of `zip` into `folder`; gives what was left out.
///
/// # Errors
/// [`Error::Io`] if the zip cannot be read or the folder not be written, [`Error::Invalid`] if it is no zip or holds
/// more than any data set does.
pub(super) fn unpack(zip: &Path, folder: &Path, progress: &(dyn Fn(&str, usize, usize) + Sync)) -> Result<Vec<Left>> {
    let file = std::fs::File::open(zip).map_err(|source| Error::read(zip, source))?;
    let hint = "download it again";
    let mut archive = ZipArchive::new(std::io::BufReader::with_capacity(1 << 17, file))
        .map_err(|error| Error::invalid(zip, format!("not a whole zip ({error})"), hint))?;
    let mut left = Vec::new();
    let mut all = 0_u64;
    let total = archive.len();
    for index in 0..total {
        progress("unpacking", index, total);
        let entry = match archive.by_index(index) {
            Ok(entry) => entry,
            Err(error) => {
                left.push((format!("entry {}", index + 1), Cause::Damaged, format!("in the zip: {error}")));
                continue;
            }
        };
        let name = entry.name().map(|name| name.into_owned()).unwrap_or_else(|_| format!("entry {}", index + 1));
        let Some(path) = target(&entry, folder) else {
            if !entry.is_dir() && !is_clutter(&name) {
                left.push((
                    name,
                    Cause::Foreign,
                    "in the zip: no volume by its name, or a name that leads elsewhere".to_owned(),
                ));
            }
            continue;
        };
        let (size, crc) = (entry.size(), entry.crc32());
        all = all.saturating_add(size);
        if size > LARGEST_ENTRY || all > LARGEST_ALL {
            let problem = format!("entry `{name}` is to have {size} bytes, more than any volume");
            return Err(Error::invalid(zip, problem, hint));
        }
        if is_there(&path, size, crc) {
            continue;
        }
        if let Some(parent) = path.parent() {
            unfinished::make_folder(parent).map_err(|source| Error::write(parent, source))?;
        }
        // One byte more than stated is read, so that an entry that lies about its size is noticed.
        let mut bytes = entry.take(size + 1);
        let mut written = 0;
        let copied = atomic::write_with(&path, |out| {
            written = std::io::copy(&mut bytes, out)?;
            if written == size { Ok(()) } else { Err(std::io::Error::other("not as long as stated")) }
        });
        match copied {
            Ok(()) => {}
            Err(error) if error.hint().is_some() => return Err(error),
            Err(_) => left.push((name, Cause::Damaged, "in the zip: cut off, or its checksum does not fit".to_owned())),
        }
    }
    Ok(left)
}

/// Where an entry goes; `None` for folders, what is no volume, and names that lead elsewhere.
fn target<R: Read + ?Sized>(entry: &zip::read::ZipFile<'_, R>, folder: &Path) -> Option<PathBuf> {
    let path = entry.enclosed_name()?;
    let name = path.file_name()?.to_str()?;
    let is_volume = volume_stem(name).is_some() && !is_clutter(&entry.name().ok()?);
    (is_volume && entry.is_file() && !entry.is_symlink() && !entry.encrypted()).then(|| folder.join(name))
}

/// What Apple computers add to zips, and hidden files.
fn is_clutter(name: &str) -> bool {
    name.starts_with("__MACOSX") || name.rsplit('/').next().is_some_and(|last| last.starts_with('.'))
}

fn is_there(path: &Path, size: u64, crc: u32) -> bool {
    if !path.metadata().is_ok_and(|data| data.len() == size) {
        return false;
    }
    let Ok(file) = std::fs::File::open(path) else { return false };
    let mut reader = CrcReader::new(std::io::BufReader::with_capacity(1 << 17, file));
    std::io::copy(&mut reader, &mut std::io::sink()).is_ok() && reader.crc().sum() == crc
}
