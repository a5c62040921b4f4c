//! Typed identifiers: a prefix that tells the kind and a ULID that sorts by time of creation.
//!
//! `prf_01JD…` can't be taken for an event, neither by a reader nor by the compiler, and ordering by id is ordering by
//! age, which is what every list's cursor stands on.

use chrono::{DateTime, Utc};
use ulid::Ulid;

/// A text that is not an id of the kind that was asked for.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("must be an id that starts with `{prefix}_`, followed by 26 characters")]
pub struct InvalidId {
    prefix: &'static str,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// A new id, ordered after those made before `now`.
            pub fn new(now: DateTime<Utc>) -> Self {
                Self(format!("{}_{}", $prefix, ulid_at(now)))
            }

            pub fn parse(text: &str) -> Result<Self, InvalidId> {
                let ulid = text.strip_prefix(concat!($prefix, "_")).filter(|rest| is_ulid(rest));
                match ulid {
                    Some(_) => Ok(Self(text.to_owned())),
                    None => Err(InvalidId { prefix: $prefix }),
                }
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::parse(text)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(d)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .pattern(Some(concat!("^", $prefix, "_[0-7][0-9A-HJKMNP-TV-Z]{25}$")))
                    .examples([concat!($prefix, "_01JDBQZ5W0V6P8R3K2M9XE4T7N")])
                    .into()
            }
        }

        impl utoipa::ToSchema for $name {}
    };
}

id!(/// An account: somebody who can log in.
    AccountId, "acc");
id!(/// A profile: start-up, mentor, hub, factory, organisation or talent.
    ProfileId, "prf");
id!(/// A need: one concrete thing that a profile seeks.
    NeedId, "ned");
id!(/// An offering: one concrete thing that a profile offers.
    OfferingId, "ofr");
id!(/// An event of a hub.
    EventId, "evt");
id!(/// A request that two profiles meet.
    IntroductionId, "int");
id!(/// A mail in the outbox.
    MailId, "mai");

/// The form of an id that can be of a profile, a need, an offering or an event.
pub struct ThingId;

impl utoipa::PartialSchema for ThingId {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .pattern(Some("^(prf|ned|ofr|evt)_[0-7][0-9A-HJKMNP-TV-Z]{25}$"))
            .examples(["prf_01JDBQZ5W0V6P8R3K2M9XE4T7N"])
            .into()
    }
}

impl utoipa::ToSchema for ThingId {}

fn ulid_at(now: DateTime<Utc>) -> Ulid {
    let millis = u64::try_from(now.timestamp_millis()).unwrap_or(0);
    Ulid::from_parts(millis, rand::random())
}

fn is_ulid(text: &str) -> bool {
    text.len() == 26
        && text.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase())
        && Ulid::from_string(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_of_another_kind_is_refused() {
        let event = EventId::new(Utc::now());
        assert!(EventId::parse(event.as_str()).is_ok());
        assert!(ProfileId::parse(event.as_str()).is_err());
        assert!(ProfileId::parse("prf_").is_err());
        assert!(ProfileId::parse("prf_01jdbqz5w0v6p8r3k2m9xe4t7n").is_err());
    }

    #[test]
    fn ids_sort_by_time() {
        let (early, late) = (DateTime::UNIX_EPOCH, Utc::now());
        assert!(ProfileId::new(early) < ProfileId::new(late));
    }
}
