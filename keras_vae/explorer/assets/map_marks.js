// What marks a place or an area of a map.

import { styled } from "./colours.js";

export function drawOutline(context, corners, colour) {
  context.beginPath();
  for (const corner of corners) context.lineTo(...corner);
  context.closePath();
  context.fillStyle = context.strokeStyle = colour;
  context.lineWidth = 1.5;
  context.globalAlpha = 0.12;
  context.fill();
  context.globalAlpha = 1;
  context.stroke();
}

export function drawMark(context, [x, y], colour, kind, wide = 2) {
  context.beginPath();
  if (kind === "ring") context.arc(x, y, 7.5, 0, 2 * Math.PI);
  if (kind === "disc") context.arc(x, y, 5, 0, 2 * Math.PI);
  if (kind === "diamond") {
    for (const [right, down] of [[0, -8], [8, 0], [0, 8], [-8, 0], [0, -8]]) context.lineTo(x + right, y + down);
  }
  if (kind === "cross") {
    for (const [right, down] of [[9, 0], [0, 9]]) {
      context.moveTo(x - right, y - down);
      context.lineTo(x + right, y + down);
    }
  }
  context.lineWidth = wide + 3;
  context.strokeStyle = styled("raised");
  context.stroke();
  context.lineWidth = wide;
  context.strokeStyle = context.fillStyle = colour;
  if (kind === "disc" || kind === "diamond") context.fill();
  else context.stroke();
}
