/* Locust closes the form of an edit whatever the answer was. What was refused is said here, until it is closed or until
   the next answer.

   That form asks for the same as the one of a start, but for no host. So it is told here which of them it was: the edit
   of a run that has ended meanwhile would begin another one. */
(() => {
  const send = window.fetch;
  let shown = null;

  window.fetch = async (...given) => {
    const asked = new Request(...given);
    if (!/\/(swarm|stop)$/.test(new URL(asked.url).pathname)) return send(asked);
    if (asked.method === "POST" && isEdit(await asked.clone().text())) asked.headers.set("X-Lobby-Edit", "true");
    let answer;
    try {
      answer = await send(asked);
    } catch (fault) {
      show("The swarm does not answer: its program has ended, or the network is down. Nothing is known to have changed.");
      throw fault;
    }
    const unclear = answer.ok ? null : `The swarm answered with ${answer.status}: nothing is known to have changed.`;
    answer.clone().json().then(({ notice }) => show(notice), () => show(unclear));
    return answer;
  };

  function isEdit(body) {
    const fields = new URLSearchParams(body);
    return fields.has("user_count") && !fields.has("host");
  }

  function show(notice) {
    shown?.remove();
    shown = null;
    if (!notice) return;
    shown = document.createElement("div");
    shown.id = "lobby-notice";
    shown.setAttribute("role", "alert");
    shown.style.cssText =
      "position:fixed;left:50%;bottom:24px;transform:translateX(-50%);z-index:2000;display:flex;gap:16px;" +
      "align-items:center;max-width:min(720px,90vw);padding:12px 16px;border-radius:4px;background:#7a1f1f;" +
      "color:#fff;font:16px/1.4 Roboto,Helvetica,Arial,sans-serif;box-shadow:0 4px 16px rgba(0,0,0,.4)";
    const text = document.createElement("span");
    text.textContent = notice;
    const close = document.createElement("button");
    close.type = "button";
    close.textContent = "Close";
    close.style.cssText =
      "flex:none;padding:4px 12px;border:1px solid #fff;border-radius:4px;background:none;color:inherit;font:inherit;" +
      "cursor:pointer";
    close.addEventListener("click", () => show(null));
    shown.append(text, close);
    document.body.append(shown);
  }
})();
