// What the decoder draws all over a plane of two latents: computed once, behind the points.

import { pixels } from "./dom.js";
import { makeRunner } from "./turns.js";

const ROWS = 20;

export function makeBackdrop(space, model, whenMore) {
  const [height, width] = model.shape;
  const canvas = document.createElement("canvas");
  let isBegun = false;

  function* fill() {
    const map = space.maps.get("latent");
    const context = canvas.getContext("2d");
    for (let row = 0; row < ROWS; row++) {
      for (let column = 0; column < ROWS; column++) {
        const latent = map.invert((column + 0.5) / ROWS, 1 - (row + 0.5) / ROWS);
        context.putImageData(pixels(model.decode(latent), model.shape), column * width, row * height);
        yield;
      }
      whenMore();
    }
  }

  return {
    draw(target, [left, top], [right, bottom]) {
      if (!isBegun) {
        Object.assign(canvas, { width: ROWS * width, height: ROWS * height });
        isBegun = true;
        setTimeout(() => makeRunner()(fill()));
      }
      target.globalAlpha = 0.45;
      target.drawImage(canvas, left, top, right - left, bottom - top);
      target.globalAlpha = 1;
    },
  };
}
