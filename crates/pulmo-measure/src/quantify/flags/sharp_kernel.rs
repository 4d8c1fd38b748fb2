//! Sharp reconstruction kernels: more noise, and edges that overshoot.

use super::{Flag, Raised, Seen};

/// A sharp kernel was used.
#[derive(Debug)]
pub(super) struct SharpKernel;

/// Kernels that makers call sharp or recommend for lung and bone, as they begin or read.
const SHARP_WORDS: [&str; 9] = ["LUNG", "BONE", "BONEPLUS", "EDGE", "HD LUNG", "YC", "YD", "YE", "SHARP"];
/// From this number on a Siemens kernel (`B70f`, `Br59d`, `Bl57`) is sharp.
const SIEMENS_FROM: u32 = 50;
/// Numbers of sharp Canon and Toshiba kernels (`FC51`): bone and lung.
const CANON: [std::ops::RangeInclusive<u32>; 2] = [30..=39, 50..=89];

impl Flag for SharpKernel {
    fn id(&self) -> &'static str {
        "sharp_kernel"
    }

    fn threshold(&self) -> String {
        format!(
            "Siemens B, Br, Bl, Bv, Hr and their like from {SIEMENS_FROM}; GE LUNG, BONE, BONEPLUS, EDGE; Philips YC, \
             YD, YE; Canon and Toshiba FC30 to FC39 and FC50 to FC89"
        )
    }

    fn source(&self) -> &'static str {
        "makers' manuals; Boedeker KL et al. Emphysema: effect of reconstruction algorithm on CT imaging measures. \
         Radiology 2004;232:295-301"
    }

    fn affects(&self) -> &'static [&'static str] {
        &["attenuation"]
    }

    fn check(&self, case: &Seen<'_>) -> Option<Raised> {
        let kernel = case.input.scan.kernel.as_deref().filter(|kernel| is_sharp(kernel))?;
        Some(Raised {
            found: kernel.to_owned(),
            sentence: "the kernel is sharp: noise and overshooting edges change the attenuation that is measured"
                .to_owned(),
        })
    }
}

/// Whether a ConvolutionKernel is a sharp one; unknown names are not.
fn is_sharp(kernel: &str) -> bool {
    // Siemens writes strength and kernel as two values: `Br64d/3`.
    let kernel = kernel.split('/').next().unwrap_or_default().trim().to_ascii_uppercase();
    let letters = kernel.bytes().take_while(u8::is_ascii_alphabetic).count();
    let digits: String = kernel[letters..].chars().take_while(char::is_ascii_digit).collect();
    let number: Option<u32> = digits.parse().ok();
    match (&kernel[..letters], number) {
        ("FC", Some(number)) => CANON.iter().any(|range| range.contains(&number)),
        // One letter for the body part and often one for the kind: B, I, U, and BR, BL, BV, BF, HR, QR, UR.
        ("B" | "I" | "U" | "BR" | "BL" | "BV" | "BF" | "BP" | "HR" | "HC" | "QR" | "UR", Some(number)) => {
            number >= SIEMENS_FROM
        }
        (letters, None) => SHARP_WORDS.contains(&letters) || SHARP_WORDS.contains(&kernel.as_str()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn makers_names_are_told_apart() {
        for sharp in
            ["B70f", "B60s", "Br64d/3", "Bl57", "I70f/2", "LUNG", "BONEPLUS", "BONE", "EDGE", "YC", "FC51", "fc86"]
        {
            assert!(is_sharp(sharp), "{sharp}");
        }
        for soft in [
            "B30f", "B41s", "Br36d/3", "Bv40", "I30f/3", "STANDARD", "SOFT", "DETAIL", "B", "C", "FC13", "FC08", "",
            "?", "Ä70",
        ] {
            assert!(!is_sharp(soft), "{soft}");
        }
    }
}
