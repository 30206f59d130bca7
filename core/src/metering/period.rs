//! Calendar periods, in UTC.

use jiff::Timestamp;
use jiff::civil::{Date, date};
use jiff::tz::Offset;
use serde::{Deserialize, Serialize};

use crate::error::{GatekeeperError, Result};

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// A calendar period in UTC, over which usage is summed up and a quota applies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Period {
    /// An hour, from minute 0.
    Hour,
    /// A day, from 00:00.
    Day,
    /// A month, from its first day.
    #[default]
    Month,
}

/// A particular hour, day or month.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bucket {
    /// The start, Unix ms.
    pub(crate) starts: i64,
    /// The end, Unix ms, exclusive.
    pub(crate) ends: i64,
}

impl Period {
    /// Every period, shortest first.
    pub(crate) const ALL: [Self; 3] = [Self::Hour, Self::Day, Self::Month];

    /// The period's name in the database and in JSON.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Month => "month",
        }
    }

    /// The maximum number of whole periods of this kind in one of `other`; 1 if this one is as long or longer.
    pub(crate) const fn max_within(self, other: Self) -> i64 {
        match (self, other) {
            (Self::Hour, Self::Day) => 24,
            (Self::Day, Self::Month) => 31,
            (Self::Hour, Self::Month) => 24 * 31,
            _ => 1,
        }
    }

    /// The period of a stored name.
    pub(crate) fn stored(text: &str) -> Result<Self> {
        let known = Self::ALL.into_iter().find(|period| period.as_str() == text);
        known.ok_or_else(|| GatekeeperError::internal("a stored period has an unknown name"))
    }

    /// The bucket that contains this moment, Unix ms. Times after the year 9999 belong to its last month.
    pub(crate) fn bucket(self, now: i64) -> Bucket {
        let of = |length: i64| {
            let starts = now.saturating_sub(now.rem_euclid(length));
            Bucket { starts, ends: starts.saturating_add(length) }
        };
        match self {
            Self::Hour => of(HOUR_MS),
            Self::Day => of(DAY_MS),
            Self::Month => month(now),
        }
    }
}

fn month(now: i64) -> Bucket {
    let out_of_range = if now < 0 { Timestamp::MIN } else { Timestamp::MAX };
    let moment = Timestamp::from_millisecond(now).unwrap_or(out_of_range);
    let first = Offset::UTC.to_datetime(moment).date().first_of_month();
    // There is no month after December 9999.
    let next = first.last_of_month().tomorrow().map_or(i64::MAX, unix_ms);
    Bucket { starts: unix_ms(first), ends: next }
}

fn unix_ms(day: Date) -> i64 {
    const EPOCH: Date = date(1970, 1, 1);
    day.duration_since(EPOCH).as_hours() * HOUR_MS
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    fn month_of(text: &str) -> (String, String) {
        let Bucket { starts, ends } = Period::Month.bucket(at(text));
        let text = |ms| Timestamp::from_millisecond(ms).unwrap().to_string();
        (text(starts), text(ends))
    }

    #[test]
    fn a_month_begins_and_ends_where_the_calendar_says_leap_years_too() {
        for (moment, starts, ends) in [
            ("2026-01-31T23:59:59.999Z", "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"),
            ("2026-02-01T00:00:00Z", "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"),
            ("2028-02-29T12:00:00Z", "2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z"),
            ("2100-02-28T23:59:59.999Z", "2100-02-01T00:00:00Z", "2100-03-01T00:00:00Z"),
            ("2026-12-31T23:59:59.999Z", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"),
            ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "1970-02-01T00:00:00Z"),
        ] {
            assert_eq!(month_of(moment), (starts.to_owned(), ends.to_owned()));
        }
    }

    #[test]
    fn a_leap_day_is_a_separate_day() {
        let leap = Period::Day.bucket(at("2028-02-29T23:59:59.999Z"));
        assert_eq!((leap.starts, leap.ends), (at("2028-02-29T00:00:00Z"), at("2028-03-01T00:00:00Z")));
    }

    proptest! {
        #[test]
        fn every_moment_is_in_its_bucket_and_buckets_follow_each_other(now in 0..253_402_000_000_000_i64) {
            for period in Period::ALL {
                let bucket = period.bucket(now);
                prop_assert!(bucket.starts <= now && now < bucket.ends);
                prop_assert_eq!(period.bucket(bucket.starts), bucket);
                prop_assert_eq!(period.bucket(bucket.ends - 1), bucket);
                prop_assert_eq!(period.bucket(bucket.ends).starts, bucket.ends);
            }
        }

        #[test]
        fn no_moment_is_too_early_or_too_late(now: i64) {
            for period in Period::ALL {
                let bucket = period.bucket(now);
                prop_assert!(bucket.starts < bucket.ends);
            }
        }
    }
}
