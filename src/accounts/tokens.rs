//! Tokens: short-lived access tokens and the links in mails, both JWT signed with Ed25519 (RFC 8037), and opaque refresh
//! tokens.
//!
//! The signing key lives in the database, so that replicas share it; its public half is published as a JWK set.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::EncodePrivateKey;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::model::{AccountError, Role};
use super::store;
use crate::db::{self, Conn, DbError};
use crate::ids::AccountId;

/// What an access token says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Claims {
    pub sub: AccountId,
    pub role: Role,
    /// Whether the e-mail address was verified when the token was issued.
    pub verified: bool,
    pub iss: String,
    pub aud: String,
    pub iat: i64,
    pub exp: i64,
}

/// What a link in a mail lets its holder do; a link for one purpose is void for every other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkPurpose {
    VerifyEmail,
    ResetPassword,
    DecideIntroduction,
    Unsubscribe,
}

impl LinkPurpose {
    fn audience(self) -> &'static str {
        match self {
            LinkPurpose::VerifyEmail => "aihub:verify-email",
            LinkPurpose::ResetPassword => "aihub:reset-password",
            LinkPurpose::DecideIntroduction => "aihub:decide-introduction",
            LinkPurpose::Unsubscribe => "aihub:unsubscribe",
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct LinkClaims {
    sub: String,
    /// Ties the link to a state, so that it is void once that has changed.
    state: String,
    iss: String,
    aud: String,
    exp: i64,
}

/// Why an access token was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenFault {
    Invalid,
    Expired,
}

/// The public keys in force, as a JWK set (RFC 7517).
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct KeySet {
    pub keys: Vec<PublicKey>,
}

/// A public key, as a JWK (RFC 8037).
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PublicKey {
    #[schema(pattern = "^OKP$")]
    pub kty: &'static str,
    #[schema(pattern = "^Ed25519$")]
    pub crv: &'static str,
    #[serde(rename = "use")]
    #[schema(pattern = "^sig$")]
    pub usage: &'static str,
    #[schema(pattern = "^EdDSA$")]
    pub alg: &'static str,
    /// Which key it is, as the header of a token says it.
    #[schema(pattern = "^[0-9]{1,20}$")]
    pub kid: String,
    /// The key itself, base64url.
    #[schema(pattern = "^[A-Za-z0-9_-]{43}$")]
    pub x: String,
}

const ACCESS_AUDIENCE: &str = "aihub";

/// Signs and checks tokens. Cheap to clone.
#[derive(Clone)]
pub struct Tokens(Arc<Inner>);

struct Inner {
    kid: String,
    signing: EncodingKey,
    keys: Vec<(String, [u8; 32], DecodingKey)>,
    issuer: String,
    lifetime: TimeDelta,
}

impl Tokens {
    /// Loads the signing keys; makes the first one. Newest signs, all verify.
    pub fn load(
        conn: &mut Conn,
        now: DateTime<Utc>,
        issuer: &str,
        lifetime: TimeDelta,
    ) -> Result<Tokens, AccountError> {
        if db::first(conn, "first_signing_key")? {
            let secret = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>());
            store::insert_signing_key(conn, &format!("{}", now.timestamp_millis()), &secret, now)?;
        }
        let stored = store::signing_keys(conn)?;
        let mut keys = Vec::new();
        let mut newest = None;
        for (kid, secret) in stored {
            let key = signing_key(&secret)?;
            let public = key.verifying_key().to_bytes();
            keys.push((kid.clone(), public, DecodingKey::from_ed_der(&public)));
            newest = Some((kid, key));
        }
        let (kid, key) = newest.ok_or_else(|| AccountError::Signing("no key".to_owned()))?;
        let der = key.to_pkcs8_der().map_err(signing)?;
        let signing = EncodingKey::from_ed_der(der.as_bytes());
        Ok(Tokens(Arc::new(Inner { kid, signing, keys, issuer: issuer.to_owned(), lifetime })))
    }

    /// How long an access token lives.
    pub fn lifetime(&self) -> TimeDelta {
        self.0.lifetime
    }

    /// The public keys as a JWK set (RFC 7517).
    pub fn jwks(&self) -> KeySet {
        let keys = self.0.keys.iter().map(|(kid, public, _)| PublicKey {
            kty: "OKP",
            crv: "Ed25519",
            usage: "sig",
            alg: "EdDSA",
            kid: kid.clone(),
            x: URL_SAFE_NO_PAD.encode(public),
        });
        KeySet { keys: keys.collect() }
    }

    /// An access token for an account.
    pub fn issue(&self, account: &super::Account, now: DateTime<Utc>) -> Result<String, AccountError> {
        self.sign(&Claims {
            sub: account.id.clone(),
            role: account.role,
            verified: account.is_verified(),
            iss: self.0.issuer.clone(),
            aud: ACCESS_AUDIENCE.to_owned(),
            iat: now.timestamp(),
            exp: (now + self.0.lifetime).timestamp(),
        })
    }

    /// Reads an access token of ours.
    pub fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<Claims, TokenFault> {
        let claims: Claims = self.read(token, ACCESS_AUDIENCE).ok_or(TokenFault::Invalid)?;
        if claims.exp <= now.timestamp() { Err(TokenFault::Expired) } else { Ok(claims) }
    }

    /// A token for a link in a mail: for one purpose, about `subject`, void when `state` has changed.
    pub fn link(
        &self,
        purpose: LinkPurpose,
        subject: &str,
        state: &str,
        until: DateTime<Utc>,
    ) -> Result<String, AccountError> {
        self.sign(&LinkClaims {
            sub: subject.to_owned(),
            state: digest(state),
            iss: self.0.issuer.clone(),
            aud: purpose.audience().to_owned(),
            exp: until.timestamp(),
        })
    }

    /// The subject of a link's token; call [`LinkSubject::in_state`] once the state is loaded.
    pub fn follow(
        &self,
        purpose: LinkPurpose,
        token: &str,
        now: DateTime<Utc>,
    ) -> Result<LinkSubject, AccountError> {
        let claims: LinkClaims = self.read(token, purpose.audience()).ok_or(AccountError::LinkInvalid)?;
        if claims.exp <= now.timestamp() {
            return Err(AccountError::LinkInvalid);
        }
        Ok(LinkSubject { subject: claims.sub, state: claims.state })
    }

    fn sign<T: Serialize>(&self, claims: &T) -> Result<String, AccountError> {
        let header = Header { kid: Some(self.0.kid.clone()), ..Header::new(Algorithm::EdDSA) };
        encode(&header, claims, &self.0.signing).map_err(signing)
    }

    /// Checks signature, issuer and audience; expiry is the caller's, by the service's clock.
    fn read<T: DeserializeOwned + Clone>(&self, token: &str, audience: &str) -> Option<T> {
        let kid = jsonwebtoken::decode_header(token).ok()?.kid?;
        let (_, _, key) = self.0.keys.iter().find(|(known, ..)| *known == kid)?;
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.validate_exp = false;
        validation.set_audience(&[audience]);
        validation.set_issuer(&[&self.0.issuer]);
        validation.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
        decode::<T>(token, key, &validation).ok().map(|data| data.claims)
    }
}

/// What a link is about, once its signature is known to be good.
#[derive(Debug)]
pub struct LinkSubject {
    pub subject: String,
    state: String,
}

impl LinkSubject {
    /// Refuses the link if the state that it was made for has changed.
    pub fn in_state(&self, state: &str) -> Result<(), AccountError> {
        if self.state == digest(state) { Ok(()) } else { Err(AccountError::LinkInvalid) }
    }
}

fn signing_key(secret: &str) -> Result<SigningKey, AccountError> {
    let corrupt = || DbError::Corrupt("a signing key has the wrong form".to_owned());
    let bytes = URL_SAFE_NO_PAD.decode(secret).map_err(|_| corrupt())?;
    let bytes: [u8; 32] = bytes.try_into().map_err(|_| corrupt())?;
    Ok(SigningKey::from_bytes(&bytes))
}

fn signing(fault: impl std::fmt::Display) -> AccountError {
    AccountError::Signing(fault.to_string())
}

/// A new refresh token: 256 random bits.
pub fn new_refresh_token() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())
}

/// What is stored of a secret: its SHA-256, which is enough for secrets of full entropy.
pub fn digest(secret: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(secret.as_bytes()))
}
