/** When a piece of an answer has gone out: until then its memory is in use. */
import type { ServerResponse } from "node:http";

/** Whether it has; false for a connection that is closed, which may still hold it. */
export function written(response: ServerResponse, piece: Uint8Array): Promise<boolean> {
  return new Promise((resolve) => {
    const gone = () => resolve(false);
    if (response.destroyed) gone();
    else {
      response.once("close", gone);
      response.write(piece, (error) => {
        response.off("close", gone);
        resolve(!error);
      });
    }
  });
}
