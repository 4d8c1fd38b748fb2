//! The lines of a header: `Key = Value`, up to `ElementDataFile`.

use std::collections::BTreeMap;
use std::path::Path;

use crate::error::{Error, Result};
use crate::format::text::{Lines, MOST_HEADER_BYTES};

/// What to do about a header that contradicts the format.
const DAMAGED: &str = "the header is damaged";

/// Keys that a header may begin with.
const FIRST_KEYS: &[&str] = &[
    "ObjectType",
    "NDims",
    "Comment",
    "ObjectSubType",
    "Name",
    "ID",
    "ParentID",
    "BinaryData",
    "BinaryDataByteOrderMSB",
    "ElementByteOrderMSB",
    "CompressedData",
    "TransformMatrix",
    "Offset",
    "DimSize",
    "ElementType",
    "ElementSpacing",
    "TransformType",
    "Modality",
    "AnatomicalOrientation",
];

/// Whether the bytes begin with `Key =` for a key of the format.
pub(super) fn begins(head: &[u8]) -> bool {
    let Some(at) = head.iter().take(64).position(|&byte| byte == b'=') else { return false };
    let key = head[..at].trim_ascii();
    FIRST_KEYS.iter().any(|known| known.as_bytes() == key)
}

/// The fields of a header.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    pub(super) path: &'a Path,
    fields: BTreeMap<String, String>,
    /// First byte behind the line `ElementDataFile`.
    pub(super) end: u64,
}

impl<'a> Fields<'a> {
    /// Reads the lines up to `ElementDataFile`, which is the last of every header.
    pub(super) fn parse(path: &'a Path) -> Result<Self> {
        let mut lines = Lines::open(path)?;
        let mut fields = BTreeMap::new();
        while let Some(line) = lines.next(path)? {
            if line.trim().is_empty() {
                continue;
            }
            let Some((key, value)) = line.split_once('=') else {
                let problem = format!("line {} of its header is not of the form `Key = Value`", lines.number());
                return Err(Error::invalid(path, problem, DAMAGED));
            };
            let (key, value) = (key.trim().to_owned(), value.trim().to_owned());
            let is_last = key == "ElementDataFile";
            // Comments may come as often as they like.
            if key != "Comment" && fields.insert(key.clone(), value).is_some() {
                return Err(Error::invalid(path, format!("field {key} stands in it twice"), DAMAGED));
            }
            if is_last {
                return Ok(Self { path, fields, end: lines.position() });
            }
        }
        let problem = if lines.at_limit() {
            format!("field ElementDataFile does not come within {MOST_HEADER_BYTES} bytes")
        } else {
            "field ElementDataFile is missing".to_owned()
        };
        Err(Error::invalid(path, problem, DAMAGED))
    }

    /// A field by one of its names.
    pub(super) fn get(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| self.fields.get(*name)).map(String::as_str)
    }

    /// A field that must be there.
    pub(super) fn need(&self, names: &[&str]) -> Result<&str> {
        self.get(names).ok_or_else(|| self.invalid(format!("field {} is missing", names[0])))
    }

    /// `True` or `False`; MetaIO looks at the first letter.
    pub(super) fn flag(&self, names: &[&str]) -> Result<bool> {
        match self.get(names).map(|text| text.bytes().next().unwrap_or_default()) {
            None | Some(b'F' | b'f' | b'0') => Ok(false),
            Some(b'T' | b't' | b'1') => Ok(true),
            Some(_) => Err(self.invalid(format!("field {} is neither True nor False", names[0]))),
        }
    }

    /// An error in the header.
    pub(super) fn invalid(&self, problem: String) -> Error {
        Error::invalid(self.path, problem, DAMAGED)
    }
}
