// Node's http and https, over HTTP/1.1, with an agent that keeps connections.

import http from "node:http";
import https from "node:https";
import { pipeline, Readable } from "node:stream";

import { answerRows, digest, pieces, refusals, text, told } from "./program.mjs";

const agents = {
  "http:": new http.Agent({ keepAlive: true }),
  "https:": new https.Agent({ keepAlive: true, ca: told.ca }),
};

function begin(url, options = {}) {
  const { protocol } = new URL(url);
  const module = protocol === "https:" ? https : http;
  return module.request(url, { agent: agents[protocol], ...options });
}

/** The answer of a request, which may come while its body is on the way. */
function answered(request) {
  return new Promise((resolve, reject) => {
    request.on("response", resolve);
    request.on("error", reject);
  });
}

async function get(url) {
  const request = begin(url);
  request.end();
  return answered(request);
}

async function post(url, size, framing, headers = {}) {
  const length = framing === "length" ? { "Content-Length": size } : {};
  const request = begin(url, { method: "POST", headers: { ...headers, ...length } });
  const answer = answered(request);
  pipeline(Readable.from(pieces(size)), request, () => {});
  return answer;
}

/** The status of a request that waits for 100 before it sends its body, and whether that came. */
async function waiting(url, size) {
  const headers = { Expect: "100-continue", "Content-Length": size };
  const request = begin(url, { method: "POST", headers });
  let continued = false;
  request.on("continue", () => {
    continued = true;
    pipeline(Readable.from(pieces(size)), request, () => {});
  });
  request.flushHeaders();
  const answer = await answered(request);
  const body = await text(answer);
  if (!continued) request.destroy();
  return { status: answer.statusCode, body, continued };
}

async function status(url) {
  const answer = await get(url);
  await text(answer);
  return answer.statusCode;
}

await answerRows({
  async reuse({ url, times }) {
    const answers = [];
    for (let number = 0; number < times; number++) answers.push(JSON.parse(await text(await get(`${url}/who`))));
    return { answers };
  },
  async upload({ url, size, framing }) {
    const answer = await post(url, size, framing);
    return { status: answer.statusCode, answer: JSON.parse(await text(answer)) };
  },
  async refused({ url, size, framing, times }) {
    const upload = async () => {
      const answer = await post(url, size, framing);
      await text(answer);
      return answer.statusCode;
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
    const headers = { "Transfer-Encoding": "chunked", Trailer: "x-sent", TE: "trailers", Connection: "TE, keep-alive" };
    const request = begin(`${url}/digest`, { method: "POST", headers });
    const waited = answered(request);
    for (const piece of pieces(size)) request.write(piece);
    request.addTrailers({ "x-sent": "behind" });
    request.end();
    const answer = await waited;
    const said = JSON.parse(await text(answer));
    return { answer: said, got: answer.trailers["x-digest"], sent: { "x-sent": "behind" } };
  },
  async download({ url }) {
    return digest(await get(url));
  },
  async cancel({ url, size, after, times }) {
    const next = [];
    for (let number = 0; number < times; number++) {
      let read = 0;
      for await (const piece of await get(`${url}/sized?${size}`)) {
        read += piece.length;
        if (read >= after) break;
      }
      next.push(await status(`${url}/who`));
    }
    return { next };
  },
  async parallel({ urls }) {
    return { answers: await Promise.all(urls.map(async (url) => digest(await get(url)))) };
  },
});
