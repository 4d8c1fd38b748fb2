//! Dates and times: moved by whole days, or not recognised and removed.

/// A DA value moved by `days`; `None` if it is no date. The old form with points is read too.
pub(super) fn shift_date(value: &str, days: i64) -> Option<String> {
    let digits: String = match value.as_bytes() {
        [_, _, _, _, b'.', _, _, b'.', _, _] => value.replace('.', ""),
        _ => value.to_owned(),
    };
    if digits.len() != 8 || !is_digits(&digits) {
        return None;
    }
    let (year, month, day) = (digits[..4].parse().ok()?, digits[4..6].parse().ok()?, digits[6..].parse().ok()?);
    let serial = days_from_civil(year, month, day);
    if civil_from_days(serial) != (year, month, day) {
        return None;
    }
    let (year, month, day) = civil_from_days(serial + days);
    (0..=9999).contains(&year).then(|| format!("{year:04}{month:02}{day:02}"))
}

/// A DT value moved by `days`; its time of day stays, its time zone goes. `None` if it names no day or is no date.
pub(super) fn shift_date_time(value: &str, days: i64) -> Option<String> {
    let value = value.split(['+', '-']).next()?;
    let (date, time) = (value.get(..8)?, value.get(8..)?);
    let date = shift_date(date, days)?;
    if time.is_empty() { Some(date) } else { Some(date + &time_of_day(time)?) }
}

/// A TM value without the colons of its old form; `None` if it is no time.
pub(super) fn time_of_day(value: &str) -> Option<String> {
    let value = value.replace(':', "");
    let (whole, fraction) = value.split_once('.').map_or((value.as_str(), None), |(w, f)| (w, Some(f)));
    if !matches!(whole.len(), 2 | 4 | 6) || !is_digits(whole) {
        return None;
    }
    // 60 is a leap second.
    let limits = [23, 59, 60];
    for (at, limit) in (0..whole.len()).step_by(2).zip(limits) {
        if whole[at..at + 2].parse::<u32>().ok()? > limit {
            return None;
        }
    }
    match fraction {
        None => Some(whole.to_owned()),
        Some(f) if whole.len() == 6 && (1..=6).contains(&f.len()) && is_digits(f) => Some(value),
        Some(_) => None,
    }
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Days since 1970-01-01 in the Gregorian calendar, after Howard Hinnant's `days_from_civil`.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// The inverse of [`days_from_civil`].
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_move_by_days_and_keep_their_distance() {
        assert_eq!(shift_date("20200301", -1).as_deref(), Some("20200229"));
        assert_eq!(shift_date("20210301", -1).as_deref(), Some("20210228"));
        assert_eq!(shift_date("20200101", -366).as_deref(), Some("20181231"));
        assert_eq!(shift_date("2020.01.01", 31).as_deref(), Some("20200201"));
        for wrong in ["20200230", "20201301", "2020", "2020010", "202001011", "SMITH^JO", "２０２０"] {
            assert_eq!(shift_date(wrong, 0), None, "{wrong}");
        }
        for days in (-200_000..200_000).step_by(17) {
            let (year, month, day) = civil_from_days(days);
            assert_eq!(days_from_civil(year, month, day), days);
        }
        assert_eq!(days_from_civil(2000, 3, 1), 11_017);
    }

    #[test]
    fn a_time_of_day_stays_and_a_zone_goes() {
        assert_eq!(shift_date_time("20200102120301.25+0100", -1).as_deref(), Some("20200101120301.25"));
        assert_eq!(shift_date_time("20200102", -1).as_deref(), Some("20200101"));
        assert_eq!(shift_date_time("202001", -1), None, "a month cannot move by days");
        assert_eq!(shift_date_time("20200102CANARY", -1), None);
        assert_eq!(time_of_day("12:03:01").as_deref(), Some("120301"));
        assert_eq!(time_of_day("120301.123456").as_deref(), Some("120301.123456"));
        for wrong in ["2503", "12036", "120301.", "120301.1234567", "1203.5", "noon", "１２"] {
            assert_eq!(time_of_day(wrong), None, "{wrong}");
        }
    }
}
