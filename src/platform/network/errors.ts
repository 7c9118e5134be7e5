/** What can go wrong with the machine's network, as stable codes. */
import { defineErrors } from "../../kernel/errors.ts";

export const networkErrors = defineErrors({
  /** A program is not installed. Nothing was done. Params: tool, package. */
  "network-tool-missing": 501,
  /** This account may not change the network. Params: said. */
  "network-not-allowed": 403,
  /** The system did not take it. Params: tool, said. */
  "network-refused": 502,
});

export const fail = networkErrors.fail;
