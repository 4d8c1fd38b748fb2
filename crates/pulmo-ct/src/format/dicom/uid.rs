//! Unique identifiers from content: the same content has the same UID, on every machine.
//!
//! `2.25.` and a UUID as a decimal number (PS3.5 section B.2). The UUID is of version 8 (RFC 9562): 122 bits of a
//! SHA-256, so no two contents share one in practice, and no random number is needed.

use std::io::{self, Write};

use sha2::{Digest, Sha256};

/// Identifies files that this program wrote.
pub(crate) const IMPLEMENTATION_CLASS_UID: &str = "2.25.236894534552952365652369858615793808468";

/// Takes in content and gives its UID; fields are kept apart, so moving a byte from one to the next changes it.
#[derive(Clone)]
pub(super) struct Hash(Sha256);

impl Hash {
    /// Starts with what the UID is for, so that two uses of one content differ.
    pub(super) fn new(purpose: &str) -> Self {
        Self(Sha256::new()).field(purpose)
    }

    /// Takes in one field.
    pub(super) fn field(mut self, bytes: impl AsRef<[u8]>) -> Self {
        let bytes = bytes.as_ref();
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
        self
    }

    /// The 256 bits.
    pub(super) fn digest(self) -> [u8; 32] {
        self.0.finalize().into()
    }

    /// The UID.
    pub(super) fn uid(self) -> String {
        let digest = self.digest();
        let mut uuid = [0; 16];
        uuid.copy_from_slice(&digest[..16]);
        uuid[6] = uuid[6] & 0x0f | 0x80;
        uuid[8] = uuid[8] & 0x3f | 0x80;
        format!("2.25.{}", u128::from_be_bytes(uuid))
    }
}

impl Write for Hash {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uids_are_valid_and_tell_contents_apart() {
        let uid = |fields: &[&str]| fields.iter().fold(Hash::new("test"), |hash, field| hash.field(field)).uid();
        let one = uid(&["ab", "c"]);
        assert!(one.len() <= 64 && one.starts_with("2.25."));
        assert_eq!(one, uid(&["ab", "c"]));
        assert_ne!(one, uid(&["a", "bc"]));
        assert_ne!(one, Hash::new("other").field("ab").field("c").uid());
        let number: u128 = one["2.25.".len()..].parse().unwrap();
        assert_eq!(number >> 76 & 0xf, 8, "version 8");
        assert_eq!(number >> 62 & 0b11, 0b10, "variant of RFC 9562");
    }
}
