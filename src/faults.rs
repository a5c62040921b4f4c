//! What is wrong with an input, all of it at once, each fault with the place where it is.

use serde::Serialize;
use utoipa::ToSchema;

/// One fault of an input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Fault {
    /// JSON Pointer (RFC 6901) to the faulty member; empty for the whole body.
    #[schema(example = "/track_record/0/year")]
    pub pointer: String,
    /// Machine-readable kind of the fault.
    #[schema(example = "maximum")]
    pub code: String,
    /// What to change, in English.
    #[schema(example = "must be at most 2026")]
    pub detail: String,
}

/// Collects faults; the input is good if none was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, thiserror::Error)]
#[error("{} fault(s): {}", .0.len(), .0.iter().map(|f| format!("{}: {}", f.pointer, f.detail)).collect::<Vec<_>>().join("; "))]
pub struct Faults(pub Vec<Fault>);

impl Faults {
    pub fn one(pointer: &str, code: &str, detail: impl Into<String>) -> Faults {
        let mut faults = Faults::default();
        faults.add(pointer, code, detail);
        faults
    }

    pub fn add(&mut self, pointer: impl Into<String>, code: &str, detail: impl Into<String>) {
        let (pointer, detail) = (pointer.into(), detail.into());
        self.0.push(Fault { pointer, code: code.to_owned(), detail });
    }

    /// Notes a fault unless `good`.
    pub fn check(&mut self, good: bool, pointer: &str, code: &str, detail: &str) {
        if !good {
            self.add(pointer, code, detail);
        }
    }

    /// `value` if no fault was found.
    pub fn or<T>(self, value: T) -> Result<T, Faults> {
        if self.0.is_empty() { Ok(value) } else { Err(self) }
    }
}
