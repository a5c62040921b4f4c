//! The tables, as both databases have them. Timestamps are UTC; `content` and its like are JSON.

use diesel::{allow_tables_to_appear_in_same_query, joinable, table};

table! {
    changes (seq) {
        seq -> BigInt,
        kind -> Text,
        id -> Text,
        at -> Timestamp,
        profile_id -> Text,
        public -> Bool,
    }
}

table! {
    meta (key) {
        key -> Text,
        value -> Text,
    }
}

table! {
    idempotency_keys (scope, key) {
        scope -> Text,
        key -> Text,
        fingerprint -> Text,
        status -> Integer,
        headers -> Text,
        body -> Text,
        created_at -> Timestamp,
    }
}

table! {
    concepts (id) {
        id -> Text,
        scheme -> Text,
        content -> Text,
        version -> Integer,
        invalidated_at -> Nullable<Timestamp>,
        created_at -> Timestamp,
        updated_at -> Timestamp,
    }
}

table! {
    accounts (id) {
        id -> Text,
        email -> Text,
        password_hash -> Text,
        display_name -> Text,
        language -> Text,
        role -> Text,
        email_verified_at -> Nullable<Timestamp>,
        terms_version -> Text,
        terms_accepted_at -> Timestamp,
        version -> Integer,
        created_at -> Timestamp,
        updated_at -> Timestamp,
    }
}

table! {
    refresh_tokens (token_hash) {
        token_hash -> Text,
        family -> Text,
        account_id -> Text,
        created_at -> Timestamp,
        expires_at -> Timestamp,
        used_at -> Nullable<Timestamp>,
        revoked_at -> Nullable<Timestamp>,
    }
}

table! {
    signing_keys (kid) {
        kid -> Text,
        secret -> Text,
        created_at -> Timestamp,
    }
}

table! {
    profiles (id) {
        id -> Text,
        kind -> Text,
        status -> Text,
        name -> Text,
        country -> Text,
        capacity -> Nullable<Integer>,
        content -> Text,
        status_reason -> Nullable<Text>,
        fictional -> Bool,
        version -> Integer,
        created_at -> Timestamp,
        updated_at -> Timestamp,
        confirmed_at -> Timestamp,
        reminded_at -> Nullable<Timestamp>,
    }
}

table! {
    memberships (profile_id, account_id) {
        profile_id -> Text,
        account_id -> Text,
        role -> Text,
        created_at -> Timestamp,
    }
}

table! {
    follows (profile_id, account_id) {
        profile_id -> Text,
        account_id -> Text,
        created_at -> Timestamp,
    }
}

table! {
    needs (id) {
        id -> Text,
        profile_id -> Text,
        #[sql_name = "type"]
        type_ -> Text,
        status -> Text,
        content -> Text,
        expires_at -> Timestamp,
        version -> Integer,
        created_at -> Timestamp,
        updated_at -> Timestamp,
    }
}

table! {
    offerings (id) {
        id -> Text,
        profile_id -> Text,
        #[sql_name = "type"]
        type_ -> Text,
        status -> Text,
        content -> Text,
        opens_at -> Nullable<Timestamp>,
        closes_at -> Nullable<Timestamp>,
        version -> Integer,
        created_at -> Timestamp,
        updated_at -> Timestamp,
    }
}

table! {
    events (id) {
        id -> Text,
        profile_id -> Text,
        status -> Text,
        format -> Text,
        country -> Nullable<Text>,
        city -> Nullable<Text>,
        starts_at -> Timestamp,
        ends_at -> Timestamp,
        zone -> Text,
        content -> Text,
        status_reason -> Nullable<Text>,
        sequence -> Integer,
        published_at -> Nullable<Timestamp>,
        version -> Integer,
        created_at -> Timestamp,
        updated_at -> Timestamp,
    }
}

table! {
    event_tags (event_id, kind, value) {
        event_id -> Text,
        kind -> Text,
        value -> Text,
    }
}

table! {
    introductions (id) {
        id -> Text,
        requester_id -> Text,
        target_id -> Text,
        need_id -> Nullable<Text>,
        requested_by -> Text,
        status -> Text,
        note -> Text,
        reason -> Nullable<Text>,
        decline_code -> Nullable<Text>,
        decline_message -> Nullable<Text>,
        expires_at -> Timestamp,
        decided_at -> Nullable<Timestamp>,
        disclosed_at -> Nullable<Timestamp>,
        version -> Integer,
        created_at -> Timestamp,
        updated_at -> Timestamp,
    }
}

table! {
    introduction_feedback (introduction_id, profile_id) {
        introduction_id -> Text,
        profile_id -> Text,
        met -> Bool,
        rating -> Nullable<Integer>,
        comment -> Nullable<Text>,
        created_at -> Timestamp,
    }
}

table! {
    mails (id) {
        id -> Text,
        kind -> Text,
        account_id -> Text,
        subject_keys -> Text,
        status -> Text,
        attempts -> Integer,
        due_at -> Timestamp,
        leased_until -> Nullable<Timestamp>,
        last_error -> Nullable<Text>,
        created_at -> Timestamp,
        sent_at -> Nullable<Timestamp>,
    }
}

table! {
    imported_records (source, key) {
        source -> Text,
        key -> Text,
        kind -> Text,
        id -> Text,
        fingerprint -> Text,
        imported_at -> Timestamp,
    }
}

joinable!(memberships -> profiles (profile_id));
joinable!(memberships -> accounts (account_id));
joinable!(follows -> profiles (profile_id));
joinable!(event_tags -> events (event_id));
allow_tables_to_appear_in_same_query!(profiles, memberships, accounts, follows);
allow_tables_to_appear_in_same_query!(events, event_tags);
allow_tables_to_appear_in_same_query!(events, profiles);
allow_tables_to_appear_in_same_query!(events, memberships);
allow_tables_to_appear_in_same_query!(needs, profiles);
allow_tables_to_appear_in_same_query!(needs, memberships);
allow_tables_to_appear_in_same_query!(offerings, profiles);
allow_tables_to_appear_in_same_query!(offerings, memberships);
allow_tables_to_appear_in_same_query!(introductions, memberships);
allow_tables_to_appear_in_same_query!(introductions, profiles);
