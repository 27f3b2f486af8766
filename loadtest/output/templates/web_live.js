/* Puts the live page into Locust's tab of that name, and takes it away when another tab is opened: a page that nobody
   looks at asks for nothing. */
(() => {
  const TITLE = "Live";
  let frame = null;

  function isOpen() {
    const open = document.querySelector('[role="tab"][aria-selected="true"]');
    return open !== null && open.textContent.trim() === TITLE;
  }

  function isDark() {
    const [red, green, blue] = (getComputedStyle(document.body).backgroundColor.match(/[\d.]+/g) ?? [255, 255, 255]).map(Number);
    return red + green + blue < 384;
  }

  function fit() {
    const page = frame?.contentDocument?.body;
    if (page) frame.style.height = `${page.offsetHeight}px`;
  }

  function look() {
    const place = document.querySelector('[role="tablist"]')?.closest(".MuiContainer-root");
    if (!isOpen() || !place) {
      frame?.remove();
      frame = null;
      return;
    }
    if (frame?.isConnected) return;
    frame = document.createElement("iframe");
    frame.id = "lobby-live";
    frame.title = "The swarm, live";
    frame.src = `./lobby/live${isDark() ? "#dark" : ""}`;
    frame.style.cssText = "width:100%;height:80vh;border:0;display:block";
    frame.addEventListener("load", () => new ResizeObserver(fit).observe(frame.contentDocument.body));
    place.append(frame);
  }

  document.addEventListener("DOMContentLoaded", () => {
    new MutationObserver(look).observe(document.body, { childList: true, subtree: true, attributes: true, attributeFilter: ["aria-selected"] });
    look();
  });
})();
