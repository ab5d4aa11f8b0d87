// Many dots as pixels: ten thousand of them, drawn one by one by the canvas, would take longer than a frame.

// Of canvases that dots go through: their pixels are the processor's, and on their way to a graphics card and back they
// would take twice as long where there is none.
export const BY_PROCESSOR = { willReadFrequently: true };

// A layer that draws dots. `draw` takes the context to draw on, its size and how many pixels of the screen one of its
// own is, the indices of the points to draw, where all of them lie, the colour of each label, radius and opacity.
export function makeDots() {
  const layer = document.createElement("canvas");
  let pixels = null;

  return {
    draw(target, { width, height, ratio, indices, x, y, start, scale, labels, colours, radius, opacity }) {
      const [wide, high] = [Math.ceil(width * ratio), Math.ceil(height * ratio)];
      if (layer.width !== wide || layer.height !== high || !pixels) {
        Object.assign(layer, { width: wide, height: high });
        pixels = new ImageData(wide, high);
      }
      const data = pixels.data;
      data.fill(0);
      const { cover, side, reach } = makeStamp(radius * ratio, opacity);
      // Rounded apart from each other, so that dots keep their distances while the map is moved.
      const left = Math.round(start[0] * ratio) - reach;
      const top = Math.round(start[1] * ratio) - reach;
      for (const index of indices) {
        const colour = colours.get(labels[index]);
        const firstX = left + Math.round(x[index] * scale * ratio);
        const firstY = top - Math.round(y[index] * scale * ratio);
        if (firstX < 0 || firstY < 0 || firstX + side > wide || firstY + side > high) continue;
        blend(data, 4 * (firstY * wide + firstX), 4 * wide, cover, side, colour);
      }
      layer.getContext("2d", BY_PROCESSOR).putImageData(pixels, 0, 0);
      target.drawImage(layer, 0, 0, width, height);
    },
  };
}

// How much of each pixel a dot covers.
function makeStamp(radius, opacity) {
  const reach = Math.ceil(radius);
  const side = 2 * reach + 1;
  const cover = new Float32Array(side * side);
  for (let row = 0; row < side; row++) {
    for (let column = 0; column < side; column++) {
      const apart = Math.hypot(row - reach, column - reach);
      cover[row * side + column] = opacity * Math.min(1, Math.max(0, radius + 0.5 - apart));
    }
  }
  return { cover, side, reach };
}

// One dot over what is there (Porter & Duff 1984), of colours that are not multiplied by their opacity.
function blend(data, first, stride, cover, side, [red, green, blue]) {
  for (let row = 0, at = 0; row < side; row++) {
    for (let column = 0, pixel = first + row * stride; column < side; column++, at++, pixel += 4) {
      const above = cover[at];
      if (above === 0) continue;
      const below = (data[pixel + 3] / 255) * (1 - above);
      const total = above + below;
      data[pixel] = (red * above + data[pixel] * below) / total;
      data[pixel + 1] = (green * above + data[pixel + 1] * below) / total;
      data[pixel + 2] = (blue * above + data[pixel + 2] * below) / total;
      data[pixel + 3] = 255 * total;
    }
  }
}
