/**
 * The routes of the storage protocol: what each asks for and answers. Checks come in the order of the reference
 * server: route, method, swissnum, secrets, then ranges, existence, and last the body.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { z } from "zod";
import { ADVISORY_BODY_MAX_BYTES, ALLOCATE_BODY_MAX_BYTES, BEFORE_BODY_MAX_BYTES } from "./constants.ts";
import {
  MUTABLE_SHARE_MAX_BYTES,
  SHARE_NUMBERS_MAX,
  SHARE_NUMBER_MAX,
  SMALL_SHARES_BODY_MAX_BYTES,
  WRITE_BODY_MAX_BYTES,
} from "./constants.ts";
import { answerCbor, answerEmpty, answerShare } from "./answers.ts";
import { refuse } from "./refusal.ts";
import { bodyPieces } from "./body-pieces.ts";
import { readBeforeWrite, writeAfter } from "./before-write.ts";
import { cborBody, decodedBody, sharesOf } from "./request-body.ts";
import { checkAccept, checkContentType, readContentRange, readRange, readSecrets } from "./request-headers.ts";
import { LEASE_SECRETS, leaseSecretsOf } from "./request-headers.ts";
import type { SecretKind } from "./request-headers.ts";
import type { StorageMember } from "./room.ts";
import type { ShareKind } from "./share-file.ts";
import { isStorageIndex, shareNumber } from "./share-paths.ts";
import type { ShareStore } from "./share-store.ts";
import type { Clock } from "../../../kernel/clock.ts";

export interface Exchange {
  store: ShareStore;
  clock: Clock;
  /** `name/version`, as in Tahoe-LAFS. */
  application: string;
  request: IncomingMessage;
  response: ServerResponse;
  member: StorageMember;
  storageIndex: string;
  number: number;
  kind: ShareKind;
}

type Handler = (exchange: Exchange) => Promise<void>;

interface Route {
  path: RegExp;
  methods: Readonly<Record<string, Handler>>;
}

const SI = "(?<si>[a-z2-7]{26})";
const NUMBER = "(?<number>[0-9]{1,3})";
const ROUTES: readonly Route[] = [
  { path: /^version$/, methods: { GET: version } },
  { path: path(`lease/${SI}`), methods: { PUT: renew } },
  { path: path(`immutable/${SI}`), methods: { POST: allocate } },
  { path: path(`(?<kind>immutable|mutable)/${SI}/shares`), methods: { GET: list } },
  { path: path(`(?<kind>immutable)/${SI}/${NUMBER}`), methods: { GET: read, PATCH: writeChunk } },
  { path: path(`(?<kind>mutable)/${SI}/${NUMBER}`), methods: { GET: read } },
  { path: path(`immutable/${SI}/${NUMBER}/abort`), methods: { PUT: abort } },
  { path: path(`mutable/${SI}/read-test-write`), methods: { POST: readTestWrite } },
  { path: path(`(?<kind>immutable|mutable)/${SI}/${NUMBER}/corrupt`), methods: { POST: reportCorrupt } },
];
const PREFIX = "/storage/v1/";
/** What Tahoe-LAFS does not know; a client sees in the version document whether a server does. */
const OWN_ROUTES: readonly Route[] = [
  { path: path(`immutable/${SI}`), methods: { POST: storeSmall } },
  { path: path(`mutable/${SI}/read-test-write`), methods: { POST: readTestWriteAfter } },
];
const OWN_PREFIX = "/comu/v1/";
/** In the text that names the application: the schema of the document takes no other key. */
const OWN_WORDS = "comu-small-shares-1 comu-before-write-1";

/** The handler and what the path says. 404 for an unknown path, 405 for a wrong method. */
export function routeOf(
  method: string,
  url: string,
): { handler: Handler; storageIndex: string; number: number; kind: ShareKind } {
  const isOwn = url.startsWith(OWN_PREFIX);
  const below = isOwn || url.startsWith(PREFIX) ? url.slice((isOwn ? OWN_PREFIX : PREFIX).length).split("?")[0]! : "";
  for (const { path: pattern, methods } of isOwn ? OWN_ROUTES : ROUTES) {
    const found = pattern.exec(below);
    if (!found) continue;
    const { si = "", number: digits = "0", kind = "immutable" } = found.groups ?? {};
    const number = shareNumber(digits);
    if ((si !== "" && !isStorageIndex(si)) || number === undefined) break;
    const handler = (Object.hasOwn(methods, method) && methods[method]) || refuse(405, "wrong method");
    return { handler, storageIndex: si, number, kind: kind as ShareKind };
  }
  return refuse(404, "no such path");
}

async function version({ request, response, store, application }: Exchange): Promise<void> {
  secretsOf(request, []);
  checkAccept(request.headers.accept);
  const key = (text: string) => Buffer.from(text);
  const available = store.room.availableBytes();
  const facts = new Map<Uint8Array, number | bigint>([
    [key("maximum-immutable-share-size"), available],
    [key("maximum-mutable-share-size"), MUTABLE_SHARE_MAX_BYTES],
    [key("available-space"), available],
  ]);
  const document = new Map<Uint8Array, unknown>([
    [key("http://allmydata.org/tahoe/protocols/storage/v1"), facts],
    [key("application-version"), key(`${application} ${OWN_WORDS}`)],
  ]);
  answerCbor(response, 200, document);
}

async function renew({ request, response, store, member, storageIndex }: Exchange): Promise<void> {
  await store.renewLeases(member, storageIndex, leaseSecretsOf(secretsOf(request, LEASE_SECRETS)));
  answerEmpty(response, 204);
}

const allocateShape = z.strictObject({
  "share-numbers": z.set(z.int().min(0).max(SHARE_NUMBER_MAX)).max(SHARE_NUMBERS_MAX),
  "allocated-size": z.int().min(0),
});

async function allocate(exchange: Exchange): Promise<void> {
  const { request, response, store, member, storageIndex, clock } = exchange;
  const secrets = secretsOf(request, [...LEASE_SECRETS, "upload-secret"]);
  checkAccept(request.headers.accept);
  checkContentType(request.headers["content-type"]);
  const body = await cborBody(allocateShape, bodyPieces(request, { maxBytes: ALLOCATE_BODY_MAX_BYTES, clock }));
  const { alreadyHave, allocated } = await store.allocate(member, storageIndex, {
    numbers: [...body["share-numbers"]],
    bytes: body["allocated-size"],
    uploadSecret: secrets["upload-secret"],
    secrets: leaseSecretsOf(secrets),
  });
  answerCbor(response, 200, { "already-have": new Set(alreadyHave), allocated: new Set(allocated) });
}

/** As if these shares were allocated and each written whole: complete, and on the disk, when it answers. */
async function storeSmall(exchange: Exchange): Promise<void> {
  const { request, response, store, member, storageIndex, clock } = exchange;
  const secrets = secretsOf(request, [...LEASE_SECRETS, "upload-secret"]);
  checkAccept(request.headers.accept);
  checkContentType(request.headers["content-type"]);
  const body = await decodedBody(bodyPieces(request, { maxBytes: SMALL_SHARES_BODY_MAX_BYTES, clock }));
  const isAll = body instanceof Map && body.size === 1;
  const shares = sharesOf(isAll ? body.get("shares") : refuse(400, "the body has shares, and nothing else"));
  const { alreadyHave, stored } = await store.storeSmall(member, storageIndex, {
    shares,
    uploadSecret: secrets["upload-secret"],
    secrets: leaseSecretsOf(secrets),
  });
  answerCbor(response, stored.length > 0 ? 201 : 200, { "already-have": alreadyHave, stored });
}

async function writeChunk({ request, response, store, storageIndex, number, clock }: Exchange): Promise<void> {
  const secrets = secretsOf(request, ["upload-secret"]);
  checkAccept(request.headers.accept);
  const { first, length } = readContentRange(request.headers["content-range"]);
  const upload = store.uploads.get(storageIndex, number, secrets["upload-secret"]);
  const pieces = bodyPieces(request, { maxBytes: length, clock });
  const required = await store.uploads.write(upload, first, length, pieces);
  answerCbor(response, required.length === 0 ? 201 : 200, { required });
}

async function abort({ request, response, store, storageIndex, number }: Exchange): Promise<void> {
  const secrets = secretsOf(request, ["upload-secret"]);
  if (!store.uploads.find(storageIndex, number)) {
    const share = await store.open("immutable", storageIndex, number);
    await share?.file.close();
    if (share) refuse(405, "the share is complete");
  }
  await store.uploads.abort(store.uploads.get(storageIndex, number, secrets["upload-secret"]));
  answerEmpty(response, 200);
}

async function list({ request, response, store, storageIndex, kind }: Exchange): Promise<void> {
  secretsOf(request, []);
  checkAccept(request.headers.accept);
  answerCbor(response, 200, new Set(await store.numbers(kind, storageIndex)));
}

async function read({ request, response, store, storageIndex, number, kind }: Exchange): Promise<void> {
  secretsOf(request, []);
  const range = readRange(request.headers.range);
  const share = (await store.open(kind, storageIndex, number)) ?? refuse(404, "no such share");
  try {
    const end = Math.min(range?.end ?? share.dataBytes, share.dataBytes);
    const begin = range?.begin ?? 0;
    if (range && begin >= end) {
      answerEmpty(response, 204);
      return;
    }
    const contentRange = range && `bytes ${begin}-${end - 1}/*`;
    await answerShare(response, share, { begin, end, contentRange });
  } finally {
    // Here, and not where the bytes are read: a client that leaves at once lets nobody begin with that.
    await share.file.close();
  }
}

async function readTestWrite({ request, response, store, member, storageIndex, clock }: Exchange): Promise<void> {
  const secrets = secretsOf(request, [...LEASE_SECRETS, "write-enabler"]);
  checkAccept(request.headers.accept);
  checkContentType(request.headers["content-type"]);
  const body = await store.mutable.bodies.receive(bodyPieces(request, { maxBytes: WRITE_BODY_MAX_BYTES, clock }));
  const writeEnabler = secrets["write-enabler"];
  const lease = store.leaseRequest(member, leaseSecretsOf(secrets));
  const { success, data } = await store.mutable.readTestWrite({ member, storageIndex, writeEnabler, lease, body });
  answerCbor(response, 200, { success, data });
}

/** The same after other things were stored: see `before-write.ts`. */
async function readTestWriteAfter({ request, response, store, member, storageIndex, clock }: Exchange): Promise<void> {
  const secrets = secretsOf(request, [...LEASE_SECRETS, "write-enabler"]);
  checkAccept(request.headers.accept);
  checkContentType(request.headers["content-type"]);
  const pieces = bodyPieces(request, { maxBytes: BEFORE_BODY_MAX_BYTES, clock });
  const { before, body } = readBeforeWrite(await decodedBody(pieces));
  const write = { storageIndex, writeEnabler: secrets["write-enabler"], secrets: leaseSecretsOf(secrets), body };
  const { success, data } = await writeAfter(store, member, before, write);
  answerCbor(response, 200, { success, data });
}

const corruptShape = z.strictObject({ reason: z.string().min(1) });

async function reportCorrupt(exchange: Exchange): Promise<void> {
  const { request, response, store, storageIndex, number, kind, clock } = exchange;
  secretsOf(request, []);
  const share = (await store.open(kind, storageIndex, number)) ?? refuse(404, "no such share");
  await share.file.close();
  checkContentType(request.headers["content-type"]);
  const { reason } = await cborBody(corruptShape, bodyPieces(request, { maxBytes: ADVISORY_BODY_MAX_BYTES, clock }));
  await store.advisories.add({ kind, storageIndex, number, reason });
  answerEmpty(response, 200);
}

function secretsOf<K extends SecretKind>(request: IncomingMessage, wanted: readonly K[]): Record<K, Buffer> {
  return readSecrets(request.headersDistinct["x-tahoe-authorization"] ?? [], wanted);
}

function path(text: string): RegExp {
  return new RegExp(`^${text}$`);
}
