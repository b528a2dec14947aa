//! CK_DATE as seconds since 1970 UTC (PKCS#11 section 3.4). The standard names no time zone: Coffer's days are those of UTC.

use time::{Date, Month, OffsetDateTime};

/// Seconds of a day.
const DAY: u64 = 86_400;

/// The first second of the day; `None` for an empty date.
pub(super) fn first_second(date: &[u8]) -> Option<u64> {
    let midnight = day(date)?.midnight().assume_utc().unix_timestamp();
    // Whatever was before 1970 has happened.
    Some(u64::try_from(midnight).unwrap_or(0))
}

/// The first second after the day; `None` for an empty date.
pub(super) fn second_after(date: &[u8]) -> Option<u64> {
    let midnight = day(date)?.midnight().assume_utc().unix_timestamp();
    Some(u64::try_from(midnight.saturating_add(DAY as i64)).unwrap_or(0))
}

/// The time for people: `2026-11-24 12:00:00 UTC`.
pub fn text(seconds: u64) -> String {
    let time =
        i64::try_from(seconds).ok().and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
    match time {
        Some(time) => {
            let (hour, minute, second) = (time.hour(), time.minute(), time.second());
            let (year, month, day) = (time.year(), u8::from(time.month()), time.day());
            format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
        }
        None => format!("{seconds} seconds after 1970"),
    }
}

/// A day that its month does not have, as the 31st of April, is the month's last.
fn day(date: &[u8]) -> Option<Date> {
    let text = std::str::from_utf8(date).ok().filter(|text| text.len() == 8)?;
    let year: i32 = text.get(..4)?.parse().ok()?;
    let month = Month::try_from(text.get(4..6)?.parse::<u8>().ok()?).ok()?;
    let day: u8 = text.get(6..)?.parse().ok()?;
    Date::from_calendar_date(year, month, day.min(month.length(year))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_in_utc() {
        assert_eq!(text(1_795_478_401), "2026-11-24 00:00:01 UTC");
        assert_eq!(text(u64::MAX), "18446744073709551615 seconds after 1970");
    }

    #[test]
    fn days_are_those_of_utc() {
        assert_eq!(first_second(b"19700101"), Some(0));
        assert_eq!(second_after(b"19700101"), Some(86_400));
        // date -ud '2026-11-24' +%s
        assert_eq!(first_second(b"20261124"), Some(1_795_478_400));
        assert_eq!(second_after(b"20240229"), first_second(b"20240301"));
    }

    #[test]
    fn a_day_that_the_month_does_not_have_is_its_last_and_the_past_is_past() {
        assert_eq!(first_second(b"20260231"), first_second(b"20260228"));
        assert_eq!(first_second(b"00010101"), Some(0));
        assert_eq!(first_second(b""), None);
        assert_eq!(first_second(b"2026-1-1"), None);
    }
}
