//! An event as an iCalendar file (RFC 5545), for one's own calendar.
//!
//! Times are written in UTC, which every calendar shows in its reader's own zone and which no change of zone rules can
//! make ambiguous. The entry keeps its UID for life; SEQUENCE tells a calendar that it has changed.

use icalendar::{Calendar, CalendarDateTime, Component, EventLike, EventStatus as Status, Property};

use super::model::{Event, EventStatus};
use crate::values::Language;

/// The file, with texts in the first of `languages` that there is.
pub fn file(event: &Event, languages: &[Language]) -> String {
    let mut calendar = Calendar::empty();
    for (name, value) in [
        ("VERSION", "2.0"),
        ("PRODID", "-//aihub//events//EN"),
        ("CALSCALE", "GREGORIAN"),
        ("X-WR-TIMEZONE", event.content.tz().name()),
    ] {
        calendar.append_property(Property::new(name, value));
    }
    calendar.push(entry(event, languages));
    calendar.to_string()
}

fn entry(event: &Event, languages: &[Language]) -> icalendar::Event {
    let content = &event.content;
    let mut entry = icalendar::Event::with_uid(&format!("{}@aihub", event.id));
    // Without a METHOD, DTSTAMP says when the entry was last revised (3.8.7.2).
    entry
        .timestamp(event.updated_at)
        .last_modified(event.updated_at)
        .created(event.created_at)
        .sequence(u32::try_from(event.sequence).unwrap_or(0))
        .status(status(event.status))
        .summary(&text(content.title.text(languages)))
        .description(&text(content.description.text(languages)))
        .starts(CalendarDateTime::Utc(content.starts_at))
        .ends(CalendarDateTime::Utc(content.ends_at));
    if let Some(venue) = &content.venue {
        entry.location(&text(&venue.line()));
        if let Some(location) = venue.location {
            entry.add_property("GEO", format!("{};{}", location.lat, location.lon));
        }
    }
    if let Some(url) = &content.url {
        entry.url(url);
    }
    entry.done()
}

fn status(status: EventStatus) -> Status {
    match status {
        EventStatus::Draft | EventStatus::Postponed => Status::Tentative,
        EventStatus::Cancelled => Status::Cancelled,
        EventStatus::Scheduled | EventStatus::Rescheduled | EventStatus::MovedOnline | EventStatus::Held => {
            Status::Confirmed
        }
    }
}

/// A line feed is the only control character that a value may hold (3.3.11), and it is escaped when written.
fn text(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::model::samples::{content, now};
    use super::*;
    use crate::values::{Location, Multilingual};

    /// The file's lines, with folded ones joined again (3.1).
    fn lines(event: &Event) -> Vec<String> {
        let file = file(event, &["de".parse().unwrap()]);
        assert!(file.split("\r\n").all(|line| line.len() <= 75 && !line.contains(['\n', '\r'])), "{file}");
        file.replace("\r\n ", "").split_terminator("\r\n").map(str::to_owned).collect()
    }

    #[test]
    fn an_entry_has_what_a_calendar_needs() {
        let event = Event { status: EventStatus::Rescheduled, sequence: 3, ..Event::new(now(), content()) };
        let lines = lines(&event);
        let uid = format!("UID:{}@aihub", event.id);
        for line in [
            "BEGIN:VCALENDAR",
            "VERSION:2.0",
            "PRODID:-//aihub//events//EN",
            "X-WR-TIMEZONE:Europe/Vienna",
            "BEGIN:VEVENT",
            &uid,
            "SEQUENCE:3",
            "STATUS:CONFIRMED",
            "DTSTAMP:20261101T120000Z",
            "LAST-MODIFIED:20261101T120000Z",
            "DTSTART:20261124T080000Z",
            "DTEND:20261124T150000Z",
            "SUMMARY:Werkstatttag",
            "DESCRIPTION:Bring your data.",
            "LOCATION:Testhalle\\, Musterstraße 1\\, 1020 Wien\\, AT",
            "URL:https://hub.example/day",
            "END:VEVENT",
        ] {
            assert_eq!(lines.iter().filter(|found| *found == line).count(), 1, "{line} in {lines:#?}");
        }
        assert_eq!(lines.last().unwrap(), "END:VCALENDAR");
    }

    #[test]
    fn no_text_can_add_a_line_of_its_own() {
        let mut content = content();
        let evil = "a\r\nATTENDEE:mailto:x@example.eu\rEND:VEVENT\nb; c, d\\ ".to_owned() + &"ä€𝄞".repeat(60);
        content.title = Multilingual([("de".parse().unwrap(), evil.clone())].into());
        if let Some(venue) = &mut content.venue {
            venue.name = Some(evil);
            venue.location = Some(Location { lat: 48.21, lon: -16.37 });
        }
        let event = Event { status: EventStatus::Cancelled, ..Event::new(now(), content) };
        let lines = lines(&event);
        assert!(!lines.iter().any(|line| line.starts_with("ATTENDEE")));
        assert_eq!(lines.iter().filter(|line| *line == "END:VEVENT").count(), 1);
        assert!(lines.iter().any(|line| {
            line.starts_with("SUMMARY:a\\nATTENDEE:mailto:x@example.eu\\nEND:VEVENT\\nb\\; c\\, d\\\\ ")
        }));
        assert!(lines.contains(&"GEO:48.21;-16.37".to_owned()));
        assert!(lines.contains(&"STATUS:CANCELLED".to_owned()));
    }
}
