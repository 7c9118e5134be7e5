/** Limits of the commands that change the machine's network, with the reason. */

/** They answer in some milliseconds; a machine that is very busy still gets them done. */
export const NETWORK_COMMAND_TIMEOUT_MS = 20_000;
/** Of what one says: the routes and rules of 256 slivers are far below. */
export const NETWORK_OUTPUT_BYTES_MAX = 4 * 1024 * 1024;
/** Of what it said when it failed: the first lines tell. */
export const NETWORK_SAID_CHARS_MAX = 500;
/** What fits into a tunnel over links of 1500 bytes, IPv6 outside. */
export const TUNNEL_MTU = 1420;
/** Opens the way through a NAT again before it forgets it. */
export const TUNNEL_KEEPALIVE_S = 25;
/** Marks our routes, so that no others are touched. */
export const ROUTE_PROTOCOL = 201;
/** Behind those that an engine sets for its own containers (1024). */
export const ROUTE_METRIC = 4096;
/** A table of rules that is loaded anew is taken away first, and there again long before this. */
export const TABLE_GONE_AFTER_MS = 200;
