//! The project's key, and the codes, UIDs and days that are derived from it.

use std::fmt;
use std::fs;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::atomic;
use crate::error::{Error, Result};

const FIRST_LINE: &str = "pulmo de-identification key, version 1";
const LENGTH: usize = 32;

/// The fewest and the most days by which a patient's dates are moved into the past.
const SHIFT_DAYS: (u64, u64) = (366, 3653);

/// 32 secret bytes. Whoever has them can find out which code belongs to a known patient, so they are kept apart from the output.
#[derive(Clone)]
pub struct Key([u8; LENGTH]);

impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Key(secret)")
    }
}

impl Key {
    /// 32 bytes from the operating system.
    ///
    /// # Errors
    /// [`Error::Value`] if the system gives none.
    pub fn random() -> Result<Self> {
        let mut bytes = [0; LENGTH];
        let failed = |e| Error::Value { problem: format!("the operating system gives no random bytes: {e}") };
        getrandom::fill(&mut bytes).map_err(failed)?;
        Ok(Self(bytes))
    }

    /// Reads the key at `path`.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be read; [`Error::Invalid`] if others than its owner may read or change it
    /// (where the system has such permissions), or if it is no key.
    pub fn load(path: &Path) -> Result<Self> {
        must_be_private(path)?;
        let text = fs::read_to_string(path).map_err(|e| Error::read(path, e))?;
        let mut lines = text.lines();
        let digits = (lines.next() == Some(FIRST_LINE)).then(|| lines.next()).flatten();
        digits.and_then(parse_hex).map(Self).ok_or_else(|| {
            Error::invalid(
                path,
                "it holds no key of this program",
                "give another file; one that does not exist yet is made",
            )
        })
    }

    /// Reads the key at `path`, or makes one there if there is no file; the second value says whether it was made.
    ///
    /// A new file can be read and written by its owner only (0600), and never replaces another one.
    ///
    /// # Errors
    /// Those of [`Key::load`], or [`Error::Io`] if the file cannot be made.
    pub fn load_or_make(path: &Path) -> Result<(Self, bool)> {
        if path.symlink_metadata().is_ok() {
            return Ok((Self::load(path)?, false));
        }
        let key = Self::random()?;
        let failed = |e| Error::write(path, e);
        let text = format!("{FIRST_LINE}\n{}\n", hex(&key.0));
        match atomic::write_new_private(path, text.as_bytes()).map_err(failed)? {
            true => Ok((key, true)),
            // Another process has just made it.
            false => Ok((Self::load(path)?, false)),
        }
    }

    /// The new UID for an old one: `2.25.` and a version 8 UUID as a decimal number.
    #[must_use]
    pub fn uid(&self, old: &str) -> String {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&self.derive("uid", &[old])[..16]);
        bytes[6] = (bytes[6] & 0x0f) | 0x80;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        format!("2.25.{}", u128::from_be_bytes(bytes))
    }

    /// Sixteen hexadecimal digits for `parts`; the same parts give another code for another `purpose`.
    pub(super) fn code(&self, purpose: &str, parts: &[&str]) -> String {
        hex(&self.derive(purpose, parts)[..8])
    }

    /// By how many days all dates of a patient are moved: from -3653 to -366, never into the future.
    pub(super) fn shift_days(&self, patient: &[&str]) -> i64 {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&self.derive("shift", patient)[..8]);
        let (fewest, most) = SHIFT_DAYS;
        -((fewest + u64::from_be_bytes(bytes) % (most - fewest + 1)) as i64)
    }

    /// HMAC-SHA-256 of the purpose and the parts, each with its length before it.
    fn derive(&self, purpose: &str, parts: &[&str]) -> [u8; 32] {
        let mut message = Vec::new();
        for part in std::iter::once(&purpose).chain(parts) {
            message.extend((part.len() as u64).to_be_bytes());
            message.extend(part.as_bytes());
        }
        let mut padded = [0_u8; 64];
        padded[..LENGTH].copy_from_slice(&self.0);
        let inner = Sha256::new().chain_update(padded.map(|byte| byte ^ 0x36)).chain_update(message).finalize();
        Sha256::new().chain_update(padded.map(|byte| byte ^ 0x5c)).chain_update(inner).finalize().into()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn parse_hex(text: &str) -> Option<[u8; LENGTH]> {
    let text = text.trim();
    if text.len() != 2 * LENGTH || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; LENGTH];
    for (byte, at) in bytes.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(&text[at..at + 2], 16).ok()?;
    }
    Some(bytes)
}

#[cfg(unix)]
fn must_be_private(path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::metadata(path).map_err(|e| Error::read(path, e))?.permissions().mode();
    if mode & 0o077 == 0 {
        return Ok(());
    }
    let problem = format!("others than its owner may use it (mode {:04o}, expected 0600)", mode & 0o7777);
    Err(Error::invalid(path, problem, "chmod 600 it; if it was public, make a new key and start over"))
}

#[cfg(not(unix))]
fn must_be_private(_: &Path) -> Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derivation_is_hmac_sha256() {
        // Python: hmac.new(bytes(range(32)), length-prefixed b"uid" and b"1.2.3", "sha256").hexdigest()
        let key = Key(std::array::from_fn(|at| at as u8));
        assert_eq!(hex(&key.derive("uid", &["1.2.3"])), HMAC_OF_UID);
        assert_ne!(key.derive("a", &["bc"]), key.derive("ab", &["c"]));
    }

    const HMAC_OF_UID: &str = "3e82315941bb635443ed3e2026b34faf9b468cd1862f08277f11393f49774573";

    #[test]
    fn uids_are_valid_and_keyed() {
        let (one, two) = (Key::random().unwrap(), Key::random().unwrap());
        let uid = one.uid("1.2.3");
        assert_eq!(uid, one.uid("1.2.3"));
        assert_ne!(uid, two.uid("1.2.3"));
        assert_ne!(uid, one.uid("1.2.4"));
        let number: u128 = uid.strip_prefix("2.25.").unwrap().parse().unwrap();
        assert_eq!((number >> 76) & 0xf, 8, "version");
        assert_eq!((number >> 62) & 0x3, 2, "variant");
        assert!(uid.len() <= 64);
    }

    #[test]
    fn shifts_are_one_to_ten_years_into_the_past() {
        let key = Key::random().unwrap();
        let shifts: Vec<i64> = (0..1000).map(|n| key.shift_days(&[&n.to_string()])).collect();
        assert!(shifts.iter().all(|days| (-3653..=-366).contains(days)));
        assert!(shifts.iter().min().unwrap() < &-3500 && shifts.iter().max().unwrap() > &-500);
    }

    #[test]
    fn a_key_is_made_once_and_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("project.key");
        let (made, is_new) = Key::load_or_make(&path).unwrap();
        let (read, is_new_again) = Key::load_or_make(&path).unwrap();
        assert!(is_new && !is_new_again);
        assert_eq!(made.0, read.0);
        assert_eq!(format!("{made:?}"), "Key(secret)");
        fs::write(&path, "something else").unwrap();
        assert!(Key::load(&path).unwrap_err().to_string().contains("no key"));
    }

    #[cfg(unix)]
    #[test]
    fn a_key_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("project.key");
        Key::load_or_make(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let error = Key::load_or_make(&path).unwrap_err();
        assert!(error.to_string().contains("0640"), "{error}");
    }
}
