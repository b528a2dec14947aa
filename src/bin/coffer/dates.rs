//! Dates and periods as people write them: `2027-01-31`, `2027-01-31T12:00:00Z`, `90d`, `2y`.

use coffer_pkcs11::policy::time_text;
use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time};

use crate::failure::{Failure, Result};

/// Which end of a day is meant where only a day is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// Its first second.
    From,
    /// The first second after it.
    Through,
}

/// The time in seconds since 1970 UTC. A period counts from `now`.
pub fn parse(text: &str, now: u64, edge: Edge) -> Result<u64> {
    let time = instant(text, edge).or_else(|| Period::parse(text)?.after(now));
    time.ok_or_else(|| {
        Failure::new(format!("`{text}` is no date")).advise(
            "write a day in UTC such as 2027-01-31, a time such as 2027-01-31T12:00:00Z, or a period from now such as 90d, 6m or 2y",
        )
    })
}

fn instant(text: &str, edge: Edge) -> Option<u64> {
    let (day, time) = match text.split_once('T') {
        Some((day, time)) => (day, Some(time.strip_suffix('Z')?)),
        None => (text, None),
    };
    let numbers = |text: &str, separator| -> Option<Vec<u16>> {
        text.split(separator).map(|number| number.parse().ok()).collect()
    };
    let [year, month, day] = numbers(day, '-')?[..] else { return None };
    let date = date(i32::from(year), u8::try_from(month).ok()?, u8::try_from(day).ok()?)?;
    let Some(time) = time else {
        let date = if edge == Edge::Through { date.next_day()? } else { date };
        return seconds(date.midnight());
    };
    let [hour, minute, second] = numbers(time, ':')?[..] else { return None };
    let byte = |number| u8::try_from(number).ok();
    seconds(date.with_time(Time::from_hms(byte(hour)?, byte(minute)?, byte(second)?).ok()?))
}

fn date(year: i32, month: u8, day: u8) -> Option<Date> {
    Date::from_calendar_date(year, Month::try_from(month).ok()?, day).ok()
}

fn seconds(time: PrimitiveDateTime) -> Option<u64> {
    u64::try_from(time.assume_utc().unix_timestamp()).ok()
}

/// A length of time: days or weeks of 86,400 seconds, months and years of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    Hours(u64),
    Days(u64),
    Months(u64),
}

impl Period {
    /// `36h`, `90d`, `12w`, `6m`, `2y`.
    pub fn parse(text: &str) -> Option<Self> {
        let unit = text.chars().last()?;
        let number: u64 = text.strip_suffix(unit)?.parse().ok()?;
        match unit {
            'h' => Some(Self::Hours(number)),
            'd' => Some(Self::Days(number)),
            'w' => Some(Self::Days(number.checked_mul(7)?)),
            'm' => Some(Self::Months(number)),
            'y' => Some(Self::Months(number.checked_mul(12)?)),
            _ => None,
        }
    }

    /// The time so long after another. A day that its month does not have is the month's last.
    pub fn after(self, start: u64) -> Option<u64> {
        match self {
            Self::Hours(hours) => start.checked_add(hours.checked_mul(3600)?),
            Self::Days(days) => start.checked_add(days.checked_mul(86_400)?),
            Self::Months(months) => {
                let start = OffsetDateTime::from_unix_timestamp(i64::try_from(start).ok()?).ok()?;
                let sum = u64::from(u8::from(start.month()) - 1).checked_add(months)?;
                let year = start.year().checked_add(i32::try_from(sum / 12).ok()?)?;
                let month = Month::try_from(u8::try_from(sum % 12).ok()? + 1).ok()?;
                let day = start.day().min(month.length(year));
                let date = Date::from_calendar_date(year, month, day).ok()?;
                seconds(date.with_time(start.time()))
            }
        }
    }
}

/// A length of time in seconds, for an option. A month has 30 days here, and a year 365.
pub fn length(text: &str) -> std::result::Result<u64, String> {
    let seconds = match Period::parse(text) {
        Some(Period::Hours(hours)) => hours.checked_mul(3600),
        Some(Period::Days(days)) => days.checked_mul(86_400),
        // A year is no twelve months of 30 days.
        Some(Period::Months(months)) => (months / 12)
            .checked_mul(365)
            .and_then(|days| days.checked_add(months % 12 * 30)?.checked_mul(86_400)),
        None => None,
    };
    seconds.ok_or_else(|| format!("`{text}` is no length of time; write 12h, 30d, 2w, 6m or 1y"))
}

/// The time for programs: `2026-11-24T10:00:00Z`.
pub fn moment(seconds: u64) -> String {
    let known =
        i64::try_from(seconds).ok().and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
    let told = |at: OffsetDateTime| {
        let (year, month, day) = (at.year(), u8::from(at.month()), at.day());
        let (hour, minute, second) = (at.hour(), at.minute(), at.second());
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    };
    known.map_or_else(|| "unknown".into(), told)
}

/// The time for people.
pub fn show(seconds: u64) -> String {
    time_text(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-24 00:00:00 UTC.
    const TODAY: u64 = 1_795_478_400;

    fn told(text: &str, edge: Edge) -> Option<String> {
        parse(text, TODAY, edge).ok().map(show)
    }

    #[test]
    fn a_day_begins_with_its_first_second_and_ends_with_its_last() {
        assert_eq!(told("2026-11-24", Edge::From).as_deref(), Some("2026-11-24 00:00:00 UTC"));
        assert_eq!(told("2026-12-31", Edge::Through).as_deref(), Some("2027-01-01 00:00:00 UTC"));
        assert_eq!(told("2026-12-31T23:59:59Z", Edge::Through).as_deref(), Some("2026-12-31 23:59:59 UTC"));
    }

    #[test]
    fn periods_count_from_now_and_keep_to_the_calendar() {
        assert_eq!(told("90d", Edge::From).as_deref(), Some("2027-02-22 00:00:00 UTC"));
        assert_eq!(told("2y", Edge::From).as_deref(), Some("2028-11-24 00:00:00 UTC"));
        assert_eq!(told("36h", Edge::From).as_deref(), Some("2026-11-25 12:00:00 UTC"));
        let leap_day = parse("2028-02-29", TODAY, Edge::From).unwrap();
        assert_eq!(Period::Months(12).after(leap_day).map(show).as_deref(), Some("2029-02-28 00:00:00 UTC"));
    }

    #[test]
    fn lengths_and_moments_are_plain_numbers_of_seconds() {
        assert_eq!((length("30d"), length("2w"), length("0d")), (Ok(30 * 86_400), Ok(14 * 86_400), Ok(0)));
        assert_eq!((length("1y"), length("6m")), (Ok(365 * 86_400), Ok(180 * 86_400)));
        for text in ["", "30", "d", "-1d", "1.5d", "3é", "99999999999999999999d", "9999999999999999999y"] {
            assert!(length(text).is_err(), "{text}");
        }
        assert_eq!(moment(TODAY + 36_000), "2026-11-24T10:00:00Z");
        assert_eq!(moment(u64::MAX), "unknown");
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in
            ["", "tomorrow", "2026-02-30", "2026-11-24T10:00", "-5d", "5", "d", "99999999999999999999y"]
        {
            assert_eq!(told(text, Edge::From), None, "{text}");
        }
    }
}
