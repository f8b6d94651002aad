// undici, what Node's fetch is made of, over HTTP/1.1 and HTTP/2.

import { Readable } from "node:stream";
import { setImmediate } from "node:timers/promises";
import { Agent } from "undici";

import { answerRows, digest, pieces, refusals, text, told } from "./program.mjs";

// An agent asks no sooner than an answer came, unless it is told to pipeline; streams of HTTP/2 count so too.
const agent = new Agent({ allowH2: told.http === "2", pipelining: told.http === "2" ? 100 : 1, connect: { ca: told.ca } });

function ask(url, options = {}) {
  const { origin, pathname, search } = new URL(url);
  return agent.request({ origin, path: pathname + search, method: "GET", ...options });
}

function post(url, size, framing, headers = {}) {
  const length = framing === "length" ? { "content-length": String(size) } : {};
  return ask(url, { method: "POST", headers: { ...headers, ...length }, body: Readable.from(pieces(size)) });
}

async function status(url) {
  const answer = await ask(url);
  await text(answer.body);
  return answer.statusCode;
}

await answerRows({
  async reuse({ url, times }) {
    const answers = [];
    for (let number = 0; number < times; number++) {
      answers.push(await (await ask(`${url}/who`)).body.json());
      await setImmediate(); // Its pool learns a moment after us that the connection is free.
    }
    return { answers };
  },
  async upload({ url, size, framing }) {
    const answer = await post(url, size, framing);
    return { status: answer.statusCode, answer: await answer.body.json() };
  },
  async refused({ url, size, framing, times }) {
    const upload = async () => {
      const answer = await post(url, size, framing);
      await text(answer.body);
      return answer.statusCode;
    };
    return refusals(times, upload, () => status(new URL("/who", url)));
  },
  async trailers({ url, size }) {
    const answer = await post(`${url}/digest`, size, "length", { te: "trailers" });
    const said = await answer.body.json();
    return { answer: said, got: answer.trailers["x-digest"] };
  },
  async download({ url }) {
    return digest((await ask(url)).body);
  },
  async cancel({ url, size, after, times }) {
    const next = [];
    for (let number = 0; number < times; number++) {
      const { body } = await ask(`${url}/sized?${size}`);
      let read = 0;
      for await (const piece of body) {
        read += piece.length;
        if (read >= after) break;
      }
      next.push(await status(`${url}/who`));
    }
    return { next };
  },
  async parallel({ urls }) {
    return { answers: await Promise.all(urls.map(async (url) => digest((await ask(url)).body))) };
  },
});
