// The difference of two classes' mean latents, added to the chosen image.

import { afterPause, byId, fillRow, make, number, oncePerFrame, paint } from "./dom.js";
import { makeRunner } from "./turns.js";

const WAIT = 100; // milliseconds without a change, after which the strip is drawn: it takes longer than a frame
const AMOUNTS = [-0.5, -0.25, 0, 0.25, 0.5, 0.75, 1, 1.25, 1.5];

export function showShift(app) {
  const { store, space, facts, model } = app;
  if (facts.classes.length < 2) {
    byId("shift-part").remove();
    document.querySelector('nav a[href="#shift-part"]').remove();
    return;
  }
  const meanOf = new Map(facts.classes.map(({ label, mean }) => [label, mean]));
  const base = () => (store.image === null ? store.latent : space.latent(store.image));
  const shifted = (amount) => {
    const [less, plus] = [meanOf.get(store.shift.less), meanOf.get(store.shift.plus)];
    return base().map((value, index) => value + amount * (plus[index] - less[index]));
  };

  const show = oncePerFrame(() => {
    paint(byId("shift-before"), model.decode(base()), model.shape);
    paint(byId("shift-after"), model.decode(shifted(store.shift.amount)), model.shape);
    byId("shift-value").textContent = number(store.shift.amount);
    byId("shift-amount").value = store.shift.amount;
    byId("shift-amount").setAttribute("aria-valuetext", `${number(store.shift.amount)} times the difference`);
    byId("shift-from").value = store.shift.less;
    byId("shift-to").value = store.shift.plus;
    showStripLater();
  });
  const run = makeRunner();
  const showStrip = () => run(fillRow(byId("shift-strip"), AMOUNTS.map(shifted), model));
  const showStripLater = afterPause(showStrip, WAIT);

  for (const [id, name] of [["shift-from", "less"], ["shift-to", "plus"]]) {
    byId(id).append(...facts.classes.map((each) => make("option", { value: each.label }, each.name)));
    byId(id).onchange = ({ target }) => store.set({ shift: { ...store.shift, [name]: Number(target.value) } });
  }
  byId("shift-amount").oninput = ({ target }) => store.set({ shift: { ...store.shift, amount: target.valueAsNumber } });
  const tick = (amount) => make("span", {}, amount % 0.5 ? "" : String(amount).replace("-", "−"));
  byId("shift-ticks").append(...AMOUNTS.map(tick));
  byId("shift-text").textContent = facts.texts.shift;
  byId("shift-how").textContent = facts.texts.shiftHow;
  store.watch((changed) => {
    const moved = store.image === null && changed.has("latent");
    if (moved || changed.has("shift") || changed.has("image")) show();
  });
  show();
  showStrip();
}
