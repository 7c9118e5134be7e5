/** Whether somebody listens at a TCP port of this machine, found out by listening there for a moment. */
import { createServer } from "node:net";

/** On all addresses (IPv4), as a server that others are to reach would. */
export function isPortFree(port: number, host = "0.0.0.0"): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
