//! Pages of a list: keyset cursors, `Link: rel="next"`.

use actix_web::HttpRequest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use utoipa::ToSchema;

use super::codes::Code;
use super::problem::Problem;
use super::sync;

pub const DEFAULT_LIMIT: u32 = 20;
pub const MAX_LIMIT: u32 = 100;

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    #[schema(max_items = 100)]
    pub items: Vec<T>,
    /// Cursor of the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 500, pattern = "^[A-Za-z0-9_-]+$")]
    pub next: Option<String>,
}

/// The limit that was asked for, within its bounds.
pub fn limit(asked: Option<u32>) -> Result<u32, Problem> {
    limit_within(asked, DEFAULT_LIMIT, MAX_LIMIT)
}

/// The same for an answer with bounds of its own.
pub fn limit_within(asked: Option<u32>, default: u32, most: u32) -> Result<u32, Problem> {
    let limit = asked.unwrap_or(default);
    if (1..=most).contains(&limit) {
        return Ok(limit);
    }
    Err(Problem::new(Code::MalformedQuery, format!("limit: must be between 1 and {most}")))
}

/// Makes a cursor of the last item's sort key.
pub fn encode_cursor(key: &str) -> String {
    URL_SAFE_NO_PAD.encode(key)
}

/// Reads a cursor back.
pub fn decode_cursor(cursor: Option<&str>) -> Result<Option<String>, Problem> {
    let wrong = || Problem::new(Code::MalformedQuery, "cursor: must be `next` of an earlier page");
    let Some(cursor) = cursor else { return Ok(None) };
    let text = cursor_text(cursor).filter(|text| !text.starts_with(sync::MARK));
    text.map(Some).ok_or_else(wrong)
}

/// What a cursor says, be it one of a page or one of a copy.
pub(super) fn cursor_text(cursor: &str) -> Option<String> {
    if !(1..=500).contains(&cursor.len()) {
        return None;
    }
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    // No key has control characters, and PostgreSQL takes no text with NUL.
    (!text.contains(char::is_control)).then_some(text)
}

/// Cuts `limit + 1` that were loaded to the up to `limit` of a page, and says where the next one begins, if there is one.
pub(super) fn cut<T>(mut loaded: Vec<T>, limit: u32, key: impl Fn(&T) -> String) -> (Vec<T>, Option<String>) {
    let limit = limit as usize;
    let more = loaded.len() > limit;
    loaded.truncate(limit);
    let next = loaded.last().filter(|_| more).map(key);
    (loaded, next)
}

impl<T> Page<T> {
    /// Makes a page of up to `limit` items out of `limit + 1` that were loaded.
    pub fn of(loaded: Vec<T>, limit: u32, key: impl Fn(&T) -> String) -> Page<T> {
        let (items, next) = cut(loaded, limit, key);
        Page { items, next: next.as_deref().map(encode_cursor) }
    }

    /// The same page with every item turned into its view.
    pub fn map<V>(self, view: impl FnMut(T) -> V) -> Page<V> {
        Page { items: self.items.into_iter().map(view).collect(), next: self.next }
    }
}

/// The `Link` header (RFC 8288) to the next page: this request's query with another cursor.
pub fn next_link(request: &HttpRequest, next: &str) -> String {
    let query =
        request.query_string().split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("cursor="));
    let kept: String = query.map(|pair| format!("{pair}&")).collect();
    format!("<{}?{kept}cursor={next}>; rel=\"next\"", request.path())
}
