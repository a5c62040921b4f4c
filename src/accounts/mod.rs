//! Accounts: who can log in, and how he proves it.

mod caller;
#[cfg(test)]
mod link_tests;
pub mod links;
mod mails;
mod model;
mod passwords;
pub mod routes;
mod service;
mod store;
mod tokens;

pub use caller::{Administrator, Caller, Member};
pub use mails::compose;
pub use model::{Account, AccountError, Role};
pub use passwords::Passwords;
pub use service::{ensure, find, find_by_email, forget_expired, get, grant_administrator};
pub use tokens::{LinkPurpose, Tokens};
