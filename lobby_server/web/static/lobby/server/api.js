/**
 * The HTTP API: data and changes. Every failure is an `ApiError` with a sentence for people. What is answered after its
 * user has logged out fails without one: the page may be another user's by then, and nobody is told.
 */
import { AWAY, bannedSentence } from "../words/sentences.js";
import { said } from "../words/words.js";

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
  #logins = 0; // that have ended

  get = (path, signal) => this.#call("GET", path, undefined, signal);
  post = (path, body = {}) => this.#call("POST", path, body);
  patch = (path, body) => this.#call("PATCH", path, body);
  delete = (path) => this.#call("DELETE", path);

  /** Nobody is logged in any more. */
  forget() {
    this.token = null;
    this.#logins += 1;
  }

  async #call(method, path, body, signal) {
    const { token } = this;
    const login = this.#logins;
    const headers = {};
    if (body !== undefined) headers["Content-Type"] = "application/json";
    if (token !== null) headers["Authorization"] = `Bearer ${token}`;
    const timeout = AbortSignal.timeout(TIMEOUT_MS);
    const { status, answer } = await ask(path.slice(1), { // from the folder of the page: a proxy may have put it below a prefix
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
      cache: "no-cache", // ask with the tag of what is kept: an unchanged list comes back as 304
      credentials: "omit",
    });
    if (login !== this.#logins) throw new ApiError({ status: 0, code: "logged_out", sentence: "" });
    if (status === 0) throw new ApiError({ status, code: "away", sentence: AWAY });
    if (status < 300) return answer;
    if (answer.code === "invalid_token" && token === this.token) this.onSignedOut();
    const sentence = answer.code === "user_banned" ? bannedSentence(answer.error) : said(answer.error);
    if (answer.code === "user_banned" && token === this.token && token !== null) this.onSignedOut(sentence);
    throw new ApiError({
      status,
      code: answer.code,
      sentence,
      fields: translated(answer.fields),
      existingRoomId: answer.existing_room_id,
    });
  }
}

/**
 * End a login at the server. Resolves to whether the server knows: it may be away, or refuse to do it now; then the login
 * goes on until its end.
 */
export async function endLogin(token) {
  const api = new Api();
  api.token = token;
  try {
    await api.post("/api/auth/logout");
  } catch (fault) {
    return fault.status === 401 || fault.status === 403; // it had ended the login already
  }
  return true;
}

/** Status and body of the answer; status 0: there was none that could be read. */
async function ask(address, options) {
  try {
    const response = await fetch(address, options);
    return { status: response.status, answer: response.status === 204 ? null : await response.json() };
  } catch {
    return { status: 0, answer: null };
  }
}

/** The sentence of each field, in the reader's language. */
function translated(fields) {
  return fields && Object.fromEntries(Object.entries(fields).map(([name, sentence]) => [name, said(sentence)]));
}
