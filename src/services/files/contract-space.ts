/** The endpoints about the grid and this box's part in it: status, giving disk, lists of servers, devices. */
import { z } from "zod";
import { bytesAnswer, endpoint } from "../../kernel/contract.ts";
import { device, filesStatus, folderPath, given, id, size } from "./shapes.ts";

/** Of a servers.yaml that is taken in. */
export const SERVERS_YAML_BYTES_MAX = 256 * 1024;

const PUBLIC_KEY = /^(?:sk-)?(?:ssh|ecdsa)-\S+ [A-Za-z0-9+/]+=*(?:\s.*)?$/;
const PUBLIC_KEY_EXAMPLE = "a line such as: ssh-ed25519 AAAA… name";
const SERVER_COLUMNS = ["name", "owner", "zone", "state", "availableBytes", "responseMs", "origin", "id"];

const port = z.number().int().min(0).max(65_535);

export const spaceEndpoints = {
  status: endpoint({
    method: "GET",
    path: "/files/status",
    role: "guest",
    summary: "The storage servers, what this box gives, and how the files are",
    input: z.strictObject({}),
    output: filesStatus,
    cli: { command: "files status", columns: SERVER_COLUMNS },
  }),
  give: endpoint({
    method: "POST",
    path: "/files/give",
    role: "host",
    summary: "Gives disk of this box to the files of the community",
    input: z.strictObject({ size: size.describe("How much, such as 100GiB; off: nothing more") }),
    output: filesStatus,
    cli: { command: "files give", positional: ["size"], columns: SERVER_COLUMNS },
  }),
  stopGiving: endpoint({
    method: "DELETE",
    path: "/files/give",
    role: "host",
    summary: "Gives no disk any more: what is stored here stays and can be read until the service is switched off",
    input: z.strictObject({}),
    output: filesStatus,
  }),
  given: endpoint({
    method: "GET",
    path: "/files/given",
    role: "host",
    summary: "Who stores how much on this box",
    input: z.strictObject({}),
    output: z.array(given),
    cli: {
      command: "files given",
      columns: ["box", "owner", "account", "usedBytes", "quotaBytes", "boxUsedBytes", "boxQuotaBytes", "member"],
    },
  }),
  exportServers: endpoint({
    method: "GET",
    path: "/files/servers.yaml",
    role: "host",
    summary: "The storage servers, as a client of Tahoe-LAFS reads them from private/servers.yaml",
    input: z.strictObject({}),
    output: bytesAnswer,
    answerType: "application/yaml",
    cli: { command: "files export-servers", toFile: "file" },
  }),
  importServers: endpoint({
    method: "POST",
    path: "/files/servers",
    role: "host",
    summary: "Takes storage servers of Tahoe-LAFS into the list, from a servers.yaml: the bytes of the body",
    input: z.strictObject({}),
    output: z.object({ added: z.number(), servers: z.array(z.object({ id: z.string(), name: z.string() })) }),
    bytes: { max: SERVERS_YAML_BYTES_MAX },
    cli: { command: "files import-servers", bytes: { file: "file" }, rows: "servers", columns: ["id", "name"] },
  }),
  dropServer: endpoint({
    method: "DELETE",
    path: "/files/servers/:id",
    role: "host",
    summary: "Takes an imported storage server off the list",
    input: z.strictObject({ id }),
    output: z.object({}),
    cli: { command: "files drop-server", positional: ["id"] },
  }),
  devices: endpoint({
    method: "GET",
    path: "/files/devices",
    role: "member",
    summary: "The devices that may open your files by WebDAV and SFTP",
    input: z.strictObject({}),
    output: z.array(device),
    cli: { command: "files devices", columns: ["id", "name", "user", "mayWrite", "path", "lastUsedAt"] },
  }),
  addDevice: endpoint({
    method: "POST",
    path: "/files/devices",
    role: "member",
    summary: "A name and password for a device, by which it opens your files",
    input: z.strictObject({
      name: z.string().trim().min(1).max(60).describe("What the device is called"),
      mayWrite: z.boolean().default(true).describe("Otherwise it can only read"),
      path: folderPath,
      publicKey: z
        .string()
        .trim()
        .max(4_000)
        .regex(PUBLIC_KEY, PUBLIC_KEY_EXAMPLE)
        .optional()
        .describe("For SFTP: the line of an OpenSSH public key"),
    }),
    /** The password is told this once. */
    output: device.extend({ password: z.string() }),
    cli: { command: "files add-device", positional: ["name"] },
  }),
  dropDevice: endpoint({
    method: "DELETE",
    path: "/files/devices/:id",
    role: "member",
    summary: "Takes the access of a device away",
    input: z.strictObject({ id }),
    output: z.object({}),
    cli: { command: "files drop-device", positional: ["id"] },
  }),
  access: endpoint({
    method: "PATCH",
    path: "/files/access",
    role: "host",
    summary: "Opens or closes the doors for devices",
    input: z.strictObject({
      webdavPort: port.optional().describe("For WebDAV; 0 closes it"),
      sftpPort: port.optional().describe("For SFTP; 0 closes it"),
    }),
    output: filesStatus,
    cli: { command: "files access", columns: SERVER_COLUMNS },
  }),
};
