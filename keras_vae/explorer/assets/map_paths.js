// The paths between two images, as lines on a map.

import { styled } from "./colours.js";
import { remembered } from "./dom.js";
import { drawMark } from "./map_marks.js";
import { pathOf, waysBetween } from "./paths.js";

const STEPS = 25; // of a path as it is drawn
const STROKES = { straight: ["accent", []], spherical: ["second", [6, 4]], shortest: ["third", [2, 3]] };

// What draws the store's paths on the context of a map. Where they lie is kept: to find the nearest images of all their
// points takes longer than a frame.
export function makePaths({ store, space }) {
  const pathsOf = remembered((from, to) => ({
    ways: waysBetween(space, from, to),
    ends: [space.latent(from), space.latent(to)],
  }));
  const linesOn = remembered((map, { ways, ends }) => {
    return Object.values(ways).map((way) => pathOf(way, ...ends, STEPS).map(map.place));
  });
  const discsOn = remembered((map, { ways, ends }, share) => {
    return Object.values(ways).map((way) => map.place(way(...ends, share)));
  });

  return (context, { toScreen, map }) => {
    if (store.from === store.to) return;
    const paths = pathsOf(store.from, store.to);
    const [lines, discs] = [linesOn(map, paths), discsOn(map, paths, store.share)];
    Object.keys(paths.ways).forEach((name, number) => {
      const [colour, dash] = STROKES[name];
      context.beginPath();
      const places = lines[number].map(toScreen);
      for (const place of places) context.lineTo(...place);
      context.setLineDash(dash);
      context.lineWidth = 5;
      context.strokeStyle = styled("raised");
      context.stroke();
      context.lineWidth = 2.2;
      context.strokeStyle = context.fillStyle = styled(colour);
      context.stroke();
      context.setLineDash([]);
      // Where a map tears apart what is near, a path leaps from one dot to the next.
      if (!map.linear) for (const [x, y] of places) context.fillRect(x - 2.5, y - 2.5, 5, 5);
      drawMark(context, toScreen(discs[number]), styled(colour), "disc");
    });
  };
}
