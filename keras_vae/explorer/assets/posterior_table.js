// The posterior of one image in numbers: mean, standard deviation and KL of every latent, unused ones too.

import { byId, make, number } from "./dom.js";

// `order` are the latents as their sliders are. What is folded is not filled: `fill` is called with every stroke.
export function makePosteriorTable(order, reference) {
  const details = byId("own-numbers");
  const place = details.querySelector(".table");
  details.querySelector("summary").textContent = `All ${order.length} latents in numbers`;
  let shown = null; // what would be in it

  function fill() {
    if (!details.open || !shown) return;
    const [{ mean, logVar }, kl] = shown;
    const head = ["slider", "latent", "mean", "standard deviation", `KL to ${reference}, nats`];
    const rows = order.map((index, at) => {
      const numbers = [index, number(mean[index], 3), number(Math.exp(0.5 * logVar[index]), 3), number(kl[index], 3)];
      const first = make("th", { scope: "row" }, String(at + 1));
      return make("tr", {}, first, ...numbers.map((each) => make("td", {}, String(each))));
    });
    const titles = make("tr", {}, ...head.map((name) => make("th", { scope: "col" }, name)));
    place.replaceChildren(make("table", {}, make("thead", {}, titles), make("tbody", {}, ...rows)));
  }
  details.ontoggle = fill;

  return (posterior, kl) => {
    shown = [posterior, kl];
    fill();
  };
}
