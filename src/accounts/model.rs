//! What an account is, and the rules of its life.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::faults::Faults;
use crate::ids::AccountId;
use crate::values::{Language, codes};

codes!(
    /// What an account may do, over and above its profiles.
    Role {
        Member = "member",
        /// Approves hubs and looks after the service.
        Administrator = "administrator",
    }
);

codes!(
    /// A version of the terms of use and privacy. One can only accept the one in force; it is stored with the time.
    TermsVersion {
        /// In force since November 2026
        November2026 = "2026-11",
    }
);

#[derive(Debug, Clone, PartialEq)]
pub struct Account {
    pub id: AccountId,
    /// In lower case; unique.
    pub email: String,
    pub password_hash: String,
    pub display_name: String,
    /// Mails and reasons come in this language where there is one.
    pub language: Language,
    pub role: Role,
    pub email_verified_at: Option<DateTime<Utc>>,
    pub terms_version: String,
    pub terms_accepted_at: DateTime<Utc>,
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Account {
    pub fn is_verified(&self) -> bool {
        self.email_verified_at.is_some()
    }
}

/// A new account asks for a login.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RegisterAccount {
    /// Where mails go; it is verified by a link.
    #[schema(format = "email", max_length = 254, example = "ada@example.eu")]
    pub email: String,
    /// At least 10 characters, and not easy to guess.
    #[schema(min_length = 10, max_length = 200, example = "correct horse battery staple")]
    pub password: String,
    /// How others are told who this is.
    #[schema(min_length = 1, max_length = 80, example = "Ada Example")]
    pub display_name: String,
    /// Language of mails and reasons.
    pub language: Language,
    /// The version of the terms that the person has read and accepts.
    pub accepted_terms: TermsVersion,
}

/// The settings of an account that its owner changes at will.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountSettings {
    #[schema(min_length = 1, max_length = 80, example = "Ada Example")]
    pub display_name: String,
    pub language: Language,
}

impl RegisterAccount {
    /// Checks what the schema can't say.
    pub fn check(&self) -> Result<(), Faults> {
        let mut faults = Faults::default();
        check_password("/password", &self.password, &[&self.email, &self.display_name], &mut faults);
        faults.or(())
    }
}

/// Refuses passwords that a guesser finds soon (zxcvbn score below 2 of 4).
pub fn check_password(pointer: &str, password: &str, context: &[&str], faults: &mut Faults) {
    let strength = zxcvbn::zxcvbn(password, context).score();
    faults.check(
        strength >= zxcvbn::Score::Two,
        pointer,
        "weak_password",
        "is easy to guess; several unrelated words make a better one",
    );
}

/// Addresses are compared without regard to case.
pub fn normalise_email(email: &str) -> String {
    email.trim().to_lowercase()
}

/// Why something about an account was refused.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    #[error("e-mail address or password is wrong")]
    CredentialsWrong,
    #[error("the refresh token is not valid")]
    RefreshTokenInvalid,
    #[error("the link is not valid any more")]
    LinkInvalid,
    #[error(transparent)]
    Faults(#[from] Faults),
    #[error(transparent)]
    Database(#[from] crate::db::DbError),
    #[error("passwords cannot be hashed: {0}")]
    Hashing(String),
    #[error("tokens cannot be signed: {0}")]
    Signing(String),
}
