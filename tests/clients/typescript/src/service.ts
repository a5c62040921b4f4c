// The service as a front-end sees it: the generated types, openapi-fetch, and nothing else.

import createClient, { type Client } from "openapi-fetch";

import type { components, paths } from "./contract.js";

export type Schemas = components["schemas"];
export type Service = Client<paths>;

/** A value that the job can't go on without, from the environment. */
export function setting(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === "") throw new Error(`${name} is not set`);
  return value;
}

/** The service as a visitor calls it, or whoever holds the access token. */
export function connect(accessToken?: string): Service {
  const headers = accessToken === undefined ? {} : { Authorization: `Bearer ${accessToken}` };
  return createClient<paths>({ baseUrl: setting("AIHUB_URL"), headers });
}

type Failure = { error?: Schemas["Problem"]; response: Response };

/** What a good answer holds; a failure says its problem. */
export function content<T>(answer: Failure & { data?: T }): T {
  done(answer);
  if (answer.data === undefined) throw new Error(`${answer.response.url} answered with nothing`);
  return answer.data;
}

/** Ends the job unless the answer is a good one. */
export function done(answer: Failure): void {
  if (answer.response.ok) return;
  const problem = answer.error;
  const faults = problem?.errors?.map(({ pointer, detail }) => `${pointer} ${detail}`) ?? [];
  const why = problem === undefined ? "" : [problem.code, problem.detail, ...faults].join("; ");
  throw new Error(`${answer.response.url} answered ${answer.response.status}: ${why}`);
}

/** Fails with `what` unless it holds. */
export function assert(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(what);
}

/** Index and mail follow a change within a second or so: asks again until there is something. */
export async function eventually<T>(what: string, ask: () => Promise<T | undefined>): Promise<T> {
  for (const end = Date.now() + 30_000; Date.now() < end; ) {
    const found = await ask();
    if (found !== undefined) return found;
    await new Promise((resume) => setTimeout(resume, 200));
  }
  throw new Error(`${what} did not come`);
}
