// Many dots as pixels: ten thousand of them, drawn one by one by the canvas, would take longer than a frame.

// Of canvases that dots go through: their pixels are the processor's, and on their way to a graphics card and back they
// would take twice as long where there is none.
export const BY_PROCESSOR = { willReadFrequently: true };

// A layer that draws dots. `draw` takes the context to draw on, how many of its pixels one of the page is, the indices
// of the points to draw, where all of them lie, the colour and the shape of each label, radius and opacity.
export function makeDots() {
  const layer = document.createElement("canvas");
  let pixels = null;

  return {
    draw(target, { ratio, indices, x, y, start, scale, labels, colours, shapes, radius, opacity }) {
      const { width: wide, height: high } = target.canvas;
      if (layer.width !== wide || layer.height !== high || !pixels) {
        Object.assign(layer, { width: wide, height: high });
        pixels = new ImageData(wide, high);
      }
      const data = pixels.data;
      data.fill(0);
      const stamps = new Map();
      for (const shape of new Set(shapes.values())) stamps.set(shape, makeStamp(shape, radius * ratio, opacity));
      // Rounded apart from each other, so that dots keep their distances while the map is moved.
      const [left, top] = start.map((value) => Math.round(value * ratio));
      for (const index of indices) {
        const colour = colours.get(labels[index]);
        const place = [left + Math.round(x[index] * scale * ratio), top - Math.round(y[index] * scale * ratio)];
        blend(data, [wide, high], place, stamps.get(shapes.get(labels[index])), colour);
      }
      layer.getContext("2d", BY_PROCESSOR).putImageData(pixels, 0, 0);
      target.save();
      target.resetTransform(); // pixel upon pixel
      target.drawImage(layer, 0, 0);
      target.restore();
    },
  };
}

// How far a place lies from the middle of a shape, and how far its corners do, where all shapes are as large as a disc
// whose edge lies at 1.
const SHAPES = {
  disc: [Math.hypot, 1],
  square: [(x, y) => Math.max(Math.abs(x), Math.abs(y)) / 0.886, 0.886],
  diamond: [(x, y) => (Math.abs(x) + Math.abs(y)) / 1.253, 1.253],
  triangle: [(x, y) => Math.max(y, Math.abs(x) * 0.866 - y / 2) / 0.778, 1.556],
};

// How much of each pixel a dot covers.
function makeStamp(shape, radius, opacity) {
  const [apartOf, corner] = SHAPES[shape];
  const reach = Math.ceil(radius * corner);
  const side = 2 * reach + 1;
  const cover = new Float32Array(side * side);
  for (let row = 0; row < side; row++) {
    for (let column = 0; column < side; column++) {
      const apart = apartOf(column - reach, row - reach);
      cover[row * side + column] = opacity * Math.min(1, Math.max(0, radius + 0.5 - apart));
    }
  }
  return { cover, side, reach };
}

// One dot over what is there (Porter & Duff 1984), of colours that are not multiplied by their opacity; what reaches
// over the edge is cut off.
function blend(data, [wide, high], [x, y], { cover, side, reach }, [red, green, blue]) {
  const [firstX, firstY] = [x - reach, y - reach];
  const [left, right] = [Math.max(0, -firstX), Math.min(side, wide - firstX)];
  for (let row = Math.max(0, -firstY); row < Math.min(side, high - firstY); row++) {
    let [at, pixel] = [row * side + left, 4 * ((firstY + row) * wide + firstX + left)];
    for (let column = left; column < right; column++, at++, pixel += 4) {
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
