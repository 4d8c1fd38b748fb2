//! The lines of a header: fields by name, nothing understood yet.

use std::collections::BTreeMap;
use std::path::Path;

use crate::error::{Error, Result};
use crate::format::text::{Lines, MOST_HEADER_BYTES};

/// What to do about a header that contradicts the format.
pub(super) const DAMAGED: &str = "the header is damaged";

/// The fields of a header.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    pub(super) path: &'a Path,
    /// Field to what stands behind the colon; names in lower case without spaces.
    fields: BTreeMap<String, String>,
    /// First byte behind the blank line, or the length of a header without one.
    pub(super) end: u64,
}

impl<'a> Fields<'a> {
    /// Reads the lines up to the blank one.
    pub(super) fn parse(path: &'a Path) -> Result<Self> {
        let mut lines = Lines::open(path)?;
        let magic = lines.next(path)?.unwrap_or_default();
        let version = magic.strip_prefix("NRRD").and_then(|version| version.parse::<u32>().ok());
        if !matches!(version, Some(1..=5)) {
            let problem = format!("its first line is {magic:?}, expected NRRD0001 to NRRD0005");
            return Err(Error::unsupported(path, problem, "save it as NRRD0004 or NRRD0005"));
        }
        let mut fields = BTreeMap::new();
        while let Some(line) = lines.next(path)? {
            if line.is_empty() {
                break;
            }
            // Comments, and pairs of names and values that other programs keep for themselves.
            let colon = line.find(':');
            if line.starts_with('#') || colon.is_some_and(|at| line[at..].starts_with(":=")) {
                continue;
            }
            let Some(at) = colon else {
                let problem = format!("line {} of its header is no field", lines.number());
                return Err(Error::invalid(path, problem, DAMAGED));
            };
            let name = line[..at].trim().to_ascii_lowercase().replace(' ', "");
            if fields.insert(name.clone(), line[at + 1..].trim().to_owned()).is_some() {
                return Err(Error::invalid(path, format!("field `{name}` stands in it twice"), DAMAGED));
            }
        }
        if lines.at_limit() {
            let problem = format!("no blank line ends its header within {MOST_HEADER_BYTES} bytes");
            return Err(Error::invalid(path, problem, DAMAGED));
        }
        Ok(Self { path, fields, end: lines.position() })
    }

    /// A field by one of its names, which are written without spaces.
    pub(super) fn get(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| self.fields.get(*name)).map(String::as_str)
    }

    /// A field that must be there.
    pub(super) fn need(&self, name: &str) -> Result<&str> {
        self.get(&[name]).ok_or_else(|| self.invalid(format!("field `{name}` is missing")))
    }

    /// An error in the header.
    pub(super) fn invalid(&self, problem: String) -> Error {
        Error::invalid(self.path, problem, DAMAGED)
    }
}
