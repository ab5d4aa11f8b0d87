// Which part of the page the reader is in, so that a link opens there.

import { afterPause, byId } from "./dom.js";

const LINE = 0.25; // of the screen's height, above which the part begins
const WAIT = 150; // milliseconds without a move

export function followPart(store) {
  const follow = afterPause(() => {
    const isBegun = (section) => section.getBoundingClientRect().top < LINE * window.innerHeight;
    const begun = [...document.querySelectorAll("main > section")].filter(isBegun);
    store.set({ part: begun.at(-1)?.id ?? null });
  }, WAIT);
  window.addEventListener("scroll", follow, { passive: true });
}

// Brings a part into view; the keyboard goes on from one of its controls, or else from its title.
export function lead(part, control = byId(part).getAttribute("aria-labelledby")) {
  byId(part).scrollIntoView();
  byId(control).focus({ preventScroll: true });
}

export function leadToPart({ part }) {
  if (part) byId(part)?.scrollIntoView({ behavior: "instant" });
}
