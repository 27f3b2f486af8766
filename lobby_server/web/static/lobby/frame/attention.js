/** What calls somebody back to this tab: the number of unread things in its title, and a sound for a user who wants one. */
import { ofDevice } from "../base/storage.js";
import { t } from "../words/words.js";

const KEY = "lobby.sounds";
const TONES_HZ = [660, 880];
const TONE_S = 0.12;

export class Attention {
  #account;
  #unread = new Map(); // what → how many

  constructor({ account, checkbox }) {
    this.#account = account;
    account.loggedIn.connect(() => this.draw());
    account.loggedOut.connect(() => {
      this.#unread.clear();
      this.draw();
    });
    checkbox.checked = this.#isLoud;
    checkbox.addEventListener("change", () => {
      if (checkbox.checked) ofDevice.set(KEY, "on");
      else ofDevice.remove(KEY); // for which there is space at all times
      if (checkbox.checked) this.#play();
    });
    addEventListener("storage", () => (checkbox.checked = this.#isLoud)); // chosen in another tab
    this.draw();
  }

  /** So many unread things of one kind. More than before are heard, where sounds are on and nobody looks. */
  count(what, unread) {
    const before = this.#unread.get(what) ?? 0;
    this.#unread.set(what, unread);
    if (unread > before) this.call();
    this.draw();
  }

  /** Something happened that does not wait: it is heard, where sounds are on and nobody looks. */
  call() {
    if (document.hidden && this.#isLoud) this.#play();
  }

  draw() {
    const { user } = this.#account;
    const total = [...this.#unread.values()].reduce((sum, each) => sum + each, 0);
    const page = t("page.title");
    document.title = user === null ? page : `${total > 0 ? `(${total}) ` : ""}${user.username} · ${page}`;
  }

  get #isLoud() {
    return ofDevice.get(KEY) === "on";
  }

  #play() {
    const context = new AudioContext();
    TONES_HZ.forEach((frequency, at) => {
      const tone = new OscillatorNode(context, { frequency });
      const volume = new GainNode(context, { gain: 0.08 });
      tone.connect(volume).connect(context.destination);
      tone.start(context.currentTime + at * TONE_S);
      tone.stop(context.currentTime + (at + 1) * TONE_S);
      if (at === TONES_HZ.length - 1) tone.onended = () => context.close();
    });
  }
}
