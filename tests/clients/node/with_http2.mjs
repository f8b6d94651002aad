// Node's http2: one session, which is made anew when it has ended.

import http2 from "node:http2";
import { pipeline, Readable } from "node:stream";

import { answerRows, digest, pieces, refusals, text, told } from "./program.mjs";

const sessions = new Map();

function session(origin) {
  let known = sessions.get(origin);
  if (!known || known.closed || known.destroyed) {
    known = http2.connect(origin, { ca: told.ca });
    known.on("error", () => {});
    sessions.set(origin, known);
  }
  return known;
}

function begin(url, fields = {}, options = {}) {
  const { origin, pathname, search } = new URL(url);
  return session(origin).request({ ":path": pathname + search, ...fields }, options);
}

/** The status of a request, whose answer may come while its body is on the way. */
function answered(stream) {
  return new Promise((resolve, reject) => {
    stream.on("response", (fields) => resolve(fields[":status"]));
    stream.on("error", reject);
  });
}

async function get(url) {
  const stream = begin(url);
  const status = await answered(stream);
  return { status, stream };
}

async function post(url, size, framing) {
  const length = framing === "length" ? { "content-length": size } : {};
  const stream = begin(url, { ":method": "POST", ...length });
  const status = answered(stream);
  pipeline(Readable.from(pieces(size)), stream, () => {});
  return { stream, status: await status };
}

async function waiting(url, size) {
  const fields = { ":method": "POST", "content-length": size, expect: "100-continue" };
  const stream = begin(url, fields, { endStream: false });
  let continued = false;
  stream.on("continue", () => {
    continued = true;
    pipeline(Readable.from(pieces(size)), stream, () => {});
  });
  const status = await answered(stream);
  const body = await text(stream);
  if (!continued) stream.close(http2.constants.NGHTTP2_CANCEL);
  return { status, body, continued };
}

async function status(url) {
  const answer = await get(url);
  await text(answer.stream);
  return answer.status;
}

await answerRows({
  async reuse({ url, times }) {
    const answers = [];
    for (let number = 0; number < times; number++) answers.push(JSON.parse(await text((await get(`${url}/who`)).stream)));
    return { answers };
  },
  async upload({ url, size, framing }) {
    const answer = await post(url, size, framing);
    return { status: answer.status, answer: JSON.parse(await text(answer.stream)) };
  },
  async refused({ url, size, framing, times }) {
    const upload = async () => {
      const answer = await post(url, size, framing);
      await text(answer.stream);
      return answer.status;
    };
    return refusals(times, upload, () => status(new URL("/who", url)));
  },
  async expect({ url, size }) {
    const accepted = await waiting(`${url}/digest`, size);
    const refused = await waiting(`${url}/refused`, size);
    const continued = accepted.continued && !refused.continued;
    return { continued, answer: JSON.parse(accepted.body), refused: refused.status };
  },
  async trailers({ url, size }) {
    const stream = begin(`${url}/digest`, { ":method": "POST", te: "trailers" }, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "x-sent": "behind" }));
    let got;
    stream.on("trailers", (fields) => (got = fields["x-digest"]));
    const waited = answered(stream);
    pipeline(Readable.from(pieces(size)), stream, () => {});
    await waited;
    return { answer: JSON.parse(await text(stream)), got, sent: { "x-sent": "behind" } };
  },
  async download({ url }) {
    return digest((await get(url)).stream);
  },
  async cancel({ url, size, after, times }) {
    const next = [];
    for (let number = 0; number < times; number++) {
      const { stream } = await get(`${url}/sized?${size}`);
      let read = 0;
      for await (const piece of stream) {
        read += piece.length;
        if (read >= after) break;
      }
      next.push(await status(`${url}/who`));
    }
    return { next };
  },
  async parallel({ urls }) {
    return { answers: await Promise.all(urls.map(async (url) => digest((await get(url)).stream))) };
  },
});
