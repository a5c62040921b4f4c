// The main job, from the registration to both mails, through the generated client.

import type { operations } from "./contract.js";
import { mailWith, mailsTo, tokenFor } from "./mails.js";
import { type Schemas, type Service, assert, connect, content, done, eventually } from "./service.js";

type EventQuery = NonNullable<operations["list_events"]["parameters"]["query"]>;
type IntroductionQuery = NonNullable<operations["list_introductions"]["parameters"]["query"]>;

/** Somebody who has an account and a published profile. */
interface Person {
  email: string;
  service: Service;
  profile: Schemas["ProfileView"];
  /** The address that nobody may learn too early. */
  contact: string;
}

const run = Date.now().toString(36);
const password = `ein-langes-kennwort-${run}`;

const startup: Schemas["CreateProfile"] = {
  kind: "startup",
  name: `Spindelwacht ${run}`,
  summary: { de: "Wir hören Spindeln an Fräsmaschinen zu.", en: "We listen to the spindles of milling machines." },
  languages: ["de", "en"],
  country: "AT",
  region: "AT130",
  city: "Wien",
  stage: "pilot",
  size: "micro",
  sectors: ["C"],
  contact: { name: "Ida Probe", email: `ida-${run}@spindelwacht.example`, phone: "+43 1 5550100" },
};

const mentor: Schemas["CreateProfile"] = {
  kind: "mentor",
  name: `Noémie Essai ${run}`,
  summary: { fr: "J'aide les jeunes entreprises à mettre en place la maintenance prédictive." },
  description: { fr: "Vingt ans de surveillance vibratoire et de détection d'anomalies sur des machines-outils." },
  track_record: [{ title: { fr: "Maintenance prédictive de broches de fraisage" }, sectors: ["C"], year: 2025 }],
  seeks: { text: { fr: "Des jeunes entreprises industrielles en phase pilote." }, stages: ["pilot"] },
  languages: ["fr", "en"],
  country: "FR",
  capacity: 3,
  contact: { name: "Noémie Essai", email: `noemie-${run}@mentor.example` },
};

/** Registers, confirms the address with the mail's link, and logs in. */
async function join(email: string, name: string, language: Schemas["Language"]): Promise<Service> {
  const visitor = connect();
  const account: Schemas["RegisterAccount"] = { email, password, display_name: name, language, accepted_terms: "2026-11" };
  content(await visitor.POST("/api/v1/accounts", { body: account }));
  const token = await tokenFor(email, "verify-email");
  const verified = content(await visitor.POST("/api/v1/accounts/verification", { body: { token } }));
  assert(verified.email_verified && verified.email === email, "the address is not verified");
  return logIn(email, password);
}

async function logIn(email: string, password: string): Promise<Service> {
  const session = content(await connect().POST("/api/v1/sessions", { body: { email, password } }));
  return connect(session.access_token);
}

/** Makes a profile, amends it by its version, and publishes it. */
async function present(service: Service, body: Schemas["CreateProfile"]): Promise<Schemas["ProfileView"]> {
  const params = { header: { "Idempotency-Key": `${body.kind}-${run}` } };
  const { id } = content(await service.POST("/api/v1/profiles", { params, body }));
  const read = await service.GET("/api/v1/profiles/{id}", { params: { path: { id } } });
  assert(content(read).status === "draft", "a new profile is not a draft");
  const version = read.response.headers.get("etag");
  assert(version !== null, "a profile has no ETag");
  const patch: Schemas["UpdateProfile"] = { website: "https://profile.example", city: null };
  const changed = content(
    await service.PATCH("/api/v1/profiles/{id}", {
      params: { path: { id }, header: { "If-Match": version } },
      headers: { "Content-Type": "application/merge-patch+json" },
      body: patch,
    }),
  );
  assert(changed.city === undefined && changed.website === patch.website, "the patch was not applied");
  return content(await service.POST("/api/v1/profiles/{id}/publish", { params: { path: { id } } }));
}

/** Ids of the concepts that a text names, each once: what a form offers as chips. */
async function conceptsOf(text: string): Promise<string[]> {
  const { items } = content(await connect().POST("/api/v1/vocabulary/annotate", { body: { text, language: "de" } }));
  for (const { words, start, end } of items) assert(text.slice(start, end) === words, `${words} stands elsewhere`);
  return [...new Set(items.map(({ concept }) => concept.id))];
}

/** The mentor among the ranked answers to the need, once the index has him. */
async function match(service: Service, need: string, wanted: string): Promise<Schemas["MatchView"]> {
  return eventually("the match", async () => {
    const headers = { "Accept-Language": "de" };
    const body: Schemas["FindMatches"] = { need, categories: ["mentor"], limit: 50 };
    const { items } = content(await service.POST("/api/v1/matches", { headers, body }));
    return items.find(({ id }) => id === wanted);
  });
}

function checkReasons(found: Schemas["MatchView"]): void {
  const sum = found.forward.parts.reduce((sum, part) => sum + part.contribution, 0);
  assert(Math.abs(sum - found.forward.score) < 1e-6, "the contributions do not add up");
  assert(found.concepts.some(({ offered }) => offered === "predictive_maintenance"), "the shared concept is missing");
  assert(found.reason !== "" && found.profile_name === mentor.name && !found.fictional, "the match is not explained");
}

/** Whether any mail to the address tells the secret. */
async function tells(address: string, secret: string): Promise<boolean> {
  return (await mailsTo(address)).some((text) => text.includes(secret));
}

/** Asks for an introduction, accepts it on the other side, and reads both mails. */
async function introduce(founder: Person, helper: Person, need: string): Promise<void> {
  const asked = content(
    await founder.service.POST("/api/v1/introductions", {
      params: { header: { "Idempotency-Key": `introduction-${run}` } },
      body: { requester: founder.profile.id, target: helper.profile.id, need, note: "Hätten Sie eine Stunde für uns?" },
    }),
  );
  assert(asked.status === "requested" && asked.contact === undefined, "a contact is shown before both agreed");
  await mailWith(helper.email, "Hätten Sie eine Stunde für uns?");
  assert(!(await tells(helper.email, founder.contact)), "the mentor was told the contact too early");
  assert(!(await tells(founder.email, helper.contact)), "the founder was told the contact too early");

  const query: IntroductionQuery = { role: "target", status: "requested" };
  const open = content(await helper.service.GET("/api/v1/introductions", { params: { query } }));
  const path = { id: open.items.find(({ requester }) => requester.id === founder.profile.id)?.id ?? "" };
  const accepted = content(await helper.service.POST("/api/v1/introductions/{id}/accept", { params: { path } }));
  assert(accepted.contact?.email === founder.contact, "the mentor does not see the contact");
  await mailWith(founder.email, helper.contact);
  await mailWith(helper.email, founder.contact);
}

/** Reads all coming events, page by page; none comes twice. */
async function listEvents(visitor: Service): Promise<number> {
  const seen = new Set<string>();
  const query: EventQuery = { language: ["de", "en"], limit: 5 };
  for (;;) {
    const page = content(await visitor.GET("/api/v1/events", { params: { query } }));
    for (const { id } of page.items) {
      assert(!seen.has(id), `${id} came twice`);
      seen.add(id);
    }
    if (page.next === undefined) return seen.size;
    query.cursor = page.next;
  }
}

/** Follows a hub, which then announces an event; the mail tells of it. */
async function follow(founder: Person): Promise<void> {
  const staff = await logIn("hub@demo.example", "demo-password-please-change");
  const managed = content(await staff.GET("/api/v1/profiles", { params: { query: { managed: true, kind: "hub" } } }));
  const hub = managed.items[0]?.id;
  assert(hub !== undefined, "the demo's hub is missing");
  done(await founder.service.PUT("/api/v1/profiles/{id}/follow", { params: { path: { id: hub } } }));
  const day = new Date(Date.now() + 14 * 86_400_000).toISOString().slice(0, 10);
  const body: Schemas["CreateEvent"] = {
    profile: hub,
    title: { en: `Spindle day ${run}` },
    description: { en: "Bring recordings of your own machines." },
    languages: ["en"],
    format: "online",
    zone: "Europe/Vienna",
    starts_at: `${day}T08:00:00Z`,
    ends_at: `${day}T15:00:00Z`,
    url: "https://hub.example/spindle-day",
  };
  const { id } = content(await staff.POST("/api/v1/events", { body }));
  content(await staff.POST("/api/v1/events/{id}/publish", { params: { path: { id } } }));
  await mailWith(founder.email, `Spindle day ${run}`);
  done(await founder.service.DELETE("/api/v1/profiles/{id}/follow", { params: { path: { id: hub } } }));
}

async function person(name: string, language: Schemas["Language"], body: Schemas["CreateProfile"]): Promise<Person> {
  const email = `${body.kind}-${run}@people.example`;
  const service = await join(email, name, language);
  const profile = await present(service, body);
  const contact = profile.contact?.email;
  assert(typeof contact === "string", "who manages a profile does not see its contact");
  return { email, service, profile, contact };
}

const founder = await person("Ida Probe", "de", startup);
const helper = await person("Noémie Essai", "fr", mentor);
console.log("both have registered, confirmed their addresses, logged in and published their profiles");

const description = "🔧 Wer hat vorausschauende Wartung an Werkzeugmaschinen eingeführt und die Fehlalarme gesenkt?";
const concepts = await conceptsOf(description);
assert(concepts.includes("predictive_maintenance"), "the concept that the text names is missing");
const body: Schemas["CreateNeed"] = {
  profile: founder.profile.id,
  type: "mentoring",
  title: { de: "Begleitung für vorausschauende Wartung an Frässpindeln" },
  description: { de: description },
  concepts,
};
const need = content(await founder.service.POST("/api/v1/needs", { body }));
const found = await match(founder.service, need.id, helper.profile.id);
checkReasons(found);
console.log(`the need finds the mentor (${found.score.toFixed(3)}): ${found.reason}`);

await introduce(founder, helper, need.id);
console.log("the mentor accepts; each has a mail with the contact of the other, and had none before");

console.log(`${await listEvents(connect())} coming events are listed`);
await follow(founder);
console.log("the founder follows a hub and has the mail that announces its next event");
