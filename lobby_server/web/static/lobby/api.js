/** The HTTP API: data and changes. Every failure is an `ApiError` with a sentence for people. */
import { AWAY } from "./sentences.js";
import { t } from "./words.js";

const TIMEOUT_MS = 15000;

export class ApiError extends Error {
  constructor({ status, code, sentence, fields = {}, existingRoomId = null }) {
    super(sentence);
    Object.assign(this, { status, code, sentence, fields, existingRoomId });
  }
}

export class Api {
  token = null;
  onSignedOut = () => {}; // the server does not know our token any more

  get = (path, signal) => this.#call("GET", path, undefined, signal);
  post = (path, body = {}) => this.#call("POST", path, body);
  patch = (path, body) => this.#call("PATCH", path, body);
  delete = (path) => this.#call("DELETE", path);

  async #call(method, path, body, signal) {
    const token = this.token;
    const headers = {};
    if (body !== undefined) headers["Content-Type"] = "application/json";
    if (token !== null) headers["Authorization"] = `Bearer ${token}`;
    let response;
    let answer = null;
    try {
      const timeout = AbortSignal.timeout(TIMEOUT_MS);
      response = await fetch(path.slice(1), { // from the folder of the page: a proxy may have put it below a prefix
        method,
        headers,
        body: body === undefined ? undefined : JSON.stringify(body),
        signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
        cache: "no-cache", // ask with the tag of what is kept: an unchanged list comes back as 304
        credentials: "omit",
      });
      if (response.status !== 204) answer = await response.json();
    } catch (fault) {
      throw new ApiError({ status: 0, code: "away", sentence: AWAY });
    }
    if (response.ok) return answer;
    if (answer.code === "invalid_token" && token === this.token) this.onSignedOut();
    if (answer.code === "user_banned" && token === this.token && token !== null) this.onSignedOut(t(answer.error));
    throw new ApiError({
      status: response.status,
      code: answer.code,
      sentence: t(answer.error),
      fields: translated(answer.fields),
      existingRoomId: answer.existing_room_id,
    });
  }
}

/** The sentence of each field, in the reader's language. */
function translated(fields) {
  return fields && Object.fromEntries(Object.entries(fields).map(([name, sentence]) => [name, t(sentence)]));
}
