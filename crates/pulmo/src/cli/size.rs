//! Sizes of memory, volumes and networks on the command line.
//!
//! What is far beyond any CT or network is refused here, before something of that size is made or counted.

/// The most voxels along an axis, and the most channels.
const LONGEST: usize = 4096;
/// The most voxels of a volume: a quarter of a gigabyte for its mask.
const MOST_VOXELS: usize = 1 << 28;

/// Bytes from `4GiB`, `3500MiB` or `4G`.
pub(super) fn parse_bytes(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor: f64 = match &text[digits.len()..] {
        "GiB" | "G" | "g" => f64::from(1 << 30),
        "MiB" | "M" | "m" => f64::from(1 << 20),
        _ => 0.0,
    };
    match digits.parse::<f64>() {
        Ok(number) if number > 0.0 && number.is_finite() && factor > 0.0 => Ok((number * factor) as u64),
        _ => Err("expected a size such as 4GiB or 3500MiB".to_owned()),
    }
}

/// Whether a shape is one that a volume could have.
pub(super) fn is_volume(shape: &[usize]) -> bool {
    shape.iter().all(|length| (1..=LONGEST).contains(length)) && shape.iter().product::<usize>() <= MOST_VOXELS
}

/// A number of channels.
pub(super) fn parse_channels(text: &str) -> Result<usize, String> {
    let number = text.trim().parse().ok().filter(|number| (1..=LONGEST).contains(number));
    number.ok_or_else(|| format!("expected a number from 1 to {LONGEST}"))
}

/// A number of classes, background included: a label map holds no more.
pub(super) fn parse_classes(text: &str) -> Result<usize, String> {
    let number = text.trim().parse().ok().filter(|number| (2..=256).contains(number));
    number.ok_or_else(|| "expected a number from 2 (background and one label) to 256".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_has_a_unit() {
        assert_eq!(parse_bytes("4GiB"), Ok(4 << 30));
        assert_eq!(parse_bytes("1.5G"), Ok(3 << 29));
        assert_eq!(parse_bytes("3500MiB"), Ok(3500 << 20));
        for wrong in ["4", "GiB", "-1GiB", "4 GB", "0MiB", "infGiB"] {
            assert!(parse_bytes(wrong).is_err(), "{wrong}");
        }
    }
    #[test]
    fn what_no_ct_and_no_network_has_is_refused() {
        assert!(is_volume(&[20, 224, 224]) && is_volume(&[4096, 256, 256]));
        assert!(!is_volume(&[0, 1, 1]) && !is_volume(&[1, 1, 4097]) && !is_volume(&[4000, 4000, 4000]));
        assert_eq!((parse_channels("64"), parse_classes("2")), (Ok(64), Ok(2)));
        assert!(parse_channels("0").is_err() && parse_channels("99999999999").is_err());
        assert!(parse_classes("1").is_err() && parse_classes("257").is_err());
    }
}
