/** Where the tunnel of a host listens. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { TUNNEL_PORT_ABOVE } from "../constants.ts";
import { tunnelPort } from "./network-parts.ts";

test("as the settings say, else a fixed way from the mesh, and always a port", () => {
  assert.equal(tunnelPort(51_820, 7946), 51_820);
  assert.equal(tunnelPort(0, 7946), 7946 + TUNNEL_PORT_ABOVE);
  assert.equal(tunnelPort(0, 65_535 - TUNNEL_PORT_ABOVE), 65_535);
  assert.equal(tunnelPort(0, 65_535), 65_535 - TUNNEL_PORT_ABOVE);
});
