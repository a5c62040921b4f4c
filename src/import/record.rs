//! One line of an import: what it is, and its body in the form of the API.
//!
//! Over and above the API's members a line may say, for samples, `closes_in_days` (offerings), and `starts_in_days` with
//! `starts_time` and `duration_minutes` (events): they become dates relative to the day of import.

use chrono::{DateTime, Days, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use serde_json::{Map, Value, json};

use crate::faults::Faults;
use crate::values::codes;

codes!(
    /// What a line holds.
    RecordKind {
        Profile = "profile",
        Need = "need",
        Offering = "offering",
        Event = "event",
    }
);

/// A line whose frame is good; its body is still to be held against the schema.
#[derive(Debug, Clone)]
pub struct Record {
    pub kind: RecordKind,
    pub key: String,
    /// Of a profile: the e-mail address of the account that manages it.
    pub owner: Option<String>,
    pub fictional: bool,
    /// Of anything else: the key of the profile that it belongs to.
    pub profile: Option<String>,
    pub body: Map<String, Value>,
}

impl Record {
    /// Reads a line; relative dates count from `now`.
    ///
    /// # Errors
    /// All faults of the frame.
    pub fn parse(line: &str, now: DateTime<Utc>) -> Result<Record, Faults> {
        let value: Value = serde_json::from_str(line)
            .map_err(|fault| Faults::one("", "malformed_json", fault.to_string()))?;
        let Value::Object(mut body) = value else {
            return Err(Faults::one("", "type", "a line must be a JSON object"));
        };
        let mut faults = Faults::default();
        let kind = text(&mut body, "record").and_then(|code| code.parse::<RecordKind>().ok());
        let key = text(&mut body, "key").filter(|key| (1..=120).contains(&key.chars().count()));
        faults.check(kind.is_some(), "/record", "record", "must be profile, need, offering or event");
        faults.check(key.is_some(), "/key", "key", "must be a text of 1 to 120 characters");
        let (Some(kind), Some(key)) = (kind, key) else { return Err(faults) };
        let owner = text(&mut body, "owner");
        let fictional = body.remove("fictional").and_then(|value| value.as_bool()).unwrap_or(false);
        let profile = (kind != RecordKind::Profile).then(|| text(&mut body, "profile")).flatten();
        let belongs = kind == RecordKind::Profile || profile.is_some();
        faults.check(belongs, "/profile", "required", "must be the key of the profile that it belongs to");
        date_relative(&mut body, now, &mut faults);
        faults.or(Record { kind, key, owner, fictional, profile, body })
    }
}

fn text(body: &mut Map<String, Value>, name: &str) -> Option<String> {
    match body.remove(name) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    }
}

/// Turns the relative dates of a sample into the API's.
fn date_relative(body: &mut Map<String, Value>, now: DateTime<Utc>, faults: &mut Faults) {
    if let Some(days) = body.remove("closes_in_days") {
        match days.as_u64().and_then(|days| now.date_naive().checked_add_days(Days::new(days))) {
            Some(date) => {
                body.insert("closes_on".to_owned(), json!(date));
            }
            None => faults.add("/closes_in_days", "relative_date", "must be a number of days"),
        }
    }
    if let Some(days) = body.remove("starts_in_days") {
        let (time, minutes) = (body.remove("starts_time"), body.remove("duration_minutes"));
        let zone = body.get("zone").and_then(Value::as_str).and_then(|zone| zone.parse::<Tz>().ok());
        match zone.and_then(|zone| starts_at(&days, time.as_ref(), zone, now)) {
            Some(start) => {
                let minutes = minutes.and_then(|value| value.as_i64()).unwrap_or(60).clamp(1, 44_640);
                let end = start.checked_add_signed(TimeDelta::minutes(minutes)).unwrap_or(start);
                body.insert("starts_at".to_owned(), json!(start));
                body.insert("ends_at".to_owned(), json!(end));
            }
            None => faults.add(
                "/starts_in_days",
                "relative_date",
                "needs a number of days, starts_time as HH:MM and a known zone",
            ),
        }
    }
}

fn starts_at(days: &Value, time: Option<&Value>, zone: Tz, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let date = now.with_timezone(&zone).date_naive().checked_add_days(Days::new(days.as_u64()?))?;
    let time = NaiveTime::parse_from_str(time?.as_str()?, "%H:%M").ok()?;
    Some(zone.from_local_datetime(&date.and_time(time)).earliest()?.with_timezone(&Utc))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn a_relative_start_keeps_its_local_time() {
        let now: DateTime<Utc> = "2026-11-23T12:00:00Z".parse().unwrap();
        let line = r#"{"record":"event","key":"e","profile":"p","zone":"Europe/Vienna",
            "starts_in_days":1,"starts_time":"09:00","duration_minutes":90}"#;
        let record = Record::parse(line, now).unwrap();
        assert_eq!(record.body["starts_at"], "2026-11-24T08:00:00Z");
        assert_eq!(record.body["ends_at"], "2026-11-24T09:30:00Z");
    }

    #[test]
    fn every_fault_of_the_frame_is_named() {
        let now = Utc::now();
        let pointers = |line: &str| {
            Record::parse(line, now).unwrap_err().0.into_iter().map(|f| f.pointer).collect::<Vec<_>>()
        };
        assert_eq!(pointers("{}"), ["/record", "/key"]);
        assert_eq!(pointers("[]"), [""]);
        assert_eq!(pointers("nonsense"), [""]);
        assert_eq!(pointers(r#"{"record":"need","key":"n"}"#), ["/profile"]);
    }
}
