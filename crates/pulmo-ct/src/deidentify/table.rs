//! Table E.1-1 of DICOM PS3.15: what the Basic Profile and its options do to each attribute.

use std::collections::HashMap;
use std::sync::OnceLock;

use dicom_core::Tag;

/// The edition of the table's rows. The option columns are those of 2025; rows that came later have none, which removes more.
pub const EDITION: &str = "2026c";

/// Tag, action of the Basic Profile, options, keyword; remade by `oracles/deidentify/make.py`.
const TABLE: &str = include_str!("table_e1_1.tsv");

/// What a row allows: the letters of its Basic Profile column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Actions {
    /// X: remove.
    pub(super) remove: bool,
    /// Z: a value of length zero.
    pub(super) empty: bool,
    /// D: a dummy value.
    pub(super) dummy: bool,
    /// U: another UID, the same everywhere; in a sequence the references in it are followed.
    pub(super) uid: bool,
}

/// One attribute of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Row {
    pub(super) basic: Actions,
    /// The Retain Device Identity option keeps it (K; rows to be cleaned, C, are treated as if the option were absent).
    pub(super) is_device: bool,
    /// The Retain Patient Characteristics option keeps it (K).
    pub(super) is_characteristic: bool,
    /// The option Retain Longitudinal Temporal Information with Modified Dates changes it (C).
    pub(super) is_date: bool,
}

/// The row of an attribute, or `None` if the table does not name it.
///
/// Curves (50xx) and overlays (60xx) are not here: whole groups are removed.
pub(super) fn row(tag: Tag) -> Option<&'static Row> {
    static ROWS: OnceLock<HashMap<Tag, Row>> = OnceLock::new();
    ROWS.get_or_init(|| TABLE.lines().filter_map(parse).collect()).get(&tag)
}

fn parse(line: &str) -> Option<(Tag, Row)> {
    let mut columns = line.split('\t');
    let number = u32::from_str_radix(columns.next()?, 16).ok()?;
    let letters = columns.next()?;
    let options = columns.next()?;
    let basic = Actions {
        remove: letters.contains('X'),
        empty: letters.contains('Z'),
        dummy: letters.contains('D'),
        uid: letters.contains('U'),
    };
    let row = Row {
        basic,
        is_device: options.contains("device=K"),
        is_characteristic: options.contains("patient=K"),
        is_date: options.contains("dates="),
    };
    Some((Tag((number >> 16) as u16, (number & 0xffff) as u16), row))
}

#[cfg(test)]
mod tests {
    use super::*;
    use dicom_dictionary_std::tags;

    #[test]
    fn every_line_is_a_row() {
        let rows: Vec<_> = TABLE.lines().map(|line| parse(line).unwrap_or_else(|| panic!("{line}"))).collect();
        assert_eq!(rows.len(), 652);
        for (tag, row) in rows {
            let Actions { remove, empty, dummy, uid } = row.basic;
            assert!(remove || empty || dummy || uid, "{tag}");
        }
    }

    #[test]
    fn rows_are_those_of_the_standard() {
        let birth_date = row(tags::PATIENT_BIRTH_DATE).unwrap();
        assert_eq!(birth_date.basic, Actions { empty: true, ..Actions::default() });
        assert!(!birth_date.is_date && !birth_date.is_characteristic);
        assert!(row(tags::PATIENT_AGE).unwrap().is_characteristic);
        assert!(row(tags::DEVICE_SERIAL_NUMBER).unwrap().is_device);
        assert!(row(tags::ACQUISITION_DATE).unwrap().is_date);
        assert!(row(tags::SOP_INSTANCE_UID).unwrap().basic.uid);
        assert_eq!(row(tags::ROWS), None);
    }
}
