//! What the caller says of an object: which algorithm made it and when.

use std::time::{SystemTime, UNIX_EPOCH};

use dicom_dictionary_std::tags;

use super::super::dataset::DataSet;
use crate::error::{Error, Result};

/// Seconds of a day.
const DAY: i64 = 86_400;
/// The last second of the year 9999, which dates in DICOM can name.
const LATEST: i64 = 253_402_300_799;

/// What the caller says of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// What made the content.
    pub algorithm: Algorithm,
    /// When.
    pub created: Timestamp,
    /// Whether identifying UIDs that the source lacks may be made from its content.
    pub new_study: bool,
}

/// What made the content of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Algorithm {
    /// Its name, in ASCII and at most 64 characters with the version.
    pub name: String,
    /// Its version; empty if nobody knows.
    pub version: String,
    /// How much a person did.
    pub kind: AlgorithmKind,
}

impl Algorithm {
    /// The version in words, for attributes that must not be empty: dsrdump refuses a report with an empty text.
    pub(in crate::format::dicom) fn version_in_words(&self) -> &str {
        if self.version.is_empty() { "unknown" } else { &self.version }
    }
}

/// How much a person did (SegmentAlgorithmType).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlgorithmKind {
    /// Nothing: a program did it all.
    Automatic,
    /// Some: a program was guided or its result was corrected.
    SemiAutomatic,
    /// All.
    Manual,
}

impl AlgorithmKind {
    /// The term of the standard.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Automatic => "AUTOMATIC",
            Self::SemiAutomatic => "SEMIAUTOMATIC",
            Self::Manual => "MANUAL",
        }
    }
}

/// A moment, in whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timestamp {
    /// Since 1970-01-01 00:00:00 UTC.
    seconds: i64,
}

impl Timestamp {
    /// A moment in seconds since 1970 (UTC).
    ///
    /// # Errors
    /// [`Error::Value`] before 1970 or after the year 9999.
    pub fn from_seconds(seconds: i64) -> Result<Self> {
        if (0..=LATEST).contains(&seconds) {
            Ok(Self { seconds })
        } else {
            Err(Error::Value { problem: format!("{seconds} seconds since 1970: expected 0 to {LATEST}") })
        }
    }

    /// `SOURCE_DATE_EPOCH` (seconds since 1970), or the clock where it is not set.
    ///
    /// # Errors
    /// [`Error::Value`] if the variable is no such number.
    pub fn from_environment() -> Result<Self> {
        match std::env::var_os("SOURCE_DATE_EPOCH") {
            Some(text) => {
                let seconds = text.to_str().and_then(|text| text.trim().parse().ok());
                let problem = || "SOURCE_DATE_EPOCH is not a number of seconds since 1970".to_owned();
                Self::from_seconds(seconds.ok_or_else(|| Error::Value { problem: problem() })?)
            }
            None => {
                let elapsed = SystemTime::now().duration_since(UNIX_EPOCH);
                Self::from_seconds(elapsed.map_or(0, |elapsed| elapsed.as_secs() as i64))
            }
        }
    }

    /// The moment as the source tells times: by its TimezoneOffsetFromUTC, or in UTC where it has none.
    ///
    /// That attribute holds for every date and time of an object, the copied ones included, so none is added.
    pub(in super::super) fn in_zone_of(self, header: &DataSet) -> Local {
        let offset = header.ascii(tags::TIMEZONE_OFFSET_FROM_UTC).and_then(offset_minutes);
        Local { seconds: self.seconds + 60 * offset.unwrap_or(0), offset_minutes: offset.unwrap_or(0) }
    }
}

/// Minutes of `+0530` and the like.
fn offset_minutes(text: &str) -> Option<i64> {
    let (sign, digits) = text.split_at_checked(1)?;
    if digits.len() != 4 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let number: i64 = digits.parse().ok()?;
    let minutes = number / 100 * 60 + number % 100;
    match sign {
        "+" if minutes <= 14 * 60 => Some(minutes),
        "-" if minutes <= 12 * 60 => Some(-minutes),
        _ => None,
    }
}

/// A moment on the wall clock of a time zone.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Local {
    /// Since 1970-01-01 00:00:00 there.
    seconds: i64,
    offset_minutes: i64,
}

impl Local {
    /// `YYYYMMDD`.
    pub(in super::super) fn date(self) -> String {
        let (year, month, day) = civil(self.seconds.div_euclid(DAY));
        format!("{year:04}{month:02}{day:02}")
    }

    /// `HHMMSS`.
    pub(in super::super) fn time(self) -> String {
        let second = self.seconds.rem_euclid(DAY);
        format!("{:02}{:02}{:02}", second / 3600, second / 60 % 60, second % 60)
    }

    /// `YYYYMMDDHHMMSS+ZZZZ`: complete by itself.
    pub(in super::super) fn date_time(self) -> String {
        let sign = if self.offset_minutes < 0 { '-' } else { '+' };
        let minutes = self.offset_minutes.abs();
        format!("{}{}{sign}{:02}{:02}", self.date(), self.time(), minutes / 60, minutes % 60)
    }
}

/// Year, month and day of a number of days since 1970-01-01 in the Gregorian calendar.
///
/// After Howard Hinnant, "chrono-compatible low-level date algorithms": years begin in March, so that the leap day is
/// the last one.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By `date -u -d @seconds`.
    #[test]
    fn moments_are_dates_and_times() {
        for (seconds, expected) in [
            (0, "19700101000000+0000"),
            (951_782_399, "20000228235959+0000"),
            (951_825_600, "20000229120000+0000"),
            (1_790_000_000, "20260921141320+0000"),
            (4_107_542_400, "21000301000000+0000"),
            (LATEST, "99991231235959+0000"),
        ] {
            let moment = Timestamp::from_seconds(seconds).unwrap();
            assert_eq!(moment.in_zone_of(&DataSet::new()).date_time(), expected, "{seconds}");
        }
        assert!(Timestamp::from_seconds(-1).is_err());
        assert!(Timestamp::from_seconds(LATEST + 1).is_err());
    }

    #[test]
    fn times_follow_the_zone_of_the_source() {
        let moment = Timestamp::from_seconds(1_790_000_000).unwrap();
        let local = |zone: &str| {
            let mut header = DataSet::new();
            header.put_text(tags::TIMEZONE_OFFSET_FROM_UTC, zone);
            moment.in_zone_of(&header).date_time()
        };
        assert_eq!(local("+0530"), "20260921194320+0530");
        assert_eq!(local("-0300"), "20260921111320-0300");
        assert_eq!(local("+1400"), "20260922041320+1400");
        assert_eq!(local("later"), "20260921141320+0000");
    }
}
