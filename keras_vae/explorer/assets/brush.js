// A brush on a small canvas, by pointer and by keyboard.

const RADIUS = 1.25 / 28; // of the width of the image
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

// Tells `draw(ink)` of each stroke: h * w values in [0, 1].
export function listenToBrush(canvas, [height, width], draw) {
  let last = null;
  const placeOf = (event) => {
    const box = canvas.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * width, ((event.clientY - box.top) / box.height) * height];
  };
  function drawTo(place) {
    draw(ink(last ?? place, place, [height, width]));
    last = place;
  }

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || !event.isPrimary) return;
    canvas.setPointerCapture(event.pointerId);
    last = null;
    drawTo(placeOf(event));
  });
  canvas.addEventListener("pointermove", (event) => event.isPrimary && last && drawTo(placeOf(event)));
  for (const end of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(end, (event) => event.isPrimary && (last = null));
  }

  // The keyboard's brush stands in the middle of a pixel, and draws while it is down.
  let [column, row, isDown] = [Math.floor(width / 2), Math.floor(height / 2), false];
  const mark = canvas.nextElementSibling;
  const showMark = () => {
    mark.style.left = `${(100 * (column + 0.5)) / width}%`;
    mark.style.top = `${(100 * (row + 0.5)) / height}%`;
    mark.classList.toggle("down", isDown);
  };
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "application");
  canvas.addEventListener("keydown", (event) => {
    const step = STEPS[event.key];
    if ((!step && event.key !== " ") || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    if (event.key === " ") isDown = !isDown;
    const before = [column + 0.5, row + 0.5];
    if (step) {
      column = Math.min(width - 1, Math.max(0, column + step[0]));
      row = Math.min(height - 1, Math.max(0, row + step[1]));
    }
    if (isDown) draw(ink(before, [column + 0.5, row + 0.5], [height, width]));
    showMark();
  });
  canvas.addEventListener("blur", () => {
    isDown = false;
    showMark();
  });
  showMark();
}

// A line with soft edges.
function ink([startX, startY], [endX, endY], [height, width]) {
  const values = new Float32Array(height * width);
  const radius = Math.max(1, RADIUS * width);
  const length = Math.hypot(endX - startX, endY - startY);
  const [alongX, alongY] = [(endX - startX) / (length || 1), (endY - startY) / (length || 1)];
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const [x, y] = [column + 0.5 - startX, row + 0.5 - startY];
      const at = Math.min(length, Math.max(0, x * alongX + y * alongY));
      const apart = Math.hypot(x - at * alongX, y - at * alongY);
      values[row * width + column] = Math.min(1, Math.max(0, radius + 0.5 - apart));
    }
  }
  return values;
}
