//! Sentences with holes, so that what was said can be recognised: to translate it, or to leave names out. And how many
//! there are of something, in words.

use std::fmt::Display;

/// A sentence with holes: `{}` stands for a value, `{name}` for the name of a file, which may be a patient's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sentence(&'static str);

/// What a name becomes where nobody may be named.
const NAMELESS: &str = "…";

impl Sentence {
    /// A sentence by its text.
    #[must_use]
    pub const fn new(text: &'static str) -> Self {
        Self(text)
    }

    /// The text with its holes.
    #[must_use]
    pub fn text(self) -> &'static str {
        self.0
    }

    /// The sentence with values in its holes, in their order. A hole without a value stays empty.
    #[must_use]
    pub fn say(self, values: &[&dyn Display]) -> String {
        let mut values = values.iter();
        let mut rest = self.0;
        let mut said = String::new();
        while let Some((before, _, after)) = hole(rest) {
            said += before;
            if let Some(value) = values.next() {
                said += &value.to_string();
            }
            rest = after;
        }
        said + rest
    }

    /// The values in what was said; `None` if it is another sentence.
    ///
    /// A value ends where the text behind its hole begins for the first time, the last one where that text ends the sentence.
    #[must_use]
    pub fn values(self, said: &str) -> Option<Vec<&str>> {
        let Some((before, _, mut template)) = hole(self.0) else { return (self.0 == said).then(Vec::new) };
        let mut rest = said.strip_prefix(before)?;
        let mut values = Vec::new();
        while let Some((literal, _, after)) = hole(template) {
            let (value, behind) = rest.split_once(literal)?;
            values.push(value);
            (rest, template) = (behind, after);
        }
        values.push(rest.strip_suffix(template)?);
        Some(values)
    }

    /// What was said without the names in it; `None` if it is another sentence.
    #[must_use]
    pub fn without_names(self, said: &str) -> Option<String> {
        let values = self.values(said)?;
        let nameless: &dyn Display = &NAMELESS;
        let mut kept: Vec<&dyn Display> = Vec::new();
        let mut rest = self.0;
        for value in &values {
            let (_, is_name, after) = hole(rest)?;
            kept.push(if is_name { nameless } else { value });
            rest = after;
        }
        Some(self.say(&kept))
    }
}

/// `1 case`, `2 cases`: a number and the word for one or for many of it.
#[must_use]
pub fn counted<N: Display + PartialEq + From<u8>>(n: N, one: &str, many: &str) -> String {
    let word = if n == N::from(1) { one } else { many };
    format!("{n} {word}")
}

/// What stands before the first hole, whether that is for a name, and what stands behind it.
fn hole(text: &str) -> Option<(&str, bool, &str)> {
    let (before, rest) = text.split_once('{')?;
    let (inside, after) = rest.split_once('}')?;
    Some((before, inside == "name", after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_has_a_word_of_its_own() {
        let said = [0, 1, 2].map(|n| counted(n, "focus", "foci"));
        assert_eq!(said, ["0 foci", "1 focus", "2 foci"]);
    }

    #[test]
    fn what_was_said_is_recognised_and_its_values_are_found() {
        let sentence = Sentence::new("{} of {} slices moved by {} mm (as in {name})");
        let said = sentence.say(&[&3, &40, &0.5, &"MEIER.dcm"]);
        assert_eq!(said, "3 of 40 slices moved by 0.5 mm (as in MEIER.dcm)");
        assert_eq!(sentence.values(&said).unwrap(), ["3", "40", "0.5", "MEIER.dcm"]);
        assert_eq!(sentence.without_names(&said).unwrap(), "3 of 40 slices moved by 0.5 mm (as in …)");
        for other in ["3 of 40 slices moved by 0.5 mm (as in MEIER.dcm", "3 of 40 slices", "", "slices"] {
            assert_eq!(sentence.values(other), None, "{other}");
        }
        let plain = Sentence::new("no holes");
        assert_eq!(
            (plain.say(&[]), plain.values("no holes"), plain.values("no")),
            ("no holes".into(), Some(vec![]), None)
        );
    }
}
