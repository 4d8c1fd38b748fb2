//! Helvetica as every PDF reader has it: its letters as bytes, and how wide they are.
//!
//! The standard fonts need no font file in the document. They know WinAnsi (Windows 1252) letters: West European ones, so
//! all that this program writes. A letter that is not among them, as in a name of another script, becomes `?`.

/// Widths of WinAnsi codes 32 to 255 in thousandths of the size: Adobe's metrics of Helvetica.
#[rustfmt::skip]
const REGULAR: [u16; 224] = [
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556,
    556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778,
    722, 278, 500, 667, 556, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278,
    278, 278, 469, 556, 333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556,
    556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584, 350, 556, 350, 222, 556,
    333, 1000, 556, 556, 333, 1000, 667, 333, 1000, 350, 611, 350, 350, 222, 222, 333, 333, 350, 556, 1000,
    333, 1000, 500, 333, 944, 350, 500, 667, 278, 333, 556, 556, 556, 556, 260, 556, 333, 737, 370, 556,
    584, 333, 737, 333, 400, 584, 333, 333, 333, 556, 537, 278, 333, 333, 365, 556, 834, 834, 834, 611,
    667, 667, 667, 667, 667, 667, 1000, 722, 667, 667, 667, 667, 278, 278, 278, 278, 722, 722, 778, 778,
    778, 778, 778, 584, 778, 722, 722, 722, 722, 667, 667, 611, 556, 556, 556, 556, 556, 556, 889, 500,
    556, 556, 556, 556, 278, 278, 278, 278, 556, 556, 556, 556, 556, 556, 556, 584, 611, 556, 556, 556,
    556, 500, 556, 500,
];

/// The same of Helvetica-Bold.
#[rustfmt::skip]
const BOLD: [u16; 224] = [
    278, 333, 474, 556, 556, 889, 722, 238, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556,
    556, 556, 556, 556, 556, 556, 333, 333, 584, 584, 584, 611, 975, 722, 722, 722, 722, 667, 611, 778,
    722, 278, 556, 722, 611, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 333,
    278, 333, 584, 556, 333, 556, 611, 556, 611, 556, 333, 611, 611, 278, 278, 556, 278, 889, 611, 611,
    611, 611, 389, 556, 333, 611, 556, 778, 556, 556, 500, 389, 280, 389, 584, 350, 556, 350, 278, 556,
    500, 1000, 556, 556, 333, 1000, 667, 333, 1000, 350, 611, 350, 350, 278, 278, 500, 500, 350, 556, 1000,
    333, 1000, 556, 333, 944, 350, 500, 667, 278, 333, 556, 556, 556, 556, 280, 556, 333, 737, 370, 556,
    584, 333, 737, 333, 400, 584, 333, 333, 333, 611, 556, 278, 333, 333, 365, 556, 834, 834, 834, 611,
    722, 722, 722, 722, 722, 722, 1000, 722, 667, 667, 667, 667, 278, 278, 278, 278, 722, 722, 778, 778,
    778, 778, 778, 584, 778, 722, 722, 722, 722, 667, 667, 611, 556, 556, 556, 556, 556, 556, 889, 556,
    556, 556, 556, 556, 278, 278, 278, 278, 611, 611, 611, 611, 611, 611, 611, 584, 611, 611, 611, 611,
    611, 556, 611, 556,
];

/// What WinAnsi has at 128 to 159; spaces are unused codes.
const UPPER: &str = "€ ‚ƒ„…†‡ˆ‰Š‹Œ Ž  ‘’“”•–—˜™š›œ žŸ";

/// A weight of Helvetica.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Font {
    Regular,
    Bold,
}

impl Font {
    /// How wide bytes of WinAnsi are at a size, in points.
    pub(super) fn width(self, bytes: &[u8], size: f32) -> f32 {
        let widths = match self {
            Self::Regular => &REGULAR,
            Self::Bold => &BOLD,
        };
        let thousandths: u32 = bytes.iter().map(|&byte| u32::from(widths[usize::from(byte.max(32)) - 32])).sum();
        thousandths as f32 / 1000.0 * size
    }

    /// Breaks a text into lines of at most `width` points, between words, or inside a word that is longer.
    pub(super) fn wrap(self, text: &str, size: f32, width: f32) -> Vec<Vec<u8>> {
        let mut lines: Vec<Vec<u8>> = Vec::new();
        let mut line: Vec<u8> = Vec::new();
        for word in encode(text).split(|&byte| byte == b' ').filter(|word| !word.is_empty()) {
            let mut candidate = line.clone();
            if !candidate.is_empty() {
                candidate.push(b' ');
            }
            candidate.extend_from_slice(word);
            if self.width(&candidate, size) <= width {
                line = candidate;
                continue;
            }
            if !line.is_empty() {
                lines.push(std::mem::take(&mut line));
            }
            for &byte in word {
                line.push(byte);
                if self.width(&line, size) > width && line.len() > 1 {
                    line.pop();
                    lines.push(std::mem::take(&mut line));
                    line.push(byte);
                }
            }
        }
        lines.push(line);
        lines
    }
}

/// A text in WinAnsi.
pub(super) fn encode(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\n' | '\r' | '\t' => bytes.push(b' '),
            ' '..='~' | '\u{a0}'..='\u{ff}' => bytes.push(letter as u32 as u8),
            '\u{2212}' => bytes.push(0x96),
            '≥' => bytes.extend_from_slice(b">="),
            '≤' => bytes.extend_from_slice(b"<="),
            other => match UPPER.chars().position(|upper| upper == other) {
                Some(at) => bytes.push(0x80 + at as u8),
                None => bytes.push(b'?'),
            },
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_both_languages_have_codes() {
        assert_eq!(encode("Größe – 5\u{a0}%…"), b"Gr\xf6\xdfe \x96 5\xa0%\x85");
        assert_eq!(encode("\u{2212}300 ≥ 東"), b"\x96300 >= ?");
        assert_eq!(UPPER.chars().count(), 32);
    }

    #[test]
    fn lines_are_no_wider_than_asked_for_and_lose_nothing() {
        let text = "the patient's left lung and aVeryLongWordThatFitsNowhereAtAllBecauseItNeverEnds end";
        let lines = Font::Bold.wrap(text, 9.0, 90.0);
        assert!(lines.iter().all(|line| Font::Bold.width(line, 9.0) <= 90.0));
        let joined: Vec<u8> = lines.concat().into_iter().filter(|byte| *byte != b' ').collect();
        assert_eq!(joined, text.replace(' ', "").into_bytes());
        assert_eq!(Font::Regular.wrap("", 9.0, 90.0), [Vec::<u8>::new()]);
        // By hand: A and W are 667 and 944 thousandths wide.
        assert!((Font::Regular.width(b"AW", 10.0) - 16.11).abs() < 1e-4);
    }
}
