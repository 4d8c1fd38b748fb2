//! A report in one language, before it becomes a page: words, numbers and tables, in the order of reading.
//!
//! HTML, PDF and Markdown only lay this out; what a report says is decided here.

mod change;
mod done;
mod measures;

pub(super) use measures::side_and_part;

use super::document::Report;
use super::language::{Language, Words, as_sentence};

/// What a report says.
#[derive(Debug, Clone, PartialEq)]
pub struct Content {
    /// Language of everything here.
    pub language: Language,
    /// The first heading.
    pub title: String,
    /// What the title means.
    pub what: String,
    /// Whose report it is: pairs of name and value.
    pub subject: Vec<Pair>,
    /// The research sentence, in English first.
    pub notices: Vec<String>,
    /// The numbers at the top.
    pub tiles: Vec<Tile>,
    /// What stands above all: suppressed numbers and why.
    pub alerts: Vec<Alert>,
    /// What raised a flag.
    pub flags: Vec<Flag>,
    /// Where the thresholds of these flags come from, each once; a flag's note counts them from 1.
    pub threshold_sources: Vec<String>,
    /// Shares by region; `None` where they are suppressed.
    pub regions: Option<Table>,
    /// Every quantity with its rule.
    pub quantities: Table,
    /// The change since an earlier CT, of the whole and by region; empty without one.
    pub follow_up: Vec<Table>,
    /// The scores; `None` where there are none.
    pub scores: Option<Table>,
    /// What could not be given and why: pairs of what and reason.
    pub left_out: Vec<Pair>,
    /// What was done, as far as two pages have room: pairs of name and value.
    pub done: Vec<Pair>,
    /// The same without a limit, where there are no pages.
    pub done_in_full: Vec<Pair>,
}

/// A name and what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// The name.
    pub name: String,
    /// What belongs to it.
    pub value: String,
}

/// One number at the top.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tile {
    /// The number with its unit.
    pub value: String,
    /// What it is.
    pub label: String,
}

/// Something that must not be overlooked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// In a sentence.
    pub sentence: String,
    /// Why.
    pub reasons: Vec<String>,
}

/// A flag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    /// What it means.
    pub sentence: String,
    /// What was found.
    pub found: String,
    /// What raises it.
    pub threshold: String,
    /// Which of [`Content::threshold_sources`] says why, counted from 1.
    pub note: usize,
}

/// A table: all rows are as long as the head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Its name in the page, such as `regions`; unique.
    pub id: &'static str,
    /// Its heading.
    pub title: String,
    /// Names of the columns.
    pub head: Vec<String>,
    /// Columns that hold numbers, counted from 0.
    pub numeric: std::ops::Range<usize>,
    /// The rows.
    pub rows: Vec<Vec<String>>,
    /// What stands below it.
    pub notes: Vec<String>,
}

impl Table {
    /// Whether a column holds numbers.
    #[must_use]
    pub fn is_numeric(&self, column: &usize) -> bool {
        self.numeric.contains(column)
    }
}

impl Content {
    /// Puts a report into words.
    #[must_use]
    pub fn of(report: &Report, language: Language) -> Self {
        let words = language.words();
        let mut notices = vec![report.notice.clone()];
        if language != Language::English {
            notices.push(words.research.to_owned());
        }
        let (flags, threshold_sources) = flags(report, language);
        Self {
            language,
            title: words.title.to_owned(),
            what: words.what.to_owned(),
            subject: subject(report, words),
            notices,
            tiles: tiles(report, language),
            alerts: alerts(report, language),
            flags,
            threshold_sources,
            regions: measures::regions(report, language),
            quantities: measures::quantities(report, language),
            follow_up: report.follow_up.as_ref().map_or_else(Vec::new, |change| change::tables(change, language)),
            scores: measures::scores(report, language),
            left_out: measures::left_out(report, language),
            done: done::done(report, language, done::Room::Pages),
            done_in_full: done::done(report, language, done::Room::Endless),
        }
    }
}

impl Flag {
    /// What was found, what raises the flag and which note says why, in one line.
    #[must_use]
    pub fn details(&self, words: &Words) -> String {
        format!("{}: {}; {}: {} [{}]", words.found, self.found, words.threshold, self.threshold, self.note)
    }
}

impl Content {
    /// Where the thresholds come from, in one paragraph; `None` without flags.
    #[must_use]
    pub fn threshold_note(&self) -> Option<String> {
        let numbered: Vec<String> =
            (1..).zip(&self.threshold_sources).map(|(number, source)| format!("[{number}] {source}")).collect();
        let words = self.language.words();
        (!numbered.is_empty()).then(|| format!("{}: {}.", words.threshold_sources, numbered.join("; ")))
    }
}

impl Pair {
    fn new(name: &str, value: impl Into<String>) -> Self {
        Self { name: name.to_owned(), value: value.into() }
    }
}

fn subject(report: &Report, words: &Words) -> Vec<Pair> {
    let mut pairs = Vec::new();
    if let Some(identity) = &report.identity {
        pairs.push(Pair::new(words.patient, identity.name.clone()));
        pairs.push(Pair::new(words.patient_id, identity.id.clone()));
        pairs.push(Pair::new(words.study_date, identity.study_date.clone()));
        pairs.retain(|pair| !pair.value.is_empty());
    }
    pairs.push(Pair::new(words.case, report.case.clone()));
    pairs
}

fn tiles(report: &Report, language: Language) -> Vec<Tile> {
    let words = language.words();
    let found = &report.quantities;
    let tile = |value: String, label: &str| Tile { value, label: label.to_owned() };
    let share = |percent: Option<f64>| percent.map_or_else(|| words.not_given.to_owned(), |x| language.percent(x));
    let of_region = |id: &str| share(found.region(id).and_then(|region| region.percent));
    vec![
        tile(language.ml(found.opacity.total_ml), words.opacity),
        tile(share(found.involvement.first().map(|share| share.percent)), words.of_lung),
        tile(of_region("right"), words.right_lung),
        tile(of_region("left"), words.left_lung),
        tile(
            found.lung.as_ref().map_or_else(|| words.not_given.to_owned(), |lung| language.ml(lung.total_ml)),
            words.lung_volume,
        ),
    ]
}

fn alerts(report: &Report, language: Language) -> Vec<Alert> {
    let words = language.words();
    let mut alerts = Vec::new();
    if let Some(left_out) = &report.quantities.lung_left_out {
        let mut reasons = vec![language.reason(left_out)];
        let problems = report.lungs.iter().flat_map(|lungs| &lungs.problems);
        let unsaid: Vec<&String> = problems.filter(|problem| !reasons[0].contains(*problem)).collect();
        reasons.extend(unsaid.into_iter().map(|problem| language.problem(problem)));
        let reasons = reasons.iter().map(|reason| as_sentence(reason)).collect();
        alerts.push(Alert { sentence: words.no_percent.to_owned(), reasons });
    }
    if report.quantities.opacity.voxels == 0 {
        alerts.push(Alert { sentence: words.nothing_marked.to_owned(), reasons: Vec::new() });
    }
    alerts
}

/// The flags, and where their thresholds come from.
fn flags(report: &Report, language: Language) -> (Vec<Flag>, Vec<String>) {
    // What a change between two CTs raises stands beside the others.
    let follow_up = report.follow_up.iter().flat_map(|change| &change.flags);
    let flags = report.quantities.flags.iter().chain(follow_up);
    let problems: Vec<String> =
        report.lungs.iter().flat_map(|lungs| &lungs.problems).map(|problem| language.problem(problem)).collect();
    let mut sources: Vec<String> = Vec::new();
    let flags = flags
        .map(|flag| Flag {
            sentence: language.flag(flag),
            // A lung mask fails by sentences of its own.
            found: match flag.id.as_str() {
                "lung_mask_failed" if !problems.is_empty() => problems.join("; "),
                _ => language.found(flag),
            },
            threshold: language.threshold(flag),
            note: number_of(language.threshold_source(flag), &mut sources),
        })
        .collect();
    (flags, sources)
}

/// The place of a text in a list, counted from 1; it is added if it is not there.
fn number_of(text: String, list: &mut Vec<String>) -> usize {
    if let Some(at) = list.iter().position(|other| *other == text) {
        return at + 1;
    }
    list.push(text);
    list.len()
}
