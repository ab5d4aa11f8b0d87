// Pointer, wheel, fingers and keys on the map.

const STEP = 60; // pixels that an arrow key moves
const CHOICES = ["Enter", " "];
const STILL = 4; // pixels within which a press is a click

// Tells `hover(place, by)`, `choose(place)` and `select(corners)`, places in pixels of the canvas; `by` is "key",
// "touch" or, where a pointer hovers, nothing. `selects()` says what a drag draws: a "box", a "lasso", or nothing, so
// that it moves the map.
export function listen(view, { hover, choose, select, selects }) {
  const { canvas } = view;
  const pressed = new Map();
  let start = null;
  let drawing = null;
  let pinch = null;
  let moved = false;

  const placeOf = (event) => {
    const bounds = canvas.getBoundingClientRect();
    return [event.clientX - bounds.left, event.clientY - bounds.top];
  };
  const middle = () => view.size().map((side) => side / 2);
  // A place goes with the finger that moves the map: what changes is what lies in its middle.
  const hoverMiddle = ({ pointerType }) => pointerType === "touch" && hover(middle(), "touch");

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    pressed.set(event.pointerId, placeOf(event));
    start = placeOf(event);
    moved = false;
    pinch = pressed.size === 2 ? span(pressed) : null;
    const kind = pressed.size === 1 && (selects() || (event.shiftKey && "box"));
    drawing = kind ? { kind, corners: [start] } : null;
    if (pressed.size > 1) moved = true;
    else if (event.pointerType === "touch" && !drawing) hover(start, "touch");
  });

  canvas.addEventListener("pointermove", (event) => {
    const place = placeOf(event);
    if (!pressed.has(event.pointerId)) return hover(place);
    const before = pressed.get(event.pointerId);
    pressed.set(event.pointerId, place);
    if (pressed.size === 2) {
      const now = span(pressed);
      if (pinch) {
        view.zoomAt(now.middle, now.length / Math.max(1, pinch.length));
        view.panBy(now.middle[0] - pinch.middle[0], now.middle[1] - pinch.middle[1]);
      }
      pinch = now;
      return hoverMiddle(event);
    }
    if (apart(place, start) > STILL) moved = true;
    if (!moved) return undefined;
    if (drawing) {
      if (drawing.kind === "box") drawing.corners = boxOf(start, place);
      else if (apart(drawing.corners[drawing.corners.length - 1], place) > STILL) drawing.corners.push(place);
      return view.draw();
    }
    view.panBy(place[0] - before[0], place[1] - before[1]);
    return hoverMiddle(event);
  });

  canvas.addEventListener("pointerup", (event) => {
    if (!pressed.delete(event.pointerId)) return;
    const drawn = drawing;
    drawing = null;
    pinch = null;
    if (pressed.size) return;
    if (drawn && moved) select(drawn.corners);
    else if (!moved) {
      hover(placeOf(event), event.pointerType === "touch" ? "touch" : undefined);
      choose(placeOf(event));
    }
    view.draw();
  });
  canvas.addEventListener("pointercancel", (event) => {
    pressed.delete(event.pointerId);
    drawing = null;
    pinch = null;
    view.draw();
  });
  canvas.addEventListener("pointerleave", () => pressed.size || hover(null));

  canvas.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      view.zoomAt(placeOf(event), Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0016)));
      hover(placeOf(event));
    },
    { passive: false },
  );

  const keys = {
    ArrowLeft: () => view.panBy(STEP, 0),
    ArrowRight: () => view.panBy(-STEP, 0),
    ArrowUp: () => view.panBy(0, STEP),
    ArrowDown: () => view.panBy(0, -STEP),
    "+": () => view.zoomAt(middle(), 1.4),
    "=": () => view.zoomAt(middle(), 1.4),
    "-": () => view.zoomAt(middle(), 1 / 1.4),
    0: () => view.fit(),
    Enter: () => choose(middle(), Infinity),
    " ": () => choose(middle(), Infinity),
  };
  canvas.addEventListener("keydown", (event) => {
    if (!keys[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    keys[event.key]();
    hover(middle(), CHOICES.includes(event.key) ? undefined : "key"); // a choice is told by the name of its image
  });

  return { drawn: () => drawing?.corners };
}

const apart = ([left, top], [right, bottom]) => Math.hypot(right - left, bottom - top);
export const boxOf = ([left, top], [right, bottom]) => [[left, top], [right, top], [right, bottom], [left, bottom]];

function span(pressed) {
  const [first, second] = [...pressed.values()];
  return {
    length: Math.hypot(first[0] - second[0], first[1] - second[1]),
    middle: [(first[0] + second[0]) / 2, (first[1] + second[1]) / 2],
  };
}
