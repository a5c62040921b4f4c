//! People who do random things through the API.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::common::{Member, TestApp, mentor, startup, with};

/// A small generator of numbers (SplitMix64), so that a failure can be repeated by its seed.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % sides as u64).unwrap()
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.roll(from.len())]
    }
}

/// Does random things through the API, and remembers what it made.
pub struct Players<'a> {
    test: &'a TestApp,
    pub member: Member<'a>,
    admin: Member<'a>,
    pub dice: Dice,
    pub profiles: Vec<String>,
    /// Paths of needs, offerings and events.
    pub things: Vec<String>,
    /// How many acts were not refused.
    pub done: usize,
}

const WORDS: [&str; 8] =
    ["vibration", "robotics", "caviar", "blockchain", "quokka", "turbines", "viticulture", "photonics"];

impl<'a> Players<'a> {
    pub fn new(
        test: &'a TestApp,
        member: Member<'a>,
        admin: Member<'a>,
        dice: Dice,
        profiles: Vec<String>,
    ) -> Players<'a> {
        Players { test, member, admin, dice, profiles, things: Vec::new(), done: 0 }
    }

    fn text(&mut self) -> Value {
        let words: Vec<&str> = (0..3).map(|_| *self.dice.pick(&WORDS)).collect();
        json!({ "en": words.join(" ") })
    }

    fn profile_body(&mut self) -> Value {
        let level = *self.dice.pick(&["public", "members", "hub", "matched", "private"]);
        let body = match self.dice.roll(3) {
            0 => startup(),
            1 => mentor(),
            _ => with(startup(), json!({ "kind": "organisation" })),
        };
        let text = self.text();
        let visibility = json!({ "description": level, "track_record": level, "city": level });
        with(body, json!({ "summary": text, "description": text, "visibility": visibility }))
    }

    fn thing_body(&mut self, kind: &str) -> Value {
        let body = json!({ "profile": self.dice.pick(&self.profiles), "title": self.text(), "description": self.text() });
        match kind {
            "events" => {
                let starts = self.test.clock.now() + TimeDelta::hours(1 + self.dice.roll(2000) as i64);
                let times = json!({ "starts_at": starts, "ends_at": starts + TimeDelta::hours(2) });
                let place = json!({ "languages": ["en"], "format": "online", "zone": "Europe/Vienna" });
                with(with(body, times), place)
            }
            _ => with(body, json!({ "type": "advice" })),
        }
    }

    /// One random act. Refusals are part of the game, failures are not.
    pub async fn act(&mut self) {
        let reply = match self.dice.roll(12) {
            0 => {
                let body = self.profile_body();
                let reply = self.member.post("/api/v1/profiles", &body).await.expect(201);
                self.profiles.push(reply.json()["id"].as_str().unwrap().to_owned());
                reply
            }
            1..=3 => {
                let kind = *self.dice.pick(&["needs", "offerings", "events"]);
                let body = self.thing_body(kind);
                let reply = self.member.post(&format!("/api/v1/{kind}"), &body).await;
                if reply.status == 201 {
                    self.things.push(format!("/api/v1/{kind}/{}", reply.json()["id"].as_str().unwrap()));
                }
                reply
            }
            4..=5 => {
                let path = format!("/api/v1/profiles/{}", self.dice.pick(&self.profiles));
                let step = *self.dice.pick(&["publish", "publish", "publish", "confirm", "archive"]);
                self.member.act(&format!("{path}/{step}")).await
            }
            6 => {
                let path = format!("/api/v1/profiles/{}", self.dice.pick(&self.profiles));
                let step = *self.dice.pick(&["suspend", "reinstate", "reinstate"]);
                self.admin.post(&format!("{path}/{step}"), &json!({ "reason": "A try." })).await
            }
            7 => {
                let path = format!("/api/v1/profiles/{}", self.dice.pick(&self.profiles));
                let patch =
                    json!({ "description": self.text(), "capacity": self.dice.roll(3), "city": "Wien" });
                self.member.patch(&path, &patch).await
            }
            8 if !self.things.is_empty() => {
                let path = self.dice.pick(&self.things).clone();
                let patch = json!({ "description": self.text() });
                self.member.patch(&path, &patch).await
            }
            _ if !self.things.is_empty() => {
                let path = self.dice.pick(&self.things).clone();
                self.step(&path).await
            }
            _ => return,
        };
        assert!(reply.status.as_u16() < 500, "{}", reply.text);
        self.done += usize::from(reply.status.is_success());
    }

    /// A step that takes a need, an offering or an event through its life.
    async fn step(&mut self, path: &str) -> crate::common::Reply {
        let steps = match path.split('/').nth(3).unwrap() {
            "needs" => &["meet", "withdraw"][..],
            "offerings" => &["open", "open", "open", "close"],
            _ => &["publish", "publish", "publish", "reschedule", "postpone", "cancel"],
        };
        let step = *self.dice.pick(steps);
        let starts = self.test.clock.now() + TimeDelta::days(30);
        let body = match step {
            "reschedule" => json!({ "starts_at": starts, "ends_at": starts + TimeDelta::hours(1) }),
            "cancel" => json!({ "reason": "The trainer is ill." }),
            _ => return self.member.act(&format!("{path}/{step}")).await,
        };
        self.member.post(&format!("{path}/{step}"), &body).await
    }

    pub fn ids(&self) -> Vec<String> {
        let things = self.things.iter().map(|path| path.rsplit('/').next().unwrap().to_owned());
        self.profiles.iter().cloned().chain(things).collect()
    }
}
