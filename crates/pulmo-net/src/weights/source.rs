//! Which known file a weight file is.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::{Error, Result};

/// Name under which torchvision publishes R3D-18's weights trained on Kinetics-400.
pub const KINETICS_R3D18_FILE: &str = "r3d_18-b3b3357e.pth";

/// How the SHA-256 of that file begins; torchvision keeps the first eight digits in the name.
pub const KINETICS_R3D18_SHA256_BEGIN: &str = "b3b3357e";

/// SHA-256 of a file's content, in lower-case hexadecimal.
///
/// # Errors
/// [`Error::Io`] where the file cannot be read.
pub fn file_sha256(path: impl AsRef<Path>) -> Result<String> {
    let path = path.as_ref();
    let io_error = |source| Error::Io { action: "read", path: path.to_path_buf(), source };
    let mut file = File::open(path).map_err(io_error)?;
    let mut digest = Sha256::new();
    let mut block = vec![0; 1 << 20];
    loop {
        let count = file.read(&mut block).map_err(io_error)?;
        if count == 0 {
            return Ok(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect());
        }
        digest.update(&block[..count]);
    }
}
