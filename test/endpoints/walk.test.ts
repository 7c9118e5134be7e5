/**
 * Every endpoint of every service, with every role, on a real box. Roles, inputs and answers come from the contracts
 * alone: an endpoint that is added is walked, and one that forgets to check its caller is found.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { words } from "../../src/cli/words.ts";
import { fail } from "../../src/kernel/errors.ts";
import { ROLES, roleAtLeast } from "../../src/kernel/contract.ts";
import type { Contract, Endpoint, Role } from "../../src/kernel/contract.ts";
import { LANGUAGES } from "../../src/kernel/words.ts";
import { BODY_BYTES_MAX } from "../../src/platform/web/api.ts";
import { peopleContract } from "../../src/services/people/contract.ts";
import { services } from "../../src/services/index.ts";
import { startBox } from "../support/box.ts";
import type { Box } from "../support/box.ts";
import { Caller } from "./caller.ts";
import type { Answer } from "./caller.ts";
import { inputFor, LAST } from "./inputs.ts";
import { bodyFault, codeOf, roleFault } from "./verdict.ts";

interface Walked {
  name: string;
  contract: Contract;
  endpoint: Endpoint;
  input: Record<string, unknown>;
}

const all: Walked[] = services.flatMap(({ contract }) =>
  Object.entries(contract.endpoints).map(([key, endpoint]) => {
    const name = `${contract.name}.${key}`;
    return { name, contract, endpoint, input: inputFor(name, endpoint) };
  }),
);
const isChange = ({ endpoint }: Walked) => endpoint.method !== "GET";
const hasBody = ({ endpoint }: Walked) => /^(?:POST|PUT|PATCH)$/.test(endpoint.method) && !endpoint.bytes;

/** What who is not the host may change. An endpoint that joins them must be put here by somebody who thought of it. */
const CHANGES_BELOW_HOST: Readonly<Partial<Record<Role, readonly string[]>>> = {
  public: ["box.setup", "files.sharedTicket", "files.sharedWrite", "people.accept", "people.signIn"],
  guest: ["discovery.measure", "people.changePassword", "people.signOut"],
  member: [
    ...["compute.addImage", "compute.apply", "compute.cancelSliverFile", "compute.deleteSlice"],
    ...["compute.dropImage", "compute.dropSnapshot", "compute.exec", "compute.launch", "compute.plan"],
    ...["compute.publishPort", "compute.putSliverFile", "compute.renewSlice", "compute.restoreSnapshot"],
    ...["compute.startSlice", "compute.stopSlice", "compute.takeSnapshot", "compute.unpublishPort"],
    ...["files.addDevice", "files.addLink", "files.attach", "files.beginUpload", "files.cancelUpload", "files.check"],
    ...["files.copy", "files.dropDevice", "files.dropLink", "files.emptyTrash", "files.forget", "files.linkTicket"],
    ...["files.makeFolder", "files.makePhrase", "files.move", "files.putPiece", "files.putSmall", "files.recover"],
    ...["files.remove", "files.removePhrase", "files.repair"],
    ...["files.restore", "files.restoreVersion", "files.retryUpload", "files.share", "files.ticket", "files.unshare"],
    ...["kv.add", "kv.cas", "kv.expire", "kv.remove", "kv.set", "kv.write"],
  ],
  steward: ["mesh.admit", "mesh.appointSteward", "mesh.exclude", "mesh.pardon", "mesh.rotateKey", "mesh.setPolicy"],
};

/** What who is not signed in may read. */
const PUBLIC_READS = [
  "discovery.publicPage",
  "files.open",
  "files.shared",
  "mesh.community",
  "mesh.nearby",
  "people.session",
];

const password = (role: Role) => `the password of ${role}`;
const nameOf = (role: Role) => `Account ${role}`;

let box: Box;
const callers = new Map<Role, Caller>();

before(async () => {
  box = await startBox({ name: "Forn", owner: "Anna", newCommunity: "Barri" });
  for (const [index, role] of ROLES.entries()) {
    const caller = new Caller(role, box.url, `127.0.77.${index + 1}`);
    callers.set(role, caller);
    if (role === "public") continue;
    const { link } = await box.api<{ link: string }>("/people-invitations", { method: "POST", body: { role } });
    const token = new URL(link).hash.slice(1);
    const input = { token, name: nameOf(role), password: password(role) };
    const { status, body } = await caller.call(peopleContract.endpoints.accept, input);
    assert.equal(status, 200, JSON.stringify(body));
    assert.equal((body as { role: Role }).role, role);
  }
});

after(async () => {
  await box?.stop();
});

/** The weakest caller who may. */
function weakest({ endpoint }: Walked): Caller {
  return callers.get(endpoint.role)!;
}

async function expectAll(walked: Walked[], ask: (one: Walked) => Promise<Answer>, wanted: string): Promise<void> {
  const faults: string[] = [];
  for (const one of walked) {
    const answer = await ask(one);
    const got = `${answer.status} ${codeOf(answer)}`;
    if (got !== wanted) faults.push(`${one.name}: ${got}`);
    const fault = bodyFault(answer, "en", words);
    if (fault) faults.push(`${one.name}: ${fault}`);
  }
  assert.deepEqual(faults, []);
}

test("what strangers may read, and what others than the host may change, was thought of", () => {
  const open = all.filter((one) => !isChange(one) && one.endpoint.role === "public").map((one) => one.name);
  assert.deepEqual(open.toSorted(), PUBLIC_READS);
  for (const role of ROLES.filter((one) => one !== "host")) {
    const found = all.filter((one) => isChange(one) && one.endpoint.role === role).map((one) => one.name);
    assert.deepEqual(found.toSorted(), CHANGES_BELOW_HOST[role] ?? [], role);
  }
  const early = all.filter((one) => one.endpoint.beforeSignIn).map((one) => one.name);
  assert.deepEqual(early.toSorted(), CHANGES_BELOW_HOST.public);
});

for (const role of ROLES) {
  test(`too weak: ${role} is refused, in three languages`, async () => {
    const faults: string[] = [];
    for (const { name, endpoint, input } of all.filter((one) => !roleAtLeast(role, one.endpoint.role))) {
      for (const language of LANGUAGES) {
        // No matter whether the input is right: who may not, does not learn.
        const sent = language === "en" ? input : { ...input, surplus: "1" };
        const answer = await callers.get(role)!.call(endpoint, sent, { language });
        for (const fault of [roleFault(endpoint, role, answer), bodyFault(answer, language, words)]) {
          if (fault) faults.push(`${name}: ${fault}`);
        }
      }
    }
    assert.deepEqual(faults, []);
  });
}

test("a change without the header that only our page knows", async () => {
  const guarded = all.filter((one) => isChange(one) && !one.endpoint.beforeSignIn);
  for (const sent of [undefined, "wrong"]) {
    const headers = { "x-comu-csrf": sent };
    await expectAll(guarded, (one) => weakest(one).call(one.endpoint, one.input, { headers }), "403 wrong-origin");
  }
});

test("a name that is not ours, a page of another site", async () => {
  const host = { host: "box.example.org" };
  await expectAll(all, (one) => weakest(one).call(one.endpoint, one.input, { headers: host }), "403 wrong-host");
  for (const headers of [{ origin: "http://example.org" }, { origin: "null" }, { "sec-fetch-site": "cross-site" }]) {
    const ask = (one: Walked) => weakest(one).call(one.endpoint, one.input, { headers });
    await expectAll(all.filter(isChange), ask, "403 wrong-origin");
  }
});

test("unknown keys, bodies that are no JSON object, bodies that are too large", async () => {
  const surplus = (one: Walked) => weakest(one).call(one.endpoint, { ...one.input, surplus: "1" });
  await expectAll(all, surplus, "400 bad-input");
  const bodies = all.filter(hasBody);
  for (const rawBody of ["{", "[]", "7"]) {
    await expectAll(bodies, (one) => weakest(one).call(one.endpoint, one.input, { rawBody }), "400 bad-input");
  }
  const plain = { "content-type": "text/plain" };
  await expectAll(
    bodies,
    (one) => weakest(one).call(one.endpoint, one.input, { headers: plain, rawBody: "{}" }),
    "400 bad-input",
  );
  for (const one of all.filter(({ endpoint }) => endpoint.bytes)) {
    const { max, tooLarge = () => fail("too-large") } = one.endpoint.bytes!;
    const { status, code } = tooLarge();
    const rawBody = "x".repeat(max + 1);
    await expectAll([one], () => weakest(one).call(one.endpoint, one.input, { rawBody }), `${status} ${code}`);
  }
  const rawBody = JSON.stringify({ surplus: "x".repeat(BODY_BYTES_MAX) });
  await expectAll(bodies, (one) => weakest(one).call(one.endpoint, one.input, { rawBody }), "413 too-large");
});

/** Signs in again where the walk ended the session. */
async function signIn(role: Role): Promise<void> {
  const input = { name: nameOf(role), password: password(role) };
  const { status } = await callers.get(role)!.call(peopleContract.endpoints.signIn, input);
  assert.equal(status, 200, role);
}

for (const role of ROLES) {
  test(`strong enough: ${role} gets through`, async () => {
    const faults: string[] = [];
    const may = all.filter((one) => roleAtLeast(role, one.endpoint.role));
    const order = (one: Walked) => LAST.indexOf(one.name);
    for (const { name, endpoint, input } of may.toSorted((a, b) => order(a) - order(b))) {
      if (order({ name } as Walked) > 0 && role !== "public") await signIn(role);
      const answer = await callers.get(role)!.call(endpoint, input);
      const fault = roleFault(endpoint, role, answer);
      if (fault) faults.push(`${name}: ${fault}`);
    }
    assert.deepEqual(faults, []);
  });
}

test("what is no endpoint is not found, in the form of every error", async () => {
  const nothing = { ...peopleContract.endpoints.session, path: "/nothing/here" } as Endpoint;
  const answer = await callers.get("host")!.call(nothing, {}, { language: "ca" });
  assert.equal(`${answer.status} ${codeOf(answer)}`, "404 not-found");
  assert.equal(bodyFault(answer, "ca", words), undefined);
});

test("the walk finds faults", () => {
  const hostOnly = all.find((one) => one.endpoint.role === "host")!;
  const judge = (role: Role, status: number, body: unknown) =>
    roleFault(hostOnly.endpoint, role, { status, headers: {}, body });
  const error = (code: string) => ({ error: { code, message: "", advice: "", params: {} } });
  assert.match(judge("member", 200, {}) ?? "", /member got 200/);
  assert.match(judge("public", 403, error("not-allowed")) ?? "", /not 401/);
  assert.match(judge("member", 400, error("bad-input")) ?? "", /not 403/);
  for (const code of ["not-signed-in", "not-allowed", "not-found", "internal", "bad-input"]) {
    assert.match(judge("host", 400, error(code)) ?? "", /may, but got/);
  }
  const said = { status: 404, headers: {}, body: error("not-found") };
  assert.match(bodyFault(said, "ca", words) ?? "", /says "" in ca/);
});
