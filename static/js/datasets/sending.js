// Sends a file a piece at a time, and goes on where the server says after a lost connection. Pure: what speaks to the
// server is handed in.

const PIECE_BYTES = 8 << 20;
const MAX_FAILURES = 60; // in a row, without a byte having come through: about eight minutes
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 8_000;

/** How long to wait after so many failures in a row. */
export const pauseMs = (failures) => Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (failures - 1));

/** Whether a failure may pass by itself: the server is away, or it has more or less of the file than was thought. */
export const mayPass = (error) => [0, 400, 409, 502, 503, 504].includes(error.status);

/**
 * Send `file` {size, slice} as the upload `id` from byte `offset` on. `server` has put(id, offset, piece, onSent) and
 * get(id), both giving {offset}; `wait(ms)` rejects when the sending is stopped. `onProgress` gets a share in [0, 1],
 * `onPause` whether the server is waited for.
 */
export async function send(file, { id, offset }, server, { wait, onProgress, onPause, pieceBytes = PIECE_BYTES }) {
  let failures = 0;
  while (offset < file.size) {
    const start = offset;
    try {
      const piece = file.slice(start, Math.min(file.size, start + pieceBytes));
      ({ offset } = await server.put(id, start, piece, (num) => onProgress((start + num) / file.size)));
      onPause(false);
    } catch (error) {
      offset = await offsetAfter(error, { id, start, server, wait, onPause, pause: pauseMs(failures + 1) });
    }
    failures = offset > start ? 0 : failures + 1;
    if (failures > MAX_FAILURES) throw new Error("The server has taken nothing of the file for minutes.");
    onProgress(file.size ? offset / file.size : 1);
  }
}

async function offsetAfter(error, { id, start, server, wait, onPause, pause }) {
  if (!mayPass(error)) throw error;
  onPause(true);
  await wait(pause);
  try {
    return (await server.get(id)).offset;
  } catch (another) {
    if (mayPass(another)) return start;
    throw another;
  }
}
