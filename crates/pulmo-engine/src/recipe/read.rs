//! Recipes from and to TOML, with overrides and errors that name the key.

use std::path::Path;

use super::Recipe;
use crate::error::{Error, Result};

impl Recipe {
    /// Reads and checks a recipe file, with overrides such as `training.batch_size=2`.
    ///
    /// An override's key is a dotted path (numbers index arrays: `training.phase.0.epochs=5`), its value is
    /// TOML; what is no TOML is taken as a string, so `name=first` needs no quotes.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be read; [`Error::Recipe`] naming the key, the file and the nearest
    /// valid key if it is not a valid recipe.
    pub fn load(path: &Path, overrides: &[String]) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|source| Error::read(path, source))?;
        Self::parse(&text, &path.display().to_string(), overrides)
    }

    /// Reads and checks a recipe from TOML text; `origin` names it in errors.
    ///
    /// # Errors
    /// [`Error::Recipe`] as [`Recipe::load`].
    pub fn parse(text: &str, origin: &str, overrides: &[String]) -> Result<Self> {
        let recipe: Self = toml::from_str(text).map_err(|error| explain(&error, origin, Some(text)))?;
        let recipe = if overrides.is_empty() { recipe } else { recipe.with_overrides(origin, overrides)? };
        recipe.validate(origin)?;
        Ok(recipe)
    }

    /// The recipe as TOML with every field, as it is stored in models and checkpoints.
    ///
    /// # Panics
    /// Never: a recipe holds only what TOML can hold (a checked one; a seed of 2^63 or more is refused).
    #[must_use]
    pub fn to_toml(&self) -> String {
        match toml::to_string(self) {
            Ok(text) => text,
            Err(error) => unreachable!("a checked recipe is representable in TOML: {error}"),
        }
    }

    fn with_overrides(&self, origin: &str, overrides: &[String]) -> Result<Self> {
        let failed = |problem: String| Error::Recipe { origin: origin.to_owned(), problem, hint: SET_HINT.to_owned() };
        let mut root = toml::Value::try_from(self).map_err(|error| failed(error.to_string()))?;
        for text in overrides {
            let (key, value) = text.split_once('=').ok_or_else(|| failed(format!("override `{text}` has no `=`")))?;
            set(&mut root, key.trim(), parse_value(value.trim())).map_err(failed)?;
        }
        let origin = format!("{origin} with {}", overrides.join(" "));
        root.try_into().map_err(|error: toml::de::Error| explain(&error, &origin, None))
    }
}

const SET_HINT: &str = "an override is key=value with a dotted key, such as training.batch_size=2";

fn parse_value(text: &str) -> toml::Value {
    let document: std::result::Result<toml::Table, _> = toml::from_str(&format!("value = {text}"));
    match document.ok().and_then(|mut table| if table.len() == 1 { table.remove("value") } else { None }) {
        Some(value) => value,
        None => toml::Value::String(text.to_owned()),
    }
}

fn set(root: &mut toml::Value, key: &str, value: toml::Value) -> std::result::Result<(), String> {
    let (parent, last) = match key.rsplit_once('.') {
        Some((parent, last)) => (parent.split('.').collect(), last),
        None => (Vec::new(), key),
    };
    let mut at = root;
    for part in parent {
        at = match at {
            toml::Value::Table(table) => {
                let known = table.keys().cloned().collect::<Vec<_>>();
                let suggestion = nearest(part, known.iter().map(String::as_str));
                table.get_mut(part).ok_or_else(|| match suggestion {
                    Some(near) => format!("override `{key}`: there is no table `{part}`; the nearest is `{near}`"),
                    None => format!("override `{key}`: there is no table `{part}`"),
                })?
            }
            toml::Value::Array(items) => {
                let count = items.len();
                part.parse::<usize>().ok().and_then(|index| items.get_mut(index)).ok_or_else(|| {
                    format!("override `{key}`: `{part}` is no index of an array of {count}, counted from 0")
                })?
            }
            _ => return Err(format!("override `{key}`: `{part}` lies below a plain value")),
        };
    }
    match at {
        toml::Value::Table(table) => {
            // A whole number where a decimal one stands is meant as one: learning_rate=1.
            let value = match (table.get(last), value) {
                (Some(toml::Value::Float(_)), toml::Value::Integer(whole)) => toml::Value::Float(whole as f64),
                (_, value) => value,
            };
            table.insert(last.to_owned(), value);
            Ok(())
        }
        toml::Value::Array(items) => {
            let count = items.len();
            let index = last.parse::<usize>().ok().filter(|&index| index < count);
            let index = index.ok_or_else(|| {
                format!("override `{key}`: `{last}` is no index of an array of {count}, counted from 0")
            })?;
            items[index] = value;
            Ok(())
        }
        _ => Err(format!("override `{key}`: `{last}` lies below a plain value")),
    }
}

/// Turns serde's message into the crate's error: line, key, and the nearest valid key for an unknown one.
fn explain(error: &toml::de::Error, origin: &str, text: Option<&str>) -> Error {
    let line = match (error.span(), text) {
        (Some(span), Some(text)) => {
            let before = text.as_bytes().iter().take(span.start).filter(|&&byte| byte == b'\n').count();
            format!("line {}: ", before + 1)
        }
        _ => String::new(),
    };
    let message = error.message().to_owned();
    let hint = match unknown_and_known(&message) {
        Some((unknown, known)) => match nearest(unknown, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => String::new(),
        },
        None => "recipes/paper.toml lists every key with its default and its alternatives".to_owned(),
    };
    Error::Recipe { origin: origin.to_owned(), problem: format!("{line}{message}"), hint }
}

/// From "unknown field `x`, expected one of `a`, `b`": x and [a, b].
fn unknown_and_known(message: &str) -> Option<(&str, Vec<&str>)> {
    if !(message.starts_with("unknown field") || message.starts_with("unknown variant")) {
        return None;
    }
    let mut quoted = message.split('`').skip(1).step_by(2);
    let unknown = quoted.next()?;
    Some((unknown, quoted.collect()))
}

/// The known word with the fewest edits, if they are at most half of the word.
fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let (edits, near) = known.map(|candidate| (edits(word, candidate), candidate)).min()?;
    (edits * 2 <= word.chars().count().max(near.chars().count())).then_some(near)
}

/// Levenshtein's distance.
fn edits(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, &b) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[other.len()]
}
