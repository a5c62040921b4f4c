//! Puts the same thing in the place of what is random in every run: ids, tokens, keys, cursors. The stand-in has the form
//! of what it stands for, and the same thing has the same stand-in throughout.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

/// Longest list and longest text that is shown.
const ITEMS: usize = 2;
const CHARACTERS: usize = 300;

const ID_PREFIXES: [&str; 7] = ["acc_", "prf_", "ned_", "ofr_", "evt_", "int_", "mai_"];
/// Characters of an id behind its prefix; of them those that tell the time come first.
const ULID: usize = 26;
const ULID_TIME: usize = 10;

#[derive(Default)]
pub struct StandIns(HashMap<String, usize>);

impl StandIns {
    /// Replaces what is random in a value, and shortens what is long.
    pub fn replace(&mut self, value: &mut Value) {
        match value {
            Value::Object(members) => {
                for (name, member) in members.iter_mut() {
                    match (name.as_str(), member.as_str()) {
                        ("refresh_token", Some(token)) => {
                            *member = format!("example-refresh-token-{:0>21}", self.number(token)).into();
                        }
                        ("x", Some(key)) => {
                            *member = format!("example-public-key-{:0>24}", self.number(key)).into();
                        }
                        ("next", Some(cursor)) => *member = self.cursor(cursor).into(),
                        _ => self.replace(member),
                    }
                }
            }
            Value::Array(items) => {
                items.truncate(ITEMS);
                items.iter_mut().for_each(|item| self.replace(item));
            }
            Value::String(text) => *text = shortened(&self.text(text)),
            Value::Number(number) if number.is_f64() => {
                // The last digits may depend on the order of additions.
                *value = ((number.as_f64().unwrap() * 10_000.0).round() / 10_000.0).into();
            }
            _ => {}
        }
    }

    /// The number of a thing, counted from 1 in the order of appearance.
    fn number(&mut self, thing: &str) -> usize {
        let next = self.0.len() + 1;
        *self.0.entry(thing.to_owned()).or_insert(next)
    }

    /// A text with stand-ins for the ids and tokens in it.
    fn text(&mut self, text: &str) -> String {
        let mut replaced = String::new();
        let mut rest = text;
        while let Some(letter) = rest.chars().next() {
            let (stand_in, length) = if let Some(length) = id(rest) {
                let (kept, random) = rest[..length].split_at(length - ULID + ULID_TIME);
                (format!("{kept}{:0>16}", self.number(random)), length)
            } else if let Some(length) = token(rest) {
                let signature = URL_SAFE_NO_PAD.encode(format!("signature {}", self.number(&rest[..length])));
                (format!("eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJleGFtcGxlIn0.{signature}"), length)
            } else {
                (letter.to_string(), letter.len_utf8())
            };
            replaced.push_str(&stand_in);
            rest = &rest[length..];
        }
        replaced
    }

    /// A cursor is an encoded id, or, of a search, letters and digits.
    fn cursor(&mut self, cursor: &str) -> String {
        let key = URL_SAFE_NO_PAD.decode(cursor).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        match key.filter(|key| key.contains('_')) {
            Some(key) => URL_SAFE_NO_PAD.encode(self.text(&key)),
            None => format!("{}{:0>48}", &cursor[..2], self.number(cursor)),
        }
    }
}

/// The length of the id that a text begins with.
fn id(text: &str) -> Option<usize> {
    let prefix = ID_PREFIXES.into_iter().find(|prefix| text.starts_with(prefix))?;
    let ulid = text.get(prefix.len()..prefix.len() + ULID)?;
    let is_one = ulid.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
    is_one.then_some(prefix.len() + ULID)
}

/// The length of the signed token (JWT) that a text begins with.
fn token(text: &str) -> Option<usize> {
    let ends = |c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    let token = text.split(ends).next()?;
    (token.starts_with("eyJ") && token.matches('.').count() == 2).then_some(token.len())
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(CHARACTERS) {
        Some((end, _)) => format!("{}…", text[..end].trim_end()),
        None => text.to_owned(),
    }
}
