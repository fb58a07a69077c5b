// Replaces the part of the page that changes, every few seconds. Without this script the page shows
// the same, as of the moment when it was loaded.
//
// XMLHttpRequest, because it makes a document of the answer by itself: the page then works under
// `require-trusted-types-for 'script'`, which forbids to write HTML from a script.
(() => {
  "use strict";

  const TIMEOUT = 10000;
  const AFTER_AN_ERROR = 5;
  const control = document.getElementById("refreshing");
  const state = document.getElementById("state");
  const pause = document.getElementById("pause");
  let live = document.getElementById("live");
  let timer = 0;
  let paused = false;
  if (!live) return; // this page does not change

  const address = () => {
    const url = new URL(window.location.href);
    url.searchParams.set("part", "");
    return url.href;
  };

  const later = (times) => {
    window.clearTimeout(timer);
    if (!paused) timer = window.setTimeout(refresh, Number(live.dataset.every) * 1000 * times);
  };

  // What the visitor has opened or has the keyboard on stays so.
  const replace = (next) => {
    const focused = live.contains(document.activeElement) ? document.activeElement.id : "";
    for (const one of live.querySelectorAll("details[open]")) {
      const same = next.querySelector(`#${CSS.escape(one.id)}`);
      if (same) same.open = true;
    }
    live.replaceWith(next);
    live = next;
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  };

  const failed = (text) => {
    state.textContent = text;
    control.classList.add("bad");
    later(AFTER_AN_ERROR);
  };

  const loaded = (request) => {
    const next = request.response?.getElementById("live");
    if (!next) {
      failed("Cannot refresh: load the page again.");
      return;
    }
    control.classList.remove("bad");
    state.textContent = "";
    if (!paused) replace(document.adoptNode(next));
    later(1);
  };

  const refresh = () => {
    if (document.hidden) return; // until it is visible again
    const request = new XMLHttpRequest();
    request.responseType = "document";
    request.timeout = TIMEOUT;
    request.addEventListener("load", () => loaded(request));
    for (const kind of ["error", "timeout"]) {
      request.addEventListener(kind, () => failed("Cannot refresh: no answer."));
    }
    request.open("GET", address());
    request.send();
  };

  pause.addEventListener("click", () => {
    paused = !paused;
    pause.textContent = paused ? "Go on" : "Pause refresh";
    later(0);
  });
  document.addEventListener("visibilitychange", () => later(0));
  control.hidden = false;
  later(1);
})();
