// Clips to click on, and the attention of the small network in them.

const bytesOf = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

async function inflated(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function loaded(address) {
  const image = new Image();
  image.src = address;
  await image.decode();
  return image;
}

// The weights of one block: `heads[i](query)` has those of the query in row `query`, class token
// first. A byte is a share of its row's largest weight, which follows in two bytes for each row
// (mvit_nb.analysis.attention_data.unpack_weights).
function blockReader(bytes, start, [heads, queries, keys]) {
  const peaks = start + heads * queries * keys;
  const row = (head, query) => {
    const number = head * queries + query;
    const peak = (bytes[peaks + 2 * number] + 256 * bytes[peaks + 2 * number + 1]) / 65535;
    const at = start + number * keys;
    return Array.from(bytes.subarray(at, at + keys), (share) => (share / 255) * peak);
  };
  return Array.from({ length: heads }, (_, head) => (query) => row(head, query));
}

async function readBlocks(entry, layout) {
  const bytes = await inflated(bytesOf(entry.attention));
  let start = 0;
  return layout.map(([heads, queries, keys]) => {
    const reader = blockReader(bytes, start, [heads, queries, keys]);
    start += heads * queries * (keys + 2);
    return reader;
  });
}

// A clip of moving shapes, with what the network says of it: frames of equal sides, one under the
// other in one picture.
export async function shapesClip(entry, { layout, classes }) {
  const [strip, blocks] = await Promise.all([
    loaded(`data:image/png;base64,${entry.frames}`), readBlocks(entry, layout)]);
  const side = strip.naturalWidth;
  return {
    blocks,
    verdict: classes[entry.logits.indexOf(Math.max(...entry.logits))],
    draw(context, frame, width, height) {
      context.imageSmoothingEnabled = false;
      context.drawImage(strip, 0, frame * side, side, side, 0, 0, width, height);
    },
  };
}

// Where the camera of the photograph's clip begins and ends: centre y, centre x and side, as parts
// of the photograph (its shorter side, for the side); the one of the lesson on looking inside.
const CAMERA = [[0.4, 0.5, 0.9], [0.33, 0.5, 0.6]];

export async function photographClip(address) {
  const photograph = await loaded(address);
  const { naturalWidth, naturalHeight } = photograph;
  return {
    blocks: null,
    draw(context, frame, width, height, frames) {
      const moment = frames > 1 ? frame / (frames - 1) : 0;
      const [y, x, side] = CAMERA[0].map((from, i) => from + moment * (CAMERA[1][i] - from));
      const scale = (side * Math.min(naturalWidth, naturalHeight)) / Math.max(width, height);
      const [w, h] = [scale * width, scale * height];
      context.imageSmoothingEnabled = true;
      context.drawImage(photograph, x * naturalWidth - w / 2, y * naturalHeight - h / 2, w, h,
        0, 0, width, height);
    },
  };
}
