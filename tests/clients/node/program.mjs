// What every client of Node has: a row is read as a line of JSON, and what it saw is written as one. A row
// has its name under "do". An error is a fact like any other.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

const PIECE = 65536;
const { http, ca } = JSON.parse(process.argv[2]);

/** How to ask: the version, and the authority to trust. */
export const told = { http, ca: ca && readFileSync(ca) };

/** A body to send: piece n is 64 KiB of the byte n % 251. */
export function* pieces(size) {
  for (let number = 0, begin = 0; begin < size; number++, begin += PIECE) {
    yield Buffer.alloc(Math.min(PIECE, size - begin), number % 251);
  }
}

/** Size and SHA-256 of a body that comes. */
export async function digest(body) {
  const hash = createHash("sha256");
  let size = 0;
  for await (const piece of body) {
    size += piece.length;
    hash.update(piece);
  }
  return { size, sha256: hash.digest("hex") };
}

/** A whole body as text. */
export async function text(body) {
  const parts = [];
  for await (const piece of body) parts.push(piece);
  return Buffer.concat(parts).toString();
}

/** What each try of an upload comes to, and the next request after it. */
export async function refusals(times, upload, following) {
  const statuses = [];
  const next = [];
  for (let number = 0; number < times; number++) {
    statuses.push(await upload().catch(String));
    next.push(await following().catch(String));
  }
  return { statuses, next };
}

/** Do the rows one after the other. */
export async function answerRows(rows) {
  for await (const line of createInterface({ input: process.stdin })) {
    const row = JSON.parse(line);
    const facts = await rows[row.do](row).catch((error) => ({ error: error.stack ?? String(error) }));
    console.log(JSON.stringify(facts));
  }
  process.exit(0);
}
