/**
 * The operations page: the server's own figures over the server's own socket, live, for an administrator's token.
 *
 * The connection is the lobby's: heartbeat, watchdog, jitter and refusals work alike.
 */
import { byId, clearPage, fromTemplate, onceAFrame, onSubmit, part, setHidden, setText, syncList } from "./lobby/base/dom.js";
import { ofTab } from "./lobby/base/storage.js";
import { ConnectionView } from "./lobby/frame/connection_view.js";
import { offerLanguages } from "./lobby/frame/language_choice.js";
import { Api, endLogin } from "./lobby/server/api.js";
import { Connection } from "./lobby/server/connection.js";
import { showDoor } from "./lobby/words/opening.js";
import { AWAY } from "./lobby/words/sentences.js";
import { t } from "./lobby/words/words.js";
import { Admin } from "./ops/admin.js";
import { Figure, FIGURES } from "./ops/figures.js";

const KEY = "lobby.ops";
const KEPT_MS = 15 * 60 * 1000;
const ROLES = {
  leads: "ops.nodes.role.leads",
  follows: "ops.nodes.role.follows",
};

offerLanguages();

const connection = new Connection({
  url: new URL("ops/socket", location.href).href.replace(/^http/, "ws"),
  version: "ops",
  features: [],
});
new ConnectionView(connection);

const admin = new Admin();
let login = null; // {token, isOwn}
let fields = [];
let samples = []; // arrays in the order of `fields`, oldest first
const figures = FIGURES.map((spec) => new Figure(spec, byId("figures")));

const draw = onceAFrame(() => {
  if (fields.length === 0) return; // turned light or dark before the server has told anything
  const columns = Object.fromEntries(fields.map((name, at) => [name, samples.map((sample) => sample[at])]));
  for (const figure of figures) figure.draw(columns);
});

/** A role that this page does not know is shown as the server calls it. */
function roleOf({ role, sessions }) {
  if (sessions === null) return t("ops.nodes.role.unknown");
  return role in ROLES ? t(ROLES[role]) : role;
}

/** One row per node of the lobby; there is no table where there is one process. */
function drawNodes(nodes) {
  setHidden(byId("nodes"), false);
  setText(byId("scope"), t("ops.scope.nodes"));
  syncList(byId("node-rows"), nodes, {
    key: (node) => node.name,
    make: () => fromTemplate("node-row"),
    update: (row, node) => {
      setText(part(row, "name"), node.name);
      setText(part(row, "role"), roleOf(node));
      setText(part(row, "version"), node.version);
      for (const name of ["sessions", "lag_entries", "lag_ms", "waiting"]) setText(part(row, name), String(node[name] ?? "–"));
    },
  });
}

connection.message.connect((type, data) => {
  if (type === "ops_history") {
    fields = data.fields;
    samples = (data.part ?? 1) === 1 ? data.samples : samples.concat(data.samples);
    setText(byId("every"), String(data.every_s));
  } else if (type === "ops_sample") {
    samples.push(data.sample);
    const oldest = data.sample[0] - KEPT_MS;
    while (samples[0][0] < oldest) samples.shift();
  } else if (type === "ops_nodes") {
    drawNodes(data.nodes);
    return;
  } else {
    return;
  }
  draw();
});

// -- the login -----------------------------------------------------------------------------------------------------

function show(isInside) {
  setHidden(byId("door"), isInside);
  for (const element of document.querySelectorAll("[data-inside]")) setHidden(element, !isInside);
}

/** `isOwn`: the token is of a login on this page, and ends with it; one that was pasted is only forgotten. */
function open({ token, isOwn }) {
  login = { token, isOwn };
  ofTab.set(KEY, JSON.stringify(login));
  setText(byId("door-news"), "");
  setText(byId("token-problem"), "");
  setText(byId("log-out"), isOwn ? t("common.log_out") : t("ops.door.token.forget"));
  connection.connect(token, "ops");
  connection.retryNow(); // somebody has pressed a button: it does not wait for its turn
}

function forget(sentence) {
  clearPage(); // the door cannot have the focus below a dialog
  admin.close();
  ofTab.remove(KEY);
  connection.disconnect();
  samples = [];
  setText(byId("door-news"), sentence);
  show(false);
  byId(login?.isOwn ? "admin-username" : "token").focus();
  login = null;
}

/** At the server, too, where it is this page's own. */
async function end({ token, isOwn }) {
  if (isOwn && !(await endLogin(token)) && login === null) setText(byId("door-news"), t("door.logout_untold"));
}

function read() {
  try {
    const kept = JSON.parse(ofTab.get(KEY));
    return typeof kept?.token === "string" ? kept : null;
  } catch {
    return null; // somebody else wrote there
  }
}

onSubmit(byId("token-form"), async (given) => {
  const pasted = given.get("token").trim();
  if (pasted === "") {
    setText(byId("token-problem"), t("ops.door.token.missing"));
    return;
  }
  open({ token: pasted, isOwn: false });
});
onSubmit(byId("admin-login-form"), async (given) => {
  const { token } = await new Api().post("/api/auth/login", { username: given.get("username").trim(), password: given.get("password") });
  open({ token, isOwn: true });
});
connection.established.connect((accepted) => {
  setText(byId("my-name"), accepted.username);
  byId("token-form").reset();
  byId("admin-login-form").reset();
  admin.open(login.token);
  show(true);
});
connection.refused.connect((sentence, reason) => {
  const refused = login;
  forget(sentence);
  if (reason === "admin_required") end(refused); // it was for nothing
});
connection.changed.connect(() => {
  const { phase } = connection;
  if (phase !== "connecting") showDoor();
  setHidden(byId("connection"), phase === "off" || phase === "refused"); // at the door, too: a login may wait for the server
  if (byId("door").hidden) return;
  if (phase === "waiting") setText(byId("door-news"), AWAY);
});
byId("log-out").addEventListener("click", () => {
  const left = login;
  forget("");
  end(left);
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  for (const figure of figures) figure.recolour();
  draw();
});

setHidden(byId("not-kept"), ofTab.isLasting);
setHidden(byId("kept"), !ofTab.isLasting);
show(false);
const kept = read();
if (kept === null) showDoor();
else open(kept);
