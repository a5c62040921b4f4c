// The mails that the service wrote as .eml files into its folder.

import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";

import PostalMime from "postal-mime";

import { eventually, setting } from "./service.js";

/** The texts of all mails to this address, the oldest first. */
export async function mailsTo(address: string): Promise<string[]> {
  const folder = setting("AIHUB_MAIL_FOLDER");
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith(".eml")).sort();
  const mails = await Promise.all(names.map(async (name) => PostalMime.parse(await readFile(join(folder, name)))));
  return mails.filter((mail) => mail.to?.some((to) => to.address === address)).map((mail) => mail.text ?? "");
}

/** The first mail to this address that holds `words`, once it is there. */
export async function mailWith(address: string, words: string): Promise<string> {
  return eventually(`a mail to ${address} with “${words}”`, async () =>
    (await mailsTo(address)).find((text) => text.includes(words)),
  );
}

/** The token of the link of this kind, from the mail to this address. */
export async function tokenFor(address: string, link: string): Promise<string> {
  const text = await mailWith(address, `/links/${link}?token=`);
  const token = new RegExp(`/links/${link}\\?token=(\\S+)`).exec(text)?.[1];
  if (token === undefined) throw new Error(`the mail to ${address} has no link to ${link}`);
  return token;
}
