//! Which UIDs say what a thing is, and stay, and which say which one it is, and go.

use super::key::Key;

/// The root of everything that the standard itself registers.
const STANDARD_ROOT: &str = "1.2.840.10008.";

/// Instances that the standard registers: frames of reference of atlases, and the instances of its services.
const STANDARD_INSTANCES: [&str; 5] =
    ["1.2.840.10008.1.4.", "1.2.840.10008.1.20.", "1.2.840.10008.1.40.", "1.2.840.10008.1.42.", "1.2.840.10008.5.1.1."];

/// The root of the coding schemes that HL7 registers (SNOMED CT, LOINC, UCUM …).
const CODING_SCHEMES: &str = "2.16.840.1.113883.6.";

/// Whether a UID names a class, a transfer syntax or another thing of the standard or a public coding scheme.
///
/// Numbers under the standard's root that no edition would give (a component over three digits, more than eight of
/// them) are some device's own and do not count.
pub(super) fn is_public(uid: &str) -> bool {
    [STANDARD_ROOT, CODING_SCHEMES].iter().any(|root| uid.strip_prefix(root).is_some_and(is_short))
}

/// Whether a UID in a place where instances are named is one of the standard's own.
pub(super) fn is_public_instance(uid: &str) -> bool {
    is_public(uid) && STANDARD_INSTANCES.iter().any(|root| uid.starts_with(root))
}

/// The UID that takes the place of `old`, or `old` if it names an instance of the standard; empty stays empty.
pub(super) fn replace(key: &Key, old: &str) -> String {
    let old = old.trim_matches([' ', '\0']);
    if old.is_empty() || is_public_instance(old) { old.to_owned() } else { key.uid(old) }
}

fn is_short(rest: &str) -> bool {
    let is_number = |part: &str| (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    rest.split('.').count() <= 8 && rest.split('.').all(is_number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use dicom_dictionary_std::uids;

    #[test]
    fn classes_stay_and_instances_go() {
        let key = Key::random().unwrap();
        for class in [uids::CT_IMAGE_STORAGE, uids::JPEG2000_LOSSLESS, uids::ENHANCED_CT_IMAGE_STORAGE] {
            assert!(is_public(class), "{class}");
        }
        let talairach = "1.2.840.10008.1.4.1.1";
        assert_eq!(replace(&key, talairach), talairach);
        // A device that numbers its instances under the standard's root has no right to.
        for instance in ["1.2.840.10008.5.1.4.1.1.2.20200101", "1.2.840.10008.5.1.4.1.1.2", "1.2.3", "SMITH^JOHN"] {
            assert!(replace(&key, instance).starts_with("2.25."), "{instance}");
        }
        assert!(!is_public("1.2.840.10008.5.1.4.1.1.2.20200101"));
        assert!(is_public("2.16.840.1.113883.6.96"));
        assert_eq!(replace(&key, "1.2.3\0"), replace(&key, "1.2.3"));
        assert_eq!(replace(&key, ""), "");
    }
}
