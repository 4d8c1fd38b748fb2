//! A small typeface for what is burned into pictures: letters, digits and a few signs of ASCII, drawn for this program.

/// Pixels of a character from top to bottom: seven above the line and two below it.
const HEIGHT: usize = 9;
const WIDTH: usize = 5;
/// From one character to the next, and from one line to the next.
pub(super) const ADVANCE: [usize; 2] = [HEIGHT + 2, WIDTH + 1];

/// Characters side by side, a blank column between them.
const BANDS: [(&str, [&str; HEIGHT]); 5] = [
    (
        "ABCDEFGHIJKLMN",
        [
            ".###. ####. .###. ####. ##### ##### .###. #...# .###. ...## #...# #.... #...# #...#",
            "#...# #...# #...# #...# #.... #.... #...# #...# ..#.. ....# #..#. #.... ##.## ##..#",
            "#...# #...# #.... #...# #.... #.... #.... #...# ..#.. ....# #.#.. #.... #.#.# ##..#",
            "##### ####. #.... #...# ####. ####. #.### ##### ..#.. ....# ##... #.... #.#.# #.#.#",
            "#...# #...# #.... #...# #.... #.... #...# #...# ..#.. ....# #.#.. #.... #...# #..##",
            "#...# #...# #...# #...# #.... #.... #...# #...# ..#.. #...# #..#. #.... #...# #..##",
            "#...# ####. .###. ####. ##### #.... .###. #...# .###. .###. #...# ##### #...# #...#",
            "..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... .....",
            "..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... .....",
        ],
    ),
    (
        "OPQRSTUVWXYZab",
        [
            ".###. ####. .###. ####. .#### ##### #...# #...# #...# #...# #...# ##### ..... #....",
            "#...# #...# #...# #...# #.... ..#.. #...# #...# #...# #...# #...# ....# ..... #....",
            "#...# #...# #...# #...# #.... ..#.. #...# #...# #...# .#.#. .#.#. ...#. .###. ####.",
            "#...# ####. #...# ####. .###. ..#.. #...# #...# #.#.# ..#.. ..#.. ..#.. ....# #...#",
            "#...# #.... #.#.# #.#.. ....# ..#.. #...# .#.#. #.#.# .#.#. ..#.. .#... .#### #...#",
            "#...# #.... #..#. #..#. ....# ..#.. #...# .#.#. ##.## #...# ..#.. #.... #...# #...#",
            ".###. #.... .##.# #...# ####. ..#.. .###. ..#.. #...# #...# ..#.. ##### .#### ####.",
            "..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... .....",
            "..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... .....",
        ],
    ),
    (
        "cdefghijklmnop",
        [
            "..... ....# ..... ..##. ..... #.... ..#.. ...#. #.... .##.. ..... ..... ..... .....",
            "..... ....# ..... .#... ..... #.... ..... ..... #.... ..#.. ..... ..... ..... .....",
            ".###. .#### .###. ####. .#### ####. .##.. ..##. #..#. ..#.. ##.#. ####. .###. ####.",
            "#.... #...# #...# .#... #...# #...# ..#.. ...#. #.#.. ..#.. #.#.# #...# #...# #...#",
            "#.... #...# ##### .#... #...# #...# ..#.. ...#. ##... ..#.. #.#.# #...# #...# #...#",
            "#.... #...# #.... .#... #...# #...# ..#.. ...#. #.#.. ..#.. #.#.# #...# #...# #...#",
            ".###. .#### .###. .#... .#### #...# .###. ...#. #..#. ...## #...# #...# .###. ####.",
            "..... ..... ..... ..... ....# ..... ..... ...#. ..... ..... ..... ..... ..... #....",
            "..... ..... ..... ..... .###. ..... ..... .##.. ..... ..... ..... ..... ..... #....",
        ],
    ),
    (
        "qrstuvwxyz0123",
        [
            "..... ..... ..... .#... ..... ..... ..... ..... ..... ..... .###. ..#.. .###. ####.",
            "..... ..... ..... .#... ..... ..... ..... ..... ..... ..... #..## .##.. #...# ....#",
            ".#### #.##. .###. ####. #...# #...# #...# #...# #...# ##### #..## ..#.. ....# ....#",
            "#...# ##... #.... .#... #...# #...# #...# .#.#. #...# ...#. #.#.# ..#.. ..##. .###.",
            "#...# #.... .###. .#... #...# .#.#. #.#.# ..#.. #...# ..#.. ##..# ..#.. .#... ....#",
            "#...# #.... ....# .#... #...# .#.#. #.#.# .#.#. #...# .#... ##..# ..#.. #.... ....#",
            ".#### #.... .###. ..##. .#### ..#.. .#.#. #...# .#### ##### .###. .###. ##### ####.",
            "....# ..... ..... ..... ..... ..... ..... ..... ....# ..... ..... ..... ..... .....",
            "....# ..... ..... ..... ..... ..... ..... ..... .###. ..... ..... ..... ..... .....",
        ],
    ),
    (
        "456789.,-:%/()",
        [
            "...#. ##### .###. ##### .###. .###. ..... ..... ..... ..... ##..# ....# ...#. .#...",
            "..##. #.... #.... ....# #...# #...# ..... ..... ..... ..... ##..# ....# ..#.. ..#..",
            ".#.#. ####. #.... ...#. #...# #...# ..... ..... ..... .##.. ...#. ...#. .#... ...#.",
            "#..#. ....# ####. ...#. .###. .#### ..... ..... .###. .##.. ..#.. ..#.. .#... ...#.",
            "##### ....# #...# ..#.. #...# ....# ..... ..... ..... ..... .#... .#... .#... ...#.",
            "...#. #...# #...# ..#.. #...# ....# .##.. .##.. ..... .##.. #..## #.... ..#.. ..#..",
            "...#. .###. .###. ..#.. .###. .###. .##.. .##.. ..... .##.. #..## #.... ...#. .#...",
            "..... ..... ..... ..... ..... ..... ..... ..#.. ..... ..... ..... ..... ..... .....",
            "..... ..... ..... ..... ..... ..... ..... .#... ..... ..... ..... ..... ..... .....",
        ],
    ),
];

/// Calls `ink` with the row and column of each pixel of a character; nothing for a blank, a frame for what has no picture.
pub(super) fn draw(character: char, mut ink: impl FnMut(usize, usize)) {
    if character == ' ' {
        return;
    }
    let found = BANDS.iter().find_map(|(characters, rows)| Some((rows, characters.find(character)?)));
    for row in 0..HEIGHT {
        for column in 0..WIDTH {
            let is_ink = match found {
                Some((rows, at)) => rows[row].as_bytes()[at * ADVANCE[1] + column] == b'#',
                None => row < 7 && (row % 6 == 0 || column % 4 == 0),
            };
            if is_ink {
                ink(row, column);
            }
        }
    }
}

/// Breaks a text into lines of at most `most` characters, between words where it can.
pub(super) fn wrap(text: &str, most: usize) -> Vec<String> {
    let most = most.max(1);
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let mut characters = word.chars();
        while !characters.as_str().is_empty() {
            let free = lines.last().map_or(0, |line| most.saturating_sub(line.chars().count() + 1));
            let left = characters.as_str().chars().count();
            // A word longer than a line is broken.
            if left <= free || (left > most && free > most / 2) {
                let part: String = characters.by_ref().take(free).collect();
                if let Some(line) = lines.last_mut() {
                    line.push(' ');
                    line.push_str(&part);
                }
            } else {
                lines.push(characters.by_ref().take(most).collect());
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::dicom::RESEARCH_SENTENCE;

    #[test]
    fn every_band_is_whole_and_the_sentence_has_all_its_letters() {
        for (characters, rows) in &BANDS {
            for row in rows {
                assert_eq!(row.len(), characters.len() * ADVANCE[1] - 1, "{characters}");
            }
        }
        for character in RESEARCH_SENTENCE.chars().filter(|c| *c != ' ') {
            assert!(BANDS.iter().any(|(characters, _)| characters.contains(character)), "{character}");
        }
        let mut pixels = Vec::new();
        draw('L', |row, column| pixels.push((row, column)));
        assert_eq!(pixels.len(), 7 + 4, "a stroke down and one along the line");
        draw(' ', |_, _| panic!("a blank has no ink"));
    }

    #[test]
    fn lines_break_between_words_and_lose_nothing() {
        assert_eq!(wrap("Not for diagnosis", 8), ["Not for", "diagnosi", "s"]);
        assert_eq!(wrap("Not for diagnosis", 100), ["Not for diagnosis"]);
        for most in 1..140 {
            let lines = wrap(RESEARCH_SENTENCE, most);
            assert!(lines.iter().all(|line| line.chars().count() <= most), "{most}: {lines:?}");
            let letters = |text: &str| text.replace(' ', "");
            assert_eq!(letters(&lines.concat()), letters(RESEARCH_SENTENCE), "{most}");
        }
    }
}
