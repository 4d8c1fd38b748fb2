//! What a report says, in each language.
//!
//! [`Words`] holds every fixed word and sentence: a language that lacks one does not compile. Sentences that come with
//! a measurement (rules, flags, reasons) are English there and are translated by their identifiers in `german`; warnings
//! have none and are known by their words.

mod english;
mod german;
mod german_problems;
mod german_warnings;
mod threshold_sources;
mod words;

use pulmo_measure::quantify::{Attenuation, Boundary, Finding, LeftOut, Region, Score};

pub use words::Words;

/// The language of a report.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// German.
    German,
}

impl Language {
    /// Every language.
    pub const ALL: [Self; 2] = [Self::English, Self::German];

    /// Its code in HTML and on the command line (ISO 639-1).
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
        }
    }

    /// Its fixed words.
    #[must_use]
    pub fn words(self) -> &'static Words {
        match self {
            Self::English => &english::WORDS,
            Self::German => &german::WORDS,
        }
    }

    /// A number with its thousands grouped and so many decimals: `4,290.5` or `4.290,5`.
    ///
    /// A number that rounds to nothing has no sign.
    #[must_use]
    pub fn number(self, x: f64, decimals: usize) -> String {
        let text = format!("{:.decimals$}", x.abs());
        let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
        let (group, point) = match self {
            Self::English => (',', '.'),
            Self::German => ('.', ','),
        };
        let mut out = String::new();
        if x < 0.0 && text.bytes().any(|digit| (b'1'..=b'9').contains(&digit)) {
            out.push('\u{2212}');
        }
        for (at, digit) in whole.chars().enumerate() {
            if at > 0 && (whole.len() - at).is_multiple_of(3) {
                out.push(group);
            }
            out.push(digit);
        }
        if !fraction.is_empty() {
            out.push(point);
            out.push_str(fraction);
        }
        out
    }

    /// A volume with three digits, none after the point for nothing at all.
    #[must_use]
    pub fn ml(self, ml: f64) -> String {
        let decimals = if ml == 0.0 || ml >= 99.95 { 0 } else { 1 + usize::from(ml < 9.995) };
        format!("{}\u{a0}mL", self.number(ml, decimals))
    }

    /// A share in per cent: two decimals below 10 %, one above, none for nothing at all.
    #[must_use]
    pub fn percent(self, percent: f64) -> String {
        let decimals = if percent == 0.0 { 0 } else { 1 + usize::from(percent < 9.995) };
        format!("{}\u{a0}%", self.number(percent, decimals))
    }

    /// Hounsfield units.
    #[must_use]
    pub fn hu(self, hu: f64) -> String {
        let unit = if self == Self::German { "HE" } else { "HU" };
        format!("{}\u{a0}{unit}", self.number(hu, 0))
    }

    /// Millimetres with as many decimals as say something.
    #[must_use]
    pub fn mm(self, mm: f64) -> String {
        format!("{}\u{a0}mm", self.short(mm))
    }

    /// A number with up to three decimals and no zeros at its end.
    #[must_use]
    pub fn short(self, x: f64) -> String {
        let decimals = (0..3).find(|&n| (x * 10_f64.powi(n) - (x * 10_f64.powi(n)).round()).abs() < 1e-3).unwrap_or(3);
        self.number(x, decimals as usize)
    }

    /// Numbers inside a sentence that was written elsewhere, such as `5 mm` or `0.5 %`, in this language's form.
    fn figures(self, text: &str) -> String {
        let Self::German = self else { return text.to_owned() };
        let mut out = String::with_capacity(text.len());
        let letters: Vec<char> = text.chars().collect();
        let is_digit = |at: Option<usize>| at.and_then(|at| letters.get(at)).is_some_and(char::is_ascii_digit);
        for (at, &letter) in letters.iter().enumerate() {
            let between = is_digit(at.checked_sub(1)) && is_digit(Some(at + 1));
            out.push(match letter {
                '.' if between => ',',
                ',' if between => '.',
                other => other,
            });
        }
        out
    }

    /// How a region of the lungs is called: the part without its side.
    #[must_use]
    pub fn part(self, id: &str) -> String {
        let known = match self {
            Self::English => english::part(id),
            Self::German => german::part(id),
        };
        known.map_or_else(|| id.replace('_', " "), str::to_owned)
    }

    /// How a region is cut.
    #[must_use]
    pub fn region_rule(self, region: &Region) -> String {
        self.or_english(german::region_rule(region), &region.rule)
    }

    /// A rule for per cent of lung.
    #[must_use]
    pub fn involvement_rule(self, id: &str, english: &str) -> String {
        self.or_english(german::involvement_rule(id).map(str::to_owned), english)
    }

    /// How foci hang together.
    #[must_use]
    pub fn foci_rule(self, english: &str) -> String {
        self.or_english(Some(german::FOCI_RULE.to_owned()), english)
    }

    /// A flag in one sentence.
    #[must_use]
    pub fn flag(self, flag: &Finding) -> String {
        self.or_english(german::flag(flag), &as_sentence(&flag.sentence))
    }

    /// What speaks against a lung mask.
    #[must_use]
    pub fn problem(self, problem: &str) -> String {
        self.or_english(german_problems::problem(problem), problem)
    }

    /// What a reader or a model warned of.
    #[must_use]
    pub fn warning(self, warning: &str) -> String {
        self.or_english(german_warnings::warning(warning), warning)
    }

    /// Why something was left out.
    #[must_use]
    pub fn reason(self, left_out: &LeftOut) -> String {
        self.or_english(german::reason(left_out), &left_out.reason)
    }

    /// What a score is.
    #[must_use]
    pub fn score_name(self, score: &Score) -> String {
        self.or_english(german::score_name(&score.id).map(str::to_owned), &capital(&score.name))
    }

    /// How a score is called where its name has no room.
    #[must_use]
    pub fn score_short(self, id: &str) -> &str {
        match (id, self) {
            ("pan25", _) => "Pan 0-25",
            ("tss20", _) => "TSS 0-20",
            ("zones24", Self::English) => "six zones",
            ("zones24", Self::German) => "sechs Zonen",
            ("height_thirds24", Self::English) => "height thirds",
            ("height_thirds24", Self::German) => "Höhendrittel",
            ("mosmed", _) => "CT-0 … CT-4",
            _ => "score",
        }
    }

    /// The smoothing before the attenuation is cut.
    #[must_use]
    pub fn smoothing(self, attenuation: &Attenuation) -> String {
        format!("{} {}", self.words().smoothing, self.mm(attenuation.smoothing_sd_mm))
    }

    /// What raises a flag.
    #[must_use]
    pub fn threshold(self, flag: &Finding) -> String {
        self.or_english(german::threshold(flag), &self.figures(&flag.threshold))
    }

    /// Where the threshold of a flag comes from, as short as a footnote.
    #[must_use]
    pub fn threshold_source(self, flag: &Finding) -> String {
        match threshold_sources::of(&flag.id) {
            Some([english, german]) => if self == Self::German { german } else { english }.to_owned(),
            None => flag.source.clone(),
        }
    }

    /// What a flag found.
    #[must_use]
    pub fn found(self, flag: &Finding) -> String {
        self.or_english(german::found(flag).map(|found| self.figures(&found)), &flag.found)
    }

    /// A difference of two shares.
    #[must_use]
    pub fn points(self, difference: f64) -> String {
        let unit = if self == Self::German { "Prozentpunkte" } else { "points" };
        format!("{}\u{a0}{unit}", self.number(difference, 2))
    }

    /// Where a score comes from, without the paper's title.
    #[must_use]
    pub fn score_source(self, score: &Score) -> String {
        let short = match score.id.as_str() {
            "pan25" => "Pan F et al., Radiology 2020;295:715-721",
            "tss20" => "Chung M et al., Radiology 2020;295:202-207",
            "zones24" | "height_thirds24" => "Yuan M et al., PLoS One 2020;15:e0230548",
            "mosmed" => "Morozov SP et al., arXiv 2005.06465",
            _ => return score.source.clone(),
        };
        short.to_owned()
    }

    /// The classes of a score: `0 %: 0, <5 %: 1`.
    #[must_use]
    pub fn classes(self, boundaries: &[Boundary]) -> String {
        let classes: Vec<String> =
            boundaries.iter().map(|class| format!("{}: {}", self.figures(&class.printed), class.points)).collect();
        classes.join("; ")
    }

    /// What happens between printed classes, and below which size a region scores nothing.
    #[must_use]
    pub fn score_rules(self, score: &Score) -> Vec<String> {
        let gap =
            score.gap_rule.as_ref().map(|rule| self.or_english(german::gap_rule(&score.id).map(str::to_owned), rule));
        let floor = self.or_english(german::floor_rule(&score.floor_rule), &score.floor_rule);
        gap.into_iter().chain([floor]).filter(|rule| !rule.is_empty()).collect()
    }

    /// The translation in a German report, if there is one; else the English sentence.
    fn or_english(self, german: Option<String>, english: &str) -> String {
        match (self, german) {
            (Self::German, Some(german)) => german,
            _ => english.to_owned(),
        }
    }
}

/// A clause with a capital at its beginning.
fn capital(clause: &str) -> String {
    let mut letters = clause.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// A clause as a sentence: with a capital and a full stop.
pub(super) fn as_sentence(clause: &str) -> String {
    format!("{}.", capital(clause).trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_each_language_writes_them() {
        let [english, german] = Language::ALL;
        assert_eq!((english.number(4290.54, 1), german.number(4290.54, 1)), ("4,290.5".into(), "4.290,5".into()));
        assert_eq!(german.number(-1_234_567.0, 0), "\u{2212}1.234.567");
        assert_eq!(english.number(-0.001, 2), "0.00");
        assert_eq!((english.ml(9.994), english.ml(9.996)), ("9.99\u{a0}mL".into(), "10.0\u{a0}mL".into()));
        assert_eq!((english.ml(99.96), german.percent(6.525)), ("100\u{a0}mL".into(), "6,53\u{a0}%".into()));
        assert_eq!(
            (english.short(5.0), english.short(0.703_125), german.short(2.5)),
            ("5".into(), "0.703".into(), "2,5".into())
        );
        assert_eq!(german.figures("more than 0.5 % of 1,200 mL."), "more than 0,5 % of 1.200 mL.");
        assert_eq!(english.figures("0.5 %"), "0.5 %");
    }
}
