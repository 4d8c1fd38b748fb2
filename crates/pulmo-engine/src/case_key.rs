//! Names for cases that say nothing about the patient.
//!
//! A case from DICOM is named by a keyed hash of its study (and series) UID; one from another file by a keyed hash of
//! its content, or by the file's name where masks are paired by it. Why the key is fixed unless a file gives another:
//! `docs/decisions/0004-case-keys.md`.

use std::path::Path;

use sha2::{Digest, Sha256};

/// The key where no other is given. Public on purpose: it separates this program's hashes from those of
/// others and keeps a case's name the same on every computer. It is not a secret.
pub const PROJECT_KEY: &[u8] = b"pulmo case key, version 1";

/// Hexadecimal digits of a case key: 48 bits, so that 10,000 cases collide with a chance of 2e-7.
pub const DIGITS: usize = 12;

/// The case key of a DICOM series: [`DIGITS`] hexadecimal digits.
///
/// # Formula
/// The first 6 bytes of HMAC-SHA-256(key, study UID), or of (key, study UID + `|` + series UID) where a
/// study gives several cases.
#[must_use]
pub fn of_series(key: &[u8], study_uid: &str, series_uid: Option<&str>) -> String {
    let mut message = study_uid.trim_matches(['\0', ' ']).to_owned();
    if let Some(series) = series_uid {
        message.push('|');
        message.push_str(series.trim_matches(['\0', ' ']));
    }
    hmac_sha256(key, message.as_bytes()).iter().take(DIGITS / 2).map(|byte| format!("{byte:02x}")).collect()
}

/// The name of a file without `.nii` / `.nii.gz`, as [`of_name`] makes it.
#[must_use]
pub fn of_file(path: &Path) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let lower = name.to_ascii_lowercase();
    let stem =
        [".nii.gz", ".nii"].iter().find(|end| lower.ends_with(**end)).map_or(name.len(), |end| name.len() - end.len());
    of_name(&name[..stem])
}

/// A name made fit to be a folder's name everywhere.
///
/// Letters, digits, `.`, `-` and `_` stay; every other run of characters becomes one `_`. A name of which
/// nothing is left becomes `case`.
#[must_use]
pub fn of_name(name: &str) -> String {
    let mut key = String::new();
    for letter in name.chars() {
        if letter.is_alphanumeric() || matches!(letter, '.' | '-' | '_') {
            key.push(letter);
        } else if !key.ends_with('_') {
            key.push('_');
        }
    }
    // A leading dot hides a folder and a trailing one is lost on Windows.
    let key = key.trim_matches(['.', '_']);
    if key.is_empty() { "case".to_owned() } else { key.chars().take(100).collect() }
}

/// HMAC (RFC 2104) with SHA-256.
fn hmac_sha256(key: &[u8], message: &[u8]) -> [u8; 32] {
    const BLOCK: usize = 64;
    let mut padded = [0_u8; BLOCK];
    if key.len() > BLOCK {
        padded[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        padded[..key.len()].copy_from_slice(key);
    }
    let inner = Sha256::new().chain_update(padded.map(|byte| byte ^ 0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(padded.map(|byte| byte ^ 0x5c)).chain_update(inner).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn hmac_agrees_with_rfc_4231() {
        let found = hmac_sha256(b"Jefe", b"what do ya want for nothing?");
        assert_eq!(hex(&found), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
        let found = hmac_sha256(&[0xaa; 131], b"Test Using Larger Than Block-Size Key - Hash Key First");
        assert_eq!(hex(&found), "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    }

    #[test]
    fn keys_differ_by_study_series_and_secret_and_hide_the_uid() {
        let study = of_series(PROJECT_KEY, "1.2.840.1", None);
        assert_eq!(study.len(), DIGITS);
        assert_eq!(study, of_series(PROJECT_KEY, "1.2.840.1\0", None), "DICOM pads UIDs with a zero byte");
        let others = [
            of_series(PROJECT_KEY, "1.2.840.2", None),
            of_series(PROJECT_KEY, "1.2.840.1", Some("1.2.840.1")),
            of_series(b"a hospital's own", "1.2.840.1", None),
        ];
        assert!(others.iter().all(|other| *other != study));
        assert!(!study.contains("840"));
    }

    #[test]
    fn file_names_become_folder_names() {
        for (path, key) in [
            ("in/case_07.nii.gz", "case_07"),
            ("CT 3 (lung).NII", "CT_3_lung"),
            ("../..", "case"),
            (".nii.gz", "case"),
            ("a/..hidden.nii", "hidden"),
            ("münchen.nii.gz", "münchen"),
            ("no_extension", "no_extension"),
        ] {
            assert_eq!(of_file(Path::new(path)), key, "{path}");
        }
    }
}
