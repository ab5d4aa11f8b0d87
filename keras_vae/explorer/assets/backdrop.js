// What the decoder draws all over a plane of two latents: computed once, a row at a time, behind the points.

import { pixels } from "./dom.js";

const ROWS = 20;

export function makeBackdrop(space, model, whenMore) {
  const [height, width] = model.shape;
  const canvas = document.createElement("canvas");
  let row = -1;

  function next() {
    const map = space.maps.get("latent");
    const context = canvas.getContext("2d");
    for (let column = 0; column < ROWS; column++) {
      const latent = map.invert((column + 0.5) / ROWS, 1 - (row + 0.5) / ROWS);
      context.putImageData(pixels(model.decode(latent), model.shape), column * width, row * height);
    }
    row += 1;
    whenMore();
    if (row < ROWS) setTimeout(next, 0);
  }

  return {
    draw(target, [left, top], [right, bottom]) {
      if (row < 0) {
        Object.assign(canvas, { width: ROWS * width, height: ROWS * height });
        row = 0;
        setTimeout(next, 0);
      }
      target.globalAlpha = 0.45;
      target.drawImage(canvas, left, top, right - left, bottom - top);
      target.globalAlpha = 1;
    },
  };
}
