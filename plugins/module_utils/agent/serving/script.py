# Copyright: Contributors to the wxgov.sagemaker project
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The status page's script: fetches the page anew every few seconds and changes only what differs.

So there is one renderer, the server's; focus, scroll position, selection and opened details stay as they are; and the
page works without the script too, by the refresh in its head.
"""

from __future__ import annotations

SCRIPT = """
"use strict";
(() => {
  const period = Number(document.currentScript.dataset.period) * 1000;
  const button = document.getElementById("pause");
  const stale = document.getElementById("stale");
  const address = location.origin + location.pathname; // without a password that the reader typed into the address
  let paused = false;
  let timer = 0;

  const alike = (one, other) =>
    one.nodeType === other.nodeType && one.nodeName === other.nodeName && (one.id || "") === (other.id || "");

  const adopt = (present, wanted) => {
    for (const name of present.getAttributeNames()) {
      if (!wanted.hasAttribute(name) && name !== "open") present.removeAttribute(name);
    }
    for (const name of wanted.getAttributeNames()) {
      const value = wanted.getAttribute(name);
      if (present.getAttribute(name) !== value) present.setAttribute(name, value);
    }
  };

  const morph = (present, wanted) => {
    if (present.nodeType !== Node.ELEMENT_NODE) {
      if (present.nodeValue !== wanted.nodeValue) present.nodeValue = wanted.nodeValue;
      return;
    }
    adopt(present, wanted);
    let place = present.firstChild;
    for (const child of [...wanted.childNodes]) {
      const known = child.id ? [...present.children].find((other) => other.id === child.id) : place;
      if (known && alike(known, child)) {
        if (known !== place) present.insertBefore(known, place);
        else place = place.nextSibling;
        morph(known, child);
      } else {
        present.insertBefore(document.importNode(child, true), place);
      }
    }
    while (place) {
      const next = place.nextSibling;
      place.remove();
      place = next;
    }
  };

  const refresh = async () => {
    try {
      const answer = await fetch(address, { cache: "no-store", signal: AbortSignal.timeout(period + 5000) });
      if (!answer.ok) throw new Error(String(answer.status));
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (paused) return;
      document.title = fresh.title;
      for (const id of ["head", "content", "foot"]) morph(document.getElementById(id), fresh.getElementById(id));
      stale.hidden = true;
    } catch {
      stale.hidden = false;
    }
  };

  const plan = () => {
    timer = window.setTimeout(async () => {
      if (!document.hidden) await refresh();
      if (!paused) plan();
    }, period);
  };

  button.hidden = false;
  button.addEventListener("click", () => {
    paused = !paused;
    button.setAttribute("aria-pressed", String(paused));
    button.textContent = paused ? "Go on refreshing" : "Pause refreshing";
    window.clearTimeout(timer);
    if (!paused) void refresh().then(plan);
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && !paused) void refresh();
  });
  plan();
})();
"""
