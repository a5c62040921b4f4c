//! The demonstration: a sample of real hubs and invented people, one ranked answer, and what to try next.

use std::fmt::Write;

use chrono::TimeDelta;
use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width};
use search_index::Kind;
use search_index::matching::{Match, MatchRequest};

use crate::accounts::{self, Account};
use crate::app::{App, AppError};
use crate::config::Config;
use crate::db::{Conn, DbError};
use crate::import::Report;
use crate::search::seeker;
use crate::values::Language;
use crate::{needs, profiles};

/// The sample, in the format of an import. Hubs and factories are real, from public knowledge; start-ups and mentors are
/// invented and say so.
const SAMPLE: [&str; 7] = [
    include_str!("sample/hubs.jsonl"),
    include_str!("sample/hub_offerings.jsonl"),
    include_str!("sample/startups.jsonl"),
    include_str!("sample/mentors.jsonl"),
    include_str!("sample/mentor_offerings.jsonl"),
    include_str!("sample/needs.jsonl"),
    include_str!("sample/events.jsonl"),
];

/// Address, name, language, role and shell variable of the accounts that can be tried.
const ACCOUNTS: [(&str, &str, &str, &str, &str); 4] = [
    ("founder@demo.example", "Demo Founder", "de", "a start-up", "STARTUP"),
    ("mentor@demo.example", "Demo Mentor", "fr", "a mentor", "MENTOR"),
    ("hub@demo.example", "Demo Hub", "de", "a hub's staff", "HUB"),
    ("admin@demo.example", "Demo Administrator", "en", "an administrator", "ADMIN"),
];

/// Their password.
const PASSWORD: &str = "demo-password-please-change";

/// The settings of the demonstration: tokens live for half a day, so that pasted lines keep working.
pub fn settings(config: Config) -> Config {
    Config { access_token_lifetime: TimeDelta::hours(12), ..config }
}

/// Loads the sample and the accounts; doing it again changes nothing.
pub fn load(app: &App, progress: &dyn Fn(usize)) -> Result<Report, AppError> {
    let now = app.clock.now();
    app.db.write_now(move |conn| {
        for (email, name, language, ..) in ACCOUNTS {
            let language: Language = language.parse().unwrap_or_else(|_| Language::english());
            accounts::ensure(conn, now, email, name, &language, Some(PASSWORD))?;
        }
        Ok::<_, accounts::AccountError>(accounts::grant_administrator(conn, now, "admin@demo.example")?)
    })?;
    Ok(app.import("sample", &SAMPLE.concat(), progress)?)
}

/// One ranked answer as a table with its reasons, and what to try next.
pub fn show(app: &App) -> Result<String, AppError> {
    let mut text = String::new();
    let now = app.clock.now();
    let Some((need, title)) = app.db.read_now(first_need)? else {
        return Ok("The sample holds no open need of the demo start-up.".to_owned());
    };
    let document = app.db.read_now(|conn| seeker(conn, Kind::Need, &need))?;
    let Some(document) = document else { return Ok(text) };
    let requester = document.profile.clone();
    let request = MatchRequest {
        want: vec![Kind::Profile],
        categories: vec!["mentor".to_owned()],
        languages: vec!["en".to_owned()],
        limit: 5,
        ..MatchRequest::new(document, now)
    };
    let page = app.matcher.rank(&app.searcher, &request)?;
    let _ = writeln!(text, "\nWho can help with “{title}”? The best of {} candidates:\n", page.considered);
    let _ = writeln!(text, "{}\n", table(&page.matches));
    let best = page.matches.first().map(|found| found.id.as_str());
    text.push_str(&invitation(app, &need, &requester, best)?);
    Ok(text)
}

/// Id and title of the first open need of the demo start-up.
fn first_need(conn: &mut Conn) -> Result<Option<(String, String)>, DbError> {
    let Some(founder) = accounts::find_by_email(conn, "founder@demo.example")? else { return Ok(None) };
    let Some(profile) = profiles::managed_by(conn, &founder.id)?.into_iter().next() else { return Ok(None) };
    let need = needs::open_of_profile(conn, &profile)?.into_iter().next();
    Ok(need.map(|need| (need.id.to_string(), need.content.title.text(&[]).to_owned())))
}

fn table(matches: &[Match]) -> Table {
    let mut table = Table::new();
    table
        .load_style(UTF8_HORIZONTAL_ONLY)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(110);
    table.set_header(["", "score", "who", "why"]);
    for (rank, found) in matches.iter().enumerate() {
        let concepts: Vec<&str> = found.concepts.iter().map(|concept| concept.label.as_str()).collect();
        let mut why = found.reason.clone();
        if !concepts.is_empty() {
            let _ = write!(why, "\nshared: {}", concepts.join(", "));
        }
        if let Some(evidence) = found.evidence.as_ref().and_then(|evidence| evidence.title.as_ref()) {
            let _ = write!(why, "\npast case: {}", evidence.text);
        }
        table.add_row([(rank + 1).to_string(), format!("{:.3}", found.score), found.title.text.clone(), why]);
    }
    if let Some(column) = table.column_mut(3) {
        column.set_constraint(ColumnConstraint::UpperBoundary(Width::Fixed(72)));
    }
    table
}

/// Tokens and lines to paste.
fn invitation(app: &App, need: &str, requester: &str, target: Option<&str>) -> Result<String, AppError> {
    let mut text = String::from(
        "Try it: paste the tokens into a shell (they hold for 12 hours), then any of the lines below.\n\n",
    );
    for (email, .., role, variable) in ACCOUNTS {
        let account: Option<Account> = app.db.read_now(|conn| accounts::find_by_email(conn, email))?;
        if let Some(account) = account {
            let token = app.tokens.issue(&account, app.clock.now())?;
            let _ = writeln!(text, "# {role}: {email}, password {PASSWORD}\n{variable}={token}\n");
        }
    }
    let base = app.config.public_url.as_str().trim_end_matches('/');
    let target = target.unwrap_or("the id of a profile");
    let _ = writeln!(
        text,
        "# three sentences of a visitor, in German, and who fits them\n\
         curl -s {base}/api/v1/matches -H 'Content-Type: application/json' -H 'Accept-Language: en' \\\n  \
           -d '{{\"description\":{{\"text\":\"Unsere Fräsmaschinen fallen ungeplant aus. Wir messen Schwingungen. Wer hat vorausschauende Wartung eingeführt?\"}},\"categories\":[\"mentor\"],\"limit\":3}}'\n\n\
         # search in any language\n\
         curl -s '{base}/api/v1/search?q=maintenance+pr%C3%A9dictive&facet=kind&facet=country&limit=3'\n\n\
         # who can help with the start-up's need\n\
         curl -s {base}/api/v1/matches -H \"Authorization: Bearer $STARTUP\" -H 'Content-Type: application/json' \\\n  \
           -d '{{\"need\":\"{need}\",\"categories\":[\"mentor\"],\"limit\":3}}'\n\n\
         # the start-up asks the first of them for an introduction\n\
         curl -s {base}/api/v1/introductions -H \"Authorization: Bearer $STARTUP\" -H 'Content-Type: application/json' \\\n  \
           -d '{{\"requester\":\"{requester}\",\"target\":\"{target}\",\"need\":\"{need}\",\"note\":\"Hätten Sie eine Stunde für uns?\"}}'\n\n\
         # the mentor accepts, and both get a mail with the other's contact (or follow the link in the mentor's mail)\n\
         ID=$(curl -s '{base}/api/v1/introductions?role=target&status=requested' -H \"Authorization: Bearer $MENTOR\" | grep -o 'int_[0-9A-Z]*' | head -n 1)\n\
         curl -s -X POST {base}/api/v1/introductions/$ID/accept -H \"Authorization: Bearer $MENTOR\"\n\n\
         # the mails: {mails}\n\n\
         # the hub's staff see the profiles that they manage; the administrator sees what became of mails\n\
         curl -s '{base}/api/v1/profiles?managed=true&limit=3' -H \"Authorization: Bearer $HUB\"\n\
         curl -s '{base}/api/v1/mails?limit=3' -H \"Authorization: Bearer $ADMIN\"\n",
        mails = app.config.mail.place(),
    );
    Ok(text)
}
