//! Sizes of memory on the command line.

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
}
