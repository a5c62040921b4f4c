//! Import of JSON Lines: profiles, needs, offerings and events from elsewhere, every line checked, every bad one named,
//! nothing done twice.
//!
//! The format is that of the API's bodies, with four members more: `record` says what it is, `key` is the source's own
//! key, `profile` names the key of the profile that a thing belongs to, and `owner` (of profiles) the e-mail address of
//! the account that manages it. Samples may date relative to the day of import; see [`record`].

mod record;
mod service;
mod store;

pub use service::{Importer, Refusal, Report};
